//! `backup`, `ripristina`, `prova-ripristino`, `epoca`: copies of the archive while it is at work, and back (contract § 1; R-N04,
//! R-N05, R-N08).

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use archivio::EnteStore;
use archivio::age::{self, Destinatari, Destinatario, Identita};
use archivio::file::Custodia;
use archivio::orologio::OrologioDiSistema;
use archivio::postgres::{PostgresStore, in_uso};
use archivio::sqlite::copia::{self, Approdo, DaAprire, Guasto, Luogo, NumeroDato, Perdita};
use archivio::sqlite::verifica::Ancora;
use archivio::store::{Registro, Verifica};
use clap::Args;
use dominio::codici::{CodiceAoo, NomeUtente};
use dominio::permessi::{Operatore, Porta};
use dominio::tempo::{Istante, Orologio as _};
use serde_json::json;
use servizio::copie::prova;
use servizio::stampe;
use tokio::runtime::Runtime;

use crate::configurazione::{Configurazione, Dove, Posto, apri, luogo, runtime, secchio};
use crate::verifica;

/// Options of `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// Cartella dell'archivio.
    #[arg(long)]
    archivio: Option<PathBuf>,
    /// Il database (postgres://…) in cui è il registro, se non è nella cartella.
    #[arg(long, value_name = "URL", requires = "archivio")]
    database: Option<String>,
    /// File di configurazione TOML.
    #[arg(long, conflicts_with = "archivio")]
    config: Option<PathBuf>,
    /// Dove stanno le copie: una cartella, oppure s3://bucket/prefisso (credenziali nell'ambiente).
    #[arg(long, value_name = "CARTELLA|s3://…")]
    out: String,
    /// Tiene solo le N copie più recenti.
    #[arg(long, value_name = "N")]
    conserva: Option<usize>,
    /// Cifra la copia, nella forma di age: la apre solo chi ha l'identità di questo destinatario. Ripetibile.
    #[arg(long, value_name = "age1…")]
    cifra_per: Vec<String>,
    /// Gli stessi da un file, uno per riga.
    #[arg(long, value_name = "FILE")]
    destinatari: Option<PathBuf>,
    /// Con una copia cifrata o in S3, dove le basi di dati stanno in chiaro finché non sono nella copia (predefinita: la cartella
    /// dell'archivio).
    #[arg(long, value_name = "CARTELLA")]
    temporanea: Option<PathBuf>,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// Who opens a copy that is encrypted.
#[derive(Debug, Args)]
struct ChiApre {
    /// Se la copia è cifrata, il file dell'identità che la apre, come lo scrive age-keygen. Ripetibile.
    #[arg(long, value_name = "FILE")]
    identita: Vec<PathBuf>,
}

impl ChiApre {
    fn leggi(&self) -> Result<Vec<Identita>> {
        let mut tutte = Vec::new();
        for f in &self.identita {
            let letto = servizio::copie::leggi_chiavi(f).with_context(|| format!("non si legge {}", f.display()))?;
            tutte.extend(age::leggi_identita(&letto).with_context(|| f.display().to_string())?);
        }
        Ok(tutte)
    }
}

impl Backup {
    fn destinatari(&self) -> Result<Option<Destinatari>> {
        let mut tutti = self.cifra_per.iter().map(|d| d.trim().parse()).collect::<Result<Vec<Destinatario>, _>>()?;
        if let Some(f) = &self.destinatari {
            let letto = servizio::copie::leggi_chiavi(f).with_context(|| format!("non si legge {}", f.display()))?;
            tutti.extend(age::leggi_destinatari(&letto).with_context(|| f.display().to_string())?);
        }
        Ok(if tutti.is_empty() { None } else { Some(Destinatari::di(tutti)?) })
    }
}

