//! How long an operation takes: `cargo run --release -p catena --example passo`.
//!
//! Each of [`OPERAZIONI`] operations of 28 fields becomes digests, an entry and a leaf of a growing tree; receipts are
//! verified apart. Prints microseconds each.

use std::time::Instant;

use catena::{Albero, Checkpoint, ChiaveFirma, EsitoRicevuta, Operazione, Ricevuta, Seme};

const OPERAZIONI: u64 = 100_000;
const RICEVUTE: u32 = 1_000;
const ORIGINE: &str = "protocollo.example/c_z999/AOO1";

/// A registration of 28 fields of the usual lengths.
fn operazione(i: u64) -> Operazione {
    let mut op = Operazione::new();
    op.insert("indice".into(), i.into());
    op.insert("numero".into(), (i + 1).into());
    op.insert("oggetto".into(), "Richiesta di accesso agli atti del procedimento n. 123/2026".into());
    for n in 0..25 {
        op.insert(format!("campo.{n}.denominazione"), format!("Comune di Prova, settore {n}").into());
    }
    op
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let chiave = ChiaveFirma::da_segreto(ORIGINE, &[1; 32])?;
    let mut op = operazione(0);
    let mut seme = Seme([0; 32]);
    let mut albero = Albero::nuovo();
    let mut tiles = 0u32;
    let start = Instant::now();
    for i in 0..OPERAZIONI {
        op.insert("indice".into(), i.into());
        seme.0[..8].copy_from_slice(&i.to_be_bytes());
        albero.aggiungi(catena::foglia(&catena::voce_di(&seme, &op)?), |_, _, _| tiles += 1);
    }
    let each = start.elapsed().as_secs_f64() * 1e6 / OPERAZIONI as f64;
    println!("operation of {} fields, from values to tree: {each:.2} µs ({tiles} full tiles)", op.len());

    let start = Instant::now();
    for i in 0..RICEVUTE {
        Checkpoint::nuovo(ORIGINE, u64::from(i), albero.radice()).firma(&[&chiave])?;
    }
    println!("checkpoint signed: {:.2} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(RICEVUTE));

    let op = operazione(0);
    let root = catena::foglia(&catena::voce_di(&seme, &op)?);
    let nota = Checkpoint::nuovo(ORIGINE, 1, root).firma(&[&chiave])?;
    let ricevuta = Ricevuta::crea(ORIGINE, 0, &op, &seme, |nome| nome == "oggetto", &[], &nota, None)?;
    let keys = [chiave.pubblica()];
    let start = Instant::now();
    for _ in 0..RICEVUTE {
        if !matches!(catena::verifica(&ricevuta, &keys), EsitoRicevuta::Autentica { .. }) {
            return Err("the receipt does not hold".into());
        }
    }
    println!("receipt verified: {:.2} µs", start.elapsed().as_secs_f64() * 1e6 / f64::from(RICEVUTE));
    Ok(())
}
