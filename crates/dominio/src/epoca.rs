//! Epochs (R-N05; design § 5): an archive that was restored may be behind what was given out. It never grows the same
//! log again: an operation names the last checkpoint known anywhere, and declares jumped every number that may have been
//! given since the copy. What it declares is never issued.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::codici::{CodiceRegistro, Impronta};
use crate::errori::{Rifiuto, Rigore, Validatore};
use crate::nuova::richiede_copie;
use crate::operazione::Evento;
use crate::permessi::{Operatore, Porta};
use crate::tempo::Istante;
use crate::testo;

/// Highest number that can be declared given.
pub const NUMERO_MAX: i64 = 999_999_999_999;

/// A checkpoint, as the operation names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noto {
    /// Origin of its log.
    pub origine: String,
    /// How many operations it covers.
    pub dimensione: u64,
    /// Root of the tree.
    pub radice: Impronta,
}

/// Numbers that are never issued: of a register and year, from one to another, both included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Salto {
    /// Register.
    pub registro: CodiceRegistro,
    /// Year.
    pub anno: i32,
    /// First number that is jumped: the one after the last of the copy.
    pub da: i64,
    /// Last number that is jumped.
    pub a: i64,
}

/// Rows of the access log that were lost, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accessi {
    /// The first.
    pub da: u64,
    /// The last that is known.
    pub a: u64,
}

/// A gap declared at the beginning of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lacuna {
    /// Which epoch begins: the second is the first that needs to be declared.
    pub epoca: u32,
    /// The last checkpoint known anywhere; absent when none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ultimo: Option<Noto>,
    /// Numbers that are jumped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub salti: Vec<Salto>,
    /// In the ente's own log: accesses that were signed and that the copy has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accessi: Option<Accessi>,
    /// Why.
    pub motivo: String,
}

/// An epoch as it is found in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoca {
    /// Index of the operation that opened it.
    pub indice: u64,
    /// What it declares.
    pub lacuna: Lacuna,
    /// What was found out afterwards of the numbers it jumped, each once: what proves it takes the place of what says so.
    pub ricostruiti: BTreeMap<Posto, Ricostruito>,
}

/// A place of a register: register, year, number.
pub type Posto = (CodiceRegistro, i32, i64);

/// What is known of a number of an interval that was lost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ricostruito {
    /// Register.
    pub registro: CodiceRegistro,
    /// Year.
    pub anno: i32,
    /// Number.
    pub numero: i64,
    /// What proves it: a receipt, signed by a key of the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prova: Option<Prova>,
    /// Where nothing proves it, on what it rests: a label, a paper register, somebody's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fonte: Option<String>,
}

/// What a receipt proves. It stays with who has it: here is what it says, and by which bytes it is known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prova {
    /// SHA-256 of its bytes.
    pub ricevuta: Impronta,
    /// Index that the operation had in the log that was lost.
    pub indice: u64,
    /// Which operation.
    pub che: String,
    /// When, if it is disclosed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quando: Option<Istante>,
    /// The fields that it discloses, as a JSON object.
    pub campi: String,
}

/// What was found out of an interval that was lost: numbers are never given again, nor are registrations made of it (R-N05).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ricostruzione {
    /// The epoch that declared it.
    pub epoca: u32,
    /// Number by number.
    pub numeri: Vec<Ricostruito>,
}

/// Numbers that one operation tells of, at most.
pub const RICOSTRUITI_MAX: usize = 500;
/// Numbers that are told of an epoch, at most.
const RICOSTRUITI_DI_EPOCA_MAX: usize = 20_000;
/// Longest JSON of disclosed fields, bytes.
pub const CAMPI_BYTE_MAX: usize = 64 * 1024;

/// What is known of some numbers of an interval that was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tratto<'a> {
    /// Register.
    pub registro: &'a CodiceRegistro,
    /// Year.
    pub anno: i32,
    /// First number.
    pub da: i64,
    /// Last number.
    pub a: i64,
    /// How it stands.
    pub stato: StatoNumero<'a>,
}

