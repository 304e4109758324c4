//! The copies that the service knows, and the drills of restoring that people start from a page (R-N04, R-N08, R-L22).
//!
//! Who runs the installation says where copies are; nobody names a path from outside. A drill is of one ente, one at a time
//! in the whole installation, in a thread of its own that takes only the time that nobody else wants. What is known of it is a
//! file, written before it begins, with who started it: it outlives the process, and any node shows it. A lock says whether it
//! is still under way; one whose process is gone was interrupted, and what it left is swept.

pub mod prova;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archivio::age::{ErroreAge, Identita};
use archivio::orologio::OrologioDiSistema;
use archivio::sqlite::copia::{self, Luogo};
use archivio::sqlite::verifica::cedi_il_passo;
use dominio::codici::{CodiceIpa, NomeUtente};
use dominio::tempo::{Istante, Orologio as _};
use serde::{Deserialize, Serialize};

use crate::stampe::ProvaRipristino;
use prova::Che;

/// Copies that are shown, the newest.
pub const COPIE_MAX: usize = 20;
/// Drills that are shown, the newest.
pub const PROVE_MAX: usize = 50;
/// Differences that a report keeps: where, and not what, since values may be anybody's data.
const DIFFERENZE_MAX: usize = 1_000;
/// Longest record that is read, bytes.
const SCHEDA_MAX: u64 = 4 * 1_024 * 1_024;
/// A folder that does not answer keeps nobody waiting longer than this.
const ATTESA: Duration = Duration::from_secs(5);
/// Who looks whether a drill is under way holds the lock for a moment: it is asked again so many times.
const TENTATIVI: u32 = 5;
const FRA_DUE: Duration = Duration::from_millis(20);
const BLOCCO: &str = "in-uso";
const PREFISSO: &str = "prova-ripristino-";

/// Where copies are, and where drills are made and written down.
#[derive(Debug, Clone)]
pub struct Luoghi {
    /// The place of copies: a folder or a bucket.
    pub cartella: Luogo,
    /// The folder of what is known of drills.
    pub prove: PathBuf,
    /// Where copies are restored for a while; the system's temporary folder when nobody says.
    pub temporanea: Option<PathBuf>,
    /// The file of the identity that opens copies that are encrypted.
    pub identita: Option<PathBuf>,
}

/// A file of recipients or identities; not one of any length.
///
/// # Errors
/// The file system's.
pub fn leggi_chiavi(f: &Path) -> std::io::Result<String> {
    let mut testo = String::new();
    File::open(f)?.take(archivio::age::CHIAVI_MAX as u64 + 1).read_to_string(&mut testo)?;
    if testo.len() > archivio::age::CHIAVI_MAX {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidData,
            "il file è troppo lungo per essere di chiavi",
        ));
    }
    Ok(testo)
}

/// The identities in a file.
///
/// # Errors
/// It does not read, or has none.
pub fn identita(f: &Path) -> Result<Vec<Identita>, ErroreAge> {
    archivio::age::leggi_identita(&leggi_chiavi(f)?)
}

/// Why a drill did not begin, or what is known cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Impedimento {
    /// Nobody said where copies are.
    #[error("il servizio non sa dove sono le copie: va indicata «copie.cartella» nella configurazione")]
    SenzaCartella,
    /// Another is under way.
    #[error(
        "è già in corso una prova, di questo o di un altro ente: se ne fa una alla volta. Riprovare quando è finita"
    )]
    InCorso,
    /// The file system's.
    #[error("{0}")]
    Disco(String),
}

impl From<std::io::Error> for Impedimento {
    fn from(e: std::io::Error) -> Self {
        Self::Disco(e.to_string())
    }
}

/// A copy, as far as one ente is concerned.
#[derive(Debug, Clone)]
pub struct Copia {
    /// When it began.
    pub istante: Istante,
    /// Bytes of what it has of the ente.
    pub byte: u64,
    /// Files of documents.
    pub file: u64,
    /// Files that were missing or altered already.
    pub guasti: usize,
    /// Is it encrypted for somebody?
    pub cifrata: bool,
    /// Last number of each register and year: `PG/2026`, number.
    pub numeri: Vec<(String, i64)>,
}

/// What is written of a drill.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scheda {
    /// Its name: the instant.
    pub id: String,
    /// When it was started.
    pub avviata: Istante,
    /// By whom.
    pub utente: NomeUtente,
    /// His name.
    pub nome: String,
    /// Where the copy was being restored.
    pub temporanea: PathBuf,
    /// How it ended; absent as long as it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rapporto: Option<ProvaRipristino>,
}

