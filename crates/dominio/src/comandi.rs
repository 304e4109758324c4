//! Commands on what exists already, judged against the state they find; the writer calls these inside its transaction.

use serde::{Deserialize, Serialize};

use crate::annullamento::{self, ProvvedimentoDato};
use crate::codici::{CodiceAoo, CodiceRegistro, CodiceUfficio, CodiceVoce, NomeUtente};
use crate::configurazione::{Configurazione, DatiRegistro, StatoAoo, Token, Ufficio, Utente, Voce};
use crate::errori::{Rifiuto, Rigore, Validatore};
use crate::nuova::{controlla_assegnazioni, richiede};
use crate::operazione::Evento;
use crate::permessi::{Diritto, Incarico, Operatore, Porta, Ruolo};
use crate::registrazione::{
    DatiAssegnazione, Documento, Registrazione, RiferimentoEsteso, RuoloDocumento, Stato, StatoAssegnazione,
};
use crate::sigillo::{self, DatiSigillo, SigilloApposto};
use crate::soggetto::Soggetto;
use crate::tempo::{Giorno, Istante};
use crate::testo;

/// Highest number that a former system can have reached.
const NUMERO_PRECEDENTE_MAX: i64 = 999_999_999;

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
            Ok(Evento::Collegamento { riferimento, nota })
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

/// Commands on what stands around the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "comando", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum ComandoConfigurazione {
    /// Open an office.
    CreaUfficio {
        /// Code.
        codice: CodiceUfficio,
        /// Name.
        denominazione: String,
        /// Office above.
        padre: Option<CodiceUfficio>,
    },
    /// Close an office from now.
    ChiudiUfficio {
        /// Which.
        codice: CodiceUfficio,
    },
    /// Open an entry of the titolario.
    ApriVoce {
        /// Code.
        codice: CodiceVoce,
        /// Name.
        denominazione: String,
        /// First day; today if absent.
        dal: Option<Giorno>,
        /// Last day.
        al: Option<Giorno>,
    },
    /// Close an entry.
    ChiudiVoce {
        /// Which.
        codice: CodiceVoce,
        /// Last day.
        al: Giorno,
    },
    /// Open a register.
    CreaRegistro(DatiRegistro),
    /// Add a correspondent to the rubrica.
    AggiungiCorrispondente {
        /// Who.
        soggetto: Soggetto,
    },
    /// Open a fascicolo; its progressive is given by the writer.
    CreaFascicolo {
        /// Entry of the titolario.
        classificazione: CodiceVoce,
        /// Subject.
        oggetto: String,
        /// Responsible office.
        ufficio: Option<CodiceUfficio>,
    },
    /// A person joins.
    CreaUtente {
        /// Sign-in name.
        utente: NomeUtente,
        /// Given name.
        nome: String,
        /// Family name.
        cognome: String,
        /// Roles: code, AOO, office.
        incarichi: Vec<Incarico>,
    },
    /// Replace a person's roles.
    AssegnaIncarichi {
        /// Who.
        utente: NomeUtente,
        /// Roles.
        incarichi: Vec<Incarico>,
    },
    /// Disable or enable a person.
    AbilitaUtente {
        /// Who.
        utente: NomeUtente,
        /// Enabled?
        abilitato: bool,
    },
    /// A password is set (its hash goes elsewhere, in the same transaction).
    ImpostaPassword {
        /// Whose.
        utente: NomeUtente,
    },
    /// Issue a token (its hash goes elsewhere, in the same transaction).
    CreaToken(Token),
    /// Revoke a token.
    RevocaToken {
        /// Which.
        token: String,
    },
    /// Give the AOO a seal that was tried (its secret goes elsewhere, in the same transaction).
    ImpostaSigillo {
        /// Which.
        sigillo: DatiSigillo,
    },
    /// Seal nothing more.
    TogliSigillo {
        /// Why.
        motivo: String,
    },
    /// Let uscite be registered though their seal cannot be made now.
    DifferisciSigillo {
        /// Until when.
        fino: Istante,
        /// Why.
        motivo: String,
    },
    /// Vouch for the clock.
    ConfermaOrologio {
        /// Why it can be trusted.
        motivo: String,
    },
}

impl ComandoConfigurazione {
    /// Does it belong to the ente's own log (true), or to that of the AOO?
    pub fn dell_ente(&self) -> bool {
        matches!(
            self,
            Self::CreaUtente { .. }
                | Self::AssegnaIncarichi { .. }
                | Self::AbilitaUtente { .. }
                | Self::ImpostaPassword { .. }
                | Self::CreaToken(_)
                | Self::RevocaToken { .. }
        )
    }
}

