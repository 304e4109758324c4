//! Copies of an installation while it is at work, and their restoring (contract § 1; R-N04, R-N05, R-N08).
//!
//! The place of copies, a folder or a bucket ([`Luogo`]), holds `copie/{instant}/…`, a consistent copy of each database with key and manifest, and
//! `file/{ipa}/…`, the files of documents: they never change, so that each is kept once for all copies. Databases are
//! copied first, each in one snapshot; the files that a snapshot names were durable before it, and nothing takes them
//! away. The manifest comes last: what is interrupted is not a copy, and the next one sweeps it.
//!
//! The live archive is only read, beside its writer, and its lock is not asked for.
//!
//! A copy may be encrypted for somebody ([`cifrata`]): then databases, key and lists are made aside and go into the copy
//! encrypted, and of documents those that the archive keeps in clear. What stays readable says what the copy is, and no more.

mod cifrata;
mod epoca;
mod esame;
mod luogo;
mod manifesto;
mod ripristino;
mod trasporto;

use std::collections::{HashMap, HashSet};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dominio::codici::CodiceIpa;
use dominio::tempo::Istante;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use sha2::{Digest, Sha256};

use cifrata::Cantiere;

use super::{FILE_ENTE, SqliteStore, enti_in, schema};
use crate::age::Destinatari;
use crate::file::cifra::lungo;
use crate::file::lettura::magazzino;
use crate::file::{CHIAVE, Custodia, crea_cartella, esadecimale, sincronizza_cartella};
use crate::installazione::codice;
use crate::store::Errore;
use crate::{INSTALLAZIONE, tronco};
pub use epoca::{Arrivo, DaAprire, MARGINE, MARGINE_SENZA_ANCORA, NumeroDato, Perdita, pianifica, ricorda, stato};
use esame::Esame;
pub use luogo::{Copia, Luogo};
pub use manifesto::{Cifratura, DeiFile, DiEnte, DiRegistro, Manifesto, Parte, UltimoNumero};
use manifesto::{NOME, VERSIONE, VERSIONE_IN_CHIARO, Voce};
pub use ripristino::{Approdo, Ripristinata, controlla_chiave, copia_in};
pub use trasporto::{Trasportati, trasporta};

const COPIE: &str = "copie";
const FILE: &str = "file";
const BLOCCO: &str = "in-uso";
/// Beside the key, where there is one: the sample ente's.
const ALTRI: &[&str] = &["demo.json"];
const ACCESSI: &str = "accessi.sqlite";
const OROLOGIO: &str = "orologio";
/// Pages copied at a time, and how many bytes may wait for the disk: the register's own fsync is not to queue behind.
const PAGINE: i32 = 1_024;
const IN_ATTESA_MAX: i32 = 8;

/// Why a copy, or its restoring, was not done.
#[derive(Debug, thiserror::Error)]
pub enum Guasto {
    /// The copy is not whole, or not what it says.
    #[error("{0}")]
    NonValida(String),
    /// Asked wrongly.
    #[error("{0}")]
    Uso(String),
    /// Storage.
    #[error(transparent)]
    Archivio(#[from] Errore),
}

impl From<std::io::Error> for Guasto {
    fn from(e: std::io::Error) -> Self {
        Self::Archivio(e.into())
    }
}

impl From<rusqlite::Error> for Guasto {
    fn from(e: rusqlite::Error) -> Self {
        Self::Archivio(e.into())
    }
}

/// Result of this room.
pub type Esito<T> = Result<T, Guasto>;

/// What a copy is asked for.
pub struct Opzioni<'a> {
    /// The archive.
    pub archivio: &'a Path,
    /// The place of copies.
    pub dove: &'a Luogo,
    /// How many copies stay.
    pub conserva: Option<usize>,
    /// Version of the program.
    pub programma: &'a str,
    /// Now.
    pub ora: Istante,
    /// Is told how far it is.
    pub avanza: &'a dyn Fn(&str),
    /// Where the installation's key is.
    pub custodia: Custodia,
    /// For whom it is encrypted, when it is.
    pub destinatari: Option<Destinatari>,
    /// Where databases lie while they are encrypted; the archive's own folder, where they are in clear anyway, when nobody
    /// says.
    pub temporanea: Option<PathBuf>,
}

