//! Examinations of the signatures of registered files (R-H09, R-H10): what waits is what operations brought after the point that
//! was reached, so registering writes nothing for it; what was found is added and never changed.

use dominio::codici::Impronta;
use dominio::errori::Rifiuto;
use dominio::tempo::Istante;

use crate::motore::{Db, Riga, valori};
use crate::righe::confini;
use crate::store::{DaEsaminare, ESAMI_MAX, ESITO_MAX, Errore, Esame, EsameScritto, EsamiDi, Esito, Lotto, Segno};

/// Operations looked at together.
const OPERAZIONI: i64 = 1_000;
/// Past every document of an operation.
const OLTRE: i64 = u32::MAX as i64;

fn segno(c: &dyn Db, log: i64) -> Esito<Segno> {
    let sql = "SELECT op, n, tentativi FROM esame_fin WHERE log = ?";
    let letto =
        c.una(sql, valori![log], |r| Ok(Segno { op: r.intero(0)?, n: r.intero(1)?, tentativi: r.intero(2)? }))?;
    Ok(letto.unwrap_or(Segno { op: confini(log).0, n: 0, tentativi: 0 }))
}

fn piccolo(n: i64) -> Esito<u32> {
    u32::try_from(n).map_err(|_| Errore::Incoerente(format!("documento {n}")))
}

/// What comes next, at most so many documents; none when nothing was registered since.
///
/// # Errors
/// The storage's.
pub(crate) fn prossimi(c: &dyn Db, log: i64, limite: i64) -> Esito<Option<Lotto>> {
    let da = segno(c, log)?;
    let sql = "SELECT max(id) FROM (SELECT id FROM operazione WHERE id >= ? AND id < ? ORDER BY id LIMIT ?) AS x";
    let ultima = c.una(sql, valori![da.op, confini(log).1, OPERAZIONI], |r| r.intero_o(0))?.flatten();
    let Some(ultima) = ultima.filter(|u| (*u, OLTRE) > (da.op, da.n)) else { return Ok(None) };
    let sql = "SELECT d.reg, o.id, d.n, d.impronta, f.byte, o.istante FROM operazione o
         JOIN documento d ON d.reg = coalesce(o.reg, o.id) AND d.op = o.id AND d.n > 0
         JOIN oggetto_file f ON f.impronta = d.impronta
         WHERE o.id >= ? AND o.id <= ? AND (o.id > ? OR d.n > ?)
           AND NOT EXISTS (SELECT 1 FROM esame_firme e WHERE e.reg = d.reg AND e.n = d.n)
         ORDER BY o.id, d.n LIMIT ?";
    let documenti = c.tutte(sql, valori![da.op, ultima, da.op, da.n, limite], |r| {
        Ok(DaEsaminare {
            reg: r.intero(0)?,
            op: r.intero(1)?,
            n: piccolo(r.intero(2)?)?,
            impronta: Impronta(r.hash(3)?),
            byte: r.naturale(4)?,
            riferimento: Istante(r.intero(5)?),
        })
    })?;
    let pieno = i64::try_from(documenti.len()).unwrap_or(i64::MAX) >= limite;
    let fino = match documenti.last().filter(|_| pieno) {
        Some(d) => d.fatto(),
        None => Segno { op: ultima, n: OLTRE, tentativi: 0 },
    };
    Ok(Some(Lotto { da, fino, documenti }))
}

/// Within the writer's transaction: goes from one point to another, unless somebody else did; says whether it is so.
///
/// # Errors
/// The storage's.
pub(crate) fn avanza(c: &dyn Db, log: i64, da: Segno, a: Segno) -> Esito<bool> {
    if segno(c, log)? != da {
        return Ok(false);
    }
    let sql = "INSERT INTO esame_fin(log, op, n, tentativi) VALUES (?,?,?,?)
         ON CONFLICT(log) DO UPDATE SET op = excluded.op, n = excluded.n, tentativi = excluded.tentativi";
    c.scrivi(sql, valori![log, a.op, a.n, a.tentativi])?;
    Ok(true)
}

/// Within the writer's transaction: the same, with what was found on the way.
///
/// # Errors
/// The storage's.
pub(crate) fn concludi(c: &dyn Db, log: i64, da: Segno, a: Segno, trovati: &[(DaEsaminare, Esame)]) -> Esito<bool> {
    if !avanza(c, log, da, a)? {
        return Ok(false);
    }
    for (d, e) in trovati {
        aggiungi(c, d.reg, d.n, &d.impronta, d.riferimento, None, e)?;
    }
    Ok(true)
}

