//! Lines of text become strokes: glyphs joined into runs, spans into nodes of the structure, links into places to
//! click.

use std::ops::Range;

use krilla::text::{GlyphId, KrillaGlyph};

use crate::carattere::{Caratteri, Forma, Volto, per_metadati};
use crate::composizione::{Colore, Riga, Testo, Veste};
use crate::foglio::{Legame, Tratto, Zona};
use crate::impaginazione::BLU;
use crate::struttura::{Ruolo, Struttura};

/// Where lines go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dove {
    pub x: f32,
    pub y: f32,
    pub largo: f32,
    /// Leaning right.
    pub destra: bool,
}

/// Whether what is written is part of the contents.
pub(crate) enum Scrive<'p> {
    Contenuto(&'p mut Struttura, &'p mut Vec<Legame>, u32),
    Artificio,
}

/// Glyphs of one font on one line.
struct Corsa {
    x: f32,
    y: f32,
    fine: f32,
    volto: Volto,
    da_destra: bool,
    colore: Colore,
    glifi: Vec<KrillaGlyph>,
    testo: String,
}

/// A link being written.
struct LegameAperto {
    brano: usize,
    riga: usize,
    zone: Vec<Zona>,
}

pub(crate) struct Penna<'p> {
    caratteri: &'p Caratteri,
    tratti: &'p mut Vec<Tratto>,
    scrive: Scrive<'p>,
    testo: &'p mut Testo,
    /// The node whose leaf is open.
    aperto: Option<u32>,
    corsa: Option<Corsa>,
    legame: Option<LegameAperto>,
}

impl<'p> Penna<'p> {
    pub(crate) fn nuova(
        caratteri: &'p Caratteri,
        tratti: &'p mut Vec<Tratto>,
        scrive: Scrive<'p>,
        testo: &'p mut Testo,
    ) -> Self {
        Self { caratteri, tratti, scrive, testo, aperto: None, corsa: None, legame: None }
    }

    pub(crate) fn righe(mut self, quali: Range<usize>, dove: Dove) {
        let righe = std::mem::take(&mut self.testo.righe);
        let stile = self.testo.stile;
        let mut y = dove.y + stile.base();
        for n in quali {
            let riga = &righe[n];
            let rientro = if dove.destra { (dove.largo - riga.larghezza).max(0.0) } else { 0.0 };
            self.riga(n, riga, dove.x + rientro, y);
            self.finisci_corsa();
            y += stile.interlinea;
        }
        self.chiudi();
        self.finisci_legame();
        self.testo.righe = righe;
    }

    fn riga(&mut self, numero: usize, riga: &Riga, x: f32, y: f32) {
        let corpo = self.testo.stile.corpo;
        for (indice, x) in posizioni(riga, x) {
            let pezzo = &riga.pezzi[indice];
            if pezzo.spazio > 0.0 && !self.spazio() {
                // What is before cannot take the space: it stands alone, before this word.
                self.apri(pezzo.brano);
                self.nuova_corsa(self.testo.vesti[pezzo.brano].volto, false, pezzo.brano, x - pezzo.spazio, y);
                self.spazio();
            }
            let mut forme: Vec<&Forma> = pezzo.forme.iter().collect();
            if forme.first().is_some_and(|f| f.da_destra) {
                forme.reverse();
            }
            let mut qui = x;
            for forma in forme {
                self.forma(forma, pezzo.brano, qui, y);
                qui += forma.avanzo * corpo;
            }
            self.finiture(pezzo.brano, numero, x - pezzo.spazio, x, qui, y);
        }
        if riga.spazio_dopo {
            self.spazio();
        }
    }

    fn forma(&mut self, forma: &Forma, brano: usize, x: f32, y: f32) {
        self.apri(brano);
        let continua = self
            .corsa
            .as_ref()
            .is_some_and(|c| c.volto == forma.volto && !c.da_destra && !forma.da_destra && (c.fine - x).abs() < 0.05);
        if !continua {
            self.nuova_corsa(forma.volto, forma.da_destra, brano, x, y);
        }
        self.aggiungi(forma);
    }

    /// Adds a space to the run, if there is one that takes it.
    fn spazio(&mut self) -> bool {
        let Some(corsa) = &mut self.corsa else { return false };
        if corsa.da_destra {
            return false;
        }
        let spazio = self.caratteri.spazio(corsa.volto);
        let inizio = corsa.testo.len();
        corsa.testo.push(' ');
        let glifo = GlyphId::new(spazio.glifo);
        corsa.glifi.push(KrillaGlyph::new(glifo, spazio.avanzo, 0.0, 0.0, 0.0, inizio..inizio + 1, None));
        corsa.fine += spazio.avanzo * corsa.volto.scala() * self.testo.stile.corpo;
        true
    }

    fn aggiungi(&mut self, forma: &Forma) {
        let Some(corsa) = &mut self.corsa else { return };
        let inizio = corsa.testo.len();
        corsa.testo.push_str(&forma.testo);
        corsa.glifi.extend(forma.glifi.iter().map(|g| {
            let mut g = g.clone();
            g.text_range = g.text_range.start + inizio..g.text_range.end + inizio;
            g
        }));
        corsa.fine += forma.avanzo * self.testo.stile.corpo;
    }

    fn nuova_corsa(&mut self, volto: Volto, da_destra: bool, brano: usize, x: f32, y: f32) {
        self.finisci_corsa();
        let colore = if self.testo.vesti[brano].url.is_some() { BLU } else { self.testo.stile.colore };
        self.corsa = Some(Corsa { x, y, fine: x, volto, da_destra, colore, glifi: Vec::new(), testo: String::new() });
    }

