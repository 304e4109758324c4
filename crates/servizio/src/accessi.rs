//! Who saw what (R-L08, R-L16): written before it is shown.

use archivio::store::{Accesso, Azione};
use archivio::{EnteStore, Errore, Esito};
use dominio::codici::CodiceAoo;
use dominio::comandi::puo_vedere;
use dominio::permessi::Operatore;
use dominio::registrazione::{Chiave, Registrazione, Tipo};

/// Days an access is kept: more than the six months that R-L15 asks for.
pub const GIORNI_TENUTI: i64 = 400;
const _: () = assert!(GIORNI_TENUTI > dominio::accessi::GIORNI_MIN, "our own pruning would be an accusation");

/// Lines of a list that somebody is about to see: each reserved one is written.
///
/// # Errors
/// Those of [`annota`].
pub async fn annota_elenco<'a>(
    ente: &dyn EnteStore,
    aoo: &CodiceAoo,
    chi: &Operatore,
    righe: impl Iterator<Item = &'a Registrazione>,
) -> Esito<()> {
    // Together: they share one commit.
    let righe = righe.filter(|r| r.dati.riservato && puo_vedere(chi, r));
    futures_util::future::try_join_all(righe.map(|r| annota(ente, aoo, chi, r, Azione::Elenco))).await?;
    Ok(())
}

/// The uscite that answer an entrata, of those that he may see; of any other registration, none.
///
/// # Errors
/// The store's; those of [`annota`].
pub async fn risposte(ente: &dyn EnteStore, aoo: &CodiceAoo, chi: &Operatore, r: &Registrazione) -> Esito<Vec<Chiave>> {
    if r.dati.tipo != Tipo::Entrata {
        return Ok(Vec::new());
    }
    let risposte = ente.risposte(aoo, chi, &r.chiave).await?;
    annota_elenco(ente, aoo, chi, risposte.iter()).await?;
    Ok(risposte.into_iter().map(|r| r.chiave).collect())
}

/// Writes that somebody is about to see a registration. What is reserved is not shown when this cannot be written; the
/// rest is, and the journal says so.
///
/// # Errors
/// The access log cannot be written and the registration is reserved.
pub async fn annota(
    ente: &dyn EnteStore,
    aoo: &CodiceAoo,
    chi: &Operatore,
    r: &Registrazione,
    azione: Azione,
) -> Esito<()> {
    match ente.annota_accesso(Accesso::a(aoo, chi, r, azione, ente.ora())).await {
        Ok(()) => Ok(()),
        Err(e) if r.dati.riservato => {
            Err(Errore::Archivio(format!("l'accesso a una registrazione riservata non si può tracciare: {e}")))
        }
        Err(e) => {
            tracing::warn!(errore = %e, "accesso non tracciato");
            Ok(())
        }
    }
}
