//! Nested values to flat fields and back: an operation is a flat JSON object (contract § 3).
//!
//! `{"destinatari":[{"nome":"A"}]}` is the field `destinatari.0.nome`. Nulls and empty containers leave no field.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{Error as _, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};
use serde_json::{Map, Value};

/// Field names to scalars.
pub type Campi = Map<String, Value>;

/// Adds the fields of `valore` to `campi` under `nome` (empty at the root).
pub fn appiattisci(nome: &mut String, valore: Value, campi: &mut Campi) {
    let base = nome.len();
    let scendi = |nome: &mut String, chiave: &str| {
        if base > 0 {
            nome.push('.');
        }
        nome.push_str(chiave);
    };
    match valore {
        Value::Null => {}
        Value::Object(o) => {
            for (k, v) in o {
                scendi(nome, &k);
                appiattisci(nome, v, campi);
                nome.truncate(base);
            }
        }
        Value::Array(a) => {
            for (i, v) in a.into_iter().enumerate() {
                scendi(nome, &i.to_string());
                appiattisci(nome, v, campi);
                nome.truncate(base);
            }
        }
        scalare => {
            campi.insert(nome.clone(), scalare);
        }
    }
}

/// A scalar, borrowed from the text or the value that holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalare<'a> {
    /// `null`.
    Nullo,
    /// `true` or `false`.
    Logico(bool),
    /// An integer that 64 bits hold.
    Intero(i64),
    /// A text.
    Testo(&'a str),
    /// What no operation holds: another number, a list, an object.
    Altro,
}

impl<'a> From<&'a Value> for Scalare<'a> {
    fn from(v: &'a Value) -> Self {
        match v {
            Value::Null => Self::Nullo,
            Value::Bool(b) => Self::Logico(*b),
            Value::String(t) => Self::Testo(t),
            Value::Number(n) => n.as_i64().map_or(Self::Altro, Self::Intero),
            Value::Array(_) | Value::Object(_) => Self::Altro,
        }
    }
}

/// The fields of an operation as its stored text has them, sorted by name: nothing is copied that the text already
/// holds as it is.
#[derive(Debug)]
pub struct CampiLetti<'a>(Vec<(Cow<'a, str>, Letto<'a>)>);

/// A value of [`CampiLetti`].
#[derive(Debug)]
enum Letto<'a> {
    Scalare(Scalare<'a>),
    /// It was escaped.
    Copiato(Box<str>),
}

impl Letto<'_> {
    fn scalare(&self) -> Scalare<'_> {
        match self {
            Self::Scalare(s) => *s,
            Self::Copiato(t) => Scalare::Testo(t),
        }
    }
}

impl<'a> CampiLetti<'a> {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// No object, or one that says a name twice: its reader would have to choose.
    pub fn leggi(testo: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(testo)
    }

    /// Names and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Scalare<'_>)> {
        self.0.iter().map(|(k, v)| (k.as_ref(), v.scalare()))
    }

    /// A field.
    pub fn get(&self, nome: &str) -> Option<Scalare<'_>> {
        let i = self.0.binary_search_by(|(k, _)| k.as_ref().cmp(nome)).ok()?;
        Some(self.0[i].1.scalare())
    }

    /// A field that is a text.
    pub fn testo(&self, nome: &str) -> Option<&str> {
        match self.get(nome) {
            Some(Scalare::Testo(t)) => Some(t),
            _ => None,
        }
    }

    /// A field that is an integer.
    pub fn intero(&self, nome: &str) -> Option<i64> {
        match self.get(nome) {
            Some(Scalare::Intero(n)) => Some(n),
            _ => None,
        }
    }

    /// To be read into a type.
    pub fn annidati(&self) -> Annidati<'_> {
        Annidati(Nodo::Ramo(radice(self.iter())))
    }
}

