//! Values: the built-in types that the schemas of the segnatura use, their patterns and enumerations.

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine as _, GeneralPurpose, GeneralPurposeConfig};

/// Built-in types of XML Schema, and of DTDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    /// `xs:string`, `xs:anySimpleType`, CDATA: anything.
    Stringa,
    Nmtoken,
    Data,
    Ora,
    Booleano,
    Base64,
    Uri,
    Intero,
    Id,
    Idref,
}

/// A simple type: base, patterns (all must match), enumeration (empty: none).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Semplice {
    pub(crate) base: Base,
    pub(crate) modelli: Vec<Modello>,
    pub(crate) valori: Vec<String>,
}

impl From<Base> for Semplice {
    fn from(base: Base) -> Self {
        Self { base, modelli: Vec::new(), valori: Vec::new() }
    }
}

impl Semplice {
    /// Why the value is not of this type.
    pub(crate) fn giudica(&self, valore: &str) -> Result<(), String> {
        let normale = self.base.normale(valore);
        let valore = normale.as_str();
        self.base.giudica(valore)?;
        if let Some(m) = self.modelli.iter().find(|m| !m.accetta(valore)) {
            return Err(format!("non è della forma {}", m.scritto));
        }
        if !self.valori.is_empty() && !self.valori.iter().any(|v| v == valore) {
            return Err(format!("non è uno di: {}", self.valori.join(", ")));
        }
        Ok(())
    }

    /// Whether two values are the same one: `1` is `true`.
    pub(crate) fn uguali(&self, a: &str, b: &str) -> bool {
        let (a, b) = (self.base.normale(a), self.base.normale(b));
        match self.base {
            Base::Booleano => matches!(a.as_str(), "1" | "true") == matches!(b.as_str(), "1" | "true"),
            _ => a == b,
        }
    }
}

impl Base {
    /// Blanks as the type wants them: strings keep theirs.
    pub(crate) fn normale(self, valore: &str) -> String {
        match self {
            Self::Stringa => valore.to_owned(),
            _ => valore.split([' ', '\t', '\n', '\r']).filter(|p| !p.is_empty()).collect::<Vec<_>>().join(" "),
        }
    }

    fn giudica(self, valore: &str) -> Result<(), String> {
        let (bene, che) = match self {
            Self::Stringa => (true, ""),
            Self::Nmtoken => (!valore.is_empty() && valore.chars().all(di_nome), "una parola (NMTOKEN)"),
            Self::Data => (data(valore), "una data aaaa-mm-gg"),
            Self::Ora => (ora(valore), "un'ora hh:mm:ss"),
            Self::Booleano => (matches!(valore, "true" | "false" | "1" | "0"), "true o false"),
            Self::Base64 => (base64(valore).is_some(), "base64"),
            Self::Uri => (uri(valore), "un indirizzo (URI)"),
            Self::Intero => (intero(valore), "un numero intero"),
            Self::Id | Self::Idref => (ncname(valore), "un nome (ID)"),
        };
        if bene { Ok(()) } else { Err(format!("non è {che}")) }
    }
}

/// Bytes of base64 text with blanks anywhere, as `xs:base64Binary` allows.
pub(crate) fn base64(valore: &str) -> Option<Vec<u8>> {
    // Bits left over in the last character must be zero, and the padding must be there: so says XML Schema.
    const MOTORE: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
    );
    let fitto: Vec<u8> = valore.bytes().filter(|b| !matches!(b, b' ' | b'\t' | b'\n' | b'\r')).collect();
    MOTORE.decode(fitto).ok()
}

