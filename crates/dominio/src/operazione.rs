//! Operations: what the log keeps. An [`Evento`] says what happened, the envelope who, when, where, by which door.
//!
//! The stored form is flat (contract § 3); [`Operazione::campi`] writes it, [`Operazione::leggi`] reads it back.
//! Old operations are replayed for ever: a published name here never changes meaning. See `docs/operazioni.md`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::annullamento::{Campo, Provvedimento, Valori};
use crate::codici::{CodiceAoo, CodiceIpa, CodiceRegistro, CodiceUfficio, CodiceVoce, NomeUtente};
use crate::configurazione::{DatiAoo, DatiEnte, DatiRegistro, Token, Ufficio, Utente, Voce};
use crate::epoca::{Lacuna, Ricostruzione};
use crate::permessi::{Incarico, Operatore, Porta};
use crate::piatto::{self, Campi};
use crate::registrazione::{Chiave, DatiAssegnazione, DatiRegistrazione, Documento, Numero, RiferimentoEsteso, Tipo};
use crate::sigillo::{DatiSigillo, RichiestaSigillo, SigilloApposto};
use crate::soggetto::Soggetto;
use crate::tempo::{Giorno, Istante};
use crate::timbro::PosizioneTimbro;

/// Version of the schema of operations.
pub const VERSIONE: i64 = 1;

