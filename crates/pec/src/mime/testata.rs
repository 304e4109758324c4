//! The header of a message, as far as the mail of an office needs it.

use serde::Serialize;

use super::TESTATA_MAX;
use super::campi::{Campo, campi, testo};
use crate::Data;
use crate::rilievo::{Codice, Rilievi};

/// Addresses of one field.
const INDIRIZZI_MAX: usize = 10_000;

/// An address, with the name that goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Indirizzo {
    /// As written beside it.
    pub nome: Option<String>,
    /// `chi@dove`, as written.
    pub indirizzo: String,
}

/// What a header says. The `X-…` fields are those of the PEC (DM 2-11-2005, Regole tecniche).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names of the fields")]
pub struct Testata {
    pub from: Option<Indirizzo>,
    pub reply_to: Option<Indirizzo>,
    pub to: Vec<Indirizzo>,
    pub cc: Vec<Indirizzo>,
    pub subject: Option<String>,
    pub date: Option<Data>,
    /// With its angle brackets, as written.
    pub message_id: Option<String>,
    pub x_ricevuta: Option<String>,
    pub x_trasporto: Option<String>,
    pub x_tipo_ricevuta: Option<String>,
    /// With its angle brackets, as written.
    pub x_riferimento_message_id: Option<String>,
    pub x_verifica_sicurezza: Option<String>,
    pub x_mittente: Option<String>,
}

impl Testata {
    /// It says something that only mail says.
    pub fn e_di_posta(&self) -> bool {
        self.from.is_some() || self.date.is_some() || self.message_id.is_some() || !self.to.is_empty()
    }
}

/// Of the bytes of a header. A field that comes twice counts once, the first time; where it decides what a message is, that is
/// said.
pub(super) fn leggi(byte: &[u8], rilievi: &mut Rilievi) -> Testata {
    let testo = testo(&byte[..byte.len().min(TESTATA_MAX)], rilievi);
    let mut t = Testata::default();
    for c in campi(&testo) {
        match c.nome.to_ascii_lowercase().as_str() {
            "from" => una(&mut t.from, || c.indirizzi().into_iter().next()),
            "reply-to" => una(&mut t.reply_to, || c.indirizzi().into_iter().next()),
            "to" => molti(&mut t.to, &c, rilievi),
            "cc" => molti(&mut t.cc, &c, rilievi),
            "subject" => una(&mut t.subject, || c.parole()),
            "date" => una(&mut t.date, || c.data()),
            "message-id" => una(&mut t.message_id, || valore(&c)),
            "x-ricevuta" => decide(&mut t.x_ricevuta, &c, rilievi),
            "x-trasporto" => decide(&mut t.x_trasporto, &c, rilievi),
            "x-tiporicevuta" => una(&mut t.x_tipo_ricevuta, || valore(&c)),
            "x-riferimento-message-id" => decide(&mut t.x_riferimento_message_id, &c, rilievi),
            "x-verificasicurezza" => una(&mut t.x_verifica_sicurezza, || valore(&c)),
            "x-mittente" => una(&mut t.x_mittente, || valore(&c)),
            _ => {}
        }
    }
    t
}

fn valore(c: &Campo) -> Option<String> {
    Some(c.grezzo()).filter(|v| !v.is_empty())
}

fn una<T>(dove: &mut Option<T>, che: impl FnOnce() -> Option<T>) {
    if dove.is_none() {
        *dove = che();
    }
}

fn molti(dove: &mut Vec<Indirizzo>, c: &Campo, rilievi: &mut Rilievi) {
    dove.extend(c.indirizzi());
    if dove.len() > INDIRIZZI_MAX {
        rilievi.aggiungi(Codice::Limite, format!("più di {INDIRIZZI_MAX} indirizzi: gli altri non sono letti"));
        dove.truncate(INDIRIZZI_MAX);
    }
}

fn decide(dove: &mut Option<String>, c: &Campo, rilievi: &mut Rilievi) {
    let nuovo = valore(c);
    match dove {
        None => *dove = nuovo,
        Some(v) if Some(&*v) != nuovo.as_ref() => {
            rilievi.aggiungi(Codice::Discorde, format!("il campo {} c'è più volte, con valori diversi", c.nome));
        }
        Some(_) => {}
    }
}
