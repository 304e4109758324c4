//! `segnatura valida`: reads a segnatura or a return message of any generation and says what is wrong with it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use ::segnatura::{GiudiceFirma, Limiti, leggi_con};
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};

/// Verbs of `segnatura`.
#[derive(Debug, Subcommand)]
pub enum Verbo {
    /// Dice se una segnatura, o un messaggio di ritorno, è valida e che cosa contiene.
    ///
    /// Legge ogni generazione: DTD del 2001 e del 2009, circolare 60/2013, Allegato 6 (3.0.0). Sullo standard output un
    /// solo valore JSON. Esce con 0 se è valida, 1 se non lo è, 3 se il file non si legge. Nulla di ciò che il file
    /// indica viene cercato in rete o su disco.
    Valida(Valida),
}

/// Options of `segnatura valida`.
#[derive(Debug, Args)]
pub struct Valida {
    /// File XML.
    #[arg(value_name = "FILE.xml")]
    file: PathBuf,
}

/// Whether the seal holds is asked of who checks every signature (R-C12); whose it is and whether it is to be trusted says
/// `firma verifica`.
struct Giudice;

impl GiudiceFirma for Giudice {
    fn integra(&self, xml: &[u8]) -> Option<bool> {
        let esame = firme::esamina(xml, None, &firme::Fiducia::default(), jiff::Timestamp::now());
        (!esame.firme.is_empty()).then(|| esame.integra())
    }
}

/// Exit 0 valid, 1 not valid; a file that cannot be read is an error.
pub fn esegui(verbo: &Verbo) -> Result<u8> {
    let Verbo::Valida(opzioni) = verbo;
    let limiti = Limiti::default();
    let non_si_legge = || format!("non si legge {}", opzioni.file.display());
    let mut byte = Vec::new();
    // One byte more than is read: enough to know that it is too long.
    let fin_dove = u64::try_from(limiti.byte_max).unwrap_or(u64::MAX).saturating_add(1);
    File::open(&opzioni.file).and_then(|f| f.take(fin_dove).read_to_end(&mut byte)).with_context(non_si_legge)?;
    let letta = leggi_con(&byte, &limiti, &Giudice);
    let mut uscita = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut uscita, &letta.sunto())?;
    writeln!(uscita)?;
    if !letta.valida() {
        eprintln!("Non valida: il perché è in «errori».");
    }
    Ok(u8::from(!letta.valida()))
}
