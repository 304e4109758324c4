//! `attiva`: an ente from a file (contract § 1): ente, AOO, offices, people, titolario, rubrica, seal, through the same
//! commands as everything else. Done twice it does nothing the second time; what is there already and differs is named before
//! anything is written, and never changed. Prints the activation table with the time each step took.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use archivio::store::{NuovaAoo, NuovoEnte, Segreto};
use archivio::{EnteStore, Store, sistema};
use clap::Args;
use dominio::codici::{CodiceAoo, CodiceIpa, CodiceRegistro, CodiceUfficio, CodiceVoce, NomeUtente};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::{Configurazione, DatiEnte, DatiRegistro, StatoAoo};
use dominio::errori::{Rifiuto, Rigore, Validatore};
use dominio::permessi::{Incarico, Operatore, Ruolo};
use dominio::soggetto::Soggetto;
use dominio::tempo::Giorno;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use servizio::sigilli::Sigilli;
use servizio::sigilli::fornitore::Segreto as SegretoSigillo;

use crate::configurazione::{self, Posto};

/// Longest file.
const FILE_MAX: u64 = 16 << 20;
/// Commands handed to the writer together.
const INSIEME: usize = 256;
/// Fields of a seal that may stand elsewhere than in the file: `passwordFile`, `passwordAmbiente`…
const SEGRETI: [&str; 3] = ["password", "pin", "clientSecret"];

/// Options of `attiva`.
#[derive(Debug, Args)]
pub struct Opzioni {
    /// Che cosa attivare: ente, AOO, uffici, utenti, titolario, rubrica, sigillo (docs/attivazione.md).
    file: PathBuf,
    #[command(flatten)]
    posto: Posto,
    /// Dove scrivere, leggibili solo da chi esegue, le password iniziali degli utenti nuovi; senza, gli utenti nuovi non ne hanno.
    #[arg(long, value_name = "FILE")]
    password: Option<PathBuf>,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// The ente.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ente {
    /// IPA code.
    pub ipa: CodiceIpa,
    /// Its name.
    pub denominazione: String,
    /// 11 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codice_fiscale: Option<String>,
    /// Institutional mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pec: Option<String>,
}

/// Its AOO: one for each file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Aoo {
    /// IPA code.
    pub codice: CodiceAoo,
    /// Its name.
    pub denominazione: String,
    /// Origin of its log, for ever; made of the codes when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origine: Option<String>,
    /// The sorting office, among `uffici`.
    pub ufficio_smistamento: CodiceUfficio,
    /// Whether an entrata may wait for its classificazione.
    #[serde(default)]
    pub consente_da_classificare: bool,
    /// The conventional entry.
    pub voce_da_classificare: CodiceVoce,
    /// First day of the titolario; today when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dal: Option<Giorno>,
    /// Institutional mailbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pec: Option<String>,
    /// Registers beside the general one, or the general one where another system gave numbers before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registri: Vec<DatiRegistro>,
}

/// An office.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ufficio {
    /// Code.
    pub codice: CodiceUfficio,
    /// Name.
    pub denominazione: String,
    /// Office above, which comes first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub padre: Option<CodiceUfficio>,
}

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Persona {
    /// Sign-in name.
    pub username: NomeUtente,
    /// Given name.
    pub nome: String,
    /// Family name.
    pub cognome: String,
    /// Roles in the AOO.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ruoli: Vec<RuoloDi>,
}

/// A role.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RuoloDi {
    /// Which.
    pub ruolo: Ruolo,
    /// In which office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ufficio: Option<CodiceUfficio>,
}

/// An entry of the titolario.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Voce {
    /// Code.
    pub codice: CodiceVoce,
    /// Name.
    pub denominazione: String,
    /// First day; that of the AOO when nobody says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub da: Option<Giorno>,
}

/// What is activated.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Atto {
    /// The ente.
    pub ente: Ente,
    /// Its AOO.
    pub aoo: Aoo,
    /// Offices, those above first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uffici: Vec<Ufficio>,
    /// People.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub utenti: Vec<Persona>,
    /// Titolario.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub titolario: Vec<Voce>,
    /// Rubrica.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rubrica: Vec<Soggetto>,
    /// The seal, as `POST …/sigillo` takes it; its file and secrets may stand elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigillo: Option<Value>,
}

