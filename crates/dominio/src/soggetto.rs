//! Correspondents: who writes and who is written to.

use serde::{Deserialize, Serialize};

use crate::codici::{self, CodiceIpa, CodiceUfficio};
use crate::errori::{Rigore, Validatore};
use crate::testo;

/// Longest name or denomination, in characters.
pub const NOME_MAX: usize = 500;

/// A correspondent, as it stands in the register. Codes are normalised when they hold;
/// what a message declared wrongly is kept as declared beside an anomaly (contract § 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tipo", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Soggetto {
    /// A natural person.
    PersonaFisica {
        /// Family name.
        cognome: String,
        /// Given name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nome: Option<String>,
        /// 16 characters, or the 11-digit provisional form.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        codice_fiscale: Option<String>,
        /// Certified address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pec: Option<String>,
        /// Ordinary e-mail.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
        /// Postal address, one line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        indirizzo: Option<String>,
    },
    /// A firm, an association, any legal person.
    PersonaGiuridica {
        /// Name of the firm.
        denominazione: String,
        /// 11 digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        partita_iva: Option<String>,
        /// 11 digits, when different from the partita IVA.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        codice_fiscale: Option<String>,
        /// Certified address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pec: Option<String>,
        /// Ordinary e-mail.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
        /// Postal address, one line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        indirizzo: Option<String>,
    },
    /// An Italian administration.
    Amministrazione {
        /// Its name.
        denominazione: String,
        /// IPA code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ipa: Option<String>,
        /// IPA code of the AOO.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        aoo: Option<String>,
        /// Office, as the sender names it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ufficio: Option<String>,
        /// Certified address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pec: Option<String>,
    },
    /// An administration of another country.
    AmministrazioneEstera {
        /// Its name.
        denominazione: String,
        /// ISO 3166 code or name of the country.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paese: Option<String>,
        /// Electronic address.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
    },
    /// An office of this same AOO.
    Ufficio {
        /// Its code.
        codice: CodiceUfficio,
        /// Its name at the instant of registration; filled in by the core.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        denominazione: Option<String>,
    },
}

impl Soggetto {
    /// The name shown in lists.
    pub fn nome_completo(&self) -> String {
        match self {
            Self::PersonaFisica { cognome, nome, .. } => match nome {
                Some(n) => format!("{cognome} {n}"),
                None => cognome.clone(),
            },
            Self::PersonaGiuridica { denominazione, .. }
            | Self::Amministrazione { denominazione, .. }
            | Self::AmministrazioneEstera { denominazione, .. } => denominazione.clone(),
            Self::Ufficio { codice, denominazione } => denominazione.clone().unwrap_or_else(|| codice.to_string()),
        }
    }

    /// The same with its code, but for an office of ours: `Rossi Mario (RSSMRA80A01H501U)`.
    pub fn nome_e_codice(&self) -> String {
        match self.codice().filter(|_| self.ufficio().is_none()) {
            Some(c) => format!("{} ({c})", self.nome_completo()),
            None => self.nome_completo(),
        }
    }

    /// Fiscal code, VAT number, IPA or office code: what identifies it beyond its name.
    pub fn codice(&self) -> Option<&str> {
        match self {
            Self::PersonaFisica { codice_fiscale, .. } => codice_fiscale.as_deref(),
            Self::PersonaGiuridica { partita_iva, codice_fiscale, .. } => {
                partita_iva.as_deref().or(codice_fiscale.as_deref())
            }
            Self::Amministrazione { ipa, .. } => ipa.as_deref(),
            Self::AmministrazioneEstera { .. } => None,
            Self::Ufficio { codice, .. } => Some(codice.as_str()),
        }
    }

    /// Electronic address, certified first.
    pub fn indirizzo_digitale(&self) -> Option<&str> {
        match self {
            Self::PersonaFisica { pec, email, .. } | Self::PersonaGiuridica { pec, email, .. } => {
                pec.as_deref().or(email.as_deref())
            }
            Self::Amministrazione { pec, .. } => pec.as_deref(),
            Self::AmministrazioneEstera { email, .. } => email.as_deref(),
            Self::Ufficio { .. } => None,
        }
    }

