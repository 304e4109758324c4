//! Where copies are: a folder, or what is under a prefix of a bucket. What they hold has the same names in both.
//!
//! A file is there whole or not at all, and durable once [`Luogo::consolida`] was called. In a folder one copy at a time holds a
//! lock; a bucket has none, so that who copies puts an object that says so and renews it, and steps back when another is there.
//! By the bucket's clock, one that nobody renewed for a quarter of an hour is of a process that is gone.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use dominio::codici::CodiceIpa;
use dominio::tempo::Istante;
use sha2::{Digest, Sha256};

use super::manifesto::INTERO_MAX;
use super::{BLOCCO, COPIE, Esito, Guasto, Manifesto, NOME, Parte, crea_riservata, nuovo_riservato};
use crate::file::magazzino::{Magazzino as _, Scrittura};
use crate::file::s3::{Guasto as GuastoS3, S3, Secchio};
use crate::file::{crea_cartella, esadecimale, sincronizza_cartella};
use crate::store::{Errore, Esito as EsitoStore};

/// Who copies into a bucket says so again each time.
const RINNOVO: Duration = Duration::from_secs(60);
/// Who did not for so long is gone, microseconds.
const SCADUTO_US: i64 = 900_000_000;

/// A place for copies.
#[derive(Debug, Clone)]
pub struct Luogo(Dove);

#[derive(Debug, Clone)]
enum Dove {
    /// With the folders whose entries are still to be made durable.
    Cartella(PathBuf, Arc<Mutex<BTreeSet<PathBuf>>>),
    Secchio(S3, String),
}

impl From<&Path> for Luogo {
    fn from(p: &Path) -> Self {
        Self(Dove::Cartella(p.to_owned(), Arc::default()))
    }
}

impl fmt::Display for Luogo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Dove::Cartella(p, _) => p.display().fmt(f),
            Dove::Secchio(s, bucket) => write!(f, "s3://{bucket}/{}", s.radice().trim_end_matches('/')),
        }
    }
}

/// A copy in its place.
#[derive(Debug, Clone)]
pub struct Copia {
    /// The place of all of them.
    pub luogo: Luogo,
    /// Its name there.
    pub nome: String,
}

impl fmt::Display for Copia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.luogo, self.nome)
    }
}

impl serde::Serialize for Copia {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl Copia {
    /// Its folder, when it is in one.
    pub fn cartella(&self) -> Option<PathBuf> {
        self.luogo.cartella().map(|l| l.join(&self.nome))
    }

    /// The name of a file of it.
    pub(super) fn file(&self, nome: &str) -> String {
        format!("{}/{nome}", self.nome)
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// It is not there, is damaged, or is of a later version.
    pub fn manifesto(&self) -> Esito<Manifesto> {
        Manifesto::leggi(self)
    }
}

impl Luogo {
    /// Under the prefix of a bucket.
    ///
    /// # Errors
    /// Its address is wrong.
    pub fn in_secchio(s: &Secchio) -> Esito<Self> {
        Ok(Self(Dove::Secchio(S3::intero(s)?, s.bucket.clone())))
    }

    /// What a bucket has of the documents of an ente.
    pub(super) fn di_ente(s: &Secchio, ipa: &CodiceIpa) -> Esito<Self> {
        Ok(Self(Dove::Secchio(S3::nuovo(s, ipa.as_str())?, s.bucket.clone())))
    }

    /// Is nothing there?
    pub(super) fn vuoto(&self) -> Esito<bool> {
        let mut vuoto = true;
        let scorso = self.scorri("", &mut |_| {
            vuoto = false;
            Err(Guasto::Uso(String::new()))
        });
        if vuoto {
            scorso?;
        }
        Ok(vuoto)
    }

    /// The folder, when it is one.
    pub fn cartella(&self) -> Option<&Path> {
        match &self.0 {
            Dove::Cartella(p, _) => Some(p),
            Dove::Secchio(..) => None,
        }
    }

    /// Is one of two buckets within the other?
    pub(super) fn si_tocca(&self, altro: &Self) -> bool {
        let (Dove::Secchio(a, _), Dove::Secchio(b, _)) = (&self.0, &altro.0) else { return false };
        a.contiene(b) || b.contiene(a)
    }

    /// Can it be looked at? A bucket always can, before it is asked.
    pub fn raggiungibile(&self) -> bool {
        self.cartella().is_none_or(Path::is_dir)
    }

