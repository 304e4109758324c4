//! Printed documents: accessible, archival, the same byte for byte whenever they are made.
//!
//! A [`Documento`] is a value: headings, paragraphs, facts, tables, frames, QR codes. [`Documento::pdf`] lays it out
//! on A4 and gives the bytes of a PDF that is at once **PDF/A-2a** (it will be readable in decades) and **PDF/UA-1**
//! (it can be read by who does not see it): tagged, with title, language, outline and its own fonts. The PDF writer
//! itself refuses what would not comply; veraPDF, an independent judge, is in the tests.
//!
//! ```
//! use stampa::{Blocco, Brano, Documento, Istante};
//!
//! let quando = Istante { anno: 2026, mese: 3, giorno: 2, ora: 9, minuto: 5, secondo: 0, scarto_minuti: 60 };
//! let mut documento = Documento::nuovo("Ricevuta di registrazione", "Comune di Esempio", quando);
//! documento.blocchi.push(Blocco::Fatti(vec![("Numero".into(), vec![Brano::grassetto("42")])]));
//! assert!(documento.pdf()?.starts_with(b"%PDF"));
//! # Ok::<(), stampa::Errore>(())
//! ```
//!
//! | room | what it does |
//! |---|---|
//! | `documento` | the document as a value |
//! | `carattere` | the bundled fonts: who has a character, how wide is a word |
//! | `composizione` | words into lines |
//! | `impaginazione` | the pages: what is left of one, its head and foot |
//! | `blocchi`, `tabella`, `codice_qr` | blocks down the pages |
//! | `penna` | lines into strokes and structure |
//! | `struttura` | the tree a screen reader follows |
//! | `foglio` | a page's strokes onto the PDF |
//! | `etichetta` | a label or a stamp: one small page of lines and a QR code |
//! | `timbro` | a stamp put on a copy of another's PDF, whose bytes stay as they are |
//!
//! **Any text prints.** A character that none of the fonts has becomes a replacement sign; a note at the end says its
//! code, and who copies or hears the text gets the original. **Tables stream**: rows are asked for one at a time,
//! twice (to count pages, then to print), and only their structure stays in memory.
//!
//! **Nothing here** knows what a registration is, reads a clock, a disk or a network, or draws random numbers: the
//! date is given, so the same document is always the same bytes. Why these libraries and fonts:
//! `docs/decisions/0006-stampa.md`.

mod blocchi;
mod carattere;
mod codice_qr;
mod composizione;
mod documento;
mod errore;
mod etichetta;
mod foglio;
mod impaginazione;
mod penna;
mod struttura;
mod tabella;
pub mod timbro;

pub use documento::{
    Allineamento, Blocco, Brano, COLONNE_MAX, Colonna, Cornice, Documento, Foglio, Intestazione, Istante, Qr, Riga,
    Righe, Tabella,
};
pub use errore::Errore;
pub use etichetta::{Etichetta, Peso, RigaEtichetta};

use krilla::SerializeSettings;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::Point;
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};

use carattere::{Caratteri, per_metadati};
use impaginazione::{Capitolo, Impaginazione};

/// What a document without a title is called.
pub(crate) const SENZA_TITOLO: &str = "Documento";
/// What wrote the file, in its metadata.
const PROGRAMMA: &str = "Protocollo";

impl Documento<'_> {
    /// The bytes of the PDF.
    ///
    /// # Errors
    ///
    /// A table whose rows do not match its columns or change between one reading and the next, too much for a QR
    /// code, frames nested too deep. Never the characters of the text.
    pub fn pdf(&self) -> Result<Vec<u8>, Errore> {
        let caratteri = Caratteri::carica()?;
        let configuration = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A2_A)
            .with_accessibility_validator(Accessibility::UA1)
            .finish()
            .map_err(|e| Errore::Scrittura(format!("{e:?}")))?;
        let pagine = Impaginazione::conta(self, &caratteri)?;
        let vuoto = krilla::Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
        let (mut pdf, struttura, capitoli) = Impaginazione::stampa(self, &caratteri, vuoto, pagine)?;
        let lingua = if self.lingua.trim().is_empty() { "it-IT" } else { self.lingua.trim() };
        pdf.set_tag_tree(struttura.albero(lingua));
        pdf.set_outline(sommario(&capitoli));
        pdf.set_metadata(self.metadati(lingua));
        pdf.finish().map_err(|e| Errore::Scrittura(format!("{e:?}")))
    }

    fn metadati(&self, lingua: &str) -> Metadata {
        metadati(self.data, &self.titolo, &self.autore, &self.soggetto).language(lingua.into())
    }
}

fn metadati(data: Istante, titolo: &str, autore: &str, soggetto: &str) -> Metadata {
    let Istante { anno, mese, giorno, ora, minuto, secondo, scarto_minuti } = data;
    let scarto = scarto_minuti.clamp(-14 * 60, 14 * 60);
    let data = DateTime::new(anno.min(9999))
        .month(mese.clamp(1, 12))
        .day(giorno.clamp(1, 31))
        .hour(ora.min(23))
        .minute(minuto.min(59))
        .second(secondo.min(59))
        .utc_offset_hour((scarto / 60) as i8)
        .utc_offset_minute((scarto % 60).unsigned_abs() as u8);
    let mut titolo = per_metadati(titolo, 500);
    if titolo.is_empty() {
        titolo = SENZA_TITOLO.into();
    }
    let mut metadati =
        Metadata::new().title(titolo).creation_date(data).creator(PROGRAMMA.into()).producer(PROGRAMMA.into());
    let autore = per_metadati(autore, 500);
    if !autore.is_empty() {
        metadati = metadati.authors(vec![autore]);
    }
    let soggetto = per_metadati(soggetto, 1000);
    if !soggetto.is_empty() {
        metadati = metadati.description(soggetto);
    }
    metadati
}

/// The headings as a tree, as deep as their levels.
fn sommario(capitoli: &[Capitolo]) -> Outline {
    let mut radici = Outline::new();
    let mut aperti: Vec<(u8, OutlineNode)> = Vec::new();
    let mut chiudi = |aperti: &mut Vec<(u8, OutlineNode)>| {
        if let Some((_, nodo)) = aperti.pop() {
            match aperti.last_mut() {
                Some((_, padre)) => padre.push_child(nodo),
                None => radici.push_child(nodo),
            }
        }
    };
    for capitolo in capitoli {
        while aperti.last().is_some_and(|(livello, _)| *livello >= capitolo.livello) {
            chiudi(&mut aperti);
        }
        let dove = XyzDestination::new(capitolo.pagina, Point::from_xy(0.0, (capitolo.y - 12.0).max(0.0)));
        aperti.push((capitolo.livello, OutlineNode::new(capitolo.testo.clone(), dove)));
    }
    while !aperti.is_empty() {
        chiudi(&mut aperti);
    }
    radici
}
