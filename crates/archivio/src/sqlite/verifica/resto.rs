//! What is neither an operation nor a row that one makes: rows that belong to nobody, repeated requests, objects, access.

use std::collections::BTreeSet;

use dominio::configurazione::Configurazione;
use rusqlite::Connection;

use super::super::depositi::origine_accessi;
use super::super::righe::{confini, id};
use super::esito::Differenze;
use super::{Ancora, Meta, dimensione};
use crate::store::Esito;

/// Rows named one by one before the rest is only counted.
const ELENCO_MAX: usize = 100;

/// Tables and the column that is an operation's id.
const CON_ID: &[(&str, &str)] = &[
    ("operazione", "id"),
    ("registrazione", "id"),
    ("attuale", "reg"),
    ("assegnazione", "reg"),
    ("documento", "reg"),
    ("da_sigillare", "reg"),
    ("esame_firme", "reg"),
    ("cerca_recente", "reg"),
    ("annullamento", "reg"),
    ("richiesta_annullamento", "reg"),
    ("fascicolo", "op"),
    ("corrispondente", "op"),
];

/// Tables and the column that is a log.
const CON_LOG: &[&str] =
    &["chiave_log", "sigillo", "tessera", "checkpoint", "cofirma", "testa", "contatore", "esame_fin"];

/// Rows outside every known log.
///
/// # Errors
/// SQLite's.
pub fn estranei(c: &Connection, mete: &[Meta], d: &mut Differenze) -> Esito<()> {
    // The spaces between one log's last operation and the next log's first.
    let mut spazi = Vec::new();
    let mut da = i64::MIN;
    for m in mete {
        spazi.push((da, confini(m.log).0));
        da = id(m.log, dimensione(c, m.log)?);
    }
    spazi.push((da, i64::MAX));
    for (tabella, colonna) in CON_ID {
        let mut s = c.prepare(&format!(
            "SELECT {colonna} FROM {tabella} WHERE {colonna} >= ? AND {colonna} < ? ORDER BY 1 LIMIT {ELENCO_MAX}"
        ))?;
        for (da, a) in &spazi {
            for x in s.query_map([da, a], |r| r.get::<_, i64>(0))? {
                d.nuova(tabella, &x?.to_string(), "riga", "nessuna: non è di un'operazione", "presente");
            }
        }
    }
    let log: BTreeSet<i64> = mete.iter().map(|m| m.log).collect();
    for tabella in CON_LOG {
        let mut s = c.prepare(&format!("SELECT DISTINCT log FROM {tabella}"))?;
        for x in s.query_map([], |r| r.get::<_, i64>(0))? {
            let x = x?;
            if !log.contains(&x) {
                d.nuova(tabella, &x.to_string(), "log", "un registro conosciuto", &x.to_string());
            }
        }
    }
    Ok(())
}

/// Each remembered request has its operation, in the log and at the instant that it says: so the answer given again is
/// the first one.
///
/// # Errors
/// SQLite's.
pub fn richieste(c: &Connection, d: &mut Differenze) -> Esito<u64> {
    let mut s = c.prepare(
        "SELECT i.ambito, i.chiave, i.op, i.istante, o.istante, length(i.richiesta)
         FROM idempotenza i LEFT JOIN operazione o ON o.id = i.op",
    )?;
    let mut r = s.query([])?;
    let mut righe = 0;
    while let Some(x) = r.next()? {
        righe += 1;
        let (op, istante, vero): (i64, i64, Option<i64>) = (x.get(2)?, x.get(3)?, x.get(4)?);
        let ambito = x.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
        let log = ambito.split_once('|').and_then(|(l, _)| l.parse::<i64>().ok());
        let lunghezza: i64 = x.get(5)?;
        if vero == Some(istante) && log == Some(super::super::righe::da_id(op).0) && lunghezza == 32 {
            continue;
        }
        let k = format!("{ambito}|{}", x.get::<_, String>(1)?);
        let mostra = |t: Option<i64>| t.map_or_else(|| "(niente)".to_owned(), |t| t.to_string());
        match vero {
            None => d.nuova("idempotenza", &k, "op", "un'operazione", &op.to_string()),
            Some(v) => d.se_diversi("idempotenza", &k, "istante", &v.to_string(), &istante.to_string()),
        }
        d.se_diversi("idempotenza", &k, "ambito", &super::super::righe::da_id(op).0.to_string(), &mostra(log));
        d.se_diversi("idempotenza", &k, "byte della richiesta", "32", &lunghezza.to_string());
    }
    Ok(righe)
}

