//! A copy that only somebody can open (R-L22): who holds its folder, and the machine that makes it, read nothing of the copies made.
//!
//! Databases, key and lists are made aside, where they are in clear anyway, and go into the copy encrypted. Documents are kept
//! once for all copies: those that the archive keeps encrypted go as they are, since what opens them is in the databases and in
//! the key; those in clear are encrypted one by one, under a name that says for whom, so that who comes after is not given what
//! he cannot open. In clear stay the manifest and the bare names of documents' files, which retention needs.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::esame::Esame;
use super::luogo::Uscita;
use super::manifesto::CIFRATO;
use super::{Cifratura, Copia, Esito, Guasto, Manifesto, Parte, crea_riservata, impasto};
use crate::age::{self, Cifra, Destinatari, ErroreAge, Identita};
use crate::file::esadecimale;
use crate::file::lettura::Conservato;
use crate::store::Errore;

const PREFISSO: &str = ".copia-";
const BLOCCO: &str = "in-uso";
const FORMATO: &str = "age-encryption.org/v1";
/// Where a list of files lies while its files are brought back.
const ELENCO: &str = ".elenco";
/// Longest name of an object, and of what ends it.
const NOME_MAX: usize = 200;

impl From<ErroreAge> for Guasto {
    fn from(e: ErroreAge) -> Self {
        match e {
            ErroreAge::Disco(e) if e.kind() != std::io::ErrorKind::InvalidData => e.into(),
            altro => Self::NonValida(altro.to_string()),
        }
    }
}

/// What the manifest says of it.
pub(super) fn per(d: &Destinatari) -> Cifratura {
    Cifratura { formato: FORMATO.to_owned(), destinatari: d.elenco(), sigla: d.sigla() }
}

/// The name of an object in the folder of copies; with who it is for, when it is encrypted on its own.
pub(super) fn nome(oggetto: &str, sigla: Option<&str>) -> String {
    sigla.map_or_else(|| oggetto.to_owned(), |s| format!("{oggetto}.{s}{CIFRATO}"))
}

/// The folder in which databases are in clear, for a while. What is left of one whose process is gone is swept by the next.
pub(super) struct Cantiere {
    cartella: PathBuf,
    _blocco: File,
    /// Those that were found, of processes that are gone.
    pub morti: Vec<String>,
}

impl Drop for Cantiere {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.cartella);
    }
}

impl Cantiere {
    /// Makes one under a folder that others may use too: it has its name only once it is locked, so that who sweeps beside it
    /// never takes it for a leftover. Who dies before leaves an empty folder.
    pub fn apri(sopra: &Path, avvisi: &mut Vec<String>) -> Esito<Self> {
        let morti = spazza(sopra, avvisi)?;
        let mut caso = [0; 8];
        getrandom::fill(&mut caso).map_err(|e| Errore::Archivio(e.to_string()))?;
        let nome = format!("{PREFISSO}{}", esadecimale(&caso));
        let cartella = sopra.join(format!(".nuova{nome}"));
        crea_riservata(&cartella)?;
        let mut c = match File::create_new(cartella.join(BLOCCO)) {
            Ok(_blocco) => Self { cartella, _blocco, morti },
            Err(e) => {
                let _ = std::fs::remove_dir(&cartella);
                return Err(e.into());
            }
        };
        c._blocco.try_lock().map_err(|e| Errore::Archivio(format!("{}: {e}", c.cartella.display())))?;
        let suo = sopra.join(nome);
        std::fs::rename(&c.cartella, &suo)?;
        c.cartella = suo;
        Ok(c)
    }

    pub fn cartella(&self) -> &Path {
        &self.cartella
    }

    /// A name that nobody else has.
    pub fn nome(&self) -> String {
        let nome = self.cartella.file_name().unwrap_or_default().to_string_lossy();
        nome.trim_start_matches(PREFISSO).to_owned()
    }
}

/// Takes away what copies that were interrupted left, and nothing else: a folder with a name that only we give, whose lock is
/// there and nobody holds. What cannot be taken away, somebody else's, stops no copy.
fn spazza(sopra: &Path, avvisi: &mut Vec<String>) -> Esito<Vec<String>> {
    let mut morti = Vec::new();
    for voce in std::fs::read_dir(sopra)? {
        let voce = voce?;
        let nome = voce.file_name().to_string_lossy().into_owned();
        let cifre =
            nome.strip_prefix(PREFISSO).is_some_and(|c| c.len() == 16 && c.bytes().all(|b| b.is_ascii_hexdigit()));
        if !cifre || !voce.file_type().is_ok_and(|t| t.is_dir()) {
            continue;
        }
        let (p, blocco) = (voce.path(), voce.path().join(BLOCCO));
        // A pipe in its place would keep waiting who opens it.
        if !std::fs::symlink_metadata(&blocco).is_ok_and(|m| m.is_file()) {
            continue;
        }
        // Held until the folder is gone.
        let Some(_blocco) = File::open(&blocco).ok().filter(|f| f.try_lock().is_ok()) else { continue };
        morti.push(nome.trim_start_matches(PREFISSO).to_owned());
        match std::fs::remove_dir_all(&p) {
            // Its own copy did, between the opening of its lock and now.
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => avvisi.push(format!(
                "{}: resto di una copia interrotta, con le basi di dati in chiaro, che non si toglie: {e}",
                p.display()
            )),
            _ => {}
        }
    }
    Ok(morti)
}

