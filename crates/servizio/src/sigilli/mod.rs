//! Seals put at once, outside of the transaction that gave the number (design § 3; R-A13, R-A14, R-C10, R-C11).
//!
//! What waits is in the database, so nothing is forgotten by who stops. Here is what is known of the seals of each AOO, and what may
//! be asked; [`lavoro`] puts them.

pub mod fornitore;
mod lavoro;
pub mod richiesta;
pub mod segnatura;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use archivio::store::{Controllo, Segreto as DaConservare};
use archivio::{EnteStore, Errore as ErroreArchivio};
use dominio::codici::{CodiceAoo, CodiceIpa};
use dominio::errori::Rifiuto;
use dominio::registrazione::{Chiave, Tipo};
use dominio::tempo::Istante;
use jiff::Timestamp;
use serde_json::{Value, json};
use sigillo::{Errore, Sealer, xades};

use crate::chiamate::Chiamate;
use crate::misure::Foglio;
use crate::problema::Problema;
use fornitore::{Ammessi, Intestazione, Segreto};
pub use lavoro::dell_ente;
pub(crate) use lavoro::lavora;

/// Days before the end of a certificate in which it is said.
pub const PREAVVISI_GIORNI: [i64; 3] = [60, 30, 7];

type DiChi = (CodiceIpa, CodiceAoo);

/// The seals of an installation, as far as this process knows them.
#[derive(Default)]
pub struct Sigilli {
    ammessi: Ammessi,
    chiamate: Chiamate,
    stati: Mutex<HashMap<DiChi, Stato>>,
}

#[derive(Default)]
struct Stato {
    /// Whoever seals, and the number of the secret that he came from.
    aperto: Option<(i64, Arc<dyn Sealer>)>,
    /// Why nothing is sealed now.
    giu: Option<Giu>,
    /// The storage refused what was sealed: signatures are not asked for again at once.
    pausa: Option<Instant>,
    /// Registrations whose segnatura cannot be written, and where; since when the first of them is here.
    non_scrivibili: HashMap<Chiave, String>,
    da_quando: Option<Instant>,
}

#[derive(Clone)]
struct Giu {
    perche: String,
    /// The secret with which it did not go.
    segreto: i64,
    /// When it is tried again; never by itself otherwise.
    prossimo: Option<Instant>,
    attesa: Duration,
}

impl std::fmt::Debug for Sigilli {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sigilli").field("ammessi", &self.ammessi).finish_non_exhaustive()
    }
}

impl Sigilli {
    /// With what who runs the installation lets its enti use.
    pub fn con(ammessi: Ammessi) -> Self {
        Self { ammessi, ..Self::default() }
    }

    fn stati(&self) -> MutexGuard<'_, HashMap<DiChi, Stato>> {
        self.stati.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something waits in an ente.
    pub fn sveglia(&self, ipa: &CodiceIpa) {
        self.chiamate.sveglia(ipa);
    }

