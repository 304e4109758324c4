//! An outgoing message: our own Message-ID, recipients, the segnatura and the files (R-D21, R-D28, R-E03, R-E13).
//!
//! Pure: identifier, date and files are given, and the same values give the same bytes. Who sends adds nothing.

use lettre::message::header::{Cc, From, Headers, ReplyTo, To};
use lettre::message::{MultiPart, SinglePart};
use segnatura::modello::TipoMessaggio;

use crate::mime::Indirizzo;
pub use crate::scrittura::Errore;
use crate::scrittura::{campo, caselle, confine, data, esatto, file, id, intero, no, pulito, tipo_ricevuta};
use crate::{Data, Ricevuta};

/// Recipients of one message; providers take at most 500 certified ones (Regole tecniche, § 6.1).
pub const DESTINATARI_MAX: usize = 500;
/// Longest name of a file, in bytes.
const NOME_MAX: usize = 255;

/// Names that are of body parts with a meaning of their own (R-D21).
const SEGNATURA: &str = "Segnatura.xml";

/// A file that leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File<'a> {
    /// Its name, the same as in the segnatura (R-D28).
    pub nome: &'a str,
    /// `type/subtype`.
    pub mime: &'a str,
    /// Its bytes.
    pub byte: &'a [u8],
}

/// What the receiver's register reads before anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interoperabilita<'a> {
    /// The segnatura of what is sent.
    Segnatura(&'a [u8]),
    /// A message that comes back.
    Ritorno(TipoMessaggio, &'a [u8]),
}

impl<'a> Interoperabilita<'a> {
    fn file(self) -> File<'a> {
        let (nome, byte) = match self {
            Self::Segnatura(byte) => (SEGNATURA, byte),
            Self::Ritorno(tipo, byte) => (tipo.nome_file(), byte),
        };
        File { nome, mime: "application/xml", byte }
    }
}

/// A message to write.
#[derive(Debug, Clone)]
pub struct Uscita<'a> {
    /// Our own, `<…@…>`: receipts name it (R-E03). [`message_id`] makes one.
    pub message_id: &'a str,
    /// When.
    pub data: Data,
    /// Our mailbox.
    pub mittente: Indirizzo,
    /// Where to answer, if elsewhere.
    pub risposte: Option<Indirizzo>,
    /// To.
    pub a: Vec<Indirizzo>,
    /// Cc.
    pub cc: Vec<Indirizzo>,
    /// Subject.
    pub oggetto: &'a str,
    /// What a person reads.
    pub testo: &'a str,
    /// The segnatura, or a message that comes back: one and no more (R-D28).
    pub xml: Option<Interoperabilita<'a>>,
    /// Files, the main document first.
    pub file: Vec<File<'a>>,
    /// Kind of delivery receipt asked for (R-E13).
    pub ricevuta: Ricevuta,
}

/// A Message-ID of ours, from sixteen random bytes and the domain of the mailbox.
///
/// # Errors
/// A domain that none can have.
pub fn message_id(casuali: [u8; 16], dominio: &str) -> Result<String, Errore> {
    let nuovo = format!("<{}@{dominio}>", firme::impronte::esadecimale(&casuali));
    id("dominio", &nuovo).map(str::to_owned)
}

/// Writes it.
///
/// # Errors
/// [`Errore::Campo`]: an address, a name or a type that no message can hold, no recipient or too many, two files of one name.
pub fn componi(u: &Uscita<'_>) -> Result<Vec<u8>, Errore> {
    if u.a.is_empty() {
        return no("destinatari", "almeno uno");
    }
    if u.a.len() + u.cc.len() > DESTINATARI_MAX {
        return no("destinatari", format!("più di {DESTINATARI_MAX}"));
    }
    let tutti = |v: &'_ [Indirizzo]| -> Vec<(Option<String>, String)> {
        v.iter().map(|i| (i.nome.clone(), i.indirizzo.clone())).collect()
    };
    let lista = |nome, v: &[Indirizzo]| caselle(nome, tutti(v).iter().map(|(n, i)| (n.as_deref(), i.as_str())));
    let mut h = Headers::new();
    h.set(From::from(lista("mittente", std::slice::from_ref(&u.mittente))?));
    if let Some(r) = &u.risposte {
        h.set(ReplyTo::from(lista("indirizzo per le risposte", std::slice::from_ref(r))?));
    }
    h.set(To::from(lista("destinatari", &u.a)?));
    if !u.cc.is_empty() {
        h.set(Cc::from(lista("destinatari per conoscenza", &u.cc)?));
    }
    campo(&mut h, "Subject", pulito("oggetto", u.oggetto)?);
    data(&mut h, u.data)?;
    esatto(&mut h, "Message-ID", id("Message-ID", u.message_id)?);
    tipo_ricevuta(&mut h, Some(u.ricevuta));

    let xml = u.xml.map(Interoperabilita::file);
    let file: Vec<File<'_>> = xml.into_iter().chain(u.file.iter().copied()).collect();
    nomi(&file, xml.is_some())?;
    let contenuti: Vec<&[u8]> =
        [u.message_id.as_bytes(), u.testo.as_bytes()].into_iter().chain(file.iter().map(|f| f.byte)).collect();
    let mut corpo =
        MultiPart::mixed().boundary(confine("parte", &contenuti)).singlepart(SinglePart::plain(u.testo.to_owned()));
    for f in &file {
        corpo = corpo.singlepart(self::file(f.nome, f.mime, f.byte)?);
    }
    Ok(intero(h, &corpo))
}

/// Each with its own, also for who tells no small letters from capitals; none that leads elsewhere, none that means something else.
fn nomi(file: &[File<'_>], xml: bool) -> Result<(), Errore> {
    let mut visti = std::collections::HashSet::new();
    for (i, f) in file.iter().enumerate() {
        let nome = f.nome;
        if nome.trim().is_empty() || nome.len() > NOME_MAX || nome.contains(['/', '\\']) || nome.starts_with('.') {
            return no("nome del file", format!("«{}» non va bene", crate::rilievo::corto(nome)));
        }
        let riservato = TipoMessaggio::TUTTI.iter().map(|t| t.nome_file()).chain([SEGNATURA]);
        if !(xml && i == 0) && riservato.into_iter().any(|r| r.eq_ignore_ascii_case(nome)) {
            return no("nome del file", format!("«{nome}» è riservato all'interoperabilità"));
        }
        if !visti.insert(nome.to_lowercase()) {
            return no("nome del file", format!("«{nome}» c'è due volte"));
        }
    }
    Ok(())
}
