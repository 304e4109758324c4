//! The binary on PostgreSQL: the demo, `trasferisci` there and back, `verifica` of a database, and what is said when it is not there.
//!
//! Runs where `PROTOCOLLO_POSTGRES` names a server (`cargo xtask test` starts one); elsewhere it says that it skips.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn protocollo(argomenti: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_protocollo"))
        .args(argomenti)
        .env_remove("PROTOCOLLO_DATABASE__URL")
        .output()
        .unwrap()
}

/// Starts the demo.
fn demo(archivio: &Path, database: Option<&str>) {
    let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
    c.args(["demo", "--registrazioni", "12", "--archivio"]).arg(archivio);
    avvia(c.args(database.map(|d| ["--database", d]).iter().flatten()));
}

/// Starts the service on a database.
fn serve(documenti: &str, database: &str) {
    let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
    c.env("PROTOCOLLO_DATABASE__URL", database).env("PROTOCOLLO_BLOB__URL", format!("file:{documenti}"));
    avvia(c.arg("serve"));
}

/// Waits until it is ready, then stops it as a service manager would.
fn avvia(c: &mut Command) {
    let mut figlio = c.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut linee = BufReader::new(figlio.stdout.take().unwrap()).lines();
    assert!(linee.any(|l| l.unwrap() == "pronto"));
    assert!(Command::new("kill").args(["-TERM", &figlio.id().to_string()]).status().unwrap().success());
    assert!(figlio.wait().unwrap().success());
}

/// Empty databases of a server.
fn nuovi(server: &str, quanti: usize) -> Vec<String> {
    let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    rt.block_on(async {
        let (c, filo) = tokio_postgres::connect(server, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(filo);
        let mut out = Vec::new();
        for i in 0..quanti {
            let nome = format!("binario_{}_{i}", std::process::id());
            c.batch_execute(&format!("CREATE DATABASE {nome}")).await.unwrap();
            out.push(format!("{}/{nome}", server.rsplit_once('/').unwrap().0));
        }
        out
    })
}

fn fatto(o: &Output, chiave: &str) -> String {
    let testo = String::from_utf8(o.stdout.clone()).unwrap();
    let riga = testo.lines().find_map(|l| l.strip_prefix(&format!("{chiave}=")).map(str::to_owned));
    riga.unwrap_or_else(|| panic!("{chiave}: {o:?}"))
}

#[test]
fn an_installation_goes_into_a_database_and_comes_back() {
    let Some(server) = std::env::var("PROTOCOLLO_POSTGRES").ok().filter(|u| !u.is_empty()) else {
        return eprintln!("senza PostgreSQL");
    };
    let d = tempfile::tempdir().unwrap();
    let p = |n: &str| d.path().join(n).to_str().unwrap().to_owned();
    let url = nuovi(&server, 2);
    demo(Path::new(&p("primo")), None);
    let vai = || {
        protocollo(&[
            "trasferisci",
            "--da",
            &format!("sqlite:{}", p("primo")),
            "--a",
            &url[0],
            "--documenti",
            &p("doc"),
        ])
    };
    let o = vai();
    assert_eq!(o.status.code(), Some(0), "{o:?}");
    assert_eq!((fatto(&o, "registrazioni").as_str(), fatto(&o, "differenze").as_str()), ("12", "0"));
    // Twice: nothing is written over.
    assert_ne!(vai().status.code(), Some(0));
    std::fs::create_dir(p("doc2")).unwrap();
    let o = protocollo(&[
        "trasferisci",
        "--da",
        &format!("sqlite:{}", p("primo")),
        "--a",
        &url[0],
        "--documenti",
        &p("doc2"),
    ]);
    assert_ne!(o.status.code(), Some(0), "{o:?}");
    let verifica = |archivio: &str, url: &str| protocollo(&["verifica", "--archivio", archivio, "--database", url]);
    let o = verifica(&p("doc"), &url[0]);
    assert_eq!((o.status.code(), fatto(&o, "registrazioni").as_str()), (Some(0), "12"), "{o:?}");
    serve(&p("doc"), &url[0]);
    assert_eq!(verifica(&p("doc"), &url[0]).status.code(), Some(0));
    let o = protocollo(&[
        "trasferisci",
        "--da",
        &url[0],
        "--a",
        &format!("sqlite:{}", p("ritorno")),
        "--documenti",
        &p("doc"),
    ]);
    assert_eq!((o.status.code(), fatto(&o, "registrazioni").as_str()), (Some(0), "12"), "{o:?}");
    let o = protocollo(&["verifica", "--archivio", &p("ritorno")]);
    assert_eq!((o.status.code(), fatto(&o, "differenze").as_str()), (Some(0), "0"), "{o:?}");
    // A new one begins in a database by itself.
    demo(Path::new(&p("nuovo")), Some(&url[1]));
    let o = verifica(&p("nuovo"), &url[1]);
    assert_eq!((o.status.code(), fatto(&o, "registrazioni").as_str()), (Some(0), "12"), "{o:?}");
}

#[test]
fn a_database_that_is_not_there_is_said_in_words_and_its_password_is_not() {
    let d = tempfile::tempdir().unwrap();
    let doc = d.path().to_str().unwrap();
    let o = protocollo(&["verifica", "--archivio", doc, "--database", "postgres://a:segretissima@127.0.0.1:1/x"]);
    let detto = String::from_utf8(o.stderr.clone()).unwrap();
    assert_eq!(o.status.code(), Some(2), "no archive: {detto}");
    std::fs::create_dir(d.path().join("enti")).unwrap();
    let o = protocollo(&["verifica", "--archivio", doc, "--database", "postgres://a:segretissima@127.0.0.1:1/x"]);
    let detto = String::from_utf8(o.stderr.clone()).unwrap();
    assert_eq!(o.status.code(), Some(3), "{detto}");
    assert!(detto.contains("il database non risponde") && !detto.contains("segretissima"), "{detto}");
    let serve = |database: &str, blob: Option<&str>| {
        let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
        c.arg("serve").env("PROTOCOLLO_DATABASE__URL", database).env_remove("PROTOCOLLO_BLOB__URL");
        if let Some(b) = blob {
            c.env("PROTOCOLLO_BLOB__URL", b);
        }
        let o = c.output().unwrap();
        (o.status.code(), String::from_utf8(o.stderr).unwrap())
    };
    let (codice, detto) = serve("postgres://a:segretissima@127.0.0.1:1/x", None);
    assert_eq!((codice, detto.contains("blob.url")), (Some(2), true), "{detto}");
    let (codice, detto) = serve("mysql://a:segretissima@x", None);
    assert_eq!(
        (codice, detto.contains("database.url"), detto.contains("segretissima")),
        (Some(2), true, false),
        "{detto}"
    );
    let (codice, detto) = serve("postgres://a:segretissima@127.0.0.1:1/x", Some(&format!("file:{doc}")));
    assert_eq!((codice, detto.contains("segretissima")), (Some(3), false), "{detto}");
}
