//! `carico --tempesta`: what the storm of one ente does to a quiet one, over HTTP, on either engine.
//!
//! Many clients register and search as fast as they can in one ente; two ask the same of another, a few times a second. What
//! counts is the quiet one's p99, alone and beside the storm, in turns of one run. The service is the real one, on its own
//! threads; the storm has a thread of its own and each quiet client another, so that nobody waits for the generator.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use archivio::store::Segreto;
use archivio::{EnteStore, sistema};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::Token;
use dominio::permessi::{Diritto, Incarico, Ruolo};
use dominio::tempo::Istante;
use serde_json::{Value, json};
use servizio::Servizio;

use super::http::Connessione;
use super::misura::{percentile, tondo};
use super::{Motore, Opzioni, nucleo};
use crate::parole;

/// Who storms, who is quiet.
const TEMPESTA: &str = "c_z998";
const QUIETO: &str = "c_z997";
/// Clients of the quiet one.
const QUIETI: usize = 2;
/// Between two requests of a quiet client.
const PASSO: Duration = Duration::from_millis(40);
/// Of so many requests one searches, the others register.
const CERCA_OGNI: u64 = 3;

/// Where requests go, and under whose name.
#[derive(Clone)]
struct Porta {
    indirizzo: String,
    ipa: &'static str,
    token: String,
}

const CONFINE: &str = "tempesta";

impl Porta {
    fn testa(&self, metodo: &str, coda: &str, altro: &str) -> String {
        format!(
            "{metodo} /api/v1/enti/{}/aoo/AOO1/registrazioni{coda} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
             accept-encoding: identity\r\n{altro}\r\n",
            self.ipa, self.indirizzo, self.token
        )
    }

    /// The n-th request of a client.
    async fn chiedi(&self, c: &mut Connessione, n: u64) -> Result<u16> {
        if n.is_multiple_of(CERCA_OGNI) {
            let q = parole::parole(n).replace(' ', "+");
            return c.manda(&self.testa("GET", &format!("?limite=20&q={q}"), ""), &[]).await;
        }
        let (nome, cognome) = parole::persona(n);
        let dati = json!({
            "tipo": "entrata", "oggetto": parole::oggetto(n), "mezzo": "cartaceo",
            "mittente": {"tipo": "persona-fisica", "nome": nome, "cognome": cognome},
            "classificazione": "1.6", "assegnazioni": [{"ufficio": "SEGR", "tipo": "competenza"}],
        });
        let corpo =
            format!("--{CONFINE}\r\ncontent-disposition: form-data; name=\"dati\"\r\n\r\n{dati}\r\n--{CONFINE}--\r\n");
        let altro =
            format!("content-type: multipart/form-data; boundary={CONFINE}\r\ncontent-length: {}\r\n", corpo.len());
        c.manda(&self.testa("POST", "", &altro), &[corpo.as_bytes()]).await
    }
}

/// A token with every right of the AOO.
async fn token(e: &dyn EnteStore) -> Result<String> {
    let (aoo, chi) = ("AOO1".parse()?, sistema());
    let incarichi = vec![Incarico {
        ruolo: Ruolo::Protocollista,
        aoo: Some("AOO1".parse()?),
        ufficio: Some("PROT".parse()?),
        dal: Istante(0),
        al: None,
    }];
    let utente = C::CreaUtente { utente: "carico".parse()?, nome: "Carico".into(), cognome: "Prova".into(), incarichi };
    e.configura(&aoo, &chi, utente, None, None).await?;
    let (testo, hash) = servizio::token::nuovo_token(e.ipa())?;
    let t = Token {
        id: "carico".into(),
        descrizione: "carico".into(),
        utente: "carico".parse()?,
        aoo: "AOO1".parse()?,
        diritti: Diritto::TUTTI.to_vec(),
        scadenza: e.ora().piu_secondi(86_400),
        revocato: false,
    };
    e.configura(&aoo, &chi, C::CreaToken(t), Some(Segreto::Token(hash)), None).await?;
    Ok(testo)
}

/// What a storm did.
#[derive(Default)]
struct Tempesta {
    fatte: AtomicU64,
    rifiutate: AtomicU64,
    basta: AtomicBool,
}

/// Clients that ask without a pause until they are told to stop.
fn scatena(porta: &Porta, clienti: usize, t: &Arc<Tempesta>) -> std::thread::JoinHandle<Result<()>> {
    let (porta, t) = (porta.clone(), Arc::clone(t));
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async move {
            let mut compiti = tokio::task::JoinSet::new();
            for c in 0..clienti as u64 {
                let (porta, t) = (porta.clone(), Arc::clone(&t));
                compiti.spawn(async move {
                    let mut k = Connessione::apri(&porta.indirizzo).await?;
                    let mut n = c << 40;
                    while !t.basta.load(Ordering::Relaxed) {
                        n += 1;
                        match porta.chiedi(&mut k, n).await? {
                            200 | 201 => t.fatte.fetch_add(1, Ordering::Relaxed),
                            503 => t.rifiutate.fetch_add(1, Ordering::Relaxed),
                            stato => bail!("il servizio risponde {stato} alla tempesta"),
                        };
                    }
                    Ok(())
                });
            }
            while let Some(x) = compiti.join_next().await {
                x??;
            }
            Ok(())
        })
    })
}

