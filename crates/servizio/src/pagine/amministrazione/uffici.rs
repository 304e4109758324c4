//! Offices: the tree, opening and closing (R-J01).

use axum::extract::Path;
use axum::http::StatusCode;
use dominio::codici::CodiceUfficio;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::configurazione::{StatoAoo, Ufficio};
use dominio::errori::ErroreCampo;
use dominio::permessi::Diritto;
use serde::Deserialize;

use super::{Esecuzione, configura, forse, leggi, torna};
use crate::accesso::utente::Campi;
use crate::accesso::{Invio, Utente};
use crate::pagine::guscio::{self, guscio};
use crate::pagine::viste::amministrazione::{RamoUfficio, Uffici};
use crate::pagine::viste::{self, Modulo};
use crate::pagine::{Esito, con_stato, sommario};

/// The office an address names.
#[derive(Debug, Deserialize)]
pub struct Posto {
    codice: String,
}

/// `GET …/uffici`.
pub async fn mostra(u: Utente) -> Esito {
    u.richiede(&[Diritto::GestisceUtenti, Diritto::GestisceUffici])?;
    vista(&u, StatusCode::OK, Vec::new(), Campi::default())
}

/// `POST …/uffici`: `codice`, `denominazione`, `padre`.
pub async fn crea(i: Invio) -> Esito {
    let c = &i.campi;
    let comando = leggi("codice", c.testo("codice").unwrap_or_default()).and_then(|codice| {
        Ok(C::CreaUfficio {
            codice,
            denominazione: c.testo("denominazione").unwrap_or_default().to_owned(),
            padre: forse("padre", c.testo("padre"))?,
        })
    });
    match configura(&i.utente, comando, None).await? {
        Esecuzione::Fatta => Ok(torna(&i.utente, "uffici")),
        Esecuzione::Rifiutata(stato, errori) => vista(&i.utente, stato, errori, i.campi.clone()),
    }
}

/// `POST …/uffici/{codice}/chiudi`.
pub async fn chiudi(Path(p): Path<Posto>, i: Invio) -> Esito {
    let comando = leggi("codice", &p.codice).map(|codice| C::ChiudiUfficio { codice });
    match configura(&i.utente, comando, None).await? {
        Esecuzione::Fatta => Ok(torna(&i.utente, "uffici")),
        Esecuzione::Rifiutata(stato, errori) => vista(&i.utente, stato, errori, Campi::default()),
    }
}

fn vista(u: &Utente, stato: StatusCode, errori: Vec<ErroreCampo>, campi: Campi) -> Esito {
    let mut righe = Vec::new();
    ramo(u, u.stato()?, None, 0, &mut righe);
    let v = Uffici {
        g: guscio(u, "uffici", "Uffici")?,
        sommario: sommario(&errori),
        m: Modulo { campi, errori },
        righe,
        aperti: guscio::uffici(u)?,
        modifica: u.ha(Diritto::GestisceUffici),
    };
    con_stato(stato, &v)
}

fn ramo(u: &Utente, aoo: &StatoAoo, padre: Option<&CodiceUfficio>, livello: usize, out: &mut Vec<RamoUfficio>) {
    let ora = u.ente.ora();
    let figli: Vec<&Ufficio> = aoo.uffici.values().filter(|x| x.padre.as_ref() == padre).collect();
    for x in figli {
        let chiuso = aoo.ufficio(&x.codice, ora).is_none();
        let persone =
            u.conf.utenti.values().filter(|p| !p.disabilitato && p.uffici(&u.aoo, ora).contains(&x.codice)).count();
        let dal = viste::giorno(x.dal.giorno());
        out.push(RamoUfficio {
            codice: x.codice.to_string(),
            nome: x.denominazione.clone(),
            livello: livello.min(5),
            validita: match x.al {
                Some(al) => format!("dal {dal} al {}", viste::giorno(al.giorno())),
                None => format!("dal {dal}"),
            },
            chiuso,
            persone,
        });
        ramo(u, aoo, Some(&x.codice), livello + 1, out);
    }
}
