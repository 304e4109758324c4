//! Annulments on the store: what they change in lists, search and registers, and what they leave alone.

use archivio::store::*;
use dominio::annullamento::{Oggetto, ProvvedimentoDato};
use dominio::comandi::Comando;
use dominio::errori::Rifiuto;
use dominio::registrazione::{Chiave, Stato};
use serde_json::{Value, json};

use crate::banco::su_file;
use crate::banco::{Banco, aoo};

fn chiave(n: i64) -> Chiave {
    format!("PG/2026/{n}").parse().unwrap()
}

fn atto() -> Option<ProvvedimentoDato> {
    Some(ProvvedimentoDato { numero: Some("Det. 7".into()), data: Some("2026-11-24".parse().unwrap()) })
}

fn cosa(campi: Option<&[&str]>, nuovi: Value) -> Oggetto {
    Oggetto {
        campi: campi.map(|c| c.iter().map(|x| (*x).to_owned()).collect()),
        nuovi_valori: serde_json::from_value(nuovi).unwrap(),
        visto: None,
    }
}

fn chiedi(campi: Option<&[&str]>, nuovi: Value) -> Comando {
    Comando::ChiediAnnullamento { motivo: "Sbagliata".into(), oggetto: cosa(campi, nuovi) }
}

fn annulla(campi: Option<&[&str]>, nuovi: Value) -> Comando {
    Comando::Annulla { motivo: "Errore materiale".into(), provvedimento: atto(), oggetto: cosa(campi, nuovi) }
}

async fn comanda(b: &Banco, chi: &str, n: i64, c: Comando) -> Esito<Fatto> {
    b.ente.comanda(&aoo(), &b.chi(chi), &chiave(n), c, Vec::new(), None).await
}

async fn trovate(b: &Banco, q: &str, stato: Option<Stato>) -> Vec<(i64, Stato)> {
    let q = Some(q.to_owned()).filter(|q| !q.is_empty());
    let p = b.cerca("anna", Filtro { q, stato, ..Filtro::default() }).await;
    p.elementi.iter().map(|t| (t.registrazione.chiave.numero.valore(), t.registrazione.stato)).collect()
}

// R-B04, R-B07, R-B08: with the search row waiting, and once more when it is in the index.
#[tokio::test(flavor = "multi_thread")]
async fn the_annulled_and_the_renewed_are_both_found() {
    use Stato::{Annullata, AnnullataInParte as InParte, Valida};
    for nell_indice in [false, true] {
        let mut b = Banco::nuovo().await;
        for o in ["Permesso di costruire", "Richiesta di residenza", "Ricorso tributario"] {
            b.registra(o).await;
        }
        if nell_indice {
            let (dir, o) = b.riapri();
            b = Banco::di_nuovo(dir, o).await;
        }
        comanda(&b, "rita", 1, annulla(None, Value::Null)).await.unwrap();
        let nuovi = json!({"oggetto": "Richiesta di domicilio",
            "mittente": {"tipo": "persona-giuridica", "denominazione": "Società Alfa"}});
        comanda(&b, "rita", 2, annulla(Some(&["oggetto", "mittente"]), nuovi)).await.unwrap();
        comanda(&b, "rita", 2, annulla(Some(&["oggetto"]), json!({"oggetto": "Cambio di abitazione"}))).await.unwrap();
        for giro in 0..2 {
            assert_eq!(trovate(&b, "permesso", None).await, [(1, Annullata)], "giro {giro}");
            for q in ["residenza", "domicilio", "abitazione", "societa alfa", "rossi abitazione"] {
                assert_eq!(trovate(&b, q, None).await, [(2, InParte)], "{q}");
            }
            let soggetto = Filtro { soggetto: Some("alfa".into()), ..Filtro::default() };
            assert_eq!(b.cerca("anna", soggetto).await.elementi.len(), 1);
            assert_eq!(trovate(&b, "", None).await, [(3, Valida), (2, InParte), (1, Annullata)]);
            assert_eq!(trovate(&b, "", Some(Annullata)).await, [(1, Annullata)]);
            assert_eq!(trovate(&b, "", Some(InParte)).await, [(2, InParte)]);
            assert_eq!(trovate(&b, "", Some(Valida)).await, [(3, Valida)]);
            b.verifica().await;
            if giro == 0 {
                let (dir, o) = b.riapri();
                b = Banco::di_nuovo(dir, o).await;
            }
        }
        // Classifying again does not wash an annulment away.
        let c = Comando::Classifica { classificazione: "6.3".parse().unwrap(), motivo: None };
        comanda(&b, "rita", 2, c).await.unwrap();
        assert_eq!(trovate(&b, "", Some(InParte)).await, [(2, InParte)]);
        b.verifica().await;
    }
}

