//! The running service: one state, its doors, its jobs.
//!
//! | room | what it holds |
//! |---|---|
//! | [`pagine`] | the pages people use |
//! | [`accessi`] | who saw what, written before it is shown |
//! | [`ancore`] | checkpoints put elsewhere, and the blind window |
//! | [`ancore_posta`] | the same, sent by mail |
//! | [`accesso`] | passwords, sessions, the brake on guessing |
//! | [`rest`] | the REST interface and its OpenAPI document |
//! | [`token`] | tokens of the API |
//! | [`ricezione`] | multipart bodies, streamed |
//! | [`problema`] | errors as answers |
//! | [`stampe`] | documents on paper: receipt for the person, history of a registration |
//! | [`salute`] | liveness, readiness, metrics |
//!
//! No door writes a row by itself: each turns what it was given into a command of the core.

pub mod accessi;
pub mod accesso;
pub mod ancore;
pub mod ancore_posta;
pub mod pagine;
pub mod problema;
pub mod rest;
pub mod ricezione;
pub mod salute;
pub mod scarico;
pub mod stampe;
pub mod token;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use archivio::Store;
use archivio::store::Registro;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use dominio::codici::CodiceIpa;
use tokio::time::MissedTickBehavior;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate as _, SizeAbove};
use tower_http::set_header::SetResponseHeaderLayer;

pub use problema::Problema;

/// State of the service.
pub struct Servizio {
    /// The installation.
    pub store: Arc<dyn Store>,
    /// Limits of requests.
    pub limiti: ricezione::Limiti,
    /// Address people use, without a final slash (`https://protocollo.example.it`).
    pub url_pubblico: String,
    /// Counters.
    pub metriche: salute::Metriche,
    /// Where checkpoints are put.
    pub ancore: Arc<ancore::Ancore>,
}

impl Servizio {
    /// A service on an installation.
    pub fn nuovo(store: Arc<dyn Store>, url_pubblico: &str) -> Self {
        Self {
            store,
            limiti: ricezione::Limiti::default(),
            url_pubblico: url_pubblico.trim_end_matches('/').to_owned(),
            metriche: salute::Metriche::default(),
            ancore: Arc::default(),
        }
    }

    /// The same, with checkpoints put in a folder too.
    #[must_use]
    pub fn con_ancore(mut self, cartella: Option<std::path::PathBuf>) -> Self {
        self.ancore = Arc::new(ancore::Ancore::in_cartella(cartella));
        self
    }

    /// The same, with checkpoints put in these places.
    #[must_use]
    pub fn ancorato(mut self, ancore: ancore::Ancore) -> Self {
        self.ancore = Arc::new(ancore);
        self
    }
}

/// How long the service waits, at the end, for a message on its way.
const FINE_POSTA: Duration = Duration::from_secs(20);

/// Every door.
pub fn rotte(s: Arc<Servizio>) -> Router {
    let orologio = Arc::new(archivio::orologio::OrologioDiSistema);
    let accesso =
        Arc::new(accesso::Accesso::nuovo(Arc::clone(&s.store), orologio, &s.url_pubblico, Arc::clone(&s.ancore)));
    let porte = Router::new()
        .merge(rest::rotte())
        .merge(salute::rotte())
        .merge(pagine::rotte(accesso))
        .fallback(pagine::errore::nulla);
    protette(porte, s)
}

/// What holds for every answer, whichever door gives it: from the inside out, a panic is a problem, a request has its
/// time, is counted, is compressed when it is text, and carries protective headers.
fn protette(porte: Router<Arc<Servizio>>, s: Arc<Servizio>) -> Router {
    let fissa = |nome: HeaderName, valore: &'static str| {
        SetResponseHeaderLayer::if_not_present(nome, HeaderValue::from_static(valore))
    };
    porte
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            // The message may hold data of the request: it goes nowhere.
            tracing::error!("una richiesta si è interrotta per un errore interno");
            Problema::interno().into_response()
        }))
        .layer(axum::middleware::from_fn_with_state(s.limiti.attesa_max, a_tempo))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&s), salute::conta))
        .with_state(s)
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(1_024).and(testo_nostro)))
        .layer(fissa(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fissa(header::REFERRER_POLICY, "same-origin"))
        .layer(fissa(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(fissa(header::CACHE_CONTROL, "no-store"))
}

/// Gives a request its time. Uploads have theirs, piece by piece, in [`ricezione`].
async fn a_tempo(State(attesa_max): State<Duration>, r: Request, next: Next) -> Response {
    let invio = r.headers().get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"multipart/"));
    if invio {
        return next.run(r).await;
    }
    match tokio::time::timeout(attesa_max, next.run(r)).await {
        Ok(risposta) => risposta,
        Err(_) => Problema::attesa(
            "la richiesta non si è conclusa in tempo e può essere stata eseguita lo stesso: ripeterla con la stessa \
             Idempotency-Key, o rileggere prima di ripetere",
        )
        .into_response(),
    }
}

