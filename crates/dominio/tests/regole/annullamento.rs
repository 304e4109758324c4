//! Annulments: who, under which act, what; nothing of what was annulled is lost.

use dominio::annullamento::{Campo, Oggetto, ProvvedimentoDato, StatoRichiesta};
use dominio::comandi::Comando;
use dominio::registrazione::Stato;
use dominio::storia::{StatoCampo, confronta};
use serde_json::{Value, json};

use crate::banco::{Banco, campi, conflitto, entrata, uscita, vietato};

fn atto() -> Option<ProvvedimentoDato> {
    Some(ProvvedimentoDato { numero: Some("Det. 45".into()), data: Some("2026-11-23".parse().unwrap()) })
}

fn cosa(campi: Option<&[&str]>, nuovi: Option<Value>) -> Oggetto {
    Oggetto {
        campi: campi.map(|c| c.iter().map(|x| (*x).to_owned()).collect()),
        nuovi_valori: nuovi.map(|v| serde_json::from_value(v).unwrap()),
        visto: None,
    }
}

fn annulla(campi: Option<&[&str]>, nuovi: Option<Value>) -> Comando {
    Comando::Annulla { motivo: "Registrata due volte".into(), provvedimento: atto(), oggetto: cosa(campi, nuovi) }
}

fn chiedi(campi: Option<&[&str]>, nuovi: Option<Value>) -> Comando {
    Comando::ChiediAnnullamento { motivo: "Oggetto sbagliato".into(), oggetto: cosa(campi, nuovi) }
}

#[test]
fn only_rgd_and_vicario_annul_r_b06() {
    for (chi, puo) in [("proto", false), ("trib", false), ("audit", false), ("rgd", true), ("vice", true)] {
        let mut b = Banco::nuovo();
        b.registra("proto", entrata()).unwrap();
        match b.comanda(chi, annulla(None, None)) {
            Ok(r) => assert!(puo && r.stato == Stato::Annullata, "{chi}"),
            Err(e) => assert!(!puo && vietato(&e), "{chi}: {e}"),
        }
    }
}

#[test]
fn without_reason_or_act_it_is_refused_r_b05_r_b10() {
    let mut b = Banco::nuovo();
    b.registra("proto", entrata()).unwrap();
    let prova = |b: &mut Banco, motivo: &str, p: Option<ProvvedimentoDato>| {
        let c = Comando::Annulla { motivo: motivo.into(), provvedimento: p, oggetto: Oggetto::default() };
        b.comanda("rgd", c).unwrap_err()
    };
    assert_eq!(campi(&prova(&mut b, " ", atto())), ["motivo"]);
    assert_eq!(campi(&prova(&mut b, "Doppia", None)), ["provvedimento"]);
    let senza = |numero: Option<&str>, data: Option<&str>| {
        Some(ProvvedimentoDato { numero: numero.map(str::to_owned), data: data.map(|d| d.parse().unwrap()) })
    };
    assert_eq!(campi(&prova(&mut b, "Doppia", senza(None, Some("2026-11-23")))), ["provvedimento.numero"]);
    assert_eq!(campi(&prova(&mut b, "Doppia", senza(Some("1"), None))), ["provvedimento.data"]);
    assert_eq!(campi(&prova(&mut b, "Doppia", senza(Some("1"), Some("2026-11-24")))), ["provvedimento.data"]);
    assert_eq!(b.stato().stato, Stato::Valida);
    assert_eq!(b.operazioni.len(), 1);
}

#[test]
fn the_whole_stays_readable_and_marked_r_b04_r_b08() {
    let mut b = Banco::nuovo();
    let prima = b.registra("proto", entrata()).unwrap();
    let r = b.comanda("rgd", annulla(None, None)).unwrap();
    assert_eq!(r.dati, prima.dati, "the original is where it was");
    assert_eq!(r.documenti, prima.documenti);
    let o = r.in_json("c_z999", "AOO1");
    assert_eq!(o["stato"], "annullata");
    assert_eq!(o["oggetto"], "Istanza di accesso agli atti");
    let a = &o["annullamenti"][0];
    assert_eq!(a["valoriAnnullati"]["oggetto"], "Istanza di accesso agli atti");
    assert_eq!(a["valoriAnnullati"]["mittente"]["cognome"], "Rossi");
    assert_eq!(a["provvedimento"], json!({"numero": "Det. 45", "data": "2026-11-23"}));
    assert_eq!((a["motivo"].as_str(), a["operatore"]["id"].as_str()), (Some("Registrata due volte"), Some("rgd")));
    assert!(a.get("richiesta").is_none(), "in one step, and it shows");
    // Every piece of information is annulled in the comparison, and still readable there.
    let stati = confronta(&prima, &r);
    let uno = |c: &str| stati.iter().find(|d| d.campo == c).unwrap();
    for c in ["numero", "istante", "oggetto", "mittente.cognome", "documenti.0.impronta", "tipo"] {
        assert_eq!(uno(c).stato, StatoCampo::Annullato, "{c}");
        assert_eq!(uno(c).prima, uno(c).dopo, "{c}");
    }
    assert_eq!(uno("classificazione").stato, StatoCampo::Invariato);
    assert!(conflitto(&b.comanda("rgd", annulla(None, None)).unwrap_err()));
    assert!(conflitto(&b.comanda("rgd", annulla(Some(&["oggetto"]), Some(json!({"oggetto": "X"})))).unwrap_err()));
    assert!(conflitto(&b.comanda("proto", chiedi(None, None)).unwrap_err()));
}

