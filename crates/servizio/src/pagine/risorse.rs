//! Style, script, icons and fonts, built by `build.rs` and kept inside the binary. Names change with their content, so
//! browsers keep them for ever; nothing here is read from disk while the service runs.

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// A file as it is, and as it travels.
struct Voce {
    nome: &'static str,
    file: &'static str,
    url: &'static str,
    etag: &'static str,
    mime: &'static str,
    byte: &'static [u8],
    br: Option<&'static [u8]>,
    gz: Option<&'static [u8]>,
}

/// Fonts every page asks for at once, so that its text does not move when they come.
pub const FONT: [&str; 4] =
    ["titillium-web-regular.woff2", "titillium-web-600.woff2", "titillium-web-700.woff2", "roboto-mono-regular.woff2"];

include!(concat!(env!("OUT_DIR"), "/risorse.rs"));

/// Address of a file by its plain name: `app.css` gives `/risorse/app.<hash>.css`; blank when there is none.
pub fn url(nome: &str) -> &'static str {
    RISORSE.iter().find(|r| r.nome == nome).map_or("", |r| r.url)
}

/// `GET /risorse/{nome}`.
pub async fn servi(Path(nome): Path<String>, h: HeaderMap) -> Response {
    let Some(r) = RISORSE.iter().find(|r| r.file == nome) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let intestazione = |nome| h.get(nome).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let capi = [
        (header::CONTENT_TYPE, r.mime),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::ETAG, r.etag),
        (header::VARY, "Accept-Encoding"),
    ];
    if intestazione(header::IF_NONE_MATCH) == r.etag {
        return (StatusCode::NOT_MODIFIED, capi).into_response();
    }
    match come(r, intestazione(header::ACCEPT_ENCODING)) {
        (byte, Some(codifica)) => (capi, [(header::CONTENT_ENCODING, codifica)], byte).into_response(),
        (byte, None) => (capi, byte).into_response(),
    }
}

/// The form the browser asks for: brotli, then gzip, then plain.
fn come(r: &Voce, accetta: &str) -> (&'static [u8], Option<&'static str>) {
    let vuole = |quale: &str| {
        accetta.split(',').any(|parte| {
            let (codifica, parametri) = parte.split_once(';').unwrap_or((parte, ""));
            let mai = parametri.trim().strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
            codifica.trim() == quale && !mai
        })
    };
    match (r.br, r.gz) {
        (Some(br), _) if vuole("br") => (br, Some("br")),
        (_, Some(gz)) if vuole("gzip") => (gz, Some("gzip")),
        _ => (r.byte, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_named_by_a_page_is_there() {
        for nome in ["app.css", "app.js", "tema.js", "icone.svg", "favicon.svg"] {
            let r = RISORSE.iter().find(|r| r.nome == nome).unwrap();
            assert_eq!(url(nome), r.url);
            assert_ne!(r.file, nome, "the name carries a hash");
        }
        assert_eq!(url("altro.css"), "");
    }

    #[test]
    fn the_browser_chooses_how_a_file_travels() {
        let r = RISORSE.iter().find(|r| r.nome == "app.js").unwrap();
        for (accetta, atteso) in [
            ("gzip, deflate, br", Some("br")),
            ("gzip", Some("gzip")),
            ("br;q=0, gzip;q=0.5", Some("gzip")),
            ("br;q=0.000", None),
            ("identity", None),
            ("", None),
        ] {
            let (byte, codifica) = come(r, accetta);
            assert_eq!(codifica, atteso, "{accetta}");
            assert!(!byte.is_empty() && (codifica.is_none() || byte.len() < r.byte.len()));
        }
    }

    #[test]
    fn fonts_are_not_compressed_twice() {
        let font: Vec<_> = RISORSE.iter().filter(|r| r.mime == "font/woff2").collect();
        assert!(font.iter().all(|r| FONT.contains(&r.nome) && r.br.is_none() && r.gz.is_none()));
        assert_eq!(font.len(), FONT.len());
    }

    #[test]
    fn a_first_load_is_light() {
        // Design § 8: under 150 KB compressed, page included.
        let peso: usize = RISORSE.iter().map(|r| r.br.unwrap_or(r.byte).len()).sum();
        assert!(peso < 138_000, "{peso}");
    }
}
