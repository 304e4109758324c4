//! Whether a part of the storage holds: what it said when it refused, until it takes a write again.
//!
//! Who writes there notes the refusal and the next success; who asks how the ente is ([`crate::store::Salute`]) tries again
//! by itself, so that recovery waits for no request and for nobody's hand.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::store::{DISCO_GUASTO, DISCO_PIENO, Errore, S3_MUTO, S3_RIFIUTA};

/// Between two attempts, at least: anybody may ask for readiness, and an attempt costs an fsync.
const PAUSA: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
struct Stato {
    /// Why it does not hold.
    motivo: Option<String>,
    provato: Option<Instant>,
}

/// One part of the storage.
#[derive(Debug, Default)]
pub struct Tenuta(Mutex<Stato>);

impl Tenuta {
    /// It refused a write.
    pub fn cede(&self, e: &Errore) {
        *self.stato() = Stato { motivo: Some(in_parole(e)), provato: Some(Instant::now()) };
    }

    /// It took one.
    pub fn regge(&self) {
        self.stato().motivo = None;
    }

    /// Why it does not hold, if it does not.
    pub fn motivo(&self) -> Option<String> {
        self.stato().motivo.clone()
    }

    /// Did it refuse, long enough ago to try again? Who asks is the one that tries.
    pub fn da_provare(&self) -> bool {
        self.motivo().is_some() && self.provabile()
    }

    /// Was the last attempt long enough ago, whether it holds or not? Who asks is the one that tries.
    pub fn provabile(&self) -> bool {
        let mut s = self.stato();
        let si = s.provato.is_none_or(|p| p.elapsed() >= PAUSA);
        if si {
            s.provato = Some(Instant::now());
        }
        si
    }

    fn stato(&self) -> MutexGuard<'_, Stato> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A failure of the storage for who runs the service; paths and codes stay in the journal.
pub fn in_parole(e: &Errore) -> String {
    let testo = e.to_string();
    let noto = [DISCO_PIENO, DISCO_GUASTO, S3_MUTO, S3_RIFIUTA].into_iter().find(|m| testo.contains(m));
    noto.unwrap_or("una scrittura non è riuscita: il motivo è nel giornale del servizio").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_said_in_words_and_forgotten_at_the_first_write_that_holds() {
        let t = Tenuta::default();
        assert_eq!((t.motivo(), t.da_provare()), (None, false));
        for (e, detto) in [
            (Errore::from(std::io::Error::from(std::io::ErrorKind::StorageFull)), DISCO_PIENO),
            (Errore::from(std::io::Error::from_raw_os_error(5)), DISCO_GUASTO),
            (Errore::Archivio("/var/segreto".into()), "una scrittura non è riuscita"),
        ] {
            t.cede(&e);
            let m = t.motivo().unwrap();
            assert!(m.starts_with(detto) && !m.contains("segreto"), "{m}");
            assert!(!t.da_provare(), "not at once");
        }
        t.regge();
        assert_eq!((t.motivo(), t.provabile()), (None, false), "whoever asks, not at once");
        let mai = Tenuta::default();
        assert_eq!((mai.provabile(), mai.provabile()), (true, false));
    }
}
