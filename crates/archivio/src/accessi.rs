//! Who saw what (R-L08, R-L16): the access log of an ente, apart from the operations, which are for ever.
//!
//! Rows are written by one thread, many to a commit, and chained: each hash covers the one before, so that a row taken
//! out or changed is noticed. After the time the ente keeps them for they are pruned from the oldest on; the pruning is
//! a row too, with the hash from which the chain goes on. The head is signed now and then and kept elsewhere
//! (`sqlite/depositi.rs`): a chain cut short is a good chain, but not the one that was signed.

mod magazzino;
mod verifica;

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use dominio::analisi;
use dominio::codici::{CodiceAoo, CodiceUfficio, NomeUtente};
use dominio::permessi::{Operatore, Porta};
use dominio::registrazione::{Chiave, Registrazione};
use dominio::soggetto::Soggetto;
use dominio::tempo::{Giorno, Istante, domani};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use crate::motore::{Db, Valore, valori};
use crate::store::{Errore, Esito, Pagina};
use crate::tenuta::Tenuta;
use magazzino::SuFile;
pub(crate) use magazzino::{FILE, Magazzino, Scrivano, leggi, modello, nuovo_in};
pub use verifica::{Impegno, potati, verifica};

/// Rows in one commit at most.
const GRUPPO_MAX: usize = 256;
/// Requests that may wait.
const CODA_MAX: usize = 1_024;
/// Persons of one registration whose names are indexed; a mailing of ten thousand is found by its number.
const INTERESSATI_MAX: usize = 200;

/// What was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Azione {
    /// The registration itself, now or as it was.
    Registrazione,
    /// A line of a list: written for reserved ones.
    Elenco,
    /// Its history or a comparison.
    Storia,
    /// One of its files.
    Documento,
    /// A receipt of it.
    Ricevuta,
    /// Taken out of the register (history as a file, lists as a sheet).
    Esportazione,
}

impl Azione {
    /// In words.
    pub fn denominazione(self) -> &'static str {
        match self {
            Self::Registrazione => "ha aperto la registrazione",
            Self::Elenco => "l'ha vista in un elenco",
            Self::Storia => "ha letto la storia",
            Self::Documento => "ha aperto un documento",
            Self::Ricevuta => "ha preso la ricevuta",
            Self::Esportazione => "l'ha esportata",
        }
    }
}

/// One access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Accesso {
    /// When.
    pub istante: Istante,
    /// AOO.
    pub aoo: CodiceAoo,
    /// Who.
    pub utente: NomeUtente,
    /// His name then.
    pub nome: String,
    /// On behalf of which office.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ufficio: Option<CodiceUfficio>,
    /// By which door.
    pub porta: Porta,
    /// What.
    pub azione: Azione,
    /// Of which registration: `registro/anno/numero`.
    pub registrazione: String,
    /// Was it reserved?
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub riservata: bool,
    /// Persons it is about, as keys to be looked for: code, name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interessati: Vec<String>,
}

impl Accesso {
    /// Somebody looks at a registration.
    pub fn a(aoo: &CodiceAoo, chi: &Operatore, r: &Registrazione, azione: Azione, istante: Istante) -> Self {
        // Those annulled, or only asked for, are seen as well.
        let annullati = r.annullamenti.iter().flat_map(|a| a.valori_annullati.soggetti());
        let chiesti = r.richieste.iter().flat_map(|q| q.nuovi_valori.soggetti());
        let mut interessati: Vec<String> = annullati
            .chain(chiesti)
            .chain(r.dati.soggetti().map(|(_, s)| s))
            .filter(|s| s.ufficio().is_none())
            .take(INTERESSATI_MAX)
            .flat_map(chiavi)
            .collect();
        interessati.sort_unstable();
        interessati.dedup();
        Self {
            istante,
            aoo: aoo.clone(),
            utente: chi.id.clone(),
            nome: chi.nome.clone(),
            ufficio: chi.ufficio.clone(),
            porta: chi.porta,
            azione,
            registrazione: r.chiave.to_string(),
            riservata: r.dati.riservato,
            interessati,
        }
    }
}

/// Keys under which a person is found: his code, and his name without accents and case.
fn chiavi(s: &Soggetto) -> impl Iterator<Item = String> {
    s.codice().map(chiave_di).into_iter().chain([chiave_di(&s.nome_completo())])
}

