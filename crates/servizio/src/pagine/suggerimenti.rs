//! Fragments asked for while typing: correspondents, entries of the titolario, registrations that may be the same.

use archivio::store::Trovata;
use axum::Json;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use dominio::analisi::{self, Condizione};
use dominio::codici::Impronta;
use dominio::permessi::Diritto;
use dominio::soggetto::Soggetto;
use serde_json::{Value, json};

use super::errore::ErrorePagina;
use super::guscio::{self, LEGGE, REGISTRA};
use super::registro::riga;
use super::viste::{Doppioni, Suggerimenti, Suggerimento};
use super::{Esito, dettaglio, pagina};
use crate::accesso::utente::Campi;
use crate::accesso::{Domanda, Utente, provenienza};
use crate::segnatura_ricevuta;

/// Suggestions of a list.
const QUANTI: usize = 10;

/// `GET …/suggerimenti/corrispondenti?q=`.
pub async fn corrispondenti(u: Utente, Domanda(c): Domanda) -> Esito {
    // The history of correspondents is part of the register: who reads only his office's does not get it.
    u.richiede(&[Diritto::GestisceRubrica, Diritto::RegistraUscita, Diritto::RegistraEntrata])?;
    let q = cercato(&c);
    let trovati = if q.chars().count() < 2 { Vec::new() } else { u.ente.corrispondenti(&u.aoo, &q, QUANTI).await? };
    let elementi = trovati
        .into_iter()
        .filter(|k| k.id > 0 || u.ha(Diritto::Consulta))
        .map(|k| Suggerimento {
            testo: k.soggetto.nome_completo(),
            nota: [
                k.soggetto.codice(),
                k.soggetto.indirizzo_digitale(),
                Some(if k.id > 0 { "dalla rubrica" } else { "dalle registrazioni" }),
            ]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" · "),
            dati: campi_di(&k.soggetto).to_string(),
        })
        .collect();
    let nuovo = (q.chars().count() >= 2).then(|| nuovo(&q).to_string());
    pagina(&Suggerimenti { elementi, q, nuovo })
}

/// What was typed: `q`, or the search box of whichever group of fields.
fn cercato(c: &Campi) -> String {
    let casella = || c.0.iter().find(|(n, _)| n.ends_with(".cerca") || n == "classificazione").map(|(_, v)| v.trim());
    c.testo("q").or_else(casella).unwrap_or_default().to_owned()
}

/// The fields of somebody who is not there yet: the last word of a person is the name, a guess to be looked at.
fn nuovo(q: &str) -> Value {
    let (cognome, nome) = q.rsplit_once(' ').unwrap_or((q, ""));
    json!({"cognome": cognome.trim(), "nome": nome, "denominazione": q})
}

/// The fields of a correspondent's group in the form, those it lacks blank.
fn campi_di(s: &Soggetto) -> Value {
    let mut o = json!({"tipo": "", "cognome": "", "nome": "", "denominazione": "", "partitaIva": "", "codiceFiscale": "",
        "ipa": "", "ufficio": "", "paese": "", "pec": "", "email": ""});
    if let (Some(o), Ok(Value::Object(v))) = (o.as_object_mut(), serde_json::to_value(s)) {
        o.extend(v.into_iter().filter(|(_, v)| v.is_string()));
    }
    o
}

/// `GET …/suggerimenti/titolario?q=`: by code or by words.
pub async fn titolario(u: Utente, Domanda(c): Domanda) -> Esito {
    let q = cercato(&c);
    let parole: Vec<Condizione> = analisi::token(&q).into_iter().map(Condizione::Prefisso).collect();
    let mut voci = guscio::titolario(&u)?;
    voci.retain(|(codice, nome)| {
        codice.starts_with(&q) || {
            let riga = analisi::riga([codice.as_str(), nome.as_str()]);
            !parole.is_empty() && parole.iter().all(|p| p.vale(&riga))
        }
    });
    // Who types a code wants that code first: the words of «1.1» are in «1» too.
    voci.sort_by_key(|(codice, _)| !codice.starts_with(&q));
    let elementi = voci
        .into_iter()
        .take(QUANTI)
        .map(|(codice, nome)| Suggerimento {
            dati: json!({"classificazione": codice}).to_string(),
            testo: codice,
            nota: nome,
        })
        .collect();
    pagina(&Suggerimenti { elementi, q, nuovo: None })
}

/// `POST …/suggerimenti/segnatura`, the bytes of a file: what it fills in of the form, if it is a segnatura. Nothing is kept.
pub async fn segnatura(u: Utente, h: HeaderMap, byte: Bytes) -> Result<Response, ErrorePagina> {
    if !provenienza::combacia(provenienza::da_intestazione(&h), &u.csrf) {
        return Err(ErrorePagina::modulo_scaduto());
    }
    u.richiede(&[Diritto::RegistraEntrata])?;
    let Some(s) = segnatura_ricevuta::leggi(byte.into()).await else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let detto = match s.valida() {
        true => format!("Dalla segnatura di {}. Controlla prima di registrare.", s.chi()),
        false => format!("Da una segnatura non valida di {}: controlla ogni campo.", s.chi()),
    };
    Ok(Json(json!({"campi": s.campi(), "detto": detto})).into_response())
}

/// `GET …/suggerimenti/doppioni?impronta=…&mittente=CODICE&numero=…` (R-A26).
pub async fn doppioni(u: Utente, Domanda(c): Domanda) -> Esito {
    u.richiede(&REGISTRA)?;
    let impronte: Vec<Impronta> = c.tutti("impronta").filter_map(|i| i.parse().ok()).take(20).collect();
    let mittente = c.testo("mittente").zip(c.testo("numero"));
    let mut righe = Vec::new();
    if LEGGE.iter().any(|d| u.ha(*d)) {
        for k in u.ente.duplicati(&u.aoo, &impronte, mittente).await? {
            // One that may not be seen is not even hinted at: the file would give it away.
            if let Ok(d) = dettaglio::carica(&u, &k).await
                && d.visibile
            {
                crate::accessi::annota_elenco(&*u.ente, &u.aoo, &u.chi, std::iter::once(&d.registrazione)).await?;
                righe.push(riga(&u, &Trovata { registrazione: d.registrazione, visibile: true, voce: [0; 32] }));
            }
        }
    }
    pagina(&Doppioni { righe })
}
