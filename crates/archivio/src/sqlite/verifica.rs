//! `verifica`: everything recomputed from the operations, and compared with what the tables say (R-B13).
//!
//! One pass over each log checks entries, indices, instants, the tree and every checkpoint; it rebuilds the rows that
//! the operations ask for and compares them with those that are there, naming table, key, field, expected and found.
//! Reading only: it works on a live archive, whose writer goes on.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use catena::{Albero, Checkpoint, ChiavePubblica, Seme};
use dominio::annullamento::StatoRichiesta;
use dominio::codici::Impronta;
use dominio::configurazione::Configurazione;
use dominio::operazione::{Evento, Operazione};
use dominio::piatto::Campi;
use dominio::registrazione::{Stato, StatoAssegnazione as S};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

use super::righe::{self, confini, da_id};
use super::{letture, schema, tronco};
use crate::file::{Deposito, impronta_di};
use crate::store::{Discordanza, Esito, Verifica};

/// Most differences listed one by one; a ruined archive is known as such before.
const DIFFERENZE_MAX: usize = 1_000;
/// How often progress is told, operations.
const PASSO: u64 = 50_000;

/// Verifies the ente in a folder.
///
/// # Errors
/// The archive cannot be read at all; what is read and does not hold is a difference, not an error.
pub fn ente(cartella: &Path, avanza: &dyn Fn(&str)) -> Esito<Verifica> {
    let c = schema::apri_lettura(&cartella.join(super::FILE_ENTE))?;
    // One snapshot for the whole check: a live writer does not move the ground.
    c.execute_batch("BEGIN")?;
    let mut v = Verifica::default();
    let ok: String = c.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
    if ok != "ok" {
        differenza(&mut v, "ente.sqlite", "", "quick_check", "ok", &ok);
    }
    recinti(&c, &mut v)?;
    let mut conf = Configurazione::default();
    let mut log: Vec<_> = tronco::elenco(&c)?.into_values().collect();
    log.sort_by_key(|l| l.id);
    for l in log {
        avanza(&format!("registro delle operazioni {}", l.origine));
        Controllo::nuovo(&c, &l, &mut v, &mut conf)?.esegui(avanza)?;
    }
    let tutte: i64 = c.query_row("SELECT count(*) FROM operazione", [], |r| r.get(0))?;
    if tutte.unsigned_abs() != v.operazioni {
        let (atteso, trovato) = (v.operazioni.to_string(), tutte.to_string());
        differenza(&mut v, "registro_log", "", "operazioni di registri conosciuti", &atteso, &trovato);
    }
    avanza("file");
    file(&c, cartella, &mut v)?;
    avanza("registro degli accessi");
    let (accessi, differenze) = crate::accessi::verifica(cartella)?;
    v.accessi = accessi;
    v.differenze.extend(differenze);
    c.execute_batch("COMMIT")?;
    Ok(v)
}

fn differenza(v: &mut Verifica, tabella: &str, chiave: &str, campo: &str, atteso: &str, trovato: &str) {
    if v.differenze.len() < DIFFERENZE_MAX {
        v.differenze.push(Discordanza {
            tabella: tabella.to_owned(),
            chiave: chiave.to_owned(),
            campo: campo.to_owned(),
            atteso: atteso.to_owned(),
            trovato: trovato.to_owned(),
        });
    }
}

/// The fences are up.
fn recinti(c: &Connection, v: &mut Verifica) -> Esito<()> {
    for t in schema::SOLO_AGGIUNTE {
        let n: i64 =
            c.query_row("SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", [t], |r| {
                r.get(0)
            })?;
        if n < 2 {
            differenza(v, t, "trigger", "immutabilità", "2", &n.to_string());
        }
    }
    Ok(())
}

/// Rows as `verifica` compares them: key to fields.
type Righe = HashMap<String, Vec<(&'static str, Value)>>;

struct Controllo<'a> {
    c: &'a Connection,
    log: &'a tronco::LogInfo,
    v: &'a mut Verifica,
    conf: &'a mut Configurazione,
    albero: Albero,
    checkpoint: BTreeMap<u64, String>,
    chiavi: Vec<ChiavePubblica>,
    ultimo_istante: i64,
    /// Last number per register and year, and how many registrations.
    numeri: BTreeMap<(String, i32), i64>,
    attese: BTreeMap<&'static str, Righe>,
}

