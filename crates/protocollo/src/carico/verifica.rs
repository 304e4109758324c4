//! `carico --verifica`: how long `verifica` takes, and how much memory, on an archive of so many operations without files.
//!
//! Seven operations in ten are registrations, the others happen to them. What is measured is the real verb in a process
//! of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use archivio::EnteStore;
use archivio::sqlite::SqliteStore;
use archivio::store::{DaRegistrare, Registro};
use dominio::codici::{CodiceAoo, CodiceRegistro};
use dominio::comandi::Comando;
use dominio::errori::Rigore;
use dominio::permessi::Operatore;
use dominio::registrazione::{DatiAssegnazione, TipoAssegnazione};
use serde_json::{Value, json};

use super::misura::tondo;
use super::nucleo::{operatore, prepara, registrazione};

/// Registrations in flight while the archive is filled.
const IN_VOLO: usize = 512;
/// Registrations between two checkpoints: what a busy AOO signs in a minute.
const OGNI: u64 = 500;
/// How often the process is looked at.
const PASSO: Duration = Duration::from_millis(10);

/// Fills an archive and verifies it.
pub async fn misura(cartella: &Path, operazioni: u64) -> Result<Value> {
    let archivio = cartella.join("archivio");
    let inizio = Instant::now();
    {
        let store = SqliteStore::apri(&archivio, Arc::new(archivio::orologio::OrologioDiSistema))?;
        let (ente, aoo) = prepara(&*store, 1).await?;
        riempi(&ente, &aoo[0], operazioni).await?;
    }
    let riempimento_s = inizio.elapsed().as_secs_f64();
    let mut processo = Command::new(std::env::current_exe()?)
        .args(["verifica", "--json", "--archivio"])
        .arg(&archivio)
        .stdout(Stdio::piped())
        .spawn()
        .context("non si avvia la verifica")?;
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
    Ok(json!({
        "operazioni": v.operazioni, "registrazioni": v.registrazioni, "checkpoint": v.checkpoint, "righe": v.righe,
        "riempite_al_secondo": (v.operazioni as f64 / riempimento_s).round(),
        "secondi": tondo(secondi), "cpu_s": tondo(cpu_s), "memoria_mb": memoria_mb.round(),
        "operazioni_al_secondo": (v.operazioni as f64 / secondi).round(),
    }))
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
