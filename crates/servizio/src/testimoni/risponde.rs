//! This installation as the witness of the logs of others, under `/testimone`: `add-checkpoint` of C2SP `tlog-witness`, its
//! own key, and the last checkpoint it cosigned of a log, which `verifica --ancora` reads.

use std::sync::{Arc, Mutex, PoisonError};

use archivio::{Errore, Store};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use catena::testimone::{RICHIESTA_BYTE_MAX, Richiesta, Rifiuto, TIPO_DIMENSIONE};
use catena::{ChiavePubblica, Testimone};
use serde::Deserialize;
use tokio::sync::{OnceCell, Semaphore};

use crate::Servizio;
use crate::problema::{Problema, Tipo, uniforma};

/// Requests judged at once: each may cost as many signatures as a note holds.
const INSIEME_MAX: usize = 16;

/// The logs that are watched, and the key that says so.
pub struct Osservatorio {
    osservati: Vec<ChiavePubblica>,
    nome: String,
    chiave: OnceCell<Testimone>,
    posti: Semaphore,
    /// The last checkpoint that the journal was told of.
    detto: Mutex<String>,
}

impl Default for Osservatorio {
    fn default() -> Self {
        Self::di(Vec::new(), String::new())
    }
}

impl Osservatorio {
    /// Watches the logs of these keys (several of one origin, while a log changes its key); its own key, the first time,
    /// is drawn under this name.
    pub fn di(osservati: Vec<ChiavePubblica>, nome: String) -> Self {
        Self { osservati, nome, chiave: OnceCell::new(), posti: Semaphore::new(INSIEME_MAX), detto: Mutex::default() }
    }

    /// Tells the journal of a checkpoint, but not again and again of the same: whoever likes may send it.
    fn una_volta(&self, r: &Richiesta, racconta: impl FnOnce()) {
        let testo = r.checkpoint.testo();
        let mut detto = self.detto.lock().unwrap_or_else(PoisonError::into_inner);
        if *detto != testo {
            racconta();
            *detto = testo;
        }
    }

    /// The public key; `None` where no log is watched.
    ///
    /// # Errors
    /// The store's, or a name that a key cannot have.
    pub async fn chiave(&self, store: &dyn Store) -> Result<Option<&Testimone>, Errore> {
        if self.osservati.is_empty() {
            return Ok(None);
        }
        self.chiave.get_or_try_init(|| store.chiave_testimone(&self.nome)).await.map(Some)
    }
}

/// Routes of this room.
pub fn rotte() -> Router<Arc<Servizio>> {
    Router::new()
        .route("/testimone/add-checkpoint", post(aggiungi).layer(DefaultBodyLimit::max(RICHIESTA_BYTE_MAX)))
        .route("/testimone/chiave", get(chiave))
        .route("/testimone/checkpoint", get(checkpoint))
        .layer(axum::middleware::from_fn(uniforma))
}

async fn testimone(s: &Servizio) -> Result<&Testimone, Problema> {
    let chiave = s.osservatorio.chiave(&*s.store).await?;
    chiave.ok_or_else(|| Problema::non_trovato("questa installazione non è testimone di altri registri"))
}

fn testo(t: String) -> Response {
    let capi = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-cache")];
    (capi, t).into_response()
}

async fn chiave(State(s): State<Arc<Servizio>>) -> Result<Response, Problema> {
    Ok(testo(format!("{}\n", testimone(&s).await?)))
}

async fn aggiungi(State(s): State<Arc<Servizio>>, corpo: Bytes) -> Result<Response, Problema> {
    testimone(&s).await?;
    let _posto = s.osservatorio.posti.try_acquire().map_err(|_| Problema::from(Errore::Sovraccarico))?;
    let esito = match Richiesta::leggi(&corpo) {
        Ok(r) => {
            let esito = s.store.cofirma(&r, &s.osservatorio.osservati).await?;
            match &esito {
                // Two trees of one size, both signed by the log: the proof of a rewriting, kept in the journal.
                Err(e @ Rifiuto::AltraRadice(_)) => {
                    s.osservatorio.una_volta(&r, || {
                        tracing::error!(motivo = %e, checkpoint = %r.checkpoint.testo(), "un registro osservato mostra un'altra storia");
                    });
                }
                // Anybody can send a true checkpoint with a false proof.
                Err(e @ Rifiuto::ProvaErrata(_)) => s.osservatorio.una_volta(&r, || {
                    tracing::warn!(motivo = %e, checkpoint = %r.checkpoint.testo(), "checkpoint non cofirmato");
                }),
                _ => {}
            }
            esito
        }
        Err(e) => Err(e),
    };
    Ok(match esito {
        Ok(firma) => testo(firma.riga()),
        Err(e) => match e.vista() {
            Some(n) => {
                let capi = [(header::CONTENT_TYPE, TIPO_DIMENSIONE)];
                // The specification's own answer, not to be made into a problem.
                (StatusCode::CONFLICT, capi, Extension(Tipo("conflitto")), format!("{n}\n")).into_response()
            }
            None => problema(&e).into_response(),
        },
    })
}

fn problema(e: &Rifiuto) -> Problema {
    let detto = e.to_string();
    match e {
        Rifiuto::Malformata(_) => Problema::malformata(detto),
        Rifiuto::OrigineIgnota(_) => Problema::non_trovato(detto),
        Rifiuto::FirmaAssente { .. } => Problema::vietato(detto),
        Rifiuto::AltraDimensione { .. } | Rifiuto::AltraRadice(_) | Rifiuto::ProvaErrata(_) => {
            Problema::campo("prova", detto)
        }
    }
}

#[derive(Deserialize)]
struct Quale {
    origine: Option<String>,
}

async fn checkpoint(State(s): State<Arc<Servizio>>, Query(q): Query<Quale>) -> Result<Response, Problema> {
    testimone(&s).await?;
    let origine = q.origine.ok_or_else(|| Problema::non_trovato("quale registro? indicare ?origine="))?;
    let nota = s.store.osservato(&origine).await?;
    let manca = || Problema::non_trovato("di questo registro non è ancora stato cofirmato nulla");
    Ok(testo(nota.ok_or_else(manca)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_answers_with_the_status_of_the_specification() {
        for e in [
            Rifiuto::Malformata("x".into()),
            Rifiuto::OrigineIgnota("o".into()),
            Rifiuto::FirmaAssente { origine: "o".into(), motivo: "m".into() },
            Rifiuto::ProvaErrata(catena::ProvaErrata::Radice),
        ] {
            assert_eq!((problema(&e).stato.as_u16(), e.vista()), (e.stato(), None), "{e}");
        }
    }
}
