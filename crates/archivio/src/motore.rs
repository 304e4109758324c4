//! What an engine gives: statements of a common dialect, rows, and a transaction to run them in.
//!
//! The register's own code ([`crate::letture`], [`crate::scrittore`], …) is written once, in SQL that both engines read;
//! what they do each in its own way — words, transactions, connections — has a name here. A statement never names the
//! ente: on SQLite each has its own file, on PostgreSQL the session is bound to one and the tables show nothing else.
//!
//! The dialect: `?` is a value; integers have 64 bits, texts sort by their bytes; `ON CONFLICT DO NOTHING` names no
//! columns; nothing is replaced.

use std::time::Duration;

use async_trait::async_trait;

use crate::file::Custodia;
use crate::scrittore::Lavoro;
use crate::store::{Errore, Esito, FileCaricato, Verifica};

/// A value on its way to the database.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Valore<'a> {
    Nullo,
    Intero(i64),
    Testo(&'a str),
    Byte(&'a [u8]),
}

impl From<i64> for Valore<'_> {
    fn from(n: i64) -> Self {
        Self::Intero(n)
    }
}
impl From<i32> for Valore<'_> {
    fn from(n: i32) -> Self {
        Self::Intero(n.into())
    }
}
impl From<u32> for Valore<'_> {
    fn from(n: u32) -> Self {
        Self::Intero(n.into())
    }
}
impl From<bool> for Valore<'_> {
    fn from(b: bool) -> Self {
        Self::Intero(b.into())
    }
}
impl<'a> From<&'a str> for Valore<'a> {
    fn from(t: &'a str) -> Self {
        Self::Testo(t)
    }
}
impl<'a> From<&'a String> for Valore<'a> {
    fn from(t: &'a String) -> Self {
        Self::Testo(t)
    }
}
impl<'a> From<&'a [u8]> for Valore<'a> {
    fn from(b: &'a [u8]) -> Self {
        Self::Byte(b)
    }
}
impl<'a> From<&'a Vec<u8>> for Valore<'a> {
    fn from(b: &'a Vec<u8>) -> Self {
        Self::Byte(b)
    }
}
impl<'a> From<&'a [u8; 32]> for Valore<'a> {
    fn from(b: &'a [u8; 32]) -> Self {
        Self::Byte(b)
    }
}
impl<'a, T: Into<Valore<'a>>> From<Option<T>> for Valore<'a> {
    fn from(t: Option<T>) -> Self {
        t.map_or(Self::Nullo, Into::into)
    }
}

/// Values of a statement, in order.
macro_rules! valori {
    ($($v:expr),* $(,)?) => { &[$($crate::motore::Valore::from($v)),*] };
}
pub(crate) use valori;

/// A row that was found.
pub(crate) trait Riga {
    fn intero_o(&self, i: usize) -> Esito<Option<i64>>;
    fn testo_o(&self, i: usize) -> Esito<Option<&str>>;
    fn byte(&self, i: usize) -> Esito<&[u8]>;

    fn intero(&self, i: usize) -> Esito<i64> {
        self.intero_o(i)?.ok_or_else(|| manca(i))
    }
    fn testo(&self, i: usize) -> Esito<&str> {
        self.testo_o(i)?.ok_or_else(|| manca(i))
    }
}

fn manca(i: usize) -> Errore {
    Errore::Incoerente(format!("colonna {i} senza valore"))
}

impl dyn Riga + '_ {
    pub fn proprio(&self, i: usize) -> Esito<String> {
        Ok(self.testo(i)?.to_owned())
    }
    pub fn hash(&self, i: usize) -> Esito<[u8; 32]> {
        self.byte(i)?.try_into().map_err(|_| Errore::Incoerente("hash di lunghezza errata".to_owned()))
    }
    pub fn naturale(&self, i: usize) -> Esito<u64> {
        Ok(self.intero(i)?.unsigned_abs())
    }
}

/// What maps a file, unless there is one already; and what keeps the key of one that is encrypted.
pub(crate) const MAPPA: &str =
    "INSERT INTO oggetto_file(impronta, oggetto, byte, codifica, op) VALUES (?,?,?,?,?) ON CONFLICT DO NOTHING";
