//! The seal of an AOO, and the sealed segnatura of a registration (contract § 2; R-A14, R-C10, R-C11).

use std::sync::Arc;

use archivio::store::Azione;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::permessi::Diritto;
use dominio::sigillo::StatoSigillo;
use dominio::tempo::Istante;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::anagrafiche::{crea, creato};
use super::documenti::rispondi;
use super::{Percorso, Risposta, json_di, visibile};
use crate::Servizio;
use crate::problema::Problema;
use crate::sigilli::fornitore::Segreto;
use crate::token::Chiamante;

/// How it stands.
pub async fn stato(State(s): State<Arc<Servizio>>, c: Chiamante, Path(_): Path<Percorso>) -> Risposta<Json<Value>> {
    if !c.chi.diritti.ha(Diritto::Consulta) && !c.chi.diritti.ha(Diritto::GestisceConfigurazione) {
        return Err(Problema::vietato(
            "per vedere il sigillo serve consultare il registro o gestire la configurazione",
        ));
    }
    s.sigilli.in_json(&*c.ente, &c.aoo).await.map(Json)
}

/// Tries a seal and sets it. Never repeatable by its key: what is sent is secret, and is kept nowhere to be compared.
pub async fn imposta(State(s): State<Arc<Servizio>>, c: Chiamante, corpo: String) -> Risposta<Response> {
    if !c.chi.diritti.ha(Diritto::GestisceConfigurazione) {
        return Err(Problema::vietato("per impostare il sigillo serve gestire la configurazione"));
    }
    let mut v = json_di(&corpo, "corpo")?;
    let entrate = match v.as_object_mut().and_then(|o| o.remove("entrate")) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(b)) => b,
        Some(_) => return Err(Problema::campo("entrate", "vale true o false")),
    };
    let segreto: Segreto = dominio::lettura::leggi(v)?;
    let (sigillo, segreto) = s.sigilli.prova(&*c.ente, segreto, entrate).await?;
    s.sola_lettura.scrivibile().await?;
    c.ente.configura(&c.aoo, &c.chi, C::ImpostaSigillo { sigillo }, Some(segreto), None).await?;
    s.sigilli.cambiato(c.ente.ipa(), &c.aoo);
    let v = s.sigilli.in_json(&*c.ente, &c.aoo).await?;
    Ok(creato(v))
}

#[derive(Serialize, Deserialize)]
struct Motivo {
    motivo: String,
}

/// Seals nothing more.
pub async fn togli(State(s): State<Arc<Servizio>>, c: Chiamante, h: HeaderMap, corpo: String) -> Risposta<Response> {
    crea(&c, &h, &corpo, "sigillo/rimozione", |d: Motivo| C::TogliSigillo { motivo: d.motivo }).await?;
    Ok(creato(s.sigilli.in_json(&*c.ente, &c.aoo).await?))
}

#[derive(Serialize, Deserialize)]
struct Differimento {
    fino: Istante,
    motivo: String,
}

/// The RGD lets uscite be registered while their seal cannot be made.
pub async fn differisci(
    State(s): State<Arc<Servizio>>,
    c: Chiamante,
    h: HeaderMap,
    corpo: String,
) -> Risposta<Response> {
    let come = |d: Differimento| C::DifferisciSigillo { fino: d.fino, motivo: d.motivo };
    crea(&c, &h, &corpo, "sigillo/differimento", come).await?;
    Ok(creato(s.sigilli.in_json(&*c.ente, &c.aoo).await?))
}

/// The sealed segnatura, byte for byte.
pub async fn segnatura(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap) -> Risposta<Response> {
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &p.chiave()?, Azione::Documento).await?;
    match &r.sigillo {
        Some(s) => rispondi(&*c.ente, &s.segnatura, &h).await,
        None => Err(Problema::senza_sigillo(r.stato_sigillo() == StatoSigillo::InAttesa)),
    }
}
