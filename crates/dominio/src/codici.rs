//! Codes of the Italian administration, valid by construction.
//!
//! Persons: codice fiscale (with omocodia and the 11-digit provisional form). Firms: partita IVA.
//! Administrations: IPA, AOO, office and register codes. All are plain text outside and newtypes here.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A code that does not hold; the message is for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CodiceErrato(pub &'static str);

macro_rules! codice {
    ($(#[$doc:meta])* $nome:ident, $max:expr, $minuscole:expr, $messaggio:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $nome(Box<str>);

        impl $nome {
            /// The code as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $nome {
            type Err = CodiceErrato;
            fn from_str(s: &str) -> Result<Self, CodiceErrato> {
                let buono = !s.is_empty()
                    && s.len() <= $max
                    && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
                    && s.bytes().any(|b| b.is_ascii_alphanumeric());
                if !buono {
                    return Err(CodiceErrato($messaggio));
                }
                Ok(Self(if $minuscole { s.to_ascii_lowercase().into() } else { s.into() }))
            }
        }

        impl TryFrom<String> for $nome {
            type Error = CodiceErrato;
            fn try_from(s: String) -> Result<Self, CodiceErrato> {
                s.parse()
            }
        }

        impl From<$nome> for String {
            fn from(c: $nome) -> String {
                c.0.into()
            }
        }

        impl fmt::Display for $nome {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

codice!(
    /// IPA code of an administration (`c_h501`), in lower case. R-A18.
    CodiceIpa, 32, true,
    "il codice IPA ha da 1 a 32 lettere, cifre o _ . -"
);
codice!(
    /// IPA code of an AOO. R-A18.
    CodiceAoo, 32, false,
    "il codice AOO ha da 1 a 32 lettere, cifre o _ . -"
);
codice!(
    /// Code of a register, 1–16 characters `[A-Za-z0-9_.-]`. R-A18.
    CodiceRegistro, 16, false,
    "il codice del registro ha da 1 a 16 lettere, cifre o _ . -"
);
codice!(
    /// Code of an office (UO/UOR) inside its AOO. R-J01.
    CodiceUfficio, 32, false,
    "il codice dell'ufficio ha da 1 a 32 lettere, cifre o _ . -"
);
codice!(
    /// Sign-in name of a user inside its ente; always a person or a named system (R-B12).
    NomeUtente, 64, true,
    "il nome utente ha da 1 a 64 lettere, cifre o _ . -"
);
codice!(
    /// Code of an entry of the titolario (`1.6`), no fixed depth. R-I02.
    CodiceVoce, 40, false,
    "il codice di classificazione ha da 1 a 40 lettere, cifre o _ . -"
);

impl CodiceRegistro {
    /// The general register, `PG` (contract, preface).
    pub fn generale() -> Self {
        Self("PG".into())
    }
}

/// Values of the odd places in the check character of the codice fiscale (DM 23-12-1976).
const DISPARI: [u8; 26] =
    [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
const OMOCODIA: &[u8; 10] = b"LMNPQRSTUV";
const MESI: &[u8; 12] = b"ABCDEHLMPRST";

/// Codice fiscale of a person: 16 characters (homonym form included) or the 11-digit provisional one.
///
/// # Errors
/// Says which part does not hold.
pub fn codice_fiscale(testo: &str) -> Result<String, CodiceErrato> {
    let cf = testo.trim().to_ascii_uppercase();
    let b = cf.as_bytes();
    match b.len() {
        11 => partita_iva(&cf)
            .map_err(|_| CodiceErrato("il codice fiscale provvisorio di 11 cifre ha la cifra di controllo errata")),
        16 => {
            controlla_16(b)?;
            Ok(cf)
        }
        _ => Err(CodiceErrato("il codice fiscale ha 16 caratteri (o 11 cifre se provvisorio)")),
    }
}

fn controlla_16(b: &[u8]) -> Result<(), CodiceErrato> {
    const FORMA: CodiceErrato =
        CodiceErrato("il codice fiscale non ha la forma giusta: sei lettere, poi data di nascita e comune");
    let lettere = [0, 1, 2, 3, 4, 5, 8, 11, 15];
    if !lettere.iter().all(|&i| b[i].is_ascii_uppercase()) || !MESI.contains(&b[8]) {
        return Err(FORMA);
    }
    let cifra = |i: usize| -> Result<u8, CodiceErrato> {
        match b[i] {
            c @ b'0'..=b'9' => Ok(c - b'0'),
            c => OMOCODIA.iter().position(|&o| o == c).and_then(|p| u8::try_from(p).ok()).ok_or(FORMA),
        }
    };
    for i in [6, 7, 9, 10, 12, 13, 14] {
        cifra(i)?;
    }
    let giorno = cifra(9)? * 10 + cifra(10)?;
    if !(matches!(giorno, 1..=31) || matches!(giorno, 41..=71)) {
        return Err(CodiceErrato("il giorno di nascita nel codice fiscale non esiste"));
    }
    let somma: u32 = b[..15]
        .iter()
        .enumerate()
        .map(|(i, &c)| {
            let n = if c.is_ascii_digit() { c - b'0' } else { c - b'A' };
            u32::from(if i % 2 == 0 { DISPARI[usize::from(n)] } else { n })
        })
        .sum();
    if u32::from(b[15] - b'A') != somma % 26 {
        return Err(CodiceErrato("il carattere di controllo del codice fiscale è errato"));
    }
    Ok(())
}

/// Partita IVA, or the 11-digit codice fiscale of a legal person: Luhn's digit.
///
/// # Errors
/// Says whether length or check digit is wrong.
pub fn partita_iva(testo: &str) -> Result<String, CodiceErrato> {
    let t = testo.trim();
    let t = t.strip_prefix("IT").unwrap_or(t);
    let b = t.as_bytes();
    if b.len() != 11 || !b.iter().all(u8::is_ascii_digit) {
        return Err(CodiceErrato("la partita IVA ha 11 cifre"));
    }
    let somma: u32 = b
        .iter()
        .enumerate()
        .map(|(i, c)| {
            let n = u32::from(c - b'0');
            match (i % 2, n * 2) {
                (0, _) => n,
                (_, d) if d > 9 => d - 9,
                (_, d) => d,
            }
        })
        .sum();
    if !somma.is_multiple_of(10) {
        return Err(CodiceErrato("la cifra di controllo della partita IVA è errata"));
    }
    Ok(t.to_owned())
}

/// A PEC or e-mail address: one `@`, a domain with a dot, no spaces or control characters, at most 254 bytes.
///
/// # Errors
/// Says what is missing.
pub fn indirizzo_posta(testo: &str) -> Result<String, CodiceErrato> {
    const FORMA: CodiceErrato = CodiceErrato("l'indirizzo di posta non è valido: deve essere come nome@dominio.it");
    let t = testo.trim();
    let (locale, dominio) = t.rsplit_once('@').ok_or(FORMA)?;
    let locale_buono = !locale.is_empty()
        && locale.len() <= 64
        && locale.bytes().all(|b| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b))
        && !locale.starts_with('.')
        && !locale.ends_with('.')
        && !locale.contains("..");
    let dominio_buono = dominio.contains('.')
        && dominio.split('.').all(|e| {
            !e.is_empty()
                && e.len() <= 63
                && e.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !e.starts_with('-')
                && !e.ends_with('-')
        });
    if t.len() > 254 || !locale_buono || !dominio_buono {
        return Err(FORMA);
    }
    Ok(format!("{locale}@{}", dominio.to_ascii_lowercase()))
}

/// SHA-256 of a file's bytes as received, before anything else touches them. R-A17.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Impronta(pub [u8; 32]);

impl Impronta {
    /// Lower-case hexadecimal, as every door shows it.
    pub fn hex(&self) -> String {
        let mut s = String::with_capacity(64);
        for b in self.0 {
            s.push(char::from(b"0123456789abcdef"[usize::from(b >> 4)]));
            s.push(char::from(b"0123456789abcdef"[usize::from(b & 15)]));
        }
        s
    }
}

impl FromStr for Impronta {
    type Err = CodiceErrato;
    fn from_str(s: &str) -> Result<Self, CodiceErrato> {
        const FORMA: CodiceErrato = CodiceErrato("l'impronta ha 64 cifre esadecimali minuscole");
        let b = s.as_bytes();
        if b.len() != 64 {
            return Err(FORMA);
        }
        let cifra = |c: u8| match c {
            b'0'..=b'9' => Ok(c - b'0'),
            b'a'..=b'f' => Ok(c - b'a' + 10),
            _ => Err(FORMA),
        };
        let mut out = [0; 32];
        for (o, p) in out.iter_mut().zip(b.chunks_exact(2)) {
            *o = cifra(p[0])? << 4 | cifra(p[1])?;
        }
        Ok(Self(out))
    }
}

impl fmt::Display for Impronta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for Impronta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Impronta({})", self.hex())
    }
}

impl Serialize for Impronta {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.hex())
    }
}

