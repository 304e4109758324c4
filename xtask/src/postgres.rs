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
    bin: PathBuf,
    impostazioni: Vec<String>,
    cartella: tempfile::TempDir,
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // One that was killed is gone: its number may be somebody else's.
        if !matches!(self.processo.try_wait(), Ok(None)) {
            return;
        }
        // At once: nothing of it is wanted.
        let _ = Command::new("kill").args(["-QUIT", &self.processo.id().to_string()]).status();
        let _ = self.processo.wait();
    }
}

/// Are we root, whom the server refuses?
fn da_root() -> Result<bool> {
    Ok(leggi(Command::new("id").arg("-u"))?.trim() == "0")
}

/// A temporary folder of the user that runs the server.
pub fn cartella() -> Result<tempfile::TempDir> {
    let cartella = tempfile::Builder::new().prefix("protocollo-pg").tempdir()?;
    if da_root()? {
        esegui(Command::new("chown").arg(UTENTE).arg(cartella.path()))?;
    }
    Ok(cartella)
}

/// As an unprivileged user.
pub fn comando(programma: &Path) -> Result<Command> {
    if !da_root()? {
        return Ok(Command::new(programma));
    }
    let mut c = Command::new("setpriv");
    c.args(["--reuid", UTENTE, "--regid", UTENTE, "--clear-groups", "--"]).arg(programma);
    Ok(c)
}

impl Postgres {
    /// Makes a cluster and starts it, with further settings (`nome=valore`).
    pub fn avvia(impostazioni: &[&str]) -> Result<Self> {
        Self::su(impostazioni, Self::nuovo)
    }

    /// Starts a server on a folder `dati` that is made by `prepara`, in the folder that it is given.
    pub fn su(impostazioni: &[&str], prepara: impl FnOnce(&Path, &Path) -> Result<()>) -> Result<Self> {
        let bin = programmi().context("PostgreSQL is not installed: run `cargo xtask prepara`")?;
        let cartella = cartella()?;
        prepara(&bin, cartella.path())?;
        let porta = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let impostazioni = ["listen_addresses=127.0.0.1", "max_connections=300", "log_min_messages=fatal"]
            .iter()
            .chain(impostazioni)
            .map(|i| (*i).to_owned())
            .collect();
        let processo = Self::lancia(&bin, cartella.path(), porta, &impostazioni)?;
        Ok(Self { processo, porta, bin, impostazioni, cartella })
    }

    /// A standby of this server, that follows it.
    pub fn seguace(&self, impostazioni: &[&str]) -> Result<Self> {
        Self::su(impostazioni, |_, cartella| {
            let mut copia = self.programma("pg_basebackup")?;
            copia.args(["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-D"]).arg(cartella.join("dati"));
            esegui(copia.current_dir(cartella))
        })
    }

    /// Makes an empty cluster.
    fn nuovo(bin: &Path, cartella: &Path) -> Result<()> {
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
        esegui(initdb.arg("-D").arg(cartella.join("dati")).stdout(Stdio::null()).current_dir(cartella))
    }

    /// One of its programs, or another, told where the server is, as the user that may use it.
    pub fn programma(&self, nome: &str) -> Result<Command> {
        let suo = self.bin.join(nome);
        let mut c = comando(if suo.is_file() { &suo } else { Path::new(nome) })?;
        // What is run by a script is found too.
        c.env("PATH", format!("{}:/usr/bin:/bin", self.bin.display()));
        c.envs([("PGHOST", "127.0.0.1"), ("PGUSER", "protocollo"), ("PGDATABASE", "postgres")]);
        c.env("PGPORT", self.porta.to_string()).current_dir(self.cartella.path());
        Ok(c)
    }

    /// Asks something of it.
    pub fn chiedi(&self, sql: &str) -> Result<String> {
        Ok(leggi(self.programma("psql")?.args(["-XAtqc", sql]))?.trim().to_owned())
    }

