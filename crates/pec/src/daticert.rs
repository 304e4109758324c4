//! `daticert.xml`: what a provider certifies (DM 2-11-2005, `daticert.dtd`; R-E01, R-E03, R-E04).
//!
//! Read leniently: DOCTYPE stepped over and never fetched, old alphabets, elements out of place; what is no longer XML is still
//! looked through for its elements, and that is said. Who writes one writes what is read back the same.

use std::borrow::Cow;

use roxmltree::{Document, Node, ParsingOptions};
use segnatura::Limiti;
use serde::Serialize;

use crate::Data;
use crate::rilievo::{Codice, Rilievi, corto};
use crate::tipo::{ErrorePec, Ricevuta, Tipo, TipoDestinatario};

/// Bytes that are read.
pub const BYTE_MAX: usize = 1 << 20;
/// Recipients that are read, of each kind.
pub const DESTINATARI_MAX: usize = 10_000;

/// A recipient of the original message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Destinatario {
    /// Address, as written.
    pub indirizzo: String,
    /// Certified or not; none where nobody certifies it.
    pub tipo: Option<TipoDestinatario>,
}

/// The data. What is missing, or makes no sense, is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Daticert {
    /// What the message is.
    pub tipo: Option<Tipo>,
    /// What went wrong; `nessuno` where nothing is said.
    pub errore: Option<ErrorePec>,
    /// Sender of the original message.
    pub mittente: Option<String>,
    /// Its recipients.
    pub destinatari: Vec<Destinatario>,
    /// Where to answer.
    pub risposte: Option<String>,
    /// Subject of the original message.
    pub oggetto: Option<String>,
    /// The provider that certifies.
    pub gestore: Option<String>,
    /// When it did what it certifies.
    pub data: Option<Data>,
    /// Identifier of the message, given by the sender's provider.
    pub identificativo: Option<String>,
    /// `Message-ID` that the sender gave it (R-E03).
    pub msgid: Option<String>,
    /// Kind of receipt asked for.
    pub ricevuta: Option<Ricevuta>,
    /// Recipient to whom it was delivered, or not (R-E04).
    pub consegna: Option<String>,
    /// Recipients of a presa in carico.
    pub ricezione: Vec<String>,
    /// The error, in words.
    pub errore_esteso: Option<String>,
}

impl Daticert {
    /// Writes it; what is none is left out.
    ///
    /// # Errors
    /// A text that no XML of one line can hold.
    pub fn scrivi(&self) -> Result<String, crate::genera::Errore> {
        crate::genera::scrivi_daticert(self)
    }
}

/// Reads one. None when there is nothing of a `postacert` in it.
pub(crate) fn leggi(byte: &[u8], rilievi: &mut Rilievi) -> Option<Daticert> {
    let limiti = Limiti { byte_max: BYTE_MAX, elementi_max: 4 * DESTINATARI_MAX, ..Limiti::default() };
    let (testo, trovati) = segnatura::xml_leggibile(byte, &limiti);
    for r in trovati {
        rilievi.aggiungi(Codice::Daticert, format!("daticert.xml: {}", r.messaggio));
    }
    let testo = testo?;
    let opzioni = ParsingOptions { allow_dtd: false, ..ParsingOptions::default() };
    match Document::parse_with_options(&testo, opzioni) {
        Ok(d) => {
            let radice = d.root_element();
            if radice.tag_name().name() != "postacert" {
                let nome = corto(radice.tag_name().name());
                rilievi.aggiungi(Codice::Daticert, format!("daticert.xml ha per radice «{nome}»"));
                return None;
            }
            Some(raccogli(elementi(radice), rilievi))
        }
        Err(e) => {
            let messaggio = format!("daticert.xml non è XML ben formato ({e}): letto per quanto si può");
            rilievi.aggiungi(Codice::Daticert, messaggio);
            let mut trovati = a_tratti(&testo).peekable();
            trovati.peek()?;
            Some(raccogli(trovati, rilievi))
        }
    }
}

/// An element that matters: its name, its attributes, its text.
struct Voce<'t> {
    nome: &'t str,
    attributi: Vec<(&'t str, Cow<'t, str>)>,
    testo: Cow<'t, str>,
}

impl Voce<'_> {
    fn attributo(&self, nome: &str) -> Option<&str> {
        self.attributi.iter().find(|a| a.0 == nome).map(|a| a.1.as_ref())
    }
}

/// All of them, wherever they are: real ones are out of place often enough.
fn elementi<'t>(radice: Node<'t, 't>) -> impl Iterator<Item = Voce<'t>> {
    radice.descendants().filter(Node::is_element).map(|n| Voce {
        nome: n.tag_name().name(),
        attributi: n.attributes().map(|a| (a.name(), Cow::Borrowed(a.value()))).collect(),
        testo: n.children().filter(Node::is_text).filter_map(|n| n.text()).collect::<String>().into(),
    })
}

