//! Who is in a token. `C_Login` is of the program and the token, not of a session: once somebody is in, the device answers
//! "already logged in" whatever PIN it is given, and says nothing of it. So what opened it is remembered, as a digest, until
//! the last session ends or the library starts anew. R-C11.

use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::Esito;
use super::modulo::Guasto;
use crate::Segreto;

/// The access of this process to a token.
#[derive(Debug, Clone, Default)]
pub struct Accesso(Arc<Mutex<Dentro>>);

#[derive(Default)]
struct Dentro {
    /// SHA-256 of the PIN.
    con: Option<Zeroizing<Vec<u8>>>,
    sessioni: usize,
}

impl std::fmt::Debug for Dentro {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dentro").field("sessioni", &self.sessioni).finish_non_exhaustive()
    }
}

impl Accesso {
    /// Gives the PIN; if somebody is in already, it must be the one that they gave.
    pub fn entra(&self, sessione: &Session, pin: &Segreto) -> Esito<()> {
        let impronta = ring::digest::digest(&ring::digest::SHA256, pin.svela().as_bytes());
        let impronta = Zeroizing::new(impronta.as_ref().to_vec());
        // Held meanwhile: who comes second must know with what the first one got in.
        let mut dentro = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match sessione.login(UserType::User, Some(&AuthPin::new(pin.svela().into()))) {
            Ok(()) => *dentro = Dentro { con: Some(impronta), sessioni: 1 },
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) if dentro.con.as_ref() == Some(&impronta) => {
                dentro.sessioni += 1;
            }
            Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => {
                return Err(Guasto::Pin("il PIN non è quello con cui il dispositivo è già aperto".into()));
            }
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    /// Closes a session that got in.
    pub fn chiudi(&self, sessione: Session) {
        let mut dentro = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = sessione.close();
        dentro.sessioni = dentro.sessioni.saturating_sub(1);
        if dentro.sessioni == 0 {
            dentro.con = None;
        }
    }
}
