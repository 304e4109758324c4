//! Tables: rows asked for one at a time, headings at the head of every page.

use crate::carattere::{Volto, per_metadati};
use crate::composizione::{Stile, Testo, componi};
use crate::documento::{Allineamento, Brano, COLONNE_MAX, Tabella};
use crate::errore::Errore;
use crate::foglio::Zona;
use crate::impaginazione::{BLU, Cella, Colonna, FILO, INCHIOSTRO, Impaginazione, NERO, stile};
use crate::penna::Dove;
use crate::struttura::Ruolo;

const TESTA: Stile = stile(8.5, 11.5, INCHIOSTRO, Volto::Semigrassetto);
const CELLA: Stile = stile(8.8, 12.0, NERO, Volto::Regolare);
/// Between the text of a cell and its neighbours.
const FIANCO: f32 = 4.0;
/// Between the text of a cell and the rows above and below.
const ARIA: f32 = 3.2;

/// Left, width and lean of the text of each column.
struct Posto {
    x: f32,
    largo: f32,
    destra: bool,
}

impl Impaginazione<'_, '_> {
    pub(crate) fn tabella(&mut self, tabella: &Tabella<'_>, colonna: Colonna) -> Result<(), Errore> {
        let quante = tabella.colonne.len();
        if quante == 0 || quante > COLONNE_MAX {
            return Err(Errore::Colonne(quante));
        }
        let posti = posti(tabella, colonna);
        let mut teste: Vec<Testo> = tabella
            .colonne
            .iter()
            .zip(&posti)
            .map(|(c, p)| componi(self.caratteri, &[Brano::piano(&c.intestazione)], TESTA, p.largo))
            .collect();
        // A heading that would fill the page is cut: the rows must have room.
        let righe_max = ((self.corpo_pagina() / 3.0) / TESTA.interlinea) as usize;
        teste.iter_mut().for_each(|t| t.righe.truncate(righe_max.max(1)));
        let alta = teste.iter().map(Testo::altezza).fold(0.0, f32::max) + 2.0 * ARIA;

        self.scendi();
        self.serve(alta + 3.0 * CELLA.interlinea);
        let nodo = self.nodo(colonna.padre, Ruolo::Tabella(per_metadati(&tabella.sommario, 500).into()));
        let testa = self.nodo(Some(nodo), Ruolo::TestaTabella);
        let riga_testa = self.nodo(Some(testa), Ruolo::RigaTabella);
        for (testo, posto) in teste.iter_mut().zip(&posti) {
            let cella = self.nodo(Some(riga_testa), Ruolo::CellaTesta);
            let dove = in_fondo(testo, posto, self.y, alta);
            let quali = 0..testo.righe.len();
            self.righe(testo, quali, dove, cella);
        }
        self.sotto_la_testa(alta, colonna);

        let teste = std::cell::RefCell::new(teste);
        let a_capo = |giro: &mut Self| {
            for (testo, posto) in teste.borrow_mut().iter_mut().zip(&posti) {
                let dove = in_fondo(testo, posto, giro.y, alta);
                giro.ripeti(testo, dove);
            }
            giro.sotto_la_testa(alta, colonna);
        };
        let corpo = self.nodo(Some(nodo), Ruolo::CorpoTabella);
        for (indice, riga) in tabella.righe.scorri().enumerate() {
            if riga.len() != quante {
                return Err(Errore::Riga { indice, celle: riga.len(), colonne: quante });
            }
            if self.misurando() && self.y > 10_000.0 {
                break;
            }
            let nodo = self.nodo(Some(corpo), Ruolo::RigaTabella);
            let mut celle: Vec<Cella> = Vec::with_capacity(quante);
            for (brani, posto) in riga.iter().zip(&posti) {
                let testo = componi(self.caratteri, brani, CELLA, posto.largo);
                let nodo = self.nodo(Some(nodo), Ruolo::Cella);
                celle.push(Cella { testo, x: posto.x, largo: posto.largo, destra: posto.destra, nodo, fatte: 0 });
            }
            self.riga_di_celle(&mut celle, ARIA, a_capo);
            self.decoro(Zona { x: colonna.x, y: self.y - 0.25, largo: colonna.largo, alto: 0.5 }, FILO);
        }
        self.spazio(9.0);
        Ok(())
    }

    fn sotto_la_testa(&mut self, alta: f32, colonna: Colonna) {
        self.y += alta;
        self.decoro(Zona { x: colonna.x, y: self.y - 1.0, largo: colonna.largo, alto: 1.0 }, BLU);
    }
}

/// Headings of different height stand on the same line.
fn in_fondo(testo: &Testo, posto: &Posto, y: f32, alta: f32) -> Dove {
    Dove { x: posto.x, y: y + alta - ARIA - testo.altezza(), largo: posto.largo, destra: posto.destra }
}

fn posti(tabella: &Tabella<'_>, colonna: Colonna) -> Vec<Posto> {
    let pesi: Vec<f32> = tabella.colonne.iter().map(|c| f32::from(c.peso.max(1))).collect();
    let somma: f32 = pesi.iter().sum();
    let mut x = colonna.x;
    let mut posti = Vec::with_capacity(pesi.len());
    for (peso, colonna_tabella) in pesi.iter().zip(&tabella.colonne) {
        let largo = colonna.largo * peso / somma;
        posti.push(Posto {
            x: x + FIANCO,
            largo: (largo - 2.0 * FIANCO).max(8.0),
            destra: colonna_tabella.allineamento == Allineamento::Destra,
        });
        x += largo;
    }
    posti
}
