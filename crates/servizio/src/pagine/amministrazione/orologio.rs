//! The register's clock: after a jump forward only the RGD says that it is right (R-A21).

use axum::http::StatusCode;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::errori::ErroreCampo;
use dominio::permessi::Diritto;

use super::{Esecuzione, configura, torna};
use crate::accesso::utente::Campi;
use crate::accesso::{Invio, Utente};
use crate::pagine::errore::ErrorePagina;
use crate::pagine::guscio::guscio;
use crate::pagine::viste::amministrazione::Orologio;
use crate::pagine::viste::{self, Modulo};
use crate::pagine::{Esito, con_stato, sommario};

/// `GET …/orologio`.
pub async fn mostra(u: Utente) -> Esito {
    vista(&u, StatusCode::OK, Vec::new(), Campi::default()).await
}

/// `POST …/orologio`: `motivo`.
pub async fn conferma(i: Invio) -> Esito {
    let motivo = i.campi.testo("motivo").unwrap_or_default().to_owned();
    match configura(&i.utente, Ok(C::ConfermaOrologio { motivo }), None).await? {
        Esecuzione::Fatta => Ok(torna(&i.utente, "orologio")),
        Esecuzione::Rifiutata(stato, errori) => vista(&i.utente, stato, errori, i.campi.clone()).await,
    }
}

async fn vista(u: &Utente, stato: StatusCode, errori: Vec<ErroreCampo>, campi: Campi) -> Esito {
    if !u.ha(Diritto::ConfermaOrologio) {
        return Err(ErrorePagina::vietata("l'orologio lo conferma il responsabile della gestione documentale"));
    }
    // Asked now: what was seen last may be a minute old.
    u.ente.salute().await;
    let (adesso, in_dubbio) = u.ente.orologio();
    let v = Orologio {
        g: guscio(u, "orologio", "Orologio del registro")?,
        sommario: sommario(&errori),
        m: Modulo { campi, errori },
        adesso: viste::quando(adesso),
        in_dubbio,
    };
    con_stato(stato, &v)
}
