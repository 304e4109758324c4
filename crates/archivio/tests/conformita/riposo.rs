//! Enti that nobody asks for are closed, and open again: nothing is lost, nothing doubled, one writer at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use archivio::store::*;

use crate::banco::{Banco, aoo, ipa};

const SUBITO: Duration = Duration::ZERO;

async fn firma(store: &dyn Store) {
    let e = store.guarda(&ipa()).await.unwrap().unwrap();
    e.firma_checkpoint(&Registro::Ente).await.unwrap();
    e.firma_checkpoint(&Registro::Aoo(aoo())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ente_rests_only_when_nobody_has_it_and_all_is_signed() {
    let Banco { dir, orologio, store, ente } = Banco::nuovo().await;
    firma(&*store).await;
    assert!(!store.riposa(&ipa(), SUBITO).await, "somebody has it");
    let b = Banco { dir, orologio, store, ente };
    b.registra("Una").await;
    let Banco { dir: _dir, orologio, store, ente } = b;
    drop(ente);
    assert!(!store.riposa(&ipa(), SUBITO).await, "not signed");
    firma(&*store).await;
    assert!(!store.riposa(&ipa(), Duration::from_secs(3_600)).await, "it was asked for");
    assert!(store.riposa(&ipa(), SUBITO).await);
    assert!(store.aperti().is_empty() && store.e_aperto(&ipa()));
    let r = store.a_riposo(&ipa()).unwrap();
    assert_eq!(r.denominazione, "Comune di Prova");
    assert!(store.invariati().await.unwrap().contains(&ipa()));
    assert_eq!(store.misure_a_riposo().len(), 1);
    let gruppi = store.misure_a_riposo()[0].gruppo.somma;
    // A clock that leapt is told of by the ente itself.
    orologio.mente(86_400_000_000);
    assert_eq!(store.a_riposo(&ipa()), None);
    let e = store.guarda(&ipa()).await.unwrap().unwrap();
    assert_eq!(e.salute().await.impedimenti.len(), 1);
    assert!(e.misure().gruppo.somma >= gruppi, "it goes on counting");
    drop(e);
    assert!(!store.riposa(&ipa(), SUBITO).await, "in doubt it stays open");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_while_all_ask_loses_nothing_and_there_is_one_writer_at_a_time() {
    const CHI: usize = 6;
    const QUANTE: usize = 25;
    let b = Banco::nuovo().await;
    let nuove: Vec<Vec<DaRegistrare>> =
        (0..CHI).map(|i| (0..QUANTE).map(|n| b.nuova("rita", &format!("Di {i} la {n}"))).collect()).collect();
    let Banco { dir, orologio, store, ente } = b;
    let ultima = Arc::new(std::sync::Mutex::new(Arc::downgrade(&ente)));
    drop(ente);
    let (fine, chiusure) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let chiude = {
        let (store, fine, chiusure) = (Arc::clone(&store), Arc::clone(&fine), Arc::clone(&chiusure));
        tokio::spawn(async move {
            while !fine.load(Ordering::Relaxed) {
                firma(&*store).await;
                chiusure.fetch_add(usize::from(store.riposa(&ipa(), SUBITO).await), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
    };
    let mut compiti = Vec::new();
    for mie in nuove {
        let (store, ultima, chiusure) = (Arc::clone(&store), Arc::clone(&ultima), Arc::clone(&chiusure));
        compiti.push(tokio::spawn(async move {
            let mut numeri = Vec::new();
            for nuova in mie {
                let prima = chiusure.load(Ordering::Relaxed);
                {
                    let e = store.ente(&ipa()).await.unwrap().unwrap();
                    {
                        let mut u = ultima.lock().unwrap();
                        if let Some(altra) = u.upgrade() {
                            assert!(Arc::ptr_eq(&altra, &e), "two of the same ente");
                        }
                        *u = Arc::downgrade(&e);
                    }
                    numeri.push(e.registra(&aoo(), nuova).await.unwrap().chiave.unwrap().numero.valore());
                }
                // Now and then all wait for it to be closed, at most a little: who closes needs a moment alone.
                for _ in 0..20 {
                    if chiusure.load(Ordering::Relaxed) > prima {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            numeri
        }));
    }
    let mut numeri = Vec::new();
    for c in compiti {
        numeri.extend(c.await.unwrap());
    }
    fine.store(true, Ordering::Relaxed);
    chiude.await.unwrap();
    numeri.sort_unstable();
    let tutti: Vec<i64> = (1..).take(CHI * QUANTE).collect();
    assert_eq!(numeri, tutti, "without gaps, each once");
    firma(&*store).await;
    assert!(store.riposa(&ipa(), SUBITO).await || store.a_riposo(&ipa()).is_some(), "once they are done, it rests");
    let ente = store.ente(&ipa()).await.unwrap().unwrap();
    let b = Banco { dir, orologio, store, ente };
    assert_eq!(b.verifica().await.differenze, []);
}
