//! Where the AOO wants its stamp on copies of documents (R-C16).

use axum::http::StatusCode;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::errori::ErroreCampo;
use dominio::permessi::Diritto;
use dominio::timbro::{MARGINE_MM, PosizioneTimbro};

use super::{Esecuzione, configura, errore, leggi, torna};
use crate::accesso::utente::Campi;
use crate::accesso::{Domanda, Invio, Utente};
use crate::pagine::errore::ErrorePagina;
use crate::pagine::guscio::guscio;
use crate::pagine::viste::Modulo;
use crate::pagine::viste::amministrazione::Timbro;
use crate::pagine::{Esito, con_stato, sommario};

/// `GET …/timbro`, with `?fatto=` after the form.
pub async fn mostra(u: Utente, Domanda(q): Domanda) -> Esito {
    vista(&u, StatusCode::OK, Vec::new(), Campi::default(), q.testo("fatto").is_some())
}

/// `POST …/timbro`: `angolo`, `margineMm`.
pub async fn poni(i: Invio) -> Esito {
    let (u, c) = (&i.utente, &i.campi);
    let scritto = |n: &str| c.testo(n).unwrap_or_default();
    let angolo = leggi("angolo", scritto("angolo")).map_err(|_| errore("angolo", "va scelto tra i quattro"));
    let fuori = format!("va da {} a {} millimetri", MARGINE_MM.start(), MARGINE_MM.end());
    let margine_mm = scritto("margineMm").parse().map_err(|_| errore("margineMm", &fuori));
    let comando = match (angolo, margine_mm) {
        (Ok(angolo), Ok(margine_mm)) => Ok(C::PoniTimbro { timbro: PosizioneTimbro { angolo, margine_mm } }),
        (a, m) => Err([a.err(), m.err()].into_iter().flatten().flatten().collect()),
    };
    match configura(u, comando, None).await? {
        Esecuzione::Fatta => Ok(torna(u, "timbro?fatto=1")),
        Esecuzione::Rifiutata(stato, errori) => vista(u, stato, errori, c.clone(), false),
    }
}

fn vista(u: &Utente, stato: StatusCode, errori: Vec<ErroreCampo>, campi: Campi, fatto: bool) -> Esito {
    u.richiede(&[Diritto::GestisceConfigurazione])?;
    // As it is now: the form may just have changed it.
    let conf = u.ente.configurazione();
    let timbro = conf.aoo.get(&u.aoo).ok_or_else(ErrorePagina::non_trovata)?.timbro;
    let v = Timbro {
        g: guscio(u, "timbro", "Timbro sulle copie")?,
        sommario: sommario(&errori),
        m: Modulo { campi, errori },
        fatto,
        angolo: timbro.angolo.codice(),
        margine: timbro.margine_mm.to_string(),
    };
    con_stato(stato, &v)
}
