//! JSON from outside into typed commands, with errors in Italian that name the field.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::errori::{ErroreCampo, Rifiuto};

/// Reads a value into a type, then refuses whatever the type did not take: a misspelt field is never ignored.
///
/// # Errors
/// [`Rifiuto::NonValido`] naming the field.
pub fn leggi<T: DeserializeOwned + Serialize>(valore: Value) -> Result<T, Rifiuto> {
    let letto: T = serde_path_to_error::deserialize(valore.clone()).map_err(|e| {
        let posto = e.path().to_string();
        Rifiuto::NonValido(vec![traduci(&posto, &e.inner().to_string())])
    })?;
    let scritto = serde_json::to_value(&letto).unwrap_or(Value::Null);
    let mut ignoti = Vec::new();
    ignorati(&valore, &scritto, &mut String::new(), &mut ignoti);
    if ignoti.is_empty() {
        Ok(letto)
    } else {
        Err(Rifiuto::NonValido(
            ignoti
                .into_iter()
                .take(20)
                .map(|campo| ErroreCampo { campo, messaggio: "campo sconosciuto".to_owned() })
                .collect(),
        ))
    }
}

fn vuoto(v: &Value) -> bool {
    match v {
        Value::Null | Value::Bool(false) => true,
        Value::Array(a) => a.is_empty(),
        _ => false,
    }
}

fn ignorati(dato: &Value, letto: &Value, posto: &mut String, ignoti: &mut Vec<String>) {
    let base = posto.len();
    let scendi = |posto: &mut String, k: &str| {
        if base > 0 {
            posto.push('.');
        }
        posto.push_str(k);
    };
    match (dato, letto) {
        (Value::Object(d), Value::Object(l)) => {
            for (k, v) in d {
                scendi(posto, k);
                match l.get(k) {
                    Some(x) => ignorati(v, x, posto, ignoti),
                    None if vuoto(v) => {}
                    None => ignoti.push(posto.clone()),
                }
                posto.truncate(base);
            }
        }
        (Value::Array(d), Value::Array(l)) => {
            for (i, (v, x)) in d.iter().zip(l).enumerate() {
                scendi(posto, &i.to_string());
                ignorati(v, x, posto, ignoti);
                posto.truncate(base);
            }
        }
        _ => {}
    }
}

fn tra_apici(testo: &str) -> Option<&str> {
    let (_, dopo) = testo.split_once('`')?;
    dopo.split_once('`').map(|(dentro, _)| dentro)
}

fn traduci(posto: &str, inglese: &str) -> ErroreCampo {
    let posto = posto.replace('[', ".").replace(']', "");
    let posto = if posto == "." || posto == "?" { String::new() } else { posto };
    let figlio = |nome: &str| if posto.is_empty() { nome.to_owned() } else { format!("{posto}.{nome}") };
    let breve = inglese.split(" at line ").next().unwrap_or(inglese);
    if let Some(nome) = breve.strip_prefix("missing field ").and_then(tra_apici) {
        return ErroreCampo { campo: figlio(nome), messaggio: "manca".to_owned() };
    }
    if let Some(nome) = breve.strip_prefix("unknown field ").and_then(tra_apici) {
        return ErroreCampo { campo: figlio(nome), messaggio: "campo sconosciuto".to_owned() };
    }
    if let Some(nome) = breve.strip_prefix("duplicate field ").and_then(tra_apici) {
        return ErroreCampo { campo: figlio(nome), messaggio: "è ripetuto".to_owned() };
    }
    let messaggio = if let Some(resto) = breve.strip_prefix("unknown variant ") {
        let ammessi = resto.split_once("expected ").map_or("", |(_, a)| a).replace("one of ", "").replace('`', "«");
        let ammessi: String = ammessi.split('«').filter(|s| !s.is_empty()).collect();
        format!("valore «{}» non ammesso; valori ammessi: {ammessi}", tra_apici(resto).unwrap_or_default())
    } else if breve.starts_with("invalid type") || breve.starts_with("invalid value") {
        "il tipo del valore è errato".to_owned()
    } else if breve.contains("failed to parse") || breve.contains("civil date") {
        "la data va scritta come 2026-11-23".to_owned()
    } else {
        breve.to_owned()
    };
    ErroreCampo { campo: if posto.is_empty() { "dati".to_owned() } else { posto }, messaggio }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nuova::NuovaRegistrazione;
    use serde_json::json;

    fn base() -> Value {
        json!({"tipo":"entrata","oggetto":"Istanza","mezzo":"pec",
            "mittente":{"tipo":"persona-fisica","nome":"Maria","cognome":"Rossi","codiceFiscale":"RSSMRA80A01H501U","pec":null},
            "destinatari":[],"dataArrivo":"2026-11-23T09:12:00+01:00","protocolloMittente":{"numero":"123/A","data":"2026-11-20"},
            "classificazione":"1.6","assegnazioni":[{"ufficio":"SEGR","tipo":"competenza"}],"riservato":false})
    }

    fn errore(v: Value) -> ErroreCampo {
        match leggi::<NuovaRegistrazione>(v) {
            Err(Rifiuto::NonValido(e)) => e.into_iter().next().unwrap(),
            altro => panic!("{altro:?}"),
        }
    }

    #[test]
    fn the_example_of_the_contract_is_read() {
        leggi::<NuovaRegistrazione>(base()).unwrap();
    }

    #[test]
    fn errors_name_the_field() {
        let con = |f: &dyn Fn(&mut Value)| {
            let mut v = base();
            f(&mut v);
            errore(v)
        };
        assert_eq!(con(&|v| v["oggeto"] = json!("x")).campo, "oggeto");
        assert_eq!(con(&|v| v["mittente"]["codicefiscale"] = json!("x")).campo, "mittente.codicefiscale");
        assert_eq!(
            con(&|v| {
                v.as_object_mut().unwrap().remove("oggetto");
            })
            .campo,
            "oggetto"
        );
        assert_eq!(con(&|v| v["mezzo"] = json!("fax")).campo, "mezzo");
        assert!(con(&|v| v["mezzo"] = json!("fax")).messaggio.contains("«fax»"));
        assert_eq!(con(&|v| v["protocolloMittente"]["data"] = json!("ieri")).campo, "protocolloMittente.data");
        assert_eq!(con(&|v| v["assegnazioni"][0]["ufficio"] = json!("a/b")).campo, "assegnazioni.0.ufficio");
        assert_eq!(con(&|v| v["dataArrivo"] = json!("2026-11-23")).campo, "dataArrivo");
    }
}
