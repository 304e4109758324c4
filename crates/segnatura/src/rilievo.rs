//! What is wrong in a document, where, and how much it matters.

use std::fmt;

use serde::Serialize;

/// How many findings are kept; the rest are only counted.
pub const RILIEVI_MAX: usize = 100;

/// How much of a foreign value is repeated in a message, in characters.
const VALORE_MAX: usize = 80;

/// Whether a finding makes the document invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gravita {
    /// Worth knowing; the document is read and taken as valid.
    Avviso,
    /// The document is not valid.
    Errore,
}

/// What kind of thing is wrong: stable names, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codice {
    /// Longer, deeper or more numerous than what is read.
    Limite,
    /// Bytes that do not agree with the declared encoding.
    Codifica,
    /// Not well-formed XML.
    MalFormato,
    /// A DTD inside of the document: it is not read.
    DtdInterna,
    /// An entity of its own: never expanded.
    Entita,
    /// The root is of no known message.
    Radice,
    /// Known names in the wrong namespace.
    SpazioDeiNomi,
    /// An element that must be there is not.
    ElementoMancante,
    /// An element nobody knows.
    ElementoNonPrevisto,
    /// A known element, but not here.
    ElementoFuoriPosto,
    /// Text where only elements may be.
    TestoNonPrevisto,
    /// An attribute that must be there is not.
    AttributoMancante,
    /// An attribute nobody knows.
    AttributoNonPrevisto,
    /// The right attribute without the prefix of the namespace: the most common mistake with the 3.0.0.
    AttributoSenzaPrefisso,
    /// A value outside of its type.
    Valore,
    /// Not the one value that the schema fixes.
    ValoreFisso,
    /// The same `Id` twice.
    IdDoppio,
    /// A reference to an `Id` that is not there.
    IdMancante,
    /// A digest algorithm outside of Table 1 of Allegato 6 (R-C09).
    Algoritmo,
    /// An impronta that cannot be of its algorithm.
    Impronta,
    /// A value that old generations ask for in words and not in their schema.
    Regola,
    /// A message between AOO without a file that its segnatura names.
    FileMancante,
    /// A file that has not the impronta that the segnatura says.
    FileDiverso,
}

impl Codice {
    /// Whether a schema of that generation, strictly applied, says the same.
    pub fn di_schema(self) -> bool {
        !matches!(self, Self::Algoritmo | Self::Impronta | Self::Regola | Self::FileMancante | Self::FileDiverso)
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rilievo {
    /// How much it matters.
    pub gravita: Gravita,
    /// What kind of thing.
    pub codice: Codice,
    /// Where: `/Segnatura/Intestazione/Destinazione[2]/@confermaRicezione`.
    pub percorso: String,
    /// On which line; 0 if it is of the whole document.
    pub riga: u32,
    /// In words, for people.
    pub messaggio: String,
    /// Name of the element or attribute that is missing, too many or wrong.
    #[serde(skip)]
    pub nome: String,
}

impl fmt::Display for Rilievo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.riga {
            0 => write!(f, "{}: {}", self.percorso, self.messaggio),
            riga => write!(f, "riga {riga}, {}: {}", self.percorso, self.messaggio),
        }
    }
}

/// Findings, up to a limit.
#[derive(Debug, Default)]
pub(crate) struct Rilievi {
    voci: Vec<Rilievo>,
    tralasciati: usize,
}

impl Rilievi {
    pub(crate) fn aggiungi(&mut self, codice: Codice, nome: &str, dove: (String, u32), messaggio: String) {
        let (percorso, riga) = dove;
        let nome = nome.to_owned();
        if self.voci.len() < RILIEVI_MAX {
            self.voci.push(Rilievo { gravita: Gravita::Errore, codice, percorso, riga, messaggio, nome });
        } else {
            self.tralasciati += 1;
        }
    }

    /// Of the whole document.
    pub(crate) fn generale(&mut self, codice: Codice, messaggio: impl Into<String>) {
        self.aggiungi(codice, "", ("/".to_owned(), 0), messaggio.into());
    }

    /// Whether there is no room: who only adds more of the same may stop.
    pub(crate) fn pieni(&self) -> bool {
        self.voci.len() >= RILIEVI_MAX
    }

    pub(crate) fn tutti(mut self) -> Vec<Rilievo> {
        if self.tralasciati > 0 {
            self.voci.push(Rilievo {
                gravita: Gravita::Errore,
                codice: Codice::Limite,
                percorso: "/".to_owned(),
                riga: 0,
                messaggio: format!("altri {} rilievi non sono elencati", self.tralasciati),
                nome: String::new(),
            });
        }
        self.voci
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
