//! Objects in a bucket that speaks the protocol of S3, Amazon's or another's.
//!
//! Everything blocks, like a disk. A request that gets no answer, or a 5xx, is repeated a few times: names are never used
//! twice, so that a put that happened twice is the same put. Long objects go and come in pieces, and no more than one piece
//! is in memory for each.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use tokio::sync::Semaphore;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use super::magazzino::{Magazzino, Scrittura};
use crate::store::{Errore, Esito, S3_MUTO, S3_RIFIUTA};

/// Transfers of one ente at once: each holds a thread of those that everybody uses.
const POSTI: usize = 16;
/// Bytes of a piece: the protocol wants at least 5 MiB but for the last one.
const PEZZO: usize = 8 * 1024 * 1024;
/// How long a signed address holds.
const FIRMA: Duration = Duration::from_secs(300);
/// How often something is asked, and how long is waited before each time.
const PAUSE_MS: [u64; 4] = [0, 100, 400, 1_500];
/// Longest answer that is not an object.
const RISPOSTA_MAX: u64 = 8 * 1024 * 1024;

/// Which bucket, how it is reached and as whom.
#[derive(Clone)]
pub struct Secchio {
    /// `https://s3.example.it`.
    pub endpoint: String,
    /// Its name.
    pub bucket: String,
    /// Before every object's name; empty for none.
    pub prefisso: String,
    /// Region; `us-east-1` where there are none.
    pub regione: String,
    /// Is the bucket's name in the host's, and not in the path?
    pub virtuale: bool,
    /// Access key.
    pub utente: String,
    /// Secret key.
    pub segreto: String,
    /// Token of temporary credentials.
    pub token: Option<String>,
    /// How long an answer is waited for.
    pub attesa: Duration,
}

impl std::fmt::Debug for Secchio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{} ({})", self.bucket, self.prefisso, self.endpoint)
    }
}

impl Secchio {
    /// From an address, `s3://bucket/prefix`, and what the usual variables say (`AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL`,
    /// `AWS_VIRTUAL_HOSTED_STYLE_REQUEST`, `AWS_ALLOW_HTTP`), asked to `dice`.
    ///
    /// # Errors
    /// What is missing or wrong, in words.
    pub fn da(url: &str, dice: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let male = || format!("«{url}» non è s3://bucket/prefisso");
        let (bucket, prefisso) = match url.strip_prefix("s3://").ok_or_else(male)?.split_once('/') {
            Some((b, p)) => (b, p.trim_matches('/')),
            None => (url.trim_start_matches("s3://"), ""),
        };
        if bucket.is_empty() {
            return Err(male());
        }
        let serve = |nome: &str| dice(nome).ok_or_else(|| format!("per {url} serve la variabile {nome}"));
        let regione = dice("AWS_REGION").or_else(|| dice("AWS_DEFAULT_REGION")).unwrap_or("us-east-1".to_owned());
        let detto = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"].iter().find_map(|n| dice(n));
        let virtuale = match dice("AWS_VIRTUAL_HOSTED_STYLE_REQUEST") {
            Some(v) => v == "true",
            None => detto.is_none(),
        };
        let endpoint = detto.unwrap_or_else(|| format!("https://s3.{regione}.amazonaws.com"));
        let indirizzo: ureq::http::Uri = endpoint.parse().map_err(|e| format!("l'indirizzo {endpoint}: {e}"))?;
        let vicino = matches!(indirizzo.host(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if indirizzo.scheme_str() != Some("https") && !vicino && dice("AWS_ALLOW_HTTP").as_deref() != Some("true") {
            return Err(format!(
                "{endpoint}: la connessione non sarebbe cifrata; su una rete protetta, AWS_ALLOW_HTTP=true"
            ));
        }
        Ok(Self {
            endpoint,
            bucket: bucket.to_owned(),
            prefisso: prefisso.to_owned(),
            regione,
            virtuale,
            utente: serve("AWS_ACCESS_KEY_ID")?,
            segreto: serve("AWS_SECRET_ACCESS_KEY")?,
            token: dice("AWS_SESSION_TOKEN"),
            attesa: Duration::from_secs(30),
        })
    }
}

/// The objects of an ente in a bucket.
#[derive(Debug, Clone)]
pub(crate) struct S3(Arc<Interno>);

struct Interno {
    bucket: Bucket,
    credenziali: Credentials,
    agente: Agent,
    /// Before every name, with its slash.
    radice: String,
    /// Who moves bytes, at once.
    posti: Arc<Semaphore>,
}

impl std::fmt::Debug for Interno {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket.name(), self.radice)
    }
}

