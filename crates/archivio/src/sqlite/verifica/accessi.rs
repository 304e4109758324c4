//! The signed heads of the access log: those kept with the operations log, and those kept elsewhere.

use catena::{Checkpoint, ChiavePubblica, Nota, apri_nota};
use dominio::tempo::Istante;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::depositi::origine_accessi;
use super::esito::Differenze;
use super::{Ancora, Meta};
use crate::accessi::Impegno;
use crate::store::Esito;

/// The keys of the ente's log under the name of its access log, the current one first.
struct Chiavi {
    tutte: Vec<ChiavePubblica>,
    /// From when each holds.
    dal: Vec<Istante>,
}

impl Chiavi {
    /// When each was taken is in a table that was compared with the operations.
    fn di(c: &Connection, log: &Meta) -> Esito<Self> {
        let nome = origine_accessi(&log.info.origine);
        let mut s = c.prepare("SELECT istante FROM chiave_log WHERE log = ? AND vkey = ?")?;
        let mut noi = Self { tutte: Vec::new(), dal: Vec::new() };
        for k in &log.chiavi {
            let dal = s.query_row(params![log.log, k.to_string()], |r| r.get(0)).optional()?;
            if let (Ok(k), Some(dal)) = (k.con_nome(&nome), dal) {
                noi.tutte.push(k);
                noi.dal.push(Istante(dal));
            }
        }
        Ok(noi)
    }

    /// The key in force when the last access of a head happened must have signed it, or one taken since: an older one,
    /// stolen or retired, vouches for nothing new.
    fn controlla(&self, nota: &Nota, istante: Istante) -> Result<(), &'static str> {
        // An access of the very instant at which a key was taken came before it.
        let in_vigore = self.dal.iter().position(|dal| *dal < istante).unwrap_or(self.tutte.len().saturating_sub(1));
        let firmata = self
            .tutte
            .iter()
            .take(in_vigore + 1)
            .any(|k| nota.firme.iter().any(|f| f.identificativo == k.identificativo()));
        if firmata { Ok(()) } else { Err("solo di una chiave non più in uso") }
    }
}

/// What a note on the access log commits to.
fn impegno(tabella: &'static str, chiave: String, cp: &Checkpoint) -> Result<Impegno, &'static str> {
    let [istante] = cp.estensioni.as_slice() else { return Err("manca l'istante dell'ultimo accesso") };
    let istante = Istante::leggi(istante)?;
    Ok(Impegno { tabella, chiave, n: cp.dimensione, hash: cp.radice, istante })
}

/// Every head that was signed, with the log pruned up to a row. What does not hold is a difference.
///
/// A good signature on the last head vouches for the whole chain below it, and one on the last head that was pruned for
/// all that was; there is one head for each minute of work, and to check every signature would say nothing more.
///
/// # Errors
/// SQLite's.
pub fn impegni(c: &Connection, log: &Meta, ancore: &[Ancora], potati: u64, d: &mut Differenze) -> Esito<Vec<Impegno>> {
    let (chiavi, origine) = (Chiavi::di(c, log)?, origine_accessi(&log.info.origine));
    let mut out = Vec::new();
    let mut s = c.prepare(
        "SELECT dimensione, istante, nota, dimensione IN ((SELECT max(dimensione) FROM testa_accessi),
           (SELECT coalesce(max(dimensione), 0) FROM testa_accessi WHERE dimensione <= ?)) FROM testa_accessi ORDER BY dimensione",
    )?;
    let mut r = s.query([i64::try_from(potati).unwrap_or(i64::MAX)])?;
    while let Some(x) = r.next()? {
        let (n, quando, nota): (i64, i64, String) = (x.get(0)?, x.get(1)?, x.get(2)?);
        let aperta = match x.get::<_, bool>(3)? {
            true => apri_nota(&nota, &chiavi.tutte).map(|a| (a.testo.clone(), Some(a))),
            false => catena::nota::dividi(&nota).map(|(testo, _)| (testo.to_owned(), None)),
        };
        let letta = aperta.map_err(|e| e.to_string()).and_then(|(testo, aperta)| {
            let cp = Checkpoint::leggi(&testo).map_err(|e| e.to_string())?;
            Ok((impegno("testa_accessi", n.to_string(), &cp)?, cp, aperta))
        });
        let k = n.to_string();
        match letta {
            Ok((i, cp, aperta)) if i.n == n.unsigned_abs() && cp.origine == origine => {
                d.se_diversi("testa_accessi", &k, "istante", &i.istante.0.to_string(), &quando.to_string());
                match aperta.map_or(Ok(()), |a| chiavi.controlla(&a, i.istante)) {
                    Ok(()) => out.push(i),
                    Err(e) => d.nuova("testa_accessi", &k, "firma", "della chiave in uso allora", e),
                }
            }
            Ok((_, cp, _)) => {
                let trovato = format!("{}/{}", cp.origine, cp.dimensione);
                d.nuova("testa_accessi", &k, "nota", &format!("{origine}/{n}"), &trovato);
            }
            Err(e) => d.nuova("testa_accessi", &k, "nota", "firmata da una chiave del registro", &e),
        }
    }
    for a in ancore.iter().filter(|a| a.checkpoint.origine == origine) {
        let Some(aperta) = a.firmata(&chiavi.tutte, d) else { continue };
        match impegno("ancora", a.chiave(), &a.checkpoint).map(|i| (chiavi.controlla(&aperta, i.istante), i)) {
            Ok((Ok(()), i)) => out.push(i),
            Ok((Err(e), _)) => d.nuova("ancora", &a.chiave(), "firma", "della chiave in uso allora", e),
            Err(e) => d.nuova("ancora", &a.chiave(), "istante", "quello dell'ultimo accesso", e),
        }
    }
    Ok(out)
}
