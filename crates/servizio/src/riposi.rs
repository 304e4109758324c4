//! Enti that nobody asks for are closed, and take no memory; the next request opens them again.
//!
//! A round closes those that are signed, put where anchors go, and quiet. One that only rounds looked at is closed at once.

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
}

impl Default for Riposi {
    fn default() -> Self {
        Self::dopo(DOPO)
    }
}

impl Riposi {
    /// They are closed after so long.
    pub fn dopo(dopo: Duration) -> Self {
        Self { dopo, spazzati: Mutex::default() }
    }

    /// Those of which a round has nothing to do; none, when that cannot be known.
    pub(crate) async fn invariati(&self, store: &dyn Store) -> HashSet<CodiceIpa> {
        store.invariati().await.unwrap_or_else(|e| {
            tracing::warn!(errore = %e, "non si sa quali enti a riposo siano invariati");
            HashSet::new()
        })
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
        if store.riposa(ipa, self.dopo).await {
            tracing::debug!(ente = %ipa, "chiuso: nessuno lo chiede");
        }
    }
}
