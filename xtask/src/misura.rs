//! `cargo xtask misura`: the benches of the workspace, and a table that holds them against what is promised.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::ambiente::{cargo, cartella_di_costruzione, esegui};

/// Crates with benches, one of the same name each.
const CASSE: [&str; 4] = ["catena", "dominio", "firme", "pec"];

/// What must take less than this, in nanoseconds; the others are only shown.
const PROMESSE: [(&str, f64); 4] = [
    ("prova di inclusione (1 M)", 1e6),
    ("confronto dopo 1000 operazioni", 5e6),
    ("verifica di un p7m di 10 MB", 50e6),
    ("lettura di una PEC di 50 KB", 2e6),
];

/// Runs every bench for `secondi` each and prints the medians; an error when a promise is not kept.
pub fn misura(secondi: u32) -> Result<()> {
    let cartella = cartella_di_costruzione().join("criterion");
    // Figures of before, or of benches that are no more, must not end in the table.
    if cartella.is_dir() {
        fs::remove_dir_all(&cartella).with_context(|| cartella.display().to_string())?;
    }
    let mut comando = cargo();
    comando.args(["bench", "--locked"]);
    for cassa in CASSE {
        comando.args(["--package", cassa, "--bench", cassa]);
    }
    comando.args(["--", "--noplot", "--quiet", "--warm-up-time", "0.5", "--measurement-time"]);
    esegui(comando.arg(secondi.to_string()).env("CRITERION_HOME", &cartella))?;
    let misure = leggi(&cartella)?;
    println!("\n{}", tabella(&misure));
    let mancate = mancate(&misure);
    if !mancate.is_empty() {
        bail!("{}", mancate.join("; "));
    }
    Ok(())
}

/// The median of each bench, in nanoseconds, from what criterion leaves in its folder.
fn leggi(cartella: &Path) -> Result<BTreeMap<String, f64>> {
    let mut misure = BTreeMap::new();
    for voce in fs::read_dir(cartella).with_context(|| cartella.display().to_string())? {
        let nuova = voce?.path().join("new");
        let json = |nome: &str| -> Result<serde_json::Value> {
            let percorso = nuova.join(nome);
            let testo = fs::read_to_string(&percorso).with_context(|| percorso.display().to_string())?;
            Ok(serde_json::from_str(&testo)?)
        };
        if nuova.is_dir() {
            let nome = json("benchmark.json")?["full_id"].as_str().context("a bench without a name")?.to_owned();
            let mediana = json("estimates.json")?["median"]["point_estimate"].as_f64().context("no median")?;
            misure.insert(nome, mediana);
        }
    }
    Ok(misure)
}

fn tabella(misure: &BTreeMap<String, f64>) -> String {
    let righe = misure.iter().map(|(nome, ns)| {
        let promessa = PROMESSE.iter().find(|(n, _)| n == nome);
        let promessa = promessa.map_or(String::new(), |(_, entro)| format!("  (entro {})", tempo(*entro)));
        format!("{nome:<32} {:>10}{promessa}", tempo(*ns))
    });
    righe.collect::<Vec<_>>().join("\n")
}

/// Promises not kept, and those that nothing measured.
fn mancate(misure: &BTreeMap<String, f64>) -> Vec<String> {
    let mancata = |(nome, entro): &(&str, f64)| match misure.get(*nome) {
        None => Some(format!("\"{nome}\" was not measured")),
        Some(ns) if ns > entro => Some(format!("\"{nome}\" took {}, promised {}", tempo(*ns), tempo(*entro))),
        Some(_) => None,
    };
    PROMESSE.iter().filter_map(mancata).collect()
}

fn tempo(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.1} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::{PROMESSE, leggi, mancate, tabella};
    use std::collections::BTreeMap;
    use std::fs;

    #[test]
    fn a_promise_broken_or_not_measured_is_named() {
        let mut misure: BTreeMap<String, f64> =
            PROMESSE.iter().map(|(n, entro)| ((*n).to_owned(), entro / 2.0)).collect();
        assert!(mancate(&misure).is_empty());
        misure.insert(PROMESSE[0].0.to_owned(), PROMESSE[0].1 * 2.0);
        misure.remove(PROMESSE[1].0);
        let mancate = mancate(&misure);
        assert!(mancate[0].contains("took 2.00 ms, promised 1.00 ms") && mancate[1].contains("was not measured"));
        assert!(tabella(&misure).contains("2.00 ms  (entro 1.00 ms)"));
    }

    #[test]
    fn medians_are_read_from_the_folder_of_criterion() {
        let cartella = tempfile::tempdir().unwrap();
        let nuova = cartella.path().join("una-misura/new");
        fs::create_dir_all(&nuova).unwrap();
        fs::write(nuova.join("benchmark.json"), r#"{"full_id": "una misura"}"#).unwrap();
        fs::write(nuova.join("estimates.json"), r#"{"median": {"point_estimate": 12.5}}"#).unwrap();
        fs::create_dir(cartella.path().join("report")).unwrap();
        assert_eq!(leggi(cartella.path()).unwrap(), BTreeMap::from([("una misura".to_owned(), 12.5)]));
    }
}
