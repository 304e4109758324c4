//! Documents that would take more memory than there is are refused before they do.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use lopdf::{Document, Object, Stream, dictionary};
use pdf::{Errore, leggi, leggi_integro};

/// A document with these objects.
fn con(oggetti: impl IntoIterator<Item = Object>) -> Vec<u8> {
    let mut d = Document::with_version("1.5");
    let pagine = d.new_object_id();
    let radice = d.add_object(dictionary! { "Type" => "Catalog", "Pages" => pagine });
    d.trailer.set("Root", radice);
    for o in oggetti {
        d.add_object(o);
    }
    let mut b = Vec::new();
    d.save_to(&mut b).unwrap();
    b
}

/// Streams of objects with these contents, packed: the library that writes would leave them out, had they their name.
fn flussi(quanti: usize, contenuto: &[u8]) -> Vec<u8> {
    let mut s = Stream::new(dictionary! { "Type" => "ObjXxx", "N" => 1, "First" => 6 }, contenuto.to_vec());
    s.compress().unwrap();
    let mut b = con((0..quanti).map(|_| Object::Stream(s.clone())));
    for i in 0..b.len() - 6 {
        if &b[i..i + 6] == b"ObjXxx" {
            b[i..i + 6].copy_from_slice(b"ObjStm");
        }
    }
    b
}

#[test]
fn an_ordinary_one_is_read() {
    let b = con([Object::string_literal("ciao"), Object::Array(vec![1.into(), 2.into()])]);
    assert!(leggi(&b).is_ok() && leggi_integro(&b).is_ok());
    let dentro = flussi(1, b"900 0 [1 2 3]");
    let d = leggi(&dentro).unwrap();
    assert_eq!(d.get_object((900, 0)).unwrap().as_array().unwrap().len(), 3, "what came out of a stream is there");
}

#[test]
fn what_swells_is_refused() {
    let elenco = |n: usize| [&b"900 0 ["[..], &b"0 ".repeat(n), b"]"].concat();
    // Plain: 20 MB that would be more than a gigabyte.
    let mut piano = con([]);
    piano.extend(elenco(10_000_000));
    assert_eq!(leggi(&piano).unwrap_err(), Errore::TroppoGrande);
    // Packed: some kilobytes.
    let bomba = flussi(1, &elenco(6_000_000));
    assert!(bomba.len() < 100_000);
    assert_eq!(leggi(&bomba).unwrap_err(), Errore::TroppoGrande);
    // Many, none of them too long.
    assert_eq!(leggi(&flussi(40, &elenco(200_000))).unwrap_err(), Errore::TroppoGrande);
    assert!(leggi(&flussi(2, &elenco(200_000))).is_ok());
    // One that is too long by itself, though it is a single text.
    let testo = [b"900 0 (".to_vec(), b"a".repeat(17 << 20), b")".to_vec()].concat();
    assert_eq!(leggi(&flussi(1, &testo)).unwrap_err(), Errore::TroppoGrande);
    // And many that are not.
    let testo = [b"900 0 (".to_vec(), b"a".repeat(8 << 20), b")".to_vec()].concat();
    assert_eq!(leggi(&flussi(7, &testo)).unwrap_err(), Errore::TroppoGrande);
    assert_eq!(leggi(&vec![b' '; pdf::BYTE_MAX + 1]).unwrap_err(), Errore::TroppoGrande);
}

#[test]
fn what_is_encrypted_is_read_if_it_is_small_and_not_added_to() {
    let mut b = flussi(300, b"900 0 [1]");
    b.extend(b"\ntrailer << /Encrypt 5 0 R >>");
    assert_eq!((leggi(&b).unwrap_err(), leggi_integro(&b).unwrap_err()), (Errore::TroppoGrande, Errore::Cifrato));
}

#[test]
fn what_is_none_is_said_to_be() {
    for b in [&b""[..], b"%PDF-1.7", b"ciao"] {
        assert!(matches!(leggi(b), Err(Errore::Danneggiato(_))));
    }
}
