//! The register: what is written, found, shown and hidden.

use crate::banco::*;
use archivio::Errore;
use archivio::store::*;
use dominio::comandi::{Comando, ComandoConfigurazione as C};
use dominio::errori::Rifiuto;
use dominio::registrazione::{DatiAssegnazione, StatoAssegnazione, TipoAssegnazione};

fn q(testo: &str) -> Filtro {
    Filtro { q: Some(testo.into()), ..Filtro::default() }
}

async fn numeri(b: &Banco, chi: &str, f: Filtro) -> Vec<i64> {
    b.cerca(chi, f).await.elementi.iter().map(|t| t.registrazione.chiave.numero.valore()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_registered_is_found_at_once_and_after_the_index_moved() {
    let mut b = Banco::nuovo().await;
    for o in ["Istanza di accesso agli atti", "Perché l'università è chiusa", "Ordinanza n. 45/2026"] {
        b.registra(o).await;
    }
    for giro in 0..2 {
        assert_eq!(numeri(&b, "anna", q("accesso")).await, [1], "giro {giro}");
        assert_eq!(numeri(&b, "anna", q("UNIVERSITA perche")).await, [2]);
        assert_eq!(numeri(&b, "anna", q("univ*")).await, [2]);
        assert_eq!(numeri(&b, "anna", q("\"accesso agli atti\"")).await, [1]);
        assert!(numeri(&b, "anna", q("\"atti agli accesso\"")).await.is_empty());
        assert_eq!(numeri(&b, "anna", q("45/2026")).await, [3]);
        assert_eq!(numeri(&b, "anna", q("rossi")).await, [3, 2, 1]);
        assert!(numeri(&b, "anna", q("assente")).await.is_empty());
        let s = Filtro { soggetto: Some("rossi maria".into()), ..Filtro::default() };
        assert_eq!(numeri(&b, "anna", s).await, [3, 2, 1]);
        if giro == 0 {
            // A writer that ends leaves nothing waiting: the second time the index answers.
            let (dir, o) = b.riapri();
            b = Banco::di_nuovo(dir, o).await;
            if su_file() {
                let c = rusqlite::Connection::open(b.dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
                let attese: i64 = c.query_row("SELECT count(*) FROM cerca_recente", [], |r| r.get(0)).unwrap();
                assert_eq!(attese, 0);
            }
        }
    }
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_hold_together_and_pages_are_whole() {
    let b = Banco::nuovo().await;
    for i in 0..25 {
        let mut n = b.nuova("anna", &format!("Documento numero {i}"));
        if i % 2 == 0 {
            n.dati.classificazione = Some("6.3".parse().unwrap());
        }
        b.ente.registra(&aoo(), n).await.unwrap();
    }
    let classe = Filtro { classificazione: Some("6".parse().unwrap()), ..Filtro::default() };
    assert_eq!(numeri(&b, "anna", classe).await.len(), 13);
    let uno = Filtro { anno: Some(2026), numero: Some(7), ..Filtro::default() };
    assert_eq!(numeri(&b, "anna", uno).await, [7]);
    for parole in [None, Some("documento".to_owned())] {
        let mut visti = Vec::new();
        let mut cursore = None;
        loop {
            let f = Filtro { q: parole.clone(), limite: 7, cursore, ..Filtro::default() };
            let p = b.cerca("anna", f).await;
            visti.extend(p.elementi.iter().map(|t| t.registrazione.chiave.numero.valore()));
            cursore = p.successivo;
            if cursore.is_none() {
                break;
            }
        }
        assert_eq!(visti, (1..=25).rev().collect::<Vec<i64>>());
    }
    let male = b.ente.cerca(&aoo(), &b.chi("anna"), &pg(), &Filtro { cursore: Some("x".into()), ..q("a") }).await;
    assert!(matches!(male, Err(Errore::Rifiuto(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_registration_is_masked_and_never_found_by_its_contents() {
    // R-L08, R-F10: the sequence stays whole.
    let b = Banco::nuovo().await;
    let mut n = b.nuova("rita", "Procedimento disciplinare segretissimo");
    n.dati.riservato = true;
    b.ente.registra(&aoo(), n).await.unwrap();
    b.registra("Pubblico").await;
    let p = b.cerca("anna", Filtro::default()).await;
    assert_eq!(p.elementi.iter().map(|t| t.visibile).collect::<Vec<_>>(), [true, false]);
    assert!(numeri(&b, "anna", q("segretissimo")).await.is_empty());
    assert!(numeri(&b, "anna", Filtro { soggetto: Some("rossi".into()), ..Filtro::default() }).await == [2]);
    assert_eq!(numeri(&b, "rita", q("segretissimo")).await, [1]);
    // Not even by how a page ends: the public one fills it, and nothing says that another matches.
    let p1 = b.cerca("anna", Filtro { limite: 1, soggetto: Some("rossi".into()), ..Filtro::default() }).await;
    assert_eq!((p1.elementi.len(), p1.successivo), (1, None));
    let tipo = Filtro { tipo: Some(dominio::registrazione::Tipo::Entrata), ..Filtro::default() };
    assert_eq!(numeri(&b, "anna", tipo).await, [2]);
    // The office it is assigned to sees it; another office does not see it at all.
    assert_eq!(numeri(&b, "ugo", q("segretissimo")).await, [1]);
    assert!(numeri(&b, "sara", Filtro::default()).await.is_empty());
    let k = p.elementi[1].registrazione.chiave.clone();
    let e = b.ente.comanda(&aoo(), &b.chi("anna"), &k, Comando::Annota { testo: "x".into() }, vec![], None).await;
    assert!(matches!(e, Err(Errore::Rifiuto(Rifiuto::Vietato(_)))));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_is_taken_refused_assigned_again_and_concluded() {
    // R-J05, R-B02
    let b = Banco::nuovo().await;
    let k = b.registra("Tributi").await.chiave.unwrap();
    let fai = async |chi: &str, c: Comando| b.ente.comanda(&aoo(), &b.chi(chi), &k, c, vec![], None).await;
    let desk = async |u: &str, s| {
        let u = [u.parse().unwrap()];
        let coda = b.ente.scrivania(&aoo(), &u, &"ugo".parse().unwrap(), s, false, 50).await.unwrap();
        assert_eq!(coda.pratiche.len() as u64, coda.totale);
        coda.pratiche.len()
    };
    assert_eq!(desk("TRIB", StatoAssegnazione::DaPrendere).await, 1);
    let altri = fai("sara", Comando::PrendiInCarico { assegnazione: 1 }).await;
    assert!(matches!(altri, Err(Errore::Rifiuto(Rifiuto::Vietato(_)))), "another office cannot");
    fai("ugo", Comando::Rifiuta { assegnazione: 1, motivo: "non è nostra".into() }).await.unwrap();
    let due = fai("ugo", Comando::PrendiInCarico { assegnazione: 1 }).await;
    assert!(matches!(due, Err(Errore::Rifiuto(Rifiuto::Conflitto(_)))));
    let a = DatiAssegnazione { ufficio: "SEGR".parse().unwrap(), utente: None, tipo: TipoAssegnazione::Competenza };
    fai("anna", Comando::Assegna { assegnazioni: vec![a], nota: None }).await.unwrap();
    fai("sara", Comando::PrendiInCarico { assegnazione: 2 }).await.unwrap();
    assert_eq!(desk("SEGR", StatoAssegnazione::InCarico).await, 1);
    fai("sara", Comando::Concludi { assegnazione: 2, nota: None }).await.unwrap();
    let r = b.ente.registrazione(&aoo(), &k, None).await.unwrap().unwrap();
    let stati: Vec<_> = r.assegnazioni.iter().map(|a| a.stato).collect();
    assert_eq!(stati, [StatoAssegnazione::Rifiutata, StatoAssegnazione::Conclusa]);
    // Nothing of what was registered moved, and every step is there (R-B11).
    assert_eq!(r.dati.oggetto, "Tributi");
    assert_eq!(b.ente.operazioni_di(&aoo(), &k).await.unwrap().len(), 5);
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_assigned_only_in_an_office_of_his() {
    // R-J05
    let b = Banco::nuovo().await;
    let k = b.registra("Tributi").await.chiave.unwrap();
    let dati = |ufficio: &str, utente: &str| DatiAssegnazione {
        ufficio: ufficio.parse().unwrap(),
        utente: Some(utente.parse().unwrap()),
        tipo: TipoAssegnazione::Competenza,
    };
    b.configura(C::AbilitaUtente { utente: "sara".parse().unwrap(), abilitato: false }).await;
    for (ufficio, utente, perche) in [
        ("SEGR", "ugo", "l'utente ugo non appartiene all'ufficio SEGR"),
        ("TRIB", "nessuno", "l'utente nessuno non esiste"),
        ("SEGR", "sara", "l'utente sara è disabilitato"),
    ] {
        let mut n = b.nuova("anna", "Nuova");
        n.dati.assegnazioni = vec![dati(ufficio, utente)];
        let c = Comando::Assegna { assegnazioni: vec![dati(ufficio, utente)], nota: None };
        let nuova = b.ente.registra(&aoo(), n).await.map(drop);
        let ancora = b.ente.comanda(&aoo(), &b.chi("anna"), &k, c, vec![], None).await.map(drop);
        for e in [nuova, ancora] {
            let Err(Errore::Rifiuto(Rifiuto::NonValido(e))) = e else { panic!("{e:?}") };
            assert_eq!((e.len(), e[0].campo.as_str(), e[0].messaggio.as_str()), (1, "assegnazioni.0.utente", perche));
        }
    }
    let c = Comando::Assegna { assegnazioni: vec![dati("TRIB", "ugo")], nota: None };
    b.ente.comanda(&aoo(), &b.chi("anna"), &k, c, vec![], None).await.unwrap();
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn classification_changes_keep_old_and_new_and_old_entries_keep_their_name() {
    // R-B02, R-I03
    let b = Banco::nuovo().await;
    let mut n = b.nuova("anna", "Da vedere");
    n.dati.classificazione = None;
    let k = b.ente.registra(&aoo(), n).await.unwrap().chiave.unwrap();
    assert_eq!(b.ente.da_classificare(&aoo()).await.unwrap(), 1);
    let c = Comando::Classifica { classificazione: "6.3".parse().unwrap(), motivo: None };
    b.ente.comanda(&aoo(), &b.chi("anna"), &k, c, vec![], None).await.unwrap();
    assert_eq!(b.ente.da_classificare(&aoo()).await.unwrap(), 0);
    b.configura(C::ChiudiVoce { codice: "6.3".parse().unwrap(), al: "2026-11-24".parse().unwrap() }).await;
    b.orologio.passa(86_400_000_000);
    let mut n = b.nuova("anna", "Troppo tardi");
    n.dati.classificazione = Some("6.3".parse().unwrap());
    assert!(b.ente.registra(&aoo(), n).await.is_err());
    let r = b.ente.registrazione(&aoo(), &k, None).await.unwrap().unwrap();
    assert_eq!(r.classificazione.1.as_deref(), Some("Voce 6.3"));
    let prima = b.ente.registrazione(&aoo(), &k, Some(r.indice)).await.unwrap().unwrap();
    assert_eq!(prima.classificazione.0.as_str(), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_back_byte_for_byte_and_the_same_bytes_are_kept_once() {
    // R-A17, R-B14, R-H07
    let b = Banco::nuovo().await;
    let byte = vec![7u8; 700_000];
    for nome in ["../../x.txt", "è «strano».txt"] {
        let mut n = b.nuova("anna", "Con file");
        n.file = vec![b.file(nome, &byte).await];
        let k = b.ente.registra(&aoo(), n).await.unwrap().chiave.unwrap();
        let r = b.ente.registrazione(&aoo(), &k, None).await.unwrap().unwrap();
        assert_eq!(r.documenti[0].nome, nome);
        let f = b.ente.file(&r.documenti[0].impronta).await.unwrap().unwrap();
        assert_eq!((f.byte, f.intero().await.unwrap()), (700_000, byte.clone()));
    }
    let conta = || walk(b.dir.path().join("enti/c_z999/file"));
    // The second copy goes after its answer: a job of the writer comes after both.
    b.ente.spazza().await.unwrap();
    assert_eq!(conta(), 1);
    // What was abandoned or refused leaves nothing behind once its lease ended.
    drop(b.ente.carica().await.unwrap());
    assert_eq!(conta(), 1);
    let f = b.file("orfano", b"orfano").await;
    assert_eq!(b.ente.spazza().await.unwrap(), 0);
    drop(f);
    assert_eq!(conta(), 2);
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    // Where other processes may be receiving files in the same folder, only after a day.
    assert_eq!(b.ente.spazza().await.unwrap(), u64::from(su_file()));
    assert_eq!(b.verifica().await.file, 1);
}

fn walk(p: std::path::PathBuf) -> usize {
    std::fs::read_dir(p).unwrap().map(|d| std::fs::read_dir(d.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn doubles_are_seen_by_file_and_by_sender_s_number() {
    // R-A26
    let b = Banco::nuovo().await;
    let mut n = b.nuova("anna", "Con file");
    let f = b.file("a.txt", b"uguale").await;
    let impronta = f.file.impronta;
    n.file = vec![f];
    let k = b.ente.registra(&aoo(), n).await.unwrap().chiave.unwrap();
    assert_eq!(b.ente.duplicati(&aoo(), &[impronta], None).await.unwrap(), std::slice::from_ref(&k));
    assert_eq!(b.ente.duplicati(&aoo(), &[], Some(("ROSSI maria", "123/a"))).await.unwrap(), [k]);
    assert!(b.ente.duplicati(&aoo(), &[], Some(("Rossi Maria", "124/A"))).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ente_is_another_world() {
    // R-L25
    let b = Banco::nuovo().await;
    let k = b.registra("Nostro").await.chiave.unwrap();
    let altro = b
        .store
        .crea_ente(NuovoEnte {
            dati: dominio::configurazione::DatiEnte {
                ipa: "c_z998".parse().unwrap(),
                denominazione: "Altro".into(),
                codice_fiscale: None,
                pec: None,
            },
            chi: archivio::sistema(),
        })
        .await
        .unwrap();
    let e = altro.registrazione(&aoo(), &k, None).await;
    assert!(matches!(e, Err(Errore::Rifiuto(Rifiuto::NonTrovato(_)))));
    let f = b.file("f", b"segreto").await;
    assert!(altro.file(&f.file.impronta).await.unwrap().is_none());
    assert_eq!(b.store.enti().await.unwrap().len(), 2);
    assert!(b.store.ente(&"c_z997".parse().unwrap()).await.unwrap().is_none());
    let di_nuovo = b
        .store
        .crea_ente(NuovoEnte { dati: b.ente.configurazione().ente.clone().unwrap(), chi: archivio::sistema() })
        .await;
    assert!(matches!(di_nuovo, Err(Errore::Rifiuto(Rifiuto::Conflitto(_)))));
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_tiles_and_checkpoints_hold_together() {
    // R-B13
    let b = Banco::nuovo().await;
    let mut ultimo = None;
    for i in 0..300 {
        ultimo = Some(b.registra(&format!("Documento {i}")).await);
    }
    let f = ultimo.unwrap();
    let log = Registro::Aoo(aoo());
    let r = b.ente.ricevuta(&log, f.indice, &|c: &str| c == "oggetto" || c == "numero").await.unwrap().unwrap();
    let vkey = b.ente.chiavi(&log).await.unwrap()[0].parse().unwrap();
    let catena::EsitoRicevuta::Autentica { campi } = catena::verifica(&r, &[vkey]) else {
        panic!("{:?}", catena::verifica(&r, &[]))
    };
    assert_eq!(campi["oggetto"], "Documento 299");
    assert_eq!(campi.len(), 2);
    let nota = b.ente.checkpoint(&log).await.unwrap();
    let (cp, _) = catena::Checkpoint::apri(&nota, &[b.ente.chiavi(&log).await.unwrap()[0].parse().unwrap()]).unwrap();
    assert_eq!(cp.dimensione, f.indice + 1);
    assert_eq!(b.ente.tessera(&log, "tile/0/000").await.unwrap().unwrap().len(), 8_192);
    assert!(b.ente.tessera(&log, "tile/0/001").await.unwrap().is_none(), "past the checkpoint");
    assert!(b.ente.tessera(&log, "tile/../x").await.unwrap().is_none());
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_administers_one_aoo_gives_no_roles_elsewhere() {
    // R-L25, R-J03
    use dominio::permessi::{Incarico, Ruolo};
    let b = Banco::nuovo().await;
    let incarico = |ruolo, aoo| Incarico { ruolo, aoo, ufficio: None, dal: dominio::tempo::Istante(0), al: None };
    let prova = async |c: C, segreto| b.ente.configura(&aoo(), &b.chi("ada"), c, segreto, None).await;
    let ovunque = C::AssegnaIncarichi { utente: "ada".parse().unwrap(), incarichi: vec![incarico(Ruolo::Rgd, None)] };
    assert!(matches!(prova(ovunque, None).await, Err(Errore::Rifiuto(Rifiuto::Vietato(_)))));
    b.configura(C::CreaUtente {
        utente: "capo".parse().unwrap(),
        nome: "Capo".into(),
        cognome: "Di Tutto".into(),
        incarichi: vec![incarico(Ruolo::Coordinatore, None)],
    })
    .await;
    let c = C::ImpostaPassword { utente: "capo".parse().unwrap() };
    let e = prova(c, Some(Segreto::Password("$x".into()))).await;
    assert!(matches!(e, Err(Errore::Rifiuto(Rifiuto::Vietato(_)))));
    let qui =
        C::AssegnaIncarichi { utente: "ugo".parse().unwrap(), incarichi: vec![incarico(Ruolo::Auditor, Some(aoo()))] };
    prova(qui, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_search_index_that_does_not_work_is_a_warning_and_the_register_goes_on() {
    if !su_file() {
        return;
    }
    let b = Banco::nuovo().await;
    b.registra("Prima").await;
    let c = rusqlite::Connection::open(b.dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
    c.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    c.execute_batch("CREATE TEMP TABLE tenuti AS SELECT * FROM cerca_data; UPDATE cerca_data SET block = x'00000000ffffffffffffffffffff';")
        .unwrap();
    b.registra("Con un indice guasto").await;
    let avvisi = async || {
        let s = b.ente.salute().await;
        assert_eq!(s.impedimenti, [""; 0]);
        s.avvisi
    };
    // The index is brought up to date when nothing was asked for a while.
    let riposo = || tokio::time::sleep(std::time::Duration::from_millis(150));
    let inizio = std::time::Instant::now();
    while avvisi().await.is_empty() {
        assert!(inizio.elapsed().as_secs() < 30);
        riposo().await;
    }
    assert!(avvisi().await[0].starts_with("l'indice di ricerca non si può aggiornare"), "{:?}", avvisi().await);
    b.registra("Ancora").await;
    c.execute_batch("DELETE FROM cerca_data; INSERT INTO cerca_data SELECT * FROM tenuti;").unwrap();
    assert_eq!(b.registra("Di nuovo sano").await.chiave.unwrap().numero.valore(), 4);
    while !avvisi().await.is_empty() {
        assert!(inizio.elapsed().as_secs() < 60);
        riposo().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_as_long_as_it_may_be_is_registered_found_and_found_double() {
    // R-A26: engines limit the keys of their indexes, people's names are not limited so.
    let b = Banco::nuovo().await;
    let persona =
        |c: &str| serde_json::json!({"tipo": "persona-fisica", "cognome": c.repeat(500), "nome": c.repeat(500)});
    let con = |c: &str, riservato| {
        let mut n = b.nuova("anna", "Nome lungo");
        n.dati.mittente = serde_json::from_value(persona(c)).unwrap();
        n.dati.riservato = riservato;
        n
    };
    let k = b.ente.registra(&aoo(), con("漢", true)).await.unwrap().chiave.unwrap();
    b.ente.registra(&aoo(), con("字", false)).await.unwrap();
    let r = b.ente.registrazione(&aoo(), &k, None).await.unwrap().unwrap();
    let nome = r.dati.mittente.as_ref().unwrap().nome_completo();
    assert_eq!(b.ente.duplicati(&aoo(), &[], Some((&nome, "123/A"))).await.unwrap(), std::slice::from_ref(&k));
    let a = Accesso::a(&aoo(), &b.chi("rita"), &r, Azione::Registrazione, b.ente.ora());
    b.ente.annota_accesso(a).await.unwrap();
    let f = FiltroAccessi { soggetto: Some(nome), limite: 10, ..FiltroAccessi::default() };
    assert_eq!(b.ente.accessi(&aoo(), &f).await.unwrap().elementi.len(), 1);
    let soggetto = serde_json::from_value(persona("漢")).unwrap();
    b.configura(C::AggiungiCorrispondente { soggetto }).await;
    assert_eq!(b.ente.rubrica(&aoo(), None, 10).await.unwrap().elementi.len(), 1);
    b.verifica().await;
}
