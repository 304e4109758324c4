//! What is read before something is sealed: key files, certificates, documents. What is sealed must be intact for who
//! judges seals, and begin with what was given.

use std::sync::LazyLock;

use sigillo::riscontro::riscontra;
use sigillo::software::ChiaveSoftware;
use sigillo::{Certificato, Segreto, pades, pkcs12, xades};

static CHIAVE: LazyLock<ChiaveSoftware> = LazyLock::new(|| {
    let file = include_bytes!("../../crates/sigillo/tests/dati/p256.p12");
    ChiaveSoftware::da_pkcs12(file, &Segreto::nuovo("prova")).unwrap()
});

fn quando() -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_795_867_152).unwrap()
}

/// A certificate, of a file or of a device.
pub fn certificato(byte: &[u8]) {
    for certificato in Certificato::da_file(byte).unwrap_or_default() {
        assert_eq!(Certificato::da_der(certificato.der()).unwrap(), certificato);
        let _ = sigillo::Algoritmo::della_chiave(certificato.spki());
    }
}

/// A PKCS#12 file.
pub fn chiavi(byte: &[u8]) {
    let _ = pkcs12::leggi(byte, &Segreto::nuovo("prova"));
}

/// A PDF to be sealed.
pub fn pdf(byte: &[u8]) {
    if let Ok(sigillato) = pades::sigilla(&*CHIAVE, byte, quando(), &pades::Voci::default(), None) {
        assert!(sigillato.starts_with(byte));
    }
}

/// An XML document to be sealed.
pub fn xml(byte: &[u8]) {
    if let Ok(sigillato) = xades::sigilla(&*CHIAVE, byte, quando()) {
        riscontra(&*CHIAVE, &sigillato, None, quando()).unwrap();
    }
}
