//! Where an access log is kept: here a file beside that of the ente; PostgreSQL has tables (`postgres/accessi.rs`).

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::motore::Db;
use crate::sqlite::schema;
use crate::store::Esito;

/// File of the access log within the ente's folder.
pub(crate) const FILE: &str = "accessi.sqlite";
const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS accesso(
  n INTEGER PRIMARY KEY, istante INTEGER NOT NULL, aoo TEXT NOT NULL, utente TEXT NOT NULL, registrazione TEXT NOT NULL,
  riga TEXT NOT NULL, hash BLOB NOT NULL CHECK(length(hash) = 32)
) STRICT;
CREATE INDEX IF NOT EXISTS accesso_registrazione ON accesso(aoo, registrazione, n);
CREATE INDEX IF NOT EXISTS accesso_utente ON accesso(aoo, utente, n);
CREATE TABLE IF NOT EXISTS interessato(chi TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY(chi, n)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS potatura(
  fino INTEGER PRIMARY KEY, istante INTEGER NOT NULL, hash BLOB NOT NULL CHECK(length(hash) = 32)
) STRICT;
CREATE TRIGGER IF NOT EXISTS accesso_u BEFORE UPDATE ON accesso BEGIN SELECT RAISE(ABORT, 'immutabile: accesso'); END;
CREATE TRIGGER IF NOT EXISTS accesso_d BEFORE DELETE ON accesso
  WHEN OLD.n > (SELECT coalesce(max(fino), 0) FROM potatura)
  BEGIN SELECT RAISE(ABORT, 'immutabile: accesso'); END;
CREATE TRIGGER IF NOT EXISTS potatura_u BEFORE UPDATE ON potatura BEGIN SELECT RAISE(ABORT, 'immutabile: potatura'); END;
CREATE TRIGGER IF NOT EXISTS potatura_d BEFORE DELETE ON potatura BEGIN SELECT RAISE(ABORT, 'immutabile: potatura'); END;
";

/// Where an access log is kept.
pub(crate) trait Magazzino: std::fmt::Debug + Send + Sync {
    /// May there be anything to read?
    fn esiste(&self) -> bool;
    /// For who writes.
    fn apri(&self) -> Esito<Box<dyn Scrivano>>;
    /// For who reads.
    fn leggi(&self, f: &mut dyn FnMut(&dyn Db) -> Esito<()>) -> Esito<()>;
}

/// One who writes.
pub(crate) trait Scrivano: Send {
    /// All or nothing, and nobody else meanwhile.
    fn insieme(&mut self, f: &mut dyn FnMut(&dyn Db) -> Esito<()>) -> Esito<()>;
    /// Is a write taken?
    fn prova(&mut self) -> Esito<()>;
}

/// A file beside that of the ente.
#[derive(Debug)]
pub(super) struct SuFile(pub(super) PathBuf);

impl Magazzino for SuFile {
    fn esiste(&self) -> bool {
        self.0.exists()
    }
    fn apri(&self) -> Esito<Box<dyn Scrivano>> {
        Ok(Box::new(apri(&self.0)?))
    }
    fn leggi(&self, f: &mut dyn FnMut(&dyn Db) -> Esito<()>) -> Esito<()> {
        f(&leggi(&self.0)?)
    }
}

impl Scrivano for Connection {
    fn insieme(&mut self, f: &mut dyn FnMut(&dyn Db) -> Esito<()>) -> Esito<()> {
        let tx = self.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        f(&*tx)?;
        Ok(tx.commit()?)
    }
    fn prova(&mut self) -> Esito<()> {
        schema::tocca(self)
    }
}

fn apri(file: &Path) -> Esito<Connection> {
    let c = Connection::open(file)?;
    c.busy_timeout(std::time::Duration::from_secs(10))?;
    c.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA recursive_triggers=ON; PRAGMA cache_size=-1000;",
    )?;
    c.execute_batch(SCHEMA)?;
    Ok(c)
}

/// An empty log in a folder, to be filled with a copy.
pub(crate) fn nuovo_in(cartella: &Path) -> Esito<Connection> {
    apri(&cartella.join(FILE))
}

/// The schema as it should be, in a database of its own.
pub(crate) fn modello() -> Esito<Connection> {
    let c = Connection::open_in_memory()?;
    c.execute_batch(SCHEMA)?;
    Ok(c)
}

/// Only to read: what is missing is not put back.
pub(crate) fn leggi(file: &Path) -> Esito<Connection> {
    let c = Connection::open(file)?;
    c.busy_timeout(std::time::Duration::from_secs(10))?;
    c.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-1000;")?;
    Ok(c)
}
