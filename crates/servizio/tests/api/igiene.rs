//! What holds for every answer: problems in plain Italian, limits, compression, metrics, protective headers.

use std::sync::Arc;
use std::time::Duration;

use crate::banco::*;
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use servizio::{Servizio, rotte};

fn problema(r: &Risposta, stato: StatusCode, che: &str) {
    assert_eq!(r.stato, stato, "{che}: {}", String::from_utf8_lossy(&r.byte));
    assert_eq!(r.capi[header::CONTENT_TYPE], "application/problem+json", "{che}");
    let v = r.json();
    assert_eq!(v["status"], stato.as_u16(), "{che}");
    assert!(v["type"].as_str().unwrap().starts_with("/problemi/"), "{che}");
    assert!(!v["title"].as_str().unwrap().is_empty() && !v["detail"].as_str().unwrap().is_empty(), "{che}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_framework_refuses_is_a_problem_too() {
    let b = Banco::nuovo().await;
    b.prossimo().await;
    let anno = b.ente.ora().anno();
    let una = format!("{BASE}/registrazioni/{anno}/1");
    let annota = |corpo: Vec<u8>| {
        Request::post(format!("{una}/annotazioni"))
            .header("authorization", format!("Bearer {}", b.anna))
            .body(Body::from(corpo))
            .unwrap()
    };
    let r = b.manda(annota(vec![b'x'; 3 * 1_024 * 1_024])).await;
    problema(&r, StatusCode::PAYLOAD_TOO_LARGE, "JSON of 3 MB");
    let r = b.manda(annota(vec![0xff, 0xfe])).await;
    problema(&r, StatusCode::BAD_REQUEST, "not UTF-8");
    let r = b.post(&b.anna, &format!("{BASE}/registrazioni"), json!({})).await;
    problema(&r, StatusCode::UNSUPPORTED_MEDIA_TYPE, "JSON where a multipart body is due");
    let r = b.get(&b.anna, &format!("{BASE}/registrazioni/{anno}/%ff")).await;
    assert!(r.stato.is_client_error());
    problema(&r, r.stato, "path that is not UTF-8");
    let rotto = Request::post(format!("{BASE}/registrazioni"))
        .header("authorization", format!("Bearer {}", b.anna))
        .header("content-type", "multipart/form-data; boundary=x")
        .body(Body::from("--x\r\nsenza intestazioni"))
        .unwrap();
    let r = b.manda(rotto).await;
    problema(&r, StatusCode::BAD_REQUEST, "broken multipart");
    let detto = r.json()["detail"].as_str().unwrap().to_owned();
    assert!(!detto.contains("multipart stream") && !detto.contains("header"), "in Italian: {detto}");
    problema(&b.get(&b.anna, "/api/v2/boh").await, StatusCode::NOT_FOUND, "no such address");
    assert_eq!(b.prossimo().await, 2, "nothing took a number");
}

/// The document and the router hold each other: what is not in it is refused, with the list of what is (R-A11).
#[tokio::test(flavor = "multi_thread")]
async fn methods_outside_the_openapi_document_are_refused_and_say_what_is_allowed() {
    let b = Banco::nuovo().await;
    let doc = servizio::rest::openapi::tutto();
    for (percorso, voce) in doc["paths"].as_object().unwrap() {
        let p = percorso
            .replace("{ipa}", "c_z999")
            .replace("{aoo}", "AOO1")
            .replace("{registro}", "PG")
            .replace("{anno}", "2026")
            .replace("{quale}", "1")
            .replace("{percorso}", "0/000")
            .replace("{numero}", "1")
            .replace("{id}", "1");
        for metodo in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if voce.get(metodo.to_lowercase()).is_some() {
                continue;
            }
            let r = b.manda(Request::builder().method(metodo).uri(&p).body(Body::empty()).unwrap()).await;
            problema(&r, StatusCode::METHOD_NOT_ALLOWED, &format!("{metodo} {percorso}"));
            let ammessi = r.capi[header::ALLOW].to_str().unwrap().to_owned();
            for m in voce.as_object().unwrap().keys().filter(|m| *m != "parameters") {
                assert!(ammessi.contains(&m.to_uppercase()), "{metodo} {percorso}: {ammessi}");
            }
        }
    }
}

