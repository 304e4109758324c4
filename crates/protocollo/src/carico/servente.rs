//! The service in a process of its own, as people run it.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// A service; ended when dropped.
pub struct Servente {
    figlio: Child,
    detti: HashMap<String, String>,
}

impl Drop for Servente {
    fn drop(&mut self) {
        let _ = self.figlio.kill();
        let _ = self.figlio.wait();
    }
}

impl Servente {
    /// This program with such a verb, on a free port, ready.
    pub fn avvia(verbo: &[&str], prepara: impl FnOnce(&mut Command) -> Result<()>) -> Result<Self> {
        let mut c = Command::new(std::env::current_exe()?);
        c.args(verbo).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
        prepara(&mut c)?;
        let mut s = Self { figlio: c.spawn().context("il servizio non parte")?, detti: HashMap::new() };
        let uscita = s.figlio.stdout.take().context("uscita del servizio")?;
        for riga in BufReader::new(uscita).lines() {
            let riga = riga?;
            match riga.split_once('=') {
                Some((k, v)) => drop(s.detti.insert(k.to_owned(), v.to_owned())),
                None if riga == "pronto" => return Ok(s),
                None => {}
            }
        }
        bail!("il servizio si è fermato prima di essere pronto")
    }

    /// What it said of itself at the start.
    pub fn detto(&self, chiave: &str) -> &str {
        self.detti.get(chiave).map_or("", String::as_str)
    }

    /// Host and port.
    pub fn indirizzo(&self) -> &str {
        self.detto("url").trim_start_matches("http://")
    }

    /// A line of its `status`: MB, or a number.
    pub fn stato(&self, nome: &str) -> Result<f64> {
        let t = std::fs::read_to_string(format!("/proc/{}/status", self.figlio.id()))?;
        let riga = t.lines().find_map(|r| r.strip_prefix(nome)).context("il servizio si è fermato")?;
        let n: f64 = riga.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse()?;
        Ok(if riga.ends_with("kB") { n / 1_024.0 } else { n })
    }

    /// Its open files.
    pub fn file_aperti(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.figlio.id()))?.count())
    }
}
