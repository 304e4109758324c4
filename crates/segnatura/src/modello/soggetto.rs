//! Who sends and who receives (R-C07).

use serde::Serialize;

use super::CodiceIpa;

/// A correspondent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "tipo", rename_all = "kebab-case")]
pub enum Soggetto {
    /// An Italian administration.
    Amministrazione(Box<Amministrazione>),
    /// A company, an association.
    PersonaGiuridica(PersonaGiuridica),
    /// A person.
    PersonaFisica(PersonaFisica),
    /// An administration of another country.
    AmministrazioneEstera(AmministrazioneEstera),
}

impl Soggetto {
    /// How it is called, for people.
    pub fn denominazione(&self) -> String {
        match self {
            Self::Amministrazione(a) => a.denominazione.clone(),
            Self::PersonaGiuridica(p) => p.denominazione.clone(),
            Self::PersonaFisica(p) => format!("{} {}", p.nome, p.cognome).trim().to_owned(),
            Self::AmministrazioneEstera(a) => a.denominazione.clone(),
        }
    }
}

/// An Italian administration, down to one AOO or office.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Amministrazione {
    /// Name.
    pub denominazione: String,
    /// Eleven digits.
    pub codice_fiscale: Option<String>,
    /// Code in IPA; old generations may do without.
    pub codice_ipa: Option<CodiceIpa>,
    /// How to reach it.
    pub contatti: Option<Contatti>,
    /// Code of the AOO.
    pub aoo: Option<CodiceIpa>,
    /// How to reach the AOO.
    pub contatti_aoo: Option<Contatti>,
    /// Code of the office.
    pub uo: Option<CodiceIpa>,
    /// How to reach the office.
    pub contatti_uo: Option<Contatti>,
    /// People in it.
    pub persone: Vec<PersonaFisica>,
}

/// An administration of another country.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct AmministrazioneEstera {
    /// Name.
    pub denominazione: String,
    /// Office.
    pub ufficio: Option<String>,
    /// How to reach it.
    pub contatti: Option<Contatti>,
}

/// A company, an association.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PersonaGiuridica {
    /// Name.
    pub denominazione: String,
    /// Partita IVA or fiscal code of eleven digits: the 3.0.0 has no room for the sixteen letters of a sole trader.
    pub partita_iva: Option<String>,
    /// How to reach it.
    pub contatti: Option<Contatti>,
    /// People in it.
    pub persone: Vec<PersonaFisica>,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct PersonaFisica {
    /// Name; empty where only the whole name was given, which is then in `cognome`.
    pub nome: String,
    /// Surname.
    pub cognome: String,
    /// Dott., Avv.
    pub titolo: Option<String>,
    /// Sixteen characters.
    pub codice_fiscale: Option<String>,
    /// How to reach them.
    pub contatti: Option<Contatti>,
}

/// How somebody is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Contatti {
    /// By post: read, never written (the CAP of the 3.0.0 has six digits; `docs/segnatura.md`).
    pub postali: Vec<IndirizzoPostale>,
    /// By mail or service.
    pub telematici: Vec<IndirizzoTelematico>,
    /// By telephone.
    pub telefoni: Vec<String>,
    /// By fax: old generations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fax: Vec<String>,
}

/// A postal address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct IndirizzoPostale {
    /// Via, piazza.
    pub dug: Option<String>,
    /// Its name; or the whole address in one line.
    pub toponimo: String,
    /// Number.
    pub civico: String,
    /// CAP.
    pub cap: String,
    /// Comune.
    pub comune: String,
    /// Its ISTAT code.
    pub codice_istat: Option<String>,
    /// Province: old generations.
    pub provincia: Option<String>,
    /// Country.
    pub nazione: Option<String>,
}

/// What kind of address.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TipoIndirizzo {
    /// Mail: also where nothing is said.
    #[default]
    Smtp,
    /// A service (`uri` in old generations).
    Url,
    /// Anything else, as it was written (`other` in the 3.0.0).
    Altro(String),
}

/// A mail address, or another one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct IndirizzoTelematico {
    /// What kind.
    pub tipo: TipoIndirizzo,
    /// The address.
    pub valore: String,
    /// About it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl IndirizzoTelematico {
    /// A mail address.
    pub fn posta(valore: impl Into<String>) -> Self {
        Self { tipo: TipoIndirizzo::Smtp, valore: valore.into(), note: None }
    }
}

/// Who receives.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Destinatario {
    /// Who; old generations may give an address and nothing else.
    pub soggetto: Option<Soggetto>,
    /// Mailbox it was sent to: `Destinazione` of old generations.
    pub indirizzo: Option<IndirizzoTelematico>,
    /// Whether a ConfermaRicezione is asked for: yes in the 3.0.0 where nothing is said, no in the others (R-D22).
    pub conferma_ricezione: bool,
    /// Whether only for knowledge.
    pub per_conoscenza: bool,
}
