//! Annulment (TUDA art. 54, R-B04…B08, R-B10, R-B15): the whole registration, or single pieces of information renewed under the
//! same number. Nothing is overwritten: the annulled values stay in [`Annullamento`], beside those that replaced them.
//!
//! An operator asks, the RGD or the vicario authorises; or one of these two annuls in one step, and it is recorded as such.

use serde::{Deserialize, Serialize};

use crate::codici::CodiceUfficio;
use crate::configurazione::StatoAoo;
use crate::errori::{ErroreCampo, Rifiuto, Rigore, Validatore};
use crate::nuova::{self, NuovaRegistrazione, richiede};
use crate::operazione::{Autore, Evento};
use crate::permessi::{Diritto, Operatore};
use crate::registrazione::{
    DatiRegistrazione, Destinatario, Mezzo, ProtocolloMittente, Registrazione, RuoloDocumento, Stato, Tipo, a_roma,
};
use crate::soggetto::Soggetto;
use crate::tempo::{Giorno, Istante};
use crate::testo;

/// Longest reason, in characters.
const MOTIVO_MAX: usize = 2_000;
/// Requests that may wait on one registration.
const RICHIESTE_MAX: usize = 10;

/// A piece of information that an annulment can hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Campo {
    /// Subject.
    Oggetto,
    /// Sender.
    Mittente,
    /// Further senders.
    AltriMittenti,
    /// Recipients, the whole list.
    Destinatari,
    /// How it arrived or leaves.
    Mezzo,
    /// When it arrived.
    DataArrivo,
    /// The sender's protocol.
    ProtocolloMittente,
    /// Office that sends.
    UfficioMittente,
    /// Who signed.
    Firmatari,
    /// The number: annuls the whole (R-B15).
    Numero,
    /// The date of registration: annuls the whole.
    Data,
    /// The direction: annuls the whole.
    Tipo,
    /// The file, hence its impronta: annuls the whole (R-B14).
    Impronta,
}

impl Campo {
    /// Every field, those that can be renewed first.
    pub const TUTTI: [Self; 13] = [
        Self::Oggetto,
        Self::Mittente,
        Self::AltriMittenti,
        Self::Destinatari,
        Self::Mezzo,
        Self::DataArrivo,
        Self::ProtocolloMittente,
        Self::UfficioMittente,
        Self::Firmatari,
        Self::Numero,
        Self::Data,
        Self::Tipo,
        Self::Impronta,
    ];

    /// Its name in requests, answers and operations.
    pub fn codice(self) -> &'static str {
        match self {
            Self::Oggetto => "oggetto",
            Self::Mittente => "mittente",
            Self::AltriMittenti => "altriMittenti",
            Self::Destinatari => "destinatari",
            Self::Mezzo => "mezzo",
            Self::DataArrivo => "dataArrivo",
            Self::ProtocolloMittente => "protocolloMittente",
            Self::UfficioMittente => "ufficioMittente",
            Self::Firmatari => "firmatari",
            Self::Numero => "numero",
            Self::Data => "data",
            Self::Tipo => "tipo",
            Self::Impronta => "impronta",
        }
    }

    /// Its name in words.
    pub fn denominazione(self) -> &'static str {
        match self {
            Self::Oggetto => "oggetto",
            Self::Mittente => "mittente",
            Self::AltriMittenti => "altri mittenti",
            Self::Destinatari => "destinatari",
            Self::Mezzo => "mezzo",
            Self::DataArrivo => "data di arrivo",
            Self::ProtocolloMittente => "protocollo del mittente",
            Self::UfficioMittente => "ufficio mittente",
            Self::Firmatari => "firmatari",
            Self::Numero => "numero",
            Self::Data => "data di registrazione",
            Self::Tipo => "tipo",
            Self::Impronta => "impronta del documento",
        }
    }

    /// Reads a name.
    pub fn da_codice(t: &str) -> Option<Self> {
        Self::TUTTI.into_iter().find(|c| c.codice() == t)
    }

    /// Those that a registration of this direction has, and that can be renewed (R-B07).
    pub fn di(t: Tipo) -> &'static [Self] {
        match t {
            Tipo::Entrata => &[
                Self::Oggetto,
                Self::Mittente,
                Self::AltriMittenti,
                Self::Mezzo,
                Self::DataArrivo,
                Self::ProtocolloMittente,
            ],
            Tipo::Uscita => &[Self::Oggetto, Self::Destinatari, Self::Mezzo, Self::UfficioMittente, Self::Firmatari],
            Tipo::Interna => {
                &[Self::Oggetto, Self::Mittente, Self::Destinatari, Self::Mezzo, Self::UfficioMittente, Self::Firmatari]
            }
        }
    }

    /// Can it have a new value under the same number? Otherwise the whole registration falls with it.
    pub fn rinnovabile(self) -> bool {
        !matches!(self, Self::Numero | Self::Data | Self::Tipo | Self::Impronta)
    }
}

