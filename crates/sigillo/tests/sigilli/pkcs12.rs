//! PKCS#12 files as OpenSSL and Windows make them, and ours. R-C11.

use std::process::Command;

use firme::asn1::{Lettore, intero_piccolo, tag};
use sigillo::software::ChiaveSoftware;
use sigillo::{Algoritmo, Errore, Sealer, Segreto, der, pkcs12};

use crate::banco::{certificato, chiave, dati, prova, quando};
use crate::giudici::{self, Carte};

#[test]
fn modern_and_old_files_open() {
    for (file, password, algoritmo, catena) in [
        ("rsa.p12", "prova", Algoritmo::RsaSha256, 1),
        ("p256.p12", "prova", Algoritmo::EcdsaP256Sha256, 1),
        ("p384.p12", "prova", Algoritmo::EcdsaP384Sha384, 1),
        ("antico.p12", "prova", Algoritmo::RsaSha256, 1),
        ("antico-3des.p12", "prova", Algoritmo::EcdsaP256Sha256, 0),
        ("antico-rc2.p12", "prova", Algoritmo::EcdsaP256Sha256, 0),
        ("in-chiaro.p12", "prova", Algoritmo::EcdsaP256Sha256, 0),
        ("senza-password.p12", "", Algoritmo::EcdsaP256Sha256, 0),
        ("antico-senza-password.p12", "", Algoritmo::EcdsaP256Sha256, 0),
        ("accenti.p12", "pàsswörd€", Algoritmo::EcdsaP256Sha256, 0),
        ("antico-accenti.p12", "pàsswörd€", Algoritmo::EcdsaP256Sha256, 0),
        ("altro.p12", "prova", Algoritmo::EcdsaP384Sha384, 0),
    ] {
        let aperta =
            ChiaveSoftware::da_pkcs12(&dati(file), &Segreto::nuovo(password)).unwrap_or_else(|e| panic!("{file}: {e}"));
        assert_eq!(aperta.algoritmo(), algoritmo, "{file}");
        assert_eq!(aperta.catena().len(), catena, "{file}");
    }
}

#[test]
fn a_wrong_password_is_a_refusal_and_not_a_fault() {
    for file in ["rsa.p12", "antico.p12", "antico-rc2.p12", "in-chiaro.p12", "altro.p12"] {
        let errore = ChiaveSoftware::da_pkcs12(&dati(file), &Segreto::nuovo("sbagliata-9173")).unwrap_err();
        assert!(matches!(errore, Errore::Rifiutato { .. }), "{file}: {errore:?}");
        assert!(!errore.si_puo_riprovare());
        assert!(!format!("{errore} {errore:?}").contains("9173"), "the password shows");
    }
}

#[test]
fn what_is_not_managed_is_named() {
    let di = |file: &str| ChiaveSoftware::da_pkcs12(&dati(file), &prova()).unwrap_err().to_string();
    assert!(di("p521.p12").contains("1.3.132.0.35"), "{}", di("p521.p12"));
    assert!(di("senza-chiave.p12").contains("chiave privata"), "{}", di("senza-chiave.p12"));
    let errore = ChiaveSoftware::da_pkcs12(b"-----BEGIN CERTIFICATE-----", &prova()).unwrap_err();
    assert!(matches!(errore, Errore::Configurazione(_)), "{errore}");
}

#[test]
fn the_key_of_another_certificate_is_refused() {
    let contenuto = pkcs12::leggi(&dati("p256.p12"), &prova()).unwrap();
    let errore =
        ChiaveSoftware::da_pkcs8(&contenuto.chiavi[0], &[certificato("p384"), certificato("rsa")]).unwrap_err();
    assert!(errore.to_string().contains("nessun certificato corrisponde"), "{errore}");
}

/// Every byte of a file altered, one at a time: an error, never a panic, never another key.
#[test]
fn an_altered_file_never_opens_as_another() {
    let file = dati("altro.p12");
    let vero = chiave("p384");
    for i in (0..file.len()).step_by(7) {
        let mut altro = file.clone();
        altro[i] ^= 0x41;
        if let Ok(aperta) = ChiaveSoftware::da_pkcs12(&altro, &prova()) {
            assert_eq!(aperta.certificato(), vero.certificato(), "byte {i}");
        }
    }
    for i in (0..file.len()).step_by(31) {
        assert!(ChiaveSoftware::da_pkcs12(&file[..i], &prova()).is_err());
    }
}

#[test]
fn a_file_that_asks_for_hours_of_work_is_refused_at_once() {
    let file = dati("altro.p12");
    let mut l = Lettore::solo(&file, tag::SEQUENCE).unwrap().dentro();
    let (versione, dati) = (l.leggi().unwrap(), l.leggi().unwrap());
    let mut codice = l.leggi().unwrap().dentro();
    let (impronta, sale) = (codice.leggi().unwrap(), codice.leggi().unwrap());
    assert_eq!(intero_piccolo(&codice.leggi().unwrap()).unwrap(), 5000);
    for giri in [0, 5_000_001, 2_000_000_000, u64::MAX] {
        let codice = der::seq(&[impronta.intero, sale.intero, &der::numero(giri)]);
        let altro = der::seq(&[versione.intero, dati.intero, &codice]);
        let errore = pkcs12::leggi(&altro, &prova()).err().unwrap().to_string();
        assert!(errore.contains("giri"), "{errore}");
    }
}

#[test]
fn our_files_are_read_by_openssl_and_by_us() {
    let contenuto = pkcs12::leggi(&dati("p256.p12"), &prova()).unwrap();
    let password = Segreto::nuovo("città 12€");
    let file =
        pkcs12::scrivi(&contenuto.chiavi[0], &certificato("p256"), &[certificato("ca")], "prova", &password).unwrap();
    let aperta = ChiaveSoftware::da_pkcs12(&file, &password).unwrap();
    assert_eq!(aperta.catena(), [certificato("ca")]);
    assert!(aperta.certificato().stato(quando()).in_vigore);
    if giudici::c_e("openssl", "version") {
        let carte = Carte::nuove();
        let percorso = carte.metti("nostro.p12", &file);
        let mut comando = Command::new("openssl");
        comando.args(["pkcs12", "-nodes", "-passin", "pass:città 12€", "-in"]).arg(&percorso);
        let detto = giudici::approva(&mut comando);
        assert_eq!(detto.matches("BEGIN CERTIFICATE").count(), 2, "{detto}");
        assert!(detto.contains("BEGIN PRIVATE KEY"), "{detto}");
        comando = Command::new("openssl");
        giudici::rifiuta(comando.args(["pkcs12", "-nodes", "-passin", "pass:altra", "-in"]).arg(&percorso));
    }
}
