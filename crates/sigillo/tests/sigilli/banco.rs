//! Keys, documents and a server that answers as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use sigillo::software::ChiaveSoftware;
use sigillo::{Certificato, Segreto};

/// When everything happens.
pub fn quando() -> Timestamp {
    "2026-11-28T11:59:12Z".parse().unwrap()
}

pub fn percorso(nome: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/dati").join(nome)
}

pub fn dati(nome: &str) -> Vec<u8> {
    std::fs::read(percorso(nome)).unwrap()
}

pub fn prova() -> Segreto {
    Segreto::nuovo("prova")
}

pub fn chiave(nome: &str) -> ChiaveSoftware {
    ChiaveSoftware::da_pkcs12(&dati(&format!("{nome}.p12")), &prova()).unwrap()
}

pub fn chiavi() -> [ChiaveSoftware; 3] {
    ["rsa", "p256", "p384"].map(chiave)
}

pub fn certificato(nome: &str) -> Certificato {
    Certificato::da_file(&dati(&format!("{nome}.pem"))).unwrap().remove(0)
}

/// Third-party samples, where they are.
pub fn riferimento(nome: &str) -> Option<PathBuf> {
    let percorso = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference").join(nome);
    if percorso.exists() {
        Some(percorso)
    } else {
        eprintln!("skipped: {nome} is not here");
        None
    }
}

/// A segnatura of our own making, still without its seal.
pub const SEGNATURA: &str = include_str!("../../examples/segnatura.xml");

/// A PDF/A-2a, by our own printer.
pub fn pdf() -> Vec<u8> {
    let data =
        stampa::Istante { anno: 2026, mese: 11, giorno: 28, ora: 11, minuto: 11, secondo: 12, scarto_minuti: 60 };
    let mut documento = stampa::Documento::nuovo("Documento di prova", "Comune di prova", data);
    documento.blocchi.push(stampa::Blocco::Fatti(vec![("Numero".into(), vec![stampa::Brano::grassetto("42")])]));
    documento.pdf().unwrap()
}

/// A PDF as small as can be, with a table of objects (1.4) and no form.
pub fn pdf_minimo() -> Vec<u8> {
    let mut pdf = b"%PDF-1.4\n".to_vec();
    let mut tabella = String::from("xref\n0 4\n0000000000 65535 f \n");
    for oggetto in [
        "1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n",
        "2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n",
        "3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>\nendobj\n",
    ] {
        tabella.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        pdf.extend_from_slice(oggetto.as_bytes());
    }
    let dove = pdf.len();
    pdf.extend_from_slice(format!("{tabella}trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n{dove}\n%%EOF\n").as_bytes());
    pdf
}

/// What was asked.
#[derive(Debug)]
pub struct Richiesta {
    pub percorso: String,
    pub capi: Vec<(String, String)>,
    pub corpo: Vec<u8>,
}

impl Richiesta {
    pub fn capo(&self, nome: &str) -> &str {
        self.capi.iter().find(|(n, _)| n.eq_ignore_ascii_case(nome)).map_or("", |(_, v)| v)
    }
}

/// How to answer.
#[derive(Debug)]
pub enum Risposta {
    /// As it should be: status, type, body.
    Bene(u16, &'static str, Vec<u8>),
    /// Half of the body that was announced.
    Tronca(Vec<u8>),
    /// Nothing, until who asked goes away.
    Muta,
    /// Bytes without end.
    Infinita,
}

/// A server in this process, on a port of its own; it ends with the process.
pub fn servi(rispondi: impl Fn(&Richiesta) -> Risposta + Send + Sync + 'static) -> String {
    let ascolto = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", ascolto.local_addr().unwrap());
    let rispondi = Arc::new(rispondi);
    std::thread::spawn(move || {
        for flusso in ascolto.incoming().flatten() {
            let rispondi = Arc::clone(&rispondi);
            // A client that goes away is no fault of ours.
            std::thread::spawn(move || conversa(flusso, &*rispondi));
        }
    });
    url
}

fn conversa(flusso: TcpStream, rispondi: &dyn Fn(&Richiesta) -> Risposta) -> Option<()> {
    let mut lettura = BufReader::new(flusso.try_clone().ok()?);
    let mut scrittura = flusso;
    loop {
        let mut riga = String::new();
        lettura.read_line(&mut riga).ok().filter(|n| *n > 0)?;
        let percorso = riga.split(' ').nth(1)?.to_owned();
        let mut capi = Vec::new();
        loop {
            let mut riga = String::new();
            lettura.read_line(&mut riga).ok()?;
            let Some((nome, valore)) = riga.trim_end().split_once(": ") else { break };
            capi.push((nome.to_owned(), valore.to_owned()));
        }
        let mut richiesta = Richiesta { percorso, capi, corpo: Vec::new() };
        if richiesta.capo("transfer-encoding") == "chunked" {
            loop {
                let mut riga = String::new();
                lettura.read_line(&mut riga).ok()?;
                let n = usize::from_str_radix(riga.trim(), 16).ok()?;
                let mut pezzo = vec![0; n + 2];
                lettura.read_exact(&mut pezzo).ok()?;
                if n == 0 {
                    break;
                }
                richiesta.corpo.extend_from_slice(&pezzo[..n]);
            }
        } else {
            richiesta.corpo = vec![0; richiesta.capo("content-length").parse().unwrap_or(0)];
            lettura.read_exact(&mut richiesta.corpo).ok()?;
        }
        let capo = |stato: u16, tipo: &str, n: usize| {
            format!("HTTP/1.1 {stato} X\r\ncontent-type: {tipo}\r\ncontent-length: {n}\r\n\r\n")
        };
        match rispondi(&richiesta) {
            Risposta::Bene(stato, tipo, corpo) => {
                scrittura.write_all(capo(stato, tipo, corpo.len()).as_bytes()).ok()?;
                scrittura.write_all(&corpo).ok()?;
            }
            Risposta::Tronca(corpo) => {
                scrittura.write_all(capo(200, "application/json", corpo.len()).as_bytes()).ok()?;
                scrittura.write_all(&corpo[..corpo.len() / 2]).ok()?;
                return None;
            }
            Risposta::Muta => {
                lettura.read_to_end(&mut Vec::new()).ok()?;
                return None;
            }
            Risposta::Infinita => {
                scrittura.write_all(capo(200, "application/json", usize::MAX >> 1).as_bytes()).ok()?;
                while scrittura.write_all(&[b' '; 65536]).is_ok() {}
                return None;
            }
        }
    }
}

/// What the sister crate says: is it intact?
pub fn firme_dice(fatto: &[u8], documento: Option<&[u8]>) -> bool {
    firme::esamina(fatto, documento, &firme::Fiducia::nessuna(), quando()).integra()
}
