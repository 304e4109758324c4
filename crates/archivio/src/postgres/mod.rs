//! The store on PostgreSQL: every ente in one schema, several processes on one database.
//!
//! Each ente has its writer in each process; whoever commits holds the row of the ente, so that numbers, indices and
//! instants have one author at a time. Sessions are bound to one ente, and row-level security shows nothing else: the
//! roles under which we read and write own no table.

mod accessi;
mod attese;
mod base;
mod copia;
mod db;
mod dialetto;
mod filo;
mod orologio;
mod parole;
mod schema;
pub mod soglia;
mod turni;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use catena::nota::FirmaNota;
use catena::testimone::{Richiesta, Rifiuto as RifiutoTestimone};
use catena::{ChiavePubblica, Testimone};
use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, Timeouts};
use dominio::codici::CodiceIpa;
use dominio::tempo::Orologio;
use futures_util::future::join_all;
use tokio_postgres::{Client, NoTls};

use crate::accessi::Accessi;
use crate::aperti::{Aperti, Chi, Riposo};
use crate::chiavi::ChiaveInstallazione;
use crate::ente::Ente;
use crate::file::{Custodia, crea_cartella};
use crate::installazione::{self, nome_di};
use crate::misure::{MisuraPool, MisureEnte};
use crate::motore::{Db, Lettura, Motore};
use crate::store::{EnteStore, Errore, Esito, NuovoEnte, Store, Verifica};
use crate::{INSTALLAZIONE, verifica_in};
use base::BasePg;
use db::{Sessione, errore};
use filo::{Filo, Presa};
use orologio::OrologioDelDatabase;

/// Connections of those who write, and of those who read, of one process.
const SCRITTURE: usize = 12;
const LETTURE: usize = 8;
/// Connections of those who read that one ente may hold at once: others find theirs.
const LETTURE_DI_UNO: usize = 3;
/// How long a connection may say nothing when something was asked of it.
const SILENZIO: Duration = Duration::from_secs(20);
/// How often it is looked whether another process changed the configuration of an ente that is open here.
const SGUARDO: Duration = Duration::from_secs(1);
/// How long a connection is waited for.
const ATTESA: Duration = Duration::from_secs(5);

/// How the database is used.
#[derive(Debug, Clone, Copy)]
pub struct Opzioni {
    /// Instants come from the database's clock, one for all nodes; only tests say no.
    pub tempo_del_database: bool,
}

impl Default for Opzioni {
    fn default() -> Self {
        Self { tempo_del_database: true }
    }
}

/// An installation on a database; files, and the key that wraps the keys, are in a folder.
pub struct PostgresStore {
    radice: PathBuf,
    chiave: ChiaveInstallazione,
    orologio: Arc<OrologioDelDatabase>,
    custodia: Custodia,
    scritture: Pool,
    letture: Pool,
    filo: Arc<Filo>,
    nodo: turni::Nodo,
    aperti: Aperti,
    /// The version of the configuration that each open ente has seen.
    viste: Viste,
    /// What the server does not do, and we need.
    avvisi: Arc<[String]>,
    installazione: Arc<Ente>,
}

type Viste = Mutex<HashMap<CodiceIpa, Arc<AtomicI64>>>;

fn senza_connessione(e: &PoolError) -> Errore {
    match e {
        PoolError::Timeout(_) => Errore::Archivio("nessuna connessione libera con il database".to_owned()),
        PoolError::Backend(e) => Errore::Archivio(format!("il database non risponde ({e})")),
        altro => Errore::Archivio(format!("il database non risponde ({altro})")),
    }
}

