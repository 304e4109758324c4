//! Read-only: the register is consulted and nothing is added to it, on every node at once.
//!
//! Whoever runs the installation says so in its configuration, or at any time with a file in the folder that all its nodes
//! share: [`NOME`], with the reason in it, which everybody is shown. One layer in front of all doors refuses by method
//! ([`guardia`]), so that a new door cannot forget it; what passes is named in [`PASSANO`]. Nothing of a refused request is
//! read, no number is taken.
//!
//! What the law asks of who reads goes on being written: who saw what (R-L08, R-L16), and sessions. What protects what is
//! already there goes on too: checkpoints, anchors, witnesses. Nothing is swept or pruned.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::Servizio;
use crate::pagine::errore::ErrorePagina;
use crate::problema::Problema;

/// The file that says so, in the installation's folder.
pub const NOME: &str = "sola-lettura";
/// Longest reason, in characters.
pub const MOTIVO_MAX: usize = 300;
/// What is said when no reason was given.
const SENZA_MOTIVO: &str = "manutenzione";
/// How old what is known of the file may be.
const OGNI: Duration = Duration::from_secs(1);
/// A folder that does not answer keeps nobody waiting longer than this.
const ATTESA: Duration = Duration::from_secs(1);

/// Methods that change nothing.
const LEGGONO: [Method; 3] = [Method::GET, Method::HEAD, Method::OPTIONS];

/// What passes all the same: the method (none: any) and the route.
const PASSANO: [(Option<Method>, &str); 4] = [
    (Some(Method::POST), "/accedi"),
    (Some(Method::POST), "/esci"),
    // They answer 405 for ever (R-A11, R-B01), and nothing else.
    (None, "/api/v1/enti/{ipa}/aoo/{aoo}/registrazioni/{anno}/{numero}"),
    (None, "/api/v1/enti/{ipa}/aoo/{aoo}/registri/{registro}/registrazioni/{anno}/{numero}"),
];

/// Is the installation read-only, and why?
#[derive(Debug)]
pub struct SolaLettura {
    fissa: Option<Arc<str>>,
    file: Option<PathBuf>,
    ogni: Duration,
    visto: Mutex<(Option<Instant>, Option<Arc<str>>)>,
    /// Held by who looks: others make do with what is known.
    guarda: Arc<tokio::sync::Mutex<()>>,
}

impl Default for SolaLettura {
    fn default() -> Self {
        Self { fissa: None, file: None, ogni: OGNI, visto: Mutex::default(), guarda: Arc::default() }
    }
}

/// Why a request is refused, for the pages that say it.
#[derive(Debug, Clone)]
pub struct Motivo(pub Arc<str>);

/// In a request that may write: whether it still may, after what it took to arrive.
#[derive(Clone)]
pub struct Guardata(Arc<Servizio>);

/// May a request still write, once it has arrived? One that did not pass by the guard may.
///
/// # Errors
/// The installation became read-only meanwhile.
pub async fn ancora_scrivibile(g: Option<&Guardata>) -> Result<(), Problema> {
    match g {
        Some(g) => g.0.sola_lettura.scrivibile().await,
        None => Ok(()),
    }
}

impl SolaLettura {
    /// May anything be added now? An upload may have begun long before.
    ///
    /// # Errors
    /// The problem that says why not.
    pub async fn scrivibile(&self) -> Result<(), Problema> {
        match self.motivo().await {
            None => Ok(()),
            Some(m) => Err(Problema::sola_lettura(&m)),
        }
    }

    /// Said by a file in this folder.
    pub fn in_cartella(cartella: &Path) -> Self {
        Self { file: Some(cartella.join(NOME)), ..Self::default() }
    }

    /// Said by the configuration, as long as the process lives.
    #[must_use]
    pub fn sempre(self, si: bool) -> Self {
        Self { fissa: si.then(|| "così è configurato il servizio".into()), ..self }
    }

    /// Looks at the file again when what is known of it is as old as this.
    #[must_use]
    pub fn riletta_ogni(self, ogni: Duration) -> Self {
        Self { ogni, ..self }
    }

