//! The drawn stamp, a PDF of ours of one page, becomes a Form XObject of another document.

use std::collections::BTreeMap;

use lopdf::{Dictionary, Document, Object, ObjectId, Stream};

use super::NonTimbrabile;
use crate::errore::Errore;

pub(super) struct Timbro {
    documento: Document,
    disegno: Stream,
    risorse: Object,
    /// Width and height, in points.
    pub(super) misure: (f32, f32),
}

/// Our own writer made it: a fault is ours.
fn nostro(e: impl std::fmt::Display) -> NonTimbrabile {
    NonTimbrabile::Disegno(Errore::Scrittura(e.to_string()))
}

impl Timbro {
    pub(super) fn leggi(pdf: &[u8]) -> Result<Self, NonTimbrabile> {
        let documento = Document::load_mem(pdf).map_err(nostro)?;
        let id = documento.page_iter().next().ok_or_else(|| nostro("no page"))?;
        let pagina = documento.get_dictionary(id).map_err(nostro)?;
        let segui = |chiave: &[u8]| pagina.get(chiave).and_then(|o| documento.dereference(o)).map_err(nostro);
        let disegno = segui(b"Contents")?.1.as_stream().map_err(nostro)?.clone();
        let risorse = segui(b"Resources")?.1.clone();
        let misura = |i: usize| -> Result<f32, NonTimbrabile> {
            let quadro = segui(b"MediaBox")?.1.as_array().map_err(nostro)?;
            quadro.get(i).ok_or_else(|| nostro("no measures"))?.as_float().map_err(nostro)
        };
        let misure = (misura(2)?, misura(3)?);
        Ok(Self { disegno, risorse, misure, documento })
    }

    /// Copies what the stamp needs, and nothing else, under new numbers.
    pub(super) fn trapianta(&self, verso: &mut Document) -> Result<ObjectId, NonTimbrabile> {
        let mut numeri = BTreeMap::new();
        let risorse = self.copia(&self.risorse, verso, &mut numeri)?;
        let mut modulo = self.disegno.clone();
        let (largo, alto) = self.misure;
        modulo.dict.set("Type", "XObject");
        modulo.dict.set("Subtype", "Form");
        modulo.dict.set("BBox", vec![0.into(), 0.into(), Object::Real(largo), Object::Real(alto)]);
        modulo.dict.set("Resources", risorse);
        Ok(verso.add_object(modulo))
    }

    fn copia(
        &self,
        oggetto: &Object,
        verso: &mut Document,
        numeri: &mut BTreeMap<ObjectId, ObjectId>,
    ) -> Result<Object, NonTimbrabile> {
        Ok(match oggetto {
            Object::Reference(id) => {
                if let Some(gia) = numeri.get(id) {
                    return Ok(Object::Reference(*gia));
                }
                let nuovo = verso.new_object_id();
                numeri.insert(*id, nuovo);
                let copiato = self.copia(self.documento.get_object(*id).map_err(nostro)?, verso, numeri)?;
                verso.set_object(nuovo, copiato);
                Object::Reference(nuovo)
            }
            Object::Array(elenco) => {
                Object::Array(elenco.iter().map(|o| self.copia(o, verso, numeri)).collect::<Result<_, _>>()?)
            }
            Object::Dictionary(d) => Object::Dictionary(self.copia_dizionario(d, verso, numeri)?),
            Object::Stream(s) => {
                let mut s = s.clone();
                s.dict = self.copia_dizionario(&s.dict, verso, numeri)?;
                Object::Stream(s)
            }
            altro => altro.clone(),
        })
    }

    fn copia_dizionario(
        &self,
        d: &Dictionary,
        verso: &mut Document,
        numeri: &mut BTreeMap<ObjectId, ObjectId>,
    ) -> Result<Dictionary, NonTimbrabile> {
        let mut nuovo = Dictionary::new();
        for (chiave, valore) in d {
            nuovo.set(chiave.clone(), self.copia(valore, verso, numeri)?);
        }
        Ok(nuovo)
    }
}
