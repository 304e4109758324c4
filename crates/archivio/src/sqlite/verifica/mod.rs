//! `verifica`: everything recomputed from the operations, and compared with what the tables say (R-B13).
//!
//! A log is cut into pieces of [`somma::PEZZO`] operations. Each is read in a snapshot of its own, recomputed and compared
//! with the rows its registrations should have ([`pezzo`]), one on each core; the pieces are then put together in order
//! ([`piega`]): tree, checkpoints, numbers, times. Rows that come in another order are compared as sets ([`insiemi`]). What
//! is held in memory is a few pieces, whatever the size of the archive.
//!
//! Reading only. How far to go is fixed at the start, so that it ends on a live archive too, whose writer is never held
//! up: no snapshot lives longer than a piece. Interrupted, it goes on from the last piece ([`Stato`]).

mod accessi;
mod ancora;
mod attese;
mod esito;
mod file;
mod insiemi;
mod pezzo;
mod piega;
mod resto;
mod somma;
mod struttura;
mod termini;
mod testimoni;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use catena::ChiavePubblica;
use dominio::codici::{CodiceAoo, CodiceIpa};
use dominio::configurazione::Configurazione;
use dominio::errori::Rifiuto;
use dominio::tempo::Orologio as _;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

use super::{letture, righe, schema, tronco};
use crate::file::Custodia;
use crate::file::chiavi::Portachiavi;
use crate::file::lettura::Lettore;
use crate::orologio::OrologioDiSistema;
use crate::store::{Errore, Esito, Verifica};
pub use ancora::Ancora;
use esito::Differenze;
use insiemi::Confronto;
use pezzo::{Esaminato, Esaminatore, Posto};
use piega::{Frontiera, Piega};
use somma::{Chiave, Insieme, PEZZO};
pub(crate) use struttura::schemi_diversi;

/// Pieces that may be ahead of the one waited for, for each thread.
const ANTICIPO: usize = 3;
/// How often the state is handed out to be saved.
const SALVA: Duration = Duration::from_secs(2);
/// Version of [`Stato`].
const VERSIONE: u32 = 1;

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passo {
    /// What is being checked.
    pub fase: Fase,
    /// Done.
    pub fatti: u64,
    /// Of how many.
    pub totale: u64,
}

/// What is checked, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fase {
    /// Logs and the tables that follow them.
    Operazioni,
    /// Tables compared as sets.
    Indici,
    /// Bytes of files.
    File,
}

impl Fase {
    /// For who waits.
    pub fn nome(self) -> &'static str {
        match self {
            Self::Operazioni => "operazioni",
            Self::Indici => "indici di ricerca e insiemi",
            Self::File => "file",
        }
    }
}

/// Keeps the state of a verification.
pub type Salva<'a> = dyn FnMut(&Stato) -> Esito<()> + 'a;

/// What a verification is asked for.
pub struct Opzioni<'a> {
    /// Checkpoints kept elsewhere, of any log; those of other origins must be sorted out before.
    pub ancore: &'a [Ancora],
    /// Where an interrupted one was.
    pub riprendi: Option<Stato>,
    /// Takes the state now and then, to be kept.
    pub salva: Option<&'a mut Salva<'a>>,
    /// How often.
    pub ogni: Duration,
    /// Is told how far it is.
    pub avanza: Option<&'a dyn Fn(Passo)>,
    /// Threads; 0 for as many as there are cores.
    pub fili: usize,
    /// Where files are, and the key that opens their keys.
    pub custodia: Custodia,
}

impl Default for Opzioni<'_> {
    fn default() -> Self {
        Self {
            ancore: &[],
            riprendi: None,
            salva: None,
            ogni: SALVA,
            avanza: None,
            fili: 0,
            custodia: Custodia::default(),
        }
    }
}

/// Where an interrupted verification goes on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stato {
    versione: u32,
    ente: CodiceIpa,
    chiave: Chiave,
    fase: Fase,
    mete: Vec<(i64, u64)>,
    /// Which of `mete`.
    log: usize,
    frontiera: Frontiera,
    somme: somma::Registro,
    rinvii: (u128, u128),
    di_conf: (u64, u128),
    /// Last file checked.
    dopo: Option<String>,
    verifica: Verifica,
}

