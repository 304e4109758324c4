//! Jobs on their way to the writer, and answers on their way back.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use catena::{Impronte, Seme};
use dominio::codici::{CodiceAoo, CodiceIpa};
use dominio::comandi::{Comando, ComandoConfigurazione};
use dominio::configurazione::DatiEnte;
use dominio::epoca::NuovaLacuna;
use dominio::operazione::CampiNoti;
use dominio::permessi::Operatore;
use dominio::registrazione::{Chiave, DatiRegistrazione};
use tokio::sync::oneshot;

use super::CODA_MAX;
use crate::misure::Misure;
use crate::motore::Db;
use crate::righe::RigheRegistrazione;
use crate::store::{Errore, Esito, Fatto, FileCaricato, Idempotenza, NuovaAoo, Segreto};

/// Static fields of an operation, digested and serialised outside the writer.
#[derive(Debug)]
pub struct Statici {
    pub(super) json: String,
    pub(super) impronte: Impronte,
}

impl Statici {
    /// Draws the seed and does all that does not depend on index, instant and number.
    ///
    /// # Errors
    /// No randomness, or a value that may not stand in an operation.
    pub fn di(campi: &CampiNoti) -> Esito<Self> {
        let mut seme = [0u8; 32];
        getrandom::fill(&mut seme).map_err(|e| Errore::Archivio(e.to_string()))?;
        let impronte = Impronte::di(&Seme(seme), &campi.0).map_err(|e| Errore::Incoerente(e.to_string()))?;
        let mut json = serde_json::to_string(&campi.0).map_err(|e| Errore::Incoerente(e.to_string()))?;
        json.pop();
        Ok(Self { json, impronte })
    }
}

/// A registration judged and digested, on its way to the writer.
#[derive(Debug)]
pub struct Pronta {
    /// The AOO.
    pub aoo: CodiceAoo,
    /// Its register.
    pub registro: dominio::codici::CodiceRegistro,
    /// Version of the configuration it was judged against.
    pub versione: u64,
    /// The payload, for the checks that need state.
    pub dati: DatiRegistrazione,
    /// Static fields; taken by the writer.
    pub statici: Option<Statici>,
    /// Derived rows.
    pub righe: RigheRegistrazione,
    /// Stored files, in the order of `dati.documenti`.
    pub file: Vec<FileCaricato>,
    /// Repeatable?
    pub idempotenza: Option<Idempotenza>,
}

/// Where an answer goes.
pub type Risposta<T> = oneshot::Sender<Esito<T>>;
type Servizio = Box<dyn FnOnce(&dyn Db) -> Esito<()> + Send>;

/// What the writer is asked.
pub enum Lavoro {
    /// A new registration.
    Registra(Box<Pronta>, Risposta<Fatto>),
    /// A command on a registration.
    Comanda {
        /// AOO.
        aoo: CodiceAoo,
        /// Who.
        chi: Operatore,
        /// Which.
        chiave: Chiave,
        /// What.
        comando: Box<Comando>,
        /// Files of an `Allega`.
        file: Vec<FileCaricato>,
        /// Repeatable?
        idempotenza: Option<Idempotenza>,
        /// Where the answer goes.
        risposta: Risposta<Fatto>,
    },
    /// A command on the configuration.
    Configura {
        /// AOO.
        aoo: CodiceAoo,
        /// Who.
        chi: Operatore,
        /// What.
        comando: ComandoConfigurazione,
        /// What goes beside it.
        segreto: Option<Segreto>,
        /// Repeatable?
        idempotenza: Option<Idempotenza>,
        /// Where the answer goes.
        risposta: Risposta<Fatto>,
    },
    /// First operation of the ente.
    CreaEnte(Operatore, DatiEnte, Risposta<Fatto>),
    /// In the installation's log: an ente was activated.
    AttivaEnte(Operatore, CodiceIpa, Risposta<Fatto>),
    /// A new AOO.
    CreaAoo(Operatore, Box<NuovaAoo>, Risposta<Fatto>),
    /// A new key for a log.
    RuotaChiave {
        /// Which: an AOO's, or the ente's own.
        aoo: Option<CodiceAoo>,
        /// Who.
        chi: Operatore,
        /// Why.
        motivo: String,
        /// Repeatable?
        idempotenza: Option<Idempotenza>,
        /// Where the answer goes.
        risposta: Risposta<Fatto>,
    },
    /// A gap at the beginning of an epoch.
    DichiaraLacuna {
        /// Of which log: an AOO's, or the ente's own.
        aoo: Option<CodiceAoo>,
        /// Who.
        chi: Operatore,
        /// What.
        nuova: Box<NuovaLacuna>,
        /// Where the answer goes.
        risposta: Risposta<Fatto>,
    },
    /// Sign a checkpoint if something changed.
    Checkpoint(Option<CodiceAoo>, Risposta<String>),
    /// Rows that are no operation: sessions, sweeping.
    Servizio(Servizio, Risposta<()>),
    /// How is it? Reads the clock and, where the storage refused a write, tries again.
    Prova(Risposta<()>),
}

