//! The titolario: entries with their validity, opened and closed, never changed (R-I03).

use axum::extract::Path;
use axum::http::StatusCode;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::errori::ErroreCampo;
use dominio::permessi::Diritto;
use serde::Deserialize;

use super::{Esecuzione, configura, errore, leggi, torna};
use crate::accesso::utente::Campi;
use crate::accesso::{Invio, Utente};
use crate::pagine::guscio::{guscio, ordine};
use crate::pagine::viste::amministrazione::{Titolario, Voce};
use crate::pagine::viste::{self, Modulo};
use crate::pagine::{Esito, con_stato, ora, sommario};

/// The entry an address names.
#[derive(Debug, Deserialize)]
pub struct Posto {
    codice: String,
}

/// `GET …/titolario`.
pub async fn mostra(u: Utente) -> Esito {
    vista(&u, StatusCode::OK, Vec::new(), Campi::default())
}

/// `POST …/titolario`: `codice`, `denominazione`, `dal`, `al`.
pub async fn apri(i: Invio) -> Esito {
    let c = &i.campi;
    let giorno = |nome: &str| c.testo(nome).map(ora::giorno).transpose().map_err(|m| errore(nome, m));
    let comando = leggi("codice", c.testo("codice").unwrap_or_default()).and_then(|codice| {
        Ok(C::ApriVoce {
            codice,
            denominazione: c.testo("denominazione").unwrap_or_default().to_owned(),
            dal: giorno("dal")?,
            al: giorno("al")?,
        })
    });
    match configura(&i.utente, comando, None).await? {
        Esecuzione::Fatta => Ok(torna(&i.utente, "titolario")),
        Esecuzione::Rifiutata(stato, errori) => vista(&i.utente, stato, errori, i.campi.clone()),
    }
}

/// `POST …/titolario/{codice}/chiudi`: `al`.
pub async fn chiudi(Path(p): Path<Posto>, i: Invio) -> Esito {
    let al = ora::giorno(i.campi.testo("al").unwrap_or_default()).map_err(|m| errore("al", m));
    let comando = al.and_then(|al| Ok(C::ChiudiVoce { codice: leggi("codice", &p.codice)?, al }));
    match configura(&i.utente, comando, None).await? {
        Esecuzione::Fatta => Ok(torna(&i.utente, "titolario")),
        Esecuzione::Rifiutata(stato, errori) => vista(&i.utente, stato, errori, Campi::default()),
    }
}

fn vista(u: &Utente, stato: StatusCode, errori: Vec<ErroreCampo>, campi: Campi) -> Esito {
    let (aoo, oggi) = (u.stato()?, u.ente.ora().giorno());
    let mut voci: Vec<Voce> = aoo
        .titolario
        .iter()
        .filter_map(|(codice, tutte)| {
            let v = tutte.last()?;
            let dal = viste::giorno(v.dal);
            Some(Voce {
                codice: codice.to_string(),
                nome: v.denominazione.clone(),
                livello: codice.as_str().matches('.').count().min(5),
                validita: match v.al {
                    Some(al) => format!("dal {dal} al {}", viste::giorno(al)),
                    None => format!("dal {dal}"),
                },
                chiusa: aoo.voce(codice, oggi).is_none(),
                chiudibile: v.al.is_none() && *codice != aoo.dati.voce_da_classificare,
            })
        })
        .collect();
    voci.sort_by_cached_key(|v| ordine(&v.codice));
    let v = Titolario {
        g: guscio(u, "titolario", "Titolario")?,
        sommario: sommario(&errori),
        m: Modulo { campi, errori },
        voci,
        modifica: u.ha(Diritto::GestisceTitolario),
        oggi: oggi.to_string(),
    };
    con_stato(stato, &v)
}
