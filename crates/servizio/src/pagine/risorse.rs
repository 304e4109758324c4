//! Style, script and icons, inside the binary, under names that change with their content: cached for ever.

use std::sync::OnceLock;

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// A file of the pages.
struct Risorsa {
    nome: &'static str,
    url: String,
    mime: &'static str,
    byte: &'static [u8],
}

fn tutte() -> &'static [Risorsa] {
    static TUTTE: OnceLock<Vec<Risorsa>> = OnceLock::new();
    TUTTE.get_or_init(|| {
        let una = |nome: &'static str, mime, byte: &'static [u8]| {
            let (base, est) = nome.rsplit_once('.').unwrap_or((nome, ""));
            let h = Sha256::digest(byte);
            let url = format!("/risorse/{base}.{:02x}{:02x}{:02x}{:02x}.{est}", h[0], h[1], h[2], h[3]);
            Risorsa { nome, url, mime, byte }
        };
        vec![
            una("foglio.css", "text/css; charset=utf-8", include_bytes!("risorse/foglio.css")),
            una("pagina.js", "text/javascript; charset=utf-8", include_bytes!("risorse/pagina.js")),
            una("icone.svg", "image/svg+xml", include_bytes!("risorse/icone.svg")),
            una("icona.svg", "image/svg+xml", include_bytes!("risorse/icona.svg")),
        ]
    })
}

/// Address of a file by its name.
pub fn url(nome: &str) -> &'static str {
    tutte().iter().find(|r| r.nome == nome).map_or("", |r| r.url.as_str())
}

/// `GET /risorse/{nome}`.
pub async fn servi(Path(nome): Path<String>, h: HeaderMap) -> Response {
    let Some(r) = tutte().iter().find(|r| r.url.strip_prefix("/risorse/") == Some(nome.as_str())) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let etag = format!("\"{nome}\"");
    if h.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()) == Some(etag.as_str()) {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    let capi = [
        (header::CONTENT_TYPE, r.mime),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::ETAG, etag.as_str()),
    ];
    (capi, r.byte).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_named_by_a_page_is_there() {
        for nome in ["foglio.css", "pagina.js", "icone.svg", "icona.svg"] {
            assert!(url(nome).starts_with("/risorse/"), "{nome}");
        }
        assert_eq!(url("altro.css"), "");
    }

    #[test]
    fn a_first_load_is_light() {
        // Design § 8: under 150 KB compressed; these are not even compressed.
        assert!(tutte().iter().map(|r| r.byte.len()).sum::<usize>() < 60_000);
    }
}
