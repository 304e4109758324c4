//! Good files of ours, each kind of envelope: what is said of them is what went into them.

use firme::esame::{Esame, Formato};
use firme::{Fiducia, esamina};
use jiff::Timestamp;

use super::banco::{self, TESTO, dati};
use super::zip;

pub fn adesso() -> Timestamp {
    "2026-12-01T12:00:00Z".parse().unwrap()
}

pub fn guarda(byte: &[u8], originale: Option<&[u8]>) -> Esame {
    esamina(byte, originale, &Fiducia::nessuna(), adesso())
}

fn impronta(byte: &[u8]) -> String {
    firme::impronte::esadecimale(&firme::impronte::Digesto::Sha256.di(byte))
}

/// Intact, of this format, with this text inside.
fn con_il_testo(nome: &str, formato: Formato) -> Esame {
    let e = guarda(&dati(nome), None);
    assert!(e.integra(), "{nome}: {e:?}");
    assert_eq!(e.formato, Some(formato));
    let c = e.contenuto.as_ref().unwrap();
    assert_eq!((c.mime, c.byte, c.impronta.as_str()), ("text/plain", TESTO.len(), impronta(TESTO.as_bytes()).as_str()));
    e
}

#[test]
fn der_ber_pem_base64_pss_and_bare_envelopes_give_back_what_was_signed() {
    for nome in ["busta.p7m", "ber.p7m", "ec-pem.p7m", "pss.p7m", "nuda.p7m"] {
        con_il_testo(nome, Formato::Cades);
    }
    use base64::Engine as _;
    let b = base64::engine::general_purpose::STANDARD.encode(dati("busta.p7m"));
    let righe: String = b.as_bytes().chunks(64).map(|r| format!("{}\r\n", std::str::from_utf8(r).unwrap())).collect();
    assert!(guarda(righe.as_bytes(), None).integra());
    assert!(guarda(b.trim_end_matches('=').as_bytes(), None).integra());
}

#[test]
fn the_signer_is_told_with_codice_fiscale_issuer_and_qualification() {
    let e = con_il_testo("busta.p7m", Formato::Cades);
    let f = &e.firme[0];
    assert_eq!(f.firmatario.as_deref(), Some("Anna Rossi"));
    assert_eq!(f.cf.as_deref(), Some("RSSMRA80A01H501U"));
    assert_eq!(f.emittente.as_deref(), Some("Autorità di prova"));
    assert!(f.istante.is_some());
    // CAdES: the signature binds itself to that certificate.
    assert_eq!(f.integrita.certificato, Some(true));
    let d = &f.certificato.as_ref().unwrap().dichiarazioni;
    assert!(d.qualificato && d.dispositivo_qualificato && d.tipi == [firme::x509::TipoQc::Firma]);
    assert!(f.algoritmi.deboli.is_empty());
}

#[test]
fn nested_envelopes_are_opened_and_the_document_is_the_innermost() {
    let e = guarda(&dati("annidata.p7m"), None);
    assert!(e.integra());
    assert_eq!(e.contenuto.as_ref().unwrap().impronta, impronta(&dati("busta.p7m")));
    assert_eq!(e.firme[0].firmatario.as_deref(), Some("Bruno Bianchi"));
    assert_eq!(e.buste[0].firme[0].firmatario.as_deref(), Some("Anna Rossi"));
    assert_eq!(e.documento.as_ref().unwrap().impronta, impronta(TESTO.as_bytes()));
}

#[test]
fn a_detached_signature_asks_for_its_original() {
    let s = dati("staccata.p7s");
    assert!(guarda(&s, Some(TESTO.as_bytes())).integra());
    assert!(!guarda(&s, Some(b"altro")).integra());
    let senza = guarda(&s, None);
    assert!(!senza.integra() && senza.contenuto.is_none());
    assert!(senza.firme[0].errore.as_ref().unwrap().contains("manca il contenuto"));
    // For an envelope with its content inside, the original is compared.
    assert_eq!(guarda(&dati("annidata.p7m"), Some(TESTO.as_bytes())).originale_coincide, Some(true));
    let altro = guarda(&dati("busta.p7m"), Some(b"altro"));
    assert_eq!((altro.originale_coincide, altro.integra()), (Some(false), false));
}

#[test]
fn a_detached_signature_is_checked_for_who_has_the_bytes() {
    let f = Fiducia::nessuna();
    let firme = firme::cms::verifica_staccata(TESTO.as_bytes(), &dati("staccata.p7s"), &f, adesso()).unwrap();
    assert!(firme[0].integra);
    // One that carries its content is of that content.
    let firme = firme::cms::verifica_staccata(TESTO.as_bytes(), &dati("busta.p7m"), &f, adesso()).unwrap();
    assert!(!firme[0].integra);
    // A placeholder is not a signature.
    assert!(firme::cms::verifica_staccata(TESTO.as_bytes(), b"MII...njA==", &f, adesso()).is_err());
}

