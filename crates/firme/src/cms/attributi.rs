//! Attributes of a signer: read once, found by OID.

use crate::asn1::{self, Elemento, Lettore, oid, tag};

/// Attributes of one kind of one signer.
const ATTRIBUTI_MAX: usize = 200;

/// OIDs met in envelopes.
#[expect(missing_docs, reason = "the names of the norms")]
pub mod nomi {
    pub const DATA: &str = "1.2.840.113549.1.7.1";
    pub const SIGNED_DATA: &str = "1.2.840.113549.1.7.2";
    pub const TST_INFO: &str = "1.2.840.113549.1.9.16.1.4";
    pub const TIMESTAMPED_DATA: &str = "1.2.840.113549.1.9.16.1.31";
    pub const CONTENT_TYPE: &str = "1.2.840.113549.1.9.3";
    pub const MESSAGE_DIGEST: &str = "1.2.840.113549.1.9.4";
    pub const SIGNING_TIME: &str = "1.2.840.113549.1.9.5";
    pub const COUNTER_SIGNATURE: &str = "1.2.840.113549.1.9.6";
    pub const SIGNING_CERTIFICATE: &str = "1.2.840.113549.1.9.16.2.12";
    pub const SIGNING_CERTIFICATE_V2: &str = "1.2.840.113549.1.9.16.2.47";
    pub const SIGNATURE_TIMESTAMP: &str = "1.2.840.113549.1.9.16.2.14";
    pub const CERT_VALUES: &str = "1.2.840.113549.1.9.16.2.23";
    pub const REVOCATION_VALUES: &str = "1.2.840.113549.1.9.16.2.24";
    pub const ADBE_REVOCATION: &str = "1.2.840.113583.1.1.8";
    pub const ARCHIVE_TIMESTAMP: [&str; 3] =
        ["1.2.840.113549.1.9.16.2.27", "1.2.840.113549.1.9.16.2.48", "0.4.0.1733.2.4"];
}

/// A set of attributes, with its bytes.
#[derive(Debug, Clone, Default)]
pub struct Attributi<'a> {
    /// The value of the set as received: what is signed, under the tag of a SET.
    pub byte: &'a [u8],
    voci: Vec<(String, Elemento<'a>)>,
}

impl<'a> Attributi<'a> {
    pub(super) fn leggi(byte: &'a [u8]) -> Result<Self, asn1::Errore> {
        let mut voci = Vec::new();
        for a in Lettore::nuovo(byte).tutti(ATTRIBUTI_MAX)? {
            let mut l = a.atteso(tag::SEQUENCE)?.dentro();
            let nome = oid(&l.leggi()?)?;
            voci.push((nome, l.atteso(tag::SET)?));
        }
        Ok(Self { byte, voci })
    }

    /// All the values of the attributes of this name.
    pub fn valori(&self, nome: &str) -> Vec<Elemento<'a>> {
        self.voci
            .iter()
            .filter(|(n, _)| n == nome)
            .flat_map(|(_, v)| v.dentro().tutti(super::FIRMATARI_MAX).unwrap_or_default())
            .collect()
    }

    /// The value, when there is one attribute of this name with one value: two would let each reader choose his own.
    pub fn unico(&self, nome: &str) -> Option<Elemento<'a>> {
        match self.valori(nome).as_slice() {
            [uno] => Some(*uno),
            _ => None,
        }
    }

    /// Whether there is one of this name.
    pub fn ha(&self, nome: &str) -> bool {
        self.voci.iter().any(|(n, _)| n == nome)
    }
}
