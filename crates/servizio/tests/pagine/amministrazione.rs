//! Offices, people, titolario, rubrica from the pages (R-J01, R-J03, R-I03).

use axum::body::Body;
use axum::http::{Request, StatusCode};

use crate::banco::{BASE, Banco, cookie};

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_created_signs_in_and_is_stopped_at_once() {
    let b = Banco::nuovo().await;
    let ada = b.di("ada").await;
    let nuovo = [
        ("utente", "Nora"),
        ("nome", "Nora"),
        ("cognome", "Nuova"),
        ("incarichi.0.ruolo", "protocollista"),
        ("incarichi.0.ufficio", "PROT"),
    ];
    let r = ada.fa(&format!("{BASE}/utenti"), &nuovo).await;
    assert_eq!(r.stato, StatusCode::OK, "{}", r.testo());
    let password = r.testo().split("id=\"segreto\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(password.len() >= 12 && !ada.get(&format!("{BASE}/utenti")).await.ha(&password), "shown once");
    let entra = async |password: &str| {
        b.estraneo().invia("/accedi", &[("ente", "c_z999"), ("utente", "nora"), ("password", password)]).await
    };
    let r = entra(&password).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER);
    let mut nora = b.estraneo();
    nora.cookie = cookie(&r);
    assert_eq!(nora.get(&format!("{BASE}/registra")).await.stato, StatusCode::OK);

    // Roles hold from the next request on.
    let r = ada.fa(&format!("{BASE}/utenti/nora/incarichi"), &[("incarichi.0.ruolo", "auditor")]).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER);
    assert_eq!(nora.get(&format!("{BASE}/registra")).await.stato, StatusCode::FORBIDDEN);
    // A new password ends the sessions under the old one.
    ada.fa(&format!("{BASE}/utenti/nora/password"), &[]).await;
    assert_eq!(nora.get(&format!("{BASE}/registro")).await.stato, StatusCode::SEE_OTHER);
    assert_eq!(entra(&password).await.stato, StatusCode::UNPROCESSABLE_ENTITY);
    // Disabled is out, whatever the password.
    assert_eq!(ada.fa(&format!("{BASE}/utenti/anna/disabilita"), &[]).await.stato, StatusCode::SEE_OTHER);
    let r = b
        .estraneo()
        .invia("/accedi", &[("ente", "c_z999"), ("utente", "anna"), ("password", crate::banco::PASSWORD)])
        .await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(ada.fa(&format!("{BASE}/utenti/anna/abilita"), &[]).await.stato, StatusCode::SEE_OTHER);
    assert_eq!(b.di("anna").await.get(&format!("{BASE}/scrivania")).await.stato, StatusCode::OK);

    for (campi, parole) in [
        (vec![("utente", "nora"), ("nome", "A"), ("cognome", "B"), ("incarichi.0.ruolo", "rgd")], "esiste già"),
        (vec![("utente", "à b"), ("nome", "A"), ("cognome", "B")], "il nome utente ha da"),
        (
            vec![("utente", "x1"), ("nome", "A"), ("cognome", "B"), ("incarichi.0.ruolo", "operatore")],
            "vale in un ufficio",
        ),
    ] {
        let r = ada.fa(&format!("{BASE}/utenti"), &campi).await;
        assert!(r.stato.is_client_error() && r.ha(parole), "{parole}: {}", r.testo());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_role_is_given_and_taken_away_and_the_others_stay() {
    // R-J03
    let b = Banco::nuovo().await;
    let (ada, ugo) = (b.di("ada").await, b.di("ugo").await);
    let ruoli = async || {
        let t = ada.get(&format!("{BASE}/utenti")).await.testo();
        let riga = t.split("id=\"u-ugo\"").nth(1).unwrap().split("</tr>").next().unwrap().to_owned();
        (riga.contains("Operatore d&#39;ufficio, Tributi"), riga.contains("Protocollista, Protocollo"))
    };
    let fa = async |cosa: &str, ruolo: &str, ufficio: &str| {
        let campi = [("per", "ugo"), ("ruolo", ruolo), ("ufficio", ufficio)];
        ada.fa(&format!("{BASE}/utenti/ugo/incarichi/{cosa}"), &campi).await
    };
    let entrate = async || ugo.get(&format!("{BASE}/registra")).await.ha("id=\"tipo-entrata\"");
    assert!(!entrate().await);
    assert_eq!(fa("aggiungi", "protocollista", "PROT").await.stato, StatusCode::SEE_OTHER);
    assert_eq!(ruoli().await, (true, true));
    assert!(entrate().await);
    assert_eq!(fa("togli", "operatore", "TRIB").await.stato, StatusCode::SEE_OTHER);
    assert_eq!(ruoli().await, (false, true));
    let prima = b.operazioni().await;
    for (cosa, ruolo, ufficio, parole) in [
        ("aggiungi", "protocollista", "PROT", "lo ha già"),
        ("aggiungi", "operatore", "", "vale in un ufficio"),
        ("aggiungi", "operatore", "NULLA", "non esiste o è chiuso"),
        ("aggiungi", "papa", "PROT", "va scelto dall&#39;elenco"),
        ("togli", "operatore", "TRIB", "non lo ha più"),
    ] {
        let r = fa(cosa, ruolo, ufficio).await;
        assert!(r.stato == StatusCode::UNPROCESSABLE_ENTITY && r.ha(parole), "{parole}: {}", r.testo());
    }
    // Nobody locks himself out.
    let r = ada.fa(&format!("{BASE}/utenti/ada/incarichi/togli"), &[("ruolo", "amministratore")]).await;
    assert!(r.stato == StatusCode::UNPROCESSABLE_ENTITY && r.ha("può togliertelo solo un altro"));
    let r = ugo.fa(&format!("{BASE}/utenti/ugo/incarichi/aggiungi"), &[("ruolo", "rgd")]).await;
    assert_eq!(r.stato, StatusCode::FORBIDDEN);
    assert_eq!(b.operazioni().await, prima);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_shown_once_works_and_is_revoked() {
    let b = Banco::nuovo().await;
    let ada = b.di("ada").await;
    let campi = [
        ("descrizione", "Portale"),
        ("utente", "anna"),
        ("scadenza", "2999-01-01"),
        ("diritti", "consulta"),
        ("diritti", "registra-entrata"),
    ];
    let r = ada.fa(&format!("{BASE}/token"), &campi).await;
    let token = r.testo().split("id=\"segreto\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let prova = async || {
        let r = Request::get("/api/v1/enti/c_z999/aoo/AOO1/registrazioni")
            .header("authorization", format!("Bearer {token}"));
        b.manda(r.body(Body::empty()).unwrap()).await.stato
    };
    assert_eq!(prova().await, StatusCode::OK);
    let pagina = ada.get(&format!("{BASE}/utenti")).await;
    assert!(pagina.ha("Portale") && !pagina.ha(&token));
    let id = pagina.testo().split("/token/").nth(1).unwrap().split('/').next().unwrap().to_owned();
    assert_eq!(ada.fa(&format!("{BASE}/token/{id}/revoca"), &[]).await.stato, StatusCode::SEE_OTHER);
    assert_eq!(prova().await, StatusCode::UNAUTHORIZED);
    for (campi, parole) in [
        (vec![("descrizione", "x"), ("utente", "anna"), ("diritti", "consulta")], "va indicata"),
        (
            vec![("descrizione", "x"), ("utente", "anna"), ("scadenza", "2020-01-01"), ("diritti", "consulta")],
            "è già passata",
        ),
        (vec![("descrizione", "x"), ("utente", "anna"), ("scadenza", "2999-01-01")], "almeno un diritto"),
    ] {
        let r = ada.fa(&format!("{BASE}/token"), &campi).await;
        assert!(r.stato == StatusCode::UNPROCESSABLE_ENTITY && r.ha(parole), "{parole}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn offices_open_and_close() {
    let b = Banco::nuovo().await;
    let ada = b.di("ada").await;
    let r =
        ada.fa(&format!("{BASE}/uffici"), &[("codice", "ICI"), ("denominazione", "Imposte"), ("padre", "TRIB")]).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER);
    assert!(ada.get(&format!("{BASE}/uffici")).await.ha("class=\"livello-1\">Imposte"));
    let r = ada.fa(&format!("{BASE}/uffici"), &[("codice", "ICI"), ("denominazione", "Resta scritto")]).await;
    assert_eq!(r.stato, StatusCode::CONFLICT);
    assert!(r.ha("esiste già") && r.ha("value=\"Resta scritto\""));
    assert_eq!(
        ada.fa(&format!("{BASE}/uffici/TRIB/chiudi"), &[]).await.stato,
        StatusCode::CONFLICT,
        "it has one below"
    );
    assert_eq!(ada.fa(&format!("{BASE}/uffici/ICI/chiudi"), &[]).await.stato, StatusCode::SEE_OTHER);
    assert!(!b.di("anna").await.get(&format!("{BASE}/registra")).await.ha("value=\"ICI\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_titolario_grows_and_closes_without_losing_the_past() {
    let b = Banco::nuovo().await;
    let rita = b.di("rita").await;
    let p = rita.entrata("Classificata prima", &[("classificazione", "6.3")]).await;
    let r = rita.fa(&format!("{BASE}/titolario"), &[("codice", "6.4"), ("denominazione", "Urbanistica")]).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());
    assert!(rita.get(&format!("{BASE}/suggerimenti/titolario?q=urban")).await.ha("6.4"));
    assert!(rita.get(&format!("{BASE}/suggerimenti/titolario?q=6.")).await.ha("6.4"));
    let r = rita.fa(&format!("{BASE}/titolario/6.3/chiudi"), &[("al", "2020-01-01")]).await;
    assert!(r.stato == StatusCode::UNPROCESSABLE_ENTITY && r.ha("non può essere prima di oggi"));
    let r = rita.fa(&format!("{BASE}/titolario/6.3/chiudi"), &[("al", "ieri")]).await;
    assert!(r.ha("la data va scritta"));
    let oggi = b.ente.ora().giorno().to_string();
    assert_eq!(rita.fa(&format!("{BASE}/titolario/6.3/chiudi"), &[("al", &oggi)]).await.stato, StatusCode::SEE_OTHER);
    assert!(rita.get(&p).await.ha("6.3 · Edilizia"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correspondent_of_the_rubrica_is_found_while_typing() {
    let b = Banco::nuovo().await;
    let anna = b.di("anna").await;
    let nuovo = [
        ("soggetto.tipo", "amministrazione"),
        ("soggetto.denominazione", "Comune di Bologna"),
        ("soggetto.ipa", "C_A944"),
        ("soggetto.pec", "protocollogenerale@pec.comune.bologna.it"),
    ];
    assert_eq!(anna.fa(&format!("{BASE}/rubrica"), &nuovo).await.stato, StatusCode::SEE_OTHER);
    assert!(anna.get(&format!("{BASE}/rubrica?q=bolo")).await.ha("c_a944"));
    let r = anna.get(&format!("{BASE}/suggerimenti/corrispondenti?q=comune%20bol")).await;
    assert!(r.ha("dalla rubrica") && r.ha("role=\"option\"") && r.ha("c_a944"));
    let r = anna
        .fa(
            &format!("{BASE}/rubrica"),
            &[("soggetto.tipo", "persona-fisica"), ("soggetto.cognome", "Bianchi"), ("soggetto.pec", "non una pec")],
        )
        .await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(r.ha("href=\"#c-soggetto-pec\"") && r.ha("value=\"Bianchi\""));
}