impl<'de> Deserialize<'de> for CampiLetti<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Oggetto;
        impl<'de> Visitor<'de> for Oggetto {
            type Value = CampiLetti<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("un oggetto")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut m: A) -> Result<Self::Value, A::Error> {
                let mut campi: Vec<(Cow<'de, str>, Letto<'de>)> = Vec::with_capacity(48);
                while let Some(Nome(k)) = m.next_key()? {
                    campi.push((k, m.next_value()?));
                }
                // Written sorted, but for the few that the writer adds at the end.
                campi.sort_by(|a, b| a.0.cmp(&b.0));
                if campi.windows(2).any(|due| due[0].0 == due[1].0) {
                    return Err(A::Error::custom("un campo c'è due volte"));
                }
                Ok(CampiLetti(campi))
            }
        }
        d.deserialize_map(Oggetto)
    }
}

/// A name, borrowed where it can be.
struct Nome<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Nome<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Testo;
        impl<'de> Visitor<'de> for Testo {
            type Value = Nome<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("un nome")
            }
            fn visit_borrowed_str<E>(self, t: &'de str) -> Result<Self::Value, E> {
                Ok(Nome(Cow::Borrowed(t)))
            }
            fn visit_str<E>(self, t: &str) -> Result<Self::Value, E> {
                Ok(Nome(Cow::Owned(t.to_owned())))
            }
        }
        d.deserialize_str(Testo)
    }
}

impl<'de> Deserialize<'de> for Letto<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Qualunque;
        impl<'de> Visitor<'de> for Qualunque {
            type Value = Letto<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("un valore semplice")
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Letto::Scalare(Scalare::Nullo))
            }
            fn visit_bool<E>(self, b: bool) -> Result<Self::Value, E> {
                Ok(Letto::Scalare(Scalare::Logico(b)))
            }
            fn visit_i64<E>(self, n: i64) -> Result<Self::Value, E> {
                Ok(Letto::Scalare(Scalare::Intero(n)))
            }
            fn visit_u64<E>(self, n: u64) -> Result<Self::Value, E> {
                Ok(Letto::Scalare(i64::try_from(n).map_or(Scalare::Altro, Scalare::Intero)))
            }
            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Letto::Scalare(Scalare::Altro))
            }
            fn visit_borrowed_str<E>(self, t: &'de str) -> Result<Self::Value, E> {
                Ok(Letto::Scalare(Scalare::Testo(t)))
            }
            fn visit_str<E>(self, t: &str) -> Result<Self::Value, E> {
                Ok(Letto::Copiato(t.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut a: A) -> Result<Self::Value, A::Error> {
                while a.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Letto::Scalare(Scalare::Altro))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut a: A) -> Result<Self::Value, A::Error> {
                while a.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Letto::Scalare(Scalare::Altro))
            }
        }
        d.deserialize_any(Qualunque)
    }
}

/// Flat fields as the nested value they stand for, read without copying any of it.
pub struct Annidati<'a>(Nodo<'a>);

enum Nodo<'a> {
    Foglia(Scalare<'a>),
    Ramo(Vec<(&'a str, Nodo<'a>)>),
}

impl<'a> Annidati<'a> {
    /// A field of the root that is a text.
    pub fn testo(&self, nome: &str) -> Option<&'a str> {
        let Nodo::Ramo(figli) = &self.0 else { return None };
        match figli.iter().find(|(k, _)| *k == nome)?.1 {
            Nodo::Foglia(Scalare::Testo(t)) => Some(t),
            _ => None,
        }
    }
}

/// The nested value of flat fields. Objects whose every key is a number become arrays, in numeric order.
pub fn espandi(campi: &Campi) -> Value {
    monta(&Nodo::Ramo(radice(di(campi))))
}

fn di(campi: &Campi) -> impl Iterator<Item = (&str, Scalare<'_>)> {
    campi.iter().map(|(k, v)| (k.as_str(), v.into()))
}

/// The same, to be read straight into a type: `T::deserialize(&annidati(campi))`.
pub fn annidati(campi: &Campi) -> Annidati<'_> {
    Annidati(Nodo::Ramo(radice(di(campi))))
}