    /// Asks until the answer is this one.
    pub fn attendi(&self, sql: &str, risposta: &str) -> Result<()> {
        let inizio = Instant::now();
        while self.chiedi(sql)? != risposta {
            if inizio.elapsed() > AVVIO_MAX {
                bail!("\"{sql}\" never answered \"{risposta}\"");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// A standby begins to take writes.
    pub fn promuovi(&self) -> Result<()> {
        esegui(self.programma("pg_ctl")?.args(["promote", "--silent", "-D"]).arg(self.cartella.path().join("dati")))
    }

    /// Stops all of it where it is, or lets it go on.
    pub fn gela(&self, si: bool) -> Result<()> {
        let padre = self.processo.id();
        for p in std::iter::once(padre).chain(figli(padre)?) {
            esegui(Command::new("kill").args([if si { "-STOP" } else { "-CONT" }, &p.to_string()]))?;
        }
        Ok(())
    }

    /// Starts the server of a folder and waits until it answers.
    fn lancia(bin: &Path, cartella: &Path, porta: u16, impostazioni: &Vec<String>) -> Result<Child> {
        let mut server = comando(&bin.join("postgres"))?;
        server.arg("-D").arg(cartella.join("dati")).args(["-p", &porta.to_string(), "-k"]).arg(cartella);
        for i in impostazioni {
            server.args(["-c", i]);
        }
        let registro = fs::File::options().create(true).append(true).open(cartella.join("registro"))?;
        server.stdout(registro.try_clone()?).stderr(registro).current_dir(cartella);
        let mut processo = server.spawn().context("PostgreSQL does not start")?;
        let inizio = Instant::now();
        loop {
            if TcpStream::connect(("127.0.0.1", porta)).is_ok() && pronto(bin, porta) {
                return Ok(processo);
            }
            if processo.try_wait()?.is_some() || inizio.elapsed() > AVVIO_MAX {
                let _ = processo.kill();
                bail!("PostgreSQL did not start: {}", fs::read_to_string(cartella.join("registro"))?);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("postgres://protocollo@127.0.0.1:{}/postgres", self.porta)
    }

    /// The address of this server or the other, whichever takes writes.
    pub fn url_con(&self, altro: &Self) -> String {
        let (uno, due) = (self.porta, altro.porta);
        format!("postgres://protocollo@127.0.0.1:{uno},127.0.0.1:{due}/postgres?target_session_attrs=read-write")
    }

    /// SIGKILL to all of it, as when the machine loses power but for what its disk acknowledged.
    pub fn uccidi(&mut self) -> Result<()> {
        let padre = self.processo.id();
        // Still first: one that it starts meanwhile would outlive it.
        esegui(Command::new("kill").args(["-STOP", &padre.to_string()]))?;
        let figli = figli(padre)?;
        self.processo.kill()?;
        for f in &figli {
            let _ = Command::new("kill").args(["-KILL", &f.to_string()]).stderr(Stdio::null()).status();
        }
        self.processo.wait()?;
        Ok(())
    }

    /// Starts it again where it was.
    pub fn riavvia(&mut self) -> Result<()> {
        // What was killed may hold its memory for a moment more, and a server finds it taken.
        let inizio = Instant::now();
        loop {
            match Self::lancia(&self.bin, self.cartella.path(), self.porta, &self.impostazioni) {
                Ok(p) => {
                    self.processo = p;
                    return Ok(());
                }
                Err(e) if inizio.elapsed() > AVVIO_MAX => return Err(e),
                Err(e) => {
                    eprintln!("PostgreSQL is started again: {e:#}");
                    std::thread::sleep(Duration::from_millis(300));
                }
            }
        }
    }
}

/// The processes that another started.
fn figli(padre: u32) -> Result<Vec<u32>> {
    let mut trovati = Vec::new();
    for voce in fs::read_dir("/proc")? {
        let Some(pid) = voce?.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
        let stato = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let suo = stato.lines().find_map(|l| l.strip_prefix("PPid:")).and_then(|p| p.trim().parse().ok());
        if suo == Some(padre) {
            trovati.push(pid);
        }
    }
    Ok(trovati)
}

fn pronto(bin: &Path, porta: u16) -> bool {
    let mut c = Command::new(bin.join("pg_isready"));
    c.args(["-q", "-h", "127.0.0.1", "-p", &porta.to_string()]);
    c.status().is_ok_and(|s| s.success())
}