impl Stato {
    /// Of which ente.
    pub fn ente(&self) -> &CodiceIpa {
        &self.ente
    }

    /// Operations checked so far.
    pub fn operazioni(&self) -> u64 {
        self.verifica.operazioni
    }
}

/// A log and how far the verification goes in it.
pub(super) struct Meta {
    log: i64,
    info: Arc<tronco::LogInfo>,
    chiavi: Vec<ChiavePubblica>,
    dimensione: u64,
}

/// This thread, and those it starts, take only the time that nobody else wants: a service beside goes on as before, and
/// where nothing else runs nothing is lost.
pub fn cedi_il_passo() {
    // On Linux priority belongs to the thread.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(19);
}

/// Operations of a log as they are: the index past the last.
pub(super) fn dimensione(c: &Connection, log: i64) -> Esito<u64> {
    let (da, a) = righe::confini(log);
    let ultimo: Option<i64> =
        c.query_row("SELECT max(id) FROM operazione WHERE id >= ? AND id < ?", [da, a], |r| r.get(0))?;
    Ok(ultimo.map_or(0, |u| righe::da_id(u).1 + 1))
}

/// Origins of the notes signed for a log: the ente's own log vouches for the access log too.
fn sue(l: &tronco::LogInfo) -> impl Iterator<Item = String> + use<> {
    let accessi = (l.id == 0).then(|| super::depositi::origine_accessi(&l.origine));
    std::iter::once(l.origine.clone()).chain(accessi)
}

/// Origins of the notes signed in a folder, of each log and of the access log; with an AOO, which must be there.
///
/// # Errors
/// The archive cannot be read, or the AOO is not in it.
pub fn origini(cartella: &Path, aoo: Option<&CodiceAoo>) -> Esito<BTreeSet<String>> {
    let c = schema::apri_lettura(&cartella.join(super::FILE_ENTE))?;
    let log = tronco::elenco(&c)?;
    if let Some(a) = aoo.filter(|a| !log.contains_key(&Some((*a).clone()))) {
        return Err(Rifiuto::NonTrovato(format!("l'AOO {a} non è in questo archivio")).into());
    }
    Ok(log.into_values().flat_map(|l| sue(&l)).collect())
}

/// Verifies the ente in a folder.
///
/// # Errors
/// The archive cannot be read at all; what is read and does not hold is a difference, not an error.
pub fn ente(cartella: &Path, o: Opzioni<'_>) -> Esito<Verifica> {
    let percorso = cartella.join(super::FILE_ENTE);
    let c = schema::apri_scorsa(&percorso, "")?;
    let ipa: CodiceIpa = cartella
        .file_name()
        .and_then(|n| n.to_string_lossy().parse().ok())
        .ok_or_else(|| Errore::Archivio(format!("{} non è la cartella di un ente", cartella.display())))?;
    let mut d = Differenze::default();
    let mete = mete(&c, o.riprendi.as_ref(), &mut d)?;
    let mut stato = match o.riprendi {
        Some(s) if s.versione == VERSIONE && s.ente == ipa => s,
        Some(_) => {
            return Err(Errore::Incoerente("la verifica da riprendere è di un altro ente o versione".to_owned()));
        }
        None => {
            struttura::confronta(&c, &mut d)?;
            let di_qui: BTreeSet<String> = mete.iter().flat_map(|m| sue(&m.info)).collect();
            for a in o.ancore.iter().filter(|a| !di_qui.contains(&a.checkpoint.origine)) {
                d.unisci(vec![a.estranea()]);
            }
            Stato {
                versione: VERSIONE,
                ente: ipa.clone(),
                chiave: Chiave::nuova()?,
                fase: Fase::Operazioni,
                mete: mete.iter().map(|m| (m.log, m.dimensione)).collect(),
                log: 0,
                frontiera: Frontiera::default(),
                somme: somma::Registro::default(),
                rinvii: (0, 0),
                di_conf: (0, 0),
                dopo: None,
                verifica: Verifica { differenze: std::mem::take(&mut d.0), ..Verifica::default() },
            }
        }
    };
    let fili = match o.fili {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    };
    let mut opera = Opera {
        percorso,
        ipa,
        mete,
        ancore: o.ancore,
        fili,
        salva: o.salva,
        ogni: o.ogni,
        salvato: Instant::now(),
        avanza: o.avanza.unwrap_or(&|_| {}),
    };
    if stato.fase == Fase::Operazioni {
        opera.registri(&c, &mut stato)?;
    }
    if stato.fase == Fase::Indici {
        opera.insiemi(&c, &mut stato)?;
    }
    let lettore = Lettore::di(&opera.ipa, cartella, &o.custodia)?;
    opera.file(&c, cartella, &lettore, &mut stato)?;
    Ok(stato.verifica)
}

