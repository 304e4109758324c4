//! A register lived through by chance, under a clock that lies: random commands by whoever, valid and not, restarts, jumps of a
//! day back and a year forward. After each step what was promised is asked again; a seed that fails is printed, and
//! `PROTOCOLLO_SEME=… cargo nextest run -p archivio simulation` lives it again.

use std::collections::BTreeMap;

use archivio::store::*;
use dominio::annullamento::{Oggetto, ProvvedimentoDato};
use dominio::comandi::{Comando, ComandoConfigurazione as C};
use dominio::registrazione::{Chiave, Registrazione, Stato};
use dominio::tempo::Istante;
use serde_json::json;

use crate::banco::{Banco, aoo};

const SECONDO: i64 = 1_000_000;
const PASSI: usize = 70;
/// As in `orologio`: forward of the baseline by more than this nothing is registered until the RGD confirms.
const LIMITE: i64 = 5 * 60 * SECONDO;
const PERSONE: [&str; 5] = ["anna", "rita", "ugo", "sara", "ada"];

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
    b: Banco,
    m: Modello,
    caso: Caso,
    passo: usize,
}

impl Simulazione {
    async fn nuova(seme: u64) -> Self {
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
        let mut s = Self { b, m, caso: Caso(seme), passo: 0 };
        s.m.operazioni = s.operazioni().await;
        s
    }

    async fn operazioni(&self) -> u64 {
        self.b.ente.scan_from(&Registro::Aoo(aoo()), 0, 100_000).await.unwrap().len() as u64
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
        let r = self.b.ente.registrazione(&aoo(), &k, None).await.unwrap().unwrap();
        if let Some(prima) = self.m.viste.get(&k) {
            let allora = self.b.ente.registrazione(&aoo(), &k, Some(prima.ultimo_indice)).await.unwrap().unwrap();
            assert_eq!(&allora, prima, "as it was then is as it was seen then");
            assert!(prima.stato != Stato::Annullata || r.stato == Stato::Annullata);
        }
        self.m.viste.insert(k, r);
    }

    async fn registra(&mut self) {
        let chi = self.caso.uno(&PERSONE);
        let buona = self.caso.sotto(4) > 0;
        let oggetto = if buona { format!("Atto {} di {chi}", self.passo) } else { "  ".to_owned() };
        let mut n = self.b.nuova(chi, &oggetto);
        let chiave = (self.caso.sotto(3) == 0).then(|| format!("k{}", self.caso.sotto(4)));
        n.idempotenza = chiave.clone().map(|chiave| Idempotenza { ambito: "t".into(), chiave, richiesta: [1; 32] });
        let prima = chiave.as_ref().and_then(|k| self.m.chiavi.get(k)).cloned();
        match (self.b.ente.registra(&aoo(), n).await, prima) {
            // The first answer, whoever asks again and whatever the clock says.
            (Ok(f), Some(k)) => assert_eq!((f.chiave, f.ripetuta), (Some(k), true)),
            (Ok(f), None) => {
                assert!(buona && matches!(chi, "anna" | "rita"), "{chi} registered «{oggetto}»");
                let k = f.chiave.clone().unwrap();
                assert_eq!(k.anno, f.istante.anno());
                let ultimo = self.m.ultimi.entry(k.anno).or_insert(0);
                assert_eq!(k.numero.valore(), *ultimo + 1, "no gap, no double");
                *ultimo += 1;
                if let Some(c) = chiave {
                    self.m.chiavi.insert(c, k);
                }
                self.accettato(&f).await;
            }
            (Err(Errore::OrologioInDubbio), _) => assert!(self.in_dubbio()),
            (Err(Errore::Rifiuto(_)), None) => assert!(!buona || !matches!(chi, "anna" | "rita")),
            (Err(e), prima) => panic!("{e} (asked before: {prima:?})"),
        }
    }

