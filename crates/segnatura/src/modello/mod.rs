//! What a segnatura says, in one form for every generation.
//!
//! Values are kept as text, as they were written: a reader must be able to show what is wrong. Who writes goes through
//! [`crate::scrittura`], which refuses whatever the schema would.

mod messaggio;
mod soggetto;

pub use messaggio::{Annullamento, Conferma, Eccezione, MessaggioDiRitorno, MessaggioRicevuto, TipoMessaggio};
pub use soggetto::{
    Amministrazione, AmministrazioneEstera, Contatti, Destinatario, IndirizzoPostale, IndirizzoTelematico,
    PersonaFisica, PersonaGiuridica, Soggetto, TipoIndirizzo,
};

use std::fmt;

use serde::Serialize;

/// Which rules a document follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Generazione {
    /// DTD of circolare AIPA 28/2001: no register, SHA-1.
    #[serde(rename = "2001")]
    V2001,
    /// DTD of 2009 and its vendor variants.
    #[serde(rename = "2009")]
    V2009,
    /// XML Schema of circolare 60/2013.
    #[serde(rename = "2013")]
    V2013,
    /// Allegato 6 to the guidelines (Determina 371/2021): the 3.0.0, the only one we write (R-C05).
    #[serde(rename = "2021")]
    V2021,
    /// What DOCAREA web services call a Segnatura: a request to register, not a segnatura.
    #[serde(rename = "docarea")]
    Docarea,
}

/// A code of IPA, with the name that goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CodiceIpa {
    /// `c_h501`.
    pub valore: String,
    /// Name of the administration, AOO or office.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descrizione: Option<String>,
}

impl CodiceIpa {
    /// A code without a name.
    pub fn nuovo(valore: impl Into<String>) -> Self {
        Self { valore: valore.into(), descrizione: None }
    }
}

/// Which registration: R-C02, R-C06.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Identificatore {
    /// Code of the administration in IPA.
    pub codice_amministrazione: CodiceIpa,
    /// Code of the AOO in IPA.
    pub codice_aoo: CodiceIpa,
    /// Register; the DTD of 2001 has none.
    pub codice_registro: Option<String>,
    /// Seven digits at least.
    pub numero_registrazione: String,
    /// `aaaa-mm-gg`.
    pub data_registrazione: String,
    /// `hh:mm:ss`, with its offset in the 3.0.0.
    pub ora_registrazione: Option<String>,
}

/// A number as a segnatura writes it: seven digits at least (R-C06).
pub fn sette_cifre(numero: u64) -> String {
    format!("{numero:07}")
}

/// Head of the segnatura.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Intestazione {
    /// This registration.
    pub identificatore: Identificatore,
    /// Where it was registered first, if it was sent on.
    pub prima_registrazione: Option<Identificatore>,
    /// What it is about.
    pub oggetto: String,
    /// Classes: exactly one in the 3.0.0.
    pub classifiche: Vec<Classifica>,
    /// Fascicolo.
    pub fascicolo: Option<Fascicolo>,
    /// Whether it is reserved (R-C18).
    pub riservato: Option<Riservato>,
    /// Where answers go: old generations only (R-D27).
    pub risposta: Option<IndirizzoTelematico>,
    /// Notes: old generations only.
    pub note: Option<String>,
}

/// A class of the sender's titolario.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Classifica {
    /// Its name.
    pub denominazione: String,
    /// Its code.
    pub codice: CodiceClassifica,
}

/// Code of a class: in one piece or level by level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodiceClassifica {
    /// `8.6`.
    Unico(String),
    /// From the outermost; never empty in the 3.0.0.
    Livelli(Vec<Livello>),
}

/// A level of a class.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Livello {
    /// `8`.
    pub valore: String,
    /// `Titolo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub descrizione: Option<String>,
}

/// A fascicolo of the sender.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Fascicolo {
    /// Its name.
    pub denominazione: String,
    /// Its code.
    pub codice: String,
}

/// Whether the message is reserved: the 3.0.0 has a boolean, the others a text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Riservato {
    /// True also for any text of the old generations but a plain no.
    pub valore: bool,
    /// Why, or what was written there.
    pub note: Option<String>,
}

/// The message that this one answers (R-C20), or what else it refers to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Riferimento {
    /// Registration of the sender of that message.
    pub identificatore: Option<Identificatore>,
    /// Its first registration.
    pub prima_registrazione: Option<Identificatore>,
    /// Its oggetto.
    pub oggetto: Option<String>,
    /// Its class.
    pub classifica: Option<Classifica>,
    /// Its fascicolo.
    pub fascicolo: Option<Fascicolo>,
    /// A message that was never registered, in words: old generations.
    pub descrizione_messaggio: Option<String>,
    /// A procedimento or another context: old generations.
    pub procedimento: Option<String>,
}

