//! The dialect on PostgreSQL: `?` become `$n`, and rows of the same insertion go as arrays.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use tokio_postgres::types::Type;

/// A statement of the dialect as the server reads it.
pub(super) struct Tradotto {
    /// One row at a time.
    pub sql: String,
    /// An insertion: what stands before its values, them, and what stands after.
    pub inserimento: Option<(String, Vec<String>, String)>,
    /// The table it changes.
    pub tabella: Option<String>,
}

/// Every statement is translated once.
pub(super) fn traduci(sql: &str) -> Arc<Tradotto> {
    static NOTI: OnceLock<RwLock<HashMap<String, Arc<Tradotto>>>> = OnceLock::new();
    let noti = NOTI.get_or_init(RwLock::default);
    if let Some(t) = noti.read().unwrap_or_else(PoisonError::into_inner).get(sql) {
        return Arc::clone(t);
    }
    let t = Arc::new(Tradotto::di(sql));
    noti.write().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned(), Arc::clone(&t));
    t
}

impl Tradotto {
    fn di(sql: &str) -> Self {
        let sql = sql.replace("ON CONFLICT(", "ON CONFLICT(ente, ");
        let mut out = String::with_capacity(sql.len() + 16);
        let mut n = 0;
        for c in sql.chars() {
            if c == '?' {
                n += 1;
                out.push('$');
                out.push_str(&n.to_string());
            } else {
                out.push(c);
            }
        }
        let parola = |prima: &str| {
            sql.strip_prefix(prima).map(|r| {
                r.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
            })
        };
        let tabella = parola("INSERT INTO ").or_else(|| parola("UPDATE ")).or_else(|| parola("DELETE FROM "));
        let inserimento = sql.strip_prefix("INSERT INTO ").and_then(|_| {
            let (testa, resto) = sql.split_once("VALUES")?;
            let (valori, coda) = resto.trim_start().strip_prefix('(')?.split_once(')')?;
            let valori: Vec<String> = valori.split(',').map(|v| v.trim().to_owned()).collect();
            valori.iter().all(|v| v.starts_with('?')).then(|| (testa.to_owned(), valori, coda.to_owned()))
        });
        Self { sql: out, inserimento, tabella }
    }

    /// The insertion of many rows given as arrays, one a column; the ente is asked once for all.
    pub fn a_schiera(&self, tipi: &[Type]) -> Option<String> {
        let (testa, valori, coda) = self.inserimento.as_ref()?;
        let colonne: Vec<String> =
            valori.iter().enumerate().map(|(i, v)| format!("c{i}{}", v.trim_start_matches('?'))).collect();
        let schiere: Vec<String> =
            tipi.iter().enumerate().map(|(i, t)| format!("${}::{}[]", i + 1, t.name())).collect();
        let nomi: Vec<String> = (0..valori.len()).map(|i| format!("c{i}")).collect();
        let testa = testa.replacen('(', "(ente, ", 1);
        Some(format!(
            "{testa} SELECT (SELECT current_setting('protocollo.ente')::integer), {} FROM unnest({}) AS x({}){coda}",
            colonne.join(","),
            schiere.join(","),
            nomi.join(",")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_translated_and_rows_gathered() {
        let t = Tradotto::di("INSERT INTO cerca(reg, parole) VALUES (?, ?::text::tsvector)");
        assert_eq!(t.sql, "INSERT INTO cerca(reg, parole) VALUES ($1, $2::text::tsvector)");
        assert_eq!(t.tabella.as_deref(), Some("cerca"));
        assert_eq!(
            t.a_schiera(&[Type::INT8, Type::TEXT]).unwrap(),
            "INSERT INTO cerca(ente, reg, parole)  SELECT (SELECT current_setting('protocollo.ente')::integer), \
             c0,c1::text::tsvector FROM unnest($1::int8[],$2::text[]) AS x(c0,c1)"
        );
        let t = Tradotto::di("INSERT INTO testa(log, n) VALUES (?,?) ON CONFLICT(log) DO UPDATE SET n = excluded.n");
        assert!(t.sql.contains("($1,$2) ON CONFLICT(ente, log) DO UPDATE"), "{}", t.sql);
        assert!(
            t.a_schiera(&[Type::INT8, Type::INT8])
                .unwrap()
                .ends_with("ON CONFLICT(ente, log) DO UPDATE SET n = excluded.n")
        );
        let t = Tradotto::di("UPDATE attuale SET stato = ? WHERE reg = ?");
        assert_eq!((t.sql.as_str(), t.inserimento.is_none()), ("UPDATE attuale SET stato = $1 WHERE reg = $2", true));
    }
}