/// How a code or a name is looked for.
fn chiave_di(testo: &str) -> String {
    crate::righe::chiave(analisi::riga([testo]).trim().to_owned())
}

/// An access as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessoScritto {
    /// Progressive within the ente.
    pub n: u64,
    /// What happened.
    pub accesso: Accesso,
}

/// Which accesses: all that is given must hold.
#[derive(Debug, Clone, Default)]
pub struct FiltroAccessi {
    /// To this registration.
    pub registrazione: Option<Chiave>,
    /// To data of the person with this code, or this whole name ("who saw my data").
    pub soggetto: Option<String>,
    /// By this person.
    pub utente: Option<NomeUtente>,
    /// From this day.
    pub dal: Option<Giorno>,
    /// To this day, included.
    pub al: Option<Giorno>,
    /// Only to reserved registrations.
    pub riservate: bool,
    /// Where the page begins.
    pub cursore: Option<String>,
    /// Page size.
    pub limite: usize,
}

enum Lavoro {
    Scrivi(Box<Accesso>, oneshot::Sender<Esito<()>>),
    Pota(Istante, oneshot::Sender<Esito<u64>>),
    /// Only to see whether it can be written.
    Prova(oneshot::Sender<Esito<()>>),
}

/// Where the chain is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Testa {
    /// Last progressive.
    pub n: u64,
    /// Its hash.
    pub hash: [u8; 32],
    /// When that access happened.
    pub istante: Istante,
}

/// The access log of one ente; its thread begins with the first access.
#[derive(Debug)]
pub struct Accessi {
    dove: Arc<dyn Magazzino>,
    scrittore: Mutex<Option<(SyncSender<Lavoro>, std::thread::JoinHandle<()>)>>,
    /// Can accesses be written?
    pub tenuta: Tenuta,
}

impl Drop for Accessi {
    fn drop(&mut self) {
        let preso = self.scrittore.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((coda, filo)) = preso {
            drop(coda);
            let _ = filo.join();
        }
    }
}

impl Accessi {
    /// The log in an ente's folder; nothing is opened yet.
    pub fn in_cartella(cartella: &Path) -> Self {
        Self::nuovi(Arc::new(SuFile(cartella.join(FILE))))
    }

    /// The log that is kept there.
    pub(crate) fn nuovi(dove: Arc<dyn Magazzino>) -> Self {
        Self { dove, scrittore: Mutex::default(), tenuta: Tenuta::default() }
    }

    fn leggi<T>(&self, f: impl FnOnce(&dyn Db) -> Esito<T>) -> Esito<T> {
        let (mut f, mut letto) = (Some(f), None);
        self.dove.leggi(&mut |c| {
            if let Some(f) = f.take() {
                letto = Some(f(c)?);
            }
            Ok(())
        })?;
        letto.ok_or_else(|| Errore::Archivio("niente è stato letto".to_owned()))
    }

    fn coda(&self) -> Esito<SyncSender<Lavoro>> {
        let mut g = self.scrittore.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((coda, filo)) = &*g
            && !filo.is_finished()
        {
            return Ok(coda.clone());
        }
        let c = self.dove.apri()?;
        let (tx, rx) = sync_channel(CODA_MAX);
        let filo = std::thread::Builder::new().name("accessi".to_owned()).spawn(move || scrivi(c, &rx))?;
        *g = Some((tx.clone(), filo));
        Ok(tx)
    }

    async fn chiedi<T>(&self, fa: impl FnOnce(oneshot::Sender<Esito<T>>) -> Lavoro) -> Esito<T> {
        let (tx, rx) = oneshot::channel();
        self.coda()?.try_send(fa(tx)).map_err(|_| Errore::Sovraccarico)?;
        rx.await.map_err(|_| Errore::Archivio("il registro degli accessi si è fermato".to_owned()))?
    }

    /// Remembers whether it could be written.
    async fn scrivi(&self, fa: impl FnOnce(oneshot::Sender<Esito<()>>) -> Lavoro) -> Esito<()> {
        let esito = self.chiedi(fa).await;
        match &esito {
            Ok(()) => self.tenuta.regge(),
            Err(e @ Errore::Archivio(_)) => self.tenuta.cede(e),
            Err(_) => {}
        }
        esito
    }

