//! A stamp on the first page of a copy of a PDF.
//!
//! The bytes of the original are the beginning of the copy, and what the stamp needs is appended as an incremental
//! update (ISO 32000-1 § 7.5.6): whoever cuts the copy there has the original back, an earlier signature still holds on
//! its revision, a PDF/A stays a PDF/A. The stamp is a Form XObject drawn over the contents of the page, out of the
//! structure that a screen reader follows, because what it says is not of the document. R-C16, R-C17.
//!
//! | room | what it does |
//! |---|---|
//! | `pagina` | the first page: how it lies, what it draws, its new version |
//! | `trapianto` | objects of the stamp into the update |
//!
//! **Refused**, with the reason in words for who must put a cover sheet on it instead: what is not a PDF, is encrypted,
//! damaged, too big, or has a first page where no stamp would be legible. **Nothing here** follows what a file points to.

mod pagina;
mod trapianto;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::str::FromStr;

use lopdf::{IncrementalDocument, Object, StringFormat};
use sha2::{Digest as _, Sha256};

use crate::errore::Errore;
use crate::etichetta::Etichetta;

/// Longer files are refused.
pub use pdf::BYTE_MAX;
/// Stack of the thread that reads: foreign objects may be nested.
const PILA: usize = 32 << 20;

/// A corner of the page as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Angolo {
    /// Top right.
    #[default]
    AltoDestra,
    /// Top left.
    AltoSinistra,
    /// Bottom right.
    BassoDestra,
    /// Bottom left.
    BassoSinistra,
}

impl Angolo {
    /// All of them.
    pub const TUTTI: [Self; 4] = [Self::AltoDestra, Self::AltoSinistra, Self::BassoDestra, Self::BassoSinistra];

    /// `alto-destra`.
    pub fn codice(self) -> &'static str {
        match self {
            Self::AltoDestra => "alto-destra",
            Self::AltoSinistra => "alto-sinistra",
            Self::BassoDestra => "basso-destra",
            Self::BassoSinistra => "basso-sinistra",
        }
    }
}

/// No such corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("l'angolo è alto-destra, alto-sinistra, basso-destra o basso-sinistra")]
pub struct AngoloErrato;

impl FromStr for Angolo {
    type Err = AngoloErrato;

    fn from_str(testo: &str) -> Result<Self, AngoloErrato> {
        Self::TUTTI.into_iter().find(|a| a.codice() == testo).ok_or(AngoloErrato)
    }
}

/// Where the stamp goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posizione {
    /// Which corner.
    pub angolo: Angolo,
    /// From both sides of the page, in millimetres.
    pub margine_mm: u8,
}

impl Default for Posizione {
    fn default() -> Self {
        Self { angolo: Angolo::default(), margine_mm: 7 }
    }
}

/// Why there is no stamped copy.
#[derive(Debug, thiserror::Error)]
pub enum NonTimbrabile {
    /// Something else.
    #[error("non è un PDF")]
    NonPdf,
    /// Not even with a blank password: the update would have to be encrypted too.
    #[error("è un PDF protetto da cifratura")]
    Cifrato,
    /// Longer than [`BYTE_MAX`], or longer when unpacked.
    #[error("è un PDF troppo grande")]
    TroppoGrande,
    /// Does not hold together.
    #[error("è un PDF danneggiato: {0}")]
    Danneggiato(String),
    /// A stamp on it would not be legible.
    #[error("la sua prima pagina è troppo piccola per il timbro")]
    PaginaPiccola,
    /// The stamp itself cannot be drawn.
    #[error(transparent)]
    Disegno(#[from] Errore),
}

impl From<pdf::Errore> for NonTimbrabile {
    fn from(e: pdf::Errore) -> Self {
        match e {
            pdf::Errore::TroppoGrande => Self::TroppoGrande,
            pdf::Errore::Cifrato => Self::Cifrato,
            pdf::Errore::Danneggiato(perche) => Self::Danneggiato(perche),
        }
    }
}

/// The copy of a PDF with a stamp on its first page; the same bytes whenever it is made.
///
/// # Errors
///
/// What cannot be stamped; see [`NonTimbrabile`].
pub fn timbra(pdf: &[u8], etichetta: &Etichetta, dove: Posizione) -> Result<Vec<u8>, NonTimbrabile> {
    if !pdf.starts_with(b"%PDF-") {
        return Err(NonTimbrabile::NonPdf);
    }
    let timbro = etichetta.timbro()?;
    // Foreign bytes are read in a thread of their own, whose end for whatever reason is only an error.
    std::thread::scope(|s| {
        let lavoro = || catch_unwind(AssertUnwindSafe(|| aggiorna(pdf, &timbro, dove)));
        match std::thread::Builder::new().stack_size(PILA).spawn_scoped(s, lavoro).map(|t| t.join()) {
            Ok(Ok(Ok(esito))) => esito,
            _ => Err(NonTimbrabile::Danneggiato("la sua struttura è rotta".into())),
        }
    })
}

fn aggiorna(pdf: &[u8], timbro: &[u8], dove: Posizione) -> Result<Vec<u8>, NonTimbrabile> {
    let documento = pdf::leggi_integro(pdf)?;
    let id = documento.page_iter().next().ok_or_else(|| NonTimbrabile::Danneggiato("non ha pagine".into()))?;
    let timbro = trapianto::Timbro::leggi(timbro)?;
    let pagina = pagina::Pagina::di(&documento, id)?;
    let posa = pagina.posa(timbro.misure, dove)?;

    let mut nuovo = IncrementalDocument::create_from(pdf.to_vec(), documento);
    nuovo.new_document.trailer.remove(b"XRefStm");
    rinnova_id(&mut nuovo, pdf);
    let modulo = timbro.trapianta(&mut nuovo.new_document)?;
    let nuova = pagina.con(&mut nuovo.new_document, modulo, &posa);
    nuovo.new_document.set_object(id, nuova);

    let mut copia = Vec::with_capacity(pdf.len() + (64 << 10));
    nuovo.save_to(&mut copia).map_err(|e| NonTimbrabile::Danneggiato(e.to_string()))?;
    if copia.starts_with(pdf) {
        Ok(copia)
    } else {
        Err(NonTimbrabile::Danneggiato("l'aggiornamento non ne conserva i byte".into()))
    }
}

/// The second half of the identifier changes with each update (ISO 32000-1 § 14.4), and says nothing of when.
fn rinnova_id(nuovo: &mut IncrementalDocument, pdf: &[u8]) {
    if let Ok(Object::Array(id)) = nuovo.new_document.trailer.get_mut(b"ID")
        && let [_, secondo] = &mut id[..]
    {
        let impronta = Sha256::digest(pdf);
        *secondo = Object::String(impronta[..16].to_vec(), StringFormat::Hexadecimal);
    }
}
