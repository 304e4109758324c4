//! `firma verifica`: what is true of the signatures of a file (contract § 1; R-C12, R-H09). The answers are those of the crate
//! `firme`, one by one; `docs/firme.md` says what each of them means.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use firme::esame::BYTE_MAX;
use firme::{Esame, Fiducia};

/// Verbs of `firma`.
#[derive(Debug, Subcommand)]
pub enum Verbo {
    /// Dice, una per una, le cose vere delle firme, dei sigilli e delle marche temporali di un file: p7m e p7s (CAdES), PDF, XML,
    /// ASiC, TSD, M7M, TSR. Risponde in JSON; esce con 0 se ci sono firme e sono tutte integre, con 1 altrimenti.
    Verifica(Opzioni),
}

/// Options of `firma verifica`.
#[derive(Debug, Args)]
pub struct Opzioni {
    /// Il file firmato, la firma staccata o la marca temporale.
    file: PathBuf,
    /// Il file firmato, quando la firma o la marca è staccata; se invece il contenuto è nella busta, i due sono confrontati.
    #[arg(long, value_name = "FILE")]
    originale: Option<PathBuf>,
    /// Un elenco di fiducia europeo (XML): la sua firma è controllata, i suoi servizi diventano ancore. Si può ripetere.
    #[arg(long, value_name = "FILE")]
    elenco: Vec<PathBuf>,
    /// Un certificato (PEM o DER) di cui ci si fida. Si può ripetere.
    #[arg(long, value_name = "FILE")]
    ancora: Vec<PathBuf>,
    /// Una lista di revoca (PEM o DER): vale se è firmata da chi ha emesso il certificato. Si può ripetere.
    #[arg(long, value_name = "FILE")]
    crl: Vec<PathBuf>,
    /// L'istante a cui si giudicano i certificati quando nessuna marca valida ne prova uno (per esempio quello della
    /// registrazione: 2024-01-31T10:00:00Z); senza, adesso.
    #[arg(long, value_name = "ISTANTE")]
    istante: Option<jiff::Timestamp>,
}

/// Runs the verb.
pub fn esegui(v: &Verbo) -> Result<u8> {
    let Verbo::Verifica(o) = v;
    let fiducia = fiducia(o)?;
    let istante = o.istante.unwrap_or_else(jiff::Timestamp::now);
    let esame = match (leggi(&o.file)?, o.originale.as_deref().map(leggi).transpose()?) {
        (Some(file), None) => firme::esamina(&file, None, &fiducia, istante),
        (Some(file), Some(Some(originale))) => firme::esamina(&file, Some(&originale), &fiducia, istante),
        _ => Esame::rifiutato(format!("file oltre il limite di {} MiB: non esaminato", BYTE_MAX >> 20)),
    };
    let mut uscita = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut uscita, &esame)?;
    writeln!(uscita)?;
    Ok(u8::from(!esame.integra()))
}

fn fiducia(o: &Opzioni) -> Result<Fiducia> {
    let mut f = Fiducia::nessuna();
    for p in &o.elenco {
        f.elenco(&tutto(p)?).with_context(|| format!("--elenco {}", p.display()))?;
    }
    for p in &o.ancora {
        f.ancora(&tutto(p)?).with_context(|| format!("--ancora {}", p.display()))?;
    }
    for p in &o.crl {
        f.crl(&tutto(p)?).with_context(|| format!("--crl {}: non è una lista di revoca", p.display()))?;
    }
    Ok(f)
}

/// The bytes of a file; none when it is over the limit, of which nothing is kept.
fn leggi(p: &Path) -> Result<Option<Vec<u8>>> {
    let male = || format!("{} non si legge", p.display());
    let file = std::fs::File::open(p).with_context(male)?;
    let lungo = file.metadata().with_context(male)?.len();
    if lungo > BYTE_MAX as u64 {
        return Ok(None);
    }
    let mut byte = Vec::with_capacity(lungo as usize + 1);
    file.take(BYTE_MAX as u64 + 1).read_to_end(&mut byte).with_context(male)?;
    Ok((byte.len() <= BYTE_MAX).then_some(byte))
}

fn tutto(p: &Path) -> Result<Vec<u8>> {
    leggi(p)?.with_context(|| format!("{}: troppo grande", p.display()))
}