    /// Writes nothing that stays.
    ///
    /// # Errors
    /// The storage's.
    pub async fn prova(&self) -> Esito<()> {
        self.scrivi(Lavoro::Prova).await
    }

    /// Writes an access; the answer comes after the commit.
    ///
    /// # Errors
    /// The queue is full, or the storage failed: who wanted to see something reserved must not see it.
    pub async fn annota(&self, a: Accesso) -> Esito<()> {
        self.scrivi(|r| Lavoro::Scrivi(Box::new(a), r)).await
    }

    /// Prunes what is older than an instant; says how many rows.
    ///
    /// # Errors
    /// The storage's.
    pub async fn pota(&self, prima: Istante) -> Esito<u64> {
        if !self.dove.esiste() {
            return Ok(0);
        }
        self.chiedi(|r| Lavoro::Pota(prima, r)).await
    }

    /// Where the chain is; `None` when there is no access, or all were pruned.
    ///
    /// # Errors
    /// The storage's.
    pub fn testa(&self) -> Esito<Option<Testa>> {
        if !self.dove.esiste() {
            return Ok(None);
        }
        self.leggi(|c| {
            c.una("SELECT n, hash, istante FROM accesso ORDER BY n DESC LIMIT 1", &[], |r| {
                Ok(Testa { n: r.naturale(0)?, hash: r.hash(1)?, istante: Istante(r.intero(2)?) })
            })
        })
    }

    /// How many accesses were ever written, those pruned included.
    ///
    /// # Errors
    /// The storage's.
    pub fn dimensione(&self) -> Esito<u64> {
        if !self.dove.esiste() {
            return Ok(0);
        }
        Ok(self.leggi(testa)?.0.unsigned_abs())
    }

    /// Accesses, newest first.
    ///
    /// # Errors
    /// A wrong cursor, or the storage's.
    pub fn cerca(&self, aoo: &CodiceAoo, f: &FiltroAccessi) -> Esito<Pagina<AccessoScritto>> {
        if !self.dove.esiste() {
            return Ok(Pagina { elementi: Vec::new(), successivo: None });
        }
        let mut sql = String::from("SELECT a.n, a.riga FROM accesso a WHERE a.aoo = ?");
        let mut valori: Vec<Valore<'_>> = vec![aoo.as_str().into()];
        let mut e = |testo: &str, v: Valore<'static>| {
            sql.push_str(testo);
            valori.push(v);
        };
        if let Some(g) = f.dal {
            e(" AND a.istante >= ?", Istante::inizio(g).0.into());
        }
        if let Some(g) = f.al {
            e(" AND a.istante < ?", Istante::inizio(domani(g)).0.into());
        }
        if f.riservate {
            // Within a text the quotes would have a backslash before them: this is the field and nothing else.
            e(" AND a.riga LIKE ?", "%,\"riservata\":true%".into());
        }
        if let Some(t) = &f.cursore {
            let n: i64 =
                t.parse().map_err(|_| dominio::errori::Rifiuto::campo("cursore", "non è un cursore valido"))?;
            e(" AND a.n < ?", n.into());
        }
        let (chiave, chi) = (f.registrazione.as_ref().map(ToString::to_string), f.soggetto.as_deref().map(chiave_di));
        if let Some(k) = &chiave {
            sql.push_str(" AND a.registrazione = ?");
            valori.push(k.into());
        }
        if let Some(u) = &f.utente {
            sql.push_str(" AND a.utente = ?");
            valori.push(u.as_str().into());
        }
        if let Some(s) = &chi {
            sql.push_str(" AND EXISTS (SELECT 1 FROM interessato i WHERE i.chi = ? AND i.n = a.n)");
            valori.push(s.into());
        }
        let limite = f.limite.clamp(1, 200);
        sql.push_str(" ORDER BY a.n DESC LIMIT ?");
        valori.push(i64::try_from(limite + 1).unwrap_or(i64::MAX).into());
        let mut elementi = self.leggi(|c| {
            c.tutte(&sql, &valori, |r| {
                let n = r.naturale(0)?;
                let accesso =
                    serde_json::from_str(r.testo(1)?).map_err(|_| Errore::Incoerente(format!("accesso {n}")))?;
                Ok(AccessoScritto { n, accesso })
            })
        })?;
        let altre = elementi.len() > limite;
        elementi.truncate(limite);
        let successivo = elementi.last().filter(|_| altre).map(|a| a.n.to_string());
        Ok(Pagina { elementi, successivo })
    }
}

