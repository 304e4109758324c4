//! The binary: verbs of the command line (contract § 1). Messages to people in Italian on stderr, results on stdout.
//! Exit 0 done; 1 the answer is no; 2 wrong usage or configuration; 3 the service or a file could not be reached.

mod carico;
mod parole;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Il protocollo informatico aperto della pubblica amministrazione.
#[derive(Debug, Parser)]
#[command(name = "protocollo", version, about)]
struct Comando {
    #[command(subcommand)]
    verbo: Verbo,
}

#[derive(Debug, Subcommand)]
enum Verbo {
    /// Misura la velocità su un archivio nuovo, a confronto con il motore nudo.
    Carico(carico::Opzioni),
}

fn main() -> ExitCode {
    let c = match Comando::try_parse() {
        Ok(c) => c,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let esito = match &c.verbo {
        Verbo::Carico(o) => carico::esegui(o),
    };
    match esito {
        Ok(codice) => ExitCode::from(codice),
        Err(e) => {
            eprintln!("Errore: {e:#}");
            ExitCode::from(2)
        }
    }
}
