//! The access log of an ente, as it was signed.

use std::sync::{Arc, PoisonError};

use super::Ente;
use crate::depositi;
use crate::file::in_disparte;
use crate::store::{EnteStore as _, Errore, Esito};

impl Ente {
    /// Its head signed, if it grew; the last one that was, otherwise.
    pub(super) async fn accessi_firmati(&self) -> Esito<Option<String>> {
        // In this order: accesses only grow, so that a log shorter than what was signed before it was read lost some.
        let ultima = self.leggi(depositi::ultima_testa).await?;
        let accessi = Arc::clone(&self.accessi);
        let letto = in_disparte(move || {
            let testa = accessi.testa()?;
            // Without one, all may have been pruned.
            let letti = testa.as_ref().map_or_else(|| accessi.dimensione(), |t| Ok(t.n))?;
            Ok((testa, letti))
        });
        let (testa, letti) = letto.await?;
        let firmati = ultima.as_ref().map_or(0, |u| u.0);
        if letti < firmati {
            let e = format!("il registro degli accessi ha {letti} righe, ma ne sono state firmate {firmati}");
            let mut prima = self.accessi_mancanti.lock().unwrap_or_else(PoisonError::into_inner);
            if prima.as_ref() != Some(&e) {
                tracing::error!(ente = %self.ipa, errore = e, "il registro degli accessi non è più quello firmato");
                *prima = Some(e.clone());
            }
            return Err(Errore::Incoerente(e));
        }
        match testa {
            Some(testa) if letti > firmati => {
                let (log, chiave, ora) = (self.log(None)?, self.chiave.clone(), self.ora());
                self.scrivi(move |c| depositi::firma_accessi(c, &chiave, &log, &testa, ora)).await.map(Some)
            }
            _ => Ok(ultima.map(|u| u.1)),
        }
    }
}
