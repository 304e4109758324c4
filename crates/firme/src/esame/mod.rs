//! The examination of a file: which envelope it is, who signed, what is inside, envelopes within envelopes (R-H09, R-H10).
//!
//! [`esamina`] is the door. It never fails: what cannot be read is said in the [`Esame`]. Time and memory are bounded by
//! [`Bilancio`], one for the whole file, however deep it is.

mod bilancio;
mod firma;
mod formato;
mod tipi;

use jiff::Timestamp;

pub use bilancio::{BUSTE_MAX, BYTE_MAX, Bilancio, FIRME_MAX, LIVELLI_MAX};
pub use firma::{
    Algoritmi, DatiCertificato, EsitoIdentita, EsitoRevoca, Firma, Identita, Integrita, Marca, Motivo, Qualifica,
    Revoca,
};
pub use formato::{Formato, TESTA, forse_firmato, mime};
pub use tipi::{Contenuto, Esame};

use crate::fiducia::Fiducia;

/// The instant was given by who asks.
pub const RIFERIMENTO: &str = "riferimento";
/// What is said of a file that is no envelope and carries no signature.
pub const NIENTE: &str = "nessuna firma o marca temporale riconosciuta";

/// What an examination is made against.
#[derive(Debug, Clone, Copy)]
pub struct Contesto<'f> {
    /// Anchors, lists, revocations.
    pub fiducia: &'f Fiducia,
    /// The instant of reference where no valid timestamp gives one: registration, or now. Given by who asks.
    pub istante: Timestamp,
    /// Whence that instant comes, as the answer says it.
    pub fonte: &'static str,
    /// With the anchors of PEC providers instead.
    pub pec: bool,
}

/// Examines a file. `originale` is the signed file, for detached signatures and timestamps; given for an envelope that has its
/// content inside, the two are compared.
pub fn esamina(byte: &[u8], originale: Option<&[u8]>, fiducia: &Fiducia, istante: Timestamp) -> Esame {
    let contesto = Contesto { fiducia, istante, fonte: RIFERIMENTO, pec: false };
    if byte.len() > BYTE_MAX || originale.is_some_and(|o| o.len() > BYTE_MAX) {
        return Esame::rifiutato(format!("file oltre il limite di {} MiB: non esaminato", BYTE_MAX >> 20));
    }
    let mut bilancio = Bilancio::nuovo();
    let mut e = busta(byte, originale, &contesto, &mut bilancio, 0).unwrap_or_else(|| Esame::rifiutato(NIENTE.into()));
    if let Some(o) = originale {
        e.confronta(o);
    }
    e.documento = e.ultimo().cloned();
    e
}

/// The bytes that some envelope of a file has inside, by the SHA-256 (lower-case hexadecimal) that its [`Esame`] gives for them;
/// none when no content of it has that. As long and as bounded as examining it.
pub fn estrai(byte: &[u8], impronta: &str) -> Option<Vec<u8>> {
    if byte.len() > BYTE_MAX {
        return None;
    }
    let fiducia = Fiducia::nessuna();
    let contesto = Contesto { fiducia: &fiducia, istante: Timestamp::UNIX_EPOCH, fonte: RIFERIMENTO, pec: false };
    let mut bilancio = Bilancio::che_cerca(impronta);
    busta(byte, None, &contesto, &mut bilancio, 0)?;
    bilancio.trovato()
}

/// An envelope, when it is one; `livello` says how many are around it.
pub(crate) fn busta(
    byte: &[u8],
    originale: Option<&[u8]>,
    contesto: &Contesto,
    bilancio: &mut Bilancio,
    livello: usize,
) -> Option<Esame> {
    let formato = formato::riconosci(byte)?;
    if let Err(perche) = bilancio.busta(livello) {
        return Some(Esame::rifiutato(perche));
    }
    let qui = Livello { originale, contesto, livello };
    match formato {
        formato::Riconosciuto::Cms(der) => Some(crate::cades::esamina(&der, &qui, bilancio)),
        formato::Riconosciuto::Pdf => crate::pades::esamina(byte, &qui, bilancio),
        formato::Riconosciuto::Xml => crate::xades::esamina(byte, &qui, bilancio),
        formato::Riconosciuto::Zip => crate::asic::esamina(byte, &qui, bilancio),
        formato::Riconosciuto::Mime => crate::m7m::esamina(byte, &qui, bilancio),
    }
}

/// Where an examination is: what is around it.
#[derive(Clone, Copy)]
pub(crate) struct Livello<'c> {
    pub originale: Option<&'c [u8]>,
    pub contesto: &'c Contesto<'c>,
    pub livello: usize,
}

impl Livello<'_> {
    /// What is inside, examined in its turn: it was there when the timestamps on what is around it were made.
    pub fn dentro(&self, byte: &[u8], intorno: &[Firma], bilancio: &mut Bilancio) -> Vec<Esame> {
        let provato = intorno.iter().filter_map(|f| crate::marca::istante_provato(f.marca.as_ref())).min();
        let contesto = match provato {
            Some(istante) => Contesto { istante, fonte: "marca-esterna", ..*self.contesto },
            None => *self.contesto,
        };
        busta(byte, None, &contesto, bilancio, self.livello + 1).into_iter().collect()
    }
}
