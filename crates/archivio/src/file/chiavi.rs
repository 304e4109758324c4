//! The keys of files: one for each file, wrapped by the ente's, which the installation's key wraps.
//!
//! `chiave_file` has the ente's keys, the newest in force; `chiave_documento` the key of each file wrapped by one of them, and
//! where there are several the newest counts. Rotation wraps anew and touches no file. An ente without any keeps its files
//! in clear: whether it has one is what all processes agree on.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use dominio::codici::CodiceIpa;

use super::CHIAVE;
use super::cifra::ChiaveFile;
use super::segmenti::nome_proprio;
use crate::chiavi::{ChiaveInstallazione, Involucro};
use crate::motore::{Db, valori};
use crate::store::{Errore, Esito};

/// How long what is known of the keys holds, where other processes may turn them.
const FRESCHE: Duration = Duration::from_secs(60);

/// A file's key, wrapped by the ente's `n`-th.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Avvolta {
    /// Which key of the ente.
    pub n: i64,
    /// The file's, wrapped.
    pub chiave: Vec<u8>,
}

/// The keys of an ente's files.
#[derive(Debug)]
pub(crate) struct Portachiavi {
    ipa: CodiceIpa,
    /// None where the key of the installation is not to be found: who reads is told.
    installazione: Option<ChiaveInstallazione>,
    note: RwLock<Note>,
}

#[derive(Debug, Default)]
struct Note {
    avvolte: Arc<BTreeMap<i64, Vec<u8>>>,
    lette: Option<Instant>,
}

impl Portachiavi {
    pub fn nuovo(ipa: CodiceIpa, installazione: Option<ChiaveInstallazione>) -> Self {
        Self { ipa, installazione, note: RwLock::default() }
    }

    /// Must what is known be read again?
    pub fn da_leggere(&self, condiviso: bool) -> bool {
        let lette = self.note.read().unwrap_or_else(PoisonError::into_inner).lette;
        lette.is_none_or(|l| condiviso && l.elapsed() >= FRESCHE)
    }

    /// These are all.
    pub fn ricorda(&self, avvolte: BTreeMap<i64, Vec<u8>>) {
        *self.note.write().unwrap_or_else(PoisonError::into_inner) =
            Note { avvolte: Arc::new(avvolte), lette: Some(Instant::now()) };
    }

    /// From the database.
    pub fn leggi(c: &dyn Db) -> Esito<BTreeMap<i64, Vec<u8>>> {
        let sql = "SELECT n, chiave FROM chiave_file ORDER BY n";
        Ok(c.tutte(sql, &[], |r| Ok((r.intero(0)?, r.byte(1)?.to_vec())))?.into_iter().collect())
    }

    pub fn conosce(&self, n: i64) -> bool {
        self.note.read().unwrap_or_else(PoisonError::into_inner).avvolte.contains_key(&n)
    }

    fn contesto(&self, n: i64) -> String {
        format!("file/{}/{n}", self.ipa)
    }

    fn installazione(&self) -> Esito<&ChiaveInstallazione> {
        let manca = || Errore::Incoerente(format!("manca la chiave dell'installazione ({CHIAVE})"));
        self.installazione.as_ref().ok_or_else(manca)
    }

    /// Those of the ente's keys that do not open, and why.
    pub fn chiuse(&self) -> Vec<(i64, Errore)> {
        let avvolte = Arc::clone(&self.note.read().unwrap_or_else(PoisonError::into_inner).avvolte);
        avvolte.keys().filter_map(|n| Some((*n, self.ente(*n).err()?))).collect()
    }

    /// The ente's `n`-th.
    fn ente(&self, n: i64) -> Esito<Involucro> {
        let avvolte = Arc::clone(&self.note.read().unwrap_or_else(PoisonError::into_inner).avvolte);
        let avvolta = avvolte
            .get(&n)
            .ok_or_else(|| Errore::Incoerente(format!("manca la chiave dei file numero {n} dell'ente {}", self.ipa)))?;
        let chiara = self.installazione()?.apri_con(&self.contesto(n), avvolta).ok_or_else(|| {
            Errore::Incoerente(format!(
                "la chiave dei file numero {n} dell'ente {} non si apre con la chiave di questa installazione",
                self.ipa
            ))
        })?;
        Involucro::di(&chiara)
    }

    /// A new file's key, with it wrapped by the key in force; none where files are kept in clear.
    pub fn nuova(&self, oggetto: &str) -> Esito<Option<(ChiaveFile, Avvolta)>> {
        let ultima = self.note.read().unwrap_or_else(PoisonError::into_inner).avvolte.last_key_value().map(|(n, _)| *n);
        let Some(n) = ultima else { return Ok(None) };
        let chiave: ChiaveFile = caso()?;
        Ok(Some((chiave, Avvolta { n, chiave: self.ente(n)?.avvolgi(oggetto, &chiave)? })))
    }

    /// A file's key.
    pub fn apri(&self, oggetto: &str, a: &Avvolta) -> Esito<ChiaveFile> {
        let male = || Errore::Incoerente(format!("la chiave del file {oggetto} non si apre: è alterata o di un altro"));
        self.ente(a.n)?.apri(nome_proprio(oggetto), &a.chiave).and_then(|c| c.try_into().ok()).ok_or_else(male)
    }

    /// A file's key wrapped by another of the ente's.
    pub fn riavvolgi(&self, oggetto: &str, a: &Avvolta, n: i64) -> Esito<Avvolta> {
        let chiave = self.apri(oggetto, a)?;
        Ok(Avvolta { n, chiave: self.ente(n)?.avvolgi(nome_proprio(oggetto), &chiave)? })
    }

    /// Within the writer's transaction: one more key of the ente, or the first one only.
    pub fn aggiungi(&self, c: &dyn Db, solo_la_prima: bool, chi: &str, istante: i64) -> Esito<i64> {
        let ultima = c.numero("SELECT coalesce(max(n), 0) FROM chiave_file", &[])?;
        if solo_la_prima && ultima > 0 {
            return Ok(ultima);
        }
        let n = ultima + 1;
        let avvolta = self.installazione()?.avvolgi(&self.contesto(n), &caso::<32>()?)?;
        c.scrivi(
            "INSERT INTO chiave_file(n, chiave, chi, istante) VALUES (?,?,?,?)",
            valori![n, &avvolta, chi, istante],
        )?;
        Ok(n)
    }
}

fn caso<const N: usize>() -> Esito<[u8; N]> {
    let mut c = [0u8; N];
    getrandom::fill(&mut c).map_err(|e| Errore::Archivio(e.to_string()))?;
    Ok(c)
}
