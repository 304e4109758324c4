//! Why there is no register.

use dominio::registrazione::Chiave;
use dominio::tempo::{Giorno, Istante};

use crate::fonte::Guasto;

/// What does not hold, with the numbers it is about. Messages are for people.
#[derive(Debug, thiserror::Error)]
pub enum Errore {
    /// Days in the wrong order, or of two years, in which numbers begin again.
    #[error("un registro va da un giorno a uno non precedente dello stesso anno, non dal {0} al {1}")]
    Periodo(Giorno, Giorno),
    /// Two registers with the same progressivo, or one missing between them.
    #[error("al registro {precedente} non può seguire il {questo}: il progressivo del repertorio cresce di uno")]
    Repertorio {
        /// Progressive of the one before.
        precedente: u64,
        /// Progressive of this one.
        questo: u64,
    },
    /// An operation of another ente, AOO, register or year.
    #[error("l'operazione {indice} non è di questo registro")]
    Estranea {
        /// Its place in the log.
        indice: u64,
    },
    /// Operations that do not make a row.
    #[error("le operazioni della riga di {chiave} non formano una storia: {perche}")]
    Storia {
        /// Which registration.
        chiave: Chiave,
        /// What is wrong with them.
        perche: &'static str,
    },
    /// Numbers that nobody has and no gap declares.
    #[error("mancano i numeri da {da} a {a}, e nessuna lacuna dichiarata li comprende")]
    Mancano {
        /// The first.
        da: i64,
        /// The last.
        a: i64,
    },
    /// A number twice, or after a higher one.
    #[error("il numero {numero} viene dopo il {ultimo}: è doppio o fuori ordine")]
    Doppio {
        /// The number.
        numero: i64,
        /// The last one before it.
        ultimo: i64,
    },
    /// A gap that declares never given what was given.
    #[error("la lacuna dichiarata da {da} a {a} comprende numeri che il registro ha già (l'ultimo è {ultimo})")]
    Sovrapposta {
        /// First number declared.
        da: i64,
        /// Last number declared.
        a: i64,
        /// The last number before it.
        ultimo: i64,
    },
    /// An instant before the one of the row above, or an operation before one with a lower index.
    #[error("l'operazione {indice} ({chi}) è del {istante}, prima di quella che la precede ({prima})")]
    Indietro {
        /// Its place in the log.
        indice: u64,
        /// What it is about.
        chi: String,
        /// Its instant.
        istante: Istante,
        /// The instant of the one before.
        prima: Istante,
    },
    /// An instant of another day (R-F08).
    #[error("l'operazione {indice} ({chi}) è del {istante}: non è fra il {inizio} e il {fine}")]
    FuoriPeriodo {
        /// Its place in the log.
        indice: u64,
        /// What it is about.
        chi: String,
        /// Its instant.
        istante: Istante,
        /// First instant of the period.
        inizio: Istante,
        /// First instant after it.
        fine: Istante,
    },
    /// The rows of the registrations and the list of changes do not say the same.
    #[error("registrazioni e modifiche non concordano per {elenco}")]
    Discordanti {
        /// Numbers and operations, the first of them.
        elenco: String,
    },
    /// The source gave other rows than the first time.
    #[error("le righe sono cambiate mentre si scriveva il volume {0}")]
    Cambiate(usize),
    /// The source.
    #[error("le operazioni non si leggono: {0}")]
    Fonte(#[source] Guasto),
    /// A text that XML cannot hold.
    #[error(transparent)]
    NonScrivibile(#[from] segnatura::scrittura::NonScrivibile),
    /// What is written to.
    #[error("il registro non si scrive: {0}")]
    Scrittura(#[from] std::io::Error),
    /// The PDF.
    #[error("il registro non si stampa: {0}")]
    Stampa(#[from] stampa::Errore),
}
