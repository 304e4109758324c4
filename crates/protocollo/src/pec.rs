//! `pec leggi`: what a message of certified mail is, what it certifies, whether its signature holds (contract § 1; R-E01, R-E05).
//! The answers are those of the crate `pec`; `docs/pec.md` says what each of them means.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use firme::Fiducia;

/// Bytes of a file of certificates.
const ANCORA_MAX: u64 = 16 << 20;

/// Verbs of `pec`.
#[derive(Debug, Subcommand)]
pub enum Verbo {
    /// Dice che cos'è un messaggio di posta certificata (busta, ricevuta, avviso), che cosa certifica, se la firma del gestore regge
    /// e che cosa contiene. Risponde in JSON; esce con 0 se è un messaggio, con 1 se non lo è.
    Leggi(Opzioni),
}

/// Options of `pec leggi`.
#[derive(Debug, Args)]
pub struct Opzioni {
    /// Il messaggio, come ricevuto.
    #[arg(value_name = "FILE.eml")]
    file: PathBuf,
    /// Un certificato (PEM o DER) di cui ci si fida per la posta certificata. Si può ripetere.
    #[arg(long, value_name = "FILE")]
    ancora: Vec<PathBuf>,
    /// L'istante a cui si giudicano i certificati (per esempio quello dell'arrivo: 2024-01-31T10:00:00Z); senza, adesso.
    #[arg(long, value_name = "ISTANTE")]
    istante: Option<jiff::Timestamp>,
}

/// Exit 0 read, 1 not a message.
pub fn esegui(v: &Verbo) -> Result<u8> {
    let Verbo::Leggi(o) = v;
    let mut fiducia = Fiducia::nessuna();
    for p in &o.ancora {
        fiducia.ancora_pec(&leggi(p, ANCORA_MAX)?).with_context(|| format!("--ancora {}", p.display()))?;
    }
    // One byte more than is read: enough to know that it is too long.
    let byte = leggi(&o.file, ::pec::mime::BYTE_MAX as u64 + 1)?;
    let letta = ::pec::leggi(&byte, &fiducia, o.istante.unwrap_or_else(jiff::Timestamp::now));
    let mut uscita = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut uscita, &letta.sunto())?;
    writeln!(uscita)?;
    let messaggio = letta.busta.testata().e_di_posta();
    if !messaggio {
        eprintln!("Non è un messaggio di posta: non ha né mittente, né data, né altro che lo dica.");
    }
    Ok(u8::from(!messaggio))
}

fn leggi(p: &Path, max: u64) -> Result<Vec<u8>> {
    let mut byte = Vec::new();
    File::open(p)
        .and_then(|f| f.take(max).read_to_end(&mut byte))
        .with_context(|| format!("non si legge {}", p.display()))?;
    Ok(byte)
}
