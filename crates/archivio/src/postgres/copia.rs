//! An ente as a folder in the form of SQLite: for `verifica`, which then is the same for every engine, and for who moves.
//!
//! All is read in one snapshot, beside whoever writes. The copy has the tables of SQLite with their fences; rows for search
//! are put where that engine lets them wait for its index, and so are compared as the words that they are.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use deadpool_postgres::Pool;
use dominio::errori::Rifiuto;
use rusqlite::params_from_iter;
use rusqlite::types::{Value, ValueRef};
use tokio_postgres::types::Type;

use super::db::{Sessione, errore};
use super::filo::{Filo, Presa};
use super::parole::vettore;
use crate::letture;
use crate::motore::{Db, Mosso, Valore};
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
    "chiave_file",
    "chiave_documento",
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
    "da_sigillare",
    "sigillo",
    "esame_firme",
    "esame_fin",
];
/// Those of the access log.
const ACCESSI: &[&str] = &["accesso", "interessato", "potatura"];
/// A copy older than this is nobody's.
const COPIA_MAX: std::time::Duration = std::time::Duration::from_secs(86_400);
/// Rows read at a time.
const PAGINA: i32 = 500;

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

/// Takes away the copies of a process that was killed.
pub(super) fn spazza(cartella: &Path) {
    let Ok(voci) = std::fs::read_dir(cartella) else { return };
    for v in voci.flatten().filter(|v| v.file_name().to_string_lossy().starts_with("copia-")) {
        let vecchia = v.metadata().and_then(|m| m.modified()).is_ok_and(|m| m.elapsed().is_ok_and(|e| e > COPIA_MAX));
        if vecchia {
            let _ = std::fs::remove_dir_all(v.path());
        }
    }
}

/// Copies an ente beside its files, for as long as it serves. Blocks.
pub(super) fn provvisoria(filo: &Filo, pool: &Pool, ente: i32, cartella: &Path) -> Esito<Copia> {
    let mut caso = [0u8; 8];
    getrandom::fill(&mut caso).map_err(|e| Errore::Archivio(e.to_string()))?;
    // A folder has the name of its ente.
    let nome = cartella.file_name().ok_or_else(|| Errore::Incoerente(cartella.display().to_string()))?;
    let intera = cartella.join(format!("copia-{}", crate::file::esadecimale(&caso)));
    let copia = Copia { cartella: intera.join(nome), intera };
    in_sqlite(filo, pool, ente, &copia.cartella)?;
    // Not where they are in a bucket.
    if cartella.join("file").is_dir() {
        std::os::unix::fs::symlink(std::fs::canonicalize(cartella.join("file"))?, copia.cartella.join("file"))?;
    }
    Ok(copia)
}

/// The databases of an ente in an empty folder, as of one instant; not its files. Blocks.
pub(super) fn in_sqlite(filo: &Filo, pool: &Pool, ente: i32, cartella: &Path) -> Esito<()> {
    std::fs::create_dir_all(cartella)?;
    // Passwords' hashes and wrapped keys are in it.
    std::fs::set_permissions(cartella, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    let mut c = rusqlite::Connection::open(cartella.join(FILE_ENTE))?;
    schema::migra(&mut c)?;
    // Whatever interrupts it leaves nothing that is used.
    c.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000; BEGIN;")?;
    let accessi = crate::accessi::nuovo_in(cartella)?;
    accessi.execute_batch("BEGIN")?;
    filo.attendi(async {
        let client = Presa::da(pool).await?;
        let inizio = format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL protocollo.ente = '{ente}'");
        client.batch_execute(&inizio).await.map_err(errore)?;
        for (dove, tabelle) in [(&c, TABELLE), (&accessi, ACCESSI)] {
            for t in tabelle {
                let colonne = colonne(dove, t)?;
                righe(
                    &client,
                    &format!("SELECT {colonne} FROM {t} WHERE ente = {ente}"),
                    dove,
                    &format!("INSERT INTO {t}({colonne})"),
                )
                .await?;
            }
        }
        let cerca = format!("SELECT reg, testo, soggetti FROM cerca WHERE ente = {ente}");
        parole_in(
            &client,
            &cerca,
            "cerca",
            "reg",
            &c,
            "INSERT INTO cerca_recente(reg, testo, soggetti) VALUES (?,?,?)",
        )
        .await?;
        let nomi = format!("SELECT op, testo, '' FROM cerca_corrispondente WHERE ente = {ente}");
        let sql = "INSERT INTO cerca_corrispondente(rowid, testo) VALUES (?, ? || ?)";
        parole_in(&client, &nomi, "cerca_corrispondente", "op", &c, sql).await?;
        client.batch_execute("ROLLBACK").await.map_err(errore)?;
        client.pulita();
        Ok(())
    })?;
    accessi.execute_batch("COMMIT")?;
    c.execute_batch("COMMIT; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")?;
    schema::tocca(&c)
}

/// Puts the databases of a folder into the place of an ente, where there must be nothing yet: all or nothing. Blocks.
pub(super) fn da_sqlite(filo: &Arc<Filo>, pool: &Pool, ente: i32, cartella: &Path) -> Esito<()> {
    let c = schema::apri_lettura(&cartella.join(FILE_ENTE))?;
    c.execute_batch("BEGIN")?;
    let s = Sessione::presa(filo, pool)?;
    s.inizia(ente, false)?;
    let db: &dyn Db = &s;
    if db.esiste("SELECT 1 FROM operazione LIMIT 1", &[])? {
        return Err(Rifiuto::Conflitto("nel database questo ente ha già operazioni".to_owned()).into());
    }
    for t in TABELLE {
        porta(&c, &s, t)?;
    }
    let accessi = cartella.join(crate::accessi::FILE);
    if accessi.exists() {
        let accessi = crate::accessi::leggi(&accessi)?;
        for t in ACCESSI {
            porta(&accessi, &s, t)?;
        }
    }
    parole(&c, &s)?;
    s.conferma(ente, Mosso { teste: true, configurazione: true, ultima: None }).map_err(|e| e.errore)
}

/// A statement for as long as the process: they are known by their place. There are as many as tables.
fn statica(sql: String) -> &'static str {
    static NOTE: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut note = NOTE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(nota) = note.get(sql.as_str()) {
        return nota;
    }
    let nuova: &'static str = Box::leak(sql.into_boxed_str());
    note.insert(nuova);
    nuova
}

