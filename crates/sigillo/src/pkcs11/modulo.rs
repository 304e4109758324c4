//! The maker's library, loaded and initialised once in the process whoever asks (a second `C_Initialize` is an error),
//! and what its return codes mean to us.
//!
//! Many libraries look for tokens only while they are initialised: one that was taken away and put back is seen again
//! only after `C_Finalize` and `C_Initialize`. That ends the sessions of everybody, so it is done with nobody inside (who
//! calls holds a [`Giro`]), not too often, and sessions of an earlier turn are forgotten without being closed: their
//! numbers may be somebody else's by now.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::{Duration, Instant};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::accesso::Accesso;
use crate::Errore;

/// Libraries in use, kept for the life of the process: unloading them while others use them is a crash.
static MODULI: Mutex<BTreeMap<PathBuf, Arc<Modulo>>> = Mutex::new(BTreeMap::new());

/// A library.
#[derive(Debug)]
pub struct Modulo {
    pub pkcs11: Pkcs11,
    /// How many times it was initialised.
    giro: RwLock<(u64, Instant)>,
    /// Who is in, by the serial number of the token.
    accessi: Mutex<BTreeMap<String, Accesso>>,
}

/// While it is held, nobody initialises the library anew.
pub struct Giro<'a>(RwLockReadGuard<'a, (u64, Instant)>);

impl Giro<'_> {
    pub fn numero(&self) -> u64 {
        self.0.0
    }
}

impl Modulo {
    /// Who is in the token of this serial number.
    pub fn accesso(&self, seriale: &str) -> Accesso {
        self.accessi.lock().unwrap_or_else(PoisonError::into_inner).entry(seriale.to_owned()).or_default().clone()
    }

    pub fn entra(&self) -> Giro<'_> {
        Giro(self.giro.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Initialises it anew, unless somebody did since `visto`, or not long ago.
    pub fn ricomincia(&self, visto: u64, pausa: Duration) -> Result<(), Guasto> {
        let mut giro = self.giro.write().unwrap_or_else(PoisonError::into_inner);
        if giro.0 != visto || giro.1.elapsed() < pausa {
            return Ok(());
        }
        *giro = (visto + 1, Instant::now());
        self.accessi.lock().unwrap_or_else(PoisonError::into_inner).clear();
        // If it was not initialised any more, so much the better.
        let _ = self.pkcs11.clone().finalize();
        inizializza(&self.pkcs11)
    }
}

fn inizializza(modulo: &Pkcs11) -> Result<(), Guasto> {
    match modulo.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Somebody else in this process did it.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(()),
        Err(e) => Err(e.into()),
    }
}

/// The library at this path.
pub fn carica(percorso: &Path) -> Result<Arc<Modulo>, Guasto> {
    let mut moduli = MODULI.lock().unwrap_or_else(PoisonError::into_inner);
    // A library is one, by whatever name: who is in is known by one table.
    let vero = percorso.canonicalize().unwrap_or_else(|_| percorso.to_owned());
    if let Some(modulo) = moduli.get(&vero) {
        return Ok(Arc::clone(modulo));
    }
    let pkcs11 = Pkcs11::new(percorso).map_err(|e| {
        Guasto::Configurazione(format!("la libreria PKCS#11 {} non si carica: {e}", percorso.display()))
    })?;
    inizializza(&pkcs11)?;
    let modulo = Arc::new(Modulo { pkcs11, giro: RwLock::new((0, Instant::now())), accessi: Mutex::default() });
    moduli.insert(vero, Arc::clone(&modulo));
    Ok(modulo)
}

/// What a call to a device came to, when not to what was asked.
#[derive(Debug)]
pub enum Guasto {
    /// The device, or our session with it, is no longer there: to be opened again.
    Perso(String),
    /// All the sessions that we allow ourselves are in use.
    Occupato(usize),
    /// The token is not among those that the library sees.
    Assente,
    /// The PIN was not accepted.
    Pin(String),
    /// What was asked cannot be done as things are set.
    Configurazione(String),
    /// It answered what is no good.
    Sbagliata(String),
}

impl Guasto {
    /// As who seals must know it.
    pub fn in_errore(self, dove: &str) -> Errore {
        let dove = dove.to_owned();
        match self {
            Self::Perso(perche) => Errore::NonDisponibile { dove, perche },
            Self::Occupato(quante) => {
                Errore::NonDisponibile { dove, perche: format!("{quante} sessioni, tutte occupate") }
            }
            Self::Assente => Errore::NonDisponibile { dove, perche: "non è inserito".into() },
            Self::Pin(perche) => Errore::Rifiutato { dove, perche },
            Self::Configurazione(perche) => Errore::Configurazione(format!("{dove}: {perche}")),
            Self::Sbagliata(perche) => Errore::RispostaSbagliata { dove, perche },
        }
    }
}

impl From<Error> for Guasto {
    fn from(e: Error) -> Self {
        use RvError as R;
        let detto = e.to_string();
        match e {
            Error::Pkcs11(
                R::PinIncorrect
                | R::PinInvalid
                | R::PinLenRange
                | R::PinExpired
                | R::PinLocked
                | R::UserPinNotInitialized,
                _,
            ) => Self::Pin(detto),
            Error::Pkcs11(
                R::MechanismInvalid
                | R::MechanismParamInvalid
                | R::KeyFunctionNotPermitted
                | R::KeyTypeInconsistent
                | R::KeySizeRange
                | R::FunctionNotSupported
                | R::ArgumentsBad
                | R::DataLenRange
                | R::DataInvalid
                | R::CurveNotSupported
                | R::TemplateIncomplete
                | R::TemplateInconsistent
                | R::ActionProhibited
                | R::TokenWriteProtected
                | R::SessionReadOnly,
                _,
            )
            | Error::NotSupported
            | Error::NullFunctionPointer
            | Error::MissingSymbol(_)
            | Error::PinNotSet => Self::Configurazione(detto),
            // A device that was taken away answers in as many ways as there are makers.
            Error::Pkcs11(..) | Error::LibraryLoading(_) => Self::Perso(detto),
            _ => Self::Sbagliata(detto),
        }
    }
}
