//! The RFC 6962 tree, growing.
//!
//! [`Albero`] holds what the next append needs and nothing else: the roots of the complete subtrees on the right edge,
//! and for each tile level the hashes not yet in a full tile (at most 255 each). A full tile leaves through a callback
//! the moment it is complete, so that a store keeps full tiles and the short tails, and never rewrites one.

use sha2::{Digest as _, Sha256};

use crate::Hash;
use crate::prova::LettoreHash;

/// The root of the empty tree: SHA-256 of nothing.
pub const RADICE_VUOTA: Hash = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41,
    0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// Hashes of a full tile.
pub const TESSERA_HASH: usize = 256;

/// Most entries a tree may have: beyond it an index would not be a JSON integer.
pub const DIMENSIONE_MAX: u64 = (1 << 53) - 1;

/// The hash of a leaf: SHA-256(0x00 ‖ entry).
#[must_use]
pub fn foglia(voce: &Hash) -> Hash {
    foglia_di(voce)
}

/// The hash of a leaf of any length, as other RFC 6962 logs have them.
#[must_use]
pub fn foglia_di(dati: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(dati).finalize().into()
}

/// The hash of an inner node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn nodo(sinistra: &Hash, destra: &Hash) -> Hash {
    let mut byte = [1u8; 65];
    byte[1..33].copy_from_slice(sinistra);
    byte[33..].copy_from_slice(destra);
    Sha256::digest(byte).into()
}

/// The root of the subtree over `hash`, split as RFC 6962 § 2.1 says.
#[must_use]
pub fn radice_di(hash: &[Hash]) -> Hash {
    match hash {
        [] => RADICE_VUOTA,
        [only] => *only,
        _ => {
            let (left, right) = hash.split_at(hash.len().next_power_of_two() / 2);
            nodo(&radice_di(left), &radice_di(right))
        }
    }
}

/// Why a tree cannot be taken up again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreAlbero<E = std::convert::Infallible> {
    /// The stored hashes of a level are not as many as the size asks for.
    #[error(
        "al livello {livello} servono {attesi} hash di coda per un albero di {dimensione} voci, ce ne sono {trovati}"
    )]
    Coda {
        /// The tile level.
        livello: u8,
        /// Size of the tree.
        dimensione: u64,
        /// Hashes wanted.
        attesi: usize,
        /// Hashes found.
        trovati: usize,
    },
    /// The size is beyond [`DIMENSIONE_MAX`].
    #[error("un albero di {0} voci supera il massimo")]
    Dimensione(u64),
    /// The reader of tiles failed.
    #[error("non si leggono le tessere dell'albero: {0}")]
    Lettore(E),
}

/// The pending hashes of one tile level.
#[derive(Clone)]
struct Riga {
    presenti: usize,
    hash: Box<[Hash; TESSERA_HASH]>,
}

impl Riga {
    fn vuota() -> Self {
        Self { presenti: 0, hash: Box::new([[0; 32]; TESSERA_HASH]) }
    }
}

/// The right edge of the tree of one log. Cloning copies 8 KiB a level: a writer appends to a clone and swaps it in
/// once the transaction is on disk.
#[derive(Clone)]
pub struct Albero {
    dimensione: u64,
    /// `cime[k]` is the root of the complete subtree of 2^k leaves, where bit k of the size is set.
    cime: [Hash; 54],
    righe: Vec<Riga>,
}

impl Default for Albero {
    fn default() -> Self {
        Self::nuovo()
    }
}

impl std::fmt::Debug for Albero {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Albero").field("dimensione", &self.dimensione).finish_non_exhaustive()
    }
}

/// Width of the partial tile at the end of tile level `livello`, in a tree of `dimensione` leaves: 0 if none.
#[must_use]
pub fn larghezza_coda(livello: u8, dimensione: u64) -> u16 {
    let hash = dimensione.checked_shr(8 * u32::from(livello)).unwrap_or(0);
    (hash % TESSERA_HASH as u64) as u16
}

