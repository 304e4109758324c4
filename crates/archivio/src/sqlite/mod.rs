//! The store on SQLite: one file per ente, one writer thread, a few reading connections.

mod base;
pub mod copia;
mod db;
#[cfg(test)]
mod prove;
pub(crate) mod schema;
pub mod soglia;
pub mod verifica;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use catena::nota::FirmaNota;
use catena::testimone::{Richiesta, Rifiuto as RifiutoTestimone};
use catena::{ChiavePubblica, Testimone};
use dominio::codici::CodiceIpa;
use dominio::tempo::Orologio;

use crate::accessi::Accessi;
use crate::aperti::{Aperti, Chi, Riposo};
use crate::chiavi::ChiaveInstallazione;
use crate::ente::Ente;
use crate::file::{Custodia, crea_cartella, in_disparte};
use crate::installazione;
use crate::misure::MisureEnte;
use crate::motore::{Db, Lettura, Motore};
pub use crate::scrittore::{CODA_MAX, GRUPPO_MAX};
use crate::store::{EnteStore, Errore, Esito, NuovoEnte, Store, Verifica};
use crate::{INSTALLAZIONE, depositi, letture, righe, testimoni, tronco};
use base::{BaseSqlite, Lettori, Tenute};

/// File of the ente within its folder.
pub(crate) const FILE_ENTE: &str = "ente.sqlite";
/// Reading connections per ente.
const LETTORI: u32 = 4;

/// An installation on a local folder. While it is open no other process can open it.
pub struct SqliteStore {
    radice: PathBuf,
    chiave: ChiaveInstallazione,
    orologio: Arc<dyn Orologio>,
    custodia: Custodia,
    aperti: Aperti,
    installazione: Arc<Ente>,
    _blocco: std::fs::File,
}

impl SqliteStore {
    /// Opens or creates the installation in a folder.
    ///
    /// # Errors
    /// The folder is in use by another process, or cannot be read.
    pub fn apri(radice: &Path, orologio: Arc<dyn Orologio>) -> Esito<Arc<Self>> {
        Self::apri_con(radice, orologio, Custodia::default())
    }

    /// As above, with its files kept so.
    ///
    /// # Errors
    /// As above.
    pub fn apri_con(radice: &Path, orologio: Arc<dyn Orologio>, custodia: Custodia) -> Esito<Arc<Self>> {
        crea_cartella(&radice.join("enti"))?;
        let blocco =
            std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(radice.join("in-uso"))?;
        blocco.try_lock().map_err(|_| {
            Errore::Archivio(format!("la cartella {} è già in uso da un altro processo", radice.display()))
        })?;
        let percorso = custodia.percorso_chiave(radice);
        let chiave = ChiaveInstallazione::apri(&percorso)?;
        // `verifica` finds it wherever it makes its copy.
        let custodia = Custodia { chiave: Some(percorso), ..custodia };
        let ipa = installazione::codice()?;
        let installazione =
            apri_ente(&radice.join(INSTALLAZIONE), &ipa, chiave.clone(), Arc::clone(&orologio), &custodia)?;
        Ok(Arc::new(Self {
            radice: radice.to_owned(),
            chiave,
            orologio,
            custodia,
            aperti: Aperti::default(),
            installazione,
            _blocco: blocco,
        }))
    }

    /// Folder of an ente.
    pub fn cartella(radice: &Path, ipa: &CodiceIpa) -> PathBuf {
        radice.join(installazione::nome_di(ipa))
    }

    /// Opens an ente: blocks only who wants the same one.
    fn apri_ente(&self, ipa: &CodiceIpa, crea: bool, chi: Chi) -> Esito<Option<Arc<Ente>>> {
        let cartella = Self::cartella(&self.radice, ipa);
        if !crea && !cartella.join(FILE_ENTE).exists() {
            return Ok(None);
        }
        let apri = || apri_ente(&cartella, ipa, self.chiave.clone(), Arc::clone(&self.orologio), &self.custodia);
        self.aperti.apri(ipa, chi, apri).map(Some)
    }

