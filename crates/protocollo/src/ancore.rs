//! `ancore`: signed checkpoints sent to who keeps them, now rather than at the next round; and how the mail that takes
//! them is configured.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::{Args, Subcommand};
use serde::Deserialize;
use servizio::ancore_posta::{Cadenza, Cifratura, Esito, Opzioni, Posta, Server};

use crate::configurazione::{Configurazione, apri, chiave, runtime};

/// A file in the archive's folder by which a running service is asked for a round.
const RICHIESTA: &str = "ancore-da-spedire";

/// `[ancore.posta]`. Each key also as `PROTOCOLLO_ANCORE__POSTA__…`; the password only so, or in a file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostaConf {
    /// Addresses that checkpoints go to.
    #[serde(default)]
    a: Vec<String>,
    /// Sender.
    da: Option<String>,
    /// Submission server.
    server: Option<String>,
    /// Its port: 465, 587 or 25 by the kind of TLS.
    porta: Option<u16>,
    /// `implicito`, `starttls`, or `nessuno` for a server on this machine.
    tls: Option<String>,
    /// User.
    utente: Option<String>,
    /// File that holds the password.
    password_file: Option<PathBuf>,
    /// PEM certificates to be trusted beside those of the system.
    autorita: Option<PathBuf>,
    /// Hours between a message and the next; absent: once a day, after midnight.
    ogni_ore: Option<u32>,
}

/// Anchors by mail as configured by file and environment; `None` when nothing is. `url_pubblico`: where people reach the
/// service, empty when that is not configured.
pub fn posta(conf: Option<PostaConf>, archivio: &Path, url_pubblico: &str) -> Result<Option<Posta>> {
    let c = conf.unwrap_or_default();
    let k = |nome: &str, file: Option<String>| chiave(&format!("ANCORE__POSTA__{nome}"), file);
    let numero = |nome: &str, file: Option<u32>| {
        let testo = k(nome, file.map(|n| n.to_string()));
        testo.map(|t| {
            t.parse::<u32>().map_err(|_| anyhow!("ancore.posta.{}: «{t}» non è un numero", nome.to_lowercase()))
        })
    };
    let a: Vec<String> = match k("A", None) {
        Some(t) => t.split([',', ' ']).filter(|x| !x.is_empty()).map(str::to_owned).collect(),
        None => c.a,
    };
    if a.is_empty() {
        // Who wrote the rest wants mail: silence here would be found when an anchor is needed.
        let scritte = [
            ("da", k("DA", c.da)),
            ("server", k("SERVER", c.server)),
            ("porta", k("PORTA", c.porta.map(|p| p.to_string()))),
            ("tls", k("TLS", c.tls)),
            ("utente", k("UTENTE", c.utente)),
            ("password", k("PASSWORD", None)),
            ("password_file", k("PASSWORD_FILE", c.password_file.map(|f| f.display().to_string()))),
            ("autorita", k("AUTORITA", c.autorita.map(|f| f.display().to_string()))),
            ("ogni_ore", k("OGNI_ORE", c.ogni_ore.map(|n| n.to_string()))),
        ];
        if let Some((nome, _)) = scritte.iter().find(|(_, v)| v.as_ref().is_some_and(|v| !v.is_empty())) {
            bail!("c'è ancore.posta.{nome}, ma in ancore.posta.a non c'è nessun indirizzo a cui spedire");
        }
        return Ok(None);
    }
    let serve = |nome: &str, v: Option<String>| v.with_context(|| format!("manca ancore.posta.{nome}"));
    let mittente = serve("da", k("DA", c.da))?;
    let host = serve("server", k("SERVER", c.server))?;
    let cifratura = match k("TLS", c.tls).as_deref() {
        None | Some("implicito") => Cifratura::Implicita,
        Some("starttls") => Cifratura::Starttls,
        Some("nessuno") => Cifratura::Nessuna,
        Some(t) => bail!("ancore.posta.tls: «{t}» non è implicito, starttls o nessuno"),
    };
    let porta = match numero("PORTA", c.porta.map(u32::from)).transpose()? {
        Some(p) => Some(u16::try_from(p).map_err(|_| anyhow!("ancore.posta.porta: {p} non è una porta"))?),
        None => None,
    };
    let file = k("PASSWORD_FILE", c.password_file.map(|f| f.display().to_string()));
    let password = match (k("PASSWORD", None), file) {
        (Some(p), _) => Some(p),
        (None, Some(f)) => {
            let t = std::fs::read_to_string(&f).with_context(|| format!("non si legge {f}"))?;
            Some(t.trim_end_matches(['\r', '\n']).to_owned())
        }
        (None, None) => None,
    };
    let accesso = match (k("UTENTE", c.utente), password) {
        (Some(u), Some(p)) => Some((u, p)),
        (None, None) => None,
        (Some(_), None) => bail!("ancore.posta.utente senza password_file né PROTOCOLLO_ANCORE__POSTA__PASSWORD"),
        (None, Some(_)) => bail!("la password di ancore.posta non ha un utente"),
    };
    let cadenza = match numero("OGNI_ORE", c.ogni_ore).transpose()? {
        None => Cadenza::Giorno,
        Some(n) => Cadenza::Ore(n),
    };
    let autorita = k("AUTORITA", c.autorita.map(|f| f.display().to_string())).map(PathBuf::from);
    let in_parole = |e: String| anyhow!("ancore.posta: {e}");
    let server = Server::nuovo(&host, porta, cifratura, accesso, autorita.as_deref()).map_err(in_parole)?;
    let richiesta = Some(archivio.join(RICHIESTA));
    let o = Opzioni { destinatari: a, mittente, cadenza, richiesta };
    Ok(Some(Posta::nuova(o, Arc::new(server), url_pubblico).map_err(in_parole)?))
}

