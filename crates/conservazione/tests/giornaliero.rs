//! What a register must hold, and what it must refuse.

mod comune;

use std::cell::Cell;
use std::num::NonZeroUsize;

use comune::*;
use conservazione::{Copia, Errore, Flusso, Fonte, Guasto, Periodo, RegistroGiornaliero, Testata};
use dominio::operazione::{Evento, Operazione};

fn esito(testata: &Testata, operazioni: Vec<Operazione>) -> Result<(), Errore> {
    let fonte = Registro::nuovo(testata, operazioni);
    RegistroGiornaliero::nuovo(testata, &fonte).map(|_| ())
}

fn del_giorno(ore: &[(i64, &str)]) -> Vec<Operazione> {
    (100..).zip(ore).map(|(i, (n, ora))| registra(i, ora, *n, dati(&format!("Oggetto {n}")))).collect()
}

/// R-F01: a day without registrations has its register.
#[test]
fn a_day_without_registrations_is_the_negative_register() {
    let s = di(&testata(), Vec::new(), Copia::Completa).unwrap();
    insta::assert_snapshot!(s.testo(1));
    xmllint(&s.xml);
    assert_eq!((s.volumi.len(), s.volumi[0].righe), (1, 0));
}

/// R-F01, R-F03.
#[test]
fn one_registration_is_all_there() {
    let s = di(&testata(), del_giorno(&[(42, "2026-11-24T09:12:05+01:00")]), Copia::Completa).unwrap();
    insta::assert_snapshot!(s.testo(1).replace("><", ">\n<"));
    xmllint(&s.xml);
}

/// R-F03, R-F04, R-B04, R-B09: an annulment of the same day, a renewal of an older one, files and assignments added.
#[test]
fn three_registrations_with_annulments_and_changes_of_any_day() {
    let s = di(&testata(), tre_righe(), Copia::Completa).unwrap();
    insta::assert_snapshot!(s.testo(1).replace("><", ">\n<"));
    xmllint(&s.xml);
}

/// R-F10, R-L08: number and instant, in rows and in changes, and nothing that lets one try what the rest was.
#[test]
fn the_public_copy_masks_what_is_reserved() {
    let t = testata();
    let s = di(&t, tre_righe(), Copia::Pubblica).unwrap();
    insta::assert_snapshot!(s.testo(1).replace("><", ">\n<"));
    xmllint(&s.xml);
    let p = t.precedente.unwrap();
    for segreto in ["Segnalazione", "Segreti", "Personale", "operazione=\"101\"", &p.impronta.hex()] {
        assert!(!s.testo(1).contains(segreto), "{segreto}");
    }
    assert!(s.testo(1).contains(&p.impronta_pubblica.hex()));
}

/// R-F06.
#[test]
fn the_same_day_is_the_same_bytes() {
    for copia in [Copia::Completa, Copia::Pubblica] {
        let (a, b) = (di(&testata(), tre_righe(), copia).unwrap(), di(&testata(), tre_righe(), copia).unwrap());
        assert!(a.xml == b.xml && a.pdf == b.pdf && a.volumi == b.volumi);
    }
    let diverse = di(&testata(), tre_righe(), Copia::Pubblica).unwrap();
    assert_ne!(diverse.volumi[0].xml, di(&testata(), tre_righe(), Copia::Completa).unwrap().volumi[0].xml);
}

/// R-F03: the sequence is whole, or there is no register.
#[test]
fn a_number_that_is_missing_or_double_is_named() {
    let (mattina, sera) = ("2026-11-24T09:00:00+01:00", "2026-11-24T18:00:00+01:00");
    let e = esito(&testata(), del_giorno(&[(42, mattina), (46, sera)])).unwrap_err();
    assert!(matches!(e, Errore::Mancano { da: 43, a: 45 }), "{e}");
    assert_eq!(e.to_string(), "mancano i numeri da 43 a 45, e nessuna lacuna dichiarata li comprende");
    // Not joined to the register before.
    let e = esito(&testata(), del_giorno(&[(43, mattina)])).unwrap_err();
    assert!(matches!(e, Errore::Mancano { da: 42, a: 42 }), "{e}");

    struct Doppia(Vec<Operazione>);
    impl Fonte for Doppia {
        fn registrazioni(&self, _: i64) -> Flusso<'_> {
            Box::new(self.0.iter().map(|o| Ok(vec![o.clone()])))
        }
        fn modifiche(&self, _: u64) -> Flusso<'_> {
            Box::new(std::iter::empty())
        }
        fn lacune(&self) -> Result<Vec<Operazione>, Guasto> {
            Ok(Vec::new())
        }
    }
    let t = testata();
    for (numeri, numero, ultimo) in [(vec![42, 43, 43], 43, 43), (vec![42, 43, 42], 42, 43), (vec![41], 41, 41)] {
        let ore: Vec<(i64, &str)> = numeri.iter().map(|n| (*n, mattina)).collect();
        let fonte = Doppia(del_giorno(&ore));
        match RegistroGiornaliero::nuovo(&t, &fonte).map(|_| ()) {
            Err(Errore::Doppio { numero: n, ultimo: u }) => assert_eq!((n, u), (numero, ultimo)),
            altro => panic!("{altro:?}"),
        }
    }
}

