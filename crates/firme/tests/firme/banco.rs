//! Files of our own, made by `openssl` and `xmlsec1`: an authority, signers, envelopes of each kind. The small ones in
//! `tests/dati` were made by this code (`the_fixtures_are_made_anew`), so that tests run where those programs are not.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What is signed, wherever nothing else is said.
pub const TESTO: &str = "Oggetto: prova di firma\r\nPerché sì.\r\n";
const CONF: &str = "
[req]
distinguished_name = dn
[dn]
[ca]
basicConstraints = critical,CA:true
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[firma]
basicConstraints = critical,CA:false
keyUsage = critical,nonRepudiation
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
# QcCompliance, QcSSCD, QcType eSign
1.3.6.1.5.5.7.1.3 = DER:30:29:30:08:06:06:04:00:8e:46:01:01:30:08:06:06:04:00:8e:46:01:04:30:13:06:06:04:00:8e:46:01:06:30:09:06:07:04:00:8e:46:01:06:01
[tsa]
extendedKeyUsage = critical,timeStamping
[ocsp]
extendedKeyUsage = OCSPSigning
[gestore]
default_ca = registro
[registro]
dir = .
database = ./indice
serial = ./seriale
crlnumber = ./numero
new_certs_dir = .
certificate = ./ca.pem
private_key = ./ca.key
default_md = sha256
default_crl_days = 7300
default_days = 7300
policy = qualsiasi
unique_subject = no
[qualsiasi]
countryName = optional
organizationName = optional
commonName = supplied
serialNumber = optional
[orologio]
serial = ./serie-marche
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
";

/// Where a file of ours is.
pub fn dati(nome: &str) -> Vec<u8> {
    let p = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dati").join(nome);
    std::fs::read(&p).unwrap_or_else(|e| panic!("{}: {e}", p.display()))
}

/// The folder of the reference files, when it is there.
pub fn riferimento() -> Option<PathBuf> {
    let p = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/firme");
    if !p.exists() {
        eprintln!("skipped: no reference files");
    }
    p.exists().then_some(p)
}

/// Whether a program is there; without it the test is skipped, or fails where judges are asked for.
pub fn c_e(programma: &str) -> bool {
    // Each of them has some way to say that it is there.
    let si = Command::new(programma).arg("--version").output().is_ok();
    if !si {
        assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "{programma} is missing");
        eprintln!("skipped: no {programma}");
    }
    si
}

/// Runs a program in a folder; its standard output when it succeeds.
pub fn esegui(dove: &Path, programma: &str, argomenti: &[&str]) -> Result<Vec<u8>, String> {
    let r = Command::new(programma).args(argomenti).current_dir(dove).output().map_err(|e| e.to_string())?;
    if r.status.success() { Ok(r.stdout) } else { Err(String::from_utf8_lossy(&r.stderr).into_owned()) }
}

/// `openssl`, which must succeed.
pub fn openssl(dove: &Path, argomenti: &str) {
    let parole: Vec<&str> = argomenti.split_whitespace().collect();
    esegui(dove, "openssl", &parole).unwrap_or_else(|e| panic!("openssl {argomenti}: {e}"));
}

