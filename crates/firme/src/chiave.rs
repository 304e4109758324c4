//! Public keys and signature values. Only verification: no private key ever comes here (RUSTSEC-2023-0071 is about those).

use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::{BoxedUint, PublicKey};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::asn1::{self, Elemento, Lettore, intero_piccolo, oid, senza_zeri, tag};
use crate::impronte::Digesto;

/// Why a signature value could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Errore {
    /// Not one of the algorithms of this crate.
    #[error("algoritmo non supportato: {0}")]
    Algoritmo(String),
    /// The key is not what its algorithm asks.
    #[error("chiave pubblica non valida: {0}")]
    Chiave(&'static str),
    /// The bytes are not ASN.1.
    #[error(transparent)]
    Asn1(#[from] asn1::Errore),
}

/// A public key.
#[derive(Debug, Clone)]
pub enum Chiave {
    /// Modulus and exponent.
    Rsa(Box<PublicKey>),
    /// A curve of NIST, and the point as received.
    Ec(Curva, Vec<u8>),
}

/// Curves of NIST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of the curves")]
pub enum Curva {
    P256,
    P384,
    P521,
}

impl Chiave {
    /// Of a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// Another algorithm, or a key that cannot be.
    pub fn da_spki(spki: &Elemento) -> Result<Self, Errore> {
        let mut l = spki.dentro();
        let mut alg = l.atteso(tag::SEQUENCE)?.dentro();
        let chiave = l.leggi()?.bit()?;
        match oid(&alg.leggi()?)?.as_str() {
            "1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.10" | "2.5.8.1.1" => {
                let mut l = Lettore::nuovo(chiave).atteso(tag::SEQUENCE)?.dentro();
                Self::rsa(l.atteso(tag::INTEGER)?.contenuto, l.atteso(tag::INTEGER)?.contenuto)
            }
            "1.2.840.10045.2.1" => {
                let curva = oid(&alg.leggi()?)?;
                let curva = match curva.as_str() {
                    "1.2.840.10045.3.1.7" => Curva::P256,
                    "1.3.132.0.34" => Curva::P384,
                    "1.3.132.0.35" => Curva::P521,
                    _ => return Err(Errore::Algoritmo(format!("curva ellittica {curva}"))),
                };
                Ok(Self::Ec(curva, chiave.to_vec()))
            }
            "1.2.840.10040.4.1" => Err(Errore::Algoritmo("DSA".into())),
            "1.3.101.112" => Err(Errore::Algoritmo("Ed25519".into())),
            altro => Err(Errore::Algoritmo(format!("chiave {altro}"))),
        }
    }

    /// Of modulus and exponent, big endian.
    ///
    /// # Errors
    /// A key that cannot be.
    pub fn rsa(modulo: &[u8], esponente: &[u8]) -> Result<Self, Errore> {
        let (n, e) = (senza_zeri(modulo), senza_zeri(esponente));
        if n.len() > 1024 || e.len() > 8 {
            return Err(Errore::Chiave("RSA oltre gli 8192 bit"));
        }
        let (n, e) = (BoxedUint::from_be_slice_vartime(n), BoxedUint::from_be_slice_vartime(e));
        // Short keys are verified too, and said to be weak.
        PublicKey::new_with_size_limits(n, e, 512..=8192)
            .map(|k| Self::Rsa(Box::new(k)))
            .map_err(|_| Errore::Chiave("RSA con modulo o esponente inammissibile"))
    }

    /// Size in bits.
    pub fn bit(&self) -> u32 {
        use rsa::traits::PublicKeyParts as _;
        match self {
            Self::Rsa(k) => k.n().bit_width_vartime(),
            Self::Ec(Curva::P256, _) => 256,
            Self::Ec(Curva::P384, _) => 384,
            Self::Ec(Curva::P521, _) => 521,
        }
    }

    /// As people call it.
    pub fn nome(&self) -> String {
        match self {
            Self::Rsa(_) => format!("RSA {} bit", self.bit()),
            Self::Ec(..) => format!("ECDSA P-{}", self.bit()),
        }
    }

    /// Too short to be trusted today.
    pub fn debole(&self) -> bool {
        matches!(self, Self::Rsa(_)) && self.bit() < 2048
    }
}

/// How a signature value is made of a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// RSA PKCS#1 v1.5; the digest when the algorithm names it.
    Rsa(Option<Digesto>),
    /// RSA-PSS with its digest and length of salt.
    Pss(Digesto, usize),
    /// ECDSA; the digest when the algorithm names it.
    Ecdsa(Option<Digesto>),
}

