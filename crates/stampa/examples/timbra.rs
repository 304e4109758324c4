//! How long a stamp takes: on the PDF given, or on a register of our own of some 400 pages. With a second argument the
//! copy is written there, to be looked at.

#[path = "../tests/comune/mod.rs"]
mod comune;

use std::time::Instant;

use stampa::timbro::{Posizione, timbra};
use stampa::{Brano, Etichetta, Peso, RigaEtichetta};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut argomenti = std::env::args().skip(1);
    let pdf = match argomenti.next() {
        Some(percorso) => std::fs::read(percorso)?,
        None => comune::registro(8_000).pdf()?,
    };
    let riga = |peso, testo: &str| RigaEtichetta::nuova(peso, Brano::piano(testo));
    let etichetta = Etichetta {
        titolo: "Etichetta di protocollo 0001234/2026".into(),
        ente: "Comune di Montefiascone sul Lago".into(),
        data: comune::QUANDO,
        misure_mm: (90, 36),
        righe: vec![
            riga(Peso::Rilievo, "0001234/2026"),
            riga(Peso::Normale, "Comune di Montefiascone sul Lago"),
            riga(Peso::Normale, "AOO1 · registro PG"),
            riga(Peso::Normale, "2 marzo 2026, ore 9:05:07"),
            riga(Peso::Normale, "Entrata · class. 6.3 Edilizia privata"),
            riga(Peso::Minuto, "SHA-256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ],
        qr: comune::VERIFICA.into(),
    };
    let mut tempi = Vec::new();
    let mut copia = Vec::new();
    for _ in 0..11 {
        let prima = Instant::now();
        copia = timbra(&pdf, &etichetta, Posizione::default())?;
        tempi.push(prima.elapsed());
    }
    tempi.sort();
    println!(
        "{} byte, +{}: {:?} (median of {})",
        pdf.len(),
        copia.len() - pdf.len(),
        tempi[tempi.len() / 2],
        tempi.len()
    );
    if let Some(percorso) = argomenti.next() {
        std::fs::write(percorso, copia)?;
    }
    Ok(())
}
