//! Profile `http`: registrations over HTTP with a file each, against the real server in another process; the ceiling is
//! the bare writer plus one fsynced file.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use archivio::sqlite::soglia::Soglia;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Opzioni;
use super::misura::{Turno, mediana, tondo, turno};
use super::servente::Servente;
use super::sigilli::{ATTESA_MAX, PASSO, Sigillati, uscita};
use crate::parole;

/// A connection kept alive, one per client.
pub(super) struct Connessione {
    flusso: TcpStream,
    resto: Vec<u8>,
}

impl Connessione {
    pub(super) async fn apri(indirizzo: &str) -> Result<Self> {
        let flusso = TcpStream::connect(indirizzo).await?;
        flusso.set_nodelay(true)?;
        Ok(Self { flusso, resto: Vec::new() })
    }

    /// Sends a request and reads the status of its answer.
    pub(super) async fn manda(&mut self, testa: &str, corpo: &[&[u8]]) -> Result<u16> {
        self.chiedi(testa, corpo).await.map(|(stato, _)| stato)
    }

    /// The same, with the body of the answer.
    async fn chiedi(&mut self, testa: &str, corpo: &[&[u8]]) -> Result<(u16, Vec<u8>)> {
        // In one piece: who is at the other end is not woken four times.
        let mut tutto = Vec::with_capacity(testa.len() + corpo.iter().map(|c| c.len()).sum::<usize>());
        tutto.extend_from_slice(testa.as_bytes());
        corpo.iter().for_each(|c| tutto.extend_from_slice(c));
        self.flusso.write_all(&tutto).await?;
        loop {
            if let Some(fine) = self.resto.windows(4).position(|w| w == b"\r\n\r\n") {
                let capo = String::from_utf8_lossy(&self.resto[..fine]).to_ascii_lowercase();
                let stato = capo.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
                let lunghezza: usize = capo
                    .lines()
                    .find_map(|r| r.strip_prefix("content-length:"))
                    .and_then(|l| l.trim().parse().ok())
                    .ok_or_else(|| anyhow!("risposta senza content-length"))?;
                while self.resto.len() < fine + 4 + lunghezza {
                    self.leggi().await?;
                }
                let corpo = self.resto.drain(..fine + 4 + lunghezza).skip(fine + 4).collect();
                return Ok((stato, corpo));
            }
            self.leggi().await?;
        }
    }

    async fn leggi(&mut self) -> Result<()> {
        let mut b = [0u8; 16_384];
        let n = self.flusso.read(&mut b).await?;
        if n == 0 {
            bail!("connessione chiusa dal servizio");
        }
        self.resto.extend_from_slice(&b[..n]);
        Ok(())
    }
}

const CONFINE: &str = "carico";

/// Text before and after the file, and the file of the n-th request: bytes that nobody sent before.
fn corpo(n: u64, modello: &[u8], sigillo: bool) -> (String, Vec<u8>) {
    let (nome, cognome) = parole::persona(n);
    let dati = match sigillo {
        true => uscita(n),
        false => json!({
            "tipo": "entrata", "oggetto": parole::oggetto(n), "mezzo": "pec",
            "mittente": {"tipo": "persona-fisica", "nome": nome, "cognome": cognome},
            "classificazione": "1.6", "assegnazioni": [{"ufficio": "SEGR", "tipo": "competenza"}],
        }),
    };
    let prima = format!(
        "--{CONFINE}\r\ncontent-disposition: form-data; name=\"dati\"\r\n\r\n{dati}\r\n--{CONFINE}\r\n\
         content-disposition: form-data; name=\"documento\"; filename=\"documento.pdf\"\r\n\r\n"
    );
    let mut file = modello.to_vec();
    let fine = file.len().min(16);
    file[..fine].copy_from_slice(&format!("{n:016x}").into_bytes()[..fine]);
    (prima, file)
}

async fn registra(c: &mut Connessione, s: &Servente, n: u64, modello: &[u8], sigillo: bool) -> Result<()> {
    let (prima, file) = corpo(n, modello, sigillo);
    let dopo = format!("\r\n--{CONFINE}--\r\n");
    let testa = format!(
        "POST /api/v1/enti/c_z999/aoo/AOO1/registrazioni HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
         content-type: multipart/form-data; boundary={CONFINE}\r\ncontent-length: {}\r\naccept-encoding: identity\r\n\r\n",
        s.indirizzo(),
        s.detto("token"),
        prima.len() + file.len() + dopo.len()
    );
    match c.manda(&testa, &[prima.as_bytes(), &file, dopo.as_bytes()]).await? {
        201 => Ok(()),
        stato => bail!("il servizio risponde {stato}"),
    }
}

