//! Several processes of the real binary on one database and one folder of documents: one sequence for each AOO while one of them is
//! killed under load, sessions that outlive it, rounds that are made once.
//!
//! Runs where `PROTOCOLLO_POSTGRES` names a server (`cargo xtask test` starts one); elsewhere it says that it skips.
//! `PROTOCOLLO_PRIMA` may name the binary of an earlier version: it is then one of the two nodes (`cargo xtask aggiornamento`).
#![expect(clippy::unwrap_used, reason = "tests")]

#[expect(dead_code, reason = "of what tests share, the AOO only")]
mod comune;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use archivio::orologio::OrologioDiSistema;
use archivio::postgres::PostgresStore;
use archivio::store::Segreto;
use archivio::{Store as _, sistema};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::Token;
use dominio::permessi::{Diritto, Incarico, Ruolo};
use dominio::tempo::Istante;
use serde_json::{Value, json};

const NOSTRO: &str = env!("CARGO_BIN_EXE_protocollo");
/// Clients, and what each registers.
const CLIENTI: usize = 8;
const OGNUNO: usize = 40;
/// Acknowledged registrations after which a node is killed.
const UCCISIONE: usize = 100;

type Fatti = BTreeMap<String, String>;

/// A node; killed when dropped.
struct Nodo {
    figlio: Child,
    url: String,
}

impl Drop for Nodo {
    fn drop(&mut self) {
        let _ = self.figlio.kill();
        let _ = self.figlio.wait();
    }
}

impl Nodo {
    fn avvia(binario: &str, argomenti: &[&str], documenti: &str, database: &str) -> (Self, Fatti) {
        let mut figlio = Command::new(binario)
            .args(argomenti)
            .args(["--listen", "127.0.0.1:0"])
            .env("PROTOCOLLO_DATABASE__URL", database)
            .env("PROTOCOLLO_BLOB__URL", format!("file:{documenti}"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut fatti = Fatti::new();
        for l in BufReader::new(figlio.stdout.take().unwrap()).lines().map_while(Result::ok) {
            match l.split_once('=') {
                Some((k, v)) => drop(fatti.insert(k.to_owned(), v.to_owned())),
                None if l == "pronto" => return (Self { figlio, url: fatti["url"].clone() }, fatti),
                None => {}
            }
        }
        panic!("{binario} did not start: {fatti:?}");
    }

    fn serve(binario: &str, documenti: &str, database: &str) -> Self {
        Self::avvia(binario, &["serve"], documenti, database).0
    }

    fn ferma(mut self) {
        assert!(Command::new("kill").args(["-TERM", &self.figlio.id().to_string()]).status().unwrap().success());
        assert!(self.figlio.wait().unwrap().success());
    }
}

fn agente() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(30)))
        .max_redirects(0)
        .build()
        .into()
}

fn nuovo_database(server: &str) -> String {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let (c, filo) = tokio_postgres::connect(server, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(filo);
        let nome = format!("nodi_{}", std::process::id());
        c.batch_execute(&format!("CREATE DATABASE {nome}")).await.unwrap();
        format!("{}/{nome}", server.rsplit_once('/').unwrap().0)
    })
}

/// How many rows say whose turn it is, and at what.
fn turni(database: &str) -> Vec<(String, String)> {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let (c, filo) = tokio_postgres::connect(database, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(filo);
        let righe = c.query("SELECT lavoro, nodo FROM turno ORDER BY lavoro", &[]).await.unwrap();
        righe.iter().map(|r| (r.get(0), r.get(1))).collect()
    })
}

fn attendi(che: &str, mut vero: impl FnMut() -> bool) {
    let inizio = Instant::now();
    while !vero() {
        assert!(inizio.elapsed() < Duration::from_secs(30), "never: {che}");
        std::thread::yield_now();
    }
}

fn aspetta_il_giro(database: &str) {
    attendi("somebody makes the rounds", || turni(database).iter().any(|t| t.0 == "giro"));
}

/// May this token read?
fn legge(a: &ureq::Agent, url: &str, aoo: &str, token: &str) -> bool {
    let r = a
        .get(format!("{url}/api/v1/enti/c_z999/aoo/{aoo}/registrazioni?limite=1"))
        .header("Authorization", format!("Bearer {token}"));
    r.call().is_ok_and(|r| r.status() == 200)
}

fn esegui(database: &str, sql: &str) {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let (c, filo) = tokio_postgres::connect(database, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(filo);
        c.batch_execute(sql).await.unwrap();
    });
}

