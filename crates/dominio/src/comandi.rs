//! Commands on what exists already, judged against the state they find; the writer calls these inside its transaction.

mod configurazione;

pub use configurazione::{ComandoConfigurazione, configura};
use serde::{Deserialize, Serialize};

use crate::annullamento::{self, ProvvedimentoDato};
use crate::codici::{CodiceRegistro, CodiceVoce};
use crate::configurazione::StatoAoo;
use crate::errori::{Rifiuto, Rigore, Validatore};
use crate::nuova::{controlla_assegnazioni, richiede};
use crate::operazione::Evento;
use crate::permessi::{Diritto, Operatore, Porta};
use crate::registrazione::{
    DatiAssegnazione, Documento, Registrazione, RiferimentoEsteso, RuoloDocumento, Stato, StatoAssegnazione,
};
use crate::sigillo::{self, SigilloApposto};
use crate::tempo::Istante;
use crate::testo;

/// What can be done to a registration (R-B02: assigning and classifying change it; the rest adds).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "comando", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Comando {
    /// Assign, or assign again.
    Assegna {
        /// To whom.
        assegnazioni: Vec<DatiAssegnazione>,
        /// Why.
        nota: Option<String>,
    },
    /// Take an assignment in charge.
    PrendiInCarico {
        /// Its number.
        assegnazione: u32,
    },
    /// Refuse an assignment.
    Rifiuta {
        /// Its number.
        assegnazione: u32,
        /// Why: compulsory.
        motivo: String,
    },
    /// Conclude an assignment.
    Concludi {
        /// Its number.
        assegnazione: u32,
        /// How it ended.
        nota: Option<String>,
    },
    /// Classify again.
    Classifica {
        /// The new entry.
        classificazione: CodiceVoce,
        /// Why.
        motivo: Option<String>,
    },
    /// Add files.
    Allega {
        /// The files as stored.
        documenti: Vec<Documento>,
        /// What they are.
        descrizione: Option<String>,
    },
    /// Put the seal that was made.
    Sigilla(Box<SigilloApposto>),
    /// Add a note.
    Annota {
        /// The text.
        testo: String,
    },
    /// Link to another registration.
    Collega {
        /// The other one.
        riferimento: RiferimentoEsteso,
        /// What the link means.
        nota: Option<String>,
    },
    /// Put into a fascicolo.
    Fascicola {
        /// Its code.
        fascicolo: String,
    },
    /// Ask for an annulment (R-B06).
    ChiediAnnullamento {
        /// Why.
        motivo: String,
        /// What.
        oggetto: annullamento::Oggetto,
    },
    /// Authorise one that was asked for.
    AutorizzaAnnullamento {
        /// Number of the request.
        richiesta: u32,
        /// Why; that of the request when absent.
        motivo: Option<String>,
        /// Under which act.
        provvedimento: Option<ProvvedimentoDato>,
    },
    /// Refuse one that was asked for.
    RifiutaAnnullamento {
        /// Number of the request.
        richiesta: u32,
        /// Why.
        motivo: String,
    },
    /// Annul in one step: RGD or vicario.
    Annulla {
        /// Why.
        motivo: String,
        /// Under which act.
        provvedimento: Option<ProvvedimentoDato>,
        /// What.
        oggetto: annullamento::Oggetto,
    },
}

/// May the operator see the contents of this registration? R-L08, R-L02.
pub fn puo_vedere(chi: &Operatore, r: &Registrazione) -> bool {
    let suo = r.operatore == chi.id.as_str() || r.uffici().any(|u| chi.uffici.contains(u));
    if r.dati.riservato {
        chi.diritti.ha(Diritto::ConsultaRiservati)
            || (suo && (chi.diritti.ha(Diritto::Consulta) || chi.diritti.ha(Diritto::ConsultaUfficio)))
    } else {
        chi.diritti.ha(Diritto::Consulta) || (suo && chi.diritti.ha(Diritto::ConsultaUfficio))
    }
}

/// Who manages the configuration changes the key of a log, and says why; the reason as it is written.
///
/// # Errors
/// The right, or the reason, that is missing.
pub fn ruota_chiave(chi: &Operatore, motivo: &str) -> Result<String, Rifiuto> {
    richiede(chi, Diritto::GestisceConfigurazione)?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    let motivo = testo::obbligatorio(&mut v, "motivo", motivo, 1_000);
    v.chiudi()?;
    Ok(motivo)
}

