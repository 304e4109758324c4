//! What only PostgreSQL has: roles, policies, fences; and that it answers as SQLite does, whatever is asked.
//!
//! Runs where `PROTOCOLLO_POSTGRES` names a server (`cargo xtask test` starts one); elsewhere it says that it skips.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "conformita/banco.rs"]
#[allow(dead_code, reason = "a bench for another suite too")]
mod banco;

use std::sync::Arc;

use archivio::postgres::{Opzioni, PostgresStore};
use archivio::sqlite::SqliteStore;
use archivio::store::*;
use archivio::{EnteStore, Store, sistema};
use banco::{Banco, aoo, ipa, pg, server};
use dominio::annullamento::{Oggetto, ProvvedimentoDato, Valori};
use dominio::comandi::Comando;
use dominio::configurazione::DatiEnte;
use dominio::errori::Rigore;
use dominio::registrazione::{DatiAssegnazione, TipoAssegnazione};
use futures_util::StreamExt as _;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

async fn connesso(url: &str) -> tokio_postgres::Client {
    let (c, filo) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(filo);
    c
}

/// A database of its own.
async fn nuovo(server: &str) -> String {
    let mut caso = [0u8; 8];
    getrandom::fill(&mut caso).unwrap();
    let nome = format!("prova_{:016x}", u64::from_be_bytes(caso));
    connesso(server).await.batch_execute(&format!("CREATE DATABASE {nome}")).await.unwrap();
    format!("{}/{nome}", server.rsplit_once('/').unwrap().0)
}

