//! The statement that binds a log's keys to the ente, without a token: as public as the keys (contract § 2).

use std::sync::Arc;

use archivio::EnteStore;
use archivio::store::Registro;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use super::{Risposta, log};
use crate::Servizio;
use crate::scarico::disposizione;
use crate::stampe::{self, Dichiarazione};

async fn xml_di(e: &dyn EnteStore, r: &Registro) -> Risposta<Response> {
    let d = stampe::dichiarazione(e, r).await?;
    let capi = [
        (header::CONTENT_TYPE, "application/xml; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, disposizione(&format!("{}.xml", nome(e, r)), true)),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    Ok((capi, d.xml()).into_response())
}

async fn pdf_di(e: &dyn EnteStore, r: &Registro) -> Risposta<Response> {
    let d = stampe::dichiarazione(e, r).await?;
    let byte = stampe::in_disparte(move || Dichiarazione::pdf(&d))?;
    Ok(([(header::CACHE_CONTROL, "no-cache")], stampe::risposta(byte, &nome(e, r))).into_response())
}

fn nome(e: &dyn EnteStore, r: &Registro) -> String {
    match r {
        Registro::Ente => format!("dichiarazione-chiavi-{}", e.ipa()),
        Registro::Aoo(a) => format!("dichiarazione-chiavi-{}-{a}", e.ipa()),
    }
}

pub async fn xml(State(s): State<Arc<Servizio>>, Path((i, a)): Path<(String, String)>) -> Risposta<Response> {
    let (e, r) = log::di_aoo(&s, &i, &a).await?;
    xml_di(&*e, &r).await
}

pub async fn pdf(State(s): State<Arc<Servizio>>, Path((i, a)): Path<(String, String)>) -> Risposta<Response> {
    let (e, r) = log::di_aoo(&s, &i, &a).await?;
    pdf_di(&*e, &r).await
}

pub async fn xml_ente(State(s): State<Arc<Servizio>>, Path(i): Path<String>) -> Risposta<Response> {
    xml_di(&*log::ente(&s, &i).await?, &Registro::Ente).await
}

pub async fn pdf_ente(State(s): State<Arc<Servizio>>, Path(i): Path<String>) -> Risposta<Response> {
    pdf_di(&*log::ente(&s, &i).await?, &Registro::Ente).await
}
