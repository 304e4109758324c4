//! Which envelope a file is, from its bytes and never from its name (R-H06).

use std::borrow::Cow;

use serde::Serialize;

use crate::involucro;

/// Envelopes, by the name they have outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Formato {
    /// CMS (p7m, p7s).
    Cades,
    /// Signatures inside a PDF.
    Pades,
    /// Signatures in an XML.
    Xades,
    /// ASiC with one document.
    AsicS,
    /// ASiC with more documents.
    AsicE,
    /// RFC 5544.
    Tsd,
    /// A p7m and its timestamp in a MIME message.
    M7m,
    /// RFC 3161.
    Tsr,
}

pub(super) enum Riconosciuto<'a> {
    Cms(Cow<'a, [u8]>),
    Pdf,
    Xml,
    Zip,
    Mime,
}

pub(super) fn riconosci(byte: &[u8]) -> Option<Riconosciuto<'_>> {
    let indice = byte.len() >= 22 && byte[byte.len() - 22..].starts_with(b"PK\x05\x06");
    if byte.starts_with(b"PK\x03\x04") || indice {
        return Some(Riconosciuto::Zip);
    }
    // An envelope may hold a PDF at its start: it comes first.
    if let Some(der) = involucro::scopri(byte) {
        return Some(Riconosciuto::Cms(der));
    }
    // Readers look for the header in the first KiB.
    if involucro::trova(&byte[..byte.len().min(1024)], b"%PDF-").is_some() {
        return Some(Riconosciuto::Pdf);
    }
    if crate::m7m::sembra(byte) {
        return Some(Riconosciuto::Mime);
    }
    matches!(mime(byte), "application/xml").then_some(Riconosciuto::Xml)
}

/// How many of the first bytes of a file [`forse_firmato`] wants.
pub const TESTA: usize = 16 << 10;

/// Whether a file may be an envelope, or carry a signature, by its first [`TESTA`] bytes: a file of which this is not so is not
/// examined.
pub fn forse_firmato(testa: &[u8]) -> bool {
    // What is too short to be decoded to its end may still be text of a PEM or of a base64.
    let piano = testa.trim_ascii_start();
    let piano = piano.strip_prefix(b"\xef\xbb\xbf").unwrap_or(piano);
    let base64 = piano.first() == Some(&b'M')
        && piano.iter().take(64).all(|c| c.is_ascii_alphanumeric() || b"+/=\r\n".contains(c));
    base64 || piano.starts_with(b"-----BEGIN ") || riconosci(testa).is_some()
}

/// The type of a file, from its first bytes: what offices receive, `application/octet-stream` for the rest.
pub fn mime(byte: &[u8]) -> &'static str {
    const MAGICI: &[(&[u8], &str)] = &[
        (b"%PDF-", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
        (b"{\\rtf", "application/rtf"),
        (b"\x1f\x8b", "application/gzip"),
        (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (b"-----BEGIN PKCS7-----", "application/pkcs7-mime"),
    ];
    if let Some((_, m)) = MAGICI.iter().find(|(m, _)| byte.starts_with(m)) {
        return m;
    }
    if byte.starts_with(b"PK\x03\x04") {
        return zip(byte);
    }
    if byte.first() == Some(&0x30) && byte.get(1).is_some_and(|c| *c >= 0x80) {
        let testa = &byte[..byte.len().min(64)];
        // pkcs7-signedData, timestampedData.
        if involucro::trova(testa, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02").is_some() {
            return "application/pkcs7-mime";
        }
        if involucro::trova(testa, b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x1f").is_some() {
            return "application/timestamped-data";
        }
    }
    let testo = byte.strip_prefix(b"\xef\xbb\xbf").unwrap_or(byte).trim_ascii_start();
    let basso: Vec<u8> = testo.iter().take(64).map(u8::to_ascii_lowercase).collect();
    if basso.starts_with(b"<!doctype html") || basso.starts_with(b"<html") {
        return "text/html";
    }
    let nome = testo.get(1).is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, b'_' | b'?' | b'!') || *c >= 0x80);
    let utf16 = byte.starts_with(b"\xff\xfe<\0") || byte.starts_with(b"\xfe\xff\0<") || byte.starts_with(b"<\0?\0");
    if testo.first() == Some(&b'<') && nome || utf16 {
        return "application/xml";
    }
    let testa = &byte[..byte.len().min(4096)];
    let piano = !testa.iter().any(|c| *c < 9 || (14..32).contains(c) && *c != 27);
    if piano && !testa.is_empty() { "text/plain" } else { "application/octet-stream" }
}

fn zip(byte: &[u8]) -> &'static str {
    const TIPI: &[&str] = &[
        "application/vnd.etsi.asic-e+zip",
        "application/vnd.etsi.asic-s+zip",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
        "application/epub+zip",
    ];
    let testa = &byte[..byte.len().min(4096)];
    // The first entry is `mimetype`, stored.
    if testa.get(30..38) == Some(b"mimetype")
        && let Some(t) = TIPI.iter().find(|t| testa[38..].starts_with(t.as_bytes()))
    {
        return t;
    }
    for (cartella, tipo) in [
        (&b"word/"[..], "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ] {
        if involucro::trova(testa, b"[Content_Types].xml").is_some() && involucro::trova(testa, cartella).is_some() {
            return tipo;
        }
    }
    "application/zip"
}

#[cfg(test)]
mod prove {
    use super::*;

    #[test]
    fn types_are_told_by_the_first_bytes() {
        for (byte, atteso) in [
            (&b"%PDF-1.7"[..], "application/pdf"),
            (b"\xef\xbb\xbf<?xml version='1.0'?>", "application/xml"),
            (b"<FatturaElettronica", "application/xml"),
            (b"<!DOCTYPE html><html>", "text/html"),
            (b"Ciao,\r\nmondo", "text/plain"),
            (b"\0\x01\x02", "application/octet-stream"),
            (b"", "application/octet-stream"),
            (b"< 3", "text/plain"),
        ] {
            assert_eq!(mime(byte), atteso);
        }
    }
}
