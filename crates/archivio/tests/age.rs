//! The program `age` judges our files, and we open its own.

use std::io::{BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::Command;

use archivio::age::{Cifra, Destinatari, apri, leggi_destinatari, leggi_identita};

fn esegui(programma: &str, argomenti: &[&str], qui: &Path) -> Option<Vec<u8>> {
    match Command::new(programma).args(argomenti).current_dir(qui).output() {
        Ok(o) => {
            assert!(o.status.success(), "{programma} {argomenti:?}: {}", String::from_utf8_lossy(&o.stderr));
            Some(o.stdout)
        }
        Err(e) => {
            assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "{programma} is missing: {e}");
            eprintln!("senza {programma}: saltata");
            None
        }
    }
}

#[test]
fn age_opens_what_we_write_and_we_open_what_age_writes() {
    let d = tempfile::tempdir().unwrap();
    let qui = d.path();
    let Some(_) = esegui("age-keygen", &["-o", "io"], qui) else { return };
    esegui("age-keygen", &["-o", "altra"], qui);
    let chiavi = ["io", "altra"].map(|n| std::fs::read_to_string(qui.join(n)).unwrap());
    let [io, altra] = chiavi.each_ref().map(|t| leggi_identita(t).unwrap());
    let pubblica = String::from_utf8(esegui("age-keygen", &["-y", "io"], qui).unwrap()).unwrap();
    assert_eq!(pubblica.trim(), io[0].destinatario().to_string());
    let tutti = format!("{pubblica}{}\n", altra[0].destinatario());
    let destinatari = Destinatari::di(leggi_destinatari(&tutti).unwrap()).unwrap();
    for byte in [0usize, 1, 65_535, 65_536, 65_537, 300_000] {
        let chiaro: Vec<u8> = (0..byte).map(|i| (i % 251) as u8).collect();
        std::fs::write(qui.join("chiaro"), &chiaro).unwrap();
        let f = std::fs::File::create(qui.join("nostro.age")).unwrap();
        let mut c = Cifra::per(&destinatari, f).unwrap();
        c.write_all(&chiaro).unwrap();
        c.chiudi().unwrap();
        assert_eq!(std::fs::metadata(qui.join("nostro.age")).unwrap().len(), destinatari.lungo(byte as u64));
        for chi in ["io", "altra"] {
            assert!(esegui("age", &["-d", "-i", chi, "nostro.age"], qui).unwrap() == chiaro, "{byte}: age opens it");
        }
        let _ = std::fs::remove_file(qui.join("loro.age"));
        esegui("age", &["-r", pubblica.trim(), "-o", "loro.age", "chiaro"], qui);
        let loro = BufReader::new(std::fs::File::open(qui.join("loro.age")).unwrap());
        let mut letto = Vec::new();
        apri(loro, &io).unwrap().read_to_end(&mut letto).unwrap();
        assert!(letto == chiaro, "{byte}: we open it");
    }
    let loro = BufReader::new(std::fs::File::open(qui.join("loro.age")).unwrap());
    let detto = apri(loro, &altra).err().unwrap().to_string();
    assert!(detto.contains("nessuna delle identità"), "{detto}");
}