/// R-N05: a gap that was declared is a row; one that was not is a fault.
#[test]
fn a_declared_gap_is_shown_as_such() {
    let ora = "2026-11-24T09:00:00+01:00";
    let mut ops = del_giorno(&[(42, ora)]);
    ops.push(lacuna(200, ora, 43, 60));
    ops.push(registra(201, ora, 61, dati("Dopo il ripristino")));
    let s = di(&testata(), ops.clone(), Copia::Completa).unwrap();
    assert!(s.testo(1).contains(
        "<Lacuna da=\"0000043\" a=\"0000060\" istante=\"2026-11-24T09:00:00.000000+01:00\" operazione=\"200\">"
    ));
    assert!(s.testo(1).contains("ultimoNumero=\"61\"") && s.testo(1).contains("numeriInLacuna=\"18\""));
    xmllint(&s.xml);

    // At the end of the day; and alone in it.
    ops.truncate(2);
    esito(&testata(), ops.clone()).unwrap();
    ops.remove(0);
    let e = esito(&testata(), ops).unwrap_err();
    assert!(matches!(e, Errore::Mancano { da: 42, a: 42 }), "{e}");
    // The register before had 41, the restored archive only 30: the gap begins among what was already preserved.
    let di_ieri = vec![lacuna(200, ora, 31, 60), registra(201, ora, 61, dati("Dopo"))];
    esito(&testata(), di_ieri).unwrap();
    // A number of today cannot have been declared never given.
    let mut ops = del_giorno(&[(42, ora)]);
    ops.push(lacuna(200, ora, 42, 60));
    let e = esito(&testata(), ops).unwrap_err();
    assert!(matches!(e, Errore::Sovrapposta { da: 42, a: 60, ultimo: 42 }), "{e}");
    // One number too few.
    let corta = vec![lacuna(200, ora, 42, 60), registra(201, ora, 62, dati("Dopo"))];
    let e = esito(&testata(), corta).unwrap_err();
    assert!(matches!(e, Errore::Mancano { da: 61, a: 61 }), "{e}");
}

/// A source that gives what it is told, whatever the day.
struct Tutto(Vec<Operazione>);

impl Fonte for Tutto {
    fn registrazioni(&self, dopo: i64) -> Flusso<'_> {
        let dopo = move |o: &&Operazione| o.chiave.as_ref().is_some_and(|k| k.numero.valore() > dopo);
        Box::new(self.0.iter().filter(dopo).map(|o| Ok(vec![o.clone()])))
    }
    fn modifiche(&self, _: u64) -> Flusso<'_> {
        Box::new(std::iter::empty())
    }
    fn lacune(&self) -> Result<Vec<Operazione>, Guasto> {
        Ok(Vec::new())
    }
}

/// R-F08.
#[test]
fn the_last_microsecond_is_of_today_and_the_first_of_tomorrow() {
    let tutte = Tutto(del_giorno(&[(42, "2026-11-24T23:59:59.999999+01:00"), (43, "2026-11-25T00:00:00+01:00")]));
    let mut t = testata();
    match RegistroGiornaliero::nuovo(&t, &tutte).map(|_| ()) {
        Err(Errore::FuoriPeriodo { indice: 101, chi, .. }) => assert_eq!(chi, "PG/2026/43"),
        altro => panic!("{altro:?}"),
    }
    esito(&t, tutte.0.clone()).unwrap();
    t.periodo = Periodo::giorno(giorno("2026-11-25"));
    t.ultimo_numero = 42;
    esito(&t, tutte.0.clone()).unwrap();
    let e = RegistroGiornaliero::nuovo(&testata(), &Tutto(del_giorno(&[(42, "2026-11-23T23:59:59.999999+01:00")])))
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(e, Errore::FuoriPeriodo { .. }), "{e}");
}

