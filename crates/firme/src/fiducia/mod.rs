//! Trust: from a certificate to an anchor that somebody configured, at an instant, and what is known of revocations.
//!
//! Anchors come from EU trusted lists ([`Fiducia::elenco`]) and from certificates chosen by hand ([`Fiducia::ancora`]); those of
//! PEC providers are kept apart. Intermediates, revocations and lists found in a file help, and decide nothing: what counts is
//! signed by an anchor or below it. What is not done (policies, name constraints, renewal of evidence) is in `docs/firme.md`.

mod cammino;
mod elenco;
mod revoche;

use jiff::Timestamp;

pub use elenco::{Elenco, Errore as ErroreElenco, Servizio, TipoServizio};

use crate::asn1::{self, Elemento, Lettore, tag};
use crate::cms::{Firmatario, nomi};
use crate::esame::{Contesto, EsitoIdentita, Firma, Identita, Qualifica};
use crate::marca::istante_provato;
use crate::x509::{self, Certificato, TipoQc};

/// Certificates and revocations taken from one file.
const MATERIALE_MAX: usize = 1000;

/// A certificate in which one believes.
#[derive(Debug, Clone)]
pub struct Ancora {
    /// The certificate.
    pub certificato: Certificato,
    /// The service of a trusted list it belongs to; none when it was chosen by hand.
    pub servizio: Option<Servizio>,
}

/// What an examination believes in.
#[derive(Debug, Clone, Default)]
pub struct Fiducia {
    ancore: Vec<Ancora>,
    pec: Vec<Ancora>,
    crl: Vec<Vec<u8>>,
    elenchi: Vec<Elenco>,
}

/// Certificates and revocations found in a file: they help, and decide nothing.
#[derive(Debug, Clone, Default)]
pub struct Materiale {
    /// Certificates.
    pub certificati: Vec<Certificato>,
    /// Certificate lists.
    pub crl: Vec<Vec<u8>>,
    /// OCSP responses.
    pub ocsp: Vec<Vec<u8>>,
}

impl Fiducia {
    /// Nothing to believe in.
    pub fn nessuna() -> Self {
        Self::default()
    }

    /// The anchors of a trusted list; the list itself is kept, to say when it is out of date.
    ///
    /// # Errors
    /// Not a trusted list, or its signature is not intact.
    pub fn elenco(&mut self, xml: &[u8]) -> Result<&Elenco, ErroreElenco> {
        let (elenco, ancore) = elenco::leggi(xml)?;
        self.ancore.extend(ancore);
        self.elenchi.push(elenco);
        Ok(&self.elenchi[self.elenchi.len() - 1])
    }

    /// Anchors chosen by hand, PEM or DER.
    ///
    /// # Errors
    /// Not certificates.
    pub fn ancora(&mut self, byte: &[u8]) -> Result<(), x509::Errore> {
        self.ancore.extend(a_mano(byte)?);
        Ok(())
    }

    /// Anchors of PEC providers, PEM or DER.
    ///
    /// # Errors
    /// Not certificates.
    pub fn ancora_pec(&mut self, byte: &[u8]) -> Result<(), x509::Errore> {
        self.pec.extend(a_mano(byte)?);
        Ok(())
    }

    /// A certificate list, PEM or DER: believed when its issuer's signature is on it.
    ///
    /// # Errors
    /// Not a certificate list.
    pub fn crl(&mut self, byte: &[u8]) -> Result<(), asn1::Errore> {
        let pem = crate::involucro::pem(byte, &["X509 CRL"]);
        let der = pem.into_iter().next().unwrap_or_else(|| byte.to_vec());
        revoche::controlla_crl(&der)?;
        self.crl.push(der);
        Ok(())
    }

    /// The trusted lists loaded.
    pub fn elenchi(&self) -> &[Elenco] {
        &self.elenchi
    }

    /// How many anchors there are, of documents and of PEC.
    pub fn quante(&self) -> (usize, usize) {
        (self.ancore.len(), self.pec.len())
    }

    pub(crate) fn ancore(&self, pec: bool) -> &[Ancora] {
        if pec { &self.pec } else { &self.ancore }
    }

    /// Identity and revocation of a signer, at the instant that its timestamp proves, or else at the one of reference.
    pub(crate) fn giudica(&self, f: &mut Firma, c: &Certificato, materiale: &Materiale, contesto: &Contesto) {
        let provato = istante_provato(f.marca.as_ref());
        let istante = provato.unwrap_or(contesto.istante);
        let mut d = Identita {
            istante_di_riferimento: Some(istante),
            fonte_istante: Some(if provato.is_some() { "marca" } else { contesto.fonte }),
            ..Identita::default()
        };
        let ancore = self.ancore(contesto.pec);
        let trovato = cammino::cerca(c, &materiale.certificati, ancore, istante);
        f.identita = match &trovato {
            _ if ancore.is_empty() => {
                d.motivi.push("nessuna ancora di fiducia è configurata".into());
                EsitoIdentita::NonVerificata
            }
            None => {
                d.motivi.push("nessun percorso porta a un'ancora di fiducia".into());
                EsitoIdentita::Sconosciuta
            }
            Some(p) => {
                d.catena = p.certificati.iter().filter_map(|c| c.firmatario()).collect();
                d.ancora = Some(p.ancora.descrizione());
                d.motivi.extend(p.difetti.iter().cloned());
                if p.difetti.is_empty() { EsitoIdentita::Riconosciuta } else { EsitoIdentita::Scaduta }
            }
        };
        d.qualificata = qualifica(c, trovato.as_ref().map(|p| p.ancora), istante);
        for e in self.elenchi.iter().filter(|e| e.prossimo.is_some_and(|p| p < contesto.istante)) {
            d.motivi.push(format!("l'elenco di fiducia {} è scaduto", e.paese));
        }
        let emittente = trovato
            .as_ref()
            .map(|p| p.certificati.first().copied().unwrap_or(&p.ancora.certificato))
            .or_else(|| cammino::emittente(c, &materiale.certificati));
        (f.revoca, f.dettaglio_revoca) = revoche::cerca(c, emittente, materiale, &self.crl, istante);
        f.dettaglio_identita = d;
    }
}

