//! Disclosures: one field of an operation, salted, as in SD-JWT (RFC 9901).
//!
//! The text of a disclosure is `base64url(JCS([salt, name, value]))`, its digest the SHA-256 of that text. Salts come
//! from one stored random seed per operation, so a log keeps 32 bytes an operation and not 16 a field. Whoever lacks
//! the seed cannot guess a value by trying: 128 random bits stand between a digest and the shortest field.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Hash;
use crate::impasto::Impasto;
use crate::jcs::{
    ErroreCampo, NOME_BYTE_MAX, Scalare, TESTO_BYTE_MAX, Uscita, controlla_nome, scrivi_testo, scrivi_valore,
};

const PREFISSO_SALE: &[u8] = b"protocollo/sale/v1\n";
/// Prefix and seed, before the name.
const SALATO: usize = PREFISSO_SALE.len() + 32;

/// Longest text of a disclosure: the longest field, every byte escaped as `\u00xx`, in base64.
pub const RIVELAZIONE_BYTE_MAX: usize = (6 * (TESTO_BYTE_MAX + NOME_BYTE_MAX) + 64) / 3 * 4;

/// The salt of one field: 128 bits.
pub type Sale = [u8; 16];

/// The secret seed of one operation: 32 random bytes, drawn by the caller and stored beside the operation.
///
/// Whoever has it can try values against every digest of its operation: it never leaves the archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Seme(pub [u8; 32]);

impl std::fmt::Debug for Seme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seme(…)")
    }
}

impl Seme {
    /// The salt of field `nome`: the first half of SHA-256(`"protocollo/sale/v1\n"` ‖ seed ‖ name).
    #[must_use]
    pub fn sale(&self, nome: &str) -> Sale {
        let digest = Sha256::new_with_prefix(PREFISSO_SALE).chain_update(self.0).chain_update(nome).finalize();
        meta_di(&digest.into())
    }
}

/// The text of the disclosure of a field.
///
/// # Errors
/// A name or value that may not stand in an operation.
pub fn rivelazione(seme: &Seme, nome: &str, valore: &Value) -> Result<String, ErroreCampo> {
    testo_con_sale(&seme.sale(nome), nome, valore)
}

fn testo_con_sale(sale: &Sale, nome: &str, valore: &Value) -> Result<String, ErroreCampo> {
    let mut json = Vec::with_capacity(96);
    scrivi_terna(&mut json, sale, nome, Scalare::di(nome, valore)?)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// The digest of a field: SHA-256 of the ASCII of [`rivelazione`].
///
/// # Errors
/// A name or value that may not stand in an operation.
pub fn impronta_campo(seme: &Seme, nome: &str, valore: &Value) -> Result<Hash, ErroreCampo> {
    Digestore::nuovo(seme).impronta(nome, Scalare::di(nome, valore)?)
}

/// Digests the fields of one operation. What all of them share is done once, and the buffers serve them all.
#[derive(Clone)]
pub(crate) struct Digestore {
    /// Prefix and seed; the name follows.
    sale: Impasto,
    json: Vec<u8>,
    testo: Impasto,
}

impl Digestore {
    pub(crate) fn nuovo(seme: &Seme) -> Self {
        let mut nuovo = Self { sale: Impasto::con(2), json: Vec::with_capacity(384), testo: Impasto::con(8) };
        nuovo.sale.spazio(SALATO)[..PREFISSO_SALE.len()].copy_from_slice(PREFISSO_SALE);
        nuovo.riparti(seme);
        nuovo
    }

    pub(crate) fn riparti(&mut self, seme: &Seme) {
        self.sale.spazio(SALATO)[PREFISSO_SALE.len()..SALATO].copy_from_slice(&seme.0);
    }

    pub(crate) fn impronta(&mut self, nome: &str, valore: Scalare<'_>) -> Result<Hash, ErroreCampo> {
        let salato = SALATO + nome.len();
        self.sale.spazio(salato)[SALATO..salato].copy_from_slice(nome.as_bytes());
        let sale = meta_di(&self.sale.hash(salato));
        self.json.clear();
        scrivi_terna(&mut self.json, &sale, nome, valore)?;
        let serve = self.json.len().div_ceil(3) * 4;
        let n = codifica(&self.json, self.testo.spazio(serve));
        Ok(self.testo.hash(n))
    }
}

/// The first half of a digest: a salt.
fn meta_di(digest: &Hash) -> Sale {
    let mut sale = Sale::default();
    sale.copy_from_slice(&digest[..16]);
    sale
}

/// The digest of the text of a disclosure, as received.
#[must_use]
pub fn impronta_testo(testo: &str) -> Hash {
    Sha256::digest(testo.as_bytes()).into()
}

fn scrivi_terna(out: &mut impl Uscita, sale: &Sale, nome: &str, valore: Scalare<'_>) -> Result<(), ErroreCampo> {
    controlla_nome(nome)?;
    let mut sale_testo = [0u8; 22];
    codifica(sale, &mut sale_testo);
    out.scrivi(b"[\"");
    out.scrivi(&sale_testo);
    out.scrivi(b"\",");
    scrivi_testo(out, nome);
    out.scrivi(b",");
    scrivi_valore(out, nome, valore)?;
    out.scrivi(b"]");
    Ok(())
}

/// base64url into a buffer known to be large enough.
fn codifica(byte: &[u8], out: &mut [u8]) -> usize {
    match URL_SAFE_NO_PAD.encode_slice(byte, out) {
        Ok(n) => n,
        Err(_) => unreachable!("buffers are sized 4/3 of what goes in"),
    }
}

/// Why a text is not a disclosure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreRivelazione {
    /// Longer than any disclosure can be.
    #[error("rivelazione di {byte} byte: il massimo è {RIVELAZIONE_BYTE_MAX}")]
    Lunga {
        /// Its length.
        byte: usize,
    },
    /// Not base64url without padding.
    #[error("rivelazione non in base64url")]
    Base64,
    /// Not a JSON array of salt, name, value.
    #[error("rivelazione che non è una terna [sale, nome, valore]")]
    Terna,
    /// The salt is not 16 bytes of base64url.
    #[error("rivelazione con un sale che non è di 16 byte")]
    Sale,
    /// The name or the value may not stand in an operation.
    #[error("rivelazione non ammessa: {0}")]
    Campo(#[from] ErroreCampo),
    /// Right content, other bytes than the canonical ones.
    #[error("rivelazione del campo {nome} non in forma canonica")]
    NonCanonica {
        /// The field.
        nome: String,
    },
}

/// A disclosure, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rivelazione {
    /// The salt.
    pub sale: Sale,
    /// The name of the field.
    pub nome: String,
    /// Its value, a scalar.
    pub valore: Value,
}

