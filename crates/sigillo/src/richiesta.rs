//! The request for a seal (PKCS#10, RFC 2986), when the key is ours: born here in a file, or in a device
//! ([`crate::pkcs11::ChiaveNuova`]). With a remote provider the key is theirs, and the request is a form of theirs too.
//! The subject is the one of legal persons (ETSI EN 319 412-3 § 4.2.1): country, organization, its identifier, name.
//! R-C11.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use zeroize::Zeroizing;

use crate::cms::firmato;
use crate::der::{bit, numero, oid, ottetti, seq, set, tlv, utf8, vero};
use crate::{Algoritmo, sealer};

/// Longest text of a subject (RFC 5280 appendix A: `ub-organization-name`, `ub-common-name`).
const TESTO_MAX: usize = 64;

/// By what the organization is identified (ETSI EN 319 412-1 § 5.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identificativo {
    /// Partita IVA: `VATIT-…`.
    PartitaIva(String),
    /// Codice fiscale of an organization: `CF:IT-…`.
    CodiceFiscale(String),
    /// Number in the Registro delle imprese, which is the codice fiscale: `NTRIT-…`.
    RegistroImprese(String),
    /// Code of the Indice delle pubbliche amministrazioni: `PA:IT-…`.
    Ipa(String),
}

/// Whose the seal is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Soggetto {
    /// Name of the administration, as in IPA.
    pub organizzazione: String,
    /// Its identifier.
    pub identificativo: Identificativo,
    /// Name of the seal; the organization's, if it has no other.
    pub nome: Option<String>,
}

/// What is wrong with a request.
#[derive(Debug, thiserror::Error)]
pub enum Errore {
    /// A field that a certificate cannot hold.
    #[error("richiesta del sigillo, {campo}: {perche}")]
    Campo {
        /// Which.
        campo: &'static str,
        /// Why.
        perche: String,
    },
    /// The key was not made, or did not sign.
    #[error(transparent)]
    Chiave(#[from] sealer::Errore),
}

impl Soggetto {
    /// Its distinguished name, in DER.
    ///
    /// # Errors
    /// [`Errore::Campo`].
    pub fn in_der(&self) -> Result<Vec<u8>, Errore> {
        let organizzazione = testo("denominazione dell'ente", &self.organizzazione)?;
        let nome = match &self.nome {
            Some(nome) => testo("nome del sigillo", nome)?,
            None => organizzazione,
        };
        let identificativo = self.identificativo.testo()?;
        let parti = [
            ("2.5.4.6", None),
            ("2.5.4.10", Some(organizzazione)),
            ("2.5.4.97", Some(&identificativo)),
            ("2.5.4.3", Some(nome)),
        ]
        .map(|(quale, valore)| {
            // The country is a PrintableString by its own norm.
            let valore = valore.map_or_else(|| tlv(0x13, b"IT"), utf8);
            set(vec![seq(&[&oid(quale), &valore])])
        });
        Ok(seq(&parti.each_ref().map(Vec::as_slice)))
    }
}

impl Identificativo {
    /// As the certificate has it.
    ///
    /// # Errors
    /// [`Errore::Campo`]: not a partita IVA, not a codice fiscale of an organization, not a code of IPA.
    pub fn testo(&self) -> Result<String, Errore> {
        match self {
            Self::PartitaIva(p) => cifre("partita IVA", p).map(|p| format!("VATIT-{p}")),
            Self::CodiceFiscale(c) => cifre("codice fiscale", c).map(|c| format!("CF:IT-{c}")),
            Self::RegistroImprese(c) => cifre("numero nel registro delle imprese", c).map(|c| format!("NTRIT-{c}")),
            Self::Ipa(c) => {
                let giusto = (1..=20).contains(&c.len())
                    && c.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
                if giusto {
                    Ok(format!("PA:IT-{c}"))
                } else {
                    Err(Errore::Campo { campo: "codice IPA", perche: format!("«{c}» non è un codice IPA") })
                }
            }
        }
    }
}

/// Eleven digits with the check of partite IVA, which the codes of organizations share.
fn cifre<'a>(campo: &'static str, testo: &'a str) -> Result<&'a str, Errore> {
    let sbagliato = |perche| Err(Errore::Campo { campo, perche });
    if testo.len() != 11 || !testo.bytes().all(|b| b.is_ascii_digit()) {
        return sbagliato(format!("«{testo}» non è di undici cifre"));
    }
    let somma: u32 = testo
        .bytes()
        .map(|b| u32::from(b - b'0'))
        .enumerate()
        .map(|(i, n)| if i % 2 == 1 { if n > 4 { n * 2 - 9 } else { n * 2 } } else { n })
        .sum();
    if somma.is_multiple_of(10) {
        Ok(testo)
    } else {
        sbagliato(format!("«{testo}» ha la cifra di controllo sbagliata"))
    }
}

fn testo<'a>(campo: &'static str, valore: &'a str) -> Result<&'a str, Errore> {
    let sbagliato = |perche: String| Err(Errore::Campo { campo, perche });
    match valore.chars().count() {
        0 => sbagliato("è vuoto".into()),
        n if n > TESTO_MAX => sbagliato(format!("ha {n} caratteri, un certificato ne tiene {TESTO_MAX}")),
        _ if valore.chars().any(char::is_control) || valore.trim() != valore => {
            sbagliato("contiene spazi ai bordi o caratteri di controllo".into())
        }
        _ => Ok(valore),
    }
}

/// A request in DER for a key of which `firma` signs (ECDSA as `r || s`).
///
/// # Errors
/// A wrong field; whatever `firma` could not do; a signature that is not of the key.
pub fn richiesta(
    soggetto: &Soggetto,
    spki: &[u8],
    firma: impl FnOnce(&[u8]) -> Result<Vec<u8>, sealer::Errore>,
) -> Result<Vec<u8>, Errore> {
    let algoritmo = Algoritmo::della_chiave(spki).map_err(sealer::Errore::Configurazione)?;
    // digitalSignature and contentCommitment: what a seal does.
    let uso = seq(&[&oid("2.5.29.15"), &vero(), &ottetti(&tlv(0x03, &[6, 0xc0]))]);
    let estensioni = seq(&[&oid("1.2.840.113549.1.9.14"), &set(vec![seq(&[&uso])])]);
    let parte = seq(&[&numero(0), &soggetto.in_der()?, spki, &tlv(0xa0, &estensioni)]);
    let firma = firma(&parte)?;
    if !algoritmo.verifica(spki, &parte, &firma) {
        return Err(sealer::Errore::RispostaSbagliata {
            dove: "chiave nuova".into(),
            perche: "la firma della richiesta non è della chiave".into(),
        }
        .into());
    }
    Ok(firmato(&parte, algoritmo, &firma))
}

/// A key just made in memory (P-256): kept encrypted until the certificate comes, then put with it in a PKCS#12
/// ([`crate::pkcs12::scrivi`]).
pub struct ChiaveNuova {
    pkcs8: Zeroizing<Vec<u8>>,
    chiave: EcdsaKeyPair,
    caso: SystemRandom,
}

impl ChiaveNuova {
    /// Makes one.
    ///
    /// # Errors
    /// Only when the system has no randomness to give.
    pub fn genera() -> Result<Self, Errore> {
        let rotta =
            |_| sealer::Errore::NonDisponibile { dove: "questo computer".into(), perche: "numeri casuali".into() };
        let caso = SystemRandom::new();
        let documento = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &caso).map_err(rotta)?;
        let pkcs8 = Zeroizing::new(documento.as_ref().to_vec());
        let chiave = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &caso)
            .map_err(|e| sealer::Errore::Configurazione(e.to_string()))?;
        Ok(Self { pkcs8, chiave, caso })
    }

    /// The key itself (PKCS#8).
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// Its public half (SubjectPublicKeyInfo).
    pub fn spki(&self) -> Vec<u8> {
        let id = seq(&[&oid("1.2.840.10045.2.1"), &oid("1.2.840.10045.3.1.7")]);
        seq(&[&id, &bit(self.chiave.public_key().as_ref())])
    }

    /// Signs with it (`r || s`).
    ///
    /// # Errors
    /// Only when the system has no randomness to give.
    pub fn firma(&self, byte: &[u8]) -> Result<Vec<u8>, sealer::Errore> {
        let rotta =
            |_| sealer::Errore::NonDisponibile { dove: "questo computer".into(), perche: "numeri casuali".into() };
        Ok(self.chiave.sign(&self.caso, byte).map_err(rotta)?.as_ref().to_vec())
    }
}