// R-B10: the register of annulments, a page at a time; R-B06: what waits for the RGD.
#[tokio::test(flavor = "multi_thread")]
async fn annulments_and_requests_have_their_lists() {
    let b = Banco::nuovo().await;
    for o in ["Prima", "Seconda", "Terza", "Quarta"] {
        b.registra(o).await;
    }
    comanda(&b, "anna", 1, chiedi(None, Value::Null)).await.unwrap();
    comanda(&b, "anna", 2, chiedi(Some(&["oggetto"]), json!({"oggetto": "Seconda giusta"}))).await.unwrap();
    comanda(&b, "anna", 3, chiedi(None, Value::Null)).await.unwrap();
    let attese = async |chi: &str, cursore: Option<String>, n| {
        let p = b.ente.richieste_annullamento(&aoo(), &b.chi(chi), cursore.as_deref(), n).await.unwrap();
        let quali: Vec<_> = p.elementi.iter().map(|x| (x.registrazione.chiave.numero.valore(), x.richiesta)).collect();
        (quali, p.successivo)
    };
    let (quali, poi) = attese("rita", None, 2).await;
    assert_eq!(quali, [(1, 1), (2, 1)]);
    assert_eq!(attese("rita", poi, 2).await.0, [(3, 1)]);
    assert!(attese("sara", None, 9).await.0.is_empty(), "not of her office");

    let autorizza = |richiesta| Comando::AutorizzaAnnullamento { richiesta, motivo: None, provvedimento: atto() };
    assert!(matches!(comanda(&b, "anna", 1, autorizza(1)).await, Err(Errore::Rifiuto(Rifiuto::Vietato(_)))));
    comanda(&b, "rita", 1, autorizza(1)).await.unwrap();
    comanda(&b, "rita", 2, autorizza(1)).await.unwrap();
    let no = Comando::RifiutaAnnullamento { richiesta: 1, motivo: "Va bene così".into() };
    comanda(&b, "rita", 3, no).await.unwrap();
    assert!(attese("rita", None, 9).await.0.is_empty());
    // A request that waits is superseded by an annulment in one step.
    comanda(&b, "anna", 4, chiedi(None, Value::Null)).await.unwrap();
    comanda(&b, "rita", 4, annulla(None, Value::Null)).await.unwrap();
    assert!(attese("rita", None, 9).await.0.is_empty());

    let p = b.ente.annullamenti(&aoo(), &b.chi("anna"), None, 2).await.unwrap();
    let numeri = |p: &Pagina<AnnullamentoScritto>| {
        p.elementi.iter().map(|a| a.registrazione.chiave.numero.valore()).collect::<Vec<_>>()
    };
    assert_eq!(numeri(&p), [4, 2]);
    for a in &p.elementi {
        let suo = a.registrazione.annullamenti.iter().find(|x| x.indice == a.indice).unwrap();
        assert_eq!((suo.provvedimento.numero.as_str(), suo.operatore.id.as_str()), ("Det. 7", "rita"));
    }
    let poi = b.ente.annullamenti(&aoo(), &b.chi("anna"), p.successivo.as_deref(), 2).await.unwrap();
    assert_eq!((numeri(&poi), poi.successivo), (vec![1], None));
    assert!(b.ente.annullamenti(&aoo(), &b.chi("sara"), None, 9).await.unwrap().elementi.is_empty());
    assert!(b.ente.annullamenti(&aoo(), &b.chi("anna"), Some("x"), 9).await.is_err());
    b.verifica().await;
}

// R-B07: a renewed recipient office sees the document; R-B11: an annulment is never undone, not even in the tables.
#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_office_sees_it_and_the_tables_do_not_go_back() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    let mut n = b.nuova("anna", "Verbale di sopralluogo");
    n.dati = serde_json::from_value(json!({"tipo": "interna", "oggetto": "Verbale", "mezzo": "cartaceo",
        "classificazione": "1.6", "mittente": {"tipo": "ufficio", "codice": "PROT"},
        "destinatari": [{"tipo": "ufficio", "codice": "TRIB"}]}))
    .unwrap();
    b.ente.registra(&aoo(), n).await.unwrap();
    let vede = async |chi: &str| b.cerca(chi, Filtro::default()).await.elementi.len();
    assert_eq!((vede("ugo").await, vede("sara").await), (1, 0));
    let nuovi = json!({"destinatari": [{"tipo": "ufficio", "codice": "SEGR"}]});
    comanda(&b, "rita", 1, annulla(Some(&["destinatari"]), nuovi)).await.unwrap();
    assert_eq!((vede("ugo").await, vede("sara").await), (0, 1), "it was never for that office");
    comanda(&b, "anna", 1, chiedi(None, Value::Null)).await.unwrap();
    comanda(&b, "rita", 1, annulla(Some(&["numero"]), Value::Null)).await.unwrap();
    b.verifica().await;
    let c = rusqlite::Connection::open(b.dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
    for sql in [
        "UPDATE attuale SET stato = 0",
        "UPDATE attuale SET stato = 2",
        "UPDATE annullamento SET provvedimento = 'altro'",
        "DELETE FROM annullamento",
        "DELETE FROM richiesta_annullamento",
    ] {
        assert!(c.execute(sql, []).is_err_and(|e| e.to_string().contains("immutabile")), "{sql}");
    }
}
