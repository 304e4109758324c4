//! The bare ceiling on PostgreSQL: a group writer that does the same number of bare insertions of the same size, as arrays and
//! in one round trip, into tables with the same indexes, and nothing else: no rules, no log, no fences, no roles, no search
//! index.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use futures_util::future::join_all;
use tokio::sync::oneshot;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls};

use super::db::errore;
use crate::scrittore::{CODA_MAX, GRUPPO_MAX};
use crate::store::{Errore, Esito};

/// Its tables, in a schema of their own.
const SCHEMA: &str = "
CREATE SCHEMA soglia;
CREATE TABLE soglia.operazione (LIKE operazione INCLUDING DEFAULTS INCLUDING INDEXES);
CREATE TABLE soglia.registrazione (LIKE registrazione INCLUDING DEFAULTS INCLUDING INDEXES);
CREATE TABLE soglia.attuale (LIKE attuale INCLUDING DEFAULTS INCLUDING INDEXES);
CREATE TABLE soglia.assegnazione (LIKE assegnazione INCLUDING DEFAULTS INCLUDING INDEXES);
CREATE TABLE soglia.coinvolto (LIKE coinvolto INCLUDING DEFAULTS INCLUDING INDEXES);
CREATE TABLE soglia.cerca (ente integer NOT NULL, reg bigint NOT NULL, testo text, soggetti text, PRIMARY KEY(ente, reg));
CREATE TABLE soglia.contatore (n integer PRIMARY KEY, ultimo bigint NOT NULL);
INSERT INTO soglia.contatore VALUES (1, 0);
";

/// What a group inserts, by arrays; `$1` are the ids, `$2` a text.
const INSERIMENTI: [&str; 7] = [
    "INSERT INTO soglia.operazione(ente, id, istante, tipo, campi, seme, voce)
     SELECT 1, i, i, 'registrazione', t, s, s FROM unnest($1::int8[], $2::text[], $3::bytea[]) AS x(i, t, s)",
    "INSERT INTO soglia.registrazione(ente, id, log, registro, anno, numero, istante, tipo, riservato)
     SELECT 1, i, 1, 'PG', 2026, i, i, 0, 0 FROM unnest($1::int8[]) AS x(i)",
    "INSERT INTO soglia.attuale(ente, reg, stato, voce) SELECT 1, i, 0, '1.6' FROM unnest($1::int8[]) AS x(i)",
    "INSERT INTO soglia.assegnazione(ente, reg, n, ufficio, tipo, stato)
     SELECT 1, i, 1, 'SEGR', 0, 0 FROM unnest($1::int8[]) AS x(i)",
    "INSERT INTO soglia.coinvolto(ente, chi, reg) SELECT 1, 'p:carico', i FROM unnest($1::int8[]) AS x(i)",
    "INSERT INTO soglia.coinvolto(ente, chi, reg) SELECT 1, 'u:SEGR', i FROM unnest($1::int8[]) AS x(i)",
    "INSERT INTO soglia.cerca(ente, reg, testo, soggetti)
     SELECT 1, i, left(t, 120), left(t, 50) FROM unnest($1::int8[], $2::text[]) AS x(i, t)",
];

/// The bare writer.
pub struct Soglia {
    coda: SyncSender<oneshot::Sender<()>>,
}

impl Soglia {
    /// Starts on a database where an installation is. `byte_operazione` is the size of an operation's text.
    ///
    /// # Errors
    /// The server's.
    pub fn avvia(url: &str, byte_operazione: usize) -> Esito<Self> {
        let (tx, rx) = sync_channel(CODA_MAX);
        let (url, testo) = (url.to_owned(), "x".repeat(byte_operazione));
        let (pronta, attende) = std::sync::mpsc::channel();
        std::thread::Builder::new().name("soglia".to_owned()).spawn(move || {
            let lavoro = || -> Esito<()> {
                let rt = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                rt.block_on(async {
                    let (c, traffico) = tokio_postgres::connect(&url, NoTls).await.map_err(errore)?;
                    tokio::spawn(traffico);
                    c.batch_execute(SCHEMA).await.map_err(errore)?;
                    let _ = pronta.send(Ok(()));
                    lavora(&c, &rx, &testo).await.map_err(errore)
                })
            };
            if let Err(e) = lavoro() {
                let _ = pronta.send(Err(e));
            }
        })?;
        attende.recv().map_err(|e| Errore::Archivio(e.to_string()))??;
        Ok(Self { coda: tx })
    }

    /// One bare registration, durable when it returns.
    ///
    /// # Errors
    /// The writer stopped.
    pub async fn registra(&self) -> Esito<()> {
        let (tx, rx) = oneshot::channel();
        self.coda.try_send(tx).map_err(|_| Errore::Sovraccarico)?;
        rx.await.map_err(|_| Errore::Archivio("la soglia si è fermata".to_owned()))
    }
}

async fn lavora(c: &Client, coda: &Receiver<oneshot::Sender<()>>, testo: &str) -> Result<(), tokio_postgres::Error> {
    let mut istruzioni = Vec::new();
    for sql in INSERIMENTI {
        istruzioni.push(c.prepare(sql).await?);
    }
    let contatore = c.prepare("UPDATE soglia.contatore SET ultimo = $1 WHERE n = 1").await?;
    let (mut n, mut gruppo) = (0i64, Vec::with_capacity(GRUPPO_MAX));
    while let Ok(primo) = coda.recv() {
        gruppo.push(primo);
        while gruppo.len() < GRUPPO_MAX
            && let Ok(l) = coda.try_recv()
        {
            gruppo.push(l);
        }
        let quanti = i64::try_from(gruppo.len()).unwrap_or(0);
        let id: Vec<i64> = (n + 1..=n + quanti).collect();
        n += quanti;
        let testi = vec![testo; gruppo.len()];
        let semi = vec![&[7u8; 32][..]; gruppo.len()];
        let tutti: [&(dyn ToSql + Sync); 3] = [&id, &testi, &semi];
        let ultimo: [&(dyn ToSql + Sync); 1] = [&n];
        let righe = istruzioni.iter().map(|s| c.execute(s, &tutti[..s.params().len()]));
        let (inizio, righe, conta, fine) = tokio::join!(
            c.batch_execute("BEGIN"),
            join_all(righe),
            c.execute(&contatore, &ultimo),
            c.batch_execute("COMMIT")
        );
        inizio?;
        for r in righe {
            r?;
        }
        conta?;
        fine?;
        for r in gruppo.drain(..) {
            let _ = r.send(());
        }
    }
    Ok(())
}
