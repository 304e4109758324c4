//! The bytes of files against their impronte, several at a time.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use dominio::codici::Impronta;
use rusqlite::{Connection, params};

use super::esito::Differenze;
use crate::file::impronta_di;
use crate::store::Esito;

/// Files of a batch.
const LOTTO: i64 = 512;

/// A file that a registration has, with its object if there is one.
pub struct Conservato {
    /// Its impronta.
    pub impronta: Impronta,
    oggetto: Option<(String, i64)>,
}

/// The next files, by impronta.
///
/// # Errors
/// SQLite's.
pub fn lotto(c: &Connection, dopo: Option<&str>) -> Esito<Vec<Conservato>> {
    let da: Option<Impronta> = dopo.and_then(|d| d.parse().ok());
    let mut s = c.prepare_cached(
        "SELECT d.impronta, o.oggetto, o.byte
         FROM (SELECT DISTINCT impronta FROM documento WHERE impronta > ? ORDER BY impronta LIMIT ?) d
         LEFT JOIN oggetto_file o ON o.impronta = d.impronta ORDER BY d.impronta",
    )?;
    let da: &[u8] = da.as_ref().map_or(&[], |i| &i.0);
    let righe = s.query_map(params![da, LOTTO], |r| {
        let oggetto: Option<String> = r.get(1)?;
        let byte: Option<i64> = r.get(2)?;
        Ok(Conservato { impronta: Impronta(r.get(0)?), oggetto: oggetto.zip(byte) })
    })?;
    Ok(righe.collect::<rusqlite::Result<_>>()?)
}

/// Hashes a batch; says how many files there were.
pub fn controlla(radice: &Path, lotto: &[Conservato], fili: usize, d: &mut Differenze) -> u64 {
    let prossimo = AtomicUsize::new(0);
    let trovate: Mutex<Vec<(usize, Differenze)>> = Mutex::default();
    std::thread::scope(|s| {
        for _ in 0..fili.min(lotto.len()) {
            s.spawn(|| {
                super::cedi_il_passo();
                while let Some((n, f)) = {
                    let n = prossimo.fetch_add(1, Ordering::Relaxed);
                    lotto.get(n).map(|f| (n, f))
                } {
                    let mut d = Differenze::default();
                    uno(radice, f, &mut d);
                    if !d.0.is_empty() {
                        trovate.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((n, d));
                    }
                }
            });
        }
    });
    let mut trovate = trovate.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    trovate.sort_by_key(|(n, _)| *n);
    trovate.into_iter().for_each(|(_, x)| d.unisci(x.0));
    lotto.iter().filter(|f| f.oggetto.is_some()).count() as u64
}

fn uno(radice: &Path, f: &Conservato, d: &mut Differenze) {
    let k = f.impronta.hex();
    let Some((oggetto, byte)) = &f.oggetto else {
        d.nuova("oggetto_file", &k, "riga", "presente", "manca");
        return;
    };
    // Objects are named by us; another name is not followed.
    if !oggetto.bytes().all(|b| b.is_ascii_hexdigit() || b == b'/') || oggetto.starts_with('/') {
        d.nuova("oggetto_file", &k, "oggetto", "un nome dato da noi", oggetto);
        return;
    }
    match impronta_di(&radice.join(oggetto)) {
        Err(e) => d.nuova("file", &k, "contenuto", "leggibile", &e.to_string()),
        Ok((i, _)) if i != f.impronta => d.nuova("file", &k, "impronta", &k, &i.hex()),
        Ok((_, n)) if i64::try_from(n).ok() != Some(*byte) => {
            d.nuova("oggetto_file", &k, "byte", &n.to_string(), &byte.to_string());
        }
        Ok(_) => {}
    }
}
