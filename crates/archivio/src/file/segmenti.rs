//! Small objects, many to a file, made durable together.
//!
//! A file of its own costs an object an inode, a name and two fsyncs, which for fifty kilobytes is more than all the rest of a
//! registration. So what comes whole in memory goes to the end of a **segment**: whoever comes while one group is on its way
//! to the disk waits for the next, and one fsync serves them all.
//!
//! A record is a head of [`TESTA`] bytes (mark, length, name, whether it was taken away) and the bytes of the object as they are
//! kept. Its place is part of the name of the object, `ab/…-segment-offset`, so it is committed with the mapping. A segment is
//! written by one process, and never again by another: what a crash cut is the end of a segment that nobody goes on with. Where
//! several processes put files in one folder each object is by itself, as before there were segments.
//! Nothing moves: what is taken away leaves a hole. A copy has objects one by one, under their whole name, and so has what is
//! restored from it: where there is no such segment the object is looked for by itself.

use std::collections::{HashSet, VecDeque};
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::oneshot;

use super::{esadecimale, interrotta};
use crate::store::{Errore, Esito};

/// Longest object that goes in a segment, in bytes of the original.
pub(super) const PICCOLO: usize = 128 * 1024;
/// Bytes before those of an object.
pub(super) const TESTA: usize = 64;
/// Name of the folder of segments, among those of the objects. Its files change in place when something is taken away.
pub const CARTELLA: &str = "segmenti";
/// A segment this long takes nothing more.
const SEGMENTO_MAX: u64 = 64 * 1024 * 1024;
/// Nor one this old: the sweeper waits for segments to be old.
const ETA_MAX: Duration = Duration::from_secs(3_600);
/// Objects made durable together, at most.
const GRUPPO_MAX: usize = 64;
/// Zeros written at a time where no hole can be made.
const ZERI: usize = 64 * 1024;

const SEGNO: [u8; 8] = *b"PROTOSEG";
const LUNGHEZZA: std::ops::Range<usize> = 8..16;
const NOME: std::ops::Range<usize> = 16..48;
const STATO: usize = 48;
const TOLTO: u8 = 1;

/// Where an object is, as its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Posto<'a> {
    nome: &'a str,
    segmento: &'a str,
    inizio: u64,
}

/// The name that an object had before it got its place: what its key is bound to.
pub(super) fn nome_proprio(oggetto: &str) -> &str {
    oggetto.split_once('-').map_or(oggetto, |(nome, _)| nome)
}

fn posto(oggetto: &str) -> Option<Posto<'_>> {
    let (nome, resto) = oggetto.split_once('-')?;
    let (segmento, inizio) = resto.split_once('-')?;
    let esadecimale = |s: &str| !s.is_empty() && s.len() <= 16 && s.bytes().all(|b| b.is_ascii_hexdigit());
    (esadecimale(segmento) && esadecimale(inizio)).then(|| u64::from_str_radix(inizio, 16).ok())?.map(|inizio| Posto {
        nome,
        segmento,
        inizio,
    })
}

/// A record's head, read.
struct Testa {
    byte: u64,
    nome: String,
    tolto: bool,
}

fn senza_barra(nome: &str) -> Vec<u8> {
    nome.bytes().filter(|b| *b != b'/').collect()
}

impl Testa {
    fn scrivi(nome: &str, byte: u64, a: &mut [u8]) -> Esito<()> {
        let nome = senza_barra(nome);
        let lungo = || Errore::Archivio("il nome di un oggetto non è di 32 cifre".to_owned());
        a[..SEGNO.len()].copy_from_slice(&SEGNO);
        a[LUNGHEZZA].copy_from_slice(&byte.to_le_bytes());
        a.get_mut(NOME).filter(|p| p.len() == nome.len()).ok_or_else(lungo)?.copy_from_slice(&nome);
        Ok(())
    }

