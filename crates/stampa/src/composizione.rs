//! Lines: spans broken into words, words set into lines of a width.

use std::rc::Rc;

use unicode_segmentation::UnicodeSegmentation;

use crate::carattere::{Caratteri, Forma, Volto, pulisci};
use crate::documento::Brano;

/// Red, green, blue.
pub(crate) type Colore = (u8, u8, u8);

/// How text is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stile {
    /// Size in points.
    pub corpo: f32,
    /// From one base line to the next, in points.
    pub interlinea: f32,
    pub colore: Colore,
    /// The font of spans that ask for nothing.
    pub volto: Volto,
}

impl Stile {
    /// From the top of a line to its base line.
    pub(crate) fn base(&self) -> f32 {
        (self.interlinea - self.corpo) / 2.0 + self.corpo * 0.82
    }
}

/// What a span becomes.
#[derive(Debug)]
pub(crate) struct Veste {
    pub volto: Volto,
    pub barrato: bool,
    pub sottolineato: bool,
    pub grassetto: bool,
    pub corsivo: bool,
    pub fisso: bool,
    pub url: Option<String>,
}

/// Part of a word, all of one span.
#[derive(Debug)]
pub(crate) struct Pezzo {
    pub forme: Rc<[Forma]>,
    /// Which span.
    pub brano: usize,
    /// In points.
    pub larghezza: f32,
    /// Width of the space before it, 0 inside a word or at the start of a line.
    pub spazio: f32,
}

#[derive(Debug, Default)]
pub(crate) struct Riga {
    pub pezzi: Vec<Pezzo>,
    /// In points.
    pub larghezza: f32,
    /// The next line goes on after a space, which is written for who copies the text.
    pub spazio_dopo: bool,
}

/// Text set into lines.
#[derive(Debug)]
pub(crate) struct Testo {
    pub righe: Vec<Riga>,
    pub vesti: Vec<Veste>,
    pub stile: Stile,
    /// Nodes of the structure of each span that needs its own: the innermost and the outermost. Filled by the pen.
    pub nodi: Vec<Option<(u32, u32)>>,
}

impl Testo {
    pub(crate) fn altezza(&self) -> f32 {
        self.righe.len() as f32 * self.stile.interlinea
    }

    pub(crate) fn larghezza(&self) -> f32 {
        self.righe.iter().map(|r| r.larghezza).fold(0.0, f32::max)
    }

    pub(crate) fn vuoto(&self) -> bool {
        self.righe.iter().all(|r| r.pezzi.is_empty())
    }
}

fn veste(brano: &Brano, stile: &Stile) -> Veste {
    let volto = match (brano.fisso, brano.grassetto, brano.corsivo, stile.volto) {
        (true, ..) => Volto::Fisso,
        (_, _, _, Volto::Grassetto) => Volto::Grassetto,
        (_, true, ..) => Volto::Semigrassetto,
        (_, _, true, Volto::Regolare) => Volto::Corsivo,
        (.., volto) => volto,
    };
    Veste {
        volto,
        barrato: brano.barrato,
        sottolineato: brano.sottolineato,
        grassetto: brano.grassetto,
        corsivo: brano.corsivo,
        fisso: brano.fisso,
        url: brano.url.as_deref().and_then(indirizzo),
    }
}

/// An address that may be a link: of a known kind, in ASCII, not endless.
fn indirizzo(url: &str) -> Option<String> {
    let minuscolo = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    if url.len() > 2000 || !["https://", "http://", "mailto:"].iter().any(|s| minuscolo.starts_with(s)) {
        return None;
    }
    let mut pulito = String::with_capacity(url.len());
    for b in url.bytes() {
        if b.is_ascii_graphic() && !matches!(b, b'<' | b'>' | b'"' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}') {
            pulito.push(char::from(b));
        } else {
            pulito.push_str(&format!("%{b:02X}"));
        }
    }
    Some(pulito)
}

