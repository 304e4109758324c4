//! Who may do what: one table for pages, API and tests (design § 7, R-J03, R-L02).

use serde::{Deserialize, Serialize};

use crate::codici::{CodiceAoo, CodiceUfficio, NomeUtente};
use crate::tempo::Istante;

/// A role a person has in an office, in an AOO or in the ente.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ruolo {
    /// Registers what comes in and goes out.
    Protocollista,
    /// Assigns what came in.
    Smistatore,
    /// Works on what is assigned to his office.
    Operatore,
    /// Heads an office.
    ResponsabileUor,
    /// Responsible for a procedimento.
    Rup,
    /// Responsabile della gestione documentale.
    Rgd,
    /// The RGD's deputy.
    Vicario,
    /// Coordinates several AOO.
    Coordinatore,
    /// Keeps titolario and fascicoli.
    Archivista,
    /// Hands registers and packages to preservation.
    Conservazione,
    /// Reads everything and the log, changes nothing.
    Auditor,
    /// Administrator of the ente: offices, users, configuration; no contents.
    Amministratore,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Diritto {
    /// Register an entrata.
    RegistraEntrata,
    /// Register an uscita.
    RegistraUscita,
    /// Register a documento interno.
    RegistraInterna,
    /// See every registration of the AOO that is not reserved.
    Consulta,
    /// See the registrations that touch one's own offices.
    ConsultaUfficio,
    /// See reserved registrations (R-L08).
    ConsultaRiservati,
    /// Assign and re-assign.
    Assegna,
    /// Take in charge, refuse, conclude what is assigned to one's office.
    PrendeInCarico,
    /// Change the classificazione.
    Classifica,
    /// Add allegati, annotazioni, collegamenti.
    Integra,
    /// Put into fascicoli and create them.
    Fascicola,
    /// Ask for an annulment.
    ChiedeAnnullamento,
    /// Annul, or authorise an annulment (R-B06).
    Annulla,
    /// Authorise a deferred registration (R-A23).
    Differisce,
    /// Confirm the clock after a doubt (R-A21).
    ConfermaOrologio,
    /// Create and close offices.
    GestisceUffici,
    /// Keep the titolario.
    GestisceTitolario,
    /// Keep the rubrica.
    GestisceRubrica,
    /// Create users, give roles and tokens.
    GestisceUtenti,
    /// Registers and settings of the AOO.
    GestisceConfigurazione,
    /// Run verification and read the whole log.
    Verifica,
}

impl Diritto {
    /// Those that let one read the register, in whole or in part.
    pub const LETTURA: [Self; 3] = [Self::ConsultaUfficio, Self::ConsultaRiservati, Self::Consulta];

    /// Every right, in the order of its bit.
    pub const TUTTI: [Self; 21] = [
        Self::RegistraEntrata,
        Self::RegistraUscita,
        Self::RegistraInterna,
        Self::Consulta,
        Self::ConsultaUfficio,
        Self::ConsultaRiservati,
        Self::Assegna,
        Self::PrendeInCarico,
        Self::Classifica,
        Self::Integra,
        Self::Fascicola,
        Self::ChiedeAnnullamento,
        Self::Annulla,
        Self::Differisce,
        Self::ConfermaOrologio,
        Self::GestisceUffici,
        Self::GestisceTitolario,
        Self::GestisceRubrica,
        Self::GestisceUtenti,
        Self::GestisceConfigurazione,
        Self::Verifica,
    ];

    /// The right in words, for a refusal.
    pub fn descrizione(self) -> &'static str {
        match self {
            Self::RegistraEntrata => "registrare documenti in entrata",
            Self::RegistraUscita => "registrare documenti in uscita",
            Self::RegistraInterna => "registrare documenti interni",
            Self::Consulta => "consultare il registro",
            Self::ConsultaUfficio => "consultare i documenti del proprio ufficio",
            Self::ConsultaRiservati => "consultare i documenti riservati",
            Self::Assegna => "assegnare i documenti",
            Self::PrendeInCarico => "prendere in carico le assegnazioni",
            Self::Classifica => "cambiare la classificazione",
            Self::Integra => "aggiungere allegati, annotazioni e collegamenti",
            Self::Fascicola => "gestire i fascicoli",
            Self::ChiedeAnnullamento => "chiedere un annullamento",
            Self::Annulla => "annullare una registrazione",
            Self::Differisce => "autorizzare il protocollo differito",
            Self::ConfermaOrologio => "confermare l'orologio del registro",
            Self::GestisceUffici => "gestire gli uffici",
            Self::GestisceTitolario => "gestire il titolario",
            Self::GestisceRubrica => "gestire la rubrica",
            Self::GestisceUtenti => "gestire gli utenti",
            Self::GestisceConfigurazione => "gestire la configurazione",
            Self::Verifica => "verificare il registro delle operazioni",
        }
    }
}

