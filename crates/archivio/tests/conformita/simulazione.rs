//! A register lived through by chance, under a clock that lies and a disk that fails: random commands by whoever, valid and
//! not, one at a time and together; restarts, also in the middle of a fault; power lost; jumps of a day back and a year
//! forward; commits and files refused from some write on, until the disk is well again. After each step what was promised
//! is asked again. A seed that fails is printed, and `PROTOCOLLO_SEME=… cargo nextest run -p archivio simulation` lives it again;
//! `PROTOCOLLO_SEMI=500` lives so many lives instead of a few.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use archivio::sqlite::SqliteStore;
use archivio::store::*;
use dominio::annullamento::{Oggetto, ProvvedimentoDato};
use dominio::comandi::{Comando, ComandoConfigurazione as C};
use dominio::registrazione::{Chiave, Registrazione, Stato};
use dominio::tempo::Istante;
use serde_json::json;

use crate::banco::su_file;
use crate::banco::{Banco, OrologioDiProva, aoo, ipa};
use crate::disco::{APRI, Disco, EIO, ENOSPC, Guasto, SCRIVI, SINCRONIZZA, TRONCA};

const SECONDO: i64 = 1_000_000;
const PASSI: usize = 70;
/// As in `orologio`: forward of the baseline by more than this nothing is registered until the RGD confirms.
const LIMITE: i64 = 5 * 60 * SECONDO;
const PERSONE: [&str; 5] = ["anna", "rita", "ugo", "sara", "ada"];

/// After a fault the register is well again, by itself, within this.
const GUARIGIONE_MAX: Duration = Duration::from_secs(20);

/// SplitMix64: small, and the same everywhere.
struct Caso(u64);

impl Caso {
    fn prossimo(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    fn sotto(&mut self, n: usize) -> usize {
        usize::try_from(self.prossimo() % n as u64).unwrap()
    }
    fn uno<T: Copy>(&mut self, v: &[T]) -> T {
        v[self.sotto(v.len())]
    }
}

/// What must be true, kept apart from the store.
struct Modello {
    /// As last seen, by key.
    viste: BTreeMap<Chiave, Registrazione>,
    /// Last number per year.
    ultimi: BTreeMap<i32, i64>,
    /// Answers given to repeatable requests.
    chiavi: BTreeMap<String, Chiave>,
    istante: Istante,
    /// Wall clock minus elapsed time, from the baseline.
    scarto: i64,
    operazioni: u64,
}

struct Simulazione {
    /// Away only while it is closed and opened again.
    b: Option<Banco>,
    m: Modello,
    caso: Caso,
    passo: usize,
    disco: Disco,
    /// Is the disk broken?
    rotto: bool,
    /// Since it broke, and since the last start, something was refused for it.
    negato: bool,
    /// In the whole life.
    negati: usize,
}

impl Simulazione {
    async fn nuova(seme: u64) -> Self {
        let disco = Disco::presente().unwrap();
        disco.sana();
        let b = Banco::nuovo().await;
        let istante = b.ente.ora();
        let m = Modello {
            viste: BTreeMap::new(),
            ultimi: BTreeMap::new(),
            chiavi: BTreeMap::new(),
            istante,
            scarto: 0,
            operazioni: 0,
        };
        let mut s = Self { b: Some(b), m, caso: Caso(seme), passo: 0, disco, rotto: false, negato: false, negati: 0 };
        s.m.operazioni = s.operazioni().await;
        s
    }

    fn b(&self) -> &Banco {
        self.b.as_ref().unwrap()
    }

    async fn operazioni(&self) -> u64 {
        self.b().ente.scan_from(&Registro::Aoo(aoo()), 0, 100_000).await.unwrap().len() as u64
    }

    fn in_dubbio(&self) -> bool {
        self.m.scarto > LIMITE
    }