    /// Complete copies, oldest first.
    ///
    /// # Errors
    /// The storage's.
    pub fn copie(&self) -> Esito<Vec<Copia>> {
        let mut out = Vec::new();
        if let Dove::Cartella(p, _) = &self.0 {
            // Where nothing is one must know.
            drop(std::fs::read_dir(p.join(COPIE))?);
        }
        for nome in self.cartelle(COPIE)? {
            let copia = Copia { luogo: self.clone(), nome: format!("{COPIE}/{nome}") };
            if self.lungo(&copia.file(NOME))?.is_some() {
                out.push(copia);
            }
        }
        Ok(out)
    }

    /// The copy that is meant: this one, or the newest of those that are here.
    ///
    /// # Errors
    /// There is none.
    pub fn scegli(&self) -> Esito<Copia> {
        let manca = || Guasto::NonValida(format!("in {self} non c'è nessuna copia completa"));
        let non_lo_e = || Guasto::NonValida(format!("{self} non è una copia né un luogo di copie"));
        match &self.0 {
            Dove::Cartella(da, _) => {
                let da = std::fs::canonicalize(da)?;
                if da.join(COPIE).is_dir() {
                    return Self::from(&*da).copie()?.pop().ok_or_else(manca);
                }
                let radice = da.parent().and_then(Path::parent).filter(|r| r.join(super::FILE).is_dir());
                let radice = radice.ok_or_else(non_lo_e)?;
                let nome = da.strip_prefix(radice).map_err(|_| non_lo_e())?.to_string_lossy().into_owned();
                Ok(Copia { luogo: Self::from(radice), nome })
            }
            Dove::Secchio(s, bucket) => {
                if let Some(c) = self.copie()?.pop() {
                    return Ok(c);
                }
                if self.lungo(NOME)?.is_none() {
                    return Err(manca());
                }
                let mut parti: Vec<&str> = s.radice().trim_end_matches('/').split('/').collect();
                let nome = parti.split_off(parti.len().saturating_sub(2)).join("/");
                if !nome.starts_with("copie/") {
                    return Err(non_lo_e());
                }
                let radice = parti.into_iter().map(|p| format!("{p}/")).collect();
                Ok(Copia { luogo: Self(Dove::Secchio(s.con_radice(radice), bucket.clone())), nome })
            }
        }
    }

    /// Makes it, where it is something that is made.
    pub(super) fn prepara(&self) -> Esito<()> {
        let Dove::Cartella(p, _) = &self.0 else { return Ok(()) };
        for c in [p.clone(), p.join(COPIE), p.join(super::FILE)] {
            crea_riservata(&c)?;
        }
        Ok(())
    }

    /// The bytes of a file; `None` when it is not there.
    pub(super) fn apri(&self, nome: &str) -> Esito<Option<Box<dyn Read + Send>>> {
        match &self.0 {
            Dove::Cartella(p, _) if !p.join(nome).is_file() => Ok(None),
            Dove::Cartella(p, _) => Ok(Some(Box::new(File::open(p.join(nome))?))),
            Dove::Secchio(s, _) => Ok(s.leggi(nome)?),
        }
    }

    /// A small file, whole; not one of any length.
    pub(super) fn intero(&self, nome: &str) -> Esito<Option<Vec<u8>>> {
        let Some(da) = self.apri(nome)? else { return Ok(None) };
        let mut byte = Vec::new();
        da.take(INTERO_MAX + 1).read_to_end(&mut byte)?;
        if byte.len() as u64 > INTERO_MAX {
            return Err(Guasto::NonValida(format!("{self}/{nome} è troppo lungo")));
        }
        Ok(Some(byte))
    }

    /// The file on this machine: where it is, or brought into a folder for as long as it serves.
    pub(super) fn qui(&self, nome: &str, cartella: &Path) -> Esito<Option<Locale>> {
        if let Dove::Cartella(p, _) = &self.0 {
            let percorso = p.join(nome);
            return Ok(percorso.is_file().then_some(Locale { percorso, provvisorio: false }));
        }
        // Lists may be empty, and of an empty object not every server tells a range.
        let mut da: Box<dyn Read + Send> = match self.lungo(nome)? {
            None => return Ok(None),
            Some(0) => Box::new(std::io::empty()),
            Some(_) => match self.apri(nome)? {
                Some(da) => da,
                None => return Ok(None),
            },
        };
        let l = Locale { percorso: cartella.join(".in-arrivo"), provvisorio: true };
        let _ = std::fs::remove_file(&l.percorso);
        std::io::copy(&mut da, &mut nuovo_riservato(&l.percorso)?)?;
        Ok(Some(l))
    }