use Digesto as D;

/// Algorithms of signature by OID.
const SCHEMI: [(&str, Schema); 19] = [
    ("1.2.840.113549.1.1.1", Schema::Rsa(None)),
    ("1.2.840.113549.1.1.5", Schema::Rsa(Some(D::Sha1))),
    ("1.3.14.3.2.29", Schema::Rsa(Some(D::Sha1))),
    ("1.2.840.113549.1.1.14", Schema::Rsa(Some(D::Sha224))),
    ("1.2.840.113549.1.1.11", Schema::Rsa(Some(D::Sha256))),
    ("1.2.840.113549.1.1.12", Schema::Rsa(Some(D::Sha384))),
    ("1.2.840.113549.1.1.13", Schema::Rsa(Some(D::Sha512))),
    ("2.16.840.1.101.3.4.3.13", Schema::Rsa(Some(D::Sha3_224))),
    ("2.16.840.1.101.3.4.3.14", Schema::Rsa(Some(D::Sha3_256))),
    ("2.16.840.1.101.3.4.3.15", Schema::Rsa(Some(D::Sha3_384))),
    ("2.16.840.1.101.3.4.3.16", Schema::Rsa(Some(D::Sha3_512))),
    ("1.2.840.10045.2.1", Schema::Ecdsa(None)),
    ("1.2.840.10045.4.1", Schema::Ecdsa(Some(D::Sha1))),
    ("1.2.840.10045.4.3.1", Schema::Ecdsa(Some(D::Sha224))),
    ("1.2.840.10045.4.3.2", Schema::Ecdsa(Some(D::Sha256))),
    ("1.2.840.10045.4.3.3", Schema::Ecdsa(Some(D::Sha384))),
    ("1.2.840.10045.4.3.4", Schema::Ecdsa(Some(D::Sha512))),
    ("2.16.840.1.101.3.4.3.10", Schema::Ecdsa(Some(D::Sha3_256))),
    ("2.16.840.1.101.3.4.3.12", Schema::Ecdsa(Some(D::Sha3_512))),
];

impl Schema {
    /// Of an `AlgorithmIdentifier`.
    ///
    /// # Errors
    /// Another algorithm.
    pub fn da_algoritmo(alg: &Elemento) -> Result<Self, Errore> {
        let mut l = alg.atteso(tag::SEQUENCE)?.dentro();
        let nome = oid(&l.leggi()?)?;
        if nome == "1.2.840.113549.1.1.10" {
            return pss(l.se(tag::SEQUENCE)?);
        }
        SCHEMI.iter().find(|(o, _)| *o == nome).map(|(_, s)| *s).ok_or(Errore::Algoritmo(format!("firma {nome}")))
    }

    /// By its address in XML signatures.
    pub fn da_uri(uri: &str) -> Option<Self> {
        const PIU: &str = "http://www.w3.org/2001/04/xmldsig-more#";
        const PIU_2007: &str = "http://www.w3.org/2007/05/xmldsig-more#";
        let digesto = |n: &str| match n {
            "sha1" => Some(D::Sha1),
            "sha224" => Some(D::Sha224),
            "sha256" => Some(D::Sha256),
            "sha384" => Some(D::Sha384),
            "sha512" => Some(D::Sha512),
            "sha3-224" => Some(D::Sha3_224),
            "sha3-256" => Some(D::Sha3_256),
            "sha3-384" => Some(D::Sha3_384),
            "sha3-512" => Some(D::Sha3_512),
            _ => None,
        };
        if uri == "http://www.w3.org/2000/09/xmldsig#rsa-sha1" {
            return Some(Self::Rsa(Some(D::Sha1)));
        }
        if let Some(n) = uri.strip_prefix(PIU_2007)
            && let Some(n) = n.strip_suffix("-rsa-MGF1")
        {
            let d = digesto(n)?;
            return Some(Self::Pss(d, d.di(&[]).len()));
        }
        let n = uri.strip_prefix(PIU)?;
        match n.strip_prefix("rsa-") {
            Some(d) => Some(Self::Rsa(Some(digesto(d)?))),
            None => Some(Self::Ecdsa(Some(digesto(n.strip_prefix("ecdsa-")?)?))),
        }
    }

