//! The key at a provider that speaks the API of the Cloud Signature Consortium (v2, and v1 with its names): the usual way
//! to a qualified seal without a device of one's own. R-C11.
//!
//! The activation data (SAD) live seconds and cover given digests only: they are asked and used in one go, for as many
//! digests as the credential allows. A PIN that was refused is not tried again. What comes back is verified with the
//! certificate before anybody sees it, so that another key's signature, or garbage, never seals anything.

mod forme;
mod sessione;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::algoritmo::ecdsa_grezza;
use crate::sealer::FIRME_MAX;
use crate::{Algoritmo, Certificato, Errore, Firma, Identita, Sealer, Segreto};

use forme::Credenziale;
use sessione::{Rifiuto, Sessione};

/// Which names the provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versione {
    /// 1.0.3, 1.0.4.
    V1,
    /// 2.0 and newer.
    V2,
}

/// Where the provider is, and who we are to it.
#[derive(Debug, Clone)]
pub struct Impostazioni {
    /// Base address, with the version in it: `https://…/csc/v2`.
    pub url: String,
    /// Which names it speaks.
    pub versione: Versione,
    /// Where tokens are given; `{url}/oauth2/token` if nothing is said.
    pub url_token: Option<String>,
    /// OAuth2 client credentials.
    pub client_id: String,
    /// Their secret.
    pub client_secret: Segreto,
    /// Whose credentials they are to the provider (`userID`), where the client alone does not say it.
    pub utente: Option<String>,
    /// Which credential seals, where there is more than one, or where they cannot be listed.
    pub credenziale: Option<String>,
    /// Its PIN, where it has one.
    pub pin: Option<Segreto>,
    /// How long each request may take.
    pub attesa: Duration,
    /// How long an answer may be waited for, where it does not come at once.
    pub attesa_differita: Duration,
    /// How often it is asked for meanwhile.
    pub passo: Duration,
    /// Authorities of its TLS certificate (DER), instead of the usual ones.
    pub radici: Vec<Vec<u8>>,
}

impl Impostazioni {
    /// The usual: v2, ten seconds a request, thirty for what is not answered at once.
    pub fn nuove(url: impl Into<String>, client_id: impl Into<String>, client_secret: Segreto) -> Self {
        Self {
            url: url.into(),
            versione: Versione::V2,
            url_token: None,
            client_id: client_id.into(),
            client_secret,
            utente: None,
            credenziale: None,
            pin: None,
            attesa: Duration::from_secs(10),
            attesa_differita: Duration::from_secs(30),
            passo: Duration::from_millis(500),
            radici: Vec::new(),
        }
    }
}

/// A key at a provider.
#[derive(Debug)]
pub struct Remoto {
    sessione: Sessione,
    id: String,
    identita: Identita,
    firma_con: String,
    multisign: usize,
    /// The PIN goes with each authorisation.
    con_pin: bool,
    /// What was said of our PIN: it is not sent again.
    rifiutato: Mutex<Option<String>>,
}

impl Remoto {
    /// Finds the credential and its certificate.
    ///
    /// # Errors
    /// See [`Errore`].
    pub fn apri(come: Impostazioni) -> Result<Self, Errore> {
        let sessione = Sessione::nuova(come)?;
        let id = sessione.scegli_credenziale()?;
        let credenziale = sessione.credenziale(&id)?;
        let config =
            |perche: String| Errore::Configurazione(format!("{}, credenziale {id}: {perche}", sessione.dove()));
        let con_pin = modo(&credenziale, sessione.come.pin.is_some()).map_err(config)?;
        let certificati = credenziale
            .cert
            .certificates
            .iter()
            .take(16)
            .map(|c| {
                let der = BASE64.decode(c.as_bytes()).map_err(|e| e.to_string())?;
                Certificato::da_der(&der).map_err(|e| e.to_string())
            })
            .collect::<Result<Vec<_>, String>>()
            .map_err(|e| sessione.sbagliata(format!("certificato della credenziale illeggibile: {e}")))?;
        let mut certificati = certificati.into_iter();
        let Some(primo) = certificati.next() else {
            return Err(sessione.sbagliata("la credenziale non ha certificato"));
        };
        let algoritmo = Algoritmo::della_chiave(primo.spki()).map_err(config)?;
        if !primo.puo_firmare() {
            return Err(config("il certificato non consente di firmare (keyUsage)".into()));
        }
        let firma_con = firma_con(algoritmo, &credenziale.key.algo).map_err(config)?;
        let identita = Identita::nuova(algoritmo, primo, certificati.collect());
        let multisign = usize::try_from(credenziale.multisign.unwrap_or(1)).unwrap_or(1).clamp(1, FIRME_MAX);
        let rifiutato = Mutex::new(None);
        Ok(Self { sessione, id, identita, firma_con, multisign, con_pin, rifiutato })
    }

    /// Most digests of one authorisation.
    pub fn multisign(&self) -> usize {
        self.multisign
    }