impl<'de> Deserialize<'de> for Impronta {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let s = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        s.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_codice_fiscale_with_the_right_check_character_is_taken() {
        for cf in ["RSSMRA80A01H501U", "rssmra80a01h501u", "MRTMTT91D08F205J", "MLLSNT82P65Z404U"] {
            assert!(codice_fiscale(cf).is_ok(), "{cf}");
        }
    }

    #[test]
    fn omocodia_replaces_digits_by_letters() {
        // RSSMRA80A01H501U with its last digit replaced (1 -> M): check character recomputed.
        let base = "RSSMRA80A01H50M";
        let buoni = (b'A'..=b'Z').filter(|c| codice_fiscale(&format!("{base}{}", char::from(*c))).is_ok()).count();
        assert_eq!(buoni, 1);
    }

    #[test]
    fn the_provisional_form_has_eleven_digits() {
        assert!(codice_fiscale("00743110157").is_ok());
        assert!(codice_fiscale("00743110158").is_err());
    }

    #[test]
    fn a_partita_iva_has_its_check_digit() {
        for p in ["00743110157", "IT00743110157"] {
            assert!(partita_iva(p).is_ok(), "{p}");
        }
        assert!(partita_iva("00743110156").is_err());
        assert!(partita_iva("0074311015").is_err());
    }

