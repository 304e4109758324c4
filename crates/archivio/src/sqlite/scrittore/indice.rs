//! Search rows on their way from where they wait to the full-text index.

use super::Scrittore;
use crate::sqlite::schema;

impl Scrittore {
    /// Leaves the transaction; says whether that was possible.
    pub(super) fn esce(&self) -> bool {
        let _ = self.c.execute_batch("ROLLBACK");
        self.c.is_autocommit()
    }

    /// Moves the waiting search rows to the index, in the order of their ids.
    pub(super) fn sposta_recenti(&mut self) {
        let inizio = self.c.execute_batch("BEGIN IMMEDIATE");
        let iniziata = inizio.is_ok();
        let sposta = || {
            self.c.execute_batch(
                "INSERT INTO cerca(rowid, testo, soggetti) SELECT reg, testo, soggetti FROM cerca_recente ORDER BY reg;
                 DELETE FROM cerca_recente;
                 COMMIT;",
            )
        };
        match inizio.and_then(|()| sposta()) {
            Ok(()) => self.vetrina.indice.regge(),
            // The index alone does not work: the register does, and undoing is enough.
            Err(e) if iniziata && !schema::del_disco(&e) && self.esce() => {
                tracing::error!(errore = %e, "indice di ricerca guasto");
                self.vetrina.indice.cede(&e.into());
            }
            Err(e) => {
                tracing::error!(errore = %e, "indice di ricerca non aggiornato");
                self.disfa(&e.into(), iniziata);
            }
        }
        // What is still waiting is tried again after the next registration; meanwhile reading looks there.
        self.recenti = 0;
    }
}