    async fn comanda(&mut self) {
        let Some(k) = self.m.viste.keys().nth(self.caso.sotto(self.m.viste.len().max(1))).cloned() else { return };
        let chi = self.caso.uno(&PERSONE);
        let atto = || Some(ProvvedimentoDato { numero: Some("D1".into()), data: Some("2026-11-01".parse().unwrap()) });
        let nuovo = format!("Oggetto rinnovato al passo {}", self.passo);
        let campi = || Oggetto {
            campi: Some(vec!["oggetto".into()]),
            nuovi_valori: serde_json::from_value(json!({"oggetto": nuovo})).unwrap(),
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
        match self.b.ente.comanda(&aoo(), &self.b.chi(chi), &k, c, Vec::new(), None).await {
            Ok(f) => {
                assert!(!annulla || chi == "rita", "{chi} annulled");
                self.accettato(&f).await;
            }
            Err(Errore::OrologioInDubbio) => assert!(self.in_dubbio()),
            Err(Errore::Rifiuto(_)) => {}
            Err(e) => panic!("{e}"),
        }
    }

    async fn orologio(&mut self) {
        match self.caso.sotto(8) {
            0..=3 => self.b.orologio.passa(self.caso.uno(&[1, 90, 3_600, 30_000]) * SECONDO),
            n => {
                // A little, a day back, a year forward; half the time a forward lie is taken back at once.
                let salto = match n {
                    4 => self.caso.uno(&[-60, 60, 200]),
                    5 => -86_400,
                    6 => 7_200,
                    _ => 365 * 86_400,
                } * SECONDO;
                self.b.orologio.mente(salto);
                self.m.scarto += salto;
                if salto > LIMITE && self.caso.sotto(2) == 0 {
                    self.b.orologio.mente(-salto);
                    self.m.scarto -= salto;
                }
            }
        }
        if self.in_dubbio() {
            let chi = self.caso.uno(&["anna", "rita"]);
            let c = C::ConfermaOrologio { motivo: "controllato".into() };
            match self.b.ente.configura(&aoo(), &self.b.chi(chi), c, None, None).await {
                Ok(f) => {
                    assert_eq!(chi, "rita");
                    self.m.scarto = 0;
                    self.m.istante = f.istante;
                }
                Err(_) => assert_eq!(chi, "anna"),
            }
        }
    }

    async fn controlla(&mut self) {
        // Nothing that was refused left a trace, and nothing seen has moved.
        let ora = self.operazioni().await;
        assert!(ora >= self.m.operazioni, "operations do not vanish");
        self.m.operazioni = ora;
        let quante = self.b.cerca("rita", Filtro { limite: 200, ..Filtro::default() }).await.elementi.len();
        assert_eq!(quante, self.m.viste.len());
        let Some((k, r)) = self.m.viste.iter().nth(self.caso.sotto(self.m.viste.len().max(1))) else { return };
        assert_eq!(self.b.ente.registrazione(&aoo(), k, None).await.unwrap().as_ref(), Some(r));
        for stato in [Stato::Valida, Stato::Annullata, Stato::AnnullataInParte] {
            let attese = self.m.viste.values().filter(|r| r.stato == stato).count();
            let f = Filtro { stato: Some(stato), limite: 200, ..Filtro::default() };
            assert_eq!(self.b.cerca("rita", f).await.elementi.len(), attese, "{stato:?}");
        }
    }

    async fn vivi(mut self) {
        while self.passo < PASSI {
            self.passo += 1;
            match self.caso.sotto(20) {
                0..=8 => self.registra().await,
                9..=14 => self.comanda().await,
                15 | 16 => self.orologio().await,
                17 => {
                    self.b.ente.firma_checkpoint(&Registro::Aoo(aoo())).await.unwrap();
                }
                _ => {
                    let (dir, o) = self.b.riapri();
                    self.b = Banco::di_nuovo(dir, o).await;
                }
            }
            self.controlla().await;
        }
        self.b.verifica().await;
    }
}

// R-A06, R-A08, R-A21, R-B03, R-B06, R-B08, R-B11: whatever happens, in whatever order.
#[tokio::test(flavor = "multi_thread")]
async fn a_simulation_keeps_every_promise() {
    let semi: Vec<u64> = match std::env::var("PROTOCOLLO_SEME") {
        Ok(s) => vec![s.parse().unwrap()],
        Err(_) => {
            let quanti = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse::<u64>().ok()).map_or(6, |n| n / 64);
            (1..=quanti).collect()
        }
    };
    for seme in semi {
        let vita = tokio::spawn(async move { Simulazione::nuova(seme).await.vivi().await });
        assert!(vita.await.is_ok(), "seed {seme}: lived again with PROTOCOLLO_SEME={seme}");
    }
}
