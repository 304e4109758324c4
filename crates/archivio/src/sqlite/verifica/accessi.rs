//! The signed heads of the access log: those kept with the operations log, and those kept elsewhere.

use catena::{Checkpoint, ChiavePubblica, apri_nota};
use dominio::tempo::Istante;
use rusqlite::Connection;

use super::super::depositi::origine_accessi;
use super::esito::Differenze;
use super::{Ancora, Meta};
use crate::accessi::Impegno;
use crate::store::Esito;

/// The keys of the ente's log under the name of its access log.
fn chiavi(log: &Meta) -> Vec<ChiavePubblica> {
    let nome = origine_accessi(&log.info.origine);
    log.chiavi.iter().filter_map(|k| k.con_nome(&nome).ok()).collect()
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
    let (chiavi, origine) = (chiavi(log), origine_accessi(&log.info.origine));
    let mut out = Vec::new();
    let mut s = c.prepare(
        "SELECT dimensione, nota, dimensione IN ((SELECT max(dimensione) FROM testa_accessi),
           (SELECT coalesce(max(dimensione), 0) FROM testa_accessi WHERE dimensione <= ?)) FROM testa_accessi ORDER BY dimensione",
    )?;
    let mut r = s.query([i64::try_from(potati).unwrap_or(i64::MAX)])?;
    while let Some(x) = r.next()? {
        let (n, nota): (i64, String) = (x.get(0)?, x.get(1)?);
        let testo = match x.get::<_, bool>(2)? {
            true => apri_nota(&nota, &chiavi).map(|a| a.testo),
            false => catena::nota::dividi(&nota).map(|(testo, _)| testo.to_owned()),
        };
        let letta = testo.map_err(|e| e.to_string()).and_then(|t| Checkpoint::leggi(&t).map_err(|e| e.to_string()));
        match letta.and_then(|cp| Ok((impegno("testa_accessi", n.to_string(), &cp)?, cp))) {
            Ok((i, cp)) if i.n == n.unsigned_abs() && cp.origine == origine => out.push(i),
            Ok((_, cp)) => {
                let trovato = format!("{}/{}", cp.origine, cp.dimensione);
                d.nuova("testa_accessi", &n.to_string(), "nota", &format!("{origine}/{n}"), &trovato);
            }
            Err(e) => d.nuova("testa_accessi", &n.to_string(), "nota", "firmata da una chiave del registro", &e),
        }
    }
    for a in ancore.iter().filter(|a| a.checkpoint.origine == origine) {
        if !a.firmata(&chiavi, d) {
            continue;
        }
        match impegno("ancora", a.chiave(), &a.checkpoint) {
            Ok(i) => out.push(i),
            Err(e) => d.nuova("ancora", &a.chiave(), "istante", "quello dell'ultimo accesso", e),
        }
    }
    Ok(out)
}