    fn finisci_corsa(&mut self) {
        if let Some(Corsa { x, y, volto, colore, glifi, testo, .. }) = self.corsa.take()
            && !glifi.is_empty()
        {
            self.tratti.push(Tratto::Glifi { x, y, volto, corpo: self.testo.stile.corpo, colore, glifi, testo });
        }
    }

    // ---- structure

    /// The node of a span: of the text itself if the span is plain, else one of its own.
    fn nodo(&mut self, brano: usize) -> u32 {
        let Scrive::Contenuto(struttura, _, padre) = &mut self.scrive else { return 0 };
        if let Some((dentro, _)) = self.testo.nodi[brano] {
            return dentro;
        }
        let mut dentro = *padre;
        let mut fuori = None;
        for ruolo in ruoli(&self.testo.vesti[brano]) {
            dentro = struttura.nodo(Some(dentro), ruolo);
            fuori = fuori.or(Some(dentro));
        }
        self.testo.nodi[brano] = Some((dentro, fuori.unwrap_or(dentro)));
        dentro
    }

    fn apri(&mut self, brano: usize) {
        if matches!(self.scrive, Scrive::Artificio) {
            return;
        }
        let nodo = self.nodo(brano);
        if self.aperto != Some(nodo) {
            self.chiudi();
            self.apri_foglia(nodo);
        }
    }

    fn apri_foglia(&mut self, nodo: u32) {
        if let Scrive::Contenuto(struttura, ..) = &mut self.scrive {
            self.tratti.push(Tratto::Apri(struttura.foglia(nodo)));
            self.aperto = Some(nodo);
        }
    }

    fn chiudi(&mut self) {
        self.finisci_corsa();
        if self.aperto.take().is_some() {
            self.tratti.push(Tratto::Chiudi);
        }
    }

    /// Lines over and under what was just written, and where it may be clicked.
    fn finiture(&mut self, brano: usize, riga: usize, spazio: f32, x: f32, fine: f32, y: f32) {
        let veste = &self.testo.vesti[brano];
        let stile = self.testo.stile;
        let legato = veste.url.is_some();
        if !(veste.barrato || veste.sottolineato || legato) {
            return;
        }
        // The line goes on under the space between two words of the same span.
        let continua = self.testo.nodi[brano].is_some() && self.ultimo_decorato(brano, riga);
        let x = if continua { spazio } else { x };
        let colore = if legato { BLU } else { stile.colore };
        let mut fili = Vec::new();
        if veste.barrato {
            fili.push(y - 0.27 * stile.corpo);
        }
        if veste.sottolineato || legato {
            fili.push(y + 0.14 * stile.corpo);
        }
        for y in fili {
            let filo = Zona { x, y, largo: fine - x, alto: (stile.corpo * 0.055).max(0.5) };
            if self.aperto.is_some() || matches!(self.scrive, Scrive::Artificio) {
                self.tratti.push(Tratto::Rettangolo(filo, colore));
            } else {
                self.tratti.push(Tratto::Decoro(filo, colore));
            }
        }
        let zona = Zona { x, y: y - stile.corpo, largo: fine - x, alto: stile.interlinea };
        match &mut self.legame {
            Some(legame) if legame.brano == brano => {
                legame.zone.push(zona);
                legame.riga = riga;
            }
            _ => {
                self.finisci_legame();
                self.legame = Some(LegameAperto { brano, riga, zone: vec![zona] });
            }
        }
    }

    fn ultimo_decorato(&self, brano: usize, riga: usize) -> bool {
        self.legame.as_ref().is_some_and(|l| l.brano == brano && l.riga == riga)
    }

    fn finisci_legame(&mut self) {
        let Some(LegameAperto { brano, zone, .. }) = self.legame.take() else { return };
        let Scrive::Contenuto(struttura, legami, _) = &mut self.scrive else { return };
        let (Some(url), Some((_, fuori))) = (&self.testo.vesti[brano].url, self.testo.nodi[brano]) else { return };
        let foglia = struttura.foglia(fuori);
        legami.push(Legame { zone, url: url.clone(), testo: per_metadati(url, 1000), foglia });
    }
}

/// The nodes of a span, from the outside.
fn ruoli(veste: &Veste) -> Vec<Ruolo> {
    let mut ruoli = Vec::new();
    for (si, ruolo) in [
        (veste.url.is_some(), Ruolo::Collegamento),
        (veste.grassetto, Ruolo::Forte),
        (veste.corsivo, Ruolo::Enfasi),
        (veste.fisso, Ruolo::Codice),
        (veste.barrato, Ruolo::Barrato),
        (veste.sottolineato, Ruolo::Sottolineato),
    ] {
        if si {
            ruoli.push(ruolo);
        }
    }
    ruoli
}

/// Where each piece begins, in reading order. Neighbours written from the right go from the right.
fn posizioni(riga: &Riga, inizio: f32) -> Vec<(usize, f32)> {
    let da_destra = |i: usize| riga.pezzi[i].forme.first().is_some_and(|f| f.da_destra);
    let mut posizioni = Vec::with_capacity(riga.pezzi.len());
    let mut x = inizio;
    let mut i = 0;
    while i < riga.pezzi.len() {
        let mut j = i + 1;
        while da_destra(i) && j < riga.pezzi.len() && da_destra(j) {
            j += 1;
        }
        x += riga.pezzi[i].spazio;
        let largo: f32 = (i..j).map(|k| riga.pezzi[k].larghezza + if k > i { riga.pezzi[k].spazio } else { 0.0 }).sum();
        let mut fine = x + largo;
        for k in i..j {
            fine -= riga.pezzi[k].larghezza;
            posizioni.push((k, fine));
            fine -= riga.pezzi.get(k + 1).map_or(0.0, |p| p.spazio);
        }
        x += largo;
        i = j;
    }
    posizioni
}
