//! What a rule answers when it says no: the field, and words that say how to mend it.

use serde::{Deserialize, Serialize};

/// One wrong field, named as the client wrote it (`mittente.codiceFiscale`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErroreCampo {
    /// Dotted path of the field in the request.
    pub campo: String,
    /// What is wrong and how to mend it, in Italian.
    pub messaggio: String,
}

/// Something odd in data that a *message* declared: kept as declared, and said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomalia {
    /// Dotted path of the field.
    pub campo: String,
    /// What is odd, in Italian.
    pub messaggio: String,
}

/// Why a command was refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rifiuto {
    /// Fields that do not hold (HTTP 422).
    #[error("dati non validi: {}", elenco(.0))]
    NonValido(Vec<ErroreCampo>),
    /// The thing named does not exist here (HTTP 404).
    #[error("{0}")]
    NonTrovato(String),
    /// The operator lacks the right (HTTP 403).
    #[error("{0}")]
    Vietato(String),
    /// The state of the register does not allow it (HTTP 409).
    #[error("{0}")]
    Conflitto(String),
}

impl Rifiuto {
    /// A refusal about one field.
    pub fn campo(campo: impl Into<String>, messaggio: impl Into<String>) -> Self {
        Self::NonValido(vec![ErroreCampo { campo: campo.into(), messaggio: messaggio.into() }])
    }
}

fn elenco(errori: &[ErroreCampo]) -> String {
    errori.iter().map(|e| format!("{}: {}", e.campo, e.messaggio)).collect::<Vec<_>>().join("; ")
}

/// How hard declared data are checked (contract § 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rigore {
    /// An operator types: what does not hold is refused.
    Operatore,
    /// A message (PEC, SOAP, import) declares: bad data never stop a registration.
    Messaggio,
}

impl Rigore {
    /// A refusal where somebody types; where a message declares, something odd to be kept with it.
    ///
    /// # Errors
    /// The refusal.
    pub fn rifiuta(self, r: Rifiuto, anomalie: &mut Vec<Anomalia>) -> Result<(), Rifiuto> {
        match r {
            Rifiuto::NonValido(errori) if self == Self::Messaggio => {
                anomalie.extend(errori.into_iter().map(|e| Anomalia { campo: e.campo, messaggio: e.messaggio }));
                Ok(())
            }
            r => Err(r),
        }
    }
}

/// Gathers every error of a request, so that the client sees them all at once.
#[derive(Debug)]
pub struct Validatore {
    rigore: Rigore,
    errori: Vec<ErroreCampo>,
    anomalie: Vec<Anomalia>,
}

impl Validatore {
    /// An empty collector.
    pub fn nuovo(rigore: Rigore) -> Self {
        Self { rigore, errori: Vec::new(), anomalie: Vec::new() }
    }

    /// The rule holds whoever declares the datum.
    pub fn errore(&mut self, campo: impl Into<String>, messaggio: impl Into<String>) {
        self.errori.push(ErroreCampo { campo: campo.into(), messaggio: messaggio.into() });
    }

    /// An error for an operator, an anomaly for a message.
    pub fn dubbio(&mut self, campo: impl Into<String>, messaggio: impl Into<String>) {
        match self.rigore {
            Rigore::Operatore => self.errore(campo, messaggio),
            Rigore::Messaggio => self.anomalie.push(Anomalia { campo: campo.into(), messaggio: messaggio.into() }),
        }
    }

    /// How hard this collector is.
    pub fn rigore(&self) -> Rigore {
        self.rigore
    }

    /// The anomalies, or the refusal if anything was wrong.
    ///
    /// # Errors
    /// [`Rifiuto::NonValido`] with every error gathered.
    pub fn chiudi(self) -> Result<Vec<Anomalia>, Rifiuto> {
        if self.errori.is_empty() { Ok(self.anomalie) } else { Err(Rifiuto::NonValido(self.errori)) }
    }
}
