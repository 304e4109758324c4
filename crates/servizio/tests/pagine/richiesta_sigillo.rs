//! Asking for a seal from its pages (R-C11): the key and its request, the certificate that comes back, the form.

use axum::http::StatusCode;

use crate::banco::{BASE, Banco, MODULO};

fn richiesta() -> String {
    format!("{BASE}/sigillo/richiesta")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_made_downloaded_and_waits_for_its_certificate() {
    let b = Banco::nuovo().await;
    let (ada, anna) = (b.di("ada").await, b.di("anna").await);
    assert!(ada.get(&format!("{BASE}/sigillo")).await.ha("Chiave e richiesta di certificato"));
    for p in ["", ".csr"] {
        assert_eq!(anna.get(&format!("{}{p}", richiesta())).await.stato, StatusCode::FORBIDDEN);
    }
    let r = ada.get(&richiesta()).await;
    assert!(r.ha("Codice fiscale dell&#39;ente") || r.ha("Codice fiscale dell'ente"), "{}", r.testo());
    assert!(!r.ha("Etichetta del token") && !r.ha("In attesa del certificato"), "{}", r.testo());
    assert_eq!(ada.get(&format!("{}.csr", richiesta())).await.stato, StatusCode::NOT_FOUND);
    let prima = b.operazioni().await;
    let r = ada.fa(&richiesta(), &[("identificativo", "partita-iva"), ("nomeSigillo", "Sigillo <b>")]).await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        r.ha("id=\"c-partitaIva-e\"") && r.ha("Partita IVA: va indicata") && r.ha("Sigillo &#60;b&#62;"),
        "{}",
        r.testo()
    );
    assert_eq!(b.operazioni().await, prima);

    let buoni = [("identificativo", "partita-iva"), ("partitaIva", "00123450561")];
    assert_eq!(anna.fa(&richiesta(), &buoni).await.stato, StatusCode::FORBIDDEN);
    let r = ada.fa(&richiesta(), &buoni).await;
    assert_eq!((r.stato, r.meta()), (StatusCode::SEE_OTHER, format!("{}?fatto=creata", richiesta())), "{}", r.testo());
    let r = ada.get(&r.meta()).await;
    assert!(r.ha("La chiave è creata") && r.ha("VATIT-00123450561") && r.ha("Rifai la richiesta"), "{}", r.testo());
    let r = ada.get(&format!("{}.csr", richiesta())).await;
    assert!(r.testo().starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
    assert!(r.capi["content-disposition"].to_str().unwrap().contains("sigillo-c_z999-AOO1.csr"));
    assert!(ada.get(&format!("{BASE}/sigillo")).await.ha("Una richiesta aspetta il certificato"));

    // A file that is no certificate, and one of another key.
    let csrf = ada.csrf().await;
    let altro = {
        let s = sigillo::richiesta::Soggetto {
            organizzazione: "Altri".into(),
            identificativo: sigillo::richiesta::Identificativo::Ipa("altri".into()),
            nome: None,
        };
        let d = sigillo::dimostrazione::crea(&s, jiff::Timestamp::now(), &sigillo::Segreto::nuovo("x")).unwrap();
        sigillo::richiesta::in_pem("CERTIFICATE", d.sigillo.der())
    };
    let carica = format!("{BASE}/sigillo/certificato");
    for (file, parole) in
        [(b"ciao".to_vec(), "non si legge"), (altro.into_bytes(), "non è della chiave"), (Vec::new(), "va scelto")]
    {
        let r = ada.invia_file(&carica, &[("csrf", &csrf)], &[("certificato", "c.pem", &file)]).await;
        assert!(
            r.stato == StatusCode::UNPROCESSABLE_ENTITY && r.ha(parole) && r.ha("id=\"c-certificato-e\""),
            "{}",
            r.testo()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn for_a_device_what_opens_it_is_asked_and_never_shown_again() {
    let b = Banco::con_ammessi().await;
    let ada = b.di("ada").await;
    assert!(ada.get(&richiesta()).await.ha("Etichetta del token"));
    let r = ada.fa(&richiesta(), &[("dove", MODULO), ("identificativo", "ipa")]).await;
    for c in ["token", "chiaveToken", "pin"] {
        assert!(r.ha(&format!("id=\"c-{c}-e\"")), "{c}: {}", r.testo());
    }
    let campi =
        [("dove", MODULO), ("identificativo", "ipa"), ("token", "t"), ("chiaveToken", "k"), ("pin", "segretissimo")];
    let r = ada.fa(&richiesta(), &campi).await;
    assert!(r.stato.is_client_error() || r.stato == StatusCode::SERVICE_UNAVAILABLE, "{}", r.stato);
    assert!(r.ha("id=\"sommario\"") && !r.ha("segretissimo"), "{}", r.testo());
    let altrove = [("dove", "mia.so"), ("identificativo", "ipa"), ("token", "t"), ("chiaveToken", "k"), ("pin", "1")];
    let r = ada.fa(&richiesta(), &altrove).await;
    assert!(r.stato == StatusCode::UNPROCESSABLE_ENTITY && r.ha("id=\"c-dove-e\""), "{}", r.testo());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_comes_out_as_a_file_or_says_what_is_missing() {
    let b = Banco::nuovo().await;
    let (ada, anna) = (b.di("ada").await, b.di("anna").await);
    let qui = format!("{BASE}/sigillo/modulo");
    assert_eq!(anna.get(&qui).await.stato, StatusCode::FORBIDDEN);
    assert!(ada.get(&qui).await.ha("Rappresentante legale"));
    let mut campi = vec![
        ("identificativo", "codice-fiscale"),
        ("sede", "Piazza Roma 1"),
        ("pec", "comune@pec.example"),
        ("rappresentante.nome", "Maria"),
        ("rappresentante.cognome", "Rossi"),
        ("rappresentante.codiceFiscale", "RSSMRA80A01H501U"),
        ("rappresentante.carica", "Sindaca"),
        ("referente.nome", "Ada"),
        ("referente.cognome", "Bianchi"),
        ("referente.email", "ada@comune.example"),
    ];
    let r = ada.fa(&qui, &campi).await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(r.ha("id=\"c-codiceFiscale-e\"") && r.ha("value=\"Piazza Roma 1\""), "{}", r.testo());
    campi.push(("codiceFiscale", "80006510806"));
    let prima = b.operazioni().await;
    let r = ada.fa(&qui, &campi).await;
    assert_eq!((r.stato, r.capi["content-type"].to_str().unwrap()), (StatusCode::OK, "application/pdf"));
    assert!(r.byte.starts_with(b"%PDF") && b.operazioni().await == prima, "nothing is kept");
    assert!(r.capi["content-disposition"].to_str().unwrap().starts_with("attachment"));
}
