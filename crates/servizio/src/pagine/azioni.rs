//! What can be done to a registration from its page: each form becomes one command, and the domain decides (R-B02).

use std::sync::Arc;

use archivio::store::{FileCaricato, Idempotenza};
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use dominio::comandi::Comando;
use dominio::errori::{ErroreCampo, Rifiuto};
use dominio::registrazione::{Chiave, DatiAssegnazione, Documento, RiferimentoEsteso, RuoloDocumento};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::busta::Busta;
use super::dettaglio::Posto;
use super::errore::ErrorePagina;
use super::{modulo, registrazione};
use crate::accesso::utente::Campi;
use crate::accesso::{Accesso, Invio, Utente, provenienza, ritorno};
use crate::entro;
use crate::problema::Problema;
use crate::ricezione::{self, Limiti, Parti, Ricevuto};
use crate::sola_lettura;

/// The assignment an address names.
#[derive(Debug, Deserialize)]
pub struct PostoAssegnazione {
    id: String,
}

impl PostoAssegnazione {
    fn id(&self) -> Result<u32, ErrorePagina> {
        self.id.parse().map_err(|_| ErrorePagina::non_trovata())
    }
}

/// `POST …/assegna`: `ufficio`, `utente`, `tipo` (or groups `assegnazioni.0.…`), `nota`.
pub async fn assegna(Path(p): Path<Posto>, i: Invio) -> Result<Response, ErrorePagina> {
    let c = &i.campi;
    let mut date: Vec<Value> = (0..20).filter_map(|n| modulo::assegnazione(c, &format!("assegnazioni.{n}"))).collect();
    if let Some(u) = c.testo("ufficio") {
        let mut una = json!({"ufficio": u, "tipo": c.testo("tipo").unwrap_or("competenza")});
        if let Some(chi) = c.testo("utente") {
            una["utente"] = chi.into();
        }
        date.push(una);
    }
    let letto = leggi::<Vec<DatiAssegnazione>>("assegnazioni", Value::Array(date))
        .map(|assegnazioni| Comando::Assegna { assegnazioni, nota: c.testo("nota").map(str::to_owned) });
    esegui(&i, &p, "assegnazioni", letto).await
}

/// `POST …/assegnazioni/{id}/prendi-in-carico`.
pub async fn prendi(
    Path(p): Path<Posto>,
    Path(a): Path<PostoAssegnazione>,
    i: Invio,
) -> Result<Response, ErrorePagina> {
    esegui(&i, &p, "assegnazioni", Ok(Comando::PrendiInCarico { assegnazione: a.id()? })).await
}

/// `POST …/assegnazioni/{id}/rifiuta`: `motivo`.
pub async fn rifiuta(
    Path(p): Path<Posto>,
    Path(a): Path<PostoAssegnazione>,
    i: Invio,
) -> Result<Response, ErrorePagina> {
    let motivo = i.campi.testo("motivo").unwrap_or_default().to_owned();
    esegui(&i, &p, "assegnazioni", Ok(Comando::Rifiuta { assegnazione: a.id()?, motivo })).await
}

/// `POST …/assegnazioni/{id}/concludi`: `nota`.
pub async fn concludi(
    Path(p): Path<Posto>,
    Path(a): Path<PostoAssegnazione>,
    i: Invio,
) -> Result<Response, ErrorePagina> {
    let nota = i.campi.testo("nota").map(str::to_owned);
    esegui(&i, &p, "assegnazioni", Ok(Comando::Concludi { assegnazione: a.id()?, nota })).await
}

/// `POST …/classifica`: `classificazione`, `motivo`.
pub async fn classifica(Path(p): Path<Posto>, i: Invio) -> Result<Response, ErrorePagina> {
    let letto =
        leggi("classificazione", i.campi.testo("classificazione").unwrap_or_default().into()).map(|classificazione| {
            Comando::Classifica { classificazione, motivo: i.campi.testo("motivo").map(str::to_owned) }
        });
    esegui(&i, &p, "classificazione", letto).await
}