/// A line of the table.
#[derive(Debug, Clone, Serialize)]
struct Riga {
    codice: &'static str,
    voce: &'static str,
    nuovi: usize,
    presenti: usize,
    stato: &'static str,
    secondi: f64,
}

/// How far a step went.
#[derive(Debug, Clone, Copy, Default)]
struct Conto {
    nuovi: usize,
    presenti: usize,
}

impl std::ops::Add for Conto {
    type Output = Self;

    fn add(self, b: Self) -> Self {
        Self { nuovi: self.nuovi + b.nuovi, presenti: self.presenti + b.presenti }
    }
}

/// Activates, and prints the table. 1 when something is there already and differs: nothing is written then.
pub fn esegui(o: &Opzioni) -> Result<u8> {
    let inizio = Instant::now();
    let (atto, cartella) = leggi(&o.file)?;
    let dove = o.posto.dove()?;
    if let Some(perche) = o.posto.sola_lettura(&dove)? {
        bail!("l'installazione è in sola lettura: {perche}");
    }
    let ammessi = o.posto.ammessi()?;
    if let Some(f) = o.password.as_ref().filter(|f| f.exists()) {
        bail!("{} c'è già: le password iniziali vanno in un file nuovo", f.display());
    }
    configurazione::runtime()?.block_on(async {
        let store = configurazione::apri(&dove).await?;
        if let Some(ente) = store.ente(&atto.ente.ipa).await? {
            let diverse = divergenze(&ente.configurazione(), &atto);
            if !diverse.is_empty() {
                eprintln!("Non è stato scritto nulla: ciò che c'è già è diverso da ciò che dice {}.", o.file.display());
                diverse.iter().for_each(|d| eprintln!("- {d}"));
                return Ok(1);
            }
        }
        // Before anybody is made whose password would be nowhere.
        let mut password = o.password.as_ref().map(|f| crate::campione::nuovo_riservato(f)).transpose()?;
        let chi = sistema();
        let mut t = Tavola(Vec::new());
        let ente_e_aoo = t.passo("10.1", "Ente e AOO", async {
            let (ente, conto) = ente(&*store, &atto.ente, &chi).await?;
            let conto = conto + aoo(&*ente, &atto, &chi).await?;
            Ok((ente, conto))
        });
        let ente = ente_e_aoo.await?;
        let ente = &*ente;
        let mut date = 0;
        let persone = async {
            let conto = uffici(ente, &atto, &chi).await? + utenti(ente, &atto, &chi).await?;
            if let Some(file) = &mut password {
                date = iniziali(ente, &atto, &chi, file).await?;
            }
            Ok(((), conto))
        };
        t.passo("10.2", "Uffici e utenti", persone).await?;
        let voci = async { Ok(((), titolario(ente, &atto, &chi).await? + rubrica(ente, &atto, &chi).await?)) };
        t.passo("10.3", "Titolario e rubrica", voci).await?;
        t.non_ancora("10.4", "Posta elettronica certificata");
        let sigilli = Sigilli::con(ammessi);
        let sigillo = async { Ok(((), sigillo(ente, &sigilli, &atto, &cartella, &chi).await?)) };
        t.passo("10.5", "Sigillo", sigillo).await?;
        let righe = t.conclusa(inizio);
        if o.json {
            println!("{}", json!({"ente": atto.ente.ipa, "aoo": atto.aoo.codice, "attivazione": righe}));
        } else {
            println!("{:<6}{:<32}{:>8}{:>12}{:>11}  esito", "codice", "passo", "nuovi", "già c'erano", "secondi");
            for r in &righe {
                let Riga { codice, voce, nuovi, presenti, stato, secondi } = r;
                println!("{codice:<6}{voce:<32}{nuovi:>8}{presenti:>12}{secondi:>11.3}  {stato}");
            }
        }
        match &o.password {
            Some(file) if date > 0 => {
                eprintln!("{date} password iniziali sono in {}: consegnate quelle, il file va tolto.", file.display());
            }
            Some(file) => std::fs::remove_file(file)?,
            None => {
                let senza = senza_password(ente, &atto).await?;
                if !senza.is_empty() {
                    eprintln!("Senza password: {}. Con --password FILE ne avrebbero una.", senza.join(", "));
                }
            }
        }
        Ok(0)
    })
}

