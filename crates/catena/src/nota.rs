//! C2SP signed notes: a text, an empty line, signatures of Ed25519 keys named by a name and a short hash.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

/// Longest note, in bytes.
pub const NOTA_BYTE_MAX: usize = 64 * 1024;
/// Most signatures on a note.
pub const FIRME_MAX: usize = 100;
/// Kind of signature: plain Ed25519.
const ED25519: u8 = 0x01;

/// Why a note or a key is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ErroreNota {
    /// Not a signed note.
    #[error("la nota firmata non è ben formata: {0}")]
    Forma(&'static str),
    /// Not a public key in the vkey form.
    #[error("la chiave pubblica non è ben formata: {0}")]
    Chiave(&'static str),
    /// A signature by a known key does not verify.
    #[error("la firma di {0} non è valida")]
    FirmaFalsa(String),
    /// No signature by a known key.
    #[error("nessuna firma di una chiave nota")]
    NessunaFirmaNota,
}

/// A signing key with the name it signs under. Its secret is erased when dropped.
pub struct ChiaveFirma {
    nome: String,
    chiave: SigningKey,
}

impl fmt::Debug for ChiaveFirma {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChiaveFirma").field("nome", &self.nome).finish_non_exhaustive()
    }
}

/// A public key with its name: the vkey `name+hash+base64(0x01 ‖ key)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChiavePubblica {
    nome: String,
    chiave: VerifyingKey,
}

/// One line of signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirmaNota {
    /// Name of the key.
    pub nome: String,
    /// Short hash of name and key.
    pub identificativo: [u8; 4],
    /// Signature bytes, the hash aside.
    pub firma: Vec<u8>,
}

/// A note that was opened: its text, and the signatures of known keys that verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nota {
    /// The text, its final newline included.
    pub testo: String,
    /// Verified, at least one.
    pub firme: Vec<FirmaNota>,
    /// By keys we do not know: kept, not trusted.
    pub ignote: Vec<FirmaNota>,
}

/// A key name: not empty, no spaces, no plus.
fn nome_valido(nome: &str) -> bool {
    !nome.is_empty()
        && nome.len() <= 255
        && !nome.contains('+')
        && !nome.chars().any(|c| c.is_whitespace() || c.is_control())
}

fn identificativo(nome: &str, chiave: &VerifyingKey) -> [u8; 4] {
    let h = Sha256::new().chain_update(nome).chain_update([b'\n', ED25519]).chain_update(chiave.as_bytes()).finalize();
    [h[0], h[1], h[2], h[3]]
}

impl ChiaveFirma {
    /// From a 32-byte secret drawn by the caller.
    ///
    /// # Errors
    /// A name with spaces or a plus.
    pub fn da_segreto(nome: &str, segreto: &[u8; 32]) -> Result<Self, ErroreNota> {
        if !nome_valido(nome) {
            return Err(ErroreNota::Chiave("nome con spazi o segno più"));
        }
        Ok(Self { nome: nome.to_owned(), chiave: SigningKey::from_bytes(segreto) })
    }

    /// The name it signs under.
    #[must_use]
    pub fn nome(&self) -> &str {
        &self.nome
    }

    /// Its public half.
    #[must_use]
    pub fn pubblica(&self) -> ChiavePubblica {
        ChiavePubblica { nome: self.nome.clone(), chiave: self.chiave.verifying_key() }
    }
}

impl ChiavePubblica {
    /// Its name.
    #[must_use]
    pub fn nome(&self) -> &str {
        &self.nome
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn byte(&self) -> &[u8; 32] {
        self.chiave.as_bytes()
    }

    /// The short hash that signature lines carry.
    #[must_use]
    pub fn identificativo(&self) -> [u8; 4] {
        identificativo(&self.nome, &self.chiave)
    }
}

impl fmt::Display for ChiavePubblica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut byte = vec![ED25519];
        byte.extend_from_slice(self.chiave.as_bytes());
        let id = u32::from_be_bytes(self.identificativo());
        write!(f, "{}+{id:08x}+{}", self.nome, STANDARD.encode(byte))
    }
}

impl FromStr for ChiavePubblica {
    type Err = ErroreNota;

