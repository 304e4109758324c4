//! Reading what is kept: the one place through which bytes of files come back, whoever asks.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dominio::codici::{CodiceIpa, Impronta};
use futures_util::stream::{self, BoxStream, StreamExt as _};
use rusqlite::OptionalExtension as _;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::chiavi::{Avvolta, Portachiavi};
use super::cifra::{CIFRATA, ChiaveFile, Decifratore, IN_CHIARO};
use super::magazzino::{Cartella, Magazzino, posto};
use super::s3::S3;
use super::{CHIAVE, Custodia, in_disparte};
use crate::chiavi::ChiaveInstallazione;
use crate::store::{Errore, Esito};

/// Bytes handed over at a time.
const BLOCCO: usize = 64 * 1024;

/// A file as the tables say it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Conservato {
    pub impronta: Impronta,
    pub oggetto: String,
    pub byte: u64,
    pub codifica: String,
    pub chiave: Option<Avvolta>,
}

/// A file on its way out.
pub struct FileLetto {
    /// Size of the original.
    pub byte: u64,
    /// Its bytes. An error in the middle says that what is kept is not what it was.
    pub flusso: BoxStream<'static, std::io::Result<Vec<u8>>>,
}

impl std::fmt::Debug for FileLetto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FileLetto({} byte)", self.byte)
    }
}

impl FileLetto {
    /// The first bytes were read, so that what can be said before an answer begins is said.
    pub(super) fn nuovo(byte: u64, primi: Vec<u8>, da: Box<dyn Read + Send>, posti: Option<Arc<Semaphore>>) -> Self {
        let resto = stream::try_unfold((da, posti), |(da, posti)| async move {
            let _posto = posto(posti.clone()).await;
            let esito = in_disparte(move || Ok(blocco(da))).await.map_err(std::io::Error::other)?;
            let (da, letti) = esito?;
            Ok((!letti.is_empty()).then_some((letti, (da, posti))))
        });
        Self { byte, flusso: stream::once(async { Ok(primi) }).chain(resto).boxed() }
    }

    /// All of it in memory: for what is known to be small.
    ///
    /// # Errors
    /// What is kept is not what it was.
    pub async fn intero(mut self) -> Esito<Vec<u8>> {
        let mut out = Vec::new();
        while let Some(b) = self.flusso.next().await {
            out.extend(b?);
        }
        Ok(out)
    }
}

type Letti = (Box<dyn Read + Send>, Vec<u8>);

fn blocco(mut da: Box<dyn Read + Send>) -> std::io::Result<Letti> {
    let mut b = Vec::with_capacity(BLOCCO);
    da.by_ref().take(BLOCCO as u64).read_to_end(&mut b)?;
    Ok((da, b))
}

/// Reads the files of an ente, encrypted or not, wherever they lie. Everything blocks.
#[derive(Debug, Clone)]
pub(crate) struct Lettore {
    pub magazzino: Arc<dyn Magazzino>,
    pub chiavi: Arc<Portachiavi>,
}

impl Lettore {
    /// Of an ente whose database is in a folder: its keys are still to be told.
    ///
    /// # Errors
    /// The installation's key cannot be read.
    pub fn di(ipa: &CodiceIpa, cartella: &Path, custodia: &Custodia) -> Esito<Self> {
        let file = cartella.join("file");
        let chiave = match &custodia.chiave {
            // Not there: what it would open is told apart from what is altered.
            Some(p) => p.is_file().then(|| p.clone()),
            None => vicina(cartella, &file),
        };
        let chiave = chiave.map(|p| ChiaveInstallazione::leggi(&p)).transpose()?;
        let magazzino = magazzino(custodia, ipa, &file)?;
        Ok(Self { magazzino, chiavi: Arc::new(Portachiavi::nuovo(ipa.clone(), chiave)) })
    }

    /// The key of a file, if it is encrypted.
    fn chiave(&self, f: &Conservato) -> Esito<Option<ChiaveFile>> {
        match (f.codifica.as_str(), &f.chiave) {
            (IN_CHIARO, _) => Ok(None),
            (CIFRATA, Some(a)) => self.chiavi.apri(&f.oggetto, a).map(Some),
            (CIFRATA, None) => {
                Err(Errore::Incoerente(format!("il file {} è cifrato e la sua chiave non c'è", f.impronta)))
            }
            (altra, _) => Err(Errore::Incoerente(format!("il file {} ha una codifica ignota: {altra}", f.impronta))),
        }
    }

