//! What stands around every page: names, menu, token of the forms. What a person could not do is not offered.

use dominio::nuova::{richiede_accessi, richiede_copie};
use dominio::permessi::Diritto as D;
use dominio::tempo::Istante;

use super::errore::ErrorePagina;
use super::viste::{self, Guscio, VoceMenu};
use super::{Esito, pagina};
use crate::accesso::Utente;

/// Rights that let one read the register, in whole or in part.
pub const LEGGE: [D; 3] = D::LETTURA;
/// Rights that let one register something.
pub const REGISTRA: [D; 3] = [D::RegistraUscita, D::RegistraInterna, D::RegistraEntrata];

/// Name, address, icon, whether it is of the administration, who sees it (any of these rights; none: everybody).
type Meta = (&'static str, &'static str, &'static str, bool, &'static [D]);

const MENU: [Meta; 14] = [
    ("Scrivania", "scrivania", "pr-scrivania", false, &[]),
    ("Registra", "registra", "pr-registra", false, &REGISTRA),
    ("Registro", "registro", "pr-registro", false, &LEGGE),
    ("Fascicoli", "fascicoli", "it-folder", false, &LEGGE),
    ("Annullamenti", "annullamenti", "it-ban", false, &[D::Consulta, D::Annulla]),
    ("Rubrica", "rubrica", "it-card", false, &[D::GestisceRubrica, D::RegistraEntrata, D::RegistraUscita]),
    ("Titolario", "titolario", "pr-titolario", false, &[]),
    ("Chi ha visto", "accessi", "it-password-visible", true, &[D::ConsultaRiservati]),
    ("Uffici", "uffici", "pr-uffici", true, &[D::GestisceUffici, D::GestisceUtenti]),
    ("Utenti", "utenti", "it-user", true, &[D::GestisceUtenti]),
    ("Sigillo", "sigillo", "it-file-signed", true, &[D::GestisceConfigurazione, D::Differisce]),
    ("Timbro", "timbro", "it-print", true, &[D::GestisceConfigurazione]),
    ("Copie", "copie", "it-files", true, &[D::GestisceConfigurazione]),
    ("Orologio", "orologio", "it-clock", true, &[D::ConfermaOrologio]),
];

/// The shell of a page; `qui` is the first piece of its address.
///
/// # Errors
/// The AOO vanished meanwhile.
pub fn guscio(u: &Utente, qui: &str, titolo: impl Into<String>) -> Result<Guscio, ErrorePagina> {
    let base = u.base();
    let aoo = u.stato()?;
    let ora = u.ente.ora();
    let voci = MENU
        .iter()
        .filter(|(.., diritti)| diritti.is_empty() || diritti.iter().any(|d| u.ha(*d)))
        // Some pages want more than one right.
        .filter(|(_, indirizzo, ..)| *indirizzo != "accessi" || richiede_accessi(&u.chi).is_ok())
        .filter(|(_, indirizzo, ..)| *indirizzo != "copie" || richiede_copie(&u.chi).is_ok())
        .filter(|(_, indirizzo, ..)| *indirizzo != "registra" || u.sola_lettura.is_none())
        .map(|(nome, indirizzo, icona, sotto, _)| VoceMenu {
            href: format!("{base}/{indirizzo}"),
            nome,
            icona,
            attiva: *indirizzo == qui,
            sotto: *sotto,
        })
        .collect();
    let altre_aoo = u
        .conf
        .aoo
        .values()
        .filter(|a| a.dati.codice_aoo != u.aoo && lavora_in(u, a.dati.codice_aoo.as_str(), ora))
        .map(|a| (format!("/{}/{}/scrivania", u.ente.ipa(), a.dati.codice_aoo), a.dati.denominazione.clone()))
        .collect();
    Ok(Guscio {
        titolo: titolo.into(),
        ente: u.conf.ente.as_ref().map(|e| e.denominazione.clone()).unwrap_or_default(),
        aoo: aoo.dati.denominazione.clone(),
        base,
        utente: u.chi.nome.clone(),
        csrf: u.csrf.clone(),
        anno: ora.anno(),
        voci,
        altre_aoo,
        ricerca: String::new(),
        impedimento: u.ente.impedimento(),
        sola_lettura: u.sola_lettura.as_deref().map(str::to_owned),
        orologio: u.ente.orologio().1 && u.ha(D::ConfermaOrologio),
        legge: LEGGE.iter().any(|d| u.ha(*d)),
    })
}

fn lavora_in(u: &Utente, aoo: &str, ora: Istante) -> bool {
    let persona = u.conf.utenti.get(&u.chi.id);
    aoo.parse().is_ok_and(|a| persona.is_some_and(|p| !p.diritti(&a, ora).elenco().is_empty()))
}

/// Open offices: code and name.
///
/// # Errors
/// The AOO vanished meanwhile.
pub fn uffici(u: &Utente) -> Result<Vec<(String, String)>, ErrorePagina> {
    let (aoo, ora) = (u.stato()?, u.ente.ora());
    Ok(aoo
        .uffici
        .values()
        .filter(|x| aoo.ufficio(&x.codice, ora).is_some())
        .map(|x| (x.codice.to_string(), x.denominazione.clone()))
        .collect())
}

/// Entries that can be chosen today: code and name, in the order of their codes.
///
/// # Errors
/// The AOO vanished meanwhile.
pub fn titolario(u: &Utente) -> Result<Vec<(String, String)>, ErrorePagina> {
    let (aoo, oggi) = (u.stato()?, u.ente.ora().giorno());
    let mut voci: Vec<_> = aoo
        .titolario
        .keys()
        .filter(|c| **c != aoo.dati.voce_da_classificare)
        .filter_map(|c| Some((c.to_string(), aoo.voce(c, oggi)?.denominazione.clone())))
        .collect();
    voci.sort_by_cached_key(|(c, _)| ordine(c));
    Ok(voci)
}

/// Codes in the order people count: 1.2 before 1.10.
pub fn ordine(codice: &str) -> Vec<(u64, String)> {
    codice.split('.').map(|p| (p.parse().unwrap_or(u64::MAX), p.to_owned())).collect()
}

/// `GET …/aiuto`.
pub async fn aiuto(u: Utente) -> Esito {
    pagina(&viste::Aiuto { g: guscio(&u, "aiuto", "Aiuto")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_counted_as_people_do() {
        let mut c = vec!["1.10", "1.2", "2", "1", "10"];
        c.sort_by_cached_key(|c| ordine(c));
        assert_eq!(c, ["1", "1.2", "1.10", "2", "10"]);
    }
}