    /// `None` where there is no record.
    fn leggi(f: &File, inizio: u64) -> std::io::Result<Option<Self>> {
        let mut b = [0u8; TESTA];
        match f.read_exact_at(&mut b, inizio) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(e) => return Err(e),
        }
        if b[..SEGNO.len()] != SEGNO {
            return Ok(None);
        }
        let byte = b[LUNGHEZZA].try_into().map_or(0, u64::from_le_bytes);
        let Ok(nome) = std::str::from_utf8(&b[NOME]) else { return Ok(None) };
        if !nome.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(None);
        }
        Ok(Some(Self { byte, nome: format!("{}/{}", &nome[..2], &nome[2..]), tolto: b[STATO] == TOLTO }))
    }
}

/// The segments of an ente.
#[derive(Debug)]
pub(crate) struct Segmenti {
    cartella: PathBuf,
    coda: Mutex<Coda>,
    /// Names of those that this process made.
    propri: Mutex<HashSet<String>>,
}

#[derive(Debug, Default)]
struct Coda {
    attese: VecDeque<Attesa>,
    /// Somebody is making a group durable, and will look here again.
    al_lavoro: bool,
    /// Where the last group went, while nobody is at it.
    aperto: Option<Aperto>,
}

/// An object that waits for its place.
struct Attesa {
    nome: String,
    /// Its head, still empty, and its bytes.
    record: Vec<u8>,
    risposta: Risposta,
}

type Risposta = Box<dyn FnOnce(Esito<String>) + Send>;

impl std::fmt::Debug for Attesa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Attesa({})", self.nome)
    }
}

/// A segment being written, by this process alone.
#[derive(Debug)]
struct Aperto {
    nome: String,
    file: File,
    lungo: u64,
    nato: (Instant, SystemTime),
    /// Something in it was promised.
    promesso: bool,
}

impl Segmenti {
    /// Beside the objects of that folder. Nothing is made until something is put.
    pub fn in_cartella(radice: &Path) -> Arc<Self> {
        Arc::new(Self { cartella: radice.join(CARTELLA), coda: Mutex::default(), propri: Mutex::default() })
    }

    /// Makes an object durable, and gives the name under which it is found. `record` has [`TESTA`] empty bytes, then its own.
    ///
    /// # Errors
    /// The file system's.
    pub async fn metti(self: &Arc<Self>, nome: String, record: Vec<u8>) -> Esito<String> {
        let (risposta, arriva) = oneshot::channel();
        let primo = self.accoda(nome, record, Box::new(|e| drop(risposta.send(e))));
        if primo {
            let suoi = Arc::clone(self);
            tokio::task::spawn_blocking(move || Lavoro(&suoi).tutto());
        }
        arriva.await.map_err(|_| interrotta())?
    }

    /// The same, on a thread that may wait.
    ///
    /// # Errors
    /// As above.
    pub fn metti_qui(self: &Arc<Self>, nome: String, record: Vec<u8>) -> Esito<String> {
        let (risposta, arriva) = std::sync::mpsc::sync_channel(1);
        if self.accoda(nome, record, Box::new(move |e| drop(risposta.send(e)))) {
            // Until it is there, and no longer: what others put meanwhile is somebody else's work.
            let lavoro = Lavoro(self);
            while lavoro.uno() {
                if let Ok(esito) = arriva.try_recv() {
                    let suoi = Arc::clone(self);
                    let altri = std::thread::Builder::new().name("segmenti".to_owned());
                    if altri.spawn(move || Lavoro(&suoi).tutto()).is_err() {
                        lavoro.tutto();
                    }
                    return esito;
                }
            }
        }
        arriva.recv().map_err(|_| interrotta())?
    }

    /// Is it for who asks to do the work?
    fn accoda(&self, nome: String, record: Vec<u8>, risposta: Risposta) -> bool {
        let mut c = self.coda.lock().unwrap_or_else(PoisonError::into_inner);
        c.attese.push_back(Attesa { nome, record, risposta });
        !std::mem::replace(&mut c.al_lavoro, true)
    }

    /// One group: all of it, or none.
    fn gruppo(&self, aperto: Option<Aperto>, g: &mut [Attesa]) -> std::io::Result<(Aperto, Vec<String>)> {
        let vecchio = |a: &Aperto| {
            let (da, ora) = a.nato;
            a.lungo >= SEGMENTO_MAX || da.elapsed() >= ETA_MAX || ora.elapsed().map_or(true, |e| e >= ETA_MAX)
        };
        let mut a = match aperto.filter(|a| !vecchio(a)) {
            Some(a) => a,
            None => self.nuovo()?,
        };
        let esito = a.aggiungi(g);
        if esito.is_err() && !a.promesso {
            let _ = std::fs::remove_file(self.cartella.join(&a.nome));
        }
        // A segment that failed once takes nothing more: what of it is on the disk nobody knows.
        Ok((a, esito?))
    }

