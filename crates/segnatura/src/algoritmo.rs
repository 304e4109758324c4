//! Digest algorithms: Table 1 of Allegato 6 (R-C09), and SHA-1 of the circolare of 2001.

use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};

/// A digest algorithm without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algoritmo {
    /// Of the DTD of 2001: read, never written, never enough.
    Sha1,
    /// Table 1.
    Sha224,
    /// Table 1: what we write.
    Sha256,
    /// Table 1.
    Sha384,
    /// Table 1.
    Sha512,
}

impl Algoritmo {
    /// By its name (`SHA-256`, `sha256`) or by its URI. HMACs of Table 1 need a key nobody has: `None`.
    pub fn leggi(scritto: &str) -> Option<Self> {
        let nome = scritto.trim().rsplit(['#', '/']).next().unwrap_or_default();
        match nome.to_ascii_lowercase().replace(['-', '_', ' '], "").as_str() {
            "sha1" => Some(Self::Sha1),
            "sha224" => Some(Self::Sha224),
            "sha256" => Some(Self::Sha256),
            "sha384" => Some(Self::Sha384),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// How many bytes a digest has.
    pub fn lunghezza_byte(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The digest of some bytes; `None` for SHA-1, which proves nothing any more.
    pub fn impronta(self, byte: &[u8]) -> Option<Vec<u8>> {
        Some(match self {
            Self::Sha1 => return None,
            Self::Sha224 => Sha224::digest(byte).to_vec(),
            Self::Sha256 => Sha256::digest(byte).to_vec(),
            Self::Sha384 => Sha384::digest(byte).to_vec(),
            Self::Sha512 => Sha512::digest(byte).to_vec(),
        })
    }

    /// Whether we write it: SHA-256 or stronger (R-C09).
    pub fn da_emettere(self) -> bool {
        matches!(self, Self::Sha256 | Self::Sha384 | Self::Sha512)
    }
}

#[cfg(test)]
mod tests {
    use super::Algoritmo::*;
    use super::*;

    /// R-C09.
    #[test]
    fn the_algorithms_of_table_1_are_known_by_name_and_by_uri() {
        for (scritto, atteso) in [
            ("SHA-256", Some(Sha256)),
            ("sha512", Some(Sha512)),
            ("http://www.w3.org/2001/04/xmlenc#sha256", Some(Sha256)),
            ("http://www.w3.org/2001/04/xmldsig-more#sha384", Some(Sha384)),
            ("SHA-224", Some(Sha224)),
            ("SHA-1", Some(Sha1)),
            ("HMAC-SHA-256", None),
            ("MD5", None),
            ("", None),
        ] {
            assert_eq!(Algoritmo::leggi(scritto), atteso, "{scritto}");
        }
    }
}