/// Values of the pieces of information that an annulment can renew; absent means none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Valori {
    /// Subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oggetto: Option<String>,
    /// Sender.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mittente: Option<Soggetto>,
    /// Further senders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub altri_mittenti: Vec<Soggetto>,
    /// Recipients.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destinatari: Vec<Destinatario>,
    /// Channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mezzo: Option<Mezzo>,
    /// Arrival.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_arrivo: Option<Istante>,
    /// The sender's protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocollo_mittente: Option<ProtocolloMittente>,
    /// Office that sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ufficio_mittente: Option<CodiceUfficio>,
    /// Who signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firmatari: Vec<String>,
}

impl Valori {
    /// Those of a registration, only for the fields given.
    pub fn di(d: &DatiRegistrazione, campi: &[Campo]) -> Self {
        let mut v = Self::default();
        for c in campi {
            match c {
                Campo::Oggetto => v.oggetto = Some(d.oggetto.clone()),
                Campo::Mittente => v.mittente.clone_from(&d.mittente),
                Campo::AltriMittenti => v.altri_mittenti.clone_from(&d.altri_mittenti),
                Campo::Destinatari => v.destinatari.clone_from(&d.destinatari),
                Campo::Mezzo => v.mezzo = Some(d.mezzo),
                Campo::DataArrivo => v.data_arrivo = d.data_arrivo,
                Campo::ProtocolloMittente => v.protocollo_mittente.clone_from(&d.protocollo_mittente),
                Campo::UfficioMittente => v.ufficio_mittente.clone_from(&d.ufficio_mittente),
                Campo::Firmatari => v.firmatari.clone_from(&d.firmatari),
                Campo::Numero | Campo::Data | Campo::Tipo | Campo::Impronta => {}
            }
        }
        v
    }

    /// These values, only for the fields given.
    #[must_use]
    pub fn solo(mut self, campi: &[Campo]) -> Self {
        for c in Campo::TUTTI.into_iter().filter(|c| !campi.contains(c)) {
            match c {
                Campo::Oggetto => self.oggetto = None,
                Campo::Mittente => self.mittente = None,
                Campo::AltriMittenti => self.altri_mittenti.clear(),
                Campo::Destinatari => self.destinatari.clear(),
                Campo::Mezzo => self.mezzo = None,
                Campo::DataArrivo => self.data_arrivo = None,
                Campo::ProtocolloMittente => self.protocollo_mittente = None,
                Campo::UfficioMittente => self.ufficio_mittente = None,
                Campo::Firmatari => self.firmatari.clear(),
                Campo::Numero | Campo::Data | Campo::Tipo | Campo::Impronta => {}
            }
        }
        self
    }

    /// The fields that have a value here.
    pub fn presenti(&self) -> Vec<Campo> {
        Campo::TUTTI
            .into_iter()
            .filter(|c| match c {
                Campo::Oggetto => self.oggetto.is_some(),
                Campo::Mittente => self.mittente.is_some(),
                Campo::AltriMittenti => !self.altri_mittenti.is_empty(),
                Campo::Destinatari => !self.destinatari.is_empty(),
                Campo::Mezzo => self.mezzo.is_some(),
                Campo::DataArrivo => self.data_arrivo.is_some(),
                Campo::ProtocolloMittente => self.protocollo_mittente.is_some(),
                Campo::UfficioMittente => self.ufficio_mittente.is_some(),
                Campo::Firmatari => !self.firmatari.is_empty(),
                Campo::Numero | Campo::Data | Campo::Tipo | Campo::Impronta => false,
            })
            .collect()
    }

