//! Anchors: signed checkpoints put where who holds the archive does not reach (design § 5). One file for each log and month,
//! in a folder that somebody else keeps (a share, a mounted bucket, a removable disk); `verifica --ancora` reads it back.
//! By the month, since a log is signed once a minute: no file grows past what can be read, nor is an old one touched.
//!
//! What is not anchored yet is the *blind window*: in it, and only in it, who has both the archive and its key could
//! rewrite unseen. It is shown on a public page.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use archivio::sqlite::verifica::Ancora;
use catena::{Checkpoint, ChiavePubblica};
use dominio::tempo::Istante;

use crate::ancore_posta::Posta;

/// Where anchors go, and what was put there.
#[derive(Debug, Default)]
pub struct Ancore {
    cartella: Option<PathBuf>,
    /// Read from the folder once; from then on only we add to it, as long as it is our turn.
    ultime: Mutex<BTreeMap<String, Option<Ultima>>>,
    /// Why the last ones could not be put there, by origin.
    mancate: Mutex<BTreeMap<String, String>>,
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
        Self { cartella, ..Self::default() }
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

    /// Is one of the places a folder?
    pub fn in_una_cartella(&self) -> bool {
        self.cartella.is_some()
    }

    /// The last one of a log that its keys signed: whoever else writes in the folder is not believed.
    pub fn ultima(&self, origine: &str, chiavi: &[ChiavePubblica]) -> Option<Ultima> {
        let cartella = self.cartella.as_ref()?;
        let mut g = self.ultime.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(u) = g.get(origine) {
            return *u;
        }
        let letta = ultima_depositata(cartella, origine, chiavi).map(|dimensione| Ultima { dimensione, quando: None });
        // A folder that is away now may come back with what it holds.
        if letta.is_some() || cartella.is_dir() {
            g.insert(origine.to_owned(), letta);
        }
        letta
    }

