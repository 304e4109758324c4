//! The schema as it is against the schema that the migrations give: a fence that was dropped, a table or an index that
//! was altered is named (R-B11, R-B13).

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::super::schema;
use super::esito::Differenze;
use crate::store::{Discordanza, Esito};

type Struttura = BTreeMap<(String, String), (String, String)>;

fn leggi(c: &Connection) -> Esito<Struttura> {
    let mut s = c.prepare(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_master
         WHERE name NOT LIKE 'sqlite_stat%' AND name NOT LIKE 'sqlite_autoindex%'",
    )?;
    let righe = s.query_map([], |r| Ok(((r.get(0)?, r.get(1)?), (r.get(2)?, r.get(3)?))))?;
    Ok(righe.collect::<rusqlite::Result<_>>()?)
}

/// Where a database has not the schema of another.
pub fn schemi_diversi(modello: &Connection, c: &Connection) -> Esito<Vec<Discordanza>> {
    let mut d = Differenze::default();
    let (attesa, mut trovata) = (leggi(modello)?, leggi(c)?);
    for ((tipo, nome), (tabella, sql)) in attesa {
        let chiave = format!("{tipo} {nome}");
        match trovata.remove(&(tipo, nome)) {
            None => d.nuova(&tabella, &chiave, "schema", "presente", "manca"),
            Some((t, _)) if t != tabella => d.nuova(&tabella, &chiave, "tabella", &tabella, &t),
            Some((_, s)) if s != sql => d.nuova(&tabella, &chiave, "sql", &sql, &s),
            Some(_) => {}
        }
    }
    for ((tipo, nome), (tabella, sql)) in trovata {
        d.nuova(&tabella, &format!("{tipo} {nome}"), "schema", "niente", &sql);
    }
    Ok(d.0)
}

/// Compares the two.
pub fn confronta(c: &Connection, d: &mut Differenze) -> Esito<()> {
    let mut modello = Connection::open_in_memory()?;
    schema::migra(&mut modello)?;
    d.unisci(schemi_diversi(&modello, c)?);
    let migrazioni = |c: &Connection| -> Esito<Vec<(i64, Vec<u8>)>> {
        let mut s = c.prepare("SELECT n, sha256 FROM migrazione ORDER BY n")?;
        Ok(s.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<rusqlite::Result<_>>()?)
    };
    let (attese, trovate) = (migrazioni(&modello)?, migrazioni(c)?);
    if attese != trovate {
        let elenco = |v: &[(i64, Vec<u8>)]| {
            v.iter().map(|(n, s)| format!("{n}:{}", crate::file::esadecimale(s))).collect::<Vec<_>>().join(" ")
        };
        d.nuova("migrazione", "", "migrazioni applicate", &elenco(&attese), &elenco(&trovate));
    }
    Ok(())
}
