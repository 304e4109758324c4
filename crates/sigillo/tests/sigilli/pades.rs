//! PAdES, before pyHanko, poppler and veraPDF; whole and tampered with. R-C10.

use std::path::Path;
use std::process::Command;

use sigillo::pades::{self, Errore, Voci};
use sigillo::riscontro::riscontra;

use crate::banco::{chiave, chiavi, firme_dice, pdf, pdf_minimo, percorso, quando, riferimento};
use crate::giudici::{self, Carte};
use crate::tsa::autorita;

fn pyhanko(carte: &Carte, pdf: &[u8], quanti: usize, livello: &str) -> Command {
    let mut comando = giudici::python("pades.py");
    comando.arg(carte.metti("s.pdf", pdf)).arg(percorso("ca.pem")).arg(quanti.to_string()).arg(livello);
    comando
}

fn voci() -> Voci {
    Voci { motivo: Some("Registro giornaliero di protocollo – più d'uno".into()), luogo: None }
}

fn sigilla(nome: &str, pdf: &[u8]) -> Vec<u8> {
    pades::sigilla(&chiave(nome), pdf, quando(), &voci(), None).unwrap()
}

#[test]
fn pyhanko_trusts_the_seal_and_sees_it_cover_the_whole_file() {
    if !giudici::modulo_python("pyhanko") {
        return;
    }
    for chiave in chiavi() {
        for originale in [pdf(), pdf_minimo()] {
            let sigillato = pades::sigilla(&chiave, &originale, quando(), &voci(), None).unwrap();
            assert!(sigillato.starts_with(&originale), "the original is the beginning");
            riscontra(&chiave, &sigillato, None, quando()).unwrap();
            let carte = Carte::nuove();
            giudici::approva(&mut pyhanko(&carte, &sigillato, 1, "b"));
        }
    }
}

#[test]
fn a_timestamp_of_the_seal_is_trusted() {
    let Some(tsa) = autorita() else { return };
    if !giudici::modulo_python("pyhanko") {
        return;
    }
    for chiave in chiavi() {
        let sigillato = pades::sigilla(&chiave, &pdf(), quando(), &voci(), Some(&tsa)).unwrap();
        giudici::approva(&mut pyhanko(&Carte::nuove(), &sigillato, 1, "t"));
        riscontra(&chiave, &sigillato, None, quando()).unwrap();
    }
}

#[test]
fn a_second_seal_keeps_the_first() {
    let primo = sigilla("rsa", &pdf());
    let secondo = sigilla("p256", &primo);
    let terzo = sigilla("p256", &secondo);
    assert!(terzo.starts_with(&secondo) && secondo.starts_with(&primo));
    assert!(firme_dice(&primo, None) && firme_dice(&secondo, None) && firme_dice(&terzo, None));
    if giudici::modulo_python("pyhanko") {
        giudici::approva(&mut pyhanko(&Carte::nuove(), &terzo, 3, "b"));
    }
}

// R-C16: the stamp is another revision, and the bytes that were sealed are still there, one after the other.
#[test]
fn a_stamp_on_a_sealed_pdf_leaves_its_seal_whole() {
    use stampa::timbro::{Posizione, timbra};
    let sigillato = sigilla("p256", &pdf());
    let etichetta = stampa::Etichetta {
        titolo: "Timbro".into(),
        ente: "Ente".into(),
        data: stampa::Istante { anno: 2026, mese: 3, giorno: 2, ora: 9, minuto: 5, secondo: 7, scarto_minuti: 60 },
        misure_mm: (90, 36),
        righe: vec![stampa::RigaEtichetta::nuova(stampa::Peso::Rilievo, "0000001/2026".into())],
        qr: "https://protocollo.example.it/verifica".into(),
    };
    let copia = timbra(&sigillato, &etichetta, Posizione::default()).unwrap();
    assert!(copia.starts_with(&sigillato) && copia.len() > sigillato.len());
    assert!(firme_dice(&copia, None), "the seal holds on its revision");
    let mut altra = copia.clone();
    altra[30] ^= 1;
    assert!(!firme_dice(&altra, None), "an altered original does not");
    if giudici::c_e("pdfsig", "-v") {
        let carte = Carte::nuove();
        let mut comando = Command::new("pdfsig");
        let detto = giudici::detto(&giudici::esegui(comando.arg("-nocert").arg(carte.metti("s.pdf", &copia))));
        assert!(detto.contains("Signature is Valid") && detto.contains("Not total document signed"), "{detto}");
    }
}

