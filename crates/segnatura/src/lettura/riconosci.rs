//! Which generation a document is of: by its root and namespace first, then by what only one generation has.

use roxmltree::Node;

use super::Tipo;
use crate::albero::{Doctype, attributo, figli, figlio};
use crate::grammatica::{
    ALLEGATO_6, CIRCOLARE_60, DTD_2001, DTD_2009, DTD_DOCAREA, Dichiarazione, Grammatica, NS_2013, NS_MESSAGGI, NS_PEC,
    NS_PROT, Nome,
};
use crate::modello::{Generazione, TipoMessaggio};
use crate::rilievo::{Codice, Rilievi, corto};

/// A document, and the rules it is judged by.
pub(super) struct Riconosciuto {
    pub(super) generazione: Generazione,
    pub(super) tipo: Tipo,
    pub(super) grammatica: &'static Grammatica,
    pub(super) dichiarazione: Dichiarazione,
}

/// Names of the message between AOO: the type has no element of its own, the SOAP service gives it one.
const MESSAGGI: [&str; 2] = ["MessaggioProtocollo", "RequestMessageInoltro"];

pub(super) fn riconosci(radice: Node<'_, '_>, doctype: Doctype, rilievi: &mut Rilievi) -> Option<Riconosciuto> {
    let (nome, ns) = (radice.tag_name().name(), radice.tag_name().namespace().unwrap_or_default());
    let di_ritorno = TipoMessaggio::TUTTI.into_iter().find(|t| t.radice() == nome);
    let (generazione, tipo) = match (nome, di_ritorno) {
        ("SegnaturaInformatica", _) => (Generazione::V2021, Tipo::Segnatura),
        ("Segnatura", _) if e_docarea(radice) => (Generazione::Docarea, Tipo::Segnatura),
        ("Segnatura", _) => (vecchia(radice, ns, doctype), Tipo::Segnatura),
        (_, Some(tipo)) => {
            let tre =
                ns == NS_PEC || ns == NS_PROT || attributo(radice, "versione").is_some_and(|v| v.trim() == "3.0.0");
            (if tre { Generazione::V2021 } else { vecchia(radice, ns, doctype) }, Tipo::Ritorno(tipo))
        }
        (nome, None) if MESSAGGI.contains(&nome) => (Generazione::V2021, Tipo::Messaggio),
        _ => {
            let messaggio = format!("«{}» non è la radice di una segnatura né di un messaggio di ritorno", corto(nome));
            rilievi.aggiungi(Codice::Radice, nome, (format!("/{nome}"), 1), messaggio);
            return None;
        }
    };
    let grammatica: &'static Grammatica = match generazione {
        Generazione::V2001 => &DTD_2001,
        Generazione::V2009 => &DTD_2009,
        Generazione::V2013 => &CIRCOLARE_60,
        Generazione::V2021 => &ALLEGATO_6,
        Generazione::Docarea => &DTD_DOCAREA,
    };
    let dichiarazione = dichiarazione(grammatica, generazione, tipo, nome, ns)?;
    if ns != dichiarazione.nome.ns && !MESSAGGI.contains(&nome) {
        let messaggio = match dichiarazione.nome.ns.as_str() {
            "" => format!("la radice non dovrebbe avere lo spazio dei nomi «{}»", corto(ns)),
            giusto if ns.is_empty() => format!("la radice non ha lo spazio dei nomi «{giusto}»"),
            giusto => format!("la radice ha lo spazio dei nomi «{}» invece di «{giusto}»", corto(ns)),
        };
        rilievi.aggiungi(Codice::SpazioDeiNomi, nome, (format!("/{nome}"), 1), messaggio);
    }
    Some(Riconosciuto { generazione, tipo, grammatica, dichiarazione })
}

fn dichiarazione(
    grammatica: &Grammatica,
    generazione: Generazione,
    tipo: Tipo,
    nome: &str,
    ns: &str,
) -> Option<Dichiarazione> {
    let giusto = match (generazione, tipo) {
        (Generazione::V2021, Tipo::Messaggio) => {
            let tipo = *grammatica.nominati.get(&Nome::di(NS_MESSAGGI, "MessaggioProtocolloType"))?;
            return Some(Dichiarazione { nome: Nome::di(ns, nome), tipo, fisso: None, predefinito: false });
        }
        // Declared twice, with the same type: by the schema of the segnatura and by that of the PEC.
        (Generazione::V2021, Tipo::Segnatura) => {
            if ns == NS_PEC {
                NS_PEC
            } else {
                NS_PROT
            }
        }
        (Generazione::V2021, Tipo::Ritorno(_)) => NS_PEC,
        (Generazione::V2013, _) => NS_2013,
        _ => "",
    };
    grammatica.radice(giusto, nome).map(|d| grammatica.dichiarazioni[d].clone())
}

/// A request to register: the Intestazione begins with its Oggetto, and says which way the document goes.
fn e_docarea(radice: Node<'_, '_>) -> bool {
    let Some(intestazione) = figlio(radice, "Intestazione") else {
        return figlio(radice, "ApplicativoProtocollo").is_some();
    };
    let prima = figli(intestazione).next().is_some_and(|n| n.tag_name().name() == "Oggetto");
    let flusso = figlio(intestazione, "Identificatore").is_some_and(|n| figlio(n, "Flusso").is_some());
    let applicativo = figlio(radice, "ApplicativoProtocollo").is_some();
    figlio(intestazione, "Origine").is_none() && (prima || flusso || applicativo)
}

/// Among the generations before the 3.0.0.
fn vecchia(radice: Node<'_, '_>, ns: &str, doctype: Doctype) -> Generazione {
    let c_e = |nome: &str| radice.descendants().any(|n| n.tag_name().name() == nome);
    if ns == NS_2013 || radice.attributes().any(|a| a.name() == "xml-lang") {
        return Generazione::V2013;
    }
    match attributo(radice, "versione").map(str::trim) {
        Some(v) if v.starts_with("2001") => Generazione::V2001,
        Some(v) if v.starts_with("2009") => Generazione::V2009,
        Some(v) if v.starts_with("2013") => Generazione::V2013,
        Some("aaaa-mm-gg") if !doctype.presente && attributo(radice, "lang").is_none() => Generazione::V2013,
        // `xml:lang` is of the DTDs, `Indirizzo` inside of `IndirizzoPostale` of 2013; the register came with 2009.
        _ if c_e("Indirizzo") => Generazione::V2013,
        Some("aaaa-mm-gg") => Generazione::V2009,
        _ if c_e("CodiceRegistro") || c_e("PiuInfo") => Generazione::V2009,
        _ => Generazione::V2001,
    }
}
