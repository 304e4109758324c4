//! `GET …/ricevuta`: a verifiable receipt of the registration; `?campi=` chooses what it discloses (contract § 3).

use std::collections::BTreeMap;
use std::sync::Arc;

use archivio::store::{Azione, Registro};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;

use super::leggi::solo;
use super::{Percorso, Risposta, visibile};
use crate::Servizio;
use crate::problema::Problema;
use crate::stampe;
use crate::token::Chiamante;

/// `GET …/ricevuta.pdf`: the receipt for the person (R-A24).
pub async fn per_la_persona(
    State(s): State<Arc<Servizio>>,
    c: Chiamante,
    Path(p): Path<Percorso>,
) -> Risposta<Response> {
    let chiave = p.chiave()?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Ricevuta).await?;
    let conf = c.ente.configurazione();
    let l = stampe::luogo(&*c.ente, &c.aoo, &s.url_pubblico, &conf, &r).await?;
    let byte = stampe::in_disparte(|| stampe::ricevuta(&l, &r))?;
    Ok(stampe::risposta(byte, &stampe::nome_file("ricevuta", &chiave)))
}

/// `GET …/storia.pdf`: the whole history, for inspection or court (R-B03).
pub async fn storia(State(s): State<Arc<Servizio>>, c: Chiamante, Path(p): Path<Percorso>) -> Risposta<Response> {
    let chiave = p.chiave()?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Esportazione).await?;
    let conf = c.ente.configurazione();
    let l = stampe::luogo(&*c.ente, &c.aoo, &s.url_pubblico, &conf, &r).await?;
    let ops = c.ente.operazioni_di(&c.aoo, &chiave).await?;
    let byte = stampe::in_disparte(|| stampe::storia(&l, &r, &ops))?;
    Ok(stampe::risposta(byte, &stampe::nome_file("storia", &chiave)))
}

pub async fn ricevuta(
    c: Chiamante,
    Path(p): Path<Percorso>,
    Query(q): Query<BTreeMap<String, String>>,
) -> Risposta<Json<catena::Ricevuta>> {
    solo(&q, &["campi"])?;
    let chiave = p.chiave()?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Ricevuta).await?;
    let scelti: Option<Vec<&str>> =
        q.get("campi").map(|c| c.split(',').map(str::trim).filter(|x| !x.is_empty()).collect());
    c.ente
        .ricevuta(&Registro::Aoo(c.aoo.clone()), r.indice, &|campo| rivela(scelti.as_deref(), campo))
        .await?
        .map(Json)
        .ok_or_else(|| Problema::non_trovato("la ricevuta non è ancora disponibile"))
}

/// Does a receipt that discloses what was chosen disclose this field? Without a choice, all; a name stands for the fields
/// under it too.
pub fn rivela(scelti: Option<&[&str]>, campo: &str) -> bool {
    scelti.is_none_or(|s| {
        s.iter().any(|x| campo.strip_prefix(x).is_some_and(|resto| resto.is_empty() || resto.starts_with('.')))
    })
}
