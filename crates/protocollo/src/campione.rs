//! The sample ente of the demo: read from `campione/`, put into an archive through the same commands as everything else.

use ::sigillo::dimostrazione;
use ::sigillo::richiesta::{Identificativo, Soggetto as Intestatario};
use base64::Engine as _;
use servizio::sigilli::Sigilli;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use archivio::store::{DaRegistrare, FileDaRegistrare, Segreto};
use archivio::{EnteStore, Store, sistema};
use dominio::codici::{CodiceAoo, CodiceIpa, CodiceRegistro};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::Token;
use dominio::errori::Rigore;
use dominio::nuova::NuovaRegistrazione;
use dominio::permessi::{Diritto, Operatore, Porta, Ruolo};
use dominio::registrazione::{Chiave, RuoloDocumento};
use dominio::soggetto::Soggetto;
use dominio::tempo::{Giorno, Istante};
use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::attiva::{self, Atto};

/// The files beside `Cargo.toml`, inside the binary.
#[derive(RustEmbed)]
#[folder = "campione"]
#[exclude = "rigenera/*"]
struct File;

fn testo(nome: &str) -> Result<String> {
    let f = File::get(nome).ok_or_else(|| anyhow!("nel programma manca campione/{nome}"))?;
    Ok(String::from_utf8(f.data.into_owned())?)
}

#[derive(Deserialize)]
struct FileEnte {
    ente: attiva::Ente,
    aoo: attiva::Aoo,
    uffici: Vec<attiva::Ufficio>,
    utenti: Vec<attiva::Persona>,
}

#[derive(Deserialize)]
struct FileTitolario {
    voci: Vec<attiva::Voce>,
}

#[derive(Deserialize)]
struct FileRegistrazioni {
    registrazioni: Vec<RegistrazioneDiEsempio>,
}

#[derive(Deserialize)]
struct RegistrazioneDiEsempio {
    documento: Option<String>,
    #[serde(default)]
    allegati: Vec<String>,
    /// The one that it answers: its place in the list, from 1.
    risponde: Option<usize>,
    dati: Value,
}

/// What the demo tells who runs it; kept beside the archive so that a second run says the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credenziali {
    /// A protocol operator.
    pub utente: String,
    /// His password.
    pub password: String,
    /// His API token.
    pub token: String,
    /// The RGD.
    pub utente_responsabile: String,
    /// His password.
    pub password_responsabile: String,
    /// His API token.
    pub token_responsabile: String,
    /// The administrator.
    pub utente_amministratore: String,
    /// His password.
    pub password_amministratore: String,
    /// His API token.
    pub token_amministratore: String,
}

/// IPA code of the sample ente.
pub fn ipa() -> Result<CodiceIpa> {
    Ok("c_z999".parse()?)
}

/// Creates the sample ente with all that stands around the register. Returns its credentials.
pub async fn crea(store: &dyn Store) -> Result<Credenziali> {
    let f: FileEnte = toml::from_str(&testo("ente.toml")?).context("campione/ente.toml")?;
    let t: FileTitolario = toml::from_str(&testo("titolario.toml")?).context("campione/titolario.toml")?;
    let origine = format!("demo.protocollo.example/{}/{}", f.ente.ipa, f.aoo.codice);
    let atto = Atto {
        ente: f.ente,
        aoo: attiva::Aoo { origine: Some(origine), dal: Some("2026-01-01".parse()?), ..f.aoo },
        uffici: f.uffici,
        utenti: f.utenti,
        titolario: t.voci,
        rubrica: rubrica()?,
        sigillo: None,
    };
    let ente = attiva::applica(store, &atto).await?;
    persone(&*ente, &atto.aoo.codice, &sistema(), &atto.utenti).await
}

fn rubrica() -> Result<Vec<Soggetto>> {
    let testo = testo("rubrica.csv")?;
    let mut lettore = csv::Reader::from_reader(testo.as_bytes());
    let mut soggetti: Vec<Soggetto> = Vec::new();
    for riga in lettore.deserialize::<Map<String, Value>>() {
        let mut campi = riga.context("campione/rubrica.csv")?;
        // An AOO or office of a bigger body: its own code stands there, the body's beside it.
        for k in ["comune", "ipaSuperiore"] {
            campi.remove(k);
        }
        let campi: Map<String, Value> = campi
            .into_iter()
            .map(|(k, v)| (k, Value::String(v.as_str().map_or_else(|| v.to_string(), str::to_owned))))
            .filter(|(_, v)| v.as_str().is_some_and(|t| !t.is_empty()))
            .collect();
        soggetti.push(serde_json::from_value(Value::Object(campi)).context("campione/rubrica.csv")?);
    }
    Ok(soggetti)
}

