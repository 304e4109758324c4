//! `GET …/etichetta.pdf`, `…/etichetta.txt`, `…/documento-timbrato.pdf`: the segnatura that is seen (R-C16, R-C17).

use std::collections::BTreeMap;
use std::sync::Arc;

use archivio::store::Azione;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use stampa::timbro::Posizione;

use super::leggi::{letto, solo};
use super::{Percorso, Risposta, visibile};
use crate::Servizio;
use crate::problema::Problema;
use crate::stampe;
use crate::token::Chiamante;

/// Labels by their name, with their measures in millimetres; the first is meant when none is named.
pub(crate) const FORMATI: [(&str, (u16, u16)); 2] = [("89x36", (89, 36)), ("100x50", (100, 50))];

type Domanda = BTreeMap<String, String>;

/// The measures asked for.
pub(crate) fn formato(scritto: Option<&str>) -> Risposta<(u16, u16)> {
    let scritto = scritto.filter(|s| !s.is_empty()).unwrap_or(FORMATI[0].0);
    let trovato = FORMATI.iter().find(|(nome, _)| *nome == scritto);
    trovato.map(|(_, misure)| *misure).ok_or_else(|| Problema::campo("formato", "è 89x36 o 100x50 (millimetri)"))
}

/// The label for a label printer.
pub async fn etichetta(
    State(s): State<Arc<Servizio>>,
    c: Chiamante,
    Path(p): Path<Percorso>,
    Query(q): Query<Domanda>,
) -> Risposta<Response> {
    solo(&q, &["formato"])?;
    let misure = formato(q.get("formato").map(String::as_str))?;
    let chiave = p.chiave()?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &chiave, Azione::Documento).await?;
    let conf = c.ente.configurazione();
    let l = stampe::luogo(&*c.ente, &c.aoo, &s.url_pubblico, &conf, &r).await?;
    let byte = stampe::in_disparte(|| stampe::etichetta(&l, &r, misure))?;
    Ok(stampe::risposta(byte, &stampe::nome_file("etichetta", &chiave)))
}

/// The same as text.
pub async fn etichetta_testo(
    State(s): State<Arc<Servizio>>,
    c: Chiamante,
    Path(p): Path<Percorso>,
    Query(q): Query<Domanda>,
) -> Risposta<Response> {
    solo(&q, &[])?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &p.chiave()?, Azione::Documento).await?;
    let conf = c.ente.configurazione();
    let l = stampe::luogo(&*c.ente, &c.aoo, &s.url_pubblico, &conf, &r).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], stampe::etichetta_testo(&l, &r)).into_response())
}

/// The copy with the stamp, or the cover sheet.
pub async fn documento(
    State(s): State<Arc<Servizio>>,
    c: Chiamante,
    Path(p): Path<Percorso>,
    Query(q): Query<Domanda>,
) -> Risposta<Response> {
    solo(&q, &["angolo"])?;
    let angolo =
        letto(&q, "angolo", "è alto-destra, alto-sinistra, basso-destra o basso-sinistra")?.unwrap_or_default();
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &p.chiave()?, Azione::Documento).await?;
    let conf = c.ente.configurazione();
    let l = stampe::luogo(&*c.ente, &c.aoo, &s.url_pubblico, &conf, &r).await?;
    stampe::documento_timbrato(&*c.ente, &l, &r, Posizione { angolo, ..Posizione::default() }).await
}
