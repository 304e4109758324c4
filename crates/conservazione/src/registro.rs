//! The whole register: checked once, cut into volumes, written.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::num::NonZeroUsize;

use dominio::codici::Impronta;
use sha2::{Digest as _, Sha256};

use crate::errore::Errore;
use crate::fonte::Fonte;
use crate::riga::{Lacuna, Riga};
use crate::scorrimento::{Conti, Giudice, Punto, Scorrimento};
use crate::testata::{Copia, Testata};
use crate::{pdf, xml};

/// Rows of a volume: what a reader opens without waiting, and what printing holds in memory.
pub const RIGHE_PER_VOLUME: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
/// Rows on which the two parts do not agree that are named one by one.
const DISCORDANTI_MAX: usize = 20;

/// A register whose every row was looked at and holds.
pub struct RegistroGiornaliero<'a> {
    pub(crate) giudice: Giudice<'a>,
    fonte: &'a dyn Fonte,
    lacune: Vec<Lacuna>,
    volumi: Vec<Estensione>,
}

/// From where to where a volume goes.
pub(crate) struct Estensione {
    pub inizio: Punto,
    /// Where its registrations end and its changes begin.
    pub modifiche: Punto,
    pub fine: Punto,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Formato {
    /// Authoritative.
    Xml,
    /// PDF/A-2a and PDF/UA-1, for who reads.
    Pdf,
}

/// A volume that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Which, from 1.
    pub numero: usize,
    /// Its rows.
    pub righe: usize,
    /// SHA-256 of the XML. That of the last volume is the register's: it names the others.
    pub xml: Impronta,
    /// Its size, bytes.
    pub xml_byte: u64,
    /// SHA-256 of the PDF.
    pub pdf: Impronta,
    /// Its size, bytes.
    pub pdf_byte: u64,
}

impl<'a> RegistroGiornaliero<'a> {
    /// Looks at every row.
    ///
    /// # Errors
    /// What does not hold, with its numbers; the source's.
    pub fn nuovo(testata: &'a Testata, fonte: &'a dyn Fonte) -> Result<Self, Errore> {
        Self::con_volumi(testata, fonte, RIGHE_PER_VOLUME)
    }

    /// The same, in volumes of so many rows. Other volumes are other bytes.
    ///
    /// # Errors
    /// As [`Self::nuovo`].
    pub fn con_volumi(testata: &'a Testata, fonte: &'a dyn Fonte, righe: NonZeroUsize) -> Result<Self, Errore> {
        testata.controlla()?;
        let giudice = Giudice::nuovo(testata);
        let lacune = giudice.lacune(fonte.lacune().map_err(Errore::Fonte)?)?;
        let volumi = volumi(giudice, fonte, &lacune, righe)?;
        Ok(Self { giudice, fonte, lacune, volumi })
    }

    /// How many rows of each kind that copy shows.
    pub fn conti(&self, copia: Copia) -> &Conti {
        self.fine().conti(copia)
    }

    /// The last number given or declared at the end of the period: `ultimo_numero` of the register that follows in the year.
    pub fn ultimo_numero(&self) -> i64 {
        self.fine().numero
    }

    /// In how many volumes: never none.
    pub fn volumi(&self) -> usize {
        self.volumi.len()
    }

    /// Writes a copy, volume after volume, each as XML and as PDF, to what `apri` gives for it (from 1). What it gave is flushed
    /// and dropped before the next is asked for.
    ///
    /// # Errors
    /// The source's, the writer's, rows that changed meanwhile, texts that XML cannot hold. What was written by then is worth nothing.
    pub fn scrivi<'w>(
        &self,
        copia: Copia,
        mut apri: impl FnMut(usize, Formato) -> io::Result<Box<dyn Write + 'w>>,
    ) -> Result<Vec<Volume>, Errore> {
        let mut scritti: Vec<Volume> = Vec::with_capacity(self.volumi.len());
        for (numero, estensione) in (1..).zip(&self.volumi) {
            let mut w = Misurato::nuovo(apri(numero, Formato::Xml)?);
            xml::scrivi(self, copia, numero, &scritti, &mut w)?;
            let (xml, xml_byte) = w.chiudi()?;
            let stampato = pdf::stampa(self, copia, numero, &xml)?;
            let mut w = Misurato::nuovo(apri(numero, Formato::Pdf)?);
            w.write_all(&stampato)?;
            let (pdf, pdf_byte) = w.chiudi()?;
            let righe = estensione.fine.righe - estensione.inizio.righe;
            scritti.push(Volume { numero, righe, xml, xml_byte, pdf, pdf_byte });
        }
        Ok(scritti)
    }

    /// From where to where a volume goes, from 1; the last one past the end.
    pub(crate) fn estensione(&self, volume: usize) -> &Estensione {
        &self.volumi[volume.clamp(1, self.volumi.len()) - 1]
    }

    /// The rows between two points of a volume; the last thing given is an error if they are not those of the first time.
    pub(crate) fn righe<'b>(&'b self, volume: usize, da: &Punto, a: &'b Punto) -> Tratto<'b> {
        let scorrimento = Scorrimento::da(self.giudice, self.fonte, &self.lacune, da.clone());
        let tutto = volume == self.volumi.len() && a.righe == self.fine().righe;
        Tratto { scorrimento, volume, mancano: a.righe - da.righe, fine: Some(a), tutto }
    }

    fn fine(&self) -> &Punto {
        &self.estensione(self.volumi.len()).fine
    }
}

