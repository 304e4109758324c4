//! A registration: what is written once, and what is added to it for ever after.
//!
//! [`DatiRegistrazione`] is the payload of the operation that creates it and never changes (R-A11, R-B01).
//! [`Registrazione`] is the fold of every operation on it: nothing else is its state.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::annullamento::{Annullamento, Richiesta};
use crate::codici::{CodiceAoo, CodiceIpa, CodiceRegistro, CodiceUfficio, CodiceVoce, Impronta, NomeUtente};
use crate::errori::Anomalia;
use crate::sigillo::SigilloApposto;
use crate::soggetto::Soggetto;
use crate::tempo::{Giorno, Istante, piu_giorni};

/// Direction of a document: a closed enumeration (R-A20).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tipo {
    /// Received.
    Entrata,
    /// Sent.
    Uscita,
    /// Between offices of the AOO.
    Interna,
}

impl Tipo {
    /// Its code.
    pub fn codice(self) -> &'static str {
        match self {
            Self::Entrata => "entrata",
            Self::Uscita => "uscita",
            Self::Interna => "interna",
        }
    }
    /// Reads a code.
    pub fn da_codice(t: &str) -> Option<Self> {
        [Self::Entrata, Self::Uscita, Self::Interna].into_iter().find(|x| x.codice() == t)
    }
}

/// How a document arrived or leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mezzo {
    /// Certified mail.
    Pec,
    /// Ordinary e-mail.
    Peo,
    /// At the counter.
    Sportello,
    /// Paper.
    Cartaceo,
    /// A portal of the ente.
    Portale,
    /// Application cooperation (Allegato 6).
    Cooperazione,
    /// Anything else.
    Altro,
}

/// Number of a registration; never 0, at least seven digits when printed (R-A06).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Numero(i64);

impl Numero {
    /// Checks that it is positive.
    pub fn nuovo(n: i64) -> Option<Self> {
        (n > 0).then_some(Self(n))
    }
    /// As an integer.
    pub fn valore(self) -> i64 {
        self.0
    }
    /// `0000123`, eight digits and more where needed.
    pub fn esteso(self) -> String {
        format!("{:07}", self.0)
    }
}

impl TryFrom<i64> for Numero {
    type Error = &'static str;
    fn try_from(n: i64) -> Result<Self, Self::Error> {
        Self::nuovo(n).ok_or("il numero di protocollo parte da 1")
    }
}

impl From<Numero> for i64 {
    fn from(n: Numero) -> i64 {
        n.0
    }
}

/// Which registration, inside its AOO (R-A18: never the number alone).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Chiave {
    /// Register.
    pub registro: CodiceRegistro,
    /// Solar year.
    pub anno: i32,
    /// Number.
    pub numero: Numero,
}

impl fmt::Display for Chiave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.registro, self.anno, self.numero.0)
    }
}

impl FromStr for Chiave {
    type Err = &'static str;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        const FORMA: &str = "una registrazione si indica con registro/anno/numero";
        let mut p = s.split('/');
        let (Some(r), Some(a), Some(n), None) = (p.next(), p.next(), p.next(), p.next()) else {
            return Err(FORMA);
        };
        Ok(Self {
            registro: r.parse().map_err(|_| FORMA)?,
            anno: a.parse().map_err(|_| FORMA)?,
            numero: n.parse().ok().and_then(Numero::nuovo).ok_or(FORMA)?,
        })
    }
}

/// A registration named from outside its AOO.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiferimentoEsteso {
    /// Administration.
    pub ente: CodiceIpa,
    /// AOO.
    pub aoo: CodiceAoo,
    /// Register.
    pub registro: CodiceRegistro,
    /// Year.
    pub anno: i32,
    /// Number.
    pub numero: Numero,
    /// When it was registered: of a first registration alone, which the register fills in where it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Giorno>,
}

/// The entrata that an uscita answers, as the register has it (R-C20).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Risposta {
    /// Which, in the same AOO.
    #[serde(flatten)]
    pub chiave: Chiave,
    /// When it was registered.
    pub data: Giorno,
    /// What it says of itself; nothing of a reserved one, which whoever reads the answer need not see.
    #[serde(flatten)]
    pub contenuto: Option<ContenutoRisposta>,
}

/// What an entrata that was answered says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ContenutoRisposta {
    /// What it is about.
    pub oggetto: String,
    /// Its class.
    pub classificazione: CodiceVoce,
    /// Name of that class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classificazione_denominazione: Option<String>,
    /// How the administration that sent it registered it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mittente: Option<RegistrazioneAltrui>,
}

