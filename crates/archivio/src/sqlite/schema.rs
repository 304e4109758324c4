//! Migrations: numbered, forward only, each with its checksum; and the connection's settings.

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use sha2::{Digest, Sha256};
use std::path::Path;

use crate::store::{Errore, Esito};

/// The migrations, in order.
const MIGRAZIONI: &[(i64, &str)] = &[
    (1, include_str!("migrazioni/0001-fondazione.sql")),
    (2, include_str!("migrazioni/0002-annullamenti.sql")),
    (3, include_str!("migrazioni/0003-testimoni.sql")),
    (4, include_str!("migrazioni/0004-depositi.sql")),
    (5, include_str!("migrazioni/0005-chiavi-dei-file.sql")),
    (6, include_str!("migrazioni/0006-affitti-dei-file.sql")),
    (7, include_str!("migrazioni/0007-indice.sql")),
    (8, include_str!("migrazioni/0008-sigilli.sql")),
    (9, include_str!("migrazioni/0009-esami-firme.sql")),
];

/// Tables of the first migration in which nothing is ever changed or deleted; later ones bring their own triggers.
pub const SOLO_AGGIUNTE: &[&str] = &[
    "registro_log",
    "chiave_log",
    "operazione",
    "tessera",
    "checkpoint",
    "registrazione",
    "documento",
    "oggetto_file",
    "coinvolto",
    "riscontro",
    "fascicolo",
    "contenuto",
    "corrispondente",
    "idempotenza",
];

/// Opens the writer's connection.
///
/// # Errors
/// SQLite's.
pub fn apri_scrittura(percorso: &Path) -> Esito<Connection> {
    let c = Connection::open(percorso)?;
    comune(&c)?;
    // WAL with FULL: an acknowledged commit is on disk. recursive_triggers: INSERT OR REPLACE meets the triggers too.
    c.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-16000;",
    )?;
    Ok(c)
}

/// Opens a reading connection, which cannot write.
///
/// # Errors
/// SQLite's.
pub fn apri_lettura(percorso: &Path) -> Esito<Connection> {
    let c = lettura(percorso)?;
    c.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-4000; PRAGMA mmap_size=268435456;")?;
    Ok(c)
}

/// Opens a connection that reads everything once: a small cache, nothing mapped, so that memory stays small. Temporary
/// tables are made before writing is forbidden.
///
/// # Errors
/// SQLite's.
pub fn apri_scorsa(percorso: &Path, temporanee: &str) -> Esito<Connection> {
    let c = lettura(percorso)?;
    c.execute_batch(temporanee)?;
    supplisci(&c)?;
    c.execute_batch("PRAGMA query_only=ON; PRAGMA cache_size=-8000; PRAGMA mmap_size=0;")?;
    Ok(c)
}

/// Opens a connection that only brings the WAL into the file.
///
/// # Errors
/// SQLite's.
pub fn apri_travaso(percorso: &Path) -> Esito<Connection> {
    let c = lettura(percorso)?;
    c.execute_batch("PRAGMA synchronous=FULL; PRAGMA cache_size=-200;")?;
    Ok(c)
}

/// Opens a database that nobody writes, and leaves nothing beside it.
///
/// # Errors
/// SQLite's.
pub fn apri_ferma(percorso: &Path) -> Esito<Connection> {
    let nome = percorso.to_string_lossy();
    let nome = nome.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let come = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let c = Connection::open_with_flags(format!("file:{nome}?immutable=1"), come)?;
    supplisci(&c)?;
    Ok(c)
}

/// In a database of before there were keys of files, or seals, or examinations, there are none: who reads asks as if there could be.
fn supplisci(c: &Connection) -> Esito<()> {
    let ha: bool = c.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'chiave_file'", [], |r| r.get(0))?;
    if !ha {
        c.execute_batch(
            "CREATE TEMP TABLE chiave_file(n INTEGER, chiave BLOB);
             CREATE TEMP TABLE chiave_documento(impronta BLOB, n INTEGER, chiave BLOB);",
        )?;
    }
    let ha: bool = c.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'da_sigillare'", [], |r| r.get(0))?;
    if !ha {
        c.execute_batch(
            "CREATE TEMP TABLE da_sigillare(reg INTEGER); CREATE TEMP TABLE sigillo(log INTEGER, n INTEGER, segreto BLOB);",
        )?;
    }
    let ha: bool = c.query_row("SELECT count(*) FROM sqlite_master WHERE name = 'esame_firme'", [], |r| r.get(0))?;
    if !ha {
        c.execute_batch(
            "CREATE TEMP TABLE esame_firme(reg INTEGER, n INTEGER, k INTEGER, impronta BLOB, esito TEXT);
             CREATE TEMP TABLE esame_fin(log INTEGER, op INTEGER, n INTEGER);",
        )?;
    }
    Ok(())
}

