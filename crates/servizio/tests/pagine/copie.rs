//! Copies, and the button that tries to restore the newest (R-L22, R-N04, R-N08, R-L25).

use std::path::PathBuf;
use std::time::{Duration, Instant};

use archivio::age::{Destinatari, Identita};
use archivio::orologio::OrologioDiSistema;
use archivio::sqlite::copia;
use axum::http::StatusCode;
use dominio::tempo::Orologio as _;
use serde_json::Value;

use crate::banco::{BASE, Banco, Browser};

const COPIE: &str = "/c_z999/AOO1/copie";
const PROVA: &str = "/c_z999/AOO1/copie/prova";
const IN_CORSO: &str = "Una prova è in corso";

fn copia(b: &Banco) -> PathBuf {
    copia_per(b, None)
}

fn copia_per(b: &Banco, destinatari: Option<Destinatari>) -> PathBuf {
    let dove = copia::Luogo::from(&*b.copie.path().join("backup"));
    let o = copia::Opzioni {
        archivio: b.dir.path(),
        dove: &dove,
        conserva: None,
        programma: "prova",
        ora: OrologioDiSistema.adesso(),
        avanza: &|_| {},
        custodia: Default::default(),
        destinatari,
        temporanea: None,
    };
    std::fs::create_dir_all(b.copie.path().join("temporanea")).unwrap();
    copia::copia(&o).unwrap().copia.cartella().unwrap()
}

