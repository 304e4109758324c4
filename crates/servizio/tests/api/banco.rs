//! A service on a fresh archive, with people and tokens, and requests made by hand.

use std::sync::Arc;

use archivio::store::{NuovaAoo, NuovoEnte, Segreto};
use archivio::{EnteStore, Store, sistema};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use dominio::codici::CodiceRegistro;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::{DatiEnte, DatiRegistro, Token, UltimoPrecedente};
use dominio::permessi::{Diritto, Incarico, Ruolo};
use dominio::tempo::{Istante, Orologio};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use servizio::{Servizio, rotte};
use tower::ServiceExt as _;

pub const BASE: &str = "/api/v1/enti/c_z999/aoo/AOO1";

pub struct Banco {
    pub dir: tempfile::TempDir,
    pub rotte: Router,
    pub servizio: Arc<Servizio>,
    pub store: Arc<dyn Store>,
    pub ente: Arc<dyn EnteStore>,
    pub anna: String,
    pub rita: String,
    pub ugo: String,
    pub ada: String,
    pub altro: String,
}

pub struct Risposta {
    pub stato: StatusCode,
    pub capi: HeaderMap,
    pub byte: Vec<u8>,
}

impl Risposta {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.byte).unwrap_or(Value::Null)
    }
    /// First wrong field.
    pub fn campo(&self) -> String {
        self.json()["errori"][0]["campo"].as_str().unwrap_or_default().to_owned()
    }
}

async fn ente(store: &dyn Store, ipa: &str) -> Arc<dyn EnteStore> {
    let chi = sistema();
    let e = store
        .crea_ente(NuovoEnte {
            dati: DatiEnte { ipa: ipa.parse().unwrap(), denominazione: ipa.into(), codice_fiscale: None, pec: None },
            chi: chi.clone(),
        })
        .await
        .unwrap();
    let aoo = "AOO1".parse().unwrap();
    e.crea_aoo(
        &chi,
        NuovaAoo {
            codice: "AOO1".parse().unwrap(),
            denominazione: "AOO".into(),
            origine: format!("prova.example/{ipa}/AOO1"),
            ufficio_smistamento: ("PROT".parse().unwrap(), Some("Protocollo".into())),
            consente_da_classificare: true,
            voce_da_classificare: "0".parse().unwrap(),
            dal: "2020-01-01".parse().unwrap(),
            pec: None,
            registri: vec![
                DatiRegistro {
                    codice: CodiceRegistro::generale(),
                    denominazione: "Generale".into(),
                    ultimo_precedente: None,
                },
                DatiRegistro {
                    codice: "ALTO".parse().unwrap(),
                    denominazione: "Alto".into(),
                    ultimo_precedente: Some(UltimoPrecedente { anno: e.ora().anno(), numero: 9_999_998 }),
                },
            ],
        },
    )
    .await
    .unwrap();
    for (codice, padre) in [("SEGR", None), ("TRIB", Some("SEGR"))] {
        let c = C::CreaUfficio {
            codice: codice.parse().unwrap(),
            denominazione: format!("Ufficio {codice}"),
            padre: padre.map(|p: &str| p.parse().unwrap()),
        };
        e.configura(&aoo, &chi, c, None, None).await.unwrap();
    }
    for codice in ["1", "1.6", "6.3"] {
        let c = C::ApriVoce {
            codice: codice.parse().unwrap(),
            denominazione: format!("Voce {codice}"),
            dal: Some("2020-01-01".parse().unwrap()),
            al: None,
        };
        e.configura(&aoo, &chi, c, None, None).await.unwrap();
    }
    e
}

async fn persona(e: &dyn EnteStore, nome: &str, ruolo: Ruolo, ufficio: Option<&str>) -> String {
    let (aoo, chi) = ("AOO1".parse().unwrap(), sistema());
    let incarichi = vec![Incarico {
        ruolo,
        aoo: Some("AOO1".parse().unwrap()),
        ufficio: ufficio.map(|u| u.parse().unwrap()),
        dal: Istante(0),
        al: None,
    }];
    let c = C::CreaUtente { utente: nome.parse().unwrap(), nome: nome.into(), cognome: "Prova".into(), incarichi };
    e.configura(&aoo, &chi, c, None, None).await.unwrap();
    let (testo, hash) = servizio::token::nuovo_token(e.ipa()).unwrap();
    let t = Token {
        id: format!("t-{nome}"),
        descrizione: "prova".into(),
        utente: nome.parse().unwrap(),
        aoo: "AOO1".parse().unwrap(),
        diritti: Diritto::TUTTI.to_vec(),
        scadenza: e.ora().piu_secondi(3_600),
        revocato: false,
    };
    e.configura(&aoo, &chi, C::CreaToken(t), Some(Segreto::Token(hash)), None).await.unwrap();
    testo
}

impl Banco {
    pub async fn nuovo() -> Self {
        Self::con_orologio(Arc::new(archivio::orologio::OrologioDiSistema)).await
    }

