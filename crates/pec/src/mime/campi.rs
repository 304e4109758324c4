//! The fields of a header, one by one; their values are read by `mail-parser`, each of them short enough to cost little.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;
use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use crate::rilievo::{Codice, Rilievi};

/// Bytes of a field whose parameters are read.
pub(super) const PARAMETRI_MAX: usize = 8 << 10;
/// Bytes of any other field that is read.
pub(super) const CAMPO_MAX: usize = 256 << 10;

/// A field, as received.
#[derive(Debug, Clone, Copy)]
pub(super) struct Campo<'h> {
    pub(super) nome: &'h str,
    /// Folded lines and all, with the last line break.
    valore: &'h str,
}

/// A header in UTF-8: what is not, is Latin as of old.
pub(super) fn testo<'h>(testata: &'h [u8], rilievi: &mut Rilievi) -> Cow<'h, str> {
    match std::str::from_utf8(testata) {
        Ok(t) => Cow::Borrowed(t),
        Err(_) => {
            rilievi.aggiungi(Codice::Codifica, "intestazioni con byte né ASCII né UTF-8: lette come ISO-8859-1");
            WINDOWS_1252.decode_without_bom_handling(testata).0
        }
    }
}

/// The fields of a header, in order; lines that are none are stepped over.
pub(super) fn campi(testata: &str) -> impl Iterator<Item = Campo<'_>> {
    let mut resto = testata;
    std::iter::from_fn(move || {
        loop {
            if resto.is_empty() {
                return None;
            }
            let mut fine = riga(resto);
            while resto[fine..].starts_with([' ', '\t']) {
                fine += riga(&resto[fine..]);
            }
            let (campo, dopo) = resto.split_at(fine);
            resto = dopo;
            if let Some((nome, valore)) = campo.split_once(':') {
                let nome = nome.trim();
                if !nome.is_empty() && !nome.contains(|c: char| c.is_whitespace() || c.is_control()) {
                    return Some(Campo { nome, valore });
                }
            }
        }
    })
}

fn riga(t: &str) -> usize {
    memchr::memchr(b'\n', t.as_bytes()).map_or(t.len(), |i| i + 1)
}

impl<'h> Campo<'h> {
    pub(super) fn e(&self, nome: &str) -> bool {
        self.nome.eq_ignore_ascii_case(nome)
    }

    /// The value on one line, as it is.
    pub(super) fn grezzo(&self) -> String {
        let mut v = String::new();
        for riga in self.entro(CAMPO_MAX).lines() {
            let riga = riga.trim();
            if !v.is_empty() && !riga.is_empty() {
                v.push(' ');
            }
            v.push_str(riga);
        }
        v
    }

    /// Type with its parameters.
    pub(super) fn con_parametri(&self, rilievi: &mut Rilievi) -> Option<mail_parser::ContentType<'h>> {
        if self.valore.len() > PARAMETRI_MAX {
            rilievi.aggiungi(Codice::Limite, format!("campo {} oltre {PARAMETRI_MAX} byte: letto in parte", self.nome));
        }
        match MessageStream::new(self.entro(PARAMETRI_MAX).as_bytes()).parse_content_type() {
            HeaderValue::ContentType(c) => Some(c),
            _ => None,
        }
    }

    /// Words, decoded.
    pub(super) fn parole(&self) -> Option<String> {
        match MessageStream::new(self.entro(CAMPO_MAX).as_bytes()).parse_unstructured() {
            HeaderValue::Text(t) => Some(t.into_owned()),
            _ => None,
        }
    }

    /// Names and addresses, in order.
    pub(super) fn indirizzi(&self) -> Vec<super::Indirizzo> {
        let HeaderValue::Address(a) = MessageStream::new(self.entro(CAMPO_MAX).as_bytes()).parse_address() else {
            return Vec::new();
        };
        let uno = |a: &mail_parser::Addr<'_>| {
            let indirizzo = a.address.as_deref()?.trim().to_owned();
            Some(super::Indirizzo { nome: a.name.as_deref().map(str::to_owned), indirizzo })
        };
        a.iter().filter_map(uno).collect()
    }

    /// RFC 5322 date.
    pub(super) fn data(&self) -> Option<crate::Data> {
        let HeaderValue::DateTime(d) = MessageStream::new(self.entro(PARAMETRI_MAX).as_bytes()).parse_date() else {
            return None;
        };
        if !d.is_valid() {
            return None;
        }
        let segno = if d.tz_before_gmt { -1 } else { 1 };
        let secondi = segno * (i32::from(d.tz_hour) * 3600 + i32::from(d.tz_minute) * 60);
        let zona = jiff::tz::Offset::from_seconds(secondi).ok()?;
        let istante = jiff::Timestamp::from_second(d.to_timestamp()).ok()?;
        Some(crate::Data { istante, zona })
    }

    fn entro(&self, max: usize) -> &'h str {
        &self.valore[..self.valore.floor_char_boundary(max)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart_and_unfolded() {
        let t = "A: uno\r\n due\r\nnon un campo\r\nB:\tx\nC D: no\r\n: no\r\nE:\r\n\r\n";
        let visti: Vec<_> = campi(t).map(|c| (c.nome.to_owned(), c.grezzo())).collect();
        assert_eq!(visti, [("A".into(), "uno due".into()), ("B".into(), "x".into()), ("E".into(), String::new())]);
    }

    #[test]
    fn names_are_decoded_both_ways() {
        for (valore, atteso) in [
            ("attachment; filename=\"a b.pdf\"", "a b.pdf"),
            ("attachment; filename=\"=?utf-8?Q?citt=C3=A0.pdf?=\"", "città.pdf"),
            ("attachment; filename*=UTF-8''citt%C3%A0.pdf", "città.pdf"),
            ("attachment; filename*0*=iso-8859-1''citt%E0; filename*1=\".pdf\"", "città.pdf"),
            ("attachment;\r\n filename*0=\"lun\";\r\n filename*1=\"go.pdf\"", "lungo.pdf"),
        ] {
            let t = format!("Content-Disposition: {valore}\r\n\r\n");
            let c = campi(&t).next().unwrap();
            let p = c.con_parametri(&mut Rilievi::default()).unwrap();
            let nome = super::super::passo::nome(&p, "filename").unwrap();
            assert_eq!(nome, atteso, "{valore}");
        }
    }

    #[test]
    fn dates_keep_their_zone() {
        let d = |v: &str| campi(&format!("Date: {v}\r\n")).next().unwrap().data().map(|d| d.to_string());
        assert_eq!(d("Fri, 15 Nov 2024 18:20:38 +0100").unwrap(), "2024-11-15T18:20:38+01:00");
        assert_eq!(d("15 Nov 2024 18:20:38 -0330").unwrap(), "2024-11-15T18:20:38-03:30");
        assert_eq!(d("ieri"), None);
        assert_eq!(d("Fri, 45 Nov 2024 18:20:38 +0100"), None);
    }
}