/// The example that people copy is one that registers.
#[tokio::test(flavor = "multi_thread")]
async fn the_example_of_the_openapi_document_registers() {
    let b = Banco::nuovo().await;
    let doc = servizio::rest::openapi::tutto();
    let esempio = doc["components"]["schemas"]["NuovaRegistrazione"]["examples"][0].clone();
    assert_eq!(esempio["tipo"], "entrata");
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&esempio).file("documento", "a.pdf", b"%PDF-1.7")).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    let noti = &doc["components"]["schemas"]["Registrazione"]["properties"];
    for campo in r.json().as_object().unwrap().keys() {
        assert!(noti.get(campo).is_some(), "{campo} is answered and not documented");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_is_compressed_and_documents_travel_as_they_are() {
    let b = Banco::nuovo().await;
    let chiedi = async |p: &str| {
        let r = Request::get(p)
            .header("authorization", format!("Bearer {}", b.anna))
            .header("accept-encoding", "gzip")
            .body(Body::empty())
            .unwrap();
        b.manda(r).await
    };
    assert_eq!(chiedi("/api/v1/openapi.json").await.capi[header::CONTENT_ENCODING], "gzip");
    assert!(!chiedi("/salute/vivo").await.capi.contains_key(header::CONTENT_ENCODING), "too short to gain");
    for (nome, byte) in
        [("a.json", vec![b' '; 5_000]), ("a.pdf", b"%PDF-1.7".repeat(1_000)), ("a.html", vec![b'<'; 5_000])]
    {
        let r = b.registra(&b.anna, Modulo::nuovo().dati(&entrata(nome)).file("documento", nome, &byte)).await;
        let f = chiedi(r.json()["links"]["documenti"][0].as_str().unwrap()).await;
        assert!(!f.capi.contains_key(header::CONTENT_ENCODING), "{nome}");
        assert_eq!(f.capi[header::CONTENT_LENGTH], byte.len().to_string().as_str(), "{nome}");
        assert_eq!(f.capi[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(f.capi[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
        assert_eq!(f.byte, byte, "{nome}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_by_route_and_never_name_anybody() {
    let b = Banco::nuovo().await;
    b.prossimo().await;
    let anno = b.ente.ora().anno();
    b.get(&b.anna, &format!("{BASE}/registrazioni/{anno}/1")).await;
    b.get("no", &format!("{BASE}/registrazioni/{anno}/1")).await;
    b.get(&b.anna, "/api/v1/enti/../passwd").await;
    // The same key again: one registration, not two.
    for _ in 0..2 {
        let m = Modulo::nuovo().dati(&entrata("Una")).file("documento", "a.txt", b"x");
        b.manda(m.richiesta(&b.anna, &format!("{BASE}/registrazioni"), Some("k"))).await;
    }
    let t = String::from_utf8(b.get("", "/metriche").await.byte).unwrap();
    let rotta = "/api/v1/enti/{ipa}/aoo/{aoo}/registrazioni";
    for riga in [
        format!("protocollo_richieste_totale{{metodo=\"POST\",rotta=\"{rotta}\",stato=\"2xx\"}} 3"),
        format!("protocollo_richieste_totale{{metodo=\"GET\",rotta=\"{rotta}/{{anno}}/{{numero}}\",stato=\"2xx\"}} 1"),
        format!("protocollo_richieste_totale{{metodo=\"GET\",rotta=\"{rotta}/{{anno}}/{{numero}}\",stato=\"4xx\"}} 1"),
        format!("protocollo_richiesta_secondi_count{{metodo=\"POST\",rotta=\"{rotta}\"}} 3"),
        "protocollo_registrazioni_totale 2".to_owned(),
        "protocollo_rifiuti_coda_totale 0".to_owned(),
    ] {
        assert!(t.lines().any(|l| l == riga), "{riga}\n{t}");
    }
    assert!(t.contains("protocollo_avvio_istante_secondi "), "{t}");
    // The code of an ente is said of what the ente does, never of who asked what.
    let richieste = t.lines().filter(|r| r.contains("rotta=")).collect::<String>();
    assert!(!richieste.contains("c_z999") && !t.contains("passwd"), "no value of a path");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_falls_silent_is_let_go() {
    let mut b = Banco::nuovo().await;
    let mut s = Servizio::nuovo(Arc::clone(&b.store), "http://prova");
    s.limiti.silenzio_max = Duration::from_millis(50);
    b.rotte = rotte(Arc::new(s));
    let mut byte = Modulo::nuovo().dati(&entrata("a")).file("documento", "a.bin", &[1u8; 100_000]).byte();
    byte.truncate(50_000);
    let muto =
        futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from(byte))]).chain(futures_util::stream::pending());
    let r = b.manda(richiesta(&b.anna, &format!("{BASE}/registrazioni"), None, Body::from_stream(muto))).await;
    problema(&r, StatusCode::REQUEST_TIMEOUT, "silent upload");
    // The same for a body that is not an upload: the whole request has its time.
    let mut s = Servizio::nuovo(Arc::clone(&b.store), "http://prova");
    s.limiti.attesa_max = Duration::from_millis(50);
    b.rotte = rotte(Arc::new(s));
    let muto = Body::from_stream(futures_util::stream::pending::<Result<Bytes, std::io::Error>>());
    let r = Request::post(format!("{BASE}/rubrica"))
        .header("authorization", format!("Bearer {}", b.anna))
        .body(muto)
        .unwrap();
    problema(&b.manda(r).await, StatusCode::REQUEST_TIMEOUT, "silent request");
    b.rotte = rotte(Arc::new(Servizio::nuovo(Arc::clone(&b.store), "http://prova")));
    assert_eq!(b.prossimo().await, 1, "nothing took a number");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_over_the_limit_is_refused_naming_its_part() {
    let mut b = Banco::nuovo().await;
    let mut s = Servizio::nuovo(Arc::clone(&b.store), "http://prova");
    s.limiti.file_max = 1_000;
    b.rotte = rotte(Arc::new(s));
    for parte in ["documento", "allegato"] {
        let m = Modulo::nuovo().dati(&entrata("a")).file(parte, "a.bin", &[1u8; 1_001]);
        let r = b.registra(&b.anna, m).await;
        problema(&r, StatusCode::PAYLOAD_TOO_LARGE, parte);
        assert_eq!(r.campo(), parte);
    }
    let m = Modulo::nuovo().dati(&entrata("a")).file("documento", "a.bin", &[1u8; 1_000]);
    assert_eq!(b.registra(&b.anna, m).await.json()["numero"], 1, "the limit itself is allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_ended_or_was_revoked_opens_nothing() {
    // R-L02
    let b = Banco::nuovo().await;
    let elenco = format!("{BASE}/registrazioni");
    assert_eq!(b.get(&b.anna, &elenco).await.stato, StatusCode::OK);
    let c = dominio::comandi::ComandoConfigurazione::RevocaToken { token: "t-anna".into() };
    b.ente.configura(&"AOO1".parse().unwrap(), &archivio::sistema(), c, None, None).await.unwrap();
    problema(&b.get(&b.anna, &elenco).await, StatusCode::UNAUTHORIZED, "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_the_protective_headers() {
    let b = Banco::nuovo().await;
    for p in
        ["/salute/vivo", "/metriche", "/api/v1/openapi.json", "/api/v1/boh", &format!("{BASE}/registrazioni"), "/boh"]
    {
        let r = b.get("no", p).await;
        for capo in [header::X_CONTENT_TYPE_OPTIONS, header::REFERRER_POLICY, header::CONTENT_SECURITY_POLICY] {
            assert!(r.capi.contains_key(&capo), "{p}: {capo}");
        }
    }
    let p: Value = b.get("no", "/salute/pronto").await.json();
    assert_eq!(p["stato"], "pronto");
}
