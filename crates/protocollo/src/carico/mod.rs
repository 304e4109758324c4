//! `carico`: load generator and benchmark. Works only on a fresh archive of its own.
//!
//! The register and the bare ceiling are measured in the same run, in turns, and the ratio of the medians is the
//! figure: it says the same on a laptop and on a server.

mod http;
mod misura;
mod nucleo;
mod ricerca;
mod riposo;
mod servente;
mod sigilli;
mod tempesta;
mod verifica;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use archivio::Store;
use clap::{Args, ValueEnum};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profilo {
    /// Commands without files, in process.
    Nucleo,
    /// Over HTTP, a 50 KB file each.
    Http,
}

/// What keeps the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Motore {
    /// A folder.
    Sqlite,
    /// A database.
    Postgres,
}

/// Options of `carico`.
#[derive(Debug, Args)]
pub struct Opzioni {
    /// Cartella di un archivio nuovo (predefinita: una temporanea, tolta alla fine).
    #[arg(long)]
    pub archivio: Option<PathBuf>,
    /// Motore dell'archivio.
    #[arg(long, value_enum, default_value_t = Motore::Sqlite)]
    pub motore: Motore,
    /// Con --motore postgres: un database nuovo (postgres://…), che resta pieno.
    #[arg(long, value_name = "URL", required_if_eq("motore", "postgres"))]
    pub database: Option<String>,
    /// Clienti contemporanei (predefiniti: 64, o 16 con --profilo http).
    #[arg(long)]
    pub clienti: Option<usize>,
    /// Quante AOO.
    #[arg(long, default_value_t = 1)]
    pub aoo: usize,
    /// Che cosa si misura.
    #[arg(long, value_enum, default_value_t = Profilo::Nucleo)]
    pub profilo: Profilo,
    /// Secondi di ogni turno.
    #[arg(long, default_value_t = 3.0)]
    pub secondi: f64,
    /// Turni di ciascuna misura.
    #[arg(long, default_value_t = 3)]
    pub giri: usize,
    /// Misura la ricerca su tante registrazioni.
    #[arg(long, value_name = "REGISTRAZIONI", num_args = 0..=1, default_missing_value = "1000000")]
    pub cerca: Option<u64>,
    /// Misura la verifica su tante operazioni senza file, e quanto rallenta chi registra mentre si verifica.
    #[arg(long, value_name = "OPERAZIONI", num_args = 0..=1, default_missing_value = "1000000", conflicts_with = "cerca")]
    pub verifica: Option<u64>,
    /// Misura che cosa fa a un ente tranquillo la tempesta di un altro, attraverso HTTP.
    #[arg(long, conflicts_with_all = ["cerca", "verifica"])]
    pub tempesta: bool,
    /// Misura la memoria di un'installazione di tanti enti a cui nessuno chiede nulla.
    #[arg(long, value_name = "ENTI", num_args = 0..=1, default_missing_value = "300", conflicts_with_all = ["cerca", "verifica", "tempesta"])]
    pub a_riposo: Option<usize>,
    /// Con un sigillo software (P-256, uno per AOO): si registrano uscite con un file, e mentre si registra le loro segnature si
    /// sigillano, come fa il servizio. Le misure di sempre sono allora quelle con i sigilli in corso; in più: sigilli al
    /// secondo dalla prima registrazione all'ultimo sigillo di ogni turno, quanti aspettavano a fine turno e in quanto sono
    /// stati apposti. Alla fine ogni segnatura è apposta, o il comando fallisce.
    #[arg(long, conflicts_with_all = ["cerca", "verifica", "tempesta", "a_riposo"])]
    pub sigillo: bool,
    /// Byte del file di ogni registrazione, con --profilo http.
    #[arg(long, default_value_t = 51_200)]
    pub byte: usize,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    pub json: bool,
}

/// Runs the benchmark.
pub fn esegui(o: &Opzioni) -> Result<u8> {
    if o.motore == Motore::Postgres && (o.profilo != Profilo::Nucleo || o.verifica.is_some()) {
        bail!("con --motore postgres si misurano --profilo nucleo, --cerca, --tempesta e --a-riposo");
    }
    let (_temporanea, cartella) = cartella_nuova(o.archivio.as_deref())?;
    let rt = crate::configurazione::fili()?;
    let rapporto = rt.block_on(async {
        match (o.cerca, o.profilo) {
            _ if o.verifica.is_some() => verifica::misura(&cartella, o.verifica.unwrap_or_default(), o).await,
            _ if o.a_riposo.is_some() => riposo::misura(&cartella, o.a_riposo.unwrap_or_default(), o).await,
            _ if o.tempesta => tempesta::misura(&cartella, o).await,
            (Some(n), _) => ricerca::misura(&cartella, n, o).await,
            (None, Profilo::Nucleo) => nucleo::misura(&cartella, o).await,
            (None, Profilo::Http) => http::misura(&cartella, o).await,
        }
    })?;
    if o.json {
        println!("{}", serde_json::to_string(&rapporto)?);
    } else if let serde_json::Value::Object(campi) = rapporto {
        for (k, v) in campi {
            println!("{k}={v}");
        }
    }
    Ok(0)
}

/// The archive to load: a folder, or the database named.
pub async fn apri(cartella: &Path, o: &Opzioni) -> Result<Arc<dyn Store>> {
    let (archivio, orologio) = (cartella.join("archivio"), Arc::new(archivio::orologio::OrologioDiSistema));
    let Some(url) = o.database.as_deref().filter(|_| o.motore == Motore::Postgres) else {
        return Ok(archivio::sqlite::SqliteStore::apri(&archivio, orologio)?);
    };
    std::fs::create_dir_all(&archivio)?;
    let store = archivio::postgres::PostgresStore::apri(&archivio, url, orologio, Default::default()).await?;
    if !store.enti().await?.is_empty() {
        bail!("il database non è vuoto: carico lavora solo su un archivio nuovo e suo");
    }
    Ok(store)
}

/// An empty folder, or a temporary one; any other archive is refused.
fn cartella_nuova(chiesta: Option<&Path>) -> Result<(Option<tempfile::TempDir>, PathBuf)> {
    match chiesta {
        None => {
            let t = tempfile::Builder::new().prefix("carico-").tempdir_in(".").or_else(|_| tempfile::tempdir())?;
            let p = t.path().to_owned();
            Ok((Some(t), p))
        }
        Some(p) => {
            std::fs::create_dir_all(p).with_context(|| format!("non si crea {}", p.display()))?;
            if std::fs::read_dir(p)?.next().is_some() {
                bail!("la cartella {} non è vuota: carico lavora solo su un archivio nuovo e suo", p.display());
            }
            Ok((None, p.to_owned()))
        }
    }
}
