//! What the tests of the binary share.

use std::sync::Arc;

use archivio::store::{NuovaAoo, NuovoEnte};
use archivio::{EnteStore, Store, sistema};
use dominio::configurazione::{DatiEnte, DatiRegistro};

/// An ente with one AOO, `AOO1`, and nothing registered.
pub async fn ente(store: &dyn Store) -> Arc<dyn EnteStore> {
    let dati = DatiEnte {
        ipa: "c_z999".parse().unwrap(),
        denominazione: "Comune di Prova".into(),
        codice_fiscale: None,
        pec: None,
    };
    let ente = store.crea_ente(NuovoEnte { dati, chi: sistema() }).await.unwrap();
    let nuova = NuovaAoo {
        codice: "AOO1".parse().unwrap(),
        denominazione: "AOO unica".into(),
        origine: "prova.example/c_z999/AOO1".into(),
        ufficio_smistamento: ("PROT".parse().unwrap(), Some("Protocollo".into())),
        consente_da_classificare: true,
        voce_da_classificare: "0".parse().unwrap(),
        dal: "2026-01-01".parse().unwrap(),
        pec: None,
        registri: vec![DatiRegistro {
            codice: "PG".parse().unwrap(),
            denominazione: "Protocollo generale".into(),
            ultimo_precedente: None,
        }],
    };
    ente.crea_aoo(&sistema(), nuova).await.unwrap();
    ente
}
