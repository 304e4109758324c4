//! One signature: each question with its own answer.

use jiff::Timestamp;
use serde::Serialize;

use crate::cms::Riscontro;
use crate::impronte::esadecimale;
use crate::x509::{Certificato, Dichiarazioni};

/// Why something is refused, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Motivo(pub String);

/// A signature, a seal or a timestamp.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Firma {
    /// Common name of who signed, or of the authority for a timestamp.
    pub firmatario: Option<String>,
    /// Codice fiscale in the certificate.
    pub cf: Option<String>,
    /// Who issued the certificate.
    pub emittente: Option<String>,
    /// When: as declared by the signer (proved by `marca` alone), or of the timestamp.
    pub istante: Option<Timestamp>,
    /// What was signed is what is here, and the signature is of that key: nothing else.
    pub integra: bool,
    /// Who it is: the path to an anchor.
    pub identita: EsitoIdentita,
    /// Whether the certificate was revoked.
    pub revoca: EsitoRevoca,
    /// Why it is not intact, or could not be judged.
    pub errore: Option<String>,
    /// The timestamp on it.
    pub marca: Option<Marca>,
    /// The parts of `integra`.
    pub integrita: Integrita,
    /// The parts of `identita`.
    pub dettaglio_identita: Identita,
    /// The parts of `revoca`.
    pub dettaglio_revoca: Revoca,
    /// The certificate.
    pub certificato: Option<DatiCertificato>,
    /// Algorithms, with the weak ones named.
    pub algoritmi: Algoritmi,
    /// Signatures on this signature.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controfirme: Vec<Firma>,
    /// Facts that do not change the verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub avvisi: Vec<String>,
}

/// The parts of integrity; none when it could not be judged or does not apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Integrita {
    /// The signature value is of the signer's key.
    pub valore: Option<bool>,
    /// The digest of the content is the signed one.
    pub impronta: Option<bool>,
    /// The signature binds itself to this certificate.
    pub certificato: Option<bool>,
    /// It covers the whole document that is here.
    pub documento_intero: Option<bool>,
    /// Something was added after signing (PDF).
    pub modificato_dopo: Option<bool>,
}

/// Who it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EsitoIdentita {
    /// No anchor was given, or there is no certificate.
    #[default]
    NonVerificata,
    /// A path reaches an anchor, every certificate in force at the instant of reference.
    Riconosciuta,
    /// A path reaches an anchor, but a certificate was not in force at the instant of reference.
    Scaduta,
    /// No path reaches an anchor.
    Sconosciuta,
}

/// The path.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Identita {
    /// Names from the signer's issuer to the anchor.
    pub catena: Vec<String>,
    /// The anchor, and whence it comes.
    pub ancora: Option<String>,
    /// The instant at which it was judged.
    pub istante_di_riferimento: Option<Timestamp>,
    /// Whence that instant comes: `marca`, `marca-esterna` (of an envelope around this one) or `riferimento`.
    pub fonte_istante: Option<&'static str>,
    /// Whether the signature or seal rests on a qualified certificate.
    pub qualificata: Qualifica,
    /// Reasons.
    pub motivi: Vec<String>,
}

/// Qualified or not, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Qualifica {
    /// `None`: cannot be said.
    pub esito: Option<bool>,
    /// Why.
    pub perche: Option<String>,
}

/// Whether it was revoked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EsitoRevoca {
    /// No usable information.
    #[default]
    NonVerificata,
    /// Not revoked.
    Buona,
    /// Revoked before the instant of reference, or then.
    Revocata,
}

/// On what that rests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Revoca {
    /// `crl` or `ocsp`.
    pub tipo: Option<&'static str>,
    /// `incorporata` in the file or `configurata`.
    pub fonte: Option<&'static str>,
    /// When the information was made.
    pub prodotta: Option<Timestamp>,
    /// When it was revoked.
    pub istante_revoca: Option<Timestamp>,
    /// Reasons.
    pub motivi: Vec<String>,
}

