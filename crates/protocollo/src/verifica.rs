//! `verifica` and `ricevuta verifica`: what anyone may check (contract § 1).

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use archivio::file::Custodia;
use archivio::sqlite::verifica::{self, Ancora, Passo, Stato};
use archivio::sqlite::{SqliteStore, enti_in};
use archivio::store::{LacunaTrovata, Verifica};
use catena::{ChiavePubblica, EsitoRicevuta, Ricevuta};
use clap::{Args, Subcommand};
use dominio::codici::{CodiceAoo, CodiceIpa};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::configurazione::secchio;

/// Longest text of an anchor, bytes.
const ANCORA_BYTE_MAX: u64 = 64 * 1024 * 1024;

/// Options of `verifica`.
#[derive(Debug, Args)]
pub struct Opzioni {
    /// Cartella dell'archivio.
    #[arg(long)]
    archivio: PathBuf,
    /// Il database (postgres://…) in cui è il registro, se non è nella cartella: se ne verifica una copia di adesso.
    #[arg(long, value_name = "URL", conflicts_with = "riprendi")]
    database: Option<String>,
    /// Solo questo ente.
    #[arg(long)]
    ente: Option<CodiceIpa>,
    /// L'AOO che deve esserci (si verifica comunque tutto l'ente: sta in un file solo).
    #[arg(long, requires = "ente")]
    aoo: Option<CodiceAoo>,
    /// Checkpoint conservati altrove, che il registro deve estendere: un file (anche un messaggio .eml salvato), una
    /// cartella o un indirizzo (per esempio quello di un testimone: https://…/testimone/checkpoint?origine=…).
    #[arg(long, value_name = "FILE|URL")]
    ancora: Vec<String>,
    /// File in cui tenere a che punto si è: se c'è già, la verifica riprende da lì; alla fine viene tolto.
    #[arg(long, value_name = "FILE")]
    riprendi: Option<PathBuf>,
    /// Dove sono i documenti, se non nella cartella: s3://bucket/prefisso, con le credenziali nell'ambiente.
    #[arg(long, value_name = "URL", env = "PROTOCOLLO_BLOB__URL")]
    blob: Option<String>,
    /// La chiave dell'installazione, se non è nella cartella: senza, i file cifrati non si aprono.
    #[arg(long, value_name = "FILE", env = "PROTOCOLLO_CHIAVE__FILE")]
    chiave: Option<PathBuf>,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// What the file of `--riprendi` holds.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Ripresa {
    finiti: BTreeMap<String, Verifica>,
    corrente: Option<Stato>,
}

impl Opzioni {
    /// Everything in a folder, with these anchors.
    pub fn di(archivio: &Path, ancora: &[String], blob: Option<String>) -> Self {
        let (archivio, ancora) = (archivio.to_owned(), ancora.to_vec());
        Self {
            archivio,
            ente: None,
            aoo: None,
            ancora,
            database: None,
            riprendi: None,
            blob,
            chiave: None,
            json: false,
        }
    }
}

/// Recomputes everything; works beside a running service.
pub fn esegui(o: &Opzioni) -> Result<u8> {
    let (tutte, ancore) = calcola(o)?;
    stampa(o.json, &tutte, (!o.ancora.is_empty()).then_some(ancore))
}

/// What is found, with how many anchors.
pub fn calcola(o: &Opzioni) -> Result<(Verifica, usize)> {
    if !o.archivio.join("enti").is_dir() {
        bail!("{} non è la cartella di un archivio", o.archivio.display());
    }
    let copia = o.database.as_deref().map(|url| copia(url, &o.archivio, Custodia::default())).transpose()?;
    let cartelle = cartelle(o, copia.as_ref().map_or(&o.archivio, |c| c.path()))?;
    let ancore = leggi_ancore(&o.ancora)?;
    let mut ripresa = match &o.riprendi {
        Some(f) if f.exists() => serde_json::from_slice(&leggi(f)?)
            .with_context(|| format!("{} non è una verifica interrotta", f.display()))?,
        _ => Ripresa::default(),
    };
    let mut tutte = Verifica::default();
    let mut usate = vec![false; ancore.len()];
    for (nome, cartella) in cartelle {
        if let Some(v) = ripresa.finiti.get(&nome) {
            tutte.unisci(v.clone());
        }
        let origini = verifica::origini(&cartella, o.aoo.as_ref())?;
        let sue: Vec<Ancora> = ancore
            .iter()
            .zip(&mut usate)
            .filter(|(a, _)| origini.contains(&a.checkpoint.origine))
            .map(|(a, usata)| {
                *usata = true;
                a.clone()
            })
            .collect();
        if ripresa.finiti.contains_key(&nome) {
            continue;
        }
        let v = uno(o, &nome, &cartella, &sue, &mut ripresa)?;
        tutte.unisci(v.clone());
        ripresa.finiti.insert(nome, v);
        salva(o.riprendi.as_deref(), &ripresa)?;
    }
    for (a, _) in ancore.iter().zip(usate).filter(|(_, usata)| !usata) {
        tutte.differenze.push(a.estranea());
    }
    if let Some(f) = &o.riprendi {
        std::fs::remove_file(f).with_context(|| format!("non si toglie {}", f.display()))?;
    }
    Ok((tutte, ancore.len()))
}

