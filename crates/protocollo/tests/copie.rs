//! `backup` and `ripristina` as they are called, beside a running service (contract § 1; R-N04, R-N05, R-N08).
#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

/// What tells that nothing was given out after the copy.
const SENZA_PERDITA: [&str; 1] = ["--senza-perdita"];
const AOO: &str = "/api/v1/enti/c_z999/aoo/AOO1";

/// The real service on the sample ente.
struct Demo {
    figlio: Child,
    url: String,
    token: String,
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.figlio.kill();
        let _ = self.figlio.wait();
    }
}

impl Demo {
    fn avvia(dir: &Path) -> Self {
        let mut figlio = Command::new(env!("CARGO_BIN_EXE_protocollo"))
            .args(["demo", "--listen", "127.0.0.1:0", "--registrazioni", "8", "--archivio"])
            .arg(dir)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut url, mut token) = (String::new(), String::new());
        for riga in BufReader::new(figlio.stdout.take().unwrap()).lines() {
            match riga.unwrap().split_once('=') {
                Some(("url", v)) => url = v.to_owned(),
                Some(("token", v)) => token = v.to_owned(),
                None => return Self { figlio, url, token },
                _ => {}
            }
        }
        panic!("never ready");
    }

    fn leggi(&self, percorso: &str) -> String {
        let mut r = ureq::get(format!("{}{AOO}{percorso}", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .call()
            .unwrap();
        r.body_mut().read_to_string().unwrap()
    }

    /// Registers a paper document, with a file when there is one: year and number.
    fn registra(&self, oggetto: &str, file: Option<&str>) -> (i64, i64) {
        let dati = json!({
            "tipo": "entrata", "oggetto": oggetto, "mezzo": if file.is_some() { "sportello" } else { "cartaceo" },
            "mittente": {"tipo": "persona-fisica", "nome": "Maria", "cognome": "Rossi"},
        });
        let mut b = format!("--c\r\nContent-Disposition: form-data; name=\"dati\"\r\n\r\n{dati}\r\n");
        if let Some(f) = file {
            b += "--c\r\nContent-Disposition: form-data; name=\"documento\"; filename=\"a.txt\"\r\n\r\n";
            b += &format!("{f}\r\n");
        }
        b += "--c--\r\n";
        let mut r = ureq::post(format!("{}{AOO}/registrazioni", self.url))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "multipart/form-data; boundary=c")
            .send(b.as_bytes())
            .unwrap();
        let v: Value = serde_json::from_str(&r.body_mut().read_to_string().unwrap()).unwrap();
        (v["anno"].as_i64().unwrap(), v["numero"].as_i64().unwrap())
    }

    /// A checkpoint of the AOO's log that covers a registration.
    fn ancora(&self, (anno, numero): (i64, i64)) -> String {
        self.leggi(&format!("/registri/PG/registrazioni/{anno}/{numero}/ricevuta"));
        self.leggi("/log/checkpoint")
    }
}

fn protocollo(verbo: &str, argomenti: &[&str]) -> (Output, Value, String) {
    let o = Command::new(env!("CARGO_BIN_EXE_protocollo")).arg(verbo).args(argomenti).output().unwrap();
    let v = serde_json::from_slice(&o.stdout).unwrap_or(Value::Null);
    let detto = String::from_utf8_lossy(&o.stderr).into_owned();
    (o, v, detto)
}

fn backup(dati: &Path, copie: &Path, altro: &[&str]) -> (Output, Value, String) {
    let a = ["--archivio", dati.to_str().unwrap(), "--out", copie.to_str().unwrap(), "--json"];
    protocollo("backup", &[&a, altro].concat())
}

fn ripristina(da: &Path, a: &Path, altro: &[&str]) -> (Output, Value, String) {
    let x = ["--da", da.to_str().unwrap(), "--archivio", a.to_str().unwrap(), "--json"];
    protocollo("ripristina", &[&x, altro].concat())
}

fn file_sotto(p: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    for v in std::fs::read_dir(p).unwrap() {
        let v = v.unwrap().path();
        if v.is_dir() { out.extend(file_sotto(&v)) } else { out.push(v) }
    }
    out.sort();
    out
}

