//! The first page of a foreign document: how it lies, what it draws, and its new version with the stamp.

use lopdf::content::Content;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::{Angolo, NonTimbrabile, Posizione};
use crate::etichetta::punti;

/// Nodes of the tree of pages from the page up.
const ANTENATI_MAX: usize = 64;
/// Streams that make the contents of a page.
const FLUSSI_MAX: usize = 10_000;
/// Contents looked at to see whether they leave the state as they found it; beyond, they are trusted.
const CONTENUTO_MAX: usize = 8 << 20;
/// Graphic states that a page may leave open (ISO 19005-1 allows 28).
const APERTI_MAX: usize = 28;
/// The stamp is never drawn smaller than this part of its measures: a telephone must read it.
const SCALA_MIN: f32 = 0.5;
/// Larger pages than any plotter's are nonsense, in points.
const LATO_MAX: f32 = 1_000_000.0;

fn rotto(che: &str) -> NonTimbrabile {
    NonTimbrabile::Danneggiato(che.to_owned())
}

/// A rectangle in the space of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Quadro {
    x: f32,
    y: f32,
    largo: f32,
    alto: f32,
}

pub(super) struct Pagina {
    dizionario: Dictionary,
    risorse: Dictionary,
    moduli: Dictionary,
    contenuti: Vec<Object>,
    /// Graphic states left open by the contents.
    aperti: usize,
    quadro: Quadro,
    /// Quarters of a turn, clockwise, by which it is shown.
    quarti: i64,
    /// Points in a unit of its space.
    unita: f32,
}

/// How the stamp is laid.
#[derive(Debug)]
pub(super) struct Posa {
    /// From the page as it is shown to the space of the page.
    giro: [f32; 6],
    scala: f32,
    x: f32,
    y: f32,
}

impl Pagina {
    pub(super) fn di(documento: &Document, id: ObjectId) -> Result<Self, NonTimbrabile> {
        let dizionario = documento.get_dictionary(id).map_err(|_| rotto("la prima pagina manca"))?.clone();
        let ereditato = |chiave: &[u8]| ereditato(documento, &dizionario, chiave);
        let carta = ereditato(b"MediaBox")
            .and_then(|o| quadro(documento, o))
            .ok_or_else(|| rotto("la prima pagina non ha misure"))?;
        let visibile = ereditato(b"CropBox").and_then(|o| quadro(documento, o)).and_then(|q| carta.comune(q));
        let quarti = ereditato(b"Rotate").and_then(|o| o.as_i64().ok()).unwrap_or(0);
        if quarti % 90 != 0 {
            return Err(rotto("la prima pagina è girata di traverso"));
        }
        let unita = dizionario.get(b"UserUnit").ok().and_then(|o| numero(documento, o)).unwrap_or(1.0);
        if !(0.001..=75_000.0).contains(&unita) {
            return Err(rotto("la prima pagina ha un'unità di misura assurda"));
        }
        let risorse = match ereditato(b"Resources") {
            None | Some(Object::Null) => Dictionary::new(),
            Some(o) => o.as_dict().map_err(|_| rotto("le risorse della prima pagina"))?.clone(),
        };
        let moduli = match risorse.get(b"XObject").ok().map(|o| documento.dereference(o)) {
            None | Some(Ok((_, Object::Null))) => Dictionary::new(),
            Some(o) => {
                let o = o.map_err(|_| rotto("le risorse della prima pagina"))?.1;
                o.as_dict().map_err(|_| rotto("le risorse della prima pagina"))?.clone()
            }
        };
        let contenuti = contenuti(documento, &dizionario)?;
        let aperti = aperti(documento, &contenuti)?;
        let quadro = visibile.unwrap_or(carta);
        let quarti = (quarti / 90).rem_euclid(4);
        Ok(Self { dizionario, risorse, moduli, contenuti, aperti, quadro, quarti, unita })
    }

    /// Where a stamp of these measures goes, smaller where the page is small.
    pub(super) fn posa(&self, (largo, alto): (f32, f32), dove: Posizione) -> Result<Posa, NonTimbrabile> {
        let Quadro { x, y, largo: w, alto: h } = self.quadro;
        // ISO 32000-1 § 8.3.3: the page is turned clockwise to be shown.
        let (giro, (mostra_largo, mostra_alto)) = match self.quarti {
            0 => ([1.0, 0.0, 0.0, 1.0, x, y], (w, h)),
            1 => ([0.0, 1.0, -1.0, 0.0, x + w, y], (h, w)),
            2 => ([-1.0, 0.0, 0.0, -1.0, x + w, y + h], (w, h)),
            _ => ([0.0, -1.0, 1.0, 0.0, x, y + h], (h, w)),
        };
        let unita = |p: f32| p / self.unita;
        let margine = unita(punti(u16::from(dove.margine_mm)));
        let piena = unita(1.0);
        let entra = ((mostra_largo - 2.0 * margine) / largo).min((mostra_alto - 2.0 * margine) / alto);
        if entra < piena * SCALA_MIN {
            return Err(NonTimbrabile::PaginaPiccola);
        }
        let scala = entra.min(piena);
        let destra = mostra_largo - margine - largo * scala;
        let sopra = mostra_alto - margine - alto * scala;
        let (x, y) = match dove.angolo {
            Angolo::AltoDestra => (destra, sopra),
            Angolo::AltoSinistra => (margine, sopra),
            Angolo::BassoDestra => (destra, margine),
            Angolo::BassoSinistra => (margine, margine),
        };
        Ok(Posa { giro, scala, x, y })
    }