/// How a drill is.
#[derive(Debug, Clone)]
pub enum Stato {
    /// Under way: how far, when it is in this process.
    InCorso(Option<String>),
    /// Its process ended before it did.
    Interrotta,
    /// Over.
    Conclusa,
}

/// All that is shown to an ente.
#[derive(Debug, Clone, Default)]
pub struct Quadro {
    /// Newest first.
    pub copie: Vec<Copia>,
    /// Newest first.
    pub prove: Vec<(Scheda, Stato)>,
}

/// A drill of this process.
struct Corrente {
    id: String,
    passo: String,
}

/// The copies of an installation.
#[derive(Default)]
pub struct Copie {
    luoghi: Option<Luoghi>,
    corrente: Arc<Mutex<Option<Corrente>>>,
}

impl Copie {
    /// In these places.
    pub fn in_luoghi(luoghi: Option<Luoghi>) -> Self {
        Self { luoghi, corrente: Arc::default() }
    }

    fn luoghi(&self) -> Result<&Luoghi, Impedimento> {
        self.luoghi.as_ref().ok_or(Impedimento::SenzaCartella)
    }

    /// What there is of an ente.
    ///
    /// # Errors
    /// The folder is not known, or does not answer.
    pub async fn quadro(&self, ipa: &CodiceIpa) -> Result<Quadro, Impedimento> {
        let (luoghi, ipa) = (self.luoghi()?.clone(), ipa.clone());
        let qui = {
            let g = self.corrente.lock().unwrap_or_else(PoisonError::into_inner);
            g.as_ref().map(|c| (c.id.clone(), c.passo.clone()))
        };
        in_tempo(move || {
            let prove = schede(&luoghi, &ipa, PROVE_MAX)?;
            // One at a time: when it is here, it is on no other node.
            let altrove = match &qui {
                None if prove.iter().any(|s| s.rapporto.is_none()) => in_corso(&luoghi.prove)?,
                _ => None,
            };
            let stato = |s: &Scheda| match (&s.rapporto, &qui) {
                (Some(_), _) => Stato::Conclusa,
                (None, Some((id, passo))) if *id == s.id => Stato::InCorso(Some(passo.clone())),
                (None, None) if altrove.as_ref() == Some(&s.id) => Stato::InCorso(None),
                (None, _) => Stato::Interrotta,
            };
            let stati: Vec<Stato> = prove.iter().map(stato).collect();
            Ok(Quadro { copie: copie(&luoghi.cartella, &ipa)?, prove: prove.into_iter().zip(stati).collect() })
        })
        .await
    }

    /// The report of a drill that is over.
    ///
    /// # Errors
    /// As in [`Self::quadro`].
    pub async fn rapporto(&self, ipa: &CodiceIpa, id: &str) -> Result<Option<ProvaRipristino>, Impedimento> {
        let (luoghi, ipa) = (self.luoghi()?.clone(), ipa.clone());
        if !nome_buono(id) {
            return Ok(None);
        }
        let id = id.to_owned();
        in_tempo(move || {
            let s = scheda(&luoghi.prove.join(ipa.as_str()).join(format!("{id}.json")))?;
            Ok(s.and_then(|s| {
                let chi = format!("{} ({})", s.nome, s.utente);
                s.rapporto.map(|r| ProvaRipristino { operatore: Some(chi), ..r })
            }))
        })
        .await
    }

    /// Starts a drill of the newest copy, for one ente; it goes on by itself.
    ///
    /// # Errors
    /// The folder is not known, another drill is under way, or nothing can be written.
    pub async fn avvia(&self, ipa: &CodiceIpa, utente: &NomeUtente, nome: &str) -> Result<(), Impedimento> {
        let luoghi = self.luoghi()?.clone();
        let (ipa, utente, nome) = (ipa.clone(), utente.clone(), nome.to_owned());
        let corrente = Arc::clone(&self.corrente);
        in_tempo(move || {
            let mut blocco = None;
            for _ in 0..TENTATIVI {
                blocco = blocca(&luoghi.prove)?;
                if blocco.is_some() {
                    break;
                }
                std::thread::sleep(FRA_DUE);
            }
            let mut blocco = blocco.ok_or(Impedimento::InCorso)?;
            spazza(&luoghi);
            let mut t = tempfile::Builder::new();
            t.prefix(PREFISSO);
            let dove = match &luoghi.temporanea {
                Some(c) => t.tempdir_in(c),
                None => t.tempdir(),
            }?;
            let avviata = OrologioDiSistema.adesso();
            let scheda = Scheda {
                id: avviata.utc().chars().filter(|c| !matches!(c, '-' | ':')).collect(),
                avviata,
                utente,
                nome,
                temporanea: dove.path().to_owned(),
                rapporto: None,
            };
            scrivi(&luoghi.prove.join(ipa.as_str()), &scheda)?;
            blocco.set_len(0)?;
            blocco.write_all(scheda.id.as_bytes())?;
            let segna = |c: Option<Corrente>| *corrente.lock().unwrap_or_else(PoisonError::into_inner) = c;
            segna(Some(Corrente { id: scheda.id.clone(), passo: "si comincia".to_owned() }));
            let qui = Arc::clone(&corrente);
            let avviato = std::thread::Builder::new().name("prova-ripristino".to_owned()).spawn(move || {
                // Held until all is written, whatever happens.
                let _blocco = blocco;
                let _fine = Fine(Arc::clone(&qui));
                fai(&luoghi, &ipa, scheda, dove, &qui);
            });
            if let Err(e) = avviato {
                segna(None);
                return Err(e.into());
            }
            Ok(())
        })
        .await
    }

