//! Certificates as the seal needs them: whose they are, until when, with which key, and whether they say that they are
//! qualified for seals. Trust is not judged here: that is `firme`'s.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use crate::asn1::{self, Elemento, Lettore};

/// Biggest certificate that is read.
const BYTE_MAX: usize = 64 * 1024;
/// Most certificates of a file.
const CERTIFICATI_MAX: usize = 64;

/// A certificate, in DER, with what was read in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificato {
    der: Vec<u8>,
    spki: Vec<u8>,
    emittente: Vec<u8>,
    seriale: Vec<u8>,
    soggetto: Vec<u8>,
    titolare: Titolare,
    dal: Timestamp,
    al: Timestamp,
    usi: Option<u8>,
    dichiarazioni: Dichiarazioni,
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

/// What the certificate declares of itself (ETSI EN 319 412-5). It is what its issuer wrote: whether the issuer may
/// write it, only the trusted list says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dichiarazioni {
    /// `QcCompliance`: an EU qualified certificate.
    pub qualificato: bool,
    /// `QcSSCD`: the key is in a qualified device.
    pub dispositivo_qualificato: bool,
    /// `QcType` eseal: for seals.
    pub per_sigilli: bool,
    /// `QcType` esign: for signatures of persons.
    pub per_firme: bool,
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
        d.qualificato && d.dispositivo_qualificato && d.per_sigilli
    }

    /// Is it time to renew, with this many days of notice? R-C11.
    pub fn da_rinnovare(&self, preavviso_giorni: u16) -> bool {
        self.giorni < i64::from(preavviso_giorni)
    }
}

/// Why a certificate cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Errore {
    /// Bigger than any certificate.
    #[error("certificato di {0} byte: troppi")]
    TroppoGrande(usize),
    /// Not a certificate.
    #[error("certificato illeggibile: {0}")]
    Forma(#[from] asn1::Errore),
    /// A time that is none.
    #[error("certificato con una data illeggibile")]
    Data,
}

impl Certificato {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// When it is not one.
    pub fn da_der(der: &[u8]) -> Result<Self, Errore> {
        if der.len() > BYTE_MAX {
            return Err(Errore::TroppoGrande(der.len()));
        }
        let mut l = Lettore::solo(der, 0x30)?.dentro().atteso(0x30)?.dentro();
        l.se(0xa0)?;
        let seriale = l.atteso(0x02)?;
        l.atteso(0x30)?;
        let emittente = l.atteso(0x30)?;
        let mut date = l.atteso(0x30)?.dentro();
        let (dal, al) = (tempo(&date.prossimo()?)?, tempo(&date.prossimo()?)?);
        let soggetto = l.atteso(0x30)?;
        let spki = l.atteso(0x30)?;
        let (mut usi, mut dichiarazioni) = (None, Dichiarazioni::default());
        while let Some(e) = l.forse()? {
            if e.tag == 0xa3 {
                let mut estensioni = e.dentro().atteso(0x30)?.dentro();
                while let Some(e) = estensioni.forse()? {
                    estensione(&e, &mut usi, &mut dichiarazioni)?;
                }
            }
        }
        Ok(Self {
            der: der.to_vec(),
            spki: spki.tutto.to_vec(),
            emittente: emittente.tutto.to_vec(),
            seriale: seriale.tutto.to_vec(),
            soggetto: soggetto.tutto.to_vec(),
            titolare: titolare(&soggetto)?,
            dal,
            al,
            usi,
            dichiarazioni,
        })
    }

    /// All the certificates of a file, PEM or DER: chains come so.
    ///
    /// # Errors
    /// When one of them is not a certificate, or there is none.
    pub fn da_file(byte: &[u8]) -> Result<Vec<Self>, Errore> {
        const APRE: &str = "-----BEGIN CERTIFICATE-----";
        let Some(testo) = std::str::from_utf8(byte).ok().filter(|t| t.contains(APRE)) else {
            return Ok(vec![Self::da_der(byte)?]);
        };
        testo
            .split(APRE)
            .skip(1)
            .take(CERTIFICATI_MAX)
            .map(|pezzo| {
                let base64 = pezzo.split("-----END").next().unwrap_or("");
                let stretto: String = base64.chars().filter(|c| !c.is_whitespace()).collect();
                Self::da_der(&STANDARD.decode(stretto).map_err(|_| asn1::Errore::Codifica)?)
            })
            .collect()
    }

    /// All of it, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// SubjectPublicKeyInfo, in DER.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// Name of who issued it, in DER.
    pub fn emittente(&self) -> &[u8] {
        &self.emittente
    }

    /// Name of whose it is, in DER.
    pub fn soggetto(&self) -> &[u8] {
        &self.soggetto
    }

