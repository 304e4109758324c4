//! A service on a fresh archive with people who have passwords, and a browser without scripts.

use std::sync::Arc;

use archivio::store::{NuovaAoo, NuovoEnte, Segreto};
use archivio::{EnteStore, Store, sistema};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use dominio::codici::{CodiceAoo, CodiceRegistro};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::{DatiEnte, DatiRegistro};
use dominio::permessi::{Incarico, Ruolo};
use dominio::tempo::{Istante, Orologio};
use http_body_util::BodyExt as _;
use servizio::accesso::password::cifra;
use servizio::accesso::ritorno::codifica;
use servizio::copie::Luoghi;
use servizio::esami::Esami;
use servizio::sigilli::Sigilli;
use servizio::sigilli::fornitore::Ammessi;
use servizio::sola_lettura::SolaLettura;
use servizio::{Servizio, rotte};
use tower::ServiceExt as _;

pub const BASE: &str = "/c_z999/AOO1";
pub const PASSWORD: &str = "una frase da prova";
pub const MODULO: &str = "/nessuna/libreria.so";
/// Port 1 of the machine itself: nobody listens.
pub const FORNITORE: &str = "http://127.0.0.1:1/csc/v2";
const CONFINE: &str = "confine-di-prova";

pub struct Banco {
    pub rotte: Router,
    pub ente: Arc<dyn EnteStore>,
    pub dir: tempfile::TempDir,
    /// Where copies are, and where they are tried.
    pub copie: tempfile::TempDir,
    /// Who seals: nobody does until a test says so.
    pub sigilli: Arc<Sigilli>,
    /// Who examines signatures: nobody does until a test says so.
    pub esami: Arc<Esami>,
}

/// One person's browser: a cookie and nothing else.
pub struct Browser<'a> {
    banco: &'a Banco,
    pub cookie: String,
}

pub struct Risposta {
    pub stato: StatusCode,
    pub capi: axum::http::HeaderMap,
    pub byte: Vec<u8>,
}

impl Risposta {
    pub fn testo(&self) -> String {
        String::from_utf8_lossy(&self.byte).into_owned()
    }
    pub fn meta(&self) -> String {
        self.capi.get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
    }
    /// Value of a hidden field.
    pub fn nascosto(&self, nome: &str) -> String {
        let t = self.testo();
        let capo = format!("name=\"{nome}\" value=\"");
        let i = t.find(&capo).unwrap_or_else(|| panic!("no field {nome}")) + capo.len();
        t[i..].split('"').next().unwrap().to_owned()
    }
    pub fn ha(&self, testo: &str) -> bool {
        self.testo().contains(testo)
    }
}

