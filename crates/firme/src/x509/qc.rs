//! What a certificate declares of itself by `QcStatements` (ETSI EN 319 412-5): it says so, the trusted list confirms.

use serde::Serialize;

use crate::asn1::{Elemento, Esito, intero_piccolo, oid, tag};

/// What the certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TipoQc {
    /// Electronic signature, of a person.
    Firma,
    /// Electronic seal, of an organisation.
    Sigillo,
    /// Web site.
    Sito,
}

/// The statements that matter here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Dichiarazioni {
    /// Declares to be a qualified certificate.
    pub qualificato: bool,
    /// The key is in a qualified device.
    pub dispositivo_qualificato: bool,
    /// What it is for; empty in older certificates, which are for signatures.
    pub tipi: Vec<TipoQc>,
    /// Years its records are kept.
    pub conservazione_anni: Option<u64>,
}

impl Dichiarazioni {
    pub(super) fn leggi(sequenza: &Elemento) -> Esito<Self> {
        let mut d = Self::default();
        for s in sequenza.dentro().tutti(32)? {
            let mut l = s.atteso(tag::SEQUENCE)?.dentro();
            match oid(&l.leggi()?)?.as_str() {
                "0.4.0.1862.1.1" => d.qualificato = true,
                "0.4.0.1862.1.3" => d.conservazione_anni = l.leggi().and_then(|n| intero_piccolo(&n)).ok(),
                "0.4.0.1862.1.4" => d.dispositivo_qualificato = true,
                "0.4.0.1862.1.6" => {
                    for t in l.atteso(tag::SEQUENCE)?.dentro().tutti(8)? {
                        match oid(&t)?.as_str() {
                            "0.4.0.1862.1.6.1" => d.tipi.push(TipoQc::Firma),
                            "0.4.0.1862.1.6.2" => d.tipi.push(TipoQc::Sigillo),
                            "0.4.0.1862.1.6.3" => d.tipi.push(TipoQc::Sito),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(d)
    }
}
