//! Who is at the page: passwords, sessions, and what another site may not make a browser do (R-L01).
//!
//! What enters is a request; what leaves is a [`Utente`]: a person of one ente, in one AOO, with the rights that hold
//! now. Nothing here decides what a right allows: that is the domain's.
//!
//! | room | what it holds |
//! |---|---|
//! | [`password`] | Argon2id, off the threads that answer |
//! | [`freno`] | waits after failed attempts |
//! | [`sessione`] | the cookie and its session |
//! | [`provenienza`] | requests sent by other sites |
//! | [`ritorno`] | where to go after signing in |
//! | [`utente`] | the extractors of handlers |

pub mod freno;
pub mod password;
pub mod provenienza;
pub mod ritorno;
pub mod sessione;
pub mod utente;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::ancore::Ancore;
use crate::copie::Copie;
use crate::equita::Code;
use crate::ricezione::Limiti;
use crate::testimoni::Testimoni;
use archivio::Store;
use archivio::store::{EnteStore, Esito};
use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use dominio::codici::{CodiceIpa, NomeUtente};
use dominio::tempo::Orologio;

use freno::Freno;
use password::Password;
use sessione::Biglietto;
pub use utente::{Domanda, Invio, Utente};

/// What the pages share.
pub struct Accesso {
    /// The installation.
    pub store: Arc<dyn Store>,
    /// Passwords.
    pub password: Password,
    /// Sign-in throttle.
    pub freno: Freno,
    /// The public address is https: cookies say so.
    pub sicuro: bool,
    /// Address people use, without a final slash.
    pub url_pubblico: String,
    /// Where checkpoints are put.
    pub ancore: Arc<Ancore>,
    /// Who cosigns them.
    pub testimoni: Arc<Testimoni>,
    /// Limits of requests.
    pub limiti: Limiti,
    /// The queues of the enti.
    pub code: Arc<Code>,
    /// The copies, and drills of their restoring.
    pub copie: Arc<Copie>,
    /// Who seals.
    pub sigilli: Arc<crate::sigilli::Sigilli>,
    /// Who examines the signatures of files.
    pub esami: Arc<crate::esami::Esami>,
}

/// How a sign-in ended.
#[derive(Debug)]
pub enum EsitoAccesso {
    /// The session's cookie.
    Entrato(Biglietto),
    /// Unknown ente, unknown user, wrong password, disabled: the same words for all.
    NonRiconosciuto,
    /// Too many attempts: seconds to wait.
    Attesa(i64),
}

impl Accesso {
    /// For an installation at a public address.
    pub fn nuovo(
        store: Arc<dyn Store>,
        orologio: Arc<dyn Orologio>,
        url_pubblico: &str,
        ancore: Arc<Ancore>,
        testimoni: Arc<Testimoni>,
    ) -> Self {
        Self {
            store,
            password: Password::default(),
            freno: Freno::nuovo(orologio),
            sicuro: url_pubblico.starts_with("https://"),
            url_pubblico: url_pubblico.trim_end_matches('/').to_owned(),
            ancore,
            testimoni,
            limiti: Limiti::default(),
            code: Arc::default(),
            copie: Arc::default(),
            sigilli: Arc::default(),
            esami: Arc::default(),
        }
    }

    /// The same, with these copies.
    #[must_use]
    pub fn con_copie(self, copie: Arc<Copie>) -> Self {
        Self { copie, ..self }
    }

    /// The same, with these seals.
    #[must_use]
    pub fn con_sigilli(self, sigilli: Arc<crate::sigilli::Sigilli>) -> Self {
        Self { sigilli, ..self }
    }

    /// The same, with who examines.
    #[must_use]
    pub fn con_esami(self, esami: Arc<crate::esami::Esami>) -> Self {
        Self { esami, ..self }
    }

    /// The same, in these queues.
    #[must_use]
    pub fn con_code(self, code: Arc<Code>) -> Self {
        Self { code, ..self }
    }

    /// The same, with these limits.
    #[must_use]
    pub fn con_limiti(self, limiti: Limiti) -> Self {
        Self { limiti, ..self }
    }

    /// The ente, when it is here.
    ///
    /// # Errors
    /// The store's.
    pub async fn ente(&self, ipa: &CodiceIpa) -> Esito<Option<Arc<dyn EnteStore>>> {
        self.store.ente(ipa).await
    }

    /// Signs in: the same work and the same words whoever asks. The session of before, if any, ends.
    ///
    /// # Errors
    /// The store's.
    pub async fn entra(
        &self,
        ipa: &str,
        utente: &str,
        chiaro: String,
        prima: Option<Biglietto>,
        da: Option<IpAddr>,
    ) -> Esito<EsitoAccesso> {
        let Ok(ipa) = ipa.trim().parse::<CodiceIpa>() else {
            return Ok(EsitoAccesso::NonRiconosciuto);
        };
        let tentativo = match self.freno.prova(&ipa, utente, da) {
            Ok(t) => t,
            Err(attesa) => return Ok(EsitoAccesso::Attesa(attesa)),
        };
        let ente = self.ente(&ipa).await?;
        let nome = utente.trim().parse::<NomeUtente>().ok();
        let conservata = match (&ente, &nome) {
            (Some(e), Some(n)) => e.password(n).await?,
            _ => None,
        };
        let coda = self.code.di(ipa.as_str());
        let turno = coda.password().await;
        let giusta = self.password.verifica(chiaro, conservata).await;
        drop(turno);
        let (Some(ente), Some(nome), true) = (ente, nome, giusta) else {
            return Ok(EsitoAccesso::NonRiconosciuto);
        };
        if ente.configurazione().utenti.get(&nome).is_none_or(|u| u.disabilitato) {
            return Ok(EsitoAccesso::NonRiconosciuto);
        }
        self.freno.riuscito(tentativo);
        if let Some(vecchio) = prima {
            self.esci(&vecchio).await?;
        }
        Ok(EsitoAccesso::Entrato(sessione::apri(ente.as_ref(), nome).await?))
    }

    /// Ends a session, wherever it is from.
    ///
    /// # Errors
    /// The store's.
    pub async fn esci(&self, biglietto: &Biglietto) -> Esito<()> {
        match self.ente(&biglietto.ipa).await? {
            Some(e) => e.chiudi_sessioni(Some(biglietto.impronta()), None).await,
            None => Ok(()),
        }
    }
}

/// Address a request comes from. Behind a proxy on the same machine, what the proxy says.
pub fn indirizzo(p: &Parts) -> Option<IpAddr> {
    let vicino = p.extensions.get::<ConnectInfo<SocketAddr>>()?.0.ip();
    if !vicino.is_loopback() {
        return Some(vicino);
    }
    let detto = p.headers.get("x-forwarded-for").and_then(|v| v.to_str().ok());
    Some(detto.and_then(|v| v.rsplit(',').next()?.trim().parse().ok()).unwrap_or(vicino))
}