/// R-F08: the days on which the hour changes.
#[test]
fn a_day_of_twenty_five_hours_and_one_of_twenty_three() {
    let mut t = testata();
    t.periodo = Periodo::giorno(giorno("2026-10-25"));
    let due_volte = del_giorno(&[
        (42, "2026-10-25T00:00:00+02:00"),
        (43, "2026-10-25T02:30:00+02:00"),
        (44, "2026-10-25T02:30:00+01:00"),
        (45, "2026-10-25T23:59:59.999999+01:00"),
    ]);
    let s = di(&t, due_volte, Copia::Completa).unwrap();
    let inizio = s.testo(1).find("2026-10-25T02:30:00.000000+02:00").unwrap();
    assert!(s.testo(1)[inizio..].contains("2026-10-25T02:30:00.000000+01:00"));
    assert!(
        s.testo(1).contains("inizio=\"2026-10-25T00:00:00.000000+02:00\" fine=\"2026-10-26T00:00:00.000000+01:00\"")
    );
    xmllint(&s.xml);
    // In the other order they go back in time.
    let indietro = del_giorno(&[(42, "2026-10-25T02:30:00+01:00"), (43, "2026-10-25T02:30:00+02:00")]);
    let e = esito(&t, indietro).unwrap_err();
    assert!(matches!(e, Errore::Indietro { indice: 101, .. }), "{e}");

    t.periodo = Periodo::giorno(giorno("2026-03-29"));
    let s =
        di(&t, del_giorno(&[(42, "2026-03-29T01:59:59+01:00"), (43, "2026-03-29T03:00:00+02:00")]), Copia::Completa);
    assert!(s.unwrap().testo(1).contains("fine=\"2026-03-30T00:00:00.000000+02:00\""));
}

/// R-F04: a change of the day that only one of the two parts has is a fault, not a register.
#[test]
fn rows_and_changes_say_the_same() {
    struct SenzaModifiche(Registro);
    impl Fonte for SenzaModifiche {
        fn registrazioni(&self, dopo: i64) -> Flusso<'_> {
            self.0.registrazioni(dopo)
        }
        fn modifiche(&self, _: u64) -> Flusso<'_> {
            Box::new(std::iter::empty())
        }
        fn lacune(&self) -> Result<Vec<Operazione>, Guasto> {
            self.0.lacune()
        }
    }
    let t = testata();
    let fonte = SenzaModifiche(Registro::nuovo(&t, tre_righe()));
    let e = RegistroGiornaliero::nuovo(&t, &fonte).map(|_| ()).unwrap_err();
    assert!(matches!(e, Errore::Discordanti { .. }));
    for riga in ["42 (operazione 104)", "43 (operazione 102)", "44 (operazione 107)"] {
        assert!(e.to_string().contains(riga), "{e}");
    }
}

#[test]
fn what_is_of_another_register_or_no_history_is_refused() {
    let mut t = testata();
    t.registro = "DET".parse().unwrap();
    let tutte = Tutto(del_giorno(&[(42, "2026-11-24T09:00:00+01:00")]));
    let e = RegistroGiornaliero::nuovo(&t, &tutte).map(|_| ()).unwrap_err();
    assert!(matches!(e, Errore::Estranea { indice: 100 }), "{e}");

    let t = testata();
    let nota = Evento::Annotazione { testo: "x".into() };
    let orfana = Tutto(vec![operazione(5, istante("2026-11-24T09:00:00+01:00"), Some(chiave(2026, 42)), nota)]);
    let e = RegistroGiornaliero::nuovo(&t, &orfana).map(|_| ()).unwrap_err();
    assert!(matches!(e, Errore::Storia { .. }), "{e}");

    let mut t = testata();
    t.progressivo = 330;
    let e = esito(&t, Vec::new()).unwrap_err();
    assert!(matches!(e, Errore::Repertorio { precedente: 327, questo: 330 }), "{e}");
    assert!(Periodo::nuovo(giorno("2026-12-31"), giorno("2027-01-01")).is_err());
    assert!(Periodo::nuovo(giorno("2026-12-31"), giorno("2026-12-30")).is_err());
}

#[test]
fn a_text_that_xml_cannot_hold_is_named_with_its_place() {
    let mut t = testata();
    t.ente_denominazione = "Comune\u{1}".into();
    match di(&t, Vec::new(), Copia::Completa).map(|_| ()) {
        Err(e @ Errore::NonScrivibile(_)) => {
            assert!(e.to_string().contains("/RegistroGiornaliero/Testata/Ente: contiene il carattere U+0001"), "{e}");
        }
        altro => panic!("{altro:?}"),
    }
}

