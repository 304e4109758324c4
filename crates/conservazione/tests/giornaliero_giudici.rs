//! What independent programs say of the printed register: poppler, veraPDF.
#![expect(clippy::unwrap_used, reason = "tests")]

mod comune;

use std::num::NonZeroUsize;
use std::path::Path;

use comune::*;
use conservazione::{Copia, RegistroGiornaliero};
use dominio::operazione::Operazione;

/// 250 registrations with what the three rows have, and long texts.
fn giornata() -> Vec<Operazione> {
    let mut ops = tre_righe();
    ops.extend((45..292).map(|n| {
        let mut d = dati(&format!("Oggetto della registrazione {n} {}", "molto lungo ".repeat((n % 17) as usize)));
        d.documenti = (1..=u32::try_from(n % 4).unwrap()).map(|i| file(i, &format!("file-{n}-{i}.pdf"))).collect();
        registra(n as u64 + 200, "2026-11-24T23:59:59.999999+01:00", n, d)
    }));
    ops
}

/// Numbers that stand first on their line, as the table prints them.
fn numeri(testo: &str) -> Vec<i64> {
    testo
        .lines()
        .filter_map(|r| r.split(' ').next().filter(|n| n.len() == 7 && n.bytes().all(|b| b.is_ascii_digit())))
        .filter_map(|n| n.parse().ok())
        .collect()
}

/// R-F03: paper holds every number, in order, in volumes too.
#[test]
fn every_number_is_printed_in_order() {
    let t = testata();
    let fonte = Registro::nuovo(&t, giornata());
    let cartella = tempfile::tempdir().unwrap();
    for (copia, righe) in [(Copia::Completa, 10_000), (Copia::Pubblica, 10_000), (Copia::Completa, 100)] {
        let registro = RegistroGiornaliero::con_volumi(&t, &fonte, NonZeroUsize::new(righe).unwrap()).unwrap();
        let s = scrivi(&registro, copia).unwrap();
        let (mut trovati, mut segreto) = (Vec::new(), false);
        for file in posa(cartella.path(), "pdf", &s.pdf) {
            let Some(testo) = chiedi("pdftotext", &["-raw", "-enc", "UTF-8"], &[file.clone(), "-".into()]) else {
                return;
            };
            // Those of the changes are printed with their year.
            trovati.extend(numeri(&testo));
            segreto |= testo.contains("Segnalazione") || testo.contains("Segreti");
            let detto = chiedi("pdfinfo", &[], &[file]).unwrap_or_default();
            assert!(detto.lines().any(|r| r.starts_with("Tagged:") && r.ends_with("yes")), "{detto}");
        }
        assert_eq!(segreto, copia == Copia::Completa);
        assert_eq!(trovati, (42..292).collect::<Vec<_>>(), "{righe}");
    }
}

/// R-B04, R-F04, R-F06: what is marked, what was and what is, and the impronta of the XML.
#[test]
fn the_paper_says_what_the_xml_says() {
    let s = di(&testata(), tre_righe(), Copia::Completa).unwrap();
    let cartella = tempfile::tempdir().unwrap();
    let file = posa(cartella.path(), "pdf", &s.pdf).remove(0);
    let Some(testo) = chiedi("pdftotext", &["-raw", "-enc", "UTF-8"], &[file, "-".into()]) else { return };
    let testo = testo.replace('\n', " ");
    for pezzo in [
        "Registro giornaliero di protocollo del 24 novembre 2026",
        "3 registrazioni",
        "Dal numero 0000042 al 0000044",
        "Pagina 1 di",
        "ANNULLATA Richiesta di accesso agli atti",
        "Protocollo del mittente: A/77 del 20 novembre 2026, registro PROT",
        "漢字",
        "00:00:00 +01:00",
        "Annullamenti",
        "0000007/2026",
        "Provvedimento D-17 del 24 novembre 2026",
        "anche a: TRIB/ugo.verdi (per conoscenza)",
    ] {
        assert!(testo.contains(pezzo), "{pezzo}: {testo}");
    }
    assert!(testo.replace(' ', "").contains(&s.volumi[0].xml.hex()));
}

/// R-F06. `VERAPDF_CLASSPATH` is set by `cargo xtask test` where `cargo xtask prepara --tutto` installed veraPDF.
#[test]
fn verapdf_says_that_it_is_archival_and_accessible() {
    let Some(classi) = std::env::var_os("VERAPDF_CLASSPATH") else {
        eprintln!("skipped: VERAPDF_CLASSPATH is not set");
        return;
    };
    let cartella = tempfile::tempdir().unwrap();
    let mut pdf = di(&testata(), Vec::new(), Copia::Completa).unwrap().pdf;
    pdf.extend(di(&testata(), giornata(), Copia::Completa).unwrap().pdf);
    pdf.extend(di(&testata(), tre_righe(), Copia::Pubblica).unwrap().pdf);
    let percorsi = posa(cartella.path(), "pdf", &pdf);
    let sorgente = Path::new(env!("CARGO_MANIFEST_DIR")).join("../stampa/tests/Verapdf.java");
    let argomenti = ["-cp", classi.to_str().unwrap(), sorgente.to_str().unwrap(), "2a", "ua1"];
    let detto = chiedi("java", &argomenti, &percorsi).unwrap();
    let giudizi: Vec<&str> = detto.lines().filter(|r| r.starts_with("OK ") || r.starts_with("NO ")).collect();
    assert_eq!(giudizi.len(), percorsi.len() * 2, "{detto}");
    assert!(giudizi.iter().all(|g| g.starts_with("OK ")), "{detto}");
}
