//! What was lost between a copy and its restoring, as far as receipts tell (R-N05; design § 5).
//!
//! A receipt of the interval that was lost is signed by the AOO's key and proves that a number was given, when, and what it
//! discloses; no registration is made of it, and no number is given again: what it proves is written in an operation. Whoever
//! looks is told, number by number, what is proven, what somebody only says, and what nobody knows. Mail and the registers of those
//! who wrote to us will be other sources.

use std::collections::{BTreeMap, BTreeSet};

use archivio::EnteStore;
use archivio::store::{Errore, Registro};
use catena::ricevuta::RICEVUTA_BYTE_MAX;
use catena::{ChiavePubblica, EsitoRicevuta, Ricevuta};
use dominio::codici::{CodiceAoo, CodiceRegistro, Impronta};
use dominio::comandi::ComandoConfigurazione;
use dominio::epoca::{CAMPI_BYTE_MAX, Epoca, Posto, Prova, RICOSTRUITI_MAX, Ricostruito, Ricostruzione};
use dominio::operazione::CHE_COSA;
use dominio::permessi::Operatore;
use dominio::registrazione::Chiave;
use dominio::tempo::Istante;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// Receipts looked at together, at most.
pub const RICEVUTE_MAX: usize = 10_000;

/// What a receipt turns out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Giudizio {
    /// It proves a number of a gap.
    Provato(Ricostruito),
    /// It says a number of a gap, and no key of this log signed it.
    Affermato(Ricostruito),
    /// It tells nothing of a gap: why.
    Estranea(String),
    /// It does not hold: why.
    Falsa(String),
    /// What it proves cannot be: somebody must look at it.
    Allarme(String),
}

impl Giudizio {
    /// In a word.
    pub fn parola(&self) -> &'static str {
        match self {
            Self::Provato(_) => "provato",
            Self::Affermato(_) => "affermato",
            Self::Estranea(_) => "estranea",
            Self::Falsa(_) => "falsa",
            Self::Allarme(_) => "allarme",
        }
    }

    /// What is to be known of it.
    pub fn dettaglio(&self) -> String {
        match self {
            Self::Provato(r) | Self::Affermato(r) => {
                let n = format!("{}/{}/{}", r.registro, r.anno, r.numero);
                match (&r.prova, &r.fonte) {
                    (Some(p), _) => {
                        format!(
                            "{n}: {}{}",
                            p.che,
                            p.quando.map(|q| format!(", {}", q.con_offset())).unwrap_or_default()
                        )
                    }
                    (None, Some(f)) => format!("{n}: {f}"),
                    (None, None) => n,
                }
            }
            Self::Estranea(m) | Self::Falsa(m) | Self::Allarme(m) => m.clone(),
        }
    }
}

/// The receipts in the bytes of a file: one as it is, or an array of them, each in its compact form.
///
/// # Errors
/// What is wrong, in words.
pub fn dividi(byte: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    if byte.len() > RICEVUTA_BYTE_MAX {
        return Err(format!("supera {} MiB", RICEVUTA_BYTE_MAX >> 20));
    }
    if byte.iter().find(|b| !b.is_ascii_whitespace()) != Some(&b'[') {
        return Ok(vec![byte.to_vec()]);
    }
    let tutte: Vec<Ricevuta> = serde_json::from_slice(byte).map_err(|e| format!("non è un elenco di ricevute: {e}"))?;
    if tutte.len() > RICEVUTE_MAX {
        return Err(format!("sono più di {RICEVUTE_MAX} ricevute"));
    }
    tutte.iter().map(|r| serde_json::to_vec(r).map_err(|e| e.to_string())).collect()
}

/// Who judges receipts of an AOO.
pub struct Esame<'a> {
    ente: &'a dyn EnteStore,
    aoo: &'a CodiceAoo,
    chiavi: Vec<ChiavePubblica>,
    epoche: Vec<Epoca>,
}

impl<'a> Esame<'a> {
    /// With the keys that its log ever had.
    ///
    /// # Errors
    /// The storage's.
    pub async fn di(ente: &'a dyn EnteStore, aoo: &'a CodiceAoo) -> Result<Self, Errore> {
        let chiavi = ente.chiavi(&Registro::Aoo(aoo.clone())).await?;
        let chiavi = chiavi.iter().filter_map(|k| k.parse().ok()).collect();
        Ok(Self { ente, aoo, chiavi, epoche: ente.configurazione().epoche(Some(aoo)).to_vec() })
    }

    /// Gaps of this AOO, oldest first.
    pub fn epoche(&self) -> &[Epoca] {
        &self.epoche
    }

