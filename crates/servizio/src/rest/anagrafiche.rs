//! Offices, titolario, fascicoli, rubrica, registers: lists and their creation (contract § 2).

use std::collections::BTreeMap;

use archivio::store::{Corrispondente, Fascicolo, Fatto};
use axum::Json;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dominio::codici::{CodiceUfficio, CodiceVoce};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::{DatiRegistro, StatoAoo};
use dominio::soggetto::Soggetto;
use dominio::tempo::Giorno;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Percorso, Risposta, idempotenza, json_di};
use crate::problema::Problema;
use crate::rest::leggi::{limite, solo};
use crate::token::Chiamante;

type Parametri = Query<BTreeMap<String, String>>;

fn stato(c: &Chiamante) -> Risposta<(std::sync::Arc<dominio::configurazione::Configurazione>, String)> {
    let conf = c.ente.configurazione();
    if conf.aoo.contains_key(&c.aoo) {
        Ok((conf, c.aoo.to_string()))
    } else {
        Err(Problema::non_trovato("l'AOO non esiste"))
    }
}

/// Body, command, answer 201 with what was made.
pub(super) async fn crea<T: DeserializeOwned + Serialize>(
    c: &Chiamante,
    h: &HeaderMap,
    corpo: &str,
    azione: &str,
    comando: impl FnOnce(T) -> C,
) -> Risposta<Fatto> {
    let dati = json_di(corpo, "corpo")?;
    let idem = idempotenza(h, &c.ambito, azione, &dati, &[])?;
    let comando = comando(dominio::lettura::leggi(dati)?);
    Ok(c.ente.configura(&c.aoo, &c.chi, comando, None, idem).await?)
}

pub(super) fn creato(corpo: Value) -> Response {
    (StatusCode::CREATED, Json(corpo)).into_response()
}

/// Offices below `padre`, as a tree.
pub fn albero_uffici(aoo: &StatoAoo, padre: Option<&CodiceUfficio>) -> Vec<Value> {
    aoo.uffici
        .values()
        .filter(|u| u.padre.as_ref() == padre)
        .map(|u| {
            json!({
                "codice": u.codice, "denominazione": u.denominazione, "padre": u.padre,
                "dal": u.dal.con_offset(), "al": u.al.map(|t| t.con_offset()),
                "figli": albero_uffici(aoo, Some(&u.codice)),
            })
        })
        .collect()
}

pub async fn uffici(c: Chiamante, Path(_): Path<Percorso>) -> Risposta<Json<Value>> {
    let (conf, _) = stato(&c)?;
    Ok(Json(json!({"elementi": albero_uffici(&conf.aoo[&c.aoo], None), "successivo": null})))
}

#[derive(Serialize, Deserialize)]
struct NuovoUfficio {
    codice: CodiceUfficio,
    denominazione: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    padre: Option<CodiceUfficio>,
}

#[derive(Serialize, Deserialize)]
struct Conferma {
    motivo: String,
}

/// The RGD vouches for the clock as it is: registrations, stopped by a jump forward, go on (R-A21).
pub async fn conferma_orologio(c: Chiamante, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let fatto = crea(&c, &h, &corpo, "orologio", |d: Conferma| C::ConfermaOrologio { motivo: d.motivo }).await?;
    Ok(creato(json!({"indice": fatto.indice, "istante": fatto.istante.con_offset()})))
}

pub async fn crea_ufficio(c: Chiamante, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let mut codice = None;
    crea(&c, &h, &corpo, "ufficio", |d: NuovoUfficio| {
        codice = Some(d.codice.clone());
        C::CreaUfficio { codice: d.codice, denominazione: d.denominazione, padre: d.padre }
    })
    .await?;
    let conf = c.ente.configurazione();
    let u = codice.as_ref().and_then(|k| conf.aoo.get(&c.aoo)?.uffici.get(k));
    Ok(creato(json!({
        "codice": codice, "denominazione": u.map(|u| &u.denominazione), "padre": u.and_then(|u| u.padre.as_ref()),
        "dal": u.map(|u| u.dal.con_offset()), "al": null, "figli": [],
    })))
}