    /// How long a file is; `None` when it is not there.
    pub(super) fn lungo(&self, nome: &str) -> Esito<Option<u64>> {
        match &self.0 {
            Dove::Cartella(p, _) => Ok(std::fs::metadata(p.join(nome)).ok().filter(|m| m.is_file()).map(|m| m.len())),
            Dove::Secchio(s, _) => Ok(s.quanto(nome)?),
        }
    }

    /// Names and lengths of the files right under a folder.
    pub(super) fn presenti(&self, cartella: &str) -> Esito<HashMap<String, u64>> {
        let mut out = HashMap::new();
        match &self.0 {
            Dove::Cartella(p, _) => {
                for voce in voci(&p.join(cartella))? {
                    let m = voce.metadata()?;
                    if m.is_file() {
                        out.insert(voce.file_name().to_string_lossy().into_owned(), m.len());
                    }
                }
            }
            Dove::Secchio(s, _) => {
                let inizio = dentro(cartella);
                s.pagine(&inizio, true, &mut |p| {
                    let nome = |n: &str| n.strip_prefix(&inizio).unwrap_or(n).to_owned();
                    out.extend(p.oggetti.iter().map(|o| (nome(&o.nome), o.byte)));
                    Ok(())
                })?;
            }
        }
        Ok(out)
    }

    /// Names of the folders right under a folder, in order.
    pub(super) fn cartelle(&self, cartella: &str) -> Esito<Vec<String>> {
        let mut out = Vec::new();
        match &self.0 {
            Dove::Cartella(p, _) => {
                for voce in voci(&p.join(cartella))?.into_iter().filter(|v| v.path().is_dir()) {
                    out.push(voce.file_name().to_string_lossy().into_owned());
                }
            }
            Dove::Secchio(s, _) => {
                let inizio = dentro(cartella);
                s.pagine(&inizio, true, &mut |p| {
                    let nome = |n: &String| Some(n.strip_prefix(&inizio)?.trim_end_matches('/').to_owned());
                    out.extend(p.cartelle.iter().filter_map(nome));
                    Ok(())
                })?;
            }
        }
        out.sort();
        Ok(out)
    }

    /// A new file, with the folders above it.
    pub(super) fn scrivi(&self, nome: &str) -> Esito<Uscita> {
        let dentro: Box<dyn Scrittura> = match &self.0 {
            Dove::Cartella(p, toccate) => {
                let meta = p.join(nome);
                let sopra = meta.parent().unwrap_or(p).to_owned();
                if toccate.lock().unwrap_or_else(PoisonError::into_inner).insert(sopra.clone()) {
                    crea_cartella(&sopra)?;
                }
                let mut provvisorio = meta.clone().into_os_string();
                provvisorio.push(".parte");
                let provvisorio = PathBuf::from(provvisorio);
                let _ = std::fs::remove_file(&provvisorio);
                let file = nuovo_riservato(&provvisorio)?;
                Box::new(InCartella { file, provvisorio, meta, finito: false })
            }
            Dove::Secchio(s, _) => s.nuovo(nome),
        };
        Ok(Uscita { nome: nome.to_owned(), dentro, hash: Sha256::new(), byte: 0 })
    }

    /// A small file, whole and durable.
    pub(super) fn metti(&self, nome: &str, byte: &[u8]) -> Esito<()> {
        let mut u = self.scrivi(nome)?;
        u.write_all(byte)?;
        u.chiudi()?;
        self.consolida()
    }

    /// Takes a file away.
    pub(super) fn togli(&self, nome: &str) -> Esito<()> {
        match &self.0 {
            Dove::Cartella(p, _) => Ok(std::fs::remove_file(p.join(nome))?),
            Dove::Secchio(s, _) if s.togli(nome)? => Ok(()),
            Dove::Secchio(..) => Err(Errore::Archivio(format!("{self}/{nome} non si può togliere")).into()),
        }
    }

    /// Takes away all that is under a folder of copies.
    pub(super) fn togli_tutto(&self, cartella: &str) -> Esito<()> {
        match &self.0 {
            Dove::Cartella(p, _) => Ok(std::fs::remove_dir_all(p.join(cartella))?),
            Dove::Secchio(..) => {
                let mut tutti = Vec::new();
                self.scorri(cartella, &mut |nome| {
                    tutti.push(nome.to_owned());
                    Ok(())
                })?;
                tutti.iter().try_for_each(|n| self.togli(n))
            }
        }
    }

