//! Tags of rows as people write them: `R-A08`, `R-A04…A08`, `R-I03, J04`, `R-B04/B05; R-C01`.

/// The rows a line cites, without their `R-`, in the order found. A range gives all its rows.
pub fn leggi(linea: &str) -> Vec<String> {
    let mut trovate = Vec::new();
    let mut resto = linea;
    let mut prima = ' ';
    while let Some(inizio) = resto.find("R-") {
        prima = resto[..inizio].chars().next_back().unwrap_or(prima);
        resto = &resto[inizio + 2..];
        let attaccata = prima.is_alphanumeric() || prima == '_';
        prima = '-';
        let Some((id, dopo)) = (if attaccata { None } else { riga(resto, None) }) else { continue };
        resto = continua(id, dopo, &mut trovate);
        prima = ' ';
    }
    trovate
}

/// After a first row: the end of its range, and the rows that follow in the same list.
fn continua<'a>(mut id: (char, u8), mut resto: &'a str, trovate: &mut Vec<String>) -> &'a str {
    loop {
        match intervallo(resto, id.0) {
            Some((fine, dopo)) if fine.0 == id.0 && fine.1 >= id.1 => {
                trovate.extend((id.1..=fine.1).map(|n| nome(id.0, n)));
                resto = dopo;
            }
            _ => trovate.push(nome(id.0, id.1)),
        }
        let Some((altra, dopo)) = elenco(resto) else { return resto };
        (id, resto) = (altra, dopo);
    }
}

fn nome(lettera: char, numero: u8) -> String {
    format!("{lettera}{numero:02}")
}

/// `A08` at the start, and not a longer word; with `lettera`, also a bare `08`.
fn riga(testo: &str, lettera: Option<char>) -> Option<((char, u8), &str)> {
    let (lettera, cifre) = match testo.chars().next()? {
        c @ 'A'..='P' => (c, &testo[1..]),
        _ => (lettera?, testo),
    };
    let numero = cifre.get(..2)?;
    let dopo = cifre.get(2..)?;
    let intera = !dopo.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
    (intera && numero.bytes().all(|b| b.is_ascii_digit())).then_some(())?;
    Some(((lettera, numero.parse().ok()?), dopo))
}

/// `…A08`, `–08`, `..R-A08`.
fn intervallo(testo: &str, lettera: char) -> Option<((char, u8), &str)> {
    let testo = testo.trim_start();
    let dopo = ["…", "...", "..", "–", "—", "-"].iter().find_map(|s| testo.strip_prefix(s))?.trim_start();
    riga(dopo.strip_prefix("R-").unwrap_or(dopo), Some(lettera))
}

/// `, B05`, ` and B05`, `/B05`; a tag with its own `R-` is left to the next turn.
fn elenco(testo: &str) -> Option<((char, u8), &str)> {
    let testo = testo.trim_start();
    let dopo = [",", ";", "/", "+", "and ", "e "].iter().find_map(|s| testo.strip_prefix(s))?.trim_start();
    riga(dopo.strip_prefix("and ").unwrap_or(dopo), None)
}

#[cfg(test)]
mod tests {
    use super::leggi;

    #[test]
    fn single_tags_ranges_and_lists_are_read_as_people_write_them() {
        for (linea, attese) in [
            ("/// TUDA art. 54 c. 2; R-B03", vec!["B03"]),
            ("(R-A04…A08, R-A30)", vec!["A04", "A05", "A06", "A07", "A08", "A30"]),
            ("R-A09…A11, A20, A22; J04", vec!["A09", "A10", "A11", "A20", "A22", "J04"]),
            ("R-B04, B05 and B06.", vec!["B04", "B05", "B06"]),
            ("R-A04–06 R-A04..R-A05", vec!["A04", "A05", "A06", "A04", "A05"]),
            ("R-L08, R-L02", vec!["L08", "L02"]),
            ("R-C05/C06", vec!["C05", "C06"]),
        ] {
            assert_eq!(leggi(linea), attese, "{linea}");
        }
    }

    #[test]
    fn what_only_looks_like_a_tag_is_not_one() {
        for linea in ["R-H on impronte", "R-A1", "R-A123", "PR-A01", "UTF-8, R-", "R-Z01", "R-A0è", "SHA-256"] {
            assert!(leggi(linea).is_empty(), "{linea}");
        }
    }

    #[test]
    fn numbers_after_a_tag_are_not_rows_unless_they_close_a_range() {
        assert_eq!(leggi("R-A06, 07 digits"), ["A06"]);
        assert_eq!(leggi("R-A23, trap 37: only"), ["A23"]);
        assert_eq!(leggi("R-A08…B02"), ["A08"]);
    }

    #[test]
    fn no_text_makes_it_fail() {
        for testo in ["R-", "R-A", "R-A0", "R-A04…", "R-A04, ", "R-A04…é", "…R-è0"] {
            leggi(testo);
        }
    }
}
