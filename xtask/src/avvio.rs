//! What a start costs: time to be ready on an existing archive, memory at rest, size of the binary (design, promises).

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::ambiente::binario;
use crate::servizio::Servizio;

const PRONTO_MAX: Duration = Duration::from_millis(300);
const MEMORIA_MAX: u64 = 100 * 1024 * 1024;
const BINARIO_MAX: u64 = 60 * 1024 * 1024;
/// Starts measured; the middle one counts.
const VOLTE: usize = 5;
/// Rest before memory is read: what the start left behind is gone.
const RIPOSO: Duration = Duration::from_secs(2);

/// Measures and prints; with `release`, the promises are judged too (a debug binary promises nothing).
pub fn avvio(release: bool) -> Result<()> {
    let binario = binario(release)?;
    let cartella = tempfile::tempdir()?;
    let archivio = cartella.path().join("archivio");
    Servizio::avvia(&binario, &archivio, 60)?.ferma()?;
    let mut tempi = Vec::with_capacity(VOLTE);
    let mut memoria = 0;
    for _ in 0..VOLTE {
        let servizio = Servizio::avvia(&binario, &archivio, 60)?;
        tempi.push(servizio.pronto_in);
        if tempi.len() == VOLTE {
            thread::sleep(RIPOSO);
            memoria = servizio.memoria()?;
        }
        servizio.ferma()?;
    }
    tempi.sort();
    let pronto = tempi[VOLTE / 2];
    let peso = fs::metadata(&binario)?.len();
    println!("ready on an existing archive: {} ms (promise: < {} ms)", pronto.as_millis(), PRONTO_MAX.as_millis());
    println!("memory at rest:               {} MB (promise: < {} MB)", memoria >> 20, MEMORIA_MAX >> 20);
    println!("binary:                       {} MB (promise: < {} MB)", peso >> 20, BINARIO_MAX >> 20);
    if release && (pronto > PRONTO_MAX || memoria > MEMORIA_MAX || peso > BINARIO_MAX) {
        bail!("a promise is broken");
    }
    Ok(())
}
