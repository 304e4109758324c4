//! Asking for a seal at the REST door (R-C11): a key, its request, the certificate that OpenSSL issues for it, the form.

use std::path::{Path, PathBuf};
use std::process::Command;

use axum::http::StatusCode;
use serde_json::{Value, json};
use servizio::sigilli::{self, Sigilli, fornitore::Ammessi};

use crate::banco::*;

const SIGILLO: &str = "/api/v1/enti/c_z999/aoo/AOO1/sigillo";
const PIN: &str = "475869";
const QUI: &str = "PROTOCOLLO_PROVA_SOFTHSM";

/// Somebody who issues certificates; none where there is no OpenSSL.
struct Autorita(tempfile::TempDir);

fn esegui(c: &mut Command) -> String {
    let o = c.output().unwrap();
    assert!(o.status.success(), "{c:?}: {}", String::from_utf8_lossy(&o.stderr));
    String::from_utf8_lossy(&[o.stdout, o.stderr].concat()).into_owned()
}

impl Autorita {
    fn nuova() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "openssl is missing");
            eprintln!("skipped: openssl is missing");
            return None;
        }
        let d = tempfile::tempdir().unwrap();
        let nuova = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -keyout ca.key -out ca.pem";
        let soggetto = ["-subj", "/C=IT/O=Prestatore di prova/CN=CA di prova"];
        esegui(Command::new("openssl").args(nuova.split(' ')).args(soggetto).current_dir(d.path()));
        Some(Self(d))
    }

    /// What OpenSSL reads in a request.
    fn legge(&self, csr: &[u8]) -> String {
        std::fs::write(self.0.path().join("letta.csr"), csr).unwrap();
        let come = "req -verify -noout -text -nameopt utf8,sep_comma_plus -in letta.csr";
        esegui(Command::new("openssl").args(come.split(' ')).current_dir(self.0.path()))
    }

    /// A certificate for a request, with the one above it.
    fn emette(&self, csr: &[u8]) -> String {
        std::fs::write(self.0.path().join("r.csr"), csr).unwrap();
        let come = "x509 -req -in r.csr -CA ca.pem -CAkey ca.key -days 1 -copy_extensions copy";
        let o = Command::new("openssl").args(come.split(' ')).current_dir(self.0.path()).output().unwrap();
        assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stderr));
        let ca = std::fs::read_to_string(self.0.path().join("ca.pem")).unwrap();
        format!("{}{ca}", String::from_utf8(o.stdout).unwrap())
    }
}

async fn csr(b: &Banco) -> Vec<u8> {
    let r = b.get(&b.ada, &format!("{SIGILLO}/richiesta.csr")).await;
    assert_eq!((r.stato, r.capi["content-type"].to_str().unwrap()), (StatusCode::OK, "application/x-pem-file"));
    r.byte
}

