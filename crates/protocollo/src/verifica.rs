//! `verifica` and `ricevuta verifica`: what anyone may check (contract § 1).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use archivio::sqlite::{SqliteStore, enti_in, verifica};
use archivio::store::Verifica;
use catena::{ChiavePubblica, EsitoRicevuta, Ricevuta};
use clap::{Args, Subcommand};
use dominio::codici::CodiceIpa;
use serde_json::json;

/// Options of `verifica`.
#[derive(Debug, Args)]
pub struct Opzioni {
    /// Cartella dell'archivio.
    #[arg(long)]
    archivio: PathBuf,
    /// Solo questo ente.
    #[arg(long)]
    ente: Option<CodiceIpa>,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// Recomputes everything; works beside a running service.
pub fn esegui(o: &Opzioni) -> Result<u8> {
    if !o.archivio.join("enti").is_dir() {
        bail!("{} non è la cartella di un archivio", o.archivio.display());
    }
    let enti = match &o.ente {
        Some(e) => vec![e.clone()],
        None => enti_in(&o.archivio)?,
    };
    let mut tutte = Verifica::default();
    for ipa in enti {
        let cartella = SqliteStore::cartella(&o.archivio, &ipa);
        if !cartella.join("ente.sqlite").exists() {
            bail!("l'ente {ipa} non è in questo archivio");
        }
        let v = verifica::ente(&cartella, &|cosa| eprintln!("{ipa}: {cosa}"))?;
        tutte.operazioni += v.operazioni;
        tutte.registrazioni += v.registrazioni;
        tutte.checkpoint += v.checkpoint;
        tutte.file += v.file;
        tutte.righe += v.righe;
        tutte.accessi += v.accessi;
        tutte.differenze.extend(v.differenze);
    }
    let buona = tutte.differenze.is_empty();
    if o.json {
        println!("{}", serde_json::to_string(&tutte)?);
    } else {
        println!("operazioni={}", tutte.operazioni);
        println!("registrazioni={}", tutte.registrazioni);
        println!("checkpoint={}", tutte.checkpoint);
        println!("file={}", tutte.file);
        println!("righe={}", tutte.righe);
        println!("accessi={}", tutte.accessi);
        println!("differenze={}", tutte.differenze.len());
        for d in &tutte.differenze {
            println!("{} {}: {}: atteso {}, trovato {}", d.tabella, d.chiave, d.campo, d.atteso, d.trovato);
        }
    }
    eprintln!("{}", if buona { "Tutto torna." } else { "Ci sono differenze." });
    Ok(u8::from(!buona))
}

/// `ricevuta …`
#[derive(Debug, Subcommand)]
pub enum VerboRicevuta {
    /// Controlla una ricevuta senza rete.
    Verifica {
        /// File JSON della ricevuta.
        file: PathBuf,
        /// File con le chiavi pubbliche dell'AOO, una per riga.
        #[arg(long)]
        chiave: Vec<PathBuf>,
        /// Un solo valore JSON sullo standard output.
        #[arg(long)]
        json: bool,
    },
}

/// Checks a receipt offline.
pub fn ricevuta(v: &VerboRicevuta) -> Result<u8> {
    let VerboRicevuta::Verifica { file, chiave, json } = v;
    let byte = leggi(file)?;
    let mut chiavi: Vec<ChiavePubblica> = Vec::new();
    for f in chiave {
        let t = String::from_utf8(leggi(f)?).with_context(|| format!("{} non è testo", f.display()))?;
        for riga in t.lines().filter(|r| !r.trim().is_empty()) {
            chiavi.push(riga.parse().with_context(|| format!("{}", f.display()))?);
        }
    }
    let esito = match Ricevuta::leggi(&byte) {
        Ok(r) => catena::verifica(&r, &chiavi),
        Err(e) => EsitoRicevuta::Falsa { motivi: vec![e.to_string()] },
    };
    let (parola, campi, motivi) = match &esito {
        EsitoRicevuta::Autentica { campi } => ("autentica", Some(campi), &[][..]),
        EsitoRicevuta::CoerenteNonAutenticata { campi } => ("coerente, non autenticata", Some(campi), &[][..]),
        EsitoRicevuta::Falsa { motivi } => ("falsa", None, motivi.as_slice()),
    };
    if *json {
        println!("{}", json!({"esito": parola, "campi": campi, "motivi": motivi}));
    } else {
        println!("esito={parola}");
        for (k, v) in campi.into_iter().flatten() {
            println!("{k}={}", v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        }
        for m in motivi {
            println!("motivo={m}");
        }
    }
    if chiavi.is_empty() && motivi.is_empty() {
        eprintln!(
            "Nessuna chiave indicata: la ricevuta è coerente, ma nessuno garantisce chi l'ha firmata. Usare --chiave FILE."
        );
    }
    Ok(u8::from(!matches!(esito, EsitoRicevuta::Autentica { .. })))
}

fn leggi(f: &Path) -> Result<Vec<u8>> {
    std::fs::read(f).with_context(|| format!("non si legge {}", f.display()))
}
