//! The verb `attiva`: an ente from a file, twice, and what it refuses (contract § 1; R-C11). And `carico --sigillo`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use archivio::orologio::OrologioDiSistema;
use archivio::sqlite::SqliteStore;
use archivio::store::Registro;
use archivio::{EnteStore, Store as _};
use serde_json::Value;
use sigillo::dimostrazione;
use sigillo::richiesta::{Identificativo, Soggetto};

const ATTO: &str = r#"
[ente]
ipa = "c_z999"
denominazione = "Comune di Prova"
codiceFiscale = "80006510806"

[aoo]
codice = "AOO1"
denominazione = "Comune di Prova"
ufficioSmistamento = "PROT"
consenteDaClassificare = true
voceDaClassificare = "0"
dal = "2026-01-01"

[[aoo.registri]]
codice = "PG"
denominazione = "Protocollo generale"
ultimoPrecedente = { anno = 2020, numero = 12 }

[[aoo.registri]]
codice = "ALBO"
denominazione = "Albo pretorio"

[[uffici]]
codice = "DIR"
denominazione = "Direzione"

[[uffici]]
codice = "PROT"
denominazione = "Protocollo"
padre = "DIR"

[[utenti]]
username = "rita.rossi"
nome = "Rita"
cognome = "Rossi"
ruoli = [{ ruolo = "rgd" }, { ruolo = "operatore", ufficio = "PROT" }]

[[titolario]]
codice = "1"
denominazione = "Amministrazione"

[[titolario]]
codice = "1.6"
denominazione = "Archivio"
da = "2026-02-01"

[[rubrica]]
tipo = "persona-fisica"
nome = "Maria"
cognome = " Bianchi "
codiceFiscale = "rssmra80a01h501u"
"#;

const SIGILLO: &str = r#"
[sigillo]
fornitore = "file"
file = "sigillo.p12"
passwordFile = "parola"
entrate = true
"#;

struct Banco(tempfile::TempDir);

