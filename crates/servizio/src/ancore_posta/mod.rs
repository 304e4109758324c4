//! Anchors by mail: signed checkpoints sent to addresses that somebody else keeps (the conservatore's PEC, a court's
//! registrar, the office's own), through the ente's submission server (design § 5). A certified mailbox adds what a
//! folder does not have: a third party's date, and a copy that nobody here can take back.
//!
//! Not each minute, as the folder: once a day after midnight in Rome, or every so many hours, one message for each ente
//! and address, with every log of the ente that moved since the last one. What the server acknowledged is written in the
//! ente's archive after its 250 and before anything else is sent, also when the service is told to stop. After a crash in
//! between it goes again: the same checkpoints as a message with the same Message-ID; if a log moved meanwhile, it is
//! another message. Failures wait longer each time; nothing here holds up registrations or another ente.

mod corriere;
mod messaggio;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archivio::store::Deposito;
use archivio::{EnteStore, Errore};
use dominio::codici::CodiceIpa;
use dominio::tempo::Istante;
use futures_util::StreamExt as _;
use lettre::message::Mailbox;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::Servizio;
use crate::misure::Foglio;
use crate::turni::Turno;
pub use corriere::{Cifratura, Corriere, Guasto, Server};
use messaggio::Allegato;

/// Enti served at the same time: a server that does not answer holds up as many at most.
const INSIEME: usize = 4;
/// Most addresses.
const INDIRIZZI_MAX: usize = 16;
/// First wait after a failure that may pass, seconds; it doubles.
const ATTESA_S: i64 = 60;
/// First wait after a refusal: a password tried too often locks a mailbox.
const ATTESA_RIFIUTO_S: i64 = 3_600;
/// Longest wait.
const ATTESA_MAX_S: i64 = 6 * 3_600;
/// How often it is looked whether something is due.
const GUARDA: Duration = Duration::from_secs(60);
/// Who of several nodes sends them; kept for longer than the messages of one ente take.
const TURNO: &str = "ancore-posta";
const TURNO_TENUTO: Duration = Duration::from_secs(600);

/// How often anchors go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cadenza {
    /// Once a day, after midnight in Rome.
    #[default]
    Giorno,
    /// At most once in so many hours.
    Ore(u32),
}

impl Cadenza {
    /// Is it time, after the last one?
    pub fn dovuta(self, ultima: Option<Istante>, ora: Istante) -> bool {
        let Some(u) = ultima else { return true };
        match self {
            Self::Giorno => u.giorno() < ora.giorno(),
            Self::Ore(n) => ora >= u.piu_secondi(i64::from(n) * 3_600),
        }
    }
}

/// What is configured, the server aside.
#[derive(Debug, Clone)]
pub struct Opzioni {
    /// Where they go.
    pub destinatari: Vec<String>,
    /// From whom.
    pub mittente: String,
    /// How often.
    pub cadenza: Cadenza,
    /// A file whose presence asks for a round now; it is taken away when the round begins.
    pub richiesta: Option<PathBuf>,
}

/// How sending to an address goes; what arrived is in the archive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Andamento {
    /// Last time that there was nothing to send, or it was sent.
    fatto: Option<Istante>,
    /// Failures in a row.
    falliti: u32,
    /// When it is tried again.
    riprova: Option<Istante>,
    /// Since when it fails.
    guasto: Option<Istante>,
    /// Acknowledged, not yet written: written before anything else is sent.
    da_annotare: Vec<(String, u64)>,
}

/// What a round did for one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Esito {
    /// Not yet time.
    NonDovuto,
    /// Nothing moved since the last message.
    NienteDiNuovo,
    /// So many checkpoints were acknowledged.
    Spediti(usize),
    /// It did not go; it is tried again later.
    Fallito(String),
}

/// How it stands, for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quadro {
    /// How many operations of the log arrived somewhere, at most.
    pub dimensione: Option<u64>,
    /// When.
    pub quando: Option<Istante>,
    /// Since when, at how many addresses, the last message did not go.
    pub in_errore: Option<(Istante, usize)>,
    /// When it is tried again.
    pub riprova: Option<Istante>,
}

/// Anchors by mail.
pub struct Posta {
    destinatari: Vec<Mailbox>,
    mittente: Mailbox,
    cadenza: Cadenza,
    richiesta: Option<PathBuf>,
    corriere: Arc<dyn Corriere>,
    url_pubblico: String,
    andamenti: Mutex<BTreeMap<(CodiceIpa, String), Andamento>>,
    spediti: AtomicU64,
    falliti: AtomicU64,
}