#[test]
fn whoever_alters_a_sealed_pdf_is_found_out() {
    let sigillato = sigilla("p256", &pdf());
    // Its last digits that are not of the room left over.
    let fine = sigillato.windows(4).rposition(|w| w == b"000>").unwrap();
    let firma = sigillato[..fine].iter().rposition(|b| *b != b'0').unwrap() - 5;
    let alterati = [
        ("a byte of the original", 30),
        ("the reason", sigillato.windows(7).rposition(|w| w == b"/Reason").unwrap() + 12),
        ("the signature", firma),
        ("a byte after the seal", sigillato.windows(9).rposition(|w| w == b"startxref").unwrap() - 20),
    ]
    .map(|(come, dove)| {
        let mut altro = sigillato.clone();
        altro[dove] = if altro[dove] == b'1' { b'2' } else { b'1' };
        (come, altro)
    });
    let aggiunto = [&sigillato[..], b"\n% in coda\n"].concat();
    for (come, altro) in alterati.iter().map(|(c, a)| (*c, a)).chain([("bytes appended", &aggiunto)]) {
        if giudici::modulo_python("pyhanko") {
            giudici::rifiuta(&mut pyhanko(&Carte::nuove(), altro, 1, "b"));
        }
        // Bytes appended leave the signature intact: that the file goes on after it is another fact.
        if come != "bytes appended" {
            assert!(!firme_dice(altro, None), "firme accepts: {come}");
        }
    }
}

#[test]
fn poppler_says_valid_and_total() {
    if !giudici::c_e("pdfsig", "-v") {
        return;
    }
    for nome in ["rsa", "p256", "p384"] {
        let carte = Carte::nuove();
        let sigillato = sigilla(nome, &pdf());
        let mut comando = Command::new("pdfsig");
        // The certificate is of an authority of nobody: only the signature is judged.
        let detto = giudici::detto(&giudici::esegui(comando.arg("-nocert").arg(carte.metti("s.pdf", &sigillato))));
        assert!(detto.contains("Signature is Valid") && detto.contains("Total document signed"), "{nome}: {detto}");
        assert!(detto.contains("ETSI.CAdES.detached"), "{detto}");
        let mut altro = sigillato.clone();
        altro[40] ^= 1;
        let mut comando = Command::new("pdfsig");
        let detto = giudici::detto(&giudici::esegui(comando.arg("-nocert").arg(carte.metti("a.pdf", &altro))));
        assert!(!detto.contains("Signature is Valid"), "{detto}");
    }
}

/// `VERAPDF_CLASSPATH` is set by `cargo xtask test --tutto`.
#[test]
fn verapdf_says_that_it_is_still_archival() {
    let Some(classi) = std::env::var_os("VERAPDF_CLASSPATH") else {
        eprintln!("skipped: VERAPDF_CLASSPATH is not set");
        return;
    };
    let carte = Carte::nuove();
    let nostro = pdf();
    let due = sigilla("p256", &sigilla("rsa", &nostro));
    let giudica = |profili: &[&str], file: &Path| {
        let mut java = Command::new("java");
        java.arg("-cp").arg(&classi).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../stampa/tests/Verapdf.java"));
        giudici::approva(java.args(profili).arg(file)).lines().filter(|r| r.starts_with("OK ")).count()
    };
    assert_eq!(giudica(&["2a", "ua1"], &carte.metti("uno.pdf", &sigilla("rsa", &nostro))), 2);
    assert_eq!(giudica(&["2a", "ua1"], &carte.metti("due.pdf", &due)), 2);
    if let Some(altrui) = riferimento("pdfa/pdfa-2b_6-2-4-3-t01-pass-g.pdf") {
        let altrui = sigilla("rsa", &std::fs::read(altrui).unwrap());
        assert_eq!(giudica(&["2b"], &carte.metti("altrui.pdf", &altrui)), 1);
    }
}

