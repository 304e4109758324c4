//! Registrations that wait for their seal, and what an AOO's seal leaves (R-A13, R-A14, R-C10, R-C11, R-C14).

use archivio::store::*;
use dominio::codici::Impronta;
use dominio::comandi::{Comando, ComandoConfigurazione as C};
use dominio::errori::Rifiuto;
use dominio::registrazione::Chiave;
use dominio::sigillo::{DatiSigillo, Fornitore, NOME_FILE, RichiestaSigillo, SigilloApposto, StatoSigillo};
use dominio::tempo::Istante;

use super::banco::*;

fn sigillo(b: &Banco, entrate: bool) -> DatiSigillo {
    DatiSigillo {
        fornitore: Fornitore::File,
        intestatario: "Comune di Prova".into(),
        emittente: "CA di prova".into(),
        certificato: Impronta([7; 32]),
        scadenza: Istante(b.ente.ora().0 + 86_400_000_000),
        qualificato: false,
        entrate,
        chiave: None,
    }
}

async fn imposta(b: &Banco, chi: &str, s: DatiSigillo, segreto: &[u8]) -> archivio::Esito<Fatto> {
    let c = C::ImpostaSigillo { sigillo: s };
    b.ente.configura(&aoo(), &b.chi(chi), c, Some(Segreto::Sigillo(segreto.to_vec())), None).await
}

async fn uscita(b: &Banco, oggetto: &str) -> Chiave {
    let mut n = b.nuova("anna", oggetto);
    n.dati = serde_json::from_value(serde_json::json!({
        "tipo": "uscita", "oggetto": oggetto, "mezzo": "pec", "classificazione": "1.6", "ufficioMittente": "TRIB",
        "destinatari": [{"tipo": "persona-fisica", "cognome": "Rossi", "nome": "Maria"}],
    }))
    .unwrap();
    n.file = vec![b.file("lettera.txt", oggetto.as_bytes()).await];
    b.ente.registra(&aoo(), n).await.unwrap().chiave.unwrap()
}

async fn letta(b: &Banco, k: &Chiave) -> dominio::registrazione::Registrazione {
    b.ente.registrazione(&aoo(), k, None).await.unwrap().unwrap()
}

async fn apponi(b: &Banco, chi: &dominio::permessi::Operatore, k: &Chiave, xml: &[u8]) -> archivio::Esito<Fatto> {
    let f = b.file("qualunque", xml).await;
    let s = SigilloApposto {
        non_sigillata: Impronta([1; 32]),
        segnatura: documento(9, &f),
        intestatario: "Comune di Prova".into(),
        emittente: "CA di prova".into(),
        certificato: Impronta([7; 32]),
        qualificato: false,
    };
    b.ente.comanda(&aoo(), chi, k, Comando::Sigilla(Box::new(s)), vec![f.file], None).await
}

