//! C2SP `tlog-checkpoint`: origin, size and root of a tree, as the text of a signed note.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Hash;
use crate::nota::{ChiaveFirma, ChiavePubblica, ErroreNota, Nota, apri_nota, firma_nota};

/// Why a checkpoint is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreCheckpoint {
    /// The note around it.
    #[error(transparent)]
    Nota(#[from] ErroreNota),
    /// The text is not a checkpoint.
    #[error("il checkpoint non è ben formato: {0}")]
    Forma(&'static str),
    /// Of another log.
    #[error("il checkpoint è del registro {trovata}, non di {attesa}")]
    Origine {
        /// The log wanted.
        attesa: String,
        /// The log it is of.
        trovata: String,
    },
}

/// What a log commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: given when it is created, never changed.
    pub origine: String,
    /// How many entries.
    pub dimensione: u64,
    /// Root over them.
    pub radice: Hash,
    /// Further lines, kept as they are.
    pub estensioni: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extensions.
    #[must_use]
    pub fn nuovo(origine: &str, dimensione: u64, radice: Hash) -> Self {
        Self { origine: origine.to_owned(), dimensione, radice, estensioni: Vec::new() }
    }

    /// The text of the note.
    #[must_use]
    pub fn testo(&self) -> String {
        let mut t = format!("{}\n{}\n{}\n", self.origine, self.dimensione, STANDARD.encode(self.radice));
        for e in &self.estensioni {
            t.push_str(e);
            t.push('\n');
        }
        t
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// Anything but the canonical form.
    pub fn leggi(testo: &str) -> Result<Self, ErroreCheckpoint> {
        let corpo = testo.strip_suffix('\n').ok_or(ErroreCheckpoint::Forma("non finisce con un a capo"))?;
        let mut righe = corpo.split('\n');
        let (Some(origine), Some(dimensione), Some(radice)) = (righe.next(), righe.next(), righe.next()) else {
            return Err(ErroreCheckpoint::Forma("ha meno di tre righe"));
        };
        if origine.is_empty() {
            return Err(ErroreCheckpoint::Forma("manca l'origine"));
        }
        let n: u64 = dimensione.parse().map_err(|_| ErroreCheckpoint::Forma("dimensione errata"))?;
        if n.to_string() != dimensione {
            return Err(ErroreCheckpoint::Forma("dimensione non canonica"));
        }
        let byte = STANDARD.decode(radice).map_err(|_| ErroreCheckpoint::Forma("radice errata"))?;
        let radice: Hash = byte.try_into().map_err(|_| ErroreCheckpoint::Forma("la radice non ha 32 byte"))?;
        let estensioni: Vec<String> = righe.map(str::to_owned).collect();
        if estensioni.iter().any(String::is_empty) {
            return Err(ErroreCheckpoint::Forma("estensione vuota"));
        }
        Ok(Self { origine: origine.to_owned(), dimensione: n, radice, estensioni })
    }

    /// Signs it.
    ///
    /// # Errors
    /// An origin that cannot stand in a note.
    pub fn firma(&self, chiavi: &[&ChiaveFirma]) -> Result<String, ErroreCheckpoint> {
        Ok(firma_nota(&self.testo(), chiavi)?)
    }

    /// Opens a signed checkpoint; at least one of the keys given must have signed it.
    ///
    /// # Errors
    /// The note's, or the form.
    pub fn apri(nota: &str, chiavi: &[ChiavePubblica]) -> Result<(Self, Nota), ErroreCheckpoint> {
        let aperta = apri_nota(nota, chiavi)?;
        Ok((Self::leggi(&aperta.testo)?, aperta))
    }
}
