//! Seals under way while others register (R-A13, R-A14): how many are put each second, and that none is missing at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use archivio::EnteStore;
use archivio::store::{Controllo, DaRegistrare, FileDaRegistrare};
use dominio::codici::{CodiceAoo, CodiceRegistro};
use dominio::errori::Rigore;
use dominio::nuova::NuovaRegistrazione;
use dominio::registrazione::RuoloDocumento;
use serde_json::{Map, Value, json};
use servizio::sigilli::{Sigilli, dell_ente};

use super::misura::{Turno, mediana, tondo};
use super::nucleo::{BoxFuture, MODELLI, operatore};
use crate::parole;

/// Between two looks at what waits.
pub const PASSO: Duration = Duration::from_millis(5);
/// Seals that do not come in this time do not come.
pub const ATTESA_MAX: Duration = Duration::from_secs(300);

/// How the seals of the turns went.
#[derive(Default)]
pub struct Sigillati {
    /// How many, and in how many seconds from the first registration.
    turni: Vec<(u64, f64)>,
    /// How many waited when nobody registered any more.
    in_attesa: Vec<u64>,
    /// Seconds until the last of those.
    svuotamento_s: Vec<f64>,
}

impl Sigillati {
    /// A turn that ended, whose seals were waited for.
    pub fn turno(&mut self, t: &Turno, in_attesa: u64, svuotamento: Duration) {
        let s = svuotamento.as_secs_f64();
        self.turni.push((t.fatti, t.secondi + s));
        self.in_attesa.push(in_attesa);
        self.svuotamento_s.push(s);
    }

    /// Beside the other measures.
    pub fn in_json(&self, misure: &mut Value) {
        let Some(o) = misure.as_object_mut() else { return };
        let al_secondo = mediana(self.turni.iter().map(|(n, s)| *n as f64 / s.max(f64::EPSILON)).collect());
        let nuove = json!({
            "sigilli": self.turni.iter().map(|(n, _)| n).sum::<u64>(),
            "sigilli_al_secondo": al_secondo.round(),
            "sigilli_in_attesa_a_fine_turno": mediana(self.in_attesa.iter().map(|n| *n as f64).collect()).round(),
            "sigilli_svuotamento_s": tondo(mediana(self.svuotamento_s.clone())),
            "sigilli_tutti_apposti": true,
        });
        if let Value::Object(nuove) = nuove {
            o.extend::<Map<String, Value>>(nuove);
        }
    }
}

/// The n-th letter that goes out.
pub fn uscita(n: u64) -> Value {
    let (nome, cognome) = parole::persona(n);
    json!({
        "tipo": "uscita", "oggetto": parole::oggetto(n), "mezzo": "pec", "classificazione": "1.6", "ufficioMittente": "SEGR",
        "destinatari": [{"tipo": "persona-fisica", "nome": nome, "cognome": cognome}],
    })
}

/// What seals in this process, as the service's job does, until it is dropped.
pub struct Sigillante {
    ente: Arc<dyn EnteStore>,
    aoo: Vec<CodiceAoo>,
    sigilli: Arc<Sigilli>,
    ferma: Arc<AtomicBool>,
}

impl Drop for Sigillante {
    fn drop(&mut self) {
        self.ferma.store(true, Ordering::Relaxed);
    }
}

impl Sigillante {
    /// Gives each AOO a seal, and begins.
    pub async fn avvia(ente: &Arc<dyn EnteStore>, aoo: &[CodiceAoo]) -> Result<Self> {
        for a in aoo {
            crate::campione::sigillo(&**ente, a).await?;
        }
        let (sigilli, ferma) = (Arc::new(Sigilli::default()), Arc::new(AtomicBool::new(false)));
        let (suo, suoi, fermo) = (Arc::clone(ente), Arc::clone(&sigilli), Arc::clone(&ferma));
        tokio::spawn(async move {
            while !fermo.load(Ordering::Relaxed) {
                dell_ente(&suoi, &*suo).await;
                tokio::time::sleep(PASSO).await;
            }
        });
        Ok(Self { ente: Arc::clone(ente), aoo: aoo.to_vec(), sigilli, ferma })
    }

    /// What a client does again and again: an uscita with a small file, judged as the service judges it.
    pub fn clienti(&self) -> Result<impl Fn(usize, u64) -> BoxFuture + Clone + Send + Sync + 'static> {
        let modelli = (0..MODELLI).map(|n| Ok(serde_json::from_value(uscita(n))?)).collect::<Result<Vec<_>>>()?;
        let modelli: Arc<Vec<NuovaRegistrazione>> = Arc::new(modelli);
        let (ente, aoo, chi) = (Arc::clone(&self.ente), Arc::new(self.aoo.clone()), Arc::new(operatore()?));
        let controllo: Controllo = self.sigilli.controllo(&*self.ente);
        Ok(move |c: usize, i: u64| -> BoxFuture {
            let (ente, aoo, chi) = (Arc::clone(&ente), Arc::clone(&aoo), Arc::clone(&chi));
            let (dati, controllo) = (modelli[(c * 7_919 + i as usize) % modelli.len()].clone(), controllo.clone());
            Box::pin(async move {
                let mut file = ente.carica().await?;
                file.scrivi(format!("lettera {c} {i}").as_bytes()).await?;
                let file = FileDaRegistrare {
                    ruolo: RuoloDocumento::Primario,
                    nome: "lettera.txt".to_owned(),
                    mime: "text/plain".to_owned(),
                    file: file.chiudi().await?,
                };
                let n = DaRegistrare {
                    chi: (*chi).clone(),
                    registro: CodiceRegistro::generale(),
                    rigore: Rigore::Operatore,
                    dati,
                    file: vec![file],
                    idempotenza: None,
                    controllo: Some(controllo),
                };
                ente.registra(&aoo[c % aoo.len()], n).await.map(drop).map_err(anyhow::Error::from)
            })
        })
    }

    /// Waits until nothing waits: how many did, and how long it took.
    pub async fn svuota(&self) -> Result<(u64, Duration)> {
        let inizio = Instant::now();
        let mut prima = None;
        loop {
            let mut quante = 0;
            for a in &self.aoo {
                quante += self.ente.quante_da_sigillare(a).await?.0;
                if let Some(perche) = self.sigilli.giu(self.ente.ipa(), a) {
                    bail!("il sigillo non si appone: {perche}");
                }
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
}