/// Sets spans into lines at most `largo` points wide. There is always a line, perhaps empty.
pub(crate) fn componi(caratteri: &Caratteri, brani: &[Brano], stile: Stile, largo: f32) -> Testo {
    let vesti: Vec<Veste> = brani.iter().map(|b| veste(b, &stile)).collect();
    let puliti: Vec<String> = brani.iter().map(|b| pulisci(&b.testo)).collect();
    let mut banco = Banco {
        caratteri,
        corpo: stile.corpo,
        largo: largo.max(stile.corpo),
        vesti: &vesti,
        righe: Vec::new(),
        riga: Riga::default(),
        spazio: None,
        parola: Vec::new(),
    };
    for (i, testo) in puliti.iter().enumerate() {
        for (n, capo) in testo.split('\n').enumerate() {
            if n > 0 {
                banco.a_capo();
            }
            for (m, parola) in capo.split(' ').enumerate() {
                if m > 0 {
                    banco.finisci_parola();
                    banco.spazio = Some(i);
                }
                if !parola.is_empty() {
                    banco.parola.push((i, parola));
                }
            }
        }
    }
    banco.finisci_parola();
    banco.chiudi_riga(false);
    let righe = banco.righe;
    let nodi = vec![None; vesti.len()];
    Testo { righe, vesti, stile, nodi }
}

/// Runs of glyphs and their width in points.
type Misurato = (Rc<[Forma]>, f32);

/// Where lines are being set.
struct Banco<'a> {
    caratteri: &'a Caratteri,
    corpo: f32,
    largo: f32,
    vesti: &'a [Veste],
    righe: Vec<Riga>,
    riga: Riga,
    /// The span of the space seen before the word being read.
    spazio: Option<usize>,
    /// The word being read: a piece per span.
    parola: Vec<(usize, &'a str)>,
}

impl<'a> Banco<'a> {
    fn chiudi_riga(&mut self, spazio_dopo: bool) {
        let riga = std::mem::take(&mut self.riga);
        self.righe.push(Riga { spazio_dopo, ..riga });
    }

    fn a_capo(&mut self) {
        self.finisci_parola();
        self.spazio = None;
        self.chiudi_riga(true);
    }

    fn misura(&self, brano: usize, testo: &str) -> Misurato {
        let forme = self.caratteri.parola(self.vesti[brano].volto, testo);
        let larghezza = forme.iter().map(|f| f.avanzo).sum::<f32>() * self.corpo;
        (forme, larghezza)
    }

    fn finisci_parola(&mut self) {
        let parola = std::mem::take(&mut self.parola);
        if parola.is_empty() {
            return;
        }
        let spazio = match self.spazio.take() {
            Some(brano) if !self.riga.pezzi.is_empty() => {
                let volto = self.vesti[brano].volto;
                self.caratteri.spazio(volto).avanzo * volto.scala() * self.corpo
            }
            _ => 0.0,
        };
        let misurati: Vec<_> = parola.iter().map(|(i, t)| (*i, self.misura(*i, t))).collect();
        let larghezza: f32 = misurati.iter().map(|(_, (_, l))| l).sum();
        if self.riga.larghezza + spazio + larghezza <= self.largo {
            self.accoda(misurati, spazio);
        } else {
            if !self.riga.pezzi.is_empty() {
                self.chiudi_riga(true);
            }
            if larghezza <= self.largo {
                self.accoda(misurati, 0.0);
            } else {
                self.spezza(&parola);
            }
        }
    }

    fn accoda(&mut self, misurati: Vec<(usize, Misurato)>, mut spazio: f32) {
        for (brano, (forme, larghezza)) in misurati {
            self.riga.larghezza += spazio + larghezza;
            self.riga.pezzi.push(Pezzo { forme, brano, larghezza, spazio });
            spazio = 0.0;
        }
    }

