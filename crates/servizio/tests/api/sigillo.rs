//! The seal at the REST door: set, put, away, deferred (R-A13, R-A14, R-C05, R-C10…C14).

use std::process::Command;
use std::time::Duration;

use archivio::store::Segreto;
use axum::http::StatusCode;
use base64::Engine as _;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::tempo::Istante;
use serde_json::{Value, json};
use servizio::sigilli;
use sigillo::dimostrazione;
use sigillo::richiesta::{Identificativo, Soggetto};

use crate::banco::*;

fn pkcs12(password: &str) -> String {
    let soggetto = Soggetto {
        organizzazione: "Comune di Prova".into(),
        identificativo: Identificativo::Ipa("c_z999".into()),
        nome: None,
    };
    let da = jiff::Timestamp::now() - Duration::from_secs(60);
    let d = dimostrazione::crea(&soggetto, da, &sigillo::Segreto::nuovo(password)).unwrap();
    base64::engine::general_purpose::STANDARD.encode(d.pkcs12)
}

fn uscita(oggetto: &str) -> Value {
    json!({"tipo": "uscita", "oggetto": oggetto, "mezzo": "pec", "classificazione": "1.6", "ufficioMittente": "TRIB",
    "destinatari": [
        {"tipo": "persona-fisica", "nome": "Maria", "cognome": "Rossi", "codiceFiscale": "RSSMRA80A01H501U", "pec": "m.rossi@pec.example"},
        {"tipo": "amministrazione", "denominazione": "Comune & «Città» di Altrove", "ipa": "c_h501", "aoo": "AOO9", "perConoscenza": true},
        {"tipo": "persona-giuridica", "denominazione": "Alfa S.r.l.", "partitaIva": "00743110157"},
        {"tipo": "persona-fisica", "cognome": "Senzanome"},
    ]})
}

async fn registra(b: &Banco, oggetto: &str) -> Value {
    let m = Modulo::nuovo().dati(&uscita(oggetto)).file("documento", "lettera.pdf", b"%PDF-1.7 lettera");
    let r = b.registra(&b.anna, m.file("allegato", "piantina «A».txt", b"allegato")).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    r.json()
}

/// A seal in a file.
pub async fn imposta(b: &Banco) {
    let corpo = json!({"fornitore": "file", "pkcs12": pkcs12("apriti"), "password": "apriti"});
    let r = b.post(&b.ada, &format!("{BASE}/sigillo"), corpo).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
}

fn giudice(programma: &str, argomenti: &[&std::ffi::OsStr]) -> Option<std::process::Output> {
    match Command::new(programma).args(argomenti).output() {
        Ok(o) => Some(o),
        Err(_) => {
            assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "{programma} is missing");
            eprintln!("skipped: {programma} is missing");
            None
        }
    }
}

fn come_da_schema(file: &std::path::Path) {
    let xsd = concat!(env!("CARGO_MANIFEST_DIR"), "/../segnatura/schemi/segnatura_protocollo.xsd");
    if let Some(o) =
        giudice("xmllint", &["--nonet".as_ref(), "--noout".as_ref(), "--schema".as_ref(), xsd.as_ref(), file.as_ref()])
    {
        assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stderr));
    }
}

