//! The sample ente of the demo: read from `campione/`, put into an archive through the same commands as everything else.

use ::sigillo::dimostrazione;
use ::sigillo::richiesta::{Identificativo, Soggetto as Intestatario};
use base64::Engine as _;
use servizio::sigilli::Sigilli;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use archivio::store::{DaRegistrare, FileDaRegistrare, NuovaAoo, NuovoEnte, Segreto};
use archivio::{EnteStore, Store, sistema};
use dominio::codici::{CodiceAoo, CodiceIpa, CodiceRegistro, CodiceUfficio, CodiceVoce, NomeUtente};
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::{DatiEnte, DatiRegistro, Token};
use dominio::errori::Rigore;
use dominio::nuova::NuovaRegistrazione;
use dominio::permessi::{Diritto, Incarico, Operatore, Porta, Ruolo};
use dominio::registrazione::{Chiave, RuoloDocumento};
use dominio::soggetto::Soggetto;
use dominio::tempo::{Giorno, Istante};
use futures_util::future::try_join_all;
use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

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
#[serde(rename_all = "camelCase")]
struct FileEnte {
    ente: EnteDiEsempio,
    aoo: AooDiEsempio,
    uffici: Vec<UfficioDiEsempio>,
    utenti: Vec<UtenteDiEsempio>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EnteDiEsempio {
    ipa: CodiceIpa,
    denominazione: String,
    codice_fiscale: String,
    pec: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AooDiEsempio {
    codice: CodiceAoo,
    denominazione: String,
    ufficio_smistamento: CodiceUfficio,
    consente_da_classificare: bool,
    voce_da_classificare: CodiceVoce,
    pec: String,
}

#[derive(Deserialize)]
struct UfficioDiEsempio {
    codice: CodiceUfficio,
    denominazione: String,
    padre: Option<CodiceUfficio>,
}

#[derive(Deserialize)]
struct UtenteDiEsempio {
    username: NomeUtente,
    nome: String,
    cognome: String,
    ruoli: Vec<RuoloDiEsempio>,
}

#[derive(Deserialize)]
struct RuoloDiEsempio {
    ruolo: Ruolo,
    ufficio: Option<CodiceUfficio>,
}

#[derive(Deserialize)]
struct FileTitolario {
    voci: Vec<VoceDiEsempio>,
}

#[derive(Deserialize)]
struct VoceDiEsempio {
    codice: CodiceVoce,
    denominazione: String,
    da: Giorno,
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
    let chi = sistema();
    let dati = DatiEnte {
        ipa: f.ente.ipa.clone(),
        denominazione: f.ente.denominazione,
        codice_fiscale: Some(f.ente.codice_fiscale),
        pec: Some(f.ente.pec),
    };
    let ente = store.crea_ente(NuovoEnte { dati, chi: chi.clone() }).await?;
    let aoo = f.aoo.codice.clone();
    let registri = vec![DatiRegistro {
        codice: CodiceRegistro::generale(),
        denominazione: "Protocollo generale".to_owned(),
        ultimo_precedente: None,
    }];
    let voce = f.aoo.voce_da_classificare.clone();
    ente.crea_aoo(
        &chi,
        NuovaAoo {
            codice: aoo.clone(),
            denominazione: f.aoo.denominazione,
            origine: format!("demo.protocollo.example/{}/{aoo}", f.ente.ipa),
            ufficio_smistamento: (f.aoo.ufficio_smistamento, None),
            consente_da_classificare: f.aoo.consente_da_classificare,
            voce_da_classificare: voce.clone(),
            dal: "2026-01-01".parse()?,
            pec: Some(f.aoo.pec),
            registri,
        },
    )
    .await?;
    for u in f.uffici {
        let c = C::CreaUfficio { codice: u.codice, denominazione: u.denominazione, padre: u.padre };
        ente.configura(&aoo, &chi, c, None, None).await?;
    }
    titolario(&*ente, &aoo, &chi, &voce).await?;
    rubrica(&*ente, &aoo, &chi).await?;
    persone(&*ente, &aoo, &chi, f.utenti).await
}

async fn titolario(ente: &dyn EnteStore, aoo: &CodiceAoo, chi: &Operatore, convenzionale: &CodiceVoce) -> Result<()> {
    let f: FileTitolario = toml::from_str(&testo("titolario.toml")?).context("campione/titolario.toml")?;
    try_join_all(f.voci.into_iter().filter(|v| &v.codice != convenzionale).map(|v| {
        let c = C::ApriVoce { codice: v.codice, denominazione: v.denominazione, dal: Some(v.da), al: None };
        ente.configura(aoo, chi, c, None, None)
    }))
    .await?;
    Ok(())
}

async fn rubrica(ente: &dyn EnteStore, aoo: &CodiceAoo, chi: &Operatore) -> Result<()> {
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
    try_join_all(
        soggetti
            .into_iter()
            .map(|soggetto| ente.configura(aoo, chi, C::AggiungiCorrispondente { soggetto }, None, None)),
    )
    .await?;
    Ok(())
}

/// Users, their passwords, the tokens of three of them.
async fn persone(
    ente: &dyn EnteStore,
    aoo: &CodiceAoo,
    chi: &Operatore,
    utenti: Vec<UtenteDiEsempio>,
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
    for u in &utenti {
        let incarichi = u
            .ruoli
            .iter()
            .map(|r| Incarico {
                ruolo: r.ruolo,
                aoo: Some(aoo.clone()),
                ufficio: r.ufficio.clone(),
                dal: Istante(0),
                al: None,
            })
            .collect();
        let c =
            C::CreaUtente { utente: u.username.clone(), nome: u.nome.clone(), cognome: u.cognome.clone(), incarichi };
        ente.configura(aoo, chi, c, None, None).await?;
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
fn caso(byte: usize) -> Result<String> {
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
    sigillo(&*ente).await?;
    registra(&*ente, &c.utente, quante).await?;
    // Those that were registered have their seal when the demo is ready.
    servizio::sigilli::dell_ente(&Sigilli::default(), &*ente).await;
    scrivi_riservato(&file, &serde_json::to_string_pretty(&c)?)?;
    Ok(c)
}

/// A seal for trying things out, plainly of nobody's trust (R-C10): each demo makes its own.
async fn sigillo(ente: &dyn EnteStore) -> Result<()> {
    let conf = ente.configurazione();
    let aoo = conf.aoo.keys().next().cloned().ok_or_else(|| anyhow!("l'ente di esempio non ha AOO"))?;
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
    ente.configura(&aoo, &sistema(), C::ImpostaSigillo { sigillo }, Some(segreto), None).await?;
    Ok(())
}

/// Readable by its owner only.
fn scrivi_riservato(file: &std::path::Path, testo: &str) -> Result<()> {
    use std::io::Write as _;
    let mut o = std::fs::OpenOptions::new();
    o.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut o, 0o600);
    let mut f = o.open(file)?;
    f.write_all(testo.as_bytes())?;
    f.sync_all()?;
    Ok(())
}
