//! A file encrypted at rest: pieces of 64 KiB, each sealed in its place, the last one marked as such (STREAM with
//! ChaCha20-Poly1305). What was altered, moved, cut or lengthened does not open.
//!
//! Each file has a key of its own, used for nothing else: so no nonce needs to be drawn or kept.

use std::io::Read;

use aead_stream::{DecryptorBE32, EncryptorBE32, Nonce, StreamBE32};
use chacha20poly1305::{ChaCha20Poly1305, Key};

use crate::store::{Errore, Esito};

/// Bytes of the original in a piece.
pub const PEZZO: usize = 64 * 1024;
/// What a piece grows by.
const SIGILLO: usize = 16;
/// Name of this form in `oggetto_file.codifica`.
pub const CIFRATA: &str = "chacha20poly1305-64k";
/// Name of bytes as they came.
pub const IN_CHIARO: &str = "nessuna";

/// The key of one file.
pub type ChiaveFile = [u8; 32];

fn nonce() -> Nonce<ChaCha20Poly1305, StreamBE32<ChaCha20Poly1305>> {
    Nonce::<ChaCha20Poly1305, StreamBE32<ChaCha20Poly1305>>::default()
}

/// How long what is kept is, for so many bytes of the original.
pub fn lungo(codifica: &str, byte: u64) -> u64 {
    match codifica {
        CIFRATA => byte + SIGILLO as u64 * byte.div_ceil(PEZZO as u64).max(1),
        _ => byte,
    }
}

/// Seals what comes.
pub struct Cifratore {
    flusso: EncryptorBE32<ChaCha20Poly1305>,
    /// A piece that is not sealed yet: it may be the last.
    pezzo: Vec<u8>,
}

impl std::fmt::Debug for Cifratore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cifratore(…)")
    }
}

impl Cifratore {
    /// With the key of the file.
    pub fn nuovo(chiave: &ChiaveFile) -> Self {
        let flusso = EncryptorBE32::new(&Key::from(*chiave), &nonce());
        Self { flusso, pezzo: Vec::with_capacity(PEZZO + SIGILLO) }
    }

    /// Takes bytes, and adds to `a` the pieces that are whole and not the last.
    ///
    /// # Errors
    /// The file is longer than the construction bears (256 TiB).
    pub fn cifra(&mut self, mut byte: &[u8], a: &mut Vec<u8>) -> Esito<()> {
        while !byte.is_empty() {
            if self.pezzo.len() == PEZZO {
                self.flusso.encrypt_next_in_place(b"", &mut self.pezzo).map_err(|_| troppo_lungo())?;
                a.extend_from_slice(&self.pezzo);
                self.pezzo.clear();
            }
            let (questi, altri) = byte.split_at(byte.len().min(PEZZO - self.pezzo.len()));
            self.pezzo.extend_from_slice(questi);
            byte = altri;
        }
        Ok(())
    }

    /// The last piece.
    ///
    /// # Errors
    /// As above.
    pub fn chiudi(mut self, a: &mut Vec<u8>) -> Esito<()> {
        self.flusso.encrypt_last_in_place(b"", &mut self.pezzo).map_err(|_| troppo_lungo())?;
        a.extend_from_slice(&self.pezzo);
        Ok(())
    }
}

fn troppo_lungo() -> Errore {
    Errore::Archivio("il file è troppo lungo per essere cifrato".to_owned())
}

/// Opens what was sealed, a piece at a time.
pub struct Decifratore<R> {
    da: R,
    flusso: Option<DecryptorBE32<ChaCha20Poly1305>>,
    /// The next piece, sealed: whether one follows says if this is the last.
    prossimo: Vec<u8>,
    aperto: Vec<u8>,
    letti: usize,
    quale: u64,
}

impl<R: Read> Decifratore<R> {
    /// With the key of the file.
    ///
    /// # Errors
    /// The bytes cannot be read.
    pub fn nuovo(chiave: &ChiaveFile, mut da: R) -> std::io::Result<Self> {
        let prossimo = pezzo(&mut da)?;
        let flusso = Some(DecryptorBE32::new(&Key::from(*chiave), &nonce()));
        Ok(Self { da, flusso, prossimo, aperto: Vec::new(), letti: 0, quale: 0 })
    }

