//! The form "registra". Its fields are named as in [`crate::pagine::modulo`]; besides them: `csrf`, `chiave` (one-time),
//! files `documento` (the primary one) and `allegato` (any number), and the buttons `azione=registra`,
//! `azione=altro-destinatario`, `azione=altro-mittente`, `azione=altra-assegnazione`.

use askama::Template;

use super::{Guscio, Modulo};

/// The form.
#[derive(Debug, Template)]
#[template(path = "registra.html")]
pub struct Registra {
    /// Around the page.
    pub g: Guscio,
    /// What was typed, what is wrong.
    pub m: Modulo,
    /// One line for each error, with the id of its field.
    pub sommario: Vec<(String, String)>,
    /// A notice on top.
    pub avviso: Option<String>,
    /// One-time key.
    pub chiave: String,
    /// Directions he may register: code, name, explanation, key.
    pub tipi: Vec<(&'static str, &'static str, &'static str, u8)>,
    /// Groups of the form.
    pub mittente: Gruppo,
    /// Further senders.
    pub altri_mittenti: Vec<Gruppo>,
    /// Recipients.
    pub destinatari: Vec<Gruppo>,
    /// Assignments.
    pub assegnazioni: Vec<Gruppo>,
    /// Open offices: code, name.
    pub uffici: Vec<(String, String)>,
    /// Entries valid today: code, name.
    pub titolario: Vec<(String, String)>,
    /// What is said where no entry is chosen.
    pub vuota_voce: &'static str,
    /// Registers of the AOO: code, name, chosen.
    pub registri: Vec<(String, String, bool)>,
    /// Name of the sorting office.
    pub smistamento: String,
}

/// The fields of a correspondent.
#[derive(Debug, Clone, Default)]
pub struct Gruppo {
    /// `destinatari.0`.
    pub p: String,
    /// Its title.
    pub titolo: String,
    /// Recipients have a box "per conoscenza".
    pub conoscenza: bool,
}

impl Gruppo {
    /// Name of a field of the group.
    pub fn n(&self, campo: &str) -> String {
        format!("{}.{campo}", self.p)
    }
}
