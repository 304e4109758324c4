//! What witnesses said of the logs kept here, and what this installation said of the logs of others: each line is checked
//! again (R-B13). A cosignature holds with the key it names; that the key is of a witness one trusts, who asks must know.

use catena::nota::{dividi, firme};
use catena::{Checkpoint, Testimone};
use rusqlite::{Connection, params};

use super::super::testimoni::istante;
use super::esito::Differenze;
use crate::store::Esito;

/// Cosignatures of the sizes past `da`, up to `a`; says how many.
///
/// # Errors
/// SQLite's.
pub fn cofirme(c: &Connection, log: i64, origine: &str, da: i64, a: i64, d: &mut Differenze) -> Esito<u64> {
    let mut s = c.prepare_cached(
        "SELECT f.dimensione, f.testimone, f.istante, f.riga, c.nota
         FROM cofirma f LEFT JOIN checkpoint c ON c.log = f.log AND c.dimensione = f.dimensione
         WHERE f.log = ? AND f.dimensione > ? AND f.dimensione <= ? ORDER BY f.dimensione",
    )?;
    let mut r = s.query(params![log, da, a])?;
    let mut viste = 0;
    while let Some(x) = r.next()? {
        viste += 1;
        let (dimensione, vkey, quando): (i64, String, i64) = (x.get(0)?, x.get(1)?, x.get(2)?);
        let (riga, nota): (String, Option<String>) = (x.get(3)?, x.get(4)?);
        let k = format!("{origine}/{dimensione} {}", vkey.split('+').next().unwrap_or_default());
        let testimone: Testimone = match vkey.parse() {
            Ok(t) => t,
            Err(e) => {
                d.nuova("cofirma", &k, "testimone", "la chiave di un testimone", &format!("{vkey}: {e}"));
                continue;
            }
        };
        let Some(nota) = nota else {
            d.nuova("cofirma", &k, "dimensione", "un checkpoint firmato", "nessuno");
            continue;
        };
        // A checkpoint that does not read is a difference of its own.
        let testo = dividi(&nota).map_or(nota.as_str(), |(t, _)| t);
        let sua = firme(&riga).and_then(|f| match f.as_slice() {
            [sola] => testimone.controlla(testo, sola),
            _ => Err(catena::ErroreNota::Forma("più righe di firma")),
        });
        match sua {
            Ok(secondi) => d.se_diversi("cofirma", &k, "istante", &istante(secondi).0.to_string(), &quando.to_string()),
            Err(e) => {
                d.nuova("cofirma", &k, "riga", "una cofirma valida di questo checkpoint", &format!("{e}: {riga}"))
            }
        }
    }
    Ok(viste)
}

/// The installation as a witness: what it keeps of each log watched bears its own cosignature; says how many.
///
/// # Errors
/// SQLite's.
pub fn osservati(c: &Connection, d: &mut Differenze) -> Esito<u64> {
    let mut chiavi: Vec<Testimone> = Vec::new();
    for k in c.prepare("SELECT vkey FROM chiave_testimone")?.query_map([], |r| r.get::<_, String>(0))? {
        let k = k?;
        match k.parse() {
            Ok(t) => chiavi.push(t),
            Err(e) => d.nuova("chiave_testimone", "", "vkey", "la chiave di un testimone", &format!("{k}: {e}")),
        }
    }
    let mut s = c.prepare("SELECT origine, dimensione, istante, nota FROM osservato ORDER BY origine")?;
    let mut r = s.query([])?;
    let mut visti = 0;
    while let Some(x) = r.next()? {
        visti += 1;
        let (origine, dimensione, quando): (String, i64, i64) = (x.get(0)?, x.get(1)?, x.get(2)?);
        let nota: String = x.get(3)?;
        let letta = dividi(&nota).map_err(|e| e.to_string()).and_then(|(testo, firme)| {
            let cp = Checkpoint::leggi(testo).map_err(|e| e.to_string())?;
            let nostra = chiavi.iter().find_map(|k| k.tra(testo, &firme).ok());
            Ok((cp, nostra.map(|n| n.1).ok_or("manca la cofirma di questa installazione")?))
        });
        match letta {
            Err(e) => d.nuova("osservato", &origine, "nota", "un checkpoint cofirmato qui", &e),
            Ok((cp, secondi)) => {
                d.se_diversi("osservato", &origine, "origine", &cp.origine, &origine);
                d.se_diversi("osservato", &origine, "dimensione", &cp.dimensione.to_string(), &dimensione.to_string());
                let intero = quando.div_euclid(1_000_000).to_string();
                d.se_diversi("osservato", &origine, "istante", &secondi.to_string(), &intero);
            }
        }
    }
    Ok(visti)
}
