//! Set-up, tests, benches and reports of the workspace: `cargo xtask VERB`.
//!
//! What would be shell scripts elsewhere is Rust here, so that it runs, is checked and is read like the rest. It is
//! small on purpose: it must build in seconds on a machine that has nothing yet.

use std::process::ExitCode;

use anyhow::{Result, bail};

mod aggiornamento;
mod ambiente;
mod argomenti;
mod avvio;
mod copie_pg;
mod crash;
mod folla;
mod fuzz;
mod licenze;
mod misura;
mod postgres;
mod prepara;
mod prove;
mod requisiti;
mod s3;
mod servizio;
mod standby;

use argomenti::Argomenti;

const USO: &str = "\
cargo xtask VERB

  prepara                        install what the tests need (does nothing when it is there)
  test [--tutto] [--solo NAME]   every check; --tutto adds the long ones; --solo runs one step
  crash [--giri N] [--seme S] [--clienti N] [--postgres]
                                 kill -9 the real binary (with --postgres its server too) at random instants and check
                                 that nothing is lost
  avvio [--release]              start-to-ready time, memory at rest, size of the binary against the promises
  fuzz [--secondi N] [--solo NAME]
                                 every fuzz target, N seconds each (60)
  misura [--secondi N]           the benches, N seconds each (3), and the promises they must keep
  postgres [--secondi N]         a PostgreSQL server of our own, thrown away after N seconds (3600); prints its address
  aggiornamento [--da COMMIT]    a node of an earlier commit (the one before) beside one of this, on one database
  requisiti [--verifica]         write docs/requisiti.md, or fail when it is not what the code says
  licenze                        the licences of all that enters the binary";

fn main() -> ExitCode {
    match esegui() {
        Ok(()) => ExitCode::SUCCESS,
        Err(errore) => {
            eprintln!("xtask: {errore:#}");
            ExitCode::FAILURE
        }
    }
}

fn esegui() -> Result<()> {
    let mut riga = std::env::args().skip(1);
    let Some(verbo) = riga.next() else { bail!("which verb?\n\n{USO}") };
    let argomenti = Argomenti::leggi(riga)?;
    match verbo.as_str() {
        "prepara" => {
            argomenti.solo(&[])?;
            prepara::prepara()
        }
        "test" => {
            argomenti.solo(&["tutto", "solo"])?;
            prove::prove(argomenti.presente("tutto"), argomenti.testo("solo"))
        }
        "postgres" => {
            argomenti.solo(&["secondi"])?;
            let server = postgres::Postgres::avvia(&[])?;
            println!("{}", server.url());
            std::thread::sleep(std::time::Duration::from_secs(argomenti.numero("secondi")?.unwrap_or(3_600)));
            Ok(())
        }
        "crash" => {
            argomenti.solo(&["giri", "seme", "clienti", "postgres"])?;
            let impostazioni = crash::Impostazioni {
                giri: argomenti.numero("giri")?.unwrap_or(20),
                seme: match argomenti.numero("seme")? {
                    Some(seme) => seme,
                    None => crash::seme_di_adesso(),
                },
                clienti: argomenti.numero("clienti")?.unwrap_or(8),
                postgres: argomenti.presente("postgres"),
            };
            crash::crash(&ambiente::binario(false)?, &impostazioni)
        }
        "avvio" => {
            argomenti.solo(&["release"])?;
            avvio::avvio(argomenti.presente("release"))
        }
        "fuzz" => {
            argomenti.solo(&["secondi", "solo"])?;
            fuzz::fuzz(argomenti.numero("secondi")?.unwrap_or(60), argomenti.testo("solo"))
        }
        "misura" => {
            argomenti.solo(&["secondi"])?;
            misura::misura(argomenti.numero("secondi")?.unwrap_or(3))
        }
        "aggiornamento" => {
            argomenti.solo(&["da"])?;
            aggiornamento::aggiornamento(argomenti.testo("da"))
        }
        "requisiti" => {
            argomenti.solo(&["verifica"])?;
            requisiti::requisiti(argomenti.presente("verifica"))
        }
        "licenze" => {
            argomenti.solo(&[])?;
            licenze::licenze()
        }
        "aiuto" | "help" | "--help" | "-h" => {
            println!("{USO}");
            Ok(())
        }
        altro => bail!("no verb \"{altro}\"\n\n{USO}"),
    }
}
