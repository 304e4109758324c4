//! Signing in, sessions, and what another site may not do (R-L01, R-L25).

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use servizio::accesso::freno::TENTATIVI_UTENTE;

use crate::banco::{BASE, Banco, PASSWORD, cookie, modulo};

#[tokio::test(flavor = "multi_thread")]
async fn who_signs_in_goes_where_he_was_going_and_nowhere_else() {
    let b = Banco::nuovo().await;
    let e = b.estraneo();
    let r = e.get(&format!("{BASE}/registro?q=a&tipo=entrata")).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER);
    let dopo = "%2Fc_z999%2FAOO1%2Fregistro%3Fq%3Da%26tipo%3Dentrata";
    assert_eq!(r.meta(), format!("/accedi?dopo={dopo}"));
    let pagina = e.get(&r.meta()).await;
    assert!(pagina.ha("Comune c_z998") && pagina.ha("Comune c_z999"));
    for (dopo, meta) in [
        ("/c_z999/AOO1/registro?q=a", "/c_z999/AOO1/registro?q=a"),
        ("", "/c_z999/AOO1/scrivania"),
        ("//male.example/x", "/c_z999/AOO1/scrivania"),
        ("https://male.example", "/c_z999/AOO1/scrivania"),
        ("/c_z998/AOO1/registro", "/c_z999/AOO1/scrivania"),
    ] {
        let r =
            e.invia("/accedi", &[("ente", "c_z999"), ("utente", "anna"), ("password", PASSWORD), ("dopo", dopo)]).await;
        assert_eq!((r.stato, r.meta().as_str()), (StatusCode::SEE_OTHER, meta), "{dopo}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_user_unknown_ente_and_wrong_password_get_the_same_words_and_wait_the_same() {
    let b = Banco::nuovo().await;
    let e = b.estraneo();
    for (ente, utente) in [("c_z999", "anna"), ("c_z999", "nessuno"), ("c_a001", "anna")] {
        let campi = [("ente", ente), ("utente", utente), ("password", "sbagliata davvero")];
        for _ in 0..TENTATIVI_UTENTE {
            let r = e.invia("/accedi", &campi).await;
            assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(r.ha("Nome utente o password non sono giusti."));
            assert!(!r.capi.contains_key(header::SET_COOKIE));
        }
        let r = e.invia("/accedi", &campi).await;
        assert_eq!(r.stato, StatusCode::TOO_MANY_REQUESTS);
        assert!(r.ha("Troppi tentativi") && r.capi.contains_key(header::RETRY_AFTER));
    }
    // Even the right password waits now.
    let r = e.invia("/accedi", &[("ente", "c_z999"), ("utente", "anna"), ("password", PASSWORD)]).await;
    assert_eq!(r.stato, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_rotates_at_sign_in_and_ends_at_sign_out() {
    let b = Banco::nuovo().await;
    let prima = b.di("anna").await;
    let r = prima.invia("/accedi", &[("ente", "c_z999"), ("utente", "anna"), ("password", PASSWORD)]).await;
    assert_ne!(cookie(&r), prima.cookie);
    assert_eq!(prima.get(&format!("{BASE}/scrivania")).await.stato, StatusCode::SEE_OTHER, "the old one is over");

    let s = b.di("anna").await;
    assert_eq!(s.get("/").await.meta(), format!("{BASE}/scrivania"));
    assert_eq!(s.invia("/esci", &[("csrf", "altro")]).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(s.get(&format!("{BASE}/scrivania")).await.stato, StatusCode::OK);
    let r = s.fa("/esci", &[]).await;
    assert_eq!(r.meta(), "/accedi");
    assert!(r.capi[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(s.get(&format!("{BASE}/scrivania")).await.stato, StatusCode::SEE_OTHER);
    assert_eq!(s.get("/").await.meta(), "/accedi");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_changed_by_who_knows_it_and_ends_the_other_sessions() {
    let b = Banco::nuovo().await;
    let (qui, altrove) = (b.di("anna").await, b.di("anna").await);
    let cambia = format!("{BASE}/password");
    for (vecchia, nuova, parole) in [
        ("sbagliata", "una frase tutta nuova", "non è quella di adesso"),
        (PASSWORD, "corta", "almeno 12 caratteri"),
        (PASSWORD, "annaannaanna", "non può essere il nome utente"),
    ] {
        let r = qui.fa(&cambia, &[("password", vecchia), ("nuova", nuova)]).await;
        assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(r.ha(parole) && !r.ha(nuova), "{parole}");
    }
    assert_eq!(altrove.get(&cambia).await.stato, StatusCode::OK);
    let r = qui.fa(&cambia, &[("password", PASSWORD), ("nuova", "una frase tutta nuova")]).await;
    assert!(r.ha("Password cambiata"), "{}", r.testo());
    let mut dopo = b.estraneo();
    dopo.cookie = cookie(&r);
    assert_eq!(dopo.csrf().await, r.nascosto("csrf"));
    for vecchia in [&qui, &altrove] {
        assert_eq!(vecchia.get(&cambia).await.stato, StatusCode::SEE_OTHER);
    }
    let entra = async |password: &str| {
        let campi = [("ente", "c_z999"), ("utente", "anna"), ("password", password)];
        b.estraneo().invia("/accedi", &campi).await.stato
    };
    assert_eq!(entra(PASSWORD).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(entra("una frase tutta nuova").await, StatusCode::SEE_OTHER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_one_ente_opens_nothing_of_another() {
    // R-L25
    let b = Banco::nuovo().await;
    let altrove = b.entra("c_z998", "anna").await;
    assert_eq!(altrove.get("/c_z998/AOO1/scrivania").await.stato, StatusCode::OK);
    let indirizzo = b.di("anna").await.entrata("Di un altro ente", &[]).await;
    for p in [indirizzo.as_str(), "/c_z999/AOO1/registro", "/c_z999/AOO1/suggerimenti/corrispondenti?q=rossi"] {
        let r = altrove.get(p).await;
        assert_eq!(r.stato, StatusCode::SEE_OTHER, "{p}");
        assert!(r.meta().starts_with("/accedi"));
    }
    // The secret of one ente's session under the name of the other is no session either.
    let mut travestita = b.di("anna").await;
    travestita.cookie = altrove.cookie.replace("c_z998", "c_z999");
    assert_eq!(travestita.get("/c_z999/AOO1/scrivania").await.stato, StatusCode::SEE_OTHER);
    let prima = b.operazioni().await;
    let r = altrove.fa_altrove(&format!("{indirizzo}/annota")).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER);
    assert_eq!(b.operazioni().await, prima);
}

impl crate::banco::Browser<'_> {
    async fn fa_altrove(&self, percorso: &str) -> crate::banco::Risposta {
        let csrf = self.get("/c_z998/AOO1/scrivania").await.nascosto("csrf");
        self.invia(percorso, &[("csrf", &csrf), ("testo", "da fuori")]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_without_its_token_or_from_another_site_changes_nothing() {
    let b = Banco::nuovo().await;
    let s = b.di("anna").await;
    let indirizzo = s.entrata("Da non toccare", &[]).await;
    let prima = b.operazioni().await;
    let annota = format!("{indirizzo}/annota");
    for csrf in ["", "sbagliato"] {
        let r = s.invia(&annota, &[("csrf", csrf), ("testo", "x")]).await;
        assert_eq!(r.stato, StatusCode::FORBIDDEN);
        assert!(r.ha("Nulla è stato cambiato"));
    }
    let r = s
        .invia_file(&format!("{BASE}/registra"), &[("tipo", "entrata"), ("csrf", "x")], &[("documento", "a", b"a")])
        .await;
    assert_eq!(r.stato, StatusCode::FORBIDDEN);
    // The right token of another session is not the right token.
    let altrui = b.di("rita").await.csrf().await;
    assert_eq!(s.invia(&annota, &[("csrf", &altrui), ("testo", "x")]).await.stato, StatusCode::FORBIDDEN);
    let csrf = s.csrf().await;
    for (nome, valore) in [("sec-fetch-site", "cross-site"), ("origin", "https://male.example"), ("origin", "null")] {
        let r = s.con(Request::post(&annota)).header(nome, valore);
        let r = r.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let r = b.manda(r.body(Body::from(modulo(&[("csrf", &csrf), ("testo", "x")]))).unwrap()).await;
        assert_eq!(r.stato, StatusCode::FORBIDDEN, "{nome}: {valore}");
    }
    assert_eq!(b.operazioni().await, prima);
    // From our own page, with the token as a header, it is done.
    let r = s.con(Request::post(&annota)).header("origin", "http://prova").header("x-csrf-token", &csrf);
    let r = r.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let r = b.manda(r.body(Body::from("testo=ecco")).unwrap()).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER);
    assert_eq!(b.operazioni().await, prima + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fragment_asked_without_a_session_sends_the_whole_page_to_sign_in() {
    let b = Banco::nuovo().await;
    let r = b.estraneo().con(Request::get(format!("{BASE}/suggerimenti/titolario?q=1"))).header("hx-request", "true");
    let r = r.header(header::REFERER, format!("http://prova{BASE}/registra"));
    let r = b.manda(r.body(Body::empty()).unwrap()).await;
    assert_eq!(r.capi["hx-redirect"], "/accedi?dopo=%2Fc_z999%2FAOO1%2Fregistra");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_may_load_only_what_is_ours() {
    let b = Banco::nuovo().await;
    let r = b.estraneo().get("/accedi").await;
    let csp = r.capi[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
    for parte in ["default-src 'none'", "script-src 'self'", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(csp.contains(parte), "{csp}");
    }
    let t = r.testo();
    assert!(!t.contains("<script>") && !t.contains(" style=") && !t.contains(" onclick="));
    for pezzo in t.split("/risorse/").skip(1) {
        let nome = pezzo.split('"').next().unwrap();
        let f = b.estraneo().get(&format!("/risorse/{nome}")).await;
        assert_eq!(f.stato, StatusCode::OK, "{nome}");
        assert!(f.capi[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        assert_eq!(f.capi[header::VARY], "Accept-Encoding");
    }
}
