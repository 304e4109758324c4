//! One's own password: changed by who knows the one of now (R-L01).

use std::sync::Arc;

use archivio::store::Segreto;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::errori::ErroreCampo;

use super::amministrazione::{Esecuzione, configura, errore};
use super::guscio::guscio;
use super::viste::{self, Modulo};
use super::{Esito, con_stato, sommario};
use crate::accesso::password::regola;
use crate::accesso::utente::Campi;
use crate::accesso::{Accesso, Invio, Utente, sessione};

/// `GET …/password`.
pub async fn mostra(u: Utente) -> Esito {
    vista(&u, StatusCode::OK, Vec::new(), false)
}

/// `POST …/password`: `password`, `nuova`. Every session of the person ends; this browser gets a new one.
pub async fn cambia(State(a): State<Arc<Accesso>>, i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    let nuova = c.primo("nuova").unwrap_or_default();
    if let Err(m) = regola(&u.chi.id, nuova) {
        return vista(u, StatusCode::UNPROCESSABLE_ENTITY, errore("nuova", m), false);
    }
    // A stolen session must not try passwords at leisure.
    let tentativo = match a.freno.prova(u.ente.ipa(), u.chi.id.as_str(), None) {
        Ok(t) => t,
        Err(s) => {
            let m = format!("troppi tentativi: riprova tra {s} secondi");
            return vista(u, StatusCode::TOO_MANY_REQUESTS, errore("password", &m), false);
        }
    };
    let conservata = u.ente.password(&u.chi.id).await?;
    if !a.password.verifica(c.primo("password").unwrap_or_default().to_owned(), conservata).await {
        return vista(u, StatusCode::UNPROCESSABLE_ENTITY, errore("password", "non è quella di adesso"), false);
    }
    a.freno.riuscito(tentativo);
    let phc = a.password.cifra(nuova.to_owned()).await.map_err(|e| archivio::Errore::Archivio(e.to_string()))?;
    let comando = Ok(C::ImpostaPassword { utente: u.chi.id.clone() });
    if let Esecuzione::Rifiutata(stato, errori) = configura(u, comando, Some(Segreto::Password(phc))).await? {
        return vista(u, stato, errori, false);
    }
    u.ente.chiudi_sessioni(None, Some(&u.chi.id)).await?;
    let biglietto = sessione::apri(u.ente.as_ref(), u.chi.id.clone()).await?;
    let csrf = match u.ente.sessione(&biglietto.impronta()).await? {
        Some(s) => s.csrf,
        None => String::new(),
    };
    let mut r = vista(&Utente { csrf, ..u.clone() }, StatusCode::OK, Vec::new(), true)?;
    r.headers_mut().insert(header::SET_COOKIE, biglietto.cookie(a.sicuro));
    Ok(r)
}

fn vista(u: &Utente, stato: StatusCode, errori: Vec<ErroreCampo>, cambiata: bool) -> Esito {
    let v = viste::Password {
        g: guscio(u, "password", "La tua password")?,
        sommario: sommario(&errori),
        m: Modulo { campi: Campi::default(), errori },
        cambiata,
    };
    con_stato(stato, &v)
}
