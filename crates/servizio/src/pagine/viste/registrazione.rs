//! One registration.

use askama::Template;

use super::registro::Riga;
use super::{Guscio, Modulo};

/// Its page.
#[derive(Debug, Template)]
#[template(path = "registrazione.html")]
pub struct Registrazione {
    /// Around the page.
    pub g: Guscio,
    /// In one line.
    pub r: Riga,
    /// Address of the page.
    pub qui: String,
    /// It has just been registered: the number is the hero.
    pub nuova: bool,
    /// What went wrong with the last form, and where it was.
    pub sommario: Vec<(String, String)>,
    /// Forms as typed.
    pub m: Modulo,
    /// Facts: name and value.
    pub fatti: Vec<(String, String)>,
    /// Correspondents: role, name, details.
    pub soggetti: Vec<(String, String, String)>,
    /// Files.
    pub documenti: Vec<Documento>,
    /// How its seal stands.
    pub sigillo: Sigillo,
    /// Assignments.
    pub assegnazioni: Vec<Assegnazione>,
    /// Notes: text, who, when.
    pub annotazioni: Vec<(String, String, String)>,
    /// Links: address, words, note.
    pub collegamenti: Vec<(String, String, String)>,
    /// Aggregations.
    pub aggregazioni: Vec<String>,
    /// Operations, newest first.
    pub storia: Vec<Operazione>,
    /// What a receipt may show or keep to itself: field, name.
    pub rivelabili: Vec<(&'static str, &'static str)>,
    /// Open offices: code, name.
    pub uffici: Vec<(String, String)>,
    /// Entries valid today: code, name.
    pub titolario: Vec<(String, String)>,
    /// Fascicoli: code, subject.
    pub fascicoli: Vec<(String, String)>,
    /// What he may do.
    pub puo: Puo,
    /// Fresh one-time key for its forms.
    pub chiave: String,
    /// Index of the operation in the log.
    pub indice: u64,
    /// Annulments, oldest first.
    pub annullamenti: Vec<Annullamento>,
    /// Requests of annulment that wait.
    pub richieste: Vec<Richiesta>,
    /// The moment it is shown at, when not now: words.
    pub allora: Option<String>,
}

impl Registrazione {
    /// Is there a file that nobody has looked at yet?
    fn in_corso(&self) -> bool {
        self.documenti.iter().any(|d| d.firme.as_ref().is_some_and(|f| f.in_corso))
    }
}

/// An annulment, to be seen by all.
#[derive(Debug, Clone)]
pub struct Annullamento {
    /// The whole registration?
    pub intero: bool,
    /// What it hit.
    pub cosa: String,
    /// When.
    pub quando: String,
    /// Who; and who had asked.
    pub chi: String,
    /// Act.
    pub provvedimento: String,
    /// Why.
    pub motivo: String,
    /// Annulled and new value of each field.
    pub cambi: Vec<Cambio>,
}

/// A request that waits for the RGD.
#[derive(Debug, Clone)]
pub struct Richiesta {
    /// Number.
    pub id: u32,
    /// What it would hit.
    pub cosa: String,
    /// Who asked, when.
    pub chi: String,
    /// Why.
    pub motivo: String,
    /// Values as they would be: field, value.
    pub nuovi: Vec<(String, String)>,
}

/// Forms to be shown; the domain decides all the same.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one box for each form")]
pub struct Puo {
    /// Register an answer to it.
    pub risponde: bool,
    /// Assign.
    pub assegna: bool,
    /// Classify.
    pub classifica: bool,
    /// Add.
    pub integra: bool,
    /// Put into fascicoli.
    pub fascicola: bool,
    /// Ask for an annulment.
    pub chiede: bool,
    /// Annul, and decide what others asked.
    pub annulla: bool,
}

/// How the seal of a registration stands (R-A13, R-C10).
#[derive(Debug, Clone)]
pub enum Sigillo {
    /// Nobody asks for one.
    NonRichiesto,
    /// It follows.
    InAttesa,
    /// It is there.
    Apposto {
        /// Whose.
        di: String,
        /// Who issued its certificate, in words.
        emittente: String,
        /// When it was put, in words.
        quando: String,
        /// Qualified?
        qualificato: bool,
        /// Size of the sealed segnatura, in words.
        peso: String,
    },
}

/// A file.
#[derive(Debug, Clone)]
pub struct Documento {
    /// Progressive.
    pub n: u32,
    /// Documento or allegato.
    pub ruolo: &'static str,
    /// Name as given.
    pub nome: String,
    /// Kind in words.
    pub tipo: String,
    /// Size in words.
    pub peso: String,
    /// Whole impronta.
    pub impronta: String,
    /// Its first digits.
    pub impronta_breve: String,
    /// Address.
    pub href: String,
    /// May be looked at in the browser.
    pub anteprima: bool,
    /// Its signatures; none in the past.
    pub firme: Option<super::firme::Firme>,
}

/// An assignment.
#[derive(Debug, Clone)]
pub struct Assegnazione {
    /// Number.
    pub id: u32,
    /// Office, perhaps person.
    pub a: String,
    /// competenza, conoscenza.
    pub tipo: &'static str,
    /// State in words.
    pub stato: &'static str,
    /// Code of the state.
    pub codice: &'static str,
    /// Who and when, in words.
    pub righe: Vec<String>,
    /// Reason or note.
    pub motivo: String,
    /// May be taken in charge by who looks.
    pub prendibile: bool,
    /// May be refused or concluded by who looks.
    pub gestibile: bool,
}

/// An operation of the history.
#[derive(Debug, Clone)]
pub struct Operazione {
    /// Index in the log.
    pub indice: u64,
    /// What, in words.
    pub cosa: String,
    /// More about it, in words; blank when its name says everything.
    pub dettaglio: String,
    /// Who.
    pub chi: String,
    /// When, in words.
    pub quando: String,
    /// When, for machines.
    pub istante: String,
    /// By which door, in words.
    pub porta: &'static str,
    /// What changed: field, before, after.
    pub cambi: Vec<(String, String, String)>,
}

/// Only number and instant (R-L08).
#[derive(Debug, Template)]
#[template(path = "riservata.html")]
pub struct Riservata {
    /// Around the page.
    pub g: Guscio,
    /// In one line, masked.
    pub r: Riga,
}

/// Two points of the history side by side.
#[derive(Debug, Template)]
#[template(path = "confronto.html")]
pub struct Confronto {
    /// Around the page.
    pub g: Guscio,
    /// In one line.
    pub r: Riga,
    /// Points: index, words, whether it is the first chosen, whether the second.
    pub punti: Vec<(u64, String, bool, bool)>,
    /// What changed.
    pub cambi: Vec<Cambio>,
    /// What did not: field and value.
    pub invariati: Vec<(String, String)>,
}

/// A field that changed; each piece of text with whether it is only on that side.
#[derive(Debug, Clone)]
pub struct Cambio {
    /// Name in words.
    pub campo: String,
    /// First point.
    pub prima: Vec<(String, bool)>,
    /// Second point.
    pub dopo: Vec<(String, bool)>,
    /// It was annulled, not merely changed.
    pub annullato: bool,
}
