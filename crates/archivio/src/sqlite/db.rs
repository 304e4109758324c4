//! Statements on SQLite: values, rows, and the words that this engine has in its own way.
//!
//! The search row goes in with the registration, in `cerca_recente`; the writer moves rows to the full-text index in bulk.
//! So words are looked for in two places: the rows that wait, always the newest of their AOO, and the index
//! (`docs/decisions/0002`).

use dominio::analisi::Condizione;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use crate::motore::{CHIAVE_DI, Db, MAPPA, Parole, Riga, Valore};
use crate::store::{Esito, FileCaricato};

impl ToSql for Valore<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Nullo => ValueRef::Null,
            Self::Intero(n) => ValueRef::Integer(*n),
            Self::Testo(t) => ValueRef::Text(t.as_bytes()),
            Self::Byte(b) => ValueRef::Blob(b),
        }))
    }
}

impl Riga for Row<'_> {
    fn intero_o(&self, i: usize) -> Esito<Option<i64>> {
        Ok(self.get(i)?)
    }
    fn testo_o(&self, i: usize) -> Esito<Option<&str>> {
        Ok(self.get_ref(i)?.as_str_or_null().map_err(rusqlite::Error::from)?)
    }
    fn byte(&self, i: usize) -> Esito<&[u8]> {
        Ok(self.get_ref(i)?.as_blob().map_err(rusqlite::Error::from)?)
    }
}

impl Db for Connection {
    fn scorri(&self, sql: &str, v: &[Valore<'_>], f: &mut dyn FnMut(&dyn Riga) -> Esito<bool>) -> Esito<()> {
        let mut s = self.prepare_cached(sql)?;
        let mut r = s.query(params_from_iter(v))?;
        while let Some(x) = r.next()? {
            if !f(x)? {
                break;
            }
        }
        Ok(())
    }

    fn scrivi(&self, sql: &'static str, v: &[Valore<'_>]) -> Esito<()> {
        self.prepare_cached(sql)?.execute(params_from_iter(v))?;
        Ok(())
    }

