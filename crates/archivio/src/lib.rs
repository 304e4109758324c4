//! Persistence of the register.
//!
//! A command that was judged by [`dominio`] is put on disk here, whole or not at all: its operation, what it changes,
//! its number and its log entry in one commit; then it is answered. One writer per ente takes what waits, up to 256
//! commands, and commits them together. Everything else is read from what was committed.
//!
//! | room | what it holds |
//! |---|---|
//! | [`store`] | the traits the service sees, and their values |
//! | [`sqlite`] | the embedded engine: one file per ente, one writer |
//! | [`file`] | the bytes of documents |
//! | [`chiavi`] | the key that wraps the keys |
//! | [`orologio`] | the register's clock |
//! | [`tenuta`] | whether a part of the storage holds, and what it said when it did not |

pub mod accessi;
pub mod chiavi;
pub mod file;
pub mod orologio;
pub mod sqlite;
pub mod store;
pub mod tenuta;

pub use store::{EnteStore, Errore, Esito, Store};

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
