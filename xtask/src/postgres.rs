//! A PostgreSQL server of our own for the tests: made in a temporary folder, run by an unprivileged user on a free port,
//! thrown away with whoever started it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::ambiente::{esegui, leggi};

/// Where Debian puts each version.
const VERSIONI: &str = "/usr/lib/postgresql";
/// Whom the server runs as when we are root, whom it refuses.
const UTENTE: &str = "postgres";
/// How long a start may take.
const AVVIO_MAX: Duration = Duration::from_secs(60);

/// The programs of the newest version installed.
pub fn programmi() -> Option<PathBuf> {
    let mut versioni: Vec<(u32, PathBuf)> = fs::read_dir(VERSIONI)
        .ok()?
        .filter_map(|v| {
            let v = v.ok()?;
            Some((v.file_name().to_str()?.parse().ok()?, v.path().join("bin")))
        })
        .filter(|(_, p)| p.join("initdb").is_file())
        .collect();
    versioni.sort();
    versioni.pop().map(|v| v.1)
}

/// A server that runs.
pub struct Postgres {
    processo: Child,
    porta: u16,
    _cartella: tempfile::TempDir,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once: nothing of it is wanted.
        let _ = Command::new("kill").args(["-QUIT", &self.processo.id().to_string()]).status();
        let _ = self.processo.wait();
    }
}

/// As an unprivileged user.
fn comando(programma: &Path) -> Result<Command> {
    if leggi(Command::new("id").arg("-u"))?.trim() != "0" {
        return Ok(Command::new(programma));
    }
    let mut c = Command::new("setpriv");
    c.args(["--reuid", UTENTE, "--regid", UTENTE, "--clear-groups", "--"]).arg(programma);
    Ok(c)
}

impl Postgres {
    /// Makes a cluster and starts it, with further settings (`nome=valore`).
    pub fn avvia(impostazioni: &[&str]) -> Result<Self> {
        let bin = programmi().context("PostgreSQL is not installed: run `cargo xtask prepara`")?;
        let cartella = tempfile::Builder::new().prefix("protocollo-pg").tempdir()?;
        let dati = cartella.path().join("dati");
        fs::create_dir(&dati)?;
        if leggi(Command::new("id").arg("-u"))?.trim() == "0" {
            esegui(Command::new("chown").arg("-R").arg(UTENTE).arg(cartella.path()))?;
        }
        let mut initdb = comando(&bin.join("initdb"))?;
        initdb.args([
            "--auth",
            "trust",
            "--username",
            "protocollo",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--no-sync",
        ]);
        esegui(initdb.arg("-D").arg(&dati).stdout(Stdio::null()).current_dir(cartella.path()))?;
        let porta = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = comando(&bin.join("postgres"))?;
        server.arg("-D").arg(&dati).args(["-p", &porta.to_string(), "-k"]).arg(cartella.path());
        for i in
            ["listen_addresses=127.0.0.1", "max_connections=300", "log_min_messages=fatal"].iter().chain(impostazioni)
        {
            server.args(["-c", i]);
        }
        let registro = fs::File::create(cartella.path().join("registro"))?;
        server.stdout(registro.try_clone()?).stderr(registro).current_dir(cartella.path());
        let mut processo = server.spawn().context("PostgreSQL does not start")?;
        let inizio = Instant::now();
        loop {
            if TcpStream::connect(("127.0.0.1", porta)).is_ok() && pronto(&bin, porta) {
                return Ok(Self { processo, porta, _cartella: cartella });
            }
            if processo.try_wait()?.is_some() || inizio.elapsed() > AVVIO_MAX {
                let _ = processo.kill();
                bail!("PostgreSQL did not start: {}", fs::read_to_string(cartella.path().join("registro"))?);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://protocollo@127.0.0.1:{}/postgres", self.porta)
    }
}

fn pronto(bin: &Path, porta: u16) -> bool {
    let mut c = Command::new(bin.join("pg_isready"));
    c.args(["-q", "-h", "127.0.0.1", "-p", &porta.to_string()]);
    c.status().is_ok_and(|s| s.success())
}
