//! Seals put at once, outside of the transaction that gave the number (design § 3; R-A13, R-A14, R-C10, R-C11).
//!
//! What waits is in the database, so nothing is forgotten by who stops. A registration that was just made wakes the job; it
//! looks by itself every few seconds besides, tries again what a provider refused for being away, and never by itself what
//! it refused for a wrong PIN. Several nodes may seal the same one: the second finds it sealed.

pub mod fornitore;
pub mod segnatura;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::segnatura::leggi;
use archivio::store::{Controllo, FileCaricato, Segreto as DaConservare, documento};
use archivio::{EnteStore, Errore as ErroreArchivio};
use dominio::codici::{CodiceAoo, CodiceIpa, Impronta};
use dominio::comandi::Comando;
use dominio::errori::Rifiuto;
use dominio::registrazione::{Chiave, RuoloDocumento, Tipo};
use dominio::sigillo::{NOME_FILE, SigilloApposto};
use dominio::tempo::Istante;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sigillo::{Errore, Sealer, xades};
use tokio::sync::Notify;

use crate::Servizio;
use crate::misure::Foglio;
use crate::problema::Problema;
use fornitore::{Ammessi, Segreto, dati};
use segnatura::Di;

/// Registrations sealed together.
const GRUPPO: usize = 64;
/// How often somebody looks, whether called or not.
const PASSO: Duration = Duration::from_secs(3);
/// Between two attempts with a provider that is away: the first, and the longest.
const PRIMA_ATTESA: Duration = Duration::from_secs(2);
const ATTESA_MAX: Duration = Duration::from_secs(300);
/// Segnature that cannot be written, remembered by AOO.
const NON_SCRIVIBILI_MAX: usize = 100;
/// Days before the end of a certificate in which it is said.
pub const PREAVVISI_GIORNI: [i64; 3] = [60, 30, 7];

type DiChi = (CodiceIpa, CodiceAoo);

/// The seals of an installation, as far as this process knows them.
#[derive(Default)]
pub struct Sigilli {
    ammessi: Ammessi,
    sveglia: Notify,
    stati: Mutex<HashMap<DiChi, Stato>>,
}

#[derive(Default)]
struct Stato {
    /// Whoever seals, and the number of the secret that he came from.
    aperto: Option<(i64, Arc<dyn Sealer>)>,
    /// Why nothing is sealed now.
    giu: Option<Giu>,
    /// Registrations whose segnatura cannot be written, and why.
    non_scrivibili: HashMap<Chiave, String>,
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

