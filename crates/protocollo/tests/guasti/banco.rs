//! The real binary on an archive of its own and a disk that fails when told; what it promised, and whether it kept it.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::disco::Disco;

pub const BASE: &str = "/api/v1/enti/c_z999/aoo/AOO1";
/// How long anything may take that happens by itself.
const ATTESA_MAX: Duration = Duration::from_secs(30);

pub struct Risposta {
    pub stato: u16,
    pub capi: ureq::http::HeaderMap,
    pub byte: Vec<u8>,
}

impl Risposta {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.byte).unwrap_or(Value::Null)
    }
    pub fn testo(&self) -> String {
        String::from_utf8_lossy(&self.byte).into_owned()
    }
    /// Refused for the storage: says what it is, that nothing was done, and when to come back.
    pub fn rifiutata(&self, che: &str) {
        assert_eq!(self.stato, 503, "{che}: {}", self.testo());
        assert_eq!(self.capi["content-type"], "application/problem+json", "{che}");
        assert!(self.capi.contains_key("retry-after"), "{che}");
        let p = self.json();
        assert_eq!(p["type"], "/problemi/archivio-non-disponibile", "{che}: {p}");
        let detto = p["detail"].as_str().unwrap();
        assert!(detto.contains("nulla è stato registrato") && detto.contains("riprovare"), "{che}: {detto}");
    }
}

/// A request to register: the same key and subject give the same one.
#[derive(Clone)]
pub struct Richiesta {
    pub chiave: Option<String>,
    pub oggetto: String,
    pub file: Option<Vec<u8>>,
}

impl Richiesta {
    pub fn nuda(nome: &str) -> Self {
        Self { chiave: Some(nome.replace(' ', "-")), oggetto: format!("Atto {nome}"), file: None }
    }
    pub fn con_file(nome: &str, byte: usize) -> Self {
        let mut file = format!("contenuto di {nome}\n").into_bytes();
        file.resize(byte, b'x');
        Self { file: Some(file), ..Self::nuda(nome) }
    }
    pub fn senza_chiave(self) -> Self {
        Self { chiave: None, ..self }
    }
    fn corpo(&self) -> Vec<u8> {
        let dati = json!({
            "tipo": "entrata", "oggetto": self.oggetto, "mezzo": if self.file.is_some() { "sportello" } else { "cartaceo" },
            "mittente": {"tipo": "persona-fisica", "nome": "Maria", "cognome": "Rossi"},
        });
        let mut b = format!(
            "--confine\r\nContent-Disposition: form-data; name=\"dati\"\r\nContent-Type: application/json\r\n\r\n{dati}\r\n"
        )
        .into_bytes();
        if let Some(f) = &self.file {
            b.extend_from_slice(
                b"--confine\r\nContent-Disposition: form-data; name=\"documento\"; filename=\"a.txt\"\r\n\r\n",
            );
            b.extend_from_slice(f);
            b.extend_from_slice(b"\r\n");
        }
        b.extend_from_slice(b"--confine--\r\n");
        b
    }
}

/// A service under test.
pub struct Banco {
    cartella: tempfile::TempDir,
    pub disco: Disco,
    figlio: Child,
    agente: ureq::Agent,
    pub url: String,
    pub token: String,
    pub token_responsabile: String,
    ancore: Option<PathBuf>,
    /// Acknowledged: number → its request.
    promesse: BTreeMap<u64, Richiesta>,
    /// Told that nothing was done, and never asked again.
    negate: Vec<String>,
}

impl Drop for Banco {
    fn drop(&mut self) {
        let _ = self.figlio.kill();
        let _ = self.figlio.wait();
    }
}

