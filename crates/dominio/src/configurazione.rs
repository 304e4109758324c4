//! What stands around the register: ente, AOO, offices, users, titolario. Small, held in memory,
//! folded from the operations that made it; old operations are replayed for ever.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::codici::{CodiceAoo, CodiceIpa, CodiceRegistro, CodiceUfficio, CodiceVoce, NomeUtente};
use crate::epoca::Epoca;
use crate::operazione::{Evento, Operazione};
use crate::permessi::{Diritti, Diritto, Incarico, Operatore, Porta};
use crate::sigillo::{DatiSigillo, RichiestaSigillo};
use crate::tempo::{Giorno, Istante};
use crate::timbro::PosizioneTimbro;

/// An administration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatiEnte {
    /// IPA code.
    pub ipa: CodiceIpa,
    /// Its name.
    pub denominazione: String,
    /// 11 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codice_fiscale: Option<String>,
    /// Institutional mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pec: Option<String>,
}

/// An AOO as it is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatiAoo {
    /// IPA code of the AOO.
    pub codice_aoo: CodiceAoo,
    /// Its name.
    pub denominazione: String,
    /// Origin of its operations log: given now, the same for ever, whatever host serves it.
    pub origine: String,
    /// Public key of the log, as a C2SP vkey.
    pub chiave_log: String,
    /// The sorting office: gets every entrata without an assignment of its own.
    pub ufficio_smistamento: CodiceUfficio,
    /// Whether an entrata may be registered before it is classified.
    #[serde(default)]
    pub consente_da_classificare: bool,
    /// The conventional entry "da classificare".
    pub voce_da_classificare: CodiceVoce,
    /// Institutional mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pec: Option<String>,
}

/// An office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ufficio {
    /// Code inside the AOO.
    pub codice: CodiceUfficio,
    /// Name.
    pub denominazione: String,
    /// Office above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padre: Option<CodiceUfficio>,
    /// Since when.
    pub dal: Istante,
    /// Until when, excluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub al: Option<Istante>,
}

/// An entry of the titolario, valid between two days (R-I03).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Voce {
    /// Code: its dots are its place in the tree.
    pub codice: CodiceVoce,
    /// Name.
    pub denominazione: String,
    /// First day.
    pub dal: Giorno,
    /// Last day, included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub al: Option<Giorno>,
}

impl Voce {
    /// Can it be used on that day?
    pub fn valida(&self, giorno: Giorno) -> bool {
        self.dal <= giorno && self.al.is_none_or(|al| giorno <= al)
    }
}

/// A register of the AOO.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DatiRegistro {
    /// Code.
    pub codice: CodiceRegistro,
    /// Name.
    pub denominazione: String,
    /// Numbers already given by a former system in a year: the first one here is the next (R-P03).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ultimo_precedente: Option<UltimoPrecedente>,
}

/// Where a former system stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UltimoPrecedente {
    /// The year.
    pub anno: i32,
    /// The last number it gave.
    pub numero: i64,
}

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Utente {
    /// Sign-in name.
    pub utente: NomeUtente,
    /// Given name.
    pub nome: String,
    /// Family name.
    pub cognome: String,
    /// Roles with their place and validity.
    #[serde(default)]
    pub incarichi: Vec<Incarico>,
    /// Disabled users keep their history and no longer sign in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabilitato: bool,
}

impl Utente {
    /// Name and family name.
    pub fn nome_completo(&self) -> String {
        format!("{} {}", self.nome, self.cognome)
    }

    /// Rights that hold in an AOO at an instant.
    pub fn diritti(&self, aoo: &CodiceAoo, t: Istante) -> Diritti {
        if self.disabilitato {
            return Diritti::NESSUNO;
        }
        self.validi(aoo, t).fold(Diritti::NESSUNO, |d, i| d.unione(i.ruolo.diritti()))
    }

    /// Offices the person belongs to in an AOO at an instant.
    pub fn uffici(&self, aoo: &CodiceAoo, t: Istante) -> Vec<CodiceUfficio> {
        let mut u: Vec<_> = self.validi(aoo, t).filter_map(|i| i.ufficio.clone()).collect();
        u.dedup();
        u
    }

    fn validi<'a>(&'a self, aoo: &'a CodiceAoo, t: Istante) -> impl Iterator<Item = &'a Incarico> {
        self.incarichi
            .iter()
            .filter(move |i| i.aoo.as_ref().is_none_or(|a| a == aoo) && i.dal <= t && i.al.is_none_or(|al| t < al))
    }
}

