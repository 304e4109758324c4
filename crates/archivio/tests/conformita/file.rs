//! Files at rest: encrypted under a key each, wrapped by the ente's, which turns (R-L13, R-N07).

use archivio::EnteStore;
use archivio::file::Custodia;
use archivio::store::Rotazione;
use dominio::codici::Impronta;

use super::banco::*;

/// Registers a document and gives its impronta.
pub async fn con_file(b: &Banco, nome: &str, byte: &[u8]) -> Impronta {
    let mut n = b.nuova("anna", nome);
    n.file = vec![b.file(nome, byte).await];
    let impronta = n.file[0].file.impronta;
    b.ente.registra(&aoo(), n).await.unwrap();
    impronta
}

pub async fn letto(ente: &dyn EnteStore, impronta: &Impronta) -> archivio::Esito<Vec<u8>> {
    ente.file(impronta).await?.unwrap().intero().await
}

/// Every object on the disk.
fn oggetti(b: &Banco) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut out: Vec<_> = std::fs::read_dir(b.dir.path().join("enti/c_z999/file"))
        .unwrap()
        .flat_map(|d| std::fs::read_dir(d.unwrap().path()).unwrap())
        .map(|f| f.unwrap().path())
        .map(|p| (p.clone(), std::fs::read(p).unwrap()))
        .collect();
    out.sort();
    out
}

fn si_legge(b: &Banco, testo: &[u8]) -> bool {
    oggetti(b).iter().any(|(_, o)| o.windows(testo.len()).any(|w| w == testo))
}

