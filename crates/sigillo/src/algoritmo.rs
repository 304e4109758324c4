//! The algorithms by which we sign: three, all of Table 1 of Allegato 6 and of ETSI TS 119 312. What a key can do is
//! read from its certificate, never from a configuration.

use firme::asn1::{self, Lettore, oid, senza_zeri, tag};
use firme::impronte::Digesto;
use ring::digest;
use ring::signature::{self, UnparsedPublicKey};

use crate::der;

/// How a seal is signed, and over which digest. Allegato 6, Table 1; R-C09.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algoritmo {
    /// RSA PKCS#1 v1.5 with SHA-256, keys of 2048 bits or more.
    RsaSha256,
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384Sha384,
}

use Algoritmo::{EcdsaP256Sha256, EcdsaP384Sha384, RsaSha256};

impl Algoritmo {
    /// What a public key (SubjectPublicKeyInfo) can sign with.
    ///
    /// # Errors
    /// In words, when it is of a kind with which we do not seal.
    pub fn della_chiave(spki: &[u8]) -> Result<Self, String> {
        let (oid, curva, chiave) = leggi_spki(spki).map_err(|e| format!("chiave pubblica illeggibile: {e}"))?;
        match (oid.as_str(), curva.as_deref()) {
            ("1.2.840.113549.1.1.1", _) => {
                let bit = Self::bit_rsa(chiave).map_err(|e| format!("chiave RSA illeggibile: {e}"))?;
                if bit < 2048 {
                    return Err(format!("chiave RSA di {bit} bit: ne servono almeno 2048"));
                }
                Ok(RsaSha256)
            }
            ("1.2.840.10045.2.1", Some("1.2.840.10045.3.1.7")) => Ok(EcdsaP256Sha256),
            ("1.2.840.10045.2.1", Some("1.3.132.0.34")) => Ok(EcdsaP384Sha384),
            ("1.2.840.10045.2.1", curva) => {
                Err(format!("curva ellittica {} non gestita: P-256 o P-384", curva.unwrap_or("senza nome")))
            }
            (altro, _) => Err(format!("chiave di tipo {altro} non gestita: RSA, P-256 o P-384")),
        }
    }

    fn bit_rsa(chiave: &[u8]) -> Result<usize, asn1::Errore> {
        let utili = senza_zeri(Lettore::solo(chiave, tag::SEQUENCE)?.dentro().atteso(tag::INTEGER)?.contenuto);
        Ok(utili.first().map_or(0, |b| utili.len() * 8 - b.leading_zeros() as usize))
    }

    /// The digest of some bytes.
    pub fn impronta(self, byte: &[u8]) -> Vec<u8> {
        digest::digest(self.digest(), byte).as_ref().to_vec()
    }

