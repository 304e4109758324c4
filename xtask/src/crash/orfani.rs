//! Files left in the archive's store that no registration owns: an upload cut short by a crash.
//!
//! Objects are named by chance (`ab/0123…`, 32 hexadecimal digits in all). Small ones lie in segments (`segmenti/…`), each after a
//! head of 64 bytes: a mark, its length, its name, whether it was taken away.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Result;

/// Older than any lease.
const VECCHIAIA: Duration = Duration::from_secs(90 * 24 * 3600);

/// An object: the file that it is, or in which it lies, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oggetto {
    file: PathBuf,
    nome: String,
}

/// All objects under a folder.
pub fn oggetti(cartella: &Path) -> Result<Vec<Oggetto>> {
    let mut trovati = Vec::new();
    let mut da_vedere = vec![cartella.to_owned()];
    while let Some(questa) = da_vedere.pop() {
        for voce in fs::read_dir(&questa)? {
            let voce = voce?;
            if voce.file_type()?.is_dir() {
                da_vedere.push(voce.path());
            } else if questa.file_name().is_some_and(|n| n == "segmenti") {
                in_segmento(voce.path(), &mut trovati)?;
            } else if e_oggetto(&voce.path()) {
                let nome = voce.file_name().to_string_lossy().into_owned();
                trovati.push(Oggetto { file: voce.path(), nome });
            }
        }
    }
    trovati.sort();
    Ok(trovati)
}

fn in_segmento(file: PathBuf, trovati: &mut Vec<Oggetto>) -> Result<()> {
    let b = match fs::read(&file) {
        Ok(b) => b,
        // Swept meanwhile.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(e.into()),
    };
    let mut i = 0;
    while b.get(i..i + 8) == Some(b"PROTOSEG") && i + 64 <= b.len() {
        let fine = i + 64 + usize::try_from(u64::from_le_bytes(b[i + 8..i + 16].try_into()?))?;
        if fine <= b.len() && b[i + 48] == 0 {
            let nome = String::from_utf8_lossy(&b[i + 16..i + 48]).into_owned();
            trovati.push(Oggetto { file: file.clone(), nome });
        }
        i = fine;
    }
    Ok(())
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
pub fn orfani(oggetti: &[Oggetto], prima: &HashSet<Oggetto>, attesi: usize) -> usize {
    oggetti.iter().filter(|o| !prima.contains(*o)).count().saturating_sub(attesi)
}

/// Makes objects look older than any lease, so that the sweep at the next start may judge them at once.
pub fn invecchia(oggetti: &[Oggetto]) -> Result<()> {
    let allora = SystemTime::now() - VECCHIAIA;
    for file in oggetti.iter().map(|o| &o.file).collect::<HashSet<_>>() {
        File::options().write(true).open(file)?.set_modified(allora)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Oggetto, invecchia, oggetti, orfani};
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
            Oggetto { file: percorso, nome: format!("{n:030x}") }
        };
        let vecchio = scrivi(1, "sample");
        scrivi(2, "known");
        let monco = scrivi(3, "kno");
        fs::write(dentro.join("c_z999.sqlite"), "no object").unwrap();

        // In a segment one that is there, one taken away, one cut.
        let segmenti = cartella.path().join("enti/c_z999/file/segmenti");
        fs::create_dir(&segmenti).unwrap();
        let record = |nome: u8, tolto: u8, byte: usize| {
            let mut r = [b"PROTOSEG".as_slice(), &10u64.to_le_bytes(), &[nome; 32], &[tolto], &[0; 15]].concat();
            r.resize(64 + byte, 7);
            r
        };
        let byte = [record(b'a', 0, 10), record(b'b', 1, 10), record(b'c', 0, 9)].concat();
        fs::write(segmenti.join("0123456789abcdef"), byte).unwrap();

        let tutti = oggetti(cartella.path()).unwrap();
        assert_eq!(tutti.len(), 4);
        let prima = HashSet::from([vecchio]);
        assert_eq!([0, 1, 2, 3, 4].map(|attesi| orfani(&tutti, &prima, attesi)), [3, 2, 1, 0, 0]);

        invecchia(std::slice::from_ref(&monco)).unwrap();
        let eta = SystemTime::now().duration_since(fs::metadata(monco.file).unwrap().modified().unwrap()).unwrap();
        assert!(eta > Duration::from_secs(86_400 * 80));
    }
}