/// The fields that say of which registration an operation is, and when: what a receipt that keeps the rest to itself must
/// still tell to be one of something.
pub const CHE_COSA: [&str; 10] =
    ["v", "operazione", "ente", "aoo", "registro", "anno", "numero", "indice", "istante", "tipo"];

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "operazione", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Evento {
    /// First operation of an ente's log.
    EnteCreato(DatiEnte),
    /// In the installation's log: an ente is served from here on.
    EnteAttivato {
        /// Its IPA code.
        attivato: CodiceIpa,
    },
    /// First operation of an AOO's log.
    AooCreata(DatiAoo),
    /// A person joins.
    UtenteCreato(Utente),
    /// The whole set of a person's roles, from now on.
    IncarichiAssegnati {
        /// Who.
        utente: NomeUtente,
        /// His roles.
        #[serde(default)]
        incarichi: Vec<Incarico>,
    },
    /// A person is disabled or enabled again.
    UtenteAbilitato {
        /// Who.
        utente: NomeUtente,
        /// Whether he may sign in.
        abilitato: bool,
    },
    /// A password was set; the operation never holds it.
    PasswordImpostata {
        /// Whose.
        utente: NomeUtente,
    },
    /// An API token was issued; the operation never holds its secret.
    TokenCreato {
        /// What it may do.
        token: Token,
    },
    /// An API token was revoked.
    TokenRevocato {
        /// Which.
        token: String,
    },
    /// A register opens.
    RegistroCreato(DatiRegistro),
    /// An office opens.
    UfficioCreato(Ufficio),
    /// An office closes.
    UfficioChiuso {
        /// Which.
        codice: CodiceUfficio,
        /// From when.
        al: Istante,
    },
    /// An entry of the titolario opens.
    VoceAperta(Voce),
    /// An entry of the titolario closes.
    VoceChiusa {
        /// Which.
        codice: CodiceVoce,
        /// Last day of validity.
        al: Giorno,
    },
    /// A correspondent enters the rubrica; its id is the operation's index.
    CorrispondenteAggiunto {
        /// Who.
        soggetto: Soggetto,
    },
    /// A fascicolo opens.
    FascicoloCreato {
        /// Its code, `anno/classe/progressivo` (R-I11).
        fascicolo: String,
        /// Entry of the titolario.
        classificazione: CodiceVoce,
        /// Subject.
        oggetto: String,
        /// Responsible office.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ufficio: Option<CodiceUfficio>,
    },
    /// A document is registered.
    Registrazione(Box<DatiRegistrazione>),
    /// Assigned, or re-assigned.
    Assegnazione {
        /// Number of the first of them within the registration.
        primo: u32,
        /// To whom.
        assegnazioni: Vec<DatiAssegnazione>,
        /// Why, or what to do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nota: Option<String>,
    },
    /// Somebody of the office takes it.
    PresaInCarico {
        /// Number of the assignment.
        assegnazione: u32,
    },
    /// The office refuses it.
    RifiutoAssegnazione {
        /// Number of the assignment.
        assegnazione: u32,
        /// Why.
        motivo: String,
    },
    /// The work is done.
    ConclusioneAssegnazione {
        /// Number of the assignment.
        assegnazione: u32,
        /// How it ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nota: Option<String>,
    },
    /// Classified again.
    Classificazione {
        /// The new entry.
        classificazione: CodiceVoce,
        /// Its name now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        classificazione_denominazione: Option<String>,
        /// The entry before.
        precedente: CodiceVoce,
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        motivo: Option<String>,
    },
    /// The segnatura was sealed (R-A13, R-C10).
    Sigillo(Box<SigilloApposto>),
    /// Files added later.
    Allegati {
        /// The files.
        documenti: Vec<Documento>,
        /// What they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        descrizione: Option<String>,
    },
    /// A note.
    Annotazione {
        /// The text.
        testo: String,
    },
    /// A link to another registration.
    Collegamento {
        /// The other one.
        riferimento: RiferimentoEsteso,
        /// What the link means.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nota: Option<String>,
    },
    /// Put into a fascicolo.
    Fascicolazione {
        /// Its code.
        fascicolo: String,
    },
    /// An annulment is asked for (R-B06).
    RichiestaAnnullamento {
        /// Number of the request within the registration.
        richiesta: u32,
        /// Why.
        motivo: String,
        /// The whole registration?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        intero: bool,
        /// Which fields.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        campi: Vec<Campo>,
        /// Their right values.
        #[serde(default, skip_serializing_if = "vuoti")]
        nuovi_valori: Valori,
    },
    /// The RGD refuses a request.
    RifiutoAnnullamento {
        /// Number of the request.
        richiesta: u32,
        /// Why.
        motivo: String,
    },
    /// Annulled (TUDA art. 54): who, when and on whose behalf are the operation's own.
    Annullamento {
        /// The request it answers; absent when the RGD annuls in one step.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        richiesta: Option<u32>,
        /// Why (R-B10).
        motivo: String,
        /// Under which act (R-B05).
        provvedimento: Provvedimento,
        /// The whole registration?
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        intero: bool,
        /// Which fields.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        campi: Vec<Campo>,
        /// Their right values (R-B07).
        #[serde(default, skip_serializing_if = "vuoti")]
        nuovi_valori: Valori,
    },
    /// The log's key is changed (contract § 3): from the next checkpoint on the new one signs; the old one beside it for a
    /// while.
    ChiaveRuotata {
        /// The key until now, as C2SP vkey.
        precedente: String,
        /// The new one.
        chiave_log: String,
        /// Until when the old one signs too.
        fino: Istante,
        /// Why.
        motivo: String,
    },
    /// The archive was restored and may be behind what was given out: what follows is another epoch (R-N05).
    LacunaDichiarata(Lacuna),
    /// What was found out afterwards of numbers that were jumped (R-N05).
    LacunaRicostruita(Ricostruzione),
    /// The AOO has a seal from now on, or another one (R-C11).
    SigilloImpostato {
        /// Which.
        sigillo: DatiSigillo,
    },
    /// The AOO seals nothing more.
    SigilloTolto {
        /// Why.
        motivo: String,
    },
    /// Uscite are registered though their seal cannot be made now (R-A14).
    SigilloDifferito {
        /// Until when.
        fino: Istante,
        /// Why.
        motivo: String,
    },
    /// A key was made for a seal, and waits for its certificate (R-C11).
    SigilloRichiesto {
        /// What is asked for.
        richiesta: RichiestaSigillo,
    },
    /// The AOO wants its stamp there from now on (R-C16).
    TimbroPosto {
        /// Where.
        timbro: PosizioneTimbro,
    },
    /// The wall clock went back: the register's time did not (R-A21).
    OrologioArretrato {
        /// What the wall clock said, microseconds UTC.
        orologio: Istante,
        /// Last instant of the register.
        ultimo: Istante,
    },
    /// The RGD vouches for the clock after a doubt (R-A21).
    OrologioConfermato {
        /// What the wall clock says.
        orologio: Istante,
        /// Why it can be trusted.
        motivo: String,
    },
}

