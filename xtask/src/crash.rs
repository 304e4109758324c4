//! The crash harness: the real binary on a real archive, killed with SIGKILL at random instants while clients register.
//!
//! After each crash it is started again and must keep what it promised (R-A08, R-A12): every acknowledged registration is
//! there with the same number and file; numbers have no gap and no double; the retry of a request gets its first
//! number; `verifica` finds nothing. At the end no file is left that no registration owns. One archive grows through
//! all the rounds. The seed decides everything but the scheduler.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::ambiente::leggi;
use crate::postgres::Postgres;
use crate::servizio::Servizio;

mod caso;
pub mod cliente;
pub mod memoria;
mod orfani;
pub mod richiesta;

use caso::Caso;
use cliente::{Cliente, Esito, Numero};
use memoria::Memoria;
use richiesta::Richiesta;

/// The kill comes so long after the first acknowledgement of the round, in milliseconds.
const ISTANTE_MS: (u64, u64) = (50, 900);
/// Registrations of the sample archive, there before the first crash.
const CAMPIONE: u32 = 5;
/// Older promises read again at each round, besides all those of the round itself.
const RILETTE: usize = 200;
/// Until so many rounds, `verifica` runs after each; later after one in ten: it reads the whole archive.
const VERIFICA_SEMPRE_FINO_A: u32 = 20;
/// Between two requests of a client, at most, in milliseconds: in a long run the archive must not outgrow the disk.
const PAUSA_MS: (u64, u64) = (4, 40);
/// From so many rounds a run is long.
const LUNGA_DA: u32 = 50;
/// How long the sweep may take after a start.
const SPAZZATA_MAX: Duration = Duration::from_secs(60);
/// How long a client waits that was told to come back later.
const RIPROVA: Duration = Duration::from_millis(100);
/// How long the database is away.
const ASSENZA: Duration = Duration::from_secs(1);
/// How long clients may wait for the first acknowledgement.
const PRIMA_RISPOSTA_MAX: Duration = Duration::from_secs(60);

/// How a run is made.
#[derive(Debug, Clone, Copy)]
pub struct Impostazioni {
    /// Crashes.
    pub giri: u32,
    /// Decides instants, files and their sizes.
    pub seme: u64,
    /// Clients at the same time.
    pub clienti: u32,
    /// On PostgreSQL: every other round it is the server that is killed, under a service that goes on.
    pub postgres: bool,
}

/// A seed nobody chose.
pub fn seme_di_adesso() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |d| d.as_secs() ^ u64::from(d.subsec_nanos()) << 20)
}

/// Runs it all; the archive is kept when something is wrong, and its place said.
pub fn crash(binario: &Path, impostazioni: &Impostazioni) -> Result<()> {
    let Impostazioni { giri, seme, clienti, postgres } = *impostazioni;
    if clienti == 0 || giri == 0 {
        bail!("at least one client and one round");
    }
    let dove = if postgres { " on PostgreSQL" } else { "" };
    println!("crash{dove}: seed {seme}, {giri} rounds, {clienti} clients; the same choices with --seme {seme}");
    let cartella = tempfile::Builder::new().prefix("protocollo-crash-").tempdir()?;
    let mut prova = Prova::nuova(binario, cartella.path().join("archivio"), *impostazioni)?;
    match prova.tutti_i_giri() {
        Ok(()) => Ok(()),
        Err(errore) => {
            let dove = cartella.keep();
            Err(errore.context(format!("seed {seme}; the archive is kept in {}", dove.display())))
        }
    }
}

struct Prova<'a> {
    binario: &'a Path,
    archivio: PathBuf,
    database: Option<Postgres>,
    impostazioni: Impostazioni,
    caso: Caso,
    memoria: Memoria,
    classificazione: String,
    /// Objects of the sample, there before the first crash.
    prima: HashSet<orfani::Oggetto>,
    /// Up to which number of which year the sequence was read.
    letto_fino_a: Numero,
    prossima: AtomicU64,
    risolte: usize,
    orfani_visti: usize,
}

impl<'a> Prova<'a> {
    fn nuova(binario: &'a Path, archivio: PathBuf, impostazioni: Impostazioni) -> Result<Self> {
        let database = impostazioni.postgres.then(|| Postgres::avvia(&[])).transpose()?;
        let servizio =
            Servizio::avvia_su(binario, &archivio, database.as_ref().map(Postgres::url).as_deref(), CAMPIONE)?;
        let classificazione = cliente_di(&servizio)?.classificazione()?;
        servizio.ferma()?;
        let prima = orfani::oggetti(&archivio)?.into_iter().collect();
        Ok(Self {
            binario,
            archivio,
            database,
            impostazioni,
            caso: Caso::nuovo(impostazioni.seme),
            memoria: Memoria::default(),
            classificazione,
            prima,
            letto_fino_a: (0, 0),
            prossima: AtomicU64::new(1),
            risolte: 0,
            orfani_visti: 0,
        })
    }

