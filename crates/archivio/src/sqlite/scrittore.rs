//! The writer: one thread per ente, the only one that changes the file.
//!
//! It takes what waits, up to [`GRUPPO_MAX`] commands, never waits for more, commits them together and only then
//! answers. Numbers, indices and instants are given here, inside the transaction, and exist outside only after it.
//! A command is judged before it writes anything, so a refusal costs nothing; if the storage fails in the middle the
//! group is rolled back, memory is read again from disk and each command is tried alone.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use catena::{Albero, Impronte, Seme};
use dominio::codici::{CodiceAoo, CodiceIpa, CodiceVoce};
use dominio::comandi::{self, Comando, ComandoConfigurazione};
use dominio::configurazione::{Configurazione, DatiAoo, DatiEnte, StatoAoo, Ufficio, Voce};
use dominio::errori::Rifiuto;
use dominio::operazione::{self, CampiNoti, Evento, Operazione};
use dominio::permessi::Operatore;
use dominio::registrazione::{Chiave, DatiRegistrazione, Numero};
use dominio::tempo::{AnnoCorrente, Istante, Orologio};
use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::oneshot;

use super::letture;
use super::righe::{self, RigheRegistrazione};
use super::tronco::{self, LogInfo};
use crate::file::Deposito;
use crate::orologio::{Guardia, Lettura, PASSO_INDIETRO_US};
use crate::store::{Errore, Esito, Fatto, FileCaricato, Idempotenza, NuovaAoo, Segreto};

/// Most commands committed together.
pub const GRUPPO_MAX: usize = 256;
/// Most commands waiting; more are refused with 503.
pub const CODA_MAX: usize = 4_096;
/// Search rows gathered before they are moved to the index.
const RECENTI_MAX: usize = 2_048;
/// Idle time after which waiting search rows are moved.
const RIPOSO: Duration = Duration::from_millis(50);

/// Static fields of an operation, digested and serialised outside the writer.
#[derive(Debug)]
pub struct Statici {
    json: String,
    impronte: Impronte,
}

impl Statici {
    /// Draws the seed and does all that does not depend on index, instant and number.
    ///
    /// # Errors
    /// No randomness, or a value that may not stand in an operation.
    pub fn di(campi: &CampiNoti) -> Esito<Self> {
        let mut seme = [0u8; 32];
        getrandom::fill(&mut seme).map_err(|e| Errore::Archivio(e.to_string()))?;
        let impronte = Impronte::di(&Seme(seme), &campi.0).map_err(|e| Errore::Incoerente(e.to_string()))?;
        let mut json = serde_json::to_string(&campi.0).map_err(|e| Errore::Incoerente(e.to_string()))?;
        json.pop();
        Ok(Self { json, impronte })
    }
}

/// A registration judged and digested, on its way to the writer.
#[derive(Debug)]
pub struct Pronta {
    /// The AOO.
    pub aoo: CodiceAoo,
    /// Its register.
    pub registro: dominio::codici::CodiceRegistro,
    /// Version of the configuration it was judged against.
    pub versione: u64,
    /// The payload, for the checks that need state.
    pub dati: DatiRegistrazione,
    /// Static fields; taken by the writer.
    pub statici: Option<Statici>,
    /// Derived rows.
    pub righe: RigheRegistrazione,
    /// Stored files, in the order of `dati.documenti`.
    pub file: Vec<FileCaricato>,
    /// Repeatable?
    pub idempotenza: Option<Idempotenza>,
}

/// Where an answer goes.
pub type Risposta<T> = oneshot::Sender<Esito<T>>;
type Servizio = Box<dyn FnOnce(&Connection) -> Esito<()> + Send>;

/// What the writer is asked.
pub enum Lavoro {
    /// A new registration.
    Registra(Box<Pronta>, Risposta<Fatto>),
    /// A command on a registration.
    Comanda {
        /// AOO.
        aoo: CodiceAoo,
        /// Who.
        chi: Operatore,
        /// Which.
        chiave: Chiave,
        /// What.
        comando: Comando,
        /// Files of an `Allega`.
        file: Vec<FileCaricato>,
        /// Repeatable?
        idempotenza: Option<Idempotenza>,
        /// Where the answer goes.
        risposta: Risposta<Fatto>,
    },
    /// A command on the configuration.
    Configura {
        /// AOO.
        aoo: CodiceAoo,
        /// Who.
        chi: Operatore,
        /// What.
        comando: ComandoConfigurazione,
        /// What goes beside it.
        segreto: Option<Segreto>,
        /// Repeatable?
        idempotenza: Option<Idempotenza>,
        /// Where the answer goes.
        risposta: Risposta<Fatto>,
    },
    /// First operation of the ente.
    CreaEnte(Operatore, DatiEnte, Risposta<Fatto>),
    /// In the installation's log: an ente was activated.
    AttivaEnte(Operatore, CodiceIpa, Risposta<Fatto>),
    /// A new AOO.
    CreaAoo(Operatore, Box<NuovaAoo>, Risposta<Fatto>),
    /// Sign a checkpoint if something changed.
    Checkpoint(Option<CodiceAoo>, Risposta<String>),
    /// Rows that are no operation: sessions, sweeping.
    Servizio(Servizio, Risposta<()>),
}

