//! A document in short, as `segnatura valida` prints it: names fixed by the contract of the command line.

use serde::Serialize;

use crate::Firma;
use crate::lettura::{Contenuto, Lettura, Tipo};
use crate::modello::{
    Classifica, Descrizione, Destinatario, Documento, Fascicolo, Generazione, Identificatore, MessaggioDiRitorno,
    Riferimento, Riservato, Soggetto,
};
use crate::rilievo::{Gravita, Rilievo};

/// What a document says and what is wrong with it.
#[derive(Debug, Serialize)]
pub struct Sunto<'a> {
    versione: Option<Generazione>,
    versione_dichiarata: Option<&'a str>,
    tipo: Option<Tipo>,
    valida: bool,
    conforme: bool,
    errori: Vec<&'a Rilievo>,
    avvisi: Vec<&'a Rilievo>,
    identificatore: Option<&'a Identificatore>,
    prima_registrazione: Option<&'a Identificatore>,
    oggetto: Option<&'a str>,
    classifiche: &'a [Classifica],
    fascicolo: Option<&'a Fascicolo>,
    riservato: Option<&'a Riservato>,
    riferimenti: &'a [Riferimento],
    mittente: Option<&'a Soggetto>,
    destinatari: &'a [Destinatario],
    documenti: Vec<UnDocumento<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ritorno: Option<&'a MessaggioDiRitorno>,
    firma: &'a Firma,
}

#[derive(Debug, Serialize)]
struct UnDocumento<'a> {
    ruolo: &'static str,
    #[serde(flatten)]
    documento: &'a Documento,
    /// In a message between AOO: whether a file of that name is beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    presente: Option<bool>,
}

impl Lettura {
    /// The document in short.
    pub fn sunto<'a>(&'a self) -> Sunto<'a> {
        let di_gravita = |g| self.rilievi.iter().filter(|r| r.gravita == g).collect();
        let segnatura = self.segnatura();
        let testa = segnatura.map(|s| &s.intestazione);
        let corpo: Option<&Descrizione> = segnatura.map(|s| &s.descrizione);
        let ritorno = self.ritorno();
        let file = match &self.contenuto {
            Some(Contenuto::Messaggio(_, file)) => Some(file),
            _ => None,
        };
        let documento = |ruolo| {
            move |documento: &'a Documento| UnDocumento {
                ruolo,
                documento,
                presente: file.map(|f| f.iter().any(|f| Some(&f.nome_file) == documento.nome_file.as_ref())),
            }
        };
        let mut documenti: Vec<UnDocumento<'_>> =
            corpo.and_then(|c| c.documento_primario.as_ref()).map(documento("primario")).into_iter().collect();
        documenti.extend(corpo.into_iter().flat_map(|c| &c.allegati).map(documento("allegato")));
        Sunto {
            versione: self.generazione,
            versione_dichiarata: self.versione_dichiarata.as_deref(),
            tipo: self.tipo,
            valida: self.valida(),
            conforme: self.conforme(),
            errori: di_gravita(Gravita::Errore),
            avvisi: di_gravita(Gravita::Avviso),
            identificatore: testa.map(|t| &t.identificatore).or_else(|| ritorno?.identificatore()),
            prima_registrazione: testa.and_then(|t| t.prima_registrazione.as_ref()),
            oggetto: testa.map(|t| t.oggetto.as_str()),
            classifiche: testa.map(|t| t.classifiche.as_slice()).unwrap_or_default(),
            fascicolo: testa.and_then(|t| t.fascicolo.as_ref()),
            riservato: testa.and_then(|t| t.riservato.as_ref()),
            riferimenti: segnatura.map(|s| s.riferimenti.as_slice()).unwrap_or_default(),
            mittente: corpo.and_then(|c| c.mittente.as_ref()),
            destinatari: corpo.map(|c| c.destinatari.as_slice()).unwrap_or_default(),
            documenti,
            ritorno,
            firma: &self.firma,
        }
    }
}