/// A set of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Diritti(u32);

impl Diritti {
    /// None at all.
    pub const NESSUNO: Self = Self(0);

    /// From a list.
    pub fn di(elenco: &[Diritto]) -> Self {
        Self(elenco.iter().fold(0, |b, d| b | 1 << (*d as u8)))
    }

    /// Is the right in the set?
    pub fn ha(self, d: Diritto) -> bool {
        self.0 & (1 << (d as u8)) != 0
    }

    /// In either set.
    #[must_use]
    pub fn unione(self, altri: Self) -> Self {
        Self(self.0 | altri.0)
    }

    /// In both sets: a token never does more than its owner.
    #[must_use]
    pub fn intersezione(self, altri: Self) -> Self {
        Self(self.0 & altri.0)
    }

    /// The rights of the set, in order.
    pub fn elenco(self) -> Vec<Diritto> {
        Diritto::TUTTI.into_iter().filter(|d| self.ha(*d)).collect()
    }
}

impl Ruolo {
    /// Every role.
    pub const TUTTI: [Self; 12] = [
        Self::Protocollista,
        Self::Smistatore,
        Self::Operatore,
        Self::ResponsabileUor,
        Self::Rup,
        Self::Rgd,
        Self::Vicario,
        Self::Coordinatore,
        Self::Archivista,
        Self::Conservazione,
        Self::Auditor,
        Self::Amministratore,
    ];

    /// The code used in files and answers.
    pub fn codice(self) -> &'static str {
        match self {
            Self::Protocollista => "protocollista",
            Self::Smistatore => "smistatore",
            Self::Operatore => "operatore",
            Self::ResponsabileUor => "responsabile-uor",
            Self::Rup => "rup",
            Self::Rgd => "rgd",
            Self::Vicario => "vicario",
            Self::Coordinatore => "coordinatore",
            Self::Archivista => "archivista",
            Self::Conservazione => "conservazione",
            Self::Auditor => "auditor",
            Self::Amministratore => "amministratore",
        }
    }

    /// The role in words.
    pub fn denominazione(self) -> &'static str {
        match self {
            Self::Protocollista => "Protocollista",
            Self::Smistatore => "Smistatore",
            Self::Operatore => "Operatore d'ufficio",
            Self::ResponsabileUor => "Responsabile di UOR",
            Self::Rup => "Responsabile del procedimento",
            Self::Rgd => "Responsabile della gestione documentale",
            Self::Vicario => "Vicario del RGD",
            Self::Coordinatore => "Coordinatore della gestione documentale",
            Self::Archivista => "Archivista",
            Self::Conservazione => "Addetto alla conservazione",
            Self::Auditor => "Auditor",
            Self::Amministratore => "Amministratore dell'ente",
        }
    }

    /// Reads a code.
    pub fn da_codice(testo: &str) -> Option<Self> {
        Self::TUTTI.into_iter().find(|r| r.codice() == testo)
    }

    /// The permission table. R-J03, R-B06: only RGD and vicario annul; the amministratore sees no contents.
    pub fn diritti(self) -> Diritti {
        use Diritto::*;
        let d: &[Diritto] = match self {
            Self::Protocollista => &[
                RegistraEntrata,
                RegistraUscita,
                RegistraInterna,
                Consulta,
                ConsultaUfficio,
                Assegna,
                PrendeInCarico,
                Classifica,
                Integra,
                Fascicola,
                ChiedeAnnullamento,
                GestisceRubrica,
            ],
            Self::Smistatore => &[Consulta, ConsultaUfficio, Assegna, PrendeInCarico, Classifica, Integra],
            Self::Operatore => {
                &[ConsultaUfficio, RegistraInterna, PrendeInCarico, Integra, Fascicola, ChiedeAnnullamento]
            }
            Self::ResponsabileUor => &[
                ConsultaUfficio,
                RegistraInterna,
                RegistraUscita,
                Assegna,
                PrendeInCarico,
                Classifica,
                Integra,
                Fascicola,
                ChiedeAnnullamento,
            ],
            Self::Rup => &[ConsultaUfficio, RegistraInterna, RegistraUscita, PrendeInCarico, Integra, Fascicola],
            Self::Rgd | Self::Vicario => &[
                RegistraEntrata,
                RegistraUscita,
                RegistraInterna,
                Consulta,
                ConsultaUfficio,
                ConsultaRiservati,
                Assegna,
                PrendeInCarico,
                Classifica,
                Integra,
                Fascicola,
                ChiedeAnnullamento,
                Annulla,
                Differisce,
                ConfermaOrologio,
                GestisceTitolario,
                GestisceRubrica,
                GestisceConfigurazione,
                Verifica,
            ],
            Self::Coordinatore => &[Consulta, GestisceTitolario, GestisceConfigurazione, Verifica],
            Self::Archivista => &[Consulta, Classifica, Integra, Fascicola, GestisceTitolario],
            Self::Conservazione => &[Consulta, Verifica],
            Self::Auditor => &[Consulta, ConsultaRiservati, Verifica],
            Self::Amministratore => &[GestisceUffici, GestisceUtenti, GestisceConfigurazione, Verifica],
        };
        Diritti::di(d)
    }
}

