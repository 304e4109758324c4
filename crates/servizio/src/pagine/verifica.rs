//! The public page that checks receipts and files in the browser. Nobody signs in; nothing is sent anywhere.

use std::sync::Arc;

use archivio::store::Registro;
use axum::extract::State;
use dominio::codici::{CodiceAoo, CodiceIpa};

use super::{Esito, pagina, viste};
use crate::accesso::{Accesso, Domanda};

/// `GET /verifica`, with `?ente=&aoo=` so that the page carries the public keys of that register and works offline.
pub async fn mostra(State(a): State<Arc<Accesso>>, Domanda(q): Domanda) -> Esito {
    let mut v = viste::Verifica::default();
    let ipa: Option<CodiceIpa> = q.testo("ente").and_then(|t| t.parse().ok());
    let aoo: Option<CodiceAoo> = q.testo("aoo").and_then(|t| t.parse().ok());
    if let (Some(ipa), Some(aoo)) = (ipa, aoo)
        && let Some(ente) = a.ente(&ipa).await?
        && ente.configurazione().aoo.contains_key(&aoo)
    {
        v.ente = ente.configurazione().ente.as_ref().map(|e| e.denominazione.clone()).unwrap_or_default();
        v.base = format!("/api/v1/enti/{ipa}/aoo/{aoo}");
        v.chiavi = ente.chiavi(&Registro::Aoo(aoo)).await?.join("\n");
    } else {
        // One register only: its keys are those a visitor wants.
        v.chiavi = tutte(&a).await?.join("\n");
    }
    pagina(&v)
}

/// Keys of every register of the installation, up to a page's worth.
async fn tutte(a: &Accesso) -> archivio::Esito<Vec<String>> {
    const MAX: usize = 50;
    let mut out = Vec::new();
    for ipa in a.store.enti().await?.into_iter().take(MAX) {
        let Some(ente) = a.store.guarda(&ipa).await? else { continue };
        for aoo in ente.configurazione().aoo.keys() {
            out.extend(ente.chiavi(&Registro::Aoo(aoo.clone())).await?);
        }
        if out.len() >= MAX {
            break;
        }
    }
    Ok(out)
}