    fn trova(&self, ipa: &CodiceIpa, chi: Chi) -> Esito<Option<Arc<dyn EnteStore>>> {
        let e = match self.aperti.gia_aperto(ipa, chi) {
            Some(e) => Some(e),
            None => tokio::task::block_in_place(|| self.apri_ente(ipa, false, chi))?,
        };
        // A file without its first operation is an activation that did not finish: it is not an ente.
        Ok(e.filter(|e| e.configurazione().ente.is_some()).map(|e| e as Arc<dyn EnteStore>))
    }
}

/// Opens or creates the file of an ente in its folder.
fn apri_ente(
    cartella: &Path,
    ipa: &CodiceIpa,
    chiave: ChiaveInstallazione,
    orologio: Arc<dyn Orologio>,
    custodia: &Custodia,
) -> Esito<Arc<Ente>> {
    crea_cartella(cartella)?;
    let percorso = cartella.join(FILE_ENTE);
    let mut c = schema::apri_scrittura(&percorso)?;
    schema::migra(&mut c)?;
    // The file's own name is durable before anything in it is acknowledged.
    crate::file::sincronizza_cartella(cartella)?;
    let (lettori, tenute) = (Lettori::nuovi(LETTORI), Arc::<Tenute>::default());
    let base = BaseSqlite::nuova(percorso, c, Arc::clone(&lettori), Arc::clone(&tenute))?;
    let motore = MotoreSqlite { cartella: cartella.to_owned(), lettori, tenute };
    let accessi = Accessi::in_cartella(cartella);
    Ente::apri(cartella, ipa, chiave, orologio, Box::new(base), Arc::new(motore), accessi, custodia)
}

/// An ente's side of its file that is not the writer's.
struct MotoreSqlite {
    cartella: PathBuf,
    lettori: Arc<Lettori>,
    tenute: Arc<Tenute>,
}

#[async_trait]
impl Motore for MotoreSqlite {
    async fn lettura(&self) -> Esito<Box<dyn Lettura>> {
        let posto =
            Arc::clone(&self.lettori.posti).acquire_owned().await.map_err(|e| Errore::Archivio(e.to_string()))?;
        let percorso = self.cartella.join(FILE_ENTE);
        Ok(Box::new(LetturaSqlite { lettori: Arc::clone(&self.lettori), percorso, posto }))
    }

    fn letture_insieme(&self) -> usize {
        LETTORI as usize
    }

    fn in_quiete(&self) -> bool {
        let posti = self.lettori.posti.available_permits();
        posti == LETTORI as usize && self.tenute.travaso.motivo().is_none() && self.tenute.indice.motivo().is_none()
    }

    fn chiudi(&self) {
        self.lettori.chiudi();
    }

    fn verifica(&self, custodia: Custodia) -> Esito<Verifica> {
        verifica::ente(&self.cartella, verifica::Opzioni { custodia, ..verifica::Opzioni::default() })
    }

    fn avvisi(&self) -> Vec<String> {
        let cose = [
            (
                self.tenute.travaso.motivo(),
                "il file dell'archivio non si può aggiornare; ciò che si registra è al sicuro nel suo WAL",
            ),
            (self.tenute.indice.motivo(), "l'indice di ricerca non si può aggiornare, e cercare può essere lento"),
        ];
        cose.into_iter().filter_map(|(m, che)| Some(format!("{che}: {}", m?))).collect()
    }
}

struct LetturaSqlite {
    lettori: Arc<Lettori>,
    percorso: PathBuf,
    /// Given back after the connection is.
    posto: tokio::sync::OwnedSemaphorePermit,
}

impl Lettura for LetturaSqlite {
    fn con(self: Box<Self>, f: &mut dyn FnMut(&dyn Db) -> Esito<()>) -> Esito<()> {
        let Self { lettori, percorso, posto } = *self;
        let pronto = lettori.liberi.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let c = match pronto {
            Some(c) => c,
            None => schema::apri_lettura(&percorso)?,
        };
        // One snapshot for all that is read: a row moved to the index meanwhile is not seen twice.
        let esito = c
            .execute_batch("BEGIN")
            .map_err(Errore::from)
            .and_then(|()| f(&c))
            .and_then(|()| c.execute_batch("COMMIT").map_err(Errore::from));
        if esito.is_err() && !c.is_autocommit() {
            let _ = c.execute_batch("ROLLBACK");
        }
        // One that met an error may go on meeting it.
        if !matches!(esito, Err(Errore::Archivio(_))) {
            lettori.liberi.lock().unwrap_or_else(PoisonError::into_inner).push(c);
        }
        drop(posto);
        esito
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
        self.trova(ipa, Chi::Chiede)
    }

