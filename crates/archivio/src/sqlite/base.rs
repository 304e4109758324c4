//! The writer's transaction on SQLite, and what is to be done when the storage fails: what must be undone, what is closed
//! and opened again, how it is seen to hold once more (`docs/decisions/0009`).
//!
//! Two writes can fail, and ask for opposite things. A **commit**: its pages may lie whole in the WAL although SQLite
//! says they do not count, and whoever was waiting is told that nothing was done; so they are written over before the
//! answers leave, and until then the database is not closed, or its reopening would find them. The **pouring** of the WAL into
//! the file: what SQLite thinks it brought there may never reach the disk, since a kernel tells of a lost page once;
//! so nothing more is poured until everybody closed and the whole WAL is read again from its beginning.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::schema;
use crate::motore::{Base, Caduta, Db, Inizio, Mosso, Parole, Riga, Valore};
use crate::scrittore::Lavoro;
use crate::store::{Errore, Esito, FileCaricato};
use crate::tenuta::Tenuta;

/// Search rows gathered before they are moved to the index.
const RECENTI_MAX: usize = 2_048;
/// Idle time after which waiting search rows are moved.
const RIPOSO: Duration = Duration::from_millis(50);
/// Pages in the WAL from which it is brought into the file at once.
const PAGINE_MAX: i32 = 4_000;
/// What was committed is in the file too after so long, and a file that refuses is noticed.
const TRAVASO: Duration = Duration::from_secs(5);
/// How long whoever reads is waited for, when every connection must be closed.
const LETTURE_MAX: Duration = Duration::from_millis(200);
/// A file that refused is tried again after so long; twice as long each time that somebody has it open all the same, up to
/// [`RITENTA_MAX`]: a scan lasts, and each attempt closes and opens everything.
const RITENTA: Duration = Duration::from_secs(1);
const RITENTA_MAX: Duration = Duration::from_secs(60);

/// What of the file does not stop the register when it does not hold.
#[derive(Debug, Default)]
pub(crate) struct Tenute {
    /// Does the database's own file take what was committed beside it, in the WAL?
    pub travaso: Tenuta,
    /// Does the search index take the rows that wait for it?
    pub indice: Tenuta,
}

/// The reading connections of an ente: as many as there are places, made when first needed.
pub(crate) struct Lettori {
    /// Who reads holds one.
    pub posti: Arc<Semaphore>,
    /// Open, and used by nobody now.
    pub liberi: Mutex<Vec<Connection>>,
    quanti: u32,
}

impl Lettori {
    /// Places for so many.
    pub fn nuovi(quanti: u32) -> Arc<Self> {
        let posti = Arc::new(Semaphore::new(quanti as usize));
        Arc::new(Self { posti, liberi: Mutex::default(), quanti })
    }

