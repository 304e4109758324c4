//! From text to a tree, within limits, and stepping over the DOCTYPE.
//!
//! A first pass counts what could cost time and memory (depth, elements, attributes, namespaces in scope) and blanks the
//! DOCTYPE; then `roxmltree`, which refuses DTDs and knows no entity but the five of XML, makes the tree. Nothing is ever
//! fetched: there is no code that could (R-C15).

use roxmltree::{Document, Node, ParsingOptions};

use crate::rilievo::{Codice, Rilievi, Rilievo};
use crate::testo;

/// How much is read of one document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limiti {
    /// Bytes of the whole.
    pub byte_max: usize,
    /// Elements inside of one another.
    pub profondita_max: usize,
    /// Elements in all.
    pub elementi_max: usize,
    /// Attributes of one element, namespaces included; and namespaces declared along one path.
    pub attributi_max: usize,
}

impl Default for Limiti {
    fn default() -> Self {
        Self { byte_max: 16 << 20, profondita_max: 100, elementi_max: 100_000, attributi_max: 64 }
    }
}

/// Texts, comments and instructions for each element, at most.
const NODI_PER_ELEMENTO: u32 = 4;

/// The DOCTYPE, as far as it matters to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Doctype {
    pub(crate) presente: bool,
}

/// Blanks the DOCTYPE (keeping lines) and holds the text against the limits; `None` if it cannot be parsed.
fn sgombra(mut testo: String, limiti: &Limiti, rilievi: &mut Rilievi) -> Option<(String, Doctype)> {
    let mut doctype = Doctype::default();
    match conta(&testo, limiti, rilievi)? {
        None => {}
        Some((da, a)) => {
            let bianco: String = testo[da..a].chars().map(|c| if matches!(c, '\n' | '\r') { c } else { ' ' }).collect();
            testo.replace_range(da..a, &bianco);
            doctype.presente = true;
        }
    }
    Some((testo, doctype))
}

/// The text of any XML that comes from outside, fit for a parser that takes no DTD: decoded whatever its alphabet, within limits,
/// with its DOCTYPE blanked and what is odd about it. None when it is not to be parsed at all. For who reads other documents
/// of other administrations.
pub fn xml_leggibile(byte: &[u8], limiti: &Limiti) -> (Option<String>, Vec<Rilievo>) {
    let mut rilievi = Rilievi::default();
    let testo = pronto(byte, limiti, &mut rilievi).map(|(testo, _)| testo);
    (testo, rilievi.tutti())
}

/// As [`xml_leggibile`], with what is known of the DOCTYPE.
pub(crate) fn pronto(byte: &[u8], limiti: &Limiti, rilievi: &mut Rilievi) -> Option<(String, Doctype)> {
    if byte.len() > limiti.byte_max {
        rilievi.generale(Codice::Limite, format!("{} byte: se ne leggono al più {}", byte.len(), limiti.byte_max));
        return None;
    }
    sgombra(testo::decodifica(byte, rilievi), limiti, rilievi)
}

/// The tree, or why there is none.
pub(crate) fn albero<'a>(testo: &'a str, limiti: &Limiti, rilievi: &mut Rilievi) -> Option<Document<'a>> {
    let nodi = u32::try_from(limiti.elementi_max).unwrap_or(u32::MAX).saturating_mul(NODI_PER_ELEMENTO);
    let opzioni = ParsingOptions { allow_dtd: false, nodes_limit: nodi, ..ParsingOptions::default() };
    match Document::parse_with_options(testo, opzioni) {
        Ok(documento) => Some(documento),
        Err(errore) => {
            let (codice, messaggio) = match &errore {
                roxmltree::Error::UnknownEntityReference(nome, _) => (
                    Codice::Entita,
                    format!(
                        "l'entità «{nome}» non è una delle cinque dell'XML: le entità dei documenti non si espandono"
                    ),
                ),
                roxmltree::Error::NodesLimitReached => (Codice::Limite, "troppi nodi".to_owned()),
                altro => (Codice::MalFormato, format!("non è XML ben formato: {altro}")),
            };
            rilievi.aggiungi(codice, "", ("/".to_owned(), errore.pos().row), messaggio);
            None
        }
    }
}

/// Goes along the markup once. The outer `None`: a limit is exceeded, and was said. Inside, where the DOCTYPE is.
///
/// Text that is not well formed may be counted wrongly from its first mistake on, which is where the parser stops.
fn conta(testo: &str, limiti: &Limiti, rilievi: &mut Rilievi) -> Option<Option<(usize, usize)>> {
    let byte = testo.as_bytes();
    let (mut i, mut elementi) = (0, 0);
    // Namespaces declared by each element that is open, and by all of them.
    let (mut aperti, mut spazi): (Vec<usize>, usize) = (Vec::new(), 0);
    let mut doctype = None;
    let troppo = |che: &str, quanti: usize, rilievi: &mut Rilievi| {
        rilievi.generale(Codice::Limite, format!("{che}: più di {quanti}"));
    };
    while let Some(dove) = byte[i..].iter().position(|b| *b == b'<') {
        i += dove;
        let resto = &byte[i..];
        if resto.starts_with(b"<!--") {
            i = dopo(byte, i + 4, b"-->");
        } else if resto.starts_with(b"<![CDATA[") {
            i = dopo(byte, i + 9, b"]]>");
        } else if resto.starts_with(b"<?") {
            i = dopo(byte, i + 2, b"?>");
        } else if resto.starts_with(b"<!DOCTYPE") && doctype.is_none() && elementi == 0 {
            let fine = fine_doctype(byte, i, rilievi)?;
            doctype = Some((i, fine));
            i = fine;
        } else if resto.starts_with(b"</") {
            spazi -= aperti.pop().unwrap_or(0).min(spazi);
            i = dopo(byte, i + 2, b">");
        } else {
            elementi += 1;
            if elementi > limiti.elementi_max {
                troppo("elementi", limiti.elementi_max, rilievi);
                return None;
            }
            let apertura = apertura(byte, i + 1);
            i = apertura.fine;
            if apertura.attributi > limiti.attributi_max {
                troppo("attributi di un elemento", limiti.attributi_max, rilievi);
                return None;
            }
            if spazi + apertura.spazi > limiti.attributi_max {
                troppo("spazi dei nomi dichiarati", limiti.attributi_max, rilievi);
                return None;
            }
            if !apertura.chiusa {
                if aperti.len() == limiti.profondita_max {
                    troppo("elementi uno dentro l'altro", limiti.profondita_max, rilievi);
                    return None;
                }
                spazi += apertura.spazi;
                aperti.push(apertura.spazi);
            }
        }
    }
    Some(doctype)
}