/// The chain as it stands: last progressive and its hash.
fn testa(c: &dyn Db) -> Esito<(i64, [u8; 32])> {
    let ultima = "SELECT n, hash FROM accesso ORDER BY n DESC LIMIT 1";
    let potata = "SELECT fino, hash FROM potatura ORDER BY fino DESC LIMIT 1";
    for sql in [ultima, potata] {
        if let Some(t) = c.una(sql, &[], |r| Ok((r.intero(0)?, r.hash(1)?)))? {
            return Ok(t);
        }
    }
    Ok((0, [0; 32]))
}

fn anello(precedente: &[u8; 32], n: i64, riga: &str) -> [u8; 32] {
    let mut h = Sha256::new();
    h.update(b"protocollo/accesso/v1\n");
    h.update(precedente);
    h.update(n.to_be_bytes());
    h.update(riga.as_bytes());
    h.finalize().into()
}

fn scrivi(mut c: Box<dyn Scrivano>, coda: &Receiver<Lavoro>) {
    while let Ok(primo) = coda.recv() {
        let mut risposte = Vec::new();
        let mut gruppo = Vec::new();
        let mut altro = Some(primo);
        while let Some(l) = altro {
            match l {
                Lavoro::Scrivi(a, r) => {
                    gruppo.push(*a);
                    risposte.push(r);
                }
                Lavoro::Pota(prima, r) => {
                    let _ = r.send(pota(&mut *c, prima));
                }
                Lavoro::Prova(r) => {
                    let _ = r.send(c.prova());
                }
            }
            altro = if gruppo.len() < GRUPPO_MAX { coda.try_recv().ok() } else { None };
        }
        let esito = scrivi_gruppo(&mut *c, &gruppo).map_err(Errore::senza_premessa);
        for r in risposte {
            let _ = r.send(esito.clone().map_err(Errore::Archivio));
        }
    }
}

fn scrivi_gruppo(c: &mut dyn Scrivano, gruppo: &[Accesso]) -> Esito<()> {
    if gruppo.is_empty() {
        return Ok(());
    }
    c.insieme(&mut |c| {
        let (mut n, mut hash) = testa(c)?;
        for a in gruppo {
            n += 1;
            let riga = serde_json::to_string(a).map_err(|e| Errore::Incoerente(e.to_string()))?;
            hash = anello(&hash, n, &riga);
            c.scrivi(
                "INSERT INTO accesso(n, istante, aoo, utente, registrazione, riga, hash) VALUES (?,?,?,?,?,?,?)",
                valori![n, a.istante.0, a.aoo.as_str(), a.utente.as_str(), &a.registrazione, &riga, &hash],
            )?;
            for chi in &a.interessati {
                c.scrivi("INSERT INTO interessato(chi, n) VALUES (?,?)", valori![chi, n])?;
            }
        }
        Ok(())
    })
}