/// A token of the API: what it may do, until when. Its secret is elsewhere, hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    /// Public identifier.
    pub id: String,
    /// What it is for.
    pub descrizione: String,
    /// The person or system that answers for it.
    pub utente: NomeUtente,
    /// The only AOO it works in.
    pub aoo: CodiceAoo,
    /// What it may do, at most.
    pub diritti: Vec<Diritto>,
    /// When it ends.
    pub scadenza: Istante,
    /// Revoked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub revocato: bool,
}

/// One AOO with all that a command needs to be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatoAoo {
    /// As created.
    pub dati: DatiAoo,
    /// Offices by code.
    pub uffici: BTreeMap<CodiceUfficio, Ufficio>,
    /// Entries by code, every validity of each, oldest first.
    pub titolario: BTreeMap<CodiceVoce, Vec<Voce>>,
    /// Registers by code.
    pub registri: BTreeMap<CodiceRegistro, DatiRegistro>,
    /// Keys that its log took after the first: index of the operation, vkey.
    pub chiavi: Vec<(u64, String)>,
    /// Epochs after the first, oldest first.
    pub epoche: Vec<Epoca>,
    /// Its seal, where it has one.
    pub sigillo: Option<DatiSigillo>,
    /// Until when seals may wait for a provider that is away.
    pub sigillo_differito: Option<Istante>,
    /// A key of ours that waits for its certificate, and since when.
    pub richiesta_sigillo: Option<(Istante, RichiestaSigillo)>,
    /// Where it wants its stamp.
    pub timbro: PosizioneTimbro,
}

impl StatoAoo {
    /// The entry valid on that day.
    pub fn voce(&self, codice: &CodiceVoce, giorno: Giorno) -> Option<&Voce> {
        self.titolario.get(codice)?.iter().rev().find(|v| v.valida(giorno))
    }

    /// Until when seals may wait for a provider that is away, if they may at that instant (R-A14).
    pub fn sigilli_differiti(&self, t: Istante) -> Option<Istante> {
        self.sigillo_differito.filter(|fino| t < *fino && self.sigillo.is_some())
    }

    /// The office, if it is open at that instant.
    pub fn ufficio(&self, codice: &CodiceUfficio, t: Istante) -> Option<&Ufficio> {
        self.uffici.get(codice).filter(|u| u.al.is_none_or(|al| t < al))
    }
}

/// Everything of an ente that is held in memory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Configurazione {
    /// The ente; absent only before its first operation.
    pub ente: Option<DatiEnte>,
    /// Users by sign-in name.
    pub utenti: BTreeMap<NomeUtente, Utente>,
    /// Tokens by identifier.
    pub token: BTreeMap<String, Token>,
    /// AOO by code.
    pub aoo: BTreeMap<CodiceAoo, StatoAoo>,
    /// Keys that the ente's own log took later: index of the operation, vkey.
    pub chiavi: Vec<(u64, String)>,
    /// Epochs of the ente's own log after the first.
    pub epoche: Vec<Epoca>,
}

impl Configurazione {
    /// Epochs of a log after the first.
    pub fn epoche(&self, aoo: Option<&CodiceAoo>) -> &[Epoca] {
        match aoo {
            None => &self.epoche,
            Some(a) => self.aoo.get(a).map_or(&[], |a| &a.epoche),
        }
    }

