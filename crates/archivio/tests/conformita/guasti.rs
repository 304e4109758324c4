//! Behind the service: what was altered is named by `verifica`.

use crate::banco::*;
use dominio::comandi::Comando;

async fn alterata(sql: &str) -> Vec<archivio::store::Discordanza> {
    let b = Banco::nuovo().await;
    for i in 0..5 {
        let mut n = b.nuova("anna", &format!("Documento {i}"));
        n.file = vec![b.file("a.txt", format!("file {i}").as_bytes()).await];
        let k = b.ente.registra(&aoo(), n).await.unwrap().chiave.unwrap();
        b.ente.comanda(&aoo(), &b.chi("anna"), &k, Comando::Annota { testo: "x".into() }, vec![], None).await.unwrap();
    }
    b.ente.firma_checkpoint(&archivio::store::Registro::Aoo(aoo())).await.unwrap();
    b.verifica().await;
    let c = rusqlite::Connection::open(b.dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
    let trigger: Vec<String> = c
        .prepare("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |r| r.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for t in trigger {
        c.execute_batch(&format!("DROP TRIGGER {t}")).unwrap();
    }
    c.execute_batch(sql).unwrap();
    b.ente.verifica(&|_| {}).await.unwrap().differenze
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_altered_in_the_tables_is_found() {
    // R-B13
    for sql in [
        "UPDATE operazione SET campi = replace(campi, 'Documento 3', 'Documento 9') WHERE tipo = 'registrazione'",
        "DELETE FROM operazione WHERE id = (SELECT max(id) FROM operazione)",
        "DELETE FROM operazione WHERE id = (SELECT max(id) FROM registrazione)",
        "UPDATE operazione SET istante = istante + 1 WHERE id = (SELECT max(id) FROM operazione)",
        "DELETE FROM registrazione WHERE numero = 2",
        "UPDATE registrazione SET numero = 99 WHERE numero = 5",
        "UPDATE registrazione SET tipo = 1 WHERE numero = 1",
        "UPDATE attuale SET voce = '6.3' WHERE reg = (SELECT min(reg) FROM attuale)",
        "UPDATE assegnazione SET stato = 3 WHERE reg = (SELECT min(reg) FROM assegnazione)",
        "DELETE FROM documento WHERE reg = (SELECT min(reg) FROM documento)",
        "UPDATE oggetto_file SET byte = byte + 1",
        "UPDATE checkpoint SET nota = replace(nota, 'A', 'B')",
        "UPDATE contatore SET ultimo = 77",
        "DELETE FROM registro_log WHERE log = 1",
        "UPDATE registrazione SET log = 2 WHERE numero = 3",
        "UPDATE chiave_log SET vkey = (SELECT vkey FROM chiave_log WHERE log = 0) WHERE log = 1",
        "UPDATE testa SET dimensione = dimensione - 1 WHERE log = 1",
        "UPDATE operazione SET voce = zeroblob(32) WHERE id = (SELECT max(id) FROM operazione)",
        "UPDATE operazione SET seme = zeroblob(32) WHERE id = (SELECT max(id) FROM operazione)",
    ] {
        let d = alterata(sql).await;
        assert!(!d.is_empty(), "not found: {sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_altered_or_lost_is_found() {
    let b = Banco::nuovo().await;
    let mut n = b.nuova("anna", "Con file");
    n.file = vec![b.file("a.txt", b"contenuto").await];
    let impronta = n.file[0].file.impronta;
    b.ente.registra(&aoo(), n).await.unwrap();
    let p = b.ente.file(&impronta).await.unwrap().unwrap();
    std::fs::write(&p, b"contenutO").unwrap();
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze.len(), 1);
    std::fs::remove_file(&p).unwrap();
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze.len(), 1);
}
