//! What real mail does and no norm says: read, kept, told (R-D29, R-E05).

use base64::Engine as _;
use pec::{Codice, ErrorePec, Tipo};

use super::banco::letto;

const DATI: &str = include_str!("../dati/daticert.xml");

/// A receipt without signature, its data in this dress.
fn ricevuta(intestazioni: &str, dati: &[u8]) -> Vec<u8> {
    let prima = format!(
        "X-Ricevuta: errore-consegna\r\nX-Riferimento-Message-ID: <1@comune.example>\r\nDate: Fri, 15 Nov 2024 18:21:09 +0100\r\n\
         To: protocollo@comune.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntesto\r\n--b\r\n{intestazioni}\r\n\r\n"
    );
    [prima.as_bytes(), dati, b"\r\n--b--\r\n"].concat()
}

fn base64(byte: &[u8]) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.encode(byte).into_bytes()
}

#[test]
fn the_data_are_read_in_every_dress() {
    let latino = DATI.replacen("UTF-8", "ISO-8859-1", 1);
    let latino: Vec<u8> = latino.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let qp: String = DATI
        .bytes()
        .map(|b| if b == b'=' || b > 126 { format!("={b:02X}") } else { char::from(b).to_string() })
        .collect();
    let nome = "Content-Type: application/xml; name=\"daticert.xml\"";
    let come = |c: &str| format!("{nome}\r\nContent-Transfer-Encoding: {c}");
    let doctype = DATI.replacen("?>", "?><!DOCTYPE postacert SYSTEM \"http://127.0.0.1:1/daticert.dtd\">", 1);
    for (intestazioni, byte) in [
        (come("base64"), base64(DATI.as_bytes())),
        (come("8bit"), DATI.as_bytes().to_vec()),
        (come("8bit"), latino.clone()),
        (come("base64"), base64(&latino)),
        (come("quoted-printable"), qp.into_bytes()),
        (come("8bit"), doctype.into_bytes()),
        ("Content-Type: text/xml\r\nContent-Disposition: inline; filename=\"DATICERT.XML\"".into(), DATI.into()),
    ] {
        let byte = ricevuta(&intestazioni, &byte);
        let l = letto(&byte);
        let d = l.daticert.as_ref().expect(&intestazioni);
        assert_eq!((l.tipo, d.errore), (Tipo::ErroreConsegna, Some(ErrorePec::Altro)), "{intestazioni}");
        assert_eq!(d.oggetto.as_deref(), Some("Determina n. 5 & allegati «città»"), "{intestazioni}");
        assert_eq!(d.errore_esteso.as_deref(), Some("5.2.2 casella piena"));
        assert_eq!(l.rilievi.iter().map(|r| r.codice).collect::<Vec<_>>(), [Codice::Firma], "{intestazioni}");
        assert!(!l.verificata());
    }
}

#[test]
fn without_data_what_the_header_says_is_what_is_known() {
    let senza = ricevuta("Content-Type: application/pdf", b"x");
    let rotti = ricevuta("Content-Type: application/xml; name=daticert.xml", b"non XML");
    for byte in [senza, rotti] {
        let l = letto(&byte);
        assert_eq!(l.tipo, Tipo::ErroreConsegna);
        assert!(l.daticert.is_none() && l.rilievi.iter().any(|r| r.codice == Codice::Daticert));
        let s = l.sunto();
        assert_eq!(s.riferimento_message_id.as_deref(), Some("<1@comune.example>"));
        assert_eq!(s.data.unwrap().to_string(), "2024-11-15T18:21:09+01:00");
        assert_eq!(s.mittente.as_deref(), Some("protocollo@comune.example"));
    }
}

/// Data that are deeper than where a provider puts them are somebody else's.
#[test]
fn data_out_of_their_place_are_not_read() {
    let dentro = format!(
        "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\nContent-Type: application/xml; name=daticert.xml\r\n\r\n{DATI}\r\n--c--"
    );
    let byte = ricevuta(&dentro, b"");
    let l = letto(&byte);
    assert!(l.daticert.is_none());
    assert!(l.rilievi.iter().any(|r| r.messaggio.contains("non è dove")));
    // Nor does a file of that name make a receipt of ordinary mail.
    let ordinaria =
        String::from_utf8(ricevuta("Content-Type: application/xml; name=daticert.xml", DATI.as_bytes())).unwrap();
    let ordinaria = ordinaria.replacen("X-Ricevuta: errore-consegna\r\n", "", 1);
    let l = letto(ordinaria.as_bytes());
    assert_eq!((l.tipo, l.daticert.is_none(), l.dati.msgid.is_none()), (Tipo::PostaOrdinaria, true, true));
    assert_eq!(l.allegati().count(), 1);
}

