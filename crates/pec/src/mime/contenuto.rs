//! What a part holds, decoded as it is read: a piece at a time, so that a big file is never twice in memory.

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest as _, Sha256};

use crate::rilievo::{Codice, Rilievi, corto};

/// As senders write it.
const LENIENTE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);
/// Characters of base64 decoded in one go; a multiple of four.
const PEZZO: usize = 8192;

/// How a part is encoded (RFC 2045 § 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Codifica {
    /// 7bit, 8bit, binary, or nothing said.
    #[default]
    Nessuna,
    /// base64.
    Base64,
    /// quoted-printable.
    QuotedPrintable,
}

impl Codifica {
    /// By its name. An unknown one leaves the bytes as they are, and is said.
    pub(super) fn da(nome: &str, rilievi: &mut Rilievi) -> Self {
        match nome.to_ascii_lowercase().as_str() {
            "base64" => Self::Base64,
            "quoted-printable" => Self::QuotedPrintable,
            "7bit" | "8bit" | "binary" | "" => Self::Nessuna,
            _ => {
                let messaggio = format!("codifica di trasferimento sconosciuta: «{}»", corto(nome));
                rilievi.aggiungi(Codice::Codifica, messaggio);
                Self::Nessuna
            }
        }
    }
}

/// Size and SHA-256 of a content, once decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misura {
    /// Bytes.
    pub byte: u64,
    /// SHA-256.
    pub impronta: [u8; 32],
}

/// The content of a part.
#[derive(Debug, Clone, Copy)]
pub struct Contenuto<'m> {
    corpo: &'m [u8],
    codifica: Codifica,
}

impl<'m> Contenuto<'m> {
    pub(super) fn nuovo(corpo: &'m [u8], codifica: Codifica) -> Self {
        Self { corpo, codifica }
    }

    /// The bytes themselves, when they are not encoded.
    pub fn nudo(&self) -> Option<&'m [u8]> {
        (self.codifica == Codifica::Nessuna).then_some(self.corpo)
    }

    /// All of it; not copied when it is not encoded.
    pub fn byte(&self) -> Cow<'m, [u8]> {
        match self.nudo() {
            Some(b) => Cow::Borrowed(b),
            None => Cow::Owned(self.inizio(usize::MAX)),
        }
    }

    /// At most its first bytes: no more than that is decoded.
    pub fn inizio(&self, quanti: usize) -> Vec<u8> {
        let mut v = Vec::new();
        self.a_pezzi(&mut |pezzo| {
            v.extend_from_slice(&pezzo[..pezzo.len().min(quanti - v.len())]);
            v.len() < quanti
        });
        v
    }

    /// Writes it somewhere, a piece at a time; how many bytes.
    ///
    /// # Errors
    /// Those of `dove`.
    pub fn scrivi(&self, dove: &mut impl Write) -> io::Result<u64> {
        let (mut scritti, mut esito) = (0, Ok(()));
        self.a_pezzi(&mut |pezzo| {
            esito = dove.write_all(pezzo);
            scritti += pezzo.len() as u64;
            esito.is_ok()
        });
        esito.map(|()| scritti)
    }

    /// Its size and its digest.
    pub fn misura(&self) -> Misura {
        let (mut byte, mut sha) = (0, Sha256::new());
        self.a_pezzi(&mut |pezzo| {
            byte += pezzo.len() as u64;
            sha.update(pezzo);
            true
        });
        Misura { byte, impronta: sha.finalize().into() }
    }

    /// Gives it piece by piece, until who takes it has enough.
    fn a_pezzi(&self, prendi: &mut dyn FnMut(&[u8]) -> bool) {
        match self.codifica {
            Codifica::Nessuna => {
                prendi(self.corpo);
            }
            Codifica::Base64 => base64(self.corpo, prendi),
            Codifica::QuotedPrintable => quoted_printable(self.corpo, prendi),
        }
    }
}