#[test]
fn a_copy_beside_a_running_service_comes_back_whole_and_files_are_kept_once() {
    let d = tempfile::tempdir().unwrap();
    let (dati, copie) = (d.path().join("dati"), d.path().join("copie"));
    let demo = Demo::avvia(&dati);
    let ultima = std::thread::scope(|s| {
        let registra =
            s.spawn(|| (0..40).fold((0, 0), |_, i| demo.registra(&format!("Atto {i}"), Some(&format!("ciao {i}")))));
        let (o, v, detto) = backup(&dati, &copie, &[]);
        assert_eq!(o.status.code(), Some(0), "{detto}");
        assert!(v["fileNuovi"].as_u64().unwrap() > 0, "{v}");
        registra.join().unwrap()
    });
    // What a copy that was interrupted left is swept, and was never a copy.
    let monca = copie.join("copie/20000101T000000Z");
    std::fs::create_dir_all(monca.join("enti")).unwrap();
    let ancora = d.path().join("ancora");
    std::fs::write(&ancora, demo.ancora(ultima)).unwrap();
    let resto = file_sotto(&copie.join("file"))[0].with_extension("parte");
    std::fs::write(&resto, "x").unwrap();
    let (o, v, detto) = backup(&dati, &copie, &[]);
    assert_eq!(o.status.code(), Some(0), "{detto}");
    assert!(v["fileNuovi"].as_u64().unwrap() <= 40 && !monca.exists() && !resto.exists(), "{v}");
    // Somebody else's turn.
    let in_uso = std::fs::File::open(copie.join("in-uso")).unwrap();
    in_uso.lock().unwrap();
    let (o, _, detto) = backup(&dati, &copie, &[]);
    assert_eq!(o.status.code(), Some(3));
    assert!(detto.contains("un'altra copia è in corso"), "{detto}");
    drop(in_uso);
    // One stays; a file that it alone has not is taken away.
    let di_troppo = file_sotto(&copie.join("file"))[0].with_file_name("abcdef");
    std::fs::write(&di_troppo, "x").unwrap();
    let (o, v, detto) = backup(&dati, &copie, &["--conserva", "1"]);
    assert_eq!(o.status.code(), Some(0), "{detto}");
    let (nuovi, tolte, tolti) = (v["fileNuovi"].as_u64(), v["copieTolte"].as_u64(), v["fileTolti"].as_u64());
    assert_eq!((nuovi, tolte, tolti), (Some(0), Some(2), Some(1)), "{v}");
    assert!(!di_troppo.exists() && std::fs::read_dir(copie.join("copie")).unwrap().count() == 1);
    for (altro, dove) in [(vec!["--conserva", "0"], &copie), (vec![], &dati.join("copie"))] {
        assert_eq!(backup(&dati, dove, &altro).0.status.code(), Some(2));
    }
    assert_eq!(backup(d.path(), &copie, &[]).0.status.code(), Some(2));

    let nuovo = d.path().join("nuovo");
    let (o, v, detto) = ripristina(&copie, &nuovo, &["--ancora", ancora.to_str().unwrap()]);
    assert_eq!(o.status.code(), Some(0), "{detto} {v}");
    assert_eq!(v["verifica"]["differenze"], json!([]));
    assert!(v["verifica"]["registrazioni"].as_u64().unwrap() >= 48, "{v}");
    assert!(!d.path().join(".nuovo.in-ripristino").exists());
    // Where something is already nothing is put.
    assert_eq!(ripristina(&copie, &nuovo, &SENZA_PERDITA).0.status.code(), Some(2));
    drop(demo);
    let demo = Demo::avvia(&nuovo);
    assert_eq!(demo.registra("Atto", None), (ultima.0, ultima.1 + 1));
}

