//! Looks for tags in the sources and says where each stands: in code, or in which test.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{etichette, rust};

/// A tag found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Citazione {
    /// `A08`.
    pub riga: String,
    /// From the root, with `/`.
    pub file: String,
    /// From 1.
    pub linea: usize,
    /// In a test: its name, or the file's when the tag stands outside any. In code: nothing.
    pub prova: Option<String>,
}

/// Folders that hold no source of ours; the last two words are this scanner, whose examples are not citations.
const SALTATE: [&str; 8] =
    ["node_modules", "target", "campione", "snapshots", "dist", "fixtures", "xtask/src/requisiti", ".git"];

/// All the tags of the workspace, in order.
pub fn cerca(radice: &Path) -> Result<Vec<Citazione>> {
    let mut sorgenti = Vec::new();
    for cartella in ["crates", "xtask"] {
        raccogli(radice, &radice.join(cartella), &mut sorgenti)?;
    }
    sorgenti.sort();
    let mut di_prova = HashSet::new();
    let mut trovate = Vec::new();
    let mut letti = Vec::new();
    for file in sorgenti {
        let testo = fs::read_to_string(radice.join(&file)).with_context(|| file.clone())?;
        let lettura = file.ends_with(".rs").then(|| rust::leggi(&testo));
        if let Some(lettura) = &lettura {
            di_prova.extend(lettura.moduli_di_prova.iter().flat_map(|m| posti_del_modulo(&file, m)));
        }
        letti.push((file, testo, lettura));
    }
    for (file, testo, lettura) in &letti {
        let tutto_prova = e_di_prova(file) || di_prova.contains(file);
        let linee: Vec<&str> = testo.lines().collect();
        for (i, linea) in linee.iter().enumerate() {
            for riga in etichette::leggi(linea) {
                let (prova, nome) = match lettura {
                    Some(l) => (tutto_prova || l.di_prova(i + 1), l.funzione(i + 1).map(str::to_owned)),
                    None => (tutto_prova, prova_di_browser(&linee, i)),
                };
                let prova = prova.then(|| nome.unwrap_or_else(|| nome_del_file(file)));
                trovate.push(Citazione { riga, file: file.clone(), linea: i + 1, prova });
            }
        }
    }
    trovate.sort();
    Ok(trovate)
}

fn raccogli(radice: &Path, cartella: &Path, sorgenti: &mut Vec<String>) -> Result<()> {
    for voce in fs::read_dir(cartella).with_context(|| cartella.display().to_string())? {
        let voce = voce?;
        let percorso = voce.path();
        let relativo = percorso.strip_prefix(radice).unwrap_or(&percorso).to_string_lossy().replace('\\', "/");
        let nome = voce.file_name();
        if SALTATE.iter().any(|s| nome == *s || relativo == *s) {
            continue;
        }
        if voce.file_type()?.is_dir() {
            raccogli(radice, &percorso, sorgenti)?;
        } else if percorso
            .extension()
            .is_some_and(|e| ["rs", "js", "mjs", "ts", "html", "css", "sql"].iter().any(|noto| e == *noto))
        {
            sorgenti.push(relativo);
        }
    }
    Ok(())
}

/// Test folders, and the crash harness: a proof that needs the built binary and so is no `#[test]`.
fn e_di_prova(file: &str) -> bool {
    if file == "xtask/src/crash.rs" || file.starts_with("xtask/src/crash/") {
        return true;
    }
    let mut parti: Vec<&str> = file.split('/').collect();
    parti.pop();
    parti.iter().any(|p| ["tests", "benches", "prove-browser"].contains(p))
}

/// Where `mod nome;` written in `file` may live.
fn posti_del_modulo(file: &str, nome: &str) -> [String; 2] {
    let percorso = Path::new(file);
    let genitore = percorso.parent().unwrap_or(Path::new(""));
    let gambo = percorso.file_stem().unwrap_or_default().to_string_lossy();
    let cartella: PathBuf = match gambo.as_ref() {
        "mod" | "lib" | "main" => genitore.to_owned(),
        altro => genitore.join(altro),
    };
    [cartella.join(format!("{nome}.rs")), cartella.join(nome).join("mod.rs")]
        .map(|p| p.to_string_lossy().replace('\\', "/"))
}

/// The title of the browser test a line stands in, or introduces as a comment.
fn prova_di_browser(linee: &[&str], i: usize) -> Option<String> {
    let introdotta = linee[i..].iter().find(|l| !l.trim_start().starts_with("//"));
    let intorno = introdotta.filter(|_| linee[i].trim_start().starts_with("//")).and_then(|l| titolo(l));
    intorno.or_else(|| linee[..=i].iter().rev().find_map(|l| titolo(l)))
}

/// `test("title", …)` or `it('title', …)`.
fn titolo(linea: &str) -> Option<String> {
    let linea = linea.trim_start();
    let aperta = ["test(", "it(", "await t.test(", "t.test("].iter().find_map(|p| linea.strip_prefix(p))?.trim_start();
    let virgolette = aperta.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'))?;
    let (testo, _) = aperta[1..].split_once(virgolette)?;
    Some(testo.to_owned())
}

fn nome_del_file(file: &str) -> String {
    Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Citazione, cerca};
    use std::fs;

    fn una(riga: &str, file: &str, linea: usize, prova: Option<&str>) -> Citazione {
        Citazione { riga: riga.into(), file: file.into(), linea, prova: prova.map(str::to_owned) }
    }

    #[test]
    fn tags_are_found_in_code_unit_tests_test_files_pages_and_browser_tests() {
        let cartella = tempfile::tempdir().unwrap();
        let radice = cartella.path();
        for (file, testo) in [
            ("xtask/Cargo.toml", "# R-A01"),
            ("crates/a/src/lib.rs", "/// R-A02\nfn f() {}\n#[cfg(test)]\nmod prove;\n#[test]\nfn g() {\n// R-A03\n}\n"),
            ("crates/a/src/prove.rs", "// R-A04\n#[test]\nfn h() {}\n"),
            ("crates/a/tests/storia.rs", "//! R-A05\n\n/// R-A06\n#[test]\nfn i() {}\n"),
            ("crates/s/web/node_modules/x.js", "// R-A07"),
            ("crates/s/web/p.html", "<!-- R-A08 -->"),
            ("crates/s/prove-browser/p.test.mjs", "// R-A09\ntest('si trova', async () => {\n  // R-A10\n});\n"),
        ] {
            let percorso = radice.join(file);
            fs::create_dir_all(percorso.parent().unwrap()).unwrap();
            fs::write(percorso, testo).unwrap();
        }
        assert_eq!(
            cerca(radice).unwrap(),
            [
                una("A02", "crates/a/src/lib.rs", 1, None),
                una("A03", "crates/a/src/lib.rs", 7, Some("g")),
                una("A04", "crates/a/src/prove.rs", 1, Some("h")),
                una("A05", "crates/a/tests/storia.rs", 1, Some("storia")),
                una("A06", "crates/a/tests/storia.rs", 3, Some("i")),
                una("A08", "crates/s/web/p.html", 1, None),
                una("A09", "crates/s/prove-browser/p.test.mjs", 1, Some("si trova")),
                una("A10", "crates/s/prove-browser/p.test.mjs", 3, Some("si trova")),
            ]
        );
    }
}
