//! What an ente counts while it works, for who runs the installation: numbers only, never what is in a registration.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Upper bounds of the durations of a group, milliseconds.
pub const SECCHI_MS: [u64; 9] = [1, 2, 5, 10, 25, 50, 100, 500, 5_000];
/// Upper bounds of the size of a group.
pub const SECCHI_GRUPPO: [u64; 6] = [1, 4, 16, 64, 128, 256];

/// How many fell in each bucket, the last one without bound, and their sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Istogramma<const N: usize> {
    /// In each bucket, not cumulated.
    pub secchi: [u64; N],
    /// Sum of the values.
    pub somma: u64,
}

impl<const N: usize> Default for Istogramma<N> {
    fn default() -> Self {
        Self { secchi: [0; N], somma: 0 }
    }
}

/// What an ente counted since it was opened, and how it is now.
#[derive(Debug, Default, Clone)]
pub struct MisureEnte {
    /// Commands that wait for the writer.
    pub in_coda: usize,
    /// Commands refused because too many waited.
    pub rifiutati: u64,
    /// Groups: how long each took, microseconds, from its beginning to its last answer.
    pub durata_us: Istogramma<10>,
    /// Groups: how many commands each had.
    pub gruppo: Istogramma<7>,
    /// Files registered, and their bytes.
    pub file: u64,
    /// Bytes of those files.
    pub file_byte: u64,
    /// Who reads now, who waits to, who was refused.
    pub letture: (usize, usize, u64),
}

/// The connections of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MisuraPool {
    /// What they are for.
    pub nome: &'static str,
    /// At work.
    pub in_uso: usize,
    /// At most.
    pub massimo: usize,
    /// Who waits for one.
    pub in_attesa: usize,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Misure {
    in_coda: AtomicUsize,
    rifiutati: AtomicU64,
    durata: [AtomicU64; 10],
    durata_us: AtomicU64,
    gruppo: [AtomicU64; 7],
    lavori: AtomicU64,
    file: AtomicU64,
    file_byte: AtomicU64,
}

fn secchio(limiti: &[u64], valore: u64) -> usize {
    limiti.iter().position(|l| valore <= *l).unwrap_or(limiti.len())
}

fn letto<const N: usize>(secchi: &[AtomicU64; N], somma: &AtomicU64) -> Istogramma<N> {
    Istogramma {
        secchi: std::array::from_fn(|i| secchi[i].load(Ordering::Relaxed)),
        somma: somma.load(Ordering::Relaxed),
    }
}

impl Misure {
    /// A command on its way to the queue; false, and it must not go there, when so many wait already.
    pub fn arriva(&self, massimo: usize) -> bool {
        let posto = self.in_coda.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| (n < massimo).then_some(n + 1));
        if posto.is_err() {
            self.rifiutati.fetch_add(1, Ordering::Relaxed);
        }
        posto.is_ok()
    }

    /// There is nobody to take it.
    pub fn non_arrivato(&self) {
        self.in_coda.fetch_sub(1, Ordering::Relaxed);
    }

    /// The writer took so many.
    pub fn presi(&self, quanti: usize) {
        self.in_coda.fetch_sub(quanti, Ordering::Relaxed);
        self.gruppo[secchio(&SECCHI_GRUPPO, quanti as u64)].fetch_add(1, Ordering::Relaxed);
        self.lavori.fetch_add(quanti as u64, Ordering::Relaxed);
    }

    /// Groups taken so far.
    pub fn gruppi(&self) -> u64 {
        self.gruppo.iter().map(|g| g.load(Ordering::Acquire)).sum()
    }

    /// Goes on from what was counted before.
    pub fn riprende(&self, prima: &MisureEnte) {
        let aggiungi = |dove: &AtomicU64, n: u64| _ = dove.fetch_add(n, Ordering::Relaxed);
        aggiungi(&self.rifiutati, prima.rifiutati);
        self.durata.iter().zip(prima.durata_us.secchi).for_each(|(d, n)| aggiungi(d, n));
        aggiungi(&self.durata_us, prima.durata_us.somma);
        self.gruppo.iter().zip(prima.gruppo.secchi).for_each(|(d, n)| aggiungi(d, n));
        aggiungi(&self.lavori, prima.gruppo.somma);
        aggiungi(&self.file, prima.file);
        aggiungi(&self.file_byte, prima.file_byte);
    }

    /// And answered them after so long.
    pub fn gruppo_fatto(&self, durata: Duration) {
        let us = u64::try_from(durata.as_micros()).unwrap_or(u64::MAX);
        self.durata[secchio(&SECCHI_MS, us.div_ceil(1_000))].fetch_add(1, Ordering::Relaxed);
        self.durata_us.fetch_add(us, Ordering::Relaxed);
    }

    /// So many files were registered.
    pub fn file(&self, quanti: u64, byte: u64) {
        self.file.fetch_add(quanti, Ordering::Relaxed);
        self.file_byte.fetch_add(byte, Ordering::Relaxed);
    }

    /// As they are now.
    pub fn lette(&self, letture: (usize, usize, u64)) -> MisureEnte {
        MisureEnte {
            in_coda: self.in_coda.load(Ordering::Relaxed),
            rifiutati: self.rifiutati.load(Ordering::Relaxed),
            durata_us: letto(&self.durata, &self.durata_us),
            gruppo: letto(&self.gruppo, &self.lavori),
            file: self.file.load(Ordering::Relaxed),
            file_byte: self.file_byte.load(Ordering::Relaxed),
            letture,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_in_the_bucket_whose_bound_they_do_not_exceed() {
        let m = Misure::default();
        for (quanti, ms) in [(1, 1), (2, 2), (256, 5_000), (300, 6_000)] {
            for _ in 0..quanti {
                assert!(m.arriva(1_000));
            }
            m.presi(quanti);
            m.gruppo_fatto(Duration::from_millis(ms));
        }
        assert!(m.arriva(1) && !m.arriva(1));
        let l = m.lette((0, 0, 0));
        assert_eq!((l.in_coda, l.rifiutati), (1, 1));
        assert_eq!(l.gruppo, Istogramma { secchi: [1, 1, 0, 0, 0, 1, 1], somma: 559 });
        assert_eq!(l.durata_us, Istogramma { secchi: [1, 1, 0, 0, 0, 0, 0, 0, 1, 1], somma: 11_003_000 });
    }
}
