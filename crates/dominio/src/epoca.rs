//! Epochs (R-N05; design § 5): an archive that was restored may be behind what was given out. It never grows the same
//! log again: an operation names the last checkpoint known anywhere, and declares jumped every number that may have been
//! given since the copy. What it declares is never issued.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::codici::{CodiceRegistro, Impronta};
use crate::errori::{Rifiuto, Rigore, Validatore};
use crate::permessi::{Operatore, Porta};
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
}

impl Epoca {
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
