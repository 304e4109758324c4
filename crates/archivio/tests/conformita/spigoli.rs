//! Single moments of a disk that does not answer, or loses what it was given.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use archivio::store::*;

use crate::banco::su_file;
use crate::banco::{Banco, aoo, ipa};
use crate::disco::{Disco, EIO, Guasto, SCRIVI, SINCRONIZZA};

const WAL: &str = "*/c_z999/ente.sqlite-wal";

/// Lives a story on a disk that fails when told.
fn vivi<F: Future<Output = ()>>(nome: &str, storia: impl FnOnce(Disco) -> F) {
    let Some(disco) = Disco::per(&format!("spigoli::{nome}")) else { return };
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    rt.block_on(storia(disco));
}

async fn attendi(che: &str, mut vero: impl AsyncFnMut() -> bool) {
    let inizio = Instant::now();
    while !vero().await {
        assert!(inizio.elapsed() < Duration::from_secs(30), "{che}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn altra_aoo() -> NuovaAoo {
    NuovaAoo {
        codice: "AOO2".parse().unwrap(),
        denominazione: "Altra".into(),
        origine: "prova.example/c_z999/AOO2".into(),
        ufficio_smistamento: ("PROT".parse().unwrap(), Some("Protocollo".into())),
        consente_da_classificare: true,
        voce_da_classificare: "0".parse().unwrap(),
        dal: "2026-01-01".parse().unwrap(),
        pec: None,
        registri: Vec::new(),
    }
}

#[test]
fn what_is_being_committed_is_seen_by_nobody_yet_and_readiness_says_that_the_writer_is_stuck() {
    if !su_file() {
        return;
    }
    let nome = "what_is_being_committed_is_seen_by_nobody_yet_and_readiness_says_that_the_writer_is_stuck";
    vivi(nome, async |disco| {
        let b = Banco::nuovo().await;
        let nuovo = Registro::Aoo(altra_aoo().codice);
        let chiavi = b.ente.chiavi(&Registro::Aoo(aoo())).await.unwrap();
        disco.rompi(Guasto::nuovo(WAL, SINCRONIZZA, EIO).fermo());
        let ente = Arc::clone(&b.ente);
        let crea = tokio::spawn(async move { ente.crea_aoo(&archivio::sistema(), altra_aoo()).await });
        attendi("the commit waits for the disk", async || disco.colpi() > 0).await;
        assert!(matches!(b.ente.scan_from(&nuovo, 0, 9).await, Err(Errore::Rifiuto(_))), "seen before its commit");
        assert!(!b.ente.configurazione().aoo.contains_key(&altra_aoo().codice));
        // Also to who never waits for the answer as long as it takes.
        attendi("said", async || {
            let s = tokio::time::timeout(Duration::from_millis(100), b.ente.salute()).await;
            s.is_ok_and(|s| s.impedimenti[0].contains("lo scrittore del registro non risponde"))
        })
        .await;
        disco.sana();
        crea.await.unwrap().unwrap();
        assert!(!b.ente.scan_from(&nuovo, 0, 9).await.unwrap().is_empty());
        attendi("answered", async || b.ente.salute().await == Salute::default()).await;

        // Denied, both leave nothing to be seen.
        disco.rompi(Guasto::nuovo(WAL, SINCRONIZZA, EIO));
        let terza = NuovaAoo { codice: "AOO3".parse().unwrap(), origine: "prova.example/3".into(), ..altra_aoo() };
        assert!(matches!(b.ente.crea_aoo(&archivio::sistema(), terza).await, Err(Errore::Archivio(_))));
        assert!(b.ente.ruota_chiave(&Registro::Aoo(aoo()), &b.chi("rita"), "prova", None).await.is_err());
        disco.sana();
        assert!(!b.ente.configurazione().aoo.contains_key(&"AOO3".parse().unwrap()));
        assert_eq!(b.ente.chiavi(&Registro::Aoo(aoo())).await.unwrap(), chiavi);
        b.registra("Dopo").await;
        let ricevuta = b.ente.ricevuta(&Registro::Aoo(aoo()), 0, &|_| true).await.unwrap().unwrap();
        let chiavi: Vec<catena::ChiavePubblica> = chiavi.iter().map(|k| k.parse().unwrap()).collect();
        let esito = catena::verifica(&ricevuta, &chiavi);
        assert!(matches!(esito, catena::EsitoRicevuta::Autentica { .. }), "{esito:?}");
        b.verifica().await;
    });
}

// docs/decisions/0009: a kernel tells of a lost page once. What it lost of a pouring that was begun is poured again.
#[test]
fn pages_that_a_failed_pouring_lost_are_poured_again() {
    if !su_file() {
        return;
    }
    vivi("pages_that_a_failed_pouring_lost_are_poured_again", async |disco| {
        let b = Banco::nuovo().await;
        let db = b.dir.path().join("enti/c_z999/ente.sqlite");
        let byte = || std::fs::read(&db).unwrap();
        for i in 0..20 {
            b.registra(&format!("Prima {i}")).await;
        }
        // Somebody who reads for long: only what he saw already is poured, and nothing is fsynced yet.
        let lettore = rusqlite::Connection::open(&db).unwrap();
        let vecchio = byte();
        lettore.execute_batch("BEGIN; SELECT count(*) FROM registrazione;").unwrap();
        lettore.query_row("SELECT count(*) FROM registrazione", [], |r| r.get::<_, i64>(0)).unwrap();
        for i in 0..20 {
            b.registra(&format!("Dopo {i}")).await;
        }
        attendi("a part is poured", async || byte() != vecchio).await;
        // Then the rest fails, and with it what was poured before never reached the disk: as it was on it.
        disco.rompi(Guasto::nuovo("*/c_z999/ente.sqlite", SCRIVI | SINCRONIZZA, EIO));
        drop(lettore);
        attendi("said", async || !b.ente.salute().await.avvisi.is_empty()).await;
        let prima = b.dir.path().join("prima");
        std::fs::write(&prima, &vecchio).unwrap();
        let cp = std::process::Command::new("cp").arg(&prima).arg(&db).env_remove("LD_PRELOAD").status();
        assert!(cp.unwrap().success());
        disco.sana();
        attendi("poured again", async || b.ente.salute().await == Salute::default()).await;
        let (dir, o) = b.riapri();
        let wal = dir.path().join("enti/c_z999/ente.sqlite-wal");
        assert!(!wal.exists(), "all of it is in the file");
        let b = Banco::di_nuovo(dir, o).await;
        assert_eq!(b.ente.ipa(), &ipa());
        b.verifica().await;
        assert_eq!(b.registra("Ultima").await.chiave.unwrap().numero.valore(), 41);
    });
}
