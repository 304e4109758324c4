//! The configuration, and where an installation is: from a file, from the environment, from the options of a verb.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use archivio::Store;
use archivio::file::Custodia;
use archivio::file::s3::Secchio;
use archivio::orologio::OrologioDiSistema;
use archivio::postgres::PostgresStore;
use archivio::sqlite::SqliteStore;
use archivio::sqlite::copia::Luogo;
use clap::Args;
use serde::Deserialize;
use servizio::copie::Luoghi;
use servizio::diario::{self, Formato};
use servizio::esami::fiducia::{Custode, Luoghi as Fiducia};
use servizio::esami::{self, Esami};
use servizio::sigilli::fornitore::Ammessi;
use servizio::sola_lettura;

/// The configuration file (contract § 1).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configurazione {
    #[serde(default)]
    pub database: Database,
    #[serde(default)]
    pub blob: Blob,
    #[serde(default)]
    pub chiave: ChiaveConf,
    #[serde(default)]
    pub servizio: ServizioConf,
    #[serde(default)]
    pub ancore: AncoreConf,
    #[serde(default)]
    pub testimoni: TestimoniConf,
    #[serde(default)]
    pub copie: CopieConf,
    #[serde(default)]
    pub log: LogConf,
    #[serde(default)]
    pub sigillo: SigilloConf,
    #[serde(default)]
    pub firme: FirmeConf,
}

/// What is believed of the signatures of files that come in, and how large those that are examined may be.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirmeConf {
    /// European trusted lists (XML), files.
    #[serde(default)]
    pub elenchi: Vec<String>,
    /// Folder of certificates (PEM or DER) chosen by hand.
    pub ancore: Option<PathBuf>,
    /// Folder of certificate revocation lists (PEM or DER).
    pub revoche: Option<PathBuf>,
    /// Largest file that is examined, MiB; at most 256.
    pub mib_max: Option<u64>,
}

/// What enti may use to seal, beyond a file: they say with which of these, nobody else may name a library or an address.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SigilloConf {
    /// PKCS#11 devices, each as «IPA LIBRERIA TOKEN».
    #[serde(default)]
    pub moduli: Vec<String>,
    /// Addresses of CSC providers, and of who gives their tokens.
    #[serde(default)]
    pub indirizzi: Vec<String>,
}

impl SigilloConf {
    /// What it lets enti use; the environment comes before the file.
    pub fn ammessi(self) -> Result<Ammessi> {
        Ok(Ammessi {
            moduli: elenco("SIGILLO__MODULI", self.moduli, &[])
                .iter()
                .map(|t| t.parse().map_err(|e: String| anyhow::anyhow!("sigillo.moduli, «{t}»: {e}")))
                .collect::<Result<_>>()?,
            indirizzi: elenco("SIGILLO__INDIRIZZI", self.indirizzi, &[]),
        })
    }
}

