//! The entry of an operation: one hash over the sorted digests of its fields.
//!
//! Sorted, because the order of fields says nothing and must not matter to who rebuilds the entry from a receipt.

use std::cmp::Ordering;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::jcs::{CAMPI_MAX, ErroreCampo, Scalare};
use crate::rivelazione::{Digestore, Seme};
use crate::{Hash, Operazione};

const PREFISSO_VOCE: &[u8] = b"protocollo/op/v1\n";

/// The entry: SHA-256(`"protocollo/op/v1\n"` ‖ digests sorted bytewise). Sorts `impronte` in place.
#[must_use]
pub fn voce(impronte: &mut [Hash]) -> Hash {
    impronte.sort_unstable_by(ordine);
    voce_ordinata(impronte)
}

/// Digests nearly always differ within their first bytes, which compare as one number.
fn ordine(a: &Hash, b: &Hash) -> Ordering {
    let inizio = |h: &Hash| u64::from_be_bytes([h[0], h[1], h[2], h[3], h[4], h[5], h[6], h[7]]);
    inizio(a).cmp(&inizio(b)).then_with(|| a.cmp(b))
}

fn voce_ordinata(impronte: &[Hash]) -> Hash {
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
#[derive(Clone)]
pub struct Impronte {
    seme: Seme,
    digestore: Digestore,
    /// Always in order, so that the entry costs nothing more.
    impronte: Vec<Hash>,
}

impl std::fmt::Debug for Impronte {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Impronte").field("impronte", &self.impronte.len()).finish_non_exhaustive()
    }
}

impl Impronte {
    /// None yet, with room for `campi`.
    #[must_use]
    pub fn nuove(seme: Seme, campi: usize) -> Self {
        let digestore = Digestore::nuovo(&seme);
        Self { seme, digestore, impronte: Vec::with_capacity(campi.min(CAMPI_MAX)) }
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
        self.aggiungi_scalare(nome, Scalare::di(nome, valore)?)
    }

    /// The same, of a value that is not in a [`Value`].
    ///
    /// # Errors
    /// Too many fields, or one that may not stand in an operation.
    pub fn aggiungi_scalare(&mut self, nome: &str, valore: Scalare<'_>) -> Result<(), ErroreCampo> {
        if self.impronte.len() >= CAMPI_MAX {
            return Err(ErroreCampo::TroppiCampi { campi: self.impronte.len() + 1 });
        }
        let impronta = self.digestore.impronta(nome, valore)?;
        let posto = self.impronte.partition_point(|x| ordine(x, &impronta).is_lt());
        self.impronte.insert(posto, impronta);
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

    /// None again, under another seed: the buffers stay.
    pub fn riparti(&mut self, seme: Seme) {
        self.digestore.riparti(&seme);
        self.seme = seme;
        self.impronte.clear();
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
        self.chiudi()
    }

    /// The same, to go on with [`Self::riparti`].
    ///
    /// # Errors
    /// No field was added.
    pub fn chiudi(&mut self) -> Result<Hash, ErroreCampo> {
        if self.impronte.is_empty() {
            return Err(ErroreCampo::NessunCampo);
        }
        Ok(voce_ordinata(&self.impronte))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn one_after_the_other_operations_leave_nothing_of_themselves() {
        let mut impronte = Impronte::nuove(Seme([1; 32]), 4);
        for (i, op) in [operazione(), operazione(), json!({"a": "b"}).as_object().unwrap().clone()].iter().enumerate() {
            let seme = Seme([i as u8; 32]);
            impronte.riparti(seme.clone());
            for (nome, valore) in op {
                impronte.aggiungi(nome, valore).unwrap();
            }
            assert_eq!(impronte.chiudi(), voce_di(&seme, op));
            impronte.riparti(seme);
            assert_eq!(impronte.chiudi(), Err(ErroreCampo::NessunCampo));
        }
    }

    fn operazione() -> Operazione {
        let json = json!({"v": 1, "oggetto": "Istanza", "anno": 2026, "riservato": false, "numero": 17});
        json.as_object().unwrap().clone()
    }

    /// R-B11: what was traced cannot be another without its entry being another.
    #[test]
    fn every_field_and_every_value_counts_in_the_entry() {
        let seme = Seme([7; 32]);
        let before = voce_di(&seme, &operazione()).unwrap();
        for nome in operazione().keys() {
            let mut other = operazione();
            other.insert(nome.clone(), json!("altro"));
            assert_ne!(voce_di(&seme, &other).unwrap(), before, "{nome} changed");
            other.remove(nome);
            assert_ne!(voce_di(&seme, &other).unwrap(), before, "{nome} gone");
        }
        assert_ne!(voce_di(&Seme([8; 32]), &operazione()).unwrap(), before, "another seed");
    }

    #[test]
    fn the_entry_is_the_hash_of_the_prefix_and_the_sorted_digests() {
        let byte: Vec<u8> = [&b"protocollo/op/v1\n"[..], &[1; 32], &[2; 32], &[3; 32]].concat();
        let expected: Hash = Sha256::digest(byte).into();
        assert_eq!(voce(&mut [[3; 32], [1; 32], [2; 32]]), expected);
    }

    #[test]
    fn an_operation_without_fields_or_with_too_many_has_no_entry() {
        let seme = Seme([7; 32]);
        assert_eq!(voce_di(&seme, &Operazione::new()), Err(ErroreCampo::NessunCampo));
        let mut impronte = Impronte::nuove(seme, usize::MAX);
        assert!(impronte.is_empty());
        impronte.impronte = vec![[0; 32]; CAMPI_MAX - 1];
        impronte.aggiungi("ultimo", &json!(1)).unwrap();
        assert_eq!(impronte.len(), CAMPI_MAX);
        let errore = impronte.aggiungi("di troppo", &json!(1));
        assert_eq!(errore, Err(ErroreCampo::TroppiCampi { campi: CAMPI_MAX + 1 }));
    }

    proptest! {
        #[test]
        fn the_order_in_which_fields_come_does_not_matter(names in Just(operazione().keys().cloned().collect::<Vec<_>>()).prop_shuffle()) {
            let seme = Seme([7; 32]);
            let op = operazione();
            let mut impronte = Impronte::nuove(seme.clone(), 2);
            for nome in &names {
                impronte.aggiungi(nome, &op[nome]).unwrap();
            }
            prop_assert_eq!(impronte.seme(), &seme);
            prop_assert_eq!(impronte.voce(), voce_di(&seme, &op));
        }
    }
}
