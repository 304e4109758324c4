//! The register as values and rules.
//!
//! A **command** comes in, is judged against the configuration and the state it finds, and becomes an **operation**
//! ([`operazione`]); state is the fold of operations ([`storia`]). Everything here is pure: no I/O, no clock, no SQL,
//! no randomness. Time is given; numbers, indices and instants are given by the writer of the store, never here.
//!
//! | room | what it holds |
//! |---|---|
//! | [`codici`] | codice fiscale, partita IVA, IPA and office codes, impronte |
//! | [`testo`], [`analisi`] | texts that enter the register; texts for search |
//! | [`tempo`] | instants, civil days of Rome, clocks to inject |
//! | [`soggetto`], [`registrazione`] | correspondents and registrations |
//! | [`permessi`], [`accessi`] | roles, rights, who acts; how long it is kept who saw what |
//! | [`configurazione`] | ente, AOO, offices, users, titolario |
//! | [`nuova`], [`comandi`], [`annullamento`] | commands and their rules |
//! | [`epoca`] | what a restored archive declares it may have given out |
//! | [`operazione`], [`piatto`] | what the log keeps, and its flat form |
//! | [`storia`] | the fold, comparison, the shape of answers |
//! | [`lettura`], [`errori`] | JSON from outside, refusals that name the field |

pub mod accessi;
pub mod analisi;
pub mod annullamento;
pub mod codici;
pub mod comandi;
pub mod configurazione;
pub mod epoca;
pub mod errori;
pub mod lettura;
pub mod nuova;
pub mod operazione;
pub mod permessi;
pub mod piatto;
pub mod registrazione;
pub mod sigillo;
pub mod soggetto;
pub mod storia;
pub mod tempo;
pub mod testo;
pub mod timbro;
pub mod validita;
