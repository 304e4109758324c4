//! `carico --verifica`: how long `verifica` takes, and how much memory, on an archive of so many operations without files;
//! then how much a register at work slows down when it is verified meanwhile, in turns of one run.
//!
//! Seven operations in ten are registrations, the others happen to them. What is measured is the real verb in a process
//! of its own.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use archivio::sqlite::SqliteStore;
use archivio::store::{DaRegistrare, Registro};
use archivio::{EnteStore, Store as _};
use dominio::codici::{CodiceAoo, CodiceRegistro};
use dominio::comandi::Comando;
use dominio::errori::Rigore;
use dominio::permessi::Operatore;
use dominio::registrazione::{DatiAssegnazione, TipoAssegnazione};
use serde_json::{Value, json};

use super::Opzioni;
use super::misura::{Turno, mediana, tondo, turno};
use super::nucleo::{clienti_che_registrano, operatore, prepara, registrazione};

/// Registrations in flight while the archive is filled.
const IN_VOLO: usize = 512;
/// Registrations between two checkpoints: what a busy AOO signs in a minute.
const OGNI: u64 = 500;
/// How often the process is looked at.
const PASSO: Duration = Duration::from_millis(10);

/// Fills an archive and verifies it.
pub async fn misura(cartella: &Path, operazioni: u64, o: &Opzioni) -> Result<Value> {
    let archivio = cartella.join("archivio");
    let inizio = Instant::now();
    {
        let store = SqliteStore::apri(&archivio, Arc::new(archivio::orologio::OrologioDiSistema))?;
        let (ente, aoo) = prepara(&*store, 1).await?;
        riempi(&ente, &aoo[0], operazioni).await?;
    }
    let riempimento_s = inizio.elapsed().as_secs_f64();
    let mut processo = verifica(&archivio, Stdio::piped(), Stdio::inherit())?;
    let inizio = Instant::now();
    let (mut cpu_s, mut memoria_mb) = (0.0f64, 0.0f64);
    let stato = loop {
        if let Some((c, m)) = consumi(processo.id()) {
            (cpu_s, memoria_mb) = (cpu_s.max(c), memoria_mb.max(m));
        }
        if let Some(s) = processo.try_wait()? {
            break s;
        }
        tokio::time::sleep(PASSO).await;
    };
    let secondi = inizio.elapsed().as_secs_f64();
    let v: archivio::store::Verifica =
        serde_json::from_reader(processo.stdout.take().context("la verifica non risponde")?)?;
    if !stato.success() || !v.differenze.is_empty() {
        bail!("la verifica trova differenze: {:?}", v.differenze.first());
    }
    let accanto = accanto(&archivio, o).await?;
    Ok(json!({
        "accanto_rapporto": accanto.rapporto, "accanto_al_secondo": accanto.con, "da_solo_al_secondo": accanto.senza,
        "accanto_p99_ms": accanto.con_p99, "da_solo_p99_ms": accanto.senza_p99,
        "operazioni": v.operazioni, "registrazioni": v.registrazioni, "checkpoint": v.checkpoint, "righe": v.righe,
        "riempite_al_secondo": (v.operazioni as f64 / riempimento_s).round(),
        "secondi": tondo(secondi), "cpu_s": tondo(cpu_s), "memoria_mb": memoria_mb.round(),
        "operazioni_al_secondo": (v.operazioni as f64 / secondi).round(),
    }))
}

fn verifica(archivio: &Path, uscita: Stdio, detto: Stdio) -> Result<Child> {
    let mut c = Command::new(std::env::current_exe()?);
    c.args(["verifica", "--json", "--archivio"]).arg(archivio).stdout(uscita).stderr(detto);
    c.spawn().context("non si avvia la verifica")
}

/// Registrations per second, and their slowest, with a verification beside and without.
struct Accanto {
    rapporto: f64,
    con: f64,
    senza: f64,
    con_p99: f64,
    senza_p99: f64,
}