    fn tutti_i_giri(&mut self) -> Result<()> {
        let giri = self.impostazioni.giri;
        for giro in 1..=giri {
            let inizio = Instant::now();
            let (nuove, istante_ms) = self.giro(giro).with_context(|| format!("round {giro}"))?;
            println!(
                "  round {giro}/{giri}: killed {istante_ms} ms after the first answer, {nuove} acknowledged \
                 ({} in all), last number {}, {} ms",
                self.memoria.quante(),
                self.letto_fino_a.1,
                inizio.elapsed().as_millis()
            );
        }
        self.alla_fine()?;
        println!(
            "crash: {giri} rounds, {} registrations acknowledged and found, {} of them after a broken connection, \
             numbers 1…{} without gap or double, {} orphan files swept",
            self.memoria.quante(),
            self.risolte,
            self.letto_fino_a.1,
            self.orfani_visti
        );
        Ok(())
    }

    /// One crash and what follows it.
    fn giro(&mut self, giro: u32) -> Result<(usize, u64)> {
        let prima = self.memoria.quante();
        let istante_ms = self.caso.tra(ISTANTE_MS.0, ISTANTE_MS.1);
        let servizio = self.avvia()?;
        let rimasto = self.registra_e_uccidi(servizio, Duration::from_millis(istante_ms), giro)?;

        let servizio = match rimasto {
            // It went on by itself when its database came back.
            Some(servizio) => servizio,
            None => self.avvia().context("restart after the crash")?,
        };
        let cliente = cliente_di(&servizio)?;
        self.ritenta(&cliente)?;
        self.rileggi(&cliente, self.memoria.quante() - prima)?;
        self.conta(&cliente)?;
        // Every other round the second stop is a crash too: recovery itself must bear it.
        if giro.is_multiple_of(2) {
            servizio.uccidi()?
        } else {
            servizio.ferma()?
        }
        if self.impostazioni.giri <= VERIFICA_SEMPRE_FINO_A || giro.is_multiple_of(10) {
            self.verifica()?;
        }
        Ok((self.memoria.quante() - prima, istante_ms))
    }

    fn avvia(&self) -> Result<Servizio> {
        let url = self.database.as_ref().map(Postgres::url);
        Servizio::avvia_su(self.binario, &self.archivio, url.as_deref(), CAMPIONE)
    }

    /// Clients register until the connection breaks under them; or the database, under a service that goes on and is given
    /// back.
    fn registra_e_uccidi(&mut self, servizio: Servizio, dopo: Duration, giro: u32) -> Result<Option<Servizio>> {
        let cliente = cliente_di(&servizio)?;
        let (manda, ricevi) = mpsc::channel();
        let (prossima, basta) = (&self.prossima, AtomicBool::new(false));
        let Impostazioni { seme, clienti, giri, postgres } = self.impostazioni;
        let mut database = self.database.as_mut().filter(|_| !giro.is_multiple_of(2));
        let pausa_max = if giri < LUNGA_DA { PAUSA_MS.0 } else { PAUSA_MS.1 };
        let classificazione = self.classificazione.as_str();
        let memoria = &mut self.memoria;
        thread::scope(|ambito| {
            for _ in 0..clienti {
                let (cliente, manda, basta) = (cliente.clone(), manda.clone(), &basta);
                ambito.spawn(move || {
                    while !basta.load(Ordering::Relaxed) {
                        let n = prossima.fetch_add(1, Ordering::Relaxed);
                        let esito = cliente.registra(&Richiesta::nuova(seme, n, classificazione));
                        let finito = !matches!(esito, Ok(Esito::Registrata(_) | Esito::Occupato));
                        if matches!(esito, Ok(Esito::Occupato)) {
                            thread::sleep(RIPROVA);
                        }
                        if manda.send((n, esito)).is_err() || finito {
                            return;
                        }
                        thread::sleep(Duration::from_millis(Caso::ramo(!seme, n).tra(0, pausa_max)));
                    }
                });
            }
            drop(manda);
            let mut servizio = Some(servizio);
            let esito = raccogli(&ricevi, dopo, postgres, memoria).and_then(|()| match &mut database {
                Some(d) => cade_e_torna(d, &ricevi, memoria),
                None => servizio.take().map_or(Ok(()), Servizio::uccidi),
            });
            basta.store(true, Ordering::Relaxed);
            // What was already on its way is still an answer the client had.
            let resto = ricevi.iter().try_for_each(|(n, esito)| annota(memoria, n, esito, postgres));
            esito.and(resto).map(|()| servizio)
        })
    }

