//! Copies that only somebody can open (R-L22, R-N04).

use std::path::{Path, PathBuf};

use archivio::Store as _;
use archivio::age::{Destinatari, Identita};
use archivio::file::Custodia;
use archivio::sqlite::copia::{self, Copia, Fatta, Guasto, Opzioni};

use super::banco::*;
use super::file::con_file;

// Made for this test, used for nothing else.
const UNO: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const DUE: &str = "AGE-SECRET-KEY-1XS39NMVXFVFC6XQ8TW6SW83LGMG0KWW3WD6FMRDVQCV8QM8V66MSQT0K2F";

fn identita(t: &str) -> Identita {
    t.parse().unwrap()
}

fn per(i: &Identita) -> Option<Destinatari> {
    Some(Destinatari::di(vec![i.destinatario()]).unwrap())
}

fn sotto(p: &Path) -> Vec<PathBuf> {
    let voci = std::fs::read_dir(p).unwrap().map(|v| v.unwrap().path());
    voci.flat_map(|v| if v.is_dir() { sotto(&v) } else { vec![v] }).collect()
}

/// Files under a folder that hold these bytes.
fn dicono(p: &Path, byte: &[u8]) -> Vec<PathBuf> {
    let ha = |f: &PathBuf| {
        let tutto = std::fs::read(f).unwrap();
        let mut inizi = tutto.iter().enumerate().filter(|(_, x)| **x == byte[0]);
        inizi.any(|(i, _)| tutto[i..].starts_with(byte))
    };
    sotto(p).into_iter().filter(ha).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_copy_says_nothing_to_who_holds_it_and_comes_back_to_who_may() {
    if !su_file() {
        return;
    }
    let (uno, due) = (identita(UNO), identita(DUE));
    for cifra in [true, false] {
        let come = Custodia { cifra, ..Custodia::default() };
        let b = Banco::alle_su("2026-11-24T09:00:00+01:00", |dir, o| {
            Box::pin(async move { apri_con(&dir, o, come).await })
        })
        .await;
        let testo = b"Comune di Prova, atto riservato. ".repeat(3_000);
        let impronta = con_file(&b, "Segretissimo", &testo).await;
        con_file(&b, "altro", b"Comune di Prova, atto riservato.").await;
        let (fuori, archivio) = (tempfile::tempdir().unwrap(), b.dir.path().to_owned());
        let (copie, ora) = (fuori.path().join("copie"), b.ente.ora());
        let quante = std::cell::Cell::new(0);
        let fai = |destinatari: Option<Destinatari>, conserva: Option<usize>| -> Fatta {
            quante.set(quante.get() + 1);
            copia::copia(&Opzioni {
                archivio: &archivio,
                dove: &copia::Luogo::from(&*copie),
                conserva,
                programma: "prova",
                ora: dominio::tempo::Istante(ora.0 + 1_000_000 * quante.get()),
                avanza: &|_| {},
                custodia: Custodia::default(),
                destinatari,
                temporanea: None,
            })
            .unwrap()
        };
        // What one that was interrupted left in clear.
        let resto = archivio.join(".copia-0123456789abcdef");
        std::fs::create_dir(&resto).unwrap();
        std::fs::write(resto.join("in-uso"), "").unwrap();
        std::fs::write(resto.join("ente.sqlite"), "in chiaro").unwrap();
        let f = fai(per(&uno), None);
        assert_eq!((f.file_nuovi, f.avvisi), (2, Vec::new()), "{cifra}");
        assert_eq!(fai(per(&uno), None).file_nuovi, 0, "only what is new");
        let resti = std::fs::read_dir(&archivio)
            .unwrap()
            .filter(|v| v.as_ref().unwrap().file_name().to_string_lossy().starts_with(".copia-"));
        assert_eq!(resti.count(), 0);
        let chiave = std::fs::read(archivio.join("chiave-installazione")).unwrap();
        for (che, byte) in [
            ("a document", &b"atto riservato"[..]),
            ("an oggetto", b"Segretissimo"),
            ("a database", b"SQLite format 3"),
            ("the key", &chiave),
            ("an impronta", impronta.to_string().as_bytes()),
        ] {
            assert_eq!(dicono(&copie, byte), Vec::<PathBuf>::new(), "{che}");
            let mut nell_archivio = byte == b"atto riservato" && cifra;
            nell_archivio |= byte == impronta.to_string().as_bytes();
            assert!(nell_archivio || !dicono(&archivio, byte).is_empty(), "{che} is looked for as it is");
        }
        // Who may not: nothing is written.
        let da = copia::Luogo::from(&*copie).scegli().unwrap();
        let nuovo = fuori.path().join("nuovo");
        let torna = |da: &Copia, chi: &[Identita]| copia::copia_in(da, &nuovo, None, chi, None, &|_| {});
        let per_uno = uno.destinatario().to_string();
        for (chi, perche) in [(vec![], "--identita"), (vec![due.clone()], "nessuna delle identità indicate apre")] {
            let Err(Guasto::NonValida(m)) = torna(&da, &chi) else { panic!("it was opened") };
            assert!(m.contains(perche) && m.contains(&per_uno), "{m}");
            assert!(!nuovo.exists());
        }
        // Altered, cut: found before it is opened.
        let documento = sotto(&copie.join("file/c_z999")).remove(0);
        let dove = da.cartella().unwrap();
        for (p, perche) in [
            (dove.join("enti/c_z999/ente.sqlite.age"), "ente.sqlite.age è alterato"),
            (dove.join("chiave-installazione.age"), "non è quello di questa copia"),
            (dove.join("enti/c_z999/file.elenco.age"), "è alterato"),
            (documento, "è alterato"),
        ] {
            let buono = std::fs::read(&p).unwrap();
            let mut male = buono.clone();
            let meta = male.len() / 2;
            male[meta] ^= 1;
            for byte in [male, buono[..buono.len() - 1].to_vec(), buono[..40].to_vec()] {
                std::fs::write(&p, byte).unwrap();
                let Err(Guasto::NonValida(m)) = torna(&da, std::slice::from_ref(&uno)) else {
                    panic!("{}", p.display())
                };
                assert!(m.contains(perche) || m.contains("è troncato"), "{m}");
                std::fs::remove_dir_all(&nuovo).unwrap();
            }
            std::fs::write(&p, buono).unwrap();
        }
        // Who may.
        let r = torna(&da, &[due.clone(), uno.clone()]).unwrap();
        assert_eq!(r.file, 2);
        copia::controlla_chiave(&nuovo, &r.manifesto).unwrap();
        let tenuti = |p: PathBuf| {
            let mut v: Vec<Vec<u8>> = sotto(&p).iter().map(|f| std::fs::read(f).unwrap()).collect();
            v.sort();
            v
        };
        // What lay in a segment comes back by itself: `verifica` compares it below.
        assert_eq!(tenuti(nuovo.join("enti/c_z999/file")).len(), 2);
        assert_eq!(
            std::fs::read_dir(&nuovo).unwrap().filter(|v| v.as_ref().unwrap().file_name() == ".elenco").count(),
            0
        );
        {
            let s = archivio::sqlite::SqliteStore::apri(&nuovo, b.orologio.clone()).unwrap();
            let ente = s.ente(&ipa()).await.unwrap().unwrap();
            let v = ente.verifica(&|_| {}).await.unwrap();
            assert_eq!((v.file, v.differenze), (2, Vec::new()));
        }
        std::fs::remove_dir_all(&nuovo).unwrap();
        // Another recipient: what was encrypted for the first is made anew for him, and goes with its last copy.
        let f = fai(per(&due), Some(1));
        let di_nuovo = if cifra { 0 } else { 2 };
        assert_eq!((f.file_nuovi, f.tolte, f.file_tolti, f.avvisi), (di_nuovo, 2, di_nuovo, Vec::new()), "{cifra}");
        let da = copia::Luogo::from(&*copie).scegli().unwrap();
        assert!(torna(&da, std::slice::from_ref(&uno)).is_err());
        assert_eq!(torna(&da, std::slice::from_ref(&due)).unwrap().file, 2);
        // One in clear beside it takes nothing of it away.
        let f = fai(None, None);
        assert_eq!((f.file_nuovi, f.file_tolti, f.manifesto.versione), (di_nuovo, 0, 3));
    }
}