    fn propri(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.propri.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn nuovo(&self) -> std::io::Result<Aperto> {
        if !self.cartella.is_dir() {
            match std::fs::create_dir(&self.cartella) {
                // Another process made it meanwhile.
                Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => return Err(e),
                _ => self.cartella.parent().map_or(Ok(()), |sopra| File::open(sopra)?.sync_all())?,
            }
        }
        let mut caso = [0u8; 8];
        getrandom::fill(&mut caso).map_err(std::io::Error::other)?;
        let nome = esadecimale(&caso);
        self.propri().insert(nome.clone());
        let percorso = self.cartella.join(&nome);
        let file = std::fs::OpenOptions::new().read(true).write(true).create_new(true).open(&percorso)?;
        let esito = file.sync_all().and_then(|()| File::open(&self.cartella)?.sync_all());
        if let Err(e) = esito {
            let _ = std::fs::remove_file(&percorso);
            return Err(e);
        }
        Ok(Aperto { nome, file, lungo: 0, nato: (Instant::now(), SystemTime::now()), promesso: false })
    }

    /// An object that is in a segment: `None` when there is no such segment.
    pub fn leggi(&self, oggetto: &str) -> std::io::Result<Option<Letto>> {
        let Some(p) = posto(oggetto) else { return Ok(None) };
        let mut f = match File::open(self.cartella.join(p.segmento)) {
            Ok(f) => f,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let Some(t) = Testa::leggi(&f, p.inizio)?.filter(|t| t.nome == p.nome && !t.tolto) else {
            return Ok(Some(Letto::Tolto));
        };
        f.seek(SeekFrom::Start(p.inizio + TESTA as u64))?;
        Ok(Some(Letto::Byte(Box::new(f.take(t.byte)))))
    }

    /// Takes an object away: `None` when it is in no segment.
    pub fn togli(&self, oggetto: &str) -> std::io::Result<Option<bool>> {
        let Some(p) = posto(oggetto) else { return Ok(None) };
        let f = match std::fs::OpenOptions::new().read(true).write(true).open(self.cartella.join(p.segmento)) {
            Ok(f) => f,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let Some(t) = Testa::leggi(&f, p.inizio)?.filter(|t| t.nome == p.nome && !t.tolto) else {
            return Ok(Some(false));
        };
        let quando = f.metadata().and_then(|m| m.modified());
        svuota(&f, p.inizio + TESTA as u64, t.byte)?;
        f.write_all_at(&[TOLTO], p.inizio + STATO as u64)?;
        // Taking away makes nothing young again: the sweeper goes by the time of what was put.
        if let Ok(q) = quando {
            f.set_modified(q)?;
        }
        Ok(Some(true))
    }

    /// Objects in segments that are older, or that a process left which ended before `apertura`. Segments of such a process that
    /// have nothing any more are taken away.
    pub fn vecchi(&self, eta_s: u64, apertura: SystemTime) -> std::io::Result<Vec<String>> {
        let mut out = Vec::new();
        let voci = match std::fs::read_dir(&self.cartella) {
            Ok(v) => v,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(out),
            Err(e) => return Err(e),
        };
        for voce in voci {
            let voce = voce?;
            let toccato = voce.metadata().and_then(|m| m.modified());
            let segmento = voce.file_name().to_string_lossy().into_owned();
            // The times of files are coarse: one just made may seem to come from before.
            let finito = toccato.as_ref().is_ok_and(|t| *t < apertura) && !self.propri().contains(&segmento);
            if !finito && !toccato.is_ok_and(|t| t.elapsed().is_ok_and(|e| e.as_secs() >= eta_s)) {
                continue;
            }
            let (vivi, intero) = in_segmento(&voce.path())?;
            // One that cannot be walked to its end may have registered objects beyond, which their names still reach.
            if vivi.is_empty() && intero && finito {
                std::fs::remove_file(voce.path())?;
            }
            out.extend(vivi.into_iter().map(|(nome, inizio)| format!("{nome}-{segmento}-{inizio:x}")));
        }
        Ok(out)
    }
}

/// What a segment gives.
pub(crate) enum Letto {
    /// The object, as it is kept.
    Byte(Box<dyn Read + Send>),
    /// It is not there any more.
    Tolto,
}

/// Objects of a segment that were not taken away, with where they begin; and whether it ends where its last record does.
fn in_segmento(percorso: &Path) -> std::io::Result<(Vec<(String, u64)>, bool)> {
    let f = File::open(percorso)?;
    let fine = f.metadata()?.len();
    let (mut out, mut inizio) = (Vec::new(), 0);
    while let Some(t) = Testa::leggi(&f, inizio)? {
        let Some(dopo) = t.byte.checked_add(inizio + TESTA as u64).filter(|d| *d <= fine) else { break };
        if !t.tolto {
            out.push((t.nome, inizio));
        }
        inizio = dopo;
    }
    Ok((out, inizio == fine))
}

/// Gives the space back where the file system can, and leaves nothing to be read where it cannot.
fn svuota(f: &File, inizio: u64, byte: u64) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::FallocateFlags as F;
        if byte == 0 || rustix::fs::fallocate(f, F::PUNCH_HOLE | F::KEEP_SIZE, inizio, byte).is_ok() {
            return Ok(());
        }
    }
    let (zeri, mut fatti) = (vec![0; ZERI], 0);
    while fatti < byte {
        let n = (byte - fatti).min(ZERI as u64);
        f.write_all_at(&zeri[..n as usize], inizio + fatti)?;
        fatti += n;
    }
    Ok(())
}

impl Aperto {
    fn aggiungi(&mut self, g: &mut [Attesa]) -> std::io::Result<Vec<String>> {
        let mut nomi = Vec::with_capacity(g.len());
        for a in g {
            let byte = a.record.len().saturating_sub(TESTA) as u64;
            Testa::scrivi(&a.nome, byte, &mut a.record).map_err(std::io::Error::other)?;
            self.file.write_all_at(&a.record, self.lungo)?;
            nomi.push(format!("{}-{}-{:x}", a.nome, self.nome, self.lungo));
            self.lungo += a.record.len() as u64;
        }
        self.file.sync_data()?;
        self.promesso = true;
        Ok(nomi)
    }
}

/// Who makes groups durable, until nothing waits.
struct Lavoro<'a>(&'a Segmenti);