    /// The reason, if it is; known since a second at most.
    pub async fn motivo(&self) -> Option<Arc<str>> {
        if let Some(m) = &self.fissa {
            return Some(Arc::clone(m));
        }
        let file = self.file.as_ref()?;
        let visto = || self.visto.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let noto = visto();
        if noto.0.is_some_and(|t| t.elapsed() < self.ogni) {
            return noto.1;
        }
        // The first time everybody waits: nothing is known yet.
        let posto = match noto.0 {
            None => match tokio::time::timeout(ATTESA, Arc::clone(&self.guarda).lock_owned()).await {
                // Whoever waited finds what the first one found.
                Ok(_) if visto().0.is_some() => return visto().1,
                Ok(p) => p,
                Err(_) => return noto.1,
            },
            Some(_) => match Arc::clone(&self.guarda).try_lock_owned() {
                Ok(p) => p,
                Err(_) => return noto.1,
            },
        };
        let file = file.clone();
        let letto = tokio::task::spawn_blocking(move || {
            let _posto = posto;
            leggi(&file)
        });
        let motivo = match tokio::time::timeout(ATTESA, letto).await {
            Ok(Ok(Ok(m))) => m,
            // Who cannot look goes on as he was.
            altro => {
                if let Ok(Ok(Err(e))) = altro {
                    tracing::warn!(errore = %e, "non si sa se il servizio sia in sola lettura");
                }
                noto.1
            }
        };
        *self.visto.lock().unwrap_or_else(PoisonError::into_inner) = (Some(Instant::now()), motivo.clone());
        motivo
    }
}