    pub async fn con_orologio(orologio: Arc<dyn Orologio>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = archivio::sqlite::SqliteStore::apri(dir.path(), orologio).unwrap();
        let e = ente(&*store, "c_z999").await;
        let secondo = ente(&*store, "c_z998").await;
        let servizio = Arc::new(Servizio::nuovo(Arc::clone(&store) as Arc<dyn Store>, "http://prova"));
        Self {
            anna: persona(&*e, "anna", Ruolo::Protocollista, Some("PROT")).await,
            rita: persona(&*e, "rita", Ruolo::Rgd, None).await,
            ugo: persona(&*e, "ugo", Ruolo::Operatore, Some("TRIB")).await,
            ada: persona(&*e, "ada", Ruolo::Amministratore, None).await,
            altro: persona(&*secondo, "anna", Ruolo::Protocollista, Some("PROT")).await,
            rotte: rotte(Arc::clone(&servizio)),
            servizio,
            store,
            ente: e,
            dir,
        }
    }

    /// The same, with these seals.
    pub fn con_sigilli(self, sigilli: servizio::sigilli::Sigilli) -> Self {
        let s = Servizio::nuovo(Arc::clone(&self.store), "http://prova");
        let servizio = Arc::new(Servizio { sigilli: Arc::new(sigilli), ..s });
        Self { rotte: rotte(Arc::clone(&servizio)), servizio, ..self }
    }

    pub async fn manda(&self, r: Request<Body>) -> Risposta {
        let r = self.rotte.clone().oneshot(r).await.unwrap();
        let (parti, corpo) = r.into_parts();
        let byte = corpo.collect().await.map(|b| b.to_bytes().to_vec()).unwrap_or_default();
        Risposta { stato: parti.status, capi: parti.headers, byte }
    }

    pub async fn get(&self, token: &str, percorso: &str) -> Risposta {
        let r = Request::get(percorso).header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
        self.manda(r).await
    }

    pub async fn post(&self, token: &str, percorso: &str, corpo: Value) -> Risposta {
        let r = Request::post(percorso)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(corpo.to_string()))
            .unwrap();
        self.manda(r).await
    }

    pub async fn registra(&self, token: &str, corpo: Modulo) -> Risposta {
        self.manda(corpo.richiesta(token, &format!("{BASE}/registrazioni"), None)).await
    }

    /// The number that the next registration gets: nothing in between took one.
    pub async fn prossimo(&self) -> i64 {
        let r = self
            .registra(&self.anna, Modulo::nuovo().dati(&entrata("Prossimo")).file("documento", "a.txt", b"x"))
            .await;
        assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
        r.json()["numero"].as_i64().unwrap()
    }
}

/// A multipart body, part by part.
pub struct Modulo(Vec<u8>);

const CONFINE: &str = "confine-di-prova";

impl Modulo {
    pub fn nuovo() -> Self {
        Self(Vec::new())
    }
    pub fn testo(mut self, nome: &str, testo: &str) -> Self {
        self.0.extend(
            format!("--{CONFINE}\r\ncontent-disposition: form-data; name=\"{nome}\"\r\n\r\n{testo}\r\n").into_bytes(),
        );
        self
    }
    pub fn dati(self, dati: &Value) -> Self {
        self.testo("dati", &dati.to_string())
    }
    pub fn file(mut self, parte: &str, nome: &str, byte: &[u8]) -> Self {
        let nome = nome.replace('\\', "\\\\").replace('"', "\\\"");
        self.0.extend(
            format!("--{CONFINE}\r\ncontent-disposition: form-data; name=\"{parte}\"; filename=\"{nome}\"\r\n\r\n")
                .into_bytes(),
        );
        self.0.extend(byte);
        self.0.extend(b"\r\n");
        self
    }
    pub fn byte(mut self) -> Vec<u8> {
        self.0.extend(format!("--{CONFINE}--\r\n").into_bytes());
        self.0
    }
    pub fn richiesta(self, token: &str, percorso: &str, chiave: Option<&str>) -> Request<Body> {
        richiesta(token, percorso, chiave, Body::from(self.byte()))
    }
}

pub fn richiesta(token: &str, percorso: &str, chiave: Option<&str>, corpo: Body) -> Request<Body> {
    let mut r = Request::post(percorso)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", format!("multipart/form-data; boundary={CONFINE}"));
    if let Some(k) = chiave {
        r = r.header("idempotency-key", k);
    }
    r.body(corpo).unwrap()
}

/// The example of the contract.
pub fn entrata(oggetto: &str) -> Value {
    json!({"tipo": "entrata", "oggetto": oggetto,
        "mittente": {"tipo": "persona-fisica", "nome": "Maria", "cognome": "Rossi", "codiceFiscale": "RSSMRA80A01H501U", "pec": null},
        "destinatari": [], "mezzo": "pec", "dataArrivo": "2026-11-23T09:12:00+01:00",
        "protocolloMittente": {"numero": "123/A", "data": "2026-11-20"},
        "classificazione": "1.6", "assegnazioni": [{"ufficio": "TRIB", "tipo": "competenza"}], "riservato": false})
}
