//! The share of an ente in what all enti use: so many at once, so many more waiting, for so long. What is beyond is refused at
//! once, so that the storm of one ente neither empties what others need nor piles up without end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::{Errore, Esito};

/// Most that wait for a place.
const IN_ATTESA_MAX: usize = 1_024;
/// How long one waits.
const ATTESA_MAX: Duration = Duration::from_secs(10);

/// A share.
pub(crate) struct Quota {
    posti: Arc<Semaphore>,
    quanti: usize,
    attesa: Duration,
    in_attesa: AtomicUsize,
    rifiutati: AtomicU64,
}

/// Counts who waits, also when he goes away.
struct InAttesa<'a>(&'a AtomicUsize);

impl Drop for InAttesa<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Quota {
    pub fn di(quanti: usize) -> Self {
        Self {
            posti: Arc::new(Semaphore::new(quanti)),
            quanti,
            attesa: ATTESA_MAX,
            in_attesa: AtomicUsize::new(0),
            rifiutati: AtomicU64::new(0),
        }
    }

    /// A place, in order of arrival.
    ///
    /// # Errors
    /// Too many wait already, or it took too long.
    pub async fn posto(&self) -> Esito<OwnedSemaphorePermit> {
        if let Ok(p) = Arc::clone(&self.posti).try_acquire_owned() {
            return Ok(p);
        }
        let rifiuta = || {
            self.rifiutati.fetch_add(1, Ordering::Relaxed);
            Errore::Sovraccarico
        };
        let prima = self.in_attesa.fetch_add(1, Ordering::Relaxed);
        let _in_attesa = InAttesa(&self.in_attesa);
        if prima >= IN_ATTESA_MAX {
            return Err(rifiuta());
        }
        match tokio::time::timeout(self.attesa, Arc::clone(&self.posti).acquire_owned()).await {
            Ok(p) => p.map_err(|e| Errore::Archivio(e.to_string())),
            Err(_) => Err(rifiuta()),
        }
    }

    /// Taken, waiting, refused so far.
    pub fn misure(&self) -> (usize, usize, u64) {
        let presi = self.quanti.saturating_sub(self.posti.available_permits());
        (presi, self.in_attesa.load(Ordering::Relaxed), self.rifiutati.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beyond_the_share_one_waits_for_a_while_and_beyond_those_who_wait_one_is_refused() {
        let q = Arc::new(Quota::di(2));
        let (a, b) = (q.posto().await.unwrap(), q.posto().await.unwrap());
        assert_eq!(q.misure(), (2, 0, 0));
        let attese: Vec<_> = (0..IN_ATTESA_MAX)
            .map(|_| {
                let q = Arc::clone(&q);
                tokio::spawn(async move { q.posto().await.map(drop) })
            })
            .collect();
        while q.misure().1 < IN_ATTESA_MAX {
            tokio::task::yield_now().await;
        }
        assert_eq!(q.misure(), (2, IN_ATTESA_MAX, 0));
        assert!(matches!(q.posto().await, Err(Errore::Sovraccarico)));
        assert_eq!(q.misure(), (2, IN_ATTESA_MAX, 1), "who was refused does not wait");
        drop(a);
        // One place is enough for all of those who wait, one after the other.
        for x in attese {
            x.await.unwrap().unwrap();
        }
        let c = q.posto().await.unwrap();
        let mut breve = Quota::di(1);
        breve.attesa = Duration::from_millis(5);
        let d = breve.posto().await.unwrap();
        assert!(matches!(breve.posto().await, Err(Errore::Sovraccarico)), "nobody waits for ever");
        assert_eq!(breve.misure(), (1, 0, 1));
        drop((b, c, d));
        assert_eq!(q.misure(), (0, 0, 1));
    }
}