async fn ente(store: &dyn Store, ipa: &str, phc: &str) -> Arc<dyn EnteStore> {
    let chi = sistema();
    let dati =
        DatiEnte { ipa: ipa.parse().unwrap(), denominazione: format!("Comune {ipa}"), codice_fiscale: None, pec: None };
    let e = store.crea_ente(NuovoEnte { dati, chi: chi.clone() }).await.unwrap();
    let aoo: CodiceAoo = "AOO1".parse().unwrap();
    let nuova = NuovaAoo {
        codice: aoo.clone(),
        denominazione: "AOO unica".into(),
        origine: format!("prova.example/{ipa}/AOO1"),
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
    let mut comandi = vec![
        C::CreaUfficio { codice: "SEGR".parse().unwrap(), denominazione: "Segreteria".into(), padre: None },
        C::CreaUfficio { codice: "TRIB".parse().unwrap(), denominazione: "Tributi".into(), padre: None },
        C::ApriVoce {
            codice: "1.6".parse().unwrap(),
            denominazione: "Archivio".into(),
            dal: Some("2020-01-01".parse().unwrap()),
            al: None,
        },
        C::ApriVoce {
            codice: "6.3".parse().unwrap(),
            denominazione: "Edilizia".into(),
            dal: Some("2020-01-01".parse().unwrap()),
            al: None,
        },
    ];
    let persone = [
        ("anna", Ruolo::Protocollista, Some("PROT")),
        ("rita", Ruolo::Rgd, None),
        ("ugo", Ruolo::Operatore, Some("TRIB")),
        ("ada", Ruolo::Amministratore, None),
    ];
    for (nome, ruolo, ufficio) in persone {
        let incarichi = vec![Incarico {
            ruolo,
            aoo: Some(aoo.clone()),
            ufficio: ufficio.map(|u| u.parse().unwrap()),
            dal: Istante(0),
            al: None,
        }];
        comandi.push(C::CreaUtente {
            utente: nome.parse().unwrap(),
            nome: nome.into(),
            cognome: "Prova".into(),
            incarichi,
        });
    }
    for c in comandi {
        e.configura(&aoo, &chi, c, None, None).await.unwrap();
    }
    for (nome, ..) in persone {
        let c = C::ImpostaPassword { utente: nome.parse().unwrap() };
        e.configura(&aoo, &chi, c, Some(Segreto::Password(phc.to_owned())), None).await.unwrap();
    }
    e
}

impl Banco {
    pub async fn nuovo() -> Self {
        Self::con_orologio(Arc::new(archivio::orologio::OrologioDiSistema)).await
    }

    pub async fn con_orologio(orologio: Arc<dyn Orologio>) -> Self {
        Self::con(orologio, false).await
    }

    /// With a library and a provider that its enti may seal with, neither of which is there.
    pub async fn con_ammessi() -> Self {
        Self::con(Arc::new(archivio::orologio::OrologioDiSistema), true).await
    }

    async fn con(orologio: Arc<dyn Orologio>, con_ammessi: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = archivio::sqlite::SqliteStore::apri(dir.path(), orologio).unwrap();
        let phc = cifra(PASSWORD).unwrap();
        let e = ente(&*store, "c_z999", &phc).await;
        ente(&*store, "c_z998", &phc).await;
        let sola = SolaLettura::in_cartella(dir.path()).riletta_ogni(std::time::Duration::ZERO);
        let copie = tempfile::tempdir().unwrap();
        let luoghi = Luoghi {
            cartella: (&*copie.path().join("backup")).into(),
            prove: dir.path().join("prove-ripristino"),
            temporanea: Some(copie.path().join("temporanea")),
            identita: Some(copie.path().join("identita")),
        };
        let ammessi =
            Ammessi { moduli: vec![format!("c_z999 {MODULO} t").parse().unwrap()], indirizzi: vec![FORNITORE.into()] };
        let s = Servizio::nuovo(store, "http://prova").con_sola_lettura(sola).con_copie(Some(luoghi));
        let s = s.che_sigilla(if con_ammessi { ammessi } else { Ammessi::default() });
        let (sigilli, esami) = (Arc::clone(&s.sigilli), Arc::clone(&s.esami));
        Self { rotte: rotte(Arc::new(s)), ente: e, dir, copie, sigilli, esami }
    }

    pub async fn manda(&self, r: Request<Body>) -> Risposta {
        let (parti, corpo) = self.rotte.clone().oneshot(r).await.unwrap().into_parts();
        let byte = corpo.collect().await.map(|b| b.to_bytes().to_vec()).unwrap_or_default();
        Risposta { stato: parti.status, capi: parti.headers, byte }
    }

    /// A browser that has not signed in.
    pub fn estraneo(&self) -> Browser<'_> {
        Browser { banco: self, cookie: String::new() }
    }

    /// A browser signed in.
    pub async fn entra(&self, ente: &str, chi: &str) -> Browser<'_> {
        let r = self.estraneo().invia("/accedi", &[("ente", ente), ("utente", chi), ("password", PASSWORD)]).await;
        assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());
        Browser { banco: self, cookie: cookie(&r) }
    }

    pub async fn di(&self, chi: &str) -> Browser<'_> {
        self.entra("c_z999", chi).await
    }

    /// How many operations the log of the AOO holds: nothing changed when it is the same.
    pub async fn operazioni(&self) -> usize {
        let log = archivio::store::Registro::Aoo("AOO1".parse().unwrap());
        self.ente.scan_from(&log, 0, 10_000).await.unwrap().len()
    }
}

