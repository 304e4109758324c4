//! The few sessions of a device, shared by who seals. A session that fails as if the device were gone is thrown away with
//! all those opened before it, and a new one is tried once; whether the device is back is thus asked at every seal.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cryptoki::context::Pkcs11;
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

use super::modulo::{Guasto, carica};
use super::{Esito, Impostazioni, trova_chiave};
use crate::Errore;

#[derive(Debug)]
pub struct Sessioni {
    come: Impostazioni,
    dove: String,
    stato: Mutex<Stato>,
    liberata: Condvar,
}

#[derive(Debug, Default)]
struct Stato {
    libere: Vec<Aperta>,
    /// Free and in use.
    aperte: usize,
    /// Grows when the device is lost: what was opened before is thrown away as it comes back.
    generazione: u64,
    /// What the device said of our PIN. It is not asked again.
    rifiutato: Option<String>,
    chiave: Option<String>,
}

#[derive(Debug)]
struct Aperta {
    sessione: Session,
    chiave: Option<ObjectHandle>,
    generazione: u64,
}

impl Sessioni {
    pub fn nuove(come: Impostazioni, dove: String) -> Self {
        Self { come, dove, stato: Mutex::default(), liberata: Condvar::new() }
    }

    /// Which key [`Self::con_chiave`] is to find.
    pub fn tieni_chiave(&self, nome: Option<String>) {
        self.stato().chiave = nome;
    }

    /// Does something with a session and the key of the seal.
    pub fn con_chiave<T>(&self, fa: impl Fn(&Session, ObjectHandle) -> Esito<T>) -> Result<T, Errore> {
        let nome = self.stato().chiave.clone();
        self.prova(|aperta| {
            let chiave = match aperta.chiave {
                Some(c) => c,
                None => *aperta.chiave.insert(trova_chiave(&aperta.sessione, nome.as_deref())?),
            };
            fa(&aperta.sessione, chiave)
        })
    }

    /// Does something with a session.
    pub fn con<T>(&self, fa: impl Fn(&Session) -> Esito<T>) -> Result<T, Errore> {
        self.prova(|aperta| fa(&aperta.sessione))
    }

    /// What the device can do.
    pub fn meccanismi(&self) -> Result<Vec<MechanismType>, Errore> {
        let chiedi = || {
            let modulo = carica(&self.come.modulo)?;
            Ok(modulo.get_mechanism_list(self.posto(&modulo)?)?)
        };
        chiedi().map_err(|g: Guasto| g.in_errore(&self.dove))
    }

    fn prova<T>(&self, fa: impl Fn(&mut Aperta) -> Esito<T>) -> Result<T, Errore> {
        let mut ultimo = None;
        // Once with a session that may have died in the meantime, once with one that did not.
        for _ in 0..2 {
            let mut aperta = self.prendi()?;
            match fa(&mut aperta) {
                Ok(t) => {
                    self.rendi(aperta, false);
                    return Ok(t);
                }
                Err(g @ Guasto::Perso(_)) => {
                    self.rendi(aperta, true);
                    ultimo = Some(g);
                }
                Err(g) => {
                    self.rendi(aperta, false);
                    return Err(g.in_errore(&self.dove));
                }
            }
        }
        Err(ultimo.unwrap_or_else(|| Guasto::Perso("sessione persa".into())).in_errore(&self.dove))
    }

    /// A free session, or a new one while there is room.
    fn prendi(&self) -> Result<Aperta, Errore> {
        let scade = Instant::now() + self.come.attesa;
        let mut stato = self.stato();
        loop {
            if let Some(detto) = &stato.rifiutato {
                return Err(Guasto::Pin(detto.clone()).in_errore(&self.dove));
            }
            if let Some(aperta) = stato.libere.pop() {
                return Ok(aperta);
            }
            if stato.aperte < self.come.sessioni_max.max(1) {
                break;
            }
            let resta = scade.saturating_duration_since(Instant::now());
            if resta.is_zero() {
                return Err(Guasto::Perso(format!("{} sessioni, tutte occupate", stato.aperte)).in_errore(&self.dove));
            }
            stato = self.liberata.wait_timeout(stato, resta).unwrap_or_else(PoisonError::into_inner).0;
        }
        stato.aperte += 1;
        let generazione = stato.generazione;
        // The first session logs in for all of them: the lock is held, so that a wrong PIN is tried once and not by each.
        let sessione = self.apri();
        match sessione {
            Ok(sessione) => Ok(Aperta { sessione, chiave: None, generazione }),
            Err(g) => {
                stato.aperte -= 1;
                if let Guasto::Pin(detto) = &g {
                    stato.rifiutato =
                        Some(format!("{detto}; il PIN non viene riprovato, per non bloccare il dispositivo"));
                }
                self.liberata.notify_one();
                Err(match (&stato.rifiutato, g) {
                    (Some(detto), Guasto::Pin(_)) => Guasto::Pin(detto.clone()),
                    (_, g) => g,
                }
                .in_errore(&self.dove))
            }
        }
    }

    fn rendi(&self, aperta: Aperta, persa: bool) {
        let mut stato = self.stato();
        if persa && aperta.generazione == stato.generazione {
            stato.generazione += 1;
            stato.aperte -= stato.libere.len();
            stato.libere.clear();
        }
        if aperta.generazione == stato.generazione {
            stato.libere.push(aperta);
        } else {
            stato.aperte -= 1;
        }
        self.liberata.notify_one();
    }

    fn apri(&self) -> Esito<Session> {
        let modulo = carica(&self.come.modulo)?;
        let posto = self.posto(&modulo)?;
        let sessione = modulo.open_ro_session(posto)?;
        entra(&modulo, posto, &sessione, &self.come)?;
        Ok(sessione)
    }

    fn posto(&self, modulo: &Pkcs11) -> Esito<Slot> {
        posto(modulo, &self.come)
    }

    fn stato(&self) -> MutexGuard<'_, Stato> {
        self.stato.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the token is.
pub fn posto(modulo: &Pkcs11, come: &Impostazioni) -> Esito<Slot> {
    for posto in modulo.get_slots_with_token()? {
        // A reader being emptied meanwhile is as good as an empty one.
        let Ok(info) = modulo.get_token_info(posto) else { continue };
        let giusto = come.seriale.as_ref().is_none_or(|s| info.serial_number().trim() == s);
        if info.label().trim_end() == come.token && giusto {
            return Ok(posto);
        }
    }
    Err(Guasto::Perso("non è inserito".into()))
}

/// Gives the PIN, unless it would be the last try.
pub fn entra(modulo: &Pkcs11, posto: Slot, sessione: &Session, come: &Impostazioni) -> Esito<()> {
    let info = modulo.get_token_info(posto)?;
    if info.user_pin_locked() {
        return Err(Guasto::Pin("il PIN del dispositivo è bloccato".into()));
    }
    if info.user_pin_final_try() {
        return Err(Guasto::Pin("resta un solo tentativo prima del blocco: il PIN va dato a mano".into()));
    }
    match sessione.login(UserType::User, Some(&AuthPin::new(come.pin.svela().into()))) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
