//! From bytes to text: byte order mark, then the XML declaration, then valid UTF-8, then the Latin alphabet of old.
//!
//! Old segnature are in ISO-8859-1, and some say UTF-8 without being it (R-C15). What enters: bytes of any kind. What
//! leaves: text, and what was wrong. Nothing is refused here.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use crate::rilievo::{Codice, Rilievi};

/// How far an XML declaration may reach.
const DICHIARAZIONE_MAX: usize = 256;

/// Text of a document. A wrong or missing declaration is a finding, and the text is read all the same.
pub(crate) fn decodifica(byte: &[u8], rilievi: &mut Rilievi) -> String {
    if let Some((codifica, marca)) = Encoding::for_bom(byte) {
        return con(codifica, &byte[marca..], rilievi);
    }
    match byte {
        [b'<', 0, ..] => return con(UTF_16LE, byte, rilievi),
        [0, b'<', ..] => return con(UTF_16BE, byte, rilievi),
        _ => {}
    }
    let Some(etichetta) = dichiarata(byte) else {
        return match std::str::from_utf8(byte) {
            Ok(testo) => testo.to_owned(),
            Err(_) => {
                rilievi.generale(
                    Codice::Codifica,
                    "la dichiarazione XML non dice la codifica e i byte non sono UTF-8: letti come ISO-8859-1",
                );
                con(WINDOWS_1252, byte, rilievi)
            }
        };
    };
    match Encoding::for_label(etichetta) {
        // Bytes that can be read as ASCII are not UTF-16, whatever they say.
        Some(codifica) if codifica != UTF_16LE && codifica != UTF_16BE => con(codifica, byte, rilievi),
        _ => {
            rilievi.generale(
                Codice::Codifica,
                format!("codifica dichiarata non utilizzabile: «{}»", String::from_utf8_lossy(etichetta)),
            );
            con(if std::str::from_utf8(byte).is_ok() { UTF_8 } else { WINDOWS_1252 }, byte, rilievi)
        }
    }
}

fn con(codifica: &'static Encoding, byte: &[u8], rilievi: &mut Rilievi) -> String {
    let (testo, guasti) = codifica.decode_without_bom_handling(byte);
    if !guasti {
        return testo.into_owned();
    }
    rilievi.generale(Codice::Codifica, format!("i byte non sono {}, come invece dichiarato", codifica.name()));
    if codifica == UTF_8 { WINDOWS_1252.decode_without_bom_handling(byte).0.into_owned() } else { testo.into_owned() }
}

/// The label in `<?xml … encoding="…"?>`.
fn dichiarata(byte: &[u8]) -> Option<&[u8]> {
    let resto = byte.strip_prefix(b"<?xml")?;
    let resto = &resto[..resto.len().min(DICHIARAZIONE_MAX)];
    let fine = resto.windows(2).position(|d| d == b"?>")?;
    let resto = &resto[..fine];
    let inizio = resto.windows(8).position(|d| d == b"encoding")? + 8;
    let resto = resto[inizio..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let (&apice, resto) = resto.split_first()?;
    if apice != b'"' && apice != b'\'' {
        return None;
    }
    resto.split(|b| *b == apice).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letto(byte: &[u8]) -> (String, usize) {
        let mut rilievi = Rilievi::default();
        let testo = decodifica(byte, &mut rilievi);
        (testo, rilievi.tutti().len())
    }

    /// R-C15: what old peers send is read.
    #[test]
    fn the_declaration_decides_and_a_mark_before_it_even_more() {
        let (testo, rilievi) = letto(b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>citt\xe0</a>");
        assert!(testo.ends_with("<a>città</a>") && rilievi == 0);
        let (testo, rilievi) = letto(b"\xef\xbb\xbf<?xml version='1.0' encoding = 'iso-8859-1'?><a>citt\xc3\xa0</a>");
        assert!(testo.starts_with("<?xml") && testo.ends_with("<a>città</a>") && rilievi == 0);
        assert_eq!(letto("<a>città</a>".as_bytes()), ("<a>città</a>".to_owned(), 0));
    }

    #[test]
    fn utf_16_is_read_with_and_without_a_mark() {
        for (marca, grande) in [(true, true), (true, false), (false, true), (false, false)] {
            let testo = if marca { "\u{feff}<a>città</a>" } else { "<a>città</a>" };
            let byte: Vec<u8> =
                testo.encode_utf16().flat_map(|u| if grande { u.to_be_bytes() } else { u.to_le_bytes() }).collect();
            assert_eq!(letto(&byte), ("<a>città</a>".to_owned(), 0), "{marca} {grande}");
        }
    }

    #[test]
    fn what_is_declared_wrongly_is_read_and_said() {
        assert_eq!(letto(b"<a>citt\xe0</a>"), ("<a>città</a>".to_owned(), 1));
        let (testo, rilievi) = letto(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><a>citt\xe0</a>");
        assert!(testo.ends_with("<a>città</a>") && rilievi == 1);
        for etichetta in ["klingon", "UTF-16", ""] {
            let (testo, rilievi) =
                letto(format!("<?xml version=\"1.0\" encoding=\"{etichetta}\"?><a>città</a>").as_bytes());
            assert!(testo.ends_with("<a>città</a>") && rilievi == 1, "{etichetta}");
        }
    }
}
