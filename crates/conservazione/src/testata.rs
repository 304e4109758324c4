//! Which register, of which days, and what came before it.

use dominio::codici::{CodiceAoo, CodiceIpa, CodiceRegistro, Impronta};
use dominio::registrazione::Registrazione;
use dominio::tempo::{Giorno, Istante, domani, in_parole};

use crate::errore::Errore;

/// What stands at the head of a register. It names no operator and no clock: the same day always has the same head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Testata {
    /// Ente.
    pub ente: CodiceIpa,
    /// Its name.
    pub ente_denominazione: String,
    /// AOO.
    pub aoo: CodiceAoo,
    /// Its name.
    pub aoo_denominazione: String,
    /// Register.
    pub registro: CodiceRegistro,
    /// Its name.
    pub registro_denominazione: String,
    /// Which days.
    pub periodo: Periodo,
    /// The last number that the register had given in the year of the period before it began, as the previous daily register
    /// says; 0 on 1 January, or where a former system stopped.
    pub ultimo_numero: i64,
    /// Number of this document in its own repertorio of the year, from 1 (R-F07).
    pub progressivo: u64,
    /// The daily register before this one; none for the first.
    pub precedente: Option<Precedente>,
    /// Text of the log's checkpoint at the closing of the day: what was registered can be held against the log.
    pub checkpoint: String,
}

/// The daily register before this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precedente {
    /// Year of its repertorio.
    pub anno: i32,
    /// Its number in the repertorio.
    pub progressivo: u64,
    /// SHA-256 of its XML (of the last volume, which names the others).
    pub impronta: Impronta,
    /// The same of its public copy: who has that one learns nothing, not even by trying, about what it masks.
    pub impronta_pubblica: Impronta,
}

impl Testata {
    pub(crate) fn controlla(&self) -> Result<(), Errore> {
        let atteso = match &self.precedente {
            Some(p) if p.anno == self.periodo.anno() => p.progressivo.saturating_add(1),
            Some(p) if p.anno < self.periodo.anno() => 1,
            Some(p) => return Err(Errore::Repertorio { precedente: p.progressivo, questo: self.progressivo }),
            // Where the first one begins is known to who keeps the repertorio.
            None => self.progressivo.max(1),
        };
        match self.progressivo == atteso {
            true => Ok(()),
            false => {
                let precedente = self.precedente.as_ref().map_or(0, |p| p.progressivo);
                Err(Errore::Repertorio { precedente, questo: self.progressivo })
            }
        }
    }
}

/// Civil days of Rome of one year: one day for the daily register, more for a reprint or the register of the year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Periodo {
    dal: Giorno,
    al: Giorno,
}

impl Periodo {
    /// One day.
    pub fn giorno(giorno: Giorno) -> Self {
        Self { dal: giorno, al: giorno }
    }

    /// From one day to another, both included.
    ///
    /// # Errors
    /// [`Errore::Periodo`]: the last is before the first, or of another year.
    pub fn nuovo(dal: Giorno, al: Giorno) -> Result<Self, Errore> {
        if al < dal || al.year() != dal.year() {
            return Err(Errore::Periodo(dal, al));
        }
        Ok(Self { dal, al })
    }

    /// First day.
    pub fn dal(self) -> Giorno {
        self.dal
    }

    /// Last day.
    pub fn al(self) -> Giorno {
        self.al
    }

    /// The year of its numbers.
    pub fn anno(self) -> i32 {
        i32::from(self.dal.year())
    }

    /// First instant (R-F08).
    pub fn inizio(self) -> Istante {
        Istante::inizio(self.dal)
    }

    /// First instant after it: a day has 23 or 25 hours when the hour changes.
    pub fn fine(self) -> Istante {
        Istante::inizio(domani(self.al))
    }

    /// Is it one day only?
    pub fn un_giorno(self) -> bool {
        self.dal == self.al
    }

    pub(crate) fn in_parole(self) -> String {
        match self.un_giorno() {
            true => format!("del {}", in_parole(self.dal)),
            false => format!("dal {} al {}", in_parole(self.dal), in_parole(self.al)),
        }
    }
}

/// Who the register is for (R-F10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copia {
    /// Everything: what is preserved.
    Completa,
    /// Reserved registrations, and what was done to them, by number and instant only.
    Pubblica,
}

impl Copia {
    pub(crate) fn maschera(self, r: &Registrazione) -> bool {
        self == Self::Pubblica && r.dati.riservato
    }

    /// Its code.
    pub fn codice(self) -> &'static str {
        match self {
            Self::Completa => "completa",
            Self::Pubblica => "pubblica",
        }
    }
}
