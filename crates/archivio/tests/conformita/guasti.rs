//! Behind the service: what was altered is named by `verifica`.

use crate::banco::*;
use archivio::sqlite::verifica::{self, Opzioni};
use archivio::store::*;
use dominio::comandi::{Comando, ComandoConfigurazione as C};
use rusqlite::Connection;

fn percorso(b: &Banco) -> std::path::PathBuf {
    b.dir.path().join("enti/c_z999/ente.sqlite")
}

/// An archive with a little of everything, and nobody writing in it.
async fn archivio() -> Banco {
    let b = Banco::nuovo().await;
    let rubrica = serde_json::json!({"tipo": "persona-giuridica", "denominazione": "Øresund Società società S.r.l."});
    b.configura(C::AggiungiCorrispondente { soggetto: serde_json::from_value(rubrica).unwrap() }).await;
    let fascicolo = C::CreaFascicolo {
        classificazione: "1.6".parse().unwrap(),
        oggetto: "Pratica".into(),
        ufficio: Some("TRIB".parse().unwrap()),
    };
    b.configura(fascicolo).await;
    for i in 0..5 {
        let mut n = b.nuova("anna", &format!("Documento {i} della Straße 漢字"));
        n.file = vec![b.file("a.txt", format!("file {i}").as_bytes()).await];
        n.idempotenza = Some(Idempotenza { ambito: "t".into(), chiave: format!("k{i}"), richiesta: [7; 32] });
        let k = b.ente.registra(&aoo(), n).await.unwrap().chiave.unwrap();
        let fai = async |chi: &str, c: Comando| b.ente.comanda(&aoo(), &b.chi(chi), &k, c, vec![], None).await.unwrap();
        fai("anna", Comando::Annota { testo: "x".into() }).await;
        fai("anna", Comando::Fascicola { fascicolo: "2026/1.6/1".into() }).await;
        fai("ugo", Comando::PrendiInCarico { assegnazione: 1 }).await;
    }
    for i in 0..300 {
        b.registra(&format!("Altro {i}")).await;
    }
    let nota = b.ente.firma_checkpoint(&Registro::Aoo(aoo())).await.unwrap();
    let (testo, _) = catena::nota::dividi(&nota).unwrap();
    let n = catena::Checkpoint::leggi(testo).unwrap().dimensione;
    let w = catena::ChiaveTestimone::da_segreto("testimone.example/1", &[5; 32]).unwrap();
    let firma = w.cofirma(testo, 1_790_000_000).unwrap();
    assert!(b.ente.conserva_cofirma(&Registro::Aoo(aoo()), n, &w.pubblica(), &firma).await.unwrap());
    b.ente.annota_depositi("a@x.example", vec![("prova.example/c_z999/AOO1".into(), n)]).await.unwrap();
    assert_eq!(b.verifica().await.cofirme, 1);
    b
}

/// Alters the archive behind the fences, puts the fences back, and verifies.
fn altera(p: &std::path::Path, sql: &str) -> Vec<Discordanza> {
    let c = Connection::open(p).unwrap();
    c.execute_batch("PRAGMA synchronous=OFF; BEGIN").unwrap();
    senza_argini(&c, || c.execute_batch(sql).unwrap());
    c.execute_batch("COMMIT").unwrap();
    drop(c);
    verifica::ente(p.parent().unwrap(), Opzioni::default()).unwrap().differenze
}

/// The name of a file's object.
fn oggetto(b: &Banco, impronta: &dominio::codici::Impronta) -> String {
    let sql = "SELECT oggetto FROM oggetto_file WHERE impronta = ?";
    Connection::open(percorso(b)).unwrap().query_row(sql, [&impronta.0], |r| r.get(0)).unwrap()
}

