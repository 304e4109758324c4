//! Copies in a bucket by the verbs of the binary (R-L22, R-N04): killed half way, brought back with their documents in another bucket,
//! carried to a database and from one. `PROTOCOLLO_S3` says where a server is (`cargo xtask test` starts one).
#![expect(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "of the tests of the store, of which not all is needed here")]
#[path = "../../archivio/tests/s3/mandatario.rs"]
mod mandatario;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use mandatario::{Guasto, Mandatario};
use serde_json::{Value, json};

struct Banco {
    m: Mandatario,
    dir: tempfile::TempDir,
    prefisso: String,
}

impl Banco {
    fn nuovo() -> Option<Self> {
        let Some(s3) = std::env::var("PROTOCOLLO_S3").ok().filter(|u| !u.is_empty()) else {
            eprintln!("PROTOCOLLO_S3 non dice dov'è un server S3: prova saltata");
            return None;
        };
        let dir = tempfile::tempdir().unwrap();
        let prefisso = dir.path().file_name().unwrap().to_str().unwrap().trim_start_matches('.').to_owned();
        Some(Self { m: Mandatario::davanti_a(&s3), dir, prefisso })
    }

    fn s3(&self, che: &str) -> String {
        format!("s3://prova/{}-{che}", self.prefisso)
    }

    fn cartella(&self, nome: &str) -> String {
        self.dir.path().join(nome).to_str().unwrap().to_owned()
    }

    fn comando(&self, argomenti: &[&str]) -> Command {
        let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
        c.args(argomenti).env("AWS_ENDPOINT_URL", self.m.url());
        c.env("AWS_ACCESS_KEY_ID", "S3RVER").env("AWS_SECRET_ACCESS_KEY", "S3RVER");
        c
    }

    fn fa(&self, argomenti: &[&str], blob: Option<&str>, atteso: i32) -> Value {
        let mut c = self.comando(argomenti);
        if let Some(b) = blob {
            c.env("PROTOCOLLO_BLOB__URL", b);
        }
        let o = c.output().unwrap();
        let detto = String::from_utf8_lossy(&o.stderr).into_owned();
        assert_eq!(o.status.code(), Some(atteso), "{argomenti:?}: {detto}");
        serde_json::from_slice(&o.stdout).unwrap_or(json!(detto))
    }
}

/// The sample ente, with its documents in a folder.
fn demo(dir: &str) {
    let mut figlio = Command::new(env!("CARGO_BIN_EXE_protocollo"))
        .args(["demo", "--listen", "127.0.0.1:0", "--registrazioni", "8", "--archivio", dir])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut linee = BufReader::new(figlio.stdout.take().unwrap()).lines();
    assert!(linee.any(|l| l.unwrap() == "pronto"));
    figlio.kill().unwrap();
    figlio.wait().unwrap();
}

fn senza_differenze(v: &Value) -> u64 {
    let v = v.get("verifica").unwrap_or(v);
    assert_eq!(v["differenze"], json!([]), "{v}");
    v["file"].as_u64().unwrap()
}

#[test]
fn a_copy_that_was_killed_is_no_copy_and_the_next_one_takes_its_place() {
    let Some(b) = Banco::nuovo() else { return };
    let (dati, copie, nuovo) = (b.cartella("dati"), b.s3("copie"), b.cartella("nuovo"));
    demo(&dati);
    let backup = ["backup", "--archivio", &dati, "--out", &copie, "--json"];
    let torna = ["ripristina", "--da", &copie, "--archivio", &nuovo, "--senza-perdita", "--json"];
    // In the middle of what it has, and where it says that it is there.
    for quando in ["PUT?/file/c_z999", "PUT?manifesto.json"] {
        b.m.guasta(quando, Guasto::Muto, 1_000);
        let mut figlio = b.comando(&backup).stdout(Stdio::null()).spawn().unwrap();
        while b.m.rimasti() == 1_000 {
            assert_eq!(figlio.try_wait().unwrap(), None, "{quando}: it ended");
            std::thread::yield_now();
        }
        figlio.kill().unwrap();
        figlio.wait().unwrap();
        b.m.guasta("", Guasto::Muto, 0);
        let detto = b.fa(&torna, None, 1);
        assert!(detto.as_str().unwrap().contains("nessuna copia completa") && !Path::new(&nuovo).exists(), "{detto}");
    }
    let v = b.fa(&backup, None, 0);
    assert!(v["copia"].as_str().unwrap().starts_with(&copie), "{v}");
    assert_eq!(b.fa(&backup, None, 0)["fileNuovi"], 0);
    let rapporto = b.cartella("prova.json");
    b.fa(&["prova-ripristino", "--da", &copie, "--rapporto", &rapporto], None, 0);
    assert!(senza_differenze(&b.fa(&torna, None, 0)) > 0);
}

