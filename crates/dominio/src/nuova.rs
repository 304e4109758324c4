//! From what a door was given to a registration that can be written: every rule that needs no state of the register.

use serde::{Deserialize, Serialize};

use crate::codici::{CodiceAoo, CodiceRegistro, CodiceUfficio, CodiceVoce};
use crate::comandi::puo_vedere;
use crate::configurazione::{Configurazione, StatoAoo};
use crate::errori::{Anomalia, Rifiuto, Rigore, Validatore};
use crate::permessi::{Diritto, Operatore};
use crate::registrazione::{
    Chiave, ContenutoRisposta, DatiAssegnazione, DatiRegistrazione, Destinatario, Differimento, Documento, Mezzo,
    ProtocolloMittente, Registrazione, RegistrazioneAltrui, RiferimentoEsteso, Risposta, RuoloDocumento, Stato, Tipo,
    TipoAssegnazione,
};
use crate::soggetto::Soggetto;
use crate::tempo::{Giorno, Istante};
use crate::testo::{self, OGGETTO_MAX};

/// Most recipients of one registration.
pub const DESTINATARI_MAX: usize = 10_000;
/// Most of every other list.
pub const ELENCO_MAX: usize = 1_000;
/// How far a declared instant may be ahead of ours before it is "in the future", seconds.
const TOLLERANZA_S: i64 = 120;

/// The `dati` of a new registration (contract § 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NuovaRegistrazione {
    /// entrata, uscita, interna.
    pub tipo: Tipo,
    /// 1–4,000 characters.
    pub oggetto: String,
    /// Sender.
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
    /// When it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_arrivo: Option<Istante>,
    /// The sender's own number and date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocollo_mittente: Option<ProtocolloMittente>,
    /// Entry of the titolario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classificazione: Option<CodiceVoce>,
    /// Who gets it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assegnazioni: Vec<DatiAssegnazione>,
    /// Reserved.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub riservato: bool,
    /// Office that sends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ufficio_mittente: Option<CodiceUfficio>,
    /// Who signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firmatari: Vec<String>,
    /// First registration of a re-transmitted document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prima_registrazione: Option<RiferimentoEsteso>,
    /// Registrations it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub riferimenti: Vec<RiferimentoEsteso>,
    /// The entrata that an uscita answers, in the same AOO.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risponde_a: Option<Chiave>,
    /// Fascicolo it goes in at once.
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
    /// What the door found odd in the message that it came with; never said by who registers.
    #[serde(skip)]
    pub anomalie: Vec<Anomalia>,
}

