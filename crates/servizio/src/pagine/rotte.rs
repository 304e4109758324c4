//! Addresses of the pages.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::{get, post};
use tower_http::set_header::SetResponseHeaderLayer;

use super::amministrazione::{fascicoli, orologio, rubrica, titolario, uffici, utenti};
use super::{
    accessi, annullamento, azioni, confronto, documenti, guscio, ingresso, profilo, pubblico, registra, registrazione,
    registro, risorse, scrivania, suggerimenti, verifica,
};
use crate::accesso::{Accesso, provenienza};

/// What pages may load and where their forms may go: ourselves, nothing else.
pub const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
                   connect-src 'self'; frame-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Every page.
pub fn rotte<S: Clone + Send + Sync + 'static>(accesso: Arc<Accesso>) -> Router<S> {
    let fissa = |nome: HeaderName, valore: &'static str| {
        SetResponseHeaderLayer::if_not_present(nome, HeaderValue::from_static(valore))
    };
    let una = "/{ipa}/{aoo}/registrazioni/{registro}/{anno}/{numero}";
    let di = |resto: &str| format!("{una}{resto}");
    Router::new()
        .route("/", get(ingresso::radice))
        .route("/accedi", get(ingresso::mostra).post(ingresso::entra))
        .route("/esci", post(ingresso::esci))
        .route("/verifica", get(verifica::mostra))
        .route("/{ipa}/{aoo}/registro-pubblico", get(pubblico::mostra))
        .route("/risorse/{nome}", get(risorse::servi))
        .route("/{ipa}/{aoo}/scrivania", get(scrivania::mostra))
        .route("/{ipa}/{aoo}/aiuto", get(guscio::aiuto))
        .route("/{ipa}/{aoo}/password", get(profilo::mostra).post(profilo::cambia))
        .route("/{ipa}/{aoo}/registra", get(registra::mostra).post(registra::invia).layer(DefaultBodyLimit::disable()))
        .route("/{ipa}/{aoo}/registro", get(registro::mostra))
        .route(una, get(registrazione::mostra))
        .route(&di("/confronto"), get(confronto::mostra))
        .route(&di("/documenti/{n}"), get(documenti::scarica))
        .route(&di("/ricevuta"), get(documenti::ricevuta))
        .route(&di("/ricevuta.pdf"), get(documenti::ricevuta_pdf))
        .route(&di("/storia.pdf"), get(documenti::storia_pdf))
        .route(&di("/storia.json"), get(documenti::storia_json))
        .route(&di("/assegna"), post(azioni::assegna))
        .route(&di("/assegnazioni/{id}/prendi-in-carico"), post(azioni::prendi))
        .route(&di("/assegnazioni/{id}/rifiuta"), post(azioni::rifiuta))
        .route(&di("/assegnazioni/{id}/concludi"), post(azioni::concludi))
        .route(&di("/classifica"), post(azioni::classifica))
        .route(&di("/annota"), post(azioni::annota))
        .route(&di("/collega"), post(azioni::collega))
        .route(&di("/fascicola"), post(azioni::fascicola))
        .route(&di("/annulla"), get(annullamento::mostra).post(annullamento::invia))
        .route(&di("/richieste/{id}/autorizza"), post(annullamento::autorizza))
        .route(&di("/richieste/{id}/rifiuta"), post(annullamento::rifiuta))
        .route("/{ipa}/{aoo}/accessi", get(accessi::mostra))
        .route("/{ipa}/{aoo}/annullamenti", get(annullamento::elenco))
        .route(&di("/allega"), post(azioni::allega).layer(DefaultBodyLimit::disable()))
        .route("/{ipa}/{aoo}/suggerimenti/corrispondenti", get(suggerimenti::corrispondenti))
        .route("/{ipa}/{aoo}/suggerimenti/titolario", get(suggerimenti::titolario))
        .route("/{ipa}/{aoo}/suggerimenti/doppioni", get(suggerimenti::doppioni))
        .route("/{ipa}/{aoo}/uffici", get(uffici::mostra).post(uffici::crea))
        .route("/{ipa}/{aoo}/uffici/{codice}/chiudi", post(uffici::chiudi))
        .route("/{ipa}/{aoo}/utenti", get(utenti::mostra).post(utenti::crea))
        .route("/{ipa}/{aoo}/utenti/{utente}/incarichi", post(utenti::incarichi))
        .route("/{ipa}/{aoo}/utenti/{utente}/incarichi/aggiungi", post(utenti::aggiungi_incarico))
        .route("/{ipa}/{aoo}/utenti/{utente}/incarichi/togli", post(utenti::togli_incarico))
        .route("/{ipa}/{aoo}/utenti/{utente}/password", post(utenti::password))
        .route("/{ipa}/{aoo}/utenti/{utente}/abilita", post(utenti::abilita))
        .route("/{ipa}/{aoo}/utenti/{utente}/disabilita", post(utenti::disabilita))
        .route("/{ipa}/{aoo}/token", post(utenti::crea_token))
        .route("/{ipa}/{aoo}/token/{id}/revoca", post(utenti::revoca_token))
        .route("/{ipa}/{aoo}/titolario", get(titolario::mostra).post(titolario::apri))
        .route("/{ipa}/{aoo}/titolario/{codice}/chiudi", post(titolario::chiudi))
        .route("/{ipa}/{aoo}/orologio", get(orologio::mostra).post(orologio::conferma))
        .route("/{ipa}/{aoo}/rubrica", get(rubrica::mostra).post(rubrica::aggiungi))
        .route("/{ipa}/{aoo}/fascicoli", get(fascicoli::mostra).post(fascicoli::crea))
        .layer(axum::middleware::from_fn(provenienza::guardia))
        .layer(fissa(header::CONTENT_SECURITY_POLICY, CSP))
        .layer(fissa(header::CACHE_CONTROL, "no-store"))
        .with_state(accesso)
}
