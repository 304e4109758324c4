//! XML Schema, the part that the schemas of the segnatura use; anything else is an error of who adds a schema.

use std::collections::HashMap;

use roxmltree::{Document, Node, ParsingOptions};

use super::semplici::{Base, Modello, Semplice};
use super::{Attributo, Automa, Contenuto, Dichiarazione, Grammatica, Nome, Particella, Termine, Tipo};
use crate::albero::figli;

const NS_XS: &str = "http://www.w3.org/2001/XMLSchema";

/// The grammar of some schemas that import one another.
pub(super) fn leggi(testi: &[&str]) -> Result<Grammatica, String> {
    // Our own schemas: the one of the W3C declares an entity in its DTD, without using it.
    let mut documenti = Vec::new();
    for testo in testi {
        documenti.push(
            Document::parse_with_options(testo, ParsingOptions { allow_dtd: true, ..ParsingOptions::default() })
                .map_err(|e| e.to_string())?,
        );
    }
    let mut lettore = Lettore { grammatica: Grammatica::default(), tipi: HashMap::new(), elementi: HashMap::new() };
    let mut da_fare = Vec::new();
    for documento in &documenti {
        let schema = documento.root_element();
        let ns = schema.attribute("targetNamespace").unwrap_or_default();
        for n in figli(schema) {
            let nome = Nome::di(ns, n.attribute("name").unwrap_or_default());
            match n.tag_name().name() {
                "complexType" | "simpleType" => _ = lettore.tipi.insert(nome, n),
                "element" => {
                    lettore.elementi.insert(nome.clone(), n);
                    da_fare.push(nome);
                }
                "import" | "annotation" => {}
                altro => return Err(format!("xs:{altro} at the top")),
            }
        }
    }
    for nome in da_fare {
        lettore.globale(&nome)?;
    }
    let mut nominati: Vec<Nome> = lettore.tipi.keys().cloned().collect();
    nominati.sort_by(|a, b| (&a.ns, &a.locale).cmp(&(&b.ns, &b.locale)));
    for nome in nominati {
        if lettore.tipi[&nome].tag_name().name() == "complexType" {
            lettore.nominato(&nome)?;
        }
    }
    let mut grammatica = lettore.grammatica;
    grammatica.parole = grammatica.dichiarazioni.iter().map(|d| d.nome.locale.clone()).collect();
    Ok(grammatica)
}

struct Lettore<'a, 'i> {
    grammatica: Grammatica,
    tipi: HashMap<Nome, Node<'a, 'i>>,
    elementi: HashMap<Nome, Node<'a, 'i>>,
}

/// Content while types are put together: an extension needs the particle of its base.
enum Corpo {
    Semplice(Semplice),
    Figli { misto: bool, particella: Option<Particella> },
}

impl<'a, 'i> Lettore<'a, 'i> {
    /// A global element, once.
    fn globale(&mut self, nome: &Nome) -> Result<usize, String> {
        if let Some(d) = self.grammatica.globali.get(nome) {
            return Ok(*d);
        }
        let nodo = *self.elementi.get(nome).ok_or_else(|| format!("no element {nome:?}"))?;
        // Its place first: content models go round in circles.
        let d = self.grammatica.dichiarazioni.len();
        let vuota = Dichiarazione { nome: nome.clone(), tipo: 0, fisso: None, predefinito: false };
        self.grammatica.dichiarazioni.push(vuota);
        self.grammatica.globali.insert(nome.clone(), d);
        self.grammatica.dichiarazioni[d] = self.dichiarazione(nome.clone(), nodo)?;
        Ok(d)
    }

    fn dichiarazione(&mut self, nome: Nome, nodo: Node<'a, 'i>) -> Result<Dichiarazione, String> {
        let tipo = match (nodo.attribute("type"), figli(nodo).find(|n| n.tag_name().name() != "annotation")) {
            (Some(tipo), None) => {
                let di_chi = risolvi(nodo, tipo)?;
                if di_chi.ns == NS_XS || self.semplice_nominato(&di_chi).is_some() {
                    let semplice = self.semplice(&di_chi)?;
                    self.nuovo_tipo(Tipo { contenuto: Contenuto::Semplice(semplice), attributi: Vec::new() })
                } else {
                    self.nominato(&di_chi)?
                }
            }
            (None, Some(figlio)) if figlio.tag_name().name() == "complexType" => {
                let tipo = self.complesso(figlio)?;
                self.nuovo_tipo(tipo)
            }
            _ => return Err(format!("element {nome:?}: no type")),
        };
        Ok(Dichiarazione {
            nome,
            tipo,
            fisso: nodo.attribute("fixed").map(str::to_owned),
            predefinito: nodo.has_attribute("fixed") || nodo.has_attribute("default"),
        })
    }

