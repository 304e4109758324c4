//! The bundled fonts: which one has a character, and how wide a word is.
//!
//! Text enters as written and leaves as [`Forma`]s, runs of glyphs of one font. A character that no font has leaves
//! as the glyph of the replacement sign with the original as its text, so that the export never fails and nothing is
//! lost to who copies or hears it.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Face, ShapePlan, UnicodeBuffer};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_segmentation::UnicodeSegmentation;

use crate::errore::Errore;

/// A font of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Volto {
    Regolare,
    Semigrassetto,
    Grassetto,
    Corsivo,
    Fisso,
    /// What has the characters the others lack.
    Riserva,
}

const VOLTI: usize = 6;
const DATI: [(&str, &[u8]); VOLTI] = [
    ("Titillium Web", include_bytes!("../caratteri/TitilliumWeb-Regular.ttf")),
    ("Titillium Web SemiBold", include_bytes!("../caratteri/TitilliumWeb-SemiBold.ttf")),
    ("Titillium Web Bold", include_bytes!("../caratteri/TitilliumWeb-Bold.ttf")),
    ("Titillium Web Italic", include_bytes!("../caratteri/TitilliumWeb-Italic.ttf")),
    ("Roboto Mono", include_bytes!("../caratteri/RobotoMono-Regular.ttf")),
    ("DejaVu Sans", include_bytes!("../caratteri/DejaVuSans.ttf")),
];

impl Volto {
    /// The others are larger to the eye than Titillium at the same size.
    pub(crate) fn scala(self) -> f32 {
        match self {
            Volto::Fisso => 0.9,
            Volto::Riserva => 0.88,
            _ => 1.0,
        }
    }
}

/// A run of glyphs of one font and direction. Measures are in ems of the text, whatever the font's scale.
#[derive(Debug)]
pub(crate) struct Forma {
    pub volto: Volto,
    /// Normalised to the em of the font: to be drawn at the size of the text times [`Volto::scala`].
    pub glifi: Vec<KrillaGlyph>,
    pub testo: String,
    pub avanzo: f32,
    pub da_destra: bool,
}

/// A space glyph of a font.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spazio {
    pub glifo: u32,
    /// In ems of the font.
    pub avanzo: f32,
}

type Forme = Rc<[Forma]>;
/// Words remembered; then all are forgotten, so that memory does not grow with the document.
const PAROLE_MAX: usize = 20_000;
/// Longer words are not worth remembering.
const PAROLA_MAX: usize = 64;
/// Unprintable characters listed in the note at the end.
const MANCANTI_MAX: usize = 60;

pub(crate) struct Caratteri {
    facce: Vec<Face<'static>>,
    spazi: [Spazio; VOLTI],
    piani: RefCell<HashMap<(Volto, bool, rustybuzz::Script), Rc<ShapePlan>>>,
    parole: RefCell<[HashMap<Box<str>, Forme>; VOLTI]>,
    mancanti: RefCell<BTreeSet<u32>>,
}

impl Caratteri {
    pub(crate) fn carica() -> Result<Self, Errore> {
        let mut facce = Vec::with_capacity(VOLTI);
        let mut spazi = [Spazio { glifo: 0, avanzo: 0.25 }; VOLTI];
        for (i, (nome, dati)) in DATI.iter().enumerate() {
            let faccia = Face::from_slice(dati, 0).ok_or(Errore::Carattere(nome))?;
            let glifo = faccia.glyph_index(' ').ok_or(Errore::Carattere(nome))?;
            let avanzo = f32::from(faccia.glyph_hor_advance(glifo).unwrap_or(0)) / faccia.units_per_em() as f32;
            spazi[i] = Spazio { glifo: u32::from(glifo.0), avanzo };
            facce.push(faccia);
        }
        Ok(Self { facce, spazi, piani: RefCell::default(), parole: RefCell::default(), mancanti: RefCell::default() })
    }

    /// The fonts as the PDF writer wants them.
    pub(crate) fn per_krilla() -> Result<Vec<Font>, Errore> {
        DATI.iter().map(|(nome, dati)| Font::new((*dati).into(), 0).ok_or(Errore::Carattere(nome))).collect()
    }

    pub(crate) fn spazio(&self, volto: Volto) -> Spazio {
        self.spazi[volto as usize]
    }

    /// Codes of the characters replaced so far, and whether there were more than are listed.
    pub(crate) fn mancanti(&self) -> (Vec<u32>, bool) {
        let mancanti = self.mancanti.borrow();
        (mancanti.iter().copied().take(MANCANTI_MAX).collect(), mancanti.len() > MANCANTI_MAX)
    }

    /// A word without spaces, cleaned by [`pulisci`], in the font wanted and the ones that help it.
    pub(crate) fn parola(&self, volto: Volto, parola: &str) -> Forme {
        if let Some(nota) = self.parole.borrow()[volto as usize].get(parola) {
            return nota.clone();
        }
        let forme: Forme = self.forma(volto, parola).into();
        if parola.len() <= PAROLA_MAX {
            let note = &mut self.parole.borrow_mut()[volto as usize];
            if note.len() >= PAROLE_MAX {
                note.clear();
            }
            note.insert(parola.into(), forme.clone());
        }
        forme
    }

