//! Values: names of algorithms, texts, times, small numbers.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Elemento, Errore, Esito, avvolgi, tag};

/// Bytes of an OBJECT IDENTIFIER.
const OID_BYTE_MAX: usize = 64;

/// An OBJECT IDENTIFIER in dotted form.
///
/// # Errors
/// Not an OBJECT IDENTIFIER.
pub fn oid(e: &Elemento) -> Esito<String> {
    e.atteso(tag::OID)?;
    if e.contenuto.len() > OID_BYTE_MAX {
        return Err(Errore::Limite("OID"));
    }
    let mut s = String::new();
    let mut n = 0u64;
    let mut primo = true;
    for (i, &c) in e.contenuto.iter().enumerate() {
        if n >> 57 != 0 {
            return Err(Errore::Valore("OID"));
        }
        n = n << 7 | u64::from(c & 0x7f);
        if c & 0x80 != 0 {
            if i + 1 == e.contenuto.len() {
                return Err(Errore::Troncato);
            }
            continue;
        }
        if primo {
            let alto = (n / 40).min(2);
            let _ = write!(s, "{alto}.{}", n - alto * 40);
            primo = false;
        } else {
            let _ = write!(s, ".{n}");
        }
        n = 0;
    }
    if primo { Err(Errore::Valore("OID")) } else { Ok(s) }
}

/// An OBJECT IDENTIFIER from its dotted form, which is a constant of ours or was looked at before.
pub fn oid_in_der(puntato: &str) -> Vec<u8> {
    let numeri: Vec<u64> = puntato.split('.').filter_map(|n| n.parse().ok()).collect();
    debug_assert!(numeri.len() >= 2 && numeri.len() == puntato.split('.').count(), "{puntato}");
    let mut v = Vec::with_capacity(12);
    let primi = numeri.first().map_or(0, |a| a * 40) + numeri.get(1).copied().unwrap_or(0);
    for n in std::iter::once(primi).chain(numeri.iter().skip(2).copied()) {
        let settine = (64 - n.leading_zeros()).div_ceil(7).max(1);
        for i in (0..settine).rev() {
            v.push((n >> (7 * i)) as u8 & 0x7f | if i > 0 { 0x80 } else { 0 });
        }
    }
    avvolgi(tag::OID, &v)
}

/// The text of a string of whichever type.
pub fn testo(e: &Elemento) -> Option<String> {
    match e.tag {
        0x0c | 0x12 | 0x13 | 0x16 | 0x1a => match std::str::from_utf8(e.contenuto) {
            Ok(s) => Some(s.to_owned()),
            // Latin letters in a string that should not hold them.
            Err(_) => Some(e.contenuto.iter().map(|&c| char::from(c)).collect()),
        },
        // Teletex, in practice Latin 1.
        0x14 => Some(match std::str::from_utf8(e.contenuto) {
            Ok(s) => s.to_owned(),
            Err(_) => e.contenuto.iter().map(|&c| char::from(c)).collect(),
        }),
        0x1e => {
            let unita = e.contenuto.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]]));
            Some(char::decode_utf16(unita).map(|c| c.unwrap_or('\u{fffd}')).collect())
        }
        _ => None,
    }
}

/// A number that fits in 64 bits.
///
/// # Errors
/// Not an INTEGER or ENUMERATED, or negative, or too big.
pub fn intero_piccolo(e: &Elemento) -> Esito<u64> {
    if e.tag != tag::INTEGER && e.tag != tag::ENUMERATED && e.tag != tag::contesto_primitivo(0) {
        return Err(Errore::Tag { atteso: tag::INTEGER, trovato: e.tag });
    }
    match e.contenuto {
        [] => Err(Errore::Troncato),
        [c, ..] if c & 0x80 != 0 => Err(Errore::Valore("numero negativo")),
        c => {
            let utili = senza_zeri(c);
            if utili.len() > 8 {
                return Err(Errore::Valore("numero grande"));
            }
            Ok(utili.iter().fold(0, |n, &c| n << 8 | u64::from(c)))
        }
    }
}

/// A number without the zeros before it.
pub fn senza_zeri(numero: &[u8]) -> &[u8] {
    &numero[numero.iter().take_while(|&&c| c == 0).count()..]
}

