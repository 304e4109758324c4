//! Asking for a seal: the key with its request, the form for a provider.

use askama::Template;

use super::{Guscio, Modulo};

/// A request that waits for its certificate.
#[derive(Debug, Clone)]
pub struct InAttesa {
    /// Whose the certificate is to be.
    pub intestatario: String,
    /// Its identifier.
    pub identificativo: String,
    /// Since when.
    pub dal: String,
    /// Where the key is, in words.
    pub dove: &'static str,
    /// Impronta of the public key.
    pub chiave: String,
}

/// A key of ours and its request.
#[derive(Debug, Template)]
#[template(path = "richiesta_sigillo.html")]
pub struct Richiesta {
    /// Around the page.
    pub g: Guscio,
    /// Forms as typed, without what is secret.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// Was a request just made?
    pub fatto: bool,
    /// Name of the ente.
    pub denominazione: String,
    /// Its codice fiscale, where its data have it.
    pub codice_fiscale: Option<String>,
    /// The request that waits.
    pub in_attesa: Option<InAttesa>,
    /// Libraries of devices that may be used.
    pub moduli: Vec<String>,
    /// Longest certificate, in words.
    pub massimo: String,
}

/// The form for a provider.
#[derive(Debug, Template)]
#[template(path = "modulo_prestatore.html")]
pub struct ModuloPrestatore {
    /// Around the page.
    pub g: Guscio,
    /// The form as typed.
    pub m: Modulo,
    /// What is wrong.
    pub sommario: Vec<(String, String)>,
    /// Name of the ente.
    pub denominazione: String,
    /// Its codice fiscale, where its data have it.
    pub codice_fiscale: Option<String>,
    /// Its mailbox, where its data have it.
    pub pec: Option<String>,
    /// The request of ours that goes with the form.
    pub in_attesa: Option<InAttesa>,
}