impl std::fmt::Debug for Posta {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Posta").field("destinatari", &self.destinatari).finish_non_exhaustive()
    }
}

impl Posta {
    /// Anchors to these addresses by this courier.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn nuova(o: Opzioni, corriere: Arc<dyn Corriere>, url_pubblico: &str) -> Result<Self, String> {
        let casella = |t: &str| t.trim().parse::<Mailbox>().map_err(|_| format!("«{t}» non è un indirizzo"));
        let mut destinatari = Vec::new();
        for t in &o.destinatari {
            // One mailbox, however it was typed: what arrived there is known by this name.
            let c = casella(&t.to_lowercase())?;
            if !destinatari.contains(&c) {
                destinatari.push(c);
            }
        }
        if destinatari.is_empty() || destinatari.len() > INDIRIZZI_MAX {
            return Err(format!("servono da 1 a {INDIRIZZI_MAX} indirizzi a cui spedire"));
        }
        if o.cadenza == Cadenza::Ore(0) {
            return Err("l'intervallo fra due spedizioni è almeno di un'ora".to_owned());
        }
        Ok(Self {
            destinatari,
            mittente: casella(&o.mittente)?,
            cadenza: o.cadenza,
            richiesta: o.richiesta,
            corriere,
            url_pubblico: url_pubblico.trim_end_matches('/').to_owned(),
            andamenti: Mutex::default(),
            spediti: AtomicU64::new(0),
            falliti: AtomicU64::new(0),
        })
    }

    /// One round for one ente: what happened at each address. `subito`: due or not.
    ///
    /// # Errors
    /// The archive's.
    pub async fn giro(&self, ente: &dyn EnteStore, subito: bool) -> archivio::Esito<Vec<(String, Esito)>> {
        self.giro_finche(ente, subito, &|| true).await
    }

    /// A round that goes on to the next address as long as it may: what is on its way is sent and written down.
    async fn giro_finche(
        &self,
        ente: &dyn EnteStore,
        subito: bool,
        avanti: &(dyn Fn() -> bool + Sync),
    ) -> archivio::Esito<Vec<(String, Esito)>> {
        let ora = ente.ora();
        let arrivati = ente.depositi().await?;
        let mut note: Option<Vec<Allegato>> = None;
        let mut out = Vec::new();
        for a in &self.destinatari {
            if !avanti() {
                break;
            }
            let dove = a.email.to_string();
            let suoi: Vec<&Deposito> = arrivati.iter().filter(|d| d.dove == dove).collect();
            if !subito && !self.dovuto(ente.ipa(), &dove, &suoi, ora) {
                out.push((dove, Esito::NonDovuto));
                continue;
            }
            // Signed now, and only when they are to go.
            if note.is_none() {
                note = Some(raccogli(ente).await?);
            }
            let esito = self.spedisci(ente, a, &suoi, note.as_deref().unwrap_or_default()).await;
            out.push((dove, self.segna(ente.ipa(), a, ora, esito)));
        }
        Ok(out)
    }

    fn andamento<T>(&self, ipa: &CodiceIpa, dove: &str, f: impl FnOnce(&mut Andamento) -> T) -> T {
        let mut g = self.andamenti.lock().unwrap_or_else(PoisonError::into_inner);
        f(g.entry((ipa.clone(), dove.to_owned())).or_default())
    }

    fn dovuto(&self, ipa: &CodiceIpa, dove: &str, suoi: &[&Deposito], ora: Istante) -> bool {
        self.andamento(ipa, dove, |a| match a.riprova {
            Some(t) => ora >= t,
            None => self.cadenza.dovuta(suoi.iter().map(|d| d.istante).max().max(a.fatto), ora),
        })
    }

    async fn spedisci(
        &self,
        ente: &dyn EnteStore,
        a: &Mailbox,
        suoi: &[&Deposito],
        note: &[Allegato],
    ) -> Result<usize, Guasto> {
        let dove = a.email.to_string();
        let scrivi = |e: Errore| Guasto::passa(format!("ciò che è stato spedito non si annota: {e}"));
        let rimasti = self.andamento(ente.ipa(), &dove, |x| x.da_annotare.clone());
        if !rimasti.is_empty() {
            ente.annota_depositi(&dove, rimasti.clone()).await.map_err(scrivi)?;
            self.andamento(ente.ipa(), &dove, |x| x.da_annotare.clear());
        }
        let arrivato = |origine: &str| {
            let prima = suoi.iter().filter(|d| d.origine == origine).map(|d| d.dimensione);
            prima.chain(rimasti.iter().filter(|r| r.0 == origine).map(|r| r.1)).max().unwrap_or(0)
        };
        // The very thing that anchors are for: a log shorter than what was seen of it.
        if let Some(n) = note.iter().find(|n| n.checkpoint.dimensione < arrivato(&n.checkpoint.origine)) {
            let origine = &n.checkpoint.origine;
            return Err(Guasto::definitivo(format!("il registro {origine} è più corto di un checkpoint già spedito")));
        }
        let nuove: Vec<&Allegato> =
            note.iter().filter(|n| n.checkpoint.dimensione > arrivato(&n.checkpoint.origine)).collect();
        if nuove.is_empty() {
            return Ok(0);
        }
        let conf = ente.configurazione();
        let m = messaggio::componi(&messaggio::Dati {
            ente: conf.ente.as_ref().map_or("", |e| e.denominazione.as_str()),
            ipa: ente.ipa(),
            url_pubblico: &self.url_pubblico,
            mittente: &self.mittente,
            destinatario: a,
            ora: ente.ora(),
            allegati: &nuove,
        })
        .map_err(|e| Guasto::definitivo(format!("il messaggio non si compone: {e}")))?;
        let corriere = Arc::clone(&self.corriere);
        tokio::task::spawn_blocking(move || corriere.consegna(&m))
            .await
            .map_err(|_| Guasto::passa("la spedizione si è interrotta".to_owned()))??;
        let cosa: Vec<(String, u64)> =
            nuove.iter().map(|n| (n.checkpoint.origine.clone(), n.checkpoint.dimensione)).collect();
        self.spediti.fetch_add(1, Ordering::Relaxed);
        self.andamento(ente.ipa(), &dove, |x| x.da_annotare.clone_from(&cosa));
        ente.annota_depositi(&dove, cosa).await.map_err(scrivi)?;
        self.andamento(ente.ipa(), &dove, |x| x.da_annotare.clear());
        Ok(nuove.len())
    }

    /// Keeps how it went, and says it in the journal.
    fn segna(&self, ipa: &CodiceIpa, a: &Mailbox, ora: Istante, esito: Result<usize, Guasto>) -> Esito {
        let dove = a.email.to_string();
        self.andamento(ipa, &dove, |x| match esito {
            Ok(n) => {
                *x = Andamento { fatto: Some(ora), ..Andamento::default() };
                if n > 0 {
                    tracing::info!(ente = %ipa, dove, checkpoint = n, "ancore spedite");
                }
                if n > 0 { Esito::Spediti(n) } else { Esito::NienteDiNuovo }
            }
            Err(g) => {
                self.falliti.fetch_add(1, Ordering::Relaxed);
                let prima = if g.definitivo { ATTESA_RIFIUTO_S } else { ATTESA_S };
                let attesa = prima.saturating_mul(1 << x.falliti.min(12)).min(ATTESA_MAX_S);
                x.falliti += 1;
                x.riprova = Some(ora.piu_secondi(attesa));
                tracing::warn!(ente = %ipa, dove, errore = g.motivo, falliti = x.falliti, riprova_s = attesa,
                    "le ancore non sono state spedite");
                x.guasto = x.guasto.or(Some(ora));
                Esito::Fallito(g.motivo)
            }
        })
    }

    /// How it stands for one log of an ente. `arrivati` are the ente's deposits.
    pub fn quadro(&self, ipa: &CodiceIpa, origine: &str, arrivati: &[Deposito]) -> Quadro {
        let nostri = |d: &&Deposito| self.destinatari.iter().any(|a| a.email.as_ref() as &str == d.dove);
        // An address no longer configured still has what it got.
        let ultimo = arrivati.iter().filter(|d| d.origine == origine).max_by_key(|d| (d.dimensione, d.istante));
        let quando = arrivati.iter().filter(nostri).map(|d| d.istante).max().or(ultimo.map(|d| d.istante));
        let g = self.andamenti.lock().unwrap_or_else(PoisonError::into_inner);
        let guasti = || g.iter().filter(|(k, a)| k.0 == *ipa && a.guasto.is_some()).map(|(_, a)| a);
        let dal = guasti().filter_map(|a| a.guasto).min();
        Quadro {
            dimensione: ultimo.map(|d| d.dimensione),
            quando,
            in_errore: dal.map(|t| (t, guasti().count())),
            riprova: guasti().filter_map(|a| a.riprova).min(),
        }
    }

    /// In the Prometheus text format; addresses are nobody's business there.
    pub(crate) fn metriche(&self, f: &mut Foglio) {
        let g = self.andamenti.lock().unwrap_or_else(PoisonError::into_inner);
        let in_errore = g.values().filter(|a| a.guasto.is_some()).count();
        let ultima = g.values().filter_map(|a| a.fatto).max().map_or(0, |t| t.0 / 1_000_000);
        drop(g);
        let (spediti, falliti) = (self.spediti.load(Ordering::Relaxed), self.falliti.load(Ordering::Relaxed));
        f.uno("protocollo_ancore_posta_spedite_totale", "counter", "Messaggi con ancore accettati dal server", spediti);
        f.uno("protocollo_ancore_posta_fallite_totale", "counter", "Invii di ancore non riusciti", falliti);
        f.uno("protocollo_ancore_posta_in_errore", "gauge", "Indirizzi il cui ultimo invio non è riuscito", in_errore);
        f.uno(
            "protocollo_ancore_posta_ultimo_giro_secondi",
            "gauge",
            "Ultimo giro riuscito di questo processo, 0 se nessuno",
            ultima,
        );
    }

    /// Was a round asked for? Says so once.
    fn richiesto(&self) -> bool {
        self.richiesta.as_ref().is_some_and(|f| std::fs::remove_file(f).is_ok())
    }
}

