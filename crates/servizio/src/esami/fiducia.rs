//! What the examinations of an installation believe in: files and folders that who runs it keeps. They are read once, and again when
//! one of them changes; nothing is fetched.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use dominio::codici::Impronta;
use firme::Fiducia;
use sha2::{Digest as _, Sha256};

/// Longest file.
const FILE_MAX: u64 = 64 << 20;
/// Files in all.
const FILE_QUANTI: usize = 2_000;

/// Where it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Luoghi {
    /// European trusted lists (XML), files.
    pub elenchi: Vec<PathBuf>,
    /// Folder of certificates (PEM or DER) chosen by hand.
    pub ancore: Option<PathBuf>,
    /// Folder of certificate revocation lists (PEM or DER).
    pub revoche: Option<PathBuf>,
}

/// As it was read.
#[derive(Debug, Default)]
pub struct InForza {
    /// For `firme`.
    pub fiducia: Fiducia,
    /// SHA-256 of all of it, hexadecimal; blank when nothing is configured.
    pub impronta: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Genere {
    Elenco,
    Ancora,
    Revoca,
}

/// A file, and how it was when it was read.
type Segni = Vec<(Genere, PathBuf, u64, Option<SystemTime>)>;

#[derive(Debug, Default)]
struct Letta {
    segni: Option<Segni>,
    in_forza: Arc<InForza>,
    difetto: Option<String>,
}

/// Keeps what was read.
#[derive(Debug, Default)]
pub struct Custode {
    luoghi: Luoghi,
    letta: Mutex<Letta>,
    /// One at a time looks whether something changed: nobody else waits for the disk, or for what is read.
    rilegge: Mutex<()>,
}

/// Why something is not in force.
enum Difetto {
    /// It could not be read: perhaps it can be in a while.
    Lettura(String),
    /// It is not what it should be, until it changes.
    Forma(String),
}

impl Difetto {
    fn in_parole(self) -> String {
        match self {
            Self::Lettura(e) | Self::Forma(e) => e,
        }
    }
}

impl Custode {
    /// Reads all of it.
    ///
    /// # Errors
    /// What cannot be read, or is not what it should be, in words.
    pub fn apri(luoghi: Luoghi) -> Result<Self, String> {
        let segni = segni(&luoghi)?;
        let in_forza = Arc::new(leggi(&segni).map_err(Difetto::in_parole)?);
        let letta = Mutex::new(Letta { segni: Some(segni), in_forza, difetto: None });
        Ok(Self { luoghi, letta, rilegge: Mutex::default() })
    }

    /// What is in force, read again if a file changed since; what cannot be read leaves what there was. Blocks.
    pub fn in_forza(&self) -> Arc<InForza> {
        let _uno = self.rilegge.lock().unwrap_or_else(PoisonError::into_inner);
        let noti = self.letta().segni.clone();
        let (nuovi, letto) = match segni(&self.luoghi) {
            Ok(nuovi) if noti.as_ref() == Some(&nuovi) => return Arc::clone(&self.letta().in_forza),
            Ok(nuovi) => {
                let letto = leggi(&nuovi);
                // What could not be read is tried again though nothing changes.
                ((!matches!(letto, Err(Difetto::Lettura(_)))).then_some(nuovi), letto)
            }
            Err(e) => (None, Err(Difetto::Lettura(e))),
        };
        let mut letta = self.letta();
        letta.segni = nuovi;
        match letto {
            Ok(f) => (letta.in_forza, letta.difetto) = (Arc::new(f), None),
            Err(e) => letta.difetto = Some(e.in_parole()),
        }
        Arc::clone(&letta.in_forza)
    }

