//! Sign-in throttle: in memory, bounded, the same for who exists and who does not (R-L01).
//!
//! Every attempt is counted before the password is looked at, and forgiven when it was right: a burst of attempts at
//! once finds the door as closed as a slow one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use dominio::codici::{CodiceIpa, NomeUtente};
use dominio::tempo::Orologio;

/// Failures of one name before it has to wait.
pub const TENTATIVI_UTENTE: u32 = 5;
/// Failures from one address before it has to wait: higher, because a whole office may share it.
pub const TENTATIVI_INDIRIZZO: u32 = 30;
/// First wait, seconds; it doubles at each further failure.
pub const ATTESA_PRIMA_S: i64 = 15;
/// Longest wait, seconds.
pub const ATTESA_MAX_S: i64 = 15 * 60;
/// Names and addresses remembered.
pub const RICORDATI_MAX: usize = 20_000;
/// After this quiet a name or address is forgotten, seconds.
const OBLIO_S: i64 = 60 * 60;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Chi {
    Utente(CodiceIpa, String),
    Indirizzo(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Conto {
    fallimenti: u32,
    ultimo_s: i64,
}

/// Counts failures.
pub struct Freno {
    orologio: Arc<dyn Orologio>,
    conti: Mutex<HashMap<Chi, Conto>>,
}

/// An attempt that may go on; when the password was right say so with [`Freno::riuscito`].
#[derive(Debug)]
pub struct Tentativo(Vec<Chi>);

impl Freno {
    /// With a clock of its own.
    pub fn nuovo(orologio: Arc<dyn Orologio>) -> Self {
        Self { orologio, conti: Mutex::default() }
    }

    /// Counts an attempt.
    ///
    /// # Errors
    /// Seconds to wait; nothing is counted then.
    pub fn prova(&self, ipa: &CodiceIpa, utente: &str, da: Option<IpAddr>) -> Result<Tentativo, i64> {
        let ora = self.orologio.monotono() / 1_000_000;
        // What cannot be a name shares one place.
        let nome = utente.trim().parse::<NomeUtente>().map(String::from).unwrap_or_default();
        let mut chi = vec![Chi::Utente(ipa.clone(), nome)];
        chi.extend(da.map(Chi::Indirizzo));
        let mut conti = self.conti.lock().unwrap_or_else(PoisonError::into_inner);
        let attesa = chi.iter().filter_map(|c| Some(attesa(c, conti.get(c)?, ora))).max().unwrap_or(0);
        if attesa > 0 {
            return Err(attesa);
        }
        fai_posto(&mut conti, ora);
        for c in &chi {
            let conto = conti.entry(c.clone()).or_insert(Conto { fallimenti: 0, ultimo_s: ora });
            if ora - conto.ultimo_s >= OBLIO_S {
                conto.fallimenti = 0;
            }
            conto.fallimenti = conto.fallimenti.saturating_add(1);
            conto.ultimo_s = ora;
        }
        Ok(Tentativo(chi))
    }

    /// The password was right: the name is forgiven, the address only for this attempt.
    pub fn riuscito(&self, t: Tentativo) {
        let mut conti = self.conti.lock().unwrap_or_else(PoisonError::into_inner);
        for c in t.0 {
            match c {
                Chi::Utente(..) => {
                    conti.remove(&c);
                }
                Chi::Indirizzo(_) => {
                    if let Some(conto) = conti.get_mut(&c) {
                        conto.fallimenti = conto.fallimenti.saturating_sub(1);
                    }
                }
            }
        }
    }
}

fn attesa(chi: &Chi, conto: &Conto, ora: i64) -> i64 {
    let soglia = match chi {
        Chi::Utente(..) => TENTATIVI_UTENTE,
        Chi::Indirizzo(_) => TENTATIVI_INDIRIZZO,
    };
    let Some(oltre) = conto.fallimenti.checked_sub(soglia) else { return 0 };
    let durata = ATTESA_PRIMA_S.saturating_mul(1 << oltre.min(10)).min(ATTESA_MAX_S);
    (conto.ultimo_s + durata - ora).max(0)
}

fn fai_posto(conti: &mut HashMap<Chi, Conto>, ora: i64) {
    if conti.len() + 2 <= RICORDATI_MAX {
        return;
    }
    conti.retain(|_, c| ora - c.ultimo_s < OBLIO_S);
    if conti.len() + 2 > RICORDATI_MAX {
        // Still full: the half that failed least, longest ago, goes.
        let mut per_peso: Vec<(u32, i64)> = conti.values().map(|c| (c.fallimenti, c.ultimo_s)).collect();
        per_peso.sort_unstable();
        let soglia = per_peso[per_peso.len() / 2];
        conti.retain(|_, c| (c.fallimenti, c.ultimo_s) > soglia);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dominio::tempo::Istante;
    use std::sync::atomic::{AtomicI64, Ordering};

    #[derive(Default)]
    struct Finto(AtomicI64);
    impl Orologio for Finto {
        fn adesso(&self) -> Istante {
            Istante(self.0.load(Ordering::SeqCst))
        }
        fn monotono(&self) -> i64 {
            self.0.load(Ordering::SeqCst)
        }
    }
    fn banco() -> (Arc<Finto>, Freno, CodiceIpa) {
        let o = Arc::new(Finto::default());
        (Arc::clone(&o), Freno::nuovo(o), "c_z999".parse().unwrap())
    }
    fn passa(o: &Finto, s: i64) {
        o.0.fetch_add(s * 1_000_000, Ordering::SeqCst);
    }

    #[test]
    fn the_sixth_attempt_waits_and_each_further_failure_doubles_the_wait() {
        // R-L01
        let (o, f, ipa) = banco();
        for _ in 0..TENTATIVI_UTENTE {
            f.prova(&ipa, "anna", None).unwrap();
        }
        let mut attese = Vec::new();
        for _ in 0..9 {
            let a = f.prova(&ipa, "ANNA ", None).unwrap_err();
            attese.push(a);
            passa(&o, a - 1);
            assert_eq!(f.prova(&ipa, "anna", None).unwrap_err(), 1);
            passa(&o, 1);
            f.prova(&ipa, "anna", None).unwrap();
        }
        assert_eq!(attese, [15, 30, 60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn a_right_password_forgives_the_name() {
        let (_, f, ipa) = banco();
        for _ in 0..50 {
            for _ in 0..TENTATIVI_UTENTE - 1 {
                f.prova(&ipa, "anna", None).unwrap();
            }
            let t = f.prova(&ipa, "anna", None).unwrap();
            f.riuscito(t);
        }
    }

    #[test]
    fn an_address_that_tries_many_names_waits_too() {
        let (_, f, ipa) = banco();
        let da = Some("192.0.2.7".parse().unwrap());
        for i in 0..TENTATIVI_INDIRIZZO {
            f.prova(&ipa, &format!("nome{i}"), da).unwrap();
        }
        assert!(f.prova(&ipa, "un-altro", da).is_err());
        assert!(f.prova(&ipa, "un-altro", Some("192.0.2.8".parse().unwrap())).is_ok());
    }

    #[test]
    fn another_ente_is_another_person() {
        let (_, f, ipa) = banco();
        for _ in 0..TENTATIVI_UTENTE {
            f.prova(&ipa, "anna", None).unwrap();
        }
        assert!(f.prova(&ipa, "anna", None).is_err());
        assert!(f.prova(&"c_a001".parse().unwrap(), "anna", None).is_ok());
    }

    #[test]
    fn memory_is_bounded_and_who_insists_is_not_forgotten() {
        let (_, f, ipa) = banco();
        for _ in 0..TENTATIVI_UTENTE {
            f.prova(&ipa, "anna", None).unwrap();
        }
        for i in 0..RICORDATI_MAX * 2 {
            let _ = f.prova(&"c_a001".parse().unwrap(), &format!("n{i}"), None);
        }
        assert!(f.conti.lock().unwrap().len() <= RICORDATI_MAX);
        assert!(f.prova(&ipa, "anna", None).is_err());
    }
}
