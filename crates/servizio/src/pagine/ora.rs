//! Dates and hours as people type and read them: always those of Europe/Rome.

use dominio::tempo::{Giorno, Istante, roma};

/// A day typed in a form: `2026-11-23` (what browsers send) or `23/11/2026` (what people type).
///
/// # Errors
/// How to write it.
pub fn giorno(testo: &str) -> Result<Giorno, &'static str> {
    const FORMA: &str = "la data va scritta come 23/11/2026";
    let t = testo.trim();
    if let Ok(g) = t.parse::<Giorno>() {
        return Ok(g);
    }
    let mut p = t.split(['/', '.', '-']).map(str::trim);
    let (Some(g), Some(m), Some(a), None) = (p.next(), p.next(), p.next(), p.next()) else { return Err(FORMA) };
    if a.len() != 4 {
        return Err(FORMA);
    }
    match (a.parse(), m.parse(), g.parse()) {
        (Ok(a), Ok(m), Ok(g)) => Giorno::new(a, m, g).map_err(|_| "la data non esiste"),
        _ => Err(FORMA),
    }
}

/// A day and an hour typed in a form. An hour that the clock skips is the one after it; one that it shows twice is
/// the first (R-F08).
///
/// # Errors
/// How to write them.
pub fn istante(data: &str, ora: &str) -> Result<Istante, &'static str> {
    const FORMA: &str = "l'ora va scritta come 9:12";
    let g = giorno(data)?;
    let (h, m) = ora.trim().split_once([':', '.']).ok_or(FORMA)?;
    let m = m.get(..2).unwrap_or(m);
    let (Ok(h), Ok(m)) = (h.trim().parse::<i8>(), m.parse::<i8>()) else { return Err(FORMA) };
    if !(0..24).contains(&h) || !(0..60).contains(&m) {
        return Err("l'ora va da 0:00 a 23:59");
    }
    g.at(h, m, 0, 0)
        .to_zoned_datetime(roma().clone())
        .map(|z| Istante::da_timestamp(z.timestamp()))
        .map_err(|_| "la data non esiste")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_browsers_write_days_in_their_own_way() {
        let g = Giorno::new(2026, 11, 23).unwrap();
        for t in ["2026-11-23", "23/11/2026", " 23.11.2026 ", "23-11-2026"] {
            assert_eq!(giorno(t).unwrap(), g, "{t}");
        }
        for t in ["", "ieri", "23/11", "31/02/2026", "23/11/26", "1/2/3/2026"] {
            assert!(giorno(t).is_err(), "{t}");
        }
    }

    #[test]
    fn hours_are_those_of_rome() {
        // R-F08: winter, summer, the hour that is skipped and the one that comes twice.
        let leggi = |t: &str| Istante::leggi(t).unwrap();
        assert_eq!(istante("2026-11-23", "9:12").unwrap(), leggi("2026-11-23T09:12:00+01:00"));
        assert_eq!(istante("2026-07-23", "09.12").unwrap(), leggi("2026-07-23T09:12:00+02:00"));
        assert_eq!(istante("2026-07-23", "09:12:30").unwrap(), leggi("2026-07-23T09:12:00+02:00"));
        assert_eq!(istante("2026-03-29", "02:30").unwrap(), leggi("2026-03-29T03:30:00+02:00"));
        assert_eq!(istante("2026-10-25", "02:30").unwrap(), leggi("2026-10-25T02:30:00+02:00"));
        for t in ["", "9", "24:00", "9:60", "nove e dieci", "-1:10"] {
            assert!(istante("2026-11-23", t).is_err(), "{t}");
        }
    }
}
