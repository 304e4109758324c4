//! The files of a message, and what each of them is by its name and its root: nothing is verified here.

use std::borrow::Cow;

use segnatura::Limiti;
use segnatura::modello::TipoMessaggio;
use serde::Serialize;

use crate::mime::{Contenuto, Messaggio, Parte};

/// How much of an XML is looked at for its root.
const INIZIO_MAX: usize = 16 << 10;

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "genere", rename_all = "kebab-case")]
pub enum Genere {
    /// `Segnatura.xml` (R-D21).
    Segnatura,
    /// One of the four messages that come back (R-D22…R-D25).
    Ritorno {
        /// Which.
        messaggio: TipoMessaggio,
    },
    /// An invoice to the administration; signed when its name says so.
    FatturaPa {
        /// Inside a p7m.
        firmata: bool,
    },
    /// A notification of the Sistema di Interscambio.
    NotificaSdi {
        /// Its root: `RicevutaConsegna`, `NotificaMancataConsegna`, …
        radice: String,
    },
    /// A signature, a seal or a timestamp, by its extension: `firme` says what it is worth.
    Firmato,
    /// Another message.
    Messaggio,
    /// Any other file.
    Documento,
}

/// Roots of what the Sistema di Interscambio sends, and of the description of an invoice.
const SDI: [&str; 12] = [
    "RicevutaConsegna",
    "NotificaMancataConsegna",
    "RicevutaImpossibilitaRecapito",
    "NotificaScarto",
    "RicevutaScarto",
    "NotificaEsito",
    "NotificaEsitoCommittente",
    "ScartoEsitoCommittente",
    "NotificaDecorrenzaTermini",
    "AttestazioneTrasmissioneFattura",
    "FileMetadati",
    "MetadatiInvioFile",
];
/// Extensions of what is signed or stamped.
const FIRMATI: [&str; 11] = ["p7m", "p7s", "p7c", "m7m", "tsd", "tsr", "tst", "asice", "asics", "sce", "scs"];

/// A file of a message.
#[derive(Debug, Clone)]
pub struct Allegato<'m> {
    /// Its name, as the message gives it.
    pub nome: Option<String>,
    /// `type/subtype`, as the message says it.
    pub mime: &'m str,
    /// What is in it.
    pub contenuto: Contenuto<'m>,
    /// What it is.
    pub genere: Genere,
}

/// The files of a message: every part that is not the text a person reads, nor one of its variants.
pub(crate) fn allegati<'m>(m: &'m Messaggio<'_>) -> impl Iterator<Item = Allegato<'m>> {
    let parti = m.parti();
    m.foglie().filter(move |p| !di_testo(parti, p)).map(|p| {
        let contenuto = m.contenuto(p);
        let genere = genere(p, &contenuto);
        Allegato { nome: p.nome.clone(), mime: &p.mime, contenuto, genere }
    })
}

/// The body, as text or as a page, or nothing at all.
fn di_testo(parti: &[Parte], p: &Parte) -> bool {
    let testo = p.mime == "text/plain" || p.mime == "text/html";
    let variante = p.padre.is_some_and(|i| parti[i].mime == "multipart/alternative");
    p.nome.is_none() && !p.allegata && (testo || variante && p.mime.starts_with("text/"))
}

fn genere(p: &Parte, contenuto: &Contenuto<'_>) -> Genere {
    if p.mime == "message/rfc822" {
        return Genere::Messaggio;
    }
    let nome = p.nome.as_deref().unwrap_or_default().to_ascii_lowercase();
    let mut estensioni = nome.rsplit('.');
    match estensioni.next().unwrap_or_default() {
        "p7m" if estensioni.next() == Some("xml") && di_fattura(&nome) => Genere::FatturaPa { firmata: true },
        e if FIRMATI.contains(&e) => Genere::Firmato,
        "eml" => Genere::Messaggio,
        "xml" => xml(&contenuto.inizio(INIZIO_MAX)),
        _ if matches!(p.mime.as_str(), "application/xml" | "text/xml") => xml(&contenuto.inizio(INIZIO_MAX)),
        _ => Genere::Documento,
    }
}

