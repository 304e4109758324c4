//! The access log recomputed: the chain, the rows by which it is searched, the prunings, and each head that was signed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use dominio::accessi::GIORNI_MIN;
use dominio::tempo::Istante;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Accesso, FILE, anello, leggi, modello};
use crate::file::esadecimale;
use crate::sqlite::verifica::schemi_diversi;
use crate::store::{Discordanza, Esito};

/// Differences named one by one.
const ELENCO_MAX: usize = 100;

/// A head of the chain that somebody signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Impegno {
    /// Where it is kept, for messages.
    pub tabella: &'static str,
    /// Which one.
    pub chiave: String,
    /// How many accesses.
    pub n: u64,
    /// Hash of the chain after them.
    pub hash: [u8; 32],
    /// When the last of them happened.
    pub istante: Istante,
}

impl Impegno {
    fn diverso(&self, campo: &str, atteso: String, trovato: String) -> Discordanza {
        Discordanza {
            tabella: self.tabella.to_owned(),
            chiave: self.chiave.clone(),
            campo: campo.to_owned(),
            atteso,
            trovato,
        }
    }
}

#[derive(Default)]
struct Trovate(Vec<Discordanza>);

impl Trovate {
    fn nuova(&mut self, tabella: &str, chiave: i64, campo: &str, atteso: String, trovato: String) {
        let (tabella, chiave, campo) = (tabella.to_owned(), chiave.to_string(), campo.to_owned());
        self.aggiungi(Discordanza { tabella, chiave, campo, atteso, trovato });
    }

    fn aggiungi(&mut self, d: Discordanza) {
        if self.0.len() < ELENCO_MAX {
            self.0.push(d);
        }
    }
}

/// A pruning: up to which row, what was older than when, the hash from which the chain goes on.
type Potatura = (i64, Istante, [u8; 32]);

/// Recomputes the log in a folder: what was changed, taken out or put in is named, and so is each head in `impegni`
/// through which the chain does not pass. `ora` is the time of the verification.
///
/// # Errors
/// The file cannot be read at all.
pub fn verifica(cartella: &Path, impegni: &[Impegno], ora: Istante) -> Esito<(u64, Vec<Discordanza>)> {
    let file = cartella.join(FILE);
    let mut d = Trovate::default();
    if !file.exists() {
        for i in impegni {
            d.aggiungi(i.diverso("dimensione", format!("almeno {} accessi", i.n), "nessun accesso".to_owned()));
        }
        return Ok((0, d.0));
    }
    let c = leggi(&file)?;
    c.execute_batch("BEGIN")?;
    for x in schemi_diversi(&modello()?, &c)? {
        d.aggiungi(x);
    }
    let potatura = potatura(&c)?;
    if let Some((fino, prima, _)) = potatura
        && prima > ora.piu_secondi(-GIORNI_MIN * 86_400)
    {
        let atteso = format!("almeno {GIORNI_MIN} giorni prima della verifica");
        d.nuova("potatura", fino, "istante", atteso, prima.utc());
    }
    let (mut n, mut hash) = potatura.map_or((0, [0; 32]), |p| (p.0, p.2));
    let inizio = n;
    let mut firmate: BTreeMap<i64, Vec<&Impegno>> = BTreeMap::new();
    for i in impegni {
        firmate.entry(i64::try_from(i.n).unwrap_or(i64::MAX)).or_default().push(i);
    }
    if let Some(p) = &potatura {
        for i in firmate.range(..=inizio).flat_map(|(_, i)| i) {
            potata(i, p, &mut d);
        }
    }
    let mut trovati = 0;
    let mut s = c.prepare("SELECT n, istante, aoo, utente, registrazione, riga, hash FROM accesso ORDER BY n")?;
    let mut cerca = c.prepare("SELECT 1 FROM interessato WHERE chi = ? AND n = ?")?;
    let mut r = s.query([])?;
    let mut lette = 0;
    while let Some(x) = r.next()? {
        lette += 1;
        let (k, riga, scritto): (i64, String, [u8; 32]) = (x.get(0)?, x.get(5)?, x.get(6)?);
        if k != n + 1 {
            d.nuova("accesso", k, "n", (n + 1).to_string(), k.to_string());
        }
        let atteso = anello(&hash, k, &riga);
        if atteso != scritto {
            d.nuova("accesso", k, "hash", esadecimale(&atteso), esadecimale(&scritto));
        }
        let istante: i64 = x.get(1)?;
        match serde_json::from_str::<Accesso>(&riga) {
            Err(_) => d.nuova("accesso", k, "riga", "un accesso".to_owned(), "non si legge".to_owned()),
            Ok(a) => {
                let colonne = [
                    ("istante", a.istante.0.to_string(), istante.to_string()),
                    ("aoo", a.aoo.to_string(), x.get(2)?),
                    ("utente", a.utente.to_string(), x.get(3)?),
                    ("registrazione", a.registrazione.clone(), x.get(4)?),
                ];
                for (campo, atteso, trovato) in colonne {
                    if atteso != trovato {
                        d.nuova("accesso", k, campo, atteso, trovato);
                    }
                }
                for chi in a.interessati.iter().collect::<BTreeSet<_>>() {
                    if cerca.exists(params![chi, k])? {
                        trovati += 1;
                    } else {
                        d.nuova("interessato", k, "chi", chi.clone(), "manca".to_owned());
                    }
                }
            }
        }
        for i in firmate.get(&k).into_iter().flatten() {
            if i.hash != scritto {
                d.aggiungi(i.diverso("hash", esadecimale(&i.hash), esadecimale(&scritto)));
            }
            if i.istante.0 != istante {
                d.aggiungi(i.diverso("istante", i.istante.utc(), Istante(istante).utc()));
            }
        }
        n = k;
        hash = scritto;
    }
    for i in firmate.range(n.max(inizio) + 1..).flat_map(|(_, i)| i) {
        let trovato = format!("{n}: il registro degli accessi è stato accorciato");
        d.aggiungi(i.diverso("dimensione", format!("almeno {} accessi", i.n), trovato));
    }
    if trovati != c.query_row("SELECT count(*) FROM interessato", [], |r| r.get::<_, i64>(0))? {
        in_piu(&c, &mut d)?;
    }
    Ok((lette, d.0))
}

