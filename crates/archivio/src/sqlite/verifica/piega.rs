//! The log put together again from its pieces, in order: the tree with every stored node, every checkpoint, numbers
//! without doubles or gaps, times that never go back, the configuration.

use std::collections::BTreeMap;

use catena::{Albero, ChiavePubblica, Hash};
use dominio::codici::CodiceRegistro;
use dominio::configurazione::Configurazione;
use dominio::epoca::Salto;
use dominio::operazione::Evento;
use dominio::tempo::Istante;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::ancora::Ancora;
use super::esito::Differenze;
use super::pezzo::Esaminato;
use super::somma::{PEZZO, Registro};
use super::{Meta, Stato, tronco};
use crate::file::esadecimale;
use crate::store::{Errore, Esito, LacunaTrovata, Verifica};

/// The state of a log half way.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Frontiera {
    /// Index of the next operation.
    pub prossimo: u64,
    /// Hashes of each tile level that are in no full tile yet.
    code: Vec<Vec<String>>,
    /// Last instant.
    istante: Option<i64>,
    /// Last number per register and year.
    numeri: Vec<(String, i32, i64)>,
}

/// Who folds.
pub struct Piega<'a> {
    /// For stored tiles.
    pub c: &'a Connection,
    /// Counts so far.
    pub v: Verifica,
    /// Differences so far.
    pub d: Differenze,
    /// The configuration as far as it was read.
    pub conf: Configurazione,
    /// What the operations ask of the sets.
    pub somme: Registro,
    /// See [`Esaminato::rinvii`].
    pub rinvii: (u128, u128),
    /// Operations of the configuration: how many, sum of their ids.
    pub di_conf: (u64, u128),
    ancore: BTreeMap<u64, Vec<&'a Ancora>>,
    albero: Albero,
    istante: Option<i64>,
    numeri: BTreeMap<(String, i32), i64>,
    /// Keys as the operations declare them: from which index on, vkey.
    dichiarate: Vec<(u64, String)>,
}

impl<'a> Piega<'a> {
    /// Takes up a verification where it was left.
    pub fn nuova(c: &'a Connection, s: &Stato, conf: Configurazione) -> Self {
        let mut v = s.verifica.clone();
        let d = Differenze(std::mem::take(&mut v.differenze));
        Self {
            c,
            v,
            d,
            conf,
            somme: s.somme.clone(),
            rinvii: s.rinvii,
            di_conf: s.di_conf,
            ancore: BTreeMap::new(),
            albero: Albero::nuovo(),
            istante: None,
            numeri: BTreeMap::new(),
            dichiarate: Vec::new(),
        }
    }

    /// Begins, or takes up again, a log.
    ///
    /// # Errors
    /// A frontier that is not one, or is not that of this archive any more.
    pub fn apri(&mut self, m: &Meta, f: &Frontiera, ancore: &'a [Ancora]) -> Esito<()> {
        let male = |e: String| Errore::Incoerente(format!("la verifica interrotta non si riprende: {e}"));
        let code: Vec<Vec<Hash>> = f
            .code
            .iter()
            .map(|c| c.iter().map(|h| da_esadecimale(h).ok_or_else(|| male("hash".to_owned()))).collect())
            .collect::<Esito<_>>()?;
        self.albero = Albero::riprendi(f.prossimo, &code).map_err(|e| male(e.to_string()))?;
        if f.prossimo > 0 {
            let su_disco = tronco::albero(self.c, m.log, f.prossimo)?;
            // With differences already found the two need not agree.
            if su_disco.radice() != self.albero.radice() && self.d.0.is_empty() {
                return Err(male("l'archivio non è più quello di allora".to_owned()));
            }
        }
        self.istante = f.istante;
        self.numeri = f.numeri.iter().map(|(r, a, n)| ((r.clone(), *a), *n)).collect();
        self.dichiarate.clear();
        match &m.info.aoo {
            // The ente's own log has the key it was born with: no operation names it.
            None => {
                self.dichiarate.extend(m.chiavi.last().map(|k| (0, k.to_string())));
                self.dichiarate.extend(self.conf.chiavi.iter().cloned());
            }
            Some(a) => {
                if let Some(a) = self.conf.aoo.get(a) {
                    self.dichiarate.push((0, a.dati.chiave_log.clone()));
                    self.dichiarate.extend(a.chiavi.iter().cloned());
                }
            }
        }
        self.ancore.clear();
        for a in ancore.iter().filter(|a| a.checkpoint.origine == m.info.origine) {
            if a.firmata(&m.chiavi, &mut self.d).is_none() {
                continue;
            }
            if a.checkpoint.dimensione < f.prossimo {
                // Already behind: the frontier's own tree gives the root of an earlier size from stored tiles, which
                // were compared when they were passed.
                let radice = tronco::albero(self.c, m.log, a.checkpoint.dimensione)?.radice();
                let epoche = self.conf.epoche(m.info.aoo.as_ref());
                self.v.ancore_coperte += u64::from(a.confronta(&radice, epoche, &mut self.d));
            } else {
                self.ancore.entry(a.checkpoint.dimensione).or_default().push(a);
            }
        }
        self.all_ancora(m);
        Ok(())
    }

