//! Bad input: each attack has its finding, and its bounds of time and memory (R-H09).

use std::time::{Duration, Instant};

use firme::asn1::{avvolgi, tag};
use proptest::prelude::*;

use super::banco::{TESTO, dati};
use super::buone::guarda;
use super::pdf::{self, cambia, trova};
use super::zip;

/// Not intact, for a reason that says this.
fn rifiutato(byte: &[u8], perche: &str) {
    let e = guarda(byte, None);
    assert!(!e.integra(), "{e:?}");
    let detto = format!("{:?} {:?}", e.errore, e.firme.iter().map(|f| &f.errore).collect::<Vec<_>>());
    assert!(detto.contains(perche), "«{perche}» is not in {detto}");
}

fn in_fretta<T>(fai: impl FnOnce() -> T) -> T {
    let t = Instant::now();
    let x = fai();
    assert!(t.elapsed() < Duration::from_secs(20), "{:?}", t.elapsed());
    x
}

#[test]
fn a_changed_content_and_a_changed_value_are_told_apart() {
    let b = dati("busta.p7m");
    rifiutato(&cambia(&b, b"prova di firma", b"prova di FIRMA"), "l'impronta è diversa");
    let mut v = b.clone();
    let fine = v.len() - 40;
    v[fine] ^= 1;
    rifiutato(&v, "il valore della firma non corrisponde");
    let e = guarda(&v, None);
    assert_eq!((e.firme[0].integrita.valore, e.firme[0].integrita.impronta), (Some(false), Some(true)));
}

