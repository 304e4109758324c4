//! `POST R`: registers a document (contract § 2).

use std::sync::Arc;

use archivio::store::DaRegistrare;
use axum::Json;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dominio::errori::Rigore;
use dominio::nuova::NuovaRegistrazione;

use super::{Percorso, Risposta, completa, idempotenza, indirizzo, json_di};
use crate::problema::Problema;
use crate::ricezione::{Corpo, Parti, ricevi};
use crate::token::Chiamante;
use crate::{Servizio, chiamate, entro};

pub async fn crea(
    State(s): State<Arc<Servizio>>,
    c: Chiamante,
    Path(p): Path<Percorso>,
    h: HeaderMap,
    corpo: Result<Corpo, MultipartRejection>,
) -> Risposta<Response> {
    let registro = p.registro()?;
    let corpo = corpo.map_err(|_| Problema::formato("serve un corpo multipart/form-data con la parte «dati»"))?;
    let parti = Parti { testi: &["dati"], liberi: false, primario: Some("documento"), allegato: "allegato" };
    let mut r = ricevi(&*c.ente, corpo.0, parti, s.limiti).await?;
    s.sola_lettura.scrivibile().await?;
    let testo = r.testo("dati").ok_or_else(|| Problema::campo("dati", "manca la parte «dati» della richiesta"))?;
    let dati = json_di(testo, "dati")?;
    let operazione = format!("registra/{registro}");
    let idem = idempotenza(&h, &c.ambito, &operazione, &dati, &r.impronte())?;
    let mut dati = dominio::lettura::leggi::<NuovaRegistrazione>(dati)?;
    r.con_la_segnatura(&mut dati).await;
    let nuova = DaRegistrare {
        chi: c.chi.clone(),
        registro,
        rigore: Rigore::Operatore,
        dati,
        file: r.file,
        idempotenza: idem,
        controllo: Some(s.sigilli.controllo(&*c.ente)),
    };
    entro(s.limiti.attesa_max, registra(&s, &c, nuova)).await?
}

async fn registra(s: &Servizio, c: &Chiamante, nuova: DaRegistrare) -> Risposta<Response> {
    // As of that operation: a repeated request gets the first answer, whatever came after.
    let (fatto, reg) = c.ente.registra_e_mostra(&c.aoo, nuova).await?;
    if !fatto.ripetuta {
        s.metriche.registrata();
    }
    let (sigillo, file) = (reg.dati.sigillo_richiesto, !reg.documenti.is_empty());
    chiamate::dopo(&s.sigilli, &s.esami, c.ente.ipa(), &fatto, sigillo, file);
    let corpo = completa(&*c.ente, &c.aoo, &reg, Some(fatto.voce));
    let posto = indirizzo(&*c.ente, &c.aoo, &reg.chiave);
    Ok((StatusCode::CREATED, [(header::LOCATION, posto)], Json(corpo)).into_response())
}