/// The table as it grows.
struct Tavola(Vec<Riga>);

impl Tavola {
    async fn passo<T>(
        &mut self,
        codice: &'static str,
        voce: &'static str,
        fa: impl Future<Output = Result<(T, Conto)>>,
    ) -> Result<T> {
        let t = Instant::now();
        let (esito, c) = fa.await.with_context(|| format!("{codice} {voce}"))?;
        let stato = match (c.nuovi, c.presenti) {
            (0, 0) => "non richiesto",
            (0, _) => "già attivo",
            _ => "attivato",
        };
        let secondi = t.elapsed().as_secs_f64();
        self.0.push(Riga { codice, voce, nuovi: c.nuovi, presenti: c.presenti, stato, secondi });
        Ok(esito)
    }

    fn non_ancora(&mut self, codice: &'static str, voce: &'static str) {
        self.0.push(Riga { codice, voce, nuovi: 0, presenti: 0, stato: "non ancora in questa versione", secondi: 0.0 });
    }

    /// With the whole at the head.
    fn conclusa(self, inizio: Instant) -> Vec<Riga> {
        let somma = |f: fn(&Riga) -> usize| self.0.iter().map(f).sum::<usize>();
        let (nuovi, presenti) = (somma(|r| r.nuovi), somma(|r| r.presenti));
        let stato = if nuovi > 0 { "attivato" } else { "già attivo" };
        let secondi = inizio.elapsed().as_secs_f64();
        let tutto = Riga { codice: "10", voce: "Attivazione dell'ente", nuovi, presenti, stato, secondi };
        std::iter::once(tutto).chain(self.0).collect()
    }
}

/// Reads the file; with the folder to which its paths are relative.
fn leggi(file: &Path) -> Result<(Atto, PathBuf)> {
    let byte = std::fs::metadata(file).with_context(|| format!("non si legge {}", file.display()))?.len();
    if byte > FILE_MAX {
        bail!("{} è di {byte} byte: al massimo {FILE_MAX}", file.display());
    }
    let testo = std::fs::read_to_string(file).with_context(|| format!("non si legge {}", file.display()))?;
    let mut valore: Value = toml::from_str(&testo).with_context(|| file.display().to_string())?;
    for (sezione, cosa) in
        [("pec", "le caselle PEC"), ("caselle", "le caselle PEC"), ("conservazione", "la conservazione")]
    {
        if valore.get(sezione).is_some() {
            bail!(
                "{}, [{sezione}]: {cosa} non si attivano ancora in questa versione: togliere la sezione",
                file.display()
            );
        }
    }
    for sezione in ["ente", "aoo", "uffici", "utenti", "titolario"] {
        if let Some(v) = valore.get_mut(sezione) {
            pulisci(v);
        }
    }
    let atto: Atto = dominio::lettura::leggi(valore).map_err(|e| in_parole(file, &e))?;
    Ok((atto, file.parent().unwrap_or(Path::new("")).to_owned()))
}

/// Texts as the register writes them, so that done twice nothing differs; what it would refuse stays as it is.
fn pulisci(v: &mut Value) {
    match v {
        Value::String(t) => *t = dominio::testo::pulisci(t).unwrap_or_else(|_| std::mem::take(t)),
        Value::Array(a) => a.iter_mut().for_each(pulisci),
        Value::Object(o) => o.values_mut().for_each(pulisci),
        _ => {}
    }
}

/// Each wrong field, by name.
fn in_parole(file: &Path, e: &Rifiuto) -> anyhow::Error {
    match e {
        Rifiuto::NonValido(errori) => {
            let righe: Vec<String> = errori.iter().map(|e| format!("{}: {}", e.campo, e.messaggio)).collect();
            anyhow!("{}: {}", file.display(), righe.join("; "))
        }
        altro => anyhow!("{}: {altro}", file.display()),
    }
}