impl Banco {
    /// A sample ente, served.
    pub fn nuovo() -> Self {
        let cartella = tempfile::tempdir().unwrap();
        let disco = Disco::nuovo(cartella.path());
        let agente =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(ATTESA_MAX)).build().into();
        let archivio = cartella.path().join("archivio");
        // Made by the demo; then stopped at once, so that all that follows is met by `serve`.
        let (mut figlio, fatti) = avvia(&disco, &archivio, &["demo", "--registrazioni", "2"], None).unwrap();
        figlio.kill().unwrap();
        figlio.wait().unwrap();
        let (figlio, mut nuovi) = avvia(&disco, &archivio, &["serve"], None).unwrap();
        Self {
            url: nuovi.remove("url").unwrap(),
            token: fatti["token"].clone(),
            token_responsabile: fatti["token_responsabile"].clone(),
            cartella,
            disco,
            figlio,
            agente,
            ancore: None,
            promesse: BTreeMap::new(),
            negate: Vec::new(),
        }
    }

    pub fn archivio(&self) -> PathBuf {
        self.cartella.path().join("archivio")
    }

    /// From the next start on, checkpoints go to this folder too.
    pub fn con_ancore(&mut self) -> PathBuf {
        let cartella = self.cartella.path().join("ancore");
        self.ancore = Some(cartella.clone());
        cartella
    }

    pub fn uccidi(&mut self) {
        self.figlio.kill().unwrap();
        self.figlio.wait().unwrap();
    }

    /// Starts it again; an error is what it said instead.
    pub fn prova_a_riavviare(&mut self) -> Result<(), String> {
        let (figlio, mut fatti) = avvia(&self.disco, &self.archivio(), &["serve"], self.ancore.as_deref())?;
        self.figlio = figlio;
        self.url = fatti.remove("url").unwrap();
        Ok(())
    }

    pub fn riavvia(&mut self) {
        self.prova_a_riavviare().unwrap();
    }

    /// SIGTERM.
    pub fn ferma(&mut self) {
        assert!(Command::new("kill").args(["-TERM", &self.figlio.id().to_string()]).status().unwrap().success());
        assert!(self.figlio.wait().unwrap().success());
    }

    fn risposta(r: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Risposta {
        let mut r = r.unwrap();
        let byte = r.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
        Risposta { stato: r.status().as_u16(), capi: r.headers().clone(), byte }
    }

    pub fn get_con(&self, token: &str, percorso: &str) -> Risposta {
        let r = self.agente.get(format!("{}{percorso}", self.url)).header("Authorization", format!("Bearer {token}"));
        Self::risposta(r.call())
    }

    pub fn get(&self, percorso: &str) -> Risposta {
        self.get_con(&self.token, percorso)
    }

    pub fn post(&self, token: &str, percorso: &str, corpo: &Value) -> Risposta {
        let r = self.agente.post(format!("{}{percorso}", self.url)).header("Authorization", format!("Bearer {token}"));
        Self::risposta(r.header("Content-Type", "application/json").send(corpo.to_string()))
    }

    pub fn chiedi(&self, r: &Richiesta) -> Risposta {
        let mut q = self
            .agente
            .post(format!("{}{BASE}/registrazioni", self.url))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Content-Type", "multipart/form-data; boundary=confine");
        if let Some(k) = &r.chiave {
            q = q.header("Idempotency-Key", k);
        }
        Self::risposta(q.send(&r.corpo()[..]))
    }

    /// Registers, and remembers what was promised; asking again gets the same number.
    pub fn registra(&mut self, r: &Richiesta) -> u64 {
        let n = self.annota(r, &self.chiedi(r));
        if r.chiave.is_some() {
            assert_eq!(self.chiedi(r).json()["numero"], n, "{}", r.oggetto);
        }
        n
    }

    fn annota(&mut self, r: &Richiesta, risposta: &Risposta) -> u64 {
        assert_eq!(risposta.stato, 201, "{}: {}", r.oggetto, risposta.testo());
        let n = risposta.json()["numero"].as_u64().unwrap();
        if let Some(prima) = self.promesse.insert(n, r.clone()) {
            assert_eq!(prima.oggetto, r.oggetto, "number {n} given twice");
        }
        n
    }

    /// Asked under a fault that may come later: a promise, or a refusal. Says whether it was refused.
    pub fn tenta(&mut self, r: &Richiesta, che: &str) -> bool {
        let risposta = self.chiedi(r);
        if risposta.stato == 201 {
            self.annota(r, &risposta);
            return false;
        }
        risposta.rifiutata(che);
        if r.chiave.is_none() {
            self.negate.push(r.oggetto.clone());
        }
        true
    }

    pub fn pronto(&self) -> (u16, Value) {
        let r = self.get("/salute/pronto");
        (r.stato, r.json())
    }

    /// Readiness says no, and why; liveness says yes.
    pub fn impedito(&self, perche: &str, che: &str) {
        let (stato, p) = self.pronto();
        assert_eq!((stato, p["stato"].as_str()), (503, Some("impedito")), "{che}: {p}");
        assert_eq!(p["impedimenti"][0]["ente"], "c_z999", "{che}: {p}");
        let motivo = p["impedimenti"].to_string();
        assert!(motivo.contains(perche), "{che}: {motivo}");
        assert!(!motivo.contains("sqlite") && !motivo.contains('/'), "{che}: {motivo}");
        assert_eq!(self.get("/salute/vivo").stato, 200, "{che}");
    }

    /// Waits until readiness is as asked, with nothing else done.
    pub fn attendi(&self, che: &str, come: impl Fn(u16, &Value) -> bool) {
        let inizio = Instant::now();
        loop {
            let (stato, p) = self.pronto();
            if come(stato, &p) {
                return;
            }
            assert!(inizio.elapsed() < ATTESA_MAX, "{che}: {stato} {p}");
            std::thread::yield_now();
        }
    }

    /// Ready again by itself, with nothing left to say.
    pub fn guarito(&self, che: &str) {
        self.attendi(che, |stato, p| stato == 200 && p["avvisi"].as_array().is_some_and(Vec::is_empty));
    }

    /// Every promise is there with its file; numbers have no gap and no double; nothing that was denied is there.
    pub fn mantiene(&self, che: &str) {
        let mut numeri = Vec::new();
        let mut oggetti = HashSet::new();
        let mut cursore = String::new();
        loop {
            let p = self.get(&format!("{BASE}/registrazioni?limite=200{cursore}")).json();
            for e in p["elementi"].as_array().unwrap_or_else(|| panic!("{che}: {p}")) {
                numeri.push(e["numero"].as_u64().unwrap());
                oggetti.insert(e["oggetto"].as_str().unwrap_or_default().to_owned());
            }
            match p["successivo"].as_str() {
                Some(s) => cursore = format!("&cursore={s}"),
                None => break,
            }
        }
        numeri.sort_unstable();
        assert_eq!(numeri, (1..=numeri.len() as u64).collect::<Vec<_>>(), "{che}");
        for o in &self.negate {
            assert!(!oggetti.contains(o), "{che}: «{o}» was denied and is there");
        }
        let anno = self.get(&format!("{BASE}/registrazioni?limite=1")).json()["elementi"][0]["anno"].clone();
        for (n, r) in &self.promesse {
            let una = self.get(&format!("{BASE}/registrazioni/{anno}/{n}"));
            assert_eq!((una.stato, una.json()["oggetto"].as_str()), (200, Some(&*r.oggetto)), "{che}: {n}");
            if let Some(f) = &r.file {
                assert!(self.get(&format!("{BASE}/registrazioni/{anno}/{n}/documenti/1")).byte == *f, "{che}: {n}");
            }
        }
    }

    /// Killed, started again, stopped, verified: what was promised holds, and no file is left that nobody owns.
    pub fn alla_fine(mut self) {
        self.uccidi();
        self.riavvia();
        self.guarito("at the end");
        self.mantiene("at the end");
        let oggetti = || {
            let radice = self.archivio().join("enti/c_z999/file");
            let cartelle = std::fs::read_dir(radice).unwrap().map(|d| d.unwrap());
            let quanti = |d: std::fs::DirEntry| -> usize {
                let voci = std::fs::read_dir(d.path()).unwrap().map(|f| f.unwrap().path());
                if d.file_name() == "segmenti" { voci.map(|f| in_segmento(&f)).sum() } else { voci.count() }
            };
            cartelle.map(quanti).sum::<usize>()
        };
        let c = rusqlite::Connection::open(self.archivio().join("enti/c_z999/ente.sqlite")).unwrap();
        let tenuti = || c.query_row("SELECT count(*) FROM oggetto_file", [], |r| r.get::<_, i64>(0)).unwrap();
        let inizio = Instant::now();
        while oggetti() as i64 != tenuti() {
            assert!(inizio.elapsed() < ATTESA_MAX, "{} files, {} owned", oggetti(), tenuti());
            std::thread::yield_now();
        }
        drop(c);
        self.ferma();
        let o = Command::new(env!("CARGO_BIN_EXE_protocollo"))
            .args(["verifica", "--archivio"])
            .arg(self.archivio())
            .output()
            .unwrap();
        assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stdout));
    }
}

