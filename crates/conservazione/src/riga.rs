//! Operations folded into rows.

use dominio::operazione::{Autore, Evento, Operazione};
use dominio::registrazione::{Chiave, Registrazione, Stato};
use dominio::tempo::Istante;

use crate::errore::Errore;
use crate::scorrimento::Giudice;

/// Does what happened enter the register as a change of the day (R-F04)? Annulments, and what LG3 § 3.1.5 lets one modify or
/// add: classificazione, assegnazioni, files. How the work goes on, notes, links and fascicoli change nothing that is registered.
pub fn entra(evento: &Evento) -> bool {
    matches!(
        evento,
        Evento::Annullamento { .. }
            | Evento::Classificazione { .. }
            | Evento::Assegnazione { .. }
            | Evento::Allegati { .. }
    )
}

/// A row of the register.
#[derive(Debug)]
pub(crate) enum Riga {
    Registrata(Box<Registrata>),
    Lacuna(Lacuna),
    Modifica(Box<Modifica>),
}

/// A registration of the period.
#[derive(Debug)]
pub(crate) struct Registrata {
    /// As it was registered (R-F03).
    pub nata: Registrazione,
    pub autore: Autore,
    /// State at the end of the period (R-B04).
    pub stato: Stato,
    /// Operations of the period that changed it.
    pub modificata_da: Vec<u64>,
}

/// Numbers that were declared never given.
#[derive(Debug, Clone)]
pub(crate) struct Lacuna {
    pub da: i64,
    pub a: i64,
    pub istante: Istante,
    pub indice: u64,
    pub motivo: String,
}

/// A change of the period, to a registration of any day (R-F04).
#[derive(Debug)]
pub(crate) struct Modifica {
    pub operazione: Operazione,
    pub prima: Registrazione,
    pub dopo: Registrazione,
}

impl Registrata {
    /// Folds a registration with what happened to it in the period.
    pub(crate) fn da(operazioni: &[Operazione], giudice: &Giudice<'_>) -> Result<Self, Errore> {
        let (nascita, chiave) = nascita(operazioni, giudice)?;
        if chiave.anno != giudice.testata.periodo.anno() {
            return Err(Errore::Estranea { indice: nascita.indice });
        }
        for op in operazioni {
            giudice.nel_periodo(op)?;
        }
        let nata = Registrazione::da_operazioni([nascita]).ok_or_else(|| non_nasce(chiave))?;
        let stato = match operazioni {
            [_] => nata.stato,
            tutte => Registrazione::da_operazioni(tutte).ok_or_else(|| non_nasce(chiave))?.stato,
        };
        let modificata_da = operazioni[1..].iter().filter(|o| entra(&o.evento)).map(|o| o.indice).collect();
        Ok(Self { nata, autore: nascita.operatore.clone(), stato, modificata_da })
    }
}

impl Modifica {
    /// Folds a registration up to its change.
    pub(crate) fn da(mut operazioni: Vec<Operazione>, giudice: &Giudice<'_>) -> Result<Self, Errore> {
        let (_, chiave) = nascita(&operazioni, giudice)?;
        let chiave = chiave.clone();
        let operazione = operazioni.pop().filter(|o| entra(&o.evento)).ok_or(Errore::Storia {
            chiave: chiave.clone(),
            perche: "l'ultima operazione non è una modifica del registro",
        })?;
        giudice.nel_periodo(&operazione)?;
        let prima = Registrazione::da_operazioni(&operazioni).ok_or_else(|| non_nasce(&chiave))?;
        let mut dopo = prima.clone();
        dopo.applica(&operazione);
        Ok(Self { operazione, prima, dopo })
    }
}

fn non_nasce(chiave: &Chiave) -> Errore {
    Errore::Storia { chiave: chiave.clone(), perche: "la prima non è quella che registra" }
}

/// The operation that registers, once all of them were found to be of one registration of this register, in order.
fn nascita<'a>(operazioni: &'a [Operazione], giudice: &Giudice<'_>) -> Result<(&'a Operazione, &'a Chiave), Errore> {
    let Some(prima) = operazioni.first() else {
        return Err(Errore::Fonte("una riga senza operazioni".into()));
    };
    let chiave = giudice.del_registro(prima)?;
    if !matches!(prima.evento, Evento::Registrazione(_)) {
        return Err(non_nasce(chiave));
    }
    for due in operazioni.windows(2) {
        let (a, b) = (&due[0], &due[1]);
        if giudice.del_registro(b)? != chiave {
            return Err(Errore::Storia { chiave: chiave.clone(), perche: "una è di un'altra registrazione" });
        }
        if b.indice <= a.indice || b.istante < a.istante {
            return Err(Errore::Storia { chiave: chiave.clone(), perche: "non sono nell'ordine in cui furono fatte" });
        }
    }
    Ok((prima, chiave))
}