impl std::fmt::Debug for ChiaveNuova {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChiaveNuova(…)")
    }
}

/// As files and mails want it.
pub fn in_pem(cosa: &str, der: &[u8]) -> String {
    let testo = BASE64.encode(der);
    let mut pem = format!("-----BEGIN {cosa}-----\n");
    let mut resto = testo.as_str();
    while !resto.is_empty() {
        let (riga, dopo) = resto.split_at(resto.len().min(64));
        pem.push_str(riga);
        pem.push('\n');
        resto = dopo;
    }
    pem.push_str(&format!("-----END {cosa}-----\n"));
    pem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_of_the_right_kind() {
        let testo = |i: Identificativo| i.testo().map_err(|e| e.to_string());
        assert_eq!(testo(Identificativo::PartitaIva("00123450561".into())).unwrap(), "VATIT-00123450561");
        assert_eq!(testo(Identificativo::CodiceFiscale("80006510806".into())).unwrap(), "CF:IT-80006510806");
        assert_eq!(testo(Identificativo::Ipa("c_f499".into())).unwrap(), "PA:IT-c_f499");
        assert_eq!(testo(Identificativo::RegistroImprese("00123450561".into())).unwrap(), "NTRIT-00123450561");
        assert!(testo(Identificativo::PartitaIva("00123450562".into())).unwrap_err().contains("partita IVA"));
        assert!(testo(Identificativo::PartitaIva("RSSMRA80A01".into())).is_err());
        assert!(testo(Identificativo::Ipa("c f499".into())).unwrap_err().contains("codice IPA"));
    }
}
