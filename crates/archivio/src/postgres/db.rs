//! Statements on PostgreSQL.
//!
//! The dialect's `?` become `$n`. What is written waits in memory: rows of the same table go to the server together, as
//! arrays, all the statements of a group in one round trip with its commit. What is read finds them all the same: before a
//! statement that names a table with rows waiting, they are sent.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use deadpool_postgres::Pool;
use futures_util::future::join_all;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Row, Statement};

use super::attese::{Attesa, Colonna, Tenuto};
use super::dialetto::{Tradotto, traduci};
use super::filo::{Filo, Presa};
use super::parole::{espressione, vettore};
use crate::motore::{CHIAVE_DI, Db, MAPPA, Mosso, Parole, Riga, Valore};
use crate::righe::da_id;
use crate::store::{DISCO_GUASTO, DISCO_PIENO, Errore, Esito, FileCaricato};

/// Statements on their way at once.
const IN_VIAGGIO: usize = 24;
/// Rows that wait at most, before they are sent without the commit.
const IN_SOSPESO_MAX: usize = 65_536;
/// Bytes that wait at most.
const BYTE_SOSPESI_MAX: usize = 16 * 1024 * 1024;
/// Candidates asked for at first, beyond a page: more each time that filters leave too few.
const CANDIDATI: i64 = 14;
const CANDIDATI_MAX: i64 = 16_384;

/// Takes the row of an ente: its lock, and what others remember of it.
const BLOCCA: &str = "SELECT versione, configurazione FROM ente WHERE n = ? FOR UPDATE";

/// A statement of the group failed before.
fn interrotta() -> Errore {
    Errore::Archivio("il database ha rifiutato un'istruzione del gruppo".to_owned())
}

/// The server takes no text with a zero in it, and would end the transaction of everybody.
fn ammessi(v: &[Valore<'_>]) -> Esito<()> {
    if v.iter().any(|v| matches!(v, Valore::Testo(t) if t.contains('\0'))) {
        return Err(dominio::errori::Rifiuto::campo("testo", "contiene un carattere che non si può conservare").into());
    }
    Ok(())
}

fn lungo(v: &Valore<'_>) -> usize {
    match v {
        Valore::Testo(t) => t.len(),
        Valore::Byte(b) => b.len(),
        Valore::Nullo | Valore::Intero(_) => 8,
    }
}

/// An error of the server, in words.
pub(super) fn errore(e: tokio_postgres::Error) -> Errore {
    use tokio_postgres::error::SqlState as S;
    let Some(d) = e.as_db_error() else {
        return Errore::Archivio(format!("il database non risponde ({e})"));
    };
    let detto = format!("{} [{}]", d.message(), d.code().code());
    match *d.code() {
        S::DISK_FULL => Errore::Archivio(format!("{DISCO_PIENO} ({detto})")),
        S::IO_ERROR => Errore::Archivio(format!("{DISCO_GUASTO} ({detto})")),
        S::LOCK_NOT_AVAILABLE => Errore::Archivio(format!("un altro nodo sta scrivendo da troppo tempo ({detto})")),
        _ => Errore::Archivio(format!("il database rifiuta ({detto})")),
    }
}

impl ToSql for Valore<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Nullo => Ok(IsNull::Yes),
            Self::Intero(n) if *ty == Type::INT4 => i32::try_from(*n)?.to_sql(ty, out),
            Self::Intero(n) => n.to_sql(&Type::INT8, out),
            Self::Testo(t) => t.to_sql(ty, out),
            Self::Byte(b) => b.to_sql(ty, out),
        }
    }

    fn accepts(ty: &Type) -> bool {
        [Type::INT4, Type::INT8, Type::TEXT, Type::BYTEA].contains(ty)
    }

    to_sql_checked!();
}

impl Riga for Row {
    fn intero_o(&self, i: usize) -> Esito<Option<i64>> {
        self.try_get(i).map_err(errore)
    }
    fn testo_o(&self, i: usize) -> Esito<Option<&str>> {
        self.try_get(i).map_err(errore)
    }
    fn byte(&self, i: usize) -> Esito<&[u8]> {
        self.try_get(i).map_err(errore)
    }
}