/// UTCTime or GeneralizedTime.
///
/// # Errors
/// Another type, or not a time.
pub fn istante(e: &Elemento) -> Esito<Timestamp> {
    const MALE: Errore = Errore::Valore("data");
    let s = std::str::from_utf8(e.contenuto).map_err(|_| MALE)?;
    let (anno, resto) = match e.tag {
        tag::UTC_TIME => {
            let a: i16 = s.get(..2).and_then(|a| a.parse().ok()).ok_or(MALE)?;
            (if a < 50 { 2000 + a } else { 1900 + a }, &s[2..])
        }
        tag::GENERALIZED_TIME => (s.get(..4).and_then(|a| a.parse().ok()).ok_or(MALE)?, &s[4..]),
        trovato => return Err(Errore::Tag { atteso: tag::GENERALIZED_TIME, trovato }),
    };
    let due = |i: usize| resto.get(i..i + 2).and_then(|d| d.parse::<i8>().ok());
    let (mese, giorno, ora, minuto) =
        (due(0).ok_or(MALE)?, due(2).ok_or(MALE)?, due(4).ok_or(MALE)?, due(6).ok_or(MALE)?);
    let (secondo, coda) = match due(8) {
        Some(s) => (s, resto.get(10..).ok_or(MALE)?),
        None => (0, resto.get(8..).ok_or(MALE)?),
    };
    let (frazione, zona) = match coda.strip_prefix(['.', ',']) {
        Some(f) => {
            let cifre = f.len() - f.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            (&f[..cifre.min(9)], &f[cifre..])
        }
        None => ("", coda),
    };
    let nanosecondi = format!("{frazione:0<9}").parse::<i32>().map_err(|_| MALE)?;
    let scarto = match zona.as_bytes() {
        b"Z" | b"" => 0,
        [segno @ (b'+' | b'-'), cifre @ ..] if cifre.len() == 4 && cifre.iter().all(u8::is_ascii_digit) => {
            let n: i32 = zona[1..].parse().map_err(|_| MALE)?;
            let secondi = n / 100 * 3600 + n % 100 * 60;
            if *segno == b'-' { -secondi } else { secondi }
        }
        _ => return Err(MALE),
    };
    let civile =
        jiff::civil::DateTime::new(anno, mese, giorno, ora, minuto, secondo.min(59), nanosecondi).map_err(|_| MALE)?;
    let zona = jiff::tz::Offset::from_seconds(scarto).map_err(|_| MALE)?;
    zona.to_timestamp(civile).map_err(|_| MALE)
}

#[cfg(test)]
mod prove {
    use super::super::{Lettore, avvolgi};
    use super::*;

    fn letto(tag: u8, s: &str) -> Option<String> {
        let b = avvolgi(tag, s.as_bytes());
        istante(&Lettore::nuovo(&b).leggi().unwrap()).ok().map(|t| t.to_string())
    }

    #[test]
    fn numbers_and_names_have_their_bounds() {
        let numero = |c: &[u8]| intero_piccolo(&Lettore::solo(&avvolgi(tag::INTEGER, c), tag::INTEGER).unwrap());
        assert_eq!(numero(&[&[0][..], &[0xff; 8]].concat()).unwrap(), u64::MAX);
        for male in [&[][..], &[0x80], &[0, 1, 0, 0, 0, 0, 0, 0, 0, 0]] {
            assert!(numero(male).is_err(), "{male:02x?}");
        }
        let nome = |n: usize| oid(&Lettore::solo(&avvolgi(tag::OID, &vec![1; n]), tag::OID).unwrap());
        assert!(nome(OID_BYTE_MAX).is_ok());
        assert_eq!(nome(OID_BYTE_MAX + 1).unwrap_err(), Errore::Limite("OID"));
    }

    #[test]
    fn times_are_read_in_the_forms_met() {
        assert_eq!(letto(0x17, "991231235959Z").unwrap(), "1999-12-31T23:59:59Z");
        assert_eq!(letto(0x17, "2501010101Z").unwrap(), "2025-01-01T01:01:00Z");
        assert_eq!(letto(0x18, "20250101010203.25Z").unwrap(), "2025-01-01T01:02:03.25Z");
        assert_eq!(letto(0x18, "20250101010203+0200").unwrap(), "2024-12-31T23:02:03Z");
        for male in ["20251301010203Z", "2025", "20250101010203X", "à0250101010203Z"] {
            assert_eq!(letto(0x18, male), None, "{male}");
        }
    }
}
