//! Examinations of the signatures of registered files (R-H09): what waits for one, what was found.

use dominio::codici::{Impronta, NomeUtente};
use dominio::tempo::Istante;

/// Longest verdict that is kept, in bytes.
pub const ESITO_MAX: usize = 512 * 1024;
/// Examinations of one document.
pub const ESAMI_MAX: i64 = 50;

/// How far the files of an AOO were looked at: past a document, and how often what comes after it was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segno {
    pub(crate) op: i64,
    pub(crate) n: i64,
    /// How often what comes next was begun, and did not end.
    pub tentativi: i64,
}

/// A document that nobody has examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaEsaminare {
    pub(crate) reg: i64,
    pub(crate) op: i64,
    /// Its place in its registration.
    pub n: u32,
    /// Its bytes.
    pub impronta: Impronta,
    /// How many they are.
    pub byte: u64,
    /// When it was registered: certificates are judged as of then.
    pub riferimento: Istante,
}

impl DaEsaminare {
    /// How far one is once this one is done.
    pub fn fatto(&self) -> Segno {
        Segno { op: self.op, n: i64::from(self.n), tentativi: 0 }
    }
}

/// What comes next in an AOO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lotto {
    /// How far one was.
    pub da: Segno,
    /// How far one is once all of it is done.
    pub fino: Segno,
    /// The documents in between.
    pub documenti: Vec<DaEsaminare>,
}

/// What an examination found, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Esame {
    /// When it was made.
    pub istante: Istante,
    /// The version of the program that made it.
    pub versione: String,
    /// What was believed in: SHA-256 of the anchors, lists and revocations, hexadecimal; blank without any.
    pub fiducia: String,
    /// The verdict, JSON of at most [`ESITO_MAX`] bytes.
    pub esito: String,
}

/// An examination as it was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EsameScritto {
    /// Which document of the registration.
    pub n: u32,
    /// The how manieth of that document.
    pub k: u32,
    /// The bytes that were examined.
    pub impronta: Impronta,
    /// As of when certificates were judged, where no timestamp proves another instant.
    pub riferimento: Istante,
    /// Who asked for it; nobody for the one that follows a registration.
    pub chi: Option<NomeUtente>,
    /// What was found.
    pub esame: Esame,
}

/// What is known of the files of a registration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EsamiDi {
    /// Documents that nobody has looked at yet.
    pub in_attesa: Vec<u32>,
    /// How many examinations each document has that has some.
    pub quanti: Vec<(u32, u32)>,
    /// Examinations, by document and newest first; where all were not asked for, the last of each, as far as they are together
    /// no longer than was asked.
    pub esami: Vec<EsameScritto>,
}