    fn scrivi_ora(&self, sql: &'static str, v: &[Valore<'_>]) -> Esito<u64> {
        Ok(self.prepare_cached(sql)?.execute(params_from_iter(v))? as u64)
    }

    fn idempotenza(&self, ambito: &str, chiave: &str) -> Esito<Option<(Vec<u8>, i64)>> {
        Ok(self
            .prepare_cached("SELECT richiesta, op FROM idempotenza WHERE ambito = ? AND chiave = ?")?
            .query_row([ambito, chiave], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?)
    }

    fn ricorda(&self, ambito: &str, chiave: &str, richiesta: &[u8; 32], op: i64, istante: i64) -> Esito<()> {
        self.prepare_cached("INSERT INTO idempotenza(ambito, chiave, richiesta, op, istante) VALUES (?,?,?,?,?)")?
            .execute(params![ambito, chiave, richiesta, op, istante])?;
        Ok(())
    }

    fn mappa_file(&self, f: &FileCaricato, op: i64) -> Esito<bool> {
        let byte = i64::try_from(f.byte).unwrap_or(i64::MAX);
        let nuovi = self.prepare_cached(MAPPA)?.execute(params![&f.impronta.0, f.oggetto, byte, f.codifica(), op])?;
        if let Some(a) = f.avvolta.as_ref().filter(|_| nuovi == 1) {
            self.prepare_cached(CHIAVE_DI)?.execute(params![&f.impronta.0, a.n, a.chiave])?;
        }
        Ok(nuovi == 1)
    }

    fn usato(&self, oggetto: &str) -> Esito<bool> {
        Ok(self.prepare_cached("SELECT 1 FROM oggetto_file WHERE oggetto = ?")?.exists([oggetto])?)
    }

    fn per_parole(&self, p: &Parole<'_>, limite: usize) -> Esito<Vec<i64>> {
        let mut out = Vec::with_capacity(limite);
        // The rows that wait are the newest: they come first.
        let sql = format!(
            "SELECT q.reg, q.testo, q.soggetti FROM cerca_recente q JOIN registrazione r ON r.id = q.reg
             WHERE q.reg >= ? AND q.reg < ?{} ORDER BY q.reg DESC",
            p.dove
        );
        let mut s = self.prepare_cached(&sql)?;
        let confini = [Valore::Intero(p.da), Valore::Intero(p.fino)];
        let mut r = s.query(params_from_iter(confini.iter().chain(p.valori)))?;
        while out.len() < limite
            && let Some(x) = r.next()?
        {
            let (testo, soggetti) = (x.get_ref(1)?.as_str().unwrap_or(""), x.get_ref(2)?.as_str().unwrap_or(""));
            let vale = p.testo.iter().all(|k| k.vale(testo) || k.vale(soggetti))
                && p.soggetti.iter().all(|k| k.vale(soggetti));
            if vale {
                out.push(x.get(0)?);
            }
        }
        drop(r);
        if out.len() < limite {
            let sql = format!(
                "SELECT r.id FROM cerca q JOIN registrazione r ON r.id = q.rowid
                 WHERE q.rowid >= ? AND q.rowid < ? AND cerca MATCH ?{} ORDER BY q.rowid DESC LIMIT ?",
                p.dove
            );
            let espressione = espressione(p);
            let resto = i64::try_from(limite - out.len()).unwrap_or(i64::MAX);
            let (prima, dopo) = ([Valore::Testo(&espressione)], [Valore::Intero(resto)]);
            let valori = confini.iter().chain(&prima).chain(p.valori).chain(&dopo);
            let mut s = self.prepare_cached(&sql)?;
            for r in s.query_map(params_from_iter(valori), |r| r.get(0))? {
                out.push(r?);
            }
        }
        Ok(out)
    }

    fn per_nome(&self, parole: &[String], da: i64, a: i64, limite: usize) -> Esito<Vec<(i64, String)>> {
        let cerca = parole.iter().map(|t| format!("\"{t}\"*")).collect::<Vec<_>>().join(" AND ");
        let mut s = self.prepare_cached(
            "SELECT k.op, k.dati FROM cerca_corrispondente f JOIN corrispondente k ON k.op = f.rowid
             WHERE cerca_corrispondente MATCH ? AND f.rowid >= ? AND f.rowid < ? LIMIT ?",
        )?;
        let n = i64::try_from(limite).unwrap_or(i64::MAX);
        let righe = s.query_map(params![cerca, da, a, n], |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(righe.collect::<rusqlite::Result<_>>()?)
    }

    fn indicizza(&self, reg: i64, testo: &str, soggetti: &str) -> Esito<()> {
        self.prepare_cached("INSERT INTO cerca_recente(reg, testo, soggetti) VALUES (?,?,?)")?
            .execute(params![reg, testo, soggetti])?;
        Ok(())
    }

    fn reindicizza(&self, reg: i64, testo: &str, soggetti: &str, prima: &dyn Fn() -> (String, String)) -> Esito<()> {
        let attende = self
            .prepare_cached("UPDATE cerca_recente SET testo = ?, soggetti = ? WHERE reg = ?")?
            .execute(params![testo, soggetti, reg])?;
        if attende == 0 {
            // The index keeps no text: to take a row out it must be told again what was put in.
            let (vecchio, vecchi) = prima();
            self.prepare_cached("INSERT INTO cerca(cerca, rowid, testo, soggetti) VALUES ('delete',?,?,?)")?
                .execute(params![reg, vecchio, vecchi])?;
            self.prepare_cached("INSERT INTO cerca(rowid, testo, soggetti) VALUES (?,?,?)")?
                .execute(params![reg, testo, soggetti])?;
        }
        Ok(())
    }

    fn indicizza_corrispondente(&self, op: i64, testo: &str) -> Esito<()> {
        self.prepare_cached("INSERT INTO cerca_corrispondente(rowid, testo) VALUES (?,?)")?
            .execute(params![op, testo])?;
        Ok(())
    }
}

/// The full-text expression. Tokens hold only letters and digits, so quoting them is safe.
fn espressione(p: &Parole<'_>) -> String {
    let una = |k: &Condizione| match k {
        Condizione::Frase(t) => format!("\"{}\"", t.join(" ")),
        Condizione::Prefisso(p) => format!("\"{p}\"*"),
    };
    p.testo
        .iter()
        .map(una)
        .chain(p.soggetti.iter().map(|k| format!("soggetti : {}", una(k))))
        .collect::<Vec<_>>()
        .join(" AND ")
}
