//! Where things are, and how other programs are called.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// The root of the workspace.
pub fn radice() -> PathBuf {
    let mio = Path::new(env!("CARGO_MANIFEST_DIR"));
    mio.parent().unwrap_or(mio).to_owned()
}

/// Where cargo builds.
pub fn cartella_di_costruzione() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(cartella) => radice().join(cartella),
        None => radice().join("target"),
    }
}

/// Tools installed by `prepara`, inside the build folder: removed with it, never in the system's way.
pub fn strumenti() -> PathBuf {
    cartella_di_costruzione().join("strumenti")
}

/// Cargo, the one that runs us.
pub fn cargo() -> Command {
    let mut comando = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    comando.current_dir(radice());
    comando
}

/// Is this program there?
pub fn trovato(programma: &str) -> bool {
    env::var_os("PATH").is_some_and(|percorsi| env::split_paths(&percorsi).any(|p| p.join(programma).is_file()))
}

/// Runs to the end, output to our own; an error says which command failed.
pub fn esegui(comando: &mut Command) -> Result<()> {
    let esito = comando.stdin(Stdio::null()).status().with_context(|| format!("cannot start {}", nome(comando)))?;
    if !esito.success() {
        bail!("{} ended with {esito}", nome(comando));
    }
    Ok(())
}

/// Runs to the end and gives what it wrote.
pub fn leggi(comando: &mut Command) -> Result<String> {
    let esito = comando
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start {}", nome(comando)))?;
    if !esito.status.success() {
        bail!("{} ended with {}", nome(comando), esito.status);
    }
    Ok(String::from_utf8_lossy(&esito.stdout).into_owned())
}

/// Runs in silence; true when it ended well.
pub fn riesce(comando: &mut Command) -> bool {
    comando.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

fn nome(comando: &Command) -> String {
    let mut parole = vec![comando.get_program().to_string_lossy().into_owned()];
    parole.extend(comando.get_args().map(|a| a.to_string_lossy().into_owned()));
    parole.join(" ")
}

/// Builds `protocollo` and gives its path. `PROTOCOLLO_BIN` names one already built.
pub fn binario(release: bool) -> Result<PathBuf> {
    if let Some(dato) = env::var_os("PROTOCOLLO_BIN") {
        let percorso = radice().join(dato);
        if !percorso.is_file() {
            bail!("PROTOCOLLO_BIN names {}, which is not there", percorso.display());
        }
        return Ok(percorso);
    }
    let mut comando = cargo();
    comando.args(["build", "--locked", "--package", "protocollo", "--bin", "protocollo"]);
    if release {
        comando.arg("--release");
    }
    esegui(&mut comando)?;
    Ok(cartella_di_costruzione().join(if release { "release" } else { "debug" }).join("protocollo"))
}

/// Free space where we build, in bytes, as `df` tells it.
pub fn spazio_libero() -> Option<u64> {
    let testo = leggi(Command::new("df").args(["--output=avail", "-B1"]).arg(radice())).ok()?;
    testo.lines().nth(1)?.trim().parse().ok()
}
