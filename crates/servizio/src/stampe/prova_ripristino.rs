//! The report of a restoring that was tried (R-N04, R-N08): which copy, how old it was, how long it took, what it gave.

use archivio::store::Verifica;
use dominio::tempo::Istante;
use serde::{Deserialize, Serialize};
use stampa::{Blocco, Brano, Cornice, Documento, Errore};

/// Differences named one by one on paper; the JSON has them all.
const DIFFERENZE_MAX: usize = 40;

/// What was tried and how it went.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProvaRipristino {
    /// When.
    pub eseguita: Istante,
    /// Version of the program.
    pub programma: String,
    /// Who started it, when it was from a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operatore: Option<String>,
    /// Folder of the copies.
    pub copie: String,
    /// The copy that was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copia: Option<String>,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub istante_copia: Option<Istante>,
    /// The enti in it.
    pub enti: Vec<String>,
    /// Files of documents.
    pub file: u64,
    /// Bytes that were brought back.
    pub byte: u64,
    /// Age of the copy, seconds: what would be lost now, at most (RPO).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_secondi: Option<f64>,
    /// From the beginning to an archive that opens, verified, seconds (RTO).
    pub rto_secondi: f64,
    /// Of those, to bring the bytes back.
    pub copia_secondi: f64,
    /// Of those, to verify them.
    pub verifica_secondi: f64,
    /// What was verified.
    pub verifica: Verifica,
    /// Differences that were found, also where not all of them are kept.
    #[serde(default)]
    pub differenze: u64,
    /// Why it did not work, when it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errore: Option<String>,
    /// Did it work?
    pub riuscita: bool,
}

/// Seconds as they are said.
pub(crate) fn durata(secondi: f64) -> String {
    let s = secondi.max(0.0);
    match s as u64 {
        0..60 => format!("{s:.1} secondi").replace('.', ","),
        n @ 60..3_600 => format!("{} minuti e {} secondi", n / 60, n % 60),
        n @ 3_600..172_800 => format!("{} ore e {} minuti", n / 3_600, n % 3_600 / 60),
        n => format!("{} giorni e {} ore", n / 86_400, n % 86_400 / 3_600),
    }
}

/// The PDF.
///
/// # Errors
/// What `stampa` cannot lay out.
pub fn prova_ripristino(p: &ProvaRipristino) -> Result<Vec<u8>, Errore> {
    let mut d = Documento::nuovo("Prova di ripristino", p.enti.join(", "), (&p.eseguita.a_roma()).into());
    d.intestazione.riga = format!("Protocollo {}", p.programma);
    d.piede = format!("Prova di ripristino del {}", p.eseguita.in_parole());
    let esito = match (&p.errore, p.riuscita) {
        (_, true) => "La prova è riuscita: la copia si ripristina e tutto ciò che contiene torna.".to_owned(),
        (Some(e), _) => format!("La prova NON è riuscita: {e}."),
        (None, false) => format!(
            "La prova NON è riuscita: la copia si ripristina, ma la verifica trova {} differenze.",
            p.differenze
        ),
    };
    let cornice = if p.riuscita { Cornice::Evidenza } else { Cornice::Avviso };
    d.blocchi.push(Blocco::Riquadro(cornice, vec![Blocco::Paragrafo(vec![Brano::grassetto(esito)])]));
    let fatto = |nome: &str, valore: String| (nome.to_owned(), vec![Brano::piano(valore)]);
    let mut fatti = vec![fatto("Eseguita il", p.eseguita.in_parole())];
    fatti.extend(p.operatore.iter().map(|o| fatto("Avviata da", o.clone())));
    fatti.push(fatto("Cartella delle copie", p.copie.clone()));
    if let (Some(c), Some(t)) = (&p.copia, p.istante_copia) {
        fatti.push(("Copia provata".to_owned(), vec![Brano::fisso(c.clone())]));
        fatti.push(fatto("Fatta il", t.in_parole()));
    }
    if let Some(s) = p.rpo_secondi {
        fatti.push(fatto("Età della copia (RPO)", durata(s)));
    }
    fatti.push(fatto("Durata del ripristino (RTO)", durata(p.rto_secondi)));
    fatti.push(fatto("di cui per riprendere i dati", durata(p.copia_secondi)));
    fatti.push(fatto("di cui per verificarli", durata(p.verifica_secondi)));
    d.blocchi.push(Blocco::Fatti(fatti));
    d.blocchi.push(Blocco::Titolo(2, "Che cosa è stato verificato".to_owned()));
    let v = &p.verifica;
    let conti = [
        ("Registrazioni", v.registrazioni),
        ("Operazioni", v.operazioni),
        ("Checkpoint firmati", v.checkpoint),
        ("File", v.file),
        ("Byte ripresi", p.byte),
        ("Lacune dichiarate", v.lacune.len() as u64),
        ("Differenze", p.differenze),
    ];
    d.blocchi.push(Blocco::Fatti(conti.into_iter().map(|(k, n)| fatto(k, n.to_string())).collect()));
    if !v.differenze.is_empty() {
        d.blocchi.push(Blocco::Titolo(2, "Differenze".to_owned()));
        // Where, and not what: values may be anybody's data.
        for x in v.differenze.iter().take(DIFFERENZE_MAX) {
            d.blocchi.push(Blocco::Paragrafo(vec![Brano::fisso(format!("{} {}: {}", x.tabella, x.chiave, x.campo))]));
        }
    }
    let nota = "La durata misurata è quella di questa macchina. L'età della copia dice quanto, oggi, si perderebbe al più: i numeri dati \
                dopo la copia non si danno due volte, perché il ripristino li dichiara saltati.";
    d.blocchi.push(Blocco::Paragrafo(vec![Brano::piano(nota)]));
    d.pdf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_said_in_the_words_it_needs() {
        for (s, detto) in [
            (0.25, "0,2 secondi"),
            (61.0, "1 minuti e 1 secondi"),
            (7_260.0, "2 ore e 1 minuti"),
            (200_000.0, "2 giorni e 7 ore"),
        ] {
            assert_eq!(durata(s), detto);
        }
    }
}