fn url_di(b: &Banco, server: &str) -> String {
    let nome: String = b.dir.path().file_name().unwrap().to_str().unwrap().to_lowercase();
    let nome: String = nome.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{}/{nome}", server.rsplit_once('/').unwrap().0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_sees_one_ente_and_changes_nothing_that_was_written() {
    // R-L25, R-A11, R-B01, R-B11
    let Some(server) = server() else { return eprintln!("senza PostgreSQL") };
    let b = Banco::nuovo().await;
    let k = b.registra("Di uno").await.chiave.unwrap();
    let r = b.ente.registrazione(&aoo(), &k, None).await.unwrap().unwrap();
    let vista = Accesso::a(&aoo(), &b.chi("rita"), &r, Azione::Registrazione, b.ente.ora());
    b.ente.annota_accesso(vista).await.unwrap();
    let altro =
        DatiEnte { ipa: "c_z998".parse().unwrap(), denominazione: "Altro".into(), codice_fiscale: None, pec: None };
    b.store.crea_ente(NuovoEnte { dati: altro, chi: sistema() }).await.unwrap();
    let c = connesso(&url_di(&b, &server)).await;
    let enti: Vec<(i32, String)> =
        c.query("SELECT n, ipa FROM ente", &[]).await.unwrap().iter().map(|r| (r.get(0), r.get(1))).collect();
    let n = |ipa: &str| enti.iter().find(|e| e.1 == ipa).unwrap().0;
    let (uno, due) = (n("c_z999"), n("c_z998"));
    let conta = async |t: &str| c.query_one(&format!("SELECT count(*) FROM {t}"), &[]).await.unwrap().get::<_, i64>(0);
    for ruolo in ["protocollo_lettore", "protocollo_scrittore"] {
        c.batch_execute(&format!("SET ROLE {ruolo}")).await.unwrap();
        assert!(c.query("SELECT * FROM operazione", &[]).await.is_err(), "bound to no ente, it sees nothing at all");
        c.batch_execute(&format!("SET protocollo.ente = '{due}'")).await.unwrap();
        assert_eq!(conta("registrazione").await, 0);
        assert_eq!(conta(&format!("operazione WHERE ente = {uno}")).await, 0);
        // Not even by the functions that read as who owns the tables.
        let trova = "per_parole($$'uno'$$::tsquery, 1, 1::int8 << 40, 2::int8 << 40, 10)";
        assert_eq!(conta(trova).await, 0);
        let n = format!("UPDATE ente SET versione = versione + 1 WHERE n = {uno}");
        let toccati = c.execute(n.as_str(), &[]).await;
        assert!(toccati.is_err() || toccati.is_ok_and(|t| t == 0), "{ruolo}: not the other's lock");
        c.batch_execute(&format!("SET protocollo.ente = '{uno}'")).await.unwrap();
        assert_eq!(conta("registrazione").await, 1);
        assert_eq!(conta(trova).await, 1);
        assert_eq!(conta(&format!("operazione WHERE ente = {due}")).await, 0);
        for sql in [
            "UPDATE operazione SET istante = 0",
            "DELETE FROM operazione",
            "TRUNCATE operazione",
            "UPDATE registrazione SET numero = 7",
            "DELETE FROM testa",
            "UPDATE assegnazione SET ufficio = 'X'",
            "UPDATE chiave_log SET vkey = 'x'",
            "ALTER TABLE operazione DISABLE TRIGGER ALL",
            "DROP TABLE operazione",
        ] {
            assert!(c.batch_execute(sql).await.is_err(), "{ruolo}: {sql}");
        }
        // The other's rows cannot even be put in.
        let sql = format!("INSERT INTO contatore(ente, log, registro, anno, ultimo) VALUES ({due}, 1, 'PG', 2026, 1)");
        assert!(c.batch_execute(&sql).await.is_err(), "{ruolo}");
        c.batch_execute("RESET ROLE; RESET protocollo.ente").await.unwrap();
    }
    // Also who owns the tables meets the fences, as long as they are up.
    for sql in [
        "UPDATE operazione SET istante = 0",
        "DELETE FROM registrazione",
        "TRUNCATE operazione",
        "UPDATE testa SET dimensione = 0",
        "UPDATE contatore SET ultimo = 0",
        "DELETE FROM attuale",
        "DELETE FROM ente",
        "UPDATE accesso SET utente = 'altri'",
        "DELETE FROM accesso",
    ] {
        let detto = c.batch_execute(sql).await;
        let detto = detto.as_ref().err().and_then(|e| e.as_db_error()).map(|d| d.message().to_owned());
        assert!(detto.as_ref().is_some_and(|d| d.contains("immutabile")), "{sql}: {detto:?}");
    }
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_altered_in_the_database_is_found_and_named() {
    // R-B13: as an administrator could, fences down.
    let Some(server) = server() else { return eprintln!("senza PostgreSQL") };
    for (sql, tabella) in [
        ("UPDATE operazione SET campi = replace(campi, 'Documento 3', 'Documento X')", "operazione"),
        ("UPDATE operazione SET istante = istante - 1 WHERE id = (SELECT max(id) FROM operazione)", "operazione"),
        ("DELETE FROM operazione WHERE id = (SELECT max(id) FROM operazione)", "operazione"),
        ("UPDATE registrazione SET numero = 77 WHERE numero = 20", "registrazione"),
        ("DELETE FROM registrazione WHERE numero = 5", "registrazione"),
        ("UPDATE attuale SET voce = '6.3' WHERE reg = (SELECT max(reg) FROM attuale)", "attuale"),
        ("UPDATE cerca SET testo = ' altro ' WHERE reg = (SELECT min(reg) FROM cerca)", "cerca"),
        ("UPDATE cerca SET parole = 'altro:1' WHERE reg = (SELECT min(reg) FROM cerca)", "cerca"),
        ("DELETE FROM coinvolto WHERE chi = 'u:TRIB' AND reg = (SELECT max(reg) FROM coinvolto)", "coinvolto"),
        ("UPDATE contatore SET ultimo = 90 WHERE registro = 'PG'", "contatore"),
        ("UPDATE assegnazione SET ufficio = 'SEGR' WHERE reg = (SELECT max(reg) FROM assegnazione)", "assegnazione"),
    ] {
        let b = Banco::nuovo().await;
        for i in 0..20 {
            b.registra(&format!("Documento {i}")).await;
        }
        b.ente.firma_checkpoint(&Registro::Aoo(aoo())).await.unwrap();
        b.verifica().await;
        let c = connesso(&url_di(&b, &server)).await;
        c.batch_execute("SET session_replication_role = replica").await.unwrap();
        c.batch_execute(sql).await.unwrap();
        let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
        assert!(d.iter().any(|d| d.tabella.starts_with(tabella)), "{sql}: {d:?}");
    }
}

/// What a random history is made of.
#[derive(Debug, Clone)]
enum Passo {
    Registra { oggetto: String, cognome: String, ufficio: usize, riservato: bool },
    Assegna { su: usize, ufficio: usize },
    Prendi { su: usize },
    Classifica { su: usize, voce: usize },
    Annota { su: usize, testo: String },
    Annulla { su: usize, intero: bool, oggetto: String },
    Aspetta { us: i64 },
}

const UFFICI: [&str; 2] = ["TRIB", "SEGR"];
const VOCI: [&str; 3] = ["1", "1.6", "6.3"];
const PAROLE: [&str; 8] = ["accesso", "atti", "ordinanza", "università", "123/A", "漢字", "perché", "delibera"];

fn parole() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(&PAROLE[..]), 1..5).prop_map(|p| p.join(" "))
}