    /// Puts these values in place of those in force, only for the fields given.
    pub fn rinnova(&self, d: &mut DatiRegistrazione, campi: &[Campo]) {
        for c in campi {
            match c {
                Campo::Oggetto => {
                    if let Some(o) = &self.oggetto {
                        d.oggetto.clone_from(o);
                    }
                }
                Campo::Mittente => d.mittente.clone_from(&self.mittente),
                Campo::AltriMittenti => d.altri_mittenti.clone_from(&self.altri_mittenti),
                Campo::Destinatari => d.destinatari.clone_from(&self.destinatari),
                Campo::Mezzo => d.mezzo = self.mezzo.unwrap_or(d.mezzo),
                Campo::DataArrivo => d.data_arrivo = self.data_arrivo,
                Campo::ProtocolloMittente => d.protocollo_mittente.clone_from(&self.protocollo_mittente),
                Campo::UfficioMittente => d.ufficio_mittente.clone_from(&self.ufficio_mittente),
                Campo::Firmatari => d.firmatari.clone_from(&self.firmatari),
                Campo::Numero | Campo::Data | Campo::Tipo | Campo::Impronta => {}
            }
        }
    }

    /// Every correspondent, senders first.
    pub fn soggetti(&self) -> impl Iterator<Item = &Soggetto> {
        self.mittente.iter().chain(&self.altri_mittenti).chain(self.destinatari.iter().map(|d| &d.soggetto))
    }
}

/// The act that authorises an annulment: without its extremes there is none (R-B05, TUDA art. 54 c. 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provvedimento {
    /// Its number, as the ente writes it.
    pub numero: String,
    /// Its date.
    pub data: Giorno,
}

/// What is asked to be annulled.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Oggetto {
    /// Only these fields; absent means the whole registration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campi: Option<Vec<String>>,
    /// The right values, for fields that are renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nuovi_valori: Option<Valori>,
    /// Index of the last operation on the registration that the asker saw: nothing may have happened since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visto: Option<u64>,
}

impl Oggetto {
    /// Is the registration as the asker saw it?
    ///
    /// # Errors
    /// Something happened to it since.
    pub fn ancora_com_era(&self, r: &Registrazione) -> Result<(), Rifiuto> {
        match self.visto {
            Some(v) if v != r.ultimo_indice => Err(Rifiuto::Conflitto(
                "intanto alla registrazione è successo qualcos'altro: ricontrollare prima di annullare".to_owned(),
            )),
            _ => Ok(()),
        }
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StatoRichiesta {
    /// Waits for the RGD.
    InAttesa,
    /// Annulled as asked.
    Autorizzata,
    /// Refused with a reason.
    Rifiutata,
    /// The registration was annulled as a whole meanwhile.
    Superata,
}

impl StatoRichiesta {
    /// Its code.
    pub fn codice(self) -> &'static str {
        match self {
            Self::InAttesa => "in-attesa",
            Self::Autorizzata => "autorizzata",
            Self::Rifiutata => "rifiutata",
            Self::Superata => "superata",
        }
    }
}

/// A request of annulment with its story (R-B06).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Richiesta {
    /// Progressive within the registration, from 1.
    pub id: u32,
    /// Where it stands.
    pub stato: StatoRichiesta,
    /// Who asked.
    pub chiesta_da: Autore,
    /// When.
    #[serde(serialize_with = "a_roma")]
    pub istante: Istante,
    /// Why.
    pub motivo: String,
    /// The whole registration?
    pub intero: bool,
    /// Which fields.
    pub campi: Vec<Campo>,
    /// Their right values.
    pub nuovi_valori: Valori,
    /// Who decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decisa_da: Option<Autore>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub risposta: Option<String>,
}

/// An annulment that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Annullamento {
    /// Index of the operation.
    pub indice: u64,
    /// When.
    #[serde(serialize_with = "a_roma")]
    pub istante: Istante,
    /// RGD or vicario who annulled or authorised.
    pub operatore: Autore,
    /// The request it answers; absent when made in one step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub richiesta: Option<u32>,
    /// Who had asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chiesto_da: Option<Autore>,
    /// Why.
    pub motivo: String,
    /// Under which act.
    pub provvedimento: Provvedimento,
    /// The whole registration?
    pub intero: bool,
    /// Which fields; for the whole, those that make it fall, if any was named.
    pub campi: Vec<Campo>,
    /// What was in force before.
    pub valori_annullati: Valori,
    /// What is in force since; empty for the whole.
    pub nuovi_valori: Valori,
}