fn muto(e: impl std::fmt::Display) -> Errore {
    Errore::Archivio(format!("{S3_MUTO} ({e})"))
}

/// An answer, whole.
struct Risposta {
    stato: StatusCode,
    etag: Option<String>,
    lungo: Option<u64>,
    corpo: Vec<u8>,
}

impl Risposta {
    fn di(r: Response<Body>, massimo: u64) -> Result<Self, ureq::Error> {
        let testo = |nome| r.headers().get(nome).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (etag, intervallo) = (testo("etag"), testo("content-range"));
        let lungo = match intervallo {
            Some(i) => i.rsplit_once('/').and_then(|(_, l)| l.parse().ok()),
            None => testo("content-length").and_then(|l| l.parse().ok()),
        };
        let (stato, corpo) = (r.status(), r.into_body().into_with_config().limit(massimo).read_to_vec()?);
        Ok(Self { stato, etag, lungo, corpo })
    }

    fn testo(&self) -> Esito<&str> {
        std::str::from_utf8(&self.corpo).map_err(muto)
    }
}

/// Some of what is in a bucket.
pub(crate) struct Pagina {
    pub oggetti: Vec<Oggetto>,
    /// With the slash at their end.
    pub cartelle: Vec<String>,
}

/// An object, as a list tells it.
pub(crate) struct Oggetto {
    pub nome: String,
    pub byte: u64,
    /// When it was put, by the clock of the bucket.
    pub toccato: String,
}

/// The texts of the elements with this name: servers do not agree on the namespace of their answers.
fn campi<'a>(xml: &'a str, nome: &str) -> impl Iterator<Item = String> + use<'a> {
    let (apre, chiude) = (format!("<{nome}>"), format!("</{nome}>"));
    let mut resto = xml;
    std::iter::from_fn(move || {
        let dopo = resto.split_once(&apre)?.1;
        let (testo, altro) = dopo.split_once(&chiude)?;
        resto = altro;
        let chiaro = testo.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&apos;", "'");
        Some(chiaro.replace("&#34;", "\"").replace("&amp;", "&"))
    })
}

impl S3 {
    /// The part of a bucket that is an ente's.
    pub fn nuovo(s: &Secchio, ente: &str) -> Esito<Self> {
        Self::sotto(s, &format!("{ente}/"))
    }

    /// All that is under the prefix.
    pub fn intero(s: &Secchio) -> Esito<Self> {
        Self::sotto(s, "")
    }

    /// The same, under other names.
    pub fn con_radice(&self, radice: String) -> Self {
        let i = &self.0;
        Self(Arc::new(Interno {
            bucket: i.bucket.clone(),
            credenziali: i.credenziali.clone(),
            agente: i.agente.clone(),
            radice,
            posti: Arc::clone(&i.posti),
        }))
    }

    /// Is all of another within this?
    pub fn contiene(&self, altro: &Self) -> bool {
        self.0.bucket.base_url() == altro.0.bucket.base_url() && altro.0.radice.starts_with(&self.0.radice)
    }

    /// What every name begins with: empty, or ended by a slash.
    pub fn radice(&self) -> &str {
        &self.0.radice
    }