fn passo() -> impl Strategy<Value = Passo> {
    prop_oneof![
        4 => (parole(), "[A-Z][a-zà]{2,6}", 0..2usize, any::<bool>())
            .prop_map(|(oggetto, cognome, ufficio, riservato)| Passo::Registra { oggetto, cognome, ufficio, riservato }),
        1 => (any::<usize>(), 0..2usize).prop_map(|(su, ufficio)| Passo::Assegna { su, ufficio }),
        1 => any::<usize>().prop_map(|su| Passo::Prendi { su }),
        1 => (any::<usize>(), 0..3usize).prop_map(|(su, voce)| Passo::Classifica { su, voce }),
        1 => (any::<usize>(), "[a-z\\u{0}é]{1,9}").prop_map(|(su, testo)| Passo::Annota { su, testo }),
        1 => (any::<usize>(), any::<bool>(), parole()).prop_map(|(su, intero, oggetto)| Passo::Annulla { su, intero, oggetto }),
        1 => (0..90_000_000i64).prop_map(|us| Passo::Aspetta { us }),
    ]
}

/// Does one step on a bench, and says what it answered.
async fn fai(b: &Banco, p: &Passo, fatte: &[dominio::registrazione::Chiave]) -> (Option<Fatto>, String) {
    let quale = |su: &usize| fatte.get(su % fatte.len().max(1)).cloned();
    let (chi, chiave, comando) = match p {
        Passo::Registra { oggetto, cognome, ufficio, riservato } => {
            let mut dati = b.dati(oggetto);
            dati.mittente = serde_json::from_value(
                serde_json::json!({"tipo": "persona-fisica", "cognome": cognome, "nome": "Maria"}),
            )
            .unwrap();
            dati.assegnazioni[0].ufficio = UFFICI[*ufficio].parse().unwrap();
            dati.riservato = *riservato;
            let n = DaRegistrare {
                chi: b.chi("anna"),
                registro: pg(),
                rigore: Rigore::Operatore,
                dati,
                file: Vec::new(),
                idempotenza: None,
                controllo: None,
            };
            let e = b.ente.registra(&aoo(), n).await;
            let detto = e.as_ref().err().map(ToString::to_string).unwrap_or_default();
            return (e.ok(), detto);
        }
        Passo::Aspetta { us } => {
            b.orologio.passa(*us);
            return (None, String::new());
        }
        Passo::Assegna { su, ufficio } => {
            let a = DatiAssegnazione {
                ufficio: UFFICI[*ufficio].parse().unwrap(),
                utente: None,
                tipo: TipoAssegnazione::Conoscenza,
            };
            ("rita", quale(su), Comando::Assegna { assegnazioni: vec![a], nota: None })
        }
        Passo::Prendi { su } => ("ugo", quale(su), Comando::PrendiInCarico { assegnazione: 1 }),
        Passo::Classifica { su, voce } => {
            ("rita", quale(su), Comando::Classifica { classificazione: VOCI[*voce].parse().unwrap(), motivo: None })
        }
        Passo::Annota { su, testo } => ("anna", quale(su), Comando::Annota { testo: testo.clone() }),
        Passo::Annulla { su, intero, oggetto } => {
            let valori = Valori { oggetto: Some(oggetto.clone()), ..Valori::default() };
            let c = Comando::Annulla {
                motivo: "Errore di registrazione".into(),
                provvedimento: Some(ProvvedimentoDato {
                    numero: Some("7".into()),
                    data: Some("2026-11-20".parse().unwrap()),
                }),
                oggetto: Oggetto {
                    campi: if *intero { None } else { Some(vec!["oggetto".into()]) },
                    nuovi_valori: (!intero).then_some(valori),
                    visto: None,
                },
            };
            ("rita", quale(su), c)
        }
    };
    let Some(chiave) = chiave else { return (None, String::new()) };
    let e = b.ente.comanda(&aoo(), &b.chi(chi), &chiave, comando, Vec::new(), None).await;
    let detto = e.as_ref().err().map(ToString::to_string).unwrap_or_default();
    (e.ok(), detto)
}

