//! The register as a list.

use askama::Template;

use super::{Guscio, Modulo};

/// The register.
#[derive(Debug, Template)]
#[template(path = "registro.html")]
pub struct Registro {
    /// Around the page.
    pub g: Guscio,
    /// Filters as typed.
    pub m: Modulo,
    /// What is wrong with them.
    pub sommario: Vec<(String, String)>,
    /// Is one of the less used filters in use?
    pub altri: bool,
    /// Filters as a sentence: words, and the address without each.
    pub scelti: Vec<(String, String)>,
    /// Registers of the AOO: code, name, chosen.
    pub registri: Vec<(String, String, bool)>,
    /// Offices: code, name, chosen.
    pub uffici: Vec<(String, String, bool)>,
    /// Rows.
    pub righe: Vec<Riga>,
    /// Address of the next page.
    pub successivi: Option<String>,
    /// Is this a later page?
    pub oltre: bool,
    /// May he register?
    pub registra: bool,
}

/// A row: a registration in one line.
#[derive(Debug, Clone, Default)]
pub struct Riga {
    /// Its page.
    pub href: String,
    /// `0000123`.
    pub numero: String,
    /// `PG/2026`.
    pub dove: String,
    /// When, in words.
    pub quando: String,
    /// When, for machines.
    pub istante: String,
    /// entrata, uscita, interna; blank when masked.
    pub tipo: &'static str,
    /// Who writes or is written to.
    pub soggetto: String,
    /// What it is about.
    pub oggetto: String,
    /// Code of its entry.
    pub classificazione: String,
    /// Its name.
    pub classificazione_nome: String,
    /// Offices that have it.
    pub uffici: String,
    /// State in words; blank when valid.
    pub stato: &'static str,
    /// Only number and instant may be shown (R-L08).
    pub mascherata: bool,
    /// Reserved, and he may see it.
    pub riservata: bool,
    /// How many files.
    pub documenti: usize,
}
