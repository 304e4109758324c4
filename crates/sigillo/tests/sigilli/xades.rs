//! XAdES, before xmllint, xmlsec1 and signxml; whole and tampered with. R-C10.

use std::process::Command;

use proptest::prelude::*;
use sigillo::riscontro::riscontra;
use sigillo::{Sealer, xades};

use crate::banco::{SEGNATURA, chiave, chiavi, firme_dice, percorso, quando, riferimento};
use crate::giudici::{self, Carte};

fn xmlsec1(carte: &Carte, xml: &[u8]) -> Command {
    let file = carte.metti("sigillato.xml", xml);
    let mut comando = Command::new("xmlsec1");
    comando.args(["--verify", "--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"]);
    comando.arg("--trusted-pem").arg(percorso("ca.pem")).arg(file);
    comando
}

fn signxml(carte: &Carte, xml: &[u8], quale: &str) -> Command {
    let mut comando = giudici::python("xades.py");
    comando.arg(carte.metti("sigillato.xml", xml)).arg(percorso("ca.pem")).arg(percorso(&format!("{quale}.pem")));
    comando
}

/// The document, and what a forger would do to it.
fn manomissioni(xml: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let testo = String::from_utf8(xml.to_vec()).unwrap();
    let cambia = |da: &str, a: &str| {
        assert!(testo.contains(da), "{da}");
        testo.replacen(da, a, 1).into_bytes()
    };
    vec![
        ("a number changed", cambia("0000042", "0000043")),
        ("the time of the seal changed", cambia("11:59:12Z</xades", "11:59:13Z</xades")),
        ("an element added", cambia("<prot:Descrizione>", "<prot:Riferimenti></prot:Riferimenti><prot:Descrizione>")),
        ("the certificate named is another", cambia("<xades:IssuerSerialV2>M", "<xades:IssuerSerialV2>N")),
        ("the kind of the document changed", cambia("application/xml", "application/yaml")),
        (
            "another method of signature",
            cambia("exc-c14n#\"></ds:CanonicalizationMethod>", "exc-c14n#WithComments\"></ds:CanonicalizationMethod>"),
        ),
    ]
}

#[test]
fn xmlsec1_and_signxml_accept_every_kind_of_key() {
    let (xmlsec, python) = (giudici::c_e("xmlsec1", "--version"), giudici::modulo_python("signxml"));
    for (nome, chiave) in ["rsa", "p256", "p384"].iter().zip(chiavi()) {
        let sigillata = xades::sigilla(&chiave, SEGNATURA.as_bytes(), quando()).unwrap();
        let carte = Carte::nuove();
        riscontra(&chiave, &sigillata, None, quando()).unwrap();
        if xmlsec {
            let detto = giudici::approva(&mut xmlsec1(&carte, &sigillata));
            assert!(detto.contains("2/2"), "{detto}");
        }
        if python {
            giudici::approva(&mut signxml(&carte, &sigillata, nome));
        }
        for (come, altra) in manomissioni(&sigillata) {
            assert_ne!(altra, sigillata, "{come}");
            assert!(!firme_dice(&altra, None), "firme accepts: {come}");
            riscontra(&chiave, &altra, None, quando()).unwrap_err();
            if xmlsec {
                giudici::rifiuta(&mut xmlsec1(&carte, &altra));
            }
            if python {
                giudici::rifiuta(&mut signxml(&carte, &altra, nome));
            }
        }
    }
}

#[test]
fn a_sealed_segnatura_is_valid_by_the_official_schema() {
    let (Some(schema), Some(senza)) = (
        riferimento("agid-allegato6/segnatura_protocollo.xsd"),
        riferimento("segnatura/sintetici/2021-NEG-senza-firma.xml"),
    ) else {
        return;
    };
    if !giudici::c_e("xmllint", "--version") {
        return;
    }
    let carte = Carte::nuove();
    let convalida = |xml: &[u8]| {
        let mut comando = Command::new("xmllint");
        comando.args(["--nonet", "--noout", "--schema"]).arg(&schema).arg(carte.metti("s.xml", xml));
        comando
    };
    for senza in [std::fs::read(senza).unwrap(), SEGNATURA.as_bytes().to_vec()] {
        giudici::rifiuta(&mut convalida(&senza));
        giudici::approva(&mut convalida(&xades::sigilla(&chiave("rsa"), &senza, quando()).unwrap()));
    }
}

