//! Reading the generations of 2001, 2009 and 2013, which differ in little: one reader takes what any of them says, and the
//! dialects of vendors with them (R-C15).

use roxmltree::Node;

use super::messaggi::prima_registrazione;
use super::nuova::identificatore;
use crate::albero::{attributo, figli, figli_di_nome, figlio, testo};
use crate::modello::{
    Amministrazione, Classifica, CodiceClassifica, CodiceIpa, Collocazione, Contatti, Descrizione, Destinatario,
    Documento, Fascicolo, Impronta, IndirizzoPostale, IndirizzoTelematico, Intestazione, Livello, PersonaFisica,
    PersonaGiuridica, Riferimento, Riservato, Segnatura, Soggetto, TipoIndirizzo,
};

/// Text without blanks around; `None` if nothing is left.
pub(super) fn pieno(n: Node<'_, '_>) -> Option<String> {
    let testo = testo(n);
    let pulito = testo.trim();
    (!pulito.is_empty()).then(|| pulito.to_owned())
}

/// Text of a child.
pub(super) fn di(n: Node<'_, '_>, nome: &str) -> Option<String> {
    figlio(n, nome).and_then(pieno)
}

/// Whole segnatura.
pub(super) fn segnatura(n: Node<'_, '_>) -> Segnatura {
    let testa = figlio(n, "Intestazione");
    let corpo = figlio(n, "Descrizione");
    let (origine, mittente) = match testa.and_then(|t| figlio(t, "Origine")) {
        Some(o) => (figlio(o, "IndirizzoTelematico").map(telematico), figlio(o, "Mittente").and_then(soggetto)),
        None => (None, None),
    };
    let allegati = corpo.and_then(|c| figlio(c, "Allegati"));
    Segnatura {
        intestazione: testa.map(|t| intestazione(t, allegati)).unwrap_or_default(),
        riferimenti: figlio(n, "Riferimenti").map(|r| figli(r).map(riferimento).collect()).unwrap_or_default(),
        descrizione: Descrizione {
            mittente,
            indirizzo_mittente: origine,
            destinatari: testa.map(destinatari).unwrap_or_default(),
            documento_primario: corpo.and_then(primario),
            allegati: allegati
                .map(|a| a.descendants().filter(|d| d.has_tag_name_locale("Documento")).map(documento).collect())
                .unwrap_or_default(),
            note: corpo.and_then(|c| di(c, "Note")),
        },
        docarea: None,
    }
}

/// Names without namespaces.
pub(super) trait Locale {
    fn has_tag_name_locale(&self, nome: &str) -> bool;
}

impl Locale for Node<'_, '_> {
    fn has_tag_name_locale(&self, nome: &str) -> bool {
        self.is_element() && self.tag_name().name() == nome
    }
}

fn intestazione(n: Node<'_, '_>, allegati: Option<Node<'_, '_>>) -> Intestazione {
    let mut proprio = figlio(n, "Identificatore").map(identificatore).unwrap_or_default();
    // In these generations the time stands beside the identifier, not in it.
    proprio.ora_registrazione = proprio.ora_registrazione.or_else(|| di(n, "OraRegistrazione"));
    Intestazione {
        identificatore: proprio,
        prima_registrazione: figlio(n, "PrimaRegistrazione").map(prima_registrazione),
        oggetto: di(n, "Oggetto").unwrap_or_default(),
        classifiche: figli_di_nome(n, "Classifica").map(classifica).collect(),
        fascicolo: figlio(n, "Fascicolo").or_else(|| allegati.and_then(|a| figlio(a, "Fascicolo"))).map(fascicolo),
        riservato: figlio(n, "Riservato").map(riservato),
        risposta: figlio(n, "Risposta").and_then(|r| figlio(r, "IndirizzoTelematico")).map(telematico),
        note: di(n, "Note"),
    }
}

/// Any text means reserved, but a plain no: R-C18 wants it kept from who may not see it.
fn riservato(n: Node<'_, '_>) -> Riservato {
    let note = pieno(n);
    let no = note.as_deref().is_some_and(|t| matches!(t.to_lowercase().as_str(), "no" | "n" | "false" | "falso" | "0"));
    Riservato { valore: !no, note }
}

fn classifica(n: Node<'_, '_>) -> Classifica {
    let livelli: Vec<Livello> = figli_di_nome(n, "Livello")
        .map(|l| Livello { valore: testo(l).trim().to_owned(), descrizione: attributo(l, "nome").map(str::to_owned) })
        .collect();
    Classifica {
        denominazione: di(n, "Denominazione").unwrap_or_default(),
        codice: match di(n, "CodiceTitolario") {
            Some(codice) if livelli.is_empty() => CodiceClassifica::Unico(codice),
            _ => CodiceClassifica::Livelli(livelli),
        },
    }
}

fn fascicolo(n: Node<'_, '_>) -> Fascicolo {
    Fascicolo {
        denominazione: di(n, "Oggetto").or_else(|| pieno(n)).unwrap_or_default(),
        codice: di(n, "Identificativo").unwrap_or_default(),
    }
}

