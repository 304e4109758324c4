//! What the operations ask of the tables: the rows of the registrations made in a piece of a log, as every operation on
//! them left them.
//!
//! A new event that changes a row of a registration is told here ([`Attesa::applica`]), a new table in `pezzo.rs`.

use std::collections::BTreeSet;

use dominio::annullamento::StatoRichiesta;
use dominio::codici::Impronta;
use dominio::operazione::Evento;
use dominio::registrazione::{Chiave, DatiRegistrazione, Stato, StatoAssegnazione as S};

use super::super::righe::{self, RigheRegistrazione};
use super::somma::{self, Insieme, Somme, Termini, posto};
use super::termini::Analizzatore;
use crate::store::Esito;

/// An assignment row with its state.
#[derive(Debug)]
pub struct Assegnazione {
    /// As given.
    pub riga: righe::RigaAssegnazione,
    /// Code of its state.
    pub stato: i64,
}

/// One registration as the tables must show it.
#[derive(Debug)]
pub struct Attesa {
    /// Id of the registration, and of the operation that made it.
    pub id: i64,
    /// Register, year, number.
    pub chiave: Chiave,
    /// When.
    pub istante: i64,
    /// The rows it began with.
    pub righe: RigheRegistrazione,
    /// State of the whole.
    pub stato: i64,
    /// Entry of the titolario now.
    pub voce: String,
    /// Assignments now.
    pub assegnazioni: Vec<Assegnazione>,
    /// Files: number, impronta, operation.
    pub documenti: Vec<(i64, Impronta, i64)>,
    /// Offices and people.
    pub coinvolti: BTreeSet<String>,
    /// Fascicoli.
    pub contenuto: BTreeSet<String>,
    /// Keys under which doubles meet.
    pub riscontri: BTreeSet<String>,
    /// Annulments: operation, whole, act and its date.
    pub annullamenti: Vec<(i64, bool, String, String)>,
    /// Requests of annulment: number, operation, code of the state.
    pub richieste: Vec<(i64, i64, i64)>,
    /// What is in force, for annulments that renew a part of it.
    dati: Box<DatiRegistrazione>,
}

impl Attesa {
    /// As the registration leaves it.
    pub fn nuova(id: i64, chiave: Chiave, istante: i64, autore: &str, dati: Box<DatiRegistrazione>) -> Self {
        let mut r = righe::registrazione(&dati, autore);
        let assegnazioni =
            std::mem::take(&mut r.assegnazioni).into_iter().map(|riga| Assegnazione { riga, stato: 0 }).collect();
        Self {
            id,
            chiave,
            istante,
            stato: 0,
            voce: r.voce.clone(),
            assegnazioni,
            documenti: r.documenti.iter().map(|(n, i)| (*n, *i, id)).collect(),
            coinvolti: std::mem::take(&mut r.coinvolti).into_iter().collect(),
            contenuto: r.fascicolo.iter().cloned().collect(),
            riscontri: r.riscontro.take().into_iter().collect(),
            annullamenti: Vec::new(),
            richieste: Vec::new(),
            dati,
            righe: r,
        }
    }

