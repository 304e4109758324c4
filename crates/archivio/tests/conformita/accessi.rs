//! The access log behind the service: who takes his own access out of it is found by the heads that were signed, and who
//! has the key too by those kept elsewhere (R-L08, R-L16; `docs/manomissioni.md`).

use std::path::Path;

use archivio::accessi::Accesso;
use archivio::chiavi::ChiaveInstallazione;
use archivio::sqlite::verifica::{self, Ancora, Opzioni};
use archivio::store::*;
use catena::{Checkpoint, ChiaveFirma};
use dominio::errori::Rifiuto;
use dominio::permessi::Porta;
use rusqlite::{Connection, params};
use sha2::{Digest as _, Sha256};

use crate::banco::su_file;
use crate::banco::{Banco, aoo, copia_db, senza_argini};

pub fn accesso(b: &Banco, utente: &str) -> Accesso {
    Accesso {
        istante: b.ente.ora(),
        aoo: aoo(),
        utente: utente.parse().unwrap(),
        nome: format!("{utente} Prova"),
        ufficio: None,
        porta: Porta::Pagina,
        azione: Azione::Registrazione,
        registrazione: "PG/2026/1".into(),
        riservata: true,
        interessati: vec!["rossi maria".into()],
    }
}

/// The two files, without fences.
struct Mani {
    accessi: Connection,
    ente: Connection,
    /// Now, and before it was changed.
    chiave: ChiaveFirma,
    vecchia: ChiaveFirma,
}

