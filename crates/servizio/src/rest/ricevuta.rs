//! `GET …/ricevuta`: a verifiable receipt of the registration; `?campi=` chooses what it discloses (contract § 3).

use std::collections::BTreeMap;

use archivio::store::{Azione, Registro};
use axum::Json;
use axum::extract::{Path, Query};

use super::leggi::solo;
use super::{Percorso, Risposta, visibile};
use crate::problema::Problema;
use crate::token::Chiamante;

pub async fn ricevuta(
    c: Chiamante,
    Path(p): Path<Percorso>,
    Query(q): Query<BTreeMap<String, String>>,
) -> Risposta<Json<catena::Ricevuta>> {
    solo(&q, &["campi"])?;
    let chiave = p.chiave()?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Ricevuta).await?;
    let scelti: Option<Vec<String>> =
        q.get("campi").map(|c| c.split(',').map(|x| x.trim().to_owned()).filter(|x| !x.is_empty()).collect());
    let mostra = move |campo: &str| match &scelti {
        None => true,
        Some(s) => s.iter().any(|x| campo == x || campo.strip_prefix(x.as_str()).is_some_and(|r| r.starts_with('.'))),
    };
    c.ente
        .ricevuta(&Registro::Aoo(c.aoo.clone()), r.indice, &mostra)
        .await?
        .map(Json)
        .ok_or_else(|| Problema::non_trovato("la ricevuta non è ancora disponibile"))
}
