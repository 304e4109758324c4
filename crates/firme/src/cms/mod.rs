//! Cryptographic Message Syntax (RFC 5652): the envelope of CAdES, PAdES, PEC and timestamps.
//!
//! [`Busta::leggi`] takes an envelope apart without copying its content; [`Firmatario::verifica`] says of one signer what is
//! true of his signature and nothing of who he is. Signed attributes are verified over the bytes received.

mod attributi;
mod verifica;

use std::borrow::Cow;

pub use attributi::{Attributi, nomi};
pub use verifica::Riscontro;

use crate::asn1::{self, Elemento, Lettore, Pezzi, oid, tag};
use crate::chiave;
use crate::esame::{Bilancio, Firma};
use crate::fiducia::Fiducia;
use crate::impronte::Coperto;
use crate::x509::Certificato;

/// Signers of one envelope, and countersigners of one signer.
pub const FIRMATARI_MAX: usize = 200;
/// Certificates and revocations of one envelope.
pub const CERTIFICATI_MAX: usize = 500;

/// Why an envelope cannot be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Errore {
    /// Not ASN.1, or another structure.
    #[error("busta CMS non leggibile: {0}")]
    Asn1(#[from] asn1::Errore),
    /// CMS of another type (encrypted, compressed, …).
    #[error("non è una busta firmata (tipo {0})")]
    Tipo(String),
    /// Not CMS at all.
    #[error("non è una busta CMS")]
    NonCms,
}

/// Who signs, as the envelope says.
#[derive(Debug, Clone)]
pub enum Chi<'a> {
    /// Issuer and serial number.
    Emittente(&'a [u8], &'a [u8]),
    /// Identifier of the key.
    Chiave(&'a [u8]),
}

/// One `SignerInfo`.
#[derive(Debug, Clone)]
pub struct Firmatario<'a> {
    /// Who.
    pub chi: Chi<'a>,
    /// OID of the digest algorithm.
    pub digesto: String,
    /// Signed attributes, when there are.
    pub firmati: Option<Attributi<'a>>,
    /// `AlgorithmIdentifier` of the signature.
    pub algoritmo: Elemento<'a>,
    /// The signature value.
    pub valore: Cow<'a, [u8]>,
    /// Attributes that the signature does not cover.
    pub non_firmati: Attributi<'a>,
}

/// A `SignedData`.
#[derive(Debug, Clone)]
pub struct Busta<'a> {
    /// OID of the content type.
    pub tipo: String,
    /// The content, when it is inside.
    pub contenuto: Option<Pezzi<'a>>,
    /// The certificates that can be read.
    pub certificati: Vec<Certificato>,
    /// Certificate lists, as received.
    pub crl: Vec<&'a [u8]>,
    /// OCSP responses (`BasicOCSPResponse` or `OCSPResponse`), as received.
    pub ocsp: Vec<&'a [u8]>,
    /// Signers.
    pub firmatari: Vec<Firmatario<'a>>,
    /// Bytes after the end of the envelope, that no signature covers.
    pub coda: &'a [u8],
}

impl<'a> Busta<'a> {
    /// Of the DER or BER of a `ContentInfo`.
    ///
    /// # Errors
    /// Not a `SignedData`, truncated, or over the limits.
    pub fn leggi(byte: &'a [u8]) -> Result<Self, Errore> {
        let mut l = Lettore::nuovo(byte);
        let fuori = l.leggi()?.atteso(tag::SEQUENCE).map_err(|_| Errore::NonCms)?;
        let coda = l.resto();
        let mut l = fuori.dentro();
        let tipo = oid(&l.leggi()?).map_err(|_| Errore::NonCms)?;
        if tipo != nomi::SIGNED_DATA {
            return Err(Errore::Tipo(tipo));
        }
        let dati = l.atteso(0xa0)?.dentro().atteso(tag::SEQUENCE)?;
        let mut busta = Self::dati(&dati)?;
        busta.coda = coda;
        Ok(busta)
    }

