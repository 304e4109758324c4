//! Where to go after signing in: only to a path of ours (R-L01).

/// The path, when it is local: one slash, no scheme, no host, nothing a browser would read as one.
pub fn locale(dopo: &str) -> Option<&str> {
    let buono = dopo.starts_with('/')
        && dopo.len() <= 2_000
        && !dopo.starts_with("//")
        && dopo.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && !dopo.starts_with("/accedi")
        && !dopo.starts_with("/esci");
    buono.then_some(dopo)
}

/// `/accedi?dopo=…` for a path.
pub fn accedi(percorso: &str) -> String {
    match locale(percorso) {
        Some(p) if p != "/" => format!("/accedi?dopo={}", codifica(p)),
        _ => "/accedi".to_owned(),
    }
}

/// Percent-encodes a query value or a path segment.
pub fn codifica(testo: &str) -> String {
    let mut out = String::with_capacity(testo.len() + 8);
    for b in testo.bytes() {
        if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
            out.push(char::from(b));
        } else {
            out.push_str(&format!("%{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_local_paths_are_followed() {
        for buono in ["/", "/c_z999/AOO1/registro?q=a%20b", "/c_z999/AOO1/registrazioni/PG/2026/1"] {
            assert_eq!(locale(buono), Some(buono));
        }
        for male in [
            "",
            "https://male.it",
            "//male.it",
            "/\\male.it",
            "\\\\male.it",
            "javascript:alert(1)",
            "/a\r\nb",
            "/a b",
            "/accedi",
            "/esci",
        ] {
            assert_eq!(locale(male), None, "{male}");
        }
    }

    #[test]
    fn the_way_back_is_one_value() {
        assert_eq!(accedi("/c/A/registro?q=a&b=è"), "/accedi");
        assert_eq!(accedi("/c/A/registro?q=a&b=c"), "/accedi?dopo=%2Fc%2FA%2Fregistro%3Fq%3Da%26b%3Dc");
        assert_eq!(accedi("/"), "/accedi");
    }
}
