//! Printed documents: the receipt for the person, the history of a registration, the statement on a log's keys. Accessible PDF/A, made of what the
//! register says and nothing else; the same bytes whenever they are made of the same state.

mod dichiarazione;
mod prova_ripristino;
mod ricevuta;
mod richiesta_sigillo;
mod segno;
mod storia;

use archivio::store::Registro;
use archivio::{EnteStore, Esito};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use dominio::codici::{CodiceAoo, Impronta};
use dominio::configurazione::Configurazione;
use dominio::registrazione::{Chiave, Registrazione, Stato};
use dominio::tempo::in_parole;
use dominio::timbro::{self, PosizioneTimbro};
use stampa::timbro::{Angolo, Posizione};
use stampa::{Blocco, Brano, Cornice};

use crate::problema::Problema;
pub use dichiarazione::{ChiaveDichiarata, Dichiarazione, dichiarazione};
pub(crate) use prova_ripristino::durata;
pub use prova_ripristino::{ProvaRipristino, prova_ripristino};
pub use ricevuta::{Luogo, ricevuta};
pub use richiesta_sigillo::richiesta_sigillo;
pub use segno::{documento_timbrato, etichetta, etichetta_testo};
pub use storia::storia;

/// Where a registration stands, and where anybody can check it.
///
/// # Errors
/// The store's.
pub async fn luogo<'a>(
    ente: &dyn EnteStore,
    aoo: &'a CodiceAoo,
    url_pubblico: &str,
    conf: &'a Configurazione,
    r: &Registrazione,
) -> Esito<Luogo<'a>> {
    let op = ente.scan_from(&Registro::Aoo(aoo.clone()), r.indice, 1).await?;
    let entrata = op.first().map(|o| Impronta(o.voce).hex()).unwrap_or_default();
    let k = &r.chiave;
    // After the sign `#` nothing reaches the server that shows the page.
    let verifica = format!(
        "{url_pubblico}/verifica?ente={}&aoo={aoo}#{}/{}/{}&i={}&e={entrata}",
        ente.ipa(),
        k.registro,
        k.anno,
        k.numero.valore(),
        r.indice
    );
    Ok(Luogo { conf, aoo, verifica, entrata })
}

/// Where the stamp of an AOO goes: as it chose, but in the corner that who asks for the copy names.
pub fn posizione(conf: &Configurazione, aoo: &CodiceAoo, chiesto: Option<Angolo>) -> Posizione {
    let scelta = conf.aoo.get(aoo).map_or(PosizioneTimbro::PREDEFINITA, |a| a.timbro);
    let suo = match scelta.angolo {
        timbro::Angolo::AltoDestra => Angolo::AltoDestra,
        timbro::Angolo::AltoSinistra => Angolo::AltoSinistra,
        timbro::Angolo::BassoDestra => Angolo::BassoDestra,
        timbro::Angolo::BassoSinistra => Angolo::BassoSinistra,
    };
    Posizione { angolo: chiesto.unwrap_or(suo), margine_mm: scelta.margine_mm }
}

/// Lays out a document away from the threads that serve: it is milliseconds of work.
///
/// # Errors
/// What cannot be laid out; said in the journal, without contents.
pub fn in_disparte(f: impl FnOnce() -> Result<Vec<u8>, stampa::Errore>) -> Result<Vec<u8>, Problema> {
    tokio::task::block_in_place(f).map_err(|e| {
        tracing::error!(errore = %e, "documento non stampabile");
        Problema::interno()
    })
}

/// A PDF to be shown, with a name to be saved under.
pub fn risposta(byte: Vec<u8>, nome: &str) -> Response {
    let capi = [
        (header::CONTENT_TYPE, "application/pdf".to_owned()),
        (header::CONTENT_DISPOSITION, crate::scarico::disposizione(&format!("{nome}.pdf"), true)),
    ];
    (capi, byte).into_response()
}

/// `ricevuta-PG-2026-0000001`.
pub fn nome_file(cosa: &str, k: &Chiave) -> String {
    format!("{cosa}-{}-{}-{}", k.registro, k.anno, k.numero.esteso())
}

/// The mark that can't be missed (R-B04), with who, when and under which act; nothing when all is in force.
/// `breve`: for who is outside, without names and reasons.
fn segno<'a>(r: &Registrazione, breve: bool) -> Option<Blocco<'a>> {
    let titolo = match r.stato {
        Stato::Valida => return None,
        Stato::Annullata => "REGISTRAZIONE ANNULLATA",
        Stato::AnnullataInParte => "REGISTRAZIONE ANNULLATA IN PARTE",
    };
    let mut blocchi = vec![Blocco::Paragrafo(vec![Brano::grassetto(titolo)])];
    for a in &r.annullamenti {
        let che = if a.intero {
            "Tutta la registrazione".to_owned()
        } else {
            let campi: Vec<&str> = a.campi.iter().map(|c| c.denominazione()).collect();
            format!("Annullato e rinnovato: {}", campi.join(", "))
        };
        let atto = format!("provvedimento {} del {}", a.provvedimento.numero, in_parole(a.provvedimento.data));
        let testo = if breve {
            format!("{che}. {}; {atto}", a.istante.in_parole())
        } else {
            let chiesto = a.chiesto_da.as_ref().map_or_else(String::new, |c| format!(", chiesto da {}", c.nome));
            let (q, chi) = (a.istante.in_parole(), &a.operatore.nome);
            format!("{che}. {q}, da {chi}{chiesto}; {atto}. Motivo: {}", a.motivo)
        };
        blocchi.push(Blocco::Paragrafo(vec![Brano::piano(testo)]));
    }
    Some(Blocco::Riquadro(Cornice::Avviso, blocchi))
}
