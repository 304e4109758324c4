//! QR codes, drawn as squares: sharp at any size, no image in the file.

use qrcode::{Color, EcLevel, QrCode};

use crate::carattere::{Volto, per_metadati};
use crate::composizione::{Stile, componi};
use crate::documento::Qr;
use crate::errore::Errore;
use crate::foglio::{Tratto, Zona};
use crate::impaginazione::{Colonna, Impaginazione, NERO, stile};
use crate::penna::Dove;
use crate::struttura::Ruolo;

const DIDASCALIA: Stile = stile(9.5, 13.5, NERO, Volto::Regolare);
/// White modules around the code, as ISO/IEC 18004 asks.
const QUIETE: usize = 4;

impl Impaginazione<'_, '_> {
    pub(crate) fn qr(&mut self, qr: &Qr, colonna: Colonna) -> Result<(), Errore> {
        let codice = codice(&qr.contenuto)?;
        let massimo = colonna.largo.min(self.corpo_pagina() - 10.0);
        let lato = (f32::from(qr.lato_mm.max(10)) * 72.0 / 25.4).min(massimo);
        let moduli = codice.width();
        let modulo = lato / (moduli + 2 * QUIETE) as f32;
        // The quiet zone is white paper: let it hang out so that the dark part is flush with the text.
        let quiete = modulo * QUIETE as f32;
        let a_fianco = colonna.largo - lato - 8.0;
        let mut didascalia = componi(self.caratteri, &qr.didascalia, DIDASCALIA, a_fianco);
        let accanto = a_fianco > 110.0 && didascalia.altezza() <= self.corpo_pagina();
        let alto = if accanto { lato.max(didascalia.altezza()) } else { lato };
        self.scendi();
        self.serve(alto);

        let y = self.y;
        let zona = Zona { x: colonna.x, y, largo: lato, alto: lato };
        if let Some(rettangolo) = zona.rettangolo() {
            let mut alternativo = per_metadati(&qr.testo_alternativo, 1000);
            if alternativo.is_empty() {
                alternativo = format!("Codice QR: {}", per_metadati(&qr.contenuto, 1000));
            }
            let nodo = self.nodo(colonna.padre, Ruolo::Figura(alternativo.into(), self.pagina, rettangolo));
            if self.stampando() {
                let foglia = self.struttura.foglia(nodo);
                self.tratto(Tratto::Apri(foglia));
                self.tratto(Tratto::Moduli(scuri(&codice.to_colors(), moduli, (zona.x, y + quiete), modulo)));
                self.tratto(Tratto::Chiudi);
            }
        }
        if accanto && !didascalia.vuoto() {
            let nodo = self.nodo(colonna.padre, Ruolo::Paragrafo);
            let su = ((alto - didascalia.altezza()) / 2.0).max(0.0);
            let dove = Dove { x: colonna.x + lato - quiete + 8.0, y: y + su, largo: a_fianco, destra: false };
            let quali = 0..didascalia.righe.len();
            self.righe(&mut didascalia, quali, dove, nodo);
        }
        self.y = y + alto;
        if !accanto {
            self.testo(&qr.didascalia, colonna, DIDASCALIA);
        }
        self.spazio(7.0);
        Ok(())
    }
}

fn codice(contenuto: &str) -> Result<QrCode, Errore> {
    let byte = contenuto.as_bytes();
    QrCode::with_error_correction_level(byte, EcLevel::M).map_err(|_| Errore::QrTroppoLungo(byte.len()))
}

/// The dark squares of a code in a zone, quiet zone included.
pub(crate) fn quadrato(contenuto: &str, (x, y): (f32, f32), lato: f32) -> Result<Vec<Zona>, Errore> {
    let codice = codice(contenuto)?;
    let moduli = codice.width();
    let modulo = lato / (moduli + 2 * QUIETE) as f32;
    let quiete = modulo * QUIETE as f32;
    Ok(scuri(&codice.to_colors(), moduli, (x + quiete, y + quiete), modulo))
}

/// Dark modules of a row joined; rows overlap by a hair, so that no white line shows between them.
fn scuri(colori: &[Color], moduli: usize, (x, y): (f32, f32), modulo: f32) -> Vec<Zona> {
    let mut zone = Vec::new();
    for (riga, colori) in colori.chunks(moduli).enumerate() {
        let mut inizio = None;
        for colonna in 0..=moduli {
            let scuro = colori.get(colonna) == Some(&Color::Dark);
            match (scuro, inizio) {
                (true, None) => inizio = Some(colonna),
                (false, Some(da)) => {
                    zone.push(Zona {
                        x: x + da as f32 * modulo,
                        y: y + riga as f32 * modulo,
                        largo: (colonna - da) as f32 * modulo,
                        alto: modulo * 1.02,
                    });
                    inizio = None;
                }
                _ => {}
            }
        }
    }
    zone
}
