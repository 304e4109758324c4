//! Files: byte for byte, whatever their name and kind.

use crate::banco::*;
use axum::http::StatusCode;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_back_by_number_and_by_impronta() {
    // R-H07, R-A17
    let b = Banco::nuovo().await;
    let byte: Vec<u8> = (0..300_000u32).flat_map(|i| i.to_le_bytes()).collect();
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&entrata("File")).file("documento", "è \"b\".bin", &byte)).await;
    let v = r.json();
    let una = v["links"]["self"].as_str().unwrap();
    let impronta = v["documenti"][0]["impronta"].as_str().unwrap();
    for quale in ["1", impronta] {
        let f = b.get(&b.anna, &format!("{una}/documenti/{quale}")).await;
        assert_eq!(f.stato, StatusCode::OK);
        assert_eq!(f.byte, byte);
        assert_eq!(f.capi["etag"], format!("\"{impronta}\"").as_str());
        assert!(f.capi["content-security-policy"].to_str().unwrap().contains("sandbox"));
    }
    assert_eq!(b.get(&b.anna, &format!("{una}/documenti/2")).await.stato, StatusCode::NOT_FOUND);
    // A file of another registration is not of this one.
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&entrata("Altro")).file("documento", "x", b"altro")).await;
    let altra = r.json()["documenti"][0]["impronta"].as_str().unwrap().to_owned();
    assert_eq!(b.get(&b.anna, &format!("{una}/documenti/{altra}")).await.stato, StatusCode::NOT_FOUND);
}

/// Every real file at hand: signed, PDF/A, certified messages (R-H07, R-H14).
#[tokio::test(flavor = "multi_thread")]
async fn every_reference_file_is_registered_and_comes_back_byte_for_byte() {
    let radice = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference");
    if !radice.is_dir() {
        println!("saltata: manca ../shared/reference");
        return;
    }
    let b = Banco::nuovo().await;
    let mut cartelle: Vec<_> = ["firme", "pdfa", "pec"].iter().map(|c| radice.join(c)).collect();
    let mut provati = 0;
    while let Some(c) = cartelle.pop() {
        for voce in std::fs::read_dir(c).unwrap() {
            let p = voce.unwrap().path();
            if p.is_dir() {
                cartelle.push(p);
                continue;
            }
            let byte = std::fs::read(&p).unwrap();
            let nome = p.file_name().unwrap().to_string_lossy().into_owned();
            if byte.is_empty() {
                continue;
            }
            let r = b.registra(&b.anna, Modulo::nuovo().dati(&entrata(&nome)).file("documento", &nome, &byte)).await;
            assert_eq!(r.stato, StatusCode::CREATED, "{nome}: {}", r.json());
            let v = r.json();
            assert_eq!(v["documenti"][0]["nome"], nome.as_str());
            let f = b.get(&b.anna, v["links"]["documenti"][0].as_str().unwrap()).await;
            assert!(f.byte == byte, "{nome}");
            provati += 1;
        }
    }
    println!("{provati} file registrati e riletti");
    assert!(provati > 50, "{provati}");
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}
