//! What is printed: a document as a value, without fonts, pages or points.

use std::fmt;

/// A document, from which [`Documento::pdf`] makes the bytes.
///
/// The title is printed as the only heading of the first level, and is what a reader's window shows.
#[derive(Debug)]
pub struct Documento<'a> {
    /// What the document is; blank becomes "Documento", because PDF/UA wants a title.
    pub titolo: String,
    /// RFC 3066 tag of the language of the text, `it-IT` for what an Italian administration writes.
    pub lingua: String,
    /// Who answers for the document: the name of the ente.
    pub autore: String,
    /// One line on what it is about, for the metadata only.
    pub soggetto: String,
    /// When the document was made, as the caller knows it: there is no clock here.
    pub data: Istante,
    /// How the sheet lies.
    pub foglio: Foglio,
    /// Whose paper this is, at the head of the first page and, small, of the others.
    pub intestazione: Intestazione,
    /// Text at the foot of every page, beside "Pagina 1 di 3".
    pub piede: String,
    /// The contents, in reading order.
    pub blocchi: Vec<Blocco<'a>>,
}

impl Documento<'_> {
    /// A document in Italian, upright, with nothing in it yet.
    pub fn nuovo(titolo: impl Into<String>, ente: impl Into<String>, data: Istante) -> Self {
        let ente = ente.into();
        Self {
            titolo: titolo.into(),
            lingua: "it-IT".into(),
            autore: ente.clone(),
            soggetto: String::new(),
            data,
            foglio: Foglio::Verticale,
            intestazione: Intestazione { ente, riga: String::new() },
            piede: String::new(),
            blocchi: Vec::new(),
        }
    }
}

/// An instant in civil time with its distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Istante {
    /// Year of the common era.
    pub anno: u16,
    /// Month, 1 to 12.
    pub mese: u8,
    /// Day of the month, from 1.
    pub giorno: u8,
    /// Hour, 0 to 23.
    pub ora: u8,
    /// Minute, 0 to 59.
    pub minuto: u8,
    /// Second, 0 to 59.
    pub secondo: u8,
    /// Minutes to add to UTC to get this civil time: 60 or 120 in Italy.
    pub scarto_minuti: i16,
}

/// Years before the common era become 0.
impl From<&jiff::ZonedDateTime> for Istante {
    fn from(z: &jiff::ZonedDateTime) -> Self {
        let parte = |n: i8| u8::try_from(n).unwrap_or_default();
        Self {
            anno: u16::try_from(z.year()).unwrap_or_default(),
            mese: parte(z.month()),
            giorno: parte(z.day()),
            ora: parte(z.hour()),
            minuto: parte(z.minute()),
            secondo: parte(z.second()),
            scarto_minuti: i16::try_from(z.offset().seconds() / 60).unwrap_or_default(),
        }
    }
}

/// A4, upright or lying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Foglio {
    /// Taller than wide.
    #[default]
    Verticale,
    /// Wider than tall, for tables of many columns.
    Orizzontale,
}

/// The head of the paper.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intestazione {
    /// Name of the ente.
    pub ente: String,
    /// A second line (office, address), or nothing.
    pub riga: String,
}

/// One piece of the document.
#[derive(Debug)]
pub enum Blocco<'a> {
    /// A heading. Levels go from 2 (the document's title is 1) to 6; a level that would skip one is raised.
    Titolo(u8, String),
    /// Running text.
    Paragrafo(Vec<Brano>),
    /// One thing said large, like the number of a registration; it shrinks to stay on a line.
    Rilievo(Vec<Brano>),
    /// Small print.
    Nota(Vec<Brano>),
    /// Label and value, one per line.
    Fatti(Vec<(String, Vec<Brano>)>),
    /// Rows under headings repeated on every page.
    Tabella(Tabella<'a>),
    /// Blocks in a frame.
    Riquadro(Cornice, Vec<Blocco<'a>>),
    /// A QR code with its caption beside.
    Qr(Qr),
    /// A link on a line of its own.
    Collegamento {
        /// What is read.
        testo: String,
        /// Where it goes: `https:`, `http:` or `mailto:`; anything else is printed without a link.
        url: String,
    },
    /// Empty space, in millimetres.
    Spazio(u8),
}

/// A stretch of text of one appearance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Brano {
    /// The text; line feeds break the line.
    pub testo: String,
    /// Heavier.
    pub grassetto: bool,
    /// Slanted; bold wins over it.
    pub corsivo: bool,
    /// With a line through it.
    pub barrato: bool,
    /// With a line under it.
    pub sottolineato: bool,
    /// All characters of one width: hashes, identifiers.
    pub fisso: bool,
    /// Where a click goes; see [`Blocco::Collegamento`].
    pub url: Option<String>,
}

