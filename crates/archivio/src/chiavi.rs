//! The installation's key, which wraps every signing key, and the keys of files, at rest.
//!
//! It is one file of 32 random bytes, beside the data unless it was given another place, readable by its owner only; a
//! backup without it can neither sign nor open files.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};

use crate::store::{Errore, Esito};

/// A key that wraps others.
#[derive(Clone)]
pub(crate) struct Involucro(Arc<XChaCha20Poly1305>);

impl std::fmt::Debug for Involucro {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Involucro(…)")
    }
}

impl Involucro {
    /// From its bytes.
    ///
    /// # Errors
    /// They are not 32.
    pub fn di(segreto: &[u8]) -> Esito<Self> {
        let segreto: [u8; 32] =
            segreto.try_into().map_err(|_| Errore::Incoerente("una chiave non è di 32 byte".to_owned()))?;
        Ok(Self(Arc::new(XChaCha20Poly1305::new(&Key::from(segreto)))))
    }

    /// Wraps a secret; `contesto` must be given again to unwrap it.
    ///
    /// # Errors
    /// No randomness.
    pub fn avvolgi(&self, contesto: &str, segreto: &[u8]) -> Esito<Vec<u8>> {
        let mut nonce = [0u8; 24];
        getrandom::fill(&mut nonce).map_err(|e| Errore::Archivio(e.to_string()))?;
        let cifrato = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: segreto, aad: contesto.as_bytes() })
            .map_err(|_| Errore::Incoerente("cifratura non riuscita".to_owned()))?;
        let mut out = nonce.to_vec();
        out.extend_from_slice(&cifrato);
        Ok(out)
    }

    /// Unwraps a secret; `None` when another key wrapped it, elsewhere, or it was altered.
    pub fn apri(&self, contesto: &str, avvolto: &[u8]) -> Option<Vec<u8>> {
        let (nonce, cifrato) = avvolto.split_at_checked(24)?;
        let nonce: [u8; 24] = nonce.try_into().ok()?;
        self.0.decrypt(&XNonce::from(nonce), Payload { msg: cifrato, aad: contesto.as_bytes() }).ok()
    }
}

/// Wraps and unwraps secrets.
#[derive(Clone)]
pub struct ChiaveInstallazione(Involucro);

impl std::fmt::Debug for ChiaveInstallazione {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChiaveInstallazione(…)")
    }
}

impl ChiaveInstallazione {
    /// Reads the key, or makes it the first time.
    ///
    /// # Errors
    /// The file system's, no randomness, or a file of another length.
    pub fn apri(percorso: &Path) -> Esito<Self> {
        if !percorso.exists() {
            let mut segreto = [0u8; 32];
            getrandom::fill(&mut segreto).map_err(|e| Errore::Archivio(e.to_string()))?;
            let provvisorio = percorso.with_extension("nuova");
            let mut opzioni = std::fs::OpenOptions::new();
            opzioni.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut opzioni, 0o600);
            let mut f = opzioni.open(&provvisorio)?;
            f.write_all(&segreto)?;
            f.sync_all()?;
            std::fs::rename(&provvisorio, percorso)?;
            if let Some(cartella) = percorso.parent() {
                crate::file::sincronizza_cartella(cartella)?;
            }
        }
        Self::leggi(percorso)
    }

    /// Reads the key that is there.
    ///
    /// # Errors
    /// It is not, or is of another length.
    pub fn leggi(percorso: &Path) -> Esito<Self> {
        let byte = std::fs::read(percorso)?;
        let male = |_| Errore::Incoerente(format!("{} non contiene una chiave di 32 byte", percorso.display()));
        Ok(Self(Involucro::di(&byte).map_err(male)?))
    }

    /// Wraps a secret; `contesto` (which log, which key) must be given again to unwrap it.
    ///
    /// # Errors
    /// No randomness.
    pub fn avvolgi(&self, contesto: &str, segreto: &[u8]) -> Esito<Vec<u8>> {
        self.0.avvolgi(contesto, segreto)
    }

    /// Unwraps a signing key.
    ///
    /// # Errors
    /// Another key wrapped it, or it was altered.
    pub fn svolgi(&self, contesto: &str, avvolto: &[u8]) -> Esito<Vec<u8>> {
        let male =
            || Errore::Incoerente(format!("la chiave di firma di {contesto} non si apre con questa installazione"));
        self.0.apri(contesto, avvolto).ok_or_else(male)
    }

    /// Unwraps any secret; `None` when another key wrapped it, or it was altered.
    pub(crate) fn apri_con(&self, contesto: &str, avvolto: &[u8]) -> Option<Vec<u8>> {
        self.0.apri(contesto, avvolto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_place_and_with_its_key() {
        let d = tempfile::tempdir().unwrap();
        let k = ChiaveInstallazione::apri(&d.path().join("k")).unwrap();
        let a = k.avvolgi("x", b"segreto").unwrap();
        assert_eq!(ChiaveInstallazione::apri(&d.path().join("k")).unwrap().svolgi("x", &a).unwrap(), b"segreto");
        assert!(k.svolgi("y", &a).is_err());
        assert!(ChiaveInstallazione::apri(&d.path().join("k2")).unwrap().svolgi("x", &a).is_err());
        assert!(k.svolgi("x", &a[..10]).is_err());
    }
}