/// A copy that was made.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Fatta {
    /// Where it is.
    pub copia: Copia,
    /// What it says.
    pub manifesto: Manifesto,
    /// Files of documents that were not there yet.
    pub file_nuovi: u64,
    /// Their bytes.
    pub byte_nuovi: u64,
    /// Copies taken away.
    pub tolte: u64,
    /// Files of documents taken away: no copy names them.
    pub file_tolti: u64,
    /// What stops nobody but wants to be known.
    pub avvisi: Vec<String>,
}

/// Makes a copy.
///
/// # Errors
/// The archive cannot be read, the folder not written, another copy is under way.
pub fn copia(o: &Opzioni<'_>) -> Esito<Fatta> {
    if !o.archivio.join("enti").is_dir() {
        return Err(Guasto::Uso(format!("{} non è la cartella di un archivio", o.archivio.display())));
    }
    if o.conserva == Some(0) {
        return Err(Guasto::Uso("--conserva: almeno una copia va tenuta".to_owned()));
    }
    if let Some(dove) = o.dove.cartella() {
        crea_riservata(dove)?;
        if dentro(o.archivio, dove)? || dentro(dove, o.archivio)? {
            return Err(Guasto::Uso(
                "la cartella delle copie e quella dell'archivio non possono stare l'una nell'altra".to_owned(),
            ));
        }
    }
    if let Some(s) = &o.custodia.s3
        && Luogo::in_secchio(s)?.si_tocca(o.dove)
    {
        return Err(Guasto::Uso(
            "nel bucket le copie e i documenti dell'archivio devono stare sotto prefissi diversi, non l'uno nell'altro"
                .to_owned(),
        ));
    }
    let qui = Copia { luogo: o.dove.clone(), nome: format!("{COPIE}/{}", nome_di(o.ora)) };
    let mut avvisi = Vec::new();
    let temporanea = o.temporanea.as_deref().unwrap_or(o.archivio);
    // Where it is in clear: the copy itself, unless it is encrypted, or not on this machine.
    let (cantiere, chiaro) = match qui.cartella().filter(|_| o.destinatari.is_none()) {
        Some(c) => (None, c),
        None => {
            let c = Cantiere::apri(temporanea, &mut avvisi)?;
            let dove = c.cartella().to_owned();
            (Some(c), dove)
        }
    };
    let (mio, morti) = cantiere.as_ref().map_or_else(Default::default, |c| (c.nome(), c.morti.clone()));
    let turno = o.dove.occupa(&mio, &morti)?;
    super::verifica::cedi_il_passo();
    o.dove.prepara()?;
    spazza_interrotte(o.dove)?;
    if let Some(c) = qui.cartella() {
        crea_riservata(&c)?;
    }
    let chiaro = chiaro.as_path();
    let mut f = Fatta {
        copia: qui.clone(),
        manifesto: Manifesto {
            versione: if o.destinatari.is_some() { VERSIONE } else { VERSIONE_IN_CHIARO },
            istante: o.ora,
            programma: o.programma.to_owned(),
            cifratura: o.destinatari.as_ref().map(cifrata::per),
            chiave: trascrivi_da(&o.custodia.percorso_chiave(o.archivio), chiaro, CHIAVE)?,
            altre: Vec::new(),
            enti: Vec::new(),
            impronta: String::new(),
        },
        file_nuovi: 0,
        byte_nuovi: 0,
        tolte: 0,
        file_tolti: 0,
        avvisi,
    };
    for a in ALTRI {
        if o.archivio.join(a).exists() {
            f.manifesto.altre.push(trascrivi(o.archivio, chiaro, a)?);
        }
    }
    let mut cartelle = Vec::new();
    if o.archivio.join(INSTALLAZIONE).join(FILE_ENTE).exists() {
        let ipa = codice()?;
        cartelle.push((ipa, INSTALLAZIONE.to_owned()));
    }
    // After the installation's own: what it says is served here is here.
    for ipa in enti_in(o.archivio)? {
        let relativa = format!("enti/{ipa}");
        cartelle.push((ipa, relativa));
    }
    for (ipa, relativa) in cartelle {
        let e = ente(o, chiaro, ipa, &relativa)?;
        f.manifesto.enti.push(e);
    }
    for e in &mut f.manifesto.enti {
        let (nuovi, byte) = documenti(o, chiaro, &qui, e, &mut f.avvisi)?;
        f.file_nuovi += nuovi;
        f.byte_nuovi += byte;
        f.avvisi.extend(
            e.documenti.guasti.iter().map(|g| format!("{}: il file {g} manca o è alterato nell'archivio", e.ipa)),
        );
    }
    if let Some(c) = &cantiere {
        cifrata::porta(o.destinatari.as_ref(), c, &qui, &mut f.manifesto, o.avanza)?;
    }
    if let Some(c) = qui.cartella() {
        sincronizza_albero(&c)?;
    }
    o.dove.consolida()?;
    turno.vale()?;
    let byte = f.manifesto.scrivi()?;
    o.dove.metti(&qui.file(NOME), &byte)?;
    (o.avanza)("manifesto scritto: la copia c'è");
    turno.vale()?;
    togli_vecchie(o, &qui, cantiere.as_ref().map_or(temporanea, |c| c.cartella()), &mut f)?;
    Ok(f)
}

