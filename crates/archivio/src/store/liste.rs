//! What lists are asked and what they give.

use dominio::codici::{CodiceUfficio, CodiceVoce};
use dominio::registrazione::{Registrazione, Stato, Tipo};
use dominio::soggetto::Soggetto;
use dominio::tempo::{Giorno, Istante};

/// Filters of the register (contract § 2). All that are given must hold.
#[derive(Debug, Clone, Default)]
pub struct Filtro {
    /// Words, prefixes, phrases.
    pub q: Option<String>,
    /// Direction.
    pub tipo: Option<Tipo>,
    /// From this day of Rome.
    pub dal: Option<Giorno>,
    /// To this day, included.
    pub al: Option<Giorno>,
    /// Year of the number.
    pub anno: Option<i32>,
    /// Number.
    pub numero: Option<i64>,
    /// Office with an assignment.
    pub ufficio: Option<CodiceUfficio>,
    /// Entry of the titolario, with those below it.
    pub classificazione: Option<CodiceVoce>,
    /// Words of a correspondent's name, or his code.
    pub soggetto: Option<String>,
    /// State.
    pub stato: Option<Stato>,
    /// Where the page begins: opaque, from a previous answer.
    pub cursore: Option<String>,
    /// Page size, 1–200.
    pub limite: usize,
}

/// A page of a list, newest first.
#[derive(Debug, Clone)]
pub struct Pagina<T> {
    /// The elements.
    pub elementi: Vec<T>,
    /// Cursor of the next page.
    pub successivo: Option<String>,
}

/// A registration as found for an operator: whole, or masked because it is reserved.
#[derive(Debug, Clone)]
pub struct Trovata {
    /// The registration.
    pub registrazione: Registrazione,
    /// False: only number and instant may be shown.
    pub visibile: bool,
    /// Log entry of the operation that made it.
    pub voce: [u8; 32],
}

/// The first assignments of a desk.
#[derive(Debug, Clone, Default)]
pub struct Coda {
    /// Them, oldest first.
    pub pratiche: Vec<Pratica>,
    /// How many there are in all.
    pub totale: u64,
}

/// An assignment on somebody's desk.
#[derive(Debug, Clone)]
pub struct Pratica {
    /// The registration.
    pub registrazione: Registrazione,
    /// Number of the assignment within it.
    pub assegnazione: u32,
}

/// A line of the register of annulments (R-B10).
#[derive(Debug, Clone)]
pub struct AnnullamentoScritto {
    /// Index of the annulment's operation.
    pub indice: u64,
    /// The registration as it is now; its annulments hold the one with that index.
    pub registrazione: Registrazione,
}

/// A request of annulment that waits for the RGD.
#[derive(Debug, Clone)]
pub struct RichiestaScritta {
    /// The registration.
    pub registrazione: Registrazione,
    /// Number of the request within it.
    pub richiesta: u32,
}

/// A correspondent of the rubrica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrispondente {
    /// Index of the operation that added it; 0 when it comes from the history of registrations.
    pub id: u64,
    /// Who.
    pub soggetto: Soggetto,
}

/// A fascicolo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fascicolo {
    /// Code.
    pub codice: String,
    /// Entry of the titolario.
    pub classificazione: CodiceVoce,
    /// Subject.
    pub oggetto: String,
    /// Responsible office.
    pub ufficio: Option<CodiceUfficio>,
    /// When it was opened.
    pub apertura: Istante,
    /// How many registrations are in it.
    pub documenti: u64,
}
