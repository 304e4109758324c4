//! The segnatura that is seen: label, stamped copy, cover sheet. R-C16, R-C17.

use std::process::Command;

use axum::http::{StatusCode, header};
use serde_json::json;

use crate::banco::*;
use crate::stampe::chiedi;

/// What the QR code on a page says. `None`, and said, where no judge is installed.
fn letto(pdf: &[u8]) -> Option<String> {
    chiedi("pdftoppm", &["-v"], b"")?;
    let cartella = tempfile::tempdir().unwrap();
    let file = cartella.path().join("t.pdf");
    std::fs::write(&file, pdf).unwrap();
    let foto = file.with_extension("");
    let fatto = Command::new("pdftoppm").args(["-r", "200", "-png", "-singlefile"]).arg(&file).arg(&foto).status();
    assert!(fatto.unwrap().success());
    let Ok(o) = Command::new("zbarimg").args(["-q", "--raw"]).arg(file.with_extension("png")).output() else {
        assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "zbarimg is missing");
        eprintln!("zbarimg is not installed: not asked");
        return None;
    };
    Some(String::from_utf8_lossy(&o.stdout).trim().to_owned())
}

fn un_pdf() -> Vec<u8> {
    let quando = stampa::Istante { anno: 2026, mese: 3, giorno: 2, ora: 9, minuto: 5, secondo: 7, scarto_minuti: 60 };
    let mut d = stampa::Documento::nuovo("Istanza", "Maria Rossi", quando);
    d.blocchi.push(stampa::Blocco::Paragrafo(vec![stampa::Brano::piano("Chiedo l'accesso agli atti.")]));
    d.pdf().unwrap()
}

async fn registrata(b: &Banco, nome: &str, byte: &[u8]) -> serde_json::Value {
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&entrata("Sosta")).file("documento", nome, byte)).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    r.json()
}

