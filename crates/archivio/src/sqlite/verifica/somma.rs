//! Sums of sets: two tables are equal when the keyed hashes of their rows add up to the same, in whatever order the
//! rows come. The key is drawn for each verification, so nobody can prepare rows whose sums meet.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::store::{Errore, Esito};

/// Operations of a piece of a log: what is read, checked and compared at once.
pub const PEZZO: u64 = 4_096;
/// Terms whose hash is remembered.
const TERMINI_MAX: usize = 65_536;

/// The tables whose rows do not come in the order of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Insieme {
    /// Who a registration touches.
    Coinvolto = 0,
    /// Sender's numbers.
    Riscontro = 1,
    /// Contents of fascicoli.
    Contenuto = 2,
    /// Words of registrations.
    Cerca = 3,
    /// Words of the rubrica.
    CercaCorrispondente = 4,
}

impl Insieme {
    /// All of them.
    pub const TUTTI: [Self; 5] =
        [Self::Coinvolto, Self::Riscontro, Self::Contenuto, Self::Cerca, Self::CercaCorrispondente];

    /// The table's name.
    pub fn tabella(self) -> &'static str {
        match self {
            Self::Coinvolto => "coinvolto",
            Self::Riscontro => "riscontro",
            Self::Contenuto => "contenuto",
            Self::Cerca => "cerca",
            Self::CercaCorrispondente => "cerca_corrispondente",
        }
    }
}

/// The key of one verification.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Chiave([u8; 32]);

impl Chiave {
    /// Draws one.
    ///
    /// # Errors
    /// No randomness.
    pub fn nuova() -> Esito<Self> {
        let mut k = [0u8; 32];
        getrandom::fill(&mut k).map_err(|e| Errore::Archivio(e.to_string()))?;
        Ok(Self(k))
    }

    /// Of a row: its table, its id and the rest of its key.
    pub fn riga(&self, t: Insieme, id: i64, testo: &str) -> u128 {
        self.impronta(&[&[t as u8], &id.to_le_bytes(), testo.as_bytes()])
    }

    /// Of a word, to be joined to its places by [`posto`].
    pub fn termine(&self, t: Insieme, testo: &str) -> u128 {
        self.impronta(&[&[t as u8], testo.as_bytes()])
    }

    fn impronta(&self, parti: &[&[u8]]) -> u128 {
        let mut h = Sha256::new_with_prefix(self.0);
        for p in parti {
            h.update(p);
        }
        let h: [u8; 32] = h.finalize().into();
        let mut prima = [0u8; 16];
        prima.copy_from_slice(&h[..16]);
        u128::from_le_bytes(prima)
    }
}

/// A word in one place: row, column, offset. `termine` is secret, and two rounds of multiplication spread the place over
/// the whole of it.
pub fn posto(termine: u128, id: i64, colonna: u8, luogo: u32) -> u128 {
    const A: u128 = 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835;
    const B: u128 = 0xD6E8_FEB8_6659_FD93_A5A3_5625_CE09_5D2B;
    let p = (u128::from(id.cast_unsigned()) << 40) ^ (u128::from(colonna) << 32) ^ u128::from(luogo);
    let x = (termine ^ p.wrapping_mul(A)).wrapping_mul(B);
    let x = (x ^ (x >> 61)).wrapping_mul(A).wrapping_add(termine.rotate_left(59));
    (x ^ (x >> 64)).wrapping_mul(B | 1) ^ termine
}

/// Hashes of words already met.
#[derive(Debug, Default)]
pub struct Termini(HashMap<Box<str>, u128, foldhash::fast::RandomState>);

impl Termini {
    /// That of a word.
    pub fn di(&mut self, k: &Chiave, t: Insieme, testo: &str) -> u128 {
        if let Some(h) = self.0.get(testo) {
            return *h;
        }
        let h = k.termine(t, testo);
        if self.0.len() >= TERMINI_MAX {
            self.0.clear();
        }
        self.0.insert(testo.into(), h);
        h
    }
}

/// Sums of one piece, one for each set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Somme([u128; 5]);

impl Somme {
    /// Adds a row.
    pub fn aggiungi(&mut self, t: Insieme, h: u128) {
        self.0[t as usize] = self.0[t as usize].wrapping_add(h);
    }

    /// That of a set.
    pub fn di(&self, t: Insieme) -> u128 {
        self.0[t as usize]
    }
}

/// Sums of every piece, by log and piece.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registro(BTreeMap<i64, Vec<Somme>>);

impl Registro {
    /// The sums of a piece.
    pub fn pezzo(&mut self, log: i64, pezzo: u64) -> &mut Somme {
        let v = self.0.entry(log).or_default();
        let i = usize::try_from(pezzo).unwrap_or(usize::MAX);
        if v.len() <= i {
            v.resize(i + 1, Somme::default());
        }
        &mut v[i]
    }

    /// Adds what another has.
    pub fn unisci(&mut self, altro: &Self) {
        for (log, v) in &altro.0 {
            for (pezzo, somme) in (0..).zip(v) {
                let qui = self.pezzo(*log, pezzo);
                for (a, b) in qui.0.iter_mut().zip(somme.0) {
                    *a = a.wrapping_add(b);
                }
            }
        }
    }

    /// Pieces in which a set is not the same.
    pub fn diversi(&self, altro: &Self, t: Insieme) -> Vec<(i64, u64)> {
        let mut out = Vec::new();
        let log: std::collections::BTreeSet<i64> = self.0.keys().chain(altro.0.keys()).copied().collect();
        for l in log {
            let vuoto = Vec::new();
            let (a, b) = (self.0.get(&l).unwrap_or(&vuoto), altro.0.get(&l).unwrap_or(&vuoto));
            for i in 0..a.len().max(b.len()) {
                let di = |v: &Vec<Somme>| v.get(i).map_or(0, |s| s.di(t));
                if di(a) != di(b) {
                    out.push((l, i as u64));
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sums_do_not_depend_on_order_and_tell_sets_apart(
            righe in proptest::collection::btree_set((0i64..50, "[a-c]{1,3}"), 1..20), giro in 0usize..20
        ) {
            let k = Chiave::nuova().unwrap();
            let righe: Vec<_> = righe.into_iter().collect();
            let somma = |righe: &[(i64, String)]| {
                righe.iter().fold(0u128, |s, (id, t)| {
                    s.wrapping_add(k.riga(Insieme::Coinvolto, *id, t))
                        .wrapping_add(posto(k.termine(Insieme::Cerca, t), *id, 0, 1))
                })
            };
            let mut altre = righe.clone();
            altre.rotate_left(giro % righe.len());
            prop_assert_eq!(somma(&righe), somma(&altre));
            prop_assert_ne!(somma(&righe), somma(&righe[1..]));
            altre[0].0 += 100;
            prop_assert_ne!(somma(&righe), somma(&altre));
        }
    }

    #[test]
    fn every_part_of_a_place_counts() {
        let t = Chiave::nuova().unwrap().termine(Insieme::Cerca, "parola");
        let mut visti = std::collections::HashSet::new();
        for id in 0..40 {
            for colonna in 0..2 {
                for luogo in 0..40 {
                    assert!(visti.insert(posto(t, id, colonna, luogo)));
                }
            }
        }
    }
}
