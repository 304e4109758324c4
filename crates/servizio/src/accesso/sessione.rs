//! Browser sessions: 256 random bits in a cookie, their SHA-256 in the store, an end that does not move (R-L01).

use archivio::store::{EnteStore, Errore, Esito, Sessione};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dominio::codici::{CodiceIpa, NomeUtente};
use sha2::{Digest, Sha256};

/// Name of the cookie.
pub const COOKIE: &str = "protocollo_sessione";
/// A session ends after this, whatever happens, seconds.
pub const DURATA_S: i64 = 10 * 60 * 60;

/// What the cookie holds: the ente and a secret that only the browser knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Biglietto {
    /// Whose session it is; a session of one ente opens nothing of another (R-L25).
    pub ipa: CodiceIpa,
    segreto: String,
}

impl Biglietto {
    /// A new one.
    ///
    /// # Errors
    /// No randomness.
    pub fn nuovo(ipa: CodiceIpa) -> Esito<Self> {
        Ok(Self { ipa, segreto: casuale()? })
    }

    /// From the cookie of a request. The last one of that name counts, as browsers send the nearest path first.
    pub fn da(intestazioni: &HeaderMap) -> Option<Self> {
        let valore = intestazioni
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|v| v.to_str().ok())
            .flat_map(|v| v.split(';'))
            .filter_map(|c| c.trim().split_once('='))
            .find(|(nome, _)| *nome == COOKIE)?
            .1;
        let (ipa, segreto) = valore.rsplit_once('.')?;
        let forma = segreto.len() == 43 && segreto.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        forma.then(|| Some(Self { ipa: ipa.parse().ok()?, segreto: segreto.to_owned() }))?
    }

    /// What the store knows of it.
    pub fn impronta(&self) -> [u8; 32] {
        Sha256::digest(self.segreto.as_bytes()).into()
    }

    /// `Set-Cookie` that gives it to the browser. `sicuro`: the public address is https.
    pub fn cookie(&self, sicuro: bool) -> HeaderValue {
        biscotto(&format!("{}.{}", self.ipa, self.segreto), DURATA_S, sicuro)
    }
}

/// `Set-Cookie` that takes it back.
pub fn cookie_finito(sicuro: bool) -> HeaderValue {
    biscotto("", 0, sicuro)
}

fn biscotto(valore: &str, durata_s: i64, sicuro: bool) -> HeaderValue {
    let sicuro = if sicuro { "; Secure" } else { "" };
    let testo = format!("{COOKIE}={valore}; Path=/; HttpOnly; SameSite=Lax; Max-Age={durata_s}{sicuro}");
    HeaderValue::from_str(&testo).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Opens a session for who has just proven who he is; the identifier is always a new one.
///
/// # Errors
/// The store's, or no randomness.
pub async fn apri(ente: &dyn EnteStore, utente: NomeUtente) -> Esito<Biglietto> {
    let biglietto = Biglietto::nuovo(ente.ipa().clone())?;
    let scadenza = ente.ora().piu_secondi(DURATA_S);
    ente.apri_sessione(biglietto.impronta(), Sessione { utente, csrf: casuale()?, scadenza }).await?;
    Ok(biglietto)
}

/// 256 random bits as text.
///
/// # Errors
/// The system gives no randomness.
pub fn casuale() -> Esito<String> {
    let mut b = [0u8; 32];
    getrandom::fill(&mut b).map_err(|e| Errore::Archivio(e.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intestazioni(cookie: &str) -> HeaderMap {
        let mut h = HeaderMap::new();
        h.insert(header::COOKIE, cookie.parse().unwrap());
        h
    }

    #[test]
    fn the_cookie_goes_round_and_is_out_of_reach_of_scripts() {
        // R-L01
        let b = Biglietto::nuovo("c.z_999".parse().unwrap()).unwrap();
        let testo = b.cookie(true);
        let testo = testo.to_str().unwrap();
        for parte in ["HttpOnly", "SameSite=Lax", "Path=/", "Secure"] {
            assert!(testo.contains(parte), "{testo}");
        }
        assert!(!b.cookie(false).to_str().unwrap().contains("Secure"));
        let coppia = testo.split(';').next().unwrap();
        assert_eq!(Biglietto::da(&intestazioni(&format!("altro=1; {coppia}"))).unwrap(), b);
        assert_ne!(b.impronta(), Biglietto::nuovo(b.ipa.clone()).unwrap().impronta());
    }

    #[test]
    fn what_we_did_not_give_is_no_session() {
        for c in ["", "protocollo_sessione=", "protocollo_sessione=c_z999", "protocollo_sessione=c_z999.corto"] {
            assert!(Biglietto::da(&intestazioni(c)).is_none(), "{c}");
        }
        let storto = format!("protocollo_sessione=c_z999.{}", "/".repeat(43));
        assert!(Biglietto::da(&intestazioni(&storto)).is_none());
    }
}