/// Turns of a register at work, one alone and one verified meanwhile.
async fn accanto(archivio: &Path, o: &Opzioni) -> Result<Accanto> {
    let (clienti, durata) = (o.clienti.unwrap_or(16), Duration::from_secs_f64(o.secondi));
    let store = SqliteStore::apri(archivio, Arc::new(archivio::orologio::OrologioDiSistema))?;
    let ente = store.ente(&"c_z998".parse()?).await?.context("l'ente di carico non c'è più")?;
    let registra = clienti_che_registrano(&ente, vec!["AOO1".parse()?])?;
    let (mut soli, mut accompagnati): (Vec<Turno>, Vec<Turno>) = (Vec::new(), Vec::new());
    for _ in 0..o.giri.max(1) {
        soli.push(turno(clienti, durata, registra.clone()).await?);
        let fine = Arc::new(AtomicBool::new(false));
        // On a small archive a verification ends before the turn: another begins.
        let (dove, basta) = (archivio.to_owned(), Arc::clone(&fine));
        let verifiche = std::thread::spawn(move || -> Result<()> {
            while !basta.load(Ordering::Relaxed) {
                let mut p = verifica(&dove, Stdio::null(), Stdio::null())?;
                let stato = loop {
                    if let Some(s) = p.try_wait()? {
                        break Some(s);
                    }
                    if basta.load(Ordering::Relaxed) {
                        p.kill()?;
                        p.wait()?;
                        break None;
                    }
                    std::thread::sleep(PASSO);
                };
                if stato.is_some_and(|s| !s.success()) {
                    bail!("la verifica accanto trova differenze");
                }
            }
            Ok(())
        });
        let turno = turno(clienti, durata, registra.clone()).await;
        fine.store(true, Ordering::Relaxed);
        verifiche.join().map_err(|_| anyhow!("la verifica accanto si è interrotta"))??;
        accompagnati.push(turno?);
    }
    let m = |f: &dyn Fn(&Turno) -> f64, t: &[Turno]| mediana(t.iter().map(f).collect());
    let (con, senza) = (m(&Turno::al_secondo, &accompagnati), m(&Turno::al_secondo, &soli));
    Ok(Accanto {
        rapporto: tondo(con / senza),
        con: con.round(),
        senza: senza.round(),
        con_p99: tondo(m(&|t| t.percentile(0.99), &accompagnati)),
        senza_p99: tondo(m(&|t| t.percentile(0.99), &soli)),
    })
}

/// CPU seconds and greatest memory of a process, as the kernel tells them.
fn consumi(pid: u32) -> Option<(f64, f64)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let campi: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    // Hundredths of a second of user and of system time.
    let cpu: f64 = campi.get(11)?.parse::<f64>().ok()? + campi.get(12)?.parse::<f64>().ok()?;
    let stato = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kb = stato.lines().find_map(|r| r.strip_prefix("VmHWM:"))?.trim().trim_end_matches("kB").trim();
    Some((cpu / 100.0, kb.parse::<f64>().ok()? / 1_024.0))
}

async fn riempi(ente: &Arc<dyn EnteStore>, aoo: &CodiceAoo, operazioni: u64) -> Result<()> {
    let posti = Arc::new(tokio::sync::Semaphore::new(IN_VOLO));
    let chi = Arc::new(operatore()?);
    let mut compiti = tokio::task::JoinSet::new();
    for n in 0..operazioni * 7 / 10 {
        let posto = Arc::clone(&posti).acquire_owned().await?;
        let (suo, sua, chi) = (Arc::clone(ente), aoo.clone(), Arc::clone(&chi));
        compiti.spawn(async move {
            let _posto = posto;
            una(&*suo, &sua, &chi, n).await
        });
        if n % OGNI == 0 {
            ente.firma_checkpoint(&Registro::Aoo(aoo.clone())).await?;
        }
        while let Some(f) = compiti.try_join_next() {
            f??;
        }
    }
    while let Some(f) = compiti.join_next().await {
        f??;
    }
    ente.firma_checkpoint(&Registro::Aoo(aoo.clone())).await?;
    Ok(())
}

/// A registration; of seven, three are followed by a command.
async fn una(ente: &dyn EnteStore, aoo: &CodiceAoo, chi: &Operatore, n: u64) -> Result<()> {
    let r = DaRegistrare {
        chi: chi.clone(),
        registro: CodiceRegistro::generale(),
        rigore: Rigore::Operatore,
        dati: registrazione(n)?,
        file: Vec::new(),
        idempotenza: None,
        controllo: None,
    };
    let fatta = ente.registra(aoo, r).await?;
    let comando = match n % 7 {
        0 => Comando::Annota { testo: "Visto".to_owned() },
        1 => {
            let a = DatiAssegnazione { ufficio: "PROT".parse()?, utente: None, tipo: TipoAssegnazione::Conoscenza };
            Comando::Assegna { assegnazioni: vec![a], nota: Some("Per conoscenza".to_owned()) }
        }
        2 => Comando::PrendiInCarico { assegnazione: 1 },
        _ => return Ok(()),
    };
    let chiave = fatta.chiave.context("una registrazione senza numero")?;
    let chi = Operatore { uffici: vec!["SEGR".parse()?], ..chi.clone() };
    ente.comanda(aoo, &chi, &chiave, comando, Vec::new(), None).await?;
    Ok(())
}