/// Everything that can be asked of it.
async fn tutto(b: &Banco) -> serde_json::Value {
    let mut out = Vec::new();
    for chi in ["anna", "ugo", "sara", "rita"] {
        let mut filtri: Vec<Filtro> =
            PAROLE.iter().map(|p| Filtro { q: Some((*p).into()), ..Filtro::default() }).collect();
        filtri.extend([
            Filtro { q: Some("\"accesso atti\"".into()), ..Filtro::default() },
            Filtro { q: Some("ord*".into()), ..Filtro::default() },
            Filtro { soggetto: Some("maria".into()), ..Filtro::default() },
            Filtro { classificazione: Some("1".parse().unwrap()), ..Filtro::default() },
            Filtro { ufficio: Some("SEGR".parse().unwrap()), ..Filtro::default() },
            Filtro { stato: Some(dominio::registrazione::Stato::Annullata), ..Filtro::default() },
            Filtro { dal: Some("2026-11-24".parse().unwrap()), ..Filtro::default() },
            Filtro::default(),
        ]);
        for mut f in filtri {
            f.limite = 3;
            loop {
                let p = b.cerca(chi, f.clone()).await;
                out.extend(p.elementi.iter().map(|t| format!("{chi} {} {}", t.registrazione.chiave, t.visibile)));
                f.cursore = p.successivo;
                if f.cursore.is_none() {
                    break;
                }
            }
        }
    }
    for r in [Registro::Ente, Registro::Aoo(aoo())] {
        for o in b.ente.scan_from(&r, 0, 10_000).await.unwrap() {
            let mut campi = o.campi;
            // Drawn at random for each log.
            campi.remove("chiaveLog");
            out.push(serde_json::to_string(&campi).unwrap());
        }
    }
    let (a, uffici, ugo) = (aoo(), ["TRIB".parse().unwrap()], "ugo".parse().unwrap());
    let coda = b.ente.scrivania(&a, &uffici, &ugo, dominio::registrazione::StatoAssegnazione::DaPrendere, false, 50);
    let coda = coda.await.unwrap();
    out.push(format!(
        "{} {:?}",
        coda.totale,
        coda.pratiche.iter().map(|p| p.registrazione.chiave.to_string()).collect::<Vec<_>>()
    ));
    let a = b.ente.annullamenti(&aoo(), &b.chi("rita"), None, 50).await.unwrap();
    out.push(format!(
        "{:?}",
        a.elementi.iter().map(|a| (a.indice, a.registrazione.chiave.to_string())).collect::<Vec<_>>()
    ));
    let d = b.ente.duplicati(&aoo(), &[], Some(("Rossi Maria", "123/A"))).await.unwrap();
    out.push(format!("{d:?}"));
    let c = b.ente.corrispondenti(&aoo(), "mar", 20).await.unwrap();
    out.push(format!("{c:?}"));
    serde_json::json!(out)
}

