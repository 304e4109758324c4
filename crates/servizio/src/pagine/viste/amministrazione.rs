//! Offices, people, titolario, rubrica, fascicoli.

use askama::Template;

use super::registra::Gruppo;
use super::{Guscio, Modulo};

/// Offices as a tree.
#[derive(Debug, Template)]
#[template(path = "uffici.html")]
pub struct Uffici {
    /// Around the page.
    pub g: Guscio,
    /// Form as typed.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// Rows of the tree, parents first.
    pub righe: Vec<RamoUfficio>,
    /// Open offices: code, name.
    pub aperti: Vec<(String, String)>,
    /// May he change them?
    pub modifica: bool,
}

/// An office in the tree.
#[derive(Debug, Clone)]
pub struct RamoUfficio {
    /// Code.
    pub codice: String,
    /// Name.
    pub nome: String,
    /// Depth, from 0 to 5.
    pub livello: usize,
    /// Since when, until when, in words.
    pub validita: String,
    /// Closed.
    pub chiuso: bool,
    /// People in it.
    pub persone: usize,
}

/// People.
#[derive(Debug, Template)]
#[template(path = "utenti.html")]
pub struct Utenti {
    /// Around the page.
    pub g: Guscio,
    /// Form as typed.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// A secret to be shown once: what it is, its text.
    pub segreto: Option<(String, String)>,
    /// People.
    pub persone: Vec<Persona>,
    /// Tokens.
    pub token: Vec<Token>,
    /// Roles: code, name.
    pub ruoli: Vec<(&'static str, &'static str)>,
    /// Rights: code, name.
    pub diritti: Vec<(String, &'static str)>,
    /// Open offices: code, name.
    pub uffici: Vec<(String, String)>,
}

/// A person.
#[derive(Debug, Clone)]
pub struct Persona {
    /// Sign-in name.
    pub utente: String,
    /// Name.
    pub nome: String,
    /// Roles that hold here.
    pub incarichi: Vec<IncaricoInParole>,
    /// Disabled.
    pub disabilitato: bool,
    /// It is who looks.
    pub io: bool,
}

/// A role of a person.
#[derive(Debug, Clone)]
pub struct IncaricoInParole {
    /// Role and office, in words.
    pub parole: String,
    /// Code of the role.
    pub ruolo: &'static str,
    /// Code of the office; blank for the whole AOO.
    pub ufficio: String,
    /// It holds in this AOO only, so that it may be taken away from here.
    pub toglibile: bool,
}

/// A token.
#[derive(Debug, Clone)]
pub struct Token {
    /// Identifier.
    pub id: String,
    /// What it is for.
    pub descrizione: String,
    /// Who answers for it.
    pub utente: String,
    /// What it may do, in words.
    pub diritti: String,
    /// Until when, in words.
    pub scadenza: String,
    /// valido, revocato, scaduto.
    pub stato: &'static str,
}

/// The register's clock.
#[derive(Debug, Template)]
#[template(path = "orologio.html")]
pub struct Orologio {
    /// Around the page.
    pub g: Guscio,
    /// Form as typed.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// What it says now.
    pub adesso: String,
    /// Are registrations stopped for it?
    pub in_dubbio: bool,
}

/// Where the stamp goes.
#[derive(Debug, Template)]
#[template(path = "timbro.html")]
pub struct Timbro {
    /// Around the page.
    pub g: Guscio,
    /// Form as typed.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// Was it just chosen?
    pub fatto: bool,
    /// The corner in force.
    pub angolo: &'static str,
    /// The margin in force, millimetres.
    pub margine: String,
}

/// Copies, and drills of their restoring.
#[derive(Debug, Template)]
#[template(path = "copie.html")]
pub struct Copie {
    /// Around the page.
    pub g: Guscio,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// Why nothing is known of copies, when nothing is.
    pub ignote: Option<String>,
    /// What somebody must look at.
    pub avvisi: Vec<String>,
    /// Copies that have this ente, newest first.
    pub copie: Vec<RigaCopia>,
    /// Drills, newest first.
    pub prove: Vec<RigaProva>,
    /// How far the one under way is.
    pub in_corso: Option<String>,
    /// Gaps that restorings of this register declared.
    pub lacune: usize,
}

/// Gaps after a restoring, number by number.
#[derive(Debug, Template)]
#[template(path = "lacune.html")]
pub struct Lacune {
    /// Around the page.
    pub g: Guscio,
    /// The form as typed.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// What was just done, in words.
    pub fatto: Option<String>,
    /// What was just sent: sign, words.
    pub esami: Vec<((&'static str, &'static str, &'static str), String)>,
    /// What contradicts what is known.
    pub contrasti: Vec<String>,
    /// Epochs, newest first.
    pub epoche: Vec<RigaEpoca>,
    /// Longest file, in words.
    pub massimo: String,
}

/// An epoch that jumped numbers.
#[derive(Debug, Clone)]
pub struct RigaEpoca {
    /// Which.
    pub epoca: u32,
    /// Why.
    pub motivo: String,
    /// How many numbers are proven, given, said, unknown.
    pub conti: [i64; 4],
    /// What is known of its numbers.
    pub tratti: Vec<RigaTratto>,
    /// Stretches that are not shown.
    pub oltre: usize,
}

/// Numbers of which the same is known.
#[derive(Debug, Clone)]
pub struct RigaTratto {
    /// Which, in words.
    pub numeri: String,
    /// How they stand: class of the sign, icon, words.
    pub segno: (&'static str, &'static str, &'static str),
    /// On what it rests.
    pub dettaglio: String,
    /// What a receipt discloses.
    pub campi: Vec<(String, String)>,
}

/// A copy.
#[derive(Debug, Clone)]
pub struct RigaCopia {
    /// When, in words.
    pub quando: String,
    /// When, for machines.
    pub istante: String,
    /// Its size in words.
    pub peso: String,
    /// Files of documents.
    pub file: u64,
    /// Files that were missing already.
    pub guasti: usize,
    /// Is it encrypted for somebody?
    pub cifrata: bool,
    /// Last numbers of the registers, in words.
    pub numeri: String,
}

/// A drill.
#[derive(Debug, Clone)]
pub struct RigaProva {
    /// When, in words.
    pub quando: String,
    /// When, for machines.
    pub istante: String,
    /// Who started it.
    pub chi: String,
    /// The copy that was tried, in words; blank when there was none.
    pub copia: String,
    /// How it went: class of the sign, icon, words.
    pub segno: (&'static str, &'static str, &'static str),
    /// Why, or how long it took.
    pub dettaglio: String,
    /// Where its report is, without the ending; blank when there is none.
    pub rapporto: String,
}

/// The titolario as a tree.
#[derive(Debug, Template)]
#[template(path = "titolario.html")]
pub struct Titolario {
    /// Around the page.
    pub g: Guscio,
    /// Form as typed.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// Entries, by code.
    pub voci: Vec<Voce>,
    /// May he change it?
    pub modifica: bool,
    /// Today, for the fields of dates.
    pub oggi: String,
}

/// An entry.
#[derive(Debug, Clone)]
pub struct Voce {
    /// Code.
    pub codice: String,
    /// Name.
    pub nome: String,
    /// Depth, from 0 to 5.
    pub livello: usize,
    /// Validity in words.
    pub validita: String,
    /// Cannot be used today.
    pub chiusa: bool,
    /// Can be closed.
    pub chiudibile: bool,
}

/// The rubrica.
#[derive(Debug, Template)]
#[template(path = "rubrica.html")]
pub struct Rubrica {
    /// Around the page.
    pub g: Guscio,
    /// Form as typed.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// Words searched.
    pub q: String,
    /// Correspondents: name, kind, code, address, whether from the rubrica.
    pub righe: Vec<(String, &'static str, String, String, bool)>,
    /// Address of the next page.
    pub successivi: Option<String>,
    /// May he add?
    pub modifica: bool,
    /// The group of fields of a new one.
    pub nuovo: Gruppo,
    /// Open offices: not used here, the group of fields asks for them.
    pub uffici: Vec<(String, String)>,
}

/// Fascicoli.
#[derive(Debug, Template)]
#[template(path = "fascicoli.html")]
pub struct Fascicoli {
    /// Around the page.
    pub g: Guscio,
    /// Form as typed.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// Fascicoli: code, subject, entry, office, opened, documents.
    pub righe: Vec<Fascicolo>,
    /// Address of the next page.
    pub successivi: Option<String>,
    /// May he open one?
    pub modifica: bool,
    /// Entries valid today: code, name.
    pub titolario: Vec<(String, String)>,
    /// Open offices: code, name.
    pub uffici: Vec<(String, String)>,
}

/// A fascicolo.
#[derive(Debug, Clone)]
pub struct Fascicolo {
    /// Code.
    pub codice: String,
    /// Subject.
    pub oggetto: String,
    /// Entry.
    pub classificazione: String,
    /// Office.
    pub ufficio: String,
    /// When it was opened, in words.
    pub apertura: String,
    /// Documents in it.
    pub documenti: u64,
}
