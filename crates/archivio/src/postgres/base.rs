//! The writer's transaction on PostgreSQL.
//!
//! A group takes a connection, locks the row of its ente and sees there whether another node wrote since; its rows go with
//! the commit. When the connection is lost while the commit is on its way nobody knows, at first, whether it happened: its last
//! operation is looked for, by its entry, before anybody is told anything. (Not the transaction, by its number: after a crash the
//! server may give to another the number of one that left no trace.)

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use deadpool_postgres::Pool;

use super::db::{Domande, Sessione};
use super::filo::Filo;
use super::orologio::OrologioDelDatabase;
use crate::motore::{Base, Db, Inizio, Mosso, Parole, Riga, Valore};
use crate::scrittore::Lavoro;
use crate::store::{Errore, Esito, FileCaricato};

/// How long the server is asked what became of a commit.
const ESITO_MAX: Duration = Duration::from_secs(30);
/// Between two questions.
const ANCORA: Duration = Duration::from_millis(200);

/// The writer's side of an ente.
pub(super) struct BasePg {
    pool: Pool,
    filo: Arc<Filo>,
    ente: i32,
    orologio: Arc<OrologioDelDatabase>,
    sessione: Option<Sessione>,
    /// The versions of what is remembered.
    versioni: Option<(i64, i64)>,
    /// The highest that this process saw committed: a database that is behind them lost what was acknowledged (R-N05).
    massime: (i64, i64),
    /// That of the configuration, for who looks whether others changed it.
    vista: Arc<AtomicI64>,
}

impl BasePg {
    pub fn nuova(
        pool: Pool,
        filo: Arc<Filo>,
        ente: i32,
        orologio: Arc<OrologioDelDatabase>,
        vista: Arc<AtomicI64>,
    ) -> Self {
        Self { pool, filo, ente, orologio, sessione: None, versioni: None, massime: (0, 0), vista }
    }

    fn apri(&self) -> Esito<Sessione> {
        Sessione::presa(&self.filo, &self.pool)
    }

    /// Was a group committed, whose answer was lost? `None` when nobody can say.
    fn esito(&self, mosso: Mosso) -> Option<bool> {
        let ultima = mosso.ultima?;
        let fine = Instant::now() + ESITO_MAX;
        while Instant::now() < fine {
            let detto = self.apri().and_then(|s| {
                let detto = s.ha(self.ente, ultima)?;
                s.lascia();
                Ok(detto)
            });
            match detto {
                Ok(c_e) => return Some(c_e),
                Err(_) => std::thread::sleep(ANCORA),
            }
        }
        None
    }
}

impl Base for BasePg {
    fn db(&self) -> &dyn Db {
        match &self.sessione {
            Some(s) => s,
            None => &Nessuna,
        }
    }

    fn inizia(&mut self, gruppo: &[Lavoro]) -> Esito<Inizio> {
        let s = self.apri()?;
        let mut d = Domande::default();
        for l in gruppo {
            let (file, idempotenza) = match l {
                Lavoro::Registra(p, _) => (p.file.as_slice(), p.idempotenza.as_ref()),
                Lavoro::Comanda { file, idempotenza, .. } => (file.as_slice(), idempotenza.as_ref()),
                Lavoro::Configura { idempotenza, .. } | Lavoro::RuotaChiave { idempotenza, .. } => {
                    (&[][..], idempotenza.as_ref())
                }
                _ => continue,
            };
            d.chiavi.extend(idempotenza.map(|i| i.chiave.clone()));
            d.impronte.extend(file.iter().map(|f| f.impronta.0.to_vec()));
            d.oggetti.extend(file.iter().map(|f| f.oggetto.clone()));
        }
        let inizio = Instant::now();
        let (versioni, ora) = s.inizia_gruppo(self.ente, &d)?;
        if versioni.0 < self.massime.0 || versioni.1 < self.massime.1 {
            // A standby that was behind, or a copy: numbers given would be given again.
            return Err(Errore::Archivio(
                "il database è più indietro di ciò che fu già confermato: fermare il servizio e aprire un'epoca (protocollo epoca)"
                    .to_owned(),
            ));
        }
        self.massime = versioni;
        self.orologio.ora(ora, inizio.elapsed());
        self.sessione = Some(s);
        let prima = self.versioni.replace(versioni);
        self.vista.store(versioni.1, Ordering::Relaxed);
        Ok(Inizio {
            altri: prima.is_none_or(|p| p.0 != versioni.0),
            configurazione: prima.is_none_or(|p| p.1 != versioni.1),
        })
    }

