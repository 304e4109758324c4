//! The register's clock (R-A21, design § 3): never back, never carelessly forward.
//!
//! The wall clock is compared with elapsed time. A step back is absorbed: instants stay at the last one given until
//! the wall clock catches up, and an operation says so. A step forward beyond a bound stops registrations until the
//! RGD confirms it, rather than pin the register in the future.

use std::sync::Arc;

use dominio::tempo::{Istante, Orologio};

/// A step forward larger than this stops registrations, microseconds.
pub const SALTO_AVANTI_US: i64 = 5 * 60 * 1_000_000;
/// A step back larger than this is recorded, microseconds.
pub const PASSO_INDIETRO_US: i64 = 2 * 1_000_000;

/// The machine's clocks; the elapsed one counts sleep too.
#[derive(Debug, Default)]
pub struct OrologioDiSistema;

impl Orologio for OrologioDiSistema {
    fn adesso(&self) -> Istante {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        Istante(t.tv_sec.saturating_mul(1_000_000).saturating_add(t.tv_nsec / 1_000))
    }

    fn monotono(&self) -> i64 {
        let t = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        t.tv_sec.saturating_mul(1_000_000).saturating_add(t.tv_nsec / 1_000)
    }
}

/// What a reading says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lettura {
    /// The wall clock, to be trusted.
    Buona(Istante),
    /// It went back from what was expected.
    Arretrata(Istante),
    /// It jumped forward: not to be trusted until confirmed.
    InDubbio(Istante),
}

/// Watches the clocks for one writer.
pub struct Guardia {
    orologio: Arc<dyn Orologio>,
    muro: i64,
    mono: i64,
    dubbio: bool,
}

impl Guardia {
    /// Starts to watch. `ultimo` is the last instant committed anywhere in the file.
    pub fn nuova(orologio: Arc<dyn Orologio>) -> Self {
        let (muro, mono) = (orologio.adesso().0, orologio.monotono());
        Self { orologio, muro, mono, dubbio: false }
    }

    /// Reads both clocks.
    pub fn leggi(&mut self) -> Lettura {
        let (muro, mono) = (self.orologio.adesso().0, self.orologio.monotono());
        let scarto = muro.saturating_sub(self.muro.saturating_add(mono.saturating_sub(self.mono)));
        if self.dubbio || scarto > SALTO_AVANTI_US {
            if scarto <= SALTO_AVANTI_US {
                // It came back by itself: nothing was stamped in the meantime.
                self.dubbio = false;
                return self.prendi(muro, mono, Lettura::Buona(Istante(muro)));
            }
            self.dubbio = true;
            return Lettura::InDubbio(Istante(muro));
        }
        let esito =
            if scarto < -PASSO_INDIETRO_US { Lettura::Arretrata(Istante(muro)) } else { Lettura::Buona(Istante(muro)) };
        self.prendi(muro, mono, esito)
    }

    fn prendi(&mut self, muro: i64, mono: i64, l: Lettura) -> Lettura {
        self.muro = muro;
        self.mono = mono;
        l
    }

    /// The RGD vouches for the wall clock as it is.
    pub fn conferma(&mut self) -> Istante {
        self.muro = self.orologio.adesso().0;
        self.mono = self.orologio.monotono();
        self.dubbio = false;
        Istante(self.muro)
    }

    /// Are registrations stopped?
    pub fn in_dubbio(&self) -> bool {
        self.dubbio
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering};

    #[derive(Default)]
    struct Finto {
        muro: AtomicI64,
        mono: AtomicI64,
    }
    impl Orologio for Finto {
        fn adesso(&self) -> Istante {
            Istante(self.muro.load(Ordering::SeqCst))
        }
        fn monotono(&self) -> i64 {
            self.mono.load(Ordering::SeqCst)
        }
    }
    fn passa(o: &Finto, muro_s: i64, mono_s: i64) {
        o.muro.fetch_add(muro_s * 1_000_000, Ordering::SeqCst);
        o.mono.fetch_add(mono_s * 1_000_000, Ordering::SeqCst);
    }

    #[test]
    fn a_jump_forward_stops_until_confirmed_or_undone() {
        let o = Arc::new(Finto::default());
        let mut g = Guardia::nuova(o.clone());
        passa(&o, 10, 10);
        assert!(matches!(g.leggi(), Lettura::Buona(_)));
        passa(&o, 3_600, 1);
        assert!(matches!(g.leggi(), Lettura::InDubbio(_)));
        passa(&o, 1, 1);
        assert!(matches!(g.leggi(), Lettura::InDubbio(_)));
        g.conferma();
        passa(&o, 1, 1);
        assert!(matches!(g.leggi(), Lettura::Buona(_)));
        passa(&o, 3_600, 0);
        assert!(matches!(g.leggi(), Lettura::InDubbio(_)));
        passa(&o, -3_600, 0);
        assert!(matches!(g.leggi(), Lettura::Buona(_)));
    }

    #[test]
    fn a_step_back_is_noticed_and_an_hour_of_sleep_is_not_a_step() {
        let o = Arc::new(Finto::default());
        let mut g = Guardia::nuova(o.clone());
        passa(&o, -86_400, 1);
        assert!(matches!(g.leggi(), Lettura::Arretrata(_)));
        passa(&o, 3_600, 3_600);
        assert!(matches!(g.leggi(), Lettura::Buona(_)));
    }
}
