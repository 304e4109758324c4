//! Canonical XML: from the bytes of a file to the bytes that a signature covers.
//!
//! Three steps, each with limits: [`Testo::leggi`] decodes the bytes (declaration and BOM), applies what XML 1.0 §2.11 and
//! §3.3.3 ask before parsing and counts; [`Testo::albero`] parses, refusing any DTD; [`Albero::canonica`] writes the canonical
//! form of the whole, or of a set of nodes, by one of the six methods of W3C. Held against `xmllint` by `tests/canonica.rs`.
//! Who makes signatures (crate `sigillo`) and who checks them canonicalise with the same code. R-C10, R-C12.

mod codifica;
mod riga;

use std::borrow::Cow;

pub use bergshamra_c14n::C14nSink as Pozzo;
use bergshamra_c14n::{C14nMode, canonicalize_doc_to};
pub use bergshamra_xml::NodeSet as Nodi;
pub use uppsala::{Document, NodeId, NodeKind};

/// Bytes of an XML file, after decoding.
pub const BYTE_MAX: usize = 64 << 20;
/// Elements, comments, instructions and attributes in a file.
pub const NODI_MAX: usize = 2_000_000;
/// Attributes of one element.
pub const ATTRIBUTI_MAX: usize = 256;
/// Elements one inside the other.
pub const PROFONDITA_MAX: usize = 128;
/// Declarations of namespaces in force at one point: each element looks at all of them.
pub const NAMESPACE_MAX: usize = 512;

/// Why an XML cannot be canonicalised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Errore {
    /// Over one of the limits of this module.
    #[error("XML oltre i limiti: {0}")]
    Limite(&'static str),
    /// The bytes are not of the encoding they declare, or it is not known.
    #[error("codifica dei caratteri: {0}")]
    Codifica(String),
    /// A DTD is never read: it could change values, name files, grow.
    #[error("l'XML contiene una DTD (DOCTYPE), che non si legge")]
    Dtd,
    /// Not well-formed.
    #[error("XML non ben formato: {0}")]
    Forma(String),
    /// The canonical form cannot be written (relative namespaces).
    #[error("forma canonica: {0}")]
    Canonica(String),
}

/// The methods of canonicalisation, by their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metodo {
    /// Canonical XML 1.0, without comments or with them.
    Inclusiva {
        /// Comments are kept.
        commenti: bool,
    },
    /// Canonical XML 1.1, without comments or with them.
    Inclusiva11 {
        /// Comments are kept.
        commenti: bool,
    },
    /// Exclusive canonical XML 1.0, without comments or with them.
    Esclusiva {
        /// Comments are kept.
        commenti: bool,
    },
}

impl Metodo {
    /// The method of this address, when it is one of the six.
    pub fn da_uri(uri: &str) -> Option<Self> {
        C14nMode::from_uri(uri).map(|m| {
            let commenti = m.with_comments();
            match m {
                C14nMode::Inclusive | C14nMode::InclusiveWithComments => Self::Inclusiva { commenti },
                C14nMode::Inclusive11 | C14nMode::Inclusive11WithComments => Self::Inclusiva11 { commenti },
                C14nMode::Exclusive | C14nMode::ExclusiveWithComments => Self::Esclusiva { commenti },
            }
        })
    }

    /// Its address.
    pub fn uri(self) -> &'static str {
        self.modo().uri()
    }

    /// Whether comments are kept.
    pub fn commenti(self) -> bool {
        self.modo().with_comments()
    }

    fn modo(self) -> C14nMode {
        match self {
            Self::Inclusiva { commenti: false } => C14nMode::Inclusive,
            Self::Inclusiva { commenti: true } => C14nMode::InclusiveWithComments,
            Self::Inclusiva11 { commenti: false } => C14nMode::Inclusive11,
            Self::Inclusiva11 { commenti: true } => C14nMode::Inclusive11WithComments,
            Self::Esclusiva { commenti: false } => C14nMode::Exclusive,
            Self::Esclusiva { commenti: true } => C14nMode::ExclusiveWithComments,
        }
    }
}

/// An XML as text, ready to be parsed: decoded, lines and attribute values normalised, counted.
#[derive(Debug)]
pub struct Testo<'b>(Cow<'b, str>);

impl<'b> Testo<'b> {
    /// Decodes and normalises.
    ///
    /// # Errors
    /// Over the limits, badly encoded, or with a DTD.
    pub fn leggi(byte: &'b [u8]) -> Result<Self, Errore> {
        let decodificato = codifica::decodifica(byte)?;
        if decodificato.len() > BYTE_MAX {
            return Err(Errore::Limite("byte"));
        }
        riga::normalizza(decodificato).map(Self)
    }

    /// The text that is parsed.
    pub fn come_testo(&self) -> &str {
        &self.0
    }

    /// Parses: no DTD, hence no entity but the five of XML, and nothing to fetch.
    ///
    /// # Errors
    /// Not well-formed.
    pub fn albero(&self) -> Result<Albero<'_>, Errore> {
        let lettore = uppsala::Parser::new().with_forbid_dtd(true).with_max_depth(PROFONDITA_MAX as u32);
        lettore.parse(&self.0).map(Albero).map_err(|e| Errore::Forma(e.to_string()))
    }
}

/// A parsed XML: what is checked and what is used are read from this one tree, against signature wrapping.
pub struct Albero<'t>(pub Document<'t>);

impl Albero<'_> {
    /// The canonical form of the whole document (`None`) or of a set of its nodes; `prefissi` is the `PrefixList` of the
    /// exclusive methods, where `#default` is the namespace without prefix.
    ///
    /// # Errors
    /// When the form does not exist for this document.
    pub fn canonica(&self, metodo: Metodo, nodi: Option<&Nodi>, prefissi: &[&str]) -> Result<Vec<u8>, Errore> {
        let mut v = Vec::new();
        self.canonica_in(metodo, nodi, prefissi, &mut v)?;
        Ok(v)
    }

    /// As [`Self::canonica`], into a sink: a digest needs no copy of the document.
    ///
    /// # Errors
    /// When the form does not exist for this document.
    pub fn canonica_in<P: Pozzo>(
        &self,
        metodo: Metodo,
        nodi: Option<&Nodi>,
        prefissi: &[&str],
        pozzo: &mut P,
    ) -> Result<(), Errore> {
        canonicalize_doc_to(&self.0, metodo.modo(), nodi, prefissi, pozzo).map_err(|e| Errore::Canonica(e.to_string()))
    }

    /// The set of an element and what is in it.
    pub fn sottoalbero(&self, elemento: NodeId, commenti: bool) -> Nodi {
        if commenti {
            Nodi::tree_with_comments(elemento, &self.0)
        } else {
            Nodi::tree_without_comments(elemento, &self.0)
        }
    }
}

/// From bytes to the canonical form of the whole document.
///
/// # Errors
/// As [`Testo::leggi`], [`Testo::albero`], [`Albero::canonica`].
pub fn canonizza(byte: &[u8], metodo: Metodo) -> Result<Vec<u8>, Errore> {
    Testo::leggi(byte)?.albero()?.canonica(metodo, None, &[])
}
