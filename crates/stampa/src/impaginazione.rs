//! The flow of blocks down the pages.
//!
//! The same walk is done more than once: to measure a frame, to count the pages, to print. Only the last makes
//! strokes and structure, so that the first two cost no memory.

use std::ops::Range;

use krilla::Document;
use krilla::tagging::ArtifactType;
use krilla::text::Font;

use crate::carattere::{Caratteri, Volto};
use crate::composizione::{Colore, Stile, Testo, componi};
use crate::documento::{Brano, Cornice, Documento, Foglio};
use crate::errore::Errore;
use crate::foglio::{Legame, Tratto, Zona, scrivi};
use crate::penna::{Dove, Penna, Scrive};
use crate::struttura::{Ruolo, Struttura};

pub(crate) const BLU: Colore = (0, 0x66, 0xCC);
pub(crate) const INCHIOSTRO: Colore = (0x17, 0x32, 0x4D);
pub(crate) const NERO: Colore = (0x1A, 0x1A, 0x1A);
pub(crate) const GRIGIO: Colore = (0x47, 0x55, 0x61);
pub(crate) const FILO: Colore = (0xD5, 0xDB, 0xE1);

const MARGINE: f32 = 56.7;
pub(crate) const ALTO: f32 = 62.0;
const BASSO: f32 = 68.0;

pub(crate) const fn stile(corpo: f32, interlinea: f32, colore: Colore, volto: Volto) -> Stile {
    Stile { corpo, interlinea, colore, volto }
}
const ENTE: Stile = stile(14.0, 18.0, BLU, Volto::Grassetto);
const RIGA_ENTE: Stile = stile(9.5, 13.0, GRIGIO, Volto::Regolare);
const TITOLO: Stile = stile(21.0, 26.0, INCHIOSTRO, Volto::Grassetto);
const PIEDE: Stile = stile(7.5, 10.0, GRIGIO, Volto::Regolare);

/// Why the walk is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Modo {
    /// How tall are these blocks? The page has no end.
    Misura,
    /// How many pages?
    Conta,
    /// Print, knowing how many pages there are.
    Stampa { pagine: usize },
}

/// The column text flows in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Colonna {
    pub x: f32,
    pub largo: f32,
    /// Node of the structure things go under.
    pub padre: Option<u32>,
}

/// A frame not finished yet, whose ground is drawn when its height on this page is known.
pub(crate) struct CorniceAperta {
    pub(crate) cornice: Cornice,
    pub(crate) colonna: Colonna,
    pub(crate) y: f32,
    pub(crate) posto: usize,
}

/// A heading, for the outline.
pub(crate) struct Capitolo {
    pub livello: u8,
    pub testo: String,
    pub pagina: usize,
    pub y: f32,
}

/// Text of a row of cells, being printed perhaps over many pages.
pub(crate) struct Cella {
    pub testo: Testo,
    pub x: f32,
    pub largo: f32,
    pub destra: bool,
    pub nodo: u32,
    /// Lines already printed.
    pub fatte: usize,
}

pub(crate) struct Impaginazione<'a, 'd> {
    pub(crate) caratteri: &'a Caratteri,
    pub(crate) documento: &'a Documento<'d>,
    pub(crate) modo: Modo,
    pub(crate) largo: f32,
    pub(crate) alto: f32,
    pub(crate) pdf: Option<(Document, Vec<Font>)>,
    /// Pages finished.
    pub(crate) pagina: usize,
    pub(crate) y: f32,
    /// Where this page or frame begins.
    pub(crate) cima: f32,
    /// Space to leave before the next block.
    pub(crate) attesa: f32,
    pub(crate) tratti: Vec<Tratto>,
    pub(crate) legami: Vec<Legame>,
    pub(crate) struttura: Struttura,
    pub(crate) cornici: Vec<CorniceAperta>,
    pub(crate) profondo: usize,
    pub(crate) capitoli: Vec<Capitolo>,
    pub(crate) ultimo_livello: u8,
}

impl<'a, 'd> Impaginazione<'a, 'd> {
    pub(crate) fn nuova(documento: &'a Documento<'d>, caratteri: &'a Caratteri, modo: Modo) -> Self {
        let (largo, alto) = match documento.foglio {
            Foglio::Verticale => (595.28, 841.89),
            Foglio::Orizzontale => (841.89, 595.28),
        };
        Self {
            caratteri,
            documento,
            modo,
            largo,
            alto,
            pdf: None,
            pagina: 0,
            y: ALTO,
            cima: ALTO,
            attesa: 0.0,
            tratti: Vec::new(),
            legami: Vec::new(),
            struttura: Struttura::default(),
            cornici: Vec::new(),
            profondo: 0,
            capitoli: Vec::new(),
            ultimo_livello: 1,
        }
    }

