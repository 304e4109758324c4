//! Round trips: what our provider writes is read back the same, of every kind and size; a byte that changes shows.

use firme::Fiducia;
use firme::esame::EsitoIdentita;
use pec::daticert::{Daticert, Destinatario};
use pec::firma::Integrita;
use pec::{Codice, ErrorePec, Ricevuta, Tipo, TipoDestinatario, leggi};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::banco::{CONSEGNATO, data, fiducia, gestore, invio, letto, quando};

const ID: &str = "prova1.20261128125912@pec.example";

/// Every kind that has data, with every size of receipt and every error it may have.
fn tutti() -> Vec<Daticert> {
    use ErrorePec as E;
    use Tipo as T;
    let mut v = Vec::new();
    for ricevuta in [Ricevuta::Completa, Ricevuta::Breve, Ricevuta::Sintetica] {
        for tipo in [T::PostaCertificata, T::AvvenutaConsegna] {
            let consegna = (tipo == T::AvvenutaConsegna).then(|| "anna@pec.example".to_owned());
            v.push(Daticert { ricevuta: Some(ricevuta), consegna, ..invio().dati(tipo, data(), ID) });
        }
    }
    v.push(invio().dati(T::Accettazione, data(), ID));
    v.push(Daticert { ricezione: vec!["anna@pec.example".into()], ..invio().dati(T::PresaInCarico, data(), ID) });
    for (tipo, errore, esteso) in [
        (T::NonAccettazione, E::Altro, Some("manca il campo «To» & altro")),
        (T::NonAccettazione, E::Virus, None),
        (T::ErroreConsegna, E::NoDest, Some("5.1.1 indirizzo inesistente")),
        (T::ErroreConsegna, E::NoDominio, None),
        (T::ErroreConsegna, E::Virus, Some("Eicar")),
        (T::ErroreConsegna, E::Altro, Some("non consegnato nelle ventiquattro ore")),
        (T::PreavvisoErroreConsegna, E::Altro, Some("non consegnato nelle dodici ore")),
        (T::RilevazioneVirus, E::Virus, Some("Eicar")),
    ] {
        v.push(Daticert {
            errore: Some(errore),
            consegna: (tipo != T::NonAccettazione).then(|| "anna@pec.example".to_owned()),
            errore_esteso: esteso.map(str::to_owned),
            ..invio().dati(tipo, data(), ID)
        });
    }
    v.into_iter().map(|d| Daticert { gestore: Some("Gestore di prova".into()), ..d }).collect()
}

/// R-E01, R-E03, R-E04, R-E05, R-E13.
#[test]
fn every_kind_is_read_back_as_it_was_made() {
    let mut visti = std::collections::HashSet::new();
    for d in tutti() {
        let scritto = gestore().messaggio(&d, Some(CONSEGNATO.as_bytes())).unwrap();
        let l = letto(&scritto);
        assert_eq!((Some(l.tipo), l.daticert.as_ref()), (d.tipo, Some(&d)));
        assert_eq!(l.dati, d);
        assert!(l.verificata() && l.firma.identita() == EsitoIdentita::Riconosciuta, "{:?}", l.firma.motivo);
        assert_eq!(l.rilievi, []);
        assert_eq!(l.busta.testata().x_verifica_sicurezza.is_some(), {
            d.errore == Some(ErrorePec::Virus) && l.tipo != Tipo::PostaCertificata
        });
        let allegati: Vec<_> = l.sunto().messaggio.unwrap().allegati;
        match (l.tipo, d.ricevuta) {
            (Tipo::PostaCertificata, _) | (Tipo::AvvenutaConsegna, Some(Ricevuta::Completa)) => {
                let o = l.originale.as_ref().unwrap();
                assert_eq!(o.testata().subject.as_deref(), Some("Città e frazioni"));
                assert_eq!(o.testata().message_id.as_deref(), Some(format!("<{ID}>").as_str()));
                assert_eq!(o.testata().x_riferimento_message_id.as_deref(), Some("<uno@comune.example>"));
                assert_eq!(allegati[0].nome.as_deref(), Some("delibera città.pdf"));
                assert_eq!(allegati[0].byte, 9);
                // The body is as it was handed in.
                assert!(CONSEGNATO.ends_with(std::str::from_utf8(&o.byte()[o.parti()[0].corpo.clone()]).unwrap()));
            }
            (Tipo::AvvenutaConsegna, Some(Ricevuta::Breve)) => {
                assert_eq!(allegati[0].nome.as_deref(), Some("delibera città.pdf.hash"));
                assert_eq!(allegati[0].byte, 64);
            }
            _ => assert!(l.originale.is_none() && allegati.is_empty()),
        }
        visti.insert(l.tipo);
    }
    assert_eq!(visti.len(), Tipo::DATICERT.len());
}

