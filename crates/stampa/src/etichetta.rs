//! A label: one small page of lines beside a QR code, for a label printer; or the same as a stamp, to be put on a page
//! of another document.

use krilla::SerializeSettings;
use krilla::configure::{Accessibility, Archival, Configuration, ConfigurationBuilder};

use crate::carattere::{Caratteri, Volto, per_metadati};
use crate::codice_qr::quadrato;
use crate::composizione::{Stile, Testo, componi};
use crate::documento::{Brano, Istante};
use crate::errore::Errore;
use crate::foglio::{Legame, Tratto, Zona, scrivi};
use crate::impaginazione::{Capitolo, stile};
use crate::penna::{Dove, Penna, Scrive};
use crate::struttura::{Ruolo, Struttura};
use crate::{metadati, sommario};

const NERO: (u8, u8, u8) = (0, 0, 0);
const BIANCO: (u8, u8, u8) = (0xFF, 0xFF, 0xFF);
/// Thermal printers do not reach the border.
const MARGINE: f32 = 5.0;
/// Between the lines and the code.
const ARIA: f32 = 3.0;
const FILO: f32 = 0.6;
/// Text is first tried so much larger than its measure, then smaller and smaller.
const SCALE: (f32, f32, f32) = (1.4, 0.55, 0.05);
const MISURE_MM: [(u16, u16); 2] = [(40, 210), (20, 297)];

/// How much a line is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Peso {
    /// The thing to be read from afar: the number.
    Rilievo,
    /// The rest.
    #[default]
    Normale,
    /// What a machine or a doubting eye reads.
    Minuto,
}

/// A line, or more when it is long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RigaEtichetta {
    /// Its text.
    pub testo: Vec<Brano>,
    /// How large.
    pub peso: Peso,
}

impl RigaEtichetta {
    /// A line.
    pub fn nuova(peso: Peso, testo: Brano) -> Self {
        Self { testo: vec![testo], peso }
    }

    fn stile(&self, scala: f32) -> Stile {
        let (corpo, volto) = match self.peso {
            Peso::Rilievo => (15.0, Volto::Grassetto),
            Peso::Normale => (8.0, Volto::Regolare),
            Peso::Minuto => (5.5, Volto::Regolare),
        };
        stile(corpo * scala, corpo * scala * 1.2, NERO, volto)
    }
}

/// What is printed on a label. Black only, as label printers are.
#[derive(Debug, Clone)]
pub struct Etichetta {
    /// What it is, for the metadata and for who hears it.
    pub titolo: String,
    /// Who answers for it.
    pub ente: String,
    /// When what it says became true: there is no clock here.
    pub data: Istante,
    /// Width and height in millimetres, of which the first is usually the greater.
    pub misure_mm: (u16, u16),
    /// Lines, the most important first: when all do not fit, the last are missing.
    pub righe: Vec<RigaEtichetta>,
    /// What the QR code says.
    pub qr: String,
}

/// Strokes and what they mean.
struct Disegno {
    tratti: Vec<Tratto>,
    legami: Vec<Legame>,
    struttura: Struttura,
    capitoli: Vec<Capitolo>,
}

