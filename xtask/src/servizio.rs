//! The real binary, started and watched from outside: what it prints, when it is ready, how it ends.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a start may take before it counts as failed: a crashed archive is recovered in it.
const ATTESA_MAX: Duration = Duration::from_secs(120);
/// How long a tidy stop may take.
const ARRESTO_MAX: Duration = Duration::from_secs(30);

/// A running `protocollo demo`.
#[derive(Debug)]
pub struct Servizio {
    figlio: Child,
    fatti: BTreeMap<String, String>,
    errori: PathBuf,
    /// From the start of the process to `pronto`.
    pub pronto_in: Duration,
}

impl Servizio {
    /// Starts it on a free port of this machine and waits for `pronto`. Its messages go to `ARCHIVIO.log`.
    pub fn avvia(binario: &Path, archivio: &Path, registrazioni: u32) -> Result<Self> {
        Self::avvia_su(binario, archivio, None, registrazioni)
    }

    /// With the register in a database.
    pub fn avvia_su(binario: &Path, archivio: &Path, database: Option<&str>, registrazioni: u32) -> Result<Self> {
        let errori = archivio.with_extension("log");
        let registro = File::options().create(true).append(true).open(&errori)?;
        let inizio = Instant::now();
        let mut figlio = Command::new(binario)
            .arg("demo")
            .args(["--listen", "127.0.0.1:0", "--registrazioni"])
            .arg(registrazioni.to_string())
            .arg("--archivio")
            .arg(archivio)
            .args(database.map(|url| ["--database", url]).iter().flatten())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(registro)
            .spawn()
            .with_context(|| format!("cannot start {}", binario.display()))?;
        let uscita = figlio.stdout.take().context("no stdout")?;
        let mut servizio = Self { figlio, fatti: BTreeMap::new(), errori, pronto_in: Duration::ZERO };
        let (manda, ricevi) = mpsc::channel();
        // Goes on reading after `pronto`, so that the pipe never fills.
        thread::spawn(move || {
            for linea in BufReader::new(uscita).lines().map_while(Result::ok) {
                let _ = manda.send(linea);
            }
        });
        loop {
            match ricevi.recv_timeout(ATTESA_MAX.saturating_sub(inizio.elapsed())) {
                Ok(linea) if linea.trim() == "pronto" => break,
                Ok(linea) => servizio.fatti.extend(fatto(&linea)),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("not ready after {} s\n{}", ATTESA_MAX.as_secs(), servizio.ultimi_messaggi())
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let esito = servizio.figlio.wait()?;
                    bail!("ended with {esito} before being ready\n{}", servizio.ultimi_messaggi())
                }
            }
        }
        servizio.pronto_in = inizio.elapsed();
        Ok(servizio)
    }

    /// One of the facts it printed, `chiave=valore`.
    pub fn fatto(&self, chiave: &str) -> Result<&str> {
        self.fatti.get(chiave).map(String::as_str).with_context(|| format!("the binary did not print {chiave}="))
    }

    /// SIGKILL, at once; then waits for the process to be gone.
    pub fn uccidi(mut self) -> Result<()> {
        self.figlio.kill()?;
        self.figlio.wait()?;
        Ok(())
    }

    /// SIGTERM; an error when it does not end by itself in time or ends badly.
    pub fn ferma(mut self) -> Result<()> {
        let pid = self.figlio.id().to_string();
        crate::ambiente::esegui(Command::new("kill").args(["-TERM", &pid]))?;
        let inizio = Instant::now();
        while inizio.elapsed() < ARRESTO_MAX {
            if let Some(esito) = self.figlio.try_wait()? {
                if !esito.success() {
                    bail!("after SIGTERM ended with {esito}\n{}", self.ultimi_messaggi());
                }
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("did not stop {} s after SIGTERM", ARRESTO_MAX.as_secs())
    }

    /// Resident memory in bytes, from `/proc`.
    pub fn memoria(&self) -> Result<u64> {
        let stato = fs::read_to_string(format!("/proc/{}/status", self.figlio.id()))?;
        memoria_residente(&stato).context("no VmRSS")
    }

    fn ultimi_messaggi(&self) -> String {
        let tutto = fs::read_to_string(&self.errori).unwrap_or_default();
        let linee: Vec<&str> = tutto.lines().collect();
        linee[linee.len().saturating_sub(15)..].join("\n")
    }
}

impl Drop for Servizio {
    fn drop(&mut self) {
        let _ = self.figlio.kill();
        let _ = self.figlio.wait();
    }
}

fn fatto(linea: &str) -> Option<(String, String)> {
    let (chiave, valore) = linea.split_once('=')?;
    Some((chiave.trim().to_owned(), valore.trim().to_owned()))
}

fn memoria_residente(stato: &str) -> Option<u64> {
    let resto = stato.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    Some(resto.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::{fatto, memoria_residente};

    #[test]
    fn facts_keep_equal_signs_of_their_value() {
        assert_eq!(fatto("token=abc=="), Some(("token".to_owned(), "abc==".to_owned())));
        assert_eq!(fatto("pronto"), None);
    }

    #[test]
    fn memory_at_rest_is_read_in_bytes() {
        assert_eq!(memoria_residente("VmPeak:\t  9 kB\nVmRSS:\t   12 kB\n"), Some(12 * 1024));
        assert_eq!(memoria_residente("VmPeak: 9 kB\n"), None);
    }
}