/// Options of `ripristina`.
#[derive(Debug, Args)]
pub struct Ripristina {
    /// Una copia, o la cartella delle copie (allora la più recente); anche s3://bucket/prefisso.
    #[arg(long, value_name = "CARTELLA|s3://…")]
    da: String,
    /// Dove portare i documenti, se non nella cartella: s3://bucket/prefisso, sotto cui non ci sia niente.
    #[arg(long, value_name = "URL")]
    blob: Option<String>,
    /// Cartella nuova, o vuota, in cui ripristinare.
    #[arg(long)]
    archivio: PathBuf,
    #[command(flatten)]
    apre: ChiApre,
    #[command(flatten)]
    perduto: Perduto,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// Options of `epoca`.
#[derive(Debug, Args)]
pub struct Epoca {
    #[command(flatten)]
    posto: Posto,
    #[command(flatten)]
    perduto: Perduto,
}

/// What is known of what was registered and is not there any more, and who answers for it.
#[derive(Debug, Args)]
struct Perduto {
    /// Checkpoint conservati altrove, come in «verifica»: un file, una cartella o un indirizzo. Ripetibile.
    #[arg(long, value_name = "FILE|URL")]
    ancora: Vec<String>,
    /// Nessuna ancora dice fin dove il registro era arrivato: si salta un margine più largo.
    #[arg(long, conflicts_with = "ancora")]
    senza_ancora: bool,
    /// Il servizio era fermo prima della copia e niente è stato registrato dopo: nessun numero si salta.
    #[arg(long, conflicts_with_all = ["senza_ancora", "numeri_dati", "margine"])]
    senza_perdita: bool,
    /// Ultimo numero che si sa dato, per esempio letto su un'etichetta; con più AOO, IPA/AOO/REGISTRO/ANNO=N. Ripetibile.
    #[arg(long, value_name = "REGISTRO/ANNO=N", value_parser = numero_dato)]
    numeri_dati: Vec<NumeroDato>,
    /// Numeri da saltare oltre quelli che le ancore dicono mancanti, per ciò che fu registrato dopo l'ultima ancora
    /// (predefiniti: 1000 se qualcosa manca; 10000 senza ancore).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..=999_999_999))]
    margine: Option<i64>,
    /// Chi ripristina e risponde della lacuna: un utente dell'ente, o nome e cognome.
    #[arg(long)]
    operatore: Option<String>,
    /// Perché si ripristina.
    #[arg(long)]
    motivo: Option<String>,
}

impl Perduto {
    /// What can be told before anything is read.
    fn detto(&self) -> Result<()> {
        if self.ancora.len() + self.numeri_dati.len() == 0 && !self.senza_ancora && !self.senza_perdita {
            bail!(
                "dopo la copia possono essere stati dati altri numeri, e non vanno dati due volte: indicare fin dove il registro era \
                 arrivato con --ancora (checkpoint depositati altrove) o --numeri-dati; oppure --senza-ancora, se non si può sapere, o \
                 --senza-perdita, se il servizio era fermo prima della copia"
            );
        }
        Ok(())
    }