pub(crate) const CHIAVE_DI: &str = "INSERT INTO chiave_documento(impronta, n, chiave) VALUES (?,?,?)";

/// Words to be looked for in the register, with whatever else must hold.
pub(crate) struct Parole<'a> {
    /// First id, included; last, excluded.
    pub da: i64,
    pub fino: i64,
    /// In any text; in the names of correspondents.
    pub testo: &'a [dominio::analisi::Condizione],
    pub soggetti: &'a [dominio::analisi::Condizione],
    /// Further conditions on `registrazione r`, each with ` AND ` before it, and their values.
    pub dove: &'a str,
    pub valori: &'a [Valore<'a>],
}

/// A database, seen from inside a transaction bound to one ente.
pub(crate) trait Db {
    /// Rows in order, until `f` has enough.
    fn scorri(&self, sql: &str, v: &[Valore<'_>], f: &mut dyn FnMut(&dyn Riga) -> Esito<bool>) -> Esito<()>;
    /// A change, made by the commit at the latest; whatever is read later in the transaction finds it.
    fn scrivi(&self, sql: &'static str, v: &[Valore<'_>]) -> Esito<()>;
    /// A change made now: of how many rows.
    fn scrivi_ora(&self, sql: &'static str, v: &[Valore<'_>]) -> Esito<u64>;

    /// What was remembered of a request under its key: its SHA-256 and the operation it became.
    fn idempotenza(&self, ambito: &str, chiave: &str) -> Esito<Option<(Vec<u8>, i64)>>;
    /// Remembers a request.
    fn ricorda(&self, ambito: &str, chiave: &str, richiesta: &[u8; 32], op: i64, istante: i64) -> Esito<()>;
    /// Maps an impronta to a stored object, unless it has one already, with the key of what is encrypted; says whether
    /// this one is now the one.
    fn mappa_file(&self, f: &FileCaricato, op: i64) -> Esito<bool>;
    /// Is an object mapped to an impronta?
    fn usato(&self, oggetto: &str) -> Esito<bool>;

