//! The access log on PostgreSQL: one chain per ente, whoever of the nodes writes.

use std::sync::Arc;

use deadpool_postgres::Pool;

use super::db::Sessione;
use super::filo::Filo;
use crate::accessi::{Magazzino, Scrivano};
use crate::motore::{Db, Mosso};
use crate::store::Esito;

/// The first half of the key under which the chain of an ente is held while it grows.
const CATENA: i32 = 0x4143;

/// The access log of an ente.
#[derive(Clone)]
pub(super) struct AccessiPg {
    pub pool: Pool,
    pub filo: Arc<Filo>,
    pub ente: i32,
}

impl std::fmt::Debug for AccessiPg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccessiPg({})", self.ente)
    }
}

impl AccessiPg {
    fn sessione(&self, sola_lettura: bool) -> Esito<Sessione> {
        let s = Sessione::presa(&self.filo, &self.pool)?;
        s.inizia(self.ente, sola_lettura)?;
        Ok(s)
    }
}

impl Magazzino for AccessiPg {
    fn esiste(&self) -> bool {
        true
    }

    fn apri(&self) -> Esito<Box<dyn Scrivano>> {
        Ok(Box::new(self.clone()))
    }

    fn leggi(&self, f: &mut dyn FnMut(&dyn Db) -> Esito<()>) -> Esito<()> {
        let s = self.sessione(true)?;
        f(&s)?;
        s.lascia();
        Ok(())
    }
}

impl Scrivano for AccessiPg {
    fn insieme(&mut self, f: &mut dyn FnMut(&dyn Db) -> Esito<()>) -> Esito<()> {
        let s = self.sessione(false)?;
        s.esegui(&format!("SET LOCAL lock_timeout = '10s'; SELECT pg_advisory_xact_lock({CATENA}, {})", self.ente))?;
        f(&s)?;
        s.conferma(self.ente, Mosso::default()).map_err(|e| e.errore)
    }

    fn prova(&mut self) -> Esito<()> {
        let s = self.sessione(false)?;
        // A row that stays as it is, and is written all the same.
        let tocco = format!("UPDATE ente SET versione = versione WHERE n = {}; COMMIT", self.ente);
        s.esegui(&tocco)?;
        s.lascia();
        Ok(())
    }
}