/// Text of our own making gains from compression; a registered document travels as it is, with its length.
fn testo_nostro(_: StatusCode, _: Version, capi: &HeaderMap, _: &Extensions) -> bool {
    let tipo = capi.get(header::CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default();
    !capi.contains_key(header::CONTENT_DISPOSITION)
        && (tipo.starts_with("text/")
            || ["application/json", "application/problem+json", "application/javascript", "image/svg+xml"]
                .iter()
                .any(|t| tipo.starts_with(t)))
}

/// Serves until `fine` resolves, lets what is under way end, and signs a last checkpoint of what changed.
///
/// # Errors
/// The listener's.
pub async fn servi(
    ascolto: tokio::net::TcpListener,
    s: Arc<Servizio>,
    fine: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let lavori = tokio::spawn(lavori(Arc::clone(&s)));
    let (ferma, fermata) = tokio::sync::watch::channel(false);
    let posta = tokio::spawn(ancore_posta::lavora(Arc::clone(&s), fermata));
    let porte = rotte(Arc::clone(&s)).into_make_service_with_connect_info::<std::net::SocketAddr>();
    let esito = axum::serve(ascolto, porte).with_graceful_shutdown(fine).await;
    lavori.abort();
    // A message on its way is let go, so that it is written down and not sent again.
    let _ = ferma.send(true);
    let _ = tokio::time::timeout(FINE_POSTA, posta).await;
    un_giro(&s, false).await;
    esito
}

/// What goes on by itself: a checkpoint each minute in which something changed, the sweeping of files each hour.
async fn lavori(s: Arc<Servizio>) {
    let mut minuto = tokio::time::interval(Duration::from_secs(60));
    minuto.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut giro = 0u64;
    loop {
        minuto.tick().await;
        un_giro(&s, giro.is_multiple_of(60)).await;
        giro += 1;
    }
}

/// Each ente by itself: what stops one does not stop the others.
async fn un_giro(s: &Servizio, spazza: bool) {
    let enti = s.store.enti().await.unwrap_or_else(|e| {
        tracing::warn!(errore = %e, "lavori periodici");
        Vec::new()
    });
    for ipa in enti {
        if let Err(e) = un_ente(s, &ipa, spazza).await {
            tracing::warn!(ente = %ipa, errore = %e, "lavori periodici");
        }
    }
}

async fn deposita(s: &Servizio, ente: &dyn archivio::EnteStore, nota: String) {
    let (ancore, ora) = (Arc::clone(&s.ancore), ente.ora());
    let esito = tokio::task::spawn_blocking(move || ancore.deposita(&nota, ora)).await;
    if let Ok(Err(e)) = esito {
        // Registering goes on; the window stays open, and the page says so.
        tracing::warn!(ente = %ente.ipa(), errore = %e, "il checkpoint non è stato depositato");
    }
}

async fn un_ente(s: &Servizio, ipa: &CodiceIpa, spazza: bool) -> archivio::Esito<()> {
    let Some(ente) = s.store.ente(ipa).await? else { return Ok(()) };
    let conf = ente.configurazione();
    let mut registri = vec![Registro::Ente];
    registri.extend(conf.aoo.keys().cloned().map(Registro::Aoo));
    for registro in registri {
        let nota = ente.firma_checkpoint(&registro).await?;
        deposita(s, &*ente, nota).await;
    }
    match ente.firma_accessi().await {
        Ok(None) => {}
        Ok(Some(nota)) => deposita(s, &*ente, nota).await,
        Err(e) => tracing::warn!(ente = %ipa, errore = %e, "il registro degli accessi non è stato firmato"),
    }
    // A clock that leapt must not make every access look old.
    if spazza && ente.impedimento().is_none() {
        let potati = ente.pota_accessi(ente.ora().piu_secondi(-accessi::GIORNI_TENUTI * 86_400)).await?;
        if potati > 0 {
            tracing::info!(ente = %ipa, potati, "accessi più vecchi del tempo di conservazione");
        }
    }
    if spazza {
        let tolti = ente.spazza().await?;
        if tolti > 0 {
            tracing::info!(ente = %ipa, tolti, "file senza registrazione tolti");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    async fn scoppia() -> StatusCode {
        assert!(std::hint::black_box(false), "segreto della richiesta");
        StatusCode::OK
    }

    #[tokio::test]
    async fn a_panic_is_a_problem_that_tells_nothing_and_the_service_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let store = archivio::sqlite::SqliteStore::apri(dir.path(), Arc::new(archivio::orologio::OrologioDiSistema));
        let s = Arc::new(Servizio::nuovo(store.unwrap(), "http://prova"));
        let porte = Router::new().route("/scoppia", get(scoppia)).merge(salute::rotte());
        let porte = protette(porte, s);
        let chiedi = |p: &str| porte.clone().oneshot(Request::get(p).body(Body::empty()).unwrap());
        let r = chiedi("/scoppia").await.unwrap();
        assert_eq!(r.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(r.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let corpo = axum::body::to_bytes(r.into_body(), 10_000).await.unwrap();
        let testo = String::from_utf8(corpo.to_vec()).unwrap();
        assert!(testo.contains("errore-interno") && !testo.contains("segreto"), "{testo}");
        assert_eq!(chiedi("/salute/vivo").await.unwrap().status(), StatusCode::OK);
        let m = chiedi("/metriche").await.unwrap();
        let m = axum::body::to_bytes(m.into_body(), 100_000).await.unwrap();
        assert!(String::from_utf8_lossy(&m).contains("rotta=\"/scoppia\",stato=\"5xx\"} 1"));
    }
}
