//! The tables whose rows do not come in the order of operations, compared as sets: first by sums, then, for the pieces
//! that differ, row by row.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use dominio::codici::CodiceIpa;
use rusqlite::Connection;

use super::super::righe::{confini, da_id};
use super::super::schema;
use super::attese::somma_parole;
use super::esito::Differenze;
use super::pezzo::{Posto, attese};
use super::somma::{Chiave, Insieme, PEZZO, Registro, Termini, posto};
use super::termini::Analizzatore;
use super::{Meta, dimensione};
use crate::store::{Errore, Esito};

/// Pieces looked at row by row for one set; the others are only named.
const PEZZI_MAX: usize = 16;

/// What is compared.
pub struct Confronto<'a> {
    /// The file.
    pub percorso: &'a Path,
    /// The ente.
    pub ente: &'a CodiceIpa,
    /// Key of the sums.
    pub chiave: &'a Chiave,
    /// Logs and how far each goes.
    pub mete: &'a [Meta],
    /// Sums that the operations ask for.
    pub attese: &'a Registro,
    /// Threads.
    pub fili: usize,
}

/// Words from one on, up to another.
#[derive(Clone, Copy)]
struct Parte {
    da: &'static str,
    a: Option<&'static str>,
}

impl Parte {
    const TUTTO: Self = Self { da: "", a: None };

    /// By first character; words are of small letters and digits, other scripts come after.
    fn tutte() -> Vec<Self> {
        const INIZI: [&str; 37] = [
            "", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k",
            "l", "m", "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z", "{",
        ];
        (0..INIZI.len()).map(|i| Self { da: INIZI[i], a: INIZI.get(i + 1).copied() }).collect()
    }
}

/// How many rows were read, and what does not hold.
pub type Trovato = (u64, Differenze);

fn connessione(percorso: &Path) -> Esito<Connection> {
    schema::apri_scorsa(
        percorso,
        "CREATE VIRTUAL TABLE temp.vocabolario USING fts5vocab('main', 'cerca', 'instance');
         CREATE VIRTUAL TABLE temp.vocabolario_rubrica USING fts5vocab('main', 'cerca_corrispondente', 'instance');",
    )
}

