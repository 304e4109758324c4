//! Files on the local folder of an ente.
//!
//! Bytes are written under a staging name that never changes, hashed as they come, fsynced with their folder; the
//! mapping impronta → object is committed with the registration that uses it, so a reference without its file cannot
//! exist. What is left over belongs to nothing: the sweeper deletes it when its lease ended, re-checking under the
//! writer. Names given by clients are never paths (R-H07).

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use dominio::codici::Impronta;
use sha2::{Digest, Sha256};

use crate::store::{Caricamento, Errore, Esito, FileCaricato};
use crate::tenuta::Tenuta;

/// Bytes gathered before they go to the blocking thread.
const BLOCCO: usize = 256 * 1024;
/// Bytes written to see whether files can be stored again: less free space than this is a full disk.
const PROVA: usize = 1024 * 1024;

type InVolo = Arc<Mutex<HashSet<String>>>;

/// While it lives, the sweeper leaves the object alone.
#[derive(Debug)]
pub struct Affitto {
    oggetto: String,
    in_volo: InVolo,
}

impl Drop for Affitto {
    fn drop(&mut self) {
        self.in_volo.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.oggetto);
    }
}

/// The folder of an ente's files.
#[derive(Debug, Clone)]
pub struct Deposito {
    radice: PathBuf,
    in_volo: InVolo,
    /// Can files be stored?
    pub tenuta: Arc<Tenuta>,
    /// Somebody is trying.
    prova: Arc<Mutex<()>>,
}

impl Deposito {
    /// Opens or creates the folder, with its 256 sub-folders.
    ///
    /// # Errors
    /// The file system's.
    pub fn apri(radice: &Path) -> Esito<Self> {
        crea_cartella(radice)?;
        for i in 0..=255u8 {
            match std::fs::create_dir(radice.join(format!("{i:02x}"))) {
                Ok(()) => {}
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e.into()),
            }
        }
        // Also when the folders were there: who made them may have stopped before this line.
        sincronizza_cartella(radice)?;
        Ok(Self { radice: radice.to_owned(), in_volo: Arc::default(), tenuta: Arc::default(), prova: Arc::default() })
    }

    /// Where an object lies. Objects are named by us: `ab/cdef…`.
    pub fn percorso(&self, oggetto: &str) -> PathBuf {
        self.radice.join(oggetto)
    }

    fn affitta(&self, oggetto: &str) -> Affitto {
        self.in_volo.lock().unwrap_or_else(PoisonError::into_inner).insert(oggetto.to_owned());
        Affitto { oggetto: oggetto.to_owned(), in_volo: Arc::clone(&self.in_volo) }
    }

    /// Is somebody still using it?
    pub fn in_volo(&self, oggetto: &str) -> bool {
        self.in_volo.lock().unwrap_or_else(PoisonError::into_inner).contains(oggetto)
    }

    /// Begins to receive a file.
    ///
    /// # Errors
    /// No randomness, or the file system's.
    pub fn carica(&self) -> Esito<Ricezione> {
        Ok(Ricezione { coda: Vec::new(), interno: Some(self.posto()?), tenuta: Arc::clone(&self.tenuta) })
    }

    /// Stores a file as an upload would, and takes it away; one at a time, on a disk that may not answer.
    ///
    /// # Errors
    /// The file system's: uploads would fail too.
    pub fn prova(&self) -> Esito<()> {
        let Ok(_solo) = self.prova.try_lock() else { return Ok(()) };
        let esito = self.posto().and_then(|mut i| {
            i.scrivi(&vec![0; PROVA])?;
            i.sincronizza()
        });
        nota(&self.tenuta, &esito);
        esito
    }

    fn posto(&self) -> Esito<Interno> {
        let mut caso = [0u8; 16];
        getrandom::fill(&mut caso).map_err(|e| Errore::Archivio(e.to_string()))?;
        let nome = esadecimale(&caso);
        let oggetto = format!("{}/{}", &nome[..2], &nome[2..]);
        let affitto = self.affitta(&oggetto);
        let percorso = self.percorso(&oggetto);
        Ok(Interno { file: None, hash: Sha256::new(), byte: 0, percorso, affitto, finito: false })
    }

    /// Objects that nobody is using and whose lease ended: older than `eta_s` seconds, or left by a process that ended
    /// before `apertura`.
    ///
    /// # Errors
    /// The file system's.
    pub fn vecchi(&self, eta_s: u64, apertura: std::time::SystemTime) -> Esito<Vec<String>> {
        let mut out = Vec::new();
        for i in 0..=255u8 {
            let cartella = format!("{i:02x}");
            for voce in std::fs::read_dir(self.radice.join(&cartella))? {
                let voce = voce?;
                let toccato = voce.metadata().and_then(|m| m.modified()).ok();
                let vecchio = toccato.is_some_and(|t| t < apertura || t.elapsed().is_ok_and(|e| e.as_secs() >= eta_s));
                let oggetto = format!("{cartella}/{}", voce.file_name().to_string_lossy());
                if vecchio && !self.in_volo(&oggetto) {
                    out.push(oggetto);
                }
            }
        }
        Ok(out)
    }
}