fn raccogli<'t>(voci: impl Iterator<Item = Voce<'t>>, rilievi: &mut Rilievi) -> Daticert {
    let mut d = Daticert::default();
    let (mut giorno, mut ora, mut zona) = (None, None, None);
    for v in voci {
        let testo = || Some(v.testo.trim().to_owned()).filter(|t| !t.is_empty());
        match v.nome {
            "postacert" => {
                d.tipo = scelta(v.attributo("tipo"), "tipo", Tipo::da_daticert, rilievi);
                d.errore = match v.attributo("errore") {
                    None => Some(ErrorePec::Nessuno),
                    altro => scelta(altro, "errore", ErrorePec::da_nome, rilievi),
                };
            }
            "mittente" => una(&mut d.mittente, testo(), v.nome, rilievi),
            "destinatari" => {
                let tipo = match v.attributo("tipo") {
                    None => Some(TipoDestinatario::Certificato),
                    altro => scelta(altro, "tipo di destinatario", TipoDestinatario::da_nome, rilievi),
                };
                if let Some(indirizzo) = testo().filter(|_| posto(d.destinatari.len(), rilievi)) {
                    d.destinatari.push(Destinatario { indirizzo, tipo });
                }
            }
            "risposte" => una(&mut d.risposte, testo(), v.nome, rilievi),
            "oggetto" => una(&mut d.oggetto, testo(), v.nome, rilievi),
            "gestore-emittente" => una(&mut d.gestore, testo(), v.nome, rilievi),
            "data" => una(&mut zona, v.attributo("zona").map(str::to_owned), v.nome, rilievi),
            "giorno" => una(&mut giorno, testo(), v.nome, rilievi),
            "ora" => una(&mut ora, testo(), v.nome, rilievi),
            "identificativo" => una(&mut d.identificativo, testo(), v.nome, rilievi),
            "msgid" => una(&mut d.msgid, testo(), v.nome, rilievi),
            "ricevuta" => d.ricevuta = scelta(v.attributo("tipo"), "tipo di ricevuta", Ricevuta::da_nome, rilievi),
            "consegna" => una(&mut d.consegna, testo(), v.nome, rilievi),
            "ricezione" => d.ricezione.extend(testo().filter(|_| posto(d.ricezione.len(), rilievi))),
            "errore-esteso" => una(&mut d.errore_esteso, testo(), v.nome, rilievi),
            _ => {}
        }
    }
    let pezzi = [giorno, ora, zona].map(Option::unwrap_or_default);
    d.data = Data::da_daticert(&pezzi[0], &pezzi[1], &pezzi[2]);
    if d.data.is_none() {
        let [g, o, z] = pezzi.map(|p| corto(&p));
        rilievi.aggiungi(Codice::Daticert, format!("daticert.xml: «{g} {o} {z}» non è una data con la sua zona"));
    }
    d
}

fn posto(quanti: usize, rilievi: &mut Rilievi) -> bool {
    if quanti >= DESTINATARI_MAX {
        rilievi.aggiungi(Codice::Limite, format!("daticert.xml: più di {DESTINATARI_MAX} destinatari"));
    }
    quanti < DESTINATARI_MAX
}

/// The first one counts.
fn una(dove: &mut Option<String>, che: Option<String>, nome: &str, rilievi: &mut Rilievi) {
    match (&dove, che) {
        (None, che) => *dove = che,
        (Some(v), Some(altro)) if *v != altro => {
            rilievi.aggiungi(Codice::Daticert, format!("daticert.xml: più di un elemento «{nome}»"));
        }
        _ => {}
    }
}

fn scelta<T>(v: Option<&str>, che: &str, da: impl Fn(&str) -> Option<T>, rilievi: &mut Rilievi) -> Option<T> {
    let t = v.and_then(da);
    if t.is_none() {
        let v = corto(v.unwrap_or_default());
        rilievi.aggiungi(Codice::Daticert, format!("daticert.xml: «{v}» non è un {che} previsto"));
    }
    t
}

/// Names that are looked for in what is no longer XML.
const NOMI: [&str; 15] = [
    "postacert",
    "mittente",
    "destinatari",
    "risposte",
    "oggetto",
    "gestore-emittente",
    "data",
    "giorno",
    "ora",
    "identificativo",
    "msgid",
    "ricevuta",
    "consegna",
    "ricezione",
    "errore-esteso",
];

