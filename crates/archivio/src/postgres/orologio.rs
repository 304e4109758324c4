//! The time of the database: where several nodes write, one clock stamps (R-A21).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dominio::tempo::{Istante, Orologio};

/// A machine's clock moved by how far it is from the database's, as last seen by a group.
pub(super) struct OrologioDelDatabase {
    macchina: Arc<dyn Orologio>,
    scarto: AtomicI64,
    /// In tests the clock is theirs.
    segue: bool,
}

impl OrologioDelDatabase {
    pub fn nuovo(macchina: Arc<dyn Orologio>, segue: bool) -> Arc<Self> {
        Arc::new(Self { macchina, scarto: AtomicI64::new(0), segue })
    }

    /// The database says that it is this time.
    pub fn ora(&self, us: i64) {
        if self.segue {
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
