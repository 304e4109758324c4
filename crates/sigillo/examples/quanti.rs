//! Seals a second, beside the bare signature of the same library: `cargo run --release -p sigillo --example quanti`.
//! With `SIGILLO_PKCS11=LIBRARY` and `SIGILLO_TOKEN=LABEL` (PIN in `SIGILLO_PIN`), of a device too.

#![expect(clippy::unwrap_used, reason = "a measure, not a product")]

use std::time::Duration;

use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use sigillo::pkcs11::{Impostazioni, Token};
use sigillo::software::ChiaveSoftware;
use sigillo::{Certificato, Sealer, Segreto, cades, pkcs12, xades};

/// Turns of each, one after the other: a machine that slows down slows both.
const GIRI: usize = 40;
/// How long a turn is, of processor.
const GIRO: Duration = Duration::from_millis(50);

/// What this thread took of the processor: on a machine with others, the wall clock measures them.
fn processore() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

/// Times and processor of one turn.
fn giro(fa: &mut dyn FnMut()) -> (u32, Duration) {
    let da = processore();
    let mut n = 0;
    while processore() - da < GIRO {
        fa();
        n += 1;
    }
    (n, processore() - da)
}

fn misura(chi: &str, sealer: &dyn Sealer, mut nuda: impl FnMut(&[u8])) {
    let ora: Timestamp = "2026-11-28T11:59:12Z".parse().unwrap();
    let segnatura = include_str!("segnatura.xml").as_bytes();
    let impronta = sealer.algoritmo().impronta(segnatura);
    let messaggio = [7; 900];
    let cose: [(&str, &mut dyn FnMut()); 4] = [
        ("firma nuda", &mut || nuda(&messaggio)),
        ("firma verificata", &mut || drop(sealer.firma(&messaggio).unwrap())),
        ("CAdES staccata", &mut || drop(cades::staccata(sealer, &impronta, ora, None).unwrap())),
        ("XAdES segnatura", &mut || drop(xades::sigilla(sealer, segnatura, ora).unwrap())),
    ];
    let mut tempi = [(0, Duration::ZERO); 4];
    let mut cose = cose.map(|(nome, fa)| (nome, fa));
    for _ in 0..GIRI {
        for ((_, fa), (n, t)) in cose.iter_mut().zip(&mut tempi) {
            let (volte, durata) = giro(fa);
            *n += volte;
            *t += durata;
        }
    }
    let al_secondo = tempi.map(|(n, t)| f64::from(n) / t.as_secs_f64());
    for ((nome, _), quanti) in cose.iter().zip(al_secondo) {
        println!("| {chi} | {nome} | {quanti:.0} | {:.0} % |", quanti / al_secondo[0] * 100.0);
    }
}

fn dati(nome: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/dati/{nome}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn main() {
    let prova = Segreto::nuovo("prova");
    let caso = SystemRandom::new();
    let chiave = |nome: &str| pkcs12::leggi(&dati(nome), &prova).unwrap().chiavi.remove(0);

    let rsa = RsaKeyPair::from_pkcs8(&chiave("rsa.p12")).unwrap();
    let mut uscita = vec![0; rsa.public().modulus_len()];
    let sealer = ChiaveSoftware::da_pkcs12(&dati("rsa.p12"), &prova).unwrap();
    misura("RSA-3072, file", &sealer, |m| rsa.sign(&RSA_PKCS1_SHA256, &caso, m, &mut uscita).unwrap());

    let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &chiave("p256.p12"), &caso).unwrap();
    let sealer = ChiaveSoftware::da_pkcs12(&dati("p256.p12"), &prova).unwrap();
    misura("P-256, file", &sealer, |m| {
        let _ = ec.sign(&caso, m).unwrap();
    });

    let Some(modulo) = std::env::var_os("SIGILLO_PKCS11") else { return };
    for token in std::env::var("SIGILLO_TOKEN").unwrap().split(',') {
        let pin = std::env::var("SIGILLO_PIN").unwrap();
        let mut come = Impostazioni::nuove(&modulo, token, Segreto::nuovo(pin.clone()));
        come.certificati = ["rsa.pem", "p256.pem"].map(|c| Certificato::da_file(&dati(c)).unwrap().remove(0)).to_vec();
        let sealer = Token::apri(come).unwrap();
        let nuda = sessione_nuda(&modulo, token, &pin);
        misura(&format!("{token}, PKCS#11"), &sealer, nuda);
    }
}

/// The same library, called with nothing around.
fn sessione_nuda(modulo: &std::ffi::OsStr, token: &str, pin: &str) -> impl FnMut(&[u8]) {
    use cryptoki::mechanism::Mechanism;
    use cryptoki::object::{Attribute, ObjectClass};
    use sha2::Digest as _;
    // Initialised already by the sealer: a second handle on the same library.
    let pkcs11 = cryptoki::context::Pkcs11::new(modulo).unwrap();
    let posto = pkcs11
        .get_slots_with_token()
        .unwrap()
        .into_iter()
        .find(|s| pkcs11.get_token_info(*s).unwrap().label().trim_end() == token)
        .unwrap();
    let sessione = pkcs11.open_ro_session(posto).unwrap();
    let pin = cryptoki::types::AuthPin::new(pin.to_owned().into());
    let _ = sessione.login(cryptoki::session::UserType::User, Some(&pin));
    let chiave = sessione.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap()[0];
    let rsa = token.contains("rsa");
    move |m| {
        let firma = if rsa {
            sessione.sign(&Mechanism::Sha256RsaPkcs, chiave, m)
        } else {
            sessione.sign(&Mechanism::Ecdsa, chiave, &sha2::Sha256::digest(m))
        };
        drop(firma.unwrap());
    }
}
