//! Anchors: signed checkpoints put where who holds the archive does not reach (design § 5). One file for each log and month,
//! in a folder that somebody else keeps (a share, a mounted bucket, a removable disk); `verifica --ancora` reads it back.
//! By the month, since a log is signed once a minute: no file grows past what can be read, nor is an old one touched.
//!
//! What is not anchored yet is the *blind window*: in it, and only in it, who has both the archive and its key could
//! rewrite unseen. It is shown on a public page.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use catena::Checkpoint;
use dominio::tempo::Istante;

use crate::ancore_posta::Posta;

/// Where anchors go, and what was put there.
#[derive(Debug, Default)]
pub struct Ancore {
    cartella: Option<PathBuf>,
    ultime: Mutex<BTreeMap<String, Ultima>>,
    posta: Option<Posta>,
}

/// The last checkpoint anchored for a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ultima {
    /// How many operations it covers.
    pub dimensione: u64,
    /// When it was put there; absent when it was found there at the start.
    pub quando: Option<Istante>,
}

impl Ancore {
    /// Anchors in a folder; none without one.
    pub fn in_cartella(cartella: Option<PathBuf>) -> Self {
        Self { cartella, ultime: Mutex::default(), posta: None }
    }

    /// The same, by mail too.
    #[must_use]
    pub fn e_per_posta(self, posta: Option<Posta>) -> Self {
        Self { posta, ..self }
    }

    /// Those that go by mail.
    pub fn posta(&self) -> Option<&Posta> {
        self.posta.as_ref()
    }

    /// Are there anchors at all?
    pub fn ci_sono(&self) -> bool {
        self.cartella.is_some() || self.posta.is_some()
    }

    /// The last one of a log.
    pub fn ultima(&self, origine: &str) -> Option<Ultima> {
        let cartella = self.cartella.as_ref()?;
        let mut g = self.ultime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(u) = g.get(origine) {
            return Some(*u);
        }
        let dimensione = ultima_depositata(cartella, origine)?;
        let u = Ultima { dimensione, quando: None };
        g.insert(origine.to_owned(), u);
        Some(u)
    }

    /// Adds a signed checkpoint to its file, durably, unless it is there already. Says whether it was added.
    ///
    /// # Errors
    /// The folder cannot be written: registering goes on, and the window stays open.
    pub fn deposita(&self, nota: &str, ora: Istante) -> std::io::Result<bool> {
        let Some(cartella) = &self.cartella else { return Ok(false) };
        let male = || std::io::Error::new(std::io::ErrorKind::InvalidData, "checkpoint");
        let (testo, _) = catena::nota::dividi(nota).map_err(|_| male())?;
        let cp = Checkpoint::leggi(testo).map_err(|_| male())?;
        match self.ultima(&cp.origine) {
            // The very thing that anchors are for: a log shorter than what was seen of it.
            Some(u) if u.dimensione > cp.dimensione => {
                let detto = format!("il registro {} è più corto di un checkpoint già depositato", cp.origine);
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, detto));
            }
            Some(u) if u.dimensione == cp.dimensione => return Ok(false),
            _ => {}
        }
        let dove = cartella.join(format!("{}{}.txt", prefisso(&cp.origine), ora.giorno().strftime("%Y-%m")));
        std::fs::create_dir_all(cartella)?;
        // A note that was cut short by a crash ends where the next one begins.
        let mut f = std::fs::OpenOptions::new().create(true).append(true).open(&dove)?;
        f.write_all(format!("\n{nota}").as_bytes())?;
        f.sync_all()?;
        std::fs::File::open(cartella)?.sync_all()?;
        let u = Ultima { dimensione: cp.dimensione, quando: Some(ora) };
        self.ultime.lock().unwrap_or_else(PoisonError::into_inner).insert(cp.origine, u);
        Ok(true)
    }
}

/// How the names of a log's files begin; an origin is never a path.
pub(crate) fn prefisso(origine: &str) -> String {
    let nome: String = origine
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '~' })
        .collect();
    format!("{}.", nome.trim_start_matches('.'))
}

/// The greatest size put there for a log: in its newest file, or in one before when a crash left that one without notes.
fn ultima_depositata(cartella: &Path, origine: &str) -> Option<u64> {
    let prefisso = prefisso(origine);
    let mut nomi: Vec<String> = std::fs::read_dir(cartella)
        .ok()?
        .filter_map(|f| f.ok()?.file_name().into_string().ok())
        .filter(|n| n.starts_with(&prefisso) && n.len() == prefisso.len() + "2026-11.txt".len())
        .collect();
    nomi.sort_unstable();
    nomi.iter().rev().find_map(|n| {
        let testo = std::fs::read_to_string(cartella.join(n)).ok()?;
        let note = archivio::sqlite::verifica::Ancora::leggi("ancore", &testo).ok()?;
        note.iter().filter(|a| a.checkpoint.origine == origine).map(|a| a.checkpoint.dimensione).max()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use catena::ChiaveFirma;

    fn nota(dimensione: u64) -> String {
        let k = ChiaveFirma::da_segreto("prova.example/c_z999/AOO1", &[7; 32]).unwrap();
        Checkpoint::nuovo("prova.example/c_z999/AOO1", dimensione, [3; 32]).firma(&[&k]).unwrap()
    }

    #[test]
    fn checkpoints_are_added_once_and_found_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let cartella = dir.path().join("altrove");
        let a = Ancore::in_cartella(Some(cartella.clone()));
        let o = "prova.example/c_z999/AOO1";
        assert_eq!(a.ultima(o), None);
        for (n, aggiunta) in [(3, true), (3, false), (9, true), (9, false)] {
            assert_eq!(a.deposita(&nota(n), Istante(n as i64)).unwrap(), aggiunta, "{n}");
        }
        assert!(a.deposita(&nota(5), Istante(5)).unwrap_err().to_string().contains("più corto"));
        assert_eq!(a.ultima(o), Some(Ultima { dimensione: 9, quando: Some(Istante(9)) }));
        let poi = Ancore::in_cartella(Some(cartella.clone()));
        assert_eq!(poi.ultima(o), Some(Ultima { dimensione: 9, quando: None }));
        let lette = |mese: &str| {
            let f = cartella.join(format!("prova.example~c_z999~AOO1.{mese}.txt"));
            let lette = archivio::sqlite::verifica::Ancora::leggi("x", &std::fs::read_to_string(f).unwrap()).unwrap();
            lette.iter().map(|a| a.checkpoint.dimensione).collect::<Vec<_>>()
        };
        assert_eq!(lette("1970-01"), [3, 9]);
        // The month after has a file of its own, and after a restart it is the one that counts.
        assert!(poi.deposita(&nota(12), Istante(40 * 86_400_000_000)).unwrap());
        assert_eq!((lette("1970-01"), lette("1970-02")), (vec![3, 9], vec![12]));
        let dopo = || Ancore::in_cartella(Some(cartella.clone())).ultima(o).unwrap().dimensione;
        assert_eq!(dopo(), 12);
        // A file that a crash left without notes hides nothing of what came before.
        std::fs::write(cartella.join("prova.example~c_z999~AOO1.1970-03.txt"), "\n").unwrap();
        assert_eq!(dopo(), 12);
        assert!(a.deposita("non una nota", Istante(0)).is_err());
        assert!(!Ancore::default().deposita(&nota(1), Istante(0)).unwrap());
    }
}
