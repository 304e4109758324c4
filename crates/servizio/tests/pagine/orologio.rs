//! A clock that leapt, as people see it (R-A21).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::http::StatusCode;
use dominio::tempo::{Istante, Orologio};

use crate::banco::{BASE, Banco};

/// The machine's clock, and a lie.
#[derive(Default)]
struct Bugiardo {
    vero: archivio::orologio::OrologioDiSistema,
    bugia_us: AtomicI64,
}

impl Orologio for Bugiardo {
    fn adesso(&self) -> Istante {
        Istante(self.vero.adesso().0 + self.bugia_us.load(Ordering::SeqCst))
    }
    fn monotono(&self) -> i64 {
        self.vero.monotono()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_year_is_said_on_every_page_and_confirmed_by_the_rgd_alone() {
    let o = Arc::new(Bugiardo::default());
    let b = Banco::con_orologio(Arc::clone(&o) as Arc<dyn Orologio>).await;
    let (anna, rita) = (b.di("anna").await, b.di("rita").await);
    let orologio = format!("{BASE}/orologio");
    let fermo = "Per ora non si può registrare";
    assert!(rita.get(&orologio).await.ha("Non c'è nulla da confermare"));
    assert!(!anna.get(&format!("{BASE}/scrivania")).await.ha(fermo));
    o.bugia_us.store(400 * 86_400 * 1_000_000, Ordering::SeqCst);
    // Nobody is signed out for it; who may sees the way out.
    let r = rita.get(&orologio).await;
    assert!(r.ha(fermo) && r.ha("L'ora è giusta"), "{}", r.testo());
    let r = anna.get(&format!("{BASE}/scrivania")).await;
    assert!(r.stato == StatusCode::OK && r.ha(fermo) && !r.ha(&orologio), "{}", r.testo());
    assert_eq!(anna.get(&orologio).await.stato, StatusCode::FORBIDDEN);
    assert_eq!(anna.fa(&orologio, &[("motivo", "mi pare")]).await.stato, StatusCode::FORBIDDEN);
    let r = rita.fa(&orologio, &[("motivo", " ")]).await;
    assert_eq!(r.stato, StatusCode::UNPROCESSABLE_ENTITY, "{}", r.testo());
    let r = rita.fa(&orologio, &[("motivo", "controllata con il segnale orario")]).await;
    assert_eq!((r.stato, r.meta()), (StatusCode::SEE_OTHER, orologio));
    assert!(b.ente.impedimento().is_none());
    // The year has gone by: sessions too are over.
    assert_eq!(rita.get(&format!("{BASE}/scrivania")).await.stato, StatusCode::SEE_OTHER);
    assert!(!b.di("anna").await.get(&format!("{BASE}/scrivania")).await.ha(fermo));
}