/// `IT01234567890_FPR04.xml…`: country, identifier, five characters at most (Specifiche tecniche della fattura, § 2.2).
fn di_fattura(nome: &str) -> bool {
    let Some((chi, progressivo)) = nome.split('.').next().and_then(|n| n.split_once('_')) else { return false };
    let lettere = |t: &str, min, max| {
        (min..=max).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    chi.bytes().take(2).all(|b| b.is_ascii_alphabetic()) && lettere(chi, 4, 30) && lettere(progressivo, 1, 5)
}

fn xml(inizio: &[u8]) -> Genere {
    // Only its beginning: where it is cut says nothing.
    let (Some(testo), _) = segnatura::xml_leggibile(inizio, &Limiti::default()) else { return Genere::Documento };
    let Some(radice) = radice(&testo) else { return Genere::Documento };
    if let Some(messaggio) = TipoMessaggio::TUTTI.into_iter().find(|t| t.radice() == radice) {
        return Genere::Ritorno { messaggio };
    }
    match radice {
        "Segnatura" | "SegnaturaInformatica" => Genere::Segnatura,
        "FatturaElettronica" | "FatturaElettronicaSemplificata" => Genere::FatturaPa { firmata: false },
        r if SDI.contains(&r) => Genere::NotificaSdi { radice: r.to_owned() },
        _ => Genere::Documento,
    }
}

/// Local name of the first element.
fn radice(testo: &str) -> Option<&str> {
    let mut resto = testo;
    loop {
        resto = &resto[resto.find('<')?..];
        resto = if let Some(r) = resto.strip_prefix("<!--") {
            &r[r.find("-->")? + 3..]
        } else if resto.starts_with("<?") || resto.starts_with("<!") {
            &resto[resto.find('>')? + 1..]
        } else {
            let nome = &resto[1..];
            let nome = &nome[..nome.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))?];
            return Some(nome.rsplit(':').next().unwrap_or(nome)).filter(|n| !n.is_empty());
        };
    }
}

/// The bytes of a message inside of another: not copied when it is not encoded.
pub(crate) fn dentro<'a>(byte: &'a [u8], fuori: &Messaggio<'_>, p: &Parte) -> Cow<'a, [u8]> {
    match fuori.contenuto(p).nudo() {
        Some(_) => Cow::Borrowed(&byte[p.corpo.clone()]),
        None => Cow::Owned(fuori.contenuto(p).byte().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn di(nome: &str, mime: &str, dati: &str) -> Genere {
        let m = format!("Content-Type: {mime}\r\nContent-Disposition: attachment; filename=\"{nome}\"\r\n\r\n{dati}");
        let m = Messaggio::leggi(m.as_bytes());
        allegati(&m).next().unwrap().genere
    }

    /// R-D21.
    #[test]
    fn files_are_told_by_name_and_root() {
        let ritorno = |messaggio| Genere::Ritorno { messaggio };
        for (nome, dati, atteso) in [
            ("Segnatura.xml", "<?xml version='1.0'?><!-- x --><p:SegnaturaInformatica/>", Genere::Segnatura),
            ("segnatura.XML", "<!DOCTYPE Segnatura SYSTEM 'Segnatura.dtd'><Segnatura >", Genere::Segnatura),
            ("Conferma.xml", "<ConfermaRicezione>", ritorno(TipoMessaggio::ConfermaRicezione)),
            ("Eccezione.xml", "<NotificaEccezione\n>", ritorno(TipoMessaggio::NotificaEccezione)),
            ("IT01234567890_FPR04.xml", "<p:FatturaElettronica x='1'>", Genere::FatturaPa { firmata: false }),
            ("IT01234567890_FPR04.xml.p7m", "0", Genere::FatturaPa { firmata: true }),
            ("delibera.xml.p7m", "0", Genere::Firmato),
            ("delibera.pdf.p7m", "0", Genere::Firmato),
            ("marca.TSR", "0", Genere::Firmato),
            ("x_RC_001.xml", "<ns:RicevutaConsegna/>", Genere::NotificaSdi { radice: "RicevutaConsegna".into() }),
            ("altro.xml", "<altro/>", Genere::Documento),
            ("rotto.xml", "<", Genere::Documento),
            ("delibera.pdf", "<Segnatura/>", Genere::Documento),
            ("posta.eml", "", Genere::Messaggio),
        ] {
            assert_eq!(di(nome, "application/octet-stream", dati), atteso, "{nome}");
        }
        assert_eq!(di("senza", "text/xml", "<Segnatura/>"), Genere::Segnatura);
    }
}