    fn sotto(s: &Secchio, nome: &str) -> Esito<Self> {
        let male = |e: &dyn std::fmt::Display| Errore::Archivio(format!("{s:?}: {e}"));
        let stile = if s.virtuale { UrlStyle::VirtualHost } else { UrlStyle::Path };
        let endpoint = s.endpoint.parse().map_err(|e| male(&e))?;
        let bucket = Bucket::new(endpoint, stile, s.bucket.clone(), s.regione.clone()).map_err(|e| male(&e))?;
        let credenziali = match &s.token {
            Some(t) => Credentials::new_with_token(s.utente.clone(), s.segreto.clone(), t.clone()),
            None => Credentials::new(s.utente.clone(), s.segreto.clone()),
        };
        let agente = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(s.attesa.min(Duration::from_secs(5))))
            .timeout_send_body(Some(s.attesa * 4))
            .timeout_recv_response(Some(s.attesa))
            .timeout_recv_body(Some(s.attesa * 4))
            .max_idle_connections_per_host(16)
            .build()
            .new_agent();
        let prefisso = if s.prefisso.is_empty() { String::new() } else { format!("{}/", s.prefisso) };
        Ok(Self(Arc::new(Interno {
            bucket,
            credenziali,
            agente,
            radice: format!("{prefisso}{nome}"),
            posti: Arc::new(Semaphore::new(POSTI)),
        })))
    }

    fn chiave(&self, oggetto: &str) -> String {
        format!("{}{oggetto}", self.0.radice)
    }

    /// Asks until there is an answer that is one.
    fn chiedi(&self, massimo: u64, fa: &dyn Fn(&Interno) -> Result<Response<Body>, ureq::Error>) -> Esito<Risposta> {
        let mut perche = String::new();
        for pausa in PAUSE_MS {
            std::thread::sleep(Duration::from_millis(pausa));
            match fa(&self.0).and_then(|r| Risposta::di(r, massimo)) {
                Ok(r) if r.stato.is_server_error() || matches!(r.stato.as_u16(), 408 | 429) => {
                    perche = r.stato.to_string();
                }
                Ok(r) if matches!(r.stato.as_u16(), 401 | 403) => {
                    return Err(Errore::Archivio(format!("{S3_RIFIUTA} ({})", r.stato)));
                }
                Ok(r) => return Ok(r),
                Err(e) => perche = e.to_string(),
            }
            tracing::warn!(motivo = perche, "l'archivio S3 non ha risposto");
        }
        Err(muto(perche))
    }

    fn riuscita(r: Risposta) -> Esito<Risposta> {
        if r.stato.is_success() {
            return Ok(r);
        }
        Err(muto(format!("{} {}", r.stato, String::from_utf8_lossy(&r.corpo[..r.corpo.len().min(300)]))))
    }

    /// A small object, whole.
    pub fn metti(&self, oggetto: &str, byte: &[u8]) -> Esito<()> {
        let chiave = self.chiave(oggetto);
        let r = self.chiedi(RISPOSTA_MAX, &|i| {
            let url = i.bucket.put_object(Some(&i.credenziali), &chiave).sign(FIRMA);
            i.agente.put(url.as_str()).send(byte)
        })?;
        Self::riuscita(r).map(drop)
    }

    fn inizia(&self, oggetto: &str) -> Esito<String> {
        let chiave = self.chiave(oggetto);
        let r = self.chiedi(RISPOSTA_MAX, &|i| {
            let url = i.bucket.create_multipart_upload(Some(&i.credenziali), &chiave).sign(FIRMA);
            i.agente.post(url.as_str()).send_empty()
        })?;
        let r = Self::riuscita(r)?;
        campi(r.testo()?, "UploadId").next().ok_or_else(|| muto("un caricamento senza nome"))
    }

    fn pezzo(&self, oggetto: &str, invio: &str, n: u16, byte: &[u8]) -> Esito<String> {
        let chiave = self.chiave(oggetto);
        let r = self.chiedi(RISPOSTA_MAX, &|i| {
            let url = i.bucket.upload_part(Some(&i.credenziali), &chiave, n, invio).sign(FIRMA);
            i.agente.put(url.as_str()).send(byte)
        })?;
        Self::riuscita(r)?.etag.ok_or_else(|| muto("un pezzo senza ETag"))
    }

    /// What has names that begin so, a page at a time; with `piano`, what goes on after a slash is only told as a folder.
    pub fn pagine(&self, inizio: &str, piano: bool, f: &mut dyn FnMut(Pagina) -> Esito<()>) -> Esito<()> {
        let (prefisso, mut dopo) = (self.chiave(inizio), None::<String>);
        loop {
            let r = self.chiedi(RISPOSTA_MAX, &|i| {
                let mut azione = ListObjectsV2::new(&i.bucket, Some(&i.credenziali));
                azione.with_prefix(prefisso.as_str());
                if piano {
                    azione.with_delimiter("/");
                }
                if let Some(d) = &dopo {
                    azione.with_continuation_token(d.as_str());
                }
                i.agente.get(azione.sign(FIRMA).as_str()).call()
            })?;
            let r = Self::riuscita(r)?;
            let testo = r.testo()?;
            if !testo.contains("<ListBucketResult") {
                return Err(muto("un elenco che non è un elenco"));
            }
            // What the server escapes is not ours: names are plain.
            let suo = |k: String| Some(k.strip_prefix(&self.0.radice)?.to_owned());
            let oggetti = campi(testo, "Contents").filter_map(|c| {
                let campo = |nome| campi(&c, nome).next();
                let (byte, toccato) = (campo("Size")?.parse().ok()?, campo("LastModified").unwrap_or_default());
                Some(Oggetto { nome: suo(campo("Key")?)?, byte, toccato })
            });
            let cartelle = campi(testo, "CommonPrefixes").filter_map(|c| suo(campi(&c, "Prefix").next()?));
            f(Pagina { oggetti: oggetti.collect(), cartelle: cartelle.collect() })?;
            dopo = campi(testo, "NextContinuationToken").next();
            if dopo.is_none() {
                return Ok(());
            }
        }
    }

    fn completa(&self, oggetto: &str, invio: &str, etag: &[String], lungo: u64) -> Esito<()> {
        let chiave = self.chiave(oggetto);
        let r = self.chiedi(RISPOSTA_MAX, &|i| {
            let tutti = etag.iter().map(String::as_str);
            let azione = i.bucket.complete_multipart_upload(Some(&i.credenziali), &chiave, invio, tutti);
            let url = azione.sign(FIRMA);
            i.agente.post(url.as_str()).send(azione.body())
        });
        // A success may have an error for a body; and what was completed when its answer was lost is not there to be
        // completed again, which each server says in its own way.
        let fatto = match &r {
            Ok(r) => r.stato.is_success() && r.testo()?.contains("<CompleteMultipartUploadResult"),
            Err(_) => false,
        };
        if fatto || self.quanto(oggetto)? == Some(lungo) {
            return Ok(());
        }
        Self::riuscita(r?)?;
        Err(muto("il caricamento a pezzi non è stato completato"))
    }

    fn abbandona(&self, oggetto: &str, invio: &str) -> Esito<()> {
        let chiave = self.chiave(oggetto);
        self.chiedi(RISPOSTA_MAX, &|i| {
            let url = i.bucket.abort_multipart_upload(Some(&i.credenziali), &chiave, invio).sign(FIRMA);
            i.agente.delete(url.as_str()).call()
        })
        .map(drop)
    }

    /// The length of an object; `None` when it is not there.
    pub fn quanto(&self, oggetto: &str) -> Esito<Option<u64>> {
        let chiave = self.chiave(oggetto);
        let r = self.chiedi(RISPOSTA_MAX, &|i| {
            let url = i.bucket.head_object(Some(&i.credenziali), &chiave).sign(FIRMA);
            i.agente.head(url.as_str()).call()
        })?;
        Ok(r.lungo.filter(|_| r.stato.is_success()))
    }

    /// Some bytes of an object, and its length; `None` when it is not there.
    fn brano(&self, oggetto: &str, da: u64, quanti: usize) -> Esito<Option<(Vec<u8>, u64)>> {
        let chiave = self.chiave(oggetto);
        let intervallo = format!("bytes={da}-{}", da + quanti as u64 - 1);
        let r = self.chiedi(quanti as u64 + RISPOSTA_MAX, &|i| {
            let url = i.bucket.get_object(Some(&i.credenziali), &chiave).sign(FIRMA);
            i.agente.get(url.as_str()).header("range", &intervallo).call()
        })?;
        match r.stato.as_u16() {
            404 => Ok(None),
            206 => {
                let lungo = r.lungo.ok_or_else(|| muto("una risposta senza Content-Range"))?;
                if r.corpo.len() as u64 != lungo.saturating_sub(da).min(quanti as u64) {
                    return Err(muto("una risposta più corta di quanto dice"));
                }
                Ok(Some((r.corpo, lungo)))
            }
            // Nothing from there on: an empty object has no range that can be asked.
            416 => Ok(Some((Vec::new(), da))),
            // Who knows no ranges gives all.
            200 if da == 0 && r.corpo.len() <= quanti => {
                let lungo = r.corpo.len() as u64;
                Ok(Some((r.corpo, lungo)))
            }
            _ => Err(muto(r.stato)),
        }
    }
}

