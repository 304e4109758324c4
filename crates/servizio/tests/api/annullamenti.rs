//! Annulments at the REST door (contract § 2; TUDA art. 54).

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::banco::*;

fn atto() -> Value {
    json!({"numero": "Det. 45", "data": "2026-11-20"})
}

async fn nuova(b: &Banco, oggetto: &str) -> String {
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&entrata(oggetto)).file("documento", "a.txt", oggetto.as_bytes()));
    r.await.json()["links"]["self"].as_str().unwrap().to_owned()
}

// R-B05, R-B06, R-B10: the answers the contract fixes.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_and_what_is_missing_have_their_answers() {
    let b = Banco::nuovo().await;
    let una = format!("{}/annullamento", nuova(&b, "Doppia registrazione").await);
    let giusto = json!({"motivo": "Doppia", "provvedimento": atto()});
    for chi in [&b.anna, &b.ugo, &b.ada] {
        assert_eq!(b.post(chi, &una, giusto.clone()).await.stato, StatusCode::FORBIDDEN);
    }
    for (corpo, campo) in [
        (json!({"provvedimento": atto()}), "motivo"),
        (json!({"motivo": "", "provvedimento": atto()}), "motivo"),
        (json!({"motivo": "Doppia"}), "provvedimento"),
        (json!({"motivo": "Doppia", "provvedimento": {"data": "2026-11-20"}}), "provvedimento.numero"),
        (json!({"motivo": "Doppia", "provvedimento": {"numero": "1"}}), "provvedimento.data"),
        (json!({"motivo": "Doppia", "provvedimento": {"numero": "1", "data": "ieri"}}), "provvedimento.data"),
        (json!({"motivo": "Doppia", "provvedimento": atto(), "campi": ["colore"]}), "campi.0"),
        (json!({"motivo": "Doppia", "provvedimento": atto(), "campi": ["oggetto"]}), "nuoviValori.oggetto"),
        (json!({"motivo": "Doppia", "provvedimento": atto(), "quando": "ora"}), "quando"),
    ] {
        let r = b.post(&b.rita, &una, corpo.clone()).await;
        assert_eq!((r.stato, r.campo().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, campo), "{corpo}");
    }
    let r = b.post(&b.rita, &una, giusto.clone()).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    assert_eq!(r.json()["stato"], "annullata");
    assert_eq!(r.json()["annullamenti"][0]["valoriAnnullati"]["oggetto"], "Doppia registrazione");
    assert_eq!(b.post(&b.rita, &una, giusto).await.stato, StatusCode::CONFLICT);
}

// R-B03, R-B04, R-B08: the mark is in every answer, the original in every answer, the file where it was.
#[tokio::test(flavor = "multi_thread")]
async fn the_annulled_is_marked_found_and_readable_everywhere() {
    let b = Banco::nuovo().await;
    let una = nuova(&b, "Permesso di sosta").await;
    let corpo = json!({"motivo": "Oggetto errato", "provvedimento": atto(),
        "campi": ["oggetto"], "nuoviValori": {"oggetto": "Permesso di passaggio"}});
    assert_eq!(b.post(&b.rita, &format!("{una}/annullamento"), corpo).await.stato, StatusCode::CREATED);
    let r = b.get(&b.anna, &una).await.json();
    assert_eq!(
        (r["stato"].as_str(), r["oggetto"].as_str()),
        (Some("annullata-in-parte"), Some("Permesso di passaggio"))
    );
    assert_eq!(r["annullamenti"][0]["valoriAnnullati"], json!({"oggetto": "Permesso di sosta"}));
    let storia = b.get(&b.anna, &format!("{una}/storia")).await.json();
    let ultima = &storia["elementi"][1];
    assert_eq!((ultima["tipo"].as_str(), ultima["operatore"]["id"].as_str()), (Some("annullamento"), Some("rita")));
    assert_eq!(ultima["prima"]["oggetto"], "Permesso di sosta");
    let (da, a) = (&storia["elementi"][0]["indice"], &ultima["indice"]);
    let c = b.get(&b.anna, &format!("{una}/confronto?da={da}&a={a}")).await.json();
    let riga = c["elementi"].as_array().unwrap().iter().find(|x| x["campo"] == "oggetto").unwrap().clone();
    assert_eq!(
        riga,
        json!({"campo": "oggetto", "prima": "Permesso di sosta", "dopo": "Permesso di passaggio", "stato": "annullato"})
    );
    // As it was then: the instant of its registration.
    let allora = r["istante"].as_str().unwrap().replace('+', "%2B");
    assert_eq!(b.get(&b.anna, &format!("{una}?alla={allora}")).await.json()["oggetto"], "Permesso di sosta");

    b.post(&b.rita, &format!("{una}/annullamento"), json!({"motivo": "Non dovuta", "provvedimento": atto()})).await;
    for filtro in ["q=sosta", "q=passaggio", "stato=annullata", "numero=1"] {
        let e = b.get(&b.anna, &format!("{BASE}/registrazioni?{filtro}")).await.json();
        assert_eq!(e["elementi"].as_array().unwrap().len(), 1, "{filtro}");
        assert_eq!((&e["elementi"][0]["stato"], &e["elementi"][0]["numero"]), (&json!("annullata"), &json!(1)));
    }
    assert_eq!(b.get(&b.anna, &format!("{una}/documenti/1")).await.byte, b"Permesso di sosta");
    let ricevuta = b.get(&b.anna, &format!("{una}/ricevuta")).await;
    assert_eq!(ricevuta.stato, StatusCode::OK);
}

