//! `GET …/ricevuta`: a verifiable receipt of the registration; `?campi=` chooses what it discloses (contract § 3).

use std::collections::BTreeMap;
use std::sync::Arc;

use archivio::store::{Azione, Registro};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use dominio::codici::Impronta;
use dominio::configurazione::Configurazione;
use dominio::registrazione::Registrazione;

use super::leggi::solo;
use super::{Percorso, Risposta, visibile};
use crate::Servizio;
use crate::problema::Problema;
use crate::stampe::{self, Luogo};
use crate::token::Chiamante;

/// Where a registration stands, and where anybody can check it.
async fn luogo<'a>(s: &Servizio, c: &'a Chiamante, conf: &'a Configurazione, r: &Registrazione) -> Risposta<Luogo<'a>> {
    let op = c.ente.scan_from(&Registro::Aoo(c.aoo.clone()), r.indice, 1).await?;
    let entrata = op.first().map(|o| Impronta(o.voce).hex()).unwrap_or_default();
    let k = &r.chiave;
    // After the sign `#` nothing reaches the server that shows the page.
    let verifica = format!(
        "{}/verifica?ente={}&aoo={}#{}/{}/{}&i={}&e={entrata}",
        s.url_pubblico,
        c.ente.ipa(),
        c.aoo,
        k.registro,
        k.anno,
        k.numero.valore(),
        r.indice
    );
    Ok(Luogo { conf, aoo: &c.aoo, verifica, entrata })
}

fn pdf(byte: Vec<u8>, nome: &str) -> Response {
    let capi = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{nome}.pdf\"")),
    ];
    (capi, byte).into_response()
}

fn non_stampabile(e: stampa::Errore) -> Problema {
    tracing::error!(errore = %e, "documento non stampabile");
    Problema::interno()
}

/// `GET …/ricevuta.pdf`: the receipt for the person (R-A24).
pub async fn per_la_persona(
    State(s): State<Arc<Servizio>>,
    c: Chiamante,
    Path(p): Path<Percorso>,
) -> Risposta<Response> {
    let chiave = p.chiave()?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Ricevuta).await?;
    let conf = c.ente.configurazione();
    let l = luogo(&s, &c, &conf, &r).await?;
    let byte = in_disparte(|| stampe::ricevuta(&l, &r)).map_err(non_stampabile)?;
    Ok(pdf(byte, &format!("ricevuta-{}-{}-{}", chiave.registro, chiave.anno, chiave.numero.esteso())))
}

/// `GET …/storia.pdf`: the whole history, for inspection or court (R-B03).
pub async fn storia(State(s): State<Arc<Servizio>>, c: Chiamante, Path(p): Path<Percorso>) -> Risposta<Response> {
    let chiave = p.chiave()?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Esportazione).await?;
    let conf = c.ente.configurazione();
    let l = luogo(&s, &c, &conf, &r).await?;
    let ops = c.ente.operazioni_di(&c.aoo, &chiave).await?;
    let byte = in_disparte(|| stampe::storia(&l, &r, &ops)).map_err(non_stampabile)?;
    Ok(pdf(byte, &format!("storia-{}-{}-{}", chiave.registro, chiave.anno, chiave.numero.esteso())))
}

/// Laying out a document takes milliseconds of work: other requests go on meanwhile.
fn in_disparte<T>(f: impl FnOnce() -> T) -> T {
    tokio::task::block_in_place(f)
}

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