impl Mani {
    fn su(cartella: &Path, chiave: &Path) -> Self {
        let apri = |f: &str| Connection::open(cartella.join(f)).unwrap();
        let ente = apri("ente.sqlite");
        let installazione = ChiaveInstallazione::apri(chiave).unwrap();
        let firma = |n: i64| {
            let sql = "SELECT origine, privata FROM registro_log JOIN chiave_log USING(log) WHERE log = 0 AND n = ?";
            let (origine, privata): (String, Vec<u8>) =
                ente.query_row(sql, [n], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
            let segreto = installazione.svolgi(&origine, &privata).unwrap();
            ChiaveFirma::da_segreto(&format!("{origine}/accessi"), &segreto.try_into().unwrap()).unwrap()
        };
        let (chiave, vecchia) = (firma(2), firma(1));
        Self { accessi: apri("accessi.sqlite"), ente, chiave, vecchia }
    }

    /// With the fences down, then up again.
    fn altera(&self, fa: impl FnOnce(&Self)) {
        senza_argini(&self.accessi, || senza_argini(&self.ente, || fa(self)));
    }

    fn togli_da(&self, n: i64) {
        self.accessi.execute("DELETE FROM interessato WHERE n >= ?", [n]).unwrap();
        self.accessi.execute("DELETE FROM accesso WHERE n >= ?", [n]).unwrap();
    }

    fn hash(&self, n: i64) -> [u8; 32] {
        self.accessi.query_row("SELECT hash FROM accesso WHERE n = ?", [n], |r| r.get(0)).unwrap()
    }

    /// Another reader in a row, and every hash after it.
    fn attribuisce(&self, n: i64, a: &str) {
        let riga: String = self.accessi.query_row("SELECT riga FROM accesso WHERE n = ?", [n], |r| r.get(0)).unwrap();
        let riga = riga.replace("\"ugo\"", &format!("\"{a}\""));
        self.accessi.execute("UPDATE accesso SET riga = ?, utente = ? WHERE n = ?", params![riga, a, n]).unwrap();
        let righe: Vec<(i64, String)> = self
            .accessi
            .prepare("SELECT n, riga FROM accesso WHERE n >= ? ORDER BY n")
            .unwrap()
            .query_map([n], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let mut hash = self.hash(n - 1);
        for (n, riga) in righe {
            hash = Sha256::new()
                .chain_update("protocollo/accesso/v1\n")
                .chain_update(hash)
                .chain_update(n.to_be_bytes())
                .chain_update(riga)
                .finalize()
                .into();
            self.accessi.execute("UPDATE accesso SET hash = ? WHERE n = ?", params![hash, n]).unwrap();
        }
    }

    /// Signs again every head that there is.
    fn rifirma(&self, con: &ChiaveFirma) {
        let teste: Vec<(i64, String)> = self
            .ente
            .prepare("SELECT dimensione, nota FROM testa_accessi")
            .unwrap()
            .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        for (n, nota) in teste {
            let mut cp = Checkpoint::leggi(catena::nota::dividi(&nota).unwrap().0).unwrap();
            cp.radice = self.hash(n);
            let nota = cp.firma(&[con]).unwrap();
            self.ente.execute("UPDATE testa_accessi SET nota = ? WHERE dimensione = ?", params![nota, n]).unwrap();
        }
    }
}

/// What is done, and where it is found: by the archive alone, then against what is kept elsewhere.
type Caso = (&'static str, fn(&Mani), &'static str, &'static str);

const CASI: &[Caso] = &[
    ("nothing", |_| {}, "", ""),
    ("the last access taken out", |m| m.togli_da(9), "testa_accessi dimensione", "ancora dimensione"),
    (
        "the same, and the head that told of it",
        |m| {
            m.togli_da(9);
            m.ente.execute("DELETE FROM testa_accessi WHERE dimensione > 8", []).unwrap();
        },
        "",
        "ancora dimensione",
    ),
    ("the whole log emptied", |m| m.togli_da(1), "testa_accessi dimensione", "ancora dimensione"),
    (
        "an access said to be old enough to be pruned",
        |m| {
            let t = "INSERT INTO potatura SELECT n, 1, hash FROM accesso WHERE n = 9";
            m.accessi.execute(t, []).unwrap();
            m.togli_da(1);
        },
        "testa_accessi istante",
        "ancora istante",
    ),
    (
        "a head signed over something else",
        |m| {
            let sql = "UPDATE testa_accessi SET nota = (SELECT nota FROM testa_accessi WHERE dimensione = 4)";
            m.ente.execute(sql, []).unwrap();
        },
        "testa_accessi nota",
        "testa_accessi nota",
    ),
    (
        "a checkpoint of the operations in its place",
        |m| {
            let sql = "UPDATE testa_accessi SET nota = (SELECT nota FROM checkpoint WHERE log = 0)";
            m.ente.execute(sql, []).unwrap();
        },
        "testa_accessi nota",
        "testa_accessi nota",
    ),
    (
        "an access made another's, the chain made anew, without the key",
        |m| m.attribuisce(7, "anna"),
        "testa_accessi hash",
        "ancora hash",
    ),
    (
        "the same with the key in hand",
        |m| {
            m.attribuisce(7, "anna");
            m.rifirma(&m.chiave);
        },
        "",
        "ancora hash",
    ),
    (
        "the same with a key that was retired",
        |m| {
            m.attribuisce(7, "anna");
            m.rifirma(&m.vecchia);
        },
        "testa_accessi firma",
        "ancora hash",
    ),
    (
        "a head said to be of another time",
        |m| {
            m.ente.execute("UPDATE testa_accessi SET istante = istante + 1 WHERE dimensione = 8", []).unwrap();
        },
        "testa_accessi istante",
        "testa_accessi istante",
    ),
    (
        "the person concerned not found any more",
        |m| {
            m.accessi.execute("DELETE FROM interessato WHERE n = 7", []).unwrap();
        },
        "interessato chi",
        "interessato chi",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_access_that_was_signed_for_cannot_be_taken_out_unseen() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    assert_eq!(b.ente.firma_accessi().await.unwrap(), None);
    let mut note = Vec::new();
    for i in 0..9 {
        b.ente.annota_accesso(accesso(&b, if i % 2 == 0 { "ugo" } else { "rita" })).await.unwrap();
        b.orologio.passa(1_000_000);
        if i % 4 == 3 || i == 8 {
            note.push(b.ente.firma_accessi().await.unwrap().unwrap());
        }
        if i == 3 {
            b.ente.ruota_chiave(&Registro::Ente, &b.chi("rita"), "rotazione", None).await.unwrap();
        }
    }
    assert_eq!(b.ente.firma_accessi().await.unwrap().as_ref(), note.last(), "signed once");
    b.ente.firma_checkpoint(&Registro::Ente).await.unwrap();
    b.verifica().await;
    let (dir, _) = b.riapri();
    let (ente, chiave) = (dir.path().join("enti/c_z999"), dir.path().join("chiave-installazione"));
    let ancore: Vec<Ancora> = Ancora::leggi("altrove", &note.concat()).unwrap();
    assert!(verifica::origini(&ente, None).unwrap().contains(&ancore[0].checkpoint.origine));
    for (i, (nome, fa, da_solo, con_ancora)) in CASI.iter().enumerate() {
        let cartella = dir.path().join(format!("caso-{i}/c_z999"));
        std::fs::create_dir_all(cartella.join("file")).unwrap();
        for f in ["ente.sqlite", "accessi.sqlite"] {
            copia_db(&ente.join(f), &cartella.join(f));
        }
        Mani::su(&cartella, &chiave).altera(fa);
        for (ancore, atteso) in [(&[][..], da_solo), (&ancore, con_ancora)] {
            let v = verifica::ente(&cartella, Opzioni { ancore, ..Opzioni::default() }).unwrap();
            let trovate: Vec<String> = v.differenze.iter().map(|d| format!("{} {}", d.tabella, d.campo)).collect();
            match *atteso {
                "" => assert_eq!(trovate, [""; 0], "{nome}: {:?}", v.differenze),
                atteso => assert!(trovate.iter().any(|t| t == atteso), "{nome}: {:?}", v.differenze),
            }
        }
    }
    // The file as if it had never been.
    let cartella = dir.path().join("senza/c_z999");
    std::fs::create_dir_all(cartella.join("file")).unwrap();
    copia_db(&ente.join("ente.sqlite"), &cartella.join("ente.sqlite"));
    let d = verifica::ente(&cartella, Opzioni::default()).unwrap().differenze;
    assert!(d.iter().any(|x| x.tabella == "testa_accessi" && x.trovato == "nessun accesso"), "{d:?}");
    // A note under the key of something else.
    let k = ChiaveFirma::da_segreto(&ancore[0].checkpoint.origine, &[7; 32]).unwrap();
    let falsa = Ancora::leggi("altrove", &ancore[0].checkpoint.firma(&[&k]).unwrap()).unwrap();
    let d = verifica::ente(&ente, Opzioni { ancore: &falsa, ..Opzioni::default() }).unwrap().differenze;
    assert_eq!((d.len(), d[0].campo.as_str()), (1, "firma"), "{d:?}");
    // Under the key that was retired: good for what it signed then, not for what came after.
    let vecchia = Mani::su(&ente, &chiave).vecchia;
    for (i, attese) in [(0, 0), (2, 1)] {
        let nota = ancore[i].checkpoint.firma(&[&vecchia]).unwrap();
        let ancore = Ancora::leggi("altrove", &nota).unwrap();
        let d = verifica::ente(&ente, Opzioni { ancore: &ancore, ..Opzioni::default() }).unwrap().differenze;
        assert_eq!(d.len(), attese, "{d:?}");
        assert!(d.iter().all(|x| x.tabella == "ancora" && x.campo == "firma"), "{d:?}");
    }
}

// A key is never taken, by its log, before an access whose head the key before signed.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_put_back_before_the_key_changes_accuses_nobody() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    b.ente.annota_accesso(accesso(&b, "ugo")).await.unwrap();
    let nota = b.ente.firma_accessi().await.unwrap().unwrap();
    b.orologio.mente(-3_600_000_000);
    b.ente.ruota_chiave(&Registro::Ente, &b.chi("rita"), "rotazione", None).await.unwrap();
    b.ente.annota_accesso(accesso(&b, "ugo")).await.unwrap();
    b.ente.firma_accessi().await.unwrap();
    b.verifica().await;
    let (ancore, cartella) = (Ancora::leggi("altrove", &nota).unwrap(), b.dir.path().join("enti/c_z999"));
    let v = verifica::ente(&cartella, Opzioni { ancore: &ancore, ..Opzioni::default() }).unwrap();
    assert_eq!(v.differenze, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn rounds_at_the_same_time_do_not_accuse_one_another() {
    let b = std::sync::Arc::new(Banco::nuovo().await);
    b.ente.annota_accesso(accesso(&b, "ugo")).await.unwrap();
    let mut giri = tokio::task::JoinSet::new();
    for i in 0..6 {
        let b = std::sync::Arc::clone(&b);
        giri.spawn(async move {
            for _ in 0..30 {
                if i % 2 == 0 {
                    b.ente.annota_accesso(accesso(&b, "ugo")).await.unwrap();
                }
                b.ente.firma_accessi().await.unwrap();
            }
        });
    }
    giri.join_all().await;
    assert_eq!(b.ente.salute().await.avvisi, [""; 0]);
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_behind_one_already_signed_is_refused() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    b.ente.annota_accesso(accesso(&b, "ugo")).await.unwrap();
    b.ente.firma_accessi().await.unwrap();
    let c = Connection::open(b.dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
    c.execute("INSERT INTO testa_accessi SELECT 900, istante, nota FROM testa_accessi", []).unwrap();
    assert_eq!(b.ente.salute().await.avvisi, [""; 0]);
    let e = b.ente.firma_accessi().await.unwrap_err().to_string();
    assert!(e.contains("900"), "{e}");
    let avvisi = b.ente.salute().await.avvisi;
    assert!(avvisi.len() == 1 && avvisi[0].contains("ha 1 righe, ma ne sono state firmate 900"), "{avvisi:?}");
    for t in ["testa_accessi", "deposito"] {
        b.ente.annota_depositi("a@x.example", vec![("o".into(), 3), ("o".into(), 3)]).await.unwrap();
        for sql in [format!("UPDATE {t} SET dimensione = 1"), format!("DELETE FROM {t}")] {
            assert!(c.execute(&sql, []).unwrap_err().to_string().contains("immutabile"), "{sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_file_gone_is_said_and_all_of_it_pruned_is_not() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    b.ente.annota_accesso(accesso(&b, "ugo")).await.unwrap();
    let nota = b.ente.firma_accessi().await.unwrap();
    b.orologio.passa(1);
    assert_eq!(b.ente.pota_accessi(b.ente.ora()).await.unwrap(), 1);
    assert_eq!(b.ente.firma_accessi().await.unwrap(), nota);
    assert_eq!(b.ente.salute().await.avvisi, [""; 0]);
    std::fs::remove_file(b.dir.path().join("enti/c_z999/accessi.sqlite")).unwrap();
    assert!(b.ente.firma_accessi().await.is_err());
    assert!(b.ente.salute().await.avvisi[0].contains("ha 0 righe"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_two_logs_have_names_that_could_be_taken_one_for_the_other() {
    let b = Banco::nuovo().await;
    let crea = async |codice: &str, origine: &str| {
        let nuova = NuovaAoo {
            codice: codice.parse().unwrap(),
            denominazione: "Altra".into(),
            origine: origine.into(),
            ufficio_smistamento: ("PROT".parse().unwrap(), Some("Protocollo".into())),
            consente_da_classificare: true,
            voce_da_classificare: "0".parse().unwrap(),
            dal: "2026-01-01".parse().unwrap(),
            pec: None,
            registri: Vec::new(),
        };
        b.ente.crea_aoo(&archivio::sistema(), nuova).await
    };
    crea("AOO2", "prova.example/2/accessi").await.unwrap();
    for origine in [
        "prova.example/c_z999/AOO1",
        "prova.example/c_z999/AOO1/accessi",
        "protocollo.ente/c_z999",
        "protocollo.ente/c_z999/accessi",
        "prova.example/2",
    ] {
        let e = crea("AOO3", origine).await.unwrap_err();
        let campo = matches!(&e, Errore::Rifiuto(Rifiuto::NonValido(v)) if v[0].campo == "origine");
        assert!(campo, "{origine}: {e}");
    }
    crea("AOO3", "prova.example/3").await.unwrap();
    b.verifica().await;
}
