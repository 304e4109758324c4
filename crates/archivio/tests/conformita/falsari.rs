//! With the signing key in hand: who holds database **and** key makes a log that agrees with itself, and `verifica` alone
//! believes it. A checkpoint kept elsewhere does not (R-B13; design § 5; `docs/manomissioni.md`).

use std::path::{Path, PathBuf};

use archivio::chiavi::ChiaveInstallazione;
use archivio::sqlite::verifica::{self, Ancora, Opzioni};
use archivio::store::*;
use catena::{Albero, Checkpoint, ChiaveFirma, Seme};
use dominio::analisi;
use dominio::annullamento::{Oggetto, ProvvedimentoDato};
use dominio::comandi::Comando;
use dominio::piatto::Campi;
use rusqlite::{Connection, params};
use serde_json::Value;

use crate::banco::su_file;
use crate::banco::{Banco, aoo, copia_db, senza_argini};

/// Log of the AOO; ids of its operations begin here.
const LOG: i64 = 1;
const BASE: i64 = LOG << 40;

/// Somebody with the whole folder, the installation's key included.
struct Falsario {
    c: Connection,
    chiave: ChiaveFirma,
}

impl Falsario {
    fn nuovo(ente: &Path, chiave: &Path) -> Self {
        let c = Connection::open(ente.join("ente.sqlite")).unwrap();
        let (origine, privata): (String, Vec<u8>) = c
            .query_row(
                "SELECT l.origine, k.privata FROM registro_log l JOIN chiave_log k ON k.log = l.log WHERE l.log = ?",
                [LOG],
                |r| Ok((r.get(0)?, r.get(1)?)),
            )
            .unwrap();
        let segreto = ChiaveInstallazione::apri(chiave).unwrap().svolgi(&origine, &privata).unwrap();
        Self { c, chiave: ChiaveFirma::da_segreto(&origine, &segreto.try_into().unwrap()).unwrap() }
    }

    /// Does it with the fences down, makes the log anew, and puts the fences back.
    fn falsifica(&self, fa: impl FnOnce(&Self)) {
        senza_argini(&self.c, || {
            fa(self);
            self.rifai();
        });
    }

    fn campi(&self, id: i64) -> Campi {
        let t: String = self.c.query_row("SELECT campi FROM operazione WHERE id = ?", [id], |r| r.get(0)).unwrap();
        serde_json::from_str(&t).unwrap()
    }

    fn cambia(&self, id: i64, campo: &str, valore: Value) {
        let mut campi = self.campi(id);
        assert!(campi.insert(campo.to_owned(), valore).is_some(), "{campo}");
        let testo = serde_json::to_string(&campi).unwrap();
        self.c.execute("UPDATE operazione SET campi = ? WHERE id = ?", params![testo, id]).unwrap();
    }

    /// The last operation of a kind.
    fn ultima(&self, tipo: &str) -> i64 {
        self.c.query_row("SELECT max(id) FROM operazione WHERE tipo = ?", [tipo], |r| r.get(0)).unwrap()
    }

