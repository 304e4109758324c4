//! One ente: its writer, its readers, its files.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use catena::Testimone;
use catena::nota::FirmaNota;
use dominio::codici::{CodiceAoo, CodiceIpa, CodiceRegistro, CodiceUfficio, Impronta, NomeUtente};
use dominio::comandi::{Comando, ComandoConfigurazione};
use dominio::configurazione::Configurazione;
use dominio::epoca::NuovaLacuna;
use dominio::errori::Rifiuto;
use dominio::operazione::Operazione;
use dominio::permessi::Operatore;
use dominio::registrazione::{Chiave, Registrazione, StatoAssegnazione};
use dominio::tempo::{Istante, Orologio};

use crate::accessi::{Accessi, Accesso, AccessoScritto, FiltroAccessi};
use crate::chiavi::ChiaveInstallazione;
use crate::file::chiavi::Portachiavi;
use crate::file::{Custodia, Deposito, in_disparte};
use crate::misure::MisureEnte;
use crate::motore::{Base, Db, Motore, valori};
use crate::quota::Quota;
use crate::scrittore::{Lavoro, Risposta, Scrittore, Sportello, Vetrina};
use crate::sigilli::Quale;
use crate::store::{
    AnnullamentoScritto, Caricamento, Coda, Cofirma, Corrispondente, DaEsaminare, DaRegistrare,
    Deposito as DepositoScritto, EnteStore, Errore, Esame, EsamiDi, Esito, Fascicolo, Fatto, FileCaricato, FileLetto,
    Filtro, Idempotenza, Lotto, NuovaAoo, NuovoEnte, OperazioneScritta, Pagina, Registro, RichiestaScritta, Rotazione,
    Salute, Segno, Segreto, Sessione, Trovata, Verifica,
};
use crate::tronco::{self, LogInfo};
use crate::{depositi, esami, letture, ricerca, righe, sigilli, testimoni};

mod accessi;
mod affitto;
mod documenti;
mod ingressi;
mod registra;
mod riposo;
mod salute;

pub(crate) use affitto::custoditi;
pub(crate) use riposo::Quiete;

/// Lease of a staged file that nobody holds, seconds.
const AFFITTO_S: u64 = 900;
/// As long, where other processes receive files in the same folder: what they hold is not seen from here.
const AFFITTO_ALTRUI_S: u64 = 86_400;

/// Where doubts about the clock outlive the process.
const FILE_OROLOGIO: &str = "orologio";

/// One ente, whatever engine keeps it.
pub(crate) struct Ente {
    ipa: CodiceIpa,
    deposito: Deposito,
    portachiavi: Arc<Portachiavi>,
    custodia: Custodia,
    /// Under which name files are uploaded, where that matters.
    affitto: Arc<Mutex<Option<affitto::Affittuario>>>,
    /// One at a time says that he is uploading.
    rinnovo: tokio::sync::Mutex<()>,
    se: std::sync::Weak<Self>,
    orologio: Arc<dyn Orologio>,
    apertura: std::time::SystemTime,
    sportello: Mutex<Option<Sportello>>,
    filo: Mutex<Option<std::thread::JoinHandle<()>>>,
    vetrina: Arc<Vetrina>,
    accessi: Arc<Accessi>,
    chiave: ChiaveInstallazione,
    motore: Arc<dyn Motore>,
    /// Its share of those who read.
    letture: Quota,
    /// The last question put to the writer about how it is.
    domanda: Mutex<Option<salute::Domanda>>,
    /// What was signed of the access log and is not there any more. It stays until the process ends: a log that grows
    /// again does not give back what was taken out.
    accessi_mancanti: Mutex<Option<String>>,
    /// Secrets already looked up; whether a token still holds is asked to the configuration each time.
    token_noti: std::sync::RwLock<std::collections::HashMap<[u8; 32], String>>,
}

impl Drop for Ente {
    /// Lets the writer finish what it took.
    fn drop(&mut self) {
        self.sportello.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.motore.chiudi();
        if let Some(f) = self.filo.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = f.join();
        }
    }
}

