//! M7M: a MIME message of two parts, a p7m and its timestamp, as Italian signing programs made them (R-H09).
//!
//! Headers tell lies: parts said to be binary are in base64. What a part is, its bytes say.

use crate::asn1::Lettore;
use crate::cms::{Busta, nomi};
use crate::esame::{Bilancio, Esame, Firma, Formato, Livello};
use crate::impronte::Coperto;
use crate::involucro::{scopri, trova};
use crate::marca;

/// Bytes of the headers of the message, or of a part.
const TESTATE_MAX: usize = 16 << 10;
/// Parts of one message.
const PARTI_MAX: usize = 16;

/// Whether it begins like a MIME message of several parts.
pub(crate) fn sembra(byte: &[u8]) -> bool {
    confine(byte).is_some()
}

/// The headers, and the rest.
fn testate(byte: &[u8]) -> Option<(String, &[u8])> {
    let testa = &byte[..byte.len().min(TESTATE_MAX)];
    let (fine, salto) = match (trova(testa, b"\r\n\r\n"), trova(testa, b"\n\n")) {
        (Some(a), b) if b.is_none_or(|b| a < b) => (a, 4),
        (_, Some(b)) => (b, 2),
        _ => return None,
    };
    let testo = std::str::from_utf8(&byte[..fine]).ok()?;
    // Continued lines are joined.
    Some((testo.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " "), &byte[fine + salto..]))
}

fn testata<'t>(testo: &'t str, nome: &str) -> Option<&'t str> {
    testo
        .lines()
        .find_map(|r| r.split_once(':').filter(|(n, _)| n.trim().eq_ignore_ascii_case(nome)).map(|(_, v)| v.trim()))
}

/// The boundary, and what comes after the headers.
fn confine(byte: &[u8]) -> Option<(String, &[u8])> {
    if !byte.first()?.is_ascii_alphabetic() {
        return None;
    }
    let (testo, corpo) = testate(byte)?;
    let tipo = testata(&testo, "Content-Type")?;
    if !tipo.to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    let dopo = &tipo[tipo.to_ascii_lowercase().find("boundary=")? + 9..];
    let confine = match dopo.strip_prefix('"') {
        Some(d) => d.split('"').next()?,
        None => d_fino(dopo),
    };
    (!confine.is_empty() && confine.len() <= 200).then(|| (confine.to_owned(), corpo))
}

fn d_fino(s: &str) -> &str {
    s.split([';', ' ']).next().unwrap_or(s)
}

/// The bodies of the parts, without what stands around them.
fn parti<'b>(corpo: &'b [u8], confine: &str) -> Vec<&'b [u8]> {
    let segno = format!("--{confine}");
    let mut v = Vec::new();
    let Some(primo) = trova(corpo, segno.as_bytes()) else { return v };
    let mut resto = &corpo[primo + segno.len()..];
    while !resto.starts_with(b"--") && v.len() < PARTI_MAX {
        let (pezzo, dopo) = match trova(resto, segno.as_bytes()) {
            Some(i) => (&resto[..i], &resto[i + segno.len()..]),
            None => (resto, &b"--"[..]),
        };
        let pezzo = pezzo.strip_prefix(b"\r\n").or_else(|| pezzo.strip_prefix(b"\n")).unwrap_or(pezzo);
        if let Some((_, corpo)) = testate(pezzo) {
            v.push(corpo.strip_suffix(b"\r\n").or_else(|| corpo.strip_suffix(b"\n")).unwrap_or(corpo));
        }
        resto = dopo;
    }
    v
}

/// Of a MIME message; none when there is no signature in it.
pub(crate) fn esamina(byte: &[u8], qui: &Livello, bilancio: &mut Bilancio) -> Option<Esame> {
    let (confine, corpo) = confine(byte)?;
    let mut e = Esame { formato: Some(Formato::M7m), ..Esame::default() };
    let mut firmato: Option<(&[u8], Vec<u8>)> = None;
    let mut marche = Vec::new();
    for p in parti(corpo, &confine) {
        let Some(der) = scopri(p) else { continue };
        match tipo(&der).as_deref() {
            Some(nomi::TST_INFO) => marche.push(der.into_owned()),
            Some(_) if firmato.is_none() => firmato = Some((p, der.into_owned())),
            _ => {}
        }
    }
    let Some((parte, firmato)) = firmato else {
        return (!marche.is_empty())
            .then(|| Esame { formato: e.formato, ..Esame::rifiutato("M7M senza busta firmata".into()) });
    };
    if marche.is_empty() {
        e.errore = Some("M7M senza marca temporale".into());
    }
    let mut coperto = Coperto::nuovo(vec![&firmato]);
    for m in &marche {
        if let Err(perche) = bilancio.firma() {
            e.errore = Some(perche);
            break;
        }
        let busta = Busta::leggi(m).map_err(|e| e.to_string()).or_else(|e| marca::da_risposta(m).unwrap_or(Err(e)));
        e.firme.push(match busta {
            Ok(b) => {
                // The timestamp is of the envelope, or of the part as it travels (base64 and all).
                let f = marca::firma(&b, Some(&mut coperto), qui.contesto);
                match marca::firma(&b, Some(&mut Coperto::nuovo(vec![parte])), qui.contesto) {
                    altra if !f.integra && altra.integra => altra,
                    _ => f,
                }
            }
            Err(perche) => Firma::illeggibile(perche),
        });
    }
    e.contenuto = Some(bilancio.contenuto(&mut coperto));
    e.buste = qui.dentro(&firmato, &e.firme, bilancio);
    Some(e)
}

/// The type of what a CMS (or an answer with a token) holds.
fn tipo(der: &[u8]) -> Option<String> {
    match Busta::leggi(der) {
        Ok(b) => Some(b.tipo),
        Err(_) if marca::da_risposta(der).is_some() => Some(nomi::TST_INFO.to_owned()),
        Err(_) => Lettore::nuovo(der).leggi().ok().map(|_| String::new()),
    }
}
