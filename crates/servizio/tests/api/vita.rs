//! The service in time: tokens end, clocks lie, the service stops.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::banco::*;
use archivio::store::Registro;
use axum::http::{StatusCode, header};
use dominio::tempo::{Istante, Orologio};
use serde_json::json;
use servizio::Servizio;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Clocks that a test moves.
struct Mosso {
    muro: AtomicI64,
    mono: AtomicI64,
}

impl Mosso {
    fn nuovo() -> Arc<Self> {
        let inizio = Istante::leggi("2026-06-01T08:00:00Z").unwrap();
        Arc::new(Self { muro: AtomicI64::new(inizio.0), mono: AtomicI64::new(0) })
    }

    /// Time goes by.
    fn passano(&self, secondi: i64) {
        self.muro.fetch_add(secondi * 1_000_000, Ordering::SeqCst);
        self.mono.fetch_add(secondi * 1_000_000, Ordering::SeqCst);
    }

    /// The wall clock is moved, and no time went by.
    fn salta(&self, secondi: i64) {
        self.muro.fetch_add(secondi * 1_000_000, Ordering::SeqCst);
    }
}

impl Orologio for Mosso {
    fn adesso(&self) -> Istante {
        Istante(self.muro.load(Ordering::SeqCst))
    }

    fn monotono(&self) -> i64 {
        self.mono.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_when_it_was_said() {
    // R-L02
    let o = Mosso::nuovo();
    let b = Banco::con_orologio(Arc::clone(&o) as Arc<dyn Orologio>).await;
    let elenco = format!("{BASE}/registrazioni");
    o.passano(3_599);
    assert_eq!(b.get(&b.anna, &elenco).await.stato, StatusCode::OK);
    o.passano(1);
    let r = b.get(&b.anna, &elenco).await;
    assert_eq!(r.stato, StatusCode::UNAUTHORIZED);
    assert_eq!(r.capi[header::WWW_AUTHENTICATE], "Bearer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_stops_the_register_and_says_so_at_every_door() {
    // R-A21
    let o = Mosso::nuovo();
    let b = Banco::con_orologio(Arc::clone(&o) as Arc<dyn Orologio>).await;
    let registra = async || {
        let dati = {
            let mut v = entrata("Orologio");
            v["dataArrivo"] = serde_json::Value::Null;
            v["protocolloMittente"] = serde_json::Value::Null;
            v
        };
        b.registra(&b.anna, Modulo::nuovo().dati(&dati).file("documento", "a.txt", b"x")).await
    };
    let fermo = |p: &Risposta| {
        let p = p.json();
        let mut tutti = p["impedimenti"].as_array().unwrap().iter();
        tutti.any(|i| i["ente"] == "c_z999" && i["motivo"].as_str().unwrap().contains("orologio"))
    };
    let conferma = format!("{BASE}/orologio/conferma");
    let motivo = || json!({"motivo": "controllato con il tempo di riferimento"});
    let prima = registra().await;
    assert_eq!(prima.json()["numero"], 1, "{}", prima.json());
    assert_eq!(b.get("", "/salute/pronto").await.stato, StatusCode::OK);
    let una = prima.json()["links"]["self"].as_str().unwrap().to_owned();
    // A day back is absorbed: nothing stops, and instants do not go back.
    o.salta(-86_400);
    let indietro = registra().await;
    assert_eq!(indietro.json()["numero"], 2, "{}", indietro.json());
    assert!(indietro.json()["istante"].as_str() >= prima.json()["istante"].as_str());
    assert_eq!(b.get("", "/salute/pronto").await.stato, StatusCode::OK);
    o.salta(86_400);
    for salto in [1_200, 365 * 86_400] {
        o.salta(salto);
        // Said before anybody tries; no token ends for it.
        let p = b.get("", "/salute/pronto").await;
        assert_eq!(p.stato, StatusCode::SERVICE_UNAVAILABLE, "{}", p.json());
        assert!(fermo(&p), "{}", p.json());
        let r = registra().await;
        assert_eq!(r.stato, StatusCode::SERVICE_UNAVAILABLE, "{}", r.json());
        assert_eq!(r.json()["type"], "/problemi/orologio-in-dubbio");
        assert!(r.capi.contains_key(header::RETRY_AFTER));
        // What is registered can be read all the same, and no number was lost.
        assert_eq!(b.get(&b.anna, &una).await.stato, StatusCode::OK);
        assert_eq!(b.post(&b.anna, &conferma, motivo()).await.stato, StatusCode::FORBIDDEN);
        assert_eq!(b.post(&b.rita, &conferma, json!({"motivo": " "})).await.stato, StatusCode::UNPROCESSABLE_ENTITY);
        // Put right on the machine, it needs nobody.
        o.salta(-salto);
        assert_eq!(b.get("", "/salute/pronto").await.stato, StatusCode::OK);
    }
    assert_eq!(registra().await.json()["numero"], 3);
    o.salta(1_200);
    assert_eq!(registra().await.stato, StatusCode::SERVICE_UNAVAILABLE);
    let r = b.post(&b.rita, &conferma, motivo()).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    // For this ente alone: the other has its own RGD, and is named still.
    let p = b.get("", "/salute/pronto").await;
    assert!(p.stato == StatusCode::SERVICE_UNAVAILABLE && !fermo(&p), "{}", p.json());
    assert_eq!(registra().await.json()["numero"], 4);
    // A year that the RGD vouches for has gone by for tokens too.
    o.salta(365 * 86_400);
    assert_eq!(b.post(&b.rita, &conferma, motivo()).await.stato, StatusCode::CREATED);
    assert!(!fermo(&b.get("", "/salute/pronto").await));
    assert_eq!(registra().await.stato, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_the_service_signs_a_checkpoint_of_what_was_registered() {
    let b = Banco::nuovo().await;
    let log = Registro::Aoo("AOO1".parse().unwrap());
    b.ente.checkpoint(&log).await.unwrap();
    let ascolto = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let indirizzo = ascolto.local_addr().unwrap();
    let (ferma, fermo) = tokio::sync::oneshot::channel::<()>();
    let s = Arc::new(Servizio::nuovo(Arc::clone(&b.store), "http://prova"));
    let servizio = tokio::spawn(servizio::servi(ascolto, s, async move {
        let _ = fermo.await;
    }));
    let mut c = tokio::net::TcpStream::connect(indirizzo).await.unwrap();
    c.write_all(b"GET /salute/vivo HTTP/1.1\r\nhost: prova\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut risposta = String::new();
    c.read_to_string(&mut risposta).await.unwrap();
    assert!(risposta.starts_with("HTTP/1.1 200 "), "{risposta}");
    b.prossimo().await;
    ferma.send(()).unwrap();
    servizio.await.unwrap().unwrap();
    let operazioni = b.ente.scan_from(&log, 0, 1_000).await.unwrap().len();
    let nota = b.ente.checkpoint(&log).await.unwrap();
    assert_eq!(nota.lines().nth(1).unwrap(), operazioni.to_string(), "{nota}");
    assert!(tokio::net::TcpStream::connect(indirizzo).await.is_err(), "nobody listens any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_upload_is_for_has_its_time_too_and_is_done_once() {
    let mut b = Banco::nuovo().await;
    let prima = b.registra(&b.anna, Modulo::nuovo().dati(&entrata("Prima")).file("documento", "a.txt", b"x")).await;
    let una = prima.json()["links"]["self"].as_str().unwrap().to_owned();
    let mut s = Servizio::nuovo(Arc::clone(&b.store), "http://prova");
    s.limiti.attesa_max = std::time::Duration::from_millis(300);
    let a_lungo = std::mem::replace(&mut b.rotte, servizio::rotte(Arc::new(s)));
    // A writer that waits, as for a disk that does not answer.
    let fermo = rusqlite::Connection::open(b.dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
    fermo.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    fermo.execute_batch("BEGIN IMMEDIATE").unwrap();
    let registra = || {
        let m = Modulo::nuovo().dati(&entrata("Attesa")).file("documento", "a.txt", b"attesa");
        m.richiesta(&b.anna, &format!("{BASE}/registrazioni"), Some("attesa"))
    };
    let allega = || {
        let m = Modulo::nuovo().file("allegato", "b.txt", b"allegato");
        m.richiesta(&b.anna, &format!("{una}/allegati"), Some("allega"))
    };
    for r in [registra(), allega()] {
        let r = b.manda(r).await;
        assert_eq!(r.stato, StatusCode::REQUEST_TIMEOUT, "{}", r.json());
        assert_eq!(r.json()["type"], "/problemi/attesa-esaurita");
    }
    fermo.execute_batch("ROLLBACK").unwrap();
    b.rotte = a_lungo;
    let r = b.manda(registra()).await;
    assert_eq!((r.stato, r.json()["numero"].as_i64()), (StatusCode::CREATED, Some(2)), "{}", r.json());
    let r = b.manda(allega()).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    assert_eq!(b.get(&b.anna, &una).await.json()["documenti"].as_array().unwrap().len(), 2);
    assert_eq!(b.prossimo().await, 3);
}
