//! Writing, strictly: what leaves is valid by the official schema, or it does not leave (R-C05, R-C13).
//!
//! The segnatura is made without its seal, in the form that exclusive canonicalisation gives, with a mark where
//! `ds:Signature` goes: the last child, straight before the end tag of the root, without a blank (R-C10). Return messages
//! carry no seal and are written in the generation of what they answer (R-D27).

mod messaggi;
mod penna;
mod regole;
mod segnatura;

pub use penna::Penna;
pub use segnatura::NonSigillata;

use crate::lettura;
use crate::rilievo::{Codice, Gravita, Rilievo};

/// Why something is not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rifiuto {
    /// Where, as a path of the document that would have been.
    pub percorso: String,
    /// What is wrong with it, for people.
    pub messaggio: String,
}

/// A document that would not be valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", elenco(.0))]
pub struct NonScrivibile(pub Vec<Rifiuto>);

fn elenco(rifiuti: &[Rifiuto]) -> String {
    let voci: Vec<String> = rifiuti.iter().map(|r| format!("{}: {}", r.percorso, r.messaggio)).collect();
    format!("il documento non sarebbe valido: {}", voci.join("; "))
}

/// Judges what was written as if it had been received: nothing at all may be wrong with it, but the `versione` if it is
/// that of somebody else's dialect.
fn rileggi(xml: &str, versione_altrui: bool) -> Result<(), NonScrivibile> {
    let lettura = lettura::leggi(xml.as_bytes());
    // Whatever the schema says is an error here, also what is forgiven to others.
    let altrui = |r: &Rilievo| versione_altrui && r.codice == Codice::ValoreFisso && r.nome == "versione";
    let grave = |r: &&Rilievo| (r.gravita == Gravita::Errore || r.codice.di_schema()) && !altrui(r);
    let rifiuti: Vec<Rifiuto> = lettura
        .rilievi
        .iter()
        .filter(grave)
        .map(|r| Rifiuto { percorso: r.percorso.clone(), messaggio: r.messaggio.clone() })
        .collect();
    if rifiuti.is_empty() { Ok(()) } else { Err(NonScrivibile(rifiuti)) }
}
