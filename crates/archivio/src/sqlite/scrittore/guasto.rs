//! When the storage fails: what must be undone, what is closed and opened again, how it is seen to hold once more
//! (`docs/decisions/0009`).
//!
//! Two writes can fail, and ask for opposite things. A **commit**: its pages may lie whole in the WAL although SQLite
//! says they do not count, and whoever was waiting is told that nothing was done; so they are written over before the
//! answers leave, and until then the database is not closed, or its reopening would find them. The **pouring** of the WAL into
//! the file: what SQLite thinks it brought there may never reach the disk, since a kernel tells of a lost page once;
//! so nothing more is poured until everybody closed and the whole WAL is read again from its beginning.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::schema;
use super::{RIPOSO, Scrittore};
use crate::store::{Errore, Esito};

/// Pages in the WAL from which it is brought into the file at once.
const PAGINE_MAX: i32 = 4_000;
/// What was committed is in the file too after so long, and a file that refuses is noticed.
const TRAVASO: Duration = Duration::from_secs(5);
/// How long whoever reads is waited for, when every connection must be closed.
const LETTURE_MAX: Duration = Duration::from_millis(200);
/// A file that refused is tried again after so long; twice as long each time that somebody has it open all the same, up to
/// [`RITENTA_MAX`]: a scan lasts, and each attempt closes and opens everything.
pub(super) const RITENTA: Duration = Duration::from_secs(1);
const RITENTA_MAX: Duration = Duration::from_secs(60);

/// The reading connections of an ente: as many as there are places, made when first needed.
pub struct Lettori {
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

impl Scrittore {
    /// Has SQLite say after each commit how many pages the WAL holds, instead of pouring it by itself: it would keep
    /// quiet about what fails.
    pub(super) fn conta_pagine(&mut self) -> Esito<()> {
        let pagine = Arc::clone(&self.pagine_wal);
        self.c.wal_hook(Some(move |_: &mut _, n: i32| {
            pagine.store(n, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(())
    }

    /// After a transaction that failed: nothing of it remains, on disk or in memory. One that could not even begin
    /// wrote nothing: it is the connection that does not serve any more, and others like it.
    pub(super) fn disfa(&mut self, e: &Errore, iniziata: bool) {
        let _ = self.c.execute_batch("ROLLBACK");
        self.vetrina.archivio.cede(e);
        if iniziata {
            self.residuo = schema::tocca(&self.c).is_err();
        } else {
            self.da_rileggere = true;
        }
        if let Err(e) = self.rimetti() {
            tracing::error!(errore = %e, "stato non riletto dopo un guasto");
        }
    }

    /// Memory as the disk is. A connection that cannot say is left for another.
    pub(super) fn rimetti(&mut self) -> Esito<()> {
        if self.chiuso || self.da_rileggere || !self.c.is_autocommit() {
            self.da_rileggere = true;
            self.riapri()?;
        }
        self.da_rileggere = true;
        self.rileggi()?;
        self.da_rileggere = false;
        self.pubblica();
        Ok(())
    }

    /// Does the storage take a write? Asked only where it refused one.
    pub(super) fn prova(&mut self) -> Esito<()> {
        if self.residuo || self.vetrina.archivio.da_provare() {
            self.c.execute_batch(schema::TOCCO)?;
        }
        Ok(())
    }

    /// How long to wait for a job before there is something else to do.
    pub(super) fn riposo(&self) -> Option<Duration> {
        if self.recenti > 0 {
            Some(RIPOSO)
        } else if self.vetrina.travaso.motivo().is_some() {
            Some(self.ritenta)
        } else {
            (self.pagine_wal.load(Ordering::Relaxed) > 0).then_some(TRAVASO)
        }
    }

    /// Is it time to bring the WAL into the file, also if there is no rest?
    pub(super) fn travaso_dovuto(&self) -> bool {
        let pagine = self.pagine_wal.load(Ordering::Relaxed);
        if self.vetrina.travaso.motivo().is_some() {
            return self.travasato.elapsed() >= self.ritenta;
        }
        pagine >= PAGINE_MAX || pagine > 0 && self.travasato.elapsed() >= TRAVASO
    }

    /// Brings what was committed from the WAL into the file.
    pub(super) fn travasa(&mut self) {
        self.travasato = Instant::now();
        if self.residuo || (self.chiuso || self.vetrina.travaso.motivo().is_some()) && !self.ricomincia() {
            return;
        }
        match versato(&self.c, "PRAGMA wal_checkpoint(PASSIVE)") {
            Ok((pagine, versate)) => {
                self.pagine_wal.store(pagine.saturating_sub(versate).max(0), Ordering::Relaxed);
                self.vetrina.travaso.regge();
                self.ritenta = RITENTA;
            }
            Err(e) => {
                tracing::error!(errore = %e, "il file dell'archivio non riceve ciò che è nel WAL");
                self.vetrina.travaso.cede(&e.into());
            }
        }
    }

    fn versate(&self) -> Esito<(i32, i32)> {
        Ok(versato(&self.c, "PRAGMA wal_checkpoint(NOOP)")?)
    }

    /// At the start: a pouring that was left half way, by a process before us, while somebody goes on reading. Whether it
    /// failed is not known, and what it brought into the file may never have reached the disk.
    pub(super) fn trova_a_meta(&self) {
        if self.versate().is_ok_and(|(pagine, gia)| 0 < gia && gia < pagine) {
            let e = Errore::Archivio("un travaso rimasto a metà, e chi legge tiene aperto l'archivio".to_owned());
            tracing::warn!(errore = %e, "il WAL sarà versato dal principio");
            self.vetrina.travaso.cede(&e);
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
            self.da_rileggere = true;
            self.rimetti()?;
            let (_, gia) = self.versate()?;
            if gia > 0 {
                self.ritenta = (2 * self.ritenta).min(RITENTA_MAX);
            }
            Ok(gia <= 0)
        })();
        esito.unwrap_or_else(|e| {
            tracing::error!(errore = %e, "l'archivio non si riapre dopo un guasto");
            self.vetrina.travaso.cede(&e);
            false
        })
    }

    /// The last one closes. After a failed pouring the WAL stays, for the next start to read.
    pub(super) fn congeda(&mut self) {
        if self.vetrina.travaso.motivo().is_some() {
            let _ = self.c.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
    }
}

/// Pages in the WAL, and how many of them are in the file: fewer while somebody reads what was there before.
fn versato(c: &Connection, come: &str) -> rusqlite::Result<(i32, i32)> {
    c.query_row(come, [], |r| Ok((r.get(1)?, r.get(2)?)))
}