#[test]
fn nothing_but_the_signature_is_added() {
    let sigillata =
        String::from_utf8(xades::sigilla(&chiave("p256"), SEGNATURA.as_bytes(), quando()).unwrap()).unwrap();
    let inizio = sigillata.find("<ds:Signature ").unwrap();
    let fine = sigillata.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    assert_eq!(format!("{}{}", &sigillata[..inizio], &sigillata[fine..]), SEGNATURA);
    assert!(sigillata[fine..].starts_with("</prot:SegnaturaInformatica>"), "last in its root");
}

#[test]
fn what_has_no_place_for_a_seal_is_refused_in_words() {
    let chiave = chiave("p256");
    let di = |xml: &[u8]| xades::sigilla(&chiave, xml, quando()).unwrap_err().to_string();
    let sigillata = xades::sigilla(&chiave, SEGNATURA.as_bytes(), quando()).unwrap();
    assert!(di(&sigillata).contains("già una firma"));
    assert!(di(b"<a/>").contains("chiusura"));
    assert!(di(b"<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>").contains("DTD"));
    assert!(di(b"<a><b></a>").contains("non si può sigillare"));
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain("<a>x</a>".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    assert!(di(&utf16).contains("non si può sigillare"), "{}", di(&utf16));
}

#[test]
fn many_are_sealed_in_one_go() {
    let chiave = chiave("rsa");
    let documenti: Vec<String> = (1..=5).map(|n| SEGNATURA.replace("0000042", &format!("{n:07}"))).collect();
    let preparati: Vec<_> =
        documenti.iter().map(|d| xades::Preparato::nuovo(&chiave, d.as_bytes(), quando()).unwrap()).collect();
    let firme = chiave.firma_molti(&preparati.iter().map(|p| p.da_firmare()).collect::<Vec<_>>()).unwrap();
    for ((preparato, firma), documento) in preparati.iter().zip(&firme).zip(&documenti) {
        riscontra(&chiave, &preparato.con(firma), None, quando()).unwrap();
        // RSA PKCS#1 is the same each time.
        assert_eq!(preparato.con(firma), xades::sigilla(&chiave, documento.as_bytes(), quando()).unwrap());
    }
}

/// ISO-8859-1, CR LF, a default namespace, comments and instructions after the root: all met in the field.
#[test]
fn other_dresses_of_xml_verify_too() {
    if !giudici::c_e("xmlsec1", "--version") {
        return;
    }
    let latino: Vec<u8> = "<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\r\n<Segnatura xmlns=\"urn:x\" a='1'\r\n b=\"perch\u{e9}\">\r\n<Oggetto>citt\u{e0} \u{e8} &#xD;</Oggetto>\r\n<v/></Segnatura>\r\n<!-- </Segnatura> -->\r\n<?fine </x> ?>\r\n"
        .chars()
        .map(|c| c as u8)
        .collect();
    for chiave in chiavi() {
        let carte = Carte::nuove();
        let sigillata = xades::sigilla(&chiave, &latino, quando()).unwrap();
        giudici::approva(&mut xmlsec1(&carte, &sigillata));
        riscontra(&chiave, &sigillata, None, quando()).unwrap();
    }
}

#[test]
fn the_signed_pieces_are_canonical_as_they_are() {
    use firme::canonica::{Metodo, canonizza};
    let esclusiva = Metodo::Esclusiva { commenti: false };
    for chiave in chiavi() {
        let preparato = xades::Preparato::nuovo(&chiave, SEGNATURA.as_bytes(), quando()).unwrap();
        assert_eq!(canonizza(preparato.da_firmare(), esclusiva).unwrap(), preparato.da_firmare());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_sealed_or_refused(testo in "\\PC{0,60}", attributo in "[a-z <>&\"'\t\r\n]{0,20}") {
        thread_local! { static CHIAVE: sigillo::software::ChiaveSoftware = chiave("p256"); }
        CHIAVE.with(|chiave| {
            let xml = format!("<a b=\"{attributo}\">{testo}</a>");
            if let Ok(sigillato) = xades::sigilla(chiave, xml.as_bytes(), quando()) {
                let firma = sigillato.windows(14).position(|w| w == b"<ds:Signature ").unwrap();
                assert_eq!(&sigillato[..firma], &xml.as_bytes()[..xml.len() - 4]);
                assert!(sigillato.ends_with(b"</ds:Signature></a>"));
                riscontra(chiave, &sigillato, None, quando()).unwrap();
            }
        });
    }
}