/// Judges a command on the configuration. `prossimo_fascicolo` gives the progressive of a new fascicolo in its entry
/// and year.
///
/// # Errors
/// The right, the field or the state that forbids it.
pub fn configura(
    conf: &Configurazione,
    codice_aoo: &CodiceAoo,
    chi: &Operatore,
    ora: Istante,
    prossimo_fascicolo: impl FnOnce(&CodiceVoce, i32) -> u32,
    c: ComandoConfigurazione,
) -> Result<Evento, Rifiuto> {
    use ComandoConfigurazione as C;
    let aoo = conf.aoo.get(codice_aoo).ok_or_else(|| Rifiuto::NonTrovato(format!("l'AOO {codice_aoo} non esiste")))?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    let evento = match c {
        C::CreaUfficio { codice, denominazione, padre } => {
            richiede(chi, Diritto::GestisceUffici)?;
            if aoo.uffici.contains_key(&codice) {
                return Err(Rifiuto::Conflitto(format!("l'ufficio {codice} esiste già")));
            }
            if let Some(p) = padre.as_ref().filter(|p| aoo.ufficio(p, ora).is_none()) {
                v.errore("padre", format!("l'ufficio {p} non esiste o è chiuso"));
            }
            let denominazione = testo::obbligatorio(&mut v, "denominazione", &denominazione, 300);
            Evento::UfficioCreato(Ufficio { codice, denominazione, padre, dal: ora, al: None })
        }
        C::ChiudiUfficio { codice } => {
            richiede(chi, Diritto::GestisceUffici)?;
            if aoo.ufficio(&codice, ora).is_none() {
                return Err(Rifiuto::NonTrovato(format!("l'ufficio {codice} non esiste o è già chiuso")));
            }
            if aoo.dati.ufficio_smistamento == codice {
                return Err(Rifiuto::Conflitto(format!("l'ufficio {codice} è quello di smistamento: non si chiude")));
            }
            if let Some(f) = aoo.uffici.values().find(|u| u.padre.as_ref() == Some(&codice) && u.al.is_none()) {
                return Err(Rifiuto::Conflitto(format!(
                    "l'ufficio {codice} ha ancora sotto di sé l'ufficio {}",
                    f.codice
                )));
            }
            Evento::UfficioChiuso { codice, al: ora }
        }
        C::ApriVoce { codice, denominazione, dal, al } => {
            richiede(chi, Diritto::GestisceTitolario)?;
            let dal = dal.unwrap_or_else(|| ora.giorno());
            let ultima = aoo.titolario.get(&codice).and_then(|v| v.last());
            if let Some(u) = ultima.filter(|u| u.al.is_none_or(|al| dal <= al)) {
                let fino = u.al.map_or_else(|| "senza termine".to_owned(), |al| format!("fino al {al}"));
                return Err(Rifiuto::Conflitto(format!("la voce {codice} è già aperta {fino}")));
            }
            if al.is_some_and(|al| al < dal) {
                v.errore("al", "viene prima di dal");
            }
            let denominazione = testo::obbligatorio(&mut v, "denominazione", &denominazione, 500);
            Evento::VoceAperta(Voce { codice, denominazione, dal, al })
        }
        C::ChiudiVoce { codice, al } => {
            richiede(chi, Diritto::GestisceTitolario)?;
            let Some(ultima) = aoo.titolario.get(&codice).and_then(|v| v.last()) else {
                return Err(Rifiuto::NonTrovato(format!("la voce {codice} non esiste nel titolario")));
            };
            // R-I03: a closing never reaches back over days on which the entry could be used.
            if al < ultima.dal || al < ora.giorno() {
                v.errore("al", "non può essere prima di oggi né prima dell'apertura della voce");
            }
            if codice == aoo.dati.voce_da_classificare {
                return Err(Rifiuto::Conflitto("la voce convenzionale «da classificare» non si chiude".to_owned()));
            }
            Evento::VoceChiusa { codice, al }
        }
        C::CreaRegistro(r) => {
            richiede(chi, Diritto::GestisceConfigurazione)?;
            if aoo.registri.contains_key(&r.codice) {
                return Err(Rifiuto::Conflitto(format!("il registro {} esiste già", r.codice)));
            }
            if r.ultimo_precedente.as_ref().is_some_and(|u| !(0..=NUMERO_PRECEDENTE_MAX).contains(&u.numero)) {
                v.errore("ultimoPrecedente.numero", format!("va da 0 a {NUMERO_PRECEDENTE_MAX}"));
            }
            let denominazione = testo::obbligatorio(&mut v, "denominazione", &r.denominazione, 300);
            Evento::RegistroCreato(DatiRegistro { denominazione, ..r })
        }
        C::AggiungiCorrispondente { soggetto } => {
            richiede(chi, Diritto::GestisceRubrica)?;
            if soggetto.ufficio().is_some() {
                v.errore("tipo", "gli uffici non stanno in rubrica");
            }
            Evento::CorrispondenteAggiunto { soggetto: soggetto.validato(&mut v, "soggetto") }
        }
        C::CreaFascicolo { classificazione, oggetto, ufficio } => {
            richiede(chi, Diritto::Fascicola)?;
            if aoo.voce(&classificazione, ora.giorno()).is_none() || classificazione == aoo.dati.voce_da_classificare {
                v.errore(
                    "classificazione",
                    format!("la voce {classificazione} non esiste nel titolario o non è valida oggi"),
                );
            }
            if let Some(u) = ufficio.as_ref().filter(|u| aoo.ufficio(u, ora).is_none()) {
                v.errore("ufficio", format!("l'ufficio {u} non esiste o è chiuso"));
            }
            let oggetto = testo::obbligatorio(&mut v, "oggetto", &oggetto, 1_000);
            let n = prossimo_fascicolo(&classificazione, ora.anno());
            Evento::FascicoloCreato {
                fascicolo: format!("{}/{classificazione}/{n}", ora.anno()),
                classificazione,
                oggetto,
                ufficio,
            }
        }
        C::CreaUtente { utente, nome, cognome, incarichi } => {
            richiede(chi, Diritto::GestisceUtenti)?;
            nel_suo_ambito(conf, codice_aoo, chi, &incarichi)?;
            if conf.utenti.contains_key(&utente) {
                return Err(Rifiuto::Conflitto(format!("il nome utente {utente} esiste già")));
            }
            let nome = testo::obbligatorio(&mut v, "nome", &nome, 100);
            let cognome = testo::obbligatorio(&mut v, "cognome", &cognome, 100);
            controlla_incarichi(&mut v, conf, ora, &incarichi);
            Evento::UtenteCreato(Utente { utente, nome, cognome, incarichi, disabilitato: false })
        }
        C::AssegnaIncarichi { utente, incarichi } => {
            richiede(chi, Diritto::GestisceUtenti)?;
            esiste_utente(conf, &utente)?;
            nel_suo_ambito(conf, codice_aoo, chi, &incarichi)?;
            nel_suo_ambito(conf, codice_aoo, chi, &conf.utenti[&utente].incarichi)?;
            controlla_incarichi(&mut v, conf, ora, &incarichi);
            Evento::IncarichiAssegnati { utente, incarichi }
        }
        C::AbilitaUtente { utente, abilitato } => {
            richiede(chi, Diritto::GestisceUtenti)?;
            esiste_utente(conf, &utente)?;
            nel_suo_ambito(conf, codice_aoo, chi, &conf.utenti[&utente].incarichi)?;
            if utente == chi.id && !abilitato {
                return Err(Rifiuto::Conflitto("non si può disabilitare il proprio utente".to_owned()));
            }
            Evento::UtenteAbilitato { utente, abilitato }
        }
        C::ImpostaPassword { utente } => {
            esiste_utente(conf, &utente)?;
            if utente != chi.id {
                richiede(chi, Diritto::GestisceUtenti)?;
                nel_suo_ambito(conf, codice_aoo, chi, &conf.utenti[&utente].incarichi)?;
            }
            Evento::PasswordImpostata { utente }
        }
        C::CreaToken(t) => {
            richiede(chi, Diritto::GestisceUtenti)?;
            esiste_utente(conf, &t.utente)?;
            nel_suo_ambito(conf, codice_aoo, chi, &conf.utenti[&t.utente].incarichi)?;
            if &t.aoo != codice_aoo && !di_tutto_l_ente(conf, chi) {
                return Err(Rifiuto::Vietato(format!("{} gestisce solo la propria AOO", chi.nome)));
            }
            if !conf.aoo.contains_key(&t.aoo) {
                v.errore("aoo", format!("l'AOO {} non esiste", t.aoo));
            }
            if t.scadenza <= ora {
                v.errore("scadenza", "è già passata");
            }
            if t.diritti.is_empty() {
                v.errore("diritti", "va indicato almeno un diritto");
            }
            let descrizione = testo::obbligatorio(&mut v, "descrizione", &t.descrizione, 200);
            Evento::TokenCreato { token: Token { descrizione, revocato: false, ..t } }
        }
        C::RevocaToken { token } => {
            richiede(chi, Diritto::GestisceUtenti)?;
            if conf.token.get(&token).is_none_or(|t| t.revocato) {
                return Err(Rifiuto::NonTrovato("il token non esiste o è già revocato".to_owned()));
            }
            Evento::TokenRevocato { token }
        }
        C::ImpostaSigillo { sigillo } => {
            richiede(chi, Diritto::GestisceConfigurazione)?;
            Evento::SigilloImpostato { sigillo: sigillo.validato(&mut v, ora) }
        }
        C::TogliSigillo { motivo } => {
            richiede(chi, Diritto::GestisceConfigurazione)?;
            if aoo.sigillo.is_none() {
                return Err(Rifiuto::NonTrovato("questa AOO non ha un sigillo".to_owned()));
            }
            Evento::SigilloTolto { motivo: testo::obbligatorio(&mut v, "motivo", &motivo, 1_000) }
        }
        C::DifferisciSigillo { fino, motivo } => {
            if aoo.sigillo.is_none() {
                return Err(Rifiuto::NonTrovato("questa AOO non ha un sigillo".to_owned()));
            }
            sigillo::differisci(chi, ora, fino, &motivo)?
        }
        C::ConfermaOrologio { motivo } => {
            richiede(chi, Diritto::ConfermaOrologio)?;
            let motivo = testo::obbligatorio(&mut v, "motivo", &motivo, 1_000);
            Evento::OrologioConfermato { orologio: ora, motivo }
        }
    };
    v.chiudi()?;
    Ok(evento)
}