async fn sigilla_una(b: &Banco) -> Value {
    let dati = json!({"tipo": "uscita", "oggetto": "Con il sigillo chiesto", "mezzo": "pec", "classificazione": "1.6",
        "ufficioMittente": "TRIB", "destinatari": [{"tipo": "persona-fisica", "cognome": "Rossi", "nome": "Maria"}]});
    let r = b.registra(&b.anna, Modulo::nuovo().dati(&dati).file("documento", "a.txt", b"lettera")).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    sigilli::dell_ente(&b.servizio.sigilli, &*b.ente).await;
    b.get(&b.anna, r.json()["links"]["self"].as_str().unwrap()).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_made_here_gets_its_certificate_and_seals() {
    let Some(ca) = Autorita::nuova() else { return };
    let b = Banco::nuovo().await;
    assert_eq!(b.get(&b.ada, &format!("{SIGILLO}/richiesta.csr")).await.stato, StatusCode::NOT_FOUND);
    let chiedi = |corpo: Value| b.post(&b.ada, "/api/v1/enti/c_z999/aoo/AOO1/sigillo/richiesta", corpo);
    for (corpo, campo) in [
        (json!({"fornitore": "file"}), "codiceFiscale"),
        (json!({"fornitore": "file", "identificativo": "partita-iva"}), "partitaIva"),
        (json!({"fornitore": "file", "identificativo": "partita-iva", "partitaIva": "00123450562"}), "partitaIva"),
        (json!({"fornitore": "file", "codiceFiscale": "80006510806", "nomeSigillo": "x".repeat(65)}), "nomeSigillo"),
        (json!({"fornitore": "file", "codiceFiscale": "80006510806", "colore": "blu"}), "colore"),
        (
            json!({"fornitore": "pkcs11", "codiceFiscale": "80006510806", "modulo": "x.so", "token": "t", "chiave": "k", "pin": "1"}),
            "modulo",
        ),
    ] {
        let r = chiedi(corpo).await;
        assert_eq!((r.stato, r.campo().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, campo), "{}", r.json());
    }
    let buona = json!({"fornitore": "file", "identificativo": "partita-iva", "partitaIva": "00123450561", "nomeSigillo": "Sigillo del protocollo"});
    let r = b.post(&b.anna, &format!("{SIGILLO}/richiesta"), buona.clone()).await;
    assert_eq!(r.stato, StatusCode::FORBIDDEN);
    assert_eq!(b.get(&b.anna, &format!("{SIGILLO}/richiesta.csr")).await.stato, StatusCode::FORBIDDEN);
    let r = chiedi(buona.clone()).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    assert_eq!(
        (&r.json()["richiesta"]["identificativo"], &r.json()["impostato"]),
        (&json!("VATIT-00123450561"), &json!(false))
    );
    let prima = csr(&b).await;
    let letta = ca.legge(&prima);
    for t in [
        "verify OK",
        "organizationIdentifier=VATIT-00123450561",
        "CN=Sigillo del protocollo",
        "C=IT",
        "Non Repudiation",
    ] {
        assert!(letta.contains(t), "{t}: {letta}");
    }
    // Another request, another key: the certificate of the one before is no good any more.
    assert_eq!(chiedi(buona).await.stato, StatusCode::CREATED);
    let seconda = csr(&b).await;
    assert_ne!(prima, seconda);
    let carica =
        |c: String| b.post(&b.ada, "/api/v1/enti/c_z999/aoo/AOO1/sigillo/certificato", json!({"certificato": c}));
    for (file, parola) in
        [(ca.emette(&prima), "non è della chiave"), ("ciao".into(), "non si legge"), ("x".repeat(70_000), "supera")]
    {
        let r = carica(file).await;
        assert_eq!((r.stato, r.campo().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "certificato"), "{}", r.json());
        assert!(r.json().to_string().contains(parola), "{}", r.json());
    }
    assert_eq!(b.get(&b.ada, SIGILLO).await.json()["impostato"], false);

    let r = carica(ca.emette(&seconda)).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    let s = r.json();
    assert_eq!((&s["richiesta"], &s["sigillo"]["fornitore"]), (&Value::Null, &json!("file")));
    assert!(s["sigillo"]["emittente"].as_str().unwrap().contains("CA di prova"), "{s}");
    let r = carica(ca.emette(&seconda)).await;
    assert_eq!(r.stato, StatusCode::CONFLICT, "nothing waits any more: {}", r.json());
    assert_eq!(sigilla_una(&b).await["sigillo"]["stato"], "apposto");
    // No operation holds the key, and all comes out again.
    let ops = b.ente.scan_from(&archivio::store::Registro::Aoo("AOO1".parse().unwrap()), 0, 200).await.unwrap();
    assert!(!format!("{ops:?}").contains("pkcs8"));
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}

/// In the process that has a device: its library. In the first one, runs the test again in such a process.
fn dispositivo(nome: &str) -> Option<PathBuf> {
    let dove = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm.so", "/usr/lib64/libsofthsm2.so"];
    let Some(libreria) = dove.into_iter().map(Path::new).find(|p| p.exists()) else {
        assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "SoftHSM2 is missing");
        eprintln!("skipped: SoftHSM2 is not installed");
        return None;
    };
    if std::env::var_os(QUI).is_some() {
        return Some(libreria.to_owned());
    }
    let d = tempfile::tempdir().unwrap();
    std::fs::create_dir(d.path().join("token")).unwrap();
    let conf = d.path().join("softhsm2.conf");
    let testo = format!("directories.tokendir = {}\nobjectstore.backend = file\n", d.path().join("token").display());
    std::fs::write(&conf, testo).unwrap();
    let nuovo = ["--init-token", "--free", "--label", "ente", "--pin", PIN, "--so-pin", "9999"];
    esegui(Command::new("softhsm2-util").args(nuovo).env("SOFTHSM2_CONF", &conf));
    let mut io = Command::new(std::env::current_exe().unwrap());
    io.args(["--exact", &format!("richiesta_sigillo::{nome}"), "--nocapture"]);
    println!("{}", esegui(io.env("SOFTHSM2_CONF", &conf).env(QUI, "1")));
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_born_in_a_device_never_leaves_it_and_seals() {
    let Some(libreria) = dispositivo("a_key_born_in_a_device_never_leaves_it_and_seals") else { return };
    let Some(ca) = Autorita::nuova() else { return };
    let moduli = vec![format!("c_z999 {} ente", libreria.display()).parse().unwrap()];
    let b = Banco::nuovo().await.con_sigilli(Sigilli::con(Ammessi { moduli, ..Ammessi::default() }));
    let corpo = |pin: &str| {
        json!({"fornitore": "pkcs11", "modulo": libreria, "token": "ente", "chiave": "sigillo-2026", "pin": pin,
            "tipo": "rsa3072", "identificativo": "ipa"})
    };
    let posta = format!("{SIGILLO}/richiesta");
    let r = b.post(&b.ada, &posta, corpo("000000")).await;
    assert_eq!((r.stato, r.campo().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "sigillo"), "{}", r.json());
    let r = b.post(&b.ada, &posta, corpo(PIN)).await;
    assert_eq!((r.stato, &r.json()["richiesta"]["fornitore"]), (StatusCode::CREATED, &json!("pkcs11")), "{}", r.json());
    let letta = ca.legge(&csr(&b).await);
    assert!(letta.contains("3072 bit") && letta.contains("PA:IT-c_z999"), "{letta}");
    // The name is taken: no key is made in its place.
    let r = b.post(&b.ada, &posta, corpo(PIN)).await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY, "{}", r.json());
    let certificato = ca.emette(&csr(&b).await);
    let r =
        b.post(&b.ada, &format!("{SIGILLO}/certificato"), json!({"certificato": certificato, "entrate": true})).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    assert_eq!((&r.json()["sigillo"]["fornitore"], &r.json()["sigillo"]["entrate"]), (&json!("pkcs11"), &json!(true)));
    assert_eq!(sigilla_una(&b).await["sigillo"]["stato"], "apposto");
    assert!(!r.json().to_string().contains(PIN));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_for_a_provider_is_filled_with_what_is_known_and_names_what_is_missing() {
    let b = Banco::nuovo().await;
    let posta = format!("{SIGILLO}/modulo.pdf");
    let r = b.post(&b.ada, &posta, json!({})).await;
    let campi: Vec<String> =
        r.json()["errori"].as_array().unwrap().iter().map(|e| e["campo"].as_str().unwrap().to_owned()).collect();
    for c in ["codiceFiscale", "sede", "rappresentante.nome", "rappresentante.codiceFiscale", "referente.email"] {
        assert!(campi.iter().any(|x| x == c), "{c}: {campi:?}");
    }
    let corpo = json!({
        "identificativo": "partita-iva", "partitaIva": "00123450561", "codiceFiscale": "80006510806", "pec": "comune@pec.example",
        "sede": "Piazza Roma 1, 01027 Prova (VT)",
        "rappresentante": {"nome": "Maria", "cognome": "Rossi", "codiceFiscale": "RSSMRA80A01H501U", "carica": "Sindaca"},
        "referente": {"nome": "Ada", "cognome": "Bianchi", "email": "ada@comune.example", "telefono": "0761 000000"},
    });
    assert_eq!(b.post(&b.anna, &posta, corpo.clone()).await.stato, StatusCode::FORBIDDEN);
    let r = b.post(&b.ada, &posta, corpo.clone()).await;
    assert_eq!((r.stato, r.capi["content-type"].to_str().unwrap()), (StatusCode::OK, "application/pdf"));
    assert!(r.byte.starts_with(b"%PDF"));
    let letto = |pdf: &[u8]| {
        let d = tempfile::tempdir().unwrap();
        std::fs::write(d.path().join("m.pdf"), pdf).unwrap();
        match Command::new("pdftotext").args(["-layout", "m.pdf", "-"]).current_dir(d.path()).output() {
            Ok(o) => Some(String::from_utf8(o.stdout).unwrap()),
            Err(_) => {
                assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "pdftotext is missing");
                eprintln!("skipped: pdftotext is missing");
                None
            }
        }
    };
    if let Some(t) = letto(&r.byte) {
        for atteso in [
            "VATIT-00123450561",
            "80006510806",
            "Maria Rossi",
            "Sindaca",
            "ada@comune.example",
            "c_z999",
            "Piazza Roma 1",
            "da remoto",
        ] {
            assert!(t.contains(atteso), "{atteso}: {t}");
        }
    }
    // With a key of ours it names the request that goes with it.
    let chiesta = json!({"fornitore": "file", "identificativo": "ipa"});
    let chiave = b.post(&b.ada, &format!("{SIGILLO}/richiesta"), chiesta).await.json()["richiesta"]["chiave"].clone();
    let r = b.post(&b.ada, &posta, corpo).await;
    if let Some(t) = letto(&r.byte) {
        let unito: String = t.split_whitespace().collect();
        assert!(unito.contains(chiave.as_str().unwrap()) && !t.contains("da remoto"), "{t}");
    }
}
