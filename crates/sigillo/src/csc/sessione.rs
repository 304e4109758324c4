//! One question after the other: the access token kept until it is about to expire, refusals told apart from faults.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use ureq::Agent;
use zeroize::Zeroizing;

use super::forme::{
    Attivazione, Autorizza, Credenziale, DatoDiAccesso, Elenco, FirmaImpronte, Firme, Gettone, Rifiutata, breve,
};
use super::{Impostazioni, Versione, scaduto};
use crate::{Algoritmo, Errore, Segreto, rete};

/// Longest answer.
const RISPOSTA_BYTE_MAX: u64 = 4 << 20;
/// Room for a question: a thousand digests of 384 bits and the rest.
const CORPO_BYTE: usize = 96 * 1024;
/// The question that carries the PIN.
const AUTORIZZA: &str = "credentials/authorize";
/// How long before its end a token is no longer used.
const MARGINE: Duration = Duration::from_secs(30);
/// A token that does not say how long it lives.
const GETTONE_VITA: Duration = Duration::from_secs(300);

pub struct Sessione {
    pub come: Impostazioni,
    agente: Agent,
    dove: String,
    url: String,
    gettone: Mutex<Option<Accesso>>,
}

/// An access token.
#[derive(Clone)]
struct Accesso {
    gettone: Segreto,
    /// Until when we use it.
    fino: Instant,
    /// When it dies by its own word, if it said so.
    muore: Option<Instant>,
}

/// A question that was not answered as hoped.
pub enum Rifiuto {
    /// The provider said no, with these words.
    Detto { stato: u16, codice: String, descrizione: String },
    /// Something else.
    Altro(Errore),
}

impl Rifiuto {
    /// Do its words name this?
    pub fn riguarda(&self, cosa: &str) -> bool {
        let Self::Detto { codice, descrizione, .. } = self else { return false };
        codice.to_ascii_lowercase().contains(cosa) || descrizione.to_ascii_lowercase().contains(cosa)
    }

    pub fn in_errore(self, dove: &str) -> Errore {
        match self {
            Self::Altro(e) => e,
            detto => Errore::Rifiutato { dove: dove.to_owned(), perche: detto.to_string() },
        }
    }
}

impl fmt::Display for Rifiuto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Detto { stato, codice, descrizione } if codice.is_empty() && descrizione.is_empty() => {
                write!(f, "risposta HTTP {stato}")
            }
            Self::Detto { codice, descrizione, .. } => write!(f, "{codice}: {descrizione}"),
            Self::Altro(e) => e.fmt(f),
        }
    }
}

impl From<Errore> for Rifiuto {
    fn from(e: Errore) -> Self {
        Self::Altro(e)
    }
}

impl Sessione {
    pub fn nuova(come: Impostazioni) -> Result<Self, Errore> {
        rete::indirizzo(&come.url)?;
        if let Some(url) = &come.url_token {
            rete::indirizzo(url)?;
        }
        let url = come.url.trim_end_matches('/').to_owned();
        let agente = rete::agente(come.attesa, &come.radici);
        Ok(Self { agente, dove: format!("sigillo remoto {url}"), url, come, gettone: Mutex::new(None) })
    }

    pub fn dove(&self) -> &str {
        &self.dove
    }

    pub fn sbagliata(&self, perche: impl Into<String>) -> Errore {
        Errore::RispostaSbagliata { dove: self.dove.clone(), perche: perche.into() }
    }

    /// The credential of the configuration, or the only one.
    pub fn scegli_credenziale(&self) -> Result<String, Errore> {
        if let Some(id) = &self.come.credenziale {
            return Ok(id.clone());
        }
        let domanda = match &self.come.utente {
            Some(utente) => json!({ "userID": utente }),
            None => json!({}),
        };
        let elenco: Elenco = self.chiedi("credentials/list", &domanda, &[]).map_err(|r| r.in_errore(&self.dove))?.1;
        match &elenco.credential_ids[..] {
            [sola] => Ok(sola.clone()),
            tutte => Err(Errore::Configurazione(format!(
                "{}: {} credenziali, va detto quale è quella del sigillo",
                self.dove,
                tutte.len()
            ))),
        }
    }