pub fn cookie(r: &Risposta) -> String {
    let c = r.capi.get(header::SET_COOKIE).unwrap().to_str().unwrap();
    c.split(';').next().unwrap().to_owned()
}

pub fn modulo(campi: &[(&str, &str)]) -> String {
    campi.iter().map(|(n, v)| format!("{}={}", codifica(n), codifica(v))).collect::<Vec<_>>().join("&")
}

impl Browser<'_> {
    pub async fn get(&self, percorso: &str) -> Risposta {
        self.banco.manda(self.con(Request::get(percorso)).body(Body::empty()).unwrap()).await
    }

    pub fn con(&self, r: axum::http::request::Builder) -> axum::http::request::Builder {
        let r = r.header(header::HOST, "prova").header(header::ACCEPT, "text/html");
        if self.cookie.is_empty() { r } else { r.header(header::COOKIE, &self.cookie) }
    }

    /// Sends a form as it is.
    pub async fn invia(&self, percorso: &str, campi: &[(&str, &str)]) -> Risposta {
        let r = self.con(Request::post(percorso)).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.banco.manda(r.body(Body::from(modulo(campi))).unwrap()).await
    }

    pub async fn csrf(&self) -> String {
        self.get(&format!("{BASE}/scrivania")).await.nascosto("csrf")
    }

    /// Sends a form with the token of the session.
    pub async fn fa(&self, percorso: &str, campi: &[(&str, &str)]) -> Risposta {
        let csrf = self.csrf().await;
        let mut tutti = vec![("csrf", csrf.as_str())];
        tutti.extend(campi);
        self.invia(percorso, &tutti).await
    }

    /// Sends a form with files.
    pub async fn invia_file(&self, percorso: &str, campi: &[(&str, &str)], file: &[(&str, &str, &[u8])]) -> Risposta {
        let mut b = Vec::new();
        for (n, v) in campi {
            b.extend(
                format!("--{CONFINE}\r\ncontent-disposition: form-data; name=\"{n}\"\r\n\r\n{v}\r\n").into_bytes(),
            );
        }
        for (n, nome, byte) in file {
            let capo = format!(
                "--{CONFINE}\r\ncontent-disposition: form-data; name=\"{n}\"; filename=\"{nome}\"\r\ncontent-type: application/octet-stream\r\n\r\n"
            );
            b.extend(capo.into_bytes());
            b.extend(*byte);
            b.extend(b"\r\n");
        }
        b.extend(format!("--{CONFINE}--\r\n").into_bytes());
        let tipo = format!("multipart/form-data; boundary={CONFINE}");
        let r = self.con(Request::post(percorso)).header(header::CONTENT_TYPE, tipo);
        self.banco.manda(r.body(Body::from(b)).unwrap()).await
    }

    /// Opens the form "registra", fills it in, sends it.
    pub async fn registra(&self, campi: &[(&str, &str)], file: &[(&str, &str, &[u8])]) -> Risposta {
        let pagina = self.get(&format!("{BASE}/registra")).await;
        let (csrf, chiave) = (pagina.nascosto("csrf"), pagina.nascosto("chiave"));
        let mut tutti = vec![("csrf", csrf.as_str()), ("chiave", chiave.as_str())];
        tutti.extend(campi);
        self.invia_file(&format!("{BASE}/registra"), &tutti, file).await
    }

    /// Registers an entrata; the address of its page.
    pub async fn entrata(&self, oggetto: &str, altri: &[(&str, &str)]) -> String {
        let mut campi = vec![
            ("tipo", "entrata"),
            ("oggetto", oggetto),
            ("mezzo", "sportello"),
            ("mittente.tipo", "persona-fisica"),
            ("mittente.cognome", "Rossi"),
        ];
        campi.extend(altri);
        let r = self.registra(&campi, &[("documento", "istanza.txt", oggetto.as_bytes())]).await;
        assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());
        r.meta().trim_end_matches("?nuova=1").to_owned()
    }
}