    /// Something waits.
    pub fn sveglia(&self) {
        self.sveglia.notify_one();
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
            let differito = || conf.aoo.get(aoo).and_then(|a| a.sigillo_differito).is_some_and(|fino| fino > ora);
            match sigilli.giu(&ipa, aoo) {
                Some(perche) if d.tipo == Tipo::Uscita && !differito() => {
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
            .stati()
            .get(&(ente.ipa().clone(), aoo.clone()))
            .map(|x| {
                x.non_scrivibili.iter().map(|(k, e)| json!({"registrazione": k.to_string(), "motivo": e})).collect()
            })
            .unwrap_or_default();
        Ok(json!({
            "impostato": s.is_some(),
            "sigillo": s.map(|s| json!({
                "fornitore": s.fornitore, "intestatario": s.intestatario, "emittente": s.emittente,
                "certificato": s.certificato, "scadenza": s.scadenza.con_offset(), "qualificato": s.qualificato,
                "entrate": s.entrate, "giorni": giorni(s.scadenza, ente.ora()),
            })),
            "avviso": s.and_then(|s| avviso(s.scadenza, ente.ora())),
            "impedimento": self.giu(ente.ipa(), aoo),
            "differitoFino": stato.and_then(|a| a.sigillo_differito).filter(|f| *f > ente.ora()).map(|f| f.con_offset()),
            "inAttesa": quante,
            "inAttesaDal": dal.map(|t| t.con_offset()),
            "nonScrivibili": non_scritte,
        }))
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
        segreto.ammesso(&self.ammessi)?;
        let ora = ora(ente.ora());
        let conservato = serde_json::to_vec(&segreto).map_err(|e| Problema::campo("sigillo", e.to_string()))?;
        let provato = tokio::task::spawn_blocking(move || {
            let s = segreto.apri()?;
            sigilla_campione(&*s, ora)?;
            Ok::<_, Errore>(dati(&*s, segreto.fornitore(), entrate, ora))
        });
        let d = provato.await.map_err(|_| Problema::interno())?.map_err(|e| match e {
            Errore::NonDisponibile { .. } => Problema::sigillo_non_disponibile(&e.to_string()),
            e => Problema::campo("sigillo", e.to_string()),
        })?;
        Ok((d, DaConservare::Sigillo(conservato)))
    }
}

/// An XML that nobody will send: it is sealed, and checked as one that came from others would be.
fn sigilla_campione(s: &dyn Sealer, ora: Timestamp) -> Result<(), Errore> {
    let sbagliata = |perche: String| Errore::RispostaSbagliata { dove: s.dove(), perche };
    let sigillato = xades::sigilla(s, b"<prova>sigillo di prova</prova>", ora).map_err(|e| match e {
        xades::Errore::Sigillo(e) => e,
        altro => sbagliata(altro.to_string()),
    })?;
    let esame = firme::esamina(&sigillato, None, &firme::Fiducia::default(), ora);
    match esame.firme.as_slice() {
        [una] if una.integra => Ok(()),
        altre => Err(sbagliata(format!("il sigillo di prova non risulta integro ({} firme)", altre.len()))),
    }
}

/// Whole days until then.
fn giorni(scadenza: Istante, ora: Istante) -> i64 {
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

/// What goes on by itself, until it is ended. Each ente by itself: a provider that is slow keeps nobody else waiting.
pub(crate) async fn lavora(s: Arc<Servizio>) {
    let mut al_lavoro = Compiti::default();
    loop {
        let _ = tokio::time::timeout(PASSO, s.sigilli.sveglia.notified()).await;
        al_lavoro.raccogli();
        if s.sola_lettura.motivo().await.is_some() {
            continue;
        }
        for ente in s.store.aperti() {
            if !ente.configurazione().aoo.values().any(|a| a.sigillo.is_some()) {
                continue;
            }
            let s = Arc::clone(&s);
            let ipa = ente.ipa().clone();
            al_lavoro.avvia(ipa, async move { dell_ente(&s.sigilli, &*ente).await });
        }
    }
}

/// One task for each ente, at most.
#[derive(Default)]
struct Compiti {
    compiti: tokio::task::JoinSet<CodiceIpa>,
    chi: HashSet<CodiceIpa>,
}

impl Compiti {
    fn raccogli(&mut self) {
        while let Some(finito) = self.compiti.try_join_next() {
            match finito {
                Ok(ipa) => drop(self.chi.remove(&ipa)),
                // One of them broke: whose it was is not known, and they all begin anew.
                Err(_) => self.chi.clear(),
            }
        }
    }

    fn avvia(&mut self, ipa: CodiceIpa, lavoro: impl Future<Output = ()> + Send + 'static) {
        if self.chi.insert(ipa.clone()) {
            self.compiti.spawn(async move {
                lavoro.await;
                ipa
            });
        }
    }
}

/// Seals what waits in an ente.
pub async fn dell_ente(s: &Sigilli, ente: &dyn EnteStore) {
    let conf = ente.configurazione();
    let con_sigillo: Vec<CodiceAoo> =
        conf.aoo.iter().filter(|(_, a)| a.sigillo.is_some()).map(|(k, _)| k.clone()).collect();
    for aoo in con_sigillo {
        if let Err(e) = dell_aoo(s, ente, &aoo).await {
            tracing::warn!(ente = %ente.ipa(), aoo = %aoo, errore = %e, "sigilli");
        }
    }
}

/// Seals what waits in an AOO, a group after the other.
async fn dell_aoo(s: &Sigilli, ente: &dyn EnteStore, aoo: &CodiceAoo) -> Result<(), ErroreArchivio> {
    loop {
        let saltate = s.stati().get(&(ente.ipa().clone(), aoo.clone())).map_or(0, |x| x.non_scrivibili.len());
        let mut attese = ente.da_sigillare(aoo, GRUPPO + saltate).await?;
        {
            let stati = s.stati();
            let stato = stati.get(&(ente.ipa().clone(), aoo.clone()));
            attese.retain(|k| stato.is_none_or(|x| !x.non_scrivibili.contains_key(k)));
            let giu = stato.and_then(|x| x.giu.as_ref());
            if attese.is_empty() && giu.is_none() {
                return Ok(());
            }
        }
        let Some((n, chi)) = chi_sigilla(s, ente, aoo).await? else { return Ok(()) };
        if attese.is_empty() {
            // Nothing waits, and uscite are refused: it is tried for itself.
            let (a, ora) = (Arc::clone(&chi), ora(ente.ora()));
            let esito = tokio::task::spawn_blocking(move || sigilla_campione(&*a, ora)).await;
            segna(s, ente, aoo, n, esito.map_err(|e| ErroreArchivio::Archivio(e.to_string()))?.err());
            return Ok(());
        }
        if !gruppo(s, ente, aoo, n, chi, &attese).await? {
            return Ok(());
        }
    }
}

/// Whoever seals in an AOO, opened if need be; none while it is not to be tried.
async fn chi_sigilla(
    s: &Sigilli,
    ente: &dyn EnteStore,
    aoo: &CodiceAoo,
) -> Result<Option<(i64, Arc<dyn Sealer>)>, ErroreArchivio> {
    let Some((n, byte)) = ente.segreto_sigillo(aoo).await? else { return Ok(None) };
    {
        let stati = s.stati();
        let stato = stati.get(&(ente.ipa().clone(), aoo.clone()));
        if let Some(g) = stato.and_then(|x| x.giu.as_ref()).filter(|g| g.segreto == n)
            && g.prossimo.is_none_or(|p| p > Instant::now())
        {
            return Ok(None);
        }
        if let Some((quale, chi)) = stato.and_then(|x| x.aperto.as_ref())
            && *quale == n
        {
            return Ok(Some((n, Arc::clone(chi))));
        }
    }
    let ammessi = s.ammessi.clone();
    let aperto = tokio::task::spawn_blocking(move || {
        let segreto: Segreto = serde_json::from_slice(&byte)
            .map_err(|_| Errore::Configurazione("il segreto del sigillo non si legge".into()))?;
        // What who runs the installation let be used may have changed since.
        segreto.ammesso(&ammessi).map_err(|e: Rifiuto| Errore::Configurazione(e.to_string()))?;
        segreto.apri()
    });
    match aperto.await.map_err(|e| ErroreArchivio::Archivio(e.to_string()))? {
        Ok(chi) => {
            let mut stati = s.stati();
            stati.entry((ente.ipa().clone(), aoo.clone())).or_default().aperto = Some((n, Arc::clone(&chi)));
            Ok(Some((n, chi)))
        }
        Err(e) => {
            segna(s, ente, aoo, n, Some(e));
            Ok(None)
        }
    }
}

/// Remembers how it went with a provider.
fn segna(s: &Sigilli, ente: &dyn EnteStore, aoo: &CodiceAoo, segreto: i64, errore: Option<Errore>) {
    let mut stati = s.stati();
    let stato = stati.entry((ente.ipa().clone(), aoo.clone())).or_default();
    let Some(e) = errore else {
        stato.giu = None;
        return;
    };
    let attesa = match &stato.giu {
        Some(g) if g.segreto == segreto => (g.attesa * 2).min(ATTESA_MAX),
        _ => PRIMA_ATTESA,
    };
    tracing::warn!(ente = %ente.ipa(), aoo = %aoo, errore = %e, "il sigillo non è stato apposto");
    // Answers that make no sense may be the provider's bad moment; a no to our credentials is not.
    let riprova = e.si_puo_riprovare() || matches!(e, Errore::RispostaSbagliata { .. });
    stato.giu =
        Some(Giu { perche: e.to_string(), segreto, prossimo: riprova.then(|| Instant::now() + attesa), attesa });
    if !e.si_puo_riprovare() {
        stato.aperto = None;
    }
}

/// A segnatura on its way.
struct DaFirmare {
    chiave: Chiave,
    xml: Vec<u8>,
}

/// Seals a group; says whether to go on with the next.
async fn gruppo(
    s: &Sigilli,
    ente: &dyn EnteStore,
    aoo: &CodiceAoo,
    n: i64,
    chi: Arc<dyn Sealer>,
    attese: &[Chiave],
) -> Result<bool, ErroreArchivio> {
    let conf = ente.configurazione();
    let Some(di) = Di::nella(&conf, aoo) else { return Ok(false) };
    let mut da_firmare = Vec::with_capacity(attese.len());
    for chiave in attese {
        let Some(prima) = ente.operazioni_di(aoo, chiave).await?.into_iter().next() else { continue };
        let dominio::operazione::Evento::Registrazione(d) = prima.evento else { continue };
        match di.componi(chiave, prima.istante, &d) {
            Ok(x) => da_firmare.push(DaFirmare { chiave: chiave.clone(), xml: x.byte().to_vec() }),
            // It was looked at before it had its number: only what changed around it can have brought this about.
            Err(e) => {
                tracing::error!(ente = %ente.ipa(), aoo = %aoo, registrazione = %chiave, errore = %e, "segnatura");
                let mut stati = s.stati();
                let stato = stati.entry((ente.ipa().clone(), aoo.clone())).or_default();
                if stato.non_scrivibili.len() < NON_SCRIVIBILI_MAX {
                    stato.non_scrivibili.insert(chiave.clone(), e.to_string());
                }
            }
        }
    }
    let (firmatario, quando) = (Arc::clone(&chi), ora(ente.ora()));
    let firmati = tokio::task::spawn_blocking(move || firma(&*firmatario, da_firmare, quando));
    let firmati = match firmati.await.map_err(|e| ErroreArchivio::Archivio(e.to_string()))? {
        Ok(f) => {
            segna(s, ente, aoo, n, None);
            f
        }
        Err(e) => {
            segna(s, ente, aoo, n, Some(e));
            return Ok(false);
        }
    };
    let d = dati(&*chi, dominio::sigillo::Fornitore::File, false, quando);
    let apposti = futures_util::future::join_all(firmati.into_iter().map(|f| {
        let d = &d;
        async move { apponi(ente, aoo, f, d).await }
    }))
    .await;
    let mut quanti = 0;
    for esito in apposti {
        match esito {
            Ok(()) => quanti += 1,
            // Another node did.
            Err(ErroreArchivio::Rifiuto(Rifiuto::Conflitto(_))) => {}
            Err(e) => return Err(e),
        }
    }
    Ok(quanti > 0 && attese.len() >= GRUPPO)
}

/// A sealed segnatura, with the hash that it had before.
struct Sigillata {
    chiave: Chiave,
    non_sigillata: Impronta,
    xml: Vec<u8>,
}

/// Blocks.
fn firma(chi: &dyn Sealer, da: Vec<DaFirmare>, quando: Timestamp) -> Result<Vec<Sigillata>, Errore> {
    let storta = |e: xades::Errore| match e {
        xades::Errore::Sigillo(e) => e,
        altro => Errore::RispostaSbagliata { dove: chi.dove(), perche: altro.to_string() },
    };
    let preparati: Vec<xades::Preparato<'_>> =
        da.iter().map(|d| xades::Preparato::nuovo(chi, &d.xml, quando).map_err(storta)).collect::<Result<_, _>>()?;
    let byte: Vec<&[u8]> = preparati.iter().map(xades::Preparato::da_firmare).collect();
    let firme = chi.firma_molti(&byte)?;
    let mut out = Vec::with_capacity(firme.len());
    for ((p, f), d) in preparati.iter().zip(&firme).zip(&da) {
        let xml = p.con(f);
        // R-C05: valid before the seal and after it.
        let letta = leggi(&xml);
        if !letta.valida() {
            let perche = format!("la segnatura sigillata di {} non è valida", d.chiave);
            return Err(Errore::RispostaSbagliata { dove: chi.dove(), perche });
        }
        out.push(Sigillata { chiave: d.chiave.clone(), non_sigillata: Impronta(Sha256::digest(&d.xml).into()), xml });
    }
    Ok(out)
}

/// Stores it byte for byte, and puts it on its registration (R-C14).
async fn apponi(
    ente: &dyn EnteStore,
    aoo: &CodiceAoo,
    f: Sigillata,
    d: &dominio::sigillo::DatiSigillo,
) -> Result<(), ErroreArchivio> {
    let mut c = ente.carica().await?;
    c.scrivi(&f.xml).await?;
    let file: FileCaricato = c.chiudi().await?;
    let file = archivio::store::FileDaRegistrare {
        ruolo: RuoloDocumento::Segnatura,
        nome: NOME_FILE.to_owned(),
        mime: "application/xml".to_owned(),
        file,
    };
    let apposto = SigilloApposto {
        non_sigillata: f.non_sigillata,
        segnatura: documento(dominio::sigillo::POSTO, &file),
        intestatario: d.intestatario.clone(),
        emittente: d.emittente.clone(),
        certificato: d.certificato,
        qualificato: d.qualificato,
    };
    let comando = Comando::Sigilla(Box::new(apposto));
    ente.comanda(aoo, &archivio::sistema(), &f.chiave, comando, vec![file.file], None).await.map(drop)
}
