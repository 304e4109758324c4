//! The REST interface, `/api/v1` (contract § 2).

mod accessi;
mod anagrafiche;
mod annullamenti;
mod azioni;
mod crea;
mod dichiarazione;
mod documenti;
pub(crate) mod leggi;
mod log;
pub mod openapi;
pub(crate) mod ricevuta;
mod schemi;
pub(crate) mod sigillo;
pub(crate) mod timbro;
pub(crate) mod verifica;

use std::sync::Arc;

use archivio::EnteStore;
use archivio::store::{Azione, Idempotenza, Registro};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get, post};
use dominio::codici::{CodiceAoo, CodiceRegistro, Impronta};
use dominio::comandi::puo_vedere;
use dominio::permessi::Operatore;
use dominio::registrazione::{Chiave, Numero, Registrazione, RuoloDocumento};
use serde_json::{Map, Value, json};

use crate::Servizio;
use crate::problema::{Problema, uniforma};
use crate::ricezione::impronta_richiesta;

/// Base of an AOO.
pub(crate) const BASE: &str = "/api/v1/enti/{ipa}/aoo/{aoo}";

/// Result of a handler.
type Risposta<T> = Result<T, Problema>;

/// Routes of this room.
pub fn rotte() -> Router<Arc<Servizio>> {
    tutte()
        .into_iter()
        .fold(Router::new(), |r, (percorso, metodi)| r.route(&percorso, metodi))
        .route("/api/{*resto}", axum::routing::any(sconosciuto))
        .layer(axum::middleware::from_fn(uniforma))
}

/// Each path with what answers there.
fn tutte() -> Vec<(String, MethodRouter<Arc<Servizio>>)> {
    let mut r = Vec::new();
    // `registrazioni` is short for the general register.
    for registro in ["/registri/{registro}/registrazioni", "/registrazioni"] {
        let b = format!("{BASE}{registro}");
        let immutabile = || async { Problema::immutabile() };
        // Files are limited one by one as they come in, not by the length of the whole body.
        r.push((b.clone(), post(crea::crea).get(leggi::elenco).layer(DefaultBodyLimit::disable())));
        let una = [
            // R-A11, R-B01: refused always, token or not.
            ("", get(leggi::una).put(immutabile).patch(immutabile).delete(immutabile)),
            ("/storia", get(leggi::storia)),
            ("/confronto", get(leggi::confronto)),
            ("/assegnazioni", post(azioni::assegna)),
            ("/assegnazioni/{id}/prendi-in-carico", post(azioni::prendi)),
            ("/assegnazioni/{id}/rifiuta", post(azioni::rifiuta)),
            ("/assegnazioni/{id}/concludi", post(azioni::concludi)),
            ("/classificazione", post(azioni::classifica)),
            ("/annotazioni", post(azioni::annota)),
            ("/collegamenti", post(azioni::collega)),
            ("/fascicolazioni", post(azioni::fascicola)),
            ("/allegati", post(azioni::allega).layer(DefaultBodyLimit::disable())),
            ("/documenti/{quale}", get(documenti::documento)),
            ("/documenti/{quale}/verifica", get(verifica::stato).post(verifica::adesso)),
            ("/documenti/{quale}/contenuto/{impronta}", get(verifica::contenuto)),
            ("/segnatura.xml", get(sigillo::segnatura)),
            ("/ricevuta", get(ricevuta::ricevuta)),
            ("/ricevuta.pdf", get(ricevuta::per_la_persona)),
            ("/storia.pdf", get(ricevuta::storia)),
            ("/etichetta.pdf", get(timbro::etichetta)),
            ("/etichetta.txt", get(timbro::etichetta_testo)),
            ("/documento-timbrato.pdf", get(timbro::documento)),
            ("/annullamento", post(annullamenti::annulla)),
            ("/annullamenti/richieste", post(annullamenti::chiedi)),
            ("/annullamenti/richieste/{id}/autorizza", post(annullamenti::autorizza)),
            ("/annullamenti/richieste/{id}/rifiuta", post(annullamenti::rifiuta)),
            // The same under the short path that the contract writes.
            ("/richieste/{id}/autorizza", post(annullamenti::autorizza)),
            ("/richieste/{id}/rifiuta", post(annullamenti::rifiuta)),
        ];
        r.extend(una.into_iter().map(|(p, m)| (format!("{b}/{{anno}}/{{numero}}{p}"), m)));
    }
    let aoo = [
        ("/uffici", get(anagrafiche::uffici).post(anagrafiche::crea_ufficio)),
        ("/titolario", get(anagrafiche::titolario).post(anagrafiche::apri_voce)),
        ("/fascicoli", get(anagrafiche::fascicoli).post(anagrafiche::crea_fascicolo)),
        ("/rubrica", get(anagrafiche::rubrica).post(anagrafiche::aggiungi_corrispondente)),
        ("/registri", get(anagrafiche::registri).post(anagrafiche::crea_registro)),
        ("/accessi", get(accessi::elenco)),
        ("/orologio/conferma", post(anagrafiche::conferma_orologio)),
        ("/timbro", get(timbro::stato).post(timbro::poni)),
        ("/sigillo", get(sigillo::stato).post(sigillo::imposta)),
        ("/sigillo/richiesta", post(sigillo::chiedi)),
        ("/sigillo/richiesta.csr", get(sigillo::richiesta)),
        ("/sigillo/certificato", post(sigillo::certificato)),
        ("/sigillo/modulo.pdf", post(sigillo::modulo)),
        ("/sigillo/rimozione", post(sigillo::togli)),
        ("/sigillo/differimento", post(sigillo::differisci)),
        ("/annullamenti", get(annullamenti::elenco)),
        ("/annullamenti/richieste", get(annullamenti::richieste)),
        ("/log/checkpoint", get(log::checkpoint)),
        ("/log/chiavi", get(log::chiavi).post(log::ruota)),
        ("/log/chiavi/dichiarazione.xml", get(dichiarazione::xml)),
        ("/log/chiavi/dichiarazione.pdf", get(dichiarazione::pdf)),
        ("/log/tile/{*percorso}", get(log::tessera)),
    ];
    r.extend(aoo.into_iter().map(|(p, m)| (format!("{BASE}{p}"), m)));
    let ente = [
        ("/log/checkpoint", get(log::checkpoint_ente)),
        ("/log/chiavi", get(log::chiavi_ente)),
        ("/log/chiavi/dichiarazione.xml", get(dichiarazione::xml_ente)),
        ("/log/chiavi/dichiarazione.pdf", get(dichiarazione::pdf_ente)),
        ("/log/tile/{*percorso}", get(log::tessera_ente)),
    ];
    r.extend(ente.into_iter().map(|(p, m)| (format!("/api/v1/enti/{{ipa}}{p}"), m)));
    r.push(("/api/v1/openapi.json".to_owned(), get(openapi::documento)));
    r
}

