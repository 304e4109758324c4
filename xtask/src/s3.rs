//! A server of the S3 protocol for the tests: on a free port, in a temporary folder, thrown away with whoever started it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::ambiente::radice;

/// Where it is described and installed.
pub const PROVE_S3: &str = "crates/archivio/prove-s3";

/// A server that runs.
pub struct S3 {
    processo: Child,
    url: String,
    _cartella: tempfile::TempDir,
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.processo.kill();
        let _ = self.processo.wait();
    }
}

impl S3 {
    /// Starts it and waits for its address.
    pub fn avvia() -> Result<Self> {
        let cartella = tempfile::Builder::new().prefix("protocollo-s3").tempdir()?;
        let mut comando = Command::new("node");
        comando.arg("avvia.js").arg(cartella.path()).current_dir(radice().join(PROVE_S3)).stdout(Stdio::piped());
        let mut processo = comando.spawn().context("node does not start: run `cargo xtask prepara`")?;
        let mut url = String::new();
        if let Some(detto) = processo.stdout.take() {
            BufReader::new(detto).read_line(&mut url)?;
        }
        let s = Self { processo, url: url.trim().to_owned(), _cartella: cartella };
        if s.url.is_empty() {
            bail!("the S3 server of the tests does not start: run `cargo xtask prepara`");
        }
        Ok(s)
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }
}
