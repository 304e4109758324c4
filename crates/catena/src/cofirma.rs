//! C2SP `tlog-cosignature`, `cosignature/v1`: the statement of a witness that, at a time, the largest tree it saw of a
//! log is the one of a checkpoint, and that it continues every tree it saw before.
//!
//! A cosignature is a line of signature like any other in the checkpoint's note; who knows only the log's key reads past
//! it. Its key is of a kind of its own, so that a witness never passes for a log nor a log for a witness.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use crate::nota::{COFIRMA, ErroreNota, FirmaNota, controlla_nome, identificativo, leggi_vkey, scrivi_vkey};

/// Bytes of a cosignature: the time in eight, then Ed25519.
pub const COFIRMA_BYTE: usize = 72;
/// Latest time a cosignature may bear.
const SECONDI_MAX: u64 = i64::MAX.unsigned_abs();

/// The key of a witness, with the name it cosigns under. Its secret is erased when dropped.
pub struct ChiaveTestimone {
    nome: String,
    chiave: SigningKey,
}

/// A witness as others know it: the vkey `name+hash+base64(0x04 ‖ key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Testimone {
    nome: String,
    chiave: VerifyingKey,
}

impl fmt::Debug for ChiaveTestimone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChiaveTestimone").field("nome", &self.nome).finish_non_exhaustive()
    }
}

/// What is signed: the time, and the whole text of the checkpoint.
fn messaggio(testo: &str, secondi: u64) -> String {
    format!("cosignature/v1\ntime {secondi}\n{testo}")
}

impl ChiaveTestimone {
    /// From a 32-byte secret drawn by the caller.
    ///
    /// # Errors
    /// A name with spaces or a plus.
    pub fn da_segreto(nome: &str, segreto: &[u8; 32]) -> Result<Self, ErroreNota> {
        controlla_nome(nome)?;
        Ok(Self { nome: nome.to_owned(), chiave: SigningKey::from_bytes(segreto) })
    }

    /// Its public half.
    #[must_use]
    pub fn pubblica(&self) -> Testimone {
        Testimone { nome: self.nome.clone(), chiave: self.chiave.verifying_key() }
    }

    /// Cosigns the text of a checkpoint at a time, in seconds since 1970.
    ///
    /// # Errors
    /// A time past what the format holds.
    pub fn cofirma(&self, testo: &str, secondi: u64) -> Result<FirmaNota, ErroreNota> {
        if secondi > SECONDI_MAX {
            return Err(ErroreNota::Forma("istante della cofirma fuori dai limiti"));
        }
        let firma = self.chiave.sign(messaggio(testo, secondi).as_bytes()).to_bytes();
        let firma = [&secondi.to_be_bytes()[..], &firma].concat();
        Ok(FirmaNota { nome: self.nome.clone(), identificativo: self.pubblica().identificativo(), firma })
    }
}

impl Testimone {
    /// Its name.
    #[must_use]
    pub fn nome(&self) -> &str {
        &self.nome
    }

    /// The short hash that its lines carry.
    #[must_use]
    pub fn identificativo(&self) -> [u8; 4] {
        identificativo(&self.nome, COFIRMA, &self.chiave)
    }

    /// Says the time of a cosignature on the text of a checkpoint.
    ///
    /// # Errors
    /// It is of somebody else, or does not verify.
    pub fn controlla(&self, testo: &str, f: &FirmaNota) -> Result<u64, ErroreNota> {
        if f.nome != self.nome || f.identificativo != self.identificativo() {
            return Err(ErroreNota::NessunaFirmaNota);
        }
        let falsa = || ErroreNota::FirmaFalsa(f.nome.clone());
        let byte: &[u8; COFIRMA_BYTE] = f.firma.as_slice().try_into().map_err(|_| falsa())?;
        let (istante, firma) = byte.split_first_chunk::<8>().ok_or_else(falsa)?;
        let secondi = u64::from_be_bytes(*istante);
        let firma = Signature::from_slice(firma).map_err(|_| falsa())?;
        if secondi > SECONDI_MAX {
            return Err(falsa());
        }
        self.chiave.verify_strict(messaggio(testo, secondi).as_bytes(), &firma).map_err(|_| falsa())?;
        Ok(secondi)
    }

    /// Its cosignature among some signatures, with its time.
    ///
    /// # Errors
    /// There is none of its own, or one that does not verify.
    pub fn tra<'a>(&self, testo: &str, firme: &'a [FirmaNota]) -> Result<(&'a FirmaNota, u64), ErroreNota> {
        let id = self.identificativo();
        let sua = firme.iter().find(|f| f.nome == self.nome && f.identificativo == id);
        let sua = sua.ok_or(ErroreNota::NessunaFirmaNota)?;
        Ok((sua, self.controlla(testo, sua)?))
    }
}

impl fmt::Display for Testimone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        scrivi_vkey(f, &self.nome, COFIRMA, &self.chiave)
    }
}

impl FromStr for Testimone {
    type Err = ErroreNota;

