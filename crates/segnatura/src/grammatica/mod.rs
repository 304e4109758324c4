//! Grammars: what each element may hold, taken from the official schemas themselves and not written anew.
//!
//! Two readers, of XML Schema ([`xsd`]) and of DTD ([`dtd`]), each of the part that these schemas use, give one form: for
//! each element its attributes and an automaton over its children. A construct that they do not know stops the start, and
//! a test; it is never skipped. The schemas are beside the sources, in `schemi/`, without their annotations; a test holds
//! them against the files that AgID publishes.

mod dtd;
pub(crate) mod semplici;
mod xsd;

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use semplici::Semplice;

/// Namespace of the segnatura 3.0.0 (R-C05).
pub const NS_PROT: &str = "http://www.agid.gov.it/protocollo/";
/// Namespace of the return messages 3.0.0 (R-D21).
pub const NS_PEC: &str = "http://www.agid.gov.it/protocollo/pec/";
/// Namespace of the message that travels between AOO.
pub const NS_MESSAGGI: &str = "http://www.agid.gov.it/protocollo/messaggi/";
/// Namespace of circolare 60/2013.
pub const NS_2013: &str = "http://www.digitPa.gov.it/protocollo/";
/// Namespace of XML signatures.
pub const NS_DS: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Namespace of `xml:lang`.
pub(crate) const NS_XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Name with its namespace (empty: none).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Nome {
    pub(crate) ns: String,
    pub(crate) locale: String,
}

impl Nome {
    pub(crate) fn di(ns: &str, locale: &str) -> Self {
        Self { ns: ns.to_owned(), locale: locale.to_owned() }
    }
}

/// An element, as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dichiarazione {
    pub(crate) nome: Nome,
    pub(crate) tipo: usize,
    /// The only value it may have.
    pub(crate) fisso: Option<String>,
    /// An empty one has a value given by the schema.
    pub(crate) predefinito: bool,
}

/// An attribute, as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attributo {
    pub(crate) nome: Nome,
    pub(crate) tipo: Semplice,
    pub(crate) obbligatorio: bool,
    pub(crate) fisso: Option<String>,
}

/// What an element may hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Contenuto {
    /// Nothing; and, for a DTD, not even blanks or comments.
    #[default]
    Vuoto,
    Semplice(Semplice),
    Figli {
        misto: bool,
        automa: Automa,
    },
}

/// A type: content and attributes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tipo {
    pub(crate) contenuto: Contenuto,
    pub(crate) attributi: Vec<Attributo>,
}

/// A whole schema.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Grammatica {
    pub(crate) dichiarazioni: Vec<Dichiarazione>,
    pub(crate) tipi: Vec<Tipo>,
    /// Elements that may be a root, and that wildcards know.
    pub(crate) globali: HashMap<Nome, usize>,
    /// Types that have a name.
    pub(crate) nominati: HashMap<Nome, usize>,
    /// Every local name of an element.
    pub(crate) parole: HashSet<String>,
    /// From a DTD: names have no namespace, and an empty element holds nothing at all.
    pub(crate) di_dtd: bool,
}

impl Grammatica {
    pub(crate) fn radice(&self, ns: &str, locale: &str) -> Option<usize> {
        self.globali.get(&Nome::di(ns, locale)).copied()
    }
}

/// One place in a content model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Termine {
    Elemento(usize),
    Jolly {
        /// `##other`: any namespace but this one, and not none.
        altro_da: Option<String>,
        /// Must be declared.
        stretto: bool,
    },
}

/// A content model before it becomes an automaton.
#[derive(Debug, Clone)]
pub(crate) enum Particella {
    Termine(Termine),
    Sequenza(Vec<Particella>),
    Scelta(Vec<Particella>),
    Volte { dentro: Box<Particella>, almeno_uno: bool, molti: bool },
}

