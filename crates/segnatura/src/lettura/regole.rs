//! What no schema says, and Allegato 6 or the comments of the DTDs do: an `avviso`, but where a file is not the one that
//! the segnatura names.

use super::{Contenuto, FileContenuto, documenti};
use crate::algoritmo::Algoritmo;
use crate::grammatica::semplici::{Base, Semplice};
use crate::modello::{Documento, Generazione, Identificatore, Impronta, Segnatura};
use crate::rilievo::{Codice, Gravita, Rilievo, corto};

/// Looks at what was read.
pub(super) fn esamina(generazione: Option<Generazione>, contenuto: &Contenuto) -> Vec<Rilievo> {
    let mut rilievi = Vec::new();
    let mut avviso = |codice, percorso: &str, messaggio: String| {
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
    rilievi
}

/// A message between AOO holds its files: each must be there, and be the one that the segnatura is bound to.
fn allegati_al_messaggio(s: &Segnatura, file: &[FileContenuto], avviso: &mut impl FnMut(Codice, &str, String)) {
    for (dove, documento) in documenti(s) {
        let Some(nome) = &documento.nome_file else { continue };
        let Some(byte) = file.iter().find(|f| f.nome_file == *nome).map(|f| &f.byte) else {
            avviso(Codice::FileMancante, &dove, format!("il messaggio non contiene il file «{}»", corto(nome)));
            continue;
        };
        let impronta = documento.impronta.as_ref();
        let algoritmo = impronta.and_then(|i| Algoritmo::leggi(i.algoritmo.as_deref().unwrap_or("SHA-256")));
        if let (Some(byte), Some(dichiarata), Some(algoritmo)) = (byte, impronta.and_then(Impronta::byte), algoritmo)
            && algoritmo.impronta(byte).is_some_and(|calcolata| calcolata != dichiarata)
        {
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
