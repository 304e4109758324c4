//! Rows in order, each checked against those before it: numbers without gap or double (R-F03, R-N05), instants in order and
//! inside the period (R-F08).

use dominio::operazione::{Evento, Operazione};
use dominio::registrazione::{Chiave, Tipo};
use dominio::tempo::Istante;

use crate::errore::Errore;
use crate::fonte::{Flusso, Fonte};
use crate::riga::{Lacuna, Modifica, Registrata, Riga};
use crate::testata::{Copia, Testata};

/// How many rows of each kind, as one copy shows them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conti {
    /// All registrations: the three kinds and those that are masked.
    pub registrazioni: u64,
    /// Entrate.
    pub entrate: u64,
    /// Uscite.
    pub uscite: u64,
    /// Interne.
    pub interne: u64,
    /// Registrations of which number and instant only are shown; none in the whole copy.
    pub mascherate: u64,
    /// Numbers declared never given.
    pub numeri_in_lacuna: u64,
    /// Annulments, whole and in part.
    pub annullamenti: u64,
    /// Other changes.
    pub modifiche: u64,
    /// Annulments and changes of which registration and instant only are shown; none in the whole copy.
    pub modifiche_mascherate: u64,
}

/// What an operation must be to stand in this register.
#[derive(Clone, Copy)]
pub(crate) struct Giudice<'a> {
    pub testata: &'a Testata,
    inizio: Istante,
    fine: Istante,
}

impl<'a> Giudice<'a> {
    pub(crate) fn nuovo(testata: &'a Testata) -> Self {
        Self { testata, inizio: testata.periodo.inizio(), fine: testata.periodo.fine() }
    }

    /// Of this ente, AOO and register.
    pub(crate) fn del_registro<'b>(&self, op: &'b Operazione) -> Result<&'b Chiave, Errore> {
        let t = self.testata;
        op.chiave
            .as_ref()
            .filter(|k| op.ente == t.ente && op.aoo.as_ref() == Some(&t.aoo) && k.registro == t.registro)
            .ok_or(Errore::Estranea { indice: op.indice })
    }

    pub(crate) fn nel_periodo(&self, op: &Operazione) -> Result<(), Errore> {
        match (self.inizio..self.fine).contains(&op.istante) {
            true => Ok(()),
            false => Err(Errore::FuoriPeriodo {
                indice: op.indice,
                chi: chi(op),
                istante: op.istante,
                inizio: self.inizio,
                fine: self.fine,
            }),
        }
    }

    /// The gaps of this register and year, in order.
    pub(crate) fn lacune(&self, operazioni: Vec<Operazione>) -> Result<Vec<Lacuna>, Errore> {
        let t = self.testata;
        let mut lacune: Vec<Lacuna> = Vec::new();
        for op in operazioni {
            let Evento::LacunaDichiarata(l) = &op.evento else { continue };
            if op.ente != t.ente || op.aoo.as_ref() != Some(&t.aoo) {
                return Err(Errore::Estranea { indice: op.indice });
            }
            for s in l.salti.iter().filter(|s| s.registro == t.registro && s.anno == t.periodo.anno()) {
                self.nel_periodo(&op)?;
                lacune.push(Lacuna {
                    da: s.da,
                    a: s.a,
                    istante: op.istante,
                    indice: op.indice,
                    motivo: l.motivo.clone(),
                });
            }
        }
        Ok(lacune)
    }
}

fn chi(op: &Operazione) -> String {
    op.chiave.as_ref().map_or_else(|| op.evento.in_parole().to_owned(), Chiave::to_string)
}

/// Where one is in the rows: enough to go on from there, and to know whether two walks saw the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Punto {
    /// Registrations are over: changes follow.
    modifiche: bool,
    /// The last number, given or declared.
    pub numero: i64,
    /// When.
    istante: Istante,
    /// Index of the last registration or gap, plus one.
    indice: u64,
    /// Gaps that are behind.
    lacune: usize,
    /// Index from which the next change is asked.
    modifiche_da: u64,
    /// When the last change was.
    istante_modifica: Istante,
    /// Rows, of any kind.
    pub righe: usize,
    completa: Conti,
    pubblica: Conti,
}

impl Punto {
    pub(crate) fn inizio(giudice: &Giudice<'_>) -> Self {
        Self {
            modifiche: false,
            numero: giudice.testata.ultimo_numero,
            istante: giudice.inizio,
            indice: 0,
            lacune: 0,
            modifiche_da: 0,
            istante_modifica: giudice.inizio,
            righe: 0,
            completa: Conti::default(),
            pubblica: Conti::default(),
        }
    }

    pub(crate) fn conti(&self, copia: Copia) -> &Conti {
        match copia {
            Copia::Completa => &self.completa,
            Copia::Pubblica => &self.pubblica,
        }
    }

    /// The same, with the registrations behind.
    pub(crate) fn alle_modifiche(self) -> Self {
        Self { modifiche: true, ..self }
    }

    /// A row of the upper part: instants and indices only grow.
    fn avanza(&mut self, numero: i64, istante: Istante, indice: u64, chi: impl Fn() -> String) -> Result<(), Errore> {
        if istante < self.istante || indice < self.indice {
            return Err(Errore::Indietro { indice, chi: chi(), istante, prima: self.istante });
        }
        self.numero = numero;
        self.istante = istante;
        self.indice = indice.saturating_add(1);
        Ok(())
    }

