//! Certified mail (PEC; DPR 68/2005, DM 2-11-2005): read, classified, verified; and written.
//!
//! What enters: the bytes of a message, the providers somebody believes in, an instant. What leaves: what the message is, what
//! it certifies, whether its signature holds, the message inside with its files ([`leggi`]); and bytes of messages to send
//! ([`componi`]) or of a provider for trials ([`genera`]). What never happens here: a message is dropped; something is told by
//! its subject; anything is fetched; a socket, a clock, a database. `docs/pec.md` says what each answer means.

pub mod allegato;
pub mod componi;
mod data;
pub mod daticert;
mod dsn;
pub mod firma;
pub mod genera;
mod lettura;
pub mod mime;
mod rilievo;
mod scrittura;
mod sunto;
mod tipo;

pub use data::Data;
pub use lettura::{Lettura, leggi};
pub use rilievo::{Codice, RILIEVI_MAX, Rilievo};
pub use sunto::{Sunto, SuntoAllegato, SuntoFirma, SuntoMessaggio};
pub use tipo::{ErrorePec, Ricevuta, Tipo, TipoDestinatario};
