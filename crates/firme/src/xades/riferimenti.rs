//! What a reference covers: URI, transforms, digest. Only transforms named here are followed; anything else is said by name.

use super::nodi::{self, DS};
use crate::canonica::{Albero, Metodo, NodeId, NodeKind, Nodi, Testo};
use crate::impronte::Digesto;

/// Transforms of one reference.
const TRASFORMAZIONI_MAX: usize = 8;
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const BASE64: &str = "http://www.w3.org/2000/09/xmldsig#base64";
const XPATH: &str = "http://www.w3.org/TR/1999/REC-xpath-19991116";
const FILTRO2: &str = "http://www.w3.org/2002/06/xmldsig-filter2";
const ESCLUSIVA: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Gives the bytes of what is outside, by URI: never from the network, never from the disk.
pub(crate) type Esterni<'e> = &'e dyn Fn(&str) -> Option<Vec<u8>>;

/// What a reference is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Oggetto {
    /// The whole document, signature apart.
    Documento,
    /// An element.
    Elemento(NodeId),
    /// A file outside.
    Esterno(String),
}

/// One reference, judged.
#[derive(Debug)]
pub(crate) struct Riferimento {
    /// What it is of, when that was found.
    pub oggetto: Option<Oggetto>,
    /// Digest algorithm.
    pub digesto: Option<Digesto>,
    /// Whether the digest is right; none when it could not be judged.
    pub giusto: Option<bool>,
    /// Why it is not right, or could not be judged.
    pub errore: Option<String>,
}

enum Stato {
    Nodi(Nodi),
    Ottetti(Vec<u8>),
}

/// Judges a `ds:Reference` of a signature.
pub(crate) fn giudica(a: &Albero, r: NodeId, firma: NodeId, esterni: Esterni) -> Riferimento {
    let mut v = Riferimento { oggetto: None, digesto: None, giusto: None, errore: None };
    match calcola(a, r, firma, esterni, &mut v) {
        Ok(giusto) => {
            v.giusto = Some(giusto);
            if !giusto {
                let uri = nodi::attributo(a, r, "URI").unwrap_or_default();
                v.errore = Some(format!("il riferimento «{uri}» non è quello firmato: l'impronta è diversa"));
            }
        }
        Err(perche) => v.errore = Some(perche),
    }
    v
}

fn calcola(a: &Albero, r: NodeId, firma: NodeId, esterni: Esterni, v: &mut Riferimento) -> Result<bool, String> {
    let alg =
        nodi::figlio(a, r, DS, "DigestMethod").and_then(|m| nodi::attributo(a, m, "Algorithm")).unwrap_or_default();
    let d = Digesto::da_uri(alg).ok_or(format!("algoritmo di impronta non supportato: {alg}"))?;
    v.digesto = Some(d);
    let atteso =
        nodi::figlio(a, r, DS, "DigestValue").and_then(|n| nodi::base64(a, n)).ok_or("riferimento senza impronta")?;
    let uri = nodi::attributo(a, r, "URI").ok_or("riferimento senza URI: non si sa di che cosa")?;
    let (oggetto, mut stato) = risolvi(a, uri, esterni)?;
    v.oggetto = Some(oggetto);
    let mut trasformazioni = Vec::new();
    for t in nodi::figli(a, r, DS, "Transforms") {
        trasformazioni.extend(nodi::figli(a, t, DS, "Transform"));
    }
    if trasformazioni.len() > TRASFORMAZIONI_MAX {
        return Err("troppe trasformazioni".into());
    }
    for t in trasformazioni {
        if let (Some(BASE64), Stato::Nodi(_)) = (nodi::attributo(a, t, "Algorithm"), &stato)
            && !v.oggetto.as_ref().is_some_and(|o| solo_base64(a, o))
        {
            return Err("la firma copre il testo in base64 di un elemento, che porta anche altro".into());
        }
        stato = trasforma(a, t, firma, stato)?;
    }
    let impronta = match stato {
        Stato::Ottetti(o) => d.di(&o),
        Stato::Nodi(n) => {
            let mut c = d.inizia();
            a.canonica_in(Metodo::Inclusiva { commenti: false }, Some(&n), &[], &mut c).map_err(|e| e.to_string())?;
            c.fine()
        }
    };
    Ok(impronta == atteso)
}

