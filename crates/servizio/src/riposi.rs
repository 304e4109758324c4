//! Enti that nobody asks for are closed, and take no memory; the next request opens them again.
//!
//! A round closes those that are signed, put where anchors go, and quiet. One that only rounds looked at is closed at once. Of several
//! nodes one makes the rounds, and each closes what it has open itself: who makes them finds what was written since, and signs it.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use archivio::Store;
use dominio::codici::CodiceIpa;

/// An ente for which nobody asked for so long is closed.
pub const DOPO: Duration = Duration::from_secs(300);
/// One that rests is opened so often to take away what must not stay: old accesses, files without a registration.
const SPAZZATA: Duration = Duration::from_secs(86_400);

/// When enti are closed, and when each was last swept.
#[derive(Debug)]
pub struct Riposi {
    dopo: Duration,
    spazzati: Mutex<HashMap<CodiceIpa, Instant>>,
    /// Closed here while another made the rounds: signed, but whether he put it away is his to know.
    di_altri: Mutex<HashSet<CodiceIpa>>,
}

impl Default for Riposi {
    fn default() -> Self {
        Self::dopo(DOPO)
    }
}

impl Riposi {
    /// They are closed after so long.
    pub fn dopo(dopo: Duration) -> Self {
        Self { dopo, spazzati: Mutex::default(), di_altri: Mutex::default() }
    }

    /// Those of which a round has nothing to do; none, when that cannot be known.
    pub(crate) async fn invariati(&self, store: &dyn Store) -> HashSet<CodiceIpa> {
        let mut invariati = store.invariati().await.unwrap_or_else(|e| {
            tracing::warn!(errore = %e, "non si sa quali enti a riposo siano invariati");
            HashSet::new()
        });
        let di_altri = self.di_altri.lock().unwrap_or_else(PoisonError::into_inner);
        invariati.retain(|i| !di_altri.contains(i));
        invariati
    }

    /// Is it time to open one that rests, to sweep it?
    pub(crate) fn da_spazzare(&self, ipa: &CodiceIpa) -> bool {
        let g = self.spazzati.lock().unwrap_or_else(PoisonError::into_inner);
        g.get(ipa).is_none_or(|t| t.elapsed() >= SPAZZATA)
    }

    /// A round of it went well: it may rest.
    pub(crate) async fn dopo_il_giro(&self, store: &dyn Store, ipa: &CodiceIpa, spazzato: bool) {
        if spazzato {
            self.spazzati.lock().unwrap_or_else(PoisonError::into_inner).insert(ipa.clone(), Instant::now());
        }
        self.di_altri.lock().unwrap_or_else(PoisonError::into_inner).remove(ipa);
        self.chiudi(store, ipa).await;
    }

    /// Another makes the rounds: what nobody asks of this node, and is signed, may rest here too. Should the rounds come to this
    /// node, it is looked at once.
    pub(crate) async fn mentre_altri_girano(&self, store: &dyn Store, ipa: &CodiceIpa) {
        if self.chiudi(store, ipa).await {
            self.di_altri.lock().unwrap_or_else(PoisonError::into_inner).insert(ipa.clone());
        }
    }

    async fn chiudi(&self, store: &dyn Store, ipa: &CodiceIpa) -> bool {
        let chiuso = store.riposa(ipa, self.dopo).await;
        if chiuso {
            tracing::debug!(ente = %ipa, "chiuso: nessuno lo chiede");
        }
        chiuso
    }
}
