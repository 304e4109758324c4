use super::*;
use archivio::Store as _;
use archivio::sqlite::SqliteStore;
use archivio::store::NuovoEnte;
use dominio::configurazione::DatiEnte;
use dominio::tempo::Orologio;
use std::sync::atomic::AtomicI64;

struct Finto(AtomicI64);

impl Orologio for Finto {
    fn adesso(&self) -> Istante {
        Istante(self.0.load(Ordering::Relaxed))
    }

    fn monotono(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Finto {
    fn alle(&self, t: &str) {
        self.0.store(Istante::leggi(t).unwrap().0, Ordering::Relaxed);
    }
}

/// Takes note of what it is given, or answers as it was told.
#[derive(Default)]
struct Postino {
    presi: Mutex<Vec<String>>,
    risposta: Mutex<Option<Guasto>>,
}

impl Corriere for Postino {
    fn consegna(&self, m: &lettre::Message) -> Result<(), Guasto> {
        if let Some(g) = self.risposta.lock().unwrap().clone() {
            return Err(g);
        }
        self.presi.lock().unwrap().push(String::from_utf8(m.formatted()).unwrap());
        Ok(())
    }
}

struct Banco {
    dir: tempfile::TempDir,
    orologio: Arc<Finto>,
    postino: Arc<Postino>,
    store: Option<Arc<SqliteStore>>,
}

impl Banco {
    async fn nuovo() -> Self {
        let orologio = Arc::new(Finto(AtomicI64::new(0)));
        orologio.alle("2026-11-24T15:00:00+01:00");
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::apri(dir.path(), Arc::clone(&orologio) as Arc<dyn Orologio>).unwrap();
        let dati = DatiEnte {
            ipa: "c_z999".parse().unwrap(),
            denominazione: "Comune di\r\nBcc: intruso@x.example".into(),
            codice_fiscale: None,
            pec: None,
        };
        store.crea_ente(NuovoEnte { dati, chi: archivio::sistema() }).await.unwrap();
        Self { dir, orologio, postino: Arc::default(), store: Some(store) }
    }

    async fn ente(&self) -> Arc<dyn EnteStore> {
        self.store.as_ref().unwrap().ente(&"c_z999".parse().unwrap()).await.unwrap().unwrap()
    }

    fn posta(&self, cadenza: Cadenza, destinatari: &[&str]) -> Posta {
        let o = Opzioni {
            destinatari: destinatari.iter().map(|d| (*d).to_owned()).collect(),
            mittente: "Protocollo <protocollo@pec.comune.example>".into(),
            cadenza,
            richiesta: None,
        };
        Posta::nuova(o, Arc::clone(&self.postino) as Arc<dyn Corriere>, "https://p.example/").unwrap()
    }

    fn riapri(&mut self) {
        self.store = None;
        let orologio = Arc::clone(&self.orologio) as Arc<dyn Orologio>;
        self.store = Some(SqliteStore::apri(self.dir.path(), orologio).unwrap());
    }

    fn presi(&self) -> usize {
        self.postino.presi.lock().unwrap().len()
    }

    /// One more operation in the ente's log.
    async fn muovi(&self) {
        let e = self.ente().await;
        e.ruota_chiave(&archivio::store::Registro::Ente, &archivio::sistema(), "prova", None).await.unwrap();
    }
}

const A: &str = "deposito@pec.example";

async fn giro(p: &Posta, e: &dyn EnteStore) -> Esito {
    p.giro(e, false).await.unwrap().remove(0).1
}

#[test]
fn once_a_day_is_after_midnight_in_rome() {
    let t = |s: &str| Istante::leggi(s).unwrap();
    let prima = t("2026-11-24T23:30:00+01:00");
    let giorno = Cadenza::Giorno;
    assert!(giorno.dovuta(None, prima));
    assert!(!giorno.dovuta(Some(prima), t("2026-11-24T23:59:59+01:00")));
    assert!(giorno.dovuta(Some(prima), t("2026-11-25T00:00:00+01:00")));
    assert!(!giorno.dovuta(Some(prima), t("2026-11-23T12:00:00+01:00")), "a clock that went back sends nothing");
    let ore = Cadenza::Ore(6);
    assert!(!ore.dovuta(Some(prima), t("2026-11-25T05:29:59+01:00")));
    assert!(ore.dovuta(Some(prima), t("2026-11-25T05:30:00+01:00")));
}

fn metriche(p: &Posta) -> String {
    let mut f = crate::misure::Foglio::default();
    p.metriche(&mut f);
    f.0
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrived_never_goes_again_and_what_moved_goes_the_day_after() {
    let mut b = Banco::nuovo().await;
    let p = b.posta(Cadenza::Giorno, &[A]);
    assert_eq!(giro(&p, &*b.ente().await).await, Esito::Spediti(1));
    assert_eq!(giro(&p, &*b.ente().await).await, Esito::NonDovuto);
    b.orologio.alle("2026-11-25T00:01:00+01:00");
    assert_eq!(giro(&p, &*b.ente().await).await, Esito::NienteDiNuovo);
    b.muovi().await;
    assert_eq!(giro(&p, &*b.ente().await).await, Esito::NonDovuto, "the day's round is done");
    assert_eq!(p.giro(&*b.ente().await, true).await.unwrap(), [(A.to_owned(), Esito::Spediti(1))], "unless asked");
    // After a restart nothing is forgotten, and nothing goes again.
    b.riapri();
    let p = b.posta(Cadenza::Giorno, &[A]);
    b.orologio.alle("2026-11-26T00:01:00+01:00");
    assert_eq!(giro(&p, &*b.ente().await).await, Esito::NienteDiNuovo);
    b.muovi().await;
    b.orologio.alle("2026-11-27T00:01:00+01:00");
    assert_eq!(giro(&p, &*b.ente().await).await, Esito::Spediti(1));
    assert_eq!(b.presi(), 3);
    let q = p.quadro(&"c_z999".parse().unwrap(), "protocollo.ente/c_z999", &b.ente().await.depositi().await.unwrap());
    assert_eq!((q.dimensione, q.in_errore), (Some(3), None));
    // An address that joins later gets what there is.
    let p = b.posta(Cadenza::Giorno, &[A, "Nuovo@PEC.example", "nuovo@pec.example"]);
    let esiti: Vec<Esito> = p.giro(&*b.ente().await, false).await.unwrap().into_iter().map(|e| e.1).collect();
    assert_eq!(esiti, [Esito::NonDovuto, Esito::Spediti(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_waits_longer_each_time_and_a_refusal_longer_still() {
    let b = Banco::nuovo().await;
    let p = b.posta(Cadenza::Giorno, &[A]);
    let e = b.ente().await;
    let ipa = "c_z999".parse().unwrap();
    *b.postino.risposta.lock().unwrap() = Some(Guasto::passa("giù".into()));
    let inizio = b.orologio.adesso();
    let mut attese = Vec::new();
    for _ in 0..12 {
        assert_eq!(giro(&p, &*e).await, Esito::Fallito("giù".into()));
        assert_eq!(giro(&p, &*e).await, Esito::NonDovuto);
        let riprova = p.quadro(&ipa, "x", &[]).riprova.unwrap();
        attese.push((riprova.0 - b.orologio.adesso().0) / 1_000_000);
        b.orologio.0.store(riprova.0, Ordering::Relaxed);
    }
    assert_eq!(attese[..4], [60, 120, 240, 480]);
    assert_eq!(attese[11], ATTESA_MAX_S);
    assert_eq!(p.quadro(&ipa, "x", &[]).in_errore, Some((inizio, 1)));
    assert!(metriche(&p).contains("protocollo_ancore_posta_in_errore 1\n"), "{}", metriche(&p));
    *b.postino.risposta.lock().unwrap() = None;
    assert_eq!(giro(&p, &*e).await, Esito::Spediti(1));
    assert_eq!(p.quadro(&ipa, "x", &[]).in_errore, None);
    assert!(metriche(&p).contains("protocollo_ancore_posta_fallite_totale 12\n"));
    let altra = b.posta(Cadenza::Ore(1), &["altra@pec.example"]);
    *b.postino.risposta.lock().unwrap() = Some(Guasto::definitivo("no".into()));
    assert_eq!(giro(&altra, &*e).await, Esito::Fallito("no".into()));
    let riprova = altra.quadro(&ipa, "x", &[]).riprova.unwrap();
    assert_eq!((riprova.0 - b.orologio.adesso().0) / 1_000_000, ATTESA_RIFIUTO_S);
}

/// What `protocollo ancore spedisci` leaves for a service that runs.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_the_running_service_is_heard_once() {
    let b = Banco::nuovo().await;
    let richiesta = b.dir.path().join("spedisci-ora");
    let o = Opzioni {
        destinatari: vec![A.to_owned()],
        mittente: "protocollo@pec.comune.example".into(),
        cadenza: Cadenza::Giorno,
        richiesta: Some(richiesta.clone()),
    };
    let p = Posta::nuova(o, Arc::clone(&b.postino) as Arc<dyn Corriere>, "").unwrap();
    let s = Servizio::nuovo(b.store.clone().unwrap(), "");
    let (_ferma, fine) = watch::channel(false);
    un_giro(&s, &p, &fine).await;
    b.muovi().await;
    un_giro(&s, &p, &fine).await;
    assert_eq!(b.presi(), 1, "the day's round is done");
    std::fs::write(&richiesta, "").unwrap();
    un_giro(&s, &p, &fine).await;
    assert_eq!((b.presi(), richiesta.exists()), (2, false));
    b.muovi().await;
    un_giro(&s, &p, &fine).await;
    assert_eq!(b.presi(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_it_writes_down_what_went_and_sends_no_more() {
    let b = Banco::nuovo().await;
    let p = b.posta(Cadenza::Giorno, &[A, "b@pec.example", "c@pec.example"]);
    let e = b.ente().await;
    let esiti = p.giro_finche(&*e, true, &|| b.presi() == 0).await.unwrap();
    assert_eq!(esiti, [(A.to_owned(), Esito::Spediti(1))]);
    assert_eq!(e.depositi().await.unwrap().iter().map(|d| d.dove.as_str()).collect::<Vec<_>>(), [A]);
    // The others have it at the next round.
    let esiti = p.giro(&*e, false).await.unwrap();
    assert_eq!(
        esiti.into_iter().map(|e| e.1).collect::<Vec<_>>(),
        [Esito::NonDovuto, Esito::Spediti(1), Esito::Spediti(1)]
    );
    assert_eq!(b.presi(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_address_of_the_service_the_message_gives_none() {
    let b = Banco::nuovo().await;
    let e = b.ente().await;
    for (url, ci_sono) in [("https://p.example/", true), ("", false)] {
        let o = Opzioni {
            destinatari: vec![A.to_owned()],
            mittente: "protocollo@pec.comune.example".into(),
            cadenza: Cadenza::Giorno,
            richiesta: None,
        };
        let p = Posta::nuova(o, Arc::clone(&b.postino) as Arc<dyn Corriere>, url).unwrap();
        b.muovi().await;
        assert_eq!(p.giro(&*e, true).await.unwrap()[0].1, Esito::Spediti(1));
        let m = b.postino.presi.lock().unwrap().last().unwrap().clone();
        assert!(m.contains("strumenti di Go") && m.contains("log/chiavi") == ci_sono, "{m}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_shorter_than_what_was_sent_is_a_failure_that_stays() {
    let b = Banco::nuovo().await;
    let e = b.ente().await;
    e.annota_depositi(A, vec![("protocollo.ente/c_z999".to_owned(), 900)]).await.unwrap();
    let p = b.posta(Cadenza::Giorno, &[A]);
    let esito = p.giro(&*e, true).await.unwrap().remove(0).1;
    assert!(matches!(&esito, Esito::Fallito(m) if m.contains("più corto")), "{esito:?}");
    assert_eq!(b.presi(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_says_what_it_is_and_a_name_makes_no_header() {
    let b = Banco::nuovo().await;
    let p = b.posta(Cadenza::Giorno, &[A]);
    let e = b.ente().await;
    giro(&p, &*e).await;
    let m = b.postino.presi.lock().unwrap()[0].clone();
    let capi = m.split("\r\n\r\n").next().unwrap();
    assert!(!capi.to_lowercase().lines().any(|r| r.starts_with("bcc")), "{capi}");
    for c in [
        "To: deposito@pec.example",
        "From: Protocollo <protocollo@pec.comune.example>",
        "Date: Tue, 24 Nov 2026 14:00:00 +0000",
    ] {
        assert!(capi.contains(c), "{c}: {capi}");
    }
    assert!(m.contains("filename=\"protocollo.ente~c_z999.1.txt\""), "{m}");
    // The same notes to the same address: the same identity.
    let id = |m: &str| m.lines().find(|r| r.starts_with("Message-ID")).unwrap().to_owned();
    let mut altro = Banco::nuovo().await;
    altro.riapri();
    giro(&altro.posta(Cadenza::Giorno, &[A]), &*altro.ente().await).await;
    assert_eq!(id(&m), id(&altro.postino.presi.lock().unwrap()[0]));
}

#[test]
fn what_is_wrong_in_the_configuration_is_said() {
    let posta = |a: &[&str], da: &str, cadenza| {
        let o = Opzioni {
            destinatari: a.iter().map(|x| (*x).to_owned()).collect(),
            mittente: da.into(),
            cadenza,
            richiesta: None,
        };
        Posta::nuova(o, Arc::new(Postino::default()), "http://x").map(drop)
    };
    assert!(posta(&[A], "x@y.example", Cadenza::Giorno).is_ok());
    assert!(posta(&[], "x@y.example", Cadenza::Giorno).is_err());
    assert!(posta(&["non un indirizzo"], "x@y.example", Cadenza::Giorno).unwrap_err().contains("non un indirizzo"));
    assert!(posta(&[A], "y", Cadenza::Giorno).is_err());
    assert!(posta(&[A], "x@y.example", Cadenza::Ore(0)).is_err());
    let server = |host, c| Server::nuovo(host, None, c, None, None).map(drop);
    assert!(server("posta.example", Cifratura::Nessuna).unwrap_err().contains("senza TLS"));
    assert!(server("127.0.0.1", Cifratura::Nessuna).is_ok() && server("localhost", Cifratura::Nessuna).is_ok());
    assert!(server("posta.example", Cifratura::Starttls).is_ok());
    let assente = std::path::Path::new("/assente.pem");
    assert!(
        Server::nuovo("x.example", None, Cifratura::Implicita, None, Some(assente)).unwrap_err().contains("assente")
    );
}