fn atteso(r: &serde_json::Value) -> String {
    format!(
        "http://prova/verifica?ente=c_z999&aoo=AOO1#PG/{}/{}&i={}&e={}&h={}",
        r["anno"],
        r["numero"],
        r["log"]["indice"],
        r["log"]["entrata"].as_str().unwrap(),
        r["documenti"][0]["impronta"].as_str().unwrap()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn the_label_says_number_ente_and_impronta_on_paper_as_text_and_by_its_code() {
    let b = Banco::nuovo().await;
    let r = registrata(&b, "a.txt", b"a").await;
    let una = r["links"]["etichetta"].as_str().unwrap();
    let impronta = r["documenti"][0]["impronta"].as_str().unwrap();
    for (domanda, misure) in
        [("", "252.283 x 102.047"), ("?formato=89x36", "252.283 x 102.047"), ("?formato=100x50", "283.465 x 141.732")]
    {
        let pdf = b.get(&b.anna, &format!("{una}{domanda}")).await;
        assert_eq!((pdf.stato, &pdf.capi[header::CONTENT_TYPE]), (StatusCode::OK, &"application/pdf".parse().unwrap()));
        if let Some(i) = chiedi("pdfinfo", &["-"], &pdf.byte) {
            assert!(i.contains("Pages: 1 ") && i.contains(misure) && i.contains("Tagged: yes"), "{i}");
        }
        if let Some(t) = chiedi("pdftotext", &["-raw", "-", "-"], &pdf.byte) {
            for parola in ["0000001/2026", "c_z999", "AOO1", "registro PG", "Entrata · class. 1.6 Voce 1.6"] {
                assert!(t.contains(parola), "{parola}: {t}");
            }
            assert!(t.replace(' ', "").contains(impronta), "{t}");
        }
        if let Some(codice) = letto(&pdf.byte) {
            assert_eq!(codice, atteso(&r));
        }
    }
    let testo = b.get(&b.anna, &una.replace(".pdf", ".txt")).await;
    assert_eq!(testo.capi[header::CONTENT_TYPE], "text/plain; charset=utf-8");
    let testo = String::from_utf8(testo.byte).unwrap();
    let righe: Vec<&str> = testo.lines().collect();
    assert_eq!((righe[0], righe[1], righe.len()), ("0000001/2026", "c_z999", 7), "{testo}");
    assert_eq!(*righe.last().unwrap(), atteso(&r));
    for male in ["?formato=10x10", "?misura=1"] {
        assert_eq!(b.get(&b.anna, &format!("{una}{male}")).await.stato, StatusCode::UNPROCESSABLE_ENTITY, "{male}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stamped_copy_begins_with_the_original_which_is_never_touched() {
    let b = Banco::nuovo().await;
    let originale = un_pdf();
    let r = registrata(&b, "istanza.pdf", &originale).await;
    let una = r["links"]["documentoTimbrato"].as_str().unwrap();
    for angolo in ["", "?angolo=alto-sinistra", "?angolo=basso-destra", "?angolo=basso-sinistra"] {
        let copia = b.get(&b.anna, &format!("{una}{angolo}")).await;
        assert_eq!((copia.stato, &copia.capi["protocollo-copia"]), (StatusCode::OK, &"timbrata".parse().unwrap()));
        assert!(copia.byte.starts_with(&originale) && copia.byte.len() > originale.len());
        assert!(copia.capi["content-disposition"].to_str().unwrap().starts_with("attachment"));
        if let Some(t) = chiedi("pdftotext", &["-raw", "-", "-"], &copia.byte) {
            assert!(t.contains("Chiedo l'accesso") && t.contains("0000001/2026"), "{t}");
        }
        if let Some(codice) = letto(&copia.byte) {
            assert_eq!(codice, atteso(&r));
        }
    }
    let file = b.get(&b.anna, r["links"]["documenti"][0].as_str().unwrap()).await;
    assert!(file.byte == originale, "the original is as it was");
    let male = b.get(&b.anna, &format!("{una}?angolo=centro")).await;
    assert_eq!((male.stato, male.campo()), (StatusCode::UNPROCESSABLE_ENTITY, "angolo".to_owned()));
    // It is seen by who may see the document, and the access is written.
    assert_eq!(b.get(&b.ada, una).await.stato, StatusCode::FORBIDDEN);
    let chi = b.get(&b.rita, &format!("{BASE}/accessi?registrazione=PG/{}/1", r["anno"])).await.json();
    assert_eq!(chi["elementi"][0]["azione"], "documento", "{chi}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_carry_the_stamp_gets_a_cover_sheet() {
    let b = Banco::nuovo().await;
    let rotto = &un_pdf()[..900];
    let mut casi = vec![
        ("lettera.txt", b"Chiedo l'accesso".to_vec(), "non-pdf"),
        ("corto.pdf", b"%P".to_vec(), "non-pdf"),
        ("rotto.pdf", rotto.to_vec(), "danneggiato"),
    ];
    let cartella = tempfile::tempdir().unwrap();
    let (chiaro, cifrato) = (cartella.path().join("p.pdf"), cartella.path().join("c.pdf"));
    std::fs::write(&chiaro, un_pdf()).unwrap();
    let qpdf = Command::new("qpdf").args(["--encrypt", "", "padrone", "256", "--"]).arg(&chiaro).arg(&cifrato).status();
    match qpdf {
        Ok(s) => {
            assert!(s.success());
            casi.push(("cifrato.pdf", std::fs::read(cifrato).unwrap(), "cifrato"));
        }
        Err(_) => {
            assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "qpdf is missing");
            eprintln!("qpdf is not installed: no encrypted document");
        }
    }
    for (nome, byte, motivo) in casi {
        let r = registrata(&b, nome, &byte).await;
        let foglio = b.get(&b.anna, r["links"]["documentoTimbrato"].as_str().unwrap()).await;
        assert_eq!(foglio.stato, StatusCode::OK, "{nome}");
        assert_eq!(foglio.capi["protocollo-copia"], format!("frontespizio; motivo={motivo}").as_str(), "{nome}");
        if let Some(t) = chiedi("pdftotext", &["-raw", "-", "-"], &foglio.byte) {
            let numero = r["numeroEsteso"].as_str().unwrap();
            for parola in ["Frontespizio del documento", numero, nome, "Questo foglio accompagna il documento"] {
                assert!(t.contains(parola), "{parola}: {t}");
            }
        }
        if let Some(codice) = letto(&foglio.byte) {
            assert_eq!(codice, atteso(&r), "{nome}");
        }
    }
}

// R-B04: what was annulled says so wherever it is printed.
#[tokio::test(flavor = "multi_thread")]
async fn an_annulled_registration_is_marked_on_label_stamp_and_cover_sheet() {
    let b = Banco::nuovo().await;
    for (nome, byte) in [("istanza.pdf", un_pdf()), ("istanza.txt", b"x".to_vec())] {
        let r = registrata(&b, nome, &byte).await;
        let una = r["links"]["self"].as_str().unwrap();
        let corpo =
            json!({"motivo": "Registrata due volte", "provvedimento": {"numero": "Det. 45", "data": "2026-11-20"}});
        let annullata = b.post(&b.rita, &format!("{una}/annullamento"), corpo).await;
        assert_eq!(annullata.stato, StatusCode::CREATED, "{}", annullata.json());
        for file in ["etichetta.pdf", "documento-timbrato.pdf"] {
            let pdf = b.get(&b.anna, &format!("{una}/{file}")).await.byte;
            if let Some(t) = chiedi("pdftotext", &["-raw", "-", "-"], &pdf) {
                assert!(t.contains("ANNULLATA"), "{file}: {t}");
            }
        }
        let testo = b.get(&b.anna, &format!("{una}/etichetta.txt")).await.byte;
        assert!(testo.starts_with(b"ANNULLATA\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aoo_says_where_its_stamp_goes_and_who_asks_may_say_otherwise() {
    // R-C16
    let b = Banco::nuovo().await;
    let qui = format!("{BASE}/timbro");
    assert_eq!(b.get(&b.anna, &qui).await.json(), json!({"angolo": "alto-destra", "margineMm": 7}));
    let r = registrata(&b, "a.pdf", &un_pdf()).await;
    let copia = r["links"]["documentoTimbrato"].as_str().unwrap();
    let byte = async |domanda: &str| {
        let r = b.get(&b.anna, &format!("{copia}{domanda}")).await;
        assert_eq!(r.stato, StatusCode::OK, "{domanda}");
        r.byte
    };
    let predefinita = byte("").await;
    assert_eq!(byte("?angolo=alto-destra").await, predefinita);
    let in_basso = byte("?angolo=basso-sinistra").await;
    assert_ne!(in_basso, predefinita);

    let nuova = json!({"angolo": "basso-sinistra", "margineMm": 7});
    assert_eq!(b.post(&b.anna, &qui, nuova.clone()).await.stato, StatusCode::FORBIDDEN);
    for (corpo, campo) in [
        (json!({"angolo": "al-centro", "margineMm": 7}), "angolo"),
        (json!({"angolo": "alto-destra", "margineMm": 2}), "margineMm"),
        (json!({"angolo": "alto-destra", "margineMm": 51}), "margineMm"),
        (json!({"angolo": "alto-destra", "margineMm": 300}), "margineMm"),
        (json!({"angolo": "alto-destra", "margineMm": 7, "pagina": 2}), "pagina"),
    ] {
        let r = b.post(&b.ada, &qui, corpo).await;
        assert_eq!((r.stato, r.campo().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, campo), "{}", r.json());
    }
    let r = b.post(&b.ada, &qui, nuova.clone()).await;
    assert_eq!((r.stato, r.json()), (StatusCode::CREATED, nuova));
    assert_eq!(byte("").await, in_basso);
    assert_eq!(byte("?angolo=alto-destra").await, predefinita);
    // The margin is the AOO's, whatever the corner.
    b.post(&b.ada, &qui, json!({"angolo": "alto-destra", "margineMm": 30})).await;
    assert_ne!(byte("").await, predefinita);
    assert_eq!(byte("?angolo=alto-destra").await, byte("").await);
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}
