//! Files left in the archive's store that no registration owns: an upload cut short by a crash.
//!
//! Objects are named by chance (`ab/0123…`, 32 hexadecimal digits in all).

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

/// Older than any lease.
const VECCHIAIA: Duration = Duration::from_secs(90 * 24 * 3600);

/// All objects under a folder.
pub fn oggetti(cartella: &Path) -> Result<Vec<PathBuf>> {
    let mut trovati = Vec::new();
    let mut da_vedere = vec![cartella.to_owned()];
    while let Some(questa) = da_vedere.pop() {
        for voce in fs::read_dir(&questa)? {
            let voce = voce?;
            if voce.file_type()?.is_dir() {
                da_vedere.push(voce.path());
            } else if e_oggetto(&voce.path()) {
                trovati.push(voce.path());
            }
        }
    }
    trovati.sort();
    Ok(trovati)
}

fn e_oggetto(percorso: &Path) -> bool {
    let esadecimale = |nome: Option<&std::ffi::OsStr>, lungo: usize| {
        nome.and_then(|n| n.to_str())
            .is_some_and(|n| n.len() == lungo && n.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
    };
    esadecimale(percorso.file_name(), 30) && esadecimale(percorso.parent().and_then(Path::file_name), 2)
}

/// How many objects there are beyond those of `prima` (there before the first crash) and one for each file acknowledged. They
/// are sealed, and cannot be told by what they hold: that each file acknowledged is there is seen by reading it through the service.
pub fn orfani(oggetti: &[PathBuf], prima: &HashSet<PathBuf>, attesi: usize) -> usize {
    oggetti.iter().filter(|o| !prima.contains(*o)).count().saturating_sub(attesi)
}

/// Makes objects look older than any lease, so that the sweep at the next start may judge them at once.
pub fn invecchia(oggetti: &[PathBuf]) -> Result<()> {
    let allora = SystemTime::now() - VECCHIAIA;
    for oggetto in oggetti {
        File::options().write(true).open(oggetto)?.set_modified(allora)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{invecchia, oggetti, orfani};
    use std::collections::HashSet;
    use std::fs;
    use std::time::{Duration, SystemTime};

    #[test]
    fn what_is_neither_old_nor_expected_is_an_orphan() {
        let cartella = tempfile::tempdir().unwrap();
        let dentro = cartella.path().join("enti/c_z999/file/ab");
        fs::create_dir_all(&dentro).unwrap();
        let scrivi = |n: u8, testo: &str| {
            let percorso = dentro.join(format!("{n:030x}"));
            fs::write(&percorso, testo).unwrap();
            percorso
        };
        let vecchio = scrivi(1, "sample");
        scrivi(2, "known");
        let monco = scrivi(3, "kno");
        fs::write(dentro.join("c_z999.sqlite"), "no object").unwrap();

        let tutti = oggetti(cartella.path()).unwrap();
        assert_eq!(tutti.len(), 3);
        let prima = HashSet::from([vecchio]);
        assert_eq!([0, 1, 2, 3].map(|attesi| orfani(&tutti, &prima, attesi)), [2, 1, 0, 0]);

        invecchia(std::slice::from_ref(&monco)).unwrap();
        let eta = SystemTime::now().duration_since(fs::metadata(monco).unwrap().modified().unwrap()).unwrap();
        assert!(eta > Duration::from_secs(86_400 * 80));
    }
}
