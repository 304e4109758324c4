//! Files in a bucket (R-N07): a real server of the protocol, whose address is in `PROTOCOLLO_S3`, behind a proxy of ours that
//! fails when told.
#![expect(clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "of the conformance suite, of which not all is needed here")]
#[path = "conformita/banco.rs"]
mod banco;
#[path = "s3/copie.rs"]
mod copie;
#[path = "s3/mandatario.rs"]
mod mandatario;

use std::sync::Arc;
use std::time::Duration;

use archivio::Store;
use archivio::file::Custodia;
use archivio::file::s3::Secchio;
use archivio::store::Errore;
use banco::*;
use dominio::codici::Impronta;
use mandatario::{Guasto, Mandatario};

const ORA: &str = "2026-11-24T09:00:00+01:00";

/// The server, if there is one.
fn endpoint() -> Option<String> {
    let e = std::env::var("PROTOCOLLO_S3").ok().filter(|u| !u.is_empty());
    if e.is_none() {
        eprintln!("PROTOCOLLO_S3 non dice dov'è un server S3: prova saltata");
    }
    e
}

fn custodia(endpoint: &str, prefisso: &str) -> Custodia {
    let secchio = Secchio {
        endpoint: endpoint.to_owned(),
        bucket: "prova".into(),
        prefisso: prefisso.to_owned(),
        regione: "us-east-1".into(),
        virtuale: false,
        utente: "S3RVER".into(),
        segreto: "S3RVER".into(),
        token: None,
        attesa: Duration::from_millis(700),
    };
    Custodia { s3: Some(secchio), ..Custodia::default() }
}

fn prefisso(dir: &std::path::Path) -> String {
    dir.file_name().unwrap().to_str().unwrap().trim_start_matches('.').to_owned()
}

/// A bench whose files are in the bucket, under a prefix of its own.
async fn banco_in(endpoint: &str) -> Banco {
    let endpoint = endpoint.to_owned();
    Banco::alle_su(ORA, move |dir, o| {
        Box::pin(async move { apri_con(&dir, o, custodia(&endpoint, &prefisso(&dir))).await })
    })
    .await
}

/// What is in the bucket under the prefix of a bench: names and bytes.
fn oggetti(endpoint: &str, b: &Banco) -> Vec<(String, Vec<u8>)> {
    oggetti_sotto(endpoint, &prefisso(b.dir.path()))
}

fn oggetti_sotto(endpoint: &str, prefisso: &str) -> Vec<(String, Vec<u8>)> {
    use rusty_s3::S3Action as _;
    use rusty_s3::actions::ListObjectsV2;
    let bucket =
        rusty_s3::Bucket::new(endpoint.parse().unwrap(), rusty_s3::UrlStyle::Path, "prova", "us-east-1").unwrap();
    let chi = rusty_s3::Credentials::new("S3RVER", "S3RVER");
    let firma = Duration::from_secs(60);
    let chiedi = |url: &str| ureq::get(url).call().unwrap().into_body().into_with_config().limit(1 << 30).read_to_vec();
    let mut azione = ListObjectsV2::new(&bucket, Some(&chi));
    azione.with_prefix(format!("{prefisso}/"));
    let xml = chiedi(azione.sign(firma).as_str()).unwrap();
    let xml = String::from_utf8(xml).unwrap();
    let nomi = xml.split("<Key>").skip(1).map(|k| k.split_once("</Key>").unwrap().0);
    let uno = |k: &str| (k.to_owned(), chiedi(bucket.get_object(Some(&chi), k).sign(firma).as_str()).unwrap());
    nomi.map(uno).collect()
}

/// Puts an object, whatever was there.
fn metti(endpoint: &str, nome: &str, byte: &[u8]) {
    use rusty_s3::S3Action as _;
    let bucket =
        rusty_s3::Bucket::new(endpoint.parse().unwrap(), rusty_s3::UrlStyle::Path, "prova", "us-east-1").unwrap();
    let chi = rusty_s3::Credentials::new("S3RVER", "S3RVER");
    ureq::put(bucket.put_object(Some(&chi), nome).sign(Duration::from_secs(60)).as_str()).send(byte).unwrap();
}

fn testo(n: usize) -> Vec<u8> {
    (0..n).map(|i| b"Comune di Prova, atto riservato. "[i % 33]).collect()
}