/// Does his right over users hold for the whole ente? The product itself is nobody's user and acts on all of it.
fn di_tutto_l_ente(conf: &Configurazione, chi: &Operatore) -> bool {
    conf.utenti
        .get(&chi.id)
        .is_none_or(|u| u.incarichi.iter().any(|i| i.aoo.is_none() && i.ruolo.diritti().ha(Diritto::GestisceUtenti)))
}

/// Who administers one AOO gives and takes roles there only, and touches only people who have none elsewhere (R-L25).
fn nel_suo_ambito(
    conf: &Configurazione,
    aoo: &CodiceAoo,
    chi: &Operatore,
    incarichi: &[Incarico],
) -> Result<(), Rifiuto> {
    if di_tutto_l_ente(conf, chi) || incarichi.iter().all(|i| i.aoo.as_ref() == Some(aoo)) {
        return Ok(());
    }
    Err(Rifiuto::Vietato(format!("{} gestisce gli utenti della propria AOO soltanto", chi.nome)))
}

fn esiste_utente(conf: &Configurazione, utente: &NomeUtente) -> Result<(), Rifiuto> {
    if conf.utenti.contains_key(utente) {
        Ok(())
    } else {
        Err(Rifiuto::NonTrovato(format!("l'utente {utente} non esiste")))
    }
}

