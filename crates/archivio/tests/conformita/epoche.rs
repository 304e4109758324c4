//! Epochs: after a restore no number is given twice, and the gap is known as such (R-N05).

use archivio::sistema;
use archivio::sqlite::copia;
use archivio::sqlite::verifica::{self, Ancora, Opzioni};
use archivio::store::*;
use catena::Checkpoint;
use dominio::codici::Impronta;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::epoca::{Noto, NuovaLacuna, Prova, Ricostruito, Ricostruzione, StatoNumero};
use dominio::errori::Rifiuto;

use crate::accessi::accesso;
use crate::banco::*;

fn registro() -> Registro {
    Registro::Aoo(aoo())
}

fn lacuna(ultimo: Option<Noto>, fino: &[(&str, i64)]) -> NuovaLacuna {
    let fino = fino.iter().map(|(r, n)| (r.parse().unwrap(), 2026, *n)).collect();
    NuovaLacuna { ultimo, fino, accessi: None, motivo: "disco perduto".into() }
}

fn numero(f: &Fatto) -> i64 {
    f.chiave.as_ref().unwrap().numero.valore()
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_declared_jumped_are_never_issued_across_restarts() {
    let b = Banco::nuovo().await;
    assert_eq!(numero(&b.registra("uno").await), 1);
    // Whoever serves the public cannot ask for it, and a refusal moves nothing.
    let e = b.ente.dichiara_lacuna(&registro(), &b.chi("rita"), lacuna(None, &[("PG", 50)])).await.unwrap_err();
    assert!(matches!(e, archivio::Errore::Rifiuto(Rifiuto::Vietato(_))), "{e}");
    let e = b.ente.dichiara_lacuna(&registro(), &sistema(), lacuna(None, &[("PG", -1)])).await.unwrap_err();
    assert!(matches!(e, archivio::Errore::Rifiuto(Rifiuto::NonValido(_))), "{e}");
    let e = b.ente.dichiara_lacuna(&Registro::Ente, &sistema(), lacuna(None, &[("PG", 50)])).await.unwrap_err();
    assert!(matches!(e, archivio::Errore::Rifiuto(Rifiuto::NonValido(_))), "{e}");
    assert_eq!(numero(&b.registra("due").await), 2);
    let salti = [("PG", 50), ("ALTO", 10_000_050)];
    b.ente.dichiara_lacuna(&registro(), &sistema(), lacuna(None, &salti)).await.unwrap();
    b.ente.dichiara_lacuna(&Registro::Ente, &sistema(), lacuna(None, &[])).await.unwrap();
    let (dir, orologio) = b.riapri();
    let b = Banco::di_nuovo(dir, orologio).await;
    assert_eq!(numero(&b.registra("cinquantuno").await), 51);
    let alto = DaRegistrare { registro: "ALTO".parse().unwrap(), ..b.nuova("anna", "oltre") };
    assert_eq!(numero(&b.ente.registra(&aoo(), alto).await.unwrap()), 10_000_051);
    // A second loss; of what was passed already nothing is jumped.
    b.ente.dichiara_lacuna(&registro(), &sistema(), lacuna(None, &[("PG", 40), ("ALTO", 10_000_060)])).await.unwrap();
    assert_eq!(numero(&b.registra("cinquantadue").await), 52);
    let v = b.verifica().await;
    let di_aoo: Vec<_> = v.lacune.iter().filter(|l| l.registro.ends_with("AOO1")).collect();
    assert_eq!(v.lacune.len(), 3);
    assert_eq!(di_aoo.iter().map(|l| l.lacuna.epoca).collect::<Vec<_>>(), [2, 3]);
    let primi = &di_aoo[0].lacuna.salti;
    assert_eq!(primi.iter().map(|s| (s.da, s.a)).collect::<Vec<_>>(), [(3, 50), (9_999_999, 10_000_050)]);
    assert_eq!(di_aoo[1].lacuna.salti.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn anchors_of_what_was_lost_are_told_apart_and_any_other_is_a_difference() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    b.registra("nella copia").await;
    b.ente.firma_checkpoint(&registro()).await.unwrap();
    let copia = tempfile::tempdir().unwrap();
    let cartella = copia.path().join("enti/c_z999");
    std::fs::create_dir_all(&cartella).unwrap();
    copia_db(&b.dir.path().join("enti/c_z999/ente.sqlite"), &cartella.join("ente.sqlite"));
    std::fs::copy(b.dir.path().join("chiave-installazione"), copia.path().join("chiave-installazione")).unwrap();
    // What goes on after the copy, and is seen from outside.
    let mut perse = Vec::new();
    for i in 0..4 {
        b.registra(&format!("persa {i}")).await;
        perse.push(b.ente.firma_checkpoint(&registro()).await.unwrap());
    }
    let cp = Checkpoint::apri(&perse[2], &[b.ente.chiavi(&registro()).await.unwrap()[0].parse().unwrap()]).unwrap().0;
    let oltre = perse.pop().unwrap();
    let b2 = {
        let orologio = b.orologio.clone();
        Banco::di_nuovo(copia, orologio).await
    };
    let noto = Noto { origine: cp.origine.clone(), dimensione: cp.dimensione, radice: Impronta(cp.radice) };
    b2.ente.dichiara_lacuna(&registro(), &sistema(), lacuna(Some(noto), &[("PG", 100)])).await.unwrap();
    let ancora = |testo: &str| Ancora::leggi("ancora", testo).unwrap();
    let verifica = |ancore: &[Ancora]| {
        let o = Opzioni { ancore, ..Opzioni::default() };
        verifica::ente(&b2.dir.path().join("enti/c_z999"), o).unwrap()
    };
    // Shorter than what was seen, then longer: the same anchors, the same answer.
    for _ in 0..3 {
        let v = verifica(&perse.iter().flat_map(|p| ancora(p)).collect::<Vec<_>>());
        assert_eq!((v.differenze.as_slice(), v.ancore_coperte), (&[][..], 3));
        for _ in 0..3 {
            assert!(numero(&b2.registra("dopo").await) > 100);
        }
    }
    // Past what the epoch knows nothing is explained, and what the new history signed is checked as ever.
    let v = verifica(&ancora(&oltre));
    assert_eq!(v.differenze.iter().map(|d| d.tabella.as_str()).collect::<Vec<_>>(), ["ancora"]);
    let nuova = b2.ente.firma_checkpoint(&registro()).await.unwrap();
    let v = verifica(&ancora(&nuova));
    assert_eq!((v.differenze.as_slice(), v.ancore_coperte), (&[][..], 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_that_nobody_declared_is_found_beside_one_that_was() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    b.registra("uno").await;
    b.ente.dichiara_lacuna(&registro(), &sistema(), lacuna(None, &[("PG", 50)])).await.unwrap();
    b.registra("cinquantuno").await;
    let (dir, orologio) = b.riapri();
    {
        let c = rusqlite::Connection::open(dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
        c.execute("UPDATE contatore SET ultimo = 53 WHERE registro = 'PG'", []).unwrap();
    }
    let b = Banco::di_nuovo(dir, orologio).await;
    assert_eq!(numero(&b.registra("cinquantaquattro").await), 54);
    let v = b.ente.verifica(&|_| {}).await.unwrap();
    let trovate: Vec<_> =
        v.differenze.iter().map(|d| (d.campo.as_str(), d.atteso.as_str(), d.trovato.as_str())).collect();
    assert_eq!(trovate, [("numero", "52", "54")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_an_archive_in_use_plans_its_own_epoch_and_accesses_that_were_lost_are_told_apart() {
    if !su_file() {
        return;
    }
    let d = tempfile::tempdir().unwrap();
    let (copie, nuovo) = (d.path().join("copie"), d.path().join("nuovo"));
    let b = Banco::nuovo().await;
    b.registra("nella copia").await;
    b.ente.annota_accesso(accesso(&b, "ugo")).await.unwrap();
    b.ente.firma_accessi().await.unwrap();
    let ora = b.ente.ora();
    let archivio = b.dir.path().to_owned();
    // The live store of this very process is left as it is.
    copia::copia(&copia::Opzioni {
        archivio: &archivio,
        dove: &copia::Luogo::from(&*copie),
        conserva: None,
        programma: "prova",
        ora,
        avanza: &|_| {},
        custodia: Default::default(),
        destinatari: None,
        temporanea: None,
    })
    .unwrap();
    b.registra("persa").await;
    b.ente.annota_accesso(accesso(&b, "rita")).await.unwrap();
    b.ente.annota_accesso(accesso(&b, "ugo")).await.unwrap();
    let testa = b.ente.firma_accessi().await.unwrap().unwrap();
    let nota = b.ente.firma_checkpoint(&registro()).await.unwrap();
    b.verifica().await;
    let ancore = Ancora::leggi("ancore", &format!("{nota}\n{testa}")).unwrap();
    let da = copia::Luogo::from(&*copie).scegli().unwrap();
    let m = copia::copia_in(&da, &nuovo, None, &[], None, &|_| {}).unwrap().manifesto;
    copia::controlla_chiave(&nuovo, &m).unwrap();
    let perdita = copia::Perdita {
        ancore: &ancore,
        numeri: &[],
        margine: Some(7),
        senza_ancora: false,
        senza_perdita: false,
        motivo: "disco perduto",
        ora,
    };
    let piano = copia::pianifica(&nuovo, &m.arrivi(), &da.luogo, &perdita).unwrap();
    assert_eq!(piano.iter().map(|p| &p.registro).collect::<Vec<_>>(), [&registro(), &Registro::Ente]);
    assert_eq!(piano[0].mancanti, 1);
    let pg = piano[0].nuova.fino.iter().find(|f| f.0 == pg()).unwrap();
    // One operation is missing, and the margin: 1 + 1 + 7.
    assert_eq!((pg.1, pg.2), (2026, 9));
    let accessi = piano[1].nuova.accessi.unwrap();
    assert_eq!((accessi.da, accessi.a), (2, 3));
    let orologio = b.orologio.clone();
    {
        let store = apri(&nuovo, orologio).await;
        let ente = store.ente(&ipa()).await.unwrap().unwrap();
        for p in &piano {
            ente.dichiara_lacuna(&p.registro, &sistema(), p.nuova.clone()).await.unwrap();
        }
        ente.annota_accesso(accesso(&b, "ugo")).await.unwrap();
    }
    let o = Opzioni { ancore: &ancore, ..Opzioni::default() };
    let v = verifica::ente(&nuovo.join("enti/c_z999"), o).unwrap();
    assert_eq!((v.differenze.as_slice(), v.ancore_coperte), (&[][..], 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_out_of_a_gap_is_written_once_and_moves_no_number() {
    let b = Banco::nuovo().await;
    b.registra("uno").await;
    let salti = [("PG", 50), ("ALTO", 10_000_050)];
    b.ente.dichiara_lacuna(&registro(), &sistema(), lacuna(None, &salti)).await.unwrap();
    let detto = |r: &str, numero: i64| Ricostruito {
        registro: r.parse().unwrap(),
        anno: 2026,
        numero,
        prova: None,
        fonte: Some("etichetta".into()),
    };
    let provato = |numero: i64, indice: u64| Ricostruito {
        fonte: None,
        prova: Some(Prova {
            ricevuta: Impronta([numero as u8; 32]),
            indice,
            che: "registrazione".into(),
            quando: Some(b.ente.ora()),
            campi: r#"{"oggetto":"Persa"}"#.into(),
        }),
        ..detto("PG", numero)
    };
    let comando = |epoca, numeri| C::RicostruisciLacuna(Ricostruzione { epoca, numeri });
    let prima = b.ente.configurazione().epoche(Some(&aoo()))[0].indice;
    b.configura(comando(2, vec![detto("PG", 7), provato(4, prima + 9), detto("ALTO", 10_000_000)])).await;
    // Proof takes the place of word, and nothing that of proof.
    b.configura(comando(2, vec![provato(7, prima + 12)])).await;
    let chi = b.chi("rita");
    for (chi, c) in [
        (&chi, comando(2, vec![detto("PG", 7)])),
        (&chi, comando(2, vec![provato(7, prima + 13)])),
        (&chi, comando(2, vec![detto("ALTO", 10_000_000)])),
        (&chi, comando(2, vec![detto("PG", 9), detto("PG", 9)])),
        (&chi, comando(2, vec![detto("PG", 1)])),
        (&chi, comando(2, vec![detto("PG", 51)])),
        (&chi, comando(2, vec![Ricostruito { fonte: Some(" ".into()), ..detto("PG", 9) }])),
        (&chi, comando(2, vec![])),
        (&chi, comando(3, vec![detto("PG", 9)])),
        (&b.chi("anna"), comando(2, vec![detto("PG", 9)])),
    ] {
        let e = b.ente.configura(&aoo(), chi, c.clone(), None, None).await.unwrap_err();
        assert!(matches!(e, archivio::Errore::Rifiuto(_)), "{c:?}: {e}");
    }
    b.ente.configura(&aoo(), &chi, comando(2, vec![detto("PG", 50)]), None, None).await.unwrap();
    let atteso = b.ente.configurazione().epoche(Some(&aoo())).to_vec();
    let (dir, orologio) = b.riapri();
    let b = Banco::di_nuovo(dir, orologio).await;
    let conf = b.ente.configurazione();
    assert_eq!(conf.epoche(Some(&aoo())), atteso, "read back");
    let tratti: Vec<(String, i64, i64, char)> = conf.epoche(Some(&aoo()))[0]
        .numero_per_numero()
        .into_iter()
        .map(|t| {
            let come = match t.stato {
                StatoNumero::Provato(_) => 'p',
                StatoNumero::Dato => 'd',
                StatoNumero::Affermato(_) => 'a',
                StatoNumero::Ignoto => '?',
            };
            (t.registro.to_string(), t.da, t.a, come)
        })
        .collect();
    let atteso = [
        ("ALTO", 9_999_999, 9_999_999, '?'),
        ("ALTO", 10_000_000, 10_000_000, 'a'),
        ("ALTO", 10_000_001, 10_000_050, '?'),
        ("PG", 2, 3, 'd'),
        ("PG", 4, 4, 'p'),
        ("PG", 5, 6, 'd'),
        ("PG", 7, 7, 'p'),
        ("PG", 8, 49, '?'),
        ("PG", 50, 50, 'a'),
    ];
    assert_eq!(tratti, atteso.map(|(r, da, a, s)| (r.to_owned(), da, a, s)));
    assert_eq!(numero(&b.registra("cinquantuno").await), 51);
    assert_eq!(b.verifica().await.lacune.len(), 1);
}
