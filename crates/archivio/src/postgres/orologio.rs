//! The time of the database: where several nodes write, one clock stamps (R-A21).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use dominio::tempo::{Istante, Orologio};

/// A machine's clock moved by how far it is from the database's, as last seen by a group.
pub(super) struct OrologioDelDatabase {
    macchina: Arc<dyn Orologio>,
    scarto: AtomicI64,
    /// In tests the clock is theirs.
    segue: bool,
    /// Was it ever seen?
    visto: AtomicBool,
}

/// An answer that took longer says too little of when it was given.
const ANDATA_MAX: Duration = Duration::from_millis(500);

impl OrologioDelDatabase {
    pub fn nuovo(macchina: Arc<dyn Orologio>, segue: bool) -> Arc<Self> {
        Arc::new(Self { macchina, scarto: AtomicI64::new(0), segue, visto: AtomicBool::new(false) })
    }

    /// The database said that it was this time, in an answer that took so long: with the lock of an ente it may be a wait.
    pub fn ora(&self, us: i64, andata: Duration) {
        if self.segue && (andata <= ANDATA_MAX || !self.visto.swap(true, Ordering::Relaxed)) {
            self.visto.store(true, Ordering::Relaxed);
            self.scarto.store(us.saturating_sub(self.macchina.adesso().0), Ordering::Relaxed);
        }
    }
}

impl Orologio for OrologioDelDatabase {
    fn adesso(&self) -> Istante {
        Istante(self.macchina.adesso().0.saturating_add(self.scarto.load(Ordering::Relaxed)))
    }
    fn monotono(&self) -> i64 {
        self.macchina.monotono()
    }
    fn avvio(&self) -> Option<String> {
        self.macchina.avvio()
    }
}
