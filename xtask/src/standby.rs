//! A standby takes over under load (R-N04, R-N05): a synchronous one loses nothing that was acknowledged and the service goes on
//! by itself; one that was behind is refused by the service that
//! knows better, and opens an epoch.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::ambiente::leggi;
use crate::crash::{cliente_di, seme_di_adesso};
use crate::folla::{Folla, servito};
use crate::postgres::Postgres;
use crate::servizio::Servizio;

/// The standby's name.
const NOME: &str = "secondo";
/// How long it keeps silent before the primary falls.
const SILENZIO: Duration = Duration::from_secs(2);
/// Acknowledged before the fall, and after it.
const PRIMA: usize = 150;
const DOPO: usize = 100;

/// Runs it.
pub fn standby(binario: &Path) -> Result<()> {
    sincrono(binario).context("synchronous standby")?;
    asincrono(binario).context("asynchronous standby")
}

/// `verifica` of what is in a database.
pub fn verifica(binario: &Path, archivio: &Path, url: &str) -> Result<String> {
    let mut comando = Command::new(binario);
    leggi(comando.args(["verifica", "--archivio"]).arg(archivio).args(["--database", url]))
}

fn sincrono(binario: &Path) -> Result<()> {
    let seme = seme_di_adesso();
    let cartella = tempfile::Builder::new().prefix("protocollo-standby-").tempdir()?;
    let archivio = cartella.path().join("archivio");
    // By its own default the server would not wait for the standby: we ask it to.
    let mut primario = Postgres::avvia(&["synchronous_commit=local"])?;
    let secondo = primario.seguace(&["cluster_name=secondo", "wal_receiver_timeout=5s"])?;
    primario.chiedi(&format!("ALTER SYSTEM SET synchronous_standby_names = '{NOME}'"))?;
    primario.chiedi("SELECT pg_reload_conf()")?;
    primario.attendi("SELECT sync_state FROM pg_stat_replication WHERE application_name = 'secondo'", "sync")?;
    let url = primario.url_con(&secondo);
    let (servizio, cliente, classificazione) = servito(binario, &archivio, &url)?;

    let folla = Folla::avvia(&cliente, &classificazione, seme, 1);
    folla.altre(PRIMA)?;
    secondo.gela(true)?;
    // What it had said before is still on its way to clients.
    thread::sleep(SILENZIO / 2);
    let ferme = folla.quante();
    thread::sleep(SILENZIO / 2);
    let dopo = folla.quante();
    if dopo != ferme {
        bail!("{} registrations were acknowledged that the standby has not on its disk", dopo - ferme);
    }
    primario.uccidi()?;
    let caduto = Instant::now();
    secondo.gela(false)?;
    secondo.promuovi()?;
    folla.altre(1).context("after the standby took over")?;
    let ripreso = caduto.elapsed();
    folla.altre(DOPO)?;
    let detto = folla.ferma()?;
    detto.c_e_tutto(&cliente, &classificazione, seme)?;
    servizio.ferma()?;
    verifica(binario, &archivio, &url)?;
    println!(
        "synchronous standby: {} registrations acknowledged ({ferme} before the fall), all there, numbers 1…{} without gap; \
         none acknowledged while the standby kept silent; the service registered again {} ms after the fall",
        detto.quando.len(),
        detto.massimo().1,
        ripreso.as_millis()
    );
    Ok(())
}

/// One that was behind: what it lacks is lost, and not given again.
fn asincrono(binario: &Path) -> Result<()> {
    let seme = seme_di_adesso();
    let cartella = tempfile::Builder::new().prefix("protocollo-standby-").tempdir()?;
    let archivio = cartella.path().join("archivio");
    let mut primario = Postgres::avvia(&[])?;
    let mut secondo = primario.seguace(&[])?;
    primario.attendi("SELECT state FROM pg_stat_replication", "streaming")?;
    let url = primario.url_con(&secondo);
    let (servizio, cliente, classificazione) = servito(binario, &archivio, &url)?;

    let folla = Folla::avvia(&cliente, &classificazione, seme, 1);
    folla.altre(PRIMA)?;
    secondo.uccidi()?;
    folla.altre(DOPO)?;
    primario.uccidi()?;
    secondo.riavvia()?;
    secondo.promuovi()?;
    thread::sleep(SILENZIO / 2);
    let ferme = folla.quante();
    thread::sleep(SILENZIO * 2);
    if folla.quante() != ferme {
        bail!("the service went on where numbers that it gave are lost");
    }
    let detto = folla.ferma()?;
    servizio.uccidi()?;
    verifica(binario, &archivio, &url)?;
    let (anno, massimo) = detto.massimo();
    let ultimo: u64 = secondo.chiedi(&format!("SELECT max(ultimo) FROM contatore WHERE anno = {anno}"))?.parse()?;
    if ultimo >= massimo {
        bail!("nothing was lost: nothing is proved");
    }
    let mut epoca = Command::new(binario);
    // By its configuration: no address, and no password, among the arguments.
    let config = cartella.path().join("protocollo.toml");
    let blob = archivio.display();
    std::fs::write(&config, format!("[database]\nurl = \"{url}\"\n[blob]\nurl = \"file:{blob}\"\n"))?;
    epoca.args(["epoca", "--config"]).arg(&config);
    epoca.args([
        "--numeri-dati",
        &format!("PG/{anno}={massimo}"),
        "--operatore",
        "anna.rossi",
        "--motivo",
        "Primario perduto",
    ]);
    leggi(&mut epoca)?;
    let servizio = Servizio::avvia_su(binario, &archivio, Some(&url), 0)?;
    let folla = Folla::avvia(&cliente_di(&servizio)?, &classificazione, seme, 1_000_000);
    folla.altre(DOPO / 2)?;
    let nuove = folla.ferma()?;
    let primo = nuove.quando.iter().map(|q| q.2.1).min().unwrap_or_default();
    if primo != massimo + 1 {
        bail!("after the epoch numbers begin at {primo}, {} was expected", massimo + 1);
    }
    servizio.ferma()?;
    verifica(binario, &archivio, &url)?;
    println!(
        "asynchronous standby: {massimo} numbers given, it had {ultimo}; the service refused to go on, the epoch declared {}…{massimo} \
         lost, new numbers from {primo}",
        ultimo + 1
    );
    Ok(())
}