/// Judges a command on a registration in the state given.
///
/// # Errors
/// The right, the field or the state that forbids it.
pub fn decidi(aoo: &StatoAoo, chi: &Operatore, r: &Registrazione, ora: Istante, c: Comando) -> Result<Evento, Rifiuto> {
    if !puo_vedere(chi, r) {
        return Err(Rifiuto::Vietato(format!("{} non ha accesso a questa registrazione", chi.nome)));
    }
    match c {
        Comando::Assegna { assegnazioni, nota } => assegna(aoo, chi, r, ora, assegnazioni, nota),
        Comando::PrendiInCarico { assegnazione } => {
            gestibile(chi, r, assegnazione, &[StatoAssegnazione::DaPrendere])?;
            Ok(Evento::PresaInCarico { assegnazione })
        }
        Comando::Rifiuta { assegnazione, motivo } => {
            gestibile(chi, r, assegnazione, &[StatoAssegnazione::DaPrendere, StatoAssegnazione::InCarico])?;
            let mut v = Validatore::nuovo(Rigore::Operatore);
            let motivo = testo::obbligatorio(&mut v, "motivo", &motivo, 1_000);
            v.chiudi()?;
            Ok(Evento::RifiutoAssegnazione { assegnazione, motivo })
        }
        Comando::Concludi { assegnazione, nota } => {
            gestibile(chi, r, assegnazione, &[StatoAssegnazione::DaPrendere, StatoAssegnazione::InCarico])?;
            let mut v = Validatore::nuovo(Rigore::Operatore);
            let nota = testo::facoltativo(&mut v, "nota", nota.as_deref(), 1_000);
            v.chiudi()?;
            Ok(Evento::ConclusioneAssegnazione { assegnazione, nota })
        }
        Comando::Classifica { classificazione, motivo } => classifica(aoo, chi, r, ora, classificazione, motivo),
        Comando::Allega { documenti, descrizione } => allega(chi, r, documenti, descrizione),
        Comando::Sigilla(s) => {
            // The product does it, once the registration has its number: nobody's right.
            if chi.porta != Porta::Sistema {
                return Err(Rifiuto::Vietato("la segnatura si sigilla da sé".to_owned()));
            }
            sigillo::apponi(r, *s)
        }
        Comando::Annota { testo } => {
            richiede(chi, Diritto::Integra)?;
            let mut v = Validatore::nuovo(Rigore::Operatore);
            let testo = testo::obbligatorio(&mut v, "testo", &testo, 4_000);
            v.chiudi()?;
            Ok(Evento::Annotazione { testo })
        }
        Comando::Collega { riferimento, nota } => {
            richiede(chi, Diritto::Integra)?;
            let mut v = Validatore::nuovo(Rigore::Operatore);
            let nota = testo::facoltativo(&mut v, "nota", nota.as_deref(), 1_000);
            v.chiudi()?;
            Ok(Evento::Collegamento { riferimento: RiferimentoEsteso { data: None, ..riferimento }, nota })
        }
        Comando::Fascicola { fascicolo } => {
            richiede(chi, Diritto::Fascicola)?;
            if r.aggregazioni.contains(&fascicolo) {
                return Err(Rifiuto::Conflitto(format!("la registrazione è già nel fascicolo {fascicolo}")));
            }
            Ok(Evento::Fascicolazione { fascicolo })
        }
        Comando::ChiediAnnullamento { motivo, oggetto } => {
            oggetto.ancora_com_era(r)?;
            annullamento::chiedi(aoo, chi, r, ora, &motivo, oggetto)
        }
        Comando::AutorizzaAnnullamento { richiesta, motivo, provvedimento } => {
            annullamento::autorizza(aoo, chi, r, ora, richiesta, motivo.as_deref(), provvedimento)
        }
        Comando::RifiutaAnnullamento { richiesta, motivo } => annullamento::rifiuta(chi, r, richiesta, &motivo),
        Comando::Annulla { motivo, provvedimento, oggetto } => {
            oggetto.ancora_com_era(r)?;
            annullamento::annulla(aoo, chi, r, ora, &motivo, provvedimento, oggetto)
        }
    }
}

