//! The bare ceiling: this engine's group writer doing the same number of bare inserts of the same size, and nothing
//! else: no rules, no log, no fences, no search index. `carico` measures it in the same run as the register, so that
//! speed is a ratio and not a promise about a machine (design § 8).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::schema;
use crate::scrittore::{CODA_MAX, GRUPPO_MAX};
use crate::store::{Errore, Esito};

/// The bare writer.
pub struct Soglia {
    coda: SyncSender<oneshot::Sender<()>>,
    cartella: PathBuf,
}

impl Soglia {
    /// Starts on a new file in a folder. `byte_operazione` is the size of an operation's text.
    ///
    /// # Errors
    /// SQLite's or the file system's.
    pub fn avvia(cartella: &Path, byte_operazione: usize, documenti: usize) -> Esito<Self> {
        std::fs::create_dir_all(cartella)?;
        let mut c = schema::apri_scrittura(&cartella.join("soglia.sqlite"))?;
        schema::migra(&mut c)?;
        let trigger: Vec<String> = c
            .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")?
            .query_map([], |r| r.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for t in trigger {
            c.execute_batch(&format!("DROP TRIGGER {t}"))?;
        }
        let (tx, rx) = sync_channel(CODA_MAX);
        let testo = "x".repeat(byte_operazione);
        std::thread::Builder::new().name("soglia".to_owned()).spawn(move || lavora(&c, &rx, &testo, documenti))?;
        Ok(Self { coda: tx, cartella: cartella.to_owned() })
    }

    /// One bare registration, durable when it returns.
    ///
    /// # Errors
    /// The writer stopped.
    pub async fn registra(&self) -> Esito<()> {
        let (tx, rx) = oneshot::channel();
        self.coda.try_send(tx).map_err(|_| Errore::Sovraccarico)?;
        rx.await.map_err(|_| Errore::Archivio("la soglia si è fermata".to_owned()))
    }

    /// One file written and fsynced, as the register does before it registers.
    ///
    /// # Errors
    /// The file system's.
    pub async fn file(&self, nome: String, byte: std::sync::Arc<Vec<u8>>) -> Esito<()> {
        let percorso = self.cartella.join(nome);
        crate::file::in_disparte(move || {
            let mut f = std::fs::File::create(percorso)?;
            f.write_all(&byte)?;
            f.sync_all()?;
            Ok(())
        })
        .await
    }
}

fn lavora(c: &Connection, coda: &Receiver<oneshot::Sender<()>>, testo: &str, documenti: usize) {
    let mut n = 0i64;
    let mut gruppo = Vec::with_capacity(GRUPPO_MAX);
    while let Ok(primo) = coda.recv() {
        gruppo.push(primo);
        while gruppo.len() < GRUPPO_MAX
            && let Ok(l) = coda.try_recv()
        {
            gruppo.push(l);
        }
        let esito = (|| -> rusqlite::Result<()> {
            c.execute_batch("BEGIN IMMEDIATE")?;
            for _ in &gruppo {
                n += 1;
                una(c, (1 << 40) + n, n, testo, documenti)?;
            }
            c.prepare_cached(
                "INSERT INTO testa(log, dimensione, istante) VALUES (1, ?1, ?1)
                 ON CONFLICT(log) DO UPDATE SET dimensione = ?1, istante = ?1",
            )?
            .execute([n])?;
            c.prepare_cached(
                "INSERT INTO contatore(log, registro, anno, ultimo) VALUES (1, 'PG', 2026, ?1)
                 ON CONFLICT(log, registro, anno) DO UPDATE SET ultimo = ?1",
            )?
            .execute([n])?;
            c.execute_batch("COMMIT")
        })();
        if esito.is_err() {
            return;
        }
        for r in gruppo.drain(..) {
            let _ = r.send(());
        }
    }
}

/// The rows of one registration with one sender and one assignment.
fn una(c: &Connection, id: i64, n: i64, testo: &str, documenti: usize) -> rusqlite::Result<()> {
    let h = [7u8; 32];
    c.prepare_cached(
        "INSERT INTO operazione(id, istante, tipo, reg, conf, campi, seme, voce) VALUES (?,?,?,?,?,?,?,?)",
    )?
    .execute(params![id, n, "registrazione", None::<i64>, None::<i64>, testo, h, h])?;
    c.prepare_cached(
        "INSERT INTO registrazione(id, log, registro, anno, numero, istante, tipo, riservato) VALUES (?,?,?,?,?,?,?,?)",
    )?
    .execute(params![id, 1, "PG", 2026, n, n, 0, false])?;
    c.prepare_cached("INSERT INTO attuale(reg, stato, voce) VALUES (?, 0, ?)")?.execute(params![id, "1.6"])?;
    c.prepare_cached("INSERT INTO assegnazione(reg, n, ufficio, utente, tipo, stato) VALUES (?,?,?,?,?,0)")?
        .execute(params![id, 1, "SEGR", None::<String>, 0])?;
    for chi in ["p:carico", "u:SEGR"] {
        c.prepare_cached("INSERT INTO coinvolto(chi, reg) VALUES (?,?) ON CONFLICT DO NOTHING")?
            .execute(params![chi, id])?;
    }
    for i in 0..documenti {
        let mut impronta = h;
        impronta[..8].copy_from_slice(&(n.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed())).to_le_bytes());
        c.prepare_cached("INSERT INTO documento(reg, n, impronta, op) VALUES (?,?,?,?)")?.execute(params![
            id,
            i64::try_from(i).unwrap_or(0),
            impronta,
            id
        ])?;
        c.prepare_cached("INSERT INTO oggetto_file(impronta, oggetto, byte, op) VALUES (?,?,?,?)")?
            .execute(params![impronta, format!("aa/{n}-{i}-0123456789abcdef01234567"), 51_200, id])?;
    }
    c.prepare_cached("INSERT INTO cerca_recente(reg, testo, soggetti) VALUES (?,?,?)")?.execute(params![
        id,
        &testo[..testo.len().min(120)],
        &testo[..testo.len().min(50)]
    ])?;
    Ok(())
}
