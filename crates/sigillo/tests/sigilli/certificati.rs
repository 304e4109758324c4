//! What is said of a certificate, and how one is asked for. R-C10, R-C11.

use std::process::Command;

use sigillo::richiesta::{ChiaveNuova, Identificativo, Soggetto, in_pem, richiesta};
use sigillo::software::ChiaveSoftware;
use sigillo::{Certificato, Sealer, Segreto, cades, dimostrazione, pades, xades};

use crate::banco::{SEGNATURA, certificato, chiave, dati, firme_dice, pdf_minimo, quando};
use crate::giudici::{self, Carte};

fn soggetto() -> Soggetto {
    Soggetto {
        organizzazione: "Comune di Montefiascone sul Lago".into(),
        identificativo: Identificativo::CodiceFiscale("80006510806".into()),
        nome: Some("Sigillo del protocollo – città".into()),
    }
}

#[test]
fn the_state_of_a_certificate_is_told_by_the_day() {
    let c = certificato("p256");
    let stato = c.stato(quando());
    assert_eq!(stato.titolare.identificativo.as_deref(), Some("VATIT-00123450567"));
    assert_eq!(stato.titolare.nome.as_deref(), Some("Sigillo di prova P-256 – città"));
    assert!(stato.in_vigore && stato.sigillo_qualificato() && !stato.da_rinnovare(60));
    assert!(!certificato("p384").stato(quando()).sigillo_qualificato(), "no statements, no qualified seal");

    let giorno = jiff::SignedDuration::from_hours(24);
    let la_vigilia = c.stato(stato.al - giorno * 59);
    assert!((58..=59).contains(&la_vigilia.giorni) && la_vigilia.in_vigore && la_vigilia.da_rinnovare(60));
    let il_giorno_dopo = c.stato(stato.al + giorno);
    assert!(il_giorno_dopo.giorni == -1 && !il_giorno_dopo.in_vigore && il_giorno_dopo.da_rinnovare(0));
    assert!(!c.stato(stato.dal - giorno).in_vigore);
}

/// Renewal is another key: what the old one sealed holds, and it seals nothing more.
#[test]
fn an_expired_certificate_seals_nothing_and_what_it_sealed_holds() {
    let (vecchia, nuova) = (chiave("rsa"), chiave("p256"));
    let sigillata = xades::sigilla(&vecchia, SEGNATURA.as_bytes(), quando()).unwrap();
    let dopo = vecchia.certificato().stato(quando()).al + jiff::SignedDuration::from_secs(1);
    let prima = vecchia.certificato().stato(quando()).dal - jiff::SignedDuration::from_secs(1);
    for fuori in [prima, dopo] {
        let impronta = vecchia.algoritmo().impronta(b"x");
        let detti = [
            xades::sigilla(&vecchia, SEGNATURA.as_bytes(), fuori).unwrap_err().to_string(),
            pades::sigilla(&vecchia, &pdf_minimo(), fuori, &pades::Voci::default(), None).unwrap_err().to_string(),
            cades::staccata(&vecchia, &impronta, fuori, None).unwrap_err().to_string(),
            cades::avvolta(&vecchia, b"x", fuori, None).unwrap_err().to_string(),
        ];
        assert!(detti.iter().all(|d| d.contains("non si può sigillare")), "{detti:?}");
    }
    assert!(firme_dice(&sigillata, None));
    assert!(firme_dice(&xades::sigilla(&nuova, SEGNATURA.as_bytes(), quando()).unwrap(), None));
}

#[test]
fn a_certificate_cut_or_altered_is_refused_or_read_without_panic() {
    let der = certificato("p256").der().to_vec();
    for i in 0..der.len() {
        assert!(Certificato::da_der(&der[..i]).is_err());
        let mut altro = der.clone();
        altro[i] ^= 0x55;
        let _ = Certificato::da_der(&altro);
    }
    assert!(Certificato::da_der(&[&der[..], &[0]].concat()).is_err(), "nor with a byte too many");
    assert!(Certificato::da_file(&dati("rsa.key")).is_err());
}

#[test]
fn openssl_accepts_our_request_with_its_subject() {
    let chiave = ChiaveNuova::genera().unwrap();
    let der = richiesta(&soggetto(), &chiave.spki(), |b| chiave.firma(b)).unwrap();
    // A signature of another key never leaves.
    let altra = ChiaveNuova::genera().unwrap();
    assert!(richiesta(&soggetto(), &chiave.spki(), |b| altra.firma(b)).is_err());
    if !giudici::c_e("openssl", "version") {
        return;
    }
    let carte = Carte::nuove();
    let pem = carte.metti("richiesta.pem", in_pem("CERTIFICATE REQUEST", &der).as_bytes());
    let mut comando = Command::new("openssl");
    comando.args(["req", "-verify", "-noout", "-text", "-nameopt", "utf8,sep_comma_plus", "-in"]).arg(pem);
    let detto = giudici::approva(&mut comando);
    for atteso in [
        "verify OK",
        "organizationIdentifier=CF:IT-80006510806",
        "CN=Sigillo del protocollo – città",
        "O=Comune di Montefiascone sul Lago",
        "Digital Signature, Non Repudiation",
    ] {
        assert!(detto.contains(atteso), "{atteso} not in {detto}");
    }
}

#[test]
fn the_seal_of_the_demo_says_what_it_is_worth_and_works() {
    let password = Segreto::nuovo("dimostrazione");
    let fatta = dimostrazione::crea(&soggetto(), quando(), &password).unwrap();
    let chiave = ChiaveSoftware::da_pkcs12(&fatta.pkcs12, &password).unwrap();
    assert_eq!(chiave.certificato(), &fatta.sigillo);
    assert_eq!(chiave.catena(), std::slice::from_ref(&fatta.ca));
    let stato = fatta.sigillo.stato(quando());
    assert!(stato.in_vigore && !stato.sigillo_qualificato() && !stato.dichiarazioni.qualificato);
    assert!(stato.titolare.nome.unwrap().contains("NON QUALIFICATO"));
    assert!(fatta.ca.titolare().nome.as_ref().unwrap().contains("NON QUALIFICATO"));
    if giudici::c_e("openssl", "version") {
        let carte = Carte::nuove();
        let ca = carte.metti("ca.pem", in_pem("CERTIFICATE", fatta.ca.der()).as_bytes());
        let sigillo = carte.metti("sigillo.pem", in_pem("CERTIFICATE", fatta.sigillo.der()).as_bytes());
        let mut comando = Command::new("openssl");
        let domani = (quando().as_second() + 86_400).to_string();
        comando.args(["verify", "-x509_strict", "-attime", &domani, "-CAfile"]).arg(ca).arg(sigillo);
        giudici::approva(&mut comando);
    }
}
