//! The blocks of a document, each down the column from where the last one ended.

use crate::carattere::{Volto, codice, per_metadati};
use crate::composizione::{Colore, Stile, Testo, componi};
use crate::documento::{Blocco, Brano, Cornice};
use crate::errore::Errore;
use crate::foglio::{Tratto, Zona};
use crate::impaginazione::{
    ALTO, BLU, Capitolo, Cella, Colonna, CorniceAperta, FILO, GRIGIO, INCHIOSTRO, Impaginazione, Modo, NERO, stile,
};
use crate::penna::Dove;
use crate::struttura::Ruolo;

const ROSSO: Colore = (0xB3, 0x26, 0x36);
/// Between the border of a frame and what is inside.
const ARIA_CORNICE: f32 = 12.0;
/// Deeper frames would leave no room for words.
const CORNICI_MAX: usize = 6;
const PARAGRAFO: Stile = stile(10.5, 15.0, NERO, Volto::Regolare);
const NOTA: Stile = stile(8.0, 11.0, GRIGIO, Volto::Regolare);
const ETICHETTA: Stile = stile(9.5, 15.0, GRIGIO, Volto::Regolare);

impl<'a, 'd> Impaginazione<'a, 'd> {
    pub(crate) fn blocchi(&mut self, blocchi: &'a [Blocco<'d>], colonna: Colonna) -> Result<(), Errore> {
        for blocco in blocchi {
            if self.misurando() && self.y > 2.0 * self.alto {
                // Taller than any page: how much more does not matter.
                break;
            }
            self.blocco(blocco, colonna)?;
        }
        Ok(())
    }

    fn blocco(&mut self, blocco: &'a Blocco<'d>, colonna: Colonna) -> Result<(), Errore> {
        match blocco {
            Blocco::Titolo(livello, testo) => {
                let livello = (*livello).clamp(2, 6).min(self.ultimo_livello + 1);
                let (stile, spazi) = match livello {
                    2 => (stile(14.5, 19.0, INCHIOSTRO, Volto::Grassetto), (14.0, 6.0)),
                    3 => (stile(12.0, 16.0, INCHIOSTRO, Volto::Semigrassetto), (10.0, 4.0)),
                    _ => (stile(10.5, 15.0, INCHIOSTRO, Volto::Semigrassetto), (8.0, 3.0)),
                };
                self.titolo(colonna, livello, testo, stile, spazi);
            }
            Blocco::Paragrafo(brani) => {
                self.testo(brani, colonna, PARAGRAFO);
                self.spazio(7.0);
            }
            Blocco::Nota(brani) => {
                self.testo(brani, colonna, NOTA);
                self.spazio(5.0);
            }
            Blocco::Collegamento { testo, url } => {
                self.testo(&[Brano::collegamento(testo, url)], colonna, PARAGRAFO);
                self.spazio(7.0);
            }
            Blocco::Rilievo(brani) => {
                let avviso = self.cornici.last().is_some_and(|c| c.cornice == Cornice::Avviso);
                let colore = if avviso { ROSSO } else { INCHIOSTRO };
                let mut grande = stile(28.0, 34.0, colore, Volto::Grassetto);
                let largo = componi(self.caratteri, brani, grande, f32::MAX).larghezza();
                if largo > colonna.largo {
                    let corpo = (grande.corpo * colonna.largo / largo * 0.999).max(15.0);
                    grande = stile(corpo, corpo * 1.22, colore, Volto::Grassetto);
                }
                self.testo(brani, colonna, grande);
                self.spazio(3.0);
            }
            Blocco::Fatti(fatti) => self.fatti(fatti, colonna),
            Blocco::Tabella(tabella) => self.tabella(tabella, colonna)?,
            Blocco::Riquadro(cornice, dentro) => self.riquadro(*cornice, dentro, colonna)?,
            Blocco::Qr(qr) => self.qr(qr, colonna)?,
            Blocco::Spazio(mm) => self.attesa += f32::from(*mm) * 72.0 / 25.4,
        }
        Ok(())
    }

    pub(crate) fn titolo(
        &mut self,
        colonna: Colonna,
        livello: u8,
        testo: &str,
        stile: Stile,
        (prima, dopo): (f32, f32),
    ) {
        let mut nome = per_metadati(testo, 300);
        if nome.is_empty() {
            if livello > 1 {
                return;
            }
            nome = crate::SENZA_TITOLO.to_owned();
        }
        let detto = if per_metadati(testo, 1).is_empty() { nome.as_str() } else { testo };
        let composto = componi(self.caratteri, &[detto.into()], stile, colonna.largo);
        self.spazio(prima);
        self.scendi();
        // A heading alone at the foot of a page is read as the end of what went before.
        self.serve(composto.altezza().min(self.corpo_pagina() / 2.0) + dopo + 45.0);
        self.ultimo_livello = livello;
        if self.stampando() {
            self.capitoli.push(Capitolo { livello, testo: nome.clone(), pagina: self.pagina, y: self.y });
        }
        let nodo = self.nodo(colonna.padre, Ruolo::Titolo(livello, nome.into()));
        self.scorri(composto, colonna, nodo);
        self.spazio(dopo);
    }

    /// A paragraph; nothing if there is nothing to read.
    pub(crate) fn testo(&mut self, brani: &[Brano], colonna: Colonna, stile: Stile) {
        let testo = componi(self.caratteri, brani, stile, colonna.largo);
        if testo.vuoto() {
            return;
        }
        self.scendi();
        let nodo = self.nodo(colonna.padre, Ruolo::Paragrafo);
        self.scorri(testo, colonna, nodo);
    }

    fn scorri(&mut self, mut testo: Testo, colonna: Colonna, nodo: u32) {
        let interlinea = testo.stile.interlinea;
        let tutte = testo.righe.len();
        let mut fatte = 0;
        while fatte < tutte {
            let stanno = ((self.resta() / interlinea).min(1e6) as usize).min(tutte - fatte);
            // Not one line alone before the turn of the page.
            if stanno < (tutte - fatte).min(2) && self.y > ALTO + 1.0 {
                self.nuova_pagina();
                continue;
            }
            let adesso = stanno.max(1);
            let dove = Dove { x: colonna.x, y: self.y, largo: colonna.largo, destra: false };
            self.righe(&mut testo, fatte..fatte + adesso, dove, nodo);
            self.y += adesso as f32 * interlinea;
            fatte += adesso;
        }
    }

    fn fatti(&mut self, fatti: &[(String, Vec<Brano>)], colonna: Colonna) {
        let composti: Vec<Testo> = fatti
            .iter()
            .map(|(etichetta, _)| {
                componi(self.caratteri, &[etichetta.as_str().into()], ETICHETTA, colonna.largo * 0.36)
            })
            .collect();
        let stretto = composti.iter().map(Testo::larghezza).fold(0.0, f32::max) + 16.0;
        self.scendi();
        let elenco = self.nodo(colonna.padre, Ruolo::Elenco);
        let quanti = fatti.len();
        for (i, (etichetta, (_, valore))) in composti.into_iter().zip(fatti).enumerate() {
            let valore = componi(self.caratteri, valore, PARAGRAFO, colonna.largo - stretto);
            let voce = self.nodo(Some(elenco), Ruolo::Voce);
            let celle =
                [(etichetta, Ruolo::Etichetta, 0.0, stretto), (valore, Ruolo::CorpoVoce, stretto, colonna.largo)];
            let mut celle: Vec<Cella> = celle
                .into_iter()
                .map(|(testo, ruolo, da, a)| {
                    let nodo = self.nodo(Some(voce), ruolo);
                    Cella { testo, x: colonna.x + da, largo: a - da, destra: false, nodo, fatte: 0 }
                })
                .collect();
            self.riga_di_celle(&mut celle, 3.0, |_| {});
            if i + 1 < quanti {
                self.decoro(Zona { x: colonna.x, y: self.y - 0.25, largo: colonna.largo, alto: 0.5 }, FILO);
            }
        }
        self.spazio(7.0);
    }

    /// Cells side by side, of one line height. A row that does not fit goes to the next page; one too tall for that
    /// goes on there. `a_capo` draws what must be at the head of each new page.
    pub(crate) fn riga_di_celle(&mut self, celle: &mut [Cella], aria: f32, a_capo: impl Fn(&mut Self)) {
        let interlinea = celle.iter().map(|c| c.testo.stile.interlinea).fold(1.0, f32::max);
        loop {
            let mancano = celle.iter().map(|c| c.testo.righe.len() - c.fatte).max().unwrap_or(0);
            let intera = mancano as f32 * interlinea + 2.0 * aria;
            let mut stanno = mancano;
            if intera > self.resta() {
                let in_testa = self.y <= ALTO + self.corpo_pagina() * 0.25;
                stanno = (((self.resta() - 2.0 * aria) / interlinea).max(0.0) as usize).min(mancano);
                if !in_testa && (intera < self.corpo_pagina() * 0.4 || stanno < 2) {
                    self.nuova_pagina();
                    a_capo(self);
                    continue;
                }
                stanno = stanno.max(1);
            }
            let y = self.y + aria;
            // Text of two sizes on one row stands on one base line.
            let base = celle.iter().map(|c| c.testo.stile.base()).fold(0.0, f32::max);
            for cella in celle.iter_mut() {
                let fine = (cella.fatte + stanno).min(cella.testo.righe.len());
                let y = y + base - cella.testo.stile.base();
                let dove = Dove { x: cella.x, y, largo: cella.largo, destra: cella.destra };
                self.righe(&mut cella.testo, cella.fatte..fine, dove, cella.nodo);
                cella.fatte = fine;
            }
            self.y = y + stanno as f32 * interlinea + aria;
            if stanno >= mancano {
                return;
            }
            self.nuova_pagina();
            a_capo(self);
        }
    }

    fn riquadro(&mut self, cornice: Cornice, dentro: &'a [Blocco<'d>], colonna: Colonna) -> Result<(), Errore> {
        if self.profondo >= CORNICI_MAX {
            return Err(Errore::TroppoAnnidato(CORNICI_MAX));
        }
        self.spazio(4.0);
        self.scendi();
        let aria = ARIA_CORNICE;
        let interna = Colonna { x: colonna.x + aria + 4.0, largo: colonna.largo - 2.0 * aria - 8.0, ..colonna };
        if !self.misurando() {
            let mut prova = Self::nuova(self.documento, self.caratteri, Modo::Misura);
            prova.ultimo_livello = self.ultimo_livello;
            prova.profondo = self.profondo + 1;
            prova.blocchi(dentro, interna)?;
            let alto = prova.y - ALTO + 2.0 * aria;
            self.serve(if alto <= self.corpo_pagina() { alto } else { 80.0 });
        }
        let nodo = self.nodo(colonna.padre, Ruolo::Divisione);
        let posto = self.posto();
        self.cornici.push(CorniceAperta { cornice, colonna, y: self.y, posto });
        self.profondo += 1;
        self.y += ARIA_CORNICE;
        self.cima = self.y;
        self.blocchi(dentro, Colonna { padre: Some(nodo), ..interna })?;
        // The last block's own space is not wanted above the border.
        self.attesa = 0.0;
        self.y += ARIA_CORNICE;
        self.profondo -= 1;
        self.fondo(self.cornici.len() - 1);
        self.cornici.pop();
        self.spazio(14.0);
        Ok(())
    }

    /// Keeps a place in the strokes of this page, before what comes next.
    pub(crate) fn posto(&mut self) -> usize {
        if self.stampando() {
            // One for the ground, four for the sides.
            self.tratti.extend((0..5).map(|_| Tratto::Nulla));
        }
        self.tratti.len().saturating_sub(5)
    }

    /// Draws the ground of an open frame, from where it began on this page to here.
    pub(crate) fn fondo(&mut self, quale: usize) {
        if !self.stampando() {
            return;
        }
        let CorniceAperta { cornice, colonna, y, posto } = self.cornici[quale];
        let (x, largo, alto) = (colonna.x, colonna.largo, (self.y - y).max(1.0));
        let tutta = Zona { x, y, largo, alto };
        let barra = Zona { largo: 4.0, ..tutta };
        let decori = match cornice {
            Cornice::Evidenza => vec![(tutta, (0xEE, 0xF5, 0xFC)), (barra, BLU)],
            Cornice::Avviso => vec![(tutta, (0xFC, 0xEC, 0xEE)), (barra, ROSSO)],
            Cornice::Sobria => {
                let filo = 0.7;
                vec![
                    (Zona { alto: filo, ..tutta }, FILO),
                    (Zona { y: y + alto - filo, alto: filo, ..tutta }, FILO),
                    (Zona { largo: filo, ..tutta }, FILO),
                    (Zona { x: x + largo - filo, largo: filo, ..tutta }, FILO),
                ]
            }
        };
        for (i, (zona, colore)) in decori.into_iter().enumerate() {
            self.tratti[posto + i] = Tratto::Decoro(zona, colore);
        }
    }

    /// Says which characters were replaced, so that who reads the paper can find them.
    pub(crate) fn caratteri_mancanti(&mut self, colonna: Colonna) {
        let (codici, altri) = self.caratteri.mancanti();
        let Some((ultimo, primi)) = codici.split_last() else { return };
        let mut elenco = primi.iter().map(|c| codice(*c)).collect::<Vec<_>>().join(", ");
        if !elenco.is_empty() {
            elenco.push_str(if altri { ", " } else { " e " });
        }
        elenco.push_str(&codice(*ultimo));
        let testo = match (codici.len(), altri) {
            (1, false) => format!("Carattere {elenco} non stampabile, sostituito da \u{FFFD}."),
            (_, false) => format!("Caratteri {elenco} non stampabili, sostituiti da \u{FFFD}."),
            (_, true) => format!("Caratteri {elenco} e altri non stampabili, sostituiti da \u{FFFD}."),
        };
        self.spazio(8.0);
        self.testo(&[testo.into()], colonna, NOTA);
    }
}
