//! The rubrica: correspondents to be found while typing.

use archivio::store::Corrispondente;
use axum::http::StatusCode;
use dominio::comandi::ComandoConfigurazione as C;
use dominio::errori::ErroreCampo;
use dominio::lettura;
use dominio::permessi::Diritto;
use dominio::soggetto::Soggetto;

use super::{Esecuzione, configura, errore, torna};
use crate::accesso::ritorno::codifica;
use crate::accesso::utente::Campi;
use crate::accesso::{Domanda, Invio, Utente};
use crate::pagine::guscio::guscio;
use crate::pagine::viste::Modulo;
use crate::pagine::viste::amministrazione::Rubrica;
use crate::pagine::viste::registra::Gruppo;
use crate::pagine::{Esito, con_stato, modulo, sommario};

/// Rows of a page.
const RIGHE: usize = 50;
/// Prefix of the fields of a new one.
const NUOVO: &str = "soggetto";

/// `GET …/rubrica`, with `?q=` or `?cursore=`.
pub async fn mostra(u: Utente, Domanda(domanda): Domanda) -> Esito {
    vista(&u, StatusCode::OK, &domanda, Vec::new(), Campi::default()).await
}

/// `POST …/rubrica`: the fields of a correspondent under `soggetto.`.
pub async fn aggiungi(i: Invio) -> Esito {
    let comando = match modulo::soggetto(&i.campi, NUOVO, "entrata") {
        None => Err(errore("soggetto.cognome", "va compilato")),
        Some(v) => match lettura::leggi::<Soggetto>(v) {
            Ok(soggetto) => Ok(C::AggiungiCorrispondente { soggetto }),
            Err(dominio::errori::Rifiuto::NonValido(e)) => Err(e
                .into_iter()
                .map(|e| ErroreCampo { campo: format!("{NUOVO}.{}", e.campo), messaggio: e.messaggio })
                .collect()),
            Err(altro) => Err(errore("", &altro.to_string())),
        },
    };
    match configura(&i.utente, comando, None).await? {
        Esecuzione::Fatta => Ok(torna(&i.utente, "rubrica")),
        Esecuzione::Rifiutata(stato, errori) => {
            vista(&i.utente, stato, &Campi::default(), errori, i.campi.clone()).await
        }
    }
}

async fn vista(u: &Utente, stato: StatusCode, domanda: &Campi, errori: Vec<ErroreCampo>, campi: Campi) -> Esito {
    u.richiede(&[Diritto::GestisceRubrica, Diritto::RegistraUscita, Diritto::RegistraEntrata])?;
    let q = domanda.testo("q").unwrap_or_default().to_owned();
    let (trovati, successivi) = if q.is_empty() {
        let p = u.ente.rubrica(&u.aoo, domanda.testo("cursore"), RIGHE).await?;
        (p.elementi, p.successivo.map(|c| format!("{}/rubrica?cursore={}", u.base(), codifica(&c))))
    } else {
        let mut t = u.ente.corrispondenti(&u.aoo, &q, RIGHE).await?;
        t.retain(|k| k.id > 0 || u.ha(Diritto::Consulta));
        (t, None)
    };
    let v = Rubrica {
        g: guscio(u, "rubrica", "Rubrica")?,
        sommario: sommario(&errori),
        m: Modulo { campi, errori },
        q,
        righe: trovati.iter().map(riga).collect(),
        successivi,
        modifica: u.ha(Diritto::GestisceRubrica),
        nuovo: Gruppo { p: NUOVO.to_owned(), titolo: "Chi è".to_owned(), conoscenza: false },
        uffici: Vec::new(),
    };
    con_stato(stato, &v)
}

fn riga(k: &Corrispondente) -> (String, &'static str, String, String, bool) {
    let s = &k.soggetto;
    let tipo = match s {
        Soggetto::PersonaFisica { .. } => "persona",
        Soggetto::PersonaGiuridica { .. } => "impresa o ente privato",
        Soggetto::Amministrazione { .. } => "amministrazione",
        Soggetto::AmministrazioneEstera { .. } => "amministrazione estera",
        Soggetto::Ufficio { .. } => "ufficio",
    };
    (
        s.nome_completo(),
        tipo,
        s.codice().unwrap_or_default().to_owned(),
        s.indirizzo_digitale().unwrap_or_default().to_owned(),
        k.id > 0,
    )
}