    /// Serial number, a whole INTEGER in DER.
    pub fn seriale(&self) -> &[u8] {
        &self.seriale
    }

    /// Whose it is.
    pub fn titolare(&self) -> &Titolare {
        &self.titolare
    }

    /// May its key sign data? `digitalSignature` or `nonRepudiation`, or no word on it.
    pub fn puo_firmare(&self) -> bool {
        self.usi.is_none_or(|u| u & 0xc0 != 0)
    }

    /// How it stands at an instant. R-C11.
    pub fn stato(&self, ora: Timestamp) -> StatoCertificato {
        StatoCertificato {
            titolare: self.titolare.clone(),
            dal: self.dal,
            al: self.al,
            giorni: (self.al.as_second() - ora.as_second()).div_euclid(86_400),
            in_vigore: self.dal <= ora && ora <= self.al,
            dichiarazioni: self.dichiarazioni,
        }
    }
}

impl std::fmt::Debug for Certificato {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificato").field("titolare", &self.titolare).field("al", &self.al).finish_non_exhaustive()
    }
}

fn estensione(e: &Elemento<'_>, usi: &mut Option<u8>, d: &mut Dichiarazioni) -> Result<(), asn1::Errore> {
    let mut l = e.dentro();
    let oid = l.atteso(0x06)?.oid()?;
    l.se(0x01)?;
    let valore = l.atteso(0x04)?.contenuto;
    match oid.as_str() {
        "2.5.29.15" => *usi = Lettore::solo(valore, 0x03)?.contenuto.get(1).copied().or(Some(0)),
        "1.3.6.1.5.5.7.1.3" => {
            let mut elenco = Lettore::solo(valore, 0x30)?.dentro();
            while let Some(dichiarazione) = elenco.forse()? {
                let mut l = dichiarazione.dentro();
                match l.atteso(0x06)?.oid()?.as_str() {
                    "0.4.0.1862.1.1" => d.qualificato = true,
                    "0.4.0.1862.1.4" => d.dispositivo_qualificato = true,
                    "0.4.0.1862.1.6" => {
                        let mut tipi = l.atteso(0x30)?.dentro();
                        while let Some(tipo) = tipi.forse()? {
                            match tipo.oid()?.as_str() {
                                "0.4.0.1862.1.6.1" => d.per_firme = true,
                                "0.4.0.1862.1.6.2" => d.per_sigilli = true,
                                _ => {}
                            }
                        }
                    }
                    _ => {}
                }
            }
        }
        _ => {}
    }
    Ok(())
}

fn titolare(nome: &Elemento<'_>) -> Result<Titolare, asn1::Errore> {
    let mut t = Titolare::default();
    let mut parti = nome.dentro();
    while let Some(parte) = parti.forse()? {
        let mut coppie = parte.dentro();
        while let Some(coppia) = coppie.forse()? {
            let mut l = coppia.dentro();
            let oid = l.atteso(0x06)?.oid()?;
            let testo = || -> Result<String, asn1::Errore> { Ok(testo(&l.clone().prossimo()?)) };
            match oid.as_str() {
                "2.5.4.3" => t.nome = Some(testo()?),
                "2.5.4.10" => t.organizzazione = Some(testo()?),
                "2.5.4.97" => t.identificativo = Some(testo()?),
                _ => {}
            }
        }
    }
    Ok(t)
}

/// A string of a name, whatever its kind.
fn testo(e: &Elemento<'_>) -> String {
    match e.tag {
        0x1e => {
            let unita: Vec<u16> = e.contenuto.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
            String::from_utf16_lossy(&unita)
        }
        0x14 => e.contenuto.iter().map(|b| char::from(*b)).collect(),
        _ => String::from_utf8_lossy(e.contenuto).into_owned(),
    }
}

/// UTCTime or GeneralizedTime, as RFC 5280 wants them.
fn tempo(e: &Elemento<'_>) -> Result<Timestamp, Errore> {
    let testo = std::str::from_utf8(e.contenuto).map_err(|_| Errore::Data)?;
    let intero = match e.tag {
        0x17 if testo.len() == 13 => {
            let secolo = if testo.as_bytes() < b"5".as_slice() { "20" } else { "19" };
            format!("{secolo}{testo}")
        }
        0x18 if testo.len() >= 15 => testo.to_owned(),
        _ => return Err(Errore::Data),
    };
    let cifre = intero.strip_suffix('Z').ok_or(Errore::Data)?;
    if !cifre.bytes().all(|b| b.is_ascii_digit() || b == b'.') || cifre.len() > 32 {
        return Err(Errore::Data);
    }
    let civile = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S%.f", cifre).map_err(|_| Errore::Data)?;
    jiff::tz::TimeZone::UTC.to_timestamp(civile).map_err(|_| Errore::Data)
}