impl Registrazione {
    /// The request with that id.
    pub fn richiesta(&self, id: u32) -> Option<&Richiesta> {
        self.richieste.iter().find(|r| r.id == id)
    }
}

/// An operator asks (R-B06).
pub(crate) fn chiedi(
    aoo: &StatoAoo,
    chi: &Operatore,
    r: &Registrazione,
    ora: Istante,
    motivo: &str,
    oggetto: Oggetto,
) -> Result<Evento, Rifiuto> {
    richiede(chi, Diritto::ChiedeAnnullamento)?;
    non_annullata(r)?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    let motivo = testo::obbligatorio(&mut v, "motivo", motivo, MOTIVO_MAX);
    let (intero, campi, nuovi_valori) = esamina(&mut v, aoo, r, ora, oggetto);
    v.chiudi()?;
    let attese = || r.richieste.iter().filter(|q| q.stato == StatoRichiesta::InAttesa);
    if attese().any(|q| q.chiesta_da.id == chi.id) || attese().count() >= RICHIESTE_MAX {
        return Err(Rifiuto::Conflitto("c'è già una richiesta di annullamento in attesa".to_owned()));
    }
    let richiesta = r.richieste.iter().map(|x| x.id).max().unwrap_or(0) + 1;
    Ok(Evento::RichiestaAnnullamento { richiesta, motivo, intero, campi, nuovi_valori })
}

/// The RGD says no to a request.
pub(crate) fn rifiuta(chi: &Operatore, r: &Registrazione, richiesta: u32, motivo: &str) -> Result<Evento, Rifiuto> {
    richiede(chi, Diritto::Annulla)?;
    in_attesa(r, richiesta)?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    let motivo = testo::obbligatorio(&mut v, "motivo", motivo, MOTIVO_MAX);
    v.chiudi()?;
    Ok(Evento::RifiutoAnnullamento { richiesta, motivo })
}

/// The RGD authorises a request: what was asked is annulled (R-B05, R-B06).
pub(crate) fn autorizza(
    aoo: &StatoAoo,
    chi: &Operatore,
    r: &Registrazione,
    ora: Istante,
    richiesta: u32,
    motivo: Option<&str>,
    provvedimento: Option<ProvvedimentoDato>,
) -> Result<Evento, Rifiuto> {
    richiede(chi, Diritto::Annulla)?;
    let q = in_attesa(r, richiesta)?;
    if q.chiesta_da.id == chi.id {
        return Err(Rifiuto::Conflitto(
            "chi ha chiesto l'annullamento non può anche autorizzarlo: lo autorizza un altro, oppure si annulla direttamente"
                .to_owned(),
        ));
    }
    non_annullata(r)?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    let motivo = testo::facoltativo(&mut v, "motivo", motivo, MOTIVO_MAX).unwrap_or_else(|| q.motivo.clone());
    let provvedimento = estremi(&mut v, ora, provvedimento);
    // Judged again: since it was asked, offices may have closed and values may have been renewed.
    let (intero, campi, nuovi_valori) = esamina(
        &mut v,
        aoo,
        r,
        ora,
        Oggetto {
            campi: (!q.intero || !q.campi.is_empty()).then(|| q.campi.iter().map(|c| c.codice().to_owned()).collect()),
            nuovi_valori: (q.nuovi_valori != Valori::default()).then(|| q.nuovi_valori.clone()),
            visto: None,
        },
    );
    v.chiudi()?;
    let provvedimento = provvedimento.ok_or_else(|| Rifiuto::campo("provvedimento", "va indicato"))?;
    Ok(Evento::Annullamento { richiesta: Some(richiesta), motivo, provvedimento, intero, campi, nuovi_valori })
}

