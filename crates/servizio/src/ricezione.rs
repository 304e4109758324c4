//! Multipart bodies, streamed: files go to the store as they come, never into memory.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use archivio::EnteStore;
use archivio::store::FileDaRegistrare;
use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::multipart::{Field, MultipartError, MultipartRejection};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use dominio::codici::Impronta;
use dominio::nuova::NuovaRegistrazione;
use dominio::registrazione::{RuoloDocumento, Tipo};
use futures_util::Stream;
use sha2::{Digest as _, Sha256};

use crate::problema::Problema;
use crate::segnatura_ricevuta;

/// A multipart body taken a piece at a time: the parser reads ahead as long as bytes are ready, so a fast sender would
/// fill the memory; here it is made to stop after each piece.
pub struct Corpo(pub Multipart);

impl<S: Send + Sync> FromRequest<S> for Corpo {
    type Rejection = MultipartRejection;

    async fn from_request(r: Request, s: &S) -> Result<Self, MultipartRejection> {
        let r = r.map(|b| Body::from_stream(UnoAllaVolta { dentro: b.into_data_stream(), fermo: false }));
        Multipart::from_request(r, s).await.map(Self)
    }
}

struct UnoAllaVolta {
    dentro: BodyDataStream,
    fermo: bool,
}

impl Stream for UnoAllaVolta {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.fermo) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let esito = Pin::new(&mut self.dentro).poll_next(cx);
        self.fermo = matches!(esito, Poll::Ready(Some(Ok(_))));
        esito
    }
}

/// Most text parts of a request: a form with every field and many correspondents.
const TESTI_MAX: usize = 3_000;

/// Most XML files of a request that are looked at for its segnatura.
const SEGNATURE_MAX: usize = 4;

/// Limits of a request.
#[derive(Debug, Clone, Copy)]
pub struct Limiti {
    /// Longest text part, bytes.
    pub testo_max: u64,
    /// Longest file, bytes.
    pub file_max: u64,
    /// Most files.
    pub file_numero_max: usize,
    /// Longest silence of who sends a file: an upload may last, but not stand still.
    pub silenzio_max: Duration,
    /// Longest life of a request that is not an upload; of what an upload is for, once received; of each write of it.
    pub attesa_max: Duration,
}

impl Default for Limiti {
    fn default() -> Self {
        Self {
            testo_max: 32 * 1024 * 1024,
            file_max: 2 * 1024 * 1024 * 1024,
            file_numero_max: 1_000,
            silenzio_max: Duration::from_secs(60),
            attesa_max: Duration::from_secs(60),
        }
    }
}

/// What a multipart body held.
#[derive(Debug, Default)]
pub struct Ricevuto {
    /// Text parts, in order.
    pub testi: Vec<(String, String)>,
    /// Stored files, in order.
    pub file: Vec<FileDaRegistrare>,
    /// The first of them that look like a segnatura, their bytes.
    pub segnature: Vec<Vec<u8>>,
}

impl Ricevuto {
    /// First text of that name.
    pub fn testo(&self, nome: &str) -> Option<&str> {
        self.testi.iter().find(|(n, _)| n == nome).map(|(_, t)| t.as_str())
    }

    /// What the segnatura that came with it, if there is one, says of an entrata.
    pub async fn con_la_segnatura(&mut self, dati: &mut NuovaRegistrazione) {
        if dati.tipo != Tipo::Entrata {
            return;
        }
        for byte in std::mem::take(&mut self.segnature) {
            if let Some(s) = segnatura_ricevuta::leggi(byte).await {
                return s.applica(dati, &self.impronte());
            }
        }
    }

    /// Role, name and impronta of each file: what an Idempotency-Key compares.
    pub fn impronte(&self) -> Vec<(RuoloDocumento, String, Impronta)> {
        self.file.iter().map(|f| (f.ruolo, f.nome.clone(), f.file.impronta)).collect()
    }
}

/// Which parts a door takes.
#[derive(Debug, Clone, Copy)]
pub struct Parti<'a> {
    /// Names of text parts; each once. Empty slice with `liberi` takes any text.
    pub testi: &'a [&'a str],
    /// Any text part is taken, more than once too (HTML forms).
    pub liberi: bool,
    /// Name of the part of the primary file, if the door takes one.
    pub primario: Option<&'a str>,
    /// Name of the part of attached files.
    pub allegato: &'a str,
}

