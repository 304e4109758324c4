//! Documents on paper at the REST door: one page for the person, the whole history for a court.

use std::io::Write as _;
use std::process::{Command, Stdio};

use axum::http::{StatusCode, header};
use serde_json::json;

use crate::banco::*;

/// What a tool of poppler says of a PDF. `None`, and said, where it is not installed.
pub fn chiedi(programma: &str, argomenti: &[&str], pdf: &[u8]) -> Option<String> {
    let Ok(mut p) = Command::new(programma)
        .args(argomenti)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
    else {
        assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "{programma} is missing");
        eprintln!("{programma} is not installed: not asked");
        return None;
    };
    p.stdin.take().unwrap().write_all(pdf).unwrap();
    let o = p.wait_with_output().unwrap();
    assert!(o.status.success());
    // Lines are broken where the page ends: words count, not where they stand.
    Some(String::from_utf8_lossy(&o.stdout).split_whitespace().collect::<Vec<_>>().join(" "))
}

// R-A24, R-J07; L. 241/1990 art. 18-bis: number, filing date, office, term, contacts, on one page, tagged.
#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_for_the_person_is_one_accessible_page() {
    let b = Banco::nuovo().await;
    let lungo = format!("Istanza 漢字 😀 {}", "molto lunga ".repeat(320));
    let mut dati = entrata(&lungo);
    dati["altriMittenti"] = json!(
        (0..30)
            .map(|i| json!({"tipo": "persona-fisica", "cognome": format!("Cofirmatario{i}"), "nome": "Anna"}))
            .collect::<Vec<_>>()
    );
    let mut modulo = Modulo::nuovo().dati(&dati).file("documento", "istanza.pdf", b"x");
    for i in 0..40 {
        modulo = modulo.file("allegato", &format!("allegato {i} con un nome piuttosto lungo.pdf"), b"y");
    }
    let r = b.registra(&b.anna, modulo).await.json();
    let una = r["links"]["ricevuta.pdf"].as_str().unwrap();
    let pdf = b.get(&b.ugo, una).await;
    assert_eq!((pdf.stato, &pdf.capi[header::CONTENT_TYPE]), (StatusCode::OK, &"application/pdf".parse().unwrap()));
    assert_eq!(b.get(&b.ugo, una).await.byte, pdf.byte, "the same state, the same bytes");
    assert_eq!(b.get(&b.ada, una).await.stato, StatusCode::FORBIDDEN);
    if let Some(i) = chiedi("pdfinfo", &["-"], &pdf.byte) {
        assert!(i.contains("Pages: 1 ") && i.contains("Tagged: yes"), "{i}");
    }
    if let Some(t) = chiedi("pdftotext", &["-layout", "-", "-"], &pdf.byte) {
        for parola in
            ["0000001/2026", "23 novembre 2026, ore 9:12:00", "Ufficio TRIB", "23 dicembre 2026", "RSSMRA80A01H501U"]
        {
            assert!(t.contains(parola), "{parola}: {t}");
        }
    }
}

// R-B03, R-B04: every operation, what was before and what after, and the mark of the annulment first.
#[tokio::test(flavor = "multi_thread")]
async fn the_history_on_paper_has_every_operation_and_the_mark() {
    let b = Banco::nuovo().await;
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&entrata("Sosta")).file("documento", "a.txt", b"a")).await.json();
    let una = r["links"]["self"].as_str().unwrap();
    b.post(&b.ugo, &format!("{una}/assegnazioni/1/prendi-in-carico"), json!({})).await;
    let corpo = json!({"motivo": "Oggetto errato", "provvedimento": {"numero": "Det. 45", "data": "2026-11-20"},
        "campi": ["oggetto"], "nuoviValori": {"oggetto": "Passaggio"}});
    assert_eq!(b.post(&b.rita, &format!("{una}/annullamento"), corpo).await.stato, StatusCode::CREATED);
    let pdf = b.get(&b.rita, r["links"]["storia.pdf"].as_str().unwrap()).await;
    assert_eq!(pdf.stato, StatusCode::OK);
    for documento in [&pdf.byte, &b.get(&b.anna, r["links"]["ricevuta.pdf"].as_str().unwrap()).await.byte] {
        if let Some(t) = chiedi("pdftotext", &["-layout", "-", "-"], documento) {
            assert!(t.contains("ANNULLATA IN PARTE") && t.contains("Det. 45 del 20 novembre 2026"), "{t}");
        }
    }
    if let Some(t) = chiedi("pdftotext", &["-layout", "-", "-"], &pdf.byte) {
        for parola in
            ["Registrata in entrata", "Presa in carico", "Annullata in parte", "Sosta", "Passaggio", "Oggetto errato"]
        {
            assert!(t.contains(parola), "{parola}: {t}");
        }
    }
    // Who took it out of the register is written.
    let chi = b.get(&b.rita, &format!("{BASE}/accessi?registrazione=PG/2026/1")).await.json();
    assert_eq!(chi["elementi"][1]["azione"], "esportazione");
}