#[test]
fn documents_go_from_bucket_to_bucket_with_the_copy_and_with_the_engine() {
    let Some(b) = Banco::nuovo() else { return };
    let (dati, copie, uno) = (b.cartella("dati"), b.s3("copie"), b.cartella("uno"));
    let documenti = b.s3("documenti");
    demo(&dati);
    b.fa(&["backup", "--archivio", &dati, "--out", &copie, "--json"], None, 0);
    let v = b.fa(
        &["ripristina", "--da", &copie, "--archivio", &uno, "--blob", &documenti, "--senza-perdita", "--json"],
        None,
        0,
    );
    let file = senza_differenze(&v);
    assert!(file > 0 && !Path::new(&uno).join("enti/c_z999/file").exists());
    let verifica = |dove: &str, blob: &str| b.fa(&["verifica", "--archivio", dove, "--blob", blob, "--json"], None, 0);
    assert_eq!(senza_differenze(&verifica(&uno, &documenti)), file);
    // Twice in one place: no.
    let due = b.cartella("due");
    b.fa(&["ripristina", "--da", &copie, "--archivio", &due, "--blob", &documenti, "--senza-perdita"], None, 2);
    assert!(!Path::new(&due).exists());
    assert_eq!(senza_differenze(&verifica(&uno, &documenti)), file, "what was there is there");
    // From the bucket to a folder of copies.
    let (fuori, tre) = (b.cartella("fuori"), b.cartella("tre"));
    b.fa(&["backup", "--archivio", &uno, "--out", &fuori, "--json"], Some(&documenti), 0);
    let v = b.fa(&["ripristina", "--da", &fuori, "--archivio", &tre, "--senza-perdita", "--json"], None, 0);
    assert_eq!(senza_differenze(&v), file);
    let Some(server) = std::env::var("PROTOCOLLO_POSTGRES").ok().filter(|u| !u.is_empty()) else { return };
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = rt.block_on(async {
        let (c, filo) = tokio_postgres::connect(&server, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(filo);
        let nome = format!("copie_s3_{}", std::process::id());
        c.batch_execute(&format!("CREATE DATABASE {nome}")).await.unwrap();
        format!("{}/{nome}", server.rsplit_once('/').unwrap().0)
    });
    let (lavoro, altrove, quattro, cinque) =
        (b.cartella("lavoro"), b.s3("altrove"), b.cartella("quattro"), b.cartella("cinque"));
    let da = format!("sqlite:{uno}");
    let va = ["trasferisci", "--da", &da, "--a", &url, "--documenti", &lavoro, "--da-blob", &documenti];
    let v = b.fa(&[&va[..], &["--a-blob", &altrove, "--json"]].concat(), None, 0);
    assert_eq!(senza_differenze(&v), file);
    // A copy of the database and of its bucket comes back to a folder.
    let copia = ["backup", "--archivio", &lavoro, "--database", &url, "--out", &b.s3("copie-pg"), "--json"];
    assert_eq!(b.fa(&copia, Some(&altrove), 0)["fileNuovi"].as_u64(), Some(file));
    let da = b.s3("copie-pg");
    let v = b.fa(&["ripristina", "--da", &da, "--archivio", &quattro, "--senza-perdita", "--json"], None, 0);
    assert_eq!(senza_differenze(&v), file);
    let a = format!("sqlite:{cinque}");
    let torna = ["trasferisci", "--da", &url, "--a", &a, "--documenti", &lavoro, "--da-blob", &altrove, "--json"];
    assert_eq!(senza_differenze(&b.fa(&torna, None, 0)), file);
    assert!(Path::new(&cinque).join("enti/c_z999/file").is_dir());
}