    pub fn credenziale(&self, id: &str) -> Result<Credenziale, Errore> {
        let domanda = json!({ "credentialID": id, "certificates": "chain", "certInfo": true, "authInfo": true });
        self.chiedi("credentials/info", &domanda, &[]).map(|r| r.1).map_err(|r| r.in_errore(&self.dove))
    }

    pub fn autorizza(
        &self,
        id: &str,
        pin: Option<&Segreto>,
        impronte: &[String],
        algoritmo: Algoritmo,
    ) -> Result<Segreto, Rifiuto> {
        let comune = Autorizza { credential_id: id, num_signatures: impronte.len(), ..Default::default() };
        let pin_detto = pin.map(Segreto::svela);
        let domanda = match self.come.versione {
            Versione::V1 => Autorizza { hash: Some(impronte), pin: pin_detto, ..comune },
            Versione::V2 => Autorizza {
                hashes: Some(impronte),
                hash_algorithm_oid: Some(algoritmo.digesto().oid()),
                auth_data: pin_detto.map(|value| [DatoDiAccesso { id: "PIN", value }]),
                ..comune
            },
        };
        let segreti: Vec<&Segreto> = pin.into_iter().collect();
        self.chiedi::<Attivazione>(AUTORIZZA, &domanda, &segreti).map(|r| r.1.sad)
    }

    pub fn firma(
        &self,
        id: &str,
        sad: &Segreto,
        impronte: &[String],
        algoritmo: Algoritmo,
        firma_con: &str,
    ) -> Result<Vec<String>, Rifiuto> {
        let (oid, comune) = (algoritmo.digesto().oid(), FirmaImpronte::default());
        let comune = FirmaImpronte { credential_id: id, sad: sad.svela(), sign_algo: firma_con, ..comune };
        let domanda = match self.come.versione {
            Versione::V1 => FirmaImpronte { hash: Some(impronte), hash_algo: Some(oid), ..comune },
            Versione::V2 => FirmaImpronte {
                hashes: Some(impronte),
                hash_algorithm_oid: Some(oid),
                operation_mode: Some("S"),
                ..comune
            },
        };
        let (_, firme): (_, Firme) = self.chiedi("signatures/signHash", &domanda, &[sad])?;
        match firme {
            Firme { signatures: Some(firme), .. } => Ok(firme),
            Firme { response_id: Some(id), .. } => self.aspetta(&id),
            _ => Err(self.sbagliata("né firme né un identificativo per ritirarle").into()),
        }
    }

    /// Fetches what was not answered at once.
    fn aspetta(&self, risposta: &str) -> Result<Vec<String>, Rifiuto> {
        let da = Instant::now();
        loop {
            std::thread::sleep(self.come.passo);
            let (stato, firme): (_, Firme) =
                self.chiedi("signatures/signPolling", &json!({ "responseID": risposta }), &[])?;
            if let Some(firme) = firme.signatures {
                return Ok(firme);
            }
            if stato != 202 && firme.response_id.is_none() {
                return Err(self.sbagliata("né firme né l'avviso che non sono pronte").into());
            }
            if scaduto(da, self.come.attesa_differita) {
                let perche = "le firme non sono pronte nel tempo concesso".into();
                return Err(Errore::NonDisponibile { dove: self.dove.clone(), perche }.into());
            }
        }
    }