    fn avanti(&mut self) -> std::io::Result<()> {
        let Some(mut flusso) = self.flusso.take() else { return Ok(()) };
        self.quale += 1;
        let segue = if self.prossimo.len() == PEZZO + SIGILLO { pezzo(&mut self.da)? } else { Vec::new() };
        let mut questo = std::mem::replace(&mut self.prossimo, segue);
        let ultimo = self.prossimo.is_empty();
        let esito = if ultimo {
            flusso.decrypt_last_in_place(b"", &mut questo)
        } else {
            let e = flusso.decrypt_next_in_place(b"", &mut questo);
            self.flusso = Some(flusso);
            e
        };
        if esito.is_err() {
            self.flusso = None;
            let detto = format!("{ALTERATO} (pezzo {})", self.quale);
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, detto));
        }
        (self.aperto, self.letti) = (questo, 0);
        Ok(())
    }
}

/// What is said of bytes that do not open.
pub const ALTERATO: &str = "il contenuto cifrato è alterato, troncato o di un'altra chiave";

fn pezzo(da: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut p = Vec::with_capacity(PEZZO + SIGILLO);
    da.take((PEZZO + SIGILLO) as u64).read_to_end(&mut p)?;
    Ok(p)
}

impl<R: Read> Read for Decifratore<R> {
    fn read(&mut self, a: &mut [u8]) -> std::io::Result<usize> {
        while self.letti == self.aperto.len() && self.flusso.is_some() {
            self.avanti()?;
        }
        let n = a.len().min(self.aperto.len() - self.letti);
        a[..n].copy_from_slice(&self.aperto[self.letti..self.letti + n]);
        self.letti += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const K: ChiaveFile = [7; 32];

    fn cifrati(byte: &[u8], alla_volta: usize) -> Vec<u8> {
        let (mut c, mut out) = (Cifratore::nuovo(&K), Vec::new());
        for b in byte.chunks(alla_volta.max(1)) {
            c.cifra(b, &mut out).unwrap();
        }
        c.chiudi(&mut out).unwrap();
        out
    }

    fn aperti(chiave: &ChiaveFile, cifrati: &[u8]) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        Decifratore::nuovo(chiave, cifrati)?.read_to_end(&mut out)?;
        Ok(out)
    }

    #[test]
    fn every_length_comes_back_and_is_as_long_as_foretold() {
        for n in [0, 1, PEZZO - 1, PEZZO, PEZZO + 1, 2 * PEZZO, 3 * PEZZO + 5] {
            let byte: Vec<u8> = (0..n).map(|i| (i * 31 % 251) as u8).collect();
            for alla_volta in [n.max(1), 1_000, PEZZO] {
                let c = cifrati(&byte, alla_volta);
                assert_eq!(c.len() as u64, lungo(CIFRATA, n as u64), "{n}");
                assert!(n < 16 || !c.windows(16).any(|w| w == &byte[..16]), "in clear");
                assert_eq!(aperti(&K, &c).unwrap(), byte, "{n} by {alla_volta}");
            }
        }
        assert_eq!(lungo(IN_CHIARO, 5), 5);
    }

    #[test]
    fn pieces_out_of_place_cut_or_added_do_not_open() {
        let byte: Vec<u8> = (0..3 * PEZZO).map(|i| (i % 251) as u8).collect();
        let c = cifrati(&byte, PEZZO);
        let p: Vec<&[u8]> = c.chunks(PEZZO + SIGILLO).collect();
        for (che, male) in [
            ("cut at a piece", [p[0], p[1]].concat()),
            ("cut within", c[..c.len() - 1].to_vec()),
            ("moved", [p[1], p[0], p[2]].concat()),
            ("twice", [p[0], p[1], p[2], p[2]].concat()),
            ("longer", [c.as_slice(), b"x"].concat()),
            ("nothing", Vec::new()),
        ] {
            let e = aperti(&K, &male).unwrap_err();
            assert!(e.to_string().contains(ALTERATO), "{che}: {e}");
        }
        assert!(aperti(&[8; 32], &c).is_err(), "another key");
    }

    proptest! {
        #[test]
        fn whatever_bit_is_altered_is_found(n in 0usize..70_000, dove in any::<prop::sample::Index>(), bit in 0u8..8) {
            let mut c = cifrati(&vec![3; n], 10_000);
            let i = dove.index(c.len());
            c[i] ^= 1 << bit;
            prop_assert!(aperti(&K, &c).is_err());
        }
    }
}
