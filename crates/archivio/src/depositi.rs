//! What left the house: which checkpoints somebody outside acknowledged, and the head of the access log, signed.
//!
//! The access log is a chain in a file of its own: who takes its last rows out leaves a good, shorter chain. Its head is
//! therefore signed now and then as a note of its own and kept here, with the operations log, and deposited with the
//! other anchors. The note is a C2SP checkpoint under the origin of the ente's log followed by `/accessi`: how many
//! accesses, the hash of the chain, and when the last one happened. The key is that of the ente's log, under that name:
//! one kind of note is never taken for the other.

use catena::{Checkpoint, ChiaveFirma};
use dominio::tempo::Istante;

use crate::accessi::Testa;
use crate::chiavi::ChiaveInstallazione;
use crate::motore::{Db, valori};
use crate::store::{Deposito, Errore, Esito};
use crate::tronco::{self, LogInfo};

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
/// The storage's.
pub fn ultimo_accesso(c: &dyn Db) -> Esito<Option<Istante>> {
    let t = c.una("SELECT max(istante) FROM testa_accessi", &[], |r| r.intero_o(0))?;
    Ok(t.flatten().map(Istante))
}

/// Writes that checkpoints of these sizes were acknowledged; those already written stay as they were.
///
/// # Errors
/// The storage's.
pub fn annota(c: &dyn Db, dove: &str, cosa: &[(String, u64)], ora: Istante) -> Esito<()> {
    for (origine, dimensione) in cosa {
        c.scrivi(
            "INSERT INTO deposito(dove, origine, dimensione, istante) VALUES (?,?,?,?) ON CONFLICT DO NOTHING",
            valori![dove, origine, i64::try_from(*dimensione).unwrap_or(i64::MAX), ora.0],
        )?;
    }
    Ok(())
}

/// The largest size acknowledged by each, log by log.
///
/// # Errors
/// The storage's.
pub fn ultimi(c: &dyn Db) -> Esito<Vec<Deposito>> {
    let sql = "SELECT dove, origine, dimensione, istante FROM deposito d
               WHERE dimensione = (SELECT max(dimensione) FROM deposito k WHERE k.dove = d.dove AND k.origine = d.origine)
               ORDER BY dove, origine";
    c.tutte(sql, &[], |r| {
        Ok(Deposito {
            dove: r.proprio(0)?,
            origine: r.proprio(1)?,
            dimensione: r.naturale(2)?,
            istante: Istante(r.intero(3)?),
        })
    })
}

/// The last head of the access log that was signed: how many accesses, and its note.
pub fn ultima_testa(c: &dyn Db) -> Esito<Option<(u64, String)>> {
    c.una("SELECT dimensione, nota FROM testa_accessi ORDER BY dimensione DESC LIMIT 1", &[], |r| {
        Ok((r.naturale(0)?, r.proprio(1)?))
    })
}

/// Signs a head of the access log, unless one as long was signed meanwhile; the latest note. `log` is the ente's own.
///
/// # Errors
/// The storage's.
pub fn firma_accessi(
    c: &dyn Db,
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
    c.scrivi(
        "INSERT INTO testa_accessi(dimensione, istante, nota) VALUES (?,?,?)",
        valori![i64::try_from(testa.n).unwrap_or(i64::MAX), testa.istante.0, &nota],
    )?;
    Ok(nota)
}
