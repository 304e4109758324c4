//! Reads a PDF of unknown origin within bounds.
//!
//! The library that reads makes an object of some hundred bytes of each token, and unpacks every stream of objects that it
//! meets: `[0 0 0 …]` grows sixty times, and packed some thousand times more. So tokens are counted before it begins, in the
//! file as it stands (also in what seems the inside of a stream: a table may point there), and in what it unpacks. What a
//! document holds is not followed, run or fetched.

use std::cell::Cell;

use lopdf::{Document, LoadOptions, Object};

/// Longer files are refused.
pub const BYTE_MAX: usize = 64 << 20;
/// Tokens of a file and of its streams of objects together: half a gigabyte of objects. Packed images of [`BYTE_MAX`] have
/// some four million and a half by chance.
const GETTONI_MAX: usize = 6_000_000;
/// Bytes that all streams of objects may become together.
const FLUSSI_MAX: usize = 48 << 20;
/// Bytes that one stream of structure may become.
const FLUSSO_MAX: usize = 16 << 20;
/// The same of an encrypted document, whose streams are unpacked uncounted …
const FLUSSO_CIFRATO_MAX: usize = 64 << 10;
/// … so that they may not be many either: how often the word may stand there, at the beginning of a stream and at its end.
const FLUSSI_CIFRATI_MAX: usize = 512;

/// Why it is not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Errore {
    /// It would take more memory than there is.
    #[error("il PDF è troppo grande o troppo complicato")]
    TroppoGrande,
    /// Encrypted, for whoever asks for one that is not.
    #[error("il PDF è cifrato")]
    Cifrato,
    /// Not a PDF, or not whole.
    #[error("il PDF è danneggiato: {0}")]
    Danneggiato(String),
}

thread_local! {
    /// Bytes and tokens left for streams of objects; none when they were not enough.
    static RESTA: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
    /// Whether a stream of objects was met: objects come out of it.
    static DENTRO: Cell<bool> = const { Cell::new(false) };
}

/// The reader unpacks streams of objects as it meets them: what this lets through is counted.
fn conta(id: (u32, u16), oggetto: &mut Object) -> Option<((u32, u16), Object)> {
    let Object::Stream(flusso) = &*oggetto else {
        // What comes out of a stream of objects is taken from the answer; what stands alone stays in its place.
        return Some((id, if DENTRO.get() { oggetto.clone() } else { Object::Null }));
    };
    if flusso.dict.has_type(b"ObjStm") {
        let (byte, parole) = RESTA.get()?;
        let chiaro = flusso.get_plain_content_with_limit(byte.min(FLUSSO_MAX)).ok();
        RESTA.set(chiaro.and_then(|c| Some((byte.checked_sub(c.len())?, parole.checked_sub(gettoni(&c))?))));
        RESTA.get()?;
        DENTRO.set(true);
    }
    // A stream always stands alone.
    Some((id, Object::Null))
}

/// Reads it, whole or mended, encrypted or not.
///
/// # Errors
/// It would take too much; it is no PDF.
pub fn leggi(pdf: &[u8]) -> Result<Document, Errore> {
    if pdf.len() > BYTE_MAX {
        return Err(Errore::TroppoGrande);
    }
    let Some(resta) = GETTONI_MAX.checked_sub(gettoni(pdf)) else { return Err(Errore::TroppoGrande) };
    let cifrato = cifrato(pdf);
    if cifrato && pdf.windows(6).filter(|w| w == b"stream").count() > FLUSSI_CIFRATI_MAX {
        return Err(Errore::TroppoGrande);
    }
    RESTA.set(Some((FLUSSI_MAX, resta)));
    DENTRO.set(false);
    let massimo = if cifrato { FLUSSO_CIFRATO_MAX } else { FLUSSO_MAX };
    let opzioni = LoadOptions { filter: Some(conta), max_decompressed_size: Some(massimo), ..LoadOptions::default() };
    let documento = Document::load_mem_with_options(pdf, opzioni).map_err(|e| match e {
        lopdf::Error::Decompress(_) => Errore::TroppoGrande,
        e => Errore::Danneggiato(e.to_string()),
    })?;
    RESTA.get().map(|_| documento).ok_or(Errore::TroppoGrande)
}

/// Reads one that is whole and not encrypted: such a one can be added to.
///
/// # Errors
/// As [`leggi`]; it is encrypted; its table of objects had to be mended.
pub fn leggi_integro(pdf: &[u8]) -> Result<Document, Errore> {
    // An encrypted one is not even read.
    if cifrato(pdf) {
        return Err(Errore::Cifrato);
    }
    let documento = leggi(pdf)?;
    if documento.is_encrypted() || documento.was_encrypted() {
        return Err(Errore::Cifrato);
    }
    if documento.xref_recovery.is_some() || documento.xref_start == 0 {
        return Err(Errore::Danneggiato("la sua tabella degli oggetti è rotta".into()));
    }
    Ok(documento)
}

/// Tokens that a reader could find, wherever it begins.
fn gettoni(byte: &[u8]) -> usize {
    /// 0: of a word; 1: between words; 2: begins something by itself; 3: ends it; 4: begins a name.
    const CHE: [u8; 256] = {
        let mut t = [0; 256];
        let (tra, inizi, fini) = (b"\0\t\n\x0c\r ", b"(<[{", b")>]}");
        t[b'/' as usize] = 4;
        let mut i = 0;
        while i < tra.len() {
            t[tra[i] as usize] = 1;
            i += 1;
        }
        i = 0;
        while i < inizi.len() {
            t[inizi[i] as usize] = 2;
            i += 1;
        }
        i = 0;
        while i < fini.len() {
            t[fini[i] as usize] = 3;
            i += 1;
        }
        t
    };
    let (mut n, mut prima) = (0, 1);
    for b in byte {
        let che = CHE[usize::from(*b)];
        n += usize::from(che == 2 || che == 4 || che == 0 && prima != 0 && prima != 4);
        prima = che;
    }
    n
}

/// A trailer names an encryption dictionary. A text that says the same by chance is taken for one.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_a_reader_would_make_is_counted() {
        for (testo, quanti) in [
            (&b""[..], 0),
            (b"0 0 0", 3),
            (b"[0 0 0]", 4),
            (b"////", 4),
            (b"/Nome", 1),
            (b"<</A 1/B(x)>>", 6),
            (b"(a)(b)", 4),
            (b"12 0 R", 3),
            (b"\n\n  \n", 0),
            (b"]1]2", 2),
        ] {
            let trovati = gettoni(testo);
            assert!(trovati >= quanti && trovati <= quanti + 2, "{}: {trovati}", String::from_utf8_lossy(testo));
        }
        // Packed bytes have few of them.
        let caso: Vec<u8> = (0..1_000_000u64).map(|i| (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8).collect();
        assert!(gettoni(&caso) < 80_000, "{}", gettoni(&caso));
    }
}
