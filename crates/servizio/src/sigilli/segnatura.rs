//! The segnatura of a registration: Allegato 6, 3.0.0, as the operation that registered it says (R-C05…C08, R-C13).
//!
//! It is a function of that operation and of the names of ente and AOO: whatever changed later is not in it.

use dominio::codici::{CodiceAoo, CodiceIpa, CodiceVoce};
use dominio::configurazione::{Configurazione, DatiEnte, StatoAoo};
use dominio::errori::{ErroreCampo, Rifiuto};
use dominio::registrazione::{
    Chiave, DatiRegistrazione, Documento, Numero, RiferimentoEsteso, Risposta, RuoloDocumento, Tipo,
};
use dominio::soggetto::Soggetto as Corrispondente;
use dominio::tempo::Istante;
use segnatura::modello::{
    Amministrazione, AmministrazioneEstera, Classifica, CodiceClassifica, CodiceIpa as Codice, Contatti, Descrizione,
    Destinatario, Documento as File, Fascicolo, Identificatore, Impronta, IndirizzoTelematico, Intestazione,
    PersonaFisica, PersonaGiuridica, Riferimento, Riservato, Segnatura, Soggetto,
};
use segnatura::scrittura::{NonScrivibile, NonSigillata};

/// Whose registration it is.
#[derive(Clone, Copy)]
pub struct Di<'a> {
    /// The ente.
    pub ente: &'a DatiEnte,
    /// The AOO.
    pub aoo: &'a StatoAoo,
}

impl<'a> Di<'a> {
    /// As the configuration names them.
    pub fn nella(conf: &'a Configurazione, aoo: &CodiceAoo) -> Option<Self> {
        Some(Self { ente: conf.ente.as_ref()?, aoo: conf.aoo.get(aoo)? })
    }

    /// The segnatura of a registration, without its seal.
    ///
    /// # Errors
    /// What the schema has no room for.
    pub fn componi(
        self,
        chiave: &Chiave,
        istante: Istante,
        d: &DatiRegistrazione,
    ) -> Result<NonSigillata, NonScrivibile> {
        let di_file = |ruolo| d.documenti.iter().filter(move |f: &&Documento| f.ruolo == ruolo).map(file);
        let (data, ora) = data_e_ora(istante);
        Segnatura {
            intestazione: Intestazione {
                identificatore: Identificatore {
                    codice_amministrazione: codice(self.ente.ipa.as_str(), &self.ente.denominazione),
                    codice_aoo: codice(self.aoo.dati.codice_aoo.as_str(), &self.aoo.dati.denominazione),
                    codice_registro: Some(chiave.registro.to_string()),
                    numero_registrazione: chiave.numero.esteso(),
                    data_registrazione: data,
                    ora_registrazione: Some(ora),
                },
                oggetto: d.oggetto.clone(),
                classifiche: vec![classifica(&d.classificazione, d.classificazione_denominazione.as_deref())],
                fascicolo: d.fascicolo.as_ref().map(|f| Fascicolo { denominazione: f.clone(), codice: f.clone() }),
                riservato: d.riservato.then_some(Riservato { valore: true, note: None }),
                prima_registrazione: d.prima_registrazione.as_ref().and_then(prima),
                ..Intestazione::default()
            },
            riferimenti: d.risponde_a.iter().filter_map(|r| self.riferimento(r)).collect(),
            descrizione: Descrizione {
                mittente: Some(match (d.tipo, &d.mittente) {
                    (Tipo::Entrata, Some(m)) => soggetto(m),
                    _ => Soggetto::Amministrazione(Box::new(self.noi(d))),
                }),
                destinatari: self.destinatari(d),
                documento_primario: di_file(RuoloDocumento::Primario).next(),
                allegati: di_file(RuoloDocumento::Allegato).collect(),
                ..Descrizione::default()
            },
            ..Segnatura::default()
        }
        .non_sigillata()
    }

