//! The four messages that come back to who sent a segnatura (R-D22…R-D25).

use serde::Serialize;

use super::Identificatore;

/// Which of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TipoMessaggio {
    /// It was registered.
    ConfermaRicezione,
    /// Later data of that registration.
    AggiornamentoConferma,
    /// Something is wrong with it.
    NotificaEccezione,
    /// That registration was annulled.
    AnnullamentoProtocollazione,
}

impl TipoMessaggio {
    /// Name of the root element, the same in every generation.
    pub fn radice(self) -> &'static str {
        match self {
            Self::ConfermaRicezione => "ConfermaRicezione",
            Self::AggiornamentoConferma => "AggiornamentoConferma",
            Self::NotificaEccezione => "NotificaEccezione",
            Self::AnnullamentoProtocollazione => "AnnullamentoProtocollazione",
        }
    }

    /// Name of the body part of the PEC that carries it (R-D21).
    pub fn nome_file(self) -> &'static str {
        match self {
            Self::ConfermaRicezione => "Conferma.xml",
            Self::AggiornamentoConferma => "Aggiornamento.xml",
            Self::NotificaEccezione => "Eccezione.xml",
            Self::AnnullamentoProtocollazione => "Annullamento.xml",
        }
    }

    /// All four.
    pub const TUTTI: [Self; 4] = [
        Self::ConfermaRicezione,
        Self::AggiornamentoConferma,
        Self::NotificaEccezione,
        Self::AnnullamentoProtocollazione,
    ];
}

/// The message that is spoken of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "tipo", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "there is one at a time, inside of a message")]
pub enum MessaggioRicevuto {
    /// As its sender registered it.
    Registrato {
        /// Registration of the sender.
        identificatore: Identificatore,
        /// The first one, if the message named it.
        prima_registrazione: Option<Identificatore>,
    },
    /// In words: only for what its sender had not registered.
    Descritto {
        /// Date, sender, subject of the message.
        descrizione: String,
    },
}

/// A ConfermaRicezione (R-D22) or an AggiornamentoConferma (R-D23).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conferma {
    /// Registration of who received.
    pub identificatore: Identificatore,
    /// What was received.
    pub messaggio_ricevuto: MessaggioRicevuto,
}

/// A NotificaEccezione (R-D24).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Eccezione {
    /// Only if it was registered all the same.
    pub identificatore: Option<Identificatore>,
    /// What was received.
    pub messaggio_ricevuto: MessaggioRicevuto,
    /// What is wrong.
    pub motivo: String,
}

/// An AnnullamentoProtocollazione (R-D25).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annullamento {
    /// The registration that was annulled.
    pub identificatore: Identificatore,
    /// Why.
    pub motivo: String,
    /// Extremes of the act.
    pub provvedimento: String,
}

/// A return message. They are not registered in their turn (R-D26).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "messaggio", rename_all = "kebab-case")]
pub enum MessaggioDiRitorno {
    /// R-D22.
    ConfermaRicezione(Conferma),
    /// R-D23.
    AggiornamentoConferma(Conferma),
    /// R-D24.
    NotificaEccezione(Eccezione),
    /// R-D25.
    AnnullamentoProtocollazione(Annullamento),
}

impl MessaggioDiRitorno {
    /// Which of the four.
    pub fn tipo(&self) -> TipoMessaggio {
        match self {
            Self::ConfermaRicezione(_) => TipoMessaggio::ConfermaRicezione,
            Self::AggiornamentoConferma(_) => TipoMessaggio::AggiornamentoConferma,
            Self::NotificaEccezione(_) => TipoMessaggio::NotificaEccezione,
            Self::AnnullamentoProtocollazione(_) => TipoMessaggio::AnnullamentoProtocollazione,
        }
    }

    /// The registration of who writes the message.
    pub fn identificatore(&self) -> Option<&Identificatore> {
        match self {
            Self::ConfermaRicezione(c) | Self::AggiornamentoConferma(c) => Some(&c.identificatore),
            Self::NotificaEccezione(e) => e.identificatore.as_ref(),
            Self::AnnullamentoProtocollazione(a) => Some(&a.identificatore),
        }
    }

    /// The registration of who is written to, if the message says it.
    pub fn ricevuto(&self) -> Option<&Identificatore> {
        let ricevuto = match self {
            Self::ConfermaRicezione(c) | Self::AggiornamentoConferma(c) => &c.messaggio_ricevuto,
            Self::NotificaEccezione(e) => &e.messaggio_ricevuto,
            Self::AnnullamentoProtocollazione(_) => return None,
        };
        match ricevuto {
            MessaggioRicevuto::Registrato { identificatore, .. } => Some(identificatore),
            MessaggioRicevuto::Descritto { .. } => None,
        }
    }
}