/// A role given to a person, with its place and its validity (R-J01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Incarico {
    /// The role.
    pub ruolo: Ruolo,
    /// The AOO; absent means every AOO of the ente.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aoo: Option<CodiceAoo>,
    /// The office, for the roles that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ufficio: Option<CodiceUfficio>,
    /// Valid from.
    pub dal: Istante,
    /// Valid until, excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub al: Option<Istante>,
}

/// Which door a command came in by; written in every operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Porta {
    /// A page of the product.
    Pagina,
    /// The REST interface.
    Rest,
    /// The web services.
    Soap,
    /// A certified message.
    Pec,
    /// The command line.
    Cli,
    /// A bulk load.
    Importazione,
    /// The product itself.
    Sistema,
}

/// Who acts: identified, never generic (R-B12), inside one AOO, with the rights that hold now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operatore {
    /// Sign-in name.
    pub id: NomeUtente,
    /// Name and family name.
    pub nome: String,
    /// Office on whose behalf the operation is done.
    pub ufficio: Option<CodiceUfficio>,
    /// Person or system on whose behalf, when a token acts for somebody.
    pub per_conto_di: Option<String>,
    /// Offices the person belongs to.
    pub uffici: Vec<CodiceUfficio>,
    /// Rights that hold now.
    pub diritti: Diritti,
    /// The door.
    pub porta: Porta,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rgd_and_vicario_annul() {
        // R-B06
        for r in Ruolo::TUTTI {
            assert_eq!(r.diritti().ha(Diritto::Annulla), matches!(r, Ruolo::Rgd | Ruolo::Vicario), "{r:?}");
        }
    }

    #[test]
    fn the_administrator_sees_no_contents() {
        // R-J03
        let d = Ruolo::Amministratore.diritti();
        for no in [Diritto::Consulta, Diritto::ConsultaUfficio, Diritto::ConsultaRiservati, Diritto::RegistraEntrata] {
            assert!(!d.ha(no), "{no:?}");
        }
    }

    #[test]
    fn an_auditor_changes_nothing() {
        for d in Ruolo::Auditor.diritti().elenco() {
            assert!(matches!(d, Diritto::Consulta | Diritto::ConsultaRiservati | Diritto::Verifica), "{d:?}");
        }
    }

    #[test]
    fn every_right_is_given_to_somebody() {
        let tutti = Ruolo::TUTTI.into_iter().fold(Diritti::NESSUNO, |a, r| a.unione(r.diritti()));
        assert_eq!(tutti.elenco().len(), Diritto::TUTTI.len());
    }

    #[test]
    fn codes_of_roles_read_back() {
        for r in Ruolo::TUTTI {
            assert_eq!(Ruolo::da_codice(r.codice()), Some(r));
        }
    }
}
