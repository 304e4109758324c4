//! When an ente may be closed: nobody has anything of it in hand, nothing of it refused a write, all is signed.

use std::sync::{Arc, PoisonError};

use super::Ente;
use crate::misure::MisureEnte;
use crate::motore::valori;
use crate::orologio::Riferimento;
use crate::store::{EnteStore as _, Esito};
use crate::tronco;

/// An ente that was found quiet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quiete {
    /// Operations of all its logs together, each under a checkpoint.
    pub dimensione: u64,
    /// Groups that its writer had taken.
    gruppi: u64,
}

impl Ente {
    /// Is it quiet, with every log signed as it is?
    ///
    /// # Errors
    /// The storage's.
    pub(crate) async fn quiete(&self) -> Esito<Option<Quiete>> {
        let gruppi = self.vetrina.misure.gruppi();
        if !self.senza_lavoro() {
            return Ok(None);
        }
        let log: Vec<i64> =
            self.vetrina.log.read().unwrap_or_else(PoisonError::into_inner).values().map(|l| l.id).collect();
        let firmate = self.leggi(move |c| {
            // A seal that is still to be put keeps somebody at work.
            if c.esiste("SELECT 1 FROM da_sigillare LIMIT 1", &[])? {
                return Ok(None);
            }
            let mut tutte = 0;
            for id in log {
                let sql = "SELECT dimensione FROM testa WHERE log = ?";
                let scritte = c.una(sql, valori![id], |r| r.naturale(0))?.unwrap_or(0);
                if tronco::ultimo(c, id)?.map_or(0, |u| u.0) != scritte {
                    return Ok(None);
                }
                tutte += scritte;
            }
            Ok(Some(tutte))
        });
        Ok(firmate.await?.map(|dimensione| Quiete { dimensione, gruppi }))
    }

    /// Did nothing happen since? To be asked by who alone has it.
    pub(crate) fn ancora_in(&self, q: &Quiete) -> bool {
        self.vetrina.misure.gruppi() == q.gruppi && self.senza_lavoro()
    }

    fn senza_lavoro(&self) -> bool {
        let m = self.misure();
        let domanda = self.domanda.lock().unwrap_or_else(PoisonError::into_inner);
        let risposto = domanda.as_ref().is_none_or(|d| d.risposta());
        let accessi = self.accessi.tenuta.motivo().is_none()
            && self.accessi_mancanti.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        m.in_coda == 0
            && (m.letture.0, m.letture.1) == (0, 0)
            && risposto
            && accessi
            && Arc::strong_count(&self.accessi) == 1
            && self.impedimenti().is_empty()
            && self.vetrina.stato_orologio.motivo().is_none()
            && self.deposito.niente_in_volo()
            && self.motore.in_quiete()
    }

    /// The time that it believes.
    pub(crate) fn riferimento(&self) -> Arc<Riferimento> {
        Arc::clone(&self.vetrina.riferimento)
    }

    /// Goes on counting from there.
    pub(crate) fn riprende(&self, prima: &MisureEnte) {
        self.vetrina.misure.riprende(prima);
    }
}