    fn nuovo_tipo(&mut self, tipo: Tipo) -> usize {
        self.grammatica.tipi.push(tipo);
        self.grammatica.tipi.len() - 1
    }

    /// A named complex type, once.
    fn nominato(&mut self, nome: &Nome) -> Result<usize, String> {
        if let Some(t) = self.grammatica.nominati.get(nome) {
            return Ok(*t);
        }
        let nodo = *self.tipi.get(nome).ok_or_else(|| format!("no type {nome:?}"))?;
        let t = self.nuovo_tipo(Tipo::default());
        self.grammatica.nominati.insert(nome.clone(), t);
        let fatto = self.complesso(nodo)?;
        self.grammatica.tipi[t] = fatto;
        Ok(t)
    }

    fn complesso(&mut self, nodo: Node<'a, 'i>) -> Result<Tipo, String> {
        let (corpo, attributi) = self.corpo(nodo)?;
        let contenuto = match corpo {
            Corpo::Semplice(s) => Contenuto::Semplice(s),
            Corpo::Figli { misto: false, particella: None } => Contenuto::Vuoto,
            Corpo::Figli { misto, particella } => {
                Contenuto::Figli { misto, automa: particella.as_ref().map(Automa::di).unwrap_or_default() }
            }
        };
        Ok(Tipo { contenuto, attributi })
    }

    fn corpo(&mut self, nodo: Node<'a, 'i>) -> Result<(Corpo, Vec<Attributo>), String> {
        let mut misto = nodo.attribute("mixed") == Some("true");
        let (mut particella, mut attributi) = (None, Vec::new());
        let mut semplice = None;
        for n in figli(nodo) {
            match n.tag_name().name() {
                "annotation" => {}
                "sequence" | "choice" => particella = Some(self.particella(n)?),
                "attribute" => attributi.push(self.attributo(n)?),
                che @ ("simpleContent" | "complexContent") => {
                    let estensione = figli(n)
                        .find(|n| n.tag_name().name() == "extension")
                        .ok_or_else(|| format!("{che} without extension"))?;
                    let base = risolvi(estensione, estensione.attribute("base").unwrap_or_default())?;
                    if che == "simpleContent" {
                        semplice = Some(self.semplice(&base)?);
                    } else {
                        let di_base = *self.tipi.get(&base).ok_or_else(|| format!("no type {base:?}"))?;
                        match self.corpo(di_base)? {
                            (Corpo::Figli { misto: m, particella: p }, a) => {
                                misto |= m;
                                particella = p;
                                attributi = a;
                            }
                            (Corpo::Semplice(_), _) => return Err(format!("{base:?} is simple")),
                        }
                    }
                    for n in figli(estensione) {
                        match n.tag_name().name() {
                            "attribute" => attributi.push(self.attributo(n)?),
                            altro => return Err(format!("xs:{altro} in an extension")),
                        }
                    }
                }
                altro => return Err(format!("xs:{altro} in a type")),
            }
        }
        Ok((semplice.map_or(Corpo::Figli { misto, particella }, Corpo::Semplice), attributi))
    }

    fn particella(&mut self, nodo: Node<'a, 'i>) -> Result<Particella, String> {
        let dentro = match nodo.tag_name().name() {
            "sequence" | "choice" => {
                let mut parti = Vec::new();
                for n in figli(nodo).filter(|n| n.tag_name().name() != "annotation") {
                    parti.push(self.particella(n)?);
                }
                if nodo.tag_name().name() == "sequence" {
                    Particella::Sequenza(parti)
                } else {
                    Particella::Scelta(parti)
                }
            }
            "element" => Particella::Termine(Termine::Elemento(self.elemento(nodo)?)),
            "any" => {
                let altro_da = match nodo.attribute("namespace") {
                    None | Some("##any") => None,
                    Some("##other") => Some(bersaglio(nodo).to_owned()),
                    Some(altro) => return Err(format!("wildcard of {altro}")),
                };
                let stretto = match nodo.attribute("processContents") {
                    None | Some("strict") => true,
                    Some("lax") => false,
                    Some(altro) => return Err(format!("processContents {altro}")),
                };
                Particella::Termine(Termine::Jolly { altro_da, stretto })
            }
            altro => return Err(format!("xs:{altro} in a content model")),
        };
        let (min, max) = (nodo.attribute("minOccurs").unwrap_or("1"), nodo.attribute("maxOccurs").unwrap_or("1"));
        match (min, max) {
            ("1", "1") => Ok(dentro),
            ("0" | "1", "1" | "unbounded") => {
                Ok(Particella::Volte { dentro: Box::new(dentro), almeno_uno: min == "1", molti: max == "unbounded" })
            }
            _ => Err(format!("occurs {min}..{max}")),
        }
    }

