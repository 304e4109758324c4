//! Canonical XML against `xmllint`, byte for byte, over every XML at hand (R-C10, R-C12).

#![expect(clippy::unwrap_used, reason = "tests")]
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use firme::canonica::{Errore, Metodo, Testo, canonizza};

const METODI: [(&str, Metodo); 3] = [
    ("--c14n", Metodo::Inclusiva { commenti: true }),
    ("--c14n11", Metodo::Inclusiva11 { commenti: true }),
    ("--exc-c14n", Metodo::Esclusiva { commenti: true }),
];

/// Files of ours, one for each trap met.
const NOSTRI: &[(&str, &[u8])] = &[
    ("righe.xml", b"<a b=\"x\r\ny\tz\nw\">\r\n<![CDATA[ p\r\nq\rr ]]><!-- c\r\nd --><?pi e\r\nf?>\r</a>\r\n"),
    ("riferimenti.xml", b"<a b='x&#13;&#10;&#9;y'>&#13;&lt;&amp;&gt;\"</a>"),
    ("latino.xml", b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>\n<a citt\xe0=\"perch\xe9\">\xe8 \xa0</a>"),
    ("bom.xml", b"\xef\xbb\xbf<?xml version='1.0'?><!-- prima --><a/><!-- dopo -->\n"),
    (
        "spazi.xml",
        b"<p:a xmlns:p='urn:p' xmlns:q='urn:q' xmlns='urn:d' z='1' q:a='2' a='3'><b xmlns=''><c xmlns='urn:d'/></b><q:d p:x=''/></p:a>",
    ),
    ("xml.xml", b"<a xml:lang='it' xml:space='preserve' xml:id='x'><b xml:base='http://x/'>  <c> \n</c></b></a>"),
    ("maggiore.xml", b"<a b='>' c=\"'\" d='\"'><b e='/>'/>]]&gt; > '</a>"),
];

fn giudice(argomento: &str, file: &Path) -> Option<Vec<u8>> {
    let r = Command::new("xmllint").args([argomento, "--nonet"]).arg(file).stderr(Stdio::null()).output();
    match r {
        Ok(r) if r.status.success() => Some(r.stdout),
        Ok(_) => None,
        Err(e) => {
            assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "xmllint is missing: {e}");
            None
        }
    }
}

fn manca_il_giudice() -> bool {
    Command::new("xmllint").arg("--version").stderr(Stdio::null()).stdout(Stdio::null()).status().is_err()
}

fn raccogli(cartella: &Path, file: &mut Vec<PathBuf>) {
    for voce in std::fs::read_dir(cartella).unwrap().flatten() {
        let p = voce.path();
        if p.is_dir() {
            raccogli(&p, file);
        } else if matches!(p.extension().and_then(|e| e.to_str()), Some("xml" | "xsd" | "wsdl")) {
            file.push(p);
        }
    }
}

/// How many files agreed, and how many were refused for their DTD.
fn confronta(file: &[PathBuf]) -> (usize, usize) {
    let (mut uguali, mut dtd) = (0, 0);
    for p in file {
        let byte = std::fs::read(p).unwrap();
        for (argomento, metodo) in METODI {
            match canonizza(&byte, metodo) {
                Ok(nostra) => {
                    let sua = giudice(argomento, p).unwrap_or_else(|| panic!("{}: xmllint refuses it", p.display()));
                    assert!(nostra == sua, "{} {argomento}", p.display());
                    uguali += 1;
                }
                Err(Errore::Dtd) => {
                    assert!(byte.windows(9).any(|w| w == b"<!DOCTYPE"), "{}", p.display());
                    dtd += 1;
                }
                Err(e) => assert!(giudice(argomento, p).is_none(), "{}: {e}, but xmllint reads it", p.display()),
            }
        }
    }
    (uguali, dtd)
}

#[test]
fn ours_agree_with_xmllint() {
    if manca_il_giudice() {
        assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "xmllint is missing");
        return eprintln!("skipped: no xmllint");
    }
    let cartella = tempfile::tempdir().unwrap();
    let file: Vec<PathBuf> = NOSTRI
        .iter()
        .map(|(nome, byte)| {
            let p = cartella.path().join(nome);
            std::fs::write(&p, byte).unwrap();
            p
        })
        .collect();
    assert_eq!(confronta(&file), (NOSTRI.len() * METODI.len(), 0));
}

#[test]
fn the_reference_files_agree_with_xmllint() {
    let radice = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference");
    if !radice.exists() || manca_il_giudice() {
        return eprintln!("skipped: no reference files, or no xmllint");
    }
    let mut file = Vec::new();
    raccogli(&radice, &mut file);
    let (uguali, dtd) = confronta(&file);
    assert!(uguali > 300, "{uguali} compared, {dtd} with a DTD");
}

#[test]
fn without_comments_they_are_not_there() {
    let x = b"<a><!-- c --><b/><?p?></a><!-- d -->";
    for m in [Metodo::Inclusiva { commenti: false }, Metodo::Esclusiva { commenti: false }] {
        assert_eq!(canonizza(x, m).unwrap(), b"<a><b></b><?p?></a>");
    }
}

#[test]
fn a_subtree_takes_inherited_namespaces_by_its_method() {
    let testo = Testo::leggi(b"<p:a xmlns:p='urn:p' xmlns:q='urn:q' xml:lang='it'><p:b/></p:a>").unwrap();
    let albero = testo.albero().unwrap();
    let b = albero.0.first_child(albero.0.document_element().unwrap()).unwrap();
    let nodi = albero.sottoalbero(b, true);
    let con = |m, prefissi: &[&str]| String::from_utf8(albero.canonica(m, Some(&nodi), prefissi).unwrap()).unwrap();
    let e = Metodo::Esclusiva { commenti: true };
    assert_eq!(con(e, &[]), r#"<p:b xmlns:p="urn:p"></p:b>"#);
    assert_eq!(con(e, &["q"]), r#"<p:b xmlns:p="urn:p" xmlns:q="urn:q"></p:b>"#);
    let i = Metodo::Inclusiva { commenti: true };
    assert_eq!(con(i, &[]), r#"<p:b xmlns:p="urn:p" xmlns:q="urn:q" xml:lang="it"></p:b>"#);
}

#[test]
fn bombs_are_refused_before_a_tree_is_made() {
    let profondo = "<a>".repeat(200);
    let largo = format!("<a {}/>", (0..300).map(|i| format!("x{i}='' ")).collect::<String>());
    let nomi = format!("<a {}>", (0..200).map(|i| format!("xmlns:x{i}='urn:{i}' ")).collect::<String>()).repeat(3);
    let nodi = format!("<a>{}</a>", "<b/>".repeat(2_000_001));
    for (nome, x) in [("deep", profondo), ("wide", largo), ("namespaces", nomi), ("nodes", nodi)] {
        assert!(matches!(Testo::leggi(x.as_bytes()), Err(Errore::Limite(_))), "{nome}");
    }
    let risate = b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>";
    assert_eq!(Testo::leggi(risate).unwrap_err(), Errore::Dtd);
}