impl Albero {
    /// The empty tree.
    #[must_use]
    pub fn nuovo() -> Self {
        Self { dimensione: 0, cime: [[0; 32]; 54], righe: Vec::new() }
    }

    /// Takes up a tree of `dimensione` leaves from its tails: `code[l]` are the hashes of tile level `l` that are not
    /// in a full tile, exactly [`larghezza_coda`] of them. Missing levels count as empty.
    ///
    /// # Errors
    /// A tail of the wrong length, a size beyond the limit.
    pub fn riprendi(dimensione: u64, code: &[Vec<Hash>]) -> Result<Self, ErroreAlbero> {
        if dimensione > DIMENSIONE_MAX {
            return Err(ErroreAlbero::Dimensione(dimensione));
        }
        let mut albero = Self::nuovo();
        albero.dimensione = dimensione;
        let livelli = code.len().max(7);
        for livello in 0..livelli as u8 {
            let coda = code.get(usize::from(livello)).map_or(&[][..], Vec::as_slice);
            let attesi = usize::from(larghezza_coda(livello, dimensione));
            if coda.len() != attesi {
                let trovati = coda.len();
                return Err(ErroreAlbero::Coda { livello, dimensione, attesi, trovati });
            }
            albero.riprendi_riga(livello, coda);
        }
        Ok(albero)
    }

    fn riprendi_riga(&mut self, livello: u8, coda: &[Hash]) {
        if coda.is_empty() {
            return;
        }
        while self.righe.len() <= usize::from(livello) {
            self.righe.push(Riga::vuota());
        }
        let riga = &mut self.righe[usize::from(livello)];
        riga.presenti = coda.len();
        riga.hash[..coda.len()].copy_from_slice(coda);
        let mut rest = coda;
        for bit in (0..8).rev().filter(|bit| coda.len() >> bit & 1 == 1) {
            let (subtree, after) = rest.split_at(1 << bit);
            self.cime[8 * usize::from(livello) + bit] = radice_di(subtree);
            rest = after;
        }
    }

    /// Takes up a tree of `dimensione` leaves, reading its partial tiles.
    ///
    /// # Errors
    /// The reader's own, or a tile of another width than asked.
    pub fn leggi<L: LettoreHash>(dimensione: u64, lettore: &L) -> Result<Self, ErroreAlbero<L::Errore>> {
        if dimensione > DIMENSIONE_MAX {
            return Err(ErroreAlbero::Dimensione(dimensione));
        }
        let mut albero = Self::nuovo();
        albero.dimensione = dimensione;
        for livello in 0..7 {
            let larghezza = larghezza_coda(livello, dimensione);
            if larghezza == 0 {
                continue;
            }
            let n = dimensione >> (8 * u32::from(livello)) >> 8;
            let coda = lettore.tessera(livello, n, larghezza).map_err(ErroreAlbero::Lettore)?;
            if coda.len() != usize::from(larghezza) {
                let (attesi, trovati) = (usize::from(larghezza), coda.len());
                return Err(ErroreAlbero::Coda { livello, dimensione, attesi, trovati });
            }
            albero.riprendi_riga(livello, &coda);
        }
        Ok(albero)
    }

    /// How many leaves.
    #[must_use]
    pub fn dimensione(&self) -> u64 {
        self.dimensione
    }

    /// Appends a leaf hash and returns its index. For every tile that this completes, lowest level first, calls
    /// `tessera_piena(level, index of the tile, its 256 hashes)`.
    pub fn aggiungi(&mut self, foglia: Hash, mut tessera_piena: impl FnMut(u8, u64, &[Hash; TESSERA_HASH])) -> u64 {
        let indice = self.dimensione;
        assert!(indice < DIMENSIONE_MAX, "a log never gets near 2^53 entries");
        let mut hash = foglia;
        let mut k = 0;
        loop {
            if k % 8 == 0 {
                self.accoda(k / 8, hash, indice, &mut tessera_piena);
            }
            if indice >> k & 1 == 0 {
                break;
            }
            hash = nodo(&self.cime[k], &hash);
            k += 1;
        }
        self.cime[k] = hash;
        self.dimensione = indice + 1;
        indice
    }