impl Confronto<'_> {
    /// Compares one set.
    ///
    /// # Errors
    /// SQLite's.
    pub fn esegui(&self, t: Insieme) -> Esito<Trovato> {
        // The full-text index is by far the largest. When the parts do not agree, or a writer moved rows between their
        // snapshots, it is read again in one.
        if t == Insieme::Cerca
            && let Some(righe) = self.a_parti(t)?
        {
            return Ok((righe, Differenze::default()));
        }
        let c = connessione(self.percorso)?;
        let mut d = Differenze::default();
        let mut trovate = Registro::default();
        c.execute_batch("BEGIN")?;
        let righe = self.scorri(&c, t, Parte::TUTTO, &mut trovate, &mut d)?;
        c.execute_batch("COMMIT")?;
        let diversi = self.attese.diversi(&trovate, t);
        // One snapshot for a closer look: what a live writer added since is on both sides.
        c.execute_batch("BEGIN")?;
        self.da_vicino(&c, t, &diversi[..diversi.len().min(PEZZI_MAX)], &mut d)?;
        for (log, pezzo) in diversi.iter().skip(PEZZI_MAX) {
            let k = format!("registro {log}, operazioni da {} a {}", pezzo * PEZZO, (pezzo + 1) * PEZZO);
            d.nuova(t.tabella(), &k, "righe", "quelle delle operazioni", "altre (non esaminate una per una)");
        }
        c.execute_batch("COMMIT")?;
        Ok((righe, d))
    }

    /// The index read by all threads, each some words at a time. How many rows, if all is as it should be.
    fn a_parti(&self, t: Insieme) -> Esito<Option<u64>> {
        let parti = Parte::tutte();
        let prossima = AtomicUsize::new(0);
        let lavora = || -> Esito<(u64, Registro, bool)> {
            let c = connessione(self.percorso)?;
            let (mut righe, mut trovate, mut d) = (0, Registro::default(), Differenze::default());
            while let Some(p) = parti.get(prossima.fetch_add(1, Ordering::Relaxed)) {
                c.execute_batch("BEGIN")?;
                righe += self.scorri(&c, t, *p, &mut trovate, &mut d)?;
                c.execute_batch("COMMIT")?;
            }
            Ok((righe, trovate, d.0.is_empty()))
        };
        let mut tutte = Registro::default();
        let (mut righe, mut bene) = (0, true);
        std::thread::scope(|s| -> Esito<()> {
            let fili: Vec<_> = (0..self.fili).map(|_| s.spawn(lavora)).collect();
            for f in fili {
                let (sue, trovate, buone) =
                    f.join().unwrap_or_else(|_| Err(Errore::Archivio("la verifica si è interrotta".to_owned())))?;
                righe += sue;
                bene &= buone;
                tutte.unisci(&trovate);
            }
            Ok(())
        })?;
        Ok((bene && self.attese.diversi(&tutte, t).is_empty()).then_some(righe))
    }

    /// The log of an id and its piece, if the verification goes that far. A row past every operation belongs to none.
    fn pezzo_di(&self, ora: &BTreeMap<i64, u64>, id: i64) -> Result<Option<(i64, u64)>, ()> {
        let (log, indice) = da_id(id);
        let fine = *ora.get(&log).ok_or(())?;
        if indice >= fine {
            return Err(());
        }
        let meta = self.mete.iter().find(|m| m.log == log).map_or(0, |m| m.dimensione);
        Ok((indice < meta).then_some((log, indice / PEZZO)))
    }

    fn dimensioni(&self, c: &Connection) -> Esito<BTreeMap<i64, u64>> {
        self.mete.iter().map(|m| Ok((m.log, dimensione(c, m.log)?))).collect()
    }

    fn scorri(
        &self,
        c: &Connection,
        t: Insieme,
        parte: Parte,
        trovate: &mut Registro,
        d: &mut Differenze,
    ) -> Esito<u64> {
        let ora = self.dimensioni(c)?;
        let mut righe = 0;
        let mut ultimo_estraneo = None;
        let mut somma = |id: i64, h: u128, d: &mut Differenze| match self.pezzo_di(&ora, id) {
            Ok(Some((log, pezzo))) => trovate.pezzo(log, pezzo).aggiungi(t, h),
            Ok(None) => {}
            Err(()) => {
                if ultimo_estraneo.replace(id) != Some(id) {
                    d.nuova(t.tabella(), &id.to_string(), "riga", "nessuna", "presente");
                }
            }
        };
        if let Some(sql) = per_riga(t) {
            let mut s = c.prepare(sql)?;
            let mut r = s.query([])?;
            while let Some(x) = r.next()? {
                righe += 1;
                let id: i64 = x.get(0)?;
                let testo = x.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
                somma(id, self.chiave.riga(t, id, testo), d);
            }
            return Ok(righe);
        }
        // The index, word by word: the same word comes many times in a row.
        let mut s = c.prepare_cached(&format!("{} WHERE term >= ?", vocabolario(t)))?;
        let mut r = s.query([parte.da])?;
        let mut parola = (String::new(), self.chiave.termine(t, ""));
        while let Some(x) = r.next()? {
            let p = x.get_ref(0)?.as_bytes().map_err(rusqlite::Error::from)?;
            if p != parola.0.as_bytes() {
                let p = x.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?;
                if parte.a.is_some_and(|a| p >= a) {
                    break;
                }
                parola = (p.to_owned(), self.chiave.termine(t, p));
            }
            righe += 1;
            let id: i64 = x.get(1)?;
            let (colonna, luogo) = luogo(t, x)?;
            somma(id, posto(parola.1, id, colonna, luogo), d);
        }
        drop(r);
        if t == Insieme::Cerca && parte.da.is_empty() {
            // Rows on their way to the index, in the same snapshot: in one place or in the other.
            let (mut termini, mut a) = (Termini::default(), Analizzatore::default());
            let mut s = c.prepare("SELECT reg, testo, soggetti FROM cerca_recente")?;
            let mut r = s.query([])?;
            while let Some(x) = r.next()? {
                let id: i64 = x.get(0)?;
                let (testo, soggetti): (String, String) = (x.get(1)?, x.get(2)?);
                let mut s = super::somma::Somme::default();
                somma_parole(self.chiave, &mut termini, &mut a, &mut s, t, id, &[&testo, &soggetti])?;
                somma(id, s.di(t), d);
            }
        }
        Ok(righe)
    }

    /// The pieces given, row by row.
    fn da_vicino(&self, c: &Connection, t: Insieme, pezzi: &[(i64, u64)], d: &mut Differenze) -> Esito<()> {
        if pezzi.is_empty() {
            return Ok(());
        }
        let ora = self.dimensioni(c)?;
        let mut attese_qui: BTreeSet<Voce> = BTreeSet::new();
        let mut analizzatore = Analizzatore::default();
        for (log, pezzo) in pezzi {
            let Some(meta) = self.mete.iter().find(|m| m.log == *log) else { continue };
            let fine = ora.get(log).copied().unwrap_or(0).min((pezzo + 1) * PEZZO);
            let p = Posto { log: &meta.info, chiavi: &[], da: pezzo * PEZZO, a: fine, meta: meta.dimensione };
            let (registrazioni, rubrica) = attese(c, self.ente, &p)?;
            for a in &registrazioni {
                match t {
                    Insieme::Coinvolto => attese_qui.extend(a.coinvolti.iter().map(|x| voce(a.id, x))),
                    Insieme::Riscontro => attese_qui.extend(a.riscontri.iter().map(|x| voce(a.id, x))),
                    Insieme::Contenuto => attese_qui.extend(a.contenuto.iter().map(|x| voce(a.id, x))),
                    Insieme::Cerca => {
                        for (colonna, testo) in [(0, &a.righe.testo), (1, &a.righe.soggetti)] {
                            analizzatore.per_termine(testo, |parola, luogo| {
                                attese_qui.insert((a.id, colonna, luogo, parola.to_owned()));
                            })?;
                        }
                    }
                    Insieme::CercaCorrispondente => {}
                }
            }
            if t == Insieme::CercaCorrispondente {
                for (op, testo) in rubrica {
                    analizzatore.per_termine(&testo, |parola, _| {
                        attese_qui.insert(voce(op, parola));
                    })?;
                }
            }
        }
        let nei_pezzi = |id: i64| {
            let (log, indice) = da_id(id);
            pezzi.contains(&(log, indice / PEZZO)) && ora.get(&log).is_some_and(|fine| indice < *fine)
        };
        let mut trovate_qui: BTreeSet<Voce> = BTreeSet::new();
        let mut s = c.prepare(per_riga(t).unwrap_or(vocabolario(t)))?;
        let mut r = s.query([])?;
        while let Some(x) = r.next()? {
            let (id, testo) = if per_riga(t).is_some() { (x.get(0)?, x.get(1)?) } else { (x.get(1)?, x.get(0)?) };
            if nei_pezzi(id) {
                let (colonna, luogo) = if per_riga(t).is_some() { (0, 0) } else { luogo(t, x)? };
                trovate_qui.insert((id, colonna, luogo, testo));
            }
        }
        drop(r);
        if t == Insieme::Cerca {
            for (log, pezzo) in pezzi {
                let base = confini(*log).0;
                let primo = i64::try_from(pezzo * PEZZO).unwrap_or(i64::MAX);
                let dopo = primo.saturating_add(PEZZO.cast_signed());
                let mut s = c.prepare("SELECT reg, testo, soggetti FROM cerca_recente WHERE reg >= ? AND reg < ?")?;
                let mut r = s.query([base | primo, base.saturating_add(dopo)])?;
                while let Some(x) = r.next()? {
                    let id: i64 = x.get(0)?;
                    for colonna in [0u8, 1] {
                        let testo: String = x.get(1 + usize::from(colonna))?;
                        analizzatore.per_termine(&testo, |parola, luogo| {
                            trovate_qui.insert((id, colonna, luogo, parola.to_owned()));
                        })?;
                    }
                }
            }
        }
        racconta(t, &attese_qui, &trovate_qui, d);
        Ok(())
    }
}