    /// Requests cut off are sent again with the same key: registered or not before, now they are, once.
    fn ritenta(&mut self, cliente: &Cliente) -> Result<()> {
        for n in self.memoria.prendi_sospese() {
            self.ripeti(cliente, n).context("a request cut off by the crash")?;
            self.risolte += 1;
        }
        // R-A08: also those acknowledged get their first number again.
        let ultime: Vec<u64> = self.memoria.promesse().rev().take(5).map(|(n, _)| n).collect();
        for n in ultime {
            self.ripeti(cliente, n).context("a request already acknowledged")?;
        }
        Ok(())
    }

    fn ripeti(&mut self, cliente: &Cliente, n: u64) -> Result<()> {
        match cliente.registra(&Richiesta::nuova(self.impostazioni.seme, n, &self.classificazione))? {
            Esito::Registrata(numero) => self.memoria.promessa(n, numero),
            altro => bail!("retry of request {n}: {altro:?}"),
        }
    }

    /// Every promise of this round, and some older ones by chance, byte for byte (R-H07).
    fn rileggi(&mut self, cliente: &Cliente, nuove: usize) -> Result<()> {
        let tutte: Vec<(u64, Numero)> = self.memoria.promesse().collect();
        let (vecchie, di_ora) = tutte.split_at(tutte.len() - nuove);
        let mut scelte: Vec<(u64, Numero)> = di_ora.to_vec();
        for _ in 0..RILETTE.min(vecchie.len()) {
            scelte.push(vecchie[self.caso.tra(0, vecchie.len() as u64 - 1) as usize]);
        }
        self.rileggi_tutte(cliente, &scelte)
    }

    /// As many at a time as there are clients.
    fn rileggi_tutte(&self, cliente: &Cliente, quali: &[(u64, Numero)]) -> Result<()> {
        let per_uno = quali.len().div_ceil(self.impostazioni.clienti as usize).max(1);
        let (seme, classificazione) = (self.impostazioni.seme, self.classificazione.as_str());
        thread::scope(|ambito| {
            let parti: Vec<_> = quali
                .chunks(per_uno)
                .map(|parte| {
                    ambito.spawn(move || {
                        parte.iter().try_for_each(|(n, numero)| {
                            let attesa = Richiesta::nuova(seme, *n, classificazione).impronta();
                            rileggi_una(cliente, *n, *numero, &attesa)
                        })
                    })
                })
                .collect();
            parti.into_iter().try_for_each(|p| p.join().unwrap_or_else(|_| bail!("a reading client panicked")))
        })
    }

    /// The sequence from where it was last read; after a new year, from 1 again (R-A06, R-A08).
    fn conta(&mut self, cliente: &Cliente) -> Result<()> {
        let Some(anno) = self.memoria.promesse().map(|(_, (anno, _))| anno).max() else { return Ok(()) };
        let oltre = if anno == self.letto_fino_a.0 { self.letto_fino_a.1 } else { 0 };
        let numeri = cliente.numeri(anno, oltre)?;
        let ultimo = memoria::senza_buchi_ne_doppi(&numeri, oltre)?;
        if let Some((n, numero)) = self.memoria.promesse().find(|(_, (a, n))| *a == anno && *n > ultimo) {
            bail!("request {n} was acknowledged as {numero:?}, the list ends at {ultimo}");
        }
        self.letto_fino_a = (anno, ultimo);
        Ok(())
    }

    fn verifica(&self) -> Result<()> {
        let url = self.database.as_ref().map(Postgres::url);
        let mut comando = Command::new(self.binario);
        comando.args(["verifica", "--archivio"]).arg(&self.archivio);
        leggi(comando.args(url.map(|u| ["--database".to_owned(), u]).iter().flatten())).map(|_| ())
    }