fn risolvi(a: &Albero, uri: &str, esterni: Esterni) -> Result<(Oggetto, Stato), String> {
    if uri.is_empty() {
        return Ok((Oggetto::Documento, Stato::Nodi(Nodi::all_without_comments(&a.0))));
    }
    let Some(id) = uri.strip_prefix('#') else {
        let byte = esterni(uri).ok_or_else(|| format!("manca il file «{uri}», che la firma copre"))?;
        return Ok((Oggetto::Esterno(uri.to_owned()), Stato::Ottetti(byte)));
    };
    if id == "xpointer(/)" {
        return Ok((Oggetto::Documento, Stato::Nodi(Nodi::all(&a.0))));
    }
    let (id, commenti) = bersaglio(id);
    match nodi::con_id(a, id).as_slice() {
        [uno] => Ok((Oggetto::Elemento(*uno), Stato::Nodi(a.sottoalbero(*uno, commenti)))),
        [] => Err(format!("manca l'elemento «#{id}», che la firma copre")),
        _ => Err(format!("più elementi hanno lo stesso identificatore «{id}»: non si sa quale è firmato")),
    }
}

fn trasforma(a: &Albero, t: NodeId, firma: NodeId, stato: Stato) -> Result<Stato, String> {
    let alg = nodi::attributo(a, t, "Algorithm").unwrap_or_default();
    let ignota = || format!("trasformazione non supportata: {alg}");
    if let Some(m) = Metodo::da_uri(alg) {
        let prefissi = prefissi(a, t);
        let prefissi: Vec<&str> = prefissi.iter().map(String::as_str).collect();
        let fatto = match stato {
            Stato::Nodi(n) => a.canonica(m, Some(&n), &prefissi),
            Stato::Ottetti(o) => Testo::leggi(&o).and_then(|x| x.albero()?.canonica(m, None, &prefissi)),
        };
        return fatto.map(Stato::Ottetti).map_err(|e| e.to_string());
    }
    match (alg, stato) {
        (ENVELOPED, Stato::Nodi(mut n)) => {
            togli(a, &mut n, firma);
            Ok(Stato::Nodi(n))
        }
        (BASE64, Stato::Nodi(n)) => {
            let mut testo = String::new();
            for id in nodi::sotto(a, a.0.root()) {
                if let Some(NodeKind::Text(t) | NodeKind::CData(t)) = a.0.node_kind(id)
                    && n.contains_id(id)
                {
                    testo.push_str(t);
                }
            }
            decodifica(testo.as_bytes())
        }
        (BASE64, Stato::Ottetti(o)) => decodifica(&o),
        (XPATH | FILTRO2, Stato::Nodi(mut n)) => {
            if !toglie_le_firme(a, t, alg) {
                return Err(ignota());
            }
            for f in nodi::discendenti(a, a.0.root(), DS, "Signature") {
                // `/*/ds:Signature` is of the children of the root alone.
                let figlia = a.0.parent(f) == a.0.document_element();
                if alg == XPATH || figlia || espressione(a, t, alg).starts_with("/descendant::") {
                    togli(a, &mut n, f);
                }
            }
            Ok(Stato::Nodi(n))
        }
        _ => Err(ignota()),
    }
}