/// Entries of the titolario as a tree: `1.6` is below `1`. Each with every validity it had, oldest first (R-I03).
pub fn albero_titolario(aoo: &StatoAoo, oggi: Giorno, padre: Option<&str>) -> Vec<Value> {
    aoo.titolario
        .iter()
        .filter(|(codice, _)| genitore(aoo, codice).as_deref() == padre)
        .filter_map(|(codice, versioni)| {
            let v = versioni.iter().rev().find(|v| v.valida(oggi)).or_else(|| versioni.last())?;
            Some(json!({
                "codice": codice, "denominazione": v.denominazione, "dal": v.dal, "al": v.al, "valida": v.valida(oggi),
                "versioni": versioni.iter().map(|v| json!({"denominazione": v.denominazione, "dal": v.dal, "al": v.al}))
                    .collect::<Vec<_>>(),
                "figli": albero_titolario(aoo, oggi, Some(codice.as_str())),
            }))
        })
        .collect()
}

/// The nearest entry above that exists.
fn genitore(aoo: &StatoAoo, codice: &CodiceVoce) -> Option<String> {
    let mut c = codice.as_str();
    while let Some((sopra, _)) = c.rsplit_once('.') {
        if sopra.parse::<CodiceVoce>().is_ok_and(|k| aoo.titolario.contains_key(&k)) {
            return Some(sopra.to_owned());
        }
        c = sopra;
    }
    None
}

pub async fn titolario(c: Chiamante, Path(_): Path<Percorso>) -> Risposta<Json<Value>> {
    let (conf, _) = stato(&c)?;
    let oggi = c.ente.ora().giorno();
    Ok(Json(json!({"elementi": albero_titolario(&conf.aoo[&c.aoo], oggi, None), "successivo": null})))
}

#[derive(Serialize, Deserialize)]
struct NuovaVoce {
    codice: CodiceVoce,
    denominazione: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dal: Option<Giorno>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    al: Option<Giorno>,
}

pub async fn apri_voce(c: Chiamante, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let mut codice = None;
    crea(&c, &h, &corpo, "voce", |d: NuovaVoce| {
        codice = Some(d.codice.clone());
        C::ApriVoce { codice: d.codice, denominazione: d.denominazione, dal: d.dal, al: d.al }
    })
    .await?;
    let conf = c.ente.configurazione();
    let v = codice.as_ref().and_then(|k| conf.aoo.get(&c.aoo)?.titolario.get(k)?.last());
    Ok(creato(json!({
        "codice": codice, "denominazione": v.map(|v| &v.denominazione), "dal": v.map(|v| v.dal),
        "al": v.and_then(|v| v.al), "figli": [],
    })))
}

fn fascicolo(f: &Fascicolo) -> Value {
    json!({
        "codice": f.codice, "denominazione": f.oggetto, "classificazione": f.classificazione, "oggetto": f.oggetto,
        "ufficio": f.ufficio, "apertura": f.apertura.con_offset(), "documenti": f.documenti, "figli": [],
    })
}

pub async fn fascicoli(c: Chiamante, Query(q): Parametri) -> Risposta<Json<Value>> {
    solo(&q, &["limite", "cursore"])?;
    dominio::nuova::richiede(&c.chi, dominio::permessi::Diritto::Consulta)?;
    let p = c.ente.fascicoli(&c.aoo, q.get("cursore").map(String::as_str), limite(&q)?).await?;
    let elementi: Vec<Value> = p.elementi.iter().map(fascicolo).collect();
    Ok(Json(json!({"elementi": elementi, "successivo": p.successivo})))
}

#[derive(Serialize, Deserialize)]
struct NuovoFascicolo {
    classificazione: CodiceVoce,
    oggetto: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ufficio: Option<CodiceUfficio>,
}

