//! The original message as a provider passes it on: with the identifier it gave, or with digests instead of files.

use crate::firma::canonici;
use crate::mime::Messaggio;
use crate::tipo::Ricevuta;

/// With the identifier of the provider as Message-ID, and the sender's own beside it (R-E03).
pub(super) fn riscritto(originale: &[u8], identificativo: &str, msgid: &str, ricevuta: Option<Ricevuta>) -> Vec<u8> {
    let byte = canonici(originale);
    let fine = Messaggio::leggi(&*byte).parti().first().map_or(0, |p| p.testata.end);
    let nuovi = ["message-id", "x-riferimento-message-id", "x-tiporicevuta"];
    let mut v = Vec::with_capacity(byte.len() + 300);
    let mut salta = false;
    for riga in byte[..fine].split_inclusive(|b| *b == b'\n') {
        if riga == b"\r\n" {
            break;
        }
        if !riga.starts_with(b" ") && !riga.starts_with(b"\t") {
            let nome = riga.split(|b| *b == b':').next().unwrap_or_default().to_ascii_lowercase();
            salta = nuovi.iter().any(|n| n.as_bytes() == nome.trim_ascii());
        }
        if !salta {
            v.extend_from_slice(riga);
        }
    }
    if !v.is_empty() && !v.ends_with(b"\n") {
        v.extend_from_slice(b"\r\n");
    }
    v.extend_from_slice(format!("Message-ID: <{identificativo}>\r\nX-Riferimento-Message-ID: {msgid}\r\n").as_bytes());
    if let Some(r) = ricevuta {
        v.extend_from_slice(format!("X-TipoRicevuta: {}\r\n", r.nome()).as_bytes());
    }
    v.extend_from_slice(b"\r\n");
    v.extend_from_slice(&byte[fine..]);
    v
}

/// With each attachment replaced by its digest (Regole tecniche, § 6.5.3).
pub(super) fn breve(originale: &[u8]) -> Vec<u8> {
    let m = Messaggio::leggi(originale);
    let mut v = Vec::new();
    let mut da = 0;
    for p in m.foglie().filter(|p| p.padre.is_some()) {
        let Some(nome) = &p.nome else { continue };
        let impronta = firme::impronte::esadecimale(&m.contenuto(p).misura().impronta);
        v.extend_from_slice(&originale[da..p.testata.start]);
        let disposizione = lettre::message::header::ContentDisposition::attachment(&format!("{nome}.hash"));
        let mut h = lettre::message::header::Headers::new();
        h.set(lettre::message::header::ContentType::TEXT_PLAIN);
        h.set(disposizione);
        v.extend_from_slice(format!("{h}\r\n{impronta}").as_bytes());
        da = p.corpo.end;
    }
    v.extend_from_slice(&originale[da..]);
    v
}
