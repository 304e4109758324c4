//! Where an AOO wants its stamp, on copies of documents (R-C16): a choice of its own, kept like the rest of the configuration.

use serde::{Deserialize, Serialize};

use crate::errori::Validatore;

/// Nearer to the edge most printers do not print; farther in it would be in the text.
pub const MARGINE_MM: std::ops::RangeInclusive<u8> = 3..=50;

/// A corner of the page as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Angolo {
    /// Top right.
    AltoDestra,
    /// Top left.
    AltoSinistra,
    /// Bottom right.
    BassoDestra,
    /// Bottom left.
    BassoSinistra,
}

impl Angolo {
    /// `alto-destra`.
    pub fn codice(self) -> &'static str {
        match self {
            Self::AltoDestra => "alto-destra",
            Self::AltoSinistra => "alto-sinistra",
            Self::BassoDestra => "basso-destra",
            Self::BassoSinistra => "basso-sinistra",
        }
    }
}

/// Where the stamp goes, unless who asks for the copy says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PosizioneTimbro {
    /// Which corner of the first page.
    pub angolo: Angolo,
    /// From both sides of that corner, millimetres.
    pub margine_mm: u8,
}

impl PosizioneTimbro {
    /// Where it is for who chose nothing.
    pub const PREDEFINITA: Self = Self { angolo: Angolo::AltoDestra, margine_mm: 7 };

    pub(crate) fn validata(self, v: &mut Validatore) -> Self {
        if !MARGINE_MM.contains(&self.margine_mm) {
            v.errore("margineMm", format!("va da {} a {} millimetri", MARGINE_MM.start(), MARGINE_MM.end()));
        }
        self
    }
}
