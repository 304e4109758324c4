//! Witnesses: what others said is kept only when it verifies; what we say of others is one history, on disk before it is
//! said (C2SP tlog-cosignature, tlog-witness; R-B13).

use std::sync::Arc;

use archivio::Store;
use archivio::sqlite::verifica::{self, Opzioni};
use archivio::store::Registro;
use catena::nota::dividi;
use catena::testimone::{Richiesta, Rifiuto, scrivi};
use catena::{Albero, Checkpoint, ChiaveFirma, ChiavePubblica, ChiaveTestimone, Hash, verifica_coerenza};

use crate::banco::su_file;
use crate::banco::{Banco, OrologioDiProva, aoo, apri};

const ORIGINE: &str = "altri.example/log";

fn testimone(n: u8) -> ChiaveTestimone {
    ChiaveTestimone::da_segreto("testimone.example/1", &[n; 32]).unwrap()
}

/// The log of somebody else: the root of its first leaves, each of a byte.
fn checkpoint(foglie: &[u8]) -> Checkpoint {
    let mut a = Albero::nuovo();
    for f in foglie {
        a.aggiungi(catena::foglia(&[*f; 32]), |_, _, _| {});
    }
    Checkpoint::nuovo(ORIGINE, foglie.len() as u64, a.radice())
}

fn chiave() -> ChiaveFirma {
    ChiaveFirma::da_segreto(ORIGINE, &[9; 32]).unwrap()
}

fn osservati() -> [ChiavePubblica; 1] {
    [chiave().pubblica()]
}