/// Takes what was made aside into the copy, encrypted for somebody when it is; the manifest then says what is there.
pub(super) fn porta(
    d: Option<&Destinatari>,
    c: &Cantiere,
    qui: &Copia,
    m: &mut Manifesto,
    avanza: &dyn Fn(&str),
) -> Esito<()> {
    let di_enti = m.enti.iter_mut().flat_map(|e| e.parti.iter_mut().chain([&mut e.documenti.elenco]));
    for p in std::iter::once(&mut m.chiave).chain(&mut m.altre).chain(di_enti) {
        let file = if d.is_some() { format!("{}{CIFRATO}", p.file) } else { p.file.clone() };
        let mut u = qui.luogo.scrivi(&qui.file(&file))?;
        let mut da = BufReader::with_capacity(256 * 1_024, File::open(c.cartella().join(&p.file))?);
        match d {
            None => drop(std::io::copy(&mut da, &mut u)?),
            Some(d) => {
                let mut w = Cifra::per(d, &mut u)?;
                std::io::copy(&mut da, &mut w)?;
                w.chiudi()?;
            }
        }
        let Parte { sha256, byte, .. } = u.chiudi()?;
        avanza(&format!("{file}: nella copia, {byte} byte"));
        *p = Parte { file, sha256, byte };
    }
    Ok(())
}

/// As [`Esame::trascrivi`], encrypted on its way.
pub(super) fn trascrivi(
    e: &Esame,
    f: &Conservato,
    da: impl std::io::Read,
    d: &Destinatari,
    a: impl Write,
) -> Esito<Option<u64>> {
    let mut w = Cifra::per(d, a)?;
    let scritti = e.trascrivi(f, da, &mut w)?;
    w.chiudi()?;
    Ok(scritti)
}

/// The bare names of documents' files, written as they come.
pub(super) struct Nomi {
    relativo: String,
    w: BufWriter<Uscita>,
}

impl Nomi {
    /// Beside the list, in the copy.
    pub fn scrivi(qui: &Copia, elenco: &Parte) -> Esito<Self> {
        let relativo = format!("{}.nomi", elenco.file);
        Ok(Self { w: BufWriter::new(qui.luogo.scrivi(&qui.file(&relativo))?), relativo })
    }

    pub fn aggiungi(&mut self, nome: &str) -> Esito<()> {
        Ok(writeln!(self.w, "{nome}")?)
    }

    pub fn chiudi(self) -> Esito<Parte> {
        let u = self.w.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        Ok(Parte { file: self.relativo, ..u.chiudi()? })
    }
}

/// The names that a copy needs.
pub(super) fn nomi(copia: &Copia, p: &Parte, qui: &Path, a: &mut HashSet<String>) -> Esito<()> {
    let male = || Guasto::NonValida(format!("{} di {copia} manca o è alterato", p.file));
    let l = copia.luogo.qui(&copia.file(&p.file), qui)?.ok_or_else(male)?;
    if impasto(File::open(&l.percorso)?, None)?.0 != p.sha256 {
        return Err(male());
    }
    for riga in BufReader::new(File::open(&l.percorso)?).lines() {
        let riga = riga?;
        if riga.len() > NOME_MAX {
            return Err(male());
        }
        a.insert(riga);
    }
    Ok(())
}

/// Who opens an encrypted copy.
pub(super) struct Apre<'a> {
    identita: &'a [Identita],
    sigla: String,
}