/// Objects in a segment: heads of 64 bytes (mark, length, name, whether it was taken away), each with its bytes.
fn in_segmento(f: &Path) -> usize {
    // The sweep may have taken it away meanwhile.
    let b = std::fs::read(f).unwrap_or_default();
    let (mut quanti, mut i) = (0, 0);
    while b.get(i..i + 8) == Some(b"PROTOSEG") {
        let fine = i + 64 + u64::from_le_bytes(b[i + 8..i + 16].try_into().unwrap()) as usize;
        quanti += usize::from(fine <= b.len() && b[i + 48] == 0);
        i = fine;
    }
    quanti
}

type Fatti = BTreeMap<String, String>;

fn avvia(disco: &Disco, archivio: &Path, verbo: &[&str], ancore: Option<&Path>) -> Result<(Child, Fatti), String> {
    let errori = archivio.with_extension("log");
    let giornale = std::fs::File::options().create(true).append(true).open(&errori).unwrap();
    let mut c = Command::new(env!("CARGO_BIN_EXE_protocollo"));
    c.args(verbo).args(["--listen", "127.0.0.1:0", "--archivio"]).arg(archivio);
    c.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(giornale);
    if let Some(a) = ancore {
        c.env("PROTOCOLLO_ANCORE__CARTELLA", a);
    }
    let mut figlio = disco.sotto(&mut c).spawn().unwrap();
    let mut fatti = Fatti::new();
    for riga in BufReader::new(figlio.stdout.take().unwrap()).lines() {
        let riga = riga.unwrap();
        if riga == "pronto" {
            return Ok((figlio, fatti));
        }
        if let Some((k, v)) = riga.split_once('=') {
            fatti.insert(k.to_owned(), v.to_owned());
        }
    }
    let codice = figlio.wait().unwrap().code();
    Err(format!("{codice:?}\n{}", std::fs::read_to_string(errori).unwrap()))
}