/// The latest signed checkpoint of each log of the ente, and the head of its access log.
async fn raccogli(ente: &dyn EnteStore) -> archivio::Esito<Vec<Allegato>> {
    let mut note = Vec::new();
    for r in crate::registri(ente) {
        note.push(ente.firma_checkpoint(&r).await?);
    }
    match ente.firma_accessi().await {
        Ok(n) => note.extend(n),
        // The others go all the same: they say that it was there.
        Err(e) => tracing::warn!(ente = %ente.ipa(), errore = %e, "il registro degli accessi non è stato firmato"),
    }
    note.into_iter()
        .map(|nota| {
            let checkpoint = crate::detto(&nota)?;
            Ok(Allegato { nota, checkpoint })
        })
        .filter(|a| a.as_ref().map_or(true, |a| a.checkpoint.dimensione > 0))
        .collect()
}

/// Sends what is due until the service stops; the message that is on its way then is sent and written down first.
pub async fn lavora(s: Arc<Servizio>, mut fine: watch::Receiver<bool>) {
    let Some(posta) = s.ancore.posta() else { return };
    let mut guarda = tokio::time::interval(GUARDA);
    guarda.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = guarda.tick() => {}
            _ = fine.changed() => return,
        }
        un_giro(&s, posta, &fine).await;
    }
}