impl Ente {
    /// On an engine that is open; `cartella` is for files, and for what outlives the process beside them.
    ///
    /// # Errors
    /// What is there cannot be read.
    #[expect(clippy::too_many_arguments, reason = "all that an ente is made of")]
    pub fn apri(
        cartella: &Path,
        ipa: &CodiceIpa,
        chiave: ChiaveInstallazione,
        orologio: Arc<dyn Orologio>,
        base: Box<dyn Base>,
        motore: Arc<dyn Motore>,
        accessi: Accessi,
        custodia: &Custodia,
    ) -> Esito<Arc<Self>> {
        let deposito = match &custodia.s3 {
            Some(s) => Deposito::in_s3(s, ipa.as_str())?,
            None => Deposito::apri(&cartella.join("file"), motore.condiviso())?,
        };
        // Nobody confirms the clock of the installation's own log: its doubts end with the process.
        let stato_orologio = (ipa.as_str() != crate::INSTALLAZIONE).then(|| cartella.join(FILE_OROLOGIO));
        let (sportello, vetrina, filo) = Scrittore::avvia(
            base,
            ipa.clone(),
            chiave.clone(),
            deposito.clone(),
            Arc::clone(&orologio),
            stato_orologio,
        )?;
        Ok(Arc::new_cyclic(|se| Self {
            se: se.clone(),
            affitto: Arc::default(),
            rinnovo: tokio::sync::Mutex::default(),
            ipa: ipa.clone(),
            deposito,
            portachiavi: Arc::new(Portachiavi::nuovo(ipa.clone(), Some(chiave.clone()))),
            custodia: custodia.clone(),
            orologio,
            apertura: std::time::SystemTime::now(),
            sportello: Mutex::new(Some(sportello)),
            filo: Mutex::new(Some(filo)),
            vetrina,
            accessi: Arc::new(accessi),
            chiave,
            letture: Quota::di(motore.letture_insieme()),
            motore,
            domanda: Mutex::default(),
            accessi_mancanti: Mutex::default(),
            token_noti: std::sync::RwLock::default(),
        }))
    }

    async fn chiedi<T>(&self, fa: impl FnOnce(Risposta<T>) -> Lavoro) -> Esito<T> {
        let s = self.sportello.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match s {
            Some(s) => s.chiedi(fa).await,
            None => Err(Errore::Archivio("l'archivio è chiuso".to_owned())),
        }
    }

    pub(crate) async fn servizio(&self, f: impl FnOnce(&dyn Db) -> Esito<()> + Send + 'static) -> Esito<()> {
        self.chiedi(|r| Lavoro::Servizio(Box::new(f), r)).await
    }

    /// Runs a change that is no operation in the writer's transaction; what it says comes after the commit.
    pub(crate) async fn scrivi<T: Send + 'static>(
        &self,
        f: impl FnOnce(&dyn Db) -> Esito<T> + Send + 'static,
    ) -> Esito<T> {
        let (manda, ricevi) = tokio::sync::oneshot::channel();
        self.servizio(move |c| {
            let _ = manda.send(f(c)?);
            Ok(())
        })
        .await?;
        ricevi.await.map_err(|e| Errore::Archivio(e.to_string()))
    }

    /// Runs a query on a reading connection.
    pub(crate) async fn leggi<T: Send + 'static>(
        &self,
        f: impl FnOnce(&dyn Db) -> Esito<T> + Send + 'static,
    ) -> Esito<T> {
        let posto = self.letture.posto().await?;
        let lettura = self.motore.lettura().await?;
        in_disparte(move || {
            let (mut f, mut letto) = (Some(f), None);
            lettura.con(&mut |c| {
                if let Some(f) = f.take() {
                    letto = Some(f(c)?);
                }
                Ok(())
            })?;
            drop(posto);
            letto.ok_or_else(|| Errore::Archivio("niente è stato letto".to_owned()))
        })
        .await
    }

    fn log(&self, aoo: Option<&CodiceAoo>) -> Esito<Arc<LogInfo>> {
        self.vetrina
            .log
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&aoo.cloned())
            .cloned()
            .ok_or_else(|| Rifiuto::NonTrovato("l'AOO non esiste in questo ente".to_owned()).into())
    }

    fn log_di(&self, r: &Registro) -> Esito<Arc<LogInfo>> {
        match r {
            Registro::Ente => self.log(None),
            Registro::Aoo(a) => self.log(Some(a)),
        }
    }

    fn conf(&self) -> (u64, Arc<Configurazione>) {
        let g = self.vetrina.conf.read().unwrap_or_else(PoisonError::into_inner);
        (g.0, Arc::clone(&g.1))
    }

    /// Reads again what others changed.
    pub(crate) async fn aggiorna(&self) -> Esito<()> {
        self.chiedi(Lavoro::Prova).await
    }

    /// First operation of the ente.
    pub(crate) async fn crea(&self, nuovo: NuovoEnte) -> Esito<Fatto> {
        self.chiedi(|r| Lavoro::CreaEnte(nuovo.chi, nuovo.dati, r)).await
    }

    /// Are the files of new enti encrypted?
    pub(crate) fn cifra(&self) -> bool {
        self.custodia.cifra
    }

    /// In the installation's log: an ente was activated here.
    pub(crate) async fn attiva_ente(&self, chi: &Operatore, ipa: &CodiceIpa) -> Esito<Fatto> {
        self.chiedi(|r| Lavoro::AttivaEnte(chi.clone(), ipa.clone(), r)).await
    }
}

