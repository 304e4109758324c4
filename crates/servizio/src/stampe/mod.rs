//! Printed documents: the receipt for the person, the history of a registration. Accessible PDF/A, made of what the
//! register says and nothing else; the same bytes whenever they are made of the same state.

mod ricevuta;
mod storia;

use dominio::registrazione::{Registrazione, Stato};
use dominio::soggetto::Soggetto;
use dominio::tempo::{Giorno, Istante};
use stampa::{Blocco, Brano, Cornice};

pub use ricevuta::{Luogo, ricevuta};
pub use storia::storia;

const MESI: [&str; 12] = [
    "gennaio",
    "febbraio",
    "marzo",
    "aprile",
    "maggio",
    "giugno",
    "luglio",
    "agosto",
    "settembre",
    "ottobre",
    "novembre",
    "dicembre",
];

/// `23 novembre 2026`.
fn giorno(g: Giorno) -> String {
    let mese = usize::try_from(g.month()).ok().and_then(|m| MESI.get(m - 1)).copied().unwrap_or_default();
    format!("{} {mese} {}", g.day(), g.year())
}

/// `23 novembre 2026, ore 9:12:05`, on the clock of Rome.
fn quando(t: Istante) -> String {
    let z = t.a_roma();
    format!("{}, ore {}:{:02}:{:02}", giorno(z.date()), z.hour(), z.minute(), z.second())
}

fn istante_di_stampa(t: Istante) -> stampa::Istante {
    let z = t.a_roma();
    let u8_di = |n: i8| u8::try_from(n).unwrap_or_default();
    stampa::Istante {
        anno: u16::try_from(z.year()).unwrap_or_default(),
        mese: u8_di(z.month()),
        giorno: u8_di(z.day()),
        ora: u8_di(z.hour()),
        minuto: u8_di(z.minute()),
        secondo: u8_di(z.second()),
        scarto_minuti: i16::try_from(z.offset().seconds() / 60).unwrap_or_default(),
    }
}

/// Name and code of a correspondent.
fn nome(s: &Soggetto) -> String {
    match s.codice().filter(|_| s.ufficio().is_none()) {
        Some(c) => format!("{} ({c})", s.nome_completo()),
        None => s.nome_completo(),
    }
}

/// The mark that can't be missed (R-B04), with who, when and under which act; nothing when all is in force.
fn segno<'a>(r: &Registrazione) -> Option<Blocco<'a>> {
    let titolo = match r.stato {
        Stato::Valida => return None,
        Stato::Annullata => "REGISTRAZIONE ANNULLATA",
        Stato::AnnullataInParte => "REGISTRAZIONE ANNULLATA IN PARTE",
    };
    let mut blocchi = vec![Blocco::Paragrafo(vec![Brano::grassetto(titolo)])];
    for a in &r.annullamenti {
        let che = if a.intero {
            "Tutta la registrazione".to_owned()
        } else {
            let campi: Vec<&str> = a.campi.iter().map(|c| c.denominazione()).collect();
            format!("Annullato e rinnovato: {}", campi.join(", "))
        };
        blocchi.push(Blocco::Paragrafo(vec![Brano::piano(format!(
            "{che}. {}, da {}; provvedimento {} del {}. Motivo: {}",
            quando(a.istante),
            a.operatore.nome,
            a.provvedimento.numero,
            giorno(a.provvedimento.data),
            a.motivo,
        ))]));
    }
    Some(Blocco::Riquadro(Cornice::Avviso, blocchi))
}
