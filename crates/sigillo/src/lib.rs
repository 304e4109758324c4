//! Seals of the administration and signatures of ours, **made** (TUDA art. 55, CAD art. 20 and 23-bis, Allegato 6 § 2):
//! XAdES baseline B inside the segnatura, PAdES B-B and B-T inside a PDF, CAdES beside or around anything, with a key that
//! is in a file ([`software`]), in a device ([`pkcs11`]) or at a provider ([`csc`]). What others sealed is judged by the
//! crate `firme`, whose readers of ASN.1 and of certificates are the ones used here.
//!
//! What enters: bytes, a [`Sealer`], the instant. What leaves: new bytes, never the same ones altered. What never happens
//! here: a signature that was not verified with the certificate of the seal is used ([`Firma`] cannot be made otherwise);
//! a PIN that was refused is tried again; a secret is shown ([`Segreto`]); the clock is read.
//!
//! R-C10, R-C11.

pub mod algoritmo;
pub mod cades;
pub mod certificato;
pub mod cms;
pub mod csc;
pub mod der;
pub mod dimostrazione;
pub mod pades;
pub mod pkcs11;
pub mod pkcs12;
mod rete;
pub mod richiesta;
pub mod riscontro;
pub mod sealer;
pub mod segreto;
pub mod software;
pub mod tsa;
pub mod xades;

pub use algoritmo::Algoritmo;
pub use certificato::{Certificato, StatoCertificato};
pub use sealer::{Errore, Firma, Identita, Sealer};
pub use segreto::Segreto;
