//! Texts that enter the register: cleaned once, at the edge.

use crate::errori::Validatore;

/// Longest oggetto, in characters (contract § 2).
pub const OGGETTO_MAX: usize = 4_000;

/// Turns TAB, CR and LF into one space each run, trims, and refuses what XML 1.0 cannot carry.
///
/// # Errors
/// The character that XML cannot carry, as `U+0000`.
pub fn pulisci(testo: &str) -> Result<String, String> {
    let mut out = String::with_capacity(testo.len());
    let mut spazio = false;
    for c in testo.chars() {
        match c {
            '\t' | '\r' | '\n' => spazio = true,
            c if !ammesso_in_xml(c) => return Err(format!("U+{:04X}", u32::from(c))),
            c => {
                if spazio {
                    if !out.is_empty() && !out.ends_with(' ') && c != ' ' {
                        out.push(' ');
                    }
                    spazio = false;
                }
                out.push(c);
            }
        }
    }
    Ok(out.trim().to_owned())
}

/// Characters allowed by XML 1.0 § 2.2, line ends and tabs aside.
pub fn ammesso_in_xml(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

/// Drops what XML cannot carry, replacing it with U+FFFD: for what a message declares.
fn risana(testo: &str) -> String {
    testo.chars().map(|c| if ammesso_in_xml(c) { c } else { '\u{FFFD}' }).collect()
}

/// A text of 1..=`max` characters, cleaned. Missing or too long is said to `v` under `campo`.
pub fn obbligatorio(v: &mut Validatore, campo: &str, testo: &str, max: usize) -> String {
    let t = facoltativo(v, campo, Some(testo), max).unwrap_or_default();
    if t.is_empty() {
        v.errore(campo, "va compilato");
    }
    t
}

/// Like [`obbligatorio`], for a text that may be missing; blank counts as missing.
pub fn facoltativo(v: &mut Validatore, campo: &str, testo: Option<&str>, max: usize) -> Option<String> {
    let testo = testo?;
    let pulito = match pulisci(testo) {
        Ok(t) => t,
        Err(carattere) => {
            v.dubbio(campo, format!("contiene un carattere non ammesso ({carattere})"));
            pulisci(&risana(testo)).unwrap_or_default()
        }
    };
    if pulito.is_empty() {
        return None;
    }
    let n = pulito.chars().count();
    if n > max {
        v.dubbio(campo, format!("è lungo {n} caratteri: il massimo è {max}"));
        return Some(pulito.chars().take(max).collect());
    }
    Some(pulito)
}

/// A file name kept as given, but for control characters; never used as a path (R-H07).
pub fn nome_file(v: &mut Validatore, campo: &str, nome: &str) -> String {
    let t: String = nome.chars().map(|c| if c.is_control() || !ammesso_in_xml(c) { '\u{FFFD}' } else { c }).collect();
    let t = t.trim().to_owned();
    if t.is_empty() {
        v.dubbio(campo, "il file non ha un nome");
        return "senza-nome".to_owned();
    }
    if t.chars().count() > 255 {
        v.dubbio(campo, "il nome del file supera 255 caratteri");
        return t.chars().take(255).collect();
    }
    t
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn line_breaks_become_one_space() {
        assert_eq!(pulisci("Istanza\r\n di\taccesso\n\n").unwrap(), "Istanza di accesso");
    }

    #[test]
    fn what_xml_cannot_carry_is_refused() {
        assert_eq!(pulisci("a\u{0}b").unwrap_err(), "U+0000");
        assert_eq!(pulisci("a\u{FFFE}").unwrap_err(), "U+FFFE");
        assert!(pulisci("漢字 😀 è").is_ok());
    }

    proptest! {
        #[test]
        fn cleaning_twice_is_cleaning_once(s in "\\PC*|[\\t\\r\\n a-z]*") {
            if let Ok(una) = pulisci(&s) {
                prop_assert_eq!(pulisci(&una).unwrap(), una);
            }
        }
    }
}
