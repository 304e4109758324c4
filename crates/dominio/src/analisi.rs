//! Text for search, analysed once, here, so that every engine gives the same hits: accents and case folded,
//! codes split, ideographs one by one.

use unicode_normalization::UnicodeNormalization;

/// Longest token kept, in bytes; the rest of a longer run of characters is another token.
const TOKEN_MAX: usize = 48;
/// Most words of a query.
pub const PAROLE_MAX: usize = 16;

/// The tokens of a text, folded.
pub fn token(testo: &str) -> Vec<String> {
    let mut out = Vec::new();
    per_token(testo, |t| out.push(t.to_owned()));
    out
}

/// Hands each token to `prendi`, in order, without keeping it.
fn per_token(testo: &str, mut prendi: impl FnMut(&str)) {
    let mut corrente = String::with_capacity(TOKEN_MAX + 4);
    let mut aggiungi = |c: char| {
        if c.is_ascii_alphanumeric() {
            corrente.push(c.to_ascii_lowercase());
        } else if ideogramma(c) {
            if !corrente.is_empty() {
                prendi(&corrente);
                corrente.clear();
            }
            prendi(c.encode_utf8(&mut [0; 4]));
        } else if c.is_alphanumeric() {
            corrente.extend(c.to_lowercase());
        } else if unicode_normalization::char::is_combining_mark(c) {
            return;
        } else if !corrente.is_empty() {
            prendi(&corrente);
            corrente.clear();
        }
        if corrente.len() >= TOKEN_MAX {
            prendi(&corrente);
            corrente.clear();
        }
    };
    if testo.is_ascii() {
        testo.bytes().for_each(|b| aggiungi(char::from(b)));
    } else {
        testo.nfkd().for_each(&mut aggiungi);
    }
    aggiungi(' ');
}

fn ideogramma(c: char) -> bool {
    matches!(u32::from(c), 0x3040..=0x30FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF | 0x20000..=0x3FFFF)
}

/// The text of a search row: its tokens, spaces between and around.
pub fn riga<'a>(testi: impl IntoIterator<Item = &'a str>) -> String {
    let mut out = String::with_capacity(256);
    out.push(' ');
    for t in testi {
        per_token(t, |tok| {
            out.push_str(tok);
            out.push(' ');
        });
    }
    out
}

/// One condition of a query; all must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condizione {
    /// These tokens, one after the other.
    Frase(Vec<String>),
    /// A token that begins so.
    Prefisso(String),
}

/// Reads `q`: words (all must match), `word*` prefixes, "phrases". A code such as `123/A` is a phrase of its parts.
///
/// # Errors
/// A message for people: nothing to search, too many words, a prefix of one letter.
pub fn interroga(q: &str) -> Result<Vec<Condizione>, &'static str> {
    let mut out = Vec::new();
    let mut resto = q.trim();
    while !resto.is_empty() {
        let (pezzo, dopo, virgolette) = if let Some(r) = resto.strip_prefix('"') {
            let (p, d) = r.split_once('"').unwrap_or((r, ""));
            (p, d, true)
        } else {
            let fine = resto.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(resto.len());
            let (p, d) = resto.split_at(fine);
            (p, d, false)
        };
        resto = dopo.trim_start();
        let prefisso = !virgolette && pezzo.ends_with('*');
        let mut t = token(pezzo);
        if t.is_empty() {
            continue;
        }
        if prefisso {
            let ultimo = t.pop().unwrap_or_default();
            if ultimo.chars().count() < 2 {
                return Err("prima dell'asterisco servono almeno due lettere o cifre");
            }
            if !t.is_empty() {
                out.push(Condizione::Frase(t));
            }
            out.push(Condizione::Prefisso(ultimo));
        } else {
            out.push(Condizione::Frase(t));
        }
        if out.len() > PAROLE_MAX {
            return Err("la ricerca ha troppe parole: il massimo è 16");
        }
    }
    if out.is_empty() && !q.trim().is_empty() {
        return Err("la ricerca non contiene lettere né cifre");
    }
    Ok(out)
}

impl Condizione {
    /// Does it hold on a search row made by [`riga`]?
    pub fn vale(&self, riga: &str) -> bool {
        match self {
            Self::Frase(t) => {
                let cercato = format!(" {} ", t.join(" "));
                riga.contains(&cercato)
            }
            Self::Prefisso(p) => {
                let cercato = format!(" {p}");
                riga.contains(&cercato)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accents_case_and_codes() {
        assert_eq!(token("L'Università è PERCHÉ n. 123/A"), ["l", "universita", "e", "perche", "n", "123", "a"]);
        assert_eq!(token("漢字 Zoë"), ["漢", "字", "zoe"]);
    }

    #[test]
    fn a_query_has_words_prefixes_and_phrases() {
        assert_eq!(
            interroga("accesso agl* \"atti d'ufficio\"").unwrap(),
            [
                Condizione::Frase(vec!["accesso".into()]),
                Condizione::Prefisso("agl".into()),
                Condizione::Frase(vec!["atti".into(), "d".into(), "ufficio".into()]),
            ]
        );
        assert!(interroga("a*").is_err());
        assert!(interroga("***").is_err());
        assert!(interroga("").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn every_word_of_a_text_finds_it(s in "[a-zA-Zàèéìòù0-9' /.-]{0,60}") {
            let r = riga([s.as_str()]);
            for t in token(&s) {
                let trovato = Condizione::Frase(vec![t.clone()]).vale(&r);
                prop_assert!(trovato);
                let inizio = Condizione::Prefisso(t.chars().take(2).collect()).vale(&r);
                prop_assert!(inizio);
            }
        }

        #[test]
        fn any_query_is_answered_or_refused(q in "\\PC*") {
            let _ = interroga(&q);
        }
    }
}
