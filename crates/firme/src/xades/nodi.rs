//! Looking around in the one tree that is checked and used.

use crate::canonica::{Albero, NodeId, NodeKind};

pub(crate) const DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Every version of XAdES begins like this: files met declare several (`v1.1.1`, `v1.2.2`, `v1.3.2`, `v1.4.1`).
pub(crate) const XADES: &str = "http://uri.etsi.org/01903/v";

/// Nodes under one, itself included, in the order of the document.
pub(crate) fn sotto(a: &Albero, da: NodeId) -> Vec<NodeId> {
    let mut v = Vec::new();
    let mut pila = vec![da];
    while let Some(n) = pila.pop() {
        v.push(n);
        pila.extend(a.0.children_iter(n).rev());
    }
    v
}

/// Whether it is this element of this namespace (of any version, for XAdES).
pub(crate) fn e(a: &Albero, n: NodeId, ns: &str, nome: &str) -> bool {
    a.0.element(n).is_some_and(|e| {
        *e.name.local_name == *nome
            && e.name.namespace_uri.as_deref().is_some_and(|u| if ns == XADES { u.starts_with(XADES) } else { u == ns })
    })
}

/// The children that are this element.
pub(crate) fn figli(a: &Albero, n: NodeId, ns: &str, nome: &str) -> Vec<NodeId> {
    a.0.children_iter(n).filter(|f| e(a, *f, ns, nome)).collect()
}

/// The first child that is this element.
pub(crate) fn figlio(a: &Albero, n: NodeId, ns: &str, nome: &str) -> Option<NodeId> {
    a.0.children_iter(n).find(|f| e(a, *f, ns, nome))
}

/// Following these children, all of one namespace.
pub(crate) fn lungo(a: &Albero, n: NodeId, ns: &str, nomi: &[&str]) -> Option<NodeId> {
    nomi.iter().try_fold(n, |n, nome| figlio(a, n, ns, nome))
}

/// Elements among the nodes below.
pub(crate) fn discendenti(a: &Albero, n: NodeId, ns: &str, nome: &str) -> Vec<NodeId> {
    sotto(a, n).into_iter().filter(|f| e(a, *f, ns, nome)).collect()
}

/// An attribute without namespace.
pub(crate) fn attributo<'a>(a: &'a Albero, n: NodeId, nome: &str) -> Option<&'a str> {
    let e = a.0.element(n)?;
    e.attributes.iter().find(|x| x.name.namespace_uri.is_none() && *x.name.local_name == *nome).map(|x| &*x.value)
}

/// The text in it, with that of its elements.
pub(crate) fn testo(a: &Albero, n: NodeId) -> String {
    let mut s = String::new();
    for n in sotto(a, n) {
        if let Some(NodeKind::Text(t) | NodeKind::CData(t)) = a.0.node_kind(n) {
            s.push_str(t);
        }
    }
    s
}

/// The bytes that its text is the base64 of.
pub(crate) fn base64(a: &Albero, n: NodeId) -> Option<Vec<u8>> {
    crate::involucro::base64(testo(a, n).as_bytes())
}

/// Whether `sopra` is the node or above it.
pub(crate) fn contiene(a: &Albero, sopra: NodeId, n: NodeId) -> bool {
    let mut qui = Some(n);
    while let Some(n) = qui {
        if n == sopra {
            return true;
        }
        qui = a.0.parent(n);
    }
    false
}

/// Elements with this identifier, by any of the names of attributes that readers take for one: more than one is an ambiguity
/// on which signature wrapping lives.
pub(crate) fn con_id(a: &Albero, id: &str) -> Vec<NodeId> {
    let ha = |n: &NodeId| {
        a.0.element(*n).is_some_and(|e| {
            e.attributes.iter().any(|x| {
                let id_xml = x.name.namespace_uri.as_deref() == Some("http://www.w3.org/XML/1998/namespace");
                let nome = &*x.name.local_name;
                *x.value == *id
                    && (x.name.namespace_uri.is_none() && matches!(nome, "Id" | "ID" | "id") || id_xml && nome == "id")
            })
        })
    };
    sotto(a, a.0.root()).into_iter().filter(ha).collect()
}