/// What a group was asked about before it began, and what it added.
#[derive(Default)]
struct Memoria {
    /// Keys of requests that were looked for, and what was found.
    chiavi: HashSet<String>,
    richieste: HashMap<(String, String), (Vec<u8>, i64)>,
    /// Impronte and objects that were looked for, and those that are mapped.
    impronte: HashSet<[u8; 32]>,
    mappate: HashSet<[u8; 32]>,
    oggetti: HashSet<String>,
    usati: HashSet<String>,
}

/// Where one job began, to go back there.
#[derive(Clone, Copy)]
struct Punto {
    attese: usize,
    /// The server knows it too.
    inviato: bool,
}

/// A connection within a transaction bound to one ente.
pub(super) struct Sessione {
    filo: Arc<Filo>,
    client: Presa,
    attese: RefCell<Vec<Attesa>>,
    punto: Cell<Option<Punto>>,
    scritto: Cell<bool>,
    /// Bytes that wait.
    byte: Cell<usize>,
    /// The server refused a statement: until somebody goes back to a point that it knows, it would take a commit for its
    /// opposite and say nothing.
    rotta: Cell<bool>,
    memoria: RefCell<Memoria>,
}

/// A commit that did not succeed.
pub(super) struct NonConfermata {
    pub errore: Errore,
    /// The answer was lost: it may have succeeded all the same.
    pub perduta: bool,
}

impl NonConfermata {
    fn da(e: tokio_postgres::Error) -> Self {
        // Class 57: the server is going down, or made this connection end.
        let perduta = e.as_db_error().is_none_or(|d| d.code().code().starts_with("57"));
        Self { errore: errore(e), perduta }
    }
}

/// What a group asks about, all together.
#[derive(Default)]
pub(super) struct Domande {
    pub chiavi: Vec<String>,
    pub impronte: Vec<Vec<u8>>,
    pub oggetti: Vec<String>,
}

impl Sessione {
    pub fn nuova(filo: Arc<Filo>, client: Presa) -> Self {
        Self {
            filo,
            client,
            attese: RefCell::default(),
            punto: Cell::new(None),
            scritto: Cell::new(false),
            byte: Cell::new(0),
            rotta: Cell::new(false),
            memoria: RefCell::default(),
        }
    }

    /// With a connection of a pool, when there is one. Blocks.
    pub fn presa(filo: &Arc<Filo>, pool: &Pool) -> Esito<Self> {
        let client = filo.attendi(Presa::da(pool))?;
        Ok(Self::nuova(Arc::clone(filo), client))
    }

    /// Begins a transaction bound to an ente.
    pub fn inizia(&self, ente: i32, sola_lettura: bool) -> Esito<()> {
        self.esegui(&Self::inizio(ente, sola_lettura))
    }

    fn inizio(ente: i32, sola_lettura: bool) -> String {
        let come = if sola_lettura { "ISOLATION LEVEL REPEATABLE READ READ ONLY" } else { "READ WRITE" };
        format!("BEGIN {come}; SET LOCAL protocollo.ente = '{ente}'")
    }