/// What is there and is not as the file says: it is for people to change, each from its page.
fn divergenze(conf: &Configurazione, atto: &Atto) -> Vec<String> {
    let mut out = Vec::new();
    let mut confronta = |cosa: String, campo: &str, c_e: &dyn std::fmt::Debug, dice: &dyn std::fmt::Debug| {
        let (c_e, dice) = (format!("{c_e:?}"), format!("{dice:?}"));
        if c_e != dice {
            out.push(format!("{cosa}, {campo}: c'è {c_e}, il file dice {dice}"));
        }
    };
    if let Some(e) = &conf.ente {
        let cosa = || format!("ente {}", e.ipa);
        confronta(cosa(), "denominazione", &e.denominazione, &atto.ente.denominazione);
        confronta(cosa(), "codiceFiscale", &e.codice_fiscale, &atto.ente.codice_fiscale);
        confronta(cosa(), "pec", &e.pec, &atto.ente.pec);
    }
    if let Some(a) = conf.aoo.get(&atto.aoo.codice) {
        let (d, nuova) = (&a.dati, &atto.aoo);
        let cosa = || format!("AOO {}", nuova.codice);
        confronta(cosa(), "denominazione", &d.denominazione, &nuova.denominazione);
        confronta(cosa(), "ufficioSmistamento", &d.ufficio_smistamento, &nuova.ufficio_smistamento);
        confronta(cosa(), "consenteDaClassificare", &d.consente_da_classificare, &nuova.consente_da_classificare);
        confronta(cosa(), "voceDaClassificare", &d.voce_da_classificare, &nuova.voce_da_classificare);
        confronta(cosa(), "pec", &d.pec, &nuova.pec);
        if let Some(origine) = &nuova.origine {
            confronta(cosa(), "origine", &d.origine, origine);
        }
        for u in &atto.uffici {
            if let Some(c_e) = a.uffici.get(&u.codice) {
                let cosa = || format!("ufficio {}", u.codice);
                confronta(cosa(), "denominazione", &c_e.denominazione, &u.denominazione);
                confronta(cosa(), "padre", &c_e.padre, &u.padre);
                confronta(cosa(), "chiuso", &c_e.al.is_some(), &false);
            }
        }
        for v in &atto.titolario {
            if let Some(c_e) = a.titolario.get(&v.codice).and_then(|v| v.last())
                && v.codice != d.voce_da_classificare
            {
                let cosa = || format!("voce {}", v.codice);
                confronta(cosa(), "denominazione", &c_e.denominazione, &v.denominazione);
                confronta(cosa(), "chiusa", &c_e.al.is_some(), &false);
            }
        }
        for r in &atto.aoo.registri {
            if let Some(c_e) = a.registri.get(&r.codice) {
                let cosa = || format!("registro {}", r.codice);
                confronta(cosa(), "denominazione", &c_e.denominazione, &r.denominazione);
                confronta(cosa(), "ultimoPrecedente", &c_e.ultimo_precedente, &r.ultimo_precedente);
            }
        }
    }
    for p in &atto.utenti {
        if let Some(c_e) = conf.utenti.get(&p.username) {
            let cosa = || format!("utente {}", p.username);
            confronta(cosa(), "nome", &c_e.nome_completo(), &format!("{} {}", p.nome, p.cognome));
            let suoi = |i: &Incarico| (i.ruolo.codice(), i.ufficio.as_ref().map(ToString::to_string));
            let qui = c_e.incarichi.iter().filter(|i| i.aoo.as_ref() == Some(&atto.aoo.codice) && i.al.is_none());
            let mut ha: Vec<_> = qui.map(suoi).collect();
            let voluti = p.ruoli.iter().map(|r| (r.ruolo.codice(), r.ufficio.as_ref().map(ToString::to_string)));
            let mut voluti: Vec<_> = voluti.collect();
            ha.sort();
            voluti.sort();
            confronta(cosa(), "ruoli", &ha, &voluti);
        }
    }
    out
}

