//! Copies of the register in PostgreSQL, by the scripts of `docs/postgres` (R-N04, R-N05): a base copy under load, WAL put aside, the
//! server lost with its disk, all back, and an epoch so that no number is given twice.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::ambiente::{esegui, leggi, radice, riesce, trovato};
use crate::crash::{cliente_di, seme_di_adesso};
use crate::folla::{Folla, servito};
use crate::postgres::{Postgres, cartella, comando};
use crate::servizio::Servizio;
use crate::standby::verifica;

const SCRIPT: [&str; 3] = ["archivia-wal.sh", "copia-base.sh", "ripristina.sh"];
/// Acknowledged between one thing and the next.
const ALTRE: usize = 60;

/// How many registrations there are, whoever's.
const QUANTE: &str = "SELECT count(*) FROM registrazione";

/// Runs it.
pub fn copie(binario: &Path) -> Result<()> {
    let seme = seme_di_adesso();
    // The server's user has scripts, copies and WAL here.
    let pg = cartella()?;
    for s in SCRIPT {
        let a = pg.path().join(s);
        fs::copy(radice().join("docs/postgres").join(s), &a)?;
        if trovato("shellcheck") {
            esegui(Command::new("shellcheck").arg(a))?;
        }
    }
    let crea = |nome: &str| esegui(comando(Path::new("/bin/mkdir"))?.arg(pg.path().join(nome)));
    crea("wal")?;
    crea("copie")?;
    let wal = pg.path().join("wal");
    let archivia = format!("archive_command=sh {0}/archivia-wal.sh {0}/wal %p %f", pg.path().display());
    let archivio_wal = ["archive_mode=on", "archive_timeout=60", &archivia];
    let mut primo = Postgres::avvia(&archivio_wal)?;

    let lavoro = tempfile::Builder::new().prefix("protocollo-copie-").tempdir()?;
    let archivio = lavoro.path().join("archivio");
    let (servizio, cliente, classificazione) = servito(binario, &archivio, &primo.url())?;
    let folla = Folla::avvia(&cliente, &classificazione, seme, 1);
    folla.altre(ALTRE)?;
    let inizio = Instant::now();
    // Twice: the older one goes, with the WAL that only it needed.
    let copia_base = |altro: &[&str]| {
        let mut c = primo.programma("sh")?;
        c.arg(pg.path().join("copia-base.sh")).arg(pg.path().join("copie")).args(altro);
        leggi(&mut c)
    };
    let prima = una(&copia_base(&[])?, "copia")?;
    let durata = inizio.elapsed();
    folla.altre(ALTRE)?;
    let copia = una(&copia_base(&[&wal.display().to_string(), "1"])?, "copia")?;
    if Path::new(&prima).exists() || prima == copia {
        bail!("the older copy was not taken away");
    }
    folla.altre(ALTRE)?;
    // Of an instant it is known what was acknowledged before it, and what is there after it.
    let almeno = folla.quante();
    let istante = primo.chiedi("SELECT clock_timestamp()")?;
    let al_piu: usize = primo.chiedi(QUANTE)?.parse()?;
    folla.altre(ALTRE)?;
    // What is acknowledged by now is in WAL that is put aside; what comes later may be lost.
    let al_sicuro = folla.quante();
    let pezzo = primo.chiedi("SELECT pg_walfile_name(pg_switch_wal())")?;
    primo.attendi(&format!("SELECT last_archived_wal >= '{pezzo}' FROM pg_stat_archiver"), "t")?;
    folla.altre(ALTRE)?;
    primo.uccidi()?;
    let caduto = Instant::now();
    // With its folder.
    drop(primo);
    let detto = folla.ferma()?;
    servizio.uccidi()?;
    rifiuti(pg.path(), &copia)?;

    let ripristina = |istante: Option<&str>| {
        Postgres::su(&archivio_wal, |bin, dove| {
            let mut c = comando(Path::new("/bin/sh"))?;
            c.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).current_dir(dove);
            c.arg(pg.path().join("ripristina.sh")).arg(&copia).arg(&wal).arg(dove.join("dati")).args(istante);
            leggi(&mut c).map(|_| ())
        })
        .context("restored server")
    };
    let ripreso = ripristina(None)?;
    ripreso.attendi("SELECT pg_is_in_recovery()", "f")?;
    let url = ripreso.url();
    verifica(binario, &archivio, &url)?;
    let (anno, massimo) = detto.massimo();
    let epoca = |altro: &[&str]| {
        let mut c = Command::new(binario);
        c.args(["epoca", "--database", &url, "--archivio"]).arg(&archivio).args(altro);
        c
    };
    // Who does not say how far it went opens nothing.
    if riesce(&mut epoca(&["--operatore", "anna.rossi", "--motivo", "Disco perduto"])) {
        bail!("an epoch was opened by who said nothing of what is lost");
    }
    let dati = format!("PG/{anno}={massimo}");
    let chi = ["--numeri-dati", &dati, "--operatore", "anna.rossi", "--motivo", "Disco del database perduto"];
    leggi(&mut epoca(&chi))?;
    let servizio = Servizio::avvia_su(binario, &archivio, Some(&url), 0)?;
    let rto = caduto.elapsed();
    let cliente = cliente_di(&servizio)?;
    if riesce(&mut epoca(&chi)) {
        bail!("an epoch was opened beside a running service");
    }
    let c_e = cliente.numeri(anno, 0)?;
    let ultimo = c_e.first().copied().unwrap_or_default();
    let perdute = detto.quando.iter().filter(|q| q.2.1 > ultimo).count();
    let prima_perduta = detto.quando.iter().find(|q| q.2.1 > ultimo).map(|q| q.0);
    detto.fino_a(&cliente, &classificazione, seme, &c_e)?;
    if let Some(q) = detto.quando.iter().take(al_sicuro).find(|q| q.2.1 > ultimo) {
        bail!("{:?} was in WAL that was put aside, and is lost", q.2);
    }
    let folla = Folla::avvia(&cliente, &classificazione, seme, 1_000_000);
    folla.altre(ALTRE)?;
    let nuove = folla.ferma()?;
    let primo_nuovo = nuove.quando.iter().map(|q| q.2.1).min().unwrap_or_default();
    if primo_nuovo != massimo + 1 {
        bail!("after the epoch numbers begin at {primo_nuovo}, {} was expected", massimo + 1);
    }
    servizio.ferma()?;
    verifica(binario, &archivio, &url)?;
    // Another one, as it was at an instant.
    drop(ripreso);
    let di_allora = ripristina(Some(&istante))?;
    di_allora.attendi("SELECT pg_is_in_recovery()", "f")?;
    let allora: usize = di_allora.chiedi(QUANTE)?.parse()?;
    if allora < almeno || allora > al_piu {
        bail!("at {istante} there are {allora} registrations, between {almeno} and {al_piu} were expected");
    }
    verifica(binario, &archivio, &di_allora.url())?;
    println!(
        "copies of PostgreSQL: base copy beside {} registrations in {} ms; {} acknowledged, {al_sicuro} of them before the last WAL put \
         aside, all there; {perdute} lost in the last {} ms (RPO), numbers {}…{massimo} declared lost, new ones from {primo_nuovo}; \
         restored and serving {} ms after the fall (RTO)",
        detto.quando.len(),
        durata.as_millis(),
        detto.quando.len(),
        prima_perduta.map_or(0, |p| caduto.saturating_duration_since(p).as_millis()),
        ultimo + 1,
        rto.as_millis()
    );
    Ok(())
}