    /// Begins the writer's transaction: takes the ente's lock, the time, and what the group asks about, in one round trip.
    /// Gives the versions of the ente and the time of the database in microseconds.
    pub fn inizia_gruppo(&self, ente: i32, d: &Domande) -> Esito<((i64, i64), i64)> {
        let blocca = traduci(BLOCCA);
        let esito = async {
            let (blocca, ora) = (
                self.client.prepare_cached(&blocca.sql),
                self.client.prepare_cached("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::int8"),
            );
            let (blocca, ora) = (blocca.await?, ora.await?);
            let chiavi = self
                .client
                .prepare_cached("SELECT ambito, chiave, richiesta, op FROM idempotenza WHERE chiave = ANY($1)")
                .await?;
            let file = self
                .client
                .prepare_cached(
                    "SELECT impronta, oggetto FROM oggetto_file WHERE impronta = ANY($1) OR oggetto = ANY($2)",
                )
                .await?;
            let inizio = format!("{}; SET LOCAL lock_timeout = '10s'", Self::inizio(ente, false));
            let (solo_ente, tutte, file_chiesti): ([&(dyn ToSql + Sync); 1], [&(dyn ToSql + Sync); 1], _) =
                ([&ente], [&d.chiavi], [&d.impronte as &(dyn ToSql + Sync), &d.oggetti]);
            let niente = || async { Ok(Vec::new()) };
            let (iniziata, bloccato, ora, richieste, mappe) = tokio::join!(
                self.client.batch_execute(&inizio),
                self.client.query_one(&blocca, &solo_ente),
                self.client.query_one(&ora, &[]),
                async { if d.chiavi.is_empty() { niente().await } else { self.client.query(&chiavi, &tutte).await } },
                async {
                    if d.impronte.is_empty() { niente().await } else { self.client.query(&file, &file_chiesti).await }
                },
            );
            iniziata?;
            let bloccato = bloccato?;
            let versioni = (bloccato.try_get(0)?, bloccato.try_get(1)?);
            Ok::<_, tokio_postgres::Error>((versioni, ora?.try_get(0)?, richieste?, mappe?))
        };
        let (versioni, ora, richieste, mappe) = self.filo.attendi(async { esito.await.map_err(errore) })?;
        let mut m = self.memoria.borrow_mut();
        *m = Memoria { chiavi: d.chiavi.iter().cloned().collect(), ..Memoria::default() };
        m.impronte = d.impronte.iter().filter_map(|i| i.as_slice().try_into().ok()).collect();
        m.oggetti = d.oggetti.iter().cloned().collect();
        for r in &richieste {
            let r: &dyn Riga = r;
            m.richieste.insert((r.proprio(0)?, r.proprio(1)?), (r.byte(2)?.to_vec(), r.intero(3)?));
        }
        for r in &mappe {
            let r: &dyn Riga = r;
            m.mappate.insert(r.hash(0)?);
            m.usati.insert(r.proprio(1)?);
        }
        Ok((versioni, ora))
    }

    /// Is this operation there, with this entry? Waits for whoever has the ente: a commit whose answer was lost may still be
    /// under way.
    pub fn ha(&self, ente: i32, (id, voce): (i64, [u8; 32])) -> Esito<bool> {
        self.inizia(ente, false)?;
        self.esegui("SET LOCAL lock_timeout = '10s'")?;
        let db: &dyn Db = self;
        db.una(BLOCCA, &[i64::from(ente).into()], |_| Ok(()))?;
        let trovata = db.una("SELECT voce FROM operazione WHERE id = ?", &[id.into()], |r| r.hash(0))?;
        Ok(trovata == Some(voce))
    }

    /// Was anything written?
    pub fn scritto(&self) -> bool {
        self.scritto.get()
    }

    /// Sends what waits, then the last statement and the commit, in one round trip.
    pub fn conferma(&self, ente: i32, mosso: Mosso) -> Result<(), NonConfermata> {
        self.byte.set(0);
        if self.rotta.get() {
            return Err(NonConfermata { errore: interrotta(), perduta: false });
        }
        let attese = std::mem::take(&mut *self.attese.borrow_mut());
        // An error of ours, not of the commit, comes as the first: that there is no thread.
        let esito = self.filo.attendi(async { Ok(self.invia_e_conferma(&attese, ente, mosso).await) });
        esito.unwrap_or_else(|errore| Err(NonConfermata { errore, perduta: false }))
    }