async fn waiting(b: &Banco) -> Vec<i64> {
    b.ente.da_sigillare(&aoo(), 10).await.unwrap().iter().map(|k| k.numero.valore()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uscita_waits_for_its_seal_from_the_commit_of_its_number_until_it_is_there() {
    let b = Banco::nuovo().await;
    let prima = uscita(&b, "Senza sigillo").await;
    assert_eq!(letta(&b, &prima).await.stato_sigillo(), StatoSigillo::NonRichiesto);
    imposta(&b, "ada", sigillo(&b, false), b"segreto").await.unwrap();
    let (una, due) = (uscita(&b, "Prima lettera").await, uscita(&b, "Seconda lettera").await);
    b.registra("Una entrata non si sigilla").await;
    assert_eq!(waiting(&b).await, [2, 3]);
    assert_eq!(b.ente.quante_da_sigillare(&aoo()).await.unwrap().0, 2);
    assert_eq!(letta(&b, &una).await.in_json("e", "a")["sigillo"], serde_json::json!({"stato": "in-attesa"}));
    b.verifica().await;

    let sistema = archivio::sistema();
    for chi in ["anna", "rita", "ada"] {
        let e = apponi(&b, &b.chi(chi), &una, b"<x/>").await;
        assert!(matches!(e, Err(Errore::Rifiuto(Rifiuto::Vietato(_)))), "{chi}: {e:?}");
    }
    let xml = b"<segnatura>sigillata</segnatura>";
    apponi(&b, &sistema, &una, xml).await.unwrap();
    let r = letta(&b, &una).await;
    let s = r.sigillo.clone().unwrap();
    assert_eq!((s.segnatura.n, s.segnatura.nome.as_str()), (0, NOME_FILE));
    assert_eq!(r.in_json("e", "a")["sigillo"]["stato"], "apposto");
    // It is no document of the sender's, and is kept byte for byte.
    assert_eq!(r.documenti.len(), 1);
    assert_eq!(b.ente.file(&s.segnatura.impronta).await.unwrap().unwrap().intero().await.unwrap(), xml);
    assert_eq!(waiting(&b).await, [3]);
    assert!(matches!(apponi(&b, &sistema, &una, xml).await, Err(Errore::Rifiuto(Rifiuto::Conflitto(_)))));
    assert!(matches!(apponi(&b, &sistema, &prima, xml).await, Err(Errore::Rifiuto(Rifiuto::Conflitto(_)))));
    assert_eq!(b.verifica().await.file, 4);

    // What waits survives, also an annulment.
    let annulla = Comando::Annulla {
        motivo: "errore".into(),
        provvedimento: Some(serde_json::from_value(serde_json::json!({"numero": "1", "data": "2026-11-24"})).unwrap()),
        oggetto: dominio::annullamento::Oggetto::default(),
    };
    b.ente.comanda(&aoo(), &b.chi("rita"), &due, annulla, vec![], None).await.unwrap();
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    assert_eq!(waiting(&b).await, [3]);
    b.ente.spazza().await.unwrap();
    apponi(&b, &sistema, &due, b"<y/>").await.unwrap();
    assert_eq!(b.ente.quante_da_sigillare(&aoo()).await.unwrap(), (0, None));
    assert_eq!(b.verifica().await.file, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_is_set_by_who_administers_and_its_secret_is_in_no_operation() {
    let b = Banco::nuovo().await;
    assert_eq!(b.ente.segreto_sigillo(&aoo()).await.unwrap(), None);
    let e = imposta(&b, "anna", sigillo(&b, false), b"x").await;
    assert!(matches!(e, Err(Errore::Rifiuto(Rifiuto::Vietato(_)))), "{e:?}");
    let scaduto = DatiSigillo { scadenza: Istante(0), ..sigillo(&b, false) };
    let e = imposta(&b, "ada", scaduto, b"x").await.unwrap_err().to_string();
    assert!(e.contains("scaduto"), "{e}");
    imposta(&b, "ada", sigillo(&b, true), b"parola del token").await.unwrap();
    imposta(&b, "ada", sigillo(&b, true), b"parola nuova").await.unwrap();
    assert_eq!(b.ente.segreto_sigillo(&aoo()).await.unwrap(), Some((2, b"parola nuova".to_vec())));
    let ops = b.ente.scan_from(&Registro::Aoo(aoo()), 0, 200).await.unwrap();
    assert!(!format!("{ops:?}").contains("parola"));
    if su_file() {
        let f = std::fs::read(b.dir.path().join("enti/c_z999/ente.sqlite")).unwrap();
        let wal = std::fs::read(b.dir.path().join("enti/c_z999/ente.sqlite-wal")).unwrap_or_default();
        assert!(![f, wal].concat().windows(6).any(|w| w == b"parola"));
    }
    // Entrate too, where it is asked.
    let mut n = b.nuova("anna", "Una entrata");
    n.file = vec![b.file("a.txt", b"x").await];
    let k = b.ente.registra(&aoo(), n).await.unwrap().chiave.unwrap();
    b.registra("Su carta, senza file").await;
    assert_eq!(waiting(&b).await, [1]);
    // Not while somebody waits for it: nobody would ever seal what was promised.
    let togli = async || {
        let c = C::TogliSigillo { motivo: "cambio di fornitore".into() };
        b.ente.configura(&aoo(), &b.chi("ada"), c, None, None).await
    };
    assert!(matches!(togli().await, Err(Errore::Rifiuto(Rifiuto::Conflitto(_)))));
    apponi(&b, &archivio::sistema(), &k, b"<x/>").await.unwrap();
    togli().await.unwrap();
    let mut n = b.nuova("anna", "Dopo");
    n.file = vec![b.file("b.txt", b"y").await];
    b.ente.registra(&aoo(), n).await.unwrap();
    assert!(waiting(&b).await.is_empty());
    assert!(togli().await.is_err());
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_waits_for_its_certificate_stands_apart_from_the_seal_in_force_until_it_comes() {
    // R-C11
    let b = Banco::nuovo().await;
    let richiesta = |n: u8| RichiestaSigillo {
        fornitore: Fornitore::File,
        chiave: Impronta([n; 32]),
        intestatario: "Comune di Prova".into(),
        identificativo: "PA:IT-c_z999".into(),
        pkcs10: "AAAA".into(),
    };
    let chiedi = async |chi: &str, n: u8, segreto: Option<Segreto>| {
        let c = C::RichiediSigillo { richiesta: richiesta(n) };
        b.ente.configura(&aoo(), &b.chi(chi), c, segreto, None).await
    };
    let chiave = |t: &str| Some(Segreto::ChiaveSigillo(t.as_bytes().to_vec()));
    assert!(matches!(chiedi("anna", 1, chiave("x")).await, Err(Errore::Rifiuto(Rifiuto::Vietato(_)))));
    assert!(matches!(chiedi("ada", 1, None).await, Err(Errore::Incoerente(_))), "never without its key");
    assert!(matches!(chiedi("ada", 1, Some(Segreto::Sigillo(vec![1]))).await, Err(Errore::Incoerente(_))));
    assert_eq!(b.ente.chiave_richiesta(&aoo()).await.unwrap(), None);

    chiedi("ada", 1, chiave("prima chiave")).await.unwrap();
    assert_eq!(b.ente.segreto_sigillo(&aoo()).await.unwrap(), None);
    imposta(&b, "ada", sigillo(&b, false), b"in uso").await.unwrap();
    chiedi("ada", 2, chiave("seconda chiave")).await.unwrap();
    assert_eq!(b.ente.chiave_richiesta(&aoo()).await.unwrap().unwrap(), b"seconda chiave");
    assert_eq!(b.ente.segreto_sigillo(&aoo()).await.unwrap(), Some((1, b"in uso".to_vec())));
    let aspetta = |b: &Banco| b.ente.configurazione().aoo[&aoo()].richiesta_sigillo.as_ref().map(|(_, r)| r.chiave);
    // Only the seal of that very key ends the request.
    let con = |n: Option<u8>| DatiSigillo { chiave: n.map(|n| Impronta([n; 32])), ..sigillo(&b, false) };
    for altra in [None, Some(1)] {
        imposta(&b, "ada", con(altra), b"altro").await.unwrap();
        assert_eq!(aspetta(&b), Some(Impronta([2; 32])));
    }
    b.verifica().await;
    let (dir, o) = b.riapri();
    let b = Banco::di_nuovo(dir, o).await;
    assert_eq!(aspetta(&b), Some(Impronta([2; 32])));
    assert_eq!(b.ente.chiave_richiesta(&aoo()).await.unwrap().unwrap(), b"seconda chiave");
    let suo = DatiSigillo { chiave: Some(Impronta([2; 32])), ..sigillo(&b, false) };
    imposta(&b, "ada", suo, b"chiesto").await.unwrap();
    assert_eq!(aspetta(&b), None);
    assert_eq!(b.ente.segreto_sigillo(&aoo()).await.unwrap(), Some((4, b"chiesto".to_vec())));
    let ops = b.ente.scan_from(&Registro::Aoo(aoo()), 0, 200).await.unwrap();
    assert!(!format!("{ops:?}").contains("seconda chiave"), "no key is in an operation");
    b.verifica().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deferral_is_the_rgd_s_and_ends() {
    let b = Banco::nuovo().await;
    imposta(&b, "ada", sigillo(&b, false), b"x").await.unwrap();
    let differisci = |giorni: i64| C::DifferisciSigillo {
        fino: Istante(b.ente.ora().0 + giorni * 86_400_000_000),
        motivo: "il fornitore è fermo".into(),
    };
    for (chi, giorni) in [("anna", 1), ("ada", 1), ("rita", -1), ("rita", 8)] {
        assert!(b.ente.configura(&aoo(), &b.chi(chi), differisci(giorni), None, None).await.is_err(), "{chi} {giorni}");
    }
    b.ente.configura(&aoo(), &b.chi("rita"), differisci(2), None, None).await.unwrap();
    assert!(b.ente.configurazione().aoo[&aoo()].sigillo_differito.unwrap() > b.ente.ora());
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_seals_altered_are_named() {
    if !su_file() {
        return;
    }
    // R-B13
    let b = Banco::nuovo().await;
    imposta(&b, "ada", sigillo(&b, false), b"x").await.unwrap();
    let (una, _) = (uscita(&b, "Una").await, uscita(&b, "Due").await);
    apponi(&b, &archivio::sistema(), &una, b"<x/>").await.unwrap();
    let cartella = b.dir.path().join("enti/c_z999");
    let c = rusqlite::Connection::open(cartella.join("ente.sqlite")).unwrap();
    for sql in [
        "DELETE FROM da_sigillare",
        "UPDATE da_sigillare SET reg = 1",
        "DELETE FROM sigillo",
        "UPDATE sigillo SET n = 9",
    ] {
        assert!(c.execute_batch(sql).unwrap_err().to_string().contains("immutabile"), "{sql}");
    }
    for (sql, tabella) in [
        ("DELETE FROM da_sigillare", "da_sigillare"),
        ("INSERT INTO da_sigillare SELECT reg FROM documento WHERE n = 0", "da_sigillare"),
        ("DELETE FROM documento WHERE n = 0", "documento"),
        ("UPDATE documento SET impronta = zeroblob(32) WHERE n = 0", "documento"),
    ] {
        let d = alterato(&cartella, sql);
        assert!(d.iter().any(|d| d.tabella == tabella), "{sql}: {d:#?}");
    }
    b.verifica().await;
}
