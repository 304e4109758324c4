//! What waits to be sent: statements with their values, and the columns of rows that go together.

use tokio_postgres::types::{ToSql, Type};

use crate::motore::Valore;
use crate::store::{Errore, Esito};

/// A value that waits.
#[derive(Debug)]
pub(super) enum Tenuto {
    Nullo,
    Intero(i64),
    Testo(Box<str>),
    Byte(Box<[u8]>),
}

impl From<&Valore<'_>> for Tenuto {
    fn from(v: &Valore<'_>) -> Self {
        match v {
            Valore::Nullo => Self::Nullo,
            Valore::Intero(n) => Self::Intero(*n),
            Valore::Testo(t) => Self::Testo((*t).into()),
            Valore::Byte(b) => Self::Byte((*b).into()),
        }
    }
}

impl Tenuto {
    pub fn valore(&self) -> Valore<'_> {
        match self {
            Self::Nullo => Valore::Nullo,
            Self::Intero(n) => Valore::Intero(*n),
            Self::Testo(t) => Valore::Testo(t),
            Self::Byte(b) => Valore::Byte(b),
        }
    }
}

/// A statement that waits, with its values.
pub(super) struct Attesa {
    pub sql: &'static str,
    pub valori: Vec<Tenuto>,
}

/// A column of rows that go together.
pub(super) enum Colonna<'a> {
    Interi(Vec<Option<i64>>),
    Testi(Vec<Option<&'a str>>),
    Byte(Vec<Option<&'a [u8]>>),
}

impl<'a> Colonna<'a> {
    pub fn di(tipo: &Type, righe: &[&'a Attesa], i: usize) -> Result<Self, Errore> {
        Ok(match *tipo {
            Type::INT8 => Self::Interi(valori(righe, i, |v| if let Valore::Intero(n) = v { Some(n) } else { None })?),
            Type::TEXT => Self::Testi(valori(righe, i, |v| if let Valore::Testo(t) = v { Some(t) } else { None })?),
            Type::BYTEA => Self::Byte(valori(righe, i, |v| if let Valore::Byte(b) = v { Some(b) } else { None })?),
            _ => return Err(di_altro_tipo()),
        })
    }

    pub fn come_parametro(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Interi(v) => v,
            Self::Testi(v) => v,
            Self::Byte(v) => v,
        }
    }
}

fn di_altro_tipo() -> Errore {
    Errore::Incoerente("un valore non ha il tipo della sua colonna".to_owned())
}

/// The i-th values of some rows, all of one type or absent.
fn valori<'a, T>(righe: &[&'a Attesa], i: usize, come: impl Fn(Valore<'a>) -> Option<T>) -> Esito<Vec<Option<T>>> {
    righe
        .iter()
        .map(|r| match r.valori.get(i).map_or(Valore::Nullo, Tenuto::valore) {
            Valore::Nullo => Ok(None),
            v => come(v).map(Some).ok_or_else(di_altro_tipo),
        })
        .collect()
}
