//! The bytes of files against their impronte, several at a time; and whether the keys of those encrypted open.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use dominio::codici::Impronta;
use rusqlite::{Connection, params};

use super::esito::Differenze;
use crate::file::chiavi::Avvolta;
use crate::file::cifra::{CIFRATA, IN_CHIARO};
use crate::file::lettura::{Conservato as Oggetto, Lettore};
use crate::store::Esito;

/// Files of a batch.
const LOTTO: i64 = 512;

/// A file that a registration has, with its object if there is one.
pub struct Conservato {
    /// Its impronta.
    pub impronta: Impronta,
    oggetto: Option<Oggetto>,
}

/// The next files, by impronta.
///
/// # Errors
/// SQLite's.
pub fn lotto(c: &Connection, dopo: Option<&str>) -> Esito<Vec<Conservato>> {
    let da: Option<Impronta> = dopo.and_then(|d| d.parse().ok());
    let mut s = c.prepare_cached(
        "SELECT d.impronta, o.oggetto, o.byte, o.codifica, k.n, k.chiave
         FROM (SELECT DISTINCT impronta FROM documento WHERE impronta > ? ORDER BY impronta LIMIT ?) d
         LEFT JOIN oggetto_file o ON o.impronta = d.impronta
         LEFT JOIN chiave_documento k ON k.impronta = d.impronta
           AND k.n = (SELECT max(n) FROM chiave_documento x WHERE x.impronta = d.impronta)
         ORDER BY d.impronta",
    )?;
    let da: &[u8] = da.as_ref().map_or(&[], |i| &i.0);
    let righe = s.query_map(params![da, LOTTO], |r| {
        let impronta = Impronta(r.get(0)?);
        let Some(oggetto) = r.get(1)? else { return Ok(Conservato { impronta, oggetto: None }) };
        let (byte, n, chiave): (i64, Option<i64>, Option<Vec<u8>>) = (r.get(2)?, r.get(4)?, r.get(5)?);
        let chiave = n.zip(chiave).map(|(n, chiave)| Avvolta { n, chiave });
        // A negative size is nobody's.
        let byte = u64::try_from(byte).unwrap_or(u64::MAX);
        Ok(Conservato { impronta, oggetto: Some(Oggetto { impronta, oggetto, byte, codifica: r.get(3)?, chiave }) })
    })?;
    Ok(righe.collect::<rusqlite::Result<_>>()?)
}

/// The ente's keys that do not open: each is said once, and not for each of its files.
pub fn chiavi(lettore: &Lettore, da_dire: bool, d: &mut Differenze) -> BTreeSet<i64> {
    let mut chiuse = BTreeSet::new();
    for (n, e) in lettore.chiavi.chiuse() {
        if da_dire {
            d.nuova("chiave_file", &n.to_string(), "chiave", "si apre", &e.to_string());
        }
        chiuse.insert(n);
    }
    chiuse
}

/// Hashes a batch; says how many files there were.
pub fn controlla(
    lettore: &Lettore,
    chiuse: &BTreeSet<i64>,
    lotto: &[Conservato],
    fili: usize,
    d: &mut Differenze,
) -> u64 {
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
                    uno(lettore, chiuse, f, &mut d);
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

fn uno(lettore: &Lettore, chiuse: &BTreeSet<i64>, f: &Conservato, d: &mut Differenze) {
    let k = f.impronta.hex();
    let Some(o) = &f.oggetto else {
        d.nuova("oggetto_file", &k, "riga", "presente", "manca");
        return;
    };
    // Objects are named by us; another name is not followed.
    if !o.oggetto.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'/' | b'-')) || o.oggetto.starts_with('/') {
        d.nuova("oggetto_file", &k, "oggetto", "un nome dato da noi", &o.oggetto);
        return;
    }
    match (o.codifica.as_str(), &o.chiave) {
        (IN_CHIARO, Some(_)) => d.nuova("chiave_documento", &k, "riga", "nessuna: il file è in chiaro", "presente"),
        (CIFRATA, None) => return d.nuova("chiave_documento", &k, "riga", "la chiave del file", "manca"),
        (IN_CHIARO, None) | (CIFRATA, Some(_)) => {}
        (altra, _) => return d.nuova("oggetto_file", &k, "codifica", "una codifica nota", altra),
    }
    if o.chiave.as_ref().is_some_and(|a| chiuse.contains(&a.n)) {
        return;
    }
    match lettore.impronta_di(o) {
        Err(e) => d.nuova("file", &k, "contenuto", "leggibile", &e.to_string()),
        Ok((i, _)) if i != f.impronta => d.nuova("file", &k, "impronta", &k, &i.hex()),
        Ok((_, n)) if n != o.byte => d.nuova("oggetto_file", &k, "byte", &n.to_string(), &o.byte.to_string()),
        Ok(_) => {}
    }
}
