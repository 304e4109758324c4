//! Reading: bytes of any generation to one model, and everything that is wrong with them.
//!
//! Nothing is refused outright: what cannot be read is a finding like the others, and a message with a wrong segnatura is
//! registered by hand like any other (R-D29). Nothing is fetched: neither DTDs, nor schemas, nor what a document points
//! to (R-C15). Time and memory are bounded by [`Limiti`].

mod docarea;
mod messaggi;
mod nuova;
mod regole;
mod riconosci;
mod tolleranza;
mod vecchia;

use roxmltree::Node;
use serde::{Serialize, Serializer};

use crate::albero::{self, Limiti};
use crate::firma::{self, Firma, GiudiceFirma, NessunGiudice};
use crate::giudizio;
use crate::modello::{Documento, Generazione, MessaggioDiRitorno, Segnatura, TipoMessaggio};
use crate::rilievo::{Gravita, Rilievi, Rilievo};

/// What kind of document it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tipo {
    /// A segnatura, or a DOCAREA request.
    Segnatura,
    /// One of the four return messages.
    Ritorno(TipoMessaggio),
    /// Segnatura and files together, as AOO exchange them (`messaggio_protocollo.xsd`).
    Messaggio,
}

impl Serialize for Tipo {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Segnatura => s.serialize_str("segnatura"),
            Self::Ritorno(tipo) => tipo.serialize(s),
            Self::Messaggio => s.serialize_str("messaggio-protocollo"),
        }
    }
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contenuto {
    /// A segnatura.
    Segnatura(Box<Segnatura>),
    /// A return message.
    Ritorno(Box<MessaggioDiRitorno>),
    /// A segnatura and the files it names.
    Messaggio(Box<Segnatura>, Vec<FileContenuto>),
}

/// A file inside of a message between AOO.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileContenuto {
    /// Its name.
    pub nome_file: String,
    /// Its type.
    pub mime_type: String,
    /// Its bytes, if they were base64.
    pub byte: Option<Vec<u8>>,
}

/// A document, read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lettura {
    /// Which rules it follows, if it is one of ours at all.
    pub generazione: Option<Generazione>,
    /// What it is.
    pub tipo: Option<Tipo>,
    /// The `versione` it gives itself.
    pub versione_dichiarata: Option<String>,
    /// What is wrong, in the order of the document.
    pub rilievi: Vec<Rilievo>,
    /// What it says; `None` if it is not XML or not one of ours.
    pub contenuto: Option<Contenuto>,
    /// Its seal.
    pub firma: Firma,
}

impl Lettura {
    /// No finding that is an error.
    pub fn valida(&self) -> bool {
        self.contenuto.is_some() && self.rilievi.iter().all(|r| r.gravita != Gravita::Errore)
    }

    /// What its schema, strictly applied, would say too: also what is tolerated from old generations counts.
    pub fn conforme(&self) -> bool {
        self.contenuto.is_some() && !self.rilievi.iter().any(|r| r.codice.di_schema())
    }

    /// The segnatura, alone or in its message.
    pub fn segnatura(&self) -> Option<&Segnatura> {
        match self.contenuto.as_ref()? {
            Contenuto::Segnatura(s) | Contenuto::Messaggio(s, _) => Some(s),
            Contenuto::Ritorno(_) => None,
        }
    }

    /// The return message.
    pub fn ritorno(&self) -> Option<&MessaggioDiRitorno> {
        match self.contenuto.as_ref()? {
            Contenuto::Ritorno(m) => Some(m),
            _ => None,
        }
    }
}

/// Reads within the usual limits, without anybody who verifies the seal.
pub fn leggi(byte: &[u8]) -> Lettura {
    leggi_con(byte, &Limiti::default(), &NessunGiudice)
}

/// Reads within `limiti`; `giudice` says whether the seal holds, and is asked only if there is one.
pub fn leggi_con(byte: &[u8], limiti: &Limiti, giudice: &dyn GiudiceFirma) -> Lettura {
    let mut rilievi = Rilievi::default();
    let mut lettura = Lettura::default();
    if let Some((testo, doctype)) = albero::pronto(byte, limiti, &mut rilievi)
        && let Some(documento) = albero::albero(&testo, limiti, &mut rilievi)
    {
        riconosciuto(documento.root_element(), doctype, &mut lettura, &mut rilievi);
        if lettura.firma.presente {
            lettura.firma.integra = giudice.integra(byte);
        }
    }
    lettura.rilievi.extend(rilievi.tutti());
    tolleranza::applica(lettura.generazione, &mut lettura.rilievi);
    if let Some(contenuto) = &lettura.contenuto {
        lettura.rilievi.extend(regole::esamina(lettura.generazione, contenuto));
    }
    lettura
}

fn riconosciuto(radice: Node<'_, '_>, doctype: albero::Doctype, lettura: &mut Lettura, rilievi: &mut Rilievi) {
    lettura.versione_dichiarata = albero::attributo(radice, "versione").map(str::to_owned);
    let Some(riconosciuto) = riconosci::riconosci(radice, doctype, rilievi) else { return };
    let (generazione, tipo) = (riconosciuto.generazione, riconosciuto.tipo);
    (lettura.generazione, lettura.tipo) = (Some(generazione), Some(tipo));
    giudizio::giudica(riconosciuto.grammatica, radice, &riconosciuto.dichiarazione, rilievi);
    let segnatura = |n: Node<'_, '_>| match generazione {
        Generazione::V2021 => nuova::segnatura(n),
        Generazione::Docarea => docarea::segnatura(n),
        _ => vecchia::segnatura(n),
    };
    lettura.contenuto = Some(match tipo {
        Tipo::Segnatura => {
            lettura.firma = firma::leggi(radice);
            Contenuto::Segnatura(Box::new(segnatura(radice)))
        }
        Tipo::Ritorno(tipo) => {
            lettura.firma = firma::leggi(radice);
            Contenuto::Ritorno(Box::new(messaggi::leggi(radice, tipo)))
        }
        Tipo::Messaggio => {
            let dentro = albero::figlio(radice, "Segnatura");
            lettura.firma = dentro.map(firma::leggi).unwrap_or_default();
            Contenuto::Messaggio(Box::new(dentro.map(segnatura).unwrap_or_default()), nuova::file(radice))
        }
    });
}

/// Documents of a segnatura, the primary one first.
pub(crate) fn documenti(segnatura: &Segnatura) -> impl Iterator<Item = (String, &Documento)> {
    let primario = segnatura.descrizione.documento_primario.iter().map(|d| ("DocumentoPrimario".to_owned(), d));
    let allegati = segnatura.descrizione.allegati.iter().enumerate();
    primario.chain(allegati.map(|(i, d)| (format!("Allegato[{}]", i + 1), d)))
}