/// An instant in a name: names sort as instants do, and every file system takes them.
fn nome_di(t: Istante) -> String {
    t.utc().chars().filter(|c| !matches!(c, '-' | ':')).collect()
}

/// Is a folder within another?
fn dentro(questa: &Path, in_quella: &Path) -> Esito<bool> {
    Ok(std::fs::canonicalize(questa)?.starts_with(std::fs::canonicalize(in_quella)?))
}

/// A folder that only its owner enters.
fn crea_riservata(p: &Path) -> Esito<()> {
    if !p.is_dir() {
        crea_cartella(p)?;
        #[cfg(unix)]
        std::fs::set_permissions(p, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    }
    Ok(())
}

/// A new file that only its owner reads, with the folders above it.
fn nuovo_riservato(p: &Path) -> Esito<std::fs::File> {
    if let Some(sopra) = p.parent() {
        crea_cartella(sopra)?;
    }
    let mut o = std::fs::OpenOptions::new();
    o.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut o, 0o600);
    Ok(o.open(p)?)
}

/// A small file, whole or not at all.
fn scrivi_riservato(cartella: &Path, nome: &str, byte: &[u8]) -> Esito<()> {
    let provvisorio = cartella.join(format!("{nome}.parte"));
    let mut o = std::fs::OpenOptions::new();
    o.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut o, 0o600);
    let mut f = o.open(&provvisorio)?;
    f.write_all(byte)?;
    f.sync_all()?;
    std::fs::rename(&provvisorio, cartella.join(nome))?;
    Ok(sincronizza_cartella(cartella)?)
}

/// A small file of the archive, as it is.
fn trascrivi(da: &Path, a: &Path, nome: &str) -> Esito<Parte> {
    trascrivi_da(&da.join(nome), a, nome)
}

fn trascrivi_da(da: &Path, a: &Path, nome: &str) -> Esito<Parte> {
    let byte = std::fs::read(da)?;
    if let Some(sopra) = a.join(nome).parent() {
        crea_cartella(sopra)?;
    }
    scrivi_riservato(a, nome, &byte)?;
    Ok(Parte { file: nome.to_owned(), sha256: esadecimale(&Sha256::digest(&byte)), byte: byte.len() as u64 })
}

/// What has no manifest is of a copy that was interrupted.
fn spazza_interrotte(dove: &Luogo) -> Esito<()> {
    let mut nomi: HashSet<String> = dove.cartelle(COPIE)?.into_iter().collect();
    if dove.cartella().is_none() {
        // Not every server tells of a folder that holds only folders.
        dove.scorri(COPIE, &mut |n| {
            nomi.extend(n.split('/').nth(1).map(str::to_owned));
            Ok(())
        })?;
    }
    for nome in nomi {
        let nome = format!("{COPIE}/{nome}");
        if dove.lungo(&format!("{nome}/{NOME}"))?.is_none() {
            dove.togli_tutto(&nome)?;
        }
    }
    Ok(())
}

