//! The job that seals: a registration that was just made calls it, and so does each round, for what a process that stopped left.
//!
//! It tries again, later and later, what a provider refused for being away, and never by itself what it refused for a wrong PIN.
//! Each ente is a task of its own, its AOOs one after the other: a provider that is slow keeps no other ente waiting. Several
//! nodes may seal the same registration: the second finds it sealed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::segnatura::{Gravita, leggi};
use archivio::file::in_disparte;
use archivio::store::{FileDaRegistrare, documento};
use archivio::{EnteStore, Errore as ErroreArchivio};
use dominio::codici::{CodiceAoo, CodiceIpa, Impronta};
use dominio::comandi::Comando;
use dominio::errori::Rifiuto;
use dominio::operazione::Evento;
use dominio::registrazione::{Chiave, RuoloDocumento};
use dominio::sigillo::{NOME_FILE, POSTO, SigilloApposto};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use sigillo::{Errore, Sealer, xades};

use super::fornitore::{Intestazione, Segreto};
use super::segnatura::Di;
use super::{Giu, Sigilli, Stato, ora, sigilla_campione};
use crate::{Servizio, chiamate};

/// Registrations sealed together.
const GRUPPO: usize = 64;
/// Between two attempts with a provider that is away: the first, and the longest.
const PRIMA_ATTESA: Duration = Duration::from_secs(2);
const ATTESA_MAX: Duration = Duration::from_secs(300);
/// Segnature that cannot be written, remembered by AOO.
const NON_SCRIVIBILI_MAX: usize = 10_000;
/// After so long they are tried again: what was in the way may have changed.
const MESSE_DA_PARTE: Duration = Duration::from_secs(3600);
/// Places named of one that cannot be written.
const POSTI_MAX: usize = 3;
/// After the storage refused what had been sealed.
const PAUSA: Duration = Duration::from_secs(30);

/// What goes on by itself, until it is ended.
pub(crate) async fn lavora(s: Arc<Servizio>) {
    chiamate::lavora(
        s,
        |s| &s.sigilli.chiamate,
        |s| s.sigilli.maturi(),
        |s, ipa| async move {
            match s.store.guarda(&ipa).await {
                Ok(Some(ente)) => dell_ente(&s.sigilli, &*ente).await,
                Ok(None) => {}
                // Each round calls again.
                Err(e) => tracing::warn!(ente = %ipa, errore = %e, "sigilli"),
            }
        },
    )
    .await;
}

/// Seals what waits in an ente.
pub async fn dell_ente(s: &Sigilli, ente: &dyn EnteStore) {
    let conf = ente.configurazione();
    let con_sigillo: Vec<&CodiceAoo> = conf.aoo.iter().filter(|(_, a)| a.sigillo.is_some()).map(|(k, _)| k).collect();
    // A key that is not used any more is not kept open.
    s.stati().retain(|(ipa, aoo), _| ipa != ente.ipa() || con_sigillo.contains(&aoo));
    for aoo in con_sigillo {
        let qui = Luogo { s, ente, aoo };
        if qui.stato(|x| x.pausa.is_some_and(|p| p > Instant::now())) {
            continue;
        }
        let esito = qui.tutte().await;
        qui.stato(|x| x.pausa = esito.is_err().then(|| Instant::now() + PAUSA));
        if let Err(e) = esito {
            tracing::warn!(ente = %ente.ipa(), aoo = %aoo, errore = %e, "sigilli");
        }
    }
}

impl Sigilli {
    /// Enti where something is to be tried again.
    fn maturi(&self) -> Vec<CodiceIpa> {
        let adesso = Instant::now();
        let maturo = |x: &Stato| {
            let riprova = x.giu.as_ref().and_then(|g| g.prossimo);
            [riprova, x.pausa].into_iter().flatten().any(|quando| quando <= adesso)
        };
        self.stati().iter().filter(|(_, x)| maturo(x)).map(|((ipa, _), _)| ipa.clone()).collect()
    }
}

/// The seal of an AOO, at work.
#[derive(Clone, Copy)]
struct Luogo<'a> {
    s: &'a Sigilli,
    ente: &'a dyn EnteStore,
    aoo: &'a CodiceAoo,
}

