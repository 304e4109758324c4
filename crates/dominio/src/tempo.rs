//! Instants and civil days. The register's time is i64 microseconds UTC; its days and years are those
//! of Europe/Rome (R-A21, R-A30, R-F08).

use std::fmt;
use std::sync::OnceLock;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, ZonedDateTime};
use serde::{Deserialize, Serialize};

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Istante(pub i64);

/// A civil date of Europe/Rome.
pub type Giorno = jiff::civil::Date;

/// Europe/Rome, from the database inside the binary.
///
/// # Panics
/// Never: the database is compiled in, and a test asks for the zone.
pub fn roma() -> &'static TimeZone {
    static ROMA: OnceLock<TimeZone> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "the zone is compiled in")]
    ROMA.get_or_init(|| TimeZone::get("Europe/Rome").expect("Europe/Rome is bundled"))
}

impl Istante {
    /// From a timestamp, cut to the microsecond.
    pub fn da_timestamp(t: Timestamp) -> Self {
        Self(t.as_microsecond())
    }

    /// Reads RFC 3339 with an offset.
    ///
    /// # Errors
    /// A message for people.
    pub fn leggi(testo: &str) -> Result<Self, &'static str> {
        testo
            .parse::<Timestamp>()
            .map(Self::da_timestamp)
            .map_err(|_| "data e ora vanno scritte come 2026-11-23T09:12:00+01:00")
    }

    fn timestamp(self) -> Timestamp {
        Timestamp::from_microsecond(self.0).unwrap_or(Timestamp::MAX)
    }

    /// The same instant on the clock of Rome.
    pub fn a_roma(self) -> ZonedDateTime {
        self.timestamp().to_zoned_datetime(roma().clone())
    }

    /// The civil day it falls in.
    pub fn giorno(self) -> Giorno {
        self.a_roma().date()
    }

    /// The solar year it falls in (R-A06).
    pub fn anno(self) -> i32 {
        i32::from(self.a_roma().year())
    }

    /// RFC 3339 in UTC with six decimals: the form of operations.
    pub fn utc(self) -> String {
        format!("{:.6}", self.timestamp())
    }

    /// RFC 3339 with the offset of Rome and six decimals: the form of answers.
    pub fn con_offset(self) -> String {
        self.a_roma().strftime("%Y-%m-%dT%H:%M:%S%.6f%:z").to_string()
    }

    /// `23 novembre 2026, ore 9:12:05`, on the clock of Rome.
    pub fn in_parole(self) -> String {
        let z = self.a_roma();
        format!("{}, ore {}:{:02}:{:02}", in_parole(z.date()), z.hour(), z.minute(), z.second())
    }

    /// First instant of a civil day of Rome.
    pub fn inizio(giorno: Giorno) -> Self {
        giorno.to_zoned_datetime(roma().clone()).map(|z| Self::da_timestamp(z.timestamp())).unwrap_or_default()
    }

    /// The instant `secondi` later (or earlier, if negative).
    pub fn piu_secondi(self, secondi: i64) -> Self {
        Self(self.0.saturating_add(secondi.saturating_mul(1_000_000)))
    }
}

impl fmt::Display for Istante {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.con_offset())
    }
}

impl Serialize for Istante {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.utc())
    }
}

impl<'de> Deserialize<'de> for Istante {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let s = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        Self::leggi(&s).map_err(serde::de::Error::custom)
    }
}

/// The year of instants that mostly fall in the same year: one comparison instead of a zone look-up.
#[derive(Debug, Clone, Copy, Default)]
pub struct AnnoCorrente {
    anno: i32,
    da: i64,
    a: i64,
}

impl AnnoCorrente {
    /// The solar year of `t` in Rome.
    pub fn anno(&mut self, t: Istante) -> i32 {
        if !(self.da..self.a).contains(&t.0) || self.a == 0 {
            self.anno = t.anno();
            let capo = |anno: i32| {
                i16::try_from(anno)
                    .ok()
                    .and_then(|a| Giorno::new(a, 1, 1).ok())
                    .map_or(i64::MAX, |g| Istante::inizio(g).0)
            };
            self.da = capo(self.anno);
            self.a = capo(self.anno + 1);
        }
        self.anno
    }
}

const MESI: [&str; 12] = [
    "gennaio",
    "febbraio",
    "marzo",
    "aprile",
    "maggio",
    "giugno",
    "luglio",
    "agosto",
    "settembre",
    "ottobre",
    "novembre",
    "dicembre",
];

/// `23 novembre 2026`.
pub fn in_parole(g: Giorno) -> String {
    let mese = usize::try_from(g.month()).ok().and_then(|m| MESI.get(m - 1)).copied().unwrap_or_default();
    format!("{} {mese} {}", g.day(), g.year())
}

/// The civil day `n` days later; the last one there is, past the end of the calendar.
pub fn piu_giorni(giorno: Giorno, n: i64) -> Giorno {
    giorno.checked_add(n.days()).unwrap_or(Giorno::MAX)
}

/// The day after.
pub fn domani(giorno: Giorno) -> Giorno {
    giorno.checked_add(1.day()).unwrap_or(giorno)
}

/// Where the time comes from: injected everywhere, so that tests own it.
pub trait Orologio: Send + Sync {
    /// Wall clock, UTC.
    fn adesso(&self) -> Istante;
    /// Microseconds on a clock that never steps, from an arbitrary start.
    fn monotono(&self) -> i64;
    /// Which run of the machine [`Self::monotono`] counts in; `None` when that is not known, so that no two readings of
    /// different processes compare.
    fn avvio(&self) -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn midnight_of_new_year_is_rome_s_not_utc_s() {
        // R-A30: 23:00Z of 31 December is already the new year in Rome.
        assert_eq!(Istante::leggi("2026-12-31T22:59:59.999999Z").unwrap().anno(), 2026);
        assert_eq!(Istante::leggi("2026-12-31T23:00:00Z").unwrap().anno(), 2027);
    }

    #[test]
    fn the_day_of_twenty_five_hours_is_one_day() {
        // R-F08 and trap 40: 25 October 2026 has 02:30 twice; both are the same civil day.
        let g = Giorno::new(2026, 10, 25).unwrap();
        let ore = (Istante::inizio(domani(g)).0 - Istante::inizio(g).0) / 3_600_000_000;
        assert_eq!(ore, 25);
        let a = Istante::leggi("2026-10-25T02:30:00+02:00").unwrap();
        let b = Istante::leggi("2026-10-25T02:30:00+01:00").unwrap();
        assert!(a < b && a.giorno() == g && b.giorno() == g);
        assert_eq!(a.con_offset(), "2026-10-25T02:30:00.000000+02:00");
        assert_eq!(b.con_offset(), "2026-10-25T02:30:00.000000+01:00");
    }

    proptest! {
        #[test]
        fn the_cached_year_is_the_year(ts in proptest::collection::vec(-2_000_000_000_000_000i64..8_000_000_000_000_000, 1..20)) {
            let mut c = AnnoCorrente::default();
            for t in ts {
                prop_assert_eq!(c.anno(Istante(t)), Istante(t).anno());
            }
        }

        #[test]
        fn text_of_an_instant_reads_back(t in -2_000_000_000_000_000i64..8_000_000_000_000_000) {
            prop_assert_eq!(Istante::leggi(&Istante(t).utc()).unwrap(), Istante(t));
            prop_assert_eq!(Istante::leggi(&Istante(t).con_offset()).unwrap(), Istante(t));
        }
    }
}
