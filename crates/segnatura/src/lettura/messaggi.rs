//! Reading the four return messages: the same shape in every generation (R-D22…R-D25).

use roxmltree::Node;

use super::nuova::identificatore;
use crate::albero::{figlio, testo};
use crate::modello::{
    Annullamento, Conferma, Eccezione, Identificatore, MessaggioDiRitorno, MessaggioRicevuto, TipoMessaggio,
};

pub(super) fn leggi(n: Node<'_, '_>, tipo: TipoMessaggio) -> MessaggioDiRitorno {
    let proprio = || figlio(n, "Identificatore").map(identificatore);
    let conferma = || Conferma {
        identificatore: proprio().unwrap_or_default(),
        messaggio_ricevuto: ricevuto(figlio(n, "MessaggioRicevuto")),
    };
    let testo_di = |nome| figlio(n, nome).map(testo).unwrap_or_default();
    match tipo {
        TipoMessaggio::ConfermaRicezione => MessaggioDiRitorno::ConfermaRicezione(conferma()),
        TipoMessaggio::AggiornamentoConferma => MessaggioDiRitorno::AggiornamentoConferma(conferma()),
        TipoMessaggio::NotificaEccezione => MessaggioDiRitorno::NotificaEccezione(Eccezione {
            identificatore: proprio(),
            messaggio_ricevuto: ricevuto(figlio(n, "MessaggioRicevuto")),
            motivo: testo_di("Motivo"),
        }),
        TipoMessaggio::AnnullamentoProtocollazione => MessaggioDiRitorno::AnnullamentoProtocollazione(Annullamento {
            identificatore: proprio().unwrap_or_default(),
            motivo: testo_di("Motivo"),
            provvedimento: testo_di("Provvedimento"),
        }),
    }
}

fn ricevuto(n: Option<Node<'_, '_>>) -> MessaggioRicevuto {
    match (n.and_then(|n| figlio(n, "Identificatore")), n.and_then(|n| figlio(n, "DescrizioneMessaggio"))) {
        (None, Some(descrizione)) => MessaggioRicevuto::Descritto { descrizione: testo(descrizione) },
        (trovato, _) => MessaggioRicevuto::Registrato {
            identificatore: trovato.map(identificatore).unwrap_or_default(),
            prima_registrazione: n.and_then(|n| figlio(n, "PrimaRegistrazione")).map(prima_registrazione),
        },
    }
}

/// The 3.0.0 writes the identifier itself there; the others put it one step further in.
pub(super) fn prima_registrazione(n: Node<'_, '_>) -> Identificatore {
    identificatore(figlio(n, "Identificatore").unwrap_or(n))
}
