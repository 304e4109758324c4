//! Signatures, seals and timestamps of others, checked (R-C12, R-H09, R-H10).
//!
//! What comes in: bytes that somebody else made, the anchors that somebody configured, an instant. What goes out: facts, each
//! of them apart, never one green tick ([`esame::Esame`]). What never happens here: a private key, the network, a clock, a file
//! opened because a document names it. `docs/firme.md` says what each answer means and what is not done.

mod asic;
pub mod asn1;
mod cades;
pub mod canonica;
pub mod chiave;
pub mod cms;
pub mod esame;
pub mod fiducia;
pub mod impronte;
mod involucro;
mod m7m;
pub mod marca;
mod pades;
mod tsd;
pub mod x509;
mod xades;

pub use esame::{Esame, Firma, esamina, estrai};
pub use fiducia::Fiducia;