fn lettura(percorso: &Path) -> Esito<Connection> {
    let c = Connection::open_with_flags(percorso, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    // Only who the writer asks brings the WAL into the file: it must know when that fails. Whoever reads may close last.
    c.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    comune(&c)?;
    Ok(c)
}

fn comune(c: &Connection) -> Esito<()> {
    c.set_prepared_statement_cache_capacity(96);
    c.busy_timeout(std::time::Duration::from_secs(10))?;
    // Plans never look at bound values: where an index has a condition, each new value would have the statement compiled
    // again.
    c.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    c.execute_batch("PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; PRAGMA recursive_triggers=ON;")?;
    Ok(())
}

/// Does a failure speak of the storage, rather than of what was asked?
pub fn del_disco(e: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as C;
    matches!(
        e.sqlite_error_code(),
        Some(C::DiskFull | C::SystemIoFailure | C::CannotOpen | C::ReadOnly | C::OutOfMemory)
    )
}

/// A commit that changes nothing and is written all the same: the first page, as it is.
///
/// It says whether the storage takes writes; and it goes where a commit that failed half way had put its pages, so that
/// no restart finds them whole (`docs/decisions/0009`).
///
/// # Errors
/// The storage's; nothing is left open.
pub fn tocca(c: &Connection) -> Esito<()> {
    let esito = c.execute_batch(&format!("BEGIN IMMEDIATE; {TOCCO} COMMIT"));
    if esito.is_err() {
        let _ = c.execute_batch("ROLLBACK");
    }
    Ok(esito?)
}

/// Within a transaction: marks the first page as changed.
pub const TOCCO: &str = "PRAGMA user_version = 0;";

/// Brings the schema up to date, checking that what was applied before is what we know.
///
/// # Errors
/// A migration unknown or changed, or SQLite's.
pub fn migra(c: &mut Connection) -> Esito<()> {
    c.execute_batch("CREATE TABLE IF NOT EXISTS migrazione(n INTEGER PRIMARY KEY, sha256 BLOB NOT NULL) STRICT;")?;
    let ultima: Option<i64> = c.query_row("SELECT max(n) FROM migrazione", [], |r| r.get(0))?;
    if ultima.is_some_and(|u| MIGRAZIONI.last().is_some_and(|m| u > m.0)) {
        return Err(Errore::Archivio("l'archivio è di una versione più recente di questo programma".to_owned()));
    }
    for (n, sql) in MIGRAZIONI {
        let somma: [u8; 32] = Sha256::digest(sql.as_bytes()).into();
        let applicata: Option<Vec<u8>> =
            c.query_row("SELECT sha256 FROM migrazione WHERE n = ?", [n], |r| r.get(0)).optional()?;
        match applicata {
            Some(s) if s == somma => {}
            Some(_) => return Err(Errore::Incoerente(format!("la migrazione {n} applicata non è quella nota"))),
            None => {
                let tx = c.transaction()?;
                tx.execute_batch(sql)?;
                if *n == 1 {
                    tx.execute_batch(&recinti())?;
                }
                tx.execute("INSERT INTO migrazione(n, sha256) VALUES (?, ?)", params![n, somma])?;
                tx.commit()?;
            }
        }
    }
    Ok(())
}

fn recinti() -> String {
    SOLO_AGGIUNTE
        .iter()
        .map(|t| {
            format!(
                "CREATE TRIGGER {t}_u BEFORE UPDATE ON {t} BEGIN SELECT RAISE(ABORT, 'immutabile: {t}'); END;
                 CREATE TRIGGER {t}_d BEFORE DELETE ON {t} BEGIN SELECT RAISE(ABORT, 'immutabile: {t}'); END;"
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn append_only_tables_refuse_update_delete_and_replace() {
        // R-A11, R-B01, R-B11: and the trap of INSERT OR REPLACE.
        let dir = tempfile::tempdir().unwrap();
        let mut c = apri_scrittura(&dir.path().join("x.sqlite")).unwrap();
        migra(&mut c).unwrap();
        migra(&mut c).unwrap();
        let seme = [1u8; 32];
        let inserisci = "INTO operazione(id, istante, tipo, campi, seme, voce) VALUES (1, 1, 'x', '{}', ?1, ?1)";
        c.execute(&format!("INSERT {inserisci}"), [seme]).unwrap();
        for sql in ["UPDATE operazione SET istante = 2", "DELETE FROM operazione"] {
            assert!(c.execute(sql, []).unwrap_err().to_string().contains("immutabile"), "{sql}");
        }
        let e = c.execute(&format!("INSERT OR REPLACE {inserisci}"), [seme]).unwrap_err();
        assert!(e.to_string().contains("immutabile"), "{e}");
        for t in SOLO_AGGIUNTE {
            let n: i64 = c
                .query_row("SELECT count(*) FROM sqlite_master WHERE type='trigger' AND tbl_name=?", [t], |r| r.get(0))
                .unwrap();
            assert!(n >= 2, "{t}");
        }
    }

    #[test]
    fn who_only_reads_and_closes_last_neither_pours_the_wal_nor_takes_it_away() {
        let dir = tempfile::tempdir().unwrap();
        let p = dir.path().join("x.sqlite");
        for scorsa in [true, false] {
            let mut c = apri_scrittura(&p).unwrap();
            migra(&mut c).unwrap();
            c.execute("INSERT INTO contatore VALUES (?1, 'PG', 2026, 5)", [scorsa]).unwrap();
            let lettore = if scorsa { apri_scorsa(&p, "") } else { apri_lettura(&p) }.unwrap();
            lettore.query_row("SELECT count(*) FROM contatore", [], |r| r.get::<_, i64>(0)).unwrap();
            let prima = std::fs::read(&p).unwrap();
            // As the writer does after a pouring that failed.
            c.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
            drop(c);
            drop(lettore);
            assert!(dir.path().join("x.sqlite-wal").exists() && std::fs::read(&p).unwrap() == prima, "{scorsa}");
        }
    }

    #[test]
    fn heads_and_counters_only_grow() {
        let dir = tempfile::tempdir().unwrap();
        let mut c = apri_scrittura(&dir.path().join("x.sqlite")).unwrap();
        migra(&mut c).unwrap();
        c.execute("INSERT INTO contatore VALUES (1, 'PG', 2026, 5)", []).unwrap();
        c.execute("UPDATE contatore SET ultimo = 6", []).unwrap();
        for sql in ["UPDATE contatore SET ultimo = 5", "UPDATE contatore SET anno = 2027", "DELETE FROM contatore"] {
            assert!(c.execute(sql, []).is_err(), "{sql}");
        }
    }

    #[test]
    fn a_witness_never_goes_back_nor_says_two_things_of_one_size() {
        let dir = tempfile::tempdir().unwrap();
        let mut c = apri_scrittura(&dir.path().join("x.sqlite")).unwrap();
        migra(&mut c).unwrap();
        c.execute("INSERT INTO osservato VALUES ('o', 5, 100, 'a')", []).unwrap();
        c.execute("UPDATE osservato SET dimensione = 6, nota = 'b'", []).unwrap();
        for sql in [
            "UPDATE osservato SET nota = 'c'",
            "UPDATE osservato SET dimensione = 5",
            "UPDATE osservato SET dimensione = 7, origine = 'p'",
            "INSERT OR REPLACE INTO osservato VALUES ('o', 7, 100, 'd')",
            "DELETE FROM osservato",
            "INSERT INTO chiave_testimone VALUES (2, 'k', x'00', 0)",
        ] {
            assert!(c.execute(sql, []).is_err(), "{sql}");
        }
        c.execute("INSERT INTO cofirma VALUES (1, 'w', 5, 100, 'riga')", []).unwrap();
        c.execute("INSERT INTO chiave_testimone VALUES (1, 'k', x'00', 0)", []).unwrap();
        for t in ["cofirma", "chiave_testimone"] {
            for sql in [format!("UPDATE {t} SET istante = 1"), format!("DELETE FROM {t}")] {
                assert!(c.execute(&sql, []).unwrap_err().to_string().contains("immutabile"), "{sql}");
            }
        }
    }

    #[test]
    fn a_changed_migration_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let p = dir.path().join("x.sqlite");
        let mut c = apri_scrittura(&p).unwrap();
        migra(&mut c).unwrap();
        c.execute("UPDATE migrazione SET sha256 = zeroblob(32)", []).unwrap();
        assert!(matches!(migra(&mut c), Err(Errore::Incoerente(_))));
    }
}
