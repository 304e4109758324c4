//! The REST interface, `/api/v1` (contract § 2).

mod anagrafiche;
mod azioni;
mod crea;
mod documenti;
mod leggi;
mod log;
pub mod openapi;
mod ricevuta;

use std::sync::Arc;

use archivio::EnteStore;
use archivio::store::{Idempotenza, Registro};
use axum::Router;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use dominio::codici::{CodiceAoo, CodiceRegistro, Impronta};
use dominio::comandi::puo_vedere;
use dominio::permessi::Operatore;
use dominio::registrazione::{Chiave, Numero, Registrazione, RuoloDocumento};
use serde_json::{Map, Value, json};

use crate::Servizio;
use crate::problema::Problema;
use crate::ricezione::impronta_richiesta;

/// Base of an AOO.
pub(crate) const BASE: &str = "/api/v1/enti/{ipa}/aoo/{aoo}";

/// Result of a handler.
type Risposta<T> = Result<T, Problema>;

/// Routes of this room.
pub fn rotte() -> Router<Arc<Servizio>> {
    let mut r = Router::new();
    // `registrazioni` is short for the general register.
    for registro in ["/registri/{registro}/registrazioni", "/registrazioni"] {
        let b = format!("{BASE}{registro}");
        let una = format!("{b}/{{anno}}/{{numero}}");
        let immutabile = || async { Problema::immutabile() };
        r = r
            .route(&b, post(crea::crea).get(leggi::elenco).layer(axum::extract::DefaultBodyLimit::disable()))
            // R-A11, R-B01: refused always, token or not.
            .route(&una, get(leggi::una).put(immutabile).patch(immutabile).delete(immutabile))
            .route(&format!("{una}/storia"), get(leggi::storia))
            .route(&format!("{una}/confronto"), get(leggi::confronto))
            .route(&format!("{una}/assegnazioni"), post(azioni::assegna))
            .route(&format!("{una}/assegnazioni/{{id}}/prendi-in-carico"), post(azioni::prendi))
            .route(&format!("{una}/assegnazioni/{{id}}/rifiuta"), post(azioni::rifiuta))
            .route(&format!("{una}/assegnazioni/{{id}}/concludi"), post(azioni::concludi))
            .route(&format!("{una}/classificazione"), post(azioni::classifica))
            .route(&format!("{una}/annotazioni"), post(azioni::annota))
            .route(&format!("{una}/collegamenti"), post(azioni::collega))
            .route(&format!("{una}/fascicolazioni"), post(azioni::fascicola))
            .route(&format!("{una}/allegati"), post(azioni::allega).layer(axum::extract::DefaultBodyLimit::disable()))
            .route(&format!("{una}/documenti/{{quale}}"), get(documenti::documento))
            .route(&format!("{una}/ricevuta"), get(ricevuta::ricevuta));
    }
    r.route(&format!("{BASE}/uffici"), get(anagrafiche::uffici).post(anagrafiche::crea_ufficio))
        .route(&format!("{BASE}/titolario"), get(anagrafiche::titolario).post(anagrafiche::apri_voce))
        .route(&format!("{BASE}/fascicoli"), get(anagrafiche::fascicoli).post(anagrafiche::crea_fascicolo))
        .route(&format!("{BASE}/rubrica"), get(anagrafiche::rubrica).post(anagrafiche::aggiungi_corrispondente))
        .route(&format!("{BASE}/registri"), get(anagrafiche::registri).post(anagrafiche::crea_registro))
        .route(&format!("{BASE}/log/checkpoint"), get(log::checkpoint))
        .route(&format!("{BASE}/log/chiavi"), get(log::chiavi))
        .route(&format!("{BASE}/log/tile/{{*percorso}}"), get(log::tessera))
        .route("/api/v1/enti/{ipa}/log/checkpoint", get(log::checkpoint_ente))
        .route("/api/v1/enti/{ipa}/log/chiavi", get(log::chiavi_ente))
        .route("/api/v1/enti/{ipa}/log/tile/{*percorso}", get(log::tessera_ente))
        .route("/api/v1/openapi.json", get(openapi::documento))
        .route("/api/{*resto}", axum::routing::any(sconosciuto))
}

async fn sconosciuto() -> impl IntoResponse {
    Problema::non_trovato("non c'è nulla a questo indirizzo dell'API")
}

/// The register and the registration named by a path.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Percorso {
    registro: Option<String>,
    anno: Option<String>,
    numero: Option<String>,
    id: Option<String>,
    quale: Option<String>,
}

impl Percorso {
    /// The register; `PG` when the path does not say.
    fn registro(&self) -> Risposta<CodiceRegistro> {
        match &self.registro {
            None => Ok(CodiceRegistro::generale()),
            Some(r) => r.parse().map_err(|_| Problema::non_trovato(format!("il registro {r} non esiste"))),
        }
    }

