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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