impl Rivelazione {
    /// Reads the text of a disclosure; only the one canonical form of each is accepted.
    ///
    /// # Errors
    /// Anything that [`rivelazione`] would not have written.
    pub fn leggi(testo: &str) -> Result<Self, ErroreRivelazione> {
        if testo.len() > RIVELAZIONE_BYTE_MAX {
            return Err(ErroreRivelazione::Lunga { byte: testo.len() });
        }
        let json = URL_SAFE_NO_PAD.decode(testo).map_err(|_| ErroreRivelazione::Base64)?;
        let (sale, nome, valore): (String, String, Value) =
            serde_json::from_slice(&json).map_err(|_| ErroreRivelazione::Terna)?;
        let sale: Sale =
            URL_SAFE_NO_PAD.decode(sale).ok().and_then(|byte| byte.try_into().ok()).ok_or(ErroreRivelazione::Sale)?;
        let mut canonical = Vec::with_capacity(json.len());
        scrivi_terna(&mut canonical, &sale, &nome, Scalare::di(&nome, &valore)?)?;
        if canonical != json {
            return Err(ErroreRivelazione::NonCanonica { nome });
        }
        Ok(Self { sale, nome, valore })
    }

    /// The text again: the one that was read.
    ///
    /// # Errors
    /// A field changed by hand into one that may not stand in an operation.
    pub fn testo(&self) -> Result<String, ErroreCampo> {
        testo_con_sale(&self.sale, &self.nome, &self.valore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jcs::INTERO_MAX;
    use proptest::prelude::*;
    use serde_json::json;

    const SEME: Seme = Seme([7; 32]);

    fn codice(json: &str) -> String {
        URL_SAFE_NO_PAD.encode(json)
    }

    #[test]
    fn the_salt_comes_from_seed_and_name_as_published() {
        let byte = [&b"protocollo/sale/v1\n"[..], &[7; 32], b"oggetto"].concat();
        assert_eq!(SEME.sale("oggetto"), Sha256::digest(byte)[..16]);
        assert_ne!(SEME.sale("oggetto"), SEME.sale("Oggetto"));
        assert_ne!(SEME.sale("oggetto"), Seme([8; 32]).sale("oggetto"));
    }

    #[test]
    fn a_seed_never_shows_in_a_message() {
        assert_eq!(format!("{SEME:?}"), "Seme(…)");
    }

    /// RFC 9901 § 4.2.1 and § 4.2.3 give this disclosure with its digest: ours is the same function of the text.
    #[test]
    fn the_digest_is_that_of_sd_jwt() {
        let testo = "WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";
        assert_eq!(URL_SAFE_NO_PAD.encode(impronta_testo(testo)), "uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY");
    }

    #[test]
    fn only_the_canonical_form_of_a_disclosure_is_read() {
        let s = "BwcHBwcHBwcHBwcHBwcHBw";
        let good = codice(&format!(r#"["{s}","oggetto","é\n"]"#));
        let letta = Rivelazione::leggi(&good).unwrap();
        assert_eq!((letta.sale, letta.nome.as_str(), &letta.valore), ([7; 16], "oggetto", &json!("é\n")));
        assert_eq!(letta.testo().unwrap(), good);
        for json in [
            format!(r#"["{s}", "oggetto","x"]"#),
            format!(r#"["{s}","oggetto","\u0078"]"#),
            format!(r#"["{s}","oggetto","x"] "#),
            format!(r#"["{s}","oggett\u006f","x"]"#),
            format!(r#"["{s}","oggetto","\/"]"#),
        ] {
            let errore = ErroreRivelazione::NonCanonica { nome: "oggetto".into() };
            assert_eq!(Rivelazione::leggi(&codice(&json)), Err(errore), "{json}");
        }
        for json in [r#"["AAAA","a",1]"#.to_owned(), format!(r#"["{s}==","a",1]"#)] {
            assert_eq!(Rivelazione::leggi(&codice(&json)), Err(ErroreRivelazione::Sale), "{json}");
        }
        for json in ["", "1", "[]", r#"["a","b"]"#, &format!(r#"["{s}","a",1,2]"#), &format!(r#"["{s}",1,1]"#), "{}"] {
            assert_eq!(Rivelazione::leggi(&codice(json)), Err(ErroreRivelazione::Terna), "{json}");
        }
        for (value, errore) in [
            ("[]", ErroreCampo::ValoreComposto { nome: "a".into() }),
            ("1.5", ErroreCampo::NumeroNonIntero { nome: "a".into() }),
            ("9007199254740992", ErroreCampo::NumeroGrande { nome: "a".into() }),
        ] {
            let testo = codice(&format!(r#"["{s}","a",{value}]"#));
            assert_eq!(Rivelazione::leggi(&testo), Err(ErroreRivelazione::Campo(errore)));
        }
        for testo in [format!("{good}="), format!("{good}\n"), good.replace('_', "/"), "à".into(), "A".into()] {
            if testo != good {
                assert_eq!(Rivelazione::leggi(&testo), Err(ErroreRivelazione::Base64), "{testo}");
            }
        }
        let long = "A".repeat(RIVELAZIONE_BYTE_MAX + 1);
        assert_eq!(Rivelazione::leggi(&long), Err(ErroreRivelazione::Lunga { byte: RIVELAZIONE_BYTE_MAX + 1 }));
    }

    #[test]
    fn the_longest_field_still_has_a_disclosure_that_reads() {
        let value = json!("\u{1}".repeat(TESTO_BYTE_MAX));
        let testo = rivelazione(&SEME, &"\"".repeat(NOME_BYTE_MAX), &value).unwrap();
        assert!(testo.len() <= RIVELAZIONE_BYTE_MAX);
        assert_eq!(Rivelazione::leggi(&testo).unwrap().valore, value);
    }

    fn valore() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            (-INTERO_MAX..=INTERO_MAX).prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[a-zà\"\\\\\n]{0,900}".prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn what_is_disclosed_reads_back_and_its_digest_is_the_one_taken_without_the_text(
            seme in any::<[u8; 32]>(), nome in "[a-zA-Zà€0-9._\"-]{1,60}", valore in valore()
        ) {
            let seme = Seme(seme);
            let testo = rivelazione(&seme, &nome, &valore).unwrap();
            prop_assert_eq!(impronta_campo(&seme, &nome, &valore).unwrap(), impronta_testo(&testo));
            let letta = Rivelazione::leggi(&testo).unwrap();
            prop_assert_eq!(letta.testo().unwrap(), testo);
            prop_assert_eq!(letta, Rivelazione { sale: seme.sale(&nome), nome, valore });
        }

        #[test]
        fn random_texts_never_panic_and_what_reads_is_written_the_same(
            testo in any::<String>(), byte in prop::collection::vec(any::<u8>(), 0..120)
        ) {
            for testo in [testo, codice(&String::from_utf8_lossy(&byte)), URL_SAFE_NO_PAD.encode(&byte)] {
                if let Ok(letta) = Rivelazione::leggi(&testo) {
                    prop_assert_eq!(letta.testo().unwrap(), testo);
                }
            }
        }
    }
}