fn sincronizza_albero(cartella: &Path) -> Esito<()> {
    for voce in std::fs::read_dir(cartella)? {
        let p = voce?.path();
        if p.is_dir() {
            sincronizza_albero(&p)?;
        }
    }
    Ok(sincronizza_cartella(cartella)?)
}

/// The databases of an ente: its own first, since it names how far the access log was signed.
fn ente(o: &Opzioni<'_>, qui: &Path, ipa: CodiceIpa, relativa: &str) -> Esito<DiEnte> {
    let da = o.archivio.join(relativa);
    crea_cartella(&qui.join(relativa))?;
    let elenco = format!("{relativa}/{FILE}.elenco");
    let mut letto = None;
    let mut parti = vec![base(o, qui, &format!("{relativa}/{FILE_ENTE}"), &mut |c| {
        letto = Some((registri(c)?, scrivi_elenco(c, qui, &elenco)?));
        Ok(())
    })?];
    if da.join(ACCESSI).exists() {
        parti.push(base(o, qui, &format!("{relativa}/{ACCESSI}"), &mut |_| Ok(()))?);
    }
    if da.join(OROLOGIO).exists() {
        parti.push(trascrivi(o.archivio, qui, &format!("{relativa}/{OROLOGIO}"))?);
    }
    let (registri, documenti) = letto.ok_or_else(|| Errore::Archivio("niente è stato letto".to_owned()))?;
    Ok(DiEnte { ipa, parti, registri, documenti })
}