/// XML 1.0, NameStartChar without the colon.
fn inizia_nome(c: char) -> bool {
    matches!(c, 'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

fn di_nome(c: char) -> bool {
    inizia_nome(c)
        || matches!(c, ':' | '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

fn ncname(valore: &str) -> bool {
    valore.chars().next().is_some_and(inizia_nome) && valore.chars().all(|c| c != ':' && di_nome(c))
}

fn intero(valore: &str) -> bool {
    let cifre = valore.strip_prefix(['+', '-']).unwrap_or(valore);
    !cifre.is_empty() && cifre.bytes().all(|b| b.is_ascii_digit())
}

/// Two digits, as a number.
fn coppia(valore: &str) -> Option<u32> {
    (valore.len() == 2 && valore.bytes().all(|b| b.is_ascii_digit())).then(|| valore.parse().ok())?
}

/// Takes `Z` or `±hh:mm` away from the end; `None` if what stands there is no time zone.
fn senza_fuso(valore: &str) -> Option<&str> {
    if let Some(resto) = valore.strip_suffix('Z') {
        return Some(resto);
    }
    let Some(taglio) = valore.len().checked_sub(6).filter(|t| valore.is_char_boundary(*t)) else {
        return Some(valore);
    };
    let (resto, fuso) = valore.split_at(taglio);
    let Some(ore) = fuso.strip_prefix(['+', '-']) else { return Some(valore) };
    match ore.split_once(':') {
        None => Some(valore),
        Some((ore, minuti)) => {
            let (ore, minuti) = (coppia(ore)?, coppia(minuti)?);
            (minuti < 60 && ore * 60 + minuti <= 14 * 60).then_some(resto)
        }
    }
}

fn data(valore: &str) -> bool {
    let Some(giorno) = senza_fuso(valore) else { return false };
    let positiva = giorno.strip_prefix('-').unwrap_or(giorno);
    let mut parti = positiva.splitn(3, '-');
    let (Some(anno), Some(mese), Some(giorno)) = (parti.next(), parti.next(), parti.next()) else { return false };
    if anno.len() < 4 || (anno.len() > 4 && anno.starts_with('0')) {
        return false;
    }
    // As many digits as one likes, in XML Schema; as many as a number has room for, here.
    let (true, Ok(numero)) = (anno.bytes().all(|b| b.is_ascii_digit()), anno.parse::<i64>()) else { return false };
    let (Some(mese), Some(giorno)) = (coppia(mese), coppia(giorno)) else { return false };
    let bisestile = numero % 4 == 0 && (numero % 100 != 0 || numero % 400 == 0);
    let giorni = match mese {
        2 => 28 + u32::from(bisestile),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    numero != 0 && (1..=giorni).contains(&giorno)
}

fn ora(valore: &str) -> bool {
    let Some(ora) = senza_fuso(valore) else { return false };
    let mut parti = ora.splitn(3, ':');
    let (Some(ore), Some(minuti), Some(secondi)) = (parti.next(), parti.next(), parti.next()) else { return false };
    let (intero, frazione) = secondi.split_once('.').unwrap_or((secondi, "0"));
    let (Some(ore), Some(minuti), Some(secondi)) = (coppia(ore), coppia(minuti), coppia(intero)) else { return false };
    let cifre = !frazione.is_empty() && frazione.bytes().all(|b| b.is_ascii_digit());
    let mezzanotte = ore == 24 && minuti == 0 && secondi == 0 && frazione.bytes().all(|b| b == b'0');
    cifre && (mezzanotte || (ore < 24 && minuti < 60 && secondi < 60))
}

/// `xs:anyURI`: almost anything, since characters that a URI may not hold are taken as escaped.
fn uri(valore: &str) -> bool {
    let byte = valore.as_bytes();
    let sequenze = byte
        .iter()
        .enumerate()
        .all(|(i, b)| *b != b'%' || (1..=2).all(|d| byte.get(i + d).is_some_and(u8::is_ascii_hexdigit)));
    let (senza_frammento, frammento) = valore.split_once('#').unwrap_or((valore, ""));
    // A first segment with a colon is a scheme, or nothing.
    let primo = senza_frammento.split(['/', '?']).next().unwrap_or("");
    let (schema, dopo) = match primo.split_once(':') {
        Some((s, _)) => (Some(s), &senza_frammento[s.len() + 1..]),
        None => (None, senza_frammento),
    };
    let schema = schema.is_none_or(|s| {
        s.starts_with(|c: char| c.is_ascii_alphabetic())
            && s.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    });
    let (autorita, cammino) = match dopo.strip_prefix("//") {
        Some(resto) => resto.split_at(resto.find(['/', '?']).unwrap_or(resto.len())),
        None => ("", dopo),
    };
    sequenze && schema && !frammento.contains('#') && !cammino.contains(['[', ']']) && self::autorita(autorita)
}

/// `[user@]host[:port]`; square brackets only around the whole host.
fn autorita(autorita: &str) -> bool {
    let ospite = autorita.rsplit_once('@').map_or(autorita, |(_, o)| o);
    let porta = match ospite.strip_prefix('[') {
        Some(dentro) => match dentro.split_once(']') {
            Some((_, "")) => return true,
            Some((_, dopo)) => dopo.strip_prefix(':'),
            None => None,
        },
        None => Some(ospite.split_once(':').map_or("", |(_, p)| p)),
    };
    porta.is_some_and(|p| p.len() < 9 && p.bytes().all(|b| b.is_ascii_digit()))
}

/// A pattern made of classes of characters and how many of each: all that these schemas use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Modello {
    scritto: String,
    pezzi: Vec<Pezzo>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pezzo {
    /// Ranges, both ends included.
    classe: Vec<(char, char)>,
    min: usize,
    max: Option<usize>,
}

impl Modello {
    /// `[classe]{n}`, `{n,}`, `{n,m}`, or nothing for one; only the last piece may vary, so that no choice is ever undone.
    pub(crate) fn leggi(scritto: &str) -> Option<Self> {
        let (mut pezzi, mut resto) = (Vec::new(), scritto);
        while !resto.is_empty() {
            let (classe, dopo) = resto.strip_prefix('[')?.split_once(']')?;
            let (quanti, dopo) = match dopo.strip_prefix('{') {
                Some(q) => q.split_once('}')?,
                None => ("1", dopo),
            };
            let (min, max) = match quanti.split_once(',') {
                None => (quanti.parse().ok()?, Some(quanti.parse().ok()?)),
                Some((min, "")) => (min.parse().ok()?, None),
                Some((min, max)) => (min.parse().ok()?, Some(max.parse().ok()?)),
            };
            if max != Some(min) && !dopo.is_empty() {
                return None;
            }
            pezzi.push(Pezzo { classe: gamme(classe)?, min, max });
            resto = dopo;
        }
        Some(Self { scritto: scritto.to_owned(), pezzi })
    }

    fn accetta(&self, valore: &str) -> bool {
        let mut caratteri = valore.chars().peekable();
        for pezzo in &self.pezzi {
            let mut quanti = 0;
            while pezzo.max.is_none_or(|m| quanti < m)
                && caratteri.next_if(|c| pezzo.classe.iter().any(|(da, a)| (da..=a).contains(&c))).is_some()
            {
                quanti += 1;
            }
            if quanti < pezzo.min {
                return false;
            }
        }
        caratteri.next().is_none()
    }
}

fn gamme(classe: &str) -> Option<Vec<(char, char)>> {
    let mut lettere: Vec<(char, bool)> = Vec::new();
    let mut grezze = classe.chars();
    while let Some(c) = grezze.next() {
        lettere.push(if c == '\\' { (grezze.next()?, true) } else { (c, false) });
    }
    let (mut gamme, mut i) = (Vec::new(), 0);
    while i < lettere.len() {
        let (da, _) = lettere[i];
        match (lettere.get(i + 1), lettere.get(i + 2)) {
            (Some(('-', false)), Some((a, _))) => {
                gamme.push((da, *a));
                i += 3;
            }
            _ => {
                gamme.push((da, da));
                i += 1;
            }
        }
    }
    Some(gamme)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bene(base: Base, si: &[&str], no: &[&str]) {
        for v in si {
            assert_eq!(Semplice::from(base).giudica(v), Ok(()), "{base:?} {v:?}");
        }
        for v in no {
            assert!(Semplice::from(base).giudica(v).is_err(), "{base:?} {v:?}");
        }
    }

    /// R-C06: the values of the schema, as XML Schema says them.
    #[test]
    fn values_are_judged_by_their_type() {
        bene(
            Base::Data,
            &[
                "2026-02-28",
                "2024-02-29",
                "2000-02-29",
                " 2026-12-31 ",
                "2026-01-01Z",
                "2026-01-01+14:00",
                "-0044-03-15",
            ],
            &[
                "",
                "2026-02-29",
                "1900-02-29",
                "26-01-01",
                "2026-1-1",
                "2026-13-01",
                "2026-01-01+14:01",
                "0000-01-01",
                "è",
            ],
        );
        bene(
            Base::Ora,
            &["09:15:30", "23:59:59.999", "00:00:00Z", "09:15:30+01:00", "24:00:00"],
            &["9:15:30", "09:15", "24:00:01", "23:60:00", "09:15:30.", "09:15:60", "09:15:30+1:00"],
        );
        bene(Base::Booleano, &["true", "0", " 1 "], &["si", "TRUE", ""]);
        bene(Base::Base64, &["", "AAAA", "AA==", "A A\nA A"], &["A", "AA", "AB==", "A===", "à"]);
        bene(Base::Intero, &["0", "-12", "+3", "99999999999999999999"], &["", "1.0", "-", "a"]);
        bene(
            Base::Uri,
            &["", "http://a/b?c#d", "perché no", "http://[::1]:8080/", "urn:a:b", "#["],
            &["%zz", "::", "a#b#c", "1a:b", "http://a:b/", "a[b", "http://["],
        );
        bene(Base::Id, &["a", "_a-1"], &["", "1a", "a:b", "a b"]);
        bene(Base::Nmtoken, &["3.0.0", "a:b"], &["", "a b", "a/b"]);
    }

    #[test]
    fn patterns_are_those_of_the_schemas_and_nothing_more() {
        let cf = Modello::leggi("[A-Z]{6}[0-9LMNPQRSTUV]{2}[A-Z]").unwrap();
        assert!(
            cf.accetta("RSSMRA80A") && !cf.accetta("RSSMRA80") && !cf.accetta("RSSMRA80AA") && !cf.accetta("rSSMRA80A")
        );
        let registro = Modello::leggi("[A-Za-z0-9_\\.\\-]{1,16}").unwrap();
        assert!(registro.accetta("PG_1.a-b") && !registro.accetta("") && !registro.accetta("12345678901234567"));
        assert!(!registro.accetta("a,b") && !registro.accetta("PG "));
        let numero = Modello::leggi("[0-9]{7,}").unwrap();
        assert!(numero.accetta("0001234") && numero.accetta("123456789012") && !numero.accetta("123456"));
        for ignoto in ["a", "[a-z]+", "[a-z]{1,2}[0-9]", "[a", "[a]{", "[a]{x}"] {
            assert_eq!(Modello::leggi(ignoto), None, "{ignoto}");
        }
    }
}
