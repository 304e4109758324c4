//! The way out: a submission server (RFC 6409), with TLS from the first byte or by STARTTLS.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport as _};

/// How long the server may take to answer each command.
const ATTESA: Duration = Duration::from_secs(20);

/// Why a message did not go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guasto {
    /// In words.
    pub motivo: String,
    /// Somebody has to do something: trying again soon is of no use.
    pub definitivo: bool,
}

impl Guasto {
    /// It may pass by itself.
    pub fn passa(motivo: String) -> Self {
        Self { motivo, definitivo: false }
    }

    /// It does not.
    pub fn definitivo(motivo: String) -> Self {
        Self { motivo, definitivo: true }
    }
}

/// Who takes a message to its server.
pub trait Corriere: Send + Sync {
    /// Gives the message to the server; done when the server has answered for it.
    ///
    /// # Errors
    /// The server cannot be reached, or says no.
    fn consegna(&self, m: &Message) -> Result<(), Guasto>;
}

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cifratura {
    /// TLS from the first byte (port 465).
    #[default]
    Implicita,
    /// By STARTTLS, without which nothing is sent (port 587).
    Starttls,
    /// None: only to a server on this machine.
    Nessuna,
}

/// A submission server.
pub struct Server(SmtpTransport);

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Server(…)")
    }
}

impl Server {
    /// A server; `autorita`: a file of PEM certificates to be trusted beside those of the system; `accesso`: user and
    /// password.
    ///
    /// # Errors
    /// What is wrong, in words: nothing is connected yet.
    pub fn nuovo(
        host: &str,
        porta: Option<u16>,
        cifratura: Cifratura,
        accesso: Option<(String, String)>,
        autorita: Option<&Path>,
    ) -> Result<Self, String> {
        let di_qui = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
        if cifratura == Cifratura::Nessuna && !di_qui {
            return Err(format!("senza TLS si spedisce solo a un server su questa macchina, non a {host}"));
        }
        let parametri = || {
            let mut p = TlsParameters::builder(host.to_owned());
            if let Some(f) = autorita {
                let male = |e: String| format!("{} non contiene certificati PEM: {e}", f.display());
                let byte = std::fs::read(f).map_err(|e| format!("non si legge {}: {e}", f.display()))?;
                let cert = Certificate::from_pem(&byte).map_err(|e| male(e.to_string()))?;
                p = p.add_root_certificate(cert);
            }
            p.build().map_err(|e| format!("TLS: {e}"))
        };
        let (tls, solita) = match cifratura {
            Cifratura::Implicita => (Tls::Wrapper(parametri()?), 465),
            Cifratura::Starttls => (Tls::Required(parametri()?), 587),
            Cifratura::Nessuna => (Tls::None, 25),
        };
        let mut b = SmtpTransport::builder_dangerous(host).port(porta.unwrap_or(solita)).tls(tls).timeout(Some(ATTESA));
        if let Some((utente, password)) = accesso {
            b = b
                .credentials(Credentials::new(utente, password))
                .authentication(vec![Mechanism::Plain, Mechanism::Login]);
        }
        Ok(Self(b.build()))
    }
}

impl Corriere for Server {
    fn consegna(&self, m: &Message) -> Result<(), Guasto> {
        self.0.send(m).map(drop).map_err(|e| {
            let detto = e.to_string();
            // 530, 534, 535, 538: the door, not the message.
            if e.status().is_some_and(|c| matches!(u16::from(c), 530 | 534 | 535 | 538)) {
                return Guasto::definitivo(format!("il server non accetta utente e password ({detto})"));
            }
            if e.is_permanent() {
                Guasto::definitivo(format!("il server rifiuta il messaggio ({detto})"))
            } else if e.is_transient() {
                Guasto::passa(format!("il server chiede di riprovare ({detto})"))
            } else if e.is_tls() || stretta_fallita(&e) {
                Guasto::definitivo(format!("la connessione cifrata con il server non riesce ({detto})"))
            } else if e.is_timeout() {
                Guasto::passa(format!("il server non risponde in tempo ({detto})"))
            } else if e.is_client() {
                Guasto::definitivo(format!("il server non offre ciò che serve ({detto})"))
            } else {
                Guasto::passa(format!("il server non si raggiunge ({detto})"))
            }
        })
    }
}

/// Whether the handshake failed: a certificate that is not good reaches us as an error of the connection.
fn stretta_fallita(e: &lettre::transport::smtp::Error) -> bool {
    std::error::Error::source(e)
        .and_then(|causa| causa.downcast_ref::<std::io::Error>())
        .is_some_and(|io| io.kind() == std::io::ErrorKind::InvalidData)
}