/// Reads the whole body. A file part without name and bytes (an empty input of a form) is skipped where `liberi`.
///
/// # Errors
/// A part unknown, double or too large; a client that went away.
pub async fn ricevi(
    ente: &dyn EnteStore,
    mut corpo: Multipart,
    parti: Parti<'_>,
    limiti: Limiti,
) -> Result<Ricevuto, Problema> {
    let esito = parte_per_parte(ente, &mut corpo, parti, limiti).await;
    if esito.as_ref().is_err_and(|p| p.stato == StatusCode::SERVICE_UNAVAILABLE) {
        // Who is sending would see a broken connection instead of the answer: the rest is let by.
        let resto = async { while let Ok(Some(_)) = corpo.next_field().await {} };
        let _ = tokio::time::timeout(limiti.silenzio_max, resto).await;
    }
    esito
}

async fn parte_per_parte(
    ente: &dyn EnteStore,
    corpo: &mut Multipart,
    parti: Parti<'_>,
    limiti: Limiti,
) -> Result<Ricevuto, Problema> {
    let mut out = Ricevuto::default();
    let mut byte_testo = 0u64;
    while let Some(campo) = entro(limiti, corpo.next_field()).await? {
        let nome = campo.name().unwrap_or_default().to_owned();
        let primario = parti.primario == Some(nome.as_str());
        if primario || nome == parti.allegato {
            if primario && !parti.liberi && out.file.iter().any(|f| f.ruolo == RuoloDocumento::Primario) {
                return Err(Problema::campo(nome, "è ripetuto: il documento principale è uno solo"));
            }
            if out.file.len() >= limiti.file_numero_max {
                return Err(Problema::campo(nome, format!("i file sono più di {}", limiti.file_numero_max)));
            }
            let ruolo = if primario { RuoloDocumento::Primario } else { RuoloDocumento::Allegato };
            if let Some((f, xml)) = file(ente, campo, &nome, ruolo, limiti, parti.liberi).await? {
                if out.segnature.len() < SEGNATURE_MAX {
                    out.segnature.extend(xml.filter(|x| segnatura_ricevuta::pare(&f.nome, x)));
                }
                out.file.push(f);
            }
        } else if parti.liberi || parti.testi.contains(&nome.as_str()) {
            if !parti.liberi && out.testo(&nome).is_some() {
                return Err(Problema::campo(nome, "è ripetuto"));
            }
            if out.testi.len() >= TESTI_MAX {
                return Err(Problema::campo(nome, format!("le parti di testo sono più di {TESTI_MAX}")));
            }
            let t = testo(campo, &nome, limiti).await?;
            byte_testo += t.len() as u64;
            if byte_testo > limiti.testo_max {
                return Err(Problema::troppo_grande(&nome, limiti.testo_max));
            }
            out.testi.push((nome, t));
        } else {
            return Err(Problema::campo(nome, "parte sconosciuta della richiesta"));
        }
    }
    Ok(out)
}

/// The next piece, if it comes within the longest silence.
async fn entro<T>(limiti: Limiti, pezzo: impl Future<Output = Result<T, MultipartError>>) -> Result<T, Problema> {
    match tokio::time::timeout(limiti.silenzio_max, pezzo).await {
        Ok(r) => r.map_err(interrotta),
        Err(_) => Err(Problema::attesa("l'invio si è fermato a metà: nulla è stato registrato")),
    }
}

/// What is stored, if the disk takes it in time.
async fn su_disco<T>(limiti: Limiti, scrive: impl Future<Output = archivio::Esito<T>>) -> Result<T, Problema> {
    match tokio::time::timeout(limiti.attesa_max, scrive).await {
        Ok(r) => Ok(r?),
        Err(_) => Err(Problema::attesa("il file non si è potuto conservare in tempo: nulla è stato registrato")),
    }
}

fn interrotta(e: MultipartError) -> Problema {
    tracing::debug!(errore = %e.body_text(), "corpo multipart interrotto");
    Problema::malformata("il corpo multipart/form-data è malformato o si è interrotto: nulla è stato registrato")
}

async fn testo(mut campo: Field<'_>, nome: &str, limiti: Limiti) -> Result<String, Problema> {
    let mut byte = Vec::new();
    while let Some(b) = entro(limiti, campo.chunk()).await? {
        if (byte.len() + b.len()) as u64 > limiti.testo_max {
            return Err(Problema::troppo_grande(nome, limiti.testo_max));
        }
        byte.extend_from_slice(&b);
    }
    String::from_utf8(byte).map_err(|_| Problema::campo(nome, "non è testo UTF-8"))
}