#[test]
fn one_field_is_renewed_under_the_same_number_r_b07() {
    let mut b = Banco::nuovo();
    let prima = b.registra("proto", entrata()).unwrap();
    let nuovi = json!({"oggetto": "Istanza di  accesso\ncivico",
        "mittente": {"tipo": "persona-giuridica", "denominazione": "Alfa Srl", "partitaIva": "00743110157"}});
    let r = b.comanda("vice", annulla(Some(&["mittente", "oggetto"]), Some(nuovi))).unwrap();
    assert_eq!((r.stato, &r.chiave, r.istante), (Stato::AnnullataInParte, &prima.chiave, prima.istante));
    assert_eq!(r.dati.oggetto, "Istanza di  accesso civico");
    let a = &r.annullamenti[0];
    assert_eq!(a.campi, [Campo::Oggetto, Campo::Mittente]);
    assert_eq!(a.valori_annullati.oggetto.as_deref(), Some("Istanza di accesso agli atti"));
    assert_eq!(a.valori_annullati.mittente, prima.dati.mittente);
    let stati = confronta(&prima, &r);
    let uno = |c: &str| stati.iter().find(|d| d.campo == c).unwrap();
    assert_eq!(uno("oggetto").stato, StatoCampo::Annullato);
    assert_eq!(uno("mittente.cognome").stato, StatoCampo::Annullato);
    assert_eq!(uno("mittente.denominazione").dopo, "Alfa Srl");
    assert_eq!(uno("mezzo").stato, StatoCampo::Invariato);
    // Twice: each annulment keeps its own annulled value.
    let r = b.comanda("rgd", annulla(Some(&["oggetto"]), Some(json!({"oggetto": "Terzo"})))).unwrap();
    assert_eq!(r.annullamenti[1].valori_annullati.oggetto.as_deref(), Some("Istanza di  accesso civico"));
    // A comparison over both says the first and the last.
    let d = confronta(&prima, &r).into_iter().find(|d| d.campo == "oggetto").unwrap();
    assert_eq!((d.prima.as_str(), d.dopo.as_str()), (Some("Istanza di accesso agli atti"), Some("Terzo")));
}

#[test]
fn number_date_and_impronta_annul_the_whole_r_b15() {
    for campo in ["numero", "data", "impronta", "tipo"] {
        let mut b = Banco::nuovo();
        b.registra("proto", entrata()).unwrap();
        let e = b.comanda("rgd", annulla(Some(&[campo]), Some(json!({"oggetto": "Altro"})))).unwrap_err();
        assert_eq!(campi(&e), ["nuoviValori"]);
        let r = b.comanda("rgd", annulla(Some(&["oggetto", campo]), None)).unwrap();
        assert_eq!(r.stato, Stato::Annullata, "{campo}");
        assert!(r.annullamenti[0].intero && r.annullamenti[0].campi.contains(&Campo::da_codice(campo).unwrap()));
    }
}

