//! What XML asks before a parser reads, and the parser does not do everywhere: ends of lines (§2.11, also in CDATA, comments
//! and instructions) and white space in the values of attributes (§3.3.3). The same pass counts, so that what is too big,
//! too deep or too wide is refused before a tree is made of it; a DTD is refused here too.

use std::borrow::Cow;

use super::{ATTRIBUTI_MAX, Errore, NAMESPACE_MAX, NODI_MAX, PROFONDITA_MAX};

pub(super) fn normalizza(testo: Cow<'_, str>) -> Result<Cow<'_, str>, Errore> {
    let testo = righe(testo);
    let da_cambiare = scorri(&testo)?;
    if da_cambiare.is_empty() {
        return Ok(testo);
    }
    let mut testo = testo.into_owned().into_bytes();
    for i in da_cambiare {
        testo[i] = b' ';
    }
    // One ASCII byte in the place of another.
    String::from_utf8(testo).map(Cow::Owned).map_err(|e| Errore::Codifica(e.to_string()))
}

/// CR LF and CR alone become LF.
fn righe(testo: Cow<'_, str>) -> Cow<'_, str> {
    if !testo.contains('\r') {
        return testo;
    }
    let mut nuovo = String::with_capacity(testo.len());
    let mut pezzi = testo.split('\r');
    nuovo.push_str(pezzi.next().unwrap_or_default());
    for pezzo in pezzi {
        if !pezzo.starts_with('\n') {
            nuovo.push('\n');
        }
        nuovo.push_str(pezzo);
    }
    Cow::Owned(nuovo)
}

/// Where, in values of attributes, a tab or a newline must become a blank. What is not well-formed stops the pass: the parser
/// says it better.
fn scorri(testo: &str) -> Result<Vec<usize>, Errore> {
    let b = testo.as_bytes();
    let mut cambi = Vec::new();
    let mut nodi = 0usize;
    // For each open element, how many namespaces it declares.
    let mut aperti: Vec<usize> = Vec::new();
    let mut in_vigore = 0usize;
    let mut i = 0;
    while let Some(passo) = testo[i..].find('<') {
        i += passo;
        nodi += 1;
        if nodi > NODI_MAX {
            return Err(Errore::Limite("nodi"));
        }
        let resto = &testo[i..];
        let salta = |fine: &str| resto.find(fine).map(|n| n + fine.len());
        let prossimo = if resto.starts_with("<!--") {
            salta("-->")
        } else if resto.starts_with("<![CDATA[") {
            salta("]]>")
        } else if resto.starts_with("<?") {
            salta("?>")
        } else if resto.starts_with("<!") {
            return Err(Errore::Dtd);
        } else if resto.starts_with("</") {
            in_vigore -= aperti.pop().unwrap_or(0);
            salta(">")
        } else {
            let Some(t) = tag(b, i, &mut cambi)? else { break };
            nodi += t.attributi;
            in_vigore += t.namespace;
            if in_vigore > NAMESPACE_MAX {
                return Err(Errore::Limite("namespace in vigore"));
            }
            if t.chiuso {
                in_vigore -= t.namespace;
            } else {
                aperti.push(t.namespace);
                if aperti.len() > PROFONDITA_MAX {
                    return Err(Errore::Limite("profondità"));
                }
            }
            Some(t.fine - i)
        };
        match prossimo {
            Some(n) => i += n,
            None => break,
        }
    }
    Ok(cambi)
}

struct Tag {
    fine: usize,
    chiuso: bool,
    attributi: usize,
    namespace: usize,
}

/// From `<` to after `>`; none when it never ends.
fn tag(b: &[u8], inizio: usize, cambi: &mut Vec<usize>) -> Result<Option<Tag>, Errore> {
    let mut t = Tag { fine: 0, chiuso: false, attributi: 0, namespace: 0 };
    let mut i = inizio + 1;
    let mut nome = i;
    while let Some(&c) = b.get(i) {
        match c {
            b'>' => {
                t.fine = i + 1;
                t.chiuso = b[i - 1] == b'/';
                return Ok(Some(t));
            }
            b' ' | b'\t' | b'\n' => nome = i + 1,
            b'=' => {
                t.attributi += 1;
                if t.attributi > ATTRIBUTI_MAX {
                    return Err(Errore::Limite("attributi di un elemento"));
                }
                // `xmlns = "…"` with blanks is legal: it is counted all the same.
                if b[nome..].starts_with(b"xmlns") || b[nome..i].is_empty() {
                    t.namespace += 1;
                }
            }
            b'"' | b'\'' => {
                i += 1;
                while let Some(&v) = b.get(i) {
                    match v {
                        b'\t' | b'\n' => cambi.push(i),
                        v if v == c => break,
                        _ => {}
                    }
                    i += 1;
                }
                nome = i + 1;
            }
            _ => {}
        }
        i += 1;
    }
    Ok(None)
}
