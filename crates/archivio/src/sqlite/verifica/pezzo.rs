//! A piece of a log: read in one snapshot, recomputed, and its registrations compared with every table whose rows come
//! in the order of operations. Pieces know nothing of each other, so that every core checks one.

use std::collections::HashMap;

use catena::{Checkpoint, ChiavePubblica, ErroreCampo, Hash, Impronte, Seme};
use dominio::codici::CodiceIpa;
use dominio::operazione::{Evento, Operazione};
use dominio::piatto::{CampiLetti, Scalare};
use dominio::registrazione::Chiave as ChiaveRegistrazione;
use dominio::tempo::{AnnoCorrente, Istante};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};

use super::super::righe::{self, da_id, id};
use super::super::tronco::LogInfo;
use super::super::{letture, schema};
use super::attese::{Attesa, somma_parole};
use super::esito::Differenze;
use super::somma::{Chiave, Insieme, Somme, Termini};
use super::termini::Analizzatore;
use super::testimoni;
use crate::store::{Discordanza, Errore, Esito};

/// What a piece gives to who puts the log together again.
#[derive(Debug, Default)]
pub struct Esaminato {
    /// Leaf of each operation; of one that is missing, zeroes.
    pub foglie: Vec<Hash>,
    /// First and last instant.
    pub istanti: Option<(i64, i64)>,
    /// Numbers given, in order, each with the index of its operation.
    pub numeri: Vec<(u64, ChiaveRegistrazione)>,
    /// Operations of the configuration, in order.
    pub conf: Vec<Operazione>,
    /// Checkpoints whose signature holds, with the short hashes of the keys that signed.
    pub checkpoint: Vec<(Checkpoint, Vec<[u8; 4]>)>,
    /// How many checkpoints there were.
    pub checkpoint_visti: u64,
    /// How many cosignatures of witnesses there were.
    pub cofirme: u64,
    /// Operations read.
    pub operazioni: u64,
    /// Rows compared.
    pub righe: u64,
    /// Rows that are compared as sets.
    pub somme: Somme,
    /// Operations on registrations, by the log and by the index that leads to them: the same sum.
    pub rinvii: (u128, u128),
    /// What does not hold.
    pub differenze: Vec<Discordanza>,
}

/// Checks pieces, one after the other.
pub struct Esaminatore<'a> {
    c: Connection,
    ente: &'a CodiceIpa,
    chiave: &'a Chiave,
    termini: Termini,
    termini_rubrica: Termini,
    analizzatore: Analizzatore,
}

struct RigaOperazione<'a> {
    id: i64,
    istante: i64,
    tipo: &'a str,
    reg: Option<i64>,
    conf: bool,
    campi: &'a str,
    seme: [u8; 32],
    voce: Hash,
}

/// What a piece is of.
pub struct Posto<'a> {
    /// The log.
    pub log: &'a LogInfo,
    /// Its keys.
    pub chiavi: &'a [ChiavePubblica],
    /// First index.
    pub da: u64,
    /// Index past the last.
    pub a: u64,
    /// How far the whole verification goes in this log.
    pub meta: u64,
}

struct Lavoro<'p, 'x> {
    posto: &'p Posto<'p>,
    x: &'x mut Esaminato,
    d: Differenze,
    anno: AnnoCorrente,
    impronte: Impronte,
    attese: Vec<Attesa>,
    /// What this piece does to its own registrations.
    seguiti: HashMap<i64, Evento>,
    fascicoli: Vec<(i64, Fascicolo)>,
    corrispondenti: Vec<(i64, Rubrica)>,
}

struct Fascicolo {
    codice: String,
    voce: String,
    anno: i64,
    oggetto: String,
    ufficio: Option<String>,
    istante: i64,
}

struct Rubrica {
    nome: String,
    dati: String,
    parole: String,
}