/// Whether an element says nothing but its text: it is all that a digest after base64 covers. Names of elements and values
/// of attributes can be changed at will, so only `ds:Object` with what the norm gives it is taken (R-C12).
fn solo_base64(a: &Albero, o: &Oggetto) -> bool {
    let Oggetto::Elemento(n) = o else { return false };
    nodi::e(a, *n, DS, "Object")
        && a.0.children_iter(*n).all(|f| a.0.element(f).is_none())
        && a.0.element(*n).is_some_and(|e| {
            e.attributes.iter().all(|x| {
                x.name.namespace_uri.is_none() && matches!(&*x.name.local_name, "Id" | "Encoding" | "MimeType")
            })
        })
}

/// Whether a reference of the signature takes this object for base64.
pub(super) fn in_base64(a: &Albero, firma: NodeId, oggetto: NodeId) -> bool {
    let Some(id) = nodi::attributo(a, oggetto, "Id") else { return false };
    let Some(info) = nodi::figlio(a, firma, DS, "SignedInfo") else { return false };
    nodi::figli(a, info, DS, "Reference").into_iter().any(|r| {
        nodi::attributo(a, r, "URI").and_then(|u| u.strip_prefix('#')).is_some_and(|u| bersaglio(u).0 == id)
            && nodi::figlio(a, r, DS, "Transforms").is_some_and(|t| {
                nodi::figli(a, t, DS, "Transform")
                    .into_iter()
                    .any(|t| nodi::attributo(a, t, "Algorithm") == Some(BASE64))
            })
    })
}

/// The identifier that a fragment names, and whether comments are of it.
fn bersaglio(frammento: &str) -> (&str, bool) {
    match frammento.strip_prefix("xpointer(id(").and_then(|x| x.strip_suffix("))")) {
        Some(x) => (x.trim_matches(['\'', '"']), true),
        None => (frammento, false),
    }
}

fn decodifica(testo: &[u8]) -> Result<Stato, String> {
    crate::involucro::base64(testo).map(Stato::Ottetti).ok_or_else(|| "base64 non valido".into())
}

fn togli(a: &Albero, n: &mut Nodi, radice: NodeId) {
    for id in nodi::sotto(a, radice) {
        n.remove_id(id);
    }
}

/// `PrefixList` of the exclusive methods.
pub(crate) fn prefissi(a: &Albero, metodo: NodeId) -> Vec<String> {
    let lista =
        nodi::figlio(a, metodo, ESCLUSIVA, "InclusiveNamespaces").and_then(|i| nodi::attributo(a, i, "PrefixList"));
    lista.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
}

fn espressione(a: &Albero, t: NodeId, ns: &str) -> String {
    let ns = if ns == XPATH { DS } else { ns };
    nodi::figlio(a, t, ns, "XPath").map(|x| nodi::testo(a, x).split_whitespace().collect()).unwrap_or_default()
}

/// The three expressions met in real files, all of which take away signatures, whatever prefix they give them.
fn toglie_le_firme(a: &Albero, t: NodeId, alg: &str) -> bool {
    let ns = if alg == XPATH { DS } else { FILTRO2 };
    let [x] = nodi::figli(a, t, ns, "XPath").as_slice().to_vec()[..] else { return false };
    let testo = espressione(a, t, alg);
    let prefisso = if alg == XPATH {
        testo.strip_prefix("not(ancestor-or-self::").and_then(|p| p.strip_suffix(":Signature)"))
    } else {
        if nodi::attributo(a, x, "Filter") != Some("subtract") {
            return false;
        }
        ["/descendant::", "/*/"].iter().find_map(|i| testo.strip_prefix(i)).and_then(|p| p.strip_suffix(":Signature"))
    };
    prefisso.is_some_and(|p| in_vigore(a, x, p).as_deref() == Some(DS))
}

/// The namespace of a prefix at an element.
fn in_vigore(a: &Albero, n: NodeId, prefisso: &str) -> Option<String> {
    let mut qui = Some(n);
    while let Some(n) = qui {
        if let Some(e) = a.0.element(n)
            && let Some((_, u)) = e.namespace_declarations.iter().find(|(p, _)| p == prefisso)
        {
            return Some(u.to_string());
        }
        qui = a.0.parent(n);
    }
    None
}