/// The folders to verify; without `--ente` that of the installation too, which has a log of its own.
fn cartelle(o: &Opzioni, archivio: &Path) -> Result<Vec<(String, PathBuf)>> {
    let esiste = |p: &Path| p.join("ente.sqlite").exists();
    let Some(ipa) = &o.ente else {
        let mut out = Vec::new();
        let installazione = archivio.join("installazione");
        if esiste(&installazione) {
            out.push(("installazione".to_owned(), installazione));
        }
        for ipa in enti_in(archivio)? {
            let cartella = SqliteStore::cartella(archivio, &ipa);
            out.push((ipa.to_string(), cartella));
        }
        return Ok(out);
    };
    let cartella = SqliteStore::cartella(archivio, ipa);
    if !esiste(&cartella) {
        bail!("l'ente {ipa} non è in questo archivio");
    }
    Ok(vec![(ipa.to_string(), cartella)])
}

/// The register of a database as folders of its own, beside its documents: so that one verification serves every engine.
pub fn copia(url: &str, archivio: &Path, custodia: Custodia) -> Result<tempfile::TempDir> {
    let copia = tempfile::Builder::new().prefix("copia-").tempdir_in(archivio)?;
    let rt = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    rt.block_on(async {
        let orologio = std::sync::Arc::new(archivio::orologio::OrologioDiSistema);
        let store =
            archivio::postgres::PostgresStore::apri_con(archivio, url, orologio, Default::default(), custodia).await?;
        for nome in store.esporta(copia.path()).await? {
            // None where they are in S3.
            let Ok(documenti) = std::fs::canonicalize(archivio.join(&nome).join("file")) else { continue };
            std::os::unix::fs::symlink(documenti, copia.path().join(&nome).join("file"))?;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    Ok(copia)
}

fn uno(o: &Opzioni, nome: &str, cartella: &Path, ancore: &[Ancora], ripresa: &mut Ripresa) -> Result<Verifica> {
    let barra = Barra::nuova(nome);
    let riprendi = ripresa.corrente.take().filter(|s| s.ente().as_str() == nome);
    if let Some(s) = &riprendi {
        eprintln!("{nome}: riprende da {} operazioni", s.operazioni());
    }
    let mut conserva = |s: &Stato| {
        ripresa.corrente = Some(s.clone());
        salva(o.riprendi.as_deref(), ripresa).map_err(|e| archivio::Errore::Archivio(format!("{e:#}")))
    };
    let opzioni = verifica::Opzioni {
        ancore,
        riprendi,
        salva: if o.riprendi.is_some() { Some(&mut conserva) } else { None },
        avanza: Some(&|p| barra.passo(p)),
        custodia: custodia(o)?,
        ..verifica::Opzioni::default()
    };
    let v = verifica::ente(cartella, opzioni)?;
    ripresa.corrente = None;
    Ok(v)
}

/// Where the files are, and the key that opens theirs.
fn custodia(o: &Opzioni) -> Result<Custodia> {
    let s3 = o.blob.as_deref().filter(|b| b.starts_with("s3://")).map(secchio).transpose()?;
    // Beside the folder that was named, also when the databases are in a copy of theirs.
    let accanto = || Some(Custodia::default().percorso_chiave(&o.archivio)).filter(|p| p.is_file());
    let chiave = o.chiave.clone().or_else(accanto);
    Ok(Custodia { chiave, s3, ..Custodia::default() })
}

/// Keeps where it is: a new file in the old one's place, so that an interruption leaves one or the other.
fn salva(f: Option<&Path>, r: &Ripresa) -> Result<()> {
    let Some(f) = f else { return Ok(()) };
    let provvisorio = f.with_extension("nuova");
    let mut opzioni = std::fs::OpenOptions::new();
    opzioni.write(true).create(true).truncate(true);
    // Differences may show contents.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut opzioni, 0o600);
    let mut file = opzioni.open(&provvisorio).with_context(|| format!("non si scrive {}", provvisorio.display()))?;
    file.write_all(&serde_json::to_vec(r)?)?;
    file.sync_all()?;
    std::fs::rename(&provvisorio, f).with_context(|| format!("non si scrive {}", f.display()))
}

/// Prints the outcome; 1 when something does not hold.
pub fn stampa(json: bool, tutte: &Verifica, ancore: Option<usize>) -> Result<u8> {
    let buona = tutte.differenze.is_empty();
    if json {
        println!("{}", serde_json::to_string(&tutte)?);
    } else {
        println!("operazioni={}", tutte.operazioni);
        println!("registrazioni={}", tutte.registrazioni);
        println!("checkpoint={}", tutte.checkpoint);
        println!("cofirme={}", tutte.cofirme);
        println!("file={}", tutte.file);
        println!("righe={}", tutte.righe);
        println!("accessi={}", tutte.accessi);
        if let Some(ancore) = ancore {
            println!("ancore={ancore}");
        }
        if tutte.ancore_coperte > 0 {
            println!("ancore_coperte={}", tutte.ancore_coperte);
        }
        // Known to whoever asks, and no difference (R-N05).
        println!("lacune={}", tutte.lacune.len());
        for l in &tutte.lacune {
            println!("lacuna {}", in_parole(l));
        }
        println!("differenze={}", tutte.differenze.len());
        for d in &tutte.differenze {
            println!("{} {}: {}: atteso {}, trovato {}", d.tabella, d.chiave, d.campo, d.atteso, d.trovato);
        }
    }
    eprintln!("{}", if buona { "Tutto torna." } else { "Ci sono differenze." });
    Ok(u8::from(!buona))
}

/// A declared gap, in one line.
fn in_parole(l: &LacunaTrovata) -> String {
    let x = &l.lacuna;
    let salti: Vec<String> = x.salti.iter().map(|s| format!("{}/{}: {}-{}", s.registro, s.anno, s.da, s.a)).collect();
    let salti = if salti.is_empty() { "nessun numero".to_owned() } else { salti.join(", ") };
    let noto = x.ultimo.as_ref().map_or(String::new(), |u| format!(", ultimo checkpoint noto {}", u.dimensione));
    let (quando, motivo) = (l.istante.con_offset(), &x.motivo);
    let dove = format!("{}/{}: epoca {} dal {quando}", l.registro, l.indice, x.epoca);
    format!("{dove}, saltati {salti}{noto}; {}: {motivo}", l.operatore)
}

/// The anchors named on the command line.
pub fn leggi_ancore(dove: &[String]) -> Result<Vec<Ancora>> {
    let mut out = Vec::new();
    for dove in dove {
        if dove.starts_with("http://") || dove.starts_with("https://") {
            out.extend(ancora(dove, &scarica(dove)?)?);
            continue;
        }
        let percorso = Path::new(dove.strip_prefix("file://").unwrap_or(dove));
        if percorso.is_dir() {
            let mut nomi: Vec<PathBuf> =
                std::fs::read_dir(percorso)?.map(|v| Ok(v?.path())).collect::<std::io::Result<_>>()?;
            nomi.sort();
            for f in nomi.into_iter().filter(|f| f.is_file()) {
                out.extend(ancora(&f.display().to_string(), &leggi(&f)?)?);
            }
        } else {
            out.extend(ancora(dove, &leggi(percorso)?)?);
        }
    }
    Ok(out)
}

fn ancora(nome: &str, byte: &[u8]) -> Result<Vec<Ancora>> {
    if let Some(allegati) = crate::eml::allegati(byte) {
        return Ok(Ancora::leggi(nome, &allegati)?);
    }
    let testo = std::str::from_utf8(byte).with_context(|| format!("{nome} non è testo"))?;
    Ok(Ancora::leggi(nome, testo)?)
}

fn scarica(indirizzo: &str) -> Result<Vec<u8>> {
    let irraggiungibile = |e: ureq::Error| std::io::Error::other(format!("{indirizzo} non si raggiunge: {e}"));
    let agente: ureq::Agent =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).build().into();
    let mut risposta = agente.get(indirizzo).call().map_err(irraggiungibile)?;
    let mut byte = Vec::new();
    risposta.body_mut().as_reader().take(ANCORA_BYTE_MAX).read_to_end(&mut byte)?;
    Ok(byte)
}

/// How far it is: one line that is rewritten on a terminal, one line each tenth elsewhere.
struct Barra {
    nome: String,
    terminale: bool,
    stato: std::cell::Cell<(Option<verifica::Fase>, Instant, u64, Instant)>,
}

impl Barra {
    fn nuova(nome: &str) -> Self {
        let ora = Instant::now();
        let stato = std::cell::Cell::new((None, ora, 0, ora));
        Self { nome: nome.to_owned(), terminale: std::io::stderr().is_terminal(), stato }
    }

    fn passo(&self, p: Passo) {
        let (fase, mut inizio, mut primo, mostrato) = self.stato.get();
        let nuova = fase != Some(p.fase);
        if nuova {
            (inizio, primo) = (Instant::now(), p.fatti);
        }
        let centesimi = |n: u64| n.saturating_mul(100).checked_div(p.totale).unwrap_or(100).min(100);
        let finito = p.fatti >= p.totale;
        let da_mostrare = if self.terminale {
            nuova || finito || mostrato.elapsed() >= Duration::from_millis(200)
        } else {
            nuova || finito || mostrato.elapsed() >= Duration::from_secs(5)
        };
        if !da_mostrare {
            self.stato.set((Some(p.fase), inizio, primo, mostrato));
            return;
        }
        let secondi = inizio.elapsed().as_secs_f64();
        let ritmo = if secondi > 0.1 { (p.fatti - primo) as f64 / secondi } else { 0.0 };
        let mut riga =
            format!("{}: {}: {} % ({} di {})", self.nome, p.fase.nome(), centesimi(p.fatti), p.fatti, p.totale);
        if ritmo >= 1.0 {
            riga.push_str(&format!(", {ritmo:.0}/s"));
            if !finito {
                riga.push_str(&format!(", ancora {:.0} s", (p.totale - p.fatti) as f64 / ritmo));
            }
        }
        if self.terminale {
            eprint!("\r\x1b[2K{riga}{}", if finito { "\n" } else { "" });
        } else {
            eprintln!("{riga}");
        }
        self.stato.set((Some(p.fase), inizio, primo, Instant::now()));
    }
}

/// `ricevuta …`
#[derive(Debug, Subcommand)]
pub enum VerboRicevuta {
    /// Controlla una ricevuta senza rete.
    Verifica {
        /// File JSON della ricevuta.
        file: PathBuf,
        /// File con le chiavi pubbliche dell'AOO, una per riga.
        #[arg(long)]
        chiave: Vec<PathBuf>,
        /// Un solo valore JSON sullo standard output.
        #[arg(long)]
        json: bool,
    },
}

/// Checks a receipt offline.
pub fn ricevuta(v: &VerboRicevuta) -> Result<u8> {
    let VerboRicevuta::Verifica { file, chiave, json } = v;
    let byte = leggi(file)?;
    let mut chiavi: Vec<ChiavePubblica> = Vec::new();
    for f in chiave {
        let t = String::from_utf8(leggi(f)?).with_context(|| format!("{} non è testo", f.display()))?;
        for riga in t.lines().filter(|r| !r.trim().is_empty()) {
            chiavi.push(riga.parse().with_context(|| format!("{}", f.display()))?);
        }
    }
    let esito = match Ricevuta::leggi(&byte) {
        Ok(r) => catena::verifica(&r, &chiavi),
        Err(e) => EsitoRicevuta::Falsa { motivi: vec![e.to_string()] },
    };
    let (parola, campi, motivi) = match &esito {
        EsitoRicevuta::Autentica { campi } => ("autentica", Some(campi), &[][..]),
        EsitoRicevuta::CoerenteNonAutenticata { campi } => ("coerente, non autenticata", Some(campi), &[][..]),
        EsitoRicevuta::Falsa { motivi } => ("falsa", None, motivi.as_slice()),
    };
    if *json {
        println!("{}", json!({"esito": parola, "campi": campi, "motivi": motivi}));
    } else {
        println!("esito={parola}");
        for (k, v) in campi.into_iter().flatten() {
            println!("{k}={}", v.as_str().map_or_else(|| v.to_string(), str::to_owned));
        }
        for m in motivi {
            println!("motivo={m}");
        }
    }
    if chiavi.is_empty() && motivi.is_empty() {
        eprintln!(
            "Nessuna chiave indicata: la ricevuta è coerente, ma nessuno garantisce chi l'ha firmata. Usare --chiave FILE."
        );
    }
    Ok(u8::from(!matches!(esito, EsitoRicevuta::Autentica { .. })))
}

fn leggi(f: &Path) -> Result<Vec<u8>> {
    std::fs::read(f).with_context(|| format!("non si legge {}", f.display()))
}
