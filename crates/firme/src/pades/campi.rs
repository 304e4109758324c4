//! Signature dictionaries of a PDF, from the fields of its form, and what its security store (DSS) holds.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use jiff::Timestamp;
use lopdf::xref::XrefEntry;
use lopdf::{Dictionary, Document, Object, ObjectId};

use crate::fiducia::Materiale;

/// Fields looked at.
const CAMPI_MAX: usize = 20_000;
/// Fields one under the other.
const PROFONDITA_MAX: usize = 32;
/// Bytes of one certificate list or answer of a DSS.
const PROVA_MAX: usize = 16 << 20;
/// Stack of the thread that reads: foreign objects may be nested.
const PILA: usize = 32 << 20;

/// A signature in a field.
#[derive(Debug, Clone, Default)]
pub(super) struct Campo {
    pub nome: String,
    pub sotto_filtro: String,
    pub intervallo: Option<[usize; 4]>,
    pub contenuto: Vec<u8>,
    /// Where the object that holds the dictionary begins; none when it is compressed.
    pub posizione: Option<usize>,
    /// `/M`.
    pub istante: Option<Timestamp>,
    /// The document is encrypted: strings were decrypted while reading.
    pub cifrato: bool,
}

#[derive(Debug, Default)]
pub(super) struct Letto {
    pub campi: Vec<Campo>,
    pub materiale: Materiale,
}

/// Reads a PDF of unknown origin: in a thread of its own, whose end for whatever reason is only an error.
pub(super) fn leggi(byte: &[u8]) -> Result<Letto, String> {
    std::thread::scope(|s| {
        let lavoro = || catch_unwind(AssertUnwindSafe(|| documento(byte)));
        let t = std::thread::Builder::new().stack_size(PILA).spawn_scoped(s, lavoro).map_err(|e| e.to_string())?;
        match t.join() {
            Ok(Ok(r)) => r,
            _ => Err("PDF non leggibile: la sua struttura è rotta".into()),
        }
    })
}

fn documento(byte: &[u8]) -> Result<Letto, String> {
    let d = pdf::leggi(byte).map_err(|e| format!("PDF non leggibile: {e}"))?;
    let mut l = Letto::default();
    let Ok(catalogo) = d.catalog() else { return Err("PDF non leggibile: senza catalogo".into()) };
    let scarto = crate::involucro::trova(&byte[..byte.len().min(1024)], b"%PDF-").unwrap_or(0);
    let mut v = Visita { d: &d, visti: BTreeSet::new(), firme: BTreeSet::new(), scarto, campi: Vec::new() };
    if let Some(modulo) = dizionario(&d, catalogo.get(b"AcroForm").ok()) {
        v.figli(modulo.get(b"Fields").ok(), &Dictionary::new(), "", 0);
    }
    l.campi = v.campi;
    dss(&d, catalogo, &mut l.materiale);
    Ok(l)
}

struct Visita<'d> {
    d: &'d Document,
    visti: BTreeSet<ObjectId>,
    firme: BTreeSet<ObjectId>,
    scarto: usize,
    campi: Vec<Campo>,
}

