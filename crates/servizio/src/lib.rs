//! The running service: one state, its doors, its jobs.
//!
//! | room | what it holds |
//! |---|---|
//! | `chiamate` | enti in which something waits for a job, one task each |
//! | [`copie`] | the copies, and drills of their restoring |
//! | [`lacune`] | what was lost before a restoring, as far as receipts tell |
//! | [`diario`] | the journal, and the trace of each request |
//! | [`esami`] | signatures of registered files, examined after the answer |
//! | [`equita`] | turns: the storm of one ente leaves the others alone |
//! | [`misure`] | what the metrics say of enti, pools and process |
//! | [`pagine`] | the pages people use |
//! | [`accessi`] | who saw what, written before it is shown |
//! | [`ancore`] | checkpoints put elsewhere, and the blind window |
//! | [`ancore_posta`] | the same, sent by mail |
//! | [`accesso`] | passwords, sessions, the brake on guessing |
//! | [`rest`] | the REST interface and its OpenAPI document |
//! | [`token`] | tokens of the API |
//! | [`ricezione`] | multipart bodies, streamed |
//! | [`segnatura_ricevuta`] | the segnatura that comes with an entrata |
//! | [`problema`] | errors as answers |
//! | [`riposi`] | enti that nobody asks for are closed |
//! | [`stampe`] | documents on paper: receipt for the person, history of a registration |
//! | [`salute`] | liveness, readiness, metrics |
//! | [`sola_lettura`] | nothing is added: who says so, and the layer that refuses |
//! | [`testimoni`] | witnesses asked to cosign our logs; this installation as the witness of others |
//!
//! No door writes a row by itself: each turns what it was given into a command of the core.

pub mod accessi;
pub mod accesso;
pub mod ancore;
pub mod ancore_posta;
mod chiamate;
pub mod copie;
pub mod diario;
pub mod equita;
pub mod esami;
pub mod lacune;
pub mod misure;
pub mod pagine;
pub mod problema;
pub mod rest;
pub mod ricezione;
pub mod riposi;
pub mod salute;
pub mod scarico;
pub mod segnatura_ricevuta;
pub mod sigilli;
pub mod sola_lettura;
pub mod stampe;
pub mod testimoni;
pub mod token;
mod turni;

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use archivio::store::Registro;
use archivio::{EnteStore, Store};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, Version, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use dominio::codici::CodiceIpa;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{Predicate as _, SizeAbove};
use tower_http::set_header::SetResponseHeaderLayer;

