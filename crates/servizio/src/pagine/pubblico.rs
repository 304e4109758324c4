//! The public page of an operations log: who signs it, how far it is, who else saw it (anchors, witnesses), how long
//! the blind window is (design § 5), and how to check it without us.

use std::sync::Arc;

use archivio::store::Registro;
use axum::extract::{Path, State};
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
    let chiavi = crate::chiavi(&*ente, &registro).await?;
    let ultima = a.ancore.ultima(&stato.dati.origine, &chiavi);
    let testimoni = a.testimoni.di(&*ente, &registro, &stato.dati.origine).await?;
    let posta = match a.ancore.posta() {
        Some(p) => Some(p.quadro(&ipa, &stato.dati.origine, &ente.depositi().await?)),
        None => None,
    };
    let spedite = posta.as_ref().and_then(|p| p.dimensione);
    // Read after what others have, so that it is not older than it.
    let nota = ente.checkpoint(&registro).await?;
    let cp = crate::detto(&nota)?;
    // The window ends where the best of them is. Who saw another history, or more of it than there is, vouches for nothing.
    let cofirmate = testimoni.iter().filter(|t| !t.altra_storia).filter_map(|t| t.cofirmate.map(|c| c.0));
    let viste: Vec<u64> = cofirmate.chain(ultima.map(|u| u.dimensione)).chain(spedite).collect();
    let altra_storia = testimoni.iter().any(|t| t.altra_storia) || viste.iter().any(|n| *n > cp.dimensione);
    let coperte = viste.into_iter().filter(|n| *n <= cp.dimensione).max();
    let dopo = cp.dimensione.saturating_sub(coperte.unwrap_or(0));
    pagina(&viste::Pubblico {
        ente: conf.ente.as_ref().map(|e| e.denominazione.clone()).unwrap_or_default(),
        aoo: stato.dati.denominazione.clone(),
        origine: cp.origine,
        dimensione: cp.dimensione,
        radice: dominio::codici::Impronta(cp.radice).hex(),
        chiavi: chiavi.iter().map(ToString::to_string).collect(),
        base: format!("/api/v1/enti/{ipa}/aoo/{aoo}/log"),
        verifica: format!("/verifica?ente={ipa}&aoo={aoo}"),
        ancore: a.ancore.ci_sono(),
        deposito: a.ancore.in_una_cartella(),
        ancorate: ultima.map(|u| (u.dimensione, u.quando.map(viste::quando))),
        testimoni: testimoni
            .into_iter()
            .map(|t| viste::TestimoneVisto {
                nome: t.nome,
                cofirmate: t.cofirmate.map(|(n, quando)| (n, viste::quando(quando))),
                intoppo: t.intoppo,
            })
            .collect(),
        altra_storia,
        coperte,
        scoperte: dopo,
        posta: posta.map(|p| viste::PostaVista {
            spedite: p.dimensione.map(|n| (n, p.quando.map(viste::quando))),
            ferma: p.in_errore.map(|(t, _)| viste::quando(t)),
            riprova: p.riprova.map(viste::quando),
        }),
    })
}
