//! The public page of an operations log: who signs it, how far it is, where it is anchored, how long the blind window is
//! (design § 5), and how to check it without us.

use std::sync::Arc;

use archivio::store::Registro;
use axum::extract::{Path, State};
use catena::Checkpoint;
use dominio::codici::{CodiceAoo, CodiceIpa};

use super::errore::ErrorePagina;
use super::{Esito, pagina, viste};
use crate::accesso::Accesso;

/// `GET /{ipa}/{aoo}/registro-pubblico`.
pub async fn mostra(State(a): State<Arc<Accesso>>, Path((ipa, aoo)): Path<(String, String)>) -> Esito {
    let (Ok(ipa), Ok(aoo)) = (ipa.parse::<CodiceIpa>(), aoo.parse::<CodiceAoo>()) else {
        return Err(ErrorePagina::non_trovata());
    };
    let ente = a.ente(&ipa).await?.ok_or_else(ErrorePagina::non_trovata)?;
    let conf = ente.configurazione();
    let Some(stato) = conf.aoo.get(&aoo) else { return Err(ErrorePagina::non_trovata()) };
    let registro = Registro::Aoo(aoo.clone());
    let nota = ente.checkpoint(&registro).await?;
    let (testo, _) = catena::nota::dividi(&nota).map_err(|_| ErrorePagina::non_trovata())?;
    let cp = Checkpoint::leggi(testo).map_err(|_| ErrorePagina::non_trovata())?;
    let ultima = a.ancore.ultima(&stato.dati.origine);
    let posta = match a.ancore.posta() {
        Some(p) => Some(p.quadro(&ipa, &stato.dati.origine, &ente.depositi().await?)),
        None => None,
    };
    let spedite = posta.as_ref().and_then(|p| p.dimensione);
    let ancorate = ultima.map(|u| u.dimensione).max(spedite);
    let dopo = cp.dimensione.saturating_sub(ancorate.unwrap_or(0));
    pagina(&viste::Pubblico {
        ente: conf.ente.as_ref().map(|e| e.denominazione.clone()).unwrap_or_default(),
        aoo: stato.dati.denominazione.clone(),
        origine: cp.origine,
        dimensione: cp.dimensione,
        radice: dominio::codici::Impronta(cp.radice).hex(),
        chiavi: ente.chiavi(&registro).await?,
        base: format!("/api/v1/enti/{ipa}/aoo/{aoo}/log"),
        verifica: format!("/verifica?ente={ipa}&aoo={aoo}"),
        ancore: a.ancore.ci_sono(),
        ancorate,
        quando: ultima.and_then(|u| u.quando).max(posta.as_ref().and_then(|p| p.quando)).map(viste::quando),
        posta: posta.is_some(),
        spedite,
        spedite_quando: posta.as_ref().and_then(|p| p.quando).map(viste::quando),
        posta_ferma: posta.as_ref().and_then(|p| p.in_errore).map(|(t, _)| viste::quando(t)),
        posta_riprova: posta.and_then(|p| p.riprova).map(viste::quando),
        scoperte: dopo.to_string(),
        nessuna_scoperta: dopo == 0,
    })
}
