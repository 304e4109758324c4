//! The page: one table a section.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::catalogo::{Catalogo, Riga};
use super::citazioni::Citazione;

/// The whole page and its totals in one line.
pub fn scrivi(catalogo: &Catalogo, trovate: &[Citazione]) -> (String, String) {
    let mut conti = Conti::default();
    let mut tabelle = String::new();
    for (lettera, titolo) in &catalogo.sezioni {
        let _ = write!(
            tabelle,
            "\n## {lettera}. {titolo}\n\n| row | | duty | source | where enforced | which test proves it |\n\
             |---|---|---|---|---|---|\n"
        );
        for (id, riga) in catalogo.righe.iter().filter(|(id, _)| id.starts_with(*lettera)) {
            let (codice, prove) = celle(id, riga, trovate, &mut conti);
            let (livello, titolo, fonte) = (&riga.livello, cella(&riga.titolo), cella(&riga.fonte));
            let _ = writeln!(tabelle, "| R-{id} | {livello} | {titolo} | {fonte} | {codice} | {prove} |");
        }
    }
    let totali = conti.in_una_riga();
    let testo = format!(
        "# Requirements: where they are enforced, what proves them\n\n\
         Written by `cargo xtask requisiti` from [requisiti.toml](requisiti.toml) and the `R-…` tags in the sources; \
         not by hand.\nA link means that somebody wrote the tag beside that code or test: read it before believing it. \
         A row may be\nenforced only in part.\n\n**{totali}.**\n{tabelle}"
    );
    (testo, totali)
}

#[derive(Default)]
struct Conti {
    righe: usize,
    provate: usize,
    solo_codice: usize,
    solo_prova: usize,
    ente: usize,
    non_ancora: usize,
}

impl Conti {
    fn in_una_riga(&self) -> String {
        format!(
            "{} rows: {} enforced and proved, {} enforced without a test, {} proved without a place in code, {} duty of the ente, \
             {} not yet",
            self.righe, self.provate, self.solo_codice, self.solo_prova, self.ente, self.non_ancora
        )
    }
}

fn celle(id: &str, riga: &Riga, trovate: &[Citazione], conti: &mut Conti) -> (String, String) {
    let sue = || trovate.iter().filter(|c| c.riga == id);
    let codice = collegamenti(sue().filter(|c| c.prova.is_none()));
    let prove = collegamenti(sue().filter(|c| c.prova.is_some()));
    conti.righe += 1;
    let ente = riga.a_carico_ente.as_ref().map(|motivo| format!("duty of the ente: {}", cella(motivo)));
    match (codice.is_empty(), prove.is_empty(), ente) {
        (true, true, Some(ente)) => {
            conti.ente += 1;
            (ente, String::new())
        }
        (true, true, None) => {
            conti.non_ancora += 1;
            ("not yet".to_owned(), String::new())
        }
        (false, true, ente) => {
            conti.solo_codice += 1;
            (unisci(ente, codice), "not yet".to_owned())
        }
        (true, false, ente) => {
            conti.solo_prova += 1;
            (ente.unwrap_or_default(), prove)
        }
        (false, false, ente) => {
            conti.provate += 1;
            (unisci(ente, codice), prove)
        }
    }
}

fn unisci(ente: Option<String>, codice: String) -> String {
    ente.map_or(codice.clone(), |e| format!("{e}<br>{codice}"))
}

/// One link for each file (code) or test: its first tag.
fn collegamenti<'a>(citazioni: impl Iterator<Item = &'a Citazione>) -> String {
    let mut visti = BTreeSet::new();
    let uniche = citazioni.filter(|c| visti.insert((c.file.as_str(), c.prova.as_deref())));
    let testi: Vec<String> = uniche
        .map(|Citazione { file, linea, prova, .. }| {
            let breve = file.strip_prefix("crates/").unwrap_or(file);
            let nome = prova.as_ref().map_or(format!("{breve}:{linea}"), |p| format!("{breve}: {}", cella(p)));
            format!("[{nome}](../{file}#L{linea})")
        })
        .collect();
    testi.join("<br>")
}

