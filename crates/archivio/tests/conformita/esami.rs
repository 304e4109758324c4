//! Examinations of signatures: what waits, what was found, what nobody may change (R-H09, R-H10).

use archivio::store::*;
use dominio::comandi::Comando;
use dominio::errori::Rifiuto;
use dominio::registrazione::{Chiave, RuoloDocumento};

use super::banco::*;

async fn con_file(b: &Banco, oggetto: &str, file: &[&str]) -> Chiave {
    let mut n = b.nuova("anna", oggetto);
    for (i, f) in file.iter().enumerate() {
        let mut f = b.file(f, f.as_bytes()).await;
        if i > 0 {
            f.ruolo = RuoloDocumento::Allegato;
        }
        n.file.push(f);
    }
    b.ente.registra(&aoo(), n).await.unwrap().chiave.unwrap()
}

fn esame(b: &Banco, esito: &str) -> Esame {
    Esame { istante: b.ente.ora(), versione: "1".into(), fiducia: "ab".into(), esito: esito.into() }
}

async fn prossimi(b: &Banco, limite: usize) -> Option<Lotto> {
    b.ente.da_esaminare(&aoo(), limite).await.unwrap()
}

async fn di(b: &Banco, k: &Chiave, solo: Option<u32>) -> EsamiDi {
    b.ente.esami(&aoo(), k, solo, 1_000_000).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_to_be_examined_is_what_came_since_and_is_kept_once() {
    let b = Banco::nuovo().await;
    let (una, due) = (con_file(&b, "Una", &["a", "b"]).await, con_file(&b, "Due", &["a"]).await);
    b.registra("Senza file").await;
    let mut allegato = b.file("c", b"c").await;
    allegato.ruolo = RuoloDocumento::Allegato;
    let comando = Comando::Allega { documenti: vec![documento(1, &allegato)], descrizione: None };
    b.ente.comanda(&aoo(), &b.chi("anna"), &una, comando, vec![allegato.file], None).await.unwrap();
    assert_eq!(di(&b, &una, None).await.in_attesa, [1, 2, 3]);

    // Two that began together: one of them goes on.
    let lotto = prossimi(&b, 10).await.unwrap();
    assert_eq!(lotto.documenti.iter().map(|d| (d.n, d.byte)).collect::<Vec<_>>(), [(1, 1), (2, 1), (1, 1), (3, 1)]);
    let segno = b.ente.comincia_esame(&aoo(), lotto.da).await.unwrap().unwrap();
    assert_eq!((lotto.da.tentativi, segno.tentativi), (0, 1));
    assert_eq!(b.ente.comincia_esame(&aoo(), lotto.da).await.unwrap(), None);
    let prima = lotto.documenti[0].clone();
    let trovati = vec![(prima.clone(), esame(&b, "{\"uno\":1}"))];
    assert!(!b.ente.concludi_esame(&aoo(), lotto.da, prima.fatto(), trovati.clone()).await.unwrap());
    assert_eq!(di(&b, &una, Some(1)).await.esami, []);
    assert!(b.ente.concludi_esame(&aoo(), segno, prima.fatto(), trovati.clone()).await.unwrap());
    assert!(!b.ente.concludi_esame(&aoo(), segno, prima.fatto(), trovati).await.unwrap());
    b.verifica().await;

    // A page at a time, also within a registration; who stops goes on from there.
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    let e = di(&b, &una, Some(1)).await;
    assert_eq!((e.in_attesa.as_slice(), e.quanti.as_slice(), e.esami.len()), (&[2, 3][..], &[(1, 1)][..], 1));
    let scritto = &e.esami[0];
    assert_eq!((scritto.n, scritto.k, &scritto.chi, scritto.esame.esito.as_str()), (1, 1, &None, "{\"uno\":1}"));
    assert_eq!((scritto.impronta, scritto.riferimento), (prima.impronta, prima.riferimento));
    let lotto = prossimi(&b, 1).await.unwrap();
    assert_eq!((lotto.documenti.len(), lotto.documenti[0].n, lotto.da.tentativi), (1, 2, 0));
    // Asked by hand meanwhile: nobody does it again, and what was found stays.
    let a_mano = b.ente.esaminabile(&aoo(), &due, 1).await.unwrap().unwrap();
    b.ente.aggiungi_esame(a_mano, &"anna".parse().unwrap(), esame(&b, "{}")).await.unwrap();
    assert!(b.ente.concludi_esame(&aoo(), lotto.da, lotto.fino, Vec::new()).await.unwrap());
    let lotto = prossimi(&b, 10).await.unwrap();
    assert_eq!(lotto.documenti.iter().map(|d| d.n).collect::<Vec<_>>(), [3]);
    assert!(b.ente.concludi_esame(&aoo(), lotto.da, lotto.fino, Vec::new()).await.unwrap());
    assert_eq!(prossimi(&b, 10).await, None);
    assert_eq!(di(&b, &una, None).await.in_attesa, [0u32; 0]);
    // The same bytes elsewhere are another document: what was found there is not shown here.
    let e = di(&b, &due, None).await;
    assert_eq!((e.quanti.as_slice(), e.esami[0].chi.as_ref().unwrap().as_str()), (&[(1, 1)][..], "anna"));
    assert_eq!(di(&b, &una, Some(1)).await.esami.len(), 1);
    let nuova = con_file(&b, "Dopo", &["d"]).await;
    assert_eq!(di(&b, &nuova, None).await.in_attesa, [1]);
    assert_eq!(prossimi(&b, 10).await.unwrap().documenti.len(), 1);
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn examinations_are_added_and_bounded() {
    let b = Banco::nuovo().await;
    let k = con_file(&b, "Una", &["a", "b"]).await;
    let anna = "anna".parse().unwrap();
    assert_eq!(b.ente.esaminabile(&aoo(), &k, 3).await.unwrap(), None);
    let d = b.ente.esaminabile(&aoo(), &k, 1).await.unwrap().unwrap();
    let lungo = format!("\"{}\"", "x".repeat(ESITO_MAX - 2));
    b.ente.aggiungi_esame(d.clone(), &anna, esame(&b, &lungo)).await.unwrap();
    let e = b.ente.aggiungi_esame(d.clone(), &anna, esame(&b, &format!("{lungo} "))).await;
    assert!(matches!(e, Err(Errore::Incoerente(_))), "{e:?}");
    for i in 1..ESAMI_MAX {
        b.ente.aggiungi_esame(d.clone(), &anna, esame(&b, &i.to_string())).await.unwrap();
    }
    let e = b.ente.aggiungi_esame(d, &anna, esame(&b, "{}")).await;
    assert!(matches!(e, Err(Errore::Rifiuto(Rifiuto::Conflitto(_)))), "{e:?}");
    let e = di(&b, &k, Some(1)).await;
    let k_di: Vec<i64> = e.esami.iter().map(|e| i64::from(e.k)).collect();
    assert_eq!(k_di, (1..=ESAMI_MAX).rev().collect::<Vec<_>>());
    assert_eq!(e.esami.last().unwrap().esame.esito, lungo);
    // Within a bound, the newest; that one always.
    let ultime = async |caratteri: usize| {
        let e = b.ente.esami(&aoo(), &k, Some(1), caratteri).await.unwrap();
        (e.quanti[0].1, e.esami.iter().map(|e| e.k).collect::<Vec<_>>())
    };
    assert_eq!((ultime(0).await, ultime(4).await), ((50, vec![50]), (50, vec![50, 49])));
    // Of the others the page is told that they are there.
    let d = b.ente.esaminabile(&aoo(), &k, 2).await.unwrap().unwrap();
    b.ente.aggiungi_esame(d, &anna, esame(&b, &lungo)).await.unwrap();
    let e = b.ente.esami(&aoo(), &k, None, 100).await.unwrap();
    assert_eq!((e.quanti.as_slice(), e.esami.len()), (&[(1, 50), (2, 1)][..], 1));
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn examinations_that_were_altered_are_named() {
    if !su_file() {
        return;
    }
    // R-B11, R-B13
    let b = Banco::nuovo().await;
    let k = con_file(&b, "Una", &["a"]).await;
    let lotto = prossimi(&b, 10).await.unwrap();
    let trovati = vec![(lotto.documenti[0].clone(), esame(&b, "{}"))];
    assert!(b.ente.concludi_esame(&aoo(), lotto.da, lotto.fino, trovati).await.unwrap());
    let d = b.ente.esaminabile(&aoo(), &k, 1).await.unwrap().unwrap();
    b.ente.aggiungi_esame(d, &"anna".parse().unwrap(), esame(&b, "{}")).await.unwrap();
    let cartella = b.dir.path().join("enti/c_z999");
    let c = rusqlite::Connection::open(cartella.join("ente.sqlite")).unwrap();
    for sql in [
        "DELETE FROM esame_firme",
        "UPDATE esame_firme SET esito = '[]'",
        "DELETE FROM esame_fin",
        "UPDATE esame_fin SET n = n - 1",
        "UPDATE esame_fin SET op = op - 1, n = n + 1",
    ] {
        assert!(c.execute_batch(sql).unwrap_err().to_string().contains("immutabile"), "{sql}");
    }
    for (sql, tabella) in [
        ("DELETE FROM esame_firme WHERE k = 1", "esame_firme"),
        ("UPDATE esame_firme SET impronta = zeroblob(32) WHERE k = 2", "esame_firme"),
        ("UPDATE esame_firme SET n = 7", "esame_firme"),
        ("UPDATE esame_firme SET reg = 1", "esame_firme"),
        ("UPDATE esame_firme SET esito = 'x' WHERE k = 1", "esame_firme"),
        ("UPDATE esame_fin SET op = op + 1000", "esame_fin"),
        ("UPDATE esame_fin SET log = 77", "esame_fin"),
    ] {
        let d = alterato(&cartella, sql);
        assert!(d.iter().any(|d| d.tabella == tabella), "{sql}: {d:#?}");
    }
    b.verifica().await;
}