pub async fn crea_fascicolo(c: Chiamante, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let fatto = crea(&c, &h, &corpo, "fascicolo", |d: NuovoFascicolo| C::CreaFascicolo {
        classificazione: d.classificazione,
        oggetto: d.oggetto,
        ufficio: d.ufficio,
    })
    .await?;
    let log = archivio::store::Registro::Aoo(c.aoo.clone());
    let op = c.ente.scan_from(&log, fatto.indice, 1).await?;
    let campo = |k: &str| op.first().and_then(|o| o.campi.get(k)).cloned().unwrap_or(Value::Null);
    Ok(creato(json!({
        "codice": campo("fascicolo"), "denominazione": campo("oggetto"), "classificazione": campo("classificazione"),
        "oggetto": campo("oggetto"), "ufficio": campo("ufficio"), "apertura": fatto.istante.con_offset(),
        "documenti": 0, "figli": [],
    })))
}

fn corrispondente(k: &Corrispondente) -> Value {
    let mut v = serde_json::to_value(&k.soggetto).unwrap_or(Value::Null);
    v["id"] = json!(k.id);
    v["codice"] = json!(k.soggetto.codice());
    if v.get("denominazione").is_none() {
        v["denominazione"] = k.soggetto.nome_completo().into();
    }
    v
}

pub async fn rubrica(c: Chiamante, Query(q): Parametri) -> Risposta<Json<Value>> {
    solo(&q, &["q", "limite", "cursore"])?;
    use dominio::permessi::Diritto as D;
    if ![D::Consulta, D::RegistraUscita, D::RegistraEntrata, D::GestisceRubrica].iter().any(|d| c.chi.diritti.ha(*d)) {
        dominio::nuova::richiede(&c.chi, D::GestisceRubrica)?;
    }
    let n = limite(&q)?;
    if let Some(parole) = q.get("q").filter(|t| !t.trim().is_empty()) {
        let trovati = c.ente.corrispondenti(&c.aoo, parole, n).await?;
        let elementi: Vec<Value> = trovati.iter().filter(|k| k.id > 0).map(corrispondente).collect();
        return Ok(Json(json!({"elementi": elementi, "successivo": null})));
    }
    let p = c.ente.rubrica(&c.aoo, q.get("cursore").map(String::as_str), n).await?;
    let elementi: Vec<Value> = p.elementi.iter().map(corrispondente).collect();
    Ok(Json(json!({"elementi": elementi, "successivo": p.successivo})))
}

pub async fn aggiungi_corrispondente(c: Chiamante, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let mut chi: Option<Soggetto> = None;
    let fatto = crea(&c, &h, &corpo, "corrispondente", |s: Soggetto| {
        chi = Some(s.clone());
        C::AggiungiCorrispondente { soggetto: s }
    })
    .await?;
    Ok(creato(chi.map_or(Value::Null, |soggetto| corrispondente(&Corrispondente { id: fatto.indice, soggetto }))))
}

pub async fn registri(c: Chiamante) -> Risposta<Json<Value>> {
    let (conf, _) = stato(&c)?;
    let elementi: Vec<Value> = conf.aoo[&c.aoo]
        .registri
        .values()
        .map(|r| json!({"codice": r.codice, "denominazione": r.denominazione, "figli": []}))
        .collect();
    Ok(Json(json!({"elementi": elementi, "successivo": null})))
}

pub async fn crea_registro(c: Chiamante, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let mut codice = None;
    crea(&c, &h, &corpo, "registro", |d: DatiRegistro| {
        codice = Some((d.codice.clone(), d.denominazione.clone()));
        C::CreaRegistro(d)
    })
    .await?;
    let (codice, denominazione) = codice.map_or((None, None), |(a, b)| (Some(a), Some(b)));
    Ok(creato(json!({"codice": codice, "denominazione": denominazione, "figli": []})))
}