async fn file(
    ente: &dyn EnteStore,
    mut campo: Field<'_>,
    nome: &str,
    ruolo: RuoloDocumento,
    limiti: Limiti,
    salta_vuoti: bool,
) -> Result<Option<(FileDaRegistrare, Option<Vec<u8>>)>, Problema> {
    let nome_file = campo.file_name().unwrap_or_default().to_owned();
    let dichiarato = campo.content_type().map(str::to_owned);
    let mut caricamento = ente.carica().await?;
    let mut byte = 0u64;
    let mut inizio: Vec<u8> = Vec::with_capacity(16);
    // A segnatura says what must hold before anybody sees the registration (R-C18): it is looked at now.
    let mut xml = segnatura_ricevuta::xml(&nome_file).then(Vec::new);
    while let Some(b) = entro(limiti, campo.chunk()).await? {
        byte += b.len() as u64;
        if byte > limiti.file_max {
            return Err(Problema::troppo_grande(nome, limiti.file_max));
        }
        if inizio.len() < 16 {
            inizio.extend(b.iter().take(16 - inizio.len()));
        }
        xml = xml.filter(|x: &Vec<u8>| x.len() + b.len() <= segnatura_ricevuta::BYTE_MAX);
        xml.iter_mut().for_each(|x| x.extend_from_slice(&b));
        su_disco(limiti, caricamento.scrivi(&b)).await?;
    }
    if byte == 0 && nome_file.is_empty() && salta_vuoti {
        return Ok(None);
    }
    let file = su_disco(limiti, caricamento.chiudi()).await?;
    let mime = riconosci(&inizio, &nome_file, dichiarato.as_deref());
    Ok(Some((FileDaRegistrare { ruolo, nome: nome_file, mime, file }, xml)))
}

/// MIME type by content, then by extension, then as declared (R-H06).
pub fn riconosci(inizio: &[u8], nome: &str, dichiarato: Option<&str>) -> String {
    let estensione = nome.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    let per_estensione = match estensione.as_str() {
        "docx" => Some("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        "xlsx" => Some("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        "odt" => Some("application/vnd.oasis.opendocument.text"),
        "ods" => Some("application/vnd.oasis.opendocument.spreadsheet"),
        "p7m" => Some("application/pkcs7-mime"),
        "p7s" => Some("application/pkcs7-signature"),
        "tsd" => Some("application/timestamped-data"),
        "eml" => Some("message/rfc822"),
        "xml" => Some("application/xml"),
        "json" => Some("application/json"),
        "csv" => Some("text/csv"),
        "txt" => Some("text/plain"),
        "html" | "htm" => Some("text/html"),
        "asice" | "sce" => Some("application/vnd.etsi.asic-e+zip"),
        "asics" | "scs" => Some("application/vnd.etsi.asic-s+zip"),
        _ => None,
    };
    let per_contenuto = if inizio.starts_with(b"%PDF-") {
        Some("application/pdf")
    } else if inizio.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if inizio.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if inizio.starts_with(b"II*\0") || inizio.starts_with(b"MM\0*") {
        Some("image/tiff")
    } else if inizio.starts_with(b"GIF8") {
        Some("image/gif")
    } else if inizio.starts_with(b"PK\x03\x04") {
        Some(per_estensione.unwrap_or("application/zip"))
    } else {
        None
    };
    per_contenuto
        .or(per_estensione)
        .or(dichiarato.filter(|d| d.len() <= 127 && d.is_ascii() && d.contains('/')))
        .unwrap_or("application/octet-stream")
        .to_owned()
}

/// SHA-256 of the canonical request: `dati` with sorted keys, then role, name and impronta of each file.
pub fn impronta_richiesta(dati: &serde_json::Value, file: &[(RuoloDocumento, String, Impronta)]) -> [u8; 32] {
    let mut h = Sha256::new();
    // serde_json keeps the keys of objects sorted.
    h.update(dati.to_string());
    for (ruolo, nome, impronta) in file {
        h.update(format!("\n{}\0{nome}\0{impronta}", u8::from(*ruolo == RuoloDocumento::Allegato)));
    }
    h.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_comes_before_names_and_declarations() {
        assert_eq!(riconosci(b"%PDF-1.7", "x.exe", Some("text/plain")), "application/pdf");
        assert_eq!(riconosci(b"PK\x03\x04..", "a.docx", None), riconosci(b"", "b.DOCX", None));
        assert_eq!(riconosci(b"abc", "senza", Some("x/y")), "x/y");
        assert_eq!(riconosci(b"abc", "senza", Some("male")), "application/octet-stream");
    }

    #[test]
    fn the_order_of_keys_does_not_matter_to_a_repeated_request() {
        let a: serde_json::Value = serde_json::from_str(r#"{"b":1,"a":{"d":1,"c":2}}"#).unwrap_or_default();
        let b: serde_json::Value = serde_json::from_str(r#"{"a":{"c":2,"d":1},"b":1}"#).unwrap_or_default();
        assert_eq!(impronta_richiesta(&a, &[]), impronta_richiesta(&b, &[]));
        assert_ne!(impronta_richiesta(&a, &[]), impronta_richiesta(&serde_json::Value::Null, &[]));
    }
}
