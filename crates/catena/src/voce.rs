//! The entry of an operation: one hash over the sorted digests of its fields.
//!
//! Sorted, because the order of fields says nothing and must not matter to who rebuilds the entry from a receipt.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::jcs::{CAMPI_MAX, ErroreCampo};
use crate::rivelazione::{Seme, impronta_campo};
use crate::{Hash, Operazione};

const PREFISSO_VOCE: &[u8] = b"protocollo/op/v1\n";

/// The entry: SHA-256(`"protocollo/op/v1\n"` ‖ digests sorted bytewise). Sorts `impronte` in place.
#[must_use]
pub fn voce(impronte: &mut [Hash]) -> Hash {
    impronte.sort_unstable();
    Sha256::new().chain_update(PREFISSO_VOCE).chain_update(impronte.as_flattened()).finalize().into()
}

/// The entry of a whole operation.
///
/// # Errors
/// No field, too many, or one that may not stand in an operation.
pub fn voce_di(seme: &Seme, operazione: &Operazione) -> Result<Hash, ErroreCampo> {
    Impronte::di(seme, operazione).and_then(Impronte::voce)
}

/// The digests of an operation under construction.
///
/// What a command knows in advance is digested outside the lock; the writer then adds the few fields that only it
/// knows (index, instant, number) and takes the entry.
///
/// Names must be distinct: an operation is a map. Nothing here remembers names, so the caller answers for that, and
/// a replay from the stored map by [`voce_di`] finds out.
#[derive(Debug, Clone)]
pub struct Impronte {
    seme: Seme,
    impronte: Vec<Hash>,
}

impl Impronte {
    /// None yet, with room for `campi`.
    #[must_use]
    pub fn nuove(seme: Seme, campi: usize) -> Self {
        Self { seme, impronte: Vec::with_capacity(campi.min(CAMPI_MAX)) }
    }

    /// Those of every field of `operazione`, with room for a few more.
    ///
    /// # Errors
    /// Too many fields, or one that may not stand in an operation.
    pub fn di(seme: &Seme, operazione: &Operazione) -> Result<Self, ErroreCampo> {
        let mut tutte = Self::nuove(seme.clone(), operazione.len() + 8);
        for (nome, valore) in operazione {
            tutte.aggiungi(nome, valore)?;
        }
        Ok(tutte)
    }

    /// Adds one field.
    ///
    /// # Errors
    /// Too many fields, or one that may not stand in an operation.
    pub fn aggiungi(&mut self, nome: &str, valore: &Value) -> Result<(), ErroreCampo> {
        if self.impronte.len() >= CAMPI_MAX {
            return Err(ErroreCampo::TroppiCampi { campi: self.impronte.len() + 1 });
        }
        self.impronte.push(impronta_campo(&self.seme, nome, valore)?);
        Ok(())
    }

    /// How many fields were added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.impronte.len()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.impronte.is_empty()
    }

    /// The seed the salts come from.
    #[must_use]
    pub fn seme(&self) -> &Seme {
        &self.seme
    }

    /// The entry.
    ///
    /// # Errors
    /// No field was added.
    pub fn voce(mut self) -> Result<Hash, ErroreCampo> {
        if self.impronte.is_empty() {
            return Err(ErroreCampo::NessunCampo);
        }
        Ok(voce(&mut self.impronte))
    }
}
