//! Our logs shown to the witnesses configured. What is left to ask is read from the archive each time (the latest
//! checkpoint, the largest one each witness cosigned): there is no queue to grow or to lose, and a restart forgets nothing.
//! One request at a time for each witness; who fails is left alone for a while, longer each time.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use archivio::store::Registro;
use archivio::{EnteStore, Errore, Store};
use catena::nota::firme;
use catena::testimone::{TIPO_DIMENSIONE, dimensione, scrivi};
use catena::{Checkpoint, Testimone};
use dominio::codici::CodiceIpa;
use dominio::tempo::Istante;

/// How long a witness has to answer, whatever it does meanwhile.
const ATTESA_MAX: Duration = Duration::from_secs(10);
/// Longest answer that is read.
const RISPOSTA_BYTE_MAX: u64 = 16 * 1024;
/// How long who failed is left alone at least: less than a round, so that the next one asks again.
const PAUSA: Duration = Duration::from_secs(30);
/// And at most.
const PAUSA_MAX: Duration = Duration::from_secs(3_600);

/// A witness to be asked: its key and where it is.
#[derive(Debug)]
pub struct Interpellato {
    chiave: Testimone,
    url: String,
    stato: Mutex<Stato>,
    turno: tokio::sync::Mutex<()>,
}

/// How it went so far, since the start.
#[derive(Debug, Default)]
struct Stato {
    /// Could it be reached?
    rete: Attesa,
    /// What it refused, by the origin of the log.
    registri: BTreeMap<String, Attesa>,
    /// Enti that were shown to it whole while they rested, at which size.
    mostrati: BTreeMap<CodiceIpa, u64>,
}

impl Stato {
    fn senza_attese(&mut self) {
        self.registri.values_mut().chain([&mut self.rete]).for_each(|a| a.non_prima = None);
    }
}

/// When to ask again.
#[derive(Debug, Default)]
struct Attesa {
    falliti: u32,
    non_prima: Option<Instant>,
    detto: Option<String>,
    altra_storia: bool,
}

impl Attesa {
    /// Is it too early?
    fn salta(&self) -> bool {
        self.non_prima.is_some_and(|t| Instant::now() < t)
    }

    /// How long it is left alone after one more failure.
    fn pausa(&self) -> Duration {
        (PAUSA * (1u32 << self.falliti.min(10))).min(PAUSA_MAX)
    }

    fn fallita(&mut self, detto: String) {
        self.non_prima = Instant::now().checked_add(self.pausa());
        self.falliti = self.falliti.saturating_add(1);
        self.detto = Some(detto);
    }
}

impl FromStr for Interpellato {
    type Err = String;

    /// `VKEY URL`: the witness's public key, and the address under which it answers `add-checkpoint`.
    fn from_str(testo: &str) -> Result<Self, String> {
        let parti: Vec<&str> = testo.split_whitespace().collect();
        let [vkey, url] = parti.as_slice() else {
            return Err("un testimone si scrive «VKEY URL»: la sua chiave pubblica e il suo indirizzo".to_owned());
        };
        let chiave = vkey.parse().map_err(|e| format!("{vkey}: {e}"))?;
        let uri: axum::http::Uri = url.parse().map_err(|_| format!("{url} non è un indirizzo"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.query().is_some() {
            return Err(format!("{url}: serve un indirizzo http:// o https:// senza parametri"));
        }
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { chiave, url, stato: Mutex::default(), turno: tokio::sync::Mutex::default() })
    }
}

/// What a witness has said of a log, for the public page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Testimonianza {
    /// Its name.
    pub nome: String,
    /// How many operations it has cosigned, and when it said so.
    pub cofirmate: Option<(u64, Istante)>,
    /// Why it has not said more, since the start.
    pub intoppo: Option<String>,
    /// Because it saw another history of the log.
    pub altra_storia: bool,
}

/// Why a witness did not cosign.
enum Intoppo {
    /// It could not be reached, or has troubles of its own: no other log is asked for now.
    Rete(String),
    /// It said no to this log.
    No(String),
    /// It saw another history of this log: what witnesses are for.
    AltraStoria(String),
    /// Ours.
    Nostro(Errore),
}

