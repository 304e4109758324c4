//! Remote seals, against a stand-in provider: what works, and each fault by its name. R-C11.

use sigillo::csc::{Impostazioni, Remoto, Versione};
use sigillo::{Algoritmo, Errore, Sealer, Segreto, xades};

use crate::banco::{SEGNATURA, percorso, quando};
use crate::csc::{CREDENZIALE, Fornitore, Guasto, PIN, SEGRETO, certificato};
use crate::giudici::{self, Carte};

fn avvia(guasto: Guasto) -> Fornitore {
    Fornitore::avvia("rsa", Versione::V2, 10, false, guasto)
}

/// Opens and signs: where it fails, how.
fn prova(guasto: Guasto) -> Errore {
    let fornitore = avvia(guasto);
    let errore = Remoto::apri(fornitore.impostazioni()).and_then(|r| r.firma(b"documento")).unwrap_err();
    let detto = format!("{errore} {errore:?}");
    for segreto in [PIN, SEGRETO, "gettone-", "sad-"] {
        assert!(!detto.contains(segreto), "{guasto:?} shows {segreto}: {detto}");
    }
    errore
}

#[test]
fn both_versions_and_both_dresses_of_signatures_seal() {
    let xmlsec = giudici::c_e("xmlsec1", "--version");
    for versione in [Versione::V1, Versione::V2] {
        for (nome, in_der, algoritmo) in [
            ("rsa", false, Algoritmo::RsaSha256),
            ("p256", false, Algoritmo::EcdsaP256Sha256),
            ("p256", true, Algoritmo::EcdsaP256Sha256),
        ] {
            let fornitore = Fornitore::avvia(nome, versione, 1, in_der, Guasto::Nessuno);
            let remoto = Remoto::apri(fornitore.impostazioni()).unwrap();
            assert_eq!((remoto.algoritmo(), remoto.certificato()), (algoritmo, &certificato(nome)));
            assert_eq!(remoto.catena(), [certificato("ca")]);
            let sigillata = xades::sigilla(&remoto, SEGNATURA.as_bytes(), quando()).unwrap();
            if xmlsec {
                let carte = Carte::nuove();
                let mut comando = std::process::Command::new("xmlsec1");
                comando.args(["--verify", "--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"]);
                comando.arg("--trusted-pem").arg(percorso("ca.pem")).arg(carte.metti("s.xml", &sigillata));
                giudici::approva(&mut comando);
            }
        }
    }
}

