//! What goes on by itself in an ente because something came into it: whoever brings it calls, and one task an ente does it, so that
//! who is slow keeps nobody else waiting. What waits is in the database: a call that is lost with its process loses nothing.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use archivio::store::Fatto;
use dominio::codici::CodiceIpa;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};

use crate::Servizio;
use crate::esami::Esami;
use crate::sigilli::Sigilli;

/// How often what did not go is looked at, to see whether it is time to try again.
const PASSO: Duration = Duration::from_secs(2);

/// Enti in which something may wait.
#[derive(Debug, Default)]
pub(crate) struct Chiamate {
    sveglia: Notify,
    chi: Mutex<HashSet<CodiceIpa>>,
}

impl Chiamate {
    /// Something waits in an ente.
    pub fn sveglia(&self, ipa: &CodiceIpa) {
        self.richiama(ipa.clone());
        self.sveglia.notify_one();
    }

    /// The same, in no hurry.
    pub fn richiama(&self, ipa: CodiceIpa) {
        self.chi.lock().unwrap_or_else(PoisonError::into_inner).insert(ipa);
    }

    fn prese(&self) -> HashSet<CodiceIpa> {
        std::mem::take(&mut *self.chi.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a registration brings about, for those of whom it does: the same at each door, once.
pub(crate) fn dopo(sigilli: &Sigilli, esami: &Esami, ipa: &CodiceIpa, fatto: &Fatto, sigillo: bool, file: bool) {
    if fatto.ripetuta {
        return;
    }
    if sigillo {
        sigilli.sveglia(ipa);
    }
    if file {
        esami.sveglia(ipa);
    }
}

/// What goes on by itself, until it is ended: `fa` in each ente that was called, and in those for which it is time to try again.
/// Not where nothing may be written.
pub(crate) async fn lavora<F: Future<Output = ()> + Send + 'static>(
    s: Arc<Servizio>,
    chiamate: fn(&Servizio) -> &Chiamate,
    maturi: fn(&Servizio) -> Vec<CodiceIpa>,
    fa: fn(Arc<Servizio>, CodiceIpa) -> F,
) {
    let mut compiti: JoinSet<()> = JoinSet::new();
    let mut al_lavoro: HashMap<Id, CodiceIpa> = HashMap::new();
    loop {
        tokio::select! {
            () = chiamate(&s).sveglia.notified() => {}
            () = tokio::time::sleep(PASSO) => {}
            Some(finito) = compiti.join_next_with_id(), if !compiti.is_empty() => {
                al_lavoro.remove(&finito.map_or_else(|e| e.id(), |(id, ())| id));
            }
        }
        let mut da_guardare = chiamate(&s).prese();
        da_guardare.extend(maturi(&s));
        if da_guardare.is_empty() {
            continue;
        }
        let ferma = s.sola_lettura.motivo().await.is_some();
        for ipa in da_guardare {
            if ferma || al_lavoro.values().any(|x| *x == ipa) {
                // Later: who is at work may not have seen it.
                chiamate(&s).richiama(ipa);
            } else {
                let compito = compiti.spawn(fa(Arc::clone(&s), ipa.clone()));
                al_lavoro.insert(compito.id(), ipa);
            }
        }
    }
}
