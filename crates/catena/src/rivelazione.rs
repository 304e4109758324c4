//! Disclosures: one field of an operation, salted, as in SD-JWT (RFC 9901).
//!
//! The text of a disclosure is `base64url(JCS([salt, name, value]))`, its digest the SHA-256 of that text. Salts come
//! from one stored random seed per operation, so a log keeps 32 bytes an operation and not 16 a field. Whoever lacks
//! the seed cannot guess a value by trying: 128 random bits stand between a digest and the shortest field.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::Hash;
use crate::jcs::{ErroreCampo, NOME_BYTE_MAX, TESTO_BYTE_MAX, Uscita, controlla_nome, scrivi_testo, scrivi_valore};

const PREFISSO_SALE: &[u8] = b"protocollo/sale/v1\n";

/// Longest text of a disclosure: the longest field, every byte escaped as `\u00xx`, in base64.
pub const RIVELAZIONE_BYTE_MAX: usize = (6 * (TESTO_BYTE_MAX + NOME_BYTE_MAX) + 64) / 3 * 4;

/// The salt of one field: 128 bits.
pub type Sale = [u8; 16];

/// The secret seed of one operation: 32 random bytes, drawn by the caller and stored beside the operation.
///
/// Whoever has it can try values against every digest of its operation: it never leaves the archive.
#[derive(Clone, PartialEq, Eq)]
pub struct Seme(pub [u8; 32]);

impl std::fmt::Debug for Seme {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seme(…)")
    }
}

impl Seme {
    /// The salt of field `nome`: the first half of SHA-256(`"protocollo/sale/v1\n"` ‖ seed ‖ name).
    #[must_use]
    pub fn sale(&self, nome: &str) -> Sale {
        let digest = Sha256::new().chain_update(PREFISSO_SALE).chain_update(self.0).chain_update(nome);
        let digest: Hash = digest.finalize().into();
        let mut sale = Sale::default();
        sale.copy_from_slice(&digest[..16]);
        sale
    }
}

/// The text of the disclosure of a field.
///
/// # Errors
/// A name or value that may not stand in an operation.
pub fn rivelazione(seme: &Seme, nome: &str, valore: &Value) -> Result<String, ErroreCampo> {
    testo_con_sale(&seme.sale(nome), nome, valore)
}

fn testo_con_sale(sale: &Sale, nome: &str, valore: &Value) -> Result<String, ErroreCampo> {
    let mut json = Vec::with_capacity(96);
    scrivi_terna(&mut json, sale, nome, valore)?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}

/// The digest of a field: SHA-256 of the ASCII of [`rivelazione`], without building that text. It does not allocate.
///
/// # Errors
/// A name or value that may not stand in an operation.
pub fn impronta_campo(seme: &Seme, nome: &str, valore: &Value) -> Result<Hash, ErroreCampo> {
    let mut out = ImprontaBase64::nuova();
    scrivi_terna(&mut out, &seme.sale(nome), nome, valore)?;
    Ok(out.chiudi())
}

/// The digest of the text of a disclosure, as received.
#[must_use]
pub fn impronta_testo(testo: &str) -> Hash {
    Sha256::digest(testo.as_bytes()).into()
}

fn scrivi_terna(out: &mut impl Uscita, sale: &Sale, nome: &str, valore: &Value) -> Result<(), ErroreCampo> {
    controlla_nome(nome)?;
    let mut sale_testo = [0u8; 22];
    codifica(sale, &mut sale_testo);
    out.scrivi(b"[\"");
    out.scrivi(&sale_testo);
    out.scrivi(b"\",");
    scrivi_testo(out, nome);
    out.scrivi(b",");
    scrivi_valore(out, nome, valore)?;
    out.scrivi(b"]");
    Ok(())
}

/// base64url into a buffer known to be large enough.
fn codifica(byte: &[u8], out: &mut [u8]) -> usize {
    match URL_SAFE_NO_PAD.encode_slice(byte, out) {
        Ok(n) => n,
        Err(_) => unreachable!("buffers are sized 4/3 of what goes in"),
    }
}

