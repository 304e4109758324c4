//! A page while it is made: a list of strokes, replayed on the PDF when the page is full.
//!
//! The PDF writer wants a page written from first to last; the layout wants to put a ground under a frame whose height
//! it learns later. The list lets it do so.

use krilla::Document;
use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Quadrilateral, Rect};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::tagging::{Artifact, ArtifactType, ContentTag};
use krilla::text::{Font, KrillaGlyph};

use crate::carattere::Volto;
use crate::composizione::Colore;
use crate::struttura::Struttura;

/// One stroke. Lengths in points from the top left corner.
#[derive(Debug)]
pub(crate) enum Tratto {
    /// A place kept for a ground.
    Nulla,
    /// What follows, up to `Chiudi`, is the leaf.
    Apri(u32),
    /// What follows, up to `Chiudi`, is not part of the contents.
    Artificio(ArtifactType),
    Chiudi,
    Glifi {
        x: f32,
        y: f32,
        volto: Volto,
        corpo: f32,
        colore: Colore,
        glifi: Vec<KrillaGlyph>,
        testo: String,
    },
    /// A rectangle inside a leaf or an artifact.
    Rettangolo(Zona, Colore),
    /// A rectangle which is not part of the contents.
    Decoro(Zona, Colore),
    /// Dark squares of a QR code.
    Moduli(Vec<Zona>),
}

/// A rectangle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Zona {
    pub x: f32,
    pub y: f32,
    pub largo: f32,
    pub alto: f32,
}

impl Zona {
    pub(crate) fn rettangolo(self) -> Option<Rect> {
        Rect::from_xywh(self.x, self.y, self.largo, self.alto)
    }
}

/// Where a link may be clicked.
#[derive(Debug)]
pub(crate) struct Legame {
    pub zone: Vec<Zona>,
    pub url: String,
    pub testo: String,
    pub foglia: u32,
}

fn riempi(colore: Colore) -> Fill {
    Fill {
        paint: rgb::Color::new(colore.0, colore.1, colore.2).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::NonZero,
    }
}

fn sagoma(zone: &[Zona]) -> Option<Path> {
    let mut penna = PathBuilder::new();
    zone.iter().filter_map(|z| z.rettangolo()).for_each(|r| penna.push_rect(r));
    penna.finish()
}

/// Replays the strokes on a new page.
pub(crate) fn scrivi(
    pdf: &mut Document,
    caratteri: &[Font],
    (largo, alto): (f32, f32),
    tratti: Vec<Tratto>,
    legami: Vec<Legame>,
    struttura: &mut Struttura,
) {
    let Some(misure) = PageSettings::from_wh(largo, alto) else { return };
    let mut pagina = pdf.start_page_with(misure);
    let mut piano = pagina.surface();
    for tratto in tratti {
        match tratto {
            Tratto::Nulla => {}
            Tratto::Apri(foglia) => {
                let identificatore = piano.start_tagged(ContentTag::Other);
                struttura.identifica(foglia, identificatore);
            }
            Tratto::Artificio(tipo) => {
                piano.start_tagged(ContentTag::Artifact(Artifact::with_kind(tipo)));
            }
            Tratto::Chiudi => piano.end_tagged(),
            Tratto::Glifi { x, y, volto, corpo, colore, glifi, testo } => {
                if let Some(carattere) = caratteri.get(volto as usize) {
                    piano.set_fill(Some(riempi(colore)));
                    piano.draw_glyphs(
                        Point::from_xy(x, y),
                        &glifi,
                        carattere.clone(),
                        &testo,
                        corpo * volto.scala(),
                        false,
                    );
                }
            }
            Tratto::Rettangolo(zona, colore) => {
                if let Some(sagoma) = sagoma(&[zona]) {
                    piano.set_fill(Some(riempi(colore)));
                    piano.draw_path(&sagoma);
                }
            }
            Tratto::Decoro(zona, colore) => {
                if let Some(sagoma) = sagoma(&[zona]) {
                    piano.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
                    piano.set_fill(Some(riempi(colore)));
                    piano.draw_path(&sagoma);
                    piano.end_tagged();
                }
            }
            Tratto::Moduli(zone) => {
                if let Some(sagoma) = sagoma(&zone) {
                    piano.set_fill(Some(riempi((0, 0, 0))));
                    piano.draw_path(&sagoma);
                }
            }
        }
    }
    piano.finish();
    for legame in legami {
        let quadri: Vec<Quadrilateral> =
            legame.zone.iter().filter_map(|z| z.rettangolo()).map(Quadrilateral::from).collect();
        if quadri.is_empty() {
            continue;
        }
        let meta = Target::Action(Action::from(LinkAction::new(legame.url)));
        let annotazione = Annotation::new_link(LinkAnnotation::new_with_quad_points(quadri, meta), Some(legame.testo));
        struttura.identifica(legame.foglia, pagina.add_tagged_annotation(annotazione));
    }
    pagina.finish();
}