/// The logs, and how far to go in each: as they are now, or as they were when the interrupted verification began.
fn mete(c: &Connection, s: Option<&Stato>, d: &mut Differenze) -> Esito<Vec<Meta>> {
    let mut out = Vec::new();
    for info in tronco::elenco(c)?.into_values() {
        let dimensione = match s {
            None => dimensione(c, info.id)?,
            Some(s) => match s.mete.iter().find(|m| m.0 == info.id) {
                Some(m) => m.1,
                None => continue,
            },
        };
        let mut chiavi = Vec::new();
        for k in tronco::chiavi(c, info.id)? {
            match k.parse() {
                Ok(k) => chiavi.push(k),
                Err(e) => d.nuova("chiave_log", &info.origine, "vkey", "una chiave pubblica", &format!("{k}: {e}")),
            }
        }
        out.push(Meta { log: info.id, info, chiavi, dimensione });
    }
    out.sort_by_key(|m| m.log);
    if s.is_some_and(|s| s.mete.len() != out.len()) {
        return Err(Errore::Incoerente("mancano registri che la verifica interrotta conosceva".to_owned()));
    }
    Ok(out)
}

struct Opera<'a> {
    percorso: PathBuf,
    ipa: CodiceIpa,
    mete: Vec<Meta>,
    ancore: &'a [Ancora],
    fili: usize,
    salva: Option<&'a mut Salva<'a>>,
    ogni: Duration,
    salvato: Instant,
    avanza: &'a dyn Fn(Passo),
}

