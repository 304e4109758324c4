//! The pages: what a person sees and sends. Each handler reads a request, asks the store or gives it one command, and
//! fills in a view model ([`viste`]); no rule is written here, and nothing of a registration is shown to who may not
//! see it (R-L02, R-L08).
//!
//! | room | what it holds |
//! |---|---|
//! | [`rotte`] | addresses |
//! | [`ingresso`], [`profilo`] | sign in, sign out, one's own password |
//! | [`scrivania`], [`registro`], [`registra`], [`registrazione`], [`confronto`] | the work |
//! | [`annullamento`] | annulling, asking for it, the register of annulments |
//! | [`accessi`] | who saw what |
//! | [`verifica`], [`pubblico`] | public pages: receipts checked in the browser; the log, its anchors, the blind window |
//! | [`azioni`], [`documenti`], [`suggerimenti`] | forms, files and fragments of those pages |
//! | [`amministrazione`] | offices, people, titolario, rubrica, fascicoli, seal, copies, clock |
//! | [`modulo`], [`filtro`], [`ora`] | what was typed, read |
//! | [`in_memoria`] | forms with a small secret file |
//! | [`guscio`], [`errore`], [`risorse`] | what stands around a page, refusals as pages, style and script |

pub mod accessi;
pub mod amministrazione;
pub mod annullamento;
pub mod azioni;
mod busta;
pub mod confronto;
pub mod dettaglio;
pub mod documenti;
pub mod errore;
pub mod filtro;
mod firme;
pub mod guscio;
pub mod in_memoria;
pub mod ingresso;
pub mod modulo;
pub mod ora;
pub mod profilo;
pub mod pubblico;
pub mod registra;
pub mod registrazione;
pub mod registro;
pub mod risorse;
pub mod rotte;
pub mod scrivania;
pub mod suggerimenti;
pub mod timbro;
pub mod verifica;
pub mod viste;

pub use rotte::rotte;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use dominio::errori::ErroreCampo;

use errore::ErrorePagina;

/// Result of a handler.
pub type Esito = Result<Response, ErrorePagina>;

/// Kinds of correspondents, in the order of the page.
pub const TIPI_SOGGETTO: [(&str, &str); 4] = [
    ("persona-fisica", "Persona"),
    ("persona-giuridica", "Impresa, associazione o altro ente privato"),
    ("amministrazione", "Pubblica amministrazione"),
    ("amministrazione-estera", "Amministrazione estera"),
];

/// Ways in and out, in the order of the page.
pub const MEZZI: [(&str, &str); 7] = [
    ("pec", "PEC"),
    ("peo", "E-mail ordinaria"),
    ("sportello", "Sportello"),
    ("cartaceo", "Posta cartacea"),
    ("portale", "Portale"),
    ("cooperazione", "Cooperazione applicativa"),
    ("altro", "Altro"),
];

/// A page.
///
/// # Errors
/// The template failed, which no input makes it do.
pub fn pagina(t: &impl Template) -> Esito {
    con_stato(StatusCode::OK, t)
}

/// A page with a status of its own: a form shown again with what is wrong.
///
/// # Errors
/// The template failed.
pub fn con_stato(stato: StatusCode, t: &impl Template) -> Esito {
    let html = t.render().map_err(|e| archivio::Errore::Incoerente(format!("pagina: {e}")))?;
    Ok((stato, Html(html)).into_response())
}

/// The summary of errors: the element of each and its words.
pub fn sommario(errori: &[ErroreCampo]) -> Vec<(String, String)> {
    errori
        .iter()
        .map(|e| (if e.campo.is_empty() { String::new() } else { viste::id(&e.campo) }, viste::riga_errore(e)))
        .collect()
}
