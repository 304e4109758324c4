//! How an ente is: whether its writer answers, what it refuses, what it only warns of.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::Ente;
use crate::file::in_disparte;
use crate::scrittore::Lavoro;
use crate::store::Salute;

/// A writer that says nothing for longer than this, while nobody asked too much of it, is stuck on its storage.
const SILENZIO_MAX: Duration = Duration::from_secs(3);

/// A question to the writer, for whoever wants to know meanwhile.
#[derive(Clone)]
pub(super) struct Domanda {
    posta: Instant,
    /// Ends with the answer.
    risposta: tokio::sync::watch::Receiver<()>,
}

impl Domanda {
    /// Was it answered?
    pub(super) fn risposta(&self) -> bool {
        self.risposta.has_changed().is_err()
    }
}

impl Ente {
    /// Does the writer let a question wait for too long? One at a time is put to it, and goes on waiting also when who asked
    /// first went away; whether it answers yes or no is in the shop window.
    async fn muto(&self) -> bool {
        let mut d = self.domanda();
        let fine = tokio::time::Instant::from_std(d.posta + SILENZIO_MAX);
        tokio::time::timeout_at(fine, d.risposta.changed()).await.is_err()
    }

    fn domanda(&self) -> Domanda {
        let mut posto = self.domanda.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(d) = posto.as_ref().filter(|d| d.risposta.has_changed().is_ok()) {
            return d.clone();
        }
        let (in_attesa, risposta) = tokio::sync::watch::channel(());
        let sportello = self.sportello.lock().unwrap_or_else(PoisonError::into_inner).clone();
        tokio::spawn(async move {
            if let Some(s) = sportello {
                let _ = s.chiedi(Lavoro::Prova).await;
            }
            drop(in_attesa);
        });
        posto.insert(Domanda { posta: Instant::now(), risposta }).clone()
    }

    /// As last seen, trying nothing.
    pub(super) fn impedimenti(&self) -> Vec<String> {
        let fermo = self.filo.lock().unwrap_or_else(PoisonError::into_inner).as_ref().is_none_or(|f| f.is_finished());
        let scritture = self.vetrina.archivio.motivo().map(|m| format!("il registro non si può scrivere: {m}"));
        let file =
            self.deposito.tenuta.motivo().map(|m| format!("i file dei documenti non si possono conservare: {m}"));
        let orologio = self.vetrina.orologio.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let fermo = fermo.then(|| "lo scrittore del registro si è fermato".to_owned());
        [fermo, scritture, file, orologio].into_iter().flatten().collect()
    }

    /// What stops the register, and what does not: what refused a write is tried again.
    pub(super) async fn come_sta(&self) -> Salute {
        let mut impedimenti = Vec::new();
        // A page finds its place on a disk where a registration does not.
        let cedeva = self.vetrina.archivio.motivo().is_some();
        if self.muto().await {
            impedimenti.push("lo scrittore del registro non risponde: il disco può essere bloccato".to_owned());
        }
        let tenuta = &self.deposito.tenuta;
        if cedeva && tenuta.provabile() || tenuta.da_provare() {
            let deposito = self.deposito.clone();
            let _ = tokio::time::timeout(SILENZIO_MAX, in_disparte(move || deposito.prova())).await;
        }
        if self.accessi.tenuta.da_provare() {
            let _ = tokio::time::timeout(SILENZIO_MAX, self.accessi.prova()).await;
        }
        impedimenti.extend(self.impedimenti());
        let avvisi = [
            (
                self.accessi.tenuta.motivo(),
                "gli accessi non si possono tracciare e le registrazioni riservate non si mostrano",
            ),
            (
                self.accessi_mancanti.lock().unwrap_or_else(PoisonError::into_inner).clone(),
                "il registro degli accessi non è più quello firmato: va controllato con «protocollo verifica»",
            ),
            (
                self.vetrina.stato_orologio.motivo(),
                "lo stato dell'orologio non si può conservare: un riavvio lo dimenticherebbe",
            ),
        ];
        let avvisi = avvisi
            .into_iter()
            .filter_map(|(m, che)| Some(format!("{che}: {}", m?)))
            .chain(self.motore.avvisi())
            .collect();
        Salute { impedimenti, avvisi }
    }
}