    /// What a receipt is.
    ///
    /// # Errors
    /// The storage's.
    pub async fn giudica(&self, byte: &[u8]) -> Result<Giudizio, Errore> {
        let ricevuta = match Ricevuta::leggi(byte) {
            Ok(r) => r,
            Err(e) => return Ok(Giudizio::Falsa(e.to_string())),
        };
        // Without a key nobody vouches for anything: at most somebody says so.
        let (campi, autentica) = match catena::verifica(&ricevuta, &self.chiavi) {
            EsitoRicevuta::Autentica { campi } => (campi, true),
            EsitoRicevuta::CoerenteNonAutenticata { campi } => (campi, false),
            EsitoRicevuta::Falsa { motivi } => match catena::verifica(&ricevuta, &[]) {
                EsitoRicevuta::CoerenteNonAutenticata { campi } => (campi, false),
                _ => return Ok(Giudizio::Falsa(motivi.join("; "))),
            },
        };
        let suo = |k: &ChiavePubblica| k.nome() == ricevuta.origine;
        if !self.chiavi.iter().any(suo) {
            return Ok(Giudizio::Estranea(format!("è del registro {}, non di questo", ricevuta.origine)));
        }
        let testo = |n: &str| campi.get(n).and_then(Value::as_str);
        let intero = |n: &str| campi.get(n).and_then(Value::as_i64);
        let registro = testo("registro").and_then(|r| r.parse::<CodiceRegistro>().ok());
        let anno = intero("anno").and_then(|a| i32::try_from(a).ok());
        let (Some(registro), Some(anno), Some(numero)) = (registro, anno, intero("numero")) else {
            return Ok(Giudizio::Estranea("non rivela registro, anno e numero".to_owned()));
        };
        let posto: Posto = (registro, anno, numero);
        // The last that was declared: a number that two jump is of the history that came last.
        let Some(epoca) = self.epoche.iter().rev().find(|e| e.salto(&posto).is_some()) else {
            return if autentica { self.fuori(&posto, &ricevuta, &campi).await } else { Ok(fuori_da_tutte(&posto)) };
        };
        let impronta = Impronta(Sha256::digest(byte).into());
        let (registro, anno, numero) = posto;
        let nuovo = Ricostruito { registro, anno, numero, prova: None, fonte: None };
        if !autentica {
            let fonte = format!("ricevuta che nessuna chiave di questo registro ha firmato (SHA-256 {impronta})");
            return Ok(Giudizio::Affermato(Ricostruito { fonte: Some(fonte), ..nuovo }));
        }
        if ricevuta.indice < epoca.indice {
            return Ok(Giudizio::Allarme(format!(
                "{}/{anno}/{numero} sarebbe l'operazione {} del registro, che la copia ha già e che è un'altra",
                nuovo.registro, ricevuta.indice
            )));
        }
        let mut rivelati = campi.clone();
        let mut json = serde_json::to_string(&rivelati).map_err(|e| Errore::Incoerente(e.to_string()))?;
        if json.len() > CAMPI_BYTE_MAX {
            // Too much to be told: which it is, at least.
            rivelati.retain(|n, _| CHE_COSA.contains(&n.as_str()));
            json = serde_json::to_string(&rivelati).map_err(|e| Errore::Incoerente(e.to_string()))?;
        }
        let prova = Prova {
            ricevuta: impronta,
            indice: ricevuta.indice,
            che: testo("operazione").unwrap_or("operazione non rivelata").chars().take(100).collect(),
            quando: testo("istante").and_then(|t| Istante::leggi(t).ok()),
            campi: json,
        };
        Ok(Giudizio::Provato(Ricostruito { prova: Some(prova), ..nuovo }))
    }

    /// An authentic receipt of a number that no gap has.
    async fn fuori(&self, posto: &Posto, r: &Ricevuta, campi: &Map<String, Value>) -> Result<Giudizio, Errore> {
        let (registro, anno, numero) = posto;
        // Disclosures are salted: those of another operation never are the same.
        let oggi = self.ente.ricevuta(&Registro::Aoo(self.aoo.clone()), r.indice, &|n| campi.contains_key(n)).await?;
        if oggi.is_some_and(|o| o.rivelazioni == r.rivelazioni && o.impronte == r.impronte) {
            return Ok(Giudizio::Estranea(format!(
                "{registro}/{anno}/{numero} è nel registro: niente di suo è perduto"
            )));
        }
        let Ok(n) = (*numero).try_into() else { return Ok(fuori_da_tutte(posto)) };
        let chiave = Chiave { registro: registro.clone(), anno: *anno, numero: n };
        Ok(Giudizio::Allarme(match self.ente.registrazione(self.aoo, &chiave, None).await? {
            Some(_) => format!(
                "{registro}/{anno}/{numero} è stato dato due volte: la ricevuta è autentica, e nel registro quel numero è di un'altra \
                 operazione"
            ),
            None => format!(
                "{registro}/{anno}/{numero} fu dato, e nessuna lacuna lo dichiara saltato: prima che sia dato di nuovo va aperta \
                 un'altra epoca («protocollo epoca --numeri-dati {registro}/{anno}={numero}»)"
            ),
        }))
    }