/// Whatever is not of the alphabet is stepped over (RFC 2045 § 6.8); padding ends a group, and more may follow.
fn base64(corpo: &[u8], prendi: &mut dyn FnMut(&[u8]) -> bool) {
    let mut gruppo = Vec::with_capacity(PEZZO);
    let mut uscita = Vec::with_capacity(PEZZO);
    let mut svuota = |gruppo: &mut Vec<u8>| {
        // One character left alone is no byte.
        if gruppo.len() % 4 == 1 {
            gruppo.pop();
        }
        uscita.clear();
        // Only characters of the alphabet are here, in groups: it cannot fail.
        let _ = LENIENTE.decode_vec(&*gruppo, &mut uscita);
        gruppo.clear();
        uscita.is_empty() || prendi(&uscita)
    };
    for c in corpo {
        let pieno = match c {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                gruppo.push(*c);
                gruppo.len() == PEZZO
            }
            b'=' => true,
            _ => false,
        };
        if pieno && !svuota(&mut gruppo) {
            return;
        }
    }
    svuota(&mut gruppo);
}

/// What is not as it should be is left as it is; blanks at the end of a line were put by who carried it.
fn quoted_printable(corpo: &[u8], prendi: &mut dyn FnMut(&[u8]) -> bool) {
    let mut uscita = Vec::with_capacity(PEZZO);
    for riga in corpo.split_inclusive(|b| *b == b'\n') {
        let (testo, a_capo) = match riga {
            [t @ .., b'\r', b'\n'] => (t, &b"\r\n"[..]),
            [t @ .., b'\n'] => (t, &b"\n"[..]),
            t => (t, &b""[..]),
        };
        let testo = testo.trim_ascii_end();
        let mut i = 0;
        let mut continua = false;
        while let Some(&c) = testo.get(i) {
            i += 1;
            if c != b'=' {
                uscita.push(c);
            } else if i == testo.len() {
                continua = true;
            } else if let Some(v) = testo.get(i..i + 2).and_then(esadecimale) {
                uscita.push(v);
                i += 2;
            } else {
                uscita.push(c);
            }
            if uscita.len() >= PEZZO {
                if !prendi(&uscita) {
                    return;
                }
                uscita.clear();
            }
        }
        if !continua {
            uscita.extend_from_slice(a_capo);
        }
    }
    if !uscita.is_empty() {
        prendi(&uscita);
    }
}

fn esadecimale(due: &[u8]) -> Option<u8> {
    let cifra = |b: &u8| char::from(*b).to_digit(16);
    match due {
        [a, b] => u8::try_from(cifra(a)? * 16 + cifra(b)?).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letto(corpo: &str, codifica: Codifica) -> String {
        String::from_utf8(Contenuto::nuovo(corpo.as_bytes(), codifica).byte().into_owned()).unwrap()
    }

    #[test]
    fn base64_is_read_as_senders_write_it() {
        for (corpo, atteso) in [
            ("Y2l0dMOg", "città"),
            ("Y2l0\r\ndMOg\r\n", "città"),
            ("Y2k=Y2k=", "cici"),
            ("Y2k", "ci"),
            ("Y2k=\n!!Y", "ci"),
            ("", ""),
            ("====", ""),
        ] {
            assert_eq!(letto(corpo, Codifica::Base64), atteso, "{corpo}");
        }
    }

    #[test]
    fn quoted_printable_is_read_as_senders_write_it() {
        for (corpo, atteso) in [
            ("citt=C3=A0", "città"),
            ("a=\r\nb", "ab"),
            ("a= \t\nb", "ab"),
            ("a  \r\nb\n", "a\r\nb\n"),
            ("1=2=", "1=2"),
            ("=c3=a0", "à"),
        ] {
            assert_eq!(letto(corpo, Codifica::QuotedPrintable), atteso, "{corpo}");
        }
    }

    #[test]
    fn no_more_is_decoded_than_what_is_asked() {
        let tutto = vec![7u8; 100_000];
        let testo = base64::engine::general_purpose::STANDARD.encode(&tutto);
        let c = Contenuto::nuovo(testo.as_bytes(), Codifica::Base64);
        assert_eq!(c.inizio(10), [7; 10]);
        assert_eq!(c.inizio(0), [0u8; 0]);
        assert_eq!(c.misura().byte, 100_000);
        let mut scritto = Vec::new();
        assert_eq!(c.scrivi(&mut scritto).unwrap(), 100_000);
        assert!(scritto == tutto && *c.byte() == *tutto);
    }
}
