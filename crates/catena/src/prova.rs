//! Proofs: an entry is in the tree (inclusion), an older tree is the beginning of this one (consistency).
//!
//! Made from tiles (RFC 6962 § 2.1.1, § 2.1.2), each tile read once; verified as RFC 9162 § 2.1.3.2 and § 2.1.4.2 say,
//! from hashes alone.

use std::collections::BTreeMap;

use crate::Hash;
use crate::albero::{RADICE_VUOTA, TESSERA_HASH, nodo, radice_di};

/// Most hashes a proof may have.
pub const PROVA_HASH_MAX: usize = 64;

/// Where tiles are: a table, a folder, a web server.
pub trait LettoreHash {
    /// Why a tile cannot be read.
    type Errore;

    /// The first `larghezza` (1–256) hashes of tile `n` of level `livello`. A reader that holds more gives the first
    /// ones; one that holds less fails.
    ///
    /// # Errors
    /// The tile is not there, or is shorter.
    fn tessera(&self, livello: u8, n: u64, larghezza: u16) -> Result<Vec<Hash>, Self::Errore>;
}

/// Why a proof cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreProva<E> {
    /// The index or the older size is outside the tree.
    #[error("{indice} è fuori da un albero di {dimensione} voci")]
    FuoriAlbero {
        /// The index, or older size.
        indice: u64,
        /// The size of the tree.
        dimensione: u64,
    },
    /// The reader gave another number of hashes than asked.
    #[error("la tessera {n} di livello {livello} ha {trovati} hash, ne servono {attesi}")]
    Larghezza {
        /// Tile level.
        livello: u8,
        /// Tile index.
        n: u64,
        /// Hashes asked.
        attesi: u16,
        /// Hashes given.
        trovati: usize,
    },
    /// The reader failed.
    #[error("non si leggono le tessere dell'albero: {0}")]
    Lettore(E),
}

/// One computation over a tree of fixed size, which remembers the tiles it read.
struct Lettura<'a, L: LettoreHash> {
    lettore: &'a L,
    dimensione: u64,
    lette: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl<'a, L: LettoreHash> Lettura<'a, L> {
    fn nuova(lettore: &'a L, dimensione: u64) -> Self {
        Self { lettore, dimensione, lette: BTreeMap::new() }
    }

    /// The root of the complete subtree of 2^k leaves that starts at `start`.
    fn completo(&mut self, k: u32, start: u64) -> Result<Hash, ErroreProva<L::Errore>> {
        let livello = (k / 8) as u8;
        // Position of the subtree's hashes among those of its tile level.
        let at = start >> (8 * u32::from(livello));
        let n = at / TESSERA_HASH as u64;
        let in_tile = (at % TESSERA_HASH as u64) as usize;
        let tessera = self.tessera(livello, n)?;
        Ok(radice_di(&tessera[in_tile..in_tile + (1 << (k % 8))]))
    }

    fn tessera(&mut self, livello: u8, n: u64) -> Result<&[Hash], ErroreProva<L::Errore>> {
        use std::collections::btree_map::Entry;
        match self.lette.entry((livello, n)) {
            Entry::Occupied(there) => Ok(there.into_mut()),
            Entry::Vacant(room) => {
                let hash = self.dimensione >> (8 * u32::from(livello));
                let attesi = (hash - n * TESSERA_HASH as u64).min(TESSERA_HASH as u64) as u16;
                let tessera = self.lettore.tessera(livello, n, attesi).map_err(ErroreProva::Lettore)?;
                if tessera.len() != usize::from(attesi) {
                    let trovati = tessera.len();
                    return Err(ErroreProva::Larghezza { livello, n, attesi, trovati });
                }
                Ok(room.insert(tessera))
            }
        }
    }

    /// MTH(D[start..end]) of RFC 6962; `start` is a multiple of the power of two that covers the range.
    fn intervallo(&mut self, start: u64, end: u64) -> Result<Hash, ErroreProva<L::Errore>> {
        let leaves = end - start;
        if leaves.is_power_of_two() {
            return self.completo(leaves.trailing_zeros(), start);
        }
        let middle = start + taglio(leaves);
        let left = self.intervallo(start, middle)?;
        let right = self.intervallo(middle, end)?;
        Ok(nodo(&left, &right))
    }
}

