//! `GET …/documenti/{n}` or `/{impronta}`: the file, byte for byte (R-H07).

use archivio::store::Azione;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dominio::registrazione::Documento;
use tokio_util::io::ReaderStream;

use super::{Percorso, Risposta, visibile};
use crate::problema::Problema;
use crate::token::Chiamante;

pub async fn documento(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap) -> Risposta<Response> {
    let chiave = p.chiave()?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Documento).await?;
    let quale = p.quale.as_deref().unwrap_or_default();
    let d = r
        .documenti
        .iter()
        .find(|d| d.n.to_string() == quale || d.impronta.hex() == quale)
        .ok_or_else(|| Problema::non_trovato("il documento non è di questa registrazione"))?;
    rispondi(&*c.ente, d, &h).await
}

/// Streams a stored file, always to be saved and never shown.
async fn rispondi(ente: &dyn archivio::EnteStore, d: &Documento, h: &HeaderMap) -> Risposta<Response> {
    let etag = format!("\"{}\"", d.impronta);
    let letto = |nome| h.get(nome).and_then(|v: &HeaderValue| v.to_str().ok());
    if letto(header::IF_NONE_MATCH).is_some_and(|v| v.contains(&etag)) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let percorso =
        ente.file(&d.impronta).await?.ok_or_else(|| archivio::Errore::Incoerente(format!("file {}", d.impronta)))?;
    let file = tokio::fs::File::open(percorso).await.map_err(archivio::Errore::from)?;
    let mut r = Response::new(Body::from_stream(ReaderStream::with_capacity(file, 64 * 1024)));
    let capi = r.headers_mut();
    let mime = HeaderValue::from_str(&d.mime).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    capi.insert(header::CONTENT_TYPE, mime);
    capi.insert(header::CONTENT_LENGTH, HeaderValue::from(d.byte));
    if let Ok(v) = HeaderValue::from_str(&disposizione(&d.nome)) {
        capi.insert(header::CONTENT_DISPOSITION, v);
    }
    if let Ok(v) = HeaderValue::from_str(&etag) {
        capi.insert(header::ETAG, v);
    }
    capi.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    capi.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(r)
}

/// Content-Disposition with the name as given (RFC 6266, RFC 8187).
fn disposizione(nome: &str) -> String {
    let semplice: String = nome
        .chars()
        .map(|c| if c.is_ascii() && !c.is_ascii_control() && !matches!(c, '"' | '\\' | '/' | '%') { c } else { '_' })
        .collect();
    let mut codificato = String::new();
    for b in nome.bytes() {
        if b.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&b) {
            codificato.push(char::from(b));
        } else {
            codificato.push_str(&format!("%{b:02X}"));
        }
    }
    format!("attachment; filename=\"{semplice}\"; filename*=UTF-8''{codificato}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_whole_and_safe() {
        let d = disposizione("è «a\"b»/../x\r\n.pdf");
        assert!(d.is_ascii() && !d.contains('\n'));
        assert!(d.contains("filename*=UTF-8''%C3%A8%20%C2%ABa%22b%C2%BB%2F..%2Fx%0D%0A.pdf"), "{d}");
    }
}