    /// Takes away what drills of a process that is gone left.
    pub fn riordina(&self) {
        if let Some(l) = &self.luoghi
            && l.prove.is_dir()
            && let Ok(Some(_blocco)) = blocca(&l.prove)
        {
            spazza(l);
        }
    }
}

/// Nothing is under way any more, however the drill ended.
struct Fine(Arc<Mutex<Option<Corrente>>>);

impl Drop for Fine {
    fn drop(&mut self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn fai(l: &Luoghi, ipa: &CodiceIpa, mut scheda: Scheda, dove: tempfile::TempDir, qui: &Mutex<Option<Corrente>>) {
    cedi_il_passo();
    tracing::info!(ente = %ipa, "prova di ripristino avviata");
    let avanza = |m: &str| {
        if let Some(c) = qui.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            c.passo = m.to_owned();
        }
    };
    let lette = l.identita.as_deref().map(identita).transpose();
    let questi = lette.as_ref().ok().and_then(Option::as_deref).unwrap_or_default();
    let che =
        Che { da: &l.cartella, solo: Some(ipa), identita: questi, qui: &dove.path().join("archivio"), avanza: &avanza };
    let mut r = prova::prova(&che);
    if let (Err(e), Some(detto)) = (&lette, &mut r.errore) {
        *detto = format!("{detto} (copie.identita: {e})");
    }
    r.verifica.differenze.truncate(DIFFERENZE_MAX);
    for d in &mut r.verifica.differenze {
        (d.atteso, d.trovato) = (String::new(), String::new());
    }
    if let Err(e) = dove.close() {
        tracing::warn!(ente = %ipa, errore = %e, "la copia ripristinata per prova non si toglie");
    }
    tracing::info!(ente = %ipa, riuscita = r.riuscita, "prova di ripristino conclusa");
    scheda.rapporto = Some(r);
    if let Err(e) = scrivi(&l.prove.join(ipa.as_str()), &scheda) {
        tracing::warn!(ente = %ipa, errore = %e, "il rapporto della prova di ripristino non si scrive");
    }
}

/// What asks the disk, and not for ever.
async fn in_tempo<T: Send + 'static>(
    f: impl FnOnce() -> Result<T, Impedimento> + Send + 'static,
) -> Result<T, Impedimento> {
    match tokio::time::timeout(ATTESA, tokio::task::spawn_blocking(f)).await {
        Ok(Ok(esito)) => esito,
        Ok(Err(_)) => Err(Impedimento::Disco("la lettura si è interrotta".to_owned())),
        Err(_) => Err(Impedimento::Disco("la cartella non risponde".to_owned())),
    }
}

/// Copies that have the ente, newest first. One that cannot be read is not one.
fn copie(luogo: &Luogo, ipa: &CodiceIpa) -> Result<Vec<Copia>, Impedimento> {
    let tutte = match luogo.copie() {
        Ok(t) => t,
        Err(copia::Guasto::Archivio(_)) if luogo.cartella().is_some_and(|c| !c.join("copie").exists()) => {
            return Err(Impedimento::Disco(
                "la cartella delle copie non c'è, o non vi è stata fatta nessuna copia".into(),
            ));
        }
        Err(e) => return Err(Impedimento::Disco(e.to_string())),
    };
    let lette = tutte.iter().rev().take(COPIE_MAX).filter_map(|c| c.manifesto().ok());
    Ok(lette
        .filter_map(|m| {
            let e = m.enti.iter().find(|e| e.ipa == *ipa)?;
            let numeri = e.registri.iter().flat_map(|r| &r.numeri);
            Some(Copia {
                istante: m.istante,
                byte: e.parti.iter().map(|p| p.byte).sum::<u64>() + e.documenti.byte,
                file: e.documenti.quanti,
                guasti: e.documenti.guasti.len(),
                cifrata: m.cifratura.is_some(),
                numeri: numeri.map(|n| (format!("{}/{}", n.registro, n.anno), n.numero)).collect(),
            })
        })
        .collect())
}

