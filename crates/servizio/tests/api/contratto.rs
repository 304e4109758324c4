//! The calls of the contract, one after the other.

use crate::banco::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_document_through_every_call() {
    let b = Banco::nuovo().await;
    let m = Modulo::nuovo()
        .dati(&entrata("Istanza di accesso agli atti"))
        .file("documento", "è «l'istanza».pdf", b"%PDF-1.7 prova")
        .file("allegato", "../../x.txt", b"allegato")
        .file("allegato", "../../x.txt", b"un altro");
    let r = b.registra(&b.anna, m).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    let v = r.json();
    let anno = v["anno"].as_i64().unwrap();
    assert_eq!(v["id"], format!("c_z999/AOO1/PG/{anno}/1"));
    assert_eq!((&v["numero"], &v["numeroEsteso"], &v["stato"]), (&json!(1), &json!("0000001"), &json!("valida")));
    assert_eq!(v["documenti"][0]["nome"], "è «l'istanza».pdf");
    assert_eq!(v["documenti"][0]["mime"], "application/pdf");
    assert_eq!((&v["documenti"][1]["nome"], &v["documenti"][2]["n"]), (&json!("../../x.txt"), &json!(3)));
    assert_eq!(v["dataArrivo"], "2026-11-23T09:12:00.000000+01:00");
    assert_eq!(v["sigillo"]["stato"], "non-richiesto");
    assert_eq!(v["log"]["entrata"].as_str().unwrap().len(), 64);
    let una = v["links"]["self"].as_str().unwrap().to_owned();
    assert_eq!(r.capi["location"], una.as_str());
    // Short and long address are the same registration.
    assert_eq!(
        b.get(&b.anna, &format!("{BASE}/registrazioni/{anno}/1")).await.json(),
        b.get(&b.anna, &una).await.json()
    );

    // R-J05: assignment, taking in charge, refusal, conclusion.
    let a = json!({"assegnazioni": [{"ufficio": "SEGR", "tipo": "conoscenza"}], "nota": "per conoscenza"});
    assert_eq!(b.post(&b.anna, &format!("{una}/assegnazioni"), a).await.stato, StatusCode::CREATED);
    let r = b.post(&b.ugo, &format!("{una}/assegnazioni/1/prendi-in-carico"), json!({})).await;
    assert_eq!(r.json()["assegnazioni"][0]["stato"], "in-carico", "{}", r.json());
    let r = b.post(&b.ugo, &format!("{una}/assegnazioni/1/rifiuta"), json!({"motivo": "non è nostra"})).await;
    assert_eq!(r.json()["assegnazioni"][0]["motivo"], "non è nostra");
    assert_eq!(b.post(&b.ugo, &format!("{una}/assegnazioni/1/concludi"), json!({})).await.stato, StatusCode::CONFLICT);

    // R-B02: classification.
    let r = b.post(&b.anna, &format!("{una}/classificazione"), json!({"classificazione": "6.3"})).await;
    assert_eq!(r.json()["classificazione"], "6.3");
    // Additions.
    let r = b.post(&b.ugo, &format!("{una}/annotazioni"), json!({"testo": "sentito il richiedente"})).await;
    assert_eq!(r.json()["annotazioni"][0]["testo"], "sentito il richiedente");
    let altra = b.prossimo().await;
    let rif =
        json!({"riferimento": {"ente": "c_z999", "aoo": "AOO1", "registro": "PG", "anno": anno, "numero": altra}});
    assert_eq!(b.post(&b.anna, &format!("{una}/collegamenti"), rif).await.stato, StatusCode::CREATED);
    let f =
        b.post(&b.anna, &format!("{BASE}/fascicoli"), json!({"classificazione": "6.3", "oggetto": "Accessi"})).await;
    assert_eq!(f.stato, StatusCode::CREATED, "{}", f.json());
    let codice = f.json()["codice"].as_str().unwrap().to_owned();
    assert_eq!(codice, format!("{anno}/6.3/1"));
    let r = b.post(&b.anna, &format!("{una}/fascicolazioni"), json!({"fascicolo": codice})).await;
    assert_eq!(r.json()["aggregazioni"], json!([format!("PG/{anno}"), codice]));
    let m = Modulo::nuovo().testo("dati", r#"{"descrizione":"integrazione"}"#).file("allegato", "dopo.txt", b"dopo");
    let r = b.manda(m.richiesta(&b.anna, &format!("{una}/allegati"), None)).await;
    assert_eq!(r.json()["documenti"][3]["nome"], "dopo.txt", "{}", r.json());

    // R-B03: story, comparison, as it was.
    let s = b.get(&b.anna, &format!("{una}/storia")).await.json();
    let passi = s["elementi"].as_array().unwrap();
    let tipi: Vec<_> = passi.iter().map(|p| p["tipo"].as_str().unwrap()).collect();
    assert_eq!(
        tipi,
        [
            "registrazione",
            "assegnazione",
            "presa-in-carico",
            "rifiuto-assegnazione",
            "classificazione",
            "annotazione",
            "collegamento",
            "fascicolazione",
            "allegati",
        ]
    );
    assert_eq!(passi[4]["prima"]["classificazione"], "1.6");
    assert_eq!(passi[4]["dopo"]["classificazione"], "6.3");
    assert_eq!(passi[2]["operatore"]["id"], "ugo");
    let (da, a) = (&passi[0]["indice"], &passi[4]["indice"]);
    let c = b.get(&b.anna, &format!("{una}/confronto?da={da}&a={a}")).await.json();
    let riga = |campo: &str| c["elementi"].as_array().unwrap().iter().find(|x| x["campo"] == campo).unwrap().clone();
    assert_eq!(riga("classificazione")["stato"], "modificato");
    assert_eq!(riga("oggetto")["stato"], "invariato");
    let allora = passi[0]["istante"].as_str().unwrap().replace('+', "%2B");
    let prima = b.get(&b.anna, &format!("{una}?alla={allora}")).await.json();
    assert_eq!(prima["classificazione"], "1.6");
    assert!(prima["annotazioni"].as_array().unwrap().is_empty());
    assert_eq!(b.get(&b.anna, &format!("{una}?alla=2020-01-01T00:00:00Z")).await.stato, StatusCode::NOT_FOUND);

    // Search and filters.
    for q in [
        "q=istanza%20acc*",
        "soggetto=rossi",
        "tipo=entrata&classificazione=6",
        "ufficio=SEGR",
        "stato=valida&numero=1",
    ] {
        let l = b.get(&b.anna, &format!("{BASE}/registrazioni?{q}")).await.json();
        assert!(l["elementi"].as_array().unwrap().iter().any(|x| x["numero"] == 1), "{q}: {l}");
    }

    // Receipt: the disclosed fields only, and it holds.
    let r = b.get(&b.anna, &format!("{una}/ricevuta?campi=numero,oggetto")).await;
    let ricevuta = catena::Ricevuta::leggi(&r.byte).unwrap();
    let chiave = String::from_utf8(b.get(&b.anna, &format!("{BASE}/log/chiavi")).await.byte).unwrap();
    let esito = catena::verifica(&ricevuta, &[chiave.trim().parse().unwrap()]);
    let catena::EsitoRicevuta::Autentica { campi } = esito else { panic!("{esito:?}") };
    assert_eq!(campi.len(), 2);
    assert_eq!(campi["oggetto"], "Istanza di accesso agli atti");
    assert!(!String::from_utf8_lossy(&r.byte).contains("Rossi"));

    // Lists.
    let u = b.get(&b.anna, &format!("{BASE}/uffici")).await.json();
    let segr = u["elementi"].as_array().unwrap().iter().find(|x| x["codice"] == "SEGR").unwrap().clone();
    assert_eq!(segr["figli"][0]["codice"], "TRIB");
    let t = b.get(&b.anna, &format!("{BASE}/titolario")).await.json();
    let uno = t["elementi"].as_array().unwrap().iter().find(|x| x["codice"] == "1").unwrap().clone();
    assert_eq!(uno["figli"][0]["codice"], "1.6");
    let s = json!({"tipo": "persona-giuridica", "denominazione": "Verde & Giardini", "partitaIva": "00743110157"});
    assert_eq!(b.post(&b.anna, &format!("{BASE}/rubrica"), s).await.stato, StatusCode::CREATED);
    let l = b.get(&b.anna, &format!("{BASE}/rubrica?q=giard")).await.json();
    assert_eq!(l["elementi"][0]["denominazione"], "Verde & Giardini");
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn uscita_and_interna_have_their_own_parties() {
    let b = Banco::nuovo().await;
    let u = json!({"tipo": "uscita", "oggetto": "Risposta", "mezzo": "pec", "classificazione": "1.6",
        "ufficioMittente": "TRIB", "firmatari": ["Rita Prova"],
        "destinatari": [{"tipo": "amministrazione", "denominazione": "INPS", "ipa": "inps", "pec": "a@pec.inps.example"},
            {"tipo": "persona-fisica", "cognome": "Bianchi", "perConoscenza": true, "confermaRicezione": false, "canale": "cartaceo"}]});
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&u).file("documento", "r.pdf", b"%PDF-1.4")).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    // R-A16: one number, all the recipients, copies marked.
    assert_eq!(r.json()["destinatari"].as_array().unwrap().len(), 2);
    assert_eq!(r.json()["destinatari"][1]["perConoscenza"], true);
    assert_eq!(r.json()["destinatari"][1]["canale"], "cartaceo");
    let i = json!({"tipo": "interna", "oggetto": "Nota", "mezzo": "altro", "classificazione": "1.6",
        "mittente": {"tipo": "ufficio", "codice": "SEGR"}, "destinatari": [{"tipo": "ufficio", "codice": "TRIB"}]});
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&i).file("documento", "n.txt", b"nota")).await;
    // R-A07, R-A20: the same sequence.
    assert_eq!(r.json()["numero"], 2, "{}", r.json());
    assert_eq!(r.json()["mittente"]["denominazione"], "Ufficio SEGR");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_above_seven_digits_pass_every_door() {
    // trap 43
    let b = Banco::nuovo().await;
    let alto = format!("{BASE}/registri/ALTO/registrazioni");
    for _ in 0..2 {
        let m = Modulo::nuovo().dati(&entrata("Alto")).file("documento", "a.txt", b"x");
        assert_eq!(b.manda(m.richiesta(&b.anna, &alto, None)).await.stato, StatusCode::CREATED);
    }
    let l = b.get(&b.anna, &format!("{alto}?numero=10000000")).await.json();
    let v = &l["elementi"][0];
    assert_eq!(v["numeroEsteso"], "10000000", "{l}");
    let una = v["links"]["self"].as_str().unwrap();
    for p in ["", "/storia", "/ricevuta", "/documenti/1"] {
        assert_eq!(b.get(&b.anna, &format!("{una}{p}")).await.stato, StatusCode::OK, "{p}");
    }
    assert!(b.get(&b.anna, &format!("{BASE}/registrazioni")).await.json()["elementi"].as_array().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_log_is_served_without_a_token_and_never_past_the_checkpoint() {
    let b = Banco::nuovo().await;
    b.prossimo().await;
    let senza = async |p: &str| b.manda(Request::get(p).body(Body::empty()).unwrap()).await;
    let c = senza(&format!("{BASE}/log/checkpoint")).await;
    assert_eq!((c.stato, &c.capi["cache-control"]), (StatusCode::OK, &"no-cache".parse().unwrap()));
    let testo = String::from_utf8(c.byte).unwrap();
    let n: u64 = testo.lines().nth(1).unwrap().parse().unwrap();
    let t = senza(&format!("{BASE}/log/tile/0/000.p/{n}")).await;
    assert_eq!(t.byte.len() as u64, n * 32);
    assert_eq!(senza(&format!("{BASE}/log/tile/entries/000.p/{n}")).await.byte.len() as u64, n * 34);
    assert_eq!(senza(&format!("{BASE}/log/tile/0/000.p/{}", n + 1)).await.stato, StatusCode::NOT_FOUND);
    assert_eq!(senza("/api/v1/enti/c_z999/log/checkpoint").await.stato, StatusCode::OK);
    assert_eq!(senza("/api/v1/enti/c_z000/log/checkpoint").await.stato, StatusCode::NOT_FOUND);
    for p in ["/salute/vivo", "/salute/pronto", "/metriche", "/api/v1/openapi.json"] {
        assert_eq!(senza(p).await.stato, StatusCode::OK, "{p}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_openapi_document_names_only_routes_that_exist() {
    let b = Banco::nuovo().await;
    for (percorso, o, _) in servizio::rest::openapi::percorsi() {
        let p = percorso
            .replace("{ipa}", "c_z999")
            .replace("{aoo}", "AOO1")
            .replace("{registro}", "PG")
            .replace("{anno}", "2026")
            .replace("{numero}", "1")
            .replace("{id}", "1")
            .replace("{quale}", "1")
            .replace("{percorso}", "0/000");
        let r = Request::builder().method(o.metodo.to_uppercase().as_str()).uri(&p).body(Body::empty()).unwrap();
        let r = b.manda(r).await;
        // Without a token: 401 where one is needed; never "no such address" or "no such method".
        assert_ne!(r.stato, StatusCode::METHOD_NOT_ALLOWED, "{} {p}", o.metodo);
        let detto = r.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(!detto.contains("a questo indirizzo"), "{} {p}: {detto}", o.metodo);
    }
    let doc = servizio::rest::openapi::tutto();
    assert_eq!(doc["openapi"], "3.1.0");
}