    async fn guarda(&self, ipa: &CodiceIpa) -> Esito<Option<Arc<dyn EnteStore>>> {
        self.trova(ipa, Chi::Guarda)
    }

    async fn riposa(&self, ipa: &CodiceIpa, da: Duration) -> bool {
        let Some(e) = self.aperti.gia_aperto(ipa, Chi::Guarda) else { return false };
        let Ok(Some(quiete)) = e.quiete().await else { return false };
        drop(e);
        tokio::task::block_in_place(|| self.aperti.chiudi(ipa, quiete, 0, da))
    }

    async fn invariati(&self) -> Esito<HashSet<CodiceIpa>> {
        // Nobody else ever writes here.
        Ok(self.aperti.tutti_a_riposo().into_keys().collect())
    }

    fn a_riposo(&self, ipa: &CodiceIpa) -> Option<Riposo> {
        self.aperti.a_riposo(ipa)
    }

    fn misure_a_riposo(&self) -> Vec<MisureEnte> {
        self.aperti.misure_a_riposo()
    }

    fn aperti(&self) -> Vec<Arc<dyn EnteStore>> {
        self.aperti.tutti()
    }

    fn e_aperto(&self, ipa: &CodiceIpa) -> bool {
        self.aperti.noto(ipa)
    }

    async fn crea_ente(&self, nuovo: NuovoEnte) -> Esito<Arc<dyn EnteStore>> {
        let ipa = nuovo.dati.ipa.clone();
        installazione::si_puo_creare(&ipa)?;
        let e = tokio::task::block_in_place(|| self.apri_ente(&ipa, true, Chi::Chiede))?
            .ok_or_else(|| Errore::Incoerente(ipa.to_string()))?;
        installazione::crea_ente(&self.installazione, &e, nuovo).await?;
        Ok(e)
    }

    async fn chiave_testimone(&self, nome: &str) -> Esito<Testimone> {
        installazione::chiave_testimone(&self.installazione, &self.chiave, nome).await
    }

    async fn cofirma(
        &self,
        r: &Richiesta,
        osservati: &[ChiavePubblica],
    ) -> Esito<std::result::Result<FirmaNota, RifiutoTestimone>> {
        installazione::cofirma(&self.installazione, &self.chiave, r, osservati).await
    }

    async fn osservato(&self, origine: &str) -> Esito<Option<String>> {
        installazione::osservato(&self.installazione, origine).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ente_that_is_slow_to_open_keeps_nobody_else_waiting() {
        let d = tempfile::tempdir().unwrap();
        let s = SqliteStore::apri(d.path(), Arc::new(crate::orologio::OrologioDiSistema)).unwrap();
        let (lento, altro): (CodiceIpa, CodiceIpa) = ("c_lento".parse().unwrap(), "c_altro".parse().unwrap());
        let posto = Arc::clone(s.aperti.0.lock().unwrap().entry(lento.clone()).or_default());
        let mentre_si_apre = posto.lock().unwrap();
        let e = s.apri_ente(&altro, true, Chi::Chiede).unwrap().unwrap();
        assert!(Arc::ptr_eq(&e, &s.aperti.gia_aperto(&altro, Chi::Chiede).unwrap()));
        assert!(s.aperti.gia_aperto(&lento, Chi::Chiede).is_none());
        drop(mentre_si_apre);
        // Two at once get the same one.
        let (a, b) = std::thread::scope(|t| {
            let apri = || s.apri_ente(&lento, true, Chi::Chiede).unwrap().unwrap();
            let (a, b) = (t.spawn(apri), t.spawn(apri));
            (a.join().unwrap(), b.join().unwrap())
        });
        assert!(Arc::ptr_eq(&a, &b));
    }
}
