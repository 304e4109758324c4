//! What only the inside of an ente shows.

use std::sync::Arc;

use dominio::codici::{CodiceAoo, CodiceIpa};
use dominio::comandi::ComandoConfigurazione;
use dominio::configurazione::DatiEnte;
use dominio::tempo::{Istante, Orologio};

use crate::store::*;
use std::sync::atomic::{AtomicI64, Ordering};

struct Fermo(AtomicI64);
impl Orologio for Fermo {
    fn adesso(&self) -> Istante {
        Istante(self.0.load(Ordering::SeqCst))
    }
    fn monotono(&self) -> i64 {
        0
    }
    fn avvio(&self) -> Option<String> {
        Some("prova".to_owned())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmed_clock_stays_so_when_another_job_of_the_group_fails() {
    // R-A21
    let d = tempfile::tempdir().unwrap();
    let o = Arc::new(Fermo(AtomicI64::new(1_790_000_000_000_000)));
    let store = super::SqliteStore::apri(d.path(), o.clone()).unwrap();
    let ipa: CodiceIpa = "c_z999".parse().unwrap();
    let ente = store.apri_ente(&ipa, true, crate::aperti::Chi::Chiede).unwrap().unwrap();
    let dati = DatiEnte { ipa, denominazione: "Ente".into(), codice_fiscale: None, pec: None };
    ente.crea(NuovoEnte { dati, chi: crate::sistema() }).await.unwrap();
    let aoo: CodiceAoo = "AOO1".parse().unwrap();
    let nuova = NuovaAoo {
        codice: aoo.clone(),
        denominazione: "AOO".into(),
        origine: "prova.example/AOO1".into(),
        ufficio_smistamento: ("PROT".parse().unwrap(), Some("Protocollo".into())),
        consente_da_classificare: true,
        voce_da_classificare: "0".parse().unwrap(),
        dal: "2026-01-01".parse().unwrap(),
        pec: None,
        registri: Vec::new(),
    };
    ente.crea_aoo(&crate::sistema(), nuova).await.unwrap();
    o.0.fetch_add(86_400_000_000, Ordering::SeqCst);
    ente.salute().await;
    assert!(ente.impedimento().is_some());
    // The writer is kept busy, so that what comes meanwhile is one group.
    let (iniziato, inizio) = tokio::sync::oneshot::channel();
    let (libera, libero) = std::sync::mpsc::channel::<()>();
    let tiene = {
        let ente = Arc::clone(&ente);
        tokio::spawn(async move {
            ente.servizio(move |_| {
                let _ = iniziato.send(());
                let _ = libero.recv();
                Ok(())
            })
            .await
        })
    };
    inizio.await.unwrap();
    let conferma = ComandoConfigurazione::ConfermaOrologio { motivo: "controllato".into() };
    let chi = crate::sistema();
    let (confermato, fallito, ()) = tokio::join!(
        ente.configura(&aoo, &chi, conferma, None, None),
        ente.servizio(|_| Err(Errore::Archivio("di proposito".into()))),
        async { libera.send(()).unwrap() },
    );
    confermato.unwrap();
    assert!(fallito.is_err());
    tiene.await.unwrap().unwrap();
    assert_eq!(ente.impedimento(), None, "acknowledged, and in effect");
    ente.salute().await;
    assert_eq!(ente.impedimento(), None);
}