    fn dati(dati: &Elemento<'a>) -> Result<Self, Errore> {
        let mut l = dati.dentro();
        l.atteso(tag::INTEGER)?;
        l.atteso(tag::SET)?;
        let mut incapsulato = l.atteso(tag::SEQUENCE)?.dentro();
        let tipo = oid(&incapsulato.leggi()?)?;
        let contenuto = match incapsulato.se(0xa0)? {
            None => None,
            Some(e) => {
                let dentro = e.dentro().leggi()?;
                // PKCS#7 had any type here; its digest is over the value.
                Some(if matches!(dentro.tag, 0x04 | 0x24) { dentro.ottetti()? } else { Pezzi(vec![dentro.contenuto]) })
            }
        };
        let mut busta = Self {
            tipo,
            contenuto,
            certificati: Vec::new(),
            crl: Vec::new(),
            ocsp: Vec::new(),
            firmatari: Vec::new(),
            coda: &[],
        };
        if let Some(e) = l.se(0xa0)? {
            busta.certificati =
                e.dentro().tutti(CERTIFICATI_MAX)?.iter().filter_map(|c| Certificato::leggi(c.intero).ok()).collect();
        }
        if let Some(e) = l.se(0xa1)? {
            for r in e.dentro().tutti(CERTIFICATI_MAX)? {
                match r.tag {
                    tag::SEQUENCE => busta.crl.push(r.intero),
                    // OtherRevocationInfoFormat: OCSP.
                    0xa1 => {
                        let mut altro = r.dentro();
                        altro.leggi()?;
                        busta.ocsp.push(altro.leggi()?.intero);
                    }
                    _ => {}
                }
            }
        }
        for s in l.atteso(tag::SET)?.dentro().tutti(FIRMATARI_MAX)? {
            busta.firmatari.push(Firmatario::leggi(&s)?);
        }
        Ok(busta)
    }

    /// The digests of the content inside, or of `fuori` when the signature is detached.
    pub fn coperto<'c>(&self, fuori: Option<&'c [u8]>) -> Option<Coperto<'c>>
    where
        'a: 'c,
    {
        match &self.contenuto {
            Some(p) => Some(Coperto::nuovo(p.0.clone())),
            None => fuori.map(|f| Coperto::nuovo(vec![f])),
        }
    }
}

impl<'a> Firmatario<'a> {
    /// Of a `SignerInfo`.
    ///
    /// # Errors
    /// Another structure.
    pub fn leggi(e: &Elemento<'a>) -> Result<Self, asn1::Errore> {
        let mut l = e.atteso(tag::SEQUENCE)?.dentro();
        l.atteso(tag::INTEGER)?;
        let sid = l.leggi()?;
        let chi = match sid.tag {
            tag::SEQUENCE => {
                let mut s = sid.dentro();
                Chi::Emittente(s.atteso(tag::SEQUENCE)?.intero, s.atteso(tag::INTEGER)?.contenuto)
            }
            0x80 => Chi::Chiave(sid.contenuto),
            0xa0 => Chi::Chiave(sid.dentro().atteso(tag::OCTET_STRING)?.contenuto),
            trovato => return Err(asn1::Errore::Tag { atteso: tag::SEQUENCE, trovato }),
        };
        let digesto = oid(&l.atteso(tag::SEQUENCE)?.dentro().leggi()?)?;
        let firmati = l.se(0xa0)?.map(|a| Attributi::leggi(a.contenuto)).transpose()?;
        let algoritmo = l.atteso(tag::SEQUENCE)?;
        let valore = l.leggi()?.ottetti()?.unito();
        let non_firmati = l.se(0xa1)?.map(|a| Attributi::leggi(a.contenuto)).transpose()?.unwrap_or_default();
        Ok(Self { chi, digesto, firmati, algoritmo, valore, non_firmati })
    }
}

/// Checks a detached signature over these bytes: what the PEC of a provider needs (`smime.p7s` over the signed part), with the
/// anchors of PEC providers. One [`Firma`] for each signer.
///
/// # Errors
/// When `p7s` is not a CMS envelope; one that carries its own content is refused too, since what is signed would not be what
/// is at hand.
pub fn verifica_staccata(
    firmato: &[u8],
    p7s: &[u8],
    fiducia: &Fiducia,
    istante: jiff::Timestamp,
) -> Result<Vec<Firma>, Errore> {
    let spogliato = crate::involucro::scopri(p7s).ok_or(Errore::NonCms)?;
    let busta = Busta::leggi(&spogliato)?;
    let mut bilancio = Bilancio::nuovo();
    let contesto = crate::esame::Contesto { fiducia, istante, fonte: crate::esame::RIFERIMENTO, pec: true };
    let estraneo = busta.contenuto.is_some();
    let mut coperto = Coperto::nuovo(vec![firmato]);
    let mut firme = crate::cades::firme(&busta, Some(&mut coperto), &contesto, &mut bilancio);
    if estraneo {
        firme.iter_mut().for_each(|f| f.rifiuta("la firma staccata porta con sé un altro contenuto"));
    }
    Ok(firme)
}

impl From<chiave::Errore> for crate::esame::Motivo {
    fn from(e: chiave::Errore) -> Self {
        Self(e.to_string())
    }
}
