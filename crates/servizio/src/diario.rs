//! The journal of the process: words for a person, or one JSON object a line; and the trace of each request.
//!
//! Nothing personal goes into it: of a request its method, the **template** of its route, its status, how long it took, the code
//! of the ente if it is open here; never a path, a query, a name, an address, a body. A request has the trace of who sent it
//! (W3C `traceparent`), or a new one; all that is said while it is served carries it, and so does its answer, as `x-request-id`.
//! Why spans are not exported otherwise: `docs/decisions/0013`.

use std::fmt;

use axum::http::HeaderMap;
use tracing::Span;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Target of the line that each request leaves.
pub const RICHIESTA: &str = "richiesta";
/// Header of answers with the trace.
pub const INTESTAZIONE: &str = "x-request-id";

/// How the journal is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Formato {
    /// For a person.
    #[default]
    Testo,
    /// One JSON object a line, requests included.
    Json,
}

impl std::str::FromStr for Formato {
    type Err = String;

    fn from_str(t: &str) -> Result<Self, String> {
        match t.trim() {
            "testo" => Ok(Self::Testo),
            "json" => Ok(Self::Json),
            altro => Err(format!("log.formato: «{altro}» non è previsto; usare testo o json")),
        }
    }
}

/// What writes the journal; `filtro` as `PROTOCOLLO_LOG` has it, or what the format says by itself.
pub fn scrivano<W>(formato: Formato, filtro: Option<&str>, dove: W) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let predefinito = if formato == Formato::Json { "warn,richiesta=info" } else { "warn" };
    let filtro = filtro.and_then(|f| EnvFilter::try_new(f).ok()).unwrap_or_else(|| EnvFilter::new(predefinito));
    let s = tracing_subscriber::fmt().with_env_filter(filtro).with_writer(dove);
    match formato {
        Formato::Testo => Box::new(s.finish()),
        Formato::Json => Box::new(s.json().flatten_event(true).with_current_span(true).with_span_list(false).finish()),
    }
}

/// The trace of a request: its own piece of it, and the one that asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traccia {
    traccia: u128,
    tratto: u64,
    padre: Option<u64>,
}

impl Traccia {
    /// From `traceparent`, or a new one.
    pub fn di(h: &HeaderMap) -> Self {
        let mut caso = [0u8; 24];
        // Without randomness traces are worth less, and requests are served all the same.
        let _ = getrandom::fill(&mut caso);
        let numero = |b: &[u8]| b.iter().fold(0u128, |n, x| n << 8 | u128::from(*x));
        let tratto = u64::try_from(numero(&caso[16..])).unwrap_or_default();
        match h.get("traceparent").and_then(|v| v.to_str().ok()).and_then(leggi) {
            Some((traccia, padre)) => Self { traccia, tratto, padre: Some(padre) },
            None => Self { traccia: numero(&caso[..16]), tratto, padre: None },
        }
    }

    /// The span of the request.
    pub fn tratto(&self) -> Span {
        // Of the highest level, so that what is said meanwhile carries it whatever the filter.
        let s = tracing::error_span!(target: RICHIESTA, "richiesta", traccia = %self, tratto = %format_args!("{:016x}", self.tratto), padre = tracing::field::Empty);
        if let Some(p) = self.padre {
            s.record("padre", format!("{p:016x}"));
        }
        s
    }
}

impl fmt::Display for Traccia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.traccia)
    }
}

/// Trace and parent of a `traceparent` (W3C Trace Context § 3.2): `00-{32 hex}-{16 hex}-{2 hex}`, not zero, lower case.
fn leggi(t: &str) -> Option<(u128, u64)> {
    let esadecimale =
        |p: &str, n: usize| p.len() == n && p.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let mut p = t.split('-');
    let (versione, traccia, padre, stato) = (p.next()?, p.next()?, p.next()?, p.next()?);
    // A later version may have more after these.
    let forma = esadecimale(versione, 2) && versione != "ff" && (versione != "00" || p.next().is_none());
    if !forma || !esadecimale(traccia, 32) || !esadecimale(padre, 16) || !esadecimale(stato, 2) {
        return None;
    }
    let (traccia, padre) = (u128::from_str_radix(traccia, 16).ok()?, u64::from_str_radix(padre, 16).ok()?);
    (traccia != 0 && padre != 0).then_some((traccia, padre))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_of_who_asks_is_gone_on_with_and_what_is_no_trace_is_not() {
        let buona = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert_eq!(leggi(buona), Some((0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736, 0x00f0_67aa_0ba9_02b7)));
        assert!(leggi("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-altro").is_some(), "a later version");
        for male in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-altro",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-mario-rossi-01",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(leggi(male), None, "{male}");
        }
        let mut h = HeaderMap::new();
        let (a, b) = (Traccia::di(&h), Traccia::di(&h));
        assert!(a.traccia != b.traccia && a.tratto != b.tratto);
        h.insert("traceparent", buona.parse().unwrap());
        let c = Traccia::di(&h);
        assert_eq!(c.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(c.padre, Some(0x00f0_67aa_0ba9_02b7));
    }
}
