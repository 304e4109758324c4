//! `protocollo firma verifica` as it is called: what it prints, with what it ends (contract § 1; R-H09).
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

fn dati(nome: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../firme/tests/dati").join(nome)
}

fn verifica(argomenti: &[&Path]) -> (i32, Value) {
    let o =
        Command::new(env!("CARGO_BIN_EXE_protocollo")).args(["firma", "verifica"]).args(argomenti).output().unwrap();
    (o.status.code().unwrap(), serde_json::from_slice(&o.stdout).unwrap_or(Value::Null))
}

#[test]
fn an_intact_envelope_ends_with_zero_and_says_who_signed_what() {
    let (esito, v) =
        verifica(&[&dati("busta.p7m"), Path::new("--ancora"), &dati("ca.pem"), Path::new("--crl"), &dati("crl.pem")]);
    assert_eq!(esito, 0, "{v}");
    assert_eq!(v["formato"], "cades");
    let f = &v["firme"][0];
    assert_eq!((&f["firmatario"], &f["cf"]), (&"Anna Rossi".into(), &"RSSMRA80A01H501U".into()));
    assert_eq!((&f["integra"], &f["identita"], &f["revoca"]), (&true.into(), &"riconosciuta".into(), &"buona".into()));
    assert_eq!(f["errore"], Value::Null);
    assert_eq!(v["contenuto"]["mime"], "text/plain");
    assert_eq!(v["contenuto"]["impronta"].as_str().unwrap().len(), 64);
    let (esito, v) = verifica(&[&dati("annidata.p7m")]);
    assert_eq!(
        (esito, &v["buste"][0]["formato"], &v["firme"][0]["identita"]),
        (0, &"cades".into(), &"non-verificata".into())
    );
}

#[test]
fn what_is_not_intact_or_not_signed_ends_with_one() {
    let d = tempfile::tempdir().unwrap();
    let mut b = std::fs::read(dati("busta.p7m")).unwrap();
    let i = b.len() - 10;
    b[i] ^= 1;
    let rotta = d.path().join("rotta.p7m");
    std::fs::write(&rotta, b).unwrap();
    let (esito, v) = verifica(&[&rotta]);
    assert_eq!((esito, &v["firme"][0]["integra"]), (1, &false.into()));
    // Not signed; a detached one without its original, with it, with another.
    assert_eq!(verifica(&[&dati("ca.pem")]).0, 1);
    let testo = d.path().join("testo");
    std::fs::write(&testo, "Oggetto: prova di firma\r\nPerché sì.\r\n").unwrap();
    assert_eq!(verifica(&[&dati("staccata.p7s")]).0, 1);
    assert_eq!(verifica(&[&dati("staccata.p7s"), Path::new("--originale"), &testo]).0, 0);
    assert_eq!(verifica(&[&dati("marca.tsr"), Path::new("--originale"), &testo]).0, 0);
    assert_eq!(verifica(&[&dati("staccata.p7s"), Path::new("--originale"), &rotta]).0, 1);
    // A gigabyte costs nothing: it is refused by its size.
    let grande = d.path().join("grande.p7m");
    std::fs::File::create(&grande).unwrap().set_len(1 << 30).unwrap();
    let (esito, v) = verifica(&[&grande]);
    assert!(esito == 1 && v["errore"].as_str().unwrap().contains("limite"), "{v}");
}

#[test]
fn wrong_usage_ends_with_two_and_a_missing_file_with_three() {
    assert_eq!(verifica(&[]).0, 2);
    assert_eq!(verifica(&[&dati("busta.p7m"), Path::new("--elenco"), &dati("firmato.xml")]).0, 2);
    assert_eq!(verifica(&[&dati("busta.p7m"), Path::new("--ancora"), &dati("firmato.xml")]).0, 2);
    assert_eq!(verifica(&[Path::new("non-c-e.p7m")]).0, 3);
    assert_eq!(verifica(&[&dati("busta.p7m"), Path::new("--originale"), Path::new("non-c-e")]).0, 3);
}