#[test]
fn many_digests_go_in_one_authorisation_as_far_as_the_credential_allows() {
    let fornitore = Fornitore::avvia("p256", Versione::V2, 4, true, Guasto::Nessuno);
    let remoto = Remoto::apri(fornitore.impostazioni()).unwrap();
    assert_eq!(remoto.multisign(), 4);
    let documenti: Vec<Vec<u8>> = (0..10u8).map(|n| vec![n; 20]).collect();
    let firme = remoto.firma_molti(&documenti.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    assert_eq!(firme.len(), 10);
    for (firma, documento) in firme.iter().zip(&documenti) {
        assert!(remoto.algoritmo().verifica(remoto.certificato().spki(), documento, firma.grezza()));
    }
    assert_eq!(fornitore.domande("credentials/authorize"), 3);
    assert_eq!(fornitore.domande("oauth2/token"), 1, "a token is kept");
}

#[test]
fn what_comes_later_is_fetched() {
    let remoto = Remoto::apri(avvia(Guasto::Differita).impostazioni()).unwrap();
    remoto.firma(b"documento").unwrap();
    assert!(prova(Guasto::DifferitaMai).si_puo_riprovare());
}

#[test]
fn tokens_and_activation_data_that_expire_are_asked_for_again_once() {
    for guasto in [Guasto::GettoneScaduto, Guasto::SadScaduta] {
        let fornitore = avvia(guasto);
        Remoto::apri(fornitore.impostazioni()).unwrap().firma(b"documento").unwrap();
        assert_eq!(fornitore.domande("signatures/signHash"), 2, "{guasto:?}");
    }
    assert!(matches!(prova(Guasto::GettoneMai), Errore::Rifiutato { .. }));
    let fornitore = avvia(Guasto::SadMai);
    let errore = Remoto::apri(fornitore.impostazioni()).unwrap().firma(b"documento").unwrap_err();
    assert!(matches!(errore, Errore::Rifiutato { .. }), "{errore}");
    assert_eq!(fornitore.domande("credentials/authorize"), 2);
}

#[test]
fn a_wrong_pin_is_sent_once_and_never_again() {
    let fornitore = avvia(Guasto::Nessuno);
    let sbagliato = Impostazioni { pin: Some(Segreto::nuovo("0000")), ..fornitore.impostazioni() };
    let remoto = Remoto::apri(sbagliato).unwrap();
    for _ in 0..5 {
        let errore = remoto.firma(b"documento").unwrap_err();
        assert!(
            matches!(&errore, Errore::Rifiutato { perche, .. } if perche.contains("non viene riprovato")),
            "{errore}"
        );
    }
    assert_eq!(fornitore.domande("credentials/authorize"), 1);
    // A refusal that is not of the PIN does not stop the next one.
    let fornitore = avvia(Guasto::ImprontaNonCoperta);
    let remoto = Remoto::apri(fornitore.impostazioni()).unwrap();
    assert!(matches!(remoto.firma(b"documento").unwrap_err(), Errore::Rifiutato { .. }));
    fornitore.guasta(Guasto::Nessuno);
    remoto.firma(b"documento").unwrap();
}

#[test]
fn a_wrong_pin_told_as_unauthorised_is_sent_once_too() {
    let fornitore = avvia(Guasto::PinNonAutorizzato);
    let sbagliato = Impostazioni { pin: Some(Segreto::nuovo("0000")), ..fornitore.impostazioni() };
    let remoto = Remoto::apri(sbagliato).unwrap();
    for _ in 0..3 {
        let errore = remoto.firma(b"documento").unwrap_err();
        assert!(
            matches!(&errore, Errore::Rifiutato { perche, .. } if perche.contains("non viene riprovato")),
            "{errore}"
        );
    }
    assert_eq!(fornitore.domande("credentials/authorize"), 1);
    // A token that was revoked before its time: the PIN does not go twice for one seal, and the next one has a new token.
    let fornitore = avvia(Guasto::GettoneRevocato);
    let remoto = Remoto::apri(fornitore.impostazioni()).unwrap();
    assert!(matches!(remoto.firma(b"documento").unwrap_err(), Errore::Rifiutato { .. }));
    assert_eq!(fornitore.domande("credentials/authorize"), 1);
    remoto.firma(b"documento").unwrap();
    assert_eq!(fornitore.domande("oauth2/token"), 2);
}

#[test]
fn a_provider_that_is_not_well_is_tried_again_later() {
    for guasto in [
        Guasto::Cinquecento("oauth2/token"),
        Guasto::Cinquecento("credentials/info"),
        Guasto::Cinquecento("signatures/signHash"),
        Guasto::Muto("signatures/signHash"),
        Guasto::Tronco("signatures/signHash"),
        Guasto::Tronco("credentials/authorize"),
    ] {
        let errore = prova(guasto);
        assert!(errore.si_puo_riprovare(), "{guasto:?}: {errore}");
    }
    let chiuso = Impostazioni { url: "http://127.0.0.1:1/csc".into(), ..avvia(Guasto::Nessuno).impostazioni() };
    assert!(Remoto::apri(chiuso).unwrap_err().si_puo_riprovare());
    // And is well again by itself.
    let fornitore = avvia(Guasto::Nessuno);
    let remoto = Remoto::apri(fornitore.impostazioni()).unwrap();
    fornitore.guasta(Guasto::Cinquecento("signatures/signHash"));
    assert!(remoto.firma(b"documento").unwrap_err().si_puo_riprovare());
    fornitore.guasta(Guasto::Nessuno);
    remoto.firma(b"documento").unwrap();
}

#[test]
fn nonsense_never_becomes_a_seal() {
    for guasto in [
        Guasto::FirmaCasuale,
        Guasto::ChiaveAltrui,
        Guasto::UnaInMeno,
        Guasto::FirmaIllegibile,
        Guasto::JsonMozzo("signatures/signHash"),
        Guasto::JsonMozzo("credentials/authorize"),
        Guasto::JsonMozzo("oauth2/token"),
        Guasto::Infinito("signatures/signHash"),
    ] {
        let errore = prova(guasto);
        assert!(matches!(errore, Errore::RispostaSbagliata { .. }), "{guasto:?}: {errore}");
    }
}

#[test]
fn who_cannot_seal_alone_is_known_from_the_start() {
    for (guasto, parola) in [(Guasto::Otp, "OTP"), (Guasto::Spenta, "disabled")] {
        for versione in [Versione::V1, Versione::V2] {
            let fornitore = Fornitore::avvia("rsa", versione, 1, false, guasto);
            let errore = Remoto::apri(fornitore.impostazioni()).unwrap_err();
            assert!(matches!(&errore, Errore::Configurazione(c) if c.contains(parola)), "{errore}");
        }
    }
    let fornitore = avvia(Guasto::Nessuno);
    let senza_pin = Impostazioni { pin: None, ..fornitore.impostazioni() };
    assert!(Remoto::apri(senza_pin).unwrap_err().to_string().contains("PIN"));
    let altra = Impostazioni { credenziale: Some("sigillo-2".into()), ..fornitore.impostazioni() };
    assert!(matches!(Remoto::apri(altra).unwrap_err(), Errore::Rifiutato { .. }));
    let di_nessuno = Impostazioni { utente: None, ..fornitore.impostazioni() };
    assert!(
        matches!(Remoto::apri(di_nessuno).unwrap_err(), Errore::Rifiutato { perche, .. } if perche.contains("userID"))
    );
    let questa = Impostazioni { credenziale: Some(CREDENZIALE.into()), utente: None, ..fornitore.impostazioni() };
    Remoto::apri(questa).unwrap();
    let altro_segreto = Impostazioni { client_secret: Segreto::nuovo("no"), ..fornitore.impostazioni() };
    assert!(matches!(Remoto::apri(altro_segreto).unwrap_err(), Errore::Rifiutato { .. }));
    let in_chiaro = Impostazioni { url: "http://csc.example.it/csc/v2".into(), ..fornitore.impostazioni() };
    assert!(matches!(Remoto::apri(in_chiaro).unwrap_err(), Errore::Configurazione(_)));
}

#[test]
fn secrets_show_nowhere_even_if_the_provider_repeats_them() {
    let errore = prova(Guasto::Pappagallo);
    assert!(matches!(errore, Errore::Rifiutato { .. }), "{errore}");
    assert!(!errore.to_string().contains('\u{7}'));
    let fornitore = avvia(Guasto::Nessuno);
    let impostazioni = fornitore.impostazioni();
    let remoto = Remoto::apri(impostazioni.clone()).unwrap();
    remoto.firma(b"documento").unwrap();
    let detto = format!("{impostazioni:?} {remoto:?}");
    for segreto in [PIN, SEGRETO, "gettone-", "sad-"] {
        assert!(!detto.contains(segreto), "{detto}");
    }
}
