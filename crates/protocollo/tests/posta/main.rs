//! Anchors by mail, through a mail server that others wrote: what arrives in a mailbox is what `verifica --ancora` needs
//! (design § 5; contract § 1).
#![expect(clippy::unwrap_used, reason = "tests")]
#![cfg(unix)]

#[path = "../comune/mod.rs"]
mod comune;
mod exim;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use archivio::sqlite::SqliteStore;
use archivio::store::{Accesso, Azione, Registro};
use archivio::{EnteStore, sistema};
use catena::{Checkpoint, ChiavePubblica};
use dominio::tempo::{Istante, Orologio};
use servizio::ancore_posta::{Cadenza, Cifratura, Esito, Opzioni, Posta, Server};

use exim::{Exim, PASSWORD, Porta, UTENTE};

struct Finto(AtomicI64);

impl Orologio for Finto {
    fn adesso(&self) -> Istante {
        Istante(self.0.load(Ordering::SeqCst))
    }
    fn monotono(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// An archive with one ente and one AOO.
struct Banco {
    dir: tempfile::TempDir,
    orologio: Arc<Finto>,
    rt: tokio::runtime::Runtime,
    ente: Option<Arc<dyn EnteStore>>,
}

impl Banco {
    fn nuovo() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let orologio = Arc::new(Finto(AtomicI64::new(Istante::leggi("2026-11-24T12:00:00+01:00").unwrap().0)));
        let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let ente = rt.block_on(async {
            let store = SqliteStore::apri(dir.path(), Arc::clone(&orologio) as Arc<dyn Orologio>).unwrap();
            let ente = comune::ente(&*store).await;
            ente.annota_accesso(accesso(ente.ora())).await.unwrap();
            ente
        });
        Self { dir, orologio, rt, ente: Some(ente) }
    }

    fn ente(&self) -> &Arc<dyn EnteStore> {
        self.ente.as_ref().unwrap()
    }

    fn giro(&self, p: &Posta, subito: bool) -> Esito {
        self.rt.block_on(p.giro(&**self.ente(), subito)).unwrap().remove(0).1
    }

    fn alle(&self, t: Istante) {
        self.orologio.0.store(t.0, Ordering::SeqCst);
    }

    fn muovi(&self) {
        self.rt.block_on(self.ente().ruota_chiave(&Registro::Ente, &sistema(), "prova", None)).unwrap();
    }

    fn riprova(&self, p: &Posta) -> Istante {
        p.quadro(self.ente().ipa(), "x", &[]).riprova.unwrap()
    }
}

fn accesso(istante: Istante) -> Accesso {
    Accesso {
        istante,
        aoo: "AOO1".parse().unwrap(),
        utente: "anna".parse().unwrap(),
        nome: "Anna Prova".into(),
        ufficio: None,
        porta: dominio::permessi::Porta::Pagina,
        azione: Azione::Registrazione,
        registrazione: "PG/2026/1".into(),
        riservata: true,
        interessati: Vec::new(),
    }
}

fn posta(e: &Exim, a: &str, tls: Cifratura, password: &str) -> Posta {
    let accesso = Some((UTENTE.to_owned(), password.to_owned()));
    let server = Server::nuovo("localhost", Some(e.porta), tls, accesso, Some(&e.certificato())).unwrap();
    let o = Opzioni {
        destinatari: vec![a.to_owned()],
        mittente: "protocollo@pec.comune.example".into(),
        cadenza: Cadenza::Giorno,
        richiesta: None,
    };
    Posta::nuova(o, Arc::new(server), "https://protocollo.example").unwrap()
}

fn protocollo(parole: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_protocollo")).args(parole).output().unwrap()
}

/// Attachments of a message saved as a mail program does: Python's, which others wrote.
fn salva(messaggio: &Path, dove: &Path) -> Vec<PathBuf> {
    const SALVA: &str = "
import email, email.policy, pathlib, sys
m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)
for a in m.iter_attachments():
    assert a.get_content_type() == 'text/plain' and a.get_content_charset() == 'utf-8', a.items()
    f = pathlib.Path(sys.argv[2]) / a.get_filename()
    f.write_bytes(a.get_payload(decode=True))
    print(f)
assert not m.defects, m.defects
";
    std::fs::create_dir_all(dove).unwrap();
    let o = Command::new("python3").args(["-c", SALVA]).args([messaggio, dove]).output().unwrap();
    assert!(o.status.success(), "{o:?}");
    String::from_utf8(o.stdout).unwrap().lines().map(PathBuf::from).collect()
}