/// What is said to have left the house was signed here, as large as it is said to be, unless an anchor shows that it was:
/// then it is the log that is shorter. Who got it, and when, no operation knows.
///
/// # Errors
/// SQLite's.
pub fn depositi(c: &Connection, mete: &[Meta], ancore: &[Ancora], d: &mut Differenze) -> Esito<u64> {
    let di_log = "SELECT (SELECT max(dimensione) FROM checkpoint WHERE log = ?1),
        EXISTS(SELECT 1 FROM checkpoint WHERE log = ?1 AND dimensione = ?2)";
    let di_accessi = "SELECT (SELECT max(dimensione) FROM testa_accessi),
        EXISTS(SELECT 1 FROM testa_accessi WHERE dimensione = ?2 AND ?1 = 0)";
    let mut s = c.prepare("SELECT dove, origine, dimensione FROM deposito")?;
    let mut r = s.query([])?;
    let mut righe = 0;
    while let Some(x) = r.next()? {
        righe += 1;
        let (dove, origine, n): (String, String, i64) = (x.get(0)?, x.get(1)?, x.get(2)?);
        let k = format!("{dove} {origine}/{n}");
        let suo = mete.iter().find_map(|m| match () {
            () if m.info.origine == origine => Some((m.log, di_log)),
            () if m.log == 0 && origine_accessi(&m.info.origine) == origine => Some((m.log, di_accessi)),
            () => None,
        });
        let Some((log, sql)) = suo else {
            d.nuova("deposito", &k, "origine", "un registro conosciuto", &origine);
            continue;
        };
        let (massima, firmata): (Option<i64>, bool) =
            c.prepare_cached(sql)?.query_row([log, n], |r| Ok((r.get(0)?, r.get(1)?)))?;
        let ancorata =
            || ancore.iter().any(|a| a.checkpoint.origine == origine && a.checkpoint.dimensione >= n.unsigned_abs());
        if !firmata && !ancorata() {
            let atteso = format!("una dimensione firmata, al più {}", massima.unwrap_or(0));
            d.nuova("deposito", &k, "dimensione", &atteso, &n.to_string());
        }
    }
    Ok(righe)
}

/// Each object was mapped by an operation that has its file; each key is of an object.
///
/// # Errors
/// SQLite's.
pub fn oggetti(c: &Connection, d: &mut Differenze) -> Esito<()> {
    let mut s = c.prepare(&format!(
        "SELECT o.impronta, o.op FROM oggetto_file o
         WHERE NOT EXISTS (SELECT 1 FROM documento x WHERE x.impronta = o.impronta AND x.op = o.op) LIMIT {ELENCO_MAX}"
    ))?;
    let mut r = s.query([])?;
    while let Some(x) = r.next()? {
        let impronta: [u8; 32] = x.get(0)?;
        let k = crate::file::esadecimale(&impronta);
        d.nuova("oggetto_file", &k, "op", "un'operazione con questo file", &x.get::<_, i64>(1)?.to_string());
    }
    let mut s = c.prepare(&format!(
        "SELECT DISTINCT k.impronta FROM chiave_documento k
         WHERE NOT EXISTS (SELECT 1 FROM oggetto_file o WHERE o.impronta = k.impronta) LIMIT {ELENCO_MAX}"
    ))?;
    for impronta in s.query_map([], |r| r.get::<_, [u8; 32]>(0))? {
        d.nuova("chiave_documento", &crate::file::esadecimale(&impronta?), "riga", "di un file conservato", "presente");
    }
    Ok(())
}