/// Judges a new registration and fixes what it will be for ever (R-A09…A11, A20, A22; J04).
///
/// `documenti` are the files as stored, the primary first. Pure: `ora` is given.
///
/// # Errors
/// Every wrong field at once, or the right that is missing.
pub fn registra(
    aoo: &StatoAoo,
    chi: &Operatore,
    registro: &CodiceRegistro,
    ora: Istante,
    rigore: Rigore,
    nuova: NuovaRegistrazione,
    documenti: Vec<Documento>,
) -> Result<DatiRegistrazione, Rifiuto> {
    richiede(
        chi,
        match nuova.tipo {
            Tipo::Entrata => Diritto::RegistraEntrata,
            Tipo::Uscita => Diritto::RegistraUscita,
            Tipo::Interna => Diritto::RegistraInterna,
        },
    )?;
    if nuova.differimento.is_some() {
        richiede(chi, Diritto::Differisce)?;
    }
    if nuova.fascicolo.is_some() {
        richiede(chi, Diritto::Fascicola)?;
    }
    if !aoo.registri.contains_key(registro) {
        return Err(Rifiuto::NonTrovato(format!("il registro {registro} non esiste in questa AOO")));
    }
    let mut v = Validatore::nuovo(rigore);
    let oggi = ora.giorno();

    let oggetto = oggetto(&mut v, &nuova.oggetto);
    controlla_parti(&mut v, &nuova);
    let mittente = nuova.mittente.map(|s| corrispondente(&mut v, aoo, ora, "mittente", s));
    let altri_mittenti = altri_mittenti(&mut v, aoo, ora, nuova.altri_mittenti);
    let destinatari = destinatari(&mut v, aoo, ora, nuova.destinatari);
    for (campo, n) in [("assegnazioni", nuova.assegnazioni.len()), ("riferimenti", nuova.riferimenti.len())] {
        if n > ELENCO_MAX {
            v.errore(campo, format!("sono {n}: il massimo è {ELENCO_MAX}"));
        }
    }

    date(&mut v, ora, oggi, nuova.tipo, nuova.data_arrivo, nuova.protocollo_mittente.as_ref());
    let protocollo_mittente = nuova.protocollo_mittente.map(|p| protocollo_mittente(&mut v, &p));
    let (classificazione, classificazione_denominazione) =
        classificazione(&mut v, aoo, oggi, nuova.tipo, nuova.classificazione);
    let assegnazioni = assegnazioni(&mut v, aoo, ora, nuova.tipo, nuova.assegnazioni);
    ufficio_mittente(&mut v, aoo, ora, nuova.tipo, nuova.ufficio_mittente.as_ref());
    let firmatari = firmatari(&mut v, &nuova.firmatari);
    let tipologia = testo::facoltativo(&mut v, "tipologia", nuova.tipologia.as_deref(), 200);
    let note = testo::facoltativo(&mut v, "note", nuova.note.as_deref(), OGGETTO_MAX);
    let differimento = nuova.differimento.map(|d| differimento(&mut v, nuova.tipo, nuova.mezzo, d));
    let documenti = file(&mut v, nuova.mezzo, documenti);

    let mut anomalie = v.chiudi()?;
    anomalie.extend(nuova.anomalie);
    Ok(DatiRegistrazione {
        tipo: nuova.tipo,
        oggetto,
        mittente,
        altri_mittenti,
        destinatari,
        mezzo: nuova.mezzo,
        data_arrivo: nuova.data_arrivo,
        protocollo_mittente,
        classificazione,
        classificazione_denominazione,
        assegnazioni,
        riservato: nuova.riservato,
        ufficio_mittente: nuova.ufficio_mittente,
        firmatari,
        prima_registrazione: nuova.prima_registrazione,
        riferimenti: nuova.riferimenti.into_iter().map(|r| RiferimentoEsteso { data: None, ..r }).collect(),
        risponde_a: None,
        fascicolo: nuova.fascicolo,
        tipologia,
        note,
        differimento,
        sigillo_richiesto: crate::sigillo::richiesto(aoo, nuova.tipo, &documenti),
        documenti,
        anomalie,
    })
}

/// The sender's own number, as it is kept.
pub(crate) fn protocollo_mittente(v: &mut Validatore, p: &ProtocolloMittente) -> ProtocolloMittente {
    ProtocolloMittente {
        numero: testo::obbligatorio(v, "protocolloMittente.numero", &p.numero, 100),
        data: p.data,
        registro: testo::facoltativo(v, "protocolloMittente.registro", p.registro.as_deref(), 16),
    }
}

/// What a new uscita answers, as its segnatura will say it (R-C20). `r` is the registration that it names, if there is one.
///
/// # Errors
/// It is no entrata in force that he may see.
pub fn risponde(
    chi: &Operatore,
    uscita: &DatiRegistrazione,
    chiave: &Chiave,
    r: Option<&Registrazione>,
) -> Result<Risposta, Rifiuto> {
    let no = |m: String| Err(Rifiuto::campo("rispondeA", m));
    if uscita.tipo != Tipo::Uscita {
        return no("vale solo per i documenti in uscita".to_owned());
    }
    let Some(r) = r else { return no(format!("la registrazione {chiave} non esiste")) };
    if !puo_vedere(chi, r) {
        return no(format!("la registrazione {chiave} è riservata o di altri uffici"));
    }
    let d = &r.dati;
    if d.tipo != Tipo::Entrata {
        return no(format!("la registrazione {chiave} non è in entrata"));
    }
    if r.stato == Stato::Annullata {
        return no(format!("la registrazione {chiave} è annullata"));
    }
    let contenuto = (!d.riservato).then(|| ContenutoRisposta {
        oggetto: d.oggetto.clone(),
        classificazione: r.classificazione.0.clone(),
        classificazione_denominazione: r.classificazione.1.clone(),
        mittente: registrata_da(d),
    });
    Ok(Risposta { chiave: chiave.clone(), data: r.istante.giorno(), contenuto })
}

