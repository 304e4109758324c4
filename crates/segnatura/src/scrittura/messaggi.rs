//! The four return messages, in the generation of what they answer (R-D22…R-D25, R-D27).
//!
//! In old generations everything beyond ASCII is a numeric reference, so that a peer that takes UTF-8 for ISO-8859-1, or
//! the other way round, reads the same. The DTDs of 2001 know no register, and none of the old ones the time.

use super::penna::Penna;
use super::{NonScrivibile, Rifiuto, rileggi, segnatura};
use crate::grammatica::{NS_2013, NS_PEC, NS_PROT};
use crate::lettura::Lettura;
use crate::modello::{Generazione, Identificatore, MessaggioDiRitorno, MessaggioRicevuto};

impl MessaggioDiRitorno {
    /// The message as a peer of that generation reads it; or everything that keeps it from being valid. To who sent a
    /// DOCAREA request nothing comes back this way.
    pub fn scrivi(&self, generazione: Generazione) -> Result<Vec<u8>, NonScrivibile> {
        self.scrivi_con(generazione, None)
    }

    /// The message as whoever sent `ricevuta` reads it: its generation, and in old ones also the `versione` it gave itself,
    /// which the DTD of its dialect fixes (R-D27). `None` where nothing may come back: what was read is no segnatura, or
    /// a DOCAREA request.
    pub fn rispondi_a(&self, ricevuta: &Lettura) -> Option<Result<Vec<u8>, NonScrivibile>> {
        match ricevuta.generazione? {
            Generazione::Docarea => None,
            Generazione::V2021 => Some(self.scrivi(Generazione::V2021)),
            vecchia => {
                let anno = match vecchia {
                    Generazione::V2001 => "2001",
                    Generazione::V2009 => "2009",
                    _ => "2013",
                };
                // Only a date of that generation: of anything else one could not tell which rules it follows.
                let data = |v: &&str| v.starts_with(anno) && v.bytes().all(|b| b.is_ascii_digit() || b == b'-');
                Some(self.scrivi_con(vecchia, ricevuta.versione_dichiarata.as_deref().filter(data)))
            }
        }
    }

    fn scrivi_con(&self, generazione: Generazione, versione: Option<&str>) -> Result<Vec<u8>, NonScrivibile> {
        let (nuova, radice) = (generazione == Generazione::V2021, self.tipo().radice());
        let mut p = Penna::nuova(!nuova);
        let prefisso = if nuova { "pec:" } else { "" };
        match generazione {
            Generazione::V2021 => p.apri(
                &format!("pec:{radice}"),
                &[
                    ("xmlns:pec", Some(NS_PEC)),
                    ("xmlns:prot", Some(NS_PROT)),
                    ("pec:lang", Some("it")),
                    ("pec:versione", Some("3.0.0")),
                ],
            ),
            Generazione::V2013 => p.apri(
                radice,
                &[("xmlns", Some(NS_2013)), ("versione", versione.or(Some("aaaa-mm-gg"))), ("xml-lang", Some("it"))],
            ),
            Generazione::V2009 | Generazione::V2001 => {
                // The DTDs fix the date; that of 2009 fixes the words "aaaa-mm-gg", as AgID publishes it.
                let fissa = if generazione == Generazione::V2001 { "2001-05-07" } else { "aaaa-mm-gg" };
                p.preambolo(&format!("<!DOCTYPE {radice} SYSTEM \"Segnatura.dtd\">"));
                p.apri(radice, &[("versione", versione.or(Some(fissa))), ("xml:lang", Some("it"))]);
            }
            Generazione::Docarea => {
                let messaggio = "DOCAREA non ha messaggi di ritorno".to_owned();
                return Err(Rifiuto { percorso: format!("/{radice}"), messaggio }.into());
            }
        }
        let mut foglio = Foglio { p, prefisso, generazione };
        match self {
            Self::ConfermaRicezione(c) | Self::AggiornamentoConferma(c) => {
                foglio.identificatore("Identificatore", &c.identificatore);
                foglio.ricevuto(&c.messaggio_ricevuto);
            }
            Self::NotificaEccezione(e) => {
                if let Some(i) = &e.identificatore {
                    foglio.identificatore("Identificatore", i);
                }
                foglio.ricevuto(&e.messaggio_ricevuto);
                foglio.voce("Motivo", &e.motivo)?;
            }
            Self::AnnullamentoProtocollazione(a) => {
                foglio.identificatore("Identificatore", &a.identificatore);
                foglio.voce("Motivo", &a.motivo)?;
                foglio.voce("Provvedimento", &a.provvedimento)?;
            }
        }
        let xml = foglio.p.finisci()?;
        rileggi(&xml, versione.is_some())?;
        Ok(xml.into_bytes())
    }
}

struct Foglio {
    p: Penna,
    prefisso: &'static str,
    generazione: Generazione,
}

impl Foglio {
    fn nome(&self, nome: &str) -> String {
        format!("{}{nome}", self.prefisso)
    }

    /// Text that must say something: R-D24 wants a specific reason, R-D25 the extremes of an act.
    fn voce(&mut self, nome: &str, valore: &str) -> Result<(), NonScrivibile> {
        if valore.trim().is_empty() {
            return Err(Rifiuto { percorso: format!("/{nome}"), messaggio: "è vuoto".to_owned() }.into());
        }
        self.p.voce(&self.nome(nome), valore);
        Ok(())
    }

    fn identificatore(&mut self, nome: &str, i: &Identificatore) {
        let nome = self.nome(nome);
        if self.generazione == Generazione::V2021 {
            segnatura::identificatore(&mut self.p, &nome, i);
            return;
        }
        let p = &mut self.p;
        p.apri(&nome, &[]);
        p.voce("CodiceAmministrazione", &i.codice_amministrazione.valore);
        p.voce("CodiceAOO", &i.codice_aoo.valore);
        if self.generazione != Generazione::V2001 {
            p.forse("CodiceRegistro", i.codice_registro.as_deref());
        }
        p.voce("NumeroRegistrazione", &i.numero_registrazione);
        p.voce("DataRegistrazione", &i.data_registrazione);
        p.chiudi();
    }

    fn ricevuto(&mut self, ricevuto: &MessaggioRicevuto) {
        let nome = self.nome("MessaggioRicevuto");
        self.p.apri(&nome, &[]);
        match ricevuto {
            MessaggioRicevuto::Registrato { identificatore, prima_registrazione } => {
                self.identificatore("Identificatore", identificatore);
                match prima_registrazione {
                    Some(i) if self.generazione == Generazione::V2021 => self.identificatore("PrimaRegistrazione", i),
                    Some(i) => {
                        self.p.apri("PrimaRegistrazione", &[]);
                        self.identificatore("Identificatore", i);
                        self.p.chiudi();
                    }
                    None => {}
                }
            }
            MessaggioRicevuto::Descritto { descrizione } => {
                let nome = self.nome("DescrizioneMessaggio");
                self.p.voce(&nome, descrizione);
            }
        }
        self.p.chiudi();
    }
}
