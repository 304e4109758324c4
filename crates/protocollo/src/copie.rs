//! `backup` and `ripristina`: copies of the archive while it is at work, and back (contract § 1; R-N04, R-N05).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use archivio::orologio::OrologioDiSistema;
use archivio::sqlite::copia::{self, Guasto, Ripristinata};
use archivio::store::Verifica;
use clap::Args;
use dominio::tempo::Orologio as _;
use serde_json::json;

use crate::demo::Configurazione;
use crate::verifica;

/// Options of `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// Cartella dell'archivio.
    #[arg(long)]
    archivio: Option<PathBuf>,
    /// File di configurazione TOML.
    #[arg(long, conflicts_with = "archivio")]
    config: Option<PathBuf>,
    /// Cartella delle copie.
    #[arg(long)]
    out: PathBuf,
    /// Tiene solo le N copie più recenti.
    #[arg(long, value_name = "N")]
    conserva: Option<usize>,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// Options of `ripristina`.
#[derive(Debug, Args)]
pub struct Ripristina {
    /// Una copia, o la cartella delle copie (allora la più recente).
    #[arg(long, value_name = "CARTELLA")]
    da: PathBuf,
    /// Cartella nuova, o vuota, in cui ripristinare.
    #[arg(long)]
    archivio: PathBuf,
    /// Checkpoint conservati altrove, come in «verifica»: un file, una cartella o un indirizzo. Ripetibile.
    #[arg(long, value_name = "FILE|URL")]
    ancora: Vec<String>,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// Makes a copy beside a running service. 1 when a file of the archive could not be copied as it should be.
pub fn backup(o: &Backup) -> Result<u8> {
    let archivio = Configurazione::leggi(o.config.as_deref())?.cartella(o.archivio.as_deref())?;
    let ora = OrologioDiSistema.adesso();
    let fatta = copia::copia(&copia::Opzioni {
        archivio: &archivio,
        dove: &o.out,
        conserva: o.conserva,
        programma: env!("CARGO_PKG_VERSION"),
        ora,
        avanza: &|m| eprintln!("{m}"),
    })?;
    let m = &fatta.manifesto;
    let secondi = (OrologioDiSistema.adesso().0 - ora.0) as f64 / 1e6;
    let byte: u64 = m.parti().map(|p| p.byte).sum();
    let file: u64 = m.enti.iter().map(|e| e.documenti.quanti).sum();
    for a in &fatta.avvisi {
        eprintln!("Attenzione: {a}");
    }
    let sommario = json!({
        "copia": fatta.copia, "istante": m.istante, "byte": byte, "file": file, "fileNuovi": fatta.file_nuovi,
        "byteNuovi": fatta.byte_nuovi, "copieTolte": fatta.tolte, "fileTolti": fatta.file_tolti, "secondi": secondi,
        "avvisi": fatta.avvisi,
    });
    if o.json {
        println!("{sommario}");
    } else {
        println!("copia={}", fatta.copia.display());
        println!("byte={byte}");
        println!("file={file}");
        println!("file_nuovi={}", fatta.file_nuovi);
        println!("copie_tolte={}", fatta.tolte);
        println!("file_tolti={}", fatta.file_tolti);
        println!("secondi={secondi:.3}");
    }
    let guasti = m.enti.iter().any(|e| !e.documenti.guasti.is_empty());
    if guasti {
        eprintln!("La copia è fatta, ma mancano file che l'archivio non ha più come furono registrati.");
    }
    Ok(u8::from(guasti))
}

/// The folder in which a copy is put together; what is left of it goes with it.
struct Cantiere(PathBuf);

impl Drop for Cantiere {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Cantiere {
    fn accanto(meta: &Path) -> Result<Self> {
        let nome = meta.file_name().with_context(|| format!("{} non è una cartella nuova", meta.display()))?;
        if meta.exists() && (!meta.is_dir() || std::fs::read_dir(meta)?.next().is_some()) {
            bail!("{} esiste già e non è vuota: si ripristina solo in una cartella nuova", meta.display());
        }
        let qui = meta.with_file_name(format!(".{}.in-ripristino", nome.to_string_lossy()));
        if qui.exists() {
            std::fs::remove_dir_all(&qui)?;
        }
        Ok(Self(qui))
    }

    /// In its place, at once and durably.
    fn consegna(self, meta: &Path) -> Result<()> {
        std::fs::rename(&self.0, meta).with_context(|| format!("non si scrive {}", meta.display()))?;
        let sopra = meta.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(std::fs::File::open(sopra)?.sync_all()?)
    }
}

/// Brings a copy back. 1 when the copy is not whole, or what it gives does not verify.
pub fn ripristina(o: &Ripristina) -> Result<u8> {
    match ripristinata(o) {
        Ok(codice) => Ok(codice),
        // The answer is no: nothing was left half done.
        Err(e) => match e.downcast_ref::<Guasto>() {
            Some(Guasto::NonValida(m)) => {
                eprintln!("La copia non si ripristina: {m}");
                Ok(1)
            }
            _ => Err(e),
        },
    }
}

fn ripristinata(o: &Ripristina) -> Result<u8> {
    let cantiere = Cantiere::accanto(&o.archivio)?;
    let (copia, r) = riprendi(&o.da, &cantiere.0)?;
    let opzioni = verifica::Opzioni::di(&cantiere.0, &o.ancora);
    let (v, ancore) = verifica::calcola(&opzioni)?;
    cantiere.consegna(&o.archivio)?;
    eprintln!("Copia del {} ripristinata in {}.", r.manifesto.istante.con_offset(), o.archivio.display());
    if o.json {
        println!(
            "{}",
            json!({"copia": copia, "istante": r.manifesto.istante, "file": r.file, "byte": r.byte, "verifica": v})
        );
        return Ok(codice(&v));
    }
    println!("copia={}", copia.display());
    println!("istante={}", r.manifesto.istante.utc());
    verifica::stampa(&opzioni, &v, ancore)
}

fn codice(v: &Verifica) -> u8 {
    u8::from(!v.differenze.is_empty())
}

/// A copy in a new folder, compared with its manifest, with a key that opens what it must.
fn riprendi(da: &Path, a: &Path) -> Result<(PathBuf, Ripristinata)> {
    let (copia, radice) = copia::scegli(da)?;
    let r = copia::copia_in(&copia, &radice, a, &|m| eprintln!("{m}"))?;
    copia::controlla_chiave(a, &r.manifesto)?;
    Ok((copia, r))
}