/// Glushkov's automaton: one state for each place; these schemas are deterministic, so one state at a time is enough.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Automa {
    pub(crate) posti: Vec<Termine>,
    pub(crate) primi: Vec<usize>,
    pub(crate) seguito: Vec<Vec<usize>>,
    pub(crate) ultimi: Vec<bool>,
    pub(crate) annullabile: bool,
}

/// What a piece begins with, ends with, and whether it may be absent.
struct Pezzo {
    primi: Vec<usize>,
    ultimi: Vec<usize>,
    annullabile: bool,
}

impl Automa {
    pub(crate) fn di(particella: &Particella) -> Self {
        let mut automa = Self::default();
        let pezzo = automa.pezzo(particella);
        automa.ultimi = vec![false; automa.posti.len()];
        for p in pezzo.ultimi {
            automa.ultimi[p] = true;
        }
        (automa.primi, automa.annullabile) = (pezzo.primi, pezzo.annullabile);
        automa
    }

    fn pezzo(&mut self, particella: &Particella) -> Pezzo {
        match particella {
            Particella::Termine(termine) => {
                let p = self.posti.len();
                self.posti.push(termine.clone());
                self.seguito.push(Vec::new());
                Pezzo { primi: vec![p], ultimi: vec![p], annullabile: false }
            }
            Particella::Sequenza(parti) => {
                let mut tutto = Pezzo { primi: Vec::new(), ultimi: Vec::new(), annullabile: true };
                for parte in parti {
                    let pezzo = self.pezzo(parte);
                    self.lega(&tutto.ultimi, &pezzo.primi);
                    if tutto.annullabile {
                        tutto.primi.extend(&pezzo.primi);
                    }
                    if !pezzo.annullabile {
                        tutto.ultimi.clear();
                    }
                    tutto.ultimi.extend(&pezzo.ultimi);
                    tutto.annullabile &= pezzo.annullabile;
                }
                tutto
            }
            Particella::Scelta(parti) => {
                let mut tutto = Pezzo { primi: Vec::new(), ultimi: Vec::new(), annullabile: parti.is_empty() };
                for parte in parti {
                    let pezzo = self.pezzo(parte);
                    tutto.primi.extend(pezzo.primi);
                    tutto.ultimi.extend(pezzo.ultimi);
                    tutto.annullabile |= pezzo.annullabile;
                }
                tutto
            }
            Particella::Volte { dentro, almeno_uno, molti } => {
                let mut pezzo = self.pezzo(dentro);
                if *molti {
                    self.lega(&pezzo.ultimi, &pezzo.primi);
                }
                pezzo.annullabile |= !almeno_uno;
                pezzo
            }
        }
    }

    fn lega(&mut self, da: &[usize], a: &[usize]) {
        for p in da {
            for q in a {
                if !self.seguito[*p].contains(q) {
                    self.seguito[*p].push(*q);
                }
            }
        }
    }

    /// Where one may go from `stato` (`None`: from the start).
    pub(crate) fn dopo(&self, stato: Option<usize>) -> &[usize] {
        stato.map_or(&self.primi, |p| &self.seguito[p])
    }

    /// Whether the content may end there.
    pub(crate) fn finisce(&self, stato: Option<usize>) -> bool {
        stato.map_or(self.annullabile, |p| self.ultimi[p])
    }
}

const SEGNATURA: &str = include_str!("../../schemi/segnatura_protocollo.xsd");
const PEC: &str = include_str!("../../schemi/pec_message.xsd");
const MESSAGGI: &str = include_str!("../../schemi/messaggio_protocollo.xsd");
const FIRME: &str = include_str!("../../schemi/import_schemas/xmldsig-core-schema.xsd");
const DEL_2013: &str = include_str!("../../schemi/segnatura-2013.xsd");
const DEL_2009: &str = include_str!("../../schemi/segnatura-2009.dtd");
const DEL_2001: &str = include_str!("../../schemi/segnatura-2001.dtd");
const DOCAREA: &str = include_str!("../../schemi/docarea.dtd");

