//! Reads the catalogue.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use toml::{Table, Value};

/// One duty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Riga {
    /// `MUST` or `SHOULD`.
    pub livello: String,
    /// Our own words.
    pub titolo: String,
    /// Where it is written.
    pub fonte: String,
    /// Why it is people's duty, when it is not software's.
    pub a_carico_ente: Option<String>,
}

/// All duties, and the titles of their sections.
#[derive(Debug)]
pub struct Catalogo {
    /// By letter.
    pub sezioni: BTreeMap<char, String>,
    /// By id, `A08`.
    pub righe: BTreeMap<String, Riga>,
}

/// Reads and checks the whole of it.
pub fn leggi(testo: &str) -> Result<Catalogo> {
    let radice: Table = testo.parse()?;
    let mut sezioni = BTreeMap::new();
    for (lettera, valore) in tabella(&radice, "sezioni")? {
        let mut caratteri = lettera.chars();
        let (Some(c), None) = (caratteri.next(), caratteri.next()) else { bail!("section \"{lettera}\" is no letter") };
        sezioni.insert(c, stringa(valore, "titolo").with_context(|| format!("section {lettera}"))?);
    }
    let mut righe = BTreeMap::new();
    for (id, valore) in tabella(&radice, "righe")? {
        let riga = riga(valore).with_context(|| format!("row {id}"))?;
        let lettera = id.chars().next().unwrap_or(' ');
        let cifre = id.get(1..).unwrap_or_default();
        if cifre.len() != 2 || !cifre.bytes().all(|b| b.is_ascii_digit()) || !sezioni.contains_key(&lettera) {
            bail!("row \"{id}\" is not a section's letter and two digits");
        }
        righe.insert(id.clone(), riga);
    }
    Ok(Catalogo { sezioni, righe })
}

fn riga(valore: &Value) -> Result<Riga> {
    let livello = stringa(valore, "livello")?;
    if livello != "MUST" && livello != "SHOULD" {
        bail!("livello \"{livello}\" is neither MUST nor SHOULD");
    }
    let titolo = stringa(valore, "titolo")?;
    if titolo.split_whitespace().count() > 12 {
        bail!("titolo has more than 12 words");
    }
    let a_carico_ente = match valore.get("a_carico").and_then(Value::as_str) {
        None => None,
        Some("ente") => Some(stringa(valore, "motivo")?),
        Some(altro) => bail!("a_carico \"{altro}\": only \"ente\" is known"),
    };
    Ok(Riga { livello, titolo, fonte: stringa(valore, "fonte")?, a_carico_ente })
}

fn tabella<'a>(radice: &'a Table, nome: &str) -> Result<&'a Table> {
    radice.get(nome).and_then(Value::as_table).with_context(|| format!("no table [{nome}]"))
}

fn stringa(valore: &Value, campo: &str) -> Result<String> {
    match valore.get(campo).and_then(Value::as_str) {
        Some(testo) if !testo.trim().is_empty() => Ok(testo.to_owned()),
        _ => bail!("{campo} is missing or empty"),
    }
}

#[cfg(test)]
mod tests {
    use super::leggi;

    const SEZIONE: &str = "[sezioni.A]\ntitolo = \"Registration\"\n";

    #[test]
    fn a_row_has_level_title_and_source_and_may_be_of_the_ente() {
        let c = leggi(&format!(
            "{SEZIONE}[righe.A01]\nlivello=\"MUST\"\ntitolo=\"T\"\nfonte=\"F\"\na_carico=\"ente\"\nmotivo=\"an act\"\n"
        ))
        .unwrap();
        assert_eq!(c.righe["A01"].a_carico_ente.as_deref(), Some("an act"));
        assert_eq!(c.sezioni[&'A'], "Registration");
    }

    #[test]
    fn what_is_incomplete_or_mistyped_is_refused() {
        for corpo in [
            "[righe.A01]\nlivello=\"MUST\"\ntitolo=\"T\"\n",
            "[righe.A01]\nlivello=\"MAY\"\ntitolo=\"T\"\nfonte=\"F\"\n",
            "[righe.B01]\nlivello=\"MUST\"\ntitolo=\"T\"\nfonte=\"F\"\n",
            "[righe.A1]\nlivello=\"MUST\"\ntitolo=\"T\"\nfonte=\"F\"\n",
            "[righe.A01]\nlivello=\"MUST\"\ntitolo=\"T\"\nfonte=\"F\"\na_carico=\"ente\"\n",
        ] {
            assert!(leggi(&format!("{SEZIONE}{corpo}")).is_err(), "{corpo}");
        }
    }

    #[test]
    fn the_real_catalogue_is_whole() {
        let c = leggi(include_str!("../../../docs/requisiti.toml")).unwrap();
        assert_eq!(c.sezioni.len(), 16);
        assert_eq!(c.righe.len(), 262);
    }
}