impl From<Errore> for Intoppo {
    fn from(e: Errore) -> Self {
        Self::Nostro(e)
    }
}

/// The witnesses to be asked.
pub struct Testimoni {
    chiesti: Vec<Interpellato>,
    agente: ureq::Agent,
}

impl Default for Testimoni {
    fn default() -> Self {
        Self::nuovi(Vec::new())
    }
}

impl Testimoni {
    /// These.
    pub fn nuovi(chiesti: Vec<Interpellato>) -> Self {
        let agente = ureq::Agent::config_builder()
            .timeout_global(Some(ATTESA_MAX))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("protocollo/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        Self { chiesti, agente }
    }

    /// How many.
    pub fn quanti(&self) -> usize {
        self.chiesti.len()
    }

    /// How many there are, how many did not answer or said no the last time, how many saw another history.
    pub fn misure(&self) -> (usize, usize, usize) {
        let stati = self.chiesti.iter().map(|w| {
            w.con_stato(|s| {
                let male = s.rete.detto.is_some() || s.registri.values().any(|a| a.detto.is_some());
                (usize::from(male), usize::from(s.registri.values().any(|a| a.altra_storia)))
            })
        });
        let (male, altra) = stati.fold((0, 0), |(a, b), (x, y)| (a + x, b + y));
        (self.chiesti.len(), male, altra)
    }

    /// Every witness at once, those left alone too, of every log that has something new; ends when all have answered or
    /// given up.
    pub async fn giro(&self, store: &dyn Store) {
        futures_util::future::join_all(self.chiesti.iter().map(|w| async {
            let _turno = w.turno.lock().await;
            w.con_stato(Stato::senza_attese);
            self.uno(w, store).await;
        }))
        .await;
    }

    /// One witness, one log after the other; unless it failed not long ago.
    pub async fn interpella(&self, n: usize, store: &dyn Store) {
        let Some(w) = self.chiesti.get(n) else { return };
        let _turno = w.turno.lock().await;
        if !w.con_stato(|s| s.rete.salta()) {
            self.uno(w, store).await;
        }
    }

    async fn uno(&self, w: &Interpellato, store: &dyn Store) {
        let enti = store.enti().await.unwrap_or_else(|e| {
            tracing::warn!(errore = %e, "testimoni");
            Vec::new()
        });
        for ipa in enti {
            let riposo = store.a_riposo(&ipa).map(|r| r.dimensione);
            if riposo.is_some() && riposo == w.con_stato(|s| s.mostrati.get(&ipa).copied()) {
                continue;
            }
            let ente = match store.guarda(&ipa).await {
                Ok(Some(e)) => e,
                Ok(None) => continue,
                Err(e) => {
                    tracing::warn!(ente = %ipa, errore = %e, "testimoni");
                    continue;
                }
            };
            let mut tutti = true;
            for registro in crate::registri(&*ente) {
                match self.mostra(w, &*ente, &registro).await {
                    Ok(cofirmato) => tutti &= cofirmato,
                    Err(raggiunto) => {
                        w.con_stato(|s| s.rete.fallita(raggiunto));
                        return;
                    }
                }
            }
            if let Some(dimensione) = riposo.filter(|_| tutti) {
                w.con_stato(|s| s.mostrati.insert(ipa, dimensione));
            }
        }
    }

    /// Shows one log, and says whether all of it is cosigned now; `Err` says why the witness could not be reached.
    async fn mostra(&self, w: &Interpellato, ente: &dyn EnteStore, registro: &Registro) -> Result<bool, String> {
        let letto = async {
            let (nota, cp) = letto(ente, registro).await?;
            let gia = ente.ultima_cofirma(registro, &w.chiave).await?.map_or(0, |c| c.dimensione);
            Ok::<_, Errore>((nota, cp, gia))
        };
        let (nota, cp, gia) = match letto.await {
            Ok(l) => l,
            Err(e) => {
                tracing::warn!(ente = %ente.ipa(), errore = %e, "il checkpoint per i testimoni non si legge");
                return Ok(false);
            }
        };
        let saltato = || w.con_stato(|s| s.registri.get(&cp.origine).is_some_and(Attesa::salta));
        if cp.dimensione == gia || saltato() {
            return Ok(cp.dimensione == gia);
        }
        match self.chiedi(w, ente, registro, &nota, &cp, gia).await {
            Ok(()) => {
                w.con_stato(|s| {
                    s.rete = Attesa::default();
                    s.registri.remove(&cp.origine);
                });
                return Ok(true);
            }
            Err(Intoppo::Rete(e)) => {
                tracing::warn!(testimone = %w.chiave.nome(), errore = %e, "il testimone non si raggiunge");
                return Err(e);
            }
            Err(Intoppo::No(e)) => {
                tracing::warn!(testimone = %w.chiave.nome(), registro = %cp.origine, motivo = %e, "il testimone non cofirma");
                w.rifiutato(cp.origine, e, false);
            }
            Err(Intoppo::AltraStoria(e)) => {
                tracing::error!(testimone = %w.chiave.nome(), registro = %cp.origine, motivo = %e, "il testimone ha visto un'altra storia");
                w.rifiutato(cp.origine, e, true);
            }
            Err(Intoppo::Nostro(e)) => {
                tracing::warn!(ente = %ente.ipa(), errore = %e, "la cofirma non è stata chiesta o conservata");
            }
        }
        Ok(false)
    }

    /// From the size it cosigned last; if it is at another one it says which, and is asked once more from there.
    async fn chiedi(
        &self,
        w: &Interpellato,
        ente: &dyn EnteStore,
        registro: &Registro,
        nota: &str,
        cp: &Checkpoint,
        gia: u64,
    ) -> Result<(), Intoppo> {
        let mut da = gia.min(cp.dimensione);
        let mut ripreso = false;
        loop {
            let prova = ente.prova_coerenza(registro, da, cp.dimensione).await?;
            let r = self.manda(&w.url, scrivi(da, &prova, nota)).await.map_err(Intoppo::Rete)?;
            match r.stato {
                200 => {
                    let dette =
                        firme(&r.corpo).map_err(|e| Intoppo::No(format!("la sua risposta non si legge: {e}")))?;
                    let sua = w.chiave.tra(&cp.testo(), &dette).map(|(f, _)| f.clone());
                    let sua = sua.map_err(|e| Intoppo::No(format!("la sua cofirma non è valida: {e}")))?;
                    ente.conserva_cofirma(registro, cp.dimensione, &w.chiave, &sua).await?;
                    return Ok(());
                }
                409 => {
                    let vista =
                        (r.tipo == TIPO_DIMENSIONE).then(|| r.corpo.strip_suffix('\n').and_then(dimensione)).flatten();
                    match vista {
                        Some(n) if n > cp.dimensione => {
                            // A larger one may have been signed since, and shown by whoever reads the public log.
                            if letto(ente, registro).await?.1.dimensione >= n {
                                return Ok(());
                            }
                            let detto = format!(
                                "ha già visto {n} operazioni, qui ce ne sono {}: il registro è stato accorciato",
                                cp.dimensione
                            );
                            return Err(Intoppo::AltraStoria(detto));
                        }
                        Some(n) if n == da => {
                            let detto =
                                format!("con {n} operazioni ha già visto un'altra radice: il registro ha due storie");
                            return Err(Intoppo::AltraStoria(detto));
                        }
                        Some(n) if !ripreso => (da, ripreso) = (n, true),
                        _ => return Err(Intoppo::No("non dice da dove riprendere".to_owned())),
                    }
                }
                400 => return Err(Intoppo::No("non capisce la richiesta".to_owned())),
                403 => return Err(Intoppo::No("non conosce la chiave che firma questo registro".to_owned())),
                404 => return Err(Intoppo::No("non osserva questo registro".to_owned())),
                422 => {
                    let detto = format!("il registro non continua le {da} operazioni che ha già visto: ha due storie");
                    return Err(Intoppo::AltraStoria(detto));
                }
                n => return Err(Intoppo::Rete(format!("risponde {n}"))),
            }
        }
    }

    async fn manda(&self, url: &str, corpo: String) -> Result<Risposta, String> {
        let (agente, url) = (self.agente.clone(), format!("{url}/add-checkpoint"));
        let fatto = tokio::task::spawn_blocking(move || {
            let mut r = agente
                .post(&url)
                .header("content-type", "text/plain; charset=utf-8")
                .send(corpo)
                .map_err(|e| format!("non risponde: {e}"))?;
            let tipo = r.headers().get("content-type").and_then(|t| t.to_str().ok()).unwrap_or_default().to_owned();
            let mut corpo = String::new();
            let letto = r.body_mut().as_reader().take(RISPOSTA_BYTE_MAX).read_to_string(&mut corpo);
            match letto {
                Err(e) if r.status().is_success() => Err(format!("la risposta si interrompe: {e}")),
                _ => Ok(Risposta { stato: r.status().as_u16(), tipo, corpo }),
            }
        });
        fatto.await.map_err(|e| e.to_string())?
    }

    /// What each witness has said of a log.
    ///
    /// # Errors
    /// The store's.
    pub async fn di(
        &self,
        ente: &dyn EnteStore,
        registro: &Registro,
        origine: &str,
    ) -> Result<Vec<Testimonianza>, Errore> {
        let mut out = Vec::with_capacity(self.chiesti.len());
        for w in &self.chiesti {
            let ultima = ente.ultima_cofirma(registro, &w.chiave).await?;
            let (intoppo, altra_storia) = w.con_stato(|s| {
                let no = s.registri.get(origine);
                let irraggiungibile = s.rete.detto.as_ref().map(|_| "ora non si raggiunge".to_owned());
                (no.and_then(|a| a.detto.clone()).or(irraggiungibile), no.is_some_and(|a| a.altra_storia))
            });
            out.push(Testimonianza {
                nome: w.chiave.nome().to_owned(),
                cofirmate: ultima.map(|c| (c.dimensione, c.istante)),
                intoppo,
                altra_storia,
            });
        }
        Ok(out)
    }
}

impl Interpellato {
    fn con_stato<T>(&self, f: impl FnOnce(&mut Stato) -> T) -> T {
        f(&mut self.stato.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn rifiutato(&self, origine: String, detto: String, altra_storia: bool) {
        self.con_stato(|s| {
            s.rete = Attesa::default();
            let a = s.registri.entry(origine).or_default();
            a.fallita(detto);
            a.altra_storia = altra_storia;
        });
    }
}

/// The last checkpoint of a log: the note, and what it says.
async fn letto(ente: &dyn EnteStore, registro: &Registro) -> Result<(String, Checkpoint), Errore> {
    let nota = ente.checkpoint(registro).await?;
    let cp = crate::detto(&nota)?;
    Ok((nota, cp))
}

/// What a witness answered.
struct Risposta {
    stato: u16,
    tipo: String,
    corpo: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_witness_is_written_as_its_key_and_its_address() {
        let k = catena::ChiaveTestimone::da_segreto("w.example/1", &[1; 32]).unwrap().pubblica();
        let w: Interpellato = format!("{k}  https://w.example/testimone/ ").parse().unwrap();
        assert_eq!((w.url.as_str(), &w.chiave), ("https://w.example/testimone", &k));
        let registro = catena::ChiaveFirma::da_segreto("w.example/1", &[1; 32]).unwrap().pubblica();
        for odd in [
            String::new(),
            k.to_string(),
            "https://w.example".to_owned(),
            format!("https://w.example {k}"),
            format!("{k} w.example"),
            format!("{k} ftp://w.example"),
            format!("{k} https://w.example/?a=b"),
            format!("{k} https://w.example altro"),
            format!("{registro} https://w.example"),
        ] {
            assert!(odd.parse::<Interpellato>().is_err(), "{odd}");
        }
    }

    #[test]
    fn who_fails_is_left_alone_longer_each_time_and_never_more_than_an_hour() {
        let mut a = Attesa::default();
        let mut pause = Vec::new();
        for _ in 0..9 {
            pause.push(a.pausa().as_secs());
            a.fallita("no".to_owned());
            assert!(a.salta());
        }
        assert_eq!(pause, [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
        assert!(!Attesa::default().salta());
    }
}