/// `ancore …`
#[derive(Debug, Subcommand)]
pub enum Verbo {
    /// Spedisce subito i checkpoint agli indirizzi di ancore.posta; se il servizio è in esercizio, lo chiede a lui.
    Spedisci(Spedisci),
}

/// Options of `ancore spedisci`.
#[derive(Debug, Args)]
pub struct Spedisci {
    /// Cartella dell'archivio.
    #[arg(long)]
    archivio: Option<PathBuf>,
    /// File di configurazione TOML.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// Sends now. 1 when something did not go.
pub fn esegui(v: &Verbo) -> Result<u8> {
    let Verbo::Spedisci(o) = v;
    let conf = Configurazione::leggi(o.config.as_deref())?;
    let dove = conf.dove(o.archivio.as_deref())?;
    let cartella = dove.cartella.clone();
    if !cartella.join("enti").is_dir() {
        bail!("{} non è la cartella di un archivio", cartella.display());
    }
    let url = conf.url_pubblico().unwrap_or_default();
    let posta = posta(conf.posta(), &cartella, &url)?.context("nessun indirizzo in ancore.posta.a")?;
    runtime()?.block_on(async {
        let store = match apri(&dove).await {
            Ok(s) => s,
            // Two processes never write in one archive: who has it open sends.
            Err(e) if in_uso(&e) => {
                std::fs::write(cartella.join(RICHIESTA), b"")?;
                println!("richiesta=affidata al servizio in esercizio");
                eprintln!(
                    "Il servizio è in esercizio: spedirà entro un minuto. L'esito è nella pagina del registro pubblico."
                );
                return Ok(0);
            }
            Err(e) => return Err(e),
        };
        let mut falliti = 0;
        for ipa in store.enti().await? {
            // One that cannot be served does not stop those after it.
            let giro = async {
                match store.ente(&ipa).await? {
                    Some(ente) => posta.giro(&*ente, true).await,
                    None => Ok(Vec::new()),
                }
            };
            let esiti = giro.await.unwrap_or_else(|e| {
                falliti += 1;
                println!("{ipa}: fallito");
                eprintln!("{ipa}: {e}");
                Vec::new()
            });
            for (dove, esito) in esiti {
                match esito {
                    Esito::Spediti(n) => println!("{ipa} {dove}: spediti={n}"),
                    Esito::NienteDiNuovo | Esito::NonDovuto => println!("{ipa} {dove}: spediti=0"),
                    Esito::Fallito(perche) => {
                        falliti += 1;
                        println!("{ipa} {dove}: fallito");
                        eprintln!("{ipa} {dove}: {perche}");
                    }
                }
            }
        }
        Ok(u8::from(falliti > 0))
    })
}

fn in_uso(e: &anyhow::Error) -> bool {
    e.chain().any(|c| matches!(c.downcast_ref(), Some(archivio::Errore::Archivio(t)) if t.contains("già in uso")))
}