fn certificato(dove: &Path, nome: &str, chiave: &str, soggetto: &str, sezione: &str) {
    openssl(dove, &format!("genpkey {chiave} -out {nome}.key"));
    let args = [
        "req",
        "-new",
        "-key",
        &format!("{nome}.key"),
        "-out",
        &format!("{nome}.csr"),
        "-config",
        "conf",
        "-subj",
        soggetto,
        "-utf8",
    ]
    .map(str::to_owned);
    esegui(dove, "openssl", &args.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
    openssl(
        dove,
        &format!(
            "ca -batch -config conf -name registro -in {nome}.csr -out {nome}.pem -extfile conf -extensions {sezione} -notext"
        ),
    );
}

const RSA: &str = "-algorithm RSA -pkeyopt rsa_keygen_bits:2048";

/// Everything, in a folder.
pub fn prepara(d: &Path) {
    let scrivi = |nome: &str, testo: &[u8]| std::fs::write(d.join(nome), testo).unwrap();
    scrivi("conf", CONF.as_bytes());
    scrivi("indice", b"");
    scrivi("seriale", b"1001\n");
    scrivi("numero", b"01\n");
    scrivi("serie-marche", b"01\n");
    scrivi("testo.txt", TESTO.as_bytes());
    openssl(d, &format!("genpkey {RSA} -out ca.key"));
    esegui(
        d,
        "openssl",
        &[
            "req",
            "-x509",
            "-new",
            "-key",
            "ca.key",
            "-out",
            "ca.pem",
            "-config",
            "conf",
            "-extensions",
            "ca",
            "-days",
            "7300",
            "-subj",
            "/C=IT/O=Prova/CN=Autorità di prova",
            "-utf8",
        ],
    )
    .unwrap();
    certificato(d, "anna", RSA, "/C=IT/CN=Anna Rossi/serialNumber=TINIT-RSSMRA80A01H501U", "firma");
    certificato(d, "bruno", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384", "/C=IT/CN=Bruno Bianchi", "firma");
    certificato(d, "tolto", RSA, "/C=IT/CN=Certificato tolto", "firma");
    certificato(d, "tsa", RSA, "/C=IT/CN=Marche di prova", "tsa");
    certificato(d, "ocsp", RSA, "/C=IT/CN=Risponditore di prova", "ocsp");
    openssl(d, "ca -config conf -name registro -revoke tolto.pem -crl_reason keyCompromise");
    openssl(d, "ca -config conf -name registro -gencrl -out crl.pem");
    let cms = "cms -sign -binary -nosmimecap -outform";
    openssl(
        d,
        &format!("{cms} DER -nodetach -in testo.txt -signer anna.pem -inkey anna.key -out busta.p7m -cades -md sha256"),
    );
    openssl(d, &format!("{cms} DER -nodetach -stream -in testo.txt -signer anna.pem -inkey anna.key -out ber.p7m"));
    openssl(
        d,
        &format!("{cms} PEM -nodetach -in testo.txt -signer bruno.pem -inkey bruno.key -md sha384 -out ec-pem.p7m"),
    );
    openssl(
        d,
        &format!(
            "{cms} DER -nodetach -in testo.txt -signer anna.pem -inkey anna.key -keyopt rsa_padding_mode:pss -keyopt rsa_pss_saltlen:32 -out pss.p7m"
        ),
    );
    openssl(d, &format!("{cms} DER -in testo.txt -signer anna.pem -inkey anna.key -out staccata.p7s"));
    openssl(d, &format!("{cms} DER -nodetach -in testo.txt -signer anna.pem -inkey anna.key -noattr -out nuda.p7m"));
    openssl(d, &format!("{cms} DER -nodetach -in testo.txt -signer tolto.pem -inkey tolto.key -out revocata.p7m"));
    openssl(d, &format!("{cms} DER -nodetach -in busta.p7m -signer bruno.pem -inkey bruno.key -out annidata.p7m"));
    openssl(d, "ts -query -data testo.txt -sha256 -cert -out richiesta.tsq");
    openssl(
        d,
        "ts -reply -config conf -section orologio -queryfile richiesta.tsq -signer tsa.pem -inkey tsa.key -out marca.tsr",
    );
    openssl(
        d,
        "ocsp -index indice -CA ca.pem -rsigner ocsp.pem -rkey ocsp.key -issuer ca.pem -cert anna.pem -cert tolto.pem -ndays 7000 -respout ocsp.der",
    );
    // A PDF signed by hand: objects, gap, signature over the rest.
    let vuoto = super::pdf::da_firmare();
    let (a, b) = super::pdf::intervallo(&vuoto);
    scrivi("da-firmare.bin", &[&vuoto[..a], &vuoto[b..]].concat());
    openssl(d, &format!("{cms} DER -in da-firmare.bin -signer anna.pem -inkey anna.key -cades -out pdf.p7s"));
    scrivi("firmato.pdf", &super::pdf::con_firma(&vuoto, &std::fs::read(d.join("pdf.p7s")).unwrap()));
    openssl(
        d,
        &format!("{cms} DER -nodetach -in da-firmare.bin -signer anna.pem -inkey anna.key -out incapsulata.p7m"),
    );
    // Signed with its content inside, which is right; the document is another.
    openssl(d, &format!("{cms} DER -nodetach -in testo.txt -signer anna.pem -inkey anna.key -out altra.p7m"));
}

/// An enveloped XML signature by `xmlsec1`.
pub fn prepara_xml(d: &Path) {
    std::fs::write(d.join("modello.xml"), MODELLO).unwrap();
    let args = ["--sign", "--privkey-pem", "anna.key,anna.pem", "--output", "firmato.xml", "modello.xml"];
    esegui(d, "xmlsec1", &args).unwrap();
    // An enveloping one, over a text in base64.
    std::fs::write(d.join("modello.xml"), MODELLO_IMBUSTATO).unwrap();
    let id = ["--id-attr:Id", "http://www.w3.org/2000/09/xmldsig#:Object"];
    let args =
        ["--sign", "--privkey-pem", "anna.key,anna.pem", id[0], id[1], "--output", "imbustato.xml", "modello.xml"];
    esegui(d, "xmlsec1", &args).unwrap();
}

/// The files that are kept in `tests/dati`.
pub const CONSERVATI: &[&str] = &[
    "ca.pem",
    "crl.pem",
    "busta.p7m",
    "ber.p7m",
    "ec-pem.p7m",
    "pss.p7m",
    "staccata.p7s",
    "nuda.p7m",
    "revocata.p7m",
    "annidata.p7m",
    "marca.tsr",
    "ocsp.der",
    "firmato.pdf",
    "incapsulata.p7m",
    "altra.p7m",
    "firmato.xml",
    "imbustato.xml",
    "anna.pem",
    "tolto.pem",
];

const MODELLO: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<Documento Id="d"><Oggetto>Perché sì</Oggetto><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo><CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><Reference URI=""><Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></Transforms><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference></SignedInfo><SignatureValue/><KeyInfo><X509Data/></KeyInfo></Signature></Documento>
"#;

const MODELLO_IMBUSTATO: &str = r##"<?xml version="1.0" encoding="UTF-8"?>
<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo><CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><Reference URI="#o"><Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#base64"/></Transforms><DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference></SignedInfo><SignatureValue/><KeyInfo><X509Data/></KeyInfo><Object Id="o" Encoding="http://www.w3.org/2000/09/xmldsig#base64">QUJD</Object></Signature>
"##;

#[test]
#[ignore = "rewrites tests/dati"]
fn the_fixtures_are_made_anew() {
    let t = tempfile::tempdir().unwrap();
    prepara(t.path());
    prepara_xml(t.path());
    let dati = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dati");
    for nome in CONSERVATI {
        std::fs::copy(t.path().join(nome), dati.join(nome)).unwrap();
    }
}