    pub(crate) fn digest(self) -> &'static digest::Algorithm {
        match self {
            RsaSha256 | EcdsaP256Sha256 => &digest::SHA256,
            EcdsaP384Sha384 => &digest::SHA384,
        }
    }

    /// How long a signature on a curve is (`r || s`).
    pub(crate) fn lunghezza_ecdsa(self) -> Option<usize> {
        match self {
            RsaSha256 => None,
            EcdsaP256Sha256 => Some(64),
            EcdsaP384Sha384 => Some(96),
        }
    }

    /// Its identifier in XML signatures (RFC 9231).
    pub fn uri_firma(self) -> &'static str {
        match self {
            RsaSha256 => "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
            EcdsaP256Sha256 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
            EcdsaP384Sha384 => "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
        }
    }

    /// The identifier of its digest in XML signatures.
    pub fn uri_impronta(self) -> &'static str {
        self.digesto().uri()
    }

    /// Its digest, by its names.
    pub(crate) fn digesto(self) -> Digesto {
        match self {
            RsaSha256 | EcdsaP256Sha256 => Digesto::Sha256,
            EcdsaP384Sha384 => Digesto::Sha384,
        }
    }

    /// Identifier of key and digest together.
    pub(crate) fn oid_firma(self) -> &'static str {
        match self {
            RsaSha256 => "1.2.840.113549.1.1.11",
            EcdsaP256Sha256 => "1.2.840.10045.4.3.2",
            EcdsaP384Sha384 => "1.2.840.10045.4.3.3",
        }
    }

    /// AlgorithmIdentifier of its digest (RFC 5754 § 2: no parameters).
    pub(crate) fn id_impronta(self) -> Vec<u8> {
        der::seq(&[&der::oid(self.digesto().oid())])
    }

    /// AlgorithmIdentifier of key and digest (RFC 4055 § 5: NULL for RSA, RFC 5758 § 3.2: nothing for ECDSA).
    pub(crate) fn id_firma(self) -> Vec<u8> {
        let oid = der::oid(self.oid_firma());
        match self {
            RsaSha256 => der::seq(&[&oid, &der::nullo()]),
            _ => der::seq(&[&oid]),
        }
    }

    /// A signature of ours as CMS and X.509 want it.
    pub(crate) fn firma_in_der(self, firma: &[u8]) -> Vec<u8> {
        match self {
            RsaSha256 => firma.to_vec(),
            _ => der::ecdsa(firma),
        }
    }

    /// Does this signature (`r || s` on curves) hold over these bytes?
    pub fn verifica(self, spki: &[u8], byte: &[u8], firma: &[u8]) -> bool {
        let Ok((_, _, chiave)) = leggi_spki(spki) else { return false };
        let come: &'static dyn signature::VerificationAlgorithm = match self {
            RsaSha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            EcdsaP256Sha256 => &signature::ECDSA_P256_SHA256_FIXED,
            EcdsaP384Sha384 => &signature::ECDSA_P384_SHA384_FIXED,
        };
        UnparsedPublicKey::new(come, chiave).verify(byte, firma).is_ok()
    }

    /// DigestInfo of RSA PKCS#1 v1.5 (RFC 8017 § 9.2), for devices that want the digest made by us.
    pub(crate) fn digest_info(self, impronta: &[u8]) -> Vec<u8> {
        [&self.digesto().prefisso(), impronta].concat()
    }
}

/// Kind of key, curve, and the key itself.
pub(crate) fn leggi_spki(spki: &[u8]) -> Result<(String, Option<String>, &[u8]), asn1::Errore> {
    let mut l = Lettore::solo(spki, tag::SEQUENCE)?.dentro();
    let mut id = l.atteso(tag::SEQUENCE)?.dentro();
    let tipo = oid(&id.leggi()?)?;
    let curva = id.se(tag::OID)?.map(|e| oid(&e)).transpose()?;
    Ok((tipo, curva, l.leggi()?.bit()?))
}

/// A signature on a curve as whoever made it gave it, in DER or raw, to `r || s` of this length. `None` if it is
/// neither. Providers differ, whatever they say (stack: CSC).
pub(crate) fn ecdsa_grezza(firma: &[u8], lunghezza: usize) -> Option<Vec<u8>> {
    if firma.len() == lunghezza {
        return Some(firma.to_vec());
    }
    let mut l = Lettore::solo(firma, tag::SEQUENCE).ok()?.dentro();
    let mut v = Vec::with_capacity(lunghezza);
    for _ in 0..2 {
        let utili = senza_zeri(l.atteso(tag::INTEGER).ok()?.contenuto);
        v.resize(v.len() + (lunghezza / 2).checked_sub(utili.len())?, 0);
        v.extend_from_slice(utili);
    }
    l.finito().then_some(v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_signature_on_a_curve_survives_both_dresses(r_s in proptest::collection::vec(any::<u8>(), 64)) {
            prop_assert_eq!(ecdsa_grezza(&der::ecdsa(&r_s), 64), Some(r_s.clone()));
            prop_assert_eq!(ecdsa_grezza(&r_s, 64), Some(r_s));
        }

        #[test]
        fn any_bytes_are_a_signature_or_not(byte in proptest::collection::vec(any::<u8>(), 0..120)) {
            if let Some(v) = ecdsa_grezza(&byte, 64) {
                prop_assert_eq!(v.len(), 64);
            }
        }
    }
}
