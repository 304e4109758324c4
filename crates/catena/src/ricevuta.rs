//! Receipts: some fields of one operation, and the proof that they stand in the log.
//!
//! A receipt holds the disclosures its holder may see, the bare digests of the other fields, the index, the inclusion
//! proof and the signed checkpoint. With the log's public key it needs nothing else.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::nota::{ChiavePubblica, dividi};
use crate::prova::{PROVA_HASH_MAX, verifica_inclusione};
use crate::rivelazione::{Rivelazione, Seme, impronta_campo, impronta_testo, rivelazione};
use crate::{ErroreCampo, Hash, Operazione, foglia, voce};

/// Longest receipt, in bytes.
pub const RICEVUTA_BYTE_MAX: usize = 16 * 1024 * 1024;
/// What the field `versione` says.
pub const VERSIONE: &str = "protocollo/ricevuta/v1";

/// Why a receipt cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreRicevuta {
    /// A field of the operation.
    #[error(transparent)]
    Campo(#[from] ErroreCampo),
    /// Too long.
    #[error("la ricevuta supera {RICEVUTA_BYTE_MAX} byte")]
    Lunga,
    /// Not the JSON of a receipt.
    #[error("la ricevuta non è ben formata: {0}")]
    Forma(String),
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ricevuta {
    /// [`VERSIONE`].
    pub versione: String,
    /// Origin of the log.
    pub origine: String,
    /// Index of the operation.
    pub indice: u64,
    /// Disclosures, sorted by field name.
    pub rivelazioni: Vec<String>,
    /// Digests of the fields not disclosed, base64url, sorted bytewise.
    pub impronte: Vec<String>,
    /// Inclusion proof, base64.
    pub prova: Vec<String>,
    /// Signed checkpoint.
    pub checkpoint: String,
    /// Public key of the log, for information: it never counts as trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chiave: Option<String>,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq)]
pub enum EsitoRicevuta {
    /// Signed by a key that the caller trusts.
    Autentica {
        /// The disclosed fields.
        campi: Operazione,
    },
    /// Everything fits together, and nobody that we trust vouches for it.
    CoerenteNonAutenticata {
        /// The disclosed fields.
        campi: Operazione,
    },
    /// It does not hold.
    Falsa {
        /// Why, in Italian.
        motivi: Vec<String>,
    },
}

impl Ricevuta {
    /// Makes the receipt of operation `indice`, disclosing the fields for which `mostra` says so.
    ///
    /// # Errors
    /// A field that may not stand in an operation.
    #[expect(clippy::too_many_arguments, reason = "each is one part of a receipt")]
    pub fn crea(
        origine: &str,
        indice: u64,
        operazione: &Operazione,
        seme: &Seme,
        mut mostra: impl FnMut(&str) -> bool,
        prova: &[Hash],
        checkpoint: &str,
        chiave: Option<&ChiavePubblica>,
    ) -> Result<Self, ErroreRicevuta> {
        let mut rivelazioni = Vec::new();
        let mut nascoste: Vec<Hash> = Vec::new();
        for (nome, valore) in operazione {
            if mostra(nome) {
                rivelazioni.push(rivelazione(seme, nome, valore)?);
            } else {
                nascoste.push(impronta_campo(seme, nome, valore)?);
            }
        }
        nascoste.sort_unstable();
        Ok(Self {
            versione: VERSIONE.to_owned(),
            origine: origine.to_owned(),
            indice,
            rivelazioni,
            impronte: nascoste.iter().map(|h| URL_SAFE_NO_PAD.encode(h)).collect(),
            prova: prova.iter().map(|h| STANDARD.encode(h)).collect(),
            checkpoint: checkpoint.to_owned(),
            chiave: chiave.map(ToString::to_string),
        })
    }

    /// Reads the JSON of a receipt.
    ///
    /// # Errors
    /// Too long, or not a receipt.
    pub fn leggi(json: &[u8]) -> Result<Self, ErroreRicevuta> {
        if json.len() > RICEVUTA_BYTE_MAX {
            return Err(ErroreRicevuta::Lunga);
        }
        serde_json::from_slice(json).map_err(|e| ErroreRicevuta::Forma(e.to_string()))
    }
}

/// Checks a receipt against the keys that the caller trusts.
#[must_use]
pub fn verifica(ricevuta: &Ricevuta, chiavi: &[ChiavePubblica]) -> EsitoRicevuta {
    let mut motivi = Vec::new();
    let campi = controlla(ricevuta, chiavi, &mut motivi);
    match campi {
        Some(campi) if motivi.is_empty() => {
            if chiavi.is_empty() {
                EsitoRicevuta::CoerenteNonAutenticata { campi }
            } else {
                EsitoRicevuta::Autentica { campi }
            }
        }
        _ => EsitoRicevuta::Falsa { motivi },
    }
}

fn controlla(r: &Ricevuta, chiavi: &[ChiavePubblica], motivi: &mut Vec<String>) -> Option<Operazione> {
    if r.versione != VERSIONE {
        motivi.push(format!("versione «{}» sconosciuta", r.versione));
        return None;
    }
    let mut campi = Operazione::new();
    let mut digests: Vec<Hash> = Vec::with_capacity(r.rivelazioni.len() + r.impronte.len());
    for testo in &r.rivelazioni {
        match Rivelazione::leggi(testo) {
            Ok(x) => {
                if campi.insert(x.nome.clone(), x.valore).is_some() {
                    motivi.push(format!("il campo {} è rivelato due volte", x.nome));
                }
                digests.push(impronta_testo(testo));
            }
            Err(e) => motivi.push(e.to_string()),
        }
    }
    for i in &r.impronte {
        match URL_SAFE_NO_PAD.decode(i).ok().and_then(|b| Hash::try_from(b).ok()) {
            Some(h) => digests.push(h),
            None => motivi.push("un'impronta nascosta non è di 32 byte in base64url".to_owned()),
        }
    }
    if digests.iter().collect::<BTreeSet<_>>().len() != digests.len() {
        motivi.push("la stessa impronta compare due volte".to_owned());
    }
    // What the fields say of their place must agree with where the proof puts them.
    if campi.get("indice").is_some_and(|v| v.as_u64() != Some(r.indice)) {
        motivi.push("l'indice rivelato non è quello della ricevuta".to_owned());
    }
    let mut prova = Vec::new();
    if r.prova.len() > PROVA_HASH_MAX {
        motivi.push("la prova di inclusione è troppo lunga".to_owned());
        return None;
    }
    for p in &r.prova {
        match STANDARD.decode(p).ok().and_then(|b| Hash::try_from(b).ok()) {
            Some(h) => prova.push(h),
            None => motivi.push("un hash della prova non è di 32 byte in base64".to_owned()),
        }
    }
    let checkpoint = if chiavi.is_empty() {
        dividi(&r.checkpoint).map_err(Into::into).and_then(|(t, _)| Checkpoint::leggi(t))
    } else {
        Checkpoint::apri(&r.checkpoint, chiavi).map(|(c, _)| c)
    };
    let checkpoint = match checkpoint {
        Ok(c) => c,
        Err(e) => {
            motivi.push(e.to_string());
            return None;
        }
    };
    if checkpoint.origine != r.origine {
        motivi.push(format!("il checkpoint è del registro {}, non di {}", checkpoint.origine, r.origine));
    }
    if !motivi.is_empty() || digests.is_empty() {
        if digests.is_empty() {
            motivi.push("la ricevuta non contiene alcun campo".to_owned());
        }
        return None;
    }
    let h = foglia(&voce(&mut digests));
    if let Err(e) = verifica_inclusione(&h, r.indice, checkpoint.dimensione, &prova, &checkpoint.radice) {
        motivi.push(format!("la prova di inclusione non regge: {e}"));
        return None;
    }
    Some(campi)
}