/// The sender's own registration of an entrata, if what is known of it names one in Allegato 6.
fn registrata_da(d: &DatiRegistrazione) -> Option<RegistrazioneAltrui> {
    let Some(Soggetto::Amministrazione { ipa: Some(ente), aoo: Some(aoo), .. }) = &d.mittente else { return None };
    let p = d.protocollo_mittente.as_ref()?;
    let registro = p.registro.as_ref()?;
    let di = |s: &str, quale: fn(&u8) -> bool| !s.is_empty() && s.bytes().all(|b| quale(&b));
    if !di(&p.numero, u8::is_ascii_digit) || !di(registro, |b| b.is_ascii_alphanumeric() || b"_.-".contains(b)) {
        return None;
    }
    Some(RegistrazioneAltrui {
        ente: ente.clone(),
        aoo: aoo.clone(),
        registro: registro.clone(),
        numero: p.numero.clone(),
        data: p.data?,
    })
}

/// Refuses who lacks a right (R-L02).
///
/// # Errors
/// [`Rifiuto::Vietato`] naming the right in words.
pub fn richiede(chi: &Operatore, d: Diritto) -> Result<(), Rifiuto> {
    if chi.diritti.ha(d) {
        Ok(())
    } else {
        Err(Rifiuto::Vietato(format!("{} non ha il permesso di {}", chi.nome, d.descrizione())))
    }
}

/// Refuses who has none of these rights; the last one is named.
///
/// # Errors
/// Those of [`richiede`].
pub fn richiede_uno(chi: &Operatore, diritti: &[Diritto]) -> Result<(), Rifiuto> {
    match diritti {
        [.., ultimo] if !diritti.iter().any(|d| chi.diritti.ha(*d)) => richiede(chi, *ultimo),
        _ => Ok(()),
    }
}

/// Who reads nothing of the register reads nothing of its lists either (R-L02).
///
/// # Errors
/// Those of [`richiede`].
pub fn richiede_lettura(chi: &Operatore) -> Result<(), Rifiuto> {
    richiede_uno(chi, &Diritto::LETTURA)
}

/// Names of who reads and of what (R-L16): for who verifies the register, not for who administers the machine.
///
/// # Errors
/// Those of [`richiede`].
pub fn richiede_accessi(chi: &Operatore) -> Result<(), Rifiuto> {
    richiede(chi, Diritto::Verifica)?;
    richiede(chi, Diritto::ConsultaRiservati)
}

/// The copies of the register, and the drills of their restoring (R-L22, R-N04): for who answers for the register or keeps its
/// configuration, and may verify it.
///
/// # Errors
/// Those of [`richiede`].
pub fn richiede_copie(chi: &Operatore) -> Result<(), Rifiuto> {
    richiede(chi, Diritto::Verifica)?;
    richiede(chi, Diritto::GestisceConfigurazione)
}

pub(crate) fn oggetto(v: &mut Validatore, testo: &str) -> String {
    match (v.rigore(), testo::facoltativo(v, "oggetto", Some(testo), OGGETTO_MAX)) {
        (_, Some(o)) => o,
        (Rigore::Operatore, None) => {
            v.errore("oggetto", "va compilato");
            String::new()
        }
        (Rigore::Messaggio, None) => {
            v.dubbio("oggetto", "il messaggio non ha oggetto");
            "(senza oggetto)".to_owned()
        }
    }
}