fn aggiungi(
    c: &dyn Db,
    reg: i64,
    n: u32,
    impronta: &Impronta,
    riferimento: Istante,
    chi: Option<&str>,
    e: &Esame,
) -> Esito<()> {
    let n = i64::from(n);
    let k = c.numero("SELECT coalesce(max(k), 0) FROM esame_firme WHERE reg = ? AND n = ?", valori![reg, n])? + 1;
    if k > ESAMI_MAX {
        return Err(Rifiuto::Conflitto(format!("il documento è già stato verificato {ESAMI_MAX} volte")).into());
    }
    if e.esito.len() > ESITO_MAX {
        return Err(Errore::Incoerente(format!("esito di {} byte", e.esito.len())));
    }
    let sql = "INSERT INTO esame_firme(reg, n, k, impronta, istante, riferimento, chi, versione, fiducia, esito)
         VALUES (?,?,?,?,?,?,?,?,?,?)";
    let v = valori![reg, n, k, &impronta.0, e.istante.0, riferimento.0, chi, &e.versione, &e.fiducia, &e.esito];
    c.scrivi(sql, v)
}

/// A document as it would wait.
///
/// # Errors
/// The storage's.
pub(crate) fn documento(c: &dyn Db, reg: i64, n: u32) -> Esito<Option<DaEsaminare>> {
    let sql = "SELECT d.op, d.impronta, f.byte, o.istante FROM documento d JOIN operazione o ON o.id = d.op
         JOIN oggetto_file f ON f.impronta = d.impronta WHERE d.reg = ? AND d.n = ? AND d.n > 0";
    c.una(sql, valori![reg, i64::from(n)], |r| {
        let (op, impronta, byte) = (r.intero(0)?, Impronta(r.hash(1)?), r.naturale(2)?);
        Ok(DaEsaminare { reg, op, n, impronta, byte, riferimento: Istante(r.intero(3)?) })
    })
}

/// Within the writer's transaction: one more examination of a document, which somebody asked for.
///
/// # Errors
/// There are too many; or the storage's.
pub(crate) fn chiesto(c: &dyn Db, d: &DaEsaminare, chi: &str, e: &Esame) -> Esito<()> {
    aggiungi(c, d.reg, d.n, &d.impronta, d.riferimento, Some(chi), e)
}

const COLONNE: &str = "n, k, impronta, riferimento, chi, istante, versione, fiducia, esito";

fn scritto(r: &dyn Riga) -> Esito<EsameScritto> {
    let chi = r.testo_o(4)?.map(str::parse).transpose();
    Ok(EsameScritto {
        n: piccolo(r.intero(0)?)?,
        k: piccolo(r.intero(1)?)?,
        impronta: Impronta(r.hash(2)?),
        riferimento: Istante(r.intero(3)?),
        chi: chi.map_err(|_| Errore::Incoerente("chi ha chiesto un esame".to_owned()))?,
        esame: Esame {
            istante: Istante(r.intero(5)?),
            versione: r.proprio(6)?,
            fiducia: r.proprio(7)?,
            esito: r.proprio(8)?,
        },
    })
}

/// What is known of the files of a registration: the examinations of one document, newest first, or the last of each, at most so
/// many characters of verdicts.
///
/// # Errors
/// The storage's.
pub(crate) fn di(c: &dyn Db, log: i64, reg: i64, solo: Option<u32>, caratteri: i64) -> Esito<EsamiDi> {
    let s = segno(c, log)?;
    let sql = "SELECT d.n FROM documento d WHERE d.reg = ? AND d.n > 0 AND (d.op > ? OR d.op = ? AND d.n > ?)
           AND NOT EXISTS (SELECT 1 FROM esame_firme e WHERE e.reg = d.reg AND e.n = d.n) ORDER BY d.n";
    let in_attesa = c.tutte(sql, valori![reg, s.op, s.op, s.n], |r| piccolo(r.intero(0)?))?;
    let sql = "SELECT n, max(k) FROM esame_firme WHERE reg = ? GROUP BY n ORDER BY n";
    let quanti = c.tutte(sql, valori![reg], |r| Ok((piccolo(r.intero(0)?)?, piccolo(r.intero(1)?)?)))?;
    // How long each is, before any is read.
    let riga = |r: &dyn Riga| Ok((r.intero(0)?, r.intero(1)?, r.intero(2)?));
    let scelti: Vec<(i64, i64, i64)> = match solo {
        Some(n) => {
            let sql =
                "SELECT n, k, CAST(length(esito) AS bigint) FROM esame_firme WHERE reg = ? AND n = ? ORDER BY k DESC";
            c.tutte(sql, valori![reg, i64::from(n)], riga)?
        }
        None => {
            let sql = "SELECT n, k, CAST(length(esito) AS bigint) FROM esame_firme e WHERE reg = ?
                 AND k = (SELECT max(k) FROM esame_firme x WHERE x.reg = e.reg AND x.n = e.n) ORDER BY n";
            c.tutte(sql, valori![reg], riga)?
        }
    };
    let (mut esami, mut resta) = (Vec::new(), caratteri);
    for (n, k, lungo) in scelti {
        resta -= lungo;
        // Of one document the newest there always is.
        if resta < 0 && !(solo.is_some() && esami.is_empty()) {
            break;
        }
        let sql = format!("SELECT {COLONNE} FROM esame_firme WHERE reg = ? AND n = ? AND k = ?");
        esami.extend(c.una(&sql, valori![reg, n, k], scritto)?);
    }
    Ok(EsamiDi { in_attesa, quanti, esami })
}
