//! A thousand operations kept for ever, and one of ten thousand recipients.
//!
//! `dati/mille-operazioni.jsonl` was written once: operation, seed and the entry it had then. Whatever becomes of the
//! code, it must give those entries and [`RADICE`] again: receipts in people's hands depend on it. `RIGENERA=1` writes
//! the file anew, which is right only before the format is published.
#![expect(clippy::expect_used, reason = "tests")]

mod comune;

use std::fmt::Write as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use catena::{Albero, EsitoRicevuta, Hash, Operazione, Seme};
use comune::{Registro, chiave};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// Root over the thousand operations, base64.
const RADICE: &str = "hjGZwMVPAYa7+0hhS37mvc0VolGWyJDS/rVgqz5Wgzs=";

fn file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/dati/mille-operazioni.jsonl")
}

fn hash_di(testo: &Value) -> Hash {
    let byte = STANDARD.decode(testo.as_str().expect("a text")).expect("base64");
    byte.try_into().expect("32 bytes")
}

/// Bytes that look random and depend on `cosa` and `i` alone.
fn caso(cosa: &str, i: u64) -> Hash {
    Sha256::new().chain_update(cosa).chain_update(i.to_be_bytes()).finalize().into()
}

/// Operation `i` of the fixture: the fields of a registration, with every kind of value and awkward texts among them.
fn operazione(i: u64) -> Operazione {
    const OGGETTI: [&str; 6] = [
        "Istanza di accesso agli atti",
        "Ricorso avverso il verbale n. 12/\"bis\"",
        "Comunicazione di avvio del procedimento – art. 7 L. 241/1990",
        "Perché l'ufficio è chiuso? \\ Reclamo\u{a0}n° ½",
        "Richiesta di certificato 😀 \u{fb33} \u{1d11e}",
        "Prima riga\nseconda riga\tcon\u{7f}\u{1}caratteri\r\u{8}\u{c} di controllo",
    ];
    let r = caso("operazione", i);
    let mut op = json!({
        "v": 1, "operazione": "registrazione", "ente": "c_z999", "aoo": "AOO1", "indice": i,
        "istante": format!("2026-{:02}-{:02}T{:02}:{:02}:00.{:06}Z", i / 84 + 1, i / 3 % 28 + 1, i % 24, r[1] % 60, i),
        "registro": "PG", "anno": 2026, "numero": i + 1, "riservato": r[2] & 1 == 1,
        "oggetto": OGGETTI[usize::from(r[3] % 6)],
    })
    .as_object()
    .cloned()
    .expect("an object");
    // Values of every length around the block in which fields are digested.
    let long = if i.is_multiple_of(4) { r[4] } else { r[4] % 8 };
    op.insert("note".into(), "à".repeat(usize::from(long)).into());
    if r[5].is_multiple_of(4) {
        op.insert("nulla".into(), Value::Null);
    }
    let limit = catena::INTERO_MAX - i as i64;
    op.insert("limite".into(), if r[6] & 1 == 1 { limit.into() } else { (-limit).into() });
    for n in 0..r[7] % 4 {
        op.insert(format!("destinatari.{n}.denominazione"), format!("Comune di Prova {n}").into());
        op.insert(format!("destinatari.{n}.perConoscenza"), (n == 2).into());
    }
    op
}

fn rigenera() {
    let mut righe = String::new();
    for i in 0..1000 {
        let (seme, op) = (caso("seme", i), operazione(i));
        let voce = catena::voce_di(&Seme(seme), &op).expect("a good operation");
        let riga = json!({"seme": STANDARD.encode(seme), "voce": STANDARD.encode(voce), "operazione": op});
        writeln!(righe, "{riga}").expect("a string takes everything");
    }
    std::fs::write(file(), righe).expect("the fixture can be written");
}

/// R-B11, R-B13.
#[test]
fn a_thousand_operations_give_their_entries_and_their_root_for_ever() {
    if std::env::var_os("RIGENERA").is_some_and(|v| v == "1") {
        rigenera();
    }
    let text = std::fs::read_to_string(file()).expect("the fixture is in the repository");
    let mut albero = Albero::nuovo();
    let mut tiles = 0;
    for (i, riga) in text.lines().enumerate() {
        let riga: Value = serde_json::from_str(riga).expect("a line of JSON");
        let op = riga["operazione"].as_object().expect("an operation");
        let voce = catena::voce_di(&Seme(hash_di(&riga["seme"])), op).expect("a good operation");
        assert_eq!(voce, hash_di(&riga["voce"]), "operation {i}");
        assert_eq!(op["indice"], json!(i));
        albero.aggiungi(catena::foglia(&voce), |_, _, _| tiles += 1);
    }
    assert_eq!((albero.dimensione(), tiles), (1000, 3));
    assert_eq!(STANDARD.encode(albero.radice()), RADICE);
}

/// A circular to every municipality, and more: 40,000 fields.
fn circolare() -> Operazione {
    let mut op = operazione(1);
    for n in 0..10_000 {
        op.insert(format!("destinatari.{n}.tipo"), "amministrazione".into());
        op.insert(format!("destinatari.{n}.denominazione"), format!("Comune numero {n}").into());
        op.insert(format!("destinatari.{n}.ipa"), format!("c_{n:05}").into());
        op.insert(format!("destinatari.{n}.pec"), format!("protocollo@comune{n}.example").into());
    }
    op
}

#[test]
fn a_receipt_of_ten_thousand_recipients_shows_one_of_them_and_nothing_of_the_others() {
    let op = circolare();
    assert!(op.len() >= 40_000);
    let circular = (Seme(caso("seme", 1)), op);
    let registro = Registro::di(vec![(Seme(caso("seme", 0)), operazione(0)), circular]);
    let shown = ["oggetto", "destinatari.4321.denominazione"];
    let ricevuta = registro.ricevuta(1, &shown);
    let json = serde_json::to_vec(&ricevuta).expect("a receipt is JSON");
    println!("receipt of {} fields, 2 disclosed: {} bytes", circolare().len(), json.len());
    assert!(json.len() < 2_000_000);

    let read = catena::Ricevuta::leggi(&json).expect("it reads back");
    let EsitoRicevuta::Autentica { campi } = catena::verifica(&read, &[chiave().pubblica()]) else {
        panic!("the receipt holds");
    };
    assert_eq!(campi.keys().collect::<Vec<_>>(), ["destinatari.4321.denominazione", "oggetto"]);
    assert_eq!(campi["destinatari.4321.denominazione"], "Comune numero 4321");

    // Nothing else: neither in the open nor in a disclosure.
    assert_eq!((read.rivelazioni.len(), read.impronte.len()), (2, circolare().len() - 2));
    let text = String::from_utf8_lossy(&json);
    assert!(!text.contains("comune") && !text.contains("Comune"));
    for testo in &read.rivelazioni {
        let opened = catena::Rivelazione::leggi(testo).expect("a disclosure");
        assert!(shown.contains(&opened.nome.as_str()));
    }
    for impronta in &read.impronte {
        assert_eq!(impronta.len(), 43, "a digest and nothing else");
    }
}
