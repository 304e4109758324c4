//! A registration as the pages find it: what it is now, what was done to it, and whether it may be seen.

use archivio::store::Azione;
use dominio::comandi::puo_vedere;
use dominio::operazione::Operazione;
use dominio::permessi::Diritto;
use dominio::registrazione::{Chiave, Registrazione};
use serde::Deserialize;

use super::errore::ErrorePagina;
use crate::accesso::Utente;

/// The place of a registration in an address.
#[derive(Debug, Deserialize)]
pub struct Posto {
    registro: String,
    anno: String,
    numero: String,
}

impl Posto {
    /// The key.
    ///
    /// # Errors
    /// 404: an address that is no key names nothing.
    pub fn chiave(&self) -> Result<Chiave, ErrorePagina> {
        format!("{}/{}/{}", self.registro, self.anno, self.numero).parse().map_err(|_| ErrorePagina::non_trovata())
    }
}

/// A registration with its history.
#[derive(Debug)]
pub struct Dettaglio {
    /// As it is now.
    pub registrazione: Registrazione,
    /// Every operation on it, oldest first.
    pub operazioni: Vec<Operazione>,
    /// False: only number and instant may be shown (R-L08).
    pub visibile: bool,
}

impl Dettaglio {
    /// Refuses who may see only that the number exists.
    ///
    /// # Errors
    /// 403.
    pub fn solo_se_visibile(&self, u: &Utente) -> Result<(), ErrorePagina> {
        if self.visibile {
            Ok(())
        } else {
            Err(ErrorePagina::vietata(format!("{} non ha accesso a questa registrazione", u.chi.nome)))
        }
    }

    /// The registration as it was after the operation `indice`.
    pub fn com_era(&self, indice: u64) -> Option<Registrazione> {
        Registrazione::da_operazioni(self.operazioni.iter().filter(|o| o.indice <= indice))
    }
}

/// Writes that who is at the page is about to see it (R-L08, R-L16).
///
/// # Errors
/// It is reserved and this cannot be written.
pub async fn annota(u: &Utente, d: &Dettaglio, azione: Azione) -> Result<(), ErrorePagina> {
    Ok(crate::accessi::annota(&*u.ente, &u.aoo, &u.chi, &d.registrazione, azione).await?)
}

/// Finds a registration for who is at the page. R-L02, R-L08.
///
/// # Errors
/// 404 when there is none; 403 when it is of offices that are not his, and he reads only those.
pub async fn carica(u: &Utente, chiave: &Chiave) -> Result<Dettaglio, ErrorePagina> {
    let operazioni = u.ente.operazioni_di(&u.aoo, chiave).await?;
    let registrazione = Registrazione::da_operazioni(&operazioni).ok_or_else(ErrorePagina::non_trovata)?;
    let visibile = puo_vedere(&u.chi, &registrazione);
    let mascherabile = registrazione.dati.riservato && u.ha(Diritto::Consulta);
    let d = Dettaglio { registrazione, operazioni, visibile };
    if !visibile && !mascherabile {
        d.solo_se_visibile(u)?;
    }
    Ok(d)
}