impl<'a> Esaminatore<'a> {
    /// On a connection of its own.
    ///
    /// # Errors
    /// SQLite's.
    pub fn nuovo(percorso: &std::path::Path, ente: &'a CodiceIpa, chiave: &'a Chiave) -> Esito<Self> {
        Ok(Self {
            c: schema::apri_scorsa(percorso, "")?,
            ente,
            chiave,
            termini: Termini::default(),
            termini_rubrica: Termini::default(),
            analizzatore: Analizzatore::default(),
        })
    }

    /// Checks a piece. Storage that cannot be read is a difference: the rest is checked all the same.
    pub fn esamina(&mut self, p: &Posto<'_>) -> Esaminato {
        let mut x = Esaminato::default();
        let esito = self
            .c
            .execute_batch("BEGIN")
            .map_err(Errore::from)
            .and_then(|()| self.in_una_vista(p, &mut x))
            .and_then(|()| self.c.execute_batch("COMMIT").map_err(Errore::from));
        if let Err(e) = esito {
            if !self.c.is_autocommit() {
                let _ = self.c.execute_batch("ROLLBACK");
            }
            let mut d = Differenze(std::mem::take(&mut x.differenze));
            let k = format!("{}/{}-{}", p.log.origine, p.da, p.a);
            d.nuova("operazione", &k, "lettura", "leggibile", &e.to_string());
            x.differenze = d.0;
        }
        x.foglie.resize(usize::try_from(p.a - p.da).unwrap_or(0), [0; 32]);
        x
    }

    fn in_una_vista(&mut self, p: &Posto<'_>, x: &mut Esaminato) -> Esito<()> {
        let mut l = Lavoro {
            posto: p,
            x,
            d: Differenze::default(),
            anno: AnnoCorrente::default(),
            impronte: Impronte::nuove(Seme([0; 32]), 64),
            attese: Vec::new(),
            seguiti: HashMap::new(),
            fascicoli: Vec::new(),
            corrispondenti: Vec::new(),
        };
        let esito = l.operazioni(&self.c, self.ente).and_then(|()| {
            l.seguiti(&self.c)?;
            l.checkpoint(&self.c)?;
            l.tabelle(&self.c)?;
            for a in &l.attese {
                a.somma(self.chiave, &mut self.termini, &mut self.analizzatore, &mut l.x.somme)?;
            }
            for (op, r) in &l.corrispondenti {
                let (t, an) = (&mut self.termini_rubrica, &mut self.analizzatore);
                let parole = [r.parole.as_str()];
                somma_parole(self.chiave, t, an, &mut l.x.somme, Insieme::CercaCorrispondente, *op, &parole)?;
            }
            Ok(())
        });
        l.x.differenze = l.d.0;
        esito
    }
}

/// A correspondent and the words it is found by.
pub type Parole = (i64, String);

/// The registrations made in a piece of a log as the tables must show them now, and the rubrica's search rows: for who
/// looks closer at a set.
///
/// # Errors
/// SQLite's.
pub fn attese(c: &Connection, ente: &CodiceIpa, p: &Posto<'_>) -> Esito<(Vec<Attesa>, Vec<Parole>)> {
    let mut x = Esaminato::default();
    let mut l = Lavoro {
        posto: p,
        x: &mut x,
        d: Differenze::default(),
        anno: AnnoCorrente::default(),
        impronte: Impronte::nuove(Seme([0; 32]), 64),
        attese: Vec::new(),
        seguiti: HashMap::new(),
        fascicoli: Vec::new(),
        corrispondenti: Vec::new(),
    };
    l.operazioni(c, ente)?;
    l.seguiti(c)?;
    Ok((l.attese, l.corrispondenti.into_iter().map(|(op, r)| (op, r.parole)).collect()))
}

fn rinvio(op: i64, reg: i64) -> u128 {
    super::somma::posto(1, op, 0, 0).wrapping_mul(3).wrapping_add(super::somma::posto(2, reg, 1, 7) << 1 | 1)
}

impl Lavoro<'_, '_> {
    fn confini(&self) -> (i64, i64) {
        (id(self.posto.log.id, self.posto.da), id(self.posto.log.id, self.posto.a))
    }

