//! Fair turns: whatever one ente asks, another is answered.
//!
//! The runtime looks at whoever is ready in order of arrival: when a group is committed, sixty requests of one ente are ready at
//! once, and stand in front of the one of another. Here the requests of an ente are as many tasks for the runtime as there are processors, however
//! many they are: a task looks at [`PEZZI`] pieces of work of its requests, and goes to the end of the line. Who waits for a disk or
//! for the writer is no work, so that groups are as large as before. Beyond [`IN_CORSO_MAX`] a request is refused at once.
//!
//! The ente is the one that the address names, whether or not it exists; what names none has its turn at once.

use std::cell::Cell;
use std::collections::HashMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::future::{AbortHandle, FutureExt as _, abortable};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Semaphore, oneshot};
use tracing::Instrument as _;

use crate::Servizio;
use crate::problema::Problema;

/// Requests of one ente at the same time, those that wait included.
pub const IN_CORSO_MAX: usize = 1_024;
/// Pieces of work that a task of an ente does before others have their turn.
const PEZZI: usize = 2;
/// Longest code of an ente in an address: what is longer names none.
const CODICE_MAX: usize = 64;
/// Queues of enti of whom nothing is under way are thrown away when there are so many.
const CODE_MAX: usize = 1_024;

/// A request under way.
type Lavoro = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The queue of an ente.
#[derive(Debug)]
pub struct Coda {
    /// Its tasks, made when they are needed; they end with the queue.
    carrelli: Vec<OnceLock<UnboundedSender<Lavoro>>>,
    prossimo: AtomicUsize,
    /// Passwords of its people being looked at: one, so that others find a place.
    password: Semaphore,
    in_corso: AtomicUsize,
}

/// The queues of who is asking something.
#[derive(Debug)]
pub struct Code {
    carrelli: usize,
    code: Mutex<HashMap<String, Weak<Coda>>>,
    rifiutate: AtomicU64,
}

impl Default for Code {
    fn default() -> Self {
        Self::con(std::thread::available_parallelism().map_or(2, usize::from))
    }
}

impl Code {
    /// With so many tasks for each ente: as many as there are processors, since a lone one uses them all.
    fn con(carrelli: usize) -> Self {
        Self { carrelli, code: Mutex::default(), rifiutate: AtomicU64::new(0) }
    }

    /// The queue of an ente.
    pub fn di(&self, ente: &str) -> Arc<Coda> {
        let mut code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(c) = code.get(ente).and_then(Weak::upgrade) {
            return c;
        }
        if code.len() >= CODE_MAX {
            code.retain(|_, c| c.strong_count() > 0);
        }
        let c = Arc::new(Coda {
            carrelli: (0..self.carrelli).map(|_| OnceLock::new()).collect(),
            prossimo: AtomicUsize::new(0),
            password: Semaphore::new(1),
            in_corso: AtomicUsize::new(0),
        });
        code.insert(ente.to_owned(), Arc::downgrade(&c));
        c
    }

    /// Requests refused because too many of one ente were under way.
    pub fn rifiutate(&self) -> u64 {
        self.rifiutate.load(Ordering::Relaxed)
    }

    /// Enti of whom something is under way, and the most that one of them has.
    pub fn misure(&self) -> (usize, usize) {
        let code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        let vive = code.values().filter_map(Weak::upgrade).map(|c| c.in_corso.load(Ordering::Relaxed));
        vive.filter(|n| *n > 0).fold((0, 0), |(enti, massimo), n| (enti + 1, massimo.max(n)))
    }
}

impl Coda {
    /// Does some work among that of the ente; `None` when it broke off. Who no longer waits for it ends it.
    pub async fn fai<T: Send + 'static>(&self, f: impl Future<Output = T> + Send + 'static) -> Option<T> {
        let (manda, ricevi) = oneshot::channel();
        let (f, fine) = abortable(f.in_current_span());
        let _fine = Fine(fine);
        let lavoro = async move {
            if let Ok(Ok(t)) = AssertUnwindSafe(f).catch_unwind().await {
                let _ = manda.send(t);
            }
        };
        let n = self.prossimo.fetch_add(1, Ordering::Relaxed) % self.carrelli.len();
        let carrello = self.carrelli[n].get_or_init(|| {
            let (tx, rx) = unbounded_channel();
            tokio::spawn(Carrello { arrivi: rx, in_corso: FuturesUnordered::new() });
            tx
        });
        carrello.send(Box::pin(lavoro)).ok()?;
        ricevi.await.ok()
    }

    /// Waits for the turn to have a password looked at.
    pub async fn password(&self) -> Option<tokio::sync::SemaphorePermit<'_>> {
        self.password.acquire().await.ok()
    }
}

/// One of those under way, until it ends or goes away.
struct InCorso(Arc<Coda>);

impl InCorso {
    fn nuova(c: Arc<Coda>) -> Option<Self> {
        let prima = c.in_corso.fetch_add(1, Ordering::Relaxed);
        let questa = Self(c);
        (prima < IN_CORSO_MAX).then_some(questa)
    }
}

