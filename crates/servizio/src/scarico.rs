//! What leaves as a file: its name, and what is taken out of an envelope.

use crate::accesso::ritorno::codifica;
use crate::esami::Estratto;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

/// `Content-Disposition` with the name as given (RFC 6266, RFC 8187) and a plain one for old programs.
pub fn disposizione(nome: &str, in_pagina: bool) -> String {
    let piano: String = nome
        .chars()
        .map(|c| if c.is_ascii_graphic() && !"\"\\/%;".contains(c) || c == ' ' { c } else { '_' })
        .collect();
    let modo = if in_pagina { "inline" } else { "attachment" };
    format!("{modo}; filename=\"{piano}\"; filename*=UTF-8''{}", codifica(nome))
}

/// What an envelope has inside, whatever it is: always to be saved, and never run.
pub(crate) fn contenuto(che: Estratto, nome: &str, mime: &str) -> Response {
    let mut capi = HeaderMap::new();
    let mut metti = |quale, valore: &str| {
        if let Ok(v) = HeaderValue::from_str(valore) {
            capi.insert(quale, v);
        }
    };
    metti(header::CONTENT_TYPE, mime);
    metti(header::CONTENT_LENGTH, &che.lunghezza().to_string());
    metti(header::CONTENT_DISPOSITION, &disposizione(nome, false));
    metti(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox; frame-ancestors 'none'");
    metti(header::CACHE_CONTROL, "private, no-cache");
    metti(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    (capi, che.in_corpo()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_whole_and_safe() {
        let d = disposizione("è «a\"b»/../x\r\n.pdf", false);
        assert!(d.is_ascii() && !d.contains('\n'));
        assert!(d.contains("filename*=UTF-8''%C3%A8%20%C2%ABa%22b%C2%BB%2F..%2Fx%0D%0A.pdf"), "{d}");
    }

    #[test]
    fn names_of_files_stay_whole_and_harmless() {
        // R-H07
        assert_eq!(
            disposizione("../perché \"no\".pdf", false),
            "attachment; filename=\".._perch_ _no_.pdf\"; filename*=UTF-8''..%2Fperch%C3%A9%20%22no%22.pdf"
        );
        assert!(disposizione("a.pdf", true).starts_with("inline;"));
        assert!(!disposizione("a\r\nb", false).contains('\n'));
    }
}
