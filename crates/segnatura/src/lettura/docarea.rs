//! Reading what DOCAREA web services call a Segnatura: a request to register. It is read far enough to show it; the
//! service that will take such requests has rules of its own.

use roxmltree::Node;

use super::nuova::identificatore;
use super::vecchia::{classifiche, di, documento_docarea, pieno, soggetto, telematico};
use crate::albero::{attributo, figli_di_nome, figlio};
use crate::modello::{Descrizione, Destinatario, Docarea, Fascicolo, Intestazione, Segnatura};

pub(super) fn segnatura(n: Node<'_, '_>) -> Segnatura {
    let testa = figlio(n, "Intestazione");
    let corpo = figlio(n, "Descrizione");
    let proprio = testa.and_then(|t| figlio(t, "Identificatore"));
    let applicativo = figlio(n, "ApplicativoProtocollo");
    Segnatura {
        intestazione: Intestazione {
            identificatore: proprio.map(identificatore).unwrap_or_default(),
            oggetto: testa.and_then(|t| di(t, "Oggetto")).unwrap_or_default(),
            classifiche: testa.map(classifiche).unwrap_or_default(),
            fascicolo: testa.and_then(|t| figlio(t, "Fascicolo")).map(fascicolo),
            ..Intestazione::default()
        },
        riferimenti: Vec::new(),
        descrizione: Descrizione {
            mittente: testa.and_then(|t| figlio(t, "Mittente")).and_then(soggetto),
            destinatari: testa
                .map(|t| {
                    figli_di_nome(t, "Destinatario")
                        .map(|d| Destinatario {
                            soggetto: soggetto(d),
                            indirizzo: figlio(d, "IndirizzoTelematico")
                                .map(telematico)
                                .filter(|i| !i.valore.is_empty()),
                            conferma_ricezione: false,
                            per_conoscenza: false,
                        })
                        .collect()
                })
                .unwrap_or_default(),
            documento_primario: corpo.and_then(|c| figlio(c, "Documento")).map(documento_docarea),
            allegati: corpo
                .and_then(|c| figlio(c, "Allegati"))
                .map(|a| figli_di_nome(a, "Documento").map(documento_docarea).collect())
                .unwrap_or_default(),
            ..Descrizione::default()
        },
        docarea: Some(Docarea {
            flusso: proprio.and_then(|i| di(i, "Flusso")),
            applicativo: applicativo.and_then(|a| attributo(a, "nome")).map(str::to_owned),
            parametri: applicativo
                .map(|a| {
                    figli_di_nome(a, "Parametro")
                        .map(|p| {
                            let di = |nome| attributo(p, nome).unwrap_or_default().to_owned();
                            (di("nome"), di("valore"))
                        })
                        .collect()
                })
                .unwrap_or_default(),
        }),
    }
}

/// `<Fascicolo numero="53" anno="2013">6/2013.L653.SS</Fascicolo>`.
fn fascicolo(n: Node<'_, '_>) -> Fascicolo {
    let anno_e_numero = match (attributo(n, "anno"), attributo(n, "numero")) {
        (Some(anno), Some(numero)) => format!("{anno}/{numero}"),
        (anno, numero) => anno.or(numero).unwrap_or_default().to_owned(),
    };
    Fascicolo { denominazione: pieno(n).unwrap_or_default(), codice: anno_e_numero }
}
