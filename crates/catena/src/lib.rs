//! The operations log: what is written down, how it is chained, how anybody checks it.
//!
//! An **operation** is a flat JSON object whose fields have dotted names (`destinatari.3.denominazione`) and scalar
//! values. Each field becomes a salted **disclosure**; the SHA-256 of its text is the field's digest; the sorted
//! digests make the **entry**; entries are the leaves of an RFC 6962 **tree**; the tree's size and root are signed
//! in a **checkpoint**. Because entries are hashes of salted fields the log may be public, and a **receipt** can show
//! two fields of an operation and prove them without saying anything of the others.
//!
//! ```text
//! field --salt--> disclosure --SHA-256--> digest --sort, SHA-256--> entry --0x00, SHA-256--> leaf --> tree --> checkpoint
//! ```
//!
//! | room | what it holds |
//! |---|---|
//! | [`rivelazione`](mod@rivelazione) | seed, salts, disclosures and digests of fields; strict parsing |
//! | [`voce`](mod@voce) | the entry of an operation, also built a few fields at a time |
//! | [`albero`] | RFC 6962 hashes and the growing tree, which hands out full tiles |
//! | [`prova`] | inclusion and consistency proofs from tiles, and their RFC 9162 verification |
//! | [`tessera`] | C2SP `tlog-tiles` paths and entry bundles |
//! | [`nota`] | C2SP signed notes and Ed25519 keys |
//! | [`checkpoint`] | C2SP `tlog-checkpoint` |
//! | [`cofirma`] | C2SP `tlog-cosignature`: what a witness says of a checkpoint |
//! | [`testimone`] | C2SP `tlog-witness`: when a witness may say it |
//! | [`ricevuta`] | receipts: made, parsed, verified |
//!
//! What enters is values; what leaves is bytes and verdicts. **Nothing here** reads a clock, a disk, a network or a
//! source of random numbers: seeds, keys and tiles are given by the caller. The format is described, to the byte, in
//! `docs/registro-operazioni.md`. R-B11, R-B13.

pub mod albero;
pub mod checkpoint;
pub mod cofirma;
mod impasto;
mod jcs;
#[cfg(test)]
mod modello;
pub mod nota;
pub mod prova;
pub mod ricevuta;
pub mod rivelazione;
pub mod tessera;
pub mod testimone;
pub mod voce;

pub use albero::{Albero, RADICE_VUOTA, foglia, nodo};
pub use checkpoint::{Checkpoint, ErroreCheckpoint};
pub use cofirma::{ChiaveTestimone, Testimone};
pub use jcs::{CAMPI_MAX, ErroreCampo, INTERO_MAX, NOME_BYTE_MAX, Scalare, TESTO_BYTE_MAX};
pub use nota::{ChiaveFirma, ChiavePubblica, ErroreNota, FirmaNota, Nota, apri_nota, firma_nota};
pub use prova::{
    ErroreProva, LettoreHash, ProvaErrata, prova_coerenza, prova_inclusione, radice, verifica_coerenza,
    verifica_inclusione,
};
pub use ricevuta::{ErroreRicevuta, EsitoRicevuta, Ricevuta, verifica};
pub use rivelazione::{ErroreRivelazione, Rivelazione, Sale, Seme, impronta_campo, rivelazione};
pub use tessera::{ErroreTessera, PercorsoTessera, leggi_pacco, scrivi_pacco};
pub use voce::{Impronte, voce, voce_di};

/// A SHA-256 digest.
pub type Hash = [u8; 32];

/// A flat operation: dotted names to scalar values.
pub type Operazione = serde_json::Map<String, serde_json::Value>;