#[test]
fn an_unknown_receipt_is_what_its_data_say_or_ordinary_mail() {
    let byte =
        String::from_utf8(ricevuta("Content-Type: application/xml; name=daticert.xml", DATI.as_bytes())).unwrap();
    let l = byte.replacen("X-Ricevuta: errore-consegna", "X-Ricevuta: boh", 1);
    assert_eq!(letto(l.as_bytes()).tipo, Tipo::ErroreConsegna);
    let l = letto(b"X-Ricevuta: boh\r\nFrom: a@b.example\r\n\r\nciao");
    assert_eq!(l.tipo, Tipo::PostaOrdinaria);
    assert!(l.rilievi.iter().any(|r| r.codice == Codice::Discorde));
}

#[test]
fn a_delivery_status_of_ordinary_mail_is_a_kind_of_its_own() {
    let dsn = b"From: MAILER-DAEMON@posta.example\r\nTo: protocollo@comune.example\r\nDate: Fri, 15 Nov 2024 18:21:09 +0100\r\n\
        Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\r\nNon consegnato\r\n--b\r\n\
        Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; posta.example\r\n\r\nFinal-Recipient: rfc822; bruno@posta.example\r\n\
        Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 utente sconosciuto\r\n--b\r\n\
        Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: <uno@comune.example>\r\nSubject: Avviso\r\n\r\n--b--\r\n";
    let s = letto(dsn).sunto();
    assert_eq!((s.tipo, s.consegna.as_deref()), (Tipo::Dsn, Some("bruno@posta.example")));
    assert_eq!(s.errore_esteso.as_deref(), Some("550 5.1.1 utente sconosciuto"));
    assert_eq!(s.riferimento_message_id.as_deref(), Some("<uno@comune.example>"));
    assert!(!s.verificata && !s.firma.presente);
}

/// The message inside may be encoded, which RFC 2046 forbids and some do.
#[test]
fn an_encoded_message_inside_is_opened() {
    let dentro = b"From: a@b.example\r\nSubject: dentro\r\nContent-Type: application/pdf; name=x.pdf\r\n\r\n%PDF";
    let byte = [
        &b"X-Trasporto: posta-certificata\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
        Content-Type: message/rfc822; name=postacert.eml\r\nContent-Transfer-Encoding: base64\r\n\r\n"[..],
        &base64(dentro),
        b"\r\n--b--",
    ]
    .concat();
    let l = letto(&byte);
    assert_eq!(l.originale.as_ref().unwrap().byte(), dentro);
    assert_eq!(l.sunto().messaggio.unwrap().allegati[0].byte, 4);
}

/// The text that a person reads, in whatever alphabet.
#[test]
fn the_body_is_read_in_its_alphabet() {
    for (charset, corpo) in [
        ("iso-8859-1", &b"\xe8 vero \x96"[..]),
        ("utf-8", "è vero –".as_bytes()),
        ("klingon", "è vero –".as_bytes()),
        ("klingon", b"\xe8 vero \x96"),
    ] {
        let prima = format!(
            "From: a@b.example\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<b>\r\n\
             --b\r\nContent-Type: text/plain; charset={charset}\r\n\r\n"
        );
        let byte = [prima.as_bytes(), corpo, b"\r\n--b--\r\n"].concat();
        let l = letto(&byte);
        assert_eq!(l.busta.testo(l.busta.corpo().unwrap()), "è vero –", "{charset}");
        assert_eq!(l.allegati().count(), 0);
    }
}

/// The JSON is that of the contract.
#[test]
fn the_summary_has_the_names_of_the_contract() {
    let byte = ricevuta("Content-Type: application/xml; name=daticert.xml", DATI.as_bytes());
    let v = serde_json::to_value(letto(&byte).sunto()).unwrap();
    for campo in [
        "tipo",
        "ricevuta",
        "errore",
        "errore_esteso",
        "identificativo",
        "riferimento_message_id",
        "mittente",
        "destinatari",
        "data",
        "gestore",
        "firma",
        "messaggio",
    ] {
        assert!(v.get(campo).is_some(), "{campo}");
    }
    assert_eq!((&v["tipo"], &v["errore"]), (&"errore-consegna".into(), &"altro".into()));
    assert_eq!(v["destinatari"][1], serde_json::json!({"indirizzo": "bruno@posta.example", "tipo": "esterno"}));
    assert_eq!(v["data"], "2024-11-15T18:21:03+01:00");
    assert_eq!(v["firma"]["presente"], false);
}
