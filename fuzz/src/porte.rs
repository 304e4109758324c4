//! The whole service, in process: any method, address, headers and body. It may refuse everything; it may not break.

use std::sync::{Arc, LazyLock};

use archivio::store::{NuovaAoo, NuovoEnte, Segreto};
use archivio::{EnteStore, Store, sistema};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use dominio::codici::{CodiceAoo, CodiceRegistro};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::{DatiEnte, DatiRegistro, Token};
use dominio::permessi::{Diritto, Incarico, Ruolo};
use dominio::tempo::Istante;
use http_body_util::BodyExt as _;
use servizio::{Servizio, rotte};
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

const PASSWORD: &str = "una frase da prova";

/// A file encrypted for somebody, of a copy that comes from outside: what opens is as short as what came, and both ways of
/// reading keys say the same of a text.
pub fn age(byte: &[u8]) {
    const SEGRETA: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    let io: archivio::age::Identita = SEGRETA.parse().unwrap();
    if let Ok(letto) = archivio::age::apri(byte, std::slice::from_ref(&io)) {
        let mut aperto = Vec::new();
        let _ = std::io::Read::read_to_end(&mut { letto }, &mut aperto);
        assert!(aperto.len() < byte.len());
    }
    if let Ok(testo) = std::str::from_utf8(byte) {
        for d in archivio::age::leggi_destinatari(testo).into_iter().flatten() {
            assert_eq!(d.to_string().parse::<archivio::age::Destinatario>().unwrap(), d);
        }
        let _ = archivio::age::leggi_identita(testo);
    }
}

struct Banco {
    runtime: Runtime,
    rotte: Router,
    token: String,
    cookie: String,
    _dir: tempfile::TempDir,
}