/// A registration of another administration, as that one writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistrazioneAltrui {
    /// IPA code of the administration.
    pub ente: String,
    /// IPA code of the AOO.
    pub aoo: String,
    /// Register: 1–16 of `A–Z a–z 0–9 _ . -`.
    pub registro: String,
    /// Number, in digits.
    pub numero: String,
    /// Date.
    pub data: Giorno,
}

/// The sender's own protocol (R-A09).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtocolloMittente {
    /// As the sender writes it.
    pub numero: String,
    /// Its date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Giorno>,
    /// Its register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registro: Option<String>,
}

/// A file of a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Documento {
    /// Progressive within the registration, from 1.
    pub n: u32,
    /// Primary or attached.
    pub ruolo: RuoloDocumento,
    /// Name as given.
    pub nome: String,
    /// MIME type as declared or recognised.
    pub mime: String,
    /// Size in bytes.
    pub byte: u64,
    /// SHA-256 of the bytes as received.
    pub impronta: Impronta,
}

/// Place of a file in its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuoloDocumento {
    /// The document registered.
    Primario,
    /// An attachment.
    Allegato,
    /// The sealed segnatura, which is no document of the sender's.
    Segnatura,
}

/// Competenza or conoscenza.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TipoAssegnazione {
    /// Has to work on it.
    Competenza,
    /// Has to know.
    Conoscenza,
}

/// One assignment as decided: to an office, perhaps to a person in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatiAssegnazione {
    /// The office.
    pub ufficio: CodiceUfficio,
    /// A person of that office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utente: Option<NomeUtente>,
    /// Competenza or conoscenza.
    pub tipo: TipoAssegnazione,
}

/// A recipient of an uscita, with how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Destinatario {
    /// Who.
    #[serde(flatten)]
    pub soggetto: Soggetto,
    /// In copy.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub per_conoscenza: bool,
    /// Whether a confirmation of registration is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conferma_ricezione: Option<bool>,
    /// Channel chosen for this recipient.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canale: Option<Mezzo>,
}

/// Deferred registration (R-A23).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Differimento {
    /// The act that authorises it.
    pub provvedimento: String,
    /// Why.
    pub motivo: String,
    /// Until when registration could be deferred.
    pub termine: Giorno,
}

/// What a registration fixes for ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatiRegistrazione {
    /// Direction.
    pub tipo: Tipo,
    /// Subject.
    pub oggetto: String,
    /// Sender of an entrata, or sending office of an interna.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mittente: Option<Soggetto>,
    /// Further senders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub altri_mittenti: Vec<Soggetto>,
    /// Recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinatari: Vec<Destinatario>,
    /// How it arrived or leaves.
    pub mezzo: Mezzo,
    /// When it arrived, apart from when it was registered (R-A22).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_arrivo: Option<Istante>,
    /// The sender's protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocollo_mittente: Option<ProtocolloMittente>,
    /// Entry of the titolario at registration.
    pub classificazione: CodiceVoce,
    /// Name of the entry then (R-I03).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classificazione_denominazione: Option<String>,
    /// First assignments, numbered from 1.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assegnazioni: Vec<DatiAssegnazione>,
    /// Reserved (R-L08).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub riservato: bool,
    /// Office that sends an uscita.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ufficio_mittente: Option<CodiceUfficio>,
    /// Who signed an uscita.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firmatari: Vec<String>,
    /// First registration of a re-transmitted document (R-A27).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prima_registrazione: Option<RiferimentoEsteso>,
    /// Registrations it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub riferimenti: Vec<RiferimentoEsteso>,
    /// What an uscita answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risponde_a: Option<Risposta>,
    /// The fascicolo it is put in at once; absent means the default serie of register and year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fascicolo: Option<String>,
    /// Kind of document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tipologia: Option<String>,
    /// A note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Deferred registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differimento: Option<Differimento>,
    /// Files, the primary first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documenti: Vec<Documento>,
    /// A seal of its segnatura follows (R-A14).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sigillo_richiesto: bool,
    /// Odd data that a message declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub anomalie: Vec<Anomalia>,
}

impl DatiRegistrazione {
    /// Every correspondent with its role, senders first.
    pub fn soggetti(&self) -> impl Iterator<Item = (&'static str, &Soggetto)> {
        self.mittente
            .iter()
            .map(|s| ("mittente", s))
            .chain(self.altri_mittenti.iter().map(|s| ("mittente", s)))
            .chain(self.destinatari.iter().map(|d| ("destinatario", &d.soggetto)))
    }
}

