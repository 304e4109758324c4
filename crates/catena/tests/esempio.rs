//! The worked example of `docs/registro-operazioni.md`: three operations, to the byte, and their receipt verified by
//! a program that is not ours.
#![expect(clippy::expect_used, reason = "tests")]

mod comune;

use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catena::{EsitoRicevuta, Operazione, Ricevuta, Seme};
use comune::{ORIGINE, Registro, chiave};
use serde_json::json;

/// Seeds are thirty-two equal bytes: 0, 1, 2.
fn esempio() -> Vec<(Seme, Operazione)> {
    ["Istanza di accesso", "Perché «no»", "Ricorso"]
        .into_iter()
        .enumerate()
        .map(|(i, oggetto)| {
            let op = json!({"indice": i, "numero": i + 1, "oggetto": oggetto, "operazione": "registrazione", "v": 1});
            (Seme([i as u8; 32]), op.as_object().cloned().expect("an object"))
        })
        .collect()
}

fn ricevuta() -> Ricevuta {
    Registro::di(esempio()).ricevuta(1, &["numero", "oggetto"])
}

fn documento() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/registro-operazioni.md");
    std::fs::read_to_string(path).expect("the document is in the repository")
}

#[test]
fn a_disclosure_and_an_entry_never_change_a_byte() {
    let (seme, op) = &esempio()[1];
    let testo = catena::rivelazione(seme, "oggetto", &op["oggetto"]).expect("a good field");
    insta::assert_snapshot!(testo, @"WyJmRlNMMW4wREpFeF9jVk0xSTJ0ektRIiwib2dnZXR0byIsIlBlcmNow6kgwqtub8K7Il0");
    let impronta = catena::impronta_campo(seme, "oggetto", &op["oggetto"]).expect("a good field");
    insta::assert_snapshot!(STANDARD.encode(impronta), @"f/zvGvqj/Q+S4ipNz8Legf8CxId/UV8HuWrKpzxAXjA=");
    let voce = catena::voce_di(seme, op).expect("a good operation");
    insta::assert_snapshot!(STANDARD.encode(voce), @"wx/B6yfiLSVjr2PL1ckuj8ulIrtynd2GsVNxPh+Gr/Q=");
    insta::assert_snapshot!(STANDARD.encode(catena::foglia(&voce)), @"aOESJ4D5tk+ycrXP3onn14PlHZ0UluyRw2ZbIg7sDmM=");
}

#[test]
fn a_key_and_a_checkpoint_never_change_a_byte() {
    insta::assert_snapshot!(chiave().pubblica(), @"protocollo.example/c_z999/AOO1+f7497673+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c");
    insta::assert_snapshot!(Registro::di(esempio()).checkpoint(), @r#"
    protocollo.example/c_z999/AOO1
    3
    xoVffhYogy5krUAfjX46n9T42swrpfPjYceoyX2SH94=

    — protocollo.example/c_z999/AOO1 90l2c0Nrk1qTMYj7RuKTQhOxRID+5qmySf2hxSoWQPdlIqTLBcOrt5LPjAf0iA/wmSvoR4tFJ3kXeWE8v4O9Ty2qwgE=
    "#);
}

#[test]
fn a_receipt_never_changes_a_byte() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&ricevuta()).expect("JSON"), @r#"
    {
      "versione": "protocollo/ricevuta/v1",
      "origine": "protocollo.example/c_z999/AOO1",
      "indice": 1,
      "rivelazioni": [
        "WyI4aG9QYXVkS041cEtZb2htdW53RTRRIiwibnVtZXJvIiwyXQ",
        "WyJmRlNMMW4wREpFeF9jVk0xSTJ0ektRIiwib2dnZXR0byIsIlBlcmNow6kgwqtub8K7Il0"
      ],
      "impronte": [
        "Lqv3J2llmAGCQ7TqzZsbAGMTdOJqBkQcvJfI0Xmh4GU",
        "n_jJTuE27txWTRZYpqfvrjm71JIC5Zp2ZipGqNwKxC8",
        "59kJHg8p72bIhj2g2GdoPePfAvrVbtCGNVebqlOxaDQ"
      ],
      "prova": [
        "29885uS5/sdJhEk8gvnfN/Ag5AKtN9V9BEOkYxQyb5E=",
        "hsFkPr8cI8d/LQN6qLjBxeSa4J/DYYR9RUdUSN8vvZo="
      ],
      "checkpoint": "protocollo.example/c_z999/AOO1\n3\nxoVffhYogy5krUAfjX46n9T42swrpfPjYceoyX2SH94=\n\n— protocollo.example/c_z999/AOO1 90l2c0Nrk1qTMYj7RuKTQhOxRID+5qmySf2hxSoWQPdlIqTLBcOrt5LPjAf0iA/wmSvoR4tFJ3kXeWE8v4O9Ty2qwgE=\n"
    }
    "#);
}

