//! `cargo xtask fuzz`: every target of `fuzz/` for some seconds each, by libFuzzer, with the stable compiler.
//!
//! The counters of coverage are the compiler's own; the memory checker that would need another compiler is not used:
//! unsafe code is denied in this workspace, what is looked for are panics and the assertions of the targets.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::ambiente::{cargo, cartella_di_costruzione, esegui, leggi, radice};

/// What makes the compiler count, as cargo-fuzz asks for it.
const CONTATORI: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                         -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
                         -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Longest input, in bytes; longest time for one, in seconds; most memory, in MiB.
const LIMITI: [&str; 3] = ["-max_len=8192", "-timeout=20", "-rss_limit_mb=3072"];

/// Runs every target, or only the one named, for `secondi` each.
pub fn fuzz(secondi: u32, solo: Option<&str>) -> Result<()> {
    let tutti = bersagli(&radice().join("fuzz/semi"))?;
    let scelti: Vec<&String> = tutti.iter().filter(|b| solo.is_none_or(|s| s == b.as_str())).collect();
    if scelti.is_empty() {
        bail!("no target \"{}\"; there are: {}", solo.unwrap_or_default(), tutti.join(", "));
    }
    let programma = costruisci()?;
    let mut righe = Vec::new();
    let mut falliti = Vec::new();
    for nome in scelti {
        match uno(&programma, nome, secondi) {
            Ok(eseguiti) => righe.push(format!("{nome:<14} {eseguiti:>12} executions, nothing found")),
            Err(errore) => {
                eprintln!("{errore:#}");
                righe.push(format!("{nome:<14} FAILED"));
                falliti.push(nome.as_str());
            }
        }
    }
    println!("\n{}", righe.join("\n"));
    if !falliti.is_empty() {
        bail!("something was found by: {}", falliti.join(", "));
    }
    Ok(())
}

/// A folder of seeds is a target.
fn bersagli(semi: &Path) -> Result<Vec<String>> {
    let mut nomi = Vec::new();
    for voce in fs::read_dir(semi).with_context(|| semi.display().to_string())? {
        nomi.push(voce?.file_name().to_string_lossy().into_owned());
    }
    nomi.sort();
    Ok(nomi)
}

/// The program of the targets, in a folder of its own: other flags would build everything else anew.
fn costruisci() -> Result<PathBuf> {
    let descrizione = leggi(Command::new("rustc").arg("-vV"))?;
    let macchina = descrizione.lines().find_map(|l| l.strip_prefix("host: ")).context("rustc does not say its host")?;
    let cartella = cartella_di_costruzione().join("fuzz");
    let mut comando = cargo();
    comando.current_dir(radice().join("fuzz")).args(["build", "--release", "--locked"]);
    // With a target named, the flags do not reach build scripts and macros.
    comando.args(["--target", macchina]).env("RUSTFLAGS", CONTATORI).env("CARGO_TARGET_DIR", &cartella);
    esegui(&mut comando)?;
    Ok(cartella.join(macchina).join("release/fuzz"))
}

/// Runs one target; how many inputs it was given, or where the one that breaks it is.
fn uno(programma: &Path, nome: &str, secondi: u32) -> Result<u64> {
    println!("fuzz: {nome}, {secondi} s");
    let cartella = cartella_di_costruzione().join("fuzz");
    let (raccolta, trovati) = (cartella.join("raccolta").join(nome), cartella.join("trovati").join(nome));
    for dove in [&raccolta, &trovati] {
        fs::create_dir_all(dove).with_context(|| dove.display().to_string())?;
    }
    let mut comando = Command::new(programma);
    comando.arg(&raccolta).arg(radice().join("fuzz/semi").join(nome)).args(LIMITI);
    comando.args(["-print_final_stats=1", "-verbosity=0", "-use_value_profile=1"]);
    comando.arg(format!("-max_total_time={secondi}")).arg(format!("-artifact_prefix={}/", trovati.display()));
    let esito = comando.env("BERSAGLIO", nome).stdin(Stdio::null()).output().context("the targets do not start")?;
    let detto = String::from_utf8_lossy(&esito.stderr);
    if !esito.status.success() {
        // What broke, and not the whole stack below it.
        let prime: Vec<&str> = detto.lines().skip_while(|l| !l.contains("panicked") && !l.contains("ERROR")).collect();
        let dove = trovati.display();
        bail!(
            "{nome} ended with {}; the input is in {dove}\n{}",
            esito.status,
            prime[..prime.len().min(24)].join("\n")
        );
    }
    eseguiti(&detto).with_context(|| format!("{nome} did not say how much it did"))
}

fn eseguiti(detto: &str) -> Option<u64> {
    detto.lines().find_map(|l| l.strip_prefix("stat::number_of_executed_units:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{bersagli, eseguiti};
    use crate::ambiente::radice;
    use std::fs;

    #[test]
    fn every_target_has_seeds_and_every_folder_of_seeds_is_a_target() {
        let semi = radice().join("fuzz/semi");
        let programma = fs::read_to_string(radice().join("fuzz/src/main.rs")).unwrap();
        let nomi = bersagli(&semi).unwrap();
        assert_eq!(nomi.len(), programma.matches("\" => ").count());
        for nome in nomi {
            assert!(programma.contains(&format!("\"{nome}\" => ")), "{nome}");
            assert!(fs::read_dir(semi.join(&nome)).unwrap().count() > 0, "{nome}");
        }
    }

    #[test]
    fn the_number_of_executions_is_read_from_the_final_statistics() {
        assert_eq!(eseguiti("Done\nstat::number_of_executed_units: 1234\nstat::new: 1"), Some(1234));
        assert_eq!(eseguiti("==1== ERROR"), None);
    }
}