    fn all_ancora(&mut self, m: &Meta) {
        if let Some(v) = self.ancore.remove(&self.albero.dimensione()) {
            let radice = self.albero.radice();
            let epoche = self.conf.epoche(m.info.aoo.as_ref());
            for a in v {
                self.v.ancore_coperte += u64::from(a.confronta(&radice, epoche, &mut self.d));
            }
        }
    }

    /// The frontier as it is.
    pub fn frontiera(&self) -> Frontiera {
        let livelli = (0..self.albero.livelli()).map(|l| self.albero.coda(l).iter().map(|h| esadecimale(h)).collect());
        Frontiera {
            prossimo: self.albero.dimensione(),
            code: livelli.collect(),
            istante: self.istante,
            numeri: self.numeri.iter().map(|((r, a), n)| (r.clone(), *a, *n)).collect(),
        }
    }

    /// Adds a piece; pieces come in order.
    ///
    /// # Errors
    /// SQLite's.
    pub fn aggiungi(&mut self, m: &Meta, x: Esaminato) -> Esito<()> {
        let pezzo = self.albero.dimensione() / PEZZO;
        *self.somme.pezzo(m.log, pezzo) = x.somme;
        self.rinvii.0 = self.rinvii.0.wrapping_add(x.rinvii.0);
        self.rinvii.1 = self.rinvii.1.wrapping_add(x.rinvii.1);
        self.v.operazioni += x.operazioni;
        self.v.righe += x.righe;
        self.v.checkpoint += x.checkpoint_visti;
        self.v.cofirme += x.cofirme;
        self.v.registrazioni += x.numeri.len() as u64;
        if let Some((primo, ultimo)) = x.istanti {
            if let Some(prima) = self.istante.filter(|p| primo < *p) {
                let k = format!("{}/{}", m.info.origine, self.albero.dimensione());
                self.d.nuova("operazione", &k, "istante", &format!(">= {prima}"), &primo.to_string());
            }
            self.istante = Some(self.istante.map_or(ultimo, |p| p.max(ultimo)));
        }
        self.d.unisci(x.differenze);
        let lacune: Vec<(u64, Vec<Salto>)> = x
            .conf
            .iter()
            .filter_map(|op| match &op.evento {
                Evento::LacunaDichiarata(l) => Some((op.indice, l.salti.clone())),
                _ => None,
            })
            .collect();
        self.configurazione(m, x.conf)?;
        let mut lacune = lacune.into_iter().peekable();
        for (indice, k) in x.numeri {
            while let Some((i, salti)) = lacune.next_if(|l| l.0 < indice) {
                self.salti(m, i, &salti);
            }
            self.numero(m, &k);
        }
        lacune.for_each(|(i, salti)| self.salti(m, i, &salti));
        let mut checkpoint = x.checkpoint.into_iter().peekable();
        let mut confronta = |p: &mut Self| {
            while let Some((cp, firme)) = checkpoint.next_if(|(cp, _)| cp.dimensione <= p.albero.dimensione()) {
                p.chiave_del_momento(m, &cp, &firme);
                let radice = p.albero.radice();
                if cp.radice != radice {
                    let k = format!("{}/{}", m.info.origine, cp.dimensione);
                    p.d.nuova("checkpoint", &k, "radice", &esadecimale(&radice), &esadecimale(&cp.radice));
                }
            }
        };
        confronta(self);
        for f in x.foglie {
            let mut piene = Vec::new();
            self.albero.aggiungi(f, |l, n, h| piene.push((l, n, h.concat())));
            for (livello, n, hash) in piene {
                self.tessera(m, livello, n, &hash)?;
            }
            confronta(self);
            if !self.ancore.is_empty() {
                self.all_ancora(m);
            }
        }
        Ok(())
    }