impl Evento {
    /// What happened, in words.
    pub fn in_parole(&self) -> &'static str {
        match self {
            Self::EnteCreato(_) => "Ente creato",
            Self::EnteAttivato { .. } => "Ente attivato",
            Self::AooCreata(_) => "AOO creata",
            Self::UtenteCreato(_) => "Utente creato",
            Self::IncarichiAssegnati { .. } => "Ruoli assegnati",
            Self::UtenteAbilitato { abilitato: true, .. } => "Utente abilitato",
            Self::UtenteAbilitato { .. } => "Utente disabilitato",
            Self::PasswordImpostata { .. } => "Password impostata",
            Self::TokenCreato { .. } => "Token creato",
            Self::TokenRevocato { .. } => "Token revocato",
            Self::RegistroCreato(_) => "Registro aperto",
            Self::UfficioCreato(_) => "Ufficio aperto",
            Self::UfficioChiuso { .. } => "Ufficio chiuso",
            Self::VoceAperta(_) => "Voce di titolario aperta",
            Self::VoceChiusa { .. } => "Voce di titolario chiusa",
            Self::CorrispondenteAggiunto { .. } => "Corrispondente aggiunto in rubrica",
            Self::FascicoloCreato { .. } => "Fascicolo aperto",
            Self::Registrazione(d) => match d.tipo {
                Tipo::Entrata => "Registrata in entrata",
                Tipo::Uscita => "Registrata in uscita",
                Tipo::Interna => "Registrata come interna",
            },
            Self::Assegnazione { .. } => "Assegnata",
            Self::PresaInCarico { .. } => "Presa in carico",
            Self::RifiutoAssegnazione { .. } => "Assegnazione rifiutata",
            Self::ConclusioneAssegnazione { .. } => "Assegnazione conclusa",
            Self::Classificazione { .. } => "Classificata",
            Self::Sigillo(_) => "Segnatura sigillata",
            Self::SigilloImpostato { .. } => "Sigillo impostato",
            Self::SigilloTolto { .. } => "Sigillo tolto",
            Self::SigilloDifferito { .. } => "Sigilli differiti",
            Self::SigilloRichiesto { .. } => "Certificato del sigillo richiesto",
            Self::TimbroPosto { .. } => "Posizione del timbro scelta",
            Self::Allegati { .. } => "Aggiunti allegati",
            Self::Annotazione { .. } => "Annotata",
            Self::Collegamento { .. } => "Collegata",
            Self::Fascicolazione { .. } => "Messa in un fascicolo",
            Self::RichiestaAnnullamento { .. } => "Chiesto l'annullamento",
            Self::RifiutoAnnullamento { .. } => "Respinta la richiesta di annullamento",
            Self::Annullamento { intero: true, .. } => "Annullata",
            Self::Annullamento { .. } => "Annullata in parte",
            Self::ChiaveRuotata { .. } => "Chiave del registro cambiata",
            Self::LacunaDichiarata(_) => "Lacuna dichiarata dopo un ripristino",
            Self::LacunaRicostruita(_) => "Ricostruito ciò che si sa di una lacuna",
            Self::OrologioArretrato { .. } => "Orologio tornato indietro",
            Self::OrologioConfermato { .. } => "Orologio confermato",
        }
    }
}

fn vuoti(v: &Valori) -> bool {
    *v == Valori::default()
}

/// Who did it, as written in the operation (R-B12).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Autore {
    /// Sign-in name.
    pub id: NomeUtente,
    /// Name and family name then.
    pub nome: String,
    /// On behalf of which office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ufficio: Option<CodiceUfficio>,
    /// On whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_conto_di: Option<String>,
}

impl From<&Operatore> for Autore {
    fn from(o: &Operatore) -> Self {
        Self {
            id: o.id.clone(),
            nome: o.nome.clone(),
            ufficio: o.ufficio.clone(),
            per_conto_di: o.per_conto_di.clone(),
        }
    }
}

/// An operation with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operazione {
    /// Ente.
    pub ente: CodiceIpa,
    /// AOO; absent in the ente's own log.
    pub aoo: Option<CodiceAoo>,
    /// Place in its log, from 0.
    pub indice: u64,
    /// When, never lower than the one before (R-A21).
    pub istante: Istante,
    /// Who.
    pub operatore: Autore,
    /// By which door.
    pub porta: Porta,
    /// The registration it is about.
    pub chiave: Option<Chiave>,
    /// What happened.
    pub evento: Evento,
}

