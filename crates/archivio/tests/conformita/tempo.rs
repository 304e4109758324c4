//! Time: never back, never carelessly forward; years and days of Rome.

use crate::banco::*;
use archivio::Errore;
use archivio::store::{Filtro, Registro};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::operazione::Operazione;

const SECONDO: i64 = 1_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn at_midnight_of_rome_the_new_year_begins_at_one() {
    // R-A06, R-A30
    let b = Banco::alle("2026-12-31T23:59:58+01:00").await;
    b.orologio.passa(SECONDO);
    let a = b.registra("Ultimo dell'anno").await;
    b.orologio.passa(SECONDO - 1);
    let c = b.registra("Un istante prima").await;
    b.orologio.passa(1);
    let d = b.registra("Capodanno").await;
    let k = |f: &archivio::store::Fatto| {
        let k = f.chiave.clone().unwrap();
        (k.anno, k.numero.valore())
    };
    assert_eq!((k(&a), k(&c), k(&d)), ((2026, 1), (2026, 2), (2027, 1)));
    assert_eq!(d.istante.con_offset(), "2027-01-01T00:00:00.000000+01:00");
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_year_under_load_leaves_no_gap_on_either_side() {
    // R-A08, R-A30
    let b = std::sync::Arc::new(Banco::alle("2026-12-31T23:59:59+01:00").await);
    let mut compiti = Vec::new();
    let prima = b.clone();
    compiti.push(tokio::spawn(async move { prima.registra("L'ultimo sicuro dell'anno").await }));
    while b.cerca("anna", archivio::store::Filtro::default()).await.elementi.is_empty() {
        tokio::task::yield_now().await;
    }
    for i in 0..400 {
        let altro = b.clone();
        compiti.push(tokio::spawn(async move { altro.registra(&format!("Documento {i}")).await }));
        // A hundredth of a second each: midnight falls in the middle, among commands that wait.
        b.orologio.passa(SECONDO / 100);
        if i % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    let mut per_anno = std::collections::BTreeMap::<i32, Vec<i64>>::new();
    for c in compiti {
        let f = c.await.unwrap();
        let k = f.chiave.unwrap();
        assert_eq!(f.istante.anno(), k.anno, "number and instant are of the same year");
        per_anno.entry(k.anno).or_default().push(k.numero.valore());
    }
    let quanti: usize = per_anno.values().map(Vec::len).sum();
    assert_eq!(quanti, 401);
    assert_eq!(per_anno.keys().copied().collect::<Vec<_>>(), [2026, 2027]);
    for (anno, mut numeri) in per_anno {
        numeri.sort_unstable();
        let attesi: Vec<i64> = (1..=numeri.len() as i64).collect();
        assert_eq!(numeri, attesi, "{anno}");
    }
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_the_day_of_twenty_five_hours_instants_grow_and_the_day_is_one() {
    // trap 40, R-A21
    let b = Banco::alle("2026-10-25T02:30:00+02:00").await;
    let x = b.registra("Ora legale").await;
    b.orologio.passa(3_600 * SECONDO);
    let y = b.registra("Ora solare").await;
    assert!(y.istante > x.istante);
    assert_eq!(x.istante.giorno(), y.istante.giorno());
    let giorno = Some(x.istante.giorno());
    let p = b.cerca("anna", Filtro { dal: giorno, al: giorno, ..Filtro::default() }).await;
    assert_eq!(p.elementi.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_back_is_absorbed_and_recorded() {
    // R-A21
    let b = Banco::nuovo().await;
    let x = b.registra("Prima").await;
    b.orologio.mente(-86_400 * SECONDO);
    let y = b.registra("Dopo il passo indietro").await;
    let z = b.registra("Ancora").await;
    assert!(y.istante >= x.istante && z.istante >= y.istante);
    let ops = b.ente.scan_from(&Registro::Aoo(aoo()), 0, 1_000).await.unwrap();
    let note = ops.iter().filter(|o| Operazione::tipo(&o.campi) == "orologio-arretrato").count();
    assert_eq!(note, 1);
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_forward_stops_registrations_until_the_rgd_confirms() {
    // R-A21
    let b = Banco::nuovo().await;
    b.registra("Prima").await;
    b.orologio.mente(365 * 86_400 * SECONDO);
    let e = b.ente.registra(&aoo(), b.nuova("anna", "Nel futuro")).await.unwrap_err();
    assert!(matches!(e, Errore::OrologioInDubbio), "{e}");
    assert!(b.ente.impedimento().is_some());
    let conferma = C::ConfermaOrologio { motivo: "orologio controllato con INRIM".into() };
    let no = b.ente.configura(&aoo(), &b.chi("anna"), conferma.clone(), None, None).await;
    assert!(matches!(no, Err(Errore::Rifiuto(_))), "only who may");
    b.ente.configura(&aoo(), &b.chi("rita"), conferma, None, None).await.unwrap();
    assert!(b.ente.impedimento().is_none());
    let f = b.registra("Confermato").await;
    assert_eq!(f.chiave.unwrap().anno, 2027);
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_undone_by_itself_needs_nobody() {
    let b = Banco::nuovo().await;
    b.registra("Prima").await;
    b.orologio.mente(7_200 * SECONDO);
    assert!(b.ente.registra(&aoo(), b.nuova("anna", "No")).await.is_err());
    b.orologio.mente(-7_200 * SECONDO);
    assert_eq!(b.registra("Sì").await.chiave.unwrap().numero.valore(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_about_the_clock_survives_a_restart() {
    // R-A21
    let b = Banco::nuovo().await;
    b.registra("Prima").await;
    b.orologio.mente(7_200 * SECONDO);
    assert!(b.ente.registra(&aoo(), b.nuova("anna", "No")).await.is_err());
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    assert!(b.ente.impedimento().is_some(), "readiness says so before anything is asked");
    let e = b.ente.registra(&aoo(), b.nuova("anna", "Ancora no")).await.unwrap_err();
    assert!(matches!(e, Errore::OrologioInDubbio), "{e}");
    let conferma = C::ConfermaOrologio { motivo: "orologio controllato con INRIM".into() };
    b.ente.configura(&aoo(), &b.chi("rita"), conferma, None, None).await.unwrap();
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    assert!(b.ente.impedimento().is_none());
    assert_eq!(b.registra("Dopo").await.chiave.unwrap().numero.valore(), 2);
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_while_nobody_watches_is_seen_at_the_next_start() {
    // R-A21
    let b = Banco::nuovo().await;
    b.registra("Prima").await;
    let (dir, o) = b.riapri();
    o.mente(7_200 * SECONDO);
    let b = Banco::di_nuovo(dir, o).await;
    assert!(b.ente.registra(&aoo(), b.nuova("anna", "No")).await.is_err());
    b.orologio.mente(-7_200 * SECONDO);
    assert_eq!(b.registra("Sì").await.chiave.unwrap().numero.valore(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn small_steps_forward_add_up_and_a_step_back_undone_is_nothing() {
    // R-A21
    let b = Banco::nuovo().await;
    b.orologio.mente(-7_200 * SECONDO);
    b.registra("Indietro").await;
    b.orologio.mente(7_200 * SECONDO);
    b.registra("Di nuovo giusto").await;
    for i in 0..4 {
        b.orologio.mente(60 * SECONDO);
        b.registra(&format!("Passo {i}")).await;
    }
    b.orologio.mente(61 * SECONDO);
    let e = b.ente.registra(&aoo(), b.nuova("anna", "Uno di troppo")).await.unwrap_err();
    assert!(matches!(e, Errore::OrologioInDubbio), "{e}");
    b.verifica().await;
}
