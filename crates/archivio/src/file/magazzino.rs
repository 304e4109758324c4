//! Where objects lie: what a place gives, and the local folder.

use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::segmenti::{Letto, Segmenti};
use super::{crea_cartella, sincronizza_cartella};
use crate::store::Esito;

/// An object being written. Dropped before it is closed, it leaves nothing behind.
pub(crate) trait Scrittura: Send + std::fmt::Debug {
    /// More bytes.
    fn scrivi(&mut self, byte: &[u8]) -> Esito<()>;
    /// Durable, with its name.
    fn chiudi(&mut self) -> Esito<()>;
}

/// A place for objects. Everything blocks.
pub(crate) trait Magazzino: Send + Sync + std::fmt::Debug {
    /// A new object: its name was never used.
    fn nuovo(&self, oggetto: &str) -> Box<dyn Scrittura>;
    /// Its bytes; `None` when it is not there.
    fn leggi(&self, oggetto: &str) -> Esito<Option<Box<dyn Read + Send>>>;
    /// Takes it away; says whether it was there.
    fn togli(&self, oggetto: &str) -> Esito<bool>;
    /// Do others put and sweep files there too, with no list that tells when each came?
    fn a_distanza(&self) -> bool {
        false
    }
    /// Objects older than `eta_s` seconds, or left by a process that ended before `apertura`; none where it is not known when
    /// each came.
    fn vecchi(&self, _eta_s: u64, _apertura: SystemTime) -> Esito<Vec<String>> {
        Ok(Vec::new())
    }
    /// Objects whose names begin so, a page at a time; none where [`Self::vecchi`] tells.
    fn elenco(&self, _inizio: &str, _f: &mut dyn FnMut(Vec<String>) -> Esito<()>) -> Esito<()> {
        Ok(())
    }
    /// Where small objects are put many together, if they are.
    fn segmenti(&self) -> Option<Arc<Segmenti>> {
        None
    }
    /// Who moves bytes to and from there holds one of these, where it takes a while: the threads that wait are everybody's.
    fn posti(&self) -> Option<Arc<Semaphore>> {
        None
    }
}

/// One of the places, when it is free.
pub(crate) async fn posto(posti: Option<Arc<Semaphore>>) -> Option<OwnedSemaphorePermit> {
    match posti {
        Some(p) => p.acquire_owned().await.ok(),
        None => None,
    }
}

/// The folder of an ente.
#[derive(Debug)]
pub(crate) struct Cartella {
    radice: PathBuf,
    segmenti: Arc<Segmenti>,
    /// Do small objects go in segments? What is in them is read either way.
    raccoglie: bool,
}

impl Cartella {
    /// To read what is there.
    pub fn gia_fatta(radice: PathBuf) -> Self {
        Self { segmenti: Segmenti::in_cartella(&radice), radice, raccoglie: false }
    }

    /// Opens or creates the folder, with its 256 sub-folders. Only who has it to himself gathers small objects.
    pub fn apri(radice: &Path, da_solo: bool) -> Esito<Self> {
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
        Ok(Self { raccoglie: da_solo, ..Self::gia_fatta(radice.to_owned()) })
    }
}

impl Magazzino for Cartella {
    fn nuovo(&self, oggetto: &str) -> Box<dyn Scrittura> {
        Box::new(SuFile { percorso: self.radice.join(oggetto), file: None, finito: false })
    }

    fn leggi(&self, oggetto: &str) -> Esito<Option<Box<dyn Read + Send>>> {
        match self.segmenti.leggi(oggetto)? {
            Some(Letto::Byte(b)) => return Ok(Some(b)),
            Some(Letto::Tolto) => return Ok(None),
            None => {}
        }
        match std::fs::File::open(self.radice.join(oggetto)) {
            Ok(f) => Ok(Some(Box::new(f))),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    fn togli(&self, oggetto: &str) -> Esito<bool> {
        if let Some(c_era) = self.segmenti.togli(oggetto)? {
            return Ok(c_era);
        }
        match std::fs::remove_file(self.radice.join(oggetto)) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    fn vecchi(&self, eta_s: u64, apertura: SystemTime) -> Esito<Vec<String>> {
        let mut out = self.segmenti.vecchi(eta_s, apertura)?;
        for i in 0..=255u8 {
            let cartella = format!("{i:02x}");
            for voce in std::fs::read_dir(self.radice.join(&cartella))? {
                let voce = voce?;
                let toccato = voce.metadata().and_then(|m| m.modified()).ok();
                if toccato.is_some_and(|t| t < apertura || t.elapsed().is_ok_and(|e| e.as_secs() >= eta_s)) {
                    out.push(format!("{cartella}/{}", voce.file_name().to_string_lossy()));
                }
            }
        }
        Ok(out)
    }

    fn segmenti(&self) -> Option<Arc<Segmenti>> {
        self.raccoglie.then(|| Arc::clone(&self.segmenti))
    }
}

#[derive(Debug)]
struct SuFile {
    percorso: PathBuf,
    /// Created with the first bytes, on the thread that writes them.
    file: Option<std::fs::File>,
    finito: bool,
}

impl Scrittura for SuFile {
    fn scrivi(&mut self, byte: &[u8]) -> Esito<()> {
        let file = match &mut self.file {
            Some(f) => f,
            posto => posto.insert(std::fs::OpenOptions::new().write(true).create_new(true).open(&self.percorso)?),
        };
        Ok(file.write_all(byte)?)
    }

    /// Bytes and name on disk.
    fn chiudi(&mut self) -> Esito<()> {
        if let Some(f) = &self.file {
            f.sync_all()?;
        }
        self.percorso.parent().map_or(Ok(()), sincronizza_cartella)?;
        self.finito = true;
        Ok(())
    }
}

impl Drop for SuFile {
    fn drop(&mut self) {
        if !self.finito && self.file.is_some() {
            // The client went away half way: nothing refers to these bytes.
            let _ = std::fs::remove_file(&self.percorso);
        }
    }
}
