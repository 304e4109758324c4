//! Working on a registration from its page; the domain decides, the page shows (R-B02, R-B03, R-J05).

use axum::http::StatusCode;

use crate::banco::{BASE, Banco};

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_can_be_added_is_added_and_stays_in_the_history() {
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    let altra = s.entrata("L'altra", &[]).await;
    let p = s.entrata("Quella su cui si lavora", &[]).await;
    let fatto = async |percorso: &str, campi: &[(&str, &str)]| {
        let r = s.fa(&format!("{p}/{percorso}"), campi).await;
        assert_eq!(r.stato, StatusCode::SEE_OTHER, "{percorso}: {}", r.testo());
        assert!(r.meta().starts_with(&p), "{}", r.meta());
    };
    fatto("annota", &[("testo", "Sentito il segretario")]).await;
    fatto("classifica", &[("classificazione", "6.3"), ("motivo", "più precisa")]).await;
    fatto("assegna", &[("ufficio", "TRIB"), ("tipo", "competenza"), ("nota", "urgente")]).await;
    fatto("assegnazioni/1/prendi-in-carico", &[]).await;
    fatto("assegnazioni/1/concludi", &[("nota", "fatto")]).await;
    let anno = b.ente.ora().anno().to_string();
    fatto("collega", &[("numero", "1"), ("anno", &anno), ("nota", "stessa pratica")]).await;
    let r = s.fa(&format!("{BASE}/fascicoli"), &[("oggetto", "Pratiche edilizie"), ("classificazione", "6.3")]).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER);
    fatto("fascicola", &[("fascicolo", &format!("{anno}/6.3/1"))]).await;
    let csrf = s.csrf().await;
    let r = s
        .invia_file(
            &format!("{p}/allega"),
            &[("csrf", &csrf), ("descrizione", "planimetria")],
            &[("allegato", "pianta.png", b"\x89PNG\r\n\x1a\n..")],
        )
        .await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());

    let pagina = s.get(&p).await;
    for parole in [
        "Annotata",
        "Classificata",
        "Assegnata",
        "Presa in carico",
        "Assegnazione conclusa",
        "Collegata",
        "Messa in un fascicolo",
        "Aggiunti allegati",
        "Registrata in entrata",
        "Sentito il segretario",
        "stessa pratica",
        "pianta.png",
        "«urgente»",
        "<del>0</del> → <ins>6.3</ins>",
    ] {
        assert!(pagina.ha(parole), "{parole}");
    }
    assert!(pagina.ha(&format!("href=\"{altra}\"")));
    let c = s.get(&format!("{p}/confronto")).await;
    assert!(c.ha("<ins>Sentito il segretario</ins>") && c.ha("campi invariati"));
    assert_eq!(s.get(&format!("{p}/confronto?da=999999")).await.stato, StatusCode::NOT_FOUND);
    let r = s.get(&format!("{p}/ricevuta")).await;
    assert!(serde_json::from_slice::<serde_json::Value>(&r.byte).unwrap().is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_said_where_it_was_typed_and_changes_nothing() {
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    let p = s.entrata("Da non cambiare", &[("classificazione", "1.6")]).await;
    let prima = b.operazioni().await;
    for (percorso, campi, stato, parole) in [
        ("annota", &[("testo", "  ")][..], 422, "va compilato"),
        ("classifica", &[("classificazione", "9.9")], 422, "non esiste nel titolario"),
        ("classifica", &[("classificazione", "1.6")], 409, "già classificata"),
        ("classifica", &[("classificazione", "a/b")], 422, "codice di classificazione"),
        ("assegna", &[("ufficio", "")], 422, "almeno un ufficio"),
        ("assegna", &[("ufficio", "NULLA")], 422, "non esiste o è chiuso"),
        ("assegnazioni/1/rifiuta", &[("motivo", "")], 422, "va compilato"),
        ("assegnazioni/7/prendi-in-carico", &[], 404, "non esiste"),
        ("collega", &[("numero", "77"), ("anno", "2026")], 422, "non esiste"),
        ("collega", &[("numero", "x"), ("anno", "")], 422, "registro/anno/numero"),
        ("fascicola", &[("fascicolo", "")], 422, "va indicato"),
        ("fascicola", &[("fascicolo", "2026/9/9")], 422, "il fascicolo 2026/9/9 non esiste"),
    ] {
        let r = s.fa(&format!("{p}/{percorso}"), campi).await;
        assert_eq!(r.stato.as_u16(), stato, "{percorso} {campi:?}: {}", r.testo());
        assert!(r.ha(parole), "{percorso} {campi:?}: {parole}");
        assert!(r.ha("ulla è stato cambiato") || stato == 404, "{percorso}");
    }
    let csrf = s.csrf().await;
    let r = s.invia_file(&format!("{p}/allega"), &[("csrf", &csrf)], &[("allegato", "vuoto.txt", b"")]).await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(r.ha("è vuoto"));
    assert_eq!(b.operazioni().await, prima);
    for assente in ["registrazioni/PG/2026/999", "registrazioni/PG/2026/0", "registrazioni/a%2Fb/x/y", "nulla"] {
        let r = s.get(&format!("{BASE}/{assente}")).await;
        assert_eq!(r.stato, StatusCode::NOT_FOUND, "{assente}");
        assert!(r.ha("Pagina non trovata"));
        let csp = r.capi[axum::http::header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(csp.contains("style-src 'self'"), "an error has its style too");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_office_finds_its_work_on_the_desk_and_takes_it() {
    let b = Banco::nuovo().await;
    let p = b.di("anna").await.entrata("Per i tributi", &[("assegnazioni.0.ufficio", "TRIB")]).await;
    let ugo = b.di("ugo").await;
    let r = ugo.get(&format!("{BASE}/scrivania")).await;
    assert!(r.ha("Per i tributi") && r.ha(&format!("action=\"{p}/assegnazioni/1/prendi-in-carico\"")));
    let dopo = format!("{BASE}/scrivania");
    let r = ugo.fa(&format!("{p}/assegnazioni/1/prendi-in-carico"), &[("dopo", &dopo)]).await;
    assert_eq!(r.meta(), dopo);
    let r = ugo.fa(&format!("{p}/assegnazioni/1/prendi-in-carico"), &[]).await;
    assert_eq!(r.stato, StatusCode::CONFLICT);
    let r = ugo
        .fa(&format!("{p}/assegnazioni/1/rifiuta"), &[("motivo", "non è nostra"), ("dopo", "https://male.example/")])
        .await;
    assert!(r.meta().starts_with(&p), "only local addresses are followed");
    assert!(b.di("anna").await.get(&p).await.ha("«non è nostra»"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_assigned_to_others_never_hides_what_is_mine() {
    // R-J05: more than a page of assignments to somebody else of the office, then one to nobody in particular.
    let b = Banco::nuovo().await;
    let anna = b.di("anna").await;
    let p = anna.entrata("Prima di tutte", &[("assegnazioni.0.ufficio", "TRIB")]).await;
    // A colleague of the same office: who is not of it is not assigned anything there.
    let teo = dominio::comandi::ComandoConfigurazione::CreaUtente {
        utente: "teo".parse().unwrap(),
        nome: "teo".into(),
        cognome: "Prova".into(),
        incarichi: vec![dominio::permessi::Incarico {
            ruolo: dominio::permessi::Ruolo::Operatore,
            aoo: Some("AOO1".parse().unwrap()),
            ufficio: Some("TRIB".parse().unwrap()),
            dal: dominio::tempo::Istante(0),
            al: None,
        }],
    };
    b.ente.configura(&"AOO1".parse().unwrap(), &archivio::sistema(), teo, None, None).await.unwrap();
    for n in 0..55 {
        anna.entrata(&format!("Di altri {n}"), &[("assegnazioni.0.ufficio", "TRIB"), ("assegnazioni.0.utente", "teo")])
            .await;
    }
    let ultima =
        anna.entrata("L'ultima", &[("assegnazioni.0.ufficio", "TRIB"), ("assegnazioni.0.utente", "ugo")]).await;
    let r = b.di("ugo").await.get(&format!("{BASE}/scrivania")).await;
    assert!(r.ha(&format!("{p}/assegnazioni/1/prendi-in-carico")) && r.ha(&format!("{ultima}/assegnazioni/1/")));
    let (lavoro, _) = r.testo().split_once("Ultime registrazioni").map(|(a, b)| (a.to_owned(), b.len())).unwrap();
    assert!(!lavoro.contains("Di altri"));
    assert!(r.ha("Da prendere in carico <span class=\"badge conto\">2</span>"), "{}", r.testo());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_with_anything_in_it_never_breaks_a_page() {
    let b = Banco::nuovo().await;
    let rita = b.di("rita").await;
    let p = rita.entrata("Da guardare", &[]).await;
    let ada = b.di("ada").await;
    let strane = [
        "cursore=x",
        "cursore=9999999999999999999999",
        "cursore=~&cursore=1~",
        "q=%22%2a%29(%00",
        "q=a&q=b",
        "%",
        "tipo=boh&stato=boh",
        "dal=ieri&al=99/99/9999",
        "numero=-1&anno=x",
        "numero=99999999999999999999",
        "ufficio=a%2Fb&classificazione=a%2Fb",
        "registro=NULLA",
        "da=x&a=y",
        "da=-1",
        "nuova=1&nuova=2",
        "anteprima=%FF&anteprima=",
        "dopo=%0d%0aSet-Cookie:x",
        "come=x",
        "come=PG/2026/999999",
        "soggetto=%E2%82",
        "impronta=x&mittente=a&numero=b",
    ];
    let pagine = [
        "scrivania",
        "registra",
        "registro",
        "fascicoli",
        "rubrica",
        "titolario",
        "aiuto",
        "password",
        "suggerimenti/corrispondenti",
        "suggerimenti/titolario",
        "suggerimenti/doppioni",
    ];
    let mut indirizzi: Vec<String> = pagine.iter().map(|x| format!("{BASE}/{x}")).collect();
    indirizzi.extend([
        p.clone(),
        format!("{p}/confronto"),
        format!("{p}/documenti/1"),
        format!("{p}/ricevuta"),
        "/accedi".to_owned(),
    ]);
    for indirizzo in &indirizzi {
        for q in strane {
            let r = rita.get(&format!("{indirizzo}?{q}")).await;
            assert!(!r.stato.is_server_error(), "{indirizzo}?{q}: {}", r.stato);
            assert!(
                r.stato.is_success() || r.ha("<h1>") || r.stato.is_redirection(),
                "{indirizzo}?{q}: {} {}",
                r.stato,
                r.testo()
            );
        }
    }
    for q in strane {
        assert!(ada.get(&format!("{BASE}/utenti?{q}")).await.stato.is_success());
    }
    assert_eq!(rita.fa(&format!("{p}/assegnazioni/x/concludi"), &[]).await.stato, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_lacks_the_right_sees_a_page_that_says_so() {
    // R-L02, R-J03
    let b = Banco::nuovo().await;
    let anna = b.di("anna").await;
    let p = anna.entrata("Dell'ufficio protocollo", &[]).await;
    let dei_tributi = anna.entrata("Dei tributi", &[("assegnazioni.0.ufficio", "TRIB")]).await;
    let (ugo, ada) = (b.di("ugo").await, b.di("ada").await);
    for (chi, percorso) in [
        (&ada, format!("{BASE}/registro")),
        (&ada, format!("{BASE}/registra")),
        (&ada, p.clone()),
        (&ada, format!("{BASE}/rubrica")),
        (&ugo, p.clone()),
        (&ugo, format!("{p}/documenti/1")),
        (&ugo, format!("{p}/ricevuta")),
        (&ugo, format!("{p}/confronto")),
        (&ugo, format!("{BASE}/utenti")),
        (&anna, format!("{BASE}/uffici")),
        (&anna, format!("{BASE}/utenti")),
    ] {
        let r = chi.get(&percorso).await;
        assert_eq!(r.stato, StatusCode::FORBIDDEN, "{percorso}");
        assert!(r.ha("Permesso mancante") && !r.ha("Dell&#39;ufficio protocollo"), "{percorso}");
    }
    // What the menu hides is refused all the same.
    assert!(!ada.get(&format!("{BASE}/scrivania")).await.ha(&format!("href=\"{BASE}/registra\"")));
    let prima = b.operazioni().await;
    assert_eq!(ugo.fa(&format!("{dei_tributi}/assegna"), &[("ufficio", "SEGR")]).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(
        ugo.fa(&format!("{dei_tributi}/classifica"), &[("classificazione", "6.3")]).await.stato,
        StatusCode::FORBIDDEN
    );
    assert_eq!(ugo.fa(&format!("{p}/annota"), &[("testo", "x")]).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(
        anna.fa(&format!("{BASE}/titolario"), &[("codice", "7"), ("denominazione", "x")]).await.stato,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        anna.fa(&format!("{BASE}/uffici"), &[("codice", "X"), ("denominazione", "x")]).await.stato,
        StatusCode::FORBIDDEN
    );
    assert_eq!(anna.fa(&format!("{BASE}/utenti/rita/password"), &[]).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(b.operazioni().await, prima);
    // He reads his own office's, and finds only that.
    let r = ugo.get(&format!("{BASE}/registro")).await;
    assert!(r.ha("Dei tributi") && !r.ha("ufficio protocollo"));
}