/// The way to the writer.
#[derive(Clone)]
pub struct Sportello {
    /// Without places made beforehand, which would be megabytes for each ente: what bounds it is the count of who waits.
    pub(super) coda: Sender<Lavoro>,
    pub(super) misure: Arc<Misure>,
}

impl Sportello {
    /// Hands in a job and waits for the answer, which comes after the commit.
    ///
    /// # Errors
    /// The queue is full, the writer is gone, or what the writer answers.
    pub async fn chiedi<T>(&self, fa: impl FnOnce(Risposta<T>) -> Lavoro) -> Esito<T> {
        let (tx, rx) = oneshot::channel();
        if !self.misure.arriva(CODA_MAX) {
            return Err(Errore::Sovraccarico);
        }
        if self.coda.send(fa(tx)).is_err() {
            self.misure.non_arrivato();
            return Err(Errore::Archivio("lo scrittore si è fermato".to_owned()));
        }
        rx.await.map_err(|_| Errore::Archivio("lo scrittore si è fermato".to_owned()))?
    }
}

/// Sends an answer; with a reason, the group was undone.
type Spedizione = Box<dyn FnOnce(Option<&str>) + Send>;

/// An answer ready to go, with the leases that end with it.
pub(super) struct Consegna {
    manda: Spedizione,
}

impl Consegna {
    /// `Err` when the storage failed: the group must be undone.
    pub(super) fn di<T: Send + 'static>(
        r: Risposta<T>,
        esito: Esito<T>,
        file: Vec<FileCaricato>,
    ) -> Result<Self, (Self, String)> {
        let guasto = match &esito {
            Err(Errore::Archivio(e)) => Some(e.clone()),
            _ => None,
        };
        let c = Self {
            manda: Box::new(move |annullato| {
                let finale = match (annullato, esito) {
                    (Some(e), Ok(_)) => Err(Errore::del_gruppo(e)),
                    (_, esito) => esito,
                };
                let _ = r.send(finale);
                drop(file);
            }),
        };
        match guasto {
            Some(g) => Err((c, g)),
            None => Ok(c),
        }
    }

    pub(super) fn consegna(self, annullato: Option<&str>) {
        (self.manda)(annullato);
    }
}

impl Lavoro {
    pub(super) fn rispondi_guasto(self, e: &str) {
        let e = || Errore::del_gruppo(e);
        match self {
            Self::Registra(_, r)
            | Self::Comanda { risposta: r, .. }
            | Self::Configura { risposta: r, .. }
            | Self::CreaEnte(_, _, r)
            | Self::AttivaEnte(_, _, r)
            | Self::RuotaChiave { risposta: r, .. }
            | Self::DichiaraLacuna { risposta: r, .. }
            | Self::CreaAoo(_, _, r) => drop(r.send(Err(e()))),
            Self::Checkpoint(_, r) => drop(r.send(Err(e()))),
            Self::Servizio(_, r) | Self::Prova(r) => drop(r.send(Err(e()))),
        }
    }
}