/// R-C20: an answer says which message it answers, by the sender's own number where there is one.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_names_the_message_it_answers() {
    let b = Banco::nuovo().await;
    imposta(&b).await;
    let registrata = async |d: Value| {
        let r = b.registra(&b.anna, Modulo::nuovo().dati(&d).file("documento", "a.txt", b"istanza")).await;
        assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
        r.json()
    };
    let mut da_comune = entrata("Istanza");
    da_comune["mittente"] =
        json!({"tipo": "amministrazione", "denominazione": "Comune di Altrove", "ipa": "c_h501", "aoo": "AOO9"});
    da_comune["protocolloMittente"] = json!({"numero": "4521", "data": "2026-11-20", "registro": "PG"});
    let (da_comune, da_rossi) = (registrata(da_comune).await, registrata(entrata("Istanza")).await);
    let chiave = |r: &Value| json!({"registro": r["registro"], "anno": r["anno"], "numero": r["numero"]});

    let risponde =
        async |d: Value| b.registra(&b.anna, Modulo::nuovo().dati(&d).file("documento", "b.txt", b"risposta")).await;
    let con = |k: Value| {
        let mut d = uscita("Riscontro");
        d["rispondeA"] = k;
        d
    };
    let mut altre = Vec::new();
    for (a, attesi) in [
        (&da_comune, ("c_h501", "AOO9", "0004521", "2026-11-20")),
        (
            &da_rossi,
            (
                "c_z999",
                "AOO1",
                da_rossi["numeroEsteso"].as_str().unwrap(),
                &da_rossi["istante"].as_str().unwrap()[..10],
            ),
        ),
    ] {
        let mut d = con(chiave(a));
        // Sent on from another register, whose day is known only if it is said; and from this one, where it is.
        d["primaRegistrazione"] = if altre.is_empty() {
            json!({"ente": "c_a944", "aoo": "A1", "registro": "PG", "anno": 2025, "numero": 12})
        } else {
            json!({"ente": "c_z999", "aoo": "AOO1", "registro": a["registro"], "anno": a["anno"], "numero": a["numero"]})
        };
        let r = risponde(d).await;
        assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
        let r = r.json();
        assert_eq!((&r["rispondeA"]["numero"], &r["rispondeA"]["oggetto"]), (&a["numero"], &a["oggetto"]));
        sigilli::dell_ente(&b.servizio.sigilli, &*b.ente).await;
        let xml = b.get(&b.anna, r["links"]["segnatura"].as_str().unwrap()).await.byte;
        let cartella = tempfile::tempdir().unwrap();
        let file = cartella.path().join("Segnatura.xml");
        std::fs::write(&file, &xml).unwrap();
        come_da_schema(&file);
        let letta = segnatura::leggi(&xml);
        assert!(letta.valida(), "{:?}", letta.rilievi);
        let s = letta.segnatura().unwrap();
        let [riferimento] = &s.riferimenti[..] else { panic!("{:?}", s.riferimenti) };
        let id = riferimento.identificatore.as_ref().unwrap();
        let trovati = (
            id.codice_amministrazione.valore.as_str(),
            id.codice_aoo.valore.as_str(),
            id.numero_registrazione.as_str(),
            id.data_registrazione.as_str(),
        );
        assert_eq!(trovati, attesi);
        assert_eq!(riferimento.oggetto.as_deref(), a["oggetto"].as_str());
        altre.push(s.intestazione.prima_registrazione.as_ref().map(|p| p.data_registrazione.clone()));
    }
    assert_eq!(altre, [None, Some(da_rossi["istante"].as_str().unwrap()[..10].to_owned())]);

    // What is no entrata that he may tell about is refused, and takes no number.
    let mut riservata = entrata("Istanza");
    riservata["riservato"] = true.into();
    let riservata = registrata(riservata).await;
    let ultima = risponde(uscita("Senza")).await.json();
    let mut un_altra_entrata = entrata("Istanza");
    un_altra_entrata["rispondeA"] = chiave(&da_rossi);
    let mut prima_che_non_ce = uscita("Riscontro");
    prima_che_non_ce["primaRegistrazione"] =
        json!({"ente": "c_z999", "aoo": "AOO1", "registro": "PG", "anno": 2026, "numero": 99999});
    for (d, campo) in [
        (con(json!({"registro": "PG", "anno": 2026, "numero": 99999})), "rispondeA"),
        (con(chiave(&ultima)), "rispondeA"),
        (un_altra_entrata, "rispondeA"),
        (prima_che_non_ce, "primaRegistrazione"),
    ] {
        let r = risponde(d).await;
        assert_eq!((r.stato, r.json()["errori"][0]["campo"].as_str()), (StatusCode::UNPROCESSABLE_ENTITY, Some(campo)));
    }
    // Of a reserved one only number and day are told, in the register and outside.
    let r = risponde(con(chiave(&riservata))).await.json();
    assert_eq!(r["numero"], ultima["numero"].as_i64().unwrap() + 1);
    assert_eq!(
        r["rispondeA"],
        json!({"registro": "PG", "anno": riservata["anno"], "numero": riservata["numero"], "data": riservata["istante"].as_str().unwrap()[..10]})
    );
    sigilli::dell_ente(&b.servizio.sigilli, &*b.ente).await;
    let xml = b.get(&b.anna, r["links"]["segnatura"].as_str().unwrap()).await.byte;
    assert!(segnatura::leggi(&xml).segnatura().unwrap().riferimenti.is_empty());
    // A reserved answer is not even counted for who may not see it.
    let mut segreta = con(chiave(&da_rossi));
    segreta["riservato"] = true.into();
    segreta["ufficioMittente"] = "SEGR".into();
    let m = Modulo::nuovo().dati(&segreta).file("documento", "b.txt", b"risposta");
    assert_eq!(b.registra(&b.rita, m).await.stato, StatusCode::CREATED);
    let quante = async |chi: &str| {
        b.get(chi, da_rossi["links"]["self"].as_str().unwrap()).await.json()["risposte"].as_array().unwrap().len()
    };
    assert_eq!((quante(&b.rita).await, quante(&b.anna).await), (2, 1));
    // From what was answered one comes to its answers, and `verifica` knows how.
    let r = b.get(&b.anna, da_rossi["links"]["self"].as_str().unwrap()).await.json();
    let [una] = &r["risposte"].as_array().unwrap()[..] else { panic!("{}", r["risposte"]) };
    assert_eq!(b.get(&b.anna, una.as_str().unwrap()).await.json()["rispondeA"]["numero"], da_rossi["numero"]);
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}