#[async_trait]
impl EnteStore for Ente {
    fn ipa(&self) -> &CodiceIpa {
        &self.ipa
    }

    fn configurazione(&self) -> Arc<Configurazione> {
        self.conf().1
    }

    fn ora(&self) -> Istante {
        self.vetrina.riferimento.ora()
    }

    fn orologio(&self) -> (Istante, bool) {
        let dubbio = self.vetrina.orologio.lock().unwrap_or_else(PoisonError::into_inner).is_some();
        (self.orologio.adesso(), dubbio)
    }

    fn impedimento(&self) -> Option<String> {
        let impedimenti = self.impedimenti();
        (!impedimenti.is_empty()).then(|| impedimenti.join("; "))
    }

    async fn salute(&self) -> Salute {
        self.come_sta().await
    }

    fn misure(&self) -> MisureEnte {
        self.vetrina.misure.lette(self.letture.misure())
    }

    async fn crea_aoo(&self, chi: &Operatore, nuova: NuovaAoo) -> Esito<Fatto> {
        self.chiedi(|r| Lavoro::CreaAoo(chi.clone(), Box::new(nuova), r)).await
    }

    async fn registra(&self, aoo: &CodiceAoo, nuova: DaRegistrare) -> Esito<Fatto> {
        self.registrata(aoo, nuova).await
    }

    async fn registra_e_mostra(&self, aoo: &CodiceAoo, nuova: DaRegistrare) -> Esito<(Fatto, Registrazione)> {
        self.registrata_e_mostrata(aoo, nuova).await
    }

    async fn comanda(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        chiave: &Chiave,
        comando: Comando,
        file: Vec<FileCaricato>,
        idempotenza: Option<Idempotenza>,
    ) -> Esito<Fatto> {
        let (aoo, chi, chiave, comando) = (aoo.clone(), chi.clone(), chiave.clone(), Box::new(comando));
        self.chiedi(|risposta| Lavoro::Comanda { aoo, chi, chiave, comando, file, idempotenza, risposta }).await
    }

    async fn configura(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        comando: ComandoConfigurazione,
        segreto: Option<Segreto>,
        idempotenza: Option<Idempotenza>,
    ) -> Esito<Fatto> {
        let (aoo, chi) = (aoo.clone(), chi.clone());
        self.chiedi(|risposta| Lavoro::Configura { aoo, chi, comando, segreto, idempotenza, risposta }).await
    }

    async fn operazioni_di(&self, aoo: &CodiceAoo, chiave: &Chiave) -> Esito<Vec<Operazione>> {
        let (log, chiave) = (self.log(Some(aoo))?, chiave.clone());
        self.leggi(move |c| match letture::id_di(c, log.id, &chiave)? {
            Some(reg) => letture::operazioni_di(c, reg),
            None => Ok(Vec::new()),
        })
        .await
    }