/// Schemas in the binary are read at the first use; a test reads them all.
#[expect(clippy::expect_used, reason = "the schemas are part of the program, and are read by a test")]
fn propria(letta: Result<Grammatica, String>) -> Grammatica {
    letta.expect("a schema of the program itself")
}

/// Allegato 6: segnatura, return messages, message between AOO.
pub(crate) static ALLEGATO_6: LazyLock<Grammatica> =
    LazyLock::new(|| propria(xsd::leggi(&[SEGNATURA, PEC, MESSAGGI, FIRME])));
/// Circolare 60/2013.
pub(crate) static CIRCOLARE_60: LazyLock<Grammatica> = LazyLock::new(|| propria(xsd::leggi(&[DEL_2013])));
/// The DTD of 2009, as AgID publishes it.
pub(crate) static DTD_2009: LazyLock<Grammatica> = LazyLock::new(|| propria(dtd::leggi(DEL_2009)));
/// The DTD of circolare AIPA 28/2001.
pub(crate) static DTD_2001: LazyLock<Grammatica> = LazyLock::new(|| propria(dtd::leggi(DEL_2001)));
/// What DOCAREA web services take, in our words.
pub(crate) static DTD_DOCAREA: LazyLock<Grammatica> = LazyLock::new(|| propria(dtd::leggi(DOCAREA)));

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn riferimento(nome: &str) -> Option<String> {
        let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(nome);
        let byte = std::fs::read(&file).ok();
        if byte.is_none() {
            eprintln!("{nome} is not here: not compared");
        }
        byte.map(|b| b.iter().map(|b| char::from(*b)).collect::<String>())
    }

    /// R-C05, R-C15: what we judge by is what AgID and AIPA published.
    #[test]
    fn the_grammars_are_those_of_the_published_files() {
        let xsd_uguali = |nostra: &Grammatica, nomi: &[&str]| {
            let testi: Option<Vec<String>> = nomi.iter().map(|n| riferimento(&format!("agid-allegato6/{n}"))).collect();
            if let Some(testi) = testi {
                let testi: Vec<&str> = testi.iter().map(String::as_str).collect();
                assert!(*nostra == xsd::leggi(&testi).unwrap(), "{nomi:?}");
            }
        };
        xsd_uguali(
            &ALLEGATO_6,
            &[
                "segnatura_protocollo.xsd",
                "pec_message.xsd",
                "messaggio_protocollo.xsd",
                "import_schemas/xmldsig-core-schema.xsd",
            ],
        );
        xsd_uguali(&CIRCOLARE_60, &["previous_schemas/segnatura_protocollo_circolare 60_2013.xsd"]);
        if let Some(t) = riferimento("agid-allegato6/previous_schemas/segnatura_protocollo_circolare 28_2001.dtd") {
            assert!(*DTD_2009 == dtd::leggi(&t).unwrap());
        }
        if let Some(t) = riferimento("segnatura/Segnatura-2001-05-07.dtd") {
            assert!(*DTD_2001 == dtd::leggi(&t).unwrap());
        }
    }

    #[test]
    fn every_schema_of_the_program_is_read() {
        for (g, radici) in [
            (
                &*ALLEGATO_6,
                vec![(NS_PROT, "SegnaturaInformatica"), (NS_PEC, "ConfermaRicezione"), (NS_DS, "Signature")],
            ),
            (&*CIRCOLARE_60, vec![(NS_2013, "Segnatura"), (NS_2013, "AnnullamentoProtocollazione")]),
            (&*DTD_2009, vec![("", "Segnatura"), ("", "PiuInfo")]),
            (&*DTD_2001, vec![("", "Segnatura"), ("", "NotificaEccezione")]),
            (&*DTD_DOCAREA, vec![("", "Segnatura")]),
        ] {
            for (ns, nome) in radici {
                assert!(g.radice(ns, nome).is_some(), "{nome}");
            }
        }
        assert!(ALLEGATO_6.nominati.contains_key(&Nome::di(NS_MESSAGGI, "MessaggioProtocolloType")));
    }
}