fn controlla_incarichi(v: &mut Validatore, conf: &Configurazione, ora: Istante, incarichi: &[Incarico]) {
    for (i, inc) in incarichi.iter().enumerate() {
        let Some(codice) = &inc.aoo else {
            if inc.ufficio.is_some() {
                v.errore(format!("incarichi.{i}.aoo"), "un ufficio va indicato con la sua AOO");
            }
            continue;
        };
        let Some(aoo) = conf.aoo.get(codice) else {
            v.errore(format!("incarichi.{i}.aoo"), format!("l'AOO {codice} non esiste"));
            continue;
        };
        match &inc.ufficio {
            Some(u) if aoo.ufficio(u, ora).is_none() => {
                v.errore(format!("incarichi.{i}.ufficio"), format!("l'ufficio {u} non esiste o è chiuso"));
            }
            None if matches!(inc.ruolo, Ruolo::Operatore | Ruolo::ResponsabileUor | Ruolo::Rup) => {
                v.errore(
                    format!("incarichi.{i}.ufficio"),
                    format!("il ruolo {} vale in un ufficio", inc.ruolo.codice()),
                );
            }
            _ => {}
        }
    }
}

/// The name of the default serie of a register and year: every registration is in an aggregation (trap 27).
pub fn serie(registro: &CodiceRegistro, anno: i32) -> String {
    format!("{registro}/{anno}")
}
