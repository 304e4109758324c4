//! What every message that leaves has in common: addresses, fields and parts, well formed by `lettre` (RFC 2047, 2231, 5322).

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue, Headers,
};
use lettre::message::{Body, Mailbox, Mailboxes, MultiPart, SinglePart};
use sha2::{Digest as _, Sha256};

use crate::{Data, Ricevuta};

/// Why a message is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Errore {
    /// A field that no message can hold.
    #[error("{campo}: {perche}")]
    Campo {
        /// Which.
        campo: &'static str,
        /// Why, in words.
        perche: String,
    },
    /// The provider's key did not sign.
    #[error(transparent)]
    Sigillo(#[from] sigillo::Errore),
}

pub(crate) fn no<T>(campo: &'static str, perche: impl Into<String>) -> Result<T, Errore> {
    Err(Errore::Campo { campo, perche: perche.into() })
}

/// Text without anything that could end a line: it would begin a field of its own.
pub(crate) fn pulito<'t>(campo: &'static str, testo: &'t str) -> Result<&'t str, Errore> {
    match testo.chars().any(char::is_control) {
        true => no(campo, "contiene caratteri di controllo"),
        false => Ok(testo),
    }
}

pub(crate) fn casella(campo: &'static str, nome: Option<&str>, indirizzo: &str) -> Result<Mailbox, Errore> {
    let nome = nome.map(|n| pulito(campo, n)).transpose()?.map(str::to_owned);
    match indirizzo.parse() {
        Ok(a) => Ok(Mailbox::new(nome, a)),
        Err(_) => no(campo, format!("«{}» non è un indirizzo", crate::rilievo::corto(indirizzo))),
    }
}

pub(crate) fn caselle<'i>(
    campo: &'static str,
    indirizzi: impl IntoIterator<Item = (Option<&'i str>, &'i str)>,
) -> Result<Mailboxes, Errore> {
    let mut v = Mailboxes::new();
    for (nome, indirizzo) in indirizzi {
        v.push(casella(campo, nome, indirizzo)?);
    }
    Ok(v)
}

/// `<…@…>`, as RFC 5322 § 3.6.4 wants it; who writes one that is not would never find its receipts again (R-E03).
pub(crate) fn id<'t>(campo: &'static str, testo: &'t str) -> Result<&'t str, Errore> {
    let dentro = testo.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or_default();
    let giusto = dentro.split_once('@').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty() && !b.contains('@'));
    if giusto && dentro.len() <= 200 && dentro.bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>') {
        return Ok(testo);
    }
    no(campo, format!("«{}» non è un Message-ID", crate::rilievo::corto(testo)))
}

/// Puts a field; words are encoded as they need.
pub(crate) fn campo(h: &mut Headers, nome: &'static str, valore: &str) {
    h.insert_raw(HeaderValue::new(HeaderName::new_from_ascii_str(nome), valore.to_owned()));
}

/// Puts a field of ASCII that must stay as it is.
pub(crate) fn esatto(h: &mut Headers, nome: &'static str, valore: &str) {
    let nome = HeaderName::new_from_ascii_str(nome);
    h.insert_raw(HeaderValue::dangerous_new_pre_encoded(nome, valore.to_owned(), valore.to_owned()));
}

pub(crate) fn data(h: &mut Headers, data: Data) -> Result<(), Errore> {
    let qui = data.istante.to_zoned_datetime(TimeZone::fixed(data.zona));
    match jiff::fmt::rfc2822::to_string(&qui) {
        Ok(t) => esatto(h, "Date", &t),
        Err(e) => return no("data", e.to_string()),
    }
    Ok(())
}

pub(crate) fn tipo_ricevuta(h: &mut Headers, ricevuta: Option<Ricevuta>) {
    if let Some(r) = ricevuta {
        esatto(h, "X-TipoRicevuta", r.nome());
    }
}

/// Header and body of a whole message.
pub(crate) fn intero(mut testata: Headers, corpo: &MultiPart) -> Vec<u8> {
    esatto(&mut testata, "MIME-Version", "1.0");
    let mut v = testata.to_string().into_bytes();
    v.extend(corpo.formatted());
    v
}

/// A file, in base64 whatever it is: its bytes arrive as they are.
pub(crate) fn file(nome: &str, mime: &str, byte: &[u8]) -> Result<SinglePart, Errore> {
    let nome = pulito("nome del file", nome)?;
    let Ok(tipo) = ContentType::parse(mime) else {
        return no("tipo del file", format!("«{mime}» non è un tipo MIME"));
    };
    let parte = SinglePart::builder().header(tipo).header(ContentDisposition::attachment(nome));
    Ok(parte.body(base64(byte.to_vec())))
}

pub(crate) fn base64(byte: Vec<u8>) -> Body {
    // It cannot be refused: base64 takes any bytes.
    Body::new_with_encoding(byte, ContentTransferEncoding::Base64)
        .unwrap_or_else(|byte| Body::dangerous_pre_encoded(byte, ContentTransferEncoding::Binary))
}

/// A boundary that is none of the lines of what it parts: always the same for the same content, since nothing here is random.
pub(crate) fn confine(prefisso: &str, contenuti: &[&[u8]]) -> String {
    let mut sha = Sha256::new();
    sha.update(prefisso);
    for c in contenuti {
        sha.update(Sha256::digest(c));
    }
    let mut confine = format!("----={prefisso}_");
    for b in &sha.finalize()[..16] {
        let _ = write!(confine, "{b:02x}");
    }
    // A digest that the content foretells does not exist; if it did, one letter more would do.
    while contenuti.iter().any(|c| memchr::memmem::find(c, confine.as_bytes()).is_some()) {
        confine.push('x');
    }
    confine
}