#[test]
fn wrong_new_values_are_named_under_nuovi_valori() {
    let mut b = Banco::nuovo();
    b.registra("proto", entrata()).unwrap();
    let casi: [(&[&str], Value, &[&str]); 9] = [
        (&["oggetto"], json!({}), &["nuoviValori.oggetto"]),
        (&["oggetto"], json!({"oggetto": "   "}), &["nuoviValori.oggetto"]),
        (&["oggetto"], json!({"oggetto": "Istanza di accesso agli atti"}), &["nuoviValori.oggetto"]),
        (&["oggetto"], json!({"oggetto": "A", "firmatari": ["B"]}), &["nuoviValori.firmatari"]),
        (&["mittente"], json!({}), &["nuoviValori.mittente"]),
        (
            &["mittente"],
            json!({"mittente": {"tipo": "persona-fisica", "cognome": "Rossi", "codiceFiscale": "RSSMRA80A01H501X"}}),
            &["nuoviValori.mittente.codiceFiscale"],
        ),
        (&["mittente"], json!({"mittente": {"tipo": "ufficio", "codice": "TRIB"}}), &["nuoviValori.mittente"]),
        (&["dataArrivo"], json!({"dataArrivo": "2027-01-01T00:00:00Z"}), &["nuoviValori.dataArrivo"]),
        (&["colore"], json!({}), &["campi.0"]),
    ];
    for (quali, nuovi, attesi) in casi {
        let e = b.comanda("rgd", annulla(Some(quali), Some(nuovi.clone()))).unwrap_err();
        assert_eq!(campi(&e), attesi, "{quali:?} {nuovi}");
    }
    let e = b.comanda("rgd", annulla(Some(&[]), None)).unwrap_err();
    assert_eq!(campi(&e), ["campi"]);
    // What may be missing can be annulled without a new value.
    let r = b.comanda("rgd", annulla(Some(&["protocolloMittente", "dataArrivo"]), None)).unwrap();
    assert!(r.dati.protocollo_mittente.is_none() && r.dati.data_arrivo.is_none());
    assert_eq!(r.annullamenti[0].valori_annullati.protocollo_mittente.as_ref().unwrap().numero, "123/A");
}

#[test]
fn an_operator_asks_and_another_authorises_r_b06() {
    let mut b = Banco::nuovo();
    b.registra("proto", uscita()).unwrap();
    let nuovi =
        json!({"destinatari": [{"tipo": "persona-giuridica", "denominazione": "Gamma Srl", "perConoscenza": true}]});
    assert!(vietato(&b.comanda("audit", chiedi(None, None)).unwrap_err()));
    let r = b.comanda("proto", chiedi(Some(&["destinatari"]), Some(nuovi))).unwrap();
    assert_eq!((r.stato, r.richieste[0].stato), (Stato::Valida, StatoRichiesta::InAttesa));
    let decidi = |richiesta, provvedimento| Comando::AutorizzaAnnullamento { richiesta, motivo: None, provvedimento };
    assert!(vietato(&b.comanda("proto2", decidi(1, atto())).unwrap_err()));
    assert_eq!(campi(&b.comanda("rgd", decidi(1, None)).unwrap_err()), ["provvedimento"]);
    assert!(b.comanda("rgd", decidi(2, atto())).is_err());
    let r = b.comanda("rgd", decidi(1, atto())).unwrap();
    assert_eq!((r.stato, r.richieste[0].stato), (Stato::AnnullataInParte, StatoRichiesta::Autorizzata));
    let a = &r.annullamenti[0];
    assert_eq!((a.richiesta, a.chiesto_da.as_ref().unwrap().id.as_str()), (Some(1), "proto"));
    assert_eq!(a.motivo, "Oggetto sbagliato", "that of the request");
    assert_eq!(r.dati.destinatari.len(), 1);
    assert_eq!(a.valori_annullati.destinatari.len(), 2);
    assert!(conflitto(&b.comanda("vice", decidi(1, atto())).unwrap_err()));
}

#[test]
fn a_request_is_refused_superseded_and_never_authorised_by_its_author_r_b06() {
    let mut b = Banco::nuovo();
    b.registra("proto", entrata()).unwrap();
    b.comanda("rgd", chiedi(None, None)).unwrap();
    let autorizza = Comando::AutorizzaAnnullamento { richiesta: 1, motivo: None, provvedimento: atto() };
    assert!(conflitto(&b.comanda("rgd", autorizza).unwrap_err()));
    let no = Comando::RifiutaAnnullamento { richiesta: 1, motivo: String::new() };
    assert_eq!(campi(&b.comanda("vice", no).unwrap_err()), ["motivo"]);
    let no = Comando::RifiutaAnnullamento { richiesta: 1, motivo: "Non serve".into() };
    let r = b.comanda("vice", no).unwrap();
    assert_eq!(r.richieste[0].stato, StatoRichiesta::Rifiutata);
    assert_eq!(r.richieste[0].risposta.as_deref(), Some("Non serve"));
    b.comanda("proto", chiedi(None, None)).unwrap();
    let r = b.comanda("rgd", annulla(None, None)).unwrap();
    assert_eq!(r.richieste[1].stato, StatoRichiesta::Superata);
}