pub use problema::Problema;
use turni::Turno;

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
    /// Who is asked to cosign checkpoints.
    pub testimoni: Arc<testimoni::Testimoni>,
    /// The logs of others that are watched here.
    pub osservatorio: testimoni::Osservatorio,
    /// The queues of the enti.
    pub code: Arc<equita::Code>,
    /// May anything be written?
    pub sola_lettura: sola_lettura::SolaLettura,
    /// When enti that nobody asks for are closed.
    pub riposi: riposi::Riposi,
    /// The copies, as far as the service knows them.
    pub copie: Arc<copie::Copie>,
    /// Who seals.
    pub sigilli: Arc<sigilli::Sigilli>,
    /// Who examines the signatures of files.
    pub esami: Arc<esami::Esami>,
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
            testimoni: Arc::default(),
            osservatorio: testimoni::Osservatorio::default(),
            code: Arc::default(),
            sola_lettura: sola_lettura::SolaLettura::default(),
            riposi: riposi::Riposi::default(),
            copie: Arc::default(),
            sigilli: Arc::default(),
            esami: Arc::default(),
        }
    }

    /// The same, letting its enti seal with these.
    #[must_use]
    pub fn che_sigilla(mut self, ammessi: sigilli::fornitore::Ammessi) -> Self {
        self.sigilli = Arc::new(sigilli::Sigilli::con(ammessi));
        self
    }

    /// The same, examining the signatures of files like this.
    #[must_use]
    pub fn che_esamina(mut self, esami: esami::Esami) -> Self {
        self.esami = Arc::new(esami);
        self
    }

    /// The same, with copies and drills in these places.
    #[must_use]
    pub fn con_copie(mut self, luoghi: Option<copie::Luoghi>) -> Self {
        self.copie = Arc::new(copie::Copie::in_luoghi(luoghi));
        self
    }

    /// The same, which somebody may make read-only.
    #[must_use]
    pub fn con_sola_lettura(mut self, sola_lettura: sola_lettura::SolaLettura) -> Self {
        self.sola_lettura = sola_lettura;
        self
    }

    /// The same, closing enti for which nobody asked for so long.
    #[must_use]
    pub fn che_riposa(mut self, dopo: Duration) -> Self {
        self.riposi = riposi::Riposi::dopo(dopo);
        self
    }

    /// The same, with these witnesses asked to cosign its logs.
    #[must_use]
    pub fn con_testimoni(mut self, chiesti: Vec<testimoni::Interpellato>) -> Self {
        self.testimoni = Arc::new(testimoni::Testimoni::nuovi(chiesti));
        self
    }

    /// The same, watching the logs of these keys; its own key, drawn the first time, gets this name, or one made from
    /// the public address.
    #[must_use]
    pub fn che_osserva(mut self, chiavi: Vec<catena::ChiavePubblica>, nome: Option<String>) -> Self {
        let indirizzo = self.url_pubblico.split_once("://").map_or(self.url_pubblico.as_str(), |(_, resto)| resto);
        let nome = nome.unwrap_or_else(|| format!("{indirizzo}/testimone"));
        self.osservatorio = testimoni::Osservatorio::di(chiavi, nome);
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
const FINE_POSTA: Duration = Duration::from_secs(60);

/// Every door.
pub fn rotte(s: Arc<Servizio>) -> Router {
    let orologio = Arc::new(archivio::orologio::OrologioDiSistema);
    let (ancore, testimoni) = (Arc::clone(&s.ancore), Arc::clone(&s.testimoni));
    let accesso = accesso::Accesso::nuovo(Arc::clone(&s.store), orologio, &s.url_pubblico, ancore, testimoni);
    let accesso = Arc::new(
        accesso
            .con_limiti(s.limiti)
            .con_code(Arc::clone(&s.code))
            .con_copie(Arc::clone(&s.copie))
            .con_sigilli(Arc::clone(&s.sigilli))
            .con_esami(Arc::clone(&s.esami)),
    );
    let porte = Router::new()
        .merge(rest::rotte())
        .merge(salute::rotte())
        .merge(testimoni::risponde::rotte())
        .merge(pagine::rotte(accesso))
        .fallback(pagine::errore::nulla);
    protette(porte, s)
}

/// What holds for every answer, whichever door gives it: from the inside out, a panic is a problem, a request has its
/// time, is refused if it would write where nothing may be written, is counted, is compressed when it is text, and carries protective headers.
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
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&s), equita::a_turno))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&s), sola_lettura::guardia))
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&s), salute::conta))
        .with_state(s)
        .layer(CompressionLayer::new().compress_when(SizeAbove::new(1_024).and(testo_nostro)))
        .layer(fissa(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fissa(header::REFERRER_POLICY, "same-origin"))
        .layer(fissa(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"))
        .layer(fissa(header::CACHE_CONTROL, "no-store"))
}

/// Gives a request its time. Uploads have theirs, piece by piece, in [`ricezione`]; what follows them has it in its door.
async fn a_tempo(State(attesa_max): State<Duration>, r: Request, next: Next) -> Response {
    let invio = r.headers().get(header::CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"multipart/"));
    // Where no ente is named nothing is sent.
    if invio && !equita::ente(r.uri().path()).is_empty() {
        return next.run(r).await;
    }
    entro(attesa_max, next.run(r)).await.unwrap_or_else(Problema::into_response)
}

/// What a request asks, if it is done within its time; what follows an upload too.
pub(crate) async fn entro<T>(attesa_max: Duration, fa: impl Future<Output = T>) -> Result<T, Problema> {
    tokio::time::timeout(attesa_max, fa).await.map_err(|_| {
        Problema::attesa(
            "la richiesta non si è conclusa in tempo e può essere stata eseguita lo stesso: ripeterla con la stessa \
             Idempotency-Key, o rileggere prima di ripetere",
        )
    })
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

/// Serves until `fine` resolves, lets what is under way end, signs a last checkpoint of what changed, and shows it to the
/// witnesses, who have a few seconds for it.
///
/// # Errors
/// The listener's.
pub async fn servi(
    ascolto: tokio::net::TcpListener,
    s: Arc<Servizio>,
    fine: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let mut lavori = tokio::task::JoinSet::new();
    let (suona, campanello) = tokio::sync::watch::channel(0u64);
    for n in 0..s.testimoni.quanti() {
        lavori.spawn(un_testimone(Arc::clone(&s), n, campanello.clone()));
    }
    lavori.spawn(giri(Arc::clone(&s), suona));
    lavori.spawn(sigilli::lavora(Arc::clone(&s)));
    lavori.spawn(esami::lavora(Arc::clone(&s)));
    let copie = Arc::clone(&s.copie);
    lavori.spawn_blocking(move || copie.riordina());
    let (ferma, fermata) = tokio::sync::watch::channel(false);
    let posta = tokio::spawn(ancore_posta::lavora(Arc::clone(&s), fermata));
    let porte = rotte(Arc::clone(&s)).into_make_service_with_connect_info::<std::net::SocketAddr>();
    let esito = axum::serve(ascolto, porte).with_graceful_shutdown(fine).await;
    lavori.shutdown().await;
    // A message on its way is let go, so that it is written down and not sent again.
    let _ = ferma.send(true);
    let _ = tokio::time::timeout(FINE_POSTA, posta).await;
    if let Ok(Some(turno)) = Turno::prendi(&*s.store, TURNO, TURNO_TENUTO).await {
        un_giro(&s, &turno, false).await;
        let _ = tokio::time::timeout(CONGEDO, s.testimoni.giro(&*s.store)).await;
        turno.lascia().await;
    }
    esito
}

/// How long witnesses may keep a service that is ending.
const CONGEDO: Duration = Duration::from_secs(5);
/// Between two rounds of what goes on by itself.
const GIRO: Duration = Duration::from_secs(60);
/// How long one ente may keep the others waiting: its disk may be stuck.
const UN_ENTE: Duration = Duration::from_secs(30);
/// After a round that did not end well.
const GIRO_MANCATO: Duration = Duration::from_secs(5);

/// Who of several nodes makes the rounds: he asks again at each, and if he dies another makes them after so long.
const TURNO: &str = "giro";
const TURNO_TENUTO: Duration = Duration::from_secs(150);

/// What goes on by itself: a checkpoint each minute in which something changed, the sweeping of files each hour. Witnesses
/// are told that there may be something new, and go their own way. Of several nodes one does it; each looks after its own
/// connections.
async fn giri(s: Arc<Servizio>, suona: tokio::sync::watch::Sender<u64>) {
    let mut prossima_spazzata = Instant::now();
    let mut giro = 0u64;
    loop {
        let spazza = Instant::now() >= prossima_spazzata;
        if spazza {
            prossima_spazzata += 60 * GIRO;
        }
        let bene = match Turno::prendi(&*s.store, TURNO, TURNO_TENUTO).await {
            Ok(Some(turno)) => {
                let bene = un_giro(&s, &turno, spazza).await;
                giro += 1;
                suona.send_replace(giro);
                bene
            }
            Ok(None) => {
                // What another does is his to say; what he puts there is read again when somebody asks.
                s.ancore.dimentica();
                s.metriche.giri.dimentica();
                riprova(&s, spazza).await;
                true
            }
            Err(e) => {
                tracing::warn!(errore = %e, "lavori periodici");
                false
            }
        };
        tokio::time::sleep(if bene { GIRO } else { GIRO_MANCATO }).await;
    }
}

/// One witness, in its own time: rounds that come while it is being asked are one.
async fn un_testimone(s: Arc<Servizio>, n: usize, mut campanello: tokio::sync::watch::Receiver<u64>) {
    while campanello.changed().await.is_ok() {
        s.testimoni.interpella(n, &*s.store).await;
    }
}

/// What refused a write is tried again, also where nobody asks for readiness; each takes away what he himself uploaded for
/// nothing, and closes the enti that nobody asks him for.
async fn riprova(s: &Servizio, spazza: bool) {
    let spazza = spazza && s.sola_lettura.motivo().await.is_none();
    for ente in s.store.aperti() {
        let suo = async {
            ente.salute().await;
            if spazza && let Err(e) = ente.spazza().await {
                tracing::warn!(ente = %ente.ipa(), errore = %e, "pulizia");
            }
        };
        let _ = tokio::time::timeout(UN_ENTE, suo).await;
        let ipa = ente.ipa().clone();
        // Another node may have been given a seal that works. What waits is sealed by who makes the rounds.
        if ente.configurazione().aoo.keys().any(|aoo| s.sigilli.giu(&ipa, aoo).is_some()) {
            s.sigilli.sveglia(&ipa);
        }
        drop(ente);
        s.riposi.mentre_altri_girano(&*s.store, &ipa).await;
    }
}

/// Each ente by itself: what stops one does not stop the others. Says whether all went well.
async fn un_giro(s: &Servizio, turno: &Turno<'_>, spazza: bool) -> bool {
    // What would be taken away stays, while nothing may be added.
    let spazza = spazza && s.sola_lettura.motivo().await.is_none();
    let enti = match s.store.enti().await {
        Ok(enti) => enti,
        Err(e) => {
            tracing::warn!(errore = %e, "lavori periodici");
            return false;
        }
    };
    let mut bene = true;
    let invariati = s.riposi.invariati(&*s.store).await;
    for ipa in enti {
        if !turno.ancora().await {
            return bene;
        }
        if invariati.contains(&ipa) && !(spazza && s.riposi.da_spazzare(&ipa)) {
            // Signed and put away before it was closed, and nothing was written since.
            s.metriche.giri.riuscito(&ipa);
            continue;
        }
        match tokio::time::timeout(UN_ENTE, un_ente(s, &ipa, spazza)).await {
            Ok(Ok(depositati)) => {
                if depositati {
                    s.metriche.giri.riuscito(&ipa);
                    s.riposi.dopo_il_giro(&*s.store, &ipa, spazza).await;
                }
                bene &= depositati;
            }
            Ok(Err(e)) => {
                tracing::warn!(ente = %ipa, errore = %e, "lavori periodici");
                bene = false;
            }
            Err(_) => {
                tracing::warn!(ente = %ipa, "lavori periodici: non si sono conclusi in tempo");
                bene = false;
            }
        }
    }
    bene
}

/// The logs of an ente: its own, and each AOO's.
pub(crate) fn registri(ente: &dyn EnteStore) -> Vec<Registro> {
    let conf = ente.configurazione();
    std::iter::once(Registro::Ente).chain(conf.aoo.keys().cloned().map(Registro::Aoo)).collect()
}

/// What a note of our own says.
pub(crate) fn detto(nota: &str) -> archivio::Esito<catena::Checkpoint> {
    let male = |e: &dyn std::fmt::Display| archivio::Errore::Incoerente(format!("checkpoint: {e}"));
    let (testo, _) = catena::nota::dividi(nota).map_err(|e| male(&e))?;
    catena::Checkpoint::leggi(testo).map_err(|e| male(&e))
}

/// The keys of a log, as those that open its checkpoints.
pub(crate) async fn chiavi(ente: &dyn EnteStore, registro: &Registro) -> archivio::Esito<Vec<catena::ChiavePubblica>> {
    let male = |e: catena::ErroreNota| archivio::Errore::Incoerente(e.to_string());
    ente.chiavi(registro).await?.iter().map(|k| k.parse().map_err(male)).collect()
}

/// Puts a note signed with the keys of a log where anchors go; says whether it is there.
async fn deposita(s: &Servizio, ente: &dyn EnteStore, registro: &Registro, nota: String) -> archivio::Esito<bool> {
    if !s.ancore.in_una_cartella() {
        return Ok(true);
    }
    // The head of the access log is signed with the keys of the ente's log under another name: the note's own.
    let origine = detto(&nota)?.origine;
    let chiavi: Vec<_> = chiavi(ente, registro).await?.iter().filter_map(|k| k.con_nome(&origine).ok()).collect();
    let (ancore, ora) = (Arc::clone(&s.ancore), ente.ora());
    let esito = tokio::task::spawn_blocking(move || ancore.deposita(&nota, &chiavi, ora)).await;
    if let Ok(Err(e)) = &esito {
        // Registering goes on; the window stays open, and the page says so.
        tracing::warn!(ente = %ente.ipa(), errore = %e, "il checkpoint non è stato depositato");
    }
    // A log shorter than its anchor is not mended by trying again soon.
    Ok(match esito {
        Ok(Err(e)) => e.kind() == std::io::ErrorKind::InvalidData,
        altro => altro.is_ok(),
    })
}

/// Says whether the checkpoints are where they should be.
async fn un_ente(s: &Servizio, ipa: &CodiceIpa, spazza: bool) -> archivio::Esito<bool> {
    let Some(ente) = s.store.guarda(ipa).await? else { return Ok(true) };
    // What refused a write is tried again, also where nobody asks for readiness.
    ente.salute().await;
    let mut depositati = true;
    for registro in registri(&*ente) {
        let nota = ente.firma_checkpoint(&registro).await?;
        depositati &= deposita(s, &*ente, &registro, nota).await?;
    }
    // What a process that stopped left to be sealed, or examined.
    if s.sigilli.aspetta(&*ente).await? {
        s.sigilli.sveglia(ipa);
    }
    if s.esami.aspetta(&*ente).await? {
        s.esami.sveglia(ipa);
    }
    match ente.firma_accessi().await {
        Ok(None) => {}
        Ok(Some(nota)) => depositati &= deposita(s, &*ente, &Registro::Ente, nota).await?,
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
    Ok(depositati)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt as _;

    #[tokio::test(flavor = "multi_thread")]
    async fn who_does_not_make_the_rounds_closes_what_is_signed_and_looks_at_it_if_they_come_to_him() {
        let (dir, ancore) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let orologio = Arc::new(archivio::orologio::OrologioDiSistema);
        let store: Arc<dyn Store> = archivio::sqlite::SqliteStore::apri(dir.path(), orologio).unwrap();
        let ipa: CodiceIpa = "c_z999".parse().unwrap();
        let dati = dominio::configurazione::DatiEnte {
            ipa: ipa.clone(),
            denominazione: "Prova".into(),
            codice_fiscale: None,
            pec: None,
        };
        drop(store.crea_ente(archivio::store::NuovoEnte { dati, chi: archivio::sistema() }).await.unwrap());
        let s = Servizio::nuovo(Arc::clone(&store), "http://prova")
            .ancorato(ancore::Ancore::in_cartella(Some(ancore.path().to_owned())))
            .che_riposa(Duration::ZERO);
        riprova(&s, false).await;
        assert_eq!(store.aperti().len(), 1, "nobody has signed it yet");
        // As the node that makes the rounds would, but for the anchors: its folder did not answer.
        store.guarda(&ipa).await.unwrap().unwrap().firma_checkpoint(&Registro::Ente).await.unwrap();
        riprova(&s, false).await;
        assert!(store.aperti().is_empty() && store.a_riposo(&ipa).is_some());
        assert!(store.invariati().await.unwrap().contains(&ipa) && s.riposi.invariati(&*store).await.is_empty());
        assert_eq!(std::fs::read_dir(ancore.path()).unwrap().count(), 0);
        // The rounds come to this node.
        let turno = Turno::prendi(&*store, TURNO, TURNO_TENUTO).await.unwrap().unwrap();
        assert!(un_giro(&s, &turno, false).await);
        assert!(std::fs::read_dir(ancore.path()).unwrap().count() > 0, "put away now");
        assert!(store.aperti().is_empty() && s.riposi.invariati(&*store).await.contains(&ipa));
    }

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
