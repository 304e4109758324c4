//! What we write: valid by the official schema, always the same bytes, already canonical, and read back as it was.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod comune;

use std::process::Command;

use comune::{FIRMA_FINTA, PEC_XSD, SEGNATURA_XSD, esempio, xmllint};
use proptest::prelude::*;
use segnatura::modello::*;
use segnatura::{Contenuto, leggi};

/// R-C05, R-C06, R-C07, R-C08: the document itself, so that a change of format is seen.
#[test]
fn the_segnatura_of_an_example_is_this_one() {
    let xml = esempio().non_sigillata().unwrap();
    let leggibile = String::from_utf8(xml.byte().to_vec()).unwrap().replace("><", ">\n<");
    insta::assert_snapshot!(leggibile);
}

/// R-D22, R-D23, R-D24, R-D25, R-D27.
#[test]
fn a_return_message_is_written_in_four_generations() {
    let identificatore = esempio().intestazione.identificatore;
    let messaggio = MessaggioDiRitorno::NotificaEccezione(Eccezione {
        identificatore: None,
        messaggio_ricevuto: MessaggioRicevuto::Registrato { identificatore, prima_registrazione: None },
        motivo: "L'impronta di «lettera.pdf» non è quella del file".to_owned(),
    });
    let mut tutti = String::new();
    for g in [Generazione::V2001, Generazione::V2009, Generazione::V2013, Generazione::V2021] {
        tutti.push_str(&String::from_utf8(messaggio.scrivi(g).unwrap()).unwrap().replace("><", ">\n<"));
        tutti.push('\n');
    }
    insta::assert_snapshot!(tutti);
    assert!(messaggio.scrivi(Generazione::Docarea).is_err());
}

/// R-C10: the seal is the last child, and what it digests is what was written.
#[test]
fn the_seal_goes_last_and_nothing_else_moves() {
    let n = esempio().non_sigillata().unwrap();
    let posto = n.posto_della_firma();
    assert_eq!(&n.byte()[posto..], b"</prot:SegnaturaInformatica>\n");
    let sigillata = n.con_firma(FIRMA_FINTA).unwrap();
    assert_eq!(&sigillata[..posto], &n.byte()[..posto]);
    assert_eq!(&sigillata[posto..posto + FIRMA_FINTA.len()], FIRMA_FINTA.as_bytes());
    let letta = leggi(&sigillata);
    assert!(letta.valida() && letta.conforme() && letta.firma.presente, "{:?}", letta.rilievi);
    assert_eq!(letta.firma.certificato.unwrap().base64, "AAECAwQ=");
    // Without its seal it is not valid, and with something else in its place neither.
    let senza = leggi(n.byte());
    assert!(!senza.valida() && senza.rilievi.len() == 1 && senza.rilievi[0].nome == "Signature");
    assert!(n.con_firma("<x/>").is_err() && n.con_firma("").is_err());
    assert!(n.con_firma(&format!("{FIRMA_FINTA}{FIRMA_FINTA}")).is_err());
}

/// R-C10: the bytes are their own exclusive canonical form, as xmllint makes it.
fn canonica(n: &segnatura::scrittura::NonSigillata) {
    let cartella = tempfile::tempdir().unwrap();
    let file = cartella.path().join("s.xml");
    std::fs::write(&file, n.byte()).unwrap();
    match Command::new("xmllint").args(["--nonet", "--exc-c14n"]).arg(&file).output() {
        Ok(o) => assert_eq!(String::from_utf8_lossy(&o.stdout), String::from_utf8_lossy(n.canonica())),
        Err(_) => {
            assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "xmllint is missing");
            eprintln!("xmllint is not installed: not asked");
        }
    }
}

#[test]
fn what_is_written_is_canonical_already() {
    canonica(&esempio().non_sigillata().unwrap());
}

/// The trap of the schema: `docs/segnatura.md`.
#[test]
fn a_postal_address_is_left_out_since_no_true_cap_is_valid() {
    let mut con = esempio();
    let Some(Soggetto::Amministrazione(a)) = &mut con.descrizione.mittente else { unreachable!() };
    a.contatti.as_mut().unwrap().postali.push(IndirizzoPostale { cap: "00100".to_owned(), ..Default::default() });
    assert_eq!(con.non_sigillata().unwrap(), esempio().non_sigillata().unwrap());
}