    /// The bytes as they came.
    ///
    /// # Errors
    /// The object is not there, its key does not open, or the storage's.
    pub fn apri(&self, f: &Conservato) -> Esito<Box<dyn Read + Send>> {
        let chiave = self.chiave(f)?;
        let Some(da) = self.magazzino.leggi(&f.oggetto)? else {
            return Err(Errore::Incoerente(format!("il file {} manca dall'archivio dei file", f.impronta)));
        };
        Ok(match chiave {
            None => da,
            Some(k) => Box::new(Decifratore::nuovo(&k, da).map_err(Errore::from)?),
        })
    }

    /// To be streamed.
    ///
    /// # Errors
    /// As above, or its first bytes are not what they were.
    pub fn scorri(&self, f: &Conservato) -> Esito<FileLetto> {
        let (da, primi) = blocco(self.apri(f)?).map_err(|e| guasto(&f.impronta, e))?;
        Ok(FileLetto::nuovo(f.byte, primi, da, self.magazzino.posti()))
    }

    /// SHA-256 and size of the original.
    ///
    /// # Errors
    /// As above.
    pub fn impronta_di(&self, f: &Conservato) -> Esito<(Impronta, u64)> {
        impronta_di(self.apri(f)?).map_err(|e| guasto(&f.impronta, e))
    }

    /// The same, of bytes that are kept elsewhere as they are kept here.
    ///
    /// # Errors
    /// The key does not open, the bytes do not, or they cannot be read.
    pub fn impronta_da(&self, f: &Conservato, da: impl Read) -> Esito<(Impronta, u64)> {
        let esito = match self.chiave(f)? {
            None => impronta_di(da),
            Some(k) => Decifratore::nuovo(&k, da).and_then(impronta_di),
        };
        esito.map_err(|e| guasto(&f.impronta, e))
    }
}

/// Where the files of an ente lie: in the bucket, or in this folder.
///
/// # Errors
/// The address of the bucket is wrong.
pub(crate) fn magazzino(custodia: &Custodia, ipa: &CodiceIpa, file: &Path) -> Esito<Arc<dyn Magazzino>> {
    Ok(match &custodia.s3 {
        Some(s) => Arc::new(S3::nuovo(s, ipa.as_str())?),
        None => Arc::new(Cartella::gia_fatta(file.to_owned())),
    })
}

/// The installation's key beside the folder of an ente, or beside that of its files, which may be linked from elsewhere.
fn vicina(cartella: &Path, file: &Path) -> Option<PathBuf> {
    let file = std::fs::canonicalize(file).ok();
    let qui = std::fs::canonicalize(cartella).ok();
    let sopra = |p: PathBuf| p.ancestors().skip(1).take(3).map(|a| a.join(CHIAVE)).collect::<Vec<_>>();
    qui.into_iter().chain(file).flat_map(sopra).find(|p| p.is_file())
}

/// Bytes that do not open are no failure of the disk.
fn guasto(impronta: &Impronta, e: std::io::Error) -> Errore {
    match e.kind() {
        std::io::ErrorKind::InvalidData => Errore::Incoerente(format!("file {impronta}: {e}")),
        _ => e.into(),
    }
}

/// SHA-256 and size of what comes.
///
/// # Errors
/// It cannot be read.
pub(crate) fn impronta_di(mut da: impl Read) -> std::io::Result<(Impronta, u64)> {
    let (mut hash, mut byte, mut blocco) = (Sha256::new(), 0, vec![0; BLOCCO]);
    loop {
        match da.read(&mut blocco)? {
            0 => return Ok((Impronta(hash.finalize().into()), byte)),
            n => {
                hash.update(&blocco[..n]);
                byte += n as u64;
            }
        }
    }
}

/// How a file is kept, in a database in the form of SQLite.
///
/// # Errors
/// SQLite's.
pub(crate) fn conservato(c: &rusqlite::Connection, impronta: &Impronta) -> Esito<Option<Conservato>> {
    let mut s = c.prepare_cached(
        "SELECT o.oggetto, o.byte, o.codifica, k.n, k.chiave FROM oggetto_file o
         LEFT JOIN chiave_documento k ON k.impronta = o.impronta WHERE o.impronta = ? ORDER BY k.n DESC LIMIT 1",
    )?;
    let riga = s.query_row([&impronta.0], |r| {
        let (n, chiave): (Option<i64>, Option<Vec<u8>>) = (r.get(3)?, r.get(4)?);
        Ok(Conservato {
            impronta: *impronta,
            oggetto: r.get(0)?,
            byte: r.get::<_, i64>(1)?.unsigned_abs(),
            codifica: r.get(2)?,
            chiave: n.zip(chiave).map(|(n, chiave)| Avvolta { n, chiave }),
        })
    });
    Ok(riga.optional()?)
}