impl Drop for InCorso {
    fn drop(&mut self) {
        self.0.in_corso.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The ente that an address names: `/api/v1/enti/{ipa}/…`, `/{ipa}/{aoo}/…`; empty when it names none.
pub(crate) fn ente(percorso: &str) -> &str {
    let resto = percorso.strip_prefix("/api/v1/enti/").or_else(|| percorso.strip_prefix('/')).unwrap_or_default();
    match resto.split_once('/') {
        Some((ipa, _)) if ipa.len() <= CODICE_MAX && ipa.contains('_') => ipa,
        _ => "",
    }
}

/// Ends a piece of work that nobody waits for any more.
struct Fine(AbortHandle);

impl Drop for Fine {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A task of an ente: its requests, a few pieces of work at a time.
struct Carrello {
    arrivi: UnboundedReceiver<Lavoro>,
    in_corso: FuturesUnordered<Misurato>,
}

thread_local! {
    /// Pieces of work left to the task that this thread is running.
    static RESTA: Cell<usize> = const { Cell::new(0) };
}

/// A request that is looked at only while its task has work left to do.
struct Misurato(Lavoro);

impl Future for Misurato {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match RESTA.get() {
            0 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            n => {
                RESTA.set(n - 1);
                self.0.as_mut().poll(cx)
            }
        }
    }
}

impl Future for Carrello {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let chiuso = loop {
            match self.arrivi.poll_recv(cx) {
                Poll::Ready(Some(l)) => self.in_corso.push(Misurato(l)),
                Poll::Ready(None) => break true,
                Poll::Pending => break false,
            }
        };
        RESTA.set(PEZZI);
        loop {
            match self.in_corso.poll_next_unpin(cx) {
                Poll::Ready(Some(())) if RESTA.get() > 0 => {}
                Poll::Ready(Some(())) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Poll::Ready(None) if chiuso => return Poll::Ready(()),
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}

/// Gives a request its turns.
pub async fn a_turno(State(s): State<Arc<Servizio>>, r: Request, next: Next) -> Response {
    let ente = ente(r.uri().path());
    // What names no ente stands behind nobody, or who fills that queue would keep everybody from signing in, and the service
    // from being found alive.
    if ente.is_empty() {
        return next.run(r).await;
    }
    let coda = s.code.di(ente);
    let Some(in_corso) = InCorso::nuova(coda) else {
        s.code.rifiutate.fetch_add(1, Ordering::Relaxed);
        return Problema::from(archivio::Errore::Sovraccarico).into_response();
    };
    let risposta = in_corso.0.fai(next.run(r)).await;
    risposta.unwrap_or_else(|| Problema::interno().into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_their_ente() {
        for (percorso, atteso) in [
            ("/api/v1/enti/c_z999/aoo/AOO1/registrazioni", "c_z999"),
            ("/c_z999/AOO1/scrivania", "c_z999"),
            ("/risorse/app.css", ""),
            ("/accedi", ""),
            ("/api/v1/openapi.json", ""),
            ("", ""),
        ] {
            assert_eq!(ente(percorso), atteso, "{percorso}");
        }
        assert_eq!(ente(&format!("/c_{}/AOO1/scrivania", "9".repeat(200))), "");
    }

    /// With one thread and one task for each ente, a hundred that are ready at once do not stand before the one of another.
    #[tokio::test]
    async fn a_hundred_ready_requests_of_one_ente_stand_behind_the_one_of_another() {
        let code = Arc::new(Code::con(1));
        let ordine = Arc::new(Mutex::new(Vec::new()));
        let una = |chi: &'static str| {
            let (coda, ordine) = (code.di(chi), Arc::clone(&ordine));
            tokio::spawn(async move {
                // Each is ready several times before it ends.
                let lavoro = async move {
                    for _ in 0..5 {
                        ordine.lock().unwrap().push(chi);
                        let mut pronta = false;
                        let ancora = std::future::poll_fn(|cx| {
                            cx.waker().wake_by_ref();
                            if std::mem::replace(&mut pronta, true) { Poll::Ready(()) } else { Poll::Pending }
                        });
                        ancora.await;
                    }
                };
                coda.fai(lavoro).await.unwrap();
            })
        };
        let tante: Vec<_> = (0..100).map(|_| una("c_tempesta")).collect();
        tokio::task::yield_now().await;
        let fatti = || ordine.lock().unwrap().iter().filter(|c| **c == "c_tempesta").count();
        let prima = fatti();
        una("c_quiete").await.unwrap();
        let durante = fatti() - prima;
        for t in tante {
            t.await.unwrap();
        }
        assert_eq!(ordine.lock().unwrap().len(), 505, "everybody is served in the end");
        assert!(durante <= 20 * PEZZI, "{durante} pieces of the storm went before");
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends_and_work_that_breaks_harms_nobody() {
        let code = Code::con(1);
        let coda = code.di("c_a");
        let vivo = Arc::new(());
        let suo = Arc::clone(&vivo);
        let attesa = coda.fai(async move {
            std::future::pending::<()>().await;
            drop(suo);
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(5), attesa).await.is_err());
        while Arc::strong_count(&vivo) > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(coda.fai(async { assert!(std::hint::black_box(false), "rotto") }).await, None);
        assert_eq!(coda.fai(async { 7 }).await, Some(7), "the others go on");
    }

    #[test]
    fn an_ente_has_so_many_under_way_and_no_more_and_queues_are_not_kept_for_ever() {
        let code = Code::con(2);
        let coda = code.di("c_a");
        let mut tutte: Vec<_> = (0..IN_CORSO_MAX).map(|_| InCorso::nuova(Arc::clone(&coda)).unwrap()).collect();
        assert!(InCorso::nuova(Arc::clone(&coda)).is_none());
        assert!(InCorso::nuova(code.di("c_b")).is_some(), "another is not concerned");
        assert_eq!(code.misure(), (1, IN_CORSO_MAX));
        tutte.pop();
        assert!(InCorso::nuova(Arc::clone(&coda)).is_some());
        for i in 0..3 * CODE_MAX {
            code.di(&format!("c_{i}"));
        }
        assert!(code.code.lock().unwrap().len() <= CODE_MAX);
        assert!(Arc::ptr_eq(&coda, &code.di("c_a")), "who is at work keeps his");
    }
}
