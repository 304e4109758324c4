//! The operations log as C2SP tiles and checkpoints, without a token: hashes only (contract § 2, § 3).

use std::sync::Arc;

use archivio::EnteStore;
use archivio::store::Registro;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dominio::codici::{CodiceAoo, CodiceIpa};
use serde_json::json;

use super::{Risposta, idempotenza, json_di};
use crate::Servizio;
use crate::problema::Problema;
use crate::token::Chiamante;

pub(super) async fn ente(s: &Servizio, ipa: &str) -> Risposta<Arc<dyn EnteStore>> {
    let male = || Problema::non_trovato("questo registro delle operazioni non esiste");
    let ipa: CodiceIpa = ipa.parse().map_err(|_| male())?;
    s.store.ente(&ipa).await?.ok_or_else(male)
}

pub(super) async fn di_aoo(s: &Servizio, ipa: &str, aoo: &str) -> Risposta<(Arc<dyn EnteStore>, Registro)> {
    let e = ente(s, ipa).await?;
    let aoo: CodiceAoo =
        aoo.parse().map_err(|_| Problema::non_trovato("questo registro delle operazioni non esiste"))?;
    Ok((e, Registro::Aoo(aoo)))
}

const MAI: &str = "no-cache";
const PER_SEMPRE: &str = "public, max-age=31536000, immutable";

async fn nota(e: &dyn EnteStore, r: &Registro) -> Risposta<Response> {
    let t = e.checkpoint(r).await?;
    let capi = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, MAI)];
    Ok((capi, t).into_response())
}

async fn vkey(e: &dyn EnteStore, r: &Registro) -> Risposta<Response> {
    let mut t = e.chiavi(r).await?.join("\n");
    t.push('\n');
    let capi = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, MAI)];
    Ok((capi, t).into_response())
}

async fn pezzo(e: &dyn EnteStore, r: &Registro, percorso: &str) -> Risposta<Response> {
    let percorso = format!("tile/{percorso}");
    let byte = e
        .tessera(r, &percorso)
        .await?
        .ok_or_else(|| Problema::non_trovato("questa parte del registro delle operazioni non c'è (ancora)"))?;
    // Only full tiles never change.
    let cache = if percorso.contains(".p/") { MAI } else { PER_SEMPRE };
    Ok(([(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, cache)], byte).into_response())
}

pub async fn checkpoint(State(s): State<Arc<Servizio>>, Path((i, a)): Path<(String, String)>) -> Risposta<Response> {
    let (e, r) = di_aoo(&s, &i, &a).await?;
    nota(&*e, &r).await
}

pub async fn chiavi(State(s): State<Arc<Servizio>>, Path((i, a)): Path<(String, String)>) -> Risposta<Response> {
    let (e, r) = di_aoo(&s, &i, &a).await?;
    vkey(&*e, &r).await
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Rotazione {
    motivo: String,
}

/// A new key for the AOO's log; an operation names it, and the old one signs beside it for a while (contract § 3).
pub async fn ruota(c: Chiamante, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let dati = json_di(&corpo, "corpo")?;
    let idem = idempotenza(&h, &c.ambito, "ruota-chiave", &dati, &[])?;
    let dati: Rotazione = dominio::lettura::leggi(dati)?;
    let registro = Registro::Aoo(c.aoo.clone());
    let fatto = c.ente.ruota_chiave(&registro, &c.chi, &dati.motivo, idem).await?;
    // A repeated request gets the first answer: the keys as that operation left them, whatever came after.
    let op = c.ente.scan_from(&registro, fatto.indice, 1).await?;
    let nuova =
        op.first().and_then(|o| o.campi.get("chiaveLog")).and_then(serde_json::Value::as_str).unwrap_or_default();
    let chiavi = c.ente.chiavi(&registro).await?;
    let chiavi: Vec<&String> = chiavi.iter().skip_while(|k| *k != nuova).collect();
    Ok((StatusCode::CREATED, Json(json!({"indice": fatto.indice, "chiavi": chiavi}))).into_response())
}

pub async fn tessera(
    State(s): State<Arc<Servizio>>,
    Path((i, a, percorso)): Path<(String, String, String)>,
) -> Risposta<Response> {
    let (e, r) = di_aoo(&s, &i, &a).await?;
    pezzo(&*e, &r, &percorso).await
}

pub async fn checkpoint_ente(State(s): State<Arc<Servizio>>, Path(i): Path<String>) -> Risposta<Response> {
    nota(&*ente(&s, &i).await?, &Registro::Ente).await
}

pub async fn chiavi_ente(State(s): State<Arc<Servizio>>, Path(i): Path<String>) -> Risposta<Response> {
    vkey(&*ente(&s, &i).await?, &Registro::Ente).await
}

pub async fn tessera_ente(
    State(s): State<Arc<Servizio>>,
    Path((i, percorso)): Path<(String, String)>,
) -> Risposta<Response> {
    pezzo(&*ente(&s, &i).await?, &Registro::Ente, &percorso).await
}