/// RGD or vicario alone, in one step: the operation has no request, and says so.
pub(crate) fn annulla(
    aoo: &StatoAoo,
    chi: &Operatore,
    r: &Registrazione,
    ora: Istante,
    motivo: &str,
    provvedimento: Option<ProvvedimentoDato>,
    oggetto: Oggetto,
) -> Result<Evento, Rifiuto> {
    richiede(chi, Diritto::Annulla)?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    let motivo = testo::obbligatorio(&mut v, "motivo", motivo, MOTIVO_MAX);
    let provvedimento = estremi(&mut v, ora, provvedimento);
    if r.stato == Stato::Annullata {
        v.chiudi()?;
        return Err(gia_annullata());
    }
    let (intero, campi, nuovi_valori) = esamina(&mut v, aoo, r, ora, oggetto);
    v.chiudi()?;
    let provvedimento = provvedimento.ok_or_else(|| Rifiuto::campo("provvedimento", "va indicato"))?;
    Ok(Evento::Annullamento { richiesta: None, motivo, provvedimento, intero, campi, nuovi_valori })
}

/// The extremes of the act as they came in: what is missing is named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvvedimentoDato {
    /// Number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numero: Option<String>,
    /// Date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Giorno>,
}

fn estremi(v: &mut Validatore, ora: Istante, dato: Option<ProvvedimentoDato>) -> Option<Provvedimento> {
    let Some(dato) = dato else {
        v.errore("provvedimento", "va indicato il provvedimento che autorizza l'annullamento, con numero e data");
        return None;
    };
    let numero = testo::obbligatorio(v, "provvedimento.numero", dato.numero.as_deref().unwrap_or_default(), 100);
    let Some(data) = dato.data else {
        v.errore("provvedimento.data", "va indicata");
        return None;
    };
    if data > ora.giorno() {
        v.errore("provvedimento.data", "è nel futuro");
    } else if data.year() < 1900 {
        v.errore("provvedimento.data", "è troppo lontana nel passato");
    }
    Some(Provvedimento { numero, data })
}

fn gia_annullata() -> Rifiuto {
    Rifiuto::Conflitto("la registrazione è già annullata".to_owned())
}

fn non_annullata(r: &Registrazione) -> Result<(), Rifiuto> {
    if r.stato == Stato::Annullata { Err(gia_annullata()) } else { Ok(()) }
}

fn in_attesa(r: &Registrazione, id: u32) -> Result<&Richiesta, Rifiuto> {
    let q =
        r.richiesta(id).ok_or_else(|| Rifiuto::NonTrovato(format!("la richiesta di annullamento {id} non esiste")))?;
    if q.stato == StatoRichiesta::InAttesa {
        Ok(q)
    } else {
        Err(Rifiuto::Conflitto(format!("la richiesta di annullamento {id} è già {}", q.stato.codice())))
    }
}

/// Whole or partial, which fields, which right values: every error at once.
fn esamina(
    v: &mut Validatore,
    aoo: &StatoAoo,
    r: &Registrazione,
    ora: Istante,
    o: Oggetto,
) -> (bool, Vec<Campo>, Valori) {
    let mut campi = Vec::new();
    if let Some(nomi) = &o.campi {
        if nomi.len() > Campo::TUTTI.len() {
            v.errore("campi", format!("sono {}: il massimo è {}", nomi.len(), Campo::TUTTI.len()));
            return (false, campi, Valori::default());
        }
        if nomi.is_empty() {
            v.errore("campi", "va indicato almeno un campo; senza «campi» si annulla tutta la registrazione");
        }
        for (i, nome) in nomi.iter().enumerate() {
            match Campo::da_codice(nome) {
                None => v.errore(
                    format!("campi.{i}"),
                    format!(
                        "«{nome}» non si può annullare; si può scegliere tra {}",
                        Campo::TUTTI.map(Campo::codice).join(", ")
                    ),
                ),
                Some(c) if !campi.contains(&c) => campi.push(c),
                Some(_) => {}
            }
        }
        campi.sort_unstable();
    }
    let nuovi = o.nuovi_valori.unwrap_or_default();
    let intero = o.campi.is_none() || campi.iter().any(|c| !c.rinnovabile());
    if intero {
        if nuovi != Valori::default() {
            v.errore("nuoviValori", "l'annullamento dell'intera registrazione non ha nuovi valori");
        }
        return (true, campi, Valori::default());
    }
    let dati = nuovi.presenti();
    for c in dati.iter().filter(|c| !campi.contains(c)) {
        v.errore(format!("nuoviValori.{}", c.codice()), "il campo non è tra quelli da annullare");
    }
    let rinnovati = valida(v, aoo, r, ora, &campi, nuovi);
    for c in &campi {
        if !dati.contains(c) && matches!(c, Campo::Oggetto | Campo::Mezzo) {
            v.errore(format!("nuoviValori.{}", c.codice()), "va indicato il valore esatto");
        } else if Valori::di(&r.dati, &[*c]) == Valori::di(&rinnovati, &[*c]) {
            v.errore(format!("nuoviValori.{}", c.codice()), "è uguale al valore in vigore");
        }
    }
    (false, campi.clone(), Valori::di(&rinnovati, &campi))
}

