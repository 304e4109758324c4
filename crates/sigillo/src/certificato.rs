//! Certificates as the seal needs them: whose they are, until when, with which key, and whether they say that they are
//! qualified for seals. Trust is not judged here: that is `firme`'s.

use firme::asn1::{AVANZO, tag};
use firme::x509::{self, Nome, TipoQc};
use jiff::Timestamp;

use crate::der::tlv;

pub use firme::x509::{Dichiarazioni, Errore};

/// Most certificates of a file.
const CERTIFICATI_MAX: usize = 64;

/// A certificate, in DER, with what was read in it.
#[derive(Clone)]
pub struct Certificato {
    letto: x509::Certificato,
    seriale: Vec<u8>,
    titolare: Titolare,
}

/// Whose the certificate is, in the words of its subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Titolare {
    /// `commonName`.
    pub nome: Option<String>,
    /// `organizationName`.
    pub organizzazione: Option<String>,
    /// `organizationIdentifier` (ETSI EN 319 412-1 § 5.1.4), as `VATIT-…` or `NTRIT-…`.
    pub identificativo: Option<String>,
}

impl Titolare {
    fn di(soggetto: &Nome) -> Self {
        let attributo = |oid| soggetto.attributo(oid).map(str::to_owned);
        Self {
            nome: attributo("2.5.4.3"),
            organizzazione: attributo("2.5.4.10"),
            identificativo: attributo("2.5.4.97"),
        }
    }
}

/// What whoever minds the seal must know of its certificate, on a given day. R-C11.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatoCertificato {
    /// Whose it is.
    pub titolare: Titolare,
    /// From when it holds.
    pub dal: Timestamp,
    /// Until when it holds.
    pub al: Timestamp,
    /// Whole days left; negative once it is over.
    pub giorni: i64,
    /// Does it hold at that instant?
    pub in_vigore: bool,
    /// What it declares.
    pub dichiarazioni: Dichiarazioni,
}

impl StatoCertificato {
    /// A qualified seal in the words of the certificate: compliance, device, kind. R-C10 asks no less.
    pub fn sigillo_qualificato(&self) -> bool {
        let d = &self.dichiarazioni;
        d.qualificato && d.dispositivo_qualificato && d.tipi.contains(&TipoQc::Sigillo)
    }

    /// Is it time to renew, with this many days of notice? R-C11.
    pub fn da_rinnovare(&self, preavviso_giorni: u16) -> bool {
        self.giorni < i64::from(preavviso_giorni)
    }
}

impl Certificato {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// When it is not one.
    pub fn da_der(der: &[u8]) -> Result<Self, Errore> {
        let letto = x509::Certificato::leggi(der)?;
        if letto.der.len() == der.len() { Ok(letto.into()) } else { Err(AVANZO.into()) }
    }

    /// All the certificates of a file, PEM or DER: chains come so.
    ///
    /// # Errors
    /// When one of them is not a certificate, or there is none.
    pub fn da_file(byte: &[u8]) -> Result<Vec<Self>, Errore> {
        Ok(x509::Certificato::da_file(byte)?.into_iter().take(CERTIFICATI_MAX).map(Self::from).collect())
    }

    /// All of it, in DER.
    pub fn der(&self) -> &[u8] {
        &self.letto.der
    }

    /// SubjectPublicKeyInfo, in DER.
    pub fn spki(&self) -> &[u8] {
        self.letto.spki()
    }

    /// Name of who issued it, in DER.
    pub fn emittente(&self) -> &[u8] {
        &self.letto.emittente_der
    }

    /// Name of whose it is, in DER.
    pub fn soggetto(&self) -> &[u8] {
        &self.letto.soggetto_der
    }

    /// Serial number, a whole INTEGER in DER.
    pub fn seriale(&self) -> &[u8] {
        &self.seriale
    }

    /// Whose it is.
    pub fn titolare(&self) -> &Titolare {
        &self.titolare
    }

    /// Who issued it, in the words of the certificate itself.
    pub fn emesso_da(&self) -> Titolare {
        Titolare::di(&self.letto.emittente)
    }

    /// May its key sign data? `digitalSignature` or `nonRepudiation`, or no word on it.
    pub fn puo_firmare(&self) -> bool {
        self.letto.usa(0) || self.letto.usa(1)
    }

    /// How it stands at an instant. R-C11.
    pub fn stato(&self, ora: Timestamp) -> StatoCertificato {
        let c = &self.letto;
        StatoCertificato {
            titolare: self.titolare.clone(),
            dal: c.dal,
            al: c.al,
            giorni: (c.al.as_second() - ora.as_second()).div_euclid(86_400),
            in_vigore: c.valido_al(ora),
            dichiarazioni: c.qc.clone(),
        }
    }
}

impl std::fmt::Debug for Certificato {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificato")
            .field("titolare", &self.titolare)
            .field("al", &self.letto.al)
            .finish_non_exhaustive()
    }
}

impl From<x509::Certificato> for Certificato {
    fn from(letto: x509::Certificato) -> Self {
        let seriale = tlv(tag::INTEGER, &letto.seriale);
        let titolare = Titolare::di(&letto.soggetto);
        Self { letto, seriale, titolare }
    }
}

impl PartialEq for Certificato {
    fn eq(&self, altro: &Self) -> bool {
        self.der() == altro.der()
    }
}

impl Eq for Certificato {}