/// R-E01: the envelope of anomaly certifies nothing.
#[test]
fn ordinary_mail_in_an_envelope_of_anomaly_is_told_apart() {
    let scritto = gestore().anomalia(&invio(), data(), ID, "firma non valida").unwrap();
    let l = letto(&scritto);
    assert_eq!(l.tipo, Tipo::AnomaliaMessaggio);
    assert!(l.firma.verificata() && l.daticert.is_none());
    assert_eq!(l.dati.mittente.as_deref(), Some("protocollo@comune.example"));
    assert_eq!(l.dati.destinatari.iter().map(|d| d.tipo).collect::<Vec<_>>(), [None, None]);
    assert_eq!(l.originale.unwrap().byte(), CONSEGNATO.as_bytes());
    assert_eq!(l.rilievi, []);
}

/// The three facts of a signature, apart from one another (R-E05).
#[test]
fn signature_integrity_and_identity_are_three_facts() {
    let d = &tutti()[0];
    let scritto = gestore().messaggio(d, Some(CONSEGNATO.as_bytes())).unwrap();
    let fatti = |byte: &[u8], f: &Fiducia, quando| {
        let l = leggi(byte, f, quando);
        (l.firma.presente(), l.firma.integrita, l.firma.identita(), l.verificata())
    };
    use EsitoIdentita as I;
    assert_eq!(fatti(&scritto, &fiducia(), quando()), (true, Integrita::Integra, I::Riconosciuta, true));
    assert_eq!(fatti(&scritto, &Fiducia::nessuna(), quando()), (true, Integrita::Integra, I::NonVerificata, false));
    let tardi = "2040-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(fatti(&scritto, &fiducia(), tardi), (true, Integrita::Integra, I::Scaduta, false));
    // An anchor for documents is none for mail.
    let mut documenti = Fiducia::nessuna();
    documenti.ancora(&super::banco::CHIAVI.ca).unwrap();
    assert_eq!(fatti(&scritto, &documenti, quando()), (true, Integrita::Integra, I::NonVerificata, false));
    let altro = pec::genera::Chiavi::dimostrative("Altro", quando()).unwrap();
    let mut altri = Fiducia::nessuna();
    altri.ancora_pec(&altro.ca).unwrap();
    assert_eq!(fatti(&scritto, &altri, quando()), (true, Integrita::Integra, I::Sconosciuta, false));
}

