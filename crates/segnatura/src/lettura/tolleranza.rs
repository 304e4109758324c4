//! What is forgiven to old generations, and to nobody else.
//!
//! The 3.0.0 is judged as its schema says: who sends it sealed it, and Allegato 6 wants it valid (R-C05). Its ancestors are
//! read in the dialects met in the field, where the DTD itself is not well formed: what does not keep one from knowing what
//! the message says is an `avviso`.

use crate::modello::Generazione;
use crate::rilievo::{Codice, Gravita, Rilievo};

/// Elements that may be missing from an old segnatura without harm.
const FACOLTATIVI: [&str; 14] = [
    "CodiceRegistro",
    "IndirizzoPostale",
    "Indirizzo",
    "UnitaOrganizzativa",
    "Toponimo",
    "Civico",
    "CAP",
    "Comune",
    "Provincia",
    "AOO",
    "IndirizzoTelematico",
    "Denominazione",
    "Livello",
    "Persona",
];

/// Elements that some dialect has, and the schema of that generation has elsewhere or not at all.
const DI_DIALETTO: [&str; 12] = [
    "CodiceRegistro",
    "Indirizzo",
    "Toponimo",
    "Privato",
    "PiuInfo",
    "Signature",
    "OraRegistrazione",
    "CodiceAOO",
    "Provincia",
    "Nazione",
    "IndirizzoTelematico",
    "Telefono",
];

/// Makes an `avviso` of what is tolerated.
pub(super) fn applica(generazione: Option<Generazione>, rilievi: &mut [Rilievo]) {
    if matches!(generazione, None | Some(Generazione::V2021)) {
        return;
    }
    for r in rilievi {
        let tollerato = match r.codice {
            Codice::SpazioDeiNomi
            | Codice::Codifica
            | Codice::AttributoNonPrevisto
            | Codice::AttributoSenzaPrefisso
            | Codice::AttributoMancante
            | Codice::ValoreFisso
            | Codice::IdMancante
            | Codice::IdDoppio => true,
            // Values of attributes: those of elements are free text in these generations.
            Codice::Valore => r.percorso.contains("/@"),
            Codice::ElementoMancante => {
                generazione == Some(Generazione::Docarea) || FACOLTATIVI.contains(&r.nome.as_str())
            }
            Codice::ElementoNonPrevisto | Codice::ElementoFuoriPosto => {
                generazione == Some(Generazione::Docarea) || DI_DIALETTO.contains(&r.nome.as_str())
            }
            _ => false,
        };
        if tollerato {
            r.gravita = Gravita::Avviso;
        }
    }
}
