//! The running service: one state, its doors, its jobs.
//!
//! | room | what it holds |
//! |---|---|
//! | [`pagine`] | the pages people use |
//! | [`accesso`] | passwords, sessions, the brake on guessing |
//! | [`rest`] | the REST interface and its OpenAPI document |
//! | [`token`] | tokens of the API |
//! | [`ricezione`] | multipart bodies, streamed |
//! | [`problema`] | errors as answers |
//! | [`salute`] | liveness, readiness, metrics |
//!
//! No door writes a row by itself: each turns what it was given into a command of the core.

pub mod accesso;
pub mod pagine;
pub mod problema;
pub mod rest;
pub mod ricezione;
pub mod salute;
pub mod token;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use archivio::Store;
use archivio::store::Registro;
use axum::Router;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::IntoResponse as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate as _, SizeAbove};
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
}

impl Servizio {
    /// A service on an installation.
    pub fn nuovo(store: Arc<dyn Store>, url_pubblico: &str) -> Self {
        Self {
            store,
            limiti: ricezione::Limiti::default(),
            url_pubblico: url_pubblico.trim_end_matches('/').to_owned(),
            metriche: salute::Metriche::default(),
        }
    }
}

/// Every door.
pub fn rotte(s: Arc<Servizio>) -> Router {
    let orologio = Arc::new(archivio::orologio::OrologioDiSistema);
    let accesso = Arc::new(accesso::Accesso::nuovo(Arc::clone(&s.store), orologio, &s.url_pubblico));
    let fissa = |nome: HeaderName, valore: &'static str| {
        SetResponseHeaderLayer::if_not_present(nome, HeaderValue::from_static(valore))
    };
    Router::new()
        .merge(rest::rotte())
        .merge(salute::rotte())
        .merge(pagine::rotte(accesso))
        .fallback(pagine::errore::nulla)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&s), salute::conta))
        .with_state(s)
        .layer(
            CompressionLayer::new()
                .compress_when(SizeAbove::new(1_024).and(NotForContentType::const_new("application/octet-stream"))),
        )
        .layer(fissa(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fissa(header::REFERRER_POLICY, "same-origin"))
        .layer(fissa(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(fissa(header::CACHE_CONTROL, "no-store"))
        .layer(CatchPanicLayer::custom(|_: Box<dyn std::any::Any + Send>| {
            let mut p = Problema::malformata("errore interno: la richiesta non è stata eseguita");
            p.stato = StatusCode::INTERNAL_SERVER_ERROR;
            p.titolo = "Errore interno";
            p.into_response()
        }))
}

/// Serves until `fine` resolves, then lets what is under way end.
///
/// # Errors
/// The listener's.
pub async fn servi(
    ascolto: tokio::net::TcpListener,
    s: Arc<Servizio>,
    fine: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let lavori = tokio::spawn(lavori(Arc::clone(&s)));
    let esito = axum::serve(ascolto, rotte(s).into_make_service_with_connect_info::<std::net::SocketAddr>())
        .with_graceful_shutdown(fine)
        .await;
    lavori.abort();
    esito
}

/// What goes on by itself: a checkpoint each minute in which something changed, the sweeping of files.
async fn lavori(s: Arc<Servizio>) {
    let mut minuto = tokio::time::interval(Duration::from_secs(60));
    let mut giro = 0u64;
    loop {
        minuto.tick().await;
        if let Err(e) = un_giro(&s, giro.is_multiple_of(60)).await {
            tracing::warn!(errore = %e, "lavori periodici");
        }
        giro += 1;
    }
}

async fn un_giro(s: &Servizio, spazza: bool) -> archivio::Esito<()> {
    for ipa in s.store.enti().await? {
        let Some(ente) = s.store.ente(&ipa).await? else { continue };
        let conf = ente.configurazione();
        ente.firma_checkpoint(&Registro::Ente).await?;
        for aoo in conf.aoo.keys() {
            ente.firma_checkpoint(&Registro::Aoo(aoo.clone())).await?;
        }
        if spazza {
            let tolti = ente.spazza().await?;
            if tolti > 0 {
                tracing::info!(ente = %ipa, tolti, "file senza registrazione tolti");
            }
        }
    }
    Ok(())
}
