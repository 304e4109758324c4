//! Seals: registrations that wait for one, and what opens the key of an AOO's seal, wrapped (R-C11, R-L13).

use dominio::codici::CodiceIpa;
use dominio::registrazione::Chiave;
use dominio::tempo::Istante;

use crate::chiavi::ChiaveInstallazione;
use crate::letture::chiave_di;
use crate::motore::{Db, valori};
use crate::store::{Errore, Esito};

fn contesto(ipa: &CodiceIpa, log: i64, n: i64) -> String {
    format!("sigillo/{ipa}/{log}/{n}")
}

/// Of which kind a secret is: in the table, the sign of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quale {
    /// Of a seal: 1, 2, 3…
    Sigillo,
    /// Of a key that waits for its certificate: -1, -2, -3…
    Richiesta,
}

impl Quale {
    fn segno(self) -> i64 {
        match self {
            Self::Sigillo => 1,
            Self::Richiesta => -1,
        }
    }
}

/// Within the writer's transaction: a new secret.
///
/// # Errors
/// The storage's.
pub(crate) fn conserva(
    quale: Quale,
    c: &dyn Db,
    chiave: &ChiaveInstallazione,
    ipa: &CodiceIpa,
    log: i64,
    chiaro: &[u8],
    istante: Istante,
) -> Esito<()> {
    let sql = "SELECT coalesce(max(n * ?), 0) FROM sigillo WHERE log = ? AND n * ? > 0";
    let segno = quale.segno();
    let n = segno * (c.numero(sql, valori![segno, log, segno])? + 1);
    let avvolto = chiave.avvolgi(&contesto(ipa, log, n), chiaro)?;
    c.scrivi("INSERT INTO sigillo(log, n, segreto, istante) VALUES (?,?,?,?)", valori![log, n, &avvolto, istante.0])
}

/// The newest secret of a kind, still wrapped, with its number.
///
/// # Errors
/// The storage's.
pub(crate) fn avvolto(quale: Quale, c: &dyn Db, log: i64) -> Esito<Option<(i64, Vec<u8>)>> {
    let sql = "SELECT n, segreto FROM sigillo WHERE log = ? AND n * ? > 0 ORDER BY n * ? DESC LIMIT 1";
    let segno = quale.segno();
    c.una(sql, valori![log, segno, segno], |r| Ok((r.intero(0)?, r.byte(1)?.to_vec())))
}

/// Opens it.
///
/// # Errors
/// It is not of this installation.
pub(crate) fn apri(chiave: &ChiaveInstallazione, ipa: &CodiceIpa, log: i64, n: i64, avvolto: &[u8]) -> Esito<Vec<u8>> {
    chiave.apri_con(&contesto(ipa, log, n), avvolto).ok_or_else(|| {
        Errore::Incoerente(format!("il segreto del sigillo di {ipa} non si apre con la chiave di questa installazione"))
    })
}

/// Those that wait, oldest first.
///
/// # Errors
/// The storage's.
pub(crate) fn in_attesa(c: &dyn Db, (da, a): (i64, i64), limite: i64) -> Esito<Vec<Chiave>> {
    let sql = "SELECT reg FROM da_sigillare WHERE reg >= ? AND reg < ? ORDER BY reg LIMIT ?";
    let reg = c.tutte(sql, valori![da, a, limite], |r| r.intero(0))?;
    // A row whose registration is not there is for `verifica` to name.
    reg.into_iter().filter_map(|r| chiave_di(c, r).transpose()).collect()
}

/// How many wait, and since when the oldest does.
///
/// # Errors
/// The storage's.
pub(crate) fn quante(c: &dyn Db, (da, a): (i64, i64)) -> Esito<(u64, Option<Istante>)> {
    let sql = "SELECT count(*), min(reg) FROM da_sigillare WHERE reg >= ? AND reg < ?";
    let (n, prima) = c.una(sql, valori![da, a], |r| Ok((r.naturale(0)?, r.intero_o(1)?)))?.unwrap_or_default();
    let dal = match prima {
        Some(reg) => {
            c.una("SELECT istante FROM registrazione WHERE id = ?", valori![reg], |r| r.intero(0))?.map(Istante)
        }
        None => None,
    };
    Ok((n, dal))
}
