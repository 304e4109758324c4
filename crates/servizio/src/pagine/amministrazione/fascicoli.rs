//! Fascicoli: a list, and opening one (R-I11).

use axum::http::StatusCode;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::errori::ErroreCampo;
use dominio::permessi::Diritto;

use super::{Esecuzione, configura, forse, leggi, torna};
use crate::accesso::ritorno::codifica;
use crate::accesso::utente::Campi;
use crate::accesso::{Domanda, Invio, Utente};
use crate::pagine::guscio::{self, LEGGE, guscio};
use crate::pagine::registro::nome_ufficio;
use crate::pagine::viste::amministrazione::{Fascicoli, Fascicolo};
use crate::pagine::viste::{self, Modulo};
use crate::pagine::{Esito, con_stato, sommario};

/// Rows of a page.
const RIGHE: usize = 50;

/// `GET …/fascicoli`, with `?cursore=`.
pub async fn mostra(u: Utente, Domanda(domanda): Domanda) -> Esito {
    vista(&u, StatusCode::OK, domanda.testo("cursore"), Vec::new(), Campi::default()).await
}

/// `POST …/fascicoli`: `classificazione`, `oggetto`, `ufficio`.
pub async fn crea(i: Invio) -> Esito {
    let c = &i.campi;
    let comando =
        leggi("classificazione", c.testo("classificazione").unwrap_or_default()).and_then(|classificazione| {
            Ok(C::CreaFascicolo {
                classificazione,
                oggetto: c.testo("oggetto").unwrap_or_default().to_owned(),
                ufficio: forse("ufficio", c.testo("ufficio"))?,
            })
        });
    match configura(&i.utente, comando, None).await? {
        Esecuzione::Fatta => Ok(torna(&i.utente, "fascicoli")),
        Esecuzione::Rifiutata(stato, errori) => vista(&i.utente, stato, None, errori, i.campi.clone()).await,
    }
}

async fn vista(u: &Utente, stato: StatusCode, cursore: Option<&str>, errori: Vec<ErroreCampo>, campi: Campi) -> Esito {
    u.richiede(&LEGGE)?;
    let p = u.ente.fascicoli(&u.aoo, cursore, RIGHE).await?;
    let aoo = u.stato()?;
    let oggi = u.ente.ora().giorno();
    let righe = p
        .elementi
        .into_iter()
        .map(|f| Fascicolo {
            classificazione: match aoo.voce(&f.classificazione, oggi) {
                Some(v) => format!("{} · {}", f.classificazione, v.denominazione),
                None => f.classificazione.to_string(),
            },
            ufficio: f.ufficio.as_ref().map(|c| nome_ufficio(u, c)).unwrap_or_default(),
            apertura: viste::giorno(f.apertura.giorno()),
            codice: f.codice,
            oggetto: f.oggetto,
            documenti: f.documenti,
        })
        .collect();
    let v = Fascicoli {
        g: guscio(u, "fascicoli", "Fascicoli")?,
        sommario: sommario(&errori),
        m: Modulo { campi, errori },
        righe,
        successivi: p.successivo.map(|c| format!("{}/fascicoli?cursore={}", u.base(), codifica(&c))),
        modifica: u.ha(Diritto::Fascicola),
        titolario: guscio::titolario(u)?,
        uffici: guscio::uffici(u)?,
    };
    con_stato(stato, &v)
}
