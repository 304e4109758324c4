//! Refusals as pages, in plain Italian: what happened, and what to do.

use archivio::Errore;
use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use dominio::errori::Rifiuto;

use super::viste;
use crate::problema::{Problema, Tipo};

/// A problem to be shown to a person.
#[derive(Debug)]
pub struct ErrorePagina(pub Box<Problema>);

impl From<Problema> for ErrorePagina {
    fn from(p: Problema) -> Self {
        Self(Box::new(p))
    }
}

impl From<Errore> for ErrorePagina {
    fn from(e: Errore) -> Self {
        Problema::from(e).into()
    }
}

impl From<Rifiuto> for ErrorePagina {
    fn from(r: Rifiuto) -> Self {
        Problema::from(r).into()
    }
}

impl ErrorePagina {
    /// 404.
    pub fn non_trovata() -> Self {
        Problema::non_trovato("a questo indirizzo non c'è nulla").into()
    }

    /// 403.
    pub fn vietata(perche: impl Into<String>) -> Self {
        Problema::vietato(perche).into()
    }

    /// 403: the form has no token, or that of another session (R-L01).
    pub fn modulo_scaduto() -> Self {
        let mut p = Problema::vietato("il modulo viene da una sessione finita o da un'altra pagina");
        p.titolo = "Il modulo non è più valido";
        p.into()
    }

    /// 413.
    pub fn troppo_grande() -> Self {
        Problema::troppo_grande("modulo", 1_024 * 1_024).into()
    }
}

/// 403 for what another site made a browser send.
pub fn vietata_la_provenienza() -> Response {
    let mut p = Problema::vietato("la richiesta viene da un altro sito");
    p.titolo = "Richiesta rifiutata";
    ErrorePagina::from(p).into_response()
}

/// What answers where nothing is: a page to a browser, a problem to a program.
pub async fn nulla(uri: axum::http::Uri, h: axum::http::HeaderMap) -> Response {
    let browser = h.get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    if browser && !uri.path().starts_with("/api/") {
        return ErrorePagina::non_trovata().into_response();
    }
    Problema::non_trovato("non c'è nulla a questo indirizzo").into_response()
}

fn rimedio(stato: StatusCode) -> &'static str {
    match stato {
        StatusCode::NOT_FOUND => "Controlla l'indirizzo, oppure cerca nel registro.",
        StatusCode::FORBIDDEN => {
            "Se ti serve, chiedilo a chi amministra gli utenti del tuo ente. Nulla è stato cambiato."
        }
        StatusCode::CONFLICT => {
            "Qualcuno è arrivato prima: torna indietro e ricarica la pagina. Nulla è stato cambiato."
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
            "Aspetta qualche istante e riprova. Nulla è stato cambiato."
        }
        StatusCode::PAYLOAD_TOO_LARGE => "Riduci il contenuto e riprova. Nulla è stato cambiato.",
        s if s.is_server_error() => "Il problema è nostro ed è stato annotato.",
        _ => "Torna indietro e correggi. Nulla è stato cambiato.",
    }
}

fn maiuscola(t: &str) -> String {
    let mut c = t.chars();
    c.next().map_or_else(String::new, |p| {
        let mut s: String = p.to_uppercase().chain(c).collect();
        if !s.ends_with(['.', '!', '?']) {
            s.push('.');
        }
        s
    })
}

impl IntoResponse for ErrorePagina {
    fn into_response(self) -> Response {
        let p = *self.0;
        let vista = viste::Errore {
            titolo: match p.stato {
                StatusCode::NOT_FOUND => "Pagina non trovata".to_owned(),
                _ => p.titolo.to_owned(),
            },
            dettaglio: maiuscola(&p.dettaglio),
            rimedio: match p.tipo {
                crate::problema::SOLA_LETTURA => {
                    "Torna indietro: ciò che hai scritto è ancora nella pagina. Potrai inviarlo quando il servizio torna a \
                     registrare. Nulla è stato cambiato."
                }
                "sigillo-in-attesa" => "Torna alla registrazione e riprova tra poco: il sigillo segue il numero.",
                "sigillo-non-richiesto" => "Torna alla registrazione.",
                _ => rimedio(p.stato),
            },
            stato: p.stato.as_u16(),
            errori: p.errori.iter().map(viste::riga_errore).collect(),
        };
        let html = vista.render().unwrap_or_else(|_| vista.titolo.clone());
        let mut r = (p.stato, Html(html)).into_response();
        // It may answer outside the routes of the pages, where the policy lets nothing be loaded.
        r.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(super::rotte::CSP));
        r.extensions_mut().insert(Tipo(p.tipo));
        if p.stato == StatusCode::SERVICE_UNAVAILABLE {
            r.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        r
    }
}
