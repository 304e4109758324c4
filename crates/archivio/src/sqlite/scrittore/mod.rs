//! The writer: one thread per ente, the only one that changes the file.
//!
//! It takes what waits, up to [`GRUPPO_MAX`] commands, never waits for more, commits them together and only then
//! answers. Numbers, indices and instants are given here, inside the transaction, and exist outside only after it.
//! A command is judged before it writes anything, so a refusal costs nothing; if the storage fails in the middle the
//! group is rolled back, memory is read again from disk and everybody in it is told that nothing was done. Commands
//! that can fail half way run in a savepoint of their own, so that they harm nobody else in the group. What readers
//! share ([`Vetrina`]) changes after the commit, never before. What a failed write leaves behind is in [`guasto`].

use std::collections::HashMap;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use catena::Albero;
use dominio::codici::{CodiceAoo, CodiceIpa};
use dominio::configurazione::{Configurazione, StatoAoo};
use dominio::errori::Rifiuto;
use dominio::operazione::Evento;
use dominio::tempo::{AnnoCorrente, Istante, Orologio};
use rusqlite::{Connection, OptionalExtension, params};

use super::letture;
use super::tronco::{self, LogInfo};
use crate::file::Deposito;
use crate::orologio::{Guardia, Lettura, Riferimento};
use crate::store::{Errore, Esito};
use crate::tenuta::Tenuta;

/// Most commands committed together.
pub const GRUPPO_MAX: usize = 256;
/// Most commands waiting; more are refused with 503.
pub const CODA_MAX: usize = 4_096;
/// Search rows gathered before they are moved to the index.
const RECENTI_MAX: usize = 2_048;
/// Idle time after which waiting search rows are moved.
const RIPOSO: Duration = Duration::from_millis(50);

mod appendi;
mod comandi;
mod guasto;
mod indice;
mod lavoro;
mod registra;

pub use guasto::Lettori;
use lavoro::Consegna;
pub use lavoro::{Lavoro, Pronta, Risposta, Sportello, Statici};

/// What the writer shares with readers.
pub struct Vetrina {
    /// The configuration in force, with its version.
    pub conf: RwLock<(u64, Arc<Configurazione>)>,
    /// Logs by AOO code; the ente's own has no code.
    pub log: RwLock<HashMap<Option<CodiceAoo>, Arc<LogInfo>>>,
    /// Why the clock stops registrations, if it does.
    pub orologio: Mutex<Option<String>>,
    /// Does the storage take commits?
    pub archivio: Tenuta,
    /// Does the database's own file take what was committed beside it, in the WAL?
    pub travaso: Tenuta,
    /// The time that is believed.
    pub riferimento: Arc<Riferimento>,
    /// Is what the clock's guard knows kept?
    pub stato_orologio: Arc<Tenuta>,
    /// Does the search index take the rows that wait for it?
    pub indice: Tenuta,
}

#[derive(Clone)]
struct Testa {
    istante: i64,
    albero: Albero,
    arretrato: bool,
}

/// State of the writer's thread.
pub struct Scrittore {
    percorso: std::path::PathBuf,
    c: Connection,
    ipa: CodiceIpa,
    chiave: crate::chiavi::ChiaveInstallazione,
    deposito: Deposito,
    lettori: Arc<Lettori>,
    vetrina: Arc<Vetrina>,
    guardia: Guardia,
    conf: Configurazione,
    versione: u64,
    conf_cambiata: bool,
    /// Logs as the transaction sees them; readers see those committed.
    log: HashMap<Option<CodiceAoo>, Arc<LogInfo>>,
    log_cambiati: bool,
    teste: HashMap<i64, Testa>,
    toccate: Vec<i64>,
    contatori: HashMap<(i64, String, i32), i64>,
    contati: Vec<(i64, String, i32)>,
    anno: AnnoCorrente,
    recenti: usize,
    superflui: Vec<String>,
    /// After a failure that left memory unsure.
    da_rileggere: bool,
    /// Pages of a commit that failed may lie whole in the WAL.
    residuo: bool,
    /// The database was closed, and is not open again yet.
    chiuso: bool,
    /// Pages in the WAL after the last commit.
    pagine_wal: Arc<AtomicI32>,
    /// When the WAL was last brought into the file.
    travasato: Instant,
    /// How long after a failed pouring it is tried again.
    ritenta: Duration,
    /// The RGD's confirmation of the clock, which counts once it is on disk.
    conferma: bool,
}

