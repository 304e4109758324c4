//! `demo` and `serve`: the running service, on a sample archive or on a configured one.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use catena::ChiavePubblica;
use clap::Args;
use servizio::Servizio;
use servizio::ancore::Ancore;
use servizio::sola_lettura::SolaLettura;
use servizio::testimoni::Interpellato;

use crate::campione;
use crate::configurazione::{Configurazione, Dove, TestimoniConf, apri, chiave, con_diario, elenco, runtime, si};

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

/// Runs the demo until it is stopped.
pub fn demo(o: &Demo) -> Result<u8> {
    runtime()?.block_on(async {
        let dove = Dove { database: o.database.clone(), ..Dove::in_cartella(&o.archivio) };
        let store = apri(&dove).await?;
        let c = campione::apri(&*store, &o.archivio, o.registrazioni).await?;
        let ascolto = ascolta(&o.listen).await?;
        let url = format!("http://{}", ascolto.local_addr()?);
        let s = con_testimoni(Servizio::nuovo(store, &url), &o.testimoni, TestimoniConf::default(), false)?
            .con_sola_lettura(SolaLettura::in_cartella(&o.archivio))
            .con_copie(Configurazione::default().copie(&o.archivio)?);
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
        SolaLettura::in_cartella(&cartella).sempre(si("SERVIZIO__SOLA_LETTURA", conf.servizio.sola_lettura, false)?);
    let listen = o
        .listen
        .clone()
        .or_else(|| chiave("SERVIZIO__LISTEN", conf.servizio.listen.clone()))
        .unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let riposo = match chiave("SERVIZIO__RIPOSO_S", conf.servizio.riposo_s.map(|s| s.to_string())) {
        None => servizio::riposi::DOPO,
        Some(s) => Duration::from_secs(s.trim().parse().with_context(|| format!("servizio.riposo_s: «{s}»"))?),
    };
    let esami = conf.firme()?;
    let copie = conf.copie(&cartella)?;
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
                .che_riposa(riposo)
                .con_copie(copie)
                .che_esamina(esami)
                .che_sigilla(conf.sigillo.ammessi()?);
        println!("url={url}");
        servi(ascolto, Arc::new(s)).await
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
