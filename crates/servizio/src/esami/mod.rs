//! Signatures of registered files, examined after the registration was answered (R-C12, R-H09, R-H10).
//!
//! What waits is what operations brought after the point that was reached, in the database: registering does nothing for it, and who
//! stops forgets nothing. What is found is kept with the hash of the bytes, and added to when somebody asks again. Whatever a
//! file does to who examines it, the others are examined: time, memory and attempts are bounded, and what is over says so.

pub mod fiducia;
mod lavoro;
pub mod lettura;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use archivio::store::{DaEsaminare, ESITO_MAX, Esame, FileLetto};
use archivio::{EnteStore, Errore, Esito};
use axum::body::{Body, Bytes};
use dominio::codici::{CodiceIpa, Impronta};
use dominio::tempo::Istante;
use firme::esame::{NIENTE, TESTA, forse_firmato};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::chiamate::Chiamate;
use fiducia::Custode;
pub(crate) use lavoro::lavora;

/// Largest file that is examined, where nobody says otherwise; what `firme` reads at most is the most that can be said.
pub const BYTE_MAX: u64 = 100 << 20;
/// Files examined together: each is in memory, with what is inside it.
const INSIEME: usize = 2;
/// Contents of envelopes on their way out together, and those of one ente: who reads slowly holds up his own.
const USCITE: usize = 4;
const USCITE_DI_UNO: usize = 2;
/// Bytes of them handed over at a time.
const PEZZO: usize = 64 * 1024;
/// Longest examination. Its thread goes on, and keeps its place, until its own bounds end it.
const TEMPO_MAX: Duration = Duration::from_secs(120);
/// How often an examination may have taken the process with it.
const TENTATIVI_MAX: i64 = 3;
/// How often a file that cannot be read is tried, while the others wait.
const LETTURE_MAX: u32 = 12;
/// After the storage refused something: the first wait, and the longest.
const PRIMA_ATTESA: Duration = Duration::from_secs(2);
const ATTESA_MAX: Duration = Duration::from_secs(300);

/// The examinations of an installation.
#[derive(Debug)]
pub struct Esami {
    chiamate: Chiamate,
    custode: Arc<Custode>,
    byte_max: u64,
    posti: Arc<Semaphore>,
    uscite: Arc<Semaphore>,
    uscite_di: Mutex<HashMap<CodiceIpa, Weak<Semaphore>>>,
    fermi: Mutex<HashMap<CodiceIpa, Fermo>>,
}

impl Default for Esami {
    fn default() -> Self {
        Self::con(Custode::default(), BYTE_MAX)
    }
}

/// Why nothing is examined now in an ente.
#[derive(Debug)]
struct Fermo {
    prossimo: Instant,
    attesa: Duration,
    /// The file that could not be read, and how often.
    file: Option<(Impronta, u32)>,
}

/// What an envelope had inside, on its way out: it is in memory, so that few are at a time.
pub(crate) struct Estratto {
    byte: Bytes,
    via: Via,
}

/// A place of those of its ente, and one of all.
type Via = (OwnedSemaphorePermit, OwnedSemaphorePermit);

impl Estratto {
    /// How many bytes.
    pub fn lunghezza(&self) -> usize {
        self.byte.len()
    }

    /// A piece after the other; its place is free when the last has gone.
    pub fn in_corpo(self) -> Body {
        Body::from_stream(stream::unfold((self.byte, self.via), |(mut resto, via)| async move {
            let primo = resto.split_to(resto.len().min(PEZZO));
            (!primo.is_empty()).then_some((Ok::<_, Infallible>(primo), (resto, via)))
        }))
    }
}

/// A file on its way to be examined.
enum Preso {
    /// Its first bytes say that it carries no signature.
    Altro,
    /// Why it is not examined.
    No(String),
    /// All of it, with its place.
    Si(Vec<u8>, OwnedSemaphorePermit),
}

impl Esami {
    /// Believing in this, and examining files of at most so many bytes.
    pub fn con(custode: Custode, byte_max: u64) -> Self {
        Self {
            chiamate: Chiamate::default(),
            custode: Arc::new(custode),
            byte_max: byte_max.min(firme::esame::BYTE_MAX as u64),
            posti: Arc::new(Semaphore::new(INSIEME)),
            uscite: Arc::new(Semaphore::new(USCITE)),
            uscite_di: Mutex::default(),
            fermi: Mutex::default(),
        }
    }

    /// Files may have come into an ente.
    pub fn sveglia(&self, ipa: &CodiceIpa) {
        self.chiamate.sveglia(ipa);
    }

    /// What must be looked at.
    pub fn avvisi(&self) -> Vec<String> {
        self.custode.avvisi(Timestamp::now())
    }

    fn fermi(&self) -> MutexGuard<'_, HashMap<CodiceIpa, Fermo>> {
        self.fermi.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a file, if it may carry a signature and is not too large: nothing more of it than is needed.
    async fn prendi(&self, ente: &dyn EnteStore, d: &DaEsaminare) -> Esito<Preso> {
        let Some(FileLetto { mut flusso, .. }) = ente.file(&d.impronta).await? else {
            return Ok(Preso::No("il file non è nell'archivio".to_owned()));
        };
        let mut byte = Vec::new();
        while byte.len() < TESTA
            && let Some(b) = flusso.next().await
        {
            byte.extend(b?);
        }
        if !forse_firmato(&byte[..byte.len().min(TESTA)]) {
            return Ok(Preso::Altro);
        }
        if d.byte > self.byte_max {
            let (suoi, max) = (d.byte.div_ceil(1 << 20), self.byte_max >> 20);
            return Ok(Preso::No(format!("file di {suoi} MiB, oltre il limite di {max} MiB: non esaminato")));
        }
        let posto = Arc::clone(&self.posti).acquire_owned().await.map_err(chiuso)?;
        byte.reserve_exact(usize::try_from(d.byte).unwrap_or(0).saturating_sub(byte.len()));
        while let Some(b) = flusso.next().await {
            byte.extend(b?);
        }
        Ok(Preso::Si(byte, posto))
    }

