//! `verifica` against checkpoints kept elsewhere, beside a live writer, and interrupted.

use crate::banco::*;
use archivio::Errore;
use archivio::sqlite::verifica::{self, Ancora, Opzioni, Stato};
use archivio::store::*;
use catena::{Checkpoint, ChiaveFirma};

/// Fewer at once than the queue of the writer takes.
async fn registra(b: &std::sync::Arc<Banco>, quante: usize) {
    for primo in (0..quante).step_by(1_000) {
        let mut compiti = tokio::task::JoinSet::new();
        for i in primo..quante.min(primo + 1_000) {
            let b = std::sync::Arc::clone(b);
            compiti.spawn(async move { b.registra(&format!("Documento {i}")).await });
        }
        compiti.join_all().await;
    }
}

fn con(cartella: &std::path::Path, note: &[String]) -> Vec<Discordanza> {
    let ancore: Vec<Ancora> = note.iter().flat_map(|n| Ancora::leggi("prova", n).unwrap()).collect();
    verifica::ente(cartella, Opzioni { ancore: &ancore, ..Opzioni::default() }).unwrap().differenze
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_extends_what_was_signed_before_or_the_anchor_says_so() {
    if !su_file() {
        return;
    }
    // R-B13
    let b = Banco::nuovo().await;
    let log = Registro::Aoo(aoo());
    let mut note = Vec::new();
    for i in 0..5 {
        b.registra(&format!("Documento {i}")).await;
        note.push(b.ente.firma_checkpoint(&log).await.unwrap());
    }
    note.push(b.ente.firma_checkpoint(&Registro::Ente).await.unwrap());
    let cartella = b.dir.path().join("enti/c_z999");
    assert_eq!(con(&cartella, &note), []);

    let origine = "prova.example/c_z999/AOO1";
    let k = ChiaveFirma::da_segreto(origine, &[9; 32]).unwrap();
    let d = con(&cartella, &[Checkpoint::nuovo(origine, 3, [0; 32]).firma(&[&k]).unwrap()]);
    assert_eq!((d.len(), d[0].campo.as_str()), (1, "firma"), "{d:?}");
    assert!(d[0].trovato.contains(&format!("{origine}+")), "says whose key: {d:?}");
    let altra = ChiaveFirma::da_segreto("altra.example/x", &[9; 32]).unwrap();
    let d = con(&cartella, &[Checkpoint::nuovo("altra.example/x", 3, [0; 32]).firma(&[&altra]).unwrap()]);
    assert_eq!((d.len(), d[0].campo.as_str()), (1, "origine"), "{d:?}");

    // The whole history made again by who has database and key: all is coherent, but not with what was signed.
    let c = Banco::nuovo().await;
    c.registra("Un'altra storia").await;
    let riscritto = c.dir.path().join("enti/c_z999");
    let chiavi = |b: &Banco| {
        let p = b.dir.path().join("enti/c_z999/ente.sqlite");
        rusqlite::Connection::open(p).unwrap()
    };
    assert_eq!(con(&riscritto, &[]), []);
    let vkey: String = chiavi(&b).query_row("SELECT vkey FROM chiave_log WHERE log = 1", [], |r| r.get(0)).unwrap();
    let c2 = chiavi(&c);
    c2.execute_batch("DROP TRIGGER chiave_log_u").unwrap();
    c2.execute("UPDATE chiave_log SET vkey = ? WHERE log = 1", [&vkey]).unwrap();
    let d = con(&riscritto, &note[..1]);
    assert!(d.iter().any(|x| x.tabella == "ancora" && x.campo == "radice"), "{d:?}");
    // Shorter than what was signed, and than what was said to have left the house: true, once the anchor is there.
    let di = |d: &[Discordanza], t: &str| d.iter().any(|x| x.tabella == t && x.campo == "dimensione");
    let lunga = Ancora::leggi("prova", &note[4]).unwrap()[0].checkpoint.dimensione;
    let lunga = i64::try_from(lunga).unwrap();
    c2.execute("INSERT INTO deposito VALUES ('a@x.example', ?, ?, 1)", rusqlite::params![origine, lunga]).unwrap();
    let d = con(&riscritto, &[]);
    assert!(di(&d, "deposito"), "{d:?}");
    let d = con(&riscritto, &note[4..5]);
    assert!(!di(&d, "deposito"), "{d:?}");
    assert!(d.iter().any(|x| x.tabella == "ancora" && x.trovato.contains("il registro è stato accorciato")), "{d:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_verification_goes_on_where_it_was() {
    if !su_file() {
        return;
    }
    // R-B13
    let b = std::sync::Arc::new(Banco::nuovo().await);
    let log = Registro::Aoo(aoo());
    registra(&b, 4_000).await;
    let nota = b.ente.firma_checkpoint(&log).await.unwrap();
    registra(&b, 5_500).await;
    b.ente.firma_checkpoint(&log).await.unwrap();
    // Nobody at work: a writer at rest puts search rows in the index, and they are no rows any more.
    let (dir, _) = std::sync::Arc::into_inner(b).unwrap().riapri();
    let cartella = dir.path().join("enti/c_z999");
    let intera = verifica::ente(&cartella, Opzioni::default()).unwrap();
    assert_eq!(intera.differenze, []);
    let ancore = Ancora::leggi("prova", &nota).unwrap();

    // Interrupted at every place where the state is handed out, and taken up from its text.
    let mut stato: Option<String> = None;
    let mut interruzioni = 0;
    let ripresa = loop {
        let mut visto = None;
        let mut salva = |s: &Stato| {
            visto = Some(serde_json::to_string(s).unwrap());
            Err(Errore::Archivio("interrotta".to_owned()))
        };
        let riprendi = stato.as_deref().map(|t| serde_json::from_str(t).unwrap());
        let o = Opzioni {
            ancore: &ancore,
            riprendi,
            salva: Some(&mut salva),
            ogni: std::time::Duration::ZERO,
            ..Opzioni::default()
        };
        match verifica::ente(&cartella, o) {
            Ok(v) => break v,
            Err(e) => assert!(e.to_string().contains("interrotta"), "{e}"),
        }
        stato = visto;
        interruzioni += 1;
        assert!(interruzioni < 20);
    };
    assert!(interruzioni >= 4, "{interruzioni}");
    assert_eq!(ripresa.differenze, []);
    assert_eq!(
        (ripresa.operazioni, ripresa.registrazioni, ripresa.checkpoint, ripresa.righe),
        (intera.operazioni, intera.registrazioni, intera.checkpoint, intera.righe)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_and_finds_nothing_while_others_write() {
    // R-B13
    let b = std::sync::Arc::new(Banco::nuovo().await);
    registra(&b, 500).await;
    let ferma = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let scrive = {
        let (b, ferma) = (b.clone(), ferma.clone());
        tokio::spawn(async move {
            let mut n = 0;
            while !ferma.load(std::sync::atomic::Ordering::SeqCst) {
                let k = b.registra(&format!("Intanto {n}")).await.chiave.unwrap();
                let c = dominio::comandi::Comando::PrendiInCarico { assegnazione: 1 };
                b.ente.comanda(&aoo(), &b.chi("ugo"), &k, c, vec![], None).await.unwrap();
                b.ente.firma_checkpoint(&Registro::Aoo(aoo())).await.unwrap();
                n += 1;
            }
            n
        })
    };
    for _ in 0..8 {
        let v = b.verifica().await;
        assert!(v.registrazioni >= 500);
    }
    ferma.store(true, std::sync::atomic::Ordering::SeqCst);
    scrive.await.unwrap();
    b.verifica().await;
}
