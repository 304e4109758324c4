//! Addresses of the pages.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::{MethodRouter, get, post};
use tower_http::set_header::SetResponseHeaderLayer;

use super::amministrazione::{
    copie, fascicoli, lacune, orologio, richiesta_sigillo, rubrica, sigillo, timbro as posto_timbro, titolario, uffici,
    utenti,
};
use super::{
    accessi, annullamento, azioni, confronto, documenti, firme, guscio, in_memoria, ingresso, profilo, pubblico,
    registra, registrazione, registro, risorse, scrivania, suggerimenti, timbro, verifica,
};
use crate::accesso::{Accesso, provenienza};
use crate::segnatura_ricevuta;

/// What pages may load and where their forms may go: ourselves, nothing else.
pub const CSP: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
                   connect-src 'self'; frame-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Every page.
pub fn rotte<S: Clone + Send + Sync + 'static>(accesso: Arc<Accesso>) -> Router<S> {
    let fissa = |nome: HeaderName, valore: &'static str| {
        SetResponseHeaderLayer::if_not_present(nome, HeaderValue::from_static(valore))
    };
    tutte()
        .into_iter()
        .fold(Router::new(), |r, (percorso, metodi)| r.route(&percorso, metodi))
        .layer(axum::middleware::from_fn(provenienza::guardia))
        .layer(fissa(header::CONTENT_SECURITY_POLICY, CSP))
        .layer(fissa(header::CACHE_CONTROL, "no-store"))
        .with_state(accesso)
}