/// A copy of the database, beside the same files.
fn copia(da: &std::path::Path, a: &std::path::Path) {
    std::fs::create_dir_all(a).unwrap();
    copia_db(&da.join("ente.sqlite"), &a.join("ente.sqlite"));
    std::os::unix::fs::symlink(da.join("file"), a.join("file")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_altered_is_found_and_named() {
    if !su_file() {
        return;
    }
    // R-B13: SQL, then table and field of a difference that must be among those found.
    let alterazioni = [
        (
            "UPDATE operazione SET campi = replace(campi, 'Documento 3', 'Documento 9') WHERE tipo = 'registrazione'",
            "operazione",
            "voce",
        ),
        (
            "UPDATE operazione SET campi = replace(campi, 'c_z999', 'c_z998') WHERE id = (SELECT max(id) FROM operazione)",
            "operazione",
            "ente",
        ),
        (
            "UPDATE operazione SET campi = replace(campi, '}', '') WHERE id = (SELECT max(id) FROM operazione)",
            "operazione",
            "campi",
        ),
        ("DELETE FROM operazione WHERE id = (SELECT max(id) FROM operazione)", "testa", "dimensione"),
        ("DELETE FROM operazione WHERE id > (SELECT max(id) - 3 FROM operazione)", "operazione", "indice"),
        ("DELETE FROM operazione WHERE id = (SELECT min(id) FROM registrazione)", "operazione", "indice"),
        (
            "UPDATE operazione SET istante = istante + 1 WHERE id = (SELECT max(id) FROM operazione)",
            "operazione",
            "istante",
        ),
        (
            "UPDATE operazione SET istante = istante - 1000000000 WHERE id = (SELECT max(id) FROM registrazione)",
            "operazione",
            "istante",
        ),
        ("UPDATE operazione SET tipo = 'x' WHERE id = (SELECT max(id) FROM operazione)", "operazione", "tipo"),
        (
            "UPDATE operazione SET reg = NULL WHERE id = (SELECT max(id) FROM operazione WHERE reg IS NOT NULL)",
            "operazione",
            "reg",
        ),
        ("UPDATE operazione SET conf = NULL WHERE tipo = 'ufficio-creato'", "operazione", "conf"),
        ("UPDATE operazione SET voce = zeroblob(32) WHERE id = (SELECT max(id) FROM operazione)", "operazione", "voce"),
        ("UPDATE operazione SET seme = zeroblob(32) WHERE id = (SELECT max(id) FROM operazione)", "operazione", "voce"),
        (
            "INSERT INTO operazione SELECT id + 5, istante, tipo, reg, conf, campi, seme, voce FROM operazione WHERE id = (SELECT max(id) FROM operazione)",
            "operazione",
            "indice",
        ),
        (
            "INSERT INTO operazione SELECT id + (7 << 40), istante, tipo, reg, conf, campi, seme, voce FROM operazione WHERE id = (SELECT max(id) FROM operazione)",
            "operazione",
            "riga",
        ),
        ("DELETE FROM registrazione WHERE numero = 2", "registrazione", "riga"),
        ("UPDATE registrazione SET numero = 999 WHERE numero = 5", "registrazione", "numero"),
        ("UPDATE registrazione SET tipo = 1 WHERE numero = 1", "registrazione", "tipo"),
        ("UPDATE registrazione SET riservato = 1 WHERE numero = 1", "registrazione", "riservato"),
        ("UPDATE registrazione SET log = 2 WHERE numero = 3", "registrazione", "log"),
        (
            "INSERT INTO registrazione SELECT id + 5000, log, registro, anno, numero + 5000, istante, tipo, riservato FROM registrazione WHERE numero = 1",
            "registrazione",
            "riga",
        ),
        ("UPDATE attuale SET voce = '6.3' WHERE reg = (SELECT min(reg) FROM attuale)", "attuale", "voce"),
        ("UPDATE attuale SET stato = 1 WHERE reg = (SELECT min(reg) FROM attuale)", "attuale", "stato"),
        ("UPDATE assegnazione SET stato = 3 WHERE reg = (SELECT min(reg) FROM assegnazione)", "assegnazione", "stato"),
        (
            "UPDATE assegnazione SET utente = 'ugo' WHERE reg = (SELECT min(reg) FROM assegnazione)",
            "assegnazione",
            "utente",
        ),
        (
            "INSERT INTO assegnazione SELECT reg, 9, ufficio, utente, tipo, stato FROM assegnazione LIMIT 1",
            "assegnazione",
            "riga",
        ),
        ("DELETE FROM documento WHERE reg = (SELECT min(reg) FROM documento)", "documento", "riga"),
        (
            "UPDATE documento SET impronta = zeroblob(32) WHERE reg = (SELECT min(reg) FROM documento)",
            "documento",
            "impronta",
        ),
        ("UPDATE oggetto_file SET byte = byte + 1", "oggetto_file", "byte"),
        ("UPDATE oggetto_file SET op = 1", "oggetto_file", "op"),
        ("DELETE FROM oggetto_file", "oggetto_file", "riga"),
        ("DELETE FROM coinvolto WHERE reg = (SELECT min(reg) FROM coinvolto) AND chi = 'u:TRIB'", "coinvolto", "riga"),
        ("INSERT INTO coinvolto SELECT 'u:SEGR', min(reg) FROM coinvolto", "coinvolto", "riga"),
        ("INSERT INTO coinvolto VALUES ('u:SEGR', 5)", "coinvolto", "riga"),
        ("UPDATE riscontro SET chiave = 'altro|1' WHERE reg = (SELECT min(reg) FROM riscontro)", "riscontro", "riga"),
        ("DELETE FROM contenuto WHERE reg = (SELECT min(reg) FROM contenuto)", "contenuto", "riga"),
        ("UPDATE contenuto SET log = 0", "contenuto", "riga"),
        ("UPDATE fascicolo SET oggetto = 'Altra'", "fascicolo", "oggetto"),
        ("UPDATE fascicolo SET ufficio = NULL", "fascicolo", "ufficio"),
        ("UPDATE corrispondente SET dati = replace(dati, 'S.r.l.', 'S.p.A.')", "corrispondente", "dati"),
        ("UPDATE corrispondente SET nome = 'altro'", "corrispondente", "nome"),
        (
            "INSERT INTO cerca(cerca, rowid, testo, soggetti) SELECT 'delete', min(id), ' documento 0 della strasse 漢 字 123 a a txt ', ' rossi maria ' FROM registrazione",
            "cerca",
            "testo",
        ),
        ("INSERT INTO cerca(rowid, testo, soggetti) VALUES (5, 'estranea', '')", "cerca", "testo"),
        (
            "INSERT INTO cerca(rowid, testo, soggetti) SELECT id, 'in più', '' FROM registrazione WHERE numero = 7",
            "cerca",
            "testo",
        ),
        (
            "INSERT INTO cerca(rowid, testo, soggetti) SELECT id, '', 'altro' FROM registrazione WHERE numero = 7",
            "cerca",
            "soggetti",
        ),
        (
            "INSERT INTO cerca_recente SELECT id, ' altro ', ' ' FROM registrazione WHERE numero = 7",
            "cerca_recente",
            "testo",
        ),
        (
            "INSERT INTO cerca_corrispondente(rowid, testo) SELECT op, 'altro' FROM corrispondente",
            "cerca_corrispondente",
            "testo",
        ),
        ("UPDATE checkpoint SET nota = replace(nota, 'A', 'B')", "checkpoint", "nota"),
        (
            "INSERT INTO checkpoint SELECT log, dimensione + 100, istante, nota FROM checkpoint WHERE log = 1",
            "operazione",
            "indice",
        ),
        (
            "INSERT INTO checkpoint SELECT log, dimensione - 100, istante, nota FROM checkpoint WHERE log = 1",
            "checkpoint",
            "nota",
        ),
        ("UPDATE cofirma SET istante = istante + 1", "cofirma", "istante"),
        ("UPDATE cofirma SET riga = replace(riga, 'A', 'B')", "cofirma", "riga"),
        ("UPDATE cofirma SET riga = riga || riga", "cofirma", "riga"),
        ("UPDATE cofirma SET testimone = replace(testimone, 'example', 'esempio')", "cofirma", "testimone"),
        ("UPDATE cofirma SET testimone = (SELECT vkey FROM chiave_log WHERE log = 1)", "cofirma", "testimone"),
        ("UPDATE cofirma SET dimensione = dimensione - 1", "cofirma", "dimensione"),
        ("UPDATE cofirma SET dimensione = dimensione + 100", "operazione", "indice"),
        ("UPDATE cofirma SET log = 7", "cofirma", "log"),
        ("DELETE FROM checkpoint", "cofirma", "dimensione"),
        ("INSERT INTO chiave_testimone VALUES (1, 'x', zeroblob(1), 1)", "chiave_testimone", "vkey"),
        (
            "INSERT INTO deposito SELECT dove, origine, dimensione + 900, istante FROM deposito",
            "deposito",
            "dimensione",
        ),
        ("UPDATE deposito SET dimensione = dimensione - 1", "deposito", "dimensione"),
        ("UPDATE deposito SET origine = 'protocollo.ente/c_z999/accessi'", "deposito", "dimensione"),
        ("UPDATE deposito SET origine = 'altra.example/x'", "deposito", "origine"),
        ("INSERT INTO osservato VALUES ('o', 1, 1, 'x')", "osservato", "nota"),
        ("UPDATE contatore SET ultimo = 777", "contatore", "ultimo"),
        ("INSERT INTO contatore VALUES (1, 'ALTRO', 2026, 4)", "contatore", "ultimo"),
        ("DELETE FROM registro_log WHERE log = 1", "operazione", "riga"),
        ("UPDATE registro_log SET origine = 'altra.example/x' WHERE log = 1", "registro_log", "origine"),
        (
            "UPDATE chiave_log SET vkey = (SELECT vkey FROM chiave_log WHERE log = 0) WHERE log = 1",
            "chiave_log",
            "vkey",
        ),
        (
            "INSERT INTO chiave_log SELECT 1, 2, vkey, privata, istante FROM chiave_log WHERE log = 0",
            "chiave_log",
            "vkey",
        ),
        ("UPDATE testa SET dimensione = dimensione - 1 WHERE log = 1", "testa", "dimensione"),
        ("UPDATE testa SET istante = istante + 1 WHERE log = 1", "testa", "istante"),
        ("UPDATE tessera SET hash = zeroblob(8192)", "tessera", "hash 0"),
        ("DELETE FROM tessera", "tessera", "riga"),
        ("INSERT INTO tessera SELECT log, livello, n + 7, hash FROM tessera", "tessera", "riga"),
        ("INSERT INTO tessera SELECT log, livello + 3, n, hash FROM tessera", "tessera", "riga"),
        ("INSERT INTO tessera SELECT log + 3, livello, n, hash FROM tessera", "tessera", "log"),
        ("UPDATE idempotenza SET op = 7", "idempotenza", "op"),
        ("UPDATE idempotenza SET istante = istante + 1", "idempotenza", "istante"),
        ("UPDATE idempotenza SET ambito = '0|t'", "idempotenza", "ambito"),
        ("INSERT INTO password VALUES ('intruso', 'x')", "password", "utente"),
        ("INSERT INTO token VALUES (zeroblob(32), 'intruso')", "token", "token"),
    ];
    let b = archivio().await;
    b.orologio.passa(3_000_000_000);
    b.registra("Più tardi").await;
    let (dir, _) = b.riapri();
    let mut mancate = Vec::new();
    for (i, (sql, tabella, campo)) in alterazioni.iter().enumerate() {
        let cartella = dir.path().join(format!("{i}/c_z999"));
        copia(&dir.path().join("enti/c_z999"), &cartella);
        let d = altera(&cartella.join("ente.sqlite"), sql);
        if !d.iter().any(|x| x.tabella == *tabella && x.campo == *campo) {
            mancate.push(format!("{sql}: {:#?}", &d[..d.len().min(5)]));
        }
    }
    assert!(mancate.is_empty(), "{}", mancate.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_dropped_or_altered_is_named() {
    if !su_file() {
        return;
    }
    // R-B11, R-B13
    let (dir, _) = archivio().await.riapri();
    for (i, (sql, chiave, campo)) in [
        ("DROP TRIGGER operazione_u", "trigger operazione_u", "schema"),
        (
            "DROP TRIGGER testa_u; CREATE TRIGGER testa_u BEFORE UPDATE ON testa BEGIN SELECT 1; END;",
            "trigger testa_u",
            "sql",
        ),
        ("CREATE TRIGGER mia AFTER INSERT ON operazione BEGIN SELECT 1; END;", "trigger mia", "schema"),
        ("DROP INDEX operazione_reg", "index operazione_reg", "schema"),
        ("CREATE TABLE mia(x)", "table mia", "schema"),
        ("ALTER TABLE testa ADD COLUMN x INTEGER", "table testa", "sql"),
    ]
    .into_iter()
    .enumerate()
    {
        let cartella = dir.path().join(format!("{i}/c_z999"));
        copia(&dir.path().join("enti/c_z999"), &cartella);
        Connection::open(cartella.join("ente.sqlite")).unwrap().execute_batch(sql).unwrap();
        let d = verifica::ente(&cartella, Opzioni::default()).unwrap().differenze;
        assert!(d.iter().any(|x| x.chiave == chiave && x.campo == campo), "{sql}: {d:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_altered_or_lost_is_found() {
    if !su_file() {
        return;
    }
    // R-B14
    let b = Banco::nuovo().await;
    let mut n = b.nuova("anna", "Con file");
    // Too big for a segment: those are in segmenti.rs.
    n.file = vec![b.file("a.txt", &[b'x'; 200_000]).await];
    let impronta = n.file[0].file.impronta;
    b.ente.registra(&aoo(), n).await.unwrap();
    let p = b.dir.path().join("enti/c_z999/file").join(oggetto(&b, &impronta));
    std::fs::write(&p, b"contenutO").unwrap();
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze.len(), 1);
    std::fs::remove_file(&p).unwrap();
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze.len(), 1);
    let c = Connection::open(percorso(&b)).unwrap();
    c.execute_batch("DROP TRIGGER oggetto_file_u; UPDATE oggetto_file SET oggetto = '../../../../etc/hostname'")
        .unwrap();
    let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
    assert!(d.iter().any(|x| x.campo == "oggetto"), "{d:?}");
}