    /// The examination of these bytes as of an instant, in a thread that takes only the time that nobody else wants; and whether
    /// there is any signature in them.
    async fn esamina(&self, byte: Vec<u8>, posto: OwnedSemaphorePermit, al: Istante, adesso: Istante) -> (Esame, bool) {
        let custode = Arc::clone(&self.custode);
        let giudica = move || {
            let f = custode.in_forza();
            let e = firme::esamina(&byte, None, &f.fiducia, in_timestamp(al));
            (e, f.impronta.clone())
        };
        let (esame, fiducia) = match in_disparte("esame", posto, giudica).await {
            Ok((e, f)) => (e, f),
            Err(perche) => (firme::Esame::rifiutato(perche), String::new()),
        };
        (scritto(&esame, fiducia, adesso), esame.errore.as_deref() != Some(NIENTE))
    }

    /// The bytes that an envelope has inside, by their hash; none when it has no such content, or it cannot be opened.
    ///
    /// # Errors
    /// The storage's.
    pub(crate) async fn contenuto(
        &self,
        ente: &dyn EnteStore,
        d: &DaEsaminare,
        quale: Impronta,
    ) -> Esito<Option<Estratto>> {
        let via = self.via(ente.ipa()).await?;
        let Preso::Si(byte, posto) = self.prendi(ente, d).await? else { return Ok(None) };
        let fuori = in_disparte("contenuto", posto, move || firme::estrai(&byte, &quale.hex())).await;
        Ok(fuori.ok().flatten().map(|byte| Estratto { byte: byte.into(), via }))
    }

    async fn via(&self, ipa: &CodiceIpa) -> Esito<Via> {
        let suo = {
            let mut di = self.uscite_di.lock().unwrap_or_else(PoisonError::into_inner);
            di.retain(|_, s| s.strong_count() > 0);
            di.get(ipa).and_then(Weak::upgrade).unwrap_or_else(|| {
                let s = Arc::new(Semaphore::new(USCITE_DI_UNO));
                di.insert(ipa.clone(), Arc::downgrade(&s));
                s
            })
        };
        let suo = suo.acquire_owned().await.map_err(chiuso)?;
        Ok((suo, Arc::clone(&self.uscite).acquire_owned().await.map_err(chiuso)?))
    }

    /// Examines a document because somebody asked, and keeps what was found.
    ///
    /// # Errors
    /// The storage's; or it was asked too often.
    pub(crate) async fn adesso(
        &self,
        ente: &dyn EnteStore,
        d: DaEsaminare,
        chi: &dominio::codici::NomeUtente,
    ) -> Esito<()> {
        let ora = ente.ora();
        let esame = match self.prendi(ente, &d).await? {
            Preso::Altro => rifiutato(NIENTE, ora),
            Preso::No(perche) => rifiutato(&perche, ora),
            Preso::Si(byte, posto) => self.esamina(byte, posto, d.riferimento, ora).await.0,
        };
        ente.aggiungi_esame(d, chi, esame).await
    }
}

fn chiuso(_: tokio::sync::AcquireError) -> Errore {
    Errore::Archivio("il servizio si sta fermando".to_owned())
}

/// What is kept of an examination.
fn scritto(esame: &firme::Esame, fiducia: String, istante: Istante) -> Esame {
    let versione = env!("CARGO_PKG_VERSION").to_owned();
    let esito = match serde_json::to_string(esame) {
        Ok(t) if t.len() <= ESITO_MAX => t,
        _ => {
            let perche = format!("{} firme: l'esito è troppo lungo per conservarlo", esame.firme.len());
            let mut breve = firme::Esame::rifiutato(perche);
            breve.formato = esame.formato;
            serde_json::to_string(&breve).unwrap_or_else(|_| "{}".to_owned())
        }
    };
    Esame { istante, versione, fiducia, esito }
}

fn rifiutato(perche: &str, istante: Istante) -> Esame {
    scritto(&firme::Esame::rifiutato(perche.to_owned()), String::new(), istante)
}

/// Runs what reads a file of others in a thread of its own, for as long as is borne; the place is free when the thread ends.
async fn in_disparte<T: Send + 'static>(
    nome: &str,
    posto: OwnedSemaphorePermit,
    fa: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (manda, ricevi) = oneshot::channel();
    let filo = std::thread::Builder::new().name(nome.to_owned()).spawn(move || {
        archivio::sqlite::verifica::cedi_il_passo();
        let fatto = fa();
        drop(posto);
        let _ = manda.send(fatto);
    });
    filo.map_err(|e| format!("l'esame non è cominciato: {e}"))?;
    match tokio::time::timeout(TEMPO_MAX, ricevi).await {
        Ok(Ok(fatto)) => Ok(fatto),
        Ok(Err(_)) => Err("l'esame si è interrotto per un errore interno".to_owned()),
        Err(_) => Err(format!("l'esame dura più di {} secondi: lasciato", TEMPO_MAX.as_secs())),
    }
}

fn in_timestamp(t: Istante) -> Timestamp {
    Timestamp::from_microsecond(t.0).unwrap_or(Timestamp::UNIX_EPOCH)
}