    /// Every operation of the piece, in order.
    fn operazioni(&mut self, c: &Connection, ente: &CodiceIpa) -> Esito<()> {
        let (da, a) = self.confini();
        let mut s = c.prepare_cached(
            "SELECT id, istante, tipo, reg, conf, campi, seme, voce FROM operazione WHERE id >= ? AND id < ? ORDER BY id",
        )?;
        let mut r = s.query([da, a])?;
        let mut attesa = self.posto.da;
        while let Some(x) = r.next()? {
            let male = rusqlite::Error::from;
            let riga = RigaOperazione {
                id: x.get(0)?,
                istante: x.get(1)?,
                tipo: x.get_ref(2)?.as_str().map_err(male)?,
                reg: x.get(3)?,
                conf: x.get_ref(4)? != ValueRef::Null,
                campi: x.get_ref(5)?.as_str().map_err(male)?,
                seme: x.get(6)?,
                voce: x.get(7)?,
            };
            let indice = da_id(riga.id).1;
            self.mancanti(attesa, indice);
            attesa = indice + 1;
            self.operazione(c, ente, indice, &riga)?;
        }
        drop(r);
        self.mancanti(attesa, self.posto.a);
        Ok(())
    }

    fn chiave(&self, indice: u64) -> String {
        format!("{}/{indice}", self.posto.log.origine)
    }

    fn mancanti(&mut self, da: u64, a: u64) {
        for i in da..a {
            self.x.foglie.push([0; 32]);
            let k = self.chiave(i);
            self.d.nuova("operazione", &k, "indice", &i.to_string(), "manca");
        }
    }

    fn operazione(&mut self, c: &Connection, ente: &CodiceIpa, indice: u64, x: &RigaOperazione<'_>) -> Esito<()> {
        self.x.operazioni += 1;
        let prima = self.x.istanti;
        if let Some((_, ultimo)) = prima.filter(|(_, u)| x.istante < *u) {
            let k = self.chiave(indice);
            self.d.nuova("operazione", &k, "istante", &format!(">= {ultimo}"), &x.istante.to_string());
        }
        self.x.istanti = Some((prima.map_or(x.istante, |p| p.0), x.istante));
        self.x.foglie.push(catena::foglia(&x.voce));
        // What is wrong is told by place and kind: contents stay out of messages.
        let campi = match CampiLetti::leggi(x.campi) {
            Ok(c) => c,
            Err(e) => {
                let k = self.chiave(indice);
                self.d.nuova("operazione", &k, "campi", "un oggetto JSON", letture::difetto(&e));
                return Ok(());
            }
        };
        let ricalcolata = voce_di(&mut self.impronte, x.seme, &campi);
        if ricalcolata.as_ref().ok() != Some(&x.voce) {
            let atteso = ricalcolata.map_or_else(|e| e.to_string(), |h| crate::file::esadecimale(&h));
            let k = self.chiave(indice);
            self.d.nuova("operazione", &k, "voce", &atteso, &crate::file::esadecimale(&x.voce));
        }
        self.busta(ente, indice, x, &campi);
        let su = match chiave_di(&campi) {
            Some(k) if x.tipo != "registrazione" => letture::id_di(c, self.posto.log.id, &k)?,
            _ => None,
        };
        if su != x.reg {
            let (atteso, trovato) = (format!("{su:?}"), format!("{:?}", x.reg));
            let k = self.chiave(indice);
            self.d.nuova("operazione", &k, "reg", &atteso, &trovato);
        }
        if let Some(reg) = x.reg {
            self.x.rinvii.0 = self.x.rinvii.0.wrapping_add(rinvio(x.id, reg));
            // What is about a registration of an earlier piece is read there.
            if reg >= id(self.posto.log.id, self.posto.da)
                && let Ok(op) = Operazione::da(&campi.annidati())
            {
                self.seguiti.insert(x.id, op.evento);
            }
            return Ok(());
        }
        match Operazione::da(&campi.annidati()) {
            Ok(op) => self.contenuto(indice, x, op),
            Err(_) => {
                let k = self.chiave(indice);
                self.d.nuova("operazione", &k, "campi", "un'operazione", "illeggibile");
            }
        }
        Ok(())
    }