/// Who may stand where, by direction (contract § 2).
pub(crate) fn controlla_parti(v: &mut Validatore, n: &NuovaRegistrazione) {
    let ufficio = |s: &Soggetto| s.ufficio().is_some();
    match n.tipo {
        Tipo::Entrata => {
            match &n.mittente {
                None => v.errore("mittente", "un documento in entrata ha un mittente"),
                Some(s) if ufficio(s) => {
                    v.errore("mittente", "un ufficio non è un mittente esterno: il documento è interno");
                }
                Some(_) => {}
            }
            if !n.destinatari.is_empty() {
                v.errore("destinatari", "un documento in entrata non ha destinatari: usare le assegnazioni");
            }
        }
        Tipo::Uscita => {
            if n.mittente.is_some() {
                v.errore("mittente", "un documento in uscita non ha mittente: usare ufficioMittente");
            }
            if !n.altri_mittenti.is_empty() {
                v.errore("altriMittenti", "un documento in uscita non ha mittenti");
            }
            if n.destinatari.is_empty() {
                v.errore("destinatari", "un documento in uscita ha almeno un destinatario");
            }
            if let Some(i) = n.destinatari.iter().position(|d| ufficio(&d.soggetto)) {
                v.errore(
                    format!("destinatari.{i}"),
                    "un ufficio non è un destinatario esterno: il documento è interno",
                );
            }
        }
        Tipo::Interna => {
            if !n.mittente.as_ref().is_some_and(ufficio) {
                v.errore("mittente", "in un documento interno il mittente è un ufficio");
            }
            if !n.altri_mittenti.is_empty() {
                v.errore("altriMittenti", "un documento interno ha un solo mittente");
            }
            if n.destinatari.is_empty() {
                v.errore("destinatari", "un documento interno ha almeno un ufficio destinatario");
            }
            if let Some(i) = n.destinatari.iter().position(|d| !ufficio(&d.soggetto)) {
                v.errore(format!("destinatari.{i}"), "in un documento interno i destinatari sono uffici");
            }
        }
    }
    if n.altri_mittenti.len() > ELENCO_MAX {
        v.errore("altriMittenti", format!("sono {}: il massimo è {ELENCO_MAX}", n.altri_mittenti.len()));
    }
    if let Some(i) = n.altri_mittenti.iter().position(ufficio) {
        v.errore(format!("altriMittenti.{i}"), "un ufficio non è un mittente esterno");
    }
}

pub(crate) fn corrispondente(v: &mut Validatore, aoo: &StatoAoo, ora: Istante, campo: &str, s: Soggetto) -> Soggetto {
    if let Soggetto::Ufficio { codice, .. } = &s {
        let trovato = aoo.ufficio(codice, ora);
        if trovato.is_none() {
            v.errore(format!("{campo}.codice"), format!("l'ufficio {codice} non esiste o è chiuso"));
        }
        return Soggetto::Ufficio { codice: codice.clone(), denominazione: trovato.map(|u| u.denominazione.clone()) };
    }
    s.validato(v, campo)
}

pub(crate) fn altri_mittenti(v: &mut Validatore, aoo: &StatoAoo, ora: Istante, elenco: Vec<Soggetto>) -> Vec<Soggetto> {
    elenco
        .into_iter()
        .take(ELENCO_MAX + 1)
        .enumerate()
        .map(|(i, s)| corrispondente(v, aoo, ora, &format!("altriMittenti.{i}"), s))
        .collect()
}

pub(crate) fn destinatari(
    v: &mut Validatore,
    aoo: &StatoAoo,
    ora: Istante,
    elenco: Vec<Destinatario>,
) -> Vec<Destinatario> {
    if elenco.len() > DESTINATARI_MAX {
        v.errore("destinatari", format!("sono {}: il massimo è {DESTINATARI_MAX}", elenco.len()));
        return Vec::new();
    }
    elenco
        .into_iter()
        .enumerate()
        .map(|(i, d)| Destinatario {
            soggetto: corrispondente(v, aoo, ora, &format!("destinatari.{i}"), d.soggetto),
            ..d
        })
        .collect()
}