    fn forma(&self, volto: Volto, parola: &str) -> Vec<Forma> {
        let mut forme = Vec::new();
        let mut corsa = String::new();
        let mut di = (volto, false);
        for grafema in parola.graphemes(true) {
            let visibile: String = grafema.chars().filter(|c| !ignorabile(*c)).collect();
            if visibile.is_empty() {
                continue;
            }
            let da_destra = visibile.chars().next().is_some_and(da_destra);
            match self.chi_ha(volto, &visibile) {
                Some(chi) => {
                    if (chi, da_destra) != di && !corsa.is_empty() {
                        self.chiudi(di, &mut corsa, &mut forme);
                    }
                    di = (chi, da_destra);
                    corsa.push_str(&visibile);
                }
                None => {
                    self.chiudi(di, &mut corsa, &mut forme);
                    forme.push(self.sostituto(grafema));
                }
            }
        }
        self.chiudi(di, &mut corsa, &mut forme);
        forme
    }

    fn chi_ha(&self, volto: Volto, grafema: &str) -> Option<Volto> {
        let ha = |v: &Volto| {
            grafema
                .chars()
                .all(|c| !innominabile(c) && self.facce[*v as usize].glyph_index(c).is_some_and(|g| g.0 != 0))
        };
        [volto, Volto::Regolare, Volto::Riserva].into_iter().find(ha)
    }

    fn chiudi(&self, (volto, da_destra): (Volto, bool), corsa: &mut String, forme: &mut Vec<Forma>) {
        if corsa.is_empty() {
            return;
        }
        let testo = std::mem::take(corsa);
        match self.modella(volto, da_destra, testo) {
            Ok(forma) => forme.push(forma),
            // The shaper found no glyph where the font said it had one.
            Err(testo) => forme.extend(testo.graphemes(true).map(|g| self.sostituto(g))),
        }
    }

    fn modella(&self, volto: Volto, da_destra: bool, testo: String) -> Result<Forma, String> {
        let faccia = &self.facce[volto as usize];
        let mut tavola = UnicodeBuffer::new();
        tavola.push_str(&testo);
        tavola.guess_segment_properties();
        let direzione = if da_destra { Direction::RightToLeft } else { Direction::LeftToRight };
        tavola.set_direction(direzione);
        let scrittura = tavola.script();
        let piano = self
            .piani
            .borrow_mut()
            .entry((volto, da_destra, scrittura))
            .or_insert_with(|| Rc::new(ShapePlan::new(faccia, direzione, Some(scrittura), None, &[])))
            .clone();
        let uscita = rustybuzz::shape_with_plan(faccia, &piano, tavola);
        let em = faccia.units_per_em() as f32;
        let mut inizi: Vec<usize> = uscita.glyph_infos().iter().map(|i| i.cluster as usize).collect();
        inizi.sort_unstable();
        inizi.dedup();
        let fine = |inizio: usize| inizi.get(inizi.partition_point(|i| *i <= inizio)).copied().unwrap_or(testo.len());
        let mut avanzo = 0.0;
        let mut glifi = Vec::with_capacity(uscita.len());
        for (chi, dove) in uscita.glyph_infos().iter().zip(uscita.glyph_positions()) {
            if chi.glyph_id == 0 {
                return Err(testo);
            }
            let inizio = chi.cluster as usize;
            let passo = dove.x_advance as f32 / em;
            avanzo += passo;
            glifi.push(KrillaGlyph::new(
                GlyphId::new(chi.glyph_id),
                passo,
                dove.x_offset as f32 / em,
                dove.y_offset as f32 / em,
                0.0,
                inizio..fine(inizio),
                None,
            ));
        }
        Ok(Forma { volto, glifi, testo, avanzo: avanzo * volto.scala(), da_destra })
    }

    fn sostituto(&self, grafema: &str) -> Forma {
        self.mancanti.borrow_mut().extend(grafema.chars().filter(|c| !ignorabile(*c)).map(u32::from));
        let sta_per = if grafema.chars().any(innominabile) {
            grafema.chars().map(|c| codice(u32::from(c))).collect::<Vec<_>>().join(" ")
        } else {
            grafema.to_owned()
        };
        // The glyph is of the sign, the text is the original: that is what is copied, searched and heard.
        let segno = ["\u{FFFD}", "?"].into_iter().find_map(|segno| {
            let volto = self.chi_ha(Volto::Riserva, segno)?;
            self.modella(volto, false, segno.into()).ok()
        });
        let mut forma = segno.unwrap_or(Forma {
            volto: Volto::Riserva,
            glifi: Vec::new(),
            testo: String::new(),
            avanzo: 0.0,
            da_destra: false,
        });
        forma.glifi.iter_mut().for_each(|g| g.text_range = 0..sta_per.len());
        forma.testo = sta_per;
        forma
    }
}