    /// Columns and envelope beside the fields.
    fn busta(&mut self, ente: &CodiceIpa, indice: u64, x: &RigaOperazione<'_>, campi: &CampiLetti<'_>) {
        let testo = |nome: &str| campi.testo(nome);
        let aoo = self.posto.log.aoo.as_ref().map(|a| a.as_str());
        let istante = testo("istante").and_then(|t| Istante::leggi(t).ok());
        let buona = testo("operazione") == Some(x.tipo)
            && testo("ente") == Some(ente.as_str())
            && testo("aoo") == aoo
            && campi.intero("indice").is_some_and(|i| u64::try_from(i) == Ok(indice))
            && istante == Some(Istante(x.istante));
        if buona {
            return;
        }
        let k = self.chiave(indice);
        let mostra = |t: Option<&str>| t.unwrap_or("(niente)").to_owned();
        let d = &mut self.d;
        d.se_diversi("operazione", &k, "tipo", &mostra(testo("operazione")), x.tipo);
        d.se_diversi("operazione", &k, "ente", ente.as_str(), &mostra(testo("ente")));
        d.se_diversi("operazione", &k, "aoo", &mostra(aoo), &mostra(testo("aoo")));
        let trovato = campi.intero("indice").map(|i| i.to_string()).unwrap_or_default();
        d.se_diversi("operazione", &k, "indice", &indice.to_string(), &trovato);
        let atteso = istante.map_or_else(|| mostra(testo("istante")), |t| t.0.to_string());
        d.se_diversi("operazione", &k, "istante", &atteso, &x.istante.to_string());
    }

    /// What an operation that is not about an earlier registration asks of the tables.
    fn contenuto(&mut self, indice: u64, x: &RigaOperazione<'_>, op: Operazione) {
        let conf = righe::di_configurazione(&op.evento);
        if conf != x.conf {
            let k = self.chiave(indice);
            self.d.nuova("operazione", &k, "conf", &conf.to_string(), &x.conf.to_string());
        }
        if let Evento::Registrazione(dati) = op.evento {
            let Some(k) = op.chiave else {
                let k = self.chiave(indice);
                self.d.nuova("operazione", &k, "numero", "un numero", "nessuno");
                return;
            };
            let anno = self.anno.anno(op.istante);
            if anno != k.anno {
                let (atteso, trovato) = (anno.to_string(), k.anno.to_string());
                self.d.nuova("registrazione", &k.to_string(), "anno", &atteso, &trovato);
            }
            self.x.numeri.push((indice, k.clone()));
            self.attese.push(Attesa::nuova(x.id, k, op.istante.0, op.operatore.id.as_str(), dati));
            return;
        }
        match &op.evento {
            Evento::CorrispondenteAggiunto { soggetto } => {
                let (nome, parole) = letture::parole_di_corrispondente(soggetto);
                let dati = serde_json::to_string(soggetto).unwrap_or_default();
                self.corrispondenti.push((x.id, Rubrica { nome, dati, parole }));
            }
            Evento::FascicoloCreato { fascicolo, oggetto, classificazione, ufficio } => {
                let f = Fascicolo {
                    codice: fascicolo.clone(),
                    voce: classificazione.to_string(),
                    anno: i64::from(op.istante.anno()),
                    oggetto: oggetto.clone(),
                    ufficio: ufficio.as_ref().map(ToString::to_string),
                    istante: op.istante.0,
                };
                self.fascicoli.push((x.id, f));
            }
            _ => {}
        }
        if conf {
            self.x.conf.push(op);
        }
    }