fn radice<'a>(campi: impl Iterator<Item = (&'a str, Scalare<'a>)>) -> Vec<(&'a str, Nodo<'a>)> {
    let mut radice = Vec::with_capacity(24);
    for (nome, valore) in campi {
        inserisci(&mut radice, nome, valore);
    }
    radice
}

/// Do these keys make a list?
fn numerico(figli: &[(&str, Nodo<'_>)]) -> bool {
    !figli.is_empty() && figli.iter().all(|(k, _)| k.bytes().all(|b| b.is_ascii_digit()))
}

/// The elements of a list, in order.
fn in_ordine<'b, 'a>(figli: &'b [(&'a str, Nodo<'a>)]) -> Vec<(u64, &'b Nodo<'a>)> {
    let mut v: Vec<_> = figli.iter().map(|(k, n)| (k.parse().unwrap_or(u64::MAX), n)).collect();
    v.sort_by_key(|(i, _)| *i);
    v
}

impl<'de> Deserializer<'de> for &Annidati<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Self::Error> {
        (&self.0).deserialize_any(v)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> Deserializer<'de> for &Nodo<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Self::Error> {
        match self {
            Nodo::Foglia(Scalare::Nullo) => v.visit_unit(),
            Nodo::Foglia(Scalare::Logico(b)) => v.visit_bool(*b),
            Nodo::Foglia(Scalare::Intero(n)) => match u64::try_from(*n) {
                Ok(n) => v.visit_u64(n),
                Err(_) => v.visit_i64(*n),
            },
            Nodo::Foglia(Scalare::Testo(t)) => v.visit_borrowed_str(t),
            Nodo::Foglia(Scalare::Altro) => Err(Self::Error::invalid_type(Unexpected::Other("valore composto"), &v)),
            Nodo::Ramo(figli) if numerico(figli) => {
                v.visit_seq(SeqDeserializer::new(in_ordine(figli).into_iter().map(|(_, n)| Figlio(n))))
            }
            Nodo::Ramo(figli) => v.visit_map(MapDeserializer::new(
                figli.iter().map(|(k, n)| (BorrowedStrDeserializer::new(k), Figlio(n))),
            )),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Self::Error> {
        match self {
            Nodo::Foglia(Scalare::Nullo) => v.visit_none(),
            _ => v.visit_some(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        nome: &'static str,
        varianti: &'static [&'static str],
        v: V,
    ) -> Result<V::Value, Self::Error> {
        match self {
            Nodo::Foglia(Scalare::Testo(t)) => BorrowedStrDeserializer::new(t).deserialize_enum(nome, varianti, v),
            // No type of ours holds anything in a variant's name.
            _ => monta(self).deserialize_enum(nome, varianti, v),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, v: V) -> Result<V::Value, Self::Error> {
        v.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Self::Error> {
        v.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier
    }
}

/// A child on its way into a type.
struct Figlio<'b, 'a>(&'b Nodo<'a>);

impl<'de> IntoDeserializer<'de, serde_json::Error> for Figlio<'_, 'de> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Figlio<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_any(v)
    }
    fn deserialize_option<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_option(v)
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        nome: &'static str,
        varianti: &'static [&'static str],
        v: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_enum(nome, varianti, v)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, nome: &'static str, v: V) -> Result<V::Value, Self::Error> {
        self.0.deserialize_newtype_struct(nome, v)
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, v: V) -> Result<V::Value, Self::Error> {
        v.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier
    }
}

fn monta(nodo: &Nodo<'_>) -> Value {
    match nodo {
        Nodo::Foglia(s) => match s {
            Scalare::Nullo | Scalare::Altro => Value::Null,
            Scalare::Logico(b) => (*b).into(),
            Scalare::Intero(n) => (*n).into(),
            Scalare::Testo(t) => (*t).into(),
        },
        Nodo::Ramo(f) if numerico(f) => Value::Array(in_ordine(f).into_iter().map(|(_, n)| monta(n)).collect()),
        Nodo::Ramo(f) => Value::Object(f.iter().map(|(k, n)| ((*k).to_owned(), monta(n))).collect()),
    }
}

fn inserisci<'a>(ramo: &mut Vec<(&'a str, Nodo<'a>)>, nome: &'a str, valore: Scalare<'a>) {
    match nome.split_once('.') {
        None => ramo.push((nome, Nodo::Foglia(valore))),
        Some((testa, coda)) => {
            // Fields come sorted by name, so the branch wanted is nearly always the last one.
            let posto = match ramo.last() {
                Some((k, _)) if *k == testa => ramo.len() - 1,
                _ => match ramo.iter().position(|(k, _)| *k == testa) {
                    Some(p) => p,
                    None => {
                        ramo.push((testa, Nodo::Ramo(Vec::new())));
                        ramo.len() - 1
                    }
                },
            };
            if let Nodo::Ramo(figli) = &mut ramo[posto].1 {
                inserisci(figli, coda, valore);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_list_keeps_its_order_past_ten() {
        let v = json!({"destinatari": (0..12).map(|i| json!({"nome": format!("n{i}")})).collect::<Vec<_>>()});
        let mut c = Campi::new();
        appiattisci(&mut String::new(), v.clone(), &mut c);
        assert_eq!(c["destinatari.11.nome"], "n11");
        assert_eq!(espandi(&c), v);
    }

    #[test]
    fn a_text_that_would_have_to_be_interpreted_is_refused_or_says_nothing() {
        for male in ["", "[]", "1", r#"{"a":1,"a":1}"#, r#"{"a":1,"b":2,"\u0061":3}"#, r#"{"a":1}x"#] {
            assert!(CampiLetti::leggi(male).is_err(), "{male}");
        }
        let c =
            CampiLetti::leggi(r#"{"z":null,"f":1.5,"g":18446744073709551615,"o":{"x":[1]},"l":[{}],"n":-3}"#).unwrap();
        for altro in ["f", "g", "o", "l"] {
            assert_eq!(c.get(altro), Some(Scalare::Altro), "{altro}");
        }
        assert_eq!((c.get("z"), c.intero("n"), c.get("manca")), (Some(Scalare::Nullo), Some(-3), None));
        assert!(<Value as serde::Deserialize>::deserialize(&c.annidati()).is_err());
    }

    fn valore() -> impl Strategy<Value = Value> {
        let foglia = prop_oneof![
            any::<i32>().prop_map(|n| json!(n)),
            any::<bool>().prop_map(|b| json!(b)),
            "[a-zè\"\\\\\n. ]{0,6}".prop_map(|s| json!(s)),
        ];
        foglia.prop_recursive(3, 20, 4, |v| {
            prop_oneof![
                proptest::collection::vec(v.clone(), 1..4).prop_map(Value::Array),
                proptest::collection::btree_map("[a-zA-Z]{1,5}", v, 1..4)
                    .prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn flat_and_back_is_the_same(
            m in proptest::collection::btree_map("[a-zA-Z]{1,5}", valore(), 1..5), giro in 0usize..9
        ) {
            let v = Value::Object(m.into_iter().collect());
            let mut c = Campi::new();
            appiattisci(&mut String::new(), v.clone(), &mut c);
            prop_assert!(c.values().all(|x| !x.is_object() && !x.is_array() && !x.is_null()));
            prop_assert_eq!(espandi(&c), v.clone());
            let letto = <Value as serde::Deserialize>::deserialize(&annidati(&c)).unwrap();
            prop_assert_eq!(&letto, &v);
            // From the text, whatever the order its fields come in.
            let mut campi: Vec<String> = c.iter().map(|(k, v)| format!("{}:{v}", Value::from(k.as_str()))).collect();
            campi.rotate_left(giro % c.len());
            let testo = format!("{{{}}}", campi.join(","));
            let letti = CampiLetti::leggi(&testo).unwrap();
            prop_assert!(letti.iter().eq(di(&c)));
            prop_assert!(c.iter().all(|(k, v)| letti.get(k) == Some(v.into())));
            prop_assert_eq!(<Value as serde::Deserialize>::deserialize(&letti.annidati()).unwrap(), v);
        }
    }
}