/// Each address with what answers there.
fn tutte() -> Vec<(String, MethodRouter<Arc<Accesso>>)> {
    let una = "/{ipa}/{aoo}/registrazioni/{registro}/{anno}/{numero}";
    let di = |resto: &str| format!("{una}{resto}");
    vec![
        ("/".to_owned(), get(ingresso::radice)),
        ("/accedi".to_owned(), get(ingresso::mostra).post(ingresso::entra)),
        ("/esci".to_owned(), post(ingresso::esci)),
        ("/verifica".to_owned(), get(verifica::mostra)),
        ("/{ipa}/{aoo}/registro-pubblico".to_owned(), get(pubblico::mostra)),
        ("/risorse/{nome}".to_owned(), get(risorse::servi)),
        ("/{ipa}/{aoo}/scrivania".to_owned(), get(scrivania::mostra)),
        ("/{ipa}/{aoo}/aiuto".to_owned(), get(guscio::aiuto)),
        ("/{ipa}/{aoo}/password".to_owned(), get(profilo::mostra).post(profilo::cambia)),
        (
            "/{ipa}/{aoo}/registra".to_owned(),
            get(registra::mostra).post(registra::invia).layer(DefaultBodyLimit::disable()),
        ),
        ("/{ipa}/{aoo}/registro".to_owned(), get(registro::mostra)),
        (una.to_owned(), get(registrazione::mostra)),
        (di("/confronto"), get(confronto::mostra)),
        (di("/documenti/{n}"), get(documenti::scarica)),
        (di("/documenti/{n}/verifica"), get(firme::mostra).post(firme::adesso)),
        (di("/documenti/{n}/contenuto/{impronta}"), get(firme::contenuto)),
        (di("/segnatura.xml"), get(documenti::segnatura)),
        (di("/ricevuta"), get(documenti::ricevuta)),
        (di("/ricevuta.pdf"), get(documenti::ricevuta_pdf)),
        (di("/storia.pdf"), get(documenti::storia_pdf)),
        (di("/etichetta.pdf"), get(timbro::etichetta)),
        (di("/documento-timbrato.pdf"), get(timbro::documento)),
        (di("/storia.json"), get(documenti::storia_json)),
        (di("/assegna"), post(azioni::assegna)),
        (di("/assegnazioni/{id}/prendi-in-carico"), post(azioni::prendi)),
        (di("/assegnazioni/{id}/rifiuta"), post(azioni::rifiuta)),
        (di("/assegnazioni/{id}/concludi"), post(azioni::concludi)),
        (di("/classifica"), post(azioni::classifica)),
        (di("/annota"), post(azioni::annota)),
        (di("/collega"), post(azioni::collega)),
        (di("/fascicola"), post(azioni::fascicola)),
        (di("/annulla"), get(annullamento::mostra).post(annullamento::invia)),
        (di("/richieste/{id}/autorizza"), post(annullamento::autorizza)),
        (di("/richieste/{id}/rifiuta"), post(annullamento::rifiuta)),
        ("/{ipa}/{aoo}/accessi".to_owned(), get(accessi::mostra)),
        ("/{ipa}/{aoo}/annullamenti".to_owned(), get(annullamento::elenco)),
        (di("/allega"), post(azioni::allega).layer(DefaultBodyLimit::disable())),
        ("/{ipa}/{aoo}/suggerimenti/corrispondenti".to_owned(), get(suggerimenti::corrispondenti)),
        ("/{ipa}/{aoo}/suggerimenti/titolario".to_owned(), get(suggerimenti::titolario)),
        ("/{ipa}/{aoo}/suggerimenti/doppioni".to_owned(), get(suggerimenti::doppioni)),
        (
            "/{ipa}/{aoo}/suggerimenti/segnatura".to_owned(),
            post(suggerimenti::segnatura).layer(DefaultBodyLimit::max(segnatura_ricevuta::BYTE_MAX)),
        ),
        ("/{ipa}/{aoo}/uffici".to_owned(), get(uffici::mostra).post(uffici::crea)),
        ("/{ipa}/{aoo}/uffici/{codice}/chiudi".to_owned(), post(uffici::chiudi)),
        ("/{ipa}/{aoo}/utenti".to_owned(), get(utenti::mostra).post(utenti::crea)),
        ("/{ipa}/{aoo}/utenti/{utente}/incarichi".to_owned(), post(utenti::incarichi)),
        ("/{ipa}/{aoo}/utenti/{utente}/incarichi/aggiungi".to_owned(), post(utenti::aggiungi_incarico)),
        ("/{ipa}/{aoo}/utenti/{utente}/incarichi/togli".to_owned(), post(utenti::togli_incarico)),
        ("/{ipa}/{aoo}/utenti/{utente}/password".to_owned(), post(utenti::password)),
        ("/{ipa}/{aoo}/utenti/{utente}/abilita".to_owned(), post(utenti::abilita)),
        ("/{ipa}/{aoo}/utenti/{utente}/disabilita".to_owned(), post(utenti::disabilita)),
        ("/{ipa}/{aoo}/token".to_owned(), post(utenti::crea_token)),
        ("/{ipa}/{aoo}/token/{id}/revoca".to_owned(), post(utenti::revoca_token)),
        ("/{ipa}/{aoo}/titolario".to_owned(), get(titolario::mostra).post(titolario::apri)),
        ("/{ipa}/{aoo}/titolario/{codice}/chiudi".to_owned(), post(titolario::chiudi)),
        ("/{ipa}/{aoo}/orologio".to_owned(), get(orologio::mostra).post(orologio::conferma)),
        ("/{ipa}/{aoo}/timbro".to_owned(), get(posto_timbro::mostra).post(posto_timbro::poni)),
        ("/{ipa}/{aoo}/sigillo".to_owned(), get(sigillo::mostra)),
        (
            "/{ipa}/{aoo}/sigillo/file".to_owned(),
            post(sigillo::da_file).layer(DefaultBodyLimit::max(in_memoria::CORPO_MAX)),
        ),
        ("/{ipa}/{aoo}/sigillo/dispositivo".to_owned(), post(sigillo::da_dispositivo)),
        ("/{ipa}/{aoo}/sigillo/fornitore".to_owned(), post(sigillo::da_fornitore)),
        ("/{ipa}/{aoo}/sigillo/richiesta".to_owned(), get(richiesta_sigillo::mostra).post(richiesta_sigillo::chiedi)),
        ("/{ipa}/{aoo}/sigillo/richiesta.csr".to_owned(), get(richiesta_sigillo::scarica)),
        (
            "/{ipa}/{aoo}/sigillo/certificato".to_owned(),
            post(richiesta_sigillo::certificato).layer(DefaultBodyLimit::max(in_memoria::CORPO_MAX)),
        ),
        (
            "/{ipa}/{aoo}/sigillo/modulo".to_owned(),
            get(richiesta_sigillo::mostra_modulo).post(richiesta_sigillo::modulo),
        ),
        ("/{ipa}/{aoo}/sigillo/rimozione".to_owned(), post(sigillo::togli)),
        ("/{ipa}/{aoo}/sigillo/differimento".to_owned(), post(sigillo::differisci)),
        ("/{ipa}/{aoo}/copie".to_owned(), get(copie::mostra)),
        ("/{ipa}/{aoo}/copie/prova".to_owned(), post(copie::prova)),
        ("/{ipa}/{aoo}/copie/lacune".to_owned(), get(lacune::mostra)),
        (
            "/{ipa}/{aoo}/copie/lacune/ricevute".to_owned(),
            post(lacune::ricevute).layer(DefaultBodyLimit::max(in_memoria::CORPO_MAX)),
        ),
        ("/{ipa}/{aoo}/copie/lacune/numero".to_owned(), post(lacune::numero)),
        ("/{ipa}/{aoo}/copie/prove/{id}/rapporto.pdf".to_owned(), get(copie::rapporto_pdf)),
        ("/{ipa}/{aoo}/copie/prove/{id}/rapporto.json".to_owned(), get(copie::rapporto_json)),
        ("/{ipa}/{aoo}/rubrica".to_owned(), get(rubrica::mostra).post(rubrica::aggiungi)),
        ("/{ipa}/{aoo}/fascicoli".to_owned(), get(fascicoli::mostra).post(fascicoli::crea)),
    ]
}

/// Each address, for who must try them all.
#[cfg(test)]
pub(crate) fn percorsi() -> Vec<String> {
    tutte().into_iter().map(|(p, _)| p).collect()
}
