//! Messages that leave, and what others say of them: Python's `email` takes them apart and must find what we put in.

use std::io::Write as _;
use std::process::{Command, Stdio};

use pec::componi::{Errore, File, Interoperabilita, Uscita, componi, message_id};
use pec::mime::{Indirizzo, Messaggio};
use pec::{Ricevuta, Tipo};
use segnatura::modello::TipoMessaggio;

use super::banco::{data, letto};

const GIUDICE: &str = r#"
import sys, json, hashlib, email, email.policy
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parti = list(m.walk())
difetti = [str(d) for p in parti for d in p.defects] + [str(d) for p in parti for k, v in p.items() for d in getattr(v, "defects", [])]
indirizzi = lambda k: [[a.display_name, a.addr_spec] for v in m.get_all(k, []) for a in v.addresses]
testo = m.get_body(("plain",))
print(json.dumps({
    "difetti": difetti, "id": m["Message-ID"], "oggetto": m["Subject"], "from": indirizzi("From"), "to": indirizzi("To"),
    "cc": indirizzi("Cc"), "ricevuta": m["X-TipoRicevuta"], "data": m["Date"].datetime.isoformat(),
    "testo": testo and testo.get_content(),
    "file": [[p.get_filename(), p.get_content_type(), hashlib.sha256(p.get_payload(decode=True) or b"").hexdigest()]
             for p in m.iter_attachments()],
}))
"#;

fn python(byte: &[u8]) -> Option<serde_json::Value> {
    let Ok(mut p) = Command::new("python3").args(["-c", GIUDICE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
    else {
        assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "python3 is missing");
        eprintln!("skipped: no python3");
        return None;
    };
    p.stdin.take().unwrap().write_all(byte).unwrap();
    let uscita = p.wait_with_output().unwrap();
    assert!(uscita.status.success());
    Some(serde_json::from_slice(&uscita.stdout).unwrap())
}

fn chi(nome: Option<&str>, indirizzo: &str) -> Indirizzo {
    Indirizzo { nome: nome.map(str::to_owned), indirizzo: indirizzo.to_owned() }
}

fn uscita() -> Uscita<'static> {
    Uscita {
        message_id: "<00112233445566778899aabbccddeeff@comune.example>",
        data: data(),
        mittente: chi(Some("Comune di Città, protocollo"), "protocollo@comune.example"),
        risposte: None,
        a: vec![chi(Some("Nicolò \"Nico\" D'Àvila"), "nico@pec.example"), chi(None, "anna@pec.example")],
        cc: vec![chi(Some("Ufficio <tecnico>"), "ufficio@pec.example")],
        oggetto: "Determina n. 5: «perché sì», una riga abbastanza lunga da andare a capo più di una volta nell'intestazione",
        testo: "Si trasmette quanto in oggetto.\nÈ tutto.\n.\nFrom qui\n",
        xml: Some(Interoperabilita::Segnatura(b"<a/>")),
        file: vec![
            File { nome: "delibera città.pdf", mime: "application/pdf", byte: b"%PDF-1.7\r\n\0\xff\n" },
            File { nome: "a \"b\"; c=d.txt", mime: "text/plain", byte: b"riga\nsenza a capo" },
            File {
                nome: "un nome molto lungo che non sta in una riga sola perché va oltre settantasei caratteri – così è.docx",
                mime: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                byte: b"",
            },
        ],
        ricevuta: Ricevuta::Completa,
    }
}

/// R-D21, R-D28, R-E03, R-E13.
#[test]
fn an_outside_judge_finds_what_was_put_in() {
    let u = uscita();
    let scritto = componi(&u).unwrap();
    assert_eq!(scritto, componi(&u).unwrap());
    let Some(v) = python(&scritto) else { return };
    assert_eq!(v["difetti"], serde_json::json!([]), "{}", String::from_utf8_lossy(&scritto));
    assert_eq!(v["id"], u.message_id);
    assert_eq!(v["oggetto"], u.oggetto);
    let coppie = |v: &[Indirizzo]| -> serde_json::Value {
        v.iter().map(|i| serde_json::json!([i.nome.clone().unwrap_or_default(), i.indirizzo])).collect()
    };
    assert_eq!(v["from"], coppie(std::slice::from_ref(&u.mittente)));
    assert_eq!((&v["to"], &v["cc"]), (&coppie(&u.a), &coppie(&u.cc)));
    assert_eq!((&v["ricevuta"], &v["data"]), (&"completa".into(), &"2026-11-28T12:59:12+01:00".into()));
    // In a message lines end with two characters.
    assert_eq!(v["testo"], u.testo.replace('\n', "\r\n"));
    let xml = File { nome: "Segnatura.xml", mime: "application/xml", byte: b"<a/>" };
    let file: Vec<_> = std::iter::once(&xml)
        .chain(&u.file)
        .map(|f| {
            serde_json::json!([
                f.nome,
                f.mime,
                firme::impronte::esadecimale(&firme::impronte::Digesto::Sha256.di(f.byte))
            ])
        })
        .collect();
    assert_eq!(v["file"], serde_json::Value::Array(file));
}

