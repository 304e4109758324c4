//! What a restored archive declares: never a number that was given, never one that would be given (R-N05).

use std::collections::BTreeMap;

use dominio::codici::Impronta;
use dominio::epoca::{Accessi, Epoca, Lacuna, Noto, NuovaLacuna, Prova, Ricostruito, Salto, StatoNumero, dichiara};
use dominio::errori::Rifiuto;
use dominio::operazione::{CampiNoti, Evento, Operazione, campi_del_writer};
use dominio::permessi::{Operatore, Porta};
use proptest::prelude::*;

use crate::banco::{Banco, aoo};

const ORIGINE: &str = "esempio.it/c_z999/AOO1";

fn chi(b: &Banco, porta: Porta) -> Operatore {
    b.conf.operatore(&"rgd".parse().unwrap(), &aoo(), b.ora, porta).unwrap()
}

fn noto(dimensione: u64) -> Noto {
    Noto { origine: ORIGINE.into(), dimensione, radice: Impronta([dimensione as u8; 32]) }
}

fn nuova(fino: Vec<(&str, i32, i64)>) -> NuovaLacuna {
    let fino = fino.into_iter().map(|(r, a, n)| (r.parse().unwrap(), a, n)).collect();
    NuovaLacuna { ultimo: Some(noto(9)), fino, accessi: None, motivo: "disco perduto".into() }
}

fn giudica(b: &Banco, n: NuovaLacuna, ultimi: &BTreeMap<(String, i32), i64>) -> Result<Lacuna, Rifiuto> {
    let epoche = b.conf.epoche(Some(&aoo()));
    dichiara(&chi(b, Porta::Cli), ORIGINE, epoche, n, |r, a| {
        Ok(ultimi.get(&(r.to_string(), a)).copied().unwrap_or_default())
    })
}

/// The operation as the log has it, read back.
fn operazione(b: &Banco, indice: u64, l: &Lacuna) -> Operazione {
    let e = Evento::LacunaDichiarata(l.clone());
    let (ente, chi) = ("c_z999".parse().unwrap(), chi(b, Porta::Cli));
    let mut campi = CampiNoti::di(&ente, Some(&aoo()), &chi, None, &e).unwrap().0;
    for (n, v) in campi_del_writer(indice, b.ora, None) {
        campi.insert(n.to_owned(), v);
    }
    let op = Operazione::leggi(&campi).unwrap();
    assert_eq!(op.evento, e, "the stored form gives the event back");
    op
}

#[test]
fn what_does_not_hold_is_named_and_no_door_of_the_service_can_ask() {
    let b = Banco::nuovo();
    let campo = |n: NuovaLacuna| match giudica(&b, n, &BTreeMap::new()).unwrap_err() {
        Rifiuto::NonValido(e) => e[0].campo.clone(),
        e => panic!("{e}"),
    };
    assert_eq!(campo(NuovaLacuna { motivo: " ".into(), ..nuova(vec![]) }), "motivo");
    assert_eq!(campo(nuova(vec![("PG", 2026, -1)])), "salti.PG/2026");
    assert_eq!(campo(nuova(vec![("PG", 2026, i64::MAX)])), "salti.PG/2026");
    assert_eq!(campo(nuova(vec![("PG", 2026, 5), ("PG", 2026, 6)])), "salti.PG/2026");
    let altrui = Noto { origine: "altro".into(), ..noto(3) };
    assert_eq!(campo(NuovaLacuna { ultimo: Some(altrui), ..nuova(vec![]) }), "ultimo.origine");
    for porta in [Porta::Pagina, Porta::Rest, Porta::Soap, Porta::Pec, Porta::Importazione] {
        let e = dichiara::<Rifiuto>(&chi(&b, porta), ORIGINE, &[], nuova(vec![]), |_, _| Ok(0)).unwrap_err();
        assert!(matches!(e, Rifiuto::Vietato(_)), "{e}");
    }
}

