//! Copies to a bucket and from one, of documents that are in a bucket (R-L22, R-N04).

use std::path::Path;

use archivio::age::{Destinatari, Identita};
use archivio::sqlite::SqliteStore;
use archivio::sqlite::copia::{self, Approdo, Copia, Fatta, Guasto as NonCopiata, Luogo};

use super::*;

// Made for this test, used for nothing else.
const UNO: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";

/// No fault here is a silence: a slow machine is waited for.
fn paziente(endpoint: &str, prefisso: &str) -> Custodia {
    let mut c = custodia(endpoint, prefisso);
    if let Some(s) = &mut c.s3 {
        s.attesa = Duration::from_secs(30);
    }
    c
}

fn in_bucket(endpoint: &str, prefisso: &str) -> Luogo {
    Luogo::in_secchio(paziente(endpoint, prefisso).s3.as_ref().unwrap()).unwrap()
}

/// The folder that is copied: that of the archive, or what a database exports as `backup` does.
struct Sorgente {
    _esportata: Option<tempfile::TempDir>,
    cartella: std::path::PathBuf,
    custodia: Custodia,
}

impl Sorgente {
    async fn di(b: &Banco, s3: &str) -> Self {
        let archivio = b.dir.path();
        let custodia =
            Custodia { chiave: Some(archivio.join("chiave-installazione")), ..paziente(s3, &prefisso(archivio)) };
        if su_file() {
            return Self { _esportata: None, cartella: archivio.to_owned(), custodia };
        }
        let d = tempfile::tempdir().unwrap();
        let nome = archivio.file_name().unwrap().to_str().unwrap().to_lowercase().replace('.', "_");
        let url = format!("{}/{nome}", server().unwrap().rsplit_once('/').unwrap().0);
        let s = archivio::postgres::PostgresStore::apri(archivio, &url, b.orologio.clone(), Default::default());
        s.await.unwrap().esporta(d.path()).await.unwrap();
        Self { cartella: d.path().to_owned(), _esportata: Some(d), custodia }
    }

    fn copia(
        &self,
        dove: &Luogo,
        n: i64,
        per: Option<&Identita>,
        conserva: Option<usize>,
    ) -> Result<Fatta, NonCopiata> {
        copia::copia(&copia::Opzioni {
            archivio: &self.cartella,
            dove,
            conserva,
            programma: "prova",
            ora: dominio::tempo::Istante(1_780_000_000_000_000 + n * 1_000_000),
            avanza: &|_| {},
            custodia: self.custodia.clone(),
            destinatari: per.map(|i| Destinatari::di(vec![i.destinatario()]).unwrap()),
            temporanea: None,
        })
    }
}

/// What comes back verifies, with so many files; its documents are in a folder, or in a bucket.
async fn torna(copia: &Copia, chi: &[Identita], file: u64, blob: Option<Custodia>, o: &Arc<OrologioDiProva>) {
    let d = tempfile::tempdir().unwrap();
    let nuovo = d.path().join("nuovo");
    let approdo = blob.as_ref().map(|c| Approdo::apri(c.s3.as_ref().unwrap()).unwrap());
    let r = copia::copia_in(copia, &nuovo, None, chi, approdo.as_ref(), &|_| {}).unwrap();
    assert_eq!(r.file, file);
    copia::controlla_chiave(&nuovo, &r.manifesto).unwrap();
    if let Some(a) = approdo {
        a.consegna();
        assert!(!nuovo.join("enti/c_z999/file").exists());
    }
    let s = SqliteStore::apri_con(&nuovo, o.clone(), blob.unwrap_or_default()).unwrap();
    let ente = s.ente(&ipa()).await.unwrap().unwrap();
    // What no registration names is nobody's: the sweeper takes nothing of what came back.
    ente.spazza().await.unwrap();
    let v = ente.verifica(&|_| {}).await.unwrap();
    assert_eq!((v.file, v.differenze), (file, Vec::new()));
}

fn copia_di(l: &Luogo) -> Copia {
    l.scegli().unwrap()
}

