//! Files and receipts of a registration, for who is at the page.

use std::sync::Arc;

use archivio::store::{Azione, FileLetto, Registro};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dominio::operazione::CHE_COSA;
use dominio::registrazione::{Documento, Registrazione};
use dominio::sigillo::StatoSigillo;
use serde::Deserialize;

use super::dettaglio::{Posto, annota, carica};
use super::errore::ErrorePagina;
use crate::accesso::{Accesso, Domanda, Utente};
use crate::problema::Problema;
use crate::rest::ricevuta::rivela;
use crate::scarico::disposizione;
use crate::stampe;

/// `…/documenti/{n}`.
#[derive(Debug, Deserialize)]
pub struct PostoDocumento {
    pub(super) n: String,
}

/// The file, byte for byte (R-H07); with `?anteprima=1` to be shown in the page, when its kind is harmless.
pub async fn scarica(
    u: Utente,
    Path(posto): Path<Posto>,
    Path(doc): Path<PostoDocumento>,
    Domanda(modo): Domanda,
    h: HeaderMap,
) -> Result<Response, ErrorePagina> {
    let d = carica(&u, &posto.chiave()?).await?;
    d.solo_se_visibile(&u)?;
    annota(&u, &d, Azione::Documento).await?;
    let documento = documento(&d.registrazione, &doc.n).ok_or_else(ErrorePagina::non_trovata)?;
    let in_pagina = modo.testo("anteprima").is_some() && mostrabile(&documento.mime);
    file(&u, documento, in_pagina, &h).await
}

/// `…/segnatura.xml`: the sealed segnatura, byte for byte, to be saved (R-C14); who may see the registration may have it.
pub async fn segnatura(u: Utente, Path(posto): Path<Posto>, h: HeaderMap) -> Result<Response, ErrorePagina> {
    let d = carica(&u, &posto.chiave()?).await?;
    d.solo_se_visibile(&u)?;
    annota(&u, &d, Azione::Documento).await?;
    let Some(s) = &d.registrazione.sigillo else {
        return Err(Problema::senza_sigillo(d.registrazione.stato_sigillo() == StatoSigillo::InAttesa).into());
    };
    file(&u, &s.segnatura, false, &h).await
}

async fn file(u: &Utente, d: &Documento, in_pagina: bool, h: &HeaderMap) -> Result<Response, ErrorePagina> {
    let etag = format!("\"{}\"", d.impronta);
    if h.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()) == Some(etag.as_str()) {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    let file = u.ente.file(&d.impronta).await?.ok_or_else(ErrorePagina::non_trovata)?;
    Ok(invia(file, d, in_pagina, &etag))
}

pub(super) fn documento<'a>(r: &'a Registrazione, n: &str) -> Option<&'a Documento> {
    let n: u32 = n.parse().ok()?;
    r.documenti.iter().find(|d| d.n == n)
}

/// Kinds that a browser shows without running anything of theirs.
pub fn mostrabile(mime: &str) -> bool {
    matches!(mime, "application/pdf" | "image/png" | "image/jpeg" | "image/gif")
}

