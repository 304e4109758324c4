//! What independent programs say of the documents: qpdf, poppler, zbar, veraPDF. Each test is skipped, saying so,
//! where its program is missing.

#![expect(clippy::unwrap_used, reason = "tests")]

mod comune;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use stampa::{Documento, Foglio};

fn c_e(programma: &str) -> bool {
    let prova = Command::new(programma).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if prova.is_err() {
        eprintln!("skipped: {programma} is not installed");
    }
    prova.is_ok()
}

fn esce(comando: &mut Command) -> String {
    let uscita = comando.output().unwrap();
    assert!(uscita.status.success(), "{comando:?}: {}", String::from_utf8_lossy(&uscita.stderr));
    String::from_utf8_lossy(&uscita.stdout).into_owned()
}

fn campioni(cartella: &Path) -> Vec<PathBuf> {
    let mut vuoto = Documento::nuovo(" ", "", comune::QUANDO);
    vuoto.foglio = Foglio::Orizzontale;
    [
        ("ricevuta", comune::ricevuta()),
        ("storia", comune::storia()),
        ("dichiarazione", comune::dichiarazione()),
        ("registro", comune::registro(120)),
        ("tutto", comune::tutto()),
        ("vuoto", vuoto),
    ]
    .into_iter()
    .map(|(nome, documento)| {
        let percorso = cartella.join(format!("{nome}.pdf"));
        std::fs::write(&percorso, documento.pdf().unwrap()).unwrap();
        percorso
    })
    .collect()
}

fn testo(percorso: &Path) -> String {
    esce(Command::new("pdftotext").args(["-raw", "-enc", "UTF-8"]).arg(percorso).arg("-"))
}

#[test]
fn qpdf_finds_no_fault() {
    if !c_e("qpdf") {
        return;
    }
    let cartella = tempfile::tempdir().unwrap();
    for percorso in campioni(cartella.path()) {
        let detto = esce(Command::new("qpdf").arg("--check").arg(&percorso));
        assert!(detto.contains("No syntax or stream encoding errors found"), "{detto}");
    }
}

#[test]
fn poppler_sees_a_tagged_document_with_its_title_and_pages() {
    if !c_e("pdfinfo") {
        return;
    }
    let cartella = tempfile::tempdir().unwrap();
    let percorsi = campioni(cartella.path());
    for percorso in &percorsi {
        let detto = esce(Command::new("pdfinfo").arg("-isodates").arg(percorso));
        assert!(detto.lines().any(|r| r.starts_with("Tagged:") && r.ends_with("yes")), "{detto}");
        assert!(detto.contains("2026-03-02T09:05:07+01"), "{detto}");
    }
    let detto = esce(Command::new("pdfinfo").arg(&percorsi[0]));
    assert!(
        detto.contains("Ricevuta di registrazione di protocollo") && detto.contains("Pages:           1\n"),
        "{detto}"
    );
    let albero = esce(Command::new("pdfinfo").arg("-struct-text").arg(&percorsi[1]));
    for nodo in ["H1", "H2", "H3", "Table", "THead", "TH", "TD", "LBody", "Link", "\"ANNULLATA\""] {
        assert!(albero.contains(nodo), "{nodo} not in the structure");
    }
}

#[test]
fn text_comes_out_whole_and_in_order() {
    if !c_e("pdftotext") {
        return;
    }
    let cartella = tempfile::tempdir().unwrap();
    let percorsi = campioni(cartella.path());

    let ricevuta = testo(&percorsi[0]);
    let mut da = 0;
    for pezzo in [
        "Comune di Montefiascone sul Lago",
        "Ricevuta di registrazione di protocollo",
        "registrato in arrivo",
        "0001234/2026",
        "Oggetto Richiesta di accesso agli atti",
        "Giulia D'Aquì, via dell'Università 3",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "Pagina 1 di 1",
    ] {
        da += ricevuta[da..].find(pezzo).unwrap_or_else(|| panic!("{pezzo} not after {da} in {ricevuta}"));
    }

    // What no font has is there for who copies, with the note of its code for who reads.
    let storia = testo(&percorsi[1]);
    assert!(storia.contains("da 漢字 👨‍👩‍👧 e Иван Жуков"), "{storia}");
    assert!(storia.contains("Caratteri U+5B57, U+6F22, U+1F467, U+1F468 e U+1F469 non stampabili"), "{storia}");

    let registro = testo(&percorsi[3]);
    let trovati: Vec<usize> = registro
        .lines()
        .filter_map(|r| r.split(' ').next().filter(|n| n.len() == 7).and_then(|n| n.parse().ok()))
        .collect();
    assert_eq!(trovati, (1..=120).collect::<Vec<_>>());
    assert!(registro.matches("Mittente o destinatario").count() > 3, "headings on every page");
}

#[test]
fn a_telephone_reads_the_qr_code_from_paper() {
    if !c_e("zbarimg") || !c_e("pdftoppm") {
        return;
    }
    let cartella = tempfile::tempdir().unwrap();
    let percorso = cartella.path().join("ricevuta.pdf");
    std::fs::write(&percorso, comune::ricevuta().pdf().unwrap()).unwrap();
    esce(
        Command::new("pdftoppm")
            .args(["-r", "110", "-png", "-singlefile"])
            .arg(&percorso)
            .arg(percorso.with_extension("")),
    );
    let letto = esce(Command::new("zbarimg").args(["-q", "--raw"]).arg(percorso.with_extension("png")));
    assert_eq!(letto.trim(), comune::VERIFICA);
}

/// `VERAPDF_CLASSPATH` is set by `cargo xtask test` where `cargo xtask prepara --tutto` installed veraPDF.
#[test]
fn verapdf_says_that_it_is_archival_and_accessible() {
    let Some(classi) = std::env::var_os("VERAPDF_CLASSPATH") else {
        eprintln!("skipped: VERAPDF_CLASSPATH is not set");
        return;
    };
    let cartella = tempfile::tempdir().unwrap();
    let percorsi = campioni(cartella.path());
    let sorgente = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/Verapdf.java");
    let mut java = Command::new("java");
    java.arg("-cp").arg(classi).arg(sorgente).args(["2a", "ua1"]).args(&percorsi);
    let detto = esce(&mut java);
    let giudizi: Vec<&str> = detto.lines().filter(|r| r.starts_with("OK ") || r.starts_with("NO ")).collect();
    assert_eq!(giudizi.len(), percorsi.len() * 2, "{detto}");
    assert!(giudizi.iter().all(|g| g.starts_with("OK ")), "{detto}");
}