    /// Does anything wait for its seal in an ente?
    ///
    /// # Errors
    /// The storage's.
    pub(crate) async fn aspetta(&self, ente: &dyn EnteStore) -> Result<bool, ErroreArchivio> {
        for (aoo, a) in &ente.configurazione().aoo {
            if a.sigillo.is_some()
                && (self.giu(ente.ipa(), aoo).is_some() || ente.quante_da_sigillare(aoo).await?.0 > 0)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A seal that was just tried is in the place of what did not go: what waits is tried again.
    pub fn cambiato(&self, ipa: &CodiceIpa, aoo: &CodiceAoo) {
        self.stati().remove(&(ipa.clone(), aoo.clone()));
        self.sveglia(ipa);
    }

    /// Why nothing is sealed now in an AOO.
    pub fn giu(&self, ipa: &CodiceIpa, aoo: &CodiceAoo) -> Option<String> {
        self.stati().get(&(ipa.clone(), aoo.clone()))?.giu.as_ref().map(|g| g.perche.clone())
    }

    /// What must be looked at, of the enti that are open: a provider that does not seal, a certificate that ends (R-C11).
    pub fn avvisi(&self, store: &dyn archivio::Store) -> Vec<String> {
        let mut out = Vec::new();
        for ente in store.aperti() {
            let (ipa, conf) = (ente.ipa(), ente.configurazione());
            for (codice, a) in &conf.aoo {
                let Some(s) = &a.sigillo else { continue };
                let detti = [avviso(s.scadenza, ente.ora()), self.giu(ipa, codice)];
                out.extend(detti.into_iter().flatten().map(|m| format!("{ipa}/{codice}: {m}")));
            }
        }
        out
    }

    /// How long certificates hold, and who does not seal (R-C11).
    pub(crate) fn misure(&self, f: &mut Foglio, aperti: &[Arc<dyn EnteStore>]) {
        let mut righe = Vec::new();
        for ente in aperti {
            for (aoo, a) in &ente.configurazione().aoo {
                let Some(s) = &a.sigillo else { continue };
                let giu = u8::from(self.giu(ente.ipa(), aoo).is_some());
                righe.push((format!("ente=\"{}\",aoo=\"{aoo}\"", ente.ipa()), giorni(s.scadenza, ente.ora()), giu));
            }
        }
        if righe.is_empty() {
            return;
        }
        f.capo("protocollo_sigillo_giorni", "gauge", "Giorni alla scadenza del certificato del sigillo");
        righe.iter().for_each(|(chi, g, _)| f.riga("protocollo_sigillo_giorni", chi, g));
        f.capo("protocollo_sigillo_impedito", "gauge", "1 se il sigillo non si può apporre");
        righe.iter().for_each(|(chi, _, giu)| f.riga("protocollo_sigillo_impedito", chi, giu));
    }

    /// What else must hold of a registration that is to be sealed, before it gets its number: that its segnatura can be written
    /// (R-C13), and that the seal of an uscita is not known not to come, unless the RGD lets it wait (R-A14).
    pub fn controllo(self: &Arc<Self>, ente: &dyn EnteStore) -> Controllo {
        let (sigilli, ipa, ora) = (Arc::clone(self), ente.ipa().clone(), ente.ora());
        Controllo(Arc::new(move |conf, aoo, d| {
            if !d.sigillo_richiesto {
                return Ok(());
            }
            segnatura::controlla(conf, aoo, d)?;
            let differito = || conf.aoo.get(aoo).is_some_and(|a| a.sigilli_differiti(ora).is_some());
            match sigilli.giu(&ipa, aoo) {
                Some(perche) if d.tipo == Tipo::Uscita && !differito() => {
                    // Another node may have been given a seal that works.
                    sigilli.sveglia(&ipa);
                    Err(ErroreArchivio::SigilloNonDisponibile(perche))
                }
                _ => Ok(()),
            }
        }))
    }

    /// How an AOO's seal stands, for who looks after it.
    ///
    /// # Errors
    /// The storage's.
    pub async fn in_json(&self, ente: &dyn EnteStore, aoo: &CodiceAoo) -> Result<Value, Problema> {
        let (quante, dal) = ente.quante_da_sigillare(aoo).await?;
        let conf = ente.configurazione();
        let stato = conf.aoo.get(aoo);
        let s = stato.and_then(|a| a.sigillo.as_ref());
        let non_scritte: Vec<Value> = self
            .non_scrivibili(ente.ipa(), aoo)
            .into_iter()
            .map(|(k, e)| json!({"registrazione": k.to_string(), "motivo": e}))
            .collect();
        Ok(json!({
            "impostato": s.is_some(),
            "sigillo": s.map(|s| json!({
                "fornitore": s.fornitore, "intestatario": s.intestatario, "emittente": s.emittente,
                "certificato": s.certificato, "scadenza": s.scadenza.con_offset(), "qualificato": s.qualificato,
                "entrate": s.entrate, "giorni": giorni(s.scadenza, ente.ora()),
            })),
            "richiesta": stato.and_then(|a| a.richiesta_sigillo.as_ref()).map(|(dal, r)| json!({
                "fornitore": r.fornitore, "intestatario": r.intestatario, "identificativo": r.identificativo,
                "chiave": r.chiave, "dal": dal.con_offset(),
            })),
            "avviso": s.and_then(|s| avviso(s.scadenza, ente.ora())),
            "impedimento": s.and_then(|_| self.giu(ente.ipa(), aoo)),
            "differitoFino": stato.and_then(|a| a.sigilli_differiti(ente.ora())).map(|f| f.con_offset()),
            "inAttesa": quante,
            "inAttesaDal": dal.map(|t| t.con_offset()),
            "nonScrivibili": non_scritte,
        }))
    }

    /// What an ente of this installation may seal with, beyond files.
    pub fn ammessi(&self) -> &Ammessi {
        &self.ammessi
    }

    /// Registrations whose segnatura cannot be written, and why.
    pub fn non_scrivibili(&self, ipa: &CodiceIpa, aoo: &CodiceAoo) -> Vec<(Chiave, String)> {
        let stati = self.stati();
        let di_questa = stati.get(&(ipa.clone(), aoo.clone()));
        let mut v: Vec<_> =
            di_questa.into_iter().flat_map(|x| &x.non_scrivibili).map(|(k, e)| (k.clone(), e.clone())).collect();
        v.sort();
        v
    }

    /// Tries a seal on a sample, and gives what the register keeps of it (R-C11): nothing is set that does not seal.
    ///
    /// # Errors
    /// The field that is wrong, or what the provider said.
    pub async fn prova(
        &self,
        ente: &dyn EnteStore,
        segreto: Segreto,
        entrate: bool,
    ) -> Result<(dominio::sigillo::DatiSigillo, DaConservare), Problema> {
        self.tenta(ente, segreto, entrate).await.map_err(Problema::from)
    }

    /// The same, for who says by himself which field is wrong.
    ///
    /// # Errors
    /// See [`Mancata`].
    pub async fn tenta(
        &self,
        ente: &dyn EnteStore,
        segreto: Segreto,
        entrate: bool,
    ) -> Result<(dominio::sigillo::DatiSigillo, DaConservare), Mancata> {
        segreto.ammesso(ente.ipa(), &self.ammessi)?;
        let ora = ora(ente.ora());
        let conservato =
            serde_json::to_vec(&segreto).map_err(|e| Mancata::Sigillo(Errore::Configurazione(e.to_string())))?;
        let provato = tokio::task::spawn_blocking(move || {
            let s = segreto.apri()?;
            sigilla_campione(&*s, ora)?;
            Ok::<_, Errore>(Intestazione::di(&*s, ora).in_configurazione(segreto.fornitore(), entrate))
        });
        let d = provato.await.map_err(|_| Mancata::Interrotta)??;
        Ok((d, DaConservare::Sigillo(conservato)))
    }
}

/// Why a seal that was tried is not to be set.
#[derive(Debug, thiserror::Error)]
pub enum Mancata {
    /// Who runs the installation does not let it be used.
    #[error(transparent)]
    NonAmmesso(#[from] Rifiuto),
    /// It does not seal.
    #[error(transparent)]
    Sigillo(#[from] Errore),
    /// The key that waits could not be read.
    #[error(transparent)]
    Archivio(ErroreArchivio),
    /// The trial did not end.
    #[error("la prova del sigillo si è interrotta")]
    Interrotta,
}

impl From<Mancata> for Problema {
    fn from(e: Mancata) -> Self {
        match e {
            Mancata::NonAmmesso(r) => r.into(),
            Mancata::Sigillo(e @ Errore::NonDisponibile { .. }) => Self::sigillo_non_disponibile(&e.to_string()),
            Mancata::Sigillo(e) => Self::campo("sigillo", e.to_string()),
            Mancata::Archivio(e) => e.into(),
            Mancata::Interrotta => Self::interno(),
        }
    }
}

/// An XML that nobody will send: it is sealed, and checked as one that came from others would be.
fn sigilla_campione(s: &dyn Sealer, ora: Timestamp) -> Result<(), Errore> {
    let sigillato = xades::sigilla(s, b"<prova>sigillo di prova</prova>", ora).map_err(|e| del_sigillo(s, e))?;
    let esame = firme::esamina(&sigillato, None, &firme::Fiducia::default(), ora);
    match esame.firme.as_slice() {
        [una] if una.integra => Ok(()),
        altre => {
            let perche = format!("il sigillo di prova non risulta integro ({} firme)", altre.len());
            Err(Errore::RispostaSbagliata { dove: s.dove(), perche })
        }
    }
}

/// What went wrong, as who looks after the seal is told.
fn del_sigillo(s: &dyn Sealer, e: xades::Errore) -> Errore {
    match e {
        xades::Errore::Sigillo(e) => e,
        altro => Errore::RispostaSbagliata { dove: s.dove(), perche: altro.to_string() },
    }
}

/// Whole days until then.
pub(crate) fn giorni(scadenza: Istante, ora: Istante) -> i64 {
    (scadenza.0 - ora.0).div_euclid(86_400_000_000)
}

/// What is said of a certificate that ends soon, or has ended.
fn avviso(scadenza: Istante, ora: Istante) -> Option<String> {
    let g = giorni(scadenza, ora);
    match g {
        ..0 => Some("il certificato del sigillo è scaduto: va sostituito".to_owned()),
        _ if g < PREAVVISI_GIORNI[0] => Some(format!("il certificato del sigillo scade tra {g} giorni: va rinnovato")),
        _ => None,
    }
}

fn ora(t: Istante) -> Timestamp {
    Timestamp::from_microsecond(t.0).unwrap_or(Timestamp::UNIX_EPOCH)
}