    fn conta(&mut self, riga: &Riga) {
        self.righe += 1;
        for (conti, pubblica) in [(&mut self.completa, false), (&mut self.pubblica, true)] {
            match riga {
                Riga::Registrata(r) => {
                    conti.registrazioni += 1;
                    match r.nata.dati.tipo {
                        _ if pubblica && r.nata.dati.riservato => conti.mascherate += 1,
                        Tipo::Entrata => conti.entrate += 1,
                        Tipo::Uscita => conti.uscite += 1,
                        Tipo::Interna => conti.interne += 1,
                    }
                }
                Riga::Lacuna(l) => {
                    conti.numeri_in_lacuna = conti.numeri_in_lacuna.saturating_add_signed(l.a - l.da + 1);
                }
                Riga::Modifica(m) if pubblica && m.prima.dati.riservato => conti.modifiche_mascherate += 1,
                Riga::Modifica(m) if matches!(m.operazione.evento, Evento::Annullamento { .. }) => {
                    conti.annullamenti += 1;
                }
                Riga::Modifica(_) => conti.modifiche += 1,
            }
        }
    }
}

/// Walks the rows from a point on. After an error there is nothing more.
pub(crate) struct Scorrimento<'a> {
    giudice: Giudice<'a>,
    fonte: &'a dyn Fonte,
    lacune: &'a [Lacuna],
    punto: Punto,
    flusso: Option<Flusso<'a>>,
    /// Read, and not yet its turn: a gap comes before it.
    attesa: Option<Box<Registrata>>,
    finito: bool,
}

impl<'a> Scorrimento<'a> {
    pub(crate) fn da(giudice: Giudice<'a>, fonte: &'a dyn Fonte, lacune: &'a [Lacuna], punto: Punto) -> Self {
        Self { giudice, fonte, lacune, punto, flusso: None, attesa: None, finito: false }
    }

    /// Where it is.
    pub(crate) fn punto(&self) -> &Punto {
        &self.punto
    }

    fn passo(&mut self) -> Result<Option<Riga>, Errore> {
        if !self.punto.modifiche {
            if let Some(riga) = self.registrata()? {
                return Ok(Some(riga));
            }
            self.punto.modifiche = true;
            self.flusso = None;
        }
        self.modifica()
    }

    fn registrata(&mut self) -> Result<Option<Riga>, Errore> {
        let p = &mut self.punto;
        // Asked for before any gap is passed: what has a number within it must be seen.
        if self.attesa.is_none() {
            let (fonte, dopo) = (self.fonte, p.numero);
            let flusso = self.flusso.get_or_insert_with(|| fonte.registrazioni(dopo));
            if let Some(operazioni) = flusso.next() {
                self.attesa = Some(Box::new(Registrata::da(&operazioni.map_err(Errore::Fonte)?, &self.giudice)?));
            }
        }
        let numero = self.attesa.as_ref().map(|r| r.nata.chiave.numero.valore());
        if let Some(l) = self.lacune.get(p.lacune).filter(|l| numero.is_none_or(|n| l.da <= n)) {
            // What the register before this one had, and the restored archive has not, may be in the gap: it is no row here.
            let prima_riga = p.completa.registrazioni == 0 && p.lacune == 0;
            let ultimo = numero.filter(|n| *n <= l.a).unwrap_or(p.numero);
            if l.da > l.a || (l.da <= ultimo && (!prima_riga || ultimo != p.numero)) {
                return Err(Errore::Sovrapposta { da: l.da, a: l.a, ultimo });
            }
            if l.da > p.numero.saturating_add(1) {
                return Err(Errore::Mancano { da: p.numero.saturating_add(1), a: l.da - 1 });
            }
            p.lacune += 1;
            p.avanza(l.a.max(p.numero), l.istante, l.indice, || format!("lacuna da {} a {}", l.da, l.a))?;
            return Ok(Some(Riga::Lacuna(l.clone())));
        }
        let (Some(numero), Some(r)) = (numero, self.attesa.take()) else { return Ok(None) };
        if numero <= p.numero {
            return Err(Errore::Doppio { numero, ultimo: p.numero });
        }
        if numero > p.numero + 1 {
            return Err(Errore::Mancano { da: p.numero + 1, a: numero - 1 });
        }
        p.avanza(numero, r.nata.istante, r.nata.indice, || r.nata.chiave.to_string())?;
        Ok(Some(Riga::Registrata(r)))
    }

    fn modifica(&mut self) -> Result<Option<Riga>, Errore> {
        let p = &mut self.punto;
        let (fonte, da) = (self.fonte, p.modifiche_da);
        let flusso = self.flusso.get_or_insert_with(|| fonte.modifiche(da));
        let Some(operazioni) = flusso.next() else { return Ok(None) };
        let m = Modifica::da(operazioni.map_err(Errore::Fonte)?, &self.giudice)?;
        let op = &m.operazione;
        if op.indice < p.modifiche_da || op.istante < p.istante_modifica {
            let (indice, istante, prima) = (op.indice, op.istante, p.istante_modifica);
            return Err(Errore::Indietro { indice, chi: chi(op), istante, prima });
        }
        p.modifiche_da = op.indice.saturating_add(1);
        p.istante_modifica = op.istante;
        Ok(Some(Riga::Modifica(Box::new(m))))
    }
}

impl Iterator for Scorrimento<'_> {
    type Item = Result<Riga, Errore>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.finito {
            return None;
        }
        match self.passo() {
            Ok(Some(riga)) => {
                self.punto.conta(&riga);
                Some(Ok(riga))
            }
            Ok(None) => {
                self.finito = true;
                None
            }
            Err(e) => {
                self.finito = true;
                Some(Err(e))
            }
        }
    }
}
