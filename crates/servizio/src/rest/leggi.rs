//! Reading the register: lists, one registration now and then, its story, comparisons.

use std::collections::BTreeMap;

use archivio::store::{Azione, Filtro};
use axum::Json;
use axum::extract::{Path, Query};
use dominio::operazione::{Evento, Operazione};
use dominio::registrazione::{Registrazione, Stato, Tipo};
use dominio::storia::{cambiamenti, confronta};
use dominio::tempo::Istante;
use serde_json::{Value, json};

use super::{Percorso, Risposta, cerca, completa, indirizzo, maschera, risposta, visibile};
use crate::problema::Problema;
use crate::token::Chiamante;

type Parametri = Query<BTreeMap<String, String>>;

/// Refuses parameters that do not exist: a misspelt filter is never ignored.
pub fn solo(q: &BTreeMap<String, String>, noti: &[&str]) -> Risposta<()> {
    match q.keys().find(|k| !noti.contains(&k.as_str())) {
        Some(k) => Err(Problema::campo(k, "parametro sconosciuto")),
        None => Ok(()),
    }
}

pub(super) fn letto<T: std::str::FromStr>(
    q: &BTreeMap<String, String>,
    nome: &str,
    forma: &str,
) -> Risposta<Option<T>> {
    match q.get(nome).filter(|v| !v.is_empty()) {
        None => Ok(None),
        Some(v) => v.parse().map(Some).map_err(|_| Problema::campo(nome, forma)),
    }
}

/// `limite` of a list.
pub fn limite(q: &BTreeMap<String, String>) -> Risposta<usize> {
    match letto::<usize>(q, "limite", "va da 1 a 200")? {
        None => Ok(50),
        Some(n) if (1..=200).contains(&n) => Ok(n),
        Some(_) => Err(Problema::campo("limite", "va da 1 a 200")),
    }
}

/// Parameters of a list of the register; the OpenAPI document names the same.
pub(super) const FILTRI: &[&str] = &[
    "q",
    "tipo",
    "dal",
    "al",
    "anno",
    "numero",
    "ufficio",
    "classificazione",
    "soggetto",
    "stato",
    "limite",
    "cursore",
];

/// Filters from a query string.
///
/// # Errors
/// 422 naming the parameter.
pub fn filtro(q: &BTreeMap<String, String>) -> Risposta<Filtro> {
    solo(q, FILTRI)?;
    const GIORNO: &str = "la data va scritta come 2026-11-23";
    let testo = |nome: &str| q.get(nome).filter(|v| !v.trim().is_empty()).cloned();
    let tipo = match testo("tipo") {
        None => None,
        Some(t) => {
            Some(Tipo::da_codice(&t).ok_or_else(|| Problema::campo("tipo", "può essere entrata, uscita o interna"))?)
        }
    };
    let stato = match testo("stato").as_deref() {
        None => None,
        Some("valida") => Some(Stato::Valida),
        Some("annullata") => Some(Stato::Annullata),
        Some("annullata-in-parte") => Some(Stato::AnnullataInParte),
        Some(_) => return Err(Problema::campo("stato", "può essere valida, annullata o annullata-in-parte")),
    };
    Ok(Filtro {
        q: testo("q"),
        tipo,
        dal: letto(q, "dal", GIORNO)?,
        al: letto(q, "al", GIORNO)?,
        anno: letto(q, "anno", "è un anno di quattro cifre")?,
        numero: letto(q, "numero", "è un numero intero")?,
        ufficio: letto(q, "ufficio", "non è un codice di ufficio")?,
        classificazione: letto(q, "classificazione", "non è un codice di classificazione")?,
        soggetto: testo("soggetto"),
        stato,
        cursore: testo("cursore"),
        limite: limite(q)?,
    })
}

pub async fn elenco(c: Chiamante, Path(p): Path<Percorso>, Query(q): Parametri) -> Risposta<Json<Value>> {
    let registro = p.registro()?;
    if !c.ente.configurazione().aoo.get(&c.aoo).is_some_and(|a| a.registri.contains_key(&registro)) {
        return Err(Problema::non_trovato(format!("il registro {registro} non esiste")));
    }
    let pagina = c.ente.cerca(&c.aoo, &c.chi, &registro, &filtro(&q)?).await?;
    let mut elementi = Vec::with_capacity(pagina.elementi.len());
    for t in &pagina.elementi {
        if t.visibile && t.registrazione.dati.riservato {
            crate::accessi::annota(&*c.ente, &c.aoo, &c.chi, &t.registrazione, Azione::Elenco).await?;
        }
        elementi.push(if t.visibile {
            completa(&*c.ente, &c.aoo, &t.registrazione, Some(t.voce))
        } else {
            maschera(&*c.ente, &c.aoo, &c.chi, &t.registrazione)?
        });
    }
    Ok(Json(json!({"elementi": elementi, "successivo": pagina.successivo})))
}

