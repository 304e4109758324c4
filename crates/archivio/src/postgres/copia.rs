//! An ente as a folder in the form of SQLite: for `verifica`, which then is the same for every engine, and for who moves.
//!
//! All is read in one snapshot, beside whoever writes. The copy has the tables of SQLite with their fences; rows for search
//! are put where that engine lets them wait for its index, and so are compared as the words that they are.

use std::path::{Path, PathBuf};

use deadpool_postgres::Pool;
use rusqlite::params_from_iter;
use rusqlite::types::Value;
use tokio_postgres::types::Type;

use super::db::errore;
use super::filo::Filo;
use crate::sqlite::{FILE_ENTE, schema};
use crate::store::{Errore, Esito};

/// Tables that are the same in both engines, with the columns in the order of SQLite's.
const TABELLE: &[&str] = &[
    "registro_log",
    "chiave_log",
    "operazione",
    "tessera",
    "checkpoint",
    "registrazione",
    "documento",
    "oggetto_file",
    "coinvolto",
    "riscontro",
    "fascicolo",
    "contenuto",
    "corrispondente",
    "idempotenza",
    "testa",
    "contatore",
    "attuale",
    "assegnazione",
    "password",
    "token",
    "sessione",
    "annullamento",
    "richiesta_annullamento",
    "cofirma",
    "chiave_testimone",
    "osservato",
    "deposito",
    "testa_accessi",
];
/// Those of the access log.
const ACCESSI: &[&str] = &["accesso", "interessato", "potatura"];
/// Rows read at a time.
const PAGINA: i32 = 4_000;

/// A copy that goes away with this.
pub(super) struct Copia {
    intera: PathBuf,
    cartella: PathBuf,
}

impl Copia {
    pub fn cartella(&self) -> &Path {
        &self.cartella
    }
}

impl Drop for Copia {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.intera);
    }
}

/// Copies an ente beside its files. Blocks.
pub(super) fn in_sqlite(filo: &Filo, pool: &Pool, ente: i32, cartella: &Path) -> Esito<Copia> {
    let mut caso = [0u8; 8];
    getrandom::fill(&mut caso).map_err(|e| Errore::Archivio(e.to_string()))?;
    // A folder has the name of its ente.
    let nome = cartella.file_name().ok_or_else(|| Errore::Incoerente(cartella.display().to_string()))?;
    let intera = cartella.join(format!("copia-{}", crate::file::esadecimale(&caso)));
    let copia = Copia { cartella: intera.join(nome), intera };
    std::fs::create_dir_all(&copia.cartella)?;
    std::os::unix::fs::symlink(std::fs::canonicalize(cartella.join("file"))?, copia.cartella.join("file"))?;
    let mut c = rusqlite::Connection::open(copia.cartella.join(FILE_ENTE))?;
    schema::migra(&mut c)?;
    // It is thrown away with whatever interrupts it.
    c.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000; BEGIN;")?;
    let accessi = crate::accessi::nuovo_in(&copia.cartella)?;
    accessi.execute_batch("BEGIN")?;
    filo.attendi(async {
        let client = pool.get().await.map_err(|e| super::senza_connessione(&e))?;
        let inizio = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL protocollo.ente = '{ente}'");
        client.batch_execute(&inizio).await.map_err(errore)?;
        for (dove, tabelle) in [(&c, TABELLE), (&accessi, ACCESSI)] {
            for t in tabelle {
                let colonne = colonne(dove, t)?;
                righe(&client, &format!("SELECT {colonne} FROM {t}"), dove, &format!("INSERT INTO {t}({colonne})"))
                    .await?;
            }
        }
        let cerca = "SELECT reg, testo, soggetti FROM cerca";
        righe(&client, cerca, &c, "INSERT INTO cerca_recente(reg, testo, soggetti)").await?;
        let nomi = "SELECT op, testo FROM cerca_corrispondente";
        righe(&client, nomi, &c, "INSERT INTO cerca_corrispondente(rowid, testo)").await?;
        client.batch_execute("ROLLBACK").await.map_err(errore)
    })?;
    accessi.execute_batch("COMMIT")?;
    c.execute_batch("COMMIT")?;
    Ok(copia)
}

/// The columns of a table of SQLite, with commas.
fn colonne(c: &rusqlite::Connection, tabella: &str) -> Esito<String> {
    let mut s = c.prepare("SELECT name FROM pragma_table_info(?)")?;
    let nomi: Vec<String> = s.query_map([tabella], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(nomi.join(", "))
}

/// Carries the rows of a query into a table, some at a time.
async fn righe(client: &tokio_postgres::Client, da: &str, c: &rusqlite::Connection, a: &str) -> Esito<()> {
    client.batch_execute(&format!("DECLARE scorre NO SCROLL CURSOR FOR {da}")).await.map_err(errore)?;
    let avanti = client.prepare(&format!("FETCH {PAGINA} FROM scorre")).await.map_err(errore)?;
    loop {
        let pagina = client.query(&avanti, &[]).await.map_err(errore)?;
        let Some(prima) = pagina.first() else { break };
        let tipi: Vec<Type> = prima.columns().iter().map(|c| c.type_().clone()).collect();
        let posti = vec!["?"; tipi.len()].join(",");
        let mut s = c.prepare_cached(&format!("{a} VALUES ({posti})"))?;
        for r in &pagina {
            let valori = tipi.iter().enumerate().map(|(i, t)| {
                Ok(match *t {
                    Type::INT8 => r.try_get::<_, Option<i64>>(i).map_err(errore)?.map_or(Value::Null, Value::Integer),
                    Type::BYTEA => r.try_get::<_, Option<Vec<u8>>>(i).map_err(errore)?.map_or(Value::Null, Value::Blob),
                    _ => r.try_get::<_, Option<String>>(i).map_err(errore)?.map_or(Value::Null, Value::Text),
                })
            });
            s.execute(params_from_iter(valori.collect::<Esito<Vec<_>>>()?))?;
        }
    }
    client.batch_execute("CLOSE scorre").await.map_err(errore)
}
