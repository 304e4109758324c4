//! `GET …/documenti/{n}` or `/{impronta}`: the file, byte for byte (R-H07).

use archivio::store::Azione;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dominio::registrazione::{Documento, Registrazione};

use super::{Percorso, Risposta, visibile};
use crate::problema::Problema;
use crate::scarico::disposizione;
use crate::token::Chiamante;

pub async fn documento(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap) -> Risposta<Response> {
    let chiave = p.chiave()?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Documento).await?;
    rispondi(&*c.ente, nominato(&r, &p)?, &h).await
}

/// The document that a path names, by its number or its hash.
pub(super) fn nominato<'a>(r: &'a Registrazione, p: &Percorso) -> Risposta<&'a Documento> {
    let quale = p.quale.as_deref().unwrap_or_default();
    r.documenti
        .iter()
        .find(|d| d.n.to_string() == quale || d.impronta.hex() == quale)
        .ok_or_else(|| Problema::non_trovato("il documento non è di questa registrazione"))
}

/// Streams a stored file, always to be saved and never shown.
pub(super) async fn rispondi(ente: &dyn archivio::EnteStore, d: &Documento, h: &HeaderMap) -> Risposta<Response> {
    let etag = format!("\"{}\"", d.impronta);
    let letto = |nome| h.get(nome).and_then(|v: &HeaderValue| v.to_str().ok());
    if letto(header::IF_NONE_MATCH).is_some_and(|v| v.contains(&etag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let file =
        ente.file(&d.impronta).await?.ok_or_else(|| archivio::Errore::Incoerente(format!("file {}", d.impronta)))?;
    let mut r = Response::new(Body::from_stream(file.flusso));
    let capi = r.headers_mut();
    let mime = HeaderValue::from_str(&d.mime).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    capi.insert(header::CONTENT_TYPE, mime);
    capi.insert(header::CONTENT_LENGTH, HeaderValue::from(d.byte));
    if let Ok(v) = HeaderValue::from_str(&disposizione(&d.nome, false)) {
        capi.insert(header::CONTENT_DISPOSITION, v);
    }
    if let Ok(v) = HeaderValue::from_str(&etag) {
        capi.insert(header::ETAG, v);
    }
    capi.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    capi.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(r)
}
