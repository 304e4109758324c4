//! `carico --a-riposo`: how much memory an installation of so many enti takes when nobody asks anything, on either engine.
//!
//! The enti are made first; then the real service is started in a process of its own, each ente is touched once, and what
//! is read is its resident memory, when it no longer changes.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::http::Connessione;
use super::misura::{mediana, tondo};
use super::servente::Servente;
use super::{Motore, Opzioni, nucleo};

/// Enti made at the same time.
const INSIEME: usize = 4;
/// Between two looks at the memory.
const PASSO: Duration = Duration::from_secs(2);
/// It is at rest when it changed by less than this, MB, in so many looks.
const FERMA_MB: f64 = 0.5;
const FERMA_GIRI: usize = 4;
/// The longest wait for it.
const ATTESA_MAX: Duration = Duration::from_secs(180);
/// After how many seconds of rest the service closes an ente here: the default would only make the measure longer.
const RIPOSO_S: &str = "15";
/// Threads of a service with no ente open, and some more.
const FILI_MAX: f64 = 60.0;

/// Makes the enti, serves them, looks.
pub async fn misura(cartella: &Path, enti: usize, o: &Opzioni) -> Result<Value> {
    let inizio = Instant::now();
    {
        let store = super::apri(cartella, o).await?;
        let store = &store;
        futures_util::stream::iter(0..enti)
            .map(|i| async move { nucleo::prepara_ente(&**store, &ipa(i), 1).await.map(drop) })
            .buffer_unordered(INSIEME)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .collect::<Result<Vec<()>>>()?;
    }
    let creazione_s = inizio.elapsed().as_secs_f64();
    let archivio = cartella.join("archivio");
    let inizio = Instant::now();
    let s = Servente::avvia(&["serve"], |c| {
        c.env("PROTOCOLLO_SERVIZIO__RIPOSO_S", RIPOSO_S);
        match o.database.as_deref().filter(|_| o.motore == Motore::Postgres) {
            Some(url) => c
                .env("PROTOCOLLO_DATABASE__URL", url)
                .env("PROTOCOLLO_BLOB__URL", format!("file:{}", std::path::absolute(&archivio)?.display())),
            None => c.arg("--archivio").arg(&archivio),
        };
        Ok(())
    })?;
    let pronto_ms = inizio.elapsed().as_secs_f64() * 1_000.0;
    let tocchi = tocca(s.indirizzo(), enti).await?;
    let aperti_mb = s.stato("VmRSS")?;
    let aspetta = Instant::now();
    // Each ente has its writer's thread: few are left when all are closed.
    while s.stato("Threads")? > FILI_MAX && aspetta.elapsed() < ATTESA_MAX {
        tokio::time::sleep(PASSO).await;
    }
    let (mut prima, mut ferma, inizio) = (0.0, 0, Instant::now());
    let memoria = loop {
        tokio::time::sleep(PASSO).await;
        let ora = s.stato("VmRSS")?;
        ferma = if (ora - prima).abs() < FERMA_MB { ferma + 1 } else { 0 };
        if ferma >= FERMA_GIRI || inizio.elapsed() > ATTESA_MAX {
            break ora;
        }
        prima = ora;
    };
    let (memoria_massima, anonima, fili) = (s.stato("VmHWM")?, s.stato("RssAnon")?, s.stato("Threads")?);
    let file_aperti = s.file_aperti()?;
    let ritocchi = tocca(s.indirizzo(), enti).await?;
    let riaperti_mb = s.stato("VmRSS")?;
    Ok(json!({
        "profilo": "a-riposo", "motore": if o.motore == Motore::Postgres { "postgres" } else { "sqlite" }, "enti": enti,
        "memoria_mb": memoria.round(), "memoria_massima_mb": memoria_massima.round(),
        "memoria_anonima_mb": anonima.round(), "fili": fili,
        "file_aperti": file_aperti,
        "memoria_aperti_mb": aperti_mb.round(), "memoria_riaperti_mb": riaperti_mb.round(),
        "apertura_p50_ms": tondo(mediana(tocchi.clone())), "riapertura_p50_ms": tondo(mediana(ritocchi.clone())),
        "riapertura_massima_ms": tondo(ritocchi.iter().copied().fold(0.0, f64::max)),
        "creazione_s": tondo(creazione_s), "pronto_ms": tondo(pronto_ms), "toccati_s": tondo(tocchi.iter().sum::<f64>() / 1_000.0),
    }))
}

/// Asks each ente for its checkpoint, one after the other: how long each took, milliseconds.
async fn tocca(indirizzo: &str, enti: usize) -> Result<Vec<f64>> {
    let mut k = Connessione::apri(indirizzo).await?;
    let mut durate = Vec::with_capacity(enti);
    for i in 0..enti {
        let testa = format!(
            "GET /api/v1/enti/{}/aoo/AOO1/log/checkpoint HTTP/1.1\r\nhost: {indirizzo}\r\naccept-encoding: identity\r\n\r\n",
            ipa(i)
        );
        let inizio = Instant::now();
        let stato = k.manda(&testa, &[]).await?;
        if stato != 200 {
            bail!("l'ente {} risponde {stato}", ipa(i));
        }
        durate.push(inizio.elapsed().as_secs_f64() * 1_000.0);
    }
    Ok(durate)
}

fn ipa(i: usize) -> String {
    format!("c_r{i:05}")
}