/// Row, column, place, text.
type Voce = (i64, u8, u32, String);

fn voce(id: i64, testo: &str) -> Voce {
    (id, 0, 0, testo.to_owned())
}

fn racconta(t: Insieme, attese: &BTreeSet<Voce>, trovate: &BTreeSet<Voce>, d: &mut Differenze) {
    if per_riga(t).is_some() {
        for (id, _, _, testo) in attese.difference(trovate) {
            d.nuova(t.tabella(), &format!("{id}|{testo}"), "riga", "presente", "manca");
        }
        for (id, _, _, testo) in trovate.difference(attese) {
            d.nuova(t.tabella(), &format!("{id}|{testo}"), "riga", "nessuna", "presente");
        }
        return;
    }
    // Words: each row and column once, its text put together again.
    let posti: BTreeSet<(i64, u8)> = attese.symmetric_difference(trovate).map(|v| (v.0, v.1)).collect();
    for (id, colonna) in posti {
        let campo = match (t, colonna) {
            (Insieme::Cerca, 1) => "soggetti",
            _ => "testo",
        };
        let testo = |v: &BTreeSet<Voce>| {
            v.range((id, colonna, 0, String::new())..)
                .take_while(|x| (x.0, x.1) == (id, colonna))
                .map(|x| x.3.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        };
        d.nuova(t.tabella(), &id.to_string(), campo, &testo(attese), &testo(trovate));
    }
}

/// The rows of a plain set: id and text.
fn per_riga(t: Insieme) -> Option<&'static str> {
    match t {
        Insieme::Coinvolto => Some("SELECT reg, chi FROM coinvolto"),
        Insieme::Riscontro => Some("SELECT reg, chiave FROM riscontro"),
        // The log is in the id of the registration: a row of another log is another row.
        Insieme::Contenuto => {
            Some("SELECT reg, CASE WHEN log = reg >> 40 THEN codice ELSE log || '|' || codice END FROM contenuto")
        }
        Insieme::Cerca | Insieme::CercaCorrispondente => None,
    }
}

fn vocabolario(t: Insieme) -> &'static str {
    match t {
        Insieme::CercaCorrispondente => "SELECT term, doc FROM temp.vocabolario_rubrica",
        _ => "SELECT term, doc, col, offset FROM temp.vocabolario",
    }
}

fn luogo(t: Insieme, x: &rusqlite::Row<'_>) -> Esito<(u8, u32)> {
    if t == Insieme::CercaCorrispondente {
        return Ok((0, 0));
    }
    let colonna = u8::from(x.get_ref(2)?.as_bytes().map_err(rusqlite::Error::from)? == b"soggetti");
    Ok((colonna, x.get(3)?))
}
