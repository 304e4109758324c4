//! Annulments (TUDA art. 54): asked, authorised or refused, made in one step; and their register.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query};
use axum::http::HeaderMap;
use axum::response::Response;
use dominio::annullamento::{Oggetto, ProvvedimentoDato, Valori};
use dominio::comandi::Comando;
use dominio::nuova::richiede_lettura;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::azioni::fai;
use super::leggi::{limite, solo};
use super::{Percorso, Risposta, indirizzo};
use crate::accessi::annota_elenco;
use crate::problema::Problema;
use crate::token::Chiamante;

type Parametri = Query<BTreeMap<String, String>>;

/// What is asked, or done. Everything may be missing: the rules name it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dati {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    motivo: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provvedimento: Option<ProvvedimentoDato>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    campi: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nuovi_valori: Option<Valori>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Richiesta {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    motivo: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    campi: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nuovi_valori: Option<Valori>,
}

#[derive(Serialize, Deserialize)]
struct Decisione {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    motivo: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provvedimento: Option<ProvvedimentoDato>,
}

#[derive(Serialize, Deserialize)]
struct Rifiuto {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    motivo: Option<String>,
}

pub async fn annulla(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    fai(c, &p, &h, &corpo, "annulla", |d: Dati| Comando::Annulla {
        motivo: d.motivo.unwrap_or_default(),
        provvedimento: d.provvedimento,
        oggetto: Oggetto { campi: d.campi, nuovi_valori: d.nuovi_valori, visto: None },
    })
    .await
}

pub async fn chiedi(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    fai(c, &p, &h, &corpo, "chiedi-annullamento", |d: Richiesta| Comando::ChiediAnnullamento {
        motivo: d.motivo.unwrap_or_default(),
        oggetto: Oggetto { campi: d.campi, nuovi_valori: d.nuovi_valori, visto: None },
    })
    .await
}

fn richiesta(p: &Percorso) -> Risposta<u32> {
    p.id.as_ref()
        .and_then(|i| i.parse().ok())
        .ok_or_else(|| Problema::non_trovato("la richiesta di annullamento non esiste"))
}

pub async fn autorizza(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let richiesta = richiesta(&p)?;
    fai(c, &p, &h, &corpo, &format!("autorizza-annullamento/{richiesta}"), |d: Decisione| {
        Comando::AutorizzaAnnullamento { richiesta, motivo: d.motivo, provvedimento: d.provvedimento }
    })
    .await
}

pub async fn rifiuta(c: Chiamante, Path(p): Path<Percorso>, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let richiesta = richiesta(&p)?;
    fai(c, &p, &h, &corpo, &format!("rifiuta-annullamento/{richiesta}"), |d: Rifiuto| Comando::RifiutaAnnullamento {
        richiesta,
        motivo: d.motivo.unwrap_or_default(),
    })
    .await
}

/// The register of annulments, newest first, each with its act (R-B10).
pub async fn elenco(c: Chiamante, Query(q): Parametri) -> Risposta<Json<Value>> {
    richiede_lettura(&c.chi)?;
    solo(&q, &["limite", "cursore"])?;
    let pagina = c.ente.annullamenti(&c.aoo, &c.chi, q.get("cursore").map(String::as_str), limite(&q)?).await?;
    annota_elenco(&*c.ente, &c.aoo, &c.chi, pagina.elementi.iter().map(|a| &a.registrazione)).await?;
    let mut elementi = Vec::with_capacity(pagina.elementi.len());
    for a in &pagina.elementi {
        let r = &a.registrazione;
        let fatto = r.annullamenti.iter().find(|x| x.indice == a.indice);
        let mut v = serde_json::to_value(fatto).unwrap_or(Value::Null);
        if let Value::Object(o) = &mut v {
            o.insert("registrazione".to_owned(), breve(&c, r));
        }
        elementi.push(v);
    }
    Ok(Json(json!({"elementi": elementi, "successivo": pagina.successivo})))
}

/// Requests that wait for the RGD, oldest first (R-B06).
pub async fn richieste(c: Chiamante, Query(q): Parametri) -> Risposta<Json<Value>> {
    richiede_lettura(&c.chi)?;
    solo(&q, &["limite", "cursore"])?;
    let pagina =
        c.ente.richieste_annullamento(&c.aoo, &c.chi, q.get("cursore").map(String::as_str), limite(&q)?).await?;
    annota_elenco(&*c.ente, &c.aoo, &c.chi, pagina.elementi.iter().map(|x| &x.registrazione)).await?;
    let elementi: Vec<Value> = pagina
        .elementi
        .iter()
        .map(|x| {
            let mut v = serde_json::to_value(x.registrazione.richiesta(x.richiesta)).unwrap_or(Value::Null);
            if let Value::Object(o) = &mut v {
                o.insert("registrazione".to_owned(), breve(&c, &x.registrazione));
            }
            v
        })
        .collect();
    Ok(Json(json!({"elementi": elementi, "successivo": pagina.successivo})))
}

/// Which registration a line is about, with its mark.
fn breve(c: &Chiamante, r: &dominio::registrazione::Registrazione) -> Value {
    let k = &r.chiave;
    json!({
        "id": format!("{}/{}/{k}", c.ente.ipa(), c.aoo),
        "registro": k.registro, "anno": k.anno, "numero": k.numero, "numeroEsteso": k.numero.esteso(),
        "istante": r.istante.con_offset(), "tipo": r.dati.tipo, "oggetto": r.dati.oggetto, "stato": r.stato,
        "links": {"self": indirizzo(&*c.ente, &c.aoo, k)},
    })
}