/// The new values under the rules of a new registration (R-B07); errors are named under `nuoviValori`.
fn valida(
    v: &mut Validatore,
    aoo: &StatoAoo,
    r: &Registrazione,
    ora: Istante,
    campi: &[Campo],
    nuovi: Valori,
) -> DatiRegistrazione {
    let mut d = r.dati.clone();
    nuovi.rinnova(&mut d, campi);
    let mut w = Validatore::nuovo(Rigore::Operatore);
    if campi.contains(&Campo::Oggetto) {
        d.oggetto = nuova::oggetto(&mut w, &d.oggetto);
    }
    let come_nuova = NuovaRegistrazione {
        tipo: d.tipo,
        oggetto: String::new(),
        mittente: d.mittente.clone(),
        altri_mittenti: d.altri_mittenti.clone(),
        destinatari: d.destinatari.clone(),
        mezzo: d.mezzo,
        data_arrivo: None,
        protocollo_mittente: None,
        classificazione: None,
        assegnazioni: Vec::new(),
        riservato: false,
        ufficio_mittente: None,
        firmatari: Vec::new(),
        prima_registrazione: None,
        riferimenti: Vec::new(),
        risponde_a: None,
        fascicolo: None,
        tipologia: None,
        note: None,
        differimento: None,
        anomalie: Vec::new(),
    };
    nuova::controlla_parti(&mut w, &come_nuova);
    if campi.contains(&Campo::Mittente) {
        d.mittente = d.mittente.take().map(|s| nuova::corrispondente(&mut w, aoo, ora, "mittente", s));
    }
    if campi.contains(&Campo::AltriMittenti) {
        d.altri_mittenti = nuova::altri_mittenti(&mut w, aoo, ora, std::mem::take(&mut d.altri_mittenti));
    }
    if campi.contains(&Campo::Destinatari) {
        d.destinatari = nuova::destinatari(&mut w, aoo, ora, std::mem::take(&mut d.destinatari));
    }
    let (arrivo, protocollo) = (
        d.data_arrivo.filter(|_| campi.contains(&Campo::DataArrivo)),
        d.protocollo_mittente.as_ref().filter(|_| campi.contains(&Campo::ProtocolloMittente)),
    );
    // What arrived before it was registered: the annulment comes later, and moves nothing.
    nuova::date(&mut w, r.istante, r.istante.giorno(), d.tipo, arrivo, protocollo);
    if campi.contains(&Campo::Mezzo) {
        if d.mezzo != Mezzo::Cartaceo && !r.documenti.iter().any(|x| x.ruolo == RuoloDocumento::Primario) {
            w.errore("mezzo", "senza un file il documento può essere solo cartaceo");
        }
        if d.mezzo == Mezzo::Pec && d.differimento.is_some() {
            w.errore("mezzo", "una registrazione differita non può essere di una PEC");
        }
    }
    if campi.contains(&Campo::ProtocolloMittente)
        && let Some(p) = &mut d.protocollo_mittente
    {
        *p = nuova::protocollo_mittente(&mut w, p);
    }
    if campi.contains(&Campo::UfficioMittente) {
        nuova::ufficio_mittente(&mut w, aoo, ora, d.tipo, d.ufficio_mittente.as_ref());
    }
    if campi.contains(&Campo::Firmatari) {
        d.firmatari = nuova::firmatari(&mut w, &d.firmatari);
    }
    // Only what is renewed is judged: what was registered before stands as it was accepted then.
    if let Err(Rifiuto::NonValido(errori)) = w.chiudi() {
        for ErroreCampo { campo, messaggio } in errori {
            if campi.iter().any(|c| campo == c.codice() || campo.starts_with(&format!("{}.", c.codice()))) {
                v.errore(format!("nuoviValori.{campo}"), messaggio);
            }
        }
    }
    d
}