fn invia(file: FileLetto, d: &Documento, in_pagina: bool, etag: &str) -> Response {
    let mut r = Response::new(Body::from_stream(file.flusso));
    let h = r.headers_mut();
    let mut metti = |nome: header::HeaderName, valore: &str| {
        if let Ok(v) = HeaderValue::from_str(valore) {
            h.insert(nome, v);
        }
    };
    metti(header::CONTENT_TYPE, &d.mime);
    metti(header::CONTENT_LENGTH, &d.byte.to_string());
    metti(header::ETAG, etag);
    metti(header::CACHE_CONTROL, "private, no-cache");
    metti(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    metti(header::CONTENT_DISPOSITION, &disposizione(&d.nome, in_pagina));
    // A PDF viewer cannot live in a sandbox; what is not shown in the page is locked up.
    if in_pagina && d.mime == "application/pdf" {
        metti(header::CONTENT_SECURITY_POLICY, "default-src 'none'; object-src 'self'; frame-ancestors 'self'");
    } else {
        metti(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox; frame-ancestors 'self'");
    }
    r
}

/// The verifiable receipt of the registration, for who may see it (contract § 3): whole, or with the `campi` that were ticked.
pub async fn ricevuta(u: Utente, Path(posto): Path<Posto>, Domanda(q): Domanda) -> Result<Response, ErrorePagina> {
    let d = carica(&u, &posto.chiave()?).await?;
    d.solo_se_visibile(&u)?;
    annota(&u, &d, Azione::Ricevuta).await?;
    let r = &d.registrazione;
    let scelti: Option<Vec<&str>> = q.primo("campi").map(|_| CHE_COSA.into_iter().chain(q.tutti("campi")).collect());
    let ricevuta = u
        .ente
        .ricevuta(&Registro::Aoo(u.aoo.clone()), r.indice, &|campo| rivela(scelti.as_deref(), campo))
        .await?
        .ok_or_else(ErrorePagina::non_trovata)?;
    let corpo = serde_json::to_vec_pretty(&ricevuta).map_err(|e| archivio::Errore::Incoerente(e.to_string()))?;
    let nome =
        format!("ricevuta-{}-{}-{}-{}.json", u.ente.ipa(), r.chiave.registro, r.chiave.anno, r.chiave.numero.esteso());
    let mut risposta = corpo.into_response();
    let h = risposta.headers_mut();
    h.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    h.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(v) = HeaderValue::from_str(&disposizione(&nome, false)) {
        h.insert(header::CONTENT_DISPOSITION, v);
    }
    Ok(risposta)
}

/// `…/ricevuta.pdf`: the receipt for who filed the document (R-A24).
pub async fn ricevuta_pdf(
    State(a): State<Arc<Accesso>>,
    u: Utente,
    Path(posto): Path<Posto>,
) -> Result<Response, ErrorePagina> {
    let d = carica(&u, &posto.chiave()?).await?;
    d.solo_se_visibile(&u)?;
    annota(&u, &d, Azione::Ricevuta).await?;
    let l = stampe::luogo(&*u.ente, &u.aoo, &a.url_pubblico, &u.conf, &d.registrazione).await?;
    let byte = stampe::in_disparte(|| stampe::ricevuta(&l, &d.registrazione))?;
    Ok(stampe::risposta(byte, &stampe::nome_file("ricevuta", &d.registrazione.chiave)))
}

/// `…/storia.pdf`: the whole history on paper (R-B03).
pub async fn storia_pdf(
    State(a): State<Arc<Accesso>>,
    u: Utente,
    Path(posto): Path<Posto>,
) -> Result<Response, ErrorePagina> {
    let d = carica(&u, &posto.chiave()?).await?;
    d.solo_se_visibile(&u)?;
    annota(&u, &d, Azione::Esportazione).await?;
    let l = stampe::luogo(&*u.ente, &u.aoo, &a.url_pubblico, &u.conf, &d.registrazione).await?;
    let byte = stampe::in_disparte(|| stampe::storia(&l, &d.registrazione, &d.operazioni))?;
    Ok(stampe::risposta(byte, &stampe::nome_file("storia", &d.registrazione.chiave)))
}

/// `…/storia.json`: the same for programs, as the API answers it.
pub async fn storia_json(u: Utente, Path(posto): Path<Posto>) -> Result<Response, ErrorePagina> {
    let d = carica(&u, &posto.chiave()?).await?;
    d.solo_se_visibile(&u)?;
    annota(&u, &d, Azione::Esportazione).await?;
    let nome = format!("{}.json", stampe::nome_file("storia", &d.registrazione.chiave));
    let capi = [
        (header::CONTENT_TYPE, "application/json".to_owned()),
        (header::CONTENT_DISPOSITION, disposizione(&nome, false)),
    ];
    Ok((capi, crate::rest::leggi::storia_di(&d.operazioni).to_string()).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_run_is_never_shown() {
        for m in ["text/html", "image/svg+xml", "application/xml", "application/octet-stream"] {
            assert!(!mostrabile(m), "{m}");
        }
    }
}
