//! Forms with one small file that is a secret: it is read into memory, looked at, and never given to the archive of files.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{Multipart, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

use super::busta::Busta;
use super::errore::ErrorePagina;
use crate::accesso::{Accesso, Invio};
use crate::entro;
use crate::problema::Problema;
use crate::sola_lettura::Guardata;

/// Longest body of such a form: a file chosen by mistake is let by, so that it can be said beside its field.
pub const CORPO_MAX: usize = 8 * 1024 * 1024;
/// Most parts.
const PARTI_MAX: usize = 20;
/// Longest text field, bytes.
const TESTO_MAX: usize = 4 * 1024;

/// The file of a form.
pub enum Scelto {
    /// None was chosen.
    Nessuno,
    /// It is longer than it may be, and was not kept.
    TroppoGrande,
    /// Its bytes.
    Byte(Vec<u8>),
}

/// A form that was read.
pub struct Letto {
    /// Who sent it, and its fields.
    pub invio: Invio,
    /// Its file.
    pub file: Scelto,
    /// Whether anything may still be written.
    pub guardata: Option<Guardata>,
}

/// Reads a multipart form of ours: its fields with the token checked, its file `nome` of at most `massimo` bytes.
///
/// # Errors
/// The answer to give instead.
pub async fn leggi(stato: &Arc<Accesso>, r: Request, nome: &str, massimo: usize) -> Result<Letto, Response> {
    let (busta, multipart) = Busta::apri(stato, r).await?;
    // Small forms have the time of any request, however slowly they come.
    let (testi, file) = entro(stato.limiti.attesa_max, parte_per_parte(multipart, nome, massimo))
        .await
        .and_then(|x| x)
        .map_err(|p| ErrorePagina::from(p).into_response())?;
    let guardata = busta.guardata.clone();
    let invio = busta.con(testi).map_err(ErrorePagina::into_response)?;
    Ok(Letto { invio, file, guardata })
}

type Parti = (Vec<(String, String)>, Scelto);

async fn parte_per_parte(mut m: Multipart, nome: &str, massimo: usize) -> Result<Parti, Problema> {
    let (mut testi, mut file) = (Vec::new(), Scelto::Nessuno);
    let mut quante = 0;
    while let Some(mut campo) = m.next_field().await.map_err(rotta)? {
        quante += 1;
        if quante > PARTI_MAX {
            return Err(Problema::malformata("il modulo ha troppe parti"));
        }
        let questo = campo.name().unwrap_or_default().to_owned();
        if questo == nome {
            // Browsers send an empty part where no file is chosen.
            file = match intero(&mut campo, massimo).await? {
                None => Scelto::TroppoGrande,
                Some(b) if b.is_empty() => Scelto::Nessuno,
                Some(b) => Scelto::Byte(b),
            };
        } else {
            let Some(b) = intero(&mut campo, TESTO_MAX).await? else {
                return Err(Problema::troppo_grande(&questo, TESTO_MAX as u64));
            };
            let t = String::from_utf8(b).map_err(|_| Problema::campo(&questo, "non è testo UTF-8"))?;
            testi.push((questo, t));
        }
    }
    Ok((testi, file))
}

/// A part, none when it is longer than that: the rest of it goes by.
async fn intero(campo: &mut Field<'_>, massimo: usize) -> Result<Option<Vec<u8>>, Problema> {
    let mut byte = Some(Vec::new());
    while let Some(pezzo) = campo.chunk().await.map_err(rotta)? {
        let pezzo: Bytes = pezzo;
        match byte.as_mut() {
            Some(b) if b.len() + pezzo.len() <= massimo => b.extend_from_slice(&pezzo),
            _ => byte = None,
        }
    }
    Ok(byte)
}

fn rotta(e: MultipartError) -> Problema {
    if e.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Problema::troppo_grande("modulo", CORPO_MAX as u64);
    }
    Problema::malformata("il modulo è arrivato a metà o non si legge: nulla è stato cambiato")
}