    /// Every file under a folder, however deep: its whole name.
    pub(super) fn scorri(&self, cartella: &str, f: &mut dyn FnMut(&str) -> Esito<()>) -> Esito<()> {
        match &self.0 {
            Dove::Cartella(p, _) => {
                for voce in voci(&p.join(cartella))? {
                    let nome = format!("{}{}", dentro(cartella), voce.file_name().to_string_lossy());
                    if voce.file_type()?.is_dir() { self.scorri(&nome, f)? } else { f(&nome)? }
                }
                Ok(())
            }
            Dove::Secchio(s, _) => {
                let mut male = None;
                let scorso = s.pagine(&dentro(cartella), false, &mut |p| {
                    p.oggetti.iter().try_for_each(|o| f(&o.nome)).map_err(|e| {
                        male = Some(e);
                        Errore::Archivio(String::new())
                    })
                });
                match male {
                    Some(e) => Err(e),
                    None => Ok(scorso?),
                }
            }
        }
    }

    /// Makes durable what was written.
    pub(super) fn consolida(&self) -> Esito<()> {
        let Dove::Cartella(p, toccate) = &self.0 else { return Ok(()) };
        let mut toccate = toccate.lock().unwrap_or_else(PoisonError::into_inner);
        let con_quelle_sopra =
            |c: &PathBuf| c.ancestors().take_while(|a| a.starts_with(p)).map(Path::to_owned).collect::<Vec<_>>();
        let tutte: BTreeSet<PathBuf> = toccate.iter().flat_map(con_quelle_sopra).collect();
        for c in tutte.iter().rev().filter(|c| c.is_dir()) {
            sincronizza_cartella(c)?;
        }
        toccate.clear();
        Ok(())
    }

