//! Files left in the archive's store that no registration owns: an upload cut short by a crash.
//!
//! Objects are named by chance (`ab/0123…`, 32 hexadecimal digits in all), so an object is known by its content.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

use super::richiesta::impronta;

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

/// Objects that are neither `prima` (there before the first crash) nor the one copy of a file acknowledged.
pub fn orfani(oggetti: &[PathBuf], prima: &HashSet<PathBuf>, attese: &HashSet<String>) -> Result<Vec<PathBuf>> {
    let mut copie: HashMap<String, usize> = HashMap::new();
    let mut orfani = Vec::new();
    for oggetto in oggetti.iter().filter(|o| !prima.contains(*o)) {
        let sua = impronta(&fs::read(oggetto)?);
        let copia = copie.entry(sua.clone()).or_default();
        *copia += 1;
        if *copia > 1 || !attese.contains(&sua) {
            orfani.push(oggetto.clone());
        }
    }
    Ok(orfani)
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
    use crate::crash::richiesta::impronta;
    use std::collections::HashSet;
    use std::fs;
    use std::time::{Duration, SystemTime};

    #[test]
    fn second_copies_and_unknown_contents_are_orphans() {
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
        let doppio = scrivi(3, "known");
        let monco = scrivi(4, "kno");
        fs::write(dentro.join("c_z999.sqlite"), "no object").unwrap();

        let tutti = oggetti(cartella.path()).unwrap();
        assert_eq!(tutti.len(), 4);
        let attese = HashSet::from([impronta(b"known")]);
        assert_eq!(orfani(&tutti, &HashSet::from([vecchio]), &attese).unwrap(), [doppio, monco.clone()]);

        invecchia(std::slice::from_ref(&monco)).unwrap();
        let eta = SystemTime::now().duration_since(fs::metadata(monco).unwrap().modified().unwrap()).unwrap();
        assert!(eta > Duration::from_secs(86_400 * 80));
    }
}