    async fn registrazione(&self, aoo: &CodiceAoo, chiave: &Chiave, fino: Option<u64>) -> Esito<Option<Registrazione>> {
        let (log, chiave) = (self.log(Some(aoo))?, chiave.clone());
        self.leggi(move |c| match letture::id_di(c, log.id, &chiave)? {
            Some(reg) => letture::registrazione(c, reg, fino),
            None => Ok(None),
        })
        .await
    }

    async fn cerca(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        registro: &CodiceRegistro,
        f: &Filtro,
    ) -> Esito<Pagina<Trovata>> {
        let (log, chi, registro, f) = (self.log(Some(aoo))?, chi.clone(), registro.clone(), f.clone());
        self.leggi(move |c| ricerca::cerca(c, log.id, &chi, &registro, &f)).await
    }

    async fn scrivania(
        &self,
        aoo: &CodiceAoo,
        uffici: &[CodiceUfficio],
        chi: &NomeUtente,
        stato: StatoAssegnazione,
        conoscenza: bool,
        limite: usize,
    ) -> Esito<Coda> {
        let (log, uffici, chi) = (self.log(Some(aoo))?, uffici.to_vec(), chi.clone());
        self.leggi(move |c| letture::scrivania(c, log.id, &uffici, &chi, stato, conoscenza, limite)).await
    }

    async fn annullamenti(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        cursore: Option<&str>,
        limite: usize,
    ) -> Esito<Pagina<AnnullamentoScritto>> {
        let (log, chi, cursore) = (self.log(Some(aoo))?, chi.clone(), cursore.map(str::to_owned));
        self.leggi(move |c| letture::annullamenti(c, log.id, &chi, cursore.as_deref(), limite)).await
    }

    async fn richieste_annullamento(
        &self,
        aoo: &CodiceAoo,
        chi: &Operatore,
        cursore: Option<&str>,
        limite: usize,
    ) -> Esito<Pagina<RichiestaScritta>> {
        let (log, chi, cursore) = (self.log(Some(aoo))?, chi.clone(), cursore.map(str::to_owned));
        self.leggi(move |c| letture::richieste_in_attesa(c, log.id, &chi, cursore.as_deref(), limite)).await
    }

    async fn da_classificare(&self, aoo: &CodiceAoo) -> Esito<u64> {
        let log = self.log(Some(aoo))?;
        let conf = self.configurazione();
        let Some(voce) = conf.aoo.get(aoo).map(|a| a.dati.voce_da_classificare.to_string()) else { return Ok(0) };
        self.leggi(move |c| letture::conta_voce(c, log.id, &voce)).await
    }

    async fn da_sigillare(&self, aoo: &CodiceAoo, limite: usize) -> Esito<Vec<Chiave>> {
        let (confini, limite) = (righe::confini(self.log(Some(aoo))?.id), i64::try_from(limite).unwrap_or(i64::MAX));
        self.leggi(move |c| sigilli::in_attesa(c, confini, limite)).await
    }

    async fn quante_da_sigillare(&self, aoo: &CodiceAoo) -> Esito<(u64, Option<Istante>)> {
        let confini = righe::confini(self.log(Some(aoo))?.id);
        self.leggi(move |c| sigilli::quante(c, confini)).await
    }

    async fn segreto_sigillo(&self, aoo: &CodiceAoo) -> Esito<Option<(i64, Vec<u8>)>> {
        let log = self.log(Some(aoo))?.id;
        let letto = self.leggi(move |c| sigilli::avvolto(Quale::Sigillo, c, log)).await?;
        let Some((n, avvolto)) = letto else { return Ok(None) };
        Ok(Some((n, sigilli::apri(&self.chiave, &self.ipa, log, n, &avvolto)?)))
    }

    async fn da_esaminare(&self, aoo: &CodiceAoo, limite: usize) -> Esito<Option<Lotto>> {
        let (log, limite) = (self.log(Some(aoo))?.id, i64::try_from(limite).unwrap_or(i64::MAX));
        self.leggi(move |c| esami::prossimi(c, log, limite)).await
    }