    fn configurazione(&mut self, m: &Meta, conf: Vec<dominio::operazione::Operazione>) -> Esito<()> {
        for op in conf {
            self.di_conf.0 += 1;
            self.di_conf.1 = self.di_conf.1.wrapping_add(segno_conf(m.log, op.indice));
            if let Evento::AooCreata(d) = &op.evento {
                let k = format!("{}/{}", m.info.origine, op.indice);
                self.d.se_diversi("registro_log", &k, "origine", &d.origine, &m.info.origine);
                let aoo = m.info.aoo.as_ref().map_or("(niente)", |a| a.as_str());
                self.d.se_diversi("registro_log", &k, "aoo", d.codice_aoo.as_str(), aoo);
                self.dichiarate = vec![(0, d.chiave_log.clone())];
            }
            if let Evento::ChiaveRuotata { precedente, chiave_log, .. } = &op.evento {
                let k = format!("{}/{}", m.info.origine, op.indice);
                let prima = self.dichiarate.last().map_or("(niente)", |d| d.1.as_str());
                self.d.se_diversi("chiave_log", &k, "precedente", prima, precedente);
                self.dichiarate.push((op.indice, chiave_log.clone()));
                self.dal(m, &k, chiave_log, op.istante)?;
            }
            if let Evento::LacunaDichiarata(l) = &op.evento {
                self.v.lacune.push(LacunaTrovata {
                    registro: m.info.origine.clone(),
                    indice: op.indice,
                    istante: op.istante,
                    operatore: op.operatore.per_conto_di.clone().unwrap_or_else(|| op.operatore.nome.clone()),
                    lacuna: l.clone(),
                });
            }
            self.conf.applica(&op);
        }
        Ok(())
    }

    /// From when a key holds decides until when those before it sign.
    fn dal(&mut self, m: &Meta, k: &str, vkey: &str, quando: Istante) -> Esito<()> {
        let mut s = self.c.prepare_cached("SELECT istante FROM chiave_log WHERE log = ? AND vkey = ?")?;
        // A key that is not there is named at the end.
        if let Some(t) = s.query_row(params![m.log, vkey], |r| r.get::<_, i64>(0)).optional()? {
            self.d.se_diversi("chiave_log", k, "istante", &quando.0.to_string(), &t.to_string());
        }
        Ok(())
    }

    /// The key in force at a size must have signed: an old one, stolen or retired, vouches for nothing new.
    fn chiave_del_momento(&mut self, m: &Meta, cp: &catena::Checkpoint, firme: &[[u8; 4]]) {
        let Some((_, vkey)) = self.dichiarate.iter().rev().find(|(da, _)| *da == 0 || *da < cp.dimensione) else {
            return;
        };
        let firmato = vkey.parse::<ChiavePubblica>().is_ok_and(|k| firme.contains(&k.identificativo()));
        if !firmato {
            let k = format!("{}/{}", m.info.origine, cp.dimensione);
            let vkey = vkey.clone();
            self.d.nuova("checkpoint", &k, "firma", &vkey, "solo di una chiave non più in uso");
        }
    }

    /// R-A06, R-A08: one sequence per register and year, without doubles or gaps.
    fn numero(&mut self, m: &Meta, k: &dominio::registrazione::Chiave) {
        let precedente = self.precedente(m, &k.registro, k.anno);
        if k.numero.valore() != precedente + 1 {
            let (atteso, trovato) = ((precedente + 1).to_string(), k.numero.valore().to_string());
            let posto = format!("{} {k}", m.info.origine);
            self.d.nuova("registrazione", &posto, "numero", &atteso, &trovato);
        }
        self.numeri.insert((k.registro.to_string(), k.anno), k.numero.valore());
    }