    fn from_str(testo: &str) -> Result<Self, ErroreNota> {
        let male = ErroreNota::Chiave("deve essere nome+hash+base64");
        let mut parti = testo.trim().splitn(3, '+');
        let (Some(nome), Some(id), Some(dati)) = (parti.next(), parti.next(), parti.next()) else {
            return Err(male);
        };
        if !nome_valido(nome) || id.len() != 8 {
            return Err(male);
        }
        let byte = STANDARD.decode(dati).map_err(|_| male.clone())?;
        let [ED25519, chiave @ ..] = byte.as_slice() else {
            return Err(ErroreNota::Chiave("non è una chiave Ed25519"));
        };
        let chiave: [u8; 32] = chiave.try_into().map_err(|_| ErroreNota::Chiave("non ha 32 byte"))?;
        let chiave = VerifyingKey::from_bytes(&chiave).map_err(|_| ErroreNota::Chiave("non è un punto della curva"))?;
        let letta = Self { nome: nome.to_owned(), chiave };
        if format!("{:08x}", u32::from_be_bytes(letta.identificativo())) != id {
            return Err(ErroreNota::Chiave("il suo hash non corrisponde"));
        }
        Ok(letta)
    }
}

/// Signs a text, which must end with a newline, with every key given.
///
/// # Errors
/// A text that cannot stand in a note.
pub fn firma_nota(testo: &str, chiavi: &[&ChiaveFirma]) -> Result<String, ErroreNota> {
    testo_valido(testo)?;
    let mut nota = format!("{testo}\n");
    for k in chiavi {
        let pubblica = k.pubblica();
        let mut byte = pubblica.identificativo().to_vec();
        byte.extend_from_slice(&k.chiave.sign(testo.as_bytes()).to_bytes());
        nota.push_str(&format!("— {} {}\n", k.nome, STANDARD.encode(byte)));
    }
    Ok(nota)
}

fn testo_valido(testo: &str) -> Result<(), ErroreNota> {
    if testo.len() > NOTA_BYTE_MAX {
        return Err(ErroreNota::Forma("testo troppo lungo"));
    }
    if !testo.ends_with('\n') {
        return Err(ErroreNota::Forma("il testo non finisce con un a capo"));
    }
    if testo.chars().any(|c| c != '\n' && c.is_control()) {
        return Err(ErroreNota::Forma("carattere di controllo"));
    }
    Ok(())
}

/// Opens a note: every signature by a known key must verify, and one at least must be there. Signatures by other keys
/// (witnesses we do not know) are kept and ignored.
///
/// # Errors
/// The form, a false signature, or nobody we know.
pub fn apri_nota(nota: &str, note: &[ChiavePubblica]) -> Result<Nota, ErroreNota> {
    let (testo, firme) = dividi(nota)?;
    let mut aperta = Nota { testo: testo.to_owned(), firme: Vec::new(), ignote: Vec::new() };
    for f in firme {
        let chiave = note.iter().find(|k| k.nome == f.nome && k.identificativo() == f.identificativo);
        let Some(k) = chiave else {
            aperta.ignote.push(f);
            continue;
        };
        let byte: [u8; 64] = f.firma.as_slice().try_into().map_err(|_| ErroreNota::FirmaFalsa(f.nome.clone()))?;
        k.chiave
            .verify_strict(testo.as_bytes(), &Signature::from_bytes(&byte))
            .map_err(|_| ErroreNota::FirmaFalsa(f.nome.clone()))?;
        aperta.firme.push(f);
    }
    if aperta.firme.is_empty() {
        return Err(ErroreNota::NessunaFirmaNota);
    }
    Ok(aperta)
}

/// The text and the signatures, nothing verified.
///
/// # Errors
/// The form.
pub fn dividi(nota: &str) -> Result<(&str, Vec<FirmaNota>), ErroreNota> {
    if nota.len() > NOTA_BYTE_MAX {
        return Err(ErroreNota::Forma("nota troppo lunga"));
    }
    let posto = nota.rfind("\n\n").ok_or(ErroreNota::Forma("manca la riga vuota prima delle firme"))?;
    let (testo, resto) = nota.split_at(posto + 1);
    testo_valido(testo)?;
    let resto = &resto[1..];
    if resto.is_empty() || !resto.ends_with('\n') {
        return Err(ErroreNota::Forma("mancano le firme"));
    }
    let mut firme = Vec::new();
    for riga in resto[..resto.len() - 1].split('\n') {
        let male = ErroreNota::Forma("riga di firma errata");
        let (nome, dati) = riga.strip_prefix("— ").and_then(|r| r.split_once(' ')).ok_or(male.clone())?;
        let byte = STANDARD.decode(dati).map_err(|_| male.clone())?;
        if !nome_valido(nome) || byte.len() < 5 {
            return Err(male);
        }
        if firme.len() == FIRME_MAX {
            return Err(ErroreNota::Forma("troppe firme"));
        }
        firme.push(FirmaNota {
            nome: nome.to_owned(),
            identificativo: [byte[0], byte[1], byte[2], byte[3]],
            firma: byte[4..].to_vec(),
        });
    }
    Ok((testo, firme))
}