    async fn comincia_esame(&self, aoo: &CodiceAoo, da: Segno) -> Esito<Option<Segno>> {
        let (log, a) = (self.log(Some(aoo))?.id, Segno { tentativi: da.tentativi + 1, ..da });
        Ok(self.scrivi(move |c| esami::avanza(c, log, da, a)).await?.then_some(a))
    }

    async fn concludi_esame(
        &self,
        aoo: &CodiceAoo,
        da: Segno,
        fino: Segno,
        trovati: Vec<(DaEsaminare, Esame)>,
    ) -> Esito<bool> {
        let log = self.log(Some(aoo))?.id;
        self.scrivi(move |c| esami::concludi(c, log, da, fino, &trovati)).await
    }

    async fn esaminabile(&self, aoo: &CodiceAoo, chiave: &Chiave, n: u32) -> Esito<Option<DaEsaminare>> {
        let (log, chiave) = (self.log(Some(aoo))?.id, chiave.clone());
        self.leggi(move |c| match letture::id_di(c, log, &chiave)? {
            Some(reg) => esami::documento(c, reg, n),
            None => Ok(None),
        })
        .await
    }

    async fn aggiungi_esame(&self, d: DaEsaminare, chi: &NomeUtente, esame: Esame) -> Esito<()> {
        let chi = chi.to_string();
        self.scrivi(move |c| esami::chiesto(c, &d, &chi, &esame)).await
    }

    async fn esami(&self, aoo: &CodiceAoo, chiave: &Chiave, solo: Option<u32>, caratteri: usize) -> Esito<EsamiDi> {
        let (log, chiave) = (self.log(Some(aoo))?.id, chiave.clone());
        let caratteri = i64::try_from(caratteri).unwrap_or(i64::MAX);
        self.leggi(move |c| match letture::id_di(c, log, &chiave)? {
            Some(reg) => esami::di(c, log, reg, solo, caratteri),
            None => Ok(EsamiDi::default()),
        })
        .await
    }

    async fn chiave_richiesta(&self, aoo: &CodiceAoo) -> Esito<Option<Vec<u8>>> {
        let log = self.log(Some(aoo))?.id;
        let letto = self.leggi(move |c| sigilli::avvolto(Quale::Richiesta, c, log)).await?;
        letto.map(|(n, avvolto)| sigilli::apri(&self.chiave, &self.ipa, log, n, &avvolto)).transpose()
    }

    async fn duplicati(
        &self,
        aoo: &CodiceAoo,
        impronte: &[Impronta],
        mittente: Option<(&str, &str)>,
    ) -> Esito<Vec<Chiave>> {
        let (log, impronte) = (self.log(Some(aoo))?, impronte.to_vec());
        let mittente = mittente.map(|(m, n)| (m.to_owned(), n.to_owned()));
        self.leggi(move |c| {
            letture::duplicati(c, log.id, &impronte, mittente.as_ref().map(|(m, n)| (m.as_str(), n.as_str())))
        })
        .await
    }

    async fn risposte(&self, aoo: &CodiceAoo, chi: &Operatore, chiave: &Chiave) -> Esito<Vec<Registrazione>> {
        let (log, chi, chiave) = (self.log(Some(aoo))?, chi.clone(), chiave.clone());
        self.leggi(move |c| letture::risposte(c, log.id, &chi, &chiave)).await
    }

    async fn corrispondenti(&self, aoo: &CodiceAoo, q: &str, limite: usize) -> Esito<Vec<Corrispondente>> {
        let (log, q) = (self.log(Some(aoo))?, q.to_owned());
        self.leggi(move |c| letture::corrispondenti(c, log.id, &q, limite)).await
    }

    async fn rubrica(&self, aoo: &CodiceAoo, cursore: Option<&str>, limite: usize) -> Esito<Pagina<Corrispondente>> {
        let (log, cursore) = (self.log(Some(aoo))?, cursore.map(str::to_owned));
        self.leggi(move |c| letture::rubrica(c, log.id, cursore.as_deref(), limite)).await
    }

