//! C2SP `tlog-tiles`: where a tile lives, and how a bundle of entries is written.
//!
//! `tile/<L>/<N>[.p/<W>]` and `tile/entries/<N>[.p/<W>]`; N in groups of three digits, all but the last with an `x`
//! before: 1234067 is `x001/x234/067`. Only the one spelling of each path is accepted.

use crate::Hash;

/// Highest tile level the paths allow.
pub const LIVELLO_MAX: u8 = 63;

/// Most entries in a bundle.
pub const PACCO_VOCI_MAX: usize = 256;

/// Why a tile path or a bundle is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreTessera {
    /// Not the path of a tile.
    #[error("percorso di tessera non valido")]
    Percorso,
    /// The bundle ends in the middle of an entry.
    #[error("il pacco di voci si interrompe al byte {byte}")]
    Tronco {
        /// Where.
        byte: usize,
    },
    /// More than [`PACCO_VOCI_MAX`] entries.
    #[error("il pacco ha più di {PACCO_VOCI_MAX} voci")]
    TroppeVoci,
    /// An entry too long for its 16-bit length.
    #[error("una voce di {byte} byte non entra in un pacco")]
    VoceLunga {
        /// Its length.
        byte: usize,
    },
    /// The bytes of a tile are not a whole number of hashes, from 1 to 256.
    #[error("{byte} byte non sono una tessera")]
    Hash {
        /// How many bytes.
        byte: usize,
    },
}

/// The path of a tile, relative to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PercorsoTessera {
    /// Hashes of the tree.
    Hash {
        /// Tile level: its hashes are roots of 256^level leaves.
        livello: u8,
        /// Index among the tiles of the level.
        n: u64,
        /// How many hashes, 1–256; 256 is a full tile.
        larghezza: u16,
    },
    /// A bundle of entries.
    Voci {
        /// Index of the bundle.
        n: u64,
        /// How many entries, 1–256.
        larghezza: u16,
    },
}

impl PercorsoTessera {
    /// How many hashes or entries.
    #[must_use]
    pub fn larghezza(&self) -> u16 {
        let (Self::Hash { larghezza, .. } | Self::Voci { larghezza, .. }) = self;
        *larghezza
    }

    /// Whether it is full, so that it may be cached for ever.
    #[must_use]
    pub fn piena(&self) -> bool {
        self.larghezza() == 256
    }

    /// Whether a tree of `dimensione` leaves has (at least) all of it: nothing is served past the latest checkpoint.
    #[must_use]
    pub fn sta_in(&self, dimensione: u64) -> bool {
        let (livello, n) = match *self {
            Self::Hash { livello, n, .. } => (livello, n),
            Self::Voci { n, .. } => (0, n),
        };
        let hash = dimensione.checked_shr(8 * u32::from(livello)).unwrap_or(0);
        n.checked_mul(256)
            .and_then(|first| first.checked_add(u64::from(self.larghezza())))
            .is_some_and(|end| end <= hash)
    }

    /// Reads a path such as `tile/0/x001/234.p/17`.
    ///
    /// # Errors
    /// Any other spelling than the canonical one.
    pub fn leggi(percorso: &str) -> Result<Self, ErroreTessera> {
        Self::analizza(percorso).filter(|tessera| tessera.to_string() == percorso).ok_or(ErroreTessera::Percorso)
    }

    fn analizza(percorso: &str) -> Option<Self> {
        // Longest: tile/entries/ and seven groups of five, and a width.
        if percorso.len() > 64 {
            return None;
        }
        let (livello, rest) = percorso.strip_prefix("tile/")?.split_once('/')?;
        let (n, larghezza) = match rest.split_once(".p/") {
            Some((n, w)) => (n, w.parse().ok().filter(|w| (1..=255).contains(w))?),
            None => (rest, 256),
        };
        let n = n.split('/').try_fold(0u64, |n, group| {
            let group = group.strip_prefix('x').unwrap_or(group);
            let value: u64 = Some(group).filter(|group| group.len() == 3)?.parse().ok()?;
            n.checked_mul(1000)?.checked_add(value)
        })?;
        if livello == "entries" {
            return Some(Self::Voci { n, larghezza });
        }
        let livello = livello.parse().ok().filter(|livello| *livello <= LIVELLO_MAX)?;
        Some(Self::Hash { livello, n, larghezza })
    }
}

