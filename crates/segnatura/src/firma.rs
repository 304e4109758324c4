//! The seal, as far as it is read here: whether it is there and whose certificate it carries (R-C10).
//!
//! Whether it holds is judged by somebody else, through [`GiudiceFirma`]: this crate does no cryptography beyond a digest.

use roxmltree::Node;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::grammatica::semplici::base64;

/// Who can say whether an XML signature holds: the seam where a verifier is plugged in (R-C12).
pub trait GiudiceFirma {
    /// `Some(true)` if every signature over these bytes verifies, `Some(false)` if one does not, `None` if it cannot be
    /// told. The bytes are those received, not the decoded text.
    fn integra(&self, xml: &[u8]) -> Option<bool>;
}

/// Nobody to ask: integrity stays unknown.
#[derive(Debug, Clone, Copy, Default)]
pub struct NessunGiudice;

impl GiudiceFirma for NessunGiudice {
    fn integra(&self, _: &[u8]) -> Option<bool> {
        None
    }
}

/// What is known of the seal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Firma {
    /// A `Signature` is there.
    pub presente: bool,
    /// What the [`GiudiceFirma`] said.
    pub integra: Option<bool>,
    /// The first certificate of its `KeyInfo`.
    pub certificato: Option<Certificato>,
}

/// A certificate found in a `KeyInfo`: what it says is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificato {
    /// DER, in base64 without blanks.
    pub base64: String,
    /// SHA-256 of the DER, in hexadecimal: the fingerprint.
    pub sha256: String,
}

/// Looks for the seal among the children of the root of a segnatura; the namespace may be wrong.
pub(crate) fn leggi(segnatura: Node<'_, '_>) -> Firma {
    let Some(firma) = segnatura.children().find(|n| n.is_element() && n.tag_name().name() == "Signature") else {
        return Firma::default();
    };
    let certificato = firma
        .descendants()
        .filter(|n| n.tag_name().name() == "X509Certificate")
        // XAdES carries certificates elsewhere too; the signer's is in KeyInfo.
        .find(|n| n.ancestors().any(|a| a.tag_name().name() == "KeyInfo"))
        .and_then(|n| base64(n.text()?))
        .map(|der| {
            use base64::Engine as _;
            let sha256 = Sha256::digest(&der).iter().map(|b| format!("{b:02x}")).collect();
            Certificato { base64: base64::engine::general_purpose::STANDARD.encode(&der), sha256 }
        });
    Firma { presente: true, integra: None, certificato }
}