pub async fn una(c: Chiamante, Path(p): Path<Percorso>, Query(q): Parametri) -> Risposta<Json<Value>> {
    solo(&q, &["alla"])?;
    let chiave = p.chiave()?;
    let Some(alla) = q.get("alla") else {
        let r = cerca(&*c.ente, &c.aoo, &chiave, None).await?;
        let puo = dominio::comandi::puo_vedere(&c.chi, &r);
        if puo {
            crate::accessi::annota(&*c.ente, &c.aoo, &c.chi, &r, Azione::Registrazione).await?;
        }
        let mut o = risposta(&*c.ente, &c.aoo, &c.chi, &r).await?;
        if puo && r.dati.tipo == Tipo::Entrata {
            let risposte = crate::accessi::risposte(&*c.ente, &c.aoo, &c.chi, &r).await?;
            o["risposte"] = risposte.iter().map(|k| indirizzo(&*c.ente, &c.aoo, k)).collect();
        }
        return Ok(Json(o));
    };
    let alla = Istante::leggi(alla).map_err(|m| Problema::campo("alla", m))?;
    // Who may not see it now may not see it then.
    let ora = cerca(&*c.ente, &c.aoo, &chiave, None).await?;
    if !dominio::comandi::puo_vedere(&c.chi, &ora) {
        return Ok(Json(maschera(&*c.ente, &c.aoo, &c.chi, &ora)?));
    }
    crate::accessi::annota(&*c.ente, &c.aoo, &c.chi, &ora, Azione::Registrazione).await?;
    let ops = c.ente.operazioni_di(&c.aoo, &chiave).await?;
    let r = Registrazione::da_operazioni(ops.iter().filter(|o| o.istante <= alla))
        .ok_or_else(|| Problema::non_trovato(format!("a quell'istante la registrazione {chiave} non esisteva")))?;
    let op = c.ente.scan_from(&archivio::store::Registro::Aoo(c.aoo.clone()), r.indice, 1).await?;
    Ok(Json(completa(&*c.ente, &c.aoo, &r, op.first().map(|o| o.voce))))
}

/// Published name of an event.
fn nome(e: &Evento) -> String {
    serde_json::to_value(e)
        .ok()
        .and_then(|v| v.get("operazione").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_default()
}

pub async fn storia(c: Chiamante, Path(p): Path<Percorso>) -> Risposta<Json<Value>> {
    let chiave = p.chiave()?;
    visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Storia).await?;
    Ok(Json(storia_di(&c.ente.operazioni_di(&c.aoo, &chiave).await?)))
}

/// Every operation with what was before and after it, oldest first.
pub(crate) fn storia_di(ops: &[Operazione]) -> Value {
    let mut elementi = Vec::with_capacity(ops.len());
    let mut stato: Option<Registrazione> = None;
    for op in ops {
        let (prima, dopo) = passo(&mut stato, op);
        elementi.push(json!({
            "indice": op.indice,
            "istante": op.istante.con_offset(),
            "operatore": {
                "id": op.operatore.id, "nome": op.operatore.nome,
                "ufficio": op.operatore.ufficio, "perContoDi": op.operatore.per_conto_di,
            },
            "porta": op.porta,
            "tipo": nome(&op.evento),
            "prima": prima,
            "dopo": dopo,
        }));
    }
    json!({"elementi": elementi, "successivo": null})
}

/// Applies one operation and says what it changed.
fn passo(stato: &mut Option<Registrazione>, op: &Operazione) -> (Value, Value) {
    match stato {
        None => {
            *stato = Registrazione::da_operazioni([op]);
            let dopo = stato.as_ref().map_or(Value::Null, |r| {
                Value::Object(r.in_json(op.ente.as_str(), op.aoo.as_ref().map_or("", |a| a.as_str())))
            });
            (Value::Null, dopo)
        }
        Some(r) => {
            let prima = r.clone();
            r.applica(op);
            let (p, d) = cambiamenti(&prima, r);
            (Value::Object(p), Value::Object(d))
        }
    }
}

pub async fn confronto(c: Chiamante, Path(p): Path<Percorso>, Query(q): Parametri) -> Risposta<Json<Value>> {
    solo(&q, &["da", "a"])?;
    let chiave = p.chiave()?;
    visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Storia).await?;
    let indice = |nome: &str| -> Risposta<u64> {
        letto(&q, nome, "è l'indice di un'operazione della registrazione")?
            .ok_or_else(|| Problema::campo(nome, "va indicato l'indice di un'operazione della registrazione"))
    };
    let (da, a) = (indice("da")?, indice("a")?);
    let ops = c.ente.operazioni_di(&c.aoo, &chiave).await?;
    let fino = |campo: &str, i: u64| {
        if !ops.iter().any(|o| o.indice == i) {
            return Err(Problema::campo(campo, "non è l'indice di un'operazione della registrazione"));
        }
        Registrazione::da_operazioni(ops.iter().filter(|o| o.indice <= i))
            .ok_or_else(|| Problema::campo(campo, "non è l'indice di un'operazione della registrazione"))
    };
    let differenze = confronta(&fino("da", da)?, &fino("a", a)?);
    Ok(Json(json!({"da": da, "a": a, "elementi": differenze})))
}
