//! PAdES baseline B and T (ETSI EN 319 142-1): a seal inside a PDF. R-C10 for PDFs.
//!
//! The seal is an incremental update: the bytes of the document are the beginning of the sealed one, so that nothing it
//! said is altered, seals and signatures already there hold on, and PDF/A stays PDF/A. The seal is not seen on the page:
//! the stamp is another thing, and goes on a copy.

mod aggiornamento;

use std::ops::Range;

use jiff::Timestamp;

use crate::cms::DaFirmare;
use crate::tsa::Marcatore;
use crate::{Algoritmo, Firma, Sealer, sealer};

use aggiornamento::Segnaposto;

/// Biggest PDF that is sealed.
pub const BYTE_MAX: usize = 256 << 20;
/// Room for a timestamp with its chain.
const MARCA_BYTE_MAX: usize = 16 * 1024;
/// Room for the signature without certificates.
const FIRMA_BYTE_MAX: usize = 2 * 1024;

/// Why a PDF was not sealed.
#[derive(Debug, thiserror::Error)]
pub enum Errore {
    /// Too big to be kept in memory.
    #[error("PDF di {0} byte: troppi per sigillarlo")]
    TroppoGrande(usize),
    /// It cannot be read, or only after mending it: an update of a mended file would not be an update of that file.
    #[error("il PDF non si può sigillare così com'è: {0}")]
    Illeggibile(String),
    /// It is encrypted.
    #[error("il PDF è cifrato: non si può sigillare, si usi una firma separata")]
    Cifrato,
    /// Whoever certified it allows no more signatures.
    #[error("il PDF è certificato e non ammette altre firme")]
    Certificato,
    /// The timestamp is bigger than the room left for it.
    #[error("la marca temporale è di {0} byte, più dello spazio lasciato")]
    MarcaGrande(usize),
    /// The seal was not made.
    #[error(transparent)]
    Sigillo(#[from] sealer::Errore),
}

/// What the seal says of itself inside the PDF.
#[derive(Debug, Clone, Default)]
pub struct Voci {
    /// Why (`Reason`), as who reads the PDF is told.
    pub motivo: Option<String>,
    /// Where (`Location`).
    pub luogo: Option<String>,
}

/// A PDF with room for its seal: many may be signed in one go.
#[derive(Debug)]
pub struct Preparato {
    pdf: Vec<u8>,
    /// Where the signature goes, angle brackets included.
    vuoto: Range<usize>,
    da_firmare: DaFirmare,
}

impl Preparato {
    /// Makes room in a PDF for a seal of `sealer`, at an instant, with a timestamp or without.
    ///
    /// # Errors
    /// See [`Errore`].
    pub fn nuovo(sealer: &dyn Sealer, pdf: &[u8], quando: Timestamp, voci: &Voci, marca: bool) -> Result<Self, Errore> {
        if pdf.len() > BYTE_MAX {
            return Err(Errore::TroppoGrande(pdf.len()));
        }
        sealer::in_vigore(sealer, quando)?;
        let certificati: usize =
            sealer.certificato().der().len() + sealer.catena().iter().map(|c| c.der().len()).sum::<usize>();
        let spazio = FIRMA_BYTE_MAX + certificati + if marca { MARCA_BYTE_MAX } else { 0 };
        let titolare = sealer.certificato().titolare();
        let nome = titolare.organizzazione.as_deref().or(titolare.nome.as_deref());
        let Segnaposto { mut pdf, intervallo, vuoto } = aggiornamento::prepara(pdf, quando, nome, voci, spazio)?;
        let numeri = [0, vuoto.start, vuoto.end, pdf.len() - vuoto.end];
        let testo = format!("[{} {} {} {}]", numeri[0], numeri[1], numeri[2], numeri[3]);
        let Some(posto) = pdf.get_mut(intervallo).filter(|p| p.len() >= testo.len()) else {
            return Err(Errore::Illeggibile("manca lo spazio dell'intervallo firmato".into()));
        };
        posto.fill(b' ');
        posto[..testo.len()].copy_from_slice(testo.as_bytes());
        let impronta = impronta(sealer.algoritmo(), &pdf, &vuoto);
        let da_firmare = DaFirmare::nuovo(sealer, &impronta, None)?;
        Ok(Self { pdf, vuoto, da_firmare })
    }

    /// The bytes to sign.
    pub fn da_firmare(&self) -> &[u8] {
        self.da_firmare.byte()
    }

    /// The sealed PDF.
    ///
    /// # Errors
    /// Those of the marker; a timestamp for which no room was left.
    pub fn con(mut self, firma: &Firma, marcatore: Option<&dyn Marcatore>) -> Result<Vec<u8>, Errore> {
        let firmato = self.da_firmare.con(firma);
        let marca = marcatore.map(|m| m.marca(firmato.da_marcare())).transpose()?;
        let der = firmato.in_der(None, marca.as_deref());
        let posto = &mut self.pdf[self.vuoto.start + 1..self.vuoto.end - 1];
        if der.len() * 2 > posto.len() {
            return Err(Errore::MarcaGrande(marca.map_or(0, |m| m.len())));
        }
        for (cifre, byte) in posto.chunks_exact_mut(2).zip(&der) {
            cifre[0] = HEX[usize::from(byte >> 4)];
            cifre[1] = HEX[usize::from(byte & 15)];
        }
        Ok(self.pdf)
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Seals a PDF: B-B, or B-T with a marker.
///
/// # Errors
/// See [`Errore`].
pub fn sigilla(
    sealer: &dyn Sealer,
    pdf: &[u8],
    quando: Timestamp,
    voci: &Voci,
    marcatore: Option<&dyn Marcatore>,
) -> Result<Vec<u8>, Errore> {
    let preparato = Preparato::nuovo(sealer, pdf, quando, voci, marcatore.is_some())?;
    let firma = sealer.firma(preparato.da_firmare())?;
    preparato.con(&firma, marcatore)
}

fn impronta(algoritmo: Algoritmo, pdf: &[u8], vuoto: &Range<usize>) -> Vec<u8> {
    let mut contesto = ring::digest::Context::new(algoritmo.digest());
    contesto.update(&pdf[..vuoto.start]);
    contesto.update(&pdf[vuoto.end..]);
    contesto.finish().as_ref().to_vec()
}
