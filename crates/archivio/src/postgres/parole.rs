//! Words on PostgreSQL: those of a registration with their places, and those that are looked for.

use dominio::analisi::Condizione;

use crate::motore::Parole;

/// Bytes of a text of words, below the megabyte that a `tsvector` may have: a mailing to more people than this is found
/// by its first ones.
const PAROLE_MAX: usize = 700_000;
/// Words with their places, as the server reads them: those of correspondents have weight A, and stand apart from the others
/// so that no phrase goes over. Words hold only letters and digits.
pub(super) fn vettore(testo: &str, soggetti: &str) -> String {
    let mut out = String::with_capacity(2 * (testo.len() + soggetti.len()));
    let mut posto = 0;
    for (parole, peso) in [(testo, ""), (soggetti, "A")] {
        for t in parole.split_ascii_whitespace() {
            if out.len() > PAROLE_MAX {
                return out;
            }
            posto += 1;
            out.push('\'');
            out.push_str(t);
            out.push_str("':");
            out.push_str(&posto.min(16_383).to_string());
            out.push_str(peso);
            out.push(' ');
        }
        posto += 1;
    }
    out
}

/// What is looked for, as the server reads it.
pub(super) fn espressione(p: &Parole<'_>) -> String {
    let una = |k: &Condizione, peso: &str| match k {
        Condizione::Frase(t) => {
            let parole: Vec<String> =
                t.iter().map(|t| if peso.is_empty() { format!("'{t}'") } else { format!("'{t}':{peso}") }).collect();
            format!("({})", parole.join(" <-> "))
        }
        Condizione::Prefisso(p) => format!("'{p}':*{peso}"),
    };
    let testo = p.testo.iter().map(|k| una(k, ""));
    testo.chain(p.soggetti.iter().map(|k| una(k, "A"))).collect::<Vec<_>>().join(" & ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_places_and_no_phrase_goes_from_the_text_to_the_names() {
        let testo = dominio::analisi::riga(["Ordinanza n. 45/2026"]);
        assert_eq!(vettore(&testo, " rossi maria "), "'ordinanza':1 'n':2 '45':3 '2026':4 'rossi':6A 'maria':7A ");
    }
}
