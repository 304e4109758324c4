//! Requests that another site makes a browser send are refused (R-L01): a POST has to come from our own pages, and to
//! carry the token of its session.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq;

/// Name of the form field with the token.
pub const CAMPO: &str = "csrf";
/// Header with the token, for scripts.
pub const INTESTAZIONE: &str = "x-csrf-token";

/// Does the request come from one of our own pages, or from the address bar? Browsers say it in `Sec-Fetch-Site`,
/// older ones in `Origin`; without either there is no browser to be tricked.
pub fn nostra(h: &HeaderMap) -> bool {
    let testo = |nome: &str| h.get(nome).and_then(|v| v.to_str().ok());
    if let Some(sito) = testo("sec-fetch-site") {
        return matches!(sito, "same-origin" | "none");
    }
    if !h.contains_key(header::ORIGIN) {
        return true;
    }
    let Some(origine) = testo("origin") else { return false };
    let ospite = testo("host").unwrap_or_default();
    origine.split_once("://").is_some_and(|(schema, o)| matches!(schema, "http" | "https") && o == ospite)
}

/// Compares tokens without saying how much of them is right.
pub fn combacia(dato: Option<&str>, atteso: &str) -> bool {
    !atteso.is_empty() && dato.is_some_and(|d| d.as_bytes().ct_eq(atteso.as_bytes()).into())
}

/// The token sent as a header.
pub fn da_intestazione(h: &HeaderMap) -> Option<&str> {
    h.get(INTESTAZIONE).and_then(|v| v.to_str().ok())
}

/// Refuses what another site sends, before anything of it is read.
pub async fn guardia(r: Request, avanti: Next) -> Response {
    let innocua = matches!(*r.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if innocua || nostra(r.headers()) { avanti.run(r).await } else { crate::pagine::errore::vietata_la_provenienza() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn h(coppie: &[(&'static str, &str)]) -> HeaderMap {
        coppie.iter().map(|(k, v)| (axum::http::HeaderName::from_static(k), v.parse().unwrap())).collect()
    }

    #[test]
    fn another_site_is_refused() {
        // R-L01
        assert!(nostra(&h(&[])));
        assert!(nostra(&h(&[("sec-fetch-site", "same-origin"), ("origin", "null")])));
        assert!(nostra(&h(&[("sec-fetch-site", "none")])));
        assert!(!nostra(&h(&[("sec-fetch-site", "cross-site")])));
        assert!(!nostra(&h(&[("sec-fetch-site", "same-site")])));
        assert!(nostra(&h(&[("host", "p.it:8080"), ("origin", "http://p.it:8080")])));
        for o in ["http://p.it", "https://male.it", "null", "file://p.it:8080", "http://p.it:8080.male.it"] {
            assert!(!nostra(&h(&[("host", "p.it:8080"), ("origin", o)])), "{o}");
        }
    }

    #[test]
    fn a_token_matches_only_itself() {
        assert!(combacia(Some("abc"), "abc"));
        for (d, a) in [(None, "abc"), (Some("abd"), "abc"), (Some("ab"), "abc"), (Some(""), "")] {
            assert!(!combacia(d, a));
        }
    }
}