/// Passwords of the users, and the tokens of three of them.
async fn persone(
    ente: &dyn EnteStore,
    aoo: &CodiceAoo,
    chi: &Operatore,
    utenti: &[attiva::Persona],
) -> Result<Credenziali> {
    let password = caso(12)?;
    let phc = {
        let p = password.clone();
        tokio::task::spawn_blocking(move || servizio::accesso::password::cifra(&p)).await??
    };
    let con = |r: Ruolo| {
        utenti
            .iter()
            .find(|u| u.ruoli.iter().any(|x| x.ruolo == r))
            .map(|u| u.username.clone())
            .ok_or_else(|| anyhow!("campione/ente.toml: nessun utente ha il ruolo {}", r.codice()))
    };
    let tre = [con(Ruolo::Protocollista)?, con(Ruolo::Rgd)?, con(Ruolo::Amministratore)?];
    for u in utenti {
        let c = C::ImpostaPassword { utente: u.username.clone() };
        ente.configura(aoo, chi, c, Some(Segreto::Password(phc.clone())), None).await?;
    }
    let mut token = Vec::new();
    for (i, utente) in tre.iter().enumerate() {
        let (testo, hash) = servizio::token::nuovo_token(ente.ipa())?;
        let t = Token {
            id: format!("demo{}", i + 1),
            descrizione: format!("Token della demo per {utente}"),
            utente: utente.clone(),
            aoo: aoo.clone(),
            diritti: Diritto::TUTTI.to_vec(),
            scadenza: ente.ora().piu_secondi(365 * 86_400),
            revocato: false,
        };
        ente.configura(aoo, chi, C::CreaToken(t), Some(Segreto::Token(hash)), None).await?;
        token.push(testo);
    }
    let [utente, utente_responsabile, utente_amministratore] = tre.map(|u| u.to_string());
    let mut token = token.into_iter();
    let mut prossimo = || token.next().unwrap_or_default();
    Ok(Credenziali {
        utente,
        password: password.clone(),
        token: prossimo(),
        utente_responsabile,
        password_responsabile: password.clone(),
        token_responsabile: prossimo(),
        utente_amministratore,
        password_amministratore: password,
        token_amministratore: prossimo(),
    })
}

/// Registers `quante` sample documents, going round the sixty as often as needed.
pub async fn registra(ente: &dyn EnteStore, operatore: &str, quante: usize) -> Result<()> {
    let f: FileRegistrazioni = toml::from_str(&testo("registrazioni.toml")?).context("campione/registrazioni.toml")?;
    let conf = ente.configurazione();
    let aoo = conf.aoo.keys().next().cloned().ok_or_else(|| anyhow!("l'ente di esempio non ha AOO"))?;
    let chi = conf
        .operatore(&operatore.parse()?, &aoo, ente.ora(), Porta::Cli)
        .ok_or_else(|| anyhow!("l'utente {operatore} non esiste"))?;
    let mut fatte: Vec<Chiave> = Vec::with_capacity(quante);
    for (i, r) in f.registrazioni.iter().cycle().take(quante).enumerate() {
        let mut dati = adatta(r.dati.clone(), ente.ora()).with_context(|| format!("registrazione {}", i + 1))?;
        if let Some(k) = r.risponde.and_then(|n| fatte.get(i - i % f.registrazioni.len() + n - 1)) {
            dati["rispondeA"] = json!({"registro": k.registro, "anno": k.anno, "numero": k.numero});
        }
        let dati: NuovaRegistrazione =
            dominio::lettura::leggi(dati).map_err(|e| anyhow!("registrazione {}: {e}", i + 1))?;
        let mut file = Vec::new();
        for (ruolo, nome) in r
            .documento
            .iter()
            .map(|n| (RuoloDocumento::Primario, n))
            .chain(r.allegati.iter().map(|n| (RuoloDocumento::Allegato, n)))
        {
            file.push(carica(ente, ruolo, nome).await?);
        }
        let nuova = DaRegistrare {
            chi: chi.clone(),
            registro: CodiceRegistro::generale(),
            rigore: Rigore::Operatore,
            dati,
            file,
            idempotenza: None,
            controllo: None,
        };
        let fatto = ente.registra(&aoo, nuova).await.with_context(|| format!("registrazione {}", i + 1))?;
        fatte.extend(fatto.chiave);
    }
    Ok(())
}

async fn carica(ente: &dyn EnteStore, ruolo: RuoloDocumento, nome: &str) -> Result<FileDaRegistrare> {
    let f = File::get(&format!("documenti/{nome}")).ok_or_else(|| anyhow!("manca campione/documenti/{nome}"))?;
    let mut c = ente.carica().await?;
    c.scrivi(&f.data).await?;
    let mime = servizio::ricezione::riconosci(&f.data[..f.data.len().min(16)], nome, None);
    Ok(FileDaRegistrare { ruolo, nome: nome.to_owned(), mime, file: c.chiudi().await? })
}

