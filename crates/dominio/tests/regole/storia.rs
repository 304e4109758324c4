//! Whatever happens to a registration, nothing that was ever in force is lost, and only what may change changes.

use dominio::annullamento::{Campo, Oggetto, ProvvedimentoDato, Valori};
use dominio::codici::Impronta;
use dominio::comandi::Comando;
use dominio::registrazione::{
    DatiAssegnazione, DatiRegistrazione, Documento, Registrazione, RuoloDocumento, Stato, TipoAssegnazione,
};
use dominio::storia::{StatoCampo, cambiamenti, confronta};
use proptest::prelude::*;
use serde_json::json;

use crate::banco::{Banco, entrata, uscita};

const PERSONE: [&str; 6] = ["proto", "proto2", "rgd", "vice", "trib", "audit"];

fn valori() -> impl Strategy<Value = Valori> {
    (
        prop::option::of("[a-zàèì ]{0,20}"),
        prop::option::of(prop::sample::select(vec!["Alfa Srl", "Beta Srl", "Gamma Srl"])),
        prop::collection::vec(prop::sample::select(vec!["Alfa Srl", "Delta Srl"]), 0..3),
        prop::bool::ANY,
    )
        .prop_map(|(oggetto, mittente, destinatari, pec)| {
            let soggetto = |d: &str| json!({"tipo": "persona-giuridica", "denominazione": d});
            serde_json::from_value(json!({
                "oggetto": oggetto,
                "mittente": mittente.map(soggetto),
                "destinatari": destinatari.into_iter().map(soggetto).collect::<Vec<_>>(),
                "mezzo": pec.then_some("pec"),
            }))
            .unwrap()
        })
}

fn cosa() -> impl Strategy<Value = Oggetto> {
    let nomi = Campo::TUTTI.map(|c| c.codice().to_owned()).to_vec();
    (prop::option::weighted(0.9, prop::sample::subsequence(nomi, 0..3)), valori(), prop::bool::ANY).prop_map(
        |(campi, v, giusti)| {
            // Half the time only the values of the fields named, so that many commands are accepted.
            let nuovi = if giusti {
                let c: Vec<Campo> = campi.iter().flatten().filter_map(|c| Campo::da_codice(c)).collect();
                let mut solo = serde_json::to_value(&v).unwrap();
                solo.as_object_mut().unwrap().retain(|k, _| c.iter().any(|x| x.codice() == k));
                serde_json::from_value(solo).unwrap()
            } else {
                v
            };
            Oggetto { campi, nuovi_valori: Some(nuovi).filter(|n| *n != Valori::default()), visto: None }
        },
    )
}

fn comando() -> impl Strategy<Value = Comando> {
    let atto = || Some(ProvvedimentoDato { numero: Some("D1".into()), data: Some("2026-11-20".parse().unwrap()) });
    let ufficio = prop::sample::select(vec!["PROT", "TRIB", "SEGR"]);
    prop_oneof![
        ufficio.prop_map(|u| Comando::Assegna {
            assegnazioni: vec![DatiAssegnazione {
                ufficio: u.parse().unwrap(),
                utente: None,
                tipo: TipoAssegnazione::Competenza
            }],
            nota: None,
        }),
        (1u32..4).prop_map(|assegnazione| Comando::PrendiInCarico { assegnazione }),
        (1u32..4).prop_map(|assegnazione| Comando::Rifiuta { assegnazione, motivo: "no".into() }),
        prop::sample::select(vec!["1.6", "4.2"])
            .prop_map(|v| Comando::Classifica { classificazione: v.parse().unwrap(), motivo: None }),
        Just(Comando::Annota { testo: "nota".into() }),
        any::<u8>().prop_map(|b| Comando::Allega {
            documenti: vec![Documento {
                n: 0,
                ruolo: RuoloDocumento::Allegato,
                nome: "a.txt".into(),
                mime: "text/plain".into(),
                byte: 1,
                impronta: Impronta([b; 32]),
            }],
            descrizione: None,
        }),
        cosa().prop_map(|oggetto| Comando::ChiediAnnullamento { motivo: "perché sì".into(), oggetto }),
        (1u32..3).prop_map(move |richiesta| Comando::AutorizzaAnnullamento {
            richiesta,
            motivo: None,
            provvedimento: atto()
        }),
        (1u32..3).prop_map(|richiesta| Comando::RifiutaAnnullamento { richiesta, motivo: "no".into() }),
        cosa().prop_map(move |oggetto| Comando::Annulla { motivo: "errore".into(), provvedimento: atto(), oggetto }),
    ]
}

/// The registered data as they were, found again by undoing annulments from the last to the first.
fn originali(r: &Registrazione) -> DatiRegistrazione {
    let mut d = r.dati.clone();
    for a in r.annullamenti.iter().rev().filter(|a| !a.intero) {
        a.valori_annullati.rinnova(&mut d, &a.campi);
    }
    d
}

proptest! {
    // R-B01, R-B02, R-B03, R-B04, R-B07, R-B11: whoever does whatever, in any order.
    #[test]
    fn nothing_in_force_is_ever_lost(
        in_entrata in prop::bool::ANY,
        passi in prop::collection::vec((prop::sample::select(PERSONE.to_vec()), comando()), 1..25),
    ) {
        let mut b = Banco::nuovo();
        let nata = b.registra("proto", if in_entrata { entrata() } else { uscita() }).unwrap();
        let mut prima = nata.clone();
        for (chi, c) in passi {
            let annulla = matches!(c, Comando::Annulla { .. } | Comando::AutorizzaAnnullamento { .. });
            let tentate = b.operazioni.len();
            let Ok(dopo) = b.comanda(chi, c) else {
                prop_assert_eq!(b.operazioni.len(), tentate, "a refusal leaves nothing");
                continue;
            };
            prop_assert_eq!(originali(&dopo), nata.dati.clone());
            prop_assert_eq!(&dopo.documenti[..prima.documenti.len()], &prima.documenti[..], "files are only added");
            if annulla {
                prop_assert!(matches!(chi, "rgd" | "vice"));
                prop_assert_eq!(dopo.annullamenti.len(), prima.annullamenti.len() + 1);
                prop_assert_ne!(dopo.stato, Stato::Valida);
            } else {
                prop_assert_eq!(&dopo.dati, &prima.dati, "nothing else touches what was registered");
                prop_assert_eq!(&dopo.annullamenti, &prima.annullamenti);
            }
            if prima.stato == Stato::Annullata {
                prop_assert_eq!(dopo.stato, Stato::Annullata, "an annulment is never undone");
            }
            prima = dopo;
        }
        // Comparing forwards and backwards says the same, and a state with itself says nothing changed.
        let (avanti, indietro) = (confronta(&nata, &prima), confronta(&prima, &nata));
        prop_assert_eq!(avanti.len(), indietro.len());
        for (x, y) in avanti.iter().zip(&indietro) {
            prop_assert_eq!((&x.campo, &x.prima, &x.dopo, x.stato), (&y.campo, &y.dopo, &y.prima, y.stato));
            prop_assert!(x.stato != StatoCampo::Invariato || x.prima == x.dopo);
        }
        prop_assert!(confronta(&prima, &prima).iter().all(|d| d.stato == StatoCampo::Invariato));
        let (p, d) = cambiamenti(&prima, &prima);
        prop_assert!(p.is_empty() && d.is_empty());
    }
}
