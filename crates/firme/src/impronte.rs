//! Digests: which are known, which are weak, and each of them computed once.

use std::collections::BTreeMap;

use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use sha3::{Sha3_224, Sha3_256, Sha3_384, Sha3_512};

use crate::asn1::{avvolgi, oid_in_der, tag};
use crate::canonica::Pozzo;

/// A digest algorithm (A6 Table 1, R-C09, and the ones of old signatures).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names of the algorithms")]
pub enum Digesto {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha3_224,
    Sha3_256,
    Sha3_384,
    Sha3_512,
}

use Digesto as D;

/// Algorithm, OID, name, address in XML signatures.
const TUTTI: [(Digesto, &str, &str, &str); 9] = [
    (D::Sha1, "1.3.14.3.2.26", "SHA-1", "http://www.w3.org/2000/09/xmldsig#sha1"),
    (D::Sha224, "2.16.840.1.101.3.4.2.4", "SHA-224", "http://www.w3.org/2001/04/xmldsig-more#sha224"),
    (D::Sha256, "2.16.840.1.101.3.4.2.1", "SHA-256", "http://www.w3.org/2001/04/xmlenc#sha256"),
    (D::Sha384, "2.16.840.1.101.3.4.2.2", "SHA-384", "http://www.w3.org/2001/04/xmldsig-more#sha384"),
    (D::Sha512, "2.16.840.1.101.3.4.2.3", "SHA-512", "http://www.w3.org/2001/04/xmlenc#sha512"),
    (D::Sha3_224, "2.16.840.1.101.3.4.2.7", "SHA3-224", "http://www.w3.org/2007/05/xmldsig-more#sha3-224"),
    (D::Sha3_256, "2.16.840.1.101.3.4.2.8", "SHA3-256", "http://www.w3.org/2007/05/xmldsig-more#sha3-256"),
    (D::Sha3_384, "2.16.840.1.101.3.4.2.9", "SHA3-384", "http://www.w3.org/2007/05/xmldsig-more#sha3-384"),
    (D::Sha3_512, "2.16.840.1.101.3.4.2.10", "SHA3-512", "http://www.w3.org/2007/05/xmldsig-more#sha3-512"),
];

impl Digesto {
    /// By its OID.
    pub fn da_oid(oid: &str) -> Option<Self> {
        // Signature algorithms are met where the one of the digest should be.
        let oid = match oid {
            "1.2.840.113549.1.1.5" => "1.3.14.3.2.26",
            "1.2.840.113549.1.1.11" => "2.16.840.1.101.3.4.2.1",
            altro => altro,
        };
        TUTTI.iter().find(|t| t.1 == oid).map(|t| t.0)
    }

    /// By its address in XML signatures.
    pub fn da_uri(uri: &str) -> Option<Self> {
        TUTTI.iter().find(|t| t.3 == uri).map(|t| t.0)
    }

    fn riga(self) -> &'static (Digesto, &'static str, &'static str, &'static str) {
        // The table has a line for each.
        TUTTI.iter().find(|t| t.0 == self).unwrap_or(&TUTTI[2])
    }

    /// Its OID.
    pub fn oid(self) -> &'static str {
        self.riga().1
    }

    /// As people call it.
    pub fn nome(self) -> &'static str {
        self.riga().2
    }

    /// Its address in XML signatures.
    pub fn uri(self) -> &'static str {
        self.riga().3
    }

    /// No longer to be trusted.
    pub fn debole(self) -> bool {
        self == D::Sha1
    }

    /// A digest to be fed.
    pub fn inizia(self) -> Calcolo {
        Calcolo(match self {
            D::Sha1 => Box::new(Sha1::default()) as Box<dyn DynDigest>,
            D::Sha224 => Box::new(Sha224::default()),
            D::Sha256 => Box::new(Sha256::default()),
            D::Sha384 => Box::new(Sha384::default()),
            D::Sha512 => Box::new(Sha512::default()),
            D::Sha3_224 => Box::new(Sha3_224::default()),
            D::Sha3_256 => Box::new(Sha3_256::default()),
            D::Sha3_384 => Box::new(Sha3_384::default()),
            D::Sha3_512 => Box::new(Sha3_512::default()),
        })
    }

    /// Of these bytes.
    pub fn di(self, byte: &[u8]) -> Vec<u8> {
        let mut c = self.inizia();
        c.aggiungi(byte);
        c.fine()
    }

    /// The start of a `DigestInfo` (RFC 8017 § 9.2), to which the digest is appended.
    pub fn prefisso(self) -> Vec<u8> {
        let alg = avvolgi(tag::SEQUENCE, &[&oid_in_der(self.oid())[..], &[5, 0]].concat());
        let lungo = self.di(&[]).len() as u8;
        let mut v = vec![0x30, alg.len() as u8 + 2 + lungo];
        v.extend(alg);
        v.extend([0x04, lungo]);
        v
    }
}

/// A digest being fed.
pub struct Calcolo(Box<dyn DynDigest>);

impl Calcolo {
    /// More bytes.
    pub fn aggiungi(&mut self, byte: &[u8]) {
        self.0.update(byte);
    }

    /// The digest.
    pub fn fine(self) -> Vec<u8> {
        self.0.finalize().into_vec()
    }
}

impl Pozzo for Calcolo {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}

/// Bytes in pieces, with each of their digests computed at most once: a signature in ten parts hashes its document once.
pub struct Coperto<'a> {
    pezzi: Vec<&'a [u8]>,
    fatte: BTreeMap<Digesto, Vec<u8>>,
}

impl<'a> Coperto<'a> {
    /// Of these pieces, in order.
    pub fn nuovo(pezzi: Vec<&'a [u8]>) -> Self {
        Self { pezzi, fatte: BTreeMap::new() }
    }

    /// Their digest.
    pub fn impronta(&mut self, d: Digesto) -> &[u8] {
        let pezzi = &self.pezzi;
        self.fatte.entry(d).or_insert_with(|| {
            let mut c = d.inizia();
            pezzi.iter().for_each(|p| c.aggiungi(p));
            c.fine()
        })
    }

    /// How many bytes.
    pub fn lunghezza(&self) -> usize {
        self.pezzi.iter().map(|p| p.len()).sum()
    }

    /// The pieces.
    pub fn pezzi(&self) -> &[&'a [u8]] {
        &self.pezzi
    }
}

/// Lower-case hexadecimal.
pub fn esadecimale(byte: &[u8]) -> String {
    use std::fmt::Write as _;
    byte.iter().fold(String::with_capacity(byte.len() * 2), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

#[cfg(test)]
mod prove {
    use super::*;

    #[test]
    fn prefixes_are_those_of_rfc_8017() {
        assert_eq!(esadecimale(&D::Sha1.prefisso()), "3021300906052b0e03021a05000414");
        assert_eq!(esadecimale(&D::Sha256.prefisso()), "3031300d060960864801650304020105000420");
        assert_eq!(esadecimale(&D::Sha512.prefisso()), "3051300d060960864801650304020305000440");
    }

    #[test]
    fn digests_are_known_by_each_of_their_names() {
        for (d, oid, _, uri) in TUTTI {
            assert_eq!((Digesto::da_oid(oid), Digesto::da_uri(uri)), (Some(d), Some(d)));
        }
        assert_eq!(esadecimale(&D::Sha256.di(b"abc"))[..16], *"ba7816bf8f01cfea");
    }
}
