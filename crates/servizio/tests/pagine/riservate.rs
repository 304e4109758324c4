//! Reserved registrations: number and instant, nothing else (R-L08).

use axum::http::StatusCode;

use crate::banco::{BASE, Banco};

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_one_shows_only_that_the_number_exists() {
    let b = Banco::nuovo().await;
    let rita = b.di("rita").await;
    let p = rita
        .entrata(
            "Segretissimo ornitorinco",
            &[("riservato", "si"), ("assegnazioni.0.ufficio", "TRIB"), ("mittente.nome", "Zaccaria")],
        )
        .await;
    assert!(rita.get(&p).await.ha("Segretissimo ornitorinco"));
    assert!(b.di("ugo").await.get(&p).await.ha("Segretissimo ornitorinco"), "it is of his office");

    let anna = b.di("anna").await;
    let pagina = anna.get(&p).await;
    assert_eq!(pagina.stato, StatusCode::OK);
    assert!(pagina.ha("0000001") && pagina.ha("Riservata"));
    let impronta = {
        let t = rita.get(&p).await.testo();
        t.split("<code title=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    for percorso in [
        p.clone(),
        format!("{BASE}/registro"),
        format!("{BASE}/scrivania"),
        format!("{BASE}/registro?q=ornitorinco"),
        format!("{BASE}/registro?soggetto=zaccaria"),
        format!("{BASE}/suggerimenti/corrispondenti?q=zaccaria"),
        format!("{BASE}/suggerimenti/doppioni?impronta={impronta}"),
        format!("{p}/confronto"),
        format!("{p}/documenti/1"),
        format!("{p}/ricevuta"),
    ] {
        let r = anna.get(&percorso).await;
        let t = r.testo().replace("«zaccaria»", "").replace("value=\"zaccaria\"", "");
        assert!(!t.contains("Segretissimo") && !t.contains("Zaccaria"), "{percorso}");
    }
    for percorso in [format!("{p}/documenti/1"), format!("{p}/ricevuta"), format!("{p}/confronto")] {
        assert_eq!(anna.get(&percorso).await.stato, StatusCode::FORBIDDEN, "{percorso}");
    }
    assert!(anna.get(&format!("{BASE}/registro")).await.ha("Riservata"), "the sequence stays whole");
    let doppioni = anna.get(&format!("{BASE}/suggerimenti/doppioni?impronta={impronta}")).await;
    assert!(!doppioni.ha("0000001"), "not even a hint");
    let prima = b.operazioni().await;
    assert_eq!(anna.fa(&format!("{p}/annota"), &[("testo", "x")]).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(b.operazioni().await, prima);
}