fn riferimento(n: Node<'_, '_>) -> Riferimento {
    let procedimento = n.has_tag_name_locale("Procedimento") || n.has_tag_name_locale("ContestoProcedurale");
    Riferimento {
        identificatore: figlio(n, "Identificatore").map(identificatore),
        prima_registrazione: figlio(n, "PrimaRegistrazione").map(prima_registrazione),
        oggetto: di(n, "Oggetto"),
        classifica: figlio(n, "Classifica").map(classifica),
        fascicolo: None,
        descrizione_messaggio: di(n, "DescrizioneMessaggio"),
        procedimento: if procedimento { di(n, "Identificativo") } else { None },
    }
}

/// Each Destinatario of each Destinazione and PerConoscenza; or the bare address, if that is all there is.
fn destinatari(testa: Node<'_, '_>) -> Vec<Destinatario> {
    let mut tutti = Vec::new();
    for n in figli(testa) {
        let per_conoscenza = n.has_tag_name_locale("PerConoscenza");
        if !per_conoscenza && !n.has_tag_name_locale("Destinazione") {
            continue;
        }
        let uno = |soggetto, indirizzo: Option<IndirizzoTelematico>| Destinatario {
            soggetto,
            indirizzo,
            conferma_ricezione: attributo(n, "confermaRicezione")
                .is_some_and(|c| matches!(c.trim().to_lowercase().as_str(), "si" | "sì" | "true" | "1")),
            per_conoscenza,
        };
        let indirizzo = figlio(n, "IndirizzoTelematico").map(telematico);
        let prima = tutti.len();
        for d in figli_di_nome(n, "Destinatario") {
            let proprio = figlio(d, "IndirizzoTelematico").map(telematico).or_else(|| indirizzo.clone());
            let persone: Vec<_> = figli_di_nome(d, "Persona").collect();
            if figlio(d, "Amministrazione").is_none() && figlio(d, "Denominazione").is_none() && !persone.is_empty() {
                tutti.extend(
                    persone.into_iter().map(|p| uno(Some(Soggetto::PersonaFisica(persona(p))), proprio.clone())),
                );
            } else {
                tutti.push(uno(soggetto(d), proprio));
            }
        }
        if tutti.len() == prima {
            tutti.push(uno(None, indirizzo));
        }
    }
    tutti
}

/// `Mittente` or `Destinatario`.
pub(super) fn soggetto(n: Node<'_, '_>) -> Option<Soggetto> {
    if let Some(privato) = figlio(n, "Privato") {
        return Some(self::privato(privato));
    }
    if let Some(a) = figlio(n, "Amministrazione") {
        return Some(Soggetto::Amministrazione(Box::new(amministrazione(a, figlio(n, "AOO")))));
    }
    if let Some(denominazione) = di(n, "Denominazione") {
        return Some(Soggetto::PersonaGiuridica(PersonaGiuridica {
            denominazione,
            partita_iva: None,
            contatti: contatti(n),
            persone: figli_di_nome(n, "Persona").map(persona).collect(),
        }));
    }
    figlio(n, "Persona").map(|p| Soggetto::PersonaFisica(persona(p)))
}

/// The dialect of March 2009: citizens and companies.
fn privato(n: Node<'_, '_>) -> Soggetto {
    match di(n, "DenominazioneImpresa") {
        Some(denominazione) => Soggetto::PersonaGiuridica(PersonaGiuridica {
            denominazione,
            partita_iva: di(n, "PartitaIva"),
            contatti: contatti(n),
            persone: di(n, "Cognome").map(|_| PersonaFisica { contatti: None, ..persona(n) }).into_iter().collect(),
        }),
        None => Soggetto::PersonaFisica(persona(n)),
    }
}

fn amministrazione(n: Node<'_, '_>, aoo: Option<Node<'_, '_>>) -> Amministrazione {
    // Offices one inside the other: the innermost is the one meant.
    let (mut ufficio, mut nomi) = (None, Vec::new());
    let mut qui = figlio(n, "UnitaOrganizzativa");
    while let Some(u) = qui {
        nomi.extend(di(u, "Denominazione").or_else(|| pieno(u)));
        ufficio = Some(u);
        qui = figlio(u, "UnitaOrganizzativa");
    }
    let mut persone: Vec<PersonaFisica> = Vec::new();
    for dove in [Some(n), ufficio].into_iter().flatten() {
        persone.extend(figli_di_nome(dove, "Persona").map(persona));
        persone.extend(figli_di_nome(dove, "Ruolo").filter_map(|r| {
            let mut persona = persona(figlio(r, "Persona")?);
            persona.titolo = persona.titolo.or_else(|| di(r, "Denominazione"));
            Some(persona)
        }));
    }
    Amministrazione {
        denominazione: di(n, "Denominazione").unwrap_or_default(),
        codice_fiscale: None,
        codice_ipa: di(n, "CodiceAmministrazione").map(CodiceIpa::nuovo),
        contatti: contatti(n),
        aoo: aoo
            .map(|a| CodiceIpa { valore: di(a, "CodiceAOO").unwrap_or_default(), descrizione: di(a, "Denominazione") }),
        contatti_aoo: None,
        uo: ufficio.map(|u| CodiceIpa {
            valore: di(u, "Identificativo").or_else(|| attributo(u, "id").map(str::to_owned)).unwrap_or_default(),
            descrizione: (!nomi.is_empty()).then(|| nomi.join(" / ")),
        }),
        contatti_uo: ufficio.and_then(contatti),
        persone,
    }
}

