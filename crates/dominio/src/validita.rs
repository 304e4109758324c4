//! Why a communication between administrations is valid: CAD art. 47 c. 2 (R-D31).
//!
//! Fax is no [`Mezzo`]: it cannot be chosen.

use serde::Serialize;

use crate::registrazione::{Mezzo, Registrazione, Stato, Tipo};
use crate::sigillo::StatoSigillo;
use crate::soggetto::Soggetto;

/// What makes sure where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Criterio {
    /// Letter b: it has the segnatura di protocollo of TUDA 55.
    Segnatura,
    /// Letter d: it was sent by certified mail.
    Pec,
}

impl Criterio {
    /// In words.
    pub fn in_parole(self) -> &'static str {
        match self {
            Self::Segnatura => "segnatura di protocollo (lett. b)",
            Self::Pec => "posta elettronica certificata (lett. d)",
        }
    }
}

/// What is met, of what the register knows by itself; `None` for what does not pass between administrations, or is annulled. Of
/// an uscita it is what was declared, until it is sent. An empty list
/// asks who registers to find out otherwise: letters a and c, and b of what comes in, whose segnatura is not looked at here.
pub fn criteri(r: &Registrazione) -> Option<Vec<Criterio>> {
    let d = &r.dati;
    let altra = |s: &Soggetto| matches!(s, Soggetto::Amministrazione { .. });
    // The channels by which it passes, one for each administration.
    let canali: Vec<Mezzo> = match d.tipo {
        Tipo::Entrata => d.mittente.iter().filter(|s| altra(s)).map(|_| d.mezzo).collect(),
        Tipo::Uscita => {
            let altre = d.destinatari.iter().filter(|x| altra(&x.soggetto));
            altre.map(|x| x.canale.unwrap_or(d.mezzo)).collect()
        }
        Tipo::Interna => Vec::new(),
    };
    if canali.is_empty() || r.stato == Stato::Annullata {
        return None;
    }
    let sigillata = d.tipo == Tipo::Uscita && r.stato_sigillo() == StatoSigillo::Apposto;
    let mut c: Vec<Criterio> = sigillata.then_some(Criterio::Segnatura).into_iter().collect();
    c.extend(canali.iter().all(|m| *m == Mezzo::Pec).then_some(Criterio::Pec));
    Some(c)
}