impl<'a> Controllo<'a> {
    fn nuovo(
        c: &'a Connection,
        log: &'a tronco::LogInfo,
        v: &'a mut Verifica,
        conf: &'a mut Configurazione,
    ) -> Esito<Self> {
        let mut s = c.prepare("SELECT dimensione, nota FROM checkpoint WHERE log = ?")?;
        let checkpoint = s
            .query_map([log.id], |r| Ok((r.get::<_, i64>(0)?.unsigned_abs(), r.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let mut chiavi = Vec::new();
        for k in tronco::chiavi(c, log.id)? {
            match k.parse() {
                Ok(k) => chiavi.push(k),
                Err(e) => differenza(v, "chiave_log", &k, "vkey", "una chiave pubblica", &format!("{e}")),
            }
        }
        Ok(Self {
            c,
            log,
            v,
            conf,
            albero: Albero::nuovo(),
            checkpoint,
            chiavi,
            ultimo_istante: i64::MIN,
            numeri: BTreeMap::new(),
            attese: BTreeMap::new(),
        })
    }

    fn diverso(&mut self, tabella: &str, chiave: &str, campo: &str, atteso: &str, trovato: &str) {
        differenza(self.v, tabella, chiave, campo, atteso, trovato);
    }

    fn esegui(mut self, avanza: &dyn Fn(&str)) -> Esito<()> {
        let (da, a) = confini(self.log.id);
        let c = self.c;
        let mut s = c.prepare(
            "SELECT id, istante, tipo, reg, campi, seme, voce, conf FROM operazione WHERE id >= ? AND id < ? ORDER BY id",
        )?;
        let mut r = s.query([da, a])?;
        let mut attesa = 0u64;
        self.al_checkpoint();
        while let Some(x) = r.next()? {
            let riga = RigaOperazione {
                id: x.get(0)?,
                istante: x.get(1)?,
                tipo: x.get(2)?,
                reg: x.get(3)?,
                campi: x.get(4)?,
                seme: x.get(5)?,
                voce: x.get(6)?,
                conf: x.get::<_, Option<i64>>(7)?.is_some(),
            };
            let indice = da_id(riga.id).1;
            if indice != attesa {
                self.diverso("operazione", &indice.to_string(), "indice", &attesa.to_string(), &indice.to_string());
            }
            attesa = indice + 1;
            self.operazione(indice, &riga)?;
            self.v.operazioni += 1;
            if self.v.operazioni.is_multiple_of(PASSO) {
                avanza(&format!("{} operazioni", self.v.operazioni));
            }
        }
        drop(r);
        self.chiusura()
    }

    fn operazione(&mut self, indice: u64, x: &RigaOperazione) -> Esito<()> {
        let k = format!("{}/{indice}", self.log.origine);
        if x.istante < self.ultimo_istante {
            self.diverso("operazione", &k, "istante", &format!(">= {}", self.ultimo_istante), &x.istante.to_string());
        }
        self.ultimo_istante = x.istante;
        let campi: Campi = match serde_json::from_str(&x.campi) {
            Ok(c) => c,
            Err(e) => {
                self.diverso("operazione", &k, "campi", "un oggetto JSON", &e.to_string());
                Campi::new()
            }
        };
        let ricalcolata = catena::voce_di(&Seme(x.seme), &campi);
        if ricalcolata.as_ref().ok() != Some(&x.voce) {
            let atteso = ricalcolata.map_or_else(|e| e.to_string(), |h| crate::file::esadecimale(&h));
            self.diverso("operazione", &k, "voce", &atteso, &crate::file::esadecimale(&x.voce));
        }
        let mut piene = Vec::new();
        self.albero.aggiungi(catena::foglia(&x.voce), |l, n, h| piene.push((l, n, h.concat())));
        for (livello, n, hash) in piene {
            self.tessera(livello, n, &hash)?;
        }
        self.al_checkpoint();
        match Operazione::leggi(&campi) {
            Ok(op) => self.contenuto(&k, x, &campi, &op),
            Err(e) => {
                self.diverso("operazione", &k, "campi", "un'operazione", &e.to_string());
                Ok(())
            }
        }
    }

    /// Columns beside the fields, then what the operation asks of the other tables.
    fn contenuto(&mut self, k: &str, x: &RigaOperazione, campi: &Campi, op: &Operazione) -> Esito<()> {
        let log = self.log;
        let confronti = [
            ("tipo", Operazione::tipo(campi).to_owned(), x.tipo.clone()),
            ("istante", op.istante.0.to_string(), x.istante.to_string()),
            ("indice", op.indice.to_string(), da_id(x.id).1.to_string()),
            ("aoo", format!("{:?}", log.aoo), format!("{:?}", op.aoo)),
            ("conf", righe::di_configurazione(&op.evento).to_string(), x.conf.to_string()),
        ];
        for (campo, atteso, trovato) in confronti {
            if atteso != trovato {
                self.diverso("operazione", k, campo, &atteso, &trovato);
            }
        }
        self.conf.applica(op);
        if let Evento::Registrazione(d) = &op.evento {
            return self.registrazione(x, op, d);
        }
        let reg = match &op.chiave {
            Some(chiave) => letture::id_di(self.c, log.id, chiave)?,
            None => None,
        };
        if reg != x.reg {
            self.diverso("operazione", k, "reg", &format!("{reg:?}"), &format!("{:?}", x.reg));
        }
        if let Some(reg) = reg {
            self.su(reg, x.id, &op.evento);
            self.annullamento(reg, x.id, &op.evento)?;
        }
        match &op.evento {
            Evento::CorrispondenteAggiunto { soggetto } => {
                let dati = serde_json::to_string(soggetto).unwrap_or_default();
                self.attendi("corrispondente", x.id.to_string(), vec![("log", log.id.into()), ("dati", dati.into())]);
            }
            Evento::AooCreata(d) if !self.chiavi.iter().any(|c| c.to_string() == d.chiave_log) => {
                let trovate = self.chiavi.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                self.diverso("chiave_log", k, "vkey", &d.chiave_log, &trovate);
            }
            Evento::FascicoloCreato { fascicolo, oggetto, classificazione, .. } => {
                let riga = vec![
                    ("log", log.id.into()),
                    ("codice", fascicolo.clone().into()),
                    ("voce", classificazione.to_string().into()),
                    ("oggetto", oggetto.clone().into()),
                ];
                self.attendi("fascicolo", x.id.to_string(), riga);
            }
            _ => {}
        }
        Ok(())
    }

    fn attendi(&mut self, tabella: &'static str, chiave: String, riga: Vec<(&'static str, Value)>) {
        self.attese.entry(tabella).or_default().insert(chiave, riga);
    }

    fn registrazione(
        &mut self,
        x: &RigaOperazione,
        op: &Operazione,
        d: &dominio::registrazione::DatiRegistrazione,
    ) -> Esito<()> {
        let Some(k) = &op.chiave else {
            self.diverso("operazione", &x.id.to_string(), "numero", "un numero", "nessuno");
            return Ok(());
        };
        self.v.registrazioni += 1;
        if op.istante.anno() != k.anno {
            self.diverso("registrazione", &k.to_string(), "anno", &op.istante.anno().to_string(), &k.anno.to_string());
        }
        let contatore = (k.registro.to_string(), k.anno);
        let precedente = match self.numeri.get(&contatore) {
            Some(n) => *n,
            None => self
                .log
                .aoo
                .as_ref()
                .and_then(|a| self.conf.aoo.get(a))
                .and_then(|a| a.registri.get(&k.registro))
                .and_then(|r| r.ultimo_precedente.as_ref())
                .filter(|u| u.anno == k.anno)
                .map_or(0, |u| u.numero),
        };
        if k.numero.valore() != precedente + 1 {
            let (atteso, trovato) = ((precedente + 1).to_string(), k.numero.valore().to_string());
            self.diverso("registrazione", &k.to_string(), "numero", &atteso, &trovato);
        }
        self.numeri.insert(contatore, k.numero.valore());

        let r = righe::registrazione(d, op.operatore.id.as_str());
        let id = x.id;
        self.attendi(
            "registrazione",
            id.to_string(),
            vec![
                ("log", self.log.id.into()),
                ("registro", k.registro.as_str().to_owned().into()),
                ("anno", i64::from(k.anno).into()),
                ("numero", k.numero.valore().into()),
                ("istante", op.istante.0.into()),
                ("tipo", r.tipo.into()),
                ("riservato", i64::from(r.riservato).into()),
            ],
        );
        self.attendi("attuale", id.to_string(), vec![("stato", 0.into()), ("voce", r.voce.into())]);
        self.assegnazioni(id, &r.assegnazioni);
        for chi in r.coinvolti {
            self.attendi("coinvolto", format!("{id}|{chi}"), vec![]);
        }
        if let Some(c) = r.riscontro {
            self.attendi("riscontro", format!("{id}|{c}"), vec![]);
        }
        for (n, i) in r.documenti {
            self.documento(id, n, i, id);
        }
        if let Some(f) = r.fascicolo {
            self.attendi("contenuto", format!("{id}|{f}"), vec![]);
        }
        Ok(())
    }

    fn assegnazioni(&mut self, reg: i64, date: &[righe::RigaAssegnazione]) {
        for a in date {
            let utente = a.utente.clone().map_or(Value::Null, Value::from);
            let riga = vec![
                ("ufficio", a.ufficio.clone().into()),
                ("utente", utente),
                ("tipo", a.tipo.into()),
                ("stato", 0.into()),
            ];
            self.attendi("assegnazione", format!("{reg}|{}", a.n), riga);
        }
    }

    fn documento(&mut self, reg: i64, n: i64, i: Impronta, op: i64) {
        let riga = vec![("impronta", Value::Blob(i.0.to_vec())), ("op", op.into())];
        self.attendi("documento", format!("{reg}|{n}"), riga);
    }

    /// What an operation on a registration asks.
    fn su(&mut self, reg: i64, op: i64, e: &Evento) {
        let mut sposta = |n: u32, s: S| {
            let riga = self.attese.get_mut("assegnazione").and_then(|a| a.get_mut(&format!("{reg}|{n}")));
            if let Some((_, stato)) = riga.and_then(|r| r.iter_mut().find(|(k, _)| *k == "stato")) {
                *stato = righe::codice_assegnazione(s).into();
            }
        };
        match e {
            Evento::PresaInCarico { assegnazione } => sposta(*assegnazione, S::InCarico),
            Evento::RifiutoAssegnazione { assegnazione, .. } => sposta(*assegnazione, S::Rifiutata),
            Evento::ConclusioneAssegnazione { assegnazione, .. } => sposta(*assegnazione, S::Conclusa),
            Evento::Assegnazione { primo, assegnazioni, .. } => {
                self.assegnazioni(reg, &righe::assegnazioni(*primo, assegnazioni));
                for a in assegnazioni {
                    self.attendi("coinvolto", format!("{reg}|{}", righe::ufficio(&a.ufficio)), vec![]);
                }
            }
            Evento::Classificazione { classificazione, .. } => {
                self.cambia("attuale", &reg.to_string(), "voce", classificazione.to_string().into());
            }
            Evento::RichiestaAnnullamento { richiesta, .. } => {
                let riga = vec![("op", op.into()), ("stato", 0.into())];
                self.attendi("richiesta_annullamento", format!("{reg}|{richiesta}"), riga);
            }
            Evento::Allegati { documenti, .. } => {
                for d in documenti {
                    self.documento(reg, i64::from(d.n), d.impronta, op);
                }
            }
            Evento::Fascicolazione { fascicolo } => self.attendi("contenuto", format!("{reg}|{fascicolo}"), vec![]),
            Evento::RifiutoAnnullamento { richiesta, .. } => {
                let stato = righe::codice_richiesta(StatoRichiesta::Rifiutata);
                self.cambia("richiesta_annullamento", &format!("{reg}|{richiesta}"), "stato", stato.into());
            }
            _ => {}
        }
    }

    fn cambia(&mut self, tabella: &str, chiave: &str, campo: &str, valore: Value) {
        let riga = self.attese.get_mut(tabella).and_then(|a| a.get_mut(chiave));
        if let Some((_, v)) = riga.and_then(|r| r.iter_mut().find(|(k, _)| *k == campo)) {
            *v = valore;
        }
    }

    /// What an annulment asks of the tables.
    fn annullamento(&mut self, reg: i64, op: i64, e: &Evento) -> Esito<()> {
        let Evento::Annullamento { richiesta, provvedimento, intero, campi, nuovi_valori, .. } = e else {
            return Ok(());
        };
        let riga = vec![
            ("reg", reg.into()),
            ("intero", i64::from(*intero).into()),
            ("provvedimento", provvedimento.numero.clone().into()),
            ("data", provvedimento.data.to_string().into()),
        ];
        self.attendi("annullamento", op.to_string(), riga);
        if let Some(n) = richiesta {
            let stato = righe::codice_richiesta(StatoRichiesta::Autorizzata);
            self.cambia("richiesta_annullamento", &format!("{reg}|{n}"), "stato", stato.into());
        }
        let stato = if *intero { Stato::Annullata } else { Stato::AnnullataInParte };
        self.cambia("attuale", &reg.to_string(), "stato", righe::codice_stato(stato).into());
        if *intero {
            let prefisso = format!("{reg}|");
            let richieste = self.attese.get_mut("richiesta_annullamento").into_iter().flatten();
            for (_, riga) in richieste.filter(|(k, _)| k.starts_with(&prefisso)) {
                for (campo, v) in riga.iter_mut() {
                    if *campo == "stato" && *v == Value::from(0) {
                        *v = righe::codice_richiesta(StatoRichiesta::Superata).into();
                    }
                }
            }
            return Ok(());
        }
        let fino = da_id(op).1.saturating_sub(1);
        if let Some(prima) = letture::registrazione(self.c, reg, Some(fino))? {
            let (uffici, riscontro) = righe::rinnovati(&prima.dati, nuovi_valori, campi);
            for u in uffici {
                self.attendi("coinvolto", format!("{reg}|{u}"), vec![]);
            }
            if let Some(k) = riscontro {
                self.attendi("riscontro", format!("{reg}|{k}"), vec![]);
            }
        }
        Ok(())
    }

    fn tessera(&mut self, livello: u8, n: u64, hash: &[u8]) -> Esito<()> {
        let trovata: Option<Vec<u8>> = self
            .c
            .prepare_cached("SELECT hash FROM tessera WHERE log = ? AND livello = ? AND n = ?")?
            .query_row(params![self.log.id, livello, i64::try_from(n).unwrap_or(i64::MAX)], |r| r.get(0))
            .optional()?;
        if trovata.as_deref() != Some(hash) {
            let stato = if trovata.is_some() { "altri hash" } else { "manca" };
            self.diverso(
                "tessera",
                &format!("{}/{livello}/{n}", self.log.origine),
                "hash",
                "quelli ricalcolati",
                stato,
            );
        }
        Ok(())
    }

    /// A checkpoint of the size reached: its signature and its root.
    fn al_checkpoint(&mut self) {
        let dimensione = self.albero.dimensione();
        let Some(nota) = self.checkpoint.remove(&dimensione) else { return };
        self.v.checkpoint += 1;
        let k = format!("{}/{dimensione}", self.log.origine);
        match Checkpoint::apri(&nota, &self.chiavi) {
            Err(e) => self.diverso("checkpoint", &k, "nota", "una firma valida", &e.to_string()),
            Ok((cp, _)) => {
                let atteso = Checkpoint::nuovo(&self.log.origine, dimensione, self.albero.radice());
                if cp != atteso {
                    self.diverso("checkpoint", &k, "radice", &atteso.testo(), &cp.testo());
                }
            }
        }
    }

    /// After the last operation: heads, counters, checkpoints left over, and every table.
    fn chiusura(mut self) -> Esito<()> {
        let oltre: Vec<u64> = self.checkpoint.keys().copied().collect();
        for d in oltre {
            let trovate = self.albero.dimensione().to_string();
            self.diverso("operazione", &self.log.origine, "indice", &format!("{d} operazioni firmate"), &trovate);
        }
        let testa: Option<(i64, i64)> = self
            .c
            .query_row("SELECT dimensione, istante FROM testa WHERE log = ?", [self.log.id], |r| {
                Ok((r.get(0)?, r.get(1)?))
            })
            .optional()?;
        let attesa = (i64::try_from(self.albero.dimensione()).unwrap_or(i64::MAX), self.ultimo_istante);
        if testa != Some(attesa) && attesa.0 > 0 {
            self.diverso(
                "testa",
                &self.log.origine,
                "dimensione e istante",
                &format!("{attesa:?}"),
                &format!("{testa:?}"),
            );
        }
        let mut s = self.c.prepare("SELECT registro, anno, ultimo FROM contatore WHERE log = ?")?;
        let mut trovati: BTreeMap<(String, i32), i64> = s
            .query_map([self.log.id], |r| Ok(((r.get(0)?, r.get(1)?), r.get(2)?)))?
            .collect::<rusqlite::Result<_>>()?;
        let numeri = std::mem::take(&mut self.numeri);
        for (k, n) in numeri {
            let t = trovati.remove(&k);
            if t != Some(n) {
                let posto = format!("{}/{}/{}", self.log.origine, k.0, k.1);
                self.diverso("contatore", &posto, "ultimo", &n.to_string(), &format!("{t:?}"));
            }
        }
        for (k, n) in trovati {
            let posto = format!("{}/{}/{}", self.log.origine, k.0, k.1);
            self.diverso("contatore", &posto, "ultimo", "nessuno", &n.to_string());
        }
        for (tabella, chiave, campi, filtro) in TABELLE {
            self.tabella(tabella, chiave, campi, filtro)?;
        }
        Ok(())
    }

    fn tabella(
        &mut self,
        tabella: &'static str,
        chiave: &str,
        campi: &'static [&'static str],
        filtro: &str,
    ) -> Esito<()> {
        let mut attese = self.attese.remove(tabella).unwrap_or_default();
        let (da, a) = confini(self.log.id);
        let colonne = campi.iter().fold(String::new(), |s, c| s + ", " + c);
        let c = self.c;
        let mut s =
            c.prepare(&format!("SELECT {chiave}{colonne} FROM {tabella} WHERE {filtro} >= ? AND {filtro} < ?"))?;
        let mut r = s.query([da, a])?;
        while let Some(x) = r.next()? {
            self.v.righe += 1;
            let k: String = x.get(0)?;
            let Some(attesa) = attese.remove(&k) else {
                self.diverso(tabella, &k, "riga", "nessuna", "presente");
                continue;
            };
            for (i, campo) in campi.iter().enumerate() {
                let trovato: Value = x.get(i + 1)?;
                if let Some((_, v)) = attesa.iter().find(|(n, _)| n == campo)
                    && *v != trovato
                {
                    self.diverso(tabella, &k, campo, &mostra(v), &mostra(&trovato));
                }
            }
        }
        drop(r);
        for k in attese.into_keys() {
            self.diverso(tabella, &k, "riga", "presente", "manca");
        }
        Ok(())
    }
}

/// Table, key, compared fields, column that holds the log.
const TABELLE: &[(&str, &str, &[&str], &str)] = &[
    ("registrazione", "cast(id AS TEXT)", &["log", "registro", "anno", "numero", "istante", "tipo", "riservato"], "id"),
    ("attuale", "cast(reg AS TEXT)", &["stato", "voce"], "reg"),
    ("assegnazione", "reg || '|' || n", &["ufficio", "utente", "tipo", "stato"], "reg"),
    ("coinvolto", "reg || '|' || chi", &[], "reg"),
    ("riscontro", "reg || '|' || chiave", &[], "reg"),
    ("documento", "reg || '|' || n", &["impronta", "op"], "reg"),
    ("contenuto", "reg || '|' || codice", &[], "reg"),
    ("annullamento", "cast(op AS TEXT)", &["reg", "intero", "provvedimento", "data"], "op"),
    ("richiesta_annullamento", "reg || '|' || n", &["op", "stato"], "reg"),
    ("fascicolo", "cast(op AS TEXT)", &["log", "codice", "voce", "oggetto"], "op"),
    ("corrispondente", "cast(op AS TEXT)", &["log", "dati"], "op"),
];

fn mostra(v: &Value) -> String {
    match v {
        Value::Null => "(niente)".to_owned(),
        Value::Integer(i) => i.to_string(),
        Value::Real(f) => f.to_string(),
        Value::Text(t) => t.clone(),
        Value::Blob(b) => crate::file::esadecimale(b),
    }
}

struct RigaOperazione {
    id: i64,
    istante: i64,
    tipo: String,
    reg: Option<i64>,
    campi: String,
    seme: [u8; 32],
    voce: [u8; 32],
    conf: bool,
}

/// Every file that a registration has is there, with its bytes.
fn file(c: &Connection, cartella: &Path, v: &mut Verifica) -> Esito<()> {
    let deposito = Deposito::apri(&cartella.join("file"))?;
    let mut s = c.prepare(
        "SELECT d.impronta, o.oggetto, o.byte FROM (SELECT DISTINCT impronta FROM documento) d
         LEFT JOIN oggetto_file o ON o.impronta = d.impronta",
    )?;
    let mut r = s.query([])?;
    while let Some(x) = r.next()? {
        let impronta = Impronta(x.get(0)?);
        let k = impronta.hex();
        let (Some(oggetto), Some(byte)) = (x.get::<_, Option<String>>(1)?, x.get::<_, Option<i64>>(2)?) else {
            differenza(v, "oggetto_file", &k, "riga", "presente", "manca");
            continue;
        };
        v.file += 1;
        match impronta_di(&deposito.percorso(&oggetto)) {
            Err(e) => differenza(v, "file", &k, "contenuto", "leggibile", &e.to_string()),
            Ok((i, _)) if i != impronta => differenza(v, "file", &k, "impronta", &k, &i.hex()),
            Ok((_, n)) if i64::try_from(n).ok() != Some(byte) => {
                differenza(v, "oggetto_file", &k, "byte", &n.to_string(), &byte.to_string());
            }
            Ok(_) => {}
        }
    }
    Ok(())
}
