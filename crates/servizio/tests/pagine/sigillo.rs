//! The seal as people meet it (R-A13, R-A14, R-C10, R-C11): its page, and what a registration's page says of it.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use dominio::codici::{CodiceAoo, Impronta};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::sigillo::{DatiSigillo, Fornitore};
use dominio::tempo::Istante;
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use servizio::sigilli::dell_ente;
use sigillo::dimostrazione::crea;
use sigillo::richiesta::{Identificativo, Soggetto};

use crate::banco::{BASE, Banco, Browser, FORNITORE, MODULO, Risposta};

const PAROLA: &str = " una password con spazi ai lati ";

/// A PKCS#12 file whose certificate begins so many hours ago, and holds for two years.
fn p12_di(ore_fa: i64) -> Vec<u8> {
    let soggetto = Soggetto {
        organizzazione: "Comune di Prova <b>".into(),
        identificativo: Identificativo::Ipa("c_z999".into()),
        nome: None,
    };
    let da = Timestamp::now() - SignedDuration::from_hours(ore_fa);
    crea(&soggetto, da, &sigillo::Segreto::nuovo(PAROLA)).unwrap().pkcs12
}

fn pagina() -> String {
    format!("{BASE}/sigillo")
}

async fn imposta(b: &Browser<'_>, p12: &[u8], password: &str, altri: &[(&str, &str)]) -> Risposta {
    let csrf = b.csrf().await;
    let mut campi = vec![("csrf", csrf.as_str()), ("password", password)];
    campi.extend(altri);
    b.invia_file(&format!("{BASE}/sigillo/file"), &campi, &[("pkcs12", "sigillo.p12", p12)]).await
}

/// An uscita with a file; the address of its page, as one comes to it after registering.
async fn uscita(b: &Browser<'_>, oggetto: &str, altri: &[(&str, &str)]) -> Risposta {
    let mut campi = vec![
        ("tipo", "uscita"),
        ("oggetto", oggetto),
        ("mezzo", "pec"),
        ("destinatari.0.tipo", "persona-fisica"),
        ("destinatari.0.cognome", "Rossi"),
        ("destinatari.0.nome", "Mario"),
        ("classificazione", "1.6"),
    ];
    campi.extend(altri);
    b.registra(&campi, &[("documento", "lettera.txt", oggetto.as_bytes())]).await
}

/// Puts a seal as if it had been tried: with what opens nothing, or ends soon.
async fn di_nascosto(b: &Banco, scadenza: Istante, segreto: serde_json::Value) {
    let sigillo = DatiSigillo {
        fornitore: Fornitore::File,
        intestatario: "Comune di Prova".into(),
        emittente: "CA".into(),
        certificato: Impronta([7; 32]),
        scadenza,
        qualificato: true,
        entrate: false,
        chiave: None,
    };
    let segreto = archivio::store::Segreto::Sigillo(serde_json::to_vec(&segreto).unwrap());
    let aoo: CodiceAoo = "AOO1".parse().unwrap();
    b.ente.configura(&aoo, &archivio::sistema(), C::ImpostaSigillo { sigillo }, Some(segreto), None).await.unwrap();
}

fn tra_giorni(b: &Banco, g: i64) -> Istante {
    Istante(b.ente.ora().0 + g * 86_400_000_000 + 3_600_000_000)
}

