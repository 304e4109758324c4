//! From bytes to text, as XML 1.0 appendix F says: BOM, shape of the first bytes, declaration.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::{BYTE_MAX, Errore};

/// The text without its BOM; refused when a byte is not of the encoding.
pub(super) fn decodifica(byte: &[u8]) -> Result<Cow<'_, str>, Errore> {
    if byte.len() > BYTE_MAX {
        return Err(Errore::Limite("byte"));
    }
    if let Some((codifica, bom)) = Encoding::for_bom(byte) {
        return con(codifica, &byte[bom..]);
    }
    match byte {
        [b'<', 0, ..] => return con(UTF_16LE, byte),
        [0, b'<', ..] => return con(UTF_16BE, byte),
        _ => {}
    }
    let Some(nome) = dichiarata(byte) else { return con(UTF_8, byte) };
    match nome.to_ascii_lowercase().as_str() {
        // The web reads these as windows-1252; XML does not.
        "iso-8859-1" | "iso_8859-1" | "latin1" | "l1" => Ok(encoding_rs::mem::decode_latin1(byte)),
        "us-ascii" | "ascii" if !byte.is_ascii() => Err(Errore::Codifica("byte non ASCII".into())),
        "us-ascii" | "ascii" => con(UTF_8, byte),
        n if n.starts_with("utf-16") || n.starts_with("ucs-") || n.starts_with("utf-32") => {
            Err(Errore::Codifica(format!("dichiara {nome}, ma non lo è")))
        }
        n => match Encoding::for_label_no_replacement(n.as_bytes()) {
            Some(c) => con(c, byte),
            None => Err(Errore::Codifica(format!("«{nome}» sconosciuta"))),
        },
    }
}

fn con<'b>(codifica: &'static Encoding, byte: &'b [u8]) -> Result<Cow<'b, str>, Errore> {
    codifica
        .decode_without_bom_handling_and_without_replacement(byte)
        .ok_or_else(|| Errore::Codifica(format!("byte non validi in {}", codifica.name())))
}

/// `encoding` of the declaration, when there is one.
fn dichiarata(byte: &[u8]) -> Option<&str> {
    let testa = byte.strip_prefix(b"<?xml")?;
    let testa = &testa[..testa.len().min(200)];
    let fine = testa.windows(2).position(|w| w == b"?>")?;
    let testa = std::str::from_utf8(&testa[..fine]).ok()?;
    let dopo = testa.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let virgoletta = dopo.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    dopo[1..].split_once(virgoletta).map(|(nome, _)| nome.trim())
}

#[cfg(test)]
mod prove {
    use super::*;

    #[test]
    fn latin_1_is_not_windows_1252() {
        let t = decodifica(b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe0\x80</a>").unwrap();
        assert!(t.ends_with("<a>\u{e0}\u{80}</a>"));
    }

    #[test]
    fn utf_16_is_known_by_its_shape() {
        let le: Vec<u8> = "<a>è</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let be: Vec<u8> = "\u{feff}<a>è</a>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decodifica(&le).unwrap(), "<a>è</a>");
        assert_eq!(decodifica(&be).unwrap(), "<a>è</a>");
    }

    #[test]
    fn bytes_that_are_not_what_they_declare_are_refused() {
        for x in [
            &b"<a>\xe0</a>"[..],
            b"<?xml version='1.0' encoding='UTF-16'?><a/>",
            b"<?xml version='1.0' encoding='klingon'?><a/>",
            b"<?xml version='1.0' encoding='US-ASCII'?><a>\xe0</a>",
        ] {
            assert!(matches!(decodifica(x), Err(Errore::Codifica(_))), "{x:?}");
        }
    }
}
