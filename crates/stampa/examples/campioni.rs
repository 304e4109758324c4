//! Writes the samples of the tests in the folder given: to be looked at, or judged by other programs.
//! With a number after the folder, only a register of so many rows, timed.

#[path = "../tests/comune/mod.rs"]
mod comune;

use std::path::PathBuf;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut argomenti = std::env::args().skip(1);
    let cartella = PathBuf::from(argomenti.next().unwrap_or_else(|| ".".into()));
    let documenti = match argomenti.next() {
        Some(righe) => vec![("registro", comune::registro(righe.parse()?))],
        None => {
            vec![
                ("ricevuta", comune::ricevuta()),
                ("storia", comune::storia()),
                ("registro", comune::registro(300)),
                ("tutto", comune::tutto()),
            ]
        }
    };
    for (nome, documento) in documenti {
        let prima = Instant::now();
        let pdf = documento.pdf()?;
        println!("{nome}: {} byte, {:?}", pdf.len(), prima.elapsed());
        std::fs::write(cartella.join(format!("{nome}.pdf")), pdf)?;
    }
    Ok(())
}