    /// Others put anchors there now: what is there is read again, and what could not be put there is theirs to say.
    pub fn dimentica(&self) {
        self.ultime.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.mancate.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What could not be put there last time, in words.
    pub fn avvisi(&self) -> Vec<String> {
        let mancate = self.mancate.lock().unwrap_or_else(PoisonError::into_inner);
        mancate.iter().map(|(o, m)| format!("il checkpoint di {o} non si può depositare tra le ancore: {m}")).collect()
    }

    /// Adds a checkpoint that a key of its log signed to its file, durably, unless it is there already. Says whether it
    /// was added.
    ///
    /// # Errors
    /// The folder cannot be written: registering goes on, and the window stays open.
    pub fn deposita(&self, nota: &str, chiavi: &[ChiavePubblica], ora: Istante) -> std::io::Result<bool> {
        let Some(cartella) = &self.cartella else { return Ok(false) };
        let male = || std::io::Error::new(std::io::ErrorKind::InvalidData, "checkpoint");
        let (cp, _) = Checkpoint::apri(nota, chiavi).map_err(|_| male())?;
        let origine = cp.origine.clone();
        let esito = self.aggiungi(cartella, nota, cp, chiavi, ora);
        let mut mancate = self.mancate.lock().unwrap_or_else(PoisonError::into_inner);
        match &esito {
            Ok(_) => mancate.remove(&origine),
            Err(e) => mancate.insert(origine, in_parole(e)),
        };
        esito
    }

    fn aggiungi(
        &self,
        cartella: &Path,
        nota: &str,
        cp: Checkpoint,
        chiavi: &[ChiavePubblica],
        ora: Istante,
    ) -> std::io::Result<bool> {
        match self.ultima(&cp.origine, chiavi) {
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
        // A note that was cut short by a crash ends where the next one begins, after an empty line.
        let mut f = std::fs::OpenOptions::new().create(true).append(true).open(&dove)?;
        f.write_all(format!("\n\n{nota}").as_bytes())?;
        f.sync_all()?;
        std::fs::File::open(cartella)?.sync_all()?;
        let u = Ultima { dimensione: cp.dimensione, quando: Some(ora) };
        self.ultime.lock().unwrap_or_else(PoisonError::into_inner).insert(cp.origine, Some(u));
        Ok(true)
    }
}

/// Ours is said as it is; of the system's, no path.
fn in_parole(e: &std::io::Error) -> String {
    use std::io::ErrorKind as K;
    match e.kind() {
        K::InvalidData => e.to_string(),
        K::StorageFull | K::QuotaExceeded => "lo spazio nella cartella è esaurito".to_owned(),
        _ => "la cartella non si può scrivere".to_owned(),
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

/// Longest file that is read back: a month of checkpoints, one a minute, is a quarter of it.
const FILE_BYTE_MAX: u64 = 64 * 1024 * 1024;

/// The greatest size put there for a log: in its newest file, or in one before when that has no note of the log. What no
/// key of the log signed is not ours: it is ignored, and said.
fn ultima_depositata(cartella: &Path, origine: &str, chiavi: &[ChiavePubblica]) -> Option<u64> {
    let prefisso = prefisso(origine);
    let mut nomi: Vec<String> = std::fs::read_dir(cartella)
        .ok()?
        .filter_map(|f| f.ok()?.file_name().into_string().ok())
        .filter(|n| n.starts_with(&prefisso) && n.len() == prefisso.len() + "2026-11.txt".len())
        .collect();
    nomi.sort_unstable();
    nomi.iter().rev().find_map(|n| {
        let mut byte = Vec::new();
        std::fs::File::open(cartella.join(n)).ok()?.take(FILE_BYTE_MAX).read_to_end(&mut byte).ok()?;
        let (note, altri) = Ancora::autentici(&String::from_utf8_lossy(&byte), chiavi);
        if altri > 0 {
            tracing::warn!(file = %n, altri, "tra le ancore c'è altro che checkpoint firmati da questo registro: ignorato");
        }
        note.iter().filter(|c| c.origine == origine).map(|c| c.dimensione).max()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use catena::ChiaveFirma;

    const O: &str = "prova.example/c_z999/AOO1";

    fn firmata(n: u8, dimensione: u64) -> String {
        let k = ChiaveFirma::da_segreto(O, &[n; 32]).unwrap();
        Checkpoint::nuovo(O, dimensione, [3; 32]).firma(&[&k]).unwrap()
    }

    fn nota(dimensione: u64) -> String {
        firmata(7, dimensione)
    }

    fn chiavi() -> [ChiavePubblica; 1] {
        [ChiaveFirma::da_segreto(O, &[7; 32]).unwrap().pubblica()]
    }

    #[test]
    fn checkpoints_are_added_once_and_found_again_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let cartella = dir.path().join("altrove");
        let a = Ancore::in_cartella(Some(cartella.clone()));
        let k = chiavi();
        assert_eq!(a.ultima(O, &k), None);
        for (n, aggiunta) in [(3, true), (3, false), (9, true), (9, false)] {
            assert_eq!(a.deposita(&nota(n), &k, Istante(n as i64)).unwrap(), aggiunta, "{n}");
        }
        assert!(a.deposita(&nota(5), &k, Istante(5)).unwrap_err().to_string().contains("più corto"));
        assert_eq!(a.ultima(O, &k), Some(Ultima { dimensione: 9, quando: Some(Istante(9)) }));
        let poi = Ancore::in_cartella(Some(cartella.clone()));
        assert_eq!(poi.ultima(O, &k), Some(Ultima { dimensione: 9, quando: None }));
        let lette = |mese: &str| {
            let f = cartella.join(format!("prova.example~c_z999~AOO1.{mese}.txt"));
            let lette = Ancora::leggi("x", &std::fs::read_to_string(f).unwrap()).unwrap();
            lette.iter().map(|a| a.checkpoint.dimensione).collect::<Vec<_>>()
        };
        assert_eq!(lette("1970-01"), [3, 9]);
        // The month after has a file of its own, and after a restart it is the one that counts.
        assert!(poi.deposita(&nota(12), &k, Istante(40 * 86_400_000_000)).unwrap());
        assert_eq!((lette("1970-01"), lette("1970-02")), (vec![3, 9], vec![12]));
        let dopo = || Ancore::in_cartella(Some(cartella.clone())).ultima(O, &k).unwrap().dimensione;
        assert_eq!(dopo(), 12);
        // A file that a crash left without notes hides nothing of what came before.
        std::fs::write(cartella.join("prova.example~c_z999~AOO1.1970-03.txt"), "\n").unwrap();
        assert_eq!(dopo(), 12);
        assert!(a.deposita("non una nota", &k, Istante(0)).is_err());
        assert!(!Ancore::default().deposita(&nota(1), &k, Istante(0)).unwrap());
    }

    /// Whoever may write in the folder cannot stop anchoring by putting there a log longer than ours.
    #[test]
    fn what_the_log_did_not_sign_is_ignored_and_anchoring_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let apri = || Ancore::in_cartella(Some(dir.path().to_owned()));
        let k = chiavi();
        apri().deposita(&nota(3), &k, Istante(0)).unwrap();
        let file = dir.path().join("prova.example~c_z999~AOO1.1970-01.txt");
        let buona = std::fs::read(&file).unwrap();
        for aggiunta in [
            firmata(8, 1 << 40).into_bytes(),
            format!("{O}\n{}\nAAAA\n\n— {O} AAAAAAAAAAAA\n", 1u64 << 40).into_bytes(),
            nota(1 << 40).as_bytes()[..60].to_vec(),
            vec![0xff, 0xfe, b'\n'],
        ] {
            std::fs::write(&file, [&buona[..], &aggiunta].concat()).unwrap();
            let a = apri();
            assert_eq!(a.ultima(O, &k).unwrap().dimensione, 3);
            assert!(a.deposita(&nota(5), &k, Istante(1)).unwrap());
            assert_eq!(apri().ultima(O, &k).unwrap().dimensione, 5, "{}", String::from_utf8_lossy(&aggiunta));
        }
        // Nor is what is not signed put there.
        assert!(apri().deposita(&firmata(8, 9), &k, Istante(1)).is_err());
        // A longer log that our own key signed is the very thing that anchors are for.
        std::fs::write(&file, [&buona[..], nota(1 << 40).as_bytes()].concat()).unwrap();
        assert!(apri().deposita(&nota(5), &k, Istante(1)).unwrap_err().to_string().contains("più corto"));
    }
}
