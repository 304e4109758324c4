//! The writer's transaction on SQLite, and what is to be done when the storage fails: what must be undone, what is closed
//! and opened again, how it is seen to hold once more (`docs/decisions/0009`).
//!
//! Two writes can fail, and ask for opposite things. A **commit**: its pages may lie whole in the WAL although SQLite
//! says they do not count, and whoever was waiting is told that nothing was done; so they are written over before the
//! answers leave, and until then the database is not closed, or its reopening would find them. The **pouring** of the WAL into
//! the file: what SQLite thinks it brought there may never reach the disk, since a kernel tells of a lost page once;
//! so nothing more is poured until everybody closed and the whole WAL is read again from its beginning.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
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
const RECENTI_MAX: usize = 4_096;
/// Some pieces of the index put together.
const FUSIONE: &str = "INSERT INTO cerca(cerca, rank) VALUES ('merge', 64);";
/// Idle time after which waiting search rows are moved.
const RIPOSO: Duration = Duration::from_millis(50);
/// New pages in the WAL from which it is brought into the file, also without a rest.
const PAGINE_MAX: i32 = 4_000;
/// Pages in the WAL from which the writer itself ends what was begun beside it, so that the WAL starts again.
const PAGINE_WAL: i32 = 4 * PAGINE_MAX;
/// Brings into the file what no reader holds back, without waiting for anybody.
const TRAVASA: &str = "PRAGMA wal_checkpoint(PASSIVE)";
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

/// What is known of the WAL, told by SQLite after each commit.
#[derive(Default)]
struct Wal {
    /// Its pages.
    pagine: AtomicI32,
    /// As many of them, from the beginning, are in the file too.
    versate: AtomicI32,
    /// As many there were when they were last poured, all of them or those that no reader held back.
    provate: AtomicI32,
    /// There was a commit since this was last lowered.
    scritto: AtomicBool,
}

impl Wal {
    fn confermato(&self, pagine: i32) {
        // Not longer than before: it started again.
        if pagine <= self.pagine.swap(pagine, Ordering::Relaxed) {
            self.versate.store(0, Ordering::Relaxed);
            self.provate.store(0, Ordering::Relaxed);
        }
        self.scritto.store(true, Ordering::Relaxed);
    }

    fn pagine(&self) -> i32 {
        self.pagine.load(Ordering::Relaxed)
    }

    /// Pages that came since they were last poured.
    fn nuove(&self) -> i32 {
        self.pagine() - self.provate.load(Ordering::Relaxed)
    }

    /// Pages that are not in the file yet.
    fn da_versare(&self) -> i32 {
        self.pagine() - self.versate.load(Ordering::Relaxed)
    }
}

/// Pages in the WAL, and how many of them are in the file; nothing when it could not be done now.
type Versate = rusqlite::Result<Option<(i32, i32)>>;

/// A connection that brings the WAL into the file on a thread of its own, while the writer goes on.
#[derive(Default)]
struct Fianco {
    libera: Option<Connection>,
    filo: Option<JoinHandle<(Connection, Versate)>>,
}

impl Fianco {
    fn avvia(&mut self, percorso: &Path) -> Esito<()> {
        let c = match self.libera.take() {
            Some(c) => c,
            None => schema::apri_travaso(percorso)?,
        };
        let versa = move || {
            let esito = versato(&c);
            (c, esito)
        };
        self.filo = Some(std::thread::Builder::new().name("travaso".to_owned()).spawn(versa)?);
        Ok(())
    }

    fn lavora(&self) -> bool {
        self.filo.is_some()
    }

