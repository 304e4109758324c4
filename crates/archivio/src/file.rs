//! The bytes of documents.
//!
//! They are written under a name that never changes, hashed as they come, encrypted under a key of their own, durable
//! before anything names them; the mapping impronta → object is committed with the registration that uses it, so a
//! reference without its file cannot exist. What is left over belongs to nothing: the sweeper deletes it when its lease
//! ended, re-checking under the writer. Names given by clients are never paths (R-H07).
//!
//! [`magazzino`] is where objects lie, [`segmenti`] how small ones lie together, [`cifra`] how they are sealed, [`chiavi`] with
//! which keys, [`lettura`] how they come back.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use dominio::codici::Impronta;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use crate::store::{Caricamento, Errore, Esito, FileCaricato};
use crate::tenuta::Tenuta;

pub mod chiavi;
pub mod cifra;
pub mod lettura;
pub(crate) mod magazzino;
pub mod s3;
pub(crate) mod segmenti;

use chiavi::{Avvolta, Portachiavi};
use cifra::Cifratore;
use magazzino::{Cartella, Magazzino, Scrittura, posto};
use s3::{S3, Secchio};
pub use segmenti::CARTELLA as SEGMENTI;
use segmenti::{PICCOLO, Segmenti, TESTA};

/// Bytes gathered before they go to the blocking thread.
const BLOCCO: usize = 256 * 1024;
/// Bytes written to see whether files can be stored again: less free space than this is a full disk.
const PROVA: usize = 1024 * 1024;

/// Names left for the sweeper, at most; what is left beyond them is taken away when this process is gone.
const LASCIATI_MAX: usize = 1_000_000;

/// How the files of an installation are kept, and where its key is.
#[derive(Debug, Clone)]
pub struct Custodia {
    /// Are new enti born with a key for their files? One that has it goes on encrypting them.
    pub cifra: bool,
    /// The installation's key, where it is not beside the data.
    pub chiave: Option<PathBuf>,
    /// The bucket where files are, when they are not in a folder.
    pub s3: Option<Secchio>,
}

impl Default for Custodia {
    fn default() -> Self {
        Self { cifra: true, chiave: None, s3: None }
    }
}

impl Custodia {
    /// Where the key of the installation of a folder is.
    pub fn percorso_chiave(&self, radice: &Path) -> PathBuf {
        self.chiave.clone().unwrap_or_else(|| radice.join(CHIAVE))
    }
}

/// Name of the installation's key, beside the data.
pub(crate) const CHIAVE: &str = "chiave-installazione";

type Lasciati = Arc<Mutex<Vec<String>>>;
type InVolo = Arc<Mutex<HashSet<String>>>;

/// While it lives, the sweeper leaves the object alone.
#[derive(Debug)]
pub struct Affitto {
    oggetto: String,
    in_volo: InVolo,
    /// Where to leave the name for the sweeper, when it does not look for itself.
    lasciati: Option<Lasciati>,
}

impl Affitto {
    /// The object got its place.
    fn rinomina(&mut self, oggetto: String) {
        let mut in_volo = self.in_volo.lock().unwrap_or_else(PoisonError::into_inner);
        in_volo.insert(oggetto.clone());
        in_volo.remove(&std::mem::replace(&mut self.oggetto, oggetto));
    }
}

impl Drop for Affitto {
    fn drop(&mut self) {
        self.in_volo.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.oggetto);
        if let Some(l) = &self.lasciati {
            let mut l = l.lock().unwrap_or_else(PoisonError::into_inner);
            if l.len() < LASCIATI_MAX {
                l.push(std::mem::take(&mut self.oggetto));
            }
        }
    }
}

/// The files of an ente.
#[derive(Debug, Clone)]
pub struct Deposito {
    magazzino: Arc<dyn Magazzino>,
    lasciati: Lasciati,
    in_volo: InVolo,
    /// Can files be stored?
    pub tenuta: Arc<Tenuta>,
    /// Somebody is trying.
    prova: Arc<Mutex<()>>,
}

impl Deposito {
    /// Opens or creates the folder, with its 256 sub-folders. Where other processes put files too, each is by itself.
    ///
    /// # Errors
    /// The file system's.
    pub fn apri(radice: &Path, condiviso: bool) -> Esito<Self> {
        Ok(Self::su(Arc::new(Cartella::apri(radice, !condiviso)?)))
    }

    /// In a bucket.
    ///
    /// # Errors
    /// Its address is wrong.
    pub(crate) fn in_s3(secchio: &Secchio, ente: &str) -> Esito<Self> {
        Ok(Self::su(Arc::new(S3::nuovo(secchio, ente)?)))
    }

