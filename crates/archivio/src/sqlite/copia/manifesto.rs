//! What a copy says of itself. It is written last: a copy without it does not exist.

use std::path::Path;

use dominio::codici::{CodiceAoo, CodiceIpa, CodiceRegistro};
use dominio::tempo::Istante;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Copia, Esito, Guasto};
use crate::file::esadecimale;

/// Version of [`Manifesto`].
///
/// 2: files may be encrypted, as their archive keeps them. 3: names of
/// small files say where they lay. 4: all of it is encrypted for somebody.
pub const VERSIONE: u64 = 4;
/// That of a copy which is not.
pub const VERSIONE_IN_CHIARO: u64 = 3;
/// What the name of a file encrypted for somebody ends with.
pub const CIFRATO: &str = ".age";
/// Its name within the copy.
pub const NOME: &str = "manifesto.json";

/// A copy: what is in it, and how far each log goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifesto {
    /// Of this form.
    pub versione: u64,
    /// When the copy began.
    pub istante: Istante,
    /// Version of the program that made it.
    pub programma: String,
    /// For whom it is encrypted, when it is. Then files are named, and hashed, as they are in the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cifratura: Option<Cifratura>,
    /// The key that wraps the keys.
    pub chiave: Parte,
    /// What else stands beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub altre: Vec<Parte>,
    /// The installation's own folder, then each ente.
    pub enti: Vec<DiEnte>,
    /// SHA-256 of all the above; empty while it is computed.
    pub impronta: String,
}

/// How a copy is encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cifratura {
    /// The form: that of age.
    pub formato: String,
    /// Who can open it.
    pub destinatari: Vec<String>,
    /// What their files of documents end with, before [`CIFRATO`].
    pub sigla: String,
}

/// A file of the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parte {
    /// Its path within the copy, and, but for [`CIFRATO`], within the archive.
    pub file: String,
    /// SHA-256, lower-case hexadecimal.
    pub sha256: String,
    /// Size.
    pub byte: u64,
}

impl Parte {
    /// Its path within the archive.
    pub(super) fn nome_in_chiaro(&self) -> &str {
        self.file.strip_suffix(CIFRATO).unwrap_or(&self.file)
    }
}

/// What the copy has of an ente.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiEnte {
    /// IPA code; `installazione` for the installation's own.
    pub ipa: CodiceIpa,
    /// Databases, and the state of the clock.
    pub parti: Vec<Parte>,
    /// Its logs.
    pub registri: Vec<DiRegistro>,
    /// Files of documents.
    pub documenti: DeiFile,
}

/// How far a log goes in the copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiRegistro {
    /// AOO; absent for the ente's own log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aoo: Option<CodiceAoo>,
    /// Origin.
    pub origine: String,
    /// Operations.
    pub operazioni: u64,
    /// Latest signed checkpoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// Last number of each register and year.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub numeri: Vec<UltimoNumero>,
}

/// The last number given, or declared jumped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UltimoNumero {
    /// Register.
    pub registro: CodiceRegistro,
    /// Year.
    pub anno: i32,
    /// Number.
    pub numero: i64,
}

/// Files of documents, kept once for all copies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeiFile {
    /// The sorted list: impronta, size, object, one a line.
    pub elenco: Parte,
    /// Of an encrypted copy, names alone, as they are in the folder of copies: what retention must not take away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oggetti: Option<Parte>,
    /// How many.
    pub quanti: u64,
    /// Bytes.
    pub byte: u64,
    /// Objects that could not be copied: missing or altered in the archive already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guasti: Vec<String>,
}

/// A line of the list of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voce {
    /// SHA-256 of its bytes.
    pub impronta: String,
    /// Size.
    pub byte: u64,
    /// Its name, given by us.
    pub oggetto: String,
}

impl Voce {
    /// From its line; `None` when it is not one.
    pub fn leggi(riga: &str) -> Option<Self> {
        let mut p = riga.split(' ');
        let (impronta, byte, oggetto) = (p.next()?, p.next()?.parse().ok()?, p.next()?);
        let esa = |t: &str| t.bytes().all(|b| b.is_ascii_hexdigit());
        // An object's name is never a path of somebody else's making (R-H07).
        let (cartella, nome) = oggetto.split_once('/')?;
        let buona = p.next().is_none()
            && impronta.len() == 64
            && esa(impronta)
            && cartella.len() == 2
            && !nome.is_empty()
            && esa(cartella)
            && nome.split('-').all(|p| !p.is_empty() && esa(p));
        buona.then(|| Self { impronta: impronta.to_owned(), byte, oggetto: oggetto.to_owned() })
    }
}

