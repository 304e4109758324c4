//! Signatures of a file.

use askama::Template;

use super::Guscio;
use super::registro::Riga;

/// What is known of the signatures of a file, in the page of its registration or in its own.
#[derive(Debug, Clone, Default)]
pub struct Firme {
    /// Address of its own page, to which who asks for an examination writes.
    pub qui: String,
    /// Nobody has looked yet.
    pub in_corso: bool,
    /// The examination shown; none when there is none, or it is too long for the page of a registration.
    pub esame: Option<Esame>,
    /// How many examinations there are.
    pub quanti: u32,
}

/// An examination.
#[derive(Debug, Clone, Default)]
pub struct Esame {
    /// When, and who asked, in words.
    pub quando: String,
    /// As of when certificates were judged, in words.
    pub al: String,
    /// Something was believed in.
    pub con_fiducia: bool,
    /// Signatures, as many as a page has room for.
    pub firme: Vec<Firma>,
    /// How many more there are.
    pub altre: usize,
    /// What could not be examined, and other facts.
    pub detti: Vec<String>,
    /// What the envelopes have inside: address, name, size.
    pub contenuti: Vec<(String, String, String)>,
}

/// A signature, with each answer apart.
#[derive(Debug, Clone, Default)]
pub struct Firma {
    /// Who.
    pub chi: String,
    /// Codice fiscale, who issued the certificate, when, on what: in words.
    pub righe: Vec<String>,
    /// Is it intact?
    pub integrita: Risposta,
    /// Who is it?
    pub identita: Risposta,
    /// Was the certificate revoked?
    pub revoca: Risposta,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Risposta {
    /// `si`, `no`, `forse`.
    pub codice: &'static str,
    /// In words.
    pub parole: String,
}

/// The page of the signatures of a file: every examination, newest first.
#[derive(Debug, Template)]
#[template(path = "firme.html")]
pub struct Verifiche {
    /// Around the page.
    pub g: Guscio,
    /// The registration in one line.
    pub r: Riga,
    /// Address of the page.
    pub qui: String,
    /// Name of the file.
    pub nome: String,
    /// Its hash.
    pub impronta: String,
    /// Nobody has looked yet.
    pub in_corso: bool,
    /// The examinations.
    pub esami: Vec<Esame>,
    /// How many older ones are not shown.
    pub altre: usize,
}