impl Magazzino for S3 {
    fn a_distanza(&self) -> bool {
        true
    }

    fn elenco(&self, inizio: &str, f: &mut dyn FnMut(Vec<String>) -> Esito<()>) -> Esito<()> {
        self.pagine(inizio, false, &mut |p| f(p.oggetti.into_iter().map(|o| o.nome).collect()))
    }

    fn posti(&self) -> Option<Arc<Semaphore>> {
        Some(Arc::clone(&self.0.posti))
    }

    fn nuovo(&self, oggetto: &str) -> Box<dyn Scrittura> {
        Box::new(SuS3 {
            dove: self.clone(),
            oggetto: oggetto.to_owned(),
            coda: Vec::new(),
            invio: None,
            etag: Vec::new(),
            inviati: 0,
        })
    }

    fn leggi(&self, oggetto: &str) -> Esito<Option<Box<dyn Read + Send>>> {
        let Some((primo, lungo)) = self.brano(oggetto, 0, PEZZO)? else { return Ok(None) };
        let (dove, oggetto) = (self.clone(), oggetto.to_owned());
        Ok(Some(Box::new(DaS3 { dove, oggetto, brano: primo, letti: 0, prima: 0, lungo })))
    }

    fn togli(&self, oggetto: &str) -> Esito<bool> {
        let chiave = self.chiave(oggetto);
        let r = self.chiedi(RISPOSTA_MAX, &|i| {
            let url = i.bucket.delete_object(Some(&i.credenziali), &chiave).sign(FIRMA);
            i.agente.delete(url.as_str()).call()
        })?;
        Ok(r.stato.is_success())
    }
}

