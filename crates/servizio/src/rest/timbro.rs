//! `GET …/etichetta.pdf`, `…/etichetta.txt`, `…/documento-timbrato.pdf`: the segnatura that is seen (R-C16, R-C17); where an AOO
//! wants its stamp.

use std::collections::BTreeMap;
use std::sync::Arc;

use archivio::store::Azione;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse as _, Response};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::permessi::Diritto;
use dominio::timbro::PosizioneTimbro;
use serde_json::{Value, json};

use super::anagrafiche::{crea, creato};
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
    let angolo = letto(&q, "angolo", "è alto-destra, alto-sinistra, basso-destra o basso-sinistra")?;
    let r = visibile(&*c.ente, &c.aoo, &c.chi, &p.chiave()?, Azione::Documento).await?;
    let conf = c.ente.configurazione();
    let l = stampe::luogo(&*c.ente, &c.aoo, &s.url_pubblico, &conf, &r).await?;
    stampe::documento_timbrato(&*c.ente, &l, &r, stampe::posizione(&conf, &c.aoo, angolo)).await
}

/// Where the stamp goes.
pub async fn stato(c: Chiamante) -> Risposta<Json<Value>> {
    if !c.chi.diritti.ha(Diritto::Consulta) && !c.chi.diritti.ha(Diritto::GestisceConfigurazione) {
        return Err(Problema::vietato("per vederlo serve consultare il registro o gestire la configurazione"));
    }
    Ok(Json(json!(c.ente.configurazione().aoo.get(&c.aoo).map(|a| a.timbro))))
}

/// Says where it goes from now on.
pub async fn poni(c: Chiamante, h: HeaderMap, corpo: String) -> Risposta<Response> {
    let mut timbro = None;
    crea(&c, &h, &corpo, "timbro", |d: PosizioneTimbro| C::PoniTimbro { timbro: *timbro.insert(d) }).await?;
    Ok(creato(json!(timbro)))
}