/// `<name …>text` up to the tag that closes it; a text that is not closed ends with its line.
fn a_tratti(testo: &str) -> impl Iterator<Item = Voce<'_>> {
    let mut resto = testo;
    std::iter::from_fn(move || {
        loop {
            resto = &resto[resto.find('<')? + 1..];
            let nome = &resto[..resto.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(resto.len())];
            if !NOMI.contains(&nome) {
                continue;
            }
            let apertura = &resto[nome.len()..];
            let fine = apertura.find('>').unwrap_or(apertura.len());
            let attributi = attributi(&apertura[..fine]);
            let dopo = apertura.get(fine + 1..).unwrap_or_default();
            // Those that hold others have no text of their own.
            let testo = if matches!(nome, "postacert" | "data" | "ricevuta") {
                ""
            } else {
                let riga = &dopo[..dopo.find('\n').unwrap_or(dopo.len())];
                riga.find("</").map_or(riga, |i| &riga[..i])
            };
            resto = dopo;
            return Some(Voce { nome, attributi, testo: entita(testo) });
        }
    })
}

fn attributi(testo: &str) -> Vec<(&str, Cow<'_, str>)> {
    let mut v = Vec::new();
    let mut resto = testo;
    // No element has more than two.
    while let Some((nome, dopo)) = resto.split_once('=')
        && v.len() < 4
    {
        let dopo = dopo.trim_start();
        let Some(apice) = dopo.chars().next().filter(|c| matches!(c, '"' | '\'')) else { break };
        let Some((valore, altri)) = dopo[1..].split_once(apice) else { break };
        v.push((nome.trim(), entita(valore)));
        resto = altri;
    }
    v
}

fn entita(testo: &str) -> Cow<'_, str> {
    if !testo.contains('&') {
        return testo.into();
    }
    let t = testo.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    t.replace("&amp;", "&").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUONO: &str = include_str!("../tests/dati/daticert.xml");

    fn letto(byte: &[u8]) -> (Option<Daticert>, usize) {
        let mut r = Rilievi::default();
        (leggi(byte, &mut r), r.tutti().len())
    }

    #[test]
    fn a_good_one_is_read_whole() {
        let (d, rilievi) = letto(BUONO.as_bytes());
        let d = d.unwrap();
        assert_eq!(rilievi, 0);
        assert_eq!((d.tipo, d.errore), (Some(Tipo::ErroreConsegna), Some(ErrorePec::Altro)));
        assert_eq!(d.destinatari[1].tipo, Some(TipoDestinatario::Esterno));
        assert_eq!(d.oggetto.as_deref(), Some("Determina n. 5 & allegati «città»"));
        assert_eq!(d.msgid.as_deref(), Some("<1@comune.example>"));
        assert_eq!(d.data.unwrap().to_string(), "2024-11-15T18:21:03+01:00");
        assert_eq!(d.errore_esteso.as_deref(), Some("5.2.2 casella piena"));
    }

    /// A DOCTYPE is never fetched, and does not keep the data from being read.
    #[test]
    fn with_a_doctype_it_is_read_and_nothing_is_fetched() {
        let (atteso, _) = letto(BUONO.as_bytes());
        for (doctype, attesi) in [
            ("<!DOCTYPE postacert SYSTEM \"http://127.0.0.1:1/daticert.dtd\">", 0),
            ("<!DOCTYPE postacert [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>", 2),
        ] {
            let con = BUONO.replacen("?>", &format!("?>{doctype}"), 1);
            assert_eq!(letto(con.as_bytes()), (atteso.clone(), attesi));
        }
    }

    #[test]
    fn in_latin_it_is_the_same() {
        let latino = BUONO.replacen("UTF-8", "ISO-8859-1", 1);
        let byte: Vec<u8> = latino.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        assert_eq!(letto(&byte), letto(BUONO.as_bytes()));
    }

    /// What real ones do: an ampersand, the angle brackets of a Message-ID, cut short.
    #[test]
    fn a_broken_one_is_read_as_far_as_it_goes() {
        let (buono, _) = letto(BUONO.as_bytes());
        let rotto = BUONO.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
        let (d, rilievi) = letto(rotto.as_bytes());
        assert!(rilievi > 0);
        assert_eq!(d, buono);
        let tronco = &BUONO[..BUONO.find("<consegna>").unwrap()];
        let (d, rilievi) = letto(tronco.as_bytes());
        let d = d.unwrap();
        assert!(rilievi > 0 && d.consegna.is_none() && d.msgid.is_some() && d.data.is_some());
        assert_eq!(letto(b"niente").0, None);
        assert_eq!(letto(b"<html><mittente>x</mittente></html>").0, None);
        assert_eq!(letto(&vec![b'<'; BYTE_MAX + 1]).0, None);
    }

    #[test]
    fn what_makes_no_sense_is_said_and_the_rest_is_read() {
        let strano = BUONO.replace("errore-consegna", "consegna-forse").replace("+0100", "CET");
        let (d, rilievi) = letto(strano.as_bytes());
        let d = d.unwrap();
        assert_eq!((d.tipo, d.data), (None, None));
        assert!(d.identificativo.is_some() && rilievi == 2);
    }
}
