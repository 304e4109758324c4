//! Annulling from the pages: the effect is shown first, the mark can't be missed, the original stays readable.

use axum::http::StatusCode;

use crate::banco::*;

fn atto() -> [(&'static str, &'static str); 2] {
    [("provvedimento.numero", "Det. 45"), ("provvedimento.data", "2026-11-20")]
}

/// The state that a preview showed.
fn visto(r: &Risposta) -> String {
    let testo = r.testo();
    let dopo = testo.split("name=\"visto\" value=\"").nth(1).unwrap_or_else(|| panic!("no preview: {testo}"));
    dopo.split('"').next().unwrap().to_owned()
}

// R-B04, R-B05, R-B07, R-B15: single data, with the effect shown before; nothing is done until it is confirmed.
#[tokio::test(flavor = "multi_thread")]
async fn the_rgd_sees_the_effect_then_renews_a_field() {
    let b = Banco::nuovo().await;
    let anna = b.di("anna").await;
    let una = anna.entrata("Permesso di sosta", &[]).await;
    let rita = b.di("rita").await;
    let modulo = rita.get(&format!("{una}/annulla")).await;
    assert!(modulo.ha("Permesso di sosta") && modulo.ha("provvedimento.numero"), "{}", modulo.testo());
    let prima = b.operazioni().await;
    let mezzo = [("cosa", "parte"), ("campi", "oggetto"), ("oggetto", "Permesso di passaggio"), ("mezzo", "altro")];
    let tutti = |altri: &[(&'static str, &'static str)]| [&mezzo[..], &[("motivo", "Oggetto errato")], altri].concat();
    // Without the act it is refused, with what was typed still there.
    let r = rita.fa(&format!("{una}/annulla"), &tutti(&[])).await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(r.ha("Permesso di passaggio") && r.ha("Numero") && r.ha("va compilato"), "{}", r.testo());
    let r = rita.fa(&format!("{una}/annulla"), &tutti(&atto())).await;
    assert_eq!(r.stato, StatusCode::OK);
    assert!(
        r.ha("Ecco che cosa succederà") && r.ha("<del>sosta</del>") && r.ha("<ins>passaggio</ins>"),
        "{}",
        r.testo()
    );
    assert_eq!(b.operazioni().await, prima, "looking changes nothing");
    let confermata = async |visto: &str| {
        let conferma = [&tutti(&atto())[..], &[("azione", "conferma"), ("visto", visto)]].concat();
        rita.fa(&format!("{una}/annulla"), &conferma).await
    };
    // Something happens to it meanwhile: what was shown is no longer what would be done, so it is shown again.
    let allora = visto(&r);
    anna.fa(&format!("{una}/annota"), &[("testo", "Ha telefonato")]).await;
    let r = confermata(&allora).await;
    assert!(r.stato == StatusCode::OK && r.ha("Intanto alla registrazione"), "{}", r.testo());
    assert_eq!(b.operazioni().await, prima + 1, "nothing but the note");
    let prima = prima + 1;
    let r = confermata(&visto(&r)).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());
    assert_eq!(b.operazioni().await, prima + 1);
    let vista = anna.get(&una).await;
    for parola in
        ["Annullata in parte: oggetto", "Det. 45", "Permesso di sosta", "Permesso di passaggio", "Oggetto errato"]
    {
        assert!(vista.ha(parola), "{parola}: {}", vista.testo());
    }
    // The list and the register of annulments carry the mark; the old words still find it.
    assert!(anna.get("/c_z999/AOO1/registro?q=sosta").await.ha("annullata"));
    assert!(anna.get("/c_z999/AOO1/annullamenti").await.ha("Det. 45"));
    // As it was after its first operation, with nothing to be pressed.
    let indice = vista.testo().split("?fino=").last().unwrap().split('"').next().unwrap().to_owned();
    let allora = anna.get(&format!("{una}?fino={indice}")).await;
    assert!(allora.ha("com'era") || allora.ha("com&#39;era"), "{}", allora.testo());
    assert!(
        !allora.testo().contains("fascia-annullata")
            && !allora.testo().contains("action=\"/c_z999/AOO1/registrazioni/PG/2026/1/annota")
    );
    assert_eq!(anna.get(&format!("{una}?fino=999999")).await.stato, StatusCode::NOT_FOUND);
    // On paper and for programs.
    for (resto, tipo) in
        [("ricevuta.pdf", "application/pdf"), ("storia.pdf", "application/pdf"), ("storia.json", "application/json")]
    {
        let r = anna.get(&format!("{una}/{resto}")).await;
        assert_eq!((r.stato, r.capi["content-type"].to_str().unwrap()), (StatusCode::OK, tipo));
    }
}