    /// The message that this one answers, by the number that its sender gave it or, of who has none, by ours (R-C20); nothing is
    /// told of a reserved one.
    fn riferimento(self, r: &Risposta) -> Option<Riferimento> {
        let c = r.contenuto.as_ref()?;
        let identificatore = match &c.mittente {
            Some(m) => Identificatore {
                codice_amministrazione: Codice::nuovo(&m.ente),
                codice_aoo: Codice::nuovo(&m.aoo),
                codice_registro: Some(m.registro.clone()),
                numero_registrazione: format!("{:0>7}", m.numero),
                data_registrazione: m.data.to_string(),
                ora_registrazione: None,
            },
            None => Identificatore {
                codice_amministrazione: codice(self.ente.ipa.as_str(), &self.ente.denominazione),
                codice_aoo: codice(self.aoo.dati.codice_aoo.as_str(), &self.aoo.dati.denominazione),
                codice_registro: Some(r.chiave.registro.to_string()),
                numero_registrazione: r.chiave.numero.esteso(),
                data_registrazione: r.data.to_string(),
                ora_registrazione: None,
            },
        };
        Some(Riferimento {
            identificatore: Some(identificatore),
            oggetto: Some(c.oggetto.clone()),
            classifica: Some(classifica(&c.classificazione, c.classificazione_denominazione.as_deref())),
            ..Riferimento::default()
        })
    }

    fn noi(self, d: &DatiRegistrazione) -> Amministrazione {
        let ufficio = d.ufficio_mittente.as_ref().and_then(|u| self.aoo.uffici.get(u));
        Amministrazione {
            denominazione: self.ente.denominazione.clone(),
            codice_fiscale: self.ente.codice_fiscale.clone(),
            codice_ipa: Some(codice(self.ente.ipa.as_str(), &self.ente.denominazione)),
            contatti: contatti(&self.ente.pec),
            aoo: Some(codice(self.aoo.dati.codice_aoo.as_str(), &self.aoo.dati.denominazione)),
            contatti_aoo: contatti(&self.aoo.dati.pec),
            uo: ufficio.map(|u| codice(u.codice.as_str(), &u.denominazione)),
            ..Amministrazione::default()
        }
    }

    fn destinatari(self, d: &DatiRegistrazione) -> Vec<Destinatario> {
        if d.tipo == Tipo::Entrata {
            let noi = Soggetto::Amministrazione(Box::new(self.noi(d)));
            return vec![Destinatario { soggetto: Some(noi), conferma_ricezione: true, ..Destinatario::default() }];
        }
        d.destinatari
            .iter()
            .map(|x| Destinatario {
                soggetto: Some(soggetto(&x.soggetto)),
                conferma_ricezione: x.conferma_ricezione.unwrap_or(true),
                per_conoscenza: x.per_conoscenza,
                ..Destinatario::default()
            })
            .collect()
    }
}

/// Before it gets its number: a registration whose segnatura could not be written is refused (R-C13), field by field.
///
/// # Errors
/// What the schema has no room for.
pub fn controlla(conf: &Configurazione, aoo: &CodiceAoo, d: &DatiRegistrazione) -> Result<(), Rifiuto> {
    let Some(di) = Di::nella(conf, aoo) else { return Ok(()) };
    let Some(numero) = Numero::nuovo(1) else { return Ok(()) };
    let chiave = Chiave { registro: dominio::codici::CodiceRegistro::generale(), anno: 2000, numero };
    di.componi(&chiave, Istante(0), d).map(drop).map_err(|e| {
        let errori = e.0.into_iter().map(|r| ErroreCampo {
            campo: campo(&r.percorso).to_owned(),
            messaggio: format!("la segnatura non si può scrivere: {}: {}", r.percorso, r.messaggio),
        });
        Rifiuto::NonValido(errori.collect())
    })
}

/// The field of the request that a place of the segnatura comes from.
fn campo(percorso: &str) -> &'static str {
    let parti = [
        ("Mittente", "mittente"),
        ("Destinatario", "destinatari"),
        ("DocumentoPrimario", "documento"),
        ("Allegato", "allegato"),
        ("Oggetto", "oggetto"),
        ("Classifica", "classificazione"),
        ("Fascicolo", "fascicolo"),
    ];
    parti.into_iter().find(|(p, _)| percorso.contains(p)).map_or("segnatura", |(_, c)| c)
}

