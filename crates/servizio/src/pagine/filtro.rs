//! The filters of the register as they stand in its address, and back.

use archivio::store::Filtro;
use dominio::codici::CodiceRegistro;
use dominio::errori::ErroreCampo;
use dominio::registrazione::{Stato, Tipo};

use super::ora;
use crate::accesso::ritorno::codifica;
use crate::accesso::utente::Campi;

/// Rows of a page.
pub const RIGHE: usize = 50;
/// Fields of the form, in the order of the page.
pub const CAMPI: [&str; 11] =
    ["q", "registro", "tipo", "dal", "al", "anno", "numero", "ufficio", "classificazione", "soggetto", "stato"];

/// The filters typed, read.
#[derive(Debug)]
pub struct Letto {
    /// Which register.
    pub registro: CodiceRegistro,
    /// For the store.
    pub filtro: Filtro,
    /// What could not be read, by field.
    pub errori: Vec<ErroreCampo>,
}

/// Reads the query of the address. What cannot be read is said, not ignored.
pub fn leggi(c: &Campi) -> Letto {
    let mut errori = Vec::new();
    let mut male = |campo: &str, messaggio: &str| {
        errori.push(ErroreCampo { campo: campo.to_owned(), messaggio: messaggio.to_owned() });
    };
    let mut f = Filtro { limite: RIGHE, ..Filtro::default() };
    f.q = c.testo("q").map(str::to_owned);
    f.soggetto = c.testo("soggetto").map(str::to_owned);
    f.cursore = c.testo("cursore").map(str::to_owned);
    if let Some(t) = c.testo("tipo") {
        f.tipo = Tipo::da_codice(t);
        if f.tipo.is_none() {
            male("tipo", "va scelto tra entrata, uscita e interna");
        }
    }
    for (nome, posto) in [("dal", &mut f.dal), ("al", &mut f.al)] {
        match c.testo(nome).map(ora::giorno) {
            Some(Ok(g)) => *posto = Some(g),
            Some(Err(m)) => male(nome, m),
            None => {}
        }
    }
    match c.testo("anno").map(str::parse::<i32>) {
        Some(Ok(a)) if (1900..10_000).contains(&a) => f.anno = Some(a),
        Some(_) => male("anno", "va scritto con quattro cifre"),
        None => {}
    }
    // A number may be typed as it is printed, with its year: 0000123/2026.
    if let Some(n) = c.testo("numero") {
        let (n, anno) = n.split_once('/').map_or((n, None), |(n, a)| (n, Some(a)));
        match (n.trim().parse::<i64>(), anno.map(|a| a.trim().parse::<i32>()).transpose()) {
            (Ok(n), Ok(a)) if n > 0 => {
                f.numero = Some(n);
                f.anno = a.or(f.anno);
            }
            _ => male("numero", "il numero è fatto di cifre, per esempio 123 o 123/2026"),
        }
    }
    if let Some(t) = c.testo("ufficio") {
        f.ufficio = t.parse().map_err(|e: dominio::codici::CodiceErrato| male("ufficio", e.0)).ok();
    }
    // The type-ahead leaves «1.6 Name»: the code is the first word.
    if let Some(t) = c.testo("classificazione").and_then(|t| t.split_whitespace().next()) {
        f.classificazione = t.parse().map_err(|e: dominio::codici::CodiceErrato| male("classificazione", e.0)).ok();
    }
    f.stato = match c.testo("stato") {
        None => None,
        Some("valida") => Some(Stato::Valida),
        Some("annullata") => Some(Stato::Annullata),
        Some("annullata-in-parte") => Some(Stato::AnnullataInParte),
        Some(_) => {
            male("stato", "va scelto dall'elenco");
            None
        }
    };
    let registro = match c.testo("registro").map(str::parse) {
        Some(Ok(r)) => r,
        Some(Err(_)) => {
            male("registro", "va scelto dall'elenco");
            CodiceRegistro::generale()
        }
        None => CodiceRegistro::generale(),
    };
    Letto { registro, filtro: f, errori }
}

/// The query of an address with these filters, without the one named (to take a chip away), and a cursor.
pub fn query(c: &Campi, senza: Option<&str>, cursore: Option<&str>) -> String {
    let mut out = String::new();
    let coppie = CAMPI.iter().filter(|n| Some(**n) != senza).filter_map(|n| Some((*n, c.testo(n)?)));
    for (n, v) in coppie.chain(cursore.map(|v| ("cursore", v))) {
        out.push(if out.is_empty() { '?' } else { '&' });
        out.push_str(&format!("{n}={}", codifica(v)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn campi(coppie: &[(&str, &str)]) -> Campi {
        Campi(coppie.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn filters_are_read_as_people_type_them() {
        let l = leggi(&campi(&[
            ("q", " accesso "),
            ("tipo", "entrata"),
            ("dal", "1/11/2026"),
            ("numero", "0000123/2026"),
            ("classificazione", "1.6 Archivio"),
            ("stato", "valida"),
            ("ufficio", ""),
        ]));
        assert!(l.errori.is_empty(), "{:?}", l.errori);
        assert_eq!((l.filtro.numero, l.filtro.anno), (Some(123), Some(2026)));
        assert_eq!(l.filtro.q.as_deref(), Some("accesso"));
        assert_eq!(l.filtro.classificazione.unwrap().as_str(), "1.6");
        assert_eq!(l.registro.as_str(), "PG");
    }

    #[test]
    fn what_cannot_be_read_is_said_on_its_field() {
        let l = leggi(&campi(&[
            ("tipo", "x"),
            ("dal", "ieri"),
            ("anno", "26"),
            ("numero", "-1"),
            ("ufficio", "a/b"),
            ("stato", "boh"),
            ("registro", "a/b"),
        ]));
        let nomi: Vec<&str> = l.errori.iter().map(|e| e.campo.as_str()).collect();
        assert_eq!(nomi, ["tipo", "dal", "anno", "numero", "ufficio", "stato", "registro"]);
    }

    #[test]
    fn a_chip_taken_away_leaves_the_others() {
        let c = campi(&[("q", "a&b"), ("tipo", "uscita"), ("dal", "")]);
        assert_eq!(query(&c, None, None), "?q=a%26b&tipo=uscita");
        assert_eq!(query(&c, Some("q"), Some("7")), "?tipo=uscita&cursore=7");
        assert_eq!(query(&Campi::default(), None, None), "");
    }
}