impl Banco {
    fn nuovo() -> Self {
        let b = Self(tempfile::tempdir().unwrap());
        b.certificato("parola di prova");
        b
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    /// Another seal, under these words.
    fn certificato(&self, parola: &str) {
        let soggetto = Soggetto {
            organizzazione: "Comune di Prova".into(),
            identificativo: Identificativo::Ipa("c_z999".into()),
            nome: None,
        };
        let da = jiff::Timestamp::now() - jiff::SignedDuration::from_secs(60);
        let d = dimostrazione::crea(&soggetto, da, &sigillo::Segreto::nuovo(parola)).unwrap();
        std::fs::write(self.dir().join("sigillo.p12"), d.pkcs12).unwrap();
        std::fs::write(self.dir().join("parola"), format!("{parola}\n")).unwrap();
    }

    fn attiva(&self, atto: &str, altri: &[&str]) -> (Option<i32>, String, String) {
        std::fs::write(self.dir().join("ente.toml"), atto).unwrap();
        let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
        c.args(["attiva", "ente.toml", "--archivio", "archivio"]).args(altri).current_dir(self.dir());
        let o = c.output().unwrap();
        (o.status.code(), String::from_utf8(o.stdout).unwrap(), String::from_utf8(o.stderr).unwrap())
    }

    /// The table, by code: new, already there, outcome.
    fn tavola(&self, atto: &str, altri: &[&str]) -> Vec<(String, u64, u64, String)> {
        let (codice, detto, errore) = self.attiva(atto, &[&["--json"], altri].concat());
        assert_eq!(codice, Some(0), "{errore}");
        let v: Value = serde_json::from_str(&detto).unwrap();
        let riga = |r: &Value| {
            assert!(r["secondi"].as_f64().unwrap() >= 0.0);
            let testo = |k: &str| r[k].as_str().unwrap().to_owned();
            (testo("codice"), r["nuovi"].as_u64().unwrap(), r["presenti"].as_u64().unwrap(), testo("stato"))
        };
        v["attivazione"].as_array().unwrap().iter().map(riga).collect()
    }

    fn guarda<T>(&self, f: impl AsyncFnOnce(Arc<dyn EnteStore>) -> T) -> T {
        let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        rt.block_on(async {
            let store = SqliteStore::apri(&self.dir().join("archivio"), Arc::new(OrologioDiSistema)).unwrap();
            f(store.ente(&"c_z999".parse().unwrap()).await.unwrap().unwrap()).await
        })
    }

    /// How many operations the logs hold.
    fn operazioni(&self) -> usize {
        self.guarda(async |e| {
            let aoo = e.scan_from(&Registro::Aoo("AOO1".parse().unwrap()), 0, 500).await.unwrap().len();
            aoo + e.scan_from(&Registro::Ente, 0, 500).await.unwrap().len()
        })
    }
}

#[test]
fn an_ente_is_activated_from_a_file_and_doing_it_again_changes_nothing() {
    let b = Banco::nuovo();
    let atto = format!("{ATTO}{SIGILLO}");
    let t = b.tavola(&atto, &["--password", "password.txt"]);
    let attese = |x: &[(&str, u64, u64, &str)]| -> Vec<(String, u64, u64, String)> {
        x.iter().map(|(c, n, p, s)| ((*c).to_owned(), *n, *p, (*s).to_owned())).collect()
    };
    assert_eq!(
        t,
        attese(&[
            ("10", 11, 0, "attivato"),
            ("10.1", 4, 0, "attivato"),
            ("10.2", 3, 0, "attivato"),
            ("10.3", 3, 0, "attivato"),
            ("10.4", 0, 0, "non ancora in questa versione"),
            ("10.5", 1, 0, "attivato"),
        ])
    );
    let parole = std::fs::read_to_string(b.dir().join("password.txt")).unwrap();
    assert!(parole.starts_with("rita.rossi\t") && parole.lines().count() == 1, "{parole}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(b.dir().join("password.txt")).unwrap().permissions().mode() & 0o77, 0);
    }
    b.guarda(async |e| {
        let conf = e.configurazione();
        let aoo = &conf.aoo[&"AOO1".parse().unwrap()];
        assert_eq!(conf.ente.as_ref().unwrap().denominazione, "Comune di Prova");
        assert_eq!((aoo.uffici.len(), aoo.registri.len(), aoo.titolario.len()), (2, 2, 3));
        assert_eq!(aoo.dati.origine, "protocollo.aoo/c_z999/AOO1");
        let s = aoo.sigillo.as_ref().unwrap();
        assert!(s.entrate && s.intestatario.contains("Comune di Prova") && !s.qualificato, "{s:?}");
        assert_eq!(conf.utenti[&"rita.rossi".parse().unwrap()].incarichi.len(), 2);
        assert!(e.password(&"rita.rossi".parse().unwrap()).await.unwrap().is_some());
        let rubrica = e.rubrica(&"AOO1".parse().unwrap(), None, 10).await.unwrap().elementi;
        assert_eq!(rubrica[0].soggetto.codice(), Some("RSSMRA80A01H501U"));
        assert_eq!(e.verifica(&|_| {}).await.unwrap().differenze, []);
    });

    let prima = b.operazioni();
    // Blanks that the register does not keep are no difference.
    let largo = atto.replace("denominazione = \"Comune di Prova\"", "denominazione = \"  Comune di Prova \"");
    assert_ne!(largo, atto);
    let t = b.tavola(&largo, &[]);
    assert_eq!(t[0].1, 0, "{t:?}");
    assert!(t.iter().all(|r| r.1 == 0) && t[5].2 == 1 && t[0].3 == "già attivo", "{t:?}");
    assert_eq!(b.operazioni(), prima);

    // What is added is added, and a new seal takes the place of the old one.
    b.certificato("altra parola");
    let di_piu = atto.replace("[[utenti]]", "[[uffici]]\ncodice = \"TRIB\"\ndenominazione = \"Tributi\"\n\n[[utenti]]");
    let t = b.tavola(&di_piu, &[]);
    assert_eq!((t[2].1, t[5].1), (1, 1), "{t:?}");
    assert_eq!(b.operazioni(), prima + 2);
    let (_, tavola, _) = b.attiva(&di_piu, &[]);
    assert!(tavola.lines().count() == 7 && tavola.contains("10.5") && tavola.contains("già attivo"), "{tavola}");
    assert!(!tavola.contains("altra parola"));
}

#[test]
fn nobody_is_made_whose_password_would_be_nowhere_and_who_has_none_gets_one_later() {
    let b = Banco::nuovo();
    let (codice, _, detto) = b.attiva(ATTO, &["--password", "nessuna/cartella/qui.txt"]);
    assert!(codice != Some(0) && detto.contains("nessuna/cartella/qui.txt"), "{detto}");
    let (codice, _, detto) = b.attiva(ATTO, &[]);
    assert_eq!(codice, Some(0), "{detto}");
    assert!(detto.contains("Senza password: rita.rossi."), "{detto}");
    b.tavola(ATTO, &["--password", "password.txt"]);
    let parole = std::fs::read_to_string(b.dir().join("password.txt")).unwrap();
    assert!(parole.starts_with("rita.rossi\t") && parole.lines().count() == 1, "{parole}");
    b.guarda(async |e| assert!(e.password(&"rita.rossi".parse().unwrap()).await.unwrap().is_some()));
    // Once they have one nothing is written, and no file is left.
    b.tavola(ATTO, &["--password", "altre.txt"]);
    assert!(!b.dir().join("altre.txt").exists());
}

#[test]
fn a_rubrica_longer_than_the_writers_queue_is_taken_whole() {
    let b = Banco::nuovo();
    let voci: String = (0..5_000)
        .map(|i| format!("\n[[rubrica]]\ntipo = \"persona-giuridica\"\ndenominazione = \"Ditta numero {i}\"\n"))
        .collect();
    let t = b.tavola(&format!("{ATTO}{voci}"), &[]);
    assert!(t[3].1 >= 5_000 && t[3].3 == "attivato", "{t:?}");
}

#[test]
fn what_is_there_and_differs_is_named_and_nothing_is_written() {
    let b = Banco::nuovo();
    b.tavola(ATTO, &[]);
    let prima = b.operazioni();
    for (prima_era, ora, nome) in [
        ("denominazione = \"Direzione\"", "denominazione = \"Altra\"", "ufficio DIR, denominazione"),
        ("ruoli = [{ ruolo = \"rgd\" }", "ruoli = [{ ruolo = \"vicario\" }", "utente rita.rossi, ruoli"),
        ("codiceFiscale = \"80006510806\"", "", "ente c_z999, codiceFiscale"),
        ("numero = 12", "numero = 13", "registro PG, ultimoPrecedente"),
    ] {
        // Something new beside what differs: not even that is written.
        let atto =
            format!("{}\n[[titolario]]\ncodice = \"9\"\ndenominazione = \"Nuova\"\n", ATTO.replace(prima_era, ora));
        let (codice, _, errore) = b.attiva(&atto, &[]);
        assert_eq!(codice, Some(1), "{errore}");
        assert!(errore.contains(nome) && errore.contains("Non è stato scritto nulla"), "{nome}: {errore}");
    }
    assert_eq!(b.operazioni(), prima);
}

#[test]
fn what_cannot_be_done_yet_or_is_wrong_is_said_by_name_before_anything_is_written() {
    let b = Banco::nuovo();
    for (in_piu, parole) in [
        ("[pec]\nindirizzo = \"a@b\"\n", "[pec]: le caselle PEC non si attivano ancora"),
        ("[conservazione]\nconservatore = \"x\"\n", "[conservazione]: la conservazione non si"),
        ("[colori]\nsfondo = \"blu\"\n", "colori"),
    ] {
        let (codice, _, errore) = b.attiva(&format!("{ATTO}{in_piu}"), &[]);
        assert!(codice == Some(2) && errore.contains(parole), "{errore}");
    }
    let (codice, _, errore) = b.attiva(&ATTO.replace("ipa = \"c_z999\"", "ipa = \"non valido!\""), &[]);
    assert!(codice == Some(2) && errore.contains("ente.ipa"), "{errore}");
    assert!(!b.dir().join("archivio/enti/c_z999").exists());

    // A seal that does not seal is not set; the rest is there, and doing it again goes on from there.
    for (sezione, parole) in [
        (SIGILLO.replace("passwordFile = \"parola\"", "password = \"sbagliata\""), "password non apre"),
        (SIGILLO.replace("sigillo.p12", "manca.p12"), "sigillo.file"),
        (SIGILLO.replace("passwordFile = \"parola\"", "passwordAmbiente = \"NESSUNA_QUI\""), "NESSUNA_QUI"),
        (
            "[sigillo]\nfornitore = \"csc\"\nurl = \"http://127.0.0.1:1/\"\nclientId = \"a\"\nclientSecret = \"b\"\n"
                .into(),
            "sigillo.indirizzi",
        ),
    ] {
        let (codice, _, errore) = b.attiva(&format!("{ATTO}{sezione}"), &[]);
        assert!(codice != Some(0) && errore.contains(parole) && errore.contains("10.5"), "{parole}: {errore}");
        assert!(!errore.contains("sbagliata"), "{errore}");
    }
    b.guarda(async |e| assert!(e.configurazione().aoo[&"AOO1".parse().unwrap()].sigillo.is_none()));
    let t = b.tavola(&format!("{ATTO}{SIGILLO}"), &[]);
    assert_eq!((t[1].1, t[5].1), (0, 1), "{t:?}");
}

#[test]
fn the_load_generator_seals_all_that_it_registers() {
    // R-A13, R-A14
    let d = tempfile::tempdir().unwrap();
    let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
    c.args(["carico", "--sigillo", "--json", "--giri", "1", "--secondi", "0.3", "--clienti", "2", "--aoo", "2"]);
    let o = c.args(["--archivio", "qui"]).current_dir(d.path()).output().unwrap();
    assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stderr));
    let v: Value = serde_json::from_slice(&o.stdout).unwrap();
    assert!(v["sigilli"].as_u64().unwrap() > 0 && v["sigilli_al_secondo"].as_f64().unwrap() > 0.0, "{v}");
    // One was registered before the turns.
    let (sigilli, registrate) = (v["sigilli"].as_u64().unwrap(), v["registrazioni"].as_u64().unwrap());
    assert_eq!((&v["sigilli_tutti_apposti"], sigilli + 1), (&Value::Bool(true), registrate));
    for chiave in ["registrazioni_al_secondo", "soglia_al_secondo", "rapporto"] {
        assert!(v[chiave].is_number(), "{chiave}: {v}");
    }
}
