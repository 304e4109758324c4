//! Read-only: everything is read, nothing is added, and every page says so.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt as _;
use servizio::sola_lettura::{accendi, spegni};

use crate::banco::{BASE, Banco};

#[tokio::test(flavor = "multi_thread")]
async fn while_the_service_is_read_only_people_sign_in_read_and_are_told_and_what_they_see_is_still_traced() {
    // R-L08, R-L16: who reads what is reserved is written all the same.
    let b = Banco::nuovo().await;
    let rita = b.di("rita").await;
    let p = rita.entrata("Ornitorinco riservato", &[("riservato", "si"), ("assegnazioni.0.ufficio", "TRIB")]).await;
    let prima = b.operazioni().await;
    assert!(!rita.get(&p).await.ha("Sola lettura"));
    accendi(b.dir.path(), "si cambia macchina").unwrap();

    let ugo = b.di("ugo").await;
    let pagina = ugo.get(&p).await;
    assert_eq!(pagina.stato, StatusCode::OK);
    assert!(pagina.ha("Ornitorinco riservato"));
    let accessi = rita.get(&format!("{BASE}/accessi")).await;
    assert!(accessi.ha("ugo Prova") || accessi.ha("ugo"), "{}", accessi.testo());
    for percorso in ["/scrivania", "/registro?q=ornitorinco", "/annullamenti", "/titolario", "/fascicoli", "/registra"]
    {
        let r = rita.get(&format!("{BASE}{percorso}")).await;
        assert_eq!(r.stato, StatusCode::OK, "{percorso}");
        // The band, and the class by which the style hides every form that is sent by POST.
        assert!(r.ha("<strong>Sola lettura.</strong>") && r.ha("Motivo: si cambia macchina."), "{percorso}");
        assert!(r.ha("class=\"guscio sola-lettura\""), "{percorso}");
        assert!(!r.ha(&format!("<a class=\"list-item\" href=\"{BASE}/registra\">")), "not in the menu: {percorso}");
    }
    let ricevuta = rita.get(&format!("{p}/ricevuta")).await;
    assert_eq!(ricevuta.stato, StatusCode::OK, "{}", ricevuta.testo());
    assert_eq!(rita.get(&format!("{BASE}/registro-pubblico")).await.stato, StatusCode::OK);

    // A page opened before sends its form: refused in words, and what was typed is still behind.
    let r = rita.fa(&format!("{p}/annota"), &[("testo", "Una nota")]).await;
    assert_eq!(r.stato, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(r.capi[header::RETRY_AFTER], "60");
    assert!(r.ha("Servizio in sola lettura") && r.ha("si cambia macchina") && r.ha("ciò che hai scritto"));
    assert_eq!(b.operazioni().await, prima);
    let fuori = ugo.fa("/esci", &[]).await;
    assert_eq!(fuori.stato, StatusCode::SEE_OTHER, "one can always leave");

    spegni(b.dir.path()).unwrap();
    let r = rita.fa(&format!("{p}/annota"), &[("testo", "Una nota")]).await;
    assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());
    assert_eq!(b.operazioni().await, prima + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_began_to_arrive_before_is_refused_when_it_has_arrived() {
    let b = Banco::nuovo().await;
    let anna = b.di("anna").await;
    let pagina = anna.get(&format!("{BASE}/registra")).await;
    let parte =
        |nome: &str, v: &str| format!("--confine\r\ncontent-disposition: form-data; name=\"{nome}\"\r\n\r\n{v}\r\n");
    let mut inizio = String::new();
    for (nome, v) in [
        ("csrf", pagina.nascosto("csrf").as_str()),
        ("chiave", pagina.nascosto("chiave").as_str()),
        ("tipo", "entrata"),
        ("oggetto", "Arrivata piano"),
        ("mezzo", "cartaceo"),
        ("mittente.tipo", "persona-fisica"),
        ("mittente.cognome", "Rossi"),
    ] {
        inizio.push_str(&parte(nome, v));
    }
    let prima = b.operazioni().await;
    for ferma in [true, false] {
        let (dir, capo) = (b.dir.path().to_owned(), inizio.clone());
        let pezzi = futures_util::stream::iter(0..2).map(move |i| {
            if i == 1 && ferma {
                accendi(&dir, "si cambia macchina").unwrap();
            }
            Ok::<_, std::io::Error>(if i == 0 { capo.clone() } else { "--confine--\r\n".to_owned() })
        });
        let r = anna.con(Request::post(format!("{BASE}/registra")));
        let r = r.header(header::CONTENT_TYPE, "multipart/form-data; boundary=confine");
        let r = b.manda(r.body(Body::from_stream(pezzi)).unwrap()).await;
        if ferma {
            assert_eq!(r.stato, StatusCode::SERVICE_UNAVAILABLE, "{}", r.testo());
            assert!(r.ha("si cambia macchina"));
            assert_eq!(b.operazioni().await, prima);
            spegni(b.dir.path()).unwrap();
        } else {
            assert_eq!(r.stato, StatusCode::SEE_OTHER, "{}", r.testo());
            assert_eq!(b.operazioni().await, prima + 1);
        }
    }
}