impl Scrittore {
    /// Starts the thread on an open, migrated connection.
    ///
    /// # Errors
    /// What is on disk cannot be read.
    #[expect(clippy::too_many_arguments, reason = "all that a writer is made of")]
    pub fn avvia(
        percorso: std::path::PathBuf,
        c: Connection,
        ipa: CodiceIpa,
        chiave: crate::chiavi::ChiaveInstallazione,
        deposito: Deposito,
        lettori: Arc<Lettori>,
        orologio: Arc<dyn Orologio>,
        stato_orologio: Option<std::path::PathBuf>,
    ) -> Esito<(Sportello, Arc<Vetrina>, std::thread::JoinHandle<()>)> {
        let ultimo: Option<i64> = c.query_row("SELECT max(istante) FROM testa", [], |r| r.get(0))?;
        let guardia = Guardia::nuova(orologio, stato_orologio, ultimo.unwrap_or(0));
        let vetrina = Arc::new(Vetrina {
            conf: RwLock::new((0, Arc::new(Configurazione::default()))),
            log: RwLock::new(HashMap::new()),
            orologio: Mutex::new(None),
            archivio: Tenuta::default(),
            travaso: Tenuta::default(),
            riferimento: guardia.riferimento(),
            stato_orologio: guardia.tenuta(),
            indice: Tenuta::default(),
        });
        let mut s = Self {
            percorso,
            c,
            ipa,
            chiave,
            deposito,
            lettori,
            vetrina: Arc::clone(&vetrina),
            guardia,
            conf: Configurazione::default(),
            versione: 0,
            conf_cambiata: false,
            log: HashMap::new(),
            log_cambiati: false,
            teste: HashMap::new(),
            toccate: Vec::new(),
            contatori: HashMap::new(),
            contati: Vec::new(),
            anno: AnnoCorrente::default(),
            recenti: 0,
            superflui: Vec::new(),
            da_rileggere: false,
            residuo: false,
            chiuso: false,
            pagine_wal: Arc::default(),
            travasato: Instant::now(),
            ritenta: guasto::RITENTA,
            conferma: false,
        };
        s.conta_pagine()?;
        s.trova_a_meta();
        s.rileggi()?;
        s.pubblica();
        // A doubt that a restart did not solve shows in readiness before anything is asked.
        let _ = s.leggi_orologio();
        let (tx, rx) = sync_channel(CODA_MAX);
        let nome = format!("scrittore-{}", s.ipa);
        let filo = std::thread::Builder::new().name(nome).spawn(move || s.lavora(&rx))?;
        Ok((Sportello { coda: tx }, vetrina, filo))
    }

    /// Reads from disk all that is held in memory.
    fn rileggi(&mut self) -> Esito<()> {
        self.teste.clear();
        self.contatori.clear();
        self.toccate.clear();
        self.contati.clear();
        self.superflui.clear();
        self.conferma = false;
        self.conf = letture::configurazione(&self.c)?;
        self.conf_cambiata = true;
        self.recenti =
            usize::try_from(self.c.query_row("SELECT count(*) FROM cerca_recente", [], |r| r.get::<_, i64>(0))?)
                .unwrap_or(0);
        self.log = tronco::elenco(&self.c)?;
        self.log_cambiati = true;
        Ok(())
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
            let primo = match self.riposo() {
                Some(attesa) => coda.recv_timeout(attesa),
                None => coda.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let primo = match primo {
                Ok(l) => l,
                Err(RecvTimeoutError::Timeout) if self.recenti > 0 => {
                    self.sposta_recenti();
                    continue;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.travasa();
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
            let esito = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.esegui(&mut gruppo)));
            if esito.is_err() {
                // A defect of ours: whoever waited is told that nothing was done, and memory is read again.
                tracing::error!("lo scrittore si è interrotto: gruppo annullato");
                let _ = self.c.execute_batch("ROLLBACK");
                gruppo.clear();
                self.da_rileggere = true;
            }
            if self.recenti >= RECENTI_MAX {
                self.sposta_recenti();
            }
            if self.travaso_dovuto() {
                self.travasa();
            }
        }
        if self.recenti > 0 {
            self.sposta_recenti();
        }
        self.congeda();
    }

