//! Label and stamped copy as people ask for them, and where the stamp goes (R-C16, R-C17).

use axum::http::{StatusCode, header};

use crate::banco::{BASE, Banco, Browser, Risposta};

fn un_pdf() -> Vec<u8> {
    let quando = stampa::Istante { anno: 2026, mese: 3, giorno: 2, ora: 9, minuto: 5, secondo: 7, scarto_minuti: 60 };
    stampa::Documento::nuovo("Istanza", "Maria Rossi", quando).pdf().unwrap()
}

/// A registration with such a file; the address of its page.
async fn registrata(b: &Browser<'_>, altri: &[(&str, &str)], nome: &str, byte: &[u8]) -> String {
    let mut campi = vec![
        ("tipo", "entrata"),
        ("oggetto", "Istanza di prova"),
        ("mezzo", "pec"),
        ("mittente.tipo", "persona-fisica"),
        ("mittente.cognome", "Rossi"),
        ("mittente.nome", "Maria"),
        ("classificazione", "1.6"),
        ("assegnazioni.0.ufficio", "PROT"),
        ("assegnazioni.0.tipo", "competenza"),
    ];
    campi.extend(altri);
    let r = b.registra(&campi, &[("documento", nome, byte)]).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());
    r.meta().trim_end_matches("?nuova=1").to_owned()
}

/// A PDF, to be looked at or, if some of its bytes are of others, saved.
fn un_foglio(r: &Risposta, modo: &str) {
    assert_eq!((r.stato, &r.capi[header::CONTENT_TYPE]), (StatusCode::OK, &"application/pdf".parse().unwrap()));
    assert!(r.byte.starts_with(b"%PDF"));
    assert!(r.capi[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with(modo));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_registration_gives_its_label_and_its_stamped_copy() {
    let b = Banco::nuovo().await;
    let anna = b.di("anna").await;
    let pdf = un_pdf();
    let qui = registrata(&anna, &[], "istanza.pdf", &pdf).await;
    let r = anna.get(&qui).await;
    assert!(r.ha(&format!("{qui}/etichetta.pdf")) && r.ha(&format!("{qui}/documento-timbrato.pdf")), "{}", r.testo());

    let piccola = anna.get(&format!("{qui}/etichetta.pdf")).await;
    un_foglio(&piccola, "inline");
    let grande = anna.get(&format!("{qui}/etichetta.pdf?formato=100x50")).await;
    un_foglio(&grande, "inline");
    assert_ne!(piccola.byte, grande.byte);
    assert_eq!(anna.get(&format!("{qui}/etichetta.pdf?formato=89x36")).await.byte, piccola.byte);
    assert_eq!(anna.get(&format!("{qui}/etichetta.pdf?formato=1x1")).await.stato, StatusCode::UNPROCESSABLE_ENTITY);

    let copia = anna.get(&format!("{qui}/documento-timbrato.pdf")).await;
    un_foglio(&copia, "attachment");
    assert_eq!(copia.capi["protocollo-copia"], "timbrata");
    assert!(copia.byte.starts_with(&pdf) && copia.byte.len() > pdf.len(), "the original's bytes come first");
    assert_eq!(anna.get(&format!("{qui}/documento-timbrato.pdf?angolo=alto-destra")).await.byte, copia.byte);
    assert_ne!(anna.get(&format!("{qui}/documento-timbrato.pdf?angolo=basso-destra")).await.byte, copia.byte);
    let r = anna.get(&format!("{qui}/documento-timbrato.pdf?angolo=centro")).await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);

    // What is no PDF has a cover sheet.
    let testo = registrata(&anna, &[], "a.txt", b"testo").await;
    let r = anna.get(&format!("{testo}/documento-timbrato.pdf")).await;
    un_foglio(&r, "attachment");
    assert!(r.capi["protocollo-copia"].to_str().unwrap().starts_with("frontespizio"));
}

#[tokio::test(flavor = "multi_thread")]
async fn label_and_copy_are_seen_by_who_sees_the_document_only() {
    // R-L08
    let b = Banco::nuovo().await;
    let (anna, ugo) = (b.di("anna").await, b.di("ugo").await);
    let qui = registrata(&anna, &[("riservato", "si")], "istanza.pdf", &un_pdf()).await;
    for file in ["etichetta.pdf", "documento-timbrato.pdf"] {
        assert_eq!(anna.get(&format!("{qui}/{file}")).await.stato, StatusCode::OK);
        let r = ugo.get(&format!("{qui}/{file}")).await;
        assert!(r.stato.is_client_error() && !r.byte.starts_with(b"%PDF"), "{file}: {}", r.stato);
        assert_eq!(b.estraneo().get(&format!("{qui}/{file}")).await.stato, StatusCode::SEE_OTHER);
        let altrove = qui.replace("/1", "/999");
        assert_eq!(anna.get(&format!("{altrove}/{file}")).await.stato, StatusCode::NOT_FOUND);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_configures_says_where_the_stamp_goes() {
    let b = Banco::nuovo().await;
    let (ada, anna) = (b.di("ada").await, b.di("anna").await);
    let qui = format!("{BASE}/timbro");
    assert_eq!(anna.get(&qui).await.stato, StatusCode::FORBIDDEN);
    let r = ada.get(&qui).await;
    assert!(r.ha("value=\"alto-destra\" checked") && r.ha("value=\"7\""), "{}", r.testo());
    let foglio = registrata(&anna, &[], "istanza.pdf", &un_pdf()).await;
    let in_basso = anna.get(&format!("{foglio}/documento-timbrato.pdf?angolo=basso-destra")).await.byte;

    for (campi, campo) in [
        ([("angolo", "centro"), ("margineMm", "7")], "angolo"),
        ([("angolo", "basso-destra"), ("margineMm", "2")], "margineMm"),
        ([("angolo", "basso-destra"), ("margineMm", "tanto")], "margineMm"),
    ] {
        let r = ada.fa(&qui, &campi).await;
        assert!(r.stato == StatusCode::UNPROCESSABLE_ENTITY && r.ha(&format!("id=\"c-{campo}-e\"")), "{}", r.testo());
    }
    let buoni = [("angolo", "basso-destra"), ("margineMm", "7")];
    assert_eq!(anna.fa(&qui, &buoni).await.stato, StatusCode::FORBIDDEN);
    let r = ada.fa(&qui, &buoni).await;
    assert_eq!((r.stato, r.meta()), (StatusCode::SEE_OTHER, format!("{qui}?fatto=1")));
    let r = ada.get(&r.meta()).await;
    assert!(r.ha("value=\"basso-destra\" checked") && r.ha("Da ora il timbro va lì"), "{}", r.testo());
    assert_eq!(anna.get(&format!("{foglio}/documento-timbrato.pdf")).await.byte, in_basso);
}