#[test]
fn a_changed_attribute_breaks_the_value() {
    let b = dati("busta.p7m");
    // contentType, messageDigest, signingTime, signing-certificate: a byte of the time.
    let i = trova(&b, b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x05\x31").unwrap() + 16;
    let mut v = b.clone();
    v[i] = if v[i] == b'1' { b'2' } else { b'1' };
    rifiutato(&v, "il valore della firma non corrisponde");
}

#[test]
fn truncated_envelopes_are_refused_at_every_byte() {
    for nome in ["busta.p7m", "ber.p7m", "marca.tsr"] {
        let b = dati(nome);
        for n in 0..b.len() - 1 {
            assert!(!guarda(&b[..n], Some(TESTO.as_bytes())).integra(), "{nome} {n}");
        }
    }
}

#[test]
fn bytes_after_the_envelope_are_told() {
    let b = [&dati("busta.p7m")[..], b"altro"].concat();
    let e = guarda(&b, None);
    assert!(e.avvisi[0].contains("5 byte dopo la fine"), "{:?}", e.avvisi);
}

#[test]
fn two_hundred_nested_envelopes_end_soon() {
    let mut b = dati("busta.p7m");
    let oid = |o: &[u8]| avvolgi(tag::OID, o);
    for _ in 0..200 {
        let dentro =
            [oid(b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"), avvolgi(0xa0, &avvolgi(tag::OCTET_STRING, &b))].concat();
        let dati = [&[2, 1, 1][..], &avvolgi(tag::SET, &[]), &avvolgi(tag::SEQUENCE, &dentro), &avvolgi(tag::SET, &[])]
            .concat();
        b = avvolgi(
            tag::SEQUENCE,
            &[oid(b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"), avvolgi(0xa0, &avvolgi(tag::SEQUENCE, &dati))].concat(),
        );
    }
    let e = in_fretta(|| guarda(&b, None));
    assert!(!e.integra());
    let mut ultima = &e;
    let mut livelli = 1;
    while let Some(d) = ultima.buste.first() {
        (ultima, livelli) = (d, livelli + 1);
    }
    assert_eq!(livelli, firme::esame::LIVELLI_MAX + 1);
    assert!(ultima.errore.as_ref().unwrap().contains("una dentro l'altra"), "{:?}", ultima.errore);
}

#[test]
fn what_is_too_big_is_refused_before_anything_else() {
    let b = vec![0x30; firme::esame::BYTE_MAX + 1];
    let e = in_fretta(|| guarda(&b, None));
    assert!(e.errore.unwrap().contains("256 MiB"));
}

#[test]
fn a_length_that_lies_costs_nothing() {
    let b = [&[0x30, 0x84, 0x3f, 0xff, 0xff, 0xff][..], &dati("busta.p7m")[4..]].concat();
    rifiutato(&b, "troncato");
    in_fretta(|| guarda(&[0x30, 0x80].repeat(1_000_000), None));
    in_fretta(|| {
        guarda(
            &[&b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80"[..], &[0x24, 0x80].repeat(500_000)]
                .concat(),
            None,
        )
    });
}

#[test]
fn attributes_signed_elsewhere_are_not_a_content() {
    // A signature over attributes, shown as a signature without attributes over a content that is those attributes.
    let b = dati("busta.p7m");
    let busta = firme::cms::Busta::leggi(&b).unwrap();
    let s = &busta.firmatari[0];
    let attributi = avvolgi(tag::SET, s.firmati.as_ref().unwrap().byte);
    let mut l = firme::asn1::Lettore::nuovo(&b).leggi().unwrap().dentro();
    l.leggi().unwrap();
    let dati_firmati = l.leggi().unwrap().dentro().leggi().unwrap();
    let parti = dati_firmati.dentro().tutti(10).unwrap();
    let si = parti.last().unwrap().dentro().leggi().unwrap().dentro().tutti(10).unwrap();
    let senza: Vec<u8> = si.iter().filter(|e| e.tag != 0xa0).flat_map(|e| e.intero.iter().copied()).collect();
    let contenuto = [
        avvolgi(tag::OID, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"),
        avvolgi(0xa0, &avvolgi(tag::OCTET_STRING, &attributi)),
    ]
    .concat();
    let falso = [
        parti[0].intero,
        parti[1].intero,
        &avvolgi(tag::SEQUENCE, &contenuto),
        parti[3].intero,
        &avvolgi(tag::SET, &avvolgi(tag::SEQUENCE, &senza)),
    ]
    .concat();
    let oid = avvolgi(tag::OID, b"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02");
    let falso = avvolgi(tag::SEQUENCE, &[oid, avvolgi(0xa0, &avvolgi(tag::SEQUENCE, &falso))].concat());
    rifiutato(&falso, "ha la forma degli attributi");
}

// PDF.

#[test]
fn a_changed_pdf_is_refused_and_an_appended_one_is_told() {
    let b = dati("firmato.pdf");
    rifiutato(&cambia(&b, b"MediaBox[0 0 100 100]", b"MediaBox[0 0 100 200]"), "l'impronta è diversa");
    let dopo = [&b[..], b"\n5 0 obj\n<<>>\nendobj\n"].concat();
    let e = guarda(&dopo, None);
    let i = &e.firme[0].integrita;
    assert_eq!((e.firme[0].integra, i.documento_intero, i.modificato_dopo), (true, Some(false), Some(true)));
}

#[test]
fn a_pdf_whose_cms_carries_its_own_content_is_never_valid() {
    let vuoto = pdf::da_firmare();
    // Signed rightly, over a text of its own; and over the very bytes of the document.
    for nome in ["altra.p7m", "incapsulata.p7m"] {
        let cms = dati(nome);
        assert!(guarda(&cms, None).firme[0].integra);
        rifiutato(&pdf::con_firma(&vuoto, &cms), "porta con sé un contenuto proprio");
    }
    // adbe.pkcs7.sha1 asks for a content, which must be the digest of the document.
    let sha1 = cambia(&vuoto, b"/SubFilter/ETSI.CAdES.detached", b"/SubFilter/adbe.pkcs7.sha1    ");
    rifiutato(&pdf::con_firma(&sha1, &dati("altra.p7m")), "il documento non è quello firmato");
}

#[test]
fn a_range_reused_by_a_second_signature_is_never_valid() {
    let b = dati("firmato.pdf");
    // The same dictionary, range and contents, in a second object after the first: signed bytes do not change for the first.
    let inizio = trova(&b, b"4 0 obj").unwrap();
    let fine = trova(&b[inizio..], b"endobj").unwrap() + inizio + 7;
    let copia = cambia(&b[inizio..fine], b"4 0 obj", b"5 0 obj");
    let posto = b.len();
    let mut v = [&b[..], &copia].concat();
    let campo = v.len();
    v.extend(b"105 0 obj\n<</Type/Annot/Subtype/Widget/FT/Sig/T(Seconda)/Rect[0 0 0 0]/F 132/V 5 0 R>>\nendobj\n");
    let catalogo = v.len();
    v.extend(b"1 0 obj\n<</Type/Catalog/Pages 2 0 R/AcroForm<</SigFlags 3/Fields[104 0 R 105 0 R]>>>>\nendobj\n");
    let xref = v.len();
    let prima = trova(&b, b"xref\n").unwrap();
    v.extend(format!("xref\n1 1\n{catalogo:010} 00000 n \n5 1\n{posto:010} 00000 n \n105 1\n{campo:010} 00000 n \ntrailer\n<</Size 300/Root 1 0 R/Prev {prima}>>\nstartxref\n{xref}\n%%EOF\n").bytes());
    let e = guarda(&v, None);
    assert_eq!(e.firme.len(), 2, "{e:?}");
    assert_eq!((e.firme[0].integra, e.firme[1].integra), (true, false), "{e:?}");
    assert!(e.firme[1].errore.as_ref().unwrap().contains("è di un'altra firma"));
    assert!(e.avvisi.iter().any(|a| a.contains("ByteRange di un'altra firma")) && !e.integra());
}

#[test]
fn ranges_that_lie_are_refused() {
    let b = dati("firmato.pdf");
    let i = trova(&b, b"/ByteRange[").unwrap() + 11;
    let numeri: Vec<u8> = b[i..].iter().copied().take_while(|c| *c != b']').collect();
    let testo = String::from_utf8(numeri).unwrap();
    let n: Vec<usize> = testo.split_whitespace().map(|n| n.parse().unwrap()).collect();
    let con = |n: [usize; 4]| {
        let nuovo = format!("{} {} {} {}", n[0], n[1], n[2], n[3]);
        let mut v = b.clone();
        v[i..i + testo.len()].copy_from_slice(format!("{nuovo:<l$}", l = testo.len()).as_bytes());
        v
    };
    assert!(n[2] > n[1]);
    rifiutato(&con([1, n[1] - 1, n[2], n[3]]), "non comincia dall'inizio");
    rifiutato(&con([0, n[1], n[2], n[3] + 1]), "esce dal documento");
    rifiutato(&con([0, n[1], n[2], 9_999_999_999]), "esce dal documento");
    rifiutato(&con([0, n[2], n[1], n[3]]), "senza lo spazio");
    rifiutato(&con([0, n[1] - 1, n[2], n[3]]), "non contiene solo la firma");
    rifiutato(&con([0, n[1], n[2] + 1, n[3] - 1]), "non contiene solo la firma");
    rifiutato(&con([0, n[1], n[1] + 2, n[3]]), "");
    // Something else in the gap beside the signature.
    let (a, _) = (n[1], n[2]);
    let mut v = b.clone();
    v[a + 8000] = b'/';
    rifiutato(&v, "");
}

#[test]
fn truncated_pdfs_are_refused() {
    let b = dati("firmato.pdf");
    for n in (0..b.len() - 1).step_by(97) {
        assert!(!guarda(&b[..n], None).integra(), "{n}");
    }
}

// XML.

#[test]
fn a_changed_xml_is_refused() {
    let b = dati("firmato.xml");
    rifiutato(&cambia(&b, "Perché sì".as_bytes(), "Perché no!".as_bytes()), "l'impronta è diversa");
    rifiutato(&cambia(&b, b"Id=\"d\"", b"Id=\"e\""), "l'impronta è diversa");
}

fn xml(da: &str, a: &str) -> Vec<u8> {
    let t = String::from_utf8(dati("firmato.xml")).unwrap();
    assert!(t.contains(da), "{da}");
    t.replacen(da, a, 1).into_bytes()
}

#[test]
fn a_signature_that_covers_a_part_only_is_refused() {
    // The classic wrapping: what was signed is kept aside, something else is in its place.
    let t = String::from_utf8(dati("firmato.xml")).unwrap();
    let corpo = t.split_once("?>").unwrap().1.trim();
    let falso = format!("<Documento><Oggetto>Pagare a me</Oggetto><Resto>{corpo}</Resto></Documento>");
    assert!(!guarda(falso.as_bytes(), None).integra());
}

#[test]
fn the_same_identifier_twice_is_an_ambiguity() {
    let falso = xml("<Oggetto>", "<Copia Id=\"d\"/><Oggetto>");
    let falso = String::from_utf8(falso).unwrap().replacen("URI=\"\"", "URI=\"#d\"", 1);
    rifiutato(falso.as_bytes(), "stesso identificatore");
}

#[test]
fn transforms_and_methods_not_known_are_named() {
    let xslt = "http://www.w3.org/TR/1999/REC-xslt-19991116";
    rifiutato(&xml("http://www.w3.org/2000/09/xmldsig#enveloped-signature", xslt), xslt);
    rifiutato(
        &xml("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://x/hmac"),
        "algoritmo di firma non supportato",
    );
    rifiutato(&xml("http://www.w3.org/2001/04/xmlenc#sha256", "http://x/md5"), "algoritmo di impronta non supportato");
    rifiutato(&xml("URI=\"\"", "URI=\"file:///etc/passwd\""), "manca il file «file:///etc/passwd»");
    rifiutato(&xml("URI=\"\"", "URI=\"http://127.0.0.1/\""), "manca il file");
}

#[test]
fn dtds_entities_and_bombs_are_refused() {
    let con_dtd = xml("?>", "?><!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>");
    rifiutato(&con_dtd, "DTD");
    let abisso = format!("<Signature>{}", "<a>".repeat(1_000_000));
    in_fretta(|| rifiutato(abisso.as_bytes(), "oltre i limiti"));
    let nodi = format!("<Signature>{}</Signature>", "<a/>".repeat(3_000_000));
    in_fretta(|| rifiutato(nodi.as_bytes(), "oltre i limiti"));
    // As many references as there may be, each over the whole document.
    let t = String::from_utf8(dati("firmato.xml")).unwrap();
    let i = t.find("<Reference").unwrap();
    let f = t.find("</Reference>").unwrap() + 12;
    let molti = t[i..f].repeat(999) + &t[i..f];
    let grosso =
        t.replacen(&t[i..f], &molti, 1).replacen("<Oggetto>", &format!("<Oggetto>{}", "<a/>".repeat(300_000)), 1);
    in_fretta(|| assert!(!guarda(grosso.as_bytes(), None).integra()));
}

#[test]
fn a_million_signatures_end_with_the_budget() {
    // R-H09: each of them would look at the whole document.
    let firme = |n: usize| format!("<a>{}</a>", r#"<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>"#.repeat(n));
    let e = in_fretta(|| guarda(firme(100_000).as_bytes(), None));
    assert!(e.firme.len() <= firme::esame::FIRME_MAX + 1, "{}", e.firme.len());
    let e = in_fretta(|| guarda(firme(2000).as_bytes(), None));
    assert_eq!(e.firme.len(), firme::esame::FIRME_MAX + 1);
    assert!(e.firme.last().unwrap().errore.as_ref().unwrap().contains("non tutte sono esaminate"));
    assert!(!e.integra());
}

#[test]
fn base64_covers_a_text_and_not_the_element_around_it() {
    // R-C12: the digest is of the decoded text, which elements and attributes do not change.
    let t = String::from_utf8(dati("imbustato.xml")).unwrap();
    let contenuto = |t: &str| {
        let e = guarda(t.as_bytes(), None);
        assert!(e.integra() && e.firme[0].integrita.documento_intero == Some(true), "{e:?}");
        e.contenuto.unwrap().impronta
    };
    let abc = firme::impronte::esadecimale(&firme::impronte::Digesto::Sha256.di(b"ABC"));
    assert_eq!(contenuto(&t), abc);
    let codifica = r#" Encoding="http://www.w3.org/2000/09/xmldsig#base64""#;
    assert!(t.contains(codifica));
    let senza = t.replacen(codifica, "", 1);
    assert_eq!(contenuto(&senza), abc, "the signed transform says what the content is");
    for (da, a) in [
        (">QUJD<", "><Ordine iban=\"EVIL\">QUJD</Ordine><"),
        (">QUJD<", ">QUJD<Ordine iban=\"EVIL\"/><"),
        ("<Object Id=\"o\"", "<Object Id=\"o\" iban=\"EVIL\""),
        ("<Object Id=\"o\"", "<Object Id=\"o\" xmlns:x=\"urn:x\" x:iban=\"EVIL\""),
    ] {
        for t in [&t, &senza] {
            assert!(t.contains(da), "{da}");
            rifiutato(t.replacen(da, a, 1).as_bytes(), "che porta anche altro");
        }
    }
    // Another element of that identifier.
    let i = senza.find("<Object").unwrap();
    let falso = format!(r#"{}<Object><Ordine Id="o">QUJD</Ordine></Object></Signature>"#, &senza[..i]);
    rifiutato(falso.as_bytes(), "che porta anche altro");
}

// Zip.

#[test]
fn a_manifest_that_names_too_much_is_refused_soon() {
    use base64::Engine as _;
    // R-H09.
    let grosso = vec![0u8; 48 << 20];
    let d = base64::engine::general_purpose::STANDARD.encode(firme::impronte::Digesto::Sha256.di(&grosso));
    let r = format!(
        r#"<a:DataObjectReference URI="a"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>{d}</ds:DigestValue></a:DataObjectReference>"#
    );
    let contenitore = |quanti: usize, firme: usize| {
        let mut file: Vec<(String, Vec<u8>)> =
            vec![("mimetype".into(), b"application/vnd.etsi.asic-e+zip".to_vec()), ("a".into(), grosso.clone())];
        for n in 0..firme {
            let m = format!(
                r#"<a:ASiCManifest xmlns:a="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><a:SigReference URI="META-INF/signature{n}.p7s"/>{}</a:ASiCManifest>"#,
                r.repeat(quanti)
            );
            file.push((format!("META-INF/ASiCManifest{n}.xml"), m.into_bytes()));
            file.push((format!("META-INF/signature{n}.p7s"), dati("staccata.p7s")));
        }
        zip::scrivi(&file.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect::<Vec<_>>())
    };
    // Each file is hashed once, each manifest is read once.
    let e = in_fretta(|| guarda(&contenitore(1000, 10), None));
    assert!(!e.integra() && e.firme.len() == 10);
    assert!(e.firme.iter().all(|f| f.errore.as_ref().is_some_and(|e| !e.contains("il manifesto"))), "{e:?}");
    in_fretta(|| rifiutato(&contenitore(1001, 1), "il manifesto nomina più di 1000 file"));
}

#[test]
fn zip_bombs_and_ambiguous_archives_are_refused() {
    let tipo: (&str, &[u8]) = ("mimetype", b"application/vnd.etsi.asic-s+zip");
    let due = zip::scrivi(&[tipo, ("a", b"1"), ("a", b"2"), ("META-INF/signature.p7s", b"x")]);
    rifiutato(&due, "stesso nome");
    // A size that lies: 4 GiB from a few bytes.
    let mut b = zip::scrivi(&[tipo, ("a", b"1"), ("META-INF/signature.p7s", b"x")]);
    let i = b.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    b[i + 24..i + 28].copy_from_slice(&u32::MAX.to_le_bytes());
    rifiutato(&b, "oltre i limiti");
    // Truly inflated: 100 MiB of zeros in 100 KiB.
    use std::io::Write as _;
    let mut z = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
    z.write_all(&vec![0; 100 << 20]).unwrap();
    let z = z.finish().unwrap();
    let mut b = zip::scrivi(&[tipo, ("META-INF/signature.p7s", b"x"), ("a", &z)]);
    let i = b.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    b[i + 10] = 8;
    b[i + 24..i + 28].copy_from_slice(&(100u32 << 20).to_le_bytes());
    in_fretta(|| rifiutato(&b, "oltre i limiti"));
    // The same, saying that it is small.
    b[i + 24..i + 28].copy_from_slice(&1000u32.to_le_bytes());
    in_fretta(|| rifiutato(&b, "dimensione diversa"));
    for n in (0..due.len()).step_by(7) {
        assert!(!guarda(&due[..n], None).integra());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever byte is changed anywhere, a signed thing is never intact with a content that is not the signed one.
    #[test]
    fn no_single_change_gives_another_signed_content(quale in 0usize..5, dove in any::<prop::sample::Index>(), con in 1u8..) {
        let nome = ["busta.p7m", "ber.p7m", "ec-pem.p7m", "firmato.xml", "nuda.p7m"][quale];
        let buono = dati(nome);
        let mut b = buono.clone();
        let i = dove.index(b.len());
        b[i] ^= con;
        let (prima, dopo) = (guarda(&buono, None), guarda(&b, None));
        if dopo.integra() && nome != "firmato.xml" {
            prop_assert_eq!(prima.contenuto.map(|c| c.impronta), dopo.contenuto.map(|c| c.impronta));
        } else if dopo.integra() {
            // What canonical XML takes for the same.
            let m = firme::canonica::Metodo::Esclusiva { commenti: false };
            let corpo = |b: &[u8]| {
                let c = String::from_utf8(firme::canonica::canonizza(b, m).unwrap()).unwrap();
                c.split("<Signature").next().unwrap().to_owned()
            };
            prop_assert_eq!(corpo(&buono), corpo(&b));
        }
    }

    /// The same in a PDF: signed bytes are all but the gap.
    #[test]
    fn no_single_change_outside_of_the_gap_leaves_a_pdf_intact(dove in any::<prop::sample::Index>(), con in 1u8..) {
        let mut b = dati("firmato.pdf");
        let (a, d) = {
            let i = trova(&b, b"/Contents<").unwrap() + 9;
            (i, trova(&b[i..], b">").unwrap() + i + 1)
        };
        let i = dove.index(b.len() - (d - a));
        let i = if i < a { i } else { i + d - a };
        b[i] ^= con;
        prop_assert!(!guarda(&b, None).integra());
    }
}

#[test]
fn two_fields_on_one_signature_are_one() {
    let b = dati("firmato.pdf");
    let prima = trova(&b, b"xref\n").unwrap();
    let firma = trova(&b, b"4 0 obj").unwrap();
    // A second field on the same object; a third one on another number at the same place in the file.
    for (v, attese) in [("4 0 R", 1), ("5 0 R", 2)] {
        let mut x = b.clone();
        let campo = x.len();
        x.extend(
            format!("105 0 obj\n<</Type/Annot/Subtype/Widget/FT/Sig/T(Due)/Rect[0 0 0 0]/F 132/V {v}>>\nendobj\n")
                .bytes(),
        );
        let catalogo = x.len();
        x.extend(b"1 0 obj\n<</Type/Catalog/Pages 2 0 R/AcroForm<</SigFlags 3/Fields[104 0 R 105 0 R]>>>>\nendobj\n");
        let xref = x.len();
        x.extend(format!("xref\n1 1\n{catalogo:010} 00000 n \n5 1\n{firma:010} 00000 n \n105 1\n{campo:010} 00000 n \ntrailer\n<</Size 300/Root 1 0 R/Prev {prima}>>\nstartxref\n{xref}\n%%EOF\n").bytes());
        let e = guarda(&x, None);
        assert!(e.firme.iter().filter(|f| f.integra).count() <= 1, "{e:?}");
        assert!(e.firme.len() <= attese, "{e:?}");
    }
}