    /// Every place, when whoever reads has ended; none if that takes long.
    fn tutti(&self) -> Option<SemaphorePermit<'_>> {
        let fine = Instant::now() + LETTURE_MAX;
        loop {
            match self.posti.try_acquire_many(self.quanti) {
                Ok(tutti) => return Some(tutti),
                Err(_) if Instant::now() < fine => std::thread::sleep(Duration::from_millis(1)),
                Err(_) => return None,
            }
        }
    }

    /// Closes those that nobody uses.
    pub fn chiudi(&self) {
        self.liberi.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// The writer's side of the file of an ente.
pub(crate) struct BaseSqlite {
    percorso: PathBuf,
    c: Connection,
    lettori: Arc<Lettori>,
    tenute: Arc<Tenute>,
    /// Search rows that wait for the index.
    recenti: Cell<usize>,
    /// The index refused them: they are tried again after the next registration, not before.
    rinviati: bool,
    /// Everything was closed and opened again.
    riaperto: bool,
    /// Pages of a commit that failed may lie whole in the WAL.
    residuo: bool,
    /// The database was closed, and is not open again yet.
    chiuso: bool,
    /// Pages in the WAL after the last commit.
    pagine_wal: Arc<AtomicI32>,
    /// As many, before the group that is under way.
    pagine_prima: i32,
    /// When the WAL was last brought into the file.
    travasato: Instant,
    /// How long after a failed pouring it is tried again.
    ritenta: Duration,
}

impl BaseSqlite {
    /// On an open, migrated connection.
    ///
    /// # Errors
    /// What is on disk cannot be read.
    pub fn nuova(percorso: PathBuf, c: Connection, lettori: Arc<Lettori>, tenute: Arc<Tenute>) -> Esito<Self> {
        let mut b = Self {
            percorso,
            c,
            lettori,
            tenute,
            recenti: Cell::new(0),
            rinviati: false,
            riaperto: false,
            residuo: false,
            chiuso: false,
            pagine_wal: Arc::default(),
            pagine_prima: 0,
            travasato: Instant::now(),
            ritenta: RITENTA,
        };
        b.conta_pagine()?;
        b.trova_a_meta();
        Ok(b)
    }

    /// Has SQLite say after each commit how many pages the WAL holds, instead of pouring it by itself: it would keep
    /// quiet about what fails.
    fn conta_pagine(&mut self) -> Esito<()> {
        let pagine = Arc::clone(&self.pagine_wal);
        self.c.wal_hook(Some(move |_: &mut _, n: i32| {
            pagine.store(n, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(())
    }

    /// Leaves the transaction; says whether that was possible.
    fn esce(&self) -> bool {
        let _ = self.c.execute_batch("ROLLBACK");
        self.c.is_autocommit()
    }

    /// Moves the waiting search rows to the index, in the order of their ids.
    fn sposta_recenti(&mut self) -> Result<(), Caduta> {
        // What is still waiting is tried again after the next registration; meanwhile reading looks there.
        self.recenti.set(0);
        let inizio = self.c.execute_batch("BEGIN IMMEDIATE");
        let iniziata = inizio.is_ok();
        let sposta = || {
            self.c.execute_batch(
                "INSERT INTO cerca(rowid, testo, soggetti) SELECT reg, testo, soggetti FROM cerca_recente ORDER BY reg;
                 DELETE FROM cerca_recente;
                 COMMIT;",
            )
        };
        match inizio.and_then(|()| sposta()) {
            Ok(()) => {
                self.tenute.indice.regge();
                Ok(())
            }
            // The index alone does not work: the register does, and undoing is enough.
            Err(e) if iniziata && !schema::del_disco(&e) && self.esce() => {
                tracing::error!(errore = %e, "indice di ricerca guasto");
                self.tenute.indice.cede(&e.into());
                Ok(())
            }
            Err(e) => {
                tracing::error!(errore = %e, "indice di ricerca non aggiornato");
                self.rinviati = true;
                Err(Caduta { errore: e.into(), iniziata })
            }
        }
    }

    /// Is it time to bring the WAL into the file, also if there is no rest?
    fn travaso_dovuto(&self) -> bool {
        let pagine = self.pagine_wal.load(Ordering::Relaxed);
        if self.tenute.travaso.motivo().is_some() {
            return self.travasato.elapsed() >= self.ritenta;
        }
        pagine >= PAGINE_MAX || pagine > 0 && self.travasato.elapsed() >= TRAVASO
    }

    /// Brings what was committed from the WAL into the file.
    fn travasa(&mut self) {
        self.travasato = Instant::now();
        if self.residuo || (self.chiuso || self.tenute.travaso.motivo().is_some()) && !self.ricomincia() {
            return;
        }
        match versato(&self.c, "PRAGMA wal_checkpoint(PASSIVE)") {
            Ok((pagine, versate)) => {
                self.pagine_wal.store(pagine.saturating_sub(versate).max(0), Ordering::Relaxed);
                self.tenute.travaso.regge();
                self.ritenta = RITENTA;
            }
            Err(e) => {
                tracing::error!(errore = %e, "il file dell'archivio non riceve ciò che è nel WAL");
                self.tenute.travaso.cede(&e.into());
            }
        }
    }

    fn versate(&self) -> Esito<(i32, i32)> {
        Ok(versato(&self.c, "PRAGMA wal_checkpoint(NOOP)")?)
    }

    /// At the start: a pouring that was left half way, by a process before us, while somebody goes on reading. Whether it
    /// failed is not known, and what it brought into the file may never have reached the disk.
    fn trova_a_meta(&self) {
        if self.versate().is_ok_and(|(pagine, gia)| 0 < gia && gia < pagine) {
            let e = Errore::Archivio("un travaso rimasto a metà, e chi legge tiene aperto l'archivio".to_owned());
            tracing::warn!(errore = %e, "il WAL sarà versato dal principio");
            self.tenute.travaso.cede(&e);
        }
    }

    /// A new connection. With nothing left behind all the others are closed first, so that whatever they share is made
    /// anew and the WAL is read from its beginning; otherwise the old one is closed last, and nothing is read again.
    fn riapri(&mut self) -> Esito<()> {
        let lettori = Arc::clone(&self.lettori);
        let tutti = if self.residuo { None } else { lettori.tutti() };
        if tutti.is_some() {
            lettori.chiudi();
        }
        if tutti.is_some() && !self.chiuso {
            self.c.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
            self.chiuso = true;
            self.c = Connection::open_in_memory()?;
        }
        self.c = schema::apri_scrittura(&self.percorso)?;
        self.chiuso = false;
        self.conta_pagine()
    }

    /// Closes and opens everything, to pour the WAL from its beginning. False when somebody has it open all the same,
    /// or it cannot be opened yet.
    fn ricomincia(&mut self) -> bool {
        let esito = (|| -> Esito<bool> {
            self.riapri()?;
            self.riaperto = true;
            let (_, gia) = self.versate()?;
            if gia > 0 {
                self.ritenta = (2 * self.ritenta).min(RITENTA_MAX);
            }
            Ok(gia <= 0)
        })();
        esito.unwrap_or_else(|e| {
            tracing::error!(errore = %e, "l'archivio non si riapre dopo un guasto");
            self.tenute.travaso.cede(&e);
            false
        })
    }
}

impl Base for BaseSqlite {
    fn db(&self) -> &dyn Db {
        self
    }

    fn inizia(&mut self, _gruppo: &[Lavoro]) -> Esito<Inizio> {
        self.pagine_prima = self.pagine_wal.swap(0, Ordering::Relaxed);
        self.c.execute_batch("BEGIN IMMEDIATE")?;
        // Nobody else ever writes to the file of an ente.
        Ok(Inizio::default())
    }

    fn conferma(&mut self, _mosso: Mosso) -> Esito<bool> {
        self.c.execute_batch("COMMIT")?;
        // Zero still: the group had nothing to write.
        let scritto = self.pagine_wal.load(Ordering::Relaxed) > 0;
        if scritto {
            self.residuo = false;
        } else {
            self.pagine_wal.store(self.pagine_prima, Ordering::Relaxed);
        }
        Ok(scritto)
    }

    fn annulla(&mut self, iniziata: bool) -> bool {
        if self.pagine_wal.load(Ordering::Relaxed) == 0 {
            self.pagine_wal.store(self.pagine_prima, Ordering::Relaxed);
        }
        let _ = self.c.execute_batch("ROLLBACK");
        if iniziata {
            // Before the answers: who is told that nothing was done must not find it done.
            self.residuo = schema::tocca(&self.c).is_err();
        }
        !iniziata
    }

    fn salva(&mut self) -> Esito<()> {
        Ok(self.c.execute_batch("SAVEPOINT lavoro")?)
    }

    fn libera(&mut self) -> Esito<()> {
        Ok(self.c.execute_batch("RELEASE lavoro")?)
    }

    fn torna(&mut self) -> Esito<()> {
        Ok(self.c.execute_batch("ROLLBACK TO lavoro; RELEASE lavoro")?)
    }

    fn pronta(&self) -> bool {
        !self.chiuso && self.c.is_autocommit()
    }

    fn rimetti(&mut self, nuova: bool) -> Esito<()> {
        if nuova || !self.pronta() {
            self.riapri()?;
        }
        if !std::mem::take(&mut self.rinviati) {
            let sono = self.db().numero("SELECT count(*) FROM cerca_recente", &[])?;
            self.recenti.set(usize::try_from(sono).unwrap_or(0));
        }
        Ok(())
    }

    fn prova(&mut self, dubbio: bool) -> Esito<()> {
        if self.residuo || dubbio {
            self.c.execute_batch(schema::TOCCO)?;
        }
        Ok(())
    }

    fn riposo(&self) -> Option<Duration> {
        if self.recenti.get() > 0 {
            Some(RIPOSO)
        } else if self.tenute.travaso.motivo().is_some() {
            Some(self.ritenta)
        } else {
            (self.pagine_wal.load(Ordering::Relaxed) > 0).then_some(TRAVASO)
        }
    }

    fn a_riposo(&mut self) -> Result<bool, Caduta> {
        if self.recenti.get() > 0 {
            self.sposta_recenti()?;
            return Ok(false);
        }
        self.travasa();
        Ok(std::mem::take(&mut self.riaperto))
    }

    fn dopo_gruppo(&mut self) -> Result<bool, Caduta> {
        if self.recenti.get() >= RECENTI_MAX {
            self.sposta_recenti()?;
        }
        if self.travaso_dovuto() {
            self.travasa();
        }
        Ok(std::mem::take(&mut self.riaperto))
    }

    /// The last one closes. After a failed pouring the WAL stays, for the next start to read.
    fn congeda(&mut self) {
        if self.recenti.get() > 0 {
            let _ = self.sposta_recenti();
        }
        if self.tenute.travaso.motivo().is_some() {
            let _ = self.c.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

/// The connection, which also counts the rows that wait for the index.
impl Db for BaseSqlite {
    fn scorri(&self, sql: &str, v: &[Valore<'_>], f: &mut dyn FnMut(&dyn Riga) -> Esito<bool>) -> Esito<()> {
        self.c.scorri(sql, v, f)
    }
    fn scrivi(&self, sql: &'static str, v: &[Valore<'_>]) -> Esito<()> {
        self.c.scrivi(sql, v)
    }
    fn scrivi_ora(&self, sql: &'static str, v: &[Valore<'_>]) -> Esito<u64> {
        self.c.scrivi_ora(sql, v)
    }
    fn idempotenza(&self, ambito: &str, chiave: &str) -> Esito<Option<(Vec<u8>, i64)>> {
        self.c.idempotenza(ambito, chiave)
    }
    fn ricorda(&self, ambito: &str, chiave: &str, richiesta: &[u8; 32], op: i64, istante: i64) -> Esito<()> {
        self.c.ricorda(ambito, chiave, richiesta, op, istante)
    }
    fn mappa_file(&self, f: &FileCaricato, op: i64) -> Esito<bool> {
        self.c.mappa_file(f, op)
    }
    fn usato(&self, oggetto: &str) -> Esito<bool> {
        self.c.usato(oggetto)
    }
    fn per_parole(&self, p: &Parole<'_>, limite: usize) -> Esito<Vec<i64>> {
        self.c.per_parole(p, limite)
    }
    fn per_nome(&self, parole: &[String], da: i64, a: i64, limite: usize) -> Esito<Vec<(i64, String)>> {
        self.c.per_nome(parole, da, a, limite)
    }
    fn indicizza(&self, reg: i64, testo: &str, soggetti: &str) -> Esito<()> {
        self.recenti.set(self.recenti.get() + 1);
        self.c.indicizza(reg, testo, soggetti)
    }
    fn reindicizza(&self, reg: i64, testo: &str, soggetti: &str, prima: &dyn Fn() -> (String, String)) -> Esito<()> {
        self.c.reindicizza(reg, testo, soggetti, prima)
    }
    fn indicizza_corrispondente(&self, op: i64, testo: &str) -> Esito<()> {
        self.c.indicizza_corrispondente(op, testo)
    }
}

/// Pages in the WAL, and how many of them are in the file: fewer while somebody reads what was there before.
fn versato(c: &Connection, come: &str) -> rusqlite::Result<(i32, i32)> {
    c.query_row(come, [], |r| Ok((r.get(1)?, r.get(2)?)))
}
