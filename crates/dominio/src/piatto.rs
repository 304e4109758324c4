//! Nested values to flat fields and back: an operation is a flat JSON object (contract § 3).
//!
//! `{"destinatari":[{"nome":"A"}]}` is the field `destinatari.0.nome`. Nulls and empty containers leave no field.

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

enum Nodo<'a> {
    Foglia(&'a Value),
    Ramo(Vec<(&'a str, Nodo<'a>)>),
}

/// The nested value of flat fields. Objects whose every key is a number become arrays, in numeric order.
pub fn espandi(campi: &Campi) -> Value {
    let mut radice = Vec::new();
    for (nome, valore) in campi {
        inserisci(&mut radice, nome, valore);
    }
    monta(Nodo::Ramo(radice))
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

fn monta(nodo: Nodo<'_>) -> Value {
    match nodo {
        Nodo::Foglia(v) => v.clone(),
        Nodo::Ramo(figli) => {
            let numerico = !figli.is_empty() && figli.iter().all(|(k, _)| k.bytes().all(|b| b.is_ascii_digit()));
            if numerico {
                let mut per_indice: Vec<(u64, Value)> =
                    figli.into_iter().map(|(k, n)| (k.parse().unwrap_or(u64::MAX), monta(n))).collect();
                per_indice.sort_by_key(|(i, _)| *i);
                Value::Array(per_indice.into_iter().map(|(_, v)| v).collect())
            } else {
                Value::Object(figli.into_iter().map(|(k, n)| (k.to_owned(), monta(n))).collect())
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
            prop_assert_eq!(espandi(&c), v);
        }
    }
}
