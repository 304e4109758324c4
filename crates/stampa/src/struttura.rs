//! The structure of the document: what is a heading, a list, a cell. It is what a screen reader follows.

use std::num::NonZeroU16;

use krilla::geom::Rect;
use krilla::tagging::{
    BBox, Identifier, ListNumbering, Node, Placement, TableHeaderScope, Tag, TagGroup, TagKind, TagTree,
    TextDecorationType,
};

/// What a node is.
#[derive(Debug)]
pub(crate) enum Ruolo {
    Titolo(u8, Box<str>),
    Paragrafo,
    Divisione,
    Tabella(Box<str>),
    TestaTabella,
    CorpoTabella,
    RigaTabella,
    CellaTesta,
    Cella,
    Elenco,
    Voce,
    Etichetta,
    CorpoVoce,
    Forte,
    Enfasi,
    Codice,
    Barrato,
    Sottolineato,
    Collegamento,
    Figura(Box<str>, usize, Rect),
}

#[derive(Debug)]
enum Figlio {
    Nodo(u32),
    Foglia(u32),
}

#[derive(Debug)]
struct Nodo {
    ruolo: Ruolo,
    figli: Vec<Figlio>,
}

/// The tree while it grows: nodes by number, because a cell may go on after its neighbour began.
#[derive(Debug, Default)]
pub(crate) struct Struttura {
    nodi: Vec<Nodo>,
    radici: Vec<u32>,
    /// What the PDF writer calls the leaves, known when their page is written.
    foglie: Vec<Option<Identifier>>,
}

impl Struttura {
    /// A new node under another, or under the document.
    pub(crate) fn nodo(&mut self, padre: Option<u32>, ruolo: Ruolo) -> u32 {
        let numero = self.nodi.len() as u32;
        self.nodi.push(Nodo { ruolo, figli: Vec::new() });
        match padre {
            Some(padre) => self.nodi[padre as usize].figli.push(Figlio::Nodo(numero)),
            None => self.radici.push(numero),
        }
        numero
    }

    /// A new leaf: something printed that belongs to the node.
    pub(crate) fn foglia(&mut self, padre: u32) -> u32 {
        let numero = self.foglie.len() as u32;
        self.foglie.push(None);
        self.nodi[padre as usize].figli.push(Figlio::Foglia(numero));
        numero
    }

    pub(crate) fn identifica(&mut self, foglia: u32, identificatore: Identifier) {
        self.foglie[foglia as usize] = Some(identificatore);
    }

    /// The tree as the PDF writer wants it.
    pub(crate) fn albero(mut self, lingua: &str) -> TagTree {
        let mut albero = TagTree::new().with_lang(Some(lingua.to_owned()));
        for radice in std::mem::take(&mut self.radici) {
            albero.push(self.gruppo(radice));
        }
        albero
    }

    fn gruppo(&mut self, numero: u32) -> TagGroup {
        let figli = std::mem::take(&mut self.nodi[numero as usize].figli);
        let mut nodi = Vec::with_capacity(figli.len());
        for figlio in figli {
            match figlio {
                Figlio::Nodo(n) => nodi.push(Node::Group(self.gruppo(n))),
                Figlio::Foglia(f) => nodi.extend(self.foglie[f as usize].map(Node::Leaf)),
            }
        }
        TagGroup::with_children(tag(&self.nodi[numero as usize].ruolo), nodi)
    }
}

fn tag(ruolo: &Ruolo) -> TagKind {
    match ruolo {
        Ruolo::Titolo(livello, testo) => {
            let livello = NonZeroU16::new(u16::from(*livello)).unwrap_or(NonZeroU16::MIN);
            Tag::Hn(livello, Some(testo.to_string())).into()
        }
        Ruolo::Paragrafo => Tag::P.into(),
        Ruolo::Divisione => Tag::Div.into(),
        Ruolo::Tabella(sommario) => {
            Tag::Table.with_summary((!sommario.is_empty()).then(|| sommario.to_string())).into()
        }
        Ruolo::TestaTabella => Tag::THead.into(),
        Ruolo::CorpoTabella => Tag::TBody.into(),
        Ruolo::RigaTabella => Tag::TR.into(),
        Ruolo::CellaTesta => Tag::TH(TableHeaderScope::Column).into(),
        Ruolo::Cella => Tag::TD.into(),
        Ruolo::Elenco => Tag::L(ListNumbering::None).into(),
        Ruolo::Voce => Tag::LI.into(),
        Ruolo::Etichetta => Tag::Lbl.into(),
        Ruolo::CorpoVoce => Tag::LBody.into(),
        Ruolo::Forte => Tag::Strong.into(),
        Ruolo::Enfasi => Tag::Em.into(),
        Ruolo::Codice => Tag::Code.into(),
        Ruolo::Barrato => Tag::Span.with_text_decoration_type(Some(TextDecorationType::LineThrough)).into(),
        Ruolo::Sottolineato => Tag::Span.with_text_decoration_type(Some(TextDecorationType::Underline)).into(),
        Ruolo::Collegamento => Tag::Link.into(),
        Ruolo::Figura(alternativo, pagina, dove) => Tag::Figure(Some(alternativo.to_string()))
            .with_bbox(Some(BBox::new(*pagina, *dove)))
            .with_placement(Some(Placement::Block))
            .into(),
    }
}