    /// Applies an operation; those that do not touch the configuration pass by.
    pub fn applica(&mut self, op: &Operazione) {
        match &op.evento {
            Evento::EnteCreato(d) => self.ente = Some(d.clone()),
            Evento::UtenteCreato(u) => {
                self.utenti.insert(u.utente.clone(), u.clone());
            }
            Evento::IncarichiAssegnati { utente, incarichi } => {
                if let Some(u) = self.utenti.get_mut(utente) {
                    u.incarichi.clone_from(incarichi);
                }
            }
            Evento::UtenteAbilitato { utente, abilitato } => {
                if let Some(u) = self.utenti.get_mut(utente) {
                    u.disabilitato = !abilitato;
                }
            }
            Evento::TokenCreato { token } => {
                self.token.insert(token.id.clone(), token.clone());
            }
            Evento::TokenRevocato { token } => {
                if let Some(t) = self.token.get_mut(token) {
                    t.revocato = true;
                }
            }
            Evento::AooCreata(d) => {
                self.aoo.insert(
                    d.codice_aoo.clone(),
                    StatoAoo {
                        dati: d.clone(),
                        uffici: BTreeMap::new(),
                        titolario: BTreeMap::new(),
                        registri: BTreeMap::new(),
                        chiavi: Vec::new(),
                        epoche: Vec::new(),
                        sigillo: None,
                        sigillo_differito: None,
                        richiesta_sigillo: None,
                        timbro: PosizioneTimbro::PREDEFINITA,
                    },
                );
            }
            Evento::ChiaveRuotata { chiave_log, .. } => {
                let chiavi = match &op.aoo {
                    None => Some(&mut self.chiavi),
                    Some(a) => self.aoo.get_mut(a).map(|a| &mut a.chiavi),
                };
                if let Some(k) = chiavi {
                    k.push((op.indice, chiave_log.clone()));
                }
            }
            Evento::LacunaDichiarata(lacuna) => {
                let epoche = match &op.aoo {
                    None => Some(&mut self.epoche),
                    Some(a) => self.aoo.get_mut(a).map(|a| &mut a.epoche),
                };
                if let Some(e) = epoche {
                    e.push(Epoca::nuova(op.indice, lacuna.clone()));
                }
            }
            Evento::LacunaRicostruita(r) => {
                let epoche = op.aoo.as_ref().and_then(|a| self.aoo.get_mut(a)).map(|a| &mut a.epoche);
                if let Some(e) = epoche.and_then(|e| e.iter_mut().find(|e| e.lacuna.epoca == r.epoca)) {
                    e.apprende(r);
                }
            }
            _ => {
                if let Some(a) = op.aoo.as_ref().and_then(|a| self.aoo.get_mut(a)) {
                    applica_ad_aoo(a, op);
                }
            }
        }
    }

    /// The person at a page, in an AOO, now. `None` when unknown or disabled.
    pub fn operatore(&self, nome: &NomeUtente, aoo: &CodiceAoo, t: Istante, porta: Porta) -> Option<Operatore> {
        let u = self.utenti.get(nome).filter(|u| !u.disabilitato)?;
        let uffici = u.uffici(aoo, t);
        Some(Operatore {
            id: u.utente.clone(),
            nome: u.nome_completo(),
            ufficio: uffici.first().cloned(),
            per_conto_di: None,
            uffici,
            diritti: u.diritti(aoo, t),
            porta,
        })
    }

    /// Who acts with a token: its owner, with no more rights than the token's.
    pub fn operatore_di_token(&self, t: &Token, istante: Istante) -> Option<Operatore> {
        let mut o = self.operatore(&t.utente, &t.aoo, istante, Porta::Rest)?;
        o.diritti = o.diritti.intersezione(Diritti::di(&t.diritti));
        Some(o)
    }
}

fn applica_ad_aoo(a: &mut StatoAoo, op: &Operazione) {
    match &op.evento {
        Evento::UfficioCreato(u) => {
            a.uffici.insert(u.codice.clone(), u.clone());
        }
        Evento::UfficioChiuso { codice, al } => {
            if let Some(u) = a.uffici.get_mut(codice) {
                u.al = Some(*al);
            }
        }
        Evento::VoceAperta(v) => a.titolario.entry(v.codice.clone()).or_default().push(v.clone()),
        Evento::VoceChiusa { codice, al } => {
            if let Some(v) = a.titolario.get_mut(codice).and_then(|v| v.last_mut()) {
                v.al = Some(*al);
            }
        }
        Evento::SigilloImpostato { sigillo } => {
            // The certificate that was asked for came.
            a.richiesta_sigillo.take_if(|(_, r)| sigillo.chiave == Some(r.chiave));
            a.sigillo = Some(sigillo.clone());
        }
        Evento::SigilloRichiesto { richiesta } => a.richiesta_sigillo = Some((op.istante, richiesta.clone())),
        Evento::TimbroPosto { timbro } => a.timbro = *timbro,
        Evento::SigilloTolto { .. } => (a.sigillo, a.sigillo_differito) = (None, None),
        Evento::SigilloDifferito { fino, .. } => a.sigillo_differito = Some(*fino),
        Evento::RegistroCreato(r) => {
            a.registri.insert(r.codice.clone(), r.clone());
        }
        _ => {}
    }
}