/// The largest power of two smaller than `leaves` (at least 2).
fn taglio(leaves: u64) -> u64 {
    1 << (u64::BITS - 1 - (leaves - 1).leading_zeros())
}

/// The root of the first `dimensione` leaves.
///
/// # Errors
/// The reader's.
pub fn radice<L: LettoreHash>(lettore: &L, dimensione: u64) -> Result<Hash, ErroreProva<L::Errore>> {
    if dimensione == 0 {
        return Ok(RADICE_VUOTA);
    }
    Lettura::nuova(lettore, dimensione).intervallo(0, dimensione)
}

/// The proof that leaf `indice` is in the tree of the first `dimensione` leaves: PATH of RFC 6962 § 2.1.1.
///
/// # Errors
/// An index outside the tree; the reader's.
pub fn prova_inclusione<L: LettoreHash>(
    lettore: &L,
    indice: u64,
    dimensione: u64,
) -> Result<Vec<Hash>, ErroreProva<L::Errore>> {
    if indice >= dimensione {
        return Err(ErroreProva::FuoriAlbero { indice, dimensione });
    }
    let mut lettura = Lettura::nuova(lettore, dimensione);
    let (mut start, mut end) = (0, dimensione);
    let mut prova = Vec::new();
    while end - start > 1 {
        let middle = start + taglio(end - start);
        if indice < middle {
            prova.push(lettura.intervallo(middle, end)?);
            end = middle;
        } else {
            prova.push(lettura.intervallo(start, middle)?);
            start = middle;
        }
    }
    prova.reverse();
    Ok(prova)
}

/// The proof that the first `prima` leaves are the beginning of the first `dopo`: PROOF of RFC 6962 § 2.1.2. Empty
/// when `prima` is 0 or equal to `dopo`.
///
/// # Errors
/// `prima` greater than `dopo`; the reader's.
pub fn prova_coerenza<L: LettoreHash>(lettore: &L, prima: u64, dopo: u64) -> Result<Vec<Hash>, ErroreProva<L::Errore>> {
    if prima > dopo {
        return Err(ErroreProva::FuoriAlbero { indice: prima, dimensione: dopo });
    }
    if prima == 0 || prima == dopo {
        return Ok(Vec::new());
    }
    let mut lettura = Lettura::nuova(lettore, dopo);
    let (mut start, mut end) = (0, dopo);
    let mut prova = Vec::new();
    // Descend to the subtree that ends where the older tree ended.
    while end != prima {
        let middle = start + taglio(end - start);
        if prima <= middle {
            prova.push(lettura.intervallo(middle, end)?);
            end = middle;
        } else {
            prova.push(lettura.intervallo(start, middle)?);
            start = middle;
        }
    }
    // Its root is known to the verifier only when it is the whole older tree.
    if start != 0 {
        prova.push(lettura.intervallo(start, end)?);
    }
    prova.reverse();
    Ok(prova)
}

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProvaErrata {
    /// The index is not below the size, or the older size is above the newer.
    #[error("l'indice è fuori dall'albero")]
    FuoriAlbero,
    /// Too many or too few hashes.
    #[error("la prova ha {trovati} hash, ma un albero di quella dimensione ne richiede un altro numero")]
    Lunghezza {
        /// How many there are.
        trovati: usize,
    },
    /// The root computed is not the one signed.
    #[error("la prova non porta alla radice dichiarata")]
    Radice,
    /// The older root computed is not the one given.
    #[error("la prova non porta alla radice precedente")]
    RadicePrecedente,
}

/// Verifies an inclusion proof: RFC 9162 § 2.1.3.2.
///
/// # Errors
/// The proof does not hold.
pub fn verifica_inclusione(
    foglia: &Hash,
    indice: u64,
    dimensione: u64,
    prova: &[Hash],
    radice: &Hash,
) -> Result<(), ProvaErrata> {
    if indice >= dimensione {
        return Err(ProvaErrata::FuoriAlbero);
    }
    let lunghezza = ProvaErrata::Lunghezza { trovati: prova.len() };
    let (mut f, mut s) = (indice, dimensione - 1);
    let mut r = *foglia;
    for p in prova {
        if s == 0 {
            return Err(lunghezza);
        }
        if f & 1 == 1 || f == s {
            r = nodo(p, &r);
            while f & 1 == 0 && f != 0 {
                f >>= 1;
                s >>= 1;
            }
        } else {
            r = nodo(&r, p);
        }
        f >>= 1;
        s >>= 1;
    }
    if s != 0 {
        return Err(lunghezza);
    }
    if r == *radice { Ok(()) } else { Err(ProvaErrata::Radice) }
}

