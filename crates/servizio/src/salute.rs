//! Liveness, readiness, and metrics in the Prometheus text format.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use archivio::Errore;
use archivio::store::Salute;
use archivio::tenuta::in_parole;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dominio::codici::CodiceIpa;
use serde_json::json;
use tracing::Instrument as _;

use crate::Servizio;
use crate::diario::{self, Traccia};
use crate::misure::{Foglio, Giri, Rifiuti};
use crate::problema::{Problema, SOVRACCARICO, Tipo, uniforma};

/// Upper bounds of the latency buckets, milliseconds.
const SECCHI_MS: [u64; 8] = [5, 10, 25, 50, 100, 250, 1_000, 5_000];

/// Requests to one route with one method.
#[derive(Debug, Default, Clone)]
struct Contatore {
    stati: [u64; 6],
    secchi: [u64; SECCHI_MS.len() + 1],
    somma_us: u64,
}

/// Counters of the process. Routes are counted by their template, never by the values in a path: no personal data,
/// and as many lines as there are routes.
#[derive(Debug)]
pub struct Metriche {
    avvio: SystemTime,
    rotte: Mutex<BTreeMap<&'static str, BTreeMap<String, Contatore>>>,
    registrazioni: AtomicU64,
    /// Refusals by cause.
    pub rifiuti: Rifiuti,
    /// Rounds of what goes on by itself.
    pub giri: Giri,
}

impl Default for Metriche {
    fn default() -> Self {
        Self {
            avvio: SystemTime::now(),
            rotte: Mutex::default(),
            registrazioni: AtomicU64::new(0),
            rifiuti: Rifiuti::default(),
            giri: Giri::default(),
        }
    }
}

impl Metriche {
    /// One more registration made through this interface; not for a first answer given again.
    pub fn registrata(&self) {
        self.registrazioni.fetch_add(1, Ordering::Relaxed);
    }

    fn conta(&self, metodo: &'static str, rotta: &str, stato: StatusCode, durata: Duration) {
        let mut tutte = self.rotte.lock().unwrap_or_else(PoisonError::into_inner);
        let rotte = tutte.entry(metodo).or_default();
        if !rotte.contains_key(rotta) {
            rotte.insert(rotta.to_owned(), Contatore::default());
        }
        let Some(c) = rotte.get_mut(rotta) else { return };
        c.stati[usize::from(stato.as_u16() / 100).min(5)] += 1;
        let i = SECCHI_MS.iter().position(|s| durata <= Duration::from_millis(*s)).unwrap_or(SECCHI_MS.len());
        c.secchi[i] += 1;
        c.somma_us += u64::try_from(durata.as_micros()).unwrap_or(u64::MAX);
    }

    /// Its part of the metrics.
    pub(crate) fn scrivi(&self, f: &mut Foglio) {
        let tutte = self.rotte.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let righe = || tutte.iter().flat_map(|(m, rotte)| rotte.iter().map(move |(r, c)| (*m, r.as_str(), c)));
        f.capo("protocollo_richieste_totale", "counter", "Richieste, per metodo, rotta e stato");
        for (m, r, c) in righe() {
            for (i, n) in c.stati.iter().enumerate().filter(|(_, n)| **n > 0) {
                f.riga("protocollo_richieste_totale", &format!("metodo=\"{m}\",rotta=\"{r}\",stato=\"{i}xx\""), n);
            }
        }
        let limiti = SECCHI_MS.map(|ms| ms as f64 / 1_000.0);
        f.capo("protocollo_richiesta_secondi", "histogram", "Quanto dura una richiesta");
        for (m, r, c) in righe() {
            let chi = format!("metodo=\"{m}\",rotta=\"{r}\"");
            f.secchi("protocollo_richiesta_secondi", &chi, &c.secchi, &limiti, c.somma_us as f64 / 1e6);
        }
        f.uno(
            "protocollo_registrazioni_totale",
            "counter",
            "Registrazioni fatte da questo processo attraverso l'API",
            self.registrazioni.load(Ordering::Relaxed),
        );
        f.uno(
            "protocollo_rifiuti_coda_totale",
            "counter",
            "Richieste rifiutate perché la coda era piena",
            self.rifiuti.di(SOVRACCARICO),
        );
        let avvio = self.avvio.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        f.uno("protocollo_avvio_istante_secondi", "gauge", "Quando è partito questo processo", avvio);
    }
}

/// Method of a request, among the few that exist: what a stranger writes there makes no new line.
fn metodo(r: &Request) -> &'static str {
    const NOTI: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    NOTI.iter().copied().find(|m| *m == r.method().as_str()).unwrap_or("ALTRO")
}