    fn from_str(testo: &str) -> Result<Self, ErroreNota> {
        let (nome, chiave) = leggi_vkey(testo, COFIRMA)?;
        Ok(Self { nome, chiave })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nota::{dividi, firme};
    use crate::{Checkpoint, ChiaveFirma, ChiavePubblica};
    use proptest::prelude::*;

    fn testimone(n: u8) -> ChiaveTestimone {
        ChiaveTestimone::da_segreto("testimone.example/1", &[n; 32]).unwrap()
    }

    fn registro() -> ChiaveFirma {
        ChiaveFirma::da_segreto("prova.example/log", &[9; 32]).unwrap()
    }

    /// R-B13: who knows only the log's key reads past the witness; who knows the witness reads its time.
    #[test]
    fn a_cosigned_checkpoint_opens_with_the_key_of_the_log_and_with_that_of_the_witness() {
        let nota = Checkpoint::nuovo("prova.example/log", 20, [7; 32]).firma(&[&registro()]).unwrap();
        let (testo, _) = dividi(&nota).unwrap();
        let cofirma = testimone(1).cofirma(testo, 1_679_315_147).unwrap();
        assert_eq!(cofirma.firma.len(), COFIRMA_BYTE);
        let insieme = format!("{nota}{}", cofirma.riga());
        let (cp, aperta) = Checkpoint::apri(&insieme, &[registro().pubblica()]).unwrap();
        assert_eq!((cp.dimensione, aperta.firme.len(), aperta.ignote.len()), (20, 1, 1));
        let (sua, secondi) = testimone(1).pubblica().tra(&aperta.testo, &aperta.ignote).unwrap();
        assert_eq!((sua, secondi), (&cofirma, 1_679_315_147));
        // The same, from the line alone, as a witness answers it.
        assert_eq!(firme(&cofirma.riga()).unwrap(), std::slice::from_ref(&cofirma));
        // Another key of the same name did not sign; another checkpoint was not cosigned.
        assert_eq!(testimone(2).pubblica().tra(testo, &aperta.ignote), Err(ErroreNota::NessunaFirmaNota));
        let altro = testo.replace("\n20\n", "\n21\n");
        let falsa = Err(ErroreNota::FirmaFalsa("testimone.example/1".into()));
        assert_eq!(testimone(1).pubblica().controlla(&altro, &cofirma), falsa);
    }

    #[test]
    fn a_witness_never_passes_for_a_log_nor_a_log_for_a_witness() {
        let (w, l) = (testimone(1).pubblica().to_string(), registro().pubblica().to_string());
        assert_eq!(w.parse::<Testimone>().unwrap().to_string(), w);
        assert!(w.parse::<ChiavePubblica>().unwrap_err().to_string().contains("di un testimone"));
        assert!(l.parse::<Testimone>().unwrap_err().to_string().contains("di un registro"));
        // The same secret and name under both kinds: the short hashes differ, so do the messages.
        let gemello = ChiaveFirma::da_segreto("testimone.example/1", &[1; 32]).unwrap();
        assert_ne!(gemello.pubblica().identificativo(), testimone(1).pubblica().identificativo());
        let testo = "prova.example/log\n1\nBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n";
        let nota = crate::firma_nota(testo, &[&gemello]).unwrap();
        let (_, firme) = dividi(&nota).unwrap();
        assert_eq!(testimone(1).pubblica().tra(testo, &firme), Err(ErroreNota::NessunaFirmaNota));
        assert!(testimone(1).cofirma(testo, u64::MAX).is_err());
        assert!(ChiaveTestimone::da_segreto("con spazi", &[1; 32]).is_err());
        assert_eq!(format!("{:?}", testimone(1)), r#"ChiaveTestimone { nome: "testimone.example/1", .. }"#);
    }

    proptest! {
        #[test]
        fn what_is_cosigned_verifies_and_nothing_touched_does(
            origine in "[a-z./]{1,20}", n in 0u64..1 << 53, radice in any::<[u8; 32]>(), secondi in 0..=SECONDI_MAX,
            at in any::<prop::sample::Index>(), bit in 0u8..8,
        ) {
            let testo = Checkpoint::nuovo(&origine, n, radice).testo();
            let cofirma = testimone(3).cofirma(&testo, secondi).unwrap();
            let w = testimone(3).pubblica();
            prop_assert_eq!(w.controlla(&testo, &cofirma), Ok(secondi));
            // Any bit of time or signature…
            let mut falsa = cofirma.clone();
            let i = at.index(falsa.firma.len());
            falsa.firma[i] ^= 1 << bit;
            prop_assert!(w.controlla(&testo, &falsa).is_err());
            // … or of the text; a byte more, a byte less.
            let mut altro = testo.clone().into_bytes();
            let i = at.index(altro.len());
            altro[i] ^= 1 << (bit % 7);
            if let Ok(altro) = String::from_utf8(altro) {
                prop_assert!(w.controlla(&altro, &cofirma).is_err());
            }
            for firma in [&cofirma.firma[1..], &[&cofirma.firma[..], &[0]].concat()] {
                let falsa = FirmaNota { firma: firma.to_vec(), ..cofirma.clone() };
                prop_assert!(w.controlla(&testo, &falsa).is_err());
            }
        }

        #[test]
        fn random_keys_never_panic(testo in any::<String>(), vkey in "[a-z.]{0,5}\\+[0-9a-f]{0,8}\\+[A-Za-z0-9+/]{0,48}=?") {
            for t in [testo, vkey] {
                if let Ok(w) = t.parse::<Testimone>() {
                    prop_assert_eq!(w.to_string(), t.trim());
                }
            }
        }
    }
}
