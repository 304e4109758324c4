//! Who enters: secrets of tokens, sessions.

use std::sync::PoisonError;

use dominio::tempo::Istante;

use super::Ente;
use crate::motore::valori;
use crate::store::{EnteStore as _, Errore, Esito, Sessione};

/// Secrets of tokens remembered.
const TOKEN_NOTI_MAX: usize = 1_024;

impl Ente {
    /// The token of a secret, remembered once it is found.
    pub(super) async fn token_di(&self, segreto: [u8; 32]) -> Esito<Option<String>> {
        if let Some(t) = self.token_noti.read().unwrap_or_else(PoisonError::into_inner).get(&segreto) {
            return Ok(Some(t.clone()));
        }
        let trovato: Option<String> = self
            .leggi(move |c| c.una("SELECT token FROM token WHERE segreto = ?", valori![&segreto], |r| r.proprio(0)))
            .await?;
        if let Some(t) = &trovato {
            let mut noti = self.token_noti.write().unwrap_or_else(PoisonError::into_inner);
            if noti.len() >= TOKEN_NOTI_MAX {
                noti.clear();
            }
            noti.insert(segreto, t.clone());
        }
        Ok(trovato)
    }

    pub(super) async fn sessione_aperta(&self, id: [u8; 32], s: Sessione) -> Esito<()> {
        self.servizio(move |c| {
            c.scrivi(
                "INSERT INTO sessione(id, utente, csrf, scadenza) VALUES (?,?,?,?)",
                valori![&id, s.utente.as_str(), &s.csrf, s.scadenza.0],
            )
        })
        .await
    }

    /// One that has not ended.
    pub(super) async fn sessione_di(&self, id: [u8; 32]) -> Esito<Option<Sessione>> {
        let ora = self.ora();
        self.leggi(move |c| {
            let sql = "SELECT utente, csrf, scadenza FROM sessione WHERE id = ? AND scadenza > ?";
            c.una(sql, valori![&id, ora.0], |r| {
                let utente = r.testo(0)?.parse().map_err(|_| Errore::Incoerente("sessione".to_owned()))?;
                Ok(Sessione { utente, csrf: r.proprio(1)?, scadenza: Istante(r.intero(2)?) })
            })
        })
        .await
    }
}
