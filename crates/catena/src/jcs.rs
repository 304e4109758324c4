//! JCS (RFC 8785) for the scalars an operation may hold, and the limits on names and values.
//!
//! Floats are refused: their canonical form is where implementations of RFC 8785 disagree, and nothing in a register
//! is a float. Integers stop at 2^53 − 1, the last one that every JSON reader gives back unchanged.

use serde_json::Value;

/// Greatest absolute value of an integer: 2^53 − 1. Beyond it, an operation uses a string.
pub const INTERO_MAX: i64 = (1 << 53) - 1;

/// Longest text of one field, in bytes of UTF-8.
pub const TESTO_BYTE_MAX: usize = 1 << 20;

/// Longest field name, in bytes.
pub const NOME_BYTE_MAX: usize = 256;

/// Most fields of one operation.
pub const CAMPI_MAX: usize = 1 << 18;

/// Why a field cannot enter an operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreCampo {
    /// The name is empty.
    #[error("un campo dell'operazione è senza nome")]
    NomeVuoto,
    /// The name is longer than [`NOME_BYTE_MAX`].
    #[error("nome di campo di {byte} byte: il massimo è {NOME_BYTE_MAX}")]
    NomeLungo {
        /// Its length.
        byte: usize,
    },
    /// The name holds a control character.
    #[error("il nome di campo {nome:?} contiene un carattere di controllo")]
    NomeConControlli {
        /// The name.
        nome: String,
    },
    /// The value is an array or an object.
    #[error("il campo {nome} non è un valore semplice: elenchi e oggetti vanno scritti come nomi puntati")]
    ValoreComposto {
        /// The field.
        nome: String,
    },
    /// The value is a number with a fraction or an exponent.
    #[error("il campo {nome} non è un numero intero: va scritto come testo")]
    NumeroNonIntero {
        /// The field.
        nome: String,
    },
    /// The value is an integer beyond ±[`INTERO_MAX`].
    #[error("il campo {nome} supera 2^53 - 1: va scritto come testo")]
    NumeroGrande {
        /// The field.
        nome: String,
    },
    /// The text is longer than [`TESTO_BYTE_MAX`].
    #[error("il campo {nome} è un testo di {byte} byte: il massimo è {TESTO_BYTE_MAX}")]
    TestoLungo {
        /// The field.
        nome: String,
        /// Its length.
        byte: usize,
    },
    /// The operation has no field at all.
    #[error("l'operazione non ha campi")]
    NessunCampo,
    /// The operation has more than [`CAMPI_MAX`] fields.
    #[error("l'operazione ha {campi} campi: il massimo è {CAMPI_MAX}")]
    TroppiCampi {
        /// How many.
        campi: usize,
    },
}

/// Where canonical bytes go: a buffer, or straight into a digest.
pub(crate) trait Uscita {
    fn scrivi(&mut self, byte: &[u8]);
}

impl Uscita for Vec<u8> {
    fn scrivi(&mut self, byte: &[u8]) {
        self.extend_from_slice(byte);
    }
}

/// Writes `testo` as a JSON string, escaped as RFC 8785 § 3.2.2.2 says and in no other way.
pub(crate) fn scrivi_testo(out: &mut impl Uscita, testo: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let letterale = |b: u8| b >= 0x20 && b != b'"' && b != b'\\';
    out.scrivi(b"\"");
    let byte = testo.as_bytes();
    // Nearly all: looked at whole, then written whole.
    if byte.iter().fold(true, |tutti, b| tutti & letterale(*b)) {
        out.scrivi(byte);
        out.scrivi(b"\"");
        return;
    }
    let mut start = 0;
    for (i, &b) in byte.iter().enumerate() {
        if letterale(b) {
            continue;
        }
        out.scrivi(&byte[start..i]);
        start = i + 1;
        match b {
            b'"' => out.scrivi(b"\\\""),
            b'\\' => out.scrivi(b"\\\\"),
            0x08 => out.scrivi(b"\\b"),
            0x09 => out.scrivi(b"\\t"),
            0x0a => out.scrivi(b"\\n"),
            0x0c => out.scrivi(b"\\f"),
            0x0d => out.scrivi(b"\\r"),
            _ => out.scrivi(&[b'\\', b'u', b'0', b'0', HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]),
        }
    }
    out.scrivi(&byte[start..]);
    out.scrivi(b"\"");
}