/// Copies a database as it is in one snapshot, and reads what else is wanted of that very snapshot.
fn base(o: &Opzioni<'_>, qui: &Path, relativo: &str, leggi: &mut dyn FnMut(&Connection) -> Esito<()>) -> Esito<Parte> {
    let c = schema::apri_scorsa(&o.archivio.join(relativo), "")?;
    // With a transaction open the copy does not begin again when the register goes on.
    c.execute_batch("BEGIN")?;
    c.query_row("SELECT count(*) FROM sqlite_master", [], |r| r.get::<_, i64>(0))?;
    let percorso = qui.join(relativo);
    let disco = std::fs::File::create_new(&percorso)?;
    let mut copia = Connection::open(&percorso)?;
    // Who finds it half done throws it away.
    copia.execute_batch("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")?;
    let b = Backup::new(&c, &mut copia)?;
    let (mut in_attesa, mut detto) = (0, 0);
    loop {
        match b.step(PAGINE)? {
            StepResult::Done => break,
            StepResult::More => {}
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
        in_attesa += 1;
        if in_attesa >= IN_ATTESA_MAX {
            disco.sync_data()?;
            in_attesa = 0;
        }
        let p = b.progress();
        let decimi = (p.pagecount - p.remaining).saturating_mul(10).checked_div(p.pagecount).unwrap_or(10);
        if decimi > detto {
            detto = decimi;
            (o.avanza)(&format!("{relativo}: {} %", decimi * 10));
        }
    }
    drop(b);
    copia.close().map_err(|(_, e)| Errore::from(e))?;
    leggi(&c)?;
    c.execute_batch("COMMIT")?;
    disco.sync_all()?;
    let (sha256, byte) = impasto(std::fs::File::open(&percorso)?, None)?;
    (o.avanza)(&format!("{relativo}: copiato, {byte} byte"));
    Ok(Parte { file: relativo.to_owned(), sha256, byte })
}

/// SHA-256 and size of what is read, which is written elsewhere too when `a` says where.
fn impasto(mut f: impl std::io::Read, a: Option<&std::fs::File>) -> Esito<(String, u64)> {
    let (mut hash, mut byte, mut blocco) = (Sha256::new(), 0, vec![0; 256 * 1_024]);
    loop {
        let n = f.read(&mut blocco)?;
        if n == 0 {
            return Ok((esadecimale(&hash.finalize()), byte));
        }
        hash.update(&blocco[..n]);
        if let Some(mut a) = a {
            a.write_all(&blocco[..n])?;
        }
        byte += n as u64;
    }
}

/// How far each log goes.
fn registri(c: &Connection) -> Esito<Vec<DiRegistro>> {
    let mut out = Vec::new();
    for l in tronco::elenco(c)?.into_values() {
        let mut s = c.prepare("SELECT registro, anno, ultimo FROM contatore WHERE log = ? ORDER BY registro, anno")?;
        let mut numeri = Vec::new();
        let mut r = s.query([l.id])?;
        while let Some(x) = r.next()? {
            let registro: String = x.get(0)?;
            let registro = registro.parse().map_err(|_| Errore::Incoerente(format!("contatore {registro}")))?;
            numeri.push(UltimoNumero { registro, anno: x.get(1)?, numero: x.get(2)? });
        }
        out.push(DiRegistro {
            aoo: l.aoo.clone(),
            origine: l.origine.clone(),
            operazioni: super::verifica::dimensione(c, l.id)?,
            checkpoint: tronco::ultimo(c, l.id)?.map(|u| u.1),
            numeri,
        });
    }
    out.sort_by(|a, b| a.aoo.cmp(&b.aoo));
    Ok(out)
}

/// The files that the snapshot names.
fn scrivi_elenco(c: &Connection, qui: &Path, relativo: &str) -> Esito<DeiFile> {
    let f = std::fs::File::create_new(qui.join(relativo))?;
    let mut w = BufWriter::new(&f);
    let (mut quanti, mut byte) = (0, 0);
    let mut s = c.prepare("SELECT impronta, byte, oggetto FROM oggetto_file ORDER BY oggetto")?;
    let mut r = s.query([])?;
    while let Some(x) = r.next()? {
        let (impronta, n, oggetto): ([u8; 32], i64, String) = (x.get(0)?, x.get(1)?, x.get(2)?);
        writeln!(w, "{} {n} {oggetto}", esadecimale(&impronta))?;
        quanti += 1;
        byte += n.unsigned_abs();
    }
    w.flush()?;
    drop(w);
    f.sync_all()?;
    let (sha256, lungo) = impasto(std::fs::File::open(qui.join(relativo))?, None)?;
    Ok(DeiFile {
        elenco: Parte { file: relativo.to_owned(), sha256, byte: lungo },
        oggetti: None,
        quanti,
        byte,
        guasti: Vec::new(),
    })
}

/// The lines of a list of files.
fn voci(percorso: &Path, mut f: impl FnMut(Voce) -> Esito<()>) -> Esito<()> {
    for riga in BufReader::new(std::fs::File::open(percorso)?).lines() {
        let male = || Guasto::NonValida(format!("l'elenco dei file {} non si legge", percorso.display()));
        f(Voce::leggi(&riga?).ok_or_else(male)?)?;
    }
    Ok(())
}

/// Copies the files that are not there yet; how many, and their bytes. `chiaro` has the databases of the copy `qui`.
fn documenti(
    o: &Opzioni<'_>,
    chiaro: &Path,
    qui: &Copia,
    e: &mut DiEnte,
    avvisi: &mut Vec<String>,
) -> Esito<(u64, u64)> {
    let da = magazzino(&o.custodia, &e.ipa, &SqliteStore::cartella(o.archivio, &e.ipa).join(FILE))?;
    let a = format!("{FILE}/{}", e.ipa);
    let (mut nuovi, mut byte, mut visti, mut guasti) = (0, 0, 0u64, Vec::new());
    // What is there already under the folder of the last object: they come in order.
    let (mut sotto, mut presenti) = (String::new(), HashMap::new());
    let esame = Esame::di(chiaro, &e.ipa, &o.custodia)?;
    let mut nomi = o.destinatari.as_ref().map(|_| cifrata::Nomi::scrivi(qui, &e.documenti.elenco)).transpose()?;
    voci(&chiaro.join(&e.documenti.elenco.file), |v| {
        visti += 1;
        if visti.is_multiple_of(10_000) {
            (o.avanza)(&format!("{}: file {visti} di {}", e.ipa, e.documenti.quanti));
        }
        // Whatever bears this name was written whole and durable before it had it.
        let Some(f) = esame.conservato(&v)? else {
            guasti.push(v.oggetto.clone());
            return Ok(());
        };
        // What the archive keeps encrypted is so already: what opens it is in the databases, and in the key.
        let per = o.destinatari.as_ref().filter(|_| f.chiave.is_none());
        let nome = cifrata::nome(&v.oggetto, per.map(Destinatari::sigla).as_deref());
        if let Some(n) = &mut nomi {
            n.aggiungi(&nome)?;
        }
        let tenuti = lungo(&f.codifica, v.byte);
        let (cartella, proprio) = nome.split_once('/').unwrap_or_default();
        if cartella != sotto {
            (sotto, presenti) = (cartella.to_owned(), o.dove.presenti(&format!("{a}/{cartella}"))?);
        }
        if presenti.get(proprio) == Some(&per.map_or(tenuti, |d| d.lungo(tenuti))) {
            return Ok(());
        }
        let Some(letto) = da.leggi(&v.oggetto)? else {
            guasti.push(v.oggetto.clone());
            return Ok(());
        };
        let mut u = o.dove.scrivi(&format!("{a}/{nome}"))?;
        let esito = match per {
            None => esame.trascrivi(&f, letto, &mut u),
            Some(d) => cifrata::trascrivi(&esame, &f, letto, d, &mut u),
        };
        match esito {
            Ok(Some(n)) => {
                u.chiudi()?;
                nuovi += 1;
                byte += n;
            }
            // The rest is worth a copy all the same; who runs the service is told.
            Ok(None) => guasti.push(v.oggetto.clone()),
            Err(e) => return Err(e),
        }
        Ok(())
    })?;
    o.dove.consolida()?;
    if let Err(e) = &esame.si_apre {
        avvisi.push(format!("{e}: i file cifrati si copiano come sono, senza confrontarli"));
    }
    e.documenti.oggetti = nomi.map(cifrata::Nomi::chiudi).transpose()?;
    e.documenti.guasti = guasti;
    (o.avanza)(&format!("{}: {} file, {nuovi} nuovi", e.ipa, e.documenti.quanti));
    Ok((nuovi, byte))
}

/// Takes away the oldest copies, then the files that no copy names. `qui` is where what is read of them may lie for a while.
fn togli_vecchie(o: &Opzioni<'_>, questa: &Copia, qui: &Path, f: &mut Fatta) -> Esito<()> {
    let mut tutte = o.dove.copie()?;
    if let Some(n) = o.conserva {
        let troppe = tutte.len().saturating_sub(n);
        // The one just made stays, whatever the clock said of the others.
        let via: Vec<String> =
            tutte.iter().map(|c| c.nome.clone()).filter(|n| *n != questa.nome).take(troppe).collect();
        for c in &via {
            // Without its manifest it is no copy any more, whatever happens next.
            o.dove.togli(&format!("{c}/{NOME}"))?;
            if let Some(dove) = o.dove.cartella() {
                sincronizza_cartella(&dove.join(c))?;
            }
            o.dove.togli_tutto(c)?;
            f.tolte += 1;
        }
        tutte.retain(|c| !via.contains(&c.nome));
    }
    let mut nominati: HashMap<String, HashSet<String>> = HashMap::new();
    for c in &tutte {
        let letta = c.manifesto().and_then(|m| {
            m.enti.iter().try_for_each(|e| {
                let suoi = nominati.entry(e.ipa.to_string()).or_default();
                match &e.documenti.oggetti {
                    Some(nomi) => cifrata::nomi(c, nomi, qui, suoi),
                    None => {
                        let elenco = c.luogo.qui(&c.file(&e.documenti.elenco.file), qui)?;
                        let manca = || Guasto::NonValida(format!("in {c} manca {}", e.documenti.elenco.file));
                        voci(&elenco.ok_or_else(manca)?.percorso, |v| {
                            suoi.insert(v.oggetto);
                            Ok(())
                        })
                    }
                }
            })
        });
        if let Err(e) = letta {
            f.avvisi.push(format!("nessun file vecchio è stato tolto: {e}"));
            return Ok(());
        }
    }
    o.dove.scorri(FILE, &mut |nome| {
        let (ipa, oggetto) = nome.trim_start_matches(FILE).trim_start_matches('/').split_once('/').unwrap_or_default();
        if oggetto.contains('/') && !nominati.get(ipa).is_some_and(|s| s.contains(oggetto)) {
            o.dove.togli(nome)?;
            f.file_tolti += 1;
        }
        Ok(())
    })
}
