//! `demo` and `serve`: the running service, on a sample archive or on a configured one.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use archivio::Store;
use archivio::file::Custodia;
use archivio::file::s3::Secchio;
use archivio::orologio::OrologioDiSistema;
use archivio::postgres::PostgresStore;
use archivio::sqlite::SqliteStore;
use catena::ChiavePubblica;
use clap::Args;
use serde::Deserialize;
use servizio::Servizio;
use servizio::ancore::Ancore;
use servizio::diario::{self, Formato};
use servizio::sola_lettura::SolaLettura;
use servizio::testimoni::Interpellato;

use crate::campione;

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Cartella dell'archivio di esempio.
    #[arg(long, default_value = "./dati-demo")]
    archivio: PathBuf,
    /// Indirizzo su cui ascoltare; la porta 0 ne sceglie una libera.
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: String,
    /// Quante registrazioni di esempio creare la prima volta.
    #[arg(long, default_value_t = 60)]
    registrazioni: usize,
    /// Un database PostgreSQL (postgres://…) in cui tenere il registro, invece che in un file: in --archivio restano i
    /// documenti e la chiave dell'installazione.
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    #[command(flatten)]
    testimoni: Testimonianze,
}

/// Who cosigns our logs, and whose logs are cosigned here.
#[derive(Debug, Clone, Args)]
struct Testimonianze {
    /// Testimone a cui chiedere di cofirmare i registri delle operazioni: la sua chiave e il suo indirizzo. Ripetibile.
    #[arg(long = "testimone", value_name = "VKEY URL")]
    interpella: Vec<String>,
    /// Registro di un'altra installazione da osservare, come suo testimone: la sua chiave pubblica. Ripetibile.
    #[arg(long, value_name = "VKEY")]
    osserva: Vec<String>,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Cartella di un'installazione su questa macchina.
    #[arg(long, conflicts_with = "config")]
    archivio: Option<PathBuf>,
    /// File di configurazione TOML.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Indirizzo su cui ascoltare.
    #[arg(long)]
    listen: Option<String>,
    #[command(flatten)]
    testimoni: Testimonianze,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configurazione {
    #[serde(default)]
    database: Database,
    #[serde(default)]
    blob: Blob,
    #[serde(default)]
    chiave: ChiaveConf,
    #[serde(default)]
    servizio: ServizioConf,
    #[serde(default)]
    ancore: AncoreConf,
    #[serde(default)]
    testimoni: TestimoniConf,
    #[serde(default)]
    log: LogConf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogConf {
    /// `testo` or `json`.
    formato: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestimoniConf {
    /// Witnesses to ask, each as «VKEY URL».
    #[serde(default)]
    interpella: Vec<String>,
    /// Keys of the logs to watch.
    #[serde(default)]
    osserva: Vec<String>,
    /// Name of this installation as a witness, given once; made from the public address when absent.
    nome: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AncoreConf {
    /// Folder, kept by somebody else, where signed checkpoints are put each minute.
    cartella: Option<String>,
    /// Mail, to addresses that somebody else keeps.
    posta: Option<crate::ancore::PostaConf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Database {
    /// `sqlite:CARTELLA`, or `postgres://…`.
    url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Blob {
    /// `file:CARTELLA`: where documents are, and the installation's key, when the register is in a database; or
    /// `s3://bucket/prefisso`, with credentials from the environment.
    url: Option<String>,
    /// The folder of what is of this machine only, when documents are in S3.
    lavoro: Option<PathBuf>,
    /// Are the files of new enti encrypted? They are, unless it says no.
    cifra: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChiaveConf {
    /// Where the installation's key is, when it is not beside the data.
    file: Option<PathBuf>,
}

/// Where an installation is.
#[derive(Debug, Clone)]
pub struct Dove {
    /// Its folder.
    pub cartella: PathBuf,
    /// The database of the register, when it is not in the folder.
    pub database: Option<String>,
    /// How its files are kept, and where its key is.
    pub custodia: Custodia,
}

impl Dove {
    /// All in a folder.
    pub fn in_cartella(cartella: &Path) -> Self {
        Self { cartella: cartella.to_owned(), database: None, custodia: Custodia::default() }
    }
}

/// Is this the address of a PostgreSQL database?
pub fn di_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServizioConf {
    listen: Option<String>,
    url_pubblico: Option<String>,
    /// Nothing is registered as long as the service runs.
    sola_lettura: Option<bool>,
    /// Enti for which nobody asked for so many seconds are closed.
    riposo_s: Option<u64>,
}

/// One key of the configuration: the environment comes before the file.
pub fn chiave(nome: &str, file: Option<String>) -> Option<String> {
    std::env::var(format!("PROTOCOLLO_{nome}")).ok().or(file)
}

/// A key that is yes or no.
fn si(nome: &str, file: Option<bool>) -> Result<bool> {
    match std::env::var(format!("PROTOCOLLO_{nome}")).ok().as_deref().map(str::trim) {
        None | Some("") => Ok(file.unwrap_or(false)),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(altro) => bail!("PROTOCOLLO_{nome}: «{altro}» non è previsto; usare true o false"),
    }
}

/// A key that is a list: in the environment one a line, or between semicolons.
fn elenco(nome: &str, file: Vec<String>, opzioni: &[String]) -> Vec<String> {
    let ambiente = std::env::var(format!("PROTOCOLLO_{nome}")).ok();
    let conf = ambiente.map_or(file, |t| t.split(['\n', ';']).map(str::to_owned).collect());
    conf.iter().chain(opzioni).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).collect()
}

/// The service with its witnesses, and watching what it is told to watch.
///
/// `con_indirizzo`: people reach it under an address of its own.
fn con_testimoni(s: Servizio, o: &Testimonianze, conf: TestimoniConf, con_indirizzo: bool) -> Result<Servizio> {
    let interpella = elenco("TESTIMONI__INTERPELLA", conf.interpella, &o.interpella);
    let interpella: Vec<Interpellato> = interpella
        .iter()
        .map(|t| t.parse().map_err(|e: String| anyhow::anyhow!("testimone «{t}»: {e}")))
        .collect::<Result<_>>()?;
    let osserva = elenco("TESTIMONI__OSSERVA", conf.osserva, &o.osserva);
    let osserva: Vec<ChiavePubblica> = osserva
        .iter()
        .map(|k| k.parse().with_context(|| format!("registro da osservare «{k}»")))
        .collect::<Result<_>>()?;
    // A witness's name stays for ever, and must be nobody else's: an address of this machine only would be everybody's.
    let nome = match chiave("TESTIMONI__NOME", conf.nome) {
        None if !con_indirizzo && !osserva.is_empty() => {
            let mut caso = [0u8; 8];
            getrandom::fill(&mut caso)?;
            Some(format!("protocollo.testimone/{:016x}", u64::from_be_bytes(caso)))
        }
        nome => nome,
    };
    Ok(s.con_testimoni(interpella).che_osserva(osserva, nome))
}

impl Configurazione {
    /// From a file; empty without one.
    pub fn leggi(file: Option<&Path>) -> Result<Self> {
        let Some(f) = file else { return Ok(Self::default()) };
        let t = std::fs::read_to_string(f).with_context(|| format!("non si legge {}", f.display()))?;
        toml::from_str(&t).with_context(|| format!("{} non è una configurazione valida", f.display()))
    }

    /// Where the installation is: the folder named, or what is configured.
    pub fn dove(&self, archivio: Option<&Path>) -> Result<Dove> {
        if let Some(a) = archivio {
            return Ok(Dove { custodia: self.custodia()?, ..Dove::in_cartella(a) });
        }
        let Some(url) = chiave("DATABASE__URL", self.database.url.clone()) else {
            bail!("serve --archivio CARTELLA, oppure --config FILE con database.url");
        };
        let blob = chiave("BLOB__URL", self.blob.url.clone());
        let blob = match blob.as_deref().map(|b| (b, b.strip_prefix("file:"))) {
            None => None,
            Some((b, None)) if b.starts_with("s3://") => {
                let lavoro = std::env::var_os("PROTOCOLLO_BLOB__LAVORO").map(PathBuf::from);
                lavoro.or(self.blob.lavoro.clone())
            }
            Some((_, Some(d))) => Some(PathBuf::from(d)),
            Some((b, None)) => bail!("blob.url: «{b}» non è previsto; usare file:CARTELLA o s3://bucket/prefisso"),
        };
        match (url.strip_prefix("sqlite:").map(PathBuf::from), blob) {
            (Some(d), Some(b)) if d != b => {
                bail!("blob.url: con sqlite:CARTELLA i documenti stanno nella stessa cartella")
            }
            (Some(cartella), _) => Ok(Dove { cartella, database: None, custodia: self.custodia()? }),
            (None, Some(cartella)) if di_postgres(&url) => {
                Ok(Dove { cartella, database: Some(url), custodia: self.custodia()? })
            }
            (None, None) if di_postgres(&url) => {
                bail!(
                    "con un database serve blob.url: file:CARTELLA, per i documenti e la chiave dell'installazione; oppure s3://bucket/prefisso, con \
                     blob.lavoro, la cartella di ciò che è di questa macchina"
                )
            }
            // An address may hold a password.
            _ => bail!("database.url: usare sqlite:CARTELLA oppure postgres://…"),
        }
    }

    /// How files are kept, and where the installation's key is.
    fn custodia(&self) -> Result<Custodia> {
        let cifra = match chiave("BLOB__CIFRA", self.blob.cifra.map(|c| c.to_string())).as_deref() {
            None | Some("true") => true,
            Some("false") => false,
            Some(altro) => bail!("blob.cifra: «{altro}» non è true né false"),
        };
        let file = std::env::var_os("PROTOCOLLO_CHIAVE__FILE").map(PathBuf::from).or(self.chiave.file.clone());
        let blob = chiave("BLOB__URL", self.blob.url.clone()).filter(|b| b.starts_with("s3://"));
        let ambiente = |nome: &str| std::env::var(nome).ok().filter(|v| !v.is_empty());
        let s3 = blob.map(|b| Secchio::da(&b, &ambiente)).transpose().map_err(anyhow::Error::msg)?;
        Ok(Custodia { cifra, chiave: file, s3 })
    }

    /// How anchors go by mail, as written in the file.
    pub fn posta(&self) -> Option<crate::ancore::PostaConf> {
        self.ancore.posta.clone()
    }

    /// Address people use, when it is configured.
    pub fn url_pubblico(&self) -> Option<String> {
        chiave("SERVIZIO__URL_PUBBLICO", self.servizio.url_pubblico.clone())
    }
}

/// Runs the demo until it is stopped.
pub fn demo(o: &Demo) -> Result<u8> {
    runtime()?.block_on(async {
        let dove = Dove { database: o.database.clone(), ..Dove::in_cartella(&o.archivio) };
        let store = apri(&dove).await?;
        let c = campione::apri(&*store, &o.archivio, o.registrazioni).await?;
        let ascolto = ascolta(&o.listen).await?;
        let url = format!("http://{}", ascolto.local_addr()?);
        let s = con_testimoni(Servizio::nuovo(store, &url), &o.testimoni, TestimoniConf::default(), false)?
            .con_sola_lettura(SolaLettura::in_cartella(&o.archivio));
        for (k, v) in [
            ("url", &url),
            ("utente", &c.utente),
            ("password", &c.password),
            ("token", &c.token),
            ("utente_responsabile", &c.utente_responsabile),
            ("password_responsabile", &c.password_responsabile),
            ("token_responsabile", &c.token_responsabile),
            ("utente_amministratore", &c.utente_amministratore),
            ("password_amministratore", &c.password_amministratore),
            ("token_amministratore", &c.token_amministratore),
        ] {
            println!("{k}={v}");
        }
        servi(ascolto, Arc::new(s)).await
    })
}

/// Serves an installation until it is stopped.
pub fn serve(o: &Serve) -> Result<u8> {
    let conf = Configurazione::leggi(o.config.as_deref())?;
    let dove = conf.dove(o.archivio.as_deref())?;
    let cartella = dove.cartella.clone();
    let sola_lettura =
        SolaLettura::in_cartella(&cartella).sempre(si("SERVIZIO__SOLA_LETTURA", conf.servizio.sola_lettura)?);
    let listen = o
        .listen
        .clone()
        .or_else(|| chiave("SERVIZIO__LISTEN", conf.servizio.listen.clone()))
        .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let riposo = match chiave("SERVIZIO__RIPOSO_S", conf.servizio.riposo_s.map(|s| s.to_string())) {
        None => servizio::riposi::DOPO,
        Some(s) => Duration::from_secs(s.trim().parse().with_context(|| format!("servizio.riposo_s: «{s}»"))?),
    };
    con_diario(conf.log.formato.clone())?.block_on(async {
        let store = apri(&dove).await?;
        let ascolto = ascolta(&listen).await?;
        let con_indirizzo = conf.url_pubblico().is_some();
        let url = conf.url_pubblico().unwrap_or(format!("http://{}", ascolto.local_addr()?));
        let posta = crate::ancore::posta(conf.ancore.posta, &cartella, if con_indirizzo { &url } else { "" })?;
        let ancore = chiave("ANCORE__CARTELLA", conf.ancore.cartella).map(PathBuf::from);
        let ancore = Ancore::in_cartella(ancore).e_per_posta(posta);
        let s =
            con_testimoni(Servizio::nuovo(store, &url).ancorato(ancore), &o.testimoni, conf.testimoni, con_indirizzo)?
                .con_sola_lettura(sola_lettura)
                .che_riposa(riposo);
        println!("url={url}");
        servi(ascolto, Arc::new(s)).await
    })
}

pub fn runtime() -> Result<tokio::runtime::Runtime> {
    con_diario(None)
}

/// The runtime, with the journal in the format of the configuration; `PROTOCOLLO_LOG` says what goes into it.
fn con_diario(formato: Option<String>) -> Result<tokio::runtime::Runtime> {
    let formato = chiave("LOG__FORMATO", formato).map_or(Ok(Formato::default()), |f| f.parse());
    let formato = formato.map_err(|e: String| anyhow::anyhow!(e))?;
    let filtro = std::env::var("PROTOCOLLO_LOG").ok();
    tracing::subscriber::set_global_default(diario::scrivano(formato, filtro.as_deref(), std::io::stderr))
        .context("diario")?;
    fili()
}

/// Threads that look often at who has just asked: under a storm one is not left unheard behind all that is ready.
pub fn fili() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_multi_thread().event_interval(11).enable_all().build()?)
}

/// Opens an installation, wherever it is.
pub async fn apri(dove: &Dove) -> Result<Arc<dyn Store>> {
    let orologio = Arc::new(OrologioDiSistema);
    Ok(match &dove.database {
        Some(url) => {
            let custodia = dove.custodia.clone();
            PostgresStore::apri_con(&dove.cartella, url, orologio, Default::default(), custodia).await?
        }
        None => SqliteStore::apri_con(&dove.cartella, orologio, dove.custodia.clone())?,
    })
}

async fn ascolta(indirizzo: &str) -> Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind(indirizzo).await.with_context(|| format!("non si può ascoltare su {indirizzo}"))
}

async fn servi(ascolto: tokio::net::TcpListener, s: Arc<Servizio>) -> Result<u8> {
    if let Some(k) = s.osservatorio.chiave(&*s.store).await? {
        println!("testimone={k}");
    }
    let fine = fine()?;
    println!("pronto");
    std::io::stdout().flush()?;
    servizio::servi(ascolto, s, fine).await?;
    Ok(0)
}

/// Ctrl-C, or the signal of a service manager.
/// Heard from now on, so that who is told to stop as soon as it says that it is ready ends as it should.
#[cfg(unix)]
fn fine() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut termina, mut interrompi) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = termina.recv() => {}, _ = interrompi.recv() => {} }
    })
}

#[cfg(not(unix))]
fn fine() -> Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