    fn letta(&self) -> MutexGuard<'_, Letta> {
        self.letta.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What must be looked at, for readiness.
    pub fn avvisi(&self, ora: jiff::Timestamp) -> Vec<String> {
        let letta = self.letta();
        let difetto = letta.difetto.iter().map(|e| format!("fiducia delle firme: {e}; vale ancora quanto letto prima"));
        let scaduti = letta.in_forza.fiducia.elenchi().iter().filter(|e| e.prossimo.is_some_and(|p| p < ora));
        difetto.chain(scaduti.map(|e| format!("l'elenco di fiducia {} è scaduto: va aggiornato", e.paese))).collect()
    }
}

fn segni(l: &Luoghi) -> Result<Segni, String> {
    let mut file: Vec<(Genere, PathBuf)> = l.elenchi.iter().map(|p| (Genere::Elenco, p.clone())).collect();
    for (genere, cartella) in [(Genere::Ancora, &l.ancore), (Genere::Revoca, &l.revoche)] {
        let Some(cartella) = cartella else { continue };
        let male = |e: std::io::Error| format!("{}: {e}", cartella.display());
        let mut dentro = Vec::new();
        for voce in std::fs::read_dir(cartella).map_err(male)? {
            let p = voce.map_err(male)?.path();
            // What begins with a dot is of who keeps the folder.
            if p.is_file() && !p.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b".")) {
                dentro.push((genere, p));
            }
        }
        dentro.sort_by(|a, b| a.1.cmp(&b.1));
        file.extend(dentro);
    }
    if file.len() > FILE_QUANTI {
        return Err(format!("più di {FILE_QUANTI} file di elenchi, certificati e liste di revoca"));
    }
    let segno = |(g, p): (Genere, PathBuf)| {
        let m = std::fs::metadata(&p).map_err(|e| format!("{}: {e}", p.display()))?;
        if m.len() > FILE_MAX {
            return Err(format!("{}: supera {} MiB", p.display(), FILE_MAX >> 20));
        }
        Ok((g, p, m.len(), m.modified().ok()))
    };
    file.into_iter().map(segno).collect()
}

fn leggi(segni: &Segni) -> Result<InForza, Difetto> {
    let mut f = Fiducia::nessuna();
    let mut tutto = Sha256::new();
    for (genere, p, ..) in segni {
        let byte = std::fs::read(p).map_err(|e| Difetto::Lettura(format!("{}: {e}", p.display())))?;
        let male = |e: &dyn std::fmt::Display, che: &str| Difetto::Forma(format!("{} non è {che}: {e}", p.display()));
        match genere {
            Genere::Elenco => f.elenco(&byte).map(drop).map_err(|e| male(&e, "un elenco di fiducia valido"))?,
            Genere::Ancora => f.ancora(&byte).map_err(|e| male(&e, "un certificato"))?,
            Genere::Revoca => f.crl(&byte).map_err(|e| male(&e, "una lista di revoca"))?,
        }
        tutto.update([*genere as u8]);
        tutto.update(Sha256::digest(&byte));
    }
    let impronta = if segni.is_empty() { String::new() } else { Impronta(tutto.finalize().into()).hex() };
    Ok(InForza { fiducia: f, impronta })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dati(nome: &str) -> Vec<u8> {
        std::fs::read(format!("{}/../firme/tests/dati/{nome}", env!("CARGO_MANIFEST_DIR"))).unwrap()
    }

    #[test]
    fn what_is_believed_in_is_read_again_when_it_changes_and_stays_when_it_cannot() {
        let d = tempfile::tempdir().unwrap();
        let ora = jiff::Timestamp::UNIX_EPOCH;
        let luoghi = Luoghi { ancore: Some(d.path().to_owned()), ..Luoghi::default() };
        std::fs::write(d.path().join(".tmp"), b"not ready").unwrap();
        let c = Custode::apri(luoghi.clone()).unwrap();
        assert_eq!((c.in_forza().fiducia.quante(), c.in_forza().impronta.as_str()), ((0, 0), ""));
        std::fs::write(d.path().join("ca.pem"), dati("ca.pem")).unwrap();
        let una = c.in_forza();
        assert_eq!((una.fiducia.quante(), una.impronta.len()), ((1, 0), 64));
        assert!(Arc::ptr_eq(&una, &c.in_forza()), "not read each time");
        std::fs::write(d.path().join("rotto.pem"), b"not a certificate").unwrap();
        assert!(Arc::ptr_eq(&una, &c.in_forza()));
        assert!(c.avvisi(ora)[0].contains("rotto.pem non è un certificato"), "{:?}", c.avvisi(ora));
        assert!(Custode::apri(luoghi.clone()).is_err(), "who starts is told");
        std::fs::rename(d.path().join("rotto.pem"), d.path().join(".rotto.pem")).unwrap();
        assert_eq!((c.in_forza().impronta.as_str(), c.avvisi(ora).len()), (una.impronta.as_str(), 0));
        std::fs::write(d.path().join("anna.pem"), dati("anna.pem")).unwrap();
        assert_eq!(c.in_forza().fiducia.quante(), (2, 0));
        assert_ne!(c.in_forza().impronta, una.impronta);
        std::fs::remove_dir_all(d.path()).unwrap();
        assert_eq!(c.in_forza().fiducia.quante(), (2, 0));
        assert_eq!(c.avvisi(ora).len(), 1);
        let manca = Luoghi { elenchi: vec![d.path().join("it.xml")], ..Luoghi::default() };
        assert!(Custode::apri(manca).unwrap_err().contains("it.xml"));
    }
}