// R-B06, R-B10: the request with its two keys, and the lists; an idempotent retry changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_its_way_and_the_lists_show_it() {
    let b = Banco::nuovo().await;
    let (una, due) = (nuova(&b, "Prima").await, nuova(&b, "Seconda").await);
    let chiedi = |u: &str| format!("{u}/annullamenti/richieste");
    let r = b.post(&b.anna, &chiedi(&una), json!({"motivo": "Sbagliata"})).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    assert_eq!(r.json()["richiesteAnnullamento"][0]["stato"], "in-attesa");
    assert_eq!(b.post(&b.anna, &chiedi(&una), json!({})).await.campo(), "motivo");
    b.post(&b.anna, &chiedi(&due), json!({"motivo": "Anche questa"})).await;
    let attese = b.get(&b.rita, &format!("{BASE}/annullamenti/richieste?limite=1")).await.json();
    assert_eq!(attese["elementi"][0]["registrazione"]["numero"], 1);
    assert_eq!(attese["elementi"][0]["chiestaDa"]["id"], "anna");
    let poi = attese["successivo"].as_str().unwrap();
    let attese = b.get(&b.rita, &format!("{BASE}/annullamenti/richieste?cursore={poi}")).await.json();
    assert_eq!((&attese["elementi"][0]["registrazione"]["numero"], &attese["successivo"]), (&json!(2), &Value::Null));

    let si = json!({"provvedimento": atto()});
    let autorizza = format!("{una}/annullamenti/richieste/1/autorizza");
    assert_eq!(b.post(&b.anna, &autorizza, si.clone()).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(b.post(&b.rita, &autorizza, json!({})).await.campo(), "provvedimento");
    let con_chiave = || {
        Request::post(&autorizza)
            .header("authorization", format!("Bearer {}", b.rita))
            .header("content-type", "application/json")
            .header("idempotency-key", "una-volta")
            .body(Body::from(si.to_string()))
            .unwrap()
    };
    let r = b.manda(con_chiave()).await;
    assert_eq!((r.stato, &r.json()["stato"]), (StatusCode::CREATED, &json!("annullata")));
    let di_nuovo = b.manda(con_chiave()).await;
    assert_eq!(
        (di_nuovo.stato, di_nuovo.json()),
        (StatusCode::CREATED, r.json()),
        "the same answer, nothing done twice"
    );
    assert_eq!(r.json()["annullamenti"][0]["chiestoDa"]["id"], "anna");
    assert_eq!(b.post(&b.rita, &autorizza, si.clone()).await.stato, StatusCode::CONFLICT);
    let nove = format!("{una}/annullamenti/richieste/9/autorizza");
    assert_eq!(b.post(&b.rita, &nove, si).await.stato, StatusCode::NOT_FOUND);
    // By the short path too.
    let r = b.post(&b.rita, &format!("{due}/richieste/1/rifiuta"), json!({"motivo": "Va bene così"})).await;
    assert_eq!((r.stato, &r.json()["stato"]), (StatusCode::CREATED, &json!("valida")));
    assert_eq!(r.json()["richiesteAnnullamento"][0]["risposta"], "Va bene così");

    let registro = b.get(&b.anna, &format!("{BASE}/annullamenti")).await.json();
    let voce = &registro["elementi"][0];
    assert_eq!((&voce["provvedimento"], &voce["registrazione"]["numero"]), (&atto(), &json!(1)));
    assert_eq!(registro["elementi"].as_array().unwrap().len(), 1);
    assert_eq!(b.get(&b.anna, &format!("{BASE}/annullamenti?limite=0")).await.campo(), "limite");
    assert_eq!(b.get("", &format!("{BASE}/annullamenti")).await.stato, StatusCode::UNAUTHORIZED);
}

// R-L08: a reserved registration tells the register of annulments nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_annulment_is_masked() {
    let b = Banco::nuovo().await;
    let mut dati = entrata("Segreto di ufficio");
    dati["riservato"] = json!(true);
    let r = b.registra(&b.rita, Modulo::nuovo().dati(&dati).file("documento", "s.txt", b"s")).await.json();
    let una = r["links"]["self"].as_str().unwrap();
    let corpo = json!({"motivo": "Motivo segreto", "provvedimento": atto()});
    assert_eq!(b.post(&b.rita, &format!("{una}/annullamento"), corpo).await.stato, StatusCode::CREATED);
    let visto = b.get(&b.anna, &format!("{BASE}/annullamenti")).await;
    assert_eq!(visto.json()["elementi"], json!([]), "not even that it fell");
    assert_eq!(b.get(&b.ada, &format!("{BASE}/annullamenti")).await.stato, StatusCode::FORBIDDEN);
    assert!(!String::from_utf8_lossy(&visto.byte).to_lowercase().contains("segreto"));
    let rgd = b.get(&b.rita, &format!("{BASE}/annullamenti")).await;
    assert!(String::from_utf8_lossy(&rgd.byte).contains("Motivo segreto"));
}

