//! Two installations, each running: one is the witness of the other, and of its rewriting (C2SP tlog-witness; R-B13).
#![expect(clippy::unwrap_used, reason = "tests")]

mod comune;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use archivio::orologio::OrologioDiSistema;
use archivio::sqlite::SqliteStore;
use archivio::store::Registro;
use archivio::{EnteStore, sistema};
use catena::{Checkpoint, ChiavePubblica, Testimone};
use dominio::codici::CodiceAoo;
use dominio::comandi::ComandoConfigurazione;
use servizio::Servizio;

const ORIGINE: &str = "prova.example/c_z999/AOO1";
const LOG: &str = "/api/v1/enti/c_z999/aoo/AOO1/log";

fn aoo() -> CodiceAoo {
    "AOO1".parse().unwrap()
}

fn registro() -> Registro {
    Registro::Aoo(aoo())
}

/// An ente with one AOO; the public key of its log.
async fn crea(dir: &Path) -> ChiavePubblica {
    let store = SqliteStore::apri(dir, Arc::new(OrologioDiSistema)).unwrap();
    let ente = comune::ente(&*store).await;
    ente.firma_checkpoint(&registro()).await.unwrap();
    ente.chiavi(&registro()).await.unwrap()[0].parse().unwrap()
}

/// One that is running.
struct Installazione {
    s: Arc<Servizio>,
    url: String,
    ferma: tokio::sync::oneshot::Sender<()>,
    servita: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Installazione {
    async fn avvia(dir: &Path, chiesti: &[String], osservati: &[ChiavePubblica]) -> Self {
        let ascolto = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", ascolto.local_addr().unwrap());
        let store = SqliteStore::apri(dir, Arc::new(OrologioDiSistema)).unwrap();
        let chiesti = chiesti.iter().map(|t| t.parse().unwrap()).collect();
        let s = Servizio::nuovo(store, &url).con_testimoni(chiesti);
        let s = Arc::new(s.che_osserva(osservati.to_vec(), Some("b.example/testimone".into())));
        let (ferma, fine) = tokio::sync::oneshot::channel();
        let servita = tokio::spawn(servizio::servi(ascolto, Arc::clone(&s), async {
            let _ = fine.await;
        }));
        Self { s, url, ferma, servita }
    }

    async fn ferma(self) {
        self.ferma.send(()).unwrap();
        self.servita.await.unwrap().unwrap();
    }

    async fn get(&self, percorso: &str) -> String {
        let url = format!("{}{percorso}", self.url);
        let r = tokio::task::spawn_blocking(move || ureq::get(&url).call().unwrap().body_mut().read_to_string());
        r.await.unwrap().unwrap()
    }

    async fn ente(&self) -> Arc<dyn EnteStore> {
        self.s.store.ente(&"c_z999".parse().unwrap()).await.unwrap().unwrap()
    }

    /// So many operations, a checkpoint of them; its size.
    async fn opera(&self, nome: &str, quante: usize) -> u64 {
        let ente = self.ente().await;
        for n in 0..quante {
            let c = ComandoConfigurazione::CreaUfficio {
                codice: format!("{nome}{n}").parse().unwrap(),
                denominazione: format!("Ufficio {nome} {n}"),
                padre: None,
            };
            ente.configura(&aoo(), &sistema(), c, None, None).await.unwrap();
        }
        dimensione(&ente.firma_checkpoint(&registro()).await.unwrap())
    }

    async fn giro(&self) {
        self.s.testimoni.giro(&*self.s.store).await;
    }

    /// What its only witness says of the log.
    async fn intoppo(&self) -> Option<String> {
        let ente = self.ente().await;
        self.s.testimoni.di(&*ente, &registro(), ORIGINE).await.unwrap().remove(0).intoppo
    }
}

fn dimensione(nota: &str) -> u64 {
    Checkpoint::leggi(catena::nota::dividi(nota).unwrap().0).unwrap().dimensione
}

/// How many operations the checkpoint is of, if the witness cosigned it.
fn cofirmate(nota: &str, registro: &ChiavePubblica, w: &Testimone) -> Option<u64> {
    let (cp, aperta) = Checkpoint::apri(nota, std::slice::from_ref(registro)).unwrap();
    w.tra(&aperta.testo, &aperta.ignote).is_ok().then_some(cp.dimensione)
}

fn copia(da: &Path, a: &Path) {
    std::fs::create_dir_all(a).unwrap();
    for voce in std::fs::read_dir(da).unwrap() {
        let (voce, dove) = (voce.as_ref().unwrap().path(), a.join(voce.as_ref().unwrap().file_name()));
        if voce.is_dir() { copia(&voce, &dove) } else { std::fs::copy(&voce, &dove).map(|_| ()).unwrap() }
    }
}

fn verifica(dir: &Path, altro: &[&str]) -> (Option<i32>, String) {
    let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
    let o = tokio::task::block_in_place(|| c.args(["verifica", "--archivio"]).arg(dir).args(altro).output().unwrap());
    (o.status.code(), String::from_utf8(o.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_register_is_witnessed_by_another_installation_which_refuses_its_rewriting() {
    let d = tempfile::tempdir().unwrap();
    let (dir_a, dir_vecchia, dir_b) = (d.path().join("a"), d.path().join("vecchia"), d.path().join("b"));
    let chiave = crea(&dir_a).await;
    copia(&dir_a, &dir_vecchia);

    let b = Installazione::avvia(&dir_b, &[], std::slice::from_ref(&chiave)).await;
    let w: Testimone = b.get("/testimone/chiave").await.parse().unwrap();
    assert_eq!(w.nome(), "b.example/testimone");
    let chiesto = |b: &Installazione| [format!("{w} {}/testimone", b.url)];
    let a = Installazione::avvia(&dir_a, &chiesto(&b), &[]).await;

    // Seen once, grown, seen again: what is served bears both signatures, and who knows only the first reads it.
    for quante in [3, 40] {
        let n = a.opera(&format!("U{quante}X"), quante).await;
        a.giro().await;
        let nota = a.get(&format!("{LOG}/checkpoint")).await;
        assert_eq!(cofirmate(&nota, &chiave, &w), Some(n), "{nota}");
        assert_eq!(a.intoppo().await, None);
    }
    let ancora = |b: &Installazione| format!("{}/testimone/checkpoint?origine={ORIGINE}", b.url);
    let tenuto = b.get(&format!("/testimone/checkpoint?origine={ORIGINE}")).await;
    let n = cofirmate(&tenuto, &chiave, &w).unwrap();
    let pagina = a.get("/c_z999/AOO1/registro-pubblico").await;
    let detto = format!("Testimone <strong>b.example/testimone</strong>: ha cofirmato fino a {n} operazioni");
    assert!(pagina.contains(&detto) && pagina.contains("Nessuna operazione è scoperta"), "{pagina}");
    let altre = a.opera("Scoperta", 2).await - n;
    let pagina = a.get("/c_z999/AOO1/registro-pubblico").await;
    assert!(pagina.contains(&format!("altri hanno visto: <strong>{altre}</strong>")), "{pagina}");

    // Beside the running service; then, when it ends, what was left is shown too.
    let (codice, detto) = verifica(&dir_a, &["--ancora", &ancora(&b)]);
    assert!(codice == Some(0) && detto.contains("ancore=1"), "{detto}");
    a.ferma().await;
    let tenuto = b.get(&format!("/testimone/checkpoint?origine={ORIGINE}")).await;
    assert_eq!(cofirmate(&tenuto, &chiave, &w), Some(n + altre));
    let (codice, detto) = verifica(&dir_a, &["--ancora", &ancora(&b)]);
    assert!(codice == Some(0) && detto.contains("cofirme="), "{detto}");

    // An old copy, with the real key, grown again in another way: first shorter than what was seen, then longer.
    let fork = Installazione::avvia(&dir_vecchia, &chiesto(&b), &[]).await;
    fork.opera("Falso", 2).await;
    fork.giro().await;
    let intoppo = fork.intoppo().await.unwrap();
    assert!(intoppo.contains("il registro è stato accorciato"), "{intoppo}");
    let lunga = fork.opera("Riscritto", 60).await;
    assert!(lunga > n + altre);
    fork.giro().await;
    assert!(fork.intoppo().await.unwrap().contains("ha due storie"), "{:?}", fork.intoppo().await);
    assert_eq!(cofirmate(&fork.get(&format!("{LOG}/checkpoint")).await, &chiave, &w), None);
    let pagina = fork.get("/c_z999/AOO1/registro-pubblico").await;
    assert!(pagina.contains("non ha ancora cofirmato. Ora non cofirma: il registro non continua"), "{pagina}");
    assert!(pagina.contains("tutte le operazioni sono scoperte") && pagina.contains("storia diversa"), "{pagina}");
    fork.ferma().await;
    // By itself it holds: only who saw the other history tells.
    assert_eq!(verifica(&dir_vecchia, &[]).0, Some(0));
    let (codice, detto) = verifica(&dir_vecchia, &["--ancora", &ancora(&b)]);
    assert_eq!(codice, Some(1), "{detto}");
    assert!(detto.lines().any(|r| r.starts_with("ancora ") && r.contains(": radice: ")), "{detto}");

    // The witness, started again, has the same key and remembers.
    b.ferma().await;
    let b = Installazione::avvia(&dir_b, &[], std::slice::from_ref(&chiave)).await;
    assert_eq!(b.get("/testimone/chiave").await.trim(), w.to_string());
    assert_eq!(b.get(&format!("/testimone/checkpoint?origine={ORIGINE}")).await, tenuto);
    let fork = Installazione::avvia(&dir_vecchia, &chiesto(&b), &[]).await;
    fork.giro().await;
    assert!(fork.intoppo().await.unwrap().contains("ha due storie"));
    fork.ferma().await;
    let a = Installazione::avvia(&dir_a, &chiesto(&b), &[]).await;
    let n = a.opera("Vero", 5).await;
    a.giro().await;
    assert_eq!(cofirmate(&a.get(&format!("{LOG}/checkpoint")).await, &chiave, &w), Some(n));
    a.ferma().await;
    b.ferma().await;
    assert_eq!(verifica(&dir_b, &[]).0, Some(0));
    assert_eq!(verifica(&dir_a, &[]).0, Some(0));
}

/// `serve`, as it is called: what it prints, what it refuses; killed, it remembers what it said.
#[test]
fn a_witness_is_named_by_options_or_configuration_and_remembers_when_it_is_killed() {
    use std::io::{BufRead as _, BufReader};
    let d = tempfile::tempdir().unwrap();
    let log = catena::ChiaveFirma::da_segreto(ORIGINE, &[1; 32]).unwrap();
    let registro = log.pubblica().to_string();
    let w = catena::ChiaveTestimone::da_segreto("w.example", &[1; 32]).unwrap().pubblica().to_string();
    let serve = |altro: &[&str]| {
        let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
        c.args(["serve", "--listen", "127.0.0.1:0"]).args(altro);
        c
    };
    let dir = d.path().join("dati");
    let dir = dir.to_str().unwrap();
    for (opzione, valore) in [
        ("--osserva", w.as_str()),
        ("--osserva", "x"),
        ("--testimone", w.as_str()),
        ("--testimone", &format!("{registro} https://w.example")),
    ] {
        let o = serve(&["--archivio", dir, opzione, valore]).output().unwrap();
        assert_eq!(o.status.code(), Some(2), "{opzione} {valore}: {o:?}");
    }
    let conf = d.path().join("protocollo.toml");
    let testo = format!(
        "[database]\nurl = \"sqlite:{dir}\"\n[testimoni]\nosserva = [\"{registro}\"]\nnome = \"noi.example/w\"\ninterpella = [\"{w} http://127.0.0.1:1\"]\n"
    );
    std::fs::write(&conf, testo).unwrap();
    let mut detta: Option<String> = None;
    for mut c in [
        serve(&["--config", conf.to_str().unwrap()]),
        // Once given, the name stays.
        serve(&["--archivio", dir, "--osserva", &registro, "--testimone", &format!("{w} http://127.0.0.1:1")]),
    ] {
        let mut p = c.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let righe = BufReader::new(p.stdout.take().unwrap()).lines().map(Result::unwrap);
        let dette: Vec<String> = righe.take_while(|r| r != "pronto").collect();
        let di = |nome: &str| dette.iter().find_map(|r| r.strip_prefix(nome)).unwrap();
        let (k, url): (Testimone, _) = (di("testimone=").parse().unwrap(), di("url="));
        assert_eq!(k.nome(), "noi.example/w");
        let cp = Checkpoint::nuovo(ORIGINE, 7, if detta.is_none() { [1; 32] } else { [2; 32] });
        let corpo = catena::testimone::scrivi(detta.as_ref().map_or(0, |_| 7), &[], &cp.firma(&[&log]).unwrap());
        let agente: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut r = agente.post(&format!("{url}/testimone/add-checkpoint")).send(corpo).unwrap();
        let (stato, testo) = (r.status().as_u16(), r.body_mut().read_to_string().unwrap());
        match &detta {
            None => {
                assert_eq!(stato, 200, "{testo}");
                detta = Some(testo);
            }
            // Another tree of the size it cosigned a moment before it was killed.
            Some(riga) => {
                assert_eq!((stato, testo.as_str()), (409, "7\n"));
                let mut r = agente.get(&format!("{url}/testimone/checkpoint?origine={ORIGINE}")).call().unwrap();
                assert!(r.body_mut().read_to_string().unwrap().ends_with(riga));
            }
        }
        p.kill().unwrap();
        p.wait().unwrap();
    }
}
