//! Nested values to flat fields and back: an operation is a flat JSON object (contract § 3).
//!
//! `{"destinatari":[{"nome":"A"}]}` is the field `destinatari.0.nome`. Nulls and empty containers leave no field.

use serde::de::value::{BorrowedStrDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{IntoDeserializer, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};
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

/// Flat fields as the nested value they stand for, read without copying any of it.
pub struct Annidati<'a>(Nodo<'a>);

enum Nodo<'a> {
    Foglia(&'a Value),
    Ramo(Vec<(&'a str, Nodo<'a>)>),
}

/// The nested value of flat fields. Objects whose every key is a number become arrays, in numeric order.
pub fn espandi(campi: &Campi) -> Value {
    monta(&Nodo::Ramo(radice(campi)))
}

/// The same, to be read straight into a type: `T::deserialize(&annidati(campi))`.
pub fn annidati(campi: &Campi) -> Annidati<'_> {
    Annidati(Nodo::Ramo(radice(campi)))
}

fn radice(campi: &Campi) -> Vec<(&str, Nodo<'_>)> {
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
            Nodo::Foglia(x) => x.deserialize_any(v),
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
            Nodo::Foglia(Value::Null) => v.visit_none(),
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
            Nodo::Foglia(x) => x.deserialize_enum(nome, varianti, v),
            // No type of ours holds anything in a variant's name.
            Nodo::Ramo(_) => monta(self).deserialize_enum(nome, varianti, v),
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
        Nodo::Foglia(v) => (*v).clone(),
        Nodo::Ramo(f) if numerico(f) => Value::Array(in_ordine(f).into_iter().map(|(_, n)| monta(n)).collect()),
        Nodo::Ramo(f) => Value::Object(f.iter().map(|(k, n)| ((*k).to_owned(), monta(n))).collect()),
    }
}

fn inserisci<'a>(ramo: &mut Vec<(&'a str, Nodo<'a>)>, nome: &'a str, valore: &'a Value) {
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

    fn valore() -> impl Strategy<Value = Value> {
        let foglia = prop_oneof![
            any::<i32>().prop_map(|n| json!(n)),
            any::<bool>().prop_map(|b| json!(b)),
            "[a-z. ]{0,6}".prop_map(|s| json!(s)),
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
        fn flat_and_back_is_the_same(m in proptest::collection::btree_map("[a-zA-Z]{1,5}", valore(), 1..5)) {
            let v = Value::Object(m.into_iter().collect());
            let mut c = Campi::new();
            appiattisci(&mut String::new(), v.clone(), &mut c);
            prop_assert!(c.values().all(|x| !x.is_object() && !x.is_array() && !x.is_null()));
            prop_assert_eq!(espandi(&c), v.clone());
            let letto = <Value as serde::Deserialize>::deserialize(&annidati(&c)).unwrap();
            prop_assert_eq!(letto, v);
        }
    }
}