    /// The digest that it names.
    pub fn digesto(self) -> Option<Digesto> {
        match self {
            Self::Rsa(d) | Self::Ecdsa(d) => d,
            Self::Pss(d, _) => Some(d),
        }
    }

    /// As people call it, with this digest where it names none.
    pub fn nome(self, d: Digesto) -> String {
        let d = self.digesto().unwrap_or(d).nome();
        match self {
            Self::Rsa(_) => format!("RSA con {d}"),
            Self::Pss(..) => format!("RSA-PSS con {d}"),
            Self::Ecdsa(_) => format!("ECDSA con {d}"),
        }
    }

    /// Whether the value is the signature of the digest by the key. `grezza`: an ECDSA value is r||s (XML), not DER (CMS).
    ///
    /// # Errors
    /// When the key or the digest are not for this scheme.
    pub fn verifica(
        self,
        chiave: &Chiave,
        d: Digesto,
        impronta: &[u8],
        valore: &[u8],
        grezza: bool,
    ) -> Result<bool, Errore> {
        match (self, chiave) {
            (Self::Rsa(_), Chiave::Rsa(k)) => {
                let schema = Pkcs1v15Sign { hash_len: Some(impronta.len()), prefix: d.prefisso().into_boxed_slice() };
                Ok(k.verify(schema, impronta, valore).is_ok())
            }
            (Self::Pss(d, sale), Chiave::Rsa(k)) => {
                macro_rules! con {
                    ($h:ty) => {
                        k.verify(rsa::Pss::<$h>::new_with_salt(sale), impronta, valore).is_ok()
                    };
                }
                Ok(match d {
                    D::Sha1 => con!(Sha1),
                    D::Sha224 => con!(Sha224),
                    D::Sha256 => con!(Sha256),
                    D::Sha384 => con!(Sha384),
                    D::Sha512 => con!(Sha512),
                    altro => return Err(Errore::Algoritmo(format!("RSA-PSS con {}", altro.nome()))),
                })
            }
            (Self::Ecdsa(_), Chiave::Ec(curva, punto)) => {
                macro_rules! con {
                    ($c:ident) => {{
                        let k = $c::ecdsa::VerifyingKey::from_sec1_bytes(punto)
                            .map_err(|_| Errore::Chiave("punto fuori dalla curva"))?;
                        let f = if grezza {
                            $c::ecdsa::Signature::from_slice(valore)
                        } else {
                            $c::ecdsa::Signature::from_der(valore)
                        };
                        Ok(f.is_ok_and(|f| k.verify_prehash(impronta, &f).is_ok()))
                    }};
                }
                match curva {
                    Curva::P256 => con!(p256),
                    Curva::P384 => con!(p384),
                    Curva::P521 => con!(p521),
                }
            }
            _ => Err(Errore::Chiave("non è del tipo che la firma dichiara")),
        }
    }
}

/// RFC 4055: defaults are SHA-1, MGF1 with SHA-1, salt of 20; the two digests must be the same.
fn pss(parametri: Option<Elemento>) -> Result<Schema, Errore> {
    let (mut d, mut mgf, mut sale) = (D::Sha1, D::Sha1, 20);
    let digesto = |e: &Elemento| -> Result<Digesto, Errore> {
        let nome = oid(&e.atteso(tag::SEQUENCE)?.dentro().leggi()?)?;
        Digesto::da_oid(&nome).ok_or(Errore::Algoritmo(format!("impronta {nome}")))
    };
    if let Some(p) = parametri {
        let mut l = p.dentro();
        while !l.finito() {
            let e = l.leggi()?;
            let dentro = e.dentro().leggi()?;
            match e.tag {
                0xa0 => d = digesto(&dentro)?,
                0xa1 => {
                    let mut m = dentro.dentro();
                    m.leggi()?;
                    mgf = digesto(&m.leggi()?)?;
                }
                0xa2 => sale = usize::try_from(intero_piccolo(&dentro)?).unwrap_or(usize::MAX),
                _ => {}
            }
        }
    }
    if d != mgf || sale > 1024 {
        return Err(Errore::Algoritmo("RSA-PSS con parametri insoliti".into()));
    }
    Ok(Schema::Pss(d, sale))
}
