//! Small files, many to a segment: whole, altered, swept, copied, cut by a crash (R-B14, R-H07, R-N04).

use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::PathBuf;

use archivio::file::Custodia;
use dominio::codici::Impronta;

use super::banco::*;
use super::file::{con_file, letto};

const TESTA: u64 = 64;

/// The segments on the disk, and where each object of the database is.
struct Posti(PathBuf);

impl Posti {
    fn di(b: &Banco) -> Self {
        Self(b.dir.path().join("enti/c_z999"))
    }

    fn segmenti(&self) -> Vec<PathBuf> {
        let voci = std::fs::read_dir(self.0.join("file/segmenti"));
        let mut v: Vec<_> = voci.into_iter().flatten().map(|f| f.unwrap().path()).collect();
        v.sort();
        v
    }

    fn di_file(&self, impronta: &Impronta) -> (PathBuf, u64) {
        let c = rusqlite::Connection::open(self.0.join("ente.sqlite")).unwrap();
        let sql = "SELECT oggetto FROM oggetto_file WHERE impronta = ?";
        let oggetto: String = c.query_row(sql, [&impronta.0], |r| r.get(0)).unwrap();
        let p: Vec<&str> = oggetto.split('-').collect();
        (self.0.join("file/segmenti").join(p[1]), u64::from_str_radix(p[2], 16).unwrap())
    }

    /// Objects that are each a file.
    fn sciolti(&self) -> usize {
        let cartelle = std::fs::read_dir(self.0.join("file")).unwrap().map(|d| d.unwrap());
        let di_oggetti = cartelle.filter(|d| d.file_name() != "segmenti");
        di_oggetti.map(|d| std::fs::read_dir(d.path()).unwrap().count()).sum()
    }
}

fn byte(n: u8, quanti: usize) -> Vec<u8> {
    [format!("documento {n}: ").into_bytes(), vec![n; quanti]].concat()
}

/// In clear, so that what is on the disk can be looked for.
async fn in_chiaro() -> Banco {
    let come = Custodia { cifra: false, ..Custodia::default() };
    Banco::alle_su("2026-11-24T09:00:00+01:00", |dir, o| Box::pin(async move { apri_con(&dir, o, come).await })).await
}

