//! Keys in a device, with SoftHSM2 as the device. Its configuration is an environment variable, read when its library is
//! loaded: each test goes on in a process of its own, this same program run again. R-C11.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sigillo::pkcs11::{ChiaveNuova, Impostazioni, TipoDiChiave, Token};
use sigillo::richiesta::{Identificativo, Soggetto, in_pem, richiesta};
use sigillo::{Errore, Sealer, Segreto, pades, xades};

use crate::banco::{SEGNATURA, certificato, pdf_minimo, percorso, quando};
use crate::giudici::{self, Carte};

const PIN: &str = "475869";
const QUI: &str = "SIGILLO_PROVA_SOFTHSM";

fn libreria() -> Option<&'static str> {
    let dove = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so", "/usr/lib64/libsofthsm2.so"];
    let trovata = dove.into_iter().find(|p| Path::new(p).exists());
    if trovata.is_none() {
        assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "SoftHSM2 is missing");
        eprintln!("skipped: SoftHSM2 is not installed");
    }
    trovata
}

/// In the process that has a device: where it is kept. In the first one, runs the test again in such a process.
fn dispositivo(nome: &str) -> Option<PathBuf> {
    if let Some(qui) = std::env::var_os(QUI) {
        return Some(qui.into());
    }
    libreria()?;
    let carte = Carte::nuove();
    let token = carte.percorso().join("token");
    std::fs::create_dir(&token).unwrap();
    let configurazione =
        format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", token.display());
    let configurazione = carte.metti("softhsm2.conf", configurazione.as_bytes());
    let softhsm = |parole: &[&str]| {
        giudici::approva(Command::new("softhsm2-util").args(parole).env("SOFTHSM2_CONF", &configurazione))
    };
    for (i, chiave) in ["rsa", "p256", "p384"].into_iter().enumerate() {
        softhsm(&["--init-token", "--free", "--label", chiave, "--pin", PIN, "--so-pin", "9999"]);
        let id = format!("0{i}");
        let file = percorso(&format!("{chiave}.key"));
        if file.exists() {
            softhsm(&[
                "--token",
                chiave,
                "--import",
                file.to_str().unwrap(),
                "--label",
                "sigillo",
                "--id",
                &id,
                "--pin",
                PIN,
            ]);
        }
    }
    let mut io = Command::new(std::env::current_exe().unwrap());
    io.args(["--exact", &format!("pkcs11::{nome}"), "--nocapture"]);
    println!("{}", giudici::approva(io.env("SOFTHSM2_CONF", &configurazione).env(QUI, &token)));
    None
}

fn impostazioni(token: &str) -> Impostazioni {
    let mut i = Impostazioni::nuove(libreria().unwrap(), token, Segreto::nuovo(PIN));
    // SoftHSM holds keys; certificates are of the configuration here.
    i.certificati = vec![certificato("ca"), certificato("p256"), certificato("rsa")];
    i
}

#[test]
fn a_device_seals_and_others_accept_it() {
    if dispositivo("a_device_seals_and_others_accept_it").is_none() {
        return;
    }
    for nome in ["rsa", "p256"] {
        let token = Token::apri(impostazioni(nome)).unwrap();
        assert_eq!(token.certificato(), &certificato(nome));
        assert_eq!(token.catena(), [certificato("ca")]);
        println!("{nome}: {}", token.meccanismo());
        let carte = Carte::nuove();
        let xml = xades::sigilla(&token, SEGNATURA.as_bytes(), quando()).unwrap();
        if giudici::c_e("xmlsec1", "--version") {
            let mut comando = Command::new("xmlsec1");
            comando.args(["--verify", "--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"]);
            giudici::approva(comando.arg("--trusted-pem").arg(percorso("ca.pem")).arg(carte.metti("s.xml", &xml)));
        }
        let pdf = pades::sigilla(&token, &pdf_minimo(), quando(), &pades::Voci::default(), None).unwrap();
        if giudici::modulo_python("pyhanko") {
            let mut comando = giudici::python("pades.py");
            giudici::approva(comando.arg(carte.metti("s.pdf", &pdf)).arg(percorso("ca.pem")).args(["1", "b"]));
        }
    }
}

#[test]
fn the_few_sessions_serve_many_threads() {
    if dispositivo("the_few_sessions_serve_many_threads").is_none() {
        return;
    }
    // None of them gives up waiting because the machine is busy.
    let attesa = Duration::from_secs(120);
    let token = Token::apri(Impostazioni { sessioni_max: 2, attesa, ..impostazioni("p256") }).unwrap();
    std::thread::scope(|s| {
        for n in 0..8u8 {
            let token = &token;
            s.spawn(move || {
                for _ in 0..10 {
                    token.firma_molti(&[&[n; 50], &[n; 3]]).unwrap();
                }
            });
        }
    });
}

#[test]
fn a_wrong_pin_is_tried_once() {
    if dispositivo("a_wrong_pin_is_tried_once").is_none() {
        return;
    }
    // Ten openings with a wrong PIN would be ten tries for a card that locks at three: each provider tries once, and
    // within a provider nobody tries again.
    let sbagliato = Impostazioni { pin: Segreto::nuovo("000000"), ..impostazioni("rsa") };
    let errore = Token::apri(sbagliato).unwrap_err();
    assert!(matches!(&errore, Errore::Rifiutato { perche, .. } if perche.contains("non viene riprovato")), "{errore}");
    assert!(!format!("{errore} {errore:?}").contains("000000"));
    Token::apri(impostazioni("rsa")).unwrap();
}