/// The page, when no drill is under way any more.
async fn finita(chi: &Browser<'_>) -> String {
    let inizio = Instant::now();
    loop {
        let r = chi.get(COPIE).await;
        assert_eq!(r.stato, StatusCode::OK);
        if !r.ha(IN_CORSO) {
            return r.testo();
        }
        assert!(inizio.elapsed() < Duration::from_secs(60), "never over: {}", r.testo());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn prova(chi: &Browser<'_>) -> String {
    let r = chi.fa(PROVA, &[]).await;
    assert_eq!((r.stato, r.meta()), (StatusCode::SEE_OTHER, format!("{COPIE}#prove")), "{}", r.testo());
    finita(chi).await
}

/// Addresses of the reports of a page, without their ending.
fn rapporti(pagina: &str) -> Vec<String> {
    let pezzi = pagina.split("href=\"").skip(1).filter_map(|p| p.split('"').next()?.strip_suffix("/rapporto.pdf"));
    pezzi.map(str::to_owned).collect()
}

fn sotto(p: PathBuf) -> Vec<PathBuf> {
    let voci = std::fs::read_dir(p).unwrap().map(|v| v.unwrap().path());
    voci.flat_map(|v| if v.is_dir() { sotto(v) } else { vec![v] }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_for_the_register_tries_a_copy_and_keeps_the_report() {
    let b = Banco::nuovo().await;
    let (rita, anna, ada) = (b.di("rita").await, b.di("anna").await, b.di("ada").await);
    anna.entrata("Istanza da non perdere", &[]).await;
    let r = rita.get(COPIE).await;
    assert!(r.ha("Delle copie non si sa nulla") && r.ha("nessuna copia") && !r.ha("Prova ora"), "{}", r.testo());
    copia(&b);
    let r = rita.get(COPIE).await;
    assert!(r.ha("Prova ora") && r.ha("Nessuna prova di ripristino è ancora riuscita"), "{}", r.testo());
    assert!(r.ha(&format!("PG/{}: 1", b.ente.ora().anno())), "the last number: {}", r.testo());
    // Who registers does not; who administers does, and sees no contents.
    assert_eq!(anna.get(COPIE).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(anna.fa(PROVA, &[]).await.stato, StatusCode::FORBIDDEN);
    let scrivania = format!("{BASE}/scrivania");
    assert!(!anna.get(&scrivania).await.ha(COPIE) && ada.get(&scrivania).await.ha(COPIE));
    assert_eq!(rita.invia(PROVA, &[]).await.stato, StatusCode::FORBIDDEN, "without the token of the session");
    let t = prova(&ada).await;
    assert!(t.contains("Riuscita") && t.contains("1 registrazioni") && t.contains("ada Prova"), "{t}");
    assert!(!t.contains("Nessuna prova di ripristino"), "{t}");
    assert_eq!(sotto(b.copie.path().join("temporanea")), Vec::<PathBuf>::new(), "nothing of it stays");
    let rapporto = rapporti(&t).pop().unwrap();
    let r = rita.get(&format!("{rapporto}/rapporto.pdf")).await;
    assert!(r.stato == StatusCode::OK && r.byte.starts_with(b"%PDF-"), "{}", r.stato);
    let v: Value = serde_json::from_slice(&rita.get(&format!("{rapporto}/rapporto.json")).await.byte).unwrap();
    assert_eq!((v["riuscita"].as_bool(), v["operatore"].as_str()), (Some(true), Some("ada Prova (ada)")), "{v}");
    assert_eq!((&v["enti"], &v["verifica"]["registrazioni"]), (&serde_json::json!(["c_z999"]), &1.into()), "{v}");
    assert_eq!(anna.get(&format!("{rapporto}/rapporto.json")).await.stato, StatusCode::FORBIDDEN);
    // While nothing may be written the button is not there, and what it would send is refused.
    servizio::sola_lettura::accendi(b.dir.path(), "prova").unwrap();
    assert!(!rita.get(COPIE).await.ha("Prova ora"));
    assert_eq!(rita.invia(PROVA, &[]).await.stato, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ente_sees_and_tries_only_what_is_its_own() {
    // R-L25
    let b = Banco::nuovo().await;
    let (rita, altra) = (b.di("rita").await, b.entra("c_z998", "rita").await);
    b.di("anna").await.entrata("Una", &[]).await;
    let fatta = copia(&b);
    // What the copy has of the other is ruined: it is nothing to this one.
    std::fs::write(fatta.join("enti/c_z998/ente.sqlite"), "rovinata").unwrap();
    let t = prova(&rita).await;
    assert!(t.contains("Riuscita"), "{t}");
    let rapporto = rapporti(&t).pop().unwrap();
    let id = rapporto.rsplit('/').next().unwrap();
    let la = altra.get("/c_z998/AOO1/copie").await;
    assert!(la.stato == StatusCode::OK && la.ha("Nessuna prova da questa pagina") && !la.ha(id), "{}", la.testo());
    let su = format!("..%2Fc_z999%2F{id}");
    for male in [id, su.as_str(), "..%2F..%2Fchiave-installazione", "%2e%2e", "."] {
        for fine in ["pdf", "json"] {
            let r = altra.get(&format!("/c_z998/AOO1/copie/prove/{male}/rapporto.{fine}")).await;
            assert_eq!(r.stato, StatusCode::NOT_FOUND, "{male}");
        }
    }
    assert_ne!(altra.get(&format!("{rapporto}/rapporto.json")).await.stato, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_and_one_drill_is_made_at_a_time() {
    let b = Banco::nuovo().await;
    let rita = b.di("rita").await;
    b.di("anna").await.entrata("Una", &[]).await;
    copia(&b);
    let file = sotto(b.copie.path().join("backup/file/c_z999")).remove(0);
    let buono = std::fs::read(&file).unwrap();
    std::fs::write(&file, b"altro").unwrap();
    let t = prova(&rita).await;
    assert!(t.contains("Non riuscita") && t.contains("alterato") && !t.contains(">Riuscita<"), "{t}");
    std::fs::write(&file, buono).unwrap();
    // On another node: its lock, and its words.
    let prove = b.dir.path().join("prove-ripristino");
    let blocco = std::fs::File::options().write(true).open(prove.join("in-uso")).unwrap();
    blocco.lock().unwrap();
    let r = rita.fa(PROVA, &[]).await;
    assert!(r.stato == StatusCode::CONFLICT && r.ha("è già in corso una prova"), "{}", r.testo());
    // One whose process is gone, with what it left.
    let scheda = sotto(prove.join("c_z999")).remove(0);
    let mut v: Value = serde_json::from_slice(&std::fs::read(&scheda).unwrap()).unwrap();
    let resto = b.copie.path().join("temporanea/prova-ripristino-resto");
    std::fs::create_dir(&resto).unwrap();
    v.as_object_mut().unwrap().remove("rapporto");
    v["temporanea"] = resto.to_str().unwrap().into();
    std::fs::write(&scheda, v.to_string()).unwrap();
    std::fs::write(prove.join("in-uso"), v["id"].as_str().unwrap()).unwrap();
    assert!(rita.get(COPIE).await.ha("su un altro nodo"), "as long as it holds the lock");
    drop(blocco);
    let r = rita.get(COPIE).await;
    assert!(r.ha("Interrotta") && !r.ha(IN_CORSO), "{}", r.testo());
    let t = prova(&rita).await;
    assert!(t.contains("Riuscita") && t.contains("Interrotta") && !resto.exists(), "{t}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_copy_is_tried_with_the_identity_that_the_service_was_given() {
    const SEGRETA: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let b = Banco::nuovo().await;
    let rita = b.di("rita").await;
    b.di("anna").await.entrata("Una", &[]).await;
    let per = SEGRETA.parse::<Identita>().unwrap().destinatario();
    copia_per(&b, Some(Destinatari::di(vec![per]).unwrap()));
    assert!(rita.get(COPIE).await.ha("Cifrata"));
    let t = prova(&rita).await;
    assert!(t.contains("Non riuscita") && t.contains("copie.identita"), "not given: {t}");
    std::fs::write(b.copie.path().join("identita"), SEGRETA).unwrap();
    let t = prova(&rita).await;
    assert!(t.contains(">Riuscita<") && !t.contains("SECRET"), "{t}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_lost_numbers_is_shown_and_written_by_who_answers_for_the_register() {
    // R-N05. What receipts of the lost history prove is tried where there is one: protocollo/tests/copie.rs.
    use archivio::store::Registro;
    use dominio::epoca::NuovaLacuna;
    const LACUNE: &str = "/c_z999/AOO1/copie/lacune";
    let b = Banco::nuovo().await;
    let (rita, anna) = (b.di("rita").await, b.di("anna").await);
    anna.entrata("Prima", &[]).await;
    assert!(!rita.get(COPIE).await.ha("numeri perduti") && rita.get(LACUNE).await.ha("Nessuna lacuna"));
    let anno = b.ente.ora().anno();
    let aoo = Registro::Aoo("AOO1".parse().unwrap());
    let nuova = NuovaLacuna {
        ultimo: None,
        fino: vec![("PG".parse().unwrap(), anno, 40)],
        accessi: None,
        motivo: "Disco <perduto>".into(),
    };
    b.ente.dichiara_lacuna(&aoo, &archivio::sistema(), nuova).await.unwrap();
    assert!(rita.get(COPIE).await.ha("numeri perduti"));
    let r = rita.get(LACUNE).await;
    assert!(
        r.ha("Disco &#60;perduto&#62;") && r.ha(&format!("PG/{anno}, da 2 a 40")) && r.ha("Ignoto"),
        "{}",
        r.testo()
    );
    assert_eq!(anna.get(LACUNE).await.stato, StatusCode::FORBIDDEN);
    let numero = format!("{LACUNE}/numero");
    let (quale, detto) = (anno.to_string(), "etichetta & timbro");
    let campi = |n: &'static str| [("registro", "PG"), ("anno", quale.as_str()), ("numero", n), ("fonte", detto)];
    assert_eq!(anna.fa(&numero, &campi("7")).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(rita.invia(&numero, &campi("7")).await.stato, StatusCode::FORBIDDEN, "without the token");
    let prima = b.operazioni().await;
    for n in ["1", "41", "x"] {
        let r = rita.fa(&numero, &campi(n)).await;
        assert!(r.stato == StatusCode::UNPROCESSABLE_ENTITY && r.ha("c-numero"), "{n}: {}", r.testo());
    }
    assert_eq!(b.operazioni().await, prima);
    let r = rita.fa(&numero, &campi("7")).await;
    assert!(r.stato == StatusCode::OK && r.ha("etichetta &#38; timbro") && r.ha("Affermato"), "{}", r.testo());
    assert!(rita.fa(&numero, &campi("7")).await.ha("Niente di nuovo"));
    assert_eq!(b.operazioni().await, prima + 1);
    // Files: none, not receipts, of what is here.
    let manda = async |byte: &[u8]| {
        let csrf = rita.csrf().await;
        let campi = [("csrf", csrf.as_str())];
        rita.invia_file(&format!("{LACUNE}/ricevute"), &campi, &[("ricevute", "r.json", byte)]).await
    };
    assert_eq!(manda(b"").await.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(manda(b"[1]").await.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(manda(b"{}").await.ha("Non regge"));
    let chiave = format!("PG/{anno}/1").parse().unwrap();
    let sue = b.ente.operazioni_di(&"AOO1".parse().unwrap(), &chiave).await.unwrap();
    let di_oggi = b.ente.ricevuta(&aoo, sue[0].indice, &|_| true).await;
    let byte = serde_json::to_vec(&di_oggi.unwrap().unwrap()).unwrap();
    let r = manda(&byte).await;
    assert!(r.ha("niente di suo è perduto") && r.ha("Niente di nuovo"), "{}", r.testo());
    assert_eq!(b.operazioni().await, prima + 1);
}
