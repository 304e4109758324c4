//! Bytes from somebody who means harm, or does not know better: a clear finding, in bounded time and memory, and nothing
//! is ever fetched (R-C15).

mod comune;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use comune::dati;
use proptest::prelude::*;
use segnatura::{Codice, Lettura, Limiti, NessunGiudice, RILIEVI_MAX, leggi, leggi_con};

/// Debug builds on a busy machine included.
const TEMPO_MAX: Duration = Duration::from_secs(20);

fn letto(byte: &[u8]) -> Lettura {
    let inizio = Instant::now();
    let letta = leggi(byte);
    assert!(inizio.elapsed() < TEMPO_MAX, "{:?}", inizio.elapsed());
    assert!(letta.rilievi.len() <= 2 * RILIEVI_MAX + 2);
    assert!(letta.rilievi.iter().all(|r| r.messaggio.len() < 1000), "{:?}", letta.rilievi);
    letta
}

fn codici(byte: &[u8]) -> Vec<Codice> {
    let letta = letto(byte);
    assert!(!letta.valida());
    letta.rilievi.iter().map(|r| r.codice).collect()
}

#[test]
fn a_bomb_of_entities_does_not_go_off() {
    let mut xml = "<!DOCTYPE Segnatura [<!ENTITY a \"ha\">".to_owned();
    for i in 0..30 {
        let prima = if i == 0 { "a".to_owned() } else { format!("a{}", i - 1) };
        xml.push_str(&format!("<!ENTITY a{i} \"&{prima};&{prima};\">"));
    }
    xml.push_str("]><Segnatura>&a29;</Segnatura>");
    assert_eq!(codici(xml.as_bytes()), [Codice::DtdInterna, Codice::Entita, Codice::Entita]);
}

/// Nobody listens to what a document says to open: the port would see it, and the file would be in the text.
#[test]
fn nothing_outside_is_fetched() {
    let porta = TcpListener::bind("127.0.0.1:0").unwrap();
    porta.set_nonblocking(true).unwrap();
    let url = format!("http://{}/x", porta.local_addr().unwrap());
    for xml in [
        format!("<!DOCTYPE Segnatura SYSTEM \"{url}\"><Segnatura/>"),
        format!("<!DOCTYPE Segnatura [<!ENTITY x SYSTEM \"{url}\">]><Segnatura>&x;</Segnatura>"),
        format!("<!DOCTYPE Segnatura [<!ENTITY % x SYSTEM \"{url}\"> %x;]><Segnatura/>"),
        "<!DOCTYPE Segnatura [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><Segnatura>&x;</Segnatura>".to_owned(),
        format!(
            "<SegnaturaInformatica xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"{url} {url}\" \
             xmlns:xi=\"http://www.w3.org/2001/XInclude\"><xi:include href=\"{url}\"/></SegnaturaInformatica>"
        ),
    ] {
        let letta = letto(xml.as_bytes());
        assert!(!letta.valida() && !format!("{letta:?}").contains("root:"));
    }
    assert!(porta.accept().is_err());
}

/// A DTD inside is not read, and what does not need it still is.
#[test]
fn a_document_with_a_dtd_inside_is_read_without_it() {
    let xml: String = dati("2009.xml").iter().map(|b| char::from(*b)).collect();
    let xml = xml.replace("ISO-8859-1", "UTF-8").replace(
        "SYSTEM \"Segnatura.dtd\"",
        "SYSTEM \"a>b.dtd\" [<!-- ]> --><?x ]>?><!ATTLIST Segnatura v CDATA \"]>\">]",
    );
    let letta = letto(xml.as_bytes());
    assert_eq!(letta.rilievi.iter().map(|r| r.codice).collect::<Vec<_>>(), [Codice::DtdInterna]);
    assert!(!letta.valida());
    assert_eq!(letta.segnatura().unwrap().intestazione.oggetto, "Pagamento <saldo> e perché");
}