/// The first walk: everything is checked, and one knows where each volume begins.
fn volumi(
    giudice: Giudice<'_>,
    fonte: &dyn Fonte,
    lacune: &[Lacuna],
    righe: NonZeroUsize,
) -> Result<Vec<Estensione>, Errore> {
    let mut scorrimento = Scorrimento::da(giudice, fonte, lacune, Punto::inizio(&giudice));
    let mut volumi = Vec::new();
    let mut inizio = scorrimento.punto().clone();
    let mut modifiche = None;
    let mut sospese = Sospese::default();
    loop {
        let prima = scorrimento.punto().clone();
        let Some(riga) = scorrimento.next().transpose()? else { break };
        if prima.righe - inizio.righe == righe.get() {
            let da = std::mem::replace(&mut inizio, prima.clone());
            let modifiche = modifiche.take().unwrap_or_else(|| prima.clone().alle_modifiche());
            volumi.push(Estensione { inizio: da, modifiche, fine: prima.clone() });
        }
        if matches!(riga, Riga::Modifica(_)) {
            modifiche.get_or_insert_with(|| prima.alle_modifiche());
        }
        sospese.vede(&riga, giudice.testata);
    }
    sospese.chiudi()?;
    let fine = scorrimento.punto().clone();
    volumi.push(Estensione { inizio, modifiche: modifiche.unwrap_or_else(|| fine.clone()), fine });
    Ok(volumi)
}

/// Changes to the registrations of the period, which both parts of the register know: those that only one has said so far.
#[derive(Default)]
struct Sospese(BTreeSet<(i64, u64)>);

impl Sospese {
    fn vede(&mut self, riga: &Riga, testata: &Testata) {
        match riga {
            Riga::Registrata(r) => {
                let numero = r.nata.chiave.numero.valore();
                self.0.extend(r.modificata_da.iter().map(|i| (numero, *i)));
            }
            Riga::Lacuna(_) => {}
            Riga::Modifica(m) => {
                let chiave = &m.prima.chiave;
                let numero = chiave.numero.valore();
                if chiave.anno == testata.periodo.anno() && numero > testata.ultimo_numero {
                    let questa = (numero, m.operazione.indice);
                    if !self.0.remove(&questa) {
                        self.0.insert(questa);
                    }
                }
            }
        }
    }

    fn chiudi(self) -> Result<(), Errore> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut voci: Vec<String> =
            self.0.iter().take(DISCORDANTI_MAX).map(|(n, i)| format!("{n} (operazione {i})")).collect();
        if self.0.len() > DISCORDANTI_MAX {
            voci.push(format!("e altre {}", self.0.len() - DISCORDANTI_MAX));
        }
        Err(Errore::Discordanti { elenco: voci.join(", ") })
    }
}

/// Rows from one point to another.
pub(crate) struct Tratto<'a> {
    scorrimento: Scorrimento<'a>,
    volume: usize,
    mancano: usize,
    /// Where they must end; none once that was looked at.
    fine: Option<&'a Punto>,
    /// After them nothing may come.
    tutto: bool,
}

impl Iterator for Tratto<'_> {
    type Item = Result<Riga, Errore>;

    fn next(&mut self) -> Option<Self::Item> {
        let fine = self.fine?;
        if self.mancano > 0 {
            self.mancano -= 1;
            let riga = self.scorrimento.next();
            if !matches!(riga, Some(Ok(_))) {
                self.fine = None;
                return Some(riga.unwrap_or(Err(Errore::Cambiate(self.volume))));
            }
            return riga;
        }
        self.fine = None;
        let oltre = if self.tutto { self.scorrimento.next() } else { None };
        match oltre {
            Some(Err(e)) => Some(Err(e)),
            None if self.scorrimento.punto().clone().alle_modifiche() == fine.clone().alle_modifiche() => None,
            _ => Some(Err(Errore::Cambiate(self.volume))),
        }
    }
}

/// Counts and digests what goes through.
struct Misurato<'w> {
    dentro: Box<dyn Write + 'w>,
    sha: Sha256,
    byte: u64,
}

impl<'w> Misurato<'w> {
    fn nuovo(dentro: Box<dyn Write + 'w>) -> Self {
        Self { dentro, sha: Sha256::new(), byte: 0 }
    }

    fn chiudi(mut self) -> io::Result<(Impronta, u64)> {
        self.dentro.flush()?;
        Ok((Impronta(self.sha.finalize().into()), self.byte))
    }
}

impl Write for Misurato<'_> {
    fn write(&mut self, byte: &[u8]) -> io::Result<usize> {
        let n = self.dentro.write(byte)?;
        self.sha.update(&byte[..n]);
        self.byte += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.dentro.flush()
    }
}
