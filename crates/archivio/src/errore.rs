//! Why something was not done, in words for people.

use dominio::errori::Rifiuto;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum Errore {
    /// A rule says no; nothing was changed.
    #[error(transparent)]
    Rifiuto(#[from] Rifiuto),
    /// The same Idempotency-Key with another request (HTTP 422).
    #[error("questa Idempotency-Key è già stata usata per un'altra richiesta")]
    ChiaveRiusata,
    /// The queue of the writer is full (HTTP 503).
    #[error("il servizio è sovraccarico: riprovare tra poco")]
    Sovraccarico,
    /// The clock cannot be trusted until the RGD confirms it (HTTP 503, R-A21).
    #[error("l'orologio del sistema ha fatto un salto: il responsabile della gestione documentale deve confermarlo")]
    OrologioInDubbio,
    /// What is registered would have no seal now (HTTP 503, R-A14).
    #[error("{0}")]
    SigilloNonDisponibile(String),
    /// The storage failed (HTTP 503).
    #[error("l'archivio non è disponibile: {0}")]
    Archivio(String),
    /// The storage failed on this request alone (HTTP 503).
    #[error("l'archivio non è disponibile: {0}")]
    Isolato(String),
    /// The storage went away while it was asked, and cannot say what became of it (HTTP 503).
    #[error("{ESITO_IGNOTO}")]
    Ignoto,
    /// What is stored does not hold (HTTP 500): to be looked at by `verifica`.
    #[error("l'archivio contiene dati incoerenti: {0}")]
    Incoerente(String),
}

impl Errore {
    /// What a whole group is told.
    pub(crate) fn del_gruppo(detto: &str) -> Self {
        if detto == ESITO_IGNOTO { Self::Ignoto } else { Self::Archivio(detto.to_owned()) }
    }

    /// What happened, to be told again as a failure of the storage.
    pub(crate) fn senza_premessa(self) -> String {
        match self {
            Self::Archivio(e) | Self::Isolato(e) => e,
            altro => altro.to_string(),
        }
    }
}

/// What is said when nobody knows.
pub const ESITO_IGNOTO: &str = "l'archivio non risponde, e non si sa se ciò che era in corso sia avvenuto: riprovare con la stessa \
                                Idempotency-Key, o cercare prima di ripetere";
/// What is said of a full disk.
pub const DISCO_PIENO: &str = "lo spazio su disco è esaurito";
/// What is said of a bucket that does not answer, or answers with errors.
pub const S3_MUTO: &str = "l'archivio S3 dei file non risponde come dovrebbe";
/// What is said of a bucket that does not let us in.
pub const S3_RIFIUTA: &str = "l'archivio S3 dei file rifiuta le credenziali";
/// What is said of a disk that answers with errors.
pub const DISCO_GUASTO: &str = "il disco risponde con errori di lettura o scrittura";

impl From<rusqlite::Error> for Errore {
    fn from(e: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as C;
        match e.sqlite_error_code() {
            Some(C::DiskFull) => Self::Archivio(format!("{DISCO_PIENO} ({e})")),
            Some(C::SystemIoFailure | C::CannotOpen | C::ReadOnly) => Self::Archivio(format!("{DISCO_GUASTO} ({e})")),
            _ => Self::Archivio(e.to_string()),
        }
    }
}

impl From<std::io::Error> for Errore {
    fn from(e: std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        if let Some(g) = e.get_ref().and_then(|r| r.downcast_ref::<crate::file::s3::Guasto>()) {
            return Self::Archivio(g.0.clone());
        }
        let detto = if matches!(e.kind(), K::StorageFull | K::QuotaExceeded) { DISCO_PIENO } else { DISCO_GUASTO };
        Self::Archivio(format!("{detto} ({e})"))
    }
}

/// Result of this crate.
pub type Esito<T> = Result<T, Errore>;