    /// Ids of registrations with these words, newest first.
    fn per_parole(&self, p: &Parole<'_>, limite: usize) -> Esito<Vec<i64>>;
    /// Correspondents of the rubrica whose words begin so: operation and data, between two ids.
    fn per_nome(&self, parole: &[String], da: i64, a: i64, limite: usize) -> Esito<Vec<(i64, String)>>;
    /// The words of a new registration.
    fn indicizza(&self, reg: i64, testo: &str, soggetti: &str) -> Esito<()>;
    /// Other words for a registration; `prima` says those it had.
    fn reindicizza(&self, reg: i64, testo: &str, soggetti: &str, prima: &dyn Fn() -> (String, String)) -> Esito<()>;
    /// The words of a correspondent of the rubrica.
    fn indicizza_corrispondente(&self, op: i64, testo: &str) -> Esito<()>;
}

impl dyn Db + '_ {
    /// The first row.
    pub fn una<T>(&self, sql: &str, v: &[Valore<'_>], mut f: impl FnMut(&dyn Riga) -> Esito<T>) -> Esito<Option<T>> {
        let mut out = None;
        self.scorri(sql, v, &mut |r| {
            out = Some(f(r)?);
            Ok(false)
        })?;
        Ok(out)
    }

    /// Every row.
    pub fn tutte<T>(&self, sql: &str, v: &[Valore<'_>], mut f: impl FnMut(&dyn Riga) -> Esito<T>) -> Esito<Vec<T>> {
        let mut out = Vec::new();
        self.scorri(sql, v, &mut |r| {
            out.push(f(r)?);
            Ok(true)
        })?;
        Ok(out)
    }

    /// Is there a row?
    pub fn esiste(&self, sql: &str, v: &[Valore<'_>]) -> Esito<bool> {
        Ok(self.una(sql, v, |_| Ok(()))?.is_some())
    }

    /// A number that is always there: a count, a maximum or zero.
    pub fn numero(&self, sql: &str, v: &[Valore<'_>]) -> Esito<i64> {
        self.una(sql, v, |r| r.intero(0))?.ok_or_else(|| manca(0))
    }
}

/// A transaction that failed. One that could not even begin wrote nothing: it is the connection that does not serve.
#[derive(Debug)]
pub(crate) struct Caduta {
    pub errore: Errore,
    pub iniziata: bool,
}

/// How a transaction begins.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Inizio {
    /// Somebody else wrote since the last time: heads and counters that are remembered no longer hold.
    pub altri: bool,
    /// Nor does the configuration.
    pub configurazione: bool,
}

/// What a group changed of what others remember.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mosso {
    /// Heads and counters.
    pub teste: bool,
    /// The configuration.
    pub configurazione: bool,
    /// The last operation that it wrote, with its entry: no other has the same, so that whoever finds it knows that the
    /// group was committed.
    pub ultima: Option<(i64, [u8; 32])>,
}

/// The writer's side of an engine: one transaction at a time.
pub(crate) trait Base: Send {
    fn db(&self) -> &dyn Db;
    /// Begins the transaction of a group.
    fn inizia(&mut self, gruppo: &[Lavoro]) -> Esito<Inizio>;
    /// Commits. Says whether anything was written.
    fn conferma(&mut self, mosso: Mosso) -> Esito<bool>;
    /// Outside of a group: what follows only reads.
    fn inizia_lettura(&mut self) -> Esito<()> {
        Ok(())
    }
    /// No more reading.
    fn fine_lettura(&mut self) {}
    /// Leaves a transaction that failed, so that nothing of it is ever found, and says whether memory must wait for
    /// [`Self::rimetti`] before anything else.
    fn annulla(&mut self, iniziata: bool) -> bool;
    /// A point to which one job can go back alone.
    fn salva(&mut self) -> Esito<()>;
    /// The job is done.
    fn libera(&mut self) -> Esito<()>;
    /// Back to the point.
    fn torna(&mut self) -> Esito<()>;
    /// Can it be used as it is?
    fn pronta(&self) -> bool;
    /// Makes it usable again; `nuova`: with another connection.
    fn rimetti(&mut self, nuova: bool) -> Esito<()>;
    /// Within a transaction: does the storage take a write? `dubbio` when it refused one.
    fn prova(&mut self, dubbio: bool) -> Esito<()>;
    /// How long to wait for a job before there is something else to do.
    fn riposo(&self) -> Option<Duration> {
        None
    }
    /// What there is to do when nothing was asked for that long.
    ///
    /// `true`: everything was closed and opened again, and memory must be read anew.
    fn a_riposo(&mut self) -> Result<bool, Caduta> {
        Ok(false)
    }
    /// What there is to do after a group, rest or no rest; as above.
    fn dopo_gruppo(&mut self) -> Result<bool, Caduta> {
        Ok(false)
    }
    /// The last words.
    fn congeda(&mut self) {}
}

/// One who reads, with his place and connection: all in one snapshot.
pub(crate) trait Lettura: Send {
    fn con(self: Box<Self>, f: &mut dyn FnMut(&dyn Db) -> Esito<()>) -> Esito<()>;
}

/// An ente's side of an engine that is not the writer's.
#[async_trait]
pub(crate) trait Motore: Send + Sync {
    /// A place to read from, when there is one free.
    async fn lettura(&self) -> Esito<Box<dyn Lettura>>;
    /// How many of an ente may read at once: its share of what all use.
    fn letture_insieme(&self) -> usize;
    /// May other processes have the same ente open?
    fn condiviso(&self) -> bool {
        false
    }
    /// Could it be closed now, with nothing left half done?
    fn in_quiete(&self) -> bool {
        true
    }
    /// Closes what nobody uses.
    fn chiudi(&self);
    /// Recomputes everything. Blocks.
    fn verifica(&self, custodia: Custodia) -> Esito<Verifica>;
    /// What of the engine does not stop the register but wants to be known.
    fn avvisi(&self) -> Vec<String>;
}