    async fn fascicoli(&self, aoo: &CodiceAoo, cursore: Option<&str>, limite: usize) -> Esito<Pagina<Fascicolo>> {
        let (log, cursore) = (self.log(Some(aoo))?, cursore.map(str::to_owned));
        self.leggi(move |c| letture::fascicoli(c, log.id, cursore.as_deref(), limite)).await
    }

    async fn carica(&self) -> Esito<Box<dyn Caricamento>> {
        self.carica_file().await
    }

    async fn file(&self, impronta: &Impronta) -> Esito<Option<FileLetto>> {
        self.leggi_file(impronta).await
    }

    async fn ruota_chiave_file(&self, chi: &str, nuova: bool) -> Esito<Rotazione> {
        self.ruota(chi, nuova).await
    }

    async fn spazza(&self) -> Esito<u64> {
        let ora = self.ora();
        self.servizio(move |c| c.scrivi("DELETE FROM sessione WHERE scadenza < ?", valori![ora.0])).await?;
        self.spazza_file().await
    }

    async fn scan_from(&self, registro: &Registro, da: u64, limite: usize) -> Esito<Vec<OperazioneScritta>> {
        let log = self.log_di(registro)?;
        self.leggi(move |c| letture::scan(c, log.id, da, limite)).await
    }

    async fn checkpoint(&self, registro: &Registro) -> Esito<String> {
        let log = self.log_di(registro)?;
        let ultimo = self.leggi(move |c| match tronco::ultimo(c, log.id)? {
            Some((dimensione, nota)) => testimoni::con_cofirme(c, log.id, dimensione, nota).map(Some),
            None => Ok(None),
        });
        match ultimo.await? {
            Some(nota) => Ok(nota),
            None => self.firma_checkpoint(registro).await,
        }
    }

    async fn firma_checkpoint(&self, registro: &Registro) -> Esito<String> {
        let aoo = match registro {
            Registro::Ente => None,
            Registro::Aoo(a) => Some(a.clone()),
        };
        self.log_di(registro)?;
        self.chiedi(|r| Lavoro::Checkpoint(aoo, r)).await
    }

    async fn prova_coerenza(&self, registro: &Registro, prima: u64, dopo: u64) -> Esito<Vec<[u8; 32]>> {
        let log = self.log_di(registro)?;
        self.leggi(move |c| tronco::coerenza(c, log.id, prima, dopo)).await
    }

    async fn conserva_cofirma(
        &self,
        registro: &Registro,
        dimensione: u64,
        testimone: &Testimone,
        firma: &FirmaNota,
    ) -> Esito<bool> {
        let (log, testimone, firma) = (self.log_di(registro)?, testimone.clone(), firma.clone());
        self.scrivi(move |c| testimoni::conserva(c, log.id, dimensione, &testimone, &firma)).await
    }

    async fn ultima_cofirma(&self, registro: &Registro, testimone: &Testimone) -> Esito<Option<Cofirma>> {
        let (log, testimone) = (self.log_di(registro)?, testimone.clone());
        self.leggi(move |c| testimoni::ultima(c, log.id, &testimone)).await
    }

    async fn ruota_chiave(
        &self,
        registro: &Registro,
        chi: &Operatore,
        motivo: &str,
        idempotenza: Option<Idempotenza>,
    ) -> Esito<Fatto> {
        let aoo = match registro {
            Registro::Ente => None,
            Registro::Aoo(a) => Some(a.clone()),
        };
        let (chi, motivo) = (chi.clone(), motivo.to_owned());
        self.chiedi(|risposta| Lavoro::RuotaChiave { aoo, chi, motivo, idempotenza, risposta }).await
    }

    async fn dichiara_lacuna(&self, registro: &Registro, chi: &Operatore, nuova: NuovaLacuna) -> Esito<Fatto> {
        let aoo = match registro {
            Registro::Ente => None,
            Registro::Aoo(a) => Some(a.clone()),
        };
        let (chi, nuova) = (chi.clone(), Box::new(nuova));
        self.chiedi(|risposta| Lavoro::DichiaraLacuna { aoo, chi, nuova, risposta }).await
    }

