//! A second look at what was just sealed, by the code that judges the seals of others: before it is handed out, where a
//! moment more does not matter. The signature itself was verified when it was made ([`crate::Firma`]); this looks at all
//! that stands around it. R-C10.

use firme::impronte::{Digesto, esadecimale};
use jiff::Timestamp;

use crate::{Errore, Sealer};

/// Is this file (with its document, if the signature is beside it) intact, and sealed by `sealer`?
///
/// # Errors
/// [`Errore::RispostaSbagliata`], with what `firme` found.
pub fn riscontra(sealer: &dyn Sealer, fatto: &[u8], documento: Option<&[u8]>, ora: Timestamp) -> Result<(), Errore> {
    let esame = firme::esamina(fatto, documento, &firme::Fiducia::nessuna(), ora);
    let sbagliata = |perche: String| Err(Errore::RispostaSbagliata { dove: sealer.dove(), perche });
    if !esame.integra() {
        let perche = esame.errore.clone().or_else(|| esame.firme.iter().find_map(|f| f.errore.clone()));
        return sbagliata(perche.unwrap_or_else(|| "il sigillo appena fatto non è integro".into()));
    }
    let nostra = esadecimale(&Digesto::Sha256.di(sealer.certificato().der()));
    if esame.firme.iter().any(|f| f.certificato.as_ref().is_some_and(|c| c.impronta.eq_ignore_ascii_case(&nostra))) {
        Ok(())
    } else {
        sbagliata("nessuna delle firme è del certificato del sigillo".into())
    }
}