    /// Everything once more, and the sweep.
    fn alla_fine(&mut self) -> Result<()> {
        let seme = self.impostazioni.seme;
        let attese: HashSet<String> =
            self.memoria.promesse().map(|(n, _)| Richiesta::nuova(seme, n, &self.classificazione).impronta()).collect();
        let oggetti = orfani::oggetti(&self.archivio)?;
        if oggetti.len() < attese.len() {
            bail!(
                "{} objects for {} files acknowledged: the store is laid out otherwise?",
                oggetti.len(),
                attese.len()
            );
        }
        self.orfani_visti = orfani::orfani(&oggetti, &self.prima, attese.len());
        orfani::invecchia(&oggetti)?;
        let servizio = self.avvia()?;
        let inizio = Instant::now();
        let rimasti = loop {
            let oggetti = orfani::oggetti(&self.archivio)?;
            let rimasti = orfani::orfani(&oggetti, &self.prima, attese.len());
            if rimasti == 0 || inizio.elapsed() > SPAZZATA_MAX {
                break rimasti;
            }
            thread::sleep(Duration::from_millis(100));
        };
        if rimasti > 0 {
            bail!("{rimasti} orphan files left by the sweep");
        }
        let cliente = cliente_di(&servizio)?;
        self.letto_fino_a = (0, 0);
        self.conta(&cliente)?;
        self.rileggi_tutte(&cliente, &self.memoria.promesse().collect::<Vec<_>>())?;
        servizio.ferma()?;
        self.verifica()
    }
}

/// A promise read again, byte for byte.
pub fn rileggi_una(cliente: &Cliente, n: u64, numero: Numero, attesa: &str) -> Result<()> {
    let (dichiarata, byte) = cliente.documento(numero).with_context(|| format!("acknowledged as {numero:?}"))?;
    if dichiarata != attesa || richiesta::impronta(&byte) != attesa {
        bail!("the file of {numero:?} (request {n}) is not the one sent");
    }
    Ok(())
}

/// A client of a service.
pub fn cliente_di(servizio: &Servizio) -> Result<Cliente> {
    Ok(Cliente::nuovo(servizio.fatto("url")?, servizio.fatto("token")?))
}

type Risposta = (u64, Result<Esito>);

/// `incerto`: a service that says "busy" may not know what became of a request.
fn annota(memoria: &mut Memoria, n: u64, esito: Result<Esito>, incerto: bool) -> Result<()> {
    match esito? {
        Esito::Registrata(numero) => memoria.promessa(n, numero),
        Esito::Occupato if !incerto => Ok(()),
        Esito::Ignoto | Esito::Occupato => {
            memoria.sospesa(n);
            Ok(())
        }
    }
}

/// Takes answers until the time from the first has passed.
fn raccogli(ricevi: &mpsc::Receiver<Risposta>, dopo: Duration, incerto: bool, memoria: &mut Memoria) -> Result<()> {
    let (n, prima) = ricevi.recv_timeout(PRIMA_RISPOSTA_MAX).context("no client had an answer")?;
    annota(memoria, n, prima, incerto)?;
    let scadenza = Instant::now() + dopo;
    loop {
        match ricevi.recv_timeout(scadenza.saturating_duration_since(Instant::now())) {
            Ok((n, Ok(Esito::Ignoto))) => {
                memoria.sospesa(n);
                bail!("a connection broke before the kill: the service ended by itself?");
            }
            Ok((n, esito)) => annota(memoria, n, esito, incerto)?,
            Err(RecvTimeoutError::Timeout) => return Ok(()),
            Err(RecvTimeoutError::Disconnected) => bail!("all clients ended before the kill"),
        }
    }
}

/// Kills the database, lets clients meet its absence, starts it again: the service must register by itself once more.
fn cade_e_torna(database: &mut Postgres, ricevi: &mpsc::Receiver<Risposta>, memoria: &mut Memoria) -> Result<()> {
    database.uccidi()?;
    // Whatever was acknowledged before the kill and only now arrives, and refusals; nobody answers while it is not known what
    // became of a commit.
    let fine = Instant::now() + ASSENZA;
    while let Ok((n, esito)) = ricevi.recv_timeout(fine.saturating_duration_since(Instant::now())) {
        annota(memoria, n, esito, true)?;
    }
    database.riavvia()?;
    let inizio = Instant::now();
    while inizio.elapsed() < PRIMA_RISPOSTA_MAX {
        let (n, esito) = ricevi.recv_timeout(PRIMA_RISPOSTA_MAX).context("no answer after the database came back")?;
        let registrata = matches!(esito, Ok(Esito::Registrata(_)));
        annota(memoria, n, esito, true)?;
        if registrata {
            return Ok(());
        }
    }
    bail!("nothing is registered {} s after the database came back", PRIMA_RISPOSTA_MAX.as_secs())
}