    async fn invia_e_conferma(&self, attese: &[Attesa], ente: i32, mosso: Mosso) -> Result<(), NonConfermata> {
        let certa = |e: Errore| NonConfermata { errore: e, perduta: false };
        let lotti = self.lotti(attese).await.map_err(certa)?;
        let sql = "UPDATE ente SET versione = versione + $2, configurazione = configurazione + $3 WHERE n = $1";
        let versione = self.client.prepare_cached(sql).await.map_err(|e| certa(errore(e)))?;
        let (teste, configurazione) = (i64::from(mosso.teste), i64::from(mosso.configurazione));
        let ultimo = async {
            if !mosso.teste && !mosso.configurazione {
                return Ok(());
            }
            self.client.execute(&versione, &[&ente, &teste, &configurazione]).await.map(|_| ())
        };
        let insieme = lotti.len() <= IN_VIAGGIO;
        if !insieme {
            self.spedisci(&lotti).await.map_err(|e| certa(errore(e)))?;
        }
        let righe = async { if insieme { self.spedisci(&lotti).await } else { Ok(()) } };
        let (righe, ultimo, fine) = tokio::join!(righe, ultimo, self.client.batch_execute("COMMIT"));
        // The first that failed says why; those after it only that something did.
        righe.and(ultimo).and(fine).map_err(NonConfermata::da)?;
        self.client.pulita();
        Ok(())
    }

    /// Leaves the transaction. Whoever drops it without leaving closes the connection.
    pub fn lascia(self) {
        if self.esegui("ROLLBACK").is_ok() {
            self.client.pulita();
        }
    }

    pub fn salva(&self) {
        self.punto.set(Some(Punto { attese: self.attese.borrow().len(), inviato: false }));
    }

    pub fn libera(&self) -> Esito<()> {
        match self.punto.take() {
            Some(Punto { inviato: true, .. }) => self.esegui("RELEASE SAVEPOINT lavoro"),
            _ => Ok(()),
        }
    }