    /// The last number given in register and year, or jumped.
    fn precedente(&self, m: &Meta, registro: &CodiceRegistro, anno: i32) -> i64 {
        if let Some(n) = self.numeri.get(&(registro.to_string(), anno)) {
            return *n;
        }
        let aoo = m.info.aoo.as_ref().and_then(|a| self.conf.aoo.get(a));
        let prima = aoo.and_then(|a| a.registri.get(registro)).and_then(|r| r.ultimo_precedente.as_ref());
        prima.filter(|u| u.anno == anno).map_or(0, |u| u.numero)
    }

    /// R-N05: what is declared jumped begins where the numbers stopped; any other hole is still one.
    fn salti(&mut self, m: &Meta, indice: u64, salti: &[Salto]) {
        for s in salti {
            let atteso = self.precedente(m, &s.registro, s.anno) + 1;
            if s.da != atteso || s.a < s.da {
                let k = format!("{}/{indice} {}/{}", m.info.origine, s.registro, s.anno);
                let trovato = format!("da {} a {}", s.da, s.a);
                self.d.nuova("lacuna", &k, "salti", &format!("da {atteso} in avanti"), &trovato);
            }
            self.numeri.insert((s.registro.to_string(), s.anno), s.a);
        }
    }

    fn tessera(&mut self, m: &Meta, livello: u8, n: u64, hash: &[u8]) -> Esito<()> {
        let mut s = self.c.prepare_cached("SELECT hash FROM tessera WHERE log = ? AND livello = ? AND n = ?")?;
        let trovata: Option<Vec<u8>> =
            s.query_row(params![m.log, livello, i64::try_from(n).unwrap_or(i64::MAX)], |r| r.get(0)).optional()?;
        let k = format!("{}/{livello}/{n}", m.info.origine);
        match trovata {
            Some(t) if t == hash => {}
            None => self.d.nuova("tessera", &k, "riga", "presente", "manca"),
            Some(t) => {
                let posto = t.chunks(32).zip(hash.chunks(32)).position(|(a, b)| a != b).unwrap_or(0);
                let di = |h: &[u8]| esadecimale(h.chunks(32).nth(posto).unwrap_or_default());
                self.d.nuova("tessera", &k, &format!("hash {posto}"), &di(hash), &di(&t));
            }
        }
        Ok(())
    }

    /// After the last operation of a log: its keys, head, counters and what lies past its end.
    ///
    /// # Errors
    /// SQLite's.
    pub fn chiudi(&mut self, m: &Meta) -> Esito<()> {
        let o = &m.info.origine;
        let epoche = self.conf.epoche(m.info.aoo.as_ref());
        for a in std::mem::take(&mut self.ancore).into_values().flatten() {
            self.v.ancore_coperte += u64::from(a.oltre(m.dimensione, epoche, &mut self.d));
        }
        // Only keys that an operation declares may sign; the ente's own log has the one it was born with.
        let dichiarate: Vec<String> = self.dichiarate.iter().map(|d| d.1.clone()).collect();
        let trovate: Vec<String> = m.chiavi.iter().rev().map(ToString::to_string).collect();
        // A key taken while the verification runs is named by an operation past its end.
        let buone = trovate.starts_with(&dichiarate)
            && (trovate.len() == dichiarate.len() || super::dimensione(self.c, m.log)? > m.dimensione)
            && m.chiavi.iter().all(|k| k.nome() == o);
        if !buone && m.dimensione > 0 {
            self.d.nuova("chiave_log", o, "vkey", &dichiarate.join(" "), &trovate.join(" "));
        }
        self.c.execute_batch("BEGIN")?;
        let esito = self.fine(m);
        self.c.execute_batch("COMMIT")?;
        esito
    }

