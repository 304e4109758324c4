//! `chiavi-file`: the keys under which the files of documents are kept.

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use dominio::codici::CodiceIpa;
use serde_json::json;

use crate::configurazione::{Posto, apri, runtime};

/// What to do with them.
#[derive(Debug, Subcommand)]
pub enum Verbo {
    /// Una chiave nuova per i file di ogni ente, con il servizio fermo se il registro non è in un database: i nuovi la usano, le chiavi dei vecchi si riavvolgono, nessun file si tocca.
    Ruota(Ruota),
}

/// Options of `chiavi-file ruota`.
#[derive(Debug, Args)]
pub struct Ruota {
    #[command(flatten)]
    posto: Posto,
    /// Solo questo ente.
    #[arg(long)]
    ente: Option<CodiceIpa>,
    /// Nessuna chiave nuova: si finisce di riavvolgere ciò che una rotazione interrotta ha lasciato.
    #[arg(long)]
    solo_riavvolgi: bool,
    /// Chi la decide.
    #[arg(long)]
    operatore: Option<String>,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// Runs the verb.
pub fn esegui(v: &Verbo) -> Result<u8> {
    let Verbo::Ruota(o) = v;
    let dove = o.posto.dove()?;
    let Some(chi) = o.operatore.as_deref().or(o.solo_riavvolgi.then_some("sistema")) else {
        bail!("indicare chi decide la rotazione con --operatore");
    };
    if let Some(motivo) = o.posto.sola_lettura(&dove)? {
        eprintln!("Nessuna chiave è stata cambiata: l'installazione è in sola lettura ({motivo}).");
        return Ok(1);
    }
    let fatte = runtime()?.block_on(async {
        let store = apri(&dove).await?;
        let enti = match &o.ente {
            Some(e) => vec![e.clone()],
            None => store.enti().await?,
        };
        let mut fatte = Vec::new();
        for ipa in enti {
            let ente = store.ente(&ipa).await?.with_context(|| format!("l'ente {ipa} non è in questo archivio"))?;
            fatte.push((ipa, ente.ruota_chiave_file(chi, !o.solo_riavvolgi).await?));
        }
        anyhow::Ok(fatte)
    })?;
    let esito = u8::from(fatte.iter().any(|(_, r)| r.guaste > 0));
    if o.json {
        let enti: Vec<_> = fatte
            .iter()
            .map(|(i, r)| json!({"ente": i, "chiave": r.chiave, "riavvolte": r.riavvolte, "guaste": r.guaste, "inChiaro": r.in_chiaro}))
            .collect();
        println!("{}", json!({ "enti": enti }));
        return Ok(esito);
    }
    for (ipa, r) in fatte {
        println!("{ipa} chiave={} riavvolte={} guaste={} in_chiaro={}", r.chiave, r.riavvolte, r.guaste, r.in_chiaro);
    }
    Ok(esito)
}