    /// Every later operation on the registrations of this piece, wherever it is in the log.
    fn seguiti(&mut self, c: &Connection) -> Esito<()> {
        let (da, a) = self.confini();
        let fine = id(self.posto.log.id, self.posto.meta);
        let mut s = c.prepare_cached("SELECT id, reg FROM operazione WHERE reg >= ? AND reg < ? ORDER BY reg, id")?;
        let mut una = c.prepare_cached("SELECT campi FROM operazione WHERE id = ?")?;
        let mut r = s.query([da, a])?;
        let mut posizione = 0;
        while let Some(x) = r.next()? {
            let (op, reg): (i64, i64) = (x.get(0)?, x.get(1)?);
            if op < fine {
                self.x.rinvii.1 = self.x.rinvii.1.wrapping_add(rinvio(op, reg));
            }
            while self.attese.get(posizione).is_some_and(|t| t.id < reg) {
                posizione += 1;
            }
            let evento = match self.seguiti.remove(&op) {
                Some(e) => Some(e),
                None => una.query_row([op], |r| {
                    let campi = CampiLetti::leggi(r.get_ref(0)?.as_str()?);
                    Ok(campi.ok().and_then(|c| Operazione::da(&c.annidati()).ok()).map(|op| op.evento))
                })?,
            };
            let k = || format!("{}/{}", self.posto.log.origine, da_id(op).1);
            match (evento, self.attese.get_mut(posizione).filter(|t| t.id == reg)) {
                (None, _) => self.d.nuova("operazione", &k(), "campi", "un'operazione", "illeggibile"),
                (Some(_), None) => self.d.nuova("operazione", &k(), "reg", "una registrazione", &reg.to_string()),
                (Some(e), Some(t)) => t.applica(op, &e),
            }
        }
        self.attese.iter_mut().for_each(Attesa::ordina);
        Ok(())
    }

    /// Checkpoints whose size is reached in this piece: their signatures, and those of witnesses.
    fn checkpoint(&mut self, c: &Connection) -> Esito<()> {
        let p = self.posto;
        let i = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        // A checkpoint of size 0 belongs to the first piece.
        let da = if p.da == 0 { -1 } else { i(p.da) };
        let mut s = c.prepare_cached(
            "SELECT dimensione, nota FROM checkpoint WHERE log = ? AND dimensione > ? AND dimensione <= ? ORDER BY dimensione",
        )?;
        let mut r = s.query(params![p.log.id, da, i(p.a)])?;
        while let Some(x) = r.next()? {
            let dimensione: i64 = x.get(0)?;
            let nota = x.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            self.x.checkpoint_visti += 1;
            let k = format!("{}/{dimensione}", p.log.origine);
            match Checkpoint::apri(nota, p.chiavi) {
                Err(e) => self.d.nuova("checkpoint", &k, "nota", "una firma valida", &e.to_string()),
                Ok((cp, _)) if i(cp.dimensione) != dimensione || cp.origine != p.log.origine => {
                    let atteso = format!("{}, {dimensione}", p.log.origine);
                    self.d.nuova("checkpoint", &k, "nota", &atteso, &format!("{}, {}", cp.origine, cp.dimensione));
                }
                Ok((cp, nota)) => {
                    self.x.checkpoint.push((cp, nota.firme.iter().map(|f| f.identificativo).collect()));
                }
            }
        }
        self.x.cofirme += testimoni::cofirme(c, p.log.id, &p.log.origine, da, i(p.a), &mut self.d)?;
        Ok(())
    }

