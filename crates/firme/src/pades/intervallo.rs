//! `/ByteRange`: what is signed, and the gap that holds the signature itself.

use super::campi::Campo;
use super::senza_riempimento;

/// The two signed pieces and the signature, when nothing in the range lies.
pub(super) fn esamina<'b>(byte: &'b [u8], c: &Campo) -> Result<([&'b [u8]; 2], Vec<u8>), String> {
    let [a, b, d, e] = c.intervallo.ok_or("ByteRange assente o non di quattro numeri")?;
    if a != 0 {
        return Err("ByteRange non comincia dall'inizio del documento".into());
    }
    let fine = d.checked_add(e).filter(|f| *f <= byte.len()).ok_or("ByteRange esce dal documento")?;
    if b >= d {
        return Err("ByteRange senza lo spazio per la firma".into());
    }
    let vuoto = &byte[b..d];
    let [b'<', esa @ .., b'>'] = vuoto else {
        return Err("lo spazio lasciato da ByteRange non contiene solo la firma".into());
    };
    let contenuto = esadecimali(esa).ok_or("lo spazio lasciato da ByteRange non contiene solo la firma")?;
    // The gap must be inside the very object that declares the range, and hold its own /Contents: else a second signature
    // could lean on the bytes of a first one.
    let inizio = c
        .posizione
        .ok_or("la firma è in un oggetto compresso: il suo contenuto non può essere nello spazio di ByteRange")?;
    let corpo = byte.get(inizio..b).filter(|_| inizio < b);
    let dentro = corpo.is_some_and(|c| crate::involucro::trova(c, b"endobj").is_none());
    if !dentro || !c.cifrato && c.contenuto != contenuto {
        return Err("ByteRange è di un'altra firma: il contenuto di questa non sta nel suo spazio".into());
    }
    if !corpo.is_some_and(|c| c.ends_with(b"/Contents") || c.trim_ascii_end().ends_with(b"/Contents")) {
        return Err("lo spazio di ByteRange non è il contenuto della firma".into());
    }
    Ok(([&byte[..b], &byte[d..fine]], senza_riempimento(&contenuto).to_vec()))
}

/// Pairs of hexadecimal digits, and blanks; nothing else.
fn esadecimali(testo: &[u8]) -> Option<Vec<u8>> {
    let mut v = Vec::with_capacity(testo.len() / 2);
    let mut alto: Option<u8> = None;
    for &c in testo {
        let n = match c {
            b'0'..=b'9' => c - b'0',
            b'a'..=b'f' => c - b'a' + 10,
            b'A'..=b'F' => c - b'A' + 10,
            b' ' | b'\r' | b'\n' | b'\t' => continue,
            _ => return None,
        };
        match alto.take() {
            None => alto = Some(n),
            Some(a) => v.push(a << 4 | n),
        }
    }
    // A last digit alone stands for a pair with zero.
    v.extend(alto.map(|a| a << 4));
    Some(v)
}