/// A round of every ente: what is due, or all of it when somebody asked.
async fn un_giro(s: &Servizio, posta: &Posta, fine: &watch::Receiver<bool>) {
    // Two nodes that look at the same time would both find it due.
    let turno = match Turno::prendi(&*s.store, TURNO, TURNO_TENUTO).await {
        Ok(Some(turno)) => turno,
        Ok(None) => return,
        Err(e) => {
            tracing::warn!(errore = %e, "ancore per posta");
            return;
        }
    };
    let subito = posta.richiesto();
    let enti = s.store.enti().await.unwrap_or_else(|e| {
        tracing::warn!(errore = %e, "ancore per posta");
        Vec::new()
    });
    let mio = &turno;
    futures_util::stream::iter(enti)
        .for_each_concurrent(INSIEME, |ipa| async move {
            let avanti = || !*fine.borrow();
            if !avanti() || !mio.ancora().await {
                return;
            }
            let giro = async {
                match s.store.guarda(&ipa).await? {
                    Some(ente) => posta.giro_finche(&*ente, subito, &avanti).await.map(drop),
                    None => Ok(()),
                }
            };
            if let Err(e) = giro.await {
                tracing::warn!(ente = %ipa, errore = %e, "ancore per posta");
            }
        })
        .await;
    turno.lascia().await;
}

#[cfg(test)]
mod prove;
