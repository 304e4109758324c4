//! The writer: one thread per ente, the only one in its process that changes what the ente has; one for every engine.
//!
//! It takes what waits, up to [`GRUPPO_MAX`] commands, never waits for more, commits them together and only then
//! answers. Numbers, indices and instants are given here, inside the transaction, and exist outside only after it.
//! A command is judged before it writes anything, so a refusal costs nothing; if the storage fails in the middle the
//! group is rolled back, memory is read again from disk and everybody in it is told that nothing was done. Commands
//! that can fail half way run in a savepoint of their own, so that they harm nobody else in the group. What readers
//! share ([`Vetrina`]) changes after the commit, never before. What a failed write leaves behind is the engine's affair
//! ([`Base`]). Where others write too, a group that finds that they did reads memory again before it begins.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Instant;

use catena::Albero;
use dominio::codici::{CodiceAoo, CodiceIpa};
use dominio::configurazione::{Configurazione, StatoAoo};
use dominio::errori::Rifiuto;
use dominio::operazione::Evento;
use dominio::tempo::{AnnoCorrente, Istante, Orologio};

use crate::file::Deposito;
use crate::letture;
use crate::misure::Misure;
use crate::motore::{Base, Caduta, Db, Inizio, Mosso, valori};
use crate::orologio::{Guardia, Lettura, Riferimento};
use crate::store::{Errore, Esito};
use crate::tenuta::Tenuta;
use crate::tronco::{self, LogInfo};

/// Most commands committed together.
pub const GRUPPO_MAX: usize = 256;
/// Most commands waiting; more are refused with 503.
pub const CODA_MAX: usize = 4_096;

mod appendi;
mod comandi;
mod lavoro;
mod registra;

use lavoro::Consegna;
pub(crate) use lavoro::{Lavoro, Pronta, Risposta, Sportello, Statici};

/// What the writer shares with readers.
pub(crate) struct Vetrina {
    /// The configuration in force, with its version.
    pub conf: RwLock<(u64, Arc<Configurazione>)>,
    /// Logs by AOO code; the ente's own has no code.
    pub log: RwLock<HashMap<Option<CodiceAoo>, Arc<LogInfo>>>,
    /// Why the clock stops registrations, if it does.
    pub orologio: Mutex<Option<String>>,
    /// Does the storage take commits?
    pub archivio: Tenuta,
    /// The time that is believed.
    pub riferimento: Arc<Riferimento>,
    /// Is what the clock's guard knows kept?
    pub stato_orologio: Arc<Tenuta>,
    /// What is counted.
    pub misure: Arc<Misure>,
}

impl Vetrina {
    fn nuova(guardia: &Guardia) -> Self {
        Self {
            conf: RwLock::new((0, Arc::new(Configurazione::default()))),
            log: RwLock::new(HashMap::new()),
            orologio: Mutex::new(None),
            archivio: Tenuta::default(),
            riferimento: guardia.riferimento(),
            stato_orologio: guardia.tenuta(),
            misure: Arc::default(),
        }
    }
}

#[derive(Clone)]
struct Testa {
    istante: i64,
    albero: Albero,
    arretrato: bool,
}

/// State of the writer's thread.
pub(crate) struct Scrittore {
    base: Box<dyn Base>,
    ipa: CodiceIpa,
    chiave: crate::chiavi::ChiaveInstallazione,
    deposito: Deposito,
    vetrina: Arc<Vetrina>,
    guardia: Guardia,
    conf: Configurazione,
    versione: u64,
    conf_cambiata: bool,
    /// By this group, and not by somebody else before it.
    conf_scritta: bool,
    /// Logs as the transaction sees them; readers see those committed.
    log: HashMap<Option<CodiceAoo>, Arc<LogInfo>>,
    log_cambiati: bool,
    teste: HashMap<i64, Testa>,
    toccate: Vec<i64>,
    /// Operations of the group, with their entries.
    scritte: Vec<(i64, [u8; 32])>,
    contatori: HashMap<(i64, String, i32), i64>,
    contati: Vec<(i64, String, i32)>,
    anno: AnnoCorrente,
    superflui: Vec<String>,
    /// After a failure that left memory unsure.
    da_rileggere: bool,
    /// The RGD's confirmation of the clock, which counts once it is on disk.
    conferma: bool,
}