/// Counts every request, and says in the journal which route answered what: templates, never values.
pub async fn conta(State(s): State<Arc<Servizio>>, r: Request, next: Next) -> Response {
    let inizio = Instant::now();
    let metodo = metodo(&r);
    let rotta = r.extensions().get::<MatchedPath>().cloned();
    let traccia = Traccia::di(r.headers());
    let tratto = traccia.tratto();
    let ipa = crate::equita::ente(r.uri().path()).parse::<CodiceIpa>().ok();
    let mut risposta = next.run(r).instrument(tratto.clone()).await;
    if let Ok(v) = HeaderValue::from_str(&traccia.to_string()) {
        risposta.headers_mut().insert(HeaderName::from_static(diario::INTESTAZIONE), v);
    }
    let rotta = rotta.as_ref().map_or("altro", MatchedPath::as_str);
    let (stato, durata) = (risposta.status(), inizio.elapsed());
    s.metriche.conta(metodo, rotta, stato, durata);
    if let Some(Tipo(causa)) = risposta.extensions().get::<Tipo>() {
        s.metriche.rifiuti.conta(causa);
    }
    let ms = u64::try_from(durata.as_millis()).unwrap_or(u64::MAX);
    // What a stranger writes in an address is said only if it is the code of an ente of ours.
    let ente = ipa.filter(|i| s.store.e_aperto(i)).map(String::from);
    let _dentro = tratto.enter();
    if stato.is_server_error() {
        tracing::warn!(target: diario::RICHIESTA, metodo, rotta, stato = stato.as_u16(), ms, ente, "richiesta non servita");
    } else {
        tracing::info!(target: diario::RICHIESTA, metodo, rotta, stato = stato.as_u16(), ms, ente, "richiesta");
    }
    risposta
}

/// Routes of this room.
pub fn rotte() -> Router<Arc<Servizio>> {
    Router::new()
        .route("/salute/vivo", get(|| async { axum::Json(json!({"stato": "vivo"})) }))
        .route("/salute/pronto", get(pronto))
        .route("/metriche", get(metriche))
        .layer(axum::middleware::from_fn(uniforma))
}

/// Not only what was seen last: each ente reads its clock and tries again what refused a write, all at the same time.
async fn pronto(State(s): State<Arc<Servizio>>) -> Response {
    let (mut impedimenti, mut avvisi) = (Vec::new(), Vec::new());
    let enti = s.store.enti().await.unwrap_or_else(|e| {
        impedimenti.push(json!({"ente": null, "motivo": non_si_apre(e)}));
        Vec::new()
    });
    let saluti = enti.into_iter().map(async |ipa| {
        // Closed in good health, and the clock is where it was expected: opening it would tell nothing more.
        if s.store.a_riposo(&ipa).is_some() {
            return (ipa, Ok(Salute::default()));
        }
        let salute = match s.store.guarda(&ipa).await {
            Ok(Some(e)) => Ok(e.salute().await),
            Ok(None) => Ok(Salute::default()),
            Err(e) => Err(non_si_apre(e)),
        };
        (ipa, salute)
    });
    for (ipa, salute) in futures_util::future::join_all(saluti).await {
        let salute = salute.unwrap_or_else(|e| Salute { impedimenti: vec![e], avvisi: Vec::new() });
        impedimenti.extend(salute.impedimenti.into_iter().map(|m| json!({"ente": ipa, "motivo": m})));
        avvisi.extend(salute.avvisi.into_iter().map(|m| format!("{ipa}: {m}")));
    }
    avvisi.extend(s.sigilli.avvisi(&*s.store));
    avvisi.extend(s.esami.avvisi());
    avvisi.extend(s.ancore.avvisi());
    avvisi.extend(s.sola_lettura.motivo().await.map(|m| format!("il servizio è in sola lettura: {m}")));
    // A warning, not a stop: the register's own watch on the clock decides (R-A21).
    if archivio::orologio::sincronizzato() == Some(false) {
        avvisi.push("l'orologio della macchina non risulta sincronizzato con un riferimento (NTP)".to_owned());
    }
    let (stato, parola) = match impedimenti.is_empty() {
        true => (StatusCode::OK, "pronto"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "impedito"),
    };
    (stato, axum::Json(json!({"stato": parola, "impedimenti": impedimenti, "avvisi": avvisi}))).into_response()
}

/// Tried again at the next question, or request.
fn non_si_apre(e: Errore) -> String {
    match &e {
        Errore::Archivio(_) => format!("l'archivio non si apre: {}", in_parole(&e)),
        _ => Problema::from(e).dettaglio,
    }
}

async fn metriche(State(s): State<Arc<Servizio>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], crate::misure::testo(&s).await).into_response()
}
