//! "What is mine, what do I do with it" (R-J05).

use archivio::store::{Filtro, Pratica, Trovata};
use dominio::codici::CodiceRegistro;
use dominio::comandi::puo_vedere;
use dominio::permessi::Diritto;
use dominio::registrazione::StatoAssegnazione;

use super::errore::ErrorePagina;
use super::guscio::{LEGGE, REGISTRA, guscio};
use super::registro::riga;
use super::viste::{self, Elemento, Sezione};
use super::{Esito, pagina};
use crate::accesso::Utente;

/// Items of each list.
const ELEMENTI: usize = 50;
/// Registrations shown below.
const RECENTI: usize = 10;

/// `GET …/scrivania`.
pub async fn mostra(u: Utente) -> Esito {
    let mut sezioni = Vec::new();
    if !u.chi.uffici.is_empty() {
        sezioni.push(
            sezione(&u, "Da prendere in carico", "Niente da prendere in carico.", StatoAssegnazione::DaPrendere, false)
                .await?,
        );
        sezioni
            .push(sezione(&u, "In lavorazione", "Niente in lavorazione.", StatoAssegnazione::InCarico, false).await?);
        sezioni.push(sezione(&u, "Per conoscenza", "Niente da leggere.", StatoAssegnazione::DaPrendere, true).await?);
    }
    let da_autorizzare = if u.ha(Diritto::Annulla) {
        u.ente.richieste_annullamento(&u.aoo, &u.chi, None, ELEMENTI).await?.elementi.len()
    } else {
        0
    };
    let legge = LEGGE.iter().any(|d| u.ha(*d));
    let recenti = if legge {
        let f = Filtro { limite: RECENTI, ..Filtro::default() };
        u.ente.cerca(&u.aoo, &u.chi, &CodiceRegistro::generale(), &f).await?.elementi
    } else {
        Vec::new()
    };
    crate::accessi::annota_elenco(&*u.ente, &u.aoo, &u.chi, recenti.iter().map(|t| &t.registrazione)).await?;
    let aoo = u.stato()?;
    let da_classificare = if u.ha(Diritto::Classifica) { Some(u.ente.da_classificare(&u.aoo).await?) } else { None };
    let nomi: Vec<&str> =
        u.chi.uffici.iter().filter_map(|c| aoo.uffici.get(c)).map(|x| x.denominazione.as_str()).collect();
    pagina(&viste::Scrivania {
        uffici: if nomi.is_empty() {
            "Nessun ufficio: le assegnazioni arrivano agli uffici.".to_owned()
        } else {
            nomi.join(", ")
        },
        href_da_classificare: format!("{}/registro?classificazione={}", u.base(), aoo.dati.voce_da_classificare),
        da_classificare,
        da_autorizzare,
        href_da_autorizzare: format!("{}/annullamenti", u.base()),
        recenti: recenti.iter().map(|t| riga(&u, t)).collect(),
        registra: REGISTRA.iter().any(|d| u.ha(*d)),
        sezioni,
        g: guscio(&u, "scrivania", "Scrivania")?,
    })
}

async fn sezione(
    u: &Utente,
    titolo: &'static str,
    vuota: &'static str,
    stato: StatoAssegnazione,
    conoscenza: bool,
) -> Result<Sezione, ErrorePagina> {
    // An assignment to one person of the office is on the desk of that person only: the store knows.
    let coda = u.ente.scrivania(&u.aoo, &u.chi.uffici, &u.chi.id, stato, conoscenza, ELEMENTI).await?;
    let viste = coda.pratiche.iter().map(|p| &p.registrazione);
    crate::accessi::annota_elenco(&*u.ente, &u.aoo, &u.chi, viste).await?;
    let elementi: Vec<Elemento> = coda.pratiche.into_iter().map(|p| elemento(u, p)).collect();
    let quante = usize::try_from(coda.totale).unwrap_or(usize::MAX);
    Ok(Sezione { titolo, vuota, quante, altre: quante.saturating_sub(elementi.len()), elementi })
}

fn elemento(u: &Utente, p: Pratica) -> Elemento {
    let visibile = puo_vedere(&u.chi, &p.registrazione);
    let a = p.registrazione.assegnazione(p.assegnazione).cloned();
    let azione = a.as_ref().filter(|_| visibile && u.ha(Diritto::PrendeInCarico)).and_then(|a| {
        let qui = format!("{}/registrazioni/{}/assegnazioni/{}", u.base(), p.registrazione.chiave, a.id);
        match a.stato {
            StatoAssegnazione::DaPrendere => Some((format!("{qui}/prendi-in-carico"), "Prendi in carico")),
            StatoAssegnazione::InCarico => Some((format!("{qui}/concludi"), "Concludi")),
            _ => None,
        }
    });
    let presso = a.map_or_else(String::new, |a| {
        let chi = a.gestita_da.map_or_else(String::new, |g| format!(", {g}"));
        format!(
            "{}{chi} dal {}",
            super::registro::nome_ufficio(u, &a.dati.ufficio),
            viste::quando(a.gestita_il.unwrap_or(a.dal))
        )
    });
    Elemento { riga: riga(u, &Trovata { registrazione: p.registrazione, visibile, voce: [0; 32] }), presso, azione }
}
