//! The verb `sola-lettura`, where the installation's key is not beside the data; and the verbs that write, which heed it.

use std::process::Command;
use std::sync::Arc;

use archivio::file::Custodia;
use archivio::orologio::OrologioDiSistema;
use archivio::sqlite::SqliteStore;
use archivio::store::NuovoEnte;
use archivio::{Store as _, sistema};
use dominio::configurazione::DatiEnte;

#[test]
fn an_installation_is_found_by_its_key_wherever_that_is() {
    let d = tempfile::tempdir().unwrap();
    let (archivio, chiave) = (d.path().join("archivio"), d.path().join("altrove"));
    let custodia = Custodia { chiave: Some(chiave.clone()), ..Custodia::default() };
    drop(SqliteStore::apri_con(&archivio, Arc::new(OrologioDiSistema), custodia).unwrap());
    let verbo = |che: &str, con_chiave: bool| {
        let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
        c.args(["sola-lettura", che, "--archivio"]).arg(&archivio).env_remove("PROTOCOLLO_CHIAVE__FILE");
        if con_chiave {
            c.env("PROTOCOLLO_CHIAVE__FILE", &chiave);
        }
        c.output().unwrap().status.code()
    };
    assert_ne!(verbo("on", false), Some(0), "no installation here, as far as it can tell");
    assert_eq!((verbo("stato", true), verbo("on", true), verbo("stato", true)), (Some(0), Some(0), Some(1)));
    assert_eq!((verbo("off", true), verbo("stato", true)), (Some(0), Some(0)));
}

#[test]
fn no_key_is_changed_while_nothing_may_be_written() {
    let d = tempfile::tempdir().unwrap();
    let archivio = d.path().join("archivio");
    let verbo = |che: &[&str], configurata: bool| {
        let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
        c.args(che).arg("--archivio").arg(&archivio).env_remove("PROTOCOLLO_SERVIZIO__SOLA_LETTURA");
        if configurata {
            c.env("PROTOCOLLO_SERVIZIO__SOLA_LETTURA", "true");
        }
        let o = c.output().unwrap();
        (o.status.code(), String::from_utf8(o.stdout).unwrap(), String::from_utf8(o.stderr).unwrap())
    };
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let store = SqliteStore::apri(&archivio, Arc::new(OrologioDiSistema)).unwrap();
        let dati =
            DatiEnte { ipa: "c_z999".parse().unwrap(), denominazione: "Prova".into(), codice_fiscale: None, pec: None };
        store.crea_ente(NuovoEnte { dati, chi: sistema() }).await.unwrap();
    });
    let ruota = ["chiavi-file", "ruota", "--operatore", "anna.rossi"];
    let (codice, fatto, detto) = verbo(&ruota, false);
    assert_eq!(codice, Some(0), "{detto}");
    let chiave = |t: &str| t.split(' ').find_map(|p| p.strip_prefix("chiave=").map(str::to_owned)).unwrap();
    let prima: u64 = chiave(&fatto).parse().unwrap();
    assert_eq!(verbo(&["sola-lettura", "on", "--motivo", "si cambia macchina"], false).0, Some(0));
    let (codice, fatto, detto) = verbo(&ruota, false);
    assert_eq!((codice, fatto.as_str()), (Some(1), ""), "{detto}");
    assert!(detto.contains("sola lettura (si cambia macchina)"), "{detto}");
    assert_eq!(verbo(&["sola-lettura", "off"], false).0, Some(0));
    assert_eq!(verbo(&ruota, true).0, Some(1), "as its configuration says");
    let (codice, fatto, detto) = verbo(&ruota, false);
    assert_eq!((codice, chiave(&fatto).parse()), (Some(0), Ok(prima + 1)), "one key since: {detto}");
}
