//! Timestamps of a local authority: OpenSSL's, behind a server of ours. R-C10.

use std::process::Command;
use std::time::Duration;

use sigillo::tsa::{Impostazioni, Marcatore, Tsa};
use sigillo::{Errore, Segreto, der};

use crate::banco::{Richiesta, Risposta, percorso, servi};
use crate::giudici::{self, Carte};

const CONFIGURAZIONE: &str = "[tsa]\ndefault_tsa = uno\n[uno]\nserial = SERIALE\ndefault_policy = 1.2.3.4.1\n\
    other_policies = 1.2.3.4.5\ndigests = sha256\nsigner_digest = sha256\ness_cert_id_alg = sha256\n";

pub fn impostazioni(url: String) -> Impostazioni {
    Impostazioni { url, accesso: None, politica: None, attesa: Duration::from_secs(60), radici: Vec::new() }
}

/// What OpenSSL answers to a query.
pub fn marca_openssl(richiesta: &[u8]) -> Vec<u8> {
    let carte = Carte::nuove();
    let seriale = carte.metti("seriale", b"01\n");
    let configurazione =
        carte.metti("tsa.cnf", CONFIGURAZIONE.replace("SERIALE", &seriale.display().to_string()).as_bytes());
    let domanda = carte.metti("domanda.tsq", richiesta);
    let risposta = carte.percorso().join("risposta.tsr");
    let mut comando = Command::new("openssl");
    comando.args(["ts", "-reply", "-config"]).arg(configurazione).arg("-queryfile").arg(domanda);
    comando.arg("-signer").arg(percorso("tsa.pem")).arg("-inkey").arg(percorso("tsa.key"));
    comando.arg("-chain").arg(percorso("ca.pem")).arg("-out").arg(&risposta);
    giudici::approva(&mut comando);
    std::fs::read(risposta).unwrap()
}

/// An authority, if OpenSSL is here.
pub fn autorita() -> Option<Tsa> {
    giudici::c_e("openssl", "version").then(|| {
        let url = servi(|r| Risposta::Bene(200, "application/timestamp-reply", marca_openssl(&r.corpo)));
        Tsa::nuova(impostazioni(url)).unwrap()
    })
}

fn rispondi(con: impl Fn(&Richiesta) -> Risposta + Send + Sync + 'static) -> Errore {
    Tsa::nuova(impostazioni(servi(con))).unwrap().marca(b"documento").unwrap_err()
}

#[test]
fn openssl_verifies_the_token_it_gave_us() {
    let Some(tsa) = autorita() else { return };
    let prima = jiff::Timestamp::now();
    let token = tsa.marca(b"documento").unwrap();
    let impronta = ring::digest::digest(&ring::digest::SHA256, b"documento");
    let letta = firme::marca::risponde(&token, impronta.as_ref(), None).unwrap();
    assert!(letta.istante.as_second() >= prima.as_second() - 1);
    let carte = Carte::nuove();
    let verifica = |contenuto: &[u8]| {
        let mut comando = Command::new("openssl");
        comando.args(["ts", "-verify", "-token_in", "-in"]).arg(carte.metti("t.der", &token));
        comando.arg("-data").arg(carte.metti("d", contenuto)).arg("-CAfile").arg(percorso("ca.pem"));
        comando
    };
    giudici::approva(&mut verifica(b"documento"));
    giudici::rifiuta(&mut verifica(b"Documento"));
}