    /// The new version of the page, which draws what it drew and then the stamp.
    pub(super) fn con(&self, verso: &mut Document, modulo: ObjectId, posa: &Posa) -> Dictionary {
        let nome = (0..)
            .map(|n| if n == 0 { "Timbro".to_owned() } else { format!("Timbro{n}") })
            .find(|n| !self.moduli.has(n.as_bytes()))
            .unwrap_or_default();
        let mut moduli = self.moduli.clone();
        moduli.set(nome.clone(), modulo);
        let mut risorse = self.risorse.clone();
        risorse.set("XObject", moduli);

        let prima = verso.add_object(Stream::new(Dictionary::new(), b"q\n".to_vec()));
        let chiudi = "Q ".repeat(self.aperti + 1);
        let [a, b, c, d, e, f] = posa.giro;
        let Posa { scala, x, y, .. } = posa;
        let disegna = format!(
            "\n{chiudi}\n/Artifact BMC\nq\n{a} {b} {c} {d} {e:.4} {f:.4} cm\n{scala:.6} 0 0 {scala:.6} {x:.4} {y:.4} cm\n/{nome} Do\nQ\nEMC\n"
        );
        let dopo = verso.add_object(Stream::new(Dictionary::new(), disegna.into_bytes()));
        let mut contenuti = vec![Object::Reference(prima)];
        contenuti.extend(self.contenuti.iter().cloned());
        contenuti.push(Object::Reference(dopo));

        let mut pagina = self.dizionario.clone();
        pagina.set("Resources", risorse);
        pagina.set("Contents", contenuti);
        pagina
    }
}

impl Quadro {
    fn comune(self, altro: Self) -> Option<Self> {
        let (x, y) = (self.x.max(altro.x), self.y.max(altro.y));
        let largo = (self.x + self.largo).min(altro.x + altro.largo) - x;
        let alto = (self.y + self.alto).min(altro.y + altro.alto) - y;
        (largo > 0.0 && alto > 0.0).then_some(Self { x, y, largo, alto })
    }
}

/// An attribute of the page, its own or of its ancestors.
fn ereditato<'d>(documento: &'d Document, pagina: &'d Dictionary, chiave: &[u8]) -> Option<&'d Object> {
    let mut nodo = pagina;
    for _ in 0..ANTENATI_MAX {
        if let Ok(o) = nodo.get(chiave) {
            return documento.dereference(o).ok().map(|(_, o)| o);
        }
        nodo = documento.dereference(nodo.get(b"Parent").ok()?).ok()?.1.as_dict().ok()?;
    }
    None
}

fn numero(documento: &Document, o: &Object) -> Option<f32> {
    documento.dereference(o).ok()?.1.as_float().ok().filter(|n| n.is_finite())
}

/// A rectangle by any two opposite corners.
fn quadro(documento: &Document, o: &Object) -> Option<Quadro> {
    let lati: Vec<f32> = o.as_array().ok()?.iter().take(4).filter_map(|n| numero(documento, n)).collect();
    let [x0, y0, x1, y1] = lati[..] else { return None };
    let q = Quadro { x: x0.min(x1), y: y0.min(y1), largo: (x1 - x0).abs(), alto: (y1 - y0).abs() };
    let sensato = lati.iter().all(|n| n.abs() <= LATO_MAX) && q.largo > 0.0 && q.alto > 0.0;
    sensato.then_some(q)
}

/// The streams of the page, in order.
fn contenuti(documento: &Document, pagina: &Dictionary) -> Result<Vec<Object>, NonTimbrabile> {
    let male = || rotto("il contenuto della prima pagina");
    let Ok(scritto) = pagina.get(b"Contents") else { return Ok(Vec::new()) };
    let (_, risolto) = documento.dereference(scritto).map_err(|_| male())?;
    let elenco = match risolto {
        Object::Null => Vec::new(),
        Object::Stream(_) => vec![scritto.clone()],
        Object::Array(elenco) => elenco.clone(),
        _ => return Err(male()),
    };
    let flussi = elenco.iter().all(|o| matches!(o, Object::Reference(_)));
    if flussi && elenco.len() <= FLUSSI_MAX { Ok(elenco) } else { Err(male()) }
}

/// Graphic states that the contents open and do not close. Contents that close more than they open would undo ours: no
/// honest program writes them.
fn aperti(documento: &Document, contenuti: &[Object]) -> Result<usize, NonTimbrabile> {
    let mut byte = Vec::new();
    for o in contenuti {
        let Ok((_, Object::Stream(flusso))) = documento.dereference(o) else { continue };
        let resta = CONTENUTO_MAX.saturating_sub(byte.len());
        let Ok(pezzo) = flusso.get_plain_content_with_limit(resta) else { return Ok(0) };
        byte.extend_from_slice(&pezzo);
        byte.push(b'\n');
    }
    let Ok(contenuto) = Content::decode(&byte) else { return Ok(0) };
    let mut aperti = 0usize;
    for operazione in &contenuto.operations {
        match operazione.operator.as_str() {
            "q" => aperti += 1,
            "Q" => {
                aperti = aperti.checked_sub(1).ok_or_else(|| rotto("il contenuto della prima pagina è sbilanciato"))?;
            }
            _ => {}
        }
    }
    if aperti <= APERTI_MAX { Ok(aperti) } else { Err(rotto("il contenuto della prima pagina è sbilanciato")) }
}