    /// Every table whose rows come in the order of operations.
    fn tabelle(&mut self, c: &Connection) -> Esito<()> {
        let limiti = self.confini();
        let log = self.posto.log.id;
        let intero = ValueRef::Integer;
        fn testo(t: &str) -> ValueRef<'_> {
            ValueRef::Text(t.as_bytes())
        }
        fn forse(t: Option<&String>) -> ValueRef<'_> {
            t.map_or(ValueRef::Null, |t| testo(t))
        }
        let (mut d, mut n) = (std::mem::take(&mut self.d), 0);
        let a = &self.attese;
        let mut su = Confronto { c, limiti, d: &mut d, righe: &mut n };
        su.unisci(
            Tabella { nome: "registrazione", chiavi: ["id", ""], facoltativa: false },
            ["log", "registro", "anno", "numero", "istante", "tipo", "riservato"],
            a.iter().map(|t| {
                let k = &t.chiave;
                let campi = [
                    intero(log),
                    testo(k.registro.as_str()),
                    intero(k.anno.into()),
                    intero(k.numero.valore()),
                    intero(t.istante),
                    intero(t.righe.tipo),
                    intero(t.righe.riservato.into()),
                ];
                ((t.id, 0), campi)
            }),
        )?;
        su.unisci(
            Tabella { nome: "attuale", chiavi: ["reg", ""], facoltativa: false },
            ["stato", "voce"],
            a.iter().map(|t| ((t.id, 0), [intero(t.stato), testo(&t.voce)])),
        )?;
        su.unisci(
            Tabella { nome: "assegnazione", chiavi: ["reg", "n"], facoltativa: false },
            ["ufficio", "utente", "tipo", "stato"],
            a.iter().flat_map(|t| {
                t.assegnazioni.iter().map(move |x| {
                    let r = &x.riga;
                    ((t.id, r.n), [testo(&r.ufficio), forse(r.utente.as_ref()), intero(r.tipo), intero(x.stato)])
                })
            }),
        )?;
        su.unisci(
            Tabella { nome: "documento", chiavi: ["reg", "n"], facoltativa: false },
            ["impronta", "op"],
            a.iter().flat_map(|t| {
                t.documenti.iter().map(move |(n, i, op)| ((t.id, *n), [ValueRef::Blob(&i.0), intero(*op)]))
            }),
        )?;
        su.unisci(
            Tabella { nome: "da_sigillare", chiavi: ["reg", ""], facoltativa: false },
            [],
            a.iter().filter(|t| t.righe.da_sigillare).map(|t| ((t.id, 0), [])),
        )?;
        su.unisci(
            Tabella { nome: "annullamento", chiavi: ["reg", "op"], facoltativa: false },
            ["intero", "provvedimento", "data"],
            a.iter().flat_map(|t| {
                t.annullamenti
                    .iter()
                    .map(move |(op, tutta, n, data)| ((t.id, *op), [intero((*tutta).into()), testo(n), testo(data)]))
            }),
        )?;
        su.unisci(
            Tabella { nome: "richiesta_annullamento", chiavi: ["reg", "n"], facoltativa: false },
            ["op", "stato"],
            a.iter().flat_map(|t| {
                t.richieste.iter().map(move |(n, op, stato)| ((t.id, *n), [intero(*op), intero(*stato)]))
            }),
        )?;
        // A search row waits here or is in the index already.
        su.unisci(
            Tabella { nome: "cerca_recente", chiavi: ["reg", ""], facoltativa: true },
            ["testo", "soggetti"],
            a.iter().map(|t| ((t.id, 0), [testo(&t.righe.testo), testo(&t.righe.soggetti)])),
        )?;
        su.unisci(
            Tabella { nome: "fascicolo", chiavi: ["op", ""], facoltativa: false },
            ["log", "codice", "voce", "anno", "oggetto", "ufficio", "istante"],
            self.fascicoli.iter().map(|(op, f)| {
                let campi = [
                    intero(log),
                    testo(&f.codice),
                    testo(&f.voce),
                    intero(f.anno),
                    testo(&f.oggetto),
                    forse(f.ufficio.as_ref()),
                    intero(f.istante),
                ];
                ((*op, 0), campi)
            }),
        )?;
        su.unisci(
            Tabella { nome: "corrispondente", chiavi: ["op", ""], facoltativa: false },
            ["log", "nome", "dati"],
            self.corrispondenti.iter().map(|(op, r)| ((*op, 0), [intero(log), testo(&r.nome), testo(&r.dati)])),
        )?;
        self.d = d;
        self.x.righe += n;
        Ok(())
    }
}