/// The lock of the installation's drills; `None` when somebody has it.
fn blocca(prove: &Path) -> Result<Option<File>, Impedimento> {
    crea(prove)?;
    let f = OpenOptions::new().create(true).truncate(false).write(true).open(prove.join(BLOCCO))?;
    match f.try_lock() {
        Ok(()) => Ok(Some(f)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(e)) => Err(e.into()),
    }
}

/// The drill under way, whichever node makes it.
fn in_corso(prove: &Path) -> Result<Option<String>, Impedimento> {
    if blocca(prove)?.is_some() {
        return Ok(None);
    }
    let mut id = String::new();
    File::open(prove.join(BLOCCO))?.take(64).read_to_string(&mut id)?;
    Ok(Some(id))
}

/// A folder that only its owner enters.
fn crea(p: &Path) -> std::io::Result<()> {
    if !p.is_dir() {
        std::fs::create_dir_all(p)?;
        #[cfg(unix)]
        std::fs::set_permissions(p, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    }
    Ok(())
}

/// What was being restored when a process ended: personal data and keys. To be called by who holds the lock.
fn spazza(l: &Luoghi) {
    let Ok(enti) = std::fs::read_dir(&l.prove) else { return };
    for ente in enti.flatten().filter(|e| e.path().is_dir()) {
        let nome = ente.file_name();
        let Ok(ipa) = nome.to_string_lossy().parse::<CodiceIpa>() else { continue };
        for s in schede(l, &ipa, PROVE_MAX).unwrap_or_default().into_iter().filter(|s| s.rapporto.is_none()) {
            let nostra = s.temporanea.file_name().is_some_and(|n| n.to_string_lossy().starts_with(PREFISSO));
            if nostra && s.temporanea.is_dir() {
                let _ = std::fs::remove_dir_all(&s.temporanea);
            }
        }
    }
}

/// Is it a name of ours, and nothing of a path?
fn nome_buono(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= 40
        && id.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'T' | b'Z' | b'.'))
        && id.starts_with(|c: char| c.is_ascii_digit())
}

/// Drills of an ente, newest first.
fn schede(l: &Luoghi, ipa: &CodiceIpa, quante: usize) -> Result<Vec<Scheda>, Impedimento> {
    let cartella = l.prove.join(ipa.as_str());
    let voci = match std::fs::read_dir(&cartella) {
        Ok(v) => v,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(e.into()),
    };
    let mut file: Vec<PathBuf> =
        voci.flatten().map(|v| v.path()).filter(|p| p.extension().is_some_and(|e| e == "json")).collect();
    file.sort();
    file.reverse();
    file.truncate(quante);
    Ok(file.iter().filter_map(|p| scheda(p).ok().flatten()).collect())
}

fn scheda(percorso: &Path) -> Result<Option<Scheda>, Impedimento> {
    let f = match File::open(percorso) {
        Ok(f) => f,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e.into()),
    };
    let mut byte = Vec::new();
    f.take(SCHEDA_MAX).read_to_end(&mut byte)?;
    serde_json::from_slice(&byte).map(Some).map_err(|e| Impedimento::Disco(format!("{}: {e}", percorso.display())))
}

/// Whole or not at all.
fn scrivi(cartella: &Path, s: &Scheda) -> Result<(), Impedimento> {
    crea(cartella)?;
    let byte = serde_json::to_vec_pretty(s).map_err(|e| Impedimento::Disco(e.to_string()))?;
    let provvisorio = cartella.join(format!("{}.parte", s.id));
    let mut o = OpenOptions::new();
    o.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut o, 0o600);
    let mut f = o.open(&provvisorio)?;
    f.write_all(&byte)?;
    f.sync_all()?;
    std::fs::rename(&provvisorio, cartella.join(format!("{}.json", s.id)))?;
    Ok(File::open(cartella)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drill_is_named_by_its_instant_and_by_nothing_else() {
        assert!(nome_buono("20261128T112233.123456Z"));
        for male in ["", "../x", "a", "..", ".", ".20", "2026/11", "20261128T112233Z/../../chiave", "2026 ", "20%2e"] {
            assert!(!nome_buono(male), "{male}");
        }
    }
}
