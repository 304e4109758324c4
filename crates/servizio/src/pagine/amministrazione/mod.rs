//! What stands around the register, kept by those who have the right: each form is one command.

pub mod copie;
pub mod fascicoli;
pub mod lacune;
pub mod orologio;
pub mod richiesta_sigillo;
pub mod rubrica;
pub mod sigillo;
pub mod timbro;
pub mod titolario;
pub mod uffici;
pub mod utenti;

use archivio::store::Segreto;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use dominio::comandi::ComandoConfigurazione;
use dominio::errori::{ErroreCampo, Rifiuto};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::errore::ErrorePagina;
use crate::accesso::Utente;
use crate::problema::Problema;

/// How a form ended: done, or to be shown again with what is wrong.
pub enum Esecuzione {
    /// Done.
    Fatta,
    /// Refused: status and errors.
    Rifiutata(StatusCode, Vec<ErroreCampo>),
}

/// Carries out a command on the configuration.
///
/// # Errors
/// What is not to be mended in the form: no right, nothing there, no storage.
pub async fn configura(
    u: &Utente,
    comando: Result<ComandoConfigurazione, Vec<ErroreCampo>>,
    segreto: Option<Segreto>,
) -> Result<Esecuzione, ErrorePagina> {
    let comando = match comando {
        Ok(c) => c,
        Err(errori) => return Ok(Esecuzione::Rifiutata(StatusCode::UNPROCESSABLE_ENTITY, errori)),
    };
    match u.ente.configura(&u.aoo, &u.chi, comando, segreto, None).await.map_err(Problema::from) {
        Ok(_) => Ok(Esecuzione::Fatta),
        Err(p) => match p.stato {
            StatusCode::UNPROCESSABLE_ENTITY => Ok(Esecuzione::Rifiutata(p.stato, p.errori)),
            StatusCode::CONFLICT => {
                let e = ErroreCampo { campo: String::new(), messaggio: p.dettaglio };
                Ok(Esecuzione::Rifiutata(p.stato, vec![e]))
            }
            _ => Err(p.into()),
        },
    }
}

/// Back to a list.
pub fn torna(u: &Utente, dove: &str) -> Response {
    Redirect::to(&format!("{}/{dove}", u.base())).into_response()
}

/// Reads a value of the domain from one field of the form.
///
/// # Errors
/// The field, in words.
pub fn leggi<T: DeserializeOwned>(campo: &str, v: &str) -> Result<T, Vec<ErroreCampo>> {
    serde_json::from_value(Value::String(v.to_owned()))
        .map_err(|e| vec![ErroreCampo { campo: campo.to_owned(), messaggio: e.to_string() }])
}

/// Reads a value that may be missing.
///
/// # Errors
/// The field, in words.
pub fn forse<T: DeserializeOwned>(campo: &str, v: Option<&str>) -> Result<Option<T>, Vec<ErroreCampo>> {
    v.map(|v| leggi(campo, v)).transpose()
}

/// One wrong field.
pub fn errore(campo: &str, messaggio: &str) -> Vec<ErroreCampo> {
    match Rifiuto::campo(campo, messaggio) {
        Rifiuto::NonValido(e) => e,
        _ => Vec::new(),
    }
}
