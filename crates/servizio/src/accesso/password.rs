//! Passwords: Argon2id, never on the threads that answer, never more than two at a time (R-L01).

use std::sync::{Arc, OnceLock};

use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use dominio::codici::NomeUtente;
use tokio::sync::Semaphore;

/// Longest password taken, in bytes: beyond it only work for us.
pub const LUNGHEZZA_MAX: usize = 1_024;
/// Shortest password, in characters.
pub const LUNGHEZZA_MIN: usize = 12;
/// Memory of one hash, KiB (OWASP, Argon2id: m = 19 MiB, t = 2, p = 1).
const MEMORIA_KIB: u32 = 19 * 1_024;
const GIRI: u32 = 2;
const CORSIE: u32 = 1;
/// Hashes computed at the same time.
const INSIEME: usize = 2;

/// A password that could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("la password non può essere elaborata: {0}")]
pub struct ErrorePassword(String);

/// Hashes and verifies.
#[derive(Debug, Clone)]
pub struct Password {
    posti: Arc<Semaphore>,
}

impl Default for Password {
    fn default() -> Self {
        Self { posti: Arc::new(Semaphore::new(INSIEME)) }
    }
}

impl Password {
    /// PHC string of a password.
    ///
    /// # Errors
    /// No randomness or no memory.
    pub async fn cifra(&self, chiaro: String) -> Result<String, ErrorePassword> {
        self.in_fila(move || cifra(&chiaro)).await?
    }

    /// Does the password match? Without a stored one the same work is done, and the answer is no: how long it takes
    /// says nothing about who exists.
    pub async fn verifica(&self, chiaro: String, conservata: Option<String>) -> bool {
        let esito = self
            .in_fila(move || {
                let vera = conservata.is_some();
                let phc = conservata.unwrap_or_else(|| finta().to_owned());
                let tentata = if chiaro.len() > LUNGHEZZA_MAX { "" } else { chiaro.as_str() };
                let combacia = argon().is_ok_and(|a| a.verify_password(tentata.as_bytes(), phc.as_str()).is_ok());
                vera && combacia && chiaro.len() <= LUNGHEZZA_MAX
            })
            .await;
        esito.unwrap_or(false)
    }

    async fn in_fila<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Result<T, ErrorePassword> {
        let errore = |e: &dyn std::fmt::Display| ErrorePassword(e.to_string());
        let posto = Arc::clone(&self.posti).acquire_owned().await.map_err(|e| errore(&e))?;
        tokio::task::spawn_blocking(move || {
            let _posto = posto;
            f()
        })
        .await
        .map_err(|e| errore(&e))
    }
}

/// PHC string of a password, on the calling thread: for the command line.
///
/// # Errors
/// No randomness or no memory.
pub fn cifra(chiaro: &str) -> Result<String, ErrorePassword> {
    let errore = |e: &dyn std::fmt::Display| ErrorePassword(e.to_string());
    let mut sale = [0u8; 16];
    getrandom::fill(&mut sale).map_err(|e| errore(&e))?;
    let phc = argon()?.hash_password_with_salt(chiaro.as_bytes(), &sale).map_err(|e| errore(&e))?;
    Ok(phc.to_string())
}

fn argon() -> Result<Argon2<'static>, ErrorePassword> {
    let parametri = Params::new(MEMORIA_KIB, GIRI, CORSIE, None).map_err(|e| ErrorePassword(e.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, parametri))
}

/// The hash that unknown users are compared with.
fn finta() -> &'static str {
    static FINTA: OnceLock<String> = OnceLock::new();
    FINTA.get_or_init(|| cifra("una password che nessuno usa").unwrap_or_default())
}

/// May this be somebody's password? Length is what counts; no games with symbols (NIST SP 800-63B).
///
/// # Errors
/// What is wrong, in Italian.
pub fn regola(utente: &NomeUtente, chiaro: &str) -> Result<(), &'static str> {
    if chiaro.chars().count() < LUNGHEZZA_MIN {
        return Err("la password deve avere almeno 12 caratteri");
    }
    if chiaro.len() > LUNGHEZZA_MAX {
        return Err("la password è troppo lunga: il massimo è 1.024 caratteri");
    }
    let senza_nome = chiaro.to_lowercase().replace(utente.as_str(), "");
    if senza_nome.chars().filter(|c| c.is_alphanumeric()).count() < 4 {
        return Err("la password non può essere il nome utente");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_opens() {
        // R-L01
        let p = Password::default();
        let phc = p.cifra("un cavallo di ferro".to_owned()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(p.verifica("un cavallo di ferro".to_owned(), Some(phc.clone())).await);
        assert!(!p.verifica("un cavallo di legno".to_owned(), Some(phc.clone())).await);
        assert!(!p.verifica("un cavallo di ferro".to_owned(), None).await);
        assert!(!p.verifica("una password che nessuno usa".to_owned(), None).await);
        assert!(!p.verifica(String::new(), Some("rovinata".to_owned())).await);
    }

    #[tokio::test]
    async fn a_password_without_end_is_refused_whatever_it_is() {
        let lunga = "a".repeat(LUNGHEZZA_MAX + 1);
        let p = Password::default();
        let phc = p.cifra(lunga.clone()).await.unwrap();
        assert!(!p.verifica(lunga, Some(phc)).await);
    }

    #[test]
    fn the_same_password_is_never_stored_twice_the_same() {
        assert_ne!(cifra("dodici caratteri").unwrap(), cifra("dodici caratteri").unwrap());
    }

    #[test]
    fn short_or_named_as_the_user_is_no_password() {
        let u: NomeUtente = "mario.rossi".parse().unwrap();
        assert!(regola(&u, "corta").is_err());
        assert!(regola(&u, "Mario.Rossi1").is_err());
        assert!(regola(&u, &"è".repeat(LUNGHEZZA_MAX)).is_err());
        assert!(regola(&u, "perché no, dai").is_ok());
    }
}