    /// A word wider than the line is cut where it may be, better after a mark than inside a name.
    fn spezza(&mut self, parola: &[(usize, &str)]) {
        for (brano, testo) in parola {
            let mut inizio = 0;
            let mut ultimo_segno = 0;
            let mut larghezza = 0.0;
            let mut dal_segno = 0.0;
            for (dove, grafema) in testo.grapheme_indices(true) {
                let passo = self.misura(*brano, grafema).1;
                if self.riga.larghezza + larghezza + passo > self.largo && dove > inizio {
                    let buono = ultimo_segno > inizio && dal_segno < self.largo * 0.35;
                    let taglio = if buono { ultimo_segno } else { dove };
                    self.metti(*brano, &testo[inizio..taglio]);
                    self.chiudi_riga(false);
                    larghezza = if buono { dal_segno } else { 0.0 };
                    inizio = taglio;
                } else if self.riga.larghezza + larghezza + passo > self.largo && !self.riga.pezzi.is_empty() {
                    self.chiudi_riga(false);
                }
                larghezza += passo;
                dal_segno += passo;
                if matches!(grafema, "/" | "-" | "_" | "." | "?" | "&" | "=" | "@" | ":" | ";" | ",") {
                    ultimo_segno = dove + grafema.len();
                    dal_segno = 0.0;
                }
            }
            self.metti(*brano, &testo[inizio..]);
        }
    }

    fn metti(&mut self, brano: usize, testo: &str) {
        if !testo.is_empty() {
            let misurato = self.misura(brano, testo);
            self.accoda(vec![(brano, misurato)], 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Stile, Testo, componi, indirizzo};
    use crate::carattere::{Caratteri, Volto};
    use crate::documento::Brano;

    const STILE: Stile = Stile { corpo: 10.0, interlinea: 14.0, colore: (0, 0, 0), volto: Volto::Regolare };

    fn righe(testo: &Testo) -> Vec<String> {
        let mut righe = Vec::new();
        for riga in &testo.righe {
            let mut parole = String::new();
            for pezzo in &riga.pezzi {
                if pezzo.spazio > 0.0 {
                    parole.push(' ');
                }
                pezzo.forme.iter().for_each(|f| parole.push_str(&f.testo));
            }
            righe.push(parole);
        }
        righe
    }

    #[test]
    fn lines_break_between_words_and_never_pass_the_margin() {
        let caratteri = Caratteri::carica().unwrap();
        let testo = componi(&caratteri, &["Richiesta di accesso civico generalizzato".into()], STILE, 90.0);
        assert_eq!(righe(&testo), ["Richiesta di accesso", "civico generalizzato"]);
        assert!(testo.larghezza() <= 90.0);
    }

    #[test]
    fn a_long_word_is_cut_after_a_mark_or_anywhere() {
        let caratteri = Caratteri::carica().unwrap();
        let lunga = "a".repeat(100);
        let testo = componi(&caratteri, &[lunga.as_str().into()], STILE, 90.0);
        assert_eq!(righe(&testo).concat(), lunga);
        assert!(testo.larghezza() <= 90.0 && testo.righe.len() > 3);
        let url = componi(&caratteri, &["https://comune.example.it/protocollo/ricevuta".into()], STILE, 90.0);
        assert_eq!(righe(&url).concat(), "https://comune.example.it/protocollo/ricevuta");
        assert!(righe(&url)[0].ends_with(['/', '.']), "{:?}", righe(&url));
    }

    #[test]
    fn spans_of_one_word_stay_together() {
        let caratteri = Caratteri::carica().unwrap();
        let brani = [Brano::piano("numero "), Brano::grassetto("42"), Brano::piano(", del")];
        assert_eq!(righe(&componi(&caratteri, &brani, STILE, 500.0)), ["numero 42, del"]);
    }

    #[test]
    fn only_plain_addresses_become_links() {
        assert_eq!(indirizzo("https://è.it/a b").as_deref(), Some("https://%C3%A8.it/a%20b"));
        assert_eq!(indirizzo("javascript:alert(1)"), None);
        assert_eq!(indirizzo("è"), None);
    }
}
