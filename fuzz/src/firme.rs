//! Signed files of strangers. Nobody here has the keys of the seeds: what is found intact must have the content that was signed.

use ::firme::asn1::{Lettore, Pezzi, istante, oid, testo};
use ::firme::canonica::{Metodo, Testo, canonizza};
use ::firme::esame::Formato;
use ::firme::{Esame, Fiducia, esamina};

fn guarda(byte: &[u8]) -> Esame {
    let e = esamina(byte, None, &Fiducia::nessuna(), jiff::Timestamp::UNIX_EPOCH);
    serde_json::to_vec(&e).unwrap();
    e
}

/// Elements are inside what they were read from, whole, in order.
pub fn ber(byte: &[u8]) {
    fn giu(mut l: Lettore, livello: usize) {
        while let Ok(e) = l.leggi() {
            assert!(e.contenuto.len() <= e.intero.len());
            if let Ok(p) = e.ottetti() {
                assert_eq!(p.unito().len(), Pezzi(p.0.clone()).len());
            }
            let _ = (oid(&e), testo(&e), istante(&e));
            if e.tag & 0x20 != 0 && livello < 8 {
                giu(e.dentro(), livello + 1);
            }
        }
    }
    giu(Lettore::nuovo(byte), 0);
}

/// Envelopes, timestamps, certificates: what is intact is what the seeds hold.
pub fn cms(byte: &[u8]) {
    let e = guarda(byte);
    if e.integra() && e.formato == Some(Formato::Cades) && e.buste.is_empty() {
        let c = e.contenuto.unwrap();
        assert_eq!(
            c.impronta, "856ab815b3310accb5add21270b5cefbb97562e15642aa2d30e9fee282fe9e93",
            "intact, with a content that nobody signed"
        );
    }
    let _ = ::firme::x509::Certificato::leggi(byte);
    let _ = Fiducia::nessuna().crl(byte);
    let _ = ::firme::marca::risponde(byte, b"", None);
}

/// The seed is signed whole: whatever is changed outside of its gap shows.
pub fn pades(byte: &[u8]) {
    let e = guarda(byte);
    if e.integra() && e.formato == Some(Formato::Pades) {
        assert!(byte.windows(21).any(|w| w == b"MediaBox[0 0 100 100]"), "intact, with a page that nobody signed");
    }
}

/// What is intact has the text that was signed; canonical XML is canonical.
pub fn xades(byte: &[u8]) {
    let m = Metodo::Esclusiva { commenti: false };
    let forma = canonizza(byte, m);
    if let Ok(c) = &forma {
        assert_eq!(canonizza(c, m).as_ref(), Ok(c));
        for m in [Metodo::Inclusiva { commenti: true }, Metodo::Inclusiva11 { commenti: true }] {
            let _ = canonizza(byte, m);
        }
    }
    let e = guarda(byte);
    if e.integra() && e.formato == Some(Formato::Xades) {
        let c = String::from_utf8(forma.unwrap()).unwrap();
        assert!(c.contains("<Oggetto>Perché sì</Oggetto>"), "intact, with a text that nobody signed");
    }
    let _ = Testo::leggi(byte);
    let _ = Fiducia::nessuna().elenco(byte);
}

/// Containers, MIME, and whatever else is told by its first bytes.
pub fn asic(byte: &[u8]) {
    let e = guarda(byte);
    if e.integra() && matches!(e.formato, Some(Formato::AsicS | Formato::AsicE)) && e.contenuti.is_empty() {
        assert_eq!(
            e.contenuto.unwrap().impronta,
            "856ab815b3310accb5add21270b5cefbb97562e15642aa2d30e9fee282fe9e93",
            "intact, with a document that nobody signed"
        );
    }
}
