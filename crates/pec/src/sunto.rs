//! What was read, as the contract shows it (verb `pec leggi`).

use firme::esame::{EsitoIdentita, EsitoRevoca};
use serde::Serialize;

use crate::Data;
use crate::allegato::Genere;
use crate::daticert::Destinatario;
use crate::firma::Integrita;
use crate::lettura::Lettura;
use crate::rilievo::Rilievo;
use crate::tipo::{ErrorePec, Ricevuta, Tipo};

/// A message in a few lines.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names of the contract; docs/pec.md says what each means")]
pub struct Sunto {
    pub tipo: Tipo,
    pub ricevuta: Option<Ricevuta>,
    pub errore: Option<ErrorePec>,
    pub errore_esteso: Option<String>,
    pub identificativo: Option<String>,
    pub riferimento_message_id: Option<String>,
    pub message_id: Option<String>,
    pub mittente: Option<String>,
    pub destinatari: Vec<Destinatario>,
    pub risposte: Option<String>,
    pub oggetto: Option<String>,
    pub consegna: Option<String>,
    pub ricezione: Vec<String>,
    pub data: Option<Data>,
    pub gestore: Option<String>,
    pub certificati: bool,
    pub verificata: bool,
    pub firma: SuntoFirma,
    pub messaggio: Option<SuntoMessaggio>,
    pub rilievi: Vec<Rilievo>,
}

/// The signature.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names of the contract; docs/pec.md says what each means")]
pub struct SuntoFirma {
    pub presente: bool,
    pub integra: bool,
    pub stato: Integrita,
    pub motivo: Option<String>,
    pub identita: EsitoIdentita,
    pub motivi_identita: Vec<String>,
    pub revoca: Option<EsitoRevoca>,
    pub firmatario: Option<String>,
    pub emittente: Option<String>,
}

/// The message that was sent.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names of the contract; docs/pec.md says what each means")]
pub struct SuntoMessaggio {
    pub mittente: Option<String>,
    pub oggetto: Option<String>,
    pub message_id: Option<String>,
    pub allegati: Vec<SuntoAllegato>,
}

/// A file of it.
#[derive(Debug, Clone, Serialize)]
#[expect(missing_docs, reason = "the names of the contract; docs/pec.md says what each means")]
pub struct SuntoAllegato {
    pub nome: Option<String>,
    pub mime: String,
    pub byte: u64,
    /// SHA-256 of the decoded content, lower-case hexadecimal.
    pub impronta: String,
    #[serde(flatten)]
    pub genere: Genere,
}

impl Lettura<'_> {
    /// All of it, files measured.
    pub fn sunto(&self) -> Sunto {
        let d = &self.dati;
        let prima = self.firma.firme.first();
        Sunto {
            tipo: self.tipo,
            ricevuta: d.ricevuta,
            errore: d.errore,
            errore_esteso: d.errore_esteso.clone(),
            identificativo: d.identificativo.clone(),
            riferimento_message_id: d.msgid.clone(),
            message_id: self.busta.testata().message_id.clone(),
            mittente: d.mittente.clone(),
            destinatari: d.destinatari.clone(),
            risposte: d.risposte.clone(),
            oggetto: d.oggetto.clone(),
            consegna: d.consegna.clone(),
            ricezione: d.ricezione.clone(),
            data: d.data,
            gestore: d.gestore.clone(),
            certificati: self.daticert.is_some(),
            verificata: self.verificata(),
            firma: SuntoFirma {
                presente: self.firma.presente(),
                integra: self.firma.integra(),
                stato: self.firma.integrita,
                motivo: self.firma.motivo.clone(),
                identita: self.firma.identita(),
                motivi_identita: prima.map(|f| f.dettaglio_identita.motivi.clone()).unwrap_or_default(),
                revoca: prima.map(|f| f.revoca),
                firmatario: prima.and_then(|f| f.firmatario.clone()),
                emittente: prima.and_then(|f| f.emittente.clone()),
            },
            messaggio: self.messaggio(),
            rilievi: self.rilievi.clone(),
        }
    }

    fn messaggio(&self) -> Option<SuntoMessaggio> {
        let Some(m) = &self.originale else {
            // Not here: what the data say of it, without files.
            return (self.dati.mittente.is_some() || self.dati.oggetto.is_some()).then(|| SuntoMessaggio {
                mittente: self.dati.mittente.clone(),
                oggetto: self.dati.oggetto.clone(),
                message_id: self.dati.msgid.clone(),
                allegati: Vec::new(),
            });
        };
        let allegati = self.allegati().map(|a| {
            let misura = a.contenuto.misura();
            let impronta = firme::impronte::esadecimale(&misura.impronta);
            SuntoAllegato { nome: a.nome, mime: a.mime.to_owned(), byte: misura.byte, impronta, genere: a.genere }
        });
        Some(SuntoMessaggio {
            mittente: m.testata().from.as_ref().map(|f| f.indirizzo.clone()),
            oggetto: m.testata().subject.clone(),
            message_id: m.testata().message_id.clone(),
            allegati: allegati.collect(),
        })
    }
}
