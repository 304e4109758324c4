//! Clients that register in the background, as real ones do: who has no answer sends the same request again.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::crash::cliente::{Cliente, Esito, Numero};
use crate::crash::memoria::{Memoria, senza_buchi_ne_doppi};
use crate::crash::richiesta::Richiesta;
use crate::crash::{cliente_di, rileggi_una};
use crate::servizio::Servizio;

/// Clients at the same time.
const CLIENTI: usize = 8;
/// Before the same request is sent again.
const RIPROVA: Duration = Duration::from_millis(100);
/// How long acknowledgements are waited for.
const ATTESA_MAX: Duration = Duration::from_secs(90);

/// What they were told.
#[derive(Default)]
pub struct Detto {
    memoria: Memoria,
    /// When each acknowledgement came, in order.
    pub quando: Vec<(Instant, u64, Numero)>,
    errore: Option<String>,
}

impl Detto {
    fn annota(&mut self, n: u64, numero: Numero) {
        if let Err(e) = self.memoria.promessa(n, numero) {
            self.errore.get_or_insert(e.to_string());
        }
        self.quando.push((Instant::now(), n, numero));
    }

    /// The highest number of the latest year.
    pub fn massimo(&self) -> Numero {
        self.quando.iter().map(|q| q.2).max().unwrap_or_default()
    }

    /// Every acknowledged registration is there with its file, and numbers have neither gap nor double (R-A08, R-N04).
    pub fn c_e_tutto(&self, cliente: &Cliente, classificazione: &str, seme: u64) -> Result<()> {
        let (anno, massimo) = self.massimo();
        let numeri = cliente.numeri(anno, 0)?;
        if numeri.first().is_none_or(|ultimo| *ultimo < massimo) {
            bail!("{massimo} was acknowledged, the register ends at {:?}", numeri.first());
        }
        self.fino_a(cliente, classificazione, seme, &numeri)
    }

    /// The same, as far as the register goes, which has these numbers.
    pub fn fino_a(&self, cliente: &Cliente, classificazione: &str, seme: u64, numeri: &[u64]) -> Result<()> {
        let ultimo = senza_buchi_ne_doppi(numeri, 0)?;
        self.quando.iter().filter(|q| q.2.1 <= ultimo).try_for_each(|(_, n, numero)| {
            rileggi_una(cliente, *n, *numero, &Richiesta::nuova(seme, *n, classificazione).impronta())
        })
    }
}

/// The service on a database, who asks it, and the class under which he registers.
pub fn servito(binario: &Path, archivio: &Path, url: &str) -> Result<(Servizio, Cliente, String)> {
    let servizio = Servizio::avvia_su(binario, archivio, Some(url), 0)?;
    let cliente = cliente_di(&servizio)?;
    let classificazione = cliente.classificazione()?;
    Ok((servizio, cliente, classificazione))
}

/// The clients.
pub struct Folla {
    basta: Arc<AtomicBool>,
    detto: Arc<Mutex<Detto>>,
    fili: Vec<JoinHandle<()>>,
}

impl Folla {
    /// They begin; each request has a number from `prossima`.
    pub fn avvia(cliente: &Cliente, classificazione: &str, seme: u64, prossima: u64) -> Self {
        let (basta, detto) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Detto::default())));
        let prossima = Arc::new(AtomicU64::new(prossima));
        let uno = || {
            let (cliente, classificazione) = (cliente.clone(), classificazione.to_owned());
            let (basta, detto, prossima) = (Arc::clone(&basta), Arc::clone(&detto), Arc::clone(&prossima));
            thread::spawn(move || {
                while !basta.load(Ordering::Relaxed) {
                    let n = prossima.fetch_add(1, Ordering::Relaxed);
                    let richiesta = Richiesta::nuova(seme, n, &classificazione);
                    while !basta.load(Ordering::Relaxed) {
                        match cliente.registra(&richiesta) {
                            Ok(Esito::Registrata(numero)) => {
                                presa(&detto).annota(n, numero);
                                break;
                            }
                            Ok(Esito::Ignoto | Esito::Occupato) => thread::sleep(RIPROVA),
                            Err(e) => {
                                presa(&detto).errore.get_or_insert(format!("{e:#}"));
                                return;
                            }
                        }
                    }
                }
            })
        };
        let fili = (0..CLIENTI).map(|_| uno()).collect();
        Self { basta, detto, fili }
    }

    /// How many are acknowledged.
    pub fn quante(&self) -> usize {
        presa(&self.detto).quando.len()
    }

    /// Waits until there are so many more.
    pub fn altre(&self, quante: usize) -> Result<()> {
        let (meta, inizio) = (self.quante() + quante, Instant::now());
        while self.quante() < meta {
            if let Some(e) = &presa(&self.detto).errore {
                bail!("{e}");
            }
            if inizio.elapsed() > ATTESA_MAX {
                bail!("{} acknowledged, {meta} expected, after {} s", self.quante(), ATTESA_MAX.as_secs());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// They end, and tell.
    pub fn ferma(self) -> Result<Detto> {
        self.basta.store(true, Ordering::Relaxed);
        for f in self.fili {
            if f.join().is_err() {
                bail!("a client panicked");
            }
        }
        let detto = std::mem::take(&mut *presa(&self.detto));
        match detto.errore {
            Some(e) => bail!("{e}"),
            None => Ok(detto),
        }
    }
}

fn presa(detto: &Mutex<Detto>) -> MutexGuard<'_, Detto> {
    detto.lock().unwrap_or_else(PoisonError::into_inner)
}