impl Luogo<'_> {
    fn stato<T>(&self, f: impl FnOnce(&mut Stato) -> T) -> T {
        f(self.s.stati().entry((self.ente.ipa().clone(), self.aoo.clone())).or_default())
    }

    /// What waits, a group after the other.
    async fn tutte(self) -> Result<(), ErroreArchivio> {
        loop {
            let saltate = self.stato(|x| x.non_scrivibili.len());
            let mut attese = self.ente.da_sigillare(self.aoo, GRUPPO + saltate).await?;
            let giu = self.stato(|x| {
                // Those put aside are among the oldest that wait, or wait no more.
                if x.da_quando.is_none_or(|t| t.elapsed() > MESSE_DA_PARTE) {
                    x.non_scrivibili.clear();
                    x.da_quando = None;
                }
                x.non_scrivibili.retain(|k, _| attese.contains(k));
                attese.retain(|k| !x.non_scrivibili.contains_key(k));
                x.giu.is_some()
            });
            attese.truncate(GRUPPO);
            if attese.is_empty() && !giu {
                return Ok(());
            }
            let Some((n, chi)) = self.chi_sigilla().await? else { return Ok(()) };
            if attese.is_empty() {
                // Nothing waits, and uscite are refused: it is tried for itself.
                let quando = ora(self.ente.ora());
                let esito = in_disparte(move || Ok(sigilla_campione(&*chi, quando))).await?;
                self.segna(n, esito.err());
                return Ok(());
            }
            if !self.gruppo(n, chi, &attese).await? {
                return Ok(());
            }
        }
    }

    /// Whoever seals, with the number of his secret, opened if need be; none while it is not to be tried.
    async fn chi_sigilla(self) -> Result<Option<(i64, Arc<dyn Sealer>)>, ErroreArchivio> {
        let Some((n, byte)) = self.ente.segreto_sigillo(self.aoo).await? else { return Ok(None) };
        let (fermo, aperto) = self.stato(|x| {
            let fermo = |g: &Giu| g.segreto == n && g.prossimo.is_none_or(|p| p > Instant::now());
            (x.giu.as_ref().is_some_and(fermo), x.aperto.clone().filter(|(quale, _)| *quale == n))
        });
        if fermo || aperto.is_some() {
            return Ok(aperto.filter(|_| !fermo));
        }
        let (ammessi, ipa) = (self.s.ammessi.clone(), self.ente.ipa().clone());
        let aperto = in_disparte(move || {
            let segreto = serde_json::from_slice::<Segreto>(&byte);
            let segreto = segreto.map_err(|_| Errore::Configurazione("il segreto del sigillo non si legge".into()));
            // What who runs the installation let be used may have changed since.
            Ok(segreto.and_then(|s| {
                s.ammesso(&ipa, &ammessi).map_err(|e: Rifiuto| Errore::Configurazione(e.to_string()))?;
                s.apri()
            }))
        });
        Ok(match aperto.await? {
            Ok(chi) => {
                self.stato(|x| x.aperto = Some((n, Arc::clone(&chi))));
                Some((n, chi))
            }
            Err(e) => {
                self.segna(n, Some(e));
                None
            }
        })
    }

    /// Remembers how it went with a provider.
    fn segna(self, segreto: i64, errore: Option<Errore>) {
        let Some(e) = errore else { return self.stato(|x| x.giu = None) };
        tracing::warn!(ente = %self.ente.ipa(), aoo = %self.aoo, errore = %e, "il sigillo non è stato apposto");
        // Answers that make no sense may be the provider's bad moment; a no to our credentials is not.
        let riprova = e.si_puo_riprovare() || matches!(e, Errore::RispostaSbagliata { .. });
        self.stato(|x| {
            let attesa = match &x.giu {
                Some(g) if g.segreto == segreto => (g.attesa * 2).min(ATTESA_MAX),
                _ => PRIMA_ATTESA,
            };
            let prossimo = riprova.then(|| Instant::now() + attesa);
            x.giu = Some(Giu { perche: e.to_string(), segreto, prossimo, attesa });
            if !e.si_puo_riprovare() {
                x.aperto = None;
            }
        });
    }

    /// Seals a group; says whether to go on with the next.
    async fn gruppo(self, n: i64, chi: Arc<dyn Sealer>, attese: &[Chiave]) -> Result<bool, ErroreArchivio> {
        let ancora = attese.len() >= GRUPPO;
        let (da_firmare, mut da_parte) = self.da_firmare(attese).await?;
        if da_firmare.is_empty() {
            return Ok(ancora && self.metti_da_parte(da_parte));
        }
        let quando = ora(self.ente.ora());
        let di_chi = Intestazione::di(&*chi, quando);
        let (firmate, guaste) = match in_disparte(move || Ok(firma(&*chi, da_firmare, quando))).await? {
            Ok(f) => f,
            Err(e) => {
                self.segna(n, Some(e));
                return Ok(false);
            }
        };
        self.segna(n, None);
        da_parte.extend(guaste);
        let fatto = self.metti_da_parte(da_parte);
        let apposti = firmate.into_iter().map(|f| self.apponi(f, &di_chi));
        let mut quanti = 0;
        for esito in futures_util::future::join_all(apposti).await {
            match esito {
                Ok(()) => quanti += 1,
                // Another node did.
                Err(ErroreArchivio::Rifiuto(Rifiuto::Conflitto(_))) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(ancora && (fatto || quanti > 0))
    }

    /// Remembers what keeps these from being sealed, the others going on; says whether there was room for any.
    fn metti_da_parte(self, quali: DaParte) -> bool {
        let mut nuove = false;
        for (chiave, perche) in quali {
            let (ente, aoo) = (self.ente.ipa(), self.aoo);
            tracing::error!(%ente, %aoo, registrazione = %chiave, %perche, "la segnatura non si può sigillare");
            self.stato(|x| {
                if x.non_scrivibili.len() < NON_SCRIVIBILI_MAX {
                    x.da_quando.get_or_insert_with(Instant::now);
                    nuove |= x.non_scrivibili.insert(chiave, perche).is_none();
                }
            });
        }
        nuove
    }

    /// The segnature of those that wait; and those that cannot be written.
    async fn da_firmare(self, attese: &[Chiave]) -> Result<(Vec<DaFirmare>, DaParte), ErroreArchivio> {
        let conf = self.ente.configurazione();
        let (mut out, mut da_parte) = (Vec::with_capacity(attese.len()), Vec::new());
        let Some(di) = Di::nella(&conf, self.aoo) else { return Ok((out, da_parte)) };
        for chiave in attese {
            let prima = self.ente.operazioni_di(self.aoo, chiave).await?.into_iter().next();
            let Some((istante, Evento::Registrazione(d))) = prima.map(|o| (o.istante, o.evento)) else {
                da_parte.push((chiave.clone(), "la sua operazione non si trova".to_owned()));
                continue;
            };
            match di.componi(chiave, istante, &d) {
                Ok(x) => out.push(DaFirmare { chiave: chiave.clone(), xml: x.byte().to_vec() }),
                // It was looked at before it had its number: only what changed around it can have brought this about.
                Err(e) => da_parte.push((chiave.clone(), posti(e.0.iter().map(|r| &r.percorso)))),
            }
        }
        Ok((out, da_parte))
    }

    /// Stores it byte for byte, and puts it on its registration (R-C14).
    async fn apponi(self, f: Sigillata, di_chi: &Intestazione) -> Result<(), ErroreArchivio> {
        let mut c = self.ente.carica().await?;
        c.scrivi(&f.xml).await?;
        let file = FileDaRegistrare {
            ruolo: RuoloDocumento::Segnatura,
            nome: NOME_FILE.to_owned(),
            mime: "application/xml".to_owned(),
            file: c.chiudi().await?,
        };
        let apposto = SigilloApposto {
            non_sigillata: f.non_sigillata,
            segnatura: documento(POSTO, &file),
            intestatario: di_chi.intestatario.clone(),
            emittente: di_chi.emittente.clone(),
            certificato: di_chi.certificato,
            qualificato: di_chi.qualificato,
        };
        let comando = Comando::Sigilla(Box::new(apposto));
        self.ente.comanda(self.aoo, &archivio::sistema(), &f.chiave, comando, vec![file.file], None).await.map(drop)
    }
}

/// A segnatura on its way.
struct DaFirmare {
    chiave: Chiave,
    xml: Vec<u8>,
}

/// A sealed segnatura, with the hash that it had before.
struct Sigillata {
    chiave: Chiave,
    non_sigillata: Impronta,
    xml: Vec<u8>,
}

/// Registrations that cannot be sealed, each with the reason: places, never what stands there.
type DaParte = Vec<(Chiave, String)>;

/// Blocks. What is wrong with one alone puts that one aside.
fn firma(chi: &dyn Sealer, da: Vec<DaFirmare>, quando: Timestamp) -> Result<(Vec<Sigillata>, DaParte), Errore> {
    let (mut preparati, mut da_parte) = (Vec::with_capacity(da.len()), Vec::new());
    for d in &da {
        match xades::Preparato::nuovo(chi, &d.xml, quando) {
            Ok(p) => preparati.push((p, d)),
            Err(xades::Errore::Sigillo(e)) => return Err(e),
            Err(_) => da_parte.push((d.chiave.clone(), "non si può preparare per il sigillo".to_owned())),
        }
    }
    let byte: Vec<&[u8]> = preparati.iter().map(|(p, _)| p.da_firmare()).collect();
    let firme = chi.firma_molti(&byte)?;
    let mut sigillate = Vec::with_capacity(da.len());
    for ((p, d), f) in preparati.iter().zip(&firme) {
        let xml = p.con(f);
        // R-C05: valid before the seal and after it.
        let letta = leggi(&xml);
        if letta.valida() {
            let non_sigillata = Impronta(Sha256::digest(&d.xml).into());
            sigillate.push(Sigillata { chiave: d.chiave.clone(), non_sigillata, xml });
        } else {
            let errori = letta.rilievi.iter().filter(|r| r.gravita == Gravita::Errore);
            da_parte.push((d.chiave.clone(), posti(errori.map(|r| &r.percorso))));
        }
    }
    Ok((sigillate, da_parte))
}

/// Where it does not hold. What stands there is of the registration, which not everybody may read.
fn posti<'a>(percorsi: impl Iterator<Item = &'a String>) -> String {
    format!("non è valida in {}", percorsi.take(POSTI_MAX).map(String::as_str).collect::<Vec<_>>().join(", "))
}