#[test]
fn a_copy_that_is_not_whole_is_refused_with_its_reason_and_leaves_nothing() {
    let d = tempfile::tempdir().unwrap();
    let (dati, copie) = (d.path().join("dati"), d.path().join("copie"));
    drop(Demo::avvia(&dati));
    let (o, v, detto) = backup(&dati, &copie, &[]);
    assert_eq!(o.status.code(), Some(0), "{detto}");
    let copia = PathBuf::from(v["copia"].as_str().unwrap());
    let base = copia.join("enti/c_z999/ente.sqlite");
    let chiave = copia.join("chiave-installazione");
    let manifesto = copia.join("manifesto.json");
    let documento = file_sotto(&copie.join("file"))[0].clone();
    let cambia = |p: &Path, f: &dyn Fn(&mut Vec<u8>)| {
        let mut b = std::fs::read(p).unwrap();
        f(&mut b);
        std::fs::write(p, b).unwrap();
    };
    let alterato = |b: &mut Vec<u8>| {
        let meta = b.len() / 2;
        b[meta] ^= 1;
    };
    let sostituisci = |b: &mut Vec<u8>, da: &str, a: &str| {
        *b = String::from_utf8(b.clone()).unwrap().replacen(da, a, 1).into_bytes();
    };
    let nuovo = d.path().join("nuovo");
    let rifiutata = |p: &Path, f: &dyn Fn(&mut Vec<u8>), perche: &str| {
        let prima = std::fs::read(p).unwrap();
        cambia(p, f);
        let (o, _, detto) = ripristina(&copie, &nuovo, &SENZA_PERDITA);
        assert_eq!(o.status.code(), Some(1), "{perche}: {detto}");
        assert!(detto.contains(perche), "{perche}: {detto}");
        assert!(!nuovo.exists() && !d.path().join(".nuovo.in-ripristino").exists(), "{perche}");
        std::fs::write(p, prima).unwrap();
    };
    rifiutata(&base, &alterato, "enti/c_z999/ente.sqlite è alterato");
    rifiutata(&base, &|b| b.truncate(4_096), "enti/c_z999/ente.sqlite è troncato");
    rifiutata(&chiave, &alterato, "il file della chiave (chiave-installazione) non è quello di questa copia");
    rifiutata(&manifesto, &|b| b.truncate(100), "è troncato o alterato");
    rifiutata(&manifesto, &|b| sostituisci(b, "\"anno\": 20", "\"anno\": 19"), "è stato alterato");
    rifiutata(&manifesto, &|b| sostituisci(b, "\"versione\": 3", "\"versione\": 5"), "è di una versione successiva (5");
    rifiutata(&documento, &alterato, "è alterato");
    rifiutata(&copia.join("enti/c_z999/file.elenco"), &alterato, "l'elenco dei file");
    // One that is missing.
    for (p, perche) in [
        (&documento, "manca il file"),
        (&base, "nella copia manca enti/c_z999/ente.sqlite"),
        (&manifesto, "non c'è nessuna copia completa"),
    ] {
        let via = p.with_extension("via");
        std::fs::rename(p, &via).unwrap();
        let (o, _, detto) = ripristina(&copie, &nuovo, &SENZA_PERDITA);
        assert!(o.status.code() == Some(1) && detto.contains(perche) && !nuovo.exists(), "{perche}: {detto}");
        std::fs::rename(&via, p).unwrap();
    }
    // Every byte is that of the manifest, but the key is another's.
    let altri = d.path().join("altri");
    drop(Demo::avvia(&altri));
    std::fs::copy(altri.join("chiave-installazione"), dati.join("chiave-installazione")).unwrap();
    assert_eq!(backup(&dati, &copie, &[]).0.status.code(), Some(0));
    let (o, _, detto) = ripristina(&copie, &nuovo, &SENZA_PERDITA);
    assert!(o.status.code() == Some(1) && detto.contains("non apre le chiavi di firma"), "{detto}");
    assert!(!nuovo.exists());
    assert_eq!(ripristina(d.path(), &nuovo, &SENZA_PERDITA).0.status.code(), Some(1));
    assert_eq!(ripristina(&d.path().join("assente"), &nuovo, &SENZA_PERDITA).0.status.code(), Some(3));
}

/// The same ente, its register one step further than every number that was given.
fn riavviato(nuovo: &Path, oltre: i64) -> (i64, i64) {
    let demo = Demo::avvia(nuovo);
    let (anno, numero) = demo.registra("Dopo il ripristino", None);
    assert!(numero > oltre, "{numero} after {oltre}");
    assert_eq!(demo.registra("Dopo ancora", None), (anno, numero + 1));
    (anno, numero + 1)
}

