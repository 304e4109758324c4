//! Requests to providers of others: always with a time limit, answers with a size limit, never following a redirect,
//! secrets only over TLS.

use std::time::Duration;

use ureq::Agent;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use zeroize::Zeroizing;

use crate::Errore;

/// An answer, read whole.
pub(crate) struct Risposta {
    pub stato: u16,
    pub tipo: String,
    /// Tokens and activation data come in it.
    pub corpo: Zeroizing<Vec<u8>>,
}

/// The agent: `radici` are certificates (DER) of authorities to be believed *instead of* those of browsers.
pub(crate) fn agente(attesa: Duration, radici: &[Vec<u8>]) -> Agent {
    let radici = if radici.is_empty() {
        RootCerts::WebPki
    } else {
        RootCerts::new_with_certs(&radici.iter().map(|r| Certificate::from_der(r).to_owned()).collect::<Vec<_>>())
    };
    Agent::config_builder()
        .timeout_global(Some(attesa))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(radici).build())
        .user_agent("protocollo")
        .build()
        .into()
}

/// Only `https`, or `http` towards the machine itself.
pub(crate) fn indirizzo(url: &str) -> Result<(), Errore> {
    let sbagliato = || Errore::Configurazione(format!("«{url}» non è un indirizzo https"));
    let uri: ureq::http::Uri = url.parse().map_err(|_| sbagliato())?;
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => Ok(()),
        (Some("http"), Some("localhost" | "127.0.0.1" | "[::1]")) => Ok(()),
        _ => Err(sbagliato()),
    }
}

/// Sends and reads the answer.
pub(crate) fn manda(
    dove: &str,
    richiesta: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    byte_max: u64,
) -> Result<Risposta, Errore> {
    let giu = |e: ureq::Error| Errore::NonDisponibile { dove: dove.to_owned(), perche: detto(&e) };
    let mut risposta = richiesta.map_err(giu)?;
    let stato = risposta.status().as_u16();
    let tipo = risposta.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or("").to_ascii_lowercase();
    let corpo = match risposta.body_mut().with_config().limit(byte_max).read_to_vec() {
        Ok(corpo) => Zeroizing::new(corpo),
        Err(ureq::Error::BodyExceedsLimit(_)) => {
            return Err(Errore::RispostaSbagliata {
                dove: dove.to_owned(),
                perche: format!("risposta di oltre {byte_max} byte"),
            });
        }
        Err(e) => return Err(giu(e)),
    };
    match stato {
        429 | 500.. => Err(Errore::NonDisponibile { dove: dove.to_owned(), perche: format!("risposta HTTP {stato}") }),
        200..300 | 400..500 => Ok(Risposta { stato, tipo, corpo }),
        _ => Err(Errore::RispostaSbagliata { dove: dove.to_owned(), perche: format!("risposta HTTP {stato}") }),
    }
}

fn detto(e: &ureq::Error) -> String {
    match e {
        ureq::Error::Timeout(_) => "nessuna risposta nel tempo concesso".into(),
        ureq::Error::HostNotFound => "nome non trovato".into(),
        ureq::Error::Io(e) => format!("connessione non riuscita o interrotta ({})", e.kind()),
        ureq::Error::ConnectionFailed => "connessione non riuscita".into(),
        e => format!("{e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::indirizzo;

    #[test]
    fn secrets_go_only_over_tls() {
        for giusto in
            ["https://csc.example.it/csc/v2", "http://127.0.0.1:8080/tsa", "http://localhost/", "http://[::1]:1/"]
        {
            indirizzo(giusto).unwrap();
        }
        for sbagliato in
            ["http://csc.example.it/csc/v2", "ftp://x", "csc.example.it", "http://127.0.0.1.example.it/", ""]
        {
            indirizzo(sbagliato).unwrap_err();
        }
    }
}