    /// An accepted command: time did not go back, and what it is about is as its history says.
    async fn accettato(&mut self, f: &Fatto) {
        assert!(!self.in_dubbio(), "accepted while the clock was in doubt");
        assert!(f.istante >= self.m.istante, "time went back: {} after {}", f.istante, self.m.istante);
        self.m.istante = f.istante;
        let k = f.chiave.clone().unwrap();
        let r = self.b().ente.registrazione(&aoo(), &k, None).await.unwrap().unwrap();
        if let Some(prima) = self.m.viste.get(&k) {
            let allora = self.b().ente.registrazione(&aoo(), &k, Some(prima.ultimo_indice)).await.unwrap().unwrap();
            assert_eq!(&allora, prima, "as it was then is as it was seen then");
            assert!(prima.stato != Stato::Annullata || r.stato == Stato::Annullata);
        }
        self.m.viste.insert(k, r);
    }

    /// Refused by the storage: it must be broken, and nothing was done.
    async fn negato(&mut self, e: &Errore) {
        assert!(matches!(e, Errore::Archivio(_) | Errore::Isolato(_)), "{e}");
        assert!(self.rotto, "refused by a disk that is well: {e}");
        self.negato = true;
        self.negati += 1;
        assert_eq!(self.operazioni().await, self.m.operazioni, "denied and done: {e}");
    }

    async fn registra(&mut self) {
        let chi = self.caso.uno(&PERSONE);
        let buona = self.caso.sotto(4) > 0;
        let oggetto = if buona { format!("Atto {} di {chi}", self.passo) } else { "  ".to_owned() };
        let mut n = self.b().nuova(chi, &oggetto);
        if self.caso.sotto(3) == 0 {
            match self.carica().await {
                Ok(f) => n.file = vec![f],
                Err(e) => return self.negato(&e).await,
            }
        }
        let chiave = (self.caso.sotto(3) == 0).then(|| format!("k{}", self.caso.sotto(4)));
        n.idempotenza = chiave.clone().map(|chiave| Idempotenza { ambito: "t".into(), chiave, richiesta: [1; 32] });
        let prima = chiave.as_ref().and_then(|k| self.m.chiavi.get(k)).cloned();
        match (self.b().ente.registra(&aoo(), n).await, prima) {
            // The first answer, whoever asks again and whatever the clock says.
            (Ok(f), Some(k)) => assert_eq!((f.chiave, f.ripetuta), (Some(k), true)),
            (Ok(f), None) => {
                assert!(buona && matches!(chi, "anna" | "rita"), "{chi} registered «{oggetto}»");
                let k = self.numera(&f);
                if let Some(c) = chiave {
                    self.m.chiavi.insert(c, k);
                }
                self.accettato(&f).await;
            }
            (Err(Errore::OrologioInDubbio), _) => assert!(self.in_dubbio()),
            (Err(Errore::Rifiuto(_)), None) => assert!(!buona || !matches!(chi, "anna" | "rita")),
            (Err(e), _) => self.negato(&e).await,
        }
    }

    async fn carica(&mut self) -> Esito<FileDaRegistrare> {
        let byte = vec![b'x'; self.caso.uno(&[1, 5_000, 400_000])];
        let mut c = self.b().ente.carica().await?;
        c.scrivi(&byte).await?;
        c.scrivi(self.passo.to_string().as_bytes()).await?;
        let file = c.chiudi().await?;
        let ruolo = dominio::registrazione::RuoloDocumento::Primario;
        Ok(FileDaRegistrare { ruolo, nome: "a.txt".into(), mime: "text/plain".into(), file })
    }

    /// Several at once: they share a commit, and its fate.
    async fn raffica(&mut self) {
        let aoo = aoo();
        let nuova =
            |i: usize| self.b().ente.registra(&aoo, self.b().nuova("anna", &format!("Raffica {}/{i}", self.passo)));
        let (a, b, c, d) = tokio::join!(nuova(0), nuova(1), nuova(2), nuova(3));
        let mut fatti = Vec::new();
        let mut guasti = Vec::new();
        for esito in [a, b, c, d] {
            match esito {
                Ok(f) => fatti.push(f),
                Err(Errore::OrologioInDubbio) => assert!(self.in_dubbio()),
                Err(e) => guasti.push(e),
            }
        }
        fatti.sort_by_key(|f| f.indice);
        for f in &fatti {
            self.numera(f);
            self.accettato(f).await;
        }
        if !fatti.is_empty() {
            let ora = self.operazioni().await;
            assert!(ora >= self.m.operazioni + fatti.len() as u64);
            self.m.operazioni = ora;
        }
        for e in guasti {
            self.negato(&e).await;
        }
    }