fn cella(testo: &str) -> String {
    testo.replace('|', "\\|").replace('\n', " ")
}

/// The first line that differs, line numbers apart: moving code is no change of what it enforces.
pub fn differenza(vecchio: &str, nuovo: &str) -> Option<String> {
    let (v, n) = (senza_numeri(vecchio), senza_numeri(nuovo));
    if v == n {
        return None;
    }
    let (mut v, mut n) = (v.lines(), n.lines());
    loop {
        match (v.next(), n.next()) {
            (a, b) if a != b => {
                return Some(format!("  on disk: {}\n  now:     {}", a.unwrap_or("(end)"), b.unwrap_or("(end)")));
            }
            (None, None) => return Some("  only line endings differ".to_owned()),
            _ => {}
        }
    }
}

fn senza_numeri(testo: &str) -> String {
    let mut uscita = String::with_capacity(testo.len());
    let mut resto = testo;
    while let Some(posto) = resto.find([':', '#']) {
        let (prima, dopo) = resto.split_at(posto + 1);
        uscita.push_str(prima);
        let dopo = if prima.ends_with('#') { dopo.strip_prefix('L').unwrap_or(dopo) } else { dopo };
        resto = dopo.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    uscita.push_str(resto);
    uscita
}

#[cfg(test)]
mod tests {
    use super::{differenza, scrivi};
    use crate::requisiti::catalogo;
    use crate::requisiti::citazioni::Citazione;

    fn cita(riga: &str, linea: usize, prova: Option<&str>) -> Citazione {
        Citazione { riga: riga.into(), file: "crates/a/src/b.rs".into(), linea, prova: prova.map(str::to_owned) }
    }

    fn pagina(trovate: &[Citazione]) -> (String, String) {
        let righe: String =
            (1..=5).map(|n| format!("[righe.A0{n}]\nlivello=\"MUST\"\ntitolo=\"T{n}\"\nfonte=\"F | {n}\"\n")).collect();
        let testo = format!("[sezioni.A]\ntitolo=\"S\"\n{righe}a_carico=\"ente\"\nmotivo=\"an act\"\n");
        scrivi(&catalogo::leggi(&testo).unwrap(), trovate)
    }

    #[test]
    fn each_row_says_enforced_proved_of_the_ente_or_not_yet() {
        let (testo, totali) = pagina(&[
            cita("A01", 7, None),
            cita("A01", 9, None),
            cita("A01", 20, Some("proves")),
            cita("A02", 8, None),
            cita("A03", 21, Some("proves")),
        ]);
        for attesa in [
            "| R-A01 | MUST | T1 | F \\| 1 | [a/src/b.rs:7](../crates/a/src/b.rs#L7) | \
             [a/src/b.rs: proves](../crates/a/src/b.rs#L20) |",
            "[a/src/b.rs:8](../crates/a/src/b.rs#L8) | not yet |",
            "| R-A04 | MUST | T4 | F \\| 4 | not yet |  |",
            "duty of the ente: an act",
        ] {
            assert!(testo.contains(attesa), "{attesa}\n{testo}");
        }
        assert_eq!(
            totali,
            "5 rows: 1 enforced and proved, 1 enforced without a test, 1 proved without a place in code, 1 duty of the ente, 1 not yet"
        );
    }

    #[test]
    fn moved_lines_are_no_difference_but_a_lost_test_is() {
        let prima = pagina(&[cita("A01", 7, None), cita("A01", 20, Some("proves"))]).0;
        assert_eq!(differenza(&prima, &pagina(&[cita("A01", 107, None), cita("A01", 9, Some("proves"))]).0), None);
        let persa = differenza(&prima, &pagina(&[cita("A01", 7, None)]).0);
        assert!(persa.is_some_and(|d| d.contains("on disk")));
    }
}