#[test]
fn what_cannot_be_sealed_is_said_in_words() {
    let chiave = chiave("p256");
    let di = |pdf: &[u8]| pades::sigilla(&chiave, pdf, quando(), &Voci::default(), None).unwrap_err();
    assert!(matches!(di(b"<html>"), Errore::Illeggibile(_)));
    assert!(matches!(di(&pdf()[..2000]), Errore::Illeggibile(_)), "cut short");
    let mut spostato = pdf_minimo();
    let dove = spostato.windows(9).position(|w| w == b"startxref").unwrap() + 10;
    spostato[dove] = b'9';
    assert!(matches!(di(&spostato), Errore::Illeggibile(_)), "a table that must be mended");
    if giudici::c_e("qpdf", "--version") {
        let carte = Carte::nuove();
        let cifrato = carte.percorso().join("c.pdf");
        let mut comando = Command::new("qpdf");
        comando.args(["--encrypt", "", "padrone", "256", "--"]).arg(carte.metti("p.pdf", &pdf())).arg(&cifrato);
        giudici::approva(&mut comando);
        assert!(matches!(di(&std::fs::read(cifrato).unwrap()), Errore::Cifrato));
    }
}

/// A document cannot foresee where its seal will be looked for.
#[test]
fn a_document_that_imitates_a_seal_is_sealed_all_the_same() {
    let finta = "/Finta(/ByteRange[0 1000000000 1000000000 1000000000]/Contents<0000>)";
    let testo = String::from_utf8(pdf_minimo()).unwrap();
    let prima = testo.find("3 0 obj").unwrap();
    // In an object that is not moved: its table stays right.
    let testo = testo.replace("/MediaBox[0 0 200 200]", &format!("/MediaBox[0 0 200 200]{finta}"));
    let tabella = testo.find("xref\n").unwrap();
    let coda = testo.find("startxref\n").unwrap() + 10;
    let testo = format!("{}{tabella}\n%%EOF\n", &testo[..coda]);
    assert!(prima < tabella);
    let sigillato = sigilla("p256", testo.as_bytes());
    if giudici::modulo_python("pyhanko") {
        giudici::approva(&mut pyhanko(&Carte::nuove(), &sigillato, 1, "b"));
    }
}

/// Hostile or damaged, a PDF is refused in words or sealed with its bytes as the beginning: never a panic.
#[test]
fn a_damaged_pdf_is_refused_or_sealed_as_it_is() {
    let chiave = chiave("p256");
    let documenti = [pdf_minimo(), pdf(), sigilla("p256", &pdf_minimo())];
    let mut caso = proptest::test_runner::TestRunner::new(proptest::test_runner::Config::with_cases(400));
    let colpi = proptest::collection::vec((0.0..1.0f64, proptest::prelude::any::<u8>()), 1..6);
    let (mut sigillati, mut rifiutati) = (0, 0);
    let conti = std::cell::RefCell::new((&mut sigillati, &mut rifiutati));
    caso.run(&(0..3usize, colpi, 0..4u8), |(quale, colpi, taglia)| {
        let mut rovinato = documenti[quale].clone();
        for (dove, byte) in colpi {
            let dove = (dove * rovinato.len() as f64) as usize;
            rovinato[dove] = byte;
        }
        if taglia == 0 {
            rovinato.truncate(rovinato.len() * 9 / 10);
        }
        let (si, no) = &mut *conti.borrow_mut();
        match pades::sigilla(&chiave, &rovinato, quando(), &Voci::default(), None) {
            Ok(sigillato) => {
                assert!(sigillato.starts_with(&rovinato));
                **si += 1;
            }
            Err(_) => **no += 1,
        }
        Ok(())
    })
    .unwrap();
    assert!(sigillati > 20 && rifiutati > 20, "{sigillati} sealed, {rifiutati} refused: the test says nothing");
}