/// The document is what the code does: each value of the example stands in it.
#[test]
fn the_published_example_is_the_one_the_code_gives() {
    let document = documento();
    let mut values = Vec::new();
    for (seme, op) in esempio() {
        values.push(STANDARD.encode(catena::voce_di(&seme, &op).expect("a good operation")));
    }
    values.extend(Registro::di(esempio()).checkpoint().lines().map(str::to_owned));
    values.push(chiave().pubblica().to_string());
    let pretty = serde_json::to_string_pretty(&ricevuta()).expect("JSON");
    values.extend(pretty.lines().map(|line| line.trim().to_owned()));
    for value in values {
        assert!(document.contains(&value), "not in the document: {value}");
    }
    // And its receipt, cut out of the document, holds.
    let (_, rest) = document.split_once("```json\n{\n  \"versione\"").expect("the receipt is there");
    let (body, _) = rest.split_once("```").expect("the receipt ends");
    let read = Ricevuta::leggi(format!("{{\"versione\"{body}").as_bytes()).expect("a receipt");
    assert_eq!(read, ricevuta());
    assert!(matches!(catena::verifica(&read, &[chiave().pubblica()]), EsitoRicevuta::Autentica { .. }));
}

/// The verifier of `docs/verifica`, or nothing when this machine cannot run it and not all judges were called
/// (`cargo xtask test` does).
struct Verificatore {
    programma: PathBuf,
    cartella: PathBuf,
}

impl Verificatore {
    fn trova(nome: &str) -> Option<Self> {
        let there = Command::new("python3").args(["-c", "import cryptography"]).output();
        if !there.is_ok_and(|output| output.status.success()) {
            assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "no Python to judge");
            println!("skipped: python3 with the package cryptography is not on this machine");
            return None;
        }
        let cartella = Path::new(env!("CARGO_TARGET_TMPDIR")).join(nome);
        std::fs::create_dir_all(&cartella).expect("a folder for the test");
        let programma = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verifica/ricevuta.py");
        Some(Self { programma, cartella })
    }

    /// Exit code, what it printed, what it complained of.
    fn prova(&self, json: &str, chiave: &str) -> (Option<i32>, String, String) {
        let file = self.cartella.join("ricevuta.json");
        std::fs::write(&file, json).expect("the receipt is written");
        let run = Command::new("python3").arg("-O").arg(&self.programma).arg(&file).arg(chiave).output();
        let run = run.expect("python3 runs");
        let text = |byte: &[u8]| String::from_utf8_lossy(byte).into_owned();
        (run.status.code(), text(&run.stdout), text(&run.stderr))
    }
}

/// R-B13: whoever doubts needs none of our code.
#[test]
fn a_receipt_holds_for_a_verifier_that_shares_no_code_with_us() {
    let Some(python) = Verificatore::trova("vera") else { return };
    let key = chiave().pubblica().to_string();
    // Logs of several sizes, so that proofs take every turn; the last crosses a tile.
    for n in [1u64, 2, 3, 7, 8, 300] {
        let operazioni = (0..n).map(|i| {
            let op = json!({"indice": i, "oggetto": format!("Perché «{i}»"), "v": 1, "nulla": null});
            (Seme([i as u8; 32]), op.as_object().cloned().expect("an object"))
        });
        let registro = Registro::di(operazioni.collect());
        for indice in [0, n / 2, n - 1] {
            let json = serde_json::to_string(&registro.ricevuta(indice, &["indice", "oggetto"])).expect("JSON");
            let (code, out, err) = python.prova(&json, &key);
            assert_eq!(code, Some(0), "operation {indice} of {n}: {err}");
            let fields: serde_json::Value = serde_json::from_str(&out).expect("it prints the fields as JSON");
            assert_eq!(fields, json!({"indice": indice, "oggetto": format!("Perché «{indice}»")}));
        }
    }
}

#[test]
fn a_tampered_receipt_is_refused_by_a_verifier_that_shares_no_code_with_us() {
    let Some(python) = Verificatore::trova("falsa") else { return };
    let key = chiave().pubblica().to_string();
    let other = catena::ChiaveFirma::da_segreto(ORIGINE, &[2; 32]).expect("a good name").pubblica().to_string();
    let good = serde_json::to_string(&ricevuta()).expect("JSON");
    assert_eq!(python.prova(&good, &key).0, Some(0));
    let (code, out, err) = python.prova(&good, &other);
    assert_eq!((code, out.as_str()), (Some(1), ""), "{err}");
    assert!(err.starts_with("NON VALIDA: "), "{err}");
    // One character in ninety, all along the receipt.
    let at: Vec<usize> = good.char_indices().map(|(at, _)| at).step_by(89).collect();
    for at in at {
        let c = good[at..].chars().next().expect("a character");
        let new = if c == 'A' { 'B' } else { 'A' };
        let touched = format!("{}{new}{}", &good[..at], &good[at + c.len_utf8()..]);
        let (code, out, err) = python.prova(&touched, &key);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{c:?} to {new:?} at {at}: {err}");
    }
}
