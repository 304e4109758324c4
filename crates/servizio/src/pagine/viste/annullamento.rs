//! Annulling, asking for it, and the register of annulments.

use askama::Template;

use super::registra::Gruppo;
use super::registrazione::Cambio;
use super::registro::Riga;
use super::{Guscio, Modulo};

/// The form.
#[derive(Debug, Template)]
#[template(path = "annulla.html")]
pub struct Annulla {
    /// Around the page.
    pub g: Guscio,
    /// The registration in one line.
    pub r: Riga,
    /// Its address.
    pub qui: String,
    /// Its direction.
    pub tipo: &'static str,
    /// RGD or vicario: what he confirms is done; others ask.
    pub decide: bool,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// What was typed; at first, what is in force.
    pub m: Modulo,
    /// Fields that can be annulled alone: code, name, ticked.
    pub voci: Vec<(&'static str, &'static str, bool)>,
    /// Sender.
    pub mittente: Gruppo,
    /// Further senders.
    pub altri_mittenti: Vec<Gruppo>,
    /// Recipients.
    pub destinatari: Vec<Gruppo>,
    /// Open offices.
    pub uffici: Vec<(String, String)>,
}

impl Annulla {
    /// Can this field be annulled alone here?
    pub fn ha(&self, codice: &str) -> bool {
        self.voci.iter().any(|v| v.0 == codice)
    }

    /// Is it ticked?
    pub fn spuntato(&self, codice: &str) -> bool {
        self.voci.iter().any(|v| v.0 == codice && v.2)
    }
}

/// What will happen.
#[derive(Debug, Template)]
#[template(path = "annulla-anteprima.html")]
pub struct Anteprima {
    /// Around the page.
    pub g: Guscio,
    /// The registration in one line.
    pub r: Riga,
    /// Its address.
    pub qui: String,
    /// Is it done, or only asked?
    pub decide: bool,
    /// The whole registration?
    pub intero: bool,
    /// Did something happen to it since this was last shown?
    pub cambiata: bool,
    /// Why.
    pub motivo: String,
    /// Under which act.
    pub provvedimento: String,
    /// Values before and after.
    pub cambi: Vec<Cambio>,
    /// The form, to be sent again.
    pub nascosti: Vec<(String, String)>,
}

/// The register of annulments.
#[derive(Debug, Template)]
#[template(path = "annullamenti.html")]
pub struct Annullamenti {
    /// Around the page.
    pub g: Guscio,
    /// Does he decide?
    pub decide: bool,
    /// What waits.
    pub attese: Vec<InAttesa>,
    /// What was done, newest first.
    pub righe: Vec<RigaAnnullamento>,
    /// Not the first page.
    pub oltre: bool,
    /// Next page.
    pub successivi: Option<String>,
}

/// A request that waits.
#[derive(Debug, Clone)]
pub struct InAttesa {
    /// The registration.
    pub r: Riga,
    /// What it would hit.
    pub cosa: String,
    /// Who asked, when.
    pub chi: String,
    /// Why.
    pub motivo: String,
}

/// A line of the register.
#[derive(Debug, Clone, Default)]
pub struct RigaAnnullamento {
    /// The registration.
    pub r: Riga,
    /// When, in words.
    pub quando: String,
    /// When, for machines.
    pub istante: String,
    /// Who annulled or authorised.
    pub chi: String,
    /// Who had asked.
    pub chiesto_da: String,
    /// Number and date of the act.
    pub provvedimento: String,
    /// Why.
    pub motivo: String,
    /// What it hit.
    pub cosa: String,
}