    /// One at a time. `mio` is the name of who copies, `morti` those of copies of this archive whose process is known to be gone.
    pub(super) fn occupa(&self, mio: &str, morti: &[String]) -> Esito<Turno> {
        match &self.0 {
            Dove::Cartella(p, _) => {
                let f = std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(p.join(BLOCCO))?;
                f.try_lock().map_err(|_| in_corso(self, ""))?;
                Ok(Turno(Modo::Blocco { _file: f }))
            }
            Dove::Secchio(s, _) => Ok(Turno(Modo::Insegna(Insegna::alza(self, s, mio, morti)?))),
        }
    }
}

/// What names of what is under a folder begin with.
fn dentro(cartella: &str) -> String {
    if cartella.is_empty() { String::new() } else { format!("{cartella}/") }
}

fn in_corso(dove: &Luogo, altro: &str) -> Guasto {
    Errore::Archivio(format!("un'altra copia è in corso in {dove}: questa non è cominciata{altro}")).into()
}

/// What is in a folder, which may not be there.
fn voci(p: &Path) -> Esito<Vec<std::fs::DirEntry>> {
    match std::fs::read_dir(p) {
        Ok(v) => Ok(v.collect::<Result<_, _>>()?),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(e.into()),
    }
}

/// A file on this machine.
pub(super) struct Locale {
    pub percorso: PathBuf,
    provvisorio: bool,
}

impl Drop for Locale {
    fn drop(&mut self) {
        if self.provvisorio {
            let _ = std::fs::remove_file(&self.percorso);
        }
    }
}

/// A file on its way to its place. Dropped before it is closed, it leaves nothing behind.
pub(super) struct Uscita {
    nome: String,
    dentro: Box<dyn Scrittura>,
    hash: Sha256,
    byte: u64,
}

impl Write for Uscita {
    fn write(&mut self, b: &[u8]) -> std::io::Result<usize> {
        versa(&mut *self.dentro, b)?;
        self.hash.update(b);
        self.byte += b.len() as u64;
        Ok(b.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Bytes for an object, where something that writes is wanted.
pub(super) fn versa(a: &mut dyn Scrittura, b: &[u8]) -> std::io::Result<()> {
    a.scrivi(b).map_err(|e| std::io::Error::other(GuastoS3(e.senza_premessa())))
}

impl Uscita {
    /// In its place, with its name: what went through.
    pub fn chiudi(mut self) -> Esito<Parte> {
        self.dentro.chiudi()?;
        Ok(Parte { file: self.nome, sha256: esadecimale(&self.hash.finalize()), byte: self.byte })
    }
}

#[derive(Debug)]
struct InCartella {
    file: File,
    provvisorio: PathBuf,
    meta: PathBuf,
    finito: bool,
}

impl Scrittura for InCartella {
    fn scrivi(&mut self, byte: &[u8]) -> EsitoStore<()> {
        Ok(self.file.write_all(byte)?)
    }

    fn chiudi(&mut self) -> EsitoStore<()> {
        self.file.sync_all()?;
        std::fs::rename(&self.provvisorio, &self.meta)?;
        self.finito = true;
        Ok(())
    }
}

impl Drop for InCartella {
    fn drop(&mut self) {
        if !self.finito {
            let _ = std::fs::remove_file(&self.provvisorio);
        }
    }
}

/// The turn of who copies, as long as it lives.
pub(super) struct Turno(Modo);

enum Modo {
    /// Ends with the process.
    Blocco {
        _file: File,
    },
    Insegna(Insegna),
}

impl Turno {
    /// Is it still ours? To be asked before a copy is said to be one: who was frozen may have been swept.
    pub fn vale(&self) -> Esito<()> {
        match &self.0 {
            Modo::Blocco { .. } => Ok(()),
            Modo::Insegna(i) => i.vale(),
        }
    }
}

/// An object that says that somebody is copying, renewed by a thread.
struct Insegna {
    luogo: Luogo,
    s3: S3,
    nome: String,
    caduta: Arc<AtomicBool>,
    rinnova: Option<(mpsc::Sender<()>, JoinHandle<()>)>,
}

impl Insegna {
    fn alza(luogo: &Luogo, s3: &S3, mio: &str, morti: &[String]) -> Esito<Self> {
        for m in morti {
            s3.togli(&format!("{BLOCCO}/{m}"))?;
        }
        let nome = format!("{BLOCCO}/{mio}");
        s3.metti(&nome, b"")?;
        let mut i = Self { luogo: luogo.clone(), s3: s3.clone(), nome, caduta: Arc::default(), rinnova: None };
        let tutte = i.tutte()?;
        // Both by the bucket's clock.
        let quando = |t: &str| Istante::leggi(t).ok();
        let ora = tutte.iter().find(|o| o.0 == i.nome).and_then(|o| quando(&o.1));
        for (altra, toccata) in tutte.iter().filter(|o| o.0 != i.nome) {
            if ora.zip(quando(toccata)).is_none_or(|(ora, t)| ora.0 - t.0 <= SCADUTO_US) {
                let altro = " (se fu interrotta, il posto si libera da sé entro un quarto d'ora)";
                return Err(in_corso(luogo, altro));
            }
            s3.togli(altra)?;
        }
        let (ferma, fermata) = mpsc::channel::<()>();
        let (s3, nome, caduta) = (s3.clone(), i.nome.clone(), Arc::clone(&i.caduta));
        let filo = std::thread::Builder::new().name("copia-insegna".to_owned()).spawn(move || {
            while fermata.recv_timeout(RINNOVO) == Err(mpsc::RecvTimeoutError::Timeout) {
                match s3.quanto(&nome) {
                    // Taken down by who thought us gone: what he swept may be ours.
                    Ok(None) => caduta.store(true, Ordering::Release),
                    Ok(Some(_)) => drop(s3.metti(&nome, b"")),
                    Err(_) => {}
                }
            }
        })?;
        i.rinnova = Some((ferma, filo));
        Ok(i)
    }

    fn tutte(&self) -> Esito<Vec<(String, String)>> {
        let mut out = Vec::new();
        self.s3.pagine(&format!("{BLOCCO}/"), false, &mut |p| {
            out.extend(p.oggetti.into_iter().map(|o| (o.nome, o.toccato)));
            Ok(())
        })?;
        Ok(out)
    }

    fn vale(&self) -> Esito<()> {
        let tutte = self.tutte()?;
        if !self.caduta.load(Ordering::Acquire) && matches!(&tutte[..], [una] if una.0 == self.nome) {
            return Ok(());
        }
        Err(Errore::Archivio(format!(
            "un'altra copia ha preso il posto di questa in {}: questa si è fermata troppo a lungo, e non è una copia",
            self.luogo
        ))
        .into())
    }
}

impl Drop for Insegna {
    fn drop(&mut self) {
        if let Some((ferma, filo)) = self.rinnova.take() {
            drop(ferma);
            let _ = filo.join();
        }
        let _ = self.s3.togli(&self.nome);
    }
}