/// Waits until no segnatura of the service waits for its seal: how many did, and how long it took.
async fn svuota(s: &Servente) -> Result<(u64, Duration)> {
    let inizio = Instant::now();
    let testa = format!(
        "GET /api/v1/enti/c_z999/aoo/AOO1/sigillo HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\naccept-encoding: identity\r\n\r\n",
        s.indirizzo(),
        s.detto("token")
    );
    let mut c = Connessione::apri(s.indirizzo()).await?;
    let mut prima = None;
    loop {
        let (stato, corpo) = c.chiedi(&testa, &[]).await?;
        let v: Value = serde_json::from_slice(&corpo)?;
        let quante = v["inAttesa"].as_u64().ok_or_else(|| anyhow!("il servizio risponde {stato}: {v}"))?;
        if let Some(perche) = v["impedimento"].as_str() {
            bail!("il sigillo non si appone: {perche}");
        }
        let attese = *prima.get_or_insert(quante);
        if quante == 0 {
            return Ok((attese, inizio.elapsed()));
        }
        if inizio.elapsed() > ATTESA_MAX {
            bail!("{quante} segnature aspettano ancora il sigillo");
        }
        tokio::time::sleep(PASSO).await;
    }
}

/// Interleaved turns of the service and of the ceiling, then big files.
pub async fn misura(cartella: &Path, o: &Opzioni) -> Result<Value> {
    let clienti = o.clienti.unwrap_or(16);
    let durata = Duration::from_secs_f64(o.secondi);
    let s = Arc::new(Servente::avvia(&["demo", "--registrazioni", "0"], |c| {
        c.arg("--archivio").arg(cartella.join("archivio"));
        Ok(())
    })?);
    let soglia = Arc::new(Soglia::avvia(&cartella.join("soglia"), 1_100, 1)?);
    let modello = Arc::new(vec![0x5au8; o.byte]);
    let (mut nostre, mut nude): (Vec<Turno>, Vec<Turno>) = (Vec::new(), Vec::new());
    let (sigillo, mut sigillati) = (o.sigillo, Sigillati::default());
    for giro in 0..o.giri.max(1) as u64 {
        let (sg, m) = (Arc::clone(&soglia), Arc::clone(&modello));
        nude.push(
            turno(clienti, durata, move |c, i| {
                let (sg, m) = (Arc::clone(&sg), Arc::clone(&m));
                async move {
                    sg.file(format!("{giro}-{c}-{i}"), m).await?;
                    sg.registra().await.map_err(anyhow::Error::from)
                }
            })
            .await?,
        );
        let mut connessioni = Vec::new();
        for _ in 0..clienti {
            connessioni.push(tokio::sync::Mutex::new(Connessione::apri(s.indirizzo()).await?));
        }
        let connessioni = Arc::new(connessioni);
        let (servente, m) = (Arc::clone(&s), Arc::clone(&modello));
        nostre.push(
            turno(clienti, durata, move |c, i| {
                let (s, m, k) = (Arc::clone(&servente), Arc::clone(&m), Arc::clone(&connessioni));
                async move {
                    let n = giro << 56 | (c as u64) << 40 | i;
                    registra(&mut *k[c].lock().await, &s, n, &m, sigillo).await
                }
            })
            .await?,
        );
        if let Some(nostro) = nostre.last().filter(|_| sigillo) {
            let (attese, quanto) = svuota(&s).await?;
            sigillati.turno(nostro, attese, quanto);
        }
    }
    let mut ms = Vec::new();
    let mut c = Connessione::apri(s.indirizzo()).await?;
    let un_mega = vec![0x41u8; 1 << 20];
    for i in 0..100 {
        let t = Instant::now();
        registra(&mut c, &s, u64::MAX - i, &un_mega, false).await?;
        ms.push(t.elapsed().as_secs_f64() * 1_000.0);
    }
    ms.sort_by(f64::total_cmp);
    let memoria = s.stato("VmHWM")?.round();
    registra(&mut c, &s, u64::MAX / 2, &vec![0x42u8; 200 << 20], false).await?;
    let nostra = mediana(nostre.iter().map(Turno::al_secondo).collect());
    let nuda = mediana(nude.iter().map(Turno::al_secondo).collect());
    let m = |f: &dyn Fn(&Turno) -> f64, t: &[Turno]| tondo(mediana(t.iter().map(f).collect()));
    let mut misure = json!({
        "profilo": "http", "motore": "sqlite", "clienti": clienti, "byte": o.byte,
        "registrazioni_al_secondo": nostra.round(), "soglia_al_secondo": nuda.round(), "rapporto": tondo(nostra / nuda),
        "p50_ms": m(&|t| t.percentile(0.50), &nostre), "p99_ms": m(&|t| t.percentile(0.99), &nostre),
        "soglia_p50_ms": m(&|t| t.percentile(0.50), &nude), "soglia_p99_ms": m(&|t| t.percentile(0.99), &nude),
        "file_1mb_p99_ms": tondo(ms[98]), "file_1mb_p50_ms": tondo(ms[50]),
        "memoria_servizio_mb": memoria, "memoria_dopo_file_200mb": s.stato("VmHWM")?.round(),
    });
    if sigillo {
        sigillati.in_json(&mut misure);
    }
    Ok(misure)
}