#[test]
fn what_arrives_in_the_mailbox_opens_and_verifies() {
    let Some(exim) = Exim::trova(Porta::Chiara) else { return };
    let mut b = Banco::nuovo();
    let p = posta(&exim, "deposito@pec.example", Cifratura::Starttls, PASSWORD);
    assert_eq!(b.giro(&p, false), Esito::Spediti(3));
    let arrivati = exim.messaggi();
    assert_eq!(arrivati.len(), 1);
    let testo = std::fs::read_to_string(&arrivati[0]).unwrap();
    assert!(testo.contains("with esmtpsa"), "authenticated, encrypted: {testo}");
    assert!(testo.contains("protocollo verifica --archivio CARTELLA --ancora FILE"), "{testo}");
    // Byte for byte what was signed, under the keys that the log declares.
    let (registro, chiavi) = b.rt.block_on(async {
        let r = Registro::Aoo("AOO1".parse().unwrap());
        (b.ente().checkpoint(&r).await.unwrap(), b.ente().chiavi(&r).await.unwrap())
    });
    let salvati = salva(&arrivati[0], &b.dir.path().join("salvati"));
    let nomi: Vec<_> = salvati.iter().map(|f| f.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(
        nomi,
        ["protocollo.ente~c_z999.1.txt", "prova.example~c_z999~AOO1.4.txt", "protocollo.ente~c_z999~accessi.1.txt"]
    );
    assert_eq!(std::fs::read_to_string(&salvati[1]).unwrap(), registro);
    let chiavi: Vec<ChiavePubblica> = chiavi.iter().map(|k| k.parse().unwrap()).collect();
    assert_eq!(Checkpoint::apri(&registro, &chiavi).unwrap().0.dimensione, 4);
    b.ente = None;
    let dir = b.dir.path().to_str().unwrap();
    // Each attachment saved, their folder, and the message saved whole.
    let eml = b.dir.path().join("messaggio.eml");
    std::fs::copy(&arrivati[0], &eml).unwrap();
    let uno = salvati.iter().map(PathBuf::as_path).map(|f| (f, 1));
    for (ancora, quante) in uno.chain([(salvati[0].parent().unwrap(), 3), (&eml, 3)]) {
        let o = protocollo(&["verifica", "--archivio", dir, "--ancora", ancora.to_str().unwrap()]);
        let detto = String::from_utf8_lossy(&o.stdout);
        assert_eq!(o.status.code(), Some(0), "{ancora:?}: {o:?}");
        assert!(detto.contains(&format!("ancore={quante}\n")), "{detto}");
    }
    // A log made anew does not extend them.
    let altro = Banco::nuovo();
    let o =
        protocollo(&["verifica", "--archivio", altro.dir.path().to_str().unwrap(), "--ancora", eml.to_str().unwrap()]);
    assert_eq!(o.status.code(), Some(1), "{o:?}");
}

#[test]
fn a_wrong_password_a_refusal_and_a_full_mailbox_are_told_apart_and_nothing_arrives_twice() {
    let Some(exim) = Exim::trova(Porta::Chiara) else { return };
    let b = Banco::nuovo();
    let fallito = |e: &Esito, parola: &str| assert!(matches!(e, Esito::Fallito(m) if m.contains(parola)), "{e:?}");
    let ore = |p: &Posta| (b.riprova(p).0 - b.ente().ora().0) / 3_600_000_000;

    let p = posta(&exim, "deposito@pec.example", Cifratura::Starttls, "sbagliata");
    fallito(&b.giro(&p, false), "non accetta utente e password");
    assert_eq!((ore(&p), b.giro(&p, false)), (1, Esito::NonDovuto), "a locked mailbox is worse than a day late");
    let p = posta(&exim, "respinta@pec.example", Cifratura::Starttls, PASSWORD);
    fallito(&b.giro(&p, false), "rifiuta il messaggio");
    assert_eq!(ore(&p), 1);

    let p = posta(&exim, "piena@pec.example", Cifratura::Starttls, PASSWORD);
    fallito(&b.giro(&p, false), "chiede di riprovare");
    assert_eq!(ore(&p), 0);
    assert_eq!(b.giro(&p, false), Esito::NonDovuto);
    assert!(exim.messaggi().is_empty());
    assert!(p.quadro(b.ente().ipa(), "prova.example/c_z999/AOO1", &[]).in_errore.is_some());
    std::fs::write(exim.cartella.path().join("spazio"), "").unwrap();
    b.alle(b.riprova(&p));
    assert_eq!(b.giro(&p, false), Esito::Spediti(3));
    assert_eq!(b.giro(&p, false), Esito::NonDovuto);
    // Another process on the same archive, the same day and the day after.
    let p = posta(&exim, "piena@pec.example", Cifratura::Starttls, PASSWORD);
    assert_eq!((b.giro(&p, false), b.giro(&p, true)), (Esito::NonDovuto, Esito::NienteDiNuovo));
    b.alle(Istante::leggi("2026-11-25T00:00:30+01:00").unwrap());
    assert_eq!(b.giro(&p, false), Esito::NienteDiNuovo);
    assert_eq!(exim.messaggi().len(), 1);
    b.muovi();
    assert_eq!(b.giro(&p, true), Esito::Spediti(1), "only what moved");
    let depositi = b.rt.block_on(b.ente().depositi()).unwrap();
    let q = p.quadro(b.ente().ipa(), "prova.example/c_z999/AOO1", &depositi);
    assert_eq!((q.dimensione, q.in_errore), (Some(4), None));
    assert_eq!(exim.messaggi().len(), 2);
}

#[test]
fn a_server_that_is_down_or_not_itself_is_tried_again() {
    let Some(exim) = Exim::trova(Porta::ConTls) else { return };
    let b = Banco::nuovo();
    let p = posta(&exim, "deposito@pec.example", Cifratura::Implicita, PASSWORD);
    assert_eq!(b.giro(&p, false), Esito::Spediti(3));
    assert_eq!(exim.messaggi().len(), 1);
    // Not the certificate that is trusted: nothing is said to it, the password least of all.
    let accesso = Some((UTENTE.to_owned(), PASSWORD.to_owned()));
    let server = Server::nuovo("localhost", Some(exim.porta), Cifratura::Implicita, accesso, None).unwrap();
    let o = Opzioni {
        destinatari: vec!["altra@pec.example".into()],
        mittente: "a@pec.comune.example".into(),
        cadenza: Cadenza::Giorno,
        richiesta: None,
    };
    let ignota = Posta::nuova(o, Arc::new(server), "").unwrap();
    let detto = b.giro(&ignota, false);
    assert!(matches!(&detto, Esito::Fallito(m) if m.contains("la connessione cifrata")), "{detto:?}");
    assert_eq!(exim.messaggi().len(), 1);
    b.muovi();
    drop(exim);
    let giu = b.giro(&p, true);
    assert!(matches!(&giu, Esito::Fallito(m) if m.contains("non si raggiunge")), "{giu:?}");
    assert_eq!((b.riprova(&p).0 - b.ente().ora().0) / 1_000_000, 60);
}

#[test]
fn the_command_sends_now_or_asks_the_running_service() {
    let Some(exim) = Exim::trova(Porta::Chiara) else { return };
    let mut b = Banco::nuovo();
    b.ente = None;
    let dir = b.dir.path().to_str().unwrap().to_owned();
    let password = b.dir.path().join("password");
    std::fs::write(&password, format!("{PASSWORD}\n")).unwrap();
    let conf = b.dir.path().join("conf.toml");
    let certificato = exim.certificato();
    let testo = format!(
        "[database]\nurl = \"sqlite:{dir}\"\n[servizio]\nlisten = \"127.0.0.1:0\"\n[ancore.posta]\n\
         a = [\"deposito@pec.example\"]\nda = \"protocollo@pec.comune.example\"\nserver = \"localhost\"\nporta = {}\n\
         tls = \"starttls\"\nutente = \"{UTENTE}\"\npassword_file = \"{}\"\nautorita = \"{}\"\n",
        exim.porta,
        password.display(),
        certificato.display(),
    );
    std::fs::write(&conf, &testo).unwrap();
    let spedisci = || protocollo(&["ancore", "spedisci", "--config", conf.to_str().unwrap()]);
    for atteso in ["c_z999 deposito@pec.example: spediti=3\n", "c_z999 deposito@pec.example: spediti=0\n"] {
        let o = spedisci();
        assert_eq!((o.status.code(), String::from_utf8_lossy(&o.stdout).as_ref()), (Some(0), atteso), "{o:?}");
    }
    assert_eq!(exim.messaggi().len(), 1);
    // The service has the archive: it is asked, and answers for it; its page says how it went.
    let mut serve = Command::new(env!("CARGO_BIN_EXE_protocollo"))
        .args(["serve", "--config", conf.to_str().unwrap()])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let righe: Vec<String> = {
        use std::io::BufRead as _;
        let uscita = std::io::BufReader::new(serve.stdout.take().unwrap());
        uscita.lines().map_while(Result::ok).take(2).collect()
    };
    let url = righe[0].strip_prefix("url=").unwrap();
    let o = spedisci();
    assert_eq!(o.status.code(), Some(0), "{o:?}");
    assert!(String::from_utf8_lossy(&o.stdout).contains("affidata al servizio"), "{o:?}");
    let leggi = |p: &str| ureq::get(format!("{url}{p}")).call().unwrap().body_mut().read_to_string().unwrap();
    let pagina = leggi("/c_z999/AOO1/registro-pubblico");
    assert!(pagina.contains("fino a 4 operazioni, l'ultimo messaggio"), "{pagina}");
    assert!(leggi("/metriche").contains("protocollo_ancore_posta_in_errore 0"));
    serve.kill().unwrap();
    serve.wait().unwrap();
    // What is wrong in the file is said, before anything is opened.
    std::fs::write(&conf, testo.replace("starttls", "forse")).unwrap();
    let o = spedisci();
    assert_eq!(o.status.code(), Some(2), "{o:?}");
    assert!(String::from_utf8_lossy(&o.stderr).contains("ancore.posta.tls"), "{o:?}");
}

/// What is left out is said, by the command and by the service.
#[test]
fn mail_that_has_no_address_to_go_to_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("enti")).unwrap();
    let conf = dir.path().join("conf.toml");
    for riga in ["server = \"localhost\"", "ogni_ore = 6", "a = []\npassword_file = \"/etc/protocollo/pec\""] {
        let testo = format!(
            "[database]\nurl = \"sqlite:{}\"\n[servizio]\nlisten = \"127.0.0.1:0\"\n[ancore.posta]\n{riga}\n",
            dir.path().display()
        );
        std::fs::write(&conf, testo).unwrap();
        let nome = riga.lines().last().unwrap().split(' ').next().unwrap();
        for verbo in [&["ancore", "spedisci"][..], &["serve"]] {
            let o = protocollo(&[verbo, &["--config", conf.to_str().unwrap()]].concat());
            assert_eq!(o.status.code(), Some(2), "{o:?}");
            let detto = String::from_utf8_lossy(&o.stderr);
            assert!(detto.contains(&format!("ancore.posta.{nome}")) && detto.contains("ancore.posta.a"), "{detto}");
        }
    }
}

