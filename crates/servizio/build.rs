//! Builds the browser's files from `web/` and puts them inside the crate.
//!
//! What enters: `web/` (sources and `package-lock.json`), `templates/` and `src/pagine` (for the icons and classes they
//! name). What leaves: `OUT_DIR/risorse.rs`, a table of every file with its hashed name, its compressed forms and its
//! MIME type. `npm ci` runs only when `node_modules` is missing or was made from another lock file; after that nothing
//! asks the network.

use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

type Esito<T> = Result<T, Box<dyn Error>>;

const OCCORRE: &str =
    "the pages are built with Node.js 20 or newer and npm: install them with `apt-get install nodejs npm`";

fn main() {
    if let Err(e) = costruisci() {
        println!("cargo::error={}", e.to_string().trim().replace('\n', " | "));
        std::process::exit(1);
    }
}

fn costruisci() -> Esito<()> {
    let radice = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let uscita = PathBuf::from(std::env::var("OUT_DIR")?);
    let web = radice.join("web");
    for percorso in [
        "build.rs",
        "web/costruisci.mjs",
        "web/package-lock.json",
        "web/stili",
        "web/script",
        "web/icone",
        "templates",
        "src/pagine",
    ] {
        println!("cargo::rerun-if-changed={percorso}");
    }
    nodo_recente()?;
    {
        // Several builds may run at once on the same tree: one at a time touches node_modules.
        let lucchetto = File::create(web.join(".lucchetto"))?;
        lucchetto.lock()?;
        installa(&web)?;
    }
    let file = uscita.join("risorse");
    esegui(Command::new("node").arg("costruisci.mjs").arg(&file).current_dir(&web))?;
    fs::write(uscita.join("risorse.rs"), tabella(&file)?)?;
    Ok(())
}

/// An old Node would fail later, and not say why.
fn nodo_recente() -> Esito<()> {
    let detta = Command::new("node").arg("--version").output().map_err(|_| OCCORRE)?;
    let detta = String::from_utf8_lossy(&detta.stdout).trim().to_owned();
    let maggiore = detta.trim_start_matches('v').split('.').next().and_then(|n| n.parse::<u32>().ok());
    if maggiore.is_none_or(|n| n < 20) {
        return Err(format!("Node.js {detta} is too old: {OCCORRE}").into());
    }
    Ok(())
}

/// Brings `node_modules` in line with `package-lock.json`; a copy of the lock inside says what it was made from.
fn installa(web: &Path) -> Esito<()> {
    let voluto = fs::read(web.join("package-lock.json"))?;
    let timbro = web.join("node_modules/.fatto-da");
    if fs::read(&timbro).is_ok_and(|fatto| fatto == voluto) {
        return Ok(());
    }
    esegui(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(web))?;
    fs::write(timbro, voluto)?;
    Ok(())
}

/// The Rust source of the table, read back from the manifest that the build wrote.
fn tabella(cartella: &Path) -> Esito<String> {
    let manifesto = fs::read_to_string(cartella.join("manifesto.tsv"))?;
    let mut sorgente = String::from("static RISORSE: &[Voce] = &[\n");
    for riga in manifesto.lines() {
        let [nome, file, mime] = riga.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("manifesto.tsv: unexpected line {riga:?}").into());
        };
        let forse = |fine: &str| {
            let p = cartella.join(format!("{file}.{fine}"));
            if p.exists() { format!("Some(include_bytes!({p:?}))") } else { String::from("None") }
        };
        writeln!(
            sorgente,
            "Voce {{ nome: {nome:?}, file: {file:?}, url: {url:?}, etag: {etag:?}, mime: {mime:?}, byte: include_bytes!({p:?}), br: {br}, gz: {gz} }},",
            url = format!("/risorse/{file}"),
            etag = format!("\"{file}\""),
            p = cartella.join(file),
            br = forse("br"),
            gz = forse("gz"),
        )?;
    }
    sorgente.push_str("];\n");
    Ok(sorgente)
}

fn esegui(comando: &mut Command) -> Esito<()> {
    let nome = comando.get_program().to_string_lossy().into_owned();
    let fatto = comando.output().map_err(|_| OCCORRE)?;
    if fatto.status.success() {
        return Ok(());
    }
    Err(format!("{nome} failed: {}", String::from_utf8_lossy(&fatto.stderr)).into())
}
