//! Programs of others that judge. Under `PROTOCOLLO_GIUDICI` each must be there; elsewhere who misses one is skipped,
//! saying so.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A folder with files in it, for programs that want files.
pub struct Carte(TempDir);

impl Carte {
    pub fn nuove() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn metti(&self, nome: &str, byte: &[u8]) -> PathBuf {
        let percorso = self.0.path().join(nome);
        std::fs::write(&percorso, byte).unwrap();
        percorso
    }

    pub fn percorso(&self) -> &Path {
        self.0.path()
    }
}

pub fn c_e(programma: &str, versione: &str) -> bool {
    manca_o(
        programma,
        Command::new(programma).arg(versione).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok(),
    )
}

pub fn modulo_python(nome: &str) -> bool {
    let esito = Command::new("python3").args(["-c", &format!("import {nome}")]).stderr(Stdio::null()).status();
    manca_o(nome, esito.is_ok_and(|s| s.success()))
}

fn manca_o(cosa: &str, c_e: bool) -> bool {
    if !c_e {
        assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "{cosa} is missing");
        eprintln!("skipped: {cosa} is not installed");
    }
    c_e
}

pub fn esegui(comando: &mut Command) -> Output {
    comando.output().unwrap()
}

pub fn detto(uscita: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&uscita.stdout), String::from_utf8_lossy(&uscita.stderr))
}

/// Runs and must say yes.
pub fn approva(comando: &mut Command) -> String {
    let uscita = esegui(comando);
    assert!(uscita.status.success(), "{comando:?}: {}", detto(&uscita));
    detto(&uscita)
}

/// Runs and must say no.
pub fn rifiuta(comando: &mut Command) -> String {
    let uscita = esegui(comando);
    assert!(!uscita.status.success(), "{comando:?} accepted: {}", detto(&uscita));
    detto(&uscita)
}

/// A script of `tests/giudici`.
pub fn python(script: &str) -> Command {
    let mut comando = Command::new("python3");
    comando.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/giudici").join(script));
    comando
}
