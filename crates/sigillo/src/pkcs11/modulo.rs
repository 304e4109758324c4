//! The maker's library, loaded and initialised once in the process whoever asks (a second `C_Initialize` is an error),
//! and what its return codes mean to us.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use crate::Errore;

/// Libraries in use, kept for the life of the process: unloading them while others use them is a crash.
static MODULI: Mutex<BTreeMap<PathBuf, Pkcs11>> = Mutex::new(BTreeMap::new());

/// The library at this path.
pub fn carica(percorso: &Path) -> Result<Pkcs11, Guasto> {
    let mut moduli = MODULI.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(modulo) = moduli.get(percorso) {
        return Ok(modulo.clone());
    }
    let modulo = Pkcs11::new(percorso).map_err(|e| {
        Guasto::Configurazione(format!("la libreria PKCS#11 {} non si carica: {e}", percorso.display()))
    })?;
    match modulo.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        // Somebody else in this process did it.
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(e) => return Err(e.into()),
    }
    moduli.insert(percorso.to_owned(), modulo.clone());
    Ok(modulo)
}

/// What a call to a device came to, when not to what was asked.
#[derive(Debug)]
pub enum Guasto {
    /// The device, or our session with it, is no longer there: to be opened again.
    Perso(String),
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