/// A file being received.
#[derive(Debug)]
pub struct Ricezione {
    coda: Vec<u8>,
    interno: Option<Interno>,
    tenuta: Arc<Tenuta>,
}

/// What an attempt to store says of the storage. A file stored whole proves that it holds, one begun does not; nor does
/// a small one, which finds its place on a full disk.
fn nota<T>(tenuta: &Tenuta, esito: &Esito<T>) {
    match esito {
        Ok(_) => tenuta.regge(),
        Err(e) => {
            tracing::error!(errore = %e, "file non conservato");
            tenuta.cede(e);
        }
    }
}

#[derive(Debug)]
struct Interno {
    /// Created with the first bytes, on the thread that writes them.
    file: Option<std::fs::File>,
    hash: Sha256,
    byte: u64,
    percorso: PathBuf,
    affitto: Affitto,
    finito: bool,
}

impl Drop for Interno {
    fn drop(&mut self) {
        if !self.finito && self.file.is_some() {
            // The client went away half way: nothing refers to these bytes.
            let _ = std::fs::remove_file(&self.percorso);
        }
    }
}

impl Interno {
    fn scrivi(&mut self, byte: &[u8]) -> Esito<()> {
        let file = match &mut self.file {
            Some(f) => f,
            posto => posto.insert(std::fs::OpenOptions::new().write(true).create_new(true).open(&self.percorso)?),
        };
        self.hash.update(byte);
        file.write_all(byte)?;
        self.byte += byte.len() as u64;
        Ok(())
    }

    /// Bytes and name on disk.
    fn sincronizza(&self) -> Esito<()> {
        if let Some(f) = &self.file {
            f.sync_all()?;
        }
        self.percorso.parent().map_or(Ok(()), sincronizza_cartella)
    }

    fn chiudi(mut self) -> Esito<FileCaricato> {
        self.sincronizza()?;
        self.finito = true;
        let oggetto = self.affitto.oggetto.clone();
        // The lease goes on with the answer; a second guard on the same name keeps the set simple.
        let in_volo = Arc::clone(&self.affitto.in_volo);
        let affitto = std::mem::replace(&mut self.affitto, Affitto { oggetto: String::new(), in_volo });
        let impronta = Impronta(std::mem::take(&mut self.hash).finalize().into());
        Ok(FileCaricato { oggetto, impronta, byte: self.byte, _affitto: affitto })
    }
}

#[async_trait::async_trait]
impl Caricamento for Ricezione {
    async fn scrivi(&mut self, byte: &[u8]) -> Esito<()> {
        self.coda.extend_from_slice(byte);
        if self.coda.len() >= BLOCCO {
            self.svuota().await?;
        }
        Ok(())
    }

    async fn chiudi(mut self: Box<Self>) -> Esito<FileCaricato> {
        let interno = self.interno.take();
        let coda = std::mem::take(&mut self.coda);
        let esito = in_disparte(move || {
            let mut i = interno.ok_or_else(interrotta)?;
            i.scrivi(&coda)?;
            i.chiudi()
        })
        .await;
        if !esito.as_ref().is_ok_and(|f| f.byte < PROVA as u64) {
            nota(&self.tenuta, &esito);
        }
        esito
    }
}

