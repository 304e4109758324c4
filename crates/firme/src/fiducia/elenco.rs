//! EU trusted lists (ETSI TS 119 612), from a file: the signature on the list is checked first, and services are read from the
//! very tree that it covers. Who signed it is said, not judged: the file is chosen by who administers (R-C12).

use jiff::Timestamp;

use super::{Ancora, Fiducia};
use crate::canonica::{self, Albero, NodeId, Testo};
use crate::esame::{Bilancio, Contesto, RIFERIMENTO};
use crate::x509::Certificato;
use crate::xades::nodi;

const TSL: &str = "http://uri.etsi.org/02231/v2#";
const ADDIZIONALI: &str = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/";
const TIPI: &str = "http://uri.etsi.org/TrstSvc/Svctype/";
/// Services of one list.
const SERVIZI_MAX: usize = 20_000;

/// Why a list is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Errore {
    /// Not XML, or over the limits.
    #[error("elenco di fiducia: {0}")]
    Xml(#[from] canonica::Errore),
    /// Not a trusted list.
    #[error("non è un elenco di fiducia (TrustServiceStatusList)")]
    Altro,
    /// Not signed, or not intact.
    #[error("la firma dell'elenco di fiducia non è integra: {0}")]
    Firma(String),
}

/// A list that was loaded.
#[derive(Debug, Clone)]
pub struct Elenco {
    /// Country, as in the list.
    pub paese: String,
    /// Its number.
    pub sequenza: String,
    /// When it was issued.
    pub emesso: Option<Timestamp>,
    /// When the next one was due.
    pub prossimo: Option<Timestamp>,
    /// Who signed it.
    pub firmatario: Option<String>,
    /// Services in it, of every type.
    pub servizi: usize,
    /// Certificates taken as anchors.
    pub ancore: usize,
}

/// What a service is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TipoServizio {
    /// Qualified certificates.
    CertificatiQualificati,
    /// Qualified timestamps.
    MarcaQualificata,
    /// Anything else.
    Altro,
}

/// State of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stato(String);

impl Stato {
    /// Its name, without address.
    pub fn nome(&self) -> &str {
        &self.0
    }

    /// In force; before eIDAS (1 July 2016) the names were others.
    pub fn concesso(&self) -> bool {
        matches!(
            self.0.as_str(),
            "granted" | "accredited" | "undersupervision" | "supervisionincessation" | "recognisedatnationallevel"
        )
    }
}

/// A service of a list.
#[derive(Debug, Clone)]
pub struct Servizio {
    /// Who provides it.
    pub prestatore: String,
    /// Country of the list.
    pub paese: String,
    /// What it is for.
    pub tipo: TipoServizio,
    /// States from the newest to the oldest, with their starts.
    pub storia: Vec<(Timestamp, Stato)>,
}

impl Servizio {
    /// The state at an instant; none before the first.
    pub fn stato_al(&self, istante: Timestamp) -> Option<&Stato> {
        self.storia.iter().find(|(dal, _)| *dal <= istante).map(|(_, s)| s)
    }
}

pub(super) fn leggi(xml: &[u8]) -> Result<(Elenco, Vec<Ancora>), Errore> {
    let testo = Testo::leggi(xml)?;
    let a = testo.albero()?;
    let radice =
        a.0.document_element().filter(|r| nodi::e(&a, *r, TSL, "TrustServiceStatusList")).ok_or(Errore::Altro)?;
    let firmatario = firma(&a)?;
    let mut e = Elenco {
        paese: testo_di(&a, radice, &["SchemeInformation", "SchemeTerritory"]).unwrap_or_default(),
        sequenza: testo_di(&a, radice, &["SchemeInformation", "TSLSequenceNumber"]).unwrap_or_default(),
        emesso: testo_di(&a, radice, &["SchemeInformation", "ListIssueDateTime"]).and_then(|t| t.parse().ok()),
        prossimo: testo_di(&a, radice, &["SchemeInformation", "NextUpdate", "dateTime"]).and_then(|t| t.parse().ok()),
        firmatario,
        servizi: 0,
        ancore: 0,
    };
    let mut ancore = Vec::new();
    let prestatori = nodi::figlio(&a, radice, TSL, "TrustServiceProviderList");
    for p in prestatori.into_iter().flat_map(|p| nodi::figli(&a, p, TSL, "TrustServiceProvider")) {
        let nome = testo_di(&a, p, &["TSPInformation", "TSPName", "Name"]).unwrap_or_default();
        for s in nodi::figlio(&a, p, TSL, "TSPServices").into_iter().flat_map(|s| nodi::figli(&a, s, TSL, "TSPService"))
        {
            e.servizi += 1;
            if e.servizi > SERVIZI_MAX {
                return Err(canonica::Errore::Limite("servizi").into());
            }
            servizio(&a, s, &nome, &e.paese, &mut ancore);
        }
    }
    e.ancore = ancore.len();
    Ok((e, ancore))
}