    fn numera(&mut self, f: &Fatto) -> Chiave {
        let k = f.chiave.clone().unwrap();
        assert_eq!(k.anno, f.istante.anno());
        let ultimo = self.m.ultimi.entry(k.anno).or_insert(0);
        assert_eq!(k.numero.valore(), *ultimo + 1, "no gap, no double");
        *ultimo += 1;
        k
    }

    /// The disk breaks, now or some writes later.
    async fn rompi(&mut self) {
        self.riposa().await;
        let (wal, file) = ("*/c_z999/ente.sqlite-wal", "*/c_z999/file/*");
        let g = match self.caso.sotto(7) {
            0 => Guasto::nuovo(wal, SCRIVI, ENOSPC),
            1 => Guasto::nuovo(wal, SCRIVI, ENOSPC).a_meta(),
            2 => Guasto::nuovo(wal, SCRIVI, EIO),
            3 => Guasto::nuovo(wal, SINCRONIZZA, EIO),
            4 => Guasto::nuovo(file, self.caso.uno(&[APRI, SCRIVI, SINCRONIZZA]), self.caso.uno(&[ENOSPC, EIO])),
            5 => Guasto::nuovo("*/c_z999/ente.sqlite", SCRIVI | SINCRONIZZA | TRONCA, EIO),
            _ => Guasto::nuovo(
                "*/c_z999/@(ente.sqlite*|file/*)",
                SCRIVI | SINCRONIZZA | TRONCA,
                self.caso.uno(&[ENOSPC, EIO]),
            ),
        };
        let salta = u32::try_from(self.caso.uno(&[0, 0, 1, 2, 5, 9, 20])).unwrap();
        self.disco.rompi(g.dopo(salta));
        self.rotto = true;
    }

    /// The disk is well again; so is the register, and nobody did anything but ask how it is.
    async fn sana(&mut self) {
        self.disco.sana();
        let inizio = Instant::now();
        loop {
            let s = self.b().ente.salute().await;
            let altri: Vec<_> = s.impedimenti.iter().filter(|m| !m.contains("orologio")).collect();
            if altri.is_empty() && s.avvisi.is_empty() {
                break;
            }
            assert!(inizio.elapsed() < GUARIGIONE_MAX, "{s:?}");
            tokio::task::yield_now().await;
        }
        (self.rotto, self.negato) = (false, false);
    }