    /// What became of it, if it ended or is waited for.
    fn finito(&mut self, aspetta: bool) -> Option<Versate> {
        let filo = self.filo.take_if(|f| aspetta || f.is_finished())?;
        Some(match filo.join() {
            Ok((c, esito)) => {
                self.libera = Some(c);
                esito
            }
            Err(_) => Err(rusqlite::Error::UnwindingPanic),
        })
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
    /// The index may have pieces to put together.
    da_fondere: bool,
    /// Everything was closed and opened again.
    riaperto: bool,
    /// Pages of a commit that failed may lie whole in the WAL.
    residuo: bool,
    /// The database was closed, and is not open again yet.
    chiuso: bool,
    wal: Arc<Wal>,
    /// When the WAL was last brought into the file.
    travasato: Instant,
    /// Brings it there while the writer goes on.
    fianco: Fianco,
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
            da_fondere: false,
            riaperto: false,
            residuo: false,
            chiuso: false,
            wal: Arc::default(),
            travasato: Instant::now(),
            fianco: Fianco::default(),
            ritenta: RITENTA,
        };
        b.conta_pagine()?;
        b.trova_a_meta();
        Ok(b)
    }

    /// Has SQLite say after each commit how many pages the WAL holds, instead of pouring it by itself: it would keep
    /// quiet about what fails.
    fn conta_pagine(&mut self) -> Esito<()> {
        let wal = Arc::clone(&self.wal);
        self.c.wal_hook(Some(move |_: &mut _, n: i32| {
            wal.confermato(n);
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
        self.da_fondere |= self.sull_indice(
            "INSERT INTO cerca(rowid, testo, soggetti) SELECT reg, testo, soggetti FROM cerca_recente ORDER BY reg;
             DELETE FROM cerca_recente;",
        )?;
        Ok(())
    }

    /// A transaction on the search index; false when the index alone refused it.
    fn sull_indice(&mut self, sql: &str) -> Result<bool, Caduta> {
        let inizio = self.c.execute_batch("BEGIN IMMEDIATE");
        let iniziata = inizio.is_ok();
        match inizio.and_then(|()| self.c.execute_batch(sql)).and_then(|()| self.c.execute_batch("COMMIT")) {
            Ok(()) => {
                self.tenute.indice.regge();
                Ok(true)
            }
            // The index alone does not work: the register does, and undoing is enough.
            Err(e) if iniziata && !schema::del_disco(&e) && self.esce() => {
                tracing::error!(errore = %e, "indice di ricerca guasto");
                self.tenute.indice.cede(&e.into());
                Ok(false)
            }
            Err(e) => {
                tracing::error!(errore = %e, "indice di ricerca non aggiornato");
                self.rinviati = true;
                Err(Caduta { errore: e.into(), iniziata })
            }
        }
    }

    /// At rest, puts together some pieces of the index, which while registering goes on are left as they come.
    fn fondi(&mut self) -> Result<(), Caduta> {
        self.da_fondere = false;
        let prima = self.c.total_changes();
        if !self.sull_indice(FUSIONE)? {
            return Ok(());
        }
        // As SQLite documents it: with fewer than two changes nothing was left to do.
        self.da_fondere = self.c.total_changes() - prima >= 2;
        Ok(())
    }

    /// After a group: what must be brought into the file without waiting for a rest goes there beside the writer,
    /// which only ends what that began.
    fn travasa_in_corsa(&mut self) {
        if self.tenute.travaso.motivo().is_some() {
            if self.travasato.elapsed() >= self.ritenta {
                self.travasa();
            }
        } else if self.fianco.lavora() {
            let Some(esito) = self.fianco.finito(false) else { return };
            self.nota_travaso(esito);
            if self.wal.pagine() >= PAGINE_WAL {
                self.travasa();
            }
        } else if self.wal.nuove() >= PAGINE_MAX {
            self.travasato = Instant::now();
            if let Err(e) = self.fianco.avvia(&self.percorso) {
                tracing::warn!(errore = %e, "il travaso non parte accanto allo scrittore");
                self.travasa();
            }
        } else if self.wal.da_versare() > 0 && self.travasato.elapsed() >= TRAVASO {
            self.travasa();
        }
    }

    /// Brings what was committed from the WAL into the file.
    fn travasa(&mut self) {
        self.travasato = Instant::now();
        self.attendi_fianco();
        if self.residuo || (self.chiuso || self.tenute.travaso.motivo().is_some()) && !self.ricomincia() {
            return;
        }
        let esito = versato(&self.c);
        if let Ok(Some((pagine, _))) = esito {
            self.wal.pagine.store(pagine.max(0), Ordering::Relaxed);
        }
        self.nota_travaso(esito);
    }

    /// Waits for what is done beside the writer.
    fn attendi_fianco(&mut self) {
        if let Some(esito) = self.fianco.finito(true) {
            self.nota_travaso(esito);
        }
    }

    /// The same, and closes that connection.
    fn lascia_fianco(&mut self) {
        self.attendi_fianco();
        self.fianco.libera = None;
    }

    fn nota_travaso(&mut self, esito: Versate) {
        match esito {
            Ok(None) => {}
            Ok(Some((pagine, versate))) => {
                // More than there are: the WAL started again meanwhile.
                let versate = if versate > self.wal.pagine() { 0 } else { versate.max(0) };
                self.wal.versate.store(versate, Ordering::Relaxed);
                self.wal.provate.store(pagine.clamp(0, self.wal.pagine()), Ordering::Relaxed);
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
        Ok(self.c.query_row("PRAGMA wal_checkpoint(NOOP)", [], |r| Ok((r.get(1)?, r.get(2)?)))?)
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
        self.lascia_fianco();
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
        self.wal.scritto.store(false, Ordering::Relaxed);
        self.c.execute_batch("BEGIN IMMEDIATE")?;
        // Nobody else ever writes to the file of an ente.
        Ok(Inizio::default())
    }

    fn conferma(&mut self, _mosso: Mosso) -> Esito<bool> {
        self.c.execute_batch("COMMIT")?;
        let scritto = self.wal.scritto.load(Ordering::Relaxed);
        if scritto {
            self.residuo = false;
        }
        Ok(scritto)
    }

    fn annulla(&mut self, iniziata: bool) -> bool {
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
        if self.recenti.get() > 0 || self.da_fondere {
            Some(RIPOSO)
        } else if self.tenute.travaso.motivo().is_some() {
            Some(self.ritenta)
        } else {
            (self.wal.da_versare() > 0).then_some(TRAVASO)
        }
    }

    fn a_riposo(&mut self) -> Result<bool, Caduta> {
        if self.recenti.get() > 0 {
            self.sposta_recenti()?;
            return Ok(false);
        }
        if self.da_fondere {
            self.fondi()?;
            return Ok(false);
        }
        self.travasa();
        self.lascia_fianco();
        Ok(std::mem::take(&mut self.riaperto))
    }

    fn dopo_gruppo(&mut self) -> Result<bool, Caduta> {
        if self.recenti.get() >= RECENTI_MAX {
            self.sposta_recenti()?;
        }
        self.travasa_in_corsa();
        Ok(std::mem::take(&mut self.riaperto))
    }

    /// The last one closes. After a failed pouring the WAL stays, for the next start to read.
    fn congeda(&mut self) {
        if self.recenti.get() > 0 {
            let _ = self.sposta_recenti();
        }
        self.lascia_fianco();
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
fn versato(c: &Connection) -> Versate {
    let esito = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?, r.get(2)?));
    let (occupato, pagine, versate): (bool, i32, i32) = c.query_row(TRAVASA, [], esito)?;
    Ok((!occupato).then_some((pagine, versate)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(percorso: &Path) -> BaseSqlite {
        let mut c = schema::apri_scrittura(percorso).unwrap();
        schema::migra(&mut c).unwrap();
        BaseSqlite::nuova(percorso.to_owned(), c, Lettori::nuovi(2), Arc::default()).unwrap()
    }

    /// A group of so many rows, each of about a page.
    fn gruppo(b: &mut BaseSqlite, n: &mut i64, righe: usize) {
        b.inizia(&[]).unwrap();
        for _ in 0..righe {
            *n += 1;
            let testo = "x".repeat(3_000);
            b.c.execute("INSERT INTO password(utente, phc) VALUES (?, ?)", (n.to_string(), testo)).unwrap();
        }
        assert!(b.conferma(Mosso::default()).unwrap());
        assert!(!b.dopo_gruppo().unwrap());
    }

    #[test]
    fn without_a_rest_the_wal_goes_into_the_file_and_starts_again() {
        let d = tempfile::tempdir().unwrap();
        let p = d.path().join("x.sqlite");
        let mut b = base(&p);
        let lettore = schema::apri_lettura(&p).unwrap();
        let pagina = 4_096;
        let (mut n, mut ripartito, mut massimo, mut accanto) = (0, 0, 0, 0);
        while ripartito < 2 {
            let prima = b.wal.pagine();
            gruppo(&mut b, &mut n, 100);
            accanto += usize::from(b.fianco.lavora());
            ripartito += usize::from(b.wal.pagine() < prima);
            massimo = massimo.max(b.wal.pagine());
            assert!(n < 200_000, "never started again: {} pages", b.wal.pagine());
        }
        assert!(accanto > 0 && massimo < 2 * PAGINE_WAL, "{accanto} {massimo}");
        assert!(std::fs::metadata(&p).unwrap().len() > u64::try_from(PAGINE_WAL * pagina).unwrap() / 2);
        // Who reads sees all of it meanwhile, and holds back the pouring only as long as he reads.
        let conta = |c: &Connection| c.query_row("SELECT count(*) FROM password", [], |r| r.get::<_, i64>(0)).unwrap();
        assert_eq!(conta(&lettore), n);
        lettore.execute_batch("BEGIN").unwrap();
        let vede = conta(&lettore);
        for _ in 0..300 {
            gruppo(&mut b, &mut n, 100);
        }
        assert_eq!(conta(&lettore), vede);
        lettore.execute_batch("COMMIT").unwrap();
        // At rest nothing is left to pour.
        while b.riposo().is_some() {
            b.a_riposo().unwrap();
        }
        assert_eq!((b.wal.da_versare(), conta(&lettore)), (0, n));
        assert!(b.fianco.libera.is_none() && !b.fianco.lavora());
        b.congeda();
        drop(lettore);
        drop(b);
        assert!(!d.path().join("x.sqlite-wal").exists(), "the last one closes");
        let c = Connection::open(&p).unwrap();
        assert_eq!(c.query_row("PRAGMA integrity_check", [], |r| r.get::<_, String>(0)).unwrap(), "ok");
        assert_eq!(conta(&c), n);
    }

    #[test]
    fn at_rest_the_pieces_of_the_index_are_put_together_and_then_nothing_is_written() {
        let d = tempfile::tempdir().unwrap();
        let mut b = base(&d.path().join("x.sqlite"));
        let trova = |b: &BaseSqlite, parola: &str| -> i64 {
            b.c.query_row("SELECT count(*) FROM cerca WHERE cerca MATCH ?", [parola], |r| r.get(0)).unwrap()
        };
        let pezzi = |b: &BaseSqlite| -> i64 {
            b.c.query_row("SELECT count(DISTINCT segid) FROM cerca_idx", [], |r| r.get(0)).unwrap()
        };
        for i in 1..=7 {
            b.inizia(&[]).unwrap();
            b.indicizza(i, &format!("delibera numero{i}"), "comune").unwrap();
            b.conferma(Mosso::default()).unwrap();
            b.sposta_recenti().unwrap();
        }
        assert_eq!(pezzi(&b), 7, "left as they came");
        let mut passi = 0;
        while b.riposo().is_some() {
            b.a_riposo().unwrap();
            passi += 1;
            assert!(passi < 50, "it never rests");
        }
        assert_eq!((pezzi(&b), trova(&b, "delibera"), trova(&b, "numero5")), (1, 7, 1));
        assert_eq!(b.riposo(), None);
    }
}
