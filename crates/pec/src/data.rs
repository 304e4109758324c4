//! An instant with the zone it was written in: what a provider attests is in its own hour (R-E04).

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde::{Serialize, Serializer};

/// Date and hour, with zone. Shown as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data {
    /// When.
    pub istante: Timestamp,
    /// Difference from UTC, as written.
    pub zona: Offset,
}

impl Data {
    /// Of the three pieces of `daticert.xml`: `gg/mm/aaaa`, `hh:mm:ss`, `[+|-]hhmm`.
    pub fn da_daticert(giorno: &str, ora: &str, zona: &str) -> Option<Self> {
        let zona = self::zona(zona)?;
        let quando = format!("{} {}", giorno.trim(), ora.trim());
        let quando = DateTime::strptime("%d/%m/%Y %H:%M:%S", quando).ok()?;
        Some(Self { istante: zona.to_timestamp(quando).ok()?, zona })
    }

    /// The civil day and hour.
    pub fn civile(&self) -> DateTime {
        self.zona.to_datetime(self.istante)
    }

    /// `[+|-]hhmm`.
    pub fn zona_daticert(&self) -> String {
        let minuti = self.zona.seconds() / 60;
        let segno = if minuti < 0 { '-' } else { '+' };
        format!("{segno}{:02}{:02}", minuti.abs() / 60, minuti.abs() % 60)
    }
}

fn zona(testo: &str) -> Option<Offset> {
    let testo = testo.trim();
    let cifre = testo.strip_prefix(['+', '-'])?;
    if cifre.len() != 4 || !cifre.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (ore, minuti): (i32, i32) = (cifre[..2].parse().ok()?, cifre[2..].parse().ok()?);
    let secondi = ore * 3600 + minuti * 60;
    Offset::from_seconds(if testo.starts_with('-') { -secondi } else { secondi }).ok()
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.istante.display_with_offset(self.zona))
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R-E04: the zone is honoured.
    #[test]
    fn the_zone_of_daticert_is_honoured() {
        let d = Data::da_daticert("15/11/2024", " 18:20:38", "+0100").unwrap();
        assert_eq!(d.to_string(), "2024-11-15T18:20:38+01:00");
        assert_eq!(d.istante.to_string(), "2024-11-15T17:20:38Z");
        assert_eq!(d.zona_daticert(), "+0100");
        let d = Data::da_daticert("01/01/2024", "00:10:00", "-0330").unwrap();
        assert_eq!((d.istante.to_string().as_str(), d.zona_daticert().as_str()), ("2024-01-01T03:40:00Z", "-0330"));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for (g, o, z) in [
            ("31/02/2024", "10:00:00", "+0100"),
            ("15/11/2024", "25:00:00", "+0100"),
            ("15/11/2024", "10:00:00", "CET"),
            ("15/11/2024", "10:00:00", ""),
            ("2024-11-15", "10:00:00", "+0100"),
            ("15/11/2024", "10:00:00", "+9999"),
        ] {
            assert_eq!(Data::da_daticert(g, o, z), None, "{g} {o} {z}");
        }
    }
}