    /// A question; with a new token, once, if the one we have is no longer good.
    fn chiedi<T: DeserializeOwned>(
        &self,
        cosa: &str,
        domanda: &impl Serialize,
        segreti: &[&Segreto],
    ) -> Result<(u16, T), Rifiuto> {
        let url = format!("{}/{cosa}", self.url);
        // Room enough from the start: what grows leaves copies behind.
        let mut corpo = Zeroizing::new(Vec::with_capacity(CORPO_BYTE));
        serde_json::to_writer(&mut *corpo, domanda).map_err(|e| self.sbagliata(format!("{cosa}: {e}")))?;
        for ultima in [false, true] {
            let Accesso { gettone, muore, .. } = self.gettone()?;
            let invio = self
                .agente
                .post(&url)
                .header("authorization", format!("Bearer {}", gettone.svela()))
                .header("content-type", "application/json")
                .send(&corpo[..]);
            let risposta = rete::manda(&self.dove, invio, RISPOSTA_BYTE_MAX)?;
            if risposta.stato == 401 && !ultima {
                *self.gettone.lock().unwrap_or_else(PoisonError::into_inner) = None;
                // Some say 401 of a wrong PIN too: it goes again only if the token was surely dead (R-C11).
                let con_pin = cosa == AUTORIZZA && !segreti.is_empty();
                if !con_pin || muore.is_some_and(|m| Instant::now() >= m) {
                    continue;
                }
            }
            let mut tutti = segreti.to_vec();
            tutti.push(&gettone);
            return self.leggi(cosa, &risposta, &tutti);
        }
        Err(self.sbagliata("credenziali di accesso non accettate").into())
    }

    fn leggi<T: DeserializeOwned>(
        &self,
        cosa: &str,
        risposta: &rete::Risposta,
        segreti: &[&Segreto],
    ) -> Result<(u16, T), Rifiuto> {
        let stato = risposta.stato;
        if stato >= 400 {
            let detta: Rifiutata = serde_json::from_slice(&risposta.corpo).unwrap_or_default();
            // A provider may repeat what we sent it.
            let pulisci = |t: &str| {
                breve(
                    &segreti
                        .iter()
                        .filter(|s| !s.svela().is_empty())
                        .fold(t.to_owned(), |t, s| t.replace(s.svela(), "…")),
                )
            };
            let (codice, descrizione) = (pulisci(&detta.error), pulisci(&detta.error_description));
            return Err(Rifiuto::Detto { stato, codice, descrizione });
        }
        if stato == 202 && risposta.corpo.iter().all(u8::is_ascii_whitespace) {
            return serde_json::from_str("{}")
                .map(|t| (stato, t))
                .map_err(|_| self.sbagliata(format!("{cosa}: vuota")).into());
        }
        // The parser's own words may quote the answer, hence a secret: only where it stopped is said.
        serde_json::from_slice(&risposta.corpo).map(|t| (stato, t)).map_err(|e| {
            self.sbagliata(format!("{cosa}: non è il JSON atteso (riga {}, colonna {})", e.line(), e.column())).into()
        })
    }

    fn gettone(&self) -> Result<Accesso, Rifiuto> {
        let mut tenuto = self.gettone.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(accesso) = &*tenuto
            && Instant::now() < accesso.fino
        {
            return Ok(accesso.clone());
        }
        let url = self.come.url_token.clone().unwrap_or_else(|| format!("{}/oauth2/token", self.url));
        let invio = self.agente.post(&url).send_form([
            ("grant_type", "client_credentials"),
            ("client_id", self.come.client_id.as_str()),
            ("client_secret", self.come.client_secret.svela()),
        ]);
        let risposta = rete::manda(&self.dove, invio, RISPOSTA_BYTE_MAX)?;
        let (_, dato): (_, Gettone) = self.leggi("oauth2/token", &risposta, &[&self.come.client_secret])?;
        let vita = dato.expires_in.map_or(GETTONE_VITA, |s| Duration::from_secs(s.min(86_400)));
        let adesso = Instant::now();
        let fino = adesso + vita.saturating_sub(MARGINE.min(vita / 2));
        let muore = dato.expires_in.map(|_| adesso + vita);
        Ok(tenuto.insert(Accesso { gettone: dato.access_token, fino, muore }).clone())
    }
}

impl fmt::Debug for Sessione {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessione").field("dove", &self.dove).finish_non_exhaustive()
    }
}