fn testo(n: usize) -> Vec<u8> {
    (0..n).map(|i| b"Comune di Prova, atto riservato. "[i % 33]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_on_the_disk_says_nothing_and_comes_back_whole() {
    // R-L13, R-N07; the impronta stays that of the original (R-A17).
    let b = Banco::nuovo().await;
    for n in [1, 65_536, 200_000] {
        let byte = testo(n);
        let i = con_file(&b, &format!("f{n}"), &byte).await;
        assert_eq!(letto(&*b.ente, &i).await.unwrap(), byte, "{n}");
    }
    assert!(!si_legge(&b, b"atto riservato"));
    // The same bytes twice: another object under another key, and one of the two is not kept.
    let prima = oggetti(&b).len();
    con_file(&b, "ancora", &testo(65_536)).await;
    b.ente.spazza().await.unwrap();
    assert_eq!(oggetti(&b).len(), prima);
    assert_eq!(b.verifica().await.file, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn rotation_wraps_keys_anew_and_touches_no_file() {
    let b = Banco::nuovo().await;
    let uno = con_file(&b, "uno", &testo(100_000)).await;
    let due = con_file(&b, "due", &testo(10)).await;
    let prima = oggetti(&b);
    assert_eq!(
        b.ente.ruota_chiave_file("rita", true).await.unwrap(),
        Rotazione { chiave: 2, riavvolte: 2, guaste: 0, in_chiaro: 0 }
    );
    assert_eq!(oggetti(&b), prima);
    let tre = con_file(&b, "tre", &testo(11)).await;
    // Nothing is left to be done, and doing it says so.
    assert_eq!(
        b.ente.ruota_chiave_file("rita", false).await.unwrap(),
        Rotazione { chiave: 2, riavvolte: 0, guaste: 0, in_chiaro: 0 }
    );
    assert_eq!(b.ente.ruota_chiave_file("rita", true).await.unwrap().riavvolte, 3);
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    for (i, n) in [(uno, 100_000), (due, 10), (tre, 11)] {
        assert_eq!(letto(&*b.ente, &i).await.unwrap(), testo(n));
    }
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_kept_in_clear_stay_readable_and_new_ones_are_encrypted_once_there_is_a_key() {
    let in_chiaro = Custodia { cifra: false, ..Custodia::default() };
    let b = Banco::alle_su("2026-11-24T09:00:00+01:00", |dir, o| {
        Box::pin(async move { apri_con(&dir, o, in_chiaro).await })
    })
    .await;
    let vecchio = con_file(&b, "vecchio", &testo(1_000)).await;
    assert!(si_legge(&b, b"atto riservato"));
    // Opened by who encrypts, it is still the ente that says.
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    con_file(&b, "ancora in chiaro", &testo(1_001)).await;
    let quanti = |b: &Banco| oggetti(b).iter().filter(|(_, o)| o.windows(8).any(|w| w == b"atto ris")).count();
    assert_eq!(quanti(&b), 2);
    assert_eq!(
        b.ente.ruota_chiave_file("rita", true).await.unwrap(),
        Rotazione { chiave: 1, riavvolte: 0, guaste: 0, in_chiaro: 2 }
    );
    let nuovo = con_file(&b, "nuovo", &testo(1_002)).await;
    assert_eq!(quanti(&b), 2);
    assert_eq!(letto(&*b.ente, &vecchio).await.unwrap(), testo(1_000));
    assert_eq!(letto(&*b.ente, &nuovo).await.unwrap(), testo(1_002));
    assert_eq!(b.verifica().await.file, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_altered_is_refused_to_who_reads_and_named_by_verifica() {
    // R-B14
    let b = Banco::nuovo().await;
    let i = con_file(&b, "uno", &testo(200_000)).await;
    let (p, intero) = oggetti(&b).remove(0);
    let mut in_mezzo = intero.clone();
    in_mezzo[150_000] ^= 1;
    let altrui = [intero.as_slice(), b"in coda"].concat();
    for male in [intero[..100].to_vec(), intero[..65_552].to_vec(), in_mezzo, altrui] {
        std::fs::write(&p, male).unwrap();
        let e = letto(&*b.ente, &i).await.unwrap_err().to_string();
        assert!(e.contains("il contenuto cifrato è alterato"), "{e}");
        let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
        assert_eq!(d.len(), 1, "{d:?}");
        assert!(d[0].chiave == i.hex() && d[0].trovato.contains("il contenuto cifrato è alterato"), "{d:?}");
    }
    std::fs::remove_file(&p).unwrap();
    let e = letto(&*b.ente, &i).await.unwrap_err().to_string();
    assert!(e.contains("manca dall'archivio dei file"), "{e}");
    std::fs::write(&p, intero).unwrap();
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_another_key_of_the_installation_nothing_opens_and_it_is_said_once() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    let i = con_file(&b, "uno", &testo(10)).await;
    con_file(&b, "due", &testo(11)).await;
    let (dir, o) = b.riapri();
    let chiave = dir.path().join("chiave-installazione");
    let giusta = std::fs::read(&chiave).unwrap();
    std::fs::write(&chiave, [9; 32]).unwrap();
    let b = Banco::di_nuovo(dir, o).await;
    let e = letto(&*b.ente, &i).await.unwrap_err().to_string();
    assert!(e.contains("la chiave dei file numero 1 dell'ente c_z999 non si apre"), "{e}");
    // Nor is anything stored in a way that nobody could open.
    let e = b.ente.carica().await.map(drop).unwrap_err().to_string();
    assert!(e.contains("non si apre con la chiave di questa installazione"), "{e}");
    let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
    assert_eq!(d.iter().filter(|d| d.tabella == "chiave_file").count(), 1, "{d:?}");
    assert!(!d.iter().any(|d| d.tabella == "file"), "{d:?}");
    std::fs::remove_file(&chiave).unwrap();
    let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
    assert!(d.iter().any(|d| d.trovato.contains("manca la chiave dell'installazione")), "{d:?}");
    std::fs::write(&chiave, giusta).unwrap();
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_keys_altered_or_lost_are_named() {
    if !su_file() {
        return;
    }
    // R-B13
    let b = Banco::nuovo().await;
    con_file(&b, "uno", &testo(10)).await;
    con_file(&b, "due", &testo(11)).await;
    let cartella = b.dir.path().join("enti/c_z999");
    let c = rusqlite::Connection::open(cartella.join("ente.sqlite")).unwrap();
    for sql in ["UPDATE chiave_documento SET n = 2", "DELETE FROM chiave_documento", "DELETE FROM chiave_file"] {
        assert!(c.execute_batch(sql).unwrap_err().to_string().contains("immutabile"), "{sql}");
    }
    for (sql, tabella, campo) in [
        ("DELETE FROM chiave_documento", "chiave_documento", "riga"),
        ("UPDATE chiave_documento SET chiave = zeroblob(72)", "file", "contenuto"),
        (
            "UPDATE chiave_documento SET chiave = (SELECT chiave FROM chiave_documento x WHERE x.impronta <> chiave_documento.impronta)",
            "file",
            "contenuto",
        ),
        ("UPDATE oggetto_file SET codifica = 'nessuna'", "chiave_documento", "riga"),
        ("UPDATE oggetto_file SET codifica = 'rot13'", "oggetto_file", "codifica"),
        ("UPDATE chiave_file SET chiave = zeroblob(72)", "chiave_file", "chiave"),
        ("INSERT INTO chiave_documento VALUES (zeroblob(32), 1, x'00')", "chiave_documento", "riga"),
    ] {
        let d = alterato(&cartella, sql);
        assert!(d.iter().any(|d| d.tabella == tabella && d.campo == campo), "{sql}: {d:#?}");
    }
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_files_as_they_are_kept_and_comes_back_also_from_before_there_were_keys() {
    if !su_file() {
        return;
    }
    // R-N04
    use archivio::sqlite::copia::{self, Opzioni};
    for cifra in [true, false] {
        let come = Custodia { cifra, ..Custodia::default() };
        let b = Banco::alle_su("2026-11-24T09:00:00+01:00", |dir, o| {
            Box::pin(async move { apri_con(&dir, o, come).await })
        })
        .await;
        // Those that lie together are in segmenti.rs.
        for n in [150_000, 170_000] {
            con_file(&b, &format!("f{n}"), &testo(n)).await;
        }
        let fuori = tempfile::tempdir().unwrap();
        let copie = fuori.path().join("copie");
        let (ora, archivio) = (b.ente.ora(), b.dir.path().to_owned());
        if !cifra {
            // As it was before the migration that brought keys.
            let c = rusqlite::Connection::open(archivio.join("enti/c_z999/ente.sqlite")).unwrap();
            c.execute_batch("DROP TABLE chiave_file; DROP TABLE chiave_documento; DELETE FROM migrazione WHERE n = 5;")
                .unwrap();
        }
        let fai = || {
            copia::copia(&Opzioni {
                archivio: &archivio,
                dove: &copia::Luogo::from(&*copie),
                conserva: None,
                programma: "prova",
                ora: dominio::tempo::Istante(ora.0 + 1_000_000 * i64::from(copie.exists())),
                avanza: &|_| {},
                custodia: Custodia::default(),
                destinatari: None,
                temporanea: None,
            })
            .unwrap()
        };
        let f = fai();
        assert_eq!((f.file_nuovi, f.avvisi), (2, Vec::new()));
        assert_eq!(fai().file_nuovi, 0);
        let nuovo = fuori.path().join("nuovo");
        let da = copia::Luogo::from(&*copie).scegli().unwrap();
        let r = copia::copia_in(&da, &nuovo, None, &[], None, &|_| {}).unwrap();
        assert_eq!(r.file, 2);
        let tenuti = |p: &std::path::Path| {
            let mut v: Vec<Vec<u8>> = std::fs::read_dir(p)
                .unwrap()
                .flat_map(|d| std::fs::read_dir(d.unwrap().path()).unwrap())
                .map(|f| std::fs::read(f.unwrap().path()).unwrap())
                .collect();
            v.sort();
            v
        };
        assert_eq!(tenuti(&nuovo.join("enti/c_z999/file")), tenuti(&archivio.join("enti/c_z999/file")));
        let s = archivio::sqlite::SqliteStore::apri(&nuovo, b.orologio.clone()).unwrap();
        let ente = archivio::Store::ente(&*s, &ipa()).await.unwrap().unwrap();
        let v = ente.verifica(&|_| {}).await.unwrap();
        assert_eq!((v.file, v.differenze), (2, Vec::new()));
    }
}