pub(crate) fn ufficio_mittente(
    v: &mut Validatore,
    aoo: &StatoAoo,
    ora: Istante,
    tipo: Tipo,
    ufficio: Option<&CodiceUfficio>,
) {
    let Some(u) = ufficio else { return };
    if tipo == Tipo::Entrata {
        v.errore("ufficioMittente", "vale solo per i documenti in uscita o interni");
    } else if aoo.ufficio(u, ora).is_none() {
        v.errore("ufficioMittente", format!("l'ufficio {u} non esiste o è chiuso"));
    }
}

pub(crate) fn firmatari(v: &mut Validatore, elenco: &[String]) -> Vec<String> {
    if elenco.len() > ELENCO_MAX {
        v.errore("firmatari", format!("sono {}: il massimo è {ELENCO_MAX}", elenco.len()));
    }
    elenco
        .iter()
        .take(ELENCO_MAX)
        .enumerate()
        .map(|(i, f)| testo::obbligatorio(v, &format!("firmatari.{i}"), f, 300))
        .collect()
}

pub(crate) fn date(
    v: &mut Validatore,
    ora: Istante,
    oggi: Giorno,
    tipo: Tipo,
    arrivo: Option<Istante>,
    protocollo: Option<&ProtocolloMittente>,
) {
    if let Some(a) = arrivo {
        if tipo != Tipo::Entrata {
            v.errore("dataArrivo", "vale solo per i documenti in entrata");
        } else if a > ora.piu_secondi(TOLLERANZA_S) {
            v.dubbio("dataArrivo", "è nel futuro");
        } else if a.anno() < 1900 {
            v.dubbio("dataArrivo", "è troppo lontana nel passato");
        }
    }
    if let Some(d) = protocollo.and_then(|p| p.data) {
        if tipo != Tipo::Entrata {
            v.errore("protocolloMittente", "vale solo per i documenti in entrata");
        } else if d > oggi {
            v.dubbio("protocolloMittente.data", "è nel futuro");
        } else if d.year() < 1900 {
            v.dubbio("protocolloMittente.data", "è troppo lontana nel passato");
        }
    } else if protocollo.is_some() && tipo != Tipo::Entrata {
        v.errore("protocolloMittente", "vale solo per i documenti in entrata");
    }
}

/// R-A10, R-I01: compulsory; the conventional entry only for an entrata, where the ente allows it.
fn classificazione(
    v: &mut Validatore,
    aoo: &StatoAoo,
    oggi: Giorno,
    tipo: Tipo,
    codice: Option<CodiceVoce>,
) -> (CodiceVoce, Option<String>) {
    let convenzionale = &aoo.dati.voce_da_classificare;
    let Some(codice) = codice else {
        if tipo != Tipo::Entrata {
            v.errore("classificazione", "è obbligatoria per i documenti in uscita e interni");
        } else if !aoo.dati.consente_da_classificare && v.rigore() == Rigore::Operatore {
            v.errore("classificazione", "è obbligatoria: l'ente non consente di classificare dopo");
        }
        let nome = aoo.voce(convenzionale, oggi).map(|x| x.denominazione.clone());
        return (convenzionale.clone(), nome);
    };
    if &codice == convenzionale && tipo != Tipo::Entrata {
        v.errore("classificazione", "va scelta una voce del titolario");
    }
    let voce = aoo.voce(&codice, oggi);
    if voce.is_none() {
        v.errore("classificazione", format!("la voce {codice} non esiste nel titolario o non è valida oggi"));
    }
    let nome = voce.map(|x| x.denominazione.clone());
    (codice, nome)
}

/// R-J04: an entrata has at least one competenza; absent, the sorting office gets it.
fn assegnazioni(
    v: &mut Validatore,
    aoo: &StatoAoo,
    ora: Istante,
    tipo: Tipo,
    mut date: Vec<DatiAssegnazione>,
) -> Vec<DatiAssegnazione> {
    controlla_assegnazioni(v, aoo, ora, &date);
    if tipo == Tipo::Entrata && !date.iter().any(|a| a.tipo == TipoAssegnazione::Competenza) {
        date.insert(
            0,
            DatiAssegnazione {
                ufficio: aoo.dati.ufficio_smistamento.clone(),
                utente: None,
                tipo: TipoAssegnazione::Competenza,
            },
        );
    }
    date
}