impl Visita<'_> {
    fn figli(&mut self, elenco: Option<&Object>, sopra: &Dictionary, nome: &str, livello: usize) {
        let Some(Object::Array(elenco)) = elenco.and_then(|o| risolto(self.d, o)) else { return };
        for o in elenco {
            let Object::Reference(id) = o else { continue };
            if livello < PROFONDITA_MAX && self.visti.len() < CAMPI_MAX && self.visti.insert(*id) {
                self.campo(*id, sopra, nome, livello);
            }
        }
    }

    fn campo(&mut self, id: ObjectId, sopra: &Dictionary, nome: &str, livello: usize) {
        let Some(c) = self.d.get_object(id).ok().and_then(|o| o.as_dict().ok()) else { return };
        let parziale = c.get(b"T").ok().and_then(|o| risolto(self.d, o)).and_then(|o| o.as_str().ok());
        let nome = match parziale.map(String::from_utf8_lossy) {
            Some(p) if nome.is_empty() => p.into_owned(),
            Some(p) => format!("{nome}.{p}"),
            None => nome.to_owned(),
        };
        // Type and value come down from the parents.
        let mut ereditati = Dictionary::new();
        for k in [&b"FT"[..], b"V"] {
            if let Ok(o) = c.get(k).or_else(|_| sopra.get(k)) {
                ereditati.set(k, o.clone());
            }
        }
        let tipo = ereditati.get(b"FT").ok().and_then(|o| risolto(self.d, o)).and_then(|o| o.as_name().ok());
        if tipo == Some(b"Sig") && c.get(b"V").is_ok() {
            self.firma(id, c, &nome);
        }
        self.figli(c.get(b"Kids").ok(), &ereditati, &nome, livello + 1);
    }

    fn firma(&mut self, campo: ObjectId, c: &Dictionary, nome: &str) {
        let Ok(v) = c.get(b"V") else { return };
        // The same dictionary in two fields is one signature.
        let id = v.as_reference().unwrap_or(campo);
        let Some(s) = dizionario(self.d, Some(v)) else { return };
        if !self.firme.insert(id) {
            return;
        }
        let posizione = match self.d.reference_table.get(id.0) {
            Some(XrefEntry::Normal { offset, .. }) => Some(*offset as usize + self.scarto),
            _ => None,
        };
        let preso = |k: &[u8]| s.get(k).ok().and_then(|o| risolto(self.d, o));
        let numeri = preso(b"ByteRange").and_then(|o| o.as_array().ok()).map(|a| {
            a.iter()
                .filter_map(|n| risolto(self.d, n)?.as_i64().ok())
                .filter_map(|n| usize::try_from(n).ok())
                .collect::<Vec<_>>()
        });
        self.campi.push(Campo {
            nome: nome.to_owned(),
            sotto_filtro: preso(b"SubFilter")
                .and_then(|o| o.as_name().ok())
                .map(|n| String::from_utf8_lossy(n).into_owned())
                .unwrap_or_default(),
            intervallo: numeri.and_then(|n| n.try_into().ok()),
            contenuto: preso(b"Contents").and_then(|o| o.as_str().ok()).unwrap_or_default().to_vec(),
            posizione,
            istante: preso(b"M").and_then(|o| o.as_str().ok()).and_then(data),
            cifrato: self.d.is_encrypted() || self.d.encryption_state.is_some(),
        });
    }
}

fn risolto<'d>(d: &'d Document, o: &'d Object) -> Option<&'d Object> {
    d.dereference(o).ok().map(|(_, o)| o)
}

fn dizionario<'d>(d: &'d Document, o: Option<&'d Object>) -> Option<&'d Dictionary> {
    o.and_then(|o| risolto(d, o)).and_then(|o| o.as_dict().ok())
}

/// `D:20240131120000+01'00'`.
fn data(testo: &[u8]) -> Option<Timestamp> {
    let t = std::str::from_utf8(testo).ok()?.trim_start_matches("D:");
    let t: String = t.chars().filter(|c| *c != '\'').collect();
    let cifre = t.get(..14).filter(|c| c.bytes().all(|c| c.is_ascii_digit()))?;
    let zona = match t.get(14..).unwrap_or_default() {
        z if z.len() >= 5 && z.starts_with(['+', '-']) => &z[..5],
        _ => "Z",
    };
    let b = crate::asn1::avvolgi(crate::asn1::tag::GENERALIZED_TIME, format!("{cifre}{zona}").as_bytes());
    crate::asn1::istante(&crate::asn1::Lettore::nuovo(&b).leggi().ok()?).ok()
}

/// Certificates, lists and answers that the document keeps for who checks later.
fn dss(d: &Document, catalogo: &Dictionary, m: &mut Materiale) {
    let Some(dss) = dizionario(d, catalogo.get(b"DSS").ok()) else { return };
    let flussi = |k: &[u8]| -> Vec<Vec<u8>> {
        let elenco = dss.get(k).ok().and_then(|o| risolto(d, o)).and_then(|o| o.as_array().ok());
        elenco
            .into_iter()
            .flatten()
            .take(1000)
            .filter_map(|o| risolto(d, o)?.as_stream().ok())
            .filter_map(|s| s.get_plain_content_with_limit(PROVA_MAX).ok())
            .collect()
    };
    let (certificati, crl, ocsp) = (flussi(b"Certs"), flussi(b"CRLs"), flussi(b"OCSPs"));
    m.aggiungi_certificati(certificati.iter().map(Vec::as_slice));
    m.aggiungi(&crl.iter().map(Vec::as_slice).collect::<Vec<_>>(), &ocsp.iter().map(Vec::as_slice).collect::<Vec<_>>());
}