/// The rows of a table.
fn porta(da: &rusqlite::Connection, a: &Sessione, tabella: &str) -> Esito<()> {
    let colonne = colonne(da, tabella)?;
    let posti = vec!["?"; colonne.split(", ").count()].join(",");
    let sql = statica(format!("INSERT INTO {tabella}({colonne}) VALUES ({posti})"));
    let mut s = da.prepare(&format!("SELECT {colonne} FROM {tabella}"))?;
    let quante = s.column_count();
    let mut r = s.query([])?;
    while let Some(x) = r.next()? {
        let valori = (0..quante).map(|i| {
            Ok(match x.get_ref(i)? {
                ValueRef::Integer(n) => Valore::Intero(n),
                ValueRef::Text(t) => Valore::Testo(
                    std::str::from_utf8(t).map_err(|_| Errore::Incoerente(format!("testo in {tabella}")))?,
                ),
                ValueRef::Blob(b) => Valore::Byte(b),
                ValueRef::Null | ValueRef::Real(_) => Valore::Nullo,
            })
        });
        a.scrivi(sql, &valori.collect::<Esito<Vec<_>>>()?)?;
    }
    Ok(())
}

/// The words of registrations and correspondents, which SQLite keeps only in its index.
fn parole(da: &rusqlite::Connection, a: &Sessione) -> Esito<()> {
    let mut s = da.prepare("SELECT id FROM registrazione ORDER BY id")?;
    for reg in s.query_map([], |r| r.get::<_, i64>(0))? {
        let reg = reg?;
        let (testo, soggetti) = crate::righe::ricerca(letture::operazioni_di(da, reg)?.iter().map(|o| &o.evento));
        a.indicizza(reg, &testo, &soggetti)?;
    }
    let mut s = da.prepare("SELECT op, dati FROM corrispondente ORDER BY op")?;
    for r in s.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)))? {
        let (op, dati) = r?;
        let soggetto = serde_json::from_str(&dati).map_err(|_| Errore::Incoerente(format!("corrispondente {op}")))?;
        a.indicizza_corrispondente(op, &letture::parole_di_corrispondente(&soggetto).1)?;
    }
    Ok(())
}

/// Carries words: those that the index has, which should be those of the texts beside it.
async fn parole_in(
    client: &tokio_postgres::Client,
    da: &str,
    tabella: &str,
    chiave: &str,
    c: &rusqlite::Connection,
    a: &str,
) -> Esito<()> {
    client.batch_execute(&format!("DECLARE scorre NO SCROLL CURSOR FOR {da}")).await.map_err(errore)?;
    let avanti = client.prepare(&format!("FETCH {PAGINA} FROM scorre")).await.map_err(errore)?;
    let diverse = format!(
        "SELECT x.n, array_to_string(tsvector_to_array(k.parole), ' ') FROM unnest($1::int8[], $2::text[]) AS x(n, v)
         JOIN {tabella} k ON k.{chiave} = x.n WHERE k.parole <> x.v::tsvector"
    );
    let diverse = client.prepare(&diverse).await.map_err(errore)?;
    let mut s = c.prepare(a)?;
    loop {
        let pagina = client.query(&avanti, &[]).await.map_err(errore)?;
        if pagina.is_empty() {
            break;
        }
        let righe = pagina.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?, r.try_get(2)?)));
        let righe: Vec<(i64, &str, &str)> = righe.collect::<Result<_, tokio_postgres::Error>>().map_err(errore)?;
        let (n, attesi): (Vec<i64>, Vec<String>) = righe.iter().map(|r| (r.0, vettore(r.1, r.2))).unzip();
        let trovate = client.query(&diverse, &[&n, &attesi]).await.map_err(errore)?;
        let trovate = trovate.iter().map(|r| Ok((r.try_get(0)?, r.try_get(1)?)));
        let trovate: HashMap<i64, String> = trovate.collect::<Result<_, tokio_postgres::Error>>().map_err(errore)?;
        for (n, testo, soggetti) in righe {
            match trovate.get(&n) {
                None => s.execute(rusqlite::params![n, testo, soggetti])?,
                Some(altre) => s.execute(rusqlite::params![n, format!(" {altre} "), ""])?,
            };
        }
    }
    client.batch_execute("CLOSE scorre").await.map_err(errore)
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
