//! `protocollo verifica` as it is called: what it prints, with what it ends (contract § 1; R-B13).
#![expect(clippy::unwrap_used, reason = "tests")]

mod comune;

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use archivio::sqlite::SqliteStore;
use archivio::store::Registro;
use dominio::codici::CodiceAoo;

/// An ente with one AOO and nothing registered; the checkpoint of its log.
fn archivio(dir: &Path) -> String {
    let aoo: CodiceAoo = "AOO1".parse().unwrap();
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let store = SqliteStore::apri(dir, Arc::new(archivio::orologio::OrologioDiSistema)).unwrap();
        let ente = comune::ente(&*store).await;
        ente.firma_checkpoint(&Registro::Aoo(aoo)).await.unwrap()
    })
}

fn verifica(dir: &Path, altro: &[&str]) -> (Output, String) {
    let o = Command::new(env!("CARGO_BIN_EXE_protocollo"))
        .args(["verifica", "--archivio"])
        .arg(dir)
        .args(altro)
        .output()
        .unwrap();
    let testo = String::from_utf8(o.stdout.clone()).unwrap();
    (o, testo)
}

#[test]
fn an_archive_that_holds_ends_with_zero_and_an_interrupted_one_is_taken_up() {
    let d = tempfile::tempdir().unwrap();
    let dir = d.path().join("dati");
    let nota = archivio(&dir);
    let ancora = d.path().join("ancora.txt");
    std::fs::write(&ancora, &nota).unwrap();
    let stato = d.path().join("stato.json");
    let argomenti = ["--ancora", ancora.to_str().unwrap(), "--riprendi", stato.to_str().unwrap()];
    let (o, testo) = verifica(&dir, &argomenti);
    assert_eq!(o.status.code(), Some(0), "{o:?}");
    for riga in ["registrazioni=0", "checkpoint=1", "ancore=1", "differenze=0"] {
        assert!(testo.lines().any(|r| r == riga), "{riga}: {testo}");
    }
    assert!(!stato.exists(), "taken away at the end");
    // One that stopped after the installation's own log: it is not verified again.
    std::fs::write(&stato, r#"{"finiti":{"installazione":{"operazioni":1000,"registrazioni":0,"checkpoint":0,"file":0,"righe":0,"differenze":[]}},"corrente":null}"#).unwrap();
    let (o, testo) = verifica(&dir, &[&argomenti[..], &["--json"]].concat());
    assert_eq!(o.status.code(), Some(0), "{o:?}");
    let v: serde_json::Value = serde_json::from_str(&testo).unwrap();
    assert!(v["operazioni"].as_u64().unwrap() > 1_000, "{v}");
    std::fs::write(&stato, "rovinato").unwrap();
    assert_eq!(verifica(&dir, &argomenti).0.status.code(), Some(2));
    let (o, _) = verifica(&dir, &["--ente", "c_z999", "--aoo", "ALTRA"]);
    assert_eq!(o.status.code(), Some(2), "{o:?}");
}

#[test]
fn an_anchor_is_a_file_a_folder_or_an_address() {
    let d = tempfile::tempdir().unwrap();
    let dir = d.path().join("dati");
    let nota = archivio(&dir);
    let note = d.path().join("note");
    std::fs::create_dir(&note).unwrap();
    std::fs::write(note.join("1"), &nota).unwrap();
    std::fs::write(note.join("2"), format!("{nota}\n{nota}")).unwrap();
    let (o, testo) = verifica(&dir, &["--ancora", note.to_str().unwrap()]);
    assert_eq!(o.status.code(), Some(0), "{o:?}");
    assert!(testo.contains("ancore=3"), "{testo}");

    let ascolta = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let indirizzo = format!("http://{}/checkpoint", ascolta.local_addr().unwrap());
    let serve = std::thread::spawn(move || {
        let (mut s, _) = ascolta.accept().unwrap();
        let mut chiesto = [0; 1_024];
        assert!(s.read(&mut chiesto).unwrap() > 0);
        write!(s, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{nota}", nota.len()).unwrap();
    });
    let (o, testo) = verifica(&dir, &["--ancora", &indirizzo]);
    assert_eq!(o.status.code(), Some(0), "{o:?}");
    assert!(testo.contains("ancore=1"), "{testo}");
    serve.join().unwrap();

    for ancora in ["https://127.0.0.1:1/checkpoint", "http://127.0.0.1:1/checkpoint", "assente"] {
        assert_eq!(verifica(&dir, &["--ancora", ancora]).0.status.code(), Some(3), "{ancora}");
    }
}

#[test]
fn a_log_made_shorter_than_its_anchor_ends_with_one() {
    let d = tempfile::tempdir().unwrap();
    let dir = d.path().join("dati");
    let nota = archivio(&dir);
    let ancora = d.path().join("ancora.txt");
    std::fs::write(&ancora, nota).unwrap();
    // The last operation and all that says it was there.
    let c = rusqlite::Connection::open(dir.join("enti/c_z999/ente.sqlite")).unwrap();
    c.execute_batch(
        "DROP TRIGGER operazione_d; DROP TRIGGER checkpoint_d; DROP TRIGGER testa_u;
         DELETE FROM operazione WHERE id = (SELECT max(id) FROM operazione);
         DELETE FROM checkpoint; UPDATE testa SET dimensione = dimensione - 1 WHERE log = 1;",
    )
    .unwrap();
    let (o, testo) = verifica(&dir, &["--ancora", ancora.to_str().unwrap()]);
    assert_eq!(o.status.code(), Some(1), "{o:?}");
    assert!(testo.contains("il registro è stato accorciato"), "{testo}");
    assert!(testo.contains("trigger operazione_d"), "{testo}");
}