/// Each examination is of a document and of its bytes, one after the other with none missing; nobody looked further than the log
/// goes. What was found no operation knows.
///
/// # Errors
/// SQLite's.
pub fn esami(c: &Connection, mete: &[Meta], d: &mut Differenze) -> Esito<u64> {
    let mut s = c.prepare(
        "SELECT e.reg, e.n, e.impronta = x.impronta, max(e.k), count(*), min(json_valid(e.esito)),
           count(DISTINCT e.impronta) = 1
         FROM esame_firme e LEFT JOIN documento x ON x.reg = e.reg AND x.n = e.n GROUP BY e.reg, e.n",
    )?;
    let mut r = s.query([])?;
    let mut righe = 0;
    while let Some(x) = r.next()? {
        let (ultimo, quanti): (i64, i64) = (x.get(3)?, x.get(4)?);
        righe += quanti.unsigned_abs();
        let k = format!("{}/{}", x.get::<_, i64>(0)?, x.get::<_, i64>(1)?);
        match x.get::<_, Option<bool>>(2)? {
            Some(true) if x.get(6)? => {}
            Some(_) => d.nuova("esame_firme", &k, "impronta", "quella del documento", "un'altra"),
            None => d.nuova("esame_firme", &k, "riga", "nessuna: non è di un documento", "presente"),
        }
        d.se_diversi("esame_firme", &k, "esami", &ultimo.to_string(), &quanti.to_string());
        if !x.get::<_, bool>(5)? {
            d.nuova("esame_firme", &k, "esito", "JSON", "altro");
        }
    }
    let mut s = c.prepare("SELECT log, op FROM esame_fin")?;
    for x in s.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)))? {
        let (log, op) = x?;
        righe += 1;
        let (prima, fine) = (confini(log).0, id(log, dimensione(c, log)?));
        if mete.iter().any(|m| m.log == log) && !(prima..fine).contains(&op) {
            d.nuova("esame_fin", &log.to_string(), "op", "un'operazione del registro", &op.to_string());
        }
    }
    Ok(righe)
}

/// Passwords and tokens are of users and tokens that operations created. What they hold no operation knows.
///
/// # Errors
/// SQLite's.
pub fn accesso(c: &Connection, conf: &Configurazione, d: &mut Differenze) -> Esito<()> {
    let testi = |sql: &str| -> Esito<Vec<String>> {
        Ok(c.prepare(sql)?.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?)
    };
    for u in testi("SELECT utente FROM password")? {
        if !u.parse().is_ok_and(|n| conf.utenti.contains_key(&n)) {
            d.nuova("password", &u, "utente", "un utente del registro", "sconosciuto");
        }
    }
    for t in testi("SELECT token FROM token")? {
        match conf.token.get(&t) {
            None => d.nuova("token", &t, "token", "un token del registro", "sconosciuto"),
            Some(x) if x.revocato => d.nuova("token", &t, "riga", "nessuna: il token è revocato", "presente"),
            Some(_) => {}
        }
    }
    Ok(())
}

/// The index by which the configuration is read leads to all of its operations.
///
/// # Errors
/// SQLite's.
pub fn indice_conf(c: &Connection, mete: &[Meta], attese: (u64, u128), d: &mut Differenze) -> Esito<()> {
    let mut s = c.prepare("SELECT id FROM operazione INDEXED BY operazione_conf WHERE conf IS NOT NULL ORDER BY id")?;
    let mut trovate = (0u64, 0u128);
    for x in s.query_map([], |r| r.get::<_, i64>(0))? {
        let (log, indice) = super::super::righe::da_id(x?);
        if mete.iter().any(|m| m.log == log && indice < m.dimensione) {
            trovate.0 += 1;
            trovate.1 = trovate.1.wrapping_add(super::piega::segno_conf(log, indice));
        }
    }
    if trovate != attese {
        d.nuova("operazione", "indice operazione_conf", "righe", &attese.0.to_string(), &trovate.0.to_string());
    }
    Ok(())
}
