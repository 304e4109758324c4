//! `pec leggi`: exit codes and the JSON of the contract. What is read and how is tested with the crate `pec`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::process::{Command, Output};

use pec::genera::{Chiavi, Gestore, Invio};
use pec::{Data, Tipo};

fn protocollo(argomenti: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_protocollo")).args(argomenti).output().unwrap()
}

/// R-E01, R-E05: contract § 1.
#[test]
fn a_message_of_a_provider_is_read_and_verified_with_its_anchor() {
    let d = tempfile::tempdir().unwrap();
    let quando = "2026-11-28T11:59:12Z".parse().unwrap();
    let chiavi = Chiavi::dimostrative("Gestore di prova", quando).unwrap();
    let gestore = Gestore { nome: "Gestore di prova", dominio: "pec.example", sigillo: &chiavi.sigillo };
    let invio = Invio::leggi(
        b"From: a@pec.example\r\nTo: b@pec.example\r\nSubject: prova\r\nMessage-ID: <1@pec.example>\r\n\r\nciao\r\n",
        |_| true,
    );
    let data = Data { istante: quando, zona: jiff::tz::offset(1) };
    let busta = invio.dati(Tipo::PostaCertificata, data, "prova1@pec.example");
    let scritto = gestore.messaggio(&busta, Some(&invio.originale)).unwrap();
    let (file, ancora) = (d.path().join("busta.eml"), d.path().join("ca.der"));
    std::fs::write(&file, scritto).unwrap();
    std::fs::write(&ancora, &chiavi.ca).unwrap();
    let (file, ancora) = (file.to_str().unwrap(), ancora.to_str().unwrap());

    let detto = protocollo(&["pec", "leggi", file, "--ancora", ancora, "--istante", "2026-12-01T00:00:00Z"]);
    assert_eq!(detto.status.code(), Some(0));
    let v: serde_json::Value = serde_json::from_slice(&detto.stdout).unwrap();
    assert_eq!((&v["tipo"], &v["verificata"]), (&"posta-certificata".into(), &true.into()));
    assert_eq!((&v["firma"]["integra"], &v["firma"]["identita"]), (&true.into(), &"riconosciuta".into()));
    assert_eq!(v["riferimento_message_id"], "<1@pec.example>");
    assert_eq!(v["messaggio"]["oggetto"], "prova");

    let senza = protocollo(&["pec", "leggi", file]);
    let v: serde_json::Value = serde_json::from_slice(&senza.stdout).unwrap();
    assert_eq!((senza.status.code(), &v["verificata"]), (Some(0), &false.into()));
    assert_eq!((&v["firma"]["integra"], &v["firma"]["identita"]), (&true.into(), &"non-verificata".into()));

    // The certificate is no message; a message is no certificate.
    assert_eq!(protocollo(&["pec", "leggi", ancora]).status.code(), Some(1));
    assert_eq!(protocollo(&["pec", "leggi", file, "--ancora", file]).status.code(), Some(2));
    let assente = protocollo(&["pec", "leggi", d.path().join("assente.eml").to_str().unwrap()]);
    assert_eq!(assente.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&assente.stderr).contains("non si legge"));
    assert_eq!(protocollo(&["pec", "leggi"]).status.code(), Some(2));
}
