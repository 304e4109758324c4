//! The register's clock (R-A21, design § 3): never back, never carelessly forward.
//!
//! The wall clock is compared with elapsed time, from a **baseline** that moves only when the RGD confirms: so small steps
//! add up, and a step back followed by its correction is nothing. A step back is absorbed: instants stay at the last one
//! given until the wall clock catches up, and an operation says so. Forward beyond a bound registrations stop until the
//! RGD confirms, rather than pin the register in the future.
//!
//! Baseline and doubt are kept beside the archive, so that a restart forgets neither. After the machine itself restarted,
//! elapsed time says nothing: a doubt stays, and the baseline is taken anew from the wall clock and the last instant given.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use dominio::tempo::{Istante, Orologio};
use serde::{Deserialize, Serialize};

use crate::store::{Errore, Esito};
use crate::tenuta::Tenuta;

/// Forward of the baseline by more than this stops registrations, microseconds.
pub const SALTO_AVANTI_US: i64 = 5 * 60 * 1_000_000;
/// A step back larger than this is recorded, microseconds.
pub const PASSO_INDIETRO_US: i64 = 2 * 1_000_000;
/// A register silent for longer than this, on a machine that restarted, has more likely a wrong year before it.
pub const ASSENZA_US: i64 = 366 * 86_400 * 1_000_000;

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

    fn avvio(&self) -> Option<String> {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        Some(id.trim().to_owned())
    }
}

/// Does the machine's time service say that its clock is tied to a reference? `None` when nothing here knows.
///
/// The kernel's own flag (`adjtimex`) cannot be read without unsafe code; systemd-timesyncd leaves the same answer in a
/// file.
pub fn sincronizzato() -> Option<bool> {
    sincronizzato_in(Path::new("/run/systemd/timesync"))
}

fn sincronizzato_in(cartella: &Path) -> Option<bool> {
    cartella.is_dir().then(|| cartella.join("synchronized").exists())
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

/// What is kept across restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Conservato {
    /// Which run of the machine elapsed time is counted in.
    avvio: Option<String>,
    /// Wall clock minus elapsed time at the baseline; absent when only the RGD can give one.
    scarto: Option<i64>,
    /// Are registrations stopped?
    dubbio: bool,
    /// Without a baseline: the time believed meanwhile, minus elapsed time.
    #[serde(default)]
    creduto: Option<i64>,
}

/// The time that is believed, for who does not stamp operations: the wall clock, or, when it leapt forward, what it should
/// have said. A wrong year must not end every session, token and role, and with them the right to confirm the clock. Where
/// a restart of the machine left a doubt and no baseline, time goes on from the last instant given.
pub struct Riferimento {
    orologio: Arc<dyn Orologio>,
    /// Wall clock minus elapsed time at the baseline; [`IGNOTO`] when there is none, nor any instant given.
    scarto: AtomicI64,
}

const IGNOTO: i64 = i64::MIN;

impl Riferimento {
    /// Is the wall clock where it was expected?
    pub fn creduto(&self) -> bool {
        let atteso = |s| self.orologio.monotono().saturating_add(s);
        match self.scarto.load(Ordering::Relaxed) {
            IGNOTO => true,
            s => self.orologio.adesso().0.saturating_sub(atteso(s)) <= SALTO_AVANTI_US,
        }
    }

    /// Now, as far as it is believed.
    pub fn ora(&self) -> Istante {
        let muro = self.orologio.adesso().0;
        match self.scarto.load(Ordering::Relaxed) {
            IGNOTO => Istante(muro),
            s => {
                let atteso = self.orologio.monotono().saturating_add(s);
                Istante(if muro.saturating_sub(atteso) > SALTO_AVANTI_US { atteso } else { muro })
            }
        }
    }
}

/// Watches the clocks for one writer.
pub struct Guardia {
    orologio: Arc<dyn Orologio>,
    /// Where the state is kept; nowhere for who has no RGD.
    percorso: Option<PathBuf>,
    stato: Conservato,
    riferimento: Arc<Riferimento>,
    /// Can the state be kept?
    tenuta: Arc<Tenuta>,
}