/// A second AOO with a person of its own; his token.
fn seconda_aoo(documenti: &Path, database: &str) -> String {
    let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    rt.block_on(async {
        let orologio = std::sync::Arc::new(OrologioDiSistema);
        let store = PostgresStore::apri(documenti, database, orologio, Default::default()).await.unwrap();
        let ente = store.ente(&"c_z999".parse().unwrap()).await.unwrap().unwrap();
        let (aoo, chi) = ("AOO2".parse().unwrap(), sistema());
        ente.crea_aoo(&chi, comune::aoo("AOO2", "PROT2")).await.unwrap();
        let utente: dominio::codici::NomeUtente = "seconda".parse().unwrap();
        let incarichi = vec![Incarico {
            ruolo: Ruolo::Protocollista,
            aoo: Some("AOO2".parse().unwrap()),
            ufficio: Some("PROT2".parse().unwrap()),
            dal: Istante(0),
            al: None,
        }];
        let crea = C::CreaUtente { utente: utente.clone(), nome: "Ada".into(), cognome: "Due".into(), incarichi };
        ente.configura(&aoo, &chi, crea, None, None).await.unwrap();
        let (testo, hash) = servizio::token::nuovo_token(ente.ipa()).unwrap();
        let t = Token {
            id: "due".into(),
            descrizione: "Prova".into(),
            utente,
            aoo: "AOO2".parse().unwrap(),
            diritti: Diritto::TUTTI.to_vec(),
            scadenza: ente.ora().piu_secondi(86_400),
            revocato: false,
        };
        ente.configura(&aoo, &chi, C::CreaToken(t), Some(Segreto::Token(hash)), None).await.unwrap();
        testo
    })
}

/// One registration at a node: its number, or nothing when nobody answers or somebody says to come back.
fn registra(a: &ureq::Agent, url: &str, aoo: &str, token: &str, nome: &str) -> Option<u64> {
    let dati = json!({
        "tipo": "entrata", "oggetto": nome, "mezzo": "sportello",
        "mittente": {"tipo": "persona-fisica", "nome": "Maria", "cognome": "Rossi"},
    });
    let corpo = format!(
        "--confine\r\nContent-Disposition: form-data; name=\"dati\"\r\n\r\n{dati}\r\n--confine\r\n\
         Content-Disposition: form-data; name=\"documento\"; filename=\"a.txt\"\r\n\r\ncontenuto di {nome}\r\n--confine--\r\n"
    );
    let r = a
        .post(format!("{url}/api/v1/enti/c_z999/aoo/{aoo}/registrazioni"))
        .header("Authorization", format!("Bearer {token}"))
        .header("Content-Type", "multipart/form-data; boundary=confine")
        .header("Idempotency-Key", nome.replace(' ', "-"))
        .send(corpo.as_bytes());
    let mut r = r.ok()?;
    let stato = r.status().as_u16();
    let testo = r.body_mut().read_to_string().ok()?;
    if stato == 503 {
        return None;
    }
    assert_eq!(stato, 201, "{testo}");
    serde_json::from_str::<Value>(&testo).unwrap()["numero"].as_u64()
}

/// Number and subject of all that an AOO holds.
fn registro(a: &ureq::Agent, url: &str, aoo: &str, token: &str) -> BTreeMap<u64, String> {
    let mut tutte = BTreeMap::new();
    let mut cursore = String::new();
    loop {
        let mut r = a
            .get(format!("{url}/api/v1/enti/c_z999/aoo/{aoo}/registrazioni?limite=200{cursore}"))
            .header("Authorization", format!("Bearer {token}"))
            .call()
            .unwrap();
        let p: Value = serde_json::from_str(&r.body_mut().read_to_string().unwrap()).unwrap();
        for e in p["elementi"].as_array().unwrap() {
            tutte.insert(e["numero"].as_u64().unwrap(), e["oggetto"].as_str().unwrap().to_owned());
        }
        match p["successivo"].as_str() {
            Some(s) => cursore = format!("&cursore={s}"),
            None => return tutte,
        }
    }
}

/// Signs in; the session's cookie.
fn entra(a: &ureq::Agent, url: &str, fatti: &Fatti) -> String {
    let codifica = servizio::accesso::ritorno::codifica;
    let corpo = format!("ente=c_z999&utente={}&password={}", codifica(&fatti["utente"]), codifica(&fatti["password"]));
    let r = a.post(format!("{url}/accedi")).content_type("application/x-www-form-urlencoded").send(corpo).unwrap();
    assert_eq!(r.status(), 303);
    r.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
}

fn scrivania(a: &ureq::Agent, url: &str, cookie: &str) -> u16 {
    a.get(format!("{url}/c_z999/AOO1/scrivania")).header("Cookie", cookie).call().unwrap().status().as_u16()
}

