//! The seal of an AOO, and the sealed segnatura of a registration (contract § 2; R-A14, R-C10, R-C11).

use std::sync::Arc;

use archivio::store::Azione;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::DatiEnte;
use dominio::permessi::Diritto;
use dominio::sigillo::{RichiestaSigillo, StatoSigillo};
use dominio::tempo::Istante;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::anagrafiche::{crea, creato};
use super::documenti::rispondi;
use super::{Percorso, Risposta, json_di, visibile};
use crate::Servizio;
use crate::problema::Problema;
use crate::sigilli::fornitore::Segreto;
use crate::sigilli::richiesta::{DatiModulo, DatiSoggetto, DoveNasce, pem};
use crate::stampe;
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

/// A key of ours with whose certificate it is to be.
#[derive(Serialize, Deserialize)]
struct NuovaRichiesta {
    #[serde(flatten)]
    dove: DoveNasce,
    #[serde(flatten)]
    soggetto: DatiSoggetto,
}

fn configura_il_sigillo(c: &Chiamante) -> Risposta<()> {
    if c.chi.diritti.ha(Diritto::GestisceConfigurazione) {
        return Ok(());
    }
    Err(Problema::vietato("per chiedere il sigillo serve gestire la configurazione"))
}

/// Makes a key and its request. Never repeatable by its key: what is sent is secret.
pub async fn chiedi(State(s): State<Arc<Servizio>>, c: Chiamante, corpo: String) -> Risposta<Response> {
    configura_il_sigillo(&c)?;
    let d: NuovaRichiesta = dominio::lettura::leggi(json_di(&corpo, "corpo")?)?;
    let soggetto = d.soggetto.soggetto(&ente_di(&c)?)?;
    let (richiesta, chiave) = s.sigilli.chiedi(&*c.ente, d.dove, soggetto).await?;
    s.sola_lettura.scrivibile().await?;
    c.ente.configura(&c.aoo, &c.chi, C::RichiediSigillo { richiesta }, Some(chiave), None).await?;
    Ok(creato(s.sigilli.in_json(&*c.ente, &c.aoo).await?))
}

fn ente_di(c: &Chiamante) -> Risposta<DatiEnte> {
    c.ente.configurazione().ente.clone().ok_or_else(|| Problema::non_trovato("l'ente non esiste"))
}

/// The request that waits for its certificate (PKCS#10, PEM).
pub async fn richiesta(c: Chiamante) -> Risposta<Response> {
    configura_il_sigillo(&c)?;
    let conf = c.ente.configurazione();
    let trovata = conf.aoo.get(&c.aoo).and_then(|a| a.richiesta_sigillo.as_ref());
    let (_, r) = trovata.ok_or_else(|| Problema::non_trovato("nessuna richiesta aspetta un certificato"))?;
    Ok(csr(c.ente.ipa().as_str(), c.aoo.as_str(), r))
}

/// A request as a file.
pub(crate) fn csr(ipa: &str, aoo: &str, r: &RichiestaSigillo) -> Response {
    let nome = format!("sigillo-{ipa}-{aoo}.csr");
    let capi = [
        (header::CONTENT_TYPE, "application/x-pem-file".to_owned()),
        (header::CONTENT_DISPOSITION, crate::scarico::disposizione(&nome, false)),
    ];
    (capi, pem(r)).into_response()
}

#[derive(Serialize, Deserialize)]
struct CertificatoArrivato {
    /// PEM, with others of its chain or without.
    certificato: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    entrate: bool,
}

/// The certificate of the request: it is tried and set.
pub async fn certificato(State(s): State<Arc<Servizio>>, c: Chiamante, corpo: String) -> Risposta<Response> {
    configura_il_sigillo(&c)?;
    let d: CertificatoArrivato = dominio::lettura::leggi(json_di(&corpo, "corpo")?)?;
    let provato = s.sigilli.dal_certificato(&*c.ente, &c.aoo, d.certificato.as_bytes(), d.entrate).await;
    let (sigillo, segreto) = provato?;
    s.sola_lettura.scrivibile().await?;
    c.ente.configura(&c.aoo, &c.chi, C::ImpostaSigillo { sigillo }, Some(segreto), None).await?;
    s.sigilli.cambiato(c.ente.ipa(), &c.aoo);
    Ok(creato(s.sigilli.in_json(&*c.ente, &c.aoo).await?))
}

/// The form for a provider, filled. Changes nothing.
pub async fn modulo(c: Chiamante, corpo: String) -> Risposta<Response> {
    configura_il_sigillo(&c)?;
    let d: DatiModulo = dominio::lettura::leggi(json_di(&corpo, "corpo")?)?;
    let ente = ente_di(&c)?;
    let pieno = d.pieno(&ente)?;
    let conf = c.ente.configurazione();
    let aoo = conf.aoo.get(&c.aoo).ok_or_else(|| Problema::non_trovato("l'AOO non esiste"))?;
    let byte = stampe::in_disparte(|| stampe::richiesta_sigillo(&ente, aoo, &pieno, c.ente.ora()))?;
    Ok(stampe::risposta(byte, &format!("richiesta-sigillo-{}-{}", ente.ipa, c.aoo)))
}

#[derive(Serialize, Deserialize)]
struct Motivo {
    motivo: String,
}

/// Seals nothing more.
pub async fn togli(State(s): State<Arc<Servizio>>, c: Chiamante, h: HeaderMap, corpo: String) -> Risposta<Response> {
    crea(&c, &h, &corpo, "sigillo/rimozione", |d: Motivo| C::TogliSigillo { motivo: d.motivo }).await?;
    // Its key is not kept open.
    s.sigilli.cambiato(c.ente.ipa(), &c.aoo);
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
