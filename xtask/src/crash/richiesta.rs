//! One registration asked over HTTP: its key, its data and its file, all made again from (seed, number).

use std::fmt::Write as _;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::caso::Caso;

/// Smallest and biggest file, in bytes.
const FILE: (u64, u64) = (1_000, 60_000);

/// Everything that is sent. The same (seed, number) gives the same request, so nothing is kept in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Richiesta {
    /// `Idempotency-Key`.
    pub chiave: String,
    /// The part `dati`.
    pub dati: String,
    /// The part `documento`.
    pub documento: Vec<u8>,
}

impl Richiesta {
    /// Request number `n` of a run, with an entry of the titolario that may be used.
    pub fn nuova(seme: u64, n: u64, classificazione: &str) -> Self {
        let mut caso = Caso::ramo(seme, n);
        let lungo = caso.tra(FILE.0, FILE.1) as usize;
        let dati = json!({
            "tipo": "entrata",
            "oggetto": format!("Istanza di prova {n} del giro con seme {seme}"),
            "mittente": {"tipo": "persona-fisica", "nome": "Maria", "cognome": format!("Rossi {n}")},
            "destinatari": [],
            "mezzo": "sportello",
            "classificazione": classificazione,
            "riservato": false,
        });
        let mut documento = format!("Documento di prova {seme}/{n}\n").into_bytes();
        documento.extend(caso.byte(lungo));
        Self { chiave: format!("prova-{seme}-{n}"), dati: dati.to_string(), documento }
    }

    /// SHA-256 of the file, lower-case hex.
    pub fn impronta(&self) -> String {
        impronta(&self.documento)
    }

    /// The multipart/form-data body and its `Content-Type`. The separator is no part of the content: it holds the
    /// file's impronta, which the file cannot contain.
    pub fn corpo(&self) -> (String, Vec<u8>) {
        let separatore = format!("protocollo-{}", &self.impronta()[..40]);
        let mut corpo = Vec::with_capacity(self.documento.len() + 1024);
        corpo.extend_from_slice(
            format!(
                "--{separatore}\r\nContent-Disposition: form-data; name=\"dati\"\r\n\
                 Content-Type: application/json\r\n\r\n{}\r\n\
                 --{separatore}\r\nContent-Disposition: form-data; name=\"documento\"; filename=\"{}.txt\"\r\n\
                 Content-Type: application/octet-stream\r\n\r\n",
                self.dati, self.chiave
            )
            .as_bytes(),
        );
        corpo.extend_from_slice(&self.documento);
        corpo.extend_from_slice(format!("\r\n--{separatore}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={separatore}"), corpo)
    }
}

/// SHA-256, lower-case hex.
pub fn impronta(byte: &[u8]) -> String {
    Sha256::digest(byte).iter().fold(String::with_capacity(64), |mut s, b| {
        let _ = write!(s, "{b:02x}");
        s
    })
}

#[cfg(test)]
mod tests {
    use super::{Richiesta, impronta};

    #[test]
    fn a_request_can_be_made_again_and_no_two_are_alike() {
        assert_eq!(Richiesta::nuova(1, 5, "1.6"), Richiesta::nuova(1, 5, "1.6"));
        let (a, b) = (Richiesta::nuova(1, 5, "1.6"), Richiesta::nuova(1, 6, "1.6"));
        assert_ne!(a.chiave, b.chiave);
        assert_ne!(a.impronta(), b.impronta());
    }

    #[test]
    fn the_body_holds_the_two_parts_and_the_file_byte_for_byte() {
        let richiesta = Richiesta::nuova(1, 5, "1.6");
        let (tipo, corpo) = richiesta.corpo();
        let separatore = tipo.split_once("boundary=").unwrap().1.to_owned();
        let volte = |ago: &[u8]| corpo.windows(ago.len()).filter(|w| *w == ago).count();
        assert_eq!(volte(separatore.as_bytes()), 3);
        assert_eq!(volte(richiesta.dati.as_bytes()), 1);
        assert_eq!(volte(&richiesta.documento), 1);
        assert!(corpo.ends_with(format!("\r\n--{separatore}--\r\n").as_bytes()));
    }

    #[test]
    fn the_impronta_is_lower_case_hex_of_sha_256() {
        assert_eq!(impronta(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