fn contiene(p: &std::path::Path, testo: &[u8]) -> bool {
    std::fs::read(p).unwrap().windows(testo.len()).any(|w| w == testo)
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_lie_together_and_come_back_each_as_it_came() {
    if !su_file() {
        return;
    }
    for b in [Banco::nuovo().await, in_chiaro().await] {
        let mut tutti = Vec::new();
        for (n, quanti) in [(1, 0), (2, 1), (3, 65_000), (4, 66_000), (5, 131_000)] {
            tutti.push((con_file(&b, &format!("f{n}"), &byte(n, quanti)).await, byte(n, quanti)));
        }
        let grande = byte(9, 131_100);
        tutti.push((con_file(&b, "grande", &grande).await, grande));
        let insieme = (10..50).map(|n| byte(n, 3_000));
        let caricati = futures_util::future::join_all(insieme.clone().map(async |x| b.file("x", &x).await)).await;
        for (f, x) in caricati.into_iter().zip(insieme) {
            let mut n = b.nuova("anna", "Insieme");
            let impronta = f.file.impronta;
            n.file = vec![f];
            b.ente.registra(&aoo(), n).await.unwrap();
            tutti.push((impronta, x));
        }
        let p = Posti::di(&b);
        assert_eq!((p.segmenti().len(), p.sciolti()), (1, 1));
        for (i, x) in &tutti {
            assert_eq!(&letto(&*b.ente, i).await.unwrap(), x);
        }
        assert_eq!(b.verifica().await.file, tutti.len() as u64);
        // A segment is written by one process only.
        let (dir, o) = b.riapri();
        let b = Banco::di_nuovo(dir, o).await;
        con_file(&b, "dopo", &byte(99, 10)).await;
        assert_eq!(Posti::di(&b).segmenti().len(), 2);
        for (i, x) in &tutti {
            assert_eq!(&letto(&*b.ente, i).await.unwrap(), x);
        }
        b.ente.spazza().await.unwrap();
        assert_eq!(b.verifica().await.file, tutti.len() as u64 + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_altered_swapped_or_lost_is_found_and_named() {
    if !su_file() {
        return;
    }
    for b in [Banco::nuovo().await, in_chiaro().await] {
        let (uno, due) = (con_file(&b, "uno", &byte(1, 3_000)).await, con_file(&b, "due", &byte(2, 3_000)).await);
        let p = Posti::di(&b);
        let ((segmento, a), (_, z)) = (p.di_file(&uno), p.di_file(&due));
        let intero = std::fs::read(&segmento).unwrap();
        let lungo = (z - a) as usize;
        let cambia = |f: &dyn Fn(&mut Vec<u8>)| {
            let mut x = intero.clone();
            f(&mut x);
            std::fs::write(&segmento, x).unwrap();
        };
        let (a, z) = (a as usize, z as usize);
        type Alterazione<'a> = (&'a str, &'a dyn Fn(&mut Vec<u8>), usize);
        let casi: [Alterazione<'_>; 8] = [
            ("a byte", &|x| x[a + 64 + 1_500] ^= 1, 1),
            ("the last byte", &|x| *x.last_mut().unwrap() ^= 1, 1),
            ("its length", &|x| x[a + 8] ^= 1, 1),
            ("its name", &|x| x[a + 20] = if x[a + 20] == b'0' { b'1' } else { b'0' }, 1),
            ("its mark", &|x| x[a] = 0, 1),
            ("taken away", &|x| x[a + 48] = 1, 1),
            ("the end cut", &|x| x.truncate(z + 100), 1),
            // Whole records, each in the place of the other.
            ("swapped", &|x| x.rotate_left(lungo), 2),
        ];
        for (che, f, quante) in casi {
            cambia(f);
            let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
            assert_eq!(d.len(), quante, "{che}: {d:?}");
            assert!(d.iter().all(|d| d.tabella == "file" || d.campo == "byte"), "{che}: {d:?}");
            let chi = d.iter().any(|d| d.chiave == uno.hex() || d.chiave == due.hex());
            assert!(chi, "{che}: {d:?}");
        }
        std::fs::remove_file(&segmento).unwrap();
        let e = letto(&*b.ente, &uno).await.unwrap_err().to_string();
        assert!(e.contains("manca dall'archivio dei file"), "{e}");
        assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze.len(), 2);
        std::fs::write(&segmento, &intero).unwrap();
        b.verifica().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_names_leaves_a_hole_and_an_empty_segment_nothing() {
    if !su_file() {
        return;
    }
    let b = in_chiaro().await;
    let tenuto = con_file(&b, "tenuto", &byte(1, 50_000)).await;
    let orfano = b.file("orfano", &byte(2, 100_000)).await;
    let dopo = con_file(&b, "dopo", &byte(3, 50_000)).await;
    // The same bytes twice: the second is not needed.
    con_file(&b, "doppio", &byte(1, 50_000)).await;
    let p = Posti::di(&b);
    let segmento = p.segmenti().remove(0);
    let blocchi = std::fs::metadata(&segmento).unwrap().blocks();
    assert_eq!(b.ente.spazza().await.unwrap(), 0, "in use, and not old");
    drop(orfano);
    assert!(contiene(&segmento, b"documento 2: "));
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    let solo_orfani = b.file("perso", &byte(4, 10)).await;
    drop(solo_orfani);
    assert_eq!(b.ente.spazza().await.unwrap(), 1);
    assert!(!contiene(&segmento, b"documento 2: "));
    assert!(std::fs::metadata(&segmento).unwrap().blocks() <= blocchi - 100_000 / 512 + 16);
    for (i, n) in [(tenuto, 1), (dopo, 3)] {
        assert_eq!(letto(&*b.ente, &i).await.unwrap(), byte(n, 50_000));
    }
    // What has nothing any more goes at the round after.
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    assert_eq!((b.ente.spazza().await.unwrap(), p.segmenti().len()), (1, 2));
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    assert_eq!((b.ente.spazza().await.unwrap(), p.segmenti()), (0, vec![segmento]));
    assert_eq!(b.verifica().await.file, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_cannot_be_walked_is_kept_for_what_is_beyond() {
    if !su_file() {
        return;
    }
    let b = in_chiaro().await;
    drop(b.file("orfano", &byte(1, 3_000)).await);
    let tenuto = con_file(&b, "tenuto", &byte(2, 3_000)).await;
    let dopo = con_file(&b, "dopo", &byte(3, 3_000)).await;
    let p = Posti::di(&b);
    let (segmento, inizio) = p.di_file(&tenuto);
    let (mut dir, mut o) = b.riapri();
    // The head of one does not read: that object is lost, those after it are not.
    let f = std::fs::OpenOptions::new().write(true).open(&segmento).unwrap();
    f.write_all_at(b"x", inizio).unwrap();
    for _ in 0..3 {
        let b = Banco::di_nuovo(dir, o).await;
        b.ente.spazza().await.unwrap();
        assert_eq!(letto(&*b.ente, &dopo).await.unwrap(), byte(3, 3_000));
        assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze.len(), 1);
        (dir, o) = b.riapri();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_cut_is_left_alone_and_what_was_promised_before_it_is_there() {
    if !su_file() {
        return;
    }
    let b = in_chiaro().await;
    let uno = con_file(&b, "uno", &byte(1, 5_000)).await;
    drop(b.file("orfano", &byte(2, 5_000)).await);
    let segmento = Posti::di(&b).segmenti().remove(0);
    let intero = std::fs::read(&segmento).unwrap();
    let (mut dir, mut o) = b.riapri();
    // A head without its bytes, half of a head, what was there before in those blocks.
    let testa = &intero[..TESTA as usize];
    for coda in [testa, &testa[..20], &[0; 300], &[0xa5; 300]] {
        std::fs::write(&segmento, [&intero, coda].concat()).unwrap();
        let b = Banco::di_nuovo(dir, o).await;
        b.ente.spazza().await.unwrap();
        assert_eq!(letto(&*b.ente, &uno).await.unwrap(), byte(1, 5_000));
        assert!(!contiene(&segmento, b"documento 2"));
        let altro = con_file(&b, "altro", &byte(coda.len() as u8, coda.len())).await;
        assert_eq!(letto(&*b.ente, &altro).await.unwrap(), byte(coda.len() as u8, coda.len()));
        b.verifica().await;
        (dir, o) = b.riapri();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_from_a_copy_is_by_itself_and_is_swept_no_more_than_the_rest() {
    if !su_file() {
        return;
    }
    use archivio::sqlite::copia::{self, Opzioni};
    let b = Banco::nuovo().await;
    let uno = con_file(&b, "uno", &byte(1, 5_000)).await;
    let due = con_file(&b, "due", &byte(2, 200_000)).await;
    let fuori = tempfile::tempdir().unwrap();
    let fai = |archivio: &std::path::Path, copie: &str, ora: i64| {
        copia::copia(&Opzioni {
            archivio,
            dove: &copia::Luogo::from(&*fuori.path().join(copie)),
            conserva: None,
            programma: "prova",
            ora: dominio::tempo::Istante(b.ente.ora().0 + ora),
            avanza: &|_| {},
            custodia: Custodia::default(),
            destinatari: None,
            temporanea: None,
        })
        .unwrap()
    };
    let f = fai(b.dir.path(), "copie", 0);
    assert_eq!((f.file_nuovi, f.avvisi), (2, Vec::new()));
    assert_eq!(fai(b.dir.path(), "copie", 1_000_000).file_nuovi, 0);
    let nuovo = fuori.path().join("nuovo");
    let da = copia::Luogo::from(&*fuori.path().join("copie")).scegli().unwrap();
    assert_eq!(copia::copia_in(&da, &nuovo, None, &[], None, &|_| {}).unwrap().file, 2);
    let s = archivio::sqlite::SqliteStore::apri(&nuovo, b.orologio.clone()).unwrap();
    let ente = archivio::Store::ente(&*s, &ipa()).await.unwrap().unwrap();
    assert_eq!(ente.spazza().await.unwrap(), 0);
    assert_eq!(letto(&*ente, &uno).await.unwrap(), byte(1, 5_000));
    assert_eq!(letto(&*ente, &due).await.unwrap(), byte(2, 200_000));
    // Its keys turn too, though it lies elsewhere.
    assert_eq!(ente.ruota_chiave_file("rita", true).await.unwrap().riavvolte, 2);
    assert_eq!(letto(&*ente, &uno).await.unwrap(), byte(1, 5_000));
    let v = ente.verifica(&|_| {}).await.unwrap();
    assert_eq!((v.file, v.differenze), (2, Vec::new()));
    drop(ente);
    // And a copy of it has all of them again.
    assert_eq!(fai(&nuovo, "altre", 2_000_000).file_nuovi, 2);
    // One damaged is left out, and said.
    let (segmento, inizio) = Posti::di(&b).di_file(&uno);
    let f = std::fs::OpenOptions::new().write(true).open(segmento).unwrap();
    f.write_all_at(b"x", inizio + TESTA + 10).unwrap();
    let f = fai(b.dir.path(), "terze", 3_000_000);
    assert_eq!((f.file_nuovi, f.avvisi.len()), (1, 1), "{:?}", f.avvisi);
}
