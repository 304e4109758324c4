//! Extractors: who is at the page ([`Utente`]), and a form he sent ([`Invio`]).

use std::sync::Arc;

use archivio::store::EnteStore;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use dominio::codici::{CodiceAoo, CodiceIpa};
use dominio::configurazione::{Configurazione, StatoAoo};
use dominio::permessi::{Diritto, Operatore, Porta};

use super::sessione::Biglietto;
use super::{Accesso, provenienza, ritorno};
use crate::pagine::errore::ErrorePagina;
use crate::sola_lettura::Motivo;

/// Largest form without files, bytes.
const MODULO_MAX: usize = 1_024 * 1_024;

/// A person signed in, in the AOO of the address. R-L01, R-L02, R-L25.
#[derive(Clone)]
pub struct Utente {
    /// The ente; nothing of another can be reached through it.
    pub ente: Arc<dyn EnteStore>,
    /// Its configuration when the request came.
    pub conf: Arc<Configurazione>,
    /// The AOO of the address.
    pub aoo: CodiceAoo,
    /// Who acts, with the rights of now.
    pub chi: Operatore,
    /// Token of his forms.
    pub csrf: String,
    /// htmx asks: a fragment is enough.
    pub htmx: bool,
    /// Why nothing may be written now, if it may not.
    pub sola_lettura: Option<Arc<str>>,
}

impl Utente {
    /// `/{ipa}/{aoo}`, to be followed by a slash.
    pub fn base(&self) -> String {
        format!("/{}/{}", self.ente.ipa(), self.aoo)
    }

    /// The AOO in the configuration.
    ///
    /// # Errors
    /// It vanished meanwhile, which never happens.
    pub fn stato(&self) -> Result<&StatoAoo, ErrorePagina> {
        self.conf.aoo.get(&self.aoo).ok_or_else(ErrorePagina::non_trovata)
    }

    /// Does he have the right? To hide what he could not do; the domain decides.
    pub fn ha(&self, d: Diritto) -> bool {
        self.chi.diritti.ha(d)
    }

    /// Refuses a page whose contents are for those who have one of these rights.
    ///
    /// # Errors
    /// 403 in the words of the domain.
    pub fn richiede(&self, diritti: &[Diritto]) -> Result<(), ErrorePagina> {
        Ok(dominio::nuova::richiede_uno(&self.chi, diritti)?)
    }
}

impl FromRequestParts<Arc<Accesso>> for Utente {
    type Rejection = Response;

    async fn from_request_parts(p: &mut Parts, stato: &Arc<Accesso>) -> Result<Self, Response> {
        let htmx = p.headers.contains_key("hx-request");
        let parametri = RawPathParams::from_request_parts(p, stato).await.map_err(IntoResponse::into_response)?;
        let parametro = |nome: &str| parametri.iter().find(|(n, _)| *n == nome).map(|(_, v)| v.to_owned());
        let (Some(ipa), Some(aoo)) = (parametro("ipa"), parametro("aoo")) else {
            return Err(ErrorePagina::non_trovata().into_response());
        };
        let biglietto = Biglietto::da(&p.headers);
        // The codes of the address are compared with the session's before anything is looked up.
        let Some(biglietto) = biglietto.filter(|b| ipa.parse::<CodiceIpa>().is_ok_and(|i| i == b.ipa)) else {
            return Err(a_firmare(p, htmx));
        };
        let guasto = |e| ErrorePagina::from(e).into_response();
        let Some(ente) = stato.ente(&biglietto.ipa).await.map_err(guasto)? else {
            return Err(a_firmare(p, htmx));
        };
        let Some(sessione) = ente.sessione(&biglietto.impronta()).await.map_err(guasto)? else {
            return Err(a_firmare(p, htmx));
        };
        let conf = ente.configurazione();
        let esiste = aoo.parse::<CodiceAoo>().ok().filter(|a| conf.aoo.contains_key(a));
        let Some(aoo) = esiste else { return Err(ErrorePagina::non_trovata().into_response()) };
        let Some(chi) = conf.operatore(&sessione.utente, &aoo, ente.ora(), Porta::Pagina) else {
            return Err(a_firmare(p, htmx));
        };
        let sola_lettura = p.extensions.get::<Motivo>().map(|m| Arc::clone(&m.0));
        Ok(Self { ente, conf, aoo, chi, csrf: sessione.csrf, htmx, sola_lettura })
    }
}

