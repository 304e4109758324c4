//! What is made to cost: big, deep, many, broken. A finding, bounded memory, an answer.

use pec::mime::{LIVELLI_MAX, Messaggio, PARTI_MAX, TESTATA_MAX};
use pec::{Codice, Tipo};
use proptest::prelude::*;

use super::banco::letto;

fn detto(byte: &[u8], codice: Codice) -> bool {
    letto(byte).rilievi.iter().any(|r| r.codice == codice)
}

#[test]
fn too_many_parts_are_left_unread_and_it_is_said() {
    let mut m = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    for _ in 0..PARTI_MAX + 50 {
        m.extend_from_slice(b"--b\r\n\r\nx\r\n");
    }
    m.extend_from_slice(b"--b--\r\n");
    assert_eq!(Messaggio::leggi(&*m).parti().len(), PARTI_MAX);
    assert!(detto(&m, Codice::Limite));
}

#[test]
fn too_many_levels_are_left_unopened_and_it_is_said() {
    let mut m = b"From: a@b.example\r\n".to_vec();
    for i in 0..LIVELLI_MAX + 50 {
        m.extend_from_slice(format!("Content-Type: multipart/mixed; boundary=b{i}\r\n\r\n--b{i}\r\n").as_bytes());
    }
    let letto = Messaggio::leggi(&*m);
    assert_eq!(letto.parti().len(), LIVELLI_MAX + 1);
    assert!(detto(&m, Codice::Limite));
}

/// Messages inside of messages without end: they are opened one at a time, by who asks.
#[test]
fn messages_inside_of_messages_do_not_exhaust_the_stack() {
    let m = b"Content-Type: message/rfc822\r\n\r\n".repeat(200_000);
    let l = letto(&m);
    assert_eq!((l.tipo, l.busta.parti().len()), (Tipo::PostaOrdinaria, 1));
    assert_eq!(l.allegati().count(), 1);
}

/// Each part says that it has parts of its own, and none is there: nobody looks for them twice.
#[test]
fn boundaries_that_never_come_cost_one_look() {
    let mut m = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n".to_vec();
    for i in 0..5_000 {
        m.extend_from_slice(
            format!("--b\r\nContent-Type: multipart/mixed; boundary=mai{i}\r\n\r\n{}\r\n", "-- \r\n".repeat(50))
                .as_bytes(),
        );
    }
    assert_eq!(Messaggio::leggi(&*m).parti().len(), 5_001);
    assert!(detto(&m, Codice::Mime));
}

#[test]
fn headers_without_end_are_read_up_to_their_limit() {
    let lungo = "a".repeat(TESTATA_MAX + 10);
    let molti = "X-Riga: valore\r\n".repeat(TESTATA_MAX / 16 + 10);
    let indirizzi = format!("To: {}\r\n", "a@b.example, ".repeat(TESTATA_MAX / 13));
    let parametri =
        format!("Content-Type: multipart/mixed; {}\r\n", (0..60_000).map(|i| format!("a*{i}=x; ")).collect::<String>());
    let parole = format!("Subject: {}\r\n", "=?utf-8?q?a?= =?".repeat(60_000));
    let aperte = format!("From: {}\r\n", "\"(<".repeat(300_000));
    for testa in [format!("Subject: {lungo}\r\n"), molti, indirizzi, parametri, parole, aperte] {
        let m = format!("X-Ricevuta: accettazione\r\n{testa}X-Dopo: sì\r\n\r\ncorpo");
        let l = letto(m.as_bytes());
        assert_eq!(l.tipo, Tipo::Accettazione);
        let p = &l.busta.parti()[0];
        assert_eq!(&m[p.corpo.clone()], "corpo");
    }
}

#[test]
fn unknown_alphabets_and_encodings_are_said_and_the_bytes_are_kept() {
    let m = b"Subject: =?klingon?Q?a=FFb?=\r\nFrom: \xe0\xe8 <a@b.example>\r\nContent-Type: text/plain; charset=klingon\r\n\
        Content-Transfer-Encoding: x-segreta\r\n\r\n\xff\xfe";
    let l = letto(m);
    assert_eq!(l.busta.testata().from.as_ref().unwrap().nome.as_deref(), Some("àè"));
    assert_eq!(*l.busta.contenuto(&l.busta.parti()[0]).byte(), *b"\xff\xfe");
    let detti: Vec<_> = l.rilievi.iter().filter(|r| r.codice == Codice::Codifica).collect();
    assert_eq!(detti.len(), 3, "{detti:?}");
}

#[test]
fn what_is_no_message_at_all_is_one_part() {
    for byte in [
        &b""[..],
        b"\n",
        b"ciao",
        b"--",
        b"\r\n\r\n",
        &[0xff; 1000],
        b"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n",
    ] {
        let l = letto(byte);
        assert_eq!((l.tipo, l.busta.parti().len()), (Tipo::PostaOrdinaria, 1), "{byte:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    /// Parts are inside of what they are part of, in order, whatever the bytes.
    #[test]
    fn parts_are_inside_of_what_they_are_part_of(pezzi in proptest::collection::vec(proptest::sample::select(vec![
        "--a\r\n", "--a--\r\n", "--b\n", "--b--\n", "\r\n", "\n", "x\r\n", "--", "Content-Type: multipart/mixed; boundary=a\r\n",
        "Content-Type: multipart/mixed; boundary=b\n", "Content-Type: message/rfc822\r\n", " y\r\n", "From: x\r\n",
    ]), 0..60)) {
        let testo = pezzi.concat();
        let m = Messaggio::leggi(testo.as_bytes());
        prop_assert_eq!(m.parti()[0].intera(), 0..testo.len());
        let mut ultima = 0;
        for p in m.parti() {
            prop_assert!(p.testata.start >= ultima && p.testata.end == p.corpo.start && p.corpo.start <= p.corpo.end);
            ultima = p.testata.start;
            if let Some(padre) = p.padre {
                let padre = &m.parti()[padre];
                prop_assert!(padre.aperta() && padre.corpo.start <= p.testata.start && p.corpo.end <= padre.corpo.end.max(p.corpo.start));
            }
        }
    }
}
