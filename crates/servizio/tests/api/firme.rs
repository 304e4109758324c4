//! Signatures of files that come in: examined after the answer, kept, examined again, opened (R-C12, R-H09, R-H10, R-L08, R-L25).

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use servizio::Servizio;
use servizio::esami::fiducia::{Custode, Luoghi};
use servizio::esami::{BYTE_MAX, Esami};

use crate::banco::*;

const TESTO: &str = "Oggetto: prova di firma\r\nPerché sì.\r\n";

pub fn dati(nome: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../firme/tests/dati/{nome}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

async fn registra(b: &Banco, dati: &Value, file: &[(&str, &[u8])]) -> String {
    let mut m = Modulo::nuovo().dati(dati);
    for (i, (nome, byte)) in file.iter().enumerate() {
        m = m.file(if i == 0 { "documento" } else { "allegato" }, nome, byte);
    }
    let r = b.registra(&b.rita, m).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    r.json()["links"]["self"].as_str().unwrap().to_owned()
}

async fn esamina(b: &Banco) {
    while b.servizio.esami.dell_ente(&*b.ente).await.unwrap() {}
}

async fn verifica(b: &Banco, una: &str, n: u32) -> Value {
    let r = b.get(&b.rita, &format!("{una}/documenti/{n}/verifica")).await;
    assert_eq!(r.stato, StatusCode::OK, "{}", r.json());
    r.json()
}

fn con(b: Banco, esami: Esami) -> Banco {
    let s = Servizio::nuovo(Arc::clone(&b.store), "http://prova").che_esamina(esami);
    let servizio = Arc::new(s);
    Banco { rotte: servizio::rotte(Arc::clone(&servizio)), servizio, ..b }
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_are_examined_after_the_answer_and_each_result_stays() {
    let b = Banco::nuovo().await;
    let file: [(&str, &[u8]); 4] = [
        ("atto.txt.p7m", &dati("annidata.p7m")),
        ("piano.txt", b"senza firme"),
        ("nota.pdf", &dati("firmato.pdf")),
        ("nuda.pdf", b"%PDF-1.7 nessuna firma"),
    ];
    let una = registra(&b, &entrata("Istanza firmata"), &file).await;
    let v = verifica(&b, &una, 1).await;
    assert_eq!((&v["stato"], &v["esami"], &v["contenuti"]), (&json!("in-corso"), &json!([]), &json!([])));
    let r = b.get(&b.rita, &una).await.json();
    assert_eq!(r["links"]["verifiche"][3], json!(format!("{una}/documenti/4/verifica")));

    esamina(&b).await;
    let v = verifica(&b, &una, 1).await;
    assert_eq!(v["stato"], "esaminato");
    let [esame] = v["esami"].as_array().unwrap().as_slice() else { panic!("{v}") };
    assert_eq!((&esame["richiestoDa"], &esame["fiducia"], &esame["numero"]), (&Value::Null, &Value::Null, &json!(1)));
    // Exactly what the verb of the command line says, as of the instant of the registration.
    assert_eq!(esame["riferimento"], r["istante"]);
    let al: jiff::Timestamp = esame["riferimento"].as_str().unwrap().parse().unwrap();
    let suo = ::firme::esamina(file[0].1, None, &::firme::Fiducia::nessuna(), al);
    assert_eq!(esame["esito"], serde_json::to_value(&suo).unwrap());
    assert_eq!(esame["esito"]["buste"][0]["firme"][0]["firmatario"], "Anna Rossi");
    for (n, stato) in [(2, "senza-firme"), (3, "esaminato"), (4, "senza-firme")] {
        assert_eq!(verifica(&b, &una, n).await["stato"], stato, "{n}");
    }
    assert_eq!(verifica(&b, &una, 3).await["contenuti"], json!([]), "a PDF is its own content");

    // What is inside, each envelope off, with its name; to be saved and never run.
    let nomi: Vec<&str> = v["contenuti"].as_array().unwrap().iter().map(|c| c["nome"].as_str().unwrap()).collect();
    assert_eq!(nomi, ["atto.txt", "contenuto di atto.txt"]);
    assert_eq!(v["contenuti"][1]["byte"], TESTO.len());
    for (i, atteso) in [(0, dati("busta.p7m")), (1, TESTO.as_bytes().to_vec())] {
        let f = b.get(&b.rita, v["contenuti"][i]["href"].as_str().unwrap()).await;
        assert!(f.stato == StatusCode::OK && f.byte == atteso, "{i}");
        assert!(f.capi["content-disposition"].to_str().unwrap().starts_with("attachment;"));
        assert!(f.capi["content-security-policy"].to_str().unwrap().contains("sandbox"));
        assert_eq!(f.capi["x-content-type-options"], "nosniff");
    }
    for altro in [&"0".repeat(64), "x", v["impronta"].as_str().unwrap()] {
        let r = b.get(&b.rita, &format!("{una}/documenti/1/contenuto/{altro}")).await;
        assert_eq!(r.stato, StatusCode::NOT_FOUND, "{altro}");
    }
    let r = b.get(&b.rita, &v["contenuti"][0]["href"].as_str().unwrap().replace("/1/", "/3/")).await;
    assert_eq!(r.stato, StatusCode::NOT_FOUND);

    // Asked again, with anchors that were not there: what was said then stays.
    let cartella = tempfile::tempdir().unwrap();
    for (dove, nome) in [("ancore", "ca.pem"), ("revoche", "crl.pem")] {
        std::fs::create_dir(cartella.path().join(dove)).unwrap();
        std::fs::write(cartella.path().join(dove).join(nome), dati(nome)).unwrap();
    }
    let (ancore, revoche) = (cartella.path().join("ancore"), cartella.path().join("revoche"));
    let luoghi = Luoghi { elenchi: Vec::new(), ancore: Some(ancore), revoche: Some(revoche) };
    let b = con(b, Esami::con(Custode::apri(luoghi).unwrap(), BYTE_MAX));
    let r = b.post(&b.anna, &format!("{una}/documenti/1/verifica"), json!({})).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    let esami = r.json()["esami"].as_array().unwrap().clone();
    let identita = |e: &Value| e["esito"]["firme"][0]["identita"].as_str().unwrap().to_owned();
    assert_eq!(esami.iter().map(identita).collect::<Vec<_>>(), ["riconosciuta", "non-verificata"]);
    assert_eq!((&esami[0]["richiestoDa"], &esami[0]["riferimento"]), (&json!("anna"), &esame["riferimento"]));
    assert_eq!(esami[0]["fiducia"].as_str().unwrap().len(), 64);
    assert_eq!(&esami[1], esame);
    // Of one without signatures who asks is told.
    let r = b.post(&b.anna, &format!("{una}/documenti/2/verifica"), json!({})).await.json();
    assert_eq!((&r["stato"], &r["esami"][0]["esito"]["errore"]), (&json!("esaminato"), &json!(::firme::esame::NIENTE)));
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_it_is_for_who_may_not_see_the_registration() {
    let b = Banco::nuovo().await;
    let mut riservata = entrata("Ornitorinco");
    riservata["riservato"] = json!(true);
    let busta = dati("busta.p7m");
    let una = registra(&b, &riservata, &[("a.p7m", &busta)]).await;
    let aperta = registra(&b, &entrata("Aperta"), &[("b.p7m", &busta)]).await;
    esamina(&b).await;
    b.post(&b.rita, &format!("{una}/documenti/1/verifica"), json!({})).await;
    let contenuto = verifica(&b, &una, 1).await["contenuti"][0]["href"].as_str().unwrap().to_owned();
    let quante = async || {
        let r = b.get(&b.rita, &format!("{BASE}/accessi?riservate=true")).await.json();
        r["elementi"].as_array().unwrap().len()
    };
    let prima = quante().await;
    for dove in [format!("{una}/documenti/1/verifica"), contenuto.clone()] {
        for (chi, stato) in [
            (&b.anna, StatusCode::FORBIDDEN),
            (&b.ada, StatusCode::FORBIDDEN),
            (&b.altro, StatusCode::NOT_FOUND),
            (&String::new(), StatusCode::UNAUTHORIZED),
        ] {
            let r = b.get(chi, &dove).await;
            assert_eq!(r.stato, stato, "{dove}");
            assert!(!String::from_utf8_lossy(&r.byte).contains("Rossi"));
        }
        assert_eq!(
            b.post(&b.anna, &format!("{una}/documenti/1/verifica"), json!({})).await.stato,
            StatusCode::FORBIDDEN
        );
    }
    assert_eq!(quante().await, prima, "who was refused saw nothing");
    // Who sees it is written (R-L16).
    assert_eq!(b.get(&b.rita, &contenuto).await.byte, TESTO.as_bytes());
    assert_eq!(quante().await, prima + 1);
    let masked = b.get(&b.anna, &una).await.json();
    assert!(masked["riservata"] == true && masked.get("links").is_none(), "{masked}");
    // The same bytes in an open one say nothing of what was found, or asked, there.
    let r = b.get(&b.anna, &format!("{aperta}/documenti/1/verifica")).await.json();
    assert_eq!(r["esami"].as_array().unwrap().len(), 1);
    assert_eq!(r["esami"][0]["richiestoDa"], Value::Null);
}

/// A SignedData without signers around some bytes.
fn imbustato(dentro: &[u8]) -> Vec<u8> {
    fn tlv(tag: u8, v: &[u8]) -> Vec<u8> {
        let n = u32::try_from(v.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], &n[..], v].concat()
    }
    let oid = |ultimo: u8| vec![0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, ultimo];
    let contenuto = tlv(0x30, &[oid(1), tlv(0xa0, &tlv(0x04, dentro))].concat());
    let firmato = tlv(0x30, &[vec![0x02, 0x01, 0x01, 0x31, 0x00], contenuto, vec![0x31, 0x00]].concat());
    tlv(0x30, &[oid(2), tlv(0xa0, &firmato)].concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hostile_is_told_and_holds_up_nobody() {
    let b = Banco::nuovo().await;
    let b = con(b, Esami::con(Custode::default(), 1 << 20));
    let annidate = (0..200).fold(b"fondo".to_vec(), |dentro, _| imbustato(&dentro));
    let grande = imbustato(&vec![0; 2 << 20]);
    let mut rotta = dati("busta.p7m");
    let meta = rotta.len() / 2;
    rotta[meta] ^= 1;
    let tronca = &dati("busta.p7m")[..200];
    let una = registra(
        &b,
        &entrata("Ostile"),
        &[
            ("a.p7m", &annidate),
            ("b.p7m", &grande),
            ("c.p7m", &rotta),
            ("d.p7m", tronca),
            ("e.p7m", b"0\x84\xff\xff\xff\xff"),
            ("f.xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;<Signature/></a>"),
            ("g.p7m", &dati("busta.p7m")),
        ],
    )
    .await;
    esamina(&b).await;
    let detto = async |n: u32| verifica(&b, &una, n).await["esami"][0]["esito"].to_string();
    for (n, parole) in [
        (1, "più di 16 buste una dentro l'altra"),
        (2, "oltre il limite di 1 MiB"),
        (4, "\"errore\":\""),
        (5, "\"errore\":\""),
        (6, "\"errore\":\""),
    ] {
        assert!(detto(n).await.contains(parole), "{n}: {}", detto(n).await);
    }
    assert!(!detto(3).await.contains("\"integra\":true"), "{}", detto(3).await);
    assert!(detto(7).await.contains("\"integra\":true"), "{}", detto(7).await);
    // The same bounds for who asks, and for what is inside.
    let r = b.post(&b.rita, &format!("{una}/documenti/2/verifica"), json!({})).await;
    assert!(r.json()["esami"].to_string().contains("oltre il limite di 1 MiB"), "{}", r.json());
    assert_eq!(r.json()["contenuti"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_takes_the_process_with_it_is_left_after_some_attempts() {
    let b = Banco::nuovo().await;
    let busta = dati("busta.p7m");
    let una = registra(&b, &entrata("Due file"), &[("a.p7m", &busta), ("b.p7m", &busta)]).await;
    // As a process would leave it that died each time.
    let aoo = "AOO1".parse().unwrap();
    for i in 0..3 {
        let lotto = b.ente.da_esaminare(&aoo, 10).await.unwrap().unwrap();
        assert_eq!((lotto.da.tentativi, lotto.documenti.len()), (i, 2));
        b.ente.comincia_esame(&aoo, lotto.da).await.unwrap().unwrap();
    }
    esamina(&b).await;
    let v = verifica(&b, &una, 1).await;
    assert!(v["esami"][0]["esito"]["errore"].as_str().unwrap().contains("si è interrotto più volte"), "{v}");
    assert_eq!(verifica(&b, &una, 2).await["esami"][0]["esito"]["firme"][0]["integra"], true);
    // Who asks has it examined all the same, and the first answer stays.
    let r = b.post(&b.rita, &format!("{una}/documenti/1/verifica"), json!({})).await.json();
    assert_eq!(r["esami"][0]["esito"]["firme"][0]["integra"], true);
    assert_eq!(r["esami"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_interruption_each_file_of_the_group_is_written_down_by_itself() {
    let b = Banco::nuovo().await;
    let busta = dati("busta.p7m");
    let file = ["a.p7m", "b.p7m", "c.p7m", "d.p7m"].map(|n| (n, &busta[..]));
    let una = registra(&b, &entrata("Quattro file"), &file).await;
    let aoo = "AOO1".parse().unwrap();
    let lotto = b.ente.da_esaminare(&aoo, 10).await.unwrap().unwrap();
    b.ente.comincia_esame(&aoo, lotto.da).await.unwrap().unwrap();
    let scritti = || b.ente.misure().gruppo.somma;
    let prima = scritti();
    esamina(&b).await;
    // Begun and ended for each: whichever takes the process with it is known, also if it is the last.
    assert_eq!(scritti() - prima, 2 * 4 + 1, "and the end of the group");
    for n in 1..=4 {
        assert_eq!(verifica(&b, &una, n).await["esami"][0]["esito"]["firme"][0]["integra"], true);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_from_the_disk_holds_up_nobody() {
    let b = Banco::nuovo().await;
    let grande = imbustato(&vec![7; 300_000]);
    let una = registra(&b, &entrata("Perso"), &[("a.p7m", &grande), ("b.p7m", &dati("busta.p7m"))]).await;
    let mut cartelle = vec![b.dir.path().join("enti/c_z999/file")];
    let mut tagliati = 0;
    while let Some(c) = cartelle.pop() {
        for voce in std::fs::read_dir(c).unwrap().flatten() {
            match voce.metadata().unwrap() {
                m if m.is_dir() => cartelle.push(voce.path()),
                m if m.len() > 200_000 && !voce.path().to_string_lossy().contains("segmenti") => {
                    std::fs::remove_file(voce.path()).unwrap();
                    tagliati += 1;
                }
                _ => {}
            }
        }
    }
    assert_eq!(tagliati, 1, "it is a file of its own");
    // The storage may be back in a while: only after some attempts the others go on without it.
    let mut volte = 0;
    while b.servizio.esami.dell_ente(&*b.ente).await.is_err() {
        volte += 1;
        assert!(volte < 100);
    }
    let v = verifica(&b, &una, 1).await;
    assert!(v["esami"][0]["esito"]["errore"].as_str().unwrap().starts_with("il file "), "{v}");
    assert_eq!(verifica(&b, &una, 2).await["esami"][0]["esito"]["firme"][0]["integra"], true);
}