/// R-C06, R-C09, R-C13, R-D28: what would not be valid is not written, and it is said why.
#[test]
fn what_would_not_be_valid_is_refused_with_its_place() {
    let no = |dove: &str, guasta: &dyn Fn(&mut Segnatura)| {
        let mut s = esempio();
        guasta(&mut s);
        let rifiuti = s.non_sigillata().unwrap_err();
        assert!(rifiuti.0.iter().any(|r| r.percorso.contains(dove)), "{dove}: {rifiuti}");
    };
    no("NumeroRegistrazione", &|s| s.intestazione.identificatore.numero_registrazione = "123456".to_owned());
    no("DataRegistrazione", &|s| s.intestazione.identificatore.data_registrazione = "2026-02-29".to_owned());
    no("OraRegistrazione", &|s| s.intestazione.identificatore.ora_registrazione = Some("25:00:00".to_owned()));
    no("CodiceRegistro", &|s| s.intestazione.identificatore.codice_registro = Some("con spazi".to_owned()));
    no("Identificatore", &|s| s.intestazione.identificatore.codice_registro = None);
    no("Oggetto", &|s| s.intestazione.oggetto = " \n".to_owned());
    no("Oggetto", &|s| s.intestazione.oggetto = "a\u{1}b".to_owned());
    no("Classifica", &|s| s.intestazione.classifiche.clear());
    no("Classifica", &|s| s.intestazione.classifiche[0].codice = CodiceClassifica::Livelli(vec![]));
    no("Riferimenti", &|s| s.riferimenti.push(s.riferimenti[0].clone()));
    no("Riferimenti", &|s| s.riferimenti[0].oggetto = None);
    no("Mittente", &|s| s.descrizione.mittente = None);
    no("Destinatario", &|s| s.descrizione.destinatari.clear());
    no("Destinatario", &|s| s.descrizione.destinatari[0].soggetto = None);
    no("DocumentoPrimario", &|s| s.descrizione.documento_primario = None);
    no("Allegato[1]", &|s| s.descrizione.allegati[0].nome_file = Some("lettera.pdf".to_owned()));
    no("Allegato[1]/@mimeType", &|s| s.descrizione.allegati[0].mime_type = None);
    no("Allegato[1]/Impronta", &|s| s.descrizione.allegati[0].impronta = None);
    let impronta = |algoritmo: &str| {
        let algoritmo = Some(algoritmo.to_owned());
        move |s: &mut Segnatura| {
            s.descrizione.allegati[0].impronta.as_mut().unwrap().algoritmo.clone_from(&algoritmo);
        }
    };
    no("Impronta", &impronta("SHA-1"));
    no("Impronta", &impronta("SHA-224"));
    no("Impronta", &impronta("SHA-512"));
    no("PIVAoCF", &|s| {
        let Some(Soggetto::PersonaGiuridica(p)) = &mut s.descrizione.destinatari[0].soggetto else { unreachable!() };
        p.partita_iva = Some("SMPMRA80A01H501U".to_owned());
    });
    no("Amministrazione", &|s| {
        let Some(Soggetto::Amministrazione(a)) = &mut s.descrizione.mittente else { unreachable!() };
        a.codice_ipa = None;
    });
    let vuoto = Annullamento {
        identificatore: esempio().intestazione.identificatore,
        motivo: String::new(),
        provvedimento: "12/2026".to_owned(),
    };
    let rifiuti = MessaggioDiRitorno::AnnullamentoProtocollazione(vuoto).scrivi(Generazione::V2021).unwrap_err();
    assert_eq!(rifiuti.0[0].percorso, "/Motivo");
}

/// R-C06.
#[test]
fn numbers_have_seven_digits_or_more() {
    assert_eq!((sette_cifre(1), sette_cifre(12_345_678)), ("0000001".to_owned(), "12345678".to_owned()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is written is read back, byte for byte the same when written again, canonical, and nothing is wrong with it.
    #[test]
    fn what_is_written_is_read_back(s in comune::segnatura()) {
        let n = s.non_sigillata().unwrap();
        let letta = leggi(&n.con_firma(FIRMA_FINTA).unwrap());
        prop_assert!(letta.rilievi.is_empty(), "{:?}", letta.rilievi);
        let Some(Contenuto::Segnatura(riletta)) = letta.contenuto else { panic!("not a segnatura") };
        prop_assert_eq!(riletta.non_sigillata().unwrap(), n.clone());
        prop_assert_eq!(*riletta, s);
        canonica(&n);
    }

    /// R-D22…R-D27: in every generation, as far as it can say it.
    #[test]
    fn return_messages_are_read_back_in_every_generation(m in comune::messaggio()) {
        for g in [Generazione::V2001, Generazione::V2009, Generazione::V2013, Generazione::V2021] {
            let letta = leggi(&m.scrivi(g).unwrap());
            prop_assert!(letta.rilievi.is_empty(), "{:?}", letta.rilievi);
            prop_assert_eq!(letta.generazione, Some(g));
            let attesa = if g == Generazione::V2021 { m.clone() } else { comune::come_vecchio(&m, g) };
            prop_assert_eq!(letta.ritorno().unwrap(), &attesa);
            // The answer to it is of the same kind.
            let risposta = leggi(&m.rispondi_a(&letta).unwrap().unwrap());
            prop_assert_eq!(risposta.generazione, Some(g));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// The outside judge: xmllint with the official schemas.
    #[test]
    fn xmllint_takes_all_that_is_written(
        segnature in proptest::collection::vec(comune::segnatura(), 20),
        messaggi in proptest::collection::vec(comune::messaggio(), 20),
    ) {
        let scritte: Vec<Vec<u8>> =
            segnature.iter().map(|s| s.non_sigillata().unwrap().con_firma(FIRMA_FINTA).unwrap()).collect();
        prop_assert!(xmllint(SEGNATURA_XSD, &scritte).is_none_or(|v| v.iter().all(|v| *v)));
        for (g, schema) in [
            (Generazione::V2001, "segnatura-2001.dtd"),
            (Generazione::V2009, "segnatura-2009.dtd"),
            (Generazione::V2013, "segnatura-2013.xsd"),
            (Generazione::V2021, PEC_XSD),
        ] {
            let scritti: Vec<Vec<u8>> = messaggi.iter().map(|m| m.scrivi(g).unwrap()).collect();
            prop_assert!(xmllint(schema, &scritti).is_none_or(|v| v.iter().all(|v| *v)), "{}", schema);
        }
    }
}