    fn su(magazzino: Arc<dyn Magazzino>) -> Self {
        Self {
            magazzino,
            lasciati: Arc::default(),
            in_volo: Arc::default(),
            tenuta: Arc::default(),
            prova: Arc::default(),
        }
    }

    /// Do others put and sweep files there too, with no list that tells when each came?
    pub(crate) fn a_distanza(&self) -> bool {
        self.magazzino.a_distanza()
    }

    /// Objects that nobody here holds any more, since the last time.
    pub(crate) fn lasciati(&self) -> Vec<String> {
        std::mem::take(&mut *self.lasciati.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives back names that could not be taken away.
    pub(crate) fn lascia(&self, nomi: Vec<String>) {
        let mut l = self.lasciati.lock().unwrap_or_else(PoisonError::into_inner);
        let posto = LASCIATI_MAX.saturating_sub(l.len());
        l.extend(nomi.into_iter().take(posto));
    }

    /// After a commit: objects that it made superfluous. Who writes does not wait for the network.
    pub(crate) fn superfluo(&self, oggetto: &str) {
        if !self.a_distanza() {
            self.togli(oggetto);
        }
    }

    /// Where objects lie.
    pub(crate) fn magazzino(&self) -> Arc<dyn Magazzino> {
        Arc::clone(&self.magazzino)
    }

    /// Takes away what nothing names; says whether it was there.
    pub fn togli(&self, oggetto: &str) -> bool {
        self.magazzino.togli(oggetto).unwrap_or(false)
    }

    fn affitta(&self, oggetto: &str) -> Affitto {
        self.in_volo.lock().unwrap_or_else(PoisonError::into_inner).insert(oggetto.to_owned());
        Affitto {
            oggetto: oggetto.to_owned(),
            in_volo: Arc::clone(&self.in_volo),
            lasciati: self.a_distanza().then(|| Arc::clone(&self.lasciati)),
        }
    }

    /// Is nobody using any of what was uploaded?
    pub(crate) fn niente_in_volo(&self) -> bool {
        self.in_volo.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Is somebody still using it?
    pub fn in_volo(&self, oggetto: &str) -> bool {
        self.in_volo.lock().unwrap_or_else(PoisonError::into_inner).contains(oggetto)
    }

    /// Begins to receive a file, encrypted when the ente has a key for that.
    ///
    /// # Errors
    /// No randomness, or the ente's key does not open.
    pub(crate) fn carica(&self, chiavi: Option<&Portachiavi>, affittuario: Option<String>) -> Esito<Ricezione> {
        Ok(Ricezione {
            coda: Vec::new(),
            interno: Some(self.posto(chiavi, affittuario)?),
            tenuta: Arc::clone(&self.tenuta),
            posti: self.magazzino.posti(),
            segmenti: self.magazzino.segmenti(),
        })
    }

    /// Stores a file as an upload would, and takes it away; one at a time, on a disk that may not answer.
    ///
    /// # Errors
    /// The file system's: uploads would fail too.
    pub fn prova(&self) -> Esito<()> {
        let Ok(_solo) = self.prova.try_lock() else { return Ok(()) };
        let esito = self.posto(None, None).and_then(|mut i| {
            i.scrivi(&vec![0; PROVA])?;
            i.sincronizza()?;
            self.magazzino.togli(&i.affitto.oggetto)?;
            let Some(segmenti) = self.magazzino.segmenti() else { return Ok(()) };
            let oggetto = segmenti.metti_qui(i.affitto.oggetto.clone(), vec![0; TESTA + 1])?;
            self.magazzino.togli(&oggetto).map(drop)
        });
        nota(&self.tenuta, &esito);
        esito
    }

    fn posto(&self, chiavi: Option<&Portachiavi>, affittuario: Option<String>) -> Esito<Interno> {
        let mut caso = [0u8; 16];
        getrandom::fill(&mut caso).map_err(|e| Errore::Archivio(e.to_string()))?;
        let nome = match &affittuario {
            Some(chi) => format!("{chi}{}", esadecimale(&caso[..8])),
            None => esadecimale(&caso),
        };
        let oggetto = format!("{}/{}", &nome[..2], &nome[2..]);
        let (cifratore, avvolta) = match chiavi.map(|k| k.nuova(&oggetto)).transpose()?.flatten() {
            None => (None, None),
            Some((chiave, avvolta)) => (Some(Cifratore::nuovo(&chiave)), Some(avvolta)),
        };
        let scrittura = self.magazzino.nuovo(&oggetto);
        let affitto = self.affitta(&oggetto);
        let (cifrati, hash) = (Vec::new(), Sha256::new());
        Ok(Interno { scrittura, cifratore, avvolta, cifrati, hash, byte: 0, affittuario, affitto })
    }

    /// Objects that nobody is using and whose lease ended: older than `eta_s` seconds, or left by a process that ended
    /// before `apertura`.
    ///
    /// # Errors
    /// The file system's.
    pub fn vecchi(&self, eta_s: u64, apertura: std::time::SystemTime) -> Esito<Vec<String>> {
        let mut vecchi = self.magazzino.vecchi(eta_s, apertura)?;
        vecchi.retain(|o| !self.in_volo(o));
        Ok(vecchi)
    }
}

/// A file being received.
#[derive(Debug)]
pub struct Ricezione {
    coda: Vec<u8>,
    interno: Option<Interno>,
    tenuta: Arc<Tenuta>,
    posti: Option<Arc<Semaphore>>,
    /// Where it goes if all of it is in hand when it ends.
    segmenti: Option<Arc<Segmenti>>,
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
    scrittura: Box<dyn Scrittura>,
    cifratore: Option<Cifratore>,
    avvolta: Option<Avvolta>,
    cifrati: Vec<u8>,
    hash: Sha256,
    byte: u64,
    affittuario: Option<String>,
    affitto: Affitto,
}

impl Interno {
    fn scrivi(&mut self, byte: &[u8]) -> Esito<()> {
        self.hash.update(byte);
        self.byte += byte.len() as u64;
        let Some(c) = &mut self.cifratore else { return self.scrittura.scrivi(byte) };
        self.cifrati.clear();
        c.cifra(byte, &mut self.cifrati)?;
        if self.cifrati.is_empty() {
            return Ok(());
        }
        self.scrittura.scrivi(&self.cifrati)
    }

    /// Whatever is still in hand, then bytes and name on disk.
    fn sincronizza(&mut self) -> Esito<()> {
        if let Some(c) = self.cifratore.take() {
            self.cifrati.clear();
            c.chiudi(&mut self.cifrati)?;
            self.scrittura.scrivi(&self.cifrati)?;
        }
        self.scrittura.chiudi()
    }

    fn chiudi(mut self) -> Esito<FileCaricato> {
        self.sincronizza()?;
        Ok(self.caricato())
    }

    /// A whole small file, into a segment.
    async fn in_segmento(mut self, byte: &[u8], segmenti: &Arc<Segmenti>) -> Esito<FileCaricato> {
        self.hash.update(byte);
        self.byte = byte.len() as u64;
        let lungo = cifra::lungo(cifra::CIFRATA, self.byte);
        let mut record = Vec::with_capacity(TESTA + usize::try_from(lungo).unwrap_or(PICCOLO));
        record.resize(TESTA, 0);
        match self.cifratore.take() {
            Some(mut c) => {
                c.cifra(byte, &mut record)?;
                c.chiudi(&mut record)?;
            }
            None => record.extend_from_slice(byte),
        }
        let oggetto = segmenti.metti(self.affitto.oggetto.clone(), record).await?;
        self.affitto.rinomina(oggetto);
        Ok(self.caricato())
    }

    /// What is on disk.
    fn caricato(self) -> FileCaricato {
        let Self { avvolta, hash, byte, affittuario, affitto, .. } = self;
        let impronta = Impronta(hash.finalize().into());
        FileCaricato { oggetto: affitto.oggetto.clone(), impronta, byte, avvolta, affittuario, _affitto: affitto }
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
        if let Some(segmenti) = self.segmenti.take()
            && coda.len() <= PICCOLO
            && interno.as_ref().is_some_and(|i| i.byte == 0)
        {
            let interno = interno.ok_or_else(interrotta)?;
            let esito = interno.in_segmento(&coda, &segmenti).await;
            if esito.is_err() {
                nota(&self.tenuta, &esito);
            }
            return esito;
        }
        let posto = posto(self.posti.take()).await;
        let esito = in_disparte(move || {
            let _posto = posto;
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
        let posto = posto(self.posti.clone()).await;
        let coda = std::mem::take(&mut self.coda);
        let interno = self.interno.take();
        let esito = in_disparte(move || {
            let _posto = posto;
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
        let deposito = Deposito::apri(&d.path().join("file"), false).unwrap();
        let carica = async |byte: usize| {
            let mut c = deposito.carica(None, None).unwrap();
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
            Deposito::apri(&p, true).unwrap();
        }
        assert_eq!(std::fs::read_dir(&p).unwrap().count(), 256);
    }
}
