//! The seal of the AOO.

use askama::Template;

use super::{Guscio, Modulo};

/// Its page.
#[derive(Debug, Template)]
#[template(path = "sigillo.html")]
pub struct Sigillo {
    /// Around the page.
    pub g: Guscio,
    /// Forms as typed, without what is secret.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// What was just done, in words.
    pub fatto: Option<&'static str>,
    /// The seal in force.
    pub in_uso: Option<InUso>,
    /// What is said of its end: is it urgent, and the words.
    pub avviso: Option<(bool, String)>,
    /// Why nothing is sealed now.
    pub impedimento: Option<String>,
    /// Until when seals may wait, in words.
    pub differito: Option<String>,
    /// How many registrations wait, in words; none when none does.
    pub attesa: Option<String>,
    /// Segnature that cannot be written: address (blank for who may not read), number, why.
    pub non_scrivibili: Vec<(String, String, String)>,
    /// Libraries of devices that may be used.
    pub moduli: Vec<String>,
    /// Addresses of providers that may be used.
    pub indirizzi: Vec<String>,
    /// Since when a request waits for its certificate.
    pub richiesta: Option<String>,
    /// Longest file, in words.
    pub massimo: String,
    /// Proposed end of a deferral: day, hour.
    pub proposta: (String, &'static str),
    /// Which form was sent last: it stays open.
    pub aperto: Option<Modo>,
    /// May he set and remove it?
    pub configura: bool,
    /// May he let uscite be registered without it for a while?
    pub differisce: bool,
}

/// A form of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modo {
    /// A PKCS#12 file.
    File,
    /// A device.
    Dispositivo,
    /// A provider.
    Fornitore,
    /// Removal.
    Rimozione,
    /// Deferral.
    Differimento,
}

impl Sigillo {
    /// Is this the form that was sent last?
    pub fn e_aperto(&self, m: Modo) -> bool {
        self.aperto == Some(m)
    }
}

/// The seal in force.
#[derive(Debug, Clone)]
pub struct InUso {
    /// Whose.
    pub intestatario: String,
    /// Issued by.
    pub emittente: String,
    /// Its end, in words.
    pub scadenza: String,
    /// Its end, for machines.
    pub scadenza_istante: String,
    /// How far that is, in words.
    pub manca: String,
    /// Qualified?
    pub qualificato: bool,
    /// Where its key is, in words.
    pub fornitore: &'static str,
    /// What it seals, in words.
    pub riguarda: &'static str,
    /// Whole impronta of the certificate.
    pub impronta: String,
    /// Its first digits.
    pub impronta_breve: String,
}