pub(super) fn persona(n: Node<'_, '_>) -> PersonaFisica {
    PersonaFisica {
        nome: di(n, "Nome").unwrap_or_default(),
        cognome: di(n, "Cognome").or_else(|| di(n, "Denominazione")).unwrap_or_default(),
        titolo: di(n, "Titolo"),
        codice_fiscale: di(n, "CodiceFiscale"),
        contatti: contatti(n),
    }
}

fn contatti(n: Node<'_, '_>) -> Option<Contatti> {
    let contatti = Contatti {
        postali: figli_di_nome(n, "IndirizzoPostale").map(postale).collect(),
        telematici: figli_di_nome(n, "IndirizzoTelematico").map(telematico).filter(|i| !i.valore.is_empty()).collect(),
        telefoni: figli_di_nome(n, "Telefono").filter_map(pieno).collect(),
        fax: figli_di_nome(n, "Fax").filter_map(pieno).collect(),
    };
    (contatti != Contatti::default()).then_some(contatti)
}

fn postale(n: Node<'_, '_>) -> IndirizzoPostale {
    // 2013 puts its parts one step further in.
    let parti = figlio(n, "Indirizzo").unwrap_or(n);
    let (toponimo, comune) = (figlio(parti, "Toponimo"), figlio(parti, "Comune"));
    IndirizzoPostale {
        dug: toponimo.and_then(|t| attributo(t, "dug")).map(str::to_owned),
        toponimo: toponimo.and_then(pieno).or_else(|| di(n, "Denominazione")).or_else(|| pieno(n)).unwrap_or_default(),
        civico: di(parti, "Civico").unwrap_or_default(),
        cap: di(parti, "CAP").unwrap_or_default(),
        comune: comune.and_then(pieno).unwrap_or_default(),
        codice_istat: comune.and_then(|c| attributo(c, "codiceISTAT")).map(str::to_owned),
        provincia: di(parti, "Provincia"),
        nazione: di(parti, "Nazione"),
    }
}

pub(super) fn telematico(n: Node<'_, '_>) -> IndirizzoTelematico {
    let tipo = match attributo(n, "tipo").map(str::trim) {
        None | Some("smtp" | "") => TipoIndirizzo::Smtp,
        Some("uri" | "url") => TipoIndirizzo::Url,
        Some(altro) => TipoIndirizzo::Altro(altro.to_owned()),
    };
    IndirizzoTelematico { tipo, valore: pieno(n).unwrap_or_default(), note: attributo(n, "note").map(str::to_owned) }
}

fn primario(corpo: Node<'_, '_>) -> Option<Documento> {
    if let Some(d) = figlio(corpo, "Documento") {
        return Some(documento(d));
    }
    figlio(corpo, "TestoDelMessaggio").map(|t| Documento {
        mime_type: attributo(t, "tipoMIME").map(str::to_owned),
        testo_del_messaggio: true,
        ..Documento::default()
    })
}

fn documento(n: Node<'_, '_>) -> Documento {
    let di_attributo = |nome| attributo(n, nome).map(str::to_owned);
    Documento {
        nome_file: di_attributo("nome"),
        mime_type: di_attributo("tipoMIME"),
        descrizione: di(n, "TitoloDocumento").or_else(|| di(n, "DescrizioneDocumento")).or_else(|| di(n, "Oggetto")),
        impronta: figlio(n, "Impronta").map(|i| Impronta {
            algoritmo: attributo(i, "algoritmo").map(str::to_owned),
            valore: testo(i).split_ascii_whitespace().collect(),
        }),
        collocazione: di(n, "CollocazioneTelematica")
            .map(|percorso| Collocazione { percorso, ..Collocazione::default() }),
        tipo_riferimento: di_attributo("tipoRiferimento"),
        tipo_documento: di(n, "TipoDocumento"),
        ..Documento::default()
    }
}

/// A document, with the number that DOCAREA gives it.
pub(super) fn documento_docarea(n: Node<'_, '_>) -> Documento {
    Documento { id: attributo(n, "id").map(str::to_owned), ..documento(n) }
}

/// A class, of DOCAREA too.
pub(super) fn classifiche(n: Node<'_, '_>) -> Vec<Classifica> {
    figli_di_nome(n, "Classifica").map(classifica).collect()
}