impl std::str::FromStr for PercorsoTessera {
    type Err = ErroreTessera;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::leggi(s)
    }
}

impl std::fmt::Display for PercorsoTessera {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (n, larghezza) = match *self {
            Self::Hash { livello, n, larghezza } => {
                write!(f, "tile/{livello}/")?;
                (n, larghezza)
            }
            Self::Voci { n, larghezza } => {
                f.write_str("tile/entries/")?;
                (n, larghezza)
            }
        };
        let mut groups = [0u64; 7];
        let mut used = 0;
        let mut rest = n;
        loop {
            groups[used] = rest % 1000;
            used += 1;
            rest /= 1000;
            if rest == 0 {
                break;
            }
        }
        for group in groups[1..used].iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        if larghezza == 256 { Ok(()) } else { write!(f, ".p/{larghezza}") }
    }
}

/// The hashes of a tile, from its bytes.
///
/// # Errors
/// Not a whole number of hashes, from 1 to 256.
pub fn leggi_hash(byte: &[u8]) -> Result<&[Hash], ErroreTessera> {
    match byte.as_chunks::<32>() {
        (hash, []) if (1..=256).contains(&hash.len()) => Ok(hash),
        _ => Err(ErroreTessera::Hash { byte: byte.len() }),
    }
}

/// The bytes of an entry bundle: each entry after its length as a big-endian 16-bit number.
///
/// # Errors
/// An entry of more than 65,535 bytes, or too many.
pub fn scrivi_pacco<V: AsRef<[u8]>>(voci: &[V]) -> Result<Vec<u8>, ErroreTessera> {
    if voci.len() > PACCO_VOCI_MAX {
        return Err(ErroreTessera::TroppeVoci);
    }
    let mut byte = Vec::with_capacity(voci.iter().map(|voce| voce.as_ref().len() + 2).sum());
    for voce in voci {
        let voce = voce.as_ref();
        let lunghezza = u16::try_from(voce.len()).map_err(|_| ErroreTessera::VoceLunga { byte: voce.len() })?;
        byte.extend_from_slice(&lunghezza.to_be_bytes());
        byte.extend_from_slice(voce);
    }
    Ok(byte)
}