fn scrivi_intero(out: &mut impl Uscita, n: i64) {
    let mut cifre = [0u8; 20];
    let mut at = cifre.len();
    let mut rest = n.unsigned_abs();
    loop {
        at -= 1;
        cifre[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if n < 0 {
        at -= 1;
        cifre[at] = b'-';
    }
    out.scrivi(&cifre[at..]);
}

/// Checks that `nome` may name a field.
pub(crate) fn controlla_nome(nome: &str) -> Result<(), ErroreCampo> {
    if nome.is_empty() {
        return Err(ErroreCampo::NomeVuoto);
    }
    if nome.len() > NOME_BYTE_MAX {
        return Err(ErroreCampo::NomeLungo { byte: nome.len() });
    }
    if nome.chars().any(char::is_control) {
        return Err(ErroreCampo::NomeConControlli { nome: nome.to_owned() });
    }
    Ok(())
}

/// A value that a field may hold, borrowed from wherever it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalare<'a> {
    /// `null`.
    Nullo,
    /// `true` or `false`.
    Logico(bool),
    /// An integer; within ±[`INTERO_MAX`], or it is refused when it is digested.
    Intero(i64),
    /// A text.
    Testo(&'a str),
}

impl<'a> Scalare<'a> {
    /// The value of field `nome`, if it is one that an operation may hold.
    ///
    /// # Errors
    /// A list, an object, a number that is no integer or beyond ±[`INTERO_MAX`].
    pub fn di(nome: &str, valore: &'a Value) -> Result<Self, ErroreCampo> {
        match valore {
            Value::Null => Ok(Self::Nullo),
            Value::Bool(b) => Ok(Self::Logico(*b)),
            Value::String(s) => Ok(Self::Testo(s)),
            Value::Number(n) => match n.as_i64() {
                Some(i) => Ok(Self::Intero(i)),
                None if n.is_u64() => Err(ErroreCampo::NumeroGrande { nome: nome.to_owned() }),
                None => Err(ErroreCampo::NumeroNonIntero { nome: nome.to_owned() }),
            },
            Value::Array(_) | Value::Object(_) => Err(ErroreCampo::ValoreComposto { nome: nome.to_owned() }),
        }
    }
}

/// Writes the value of field `nome`, or says why it may not stand in an operation.
pub(crate) fn scrivi_valore(out: &mut impl Uscita, nome: &str, valore: Scalare<'_>) -> Result<(), ErroreCampo> {
    match valore {
        Scalare::Nullo => out.scrivi(b"null"),
        Scalare::Logico(true) => out.scrivi(b"true"),
        Scalare::Logico(false) => out.scrivi(b"false"),
        Scalare::Testo(s) if s.len() > TESTO_BYTE_MAX => {
            return Err(ErroreCampo::TestoLungo { nome: nome.to_owned(), byte: s.len() });
        }
        Scalare::Testo(s) => scrivi_testo(out, s),
        Scalare::Intero(i) if (-INTERO_MAX..=INTERO_MAX).contains(&i) => scrivi_intero(out, i),
        Scalare::Intero(_) => return Err(ErroreCampo::NumeroGrande { nome: nome.to_owned() }),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn jcs(valore: &Value) -> Result<String, ErroreCampo> {
        let mut out = Vec::new();
        scrivi_valore(&mut out, "x", Scalare::di("x", valore)?)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_examples_of_rfc_8785_come_out_as_printed_there() {
        // § 3.2.2: input `"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"`.
        let input: Value = serde_json::from_str(r#""\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/""#).unwrap();
        assert_eq!(jcs(&input).unwrap(), r#""€$\u000f\nA'B\"\\\\\"/""#);
        // § 3.2.3: the names of the sorting example, one of each kind of escape.
        for (raw, canonical) in [
            (r#""\u20ac""#, "\"€\""),
            (r#""\r""#, r#""\r""#),
            (r#""\ufb33""#, "\"\u{fb33}\""),
            (r#""\u0080""#, "\"\u{80}\""),
            (r#""\ud83d\ude00""#, "\"😀\""),
            (r#""\u00f6""#, "\"ö\""),
        ] {
            assert_eq!(jcs(&serde_json::from_str(raw).unwrap()).unwrap(), canonical);
        }
        assert_eq!(jcs(&json!(null)).unwrap(), "null");
        assert_eq!(jcs(&json!(true)).unwrap(), "true");
        assert_eq!(jcs(&json!(false)).unwrap(), "false");
        // Appendix B, the integers within the limit.
        assert_eq!(jcs(&json!(0)).unwrap(), "0");
        assert_eq!(jcs(&json!(9_007_199_254_740_991_i64)).unwrap(), "9007199254740991");
        assert_eq!(jcs(&json!(-9_007_199_254_740_991_i64)).unwrap(), "-9007199254740991");
    }

    #[test]
    fn floats_composites_and_big_integers_are_refused_each_by_its_error() {
        let x = || "x".to_owned();
        for (valore, errore) in [
            (json!(1.5), ErroreCampo::NumeroNonIntero { nome: x() }),
            (json!(1.0), ErroreCampo::NumeroNonIntero { nome: x() }),
            (json!(INTERO_MAX + 1), ErroreCampo::NumeroGrande { nome: x() }),
            (json!(-INTERO_MAX - 1), ErroreCampo::NumeroGrande { nome: x() }),
            (json!(u64::MAX), ErroreCampo::NumeroGrande { nome: x() }),
            (json!(i64::MIN), ErroreCampo::NumeroGrande { nome: x() }),
            (json!([]), ErroreCampo::ValoreComposto { nome: x() }),
            (json!({"a": 1}), ErroreCampo::ValoreComposto { nome: x() }),
        ] {
            assert_eq!(jcs(&valore), Err(errore), "{valore}");
        }
        let minus_zero: Value = serde_json::from_str("-0").unwrap();
        assert_eq!(jcs(&minus_zero), Err(ErroreCampo::NumeroNonIntero { nome: x() }));
        let long = Value::String("x".repeat(TESTO_BYTE_MAX + 1));
        assert!(matches!(jcs(&long), Err(ErroreCampo::TestoLungo { .. })));
    }

    #[test]
    fn names_have_a_length_and_no_control_characters() {
        assert_eq!(controlla_nome(""), Err(ErroreCampo::NomeVuoto));
        assert!(controlla_nome(&"a".repeat(NOME_BYTE_MAX)).is_ok());
        assert!(matches!(controlla_nome(&"a".repeat(NOME_BYTE_MAX + 1)), Err(ErroreCampo::NomeLungo { .. })));
        assert!(matches!(controlla_nome("a\nb"), Err(ErroreCampo::NomeConControlli { .. })));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(s in any::<String>(), n in -INTERO_MAX..=INTERO_MAX) {
            let testo = json!(s);
            prop_assert_eq!(serde_json::from_str::<Value>(&jcs(&testo).unwrap()).unwrap(), testo);
            prop_assert_eq!(jcs(&json!(n)).unwrap(), n.to_string());
        }
    }
}