    fn fine(&mut self, m: &Meta) -> Esito<()> {
        let o = &m.info.origine;
        let ora = super::dimensione(self.c, m.log)?;
        let testa: Option<(i64, i64)> = self
            .c
            .query_row("SELECT dimensione, istante FROM testa WHERE log = ?", [m.log], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let ultimo: Option<i64> = self
            .c
            .query_row(
                "SELECT istante FROM operazione WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT 1",
                [super::righe::confini(m.log).0, super::righe::confini(m.log).1],
                |r| r.get(0),
            )
            .optional()?;
        let mostra = |t: Option<i64>| t.map_or_else(|| "(niente)".to_owned(), |t| t.to_string());
        let attesa = ultimo.map(|u| (ora.cast_signed(), u));
        self.d.se_diversi("testa", o, "dimensione", &mostra(attesa.map(|t| t.0)), &mostra(testa.map(|t| t.0)));
        self.d.se_diversi("testa", o, "istante", &mostra(attesa.map(|t| t.1)), &mostra(testa.map(|t| t.1)));
        // Signed here, or by a witness.
        let firmate: Option<i64> = self.c.query_row(
            "SELECT max(d) FROM (SELECT max(dimensione) d FROM checkpoint WHERE log = ?1
             UNION ALL SELECT max(dimensione) FROM cofirma WHERE log = ?1)",
            [m.log],
            |r| r.get(0),
        )?;
        if let Some(f) = firmate.filter(|f| f.unsigned_abs() > ora) {
            let trovate = format!("{ora}: il registro è stato accorciato");
            self.d.nuova("operazione", o, "indice", &format!("{f} operazioni firmate"), &trovate);
        }
        self.contatori(m, ora)?;
        self.tessere_in_piu(m, ora)
    }

    fn contatori(&mut self, m: &Meta, ora: u64) -> Esito<()> {
        let o = &m.info.origine;
        let mut s = self.c.prepare("SELECT registro, anno, ultimo FROM contatore WHERE log = ?")?;
        let mut trovati: BTreeMap<(String, i32), i64> =
            s.query_map([m.log], |r| Ok(((r.get(0)?, r.get(1)?), r.get(2)?)))?.collect::<rusqlite::Result<_>>()?;
        drop(s);
        let mut attesi = std::mem::take(&mut self.numeri);
        if ora > m.dimensione {
            // The service went on: what it gave since counts too.
            let mut s = self.c.prepare(
                "SELECT registro, anno, max(numero) FROM registrazione WHERE id >= ? AND id < ? GROUP BY 1, 2",
            )?;
            let (da, a) = (super::righe::id(m.log, m.dimensione), super::righe::confini(m.log).1);
            for r in s.query_map([da, a], |r| Ok(((r.get(0)?, r.get(1)?), r.get(2)?)))? {
                let (k, n): ((String, i32), i64) = r?;
                attesi.insert(k, n);
            }
        }
        for (k, n) in attesi {
            let t = trovati.remove(&k);
            if t != Some(n) {
                let posto = format!("{o}/{}/{}", k.0, k.1);
                let trovato = t.map_or_else(|| "(niente)".to_owned(), |t| t.to_string());
                self.d.nuova("contatore", &posto, "ultimo", &n.to_string(), &trovato);
            }
        }
        for (k, n) in trovati {
            self.d.nuova("contatore", &format!("{o}/{}/{}", k.0, k.1), "ultimo", "(niente)", &n.to_string());
        }
        Ok(())
    }

    /// Stored nodes that no operation completed.
    fn tessere_in_piu(&mut self, m: &Meta, ora: u64) -> Esito<()> {
        let mut s = self.c.prepare(
            "SELECT n FROM tessera WHERE log = ?1 AND livello = ?2 AND (n >= ?3 OR n < 0) ORDER BY n LIMIT 20",
        )?;
        let mut livelli = self.c.prepare("SELECT DISTINCT livello FROM tessera WHERE log = ?")?;
        let livelli: Vec<i64> = livelli.query_map([m.log], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        for l in livelli {
            let piene = u32::try_from(l).ok().and_then(|l| ora.checked_shr(8 * (l + 1))).unwrap_or(0);
            for n in s.query_map(params![m.log, l, i64::try_from(piene).unwrap_or(i64::MAX)], |r| r.get::<_, i64>(0))? {
                self.d.nuova("tessera", &format!("{}/{l}/{}", m.info.origine, n?), "riga", "nessuna", "presente");
            }
        }
        Ok(())
    }
}

/// What an operation of the configuration adds to their sum.
pub fn segno_conf(log: i64, indice: u64) -> u128 {
    super::somma::posto(3, super::righe::id(log, indice), 0, 0)
}

fn da_esadecimale(t: &str) -> Option<Hash> {
    let mut h = Hash::default();
    if t.len() != 64 || !t.is_ascii() {
        return None;
    }
    for (i, b) in h.iter_mut().enumerate() {
        *b = u8::from_str_radix(&t[2 * i..2 * i + 2], 16).ok()?;
    }
    Some(h)
}