/// How a number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatoNumero<'a> {
    /// A receipt proves it.
    Provato(&'a Prova),
    /// It was given, since a later one of the same register and year is proven; nobody knows to what.
    Dato,
    /// Somebody says so: on what it rests.
    Affermato(&'a str),
    /// It may never have been given.
    Ignoto,
}

impl Epoca {
    /// As it is declared.
    pub fn nuova(indice: u64, lacuna: Lacuna) -> Self {
        Self { indice, lacuna, ricostruiti: BTreeMap::new() }
    }

    /// The jump that a number is in.
    pub fn salto(&self, (registro, anno, numero): &Posto) -> Option<&Salto> {
        self.lacuna.salti.iter().find(|s| s.registro == *registro && s.anno == *anno && (s.da..=s.a).contains(numero))
    }

    /// What was found out is added.
    pub(crate) fn apprende(&mut self, r: &Ricostruzione) {
        for n in &r.numeri {
            self.ricostruiti.insert((n.registro.clone(), n.anno, n.numero), n.clone());
        }
    }

    /// Every number that was jumped, those of which the same is known together.
    ///
    /// Numbers of a register follow one another: the one that is proven was preceded by all that come before it. Not where the
    /// history that was lost had jumped some itself, which shows: each operation gives one number at most.
    pub fn numero_per_numero(&self) -> Vec<Tratto<'_>> {
        let mut out = Vec::new();
        for s in &self.lacuna.salti {
            let (registro, anno) = (&s.registro, s.anno);
            let posto = |n| (registro.clone(), anno, n);
            let suoi: Vec<&Ricostruito> = self.ricostruiti.range(posto(s.da)..=posto(s.a)).map(|(_, r)| r).collect();
            let certo = |r: &&Ricostruito| {
                r.prova.as_ref().is_some_and(|p| {
                    u64::try_from(r.numero - s.da).is_ok_and(|prima| prima <= p.indice.saturating_sub(self.indice))
                })
            };
            let fino = suoi.iter().copied().filter(certo).map(|r| r.numero).max().unwrap_or(s.da - 1);
            let mut vuoto = |da: i64, a: i64| {
                let dati = a.min(fino);
                for (da, a, stato) in [(da, dati, StatoNumero::Dato), (da.max(fino + 1), a, StatoNumero::Ignoto)] {
                    if da <= a {
                        out.push(Tratto { registro, anno, da, a, stato });
                    }
                }
            };
            let mut da = s.da;
            let mut detti = Vec::new();
            for r in suoi {
                vuoto(da, r.numero - 1);
                let stato = match (&r.prova, &r.fonte) {
                    (Some(p), _) => StatoNumero::Provato(p),
                    (None, fonte) => StatoNumero::Affermato(fonte.as_deref().unwrap_or_default()),
                };
                detti.push(Tratto { registro, anno, da: r.numero, a: r.numero, stato });
                da = r.numero + 1;
            }
            vuoto(da, s.a);
            out.append(&mut detti);
        }
        out.sort_by(|x, y| (x.registro, x.anno, x.da).cmp(&(y.registro, y.anno, y.da)));
        out
    }

    /// A checkpoint of this size and root is of the history that the restoring left behind.
    pub fn copre(&self, dimensione: u64, radice: &[u8; 32]) -> bool {
        self.lacuna.ultimo.as_ref().is_some_and(|u| {
            self.indice < dimensione
                && (dimensione < u.dimensione || dimensione == u.dimensione && &u.radice.0 == radice)
        })
    }
}

/// What is asked: numbers up to which each register may have gone in a year.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NuovaLacuna {
    /// The last checkpoint known anywhere.
    pub ultimo: Option<Noto>,
    /// Register, year, last number that may have been given.
    pub fino: Vec<(CodiceRegistro, i32, i64)>,
    /// Accesses that were signed and are lost.
    pub accessi: Option<Accessi>,
    /// Why.
    pub motivo: String,
}