/// `POST …/annota`: `testo`.
pub async fn annota(Path(p): Path<Posto>, i: Invio) -> Result<Response, ErrorePagina> {
    let testo = i.campi.primo("testo").unwrap_or_default().to_owned();
    esegui(&i, &p, "annotazioni", Ok(Comando::Annota { testo })).await
}

/// `POST …/collega`: `registro` (the general one if blank), `anno`, `numero`, `nota`.
pub async fn collega(Path(p): Path<Posto>, i: Invio) -> Result<Response, ErrorePagina> {
    let c = &i.campi;
    let chiave = format!(
        "{}/{}/{}",
        c.testo("registro").unwrap_or("PG"),
        c.testo("anno").unwrap_or_default(),
        c.testo("numero").unwrap_or_default()
    );
    let letto = match chiave.parse::<Chiave>() {
        Err(m) => Err(Rifiuto::campo("numero", m)),
        // Within the AOO the other one has to exist; the operator could not correct a link.
        Ok(k) if u_e_assente(&i.utente, &k).await? => {
            Err(Rifiuto::campo("numero", format!("la registrazione {k} non esiste")))
        }
        Ok(k) => Ok(Comando::Collega {
            riferimento: RiferimentoEsteso {
                ente: i.utente.ente.ipa().clone(),
                aoo: i.utente.aoo.clone(),
                registro: k.registro,
                anno: k.anno,
                numero: k.numero,
                data: None,
            },
            nota: c.testo("nota").map(str::to_owned),
        }),
    };
    esegui(&i, &p, "collegamenti", letto).await
}

async fn u_e_assente(u: &Utente, k: &Chiave) -> Result<bool, ErrorePagina> {
    Ok(u.ente.operazioni_di(&u.aoo, k).await?.is_empty())
}

/// `POST …/fascicola`: `fascicolo`.
pub async fn fascicola(Path(p): Path<Posto>, i: Invio) -> Result<Response, ErrorePagina> {
    let fascicolo = i.campi.testo("fascicolo").unwrap_or_default().to_owned();
    let letto = if fascicolo.is_empty() {
        Err(Rifiuto::campo("fascicolo", "va indicato"))
    } else {
        Ok(Comando::Fascicola { fascicolo })
    };
    esegui(&i, &p, "fascicoli", letto).await
}

/// `POST …/allega`, multipart: files `allegato`, `descrizione`.
pub async fn allega(
    State(stato): State<Arc<Accesso>>,
    Path(p): Path<Posto>,
    r: Request,
) -> Result<Response, ErrorePagina> {
    let (invio, ricevuto) = match con_file(&stato, r, None).await {
        Ok(x) => x,
        Err(risposta) => return Ok(risposta),
    };
    let file = ricevuto.file;
    let documenti: Vec<Documento> = (1..).zip(&file).map(|(n, f)| archivio::store::documento(n, f)).collect();
    let comando = Comando::Allega { documenti, descrizione: invio.campi.testo("descrizione").map(str::to_owned) };
    let file = file.into_iter().map(|f| f.file).collect();
    let r = entro(stato.limiti.attesa_max, esegui_con(&invio, &p, "documenti", Ok(comando), file)).await?;
    if r.as_ref().is_ok_and(|r| r.status().is_redirection()) {
        stato.esami.sveglia(invio.utente.ente.ipa());
    }
    r
}

/// Reads a multipart form from a page of ours: its fields with the token checked, its files stored.
///
/// # Errors
/// The answer to give instead.
pub async fn con_file(stato: &Arc<Accesso>, r: Request, primario: Option<&str>) -> Result<(Invio, Ricevuto), Response> {
    let (busta, multipart) = Busta::apri(stato, r).await?;
    let parti = Parti { testi: &[], liberi: true, primario, allegato: "allegato" };
    let limiti = Limiti { testo_max: 256 * 1_024, ..stato.limiti };
    let mut ricevuto = ricezione::ricevi(busta.utente.ente.as_ref(), multipart, parti, limiti)
        .await
        .map_err(|p| ErrorePagina::from(p).into_response())?;
    sola_lettura::ancora_scrivibile(busta.guardata.as_ref())
        .await
        .map_err(|p| ErrorePagina::from(p).into_response())?;
    let invio = busta.con(std::mem::take(&mut ricevuto.testi)).map_err(ErrorePagina::into_response)?;
    Ok((invio, ricevuto))
}