fn assegna(
    aoo: &StatoAoo,
    chi: &Operatore,
    r: &Registrazione,
    ora: Istante,
    assegnazioni: Vec<DatiAssegnazione>,
    nota: Option<String>,
) -> Result<Evento, Rifiuto> {
    richiede(chi, Diritto::Assegna)?;
    non_annullata(r)?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    if assegnazioni.is_empty() {
        v.errore("assegnazioni", "va indicato almeno un ufficio");
    }
    if assegnazioni.len() > crate::nuova::ELENCO_MAX {
        v.errore("assegnazioni", format!("sono {}: il massimo è {}", assegnazioni.len(), crate::nuova::ELENCO_MAX));
    }
    controlla_assegnazioni(&mut v, aoo, ora, &assegnazioni);
    for (i, a) in assegnazioni.iter().enumerate() {
        let aperta = r.assegnazioni.iter().any(|b| {
            b.dati.ufficio == a.ufficio
                && b.dati.utente == a.utente
                && matches!(b.stato, StatoAssegnazione::DaPrendere | StatoAssegnazione::InCarico)
        });
        if aperta {
            v.errore(format!("assegnazioni.{i}.ufficio"), format!("è già assegnata all'ufficio {}", a.ufficio));
        }
    }
    let nota = testo::facoltativo(&mut v, "nota", nota.as_deref(), 1_000);
    v.chiudi()?;
    let primo = r.assegnazioni.iter().map(|a| a.id).max().unwrap_or(0) + 1;
    Ok(Evento::Assegnazione { primo, assegnazioni, nota })
}

fn gestibile(chi: &Operatore, r: &Registrazione, id: u32, stati: &[StatoAssegnazione]) -> Result<(), Rifiuto> {
    richiede(chi, Diritto::PrendeInCarico)?;
    let a = r.assegnazione(id).ok_or_else(|| Rifiuto::NonTrovato(format!("l'assegnazione {id} non esiste")))?;
    if !chi.uffici.contains(&a.dati.ufficio) {
        return Err(Rifiuto::Vietato(format!("{} non fa parte dell'ufficio {}", chi.nome, a.dati.ufficio)));
    }
    // Named to a person: colleagues of the office leave it to him; who may assign may also free it.
    if a.dati.utente.as_ref().is_some_and(|u| u != &chi.id) && !chi.diritti.ha(Diritto::Assegna) {
        return Err(Rifiuto::Vietato(format!("l'assegnazione {id} è di un'altra persona dell'ufficio")));
    }
    if !stati.contains(&a.stato) {
        return Err(Rifiuto::Conflitto(format!("l'assegnazione {id} è già {}", a.stato.codice())));
    }
    Ok(())
}

fn classifica(
    aoo: &StatoAoo,
    chi: &Operatore,
    r: &Registrazione,
    ora: Istante,
    classificazione: CodiceVoce,
    motivo: Option<String>,
) -> Result<Evento, Rifiuto> {
    richiede(chi, Diritto::Classifica)?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    let voce = aoo.voce(&classificazione, ora.giorno());
    if voce.is_none() {
        v.errore("classificazione", format!("la voce {classificazione} non esiste nel titolario o non è valida oggi"));
    }
    if classificazione == aoo.dati.voce_da_classificare {
        v.errore("classificazione", "va scelta una voce del titolario");
    }
    let motivo = testo::facoltativo(&mut v, "motivo", motivo.as_deref(), 1_000);
    v.chiudi()?;
    if r.classificazione.0 == classificazione {
        return Err(Rifiuto::Conflitto(format!("la registrazione è già classificata {classificazione}")));
    }
    Ok(Evento::Classificazione {
        classificazione_denominazione: voce.map(|x| x.denominazione.clone()),
        classificazione,
        precedente: r.classificazione.0.clone(),
        motivo,
    })
}

/// R-B14: a file added later is an addition; those registered are never replaced.
fn allega(
    chi: &Operatore,
    r: &Registrazione,
    mut documenti: Vec<Documento>,
    descrizione: Option<String>,
) -> Result<Evento, Rifiuto> {
    richiede(chi, Diritto::Integra)?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    if documenti.is_empty() {
        v.errore("allegato", "manca il file");
    }
    let primo = r.documenti.iter().map(|d| d.n).max().unwrap_or(0) + 1;
    for (n, d) in (primo..).zip(documenti.iter_mut()) {
        d.n = n;
        d.ruolo = RuoloDocumento::Allegato;
        d.nome = testo::nome_file(&mut v, "allegato", &d.nome);
        if d.byte == 0 {
            v.errore("allegato", format!("il file «{}» è vuoto", d.nome));
        }
    }
    let descrizione = testo::facoltativo(&mut v, "descrizione", descrizione.as_deref(), 1_000);
    v.chiudi()?;
    Ok(Evento::Allegati { documenti, descrizione })
}

fn non_annullata(r: &Registrazione) -> Result<(), Rifiuto> {
    if r.stato == Stato::Annullata {
        return Err(Rifiuto::Conflitto("la registrazione è annullata".to_owned()));
    }
    Ok(())
}

/// The name of the default serie of a register and year: every registration is in an aggregation (trap 27).
pub fn serie(registro: &CodiceRegistro, anno: i32) -> String {
    format!("{registro}/{anno}")
}
