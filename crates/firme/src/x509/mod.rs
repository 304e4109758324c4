//! Certificates as received: who, by whom, until when, for what (R-C12, R-H09).

mod nome;
mod qc;

use std::ops::Range;

use jiff::Timestamp;

pub use nome::{Nome, codice_fiscale};
pub use qc::{Dichiarazioni, TipoQc};

use crate::asn1::{self, Elemento, Lettore, intero_piccolo, istante, oid, tag};
use crate::chiave::{Chiave, Errore as ErroreChiave, Schema};
use crate::impronte::{Digesto, esadecimale};

/// Bytes of one certificate.
const BYTE_MAX: usize = 64 << 10;
/// Extensions of one certificate.
const ESTENSIONI_MAX: usize = 64;

/// Why a certificate cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Errore {
    /// Not a certificate.
    #[error("certificato non leggibile: {0}")]
    Asn1(#[from] asn1::Errore),
    /// Too big.
    #[error("certificato oltre i limiti")]
    Limite,
}

/// A certificate.
#[derive(Debug, Clone)]
pub struct Certificato {
    /// As received.
    pub der: Vec<u8>,
    /// Serial number, as received.
    pub seriale: Vec<u8>,
    /// Bytes of the issuer's name.
    pub emittente_der: Vec<u8>,
    /// Issuer.
    pub emittente: Nome,
    /// Bytes of the subject's name.
    pub soggetto_der: Vec<u8>,
    /// Subject.
    pub soggetto: Nome,
    /// Valid from.
    pub dal: Timestamp,
    /// Valid to.
    pub al: Timestamp,
    /// Public key, or why it cannot be used.
    pub chiave: Result<Chiave, ErroreChiave>,
    /// Bits of the public key, without algorithm: what an OCSP responder hashes.
    pub chiave_bit: Vec<u8>,
    /// May issue certificates.
    pub ca: bool,
    /// How many authorities may be below.
    pub lunghezza: Option<u64>,
    /// Bits of `keyUsage`, the first one highest.
    pub usi: Option<u16>,
    /// Purposes of `extKeyUsage`.
    pub scopi: Vec<String>,
    /// Whether `extKeyUsage` is critical.
    pub scopi_critici: bool,
    /// Identifier of the key.
    pub ski: Option<Vec<u8>>,
    /// Identifier of the issuer's key.
    pub aki: Option<Vec<u8>>,
    /// `QcStatements`.
    pub qc: Dichiarazioni,
    /// Policies, by OID.
    pub politiche: Vec<String>,
    /// Critical extensions that are not understood here.
    pub critiche_ignote: Vec<String>,
    /// OCSP responders are not asked about this one.
    pub ocsp_nocheck: bool,
    tbs: Range<usize>,
    spki: Range<usize>,
    firma: Vec<u8>,
    schema: Result<Schema, ErroreChiave>,
}

impl Certificato {
    /// Of its DER.
    ///
    /// # Errors
    /// Not a certificate.
    pub fn leggi(der: &[u8]) -> Result<Self, Errore> {
        if der.len() > BYTE_MAX {
            return Err(Errore::Limite);
        }
        Ok(leggi(&Lettore::nuovo(der).atteso(tag::SEQUENCE)?)?)
    }