    fn conferma(&mut self, mosso: Mosso) -> Esito<bool> {
        let Some(s) = self.sessione.take() else { return Err(Nessuna::errore()) };
        if !s.scritto() {
            s.lascia();
            return Ok(false);
        }
        match s.conferma(self.ente, mosso) {
            Ok(()) => {}
            // An answer that says no is an answer; without one, the server is asked.
            Err(e) => {
                drop(s);
                match e.perduta.then(|| self.esito(mosso)) {
                    None | Some(Some(false)) => return Err(e.errore),
                    Some(Some(true)) => {}
                    Some(None) => return Err(Errore::Ignoto),
                }
            }
        }
        if let Some(v) = &mut self.versioni {
            *v = (v.0 + i64::from(mosso.teste), v.1 + i64::from(mosso.configurazione));
            self.massime = *v;
            self.vista.store(v.1, Ordering::Relaxed);
        }
        Ok(true)
    }

    fn inizia_lettura(&mut self) -> Esito<()> {
        let s = self.apri()?;
        s.inizia(self.ente, true)?;
        let db: &dyn Db = &s;
        let inizio = Instant::now();
        if let Ok(Some(ora)) =
            db.una("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8", &[], |r| r.intero(0))
        {
            self.orologio.ora(ora, inizio.elapsed());
        }
        let versioni =
            db.una("SELECT versione, configurazione FROM ente WHERE n = ?", &[i64::from(self.ente).into()], |r| {
                Ok((r.intero(0)?, r.intero(1)?))
            });
        self.versioni = versioni?;
        self.vista.store(self.versioni.map_or(-1, |v| v.1), Ordering::Relaxed);
        self.sessione = Some(s);
        Ok(())
    }

    fn fine_lettura(&mut self) {
        if let Some(s) = self.sessione.take() {
            s.lascia();
        }
    }

    fn annulla(&mut self, iniziata: bool) -> bool {
        self.sessione = None;
        self.versioni = None;
        self.vista.store(-1, Ordering::Relaxed);
        !iniziata
    }

    fn salva(&mut self) -> Esito<()> {
        self.sessione.as_ref().ok_or_else(Nessuna::errore)?.salva();
        Ok(())
    }

    fn libera(&mut self) -> Esito<()> {
        self.sessione.as_ref().ok_or_else(Nessuna::errore)?.libera()
    }

    fn torna(&mut self) -> Esito<()> {
        self.sessione.as_ref().ok_or_else(Nessuna::errore)?.torna()
    }

    fn pronta(&self) -> bool {
        true
    }

    fn rimetti(&mut self, _nuova: bool) -> Esito<()> {
        // Each group takes a connection; one that does not serve was thrown away.
        self.sessione = None;
        Ok(())
    }

    fn prova(&mut self, dubbio: bool) -> Esito<()> {
        if dubbio {
            let sql = "UPDATE ente SET versione = versione WHERE n = ?";
            self.db().scrivi_ora(sql, &[i64::from(self.ente).into()])?;
        }
        Ok(())
    }
}

/// Outside of any transaction.
struct Nessuna;

impl Nessuna {
    fn errore() -> Errore {
        Errore::Archivio("nessuna transazione in corso".to_owned())
    }
}

impl Db for Nessuna {
    fn scorri(&self, _: &str, _: &[Valore<'_>], _: &mut dyn FnMut(&dyn Riga) -> Esito<bool>) -> Esito<()> {
        Err(Self::errore())
    }
    fn scrivi(&self, _: &'static str, _: &[Valore<'_>]) -> Esito<()> {
        Err(Self::errore())
    }
    fn scrivi_ora(&self, _: &'static str, _: &[Valore<'_>]) -> Esito<u64> {
        Err(Self::errore())
    }
    fn idempotenza(&self, _: &str, _: &str) -> Esito<Option<(Vec<u8>, i64)>> {
        Err(Self::errore())
    }
    fn ricorda(&self, _: &str, _: &str, _: &[u8; 32], _: i64, _: i64) -> Esito<()> {
        Err(Self::errore())
    }
    fn mappa_file(&self, _: &FileCaricato, _: i64) -> Esito<bool> {
        Err(Self::errore())
    }
    fn usato(&self, _: &str) -> Esito<bool> {
        Err(Self::errore())
    }
    fn per_parole(&self, _: &Parole<'_>, _: usize) -> Esito<Vec<i64>> {
        Err(Self::errore())
    }
    fn per_nome(&self, _: &[String], _: i64, _: i64, _: usize) -> Esito<Vec<(i64, String)>> {
        Err(Self::errore())
    }
    fn indicizza(&self, _: i64, _: &str, _: &str) -> Esito<()> {
        Err(Self::errore())
    }
    fn reindicizza(&self, _: i64, _: &str, _: &str, _: &dyn Fn() -> (String, String)) -> Esito<()> {
        Err(Self::errore())
    }
    fn indicizza_corrispondente(&self, _: i64, _: &str) -> Esito<()> {
        Err(Self::errore())
    }
}
