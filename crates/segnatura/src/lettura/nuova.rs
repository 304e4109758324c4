//! Reading the 3.0.0. Names are looked up without their namespace, so that a document with a wrong one is still read; what
//! is absent is left empty, and was already found missing.

use roxmltree::Node;

use super::FileContenuto;
use crate::albero::{attributo, figli, figli_di_nome, figlio, testo};
use crate::grammatica::semplici::base64;
use crate::modello::{
    Amministrazione, AmministrazioneEstera, Classifica, CodiceClassifica, CodiceIpa, Collocazione, Contatti,
    Descrizione, Destinatario, Documento, Fascicolo, FileSeparato, Identificatore, Impronta, IndirizzoPostale,
    IndirizzoTelematico, Intestazione, Livello, PersonaFisica, PersonaGiuridica, Riferimento, Riservato, Segnatura,
    Segreto, Soggetto, Sottoscrizione, TipoIndirizzo,
};

/// Whole segnatura.
pub(super) fn segnatura(n: Node<'_, '_>) -> Segnatura {
    Segnatura {
        intestazione: figlio(n, "Intestazione").map(intestazione).unwrap_or_default(),
        riferimenti: figli_di_nome(n, "Riferimenti").map(riferimento).collect(),
        descrizione: figlio(n, "Descrizione").map(descrizione).unwrap_or_default(),
        docarea: None,
    }
}

/// Files of a message between AOO.
pub(super) fn file(n: Node<'_, '_>) -> Vec<FileContenuto> {
    figli_di_nome(n, "File")
        .map(|f| FileContenuto {
            nome_file: attributo(f, "nomeFile").unwrap_or_default().to_owned(),
            mime_type: attributo(f, "mimeType").unwrap_or_default().to_owned(),
            byte: base64(&testo(f)),
        })
        .collect()
}

fn testo_di(n: Node<'_, '_>, nome: &str) -> Option<String> {
    figlio(n, nome).map(testo)
}

fn attributo_di(n: Node<'_, '_>, nome: &str) -> Option<String> {
    attributo(n, nome).map(str::to_owned)
}

/// `true` and `1`, with blanks around.
fn vero(valore: &str) -> bool {
    matches!(valore.trim(), "true" | "1")
}

fn intestazione(n: Node<'_, '_>) -> Intestazione {
    Intestazione {
        identificatore: figlio(n, "Identificatore").map(identificatore).unwrap_or_default(),
        prima_registrazione: figlio(n, "PrimaRegistrazione").map(identificatore),
        oggetto: testo_di(n, "Oggetto").unwrap_or_default(),
        classifiche: figli_di_nome(n, "Classifica").map(classifica).collect(),
        fascicolo: figlio(n, "Fascicolo").map(fascicolo),
        riservato: figlio(n, "Riservato").map(|r| Riservato { valore: vero(&testo(r)), note: attributo_di(r, "note") }),
        risposta: None,
        note: None,
    }
}

fn riferimento(n: Node<'_, '_>) -> Riferimento {
    Riferimento {
        identificatore: figlio(n, "Identificatore").map(identificatore),
        prima_registrazione: figlio(n, "PrimaRegistrazione").map(identificatore),
        oggetto: testo_di(n, "Oggetto"),
        classifica: figlio(n, "Classifica").map(classifica),
        fascicolo: figlio(n, "Fascicolo").map(fascicolo),
        ..Riferimento::default()
    }
}

/// Also of return messages, and of first registrations.
pub(super) fn identificatore(n: Node<'_, '_>) -> Identificatore {
    let pulito = |nome| testo_di(n, nome).map(|t| t.trim().to_owned());
    Identificatore {
        codice_amministrazione: figlio(n, "CodiceAmministrazione").map(codice).unwrap_or_default(),
        codice_aoo: figlio(n, "CodiceAOO").map(codice).unwrap_or_default(),
        codice_registro: pulito("CodiceRegistro"),
        numero_registrazione: pulito("NumeroRegistrazione").unwrap_or_default(),
        data_registrazione: pulito("DataRegistrazione").unwrap_or_default(),
        ora_registrazione: pulito("OraRegistrazione"),
    }
}