/// Days counted back from today become dates.
fn adatta(mut dati: Value, ora: Istante) -> Result<Value> {
    let giorno = |v: &Value| -> Result<Giorno> {
        let fa = v.get("giorniFa").and_then(Value::as_i64).ok_or_else(|| anyhow!("giorniFa"))?;
        Ok(ora.piu_secondi(-fa * 86_400).giorno())
    };
    if let Some(a) = dati.get("dataArrivo").filter(|a| a.is_object()) {
        let alle: jiff::civil::Time = a.get("ora").and_then(Value::as_str).unwrap_or("09:00").parse()?;
        let locale = giorno(a)?.to_datetime(alle);
        let t = locale.to_zoned_datetime(dominio::tempo::roma().clone())?;
        dati["dataArrivo"] = json!(Istante::da_timestamp(t.timestamp()).con_offset());
    }
    if let Some(p) = dati.get("protocolloMittente").filter(|p| p.get("giorniFa").is_some()) {
        let p = json!({"numero": p.get("numero"), "data": giorno(p)?});
        dati["protocolloMittente"] = p;
    }
    Ok(dati)
}

/// A readable random word of `byte` random bytes.
pub fn caso(byte: usize) -> Result<String> {
    use base64::Engine as _;
    let mut b = vec![0u8; byte];
    getrandom::fill(&mut b).map_err(|e| anyhow!("{e}"))?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(b))
}

/// Opens the sample ente, creating it the first time.
pub async fn apri(store: &dyn Store, cartella: &std::path::Path, quante: usize) -> Result<Credenziali> {
    let file = cartella.join("demo.json");
    if let Ok(testo) = std::fs::read_to_string(&file)
        && store.ente(&ipa()?).await?.is_some()
    {
        return serde_json::from_str(&testo).with_context(|| format!("{} non si legge", file.display()));
    }
    let c = crea(store).await?;
    let ente: Arc<dyn EnteStore> = store.ente(&ipa()?).await?.ok_or_else(|| anyhow!("ente di esempio"))?;
    for aoo in ente.configurazione().aoo.keys() {
        sigillo(&*ente, aoo).await?;
    }
    registra(&*ente, &c.utente, quante).await?;
    // Those that were registered have their seal when the demo is ready.
    servizio::sigilli::dell_ente(&Sigilli::default(), &*ente).await;
    scrivi_riservato(&file, &serde_json::to_string_pretty(&c)?)?;
    Ok(c)
}

/// A seal for trying things out, plainly of nobody's trust (R-C10): each demo makes its own.
pub async fn sigillo(ente: &dyn EnteStore, aoo: &CodiceAoo) -> Result<()> {
    let conf = ente.configurazione();
    let dati = conf.ente.as_ref().ok_or_else(|| anyhow!("ente di esempio"))?;
    let soggetto = Intestatario {
        organizzazione: dati.denominazione.clone(),
        identificativo: Identificativo::Ipa(dati.ipa.to_string()),
        nome: None,
    };
    let password = caso(24)?;
    let da = jiff::Timestamp::from_microsecond(ente.ora().0)? - jiff::SignedDuration::from_hours(1);
    let pkcs12 = dimostrazione::crea(&soggetto, da, &::sigillo::Segreto::nuovo(password.as_str()))?.pkcs12;
    let pkcs12 = base64::engine::general_purpose::STANDARD.encode(pkcs12);
    let segreto = servizio::sigilli::fornitore::Segreto::File { pkcs12, password };
    let provato = Sigilli::default().prova(ente, segreto, false).await;
    let (sigillo, segreto) = provato.map_err(|p| anyhow!("sigillo dimostrativo: {}", p.dettaglio))?;
    ente.configura(aoo, &sistema(), C::ImpostaSigillo { sigillo }, Some(segreto), None).await?;
    Ok(())
}

/// Readable by its owner only.
fn scrivi_riservato(file: &std::path::Path, testo: &str) -> Result<()> {
    use std::io::Write as _;
    let mut f = riservato().create(true).truncate(true).open(file)?;
    f.write_all(testo.as_bytes())?;
    f.sync_all()?;
    Ok(())
}

/// The same, new and blank.
pub fn nuovo_riservato(file: &std::path::Path) -> Result<std::fs::File> {
    riservato().create_new(true).open(file).with_context(|| format!("{} non si crea", file.display()))
}

fn riservato() -> std::fs::OpenOptions {
    let mut o = std::fs::OpenOptions::new();
    o.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut o, 0o600);
    o
}