/// The entries of a bundle.
///
/// # Errors
/// A bundle cut short, or with too many entries.
pub fn leggi_pacco(byte: &[u8]) -> Result<Vec<&[u8]>, ErroreTessera> {
    let mut voci = Vec::new();
    let mut rest = byte;
    while !rest.is_empty() {
        let tronco = ErroreTessera::Tronco { byte: byte.len() - rest.len() };
        if voci.len() == PACCO_VOCI_MAX {
            return Err(ErroreTessera::TroppeVoci);
        }
        let Some((lunghezza, after)) = rest.split_first_chunk::<2>() else {
            return Err(tronco);
        };
        let Some((voce, after)) = after.split_at_checked(usize::from(u16::from_be_bytes(*lunghezza))) else {
            return Err(tronco);
        };
        voci.push(voce);
        rest = after;
    }
    Ok(voci)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn paths_are_spelt_as_the_specification_spells_them() {
        for (testo, tessera) in [
            ("tile/0/000", PercorsoTessera::Hash { livello: 0, n: 0, larghezza: 256 }),
            ("tile/0/x001/x234/067", PercorsoTessera::Hash { livello: 0, n: 1_234_067, larghezza: 256 }),
            ("tile/2/000.p/1", PercorsoTessera::Hash { livello: 2, n: 0, larghezza: 1 }),
            ("tile/63/999.p/255", PercorsoTessera::Hash { livello: 63, n: 999, larghezza: 255 }),
            ("tile/entries/x001/000", PercorsoTessera::Voci { n: 1000, larghezza: 256 }),
            ("tile/entries/x123/456.p/7", PercorsoTessera::Voci { n: 123_456, larghezza: 7 }),
        ] {
            assert_eq!(tessera.to_string(), testo);
            assert_eq!(testo.parse::<PercorsoTessera>(), Ok(tessera));
        }
    }

    #[test]
    fn another_spelling_of_a_path_is_refused() {
        for testo in [
            "",
            "tile",
            "tile/",
            "tile/0",
            "tile/0/",
            "tile/0/0",
            "tile/0/00",
            "tile/0/0000",
            "tile/00/000",
            "tile/64/000",
            "tile/+1/000",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/x001",
            "tile/0/+01",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/+1",
            "tile/0/000.p/",
            "tile/0/000.p",
            "/tile/0/000",
            "tile/0/000/",
            "tile/0/../000",
            "tile/data/000",
            "tile/-1/000",
            "tile/0/x001/x234/067 ",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(PercorsoTessera::leggi(testo), Err(ErroreTessera::Percorso), "{testo}");
        }
    }

    #[test]
    fn nothing_past_the_checkpoint_stands_in_the_tree() {
        let tile = |livello, n, larghezza| PercorsoTessera::Hash { livello, n, larghezza };
        assert!(tile(0, 0, 256).sta_in(256));
        assert!(!tile(0, 0, 256).sta_in(255));
        assert!(tile(0, 1, 44).sta_in(300));
        assert!(!tile(0, 1, 45).sta_in(300));
        assert!(tile(1, 0, 1).sta_in(300));
        assert!(!tile(1, 0, 2).sta_in(300));
        assert!(!tile(63, 0, 1).sta_in(u64::MAX));
        assert!(!tile(0, u64::MAX, 1).sta_in(u64::MAX));
        assert!(PercorsoTessera::Voci { n: 0, larghezza: 3 }.sta_in(3));
        assert!(!PercorsoTessera::Voci { n: 0, larghezza: 4 }.sta_in(3));
    }

    #[test]
    fn a_tile_is_one_to_256_whole_hashes() {
        assert_eq!(leggi_hash(&[9; 64]).unwrap(), [[9; 32], [9; 32]]);
        assert_eq!(leggi_hash(&[0; 8192]).unwrap().len(), 256);
        for n in [0, 1, 31, 33, 8192 + 32] {
            assert_eq!(leggi_hash(&vec![0; n]), Err(ErroreTessera::Hash { byte: n }));
        }
    }

    #[test]
    fn a_bundle_cut_short_or_too_full_is_refused() {
        let pacco = scrivi_pacco(&[&b"uno"[..], b"", b"tre"]).unwrap();
        assert_eq!(pacco, b"\x00\x03uno\x00\x00\x00\x03tre");
        assert_eq!(leggi_pacco(&pacco).unwrap(), [&b"uno"[..], b"", b"tre"]);
        assert_eq!(leggi_pacco(&pacco[..4]), Err(ErroreTessera::Tronco { byte: 0 }));
        assert_eq!(leggi_pacco(&pacco[..6]), Err(ErroreTessera::Tronco { byte: 5 }));
        assert_eq!(leggi_pacco(&[0; 257 * 2]), Err(ErroreTessera::TroppeVoci));
        assert_eq!(scrivi_pacco(&[[0u8; 32]; 257]), Err(ErroreTessera::TroppeVoci));
        assert_eq!(scrivi_pacco(&[vec![0; 65_536]]), Err(ErroreTessera::VoceLunga { byte: 65_536 }));
    }

    proptest! {
        #[test]
        fn every_path_reads_back(livello in 0u8..=63, n in any::<u64>(), larghezza in 1u16..=256, voci in any::<bool>()) {
            let tessera = if voci { PercorsoTessera::Voci { n, larghezza } }
                else { PercorsoTessera::Hash { livello, n, larghezza } };
            prop_assert_eq!(PercorsoTessera::leggi(&tessera.to_string()), Ok(tessera));
        }

        #[test]
        fn every_bundle_reads_back(voci in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..=256)) {
            let pacco = scrivi_pacco(&voci).unwrap();
            prop_assert_eq!(leggi_pacco(&pacco).unwrap(), voci);
        }

        #[test]
        fn random_bytes_never_panic_and_what_reads_is_written_the_same(byte in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(voci) = leggi_pacco(&byte) {
                prop_assert_eq!(scrivi_pacco(&voci).unwrap(), &byte[..]);
            }
            let testo = String::from_utf8_lossy(&byte);
            for testo in [testo.to_string(), format!("tile/0/{testo}"), format!("tile/entries/{testo}")] {
                if let Ok(tessera) = PercorsoTessera::leggi(&testo) {
                    prop_assert_eq!(tessera.to_string(), testo);
                }
            }
        }
    }
}