    /// Of PEM or DER: all that are in it.
    ///
    /// # Errors
    /// When one is not a certificate, or there is none.
    pub fn da_file(byte: &[u8]) -> Result<Vec<Self>, Errore> {
        let pem = crate::involucro::pem(byte, &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"]);
        if pem.is_empty() {
            return Self::leggi(byte).map(|c| vec![c]);
        }
        pem.iter().map(|d| Self::leggi(d)).collect()
    }

    /// SubjectPublicKeyInfo, as received.
    pub fn spki(&self) -> &[u8] {
        &self.der[self.spki.clone()]
    }

    /// SHA-256 of the DER.
    pub fn impronta(&self) -> Vec<u8> {
        Digesto::Sha256.di(&self.der)
    }

    /// In hexadecimal, without sign.
    pub fn seriale_testo(&self) -> String {
        esadecimale(&self.seriale)
    }

    /// Same subject and issuer.
    pub fn autofirmato(&self) -> bool {
        self.soggetto_der == self.emittente_der
    }

    /// In force at this instant.
    pub fn valido_al(&self, istante: Timestamp) -> bool {
        self.dal <= istante && istante <= self.al
    }

    /// Whether `keyUsage`, where it is, has this bit (0 = digitalSignature, 1 = contentCommitment, 5 = keyCertSign, 6 = cRLSign).
    pub fn usa(&self, bit: u32) -> bool {
        self.usi.is_none_or(|u| u & (0x8000 >> bit) != 0)
    }

    /// Whether the signature on it is of this issuer's key.
    ///
    /// # Errors
    /// When it cannot be judged.
    pub fn firmato_da(&self, emittente: &Self) -> Result<bool, ErroreChiave> {
        let schema = self.schema.clone()?;
        let d = schema.digesto().ok_or_else(|| ErroreChiave::Algoritmo("firma del certificato".into()))?;
        let chiave = emittente.chiave.as_ref().map_err(Clone::clone)?;
        let impronta = d.di(&self.der[self.tbs.clone()]);
        schema.verifica(chiave, d, &impronta, &self.firma, false)
    }

    /// Name to show: common name, or organisation.
    pub fn firmatario(&self) -> Option<String> {
        self.soggetto.comune()
    }
}

fn leggi(intero: &Elemento) -> asn1::Esito<Certificato> {
    let mut fuori = intero.dentro();
    let tbs = fuori.atteso(tag::SEQUENCE)?;
    let alg = fuori.atteso(tag::SEQUENCE)?;
    let firma = fuori.leggi()?.bit()?.to_vec();
    let mut l = tbs.dentro();
    l.se(0xa0)?;
    let seriale = l.atteso(tag::INTEGER)?.contenuto.to_vec();
    l.atteso(tag::SEQUENCE)?;
    let emittente = l.atteso(tag::SEQUENCE)?;
    let mut validita = l.atteso(tag::SEQUENCE)?.dentro();
    let (dal, al) = (istante(&validita.leggi()?)?, istante(&validita.leggi()?)?);
    let soggetto = l.atteso(tag::SEQUENCE)?;
    let spki = l.atteso(tag::SEQUENCE)?;
    let mut dentro_spki = spki.dentro();
    dentro_spki.leggi()?;
    let chiave_bit = dentro_spki.leggi()?.bit()?.to_vec();
    let posto = |e: &Elemento| {
        let inizio = e.intero.as_ptr() as usize - intero.intero.as_ptr() as usize;
        inizio..inizio + e.intero.len()
    };
    let mut c = Certificato {
        der: intero.intero.to_vec(),
        seriale,
        emittente_der: emittente.intero.to_vec(),
        emittente: Nome::leggi(&emittente)?,
        soggetto_der: soggetto.intero.to_vec(),
        soggetto: Nome::leggi(&soggetto)?,
        dal,
        al,
        chiave: Chiave::da_spki(&spki),
        chiave_bit,
        ca: false,
        lunghezza: None,
        usi: None,
        scopi: Vec::new(),
        scopi_critici: false,
        ski: None,
        aki: None,
        qc: Dichiarazioni::default(),
        politiche: Vec::new(),
        critiche_ignote: Vec::new(),
        ocsp_nocheck: false,
        tbs: posto(&tbs),
        spki: posto(&spki),
        firma,
        schema: Schema::da_algoritmo(&alg),
    };
    while !l.finito() {
        let e = l.leggi()?;
        if e.tag == 0xa3 {
            for x in e.dentro().atteso(tag::SEQUENCE)?.dentro().tutti(ESTENSIONI_MAX)? {
                estensione(&mut c, &x)?;
            }
        }
    }
    Ok(c)
}

fn estensione(c: &mut Certificato, x: &Elemento) -> asn1::Esito<()> {
    let mut l = x.dentro();
    let nome = oid(&l.leggi()?)?;
    let critica = l.se(tag::BOOLEAN)?.is_some_and(|b| b.contenuto != [0]);
    let valore = l.leggi()?.ottetti()?.unito();
    let mut v = Lettore::nuovo(&valore);
    match nome.as_str() {
        "2.5.29.14" => c.ski = Some(v.leggi()?.contenuto.to_vec()),
        "2.5.29.15" => {
            let bit = v.atteso(tag::BIT_STRING)?.contenuto;
            c.usi = Some(u16::from_be_bytes([1, 2].map(|i| bit.get(i).copied().unwrap_or(0))));
        }
        "2.5.29.19" => {
            let mut b = v.atteso(tag::SEQUENCE)?.dentro();
            c.ca = b.se(tag::BOOLEAN)?.is_some_and(|b| b.contenuto != [0]);
            c.lunghezza = b.se(tag::INTEGER)?.map(|n| intero_piccolo(&n)).transpose()?;
        }
        "2.5.29.32" => {
            for p in v.atteso(tag::SEQUENCE)?.dentro().tutti(ESTENSIONI_MAX)? {
                c.politiche.push(oid(&p.dentro().leggi()?)?);
            }
        }
        "2.5.29.35" => {
            let mut a = v.atteso(tag::SEQUENCE)?.dentro();
            c.aki = a.se(tag::contesto_primitivo(0))?.map(|k| k.contenuto.to_vec());
        }
        "2.5.29.37" => {
            c.scopi_critici = critica;
            for s in v.atteso(tag::SEQUENCE)?.dentro().tutti(ESTENSIONI_MAX)? {
                c.scopi.push(oid(&s)?);
            }
        }
        "1.3.6.1.5.5.7.1.3" => c.qc = Dichiarazioni::leggi(&v.atteso(tag::SEQUENCE)?)?,
        "1.3.6.1.5.5.7.48.1.5" => c.ocsp_nocheck = true,
        // Names, points of distribution, policy constraints: nothing is decided on them (docs/firme.md says so).
        "2.5.29.17" | "2.5.29.18" | "2.5.29.31" => {}
        _ if critica => c.critiche_ignote.push(nome),
        _ => {}
    }
    Ok(())
}