impl Lavoro<'_> {
    fn tutto(self) {
        while self.uno() {}
    }

    /// One group; says whether there was one.
    fn uno(&self) -> bool {
        if let Some((aperto, mut g)) = self.prendi() {
            match self.0.gruppo(aperto, &mut g) {
                Ok((a, nomi)) => {
                    self.coda().aperto = Some(a);
                    for (a, nome) in g.into_iter().zip(nomi) {
                        (a.risposta)(Ok(nome));
                    }
                }
                Err(e) => {
                    for a in g {
                        let sua = e.raw_os_error().map_or_else(
                            || std::io::Error::new(e.kind(), e.to_string()),
                            std::io::Error::from_raw_os_error,
                        );
                        (a.risposta)(Err(sua.into()));
                    }
                }
            }
            return true;
        }
        false
    }

    fn coda(&self) -> std::sync::MutexGuard<'_, Coda> {
        self.0.coda.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next group; with none it is nobody's turn any more.
    fn prendi(&self) -> Option<(Option<Aperto>, Vec<Attesa>)> {
        let mut c = self.coda();
        if c.attese.is_empty() {
            c.al_lavoro = false;
            return None;
        }
        let n = c.attese.len().min(GRUPPO_MAX);
        let g = c.attese.drain(..n).collect();
        Some((c.aperto.take(), g))
    }
}

impl Drop for Lavoro<'_> {
    /// Also when something went wrong in the middle: those who wait are told, and the next one begins anew.
    fn drop(&mut self) {
        let mut c = self.coda();
        if std::thread::panicking() {
            c.al_lavoro = false;
            c.attese.clear();
        }
    }
}