    #[test]
    fn addresses() {
        for a in ["protocollo@pec.comune.it", "a.b+c@d-e.it", "dell'orto@pec.it"] {
            assert!(indirizzo_posta(a).is_ok(), "{a}");
        }
        for a in ["", "a", "a@b", "a b@c.it", "a@c..it", ".a@c.it", "a@-c.it", "è@b.it"] {
            assert!(indirizzo_posta(a).is_err(), "{a}");
        }
        // Blanks around are a slip of the hand, not another address.
        assert_eq!(indirizzo_posta(" a@b.it\n").ok().as_deref(), Some("a@b.it"));
    }

    #[test]
    fn codes_are_safe_as_names_of_folders() {
        for c in [".", "..", "-", "", "a/b", "a b", "è"] {
            assert!(c.parse::<CodiceIpa>().is_err(), "{c}");
        }
        assert_eq!("C_H501".parse::<CodiceIpa>().unwrap().as_str(), "c_h501");
    }

    proptest! {
        #[test]
        fn one_wrong_character_never_passes(i in 0usize..16, c in "[A-Z0-9]") {
            let mut cf = String::from("RSSMRA80A01H501U");
            cf.replace_range(i..=i, &c);
            prop_assume!(cf != "RSSMRA80A01H501U");
            // The check is a sum: a single wrong character is found unless two characters weigh the same.
            if codice_fiscale(&cf).is_ok() {
                let pesi = |s: &str| s.bytes().map(|b| if b.is_ascii_digit() { b - b'0' } else { b - b'A' }).collect::<Vec<_>>();
                prop_assert_eq!(pesi(&cf)[i], pesi("RSSMRA80A01H501U")[i]);
            }
        }

        #[test]
        fn impronte_go_round(b in any::<[u8; 32]>()) {
            prop_assert_eq!(Impronta(b).hex().parse::<Impronta>().unwrap(), Impronta(b));
        }

        #[test]
        fn no_text_makes_a_parser_panic(s in "\\PC*") {
            let _ = codice_fiscale(&s);
            let _ = partita_iva(&s);
            let _ = indirizzo_posta(&s);
            let _ = s.parse::<Impronta>();
            let _ = s.parse::<CodiceUfficio>();
        }
    }
}
