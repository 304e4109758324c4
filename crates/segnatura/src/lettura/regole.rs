//! What no schema says, and Allegato 6 or the comments of the DTDs do: an `avviso`, but where a file is not the one that
//! the segnatura names.

use std::collections::HashMap;

use super::{Contenuto, FileContenuto, documenti};
use crate::algoritmo::Algoritmo;
use crate::grammatica::semplici::{Base, Semplice};
use crate::modello::{Documento, Generazione, Identificatore, Impronta, Segnatura};
use crate::rilievo::{Codice, Gravita, RILIEVI_MAX, Rilievo, corto};

/// Looks at what was read.
pub(super) fn esamina(generazione: Option<Generazione>, contenuto: &Contenuto) -> Vec<Rilievo> {
    let mut rilievi = Vec::new();
    let mut tralasciati = 0;
    let mut avviso = |codice, percorso: &str, messaggio: String| {
        if rilievi.len() == RILIEVI_MAX {
            tralasciati += 1;
            return;
        }
        let grave = matches!(codice, Codice::FileMancante | Codice::FileDiverso);
        rilievi.push(Rilievo {
            gravita: if grave { Gravita::Errore } else { Gravita::Avviso },
            codice,
            percorso: percorso.to_owned(),
            riga: 0,
            messaggio,
            nome: String::new(),
        });
    };
    let docarea = generazione == Some(Generazione::Docarea);
    match contenuto {
        Contenuto::Segnatura(s) | Contenuto::Messaggio(s, _) => {
            if let Contenuto::Messaggio(_, file) = contenuto {
                allegati_al_messaggio(s, file, &mut avviso);
            }
            if s.intestazione.oggetto.trim().is_empty() {
                avviso(Codice::Regola, "Oggetto", "è vuoto".to_owned());
            }
            if !docarea {
                identificatore(&s.intestazione.identificatore, "Identificatore", &mut avviso);
            }
            for (dove, documento) in documenti(s) {
                impronta(generazione, documento, &dove, &mut avviso);
            }
        }
        Contenuto::Ritorno(m) => {
            for (chi, dove) in [(m.identificatore(), "Identificatore"), (m.ricevuto(), "MessaggioRicevuto")] {
                if let Some(chi) = chi {
                    identificatore(chi, dove, &mut avviso);
                }
            }
        }
    }
    if tralasciati > 0 {
        rilievi.push(Rilievo {
            gravita: Gravita::Avviso,
            codice: Codice::Limite,
            percorso: "/".to_owned(),
            riga: 0,
            messaggio: format!("altri {tralasciati} rilievi non sono elencati"),
            nome: String::new(),
        });
    }
    rilievi
}

/// A message between AOO holds its files: each must be there, and be the one that the segnatura is bound to.
fn allegati_al_messaggio(s: &Segnatura, file: &[FileContenuto], avviso: &mut impl FnMut(Codice, &str, String)) {
    let nomi: HashMap<&str, usize> = file.iter().enumerate().map(|(i, f)| (f.nome_file.as_str(), i)).collect();
    // Each file once for each algorithm, however many documents name it.
    let mut calcolate: HashMap<(usize, Algoritmo), Option<Vec<u8>>> = HashMap::new();
    for (dove, documento) in documenti(s) {
        let Some(nome) = documento.nome_file.as_deref() else { continue };
        let Some(&i) = nomi.get(nome) else {
            avviso(Codice::FileMancante, &dove, format!("il messaggio non contiene il file «{}»", corto(nome)));
            continue;
        };
        let impronta = documento.impronta.as_ref();
        let algoritmo = impronta.and_then(|i| Algoritmo::leggi(i.algoritmo.as_deref().unwrap_or("SHA-256")));
        let (Some(dichiarata), Some(algoritmo)) = (impronta.and_then(Impronta::byte), algoritmo) else { continue };
        let calcolata = calcolate
            .entry((i, algoritmo))
            .or_insert_with(|| file[i].byte.as_deref().and_then(|byte| algoritmo.impronta(byte)));
        if calcolata.as_ref().is_some_and(|c| *c != dichiarata) {
            let messaggio = format!("il file «{}» non ha l'impronta dichiarata", corto(nome));
            avviso(Codice::FileDiverso, &dove, messaggio);
        }
    }
}

/// The comments of the DTDs ask in words for what the schema of the 3.0.0 asks by pattern (R-C06).
fn identificatore(i: &Identificatore, dove: &str, avviso: &mut impl FnMut(Codice, &str, String)) {
    let numero = i.numero_registrazione.trim();
    if numero.len() < 7 || !numero.bytes().all(|b| b.is_ascii_digit()) {
        let messaggio = format!("«{}» non ha almeno sette cifre", corto(numero));
        avviso(Codice::Regola, &format!("{dove}/NumeroRegistrazione"), messaggio);
    }
    if Semplice::from(Base::Data).giudica(&i.data_registrazione).is_err() {
        let messaggio = format!("«{}» non è una data aaaa-mm-gg", corto(&i.data_registrazione));
        avviso(Codice::Regola, &format!("{dove}/DataRegistrazione"), messaggio);
    }
}

/// R-C08, R-C09.
fn impronta(
    generazione: Option<Generazione>,
    documento: &Documento,
    dove: &str,
    avviso: &mut impl FnMut(Codice, &str, String),
) {
    let Some(impronta) = &documento.impronta else { return };
    let dove = format!("{dove}/Impronta");
    let predefinito = if generazione == Some(Generazione::V2001) { "SHA-1" } else { "SHA-256" };
    let nome = impronta.algoritmo.as_deref().unwrap_or(predefinito);
    match Algoritmo::leggi(nome) {
        None => avviso(Codice::Algoritmo, &dove, format!("algoritmo «{}» non ammesso", corto(nome))),
        Some(Algoritmo::Sha1) => {
            avviso(Codice::Algoritmo, &dove, "SHA-1 non basta a legare il documento alla segnatura".to_owned());
        }
        Some(algoritmo) => match impronta.byte() {
            Some(byte) if byte.len() == algoritmo.lunghezza_byte() => {}
            _ => avviso(Codice::Impronta, &dove, format!("non è un'impronta {nome} in base64")),
        },
    }
}
