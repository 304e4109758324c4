//! How long a backup takes, and what it costs a register at work beside it: measured by hand, on an archive that `carico`
//! made (`protocollo carico --archivio DIR --cerca 200000`), which it goes on filling.
//!
//! `PROTOCOLLO_ARCHIVIO=DIR/archivio cargo test --release -p protocollo --test misura_copie -- --ignored --nocapture`
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use archivio::orologio::OrologioDiSistema;
use archivio::sqlite::SqliteStore;
use archivio::store::DaRegistrare;
use archivio::{EnteStore, Store as _, sistema};
use dominio::codici::{CodiceAoo, CodiceRegistro};
use dominio::errori::Rigore;
use serde_json::json;

const CLIENTI: usize = 64;
const TURNO: Duration = Duration::from_secs(3);
const GIRI: usize = 10;

async fn turno(ente: &Arc<dyn EnteStore>, aoo: &CodiceAoo) -> f64 {
    let (fatte, fine) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let inizio = Instant::now();
    let clienti: Vec<_> = (0..CLIENTI)
        .map(|c| {
            let (ente, aoo) = (Arc::clone(ente), aoo.clone());
            let (fatte, fine) = (Arc::clone(&fatte), Arc::clone(&fine));
            tokio::spawn(async move {
                while !fine.load(Ordering::Relaxed) {
                    let i = fatte.fetch_add(1, Ordering::Relaxed);
                    let dati = serde_json::from_value(json!({
                        "tipo": "entrata", "oggetto": format!("Misura {c}, atto {i}"), "mezzo": "cartaceo",
                        "mittente": {"tipo": "persona-fisica", "nome": "Maria", "cognome": "Rossi"},
                        "classificazione": "1.6", "assegnazioni": [{"ufficio": "SEGR", "tipo": "competenza"}],
                    }));
                    let n = DaRegistrare {
                        chi: sistema(),
                        registro: CodiceRegistro::generale(),
                        rigore: Rigore::Operatore,
                        dati: dati.unwrap(),
                        file: Vec::new(),
                        idempotenza: None,
                        controllo: None,
                    };
                    ente.registra(&aoo, n).await.unwrap();
                }
            })
        })
        .collect();
    tokio::time::sleep(TURNO).await;
    fine.store(true, Ordering::Relaxed);
    for c in clienti {
        c.await.unwrap();
    }
    fatte.load(Ordering::Relaxed) as f64 / inizio.elapsed().as_secs_f64()
}

/// The real verb, to a folder of its own; seconds, as it says.
fn backup(archivio: &Path, copie: &Path) -> f64 {
    let o = Command::new(env!("CARGO_BIN_EXE_protocollo"))
        .args(["backup", "--json", "--archivio"])
        .arg(archivio)
        .arg("--out")
        .arg(copie)
        .output()
        .unwrap();
    assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stderr));
    let v: serde_json::Value = serde_json::from_slice(&o.stdout).unwrap();
    println!("backup: {} s, {} byte", v["secondi"], v["byte"]);
    v["secondi"].as_f64().unwrap()
}

fn mediana(v: &mut [f64]) -> f64 {
    v.sort_by(f64::total_cmp);
    v[v.len() / 2]
}

#[test]
#[ignore = "a measure, by hand"]
fn a_register_at_work_with_a_backup_beside_and_without() {
    let archivio = PathBuf::from(std::env::var("PROTOCOLLO_ARCHIVIO").unwrap());
    let copie = tempfile::tempdir_in(archivio.parent().unwrap()).unwrap();
    println!("at rest:");
    let a_riposo = backup(&archivio, &copie.path().join("riposo"));
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (mut senza, mut con, mut durate) = (Vec::new(), Vec::new(), Vec::new());
    rt.block_on(async {
        let store = SqliteStore::apri(&archivio, Arc::new(OrologioDiSistema)).unwrap();
        let ipa = store.enti().await.unwrap().remove(0);
        let ente = store.ente(&ipa).await.unwrap().unwrap();
        let aoo = ente.configurazione().aoo.keys().next().unwrap().clone();
        turno(&ente, &aoo).await;
        for giro in 0..GIRI {
            // The order changes at each round: what drifts, drifts for both.
            if giro % 2 == 0 {
                senza.push(turno(&ente, &aoo).await);
            }
            let finito = Arc::new(AtomicBool::new(false));
            let (f, archivio, copie) = (Arc::clone(&finito), archivio.clone(), copie.path().to_owned());
            // One after the other, so that the whole turn has one beside it.
            let accanto = std::thread::spawn(move || {
                let mut durate = Vec::new();
                while !f.load(Ordering::Relaxed) {
                    let qui = copie.join(format!("{giro}"));
                    durate.push(backup(&archivio, &qui));
                    std::fs::remove_dir_all(qui).unwrap();
                }
                durate
            });
            con.push(turno(&ente, &aoo).await);
            finito.store(true, Ordering::Relaxed);
            durate.extend(accanto.join().unwrap());
            if giro % 2 == 1 {
                senza.push(turno(&ente, &aoo).await);
            }
        }
    });
    println!("without {senza:.0?}\nwith    {con:.0?}");
    let mut rapporti: Vec<f64> = con.iter().zip(&senza).map(|(c, s)| c / s).collect();
    let r = mediana(&mut rapporti);
    println!("ratios {rapporti:.2?}");
    let (s, c, d) = (mediana(&mut senza), mediana(&mut con), mediana(&mut durate));
    println!("registrations/s: without {s:.0}, with a backup beside {c:.0}, median ratio {r:.2}");
    println!("backup: at rest {a_riposo:.2} s, beside {d:.2} s");
}