fn codice(n: Node<'_, '_>) -> CodiceIpa {
    CodiceIpa { valore: testo(n), descrizione: attributo_di(n, "descrizione") }
}

fn fascicolo(n: Node<'_, '_>) -> Fascicolo {
    Fascicolo {
        denominazione: testo_di(n, "Denominazione").unwrap_or_default(),
        codice: testo_di(n, "CodiceFascicolo").unwrap_or_default(),
    }
}

fn classifica(n: Node<'_, '_>) -> Classifica {
    let codice = match figlio(n, "CodicePath") {
        Some(radice) => {
            let (mut livelli, mut qui) = (Vec::new(), Some(radice));
            while let Some(n) = qui {
                livelli.extend(
                    figlio(n, "Livello")
                        .map(|l| Livello { valore: testo(l), descrizione: attributo_di(l, "descrizione") }),
                );
                qui = figlio(n, "SubLivello");
            }
            CodiceClassifica::Livelli(livelli)
        }
        None => CodiceClassifica::Unico(testo_di(n, "CodiceFlat").unwrap_or_default()),
    };
    Classifica { denominazione: testo_di(n, "Denominazione").unwrap_or_default(), codice }
}

fn descrizione(n: Node<'_, '_>) -> Descrizione {
    Descrizione {
        mittente: figlio(n, "Mittente").and_then(soggetto),
        indirizzo_mittente: None,
        destinatari: figli_di_nome(n, "Destinatario")
            .map(|d| Destinatario {
                soggetto: soggetto(d),
                indirizzo: None,
                conferma_ricezione: attributo(d, "confermaRicezione").is_none_or(vero),
                per_conoscenza: attributo(d, "perConoscenza").is_some_and(vero),
            })
            .collect(),
        documento_primario: figlio(n, "DocumentoPrimario").map(documento),
        allegati: figli_di_nome(n, "Allegato").map(documento).collect(),
        note: None,
    }
}

fn soggetto(n: Node<'_, '_>) -> Option<Soggetto> {
    figli(n).find_map(|s| match s.tag_name().name() {
        "Amministrazione" => Some(Soggetto::Amministrazione(Box::new(amministrazione(s)))),
        "PersonaGiuridica" => Some(Soggetto::PersonaGiuridica(PersonaGiuridica {
            denominazione: testo_di(s, "Denominazione").unwrap_or_default(),
            partita_iva: testo_di(s, "PIVAoCF"),
            contatti: figlio(s, "ContattiPersonaGiuridica").map(contatti),
            persone: figli_di_nome(s, "PersonaFisica").map(persona).collect(),
        })),
        "PersonaFisica" => Some(Soggetto::PersonaFisica(persona(s))),
        "AmministrazioneEstera" => Some(Soggetto::AmministrazioneEstera(AmministrazioneEstera {
            denominazione: testo_di(s, "DenominazioneAmministrazione").unwrap_or_default(),
            ufficio: testo_di(s, "DenominazioneUfficio"),
            contatti: figlio(s, "ContattiAmministrazione").map(contatti),
        })),
        _ => None,
    })
}

fn amministrazione(n: Node<'_, '_>) -> Amministrazione {
    Amministrazione {
        denominazione: testo_di(n, "DenominazioneAmministrazione").unwrap_or_default(),
        codice_fiscale: testo_di(n, "CFAmministrazione"),
        codice_ipa: figlio(n, "CodiceIPAAmministrazione").map(codice),
        contatti: figlio(n, "ContattiAmministrazione").map(contatti),
        aoo: figlio(n, "CodiceIPAAOO").map(codice),
        contatti_aoo: figlio(n, "ContattiAOO").map(contatti),
        uo: figlio(n, "CodiceIPAUO").map(codice),
        contatti_uo: figlio(n, "ContattiUO").map(contatti),
        persone: figli_di_nome(n, "PersonaFisica").map(persona).collect(),
    }
}

