//! Bad input: a clear 4xx naming the field, and nothing changed.

use crate::banco::*;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

const X: &[u8] = b"contenuto";

fn con(f: impl FnOnce(&mut Value)) -> Value {
    let mut v = entrata("Prova");
    f(&mut v);
    v
}

fn uscita(f: impl FnOnce(&mut Value)) -> Value {
    let mut v = json!({"tipo": "uscita", "oggetto": "Risposta", "mezzo": "pec", "classificazione": "1.6",
        "destinatari": [{"tipo": "persona-giuridica", "denominazione": "Ditta"}]});
    f(&mut v);
    v
}

#[tokio::test(flavor = "multi_thread")]
async fn each_wrong_field_is_named_and_nothing_changes() {
    let b = Banco::nuovo().await;
    let intero = |v: &Value| Modulo::nuovo().dati(v).file("documento", "a.txt", X);
    let casi: Vec<(&str, Modulo)> = vec![
        ("dati", Modulo::nuovo().file("documento", "a.txt", X)),
        ("documento", Modulo::nuovo().dati(&entrata("Senza file"))),
        ("dati", intero(&entrata("a")).dati(&entrata("b"))),
        ("documento", intero(&entrata("a")).file("documento", "b.txt", X)),
        ("sconosciuta", intero(&entrata("a")).testo("sconosciuta", "x")),
        ("documento", Modulo::nuovo().dati(&entrata("vuoto")).file("documento", "a.txt", b"")),
        ("dati", Modulo::nuovo().testo("dati", "{non json").file("documento", "a.txt", X)),
        ("oggetto", intero(&con(|v| v["oggetto"] = json!(" \r\n ")))),
        ("oggetto", intero(&con(|v| v["oggetto"] = json!("x".repeat(4_001))))),
        ("oggetto", intero(&con(|v| v["oggetto"] = json!("a\u{0}b")))),
        ("assegnazioni.0.ufficio", intero(&con(|v| v["assegnazioni"][0]["ufficio"] = json!("BOH")))),
        ("classificazione", intero(&con(|v| v["classificazione"] = json!("99.9")))),
        ("mittente", intero(&uscita(|v| v["mittente"] = json!({"tipo": "persona-fisica", "cognome": "Rossi"})))),
        ("destinatari", intero(&uscita(|v| v["destinatari"] = json!([])))),
        ("classificazione", intero(&uscita(|v| v["classificazione"] = Value::Null))),
        ("mittente", intero(&con(|v| v["mittente"] = Value::Null))),
        ("dataArrivo", intero(&con(|v| v["dataArrivo"] = json!("2999-01-01T00:00:00Z")))),
        ("protocolloMittente.data", intero(&con(|v| v["protocolloMittente"]["data"] = json!("2999-01-01")))),
        ("mittente.codiceFiscale", intero(&con(|v| v["mittente"]["codiceFiscale"] = json!("RSSMRA80A01H501A")))),
        ("destinatari.0.partitaIva", intero(&uscita(|v| v["destinatari"][0]["partitaIva"] = json!("00743110158")))),
        ("mittente.pec", intero(&con(|v| v["mittente"]["pec"] = json!("non-un-indirizzo")))),
        ("mezzo", intero(&con(|v| v["mezzo"] = json!("fax")))),
        ("ogetto", intero(&con(|v| v["ogetto"] = json!("refuso")))),
        (
            "riferimenti.0",
            intero(&con(|v| {
                v["riferimenti"] =
                    json!([{"ente": "c_z999", "aoo": "AOO1", "registro": "PG", "anno": 2020, "numero": 1}])
            })),
        ),
        ("fascicolo", intero(&con(|v| v["fascicolo"] = json!("2026/1/99")))),
    ];
    for (campo, m) in casi {
        let r = b.registra(&b.anna, m).await;
        assert!(r.stato.is_client_error(), "{campo}: {} {}", r.stato, r.json());
        assert_eq!(r.campo(), campo, "{}", r.json());
        assert_eq!(r.capi["content-type"], "application/problem+json");
    }
    // Deferred registration of a PEC (R-A23, trap 37), asked by who may defer.
    let d = con(|v| v["differimento"] = json!({"provvedimento": "1/2026", "motivo": "gara", "termine": "2026-12-01"}));
    assert_eq!(b.registra(&b.anna, intero(&d)).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(b.registra(&b.rita, intero(&d)).await.campo(), "differimento");
    assert_eq!(b.prossimo().await, 1, "nothing took a number");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_recipients_and_an_endless_json_are_refused() {
    let b = Banco::nuovo().await;
    let tanti: Vec<Value> =
        (0..100_000).map(|i| json!({"tipo": "persona-fisica", "cognome": format!("C{i}")})).collect();
    let v = uscita(|v| v["destinatari"] = json!(tanti));
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&v).file("documento", "a.txt", X)).await;
    assert_eq!((r.stato, r.campo().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "destinatari"));
    // A JSON that never ends is cut at the limit, not gathered.
    let inizio = "--confine-di-prova\r\ncontent-disposition: form-data; name=\"dati\"\r\n\r\n\"";
    let pezzi = std::iter::once(inizio.as_bytes().to_vec()).chain(std::iter::repeat_n(vec![b'x'; 1 << 20], 1_000));
    let corpo = Body::from_stream(futures_util::stream::iter(pezzi.map(Ok::<_, std::io::Error>)));
    let r = b.manda(richiesta(&b.anna, &format!("{BASE}/registrazioni"), None, corpo)).await;
    assert_eq!((r.stato, r.campo().as_str()), (StatusCode::PAYLOAD_TOO_LARGE, "dati"), "{}", r.json());
    assert_eq!(b.prossimo().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_half_way_leaves_nothing() {
    let b = Banco::nuovo().await;
    let mut byte = Modulo::nuovo().dati(&entrata("a")).file("documento", "a.bin", &vec![1u8; 600_000]).byte();
    byte.truncate(byte.len() - 100_000);
    let pezzi = vec![Ok(byte), Err(std::io::Error::other("caduta la linea"))];
    let r = b
        .manda(richiesta(
            &b.anna,
            &format!("{BASE}/registrazioni"),
            None,
            Body::from_stream(futures_util::stream::iter(pezzi)),
        ))
        .await;
    assert_eq!(r.stato, StatusCode::BAD_REQUEST, "{}", r.json());
    let file = b.dir.path().join("enti/c_z999/file");
    let n: usize =
        std::fs::read_dir(file).unwrap().map(|d| std::fs::read_dir(d.unwrap().path()).unwrap().count()).sum();
    assert_eq!(n, 0);
    assert_eq!(b.prossimo().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_registered_is_never_changed_nor_deleted() {
    // R-A11, R-B01, R-B08
    let b = Banco::nuovo().await;
    b.prossimo().await;
    let anno = b.ente.ora().anno();
    for registro in ["registrazioni", "registri/PG/registrazioni"] {
        for metodo in ["PUT", "PATCH", "DELETE"] {
            for token in [Some(&b.rita), None] {
                let mut r = Request::builder().method(metodo).uri(format!("{BASE}/{registro}/{anno}/1"));
                if let Some(t) = token {
                    r = r.header("authorization", format!("Bearer {t}"));
                }
                let r = b.manda(r.body(Body::empty()).unwrap()).await;
                assert_eq!(r.stato, StatusCode::METHOD_NOT_ALLOWED);
                assert!(r.json()["detail"].as_str().unwrap().contains("annullare"));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_work_only_where_they_belong() {
    // R-L25, R-L02, R-B12
    let b = Banco::nuovo().await;
    b.prossimo().await;
    let anno = b.ente.ora().anno();
    let una = format!("{BASE}/registrazioni/{anno}/1");
    assert_eq!(b.get(&b.altro, &una).await.stato, StatusCode::NOT_FOUND);
    assert_eq!(b.get(&b.altro, &una.replace("c_z999", "c_z998")).await.stato, StatusCode::NOT_FOUND);
    assert_eq!(b.get(&b.anna, &una.replace("AOO1", "AOO2")).await.stato, StatusCode::NOT_FOUND);
    for t in ["", "x", "pt1.c_z999.x", "pt1.c_z000.AAAA", &b.anna.replace("c_z999", "c_z998")] {
        let r = b.get(t, &una).await;
        assert_eq!(r.stato, StatusCode::UNAUTHORIZED, "{t}");
        assert_eq!(r.capi["www-authenticate"], "Bearer");
    }
    // The administrator sees no contents and registers nothing; an operatore registers no entrata.
    assert_eq!(b.get(&b.ada, &una).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(b.get(&b.ada, &format!("{BASE}/registrazioni")).await.stato, StatusCode::FORBIDDEN);
    for t in [&b.ada, &b.ugo] {
        let r = b.registra(t, Modulo::nuovo().dati(&entrata("no")).file("documento", "a.txt", X)).await;
        assert_eq!(r.stato, StatusCode::FORBIDDEN);
    }
    let u = json!({"codice": "NUOVO", "denominazione": "Nuovo"});
    assert_eq!(b.post(&b.anna, &format!("{BASE}/uffici"), u.clone()).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(b.post(&b.ada, &format!("{BASE}/uffici"), u.clone()).await.stato, StatusCode::CREATED);
    assert_eq!(b.post(&b.ada, &format!("{BASE}/uffici"), u).await.stato, StatusCode::CONFLICT);
    assert_eq!(b.prossimo().await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_registration_answers_with_number_and_instant_only() {
    // R-L08
    let b = Banco::nuovo().await;
    let v = con(|v| {
        v["riservato"] = json!(true);
        v["oggetto"] = json!("Segretissimo");
        v["assegnazioni"] = json!([{"ufficio": "SEGR", "tipo": "competenza"}]);
    });
    let r = b.registra(&b.rita, Modulo::nuovo().dati(&v).file("documento", "segreto.txt", X)).await;
    let una = r.json()["links"]["self"].as_str().unwrap().to_owned();
    let m = b.get(&b.anna, &una).await.json();
    assert_eq!(m["riservata"], true);
    let mut campi: Vec<&str> = m.as_object().unwrap().keys().map(String::as_str).collect();
    campi.sort_unstable();
    assert_eq!(campi, ["anno", "aoo", "ente", "id", "istante", "numero", "numeroEsteso", "registro", "riservata"]);
    for p in ["storia", "ricevuta", "documenti/1", "confronto?da=1&a=2"] {
        let r = b.get(&b.anna, &format!("{una}/{p}")).await;
        assert_eq!(r.stato, StatusCode::FORBIDDEN, "{p}");
    }
    assert_eq!(b.get(&b.anna, &format!("{una}?alla=2999-01-01T00:00:00Z")).await.json()["riservata"], true);
    let l = b.get(&b.anna, &format!("{BASE}/registrazioni")).await;
    assert_eq!(l.json()["elementi"][0]["riservata"], true);
    assert!(!String::from_utf8_lossy(&l.byte).contains("egret"));
    for q in ["q=segretissimo", "soggetto=rossi", "classificazione=1.6", "ufficio=SEGR"] {
        let l = b.get(&b.anna, &format!("{BASE}/registrazioni?{q}")).await.json();
        assert!(l["elementi"].as_array().unwrap().is_empty(), "{q}");
    }
    assert_eq!(b.get(&b.rita, &una).await.json()["oggetto"], "Segretissimo");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_idempotency_key_repeats_the_first_answer() {
    let b = Banco::nuovo().await;
    let manda = async |oggetto: &str, chiave: &str| {
        let m = Modulo::nuovo().dati(&entrata(oggetto)).file("documento", "a.txt", X);
        b.manda(m.richiesta(&b.anna, &format!("{BASE}/registrazioni"), Some(chiave))).await
    };
    let prima = manda("Una", "chiave-1").await;
    let una = prima.json()["links"]["self"].as_str().unwrap().to_owned();
    b.post(&b.anna, &format!("{una}/classificazione"), json!({"classificazione": "6.3"})).await;
    // The first answer, whatever happened since.
    let poi = manda("Una", "chiave-1").await;
    assert_eq!((poi.stato, poi.json()), (StatusCode::CREATED, prima.json()));
    assert_eq!(manda("Altra", "chiave-1").await.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(manda("Altra", "chiave con spazi").await.campo(), "Idempotency-Key");
    let (x, y) = tokio::join!(manda("Insieme", "chiave-2"), manda("Insieme", "chiave-2"));
    assert_eq!(x.json()["numero"], 2);
    assert_eq!(x.json(), y.json());
    assert_eq!(b.prossimo().await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_parameters_of_lists_are_named() {
    let b = Banco::nuovo().await;
    for (q, campo) in [
        ("limite=0", "limite"),
        ("limite=201", "limite"),
        ("tipo=boh", "tipo"),
        ("dal=ieri", "dal"),
        ("anno=x", "anno"),
        ("cursore=x", "cursore"),
        ("q=a*", "q"),
        ("boh=1", "boh"),
        ("stato=x", "stato"),
    ] {
        let r = b.get(&b.anna, &format!("{BASE}/registrazioni?{q}")).await;
        assert_eq!((r.stato, r.campo().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, campo), "{q}");
    }
    for p in ["registrazioni/2026/0", "registrazioni/2026/x", "registrazioni/x/1", "registri/BOH/registrazioni", "boh"]
    {
        assert_eq!(b.get(&b.anna, &format!("{BASE}/{p}")).await.stato, StatusCode::NOT_FOUND, "{p}");
    }
}
