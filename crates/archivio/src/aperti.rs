//! The enti that are open, and those that rest: closed because nobody asked for them, opened again by the next request.
//!
//! Each has one place, with one lock: whoever opens it, and whoever closes it, holds that alone. An ente is handed out under
//! the lock and closed under it, only when nobody else has it, and its writer has ended before the lock is left: so there are
//! never two writers of one ente in a process, and who comes while it closes waits and opens it again.

use std::collections::HashMap;
use std::sync::atomic::{Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dominio::codici::CodiceIpa;

use crate::ente::{Ente, Quiete};
use crate::misure::MisureEnte;
use crate::orologio::Riferimento;
use crate::store::{EnteStore, Esito};

/// An ente at rest, as it was when it was closed: everything signed, nothing under way, nothing that refused a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Riposo {
    /// Its name.
    pub denominazione: String,
    /// Operations of all its logs together.
    pub dimensione: u64,
}

/// What is kept of one that was closed.
struct Sonno {
    riposo: Riposo,
    /// What the database said of it; always the same where nobody else writes.
    versione: i64,
    riferimento: Arc<Riferimento>,
    misure: MisureEnte,
}

/// The place of one ente.
#[derive(Default)]
pub(crate) struct Stanza {
    aperto: Option<Arc<Ente>>,
    /// When somebody last asked for it; `None` when only rounds did, since it was opened.
    chiesto: Option<Instant>,
    sonno: Option<Sonno>,
}

/// The place of one ente: whoever opens it holds this alone, so that others open and answer meanwhile.
pub(crate) type Posto = Arc<Mutex<Stanza>>;

/// Who wants an ente.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Chi {
    /// A request: from then on it stays open for a while.
    Chiede,
    /// What goes on by itself.
    Guarda,
}

/// The enti that are open, or rest.
#[derive(Default)]
pub(crate) struct Aperti(pub(crate) Mutex<HashMap<CodiceIpa, Posto>>);

impl Aperti {
    fn posto(&self, ipa: &CodiceIpa) -> Option<Posto> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(ipa).cloned()
    }

    fn posti(&self) -> Vec<(CodiceIpa, Posto)> {
        let g = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        g.iter().map(|(i, p)| (i.clone(), Arc::clone(p))).collect()
    }

    /// The ente if it is open already, without waiting for who is opening it.
    pub fn gia_aperto(&self, ipa: &CodiceIpa, chi: Chi) -> Option<Arc<Ente>> {
        let posto = self.posto(ipa)?;
        // Busy: somebody is opening it, and the caller will wait where waiting is allowed.
        let mut stanza = posto.try_lock().ok()?;
        let e = stanza.aperto.clone()?;
        stanza.segna(chi);
        Some(e)
    }

    /// Those that are open, sorted, without waiting for who is opening one.
    pub fn tutti(&self) -> Vec<Arc<dyn EnteStore>> {
        let mut aperti: Vec<_> = self.posti().iter().filter_map(|(_, p)| p.try_lock().ok()?.aperto.clone()).collect();
        aperti.retain(|e| e.configurazione().ente.is_some());
        aperti.sort_by(|a, b| a.ipa().cmp(b.ipa()));
        aperti.into_iter().map(|e| e as Arc<dyn EnteStore>).collect()
    }

    /// Was this one opened here, whether or not it rests now?
    pub fn noto(&self, ipa: &CodiceIpa) -> bool {
        self.posto(ipa).is_some_and(|p| p.try_lock().is_ok_and(|s| s.aperto.is_some() || s.sonno.is_some()))
    }

    /// Is none open?
    pub fn nessuno(&self) -> bool {
        // One that is busy opens, or closes.
        self.posti().iter().all(|(_, p)| p.try_lock().is_ok_and(|s| s.aperto.is_none()))
    }

    /// Opens an ente, unless somebody did: blocks only who wants the same one.
    pub fn apri(&self, ipa: &CodiceIpa, chi: Chi, apri: impl FnOnce() -> Esito<Arc<Ente>>) -> Esito<Arc<Ente>> {
        let posto = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(ipa.clone()).or_default());
        let mut stanza = posto.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(e) = stanza.aperto.clone() {
            stanza.segna(chi);
            return Ok(e);
        }
        // One that does not open is at rest no more: who looks tries again, and tells.
        let sonno = stanza.sonno.take();
        let e = apri()?;
        if let Some(s) = sonno {
            e.riprende(&s.misure);
        }
        stanza.chiesto = None;
        stanza.segna(chi);
        stanza.aperto = Some(Arc::clone(&e));
        Ok(e)
    }

    /// Closes an ente for which nobody asked for so long, that nobody has, and that did nothing since it was found quiet.
    /// Blocks until its writer ended; who wants it meanwhile waits. Says whether it is closed now.
    pub fn chiudi(&self, ipa: &CodiceIpa, quiete: Quiete, versione: i64, da: Duration) -> bool {
        let Some(posto) = self.posto(ipa) else { return false };
        let Ok(mut stanza) = posto.try_lock() else { return false };
        if stanza.chiesto.is_some_and(|t| t.elapsed() < da) {
            return false;
        }
        let Some(e) = stanza.aperto.take() else { return false };
        // Alone: it is handed out under this lock only, so that nobody begins anything from here on.
        let sola = Arc::strong_count(&e) == 1;
        fence(Ordering::Acquire);
        if !sola || !e.ancora_in(&quiete) {
            stanza.aperto = Some(e);
            return false;
        }
        let e = match Arc::try_unwrap(e) {
            Ok(e) => e,
            Err(e) => {
                stanza.aperto = Some(e);
                return false;
            }
        };
        let denominazione = e.configurazione().ente.as_ref().map(|d| d.denominazione.clone()).unwrap_or_default();
        let sonno = Sonno {
            riposo: Riposo { denominazione, dimensione: quiete.dimensione },
            versione,
            riferimento: e.riferimento(),
            misure: e.misure(),
        };
        // Its writer does its last chores and ends; connections close.
        drop(e);
        stanza.sonno = Some(sonno);
        true
    }

    /// How one that rests was when it was closed; `None` also when the clock leapt since, of which it must be asked.
    pub fn a_riposo(&self, ipa: &CodiceIpa) -> Option<Riposo> {
        let posto = self.posto(ipa)?;
        let stanza = posto.try_lock().ok()?;
        stanza.sonno.as_ref().filter(|s| s.riferimento.creduto()).map(|s| s.riposo.clone())
    }

    /// Those that rest, and what the database said of each when it was closed.
    pub fn tutti_a_riposo(&self) -> HashMap<CodiceIpa, i64> {
        let versione = |p: &Posto| {
            let stanza = p.try_lock().ok()?;
            stanza.sonno.as_ref().filter(|s| s.riferimento.creduto()).map(|s| s.versione)
        };
        self.posti().into_iter().filter_map(|(i, p)| Some((i, versione(&p)?))).collect()
    }

    /// What those that rest had counted.
    pub fn misure_a_riposo(&self) -> Vec<MisureEnte> {
        self.posti().iter().filter_map(|(_, p)| Some(p.try_lock().ok()?.sonno.as_ref()?.misure.clone())).collect()
    }
}

impl Stanza {
    fn segna(&mut self, chi: Chi) {
        if chi == Chi::Chiede {
            self.chiesto = Some(Instant::now());
        }
    }
}
