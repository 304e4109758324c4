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
    ente.crea_aoo(&sistema(), aoo("AOO1", "PROT")).await.unwrap();
    ente
}

/// An AOO with its sorting office.
pub fn aoo(codice: &str, smistamento: &str) -> NuovaAoo {
    NuovaAoo {
        codice: codice.parse().unwrap(),
        denominazione: format!("AOO {codice}"),
        origine: format!("prova.example/c_z999/{codice}"),
        ufficio_smistamento: (smistamento.parse().unwrap(), Some("Protocollo".into())),
        consente_da_classificare: true,
        voce_da_classificare: "0".parse().unwrap(),
        dal: "2026-01-01".parse().unwrap(),
        pec: None,
        registri: vec![DatiRegistro {
            codice: "PG".parse().unwrap(),
            denominazione: "Protocollo generale".into(),
            ultimo_precedente: None,
        }],
    }
}