/// What scripts must say no to.
fn rifiuti(pg: &Path, copia: &str) -> Result<()> {
    let qui = |nome: &str| pg.join(nome).display().to_string();
    let sh = |argomenti: &[&str]| -> Result<Option<i32>> {
        let mut c = comando(Path::new("/bin/sh"))?;
        Ok(c.args(argomenti).current_dir(pg).stdout(Stdio::null()).stderr(Stdio::null()).status()?.code())
    };
    let (archivia, ripristina) = (qui("archivia-wal.sh"), qui("ripristina.sh"));
    let pezzo = fs::read_dir(pg.join("wal"))?.flatten().map(|v| v.file_name()).find(|n| n.len() == 24);
    let pezzo = pezzo.and_then(|n| n.into_string().ok()).context("no WAL was put aside")?;
    let (wal, lo_stesso) = (qui("wal"), qui(&format!("wal/{pezzo}")));
    for (argomenti, atteso) in [
        (vec![&*archivia, &wal, &lo_stesso, &pezzo], 0),
        // Never over another.
        (vec![&*archivia, &wal, &archivia, &pezzo], 1),
        (vec![&*archivia, &wal, &archivia, "../fuori"], 2),
        (vec![&*archivia, "non-c-e", &archivia, &pezzo], 3),
        (vec![&*ripristina, copia, &wal, &wal], 2),
        (vec![&*ripristina, copia, "non-c-e'", "dati"], 2),
        (vec![&*ripristina, "non-c-e", &wal, "dati"], 3),
    ] {
        let esito = sh(&argomenti)?;
        if esito != Some(atteso) {
            bail!("{argomenti:?} ended with {esito:?}, not {atteso}");
        }
    }
    Ok(())
}

/// A line `chiave=valore`.
fn una(testo: &str, chiave: &str) -> Result<String> {
    let riga = testo.lines().find_map(|l| l.strip_prefix(chiave)?.strip_prefix('='));
    Ok(riga.with_context(|| format!("no {chiave}= in {testo}"))?.to_owned())
}