/// Every file under the folder of the archive.
fn tutti(dir: &std::path::Path, out: &mut Vec<Vec<u8>>) {
    for e in std::fs::read_dir(dir).unwrap() {
        let p = e.unwrap().path();
        if p.is_dir() { tutti(&p, out) } else { out.push(std::fs::read(p).unwrap()) }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_is_tried_and_set_from_its_page_and_an_uscita_tells_how_its_own_stands() {
    // R-A13, R-C10, R-C11, R-C14
    let b = Banco::nuovo().await;
    let (ada, anna) = (b.di("ada").await, b.di("anna").await);
    let r = ada.get(&pagina()).await;
    assert!(r.ha("Nessun sigillo") && r.ha("Imposta il sigillo") && r.ha("autocomplete=\"off\""), "{}", r.testo());
    assert!(!r.ha("Togli il sigillo") && !r.ha("PKCS#11") && !r.ha("CSC") && !r.ha("Differisci"), "{}", r.testo());
    let senza = uscita(&anna, "Senza sigillo", &[]).await.meta();
    let r = anna.get(&senza).await;
    assert!(!r.ha("sigillo:") && !r.ha("segnatura.xml"), "nothing when it was not asked: {}", r.testo());

    let r = imposta(&ada, &p12_di(1), PAROLA, &[]).await;
    assert_eq!((r.stato, r.meta()), (StatusCode::SEE_OTHER, format!("{BASE}/sigillo?fatto=impostato")));
    let r = ada.get(&r.meta()).await;
    for t in [
        "ed è impostato",
        "Comune di Prova &#60;b&#62;",
        "NON QUALIFICATO - solo dimostrazione",
        "<span class=\"chip-label\">Non qualificato</span>",
        "tra 729 giorni",
        "File PKCS#12",
        "Solo le uscite",
        "Nessuna registrazione aspetta",
        "Sostituisci il sigillo",
        "Togli il sigillo",
    ] {
        assert!(r.ha(t), "{t}: {}", r.testo());
    }
    assert!(!r.ha("alert-warning") && !r.ha("alert-danger"), "{}", r.testo());

    // The number comes at once, the seal follows.
    let p = uscita(&anna, "Con sigillo", &[]).await.meta();
    let r = anna.get(&p).await;
    assert!(r.ha("In attesa del sigillo") && r.ha("hx-trigger=\"load delay:2s\""), "{}", r.testo());
    let p = p.trim_end_matches("?nuova=1").to_owned();
    assert!(!anna.get(&p).await.ha("hx-trigger=\"load"), "looked at once more, not for ever");
    let r = anna.get(&format!("{p}/segnatura.xml")).await;
    assert!(r.stato == StatusCode::CONFLICT && r.ha("aspetta il sigillo") && r.ha("riprova tra poco"), "{}", r.testo());
    assert!(ada.get(&pagina()).await.ha("1 registrazione aspetta il sigillo da"));
    dell_ente(&b.sigilli, &*b.ente).await;
    let r = anna.get(&p).await;
    assert!(r.ha("Segnatura sigillata da Comune di Prova &#60;b&#62; — Sigillo NON QUALIFICATO"), "{}", r.testo());
    assert!(r.ha("sigillo non qualificato") && !r.ha("In attesa del sigillo"), "{}", r.testo());
    // The history tells it in words, without digests.
    let storia = r.testo().split("id=\"storia\"").nth(1).unwrap().to_owned();
    assert!(
        storia.contains("Sigillo non qualificato di Comune di Prova") && storia.contains("dal sistema"),
        "{storia}"
    );
    assert!(
        !storia.contains("nonSigillata") && !storia.contains("sigillo,") && !storia.contains("Sigillo,"),
        "{storia}"
    );
    let r = anna.get(&format!("{p}/confronto")).await;
    assert!(r.ha("Sigillo, stato") && !r.ha("nonSigillata"), "{}", r.testo());
    // As it was before the seal.
    let indice = storia.split("?fino=").nth(2).unwrap().split('"').next().unwrap().to_owned();
    assert!(anna.get(&format!("{p}?fino={indice}")).await.ha("In attesa del sigillo"));

    let r = anna.get(&format!("{p}/segnatura.xml")).await;
    assert_eq!((r.stato, &r.capi[header::CONTENT_TYPE]), (StatusCode::OK, &"application/xml".parse().unwrap()));
    assert!(
        r.capi[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment; filename=\"Segnatura.xml\"")
    );
    assert!(r.capi[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("sandbox"));
    assert!(segnatura::leggi(&r.byte).valida());
    let ora = Timestamp::now();
    let esame = firme::esamina(&r.byte, None, &firme::Fiducia::default(), ora);
    assert!(matches!(esame.firme.as_slice(), [una] if una.integra), "{:?}", esame.firme);
    let r = anna.get(&format!("{}/segnatura.xml", senza.trim_end_matches("?nuova=1"))).await;
    assert!(r.stato == StatusCode::CONFLICT && r.ha("non va sigillata"), "{}", r.testo());
    // Whoever may not see the registration has nothing of it, nor who is not signed in.
    let ugo = b.di("ugo").await;
    assert_eq!(ugo.get(&format!("{p}/segnatura.xml")).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(ada.get(&format!("{p}/segnatura.xml")).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(b.estraneo().get(&format!("{p}/segnatura.xml")).await.stato, StatusCode::SEE_OTHER);
    assert_eq!(b.entra("c_z998", "anna").await.get(&format!("{p}/segnatura.xml")).await.stato, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_segnatura_is_for_who_may_see_it_and_who_took_it_is_written() {
    // R-L08, R-L16
    let b = Banco::nuovo().await;
    let (ada, anna, rita) = (b.di("ada").await, b.di("anna").await, b.di("rita").await);
    assert_eq!(imposta(&ada, &p12_di(1), PAROLA, &[]).await.stato, StatusCode::SEE_OTHER);
    let p = uscita(&rita, "Ornitorinco", &[("riservato", "si"), ("assegnazioni.0.ufficio", "TRIB")]).await.meta();
    assert!(!rita.get(&p).await.ha("hx-trigger=\"load"), "each look is written: it is not looked at by itself");
    dell_ente(&b.sigilli, &*b.ente).await;
    let dove = format!("{}/segnatura.xml", p.trim_end_matches("?nuova=1"));
    let r = anna.get(&dove).await;
    assert!(r.stato == StatusCode::FORBIDDEN && !r.ha("Ornitorinco"), "{}", r.testo());
    let prima = accessi(&rita).await;
    let ugo = b.di("ugo").await;
    let r = ugo.get(&dove).await;
    assert!(r.stato == StatusCode::OK && r.ha("Ornitorinco"), "{}", r.testo());
    let dopo = accessi(&rita).await;
    assert!(!prima.contains("ugo Prova") && dopo.contains("ugo Prova"), "{dopo}");
}

async fn accessi(b: &Browser<'_>) -> String {
    let t = b.get(&format!("{BASE}/accessi")).await.testo();
    t.split("<tbody").nth(1).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_seal_is_not_set_and_the_field_says_why() {
    // R-C11
    let b = Banco::con_ammessi().await;
    let ada = b.di("ada").await;
    let prima = b.operazioni().await;
    let p12 = p12_di(1);
    let tre_anni = p12_di(24 * 365 * 3);
    let grande = vec![b'a'; 300 * 1024];
    for (file, password, campo, parole) in [
        (p12.as_slice(), "un'altra", "password", "la password non apre"),
        (b"non un file", PAROLA, "pkcs12", "non è un file PKCS#12"),
        (b"", PAROLA, "pkcs12", "va scelto il file"),
        (grande.as_slice(), PAROLA, "pkcs12", "supera 256 KB"),
        (tre_anni.as_slice(), PAROLA, "pkcs12", "non si può sigillare"),
    ] {
        let r = imposta(&ada, file, password, &[("entrate", "si")]).await;
        assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY, "{campo} {parole}: {}", r.testo());
        let errore = format!("id=\"c-{campo}-e\"");
        assert!(
            r.ha(&errore) && r.ha(parole) && r.ha(&format!("href=\"#c-{campo}\"")),
            "{campo} {parole}: {}",
            r.testo()
        );
        assert!(r.ha("id=\"c-entrate-file\" name=\"entrate\" value=\"si\" checked"), "kept: {}", r.testo());
        assert!(!r.ha("un&#39;altra") && !r.ha("password con spazi"), "secrets are never shown: {}", r.testo());
    }
    // Way too much is not even let by.
    let r = imposta(&ada, &vec![b'a'; 9 * 1024 * 1024], PAROLA, &[]).await;
    assert_eq!(r.stato, StatusCode::PAYLOAD_TOO_LARGE, "{}", r.testo());

    // Device and provider: what is missing, what may not be used, what does not answer.
    let dispositivo = format!("{BASE}/sigillo/dispositivo");
    let fornitore = format!("{BASE}/sigillo/fornitore");
    let r = ada.get(&pagina()).await;
    assert!(r.ha(MODULO) && r.ha(FORNITORE), "{}", r.testo());
    let r = ada.fa(&dispositivo, &[("modulo", MODULO), ("token", " "), ("pin", "")]).await;
    assert!(r.ha("id=\"c-token-e\"") && r.ha("id=\"c-pin-e\"") && !r.ha("id=\"c-modulo-e\""), "{}", r.testo());
    let r = ada.fa(&dispositivo, &[("modulo", "/altra.so"), ("token", "t"), ("pin", "71625348")]).await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(r.ha("id=\"c-modulo-e\"") && r.ha("non è ammessa per questo ente") && !r.ha("71625348"), "{}", r.testo());
    let r = ada.fa(&dispositivo, &[("modulo", MODULO), ("token", "t"), ("pin", "71625348")]).await;
    assert!(r.stato.is_client_error() || r.stato == StatusCode::SERVICE_UNAVAILABLE, "{}", r.stato);
    assert!((r.ha("id=\"c-modulo-e\"") || r.ha("id=\"c-token-e\"")) && !r.ha("71625348"), "{}", r.testo());
    let chiede =
        [("url", FORNITORE), ("clientId", "comune"), ("clientSecret", "segretissimo"), ("pinFornitore", "8675309")];
    let r = ada.fa(&fornitore, &[("url", FORNITORE)]).await;
    assert!(r.ha("id=\"c-clientId-e\"") && r.ha("id=\"c-clientSecret-e\""), "{}", r.testo());
    let r = ada.fa(&fornitore, &[("url", "https://altrove.example/csc/v2"), chiede[1], chiede[2]]).await;
    assert!(r.ha("id=\"c-url-e\"") && r.ha("non è tra gli indirizzi ammessi"), "{}", r.testo());
    let r = ada.fa(&fornitore, &chiede).await;
    assert!(!r.stato.is_success() && r.ha("class=\"invalid-feedback errore-campo\""), "{} {}", r.stato, r.testo());
    assert!(r.ha("value=\"comune\"") && !r.ha("segretissimo") && !r.ha("8675309"), "{}", r.testo());

    assert_eq!(b.operazioni().await, prima, "nothing was set");
    assert!(ada.get(&pagina()).await.ha("Nessun sigillo"));
    // Nothing of the files is in the archive.
    let mut file = Vec::new();
    tutti(b.dir.path(), &mut file);
    assert!(file.iter().all(|f| !f.windows(p12.len()).any(|x| x == p12)), "the file was kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seal_is_kept_as_a_secret_and_its_file_nowhere_and_it_can_be_removed() {
    let b = Banco::nuovo().await;
    let (ada, anna) = (b.di("ada").await, b.di("anna").await);
    let p12 = p12_di(1);
    assert_eq!(imposta(&ada, &p12, PAROLA, &[("entrate", "si")]).await.stato, StatusCode::SEE_OTHER);
    assert!(ada.get(&pagina()).await.ha("Le uscite e le entrate"));
    let mut file = Vec::new();
    tutti(b.dir.path(), &mut file);
    let c_e = |cosa: &[u8]| file.iter().any(|f| f.windows(cosa.len()).any(|x| x == cosa));
    let in_base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &p12);
    assert!(!c_e(&p12) && !c_e(in_base64.as_bytes()) && !c_e(PAROLA.as_bytes()), "wrapped, or nowhere");
    // Entrate are sealed too.
    let p = anna.entrata("Istanza", &[("mittente.nome", "Mario")]).await;
    dell_ente(&b.sigilli, &*b.ente).await;
    assert!(anna.get(&p).await.ha("Segnatura sigillata da"));

    let rimozione = format!("{BASE}/sigillo/rimozione");
    let r = ada.fa(&rimozione, &[("motivoRimozione", " ")]).await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(r.ha("id=\"c-motivoRimozione-e\"") && !r.ha("id=\"c-motivo-e\""), "{}", r.testo());
    let r = ada.fa(&rimozione, &[("motivoRimozione", "Chiave compromessa")]).await;
    assert_eq!((r.stato, r.meta()), (StatusCode::SEE_OTHER, format!("{BASE}/sigillo?fatto=tolto")));
    assert!(ada.get(&r.meta()).await.ha("Nessun sigillo"));
    assert_eq!(ada.fa(&rimozione, &[("motivoRimozione", "Due volte")]).await.stato, StatusCode::NOT_FOUND);
    assert!(anna.get(&p).await.ha("Segnatura sigillata da"), "what was sealed stays so");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_seal_is_away_the_page_says_it_and_the_rgd_alone_lets_uscite_go_on() {
    // R-A14
    let b = Banco::nuovo().await;
    let (ada, anna, rita) = (b.di("ada").await, b.di("anna").await, b.di("rita").await);
    let chiave = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, p12_di(1));
    let rotto = serde_json::json!({"fornitore": "file", "pkcs12": chiave, "password": "sbagliata"});
    di_nascosto(&b, tra_giorni(&b, 400), rotto).await;
    let p = uscita(&anna, "Prima del guasto", &[]).await.meta();
    dell_ente(&b.sigilli, &*b.ente).await;
    for chi in [&ada, &rita] {
        let r = chi.get(&pagina()).await;
        assert!(r.ha("Per ora non si sigilla nulla") && r.ha("la password non apre"), "{}", r.testo());
        assert!(r.ha("Le uscite non si registrano") && r.ha("1 registrazione aspetta"), "{}", r.testo());
        assert!(r.ha("<span class=\"chip-label\">Qualificato</span>"), "{}", r.testo());
    }
    assert!(rita.get(&pagina()).await.ha("name=\"fino.data\"") && !ada.get(&pagina()).await.ha("name=\"fino.data\""));
    let r = uscita(&anna, "Ferma", &[]).await;
    assert!(r.stato == StatusCode::SERVICE_UNAVAILABLE && r.ha("differire i sigilli"), "{}", r.testo());

    let differimento = format!("{BASE}/sigillo/differimento");
    let oggi = b.ente.ora().giorno();
    let (domani, tra_dieci) = (oggi.tomorrow().unwrap(), oggi.checked_add(jiff::Span::new().days(10)).unwrap());
    let (domani, tra_dieci, ieri) = (domani.to_string(), tra_dieci.to_string(), oggi.yesterday().unwrap().to_string());
    for (data, ora, motivo, campo) in [
        ("", "12:00", "guasto", "fino-data"),
        ("31/02/2026", "12:00", "guasto", "fino-data"),
        (domani.as_str(), "dodici", "guasto", "fino-ora"),
        (ieri.as_str(), "12:00", "guasto", "fino-data"),
        (tra_dieci.as_str(), "12:00", "guasto", "fino-data"),
        (domani.as_str(), "12:00", " ", "motivo"),
    ] {
        let r = rita.fa(&differimento, &[("fino.data", data), ("fino.ora", ora), ("motivo", motivo)]).await;
        assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY, "{data} {ora} {motivo}");
        assert!(r.ha(&format!("id=\"c-{campo}-e\"")) && r.ha("<details open>"), "{data} {ora}: {}", r.testo());
    }
    let buono = [("fino.data", domani.as_str()), ("fino.ora", "12:00"), ("motivo", "Guasto del fornitore")];
    assert_eq!(ada.fa(&differimento, &buono).await.stato, StatusCode::FORBIDDEN);
    let r = rita.fa(&differimento, &buono).await;
    assert_eq!((r.stato, r.meta()), (StatusCode::SEE_OTHER, format!("{BASE}/sigillo?fatto=differito")));
    let r = rita.get(&r.meta()).await;
    assert!(r.ha("Le uscite si registrano lo stesso fino a") && r.ha(", 12:00"), "{}", r.testo());
    assert_eq!(uscita(&anna, "Intanto", &[]).await.stato, StatusCode::SEE_OTHER);
    assert!(rita.get(&pagina()).await.ha("2 registrazioni aspettano il sigillo, la prima da"));

    // A good one in its place: what is away is forgotten, and what waited is sealed.
    assert_eq!(imposta(&ada, &p12_di(1), PAROLA, &[]).await.stato, StatusCode::SEE_OTHER);
    assert!(!ada.get(&pagina()).await.ha("Per ora non si sigilla"));
    dell_ente(&b.sigilli, &*b.ente).await;
    assert!(ada.get(&pagina()).await.ha("Nessuna registrazione aspetta"));
    assert!(anna.get(&p).await.ha("Segnatura sigillata da"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_certificate_is_said_in_time() {
    let b = Banco::nuovo().await;
    let rita = b.di("rita").await;
    for (giorni, classe, parole) in [
        (90, "", ""),
        (45, "alert-warning", "scade tra 45 giorni: è tempo"),
        (20, "alert-warning", "scade tra 20 giorni: il nuovo"),
        (3, "alert-danger", "scade tra 3 giorni: va sostituito subito"),
    ] {
        di_nascosto(&b, tra_giorni(&b, giorni), serde_json::json!({})).await;
        let r = rita.get(&pagina()).await;
        assert!(r.ha(&format!("tra {giorni} giorni")), "{giorni}: {}", r.testo());
        match classe {
            "" => assert!(!r.ha("alert-"), "{giorni}: {}", r.testo()),
            c => assert!(r.ha(c) && r.ha(parole), "{giorni}: {}", r.testo()),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_opens_the_page_and_sends_its_forms_and_only_from_it() {
    // R-L01, R-L02
    let b = Banco::con_ammessi().await;
    let (anna, ada) = (b.di("anna").await, b.di("ada").await);
    let prima = b.operazioni().await;
    assert_eq!(anna.get(&pagina()).await.stato, StatusCode::FORBIDDEN);
    assert!(!anna.get(&format!("{BASE}/scrivania")).await.ha(&format!("href=\"{BASE}/sigillo\"")));
    assert!(ada.get(&format!("{BASE}/scrivania")).await.ha(&format!("href=\"{BASE}/sigillo\"")));
    assert_eq!(imposta(&anna, &p12_di(1), PAROLA, &[]).await.stato, StatusCode::FORBIDDEN);
    let csc = [("url", FORNITORE), ("clientId", "c"), ("clientSecret", "s")];
    let p11 = [("modulo", MODULO), ("token", "t"), ("pin", "p")];
    let (fino, motivo) =
        ([("fino.data", "2099-01-01"), ("fino.ora", "12:00"), ("motivo", "m")], [("motivoRimozione", "m")]);
    let moduli: [(&str, &[(&str, &str)]); 4] =
        [("fornitore", &csc), ("dispositivo", &p11), ("differimento", &fino), ("rimozione", &motivo)];
    for (quale, campi) in moduli {
        let dove = format!("{BASE}/sigillo/{quale}");
        let r = anna.fa(&dove, campi).await;
        assert!(matches!(r.stato, StatusCode::FORBIDDEN | StatusCode::NOT_FOUND), "{quale}: {} {}", r.stato, r.testo());
        let r = ada.invia(&dove, campi).await;
        assert!(r.stato == StatusCode::FORBIDDEN && r.ha("modulo non è più valido"), "{quale}: {}", r.testo());
    }
    let r = ada.invia_file(&format!("{BASE}/sigillo/file"), &[("csrf", "x")], &[("pkcs12", "s.p12", &p12_di(1))]).await;
    assert!(r.stato == StatusCode::FORBIDDEN && r.ha("modulo non è più valido"), "{}", r.testo());
    let r = ada.fa(&format!("{BASE}/sigillo/file"), &[("password", "x")]).await;
    assert_eq!(r.stato, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(b.operazioni().await, prima);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_arrives_while_the_service_becomes_read_only_is_not_set() {
    let b = Banco::nuovo().await;
    let ada = b.di("ada").await;
    let csrf = ada.csrf().await;
    let parte = |capo: &str, v: &[u8]| {
        let mut p = format!("--confine\r\ncontent-disposition: form-data; {capo}\r\n\r\n").into_bytes();
        p.extend(v);
        p.extend(b"\r\n");
        p
    };
    let mut inizio = parte("name=\"csrf\"", csrf.as_bytes());
    inizio.extend(parte("name=\"password\"", PAROLA.as_bytes()));
    inizio.extend(parte("name=\"pkcs12\"; filename=\"s.p12\"", &p12_di(1)));
    let prima = b.operazioni().await;
    let dir = b.dir.path().to_owned();
    let pezzi = futures_util::stream::iter(0..2).map(move |i| {
        if i == 1 {
            servizio::sola_lettura::accendi(&dir, "si cambia macchina").unwrap();
        }
        Ok::<_, std::io::Error>(if i == 0 { inizio.clone() } else { b"--confine--\r\n".to_vec() })
    });
    let r = ada.con(Request::post(format!("{BASE}/sigillo/file")));
    let r = r.header(header::CONTENT_TYPE, "multipart/form-data; boundary=confine");
    let r = b.manda(r.body(Body::from_stream(pezzi)).unwrap()).await;
    assert!(r.stato == StatusCode::SERVICE_UNAVAILABLE && r.ha("si cambia macchina"), "{}", r.testo());
    assert_eq!(b.operazioni().await, prima);
    // What would be refused is not shown.
    let r = ada.get(&pagina()).await;
    assert!(r.ha("Sola lettura.") && !r.ha("Imposta il sigillo") && !r.ha("name=\"pkcs12\""), "{}", r.testo());
}
