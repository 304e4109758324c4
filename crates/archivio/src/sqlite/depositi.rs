//! What left the house: which checkpoints somebody outside acknowledged, and the head of the access log, signed.
//!
//! The access log is a chain in a file of its own: who takes its last rows out leaves a good, shorter chain. Its head is
//! therefore signed now and then as a note of its own and kept here, with the operations log, and deposited with the
//! other anchors. The note is a C2SP checkpoint under the origin of the ente's log followed by `/accessi`: how many
//! accesses, the hash of the chain, and when the last one happened. The key is that of the ente's log, under that name:
//! one kind of note is never taken for the other.

use catena::{Checkpoint, ChiaveFirma};
use dominio::tempo::Istante;
use rusqlite::{Connection, OptionalExtension, params};

use super::tronco::{self, LogInfo};
use crate::accessi::Testa;
use crate::chiavi::ChiaveInstallazione;
use crate::store::{Deposito, Errore, Esito};

/// Origin of the notes on the access log of an ente, given that of its operations log.
pub fn origine_accessi(origine: &str) -> String {
    format!("{origine}/accessi")
}

/// Could a note of one of two logs with these origins be taken for one of the other?
pub fn si_confondono(a: &str, b: &str) -> bool {
    a == b || a == origine_accessi(b) || b == origine_accessi(a)
}

/// When the last access happened of those whose head was signed.
///
/// # Errors
/// SQLite's.
pub fn ultimo_accesso(c: &Connection) -> Esito<Option<Istante>> {
    let t: Option<i64> = c.query_row("SELECT max(istante) FROM testa_accessi", [], |r| r.get(0))?;
    Ok(t.map(Istante))
}

/// Writes that checkpoints of these sizes were acknowledged; those already written stay as they were.
///
/// # Errors
/// SQLite's.
pub fn annota(c: &Connection, dove: &str, cosa: &[(String, u64)], ora: Istante) -> Esito<()> {
    let mut s = c.prepare_cached(
        "INSERT INTO deposito(dove, origine, dimensione, istante) VALUES (?,?,?,?)
         ON CONFLICT(dove, origine, dimensione) DO NOTHING",
    )?;
    for (origine, dimensione) in cosa {
        s.execute(params![dove, origine, i64::try_from(*dimensione).unwrap_or(i64::MAX), ora.0])?;
    }
    Ok(())
}

/// The largest size acknowledged by each, log by log.
///
/// # Errors
/// SQLite's.
pub fn ultimi(c: &Connection) -> Esito<Vec<Deposito>> {
    let mut s =
        c.prepare_cached("SELECT dove, origine, max(dimensione), istante FROM deposito GROUP BY dove, origine")?;
    let righe = s.query_map([], |r| {
        Ok(Deposito {
            dove: r.get(0)?,
            origine: r.get(1)?,
            dimensione: r.get::<_, i64>(2)?.unsigned_abs(),
            istante: Istante(r.get(3)?),
        })
    })?;
    Ok(righe.collect::<rusqlite::Result<_>>()?)
}

/// The last head of the access log that was signed: how many accesses, and its note.
pub fn ultima_testa(c: &Connection) -> Esito<Option<(u64, String)>> {
    let ultima = c
        .prepare_cached("SELECT dimensione, nota FROM testa_accessi ORDER BY dimensione DESC LIMIT 1")?
        .query_row([], |r| Ok((r.get::<_, i64>(0)?.unsigned_abs(), r.get(1)?)))
        .optional()?;
    Ok(ultima)
}

/// Signs a head of the access log, unless one as long was signed meanwhile; the latest note. `log` is the ente's own.
///
/// # Errors
/// SQLite's.
pub fn firma_accessi(
    c: &Connection,
    installazione: &ChiaveInstallazione,
    log: &LogInfo,
    testa: &Testa,
    ora: Istante,
) -> Esito<String> {
    if let Some((_, nota)) = ultima_testa(c)?.filter(|u| u.0 >= testa.n) {
        return Ok(nota);
    }
    let nome = origine_accessi(&log.origine);
    let chiavi = tronco::chiavi_di_firma(c, installazione, log, &nome, ora)?;
    let chiavi: Vec<&ChiaveFirma> = chiavi.iter().collect();
    let mut cp = Checkpoint::nuovo(&nome, testa.n, testa.hash);
    cp.estensioni.push(testa.istante.utc());
    let nota = cp.firma(&chiavi).map_err(|e| Errore::Incoerente(e.to_string()))?;
    c.prepare_cached("INSERT INTO testa_accessi(dimensione, istante, nota) VALUES (?,?,?)")?.execute(params![
        i64::try_from(testa.n).unwrap_or(i64::MAX),
        testa.istante.0,
        nota
    ])?;
    Ok(nota)
}