    /// Commits a group and answers it.
    fn esegui(&mut self, gruppo: &mut Vec<Lavoro>) {
        if self.da_rileggere
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
        let ora = self.leggi_orologio();
        let mut esiti: Vec<Consegna> = Vec::with_capacity(gruppo.len());
        let mut rimasti = gruppo.drain(..);
        let pagine = self.pagine_wal.swap(0, Ordering::Relaxed);
        let inizio = self.c.execute_batch("BEGIN IMMEDIATE");
        let iniziata = inizio.is_ok();
        let mut guasto = inizio.err().map(Errore::from);
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
        if guasto.is_none() {
            guasto = self.chiudi_gruppo().err();
        }
        // Zero still: the group had nothing to write, and says nothing of the storage.
        let scritto = self.pagine_wal.load(Ordering::Relaxed) > 0;
        if !scritto {
            self.pagine_wal.store(pagine, Ordering::Relaxed);
        }
        match guasto {
            None => {
                if scritto {
                    self.residuo = false;
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
                    let _ = std::fs::remove_file(self.deposito.percorso(&oggetto));
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

    /// Heads and counters of the group, then the commit.
    fn chiudi_gruppo(&mut self) -> Esito<()> {
        for log in self.toccate.drain(..) {
            if let Some(t) = self.teste.get(&log) {
                let dimensione = i64::try_from(t.albero.dimensione()).unwrap_or(i64::MAX);
                self.c
                    .prepare_cached(
                        "INSERT INTO testa(log, dimensione, istante) VALUES (?1, ?2, ?3)
                         ON CONFLICT(log) DO UPDATE SET dimensione = ?2, istante = ?3",
                    )?
                    .execute(params![log, dimensione, t.istante])?;
            }
        }
        for k in self.contati.drain(..) {
            let ultimo = self.contatori.get(&k).copied().unwrap_or(0);
            self.c
                .prepare_cached(
                    "INSERT INTO contatore(log, registro, anno, ultimo) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT(log, registro, anno) DO UPDATE SET ultimo = ?4",
                )?
                .execute(params![k.0, k.1, k.2, ultimo])?;
        }
        self.c.execute_batch("COMMIT")?;
        Ok(())
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
            Lavoro::Checkpoint(aoo, r) => {
                let e = self.da_solo(|s| s.checkpoint(ora.unwrap_or_else(|t| t), aoo.as_ref()));
                Consegna::di(r, e, Vec::new())
            }
            Lavoro::Servizio(f, r) => {
                let e = self.da_solo(|s| f(&s.c));
                Consegna::di(r, e, Vec::new())
            }
            Lavoro::Prova(r) => {
                let e = self.prova();
                Consegna::di(r, e, Vec::new())
            }
        }
    }

    /// Runs one job so that its failure harms nobody else in the group: a savepoint on disk, a copy of the heads in
    /// memory.
    fn da_solo<T>(&mut self, f: impl FnOnce(&mut Self) -> Esito<T>) -> Esito<T> {
        let teste = self.teste.clone();
        // Numbers are given to registrations only, which are not done so; of the rest, what a job adds is at the end.
        let (conferma, toccate, superflui) = (self.conferma, self.toccate.len(), self.superflui.len());
        self.c.execute_batch("SAVEPOINT lavoro")?;
        let esito = f(self);
        if esito.is_ok() {
            self.c.execute_batch("RELEASE lavoro")?;
            return esito;
        }
        self.conferma = conferma;
        self.superflui.truncate(superflui);
        self.teste = teste;
        self.toccate.truncate(toccate);
        self.c.execute_batch("ROLLBACK TO lavoro; RELEASE lavoro")?;
        if self.conf_cambiata {
            self.conf = letture::configurazione(&self.c)?;
        }
        if self.log_cambiati {
            self.log = tronco::elenco(&self.c)?;
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
            let (dimensione, istante): (i64, i64) = self
                .c
                .query_row("SELECT dimensione, istante FROM testa WHERE log = ?", [log], |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?
                .unwrap_or((0, 0));
            let albero = tronco::albero(&self.c, log, dimensione.unsigned_abs())?;
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
        tronco::firma(&self.c, &chiave, &log, dimensione, radice, istante)
    }
}