/// R-C01…C04: number, day, register, ente and AOO; oggetto, who sends and who receives; office and class as they were then.
#[tokio::test(flavor = "multi_thread")]
async fn an_uscita_gets_its_segnatura_sealed_and_others_accept_it() {
    let b = Banco::nuovo().await;
    let prima = registra(&b, "Prima che ci fosse un sigillo").await;
    assert_eq!(prima["sigillo"]["stato"], "non-richiesto");
    let r = b.get(&b.anna, &format!("{}/segnatura.xml", prima["links"]["self"].as_str().unwrap())).await;
    assert_eq!((r.stato, r.json()["type"].as_str()), (StatusCode::CONFLICT, Some("/problemi/sigillo-non-richiesto")));

    imposta(&b).await;
    let una = registra(&b, "Trasmissione di atti <urgenti> & vari").await;
    assert_eq!(una["sigillo"]["stato"], "in-attesa");
    let xml = una["links"]["segnatura"].as_str().unwrap().to_owned();
    let r = b.get(&b.anna, &xml).await;
    assert_eq!((r.stato, r.json()["type"].as_str()), (StatusCode::CONFLICT, Some("/problemi/sigillo-in-attesa")));
    assert_eq!(b.get(&b.ada, &format!("{BASE}/sigillo")).await.json()["inAttesa"], 1);

    // What changes while it waits is not in it.
    let qui = una["links"]["self"].as_str().unwrap();
    let r = b.post(&b.anna, &format!("{qui}/classificazione"), json!({"classificazione": "6.3"})).await;
    assert_eq!(r.json()["classificazione"], "6.3");
    sigilli::dell_ente(&b.servizio.sigilli, &*b.ente).await;
    let poi = b.get(&b.anna, una["links"]["self"].as_str().unwrap()).await.json();
    assert_eq!((&poi["sigillo"]["stato"], &poi["sigillo"]["qualificato"]), (&json!("apposto"), &json!(false)));
    assert_eq!(poi["documenti"].as_array().unwrap().len(), 2);
    let r = b.get(&b.anna, &xml).await;
    assert_eq!((r.stato, r.capi["content-type"].to_str().unwrap()), (StatusCode::OK, "application/xml"));
    // Others have no token for it.
    assert_eq!(b.get(&b.altro, &xml).await.stato, StatusCode::NOT_FOUND);

    let letta = segnatura::leggi(&r.byte);
    assert!(letta.valida(), "{:?}", letta.rilievi);
    let s = letta.segnatura().unwrap();
    let id = &s.intestazione.identificatore;
    assert_eq!((id.codice_amministrazione.valore.as_str(), id.codice_aoo.valore.as_str()), ("c_z999", "AOO1"));
    assert_eq!(id.numero_registrazione, una["numeroEsteso"].as_str().unwrap());
    let istante = una["istante"].as_str().unwrap();
    assert_eq!(id.data_registrazione, istante[..10]);
    assert_eq!(
        id.ora_registrazione.as_deref(),
        Some(&*format!("{}{}", &istante[11..19], &istante[istante.len() - 6..]))
    );
    assert_eq!(id.codice_registro.as_deref(), Some("PG"));
    assert_eq!(s.intestazione.oggetto, "Trasmissione di atti <urgenti> & vari");
    let segnatura::modello::CodiceClassifica::Unico(classe) = &s.intestazione.classifiche[0].codice else { panic!() };
    assert_eq!(classe, "1.6");
    let Some(segnatura::modello::Soggetto::Amministrazione(noi)) = &s.descrizione.mittente else { panic!() };
    assert_eq!(noi.uo.as_ref().map(|u| u.valore.as_str()), Some("TRIB"));
    assert_eq!(s.descrizione.destinatari.len(), 4);
    let impronta = |d: &segnatura::modello::Documento| {
        let b = d.impronta.as_ref().unwrap().byte().unwrap();
        b.iter().map(|x| format!("{x:02x}")).collect::<String>()
    };
    let primario = s.descrizione.documento_primario.as_ref().unwrap();
    assert_eq!(
        (primario.nome_file.as_deref(), impronta(primario)),
        (Some("lettera.pdf"), una["documenti"][0]["impronta"].as_str().unwrap().to_owned())
    );
    assert_eq!(impronta(&s.descrizione.allegati[0]), una["documenti"][1]["impronta"]);

    let d = tempfile::tempdir().unwrap();
    let file = d.path().join("Segnatura.xml");
    std::fs::write(&file, &r.byte).unwrap();
    come_da_schema(&file);
    let verifica = |f: &std::path::Path| {
        let ca = ["--verify", "--insecure", "--id-attr:Id", "SignedProperties"].map(std::ffi::OsStr::new);
        giudice("xmlsec1", &[&ca[..], &[f.as_os_str()]].concat())
    };
    if let Some(o) = verifica(&file) {
        assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stderr));
    }
    let alterata = String::from_utf8(r.byte.clone()).unwrap().replace("urgenti", "lenti");
    std::fs::write(&file, &alterata).unwrap();
    if let Some(o) = verifica(&file) {
        assert!(!o.status.success());
    }
    let ora = jiff::Timestamp::now();
    let esame = |x: &[u8]| firme::esamina(x, None, &firme::Fiducia::default(), ora).firme[0].integra;
    assert_eq!((esame(&r.byte), esame(alterata.as_bytes())), (true, false));
    // The history says it, and by whom.
    let storia = b.get(&b.anna, &format!("{}/storia", una["links"]["self"].as_str().unwrap())).await.json();
    let ultima = storia["elementi"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&ultima["tipo"], &ultima["operatore"]["id"]), (&json!("sigillo"), &json!("sistema")));
    // R-D31: between administrations it says what makes it valid; before the seal it was the certified mail alone.
    let criteri = |r: &Value| r["validita"]["criteri"].clone();
    assert_eq!(
        (criteri(&prima), criteri(&una), criteri(&poi)),
        (json!(["pec"]), json!(["pec"]), json!(["segnatura", "pec"]))
    );
    let mut per_posta = uscita("Per posta ordinaria, a chi non ha altro");
    per_posta["destinatari"][1]["canale"] = "peo".into();
    let m = Modulo::nuovo().dati(&per_posta).file("documento", "lettera.pdf", b"%PDF-1.7 lettera");
    assert_eq!(criteri(&b.registra(&b.anna, m).await.json()), json!([]));
    let m = Modulo::nuovo().dati(&entrata("Di un cittadino")).file("documento", "a.txt", b"x");
    assert_eq!(criteri(&b.registra(&b.anna, m).await.json()), Value::Null);
    let mut fax = entrata("Per fax");
    fax["mezzo"] = "fax".into();
    let no = b.registra(&b.anna, Modulo::nuovo().dati(&fax).file("documento", "a.txt", b"x")).await;
    assert_eq!((no.stato, no.campo().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "mezzo"));
    // Whatever happens to the registration, its segnatura stays as it went out.
    let corpo = json!({"motivo": "Doppia", "provvedimento": {"numero": "Det. 45", "data": "2026-11-20"}});
    let annulla = format!("{}/annullamento", una["links"]["self"].as_str().unwrap());
    assert_eq!(b.post(&b.rita, &annulla, corpo).await.stato, StatusCode::CREATED);
    assert!(b.get(&b.anna, &xml).await.byte == r.byte);
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}