#[test]
fn a_timestamp_is_of_its_file_only() {
    let t = dati("marca.tsr");
    let e = guarda(&t, Some(TESTO.as_bytes()));
    assert!(e.integra(), "{e:?}");
    assert_eq!(e.formato, Some(Formato::Tsr));
    let m = e.firme[0].marca.as_ref().unwrap();
    assert!(m.valida && m.istante.is_some() && m.tsa.as_deref() == Some("Marche di prova"));
    let altra = guarda(&t, Some(b"altro"));
    assert!(!altra.integra() && !altra.firme[0].marca.as_ref().unwrap().valida);
    assert!(!guarda(&t, None).integra());
    let i = firme::marca::risponde(&t, &firme::impronte::Digesto::Sha256.di(TESTO.as_bytes()), None).unwrap();
    assert!(firme::marca::risponde(&t, &i.impronta, i.nonce.as_deref()).is_ok());
    assert!(firme::marca::risponde(&t, &i.impronta, Some(b"x")).is_err());
    assert!(firme::marca::risponde(&t, b"x", None).is_err());
}

#[test]
fn a_pdf_and_an_xml_are_their_own_content() {
    for (nome, formato) in [("firmato.pdf", Formato::Pades), ("firmato.xml", Formato::Xades)] {
        let b = dati(nome);
        let e = guarda(&b, None);
        assert!(e.integra(), "{e:?}");
        assert_eq!(e.formato, Some(formato));
        assert_eq!(e.contenuto.as_ref().unwrap().impronta, impronta(&b));
        assert_eq!(e.firme[0].integrita.documento_intero, Some(true));
        assert_eq!(e.firme[0].firmatario.as_deref(), Some("Anna Rossi"));
    }
}

fn tsd(contenuto: &[u8]) -> Vec<u8> {
    use firme::asn1::{avvolgi, tag};
    let token = firme::cms::Busta::leggi(&dati("marca.tsr")).err().map(|_| {
        // Of an answer, the token.
        let b = dati("marca.tsr");
        let mut l = firme::asn1::Lettore::nuovo(&b).leggi().unwrap().dentro();
        l.leggi().unwrap();
        l.leggi().unwrap().intero.to_vec()
    });
    let oid = b"\x06\x0b\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x1f";
    let prova = avvolgi(tag::contesto(0), &avvolgi(tag::SEQUENCE, &token.unwrap()));
    let dati = [&[2, 1, 1][..], &avvolgi(tag::OCTET_STRING, contenuto), &prova].concat();
    avvolgi(tag::SEQUENCE, &[&oid[..], &avvolgi(tag::contesto(0), &avvolgi(tag::SEQUENCE, &dati))].concat())
}

#[test]
fn a_tsd_holds_a_document_and_its_timestamp() {
    let e = guarda(&tsd(TESTO.as_bytes()), None);
    assert!(e.integra(), "{e:?}");
    assert_eq!((e.formato, e.contenuto.unwrap().impronta), (Some(Formato::Tsd), impronta(TESTO.as_bytes())));
    assert!(!guarda(&tsd(b"altro"), None).integra());
}

fn m7m(busta: &[u8], marca: &[u8]) -> Vec<u8> {
    let parte = |tipo: &str, b: &[u8]| {
        [format!("--c\r\nContent-Type: {tipo}\r\nContent-Transfer-Encoding: binary\r\n\r\n").as_bytes(), b, b"\r\n"]
            .concat()
    };
    [
        &b"Mime-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"c\"\r\n\r\n"[..],
        &parte("application/pkcs7-mime", busta),
        &parte("application/timestamp", marca),
        b"--c--\r\n",
    ]
    .concat()
}

#[test]
fn an_m7m_holds_an_envelope_and_its_timestamp() {
    // The timestamp at hand is of the text, not of the envelope: it is read, and said to be of something else.
    let e = guarda(&m7m(&dati("busta.p7m"), &dati("marca.tsr")), None);
    assert_eq!(e.formato, Some(Formato::M7m));
    assert_eq!(e.contenuto.as_ref().unwrap().impronta, impronta(&dati("busta.p7m")));
    assert!(e.buste[0].integra());
    assert_eq!(e.firme[0].marca.as_ref().unwrap().impronta, Some(false));
    assert!(!e.integra());
}

#[test]
fn an_asic_s_is_of_its_only_document() {
    let file: &[(&str, &[u8])] = &[
        ("mimetype", b"application/vnd.etsi.asic-s+zip"),
        ("testo.txt", TESTO.as_bytes()),
        ("META-INF/signature.p7s", &dati("staccata.p7s")),
    ];
    let e = guarda(&zip::scrivi(file), None);
    assert!(e.integra(), "{e:?}");
    assert_eq!(e.formato, Some(Formato::AsicS));
    assert_eq!(e.contenuto.unwrap().nome.as_deref(), Some("testo.txt"));
    let altro: Vec<(&str, &[u8])> =
        file.iter().map(|(n, b)| (*n, if *n == "testo.txt" { &b"altro"[..] } else { b })).collect();
    assert!(!guarda(&zip::scrivi(&altro), None).integra());
    // A second document that nobody signs is named.
    let e = guarda(&zip::scrivi(&[file, &[("due.txt", b"due")]].concat()), None);
    assert!(!e.integra() && !e.firme[0].integra);
}