    /// Entries, tiles, head and checkpoints, as if it had always been so.
    fn rifai(&self) {
        let c = &self.c;
        let righe: Vec<(i64, String, [u8; 32], i64)> = c
            .prepare("SELECT id, campi, seme, istante FROM operazione WHERE id >= ? AND id < ? ORDER BY id")
            .unwrap()
            .query_map([BASE, (LOG + 1) << 40], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let firmati: Vec<i64> = c
            .prepare("SELECT dimensione FROM checkpoint WHERE log = ? ORDER BY 1")
            .unwrap()
            .query_map([LOG], |r| r.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        c.execute("DELETE FROM tessera WHERE log = ?", [LOG]).unwrap();
        let mut albero = Albero::nuovo();
        let firma = |albero: &Albero| {
            let n = i64::try_from(albero.dimensione()).unwrap();
            if firmati.contains(&n) {
                let cp = Checkpoint::nuovo(self.chiave.nome(), albero.dimensione(), albero.radice());
                let nota = cp.firma(&[&self.chiave]).unwrap();
                c.execute("UPDATE checkpoint SET nota = ? WHERE log = ? AND dimensione = ?", params![nota, LOG, n])
                    .unwrap();
            }
        };
        firma(&albero);
        for (id, campi, seme, _) in &righe {
            let voce = catena::voce_di(&Seme(*seme), &serde_json::from_str(campi).unwrap()).unwrap();
            c.execute("UPDATE operazione SET voce = ? WHERE id = ?", params![voce, id]).unwrap();
            albero.aggiungi(catena::foglia(&voce), |livello, n, h| {
                let n = i64::try_from(n).unwrap();
                c.execute("INSERT INTO tessera VALUES (?,?,?,?)", params![LOG, livello, n, h.concat()]).unwrap();
            });
            firma(&albero);
        }
        let n = i64::try_from(righe.len()).unwrap();
        c.execute("DELETE FROM checkpoint WHERE log = ? AND dimensione > ?", [LOG, n]).unwrap();
        c.execute("UPDATE testa SET dimensione = ?, istante = ? WHERE log = ?", [n, righe.last().unwrap().3, LOG])
            .unwrap();
    }

    /// Everything from an operation on, as if it had never been.
    fn taglia(&self, da: i64) {
        let fine = (LOG + 1) << 40;
        let regs: Vec<i64> = self
            .c
            .prepare("SELECT id FROM registrazione WHERE id >= ? AND id < ?")
            .unwrap()
            .query_map([da, fine], |r| r.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for reg in regs {
            let n = self.c.execute("DELETE FROM cerca_recente WHERE reg = ?", [reg]).unwrap();
            if n == 0 {
                let (testo, soggetti) = testi(&self.campi(reg));
                self.toglie(reg, &testo, &soggetti);
            }
            for t in ["attuale", "assegnazione", "documento", "coinvolto", "riscontro", "contenuto"] {
                self.c.execute(&format!("DELETE FROM {t} WHERE reg = ?"), [reg]).unwrap();
            }
            self.c.execute("DELETE FROM registrazione WHERE id = ?", [reg]).unwrap();
        }
        let sql = "UPDATE attuale SET stato = 0 WHERE reg IN (SELECT reg FROM annullamento WHERE op >= ?)";
        self.c.execute(sql, [da]).unwrap();
        self.c.execute("DELETE FROM annullamento WHERE op >= ?", [da]).unwrap();
        self.c.execute("DELETE FROM operazione WHERE id >= ? AND id < ?", [da, fine]).unwrap();
        self.c
            .execute(
                "UPDATE contatore SET ultimo = (SELECT max(numero) FROM registrazione r
                 WHERE r.log = contatore.log AND r.registro = contatore.registro AND r.anno = contatore.anno)",
                [],
            )
            .unwrap();
    }

    fn toglie(&self, reg: i64, testo: &str, soggetti: &str) {
        let sql = "INSERT INTO cerca(cerca, rowid, testo, soggetti) VALUES ('delete', ?, ?, ?)";
        self.c.execute(sql, params![reg, testo, soggetti]).unwrap();
    }

    /// The search row follows the subject.
    fn riscrive_ricerca(&self, reg: i64, prima: &Campi) {
        let ((t, s), (nt, ns)) = (testi(prima), testi(&self.campi(reg)));
        let sql = "UPDATE cerca_recente SET testo = ?, soggetti = ? WHERE reg = ?";
        if self.c.execute(sql, params![nt, ns, reg]).unwrap() == 0 {
            self.toglie(reg, &t, &s);
            let sql = "INSERT INTO cerca(rowid, testo, soggetti) VALUES (?,?,?)";
            self.c.execute(sql, params![reg, nt, ns]).unwrap();
        }
    }
}

fn testi(campi: &Campi) -> (String, String) {
    let t = |k: &str| campi.get(k).and_then(Value::as_str).unwrap_or_default().to_owned();
    let nome = format!("{} {}", t("mittente.cognome"), t("mittente.nome"));
    (analisi::riga([t("oggetto").as_str(), t("protocolloMittente.numero").as_str()]), analisi::riga([nome.as_str()]))
}

fn copia(da: &Path, a: &Path) -> PathBuf {
    std::fs::create_dir_all(a.join("file")).unwrap();
    copia_db(&da.join("ente.sqlite"), &a.join("ente.sqlite"));
    a.to_owned()
}

type Falso = (&'static str, fn(&Falsario));

/// What an administrator with the key may want to have been otherwise.
const FALSI: &[Falso] = &[
    ("the subject of a registration", |f| {
        let prima = f.campi(BASE + registrazione(f, 1));
        f.cambia(BASE + registrazione(f, 1), "oggetto", "Tutt'altra cosa".into());
        f.riscrive_ricerca(BASE + registrazione(f, 1), &prima);
    }),
    ("its sender", |f| {
        let id = BASE + registrazione(f, 2);
        let prima = f.campi(id);
        f.cambia(id, "mittente.cognome", "Bianchi".into());
        f.riscrive_ricerca(id, &prima);
        f.c.execute("UPDATE riscontro SET chiave = 'bianchi maria|123 a' WHERE reg = ?", [id]).unwrap();
    }),
    ("who registered it", |f| {
        let id = BASE + registrazione(f, 1);
        f.cambia(id, "operatore.id", "ugo".into());
        f.c.execute("DELETE FROM coinvolto WHERE reg = ? AND chi = 'p:anna'", [id]).unwrap();
        f.c.execute("INSERT INTO coinvolto VALUES ('p:ugo', ?)", [id]).unwrap();
    }),
    ("when it was registered", |f| {
        let id = BASE + registrazione(f, 3);
        let prima: i64 = f.c.query_row("SELECT istante FROM registrazione WHERE id = ?", [id], |r| r.get(0)).unwrap();
        let t = prima + 500_000;
        f.cambia(id, "istante", dominio::tempo::Istante(t).utc().into());
        f.c.execute("UPDATE operazione SET istante = ? WHERE id = ?", [t, id]).unwrap();
        f.c.execute("UPDATE registrazione SET istante = ? WHERE id = ?", [t, id]).unwrap();
    }),
    ("the text of a note", |f| f.cambia(f.ultima("annotazione"), "testo", "Nulla da segnalare".into())),
    ("the reason of an annulment", |f| f.cambia(f.ultima("annullamento"), "motivo", "Altra ragione".into())),
    ("the act that authorised it", |f| {
        f.cambia(f.ultima("annullamento"), "provvedimento.numero", "Det. 99".into());
        f.c.execute("UPDATE annullamento SET provvedimento = 'Det. 99'", []).unwrap();
    }),
    ("an annulment undone", |f| f.taglia(f.ultima("annullamento"))),
    ("the last registration cut", |f| f.taglia(f.ultima("registrazione"))),
    ("a whole day cut", |f| {
        let sql = "SELECT min(id) FROM operazione WHERE id >= ? AND istante >= ?";
        let oggi = dominio::tempo::Istante::leggi("2026-11-25T00:00:00+01:00").unwrap().0;
        f.taglia(f.c.query_row(sql, [BASE, oggi], |r| r.get(0)).unwrap());
    }),
];

/// Index of the operation that gave a number.
fn registrazione(f: &Falsario, numero: i64) -> i64 {
    let sql = "SELECT id FROM registrazione WHERE log = ? AND numero = ?";
    f.c.query_row(sql, [LOG, numero], |r| r.get::<_, i64>(0)).unwrap() - BASE
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_key_in_hand_only_an_anchor_tells() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    let comanda = async |chi: &str, n: i64, c: Comando| {
        let k = format!("PG/2026/{n}").parse().unwrap();
        b.ente.comanda(&aoo(), &b.chi(chi), &k, c, Vec::new(), None).await.unwrap();
    };
    // Enough for full tiles: what is forged is in one, or past it.
    for i in 1..=260 {
        b.registra(&format!("Atto numero {i}")).await;
        b.orologio.passa(1_000_000);
    }
    comanda("anna", 1, Comando::Annota { testo: "Manca un allegato".into() }).await;
    b.ente.firma_checkpoint(&Registro::Aoo(aoo())).await.unwrap();
    b.orologio.passa(86_400 * 1_000_000);
    for i in 1..=5 {
        b.registra(&format!("Atto del giorno dopo {i}")).await;
    }
    let annulla = Comando::Annulla {
        motivo: "Doppia".into(),
        provvedimento: Some(ProvvedimentoDato {
            numero: Some("Det. 7".into()),
            data: Some("2026-11-24".parse().unwrap()),
        }),
        oggetto: Oggetto::default(),
    };
    comanda("rita", 4, annulla).await;
    let ancora = b.ente.firma_checkpoint(&Registro::Aoo(aoo())).await.unwrap();
    let ancora = Ancora::leggi("altrove", &ancora).unwrap();
    b.verifica().await;
    let (dir, _) = b.riapri();
    let (ente, chiave) = (dir.path().join("enti/c_z999"), dir.path().join("chiave-installazione"));
    let esamina = |cartella: &Path, ancore: &[Ancora]| {
        verifica::ente(cartella, Opzioni { ancore, ..Opzioni::default() }).unwrap().differenze
    };
    assert_eq!(esamina(&ente, &ancora), [], "the honest archive extends its anchor");
    for (i, (nome, falso)) in FALSI.iter().enumerate() {
        let cartella = copia(&ente, &dir.path().join(format!("falso-{i}/c_z999")));
        let f = Falsario::nuovo(&cartella, &chiave);
        f.falsifica(falso);
        drop(f);
        assert_eq!(esamina(&cartella, &[]), [], "{nome}: a good forgery agrees with itself");
        let d = esamina(&cartella, &ancora);
        assert!(!d.is_empty() && d.iter().all(|x| x.tabella == "ancora"), "{nome}: {d:?}");
    }
}
