//! A message taken apart: where each part begins and ends, without decoding anything (RFC 2045, 2046, 5322).
//!
//! Fields are read by `mail-parser`; the walk is ours, because what is hostile must cost little: one pass over the bytes, a flat
//! list, no recursion, nothing copied, and a boundary is a whole line or it is none. What is inside of a `message/rfc822` is a
//! message of its own, opened by who asks for it.

mod campi;
mod contenuto;
mod passo;
mod testata;

use std::borrow::Cow;
use std::ops::Range;

pub use contenuto::{Codifica, Contenuto, Misura};
pub use testata::{Indirizzo, Testata};

use encoding_rs::{Encoding, WINDOWS_1252};

use crate::rilievo::Rilievi;

/// Bytes of a message.
pub const BYTE_MAX: usize = 256 << 20;
/// Parts of one message.
pub const PARTI_MAX: usize = 10_000;
/// Multiparts one inside the other.
pub const LIVELLI_MAX: usize = 100;
/// Bytes of the header of one part.
pub const TESTATA_MAX: usize = 1 << 20;
/// Bytes of a text that is shown.
pub const TESTO_MAX: usize = 1 << 20;

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parte {
    /// Its header, the empty line after it included.
    pub testata: Range<usize>,
    /// Its body, up to the line break before the next boundary.
    pub corpo: Range<usize>,
    /// The multipart it is in.
    pub padre: Option<usize>,
    /// How many multiparts are around it.
    pub livello: usize,
    /// `type/subtype`, lower case.
    pub mime: String,
    /// Name of the file, decoded (RFC 2047, RFC 2231).
    pub nome: Option<String>,
    /// `charset`.
    pub charset: Option<String>,
    /// How it is encoded.
    pub codifica: Codifica,
    /// It says of itself that it is an attachment.
    pub allegata: bool,
    /// `report-type` of a `multipart/report`.
    pub rapporto: Option<String>,
    /// The line that parts its children; only of what was opened.
    confine: Option<Vec<u8>>,
}

impl Parte {
    /// It was opened: its children are parts.
    pub fn aperta(&self) -> bool {
        self.confine.is_some()
    }

    /// Header and body, as received: what a signature covers.
    pub fn intera(&self) -> Range<usize> {
        self.testata.start..self.corpo.end
    }
}

/// A message, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messaggio<'a> {
    byte: Cow<'a, [u8]>,
    parti: Vec<Parte>,
    testata: Testata,
    rilievi: Rilievi,
}

impl<'a> Messaggio<'a> {
    /// Takes it apart. Whatever the bytes, there is at least one part: the whole.
    pub fn leggi(byte: impl Into<Cow<'a, [u8]>>) -> Self {
        let byte = byte.into();
        let mut rilievi = Rilievi::default();
        let parti = passo::cammina(&byte, &mut rilievi);
        let testa = parti.first().map(|p| p.testata.clone()).unwrap_or_default();
        let testata = testata::leggi(&byte[testa], &mut rilievi);
        Self { byte, parti, testata, rilievi }
    }

    /// As received.
    pub fn byte(&self) -> &[u8] {
        &self.byte
    }

    /// Its header.
    pub fn testata(&self) -> &Testata {
        &self.testata
    }

    /// Parts in the order of the message; the first is the whole.
    pub fn parti(&self) -> &[Parte] {
        &self.parti
    }

    /// Straight children of a part.
    pub fn figli(&self, padre: usize) -> impl Iterator<Item = (usize, &Parte)> {
        self.parti.iter().enumerate().filter(move |(_, p)| p.padre == Some(padre))
    }

    /// Parts that hold something: all but the multiparts that were opened.
    pub fn foglie(&self) -> impl Iterator<Item = &Parte> {
        self.parti.iter().filter(|p| !p.aperta())
    }

    /// What a part holds.
    pub fn contenuto(&self, parte: &Parte) -> Contenuto<'_> {
        Contenuto::nuovo(&self.byte[parte.corpo.clone()], parte.codifica)
    }

    pub(crate) fn prendi_rilievi(&mut self) -> Rilievi {
        std::mem::take(&mut self.rilievi)
    }

    /// The text that a person reads first, where there is one: `text/plain` before `text/html`, never an attachment.
    pub fn corpo(&self) -> Option<&Parte> {
        let di = |mime| self.foglie().find(|p| p.mime == mime && !p.allegata && p.nome.is_none());
        di("text/plain").or_else(|| di("text/html"))
    }

    /// The text of a part, or its beginning: in the alphabet it says, in UTF-8 when it says none that is known, else in Latin.
    pub fn testo(&self, parte: &Parte) -> String {
        let byte = self.contenuto(parte).inizio(TESTO_MAX);
        let detto = parte.charset.as_deref().and_then(|c| Encoding::for_label(c.as_bytes()));
        match (detto, std::str::from_utf8(&byte)) {
            (Some(alfabeto), _) => alfabeto.decode(&byte).0.into_owned(),
            (None, Ok(t)) => t.to_owned(),
            (None, Err(_)) => WINDOWS_1252.decode_without_bom_handling(&byte).0.into_owned(),
        }
    }
}
