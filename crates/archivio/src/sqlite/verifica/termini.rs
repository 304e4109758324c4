//! The words of a search text as the full-text index has them.
//!
//! Texts were analysed before ([`dominio::analisi`]), so that splitting at spaces is all that is left; the few with
//! characters beyond ASCII are given to SQLite's own analyser, in memory, which alone knows what it does with them.

use rusqlite::{Connection, params};

use crate::store::Esito;

/// Splits search texts.
#[derive(Debug, Default)]
pub struct Analizzatore(Option<Connection>);

impl Analizzatore {
    /// Hands each word with its place to `prendi`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn per_termine(&mut self, testo: &str, mut prendi: impl FnMut(&str, u32)) -> Esito<()> {
        if testo.is_ascii() {
            for (luogo, parola) in (0..).zip(testo.split_ascii_whitespace()) {
                prendi(parola, luogo);
            }
            return Ok(());
        }
        let c = match &mut self.0 {
            Some(c) => c,
            posto => {
                let c = Connection::open_in_memory()?;
                c.execute_batch(
                    "CREATE VIRTUAL TABLE t USING fts5(x, content='', tokenize=\"unicode61 remove_diacritics 0\");
                     CREATE VIRTUAL TABLE v USING fts5vocab('t', 'instance');",
                )?;
                posto.insert(c)
            }
        };
        c.prepare_cached("INSERT INTO t(rowid, x) VALUES (1, ?)")?.execute(params![testo])?;
        {
            let mut s = c.prepare_cached("SELECT term, offset FROM v")?;
            let mut r = s.query([])?;
            while let Some(x) = r.next()? {
                let parola = x.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
                prendi(parola, x.get(1)?);
            }
        }
        c.prepare_cached("INSERT INTO t(t) VALUES ('delete-all')")?.execute([])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dominio::analisi;

    #[test]
    fn words_are_those_of_the_index_in_any_script() {
        for testo in ["Istanza n. 45/2026", "Straße Ørsted łódź", "漢字 Ωμέγα Ⅷ ½ ①", "ǅ ẞ ſ"] {
            let riga = analisi::riga([testo]);
            let c = Connection::open_in_memory().unwrap();
            c.execute_batch(
                "CREATE VIRTUAL TABLE t USING fts5(x, content='', tokenize=\"unicode61 remove_diacritics 0\");
                 CREATE VIRTUAL TABLE v USING fts5vocab('t', 'instance');",
            )
            .unwrap();
            c.execute("INSERT INTO t(rowid, x) VALUES (7, ?)", [&riga]).unwrap();
            let mut attesi: Vec<(u32, String)> = c
                .prepare("SELECT offset, term FROM v")
                .unwrap()
                .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            attesi.sort();
            let mut a = Analizzatore::default();
            for _ in 0..2 {
                let mut trovati = Vec::new();
                a.per_termine(&riga, |p, l| trovati.push((l, p.to_owned()))).unwrap();
                trovati.sort();
                assert_eq!(trovati, attesi, "{testo}");
            }
        }
    }
}