impl Opera<'_> {
    fn salva(&mut self, stato: &Stato) -> Esito<()> {
        self.salvato = Instant::now();
        self.salva.as_mut().map_or(Ok(()), |s| s(stato))
    }

    /// Every piece of every log that is left, each on the first free thread, put together in order.
    fn registri(&mut self, c: &Connection, stato: &mut Stato) -> Esito<()> {
        let mut pezzi = Vec::new();
        for (i, m) in self.mete.iter().enumerate().skip(stato.log) {
            let da = if i == stato.log { stato.frontiera.prossimo } else { 0 };
            let mut inizi: Vec<u64> = (da..m.dimensione).step_by(PEZZO as usize).collect();
            // An empty log has its closing to be checked.
            if inizi.is_empty() {
                inizi.push(da);
            }
            pezzi.extend(inizi.into_iter().map(|da| (i, da, (da + PEZZO).min(m.dimensione))));
        }
        if pezzi.is_empty() {
            // An installation that only watches the logs of others has none of its own.
            stato.fase = Fase::Indici;
            return Ok(());
        }
        let mut p = Piega::nuova(c, stato, configurazione_fino(c, &self.mete, stato)?);
        let (prossimo, fermi) = (AtomicUsize::new(0), AtomicBool::new(false));
        let (piegati, sveglia) = (Mutex::new(0usize), Condvar::new());
        let (percorso, ipa, chiave) = (self.percorso.clone(), self.ipa.clone(), stato.chiave.clone());
        let totale: u64 = self.mete.iter().map(|m| m.dimensione).sum();
        let fili = self.fili;
        let mete = std::mem::take(&mut self.mete);
        let esito = std::thread::scope(|s| {
            let (manda, ricevi) = sync_channel::<(usize, Esito<Esaminato>)>(fili * ANTICIPO);
            for _ in 0..fili {
                let manda = manda.clone();
                let (prossimo, fermi, piegati, sveglia) = (&prossimo, &fermi, &piegati, &sveglia);
                let (percorso, ipa, chiave, pezzi, mete) = (&percorso, &ipa, &chiave, &pezzi, &mete);
                s.spawn(move || {
                    cedi_il_passo();
                    let mut e = Esaminatore::nuovo(percorso, ipa, chiave);
                    loop {
                        let n = prossimo.fetch_add(1, Ordering::Relaxed);
                        let Some((i, da, a)) = pezzi.get(n).copied() else { return };
                        let mut fatti = piegati.lock().unwrap_or_else(PoisonError::into_inner);
                        while n > *fatti + fili * ANTICIPO && !fermi.load(Ordering::Relaxed) {
                            fatti = sveglia.wait(fatti).unwrap_or_else(PoisonError::into_inner);
                        }
                        drop(fatti);
                        if fermi.load(Ordering::Relaxed) {
                            return;
                        }
                        let m = &mete[i];
                        let posto = Posto { log: &m.info, chiavi: &m.chiavi, da, a, meta: m.dimensione };
                        let x = match &mut e {
                            Ok(e) => Ok(e.esamina(&posto)),
                            Err(e) => Err(Errore::Archivio(e.to_string())),
                        };
                        if manda.send((n, x)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(manda);
            let mut esito = || -> Esito<()> {
                let mut in_attesa = BTreeMap::new();
                for (n, (i, da, a)) in pezzi.iter().copied().enumerate() {
                    let x = loop {
                        if let Some(x) = in_attesa.remove(&n) {
                            break x;
                        }
                        let (k, x) =
                            ricevi.recv().map_err(|_| Errore::Archivio("la verifica si è interrotta".to_owned()))?;
                        in_attesa.insert(k, x);
                    };
                    let m = &mete[i];
                    if n == 0 || da == 0 {
                        let f = if n == 0 { std::mem::take(&mut stato.frontiera) } else { Frontiera::default() };
                        p.apri(m, &f, self.ancore)?;
                    }
                    p.aggiungi(m, x?)?;
                    *piegati.lock().unwrap_or_else(PoisonError::into_inner) = n + 1;
                    sveglia.notify_all();
                    (self.avanza)(Passo { fase: Fase::Operazioni, fatti: p.v.operazioni, totale });
                    let finito = a == m.dimensione;
                    if finito {
                        p.chiudi(m)?;
                    }
                    let ultimo = n + 1 == pezzi.len();
                    if ultimo || self.salva.is_some() && self.salvato.elapsed() >= self.ogni {
                        stato.log = if finito { i + 1 } else { i };
                        stato.frontiera = if finito { Frontiera::default() } else { p.frontiera() };
                        stato.somme.clone_from(&p.somme);
                        (stato.rinvii, stato.di_conf) = (p.rinvii, p.di_conf);
                        stato.verifica = Verifica { differenze: p.d.0.clone(), ..p.v.clone() };
                        if ultimo {
                            stato.fase = Fase::Indici;
                        }
                        self.salva(stato)?;
                    }
                }
                Ok(())
            };
            let esito = esito();
            fermi.store(true, Ordering::Relaxed);
            drop(ricevi);
            drop(piegati.lock().unwrap_or_else(PoisonError::into_inner));
            sveglia.notify_all();
            esito
        });
        self.mete = mete;
        esito
    }

    /// Sets, and what is left of the tables.
    fn insiemi(&mut self, c: &Connection, stato: &mut Stato) -> Esito<()> {
        let mut d = Differenze(std::mem::take(&mut stato.verifica.differenze));
        if stato.rinvii.0 != stato.rinvii.1 {
            let atteso = "tutte le operazioni sulle registrazioni";
            d.nuova("operazione", "indice operazione_reg", "righe", atteso, "ne mancano, o ce ne sono d'altre");
        }
        (self.avanza)(Passo { fase: Fase::Indici, fatti: 0, totale: 5 });
        let confronto = Confronto {
            percorso: &self.percorso,
            ente: &self.ipa,
            chiave: &stato.chiave,
            mete: &self.mete,
            attese: &stato.somme,
            fili: self.fili,
        };
        let resto = |d: &mut Differenze| -> Esito<u64> {
            c.execute_batch("BEGIN")?;
            resto::estranei(c, &self.mete, d)?;
            let righe =
                resto::richieste(c, d)? + resto::depositi(c, &self.mete, self.ancore, d)? + testimoni::osservati(c, d)?;
            let righe = righe + resto::esami(c, &self.mete, d)?;
            resto::oggetti(c, d)?;
            resto::accesso(c, &letture::configurazione(c)?, d)?;
            resto::indice_conf(c, &self.mete, stato.di_conf, d)?;
            c.execute_batch("COMMIT")?;
            Ok(righe)
        };
        let (altre, trovati) = std::thread::scope(|s| {
            // The full-text index is by far the largest: it has a thread of its own.
            let cerca = s.spawn(|| {
                cedi_il_passo();
                confronto.esegui(Insieme::Cerca)
            });
            let mut trovati = Vec::new();
            for t in Insieme::TUTTI.into_iter().filter(|t| *t != Insieme::Cerca) {
                trovati.push(confronto.esegui(t));
            }
            let altre = resto(&mut d);
            trovati
                .push(cerca.join().unwrap_or_else(|_| Err(Errore::Archivio("la verifica si è interrotta".to_owned()))));
            (altre, trovati)
        });
        stato.verifica.righe += altre?;
        for t in trovati {
            let (righe, altre) = t?;
            stato.verifica.righe += righe;
            d.unisci(altre.0);
        }
        (self.avanza)(Passo { fase: Fase::Indici, fatti: 5, totale: 5 });
        stato.verifica.differenze = d.0;
        stato.fase = Fase::File;
        self.salva(stato)
    }

    /// Every file that a registration has is there, with its bytes.
    fn file(&mut self, c: &Connection, cartella: &Path, lettore: &Lettore, stato: &mut Stato) -> Esito<()> {
        let totale = c.query_row("SELECT count(*) FROM oggetto_file", [], |r| r.get::<_, i64>(0))?.unsigned_abs();
        let mut d = Differenze(std::mem::take(&mut stato.verifica.differenze));
        lettore.chiavi.ricorda(Portachiavi::leggi(c)?);
        let chiuse = file::chiavi(lettore, stato.dopo.is_none(), &mut d);
        loop {
            let lotto = file::lotto(c, stato.dopo.as_deref())?;
            let Some(ultimo) = lotto.last() else { break };
            stato.dopo = Some(ultimo.impronta.hex());
            stato.verifica.file += file::controlla(lettore, &chiuse, &lotto, self.fili, &mut d);
            (self.avanza)(Passo { fase: Fase::File, fatti: stato.verifica.file, totale });
            if self.salva.is_some() && self.salvato.elapsed() >= self.ogni {
                stato.verifica.differenze.clone_from(&d.0);
                self.salva(stato)?;
            }
        }
        let impegni = match self.mete.iter().find(|m| m.log == 0) {
            Some(log) => accessi::impegni(c, log, self.ancore, crate::accessi::potati(cartella)?, &mut d)?,
            None => Vec::new(),
        };
        let (accessi, mut altre) = crate::accessi::verifica(cartella, &impegni, OrologioDiSistema.adesso())?;
        stato.verifica.accessi = accessi;
        // R-N05: heads of an access log that a restore left behind, as an epoch says.
        let epoche = letture::configurazione(c)?.epoche;
        let persi = |n: u64| epoche.iter().filter_map(|e| e.lacuna.accessi).any(|a| (a.da..=a.a).contains(&n));
        let coperte: BTreeSet<String> = impegni
            .iter()
            .filter(|i| i.tabella == "ancora" && persi(i.n) && altre.iter().any(|x| x.chiave == i.chiave))
            .map(|i| i.chiave.clone())
            .collect();
        stato.verifica.ancore_coperte += coperte.len() as u64;
        altre.retain(|x| x.tabella != "ancora" || !coperte.contains(&x.chiave));
        d.unisci(altre);
        stato.verifica.differenze = d.0;
        Ok(())
    }
}

/// The configuration as the operations checked so far left it.
fn configurazione_fino(c: &Connection, mete: &[Meta], stato: &Stato) -> Esito<Configurazione> {
    let mut conf = Configurazione::default();
    for (i, m) in mete.iter().enumerate() {
        let fino = match i.cmp(&stato.log) {
            std::cmp::Ordering::Less => m.dimensione,
            std::cmp::Ordering::Equal => stato.frontiera.prossimo,
            std::cmp::Ordering::Greater => 0,
        };
        letture::applica_configurazione(c, &mut conf, righe::confini(m.log).0, righe::id(m.log, fino))?;
    }
    Ok(conf)
}
