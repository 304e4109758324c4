//! The few sessions of a device, shared by who seals. A session that fails as if the device were gone is thrown away with
//! all those opened before it, and a new one is tried once; whether the device is back is thus asked at every seal.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cryptoki::context::Pkcs11;
use cryptoki::mechanism::MechanismType;
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::slot::Slot;

use super::accesso::Accesso;
use super::modulo::{Guasto, Modulo, carica};
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
    accesso: Accesso,
    chiave: Option<ObjectHandle>,
    generazione: u64,
    /// Turn of the library in which it was opened.
    giro: u64,
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
            let _giro = modulo.entra();
            Ok(modulo.pkcs11.get_mechanism_list(posto(&modulo.pkcs11, &self.come)?)?)
        };
        chiedi().map_err(|g: Guasto| g.in_errore(&self.dove))
    }

    /// Once with a session that may have died in the meantime, once with one that did not, once after the library
    /// looked again for the token.
    fn prova<T>(&self, fa: impl Fn(&mut Aperta) -> Esito<T>) -> Result<T, Errore> {
        let modulo = carica(&self.come.modulo).map_err(|g| g.in_errore(&self.dove))?;
        let mut ultimo = Guasto::Assente;
        for _ in 0..3 {
            let giro = modulo.entra();
            let prova = self.prendi(&modulo, giro.numero()).and_then(|mut aperta| {
                let esito = fa(&mut aperta);
                self.rendi(aperta, matches!(esito, Err(Guasto::Perso(_))));
                esito
            });
            match prova {
                Ok(t) => return Ok(t),
                Err(g @ Guasto::Perso(_)) => ultimo = g,
                Err(Guasto::Assente) => {
                    let visto = giro.numero();
                    drop(giro);
                    ultimo = Guasto::Assente;
                    modulo.ricomincia(visto, self.come.pausa).map_err(|g| g.in_errore(&self.dove))?;
                }
                Err(g) => return Err(g.in_errore(&self.dove)),
            }
        }
        Err(ultimo.in_errore(&self.dove))
    }

    /// A free session, or a new one while there is room.
    fn prendi(&self, modulo: &Modulo, giro: u64) -> Esito<Aperta> {
        let scade = Instant::now() + self.come.attesa;
        let mut stato = self.stato();
        loop {
            if let Some(detto) = &stato.rifiutato {
                return Err(Guasto::Pin(detto.clone()));
            }
            while let Some(aperta) = stato.libere.pop() {
                if aperta.giro == giro {
                    return Ok(aperta);
                }
                stato.aperte -= 1;
            }
            if stato.aperte < self.come.sessioni_max.max(1) {
                break;
            }
            let resta = scade.saturating_duration_since(Instant::now());
            if resta.is_zero() {
                return Err(Guasto::Occupato(stato.aperte));
            }
            stato = self.liberata.wait_timeout(stato, resta).unwrap_or_else(PoisonError::into_inner).0;
        }
        // The lock is held while the PIN is given, so that a wrong one is tried once and not by each.
        let mut prova = self.apri(modulo);
        match &mut prova {
            Ok(_) => stato.aperte += 1,
            Err(g) => {
                if let Guasto::Pin(detto) = g {
                    detto.push_str("; il PIN non viene riprovato, per non bloccare il dispositivo");
                    stato.rifiutato = Some(detto.clone());
                }
                self.liberata.notify_one();
            }
        }
        let generazione = stato.generazione;
        let (sessione, accesso) = prova?;
        Ok(Aperta { sessione, accesso, chiave: None, generazione, giro })
    }

    fn rendi(&self, aperta: Aperta, persa: bool) {
        let mut stato = self.stato();
        let mut via = Vec::new();
        if persa && aperta.generazione == stato.generazione {
            stato.generazione += 1;
            via.append(&mut stato.libere);
        }
        if aperta.generazione == stato.generazione {
            stato.libere.push(aperta);
        } else {
            via.push(aperta);
        }
        stato.aperte -= via.len();
        let giro = via.last().map(|a| a.giro);
        for vecchia in via {
            // Of this turn, that of who returns a session: what is of an earlier one is only forgotten.
            if Some(vecchia.giro) == giro {
                vecchia.accesso.chiudi(vecchia.sessione);
            }
        }
        self.liberata.notify_one();
    }

    fn apri(&self, modulo: &Modulo) -> Esito<(Session, Accesso)> {
        let posto = posto(&modulo.pkcs11, &self.come)?;
        let sessione = modulo.pkcs11.open_ro_session_no_drop(posto)?;
        match entra(modulo, posto, &sessione, &self.come) {
            Ok(accesso) => Ok((sessione, accesso)),
            Err(g) => {
                let _ = sessione.close();
                Err(g)
            }
        }
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
    Err(Guasto::Assente)
}

/// Gives the PIN, unless it would be the last try.
pub fn entra(modulo: &Modulo, posto: Slot, sessione: &Session, come: &Impostazioni) -> Esito<Accesso> {
    let info = modulo.pkcs11.get_token_info(posto)?;
    if info.user_pin_locked() {
        return Err(Guasto::Pin("il PIN del dispositivo è bloccato".into()));
    }
    if info.user_pin_final_try() {
        return Err(Guasto::Pin("resta un solo tentativo prima del blocco: il PIN va dato a mano".into()));
    }
    let accesso = modulo.accesso(info.serial_number().trim());
    accesso.entra(sessione, &come.pin)?;
    Ok(accesso)
}