/// The reason in a file, if there is one.
fn leggi(file: &Path) -> std::io::Result<Option<Arc<str>>> {
    match std::fs::read(file) {
        Ok(b) => Ok(Some(pulito(&String::from_utf8_lossy(&b)).into())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// A reason as it is shown: one line, not too long.
fn pulito(motivo: &str) -> String {
    let una_riga: String = motivo.split_whitespace().collect::<Vec<_>>().join(" ");
    let m: String = una_riga.chars().filter(|c| !c.is_control()).take(MOTIVO_MAX).collect();
    if m.is_empty() { SENZA_MOTIVO.to_owned() } else { m.trim_end_matches('.').to_owned() }
}

/// What the file in a folder says.
///
/// # Errors
/// The file system's.
pub fn stato(cartella: &Path) -> std::io::Result<Option<Arc<str>>> {
    leggi(&cartella.join(NOME))
}

/// Makes an installation read-only, whoever serves it, within a second.
///
/// # Errors
/// The file system's.
pub fn accendi(cartella: &Path, motivo: &str) -> std::io::Result<()> {
    let provvisorio = cartella.join(format!("{NOME}.{}", std::process::id()));
    let mut f = std::fs::File::create(&provvisorio)?;
    writeln!(f, "{}", pulito(motivo))?;
    f.sync_all()?;
    std::fs::rename(&provvisorio, cartella.join(NOME))?;
    std::fs::File::open(cartella)?.sync_all()
}

/// Takes it back; says whether it was.
///
/// # Errors
/// The file system's.
pub fn spegni(cartella: &Path) -> std::io::Result<bool> {
    match std::fs::remove_file(cartella.join(NOME)) {
        Ok(()) => std::fs::File::open(cartella)?.sync_all().map(|()| true),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}

fn passa(r: &Request) -> bool {
    let rotta = r.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    LEGGONO.contains(r.method())
        || PASSANO.iter().any(|(m, dove)| {
            rotta == Some(*dove) && m.as_ref().map_or_else(|| r.method() != Method::POST, |m| m == r.method())
        })
}

/// Refuses whatever would write, before anything of it is read.
pub async fn guardia(State(s): State<Arc<Servizio>>, mut r: Request, next: Next) -> Response {
    let Some(motivo) = s.sola_lettura.motivo().await else {
        r.extensions_mut().insert(Guardata(s));
        return next.run(r).await;
    };
    if passa(&r) {
        r.extensions_mut().insert(Motivo(motivo));
        return next.run(r).await;
    }
    let p = Problema::sola_lettura(&motivo);
    let browser =
        r.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|a| a.contains("text/html"));
    let mut risposta = match browser && !r.uri().path().starts_with("/api/") {
        true => ErrorePagina::from(p).into_response(),
        false => p.into_response(),
    };
    // Nobody knows how long it lasts; a program that waits a minute harms nobody.
    risposta.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    risposta
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::StatusCode;
    use tower::ServiceExt as _;

    /// A body that must not be read.
    fn intatto() -> Body {
        Body::from_stream(futures_util::stream::poll_fn(|_| -> std::task::Poll<Option<std::io::Result<Vec<u8>>>> {
            panic!("the body of a refused request was read")
        }))
    }

    async fn chiedi(porte: &axum::Router, m: &Method, dove: &str, corpo: Body) -> Response {
        porte.clone().oneshot(Request::builder().method(m).uri(dove).body(corpo).unwrap()).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn no_route_writes_while_the_installation_is_read_only() {
        let dir = tempfile::tempdir().unwrap();
        let store = archivio::sqlite::SqliteStore::apri(dir.path(), Arc::new(archivio::orologio::OrologioDiSistema));
        let sola = SolaLettura::in_cartella(dir.path()).riletta_ogni(Duration::ZERO);
        let s = Servizio::nuovo(store.unwrap(), "http://prova").con_sola_lettura(sola);
        let porte = crate::rotte(Arc::new(s));
        let mut percorsi: Vec<String> = crate::rest::percorsi();
        percorsi.extend(crate::rest::openapi::percorsi().into_iter().map(|(p, ..)| p));
        percorsi.extend(crate::pagine::rotte::percorsi());
        percorsi
            .extend(["/salute/pronto", "/metriche", "/testimone/add-checkpoint", "/api/v2/nuova"].map(str::to_owned));
        assert!(percorsi.len() > 100, "{}", percorsi.len());
        let metodi = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::from_bytes(b"SCRIVI").unwrap()];
        accendi(dir.path(), "  si cambia\nmacchina. ").unwrap();
        let mut passati = std::collections::BTreeSet::new();
        for p in &percorsi {
            // What stands in the braces is asked nothing: the answer comes before.
            let dove: String = p.replace(['*', '{', '}'], "");
            for m in &metodi {
                let eccezione = PASSANO.iter().any(|(_, x)| x == p);
                let r = chiedi(&porte, m, &dove, if eccezione { Body::empty() } else { intatto() }).await;
                let tipo = r.extensions().get::<crate::problema::Tipo>().map(|t| t.0);
                if tipo == Some(crate::problema::SOLA_LETTURA) {
                    assert_eq!(r.status(), StatusCode::SERVICE_UNAVAILABLE);
                    assert_eq!(r.headers()[header::RETRY_AFTER], "60");
                } else {
                    assert!(!r.status().is_success(), "{m} {p}");
                    passati.insert((p.replace("/registri/{registro}", ""), m.to_string()));
                }
            }
        }
        let una = "/api/v1/enti/{ipa}/aoo/{aoo}/registrazioni/{anno}/{numero}";
        let attesi =
            [("/accedi", "POST"), ("/esci", "POST"), (una, "PUT"), (una, "PATCH"), (una, "DELETE"), (una, "SCRIVI")];
        assert_eq!(passati, attesi.map(|(p, m)| (p.to_owned(), m.to_owned())).into_iter().collect());
        // The words are the reason's, and reading goes on.
        let r = chiedi(&porte, &Method::POST, "/api/v1/enti/c_z999/aoo/AOO1/registrazioni", intatto()).await;
        let corpo = axum::body::to_bytes(r.into_body(), 10_000).await.unwrap();
        assert!(String::from_utf8_lossy(&corpo).contains("si cambia macchina"), "{corpo:?}");
        assert_eq!(chiedi(&porte, &Method::GET, "/accedi", Body::empty()).await.status(), StatusCode::OK);
        let r = chiedi(&porte, &Method::GET, "/salute/pronto", Body::empty()).await;
        assert_eq!(r.status(), StatusCode::OK, "a warning, not a stop");
        let corpo = axum::body::to_bytes(r.into_body(), 10_000).await.unwrap();
        assert!(String::from_utf8_lossy(&corpo).contains("sola lettura: si cambia macchina"), "{corpo:?}");
        // As it was, without a restart.
        assert!(spegni(dir.path()).unwrap() && !spegni(dir.path()).unwrap());
        let r = chiedi(&porte, &Method::POST, "/api/v1/enti/c_z999/aoo/AOO1/registrazioni", Body::empty()).await;
        assert_eq!(r.status(), StatusCode::UNAUTHORIZED);
    }

    #[tokio::test]
    async fn the_configuration_says_it_too_and_a_file_that_cannot_be_read_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(SolaLettura::default().sempre(true).motivo().await.is_some());
        assert!(SolaLettura::default().sempre(false).motivo().await.is_none());
        let s = SolaLettura::in_cartella(dir.path()).riletta_ogni(Duration::ZERO);
        assert_eq!(s.motivo().await, None);
        accendi(dir.path(), "").unwrap();
        assert_eq!(s.motivo().await.as_deref(), Some(SENZA_MOTIVO));
        std::fs::remove_file(dir.path().join(NOME)).unwrap();
        std::fs::create_dir(dir.path().join(NOME)).unwrap();
        assert_eq!(s.motivo().await.as_deref(), Some(SENZA_MOTIVO), "as it was");
    }
}