impl Brano {
    /// Plain text.
    pub fn piano(testo: impl Into<String>) -> Self {
        Self { testo: testo.into(), ..Self::default() }
    }
    /// Bold text.
    pub fn grassetto(testo: impl Into<String>) -> Self {
        Self { grassetto: true, ..Self::piano(testo) }
    }
    /// Italic text.
    pub fn corsivo(testo: impl Into<String>) -> Self {
        Self { corsivo: true, ..Self::piano(testo) }
    }
    /// Struck text.
    pub fn barrato(testo: impl Into<String>) -> Self {
        Self { barrato: true, ..Self::piano(testo) }
    }
    /// Underlined text.
    pub fn sottolineato(testo: impl Into<String>) -> Self {
        Self { sottolineato: true, ..Self::piano(testo) }
    }
    /// Text of fixed width.
    pub fn fisso(testo: impl Into<String>) -> Self {
        Self { fisso: true, ..Self::piano(testo) }
    }
    /// Text that leads somewhere.
    pub fn collegamento(testo: impl Into<String>, url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), ..Self::piano(testo) }
    }
}

impl From<&str> for Brano {
    fn from(testo: &str) -> Self {
        Self::piano(testo)
    }
}

impl From<String> for Brano {
    fn from(testo: String) -> Self {
        Self::piano(testo)
    }
}

/// How a frame looks; its colour is never the only bearer of meaning, so say it in words too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cornice {
    /// A thin grey line.
    Sobria,
    /// A pale blue ground: the thing to look at first.
    Evidenza,
    /// A pale red ground: the thing that must not be missed, like "ANNULLATA".
    Avviso,
}

/// A QR code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Qr {
    /// What a telephone reads; at most about 2,300 bytes.
    pub contenuto: String,
    /// Side, quiet zone included, in millimetres; kept between 10 and the width of the text.
    pub lato_mm: u8,
    /// What is said to who does not see it; blank becomes "Codice QR: " and the contents.
    pub testo_alternativo: String,
    /// What is printed beside it.
    pub didascalia: Vec<Brano>,
}

/// A table. Rows are asked for twice (to count pages, then to print) and never held together.
#[derive(Debug)]
pub struct Tabella<'a> {
    /// What it lists, for who hears it read; not printed.
    pub sommario: String,
    /// At least one, at most [`COLONNE_MAX`].
    pub colonne: Vec<Colonna>,
    /// Each as long as the columns.
    pub righe: Righe<'a>,
}

/// More columns than this are refused: they would be narrower than a word.
pub const COLONNE_MAX: usize = 24;

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colonna {
    /// Its heading.
    pub intestazione: String,
    /// Share of the width in proportion to the other columns; 0 counts as 1.
    pub peso: u16,
    /// Where its text leans.
    pub allineamento: Allineamento,
}

impl Colonna {
    /// A column of text.
    pub fn testo(intestazione: impl Into<String>, peso: u16) -> Self {
        Self { intestazione: intestazione.into(), peso, allineamento: Allineamento::Sinistra }
    }
    /// A column of numbers, leaning right so that units are under units.
    pub fn numero(intestazione: impl Into<String>, peso: u16) -> Self {
        Self { intestazione: intestazione.into(), peso, allineamento: Allineamento::Destra }
    }
}

/// Where the text of a column leans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allineamento {
    /// On the left.
    Sinistra,
    /// On the right.
    Destra,
}

/// A row of cells, each some text.
pub type Riga = Vec<Vec<Brano>>;

/// The rows of a table as something that can be walked again.
pub struct Righe<'a>(Box<dyn Fn() -> Box<dyn Iterator<Item = Riga> + 'a> + 'a>);

impl<'a> Righe<'a> {
    /// Rows made one at a time by an iterator, which `da_capo` starts over; it must always give the same rows.
    pub fn da<F, I>(da_capo: F) -> Self
    where
        F: Fn() -> I + 'a,
        I: Iterator<Item = Riga> + 'a,
    {
        Self(Box::new(move || Box::new(da_capo())))
    }

    pub(crate) fn scorri(&self) -> Box<dyn Iterator<Item = Riga> + 'a> {
        (self.0)()
    }
}

impl From<Vec<Riga>> for Righe<'_> {
    fn from(righe: Vec<Riga>) -> Self {
        let righe = std::sync::Arc::new(righe);
        Self::da(move || {
            let righe = righe.clone();
            (0..righe.len()).map(move |i| righe[i].clone())
        })
    }
}

impl fmt::Debug for Righe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Righe(..)")
    }
}