/// Offices exist and are open; the same office is not named twice.
pub fn controlla_assegnazioni(v: &mut Validatore, aoo: &StatoAoo, ora: Istante, date: &[DatiAssegnazione]) {
    for (i, a) in date.iter().take(ELENCO_MAX).enumerate() {
        if aoo.ufficio(&a.ufficio, ora).is_none() {
            v.errore(format!("assegnazioni.{i}.ufficio"), format!("l'ufficio {} non esiste o è chiuso", a.ufficio));
        }
        if date[..i].iter().any(|b| b.ufficio == a.ufficio && b.utente == a.utente) {
            v.errore(format!("assegnazioni.{i}.ufficio"), format!("l'ufficio {} è già indicato", a.ufficio));
        }
    }
}

/// A person named in an assignment belongs to its office, now (R-J05): else it would wait on nobody's desk.
///
/// Beside [`registra`] and [`crate::comandi::decidi`], which know one AOO and not the people of the ente.
///
/// # Errors
/// Each `assegnazioni.N.utente` that is wrong.
pub fn controlla_assegnatari(
    conf: &Configurazione,
    aoo: &CodiceAoo,
    ora: Istante,
    date: &[DatiAssegnazione],
) -> Result<(), Rifiuto> {
    let mut v = Validatore::nuovo(Rigore::Operatore);
    for (i, a) in date.iter().take(ELENCO_MAX).enumerate() {
        let Some(nome) = &a.utente else { continue };
        let campo = || format!("assegnazioni.{i}.utente");
        match conf.utenti.get(nome) {
            None => v.errore(campo(), format!("l'utente {nome} non esiste")),
            Some(u) if u.disabilitato => v.errore(campo(), format!("l'utente {nome} è disabilitato")),
            Some(u) if !u.uffici(aoo, ora).contains(&a.ufficio) => {
                v.errore(campo(), format!("l'utente {nome} non appartiene all'ufficio {}", a.ufficio));
            }
            Some(_) => {}
        }
    }
    v.chiudi().map(drop)
}

/// R-A23, trap 37: only for an entrata, never for a PEC.
fn differimento(v: &mut Validatore, tipo: Tipo, mezzo: Mezzo, d: Differimento) -> Differimento {
    if tipo != Tipo::Entrata {
        v.errore("differimento", "vale solo per i documenti in entrata");
    }
    if mezzo == Mezzo::Pec {
        v.errore("differimento", "una PEC non si protocolla in differita: le ricevute provano già l'arrivo");
    }
    Differimento {
        provvedimento: testo::obbligatorio(v, "differimento.provvedimento", &d.provvedimento, 300),
        motivo: testo::obbligatorio(v, "differimento.motivo", &d.motivo, 1_000),
        termine: d.termine,
    }
}

/// One primary file, missing only on paper; none of them empty when an operator loads them (R-A17).
fn file(v: &mut Validatore, mezzo: Mezzo, mut documenti: Vec<Documento>) -> Vec<Documento> {
    let primari = documenti.iter().filter(|d| d.ruolo == RuoloDocumento::Primario).count();
    match primari {
        0 if mezzo == Mezzo::Cartaceo => {}
        0 => v.errore("documento", "manca il file: può mancare solo con mezzo cartaceo"),
        1 => {}
        _ => v.errore("documento", "il documento principale è uno solo: gli altri file sono allegati"),
    }
    if documenti.len() > ELENCO_MAX {
        v.errore("allegato", format!("sono {}: il massimo è {ELENCO_MAX}", documenti.len()));
    }
    documenti.sort_by_key(|d| d.ruolo != RuoloDocumento::Primario);
    for (i, d) in documenti.iter_mut().enumerate() {
        let campo = if d.ruolo == RuoloDocumento::Primario { "documento" } else { "allegato" };
        d.n = u32::try_from(i + 1).unwrap_or(u32::MAX);
        d.nome = testo::nome_file(v, campo, &d.nome);
        if d.byte == 0 {
            v.dubbio(campo, format!("il file «{}» è vuoto", d.nome));
        }
    }
    documenti
}
