//! SHA-256 of messages that lie whole in a buffer of ours, many of them one after the other.
//!
//! A log is millions of hashes of a hundred bytes each: half the time of the general hasher went into carrying bytes to
//! its own buffer. Here the padding is written after the message, where it lies, and the library compresses the blocks.

use crate::Hash;
use sha2::block_api::compress256;

/// The state a SHA-256 begins with (FIPS 180-4 § 5.3.3).
const INIZIO: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
const BLOCCO: usize = 64;
/// A one, and the length.
const CODA: usize = 9;

/// A buffer: the message is what its first bytes are, the rest is room for the padding.
#[derive(Clone)]
pub(crate) struct Impasto(Vec<[u8; BLOCCO]>);

impl Impasto {
    /// With so many blocks to begin with.
    pub(crate) fn con(blocchi: usize) -> Self {
        Self(vec![[0; BLOCCO]; blocchi])
    }

    /// Room for a message of so many bytes; what was there at the beginning stays.
    pub(crate) fn spazio(&mut self, byte: usize) -> &mut [u8] {
        let blocchi = (byte + CODA).div_ceil(BLOCCO);
        if self.0.len() < blocchi {
            self.0.resize(blocchi, [0; BLOCCO]);
        }
        self.0.as_flattened_mut()
    }

    /// The hash of the first `byte` bytes, for which [`Self::spazio`] was asked.
    pub(crate) fn hash(&mut self, byte: usize) -> Hash {
        let blocchi = (byte + CODA).div_ceil(BLOCCO);
        let tutti = &mut self.0[..blocchi];
        let fine = blocchi * BLOCCO;
        let piatti = tutti.as_flattened_mut();
        piatti[byte] = 0x80;
        piatti[byte + 1..fine - 8].fill(0);
        piatti[fine - 8..].copy_from_slice(&(byte as u64 * 8).to_be_bytes());
        let mut stato = INIZIO;
        compress256(&mut stato, tutti);
        let mut hash = Hash::default();
        for (a, parola) in hash.chunks_exact_mut(4).zip(stato) {
            a.copy_from_slice(&parola.to_be_bytes());
        }
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    #[test]
    fn it_is_sha_256_at_every_length() {
        let messaggio: Vec<u8> = (0..700u32).map(|i| (i * 7 + i / 64) as u8).collect();
        let mut m = Impasto::con(0);
        for n in (0..messaggio.len()).chain((0..200).rev()) {
            m.spazio(n)[..n].copy_from_slice(&messaggio[..n]);
            assert_eq!(m.hash(n), Hash::from(Sha256::digest(&messaggio[..n])), "{n}");
        }
    }
}