/// The way to the writer.
#[derive(Clone)]
pub struct Sportello {
    coda: SyncSender<Lavoro>,
}

impl Sportello {
    /// Hands in a job and waits for the answer, which comes after the commit.
    ///
    /// # Errors
    /// The queue is full, the writer is gone, or what the writer answers.
    pub async fn chiedi<T>(&self, fa: impl FnOnce(Risposta<T>) -> Lavoro) -> Esito<T> {
        let (tx, rx) = oneshot::channel();
        self.coda.try_send(fa(tx)).map_err(|e| match e {
            TrySendError::Full(_) => Errore::Sovraccarico,
            TrySendError::Disconnected(_) => Errore::Archivio("lo scrittore si è fermato".to_owned()),
        })?;
        rx.await.map_err(|_| Errore::Archivio("lo scrittore si è fermato".to_owned()))?
    }
}

/// What the writer shares with readers.
pub struct Vetrina {
    /// The configuration in force, with its version.
    pub conf: RwLock<(u64, Arc<Configurazione>)>,
    /// Logs by AOO code; the ente's own has no code.
    pub log: RwLock<HashMap<Option<CodiceAoo>, Arc<LogInfo>>>,
    /// Why registrations are refused, if they are.
    pub impedimento: Mutex<Option<String>>,
}

#[derive(Clone)]
struct Testa {
    istante: i64,
    albero: Albero,
    arretrato: bool,
}

/// State of the writer's thread.
pub struct Scrittore {
    c: Connection,
    ipa: CodiceIpa,
    chiave: crate::chiavi::ChiaveInstallazione,
    deposito: Deposito,
    vetrina: Arc<Vetrina>,
    guardia: Guardia,
    conf: Configurazione,
    versione: u64,
    conf_cambiata: bool,
    teste: HashMap<i64, Testa>,
    toccate: Vec<i64>,
    contatori: HashMap<(i64, String, i32), i64>,
    contati: Vec<(i64, String, i32)>,
    anno: AnnoCorrente,
    recenti: usize,
    superflui: Vec<String>,
    /// After a failure that left memory unsure.
    da_rileggere: bool,
}

impl Scrittore {
    /// Starts the thread on an open, migrated connection.
    ///
    /// # Errors
    /// What is on disk cannot be read.
    pub fn avvia(
        c: Connection,
        ipa: CodiceIpa,
        chiave: crate::chiavi::ChiaveInstallazione,
        deposito: Deposito,
        orologio: Arc<dyn Orologio>,
    ) -> Esito<(Sportello, Arc<Vetrina>, std::thread::JoinHandle<()>)> {
        let vetrina = Arc::new(Vetrina {
            conf: RwLock::new((0, Arc::new(Configurazione::default()))),
            log: RwLock::new(HashMap::new()),
            impedimento: Mutex::new(None),
        });
        let mut s = Self {
            c,
            ipa,
            chiave,
            deposito,
            vetrina: Arc::clone(&vetrina),
            guardia: Guardia::nuova(orologio),
            conf: Configurazione::default(),
            versione: 0,
            conf_cambiata: false,
            teste: HashMap::new(),
            toccate: Vec::new(),
            contatori: HashMap::new(),
            contati: Vec::new(),
            anno: AnnoCorrente::default(),
            recenti: 0,
            superflui: Vec::new(),
            da_rileggere: false,
        };
        s.rileggi()?;
        s.pubblica();
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
        self.conf = letture::configurazione(&self.c)?;
        self.conf_cambiata = true;
        self.recenti =
            usize::try_from(self.c.query_row("SELECT count(*) FROM cerca_recente", [], |r| r.get::<_, i64>(0))?)
                .unwrap_or(0);
        let log = tronco::elenco(&self.c)?;
        *self.vetrina.log.write().unwrap_or_else(PoisonError::into_inner) = log;
        Ok(())
    }

    fn pubblica(&mut self) {
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
            let primo = if self.recenti > 0 {
                match coda.recv_timeout(RIPOSO) {
                    Ok(l) => Some(l),
                    Err(RecvTimeoutError::Timeout) => None,
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            } else {
                match coda.recv() {
                    Ok(l) => Some(l),
                    Err(_) => break,
                }
            };
            let Some(primo) = primo else {
                self.sposta_recenti();
                continue;
            };
            gruppo.push(primo);
            while gruppo.len() < GRUPPO_MAX
                && let Ok(l) = coda.try_recv()
            {
                gruppo.push(l);
            }
            self.esegui(&mut gruppo);
            if self.recenti >= RECENTI_MAX {
                self.sposta_recenti();
            }
        }
    }

