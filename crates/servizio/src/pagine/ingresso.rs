//! Signing in and out (R-L01). The same words for an unknown user and a wrong password.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use dominio::permessi::Porta;

use super::errore::ErrorePagina;
use super::viste::{self, Modulo};
use super::{Esito, con_stato, pagina};
use crate::accesso::sessione::{self, Biglietto};
use crate::accesso::utente::Campi;
use crate::accesso::{Accesso, Domanda, EsitoAccesso, indirizzo, provenienza, ritorno};

/// `GET /`: to the desk, or to sign in.
pub async fn radice(State(a): State<Arc<Accesso>>, h: HeaderMap) -> Esito {
    let meta = match Biglietto::da(&h) {
        Some(b) => scrivania_di(&a, &b).await?,
        None => None,
    };
    Ok(Redirect::to(meta.as_deref().unwrap_or("/accedi")).into_response())
}

/// The desk of a session: in the first AOO where the person may do something.
async fn scrivania_di(a: &Accesso, b: &Biglietto) -> Result<Option<String>, ErrorePagina> {
    let Some(ente) = a.ente(&b.ipa).await? else { return Ok(None) };
    let Some(s) = ente.sessione(&b.impronta()).await? else { return Ok(None) };
    let conf = ente.configurazione();
    let ora = ente.ora();
    let aoo = conf
        .aoo
        .keys()
        .find(|k| conf.operatore(&s.utente, k, ora, Porta::Pagina).is_some_and(|o| !o.diritti.elenco().is_empty()))
        .or_else(|| conf.aoo.keys().next());
    Ok(aoo.map(|aoo| format!("/{}/{aoo}/scrivania", b.ipa)))
}

/// `GET /accedi`, with `?dopo=` the address to go to afterwards.
pub async fn mostra(State(a): State<Arc<Accesso>>, Domanda(q): Domanda) -> Esito {
    pagina(&vista(&a, Campi::default(), None, q.testo("dopo").unwrap_or_default().to_owned()).await?)
}

async fn vista(a: &Accesso, campi: Campi, errore: Option<String>, dopo: String) -> Result<viste::Accedi, ErrorePagina> {
    let mut enti = Vec::new();
    for ipa in a.store.enti().await? {
        if let Some(r) = a.store.a_riposo(&ipa) {
            enti.push((ipa.to_string(), r.denominazione));
        } else if let Some(e) = a.store.guarda(&ipa).await? {
            let nome = e.configurazione().ente.as_ref().map(|d| d.denominazione.clone()).unwrap_or_default();
            enti.push((ipa.to_string(), nome));
        }
    }
    enti.sort_by(|x, y| x.1.cmp(&y.1));
    Ok(viste::Accedi { enti, m: Modulo { campi, errori: Vec::new() }, errore, dopo })
}

/// `POST /accedi`: `ente`, `utente`, `password`, `dopo`.
pub async fn entra(State(a): State<Arc<Accesso>>, parti: Testa, corpo: Bytes) -> Esito {
    let mut campi = Campi(form_urlencoded::parse(&corpo).into_owned().collect());
    let prendi = |c: &Campi, n: &str| c.primo(n).unwrap_or_default().to_owned();
    let (ente, utente, dopo) = (prendi(&campi, "ente"), prendi(&campi, "utente"), prendi(&campi, "dopo"));
    let chiaro = prendi(&campi, "password");
    campi.0.retain(|(n, _)| n != "password");
    let prima = Biglietto::da(&parti.0.headers);
    let esito = a.entra(&ente, &utente, chiaro, prima, indirizzo(&parti.0)).await?;
    let (stato, parole) = match esito {
        EsitoAccesso::Entrato(b) => {
            let scrivania = scrivania_di(&a, &b).await?;
            let meta = ritorno::locale(&dopo).filter(|d| *d != "/" && d.starts_with(&format!("/{}/", b.ipa)));
            let mut r = Redirect::to(meta.or(scrivania.as_deref()).unwrap_or("/")).into_response();
            r.headers_mut().insert(header::SET_COOKIE, b.cookie(a.sicuro));
            return Ok(r);
        }
        EsitoAccesso::NonRiconosciuto => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Nome utente o password non sono giusti.".to_owned())
        }
        EsitoAccesso::Attesa(s) => {
            (StatusCode::TOO_MANY_REQUESTS, format!("Troppi tentativi: riprova tra {}.", durata(s)))
        }
    };
    let mut r = con_stato(stato, &vista(&a, campi, Some(parole), dopo).await?)?;
    if let EsitoAccesso::Attesa(s) = esito
        && let Ok(v) = HeaderValue::from_str(&s.to_string())
    {
        r.headers_mut().insert(header::RETRY_AFTER, v);
    }
    Ok(r)
}

fn durata(secondi: i64) -> String {
    match secondi {
        ..=1 => "un secondo".to_owned(),
        2..=90 => format!("{secondi} secondi"),
        _ => format!("{} minuti", (secondi + 59) / 60),
    }
}

/// The head of a request, beside its body.
pub struct Testa(pub Parts);

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Testa {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(p: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(p.clone()))
    }
}

/// `POST /esci`, with the token of the session.
pub async fn esci(State(a): State<Arc<Accesso>>, h: HeaderMap, corpo: Bytes) -> Esito {
    let campi = Campi(form_urlencoded::parse(&corpo).into_owned().collect());
    if let Some(b) = Biglietto::da(&h)
        && let Some(ente) = a.ente(&b.ipa).await?
        && let Some(s) = ente.sessione(&b.impronta()).await?
    {
        let dato = campi.primo(provenienza::CAMPO).or_else(|| provenienza::da_intestazione(&h));
        if !provenienza::combacia(dato, &s.csrf) {
            return Err(ErrorePagina::modulo_scaduto());
        }
        a.esci(&b).await?;
    }
    let mut r: Response = Redirect::to("/accedi").into_response();
    r.headers_mut().insert(header::SET_COOKIE, sessione::cookie_finito(a.sicuro));
    Ok(r)
}
