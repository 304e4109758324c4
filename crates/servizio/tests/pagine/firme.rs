//! Signatures of files on the page of their registration: each answer apart, never one green tick (R-C12, R-H09, R-L08).

use axum::http::{StatusCode, header};

use crate::banco::*;

fn dati(nome: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../firme/tests/dati/{nome}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

async fn registra(chi: &Browser<'_>, altri: &[(&str, &str)], file: &[(&str, &str, &[u8])]) -> String {
    let mut campi = vec![
        ("tipo", "entrata"),
        ("oggetto", "Istanza firmata"),
        ("mezzo", "sportello"),
        ("mittente.tipo", "persona-fisica"),
        ("mittente.cognome", "Rossi"),
    ];
    campi.extend(altri);
    let r = chi.registra(&campi, file).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());
    r.meta()
}

async fn esamina(b: &Banco) {
    while b.esami.dell_ente(&*b.ente).await.unwrap() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn who_signed_and_what_is_known_of_it_is_on_the_page() {
    let b = Banco::nuovo().await;
    let anna = b.di("anna").await;
    let file: [(&str, &str, &[u8]); 3] = [
        ("documento", "atto <b>.txt.p7m", &dati("busta.p7m")),
        ("allegato", "piano.txt", b"senza firme"),
        ("allegato", "staccata.p7s", &dati("staccata.p7s")),
    ];
    let nuova = registra(&anna, &[], &file).await;
    let r = anna.get(&nuova).await;
    assert!(r.ha("Verifica delle firme in corso") && r.ha("hx-select=\"#file\""), "{}", r.testo());
    let p = nuova.trim_end_matches("?nuova=1").to_owned();
    assert!(!anna.get(&p).await.ha("hx-select=\"#file\""), "looked at once more, not for ever");
    esamina(&b).await;
    let r = anna.get(&p).await;
    for t in [
        "<strong>Anna Rossi</strong>",
        "Codice fiscale RSSMRA80A01H501U",
        "Certificato emesso da Autorità di prova",
        "Dichiara di aver firmato il ",
        "<dt>Integrità</dt>",
        "Integra: ciò che fu firmato",
        "<dt>Identità</dt>",
        "Non verificata: nessuna ancora di fiducia è configurata",
        "<dt>Revoca</dt>",
        "Non verificata: non ci sono liste di revoca",
        "senza autorità di fiducia configurate",
        "Non integra: manca il contenuto",
        "Nessuna firma trovata",
        "atto &#60;b&#62;.txt</a>",
        "Verifica di nuovo",
    ] {
        assert!(r.ha(t), "{t}: {}", r.testo());
    }
    assert!(!r.ha("Verifica delle firme in corso") && !r.ha("Verifiche precedenti"), "{}", r.testo());

    // What is inside is saved, never shown.
    let dove = r.testo().split(&format!("{p}/documenti/1/contenuto/")).nth(1).unwrap()[..64].to_owned();
    let f = anna.get(&format!("{p}/documenti/1/contenuto/{dove}")).await;
    assert!(f.stato == StatusCode::OK && f.ha("Oggetto: prova di firma"), "{}", f.testo());
    assert!(f.capi[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment; filename=\"atto <b>.txt\""));
    assert!(f.capi[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox"));
    assert_eq!(anna.get(&format!("{p}/documenti/3/contenuto/{dove}")).await.stato, StatusCode::NOT_FOUND);

    // Once more: the first answer stays beside the new one.
    let verifica = format!("{p}/documenti/1/verifica");
    let r = anna.fa(&verifica, &[]).await;
    assert_eq!((r.stato, r.meta()), (StatusCode::SEE_OTHER, verifica.clone()));
    let r = anna.get(&verifica).await;
    assert!(r.ha("Ultima verifica") && r.ha("Verifica precedente") && r.ha("su richiesta di "), "{}", r.testo());
    assert_eq!(r.testo().matches("<strong>Anna Rossi</strong>").count(), 2);
    assert!(anna.get(&p).await.ha("Verifiche precedenti"));
    assert_eq!(anna.invia(&verifica, &[("csrf", "falso")]).await.stato, StatusCode::FORBIDDEN);
    assert!(anna.get(&format!("{p}/documenti/2/verifica")).await.ha("non sono state trovate firme"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_reserved_one_nothing_is_said() {
    let b = Banco::nuovo().await;
    let (anna, rita) = (b.di("anna").await, b.di("rita").await);
    let riservata = [("riservato", "si"), ("assegnazioni.0.ufficio", "TRIB")];
    let nuova = registra(&rita, &riservata, &[("documento", "a.p7m", &dati("busta.p7m"))]).await;
    assert!(!rita.get(&nuova).await.ha("hx-select=\"#file\""), "each look is written: it is not looked at by itself");
    esamina(&b).await;
    let p = nuova.trim_end_matches("?nuova=1").to_owned();
    let r = rita.get(&p).await;
    assert!(r.ha("Anna Rossi"), "{}", r.testo());
    let contenuto = r.testo().split("/documenti/1/contenuto/").nth(1).unwrap()[..64].to_owned();
    assert!(!anna.get(&p).await.ha("RSSMRA80A01H501U"));
    for dove in [format!("{p}/documenti/1/verifica"), format!("{p}/documenti/1/contenuto/{contenuto}")] {
        let r = anna.get(&dove).await;
        assert!(r.stato == StatusCode::FORBIDDEN && !r.ha("RSSMRA80A01H501U"), "{}", r.testo());
        assert_eq!(b.estraneo().get(&dove).await.stato, StatusCode::SEE_OTHER);
        assert_eq!(b.entra("c_z998", "anna").await.get(&dove).await.stato, StatusCode::SEE_OTHER);
    }
    assert_eq!(anna.fa(&format!("{p}/documenti/1/verifica"), &[]).await.stato, StatusCode::FORBIDDEN);
    assert!(rita.get(&format!("{p}/documenti/1/verifica")).await.ha("Ultima verifica"));
}