    /// Commits a group and answers it.
    fn esegui(&mut self, gruppo: &mut Vec<Lavoro>) {
        if self.da_rileggere {
            if let Err(e) = self.rileggi() {
                // What is in memory may be ahead of the disk: nothing is written until it can be read again.
                let e = e.to_string();
                for l in gruppo.drain(..) {
                    l.rispondi_guasto(&e);
                }
                return;
            }
            self.da_rileggere = false;
            self.pubblica();
        }
        let ora = self.leggi_orologio();
        let mut esiti: Vec<Consegna> = Vec::with_capacity(gruppo.len());
        let mut rimasti = gruppo.drain(..);
        let inizio = self.c.execute_batch("BEGIN IMMEDIATE");
        let mut guasto = inizio.err().map(|e| Errore::from(e).to_string());
        while guasto.is_none() {
            let Some(l) = rimasti.next() else { break };
            match self.uno(ora, l) {
                Ok(c) => esiti.push(c),
                Err((c, e)) => {
                    esiti.push(c);
                    guasto = Some(e);
                }
            }
        }
        if guasto.is_none() {
            guasto = self.chiudi_gruppo().err().map(|e| e.to_string());
        }
        match guasto {
            None => {
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
                let _ = self.c.execute_batch("ROLLBACK");
                for c in esiti {
                    c.consegna(Some(&e));
                }
                for l in rimasti {
                    l.rispondi_guasto(&e);
                }
                match self.rileggi() {
                    Ok(()) => self.pubblica(),
                    Err(e) => {
                        tracing::error!(errore = %e, "stato non riletto dopo un guasto");
                        self.da_rileggere = true;
                    }
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
        let mut posto = self.vetrina.impedimento.lock().unwrap_or_else(PoisonError::into_inner);
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
                let e = ora.map_err(|_| Errore::OrologioInDubbio).and_then(|t| self.registra(t, &mut p));
                // The files' leases end after the commit, with the delivery.
                Consegna::di(r, e, p.file)
            }
            Lavoro::Comanda { aoo, chi, chiave, comando, file, idempotenza, risposta } => {
                let e = ora.map_err(|_| Errore::OrologioInDubbio).and_then(|t| {
                    self.da_solo(|s| s.comanda(t, &aoo, &chi, &chiave, comando, &file, idempotenza.as_ref()))
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
            Lavoro::Checkpoint(aoo, r) => {
                let e = self.da_solo(|s| s.checkpoint(ora.unwrap_or_else(|t| t), aoo.as_ref()));
                Consegna::di(r, e, Vec::new())
            }
            Lavoro::Servizio(f, r) => {
                let e = self.da_solo(|s| f(&s.c));
                Consegna::di(r, e, Vec::new())
            }
        }
    }

    /// Runs one job so that its failure harms nobody else in the group: a savepoint on disk, a copy of the heads in
    /// memory.
    fn da_solo<T>(&mut self, f: impl FnOnce(&mut Self) -> Esito<T>) -> Esito<T> {
        let teste = self.teste.clone();
        let (toccate, contati) = (self.toccate.clone(), self.contati.clone());
        self.c.execute_batch("SAVEPOINT lavoro")?;
        let esito = f(self);
        if esito.is_ok() {
            self.c.execute_batch("RELEASE lavoro")?;
            return esito;
        }
        self.teste = teste;
        self.toccate = toccate;
        self.contati = contati;
        self.c.execute_batch("ROLLBACK TO lavoro; RELEASE lavoro")?;
        if self.conf_cambiata {
            self.conf = letture::configurazione(&self.c)?;
        }
        let log = tronco::elenco(&self.c)?;
        *self.vetrina.log.write().unwrap_or_else(PoisonError::into_inner) = log;
        // Undone as if it had never been asked: the group goes on.
        match esito {
            Err(Errore::Archivio(e)) => Err(Errore::Isolato(e)),
            altro => altro,
        }
    }

    fn log_di(&self, aoo: Option<&CodiceAoo>) -> Esito<Arc<LogInfo>> {
        self.vetrina
            .log
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&aoo.cloned())
            .cloned()
            .ok_or_else(|| Rifiuto::NonTrovato("l'AOO non esiste in questo ente".to_owned()).into())
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

    /// The instant of the next operation of a log: never lower than the last (R-A21). When the wall clock is behind,
    /// an operation says so, once.
    fn istante(&mut self, log: &LogInfo, ora: Istante) -> Esito<Istante> {
        let t = self.testa(log.id)?;
        let ultimo = Istante(t.istante);
        if ora >= ultimo {
            t.arretrato = false;
            return Ok(ora);
        }
        if ultimo.0 - ora.0 > PASSO_INDIETRO_US && !t.arretrato {
            t.arretrato = true;
            let chi = crate::sistema();
            self.appendi(log, ultimo, &chi, None, &Evento::OrologioArretrato { orologio: ora, ultimo })?;
        }
        Ok(ultimo)
    }

    /// Writes an operation built here (everything but registrations).
    fn appendi(
        &mut self,
        log: &LogInfo,
        t: Istante,
        chi: &Operatore,
        su: Option<(&Chiave, i64)>,
        evento: &Evento,
    ) -> Esito<Fatto> {
        let mut campi = CampiNoti::di(&self.ipa, log.aoo.as_ref(), chi, su.map(|s| &s.0.registro), evento)
            .map_err(|e| Errore::Incoerente(e.to_string()))?;
        if let Some((k, _)) = su {
            campi.0.insert("anno".to_owned(), k.anno.into());
            campi.0.insert("numero".to_owned(), k.numero.valore().into());
        }
        let tipo = Operazione::tipo(&campi.0).to_owned();
        let statici = Statici::di(&campi)?;
        let conf = righe::di_configurazione(evento);
        let (_, fatto) = self.scrivi(log, t, &tipo, su.map(|s| s.1), conf, statici, None)?;
        if conf {
            self.conf.applica(&Operazione {
                ente: self.ipa.clone(),
                aoo: log.aoo.clone(),
                indice: fatto.indice,
                istante: t,
                operatore: chi.into(),
                porta: chi.porta,
                chiave: None,
                evento: evento.clone(),
            });
            self.conf_cambiata = true;
        }
        Ok(Fatto { chiave: su.map(|s| s.0.clone()), ..fatto })
    }

    /// The row of an operation and its leaf. Returns the operation's id.
    #[expect(clippy::too_many_arguments, reason = "one row, each column named")]
    fn scrivi(
        &mut self,
        log: &LogInfo,
        t: Istante,
        tipo: &str,
        reg: Option<i64>,
        conf: bool,
        statici: Statici,
        numero: Option<(i32, Numero)>,
    ) -> Esito<(i64, Fatto)> {
        let Statici { mut json, mut impronte } = statici;
        let seme = impronte.seme().0;
        let testa = self.testa(log.id)?;
        let indice = testa.albero.dimensione();
        for (nome, valore) in operazione::campi_del_writer(indice, t, numero) {
            impronte.aggiungi(nome, &valore).map_err(|e| Errore::Incoerente(e.to_string()))?;
            json.push_str(if json.len() > 1 { ",\"" } else { "\"" });
            json.push_str(nome);
            json.push_str("\":");
            json.push_str(&valore.to_string());
        }
        json.push('}');
        let voce = impronte.voce().map_err(|e| Errore::Incoerente(e.to_string()))?;
        let mut piene = Vec::new();
        testa.albero.aggiungi(catena::foglia(&voce), |livello, n, hash| piene.push((livello, n, hash.concat())));
        testa.istante = t.0;
        let id = righe::id(log.id, indice);
        self.c
            .prepare_cached(
                "INSERT INTO operazione(id, istante, tipo, reg, conf, campi, seme, voce) VALUES (?,?,?,?,?,?,?,?)",
            )?
            .execute(params![id, t.0, tipo, reg, conf.then_some(1), json, seme, voce])?;
        for (livello, n, hash) in piene {
            self.c.prepare_cached("INSERT INTO tessera(log, livello, n, hash) VALUES (?,?,?,?)")?.execute(params![
                log.id,
                livello,
                i64::try_from(n).unwrap_or(i64::MAX),
                hash
            ])?;
        }
        if !self.toccate.contains(&log.id) {
            self.toccate.push(log.id);
        }
        Ok((id, Fatto { indice, istante: t, chiave: None, voce, ripetuta: false }))
    }

    /// The number after the last of register and year (R-A04…A08, R-A30).
    fn numero(&mut self, log: i64, registro: &str, aoo: &CodiceAoo, anno: i32) -> Esito<Numero> {
        let k = (log, registro.to_owned(), anno);
        let ultimo = match self.contatori.get(&k) {
            Some(u) => *u,
            None => match self
                .c
                .query_row(
                    "SELECT ultimo FROM contatore WHERE log=? AND registro=? AND anno=?",
                    params![log, registro, anno],
                    |r| r.get::<_, i64>(0),
                )
                .optional()?
            {
                Some(u) => u,
                // R-P03: the first number here follows the last one of the former system, in its year.
                None => self
                    .aoo(aoo)?
                    .registri
                    .values()
                    .find(|r| r.codice.as_str() == registro)
                    .and_then(|r| r.ultimo_precedente.as_ref())
                    .filter(|u| u.anno == anno)
                    .map_or(0, |u| u.numero),
            },
        };
        let n = Numero::nuovo(ultimo + 1).ok_or_else(|| Errore::Incoerente("contatore negativo".to_owned()))?;
        if !self.contati.contains(&k) {
            self.contati.push(k.clone());
        }
        self.contatori.insert(k, n.valore());
        Ok(n)
    }

    /// The answer given before to the same request, if any.
    fn gia_fatto(&self, log: i64, idem: Option<&Idempotenza>) -> Esito<Option<Fatto>> {
        let Some(i) = idem else { return Ok(None) };
        let trovata: Option<(Vec<u8>, i64)> = self
            .c
            .prepare_cached("SELECT richiesta, op FROM idempotenza WHERE ambito = ? AND chiave = ?")?
            .query_row(params![format!("{log}|{}", i.ambito), i.chiave], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((richiesta, op)) = trovata else { return Ok(None) };
        if richiesta != i.richiesta {
            return Err(Errore::ChiaveRiusata);
        }
        let o = letture::operazione(&self.c, op)?.ok_or_else(|| Errore::Incoerente(format!("operazione {op}")))?;
        let letta = Operazione::leggi(&o.campi).map_err(|e| Errore::Incoerente(e.to_string()))?;
        Ok(Some(Fatto { indice: o.indice, istante: letta.istante, chiave: letta.chiave, voce: o.voce, ripetuta: true }))
    }

    fn ricorda(&self, log: i64, idem: Option<&Idempotenza>, op: i64, t: Istante) -> Esito<()> {
        if let Some(i) = idem {
            self.c
                .prepare_cached("INSERT INTO idempotenza(ambito, chiave, richiesta, op, istante) VALUES (?,?,?,?,?)")?
                .execute(params![format!("{log}|{}", i.ambito), i.chiave, i.richiesta, op, t.0])?;
        }
        Ok(())
    }

    fn registra(&mut self, ora: Istante, p: &mut Pronta) -> Esito<Fatto> {
        let log = self.log_di(Some(&p.aoo))?;
        if let Some(f) = self.gia_fatto(log.id, p.idempotenza.as_ref())? {
            self.superflui.extend(p.file.iter().map(|f| f.oggetto.clone()));
            return Ok(f);
        }
        if p.versione != self.versione || self.conf_cambiata {
            ancora_valida(self.aoo(&p.aoo)?, &p.dati, ora)?;
        }
        self.controlla_stato(&log, &p.aoo, &p.dati)?;
        // From here on rows are written and a number is taken: whatever fails undoes the group (R-A12).
        self.scrivi_registrazione(&log, ora, p).map_err(|e| Errore::Archivio(e.to_string()))
    }

    fn scrivi_registrazione(&mut self, log: &LogInfo, ora: Istante, p: &mut Pronta) -> Esito<Fatto> {
        let t = self.istante(log, ora)?;
        let anno = self.anno.anno(t);
        let numero = self.numero(log.id, p.registro.as_str(), &p.aoo, anno)?;
        let statici = p.statici.take().ok_or_else(|| Errore::Incoerente("registrazione già scritta".to_owned()))?;
        let (id, fatto) = self.scrivi(log, t, "registrazione", None, false, statici, Some((anno, numero)))?;
        let r = &p.righe;
        self.c
            .prepare_cached(
                "INSERT INTO registrazione(id, log, registro, anno, numero, istante, tipo, riservato)
                 VALUES (?,?,?,?,?,?,?,?)",
            )?
            .execute(params![id, log.id, p.registro.as_str(), anno, numero.valore(), t.0, r.tipo, r.riservato])?;
        self.c
            .prepare_cached("INSERT INTO attuale(reg, stato, voce) VALUES (?, 0, ?)")?
            .execute(params![id, r.voce])?;
        self.assegnazioni(id, &r.assegnazioni)?;
        self.coinvolgi(id, &r.coinvolti)?;
        if let Some(k) = &r.riscontro {
            self.c.prepare_cached("INSERT INTO riscontro(chiave, reg) VALUES (?,?)")?.execute(params![k, id])?;
        }
        self.documenti(&r.documenti, &p.file, id, id)?;
        if let Some(f) = &r.fascicolo {
            self.metti_in(log.id, f, id)?;
        }
        self.c
            .prepare_cached("INSERT INTO cerca_recente(reg, testo, soggetti) VALUES (?,?,?)")?
            .execute(params![id, r.testo, r.soggetti])?;
        self.recenti += 1;
        self.ricorda(log.id, p.idempotenza.as_ref(), id, t)?;
        Ok(Fatto { chiave: Some(Chiave { registro: p.registro.clone(), anno, numero }), ..fatto })
    }

    /// What only the writer can check: the registrations and the fascicolo that a new one names.
    fn controlla_stato(&self, log: &LogInfo, aoo: &CodiceAoo, d: &DatiRegistrazione) -> Esito<()> {
        for (i, r) in d.riferimenti.iter().enumerate() {
            if r.ente == self.ipa && &r.aoo == aoo {
                let k = Chiave { registro: r.registro.clone(), anno: r.anno, numero: r.numero };
                if letture::id_di(&self.c, log.id, &k)?.is_none() {
                    return Err(
                        Rifiuto::campo(format!("riferimenti.{i}"), format!("la registrazione {k} non esiste")).into()
                    );
                }
            }
        }
        if let Some(f) = d.fascicolo.as_ref().filter(|f| !matches!(self.esiste_fascicolo(log.id, f), Ok(true))) {
            return Err(Rifiuto::campo("fascicolo", format!("il fascicolo {f} non esiste")).into());
        }
        Ok(())
    }

    fn esiste_fascicolo(&self, log: i64, codice: &str) -> Esito<bool> {
        Ok(self
            .c
            .prepare_cached("SELECT 1 FROM fascicolo WHERE log = ? AND codice = ?")?
            .exists(params![log, codice])?)
    }

    fn assegnazioni(&self, reg: i64, righe: &[righe::RigaAssegnazione]) -> Esito<()> {
        let mut s = self
            .c
            .prepare_cached("INSERT INTO assegnazione(reg, n, ufficio, utente, tipo, stato) VALUES (?,?,?,?,?,0)")?;
        for a in righe {
            s.execute(params![reg, a.n, a.ufficio, a.utente, a.tipo])?;
        }
        Ok(())
    }

    fn coinvolgi(&self, reg: i64, chi: &[String]) -> Esito<()> {
        let mut s = self.c.prepare_cached("INSERT INTO coinvolto(chi, reg) VALUES (?,?) ON CONFLICT DO NOTHING")?;
        for c in chi {
            s.execute(params![c, reg])?;
        }
        Ok(())
    }

    fn metti_in(&self, log: i64, fascicolo: &str, reg: i64) -> Esito<()> {
        self.c
            .prepare_cached("INSERT INTO contenuto(log, codice, reg) VALUES (?,?,?)")?
            .execute(params![log, fascicolo, reg])?;
        Ok(())
    }

    /// Rows of files, and the mapping of those that are new to the ente.
    fn documenti(
        &mut self,
        docs: &[(i64, dominio::codici::Impronta)],
        file: &[FileCaricato],
        reg: i64,
        op: i64,
    ) -> Esito<()> {
        for (n, impronta) in docs {
            self.c
                .prepare_cached("INSERT INTO documento(reg, n, impronta, op) VALUES (?,?,?,?)")?
                .execute(params![reg, n, impronta.0, op])?;
            let Some(f) = file.iter().find(|f| &f.impronta == impronta) else {
                return Err(Errore::Incoerente("un file della registrazione non è stato caricato".to_owned()));
            };
            let nuovo = self
                .c
                .prepare_cached(
                    "INSERT INTO oggetto_file(impronta, oggetto, byte, op) VALUES (?,?,?,?) ON CONFLICT DO NOTHING",
                )?
                .execute(params![impronta.0, f.oggetto, i64::try_from(f.byte).unwrap_or(i64::MAX), op])?;
            // Other uploads of the same bytes are not needed; the mapped one is never among them.
            let tenuto = (nuovo == 1).then_some(&f.oggetto);
            self.superflui.extend(
                file.iter()
                    .filter(|x| &x.impronta == impronta && Some(&x.oggetto) != tenuto)
                    .map(|x| x.oggetto.clone()),
            );
        }
        let tenuti: Vec<String> = self.superflui.drain(..).collect();
        for o in tenuti {
            let usato = self.c.prepare_cached("SELECT 1 FROM oggetto_file WHERE oggetto = ?")?.exists([&o])?;
            if !usato && !self.superflui.contains(&o) {
                self.superflui.push(o);
            }
        }
        Ok(())
    }

    #[expect(clippy::too_many_arguments, reason = "one command with all that belongs to it")]
    fn comanda(
        &mut self,
        ora: Istante,
        aoo: &CodiceAoo,
        chi: &Operatore,
        chiave: &Chiave,
        comando: Comando,
        file: &[FileCaricato],
        idem: Option<&Idempotenza>,
    ) -> Esito<Fatto> {
        let log = self.log_di(Some(aoo))?;
        if let Some(f) = self.gia_fatto(log.id, idem)? {
            self.superflui.extend(file.iter().map(|f| f.oggetto.clone()));
            return Ok(f);
        }
        let reg = letture::id_di(&self.c, log.id, chiave)?
            .ok_or_else(|| Rifiuto::NonTrovato(format!("la registrazione {chiave} non esiste")))?;
        let r = letture::registrazione(&self.c, reg, None)?
            .ok_or_else(|| Errore::Incoerente(format!("la registrazione {chiave} non si legge")))?;
        let evento = comandi::decidi(self.aoo(aoo)?, chi, &r, ora, comando)?;
        match &evento {
            Evento::Fascicolazione { fascicolo } if !self.esiste_fascicolo(log.id, fascicolo)? => {
                return Err(Rifiuto::campo("fascicolo", format!("il fascicolo {fascicolo} non esiste")).into());
            }
            Evento::Collegamento { riferimento: x, .. } if x.ente == self.ipa && &x.aoo == aoo => {
                let k = Chiave { registro: x.registro.clone(), anno: x.anno, numero: x.numero };
                if letture::id_di(&self.c, log.id, &k)?.is_none() {
                    return Err(Rifiuto::campo("riferimento", format!("la registrazione {k} non esiste")).into());
                }
            }
            _ => {}
        }
        let t = self.istante(&log, ora)?;
        let fatto = self.appendi(&log, t, chi, Some((chiave, reg)), &evento)?;
        let op = righe::id(log.id, fatto.indice);
        self.proietta(log.id, reg, op, &evento, file)?;
        self.ricorda(log.id, idem, op, t)?;
        Ok(fatto)
    }

    /// What a command on a registration changes in the tables.
    fn proietta(&mut self, log: i64, reg: i64, op: i64, evento: &Evento, file: &[FileCaricato]) -> Esito<()> {
        use dominio::registrazione::StatoAssegnazione as S;
        let stato = |c: &Connection, n: u32, s: S| -> Esito<()> {
            c.prepare_cached("UPDATE assegnazione SET stato = ? WHERE reg = ? AND n = ?")?.execute(params![
                righe::codice_assegnazione(s),
                reg,
                n
            ])?;
            Ok(())
        };
        match evento {
            Evento::Assegnazione { primo, assegnazioni, .. } => {
                self.assegnazioni(reg, &righe::assegnazioni(*primo, assegnazioni))?;
                let chi: Vec<String> = assegnazioni.iter().map(|a| righe::ufficio(&a.ufficio)).collect();
                self.coinvolgi(reg, &chi)
            }
            Evento::PresaInCarico { assegnazione } => stato(&self.c, *assegnazione, S::InCarico),
            Evento::RifiutoAssegnazione { assegnazione, .. } => stato(&self.c, *assegnazione, S::Rifiutata),
            Evento::ConclusioneAssegnazione { assegnazione, .. } => stato(&self.c, *assegnazione, S::Conclusa),
            Evento::Classificazione { classificazione, .. } => {
                self.c
                    .prepare_cached("UPDATE attuale SET voce = ? WHERE reg = ?")?
                    .execute(params![classificazione.as_str(), reg])?;
                Ok(())
            }
            Evento::Allegati { documenti, .. } => {
                let docs: Vec<_> = documenti.iter().map(|d| (i64::from(d.n), d.impronta)).collect();
                self.documenti(&docs, file, reg, op)
            }
            Evento::Fascicolazione { fascicolo } => self.metti_in(log, fascicolo, reg),
            _ => Ok(()),
        }
    }

    fn configura(
        &mut self,
        ora: Result<Istante, Istante>,
        aoo: &CodiceAoo,
        chi: &Operatore,
        comando: ComandoConfigurazione,
        segreto: Option<Segreto>,
        idem: Option<&Idempotenza>,
    ) -> Esito<Fatto> {
        let conferma = matches!(comando, ComandoConfigurazione::ConfermaOrologio { .. });
        let ora = match ora {
            Ok(t) => t,
            Err(t) if conferma => t,
            Err(_) => return Err(Errore::OrologioInDubbio),
        };
        let log = self.log_di(if comando.dell_ente() { None } else { Some(aoo) })?;
        if let Some(f) = self.gia_fatto(log.id, idem)? {
            return Ok(f);
        }
        let prossimo = |voce: &CodiceVoce, anno: i32| -> u32 {
            self.c
                .query_row(
                    "SELECT count(*) + 1 FROM fascicolo WHERE log = ? AND voce = ? AND anno = ?",
                    params![log.id, voce.as_str(), anno],
                    |r| r.get::<_, u32>(0),
                )
                .unwrap_or(1)
        };
        let evento = comandi::configura(&self.conf, aoo, chi, ora, prossimo, comando)?;
        match (&evento, &segreto) {
            (Evento::PasswordImpostata { .. }, Some(Segreto::Password(_)))
            | (Evento::TokenCreato { .. }, Some(Segreto::Token(_))) => {}
            (Evento::PasswordImpostata { .. } | Evento::TokenCreato { .. }, _) | (_, Some(_)) => {
                return Err(Errore::Incoerente("segreto non adatto al comando".to_owned()));
            }
            _ => {}
        }
        if conferma {
            self.guardia.conferma();
            *self.vetrina.impedimento.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        let t = self.istante(&log, ora)?;
        let fatto = self.appendi(&log, t, chi, None, &evento)?;
        let op = righe::id(log.id, fatto.indice);
        match (&evento, segreto) {
            (Evento::PasswordImpostata { utente }, Some(Segreto::Password(phc))) => {
                self.c.execute(
                    "INSERT INTO password(utente, phc) VALUES (?1, ?2) ON CONFLICT(utente) DO UPDATE SET phc = ?2",
                    params![utente.as_str(), phc],
                )?;
                self.c.execute("DELETE FROM sessione WHERE utente = ?", [utente.as_str()])?;
            }
            (Evento::UtenteAbilitato { utente, abilitato: false }, _) => {
                self.c.execute("DELETE FROM sessione WHERE utente = ?", [utente.as_str()])?;
            }
            (Evento::TokenCreato { token }, Some(Segreto::Token(h))) => {
                self.c.execute("INSERT INTO token(segreto, token) VALUES (?, ?)", params![h, token.id])?;
            }
            (Evento::TokenRevocato { token }, _) => {
                self.c.execute("DELETE FROM token WHERE token = ?", [token])?;
            }
            (Evento::CorrispondenteAggiunto { soggetto }, _) => {
                letture::scrivi_corrispondente(&self.c, op, log.id, soggetto)?;
            }
            (Evento::FascicoloCreato { fascicolo, classificazione, oggetto, ufficio }, _) => {
                self.c.execute(
                    "INSERT INTO fascicolo(op, log, codice, voce, anno, oggetto, ufficio, istante) VALUES (?,?,?,?,?,?,?,?)",
                    params![
                        op,
                        log.id,
                        fascicolo,
                        classificazione.as_str(),
                        t.anno(),
                        oggetto,
                        ufficio.as_ref().map(|u| u.as_str()),
                        t.0
                    ],
                )?;
            }
            _ => {}
        }
        self.ricorda(log.id, idem, op, t)?;
        Ok(fatto)
    }

    fn crea_ente(&mut self, ora: Istante, chi: &Operatore, dati: DatiEnte) -> Esito<Fatto> {
        if self.conf.ente.is_some() {
            return Err(Rifiuto::Conflitto(format!("l'ente {} esiste già", dati.ipa)).into());
        }
        let origine = format!("protocollo.ente/{}", dati.ipa);
        let log = Arc::new(tronco::crea(&self.c, &self.chiave, None, &origine, ora)?);
        self.vetrina.log.write().unwrap_or_else(PoisonError::into_inner).insert(None, Arc::clone(&log));
        self.appendi(&log, ora, chi, None, &Evento::EnteCreato(dati))
    }

    fn crea_aoo(&mut self, ora: Istante, chi: &Operatore, n: NuovaAoo) -> Esito<Fatto> {
        comandi_gestore(chi)?;
        if self.conf.aoo.contains_key(&n.codice) {
            return Err(Rifiuto::Conflitto(format!("l'AOO {} esiste già", n.codice)).into());
        }
        let log = Arc::new(tronco::crea(&self.c, &self.chiave, Some(&n.codice), &n.origine, ora)?);
        self.vetrina
            .log
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(Some(n.codice.clone()), Arc::clone(&log));
        let fatto = self.appendi(
            &log,
            ora,
            chi,
            None,
            &Evento::AooCreata(DatiAoo {
                codice_aoo: n.codice,
                denominazione: n.denominazione,
                origine: n.origine,
                chiave_log: log.vkey.clone(),
                ufficio_smistamento: n.ufficio_smistamento.0.clone(),
                consente_da_classificare: n.consente_da_classificare,
                voce_da_classificare: n.voce_da_classificare.clone(),
                pec: n.pec,
            }),
        )?;
        let mut eventi = Vec::new();
        if let (codice, Some(denominazione)) = n.ufficio_smistamento {
            eventi.push(Evento::UfficioCreato(Ufficio { codice, denominazione, padre: None, dal: ora, al: None }));
        }
        eventi.push(Evento::VoceAperta(Voce {
            codice: n.voce_da_classificare,
            denominazione: "Da classificare".to_owned(),
            dal: n.dal,
            al: None,
        }));
        eventi.extend(n.registri.into_iter().map(Evento::RegistroCreato));
        for e in &eventi {
            self.appendi(&log, ora, chi, None, e)?;
        }
        Ok(fatto)
    }

    /// Signs the tree as it is, unless the last checkpoint already says so.
    fn checkpoint(&mut self, ora: Istante, aoo: Option<&CodiceAoo>) -> Esito<String> {
        let log = self.log_di(aoo)?;
        let chiave = self.chiave.clone();
        let t = self.testa(log.id)?;
        let (dimensione, radice) = (t.albero.dimensione(), t.albero.radice());
        let istante = ora.max(Istante(t.istante));
        tronco::firma(&self.c, &chiave, &log, dimensione, radice, istante)
    }

    /// Moves the waiting search rows to the index, in the order of their ids.
    fn sposta_recenti(&mut self) {
        let esito = self.c.execute_batch(
            "BEGIN IMMEDIATE;
             INSERT INTO cerca(rowid, testo, soggetti) SELECT reg, testo, soggetti FROM cerca_recente ORDER BY reg;
             DELETE FROM cerca_recente;
             COMMIT;",
        );
        match esito {
            Ok(()) => self.recenti = 0,
            Err(e) => {
                tracing::error!(errore = %e, "indice di ricerca non aggiornato");
                let _ = self.c.execute_batch("ROLLBACK");
                // Tried again after the next registration; meanwhile reading looks in the waiting rows.
                self.recenti = 0;
            }
        }
    }
}

/// Only who manages the configuration opens an AOO.
fn comandi_gestore(chi: &Operatore) -> Esito<()> {
    dominio::nuova::richiede(chi, dominio::permessi::Diritto::GestisceConfigurazione).map_err(Errore::from)
}

/// The configuration moved between judgement and writing: what was judged against it must still hold.
fn ancora_valida(aoo: &StatoAoo, d: &DatiRegistrazione, ora: Istante) -> Esito<()> {
    let uffici = d
        .assegnazioni
        .iter()
        .map(|a| &a.ufficio)
        .chain(d.ufficio_mittente.iter())
        .chain(d.soggetti().filter_map(|(_, s)| s.ufficio()));
    for u in uffici {
        if aoo.ufficio(u, ora).is_none() {
            return Err(Rifiuto::campo("assegnazioni", format!("l'ufficio {u} non esiste o è chiuso")).into());
        }
    }
    if aoo.voce(&d.classificazione, ora.giorno()).is_none() {
        let m = format!("la voce {} non è più valida", d.classificazione);
        return Err(Rifiuto::campo("classificazione", m).into());
    }
    Ok(())
}

/// Sends an answer; with a reason, the group was undone.
type Spedizione = Box<dyn FnOnce(Option<&str>) + Send>;

/// An answer ready to go, with the leases that end with it.
struct Consegna {
    manda: Spedizione,
}

impl Consegna {
    /// `Err` when the storage failed: the group must be undone.
    fn di<T: Send + 'static>(r: Risposta<T>, esito: Esito<T>, file: Vec<FileCaricato>) -> Result<Self, (Self, String)> {
        let guasto = match &esito {
            Err(e @ Errore::Archivio(_)) => Some(e.to_string()),
            _ => None,
        };
        let c = Self {
            manda: Box::new(move |annullato| {
                let finale = match (annullato, esito) {
                    (Some(e), Ok(_)) => Err(Errore::Archivio(e.to_owned())),
                    (_, esito) => esito,
                };
                let _ = r.send(finale);
                drop(file);
            }),
        };
        match guasto {
            Some(g) => Err((c, g)),
            None => Ok(c),
        }
    }

    fn consegna(self, annullato: Option<&str>) {
        (self.manda)(annullato);
    }
}

impl Lavoro {
    fn rispondi_guasto(self, e: &str) {
        let e = || Errore::Archivio(e.to_owned());
        match self {
            Self::Registra(_, r)
            | Self::Comanda { risposta: r, .. }
            | Self::Configura { risposta: r, .. }
            | Self::CreaEnte(_, _, r)
            | Self::AttivaEnte(_, _, r)
            | Self::CreaAoo(_, _, r) => drop(r.send(Err(e()))),
            Self::Checkpoint(_, r) => drop(r.send(Err(e()))),
            Self::Servizio(_, r) => drop(r.send(Err(e()))),
        }
    }
}
