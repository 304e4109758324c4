//! The REST calls of the harness (contract, `/api/v1`).

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;

use super::richiesta::Richiesta;

const BASE: &str = "/api/v1/enti/c_z999/aoo/AOO1";
/// The biggest answer read.
const RISPOSTA_MAX: u64 = 64 * 1024 * 1024;

/// Year and number of a registration.
pub type Numero = (u64, u64);

/// A client of one running service.
#[derive(Debug, Clone)]
pub struct Cliente {
    agente: Agent,
    url: String,
    token: String,
}

/// How a request to register ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Esito {
    /// Acknowledged with this number.
    Registrata(Numero),
    /// No answer: the connection broke. It may have been registered or not.
    Ignoto,
    /// 503: the queue is full, nothing was done.
    Occupato,
}

impl Cliente {
    /// To the service at `url`, with an operator's token.
    pub fn nuovo(url: &str, token: &str) -> Self {
        let impostazioni =
            Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(60)));
        Self { agente: impostazioni.build().into(), url: url.trim_end_matches('/').to_owned(), token: token.to_owned() }
    }

    /// Registers. Any answer that is neither an acknowledgement nor "busy" is an error: the request is a good one.
    pub fn registra(&self, richiesta: &Richiesta) -> Result<Esito> {
        let (tipo, corpo) = richiesta.corpo();
        let chiamata = self
            .agente
            .post(format!("{}{BASE}/registrazioni", self.url))
            .header("Authorization", format!("Bearer {}", self.token))
            .header("Idempotency-Key", &richiesta.chiave)
            .header("Content-Type", tipo)
            .send(&corpo[..]);
        let Ok(mut risposta) = chiamata else { return Ok(Esito::Ignoto) };
        let stato = risposta.status().as_u16();
        let Ok(testo) = risposta.body_mut().read_to_string() else { return Ok(Esito::Ignoto) };
        match stato {
            200 | 201 => Ok(Esito::Registrata(numero(&serde_json::from_str(&testo)?)?)),
            503 if testo.contains("esito-ignoto") => Ok(Esito::Ignoto),
            503 => Ok(Esito::Occupato),
            _ => bail!("{} answered {stato}: {testo}", richiesta.chiave),
        }
    }

    /// Impronta of the primary document of a registration, as the registration says, and its bytes.
    pub fn documento(&self, (anno, n): Numero) -> Result<(String, Vec<u8>)> {
        let scheda = self.json(&format!("{BASE}/registrazioni/{anno}/{n}"))?;
        if numero(&scheda)? != (anno, n) {
            bail!("{anno}/{n} answers with the number {:?}", numero(&scheda)?);
        }
        let primo = scheda.get("documenti").and_then(|d| d.get(0)).context("a registration without documenti")?;
        let impronta =
            primo.get("impronta").and_then(Value::as_str).context("a documento without impronta")?.to_owned();
        let posto = primo.get("n").and_then(Value::as_u64).context("a documento without n")?;
        let byte = self.byte(&format!("{BASE}/registrazioni/{anno}/{n}/documenti/{posto}"))?;
        Ok((impronta, byte))
    }

    /// Numbers of a year from the newest down to just above `oltre`.
    pub fn numeri(&self, anno: u64, oltre: u64) -> Result<Vec<u64>> {
        let mut trovati = Vec::new();
        let mut cursore = String::new();
        loop {
            let pagina = self.json(&format!("{BASE}/registrazioni?limite=200&anno={anno}{cursore}"))?;
            let elementi = pagina.get("elementi").and_then(Value::as_array).context("a list without elementi")?;
            for elemento in elementi {
                let (_, n) = numero(elemento)?;
                if n <= oltre {
                    return Ok(trovati);
                }
                trovati.push(n);
            }
            match pagina.get("successivo").and_then(Value::as_str) {
                Some(successivo) if !elementi.is_empty() => cursore = format!("&cursore={}", in_url(successivo)),
                _ => return Ok(trovati),
            }
        }
    }

    /// An entry of the titolario that a document can be given: one without children.
    pub fn classificazione(&self) -> Result<String> {
        foglia(&self.json(&format!("{BASE}/titolario"))?).context("the titolario has no entry to use")
    }

    fn json(&self, percorso: &str) -> Result<Value> {
        Ok(serde_json::from_slice(&self.byte(percorso)?)?)
    }

    fn byte(&self, percorso: &str) -> Result<Vec<u8>> {
        let mut risposta: Response<ureq::Body> = self
            .agente
            .get(format!("{}{percorso}", self.url))
            .header("Authorization", format!("Bearer {}", self.token))
            .call()
            .with_context(|| format!("GET {percorso}"))?;
        let byte = risposta.body_mut().with_config().limit(RISPOSTA_MAX).read_to_vec()?;
        if !risposta.status().is_success() {
            bail!("GET {percorso} answered {}: {}", risposta.status(), String::from_utf8_lossy(&byte));
        }
        Ok(byte)
    }
}

fn numero(scheda: &Value) -> Result<Numero> {
    let intero = |campo: &str| scheda.get(campo).and_then(Value::as_u64);
    intero("anno").zip(intero("numero")).with_context(|| format!("no anno and numero in {scheda}"))
}

/// The first entry without children, in depth; closed ones and those that say they cannot be used apart.
fn foglia(valore: &Value) -> Option<String> {
    match valore {
        Value::Array(voci) => voci.iter().find_map(foglia),
        Value::Object(voce) => {
            if let Some(dentro) = ["elementi", "figli", "voci"].iter().find_map(|c| voce.get(*c).and_then(foglia)) {
                return Some(dentro);
            }
            let chiusa = ["al", "finoAl", "validaAl"].iter().any(|c| voce.get(*c).is_some_and(|v| !v.is_null()));
            let codice = voce.get("codice").and_then(Value::as_str)?;
            (!chiusa).then(|| codice.to_owned())
        }
        _ => None,
    }
}

/// Percent-encoding of a cursor, which is opaque.
fn in_url(testo: &str) -> String {
    testo.bytes().fold(String::new(), |mut uscita, b| {
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~') {
            uscita.push(char::from(b));
        } else {
            uscita.push_str(&format!("%{b:02X}"));
        }
        uscita
    })
}

#[cfg(test)]
mod tests {
    use super::{foglia, in_url, numero};
    use serde_json::json;

    #[test]
    fn the_entry_used_has_no_children_and_is_open() {
        let titolario = json!({"elementi": [{"codice": "1", "figli": [
            {"codice": "1.1", "al": "2025-12-31", "figli": []},
            {"codice": "1.2", "al": null, "figli": [{"codice": "1.2.1", "figli": []}]}]}]});
        assert_eq!(foglia(&titolario).as_deref(), Some("1.2.1"));
        assert_eq!(foglia(&json!({"elementi": []})), None);
    }

    #[test]
    fn cursors_travel_whole() {
        assert_eq!(in_url("a+b/c=é"), "a%2Bb%2Fc%3D%C3%A9");
    }

    #[test]
    fn an_answer_without_its_number_is_an_error() {
        assert_eq!(numero(&json!({"anno": 2026, "numero": 7})).unwrap(), (2026, 7));
        assert!(numero(&json!({"anno": 2026})).is_err());
    }
}
