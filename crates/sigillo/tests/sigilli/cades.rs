//! CAdES, before OpenSSL; whole and tampered with. R-C10.

use std::process::Command;

use sigillo::riscontro::riscontra;
use sigillo::{Sealer, cades};

use crate::banco::{certificato, chiavi, firme_dice, percorso, quando};
use crate::giudici::{self, Carte};
use crate::tsa::autorita;

const DOCUMENTO: &[u8] = b"Il documento\r\nche si sigilla.\n";

fn openssl(carte: &Carte, firma: &[u8], accanto: Option<&[u8]>) -> Command {
    let mut comando = Command::new("openssl");
    // -cades: the signing certificate named inside must be the one that signed.
    comando.args(["cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any", "-in"]);
    comando.arg(carte.metti("f.p7", firma)).arg("-CAfile").arg(percorso("ca.pem"));
    if let Some(documento) = accanto {
        comando.arg("-content").arg(carte.metti("d", documento));
    }
    comando.arg("-out").arg(carte.percorso().join("fuori"));
    comando
}

#[test]
fn openssl_accepts_seals_beside_a_document_and_none_tampered_with() {
    if !giudici::c_e("openssl", "version") {
        return;
    }
    for chiave in chiavi() {
        let firma = cades::staccata(&chiave, &chiave.algoritmo().impronta(DOCUMENTO), quando(), None).unwrap();
        let carte = Carte::nuove();
        giudici::approva(&mut openssl(&carte, &firma, Some(DOCUMENTO)));
        giudici::rifiuta(&mut openssl(&carte, &firma, Some(b"Il documento\r\nche si sigillo.\n")));
        riscontra(&chiave, &firma, Some(DOCUMENTO), quando()).unwrap();
        assert!(!firme_dice(&firma, Some(b"Il documento\r\nche si sigillo.\n")));
        // The time of the seal, the digest of its certificate, the signature itself.
        let tempo = firma.windows(13).position(|w| w == b"261128115912Z").unwrap();
        let impronta = ring::digest::digest(&ring::digest::SHA256, certificato(nome(&chiave)).der());
        let ess = firma.windows(32).position(|w| w == impronta.as_ref()).unwrap();
        for dove in [tempo + 11, ess + 5, firma.len() - 5] {
            let mut altra = firma.clone();
            altra[dove] ^= 1;
            giudici::rifiuta(&mut openssl(&carte, &altra, Some(DOCUMENTO)));
            assert!(!firme_dice(&altra, Some(DOCUMENTO)), "byte {dove}");
        }
    }
}

fn nome(chiave: &dyn Sealer) -> &'static str {
    ["rsa", "p256", "p384"].into_iter().find(|n| certificato(n) == *chiave.certificato()).unwrap()
}

#[test]
fn a_p7m_gives_back_the_very_bytes() {
    if !giudici::c_e("openssl", "version") {
        return;
    }
    for chiave in chiavi() {
        let carte = Carte::nuove();
        let p7m = cades::avvolta(&chiave, DOCUMENTO, quando(), None).unwrap();
        giudici::approva(&mut openssl(&carte, &p7m, None));
        assert_eq!(std::fs::read(carte.percorso().join("fuori")).unwrap(), DOCUMENTO);
        let dentro = p7m.windows(12).position(|w| w == b"Il documento").unwrap();
        let mut altro = p7m.clone();
        altro[dentro] = b'i';
        giudici::rifiuta(&mut openssl(&carte, &altro, None));
        riscontra(&chiave, &p7m, Some(DOCUMENTO), quando()).unwrap();
        assert!(!firme_dice(&altro, None));
    }
}

#[test]
fn a_digest_of_another_algorithm_is_refused() {
    let [rsa, _, p384] = chiavi();
    assert!(cades::staccata(&p384, &rsa.algoritmo().impronta(DOCUMENTO), quando(), None).is_err());
}

#[test]
fn a_timestamp_is_carried_and_is_of_the_signature() {
    let Some(tsa) = autorita() else { return };
    for chiave in chiavi() {
        let firma = cades::staccata(&chiave, &chiave.algoritmo().impronta(DOCUMENTO), quando(), Some(&tsa)).unwrap();
        giudici::approva(&mut openssl(&Carte::nuove(), &firma, Some(DOCUMENTO)));
        riscontra(&chiave, &firma, Some(DOCUMENTO), quando()).unwrap();
        let esame = firme::esamina(&firma, Some(DOCUMENTO), &firme::Fiducia::nessuna(), quando());
        assert!(esame.firme[0].marca.as_ref().is_some_and(|m| m.valida));
        let marca = sigillo::der::oid("1.2.840.113549.1.9.16.2.14");
        assert!(firma.windows(marca.len()).any(|w| w == marca));
    }
}
