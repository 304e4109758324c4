//! Documents carried from where they are to a folder or a bucket, each compared on its way (contract § 1, `trasferisci`).

use std::path::Path;

use dominio::codici::CodiceIpa;

use super::esame::Esame;
use super::ripristino::meta_di;
use super::{Approdo, Esito, FILE};
use crate::file::Custodia;
use crate::file::lettura::magazzino;

/// What was carried.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Trasportati {
    /// Files.
    pub file: u64,
    /// Those that are missing, or not what was registered: they stay where they are, and `verifica` names them.
    pub guasti: Vec<String>,
}

/// Carries the documents that the databases in `cartella` name, from where `custodia` says, or else from `file` under `da`, to the
/// folder `a`, or to a bucket.
///
/// # Errors
/// The storage's; what had arrived in a bucket is then taken away with `approdo`.
pub fn trasporta(
    ipa: &CodiceIpa,
    radice: &Path,
    da: &Path,
    custodia: &Custodia,
    a: &Path,
    approdo: Option<&Approdo>,
) -> Esito<Trasportati> {
    let (magazzino, meta) = (magazzino(custodia, ipa, &da.join(FILE))?, meta_di(ipa, a, approdo)?);
    let esame = Esame::di_archivio(radice, ipa, custodia)?;
    let mut out = Trasportati::default();
    esame.tutti(|f| {
        let letto = magazzino.leggi(&f.oggetto)?;
        let mut u = meta.scrivi(&f.oggetto)?;
        let arrivato = match letto {
            Some(letto) => esame.trascrivi(&f, letto, &mut u)?,
            None => None,
        };
        if arrivato.is_none() {
            out.guasti.push(f.oggetto);
            return Ok(());
        }
        u.chiudi()?;
        out.file += 1;
        Ok(())
    })?;
    meta.consolida()?;
    Ok(out)
}