#[test]
fn an_asic_e_is_of_what_its_manifest_names() {
    use base64::Engine as _;
    let d = base64::engine::general_purpose::STANDARD.encode(firme::impronte::Digesto::Sha256.di(TESTO.as_bytes()));
    let manifesto = format!(
        r##"<a:ASiCManifest xmlns:a="http://uri.etsi.org/02918/v1.2.1#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><a:SigReference URI="META-INF/signature001.p7s"/><a:DataObjectReference URI="il%20testo.txt"><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>{d}</ds:DigestValue></a:DataObjectReference></a:ASiCManifest>"##
    );
    if !banco::c_e("openssl") {
        return;
    }
    let t = tempfile::tempdir().unwrap();
    banco::prepara(t.path());
    std::fs::write(t.path().join("m.xml"), &manifesto).unwrap();
    banco::openssl(t.path(), "cms -sign -binary -outform DER -in m.xml -signer anna.pem -inkey anna.key -out m.p7s");
    let p7s = std::fs::read(t.path().join("m.p7s")).unwrap();
    let file: &[(&str, &[u8])] = &[
        ("mimetype", b"application/vnd.etsi.asic-e+zip"),
        ("il testo.txt", TESTO.as_bytes()),
        ("META-INF/ASiCManifest001.xml", manifesto.as_bytes()),
        ("META-INF/signature001.p7s", &p7s),
    ];
    let e = guarda(&zip::scrivi(file), None);
    assert!(e.integra(), "{e:?}");
    assert_eq!(e.formato, Some(Formato::AsicE));
    let e = guarda(&zip::scrivi(&[file, &[("due.txt", b"due")]].concat()), None);
    assert!(e.errore.as_ref().unwrap().contains("due.txt") && !e.integra());
}

#[test]
fn what_openssl_makes_today_is_checked_too() {
    if !banco::c_e("openssl") {
        return;
    }
    let t = tempfile::tempdir().unwrap();
    banco::prepara(t.path());
    for nome in ["busta.p7m", "ber.p7m", "ec-pem.p7m", "pss.p7m", "nuda.p7m", "annidata.p7m", "firmato.pdf"] {
        assert!(guarda(&std::fs::read(t.path().join(nome)).unwrap(), None).integra(), "{nome}");
    }
}

#[test]
fn what_an_envelope_has_inside_can_be_taken_out() {
    use firme::estrai;
    let (annidata, testo) = (dati("annidata.p7m"), impronta(TESTO.as_bytes()));
    assert_eq!(estrai(&annidata, &impronta(&dati("busta.p7m"))).unwrap(), dati("busta.p7m"));
    assert_eq!(estrai(&annidata, &testo).unwrap(), TESTO.as_bytes());
    for nome in ["ber.p7m", "ec-pem.p7m", "nuda.p7m"] {
        assert_eq!(estrai(&dati(nome), &testo).unwrap(), TESTO.as_bytes(), "{nome}");
    }
    let xml = dati("imbustato.xml");
    let suo = guarda(&xml, None).contenuto.unwrap().impronta;
    assert!(suo == impronta(&xml) || impronta(&estrai(&xml, &suo).unwrap()) == suo);
    // What is not inside, or is the file itself, is not given.
    for (nome, quale) in [("annidata.p7m", impronta(b"altro")), ("firmato.pdf", impronta(&dati("firmato.pdf")))] {
        assert_eq!(estrai(&dati(nome), &quale), None, "{nome}");
    }
    assert_eq!(estrai(&dati("staccata.p7s"), &testo), None);
    assert_eq!(estrai(TESTO.as_bytes(), &testo), None);
}

#[test]
fn the_first_bytes_say_whether_a_file_may_be_signed() {
    use base64::Engine as _;
    use firme::esame::{TESTA, forse_firmato};
    for nome in
        banco::CONSERVATI.iter().filter(|n| n.contains(".p7") || n.ends_with(".tsr") || n.starts_with("firmato"))
    {
        let b = dati(nome);
        assert!(forse_firmato(&b[..b.len().min(TESTA)]), "{nome}");
        // However little is there of something long.
        assert!(forse_firmato(&b[..b.len().min(600)]), "{nome}");
    }
    let b = base64::engine::general_purpose::STANDARD.encode(dati("busta.p7m"));
    assert!(forse_firmato(&b.as_bytes()[..b.len() - 3]));
    for altro in [&b""[..], b"testo", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"\x1f\x8b"] {
        assert!(!forse_firmato(altro), "{altro:?}");
    }
}