#[test]
fn random_histories_give_the_same_answers_on_both_engines_and_move_between_them_with_the_same_roots() {
    let Some(server) = server() else { return eprintln!("senza PostgreSQL") };
    let casi = std::env::var("PROPTEST_CASES").ok().and_then(|c| c.parse().ok()).unwrap_or(12).min(200);
    let mut runner =
        TestRunner::new(ProptestConfig { cases: casi, failure_persistence: None, ..ProptestConfig::default() });
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runner
        .run(&prop::collection::vec(passo(), 1..40), |passi| {
            rt.block_on(async {
                let ora = "2026-11-24T09:00:00+01:00";
                let sul_file = Banco::alle_su(ora, |d, o| {
                    Box::pin(async move { SqliteStore::apri(&d, o).unwrap() as Arc<dyn Store> })
                })
                .await;
                let nel_database = Banco::alle(ora).await;
                let mut fatte = Vec::new();
                for p in &passi {
                    let (a, b) = (fai(&sul_file, p, &fatte).await, fai(&nel_database, p, &fatte).await);
                    // Entries differ: the salts of each are drawn at random.
                    let senza_voce = |f: &Option<Fatto>| f.clone().map(|f| Fatto { voce: [0; 32], ..f });
                    assert_eq!((senza_voce(&a.0), &a.1), (senza_voce(&b.0), &b.1), "{p:?}");
                    if matches!(p, Passo::Registra { .. }) {
                        fatte.extend(a.0.and_then(|f| f.chiave));
                    }
                }
                assert_eq!(tutto(&sul_file).await, tutto(&nel_database).await);
                sul_file.verifica().await;
                nel_database.verifica().await;
                // The same register, root for root, in a database and back in a file.
                let log = Registro::Aoo(aoo());
                let radice = sul_file.ente.firma_checkpoint(&log).await.unwrap();
                let prima = tutto(&sul_file).await;
                let (dir, o) = sul_file.riapri();
                let url = nuovo(&server).await;
                let documenti = tempfile::tempdir().unwrap();
                std::fs::copy(dir.path().join("chiave-installazione"), documenti.path().join("chiave-installazione"))
                    .unwrap();
                PostgresStore::importa(&url, &[(ipa(), dir.path().join("enti/c_z999"))], &|_| {}).await.unwrap();
                let opzioni = Opzioni { tempo_del_database: false };
                let store = PostgresStore::apri(documenti.path(), &url, o.clone(), opzioni).await.unwrap();
                let ente = store.ente(&ipa()).await.unwrap().unwrap();
                let b = Banco { dir: documenti, orologio: o.clone(), store: store.clone(), ente };
                assert_eq!(b.ente.checkpoint(&log).await.unwrap(), radice);
                assert_eq!(tutto(&b).await, prima);
                let v = b.verifica().await;
                let ritorno = tempfile::tempdir().unwrap();
                std::fs::copy(dir.path().join("chiave-installazione"), ritorno.path().join("chiave-installazione"))
                    .unwrap();
                store.esporta(ritorno.path()).await.unwrap();
                let di_nuovo = SqliteStore::apri(ritorno.path(), o.clone()).unwrap();
                let ente: Arc<dyn EnteStore> = di_nuovo.ente(&ipa()).await.unwrap().unwrap();
                let b = Banco { dir: ritorno, orologio: o, store: di_nuovo, ente };
                assert_eq!(b.ente.checkpoint(&log).await.unwrap(), radice);
                assert_eq!(tutto(&b).await, prima);
                assert_eq!(b.verifica().await.operazioni, v.operazioni);
            });
            Ok(())
        })
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_on_one_database_give_one_sequence_and_hear_each_other() {
    // R-A04, R-A06, R-A08
    let Some(server) = server() else { return eprintln!("senza PostgreSQL") };
    let b = Banco::nuovo().await;
    let opzioni = Opzioni { tempo_del_database: false };
    let altro = PostgresStore::apri(b.dir.path(), &url_di(&b, &server), b.orologio.clone(), opzioni).await.unwrap();
    let la = altro.ente(&ipa()).await.unwrap().unwrap();
    let mut compiti = tokio::task::JoinSet::new();
    for i in 0..240 {
        let (ente, n) = (if i % 2 == 0 { b.ente.clone() } else { la.clone() }, b.nuova("anna", &format!("Da {i}")));
        compiti.spawn(async move { ente.registra(&aoo(), n).await.unwrap() });
    }
    let fatte = compiti.join_all().await;
    let mut numeri: Vec<i64> = fatte.iter().map(|f| f.chiave.as_ref().unwrap().numero.valore()).collect();
    numeri.sort_unstable();
    assert_eq!(numeri, (1..=240).collect::<Vec<_>>());
    let mut indici: Vec<u64> = fatte.iter().map(|f| f.indice).collect();
    indici.sort_unstable();
    indici.dedup();
    assert_eq!(indici.len(), 240);
    // The same request at both doors: one number.
    let idem = |n: DaRegistrare| DaRegistrare {
        idempotenza: Some(Idempotenza { ambito: "t".into(), chiave: "k".into(), richiesta: [1; 32] }),
        ..n
    };
    let a = aoo();
    let (x, y) = tokio::join!(
        b.ente.registra(&a, idem(b.nuova("anna", "Una volta"))),
        la.registra(&a, idem(b.nuova("anna", "Una volta")))
    );
    let (x, y) = (x.unwrap(), y.unwrap());
    assert_eq!((x.chiave.clone(), x.ripetuta != y.ripetuta), (y.chiave.clone(), true));
    // What one changes the other knows: first an office, then a session.
    b.configura(dominio::comandi::ComandoConfigurazione::ChiudiUfficio { codice: "SEGR".parse().unwrap() }).await;
    let chiuso = |c: &dominio::configurazione::Configurazione| {
        c.aoo[&aoo()].ufficio(&"SEGR".parse().unwrap(), b.ente.ora()).is_none()
    };
    let inizio = std::time::Instant::now();
    while !chiuso(&la.configurazione()) {
        assert!(inizio.elapsed().as_secs() < 30, "never heard");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let s = Sessione { utente: "anna".parse().unwrap(), csrf: "c".into(), scadenza: b.ente.ora().piu_secondi(60) };
    b.ente.apri_sessione([3; 32], s.clone()).await.unwrap();
    assert_eq!(la.sessione(&[3; 32]).await.unwrap(), Some(s));
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_closes_what_another_signed_and_sees_what_it_writes_since() {
    let Some(server) = server() else { return eprintln!("senza PostgreSQL") };
    let b = Banco::nuovo().await;
    let opzioni = Opzioni { tempo_del_database: false };
    let altro = PostgresStore::apri(b.dir.path(), &url_di(&b, &server), b.orologio.clone(), opzioni).await.unwrap();
    let subito = std::time::Duration::ZERO;
    drop(altro.ente(&ipa()).await.unwrap().unwrap());
    b.registra("Una").await;
    assert!(!altro.riposa(&ipa(), subito).await, "nobody has signed it yet");
    let firma = async || {
        b.ente.firma_checkpoint(&Registro::Ente).await.unwrap();
        b.ente.firma_checkpoint(&Registro::Aoo(aoo())).await.unwrap();
    };
    firma().await;
    assert!(altro.riposa(&ipa(), subito).await, "who signs it has it open, and that is his");
    assert!(altro.aperti().is_empty() && altro.invariati().await.unwrap().contains(&ipa()));
    b.registra("Due").await;
    assert!(!altro.invariati().await.unwrap().contains(&ipa()), "somebody wrote since");
    firma().await;
    let la = altro.ente(&ipa()).await.unwrap().unwrap();
    let registrata = la.registra(&aoo(), b.nuova("anna", "Tre")).await.unwrap();
    assert_eq!(registrata.chiave.unwrap().numero.valore(), 3, "it goes on where the other is");
    b.verifica().await;
}

/// One task that opens many, as who makes an installation does: what each waits for must reach it.
#[test]
fn many_enti_are_made_together_by_one_task() {
    let Some(server) = server() else { return eprintln!("senza PostgreSQL") };
    const QUANTI: usize = 40;
    let (detto, sente) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let fatti = rt.block_on(async {
            let url = nuovo(&server).await;
            let orologio = std::sync::Arc::new(archivio::orologio::OrologioDiSistema);
            let store = PostgresStore::apri(dir.path(), &url, orologio, Opzioni::default()).await.unwrap();
            let store = &store;
            futures_util::stream::iter(0..QUANTI)
                .map(|i| async move {
                    let dati = DatiEnte {
                        ipa: format!("c_m{i:03}").parse().unwrap(),
                        denominazione: "Ente".into(),
                        codice_fiscale: None,
                        pec: None,
                    };
                    store.crea_ente(NuovoEnte { dati, chi: sistema() }).await.unwrap();
                })
                .buffer_unordered(4)
                .collect::<Vec<()>>()
                .await
                .len()
        });
        detto.send(fatti).unwrap();
    });
    assert_eq!(sente.recv_timeout(std::time::Duration::from_secs(120)), Ok(QUANTI), "it waits for ever");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_of_one_node_until_he_leaves_it_or_dies() {
    let Some(server) = server() else { return eprintln!("senza PostgreSQL") };
    let b = Banco::nuovo().await;
    let url = url_di(&b, &server);
    let nodo = || PostgresStore::apri(b.dir.path(), &url, b.orologio.clone(), Opzioni::default());
    let (uno, due) = (nodo().await.unwrap(), nodo().await.unwrap());
    let a_lungo = std::time::Duration::from_secs(3_600);
    // Both at once: one has it, and keeps it.
    let (x, y) = tokio::join!(uno.turno("giro", a_lungo), due.turno("giro", a_lungo));
    let (x, y) = (x.unwrap(), y.unwrap());
    assert!(x ^ y, "{x} {y}");
    let (chi, altro) = if x { (&uno, &due) } else { (&due, &uno) };
    assert!(chi.turno("giro", a_lungo).await.unwrap() && !altro.turno("giro", a_lungo).await.unwrap());
    assert!(altro.turno("altro", a_lungo).await.unwrap(), "another job is another's");
    // Who has not got it cannot leave it.
    altro.lascia_turno("giro").await.unwrap();
    assert!(!altro.turno("giro", a_lungo).await.unwrap());
    chi.lascia_turno("giro").await.unwrap();
    assert!(altro.turno("giro", a_lungo).await.unwrap() && !chi.turno("giro", a_lungo).await.unwrap());
    // Who dies without a word leaves it when its time is over: by the clock of the database, not his.
    assert!(altro.turno("giro", std::time::Duration::ZERO).await.unwrap());
    assert!(chi.turno("giro", a_lungo).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_owns_only_his_database_is_enough() {
    let Some(server) = server() else { return eprintln!("senza PostgreSQL") };
    let url = nuovo(&server).await;
    let (c, nome) = (connesso(&server).await, url.rsplit_once('/').unwrap().1.to_owned());
    // The roles are there already, as who administers the server made them.
    drop(Banco::nuovo().await);
    c.batch_execute(&format!(
        "CREATE ROLE {nome} LOGIN; GRANT protocollo_lettore, protocollo_scrittore TO {nome};
         ALTER DATABASE {nome} OWNER TO {nome}"
    ))
    .await
    .unwrap();
    let sua = connesso(&url).await;
    sua.batch_execute(&format!("ALTER SCHEMA public OWNER TO {nome}")).await.unwrap();
    let suo = url.replace("protocollo@", &format!("{nome}@"));
    let d = tempfile::tempdir().unwrap();
    let o = banco::OrologioDiProva::a("2026-11-24T09:00:00+01:00");
    let store = PostgresStore::apri(d.path(), &suo, o, Opzioni { tempo_del_database: false }).await.unwrap();
    let dati = DatiEnte { ipa: ipa(), denominazione: "Suo".into(), codice_fiscale: None, pec: None };
    let ente = store.crea_ente(NuovoEnte { dati, chi: sistema() }).await.unwrap();
    assert_eq!(ente.verifica(&|_| {}).await.unwrap().differenze, []);
    // Again, with the schema as it is now.
    let o = banco::OrologioDiProva::a("2026-11-24T09:00:00+01:00");
    let altro = PostgresStore::apri(d.path(), &suo, o, Opzioni { tempo_del_database: false }).await.unwrap();
    assert_eq!(altro.enti().await.unwrap(), [ipa()]);
}
