//! Turns: what several nodes would each do, and one is enough to do. A row a job says who has it and until when, by the clock of
//! the database; it is taken in one statement, so never by two.

use std::time::Duration;

use super::db::errore;
use super::filo::Presa;
use crate::file::esadecimale;
use crate::store::{Errore, Esito};

const PRENDI: &str = "INSERT INTO turno(lavoro, nodo, scade)
     VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
     ON CONFLICT (lavoro) DO UPDATE SET nodo = excluded.nodo, scade = excluded.scade
       WHERE turno.nodo = excluded.nodo OR turno.scade <= clock_timestamp()";

/// Who a process is for the others: drawn at its start.
pub(super) struct Nodo(String);

impl Nodo {
    pub fn nuovo() -> Esito<Self> {
        let mut caso = [0u8; 16];
        getrandom::fill(&mut caso).map_err(|e| Errore::Archivio(e.to_string()))?;
        Ok(Self(esadecimale(&caso)))
    }

    /// Takes the turn, or keeps it; false when another has it.
    pub async fn prendi(&self, c: Presa, lavoro: &str, durata: Duration) -> Esito<bool> {
        let righe = c.execute(PRENDI, &[&lavoro, &self.0, &durata.as_secs_f64()]).await.map_err(errore)?;
        c.pulita();
        Ok(righe > 0)
    }

    /// Leaves it to whoever comes first.
    pub async fn lascia(&self, c: Presa, lavoro: &str) -> Esito<()> {
        let sql = "DELETE FROM turno WHERE lavoro = $1 AND nodo = $2";
        c.execute(sql, &[&lavoro, &self.0]).await.map_err(errore)?;
        c.pulita();
        Ok(())
    }
}