impl Guardia {
    /// Starts to watch, or goes on: `percorso` is where the state is kept, `ultimo` the last instant given anywhere in
    /// the file, 0 if none was.
    pub fn nuova(orologio: Arc<dyn Orologio>, percorso: Option<PathBuf>, ultimo: i64) -> Self {
        let (muro, mono, avvio) = (orologio.adesso().0, orologio.monotono(), orologio.avvio());
        let prima = percorso.as_deref().and_then(leggi_stato);
        let stato = match prima {
            Some(s) if s.avvio == avvio && avvio.is_some() => s,
            altro => {
                let assente = ultimo > 0 && muro.saturating_sub(ultimo) > ASSENZA_US;
                let dubbio = altro.is_some_and(|s| s.dubbio) || percorso.is_some() && assente;
                // The register is never behind its own last instant: a clock that is will be put right.
                let scarto = (!dubbio).then(|| muro.max(ultimo).saturating_sub(mono));
                let creduto = (dubbio && ultimo > 0).then(|| ultimo.saturating_sub(mono));
                Conservato { avvio, scarto, dubbio, creduto }
            }
        };
        let scarto = AtomicI64::new(stato.scarto.or(stato.creduto).unwrap_or(IGNOTO));
        let riferimento = Arc::new(Riferimento { orologio: Arc::clone(&orologio), scarto });
        let g = Self { orologio, percorso, stato, riferimento, tenuta: Arc::default() };
        g.conserva();
        g
    }

    /// Reads both clocks.
    pub fn leggi(&mut self) -> Lettura {
        let muro = self.orologio.adesso().0;
        let salto = self.stato.scarto.map(|s| muro.saturating_sub(self.orologio.monotono()).saturating_sub(s));
        let dubbio = salto.is_none_or(|s| s > SALTO_AVANTI_US);
        if dubbio != self.stato.dubbio {
            // A doubt that begins; or a clock that came back by itself: nothing was stamped in the meantime.
            self.stato.dubbio = dubbio;
            self.conserva();
        } else if self.tenuta.da_provare() {
            self.conserva();
        }
        match salto {
            _ if dubbio => Lettura::InDubbio(Istante(muro)),
            Some(s) if s < -PASSO_INDIETRO_US => Lettura::Arretrata(Istante(muro)),
            _ => Lettura::Buona(Istante(muro)),
        }
    }

    /// The RGD vouches for the wall clock as it is.
    pub fn conferma(&mut self) -> Istante {
        let muro = self.orologio.adesso().0;
        let scarto = muro.saturating_sub(self.orologio.monotono());
        self.stato = Conservato { avvio: self.orologio.avvio(), scarto: Some(scarto), dubbio: false, creduto: None };
        self.riferimento.scarto.store(scarto, Ordering::Relaxed);
        self.conserva();
        Istante(muro)
    }

    /// Are registrations stopped?
    pub fn in_dubbio(&self) -> bool {
        self.stato.dubbio
    }

    /// The time that is believed.
    pub fn riferimento(&self) -> Arc<Riferimento> {
        Arc::clone(&self.riferimento)
    }

    /// Whether what must outlive the process is kept.
    pub fn tenuta(&self) -> Arc<Tenuta> {
        Arc::clone(&self.tenuta)
    }

    /// Keeps the state, durably; what cannot be kept still holds while the process lives, and is tried again.
    fn conserva(&self) {
        let Some(p) = &self.percorso else { return };
        if self.tenuta.motivo().is_none() && leggi_stato(p).as_ref() == Some(&self.stato) {
            return;
        }
        let scrivi = || -> Esito<()> {
            let provvisorio = p.with_extension("nuovo");
            let mut f = std::fs::File::create(&provvisorio)?;
            let testo = serde_json::to_vec(&self.stato).map_err(|e| Errore::Incoerente(e.to_string()))?;
            std::io::Write::write_all(&mut f, &testo)?;
            f.sync_all()?;
            std::fs::rename(&provvisorio, p)?;
            if let Some(cartella) = p.parent() {
                crate::file::sincronizza_cartella(cartella)?;
            }
            Ok(())
        };
        match scrivi() {
            Ok(()) => self.tenuta.regge(),
            Err(e) => {
                tracing::error!(errore = %e, "stato dell'orologio non conservato");
                self.tenuta.cede(&e);
            }
        }
    }
}