/// The ente, made if it is not there.
async fn ente(store: &dyn Store, e: &Ente, chi: &Operatore) -> Result<(std::sync::Arc<dyn EnteStore>, Conto)> {
    if let Some(c_e) = store.ente(&e.ipa).await? {
        return Ok((c_e, Conto { nuovi: 0, presenti: 1 }));
    }
    let dati = DatiEnte {
        ipa: e.ipa.clone(),
        denominazione: e.denominazione.clone(),
        codice_fiscale: e.codice_fiscale.clone(),
        pec: e.pec.clone(),
    };
    Ok((store.crea_ente(NuovoEnte { dati, chi: chi.clone() }).await?, Conto { nuovi: 1, presenti: 0 }))
}

/// The AOO with its registers, made if they are not there.
async fn aoo(ente: &dyn EnteStore, atto: &Atto, chi: &Operatore) -> Result<Conto> {
    let a = &atto.aoo;
    let conf = ente.configurazione();
    let mut conto = Conto::default();
    match conf.aoo.get(&a.codice) {
        Some(c_e) => {
            conto.presenti += 1;
            for r in &a.registri {
                if c_e.registri.contains_key(&r.codice) {
                    conto.presenti += 1;
                } else {
                    ente.configura(&a.codice, chi, C::CreaRegistro(r.clone()), None, None).await?;
                    conto.nuovi += 1;
                }
            }
        }
        None => {
            let generale = CodiceRegistro::generale();
            let mut registri = a.registri.clone();
            if !registri.iter().any(|r| r.codice == generale) {
                let denominazione = "Protocollo generale".to_owned();
                registri.insert(0, DatiRegistro { codice: generale.clone(), denominazione, ultimo_precedente: None });
            }
            registri.sort_by_key(|r| r.codice != generale);
            conto.nuovi += 1 + registri.len();
            if !atto.uffici.iter().any(|u| u.codice == a.ufficio_smistamento) {
                bail!("aoo.ufficioSmistamento: {} non è tra gli uffici", a.ufficio_smistamento);
            }
            let nuova = NuovaAoo {
                codice: a.codice.clone(),
                denominazione: a.denominazione.clone(),
                origine: a.origine.clone().unwrap_or_else(|| format!("protocollo.aoo/{}/{}", ente.ipa(), a.codice)),
                // Among the offices, which come next.
                ufficio_smistamento: (a.ufficio_smistamento.clone(), None),
                consente_da_classificare: a.consente_da_classificare,
                voce_da_classificare: a.voce_da_classificare.clone(),
                dal: a.dal.unwrap_or_else(|| ente.ora().giorno()),
                pec: a.pec.clone(),
                registri,
            };
            ente.crea_aoo(chi, nuova).await?;
        }
    }
    Ok(conto)
}

fn stato(ente: &dyn EnteStore, aoo: &CodiceAoo) -> Result<StatoAoo> {
    ente.configurazione().aoo.get(aoo).cloned().with_context(|| format!("l'AOO {aoo} non esiste"))
}

/// Offices that are not there.
async fn uffici(ente: &dyn EnteStore, atto: &Atto, chi: &Operatore) -> Result<Conto> {
    let aoo = &atto.aoo.codice;
    let ci_sono = stato(ente, aoo)?.uffici;
    let mut conto = Conto::default();
    for u in &atto.uffici {
        if ci_sono.contains_key(&u.codice) {
            conto.presenti += 1;
            continue;
        }
        let (codice, denominazione, padre) = (u.codice.clone(), u.denominazione.clone(), u.padre.clone());
        let c = C::CreaUfficio { codice, denominazione, padre };
        ente.configura(aoo, chi, c, None, None).await.with_context(|| format!("ufficio {}", u.codice))?;
        conto.nuovi += 1;
    }
    Ok(conto)
}

/// People who are not there; who they are.
async fn utenti(ente: &dyn EnteStore, atto: &Atto, chi: &Operatore) -> Result<Conto> {
    let (conf, dal) = (ente.configurazione(), ente.ora());
    let mut conto = Conto::default();
    for p in &atto.utenti {
        if conf.utenti.contains_key(&p.username) {
            conto.presenti += 1;
            continue;
        }
        let di = |r: &RuoloDi| Incarico {
            ruolo: r.ruolo,
            aoo: Some(atto.aoo.codice.clone()),
            ufficio: r.ufficio.clone(),
            dal,
            al: None,
        };
        let c = C::CreaUtente {
            utente: p.username.clone(),
            nome: p.nome.clone(),
            cognome: p.cognome.clone(),
            incarichi: p.ruoli.iter().map(di).collect(),
        };
        ente.configura(&atto.aoo.codice, chi, c, None, None).await.with_context(|| format!("utente {}", p.username))?;
        conto.nuovi += 1;
    }
    Ok(conto)
}