/// Verifies a consistency proof: RFC 9162 § 2.1.4.2. The empty tree is the beginning of every tree, by the empty proof.
///
/// # Errors
/// The proof does not hold.
pub fn verifica_coerenza(
    prima: u64,
    dopo: u64,
    radice_prima: &Hash,
    radice_dopo: &Hash,
    prova: &[Hash],
) -> Result<(), ProvaErrata> {
    let lunghezza = ProvaErrata::Lunghezza { trovati: prova.len() };
    if prima > dopo {
        return Err(ProvaErrata::FuoriAlbero);
    }
    if prima == 0 || prima == dopo {
        return match (prova.is_empty(), prima == 0) {
            (false, _) => Err(lunghezza),
            (true, true) if *radice_prima != RADICE_VUOTA => Err(ProvaErrata::RadicePrecedente),
            (true, true) if dopo == 0 && *radice_dopo != RADICE_VUOTA => Err(ProvaErrata::Radice),
            (true, false) if radice_prima != radice_dopo => Err(ProvaErrata::Radice),
            _ => Ok(()),
        };
    }
    let (mut f, mut s) = (prima - 1, dopo - 1);
    while f & 1 == 1 {
        f >>= 1;
        s >>= 1;
    }
    // The older root itself opens the path when the older tree is a complete subtree.
    let mut path = prova.iter();
    let first = if prima.is_power_of_two() { radice_prima } else { path.next().ok_or(lunghezza)? };
    let (mut fr, mut sr) = (*first, *first);
    for c in path {
        if s == 0 {
            return Err(lunghezza);
        }
        if f & 1 == 1 || f == s {
            fr = nodo(c, &fr);
            sr = nodo(c, &sr);
            while f & 1 == 0 && f != 0 {
                f >>= 1;
                s >>= 1;
            }
        } else {
            sr = nodo(&sr, c);
        }
        f >>= 1;
        s >>= 1;
    }
    if s != 0 {
        return Err(lunghezza);
    }
    if fr != *radice_prima {
        return Err(ProvaErrata::RadicePrecedente);
    }
    if sr == *radice_dopo { Ok(()) } else { Err(ProvaErrata::Radice) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::albero::foglia_di;
    use crate::modello::{Tessere, byte, foglie, hash, mth, path, proof};
    use proptest::prelude::*;

    /// Every size up to 70, every index: made from tiles as RFC 6962 defines it, accepted, and accepted only where it
    /// belongs. R-B13.
    #[test]
    fn inclusion_holds_for_every_leaf_of_every_tree_up_to_seventy_and_nowhere_else() {
        let leaves = foglie(70);
        for n in 1..=70usize {
            let (_, tessere) = Tessere::di(&leaves[..n]);
            let root = mth(&leaves[..n]);
            assert_eq!(radice(&tessere, n as u64).unwrap(), root);
            for m in 0..n {
                let prova = prova_inclusione(&tessere, m as u64, n as u64).unwrap();
                assert_eq!(prova, path(m, &leaves[..n]), "leaf {m} of {n}");
                assert_eq!(verifica_inclusione(&leaves[m], m as u64, n as u64, &prova, &root), Ok(()));
                for other in (0..n).filter(|other| *other != m) {
                    assert!(verifica_inclusione(&leaves[m], other as u64, n as u64, &prova, &root).is_err());
                    assert!(verifica_inclusione(&leaves[other], m as u64, n as u64, &prova, &root).is_err());
                }
                let longer = [&prova[..], &[root]].concat();
                let errore = ProvaErrata::Lunghezza { trovati: longer.len() };
                assert_eq!(verifica_inclusione(&leaves[m], m as u64, n as u64, &longer, &root), Err(errore));
                if let [shorter @ .., _] = &prova[..] {
                    let errore = ProvaErrata::Lunghezza { trovati: shorter.len() };
                    assert_eq!(verifica_inclusione(&leaves[m], m as u64, n as u64, shorter, &root), Err(errore));
                }
            }
            let errore = verifica_inclusione(&leaves[0], n as u64, n as u64, &[], &root);
            assert_eq!(errore, Err(ProvaErrata::FuoriAlbero));
        }
    }

    /// R-B13.
    #[test]
    fn consistency_holds_for_every_pair_of_sizes_up_to_seventy_and_for_no_other_root() {
        let leaves = foglie(70);
        let roots: Vec<Hash> = (0..=70).map(|n| mth(&leaves[..n])).collect();
        for n in 0..=70usize {
            let (_, tessere) = Tessere::di(&leaves[..n]);
            for m in 0..=n {
                let prova = prova_coerenza(&tessere, m as u64, n as u64).unwrap();
                if m > 0 {
                    assert_eq!(prova, proof(m, &leaves[..n]), "from {m} to {n}");
                }
                let check = |prima: &Hash, dopo: &Hash, prova: &[Hash]| {
                    verifica_coerenza(m as u64, n as u64, prima, dopo, prova)
                };
                assert_eq!(check(&roots[m], &roots[n], &prova), Ok(()));
                assert!(check(&[7; 32], &roots[n], &prova).is_err(), "another older root, {m} to {n}");
                // The empty tree is the beginning of anything: there the newer root is not checked.
                if m > 0 || n == 0 {
                    assert!(check(&roots[m], &[7; 32], &prova).is_err(), "another newer root, {m} to {n}");
                }
                assert!(check(&roots[m], &roots[n], &[&prova[..], &[[7; 32]]].concat()).is_err());
                for i in 0..prova.len() {
                    let mut touched = prova.clone();
                    touched[i][31] ^= 1;
                    assert!(check(&roots[m], &roots[n], &touched).is_err(), "hash {i} touched, {m} to {n}");
                    touched.remove(i);
                    assert!(check(&roots[m], &roots[n], &touched).is_err(), "hash {i} missing, {m} to {n}");
                }
            }
            let back = verifica_coerenza(n as u64 + 1, n as u64, &roots[n], &roots[n], &[]);
            assert_eq!(back, Err(ProvaErrata::FuoriAlbero));
        }
    }

    /// A tree of three leaves cannot pass for one of eight: the hashes would lead to its root, but they are too few.
    #[test]
    fn a_consistency_proof_of_a_smaller_tree_does_not_stand_for_a_larger_one() {
        let leaves = foglie(3);
        let (older, newer) = (mth(&leaves[..2]), mth(&leaves));
        let prova = [leaves[2]];
        assert_eq!(verifica_coerenza(2, 3, &older, &newer, &prova), Ok(()));
        let errore = ProvaErrata::Lunghezza { trovati: 1 };
        assert_eq!(verifica_coerenza(2, 8, &older, &newer, &prova), Err(errore));
    }

    #[test]
    fn proofs_across_tiles_and_levels_are_those_of_the_plain_tree() {
        let leaves = foglie(66_000);
        for n in [255usize, 256, 257, 511, 512, 513, 1000, 65_536, 65_537, 66_000] {
            let (_, tessere) = Tessere::di(&leaves[..n]);
            let root = mth(&leaves[..n]);
            assert_eq!(radice(&tessere, n as u64).unwrap(), root);
            for m in [0, 1, n / 3, n / 2, n - 2, n - 1] {
                let prova = prova_inclusione(&tessere, m as u64, n as u64).unwrap();
                assert_eq!(prova, path(m, &leaves[..n]), "leaf {m} of {n}");
                assert_eq!(verifica_inclusione(&leaves[m], m as u64, n as u64, &prova, &root), Ok(()));
                let older = m.max(1);
                let prova = prova_coerenza(&tessere, older as u64, n as u64).unwrap();
                assert_eq!(prova, proof(older, &leaves[..n]), "from {older} to {n}");
                let first = mth(&leaves[..older]);
                assert_eq!(verifica_coerenza(older as u64, n as u64, &first, &root, &prova), Ok(()));
            }
        }
    }

    /// The paths and proofs that the reference implementation of Certificate Transparency keeps for its tree of eight
    /// leaves (RFC 6962 § 2.1.3, RFC 9162 § 2.1.5): ours are the same, and verify. R-B13.
    #[test]
    fn the_known_paths_and_proofs_of_eight_leaves_are_given_and_accepted() {
        const DATI: [&str; 8] =
            ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
        const UNO: &str = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7";
        const DUE_TRE: &str = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e";
        const QUATTRO: &str = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b";
        const QUATTRO_SETTE: &str = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4";
        const SEI_SETTE: &str = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0";
        const ZERO: &str = "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d";
        const ZERO_UNO: &str = "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125";
        const ZERO_TRE: &str = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7";
        let leaves = DATI.map(|d| foglia_di(&byte(d)));
        let tree = |n: usize| (Tessere::di(&leaves[..n]).1, mth(&leaves[..n]));
        // Index, size, path.
        let paths: [(u64, usize, &[&str]); 5] = [
            (0, 1, &[]),
            (0, 8, &[UNO, DUE_TRE, QUATTRO_SETTE]),
            (5, 8, &[QUATTRO, SEI_SETTE, ZERO_TRE]),
            (2, 3, &[ZERO_UNO]),
            (1, 5, &[ZERO, DUE_TRE, QUATTRO]),
        ];
        for (i, n, known) in paths {
            let known: Vec<Hash> = known.iter().map(|h| hash(h)).collect();
            let (tessere, root) = tree(n);
            assert_eq!(prova_inclusione(&tessere, i, n as u64).unwrap(), known, "leaf {i} of {n}");
            assert_eq!(verifica_inclusione(&leaves[i as usize], i, n as u64, &known, &root), Ok(()));
        }
        // Older size, newer size, proof.
        let proofs: [(usize, usize, &[&str]); 4] = [
            (1, 1, &[]),
            (1, 8, &[UNO, DUE_TRE, QUATTRO_SETTE]),
            (6, 8, &["0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a", SEI_SETTE, ZERO_TRE]),
            (2, 5, &[DUE_TRE, QUATTRO]),
        ];
        for (m, n, known) in proofs {
            let known: Vec<Hash> = known.iter().map(|h| hash(h)).collect();
            let (tessere, root) = tree(n);
            assert_eq!(prova_coerenza(&tessere, m as u64, n as u64).unwrap(), known, "from {m} to {n}");
            assert_eq!(verifica_coerenza(m as u64, n as u64, &mth(&leaves[..m]), &root, &known), Ok(()));
        }
    }

    #[test]
    fn what_is_outside_the_tree_has_no_proof() {
        let (_, tessere) = Tessere::di(&foglie(5));
        assert_eq!(prova_inclusione(&tessere, 5, 5), Err(ErroreProva::FuoriAlbero { indice: 5, dimensione: 5 }));
        assert_eq!(prova_coerenza(&tessere, 6, 5), Err(ErroreProva::FuoriAlbero { indice: 6, dimensione: 5 }));
        assert!(matches!(radice(&tessere, 9), Err(ErroreProva::Lettore(_))));
    }

    /// A reader that always gives one hash.
    struct Avaro;

    impl LettoreHash for Avaro {
        type Errore = String;
        fn tessera(&self, _: u8, _: u64, _: u16) -> Result<Vec<Hash>, String> {
            Ok(vec![[0; 32]])
        }
    }

    #[test]
    fn a_reader_that_gives_fewer_hashes_than_asked_is_an_error() {
        assert_eq!(radice(&Avaro, 3), Err(ErroreProva::Larghezza { livello: 0, n: 0, attesi: 3, trovati: 1 }));
    }

    proptest! {
        #[test]
        fn random_proofs_are_refused_and_never_panic(
            m in any::<u64>(), n in any::<u64>(), prova in prop::collection::vec(any::<Hash>(), 0..70)
        ) {
            prop_assert!(verifica_inclusione(&[1; 32], m, n, &prova, &[2; 32]).is_err());
            // From the empty tree there is nothing to prove; anything else needs hashes that fit.
            if m > 0 {
                prop_assert!(verifica_coerenza(m, n, &[1; 32], &[2; 32], &prova).is_err());
            }
        }
    }
}