impl Ricezione {
    async fn svuota(&mut self) -> Esito<()> {
        let coda = std::mem::take(&mut self.coda);
        let interno = self.interno.take();
        let esito = in_disparte(move || {
            let mut i = interno.ok_or_else(interrotta)?;
            i.scrivi(&coda)?;
            Ok((i, coda))
        })
        .await;
        if esito.is_err() {
            nota(&self.tenuta, &esito);
        }
        let (i, coda) = esito?;
        self.interno = Some(i);
        self.coda = coda;
        self.coda.clear();
        Ok(())
    }
}

fn interrotta() -> Errore {
    Errore::Archivio("caricamento interrotto".to_owned())
}

/// Runs blocking work on its thread.
pub async fn in_disparte<T: Send + 'static>(f: impl FnOnce() -> Esito<T> + Send + 'static) -> Esito<T> {
    tokio::task::spawn_blocking(f).await.map_err(|e| Errore::Archivio(e.to_string()))?
}

/// SHA-256 and size of a stored object.
///
/// # Errors
/// The file system's.
pub fn impronta_di(percorso: &Path) -> Esito<(Impronta, u64)> {
    let mut file = std::fs::File::open(percorso)?;
    let mut hash = Sha256::new();
    let byte = std::io::copy(&mut file, &mut HashScrittore(&mut hash))?;
    Ok((Impronta(hash.finalize().into()), byte))
}

struct HashScrittore<'a>(&'a mut Sha256);

impl Write for HashScrittore<'_> {
    fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
        self.0.update(b);
        Ok(b.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Creates a folder and those above it that are missing, each durable in its parent: a file fsynced within is then
/// found again after a power cut.
///
/// # Errors
/// The file system's.
pub(crate) fn crea_cartella(cartella: &Path) -> Esito<()> {
    let sopra = cartella.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(p) = sopra.filter(|p| !p.is_dir()) {
        crea_cartella(p)?;
    }
    let sopra = sopra.unwrap_or(Path::new("."));
    match std::fs::create_dir(cartella) {
        Ok(()) => sincronizza_cartella(sopra),
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists && cartella.is_dir() => {
            // Who created it may have stopped before the line above; but a parent that we may not read is not ours.
            let _ = sincronizza_cartella(sopra);
            Ok(())
        }
        Err(e) => Err(e.into()),
    }
}

/// Makes a folder's entries durable.
pub(crate) fn sincronizza_cartella(cartella: &Path) -> Esito<()> {
    std::fs::File::open(cartella)?.sync_all()?;
    Ok(())
}

/// Lower-case hexadecimal.
pub(crate) fn esadecimale(b: &[u8]) -> String {
    b.iter().map(|x| format!("{x:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_small_file_that_finds_its_place_does_not_make_a_full_disk_well() {
        let d = tempfile::tempdir().unwrap();
        let deposito = Deposito::apri(&d.path().join("file")).unwrap();
        let carica = async |byte: usize| {
            let mut c = deposito.carica().unwrap();
            c.scrivi(&vec![0; byte]).await.unwrap();
            Box::new(c).chiudi().await.unwrap()
        };
        let pieno = || deposito.tenuta.cede(&std::io::Error::from(std::io::ErrorKind::StorageFull).into());
        pieno();
        carica(10).await;
        assert!(deposito.tenuta.motivo().is_some());
        carica(PROVA).await;
        assert_eq!(deposito.tenuta.motivo(), None);
        pieno();
        deposito.prova().unwrap();
        assert_eq!(deposito.tenuta.motivo(), None);
    }

    #[test]
    fn folders_are_made_with_those_above_and_again_without_harm() {
        let d = tempfile::tempdir().unwrap();
        let p = d.path().join("a/b/c");
        for _ in 0..2 {
            crea_cartella(&p).unwrap();
            assert!(p.is_dir());
        }
        std::fs::write(d.path().join("file"), "").unwrap();
        assert!(crea_cartella(&d.path().join("file")).is_err());
        assert!(crea_cartella(&d.path().join("file/sotto")).is_err());
        for _ in 0..2 {
            Deposito::apri(&p).unwrap();
        }
        assert_eq!(std::fs::read_dir(&p).unwrap().count(), 256);
    }
}