/// One signature, intact, of the whole list.
fn firma(a: &Albero) -> Result<Option<String>, Errore> {
    let fiducia = Fiducia::nessuna();
    let contesto = Contesto { fiducia: &fiducia, istante: Timestamp::UNIX_EPOCH, fonte: RIFERIMENTO, pec: false };
    let firme = crate::xades::firme(a, &|_| None, &contesto, &mut Bilancio::nuovo());
    match firme.as_slice() {
        [f] if f.integra && f.integrita.documento_intero == Some(true) => Ok(f.firmatario.clone()),
        [f] => Err(Errore::Firma(f.errore.clone().unwrap_or_else(|| "non copre tutto l'elenco".into()))),
        [] => Err(Errore::Firma("non c'è".into())),
        _ => Err(Errore::Firma("ce n'è più d'una".into())),
    }
}

fn testo_di(a: &Albero, da: NodeId, passi: &[&str]) -> Option<String> {
    nodi::lungo(a, da, TSL, passi).map(|n| nodi::testo(a, n).trim().to_owned())
}

fn stato(a: &Albero, n: NodeId) -> Option<(Timestamp, Stato)> {
    let stato = testo_di(a, n, &["ServiceStatus"])?;
    let dal = testo_di(a, n, &["StatusStartingTime"])?.parse().ok()?;
    Some((dal, Stato(stato.strip_prefix(ADDIZIONALI).unwrap_or(&stato).to_owned())))
}

fn servizio(a: &Albero, s: NodeId, prestatore: &str, paese: &str, ancore: &mut Vec<Ancora>) {
    let Some(i) = nodi::figlio(a, s, TSL, "ServiceInformation") else { return };
    let tipo = testo_di(a, i, &["ServiceTypeIdentifier"]).unwrap_or_default();
    let tipo = match tipo.strip_prefix(TIPI).unwrap_or(&tipo) {
        "CA/QC" => TipoServizio::CertificatiQualificati,
        "TSA/QTST" => TipoServizio::MarcaQualificata,
        "CA/PKC" | "TSA" | "TSA/TSS-QC" | "TSA/TSS-AdESQCandQES" | "NationalRootCA-QC" => TipoServizio::Altro,
        _ => return,
    };
    let mut storia: Vec<(Timestamp, Stato)> = stato(a, i).into_iter().collect();
    if let Some(h) = nodi::figlio(a, s, TSL, "ServiceHistory") {
        storia.extend(nodi::figli(a, h, TSL, "ServiceHistoryInstance").into_iter().filter_map(|x| stato(a, x)));
    }
    storia.sort_by_key(|(dal, _)| std::cmp::Reverse(*dal));
    let servizio = Servizio { prestatore: prestatore.to_owned(), paese: paese.to_owned(), tipo, storia };
    let Some(id) = nodi::figlio(a, i, TSL, "ServiceDigitalIdentity") else { return };
    for d in nodi::figli(a, id, TSL, "DigitalId") {
        let der = nodi::figlio(a, d, TSL, "X509Certificate").and_then(|n| nodi::base64(a, n));
        if let Some(certificato) = der.and_then(|d| Certificato::leggi(&d).ok()) {
            ancore.push(Ancora { certificato, servizio: Some(servizio.clone()) });
        }
    }
}