/// Reads a value of the domain; errors name `campo`.
fn leggi<T: serde::de::DeserializeOwned + serde::Serialize>(campo: &str, v: Value) -> Result<T, Rifiuto> {
    serde_path_to_error::deserialize(v).map_err(|e| {
        let posto = e.path().to_string();
        let posto = posto.replace(['[', ']'], "");
        let nome = if posto == "." { campo.to_owned() } else { format!("{campo}.{posto}") };
        Rifiuto::campo(nome, e.inner().to_string())
    })
}

async fn esegui(
    i: &Invio,
    p: &Posto,
    ancora: &'static str,
    comando: Result<Comando, Rifiuto>,
) -> Result<Response, ErrorePagina> {
    esegui_con(i, p, ancora, comando, Vec::new()).await
}

/// Carries out a command, then goes back to where the form was; a refusal shows the registration with what is wrong
/// and with what was typed.
async fn esegui_con(
    i: &Invio,
    p: &Posto,
    ancora: &'static str,
    comando: Result<Comando, Rifiuto>,
    file: Vec<FileCaricato>,
) -> Result<Response, ErrorePagina> {
    let (u, chiave) = (&i.utente, p.chiave()?);
    let idempotenza = ripetibile(u, &i.campi, &file);
    let esito = match comando {
        Ok(c) => u.ente.comanda(&u.aoo, &u.chi, &chiave, c, file, idempotenza).await.map(drop),
        Err(r) => Err(r.into()),
    };
    match esito.map_err(Problema::from) {
        Ok(()) => {
            let qui = format!("{}/registrazioni/{chiave}#{ancora}", u.base());
            let dopo = i.campi.testo("dopo").and_then(ritorno::locale).unwrap_or(&qui);
            Ok(Redirect::to(dopo).into_response())
        }
        Err(p) if matches!(p.stato, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT) => {
            let errori = if p.errori.is_empty() {
                vec![ErroreCampo { campo: String::new(), messaggio: p.dettaglio.clone() }]
            } else {
                p.errori.clone()
            };
            registrazione::con_errori(u, &chiave, p.stato, &errori, &i.campi).await
        }
        Err(p) => Err(p.into()),
    }
}

/// The one-time key of a form, where it has one: sent twice, it is done once.
pub fn ripetibile(u: &Utente, campi: &Campi, file: &[FileCaricato]) -> Option<Idempotenza> {
    let chiave = campi.testo("chiave").filter(|c| c.len() <= 100)?.to_owned();
    let mut h = Sha256::new();
    for (n, v) in campi.0.iter().filter(|(n, _)| n != provenienza::CAMPO) {
        h.update(format!("{}:{n}{}:{v}", n.len(), v.len()));
    }
    for f in file {
        h.update(f.impronta.0);
    }
    Some(Idempotenza { ambito: format!("pagina:{}", u.chi.id), chiave, richiesta: h.finalize().into() })
}

/// Says whether a file is the document registered or comes with it: the first one is, when none is named.
pub fn un_primario(file: &mut [archivio::store::FileDaRegistrare]) {
    if !file.iter().any(|f| f.ruolo == RuoloDocumento::Primario)
        && let Some(primo) = file.first_mut()
    {
        primo.ruolo = RuoloDocumento::Primario;
    }
    let mut visto = false;
    for f in file {
        if f.ruolo == RuoloDocumento::Primario && std::mem::replace(&mut visto, true) {
            f.ruolo = RuoloDocumento::Allegato;
        }
    }
}