impl Etichetta {
    /// The label as a PDF/A-2a and PDF/UA-1 of one page of its measures.
    ///
    /// # Errors
    ///
    /// Measures that no label has, too much for a QR code.
    pub fn pdf(&self) -> Result<Vec<u8>, Errore> {
        let configurazione = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A2_A)
            .with_accessibility_validator(Accessibility::UA1)
            .finish()
            .map_err(|e| Errore::Scrittura(format!("{e:?}")))?;
        self.scrivi(configurazione, false)
    }

    /// The same on a white ground in a frame, as the plainest PDF there is, so that it can live inside any other:
    /// PDF/A-1b, without structure, colours by their profile.
    pub(crate) fn timbro(&self) -> Result<Vec<u8>, Errore> {
        let configurazione = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A1_B)
            .finish()
            .map_err(|e| Errore::Scrittura(format!("{e:?}")))?;
        self.scrivi(configurazione, true)
    }

    fn scrivi(&self, configuration: Configuration, timbro: bool) -> Result<Vec<u8>, Errore> {
        let (mm_largo, mm_alto) = self.misure_mm;
        let [(largo_min, largo_max), (alto_min, alto_max)] = MISURE_MM;
        if !(largo_min..=largo_max).contains(&mm_largo) || !(alto_min..=alto_max).contains(&mm_alto) {
            return Err(Errore::Misure(mm_largo, mm_alto));
        }
        let misure = (punti(mm_largo), punti(mm_alto));
        let caratteri = Caratteri::carica()?;
        let mut disegno = self.disegna(&caratteri, misure, timbro)?;
        let settings = SerializeSettings {
            configuration,
            enable_tagging: !timbro,
            no_device_cs: timbro,
            ..SerializeSettings::default()
        };
        let mut pdf = krilla::Document::new_with(settings);
        let font = Caratteri::per_krilla()?;
        scrivi(&mut pdf, &font, misure, disegno.tratti, disegno.legami, &mut disegno.struttura);
        if !timbro {
            pdf.set_tag_tree(disegno.struttura.albero("it-IT"));
            pdf.set_outline(sommario(&disegno.capitoli));
        }
        pdf.set_metadata(metadati(self.data, &self.titolo, &self.ente, "").language("it-IT".into()));
        pdf.finish().map_err(|e| Errore::Scrittura(format!("{e:?}")))
    }

    fn disegna(&self, caratteri: &Caratteri, (largo, alto): (f32, f32), timbro: bool) -> Result<Disegno, Errore> {
        let mut d =
            Disegno { tratti: Vec::new(), legami: Vec::new(), struttura: Struttura::default(), capitoli: Vec::new() };
        if timbro {
            d.cornice((largo, alto));
        }
        // The white around the code is margin enough on its side.
        let lato = (alto - 2.0 * ARIA).min(largo * 0.42);
        let zona = Zona { x: largo - lato - ARIA, y: (alto - lato) / 2.0, largo: lato, alto: lato };
        let moduli = quadrato(&self.qr, (zona.x, zona.y), lato)?;
        let (spazio, altezza) = (zona.x - MARGINE, alto - 2.0 * MARGINE);
        let mut testi = self.componi(caratteri, spazio, altezza);
        let occupato: f32 = testi.iter().map(Testo::altezza).sum();
        let mut y = MARGINE + ((altezza - occupato) / 2.0).max(0.0);
        for (i, testo) in testi.iter_mut().enumerate() {
            // The last that fit, whole lines only.
            let entrano = ((alto - MARGINE - y) / testo.stile.interlinea + 0.01).floor().max(0.0) as usize;
            let quali = 0..testo.righe.len().min(entrano);
            if quali.is_empty() || testo.vuoto() {
                continue;
            }
            let alta = quali.len() as f32 * testo.stile.interlinea;
            let dove = Dove { x: MARGINE, y, largo: spazio, destra: false };
            let nodo = if timbro { None } else { Some(d.nodo(i == 0, &self.titolo, y)) };
            let scrive = match nodo {
                Some(nodo) => Scrive::Contenuto(&mut d.struttura, &mut d.legami, nodo),
                None => Scrive::Artificio,
            };
            Penna::nuova(caratteri, &mut d.tratti, scrive, testo).righe(quali, dove);
            y += alta;
        }
        let Some(rettangolo) = zona.rettangolo().filter(|_| !timbro) else {
            d.tratti.push(Tratto::Moduli(moduli));
            return Ok(d);
        };
        let alternativo = format!("Codice QR: {}", per_metadati(&self.qr, 1000));
        let nodo = d.struttura.nodo(None, Ruolo::Figura(alternativo.into(), 0, rettangolo));
        let foglia = d.struttura.foglia(nodo);
        d.tratti.extend([Tratto::Apri(foglia), Tratto::Moduli(moduli), Tratto::Chiudi]);
        Ok(d)
    }

    /// The lines, as large as they may be.
    fn componi(&self, caratteri: &Caratteri, largo: f32, alto: f32) -> Vec<Testo> {
        let (mut scala, minima, passo) = SCALE;
        loop {
            let testi: Vec<Testo> =
                self.righe.iter().map(|r| componi(caratteri, &r.testo, r.stile(scala), largo)).collect();
            if scala <= minima || testi.iter().map(Testo::altezza).sum::<f32>() <= alto {
                return testi;
            }
            scala -= passo;
        }
    }
}

impl Disegno {
    fn nodo(&mut self, primo: bool, titolo: &str, y: f32) -> u32 {
        if !primo {
            return self.struttura.nodo(None, Ruolo::Paragrafo);
        }
        let testo = per_metadati(titolo, 500);
        self.capitoli.push(Capitolo { livello: 1, testo: testo.clone(), pagina: 0, y });
        self.struttura.nodo(None, Ruolo::Titolo(1, testo.into()))
    }

    /// White ground and a thin line around, inside the page.
    fn cornice(&mut self, (largo, alto): (f32, f32)) {
        let zona = |x, y, largo, alto| Zona { x, y, largo, alto };
        self.tratti.push(Tratto::Rettangolo(zona(0.0, 0.0, largo, alto), BIANCO));
        for filo in [
            zona(0.0, 0.0, largo, FILO),
            zona(0.0, alto - FILO, largo, FILO),
            zona(0.0, 0.0, FILO, alto),
            zona(largo - FILO, 0.0, FILO, alto),
        ] {
            self.tratti.push(Tratto::Rettangolo(filo, NERO));
        }
    }
}

/// Millimetres into points.
pub(crate) fn punti(mm: u16) -> f32 {
    f32::from(mm) * 72.0 / 25.4
}