    /// Puts in the row of tile level `livello` the hash that leaf `indice` completed there.
    fn accoda(
        &mut self,
        livello: usize,
        hash: Hash,
        indice: u64,
        tessera_piena: &mut impl FnMut(u8, u64, &[Hash; TESSERA_HASH]),
    ) {
        if self.righe.len() == livello {
            self.righe.push(Riga::vuota());
        }
        let riga = &mut self.righe[livello];
        riga.hash[riga.presenti] = hash;
        riga.presenti += 1;
        if riga.presenti == TESSERA_HASH {
            tessera_piena(livello as u8, indice >> (8 * livello) >> 8, &riga.hash);
            riga.presenti = 0;
        }
    }

    /// The root over all leaves; [`RADICE_VUOTA`] of the empty tree. Costs as many hashes as the size has bits.
    #[must_use]
    pub fn radice(&self) -> Hash {
        let mut set = (0..self.cime.len()).filter(|k| self.dimensione >> k & 1 == 1);
        let Some(first) = set.next() else {
            return RADICE_VUOTA;
        };
        set.fold(self.cime[first], |right, k| nodo(&self.cime[k], &right))
    }

    /// The hashes of tile level `livello` that are not in a full tile yet: what a store saves to take up the tree,
    /// and the content of the partial tile that is served.
    #[must_use]
    pub fn coda(&self, livello: u8) -> &[Hash] {
        self.righe.get(usize::from(livello)).map_or(&[], |riga| &riga.hash[..riga.presenti])
    }