async fn registra(b: &Banco, nome: &str, byte: &[u8]) -> Result<Impronta, Errore> {
    let mut c = b.ente.carica().await?;
    for p in byte.chunks(1 << 20) {
        c.scrivi(p).await?;
    }
    let file = c.chiudi().await?;
    let impronta = file.impronta;
    let mut n = b.nuova("anna", nome);
    n.file = vec![archivio::store::FileDaRegistrare {
        ruolo: dominio::registrazione::RuoloDocumento::Primario,
        nome: nome.into(),
        mime: "text/plain".into(),
        file,
    }];
    b.ente.registra(&aoo(), n).await.map(|_| impronta)
}

async fn letto(b: &Banco, i: &Impronta) -> Result<Vec<u8>, Errore> {
    b.ente.file(i).await?.unwrap().intero().await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_to_the_bucket_encrypted_whole_or_in_pieces_and_come_back() {
    let Some(s3) = endpoint() else { return };
    let b = banco_in(&s3).await;
    for n in [1, 100_000, 8 * 1024 * 1024, 20_000_001] {
        let i = registra(&b, &format!("f{n}"), &testo(n)).await.unwrap();
        assert!(letto(&b, &i).await.unwrap() == testo(n), "{n}");
    }
    // Half an upload leaves nothing.
    let mut c = b.ente.carica().await.unwrap();
    for _ in 0..12 {
        c.scrivi(&testo(1 << 20)).await.unwrap();
    }
    drop(c);
    b.ente.spazza().await.unwrap();
    let tenuti = oggetti(&s3, &b);
    assert_eq!(tenuti.len(), 4);
    assert!(!tenuti.iter().any(|(_, o)| o.windows(14).any(|w| w == b"atto riservato")));
    assert_eq!(b.verifica().await.file, 4);
    assert!(!b.dir.path().join("enti/c_z999/file").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_now_and_then_is_asked_again_and_what_happened_twice_happened_once() {
    let Some(s3) = endpoint() else { return };
    let m = Mandatario::davanti_a(&s3);
    let b = banco_in(&m.url()).await;
    let mut attesi = 0;
    for guasto in [Guasto::Errore500, Guasto::RispostaPersa, Guasto::Muto] {
        for (n, metodo) in [(1_000, "PUT"), (9_000_000, "POST")] {
            m.guasta(metodo, guasto, 2);
            let i = registra(&b, &format!("{guasto:?}{n}{attesi}"), &testo(n + attesi)).await.unwrap();
            attesi += 1;
            m.guasta("GET", guasto, 1);
            assert!(letto(&b, &i).await.unwrap() == testo(n + attesi - 1), "{guasto:?} {n}");
            assert_eq!(m.rimasti(), 0, "{guasto:?} {n}");
        }
    }
    // The answer of the last word of an upload in pieces is lost: it is found done.
    m.guasta("POST?uploadId", Guasto::RispostaPersa, 1);
    let i = registra(&b, "completato", &testo(9_500_000)).await.unwrap();
    assert_eq!(m.rimasti(), 0);
    assert!(letto(&b, &i).await.unwrap() == testo(9_500_000));
    assert_eq!(b.verifica().await.file, attesi as u64 + 1);
    assert_eq!(oggetti(&s3, &b).len(), attesi + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_gone_is_said_in_words_nothing_is_lost_and_it_comes_back_by_itself() {
    let Some(s3) = endpoint() else { return };
    let m = Mandatario::davanti_a(&s3);
    let b = banco_in(&m.url()).await;
    let i = registra(&b, "prima", &testo(10)).await.unwrap();
    m.guasta("", Guasto::Errore500, usize::MAX);
    let e = registra(&b, "durante", &testo(11)).await.unwrap_err();
    assert!(matches!(&e, Errore::Archivio(m) if m.contains("l'archivio S3 dei file non risponde")), "{e}");
    let e = letto(&b, &i).await.unwrap_err();
    assert!(matches!(&e, Errore::Archivio(m) if m.contains("l'archivio S3 dei file non risponde")), "{e}");
    let impedimento = b.ente.impedimento().unwrap();
    assert!(impedimento.contains("i file dei documenti non si possono conservare: l'archivio S3"), "{impedimento}");
    // Without a file it goes on.
    b.registra("senza file").await;
    let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
    assert!(d.len() == 1 && d[0].trovato.contains("l'archivio S3 dei file non risponde"), "{d:?}");
    m.guasta("", Guasto::Errore500, 0);
    while !b.ente.salute().await.impedimenti.is_empty() {
        tokio::task::yield_now().await;
    }
    registra(&b, "dopo", &testo(12)).await.unwrap();
    assert_eq!(letto(&b, &i).await.unwrap(), testo(10));
    assert_eq!(b.verifica().await.file, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_lost_or_altered_is_named_and_wrong_credentials_are_said() {
    let Some(s3) = endpoint() else { return };
    let b = banco_in(&s3).await;
    let i = registra(&b, "uno", &testo(70_000)).await.unwrap();
    let (nome, mut byte) = oggetti(&s3, &b).remove(0);
    use rusty_s3::S3Action as _;
    let bucket = rusty_s3::Bucket::new(s3.parse().unwrap(), rusty_s3::UrlStyle::Path, "prova", "us-east-1").unwrap();
    let chi = rusty_s3::Credentials::new("S3RVER", "S3RVER");
    let firma = Duration::from_secs(60);
    byte[66_000] ^= 1;
    ureq::put(bucket.put_object(Some(&chi), &nome).sign(firma).as_str()).send(&byte[..]).unwrap();
    let e = letto(&b, &i).await.unwrap_err().to_string();
    assert!(e.contains("il contenuto cifrato è alterato"), "{e}");
    let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
    assert!(d.len() == 1 && d[0].chiave == i.hex(), "{d:?}");
    ureq::delete(bucket.delete_object(Some(&chi), &nome).sign(firma).as_str()).call().unwrap();
    let e = letto(&b, &i).await.unwrap_err();
    assert!(matches!(&e, Errore::Incoerente(m) if m.contains("manca dall'archivio dei file")), "{e}");
    let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
    assert!(d.len() == 1 && d[0].trovato.contains("manca dall'archivio dei file"), "{d:?}");
    let altrove = Banco::alle_su(ORA, move |dir, o| {
        Box::pin(async move {
            let mut c = custodia(&s3, &prefisso(&dir));
            c.s3.as_mut().unwrap().utente = "altri".into();
            apri_con(&dir, o, c).await
        })
    })
    .await;
    let e = registra(&altrove, "no", &testo(1)).await.unwrap_err().to_string();
    assert!(e.contains("l'archivio S3 dei file rifiuta le credenziali"), "{e}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_process_that_ended_left_is_swept_and_nothing_else() {
    let Some(s3) = endpoint() else { return };
    let b = banco_in(&s3).await;
    registra(&b, "tenuto", &testo(10)).await.unwrap();
    let orfano = b.carica(&testo(11)).await;
    assert_eq!((b.ente.spazza().await.unwrap(), oggetti(&s3, &b).len()), (0, 2));
    let (dir, o) = b.riapri();
    drop(orfano);
    let store = apri_con(dir.path(), o.clone(), custodia(&s3, &prefisso(dir.path()))).await;
    let ente = store.ente(&ipa()).await.unwrap().unwrap();
    let b = Banco { dir, orologio: o, store, ente };
    // Others may be alive where the database is shared, until their lease ends.
    assert_eq!(b.ente.spazza().await.unwrap(), u64::from(su_file()));
    b.orologio.passa(1_000_000_000);
    assert_eq!(b.ente.spazza().await.unwrap(), u64::from(!su_file()));
    assert_eq!(oggetti(&s3, &b).len(), 1);
    // What was uploaded here and registered nowhere goes at the next sweep.
    drop(b.carica(&testo(12)).await);
    assert_eq!((b.ente.spazza().await.unwrap(), oggetti(&s3, &b).len()), (1, 1));
    b.verifica().await;
}

/// Two nodes on one database and one bucket.
async fn due(s3: &str) -> Option<(Banco, Arc<dyn Store>)> {
    server()?;
    let b = banco_in(s3).await;
    let altro = apri_con(b.dir.path(), b.orologio.clone(), custodia(s3, &prefisso(b.dir.path()))).await;
    Some((b, altro))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_frozen_past_his_lease_registers_nothing_that_others_swept() {
    let Some(s3) = endpoint() else { return };
    let Some((b, altro)) = due(&s3).await else { return };
    let altro = altro.ente(&ipa()).await.unwrap().unwrap();
    let file = b.file("attesa", &testo(100)).await;
    b.orologio.passa(600_000_000);
    assert_eq!((altro.spazza().await.unwrap(), oggetti(&s3, &b).len()), (0, 1), "alive");
    // As if it slept: it wakes up with the file in its hand.
    b.orologio.passa(600_000_000);
    assert_eq!((altro.spazza().await.unwrap(), oggetti(&s3, &b).len()), (1, 0));
    let mut n = b.nuova("anna", "tardi");
    n.file = vec![file];
    let e = b.ente.registra(&aoo(), n).await.unwrap_err();
    assert!(matches!(&e, Errore::Isolato(m) if m.contains("va caricato di nuovo")), "{e}");
    let i = registra(&b, "di nuovo", &testo(100)).await.unwrap();
    assert_eq!(letto(&b, &i).await.unwrap(), testo(100));
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_the_installation_s_key_makes_no_other() {
    let Some(s3) = endpoint() else { return };
    let Some((b, altro)) = due(&s3).await else { return };
    drop(altro);
    let altrove = tempfile::tempdir().unwrap();
    let suo = altrove.path().join(b.dir.path().file_name().unwrap());
    std::fs::create_dir(&suo).unwrap();
    let nome = b.dir.path().file_name().unwrap().to_str().unwrap().to_lowercase().replace('.', "_");
    let url = format!("{}/{nome}", server().unwrap().rsplit_once('/').unwrap().0);
    let apri = || archivio::postgres::PostgresStore::apri(&suo, &url, b.orologio.clone(), Default::default());
    let e = apri().await.map(drop).unwrap_err().to_string();
    assert!(e.contains("va copiata da dov'è") && !suo.join("chiave-installazione").exists(), "{e}");
    std::fs::copy(b.dir.path().join("chiave-installazione"), suo.join("chiave-installazione")).unwrap();
    apri().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_register_and_sweep_at_once_lose_nothing_that_was_acknowledged() {
    let Some(s3) = endpoint() else { return };
    let Some((b, altro)) = due(&s3).await else { return };
    let altro = altro.ente(&ipa()).await.unwrap().unwrap();
    let b = Arc::new(b);
    let mut chi = Vec::new();
    for nodo in 0..2u64 {
        for t in 0..3u64 {
            let (b, ente) = (Arc::clone(&b), if nodo == 0 { Arc::clone(&b.ente) } else { Arc::clone(&altro) });
            chi.push(tokio::spawn(async move {
                let mut date = Vec::new();
                for k in 0..8u64 {
                    let mut c = ente.carica().await.unwrap();
                    c.scrivi(&testo((nodo * 100 + t * 10 + k) as usize + 1)).await.unwrap();
                    let file = c.chiudi().await.unwrap();
                    let impronta = file.impronta;
                    match (t + k) % 4 {
                        // Somebody sleeps past every lease.
                        0 => b.orologio.passa(1_000_000_000),
                        1 => drop(ente.spazza().await.unwrap()),
                        _ => {}
                    }
                    let mut n = b.nuova("anna", "gara");
                    n.file = vec![archivio::store::FileDaRegistrare {
                        ruolo: dominio::registrazione::RuoloDocumento::Primario,
                        nome: "x".into(),
                        mime: "text/plain".into(),
                        file,
                    }];
                    match ente.registra(&aoo(), n).await {
                        Ok(_) => date.push(impronta),
                        Err(Errore::Isolato(m)) => assert!(m.contains("va caricato di nuovo"), "{m}"),
                        Err(e) => panic!("{e}"),
                    }
                }
                date
            }));
        }
    }
    let mut date = Vec::new();
    for c in chi {
        date.extend(c.await.unwrap());
    }
    assert!(!date.is_empty());
    for i in &date {
        letto(&b, i).await.unwrap();
    }
    let file = b.verifica().await.file;
    // In the end only what is registered is there.
    b.orologio.passa(1_000_000_000);
    altro.spazza().await.unwrap();
    b.ente.spazza().await.unwrap();
    altro.spazza().await.unwrap();
    assert_eq!(oggetti(&s3, &b).len() as u64, file);
    b.verifica().await;
}
