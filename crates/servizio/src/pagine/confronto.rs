//! Two points of the history side by side (R-B03): changed words are marked, what did not change is folded away.

use archivio::store::{Azione, Trovata};
use axum::extract::Path;
use dominio::storia::{Differenza, StatoCampo, confronta};

use super::dettaglio::{Posto, annota, carica};
use super::errore::ErrorePagina;
use super::registrazione::{in_parole, punti};
use super::registro::riga;
use super::viste::etichetta;
use super::viste::registrazione::{Cambio, Confronto};
use super::{Esito, guscio, pagina};
use crate::accesso::{Domanda, Utente};

/// Longest texts compared word by word, in words: beyond it the whole is marked.
const PAROLE_MAX: usize = 1_000;

/// `GET …/confronto`, with `?da=&a=`, indices of operations; without points, the first and the last.
pub async fn mostra(u: Utente, Path(p): Path<Posto>, Domanda(q): Domanda) -> Esito {
    let d = carica(&u, &p.chiave()?).await?;
    d.solo_se_visibile(&u)?;
    annota(&u, &d, Azione::Storia).await?;
    let punti = punti(&d);
    let punto = |nome: &str, altrimenti: u64| match q.testo(nome) {
        None => Ok(altrimenti),
        Some(t) => {
            t.parse::<u64>().ok().filter(|i| punti.iter().any(|(x, _)| x == i)).ok_or_else(ErrorePagina::non_trovata)
        }
    };
    let da = punto("da", d.registrazione.indice)?;
    let a = punto("a", d.registrazione.ultimo_indice)?;
    let (Some(prima), Some(dopo)) = (d.com_era(da), d.com_era(a)) else { return Err(ErrorePagina::non_trovata()) };
    let mut cambi = Vec::new();
    let mut invariati = Vec::new();
    for x in confronta(&prima, &dopo).into_iter().filter(|x| interessa(&x.campo)) {
        if x.stato == StatoCampo::Invariato {
            let d = in_parole(&x.campo, &x.dopo);
            if !d.is_empty() && d != "[]" {
                invariati.push((etichetta(&x.campo), d));
            }
        } else if !(x.prima.is_null() && x.dopo.is_null()) {
            cambi.push(cambio(&x));
        }
    }
    let riga = riga(&u, &Trovata { registrazione: d.registrazione, visibile: true, voce: [0; 32] });
    let g = guscio::guscio(&u, "registro", format!("Confronto: {} {}", riga.numero, riga.dove))?;
    let punti = punti.into_iter().map(|(i, parole)| (i, parole, i == da, i == a)).collect();
    pagina(&Confronto { g, r: riga, punti, cambi, invariati })
}

/// Fields that people compare: how an annulment came about is told by the history, not by the values, and so are the digests and
/// the file of a seal.
pub fn interessa(campo: &str) -> bool {
    let raccontati = [
        "annullamenti.",
        "richiesteAnnullamento.",
        "sigillo.segnatura.",
        "sigillo.nonSigillata",
        "sigillo.certificato",
    ];
    !raccontati.iter().any(|p| campo.starts_with(p))
}

/// A field that is not the same, with the words that only one side has.
pub fn cambio(x: &Differenza) -> Cambio {
    let (prima, dopo) = parole(&in_parole(&x.campo, &x.prima), &in_parole(&x.campo, &x.dopo));
    Cambio { campo: etichetta(&x.campo), prima, dopo, annullato: x.stato == StatoCampo::Annullato }
}

type Pezzi = Vec<(String, bool)>;

/// Splits two texts in pieces, marking the words that only one has.
fn parole(prima: &str, dopo: &str) -> (Pezzi, Pezzi) {
    let (p, d): (Vec<&str>, Vec<&str>) = (prima.split_inclusive(' ').collect(), dopo.split_inclusive(' ').collect());
    if p.len() > PAROLE_MAX || d.len() > PAROLE_MAX {
        return (unisci(p.iter().map(|x| (*x, true))), unisci(d.iter().map(|x| (*x, true))));
    }
    // Longest common subsequence, from the end.
    let mut t = vec![vec![0u16; d.len() + 1]; p.len() + 1];
    for i in (0..p.len()).rev() {
        for j in (0..d.len()).rev() {
            t[i][j] = if uguali(p[i], d[j]) { t[i + 1][j + 1] + 1 } else { t[i + 1][j].max(t[i][j + 1]) };
        }
    }
    let (mut i, mut j) = (0, 0);
    let (mut a, mut b) = (Vec::new(), Vec::new());
    while i < p.len() || j < d.len() {
        if i < p.len() && j < d.len() && uguali(p[i], d[j]) {
            a.push((p[i], false));
            b.push((d[j], false));
            i += 1;
            j += 1;
        } else if i < p.len() && (j == d.len() || t[i + 1][j] >= t[i][j + 1]) {
            a.push((p[i], true));
            i += 1;
        } else {
            b.push((d[j], true));
            j += 1;
        }
    }
    (unisci(a.into_iter()), unisci(b.into_iter()))
}

fn uguali(a: &str, b: &str) -> bool {
    a.trim_end() == b.trim_end()
}

fn unisci<'a>(pezzi: impl Iterator<Item = (&'a str, bool)>) -> Pezzi {
    let mut out: Pezzi = Vec::new();
    for (t, solo) in pezzi {
        match out.last_mut() {
            Some((u, s)) if *s == solo => u.push_str(t),
            _ => out.push((t.to_owned(), solo)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_words_that_changed_are_marked() {
        let (p, d) = parole("Istanza di accesso agli atti", "Istanza di accesso civico agli atti");
        assert_eq!(p, [("Istanza di accesso agli atti".to_owned(), false)]);
        assert_eq!(
            d,
            [("Istanza di accesso ".to_owned(), false), ("civico ".to_owned(), true), ("agli atti".to_owned(), false)]
        );
        assert_eq!(parole("", "nuovo"), (vec![], vec![("nuovo".to_owned(), true)]));
        assert_eq!(parole("a b", "c"), (vec![("a b".to_owned(), true)], vec![("c".to_owned(), true)]));
    }
}
