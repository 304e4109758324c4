//! The seal of the segnatura: what an AOO decided about it, and what stands on a registration (R-A13, R-A14, R-C10, R-C11).
//!
//! The segnatura is a function of the operation that registers, so it is there as soon as the number is; its seal follows at once,
//! and until then the registration says that it waits. Here are values and rules only: who seals is elsewhere.

use serde::{Deserialize, Serialize};

use crate::codici::Impronta;
use crate::configurazione::StatoAoo;
use crate::errori::{Rifiuto, Rigore, Validatore};
use crate::nuova::richiede;
use crate::operazione::Evento;
use crate::permessi::{Diritto, Operatore};
use crate::registrazione::{Documento, Registrazione, RuoloDocumento, Tipo};
use crate::tempo::Istante;
use crate::testo;

/// Number of the sealed segnatura among the files of a registration: those of the document begin with 1.
pub const POSTO: u32 = 0;
/// Name under which it travels (Allegato 6 app. A).
pub const NOME_FILE: &str = "Segnatura.xml";
/// Longest deferral of seals that one act allows, seconds: a provider away for longer is another one's occasion.
const DIFFERIMENTO_MAX_S: i64 = 7 * 86_400;

/// Who holds the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fornitore {
    /// A PKCS#12 file.
    File,
    /// A device that speaks PKCS#11.
    Pkcs11,
    /// A provider that speaks CSC.
    Csc,
}

/// The seal of an AOO, as it was tried before it was set (R-C11). The secret that opens its key stands elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatiSigillo {
    /// Who holds the key.
    pub fornitore: Fornitore,
    /// Whose seal it is, as its certificate says.
    pub intestatario: String,
    /// Who issued the certificate.
    pub emittente: String,
    /// SHA-256 of the certificate.
    pub certificato: Impronta,
    /// When the certificate ends.
    pub scadenza: Istante,
    /// Does the certificate say that it is qualified, for seals?
    #[serde(default)]
    pub qualificato: bool,
    /// Are entrate sealed too?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub entrate: bool,
    /// SHA-256 of its public key (SubjectPublicKeyInfo): ends the request that was made with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chiave: Option<Impronta>,
}

impl DatiSigillo {
    /// Is a registration of that kind sealed?
    pub fn riguarda(&self, tipo: Tipo) -> bool {
        match tipo {
            Tipo::Uscita => true,
            Tipo::Entrata => self.entrate,
            Tipo::Interna => false,
        }
    }

    /// What the configuration may hold.
    pub(crate) fn validato(self, v: &mut Validatore, ora: Istante) -> Self {
        if self.scadenza <= ora {
            v.errore("scadenza", "il certificato del sigillo è scaduto");
        }
        let intestatario = testo::obbligatorio(v, "intestatario", &self.intestatario, 300);
        let emittente = testo::obbligatorio(v, "emittente", &self.emittente, 300);
        Self { intestatario, emittente, ..self }
    }
}

/// A key of ours that waits for its certificate (R-C11). What opens the key stands elsewhere, as for a seal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RichiestaSigillo {
    /// Where the key is: a file of ours, or a device.
    pub fornitore: Fornitore,
    /// SHA-256 of its public key (SubjectPublicKeyInfo).
    pub chiave: Impronta,
    /// Whose the certificate is to be, as the request says.
    pub intestatario: String,
    /// `organizationIdentifier` of the request (ETSI EN 319 412-1 § 5.1.4).
    pub identificativo: String,
    /// The request (PKCS#10), DER in base64: what is handed to who issues the certificate.
    pub pkcs10: String,
}

/// Longest request, base64: one for RSA-3072 is of 1,500.
const PKCS10_MAX: usize = 8_192;

impl RichiestaSigillo {
    /// What the configuration may hold.
    pub(crate) fn validata(self, v: &mut Validatore) -> Self {
        if self.fornitore == Fornitore::Csc {
            v.errore("fornitore", "la chiave di un sigillo remoto nasce dal prestatore: la richiesta è un modulo");
        }
        if self.pkcs10.is_empty() || self.pkcs10.len() > PKCS10_MAX {
            v.errore("pkcs10", format!("ha da 1 a {PKCS10_MAX} caratteri"));
        }
        let intestatario = testo::obbligatorio(v, "intestatario", &self.intestatario, 300);
        let identificativo = testo::obbligatorio(v, "identificativo", &self.identificativo, 64);
        Self { intestatario, identificativo, ..self }
    }
}

/// Does a seal follow? What travels on paper has no XML beside it.
pub fn richiesto(aoo: &StatoAoo, tipo: Tipo, documenti: &[Documento]) -> bool {
    documenti.iter().any(|d| d.ruolo == RuoloDocumento::Primario)
        && aoo.sigillo.as_ref().is_some_and(|s| s.riguarda(tipo))
}

/// Until when an uscita may be registered though its seal cannot be made now, and why (R-A14): the RGD answers for it.
///
/// # Errors
/// The right, or the field, that is missing.
pub(crate) fn differisci(chi: &Operatore, ora: Istante, fino: Istante, motivo: &str) -> Result<Evento, Rifiuto> {
    richiede(chi, Diritto::Differisce)?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    if fino <= ora {
        v.errore("fino", "è già passato");
    } else if fino.0 - ora.0 > DIFFERIMENTO_MAX_S * 1_000_000 {
        v.errore("fino", "va al massimo a sette giorni da adesso");
    }
    let motivo = testo::obbligatorio(&mut v, "motivo", motivo, 1_000);
    v.chiudi()?;
    Ok(Evento::SigilloDifferito { fino, motivo })
}

/// A seal that was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SigilloApposto {
    /// SHA-256 of the segnatura before it was sealed.
    pub non_sigillata: Impronta,
    /// The sealed segnatura, among the files of the registration.
    pub segnatura: Documento,
    /// Whose seal.
    pub intestatario: String,
    /// Who issued its certificate.
    pub emittente: String,
    /// SHA-256 of the certificate.
    pub certificato: Impronta,
    /// Does the certificate say that it is qualified?
    pub qualificato: bool,
}

/// The seal of a registration that waits for it.
///
/// # Errors
/// It does not wait for one, or has it.
pub(crate) fn apponi(r: &Registrazione, mut s: SigilloApposto) -> Result<Evento, Rifiuto> {
    if !r.dati.sigillo_richiesto {
        return Err(Rifiuto::Conflitto("la segnatura di questa registrazione non va sigillata".to_owned()));
    }
    if r.sigillo.is_some() {
        return Err(Rifiuto::Conflitto("la segnatura di questa registrazione è già sigillata".to_owned()));
    }
    s.segnatura.n = POSTO;
    s.segnatura.ruolo = RuoloDocumento::Segnatura;
    s.segnatura.nome = NOME_FILE.to_owned();
    Ok(Evento::Sigillo(Box::new(s)))
}

/// How the seal of a registration stands (contract § 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatoSigillo {
    /// Nobody asks for one.
    NonRichiesto,
    /// It follows.
    InAttesa,
    /// It is there.
    Apposto,
}

impl Registrazione {
    /// How its seal stands.
    pub fn stato_sigillo(&self) -> StatoSigillo {
        match (self.dati.sigillo_richiesto, &self.sigillo) {
            (_, Some(_)) => StatoSigillo::Apposto,
            (true, None) => StatoSigillo::InAttesa,
            (false, None) => StatoSigillo::NonRichiesto,
        }
    }
}