#[test]
fn an_answer_to_something_else_is_not_taken() {
    if !giudici::c_e("openssl", "version") {
        return;
    }
    let marcata = |byte: &[u8], nonce: &[u8]| {
        let impronta = ring::digest::digest(&ring::digest::SHA256, byte);
        marca_openssl(&sigillo::tsa::richiesta(impronta.as_ref(), None, nonce))
    };
    let bene = |corpo: Vec<u8>| move |_: &Richiesta| Risposta::Bene(200, "application/timestamp-reply", corpo.clone());
    let errore = rispondi(bene(marcata(b"altro", &[7; 16])));
    assert!(
        matches!(&errore, Errore::RispostaSbagliata { perche, .. } if perche.contains("altra impronta")),
        "{errore}"
    );
    let errore = rispondi(bene(marcata(b"documento", &[7; 16])));
    assert!(matches!(&errore, Errore::RispostaSbagliata { perche, .. } if perche.contains("nonce")), "{errore}");
    let altera = |r: &Richiesta| {
        let mut risposta = marca_openssl(&r.corpo);
        // Its last byte is of the signature.
        *risposta.last_mut().unwrap() ^= 1;
        Risposta::Bene(200, "application/timestamp-reply", risposta)
    };
    let errore = rispondi(altera);
    assert!(matches!(errore, Errore::RispostaSbagliata { .. }), "{errore}");
    let mut mozza = marcata(b"documento", &[7; 16]);
    mozza.truncate(700);
    assert!(matches!(rispondi(bene(mozza)), Errore::RispostaSbagliata { .. }));
}

#[test]
fn each_fault_of_an_authority_has_its_name() {
    let stato = |s: u16| move |_: &Richiesta| Risposta::Bene(s, "text/html", b"<html>".to_vec());
    assert!(rispondi(stato(503)).si_puo_riprovare());
    // Short only for what never comes: what comes has all the time that a busy machine takes.
    let breve = Impostazioni { attesa: Duration::from_millis(1500), ..impostazioni(servi(|_| Risposta::Muta)) };
    assert!(Tsa::nuova(breve).unwrap().marca(b"documento").unwrap_err().si_puo_riprovare());
    assert!(rispondi(|_| Risposta::Tronca(vec![0; 900])).si_puo_riprovare());
    assert!(matches!(rispondi(stato(401)), Errore::Rifiutato { .. }));
    assert!(matches!(rispondi(stato(200)), Errore::RispostaSbagliata { .. }));
    assert!(matches!(rispondi(stato(302)), Errore::RispostaSbagliata { .. }), "redirects are not followed");
    assert!(matches!(rispondi(|_| Risposta::Infinita), Errore::RispostaSbagliata { .. }));
    // Rejection, in the words of the norm.
    let negata = der::seq(&[&der::seq(&[&der::numero(2)])]);
    let errore = rispondi(move |_| Risposta::Bene(200, "application/timestamp-reply", negata.clone()));
    assert!(matches!(&errore, Errore::Rifiutato { perche, .. } if perche.contains("stato 2")), "{errore}");
    let chiusa = Tsa::nuova(impostazioni("http://127.0.0.1:1/tsa".into())).unwrap().marca(b"x").unwrap_err();
    assert!(chiusa.si_puo_riprovare(), "{chiusa}");
}

#[test]
fn a_password_does_not_travel_in_clear() {
    let con_password = Impostazioni {
        accesso: Some(("ente".into(), Segreto::nuovo("parola"))),
        ..impostazioni("http://tsa.example.it/".into())
    };
    assert!(Tsa::nuova(con_password.clone()).is_err());
    assert!(!format!("{con_password:?}").contains("parola"));
    assert!(Tsa::nuova(impostazioni("http://tsa.example.it/".into())).is_ok(), "a digest may");
    assert!(
        Tsa::nuova(Impostazioni { politica: Some("1.2.x".into()), ..impostazioni("https://a.it/".into()) }).is_err()
    );
    let url = servi(|r| {
        assert_eq!(r.capo("authorization"), "Basic ZW50ZTpwYXJvbGE=");
        Risposta::Bene(503, "text/plain", Vec::new())
    });
    let qui = Tsa::nuova(Impostazioni { url, ..con_password }).unwrap().marca(b"x").unwrap_err();
    assert!(qui.to_string().contains("503"), "{qui}");
}
