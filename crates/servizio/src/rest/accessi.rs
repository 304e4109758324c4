//! `GET B/accessi`: who saw what, and who saw somebody's data (R-L16).

use std::collections::BTreeMap;

use archivio::store::FiltroAccessi;
use axum::Json;
use axum::extract::Query;
use dominio::nuova::richiede_accessi;
use serde_json::{Value, json};

use super::Risposta;
use super::leggi::{letto, limite, solo};
use crate::problema::Problema;
use crate::token::Chiamante;

pub async fn elenco(c: Chiamante, Query(q): Query<BTreeMap<String, String>>) -> Risposta<Json<Value>> {
    richiede_accessi(&c.chi)?;
    solo(&q, &["registrazione", "soggetto", "utente", "dal", "al", "riservate", "limite", "cursore"])?;
    const GIORNO: &str = "la data va scritta come 2026-11-23";
    let riservate = match q.get("riservate").map(String::as_str) {
        None | Some("" | "false") => false,
        Some("true") => true,
        Some(_) => return Err(Problema::campo("riservate", "può essere true o false")),
    };
    let f = FiltroAccessi {
        registrazione: letto(&q, "registrazione", "una registrazione si indica con registro/anno/numero")?,
        soggetto: q.get("soggetto").filter(|s| !s.trim().is_empty()).cloned(),
        utente: letto(&q, "utente", "non è un nome utente")?,
        dal: letto(&q, "dal", GIORNO)?,
        al: letto(&q, "al", GIORNO)?,
        riservate,
        cursore: q.get("cursore").filter(|s| !s.is_empty()).cloned(),
        limite: limite(&q)?,
    };
    let pagina = c.ente.accessi(&c.aoo, &f).await?;
    let elementi: Vec<Value> = pagina
        .elementi
        .iter()
        .map(|x| {
            let a = &x.accesso;
            json!({
                "n": x.n, "istante": a.istante.con_offset(), "utente": a.utente, "nome": a.nome, "ufficio": a.ufficio,
                "porta": a.porta, "azione": a.azione, "registrazione": a.registrazione, "riservata": a.riservata,
            })
        })
        .collect();
    Ok(Json(json!({"elementi": elementi, "successivo": pagina.successivo})))
}