    /// The registration.
    fn chiave(&self) -> Risposta<Chiave> {
        let male = || Problema::non_trovato("la registrazione non esiste");
        let numero = self.numero.as_ref().and_then(|n| n.parse().ok()).and_then(Numero::nuovo).ok_or_else(male)?;
        let anno = self.anno.as_ref().and_then(|a| a.parse().ok()).ok_or_else(male)?;
        Ok(Chiave { registro: self.registro()?, anno, numero })
    }
}

/// A registration that exists, whether or not this operator may see it.
async fn cerca(ente: &dyn EnteStore, aoo: &CodiceAoo, chiave: &Chiave, fino: Option<u64>) -> Risposta<Registrazione> {
    ente.registrazione(aoo, chiave, fino)
        .await?
        .ok_or_else(|| Problema::non_trovato(format!("la registrazione {chiave} non esiste")))
}

/// A registration that this operator may see; 403 otherwise (R-L08).
async fn visibile(ente: &dyn EnteStore, aoo: &CodiceAoo, chi: &Operatore, chiave: &Chiave) -> Risposta<Registrazione> {
    let r = cerca(ente, aoo, chiave, None).await?;
    if puo_vedere(chi, &r) { Ok(r) } else { Err(Problema::vietato("la registrazione è riservata o di altri uffici")) }
}

/// The registration as answered: contract's shape, log place, links; or number and instant only.
async fn risposta(ente: &dyn EnteStore, aoo: &CodiceAoo, chi: &Operatore, r: &Registrazione) -> Risposta<Value> {
    if !puo_vedere(chi, r) {
        return maschera(ente, aoo, chi, r);
    }
    let op = ente.scan_from(&Registro::Aoo(aoo.clone()), r.indice, 1).await?;
    Ok(completa(ente, aoo, r, op.first().map(|o| o.voce)))
}

/// Masked, if the operator may at least know that the number exists; 403 otherwise.
fn maschera(ente: &dyn EnteStore, aoo: &CodiceAoo, chi: &Operatore, r: &Registrazione) -> Risposta<Value> {
    if r.dati.riservato && chi.diritti.ha(dominio::permessi::Diritto::Consulta) {
        Ok(Value::Object(r.mascherata(ente.ipa().as_str(), aoo.as_str())))
    } else {
        Err(Problema::vietato("la registrazione è riservata o di altri uffici"))
    }
}

fn completa(ente: &dyn EnteStore, aoo: &CodiceAoo, r: &Registrazione, voce: Option<[u8; 32]>) -> Value {
    let mut o = r.in_json(ente.ipa().as_str(), aoo.as_str());
    let entrata: String = voce.map(|v| Impronta(v).hex()).unwrap_or_default();
    o.insert("log".to_owned(), json!({"indice": r.indice, "entrata": entrata}));
    o.insert("links".to_owned(), Value::Object(link(ente, aoo, r)));
    Value::Object(o)
}

/// Path of a registration.
fn indirizzo(ente: &dyn EnteStore, aoo: &CodiceAoo, k: &Chiave) -> String {
    format!(
        "/api/v1/enti/{}/aoo/{aoo}/registri/{}/registrazioni/{}/{}",
        ente.ipa(),
        k.registro,
        k.anno,
        k.numero.valore()
    )
}

fn link(ente: &dyn EnteStore, aoo: &CodiceAoo, r: &Registrazione) -> Map<String, Value> {
    let b = indirizzo(ente, aoo, &r.chiave);
    let mut l = Map::new();
    l.insert("self".to_owned(), b.clone().into());
    for nome in ["storia", "ricevuta"] {
        l.insert(nome.to_owned(), format!("{b}/{nome}").into());
    }
    let documenti: Vec<String> = r.documenti.iter().map(|d| format!("{b}/documenti/{}", d.n)).collect();
    l.insert("documenti".to_owned(), json!(documenti));
    l
}

/// The Idempotency-Key of a request, if it has one.
fn idempotenza(
    h: &HeaderMap,
    ambito: &str,
    operazione: &str,
    dati: &Value,
    file: &[(RuoloDocumento, String, Impronta)],
) -> Risposta<Option<Idempotenza>> {
    let Some(v) = h.get("idempotency-key") else { return Ok(None) };
    let chiave = v
        .to_str()
        .ok()
        .filter(|k| (1..=200).contains(&k.len()) && k.bytes().all(|b| b.is_ascii_graphic()))
        .ok_or_else(|| Problema::campo("Idempotency-Key", "ha da 1 a 200 caratteri ASCII visibili"))?;
    let richiesta = impronta_richiesta(&json!({"operazione": operazione, "dati": dati}), file);
    Ok(Some(Idempotenza { ambito: ambito.to_owned(), chiave: chiave.to_owned(), richiesta }))
}

/// A JSON body into a value.
fn json_di(testo: &str, campo: &str) -> Risposta<Value> {
    serde_json::from_str(testo)
        .map_err(|e| Problema::campo(campo, format!("non è JSON valido (riga {}, colonna {})", e.line(), e.column())))
}
