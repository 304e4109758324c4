//! "Who saw my data" (R-L16): the access log, by registration and by person, for who answers for the register.

use archivio::store::FiltroAccessi;
use dominio::errori::ErroreCampo;

use super::viste::{self, Modulo};
use super::{Esito, guscio, ora, pagina, sommario};
use crate::accesso::{Domanda, Utente};

/// Lines on a page.
const ELENCO: usize = 100;

/// `GET …/accessi`, with `?registrazione=PG/2026/1&soggetto=&utente=&dal=&al=&riservate=si`.
pub async fn mostra(u: Utente, Domanda(q): Domanda) -> Esito {
    dominio::nuova::richiede_accessi(&u.chi)?;
    let mut errori = Vec::new();
    let mut sbagliato = |campo: &str, m: &str| {
        errori.push(ErroreCampo { campo: campo.to_owned(), messaggio: m.to_owned() });
    };
    let mut f = FiltroAccessi {
        soggetto: q.testo("soggetto").map(str::to_owned),
        riservate: q.spuntato("riservate"),
        cursore: q.testo("cursore").filter(|c| c.parse::<i64>().is_ok()).map(str::to_owned),
        limite: ELENCO,
        ..FiltroAccessi::default()
    };
    if let Some(t) = q.testo("registrazione") {
        match t.parse() {
            Ok(k) => f.registrazione = Some(k),
            Err(m) => sbagliato("registrazione", m),
        }
    }
    if let Some(t) = q.testo("utente") {
        match t.parse() {
            Ok(n) => f.utente = Some(n),
            Err(_) => sbagliato("utente", "non è un nome utente"),
        }
    }
    for (nome, dove) in [("dal", &mut f.dal), ("al", &mut f.al)] {
        match q.testo(nome).map(ora::giorno) {
            Some(Ok(g)) => *dove = Some(g),
            Some(Err(m)) => sbagliato(nome, m),
            None => {}
        }
    }
    let (righe, successivi) = if errori.is_empty() {
        let p = u.ente.accessi(&u.aoo, &f).await?;
        let righe = p
            .elementi
            .into_iter()
            .map(|x| {
                let a = x.accesso;
                viste::RigaAccesso {
                    quando: viste::quando(a.istante),
                    istante: viste::per_macchine(a.istante),
                    chi: format!("{} ({})", a.nome, a.utente),
                    cosa: a.azione.denominazione(),
                    href: format!("{}/registrazioni/{}", u.base(), a.registrazione),
                    registrazione: a.registrazione,
                    riservata: a.riservata,
                }
            })
            .collect();
        (righe, p.successivo)
    } else {
        (Vec::new(), None)
    };
    let successivi = successivi.map(|c| {
        let mut s = form_urlencoded::Serializer::new(String::new());
        for (n, v) in q.0.iter().filter(|(n, v)| n != "cursore" && !v.is_empty()) {
            s.append_pair(n, v);
        }
        s.append_pair("cursore", &c);
        format!("{}/accessi?{}", u.base(), s.finish())
    });
    pagina(&viste::Accessi {
        g: guscio::guscio(&u, "accessi", "Chi ha visto che cosa")?,
        sommario: sommario(&errori),
        m: Modulo { campi: q, errori },
        righe,
        successivi,
        giorni: crate::accessi::GIORNI_TENUTI,
    })
}