/// One ente with one person who may do everything a person may, a token of hers and her open session.
static BANCO: LazyLock<Banco> = LazyLock::new(|| {
    // The store asks for a runtime of several threads.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // In memory where there is such a folder: nothing here has to survive, and the writer waits for the disk.
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let orologio = Arc::new(archivio::orologio::OrologioDiSistema);
    let store = archivio::sqlite::SqliteStore::apri(dir.path(), orologio).unwrap();
    let token = runtime.block_on(ente(&*store));
    let rotte = rotte(Arc::new(Servizio::nuovo(store, "http://prova")));
    let corpo = format!("ente=c_z999&utente=anna&password={}", PASSWORD.replace(' ', "+"));
    let r = Request::post("/accedi").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let r = runtime.block_on(rotte.clone().oneshot(r.body(Body::from(corpo)).unwrap())).unwrap();
    assert_eq!(r.status(), StatusCode::SEE_OTHER);
    let cookie = r.headers()[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    Banco { runtime, rotte, token, cookie, _dir: dir }
});

async fn ente(store: &dyn Store) -> String {
    let (chi, aoo): (_, CodiceAoo) = (sistema(), "AOO1".parse().unwrap());
    let dati =
        DatiEnte { ipa: "c_z999".parse().unwrap(), denominazione: "Prova".into(), codice_fiscale: None, pec: None };
    let e: Arc<dyn EnteStore> = store.crea_ente(NuovoEnte { dati, chi: chi.clone() }).await.unwrap();
    let nuova = NuovaAoo {
        codice: aoo.clone(),
        denominazione: "AOO".into(),
        origine: "prova.example/c_z999/AOO1".into(),
        ufficio_smistamento: ("PROT".parse().unwrap(), Some("Protocollo".into())),
        consente_da_classificare: true,
        voce_da_classificare: "0".parse().unwrap(),
        dal: "2020-01-01".parse().unwrap(),
        pec: None,
        registri: vec![DatiRegistro {
            codice: CodiceRegistro::generale(),
            denominazione: "Generale".into(),
            ultimo_precedente: None,
        }],
    };
    e.crea_aoo(&chi, nuova).await.unwrap();
    let incarico = |ruolo, ufficio: Option<&str>| Incarico {
        ruolo,
        aoo: Some(aoo.clone()),
        ufficio: ufficio.map(|u| u.parse().unwrap()),
        dal: Istante(0),
        al: None,
    };
    let voce = C::ApriVoce {
        codice: "1.6".parse().unwrap(),
        denominazione: "Archivio".into(),
        dal: Some("2020-01-01".parse().unwrap()),
        al: None,
    };
    let persona = C::CreaUtente {
        utente: "anna".parse().unwrap(),
        nome: "Anna".into(),
        cognome: "Prova".into(),
        incarichi: vec![
            incarico(Ruolo::Protocollista, Some("PROT")),
            incarico(Ruolo::Rgd, None),
            incarico(Ruolo::Amministratore, None),
        ],
    };
    for c in [voce, persona] {
        e.configura(&aoo, &chi, c, None, None).await.unwrap();
    }
    let phc = servizio::accesso::password::cifra(PASSWORD).unwrap();
    let c = C::ImpostaPassword { utente: "anna".parse().unwrap() };
    e.configura(&aoo, &chi, c, Some(Segreto::Password(phc)), None).await.unwrap();
    let (testo, hash) = servizio::token::nuovo_token(e.ipa()).unwrap();
    let t = Token {
        id: "t-anna".into(),
        descrizione: "prova".into(),
        utente: "anna".parse().unwrap(),
        aoo: aoo.clone(),
        diritti: Diritto::TUTTI.to_vec(),
        scadenza: e.ora().piu_secondi(86_400 * 365),
        revocato: false,
    };
    e.configura(&aoo, &chi, C::CreaToken(t), Some(Segreto::Token(hash)), None).await.unwrap();
    testo
}

/// A line with method and address, one with the content type, one with the Idempotency-Key, then the body. `API` and
/// `PAG` in the address stand for the AOO seen by the interface and by the pages.
fn richiesta(byte: &[u8]) -> Option<Request<Body>> {
    let mut parti = byte.splitn(4, |b| *b == b'\n');
    let (prima, tipo, chiave) = (parti.next()?, parti.next()?, parti.next()?);
    let corpo = parti.next().unwrap_or_default();
    let (metodo, indirizzo) = std::str::from_utf8(prima).ok()?.split_once(' ')?;
    let indirizzo = match indirizzo.split_at_checked(3)? {
        ("API", resto) => format!("/api/v1/enti/c_z999/aoo/AOO1{resto}"),
        ("PAG", resto) => format!("/c_z999/AOO1{resto}"),
        _ => indirizzo.to_owned(),
    };
    // Signing in and changing a password cost on purpose, and would end the session.
    if ["/accedi", "/esci", "/password", "/abilita", "/disabilita", "/incarichi", "/revoca"]
        .iter()
        .any(|p| indirizzo.contains(p))
    {
        return None;
    }
    let mut r = Request::builder()
        .method(Method::from_bytes(metodo.as_bytes()).ok()?)
        .uri(indirizzo.parse::<Uri>().ok()?)
        .header(header::AUTHORIZATION, format!("Bearer {}", BANCO.token))
        .header(header::COOKIE, &BANCO.cookie);
    for (nome, valore) in [("content-type", tipo), ("idempotency-key", chiave)] {
        if !valore.is_empty() {
            r = r.header(nome, HeaderValue::from_bytes(valore).ok()?);
        }
    }
    r.body(Body::from(corpo.to_vec())).ok()
}

/// Never an answer 5xx; a problem is a problem of RFC 9457; what is registered is within bounds.
pub fn http(byte: &[u8]) {
    let Some(r) = richiesta(byte) else { return };
    let (stato, tipo, corpo) = BANCO.runtime.block_on(async {
        let (parti, corpo) = BANCO.rotte.clone().oneshot(r).await.unwrap().into_parts();
        let corpo = corpo.collect().await.unwrap().to_bytes();
        let tipo = parti.headers.get(header::CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default().to_owned();
        (parti.status, tipo, corpo)
    });
    assert!(!stato.is_server_error(), "{stato}: {}", String::from_utf8_lossy(&corpo));
    if tipo.starts_with("application/") && tipo.contains("json") && !corpo.is_empty() {
        let v: serde_json::Value = serde_json::from_slice(&corpo).unwrap();
        if tipo.contains("problem") {
            assert_eq!(v["status"], stato.as_u16());
            assert!(v["title"].is_string() && v["type"].is_string());
        }
        if stato == StatusCode::CREATED
            && let Some(oggetto) = v["oggetto"].as_str()
        {
            assert!((1..=4_000).contains(&oggetto.chars().count()));
        }
    }
}