/// Prunes from the oldest on, up to the last row before the instant.
fn pota(c: &mut dyn Scrivano, prima: Istante) -> Esito<u64> {
    let mut tolte = 0;
    c.insieme(&mut |c| {
        let sql = "SELECT n, hash FROM accesso
                   WHERE n < coalesce((SELECT min(n) FROM accesso WHERE istante >= ?), 4611686018427387904)
                   ORDER BY n DESC LIMIT 1";
        let Some((fino, hash)) = c.una(sql, valori![prima.0], |r| Ok((r.intero(0)?, r.hash(1)?)))? else {
            return Ok(());
        };
        c.scrivi("INSERT INTO potatura(fino, istante, hash) VALUES (?,?,?)", valori![fino, prima.0, &hash])?;
        c.scrivi("DELETE FROM interessato WHERE n <= ?", valori![fino])?;
        tolte = c.scrivi_ora("DELETE FROM accesso WHERE n <= ?", valori![fino])?;
        Ok(())
    })?;
    Ok(tolte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::{Connection, params};

    fn accesso(i: i64) -> Accesso {
        Accesso {
            istante: Istante(i * 1_000_000),
            aoo: "AOO1".parse().unwrap(),
            utente: if i % 2 == 0 { "anna" } else { "ugo" }.parse().unwrap(),
            nome: "Anna Prova".into(),
            ufficio: None,
            porta: Porta::Pagina,
            azione: Azione::Registrazione,
            registrazione: format!("PG/2026/{}", i % 3 + 1),
            riservata: i % 5 == 0,
            interessati: vec![chiave_di("RSSMRA80A01H501U"), chiave_di("Rossi Maria")],
        }
    }

    fn quali(p: &Pagina<AccessoScritto>) -> Vec<u64> {
        p.elementi.iter().map(|a| a.n).collect()
    }

    async fn venti(dir: &Path) -> Accessi {
        let l = Accessi::in_cartella(dir);
        for i in 0..20 {
            l.annota(accesso(i)).await.unwrap();
        }
        l
    }

    #[tokio::test]
    async fn who_saw_what_is_found_by_registration_person_and_reader() {
        // R-L16
        let dir = tempfile::tempdir().unwrap();
        let aoo = "AOO1".parse().unwrap();
        assert!(Accessi::in_cartella(dir.path()).cerca(&aoo, &FiltroAccessi::default()).unwrap().elementi.is_empty());
        let l = venti(dir.path()).await;
        let f = |f: FiltroAccessi| quali(&l.cerca(&aoo, &FiltroAccessi { limite: 200, ..f }).unwrap());
        assert_eq!(f(FiltroAccessi::default()).len(), 20);
        let una = FiltroAccessi { registrazione: Some("PG/2026/2".parse().unwrap()), ..FiltroAccessi::default() };
        assert_eq!(f(una), [20, 17, 14, 11, 8, 5, 2]);
        for chi in ["rssmra80a01h501u", "ROSSI  Marìa"] {
            assert_eq!(f(FiltroAccessi { soggetto: Some(chi.into()), ..FiltroAccessi::default() }).len(), 20, "{chi}");
        }
        assert!(f(FiltroAccessi { soggetto: Some("Rossi".into()), ..FiltroAccessi::default() }).is_empty());
        assert_eq!(f(FiltroAccessi { utente: Some("ugo".parse().unwrap()), ..FiltroAccessi::default() }).len(), 10);
        assert_eq!(f(FiltroAccessi { riservate: true, ..FiltroAccessi::default() }), [16, 11, 6, 1]);
        let altra = "ALTRA".parse().unwrap();
        assert!(l.cerca(&altra, &FiltroAccessi { limite: 9, ..FiltroAccessi::default() }).unwrap().elementi.is_empty());
        let p = l.cerca(&aoo, &FiltroAccessi { limite: 15, ..FiltroAccessi::default() }).unwrap();
        let poi = FiltroAccessi { limite: 15, cursore: p.successivo, ..FiltroAccessi::default() };
        assert_eq!(quali(&l.cerca(&aoo, &poi).unwrap()), [5, 4, 3, 2, 1]);
    }

    #[tokio::test]
    async fn the_chain_goes_on_after_pruning_and_restart_and_shows_what_was_altered() {
        let dir = tempfile::tempdir().unwrap();
        let l = venti(dir.path()).await;
        assert_eq!(l.pota(Istante(8_000_000)).await.unwrap(), 8);
        assert_eq!(l.pota(Istante(8_000_000)).await.unwrap(), 0);
        drop(l);
        let l = Accessi::in_cartella(dir.path());
        l.annota(accesso(20)).await.unwrap();
        drop(l);
        assert_eq!(controlla(dir.path(), &[]), (13, Vec::new()));
        let c = Connection::open(dir.path().join(FILE)).unwrap();
        for sql in ["DELETE FROM accesso WHERE n = 12", "UPDATE accesso SET utente = 'x'", "DELETE FROM potatura"] {
            assert!(c.execute(sql, []).unwrap_err().to_string().contains("immutabile"), "{sql}");
        }
        c.execute_batch("DROP TRIGGER accesso_d; DROP TRIGGER accesso_u;").unwrap();
        for (sql, campo) in [
            ("SELECT 1", "schema"),
            ("CREATE TRIGGER accesso_u BEFORE UPDATE ON accesso BEGIN SELECT 1; END", "sql"),
            ("UPDATE accesso SET utente = 'x' WHERE n = 13", "utente"),
            ("UPDATE accesso SET riga = replace(riga, 'Anna', 'Ada') WHERE n = 14", "hash"),
            ("DELETE FROM accesso WHERE n = 16", "n"),
        ] {
            c.execute_batch(sql).unwrap();
            let (_, d) = controlla(dir.path(), &[]);
            assert!(d.iter().any(|x| x.campo == campo), "{sql}: {d:?}");
        }
    }

    #[tokio::test]
    async fn the_persons_by_whom_an_access_is_found_are_those_of_its_row() {
        // R-L16
        let dir = tempfile::tempdir().unwrap();
        drop(venti(dir.path()).await);
        assert_eq!(controlla(dir.path(), &[]), (20, Vec::new()));
        let c = Connection::open(dir.path().join(FILE)).unwrap();
        for (sql, chiave) in [
            ("UPDATE interessato SET chi = 'altri' WHERE n = 3 AND chi = 'rossi maria'", "3"),
            ("DELETE FROM interessato WHERE n = 5", "5"),
            ("INSERT INTO interessato VALUES ('in più', 7)", "7"),
            ("INSERT INTO interessato VALUES ('di nessuno', 900)", "900"),
        ] {
            c.execute_batch(sql).unwrap();
            let (_, d) = controlla(dir.path(), &[]);
            assert!(d.iter().any(|x| x.tabella == "interessato" && x.chiave == chiave), "{sql}: {d:?}");
        }
    }

    #[tokio::test]
    async fn the_chain_passes_through_each_head_that_was_signed() {
        let dir = tempfile::tempdir().unwrap();
        let l = venti(dir.path()).await;
        let testa = l.testa().unwrap().unwrap();
        let impegno = |n: u64, hash: [u8; 32], istante: i64| Impegno {
            tabella: "ancora",
            chiave: "a".into(),
            n,
            hash,
            istante: Istante(istante * 1_000_000),
        };
        let buona = || impegno(testa.n, testa.hash, 19);
        assert_eq!(controlla(dir.path(), &[buona()]).1, []);
        let campi = |i: &[Impegno]| controlla(dir.path(), i).1.into_iter().map(|x| x.campo).collect::<Vec<_>>();
        assert_eq!(campi(&[impegno(20, [0; 32], 19)]), ["hash"]);
        assert_eq!(campi(&[impegno(21, testa.hash, 19)]), ["dimensione"]);
        assert_eq!(campi(&[impegno(20, testa.hash, 18)]), ["istante"]);
        // Pruned up to the head, or past it, when its accesses were older: nothing is wrong.
        let c = Connection::open(dir.path().join(FILE)).unwrap();
        l.pota(Istante(15_000_000)).await.unwrap();
        let (fino, hash): (i64, [u8; 32]) =
            c.query_row("SELECT fino, hash FROM potatura", [], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
        assert_eq!(fino, 15);
        assert_eq!(campi(&[buona(), impegno(15, hash, 14), impegno(3, [9; 32], 2)]), [""; 0]);
        assert_eq!(campi(&[impegno(15, [9; 32], 14)]), ["hash"]);
        // Said to be pruned, and it was not old enough.
        assert_eq!(campi(&[impegno(15, hash, 15)]), ["istante"]);
        drop(l);
        c.execute("INSERT INTO potatura SELECT 20, ?, ?", params![Istante(20_000_000).0, testa.hash]).unwrap();
        c.execute_batch("DELETE FROM interessato; DELETE FROM accesso").unwrap();
        assert_eq!(campi(&[impegno(20, testa.hash, 19)]), [""; 0], "all of it, when all was old");
        // As recent as yesterday: no retention is so short (R-L15).
        let ieri = ORA.piu_secondi(-86_400).0;
        c.execute("INSERT INTO potatura SELECT 21, ?, ?", params![ieri, testa.hash]).unwrap();
        assert_eq!(campi(&[]), ["istante"]);
    }

    const ORA: Istante = Istante(1_795_500_000_000_000);

    fn controlla(dir: &Path, impegni: &[Impegno]) -> (u64, Vec<crate::store::Discordanza>) {
        verifica(dir, impegni, ORA).unwrap()
    }
}
