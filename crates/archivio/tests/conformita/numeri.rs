//! Numbers: one sequence, no gaps, no doubles, whatever happens.

use crate::banco::*;
use archivio::Errore;
use archivio::store::*;
use dominio::errori::Rifiuto;

#[tokio::test(flavor = "multi_thread")]
async fn numbers_go_from_one_without_gaps_under_concurrency() {
    // R-A04, R-A06, R-A07, R-A08
    let b = std::sync::Arc::new(Banco::nuovo().await);
    let mut compiti = Vec::new();
    for i in 0..200 {
        let b = b.clone();
        compiti.push(tokio::spawn(async move {
            // One in five is refused, and takes no number.
            let mut n = b.nuova("anna", &format!("Documento {i}"));
            if i % 5 == 0 {
                n.dati.assegnazioni[0].ufficio = "NESSUNO".parse().unwrap();
            }
            b.ente.registra(&aoo(), n).await
        }));
    }
    let mut numeri = Vec::new();
    for c in compiti {
        match c.await.unwrap() {
            Ok(f) => numeri.push(f.chiave.unwrap().numero.valore()),
            Err(Errore::Rifiuto(Rifiuto::NonValido(e))) => assert_eq!(e[0].campo, "assegnazioni.0.ufficio"),
            Err(e) => panic!("{e}"),
        }
    }
    numeri.sort_unstable();
    assert_eq!(numeri, (1..=160).collect::<Vec<i64>>());
    let v = b.verifica().await;
    assert_eq!(v.registrazioni, 160);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sequence_goes_on_after_a_restart() {
    // R-A08
    let b = Banco::nuovo().await;
    for i in 0..3 {
        b.registra(&format!("Documento {i}")).await;
    }
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    assert_eq!(b.registra("Dopo").await.chiave.unwrap().numero.valore(), 4);
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_register_taken_over_goes_on_from_the_old_one_and_passes_seven_digits() {
    // R-P03 and trap 43
    let b = Banco::nuovo().await;
    let mut ultimo = None;
    for i in 0..3 {
        let n = DaRegistrare { registro: "ALTO".parse().unwrap(), ..b.nuova("anna", &format!("Alto {i}")) };
        ultimo = b.ente.registra(&aoo(), n).await.unwrap().chiave;
    }
    let k = ultimo.unwrap();
    assert_eq!(k.numero.valore(), 10_000_001);
    assert_eq!(k.numero.esteso(), "10000001");
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_same_number_and_another_request_is_refused() {
    let b = Banco::nuovo().await;
    let idem = |r: u8| Idempotenza { ambito: "t1".into(), chiave: "k-1".into(), richiesta: [r; 32] };
    let con = |r: u8| DaRegistrare { idempotenza: Some(idem(r)), ..b.nuova("anna", "Una volta sola") };
    // At the same time: one number.
    let a = aoo();
    let (x, y) = tokio::join!(b.ente.registra(&a, con(1)), b.ente.registra(&a, con(1)));
    let (x, y) = (x.unwrap(), y.unwrap());
    assert_eq!(x.chiave, y.chiave);
    assert!(x.ripetuta != y.ripetuta);
    assert!(matches!(b.ente.registra(&aoo(), con(2)).await, Err(Errore::ChiaveRiusata)));
    assert_eq!(b.registra("Altra").await.chiave.unwrap().numero.valore(), 2);
    // A refused request is not kept: the key is still free.
    let mut male = DaRegistrare { idempotenza: Some(Idempotenza { chiave: "k-2".into(), ..idem(1) }), ..con(1) };
    male.dati.oggetto = " ".into();
    assert!(b.ente.registra(&aoo(), male).await.is_err());
    let bene = DaRegistrare { idempotenza: Some(Idempotenza { chiave: "k-2".into(), ..idem(9) }), ..con(1) };
    assert_eq!(b.ente.registra(&aoo(), bene).await.unwrap().chiave.unwrap().numero.valore(), 3);
    // What changed since does not matter: the first answer stands, also for data that would be refused now.
    b.configura(dominio::comandi::ComandoConfigurazione::ChiudiUfficio { codice: "TRIB".parse().unwrap() }).await;
    let chiuso = b.ente.registra(&aoo(), con(1)).await.unwrap();
    assert_eq!((chiuso.chiave.clone(), chiuso.ripetuta), (x.chiave.clone(), true));
    // It survives a restart.
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    let di_nuovo = DaRegistrare { idempotenza: Some(idem(1)), ..b.nuova("anna", "Una volta sola") };
    let z = b.ente.registra(&aoo(), di_nuovo).await.unwrap();
    assert!(z.ripetuta);
    assert_eq!(z.chiave, x.chiave);
    b.verifica().await;
}