    fn firma_gruppo(&self, da_firmare: &[&[u8]]) -> Result<Vec<Firma>, Errore> {
        let impronte: Vec<String> = da_firmare.iter().map(|d| BASE64.encode(self.algoritmo().impronta(d))).collect();
        let firme = self.autorizza_e_firma(&impronte)?;
        if firme.len() != da_firmare.len() {
            let quante = firme.len();
            return Err(self.sessione.sbagliata(format!("{quante} firme per {} impronte", da_firmare.len())));
        }
        da_firmare
            .iter()
            .zip(firme)
            .map(|(d, f)| {
                let byte =
                    BASE64.decode(f.trim().as_bytes()).map_err(|_| self.sessione.sbagliata("firma non in base64"))?;
                let byte = match self.algoritmo().lunghezza_ecdsa() {
                    None => byte,
                    Some(n) => ecdsa_grezza(&byte, n)
                        .ok_or_else(|| self.sessione.sbagliata("firma ECDSA di forma sconosciuta"))?,
                };
                Firma::verificata(self, d, byte)
            })
            .collect()
    }

    fn autorizza_e_firma(&self, impronte: &[String]) -> Result<Vec<String>, Errore> {
        let mut ancora = true;
        loop {
            let sad = self.autorizza(impronte)?;
            match self.sessione.firma(&self.id, &sad, impronte, self.algoritmo(), &self.firma_con) {
                Ok(firme) => return Ok(firme),
                // It lives seconds, and may have died on the way. Once: then something else is wrong.
                Err(r) if ancora && r.riguarda("sad") => ancora = false,
                Err(r) => return Err(r.in_errore(self.sessione.dove())),
            }
        }
    }

    fn autorizza(&self, impronte: &[String]) -> Result<Segreto, Errore> {
        // Held for the whole question: who comes meanwhile must know whether the PIN was refused.
        let mut rifiutato = self.rifiutato.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(perche) = &*rifiutato {
            return Err(Errore::Rifiutato { dove: self.sessione.dove().to_owned(), perche: perche.clone() });
        }
        let pin = if self.con_pin { self.sessione.come.pin.as_ref() } else { None };
        self.sessione.autorizza(&self.id, pin, impronte, self.algoritmo()).map_err(|r| {
            if let (Some(_), Rifiuto::Detto { .. }) = (pin, &r)
                && !r.riguarda("hash")
                && !r.riguarda("numsignatures")
                // Of the token, that is taken anew at the next seal (RFC 6750, 3.1).
                && !r.riguarda("invalid_token")
            {
                let perche = format!("{r}; il PIN non viene riprovato, per non bloccare la credenziale");
                *rifiutato = Some(perche.clone());
                return Errore::Rifiutato { dove: self.sessione.dove().to_owned(), perche };
            }
            r.in_errore(self.sessione.dove())
        })
    }
}

impl Sealer for Remoto {
    fn identita(&self) -> &Identita {
        &self.identita
    }

    fn dove(&self) -> String {
        self.sessione.dove().to_owned()
    }

    fn firma_molti(&self, da_firmare: &[&[u8]]) -> Result<Vec<Firma>, Errore> {
        if da_firmare.len() > FIRME_MAX {
            return Err(Errore::Configurazione(format!("{} firme in una volta: troppe", da_firmare.len())));
        }
        let mut firme = Vec::with_capacity(da_firmare.len());
        for gruppo in da_firmare.chunks(self.multisign) {
            firme.extend(self.firma_gruppo(gruppo)?);
        }
        Ok(firme)
    }
}

/// Does the credential want our PIN? In words, why it cannot seal unattended.
fn modo(c: &Credenziale, abbiamo_pin: bool) -> Result<bool, String> {
    if let Some(stato) = c.key.status.as_deref().filter(|s| *s != "enabled") {
        return Err(format!("la chiave è «{}»", forme::breve(stato)));
    }
    if let Some(stato) = c.cert.status.as_deref().filter(|s| *s != "valid") {
        return Err(format!("il certificato è «{}»", forme::breve(stato)));
    }
    if c.chiede("OTP") {
        return Err("chiede un OTP a ogni firma: non può sigillare da sola".into());
    }
    match c.modo().unwrap_or("implicit") {
        "implicit" => Ok(false),
        "explicit" if !c.chiede("PIN") || abbiamo_pin => Ok(c.chiede("PIN")),
        "explicit" => Err("chiede un PIN, che in configurazione non c'è".into()),
        altro => Err(format!("autorizzazione di tipo «{}»: non può sigillare da sola", forme::breve(altro))),
    }
}

/// The identifier by which the provider wants this signature named.
fn firma_con(algoritmo: Algoritmo, offerti: &[String]) -> Result<String, String> {
    let solo_chiave = match algoritmo {
        Algoritmo::RsaSha256 => "1.2.840.113549.1.1.1",
        _ => "1.2.840.10045.2.1",
    };
    [algoritmo.oid_firma(), solo_chiave]
        .into_iter()
        .find(|o| offerti.iter().any(|x| x == o))
        .or(offerti.is_empty().then_some(algoritmo.oid_firma()))
        .map(str::to_owned)
        .ok_or_else(|| "non offre alcun algoritmo dei nostri".into())
}

/// Is there still time?
fn scaduto(da: Instant, durata: Duration) -> bool {
    da.elapsed() >= durata
}