/// The fields of an operation that are known before the writer gives index, instant and number.
#[derive(Debug, Clone, PartialEq)]
pub struct CampiNoti(pub Campi);

/// An operation that cannot be read: damaged, or of a later version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("operazione illeggibile: {0}")]
pub struct Illeggibile(pub String);

impl CampiNoti {
    /// Flattens envelope and event. `registro` is the register of a new registration.
    ///
    /// # Errors
    /// When the event is not serialisable, which no type here is.
    pub fn di(
        ente: &CodiceIpa,
        aoo: Option<&CodiceAoo>,
        chi: &Operatore,
        registro: Option<&CodiceRegistro>,
        evento: &Evento,
    ) -> Result<Self, Illeggibile> {
        let mut campi = Campi::new();
        let valore = serde_json::to_value(evento).map_err(|e| Illeggibile(e.to_string()))?;
        piatto::appiattisci(&mut String::with_capacity(64), valore, &mut campi);
        let mut metti = |nome: &str, v: Value| {
            campi.insert(nome.to_owned(), v);
        };
        metti("v", VERSIONE.into());
        metti("ente", ente.as_str().into());
        if let Some(a) = aoo {
            metti("aoo", a.as_str().into());
        }
        metti("operatore.id", chi.id.as_str().into());
        metti("operatore.nome", chi.nome.as_str().into());
        if let Some(u) = &chi.ufficio {
            metti("operatore.ufficio", u.as_str().into());
        }
        if let Some(p) = &chi.per_conto_di {
            metti("operatore.perContoDi", p.as_str().into());
        }
        metti("porta", serde_json::to_value(chi.porta).unwrap_or(Value::Null));
        if let Some(r) = registro {
            metti("registro", r.as_str().into());
        }
        Ok(Self(campi))
    }
}

/// The fields that only the writer knows, in this order: `indice`, `istante`, then `anno` and `numero`.
pub fn campi_del_writer(indice: u64, istante: Istante, numero: Option<(i32, Numero)>) -> Vec<(&'static str, Value)> {
    let mut v = vec![("indice", Value::from(indice)), ("istante", Value::from(istante.utc()))];
    if let Some((anno, n)) = numero {
        v.push(("anno", anno.into()));
        v.push(("numero", n.valore().into()));
    }
    v
}

impl Operazione {
    /// Reads the stored form.
    ///
    /// # Errors
    /// [`Illeggibile`] names what is missing or wrong.
    pub fn leggi(campi: &Campi) -> Result<Self, Illeggibile> {
        Self::da(&piatto::annidati(campi))
    }

    /// The same, from the fields as the text had them.
    ///
    /// # Errors
    /// Not an operation of this version.
    pub fn da(valore: &piatto::Annidati<'_>) -> Result<Self, Illeggibile> {
        #[derive(Deserialize)]
        struct Busta {
            v: i64,
            ente: CodiceIpa,
            aoo: Option<CodiceAoo>,
            indice: u64,
            istante: Istante,
            operatore: Autore,
            porta: Porta,
            registro: Option<CodiceRegistro>,
            anno: Option<i32>,
            numero: Option<Numero>,
        }
        let b = Busta::deserialize(valore).map_err(|e| Illeggibile(e.to_string()))?;
        if b.v != VERSIONE {
            return Err(Illeggibile(format!("versione {} sconosciuta", b.v)));
        }
        // By far the most common goes straight into its type: a tag would first copy the fields aside.
        let evento = match valore.testo("operazione") {
            Some("registrazione") => DatiRegistrazione::deserialize(valore).map(|d| Evento::Registrazione(Box::new(d))),
            _ => Evento::deserialize(valore),
        };
        let evento = evento.map_err(|e| Illeggibile(e.to_string()))?;
        let chiave = match (b.registro, b.anno, b.numero) {
            (Some(registro), Some(anno), Some(numero)) => Some(Chiave { registro, anno, numero }),
            _ => None,
        };
        Ok(Self {
            ente: b.ente,
            aoo: b.aoo,
            indice: b.indice,
            istante: b.istante,
            operatore: b.operatore,
            porta: b.porta,
            chiave,
            evento,
        })
    }

    /// Name of what happened, as published.
    pub fn tipo(campi: &Campi) -> &str {
        campi.get("operazione").and_then(Value::as_str).unwrap_or_default()
    }
}