    /// What is new among what was judged, as it is to be written: each number once, proof before word, nothing that is known
    /// already; and what contradicts what is.
    pub fn da_scrivere(
        &self,
        giudizi: impl IntoIterator<Item = Giudizio>,
    ) -> (Vec<ComandoConfigurazione>, Vec<String>) {
        let (mut contrasti, mut scelti) = (Vec::new(), BTreeMap::<Posto, Ricostruito>::new());
        for g in giudizi {
            let (Giudizio::Provato(r) | Giudizio::Affermato(r)) = g else { continue };
            let posto: Posto = (r.registro.clone(), r.anno, r.numero);
            let Some(epoca) = self.epoca(&posto) else { continue };
            let gia = scelti.get(&posto).or_else(|| epoca.ricostruiti.get(&posto));
            match (&r.prova, gia.map(|g| &g.prova)) {
                (Some(p), Some(Some(g))) if contrastano(p, g) => contrasti.push(format!(
                    "{}/{}/{}: due ricevute autentiche non dicono la stessa cosa (SHA-256 {} e {})",
                    r.registro, r.anno, r.numero, g.ricevuta, p.ricevuta
                )),
                (_, Some(Some(_))) | (None, Some(None)) => {}
                _ => {
                    scelti.insert(posto, r);
                }
            }
        }
        let epoche: BTreeSet<u32> = scelti.keys().filter_map(|p| Some(self.epoca(p)?.lacuna.epoca)).collect();
        let mut comandi = Vec::new();
        for epoca in epoche {
            let suoi = scelti.iter().filter(|(p, _)| self.epoca(p).is_some_and(|e| e.lacuna.epoca == epoca));
            let suoi: Vec<Ricostruito> = suoi.map(|(_, r)| r.clone()).collect();
            comandi.extend(
                suoi.chunks(RICOSTRUITI_MAX)
                    .map(|n| ComandoConfigurazione::RicostruisciLacuna(Ricostruzione { epoca, numeri: n.to_vec() })),
            );
        }
        (comandi, contrasti)
    }

    fn epoca(&self, posto: &Posto) -> Option<&Epoca> {
        self.epoche.iter().rev().find(|e| e.salto(posto).is_some())
    }

    /// Writes it down; how many numbers.
    ///
    /// # Errors
    /// The right that is missing, or the storage's.
    pub async fn scrivi(&self, chi: &Operatore, comandi: Vec<ComandoConfigurazione>) -> Result<usize, Errore> {
        let mut quanti = 0;
        for c in comandi {
            if let ComandoConfigurazione::RicostruisciLacuna(r) = &c {
                quanti += r.numeri.len();
            }
            self.ente.configura(self.aoo, chi, c, None, None).await?;
        }
        Ok(quanti)
    }

    /// A number that somebody says was given, and on what it rests.
    pub fn affermato(&self, posto: Posto, fonte: &str) -> Giudizio {
        if self.epoca(&posto).is_none() {
            return fuori_da_tutte(&posto);
        }
        let (registro, anno, numero) = posto;
        Giudizio::Affermato(Ricostruito { registro, anno, numero, prova: None, fonte: Some(fonte.to_owned()) })
    }
}

fn fuori_da_tutte((registro, anno, numero): &Posto) -> Giudizio {
    Giudizio::Estranea(format!("{registro}/{anno}/{numero} non è tra i numeri di nessuna lacuna"))
}

/// Two proofs of one number: of the same operation they say the same where both speak.
fn contrastano(a: &Prova, b: &Prova) -> bool {
    if a.indice != b.indice {
        // Of one number many operations tell; only one registers it.
        return a.che == b.che && a.che == "registrazione";
    }
    let campi = |p: &Prova| serde_json::from_str::<Map<String, Value>>(&p.campi).unwrap_or_default();
    let (a, b) = (campi(a), campi(b));
    a.iter().any(|(n, v)| b.get(n).is_some_and(|w| w != v))
}
