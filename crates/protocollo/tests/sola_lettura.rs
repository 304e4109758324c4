//! The verb `sola-lettura`, where the installation's key is not beside the data.

use std::process::Command;
use std::sync::Arc;

use archivio::file::Custodia;
use archivio::orologio::OrologioDiSistema;
use archivio::sqlite::SqliteStore;

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