    /// A local element, or a reference to a global one.
    fn elemento(&mut self, nodo: Node<'a, 'i>) -> Result<usize, String> {
        if let Some(di_chi) = nodo.attribute("ref") {
            return self.globale(&risolvi(nodo, di_chi)?);
        }
        let qualificato = schema(nodo).attribute("elementFormDefault") == Some("qualified");
        let ns = if qualificato { bersaglio(nodo) } else { "" };
        let nome = Nome::di(ns, nodo.attribute("name").ok_or("element without name")?);
        let fatta = self.dichiarazione(nome, nodo)?;
        self.grammatica.dichiarazioni.push(fatta);
        Ok(self.grammatica.dichiarazioni.len() - 1)
    }

    fn attributo(&mut self, nodo: Node<'a, 'i>) -> Result<Attributo, String> {
        let qualificato = schema(nodo).attribute("attributeFormDefault") == Some("qualified");
        let ns = if qualificato { bersaglio(nodo) } else { "" };
        let tipo = match (nodo.attribute("type"), figli(nodo).find(|n| n.tag_name().name() == "simpleType")) {
            (Some(tipo), _) => self.semplice(&risolvi(nodo, tipo)?)?,
            (None, Some(dentro)) => self.ristretto(dentro)?,
            (None, None) => Base::Stringa.into(),
        };
        Ok(Attributo {
            nome: Nome::di(ns, nodo.attribute("name").ok_or("attribute without name")?),
            tipo,
            obbligatorio: nodo.attribute("use") == Some("required"),
            fisso: nodo.attribute("fixed").map(str::to_owned),
        })
    }

    fn semplice_nominato(&self, nome: &Nome) -> Option<Node<'a, 'i>> {
        self.tipi.get(nome).copied().filter(|n| n.tag_name().name() == "simpleType")
    }

    fn semplice(&self, nome: &Nome) -> Result<Semplice, String> {
        if nome.ns != NS_XS {
            return self.ristretto(self.semplice_nominato(nome).ok_or_else(|| format!("no simple type {nome:?}"))?);
        }
        let base = match nome.locale.as_str() {
            "string" | "anySimpleType" => Base::Stringa,
            "NMTOKEN" => Base::Nmtoken,
            "date" => Base::Data,
            "time" => Base::Ora,
            "boolean" => Base::Booleano,
            "base64Binary" => Base::Base64,
            "anyURI" => Base::Uri,
            "integer" => Base::Intero,
            "ID" => Base::Id,
            "IDREF" => Base::Idref,
            altro => return Err(format!("type xs:{altro}")),
        };
        Ok(base.into())
    }

    fn ristretto(&self, nodo: Node<'a, 'i>) -> Result<Semplice, String> {
        let restrizione =
            figli(nodo).find(|n| n.tag_name().name() == "restriction").ok_or("a simple type that does not restrict")?;
        let mut tipo = self.semplice(&risolvi(restrizione, restrizione.attribute("base").unwrap_or_default())?)?;
        for n in figli(restrizione) {
            let valore = n.attribute("value").unwrap_or_default();
            match n.tag_name().name() {
                "pattern" => {
                    tipo.modelli.push(Modello::leggi(valore).ok_or_else(|| format!("pattern {valore}"))?);
                }
                "enumeration" => tipo.valori.push(valore.to_owned()),
                altro => return Err(format!("facet {altro}")),
            }
        }
        Ok(tipo)
    }
}

fn schema<'a, 'i>(nodo: Node<'a, 'i>) -> Node<'a, 'i> {
    nodo.document().root_element()
}

fn bersaglio<'a>(nodo: Node<'a, '_>) -> &'a str {
    schema(nodo).attribute("targetNamespace").unwrap_or_default()
}

/// A name with a prefix.
fn risolvi(nodo: Node<'_, '_>, qname: &str) -> Result<Nome, String> {
    let (prefisso, locale) = match qname.split_once(':') {
        Some((p, l)) => (Some(p), l),
        None => (None, qname),
    };
    let ns = nodo.lookup_namespace_uri(prefisso);
    match (ns, prefisso) {
        (Some(ns), _) => Ok(Nome::di(ns, locale)),
        (None, None) => Ok(Nome::di("", locale)),
        (None, Some(p)) => Err(format!("prefix {p}")),
    }
}