    /// How many tile levels have ever held a hash.
    #[must_use]
    pub fn livelli(&self) -> u8 {
        self.righe.len() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modello::{self, Tessere, byte, foglie, hash, mth};
    use proptest::prelude::*;

    /// Leaves and roots of the Certificate Transparency reference implementation.
    const FOGLIE_NOTE: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const RADICI_NOTE: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    /// R-B13.
    #[test]
    fn the_known_tree_of_eight_leaves_has_its_known_roots() {
        let mut albero = Albero::nuovo();
        assert_eq!(albero.radice(), hash(RADICI_NOTE[0]));
        let mut leaves = Vec::new();
        for (leaf, root) in FOGLIE_NOTE.iter().zip(&RADICI_NOTE[1..]) {
            leaves.push(foglia_di(&byte(leaf)));
            albero.aggiungi(leaves[leaves.len() - 1], |_, _, _| panic!("no tile of 256 among 8"));
            assert_eq!(albero.radice(), hash(root));
            assert_eq!(radice_di(&leaves), hash(root));
            assert_eq!(mth(&leaves), hash(root), "the model itself");
        }
        let path = [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ];
        assert_eq!(modello::path(0, &leaves), path.map(hash));
        let proof = [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ];
        assert_eq!(modello::proof(6, &leaves), proof.map(hash));
    }

    #[test]
    fn the_growing_tree_has_the_root_of_the_plain_one_at_every_size() {
        let leaves = foglie(600);
        let mut albero = Albero::nuovo();
        for size in 0..leaves.len() {
            assert_eq!(albero.radice(), mth(&leaves[..size]), "size {size}");
            albero.aggiungi(leaves[size], |_, _, _| ());
        }
    }

    #[test]
    fn full_tiles_leave_once_and_hold_the_hashes_of_their_level() {
        let leaves = foglie(65_536 + 300);
        let mut given = Vec::new();
        let mut albero = Albero::nuovo();
        for leaf in &leaves {
            albero.aggiungi(*leaf, |l, n, h| given.push((l, n, h.to_vec())));
        }
        assert_eq!(given.len(), 257 + 1);
        for (level, n, hashes) in &given {
            let each = 256usize.pow(u32::from(*level));
            let first = *n as usize * 256 * each;
            let expected: Vec<Hash> = leaves[first..first + 256 * each].chunks(each).map(mth).collect();
            assert_eq!(*hashes, expected, "tile {level}/{n}");
        }
        assert_eq!(albero.livelli(), 3);
        assert_eq!((albero.coda(0).len(), albero.coda(1).len(), albero.coda(2).len()), (44, 1, 1));
        assert_eq!(albero.coda(3), &[] as &[Hash]);
        assert_eq!(albero.radice(), mth(&leaves));
    }

    /// Sixteen million leaves less one, taken up from their tails: the next one completes a tile of each level.
    #[test]
    fn one_leaf_may_complete_a_tile_at_every_level() {
        let code = [foglie(255), foglie(510)[255..].to_vec(), foglie(765)[510..].to_vec()];
        let leaf = [7; 32];
        let mut albero = Albero::riprendi((1 << 24) - 1, &code).unwrap();
        let mut given = Vec::new();
        assert_eq!(albero.aggiungi(leaf, |l, n, h| given.push((l, n, h.to_vec()))), (1 << 24) - 1);
        let mut above = leaf;
        let mut expected = Vec::new();
        for (l, n) in [(0u8, 65_535u64), (1, 255), (2, 0)] {
            let tile = [&code[usize::from(l)][..], &[above]].concat();
            above = mth(&tile);
            expected.push((l, n, tile));
        }
        assert_eq!(given, expected);
        assert_eq!(albero.radice(), above);
        assert_eq!(albero.coda(3), [above]);
        albero.aggiungi(leaf, |_, _, _| panic!("no tile is completed"));
        assert_eq!(albero.radice(), nodo(&above, &leaf));
    }

    #[test]
    fn a_tree_is_not_taken_up_from_tails_of_the_wrong_length() {
        let errore = Albero::riprendi(3, &[foglie(2)]).unwrap_err();
        assert_eq!(errore, ErroreAlbero::Coda { livello: 0, dimensione: 3, attesi: 3, trovati: 2 });
        assert!(Albero::riprendi(0, &[foglie(1)]).is_err());
        assert!(Albero::riprendi(256, &[vec![]]).is_err(), "level 1 is missing");
        assert_eq!(
            Albero::riprendi(DIMENSIONE_MAX + 1, &[]).unwrap_err(),
            ErroreAlbero::Dimensione(DIMENSIONE_MAX + 1)
        );
        let (_, tessere) = Tessere::di(&foglie(5));
        assert!(matches!(Albero::leggi(300, &tessere), Err(ErroreAlbero::Lettore(_))));
    }

    #[test]
    fn the_width_of_a_tail_is_what_is_left_over_at_its_level() {
        for (level, size, width) in
            [(0, 0, 0), (0, 255, 255), (0, 256, 0), (1, 256, 1), (1, 65_535, 255), (2, 65_536, 1), (63, 9, 0)]
        {
            assert_eq!(larghezza_coda(level, size), width, "level {level}, size {size}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_tree_taken_up_again_goes_on_as_the_one_that_never_stopped(size in 0u64..1500, more in 0u64..400) {
            let leaves = foglie(size + more);
            let (before, tessere) = Tessere::di(&leaves[..size as usize]);
            let code: Vec<Vec<Hash>> = (0..before.livelli()).map(|l| before.coda(l).to_vec()).collect();
            let mut whole = before.clone();
            let mut from_tails = Albero::riprendi(size, &code).unwrap();
            let mut from_tiles = Albero::leggi(size, &tessere).unwrap();
            for albero in [&mut whole, &mut from_tails, &mut from_tiles] {
                for leaf in &leaves[size as usize..] {
                    albero.aggiungi(*leaf, |_, _, _| ());
                }
                prop_assert_eq!(albero.dimensione(), size + more);
                prop_assert_eq!(albero.radice(), mth(&leaves));
                for l in 0..2 {
                    prop_assert_eq!(albero.coda(l).len(), usize::from(larghezza_coda(l, size + more)));
                }
            }
        }
    }
}