    /// How many pages the document takes.
    pub(crate) fn conta(documento: &'a Documento<'d>, caratteri: &'a Caratteri) -> Result<usize, Errore> {
        let mut giro = Self::nuova(documento, caratteri, Modo::Conta);
        giro.tutto()?;
        Ok(giro.pagina)
    }

    /// Writes the pages on the PDF. Gives it back with the structure and the headings.
    pub(crate) fn stampa(
        documento: &'a Documento<'d>,
        caratteri: &'a Caratteri,
        pdf: Document,
        pagine: usize,
    ) -> Result<(Document, Struttura, Vec<Capitolo>), Errore> {
        let mut giro = Self::nuova(documento, caratteri, Modo::Stampa { pagine });
        giro.pdf = Some((pdf, Caratteri::per_krilla()?));
        giro.tutto()?;
        if giro.pagina != pagine {
            return Err(Errore::RigheDiverse { prima: pagine, poi: giro.pagina });
        }
        let (pdf, _) = giro.pdf.take().ok_or(Errore::Scrittura("no document".into()))?;
        Ok((pdf, giro.struttura, giro.capitoli))
    }

    fn tutto(&mut self) -> Result<(), Errore> {
        let documento = self.documento;
        let colonna = Colonna { x: MARGINE, largo: self.largo - 2.0 * MARGINE, padre: None };
        self.testata(colonna);
        self.titolo(colonna, 1, &documento.titolo, TITOLO, (0.0, 12.0));
        self.blocchi(&documento.blocchi, colonna)?;
        self.caratteri_mancanti(colonna);
        self.chiudi_pagina();
        Ok(())
    }

    /// True when strokes and structure are wanted.
    pub(crate) fn stampando(&self) -> bool {
        matches!(self.modo, Modo::Stampa { .. })
    }

    pub(crate) fn misurando(&self) -> bool {
        self.modo == Modo::Misura
    }

    /// Height of a page that text may fill.
    pub(crate) fn corpo_pagina(&self) -> f32 {
        self.alto - ALTO - BASSO
    }

    /// What is left of this page.
    pub(crate) fn resta(&self) -> f32 {
        if self.misurando() { f32::MAX } else { self.alto - BASSO - self.y }
    }

    /// Goes to a new page if less than this is left, and there is anything to gain.
    pub(crate) fn serve(&mut self, alto: f32) {
        if self.resta() < alto && self.y > ALTO + 1.0 {
            self.nuova_pagina();
        }
    }

    /// Asks for space before whatever comes next: of two requests the larger counts.
    pub(crate) fn spazio(&mut self, alto: f32) {
        self.attesa = self.attesa.max(alto);
    }

    /// Leaves the space asked for. At the head of a page or of a frame it would not be seen.
    pub(crate) fn scendi(&mut self) {
        if self.y > self.cima + 0.1 {
            self.y += self.attesa.min(self.resta().max(0.0));
        }
        self.attesa = 0.0;
    }

    pub(crate) fn nodo(&mut self, padre: Option<u32>, ruolo: Ruolo) -> u32 {
        if self.stampando() { self.struttura.nodo(padre, ruolo) } else { 0 }
    }

    pub(crate) fn decoro(&mut self, zona: Zona, colore: Colore) {
        if self.stampando() {
            self.tratti.push(Tratto::Decoro(zona, colore));
        }
    }

    // ---- pages

    pub(crate) fn nuova_pagina(&mut self) {
        if self.misurando() {
            return;
        }
        for i in 0..self.cornici.len() {
            self.fondo(i);
        }
        self.chiudi_pagina();
        self.y = ALTO;
        self.cima = ALTO;
        self.attesa = 0.0;
        self.testatina();
        for i in 0..self.cornici.len() {
            self.cornici[i].y = ALTO - 4.0;
            self.cornici[i].posto = self.posto();
        }
    }

    fn chiudi_pagina(&mut self) {
        self.piede();
        self.pagina += 1;
        let tratti = std::mem::take(&mut self.tratti);
        let legami = std::mem::take(&mut self.legami);
        if let Some((pdf, caratteri)) = &mut self.pdf {
            scrivi(pdf, caratteri, (self.largo, self.alto), tratti, legami, &mut self.struttura);
        }
    }