// R-B06: an operator asks, the desk of the RGD says so, he authorises or refuses.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_asks_and_the_rgd_decides_from_the_page() {
    let b = Banco::nuovo().await;
    let anna = b.di("anna").await;
    let rita = b.di("rita").await;
    for (i, autorizza) in [true, false].into_iter().enumerate() {
        let una = anna.entrata(&format!("Doppione {i}"), &[]).await;
        let modulo = anna.get(&format!("{una}/annulla")).await;
        assert!(modulo.ha("Chiedi") && !modulo.ha("provvedimento.numero"), "{}", modulo.testo());
        let chiede = [("cosa", "tutta"), ("motivo", "Registrata due volte")];
        let visto = visto(&anna.fa(&format!("{una}/annulla"), &chiede).await);
        let conferma = [&chiede[..], &[("azione", "conferma"), ("visto", &visto)]].concat();
        assert_eq!(anna.fa(&format!("{una}/annulla"), &conferma).await.stato, StatusCode::SEE_OTHER);
        assert!(anna.get(&una).await.ha("Annullamento richiesto"));
        assert!(
            rita.get("/c_z999/AOO1/scrivania").await.ha("aspetta</a>")
                || rita.get("/c_z999/AOO1/scrivania").await.ha("la tua decisione")
        );
        assert!(rita.get("/c_z999/AOO1/annullamenti").await.ha("Registrata due volte"));
        assert_eq!(anna.fa(&format!("{una}/richieste/1/autorizza"), &atto()).await.stato, StatusCode::FORBIDDEN);
        if autorizza {
            let senza = rita.fa(&format!("{una}/richieste/1/autorizza"), &[]).await;
            assert_eq!(senza.stato, StatusCode::UNPROCESSABLE_ENTITY);
            assert_eq!(rita.fa(&format!("{una}/richieste/1/autorizza"), &atto()).await.stato, StatusCode::SEE_OTHER);
            let vista = anna.get(&una).await;
            assert!(vista.ha("Registrazione annullata") && vista.ha("chiesto da"), "{}", vista.testo());
            assert!(!vista.testo().contains(&format!("{una}/annulla\"")), "nothing left to annul");
        } else {
            let senza = rita.fa(&format!("{una}/richieste/1/rifiuta"), &[]).await;
            assert_eq!(senza.stato, StatusCode::UNPROCESSABLE_ENTITY);
            let no = [("motivoRifiuto", "Va bene così")];
            assert_eq!(rita.fa(&format!("{una}/richieste/1/rifiuta"), &no).await.stato, StatusCode::SEE_OTHER);
            assert!(!anna.get(&una).await.testo().contains("fascia-annullata"));
        }
    }
    assert_eq!(b.di("ugo").await.get("/c_z999/AOO1/annullamenti").await.stato, StatusCode::OK);
}

// R-B07, R-B15: what the form of a recipient does not usually show is not lost when the list is renewed.
#[tokio::test(flavor = "multi_thread")]
async fn renewing_recipients_keeps_how_each_is_reached() {
    let b = Banco::nuovo().await;
    let rita = b.di("rita").await;
    let uscita = [
        ("tipo", "uscita"),
        ("oggetto", "Risposta"),
        ("mezzo", "pec"),
        ("classificazione", "6.3"),
        ("destinatari.0.tipo", "persona-giuridica"),
        ("destinatari.0.denominazione", "Rossi srl"),
        ("destinatari.0.indirizzo", "via Roma 1, Ferrara"),
        ("destinatari.0.canale", "cartaceo"),
        ("destinatari.0.confermaRicezione", "si"),
    ];
    let r = rita.registra(&uscita, &[("documento", "risposta.pdf", b"%PDF-1.4")]).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());
    let una = r.meta().trim_end_matches("?nuova=1").to_owned();
    let modulo = rita.get(&format!("{una}/annulla")).await;
    for nome in ["indirizzo", "canale", "confermaRicezione"] {
        assert!(modulo.ha(&format!("name=\"destinatari.0.{nome}\"")), "{nome}: {}", modulo.testo());
    }
    assert!(modulo.ha("value=\"cartaceo\" selected") && modulo.ha("via Roma 1, Ferrara"), "{}", modulo.testo());
}