    pub fn torna(&self) -> Esito<()> {
        match self.punto.take() {
            Some(Punto { inviato: true, .. }) => {
                self.attese.borrow_mut().clear();
                self.esegui("ROLLBACK TO SAVEPOINT lavoro; RELEASE SAVEPOINT lavoro")?;
                self.rotta.set(false);
                Ok(())
            }
            // There is no point to go back to: the whole group falls.
            _ if self.rotta.get() => Err(interrotta()),
            Some(Punto { attese, .. }) => {
                self.attese.borrow_mut().truncate(attese);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub fn esegui(&self, sql: &str) -> Esito<()> {
        self.segna(self.filo.attendi(async { self.client.batch_execute(sql).await.map_err(errore) }))
    }

    /// Sends what waits, without committing it.
    fn versa(&self) -> Esito<()> {
        let mut attese = std::mem::take(&mut *self.attese.borrow_mut());
        if let Some(p) = self.punto.get().filter(|p| !p.inviato) {
            // What came before the job first, so that going back leaves it.
            let sue = attese.split_off(p.attese.min(attese.len()));
            self.invia(&attese)?;
            self.esegui("SAVEPOINT lavoro")?;
            self.punto.set(Some(Punto { attese: 0, inviato: true }));
            attese = sue;
        }
        self.invia(&attese)
    }

    /// Remembers that a statement failed.
    fn segna<T>(&self, esito: Esito<T>) -> Esito<T> {
        if esito.is_err() {
            self.rotta.set(true);
        }
        esito
    }

    fn invia(&self, attese: &[Attesa]) -> Esito<()> {
        self.byte.set(0);
        if attese.is_empty() {
            return Ok(());
        }
        let esito = self.filo.attendi(async {
            let lotti = self.lotti(attese).await?;
            self.spedisci(&lotti).await.map_err(errore)
        });
        self.segna(esito)
    }

    /// Rows of the same insertion gathered, in the order in which each began; whatever else keeps its place, and nothing
    /// passes over it.
    async fn lotti<'a>(&self, attese: &'a [Attesa]) -> Esito<Vec<Lotto<'a>>> {
        let mut gruppi: Vec<(Arc<Tradotto>, Vec<&'a Attesa>)> = Vec::new();
        let mut aperti: HashMap<*const u8, usize> = HashMap::new();
        for a in attese {
            let posto = aperti.get(&a.sql.as_ptr()).copied();
            match posto {
                Some(p) => gruppi[p].1.push(a),
                None => {
                    let t = traduci(a.sql);
                    if t.inserimento.is_some() {
                        aperti.insert(a.sql.as_ptr(), gruppi.len());
                    } else {
                        aperti.clear();
                    }
                    gruppi.push((t, vec![a]));
                }
            }
        }
        let mut lotti = Vec::with_capacity(gruppi.len());
        for (t, righe) in gruppi {
            let singolo = self.client.prepare_cached(&t.sql).await.map_err(errore)?;
            let schiera = if righe.len() > 1 { t.a_schiera(singolo.params()) } else { None };
            lotti.push(match schiera {
                Some(sql) => {
                    let colonne = (0..singolo.params().len())
                        .map(|i| Colonna::di(&singolo.params()[i], &righe, i))
                        .collect::<Result<_, _>>()?;
                    Lotto::Schiera(self.client.prepare_cached(&sql).await.map_err(errore)?, colonne)
                }
                None => Lotto::Una(singolo, righe[0].valori.iter().map(Tenuto::valore).collect()),
            });
        }
        Ok(lotti)
    }

    /// Each on its way before the answer to the one before: the server takes them in order.
    async fn spedisci(&self, lotti: &[Lotto<'_>]) -> Result<(), tokio_postgres::Error> {
        for pochi in lotti.chunks(IN_VIAGGIO) {
            let esiti = join_all(pochi.iter().map(|l| async move {
                let parametri: Vec<&(dyn ToSql + Sync)> = match l {
                    Lotto::Una(_, valori) => valori.iter().map(|v| v as &(dyn ToSql + Sync)).collect(),
                    Lotto::Schiera(_, colonne) => colonne.iter().map(Colonna::come_parametro).collect(),
                };
                let (Lotto::Una(s, _) | Lotto::Schiera(s, _)) = l;
                self.client.execute(s, &parametri).await
            }));
            for e in esiti.await {
                e?;
            }
        }
        Ok(())
    }

    /// Does a statement name a table with rows that wait?
    fn attende(&self, sql: &str) -> bool {
        let attese = self.attese.borrow();
        let mut viste: HashSet<*const u8> = HashSet::new();
        attese
            .iter()
            .any(|a| viste.insert(a.sql.as_ptr()) && traduci(a.sql).tabella.as_deref().is_some_and(|t| sql.contains(t)))
    }

    fn righe(&self, sql: &str, v: &[Valore<'_>]) -> Esito<Vec<Row>> {
        ammessi(v)?;
        self.segna(self.filo.attendi(async { self.cerca_righe(sql, v).await.map_err(errore) }))
    }

    async fn cerca_righe(&self, sql: &str, v: &[Valore<'_>]) -> Result<Vec<Row>, tokio_postgres::Error> {
        let s = self.client.prepare_cached(&traduci(sql).sql).await?;
        let parametri: Vec<&(dyn ToSql + Sync)> = v.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
        self.client.query(&s, &parametri).await
    }
}

/// Statements of one round trip.
enum Lotto<'a> {
    Una(Statement, Vec<Valore<'a>>),
    Schiera(Statement, Vec<Colonna<'a>>),
}

impl Db for Sessione {
    fn scorri(&self, sql: &str, v: &[Valore<'_>], f: &mut dyn FnMut(&dyn Riga) -> Esito<bool>) -> Esito<()> {
        if self.attende(sql) {
            self.versa()?;
        }
        for r in &self.righe(sql, v)? {
            if !f(r)? {
                break;
            }
        }
        Ok(())
    }

    fn scrivi(&self, sql: &'static str, v: &[Valore<'_>]) -> Esito<()> {
        ammessi(v)?;
        self.scritto.set(true);
        self.byte.set(self.byte.get() + v.iter().map(lungo).sum::<usize>());
        self.attese.borrow_mut().push(Attesa { sql, valori: v.iter().map(Tenuto::from).collect() });
        if self.byte.get() >= BYTE_SOSPESI_MAX || self.attese.borrow().len() >= IN_SOSPESO_MAX {
            self.versa()?;
        }
        Ok(())
    }

    fn scrivi_ora(&self, sql: &'static str, v: &[Valore<'_>]) -> Esito<u64> {
        ammessi(v)?;
        self.scritto.set(true);
        self.versa()?;
        let esito = self.filo.attendi(async {
            let s = self.client.prepare_cached(&traduci(sql).sql).await.map_err(errore)?;
            let parametri: Vec<&(dyn ToSql + Sync)> = v.iter().map(|v| v as &(dyn ToSql + Sync)).collect();
            self.client.execute(&s, &parametri).await.map_err(errore)
        });
        self.segna(esito)
    }

    fn idempotenza(&self, ambito: &str, chiave: &str) -> Esito<Option<(Vec<u8>, i64)>> {
        {
            let m = self.memoria.borrow();
            if let Some(r) = m.richieste.get(&(ambito.to_owned(), chiave.to_owned())) {
                return Ok(Some(r.clone()));
            }
            if m.chiavi.contains(chiave) && self.punto.get().is_none_or(|p| !p.inviato) {
                return Ok(None);
            }
        }
        let db: &dyn Db = self;
        db.una(
            "SELECT richiesta, op FROM idempotenza WHERE ambito = ? AND chiave = ?",
            &[ambito.into(), chiave.into()],
            |r| Ok((r.byte(0)?.to_vec(), r.intero(1)?)),
        )
    }

    fn ricorda(&self, ambito: &str, chiave: &str, richiesta: &[u8; 32], op: i64, istante: i64) -> Esito<()> {
        self.scrivi(
            "INSERT INTO idempotenza(ambito, chiave, richiesta, op, istante) VALUES (?,?,?,?,?)",
            &[ambito.into(), chiave.into(), richiesta.into(), op.into(), istante.into()],
        )?;
        // The last thing a job does: nothing takes it back.
        let quale = (ambito.to_owned(), chiave.to_owned());
        self.memoria.borrow_mut().richieste.insert(quale, (richiesta.to_vec(), op));
        Ok(())
    }

    fn mappa_file(&self, f: &FileCaricato, op: i64) -> Esito<bool> {
        let (impronta, oggetto) = (&f.impronta.0, f.oggetto.as_str());
        let byte = i64::try_from(f.byte).unwrap_or(i64::MAX);
        let valori: [Valore<'_>; 5] = [impronta.into(), oggetto.into(), byte.into(), f.codifica().into(), op.into()];
        let con_chiave = || match &f.avvolta {
            Some(a) => self.scrivi(CHIAVE_DI, &[impronta.into(), a.n.into(), (&a.chiave).into()]),
            None => Ok(()),
        };
        let noto = self.memoria.borrow().impronte.contains(impronta);
        if !noto || self.punto.get().is_some() {
            // Whoever asks later in the group asks the server: this may still be taken back.
            let mut m = self.memoria.borrow_mut();
            m.impronte.remove(impronta);
            m.oggetti.remove(oggetto);
            drop(m);
            let nuovo = self.scrivi_ora(MAPPA, &valori)? == 1;
            if nuovo {
                con_chiave()?;
            }
            return Ok(nuovo);
        }
        let mut m = self.memoria.borrow_mut();
        if m.mappate.contains(impronta) || m.usati.contains(oggetto) {
            return Ok(false);
        }
        m.mappate.insert(*impronta);
        m.usati.insert(oggetto.to_owned());
        drop(m);
        self.scrivi(MAPPA, &valori)?;
        con_chiave()?;
        Ok(true)
    }

    fn usato(&self, oggetto: &str) -> Esito<bool> {
        {
            let m = self.memoria.borrow();
            if m.usati.contains(oggetto) {
                return Ok(true);
            }
            if m.oggetti.contains(oggetto) && self.punto.get().is_none() {
                return Ok(false);
            }
        }
        let db: &dyn Db = self;
        db.esiste("SELECT 1 FROM oggetto_file WHERE oggetto = ?", &[oggetto.into()])
    }

    fn per_parole(&self, p: &Parole<'_>, limite: usize) -> Esito<Vec<i64>> {
        let sql = format!(
            "WITH k AS MATERIALIZED (SELECT per_parole(?::text::tsquery, ?, ?, ?, ?) AS reg)
             SELECT 0::int8, reg FROM (
               SELECT r.id AS reg FROM k JOIN registrazione r ON r.id = k.reg WHERE true{} ORDER BY r.id DESC LIMIT ?) x
             UNION ALL SELECT count(*), min(reg) FROM k",
            p.dove
        );
        // It is read inside of a function.
        if self.attende(&sql) || self.attende("cerca") {
            self.versa()?;
        }
        let (q, log) = (espressione(p), da_id(p.da).0);
        let (mut fino, mut quante) = (p.fino, CANDIDATI + i64::try_from(limite).unwrap_or(CANDIDATI_MAX));
        let mut out: Vec<i64> = Vec::with_capacity(limite);
        loop {
            let resto = i64::try_from(limite - out.len()).unwrap_or(i64::MAX);
            let mut v: Vec<Valore<'_>> = vec![(&q).into(), log.into(), p.da.into(), fino.into(), quante.into()];
            v.extend(p.valori);
            v.push(resto.into());
            let mut ultimi = (0, None);
            for r in &self.righe(&sql, &v)? {
                match r.intero(0)? {
                    0 if r.intero_o(1)?.is_some() => out.push(r.intero(1)?),
                    n => ultimi = (n, r.intero_o(1)?),
                }
            }
            match ultimi {
                (n, Some(minimo)) if n == quante && out.len() < limite => fino = minimo,
                _ => break,
            }
            quante = (quante * 8).min(CANDIDATI_MAX);
        }
        out.sort_unstable_by(|a, b| b.cmp(a));
        Ok(out)
    }

    fn per_nome(&self, parole: &[String], da: i64, _a: i64, limite: usize) -> Esito<Vec<(i64, String)>> {
        let q = parole.iter().map(|t| format!("'{t}':*")).collect::<Vec<_>>().join(" & ");
        let sql =
            "SELECT k.op, k.dati FROM per_nome(?::text::tsquery, ?, ?) AS f(op) JOIN corrispondente k ON k.op = f.op";
        let limite = i64::try_from(limite).unwrap_or(i64::MAX);
        let db: &dyn Db = self;
        db.tutte(sql, &[(&q).into(), da_id(da).0.into(), limite.into()], |r| Ok((r.intero(0)?, r.proprio(1)?)))
    }

    fn indicizza(&self, reg: i64, testo: &str, soggetti: &str) -> Esito<()> {
        let parole = vettore(testo, soggetti);
        self.scrivi(
            "INSERT INTO cerca(reg, log, testo, soggetti, parole) VALUES (?,?,?,?,?::text::tsvector)",
            &[reg.into(), da_id(reg).0.into(), testo.into(), soggetti.into(), (&parole).into()],
        )
    }

    fn reindicizza(&self, reg: i64, testo: &str, soggetti: &str, _prima: &dyn Fn() -> (String, String)) -> Esito<()> {
        let parole = vettore(testo, soggetti);
        self.scrivi(
            "UPDATE cerca SET testo = ?, soggetti = ?, parole = ?::text::tsvector WHERE reg = ?",
            &[testo.into(), soggetti.into(), (&parole).into(), reg.into()],
        )
    }

    fn indicizza_corrispondente(&self, op: i64, testo: &str) -> Esito<()> {
        let parole = vettore(testo, "");
        self.scrivi(
            "INSERT INTO cerca_corrispondente(op, log, testo, parole) VALUES (?,?,?,?::text::tsvector)",
            &[op.into(), da_id(op).0.into(), testo.into(), (&parole).into()],
        )
    }
}