/// Up to which row the log of a folder is pruned, 0 when it is not.
///
/// # Errors
/// The file cannot be read.
pub fn potati(cartella: &Path) -> Esito<u64> {
    let file = cartella.join(FILE);
    if !file.exists() {
        return Ok(0);
    }
    Ok(potatura(&leggi(&file)?)?.map_or(0, |p| p.0.unsigned_abs()))
}

/// The last pruning: what those before took, it would have taken.
fn potatura(c: &Connection) -> Esito<Option<Potatura>> {
    let sql = "SELECT fino, istante, hash FROM potatura ORDER BY fino DESC LIMIT 1";
    Ok(c.query_row(sql, [], |r| Ok((r.get(0)?, Istante(r.get(1)?), r.get(2)?))).optional()?)
}

/// A head whose rows were pruned: as older than a time after them, and with its very hash where the chain was cut there.
fn potata(i: &Impegno, (fino, prima, hash): &Potatura, d: &mut Trovate) {
    if *prima <= i.istante {
        let atteso = format!("accessi fino al {}, da conservare", i.istante.utc());
        d.aggiungi(i.diverso("istante", atteso, format!("potati come precedenti al {}", prima.utc())));
    }
    if fino.unsigned_abs() == i.n && *hash != i.hash {
        d.aggiungi(i.diverso("hash", esadecimale(&i.hash), esadecimale(hash)));
    }
}

/// Names the rows that no access has.
fn in_piu(c: &Connection, d: &mut Trovate) -> Esito<()> {
    let mut riga = c.prepare("SELECT riga FROM accesso WHERE n = ?")?;
    let mut s = c.prepare("SELECT chi, n FROM interessato")?;
    let mut r = s.query([])?;
    while let Some(x) = r.next()? {
        let (chi, n): (String, i64) = (x.get(0)?, x.get(1)?);
        let testo: Option<String> = riga.query_row([n], |r| r.get(0)).optional()?;
        let suo =
            testo.and_then(|t| serde_json::from_str::<Accesso>(&t).ok()).is_some_and(|a| a.interessati.contains(&chi));
        if !suo {
            d.nuova("interessato", n, "chi", "nessuna riga".to_owned(), chi);
        }
    }
    Ok(())
}
