//! Reads a PDF of unknown origin: within limits, and only if it is whole.

use std::cell::Cell;

use lopdf::{Document, Error, LoadOptions, Object};

use super::NonTimbrabile;

/// Bytes that one stream of structure may become.
const FLUSSO_MAX: usize = 16 << 20;
/// Bytes that all streams of objects may become together: each byte may become many in memory.
const FLUSSI_MAX: usize = 24 << 20;

thread_local! {
    /// What is left for streams of objects; none when it was not enough.
    static RESTA: Cell<Option<usize>> = const { Cell::new(None) };
}

/// The reader unpacks streams of objects as it meets them, each within a limit but without an end: what this lets through
/// is counted.
fn conta(id: (u32, u16), oggetto: &mut Object) -> Option<((u32, u16), Object)> {
    let Object::Stream(flusso) = &*oggetto else {
        // What comes out of a stream of objects is taken from the answer; what stands alone stays in its place.
        return Some((id, oggetto.clone()));
    };
    if flusso.dict.has_type(b"ObjStm") {
        let resta = RESTA.get()?;
        let byte = flusso.get_plain_content_with_limit(resta.min(FLUSSO_MAX)).ok();
        RESTA.set(byte.and_then(|b| resta.checked_sub(b.len())));
        RESTA.get()?;
    }
    // A stream always stands alone.
    Some((id, Object::Null))
}

pub(super) fn leggi(pdf: &[u8]) -> Result<Document, NonTimbrabile> {
    // Decrypting comes before counting: such a document is not even read.
    if cifrato(pdf) {
        return Err(NonTimbrabile::Cifrato);
    }
    RESTA.set(Some(FLUSSI_MAX));
    let opzioni =
        LoadOptions { filter: Some(conta), max_decompressed_size: Some(FLUSSO_MAX), ..LoadOptions::default() };
    let documento = Document::load_mem_with_options(pdf, opzioni).map_err(|e| match e {
        Error::Decompress(_) => NonTimbrabile::TroppoGrande,
        e => NonTimbrabile::Danneggiato(e.to_string()),
    })?;
    if documento.is_encrypted() || documento.was_encrypted() {
        return Err(NonTimbrabile::Cifrato);
    }
    if RESTA.get().is_none() {
        return Err(NonTimbrabile::TroppoGrande);
    }
    if documento.xref_recovery.is_some() || documento.xref_start == 0 {
        return Err(NonTimbrabile::Danneggiato("la sua tabella degli oggetti è rotta".into()));
    }
    Ok(documento)
}

/// A trailer names an encryption dictionary. A text that says the same by chance only gets a cover sheet.
fn cifrato(pdf: &[u8]) -> bool {
    const CHIAVE: &[u8] = b"/Encrypt";
    let mut resto = pdf;
    while let Some(dove) = trova(resto, CHIAVE) {
        resto = &resto[dove + CHIAVE.len()..];
        let dopo = resto.trim_ascii_start();
        if dopo.starts_with(b"<<") || dopo.first().is_some_and(u8::is_ascii_digit) {
            return true;
        }
    }
    false
}

fn trova(byte: &[u8], ago: &[u8]) -> Option<usize> {
    let primo = *ago.first()?;
    let mut da = 0;
    while let Some(passo) = byte.get(da..)?.iter().position(|b| *b == primo) {
        da += passo;
        if byte[da..].starts_with(ago) {
            return Some(da);
        }
        da += 1;
    }
    None
}
