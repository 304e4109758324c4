//! What may be done to a registration: assign, classify, add. Everything else is 405 (R-B02).

use std::sync::Arc;

use archivio::store::{Azione, FileCaricato};
use axum::Json;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dominio::codici::CodiceVoce;
use dominio::comandi::{Comando, puo_vedere};
use dominio::registrazione::{Chiave, DatiAssegnazione, Documento, RiferimentoEsteso};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Percorso, Risposta, cerca, idempotenza, json_di, maschera, risposta};
use crate::problema::Problema;
use crate::ricezione::{Corpo, Parti, ricevi};
use crate::token::Chiamante;
use crate::{Servizio, entro};

#[derive(Serialize, Deserialize)]
struct Assegna {
    assegnazioni: Vec<DatiAssegnazione>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nota: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Motivo {
    motivo: String,
}

#[derive(Serialize, Deserialize)]
struct Nota {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nota: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Classifica {
    classificazione: CodiceVoce,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    motivo: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Annota {
    testo: String,
}

#[derive(Serialize, Deserialize)]
struct Collega {
    riferimento: RiferimentoEsteso,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nota: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Fascicola {
    fascicolo: String,
}

/// Body, command, answer.
pub(super) async fn fai<T: DeserializeOwned + Serialize>(
    c: Chiamante,
    p: &Percorso,
    h: &HeaderMap,
    corpo: &str,
    azione: &str,
    comando: impl FnOnce(T) -> Comando,
) -> Risposta<Response> {
    let chiave = p.chiave()?;
    let dati = if corpo.trim().is_empty() { Value::Object(serde_json::Map::new()) } else { json_di(corpo, "corpo")? };
    let idem = idempotenza(h, &c.ambito, &format!("{azione}/{chiave}"), &dati, &[])?;
    let comando = comando(dominio::lettura::leggi(dati)?);
    let fatto = c.ente.comanda(&c.aoo, &c.chi, &chiave, comando, Vec::new(), idem).await?;
    concludi_risposta(&c, &chiave, fatto.indice).await
}

async fn concludi_risposta(c: &Chiamante, chiave: &Chiave, fino: u64) -> Risposta<Response> {
    mostra_fatto(c, chiave, fino).await.map_err(|p| p.dopo_il_fatto(chiave))
}

async fn mostra_fatto(c: &Chiamante, chiave: &Chiave, fino: u64) -> Risposta<Response> {
    // Who may not see it now is not shown it as it was: a repeated request gives nothing more away.
    let ora = cerca(&*c.ente, &c.aoo, chiave, None).await?;
    let corpo = if puo_vedere(&c.chi, &ora) {
        crate::accessi::annota(&*c.ente, &c.aoo, &c.chi, &ora, Azione::Registrazione).await?;
        let r = if ora.ultimo_indice == fino { ora } else { cerca(&*c.ente, &c.aoo, chiave, Some(fino)).await? };
        risposta(&*c.ente, &c.aoo, &c.chi, &r).await?
    } else {
        maschera(&*c.ente, &c.aoo, &c.chi, &ora)?
    };
    Ok((StatusCode::CREATED, Json(corpo)).into_response())
}

fn numero(p: &Percorso) -> Risposta<u32> {
    p.id.as_ref().and_then(|i| i.parse().ok()).ok_or_else(|| Problema::non_trovato("l'assegnazione non esiste"))
}

pub async fn assegna(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    fai(c, &p, &h, &corpo, "assegna", |d: Assegna| Comando::Assegna { assegnazioni: d.assegnazioni, nota: d.nota })
        .await
}

pub async fn prendi(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let assegnazione = numero(&p)?;
    fai(c, &p, &h, &corpo, &format!("prendi/{assegnazione}"), |_: Nota| Comando::PrendiInCarico { assegnazione }).await
}

pub async fn rifiuta(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let assegnazione = numero(&p)?;
    fai(c, &p, &h, &corpo, &format!("rifiuta/{assegnazione}"), |d: Motivo| Comando::Rifiuta {
        assegnazione,
        motivo: d.motivo,
    })
    .await
}

pub async fn concludi(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let assegnazione = numero(&p)?;
    fai(c, &p, &h, &corpo, &format!("concludi/{assegnazione}"), |d: Nota| Comando::Concludi {
        assegnazione,
        nota: d.nota,
    })
    .await
}

pub async fn classifica(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    fai(c, &p, &h, &corpo, "classifica", |d: Classifica| Comando::Classifica {
        classificazione: d.classificazione,
        motivo: d.motivo,
    })
    .await
}

pub async fn annota(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    fai(c, &p, &h, &corpo, "annota", |d: Annota| Comando::Annota { testo: d.testo }).await
}

pub async fn collega(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    fai(c, &p, &h, &corpo, "collega", |d: Collega| Comando::Collega { riferimento: d.riferimento, nota: d.nota }).await
}

pub async fn fascicola(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    fai(c, &p, &h, &corpo, "fascicola", |d: Fascicola| Comando::Fascicola { fascicolo: d.fascicolo }).await
}

/// Files added later: parts `allegato`, and `dati` with a description (R-B14, R-A17).
pub async fn allega(
    State(s): State<Arc<Servizio>>,
    c: Chiamante,
    Path(p): Path<Percorso>,
    h: HeaderMap,
    corpo: Result<Corpo, MultipartRejection>,
) -> Risposta<Response> {
    #[derive(Serialize, Deserialize)]
    struct Dati {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        descrizione: Option<String>,
    }
    let chiave = p.chiave()?;
    let corpo = corpo.map_err(|_| Problema::formato("serve un corpo multipart/form-data con parti «allegato»"))?;
    let parti = Parti { testi: &["dati"], liberi: false, primario: None, allegato: "allegato" };
    let r = ricevi(&*c.ente, corpo.0, parti, s.limiti).await?;
    s.sola_lettura.scrivibile().await?;
    let dati = json_di(r.testo("dati").unwrap_or("{}"), "dati")?;
    let idem = idempotenza(&h, &c.ambito, &format!("allega/{chiave}"), &dati, &r.impronte())?;
    let descrizione = dominio::lettura::leggi::<Dati>(dati)?.descrizione;
    let documenti: Vec<Documento> = (1..).zip(&r.file).map(|(n, f)| archivio::store::documento(n, f)).collect();
    let file: Vec<FileCaricato> = r.file.into_iter().map(|f| f.file).collect();
    let comando = Comando::Allega { documenti, descrizione };
    entro(s.limiti.attesa_max, async {
        let fatto = c.ente.comanda(&c.aoo, &c.chi, &chiave, comando, file, idem).await?;
        s.esami.sveglia(c.ente.ipa());
        concludi_risposta(&c, &chiave, fatto.indice).await
    })
    .await?
}
