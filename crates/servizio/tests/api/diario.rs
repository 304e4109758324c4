//! What the journal says of requests, and what it must never say.

use std::io::Write;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use servizio::diario::{Formato, scrivano};

use crate::banco::{BASE, Banco, Modulo, entrata};

#[derive(Clone, Default)]
struct Fogli(Arc<Mutex<Vec<u8>>>);

impl Write for Fogli {
    fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(b);
        Ok(b.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_has_one_line_for_each_request_with_its_trace_and_nothing_personal() {
    let fogli = Fogli::default();
    let suoi = fogli.clone();
    // All that anybody says, at every level of ours.
    let filtro = "warn,richiesta=info,servizio=trace,archivio=trace";
    let _ = tracing::subscriber::set_global_default(scrivano(Formato::Json, Some(filtro), move || suoi.clone()));
    let b = Banco::nuovo().await;
    let r = b
        .registra(
            &b.anna,
            Modulo::nuovo().dati(&entrata("Oggetto ornitorinco")).file("documento", "diagnosi-bianchi.pdf", b"x"),
        )
        .await;
    assert_eq!(r.stato, StatusCode::CREATED);
    let id = r.capi["x-request-id"].to_str().unwrap().to_owned();
    let traccia = "4bf92f3577b34da6a3ce929d0e0e4736";
    let strada = format!("{BASE}/registrazioni?q=ornitorinco&soggetto=RSSMRA80A01H501U");
    let cerca = Request::get(&strada)
        .header("authorization", format!("Bearer {}", b.anna))
        .header("traceparent", format!("00-{traccia}-00f067aa0ba902b7-01"))
        .header("x-forwarded-for", "203.0.113.77");
    let r = b.manda(cerca.body(Body::empty()).unwrap()).await;
    assert_eq!(r.capi["x-request-id"], traccia);
    // Wrong in every way: a name in the path, where an ente, a number, a page should be; a body that does not parse.
    for percorso in
        ["/mario_rossi/giuseppina/scrivania", "/api/v1/enti/mario_rossi/aoo/AOO1/registrazioni", "/giuseppina/verdi"]
    {
        b.get(&b.anna, percorso).await;
    }
    b.get(&b.anna, &format!("{BASE}/registrazioni/2026/giuseppina")).await;
    b.registra(&b.anna, Modulo::nuovo().testo("dati", "{\"oggetto\": \"ornitorinco\", giuseppina")).await;
    b.registra(&b.anna, Modulo::nuovo().dati(&entrata("ornitorinco\u{1}"))).await;
    let entra = "ente=c_z999&utente=giuseppina&password=ornitorinco";
    let tipo = "application/x-www-form-urlencoded";
    b.manda(Request::post("/accedi").header("content-type", tipo).body(Body::from(entra)).unwrap()).await;

    let testo = String::from_utf8(fogli.0.lock().unwrap().clone()).unwrap();
    for parola in [
        "ornitorinco",
        "giuseppina",
        "Giuseppina",
        "mario_rossi",
        "Rossi",
        "Maria",
        "RSSMRA80A01H501U",
        "diagnosi",
        "123/A",
        "203.0.113.77",
        "anna",
        "verdi",
        &b.anna,
    ] {
        assert!(!testo.contains(parola), "{parola} in\n{testo}");
    }
    let righe: Vec<Value> = testo.lines().map(|r| serde_json::from_str(r).unwrap()).collect();
    let richieste: Vec<&Value> = righe.iter().filter(|r| r["target"] == "richiesta").collect();
    assert!(richieste.len() >= 9, "{testo}");
    let una = richieste.iter().find(|r| r["span"]["traccia"] == id.as_str()).unwrap();
    assert_eq!(una["metodo"], "POST");
    assert_eq!(una["rotta"], "/api/v1/enti/{ipa}/aoo/{aoo}/registrazioni");
    assert_eq!((&una["stato"], &una["ente"]), (&201.into(), &"c_z999".into()));
    assert!(una["ms"].is_u64() && una["span"]["tratto"].as_str().unwrap().len() == 16);
    let altra = richieste.iter().find(|r| r["span"]["traccia"] == traccia).unwrap();
    assert_eq!(altra["span"]["padre"], "00f067aa0ba902b7");
}