    fn piede(&mut self) {
        let Modo::Stampa { pagine } = self.modo else { return };
        let largo = self.largo - 2.0 * MARGINE;
        let y = self.alto - BASSO + 22.0;
        self.decoro(Zona { x: MARGINE, y, largo, alto: 0.5 }, FILO);
        let numero = Brano::piano(format!("Pagina {} di {pagine}", self.pagina + 1));
        let mut numero = componi(self.caratteri, &[numero], PIEDE, largo);
        let stretto = numero.larghezza();
        self.artificio(&mut numero, (MARGINE + largo - stretto, y + 5.0), 1, ArtifactType::Footer);
        let mut testo = componi(self.caratteri, &[self.documento.piede.as_str().into()], PIEDE, largo - stretto - 24.0);
        self.artificio(&mut testo, (MARGINE, y + 5.0), 2, ArtifactType::Footer);
    }

    /// The small head of the pages after the first.
    fn testatina(&mut self) {
        if !self.stampando() {
            return;
        }
        let largo = self.largo - 2.0 * MARGINE;
        let documento = self.documento;
        let y = ALTO - 30.0;
        let mut ente = componi(self.caratteri, &[documento.intestazione.ente.as_str().into()], PIEDE, largo * 0.45);
        let mut titolo = componi(self.caratteri, &[documento.titolo.as_str().into()], PIEDE, largo * 0.45);
        self.artificio(&mut ente, (MARGINE, y), 1, ArtifactType::Header);
        let destra = titolo.righe.first().map_or(0.0, |r| r.larghezza);
        self.artificio(&mut titolo, (MARGINE + largo - destra, y), 1, ArtifactType::Header);
        self.decoro(Zona { x: MARGINE, y: y + 12.0, largo, alto: 0.5 }, FILO);
    }

    /// The head of the first page, which is part of the contents.
    fn testata(&mut self, colonna: Colonna) {
        let intestazione = &self.documento.intestazione;
        self.y = ALTO - 18.0;
        self.testo(&[intestazione.ente.as_str().into()], colonna, ENTE);
        self.testo(&[intestazione.riga.as_str().into()], colonna, RIGA_ENTE);
        self.y += 5.0;
        self.decoro(Zona { x: colonna.x, y: self.y, largo: colonna.largo, alto: 1.2 }, BLU);
        self.y += 22.0;
    }

    // ---- strokes

    pub(crate) fn tratto(&mut self, tratto: Tratto) {
        if self.stampando() {
            self.tratti.push(tratto);
        }
    }

    /// Prints lines of a text under a node.
    pub(crate) fn righe(&mut self, testo: &mut Testo, quali: Range<usize>, dove: Dove, nodo: u32) {
        if !self.stampando() {
            return;
        }
        if testo.vuoto() && quali.start == 0 {
            // An empty cell is a cell all the same.
            let foglia = self.struttura.foglia(nodo);
            self.tratti.extend([Tratto::Apri(foglia), Tratto::Chiudi]);
            return;
        }
        let scrive = Scrive::Contenuto(&mut self.struttura, &mut self.legami, nodo);
        Penna::nuova(self.caratteri, &mut self.tratti, scrive, testo).righe(quali, dove);
    }

    /// Prints at most `quante` lines of a text that is not part of the contents.
    fn artificio(&mut self, testo: &mut Testo, (x, y): (f32, f32), quante: usize, tipo: ArtifactType) {
        if !self.stampando() || testo.vuoto() {
            return;
        }
        self.tratti.push(Tratto::Artificio(tipo));
        let quali = 0..testo.righe.len().min(quante);
        Penna::nuova(self.caratteri, &mut self.tratti, Scrive::Artificio, testo)
            .righe(quali, Dove { x, y, largo: 0.0, destra: false });
        self.tratti.push(Tratto::Chiudi);
    }

    /// Headings of a table on the pages after the first, where they are only a help to the eye.
    pub(crate) fn ripeti(&mut self, testo: &mut Testo, dove: Dove) {
        if !self.stampando() || testo.vuoto() {
            return;
        }
        self.tratti.push(Tratto::Artificio(ArtifactType::PaginationOther));
        let quali = 0..testo.righe.len();
        Penna::nuova(self.caratteri, &mut self.tratti, Scrive::Artificio, testo).righe(quali, dove);
        self.tratti.push(Tratto::Chiudi);
    }
}