/// Latencies of the quiet clients during a turn, milliseconds; `giro` makes their words differ.
fn in_quiete(porta: &Porta, durata: Duration, giro: u64) -> Result<Vec<f64>> {
    let fili: Vec<_> = (0..QUIETI as u64)
        .map(|c| {
            let porta = porta.clone();
            std::thread::spawn(move || -> Result<Vec<f64>> {
                tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async move {
                    let mut k = Connessione::apri(&porta.indirizzo).await?;
                    let (inizio, mut ms, mut n) = (Instant::now(), Vec::new(), (giro * 7 + c) << 32);
                    while inizio.elapsed() < durata {
                        tokio::time::sleep(PASSO).await;
                        n += 1;
                        let t = Instant::now();
                        let stato = porta.chiedi(&mut k, n).await?;
                        ms.push(t.elapsed().as_secs_f64() * 1_000.0);
                        if !matches!(stato, 200 | 201) {
                            bail!("il servizio risponde {stato} a chi è in quiete");
                        }
                    }
                    Ok(ms)
                })
            })
        })
        .collect();
    let mut tutte = Vec::new();
    for f in fili {
        tutte.extend(f.join().map_err(|_| anyhow!("un cliente si è interrotto"))??);
    }
    Ok(tutte)
}

/// Turns of the quiet one, alone and beside the storm.
pub async fn misura(cartella: &std::path::Path, o: &Opzioni) -> Result<Value> {
    let clienti = o.clienti.unwrap_or(64);
    let durata = Duration::from_secs_f64(o.secondi);
    let store = super::apri(cartella, o).await?;
    let mut porte = Vec::new();
    let ascolto = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let indirizzo = ascolto.local_addr()?.to_string();
    for ipa in [TEMPESTA, QUIETO] {
        let (ente, _) = nucleo::prepara_ente(&*store, ipa, 1).await?;
        porte.push(Porta { indirizzo: indirizzo.clone(), ipa, token: token(&*ente).await? });
    }
    let s = Arc::new(Servizio::nuovo(store, &format!("http://{indirizzo}")));
    let servizio = tokio::spawn(servizio::servi(ascolto, s, std::future::pending()));
    let [tempesta, quieto] = porte.try_into().map_err(|_| anyhow!("due porte"))?;
    let giri = o.giri.max(1) as u64;
    let esito = tokio::task::spawn_blocking(move || -> Result<Value> {
        let (mut soli, mut accanto) = (Vec::new(), Vec::new());
        let t = Arc::new(Tempesta::default());
        let mut secondi = 0.0;
        // The first requests open what is opened once.
        in_quiete(&quieto, Duration::from_millis(500), 1_000)?;
        for giro in 0..giri {
            soli.extend(in_quiete(&quieto, durata, 2 * giro)?);
            t.basta.store(false, Ordering::Relaxed);
            let inizio = Instant::now();
            let filo = scatena(&tempesta, clienti, &t);
            let visti = in_quiete(&quieto, durata, 2 * giro + 1);
            t.basta.store(true, Ordering::Relaxed);
            filo.join().map_err(|_| anyhow!("la tempesta si è interrotta"))??;
            secondi += inizio.elapsed().as_secs_f64();
            accanto.extend(visti?);
        }
        soli.sort_by(f64::total_cmp);
        accanto.sort_by(f64::total_cmp);
        let quota = |ms: &[f64], q| percentile(ms, q).unwrap_or(0.0);
        let (solo, con) = (quota(&soli, 0.99), quota(&accanto, 0.99));
        Ok(json!({
            "quieto_richieste": soli.len(), "quieto_richieste_tempesta": accanto.len(),
            "quieto_p50_ms": tondo(quota(&soli, 0.5)), "quieto_p50_tempesta_ms": tondo(quota(&accanto, 0.5)),
            "quieto_p99_ms": tondo(solo), "quieto_p99_tempesta_ms": tondo(con), "rapporto_p99": tondo(con / solo),
            "tempesta_al_secondo": (t.fatte.load(Ordering::Relaxed) as f64 / secondi).round(),
            "tempesta_rifiutate": t.rifiutate.load(Ordering::Relaxed),
        }))
    });
    let mut out = esito.await.context("la misura si è interrotta")??;
    servizio.abort();
    out["profilo"] = json!("tempesta");
    out["motore"] = json!(if o.motore == Motore::Postgres { "postgres" } else { "sqlite" });
    out["clienti"] = json!(clienti);
    Ok(out)
}