#[test]
fn an_epoch_covers_only_what_it_left_behind() {
    let mut b = Banco::nuovo();
    let mut l = giudica(&b, nuova(vec![]), &BTreeMap::new()).unwrap();
    l.accessi = Some(Accessi { da: 3, a: 4 });
    b.conf.applica(&operazione(&b, 5, &l));
    let e = &b.conf.epoche(Some(&aoo()))[0];
    let altra = [200; 32];
    // Up to where the copy went there is one history only; past what is known there is none.
    for (dimensione, radice, coperta) in [
        (4, altra, false),
        (5, altra, false),
        (6, altra, true),
        (8, altra, true),
        (9, altra, false),
        (9, [9; 32], true),
        (10, altra, false),
    ] {
        assert_eq!(e.copre(dimensione, &radice), coperta, "{dimensione}");
    }
}

#[test]
fn what_came_before_a_number_that_is_proven_was_given_unless_there_were_not_operations_enough() {
    let salti = vec![Salto { registro: "PG".parse().unwrap(), anno: 2026, da: 10, a: 30 }];
    let lacuna = Lacuna { epoca: 2, ultimo: None, salti, accessi: None, motivo: "prova".into() };
    // The index of the operation that gave 15: the copy had 100.
    for (indice, atteso) in [(105, true), (200, true), (104, false), (100, false)] {
        let mut e = Epoca::nuova(100, lacuna.clone());
        let prova = Prova {
            ricevuta: Impronta([1; 32]),
            indice,
            che: "registrazione".into(),
            quando: None,
            campi: "{}".into(),
        };
        let posto = ("PG".parse().unwrap(), 2026, 15);
        let r =
            Ricostruito { registro: "PG".parse().unwrap(), anno: 2026, numero: 15, prova: Some(prova), fonte: None };
        e.ricostruiti.insert(posto, r);
        let tratti = e.numero_per_numero();
        let interi: Vec<(i64, i64)> = tratti.iter().map(|t| (t.da, t.a)).collect();
        assert_eq!(interi, [(10, 14), (15, 15), (16, 30)]);
        assert_eq!(tratti[0].stato == StatoNumero::Dato, atteso, "{indice}");
        assert_eq!(tratti[2].stato, StatoNumero::Ignoto);
    }
}

proptest! {
    #[test]
    fn numbers_given_and_numbers_jumped_never_meet_and_leave_no_hole(
        passi in prop::collection::vec((prop::bool::weighted(0.8), 0..2usize, 2025..2027i32, 0..60i64), 0..60)
    ) {
        let mut b = Banco::nuovo();
        let mut ultimi: BTreeMap<(String, i32), i64> = BTreeMap::new();
        // Of each register and year, every number in the order in which it was given or jumped.
        let mut visti: BTreeMap<(String, i32), Vec<i64>> = BTreeMap::new();
        for (i, (registra, r, anno, n)) in passi.into_iter().enumerate() {
            let registro = ["PG", "ALTRO"][r];
            let k = (registro.to_owned(), anno);
            let ultimo = ultimi.get(&k).copied().unwrap_or(0);
            if registra {
                ultimi.insert(k.clone(), ultimo + 1);
                visti.entry(k).or_default().push(ultimo + 1);
                continue;
            }
            let l = giudica(&b, nuova(vec![(registro, anno, n)]), &ultimi).unwrap();
            let attesa = b.conf.epoche(Some(&aoo())).len() as u32 + 2;
            prop_assert_eq!(l.epoca, attesa);
            for s in &l.salti {
                prop_assert!(s.da == ultimo + 1 && s.a == n && s.a >= s.da);
                visti.entry(k.clone()).or_default().extend(s.da..=s.a);
                ultimi.insert(k.clone(), s.a);
            }
            let op = operazione(&b, i as u64, &l);
            b.conf.applica(&op);
        }
        for (k, v) in visti {
            prop_assert_eq!(&v, &(1..=v.len() as i64).collect::<Vec<_>>(), "{:?}", k);
        }
    }
}
