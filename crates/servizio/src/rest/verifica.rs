//! `…/documenti/{n}/verifica` and `…/contenuto/{impronta}`: the signatures of a file as they were found, each time (R-C12, R-H09).

use std::sync::Arc;

use archivio::store::{Azione, EsamiDi};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use dominio::codici::Impronta;
use dominio::registrazione::{Documento, Registrazione};
use serde_json::{Value, json};

use super::anagrafiche::creato;
use super::documenti::nominato;
use super::{Percorso, Risposta, indirizzo, visibile};
use crate::esami::lettura::Letto;
use crate::problema::Problema;
use crate::scarico;
use crate::token::Chiamante;
use crate::{Servizio, entro};

/// Verdicts of a file answered together, characters: the newest.
const CARATTERI: usize = 4 << 20;

/// What is known.
pub async fn stato(c: Chiamante, Path(p): Path<Percorso>) -> Risposta<Json<Value>> {
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &p.chiave()?, Azione::Documento).await?;
    let d = nominato(&r, &p)?;
    in_json(&c, &r, d).await.map(Json)
}

/// Examines it now.
pub async fn adesso(State(s): State<Arc<Servizio>>, c: Chiamante, Path(p): Path<Percorso>) -> Risposta<Response> {
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &p.chiave()?, Azione::Documento).await?;
    let d = nominato(&r, &p)?;
    let da = c.ente.esaminabile(&c.aoo, &r.chiave, d.n).await?.ok_or_else(non_c_e)?;
    s.esami.adesso(&*c.ente, da, &c.chi.id).await?;
    Ok(creato(in_json(&c, &r, d).await?))
}

/// What an envelope has inside: always to be saved, never shown.
pub async fn contenuto(State(s): State<Arc<Servizio>>, c: Chiamante, Path(p): Path<Percorso>) -> Risposta<Response> {
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &p.chiave()?, Azione::Documento).await?;
    let d = nominato(&r, &p)?;
    let quale = p.impronta.as_deref().and_then(|i| i.parse::<Impronta>().ok()).ok_or_else(non_c_e)?;
    let esami = c.ente.esami(&c.aoo, &r.chiave, Some(d.n), 0).await?;
    let voce = letto(&esami).and_then(|l| suo(&l, d, quale)).ok_or_else(non_c_e)?;
    let da = c.ente.esaminabile(&c.aoo, &r.chiave, d.n).await?.ok_or_else(non_c_e)?;
    let che = entro(s.limiti.attesa_max, s.esami.contenuto(&*c.ente, &da, quale)).await??.ok_or_else(non_c_e)?;
    Ok(scarico::contenuto(che, voce.nome.as_deref().unwrap_or_default(), &voce.mime))
}

/// A content of a document, by its hash, as a verdict names it.
pub(crate) fn suo(l: &Letto, d: &Documento, quale: Impronta) -> Option<crate::esami::lettura::Contenuto> {
    let hex = quale.hex();
    l.contenuti(&d.nome, &d.impronta.hex()).into_iter().find(|x| x.impronta == hex)
}

/// The last verdict.
pub(crate) fn letto(e: &EsamiDi) -> Option<Letto> {
    Letto::di(&e.esami.first()?.esame.esito)
}

fn non_c_e() -> Problema {
    Problema::non_trovato("nel documento non c'è un contenuto con questa impronta")
}

async fn in_json(c: &Chiamante, r: &Registrazione, d: &Documento) -> Risposta<Value> {
    let esami = c.ente.esami(&c.aoo, &r.chiave, Some(d.n), CARATTERI).await?;
    let quanti = esami.quanti.iter().find(|(n, _)| *n == d.n).map_or(0, |(_, k)| *k);
    let base = format!("{}/documenti/{}", indirizzo(&*c.ente, &c.aoo, &r.chiave), d.n);
    let contenuti: Vec<Value> = letto(&esami)
        .map(|l| l.contenuti(&d.nome, &d.impronta.hex()))
        .unwrap_or_default()
        .into_iter()
        .map(|x| {
            let href = format!("{base}/contenuto/{}", x.impronta);
            json!({"nome": x.nome, "mime": x.mime, "byte": x.byte, "impronta": x.impronta, "href": href})
        })
        .collect();
    let stato = match (esami.esami.is_empty(), esami.in_attesa.contains(&d.n)) {
        (false, _) => "esaminato",
        (true, true) => "in-corso",
        (true, false) => "senza-firme",
    };
    let fatti: Vec<Value> = esami
        .esami
        .into_iter()
        .map(|e| {
            json!({
                "numero": e.k, "istante": e.esame.istante.con_offset(), "riferimento": e.riferimento.con_offset(),
                "richiestoDa": e.chi, "versione": e.esame.versione,
                "fiducia": Some(e.esame.fiducia).filter(|f| !f.is_empty()),
                "esito": serde_json::from_str::<Value>(&e.esame.esito).unwrap_or_default(),
            })
        })
        .collect();
    Ok(json!({
        "n": d.n, "nome": d.nome, "impronta": d.impronta, "stato": stato, "quanti": quanti, "esami": fatti, "contenuti": contenuti,
        "links": {"self": format!("{base}/verifica"), "documento": base},
    }))
}