/// R-C18, R-D29: what a received segnatura calls reserved is reserved from the start; what of it does not hold is said, and
/// nothing keeps the document out.
#[tokio::test(flavor = "multi_thread")]
async fn a_received_segnatura_is_heeded_and_never_in_the_way() {
    let b = Banco::nuovo().await;
    imposta(&b).await;
    // One of our own: a reserved uscita, as another AOO receives it.
    let mut d = uscita("Riservata a chi di dovere");
    d["riservato"] = true.into();
    d["ufficioMittente"] = "SEGR".into();
    let m = Modulo::nuovo().dati(&d).file("documento", "lettera.pdf", b"%PDF-1.7 lettera");
    let partita = b.registra(&b.anna, m.file("allegato", "piantina.txt", b"allegato")).await.json();
    sigilli::dell_ente(&b.servizio.sigilli, &*b.ente).await;
    let xml = b.get(&b.rita, partita["links"]["segnatura"].as_str().unwrap()).await.byte;
    assert!(xml.starts_with(b"<?xml"), "{}", String::from_utf8_lossy(&xml));

    let registra = async |file: &[(&str, &str, &[u8])]| {
        let mut d = entrata("Da un'altra AOO");
        d["protocolloMittente"] = json!({"numero": partita["numero"].to_string()});
        d["assegnazioni"] = json!([{"ufficio": "SEGR", "tipo": "competenza"}]);
        let m = file.iter().fold(Modulo::nuovo().dati(&d), |m, (p, n, byte)| m.file(p, n, byte));
        let r = b.registra(&b.rita, m).await;
        assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
        let indirizzo = r.capi["location"].to_str().unwrap().to_owned();
        let r = b.get(&b.rita, &indirizzo).await.json();
        let anomalie: Vec<String> = r["anomalie"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| format!("{}: {}", a["campo"].as_str().unwrap(), a["messaggio"].as_str().unwrap()))
            .collect();
        (r["riservato"].as_bool().unwrap(), anomalie, indirizzo)
    };
    let documento = ("documento", "lettera.pdf", &b"%PDF-1.7 lettera"[..]);
    let allegato = ("allegato", "piantina.txt", &b"allegato"[..]);
    let (riservata, anomalie, dove) = registra(&[documento, allegato, ("allegato", "Segnatura.xml", &xml)]).await;
    assert_eq!((riservata, &anomalie[..]), (true, &["riservato: lo dice la segnatura".to_owned()][..]));
    // Who would have seen it has its number and no more.
    let r = b.get(&b.anna, &dove).await.json();
    assert_eq!((&r["riservata"], &r["oggetto"]), (&json!(true), &Value::Null));
    // Also when others that only look like it come before it.
    let prima = [("allegato", "nota.xml", &b"<Nota>la Segnatura segue</Nota>"[..]); 2];
    let (riservata, ..) =
        registra(&[documento, allegato, prima[0], prima[1], ("allegato", "Segnatura.xml", &xml)]).await;
    assert!(riservata);
    // An altered file, one that is missing.
    let (_, anomalie, _) =
        registra(&[("documento", "lettera.pdf", b"un'altra"), ("allegato", "Segnatura.xml", &xml)]).await;
    assert_eq!(
        anomalie,
        [
            "segnatura: l'impronta di «lettera.pdf» non è quella che dichiara",
            "segnatura: elenca «piantina.txt», che non c'è",
            "riservato: lo dice la segnatura"
        ]
    );
    // One that is no longer valid says so, and is heeded all the same; another number is said.
    let guasta = String::from_utf8(xml.clone()).unwrap();
    let guasta =
        guasta.replace(partita["numeroEsteso"].as_str().unwrap(), "99").replace("prot:Classifica", "prot:Classe");
    let (riservata, anomalie, _) =
        registra(&[documento, allegato, ("allegato", "SEGNATURA.XML", guasta.as_bytes())]).await;
    assert!(riservata && anomalie[0].starts_with("segnatura: non è valida: "), "{anomalie:?}");
    assert!(anomalie.iter().any(|a| a == "protocolloMittente.numero: la segnatura dice 99"), "{anomalie:?}");
    // What is none changes nothing: another XML, one that only looks like it, one too long to be one.
    let lungo = [b"<Segnatura>".to_vec(), vec![b' '; servizio::segnatura_ricevuta::BYTE_MAX]].concat();
    for altro in [&b"<FatturaElettronica/>"[..], b"<Segnatura", &lungo] {
        let (riservata, anomalie, _) = registra(&[documento, ("allegato", "Segnatura.xml", altro)]).await;
        assert_eq!((riservata, anomalie.len()), (false, 0), "{anomalie:?}");
    }
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seal_that_does_not_seal_is_not_set_and_only_what_is_admitted_is_used() {
    let b = Banco::nuovo().await;
    let buono = pkcs12("giusta");
    let posta = format!("{BASE}/sigillo");
    for chi in [&b.anna, &b.ugo] {
        let r = b.post(chi, &posta, json!({"fornitore": "file", "pkcs12": buono, "password": "giusta"})).await;
        assert_eq!(r.stato, StatusCode::FORBIDDEN);
    }
    for (corpo, campo) in [
        (json!({"fornitore": "file", "pkcs12": buono, "password": "sbagliata"}), "sigillo"),
        (json!({"fornitore": "file", "pkcs12": "AAAA", "password": "giusta"}), "sigillo"),
        (json!({"fornitore": "file", "pkcs12": "non è base64!", "password": "giusta"}), "sigillo"),
        (json!({"fornitore": "file", "pkcs12": "A".repeat(400_000), "password": "giusta"}), "pkcs12"),
        (json!({"fornitore": "pkcs11", "modulo": "mia.so", "token": "t", "pin": "1"}), "modulo"),
        (json!({"fornitore": "csc", "url": "http://169.254.169.254/", "clientId": "a", "clientSecret": "b"}), "url"),
        (json!({"fornitore": "file", "pkcs12": buono, "password": "giusta", "entrate": "sì"}), "entrate"),
    ] {
        let r = b.post(&b.ada, &posta, corpo).await;
        assert_eq!((r.stato, r.campo().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, campo), "{}", r.json());
        assert!(!r.json().to_string().contains("giusta"));
    }
    assert_eq!(b.get(&b.ada, &posta).await.json()["impostato"], false);
    imposta(&b).await;
    let s = b.get(&b.ada, &posta).await;
    assert_eq!(s.json()["sigillo"]["fornitore"], "file");
    assert!(s.json()["sigillo"]["intestatario"].as_str().unwrap().contains("NON QUALIFICATO"), "{}", s.json());
    assert!(!String::from_utf8_lossy(&s.byte).contains("apriti"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_room_in_a_segnatura_is_refused_before_it_takes_a_number() {
    // R-C13, R-D28
    let b = Banco::nuovo().await;
    imposta(&b).await;
    let numero = registra(&b, "Una").await["numero"].as_i64().unwrap();
    let m = Modulo::nuovo().dati(&uscita("Due con lo stesso nome")).file("documento", "a.txt", b"1");
    let r = b.registra(&b.anna, m.file("allegato", "a.txt", b"2")).await;
    assert_eq!((r.stato, r.campo().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "allegato"), "{}", r.json());
    // What goes on paper has no XML beside it.
    let mut carta = uscita("Su carta");
    carta["mezzo"] = "cartaceo".into();
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&carta)).await;
    assert_eq!((&r.json()["numero"], &r.json()["sigillo"]["stato"]), (&json!(numero + 1), &json!("non-richiesto")));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_provider_away_uscite_stop_unless_the_rgd_lets_them_wait_and_all_are_sealed_when_it_is_back() {
    let b = Banco::nuovo().await;
    imposta(&b).await;
    let s = b.ente.configurazione().aoo[&"AOO1".parse().unwrap()].sigillo.clone().unwrap();
    // A port that nobody answers: bound, and closed again.
    let porta = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let altrove =
        json!({"fornitore": "csc", "url": format!("http://{porta}/csc/v2"), "clientId": "a", "clientSecret": "b"});
    let (aoo, segreto) = ("AOO1".parse().unwrap(), Segreto::Sigillo(altrove.to_string().into_bytes()));
    b.ente.configura(&aoo, &archivio::sistema(), C::ImpostaSigillo { sigillo: s }, Some(segreto), None).await.unwrap();
    let indirizzi = vec![format!("http://{porta}/csc/v2")];
    let sigilli = sigilli::Sigilli::con(sigilli::fornitore::Ammessi { indirizzi, ..Default::default() });
    let b = b.con_sigilli(sigilli);

    let una = registra(&b, "Registrata prima che si sapesse").await;
    let con_chiave = || {
        let m = Modulo::nuovo().dati(&uscita("Con la sua chiave")).file("documento", "b.txt", b"2");
        m.richiesta(&b.anna, &format!("{BASE}/registrazioni"), Some("k1"))
    };
    let prima = b.manda(con_chiave()).await;
    assert_eq!(prima.stato, StatusCode::CREATED);
    sigilli::dell_ente(&b.servizio.sigilli, &*b.ente).await;
    assert!(b.servizio.sigilli.giu(b.ente.ipa(), &aoo).is_some());
    let m = || Modulo::nuovo().dati(&uscita("Fermata")).file("documento", "a.txt", b"1");
    let r = b.registra(&b.anna, m()).await;
    assert_eq!(
        (r.stato, r.json()["type"].as_str()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("/problemi/sigillo-non-disponibile"))
    );
    // A request that was done has its first answer; what comes in, or goes on paper, is not concerned; no number was lost.
    let ripetuta = b.manda(con_chiave()).await;
    assert_eq!((ripetuta.stato, &ripetuta.json()["numero"]), (StatusCode::CREATED, &prima.json()["numero"]));
    let mut carta = uscita("Su carta");
    carta["mezzo"] = "cartaceo".into();
    assert_eq!(b.registra(&b.anna, Modulo::nuovo().dati(&carta)).await.stato, StatusCode::CREATED);
    assert_eq!(b.prossimo().await, una["numero"].as_i64().unwrap() + 3);
    let pronto = b.get(&b.anna, "/salute/pronto").await.json();
    assert!(pronto["avvisi"].to_string().contains("sigillo non disponibile"), "{pronto}");

    let fino = Istante(b.ente.ora().0 + 3_600_000_000);
    let differisci = json!({"fino": fino.con_offset(), "motivo": "il fornitore è fermo dalle 9"});
    let posta = format!("{BASE}/sigillo/differimento");
    assert_eq!(b.post(&b.anna, &posta, differisci.clone()).await.stato, StatusCode::FORBIDDEN);
    let r = b.post(&b.rita, &posta, differisci).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    let due = b.registra(&b.anna, m()).await;
    assert_eq!((due.stato, &due.json()["sigillo"]["stato"]), (StatusCode::CREATED, &json!("in-attesa")));

    // Another node, which may not use that provider at all, and tries it no more by itself.
    let altro = sigilli::Sigilli::default();
    sigilli::dell_ente(&altro, &*b.ente).await;
    assert!(altro.giu(b.ente.ipa(), &aoo).is_some());
    imposta(&b).await;
    sigilli::dell_ente(&b.servizio.sigilli, &*b.ente).await;
    assert_eq!(b.servizio.sigilli.giu(b.ente.ipa(), &aoo), None);
    sigilli::dell_ente(&altro, &*b.ente).await;
    assert_eq!(
        altro.giu(b.ente.ipa(), &aoo),
        None,
        "the seal that was set through the first one is found by the other"
    );
    let s = b.get(&b.ada, &format!("{BASE}/sigillo")).await.json();
    assert_eq!((&s["inAttesa"], &s["impedimento"]), (&json!(0), &Value::Null));
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_wait_and_are_sealed_together_while_others_seal_too() {
    let b = Banco::nuovo().await;
    imposta(&b).await;
    for i in 0..150 {
        registra(&b, &format!("Lettera {i}")).await;
    }
    let altro = sigilli::Sigilli::default();
    tokio::join!(sigilli::dell_ente(&b.servizio.sigilli, &*b.ente), sigilli::dell_ente(&altro, &*b.ente));
    sigilli::dell_ente(&b.servizio.sigilli, &*b.ente).await;
    assert_eq!(b.ente.quante_da_sigillare(&"AOO1".parse().unwrap()).await.unwrap().0, 0);
    let v = b.ente.verifica(&|_| {}).await.unwrap();
    assert_eq!((v.file, v.differenze), (152, vec![]));
}