    /// Waits until the writer has nothing left to do by itself, so that its writes are counted with no one's.
    async fn riposa(&self) {
        let c = rusqlite::Connection::open(self.b().dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
        let inizio = Instant::now();
        while c.query_row("SELECT count(*) FROM cerca_recente", [], |r| r.get::<_, i64>(0)).unwrap() > 0
            && !self.rotto
            && inizio.elapsed() < GUARIGIONE_MAX
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Opens what is in a folder; on a broken disk it may not, and then does when it is well.
    async fn apri(&mut self, dir: tempfile::TempDir, o: Arc<OrologioDiProva>) {
        self.negato = false;
        for _ in 0..2 {
            let aperto = match SqliteStore::apri(dir.path(), o.clone()) {
                Ok(store) => store.ente(&ipa()).await.map(|e| (store as Arc<dyn archivio::Store>, e.unwrap())),
                Err(e) => Err(e),
            };
            match aperto {
                Ok((store, ente)) => {
                    self.b = Some(Banco { dir, orologio: o, store, ente });
                    return;
                }
                Err(e) => assert!(self.rotto, "{e}"),
            }
            self.disco.sana();
            self.rotto = false;
        }
        panic!("does not open on a disk that is well");
    }

    async fn riavvia(&mut self) {
        let (dir, o) = self.b.take().unwrap().riapri();
        self.apri(dir, o).await;
    }

    /// The process is gone at once: what it had written is there, what it held in memory is not.
    async fn schianta(&mut self) {
        if self.rotto {
            self.disco.sana();
        }
        let dir = tempfile::tempdir().unwrap();
        let segno = |p: &Path| std::fs::metadata(p).and_then(|m| Ok((m.len(), m.modified()?))).ok();
        let db = self.b().dir.path().join("enti/c_z999/ente.sqlite");
        let segni = || (segno(&db), segno(&db.with_extension("sqlite-wal")));
        loop {
            let prima = segni();
            copia(self.b().dir.path(), dir.path());
            if segni() == prima {
                break;
            }
        }
        if self.rotto {
            self.disco.riprendi();
        }
        let o = self.b().orologio.clone();
        self.apri(dir, o).await;
    }

    async fn comanda(&mut self) {
        let Some(k) = self.m.viste.keys().nth(self.caso.sotto(self.m.viste.len().max(1))).cloned() else { return };
        let chi = self.caso.uno(&PERSONE);
        let atto = || Some(ProvvedimentoDato { numero: Some("D1".into()), data: Some("2026-11-01".parse().unwrap()) });
        let nuovo = format!("Oggetto rinnovato al passo {}", self.passo);
        let campi = || Oggetto {
            campi: Some(vec!["oggetto".into()]),
            nuovi_valori: serde_json::from_value(json!({"oggetto": nuovo})).unwrap(),
            visto: None,
        };
        let n = u32::try_from(self.caso.sotto(3) + 1).unwrap();
        let c = match self.caso.sotto(9) {
            0 => Comando::Annota { testo: "nota".into() },
            1 => Comando::Classifica { classificazione: self.caso.uno(&["1", "6.3"]).parse().unwrap(), motivo: None },
            2 => Comando::PrendiInCarico { assegnazione: n },
            3 => Comando::Rifiuta { assegnazione: n, motivo: self.caso.uno(&["", "non è nostra"]).into() },
            4 => Comando::ChiediAnnullamento { motivo: "errore".into(), oggetto: campi() },
            5 => Comando::AutorizzaAnnullamento { richiesta: n, motivo: None, provvedimento: atto() },
            6 => Comando::RifiutaAnnullamento { richiesta: n, motivo: "no".into() },
            7 => Comando::Annulla { motivo: "errore".into(), provvedimento: atto(), oggetto: campi() },
            _ => Comando::Annulla { motivo: "doppia".into(), provvedimento: atto(), oggetto: Oggetto::default() },
        };
        let annulla = matches!(c, Comando::Annulla { .. } | Comando::AutorizzaAnnullamento { .. });
        match self.b().ente.comanda(&aoo(), &self.b().chi(chi), &k, c, Vec::new(), None).await {
            Ok(f) => {
                assert!(!annulla || chi == "rita", "{chi} annulled");
                self.accettato(&f).await;
            }
            Err(Errore::OrologioInDubbio) => assert!(self.in_dubbio()),
            Err(Errore::Rifiuto(_)) => {}
            Err(e) => self.negato(&e).await,
        }
    }

    async fn orologio(&mut self) {
        match self.caso.sotto(8) {
            0..=3 => {
                let quanto = self.caso.uno(&[1, 90, 3_600, 30_000]) * SECONDO;
                self.b().orologio.passa(quanto);
            }
            n => {
                // A little, a day back, a year forward; half the time a forward lie is taken back at once.
                let salto = match n {
                    4 => self.caso.uno(&[-60, 60, 200]),
                    5 => -86_400,
                    6 => 7_200,
                    _ => 365 * 86_400,
                } * SECONDO;
                self.b().orologio.mente(salto);
                self.m.scarto += salto;
                if salto > LIMITE && self.caso.sotto(2) == 0 {
                    self.b().orologio.mente(-salto);
                    self.m.scarto -= salto;
                }
            }
        }
        if self.in_dubbio() {
            let chi = self.caso.uno(&["anna", "rita"]);
            let c = C::ConfermaOrologio { motivo: "controllato".into() };
            match self.b().ente.configura(&aoo(), &self.b().chi(chi), c, None, None).await {
                Ok(f) => {
                    assert_eq!(chi, "rita");
                    self.m.scarto = 0;
                    self.m.istante = f.istante;
                }
                Err(Errore::Rifiuto(_)) => assert_eq!(chi, "anna"),
                Err(e) => self.negato(&e).await,
            }
        }
    }

    async fn controlla(&mut self) {
        // Nothing that was refused left a trace, and nothing seen has moved.
        let ora = self.operazioni().await;
        assert!(ora >= self.m.operazioni, "operations do not vanish");
        self.m.operazioni = ora;
        if self.negato && self.caso.sotto(3) == 0 {
            let s = self.b().ente.salute().await;
            assert!(s.impedimenti.iter().any(|m| m.contains("non si p")), "readiness keeps quiet: {s:?}");
        }
        let quante = self.b().cerca("rita", Filtro { limite: 200, ..Filtro::default() }).await.elementi.len();
        assert_eq!(quante, self.m.viste.len());
        let Some((k, r)) = self.m.viste.iter().nth(self.caso.sotto(self.m.viste.len().max(1))) else { return };
        assert_eq!(self.b().ente.registrazione(&aoo(), k, None).await.unwrap().as_ref(), Some(r));
        for stato in [Stato::Valida, Stato::Annullata, Stato::AnnullataInParte] {
            let attese = self.m.viste.values().filter(|r| r.stato == stato).count();
            let f = Filtro { stato: Some(stato), limite: 200, ..Filtro::default() };
            assert_eq!(self.b().cerca("rita", f).await.elementi.len(), attese, "{stato:?}");
        }
    }

    /// Says how many times the disk denied something.
    async fn vivi(mut self) -> usize {
        while self.passo < PASSI {
            self.passo += 1;
            match self.caso.sotto(20) {
                0..=8 => self.registra().await,
                9..=14 => self.comanda().await,
                15 | 16 => self.orologio().await,
                17 => {
                    if let Err(e) = self.b().ente.firma_checkpoint(&Registro::Aoo(aoo())).await {
                        self.negato(&e).await;
                    }
                }
                18 => self.raffica().await,
                _ if self.caso.sotto(2) == 0 => self.riavvia().await,
                _ => self.schianta().await,
            }
            self.controlla().await;
            match (self.rotto, self.caso.sotto(7)) {
                (false, 0) => self.rompi().await,
                (true, 0 | 1) => self.sana().await,
                _ => {}
            }
        }
        self.sana().await;
        self.controlla().await;
        self.b().verifica().await;
        self.negati
    }
}

/// The archive as it is, without what lives in memory.
fn copia(da: &Path, a: &Path) {
    std::fs::create_dir_all(a).unwrap();
    for voce in std::fs::read_dir(da).unwrap() {
        let da = voce.unwrap().path();
        let nome = da.file_name().unwrap().to_owned();
        if da.is_dir() {
            copia(&da, &a.join(nome));
        } else if da.extension().is_none_or(|e| e != "sqlite-shm") && nome != "in-uso" {
            // A file that the writer just took away is one it did not need.
            let _ = std::fs::copy(&da, a.join(nome));
        }
    }
}

// R-A06, R-A08, R-A12, R-A21, R-B03, R-B06, R-B08, R-B11: whatever happens, in whatever order.
#[test]
fn a_simulation_keeps_every_promise() {
    if !su_file() {
        return;
    }
    if Disco::per("simulazione::a_simulation_keeps_every_promise").is_none() {
        return;
    }
    let numero = |nome: &str| std::env::var(nome).ok().map(|n| n.parse::<u64>().unwrap());
    let semi = match numero("PROTOCOLLO_SEME") {
        Some(s) => s..=s,
        None => 1..=numero("PROTOCOLLO_SEMI").or(numero("PROPTEST_CASES").map(|n| (n / 64).max(1))).unwrap_or(12),
    };
    let molte = semi.clone().count() >= 12;
    let mut negati = 0;
    for seme in semi {
        let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let vita =
            rt.block_on(async { tokio::spawn(async move { Simulazione::nuova(seme).await.vivi().await }).await });
        match vita {
            Ok(n) => negati += n,
            Err(_) => panic!("seed {seme}: lived again with PROTOCOLLO_SEME={seme}"),
        }
    }
    println!("{negati} times the disk denied something");
    assert!(!molte || negati > 0, "a disk that never fails proves nothing");
}