/// One ente that cannot be read does not keep the others from sending.
#[test]
fn what_stops_one_ente_does_not_stop_those_after_it() {
    let Some(exim) = Exim::trova(Porta::Chiara) else { return };
    let mut b = Banco::nuovo();
    b.ente = None;
    // Before the other in every order; its file is no database.
    let guasto = b.dir.path().join("enti/a_a111");
    std::fs::create_dir_all(&guasto).unwrap();
    std::fs::write(guasto.join("ente.sqlite"), [7; 8_192]).unwrap();
    let conf = b.dir.path().join("conf.toml");
    let password = b.dir.path().join("password");
    std::fs::write(&password, PASSWORD).unwrap();
    let testo = format!(
        "[database]\nurl = \"sqlite:{}\"\n[ancore.posta]\na = [\"deposito@pec.example\"]\n\
         da = \"protocollo@pec.comune.example\"\nserver = \"localhost\"\nporta = {}\ntls = \"starttls\"\n\
         utente = \"{UTENTE}\"\npassword_file = \"{}\"\nautorita = \"{}\"\n",
        b.dir.path().display(),
        exim.porta,
        password.display(),
        exim.certificato().display(),
    );
    std::fs::write(&conf, testo).unwrap();
    let o = protocollo(&["ancore", "spedisci", "--config", conf.to_str().unwrap()]);
    let detto = String::from_utf8_lossy(&o.stdout);
    assert_eq!(
        (o.status.code(), detto.as_ref()),
        (Some(1), "a_a111: fallito\nc_z999 deposito@pec.example: spediti=3\n")
    );
    assert_eq!(exim.messaggi().len(), 1);
    let arrivato = std::fs::read_to_string(&exim.messaggi()[0]).unwrap();
    assert!(!arrivato.contains("log/chiavi"), "no address is configured: {arrivato}");
}
