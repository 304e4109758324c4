//! The signature of the provider on an envelope or a receipt (RFC 8551, `multipart/signed`; R-E05).
//!
//! Three facts, apart: there is one; what is here is what was signed; the certificate leads to a provider that somebody
//! believes in. None of them is a reason to drop a message. What is signed are the bytes of the first part, header included,
//! with line breaks of two characters; the header of the message itself is signed by nobody.

use std::borrow::Cow;

use firme::Fiducia;
use firme::esame::{EsitoIdentita, EsitoRevoca};
use jiff::Timestamp;
use serde::Serialize;

use crate::mime::Messaggio;

/// Bytes of a `smime.p7s`.
const P7S_MAX: usize = 1 << 20;

/// Whether what is here is what was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Integrita {
    /// There is no signature.
    #[default]
    Assente,
    /// It is.
    Integra,
    /// It is not: the content was changed, or the signature is of another.
    Alterata,
    /// Nobody can say: the signature cannot be read, or is of a kind that is not known.
    NonVerificabile,
}

/// The signature of a message.
#[derive(Debug, Clone, Default)]
pub struct Firma {
    /// Whether what is here is what was signed.
    pub integrita: Integrita,
    /// Why it is not intact, or could not be judged.
    pub motivo: Option<String>,
    /// One for each signer, with all that is known of him: chain, revocation, algorithms.
    pub firme: Vec<firme::Firma>,
    /// The part that it covers, among those of the message.
    pub firmata: Option<usize>,
}

impl Firma {
    /// There is one.
    pub fn presente(&self) -> bool {
        self.integrita != Integrita::Assente
    }

    /// What is here is what was signed.
    pub fn integra(&self) -> bool {
        self.integrita == Integrita::Integra
    }

    /// Who signed leads to a provider that is believed in: the weakest of the signers says.
    pub fn identita(&self) -> EsitoIdentita {
        let forza = |e: &EsitoIdentita| match e {
            EsitoIdentita::NonVerificata => 0,
            EsitoIdentita::Sconosciuta => 1,
            EsitoIdentita::Scaduta => 2,
            EsitoIdentita::Riconosciuta => 3,
        };
        self.firme.iter().map(|f| f.identita).min_by_key(forza).unwrap_or_default()
    }

    /// A provider of those believed in made this, and it is as it was made.
    pub fn verificata(&self) -> bool {
        self.integra()
            && self.identita() == EsitoIdentita::Riconosciuta
            && self.firme.iter().all(|f| f.revoca != EsitoRevoca::Revocata)
    }

    fn non_verificabile(perche: impl Into<String>) -> Self {
        let motivo = Some(format!("firma non verificabile: {}", perche.into()));
        Self { integrita: Integrita::NonVerificabile, motivo, ..Self::default() }
    }
}

/// Looks at the signature of a message; certificates are judged at `istante`.
pub(crate) fn leggi(m: &Messaggio<'_>, fiducia: &Fiducia, istante: Timestamp) -> Firma {
    let Some(radice) = m.parti().first() else { return Firma::default() };
    if matches!(radice.mime.as_str(), "application/pkcs7-mime" | "application/x-pkcs7-mime") {
        return Firma::non_verificabile("il messaggio è dentro la sua firma (pkcs7-mime), che non è della PEC");
    }
    if radice.mime != "multipart/signed" {
        return Firma::default();
    }
    let figli: Vec<usize> = m.figli(0).map(|(i, _)| i).collect();
    let (&[firmata, p7s], parti) = (figli.as_slice(), m.parti()) else {
        return Firma::non_verificabile(format!("le parti sono {} invece di due", figli.len()));
    };
    if !matches!(parti[p7s].mime.as_str(), "application/pkcs7-signature" | "application/x-pkcs7-signature") {
        return Firma { firmata: Some(firmata), ..Firma::non_verificabile(format!("è {}", parti[p7s].mime)) };
    }
    let p7s = m.contenuto(&parti[p7s]).inizio(P7S_MAX + 1);
    if p7s.len() > P7S_MAX {
        return Firma { firmata: Some(firmata), ..Firma::non_verificabile("è troppo grande") };
    }
    let coperto = canonici(&m.byte()[parti[firmata].intera()]);
    let f = match firme::cms::verifica_staccata(&coperto, &p7s, fiducia, istante) {
        Ok(firme) => giudica(firme),
        Err(e) => Firma::non_verificabile(e.to_string()),
    };
    Firma { firmata: Some(firmata), ..f }
}

fn giudica(firme: Vec<firme::Firma>) -> Firma {
    let Some(guasta) = firme.iter().find(|f| !f.integra) else {
        return match firme.is_empty() {
            true => Firma::non_verificabile("la busta non contiene firme"),
            false => Firma { integrita: Integrita::Integra, firme, ..Firma::default() },
        };
    };
    let parti = &guasta.integrita;
    let (integrita, motivo) = if parti.impronta == Some(false) {
        (Integrita::Alterata, "il contenuto non è quello firmato (l'impronta è un'altra)".to_owned())
    } else if parti.valore == Some(false) || parti.certificato == Some(false) {
        (Integrita::Alterata, "il valore della firma non è di quel certificato".to_owned())
    } else {
        let perche = guasta.errore.as_deref().unwrap_or("non si può giudicare");
        (Integrita::NonVerificabile, format!("firma non verificabile: {perche}"))
    };
    Firma { integrita, motivo: Some(motivo), firme, firmata: None }
}

/// With line breaks of two characters; not copied when they are already.
pub(crate) fn canonici(byte: &[u8]) -> Cow<'_, [u8]> {
    let soli = |i: &usize| *i == 0 || byte[i - 1] != b'\r';
    let quanti = memchr::memchr_iter(b'\n', byte).filter(soli).count();
    if quanti == 0 {
        return byte.into();
    }
    let mut v = Vec::with_capacity(byte.len() + quanti);
    let mut da = 0;
    for i in memchr::memchr_iter(b'\n', byte).filter(soli) {
        v.extend_from_slice(&byte[da..i]);
        v.push(b'\r');
        da = i;
    }
    v.extend_from_slice(&byte[da..]);
    v.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_line_feeds_get_their_carriage_return() {
        assert_eq!(*canonici(b"a\nb\r\n\n\nc"), *b"a\r\nb\r\n\r\n\r\nc");
        assert!(matches!(canonici(b"a\r\nb"), Cow::Borrowed(_)));
        assert_eq!(*canonici(b"\n"), *b"\r\n");
    }
}