/// The state kept before. A file that cannot be read is a doubt: what it said is not known.
fn leggi_stato(p: &Path) -> Option<Conservato> {
    let ignoto = Conservato { avvio: None, scarto: None, dubbio: true, creduto: None };
    let byte = match std::fs::read(p) {
        Ok(b) => b,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        Err(_) => return Some(ignoto),
    };
    Some(serde_json::from_slice(&byte).unwrap_or(ignoto))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Finto {
        muro: AtomicI64,
        mono: AtomicI64,
        avvio: Mutex<String>,
    }
    impl Orologio for Finto {
        fn adesso(&self) -> Istante {
            Istante(self.muro.load(Ordering::SeqCst))
        }
        fn monotono(&self) -> i64 {
            self.mono.load(Ordering::SeqCst)
        }
        fn avvio(&self) -> Option<String> {
            Some(self.avvio.lock().unwrap().clone())
        }
    }
    fn passa(o: &Finto, muro_s: i64, mono_s: i64) {
        o.muro.fetch_add(muro_s * 1_000_000, Ordering::SeqCst);
        o.mono.fetch_add(mono_s * 1_000_000, Ordering::SeqCst);
    }
    fn riavvia_macchina(o: &Finto) {
        o.mono.store(0, Ordering::SeqCst);
        o.avvio.lock().unwrap().push('x');
    }
    fn sola(o: &Arc<Finto>) -> Guardia {
        Guardia::nuova(o.clone(), None, 0)
    }

    #[test]
    fn a_jump_forward_stops_until_confirmed_or_undone() {
        // R-A21
        let o = Arc::new(Finto::default());
        let mut g = sola(&o);
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
    fn a_wrong_year_is_not_believed_by_who_asks_what_time_it_is() {
        // R-A21
        let o = Arc::new(Finto::default());
        let mut g = sola(&o);
        let r = g.riferimento();
        passa(&o, 1_000, 1_000);
        assert_eq!(r.ora(), o.adesso());
        passa(&o, 365 * 86_400, 0);
        assert_eq!(r.ora(), Istante(1_000_000_000), "before anybody looked, too");
        passa(&o, 10, 10);
        assert_eq!(r.ora(), Istante(1_010_000_000));
        g.conferma();
        assert_eq!(r.ora(), o.adesso());
        passa(&o, -86_400, 0);
        assert_eq!(r.ora(), o.adesso());
    }

    #[test]
    fn a_doubt_that_outlives_the_machine_goes_on_from_the_last_instant_given() {
        // R-A21
        let d = tempfile::tempdir().unwrap();
        let o = Arc::new(Finto::default());
        passa(&o, 1_000_000, 7);
        let ultimo = 1_000_000_000_000;
        let apri = |o: &Arc<Finto>| Guardia::nuova(o.clone(), Some(d.path().join("orologio")), ultimo);
        let mut g = apri(&o);
        passa(&o, 365 * 86_400, 0);
        assert!(matches!(g.leggi(), Lettura::InDubbio(_)));
        drop(g);
        riavvia_macchina(&o);
        let r = apri(&o).riferimento();
        assert_eq!(r.ora(), Istante(ultimo), "no wrong year ends a session");
        passa(&o, 30, 30);
        assert_eq!(r.ora(), Istante(ultimo + 30_000_000));
        // The process starts again: time does not.
        let mut g = apri(&o);
        assert_eq!(g.riferimento().ora(), Istante(ultimo + 30_000_000));
        assert!(matches!(g.leggi(), Lettura::InDubbio(_)));
        g.conferma();
        assert_eq!(g.riferimento().ora(), o.adesso());
        assert_eq!(apri(&o).riferimento().ora(), o.adesso());
    }

    #[test]
    fn small_steps_forward_add_up() {
        // R-A21
        let o = Arc::new(Finto::default());
        let mut g = sola(&o);
        for _ in 0..4 {
            passa(&o, 61, 1);
            assert!(matches!(g.leggi(), Lettura::Buona(_)));
        }
        passa(&o, 86_400, 86_400);
        assert!(matches!(g.leggi(), Lettura::Buona(_)));
        passa(&o, 62, 1);
        assert!(matches!(g.leggi(), Lettura::InDubbio(_)));
    }

    #[test]
    fn a_step_back_and_its_correction_are_no_doubt_and_an_hour_of_sleep_is_not_a_step() {
        // R-A21
        let o = Arc::new(Finto::default());
        let mut g = sola(&o);
        passa(&o, -86_400, 1);
        assert!(matches!(g.leggi(), Lettura::Arretrata(_)));
        passa(&o, 3_600, 3_600);
        assert!(matches!(g.leggi(), Lettura::Arretrata(_)));
        passa(&o, 86_401, 1);
        assert!(matches!(g.leggi(), Lettura::Buona(_)));
        passa(&o, 3_600, 3_600);
        assert!(matches!(g.leggi(), Lettura::Buona(_)));
    }

    #[test]
    fn a_restart_forgets_neither_doubt_nor_baseline() {
        // R-A21
        let d = tempfile::tempdir().unwrap();
        let o = Arc::new(Finto::default());
        passa(&o, 1_000_000, 0);
        let apri = |o: &Arc<Finto>| Guardia::nuova(o.clone(), Some(d.path().join("orologio")), 1_000);
        assert!(matches!(apri(&o).leggi(), Lettura::Buona(_)));
        // The clock jumps while nobody watches.
        passa(&o, 3_600, 1);
        let mut g = apri(&o);
        assert!(matches!(g.leggi(), Lettura::InDubbio(_)));
        drop(g);
        // The machine restarts too: only the RGD can say, even if the clock looks right.
        riavvia_macchina(&o);
        passa(&o, -3_600, 5);
        let mut g = apri(&o);
        assert!(g.in_dubbio());
        assert!(matches!(g.leggi(), Lettura::InDubbio(_)));
        g.conferma();
        assert!(matches!(g.leggi(), Lettura::Buona(_)));
        drop(g);
        let mut g = apri(&o);
        assert!(matches!(g.leggi(), Lettura::Buona(_)));
        // Undone while nobody watched, on the same machine run: nothing to confirm.
        passa(&o, 3_600, 0);
        assert!(matches!(g.leggi(), Lettura::InDubbio(_)));
        drop(g);
        passa(&o, -3_600, 0);
        assert!(matches!(apri(&o).leggi(), Lettura::Buona(_)));
    }

    #[test]
    fn after_the_machine_restarted_the_last_instant_given_is_the_reference() {
        // R-A21
        let d = tempfile::tempdir().unwrap();
        let o = Arc::new(Finto::default());
        passa(&o, 1_000_000, 0);
        let apri =
            |nome: &str, ultimo_s: i64| Guardia::nuova(o.clone(), Some(d.path().join(nome)), ultimo_s * 1_000_000);
        // Behind it: the correction that will come is no jump.
        let mut g = apri("a", 1_003_600);
        assert!(matches!(g.leggi(), Lettura::Arretrata(_)));
        passa(&o, 3_700, 10);
        assert!(matches!(g.leggi(), Lettura::Buona(_)));
        // More than a year past it: a wrong year.
        passa(&o, 400 * 86_400, 0);
        assert!(matches!(apri("b", 1_003_600).leggi(), Lettura::InDubbio(_)));
        // A new register has no last instant.
        assert!(matches!(apri("c", 0).leggi(), Lettura::Buona(_)));
        std::fs::write(d.path().join("d"), "rovinato").unwrap();
        assert!(matches!(apri("d", 0).leggi(), Lettura::InDubbio(_)));
    }

    #[test]
    fn the_time_service_is_asked_where_there_is_one() {
        let d = tempfile::tempdir().unwrap();
        assert_eq!(sincronizzato_in(&d.path().join("assente")), None);
        assert_eq!(sincronizzato_in(d.path()), Some(false));
        std::fs::write(d.path().join("synchronized"), "").unwrap();
        assert_eq!(sincronizzato_in(d.path()), Some(true));
    }
}
