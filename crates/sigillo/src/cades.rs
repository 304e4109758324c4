//! CAdES baseline B (ETSI EN 319 122-1): a signature beside a document (`.p7s`), or around it (`.p7m`). R-C10 for what is
//! neither XML nor PDF.

use jiff::Timestamp;

use crate::cms::DaFirmare;
use crate::sealer::in_vigore;
use crate::tsa::Marcatore;
use crate::{Errore, Sealer};

/// Biggest document that is put inside its signature.
const AVVOLTO_BYTE_MAX: usize = 256 << 20;

/// A signature beside a document of which only the digest is known, of the algorithm of the sealer: big files need not
/// be read again. With a marker, it is a B-T.
///
/// # Errors
/// Those of the sealer and of the marker.
pub fn staccata(
    sealer: &dyn Sealer,
    impronta: &[u8],
    quando: Timestamp,
    marcatore: Option<&dyn Marcatore>,
) -> Result<Vec<u8>, Errore> {
    in_vigore(sealer, quando)?;
    let firmato = DaFirmare::nuovo(sealer, impronta, Some(quando))?.firma(sealer)?;
    let marca = marcatore.map(|m| m.marca(firmato.da_marcare())).transpose()?;
    Ok(firmato.in_der(None, marca.as_deref()))
}

/// A document inside its signature.
///
/// # Errors
/// Those of the sealer and of the marker; a document too big to be kept in memory.
pub fn avvolta(
    sealer: &dyn Sealer,
    documento: &[u8],
    quando: Timestamp,
    marcatore: Option<&dyn Marcatore>,
) -> Result<Vec<u8>, Errore> {
    if documento.len() > AVVOLTO_BYTE_MAX {
        return Err(Errore::Configurazione(format!(
            "documento di {} byte, troppi per un p7m: si usi la firma separata",
            documento.len()
        )));
    }
    in_vigore(sealer, quando)?;
    let firmato = DaFirmare::nuovo(sealer, &sealer.algoritmo().impronta(documento), Some(quando))?.firma(sealer)?;
    let marca = marcatore.map(|m| m.marca(firmato.da_marcare())).transpose()?;
    Ok(firmato.in_der(Some(documento), marca.as_deref()))
}