impl Scrittore {
    /// Starts the thread on an engine that is open.
    ///
    /// # Errors
    /// What is stored cannot be read.
    pub fn avvia(
        base: Box<dyn Base>,
        ipa: CodiceIpa,
        chiave: crate::chiavi::ChiaveInstallazione,
        deposito: Deposito,
        orologio: Arc<dyn Orologio>,
        stato_orologio: Option<std::path::PathBuf>,
    ) -> Esito<(Sportello, Arc<Vetrina>, std::thread::JoinHandle<()>)> {
        let mut base = base;
        base.rimetti(false)?;
        base.inizia_lettura()?;
        let ultimo = base.db().una("SELECT max(istante) FROM testa", &[], |r| r.intero_o(0));
        base.fine_lettura();
        let guardia = Guardia::nuova(orologio, stato_orologio, ultimo?.flatten().unwrap_or(0));
        let vetrina = Arc::new(Vetrina::nuova(&guardia));
        let mut s = Self {
            guardia,
            vetrina: Arc::clone(&vetrina),
            base,
            ipa,
            chiave,
            deposito,
            conf: Configurazione::default(),
            versione: 0,
            conf_cambiata: false,
            conf_scritta: false,
            log: HashMap::new(),
            log_cambiati: false,
            teste: HashMap::new(),
            toccate: Vec::new(),
            scritte: Vec::new(),
            contatori: HashMap::new(),
            contati: Vec::new(),
            anno: AnnoCorrente::default(),
            superflui: Vec::new(),
            da_rileggere: false,
            conferma: false,
        };
        s.in_lettura(Self::rileggi)?;
        s.pubblica();
        // A doubt that a restart did not solve shows in readiness before anything is asked.
        let _ = s.leggi_orologio();
        let (tx, rx) = channel();
        let nome = format!("scrittore-{}", s.ipa);
        let filo = std::thread::Builder::new().name(nome).spawn(move || s.lavora(&rx))?;
        Ok((Sportello { coda: tx, misure: Arc::clone(&vetrina.misure) }, vetrina, filo))
    }

    fn db(&self) -> &dyn Db {
        self.base.db()
    }

    /// Runs what only reads, outside of a group.
    fn in_lettura<T>(&mut self, f: impl FnOnce(&mut Self) -> Esito<T>) -> Esito<T> {
        self.base.inizia_lettura()?;
        let esito = f(self);
        self.base.fine_lettura();
        esito
    }

    /// Reads from the database all that is held in memory.
    fn rileggi(&mut self) -> Esito<()> {
        self.dimentica();
        self.conferma = false;
        self.rileggi_configurazione()
    }

    fn rileggi_configurazione(&mut self) -> Esito<()> {
        self.conf = letture::configurazione(self.db())?;
        self.conf_cambiata = true;
        self.log = tronco::elenco(self.db())?;
        self.log_cambiati = true;
        Ok(())
    }

    /// Heads and counters: read again when they are needed.
    fn dimentica(&mut self) {
        self.teste.clear();
        self.contatori.clear();
        self.toccate.clear();
        self.scritte.clear();
        self.contati.clear();
        self.superflui.clear();
    }

    /// Memory as the database is. A connection that cannot say is left for another.
    fn rimetti(&mut self) -> Esito<()> {
        let nuova = std::mem::replace(&mut self.da_rileggere, true);
        self.base.rimetti(nuova)?;
        self.in_lettura(Self::rileggi)?;
        self.da_rileggere = false;
        self.pubblica();
        Ok(())
    }

    /// After a transaction that failed: nothing of it remains, on disk or in memory.
    fn disfa(&mut self, e: &Errore, iniziata: bool) {
        self.vetrina.archivio.cede(e);
        if self.base.annulla(iniziata) {
            self.da_rileggere = true;
        }
        if let Err(e) = self.rimetti() {
            tracing::error!(errore = %e, "stato non riletto dopo un guasto");
        }
    }

    fn faccende(&mut self, esito: Result<bool, Caduta>) {
        match esito {
            Ok(false) => {}
            // What is in memory may be ahead of what was found: nothing is written until it is read again.
            Ok(true) => {
                self.da_rileggere = true;
                if self.in_lettura(Self::rileggi).is_ok() {
                    self.da_rileggere = false;
                    self.pubblica();
                }
            }
            Err(c) => self.disfa(&c.errore, c.iniziata),
        }
    }

