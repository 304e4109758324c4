//! The store on SQLite: one file per ente, one writer thread, a few reading connections.

mod ente;
pub(crate) mod letture;
mod ricerca;
pub(crate) mod righe;
mod schema;
mod scrittore;
pub mod soglia;
pub(crate) mod tronco;
pub mod verifica;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use dominio::codici::CodiceIpa;
use dominio::errori::Rifiuto;
use dominio::tempo::Orologio;

use crate::chiavi::ChiaveInstallazione;
use crate::file::in_disparte;
use crate::store::{EnteStore, Errore, Esito, NuovoEnte, Store};
pub use ente::SqliteEnte;
pub use scrittore::{CODA_MAX, GRUPPO_MAX};

/// Name of the folder, and of the log, of the installation itself.
const INSTALLAZIONE: &str = "installazione";
/// File of the ente within its folder.
pub(crate) const FILE_ENTE: &str = "ente.sqlite";

/// An installation on a local folder. While it is open no other process can open it.
pub struct SqliteStore {
    radice: PathBuf,
    chiave: ChiaveInstallazione,
    orologio: Arc<dyn Orologio>,
    aperti: Mutex<HashMap<CodiceIpa, Arc<SqliteEnte>>>,
    installazione: Arc<SqliteEnte>,
    _blocco: std::fs::File,
}

impl SqliteStore {
    /// Opens or creates the installation in a folder.
    ///
    /// # Errors
    /// The folder is in use by another process, or cannot be read.
    pub fn apri(radice: &Path, orologio: Arc<dyn Orologio>) -> Esito<Arc<Self>> {
        std::fs::create_dir_all(radice.join("enti"))?;
        let blocco =
            std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(radice.join("in-uso"))?;
        blocco.try_lock().map_err(|_| {
            Errore::Archivio(format!("la cartella {} è già in uso da un altro processo", radice.display()))
        })?;
        let chiave = ChiaveInstallazione::apri(&radice.join("chiave-installazione"))?;
        let ipa: CodiceIpa = INSTALLAZIONE.parse().map_err(|_| Errore::Incoerente(INSTALLAZIONE.to_owned()))?;
        let installazione = SqliteEnte::apri(&radice.join(INSTALLAZIONE), &ipa, chiave.clone(), Arc::clone(&orologio))?;
        Ok(Arc::new(Self {
            radice: radice.to_owned(),
            chiave,
            orologio,
            aperti: Mutex::new(HashMap::new()),
            installazione,
            _blocco: blocco,
        }))
    }

    /// Folder of an ente.
    pub fn cartella(radice: &Path, ipa: &CodiceIpa) -> PathBuf {
        radice.join("enti").join(ipa.as_str())
    }

    fn apri_ente(&self, ipa: &CodiceIpa, crea: bool) -> Esito<Option<Arc<SqliteEnte>>> {
        let mut aperti = self.aperti.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(e) = aperti.get(ipa) {
            return Ok(Some(Arc::clone(e)));
        }
        let cartella = Self::cartella(&self.radice, ipa);
        if !crea && !cartella.join(FILE_ENTE).exists() {
            return Ok(None);
        }
        let e = SqliteEnte::apri(&cartella, ipa, self.chiave.clone(), Arc::clone(&self.orologio))?;
        aperti.insert(ipa.clone(), Arc::clone(&e));
        Ok(Some(e))
    }
}

/// Every ente of an installation's folder, sorted.
///
/// # Errors
/// The file system's.
pub fn enti_in(radice: &Path) -> Esito<Vec<CodiceIpa>> {
    let mut out = Vec::new();
    for voce in std::fs::read_dir(radice.join("enti"))? {
        let voce = voce?;
        if voce.path().join(FILE_ENTE).exists()
            && let Ok(ipa) = voce.file_name().to_string_lossy().parse()
        {
            out.push(ipa);
        }
    }
    out.sort();
    Ok(out)
}

#[async_trait]
impl Store for SqliteStore {
    async fn enti(&self) -> Esito<Vec<CodiceIpa>> {
        let radice = self.radice.clone();
        in_disparte(move || enti_in(&radice)).await
    }

    async fn ente(&self, ipa: &CodiceIpa) -> Esito<Option<Arc<dyn EnteStore>>> {
        let aperto = self.aperti.lock().unwrap_or_else(PoisonError::into_inner).get(ipa).cloned();
        let e = match aperto {
            Some(e) => Some(e),
            None => tokio::task::block_in_place(|| self.apri_ente(ipa, false))?,
        };
        // A file without its first operation is an activation that did not finish: it is not an ente.
        Ok(e.filter(|e| e.configurazione().ente.is_some()).map(|e| e as Arc<dyn EnteStore>))
    }

    async fn crea_ente(&self, nuovo: NuovoEnte) -> Esito<Arc<dyn EnteStore>> {
        let ipa = nuovo.dati.ipa.clone();
        if ipa.as_str() == INSTALLAZIONE {
            return Err(Rifiuto::campo("ipa", "questo codice è riservato").into());
        }
        let e = tokio::task::block_in_place(|| self.apri_ente(&ipa, true))?
            .ok_or_else(|| Errore::Incoerente(ipa.to_string()))?;
        e.crea(nuovo.clone()).await?;
        // The installation keeps its own log of which enti it serves; the first entry names the installation.
        if self.installazione.configurazione().ente.is_none() {
            let mut dati = nuovo.dati.clone();
            dati.ipa = self.installazione.ipa().clone();
            dati.denominazione = "Installazione".to_owned();
            dati.codice_fiscale = None;
            dati.pec = None;
            self.installazione.crea(NuovoEnte { dati, chi: nuovo.chi.clone() }).await?;
        }
        self.installazione.attiva_ente(&nuovo.chi, &ipa).await?;
        Ok(e)
    }
}