fn pool(config: &tokio_postgres::Config, ruolo: &'static str, quante: usize) -> Esito<Pool> {
    let manager =
        Manager::from_config(config.clone(), NoTls, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let attesa = Some(ATTESA);
    Pool::builder(manager)
        .max_size(quante)
        .runtime(Runtime::Tokio1)
        .timeouts(Timeouts { wait: attesa, create: attesa, recycle: attesa })
        .post_create(Hook::async_fn(move |c, _| {
            Box::pin(async move {
                // One that froze with the lock of an ente in its hand does not keep it for ever.
                let sql = format!("SET ROLE {ruolo}; SET idle_in_transaction_session_timeout = '60s'");
                c.batch_execute(&sql).await.map_err(HookError::Backend)?;
                // What is acknowledged is on disk, whatever the server's default; `remote_apply` and others stay.
                let sql = "SELECT set_config('synchronous_commit', 'on', false)
                           WHERE current_setting('synchronous_commit') IN ('off', 'local')";
                c.batch_execute(sql).await.map_err(HookError::Backend)
            })
        }))
        .build()
        .map_err(|e| Errore::Archivio(e.to_string()))
}

impl PostgresStore {
    /// As [`Self::apri_con`], with files in the folder.
    ///
    /// # Errors
    /// As there.
    pub async fn apri(radice: &Path, url: &str, orologio: Arc<dyn Orologio>, o: Opzioni) -> Esito<Arc<Self>> {
        Self::apri_con(radice, url, orologio, o, Custodia::default()).await
    }

    /// Opens or creates the installation: `url` says which database (`postgres://…` or `host=… dbname=…`), `radice` is the
    /// folder of files and of the installation's key.
    ///
    /// # Errors
    /// The address is wrong, the database does not answer or is of a later version, the folder cannot be used.
    pub async fn apri_con(
        radice: &Path,
        url: &str,
        orologio: Arc<dyn Orologio>,
        o: Opzioni,
        custodia: Custodia,
    ) -> Esito<Arc<Self>> {
        let (filo, config) = connetti(url).await?;
        crea_cartella(&radice.join("enti"))?;
        let scritture = pool(&config, "protocollo_scrittore", SCRITTURE)?;
        let letture = pool(&config, "protocollo_lettore", LETTURE)?;
        let avvisi = avvisi(&filo, &letture).await?;
        let percorso = custodia.percorso_chiave(radice);
        if !percorso.exists() && ha_enti(&filo, &letture).await? {
            // A new one would open nothing of what is there.
            let m = format!(
                "il database ha già un'installazione e la sua chiave non è in {}: va copiata da dov'è",
                percorso.display()
            );
            return Err(Errore::Archivio(m));
        }
        let chiave = ChiaveInstallazione::apri(&percorso)?;
        // `verifica` finds it wherever it makes its copy.
        let custodia = Custodia { chiave: Some(percorso), ..custodia };
        let orologio = OrologioDelDatabase::nuovo(orologio, o.tempo_del_database);
        let ipa = installazione::codice()?;
        let n =
            numero(&filo, &scritture, &ipa, true).await?.ok_or_else(|| Errore::Incoerente(INSTALLAZIONE.to_owned()))?;
        let installazione = {
            let (radice, chiave, orologio) = (radice.to_owned(), chiave.clone(), Arc::clone(&orologio));
            let (scritture, letture, filo) = (scritture.clone(), letture.clone(), Arc::clone(&filo));
            let (avvisi, custodia) = (Arc::clone(&avvisi), custodia.clone());
            crate::file::in_disparte(move || {
                let cartella = radice.join(INSTALLAZIONE);
                apri_ente(
                    &cartella,
                    &ipa,
                    n,
                    chiave,
                    orologio,
                    scritture,
                    letture,
                    filo,
                    Arc::default(),
                    avvisi,
                    &custodia,
                )
            })
            .await?
        };
        let store = Arc::new(Self {
            radice: radice.to_owned(),
            chiave,
            orologio,
            custodia,
            scritture,
            letture,
            filo,
            nodo: turni::Nodo::nuovo()?,
            aperti: Aperti::default(),
            viste: Mutex::default(),
            avvisi,
            installazione,
        });
        tokio::spawn(guarda(Arc::downgrade(&store)));
        Ok(store)
    }

    /// Every ente, and the installation itself, as folders of SQLite under another: the databases as of one instant each, not
    /// the files. Says which folders, with the names they have in either.
    ///
    /// # Errors
    /// The server's, or the folder is not empty.
    pub async fn esporta(&self, in_cartella: &Path) -> Esito<Vec<PathBuf>> {
        let mut fatte = Vec::new();
        for ipa in self.enti().await?.into_iter().chain([installazione::codice()?]) {
            let Some(n) = numero(&self.filo, &self.scritture, &ipa, false).await? else { continue };
            let nome = nome_di(&ipa);
            let (filo, pool, dove) = (Arc::clone(&self.filo), self.letture.clone(), in_cartella.join(&nome));
            crate::file::in_disparte(move || copia::in_sqlite(&filo, &pool, n, &dove)).await?;
            fatte.push(nome);
        }
        Ok(fatte)
    }

    /// Takes in enti, or the installation itself, from folders of SQLite that nobody has open; not their files. Nothing of them
    /// may be in the database yet; `avanza` is told which is next.
    ///
    /// # Errors
    /// The server's, 409 when an ente is here, or what a folder holds cannot be read.
    pub async fn importa(url: &str, enti: &[(CodiceIpa, PathBuf)], avanza: &(dyn Fn(&CodiceIpa) + Sync)) -> Esito<()> {
        let (filo, config) = connetti(url).await?;
        let pool = pool(&config, "protocollo_scrittore", 1)?;
        for (ipa, cartella) in enti {
            avanza(ipa);
            let n = numero(&filo, &pool, ipa, true).await?.ok_or_else(|| Errore::Incoerente(ipa.to_string()))?;
            let (filo, pool, cartella) = (Arc::clone(&filo), pool.clone(), cartella.clone());
            crate::file::in_disparte(move || copia::da_sqlite(&filo, &pool, n, &cartella)).await?;
        }
        Ok(())
    }

    /// Whoever has an ente open hears what others changed: people, rights, offices.
    async fn aggiorna(&self) -> Esito<()> {
        let c = connessione(&self.filo, &self.letture).await?;
        let righe = c.query("SELECT ipa, configurazione FROM ente", &[]).await.map_err(errore)?;
        c.pulita();
        drop(c);
        let mut cambiati = Vec::new();
        for r in &righe {
            let (ipa, versione): (&str, i64) = (r.try_get(0).map_err(errore)?, r.try_get(1).map_err(errore)?);
            let Ok(ipa) = ipa.parse::<CodiceIpa>() else { continue };
            let vista = self.viste.lock().unwrap_or_else(PoisonError::into_inner).get(&ipa).cloned();
            if vista.is_some_and(|v| v.load(Ordering::Relaxed) != versione) {
                cambiati.extend(self.aperti.gia_aperto(&ipa, Chi::Guarda));
            }
        }
        // Together: one that is stuck keeps nothing from the others.
        let esiti = join_all(cambiati.iter().map(|e| async move { (e.ipa(), e.aggiorna().await) })).await;
        for (ipa, esito) in esiti {
            if let Err(e) = esito {
                tracing::warn!(ente = %ipa, errore = %e, "la configurazione cambiata da altri non si rilegge");
            }
        }
        Ok(())
    }

    /// The installation's own log, recomputed.
    ///
    /// # Errors
    /// The server's.
    pub async fn verifica_installazione(&self) -> Esito<Verifica> {
        self.installazione.verifica(&|_| {}).await
    }

    async fn apri_ente(&self, ipa: &CodiceIpa, crea: bool, chi: Chi) -> Esito<Option<Arc<Ente>>> {
        if let Some(e) = self.aperti.gia_aperto(ipa, chi) {
            return Ok(Some(e));
        }
        let Some(n) = numero(&self.filo, &self.scritture, ipa, crea).await? else { return Ok(None) };
        let cartella = self.radice.join(nome_di(ipa));
        let (chiave, orologio, avvisi) = (self.chiave.clone(), Arc::clone(&self.orologio), Arc::clone(&self.avvisi));
        let (scritture, letture, filo) = (self.scritture.clone(), self.letture.clone(), Arc::clone(&self.filo));
        let vista =
            Arc::clone(self.viste.lock().unwrap_or_else(PoisonError::into_inner).entry(ipa.clone()).or_default());
        tokio::task::block_in_place(|| {
            self.aperti.apri(ipa, chi, || {
                apri_ente(&cartella, ipa, n, chiave, orologio, scritture, letture, filo, vista, avvisi, &self.custodia)
            })
        })
        .map(Some)
    }

    async fn trova(&self, ipa: &CodiceIpa, chi: Chi) -> Esito<Option<Arc<dyn EnteStore>>> {
        if ipa.as_str() == INSTALLAZIONE {
            return Ok(None);
        }
        let e = self.apri_ente(ipa, false, chi).await?;
        // One without its first operation is an activation that did not finish: it is not an ente.
        Ok(e.filter(|e| e.configurazione().ente.is_some()).map(|e| e as Arc<dyn EnteStore>))
    }

    /// Which version the database has of each ente: another after each write, on whatever node.
    async fn versioni(&self) -> Esito<HashMap<CodiceIpa, i64>> {
        let c = connessione(&self.filo, &self.letture).await?;
        let righe = c.query("SELECT ipa, versione FROM ente", &[]).await.map_err(errore)?;
        c.pulita();
        let mut out = HashMap::new();
        for r in &righe {
            let (ipa, versione): (&str, i64) = (r.try_get(0).map_err(errore)?, r.try_get(1).map_err(errore)?);
            if let Ok(ipa) = ipa.parse() {
                out.insert(ipa, versione);
            }
        }
        Ok(out)
    }

    async fn versione(&self, ipa: &CodiceIpa) -> Esito<i64> {
        let c = connessione(&self.filo, &self.letture).await?;
        let r = c.query_one("SELECT versione FROM ente WHERE ipa = $1", &[&ipa.as_str()]).await.map_err(errore)?;
        c.pulita();
        r.try_get(0).map_err(errore)
    }
}

/// Looks now and then, as long as the store is there.
async fn guarda(store: Weak<PostgresStore>) {
    loop {
        tokio::time::sleep(SGUARDO).await;
        let Some(s) = store.upgrade() else { return };
        if s.aperti.nessuno() {
            continue;
        }
        if let Err(e) = s.aggiorna().await {
            tracing::warn!(errore = %e, "non si sa se altri hanno cambiato la configurazione");
        }
    }
}

/// How the database of an address is reached.
fn configurazione(url: &str) -> Esito<tokio_postgres::Config> {
    let mut config: tokio_postgres::Config = url
        .parse()
        .map_err(|e: tokio_postgres::Error| Errore::Archivio(format!("l'indirizzo del database è sbagliato: {e}")))?;
    // Of several servers, one that is gone without a word leaves time for the next.
    let quanti = u32::try_from(config.get_hosts().len()).unwrap_or(1).max(1);
    config.application_name("protocollo").connect_timeout(ATTESA / (quanti + u32::from(quanti > 1)));
    // A server that went silent without a word is noticed before who waits gives up.
    config.keepalives_idle(SILENZIO).tcp_user_timeout(SILENZIO);
    config.target_session_attrs(tokio_postgres::config::TargetSessionAttrs::ReadWrite);
    cifrata_o_vicina(&config)?;
    Ok(config)
}

/// Does something with a connection of its own.
async fn con<T: Send + 'static, F: Future<Output = Esito<T>> + Send + 'static>(
    filo: &Filo,
    config: tokio_postgres::Config,
    fa: impl FnOnce(Arc<Client>) -> F + Send + 'static,
) -> Esito<T> {
    filo.qui(async move {
        let (c, connessione) = config.connect(NoTls).await.map_err(errore)?;
        tokio::spawn(connessione);
        fa(Arc::new(c)).await
    })
    .await?
}

/// The database of an address, with its schema up to date.
async fn connetti(url: &str) -> Esito<(Arc<Filo>, tokio_postgres::Config)> {
    let (config, filo) = (configurazione(url)?, Arc::new(Filo::nuovo()?));
    con(&filo, config.clone(), |c| async move { schema::migra(&c).await }).await?;
    Ok((filo, config))
}

/// Nothing goes in clear over a network, unless who runs it says that it may.
fn cifrata_o_vicina(config: &tokio_postgres::Config) -> Esito<()> {
    use tokio_postgres::config::{Host, SslMode};
    let vicino = |h: &Host| match h {
        Host::Tcp(n) => n == "localhost" || n.parse::<std::net::IpAddr>().is_ok_and(|i| i.is_loopback()),
        Host::Unix(_) => true,
    };
    if config.get_ssl_mode() == SslMode::Disable || config.get_hosts().iter().all(vicino) {
        return Ok(());
    }
    Err(Errore::Archivio(
        "la connessione con il database non sarebbe cifrata: su una rete protetta aggiungere sslmode=disable all'indirizzo".to_owned(),
    ))
}

/// Has any process this database open, to serve it?
///
/// # Errors
/// The address is wrong, or the database does not answer.
pub async fn in_uso(url: &str) -> Esito<bool> {
    let mut config = configurazione(url)?;
    config.application_name("protocollo, chi guarda");
    con(&Filo::nuovo()?, config, |c| async move {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND application_name = 'protocollo'";
        let quanti: i64 = c.query_one(sql, &[]).await.map_err(errore)?.try_get(0).map_err(errore)?;
        Ok(quanti > 0)
    })
    .await
}

/// A connection, from a task.
async fn connessione(filo: &Filo, pool: &Pool) -> Esito<Presa> {
    let pool = pool.clone();
    filo.qui(async move { Presa::da(&pool).await }).await?
}

/// What an acknowledged commit cannot do without, and this server does not do.
async fn avvisi(filo: &Filo, pool: &Pool) -> Esito<Arc<[String]>> {
    let c = connessione(filo, pool).await?;
    let sql = "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting <> 'on' ORDER BY 1";
    let spente = c.query(sql, &[]).await.map_err(errore)?;
    c.pulita();
    spente
        .iter()
        .map(|r| {
            let nome: &str = r.try_get(0).map_err(errore)?;
            Ok(format!("il server PostgreSQL ha {nome} spento: ciò che conferma può andare perduto"))
        })
        .collect()
}

/// Does the database serve somebody already?
async fn ha_enti(filo: &Filo, pool: &Pool) -> Esito<bool> {
    let c = connessione(filo, pool).await?;
    let r = c.query_opt("SELECT 1 FROM ente LIMIT 1", &[]).await.map_err(errore)?;
    c.pulita();
    Ok(r.is_some())
}

/// The number of an ente in the database.
async fn numero(filo: &Filo, pool: &Pool, ipa: &CodiceIpa, crea: bool) -> Esito<Option<i32>> {
    let c = connessione(filo, pool).await?;
    let ipa = ipa.as_str();
    if crea {
        let sql = "INSERT INTO ente(ipa) VALUES ($1) ON CONFLICT DO NOTHING";
        c.execute(sql, &[&ipa]).await.map_err(errore)?;
    }
    let r = c.query_opt("SELECT n FROM ente WHERE ipa = $1", &[&ipa]).await.map_err(errore)?;
    c.pulita();
    r.map(|r| r.try_get(0).map_err(errore)).transpose()
}

#[expect(clippy::too_many_arguments, reason = "all that an ente is made of")]
fn apri_ente(
    cartella: &Path,
    ipa: &CodiceIpa,
    n: i32,
    chiave: ChiaveInstallazione,
    orologio: Arc<OrologioDelDatabase>,
    scritture: Pool,
    letture: Pool,
    filo: Arc<Filo>,
    vista: Arc<AtomicI64>,
    avvisi: Arc<[String]>,
    custodia: &Custodia,
) -> Esito<Arc<Ente>> {
    crea_cartella(cartella)?;
    copia::spazza(cartella);
    let base = BasePg::nuova(scritture.clone(), Arc::clone(&filo), n, Arc::clone(&orologio), vista);
    let accessi = Accessi::nuovi(Arc::new(accessi::AccessiPg { pool: scritture, filo: Arc::clone(&filo), ente: n }));
    let motore = MotorePg { cartella: cartella.to_owned(), pool: letture, filo, ente: n, avvisi };
    Ente::apri(cartella, ipa, chiave, orologio, Box::new(base), Arc::new(motore), accessi, custodia)
}

/// An ente's side of the database that is not the writer's.
struct MotorePg {
    cartella: PathBuf,
    pool: Pool,
    filo: Arc<Filo>,
    ente: i32,
    avvisi: Arc<[String]>,
}

#[async_trait]
impl Motore for MotorePg {
    async fn lettura(&self) -> Esito<Box<dyn Lettura>> {
        let client = connessione(&self.filo, &self.pool).await?;
        Ok(Box::new(LetturaPg { sessione: Sessione::nuova(Arc::clone(&self.filo), client), ente: self.ente }))
    }

    fn letture_insieme(&self) -> usize {
        LETTURE_DI_UNO
    }

    fn condiviso(&self) -> bool {
        true
    }

    fn chiudi(&self) {}

    fn verifica(&self, custodia: Custodia) -> Esito<Verifica> {
        let copia = copia::provvisoria(&self.filo, &self.pool, self.ente, &self.cartella)?;
        verifica_in(copia.cartella(), custodia)
    }

    fn avvisi(&self) -> Vec<String> {
        self.avvisi.to_vec()
    }
}

struct LetturaPg {
    sessione: Sessione,
    ente: i32,
}

impl Lettura for LetturaPg {
    fn con(self: Box<Self>, f: &mut dyn FnMut(&dyn Db) -> Esito<()>) -> Esito<()> {
        let Self { sessione, ente } = *self;
        let esito = sessione.inizia(ente, true).and_then(|()| f(&sessione));
        // One that met an error of the storage may go on meeting it.
        if !matches!(esito, Err(Errore::Archivio(_))) {
            sessione.lascia();
        }
        esito
    }
}

#[async_trait]
impl Store for PostgresStore {
    async fn enti(&self) -> Esito<Vec<CodiceIpa>> {
        let c = connessione(&self.filo, &self.letture).await?;
        let sql = "SELECT ipa FROM ente WHERE ipa <> $1 ORDER BY ipa";
        let righe = c.query(sql, &[&INSTALLAZIONE]).await.map_err(errore)?;
        c.pulita();
        righe
            .iter()
            .map(|r| {
                let ipa: &str = r.try_get(0).map_err(errore)?;
                ipa.parse().map_err(|_| Errore::Incoerente(format!("ente {ipa}")))
            })
            .collect()
    }

    async fn ente(&self, ipa: &CodiceIpa) -> Esito<Option<Arc<dyn EnteStore>>> {
        self.trova(ipa, Chi::Chiede).await
    }

    async fn guarda(&self, ipa: &CodiceIpa) -> Esito<Option<Arc<dyn EnteStore>>> {
        self.trova(ipa, Chi::Guarda).await
    }

    async fn riposa(&self, ipa: &CodiceIpa, da: Duration) -> bool {
        let Some(e) = self.aperti.gia_aperto(ipa, Chi::Guarda) else { return false };
        // Before it is looked at: what others write meanwhile shows as new.
        let Ok(versione) = self.versione(ipa).await else { return false };
        let Ok(Some(quiete)) = e.quiete().await else { return false };
        drop(e);
        tokio::task::block_in_place(|| self.aperti.chiudi(ipa, quiete, versione, da))
    }

    async fn invariati(&self) -> Esito<HashSet<CodiceIpa>> {
        let a_riposo = self.aperti.tutti_a_riposo();
        if a_riposo.is_empty() {
            return Ok(HashSet::new());
        }
        let ora = self.versioni().await?;
        Ok(a_riposo.into_iter().filter(|(i, v)| ora.get(i) == Some(v)).map(|(i, _)| i).collect())
    }

    fn a_riposo(&self, ipa: &CodiceIpa) -> Option<Riposo> {
        self.aperti.a_riposo(ipa)
    }

    fn misure_a_riposo(&self) -> Vec<MisureEnte> {
        self.aperti.misure_a_riposo()
    }

    async fn turno(&self, lavoro: &str, durata: Duration) -> Esito<bool> {
        self.nodo.prendi(connessione(&self.filo, &self.scritture).await?, lavoro, durata).await
    }

    async fn lascia_turno(&self, lavoro: &str) -> Esito<()> {
        self.nodo.lascia(connessione(&self.filo, &self.scritture).await?, lavoro).await
    }

    fn aperti(&self) -> Vec<Arc<dyn EnteStore>> {
        self.aperti.tutti()
    }

    fn e_aperto(&self, ipa: &CodiceIpa) -> bool {
        self.aperti.noto(ipa)
    }

    fn pool(&self) -> Vec<MisuraPool> {
        [("scrittura", &self.scritture), ("lettura", &self.letture)]
            .map(|(nome, p)| {
                let s = p.status();
                MisuraPool {
                    nome,
                    in_uso: s.size.saturating_sub(s.available),
                    massimo: s.max_size,
                    in_attesa: s.waiting,
                }
            })
            .to_vec()
    }

    async fn crea_ente(&self, nuovo: NuovoEnte) -> Esito<Arc<dyn EnteStore>> {
        let ipa = nuovo.dati.ipa.clone();
        installazione::si_puo_creare(&ipa)?;
        let e = self.apri_ente(&ipa, true, Chi::Chiede).await?.ok_or_else(|| Errore::Incoerente(ipa.to_string()))?;
        installazione::crea_ente(&self.installazione, &e, nuovo).await?;
        Ok(e)
    }

    async fn chiave_testimone(&self, nome: &str) -> Esito<Testimone> {
        installazione::chiave_testimone(&self.installazione, &self.chiave, nome).await
    }

    async fn cofirma(
        &self,
        r: &Richiesta,
        osservati: &[ChiavePubblica],
    ) -> Esito<std::result::Result<FirmaNota, RifiutoTestimone>> {
        installazione::cofirma(&self.installazione, &self.chiave, r, osservati).await
    }

    async fn osservato(&self, origine: &str) -> Esito<Option<String>> {
        installazione::osservato(&self.installazione, origine).await
    }
}
