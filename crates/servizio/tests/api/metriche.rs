//! What `/metriche` says, and the alarms that hang on it.

use std::collections::BTreeSet;

use axum::http::StatusCode;

use crate::banco::{BASE, Banco, Modulo, entrata};

async fn metriche(b: &Banco) -> String {
    let r = b.get("", "/metriche").await;
    assert_eq!(r.stato, StatusCode::OK);
    String::from_utf8(r.byte).unwrap()
}

fn valore(testo: &str, riga: &str) -> f64 {
    let capo = format!("{riga} ");
    testo
        .lines()
        .find_map(|r| r.strip_prefix(&capo))
        .unwrap_or_else(|| panic!("no {riga} in\n{testo}"))
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_register_does_is_counted_and_nothing_of_what_is_registered_is_said() {
    let b = Banco::nuovo().await;
    let dati = entrata("Oggetto riservatissimo ornitorinco");
    let r =
        b.registra(&b.anna, Modulo::nuovo().dati(&dati).file("documento", "nome-segreto.txt", b"dodici byte!")).await;
    assert_eq!(r.stato, StatusCode::CREATED);
    b.get(&b.anna, &format!("{BASE}/registrazioni?q=ornitorinco")).await;
    b.get("sbagliato", &format!("{BASE}/registrazioni?q=ornitorinco")).await;
    let m = metriche(&b).await;
    assert_eq!(valore(&m, "protocollo_registrazioni_totale"), 1.0);
    assert_eq!(valore(&m, "protocollo_file_totale"), 1.0);
    assert_eq!(valore(&m, "protocollo_file_byte_totale"), 12.0);
    assert_eq!(valore(&m, "protocollo_enti_aperti"), 2.0);
    assert_eq!(valore(&m, "protocollo_sola_lettura"), 0.0);
    assert_eq!(valore(&m, "protocollo_ente_impedito{ente=\"c_z999\"}"), 0.0);
    assert_eq!(valore(&m, "protocollo_rifiuti_totale{causa=\"accesso-richiesto\"}"), 1.0);
    assert!(valore(&m, "protocollo_gruppo_secondi_count") >= 1.0);
    assert_eq!(
        valore(&m, "protocollo_gruppo_comandi_bucket{le=\"+Inf\"}"),
        valore(&m, "protocollo_gruppo_comandi_count")
    );
    for parola in ["ornitorinco", "segreto", "Rossi", "RSSMRA", "anna", &b.anna[..], "sbagliato", "123/A"] {
        assert!(!m.contains(parola), "{parola}");
    }
    // Each name once has its type, and no line comes twice.
    let tipi: Vec<&str> = m.lines().filter_map(|r| r.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert_eq!(tipi.len(), tipi.iter().collect::<BTreeSet<_>>().len());
    let serie: Vec<&str> =
        m.lines().filter(|r| !r.starts_with('#')).filter_map(|r| Some(r.rsplit_once(' ')?.0)).collect();
    assert_eq!(serie.len(), serie.iter().collect::<BTreeSet<_>>().len());
    for s in &serie {
        let nome = s.split('{').next().unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|f| nome.strip_suffix(f));
        assert!(tipi.contains(&nome) || base.is_some_and(|b| tipi.contains(&b)), "{s}");
    }
}

/// An alarm on a name that nobody says would never ring.
#[tokio::test(flavor = "multi_thread")]
async fn every_alarm_hangs_on_a_metric_that_exists_and_says_what_to_do() {
    let b = Banco::nuovo().await;
    crate::sigillo::imposta(&b).await;
    b.get(&b.anna, &format!("{BASE}/registrazioni")).await;
    let m = metriche(&b).await;
    let noti: BTreeSet<&str> = m.lines().filter_map(|r| r.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    // On SQLite there are no connections; whether the clock is synchronised not every machine says; nobody has gone round yet.
    let altrove = [
        "protocollo_connessioni_in_attesa",
        "protocollo_connessioni_in_uso",
        "protocollo_connessioni_massimo",
        "protocollo_orologio_sincronizzato",
    ];
    let sorgente = include_str!("../../src/misure.rs");
    let regole = include_str!("../../../../docs/allarmi/protocollo.rules.yml");
    let (mut allarmi, mut nomi) = (0, BTreeSet::new());
    for r in regole.lines().map(str::trim) {
        allarmi += usize::from(r.starts_with("- alert:"));
        let Some(espressione) = r.strip_prefix("expr: ") else { continue };
        let pezzi = espressione.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
        nomi.extend(pezzi.filter(|p| p.starts_with("protocollo_") || p.starts_with("process_")));
    }
    assert!(allarmi >= 19 && nomi.len() >= 20, "{allarmi} {nomi:?}");
    for n in nomi {
        let base = n.strip_suffix("_bucket").unwrap_or(n);
        let detto = altrove.contains(&n) && sorgente.contains(&format!("\"{n}\""));
        assert!(noti.contains(base) || detto, "{n}");
    }
    let quante = |che: &str| regole.lines().filter(|r| r.trim().starts_with(che)).count();
    assert_eq!((quante("summary:"), quante("description:"), quante("labels:")), (allarmi, allarmi, allarmi));
}