/// Who could not sign in.
async fn senza_password(ente: &dyn EnteStore, atto: &Atto) -> Result<Vec<String>> {
    let mut senza = Vec::new();
    for p in &atto.utenti {
        if ente.password(&p.username).await?.is_none() {
            senza.push(p.username.to_string());
        }
    }
    Ok(senza)
}

/// A first password for each that has none, all different: it is in the file before it is in force.
async fn iniziali(ente: &dyn EnteStore, atto: &Atto, chi: &Operatore, file: &mut File) -> Result<usize> {
    let mut date = 0;
    for p in &atto.utenti {
        if ente.password(&p.username).await?.is_some() {
            continue;
        }
        let password = crate::campione::caso(12)?;
        writeln!(file, "{}\t{password}", p.username)?;
        file.sync_all()?;
        let phc = tokio::task::spawn_blocking(move || servizio::accesso::password::cifra(&password)).await??;
        let c = C::ImpostaPassword { utente: p.username.clone() };
        ente.configura(&atto.aoo.codice, chi, c, Some(Segreto::Password(phc)), None).await?;
        date += 1;
    }
    Ok(date)
}

/// Entries that are not there, many at a time.
async fn titolario(ente: &dyn EnteStore, atto: &Atto, chi: &Operatore) -> Result<Conto> {
    let aoo = &atto.aoo.codice;
    let ci_sono = stato(ente, aoo)?.titolario;
    let dal = atto.aoo.dal.unwrap_or_else(|| ente.ora().giorno());
    let (presenti, nuove): (Vec<_>, Vec<_>) = atto.titolario.iter().partition(|v| ci_sono.contains_key(&v.codice));
    insieme(nuove.iter().map(|v| async {
        let (codice, denominazione) = (v.codice.clone(), v.denominazione.clone());
        let c = C::ApriVoce { codice, denominazione, dal: Some(v.da.unwrap_or(dal)), al: None };
        ente.configura(aoo, chi, c, None, None).await.with_context(|| format!("voce {}", v.codice))
    }))
    .await?;
    Ok(Conto { nuovi: nuove.len(), presenti: presenti.len() })
}

/// Many at a time, and never more than the writer takes.
async fn insieme<T>(tutti: impl Iterator<Item = impl Future<Output = Result<T>>>) -> Result<()> {
    stream::iter(tutti).buffer_unordered(INSIEME).try_for_each(|_| async { Ok(()) }).await
}

/// Correspondents that are not there word for word, many at a time.
async fn rubrica(ente: &dyn EnteStore, atto: &Atto, chi: &Operatore) -> Result<Conto> {
    let aoo = &atto.aoo.codice;
    if atto.rubrica.is_empty() {
        return Ok(Conto::default());
    }
    let (mut ci_sono, mut cursore) = (Vec::new(), None);
    loop {
        let p = ente.rubrica(aoo, cursore.as_deref(), 200).await?;
        ci_sono.extend(p.elementi.into_iter().map(|k| k.soggetto));
        cursore = p.successivo;
        if cursore.is_none() {
            break;
        }
    }
    // As the register writes them: cleaned, codes in capitals.
    let chiave = |s: &Soggetto| {
        let pulito = s.clone().validato(&mut Validatore::nuovo(Rigore::Operatore), "rubrica");
        serde_json::to_string(&pulito).unwrap_or_default()
    };
    let ci_sono: std::collections::HashSet<String> = ci_sono.iter().map(chiave).collect();
    let (presenti, nuovi): (Vec<_>, Vec<_>) = atto.rubrica.iter().partition(|s| ci_sono.contains(&chiave(s)));
    insieme(nuovi.iter().map(|s| async {
        let c = C::AggiungiCorrispondente { soggetto: (*s).clone() };
        ente.configura(aoo, chi, c, None, None).await.with_context(|| format!("rubrica, {}", s.nome_completo()))
    }))
    .await?;
    Ok(Conto { nuovi: nuovi.len(), presenti: presenti.len() })
}

