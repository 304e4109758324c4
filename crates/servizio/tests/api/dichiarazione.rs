//! The statement that binds a log's keys to the ente: what it says is what the log says, always in the same bytes.

use std::process::Command;

use archivio::store::Registro;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::banco::{BASE, Banco, Risposta};
use super::stampe::chiedi;

async fn pubblico(b: &Banco, percorso: &str) -> Risposta {
    b.manda(Request::get(percorso).body(Body::empty()).unwrap()).await
}

async fn xml(b: &Banco) -> String {
    let r = pubblico(b, &format!("{BASE}/log/chiavi/dichiarazione.xml")).await;
    assert_eq!(
        (r.stato, &r.capi[header::CONTENT_TYPE]),
        (StatusCode::OK, &"application/xml; charset=utf-8".parse().unwrap())
    );
    String::from_utf8(r.byte).unwrap()
}

/// Text of each element of that name, in order.
fn voci<'a>(xml: &'a str, nome: &str) -> Vec<&'a str> {
    let (apre, chiude) = (format!("<{nome}>"), format!("</{nome}>"));
    xml.split(&apre).skip(1).map(|r| r.split(&chiude).next().unwrap()).collect()
}

/// Valid by the published schema; not asked where xmllint is not installed.
fn valida(xml: &str) {
    let dir = tempfile::tempdir().unwrap();
    let f = dir.path().join("d.xml");
    std::fs::write(&f, xml).unwrap();
    let xsd = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/dichiarazione-chiavi.xsd");
    match Command::new("xmllint").args(["--noout", "--nonet", "--schema", xsd]).arg(&f).output() {
        Ok(o) => assert!(o.status.success(), "{}\n{xml}", String::from_utf8_lossy(&o.stderr)),
        Err(_) => {
            assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "xmllint is missing");
            eprintln!("xmllint is not installed: not asked");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statement_names_the_keys_of_the_log_and_since_when() {
    let b = Banco::nuovo().await;
    let chiavi = String::from_utf8(pubblico(&b, &format!("{BASE}/log/chiavi")).await.byte).unwrap();
    let prima = xml(&b).await;
    valida(&prima);
    assert_eq!(voci(&prima, "VKey"), [chiavi.trim()]);
    assert_eq!(
        (voci(&prima, "CodiceIPA"), voci(&prima, "Origine")),
        (vec!["c_z999"], vec!["prova.example/c_z999/AOO1"])
    );
    assert_eq!((voci(&prima, "DallaOperazione"), voci(&prima, "Al")), (vec!["0"], vec![]));
    let k: catena::ChiavePubblica = chiavi.trim().parse().unwrap();
    let impronta: [u8; 32] = Sha256::digest(k.byte()).into();
    assert_eq!(voci(&prima, "ImprontaSHA256"), [dominio::codici::Impronta(impronta).hex()]);
    // The entry is that of the operation which declares the key.
    let op = b.ente.scan_from(&Registro::Aoo("AOO1".parse().unwrap()), 0, 1).await.unwrap();
    assert_eq!(voci(&prima, "Entrata"), [dominio::codici::Impronta(op[0].voce).hex()]);

    let r = b.post(&b.rita, &format!("{BASE}/log/chiavi"), json!({"motivo": "Motivo <riservato>"})).await;
    assert_eq!(r.stato, StatusCode::CREATED);
    let indice = r.json()["indice"].as_u64().unwrap().to_string();
    let dopo = xml(&b).await;
    valida(&dopo);
    let chiavi = String::from_utf8(pubblico(&b, &format!("{BASE}/log/chiavi")).await.byte).unwrap();
    let dette: Vec<&str> = voci(&dopo, "VKey").into_iter().rev().collect();
    assert_eq!(dette, chiavi.lines().collect::<Vec<_>>(), "both, the one in use last");
    assert_eq!(voci(&dopo, "DallaOperazione"), ["0", indice.as_str()]);
    assert_eq!(voci(&dopo, "FinoAllaOperazione"), [indice.as_str()]);
    let (dal, al) = (voci(&dopo, "Dal"), voci(&dopo, "Al"));
    assert_eq!((dal.len(), al.as_slice()), (2, &dal[1..]), "one ends when the other begins");
    assert_eq!(voci(&dopo, "FirmaAncheFino").len(), 1);
    assert_eq!(voci(&dopo, "Nome")[1], "rita Prova");
    assert!(!dopo.contains("riservato"), "why is not said");

    // As the log of the ente, whose key no operation names until it is changed.
    let r = pubblico(&b, "/api/v1/enti/c_z999/log/chiavi/dichiarazione.xml").await;
    let ente = String::from_utf8(r.byte).unwrap();
    valida(&ente);
    assert_eq!((voci(&ente, "VKey").len(), voci(&ente, "AOO").len()), (1, 0));
    for assente in ["c_z999/aoo/ALTRA", "c_z111/aoo/AOO1", "x y/aoo/AOO1"] {
        for forma in ["xml", "pdf"] {
            let p = format!("/api/v1/enti/{}/log/chiavi/dichiarazione.{forma}", assente.replace(' ', "%20"));
            assert_eq!(pubblico(&b, &p).await.stato, StatusCode::NOT_FOUND, "{p}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_keys_give_the_same_bytes_and_the_paper_says_what_the_xml_says() {
    let b = Banco::nuovo().await;
    let p = format!("{BASE}/log/chiavi/dichiarazione.pdf");
    let (prima, x) = (pubblico(&b, &p).await, xml(&b).await);
    assert_eq!((prima.stato, &prima.capi[header::CONTENT_TYPE]), (StatusCode::OK, &"application/pdf".parse().unwrap()));
    // What happens in the register changes nothing.
    b.prossimo().await;
    assert_eq!((pubblico(&b, &p).await.byte, xml(&b).await), (prima.byte.clone(), x.clone()));
    assert_eq!(
        b.post(&b.rita, &format!("{BASE}/log/chiavi"), json!({"motivo": "prova"})).await.stato,
        StatusCode::CREATED
    );
    let dopo = pubblico(&b, &p).await.byte;
    assert_ne!(dopo, prima.byte);
    if let Some(i) = chiedi("pdfinfo", &["-"], &dopo) {
        assert!(i.contains("Tagged: yes") && i.contains("Dichiarazione delle chiavi"), "{i}");
    }
    if let Some(t) = chiedi("pdftotext", &["-raw", "-", "-"], &dopo) {
        let senza_spazi = t.replace(' ', "");
        let x = xml(&b).await;
        for nome in ["VKey", "ImprontaSHA256", "Entrata"] {
            for v in voci(&x, nome) {
                assert!(senza_spazi.contains(v), "{nome} {v}: {t}");
            }
        }
        for parola in ["Chiave in vigore", "Chiave precedente", "rita Prova", "Firma insieme alla successiva"] {
            assert!(t.contains(parola), "{parola}: {t}");
        }
    }
}
