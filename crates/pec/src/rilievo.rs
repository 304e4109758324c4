//! What is wrong or odd in a message: never a reason to drop it (R-D29, R-E05).

use serde::Serialize;

/// Findings kept of one message.
pub const RILIEVI_MAX: usize = 100;
/// How much of a foreign value is repeated, in characters.
const VALORE_MAX: usize = 80;

/// What kind of thing: stable names, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codice {
    /// More than what is read: the rest of the message is there, unread.
    Limite,
    /// Not MIME as it should be.
    Mime,
    /// A charset or a transfer encoding that is unknown, or not what the bytes are.
    Codifica,
    /// `daticert.xml` is missing, twice, or not as its DTD wants it.
    Daticert,
    /// Two places say two things.
    Discorde,
    /// Something of the signature of the provider.
    Firma,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rilievo {
    /// What kind.
    pub codice: Codice,
    /// In words, for people.
    pub messaggio: String,
}

/// Findings, up to a limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Rilievi(Vec<Rilievo>);

impl Rilievi {
    pub(crate) fn aggiungi(&mut self, codice: Codice, messaggio: impl Into<String>) {
        let nuovo = Rilievo { codice, messaggio: messaggio.into() };
        // What happens in a thousand parts is said once.
        if self.0.len() < RILIEVI_MAX && !self.0.contains(&nuovo) {
            self.0.push(nuovo);
        }
    }

    pub(crate) fn unisci(&mut self, altri: Self) {
        for r in altri.0 {
            self.aggiungi(r.codice, r.messaggio);
        }
    }

    pub(crate) fn tutti(self) -> Vec<Rilievo> {
        self.0
    }
}

/// A foreign value as it may be shown: short, on one line.
pub(crate) fn corto(valore: &str) -> String {
    let mut corto: String = valore.chars().take(VALORE_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if valore.chars().nth(VALORE_MAX).is_some() {
        corto.push('…');
    }
    corto
}