    fn perdita<'a>(&'a self, ancore: &'a [Ancora], ora: Istante) -> Perdita<'a> {
        Perdita {
            ancore,
            numeri: &self.numeri_dati,
            margine: self.margine,
            senza_ancora: self.senza_ancora,
            senza_perdita: self.senza_perdita,
            motivo: self.motivo.as_deref().unwrap_or_default(),
            ora,
        }
    }
}

/// `[IPA/AOO/]REGISTRO/ANNO=N`.
fn numero_dato(t: &str) -> Result<NumeroDato, String> {
    let male = || format!("«{t}» non è REGISTRO/ANNO=N, né IPA/AOO/REGISTRO/ANNO=N");
    let (dove, numero) = t.split_once('=').ok_or_else(male)?;
    let numero = numero.parse().ok().filter(|n| (0..=dominio::epoca::NUMERO_MAX).contains(n)).ok_or_else(male)?;
    let parti: Vec<&str> = dove.split('/').collect();
    let (aoo, registro, anno) = match parti[..] {
        [r, a] => (None, r, a),
        [i, o, r, a] => (Some((i.parse().map_err(|_| male())?, o.parse().map_err(|_| male())?)), r, a),
        _ => return Err(male()),
    };
    let (registro, anno) = (registro.parse().map_err(|_| male())?, anno.parse().map_err(|_| male())?);
    Ok(NumeroDato { aoo, registro, anno, numero })
}

/// Makes a copy beside a running service. 1 when a file of the archive could not be copied as it should be.
pub fn backup(o: &Backup) -> Result<u8> {
    let mut dove = Configurazione::leggi(o.config.as_deref())?.dove(o.archivio.as_deref())?;
    dove.database = o.database.clone().or(dove.database);
    let fuori = luogo(&o.out)?;
    let destinatari = o.destinatari()?;
    let mut custodia = dove.custodia.clone();
    // Of a database, the same folders that `verifica` reads.
    let esportato = match &dove.database {
        Some(url) => {
            let sotto = |c: &Path| {
                Some(std::fs::canonicalize(c).ok()?.starts_with(std::fs::canonicalize(&dove.cartella).ok()?))
            };
            if fuori.cartella().and_then(sotto) == Some(true) {
                bail!("la cartella delle copie non può stare in quella dell'archivio");
            }
            custodia.chiave = Some(dove.chiave());
            Some(verifica::copia(url, &dove.cartella, dove.custodia.clone())?)
        }
        None => None,
    };
    let archivio = esportato.as_ref().map_or(dove.cartella.as_path(), |c| c.path());
    let ora = OrologioDiSistema.adesso();
    let fatta = copia::copia(&copia::Opzioni {
        archivio,
        dove: &fuori,
        conserva: o.conserva,
        programma: env!("CARGO_PKG_VERSION"),
        ora,
        avanza: &|m| eprintln!("{m}"),
        custodia,
        destinatari,
        temporanea: o.temporanea.clone().or_else(|| Some(dove.cartella.clone())),
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
        "avvisi": fatta.avvisi, "cifrataPer": m.cifratura.as_ref().map(|c| &c.destinatari),
    });
    if o.json {
        println!("{sommario}");
    } else {
        println!("copia={}", fatta.copia);
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
    no_e_un_no("La copia non si ripristina", ripristinata(o))
}

fn no_e_un_no(che: &str, esito: Result<u8>) -> Result<u8> {
    match esito {
        Ok(codice) => Ok(codice),
        // The answer is no: nothing was left half done.
        Err(e) => match e.downcast_ref::<Guasto>() {
            Some(Guasto::NonValida(m)) => {
                eprintln!("{che}: {m}");
                Ok(1)
            }
            _ => Err(e),
        },
    }
}

fn ripristinata(o: &Ripristina) -> Result<u8> {
    o.perduto.detto()?;
    let ancore = verifica::leggi_ancore(&o.perduto.ancora)?;
    let ora = OrologioDiSistema.adesso();
    let cantiere = Cantiere::accanto(&o.archivio)?;
    let identita = o.apre.leggi()?;
    let s3 = o.blob.as_deref().map(secchio).transpose()?;
    let copia = luogo(&o.da)?.scegli()?;
    let approdo = s3.as_ref().map(Approdo::apri).transpose()?;
    let r = copia::copia_in(&copia, &cantiere.0, None, &identita, approdo.as_ref(), &|m| eprintln!("{m}"))?;
    let (enti, radice) = (r.manifesto.arrivi(), &copia.luogo);
    let epoche = copia::pianifica(&cantiere.0, &enti, radice, &o.perduto.perdita(&ancore, ora))?;
    if epoche.is_empty() {
        niente_perso();
    } else {
        let custodia = Custodia { s3, ..Custodia::default() };
        let dove = Dove { custodia, ..Dove::in_cartella(&cantiere.0) };
        dichiara(&runtime()?, &o.perduto, &dove, &epoche)?;
        if let Err(e) = copia::ricorda(radice, &enti, &epoche, ora) {
            eprintln!(
                "Attenzione: accanto alle copie non si può scrivere che questi numeri sono saltati ({e}). Un altro ripristino da \
                 questa cartella deve indicare le ancore di questo archivio."
            );
        }
    }
    let opzioni = verifica::Opzioni::di(&cantiere.0, &o.perduto.ancora, o.blob.clone());
    let (v, ancore) = verifica::calcola(&opzioni)?;
    cantiere.consegna(&o.archivio)?;
    if let Some(a) = approdo {
        a.consegna();
    }
    eprintln!("Copia del {} ripristinata in {}.", r.manifesto.istante.con_offset(), o.archivio.display());
    if o.json {
        println!(
            "{}",
            json!({"copia": copia, "istante": r.manifesto.istante, "file": r.file, "byte": r.byte,
            "verifica": v})
        );
        return Ok(codice(&v));
    }
    println!("copia={copia}");
    println!("istante={}", r.manifesto.istante.utc());
    verifica::stampa(false, &v, (!o.perduto.ancora.is_empty()).then_some(ancore))
}

fn niente_perso() {
    eprintln!(
        "Nessuna operazione risulta persa: i numeri continuano da dove la copia li lascia. Ciò che fosse stato registrato dopo \
             l'ultima ancora non si vede: se non si può escludere, ripetere con --margine."
    );
}

/// Opens an epoch where the register is behind what was given out: after a restoring by the tools of the database, or when a
/// standby that was behind took over. 1 when what is given to decide how far does not hold.
pub fn epoca(o: &Epoca) -> Result<u8> {
    no_e_un_no("L'epoca non si apre", aperta(o))
}

fn aperta(o: &Epoca) -> Result<u8> {
    o.perduto.detto()?;
    let ancore = verifica::leggi_ancore(&o.perduto.ancora)?;
    let dove = o.posto.dove()?;
    if !dove.chiave().exists() {
        bail!("in {} non c'è la chiave dell'installazione", dove.cartella.display());
    }
    let (ora, rt) = (OrologioDiSistema.adesso(), runtime()?);
    // Of a database, the same folders that `verifica` reads.
    let copia = match &dove.database {
        Some(url) => {
            let copia = tempfile::Builder::new().prefix("copia-").tempdir_in(&dove.cartella)?;
            rt.block_on(async {
                if in_uso(url).await? {
                    bail!("il database è in uso da un servizio: va fermato, o ciò che registra intanto darebbe numeri già dati");
                }
                let orologio = Arc::new(OrologioDiSistema);
                let custodia = dove.custodia.clone();
                let s = PostgresStore::apri_con(&dove.cartella, url, orologio, Default::default(), custodia).await?;
                Ok(s.esporta(copia.path()).await?)
            })?;
            Some(copia)
        }
        None => None,
    };
    let cartella = copia.as_ref().map_or(dove.cartella.as_path(), |c| c.path());
    let enti = copia::stato(cartella)?;
    // What earlier epochs jumped is remembered beside the documents, which do not go back with the database.
    let epoche = copia::pianifica(cartella, &enti, &Luogo::from(&*dove.cartella), &o.perduto.perdita(&ancore, ora))?;
    if epoche.is_empty() {
        niente_perso();
        return Ok(0);
    }
    dichiara(&rt, &o.perduto, &dove, &epoche)?;
    if let Err(e) = copia::ricorda(&Luogo::from(&*dove.cartella), &enti, &epoche, ora) {
        eprintln!(
            "Attenzione: in {} non si può scrivere che questi numeri sono saltati ({e}).",
            dove.cartella.display()
        );
    }
    println!("epoche={}", epoche.len());
    Ok(0)
}

fn codice(v: &Verifica) -> u8 {
    u8::from(!v.differenze.is_empty())
}

/// Who answers for what is written: a user of the ente, or somebody by name.
pub fn operatore(ente: &dyn EnteStore, aoo: Option<&CodiceAoo>, chi: &str) -> Operatore {
    let utente = chi.parse::<NomeUtente>().ok().zip(aoo);
    let utente = utente.and_then(|(u, a)| ente.configurazione().operatore(&u, a, ente.ora(), Porta::Cli));
    utente.unwrap_or_else(|| Operatore { per_conto_di: Some(chi.to_owned()), ..archivio::sistema() })
}

/// Opens the epochs, each signed at once, by who restores.
fn dichiara(rt: &Runtime, o: &Perduto, dove: &Dove, epoche: &[DaAprire]) -> Result<()> {
    let (Some(chi), Some(_)) = (&o.operatore, &o.motivo) else {
        let mancanti: u64 = epoche.iter().map(|e| e.mancanti).sum();
        bail!(
            "dopo questa copia sono state scritte altre operazioni ({mancanti} risultano da altrove): si apre una nuova epoca e si \
             dichiara quali numeri si saltano. Indicare chi la dichiara con --operatore, e perché con --motivo"
        );
    };
    rt.block_on(async {
        let store = apri(dove).await?;
        for e in epoche {
            let ente = store.ente(&e.ipa).await?.with_context(|| format!("l'ente {} non si apre", e.ipa))?;
            let conf = ente.configurazione();
            let aoo = match &e.registro {
                Registro::Aoo(a) => Some(a),
                Registro::Ente => conf.aoo.keys().next(),
            };
            let operatore = operatore(&*ente, aoo, chi);
            ente.dichiara_lacuna(&e.registro, &operatore, e.nuova.clone()).await?;
            ente.firma_checkpoint(&e.registro).await?;
            for (registro, anno, fino) in &e.nuova.fino {
                eprintln!("{}: {registro}/{anno}: i numeri fino a {fino} non si danno più", e.ipa);
            }
        }
        anyhow::Ok(())
    })
}

/// Options of `prova-ripristino`.
#[derive(Debug, Args)]
pub struct ProvaRipristino {
    /// Cartella delle copie, di cui si prova la più recente; o una copia; anche s3://bucket/prefisso.
    #[arg(long, value_name = "CARTELLA|s3://…")]
    da: String,
    /// Rapporto da scrivere: .json o .pdf.
    #[arg(long, value_name = "FILE")]
    rapporto: PathBuf,
    /// Cartella in cui fare la prova: serve spazio per tutto l'archivio (predefinita: quella temporanea del sistema).
    #[arg(long, value_name = "CARTELLA")]
    temporanea: Option<PathBuf>,
    #[command(flatten)]
    apre: ChiApre,
}

/// Restores the newest copy aside, verifies it, and reports. 1 when it does not come back whole.
pub fn prova_ripristino(o: &ProvaRipristino) -> Result<u8> {
    let estensione = o.rapporto.extension().and_then(|e| e.to_str()).unwrap_or_default();
    if !matches!(estensione, "json" | "pdf") {
        bail!("--rapporto: {} non finisce per .json né per .pdf", o.rapporto.display());
    }
    let da = luogo(&o.da)?;
    if !da.raggiungibile() {
        return Err(std::io::Error::new(std::io::ErrorKind::NotFound, format!("{da} non c'è")).into());
    }
    let mut t = tempfile::Builder::new();
    t.prefix("prova-ripristino-");
    let cartella = match &o.temporanea {
        Some(c) => t.tempdir_in(c),
        None => t.tempdir(),
    }?;
    let qui = cartella.path().join("archivio");
    let identita = o.apre.leggi()?;
    let che = prova::Che { da: &da, solo: None, identita: &identita, qui: &qui, avanza: &|m| eprintln!("{m}") };
    let p = prova::prova(&che);
    cartella.close()?;
    let byte = match estensione {
        "pdf" => stampe::prova_ripristino(&p)?,
        _ => serde_json::to_vec_pretty(&p)?,
    };
    scrivi(&o.rapporto, &byte).with_context(|| format!("non si scrive {}", o.rapporto.display()))?;
    println!("riuscita={}", if p.riuscita { "sì" } else { "no" });
    println!("rto_secondi={:.3}", p.rto_secondi);
    if let Some(s) = p.rpo_secondi {
        println!("rpo_secondi={s:.0}");
    }
    println!("rapporto={}", o.rapporto.display());
    if let Some(e) = &p.errore {
        eprintln!("La copia non si ripristina: {e}");
    }
    Ok(u8::from(!p.riuscita))
}

/// A report, whole or not at all; differences in it may show contents.
fn scrivi(f: &Path, byte: &[u8]) -> Result<()> {
    let provvisorio = f.with_extension("parte");
    let mut o = std::fs::OpenOptions::new();
    o.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut o, 0o600);
    let mut file = o.open(&provvisorio)?;
    file.write_all(byte)?;
    file.sync_all()?;
    Ok(std::fs::rename(&provvisorio, f)?)
}