    /// What an operation on it changes.
    pub fn applica(&mut self, op: i64, e: &Evento) {
        match e {
            Evento::PresaInCarico { assegnazione } => self.sposta(*assegnazione, S::InCarico),
            Evento::RifiutoAssegnazione { assegnazione, .. } => self.sposta(*assegnazione, S::Rifiutata),
            Evento::ConclusioneAssegnazione { assegnazione, .. } => self.sposta(*assegnazione, S::Conclusa),
            Evento::Assegnazione { primo, assegnazioni, .. } => {
                let nuove = righe::assegnazioni(*primo, assegnazioni);
                self.assegnazioni.extend(nuove.into_iter().map(|riga| Assegnazione { riga, stato: 0 }));
                self.coinvolti.extend(assegnazioni.iter().map(|a| righe::ufficio(&a.ufficio)));
            }
            Evento::Classificazione { classificazione, .. } => self.voce = classificazione.to_string(),
            Evento::Allegati { documenti, .. } => {
                self.documenti.extend(documenti.iter().map(|d| (i64::from(d.n), d.impronta, op)));
            }
            Evento::Sigillo(s) => {
                self.documenti.push((i64::from(s.segnatura.n), s.segnatura.impronta, op));
                self.righe.da_sigillare = false;
            }
            Evento::Fascicolazione { fascicolo } => {
                self.contenuto.insert(fascicolo.clone());
            }
            Evento::RichiestaAnnullamento { richiesta, .. } => {
                self.richieste.push((i64::from(*richiesta), op, righe::codice_richiesta(StatoRichiesta::InAttesa)));
            }
            Evento::RifiutoAnnullamento { richiesta, .. } => self.decidi(*richiesta, StatoRichiesta::Rifiutata),
            Evento::Annullamento { richiesta, provvedimento, intero, campi, nuovi_valori, .. } => {
                self.annullamenti.push((op, *intero, provvedimento.numero.clone(), provvedimento.data.to_string()));
                if let Some(n) = richiesta {
                    self.decidi(*n, StatoRichiesta::Autorizzata);
                }
                let stato = if *intero { Stato::Annullata } else { Stato::AnnullataInParte };
                self.stato = righe::codice_stato(stato);
                if *intero {
                    let attesa = righe::codice_richiesta(StatoRichiesta::InAttesa);
                    for r in self.richieste.iter_mut().filter(|r| r.2 == attesa) {
                        r.2 = righe::codice_richiesta(StatoRichiesta::Superata);
                    }
                    return;
                }
                let (uffici, riscontro) = righe::rinnovati(&self.dati, nuovi_valori, campi);
                self.coinvolti.extend(uffici);
                self.riscontri.extend(riscontro);
                let (testo, soggetti) = righe::rinnovo(nuovi_valori);
                self.righe.testo.push_str(&testo);
                self.righe.soggetti.push_str(&soggetti);
                nuovi_valori.rinnova(&mut self.dati, campi);
            }
            _ => {}
        }
    }

    fn decidi(&mut self, n: u32, stato: StatoRichiesta) {
        if let Some(r) = self.richieste.iter_mut().find(|r| r.0 == i64::from(n)) {
            r.2 = righe::codice_richiesta(stato);
        }
    }

    fn sposta(&mut self, n: u32, stato: S) {
        if let Some(a) = self.assegnazioni.iter_mut().find(|a| a.riga.n == i64::from(n)) {
            a.stato = righe::codice_assegnazione(stato);
        }
    }

    /// Rows in the order of their keys.
    pub fn ordina(&mut self) {
        self.assegnazioni.sort_by_key(|a| a.riga.n);
        self.documenti.sort_by_key(|d| d.0);
        self.richieste.sort_unstable();
    }

    /// Adds the rows that are compared as sets.
    ///
    /// # Errors
    /// SQLite's, of words that only its analyser can split.
    pub fn somma(&self, k: &somma::Chiave, termini: &mut Termini, a: &mut Analizzatore, s: &mut Somme) -> Esito<()> {
        for c in &self.coinvolti {
            s.aggiungi(Insieme::Coinvolto, k.riga(Insieme::Coinvolto, self.id, c));
        }
        for r in &self.riscontri {
            s.aggiungi(Insieme::Riscontro, k.riga(Insieme::Riscontro, self.id, r));
        }
        for c in &self.contenuto {
            s.aggiungi(Insieme::Contenuto, k.riga(Insieme::Contenuto, self.id, c));
        }
        let (testo, soggetti) = (&self.righe.testo, &self.righe.soggetti);
        somma_parole(k, termini, a, s, Insieme::Cerca, self.id, &[testo, soggetti])
    }
}

/// Adds the words of a search row, one text a column.
pub fn somma_parole(
    k: &somma::Chiave,
    termini: &mut Termini,
    a: &mut Analizzatore,
    s: &mut Somme,
    t: Insieme,
    id: i64,
    testi: &[&str],
) -> Esito<()> {
    if t == Insieme::CercaCorrispondente {
        // The rubrica's index keeps which words, neither how often nor where.
        let mut parole = BTreeSet::new();
        for testo in testi {
            a.per_termine(testo, |parola, _| {
                parole.insert(parola.to_owned());
            })?;
        }
        for p in parole {
            s.aggiungi(t, posto(termini.di(k, t, &p), id, 0, 0));
        }
        return Ok(());
    }
    for (colonna, testo) in (0u8..).zip(testi) {
        a.per_termine(testo, |parola, luogo| s.aggiungi(t, posto(termini.di(k, t, parola), id, colonna, luogo)))?;
    }
    Ok(())
}