/// The entry of an operation as its fields give it.
fn voce_di(impronte: &mut Impronte, seme: [u8; 32], campi: &CampiLetti<'_>) -> Result<Hash, ErroreCampo> {
    impronte.riparti(Seme(seme));
    for (nome, valore) in campi.iter() {
        let valore = match valore {
            Scalare::Nullo => catena::Scalare::Nullo,
            Scalare::Logico(b) => catena::Scalare::Logico(b),
            Scalare::Intero(n) => catena::Scalare::Intero(n),
            Scalare::Testo(t) => catena::Scalare::Testo(t),
            Scalare::Altro => return Err(ErroreCampo::ValoreComposto { nome: nome.to_owned() }),
        };
        impronte.aggiungi_scalare(nome, valore)?;
    }
    impronte.chiudi()
}

/// The registration that an operation is about.
fn chiave_di(campi: &CampiLetti<'_>) -> Option<ChiaveRegistrazione> {
    Some(ChiaveRegistrazione {
        registro: campi.testo("registro")?.parse().ok()?,
        anno: i32::try_from(campi.intero("anno")?).ok()?,
        numero: dominio::registrazione::Numero::nuovo(campi.intero("numero")?)?,
    })
}

/// A table compared row by row.
struct Tabella {
    nome: &'static str,
    /// Columns of its key: the one that is an operation's id, and another or none.
    chiavi: [&'static str; 2],
    /// A row may be missing.
    facoltativa: bool,
}

struct Confronto<'c> {
    c: &'c Connection,
    limiti: (i64, i64),
    d: &'c mut Differenze,
    righe: &'c mut u64,
}

impl Confronto<'_> {
    /// Goes along the rows that should be there and those that are, both in the order of their keys.
    fn unisci<'x, const N: usize>(
        &mut self,
        t: Tabella,
        campi: [&'static str; N],
        attese: impl Iterator<Item = ((i64, i64), [ValueRef<'x>; N])>,
    ) -> Esito<()> {
        let [prima, seconda] = t.chiavi;
        let (colonna, ordine) =
            if seconda.is_empty() { ("0", String::new()) } else { (seconda, format!(", {seconda}")) };
        let elenco = campi.iter().fold(String::new(), |s, c| s + ", " + c);
        let mut s = self.c.prepare_cached(&format!(
            "SELECT {prima}, {colonna}{elenco} FROM {} WHERE {prima} >= ? AND {prima} < ? ORDER BY {prima}{ordine}",
            t.nome
        ))?;
        let mut r = s.query([self.limiti.0, self.limiti.1])?;
        let mostra_chiave =
            |k: (i64, i64)| if seconda.is_empty() { k.0.to_string() } else { format!("{}|{}", k.0, k.1) };
        let mut attese = attese.peekable();
        while let Some(x) = r.next()? {
            *self.righe += 1;
            let k: (i64, i64) = (x.get(0)?, x.get(1)?);
            while let Some((manca, _)) = attese.next_if(|(a, _)| *a < k) {
                if !t.facoltativa {
                    self.d.nuova(t.nome, &mostra_chiave(manca), "riga", "presente", "manca");
                }
            }
            let Some((_, valori)) = attese.next_if(|(a, _)| *a == k) else {
                self.d.nuova(t.nome, &mostra_chiave(k), "riga", "nessuna", "presente");
                continue;
            };
            for (i, atteso) in valori.into_iter().enumerate() {
                let trovato = x.get_ref(i + 2)?;
                if trovato != atteso {
                    self.d.nuova(t.nome, &mostra_chiave(k), campi[i], &mostra(atteso), &mostra(trovato));
                }
            }
        }
        if !t.facoltativa {
            for (k, _) in attese {
                self.d.nuova(t.nome, &mostra_chiave(k), "riga", "presente", "manca");
            }
        }
        Ok(())
    }
}

/// A value for who reads.
pub fn mostra(v: ValueRef<'_>) -> String {
    match v {
        ValueRef::Null => "(niente)".to_owned(),
        ValueRef::Integer(i) => i.to_string(),
        ValueRef::Real(f) => f.to_string(),
        ValueRef::Text(t) => String::from_utf8_lossy(t).into_owned(),
        ValueRef::Blob(b) => crate::file::esadecimale(b),
    }
}
