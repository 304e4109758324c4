//! SignedData of CMS (RFC 5652) with the attributes of CAdES baseline B (ETSI EN 319 122-1 § 5): what is inside a p7m, a
//! p7s and a sealed PDF.

use firme::cms::nomi;
use jiff::Timestamp;

use crate::der::{self, bit, ctx, numero, oid, ottetti, seq, set, tlv};
use crate::{Algoritmo, Certificato, Errore, Firma, Sealer};

/// What is to be signed for a content: many of these may be signed in one go ([`Sealer::firma_molti`]).
#[derive(Debug, Clone)]
pub struct DaFirmare {
    algoritmo: Algoritmo,
    certificati: Vec<u8>,
    chi: Vec<u8>,
    attributi: Vec<u8>,
}

impl DaFirmare {
    /// Signed attributes over a content known by its digest, which must be of the sealer's own algorithm. `quando` goes
    /// among them: CAdES wants it, PAdES forbids it.
    ///
    /// # Errors
    /// [`Errore::Configurazione`] when the digest is of another algorithm.
    pub fn nuovo(sealer: &dyn Sealer, impronta: &[u8], quando: Option<Timestamp>) -> Result<Self, Errore> {
        let algoritmo = sealer.algoritmo();
        if impronta.len() != algoritmo.digest().output_len() {
            return Err(Errore::Configurazione("impronta di un altro algoritmo che quello del sigillo".into()));
        }
        let certificato = sealer.certificato();
        let mut attributi = vec![
            attributo(nomi::CONTENT_TYPE, &oid(nomi::DATA)),
            attributo(nomi::MESSAGE_DIGEST, &ottetti(impronta)),
            attributo(nomi::SIGNING_CERTIFICATE_V2, &certificato_v2(certificato)),
        ];
        attributi.extend(quando.map(|t| attributo(nomi::SIGNING_TIME, &der::tempo(t))));
        let mut certificati = vec![certificato.der().to_vec()];
        certificati.extend(sealer.catena().iter().map(|c| c.der().to_vec()));
        let chi = seq(&[certificato.emittente(), certificato.seriale()]);
        let certificati = con_etichetta(set(certificati), 0xa0);
        Ok(Self { algoritmo, certificati, chi, attributi: set(attributi) })
    }

    /// The bytes to sign.
    pub fn byte(&self) -> &[u8] {
        &self.attributi
    }

    /// With their signature.
    pub fn con(self, firma: &Firma) -> Firmato {
        let algoritmo = self.algoritmo;
        let firma = algoritmo.firma_in_der(firma.grezza());
        // Signed as a SET, carried under [0].
        let portati = con_etichetta(self.attributi, 0xa0);
        let id_impronta = algoritmo.id_impronta();
        let firmatario =
            [numero(1), self.chi, id_impronta.clone(), portati, algoritmo.id_firma(), ottetti(&firma)].concat();
        Firmato { certificati: self.certificati, id_impronta, firmatario, firma }
    }

    /// Signs it.
    ///
    /// # Errors
    /// Those of the sealer.
    pub fn firma(self, sealer: &dyn Sealer) -> Result<Firmato, Errore> {
        let firma = sealer.firma(self.byte())?;
        Ok(self.con(&firma))
    }
}

/// A signature, before it is put in its envelope: to it a timestamp may be added.
#[derive(Debug, Clone)]
pub struct Firmato {
    certificati: Vec<u8>,
    id_impronta: Vec<u8>,
    /// SignerInfo without its tag, up to the signature.
    firmatario: Vec<u8>,
    firma: Vec<u8>,
}

impl Firmato {
    /// What a timestamp of this signature is taken of (ETSI EN 319 122-1 § 5.3: the value, without its tag).
    pub fn da_marcare(&self) -> &[u8] {
        &self.firma
    }

    /// All of it, in DER: beside the content, or around it, with the timestamp of its signature or without.
    pub fn in_der(&self, contenuto: Option<&[u8]>, marca: Option<&[u8]>) -> Vec<u8> {
        let mut firmatario = self.firmatario.clone();
        if let Some(marca) = marca {
            firmatario.extend(tlv(0xa1, &attributo(nomi::SIGNATURE_TIMESTAMP, marca)));
        }
        let dentro = match contenuto {
            Some(c) => seq(&[&oid(nomi::DATA), &ctx(0, &ottetti(c))]),
            None => seq(&[&oid(nomi::DATA)]),
        };
        let firmatari = tlv(0x31, &tlv(0x30, &firmatario));
        let algoritmi = tlv(0x31, &self.id_impronta);
        let firmati = seq(&[&numero(1), &algoritmi, &dentro, &self.certificati, &firmatari]);
        seq(&[&oid(nomi::SIGNED_DATA), &ctx(0, &firmati)])
    }
}

fn con_etichetta(mut valore: Vec<u8>, etichetta: u8) -> Vec<u8> {
    if let Some(t) = valore.first_mut() {
        *t = etichetta;
    }
    valore
}

fn attributo(nome: &str, valore: &[u8]) -> Vec<u8> {
    seq(&[&oid(nome), &tlv(0x31, valore)])
}

/// SigningCertificateV2 (RFC 5035): digest SHA-256, which is the default and hence unsaid, issuer and serial.
fn certificato_v2(certificato: &Certificato) -> Vec<u8> {
    let impronta = ring::digest::digest(&ring::digest::SHA256, certificato.der());
    let chi = issuer_serial(certificato.emittente(), certificato.seriale());
    seq(&[&seq(&[&seq(&[&ottetti(impronta.as_ref()), &chi])])])
}

/// IssuerSerial: a directory name and a serial number.
pub(crate) fn issuer_serial(emittente: &[u8], seriale: &[u8]) -> Vec<u8> {
    seq(&[&seq(&[&ctx(4, emittente)]), seriale])
}

/// A signed structure (certificate, request): the signed part, how, the signature.
pub(crate) fn firmato(parte: &[u8], algoritmo: Algoritmo, firma: &[u8]) -> Vec<u8> {
    seq(&[parte, &algoritmo.id_firma(), &bit(&algoritmo.firma_in_der(firma))])
}