/// `U+6F22`, as the note at the end writes it.
pub(crate) fn codice(c: u32) -> String {
    format!("U+{c:04X}")
}

/// Accents composed, white space made plain, marks that turn the direction of text away removed. What is left are line
/// feeds, spaces, no-break spaces and characters to be drawn or replaced.
pub(crate) fn pulisci(testo: &str) -> String {
    if testo.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        return testo.to_owned();
    }
    let mut pulito = String::with_capacity(testo.len());
    let mut prima = '\0';
    let mut metti = |c: char| {
        match c {
            '\n' if prima == '\r' => {}
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => pulito.push('\n'),
            '\u{a0}' | '\u{2007}' | '\u{202f}' => pulito.push('\u{a0}'),
            // Also the vertical tab and the form feed.
            c if c.is_whitespace() => pulito.push(' '),
            '\u{ad}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => {}
            '\u{61c}' | '\u{feff}' => {}
            c => pulito.push(c),
        }
        prima = c;
    };
    if is_nfc(testo) {
        testo.chars().for_each(&mut metti);
    } else {
        testo.nfc().for_each(&mut metti);
    }
    pulito
}

/// Text for metadata and titles: one line, only what XML and PDF strings admit, at most `max` characters.
pub(crate) fn per_metadati(testo: &str, max: usize) -> String {
    let pulito = pulisci(testo);
    let parole: Vec<String> = pulito
        .split(['\n', ' '])
        .filter(|p| !p.is_empty())
        .map(|p| p.chars().map(|c| if innominabile(c) { '\u{FFFD}' } else { c }).collect())
        .collect();
    parole.join(" ").chars().take(max).collect()
}

/// Has no mark of its own, only changes what is around it.
fn ignorabile(c: char) -> bool {
    matches!(c,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// Cannot stand as text in a PDF/A: controls, private use, what is not a character.
fn innominabile(c: char) -> bool {
    let n = u32::from(c);
    c.is_control()
        || matches!(n, 0xE000..=0xF8FF | 0xF0000..=0x10FFFF | 0xFDD0..=0xFDEF | 0xFFF0..=0xFFFB)
        || n & 0xFFFE == 0xFFFE
}

/// Read from the right: Hebrew, Arabic and their neighbours, but not their digits.
fn da_destra(c: char) -> bool {
    matches!(u32::from(c), 0x590..=0x65F | 0x66D..=0x6EF | 0x6FA..=0x8FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFC
        | 0x10800..=0x10FFF | 0x1E800..=0x1EFFF)
}

#[cfg(test)]
mod tests {
    use super::{Caratteri, Volto, per_metadati, pulisci};

    #[test]
    fn accents_are_composed_and_white_space_is_plain() {
        assert_eq!(pulisci("perche\u{301}\tno\r\nsì"), "perché no\nsì");
        assert_eq!(pulisci("a\u{202e}b\u{200b}c"), "abc");
        assert_eq!(per_metadati(" a\n\u{0} b ", 10), "a \u{FFFD} b");
    }

    #[test]
    fn a_character_is_taken_from_the_first_font_that_has_it() {
        let caratteri = Caratteri::carica().unwrap();
        let di = |testo: &str| caratteri.parola(Volto::Regolare, testo).iter().map(|f| f.volto).collect::<Vec<_>>();
        assert_eq!(di("Città"), [Volto::Regolare]);
        assert_eq!(di("Ж→"), [Volto::Riserva]);
        assert_eq!(di("aЖb"), [Volto::Regolare, Volto::Riserva, Volto::Regolare]);
        assert!(caratteri.mancanti().0.is_empty());
    }

    #[test]
    fn what_no_font_has_is_replaced_and_remembered() {
        let caratteri = Caratteri::carica().unwrap();
        let forme = caratteri.parola(Volto::Regolare, "a漢👨‍👩‍👧\u{0}");
        let testi: Vec<_> = forme.iter().map(|f| (f.testo.as_str(), f.glifi.len())).collect();
        assert_eq!(testi, [("a", 1), ("漢", 1), ("👨‍👩‍👧", 1), ("U+0000", 1)]);
        assert_eq!(caratteri.mancanti().0, [0, 0x6F22, 0x1F467, 0x1F468, 0x1F469]);
    }

    #[test]
    fn digits_are_all_of_one_width() {
        let caratteri = Caratteri::carica().unwrap();
        for volto in [Volto::Regolare, Volto::Semigrassetto, Volto::Grassetto, Volto::Fisso] {
            let larghezze: Vec<f32> = ('0'..='9').map(|c| caratteri.parola(volto, &c.to_string())[0].avanzo).collect();
            assert!(larghezze.iter().all(|l| *l == larghezze[0]), "{volto:?} {larghezze:?}");
        }
    }
}