/// Bytes kept before they are encoded: a multiple of 3, so that blocks join without padding.
const BLOCCO: usize = 384;

/// SHA-256 of the base64url of what is written to it.
struct ImprontaBase64 {
    sha: Sha256,
    attesa: [u8; BLOCCO],
    presenti: usize,
}

impl ImprontaBase64 {
    fn nuova() -> Self {
        Self { sha: Sha256::new(), attesa: [0; BLOCCO], presenti: 0 }
    }

    fn versa(&mut self) {
        let mut testo = [0u8; BLOCCO / 3 * 4];
        let n = codifica(&self.attesa[..self.presenti], &mut testo);
        self.sha.update(&testo[..n]);
        self.presenti = 0;
    }

    fn chiudi(mut self) -> Hash {
        self.versa();
        self.sha.finalize().into()
    }
}

impl Uscita for ImprontaBase64 {
    fn scrivi(&mut self, mut byte: &[u8]) {
        loop {
            let free = BLOCCO - self.presenti;
            let (now, later) = byte.split_at(byte.len().min(free));
            self.attesa[self.presenti..self.presenti + now.len()].copy_from_slice(now);
            self.presenti += now.len();
            if later.is_empty() {
                return;
            }
            self.versa();
            byte = later;
        }
    }
}

/// Why a text is not a disclosure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreRivelazione {
    /// Longer than any disclosure can be.
    #[error("rivelazione di {byte} byte: il massimo è {RIVELAZIONE_BYTE_MAX}")]
    Lunga {
        /// Its length.
        byte: usize,
    },
    /// Not base64url without padding.
    #[error("rivelazione non in base64url")]
    Base64,
    /// Not a JSON array of salt, name, value.
    #[error("rivelazione che non è una terna [sale, nome, valore]")]
    Terna,
    /// The salt is not 16 bytes of base64url.
    #[error("rivelazione con un sale che non è di 16 byte")]
    Sale,
    /// The name or the value may not stand in an operation.
    #[error("rivelazione non ammessa: {0}")]
    Campo(#[from] ErroreCampo),
    /// Right content, other bytes than the canonical ones.
    #[error("rivelazione del campo {nome} non in forma canonica")]
    NonCanonica {
        /// The field.
        nome: String,
    },
}

/// A disclosure, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rivelazione {
    /// The salt.
    pub sale: Sale,
    /// The name of the field.
    pub nome: String,
    /// Its value, a scalar.
    pub valore: Value,
}

impl Rivelazione {
    /// Reads the text of a disclosure; only the one canonical form of each is accepted.
    ///
    /// # Errors
    /// Anything that [`rivelazione`] would not have written.
    pub fn leggi(testo: &str) -> Result<Self, ErroreRivelazione> {
        if testo.len() > RIVELAZIONE_BYTE_MAX {
            return Err(ErroreRivelazione::Lunga { byte: testo.len() });
        }
        let json = URL_SAFE_NO_PAD.decode(testo).map_err(|_| ErroreRivelazione::Base64)?;
        let (sale, nome, valore): (String, String, Value) =
            serde_json::from_slice(&json).map_err(|_| ErroreRivelazione::Terna)?;
        let sale: Sale =
            URL_SAFE_NO_PAD.decode(sale).ok().and_then(|byte| byte.try_into().ok()).ok_or(ErroreRivelazione::Sale)?;
        let mut canonical = Vec::with_capacity(json.len());
        scrivi_terna(&mut canonical, &sale, &nome, &valore)?;
        if canonical != json {
            return Err(ErroreRivelazione::NonCanonica { nome });
        }
        Ok(Self { sale, nome, valore })
    }

    /// The text again: the one that was read.
    ///
    /// # Errors
    /// A field changed by hand into one that may not stand in an operation.
    pub fn testo(&self) -> Result<String, ErroreCampo> {
        testo_con_sale(&self.sale, &self.nome, &self.valore)
    }
}