#[test]
fn a_wrong_pin_is_known_even_when_somebody_is_in() {
    if dispositivo("a_wrong_pin_is_known_even_when_somebody_is_in").is_none() {
        return;
    }
    // The device itself says "already logged in" of any PIN.
    let token = Token::apri(Impostazioni { pausa: Duration::ZERO, ..impostazioni("rsa") }).unwrap();
    let sbagliato = Impostazioni { pin: Segreto::nuovo("000000"), ..impostazioni("rsa") };
    let errore = Token::apri(sbagliato.clone()).unwrap_err();
    assert!(matches!(&errore, Errore::Rifiutato { .. }), "{errore}");
    assert!(!format!("{errore} {errore:?} {token:?}").contains("000000"));
    let nuova = Impostazioni { chiave: Some("nuova".into()), ..sbagliato.clone() };
    let errore = ChiaveNuova::genera(&nuova, TipoDiChiave::P256).unwrap_err();
    assert!(matches!(&errore, Errore::Rifiutato { .. }), "{errore}");
    // The right one opens it as many times as asked, and each token has a PIN of its own.
    let altro = Token::apri(impostazioni("rsa")).unwrap();
    Token::apri(impostazioni("p256")).unwrap();
    token.firma(b"uno").unwrap();
    altro.firma(b"due").unwrap();
    // The library starts anew: what was remembered is of before.
    Token::apri(Impostazioni { pausa: Duration::ZERO, ..impostazioni("assente") }).unwrap_err();
    token.firma(b"tre").unwrap();
    assert!(matches!(Token::apri(sbagliato).unwrap_err(), Errore::Rifiutato { .. }));
    altro.firma(b"quattro").unwrap();
}

#[test]
fn a_device_taken_away_is_down_and_then_is_back() {
    let Some(cartella) = dispositivo("a_device_taken_away_is_down_and_then_is_back") else { return };
    let token = Token::apri(Impostazioni { pausa: Duration::ZERO, ..impostazioni("p256") }).unwrap();
    let altro = Token::apri(impostazioni("rsa")).unwrap();
    token.firma(b"prima").unwrap();
    altro.firma(b"prima").unwrap();
    let altrove = cartella.with_file_name("tolto");
    std::fs::rename(&cartella, &altrove).unwrap();
    std::fs::create_dir(&cartella).unwrap();
    let errore = token.firma(b"intanto").unwrap_err();
    assert!(errore.si_puo_riprovare(), "{errore:?}");
    assert!(token.firma(b"intanto").unwrap_err().si_puo_riprovare());
    std::fs::remove_dir(&cartella).unwrap();
    std::fs::rename(&altrove, &cartella).unwrap();
    token.firma(b"dopo").unwrap();
    // Who uses another token of the same library was interrupted, and does not notice.
    altro.firma(b"dopo").unwrap();
    token.firma(b"ancora").unwrap();
}

#[test]
fn what_is_not_there_is_said() {
    if dispositivo("what_is_not_there_is_said").is_none() {
        return;
    }
    let di = |i: Impostazioni| Token::apri(i).unwrap_err();
    assert!(di(impostazioni("altro")).si_puo_riprovare(), "a token that is not inserted may come");
    assert!(matches!(di(impostazioni("p384")), Errore::Configurazione(c) if c.contains("nessuna chiave privata")));
    let altra = Impostazioni { chiave: Some("altra".into()), ..impostazioni("rsa") };
    assert!(matches!(di(altra), Errore::Configurazione(c) if c.contains("«altra»")));
    let senza = Impostazioni { certificati: vec![certificato("ca")], ..impostazioni("p256") };
    assert!(matches!(di(senza), Errore::Configurazione(_)), "no certificate of this key");
    let libreria = Impostazioni { modulo: "/nessuna/libreria.so".into(), ..impostazioni("rsa") };
    assert!(matches!(di(libreria), Errore::Configurazione(c) if c.contains("/nessuna/libreria.so")));
    let spento = Impostazioni { sessioni_max: 1, attesa: Duration::ZERO, ..impostazioni("p256") };
    Token::apri(spento).unwrap();
}

#[test]
fn a_key_born_in_the_device_asks_for_its_certificate() {
    if dispositivo("a_key_born_in_the_device_asks_for_its_certificate").is_none() {
        return;
    }
    let soggetto = Soggetto {
        organizzazione: "Comune di Prova".into(),
        identificativo: Identificativo::Ipa("c_z999".into()),
        nome: None,
    };
    for (tipo, nome) in [(TipoDiChiave::P256, "nuova-ec"), (TipoDiChiave::Rsa3072, "nuova-rsa")] {
        let come = Impostazioni { chiave: Some(nome.into()), ..impostazioni("p384") };
        let chiave = ChiaveNuova::genera(&come, tipo).unwrap();
        let der = richiesta(&soggetto, chiave.spki(), |b| chiave.firma(b)).unwrap();
        if giudici::c_e("openssl", "version") {
            let carte = Carte::nuove();
            let pem = carte.metti("r.pem", in_pem("CERTIFICATE REQUEST", &der).as_bytes());
            let mut comando = Command::new("openssl");
            let detto = giudici::approva(comando.args(["req", "-verify", "-noout", "-subject", "-in"]).arg(pem));
            assert!(detto.contains("PA:IT-c_z999"), "{detto}");
        }
        // The name is taken now.
        assert!(matches!(ChiaveNuova::genera(&come, tipo), Err(Errore::Configurazione(_))));
    }
}