// R-L08, R-L16: who saw what is written before it is shown, and found by registration and by person.
#[tokio::test(flavor = "multi_thread")]
async fn who_saw_somebody_s_data_is_known() {
    let b = Banco::nuovo().await;
    let una = nuova(&b, "Istanza di Maria").await;
    let mut dati = entrata("Segreto");
    dati["riservato"] = json!(true);
    dati["mittente"] = json!({"tipo": "persona-fisica", "cognome": "Bianchi", "nome": "Ugo"});
    b.registra(&b.rita, Modulo::nuovo().dati(&dati).file("documento", "s.txt", b"s")).await;
    b.get(&b.anna, &una).await;
    b.get(&b.ugo, &format!("{una}/documenti/1")).await;
    b.get(&b.anna, &format!("{BASE}/registrazioni")).await;
    b.get(&b.rita, &format!("{BASE}/registrazioni")).await;
    let quali = async |q: &str| {
        let r = b.get(&b.rita, &format!("{BASE}/accessi?{q}")).await.json();
        let uno = |x: &Value| format!("{} {}", x["utente"].as_str().unwrap(), x["azione"].as_str().unwrap());
        r["elementi"].as_array().unwrap().iter().map(uno).collect::<Vec<_>>()
    };
    assert_eq!(quali("soggetto=RSSMRA80A01H501U").await, ["ugo documento", "anna registrazione"]);
    assert_eq!(quali("soggetto=bianchi%20ugo").await, ["rita elenco"], "masked in anna's list: she saw nothing");
    assert_eq!(quali("registrazione=PG/2026/1&utente=anna").await, ["anna registrazione"]);
    // What is reserved is written at every door that shows it, to who registers it as well.
    b.get(&b.rita, &format!("{BASE}/annullamenti")).await;
    let prima = quali("riservate=true").await.len();
    for (i, resto) in ["", "/storia", "/ricevuta", "/ricevuta.pdf", "/storia.pdf", "/documenti/1"].iter().enumerate() {
        b.get(&b.rita, &format!("{BASE}/registrazioni/2026/2{resto}")).await;
        assert_eq!(quali("riservate=true").await.len(), prima + i + 1, "{resto}");
    }
    b.post(&b.rita, &format!("{BASE}/registrazioni/2026/2/annotazioni"), json!({"testo": "x"})).await;
    assert_eq!(quali("riservate=true").await.len(), prima + 7);
    for chi in [&b.anna, &b.ugo, &b.ada] {
        assert_eq!(b.get(chi, &format!("{BASE}/accessi")).await.stato, StatusCode::FORBIDDEN);
    }
    assert_eq!(b.get(&b.rita, &format!("{BASE}/accessi?riservate=forse")).await.campo(), "riservate");
}

// Contract § 3: the log's key changes by an operation; the public list has both, the new one first.
#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_the_log_changes_by_who_may() {
    let b = Banco::nuovo().await;
    let url = format!("{BASE}/log/chiavi");
    let prima = String::from_utf8(b.get("", &url).await.byte).unwrap();
    assert_eq!(b.post(&b.anna, &url, json!({"motivo": "prova"})).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(b.post(&b.rita, &url, json!({"motivo": ""})).await.campo(), "motivo");
    let r = b.post(&b.rita, &url, json!({"motivo": "rotazione annuale"})).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    let dopo = String::from_utf8(b.get("", &url).await.byte).unwrap();
    assert_eq!(dopo.lines().count(), 2);
    assert_eq!(dopo.lines().nth(1), prima.lines().next());
    assert_eq!(dopo.lines().next(), r.json()["chiavi"][0].as_str());
    // Asked again with its key, another change having come in between: the first answer, and no third key.
    let chiedi = async |chiave: &str, motivo: &str| {
        let r = Request::post(&url)
            .header("authorization", format!("Bearer {}", b.rita))
            .header("content-type", "application/json")
            .header("idempotency-key", chiave);
        b.manda(r.body(Body::from(json!({ "motivo": motivo }).to_string())).unwrap()).await
    };
    let una = chiedi("k1", "sospetto").await;
    assert_eq!(una.stato, StatusCode::CREATED, "{}", una.json());
    assert_eq!(una.json()["chiavi"].as_array().unwrap().len(), 3);
    assert_eq!(chiedi("k2", "altro sospetto").await.json()["chiavi"].as_array().unwrap().len(), 4);
    let ancora = chiedi("k1", "sospetto").await;
    assert_eq!((ancora.stato, ancora.json()), (StatusCode::CREATED, una.json()));
    assert_eq!(chiedi("k1", "un altro motivo").await.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(String::from_utf8(b.get("", &url).await.byte).unwrap().lines().count(), 4);
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}
