//! Differences as they are gathered.

use crate::store::Discordanza;

/// Most differences listed one by one; a ruined archive is known as such before.
pub const DIFFERENZE_MAX: usize = 1_000;
/// Most characters of a value that is shown.
const TESTO_MAX: usize = 600;

/// A list of differences that does not grow without end.
#[derive(Debug, Default)]
pub struct Differenze(pub Vec<Discordanza>);

impl Differenze {
    /// One more.
    pub fn nuova(&mut self, tabella: &str, chiave: &str, campo: &str, atteso: &str, trovato: &str) {
        if self.0.len() < DIFFERENZE_MAX {
            self.0.push(Discordanza {
                tabella: tabella.to_owned(),
                chiave: chiave.to_owned(),
                campo: campo.to_owned(),
                atteso: corto(atteso),
                trovato: corto(trovato),
            });
        }
    }

    /// One more, when the two are not the same.
    pub fn se_diversi(&mut self, tabella: &str, chiave: &str, campo: &str, atteso: &str, trovato: &str) {
        if atteso != trovato {
            self.nuova(tabella, chiave, campo, atteso, trovato);
        }
    }

    /// Those of another list.
    pub fn unisci(&mut self, altre: Vec<Discordanza>) {
        let posti = DIFFERENZE_MAX.saturating_sub(self.0.len());
        self.0.extend(altre.into_iter().take(posti));
    }
}

fn corto(t: &str) -> String {
    match t.char_indices().nth(TESTO_MAX) {
        Some((fine, _)) => format!("{}…", &t[..fine]),
        None => t.to_owned(),
    }
}