    /// Shows readers what was committed: the logs first, since the configuration names them.
    fn pubblica(&mut self) {
        if std::mem::take(&mut self.log_cambiati) {
            *self.vetrina.log.write().unwrap_or_else(PoisonError::into_inner) = self.log.clone();
        }
        if self.conf_cambiata {
            self.versione += 1;
            self.conf_cambiata = false;
            *self.vetrina.conf.write().unwrap_or_else(PoisonError::into_inner) =
                (self.versione, Arc::new(self.conf.clone()));
        }
    }

    fn lavora(mut self, coda: &Receiver<Lavoro>) {
        let mut gruppo = Vec::with_capacity(GRUPPO_MAX);
        loop {
            let primo = match self.base.riposo() {
                Some(attesa) => coda.recv_timeout(attesa),
                None => coda.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let primo = match primo {
                Ok(l) => l,
                Err(RecvTimeoutError::Timeout) => {
                    let esito = self.base.a_riposo();
                    self.faccende(esito);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            gruppo.push(primo);
            while gruppo.len() < GRUPPO_MAX
                && let Ok(l) = coda.try_recv()
            {
                gruppo.push(l);
            }
            self.vetrina.misure.presi(gruppo.len());
            let inizio = Instant::now();
            let esito = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.esegui(&mut gruppo)));
            self.vetrina.misure.gruppo_fatto(inizio.elapsed());
            if esito.is_err() {
                // A defect of ours: whoever waited is told that nothing was done, and memory is read again.
                tracing::error!("lo scrittore si è interrotto: gruppo annullato");
                self.base.annulla(true);
                gruppo.clear();
                self.da_rileggere = true;
            }
            let esito = self.base.dopo_gruppo();
            self.faccende(esito);
        }
        self.base.congeda();
    }

    /// Commits a group and answers it.
    fn esegui(&mut self, gruppo: &mut Vec<Lavoro>) {
        if (self.da_rileggere || !self.base.pronta())
            && let Err(e) = self.rimetti()
        {
            // What is in memory may be ahead of the disk: nothing is written until it can be read again.
            self.vetrina.archivio.cede(&e);
            let e = e.senza_premessa();
            for l in gruppo.drain(..) {
                l.rispondi_guasto(&e);
            }
            return;
        }
        let inizio = self.base.inizia(gruppo);
        let iniziata = inizio.is_ok();
        // After the beginning: where others write too the time comes with it.
        let ora = self.leggi_orologio();
        let mut esiti: Vec<Consegna> = Vec::with_capacity(gruppo.len());
        let mut rimasti = gruppo.drain(..);
        let mut guasto = inizio.and_then(|i| self.aggiorna(i)).err();
        while guasto.is_none() {
            let Some(l) = rimasti.next() else { break };
            match self.uno(ora, l) {
                Ok(c) => esiti.push(c),
                Err((c, e)) => {
                    esiti.push(c);
                    guasto = Some(Errore::Archivio(e));
                }
            }
        }
        let mut scritto = false;
        if guasto.is_none() {
            match self.chiudi_gruppo() {
                Ok(s) => scritto = s,
                Err(e) => guasto = Some(e),
            }
        }
        match guasto {
            None => {
                // A group that had nothing to write says nothing of the storage.
                if scritto {
                    self.vetrina.archivio.regge();
                }
                if std::mem::take(&mut self.conferma) {
                    self.guardia.conferma();
                    *self.vetrina.orologio.lock().unwrap_or_else(PoisonError::into_inner) = None;
                }
                self.pubblica();
                for c in esiti {
                    c.consegna(None);
                }
                for oggetto in self.superflui.drain(..) {
                    self.deposito.superfluo(&oggetto);
                }
            }
            Some(e) => {
                tracing::error!(errore = %e, "gruppo non scritto");
                // Before the answers: who is told that nothing was done must not find it done.
                self.disfa(&e, iniziata);
                let e = e.senza_premessa();
                for c in esiti {
                    c.consegna(Some(&e));
                }
                for l in rimasti {
                    l.rispondi_guasto(&e);
                }
            }
        }
    }

    fn leggi_orologio(&mut self) -> Result<Istante, Istante> {
        let lettura = self.guardia.leggi();
        let (esito, impedimento) = match lettura {
            Lettura::Buona(t) | Lettura::Arretrata(t) => (Ok(t), None),
            Lettura::InDubbio(t) => (Err(t), Some(Errore::OrologioInDubbio.to_string())),
        };
        let mut posto = self.vetrina.orologio.lock().unwrap_or_else(PoisonError::into_inner);
        if *posto != impedimento {
            *posto = impedimento;
        }
        esito
    }

    /// What others wrote since the last group is read before anything is decided.
    fn aggiorna(&mut self, inizio: Inizio) -> Esito<()> {
        if inizio.altri {
            self.dimentica();
        }
        if inizio.configurazione {
            self.rileggi_configurazione()?;
        }
        Ok(())
    }

    /// Heads and counters of the group, then the commit. Says whether anything was written.
    fn chiudi_gruppo(&mut self) -> Esito<bool> {
        let mosso = Mosso {
            teste: !self.toccate.is_empty(),
            configurazione: std::mem::take(&mut self.conf_scritta),
            ultima: self.scritte.pop(),
        };
        self.scritte.clear();
        for log in std::mem::take(&mut self.toccate) {
            if let Some(t) = self.teste.get(&log) {
                let dimensione = i64::try_from(t.albero.dimensione()).unwrap_or(i64::MAX);
                self.db().scrivi(
                    "INSERT INTO testa(log, dimensione, istante) VALUES (?,?,?)
                     ON CONFLICT(log) DO UPDATE SET dimensione = excluded.dimensione, istante = excluded.istante",
                    valori![log, dimensione, t.istante],
                )?;
            }
        }
        for k in std::mem::take(&mut self.contati) {
            let ultimo = self.contatori.get(&k).copied().unwrap_or(0);
            self.db().scrivi(
                "INSERT INTO contatore(log, registro, anno, ultimo) VALUES (?,?,?,?)
                 ON CONFLICT(log, registro, anno) DO UPDATE SET ultimo = excluded.ultimo",
                valori![k.0, &k.1, k.2, ultimo],
            )?;
        }
        self.base.conferma(mosso)
    }

    /// One job inside the group's transaction. `Err` means that the storage failed and the group must be undone.
    fn uno(&mut self, ora: Result<Istante, Istante>, l: Lavoro) -> Result<Consegna, (Consegna, String)> {
        match l {
            Lavoro::Registra(mut p, r) => {
                // No savepoint: all is judged before the first row, so a failure here is the storage's.
                let e = match ora {
                    Ok(t) => self.registra(t, &mut p),
                    Err(_) => self.ripetuta(&p.aoo, p.idempotenza.as_ref()),
                };
                // The files' leases end after the commit, with the delivery.
                Consegna::di(r, e, p.file)
            }
            Lavoro::Comanda { aoo, chi, chiave, comando, file, idempotenza, risposta } => {
                let e = ora.map_err(|_| Errore::OrologioInDubbio).and_then(|t| {
                    self.da_solo(|s| s.comanda(t, &aoo, &chi, &chiave, *comando, &file, idempotenza.as_ref()))
                });
                Consegna::di(risposta, e, file)
            }
            Lavoro::Configura { aoo, chi, comando, segreto, idempotenza, risposta } => {
                let e = self.da_solo(|s| s.configura(ora, &aoo, &chi, comando, segreto, idempotenza.as_ref()));
                Consegna::di(risposta, e, Vec::new())
            }
            Lavoro::CreaEnte(chi, dati, r) => {
                let e = ora
                    .map_err(|_| Errore::OrologioInDubbio)
                    .and_then(|t| self.da_solo(|s| s.crea_ente(t, &chi, dati)));
                Consegna::di(r, e, Vec::new())
            }
            Lavoro::AttivaEnte(chi, ipa, r) => {
                let e = ora.map_err(|_| Errore::OrologioInDubbio).and_then(|t| {
                    self.da_solo(|s| {
                        let log = s.log_di(None)?;
                        let t = s.istante(&log, t)?;
                        s.appendi(&log, t, &chi, None, &Evento::EnteAttivato { attivato: ipa })
                    })
                });
                Consegna::di(r, e, Vec::new())
            }
            Lavoro::CreaAoo(chi, nuova, r) => {
                let e = ora
                    .map_err(|_| Errore::OrologioInDubbio)
                    .and_then(|t| self.da_solo(|s| s.crea_aoo(t, &chi, *nuova)));
                Consegna::di(r, e, Vec::new())
            }
            Lavoro::RuotaChiave { aoo, chi, motivo, idempotenza, risposta } => {
                let e = ora.map_err(|_| Errore::OrologioInDubbio).and_then(|t| {
                    self.da_solo(|s| s.ruota_chiave(t, aoo.as_ref(), &chi, &motivo, idempotenza.as_ref()))
                });
                Consegna::di(risposta, e, Vec::new())
            }
            Lavoro::DichiaraLacuna { aoo, chi, nuova, risposta } => {
                let e = ora
                    .map_err(|_| Errore::OrologioInDubbio)
                    .and_then(|t| self.da_solo(|s| s.dichiara_lacuna(t, aoo.as_ref(), &chi, *nuova)));
                Consegna::di(risposta, e, Vec::new())
            }
            Lavoro::Checkpoint(aoo, r) => {
                let e = self.da_solo(|s| s.checkpoint(ora.unwrap_or_else(|t| t), aoo.as_ref()));
                Consegna::di(r, e, Vec::new())
            }
            Lavoro::Servizio(f, r) => {
                let e = self.da_solo(|s| f(s.db()));
                Consegna::di(r, e, Vec::new())
            }
            Lavoro::Prova(r) => {
                let dubbio = self.vetrina.archivio.da_provare();
                let e = self.base.prova(dubbio);
                Consegna::di(r, e, Vec::new())
            }
        }
    }

    /// Runs one job so that its failure harms nobody else in the group: a savepoint on disk, a copy of the heads in
    /// memory.
    fn da_solo<T>(&mut self, f: impl FnOnce(&mut Self) -> Esito<T>) -> Esito<T> {
        let teste = self.teste.clone();
        // Numbers are given to registrations only, which are not done so, and jumped last; of the rest, what a job adds is at the end.
        let (conferma, toccate, superflui) = (self.conferma, self.toccate.len(), self.superflui.len());
        let scritte = self.scritte.len();
        self.base.salva()?;
        let esito = f(self);
        if esito.is_ok() {
            self.base.libera()?;
            return esito;
        }
        self.conferma = conferma;
        self.superflui.truncate(superflui);
        self.teste = teste;
        self.toccate.truncate(toccate);
        self.scritte.truncate(scritte);
        self.base.torna()?;
        if self.conf_cambiata {
            self.conf = letture::configurazione(self.db())?;
        }
        if self.log_cambiati {
            self.log = tronco::elenco(self.db())?;
        }
        // Undone as if it had never been asked: the group goes on.
        match esito {
            Err(Errore::Archivio(e)) => Err(Errore::Isolato(e)),
            altro => altro,
        }
    }

    fn log_di(&self, aoo: Option<&CodiceAoo>) -> Esito<Arc<LogInfo>> {
        self.log
            .get(&aoo.cloned())
            .cloned()
            .ok_or_else(|| Rifiuto::NonTrovato("l'AOO non esiste in questo ente".to_owned()).into())
    }

    /// Within the transaction, until the commit.
    fn metti_log(&mut self, log: &Arc<LogInfo>) {
        self.log.insert(log.aoo.clone(), Arc::clone(log));
        self.log_cambiati = true;
    }

    fn aoo(&self, codice: &CodiceAoo) -> Esito<&StatoAoo> {
        self.conf
            .aoo
            .get(codice)
            .ok_or_else(|| Rifiuto::NonTrovato("l'AOO non esiste in questo ente".to_owned()).into())
    }

    fn testa(&mut self, log: i64) -> Esito<&mut Testa> {
        if !self.teste.contains_key(&log) {
            let sql = "SELECT dimensione, istante FROM testa WHERE log = ?";
            let (dimensione, istante) =
                self.db().una(sql, valori![log], |r| Ok((r.naturale(0)?, r.intero(1)?)))?.unwrap_or((0, 0));
            let albero = tronco::albero(self.db(), log, dimensione)?;
            self.teste.insert(log, Testa { istante, albero, arretrato: false });
        }
        self.teste.get_mut(&log).ok_or_else(|| Errore::Incoerente("testa del registro".to_owned()))
    }

    /// Signs the tree as it is, unless the last checkpoint already says so.
    pub(super) fn checkpoint(&mut self, ora: Istante, aoo: Option<&CodiceAoo>) -> Esito<String> {
        let log = self.log_di(aoo)?;
        let chiave = self.chiave.clone();
        let t = self.testa(log.id)?;
        let (dimensione, radice) = (t.albero.dimensione(), t.albero.radice());
        let istante = ora.max(Istante(t.istante));
        tronco::firma(self.db(), &chiave, &log, dimensione, radice, istante)
    }
}