/// Just after the next `fine`, or the end.
fn dopo(byte: &[u8], da: usize, fine: &[u8]) -> usize {
    let da = da.min(byte.len());
    byte[da..].windows(fine.len()).position(|d| d == fine).map_or(byte.len(), |p| da + p + fine.len())
}

struct Apertura {
    fine: usize,
    chiusa: bool,
    attributi: usize,
    spazi: usize,
}

/// A start tag, from after its `<`.
fn apertura(byte: &[u8], da: usize) -> Apertura {
    let (mut i, mut attributi, mut spazi) = (da, 0, 0);
    // Where the word began that an `=` would make the name of an attribute.
    let mut parola = da;
    while let Some(&b) = byte.get(i) {
        match b {
            b'>' => return Apertura { fine: i + 1, chiusa: byte[i - 1] == b'/', attributi, spazi },
            b'"' | b'\'' => {
                i = dopo(byte, i + 1, &[b]);
                parola = i;
                continue;
            }
            b'=' => {
                attributi += 1;
                spazi += usize::from(byte[parola..i].trim_ascii().starts_with(b"xmlns"));
            }
            b if b.is_ascii_whitespace() && byte.get(i + 1).is_some_and(|b| !b.is_ascii_whitespace() && *b != b'=') => {
                parola = i + 1;
            }
            _ => {}
        }
        i += 1;
    }
    Apertura { fine: byte.len(), chiusa: true, attributi, spazi }
}

/// Where the DOCTYPE ends; what it declares inside is a finding, since it is not read.
fn fine_doctype(byte: &[u8], da: usize, rilievi: &mut Rilievi) -> Option<usize> {
    let (mut i, mut dentro, mut entita) = (da + 9, false, false);
    while let Some(&b) = byte.get(i) {
        match b {
            b'"' | b'\'' => {
                i = dopo(byte, i + 1, &[b]);
                continue;
            }
            b'[' if !dentro => {
                dentro = true;
                rilievi.generale(Codice::DtdInterna, "contiene una DTD interna, che non viene letta");
            }
            b']' if dentro => dentro = false,
            b'<' if byte[i..].starts_with(b"<!--") => {
                i = dopo(byte, i + 4, b"-->");
                continue;
            }
            b'<' if byte[i..].starts_with(b"<?") => {
                i = dopo(byte, i + 2, b"?>");
                continue;
            }
            b'<' if byte[i..].starts_with(b"<!ENTITY") && !entita => {
                entita = true;
                rilievi.generale(Codice::Entita, "dichiara entità, che non vengono espanse né cercate");
            }
            b'>' if !dentro => return Some(i + 1),
            _ => {}
        }
        i += 1;
    }
    rilievi.generale(Codice::MalFormato, "il DOCTYPE non finisce");
    None
}

/// Children that are elements.
pub(crate) fn figli<'a, 'i: 'a>(nodo: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    nodo.children().filter(Node::is_element)
}

/// The first child of that name, whatever its namespace.
pub(crate) fn figlio<'a, 'i>(nodo: Node<'a, 'i>, nome: &str) -> Option<Node<'a, 'i>> {
    nodo.children().find(|n| n.is_element() && n.tag_name().name() == nome)
}

/// Children of that name, whatever their namespace.
pub(crate) fn figli_di_nome<'a, 'i: 'a>(nodo: Node<'a, 'i>, nome: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    figli(nodo).filter(move |n| n.tag_name().name() == nome)
}

/// The text of an element, without that of its children.
pub(crate) fn testo(nodo: Node<'_, '_>) -> String {
    nodo.children().filter(Node::is_text).filter_map(|n| n.text()).collect()
}

/// An attribute by its local name, with or without a namespace.
pub(crate) fn attributo<'a>(nodo: Node<'a, '_>, nome: &str) -> Option<&'a str> {
    nodo.attributes().find(|a| a.name() == nome).map(|a| a.value())
}

/// Path of an element for people: names, and which one where there are more.
pub(crate) fn percorso(nodo: Node<'_, '_>) -> (String, u32) {
    let mut passi = Vec::new();
    for n in nodo.ancestors().filter(Node::is_element) {
        let nome = n.tag_name().name();
        let prima = n.prev_siblings().skip(1).filter(|f| f.is_element() && f.tag_name().name() == nome).count();
        let dopo = n.next_siblings().skip(1).any(|f| f.is_element() && f.tag_name().name() == nome);
        passi.push(if prima > 0 || dopo { format!("{nome}[{}]", prima + 1) } else { nome.to_owned() });
    }
    passi.reverse();
    (format!("/{}", passi.join("/")), nodo.document().text_pos_at(nodo.range().start).row)
}