/// Each volume names those before it, so that the impronta of the last is the whole register's.
#[test]
fn a_long_day_is_in_volumes_that_name_each_other() {
    let t = testata();
    let mut ops: Vec<Operazione> = vec![registra(1, "2026-11-20T10:00:00+01:00", 7, dati("Vecchia"))];
    ops.extend((0..23).map(|i| registra(100 + i, "2026-11-24T09:00:00+01:00", 42 + i as i64, dati("Oggetto"))));
    ops.extend((0..4).map(|i| rinnova_oggetto(300 + i, "2026-11-24T10:00:00+01:00", chiave(2026, 7), "Nuovo")));
    let fonte = Registro::nuovo(&t, ops);
    let uno = scrivi(&RegistroGiornaliero::nuovo(&t, &fonte).unwrap(), Copia::Completa).unwrap();
    for righe in [1, 2, 9, 23, 26, 27, 28] {
        let registro = RegistroGiornaliero::con_volumi(&t, &fonte, NonZeroUsize::new(righe).unwrap()).unwrap();
        let s = scrivi(&registro, Copia::Completa).unwrap();
        assert_eq!(s.volumi.len(), 27usize.div_ceil(righe), "{righe}");
        assert_eq!(s.volumi.iter().map(|v| v.righe).sum::<usize>(), 27);
        xmllint(&s.xml);
        let ultimo = s.testo(s.volumi.len());
        for v in &s.volumi[..s.volumi.len() - 1] {
            assert!(ultimo.contains(&format!("impronta=\"{}\"", v.xml.hex())), "{righe} {}", v.numero);
        }
        // Together they hold what one holds.
        let righe_di = |s: &Scritto| -> Vec<String> {
            (1..=s.volumi.len())
                .flat_map(|v| {
                    let x = s.testo(v).replace("><", ">\n<");
                    x.lines()
                        .filter(|r| r.starts_with("<Registrazione ") || r.starts_with("<Annullamento "))
                        .map(str::to_owned)
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        assert_eq!(righe_di(&s), righe_di(&uno), "{righe}");
    }
}

/// A source that is not the same twice makes no register.
#[test]
fn rows_that_change_while_one_writes_are_found_out() {
    struct Mobile(Registro, Cell<usize>, usize);
    impl Fonte for Mobile {
        fn registrazioni(&self, dopo: i64) -> Flusso<'_> {
            self.1.set(self.1.get() + 1);
            match self.1.get() > self.2 {
                true => Box::new(self.0.registrazioni(dopo).skip(1).chain(self.0.registrazioni(44))),
                false => self.0.registrazioni(dopo),
            }
        }
        fn modifiche(&self, da: u64) -> Flusso<'_> {
            self.0.modifiche(da)
        }
        fn lacune(&self) -> Result<Vec<Operazione>, Guasto> {
            self.0.lacune()
        }
    }
    let t = testata();
    // The first walk checks, the second writes the XML, the third counts pages, the fourth prints.
    for giri in 1..4 {
        let fonte = Mobile(Registro::nuovo(&t, tre_righe()), Cell::new(0), giri);
        let registro = RegistroGiornaliero::nuovo(&t, &fonte).unwrap();
        let e = scrivi(&registro, Copia::Completa).map(|_| ()).unwrap_err();
        assert!(matches!(e, Errore::Mancano { da: 42, .. }), "{giri}: {e}");
    }
}

/// R-F01, R-F04: a longer period, with the same machinery; what was annulled later is marked.
#[test]
fn a_month_is_a_register_too() {
    let mut t = testata();
    t.periodo = Periodo::nuovo(giorno("2026-11-20"), giorno("2026-11-30")).unwrap();
    t.ultimo_numero = 6;
    let mut ops = tre_righe();
    ops[0] = registra(10, "2026-11-20T10:00:00.5+01:00", 7, dati("Vecchia istanza"));
    ops.insert(1, lacuna(50, "2026-11-21T10:00:00+01:00", 8, 41));
    let s = di(&t, ops, Copia::Completa).unwrap();
    assert!(s.testo(1).contains("stato=\"annullata-in-parte\" operazione=\"10\""));
    assert!(s.testo(1).contains("stato=\"annullata\" operazione=\"100\""));
    xmllint(&s.xml);
}
