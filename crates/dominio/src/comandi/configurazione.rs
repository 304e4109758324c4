//! Commands on what stands around the register: offices, titolario, people, tokens, the seal, the clock.

use serde::{Deserialize, Serialize};

use crate::codici::{CodiceAoo, CodiceUfficio, CodiceVoce, NomeUtente};
use crate::configurazione::{Configurazione, DatiRegistro, Token, Ufficio, Utente, Voce};
use crate::epoca::{self, Ricostruzione};
use crate::errori::{Rifiuto, Rigore, Validatore};
use crate::nuova::richiede;
use crate::operazione::Evento;
use crate::permessi::{Diritto, Incarico, Operatore, Ruolo};
use crate::sigillo::{self, DatiSigillo, RichiestaSigillo};
use crate::soggetto::Soggetto;
use crate::tempo::{Giorno, Istante};
use crate::testo;
use crate::timbro::PosizioneTimbro;

/// Highest number that a former system can have reached.
const NUMERO_PRECEDENTE_MAX: i64 = 999_999_999;

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
    /// Write down what was found out of numbers that an epoch jumped.
    RicostruisciLacuna(Ricostruzione),
    /// Ask for the certificate of a seal, with a key just made (which goes elsewhere, in the same transaction).
    RichiediSigillo {
        /// What is asked for.
        richiesta: RichiestaSigillo,
    },
    /// Say where the stamp goes.
    PoniTimbro {
        /// Where.
        timbro: PosizioneTimbro,
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
        C::RicostruisciLacuna(r) => epoca::ricostruisci(chi, &aoo.epoche, r)?,
        C::RichiediSigillo { richiesta } => {
            richiede(chi, Diritto::GestisceConfigurazione)?;
            Evento::SigilloRichiesto { richiesta: richiesta.validata(&mut v) }
        }
        C::PoniTimbro { timbro } => {
            richiede(chi, Diritto::GestisceConfigurazione)?;
            Evento::TimbroPosto { timbro: timbro.validata(&mut v) }
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