/// Who writes the right line in a header is not a provider.
#[test]
fn a_forged_receipt_is_read_and_not_believed() {
    let buona = gestore().messaggio(&tutti()[1], None).unwrap();
    let nuda = String::from_utf8(buona).unwrap();
    // The signed part alone, as if it were the whole.
    let testata = nuda.split_once("MIME-Version").unwrap().0;
    let l = letto(nuda.as_bytes());
    let firmata = &nuda[l.busta.parti()[l.firma.firmata.unwrap()].intera()];
    let falsa = format!("{testata}{firmata}\r\n");
    let f = letto(falsa.as_bytes());
    assert_eq!((f.tipo, f.dati.msgid.clone()), (Tipo::AvvenutaConsegna, l.dati.msgid.clone()));
    assert!(!f.firma.presente() && !f.verificata());
    assert!(f.rilievi.iter().any(|r| r.codice == Codice::Firma));
    // With somebody's own signature around it, it is whole and of nobody.
    let chiavi = pec::genera::Chiavi::dimostrative("Truffa", quando()).unwrap();
    let truffa = pec::genera::Gestore { sigillo: &chiavi.sigillo, ..gestore() };
    let falsa = truffa.messaggio(&tutti()[1], None).unwrap();
    let f = letto(&falsa);
    assert!(f.firma.integra() && !f.verificata() && f.firma.identita() == EsitoIdentita::Sconosciuta);
}

/// The header is signed by nobody: the data win, and it is said.
#[test]
fn where_header_and_data_disagree_the_data_win() {
    let errore = tutti().into_iter().find(|d| d.tipo == Some(Tipo::ErroreConsegna)).unwrap();
    let scritto = String::from_utf8(gestore().messaggio(&errore, None).unwrap()).unwrap();
    let cambiato = scritto.replacen("X-Ricevuta: errore-consegna", "X-Ricevuta: avvenuta-consegna", 1);
    let l = letto(cambiato.as_bytes());
    assert_eq!(l.tipo, Tipo::ErroreConsegna);
    assert!(l.verificata() && l.rilievi.iter().any(|r| r.codice == Codice::Discorde));
    // Without the line, a provider that is believed in is still one; anybody else is not.
    let senza = scritto.replacen("X-Ricevuta: errore-consegna\r\n", "", 1);
    assert_eq!(letto(senza.as_bytes()).tipo, Tipo::ErroreConsegna);
    assert_eq!(leggi(senza.as_bytes(), &Fiducia::nessuna(), quando()).tipo, Tipo::PostaOrdinaria);
    // The subject says nothing.
    let oggetto = format!("Subject: ACCETTAZIONE: {}", "x");
    let ordinaria = format!("From: a@b.example\r\n{oggetto}\r\n\r\nciao\r\n");
    assert_eq!(letto(ordinaria.as_bytes()).tipo, Tipo::PostaOrdinaria);
}

/// A message that was certified once already.
#[test]
fn certified_mail_inside_of_certified_mail_is_two_messages() {
    let dentro = gestore().messaggio(&tutti()[0], Some(CONSEGNATO.as_bytes())).unwrap();
    let prima = "From: anna@pec.example\r\nTo: protocollo@comune.example\r\nMessage-ID: <due@pec.example>\r\n\
        Subject: I: inoltro\r\nContent-Type: multipart/mixed; boundary=zzz\r\n\r\n--zzz\r\n\r\nsi inoltra\r\n--zzz\r\n\
        Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"postacert.eml\"\r\n\r\n";
    let inoltro = [prima.as_bytes(), &dentro, b"\r\n--zzz--\r\n"].concat();
    let fuori = pec::genera::Invio::leggi(&inoltro, |_| true);
    let d = fuori.dati(Tipo::PostaCertificata, data(), "prova2@pec.example");
    let scritto = gestore().messaggio(&d, Some(&inoltro)).unwrap();
    let l = letto(&scritto);
    assert!(l.verificata());
    assert_eq!((l.dati.oggetto.as_deref(), l.dati.msgid.as_deref()), (Some("I: inoltro"), Some("<due@pec.example>")));
    let allegato = l.allegati().next().unwrap();
    assert_eq!(allegato.genere, pec::allegato::Genere::Messaggio);
    let annidato = allegato.contenuto.byte();
    assert!(*annidato == *dentro);
    let a = letto(&annidato);
    assert!(a.verificata() && a.dati.msgid.as_deref() == Some("<uno@comune.example>"));
}