/// To the sign-in page, and back after it.
fn a_firmare(p: &Parts, htmx: bool) -> Response {
    let percorso = p.uri.path_and_query().map_or("/", |x| x.as_str());
    // What a form sends cannot be opened again by its address: the page it was on can.
    let dopo = if p.method == Method::GET && !htmx { percorso.to_owned() } else { pagina_di_partenza(p) };
    let meta = ritorno::accedi(&dopo);
    if htmx {
        let mut r = StatusCode::NO_CONTENT.into_response();
        if let Ok(v) = HeaderValue::from_str(&meta) {
            r.headers_mut().insert("hx-redirect", v);
        }
        return r;
    }
    Redirect::to(&meta).into_response()
}

fn pagina_di_partenza(p: &Parts) -> String {
    let da = p.headers.get(header::REFERER).and_then(|v| v.to_str().ok()).and_then(|v| v.split_once("://"));
    let ospite = p.headers.get(header::HOST).and_then(|v| v.to_str().ok()).unwrap_or_default();
    match da.and_then(|(_, resto)| resto.split_once('/')) {
        Some((o, percorso)) if o == ospite => format!("/{percorso}"),
        _ => "/".to_owned(),
    }
}

/// A form without files, from a page of ours, with the token of the session (R-L01).
pub struct Invio {
    /// Who sends it.
    pub utente: Utente,
    /// Its fields, in order.
    pub campi: Campi,
}

/// Fields of a form, in order; a name may come more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Campi(pub Vec<(String, String)>);

impl Campi {
    /// The first value of a field, blank or not.
    pub fn primo(&self, nome: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == nome).map(|(_, v)| v.as_str())
    }

    /// The first value of a field, trimmed; blank counts as missing.
    pub fn testo(&self, nome: &str) -> Option<&str> {
        self.primo(nome).map(str::trim).filter(|v| !v.is_empty())
    }

    /// Every value of a field, trimmed, blanks left out.
    pub fn tutti<'a>(&'a self, nome: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(n, _)| n == nome).map(|(_, v)| v.trim()).filter(|v| !v.is_empty())
    }

    /// Is a box ticked?
    pub fn spuntato(&self, nome: &str) -> bool {
        self.testo(nome).is_some()
    }
}

/// What an address asks after `?`, in order. Whatever is written there, the page answers.
pub struct Domanda(pub Campi);

impl<S: Send + Sync> FromRequestParts<S> for Domanda {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(p: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let testo = p.uri.query().unwrap_or_default();
        Ok(Self(Campi(form_urlencoded::parse(testo.as_bytes()).into_owned().collect())))
    }
}

impl FromRequest<Arc<Accesso>> for Invio {
    type Rejection = Response;

    async fn from_request(r: Request, stato: &Arc<Accesso>) -> Result<Self, Response> {
        let (mut p, corpo) = r.into_parts();
        let utente = Utente::from_request_parts(&mut p, stato).await?;
        let byte =
            axum::body::to_bytes(corpo, MODULO_MAX).await.map_err(|_| ErrorePagina::troppo_grande().into_response())?;
        let campi = Campi(form_urlencoded::parse(&byte).into_owned().collect());
        let dato = campi.primo(provenienza::CAMPO).or_else(|| provenienza::da_intestazione(&p.headers));
        if !provenienza::combacia(dato, &utente.csrf) {
            return Err(ErrorePagina::modulo_scaduto().into_response());
        }
        Ok(Self { utente, campi })
    }
}