impl Manifesto {
    /// Sealed, as it is written.
    ///
    /// # Errors
    /// None that is known.
    pub fn scrivi(&mut self) -> Esito<Vec<u8>> {
        self.impronta = self.calcola()?;
        serde_json::to_vec_pretty(self).map_err(|e| Guasto::NonValida(e.to_string()))
    }

    fn calcola(&self) -> Esito<String> {
        let nudo = Self { impronta: String::new(), ..self.clone() };
        let testo = serde_json::to_vec(&nudo).map_err(|e| Guasto::NonValida(e.to_string()))?;
        Ok(esadecimale(&Sha256::digest(testo)))
    }

    /// That of a copy.
    ///
    /// # Errors
    /// It is not there, is damaged, or is of a later version.
    pub(super) fn leggi(copia: &Copia) -> Esito<Self> {
        let male = |e: &str| Guasto::NonValida(format!("il manifesto {copia}/{NOME} {e}"));
        let Some(byte) = copia.luogo.intero(&copia.file(NOME))? else {
            return Err(Guasto::NonValida(format!(
                "{copia} non è una copia: manca il manifesto (una copia interrotta non ne ha)"
            )));
        };
        let valore: serde_json::Value =
            serde_json::from_slice(&byte).map_err(|_| male("è troncato o alterato: non si legge"))?;
        let versione = valore.get("versione").and_then(serde_json::Value::as_u64);
        if let Some(v) = versione.filter(|v| *v > VERSIONE) {
            return Err(male(&format!(
                "è di una versione successiva ({v}; questo programma arriva alla {VERSIONE}): serve un programma più recente"
            )));
        }
        let m: Self = serde_json::from_value(valore).map_err(|e| male(&format!("non è di una copia: {e}")))?;
        if m.calcola()? != m.impronta {
            return Err(male("è stato alterato: la sua impronta non torna"));
        }
        let documenti = m.enti.iter().flat_map(|e| std::iter::once(&e.documenti.elenco).chain(&e.documenti.oggetti));
        let nomi = m.parti().chain(documenti);
        for p in nomi {
            if !Path::new(&p.file).components().all(|c| matches!(c, std::path::Component::Normal(_))) {
                return Err(male(&format!("nomina un file fuori dalla copia: {}", p.file)));
            }
        }
        Ok(m)
    }

    /// The same, as if it had never been encrypted: names are those of the archive.
    #[must_use]
    pub(super) fn in_chiaro(mut self) -> Self {
        if self.cifratura.is_some() {
            let parti = self.enti.iter_mut().flat_map(|e| &mut e.parti);
            for p in std::iter::once(&mut self.chiave).chain(&mut self.altre).chain(parti) {
                p.file = p.nome_in_chiaro().to_owned();
            }
        }
        self
    }

    /// Every file that goes into the archive, but those of documents.
    pub fn parti(&self) -> impl Iterator<Item = &Parte> {
        std::iter::once(&self.chiave).chain(&self.altre).chain(self.enti.iter().flat_map(|e| &e.parti))
    }
}

/// Longest file of a copy that is read whole, bytes.
pub(super) const INTERO_MAX: u64 = 64 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_objects_of_ours_only() {
        let h = "a".repeat(64);
        assert_eq!(Voce::leggi(&format!("{h} 12 ab/cdef")).unwrap().byte, 12);
        assert_eq!(Voce::leggi(&format!("{h} 12 ab/cdef-01-4f")).unwrap().oggetto, "ab/cdef-01-4f");
        for oggetto in ["../etc", "ab/../x", "/etc/passwd", "ab/", "abc/de", "ab/c d", "ab", "ab/-1", "ab/c--1"] {
            assert!(Voce::leggi(&format!("{h} 12 {oggetto}")).is_none(), "{oggetto}");
        }
    }
}