#[test]
fn numbers_given_after_the_copy_are_never_given_again_and_the_gap_is_told_apart() {
    // R-N05.
    let d = tempfile::tempdir().unwrap();
    let (dati, copie) = (d.path().join("dati"), d.path().join("copie"));
    let demo = Demo::avvia(&dati);
    let (_, ultimo_in_copia) = demo.registra("Nella copia", None);
    assert_eq!(backup(&dati, &copie, &[]).0.status.code(), Some(0));
    let prima = demo.registra("Persa", Some("un file"));
    let ancora_di_mezzo = demo.ancora(prima);
    let dati_fuori = (0..5).fold(prima, |_, i| demo.registra(&format!("Persa {i}"), None));
    let ancora = d.path().join("ancora");
    std::fs::write(&ancora, format!("{ancora_di_mezzo}\n{}", demo.ancora(dati_fuori))).unwrap();
    drop(demo);
    let ancora = ancora.to_str().unwrap();
    let chi = ["--operatore", "elena.martinazzi", "--motivo", "disco perduto"];
    let nuovo = d.path().join("nuovo");
    // What must be said to decide is asked for, and nothing is left behind.
    for (argomenti, manca) in [
        (vec![], "--senza-ancora"),
        (vec!["--ancora", ancora], "--operatore"),
        (vec!["--ancora", ancora, "--senza-perdita"], "non è vero"),
        (vec!["--numeri-dati", "PG=3"], "REGISTRO/ANNO=N"),
        (vec!["--numeri-dati", "altro/AOO1/PG/2026=3", chi[0], chi[1], chi[2], chi[3]], "non è in questa copia"),
    ] {
        let (o, _, detto) = ripristina(&copie, &nuovo, &argomenti);
        assert_eq!(o.status.code(), Some(2), "{argomenti:?}: {detto}");
        assert!(detto.contains(manca), "{argomenti:?}: {detto}");
        assert!(!nuovo.exists() && !d.path().join(".nuovo.in-ripristino").exists());
    }
    let (o, v, detto) = ripristina(&copie, &nuovo, &[&["--ancora", ancora][..], &chi].concat());
    assert_eq!(o.status.code(), Some(0), "{detto} {v}");
    let lacuna = v["verifica"]["lacune"].as_array().unwrap().iter().find(|l| !l["salti"].is_null()).unwrap();
    let salto = lacuna["salti"].as_array().unwrap().iter().find(|s| s["registro"] == "PG").unwrap().clone();
    assert_eq!(salto["da"], ultimo_in_copia + 1, "{lacuna}");
    assert!(salto["a"].as_i64().unwrap() >= dati_fuori.1, "{lacuna}");
    assert_eq!((&lacuna["epoca"], &lacuna["motivo"]), (&json!(2), &json!("disco perduto")));
    let dopo = riavviato(&nuovo, dati_fuori.1);
    assert_eq!(dopo.1, salto["a"].as_i64().unwrap() + 2);
    // The anchors of what was lost are told apart; one of nobody's history is a difference.
    let verifica =
        |ancora: &str| protocollo("verifica", &["--archivio", nuovo.to_str().unwrap(), "--json", "--ancora", ancora]);
    let (o, v, detto) = verifica(ancora);
    assert_eq!(o.status.code(), Some(0), "{detto} {v}");
    assert!(v["ancore_coperte"].as_u64().unwrap() >= 2 && v["lacune"].as_array().unwrap().len() == 2, "{v}");
    let o = Command::new(env!("CARGO_BIN_EXE_protocollo"))
        .args(["verifica", "--archivio", nuovo.to_str().unwrap(), "--ancora", ancora])
        .output()
        .unwrap();
    let testo = String::from_utf8_lossy(&o.stdout).into_owned();
    assert!(testo.contains("lacune=2") && testo.contains("disco perduto") && testo.contains("differenze=0"), "{testo}");

    // A second loss, restored from the very same old copy: past what the first restoring jumped, and gave.
    let terzo = d.path().join("terzo");
    let (o, v, detto) = ripristina(&copie, &terzo, &[&["--ancora", ancora, "--margine", "0"][..], &chi].concat());
    assert_eq!(o.status.code(), Some(0), "{detto} {v}");
    riavviato(&terzo, dopo.1);

    // Without anchors, and by hand.
    for (i, (come, oltre)) in
        [(vec!["--senza-ancora"], dopo.1), (vec!["--numeri-dati", &format!("PG/{}=7000000", dopo.0)], 7_000_000)]
            .into_iter()
            .enumerate()
    {
        let qui = d.path().join(format!("altro{i}"));
        let (o, v, detto) =
            ripristina(&copie, &qui, &[&come[..], &["--operatore", "Mario Bianchi", "--motivo", "prova"]].concat());
        assert_eq!(o.status.code(), Some(0), "{detto} {v}");
        assert_eq!(v["verifica"]["lacune"][1]["operatore"], "Mario Bianchi", "{v}");
        riavviato(&qui, oltre);
    }

    // An anchor that no key of the log signed makes no number jump.
    let falsa = d.path().join("falsa");
    let k = catena::ChiaveFirma::da_segreto(ancora_di_mezzo.lines().next().unwrap(), &[7; 32]).unwrap();
    let cp = catena::Checkpoint::nuovo(k.pubblica().nome(), 9_000_000, [1; 32]);
    std::fs::write(&falsa, cp.firma(&[&k]).unwrap()).unwrap();
    let quinto = d.path().join("quinto");
    let (o, _, detto) = ripristina(&copie, &quinto, &[&["--ancora", falsa.to_str().unwrap()][..], &chi].concat());
    assert!(o.status.code() == Some(1) && detto.contains("non è firmata") && !quinto.exists(), "{detto}");
}