// R-B12: from the page too, a receipt discloses what was ticked and nothing else; it holds all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_shows_what_was_ticked() {
    let b = Banco::nuovo().await;
    let anna = b.di("anna").await;
    let una = anna.entrata("Istanza di accesso", &[]).await;
    assert!(anna.get(&una).await.ha("Scegli che cosa mostra la ricevuta"));
    let rivelati = async |resto: &str| {
        let r = anna.get(&format!("{una}/ricevuta{resto}")).await;
        assert_eq!(r.stato, StatusCode::OK, "{}", r.testo());
        let ricevuta: catena::Ricevuta = serde_json::from_str(&r.testo()).unwrap();
        match catena::verifica(&ricevuta, &[]) {
            catena::EsitoRicevuta::CoerenteNonAutenticata { campi } => campi,
            altro => panic!("{altro:?}"),
        }
    };
    let tutta = rivelati("").await;
    assert!(tutta.contains_key("mittente.cognome") && tutta.contains_key("oggetto"));
    let scelta = rivelati("?campi=tipo&campi=oggetto").await;
    assert_eq!(scelta["oggetto"], "Istanza di accesso");
    assert!(["numero", "anno", "istante", "ente", "tipo"].iter().all(|c| scelta.contains_key(*c)), "{scelta:?}");
    assert!(!scelta.keys().any(|c| c.starts_with("mittente") || c.starts_with("operatore")), "{scelta:?}");
}

// R-L16: the RGD finds who saw somebody's data; others do not even find the page.
#[tokio::test(flavor = "multi_thread")]
async fn who_saw_what_is_for_who_answers_for_it() {
    let b = Banco::nuovo().await;
    let anna = b.di("anna").await;
    let una = anna.entrata("Istanza di Maria", &[]).await;
    anna.get(&una).await;
    let rita = b.di("rita").await;
    let tutti = rita.get("/c_z999/AOO1/accessi").await;
    assert!(tutti.ha("anna Prova (anna)") && tutti.ha("ha aperto la registrazione"), "{}", tutti.testo());
    assert!(rita.get("/c_z999/AOO1/accessi?utente=ugo").await.ha("Nessun accesso corrisponde"));
    let male = rita.get("/c_z999/AOO1/accessi?registrazione=zero&dal=ieri").await;
    assert!(male.stato == StatusCode::OK && male.ha("una registrazione si indica") && male.ha("23/11/2026"));
    assert_eq!(anna.get("/c_z999/AOO1/accessi").await.stato, StatusCode::FORBIDDEN);
}

// Design § 5: the log's public page says how long the blind window is, to whom is not signed in.
#[tokio::test(flavor = "multi_thread")]
async fn the_public_log_says_where_it_is_anchored() {
    let b = Banco::nuovo().await;
    let p = b.estraneo().get("/c_z999/AOO1/registro-pubblico").await;
    assert_eq!(p.stato, StatusCode::OK);
    assert!(
        p.ha("Finestra cieca") && p.ha("prova.example/c_z999/AOO1") && p.ha("non escono ancora di qui"),
        "{}",
        p.testo()
    );
    for altro in ["/c_z999/ALTRA/registro-pubblico", "/c_h501/AOO1/registro-pubblico", "/x/y/registro-pubblico"] {
        assert_eq!(b.estraneo().get(altro).await.stato, StatusCode::NOT_FOUND, "{altro}");
    }
    assert!(b.estraneo().get("/verifica?ente=c_z999&aoo=AOO1").await.ha("data-base=\"/api/v1/enti/c_z999/aoo/AOO1\""));
    assert_eq!(b.estraneo().get("/verifica?ente=x&aoo=%00").await.stato, StatusCode::OK);
}