/// Body of the segnatura.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Descrizione {
    /// Who sends; `None` only if what was read does not say.
    pub mittente: Option<Soggetto>,
    /// Mailbox of the AOO that sends: `Origine` of old generations.
    pub indirizzo_mittente: Option<IndirizzoTelematico>,
    /// Who receives.
    pub destinatari: Vec<Destinatario>,
    /// The primary document; `None` only if what was read does not say.
    pub documento_primario: Option<Documento>,
    /// Attachments.
    pub allegati: Vec<Documento>,
    /// Notes: old generations only.
    pub note: Option<String>,
}

/// A file of the message (R-C08).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Documento {
    /// Name of the file, the same as in the message that carries it (R-D28).
    pub nome_file: Option<String>,
    /// Its type.
    pub mime_type: Option<String>,
    /// What it is.
    pub descrizione: Option<String>,
    /// What binds it to this segnatura.
    pub impronta: Option<Impronta>,
    /// Where else it can be had.
    pub collocazione: Option<Collocazione>,
    /// Digital signature.
    pub firmato: Option<Sottoscrizione>,
    /// Electronic seal.
    pub sigillato: Option<Sottoscrizione>,
    /// Time stamp.
    pub marcato: Option<Sottoscrizione>,
    /// Old generations: it is the text of the message that carries the segnatura.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub testo_del_messaggio: bool,
    /// Old generations: `MIME`, `telematico`, `cartaceo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tipo_riferimento: Option<String>,
    /// Kind of document, in words: old generations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tipo_documento: Option<String>,
    /// DOCAREA: the number under which the file was put in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

/// Digest of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Impronta {
    /// As written; absent means SHA-256 in the 3.0.0 and in 2013, SHA-1 in 2001.
    pub algoritmo: Option<String>,
    /// Base64.
    pub valore: String,
}

impl Impronta {
    /// Of a digest made by SHA-256 (R-C09).
    pub fn sha256(byte: &[u8; 32]) -> Self {
        use base64::Engine as _;
        let valore = base64::engine::general_purpose::STANDARD.encode(byte);
        Self { algoritmo: Some("SHA-256".to_owned()), valore }
    }

    /// The digest itself, if it is base64.
    pub fn byte(&self) -> Option<Vec<u8>> {
        crate::grammatica::semplici::base64(&self.valore)
    }
}

/// Where a file can be had: host and path in the 3.0.0, one address in old generations. Credentials are not for display.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Collocazione {
    /// Server; absent in old generations.
    pub host: Option<String>,
    /// Path, or the whole address.
    pub percorso: String,
    /// For how many milliseconds.
    pub durata_ms: Option<String>,
    /// Who asks for it.
    #[serde(skip)]
    pub utente: Option<String>,
    /// For whom it opens.
    #[serde(skip)]
    pub password: Option<Segreto>,
}

/// A password of somebody else's, which a segnatura carries in clear: never shown, nor written in a journal (R-C19).
#[derive(Clone, PartialEq, Eq)]
pub struct Segreto(pub String);

impl fmt::Debug for Segreto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Segreto(…)")
    }
}

/// Signature, seal or time stamp of a file: inside of it or beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sottoscrizione {
    /// In the file.
    Interna,
    /// In files of its own; never empty in the 3.0.0.
    Separata(Vec<FileSeparato>),
}

/// A file that holds a signature, a seal or a time stamp.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct FileSeparato {
    /// Its name.
    pub nome_file: String,
    /// Its type.
    pub mime_type: Option<String>,
    /// Which one it is.
    pub ordine: String,
}

/// What only a DOCAREA request says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Docarea {
    /// `E`, `U`, `I`, or words.
    pub flusso: Option<String>,
    /// Application that asks.
    pub applicativo: Option<String>,
    /// Its parameters, in order.
    pub parametri: Vec<(String, String)>,
}

/// A segnatura of any generation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Segnatura {
    /// Head.
    pub intestazione: Intestazione,
    /// What it answers: at most one in the 3.0.0.
    pub riferimenti: Vec<Riferimento>,
    /// Body.
    pub descrizione: Descrizione,
    /// DOCAREA requests only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub docarea: Option<Docarea>,
}
