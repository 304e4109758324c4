//! The path from a certificate to an anchor: names, signatures, who may issue, validity at an instant.

use jiff::Timestamp;

use super::Ancora;
use crate::x509::Certificato;

/// Certificates between signer and anchor.
const LUNGHEZZA_MAX: usize = 8;
/// Signatures on certificates that are checked in one search.
const PROVE_MAX: usize = 100;
/// Critical extensions on which nothing is decided here, and that do not stop a path: policies (`docs/firme.md`).
const POLITICHE: [&str; 3] = ["2.5.29.33", "2.5.29.36", "2.5.29.54"];

pub(super) struct Cammino<'a> {
    /// From the signer's issuer up to the anchor, anchor excluded.
    pub certificati: Vec<&'a Certificato>,
    pub ancora: &'a Ancora,
    /// What was not in force at the instant.
    pub difetti: Vec<String>,
}

/// A path without defects, or the first with some.
pub(super) fn cerca<'a>(
    c: &'a Certificato,
    intermedi: &'a [Certificato],
    ancore: &'a [Ancora],
    istante: Timestamp,
) -> Option<Cammino<'a>> {
    let mut ricerca = Ricerca { intermedi, ancore, istante, prove: PROVE_MAX, migliore: None };
    ricerca.da(c, &mut Vec::new());
    ricerca.migliore
}

/// Who issued it, among these.
pub(super) fn emittente<'a>(c: &Certificato, tra: &'a [Certificato]) -> Option<&'a Certificato> {
    tra.iter().filter(|e| e.soggetto_der == c.emittente_der).take(16).find(|e| c.firmato_da(e) == Ok(true))
}

struct Ricerca<'a> {
    intermedi: &'a [Certificato],
    ancore: &'a [Ancora],
    istante: Timestamp,
    prove: usize,
    migliore: Option<Cammino<'a>>,
}

impl<'a> Ricerca<'a> {
    /// `sopra` are the certificates from the signer (first) to `c`, `c` excluded. True when nothing better can be found.
    fn da(&mut self, c: &'a Certificato, sopra: &mut Vec<&'a Certificato>) -> bool {
        if sopra.len() > LUNGHEZZA_MAX || sopra.iter().any(|x| x.der == c.der) {
            return false;
        }
        // An anchor may be the very certificate (authorities of timestamps in trusted lists).
        for a in self.ancore {
            if a.certificato.der == c.der && self.arrivo(c, sopra, a) {
                return true;
            }
        }
        for a in self.ancore {
            let lungo = a.certificato.lunghezza.is_none_or(|n| n as usize >= sopra.len());
            if a.certificato.soggetto_der == c.emittente_der
                && lungo
                && self.firmato(c, &a.certificato)
                && self.arrivo(c, sopra, a)
            {
                return true;
            }
        }
        for i in self.intermedi {
            let puo = i.ca && i.usa(5) && i.lunghezza.is_none_or(|n| n as usize >= sopra.len());
            if i.soggetto_der == c.emittente_der && puo && self.firmato(c, i) {
                sopra.push(c);
                let fatto = self.da(i, sopra);
                sopra.pop();
                if fatto {
                    return true;
                }
            }
        }
        false
    }

    fn firmato(&mut self, c: &Certificato, da: &Certificato) -> bool {
        let Some(resto) = self.prove.checked_sub(1) else { return false };
        self.prove = resto;
        c.firmato_da(da) == Ok(true)
    }

    fn arrivo(&mut self, c: &'a Certificato, sopra: &[&'a Certificato], ancora: &'a Ancora) -> bool {
        let tutti: Vec<&'a Certificato> = sopra.iter().copied().chain([c]).collect();
        if tutti.iter().any(|c| c.critiche_ignote.iter().any(|e| !POLITICHE.contains(&e.as_str()))) {
            return false;
        }
        let difetti: Vec<String> = tutti
            .iter()
            .filter(|c| !c.valido_al(self.istante))
            .map(|c| {
                let nome = c.firmatario().unwrap_or_else(|| c.seriale_testo());
                format!("il certificato di {nome} vale dal {} al {}", c.dal, c.al)
            })
            .collect();
        let buono = difetti.is_empty();
        if buono || self.migliore.is_none() {
            let certificati = tutti.into_iter().skip(1).filter(|x| x.der != ancora.certificato.der).collect();
            self.migliore = Some(Cammino { certificati, ancora, difetti });
        }
        buono
    }
}