/// Each path, for who must try them all.
#[cfg(test)]
pub(crate) fn percorsi() -> Vec<String> {
    tutte().into_iter().map(|(p, _)| p).collect()
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
    impronta: Option<String>,
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

/// A registration that this operator may see, and now does: 403 otherwise, and the access log knows (R-L08, R-L16).
async fn visibile(
    ente: &dyn EnteStore,
    aoo: &CodiceAoo,
    chi: &Operatore,
    chiave: &Chiave,
    azione: Azione,
) -> Risposta<Registrazione> {
    let r = cerca(ente, aoo, chiave, None).await?;
    if !puo_vedere(chi, &r) {
        return Err(Problema::vietato("la registrazione è riservata o di altri uffici"));
    }
    crate::accessi::annota(ente, aoo, chi, &r, azione).await?;
    Ok(r)
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
    if let Some(c) = dominio::validita::criteri(r) {
        o.insert("validita".to_owned(), json!({"norma": "CAD art. 47 c. 2", "criteri": c}));
    }
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
    for nome in ["storia", "storia.pdf", "ricevuta", "ricevuta.pdf"] {
        l.insert(nome.to_owned(), format!("{b}/{nome}").into());
    }
    for (nome, file) in [("etichetta", "etichetta.pdf"), ("documentoTimbrato", "documento-timbrato.pdf")] {
        l.insert(nome.to_owned(), format!("{b}/{file}").into());
    }
    let documenti: Vec<String> = r.documenti.iter().map(|d| format!("{b}/documenti/{}", d.n)).collect();
    if r.dati.sigillo_richiesto {
        l.insert("segnatura".to_owned(), format!("{b}/segnatura.xml").into());
    }
    l.insert("verifiche".to_owned(), documenti.iter().map(|d| Value::from(format!("{d}/verifica"))).collect());
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_is_in_the_openapi_document_and_nothing_else() {
        let serviti: BTreeSet<String> = tutte().into_iter().map(|(p, _)| p.replace("{*", "{")).collect();
        let scritti: BTreeSet<String> =
            openapi::percorsi().into_iter().map(|(p, ..)| p).filter(|p| p.starts_with("/api/")).collect();
        assert_eq!(serviti, scritti);
    }
}
