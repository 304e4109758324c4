//! `carico --cerca`: search on many registrations, the biggest AOO 15 % of them, words and prefixes, newest first.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use archivio::EnteStore;
use archivio::store::{DaRegistrare, Filtro};
use dominio::codici::{CodiceAoo, CodiceRegistro};
use dominio::errori::Rigore;
use serde_json::{Value, json};

use super::misura::{memoria_mb, tondo};
use super::nucleo::{operatore, prepara, registrazione};
use crate::parole;

/// AOO among which registrations are spread.
const AOO: usize = 20;
/// Queries of each kind.
const DOMANDE: u64 = 300;
/// Registrations in flight while the archive is filled.
const IN_VOLO: usize = 512;

/// Fills an archive and asks.
pub async fn misura(cartella: &Path, registrazioni: u64, o: &super::Opzioni) -> Result<Value> {
    let store = super::apri(cartella, o).await?;
    let (ente, aoo) = prepara(&*store, AOO).await?;
    let inizio = Instant::now();
    riempi(&ente, &aoo, registrazioni).await?;
    let riempimento_s = inizio.elapsed().as_secs_f64();
    let chi = operatore()?;
    let mut out = json!({
        "registrazioni": registrazioni, "aoo_maggiore": registrazioni * 15 / 100,
        "riempite_al_secondo": (registrazioni as f64 / riempimento_s).round(),
    });
    for (nome, domanda) in
        [("parole", parole::parole as fn(u64) -> String), ("prefissi", parole::prefissi), ("frasi", parole::frase)]
    {
        let mut ms = Vec::new();
        let mut trovate = 0;
        for n in 0..DOMANDE {
            let f = Filtro { q: Some(domanda(n)), limite: 50, ..Filtro::default() };
            let t = Instant::now();
            let p = ente.cerca(&aoo[0], &chi, &CodiceRegistro::generale(), &f).await?;
            ms.push(t.elapsed().as_secs_f64() * 1_000.0);
            trovate += usize::from(!p.elementi.is_empty());
        }
        ms.sort_by(f64::total_cmp);
        let p = |q: f64| tondo(ms[((ms.len() as f64 * q) as usize).min(ms.len() - 1)]);
        out[nome] = json!({"p50_ms": p(0.5), "p99_ms": p(0.99), "massimo_ms": p(1.0), "con_risultati": trovate});
    }
    out["memoria_mb"] = json!(memoria_mb().round());
    Ok(out)
}

async fn riempi(ente: &Arc<dyn EnteStore>, aoo: &[CodiceAoo], quante: u64) -> Result<()> {
    let posti = Arc::new(tokio::sync::Semaphore::new(IN_VOLO));
    let chi = Arc::new(operatore()?);
    let mut compiti = tokio::task::JoinSet::new();
    for n in 0..quante {
        let posto = Arc::clone(&posti).acquire_owned().await?;
        // 15 % to the first, the rest evenly.
        let a = if n % 100 < 15 { 0 } else { 1 + (n as usize) % (aoo.len() - 1) };
        let (ente, aoo, chi) = (Arc::clone(ente), aoo[a].clone(), Arc::clone(&chi));
        compiti.spawn(async move {
            let _posto = posto;
            let r = DaRegistrare {
                chi: (*chi).clone(),
                registro: CodiceRegistro::generale(),
                rigore: Rigore::Operatore,
                dati: registrazione(n)?,
                file: Vec::new(),
                idempotenza: None,
                controllo: None,
            };
            ente.registra(&aoo, r).await.map(drop).map_err(anyhow::Error::from)
        });
        while let Some(f) = compiti.try_join_next() {
            f??;
        }
    }
    while let Some(f) = compiti.join_next().await {
        f??;
    }
    Ok(())
}
