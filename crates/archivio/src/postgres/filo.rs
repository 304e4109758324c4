//! The thread on which connections live: it ends after whoever uses them, whatever becomes of the service's own.

use std::cell::Cell;
use std::future::Future;
use std::ops::Deref;

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

    /// From a thread that may wait.
    pub fn attendi<T>(&self, f: impl Future<Output = Esito<T>>) -> Esito<T> {
        self.handle()?.block_on(f)
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