#[test]
fn a_restoring_is_tried_and_its_report_says_how_it_went() {
    // R-N04, R-N08.
    let d = tempfile::tempdir().unwrap();
    let (dati, copie, prove) = (d.path().join("dati"), d.path().join("copie"), d.path().join("prove"));
    std::fs::create_dir(&prove).unwrap();
    drop(Demo::avvia(&dati));
    assert_eq!(backup(&dati, &copie, &[]).0.status.code(), Some(0));
    let prova = |rapporto: &Path| {
        let (da, r, t) = (copie.to_str().unwrap(), rapporto.to_str().unwrap(), prove.to_str().unwrap());
        let (o, _, detto) = protocollo("prova-ripristino", &["--da", da, "--rapporto", r, "--temporanea", t]);
        assert_eq!(std::fs::read_dir(&prove).unwrap().count(), 0, "nothing is left");
        (o.status.code(), detto)
    };
    let (json, pdf) = (d.path().join("prova.json"), d.path().join("prova.pdf"));
    let letto = || serde_json::from_slice::<Value>(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!(prova(&json).0, Some(0));
    let v = letto();
    assert_eq!(
        (&v["riuscita"], &v["enti"], &v["verifica"]["differenze"]),
        (&json!(true), &json!(["c_z999"]), &json!([]))
    );
    assert!(v["verifica"]["registrazioni"] == 8 && v["rtoSecondi"].as_f64() > Some(0.0), "{v}");
    assert!(v["rpoSecondi"].as_f64() >= Some(0.0) && v["verifica"]["lacune"] == json!([]), "{v}");
    assert_eq!(prova(&pdf).0, Some(0));
    assert!(std::fs::read(&pdf).unwrap().starts_with(b"%PDF-"));
    // One that does not come back is what the report is for.
    let copia = PathBuf::from(backup(&dati, &copie, &[]).1["copia"].as_str().unwrap());
    std::fs::write(copia.join("enti/c_z999/ente.sqlite"), "rovinato").unwrap();
    for rapporto in [&json, &pdf] {
        let (codice, detto) = prova(rapporto);
        assert!(codice == Some(1) && detto.contains("è troncato"), "{detto}");
    }
    let v = letto();
    assert!(v["riuscita"] == false && v["errore"].as_str().unwrap().contains("è troncato"), "{v}");
    assert!(v["rpoSecondi"].as_f64() >= Some(0.0), "{v}");
    assert_eq!(prova(&d.path().join("prova.txt")).0, Some(2));
}

#[test]
fn a_backup_that_is_killed_leaves_no_copy_and_the_next_one_sweeps_it() {
    let d = tempfile::tempdir().unwrap();
    let (dati, copie) = (d.path().join("dati"), d.path().join("copie"));
    drop(Demo::avvia(&dati));
    for righe in 1..8 {
        let mut figlio = Command::new(env!("CARGO_BIN_EXE_protocollo"))
            .args(["backup", "--archivio", dati.to_str().unwrap(), "--out", copie.to_str().unwrap()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // At each step that it tells of.
        let letto = BufReader::new(figlio.stderr.take().unwrap()).lines().take(righe).count();
        let _ = figlio.kill();
        figlio.wait().unwrap();
        assert!(letto > 0);
    }
    let (o, v, detto) = backup(&dati, &copie, &["--conserva", "1"]);
    assert_eq!(o.status.code(), Some(0), "{detto}");
    let resta: Vec<_> = std::fs::read_dir(copie.join("copie")).unwrap().map(|c| c.unwrap().path()).collect();
    assert_eq!(resta, [PathBuf::from(v["copia"].as_str().unwrap())]);
    assert!(file_sotto(&copie).iter().all(|f| f.extension().is_none_or(|e| e != "parte")));
    let (o, v, detto) = ripristina(&copie, &d.path().join("nuovo"), &SENZA_PERDITA);
    assert_eq!((o.status.code(), &v["verifica"]["differenze"]), (Some(0), &json!([])), "{detto}");
}

/// A folder that came back by other means (R-N05): whoever brought it back says what was given, and the register goes on from there.
#[test]
fn an_epoch_is_opened_where_a_folder_came_back_by_other_tools() {
    let d = tempfile::tempdir().unwrap();
    let dati = d.path().join("dati");
    let archivio = dati.to_str().unwrap();
    let demo = Demo::avvia(&dati);
    let (anno, numero) = demo.registra("Ultima della copia", None);
    // As much as was given and is not there any more.
    let perduto = format!("PG/{anno}={}", numero + 40);
    let chi = ["--operatore", "anna.rossi", "--motivo", "Disco perduto"];
    let dati_e_chi = [&["--archivio", archivio, "--numeri-dati", &perduto][..], &chi].concat();
    let (o, _, detto) = protocollo("epoca", &dati_e_chi);
    assert_eq!(o.status.code(), Some(3), "beside a service: {detto}");
    drop(demo);
    let (o, _, detto) = protocollo("epoca", &[&["--archivio", archivio][..], &chi].concat());
    assert!(o.status.code() == Some(2) && detto.contains("--numeri-dati"), "{detto}");
    let (o, _, detto) = protocollo("epoca", &["--archivio", archivio, "--numeri-dati", &perduto]);
    assert!(o.status.code() == Some(2) && detto.contains("--operatore"), "{detto}");
    let (o, _, detto) = protocollo("epoca", &dati_e_chi);
    assert!(o.status.success() && detto.contains(&format!("fino a {}", numero + 40)), "{detto}");
    assert!(dati.join("ripristini").is_dir());
    let demo = Demo::avvia(&dati);
    assert_eq!(demo.registra("La prima dopo", None), (anno, numero + 41));
    drop(demo);
    let (o, v, detto) = protocollo("verifica", &["--archivio", archivio, "--json"]);
    assert!(o.status.success() && !v["lacune"].as_array().unwrap().is_empty(), "{v} {detto}");
}

#[test]
fn an_encrypted_copy_is_opened_by_its_identity_alone_and_tried_with_it() {
    // R-L22, R-N04
    const UNO: &str = "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
    const PUBBLICA: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    const DUE: &str = "AGE-SECRET-KEY-1XS39NMVXFVFC6XQ8TW6SW83LGMG0KWW3WD6FMRDVQCV8QM8V66MSQT0K2F";
    let d = tempfile::tempdir().unwrap();
    let p = |n: &str| d.path().join(n);
    let t = |n: &str| p(n).to_str().unwrap().to_owned();
    std::fs::write(p("uno"), format!("# public key: {PUBBLICA}\n{UNO}\n")).unwrap();
    std::fs::write(p("due"), DUE).unwrap();
    std::fs::write(p("password"), "age-encryption.org/v1\n-> scrypt x 18\n").unwrap();
    std::fs::write(p("destinatari"), format!("# chi custodisce le copie\n{PUBBLICA}\n")).unwrap();
    drop(Demo::avvia(&p("dati")));
    for male in [&["--cifra-per", "age1niente"][..], &["--cifra-per", UNO], &["--destinatari", &t("due")]] {
        let (o, _, detto) = backup(&p("dati"), &p("copie"), male);
        assert!(o.status.code() == Some(2) && detto.contains("non è un destinatario"), "{detto}");
        assert!(!detto.contains(&UNO[20..]) && !detto.contains(&DUE[20..]), "a secret is not said: {detto}");
    }
    assert!(!p("copie/copie").exists());
    let (o, v, detto) = backup(&p("dati"), &p("copie"), &["--cifra-per", PUBBLICA, "--destinatari", &t("destinatari")]);
    assert_eq!((o.status.code(), &v["cifrataPer"]), (Some(0), &json!([PUBBLICA])), "{detto}");
    let manifesto: Value = serde_json::from_slice(
        &std::fs::read(PathBuf::from(v["copia"].as_str().unwrap()).join("manifesto.json")).unwrap(),
    )
    .unwrap();
    assert_eq!((&manifesto["versione"], &manifesto["enti"][1]["ipa"]), (&json!(4), &json!("c_z999")), "{manifesto}");
    let con = |quali: &[&str]| {
        let mut a = vec!["--senza-perdita".to_owned()];
        a.extend(quali.iter().flat_map(|q| ["--identita".to_owned(), t(q)]));
        ripristina(&p("copie"), &p("nuovo"), &a.iter().map(String::as_str).collect::<Vec<_>>())
    };
    for (quali, codice, perche) in [
        (&[][..], 1, "la copia è cifrata per age1"),
        (&["due"], 1, "nessuna delle identità indicate apre questa copia"),
        (&["password"], 2, "protetto da una password"),
        (&["destinatari"], 2, "l'identità non si legge"),
        (&["assente"], 3, "assente"),
    ] {
        let (o, _, detto) = con(quali);
        assert!(o.status.code() == Some(codice) && detto.contains(perche), "{quali:?}: {:?} {detto}", o.status);
        assert!(!p("nuovo").exists() && !p(".nuovo.in-ripristino").exists(), "{quali:?}");
    }
    let prova = |quali: &[&str]| {
        let (da, rapporto) = (t("copie"), t("rapporto.json"));
        let mut a = vec!["--da", &da, "--rapporto", &rapporto];
        a.extend(quali);
        let (o, ..) = protocollo("prova-ripristino", &a);
        let v: Value = serde_json::from_slice(&std::fs::read(p("rapporto.json")).unwrap()).unwrap();
        (o.status.code(), v)
    };
    let (codice, v) = prova(&[]);
    assert!(codice == Some(1) && v["errore"].as_str().unwrap().contains("--identita"), "{v}");
    let (codice, v) = prova(&["--identita", &t("uno")]);
    assert_eq!((codice, &v["riuscita"], &v["verifica"]["registrazioni"]), (Some(0), &json!(true), &json!(8)), "{v}");
    let (o, v, detto) = con(&["due", "uno"]);
    assert_eq!((o.status.code(), &v["verifica"]["differenze"]), (Some(0), &json!([])), "{detto}");
    let demo = Demo::avvia(&p("nuovo"));
    assert_eq!(demo.registra("Atto", Some("ciao")).1, 9, "it goes on from there");
}

#[test]
fn receipts_of_what_was_lost_prove_number_by_number_what_was_given() {
    // R-N05.
    let d = tempfile::tempdir().unwrap();
    let (dati, copie, ricevute) = (d.path().join("dati"), d.path().join("copie"), d.path().join("ricevute"));
    std::fs::create_dir(&ricevute).unwrap();
    let demo = Demo::avvia(&dati);
    let nella_copia = demo.registra("Nella copia", None);
    assert_eq!(backup(&dati, &copie, &[]).0.status.code(), Some(0));
    let perse: Vec<(i64, i64)> = (0..4).map(|i| demo.registra(&format!("Persa {i}"), None)).collect();
    let ricevuta =
        |(anno, numero): (i64, i64)| demo.leggi(&format!("/registri/PG/registrazioni/{anno}/{numero}/ricevuta"));
    let (seconda, quarta) = (ricevuta(perse[1]), ricevuta(perse[3]));
    std::fs::write(ricevute.join("seconda.json"), &seconda).unwrap();
    std::fs::write(ricevute.join("quarta.json"), format!("[{quarta}]")).unwrap();
    std::fs::write(ricevute.join("di-oggi.json"), ricevuta(nella_copia)).unwrap();
    let (ancora, falsa) = (d.path().join("ancora"), d.path().join("falsa.json"));
    std::fs::write(&ancora, demo.ancora(perse[3])).unwrap();
    drop(demo);
    let chi = ["--operatore", "elena.martinazzi", "--motivo", "disco perduto"];
    let nuovo = d.path().join("nuovo");
    let (o, v, detto) = ripristina(&copie, &nuovo, &[&["--ancora", ancora.to_str().unwrap()][..], &chi].concat());
    assert_eq!(o.status.code(), Some(0), "{detto} {v}");

    let lacuna = |dove: &Path, altro: &[&str]| {
        let a = ["--archivio", dove.to_str().unwrap(), "--ente", "c_z999", "--aoo", "AOO1", "--json"];
        let (o, v, detto) = protocollo("lacuna", &[&a, altro].concat());
        (o.status.code(), v, detto)
    };
    // How a number of PG stands.
    let stato = |v: &Value, numero: i64| {
        let tratti = v["epoche"].as_array().unwrap().iter().flat_map(|e| e["tratti"].as_array().unwrap());
        let suo = |t: &&Value| {
            t["registro"] == "PG"
                && t["anno"] == perse[0].0
                && (t["da"].as_i64()..=t["a"].as_i64()).contains(&Some(numero))
        };
        tratti.filter(suo).map(|t| t["stato"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (codice, v, detto) = lacuna(&nuovo, &[]);
    assert_eq!((codice, &v["scritti"]), (Some(0), &json!(0)), "{detto}");
    assert_eq!(stato(&v, perse[0].1), ["ignoto"]);
    let tutte = ["--ricevute", ricevute.to_str().unwrap()];
    assert_eq!(lacuna(&nuovo, &tutte).0, Some(2), "who writes it must be said");
    let affermato = format!("PG/{}/{}=etichetta sulla busta", perse[3].0, perse[3].1 + 2);
    let operatore = ["--operatore", "giulia.contarelli"];
    let con_parola = [&tutte[..], &["--affermato", &affermato], &operatore].concat();
    let (codice, v, detto) = lacuna(&nuovo, &con_parola);
    assert_eq!((codice, &v["scritti"]), (Some(0), &json!(3)), "{detto} {v}");
    let attesi =
        [(0, "dato"), (1, "provato"), (2, "dato"), (3, "provato"), (4, "ignoto"), (5, "affermato"), (6, "ignoto")];
    for (i, come) in attesi {
        assert_eq!(stato(&v, perse[0].1 + i), [come], "{i}: {v}");
    }
    let provato = v["epoche"][0]["tratti"].as_array().unwrap().iter().find(|t| t["da"] == perse[1].1).unwrap();
    assert_eq!(provato["prova"]["campi"]["oggetto"], "Persa 1", "{provato}");
    assert!(provato["prova"]["istante"].is_string() && provato["prova"]["operazione"] == "registrazione", "{provato}");
    let oggi = v["esami"].as_array().unwrap().iter().find(|e| e["da"].as_str().unwrap().ends_with("di-oggi.json"));
    assert_eq!(oggi.unwrap()["esito"], "estranea", "{v}");
    // What is known is not written twice; proof takes the place of word; what does not hold is refused.
    let (codice, v, _) = lacuna(&nuovo, &con_parola);
    assert_eq!((codice, &v["scritti"]), (Some(0), &json!(0)), "{v}");
    let mut altrui: Value = serde_json::from_str(&seconda).unwrap();
    altrui["indice"] = json!(altrui["indice"].as_u64().unwrap() + 1);
    std::fs::write(&falsa, altrui.to_string()).unwrap();
    let (codice, v, _) = lacuna(&nuovo, &[&["--ricevute", falsa.to_str().unwrap()][..], &operatore].concat());
    assert_eq!((codice, &v["scritti"], &v["esami"][0]["esito"]), (Some(1), &json!(0), &json!("falsa")), "{v}");
    // The log is whole, and the counter did not move.
    let (o, v, detto) = protocollo("verifica", &["--archivio", nuovo.to_str().unwrap(), "--json"]);
    assert_eq!(o.status.code(), Some(0), "{detto} {v}");
    let salto = v["lacune"].as_array().unwrap().iter().find_map(|l| l["salti"].as_array()).unwrap();
    let fino = salto.iter().find(|s| s["registro"] == "PG").unwrap()["a"].as_i64().unwrap();
    assert_eq!(riavviato(&nuovo, fino).1, fino + 2);

    // Where too little was declared it shows, before the number is given again, and after.
    let corto = d.path().join("corto");
    let fino = format!("PG/{}={}", perse[0].0, perse[0].1);
    std::fs::remove_dir_all(copie.join("ripristini")).unwrap();
    let (o, v, detto) = ripristina(&copie, &corto, &[&["--numeri-dati", &fino][..], &chi].concat());
    assert_eq!(o.status.code(), Some(0), "{detto} {v}");
    let (codice, v, _) = lacuna(&corto, &[&tutte[..], &operatore].concat());
    let allarme = |v: &Value| v["esami"].as_array().unwrap().iter().find(|e| e["esito"] == "allarme").unwrap().clone();
    assert!(codice == Some(1) && allarme(&v)["dettaglio"].as_str().unwrap().contains("nessuna lacuna"), "{v}");
    riavviato(&corto, perse[0].1);
    let (codice, v, _) = lacuna(&corto, &[&tutte[..], &operatore].concat());
    assert!(codice == Some(1) && v.to_string().contains("è stato dato due volte"), "{v}");
}
