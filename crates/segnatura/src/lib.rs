//! Segnatura: the XML that travels with a registered document, and the messages that come back for it.
//!
//! One model ([`modello`]) for every generation: the DTD of 2001 and 2009, circolare 60/2013, and the 3.0.0 of Allegato 6,
//! which is the only segnatura we write. What comes from outside is [read leniently](leggi): everything that is wrong is
//! listed with its path, nothing is fetched, time and memory are bounded. What leaves is [written strictly](scrittura): it
//! is valid by the official schema, or it is not written.
//!
//! The rules are the official schemas themselves, in the binary, read by a small interpreter: no C library. xmllint, with
//! the same schemas, is asked in the tests. What never happens here: HTTP, SQL, files, clocks, keys; and whether the seal
//! holds is said by whoever is plugged in at [`GiudiceFirma`]. `docs/segnatura.md` tells the traps.

mod albero;
mod algoritmo;
mod firma;
mod giudizio;
mod grammatica;
mod lettura;
pub mod modello;
mod rilievo;
pub mod scrittura;
mod sunto;
mod testo;

pub use albero::{Limiti, xml_leggibile};
pub use algoritmo::Algoritmo;
pub use firma::{Certificato, Firma, GiudiceFirma, NessunGiudice};
pub use grammatica::{NS_2013, NS_DS, NS_MESSAGGI, NS_PEC, NS_PROT};
pub use lettura::{Contenuto, FileContenuto, Lettura, Tipo, leggi, leggi_con};
pub use rilievo::{Codice, Gravita, RILIEVI_MAX, Rilievo};
pub use sunto::Sunto;