/// A timestamp.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Marca {
    /// Its signature is right and it is of these bytes.
    pub valida: bool,
    /// When.
    pub istante: Option<Timestamp>,
    /// The authority.
    pub tsa: Option<String>,
    /// Serial number, hexadecimal.
    pub seriale: Option<String>,
    /// Policy, OID.
    pub politica: Option<String>,
    /// Digest algorithm of the imprint.
    pub algoritmo: Option<&'static str>,
    /// Whether the imprint is of the bytes at hand; none when they are not.
    pub impronta: Option<bool>,
    /// Who the authority is.
    pub identita: EsitoIdentita,
    /// The path.
    pub dettaglio_identita: Identita,
    /// Weak algorithms.
    pub deboli: Vec<String>,
    /// Why it is not valid.
    pub errore: Option<String>,
}

/// What the certificate says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DatiCertificato {
    /// Whole name of the subject.
    pub soggetto: String,
    /// Whole name of the issuer.
    pub emittente: String,
    /// Organisation.
    pub organizzazione: Option<String>,
    /// `organizationIdentifier`.
    pub id_organizzazione: Option<String>,
    /// Serial number, hexadecimal.
    pub seriale: String,
    /// Valid from.
    pub dal: Timestamp,
    /// Valid to.
    pub al: Timestamp,
    /// SHA-256, hexadecimal.
    pub impronta: String,
    /// What it declares by `QcStatements`.
    pub dichiarazioni: Dichiarazioni,
}

/// Algorithms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Algoritmi {
    /// Digest of the content.
    pub impronta: Option<&'static str>,
    /// Signature.
    pub firma: Option<String>,
    /// Key.
    pub chiave: Option<String>,
    /// Which of these are weak.
    pub deboli: Vec<String>,
}

impl Firma {
    /// From what was found of the signature value, and the signer's certificate.
    pub(crate) fn da_riscontro(r: &Riscontro, certificato: Option<&Certificato>) -> Self {
        let mut f = Self {
            istante: r.istante,
            integra: r.integra(),
            errore: r.errore.clone(),
            integrita: Integrita {
                valore: r.valore,
                impronta: r.impronta,
                certificato: r.vincolo,
                ..Integrita::default()
            },
            algoritmi: Algoritmi {
                impronta: r.digesto.map(crate::impronte::Digesto::nome),
                firma: r.algoritmo.clone(),
                ..Algoritmi::default()
            },
            ..Self::default()
        };
        if let Some(d) = r.digesto.filter(|d| d.debole()) {
            f.algoritmi.deboli.push(d.nome().to_owned());
        }
        if let Some(c) = certificato {
            f.di(c);
        }
        f
    }

    /// Of a signature that could not be read at all.
    pub(crate) fn illeggibile(perche: impl Into<String>) -> Self {
        Self { errore: Some(perche.into()), ..Self::default() }
    }

    fn di(&mut self, c: &Certificato) {
        self.firmatario = c.firmatario();
        self.cf = c.soggetto.cf();
        self.emittente = c.emittente.comune();
        if let Ok(k) = &c.chiave {
            self.algoritmi.chiave = Some(k.nome());
            if k.debole() {
                self.algoritmi.deboli.push(k.nome());
            }
        }
        self.certificato = Some(DatiCertificato {
            soggetto: c.soggetto.esteso(),
            emittente: c.emittente.esteso(),
            organizzazione: c.soggetto.organizzazione().map(str::to_owned),
            id_organizzazione: c.soggetto.id_organizzazione().map(str::to_owned),
            seriale: c.seriale_testo(),
            dal: c.dal,
            al: c.al,
            impronta: esadecimale(&c.impronta()),
            dichiarazioni: c.qc.clone(),
        });
    }

    /// Not intact after all, for this reason; the first reason stays.
    pub(crate) fn rifiuta(&mut self, perche: impl Into<String>) {
        self.integra = false;
        self.errore.get_or_insert(perche.into());
    }

    /// This one and its countersignatures.
    pub(crate) fn tutta_integra(&self) -> bool {
        self.integra && self.controfirme.iter().all(Self::tutta_integra)
    }
}