fn persona(n: Node<'_, '_>) -> PersonaFisica {
    PersonaFisica {
        nome: testo_di(n, "Nome").unwrap_or_default(),
        cognome: testo_di(n, "Cognome").unwrap_or_default(),
        titolo: testo_di(n, "Titolo"),
        codice_fiscale: testo_di(n, "CodiceFiscale"),
        contatti: figlio(n, "Contatti").map(contatti),
    }
}

fn contatti(n: Node<'_, '_>) -> Contatti {
    Contatti {
        postali: figli_di_nome(n, "IndirizzoPostale").map(postale).collect(),
        telematici: figli_di_nome(n, "IndirizzoTelematico").map(telematico).collect(),
        telefoni: figli_di_nome(n, "Telefono").map(testo).collect(),
        fax: Vec::new(),
    }
}

fn postale(n: Node<'_, '_>) -> IndirizzoPostale {
    let toponimo = figlio(n, "Toponimo");
    let comune = figlio(n, "Comune");
    IndirizzoPostale {
        dug: toponimo.and_then(|t| testo_di(t, "dug")),
        toponimo: toponimo.and_then(|t| testo_di(t, "duf")).unwrap_or_default(),
        civico: testo_di(n, "Civico").unwrap_or_default(),
        cap: testo_di(n, "CAP").unwrap_or_default(),
        comune: comune.map(testo).unwrap_or_default(),
        codice_istat: comune.and_then(|c| attributo_di(c, "CodiceISTAT")),
        provincia: None,
        nazione: testo_di(n, "Nazione"),
    }
}

fn telematico(n: Node<'_, '_>) -> IndirizzoTelematico {
    let tipo = match attributo(n, "tipo").map(str::trim) {
        None | Some("smtp") => TipoIndirizzo::Smtp,
        Some("url") => TipoIndirizzo::Url,
        Some(altro) => TipoIndirizzo::Altro(altro.to_owned()),
    };
    IndirizzoTelematico { tipo, valore: testo(n), note: attributo_di(n, "note") }
}

fn documento(n: Node<'_, '_>) -> Documento {
    Documento {
        nome_file: attributo_di(n, "nomeFile"),
        mime_type: attributo_di(n, "mimeType"),
        descrizione: testo_di(n, "Descrizione"),
        impronta: figlio(n, "Impronta").map(|i| Impronta {
            algoritmo: attributo_di(i, "algoritmo"),
            valore: testo(i).split_ascii_whitespace().collect(),
        }),
        collocazione: figlio(n, "CollocazioneTelematica").map(|c| Collocazione {
            host: testo_di(c, "HostValue").map(|t| t.trim().to_owned()),
            percorso: testo_di(c, "PathValue").map(|t| t.trim().to_owned()).unwrap_or_default(),
            durata_ms: attributo(c, "timeToLive").map(|t| t.trim().to_owned()),
            utente: attributo_di(c, "userId"),
            password: attributo_di(c, "password").map(Segreto),
        }),
        firmato: figlio(n, "firmatoDigitalmente").map(sottoscrizione),
        sigillato: figlio(n, "sigillatoElettronicamente").map(sottoscrizione),
        marcato: figlio(n, "marcaturaTemporale").map(sottoscrizione),
        ..Documento::default()
    }
}

fn sottoscrizione(n: Node<'_, '_>) -> Sottoscrizione {
    let separati: Vec<FileSeparato> = figli_di_nome(n, "Detached")
        .map(|d| FileSeparato {
            nome_file: attributo_di(d, "nomeFile").unwrap_or_default(),
            mime_type: attributo_di(d, "mimeType"),
            ordine: attributo(d, "order").unwrap_or_default().trim().to_owned(),
        })
        .collect();
    if separati.is_empty() { Sottoscrizione::Interna } else { Sottoscrizione::Separata(separati) }
}