/// We read what we write as the judge does.
#[test]
fn what_is_composed_is_read_back_the_same() {
    let u = uscita();
    let scritto = componi(&u).unwrap();
    let l = letto(&scritto);
    assert_eq!((l.tipo, l.rilievi.as_slice()), (Tipo::PostaOrdinaria, &[][..]));
    let t = l.busta.testata();
    assert_eq!(t.from.as_ref(), Some(&u.mittente));
    assert_eq!((&t.to, &t.cc), (&u.a, &u.cc));
    assert_eq!((t.subject.as_deref(), t.date), (Some(u.oggetto), Some(u.data)));
    assert_eq!(t.message_id.as_deref(), Some(u.message_id));
    let letti: Vec<_> =
        l.allegati().map(|a| (a.nome.unwrap(), a.mime.to_owned(), a.contenuto.byte().into_owned())).collect();
    let messi: Vec<_> = std::iter::once(("Segnatura.xml".to_owned(), "application/xml".to_owned(), b"<a/>".to_vec()))
        .chain(u.file.iter().map(|f| (f.nome.to_owned(), f.mime.to_owned(), f.byte.to_vec())))
        .collect();
    assert_eq!(letti, messi);
}

/// A provider's messages are well formed for others too.
#[test]
fn the_outside_judge_finds_no_defect_in_the_messages_of_the_provider() {
    let invio = super::banco::invio();
    for tipo in [Tipo::PostaCertificata, Tipo::Accettazione] {
        let d = invio.dati(tipo, data(), "prova1@pec.example");
        let scritto = super::banco::gestore().messaggio(&d, Some(&invio.originale)).unwrap();
        let Some(v) = python(&scritto) else { return };
        assert_eq!(v["difetti"], serde_json::json!([]));
    }
}

/// R-D22…R-D25: what comes back has its own name.
#[test]
fn a_return_message_has_the_name_it_must_have() {
    for (tipo, nome) in [
        (TipoMessaggio::ConfermaRicezione, "Conferma.xml"),
        (TipoMessaggio::NotificaEccezione, "Eccezione.xml"),
        (TipoMessaggio::AggiornamentoConferma, "Aggiornamento.xml"),
        (TipoMessaggio::AnnullamentoProtocollazione, "Annullamento.xml"),
    ] {
        let u = Uscita { xml: Some(Interoperabilita::Ritorno(tipo, b"<x/>")), file: Vec::new(), ..uscita() };
        let scritto = componi(&u).unwrap();
        let m = Messaggio::leggi(&*scritto);
        assert!(m.parti().iter().any(|p| p.nome.as_deref() == Some(nome)), "{nome}");
    }
}

#[test]
fn what_no_message_can_hold_is_refused_by_the_name_of_its_field() {
    let base = uscita();
    let file = |nome| File { nome, mime: "application/pdf", byte: b"x" };
    type Guasto = (fn(&mut Uscita<'static>), &'static str);
    let guasti: [Guasto; 12] = [
        (|u| u.a.clear(), "destinatari"),
        (|u| u.a = vec![u.a[0].clone(); 501], "destinatari"),
        (|u| u.a[0].indirizzo = "non un indirizzo".into(), "destinatari"),
        (|u| u.a[0].indirizzo = "a@b.example\r\nBcc: c@d.example".into(), "destinatari"),
        (|u| u.mittente.nome = Some("a\r\nBcc: x@y.example".into()), "mittente"),
        (|u| u.oggetto = "a\r\nBcc: x@y.example", "oggetto"),
        (|u| u.message_id = "senza parentesi", "Message-ID"),
        (|u| u.message_id = "<a@b>\r\nX: y", "Message-ID"),
        (|u| u.file[0].nome = "../x", "nome del file"),
        (|u| u.file[0].nome = "a\nb.pdf", "nome del file"),
        (|u| u.file[0].nome = "SEGNATURA.XML", "nome del file"),
        (|u| u.file[0].mime = "pdf", "tipo del file"),
    ];
    for (guasta, atteso) in guasti {
        let mut u = base.clone();
        guasta(&mut u);
        let Err(Errore::Campo { campo, .. }) = componi(&u) else { panic!("{atteso}") };
        assert_eq!(campo, atteso);
    }
    let u = Uscita { file: vec![file("a.pdf"), file("A.pdf")], ..base };
    assert_eq!(componi(&u).unwrap_err().to_string(), "nome del file: «A.pdf» c'è due volte");
    assert!(message_id([7; 16], "comune.example").unwrap().starts_with("<0707"));
    assert!(message_id([7; 16], "due parole").is_err());
}