// R-A04, R-A06, R-A08, R-L25
#[test]
fn of_two_processes_one_is_killed_under_load_and_nothing_is_lost_or_doubled() {
    let Some(server) = std::env::var("PROTOCOLLO_POSTGRES").ok().filter(|u| !u.is_empty()) else {
        return eprintln!("senza PostgreSQL");
    };
    let prima = std::env::var("PROTOCOLLO_PRIMA").ok().filter(|p| !p.is_empty());
    let (d, database) = (tempfile::tempdir().unwrap(), nuovo_database(&server));
    let documenti = d.path().to_str().unwrap();
    let argomenti = ["demo", "--registrazioni", "0", "--archivio", documenti, "--database", &database];
    let vecchio = prima.as_deref().unwrap_or(NOSTRO);
    let (demo, fatti) = Nodo::avvia(vecchio, &argomenti, documenti, &database);
    demo.ferma();
    // The earlier version is already at work when this one comes and brings the schema up to date.
    let uno = Nodo::serve(vecchio, documenti, &database);
    let due = Nodo::serve(NOSTRO, documenti, &database);
    let token = [fatti["token"].clone(), seconda_aoo(d.path(), &database)];
    let a = agente();
    // What a third process has just configured is heard within a second or so.
    for url in [&uno.url, &due.url] {
        attendi("the second AOO", || legge(&a, url, "AOO2", &token[1]));
    }
    let cookie = entra(&a, &uno.url, &fatti);
    assert_eq!(scrivania(&a, &due.url, &cookie), 200, "a session holds at every node");
    aspetta_il_giro(&database);
    let indirizzi = [uno.url.clone(), due.url.clone()];
    let (confermate, morto) = (AtomicUsize::new(0), AtomicBool::new(false));
    let promesse: [Mutex<BTreeMap<u64, String>>; 2] = Default::default();
    let vittima = Mutex::new(Some(uno));
    std::thread::scope(|s| {
        for c in 0..CLIENTI {
            let (indirizzi, token, promesse, confermate, morto, vittima) =
                (&indirizzi, &token, &promesse, &confermate, &morto, &vittima);
            s.spawn(move || {
                let a = agente();
                for i in 0..OGNUNO {
                    // Nodes and AOOs mixed.
                    let (quale, nome) = ((c / 2 + i) % 2, format!("Atto {c} {i}"));
                    let aoo = ["AOO1", "AOO2"][quale];
                    let inizio = Instant::now();
                    let numero = loop {
                        let nodo = if morto.load(Ordering::Relaxed) { 1 } else { (c + i) % 2 };
                        if let Some(n) = registra(&a, &indirizzi[nodo], aoo, &token[quale], &nome) {
                            break n;
                        }
                        assert!(inizio.elapsed() < Duration::from_secs(60), "{nome}: nobody takes it");
                        std::thread::yield_now();
                    };
                    let gia = promesse[quale].lock().unwrap().insert(numero, nome.clone());
                    assert_eq!(gia, None, "number {numero} of {aoo} given twice");
                    if confermate.fetch_add(1, Ordering::Relaxed) + 1 == UCCISIONE {
                        drop(vittima.lock().unwrap().take());
                        morto.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(morto.load(Ordering::Relaxed) && confermate.into_inner() == CLIENTI * OGNUNO);
    assert_eq!(scrivania(&a, &due.url, &cookie), 200, "a session outlives the node that opened it");
    for (quale, aoo) in ["AOO1", "AOO2"].into_iter().enumerate() {
        let scritte = registro(&a, &due.url, aoo, &token[quale]);
        let promesse = promesse[quale].lock().unwrap();
        assert_eq!(
            scritte.keys().copied().collect::<Vec<_>>(),
            (1..=scritte.len() as u64).collect::<Vec<_>>(),
            "{aoo}"
        );
        assert_eq!(*promesse, scritte, "{aoo}: each promised once, and nothing else");
    }
    // The one that was killed comes back, of the new version.
    let uno = Nodo::serve(NOSTRO, documenti, &database);
    assert_eq!(scrivania(&a, &uno.url, &cookie), 200);
    assert!(registra(&a, &uno.url, "AOO1", &token[0], "Dopo").is_some());
    due.ferma();
    uno.ferma();
    // Who ends leaves his turn to whoever comes: that of who was killed, as if its time were over, is taken away here.
    esegui(&database, "DELETE FROM turno");
    let solo = Nodo::serve(NOSTRO, documenti, &database);
    aspetta_il_giro(&database);
    solo.ferma();
    assert!(turni(&database).iter().all(|t| t.0 != "giro"));
    let o = Command::new(NOSTRO).args(["verifica", "--archivio", documenti, "--database", &database]).output().unwrap();
    assert!(o.status.success(), "{}{}", String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(&o.stderr));
}