    async fn chiavi(&self, registro: &Registro) -> Esito<Vec<String>> {
        let log = self.log_di(registro)?;
        self.leggi(move |c| tronco::chiavi(c, log.id)).await
    }

    async fn tessera(&self, registro: &Registro, percorso: &str) -> Esito<Option<Vec<u8>>> {
        let (log, percorso) = (self.log_di(registro)?, percorso.to_owned());
        self.leggi(move |c| tronco::servi(c, log.id, &percorso)).await
    }

    async fn ricevuta(
        &self,
        registro: &Registro,
        indice: u64,
        mostra: &(dyn for<'a> Fn(&'a str) -> bool + Send + Sync),
    ) -> Esito<Option<catena::Ricevuta>> {
        let log = self.log_di(registro)?;
        let l = Arc::clone(&log);
        let coperta = self.leggi(move |c| Ok(tronco::ultimo(c, l.id)?.is_some_and(|(d, _)| d > indice))).await?;
        if !coperta {
            self.firma_checkpoint(registro).await?;
        }
        // Which fields: asked here, since the closure does not outlive the call.
        let l = Arc::clone(&log);
        let op = self.leggi(move |c| letture::operazione(c, righe::id(l.id, indice))).await?;
        let Some(op) = op else { return Ok(None) };
        let scelti: std::collections::HashSet<String> = op.campi.keys().filter(|k| mostra(k)).cloned().collect();
        self.leggi(move |c| tronco::ricevuta(c, &log, indice, &|k: &str| scelti.contains(k))).await
    }

    async fn password(&self, utente: &NomeUtente) -> Esito<Option<String>> {
        let utente = utente.to_string();
        self.leggi(move |c| c.una("SELECT phc FROM password WHERE utente = ?", valori![&utente], |r| r.proprio(0)))
            .await
    }

    async fn token(&self, segreto: &[u8; 32]) -> Esito<Option<String>> {
        self.token_di(*segreto).await
    }

    async fn apri_sessione(&self, id: [u8; 32], s: Sessione) -> Esito<()> {
        self.sessione_aperta(id, s).await
    }

    async fn sessione(&self, id: &[u8; 32]) -> Esito<Option<Sessione>> {
        self.sessione_di(*id).await
    }

    async fn chiudi_sessioni(&self, id: Option<[u8; 32]>, utente: Option<&NomeUtente>) -> Esito<()> {
        let utente = utente.map(ToString::to_string);
        self.servizio(move |c| {
            c.scrivi("DELETE FROM sessione WHERE id = ? OR utente = ?", valori![id.as_ref(), utente.as_ref()])
        })
        .await
    }

    async fn annota_accesso(&self, a: Accesso) -> Esito<()> {
        self.accessi.annota(a).await
    }

    async fn accessi(&self, aoo: &CodiceAoo, f: &FiltroAccessi) -> Esito<Pagina<AccessoScritto>> {
        let (accessi, aoo, f) = (Arc::clone(&self.accessi), aoo.clone(), f.clone());
        in_disparte(move || accessi.cerca(&aoo, &f)).await
    }

    async fn pota_accessi(&self, prima: Istante) -> Esito<u64> {
        self.accessi.pota(prima).await
    }

    async fn firma_accessi(&self) -> Esito<Option<String>> {
        self.accessi_firmati().await
    }

    async fn annota_depositi(&self, dove: &str, cosa: Vec<(String, u64)>) -> Esito<()> {
        let (dove, ora) = (dove.to_owned(), self.ora());
        self.servizio(move |c| depositi::annota(c, &dove, &cosa, ora)).await
    }

    async fn depositi(&self) -> Esito<Vec<DepositoScritto>> {
        self.leggi(depositi::ultimi).await
    }

    async fn verifica(&self, avanza: &(dyn for<'a> Fn(&'a str) + Send + Sync)) -> Esito<Verifica> {
        avanza(&format!("ente {}", self.ipa));
        let motore = Arc::clone(&self.motore);
        let custodia = self.custodia.clone();
        in_disparte(move || motore.verifica(custodia)).await
    }
}