fn parola() -> impl Strategy<Value = String> {
    // Whatever may be in a line of text, blanks only inside.
    "[!-~à-ü–“”€]([ -~à-ü–“”€]{0,60}[!-~à-ü–“”€])?".prop_map(|s| s.trim().to_owned())
}

fn indirizzo() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9.]{0,10}[a-z0-9]@[a-z]{1,10}\\.example".prop_filter("dots", |s| !s.contains(".."))
}

prop_compose! {
    fn destinatario()(indirizzo in indirizzo(), tipo in select(vec![TipoDestinatario::Certificato, TipoDestinatario::Esterno]))
        -> Destinatario {
        Destinatario { indirizzo, tipo: Some(tipo) }
    }
}

prop_compose! {
    fn daticert()(
        tipo in select(Tipo::DATICERT.to_vec()),
        errore in select(vec![ErrorePec::Nessuno, ErrorePec::NoDest, ErrorePec::NoDominio, ErrorePec::Virus, ErrorePec::Altro]),
        mittente in indirizzo(),
        destinatari in vec(destinatario(), 1..5),
        risposte in indirizzo(),
        oggetto in of(parola()),
        secondi in 0i64..4_000_000_000,
        minuti in -14 * 60..14 * 60i32,
        identificativo in "[a-z0-9.]{1,20}@pec\\.example",
        msgid in "<[a-zA-Z0-9$.!#-]{1,40}@[a-z0-9.]{1,20}>",
        ricevuta in of(select(vec![Ricevuta::Completa, Ricevuta::Breve, Ricevuta::Sintetica])),
        consegna in of(indirizzo()),
        ricezione in vec(indirizzo(), 0..4),
        errore_esteso in of(parola()),
    ) -> Daticert {
        let zona = jiff::tz::Offset::from_seconds(minuti * 60).unwrap();
        Daticert {
            tipo: Some(tipo), errore: Some(errore), mittente: Some(mittente), destinatari, risposte: Some(risposte), oggetto,
            gestore: Some("Gestore di prova".into()),
            data: Some(pec::Data { istante: jiff::Timestamp::from_second(secondi).unwrap(), zona }),
            identificativo: Some(identificativo), msgid: Some(msgid), ricevuta, consegna, ricezione, errore_esteso,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    /// Whatever the data, they come back the same, from inside of a signature that holds.
    #[test]
    fn all_data_come_back(d in daticert()) {
        // The certificate is not in force at any date: it is asked to sign at one when it is.
        let d = Daticert { data: Some(pec::Data { istante: quando(), ..d.data.unwrap() }), ..d };
        let scritto = gestore().messaggio(&d, Some(CONSEGNATO.as_bytes())).unwrap();
        let l = letto(&scritto);
        prop_assert_eq!(l.daticert.as_ref(), Some(&d));
        prop_assert_eq!(&l.dati, &d);
        prop_assert!(l.verificata());
        prop_assert_eq!(l.rilievi, []);
    }

    /// One byte of the signed part, any of its bits: it shows.
    #[test]
    fn a_byte_that_changes_shows(dove in 0.0..1.0f64, bit in 0u8..8, quale in 0usize..16) {
        let tutti = tutti();
        let mut scritto = gestore().messaggio(&tutti[quale % tutti.len()], Some(CONSEGNATO.as_bytes())).unwrap();
        let firmata = { let l = letto(&scritto); l.busta.parti()[l.firma.firmata.unwrap()].intera() };
        let dove = firmata.start + ((firmata.len() - 1) as f64 * dove) as usize;
        let prima = scritto[dove];
        scritto[dove] ^= 1 << bit;
        // A line break of another form is the same line break.
        prop_assume!(prima != b'\r' && prima != b'\n' && scritto[dove] != b'\r' && scritto[dove] != b'\n');
        prop_assert!(!letto(&scritto).verificata(), "byte {} of {:?}", dove, firmata);
    }
}