fn rifiutata(c: &Copia, chi: &[Identita]) -> String {
    let d = tempfile::tempdir().unwrap();
    match copia::copia_in(c, &d.path().join("nuovo"), None, chi, None, &|_| {}) {
        Err(NonCopiata::NonValida(m)) => m,
        altro => panic!("{altro:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_in_a_bucket_are_copied_once_to_a_bucket_or_a_folder_and_come_back_to_either() {
    let Some(s3) = endpoint() else { return };
    let uno: Identita = UNO.parse().unwrap();
    for per in [None, Some(&uno)] {
        let b = banco_in(&s3).await;
        for n in [1, 100_000, 20_000_001] {
            registra(&b, &format!("f{n}"), &testo(n)).await.unwrap();
        }
        let chi = per.map(std::slice::from_ref).unwrap_or_default();
        let (p, d) = (prefisso(b.dir.path()), tempfile::tempdir().unwrap());
        let suo = format!("{p}-copie");
        let sorgente = Sorgente::di(&b, &s3).await;
        for (i, luogo) in [in_bucket(&s3, &suo), Luogo::from(d.path())].iter().enumerate() {
            let f = sorgente.copia(luogo, 0, per, None).unwrap();
            assert_eq!((f.file_nuovi, f.avvisi, f.manifesto.enti.len()), (3, Vec::new(), 2));
            assert_eq!(sorgente.copia(luogo, 1, per, None).unwrap().file_nuovi, 0, "only what is new");
            assert_eq!(luogo.copie().unwrap().len(), 2);
            torna(&copia_di(luogo), chi, 3, None, &b.orologio).await;
            torna(&copia_di(luogo), chi, 3, Some(paziente(&s3, &format!("{p}-nuovo{i}"))), &b.orologio).await;
        }
        // One is meant by its own name too, and of two one stays.
        let una = in_bucket(&s3, &suo).copie().unwrap().remove(0);
        let detta = copia_di(&in_bucket(&s3, &format!("{suo}/{}", una.nome)));
        assert_eq!((detta.to_string(), &detta.nome), (una.to_string(), &una.nome));
        let tutti = oggetti_sotto(&s3, &suo);
        if per.is_some() {
            for segreto in [&b"atto riservato"[..], b"SQLite format 3"] {
                assert!(!tutti.iter().any(|(_, o)| o.windows(segreto.len()).any(|w| w == segreto)));
            }
        }
        metti(&s3, &format!("{suo}/file/c_z999/ab/cdef"), b"of no copy");
        let l = in_bucket(&s3, &suo);
        let f = sorgente.copia(&l, 2, per, Some(1)).unwrap();
        assert_eq!((f.file_nuovi, f.tolte, f.file_tolti, f.avvisi), (0, 2, 1, Vec::new()));
        assert_eq!(l.copie().unwrap().len(), 1);
        torna(&copia_di(&l), chi, 3, None, &b.orologio).await;
        // Nothing says any more that somebody is copying.
        assert!(!oggetti_sotto(&s3, &suo).iter().any(|(n, _)| n.contains("/in-uso/")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_altered_or_missing_in_the_bucket_is_found_at_the_copy_and_at_the_restoring() {
    let Some(s3) = endpoint() else { return };
    let b = banco_in(&s3).await;
    registra(&b, "uno", &testo(70_000)).await.unwrap();
    let suo = format!("{}-copie", prefisso(b.dir.path()));
    let (l, sorgente) = (in_bucket(&s3, &suo), Sorgente::di(&b, &s3).await);
    sorgente.copia(&l, 0, None, None).unwrap();
    for (quale, perche) in [
        ("/file/c_z999/", "è alterato"),
        ("enti/c_z999/ente.sqlite", "ente.sqlite è alterato"),
        ("chiave-installazione", "non è quello di questa copia"),
        ("file.elenco", "l'elenco dei file"),
        ("manifesto.json", "il manifesto"),
    ] {
        let (nome, byte) = oggetti_sotto(&s3, &suo).into_iter().find(|(n, _)| n.contains(quale)).unwrap();
        let mut male = byte.clone();
        let meta = male.len() / 2;
        male[meta] ^= 1;
        metti(&s3, &nome, &male);
        let m = rifiutata(&copia_di(&l), &[]);
        assert!(m.contains(perche), "{quale}: {m}");
        metti(&s3, &nome, &byte);
    }
    // Where something is nothing is brought back, and what was refused leaves nothing.
    let meta = paziente(&s3, &suo);
    let Err(NonCopiata::Uso(m)) = Approdo::apri(meta.s3.as_ref().unwrap()).map(drop) else { panic!("it was taken") };
    assert!(m.contains("non è vuoto"), "{m}");
    let meta = paziente(&s3, &format!("{suo}-nuovo"));
    {
        let approdo = Approdo::apri(meta.s3.as_ref().unwrap()).unwrap();
        let d = tempfile::tempdir().unwrap();
        copia::copia_in(&copia_di(&l), &d.path().join("n"), None, &[], Some(&approdo), &|_| {}).unwrap();
        assert_eq!(oggetti_sotto(&s3, &format!("{suo}-nuovo")).len(), 1);
    }
    assert_eq!(oggetti_sotto(&s3, &format!("{suo}-nuovo")), Vec::new());
    // In the archive already: the copy is made, and names it.
    let (nome, mut byte) = oggetti(&s3, &b).remove(0);
    byte[66_000] ^= 1;
    metti(&s3, &nome, &byte);
    let altrove = in_bucket(&s3, &format!("{suo}-altrove"));
    let f = sorgente.copia(&altrove, 0, None, None).unwrap();
    assert_eq!((f.file_nuovi, f.manifesto.enti.iter().map(|e| e.documenti.guasti.len()).sum()), (0, 1));
    // Copies and documents are not one within the other.
    for dentro in [prefisso(b.dir.path()), format!("{}/copie", prefisso(b.dir.path()))] {
        assert!(matches!(sorgente.copia(&in_bucket(&s3, &dentro), 0, None, None), Err(NonCopiata::Uso(_))), "{dentro}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_fails_now_and_then_makes_a_whole_copy_and_one_that_is_gone_makes_none() {
    let Some(s3) = endpoint() else { return };
    let m = Mandatario::davanti_a(&s3);
    let b = banco_in(&s3).await;
    for n in [10, 9_500_000] {
        registra(&b, &format!("f{n}"), &testo(n)).await.unwrap();
    }
    let (suo, sorgente) = (format!("{}-copie", prefisso(b.dir.path())), Sorgente::di(&b, &s3).await);
    let l = in_bucket(&m.url(), &suo);
    let mut n = 0;
    for guasto in [Guasto::Errore500, Guasto::RispostaPersa] {
        for quali in [
            "PUT",
            "PUT?partNumber",
            "PUT?manifesto",
            "POST?uploads",
            "POST?uploadId",
            "GET?list-type",
            "HEAD",
            "DELETE",
        ] {
            // Something to send each time.
            let lungo = if quali.contains("part") || quali.contains("upload") { 8_500_000 } else { 1_000 };
            registra(&b, &format!("g{n}"), &testo(lungo + n as usize)).await.unwrap();
            let sorgente = Sorgente::di(&b, &s3).await;
            m.guasta(quali, guasto, 2);
            let f = sorgente.copia(&l, n, None, Some(1));
            assert!(f.is_ok() && m.rimasti() == 0, "{quali} {guasto:?}: {f:?}");
            m.guasta("", guasto, 0);
            n += 1;
        }
    }
    let attesi = 2 + n as u64;
    for guasto in [Guasto::Errore500, Guasto::RispostaPersa] {
        m.guasta("GET?/file/", guasto, 3);
        torna(&copia_di(&l), &[], attesi, None, &b.orologio).await;
        m.guasta("PUT?-nuovo", guasto, 3);
        let meta = paziente(&m.url(), &format!("{suo}-nuovo{guasto:?}"));
        torna(&copia_di(&l), &[], attesi, Some(meta), &b.orologio).await;
        m.guasta("", guasto, 0);
    }
    // Gone when all was sent but what says so.
    m.guasta("PUT?manifesto", Guasto::Errore500, usize::MAX);
    let e = sorgente.copia(&l, 90, None, Some(1)).unwrap_err().to_string();
    assert!(e.contains("l'archivio S3 dei file non risponde"), "{e}");
    m.guasta("", Guasto::Errore500, 0);
    assert_eq!((l.copie().unwrap().len(), l.copie().unwrap()[0].nome.clone()), (1, copia_di(&l).nome));
    let resta = |quale: &str| oggetti_sotto(&s3, &suo).iter().any(|(n, _)| n.contains(quale));
    let monca = copia_di(&in_bucket(&s3, &suo)).nome;
    let f = Sorgente::di(&b, &s3).await.copia(&l, 91, None, None).unwrap();
    assert_eq!((f.file_nuovi, l.copie().unwrap().len()), (0, 2));
    assert!(resta(&monca) && !resta("/in-uso/"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_copy_at_a_time_goes_to_a_bucket_and_what_an_interrupted_one_left_is_swept() {
    let Some(s3) = endpoint() else { return };
    let b = banco_in(&s3).await;
    registra(&b, "uno", &testo(10)).await.unwrap();
    let suo = format!("{}-copie", prefisso(b.dir.path()));
    let (l, sorgente) = (in_bucket(&s3, &suo), Sorgente::di(&b, &s3).await);
    // Somebody else, on another machine.
    metti(&s3, &format!("{suo}/in-uso/0123456789abcdef"), b"");
    let e = sorgente.copia(&l, 0, None, None).unwrap_err().to_string();
    assert!(e.contains("un'altra copia è in corso"), "{e}");
    assert_eq!(oggetti_sotto(&s3, &suo).len(), 1, "nothing was begun, and nobody's turn was taken");
    // It was one of this archive, whose process is gone: its folder is there, and nobody holds it.
    let resto = sorgente.cartella.join(".copia-0123456789abcdef");
    std::fs::create_dir(&resto).unwrap();
    std::fs::write(resto.join("in-uso"), "").unwrap();
    metti(&s3, &format!("{suo}/copie/20000101T000000Z/enti/c_z999/ente.sqlite"), b"half");
    assert!(l.scegli().is_err_and(|e| e.to_string().contains("nessuna copia completa")));
    sorgente.copia(&l, 0, None, None).unwrap();
    assert!(!resto.exists());
    let nomi: Vec<String> = oggetti_sotto(&s3, &suo).into_iter().map(|(n, _)| n).collect();
    assert!(!nomi.iter().any(|n| n.contains("/in-uso/") || n.contains("20000101")), "{nomi:?}");
    torna(&copia_di(&l), &[], 1, None, &b.orologio).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sweeps_while_a_copy_is_made_takes_nothing_away_from_it() {
    let Some(s3) = endpoint() else { return };
    let b = banco_in(&s3).await;
    for n in 0..6 {
        registra(&b, &format!("f{n}"), &testo(1_000 + n)).await.unwrap();
        drop(b.carica(&testo(2_000 + n)).await);
    }
    let sorgente = Sorgente::di(&b, &s3).await;
    let l = in_bucket(&s3, &format!("{}-copie", prefisso(b.dir.path())));
    // Past every lease.
    b.orologio.passa(1_000_000_000);
    let copia = std::thread::scope(|s| {
        let fatta = s.spawn(|| sorgente.copia(&l, 0, None, None).unwrap());
        let rt = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| {
            while !fatta.is_finished() {
                rt.block_on(b.ente.spazza()).unwrap();
            }
        });
        fatta.join().unwrap()
    });
    assert_eq!((copia.file_nuovi, copia.avvisi), (6, Vec::new()));
    b.ente.spazza().await.unwrap();
    assert_eq!(oggetti(&s3, &b).len(), 6);
    torna(&copia_di(&l), &[], 6, None, &b.orologio).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_move_between_a_folder_and_buckets_each_compared_on_its_way() {
    let Some(s3) = endpoint() else { return };
    let b = banco_in(&s3).await;
    for n in [10, 9_500_000] {
        registra(&b, &format!("f{n}"), &testo(n)).await.unwrap();
    }
    let (sorgente, p) = (Sorgente::di(&b, &s3).await, prefisso(b.dir.path()));
    let d = tempfile::tempdir().unwrap();
    let porta = |custodia: &Custodia, da: &Path, a: &Path, approdo: Option<&Approdo>| {
        copia::trasporta(&ipa(), &sorgente.cartella, da, custodia, a, approdo).unwrap()
    };
    let (folder, nessuno) = (d.path().join("c_z999"), d.path().join("nessuno"));
    let in_cartella = porta(&sorgente.custodia, &nessuno, &folder, None);
    assert_eq!((in_cartella.file, in_cartella.guasti), (2, Vec::new()));
    let da_cartella = Custodia { s3: None, ..sorgente.custodia.clone() };
    let meta = paziente(&s3, &format!("{p}-b"));
    let approdo = Approdo::apri(meta.s3.as_ref().unwrap()).unwrap();
    assert_eq!(porta(&da_cartella, &folder, &nessuno, Some(&approdo)).file, 2);
    approdo.consegna();
    let byte = |p: &str| {
        let mut v: Vec<_> =
            oggetti_sotto(&s3, p).into_iter().map(|(n, o)| (n.split_once('/').unwrap().1.to_owned(), o)).collect();
        v.sort();
        v
    };
    assert!(byte(&p) == byte(&format!("{p}-b")));
    // What is not what was registered stays where it is.
    let (nome, mut altri) = oggetti(&s3, &b).remove(0);
    altri[5] ^= 1;
    metti(&s3, &nome, &altri);
    let meta = paziente(&s3, &format!("{p}-c"));
    let approdo = Approdo::apri(meta.s3.as_ref().unwrap()).unwrap();
    let t = porta(&sorgente.custodia, &nessuno, &nessuno, Some(&approdo));
    assert_eq!((t.file, t.guasti.len(), byte(&format!("{p}-c")).len()), (1, 1, 1));
}