impl Ancora {
    fn descrizione(&self) -> String {
        let nome = self.certificato.firmatario().unwrap_or_else(|| self.certificato.seriale_testo());
        match &self.servizio {
            Some(s) => format!("{nome} ({}, elenco {})", s.prestatore, s.paese),
            None => format!("{nome} (configurata)"),
        }
    }
}

fn a_mano(byte: &[u8]) -> Result<Vec<Ancora>, x509::Errore> {
    Ok(Certificato::da_file(byte)?.into_iter().map(|certificato| Ancora { certificato, servizio: None }).collect())
}

/// Qualified: the certificate declares it, and the trusted list says that its service was granted at that instant (eIDAS
/// annexes I and III; R-C12).
fn qualifica(c: &Certificato, ancora: Option<&Ancora>, istante: Timestamp) -> Qualifica {
    let dice = |esito, perche: String| Qualifica { esito, perche: Some(perche) };
    let Some(a) = ancora else { return dice(None, "non c'è un percorso fino a un elenco di fiducia".into()) };
    let Some(s) = &a.servizio else { return dice(None, "l'ancora non viene da un elenco di fiducia".into()) };
    let Some(stato) = s.stato_al(istante) else {
        return dice(Some(false), "il servizio non era ancora nell'elenco di fiducia a quella data".into());
    };
    if !stato.concesso() {
        return dice(Some(false), format!("a quella data il servizio era «{}»", stato.nome()));
    }
    match s.tipo {
        TipoServizio::MarcaQualificata => dice(Some(true), "marca temporale di un servizio qualificato".into()),
        TipoServizio::CertificatiQualificati if !c.qc.qualificato => {
            dice(Some(false), "il certificato non dichiara di essere qualificato (QcCompliance)".into())
        }
        TipoServizio::CertificatiQualificati => {
            let tipo = match c.qc.tipi.as_slice() {
                [] | [TipoQc::Firma, ..] => "firma",
                [TipoQc::Sigillo, ..] => "sigillo",
                [TipoQc::Sito, ..] => return dice(Some(false), "il certificato è per siti web".into()),
            };
            let dispositivo = if c.qc.dispositivo_qualificato {
                "con dispositivo qualificato"
            } else {
                "senza dispositivo qualificato (avanzata)"
            };
            dice(Some(true), format!("certificato qualificato per {tipo}, {dispositivo}"))
        }
        TipoServizio::Altro => dice(Some(false), "il servizio dell'elenco non è di certificati qualificati".into()),
    }
}

impl Materiale {
    /// Certificate lists and OCSP responses.
    pub fn aggiungi(&mut self, crl: &[&[u8]], ocsp: &[&[u8]]) {
        let posto = |v: &Vec<Vec<u8>>| MATERIALE_MAX.saturating_sub(v.len());
        let (c, o) = (posto(&self.crl), posto(&self.ocsp));
        self.crl.extend(crl.iter().take(c).map(|b| b.to_vec()));
        self.ocsp.extend(ocsp.iter().take(o).map(|b| b.to_vec()));
    }

    /// Certificates, in DER; those that cannot be read are left out.
    pub fn aggiungi_certificati<'b>(&mut self, der: impl IntoIterator<Item = &'b [u8]>) {
        let posto = MATERIALE_MAX.saturating_sub(self.certificati.len());
        self.certificati.extend(der.into_iter().take(posto).filter_map(|d| Certificato::leggi(d).ok()));
    }

    /// What signers put in their attributes: RFC 5126 and Adobe's.
    pub(crate) fn dagli_attributi(&mut self, s: &Firmatario) {
        for v in s.non_firmati.valori(nomi::CERT_VALUES) {
            self.aggiungi_certificati(v.dentro().tutti(MATERIALE_MAX).unwrap_or_default().iter().map(|c| c.intero));
        }
        for v in s.non_firmati.valori(nomi::REVOCATION_VALUES) {
            self.revoche(&v);
        }
        for v in s.firmati.iter().flat_map(|a| a.valori(nomi::ADBE_REVOCATION)) {
            self.revoche(&v);
        }
    }

    /// `SEQUENCE { crls [0], ocsp [1], … }`, the same shape in both.
    fn revoche(&mut self, v: &Elemento) {
        let leggi = |n| -> Vec<Vec<u8>> {
            let mut l: Lettore = v.dentro();
            while let Ok(e) = l.leggi() {
                if e.tag == tag::contesto(n) {
                    let dentro = e.dentro().leggi().map(|s| s.dentro().tutti(MATERIALE_MAX));
                    return dentro.and_then(|d| d).unwrap_or_default().iter().map(|r| r.intero.to_vec()).collect();
                }
            }
            Vec::new()
        };
        let (crl, ocsp) = (leggi(0), leggi(1));
        self.aggiungi(
            &crl.iter().map(Vec::as_slice).collect::<Vec<_>>(),
            &ocsp.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        );
    }
}