/// The seal: tried by sealing a sample each time, set only where another is in force.
async fn sigillo(
    ente: &dyn EnteStore,
    sigilli: &Sigilli,
    atto: &Atto,
    cartella: &Path,
    chi: &Operatore,
) -> Result<Conto> {
    let Some(voluto) = &atto.sigillo else { return Ok(Conto::default()) };
    let aoo = &atto.aoo.codice;
    let (segreto, entrate) = segreto(voluto, cartella)?;
    let (dati, conservato) = sigilli.tenta(ente, segreto, entrate).await.context("il sigillo non sigilla")?;
    let in_uso = stato(ente, aoo)?.sigillo;
    let Segreto::Sigillo(byte) = &conservato else { bail!("il segreto del sigillo") };
    // The same certificate, opened by the same words.
    if in_uso.as_ref() == Some(&dati) && ente.segreto_sigillo(aoo).await?.is_some_and(|(_, b)| b == *byte) {
        return Ok(Conto { nuovi: 0, presenti: 1 });
    }
    ente.configura(aoo, chi, C::ImpostaSigillo { sigillo: dati }, Some(conservato), None).await?;
    Ok(Conto { nuovi: 1, presenti: 0 })
}

/// What opens the seal: as `POST …/sigillo` takes it, with `file` for the PKCS#12, and secrets from a file or the environment.
fn segreto(voluto: &Value, cartella: &Path) -> Result<(SegretoSigillo, bool)> {
    let mut v = voluto.clone();
    let o = v.as_object_mut().context("[sigillo] non è una sezione")?;
    let entrate = match o.remove("entrate") {
        None => false,
        Some(Value::Bool(b)) => b,
        Some(_) => bail!("sigillo.entrate: vale true o false"),
    };
    let testo = |campo: &str, v: Value| match v {
        Value::String(s) => Ok(s),
        _ => Err(anyhow!("sigillo.{campo}: è un testo")),
    };
    let leggi = |campo: &str, v: Value| {
        let file = cartella.join(testo(campo, v)?);
        std::fs::read(&file).with_context(|| format!("sigillo.{campo}: non si legge {}", file.display()))
    };
    if let Some(file) = o.remove("file") {
        use base64::Engine as _;
        let byte = leggi("file", file)?;
        o.insert("pkcs12".to_owned(), base64::engine::general_purpose::STANDARD.encode(byte).into());
    }
    for campo in SEGRETI {
        if let Some(file) = o.remove(&format!("{campo}File")) {
            let letto =
                String::from_utf8(leggi(campo, file)?).map_err(|_| anyhow!("sigillo.{campo}File: non è testo"))?;
            o.insert(campo.to_owned(), letto.trim_end_matches(['\r', '\n']).into());
        }
        if let Some(nome) = o.remove(&format!("{campo}Ambiente")) {
            let nome = testo(campo, nome)?;
            let detto = std::env::var(&nome);
            let detto = detto.with_context(|| format!("sigillo.{campo}Ambiente: nell'ambiente non c'è {nome}"))?;
            o.insert(campo.to_owned(), detto.into());
        }
    }
    let s: SegretoSigillo = dominio::lettura::leggi(v).map_err(|e| in_parole(Path::new("[sigillo]"), &e))?;
    Ok((s, entrate))
}

/// The sample ente's, in the same words; what stands around it goes through the same steps.
///
/// # Errors
/// The store's, or what a command refuses.
pub async fn applica(store: &dyn Store, atto: &Atto) -> Result<std::sync::Arc<dyn EnteStore>> {
    let chi = sistema();
    let (e, _) = ente(store, &atto.ente, &chi).await?;
    aoo(&*e, atto, &chi).await?;
    uffici(&*e, atto, &chi).await?;
    utenti(&*e, atto, &chi).await?;
    titolario(&*e, atto, &chi).await?;
    rubrica(&*e, atto, &chi).await?;
    Ok(e)
}
