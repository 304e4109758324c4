//! What comes out of an examination.

use serde::Serialize;

use super::{Firma, Formato, mime};
use crate::impronte::{Coperto, Digesto, esadecimale};

/// A document inside an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Contenuto {
    /// Its name, where the envelope gives one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nome: Option<String>,
    /// Type, from its first bytes.
    pub mime: &'static str,
    /// Size.
    pub byte: usize,
    /// SHA-256, lower-case hexadecimal.
    pub impronta: String,
}

impl Contenuto {
    /// Of what a signature covers.
    pub fn di(coperto: &mut Coperto) -> Self {
        let testa: Vec<u8> = coperto.pezzi().iter().copied().flatten().copied().take(4096).collect();
        Self {
            nome: None,
            mime: mime(&testa),
            byte: coperto.lunghezza(),
            impronta: esadecimale(coperto.impronta(Digesto::Sha256)),
        }
    }

    /// Of these bytes.
    pub fn dei(byte: &[u8]) -> Self {
        Self::di(&mut Coperto::nuovo(vec![byte]))
    }
}

/// What is known of a file.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Esame {
    /// Which envelope it is; none when it is none.
    pub formato: Option<Formato>,
    /// Signatures and timestamps of this envelope, in its order.
    pub firme: Vec<Firma>,
    /// What is straight inside this envelope (for PDF and XML, the file itself); none for a detached signature.
    pub contenuto: Option<Contenuto>,
    /// More than one document inside (ASiC).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contenuti: Vec<Contenuto>,
    /// Envelopes inside this one.
    pub buste: Vec<Esame>,
    /// What is left when all the envelopes are off; only in the outermost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documento: Option<Contenuto>,
    /// Whether the content is the original that was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub originale_coincide: Option<bool>,
    /// Facts that do not change the verdict.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub avvisi: Vec<String>,
    /// Why the envelope could not be examined, wholly or in part.
    pub errore: Option<String>,
    /// Detached: its content is the original given from outside.
    #[serde(skip)]
    pub(crate) staccata: bool,
}

impl Esame {
    /// Of something that could not be examined.
    pub fn rifiutato(perche: String) -> Self {
        Self { errore: Some(perche), ..Self::default() }
    }

    /// There is a signature or a timestamp, and all of them are intact: in this envelope, in those inside it, countersignatures
    /// too; nothing was left unexamined; the content is the original, when that was given.
    pub fn integra(&self) -> bool {
        self.ha_firme() && self.senza_difetti()
    }

    fn ha_firme(&self) -> bool {
        !self.firme.is_empty() || self.buste.iter().any(Self::ha_firme)
    }

    fn senza_difetti(&self) -> bool {
        self.errore.is_none()
            && self.originale_coincide != Some(false)
            && self.firme.iter().all(Firma::tutta_integra)
            && self.buste.iter().all(|b| b.senza_difetti() || b.e_un_documento())
    }

    /// A detached signature or a timestamp inside an envelope is a document like another: what it is of is elsewhere.
    fn e_un_documento(&self) -> bool {
        self.staccata && self.contenuto.is_none() && self.firme.iter().all(|f| f.integrita.valore == Some(true))
    }

    /// The innermost document.
    pub(super) fn ultimo(&self) -> Option<&Contenuto> {
        match self.buste.as_slice() {
            [dentro] => dentro.ultimo().or(self.contenuto.as_ref()),
            _ => self.contenuto.as_ref(),
        }
    }

    /// Against the original that was given, at whatever depth it is.
    pub(super) fn confronta(&mut self, originale: &[u8]) {
        if self.staccata {
            return;
        }
        let atteso = esadecimale(&Digesto::Sha256.di(originale));
        self.originale_coincide = Some(self.contiene(&atteso));
    }

    fn contiene(&self, impronta: &str) -> bool {
        self.contenuto.iter().chain(&self.contenuti).any(|c| c.impronta == impronta)
            || self.buste.iter().any(|b| b.contiene(impronta))
    }
}