/// The copies that `backup` makes, for who sees and tries them from a page.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopieConf {
    /// Their place, as in `backup --out`.
    pub cartella: Option<String>,
    /// Where one is restored to be tried: room for a whole ente.
    pub temporanea: Option<PathBuf>,
    /// The identity that opens those that are encrypted.
    pub identita: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConf {
    /// `testo` or `json`.
    pub formato: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestimoniConf {
    /// Witnesses to ask, each as «VKEY URL».
    #[serde(default)]
    pub interpella: Vec<String>,
    /// Keys of the logs to watch.
    #[serde(default)]
    pub osserva: Vec<String>,
    /// Name of this installation as a witness, given once; made from the public address when absent.
    pub nome: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AncoreConf {
    /// Folder, kept by somebody else, where signed checkpoints are put each minute.
    pub cartella: Option<String>,
    /// Mail, to addresses that somebody else keeps.
    pub posta: Option<crate::ancore::PostaConf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// `sqlite:CARTELLA`, or `postgres://…`.
    pub url: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blob {
    /// `file:CARTELLA`: where documents are, and the installation's key, when the register is in a database; or
    /// `s3://bucket/prefisso`, with credentials from the environment.
    pub url: Option<String>,
    /// The folder of what is of this machine only, when documents are in S3.
    pub lavoro: Option<PathBuf>,
    /// Are the files of new enti encrypted? They are, unless it says no.
    pub cifra: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChiaveConf {
    /// Where the installation's key is, when it is not beside the data.
    pub file: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServizioConf {
    pub listen: Option<String>,
    pub url_pubblico: Option<String>,
    /// Nothing is registered as long as the service runs.
    pub sola_lettura: Option<bool>,
    /// Enti for which nobody asked for so many seconds are closed.
    pub riposo_s: Option<u64>,
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
    /// The installation's key.
    pub fn chiave(&self) -> PathBuf {
        self.custodia.percorso_chiave(&self.cartella)
    }

    /// All in a folder.
    pub fn in_cartella(cartella: &Path) -> Self {
        Self { cartella: cartella.to_owned(), database: None, custodia: Custodia::default() }
    }
}

/// Is this the address of a PostgreSQL database?
pub fn di_postgres(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Where an installation is, as verbs ask it.
#[derive(Debug, Args)]
pub struct Posto {
    /// Cartella dell'archivio; con un database, quella dei documenti e della chiave.
    #[arg(long, required_unless_present = "config")]
    archivio: Option<PathBuf>,
    /// Il database (postgres://…) in cui è il registro, se non è nella cartella.
    #[arg(long, value_name = "URL", requires = "archivio")]
    database: Option<String>,
    /// File di configurazione TOML, al posto di --archivio.
    #[arg(long, conflicts_with = "archivio")]
    config: Option<PathBuf>,
}

impl Posto {
    /// What enti may seal with, beyond files.
    pub fn ammessi(&self) -> Result<Ammessi> {
        Configurazione::leggi(self.config.as_deref())?.sigillo.ammessi()
    }

    /// What it says, with what is configured.
    pub fn dove(&self) -> Result<Dove> {
        let mut dove = Configurazione::leggi(self.config.as_deref())?.dove(self.archivio.as_deref())?;
        dove.database = self.database.clone().or(dove.database);
        Ok(dove)
    }

    /// Why nothing may be written there now, if it may not: as its nodes would say.
    pub fn sola_lettura(&self, dove: &Dove) -> Result<Option<Arc<str>>> {
        let conf = Configurazione::leggi(self.config.as_deref())?;
        if si("SERVIZIO__SOLA_LETTURA", conf.servizio.sola_lettura, false)? {
            return Ok(Some("così è configurato il servizio".into()));
        }
        sola_lettura::stato(&dove.cartella)
            .with_context(|| format!("non si legge {}", dove.cartella.join(sola_lettura::NOME).display()))
    }
}

/// A bucket, with the credentials of the environment.
pub fn secchio(url: &str) -> Result<Secchio> {
    let ambiente = |nome: &str| std::env::var(nome).ok().filter(|v| !v.is_empty());
    Secchio::da(url, &ambiente).map_err(anyhow::Error::msg)
}

/// A place of copies: a folder, or `s3://bucket/prefisso`.
pub fn luogo(nome: &str) -> Result<Luogo> {
    if nome.starts_with("s3://") {
        return Ok(Luogo::in_secchio(&secchio(nome)?)?);
    }
    Ok(Luogo::from(Path::new(nome)))
}

/// One key of the configuration: the environment comes before the file.
pub fn chiave(nome: &str, file: Option<String>) -> Option<String> {
    std::env::var(format!("PROTOCOLLO_{nome}")).ok().or(file)
}

/// A key that is yes or no, and is this when nobody says.
pub fn si(nome: &str, file: Option<bool>, altrimenti: bool) -> Result<bool> {
    match std::env::var(format!("PROTOCOLLO_{nome}")).ok().as_deref().map(str::trim) {
        None | Some("") => Ok(file.unwrap_or(altrimenti)),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(altro) => bail!("PROTOCOLLO_{nome}: «{altro}» non è previsto; usare true o false"),
    }
}

/// A key that is a list: in the environment one a line, or between semicolons.
pub fn elenco(nome: &str, file: Vec<String>, opzioni: &[String]) -> Vec<String> {
    let ambiente = std::env::var(format!("PROTOCOLLO_{nome}")).ok();
    let conf = ambiente.map_or(file, |t| t.split(['\n', ';']).map(str::to_owned).collect());
    conf.iter().chain(opzioni).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).collect()
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
        let cifra = si("BLOB__CIFRA", self.blob.cifra, true)?;
        let file = std::env::var_os("PROTOCOLLO_CHIAVE__FILE").map(PathBuf::from).or(self.chiave.file.clone());
        let blob = chiave("BLOB__URL", self.blob.url.clone()).filter(|b| b.starts_with("s3://"));
        let s3 = blob.map(|b| secchio(&b).context("blob.url")).transpose()?;
        Ok(Custodia { cifra, chiave: file, s3 })
    }

    /// Where copies are, and drills are made, of an installation in this folder; nothing when nobody says.
    pub fn copie(&self, installazione: &Path) -> Result<Option<Luoghi>> {
        let percorso = |nome: &str, file: &Option<PathBuf>| {
            std::env::var_os(nome).map(PathBuf::from).or(file.clone()).filter(|p| !p.as_os_str().is_empty())
        };
        let Some(cartella) = chiave("COPIE__CARTELLA", self.copie.cartella.clone()).filter(|c| !c.is_empty()) else {
            return Ok(None);
        };
        Ok(Some(Luoghi {
            cartella: luogo(&cartella).context("copie.cartella")?,
            prove: installazione.join("prove-ripristino"),
            temporanea: percorso("PROTOCOLLO_COPIE__TEMPORANEA", &self.copie.temporanea),
            identita: percorso("PROTOCOLLO_COPIE__IDENTITA", &self.copie.identita),
        }))
    }

    /// How signatures of files are examined.
    pub fn firme(&self) -> Result<Esami> {
        let cartella = |nome: &str, file: &Option<PathBuf>| {
            let c = std::env::var_os(nome).map(PathBuf::from).or(file.clone());
            c.filter(|p| !p.as_os_str().is_empty())
        };
        let luoghi = Fiducia {
            elenchi: elenco("FIRME__ELENCHI", self.firme.elenchi.clone(), &[]).into_iter().map(PathBuf::from).collect(),
            ancore: cartella("PROTOCOLLO_FIRME__ANCORE", &self.firme.ancore),
            revoche: cartella("PROTOCOLLO_FIRME__REVOCHE", &self.firme.revoche),
        };
        let byte_max = match chiave("FIRME__MIB_MAX", self.firme.mib_max.map(|m| m.to_string())) {
            None => esami::BYTE_MAX,
            Some(m) => match m.trim().parse::<u64>() {
                Ok(n) if (1..=256).contains(&n) => n << 20,
                _ => bail!("firme.mib_max: «{m}» non è previsto; usare un numero da 1 a 256"),
            },
        };
        let custode = Custode::apri(luoghi).map_err(|e| anyhow::anyhow!("firme: {e}"))?;
        Ok(Esami::con(custode, byte_max))
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

/// The runtime of a verb that serves nobody.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    con_diario(None)
}

/// The runtime, with the journal in the format of the configuration; `PROTOCOLLO_LOG` says what goes into it.
pub fn con_diario(formato: Option<String>) -> Result<tokio::runtime::Runtime> {
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