impl<'a> Apre<'a> {
    /// With these identities; `None` when the copy is in clear.
    ///
    /// # Errors
    /// There is none, or none opens it.
    pub fn con(m: &Manifesto, copia: &Copia, identita: &'a [Identita]) -> Esito<Option<Self>> {
        let Some(c) = &m.cifratura else { return Ok(None) };
        let per_chi = c.destinatari.join(", ");
        // A name is never a path of somebody else's making (R-H07).
        if c.sigla.is_empty() || !c.sigla.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(Guasto::NonValida(
                "il manifesto dice per chi è cifrata in un modo che non si legge".to_owned(),
            ));
        }
        if c.formato != FORMATO {
            return Err(Guasto::NonValida(format!(
                "la copia è cifrata in una forma che questo programma non conosce: {}",
                c.formato
            )));
        }
        if identita.is_empty() {
            return Err(Guasto::NonValida(format!(
                "la copia è cifrata per {per_chi}: indicare con --identita il file dell'identità che la apre"
            )));
        }
        // The key first: nothing is written for who cannot open it.
        if let Some(chiave) = copia.luogo.intero(&copia.file(&m.chiave.file))?
            && esadecimale(&Sha256::digest(&chiave)) == m.chiave.sha256
        {
            match age::apri(&chiave[..], identita) {
                Err(ErroreAge::DiAltri) => {
                    return Err(Guasto::NonValida(format!(
                        "nessuna delle identità indicate apre questa copia: è cifrata per {per_chi}"
                    )));
                }
                altro => drop(altro?),
            }
        }
        Ok(Some(Self { identita, sigla: c.sigla.clone() }))
    }

    pub fn sigla(&self) -> &str {
        &self.sigla
    }

    /// What a file encrypted on its own holds.
    pub fn leggi<R: Read>(&self, da: R) -> Esito<impl Read + use<R>> {
        Ok(age::apri(BufReader::with_capacity(256 * 1_024, da), self.identita)?)
    }

    /// A file of the copy, in clear.
    pub fn parte(&self, da: &Path, mut a: &File) -> Esito<()> {
        let copiato = std::io::copy(&mut self.leggi(File::open(da)?)?, &mut a);
        copiato.map_err(|e| Guasto::from(ErroreAge::from(e)))?;
        Ok(())
    }

    /// A list of files, in clear in the folder that is being made; to be taken away.
    pub fn elenco(&self, da: &Path, cartella: &Path) -> Esito<PathBuf> {
        let qui = cartella.join(ELENCO);
        self.parte(da, &File::create(&qui)?)?;
        Ok(qui)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As an interrupted copy leaves it, or anybody.
    fn resto(sopra: &Path, nome: &str, blocco: bool) -> PathBuf {
        let p = sopra.join(nome);
        std::fs::create_dir(&p).unwrap();
        std::fs::write(p.join("ente.sqlite"), "in chiaro").unwrap();
        if blocco {
            File::create(p.join(BLOCCO)).unwrap();
        }
        p
    }

    #[test]
    fn only_what_an_interrupted_copy_left_is_swept() {
        let d = tempfile::tempdir().unwrap();
        let mio = resto(d.path(), ".copia-0123456789abcdef", true);
        let in_corso = resto(d.path(), ".copia-fedcba9876543210", true);
        let tiene = File::open(in_corso.join(BLOCCO)).unwrap();
        tiene.try_lock().unwrap();
        let altrui = [
            resto(d.path(), ".copia-prima-di-aggiornare", false),
            resto(d.path(), ".copia-prima-di-tutto-x", true),
            resto(d.path(), ".copia-0123456789abcde0", false),
            in_corso,
        ];
        let mut avvisi = Vec::new();
        let c = Cantiere::apri(d.path(), &mut avvisi).unwrap();
        assert!(c.cartella().is_dir() && !mio.exists());
        for a in &altrui {
            assert!(a.join("ente.sqlite").exists(), "{}", a.display());
        }
        drop(c);
        assert_eq!(std::fs::read_dir(d.path()).unwrap().count(), altrui.len());
        assert_eq!(avvisi, Vec::<String>::new());
    }

    #[test]
    #[cfg(unix)]
    fn what_cannot_be_taken_away_is_a_warning() {
        use std::os::unix::fs::PermissionsExt as _;
        let permessi = |p: &Path, m| std::fs::set_permissions(p, std::fs::Permissions::from_mode(m)).unwrap();
        let d = tempfile::tempdir().unwrap();
        let sopra = d.path().to_owned();
        permessi(&sopra, 0o777);
        let mio = resto(&sopra, ".copia-0123456789abcdef", true);
        permessi(&mio, 0o555);
        // Root may take everything away: the copy is then somebody else's, in this thread alone.
        let altro = std::thread::spawn(move || {
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65_534)).unwrap();
            }
            let mut avvisi = Vec::new();
            drop(Cantiere::apri(&sopra, &mut avvisi).unwrap());
            avvisi
        });
        let avvisi = altro.join().unwrap();
        permessi(&mio, 0o755);
        assert!(mio.join("ente.sqlite").exists());
        assert!(matches!(&avvisi[..], [una] if una.contains(".copia-0123456789abcdef")), "{avvisi:?}");
    }

    #[test]
    fn copies_that_begin_together_do_not_sweep_each_other() {
        let d = tempfile::tempdir().unwrap();
        let fatto = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(|| {
                    while !fatto.load(std::sync::atomic::Ordering::Relaxed) {
                        let mut avvisi = Vec::new();
                        spazza(d.path(), &mut avvisi).unwrap();
                        assert_eq!(avvisi, Vec::<String>::new());
                    }
                });
            }
            let prima: Vec<_> = (0..2)
                .map(|_| {
                    s.spawn(|| {
                        for _ in 0..150 {
                            let c = Cantiere::apri(d.path(), &mut Vec::new())?;
                            std::fs::write(c.cartella().join("ente.sqlite"), "in chiaro")?;
                        }
                        Esito::Ok(())
                    })
                })
                .collect();
            let esiti: Vec<_> = prima.into_iter().map(|p| p.join().unwrap()).collect();
            fatto.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(esiti.iter().all(Result::is_ok), "{esiti:?}");
        });
        assert_eq!(std::fs::read_dir(d.path()).unwrap().count(), 0);
    }
}
