//! What one examination may cost at most, and what is taken out on the way.

use super::Contenuto;
use crate::impronte::Coperto;

/// Bytes of a file.
pub const BYTE_MAX: usize = 256 << 20;
/// Envelopes one inside the other.
pub const LIVELLI_MAX: usize = 16;
/// Envelopes in a file.
pub const BUSTE_MAX: usize = 256;
/// Signatures, countersignatures and timestamps in a file.
pub const FIRME_MAX: usize = 500;
/// Bytes hashed for signatures that cover parts of a file, whole file apart.
const IMPRONTE_MAX: usize = 2 << 30;

/// What is left to spend.
#[derive(Debug, Clone)]
pub struct Bilancio {
    buste: usize,
    firme: usize,
    byte: usize,
    cercato: Option<String>,
    trovato: Option<Vec<u8>>,
}

impl Bilancio {
    /// All of it.
    pub fn nuovo() -> Self {
        Self { buste: BUSTE_MAX, firme: FIRME_MAX, byte: IMPRONTE_MAX, cercato: None, trovato: None }
    }

    /// All of it, for who wants the content with this SHA-256.
    pub(super) fn che_cerca(impronta: &str) -> Self {
        Self { cercato: Some(impronta.to_owned()), ..Self::nuovo() }
    }

    /// What was looked for.
    pub(super) fn trovato(self) -> Option<Vec<u8>> {
        self.trovato
    }

    /// A content that an envelope has inside.
    pub(crate) fn contenuto(&mut self, coperto: &mut Coperto) -> Contenuto {
        let c = Contenuto::di(coperto);
        if self.trovato.is_none() && self.cercato.as_ref() == Some(&c.impronta) {
            self.trovato = Some(coperto.pezzi().concat());
        }
        c
    }

    /// One envelope more, at this depth.
    ///
    /// # Errors
    /// Too deep, or too many.
    pub fn busta(&mut self, livello: usize) -> Result<(), String> {
        if livello >= LIVELLI_MAX {
            return Err(format!("più di {LIVELLI_MAX} buste una dentro l'altra: le più interne non sono esaminate"));
        }
        self.buste = self.buste.checked_sub(1).ok_or(format!("più di {BUSTE_MAX} buste: non tutte sono esaminate"))?;
        Ok(())
    }

    /// One signature more.
    ///
    /// # Errors
    /// Too many.
    pub fn firma(&mut self) -> Result<(), String> {
        self.firme = self.firme.checked_sub(1).ok_or(format!("più di {FIRME_MAX} firme: non tutte sono esaminate"))?;
        Ok(())
    }

    /// So many bytes to hash.
    ///
    /// # Errors
    /// Too many.
    pub fn impronta(&mut self, byte: usize) -> Result<(), String> {
        self.byte = self.byte.checked_sub(byte).ok_or("troppi dati da rileggere per le firme del file")?;
        Ok(())
    }
}

impl Default for Bilancio {
    fn default() -> Self {
        Self::nuovo()
    }
}