#[test]
fn what_is_too_big_or_too_deep_is_not_read() {
    let profondo = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n)).into_bytes();
    assert_eq!(codici(&profondo(1_000_000)), [Codice::Limite]);
    assert_eq!(codici(&profondo(101)), [Codice::Limite]);
    assert_eq!(codici(&profondo(100)), [Codice::Radice]);
    assert_eq!(codici(&vec![b' '; (16 << 20) + 1]), [Codice::Limite]);
    assert_eq!(codici(format!("<a>{}</a>", "<b/>".repeat(100_001)).as_bytes()), [Codice::Limite]);
    let attributi = |n: usize| (0..n).map(|i| format!(" a{i}=\"\"")).collect::<String>();
    assert_eq!(codici(format!("<a{}/>", attributi(1_000_000)).as_bytes()), [Codice::Limite]);
    let spazi = |n: usize, d: usize| (0..n).map(|i| format!(" xmlns:p{d}_{i}=\"u{i}\"")).collect::<String>();
    let annidati: String = (0..5).map(|d| format!("<a{}>", spazi(20, d))).collect();
    assert_eq!(codici(annidati.as_bytes()), [Codice::Limite]);
    let stretti = Limiti { byte_max: 10, ..Limiti::default() };
    assert_eq!(leggi_con(b"<a></a>    ", &stretti, &NessunGiudice).rilievi[0].codice, Codice::Limite);
}

#[test]
fn a_huge_value_is_read_and_not_repeated() {
    let buona = String::from_utf8(dati("ricca-3.0.0.xml")).unwrap();
    let grande = "x".repeat(1 << 20);
    let letta = letto(buona.replace("prot:versione=\"3.0.0\"", &format!("prot:versione=\"{grande}\"")).as_bytes());
    assert!(!letta.valida() && letta.rilievi[0].messaggio.len() < 300);
    let letta = letto(buona.replace("<prot:Oggetto>", &format!("<prot:Oggetto>{grande}")).as_bytes());
    assert!(letta.valida() && letta.segnatura().unwrap().intestazione.oggetto.len() > 1 << 20);
    // As many wrong things as there is room for: some are listed, the others counted.
    let tanti = buona.replace("<prot:Intestazione>", &format!("<prot:Intestazione>{}", "<prot:X/>".repeat(50_000)));
    let letta = letto(tanti.as_bytes());
    assert!(letta.rilievi.len() > RILIEVI_MAX && letta.rilievi.iter().any(|r| r.messaggio.starts_with("altri ")));
    // Documents without end, all with the same wrong impronta.
    let allegato =
        "<prot:Allegato prot:nomeFile=\"a\" prot:mimeType=\"b\"><prot:Impronta>AAAA</prot:Impronta></prot:Allegato>";
    let tanti =
        buona.replace("</prot:Descrizione>\n  <ds", &format!("{}</prot:Descrizione><ds", allegato.repeat(40_000)));
    let letta = letto(tanti.as_bytes());
    assert_eq!((letta.valida(), letta.segnatura().unwrap().descrizione.allegati.len()), (true, 40_001));
    assert!(letta.rilievi.len() > RILIEVI_MAX);
    // Namespaces declared on many brothers of somebody who has many.
    let spazi: String = (0..60).map(|i| format!(" xmlns:p{i}=\"u{i}\"")).collect();
    letto(format!("<Segnatura{spazi}>{}</Segnatura>", "<b xmlns:q=\"u\"/>".repeat(90_000)).as_bytes());
}

#[test]
fn what_is_not_xml_or_not_ours_is_said_to_be_so() {
    for (byte, codice) in [
        (b"".as_slice(), Codice::MalFormato),
        (b"   ", Codice::MalFormato),
        (b"ciao", Codice::MalFormato),
        (b"\x00\x01\x02", Codice::MalFormato),
        (b"<Segnatura>", Codice::MalFormato),
        (b"<Segnatura></segnatura>", Codice::MalFormato),
        (b"<Segnatura a='1' a='2'/>", Codice::MalFormato),
        (b"<!DOCTYPE Segnatura", Codice::MalFormato),
        (b"<Segnatura>&nbsp;</Segnatura>", Codice::Entita),
        (b"<html/>", Codice::Radice),
        (b"%PDF-1.7", Codice::MalFormato),
        (b"\xff\xfe<\x00a\x00", Codice::MalFormato),
    ] {
        assert!(codici(byte).contains(&codice), "{:?}", String::from_utf8_lossy(byte));
    }
}

proptest! {
    /// Whatever the bytes, an answer; and cut anywhere, or with a byte changed, too.
    #[test]
    fn any_bytes_have_an_answer(
        caso in proptest::collection::vec(any::<u8>(), 0..200),
        quale in 0_usize..4,
        dove in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        letto(&caso);
        let mut intero = dati(["ricca-3.0.0.xml", "2013.xml", "2001.xml", "docarea.xml"][quale]);
        let i = dove.index(intero.len());
        letto(&intero[..i]);
        intero[i] = byte;
        letto(&intero);
    }
}
