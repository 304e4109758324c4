//! Tokens of the API: `pt1.<ente>.<secret>`, stored hashed, with an AOO, rights and an expiry.

use std::sync::Arc;

use archivio::{EnteStore, Errore};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dominio::codici::{CodiceAoo, CodiceIpa};
use dominio::permessi::Operatore;
use sha2::{Digest as _, Sha256};

use crate::Servizio;
use crate::problema::Problema;

/// Draws a token: its text, shown once, and the SHA-256 that is kept.
///
/// # Errors
/// No randomness.
pub fn nuovo_token(ipa: &CodiceIpa) -> Result<(String, [u8; 32]), Errore> {
    let mut segreto = [0u8; 32];
    getrandom::fill(&mut segreto).map_err(|e| Errore::Archivio(e.to_string()))?;
    let testo = format!("pt1.{ipa}.{}", URL_SAFE_NO_PAD.encode(segreto));
    let hash = Sha256::digest(testo.as_bytes()).into();
    Ok((testo, hash))
}

/// Who calls the API: the ente and the AOO of the path, and the operator behind the token.
pub struct Chiamante {
    /// The ente.
    pub ente: Arc<dyn EnteStore>,
    /// The AOO.
    pub aoo: CodiceAoo,
    /// Who acts, with the rights of the token.
    pub chi: Operatore,
    /// Scope of idempotency keys.
    pub ambito: String,
}

impl FromRequestParts<Arc<Servizio>> for Chiamante {
    type Rejection = Problema;

    async fn from_request_parts(parts: &mut Parts, s: &Arc<Servizio>) -> Result<Self, Problema> {
        let testo = parts
            .headers
            .get(header::AUTHORIZATION)
            .and_then(|h| h.to_str().ok())
            .and_then(|h| h.strip_prefix("Bearer ").or_else(|| h.strip_prefix("bearer ")))
            .map(str::trim)
            .ok_or_else(Problema::accesso)?;
        let ipa: CodiceIpa = testo
            .strip_prefix("pt1.")
            .filter(|t| t.len() < 120)
            .and_then(|t| t.rsplit_once('.'))
            .and_then(|(ipa, _)| ipa.parse().ok())
            .ok_or_else(Problema::accesso)?;
        let ente = s.store.ente(&ipa).await?.ok_or_else(Problema::accesso)?;
        let hash: [u8; 32] = Sha256::digest(testo.as_bytes()).into();
        let id = ente.token(&hash).await?.ok_or_else(Problema::accesso)?;
        let conf = ente.configurazione();
        let ora = ente.ora();
        let token = conf.token.get(&id).filter(|t| !t.revocato && ora < t.scadenza).ok_or_else(Problema::accesso)?;
        let chi = conf.operatore_di_token(token, ora).ok_or_else(Problema::accesso)?;
        // R-L25: another ente or AOO does not exist for this token.
        let (ente_chiesto, aoo_chiesta) = percorso(parts).await?;
        if ente_chiesto != ipa.as_str() || aoo_chiesta != token.aoo.as_str() {
            return Err(Problema::non_trovato("non c'è nulla a questo indirizzo per questo token"));
        }
        let aoo = token.aoo.clone();
        Ok(Self { ente, aoo, chi, ambito: format!("token:{id}") })
    }
}

/// `ipa` and `aoo` of the path.
async fn percorso(parts: &mut Parts) -> Result<(String, String), Problema> {
    let p =
        RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Problema::non_trovato("indirizzo errato"))?;
    let cerca = |nome: &str| p.iter().find(|(k, _)| *k == nome).map(|(_, v)| v.to_owned()).unwrap_or_default();
    Ok((cerca("ipa").to_ascii_lowercase(), cerca("aoo")))
}
