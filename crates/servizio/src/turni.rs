//! Whose turn it is at what the nodes of an installation do once between them.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use archivio::{Esito, Store};

/// A turn that is ours.
pub(crate) struct Turno<'a> {
    store: &'a dyn Store,
    lavoro: &'static str,
    tenuto: Duration,
    chiesto: Mutex<Instant>,
}

impl<'a> Turno<'a> {
    /// Takes a turn, or keeps it, for so long; `None` when another has it.
    pub async fn prendi(store: &'a dyn Store, lavoro: &'static str, tenuto: Duration) -> Esito<Option<Self>> {
        let ora = Instant::now();
        let mio = store.turno(lavoro, tenuto).await?;
        Ok(mio.then(|| Self { store, lavoro, tenuto, chiesto: Mutex::new(ora) }))
    }

    /// Is it ours still? What is done may last longer than a turn. It is asked again when a third of its time is over: each
    /// time is a write for the database.
    pub async fn ancora(&self) -> bool {
        let ora = Instant::now();
        if ora.duration_since(*self.chiesto.lock().unwrap_or_else(PoisonError::into_inner)) < self.tenuto / 3 {
            return true;
        }
        let mio = self.store.turno(self.lavoro, self.tenuto).await.unwrap_or(false);
        if mio {
            *self.chiesto.lock().unwrap_or_else(PoisonError::into_inner) = ora;
        }
        mio
    }

    /// Leaves it to whoever comes first.
    pub async fn lascia(self) {
        if let Err(e) = self.store.lascia_turno(self.lavoro).await {
            tracing::warn!(lavoro = self.lavoro, errore = %e, "il turno resta a questo processo finché non scade");
        }
    }
}