fn richiesta(vecchia: u64, prova: &[Hash], foglie: &[u8]) -> Richiesta {
    let nota = checkpoint(foglie).firma(&[&chiave()]).unwrap();
    Richiesta::leggi(scrivi(vecchia, prova, &nota).as_bytes()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_witness_says_is_kept_when_it_verifies_and_served_beside_the_checkpoint() {
    let b = Banco::nuovo().await;
    let registro = Registro::Aoo(aoo());
    b.registra("Prima").await;
    let nota = b.ente.firma_checkpoint(&registro).await.unwrap();
    let (testo, _) = dividi(&nota).unwrap();
    let n = Checkpoint::leggi(testo).unwrap().dimensione;
    let w = testimone(1);
    let firma = w.cofirma(testo, 1_790_000_000).unwrap();
    let e = &b.ente;
    // Of another checkpoint, by another key, of a size that was never signed.
    let altra = w.cofirma(&testo.replace(&format!("\n{n}\n"), &format!("\n{}\n", n + 1)), 1_790_000_000).unwrap();
    assert!(e.conserva_cofirma(&registro, n, &w.pubblica(), &altra).await.is_err());
    assert!(e.conserva_cofirma(&registro, n, &testimone(2).pubblica(), &firma).await.is_err());
    assert!(e.conserva_cofirma(&registro, n + 1, &w.pubblica(), &firma).await.is_err());
    assert_eq!(e.ultima_cofirma(&registro, &w.pubblica()).await.unwrap(), None);
    assert_eq!(e.checkpoint(&registro).await.unwrap(), nota);

    assert!(e.conserva_cofirma(&registro, n, &w.pubblica(), &firma).await.unwrap());
    // Said again later: the first time stays.
    let dopo = w.cofirma(testo, 1_790_000_060).unwrap();
    assert!(!e.conserva_cofirma(&registro, n, &w.pubblica(), &dopo).await.unwrap());
    let ultima = e.ultima_cofirma(&registro, &w.pubblica()).await.unwrap().unwrap();
    assert_eq!((ultima.dimensione, ultima.istante.0, ultima.riga), (n, 1_790_000_000_000_000, firma.riga()));
    assert_eq!(e.ultima_cofirma(&registro, &testimone(2).pubblica()).await.unwrap(), None);
    assert_eq!(e.ultima_cofirma(&Registro::Ente, &w.pubblica()).await.unwrap(), None);

    let servita = e.checkpoint(&registro).await.unwrap();
    assert_eq!(servita, format!("{nota}{}", firma.riga()));
    let nostra: ChiavePubblica = e.chiavi(&registro).await.unwrap()[0].parse().unwrap();
    let (_, aperta) = Checkpoint::apri(&servita, std::slice::from_ref(&nostra)).unwrap();
    assert_eq!(w.pubblica().tra(&aperta.testo, &aperta.ignote).unwrap().1, 1_790_000_000);
    assert_eq!(b.verifica().await.cofirme, 1);

    // The next checkpoint has none yet; and it is proven to continue the one that was cosigned.
    b.registra("Dopo").await;
    let nuova = e.firma_checkpoint(&registro).await.unwrap();
    assert_eq!(e.checkpoint(&registro).await.unwrap(), nuova);
    let (prima, poi) = (
        Checkpoint::apri(&nota, std::slice::from_ref(&nostra)).unwrap().0,
        Checkpoint::apri(&nuova, &[nostra]).unwrap().0,
    );
    let prova = e.prova_coerenza(&registro, prima.dimensione, poi.dimensione).await.unwrap();
    assert_eq!(verifica_coerenza(prima.dimensione, poi.dimensione, &prima.radice, &poi.radice, &prova), Ok(()));
    assert!(e.prova_coerenza(&registro, poi.dimensione + 1, poi.dimensione).await.is_err());
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_says_one_history_and_remembers_it() {
    if !su_file() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let o = OrologioDiProva::a("2026-11-24T09:00:00+01:00");
    let store = apri(dir.path(), o.clone()).await;
    // Without a key nothing is said.
    assert!(store.cofirma(&richiesta(0, &[], &[1]), &osservati()).await.is_err());
    let nostra = store.chiave_testimone("noi.example/testimone").await.unwrap();
    assert!(store.chiave_testimone("altro nome").await.is_ok_and(|k| k == nostra), "given once");
    assert_eq!(store.osservato(ORIGINE).await.unwrap(), None);
    let cofirma = async |s: &Arc<dyn Store>, r: &Richiesta| s.cofirma(r, &osservati()).await.unwrap();
    let ignota = store.cofirma(&richiesta(0, &[], &[1]), &[]).await.unwrap();
    assert_eq!(ignota, Err(Rifiuto::OrigineIgnota(ORIGINE.into())));

    let due = richiesta(0, &[], &[1, 2]);
    let firma = cofirma(&store, &due).await.unwrap();
    let secondi = nostra.controlla(&due.checkpoint.testo(), &firma).unwrap();
    assert_eq!(secondi, 1_795_507_200, "the time of the witness's own clock");
    // Asked again, from where it is now: the same words, though the clock moved, and even stepped back.
    o.mente(-3_600_000_000);
    let di_nuovo = richiesta(2, &[], &[1, 2]);
    assert_eq!(cofirma(&store, &di_nuovo).await.unwrap(), firma);
    assert_eq!(cofirma(&store, &due).await, Err(Rifiuto::AltraDimensione { vista: 2, chiesta: 0 }));
    assert_eq!(cofirma(&store, &richiesta(2, &[], &[1, 3])).await, Err(Rifiuto::AltraRadice(2)));
    let prova = [catena::foglia(&[3; 32])];
    let biforcata = cofirma(&store, &richiesta(2, &prova, &[1, 9, 3])).await;
    assert!(matches!(biforcata, Err(Rifiuto::ProvaErrata(_))), "{biforcata:?}");
    let tre = richiesta(2, &prova, &[1, 2, 3]);
    let firma = cofirma(&store, &tre).await.unwrap();
    let adesso = nostra.controlla(&tre.checkpoint.testo(), &firma).unwrap();
    assert_eq!(
        adesso,
        secondi - 3_600,
        "the clock as it is: one that had leapt forward does not date all that comes after"
    );
    // The same tree with a line more: cosigned, nothing more is seen.
    let mut esteso = checkpoint(&[1, 2, 3]);
    esteso.estensioni = vec!["altro".into()];
    let nota = esteso.firma(&[&chiave()]).unwrap();
    let r = Richiesta::leggi(scrivi(3, &[], &nota).as_bytes()).unwrap();
    assert!(nostra.controlla(&esteso.testo(), &cofirma(&store, &r).await.unwrap()).is_ok());

    drop(store);
    let store = apri(dir.path(), o.clone()).await;
    assert_eq!(store.chiave_testimone("noi.example/testimone").await.unwrap(), nostra);
    assert_eq!(cofirma(&store, &due).await, Err(Rifiuto::AltraDimensione { vista: 3, chiesta: 0 }));
    let tenuta = store.osservato(ORIGINE).await.unwrap().unwrap();
    let (cp, aperta) = Checkpoint::apri(&tenuta, &osservati()).unwrap();
    assert_eq!((cp, nostra.tra(&aperta.testo, &aperta.ignote).unwrap().0), (checkpoint(&[1, 2, 3]), &firma));

    // And it is checked like everything else.
    let cartella = dir.path().join("installazione");
    let differenze = || verifica::ente(&cartella, Opzioni::default()).unwrap().differenze;
    assert_eq!(differenze(), []);
    drop(store);
    let c = rusqlite::Connection::open(cartella.join("ente.sqlite")).unwrap();
    let sql: String =
        c.query_row("SELECT sql FROM sqlite_master WHERE name = 'osservato_u'", [], |r| r.get(0)).unwrap();
    for (come, campo) in [
        ("dimensione = 2", "dimensione"),
        ("istante = istante + 1000000", "istante"),
        ("origine = 'x'", "origine"),
        ("nota = replace(nota, 'noi.example', 'voi.example')", "nota"),
    ] {
        c.execute_batch("BEGIN; DROP TRIGGER osservato_u").unwrap();
        c.execute(&format!("UPDATE osservato SET {come}"), []).unwrap();
        c.execute_batch(&format!("{sql}; COMMIT")).unwrap();
        let d = differenze();
        assert_eq!(d.len(), 1, "{come}: {d:?}");
        assert_eq!((d[0].tabella.as_str(), d[0].campo.as_str()), ("osservato", campo), "{d:?}");
        c.execute_batch("BEGIN; DROP TRIGGER osservato_u; DROP TRIGGER osservato_d; DELETE FROM osservato").unwrap();
        c.execute(
            "INSERT INTO osservato VALUES (?, 3, ?, ?)",
            rusqlite::params![ORIGINE, adesso as i64 * 1_000_000, tenuta],
        )
        .unwrap();
        c.execute_batch(&format!("{sql}; CREATE TRIGGER osservato_d BEFORE DELETE ON osservato BEGIN SELECT RAISE(ABORT, 'immutabile: osservato'); END; COMMIT")).unwrap();
        assert_eq!(differenze(), []);
    }
}

/// Whoever holds the log's key asks for two histories at once: one is cosigned.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_forks_of_one_size_asked_at_once_exactly_one_is_cosigned() {
    let dir = tempfile::tempdir().unwrap();
    let store = apri(dir.path(), OrologioDiProva::a("2026-11-24T09:00:00+01:00")).await;
    let nostra = store.chiave_testimone("noi.example/testimone").await.unwrap();
    let mut visti: Vec<u8> = Vec::new();
    for giro in 0..8 {
        let via = Arc::new(tokio::sync::Barrier::new(12));
        let chieste: Vec<_> = (0..12)
            .map(|n| {
                let (store, via, visti) = (store.clone(), via.clone(), visti.clone());
                tokio::spawn(async move {
                    // Each goes on with what was seen, and has the proof of it.
                    let foglie = [&visti[..], &[n]].concat();
                    let r = richiesta(giro, &coerenza(&visti, &foglie), &foglie);
                    via.wait().await;
                    (foglie, r.checkpoint.testo(), store.cofirma(&r, &osservati()).await.unwrap())
                })
            })
            .collect();
        let mut cofirmati = Vec::new();
        for c in chieste {
            let (foglie, testo, esito) = c.await.unwrap();
            match esito {
                Ok(f) => {
                    nostra.controlla(&testo, &f).unwrap();
                    cofirmati.push(foglie);
                }
                Err(e) => assert_eq!(e, Rifiuto::AltraDimensione { vista: giro + 1, chiesta: giro }),
            }
        }
        assert_eq!(cofirmati.len(), 1, "size {}", giro + 1);
        visti = cofirmati.remove(0);
        let tenuta = store.osservato(ORIGINE).await.unwrap().unwrap();
        assert_eq!(Checkpoint::apri(&tenuta, &osservati()).unwrap().0, checkpoint(&visti));
    }
}

/// A stranger repeats the log's own signature as often as a note may hold it, or fills the note: the witness goes on.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_can_leave_a_log_without_its_witness() {
    if !su_file() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let store = apri(dir.path(), OrologioDiProva::a("2026-11-24T09:00:00+01:00")).await;
    let nostra = store.chiave_testimone("noi.example/testimone").await.unwrap();
    let nota = checkpoint(&[1]).firma(&[&chiave()]).unwrap();
    let riga = nota.rsplit_once("\n\n").unwrap().1;
    let molte = format!("{nota}{}", riga.repeat(catena::nota::FIRME_MAX - 1));
    let r = Richiesta::leggi(scrivi(0, &[], &molte).as_bytes()).unwrap();
    assert!(store.cofirma(&r, &osservati()).await.unwrap().is_ok());
    let mut lungo = checkpoint(&[1, 2]);
    lungo.estensioni = vec!["x".repeat(catena::nota::NOTA_BYTE_MAX - 400)];
    let lunga = lungo.firma(&[&chiave()]).unwrap();
    assert!(matches!(Richiesta::leggi(scrivi(1, &[], &lunga).as_bytes()), Err(Rifiuto::Malformata(_))));
    let poi = richiesta(1, &coerenza(&[1], &[1, 2]), &[1, 2]);
    let firma = store.cofirma(&poi, &osservati()).await.unwrap().unwrap();
    nostra.controlla(&poi.checkpoint.testo(), &firma).unwrap();
    assert_eq!(verifica::ente(&dir.path().join("installazione"), Opzioni::default()).unwrap().differenze, []);
}

/// The proof that a list of leaves begins with another.
fn coerenza(prima: &[u8], dopo: &[u8]) -> Vec<Hash> {
    struct Foglie(Vec<Hash>);
    impl catena::LettoreHash for Foglie {
        type Errore = std::convert::Infallible;
        fn tessera(&self, _: u8, _: u64, larghezza: u16) -> Result<Vec<Hash>, Self::Errore> {
            Ok(self.0[..usize::from(larghezza)].to_vec())
        }
    }
    let foglie = Foglie(dopo.iter().map(|f| catena::foglia(&[*f; 32])).collect());
    catena::prova_coerenza(&foglie, prima.len() as u64, dopo.len() as u64).unwrap()
}
