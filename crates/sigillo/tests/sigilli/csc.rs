//! A provider of remote seals, for the tests: the protocol of the Cloud Signature Consortium, v2 and v1, with a token, a
//! PIN, activation data that cover some digests and are good once; and the faults that real ones have.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rsa::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};
use sigillo::csc::{Impostazioni, Versione};
use sigillo::{Certificato, Segreto, pkcs12};

use crate::banco::{Richiesta, Risposta, dati, prova, servi};

pub const PIN: &str = "pin-7351";
pub const SEGRETO: &str = "segreto-9928";
pub const UTENTE: &str = "protocollo";
pub const CREDENZIALE: &str = "sigillo-1";
/// How long what surely comes is waited for.
const CALMA: Duration = Duration::from_secs(60);

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guasto {
    Nessuno,
    /// The first token is refused once, as if it had expired.
    GettoneScaduto,
    /// Each token is refused.
    GettoneMai,
    /// The first activation data have expired when they come.
    SadScaduta,
    /// They are always expired.
    SadMai,
    /// A wrong PIN is told by 401, as a token that is no longer good.
    PinNonAutorizzato,
    /// The token is refused with the first PIN.
    GettoneRevocato,
    /// They cover other digests.
    ImprontaNonCoperta,
    /// 500 to what is asked here.
    Cinquecento(&'static str),
    /// No answer to what is asked here.
    Muto(&'static str),
    /// Half an answer.
    Tronco(&'static str),
    /// JSON cut short, of the length announced.
    JsonMozzo(&'static str),
    /// An answer without end.
    Infinito(&'static str),
    /// A signature of the right length, of nothing.
    FirmaCasuale,
    /// A signature of another key.
    ChiaveAltrui,
    /// Fewer signatures than digests.
    UnaInMeno,
    /// What is not base64.
    FirmaIllegibile,
    /// The refusal repeats what was sent.
    Pappagallo,
    /// Signatures come after three questions.
    Differita,
    /// They never come.
    DifferitaMai,
    /// The credential asks for an OTP.
    Otp,
    /// The key is disabled.
    Spenta,
}

#[derive(Debug)]
pub struct Stato {
    pub guasto: Guasto,
    gettoni: HashSet<String>,
    sad: HashMap<String, Vec<String>>,
    pronte: HashMap<String, (usize, Vec<String>)>,
    /// How many times each was asked.
    pub domande: HashMap<String, usize>,
}

/// The provider.
#[derive(Clone)]
pub struct Fornitore {
    pub url: String,
    pub stato: Arc<Mutex<Stato>>,
    versione: Versione,
}

static NUMERO: AtomicUsize = AtomicUsize::new(1);

fn nuovo(prefisso: &str) -> String {
    format!("{prefisso}-{}", NUMERO.fetch_add(1, SeqCst))
}

impl Fornitore {
    /// Starts one with the key of `{nome}.p12`; `multisign` digests at most, signatures on curves in DER or not.
    pub fn avvia(nome: &'static str, versione: Versione, multisign: usize, in_der: bool, guasto: Guasto) -> Self {
        let contenuto = pkcs12::leggi(&dati(&format!("{nome}.p12")), &prova()).unwrap();
        let catena: Vec<String> = contenuto.certificati.iter().map(|c| BASE64.encode(c)).collect();
        let firmatario = Firmatario::di(&contenuto.chiavi[0], in_der);
        let altrui = pkcs12::leggi(&dati("p256.p12"), &prova()).unwrap();
        let altrui = Firmatario::di(&altrui.chiavi[0], in_der);
        let stato = Arc::new(Mutex::new(Stato {
            guasto,
            gettoni: HashSet::new(),
            sad: HashMap::new(),
            pronte: HashMap::new(),
            domande: HashMap::new(),
        }));
        let suo = Arc::clone(&stato);
        let url = servi(move |r| {
            let mut stato = suo.lock().unwrap();
            let cosa = r.percorso.trim_start_matches("/csc/").to_owned();
            *stato.domande.entry(cosa.clone()).or_default() += 1;
            let risposta = rispondi(&mut stato, r, &cosa, versione, &catena, multisign, &firmatario, &altrui);
            let corpo = risposta.1.to_string().into_bytes();
            match stato.guasto {
                Guasto::Cinquecento(c) if c == cosa => {
                    Risposta::Bene(500, "text/html", b"<html>guasto</html>".to_vec())
                }
                Guasto::Muto(c) if c == cosa => {
                    drop(stato);
                    Risposta::Muta
                }
                Guasto::Tronco(c) if c == cosa => Risposta::Tronca(corpo),
                Guasto::JsonMozzo(c) if c == cosa => {
                    Risposta::Bene(200, "application/json", corpo[..corpo.len() * 2 / 3].to_vec())
                }
                Guasto::Infinito(c) if c == cosa => Risposta::Infinita,
                _ => Risposta::Bene(risposta.0, "application/json", corpo),
            }
        });
        Self { url: format!("{url}/csc"), stato, versione }
    }

    /// Our side of it.
    pub fn impostazioni(&self) -> Impostazioni {
        // Short only for what never comes: what comes has all the time that a busy machine takes.
        let (attesa, attesa_differita) = match self.stato.lock().unwrap().guasto {
            Guasto::Muto(_) => (Duration::from_millis(2500), CALMA),
            Guasto::DifferitaMai => (CALMA, Duration::from_millis(200)),
            _ => (CALMA, CALMA),
        };
        Impostazioni {
            versione: self.versione,
            utente: Some(UTENTE.into()),
            pin: Some(Segreto::nuovo(PIN)),
            attesa,
            attesa_differita,
            passo: Duration::from_millis(1),
            ..Impostazioni::nuove(&self.url, "ente", Segreto::nuovo(SEGRETO))
        }
    }

    pub fn domande(&self, cosa: &str) -> usize {
        self.stato.lock().unwrap().domande.get(cosa).copied().unwrap_or(0)
    }

    pub fn guasta(&self, guasto: Guasto) {
        self.stato.lock().unwrap().guasto = guasto;
    }
}

#[expect(clippy::too_many_arguments, reason = "all that a provider knows")]
fn rispondi(
    stato: &mut Stato,
    r: &Richiesta,
    cosa: &str,
    versione: Versione,
    catena: &[String],
    multisign: usize,
    firmatario: &Firmatario,
    altrui: &Firmatario,
) -> (u16, Value) {
    let no = |codice: &str, detto: &str| (400, json!({ "error": codice, "error_description": detto }));
    if cosa == "oauth2/token" {
        let corpo = String::from_utf8(r.corpo.clone()).unwrap();
        if !corpo.contains("grant_type=client_credentials") || !corpo.contains(&format!("client_secret={SEGRETO}")) {
            return (401, json!({ "error": "invalid_client", "error_description": "Invalid client" }));
        }
        let gettone = nuovo("gettone");
        stato.gettoni.insert(gettone.clone());
        return (200, json!({ "access_token": gettone, "token_type": "Bearer", "expires_in": 3600 }));
    }
    let gettone = r.capo("authorization").trim_start_matches("Bearer ").to_owned();
    let scaduto = match stato.guasto {
        Guasto::GettoneScaduto => stato.domande.get("oauth2/token") == Some(&1) && cosa == "signatures/signHash",
        Guasto::GettoneMai => true,
        Guasto::GettoneRevocato => stato.domande.get("oauth2/token") == Some(&1) && cosa == "credentials/authorize",
        _ => false,
    };
    if !stato.gettoni.contains(&gettone) || scaduto {
        return (401, json!({ "error": "invalid_token", "error_description": "Access token expired" }));
    }
    let corpo: Value = serde_json::from_slice(&r.corpo).unwrap();
    let v2 = versione == Versione::V2;
    match cosa {
        // Client credentials say who asks, not whose credentials they are.
        "credentials/list" if corpo["userID"] != UTENTE => no("invalid_request", "Missing string parameter userID"),
        "credentials/list" => (200, json!({ "credentialIDs": [CREDENZIALE] })),
        "credentials/info" => {
            if corpo["credentialID"] != CREDENZIALE {
                return no("invalid_request", "Invalid parameter credentialID");
            }
            let oid = if firmatario.rsa() { "1.2.840.113549.1.1.1" } else { "1.2.840.10045.4.3.2" };
            let accesa = if stato.guasto == Guasto::Spenta { "disabled" } else { "enabled" };
            let mut info = json!({
                "key": { "status": accesa, "algo": [oid], "len": 3072 },
                "cert": { "status": "valid", "certificates": catena },
                "multisign": multisign, "SCAL": "2", "lang": "it-IT",
            });
            let otp = stato.guasto == Guasto::Otp;
            if v2 {
                let mut oggetti = vec![json!({ "type": "Password", "id": "PIN", "format": "N", "label": "PIN" })];
                if otp {
                    oggetti.push(json!({ "type": "Password", "id": "OTP", "format": "N", "generator": "totp" }));
                }
                info["auth"] = json!({ "mode": "explicit", "expression": "PIN", "objects": oggetti });
            } else {
                info["authMode"] = json!("explicit");
                info["PIN"] = json!({ "presence": "true", "format": "N" });
                info["OTP"] = json!({ "presence": if otp { "true" } else { "false" } });
            }
            (200, info)
        }
        "credentials/authorize" => {
            let (pin, impronte) = if v2 {
                let dato = &corpo["authData"][0];
                assert!(
                    corpo["hashAlgorithmOID"].is_string() && corpo.get("PIN").is_none() && corpo.get("hash").is_none()
                );
                (if dato["id"] == "PIN" { dato["value"].clone() } else { Value::Null }, &corpo["hashes"])
            } else {
                assert!(corpo.get("authData").is_none() && corpo.get("hashes").is_none());
                (corpo["PIN"].clone(), &corpo["hash"])
            };
            let impronte: Vec<String> = serde_json::from_value(impronte.clone()).unwrap();
            if corpo["numSignatures"] != impronte.len() {
                return no("invalid_request", "Numbers of signatures is not equal to the number of hashes");
            }
            if impronte.len() > multisign {
                return no("invalid_request", "Numbers of signatures is too high");
            }
            if stato.guasto == Guasto::Pappagallo {
                return no("invalid_pin", &format!("PIN {pin} with token {gettone} is wrong\u{7}"));
            }
            if pin != PIN && stato.guasto == Guasto::PinNonAutorizzato {
                return (401, json!({ "error": "unauthorized", "error_description": "The PIN is invalid" }));
            }
            if pin != PIN {
                return no("invalid_pin", "The PIN is invalid");
            }
            let sad = nuovo("sad");
            let coperte = if stato.guasto == Guasto::ImprontaNonCoperta { Vec::new() } else { impronte };
            stato.sad.insert(sad.clone(), coperte);
            (200, json!({ "SAD": sad, "expiresIn": 5 }))
        }
        "signatures/signHash" => {
            let quale = corpo["SAD"].as_str().unwrap().to_owned();
            let impronte: Vec<String> =
                serde_json::from_value(corpo[if v2 { "hashes" } else { "hash" }].clone()).unwrap();
            let scaduta = match stato.guasto {
                Guasto::SadScaduta => stato.domande["signatures/signHash"] == 1,
                Guasto::SadMai => true,
                _ => false,
            };
            let Some(coperte) = stato.sad.remove(&quale).filter(|_| !scaduta) else {
                return no("invalid_request", "SAD expired");
            };
            if impronte.iter().any(|i| !coperte.contains(i)) {
                return no("invalid_request", "Hash is not authorized");
            }
            assert!(corpo[if v2 { "hashAlgorithmOID" } else { "hashAlgo" }] == "2.16.840.1.101.3.4.2.1");
            let con = if stato.guasto == Guasto::ChiaveAltrui { altrui } else { firmatario };
            let mut firme: Vec<String> =
                impronte.iter().map(|i| BASE64.encode(con.firma(&BASE64.decode(i).unwrap()))).collect();
            match stato.guasto {
                Guasto::FirmaCasuale => {
                    let n = BASE64.decode(&firme[0]).unwrap().len();
                    firme[0] = BASE64.encode(vec![7; n]);
                }
                Guasto::UnaInMeno => drop(firme.pop()),
                Guasto::FirmaIllegibile => firme[0] = "non è base64 !".into(),
                Guasto::Differita | Guasto::DifferitaMai => {
                    let id = nuovo("risposta");
                    stato.pronte.insert(id.clone(), (0, firme));
                    return (200, json!({ "responseID": id }));
                }
                _ => {}
            }
            (200, json!({ "signatures": firme }))
        }
        "signatures/signPolling" => {
            let id = corpo["responseID"].as_str().unwrap().to_owned();
            let mai = stato.guasto == Guasto::DifferitaMai;
            let Some((volte, firme)) = stato.pronte.get_mut(&id) else {
                return no("invalid_request", "Invalid parameter responseID");
            };
            *volte += 1;
            if *volte < 3 || mai { (202, json!({ "responseID": id })) } else { (200, json!({ "signatures": firme })) }
        }
        _ => (404, json!({ "error": "not_found" })),
    }
}

/// Signs digests, as devices do.
enum Firmatario {
    Rsa(Box<rsa::PrivateKey>),
    P256(p256::ecdsa::SigningKey, bool),
}

impl Firmatario {
    fn di(pkcs8: &[u8], in_der: bool) -> Self {
        match rsa::PrivateKey::from_pkcs8_der(pkcs8) {
            Ok(k) => Self::Rsa(Box::new(k)),
            Err(_) => Self::P256(p256::SecretKey::from_pkcs8_der(pkcs8).unwrap().into(), in_der),
        }
    }

    fn rsa(&self) -> bool {
        matches!(self, Self::Rsa(_))
    }

    fn firma(&self, impronta: &[u8]) -> Vec<u8> {
        use p256::ecdsa::signature::hazmat::PrehashSigner as _;
        match self {
            Self::Rsa(k) => k.sign(rsa::Pkcs1v15Sign::new::<sha2::Sha256>(), impronta).unwrap(),
            Self::P256(k, in_der) => {
                let firma: p256::ecdsa::Signature = k.sign_prehash(impronta).unwrap();
                if *in_der { firma.to_der().as_bytes().to_vec() } else { firma.to_bytes().to_vec() }
            }
        }
    }
}

/// The certificate that the provider shows.
pub fn certificato(nome: &str) -> Certificato {
    crate::banco::certificato(nome)
}
