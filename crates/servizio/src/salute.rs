//! Liveness, readiness, and metrics in the Prometheus text format.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::json;

use crate::Servizio;

/// Upper bounds of the latency buckets, milliseconds.
const SECCHI_MS: [u64; 8] = [5, 10, 25, 50, 100, 250, 1_000, 5_000];

/// Counters of the process.
#[derive(Debug)]
pub struct Metriche {
    avvio: Instant,
    stati: [AtomicU64; 6],
    secchi: [AtomicU64; 9],
    somma_ms: AtomicU64,
}

impl Default for Metriche {
    fn default() -> Self {
        Self {
            avvio: Instant::now(),
            stati: Default::default(),
            secchi: Default::default(),
            somma_ms: AtomicU64::new(0),
        }
    }
}

impl Metriche {
    fn registra(&self, stato: StatusCode, ms: u64) {
        self.stati[usize::from(stato.as_u16() / 100).min(5)].fetch_add(1, Ordering::Relaxed);
        let i = SECCHI_MS.iter().position(|s| ms <= *s).unwrap_or(SECCHI_MS.len());
        self.secchi[i].fetch_add(1, Ordering::Relaxed);
        self.somma_ms.fetch_add(ms, Ordering::Relaxed);
    }

    fn testo(&self) -> String {
        let mut t = String::from("# TYPE protocollo_richieste_totale counter\n");
        for (i, n) in self.stati.iter().enumerate().skip(1) {
            let _ = writeln!(t, "protocollo_richieste_totale{{stato=\"{i}xx\"}} {}", n.load(Ordering::Relaxed));
        }
        t.push_str("# TYPE protocollo_richiesta_secondi histogram\n");
        let mut cumulo = 0;
        for (i, n) in self.secchi.iter().enumerate() {
            cumulo += n.load(Ordering::Relaxed);
            let le = SECCHI_MS.get(i).map_or("+Inf".to_owned(), |ms| format!("{}", *ms as f64 / 1_000.0));
            let _ = writeln!(t, "protocollo_richiesta_secondi_bucket{{le=\"{le}\"}} {cumulo}");
        }
        let somma = self.somma_ms.load(Ordering::Relaxed) as f64 / 1_000.0;
        let _ = writeln!(t, "protocollo_richiesta_secondi_sum {somma}\nprotocollo_richiesta_secondi_count {cumulo}");
        let _ = writeln!(
            t,
            "# TYPE protocollo_attivo_secondi gauge\nprotocollo_attivo_secondi {}",
            self.avvio.elapsed().as_secs()
        );
        t
    }
}

/// Counts every request.
pub async fn conta(State(s): State<Arc<Servizio>>, r: Request, next: Next) -> Response {
    let inizio = Instant::now();
    let risposta = next.run(r).await;
    let ms = u64::try_from(inizio.elapsed().as_millis()).unwrap_or(u64::MAX);
    s.metriche.registra(risposta.status(), ms);
    risposta
}

/// Routes of this room.
pub fn rotte() -> Router<Arc<Servizio>> {
    Router::new()
        .route("/salute/vivo", get(|| async { axum::Json(json!({"stato": "vivo"})) }))
        .route("/salute/pronto", get(pronto))
        .route("/metriche", get(metriche))
}

async fn pronto(State(s): State<Arc<Servizio>>) -> Response {
    let mut impedimenti = Vec::new();
    match s.store.enti().await {
        Err(e) => impedimenti.push(json!({"ente": null, "motivo": e.to_string()})),
        Ok(enti) => {
            for ipa in enti {
                match s.store.ente(&ipa).await {
                    Err(e) => impedimenti.push(json!({"ente": ipa, "motivo": e.to_string()})),
                    Ok(Some(e)) => {
                        if let Some(m) = e.impedimento() {
                            impedimenti.push(json!({"ente": ipa, "motivo": m}));
                        }
                    }
                    Ok(None) => {}
                }
            }
        }
    }
    let stato = if impedimenti.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let parola = if impedimenti.is_empty() { "pronto" } else { "impedito" };
    (stato, axum::Json(json!({"stato": parola, "impedimenti": impedimenti}))).into_response()
}

async fn metriche(State(s): State<Arc<Servizio>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], s.metriche.testo()).into_response()
}
