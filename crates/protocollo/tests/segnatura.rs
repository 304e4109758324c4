//! `segnatura valida`: exit codes and the JSON of the contract. What is judged and how is tested with the crate `segnatura`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::process::{Command, Output};

use serde_json::{Value, json};

const ANNULLAMENTO: &str = "<pec:AnnullamentoProtocollazione xmlns:prot=\"http://www.agid.gov.it/protocollo/\" \
    xmlns:pec=\"http://www.agid.gov.it/protocollo/pec/\" pec:versione=\"3.0.0\" pec:lang=\"it\"><pec:Identificatore>\
    <prot:CodiceAmministrazione>c_z999</prot:CodiceAmministrazione><prot:CodiceAOO>AOO1</prot:CodiceAOO>\
    <prot:CodiceRegistro>PG</prot:CodiceRegistro><prot:NumeroRegistrazione>0000123</prot:NumeroRegistrazione>\
    <prot:DataRegistrazione>2026-11-23</prot:DataRegistrazione></pec:Identificatore><pec:Motivo>doppia</pec:Motivo>\
    <pec:Provvedimento>12/2026</pec:Provvedimento></pec:AnnullamentoProtocollazione>";

fn protocollo(argomenti: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_protocollo")).args(argomenti).output().unwrap()
}

fn valida(byte: &[u8]) -> (Option<i32>, Value) {
    let d = tempfile::tempdir().unwrap();
    let file = d.path().join("s.xml");
    std::fs::write(&file, byte).unwrap();
    let detto = protocollo(&["segnatura", "valida", file.to_str().unwrap()]);
    (detto.status.code(), serde_json::from_slice(&detto.stdout).unwrap())
}

/// R-D25 and the contract of the command line.
#[test]
fn a_valid_document_exits_with_0_and_an_invalid_one_with_1() {
    let (codice, j) = valida(ANNULLAMENTO.as_bytes());
    assert_eq!(codice, Some(0), "{j}");
    assert_eq!(
        (&j["versione"], &j["tipo"], &j["valida"]),
        (&json!("2021"), &json!("annullamento-protocollazione"), &json!(true))
    );
    assert_eq!(j["errori"], json!([]));
    assert_eq!(j["identificatore"]["numero_registrazione"], "0000123");
    assert_eq!(j["firma"], json!({"presente": false, "integra": null, "certificato": null}));
    for campo in ["oggetto", "mittente", "destinatari", "documenti"] {
        assert!(j.get(campo).is_some(), "{campo}");
    }
    let (codice, j) = valida(ANNULLAMENTO.replace("0000123", "123").as_bytes());
    assert_eq!((codice, &j["valida"]), (Some(1), &json!(false)));
    assert_eq!(j["errori"][0]["percorso"], "/AnnullamentoProtocollazione/Identificatore/NumeroRegistrazione");
    assert_eq!((&j["errori"][0]["gravita"], &j["errori"][0]["codice"]), (&json!("errore"), &json!("valore")));
    let (codice, j) = valida(b"ciao");
    assert_eq!((codice, &j["tipo"], &j["errori"][0]["codice"]), (Some(1), &Value::Null, &json!("mal-formato")));
}

#[test]
fn wrong_usage_exits_with_2_and_a_file_that_is_not_there_with_3() {
    assert_eq!(protocollo(&["segnatura", "valida"]).status.code(), Some(2));
    assert_eq!(protocollo(&["segnatura", "verifica", "x"]).status.code(), Some(2));
    let d = tempfile::tempdir().unwrap();
    let assente = d.path().join("assente.xml");
    let detto = protocollo(&["segnatura", "valida", assente.to_str().unwrap()]);
    assert_eq!(detto.status.code(), Some(3));
    assert!(detto.stdout.is_empty() && String::from_utf8_lossy(&detto.stderr).contains("assente.xml"));
    // A folder is not a file.
    assert_eq!(protocollo(&["segnatura", "valida", d.path().to_str().unwrap()]).status.code(), Some(3));
    let aiuto = protocollo(&["segnatura", "valida", "--help"]);
    assert!(aiuto.status.success() && String::from_utf8_lossy(&aiuto.stdout).contains("Dice se una segnatura"));
}
