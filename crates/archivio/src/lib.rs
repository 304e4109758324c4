//! Persistence of the register.
//!
//! A command that was judged by [`dominio`] is put on disk here, whole or not at all: its operation, what it changes,
//! its number and its log entry in one commit; then it is answered. One writer per ente takes what waits, up to 256
//! commands, and commits them together. Everything else is read from what was committed.
//!
//! | room | what it holds |
//! |---|---|
//! | [`store`] | the traits the service sees, and their values |
//! | `ente`, `scrittore` | one ente and its group-commit writer, the same on every engine |
//! | `letture`, `ricerca`, `tronco`, `testimoni`, `depositi`, `sigilli`, `esami`, `righe` | what is read and written, in SQL that every engine reads |
//! | `motore` | what an engine gives |
//! | [`postgres`] | the other engine: every ente in one schema, several nodes |
//! | [`sqlite`] | the embedded engine: one file per ente; and `verifica` |
//! | [`file`] | the bytes of documents: where they lie, encrypted under which keys |
//! | [`age`] | files encrypted for somebody: copies |
//! | [`chiavi`] | the key that wraps the keys |
//! | [`orologio`] | the register's clock |
//! | [`tenuta`] | whether a part of the storage holds, and what it said when it did not |

pub mod accessi;
pub mod age;
mod aperti;
pub mod chiavi;
mod depositi;
mod ente;
mod errore;
mod esami;
pub mod file;
mod installazione;
mod letture;
pub mod misure;
mod motore;
pub mod orologio;
pub mod postgres;
mod quota;
mod ricerca;
mod righe;
mod scrittore;
mod sigilli;
pub mod sqlite;
pub mod store;
pub mod tenuta;
mod testimoni;
mod tronco;

pub use aperti::Riposo;
pub use installazione::nome_di;
pub use store::{EnteStore, Errore, Esito, Store};

/// Name of the folder, and of the log, of the installation itself.
pub(crate) const INSTALLAZIONE: &str = "installazione";

/// Recomputes everything that a folder in the form of SQLite holds.
pub(crate) fn verifica_in(cartella: &std::path::Path, custodia: file::Custodia) -> Esito<store::Verifica> {
    sqlite::verifica::ente(cartella, sqlite::verifica::Opzioni { custodia, ..Default::default() })
}

/// The product itself as an operator: activation from the command line, notes on the clock.
///
/// # Panics
/// Never: the name is a constant, checked by a test.
pub fn sistema() -> dominio::permessi::Operatore {
    use dominio::permessi::{Diritti, Diritto, Operatore, Porta};
    #[expect(clippy::expect_used, reason = "a constant")]
    let id = "sistema".parse().expect("a valid name");
    Operatore {
        id,
        nome: "Protocollo (sistema)".to_owned(),
        ufficio: None,
        per_conto_di: None,
        uffici: Vec::new(),
        diritti: Diritti::di(&Diritto::TUTTI),
        porta: Porta::Sistema,
    }
}