    /// The code of the office, when it is one of ours.
    pub fn ufficio(&self) -> Option<&CodiceUfficio> {
        match self {
            Self::Ufficio { codice, .. } => Some(codice),
            _ => None,
        }
    }

    /// Cleans and checks every field; errors go to `v` under `campo`.
    #[must_use]
    pub fn validato(self, v: &mut Validatore, campo: &str) -> Self {
        let sub = |nome: &str| format!("{campo}.{nome}");
        match self {
            Self::PersonaFisica { cognome, nome, codice_fiscale, pec, email, indirizzo } => Self::PersonaFisica {
                cognome: nome_di(v, &sub("cognome"), &cognome),
                nome: testo::facoltativo(v, &sub("nome"), nome.as_deref(), NOME_MAX),
                codice_fiscale: codice(v, &sub("codiceFiscale"), codice_fiscale, codici::codice_fiscale),
                pec: codice(v, &sub("pec"), pec, codici::indirizzo_posta),
                email: codice(v, &sub("email"), email, codici::indirizzo_posta),
                indirizzo: testo::facoltativo(v, &sub("indirizzo"), indirizzo.as_deref(), NOME_MAX),
            },
            Self::PersonaGiuridica { denominazione, partita_iva, codice_fiscale, pec, email, indirizzo } => {
                Self::PersonaGiuridica {
                    denominazione: nome_di(v, &sub("denominazione"), &denominazione),
                    partita_iva: codice(v, &sub("partitaIva"), partita_iva, codici::partita_iva),
                    codice_fiscale: codice(v, &sub("codiceFiscale"), codice_fiscale, codici::codice_fiscale),
                    pec: codice(v, &sub("pec"), pec, codici::indirizzo_posta),
                    email: codice(v, &sub("email"), email, codici::indirizzo_posta),
                    indirizzo: testo::facoltativo(v, &sub("indirizzo"), indirizzo.as_deref(), NOME_MAX),
                }
            }
            Self::Amministrazione { denominazione, ipa, aoo, ufficio, pec } => Self::Amministrazione {
                denominazione: nome_di(v, &sub("denominazione"), &denominazione),
                ipa: codice(v, &sub("ipa"), ipa, |s| s.trim().parse::<CodiceIpa>().map(String::from)),
                aoo: testo::facoltativo(v, &sub("aoo"), aoo.as_deref(), 64),
                ufficio: testo::facoltativo(v, &sub("ufficio"), ufficio.as_deref(), NOME_MAX),
                pec: codice(v, &sub("pec"), pec, codici::indirizzo_posta),
            },
            Self::AmministrazioneEstera { denominazione, paese, email } => Self::AmministrazioneEstera {
                denominazione: nome_di(v, &sub("denominazione"), &denominazione),
                paese: testo::facoltativo(v, &sub("paese"), paese.as_deref(), 80),
                email: codice(v, &sub("email"), email, codici::indirizzo_posta),
            },
            Self::Ufficio { codice, denominazione } => Self::Ufficio { codice, denominazione },
        }
    }
}

/// A name: compulsory for an operator; a message without one is registered all the same.
fn nome_di(v: &mut Validatore, campo: &str, nome: &str) -> String {
    match testo::facoltativo(v, campo, Some(nome), NOME_MAX) {
        Some(t) => t,
        None => {
            v.dubbio(campo, "va compilato");
            "(non indicato)".to_owned()
        }
    }
}

/// A code that is normalised when right, and kept as declared with an anomaly when a message got it wrong.
fn codice(
    v: &mut Validatore,
    campo: &str,
    valore: Option<String>,
    leggi: impl Fn(&str) -> Result<String, codici::CodiceErrato>,
) -> Option<String> {
    let dato = valore?;
    if dato.trim().is_empty() {
        return None;
    }
    match leggi(&dato) {
        Ok(c) => Some(c),
        Err(e) => {
            v.dubbio(campo, e.0);
            match v.rigore() {
                Rigore::Operatore => None,
                Rigore::Messaggio => testo::facoltativo(v, campo, Some(&dato), 254),
            }
        }
    }
}