fn classifica(codice: &CodiceVoce, denominazione: Option<&str>) -> Classifica {
    Classifica {
        denominazione: denominazione.map_or_else(|| codice.to_string(), str::to_owned),
        codice: CodiceClassifica::Unico(codice.to_string()),
    }
}

/// A first registration is named with its day, which of another's is known only if it was said.
fn prima(x: &RiferimentoEsteso) -> Option<Identificatore> {
    Some(Identificatore {
        codice_amministrazione: Codice::nuovo(x.ente.as_str()),
        codice_aoo: Codice::nuovo(x.aoo.as_str()),
        codice_registro: Some(x.registro.to_string()),
        numero_registrazione: x.numero.esteso(),
        data_registrazione: x.data?.to_string(),
        ora_registrazione: None,
    })
}

fn codice(valore: &str, descrizione: &str) -> Codice {
    Codice { valore: valore.to_owned(), descrizione: Some(descrizione.to_owned()) }
}

fn contatti(posta: &Option<String>) -> Option<Contatti> {
    let telematici = vec![IndirizzoTelematico::posta(posta.clone()?)];
    Some(Contatti { telematici, ..Contatti::default() })
}

/// Day and time of Rome, as the schema writes them.
fn data_e_ora(istante: Istante) -> (String, String) {
    let intero = istante.con_offset();
    let (data, resto) = intero.split_once('T').unwrap_or((&intero, ""));
    let offset = resto.rfind(['+', '-']).map_or("", |i| &resto[i..]);
    (data.to_owned(), format!("{}{offset}", resto.get(..8).unwrap_or(resto)))
}

fn file(d: &Documento) -> File {
    File {
        nome_file: Some(d.nome.clone()),
        mime_type: Some(d.mime.clone()),
        impronta: Some(Impronta::sha256(&d.impronta.0)),
        ..File::default()
    }
}

/// Who the register knows without what the schema wants of its kind is named as an organisation, which wants nothing.
fn soggetto(s: &Corrispondente) -> Soggetto {
    let per_nome = |denominazione: String, contatti| {
        Soggetto::PersonaGiuridica(PersonaGiuridica { denominazione, contatti, ..PersonaGiuridica::default() })
    };
    match s {
        Corrispondente::PersonaFisica { cognome, nome: Some(nome), codice_fiscale, pec, email, .. } => {
            Soggetto::PersonaFisica(PersonaFisica {
                nome: nome.clone(),
                cognome: cognome.clone(),
                codice_fiscale: codice_fiscale.clone().filter(|c| c.len() == 16),
                contatti: contatti(&pec.clone().or_else(|| email.clone())),
                ..PersonaFisica::default()
            })
        }
        Corrispondente::PersonaGiuridica { denominazione, partita_iva, codice_fiscale, pec, email, .. } => {
            Soggetto::PersonaGiuridica(PersonaGiuridica {
                denominazione: denominazione.clone(),
                partita_iva: partita_iva.clone().or_else(|| codice_fiscale.clone()).filter(|c| c.len() == 11),
                contatti: contatti(&pec.clone().or_else(|| email.clone())),
                ..PersonaGiuridica::default()
            })
        }
        Corrispondente::Amministrazione { denominazione, ipa: Some(ipa), aoo, ufficio, pec } => {
            let ipa = ipa.parse::<CodiceIpa>().map_or_else(|_| ipa.clone(), |c| c.to_string());
            Soggetto::Amministrazione(Box::new(Amministrazione {
                denominazione: denominazione.clone(),
                codice_ipa: Some(codice(&ipa, denominazione)),
                contatti: contatti(pec),
                aoo: aoo.as_ref().map(|a| Codice::nuovo(a.as_str())),
                uo: ufficio.as_ref().filter(|_| aoo.is_some()).map(|u| Codice::nuovo(u.as_str())),
                ..Amministrazione::default()
            }))
        }
        Corrispondente::AmministrazioneEstera { denominazione, email, .. } => {
            Soggetto::AmministrazioneEstera(AmministrazioneEstera {
                denominazione: denominazione.clone(),
                contatti: contatti(email),
                ..AmministrazioneEstera::default()
            })
        }
        altro => per_nome(altro.nome_completo(), None),
    }
}
