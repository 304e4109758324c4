//! `sola-lettura`: makes an installation read-only, and back, while it is served by however many nodes.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;
use servizio::sola_lettura;

use crate::configurazione::Configurazione;

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Che {
    /// Da ora si può solo consultare.
    On,
    /// Si torna a registrare.
    Off,
    /// Com'è adesso: esce con 1 se si può solo consultare.
    Stato,
}

/// Options of `sola-lettura`.
#[derive(Debug, Args)]
pub struct Opzioni {
    #[arg(value_enum)]
    che: Che,
    /// Cartella dell'installazione; con un database, quella dei documenti.
    #[arg(long, conflicts_with = "config")]
    archivio: Option<PathBuf>,
    /// File di configurazione TOML.
    #[arg(long)]
    config: Option<PathBuf>,
    /// Perché, in poche parole: lo legge chiunque apra una pagina.
    #[arg(long, default_value = "manutenzione")]
    motivo: String,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// Puts the file there, or takes it away; every node sees it within a second.
pub fn esegui(o: &Opzioni) -> Result<u8> {
    let installazione = Configurazione::leggi(o.config.as_deref())?.dove(o.archivio.as_deref())?;
    let cartella = &installazione.cartella;
    if !installazione.chiave().exists() {
        bail!("in {} non c'è un'installazione", cartella.display());
    }
    let dove = || format!("{}", cartella.join(sola_lettura::NOME).display());
    match o.che {
        Che::On => sola_lettura::accendi(cartella, &o.motivo).with_context(|| format!("non si scrive {}", dove()))?,
        Che::Off => {
            sola_lettura::spegni(cartella).with_context(|| format!("non si toglie {}", dove()))?;
        }
        Che::Stato => {}
    }
    let motivo = sola_lettura::stato(cartella).with_context(|| format!("non si legge {}", dove()))?;
    match (&motivo, o.json) {
        (m, true) => println!("{}", json!({"sola_lettura": m.is_some(), "motivo": m.as_deref()})),
        (Some(m), false) => {
            println!("sola-lettura=on\nmotivo={m}");
            if o.che == Che::On {
                eprintln!("Entro un secondo tutti i nodi smettono di registrare; ciò che era in corso si conclude.");
            }
        }
        (None, false) => println!("sola-lettura=off"),
    }
    Ok(u8::from(o.che == Che::Stato && motivo.is_some()))
}
