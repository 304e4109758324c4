//! Registering by form: three directions, errors that keep what was typed, one number for one press.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};

use crate::banco::{BASE, Banco, Browser};

#[tokio::test(flavor = "multi_thread")]
async fn the_three_directions_are_registered_found_and_read_without_scripts() {
    // R-A09, R-A10, R-A20
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    let uscita: &[(&str, &str)] = &[
        ("tipo", "uscita"),
        ("oggetto", "Risposta all'istanza <script>alert(1)</script>"),
        ("mezzo", "pec"),
        ("destinatari.0.tipo", "persona-giuridica"),
        ("destinatari.0.denominazione", "Birrificio San Rocco srl"),
        ("destinatari.0.cognome", "non conta"),
        ("destinatari.1.tipo", "persona-fisica"),
        ("destinatari.3.tipo", "amministrazione"),
        ("destinatari.3.denominazione", "Comune di Bologna"),
        ("destinatari.3.perConoscenza", "si"),
        ("classificazione", "1.6"),
        ("ufficioMittente", "SEGR"),
        ("firmatari", "Il sindaco\r\nIl segretario"),
    ];
    let interna: &[(&str, &str)] = &[
        ("tipo", "interna"),
        ("oggetto", "Nota tra uffici"),
        ("mezzo", "altro"),
        ("mittente.codice", "SEGR"),
        ("destinatari.0.codice", "TRIB"),
        ("classificazione", "6.3"),
    ];
    let entrata: &[(&str, &str)] = &[
        ("tipo", "entrata"),
        ("oggetto", "Istanza di accesso\r\nagli atti"),
        ("mezzo", "sportello"),
        ("mittente.tipo", "persona-fisica"),
        ("mittente.cognome", "Rossi"),
        ("mittente.nome", "Maria"),
        ("mittente.codiceFiscale", "RSSMRA80A01H501U"),
        ("dataArrivo.data", "2026-01-12"),
        ("dataArrivo.ora", "09:12"),
        ("protocolloMittente.numero", "123/A"),
        ("protocolloMittente.data", "20/11/2025"),
        ("assegnazioni.0.ufficio", "TRIB"),
        ("note", "a mano"),
    ];
    for (n, (campi, parole)) in [
        (
            entrata,
            [
                "Istanza di accesso agli atti",
                "Rossi Maria",
                "lun 12 gen 2026, 9:12",
                "123/A del gio 20 nov 2025",
                "Tributi",
            ],
        ),
        (
            uscita,
            [
                "Birrificio San Rocco srl",
                "Comune di Bologna",
                "Destinatario per conoscenza",
                "Segreteria",
                "Il sindaco, Il segretario",
            ],
        ),
        (interna, ["Nota tra uffici", "Segreteria", "Tributi", "6.3", "Edilizia"]),
    ]
    .into_iter()
    .enumerate()
    {
        let byte: &[u8] = b"%PDF-1.7 \x00\xff bytes";
        let r = s
            .registra(
                campi,
                &[
                    ("documento", "perché àncora.pdf", byte),
                    ("allegato", "nota.txt", b"uno"),
                    ("allegato", "nota.txt", b"due"),
                ],
            )
            .await;
        assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());
        assert!(r.meta().ends_with(&format!("/{}?nuova=1", n + 1)), "{}", r.meta());
        let eroe = s.get(&r.meta()).await;
        assert!(eroe.ha(&format!("id=\"numero\">{:07}</span>", n + 1)));
        let pagina = s.get(r.meta().trim_end_matches("?nuova=1")).await;
        for p in parole {
            assert!(pagina.ha(p), "{p}");
        }
        assert!(pagina.ha("perché àncora.pdf") && pagina.ha("Scarica la ricevuta verificabile"));
        assert!(!pagina.ha("<script>alert"));
        let documento = format!("{}/documenti/1", r.meta().trim_end_matches("?nuova=1"));
        let f = s.get(&documento).await;
        assert_eq!(f.byte, byte);
        assert_eq!(f.capi[header::CONTENT_TYPE], "application/pdf");
        assert!(
            f.capi[header::CONTENT_DISPOSITION]
                .to_str()
                .unwrap()
                .contains("filename*=UTF-8''perch%C3%A9%20%C3%A0ncora.pdf")
        );
        assert!(
            s.get(&format!("{documento}?anteprima=1")).await.capi[header::CONTENT_DISPOSITION]
                .to_str()
                .unwrap()
                .starts_with("inline")
        );
    }
    // Found by a word, by direction, by correspondent, by number; not by what is not there.
    for (q, quante) in [
        ("", 3),
        ("?q=istanza", 2),
        ("?q=istan*&tipo=entrata", 1),
        ("?soggetto=birrificio", 1),
        ("?numero=0000003", 1),
        ("?ufficio=TRIB", 1),
        ("?classificazione=6", 1),
        ("?stato=annullata", 0),
        ("?q=nulladiquesto", 0),
    ] {
        let r = s.get(&format!("{BASE}/registro{q}")).await;
        assert_eq!(r.stato, StatusCode::OK, "{q}");
        assert_eq!(r.testo().matches("<th scope=\"row\"").count(), quante, "{q}");
    }
    let r = s.get(&format!("{BASE}/registro?dal=ieri")).await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(r.ha("la data va scritta come"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_what_was_typed_is_kept() {
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    let prima = b.operazioni().await;
    let r = s
        .registra(
            &[
                ("tipo", "entrata"),
                ("oggetto", "Resta \"questo\" & quello"),
                ("mezzo", "pec"),
                ("mittente.tipo", "persona-fisica"),
                ("mittente.cognome", "D'Àmico"),
                ("mittente.codiceFiscale", "RSSMRA80A01H501X"),
                ("dataArrivo.data", "2999-01-01"),
                ("dataArrivo.ora", "10:00"),
            ],
            &[("documento", "", b"")],
        )
        .await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    for p in
        ["href=\"#c-mittente-codiceFiscale\"", "href=\"#c-dataArrivo-data\"", "href=\"#c-documento\"", "è nel futuro"]
    {
        assert!(r.ha(p), "{p}");
    }
    assert!(
        r.ha("Resta &#34;questo&#34; &#38; quello") && r.ha("value=\"D&#39;Àmico\"") && r.ha("value=\"2999-01-01\"")
    );
    // Dates that cannot be read, a sender that is missing.
    let r = s
        .registra(
            &[
                ("tipo", "entrata"),
                ("oggetto", "x"),
                ("mezzo", "cartaceo"),
                ("dataArrivo.data", "31/02/2026"),
                ("dataArrivo.ora", "1:00"),
            ],
            &[],
        )
        .await;
    assert!(r.ha("la data non esiste"));
    let r = s.registra(&[("tipo", "entrata"), ("oggetto", "x"), ("mezzo", "cartaceo")], &[]).await;
    assert!(r.ha("href=\"#c-mittente-cognome\""));
    let r = s.registra(&[("tipo", "uscita"), ("oggetto", "x"), ("mezzo", "cartaceo")], &[]).await;
    assert!(r.ha("href=\"#c-destinatari-0-cognome\"") && r.ha("href=\"#c-classificazione\""));
    assert_eq!(b.operazioni().await, prima, "nothing was registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_asked_for_without_scripts_is_there_with_all_that_was_typed() {
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    let prima = b.operazioni().await;
    let campi = [
        ("tipo", "uscita"),
        ("oggetto", "Resta"),
        ("destinatari.0.cognome", "Primo"),
        ("azione", "altro-destinatario"),
    ];
    let r = s.registra(&campi, &[]).await;
    assert_eq!(r.stato, StatusCode::OK);
    assert!(r.ha("name=\"destinatari.1.cognome\"") && r.ha("value=\"Primo\"") && r.ha(">Resta</textarea>"));
    let r = s.registra(&[("tipo", "entrata"), ("azione", "altro-mittente")], &[]).await;
    assert!(r.ha("name=\"altriMittenti.0.cognome\""));
    let r = s.registra(&[("tipo", "entrata"), ("azione", "altra-assegnazione")], &[]).await;
    assert!(r.ha("name=\"assegnazioni.1.ufficio\""));
    assert_eq!(b.operazioni().await, prima);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_sent_twice_registers_once() {
    // R-A08
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    let pagina = s.get(&format!("{BASE}/registra")).await;
    let (csrf, chiave) = (pagina.nascosto("csrf"), pagina.nascosto("chiave"));
    let campi = |oggetto: &'static str| {
        vec![
            ("csrf", csrf.clone()),
            ("chiave", chiave.clone()),
            ("tipo", "entrata".to_owned()),
            ("oggetto", oggetto.to_owned()),
            ("mezzo", "cartaceo".to_owned()),
            ("mittente.cognome", "Rossi".to_owned()),
        ]
    };
    let invia = async |oggetto| {
        let c = campi(oggetto);
        let c: Vec<(&str, &str)> = c.iter().map(|(n, v)| (*n, v.as_str())).collect();
        s.invia_file(&format!("{BASE}/registra"), &c, &[]).await
    };
    let (uno, due) = tokio::join!(invia("Una volta sola"), invia("Una volta sola"));
    assert_eq!((uno.stato, due.stato), (StatusCode::SEE_OTHER, StatusCode::SEE_OTHER));
    assert_eq!(uno.meta(), due.meta());
    let r = invia("Un'altra cosa").await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(r.ha("hai già registrato un documento diverso") && r.nascosto("chiave") != chiave);
    let r = s.get(&format!("{BASE}/registro")).await;
    assert_eq!(r.testo().matches("<th scope=\"row\"").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_one_like_this_starts_from_what_they_share() {
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    let k = s.entrata("Prima di molte", &[("classificazione", "6.3"), ("assegnazioni.0.ufficio", "TRIB")]).await;
    let chiave = k.rsplit("/registrazioni/").next().unwrap().to_owned();
    let r = s.get(&format!("{BASE}/registra?come={chiave}")).await;
    assert!(
        r.ha("value=\"Rossi\"") && r.ha("<option value=\"6.3\" selected") && r.ha("<option value=\"TRIB\" selected")
    );
    assert!(!r.ha("Prima di molte</textarea>"), "the oggetto is its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_goes_to_who_wrote_and_says_what_it_answers() {
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    let k = s.entrata("Chiedo un certificato", &[("classificazione", "6.3")]).await;
    let chiave = k.rsplit("/registrazioni/").next().unwrap().split('?').next().unwrap().to_owned();
    let r = s.get(&k).await;
    assert!(r.ha("registra?risponde=PG/"));
    let r = s.get(&format!("{BASE}/registra?risponde={chiave}")).await;
    assert!(r.ha(&format!("Rispondi alla registrazione {chiave}: Chiedo un certificato")));
    assert!(r.ha(&format!("name=\"rispondeA\" value=\"{chiave}\"")) && r.ha("<option value=\"6.3\" selected"));
    assert!(r.ha("name=\"destinatari.0.cognome\" value=\"Rossi\""), "{}", r.testo());
    let dati = |risponde| {
        [
            ("tipo", "uscita"),
            ("oggetto", "Certificato"),
            ("mezzo", "pec"),
            ("classificazione", "6.3"),
            ("destinatari.0.cognome", "Rossi"),
            ("rispondeA", risponde),
        ]
    };
    for male in ["dodici", "PG/2025/77"] {
        let e = s.registra(&dati(male), &[("documento", "c.pdf", b"%PDF-")]).await;
        assert_eq!(e.stato, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(e.ha("href=\"#c-rispondeA\""), "{}", e.testo());
    }
    let e = s.registra(&dati(&chiave), &[("documento", "c.pdf", b"%PDF-")]).await;
    assert_eq!(e.stato, StatusCode::SEE_OTHER, "{}", e.testo());
    let r = s.get(e.meta().trim_end_matches("?nuova=1")).await;
    assert!(r.ha("a cui questa risponde") && r.ha(&format!("/registrazioni/{chiave}\"")));
    // And the other way.
    let risposta = e.meta().trim_end_matches("?nuova=1").to_owned();
    let r = s.get(&k).await;
    assert!(r.ha("risposta a questa") && r.ha(&format!("href=\"{risposta}\"")), "{}", r.testo());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segnatura_fills_in_the_form_for_who_may_register() {
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    let manda = async |s: &Browser<'_>, csrf: &str, byte: &[u8]| {
        let r = Request::post(format!("{BASE}/suggerimenti/segnatura")).header("x-csrf-token", csrf);
        b.manda(s.con(r).body(Body::from(byte.to_vec())).unwrap()).await
    };
    let (csrf, prima) = (s.csrf().await, b.operazioni().await);
    let xml = include_bytes!("../../../segnatura/tests/dati/2009.xml");
    let r = manda(&s, &csrf, xml).await;
    assert_eq!(r.stato, StatusCode::OK, "{}", r.testo());
    let v: serde_json::Value = serde_json::from_slice(&r.byte).unwrap();
    let campo = |n: &str| v["campi"][n].as_str().unwrap_or_default().to_owned();
    let letta = segnatura::leggi(xml);
    let i = &letta.segnatura().unwrap().intestazione;
    assert_eq!(campo("oggetto"), i.oggetto);
    assert_eq!(campo("protocolloMittente.numero"), i.identificatore.numero_registrazione);
    assert_eq!(campo("protocolloMittente.data"), i.identificatore.data_registrazione);
    assert_eq!(campo("mittente.tipo"), "amministrazione");
    assert!(
        !campo("mittente.denominazione").is_empty()
            && v["detto"].as_str().unwrap().contains(&campo("mittente.denominazione"))
    );
    for nulla in [&b"<FatturaElettronica/>"[..], b"", b"Segnatura"] {
        assert_eq!(manda(&s, &csrf, nulla).await.stato, StatusCode::NO_CONTENT);
    }
    assert_eq!(manda(&s, "", xml).await.stato, StatusCode::FORBIDDEN);
    let lungo = vec![b' '; servizio::segnatura_ricevuta::BYTE_MAX + 1];
    assert_eq!(manda(&s, &csrf, &lungo).await.stato, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(b.operazioni().await, prima, "nothing is written");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_register_is_chosen_where_there_is_one() {
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    assert!(!s.get(&format!("{BASE}/registra")).await.ha("name=\"registro\""), "with one register there is no choice");
    let comando = dominio::comandi::ComandoConfigurazione::CreaRegistro(dominio::configurazione::DatiRegistro {
        codice: "CONTR".parse().unwrap(),
        denominazione: "Repertorio dei contratti".into(),
        ultimo_precedente: None,
    });
    let aoo = "AOO1".parse().unwrap();
    b.ente.configura(&aoo, &archivio::sistema(), comando, None, None).await.unwrap();
    assert!(s.get(&format!("{BASE}/registra")).await.ha("Repertorio dei contratti"));
    let k = s.entrata("Contratto di affitto", &[("registro", "CONTR")]).await;
    assert!(k.contains("/registrazioni/CONTR/") && k.ends_with("/1"), "{k}");
    assert!(s.get(&k).await.ha("Contratto di affitto"));
    assert!(s.get(&format!("{BASE}/registro?registro=CONTR")).await.ha("Contratto di affitto"));
    assert!(!s.get(&format!("{BASE}/registro")).await.ha("Contratto di affitto"));
    let r = s
        .registra(
            &[
                ("tipo", "entrata"),
                ("oggetto", "x"),
                ("mezzo", "cartaceo"),
                ("mittente.cognome", "R"),
                ("registro", "NO"),
            ],
            &[],
        )
        .await;
    assert!(r.stato == StatusCode::UNPROCESSABLE_ENTITY && r.ha("va scelto dall"), "{}", r.testo());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_already_there_is_pointed_out() {
    // R-A26
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    s.entrata("doppione", &[]).await;
    let impronta = "0000000000000000000000000000000000000000000000000000000000000000";
    assert!(!s.get(&format!("{BASE}/suggerimenti/doppioni?impronta={impronta}")).await.ha("già registrato"));
    let pagina = s.get(&format!("{BASE}/registrazioni/PG/{}/1", b.ente.ora().anno())).await.testo();
    let vera = pagina.split("<code title=\"").nth(1).unwrap().split('"').next().unwrap();
    let r = s.get(&format!("{BASE}/suggerimenti/doppioni?impronta={vera}")).await;
    assert!(r.ha("Forse è già registrato") && r.ha("0000001"));
}
