//! A small reader of Zip archives for ASiC: from the central directory, with limits before anything is inflated. No Zip64, no
//! encryption, no more than one archive: what is ambiguous is refused.

use std::io::Read as _;

use flate2::read::DeflateDecoder;

/// Entries of one archive.
const VOCI_MAX: usize = 1000;
/// Bytes of one entry, inflated.
const VOCE_MAX: usize = 128 << 20;
/// Bytes of all the entries, inflated.
const TUTTO_MAX: usize = 256 << 20;
/// How many times smaller than its content an entry may be, over the first MiB.
const RAPPORTO_MAX: usize = 200;

/// Why an archive is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Errore {
    #[error("archivio Zip non leggibile: {0}")]
    Forma(&'static str),
    #[error("archivio Zip oltre i limiti: {0}")]
    Limite(&'static str),
}

/// A file of the archive.
pub(super) struct Voce {
    pub nome: String,
    pub byte: Vec<u8>,
}

fn u16_in(b: &[u8], i: usize) -> Result<usize, Errore> {
    b.get(i..i + 2).map(|x| usize::from(u16::from_le_bytes([x[0], x[1]]))).ok_or(Errore::Forma("troncato"))
}

fn u32_in(b: &[u8], i: usize) -> Result<usize, Errore> {
    b.get(i..i + 4).map(|x| u32::from_le_bytes([x[0], x[1], x[2], x[3]]) as usize).ok_or(Errore::Forma("troncato"))
}

/// All the files, folders apart.
pub(super) fn leggi(b: &[u8]) -> Result<Vec<Voce>, Errore> {
    let coda = b.len().saturating_sub(22 + 65_535);
    let fine = b[coda..].windows(4).rposition(|w| w == b"PK\x05\x06").ok_or(Errore::Forma("senza indice"))? + coda;
    let quante = u16_in(b, fine + 10)?;
    let mut i = u32_in(b, fine + 16)?;
    if quante > VOCI_MAX {
        return Err(Errore::Limite("file"));
    }
    let (mut voci, mut tutto): (Vec<Voce>, usize) = (Vec::new(), 0);
    for _ in 0..quante {
        if b.get(i..i + 4) != Some(b"PK\x01\x02") {
            return Err(Errore::Forma("indice rotto"));
        }
        let (bandiere, metodo) = (u16_in(b, i + 8)?, u16_in(b, i + 10)?);
        let (compresso, esteso) = (u32_in(b, i + 20)?, u32_in(b, i + 24)?);
        let (n, x, c) = (u16_in(b, i + 28)?, u16_in(b, i + 30)?, u16_in(b, i + 32)?);
        let inizio = u32_in(b, i + 42)?;
        let nome = b.get(i + 46..i + 46 + n).ok_or(Errore::Forma("troncato"))?;
        let nome = String::from_utf8_lossy(nome).into_owned();
        i += 46 + n + x + c;
        if nome.ends_with('/') && esteso == 0 {
            continue;
        }
        if bandiere & 1 != 0 {
            return Err(Errore::Forma("cifrato"));
        }
        if voci.iter().any(|v| v.nome == nome) {
            return Err(Errore::Forma("due file con lo stesso nome"));
        }
        tutto += esteso;
        if esteso > VOCE_MAX || tutto > TUTTO_MAX || esteso > (1 << 20) + compresso.saturating_mul(RAPPORTO_MAX) {
            return Err(Errore::Limite("byte"));
        }
        // What the file says of itself must be what the index says.
        if b.get(inizio..inizio.saturating_add(4)) != Some(b"PK\x03\x04") {
            return Err(Errore::Forma("file fuori posto"));
        }
        let (nl, xl) = (u16_in(b, inizio + 26)?, u16_in(b, inizio + 28)?);
        if b.get(inizio + 30..inizio + 30 + nl) != Some(nome.as_bytes()) {
            return Err(Errore::Forma("nome diverso da quello dell'indice"));
        }
        let dati = inizio + 30 + nl + xl;
        let grezzo = b.get(dati..dati.saturating_add(compresso)).ok_or(Errore::Forma("troncato"))?;
        voci.push(Voce { nome, byte: estrai(grezzo, metodo, esteso)? });
    }
    Ok(voci)
}

fn estrai(grezzo: &[u8], metodo: usize, esteso: usize) -> Result<Vec<u8>, Errore> {
    let byte = match metodo {
        0 => grezzo.to_vec(),
        8 => {
            let mut v = Vec::new();
            let letti = DeflateDecoder::new(grezzo).take(esteso as u64 + 1).read_to_end(&mut v);
            letti.map_err(|_| Errore::Forma("file compresso rotto"))?;
            v
        }
        _ => return Err(Errore::Forma("metodo di compressione")),
    };
    if byte.len() == esteso { Ok(byte) } else { Err(Errore::Forma("dimensione diversa da quella dichiarata")) }
}
