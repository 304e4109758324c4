//! What the tests share: a provider that is nobody, a message handed in, where the real samples are.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use firme::Fiducia;
use jiff::Timestamp;
use pec::genera::{Chiavi, Gestore, Invio};
use pec::{Data, Lettura};

/// When everything happens.
pub fn quando() -> Timestamp {
    "2026-11-28T11:59:12Z".parse().unwrap()
}

/// The same, in the hour of Rome.
pub fn data() -> Data {
    Data { istante: quando(), zona: jiff::tz::offset(1) }
}

/// Keys of the provider.
pub static CHIAVI: LazyLock<Chiavi> = LazyLock::new(|| Chiavi::dimostrative("Gestore di prova", quando()).unwrap());

/// The provider.
pub fn gestore() -> Gestore<'static> {
    Gestore { nome: "Gestore di prova", dominio: "pec.example", sigillo: &CHIAVI.sigillo }
}

/// Who believes in it.
pub fn fiducia() -> Fiducia {
    let mut f = Fiducia::nessuna();
    f.ancora_pec(&CHIAVI.ca).unwrap();
    f
}

/// Reads with trust in the provider.
pub fn letto(byte: &[u8]) -> Lettura<'_> {
    pec::leggi(byte, &fiducia(), quando())
}

/// As a mail client hands it in: two recipients, one without certified mail, one file.
pub const CONSEGNATO: &str = "From: Protocollo <protocollo@comune.example>\r\n\
    To: anna@pec.example\r\n\
    Cc: =?utf-8?Q?Nicol=C3=B2?= <bruno@posta.example>\r\n\
    Subject: =?utf-8?Q?Citt=C3=A0_e?=\r\n =?utf-8?Q?_frazioni?=\r\n\
    Date: Sat, 28 Nov 2026 12:59:00 +0100\r\n\
    Message-ID: <uno@comune.example>\r\n\
    MIME-Version: 1.0\r\n\
    Content-Type: multipart/mixed; boundary=\"aaa\"\r\n\
    \r\n\
    --aaa\r\n\
    Content-Type: text/plain; charset=utf-8\r\n\
    \r\n\
    Si trasmette.\r\n\
    --aaa\r\n\
    Content-Type: application/pdf\r\n\
    Content-Disposition: attachment; filename*=UTF-8''delibera%20citt%C3%A0.pdf\r\n\
    Content-Transfer-Encoding: base64\r\n\
    \r\n\
    JVBERi0xLjcK\r\n\
    --aaa--\r\n";

/// What its provider knows of it.
pub fn invio() -> Invio {
    Invio::leggi(CONSEGNATO.as_bytes(), |a| a.ends_with("@pec.example"))
}

/// The real samples, where they are.
pub fn riferimento() -> Option<PathBuf> {
    let p = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/pec");
    if !p.exists() {
        eprintln!("skipped: no reference files");
    }
    p.exists().then_some(p)
}
