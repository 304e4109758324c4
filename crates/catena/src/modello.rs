//! The tree as RFC 6962 writes it, recursive and slow: what the fast code is compared with in tests.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::prova::LettoreHash;
use crate::{Albero, Hash};

/// Bytes of a hexadecimal text.
pub(crate) fn byte(esadecimale: &str) -> Vec<u8> {
    assert!(esadecimale.len().is_multiple_of(2));
    (0..esadecimale.len()).step_by(2).map(|i| u8::from_str_radix(&esadecimale[i..i + 2], 16).unwrap()).collect()
}

/// A hash in hexadecimal.
pub(crate) fn hash(esadecimale: &str) -> Hash {
    byte(esadecimale).try_into().unwrap()
}

/// `n` distinct leaf hashes.
pub(crate) fn foglie(n: u64) -> Vec<Hash> {
    (0..n).map(|i| Sha256::digest(i.to_be_bytes()).into()).collect()
}

/// The largest power of two smaller than `n`.
fn k(n: usize) -> usize {
    let mut k = 1;
    while k * 2 < n {
        k *= 2;
    }
    k
}

/// MTH of § 2.1, over leaf hashes.
pub(crate) fn mth(d: &[Hash]) -> Hash {
    match d.len() {
        0 => Sha256::digest([]).into(),
        1 => d[0],
        n => {
            let (left, right) = (mth(&d[..k(n)]), mth(&d[k(n)..]));
            let byte = [&[1u8][..], &left, &right].concat();
            Sha256::digest(byte).into()
        }
    }
}

/// PATH of § 2.1.1.
pub(crate) fn path(m: usize, d: &[Hash]) -> Vec<Hash> {
    let n = d.len();
    if n == 1 {
        return Vec::new();
    }
    let (left, right) = d.split_at(k(n));
    let (mut p, other) = if m < k(n) { (path(m, left), mth(right)) } else { (path(m - k(n), right), mth(left)) };
    p.push(other);
    p
}

/// PROOF of § 2.1.2.
pub(crate) fn proof(m: usize, d: &[Hash]) -> Vec<Hash> {
    subproof(m, d, true)
}

fn subproof(m: usize, d: &[Hash], known: bool) -> Vec<Hash> {
    let n = d.len();
    if m == n {
        return if known { Vec::new() } else { vec![mth(d)] };
    }
    let (left, right) = d.split_at(k(n));
    let (mut p, other) =
        if m <= k(n) { (subproof(m, left, known), mth(right)) } else { (subproof(m - k(n), right, false), mth(left)) };
    p.push(other);
    p
}

/// The tiles of a tree that grew by [`Albero::aggiungi`], as a store would keep them.
#[derive(Default)]
pub(crate) struct Tessere {
    piene: BTreeMap<(u8, u64), Vec<Hash>>,
    code: BTreeMap<u8, Vec<Hash>>,
}

impl Tessere {
    /// Grows a tree over `foglie` and keeps its tiles.
    pub(crate) fn di(foglie: &[Hash]) -> (Albero, Self) {
        let mut albero = Albero::nuovo();
        let mut tessere = Self::default();
        for (i, foglia) in foglie.iter().enumerate() {
            let indice = albero.aggiungi(*foglia, |livello, n, hash| {
                let before = tessere.piene.insert((livello, n), hash.to_vec());
                assert!(before.is_none(), "a full tile is given once");
            });
            assert_eq!(indice, i as u64);
        }
        tessere.code = (0..albero.livelli()).map(|l| (l, albero.coda(l).to_vec())).collect();
        (albero, tessere)
    }
}

impl LettoreHash for Tessere {
    type Errore = String;

    fn tessera(&self, livello: u8, n: u64, larghezza: u16) -> Result<Vec<Hash>, String> {
        let full = self.piene.get(&(livello, n));
        let after = self.piene.range((livello, 0)..=(livello, u64::MAX)).count() as u64;
        let tail = || self.code.get(&livello).filter(|_| n == after);
        let all = full.or_else(tail).ok_or_else(|| format!("no tile {livello}/{n}"))?;
        let some = all.get(..usize::from(larghezza)).ok_or_else(|| format!("short tile {livello}/{n}"))?;
        Ok(some.to_vec())
    }
}