/// An object on its way up.
struct SuS3 {
    dove: S3,
    oggetto: String,
    coda: Vec<u8>,
    /// The upload in pieces, once there is more than one.
    invio: Option<String>,
    etag: Vec<String>,
    inviati: u64,
}

impl std::fmt::Debug for SuS3 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SuS3({}, {} byte)", self.oggetto, self.inviati)
    }
}

impl SuS3 {
    fn manda(&mut self) -> Esito<()> {
        let invio = match &self.invio {
            Some(i) => i.clone(),
            None => self.invio.insert(self.dove.inizia(&self.oggetto)?).clone(),
        };
        let n = u16::try_from(self.etag.len() + 1).ok().filter(|n| *n <= 10_000);
        let n = n.ok_or_else(|| muto("il file ha troppi pezzi"))?;
        self.etag.push(self.dove.pezzo(&self.oggetto, &invio, n, &self.coda)?);
        self.inviati += self.coda.len() as u64;
        self.coda.clear();
        Ok(())
    }
}

impl Scrittura for SuS3 {
    fn scrivi(&mut self, mut byte: &[u8]) -> Esito<()> {
        while !byte.is_empty() {
            if self.coda.len() == PEZZO {
                self.manda()?;
            }
            let (questi, altri) = byte.split_at(byte.len().min(PEZZO - self.coda.len()));
            self.coda.extend_from_slice(questi);
            byte = altri;
        }
        Ok(())
    }

    fn chiudi(&mut self) -> Esito<()> {
        if self.invio.is_none() {
            return self.dove.metti(&self.oggetto, &self.coda);
        }
        self.manda()?;
        if let Some(invio) = &self.invio {
            self.dove.completa(&self.oggetto, invio, &self.etag, self.inviati)?;
        }
        self.invio = None;
        Ok(())
    }
}

impl Drop for SuS3 {
    fn drop(&mut self) {
        if let Some(invio) = self.invio.take() {
            // Who drops it may be in a hurry.
            let (dove, oggetto) = (self.dove.clone(), std::mem::take(&mut self.oggetto));
            let _ = std::thread::Builder::new().spawn(move || dove.abbandona(&oggetto, &invio));
        }
    }
}

/// An object on its way down, a piece at a time.
struct DaS3 {
    dove: S3,
    oggetto: String,
    brano: Vec<u8>,
    letti: usize,
    /// Where the piece begins.
    prima: u64,
    lungo: u64,
}

/// A failure of the bucket, within what reads.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Guasto(pub String);

impl Read for DaS3 {
    fn read(&mut self, a: &mut [u8]) -> std::io::Result<usize> {
        if self.letti == self.brano.len() {
            let da = self.prima + self.brano.len() as u64;
            if da >= self.lungo {
                return Ok(0);
            }
            let guasto = |m: String| std::io::Error::other(Guasto(m));
            let letto = self.dove.brano(&self.oggetto, da, PEZZO).map_err(|e| guasto(e.senza_premessa()))?;
            let (brano, lungo) = letto.ok_or_else(|| guasto(format!("{S3_MUTO} (l'oggetto è sparito)")))?;
            if lungo != self.lungo || brano.is_empty() {
                return Err(guasto(format!("{S3_MUTO} (l'oggetto è cambiato mentre si leggeva)")));
            }
            (self.brano, self.letti, self.prima) = (brano, 0, da);
        }
        let n = a.len().min(self.brano.len() - self.letti);
        a[..n].copy_from_slice(&self.brano[self.letti..self.letti + n]);
        self.letti += n;
        Ok(n)
    }
}
