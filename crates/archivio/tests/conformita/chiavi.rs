//! The key of a log changes: an operation says so, both sign for a while, and nothing the old one signed is lost.

use archivio::store::*;
use catena::{Checkpoint, ChiavePubblica};
use dominio::errori::Rifiuto;

use crate::banco::su_file;
use crate::banco::{Banco, aoo};

fn firmatarie(nota: &str, chiavi: &[ChiavePubblica]) -> Vec<String> {
    let (_, aperta) = Checkpoint::apri(nota, chiavi).unwrap();
    let nome = |id| chiavi.iter().find(|k| k.identificativo() == id).unwrap().to_string();
    aperta.firme.iter().map(|f| nome(f.identificativo)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_signs_beside_the_old_one_and_then_alone() {
    let mut b = Banco::nuovo().await;
    for registro in [Registro::Aoo(aoo()), Registro::Ente] {
        b.registra("Prima").await;
        let prima = b.ente.firma_checkpoint(&registro).await.unwrap();
        let vecchia = b.ente.chiavi(&registro).await.unwrap()[0].clone();
        for (chi, motivo) in [("anna", "perché sì"), ("rita", " ")] {
            let e = b.ente.ruota_chiave(&registro, &b.chi(chi), motivo, None).await.unwrap_err();
            assert!(matches!(e, Errore::Rifiuto(Rifiuto::Vietato(_) | Rifiuto::NonValido(_))), "{chi}: {e}");
        }
        assert_eq!(b.ente.chiavi(&registro).await.unwrap().len(), 1, "a refusal leaves no key");
        b.ente.ruota_chiave(&registro, &b.chi("rita"), "rotazione annuale", None).await.unwrap();
        let chiavi = b.ente.chiavi(&registro).await.unwrap();
        assert_eq!((chiavi.len(), &chiavi[1]), (2, &vecchia));
        let tutte: Vec<ChiavePubblica> = chiavi.iter().map(|k| k.parse().unwrap()).collect();
        assert_eq!(firmatarie(&prima, &tutte), std::slice::from_ref(&vecchia));
        let insieme = b.ente.firma_checkpoint(&registro).await.unwrap();
        assert_eq!(firmatarie(&insieme, &tutte), [chiavi[0].clone(), vecchia.clone()]);
        // After a restart too; and after a month the new one signs alone.
        let (dir, o) = b.riapri();
        b = Banco::di_nuovo(dir, o).await;
        b.orologio.passa(31 * 86_400 * 1_000_000);
        b.registra("Dopo").await;
        b.configura(dominio::comandi::ComandoConfigurazione::AbilitaUtente {
            utente: "ugo".parse().unwrap(),
            abilitato: true,
        })
        .await;
        let sola = b.ente.firma_checkpoint(&registro).await.unwrap();
        assert_eq!(firmatarie(&sola, &tutte), [chiavi[0].clone()]);
        let ricevuta = b.ente.ricevuta(&registro, 0, &|_| true).await.unwrap().unwrap();
        let esito = catena::verifica(&ricevuta, &tutte);
        assert!(matches!(esito, catena::EsitoRicevuta::Autentica { .. }), "{esito:?}");
        b.verifica().await;
    }
}

// Contract § 3: who knows only an older key has its days to learn the newer one, however many changes follow.
#[tokio::test(flavor = "multi_thread")]
async fn each_retired_key_signs_for_its_own_thirty_days() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    let registro = Registro::Aoo(aoo());
    let giorni = |n: i64| b.orologio.passa(n * 86_400 * 1_000_000);
    let firmano = async |quante: usize| {
        b.registra("Qualcosa di nuovo").await;
        let chiavi = b.ente.chiavi(&registro).await.unwrap();
        let tutte: Vec<ChiavePubblica> = chiavi.iter().map(|k| k.parse().unwrap()).collect();
        let nota = b.ente.firma_checkpoint(&registro).await.unwrap();
        assert_eq!(firmatarie(&nota, &tutte), chiavi[..quante]);
        b.verifica().await;
    };
    firmano(1).await;
    b.ente.ruota_chiave(&registro, &b.chi("rita"), "rotazione", None).await.unwrap();
    giorni(10);
    b.ente.ruota_chiave(&registro, &b.chi("rita"), "un'altra, dieci giorni dopo", None).await.unwrap();
    firmano(3).await;
    giorni(19);
    firmano(3).await;
    // Thirty days from the first change: the first key ends, the second has ten more.
    giorni(1);
    firmano(2).await;
    giorni(9);
    firmano(2).await;
    giorni(1);
    firmano(1).await;
    // From when a key holds is not for a table alone to say.
    let c = rusqlite::Connection::open(b.dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
    let sql: String =
        c.query_row("SELECT sql FROM sqlite_master WHERE name = 'chiave_log_u'", [], |r| r.get(0)).unwrap();
    c.execute_batch("DROP TRIGGER chiave_log_u; UPDATE chiave_log SET istante = istante + 1 WHERE log = 1 AND n = 2;")
        .unwrap();
    c.execute_batch(&sql).unwrap();
    let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
    assert_eq!(
        d.iter().map(|x| (x.tabella.as_str(), x.campo.as_str())).collect::<Vec<_>>(),
        [("chiave_log", "istante")]
    );
}

// Who stole the old key signs nothing new that `verifica` believes.
#[tokio::test(flavor = "multi_thread")]
async fn the_old_key_alone_vouches_for_nothing_new() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    let registro = Registro::Aoo(aoo());
    b.ente.ruota_chiave(&registro, &b.chi("rita"), "chiave compromessa", None).await.unwrap();
    b.registra("Dopo").await;
    let nota = b.ente.firma_checkpoint(&registro).await.unwrap();
    b.verifica().await;
    // The note without the new key's line: as if the old one alone had signed.
    let nuova: ChiavePubblica = b.ente.chiavi(&registro).await.unwrap()[0].parse().unwrap();
    let chiavi = [nuova.clone()];
    let prima = Checkpoint::apri(&nota, &chiavi).unwrap().1.firme[0].identificativo;
    assert_eq!(prima, nuova.identificativo());
    let (testo, firme) = nota.split_once("\n\n").unwrap();
    let senza = format!("{testo}\n\n{}\n", firme.lines().nth(1).unwrap());
    let c = rusqlite::Connection::open(b.dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
    let sql: String =
        c.query_row("SELECT sql FROM sqlite_master WHERE name = 'checkpoint_u'", [], |r| r.get(0)).unwrap();
    c.execute_batch("DROP TRIGGER checkpoint_u").unwrap();
    assert_eq!(c.execute("UPDATE checkpoint SET nota = ? WHERE nota = ?", [&senza, &nota]).unwrap(), 1);
    c.execute_batch(&sql).unwrap();
    let d = b.ente.verifica(&|_| {}).await.unwrap().differenze;
    assert_eq!(d.iter().map(|x| (x.tabella.as_str(), x.campo.as_str())).collect::<Vec<_>>(), [("checkpoint", "firma")]);
}
