//! The thread on which connections live: it ends after whoever uses them, whatever becomes of the service's own.

use std::cell::Cell;
use std::future::Future;
use std::ops::Deref;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use deadpool_postgres::{ClientWrapper, Object, Pool};
use tokio::runtime::{Handle, Runtime};

use crate::store::{Errore, Esito};

/// A runtime of one thread, for the traffic with the database.
pub(super) struct Filo(Option<Runtime>);

impl Filo {
    pub fn nuovo() -> Esito<Self> {
        let r = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("database")
            .enable_all()
            .build()?;
        Ok(Self(Some(r)))
    }

    fn handle(&self) -> Esito<&Handle> {
        self.0.as_ref().map(Runtime::handle).ok_or_else(|| Errore::Archivio("il database è chiuso".to_owned()))
    }

    /// From a thread that may wait: its own waker, since that of the runtime's `block_on` is one for each thread, and here one may
    /// be within another. A wake-up meant for who waits outside would be taken in here, and he would wait for ever.
    pub fn attendi<T>(&self, f: impl Future<Output = Esito<T>>) -> Esito<T> {
        let _qui = self.handle()?.enter();
        let sveglia = Arc::new(Sveglia::default());
        let waker = Waker::from(Arc::clone(&sveglia));
        // The budget of who waits outside is not spent here, where nobody would give it back.
        let mut f = pin!(tokio::task::coop::unconstrained(f));
        loop {
            if let Poll::Ready(esito) = f.as_mut().poll(&mut Context::from_waker(&waker)) {
                return esito;
            }
            sveglia.dormi();
        }
    }

    /// From a task: what is opened meanwhile lives here.
    pub async fn qui<T: Send + 'static>(&self, f: impl Future<Output = T> + Send + 'static) -> Esito<T> {
        self.handle()?.spawn(f).await.map_err(|e| Errore::Archivio(e.to_string()))
    }
}

impl Drop for Filo {
    fn drop(&mut self) {
        if let Some(r) = self.0.take() {
            // Whoever lets it go last may be a task, which must not wait.
            r.shutdown_background();
        }
    }
}

/// Wakes one thread that waits.
#[derive(Default)]
struct Sveglia {
    suonata: Mutex<bool>,
    suona: Condvar,
}

impl Sveglia {
    fn dormi(&self) {
        let mut suonata = self.suonata.lock().unwrap_or_else(PoisonError::into_inner);
        while !std::mem::take(&mut *suonata) {
            suonata = self.suona.wait(suonata).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Wake for Sveglia {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.suonata.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.suona.notify_one();
    }
}

/// A connection of a pool. It goes back only from who says that it is outside of any transaction; whatever else becomes of it, it
/// is closed, and the server undoes what it had begun.
pub(super) struct Presa {
    client: Option<Object>,
    pulita: Cell<bool>,
}

impl Presa {
    /// When there is one free.
    pub async fn da(pool: &Pool) -> Esito<Self> {
        let client = pool.get().await.map_err(|e| super::senza_connessione(&e))?;
        Ok(Self { client: Some(client), pulita: Cell::new(false) })
    }

    /// Nothing is under way.
    pub fn pulita(&self) {
        self.pulita.set(true);
    }
}

impl Deref for Presa {
    type Target = ClientWrapper;

    fn deref(&self) -> &ClientWrapper {
        match &self.client {
            Some(c) => c,
            None => unreachable!("taken only when it is dropped"),
        }
    }
}

impl Drop for Presa {
    fn drop(&mut self) {
        if !self.pulita.get()
            && let Some(c) = self.client.take()
        {
            drop(Object::take(c));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// As `block_on` polls a stream that opens enti: one of them waits here while another of them is ready.
    #[test]
    fn who_waits_here_takes_no_wake_up_meant_for_who_waits_outside() {
        let (detto, sente) = mpsc::channel();
        std::thread::spawn(move || {
            let filo = Filo::nuovo().unwrap();
            let rt = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
            let mut fuori = 0;
            rt.block_on(std::future::poll_fn(|cx| {
                fuori += 1;
                if fuori > 1 {
                    return Poll::Ready(());
                }
                let mut dentro = 0;
                let attesa = std::future::poll_fn(|qui| {
                    dentro += 1;
                    if dentro > 1 {
                        return Poll::Ready(Ok(()));
                    }
                    cx.waker().wake_by_ref();
                    qui.waker().wake_by_ref();
                    Poll::Pending
                });
                tokio::task::block_in_place(|| filo.attendi(attesa)).unwrap();
                Poll::Pending
            }));
            detto.send(fuori).unwrap();
        });
        assert_eq!(sente.recv_timeout(Duration::from_secs(30)), Ok(2), "the wake-up was lost");
    }
}