/// Where an assignment stands (R-J05).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatoAssegnazione {
    /// Waits for somebody.
    DaPrendere,
    /// Somebody works on it.
    InCarico,
    /// Refused with a reason.
    Rifiutata,
    /// Done.
    Conclusa,
}

impl StatoAssegnazione {
    /// Its code.
    pub fn codice(self) -> &'static str {
        match self {
            Self::DaPrendere => "da-prendere",
            Self::InCarico => "in-carico",
            Self::Rifiutata => "rifiutata",
            Self::Conclusa => "conclusa",
        }
    }
}

/// An assignment with its story so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Assegnazione {
    /// Progressive within the registration, from 1.
    pub id: u32,
    /// What was decided.
    #[serde(flatten)]
    pub dati: DatiAssegnazione,
    /// Where it stands.
    pub stato: StatoAssegnazione,
    /// Who assigned.
    pub assegnata_da: String,
    /// When.
    #[serde(serialize_with = "a_roma")]
    pub dal: Istante,
    /// Who moved it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gestita_da: Option<String>,
    /// When it was moved last.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "forse_a_roma")]
    pub gestita_il: Option<Istante>,
    /// Reason of a refusal, or note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub motivo: Option<String>,
}

/// A note added later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Annotazione {
    /// The text.
    pub testo: String,
    /// Who wrote it.
    pub autore: String,
    /// When.
    #[serde(serialize_with = "a_roma")]
    pub istante: Istante,
}

/// A link to another registration, added later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Collegamento {
    /// The other one.
    pub riferimento: RiferimentoEsteso,
    /// What the link means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nota: Option<String>,
}

/// State of the registration as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stato {
    /// In force.
    Valida,
    /// Annulled as a whole.
    Annullata,
    /// Some piece of information was annulled and renewed.
    AnnullataInParte,
}

/// A registration as it is at a given operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registrazione {
    /// Which one.
    pub chiave: Chiave,
    /// When it was registered.
    pub istante: Istante,
    /// Index of the operation that made it.
    pub indice: u64,
    /// Index of the last operation seen.
    pub ultimo_indice: u64,
    /// Who registered it.
    pub operatore: String,
    /// His name.
    pub operatore_nome: String,
    /// On behalf of which office.
    pub operatore_ufficio: Option<CodiceUfficio>,
    /// What was registered and is in force: only an annulment renews a piece of it, and keeps the annulled value.
    pub dati: DatiRegistrazione,
    /// Classificazione now, with its name.
    pub classificazione: (CodiceVoce, Option<String>),
    /// Assignments, all of them.
    pub assegnazioni: Vec<Assegnazione>,
    /// Files, with those added later.
    pub documenti: Vec<Documento>,
    /// Notes.
    pub annotazioni: Vec<Annotazione>,
    /// Links.
    pub collegamenti: Vec<Collegamento>,
    /// Aggregations it is in, never none: the default serie `PG/2026` or fascicoli (A5 `Agg`).
    pub aggregazioni: Vec<String>,
    /// State as a whole.
    pub stato: Stato,
    /// Annulments made, oldest first, with what they annulled (R-B03, R-B04).
    pub annullamenti: Vec<Annullamento>,
    /// Annulments asked for, oldest first.
    pub richieste: Vec<Richiesta>,
    /// The seal of its segnatura, once it is there.
    pub sigillo: Option<SigilloApposto>,
}

/// Days of the procedimento unless otherwise set (L. 241/1990 art. 2 c. 2).
pub const TERMINE_GIORNI: i64 = 30;

/// The last day to answer what was filed then: the term runs from the arrival, not from the registration (R-J07).
pub fn termine(presentato: Istante) -> Giorno {
    piu_giorni(presentato.giorno(), TERMINE_GIORNI)
}

impl Registrazione {
    /// The assignment with that id.
    pub fn assegnazione(&self, id: u32) -> Option<&Assegnazione> {
        self.assegnazioni.iter().find(|a| a.id == id)
    }

    /// Offices that have or had to do with it.
    pub fn uffici(&self) -> impl Iterator<Item = &CodiceUfficio> {
        self.assegnazioni
            .iter()
            .map(|a| &a.dati.ufficio)
            .chain(self.dati.ufficio_mittente.iter())
            .chain(self.dati.soggetti().filter_map(|(_, s)| s.ufficio()))
    }
}

/// Serialises an instant with the offset of Rome: the form of answers.
pub fn a_roma<S: serde::Serializer>(t: &Istante, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(&t.con_offset())
}

fn forse_a_roma<S: serde::Serializer>(t: &Option<Istante>, s: S) -> Result<S::Ok, S::Error> {
    match t {
        Some(t) => a_roma(t, s),
        None => s.serialize_none(),
    }
}
