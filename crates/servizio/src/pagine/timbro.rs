//! Label and stamped copy, for who is at the page (R-C16, R-C17).

use std::sync::Arc;

use archivio::store::Azione;
use axum::extract::{Path, State};
use axum::response::Response;
use stampa::timbro::Angolo;

use super::dettaglio::{Posto, annota, carica};
use super::errore::ErrorePagina;
use crate::accesso::{Accesso, Domanda, Utente};
use crate::problema::Problema;
use crate::rest::timbro::formato;
use crate::stampe;

/// `…/etichetta.pdf`.
pub async fn etichetta(
    State(a): State<Arc<Accesso>>,
    u: Utente,
    Path(posto): Path<Posto>,
    Domanda(q): Domanda,
) -> Result<Response, ErrorePagina> {
    let misure = formato(q.testo("formato"))?;
    let d = carica(&u, &posto.chiave()?).await?;
    d.solo_se_visibile(&u)?;
    annota(&u, &d, Azione::Documento).await?;
    let l = stampe::luogo(&*u.ente, &u.aoo, &a.url_pubblico, &u.conf, &d.registrazione).await?;
    let byte = stampe::in_disparte(|| stampe::etichetta(&l, &d.registrazione, misure))?;
    Ok(stampe::risposta(byte, &stampe::nome_file("etichetta", &d.registrazione.chiave)))
}

/// `…/documento-timbrato.pdf`.
pub async fn documento(
    State(a): State<Arc<Accesso>>,
    u: Utente,
    Path(posto): Path<Posto>,
    Domanda(q): Domanda,
) -> Result<Response, ErrorePagina> {
    let scelto = q.testo("angolo").map(str::parse::<Angolo>).transpose();
    let angolo = scelto.map_err(|e| Problema::campo("angolo", e.to_string()))?;
    let d = carica(&u, &posto.chiave()?).await?;
    d.solo_se_visibile(&u)?;
    annota(&u, &d, Azione::Documento).await?;
    let l = stampe::luogo(&*u.ente, &u.aoo, &a.url_pubblico, &u.conf, &d.registrazione).await?;
    let dove = stampe::posizione(&u.conf, &u.aoo, angolo);
    Ok(stampe::documento_timbrato(&*u.ente, &l, &d.registrazione, dove).await?)
}
