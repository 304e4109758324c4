//! Migrations: numbered, forward only, each with its checksum; one process applies them while the others wait.

use sha2::{Digest, Sha256};
use tokio_postgres::Client;

use super::db::errore;
use crate::store::{Errore, Esito};

/// The migrations, in order.
const MIGRAZIONI: &[(i64, &str)] = &[
    (1, include_str!("migrazioni/0001-fondazione.sql")),
    (2, include_str!("migrazioni/0002-chiavi-dei-file.sql")),
    (3, include_str!("migrazioni/0003-affitti-dei-file.sql")),
    (4, include_str!("migrazioni/0004-turni.sql")),
    (5, include_str!("migrazioni/0005-sigilli.sql")),
    (6, include_str!("migrazioni/0006-esami-firme.sql")),
];
/// Whoever migrates holds it.
const CHI_MIGRA: i64 = 0x5052_4f54;

/// Brings the schema up to date, checking that what was applied before is what we know.
///
/// # Errors
/// A migration unknown or changed, or the server's.
pub(super) async fn migra(c: &Client) -> Esito<()> {
    c.execute("SELECT pg_advisory_lock($1)", &[&CHI_MIGRA]).await.map_err(errore)?;
    let esito = applica(c).await;
    c.execute("SELECT pg_advisory_unlock($1)", &[&CHI_MIGRA]).await.map_err(errore)?;
    esito
}

async fn applica(c: &Client) -> Esito<()> {
    c.batch_execute("CREATE TABLE IF NOT EXISTS migrazione(n bigint PRIMARY KEY, sha256 bytea NOT NULL)")
        .await
        .map_err(errore)?;
    let fatte = c.query("SELECT n, sha256 FROM migrazione ORDER BY n", &[]).await.map_err(errore)?;
    let fatte: Vec<(i64, Vec<u8>)> = fatte.iter().map(|r| (r.get(0), r.get(1))).collect();
    if fatte.last().is_some_and(|u| MIGRAZIONI.last().is_some_and(|m| u.0 > m.0)) {
        return Err(Errore::Archivio("l'archivio è di una versione più recente di questo programma".to_owned()));
    }
    for (n, sql) in MIGRAZIONI {
        let somma: [u8; 32] = Sha256::digest(sql.as_bytes()).into();
        match fatte.iter().find(|f| f.0 == *n) {
            Some((_, s)) if s.as_slice() == somma => {}
            Some(_) => return Err(Errore::Incoerente(format!("la migrazione {n} applicata non è quella nota"))),
            None => {
                // The text comes from us, and so does the sum: one transaction.
                let segno = crate::file::esadecimale(&somma);
                let tutto = format!("BEGIN; {sql}\nINSERT INTO migrazione VALUES ({n}, '\\x{segno}'::bytea); COMMIT;");
                if let Err(e) = c.batch_execute(&tutto).await {
                    let _ = c.batch_execute("ROLLBACK").await;
                    return Err(errore(e));
                }
            }
        }
    }
    Ok(())
}
