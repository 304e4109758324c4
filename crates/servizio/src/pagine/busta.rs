//! A multipart form from a page of ours: whose it is, and that it comes from the page that was given to him.

use std::sync::Arc;

use axum::extract::{FromRequest as _, FromRequestParts as _, Multipart, Request};
use axum::response::{IntoResponse as _, Response};

use super::errore::ErrorePagina;
use crate::accesso::utente::Campi;
use crate::accesso::{Accesso, Invio, Utente, provenienza};
use crate::problema::Problema;
use crate::ricezione::Corpo;
use crate::sola_lettura::Guardata;

/// What comes before the parts.
pub struct Busta {
    /// Who sends.
    pub utente: Utente,
    /// Whether anything may still be written, once all has come.
    pub guardata: Option<Guardata>,
    intestazione: Option<String>,
}

impl Busta {
    /// # Errors
    /// The answer to give instead.
    pub async fn apri(stato: &Arc<Accesso>, r: Request) -> Result<(Self, Multipart), Response> {
        let (mut parti, corpo) = r.into_parts();
        let utente = Utente::from_request_parts(&mut parti, stato).await?;
        let intestazione = provenienza::da_intestazione(&parti.headers).map(str::to_owned);
        let guardata = parti.extensions.get::<Guardata>().cloned();
        let Corpo(multipart) = Corpo::from_request(Request::from_parts(parti, corpo), stato)
            .await
            .map_err(|e| ErrorePagina::from(Problema::formato(e.body_text())).into_response())?;
        Ok((Self { utente, guardata, intestazione }, multipart))
    }

    /// With its fields, among which the token of the page.
    ///
    /// # Errors
    /// The form is of another session, or of nobody's.
    pub fn con(self, testi: Vec<(String, String)>) -> Result<Invio, ErrorePagina> {
        let campi = Campi(testi);
        let token = campi.primo(provenienza::CAMPO).or(self.intestazione.as_deref());
        if !provenienza::combacia(token, &self.utente.csrf) {
            return Err(ErrorePagina::modulo_scaduto());
        }
        Ok(Invio { utente: self.utente, campi })
    }
}
