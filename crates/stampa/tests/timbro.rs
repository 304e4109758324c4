//! Labels and stamped copies, before qpdf, poppler, zbar and veraPDF. R-C16, R-C17.

#![expect(clippy::unwrap_used, reason = "tests")]

mod comune;

use std::path::{Path, PathBuf};
use std::process::Command;

use lopdf::{Dictionary, Document, Object, Stream, dictionary};
use stampa::timbro::{Angolo, BYTE_MAX, NonTimbrabile, Posizione, timbra};
use stampa::{Brano, Errore, Etichetta, Peso, RigaEtichetta};

/// As long as those of the register.
const QR: &str = "https://protocollo.comune.example.it/verifica?ente=c_x000&aoo=AOO1#PG/2026/1234&i=4321&\
    e=60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752&\
    h=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

fn etichetta(misure_mm: (u16, u16)) -> Etichetta {
    let riga = |peso, testo: &str| RigaEtichetta::nuova(peso, Brano::piano(testo));
    Etichetta {
        titolo: "Etichetta di protocollo 0001234/2026".into(),
        ente: "Comune di Montefiascone sul Lago".into(),
        data: comune::QUANDO,
        misure_mm,
        righe: vec![
            riga(Peso::Rilievo, "0001234/2026"),
            riga(Peso::Normale, "Comune di Montefiascone sul Lago"),
            riga(Peso::Normale, "AOO1 · registro PG · 2 marzo 2026, ore 9:05:07"),
            riga(Peso::Normale, "Entrata · class. 6.3 Edilizia privata e urbanistica 漢"),
            riga(Peso::Minuto, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ],
        qr: QR.into(),
    }
}

/// Whether a judge is here. Under `PROTOCOLLO_GIUDICI` it must be.
fn c_e(programma: &str) -> bool {
    let c_e = Command::new(programma).arg("--version").output().is_ok();
    assert!(c_e || std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "{programma} is missing");
    if !c_e {
        eprintln!("skipped: {programma} is not installed");
    }
    c_e
}

fn esce(comando: &mut Command) -> String {
    let uscita = comando.output().unwrap();
    assert!(uscita.status.success(), "{comando:?}: {}", String::from_utf8_lossy(&uscita.stderr));
    String::from_utf8_lossy(&uscita.stdout).into_owned()
}

fn metti(cartella: &Path, nome: &str, byte: &[u8]) -> PathBuf {
    let percorso = cartella.join(nome);
    std::fs::write(&percorso, byte).unwrap();
    percorso
}

/// What a telephone reads in a quarter of the first page, or in all of it.
fn letto(pdf: &Path, angolo: Option<Angolo>, dpi: &str) -> String {
    let foto = pdf.with_extension("png");
    let disegna = |argomenti: &[String]| {
        let mut c = Command::new("pdftoppm");
        c.args(["-r", dpi, "-png", "-singlefile", "-cropbox"]).args(argomenti);
        esce(c.arg(pdf).arg(pdf.with_extension("")));
    };
    disegna(&[]);
    if let Some(angolo) = angolo {
        let png = std::fs::read(&foto).unwrap();
        let misura = |da: usize| u32::from_be_bytes(png[da..da + 4].try_into().unwrap());
        let (largo, alto) = (misura(16), misura(20));
        let (x, y) = match angolo {
            Angolo::AltoDestra => (largo / 2, 0),
            Angolo::AltoSinistra => (0, 0),
            Angolo::BassoDestra => (largo / 2, alto / 2),
            Angolo::BassoSinistra => (0, alto / 2),
        };
        let numeri = [("-x", x), ("-y", y), ("-W", largo / 2), ("-H", alto / 2)];
        disegna(&numeri.iter().flat_map(|(k, v)| [(*k).to_owned(), v.to_string()]).collect::<Vec<_>>());
    }
    let uscita = Command::new("zbarimg").args(["-q", "--raw"]).arg(&foto).output().unwrap();
    String::from_utf8_lossy(&uscita.stdout).trim().to_owned()
}

/// A document of one page as another program would make it: attributes inherited, contents in two streams.
fn foglio(pagina: Dictionary, contenuto: &[u8]) -> Vec<u8> {
    let mut d = Document::with_version("1.4");
    let albero = d.new_object_id();
    let primo = d.add_object(Stream::new(Dictionary::new(), contenuto.to_vec()));
    let secondo = d.add_object(Stream::new(Dictionary::new(), b"0.9 g 0 0 5000 5000 re f".to_vec()));
    let mut foglia =
        dictionary! { "Type" => "Page", "Parent" => albero, "Contents" => vec![primo.into(), secondo.into()] };
    foglia.extend(&pagina);
    let foglia = d.add_object(foglia);
    d.set_object(
        albero,
        dictionary! {
            "Type" => "Pages", "Kids" => vec![foglia.into()], "Count" => 1, "Resources" => Dictionary::new(),
            "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
        },
    );
    let radice = d.add_object(dictionary! { "Type" => "Catalog", "Pages" => albero });
    d.trailer.set("Root", radice);
    let mut byte = Vec::new();
    d.save_to(&mut byte).unwrap();
    byte
}

fn quadro(n: [i64; 4]) -> Vec<Object> {
    n.map(Object::from).to_vec()
}

fn ritto() -> Vec<u8> {
    foglio(Dictionary::new(), b"")
}

fn dove(angolo: Angolo) -> Posizione {
    Posizione { angolo, ..Posizione::default() }
}

#[test]
fn a_label_is_one_page_of_its_measures_that_a_telephone_reads() {
    for (misure, punti) in
        [((89, 36), "252.283 x 102.047"), ((100, 50), "283.465 x 141.732"), ((62, 29), "175.748 x 82.2047")]
    {
        let pdf = etichetta(misure).pdf().unwrap();
        assert_eq!(pdf, etichetta(misure).pdf().unwrap(), "the same bytes");
        let cartella = tempfile::tempdir().unwrap();
        let file = metti(cartella.path(), "e.pdf", &pdf);
        if c_e("pdfinfo") {
            let detto = esce(Command::new("pdfinfo").arg(&file));
            for riga in ["Pages:           1\n", punti, "Tagged:          yes"] {
                assert!(detto.contains(riga), "{riga}: {detto}");
            }
            let testo = esce(Command::new("pdftotext").args(["-raw", "-enc", "UTF-8"]).arg(&file).arg("-"));
            assert!(testo.starts_with("0001234/2026\nComune di Montefiascone"), "{testo}");
        }
        if c_e("zbarimg") && c_e("pdftoppm") && misure.1 >= 36 {
            assert_eq!(letto(&file, None, "150"), QR);
        }
    }
    assert!(matches!(etichetta((20, 36)).pdf(), Err(Errore::Misure(20, 36))));
    assert!(matches!(etichetta((89, 400)).pdf(), Err(Errore::Misure(89, 400))));
}

#[test]
fn what_does_not_fit_on_a_label_is_left_out_from_the_end() {
    let mut lunga = etichetta((89, 36));
    lunga.righe[1].testo = vec![Brano::piano("Unione montana dei comuni ".repeat(12))];
    let pdf = lunga.pdf().unwrap();
    if c_e("pdftotext") {
        let cartella = tempfile::tempdir().unwrap();
        let file = metti(cartella.path(), "e.pdf", &pdf);
        let testo = esce(Command::new("pdftotext").args(["-raw"]).arg(&file).arg("-"));
        assert!(testo.starts_with("0001234/2026\nUnione montana"), "{testo}");
    }
}

/// Every way a page may lie: the stamp is upright, in the corner asked for, as the page is shown.
#[test]
fn the_stamp_is_in_its_corner_however_the_page_lies() {
    if !c_e("zbarimg") || !c_e("pdftoppm") {
        return;
    }
    let cartella = tempfile::tempdir().unwrap();
    let pagine = [
        ("plain", Dictionary::new()),
        ("turned", dictionary! { "Rotate" => 90 }),
        ("upside down", dictionary! { "Rotate" => 180 }),
        ("turned left, cropped", dictionary! { "Rotate" => -90, "CropBox" => quadro([100, 50, 595, 700]) }),
        (
            "far from the origin, corners swapped",
            dictionary! { "MediaBox" => quadro([300, 1000, -400, -200]), "Rotate" => 450 },
        ),
        ("cropped beyond the paper", dictionary! { "CropBox" => quadro([-100, 200, 900, 5000]) }),
        ("a unit of four points", dictionary! { "MediaBox" => quadro([0, 0, 150, 210]), "UserUnit" => 4 }),
    ];
    // States left open and scaled, as careless programs do.
    let contenuto = b"q 0.3 0 0 0.3 50 50 cm q 1 0 0 rg";
    for (come, pagina) in pagine {
        // Poppler knows nothing of units: it shows a small page.
        let dpi = if pagina.has(b"UserUnit") { "600" } else { "150" };
        let originale = foglio(pagina, contenuto);
        for angolo in Angolo::TUTTI {
            let copia = timbra(&originale, &etichetta((90, 36)), dove(angolo)).unwrap();
            assert!(copia.starts_with(&originale), "the original is the beginning");
            let file = metti(cartella.path(), "t.pdf", &copia);
            assert_eq!(letto(&file, Some(angolo), dpi), QR, "{come}, {angolo:?}");
            let opposto = match angolo {
                Angolo::AltoDestra => Angolo::BassoSinistra,
                Angolo::AltoSinistra => Angolo::BassoDestra,
                Angolo::BassoDestra => Angolo::AltoSinistra,
                Angolo::BassoSinistra => Angolo::AltoDestra,
            };
            assert_eq!(letto(&file, Some(opposto), dpi), "", "{come}, {angolo:?}");
        }
    }
}

#[test]
fn a_stamped_copy_has_the_original_as_its_beginning_and_qpdf_finds_no_fault() {
    let cartella = tempfile::tempdir().unwrap();
    for (nome, originale) in [
        ("ours", comune::registro(120).pdf().unwrap()),
        ("theirs", ritto()),
        ("stamped", timbra(&ritto(), &etichetta((90, 36)), dove(Angolo::BassoDestra)).unwrap()),
    ] {
        let copia = timbra(&originale, &etichetta((90, 36)), Posizione::default()).unwrap();
        assert!(copia.starts_with(&originale) && copia.len() > originale.len(), "{nome}");
        assert_eq!(copia, timbra(&originale, &etichetta((90, 36)), Posizione::default()).unwrap(), "the same bytes");
        let (prima, dopo) = (Document::load_mem(&originale).unwrap(), Document::load_mem(&copia).unwrap());
        assert_eq!(prima.page_iter().count(), dopo.page_iter().count());
        if c_e("qpdf") {
            let detto = esce(Command::new("qpdf").arg("--check").arg(metti(cartella.path(), "t.pdf", &copia)));
            assert!(detto.contains("No syntax or stream encoding errors found"), "{nome}: {detto}");
        }
        if c_e("pdftotext") {
            let file = metti(cartella.path(), "t.pdf", &copia);
            let testo = esce(Command::new("pdftotext").args(["-raw", "-l", "1"]).arg(&file).arg("-"));
            assert!(testo.contains("0001234/2026"), "{nome}: {testo}");
        }
    }
}

/// PDF files of others, when they are at hand.
#[test]
fn a_stamped_copy_of_every_reference_pdf_is_sound() {
    let radice = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference");
    if !radice.is_dir() || !c_e("qpdf") {
        eprintln!("skipped: ../shared/reference is missing");
        return;
    }
    let cartella = tempfile::tempdir().unwrap();
    let mut cartelle = vec![radice];
    let (mut si, mut no) = (0, 0);
    while let Some(c) = cartelle.pop() {
        for voce in std::fs::read_dir(c).unwrap() {
            let p = voce.unwrap().path();
            if p.is_dir() {
                cartelle.push(p);
                continue;
            }
            if p.extension().is_none_or(|e| e != "pdf") {
                continue;
            }
            let byte = std::fs::read(&p).unwrap();
            match timbra(&byte, &etichetta((90, 36)), Posizione::default()) {
                Ok(copia) => {
                    assert!(copia.starts_with(&byte));
                    let esito = |f: &Path| Command::new("qpdf").arg("--check").arg(f).output().unwrap().status.code();
                    let copia = metti(cartella.path(), "t.pdf", &copia);
                    let dopo = esito(&copia);
                    assert!(dopo == Some(0) || dopo == esito(&p), "no fault that was not there: {}", p.display());
                    si += 1;
                }
                Err(e) => {
                    eprintln!("{}: {e}", p.display());
                    no += 1;
                }
            }
        }
    }
    eprintln!("{si} stamped, {no} refused");
    assert!(si > no);
}

#[test]
fn what_cannot_be_stamped_is_said_in_words() {
    let di = |pdf: &[u8]| timbra(pdf, &etichetta((90, 36)), Posizione::default()).unwrap_err();
    assert!(matches!(di(b"<html>"), NonTimbrabile::NonPdf));
    assert!(matches!(di(&ritto()[..400]), NonTimbrabile::Danneggiato(_)), "cut short");
    let mut grande = ritto();
    grande.resize(BYTE_MAX + 1, b'\n');
    assert!(matches!(di(&grande), NonTimbrabile::TroppoGrande));
    let piccola = foglio(dictionary! { "MediaBox" => quadro([0, 0, 150, 100]) }, b"");
    assert!(matches!(di(&piccola), NonTimbrabile::PaginaPiccola));
    assert!(matches!(di(&foglio(Dictionary::new(), b"Q Q")), NonTimbrabile::Danneggiato(_)), "unbalanced");
    assert!(matches!(di(&foglio(dictionary! { "Rotate" => 30 }, b"")), NonTimbrabile::Danneggiato(_)));
    if c_e("qpdf") {
        let cartella = tempfile::tempdir().unwrap();
        let chiaro = metti(cartella.path(), "p.pdf", &ritto());
        for password in ["", "segreta"] {
            let cifrato = cartella.path().join("c.pdf");
            let mut qpdf = Command::new("qpdf");
            esce(qpdf.args(["--encrypt", password, "padrone", "256", "--"]).arg(&chiaro).arg(&cifrato));
            assert!(matches!(di(&std::fs::read(cifrato).unwrap()), NonTimbrabile::Cifrato));
        }
    }
}

/// A few kilobytes that would become gigabytes in memory.
#[test]
fn a_document_that_swells_is_refused_before_it_does() {
    let mut d = Document::with_version("1.5");
    let pagine = d.new_object_id();
    let radice = d.add_object(dictionary! { "Type" => "Catalog", "Pages" => pagine });
    d.trailer.set("Root", radice);
    let numeri = [b"900 0 (".to_vec(), b"a".repeat(8 << 20), b")".to_vec()].concat();
    for _ in 0..40 {
        let mut s = Stream::new(dictionary! { "Type" => "ObjXxx", "N" => 1, "First" => 6 }, numeri.clone());
        s.compress().unwrap();
        d.add_object(s);
    }
    let mut bomba = Vec::new();
    d.save_to(&mut bomba).unwrap();
    // The library that writes it would leave them out, had they their name.
    for i in 0..bomba.len() - 6 {
        if &bomba[i..i + 6] == b"ObjXxx" {
            bomba[i..i + 6].copy_from_slice(b"ObjStm");
        }
    }
    assert!(bomba.len() < 2 << 20);
    let esito = timbra(&bomba, &etichetta((90, 36)), Posizione::default());
    assert!(matches!(esito, Err(NonTimbrabile::TroppoGrande)), "{esito:?}");
}

/// Hostile or damaged, a PDF is refused in words or stamped with its bytes as the beginning: never a panic.
#[test]
fn a_damaged_pdf_is_refused_or_stamped_as_it_is() {
    let documenti = [ritto(), comune::ricevuta().pdf().unwrap()];
    let mut caso = proptest::test_runner::TestRunner::new(proptest::test_runner::Config::with_cases(150));
    let colpi = proptest::collection::vec((0.0..1.0f64, proptest::prelude::any::<u8>()), 1..6);
    let conti = std::cell::Cell::new((0, 0));
    caso.run(&(0..2usize, colpi, 0..4u8), |(quale, colpi, taglia)| {
        let mut rovinato = documenti[quale].clone();
        for (dove, byte) in colpi {
            let dove = (dove * rovinato.len() as f64) as usize;
            rovinato[dove] = byte;
        }
        if taglia == 0 {
            rovinato.truncate(rovinato.len() * 9 / 10);
        }
        let (si, no) = conti.get();
        match timbra(&rovinato, &etichetta((90, 36)), Posizione::default()) {
            Ok(copia) => {
                assert!(copia.starts_with(&rovinato));
                conti.set((si + 1, no));
            }
            Err(_) => conti.set((si, no + 1)),
        }
        Ok(())
    })
    .unwrap();
    let (si, no) = conti.get();
    assert!(si > 10 && no > 10, "{si} stamped, {no} refused: the test says nothing");
}

/// `VERAPDF_CLASSPATH` is set by `cargo xtask test --tutto`.
#[test]
fn verapdf_says_that_a_copy_is_archival_as_its_original() {
    let Some(classi) = std::env::var_os("VERAPDF_CLASSPATH") else {
        eprintln!("skipped: VERAPDF_CLASSPATH is not set");
        return;
    };
    let cartella = tempfile::tempdir().unwrap();
    let giudica = |profili: &[&str], nome: &str, byte: &[u8]| {
        let mut java = Command::new("java");
        java.arg("-cp").arg(&classi).arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/Verapdf.java"));
        let detto = esce(java.args(profili).arg(metti(cartella.path(), nome, byte)));
        let buoni = detto.lines().filter(|r| r.starts_with("OK ")).count();
        assert_eq!(buoni, profili.len(), "{nome}: {detto}");
    };
    giudica(&["2a", "ua1"], "etichetta.pdf", &etichetta((89, 36)).pdf().unwrap());
    let copia = |byte: &[u8]| timbra(byte, &etichetta((90, 36)), Posizione::default()).unwrap();
    giudica(&["2a", "ua1"], "nostra.pdf", &copia(&comune::ricevuta().pdf().unwrap()));
    // Of others, in every conformance at hand: `pdfa-2b_…-pass-….pdf`.
    let altrui = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/pdfa");
    let Ok(elenco) = std::fs::read_dir(altrui) else {
        eprintln!("skipped: ../shared/reference is missing");
        return;
    };
    for voce in elenco {
        let p = voce.unwrap().path();
        let nome = p.file_name().unwrap().to_string_lossy().into_owned();
        if nome.starts_with("pdfa-") && nome.contains("-pass-") && nome.ends_with(".pdf") {
            giudica(&[&nome[5..7]], &nome, &copia(&std::fs::read(&p).unwrap()));
        }
    }
}