/// Judges a declaration. `ultimo_numero` gives the last number of a register in a year as the archive has it, 0 when there
/// is none; `epoche` are those the log has already.
///
/// # Errors
/// The field that does not hold. Who serves the public cannot ask for it: whoever restores does.
pub fn dichiara<E: From<Rifiuto>>(
    chi: &Operatore,
    origine: &str,
    epoche: &[Epoca],
    n: NuovaLacuna,
    mut ultimo_numero: impl FnMut(&CodiceRegistro, i32) -> Result<i64, E>,
) -> Result<Lacuna, E> {
    if !matches!(chi.porta, Porta::Cli | Porta::Sistema) {
        return Err(Rifiuto::Vietato("una lacuna si dichiara solo ripristinando una copia".to_owned()).into());
    }
    let mut v = Validatore::nuovo(Rigore::Operatore);
    if n.ultimo.as_ref().is_some_and(|u| u.origine != origine) {
        v.errore("ultimo.origine", format!("il checkpoint non è di {origine}"));
    }
    let mut salti = Vec::new();
    let mut visti = BTreeSet::new();
    for (registro, anno, fino) in n.fino {
        let campo = format!("salti.{registro}/{anno}");
        if !visti.insert((registro.clone(), anno)) {
            v.errore(campo, "è indicato due volte");
        } else if !(0..=NUMERO_MAX).contains(&fino) {
            v.errore(campo, format!("va da 0 a {NUMERO_MAX}"));
        } else {
            let ultimo = ultimo_numero(&registro, anno)?;
            if fino > ultimo {
                salti.push(Salto { registro, anno, da: ultimo + 1, a: fino });
            }
        }
    }
    let motivo = testo::obbligatorio(&mut v, "motivo", &n.motivo, 1_000);
    v.chiudi()?;
    let epoca = epoche.last().map_or(2, |e| e.lacuna.epoca.saturating_add(1));
    Ok(Lacuna { epoca, ultimo: n.ultimo, salti, accessi: n.accessi, motivo })
}

/// Judges what was found out of the numbers that an epoch jumped. That receipts hold is looked at by who has the keys.
///
/// # Errors
/// The right, the epoch or the number that does not hold.
pub(crate) fn ricostruisci(chi: &Operatore, epoche: &[Epoca], r: Ricostruzione) -> Result<Evento, Rifiuto> {
    richiede_copie(chi)?;
    let epoca = epoche.iter().find(|e| e.lacuna.epoca == r.epoca);
    let epoca = epoca.ok_or_else(|| Rifiuto::NonTrovato(format!("in questo registro l'epoca {} non c'è", r.epoca)))?;
    let mut v = Validatore::nuovo(Rigore::Operatore);
    if r.numeri.is_empty() {
        v.errore("numeri", "va indicato almeno un numero");
    } else if r.numeri.len() > RICOSTRUITI_MAX {
        v.errore("numeri", format!("sono più di {RICOSTRUITI_MAX}: vanno divisi"));
    } else if epoca.ricostruiti.len() + r.numeri.len() > RICOSTRUITI_DI_EPOCA_MAX {
        v.errore("numeri", format!("di un'epoca se ne scrivono al più {RICOSTRUITI_DI_EPOCA_MAX}"));
    }
    let mut visti = BTreeSet::new();
    let mut numeri = Vec::new();
    for mut n in r.numeri.into_iter().take(RICOSTRUITI_MAX) {
        let posto = (n.registro.clone(), n.anno, n.numero);
        let campo = format!("numeri.{}/{}/{}", n.registro, n.anno, n.numero);
        if epoca.salto(&posto).is_none() {
            v.errore(&campo, "non è tra i numeri che questa lacuna dichiara saltati");
        }
        if !visti.insert(posto.clone()) {
            v.errore(&campo, "è indicato due volte");
        }
        match (&n.prova, epoca.ricostruiti.get(&posto)) {
            (Some(p), Some(Ricostruito { prova: Some(gia), .. })) if p.ricevuta != gia.ricevuta => {
                v.errore(&campo, "è già provato da un'altra ricevuta");
            }
            (_, Some(Ricostruito { prova: Some(_), .. })) => v.errore(&campo, "è già provato"),
            (None, Some(_)) => v.errore(&campo, "è già annotato"),
            _ => {}
        }
        if let Some(p) = &n.prova {
            n.fonte = None;
            let oggetto = serde_json::from_str::<serde_json::Value>(&p.campi).is_ok_and(|c| c.is_object());
            if p.campi.len() > CAMPI_BYTE_MAX || !oggetto {
                v.errore(&campo, "i campi rivelati non sono un oggetto JSON, o sono troppo lunghi");
            }
        } else {
            n.fonte = Some(testo::obbligatorio(&mut v, &campo, n.fonte.as_deref().unwrap_or_default(), 1_000));
        }
        numeri.push(n);
    }
    v.chiudi()?;
    Ok(Evento::LacunaRicostruita(Ricostruzione { epoca: r.epoca, numeri }))
}
