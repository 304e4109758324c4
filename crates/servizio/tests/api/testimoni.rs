//! The doors of a witness, and witnesses that answer badly (C2SP tlog-witness; R-B13).

use std::sync::{Arc, Mutex};

use archivio::Store;
use archivio::store::Registro;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use catena::testimone::{RICHIESTA_BYTE_MAX, scrivi};
use catena::{Albero, Checkpoint, ChiaveFirma, ChiaveTestimone, Hash};
use http_body_util::BodyExt as _;
use servizio::testimoni::{Interpellato, Testimoni};
use servizio::{Servizio, rotte};
use tower::ServiceExt as _;

use super::banco::Banco;

const ORIGINE: &str = "altri.example/log";
const NOSTRA: &str = "prova.example/c_z999/AOO1";

fn chiave() -> ChiaveFirma {
    ChiaveFirma::da_segreto(ORIGINE, &[9; 32]).unwrap()
}

fn foglia(n: u8) -> Hash {
    catena::foglia(&[n; 32])
}

fn nota(foglie: &[u8]) -> String {
    let mut a = Albero::nuovo();
    for f in foglie {
        a.aggiungi(foglia(*f), |_, _, _| {});
    }
    Checkpoint::nuovo(ORIGINE, foglie.len() as u64, a.radice()).firma(&[&chiave()]).unwrap()
}

struct Risposta {
    stato: u16,
    tipo: String,
    testo: String,
}

async fn manda(rotte: &Router, r: Request<Body>) -> Risposta {
    let (parti, corpo) = rotte.clone().oneshot(r).await.unwrap().into_parts();
    let tipo = parti.headers.get("content-type").map(|t| t.to_str().unwrap().to_owned()).unwrap_or_default();
    let testo = String::from_utf8(corpo.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Risposta { stato: parti.status.as_u16(), tipo, testo }
}

async fn aggiungi(rotte: &Router, corpo: String) -> Risposta {
    manda(rotte, Request::post("/testimone/add-checkpoint").body(Body::from(corpo)).unwrap()).await
}

async fn get(rotte: &Router, p: &str) -> Risposta {
    manda(rotte, Request::get(p).body(Body::empty()).unwrap()).await
}

fn installazione(dir: &std::path::Path, osserva: bool) -> Router {
    let store = archivio::sqlite::SqliteStore::apri(dir, Arc::new(archivio::orologio::OrologioDiSistema)).unwrap();
    let osservati = if osserva { vec![chiave().pubblica()] } else { Vec::new() };
    rotte(Arc::new(Servizio::nuovo(store, "https://noi.example/").che_osserva(osservati, None)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doors_of_a_witness_answer_as_the_specification_says() {
    let d = tempfile::tempdir().unwrap();
    let r = installazione(&d.path().join("w"), true);
    let k = get(&r, "/testimone/chiave").await;
    assert_eq!((k.stato, k.tipo.as_str()), (200, "text/plain; charset=utf-8"));
    let k: catena::Testimone = k.testo.parse().unwrap();
    assert_eq!(k.nome(), "noi.example/testimone", "of the public address");
    let dove = format!("/testimone/checkpoint?origine={ORIGINE}");
    assert_eq!(get(&r, &dove).await.stato, 404);
    assert_eq!(get(&r, "/testimone/checkpoint").await.stato, 404);

    let uno = aggiungi(&r, scrivi(0, &[], &nota(&[1]))).await;
    assert_eq!((uno.stato, uno.tipo.as_str()), (200, "text/plain; charset=utf-8"), "{}", uno.testo);
    let dette = catena::nota::firme(&uno.testo).unwrap();
    let testo = catena::nota::dividi(&nota(&[1])).unwrap().0.to_owned();
    assert!(k.tra(&testo, &dette).is_ok());
    assert_eq!(get(&r, &dove).await.testo, format!("{}{}", nota(&[1]), uno.testo));

    let due = scrivi(1, &[foglia(2)], &nota(&[1, 2]));
    let altro = ChiaveFirma::da_segreto("altro.example/log", &[9; 32]).unwrap();
    let ignoto = Checkpoint::nuovo("altro.example/log", 1, [1; 32]).firma(&[&altro]).unwrap();
    let falsa = nota(&[1, 2]).replace("\n2\n", "\n3\n");
    for (corpo, stato) in [
        (String::new(), 400),
        (due.replace("old 1", "old 3"), 400),
        ("x".repeat(RICHIESTA_BYTE_MAX + 1), 413),
        (scrivi(0, &[], &ignoto), 404),
        (scrivi(1, &[foglia(2)], &falsa), 403),
        (scrivi(1, &[foglia(3)], &nota(&[1, 2])), 422),
        (scrivi(1, &[foglia(2)], &nota(&[7, 2])), 422),
    ] {
        let no = aggiungi(&r, corpo).await;
        assert_eq!((no.stato, no.tipo.as_str()), (stato, "application/problem+json"), "{}", no.testo);
    }
    for corpo in [scrivi(0, &[], &nota(&[1, 2])), scrivi(1, &[], &nota(&[7]))] {
        let no = aggiungi(&r, corpo).await;
        assert_eq!((no.stato, no.tipo.as_str(), no.testo.as_str()), (409, "text/x.tlog.size", "1\n"));
    }
    assert_eq!(aggiungi(&r, due).await.stato, 200);
    let metodo = Request::get("/testimone/add-checkpoint").body(Body::empty()).unwrap();
    assert_eq!(manda(&r, metodo).await.stato, 405);

    // Two histories at once, through the door: one is cosigned.
    let forks = (0..10u8).map(|n| {
        let nota = nota(&[1, 2, 10 + n]);
        aggiungi(&r, scrivi(2, &[foglia(10 + n)], &nota))
    });
    let stati: Vec<u16> = futures_util::future::join_all(forks).await.into_iter().map(|r| r.stato).collect();
    assert_eq!((stati.iter().filter(|s| **s == 200).count(), stati.iter().filter(|s| **s == 409).count()), (1, 9));

    // Who watches nobody is no witness, and has no key.
    let r = installazione(&d.path().join("n"), false);
    assert_eq!(get(&r, "/testimone/chiave").await.stato, 404);
    assert_eq!(get(&r, &dove).await.stato, 404);
    assert_eq!(aggiungi(&r, scrivi(0, &[], &nota(&[1]))).await.stato, 404);
}

/// Status, type and body to give, in this order; then nothing but 500. What was asked is kept.
type Copione = Arc<Mutex<(Vec<(u16, &'static str, String)>, Vec<String>)>>;

/// A witness that says what it is told to say.
async fn finto(copione: &Copione) -> String {
    let copione = Arc::clone(copione);
    let porta = axum::routing::post(async move |corpo: String| {
        let mut c = copione.lock().unwrap();
        c.1.push(corpo);
        let (stato, tipo, testo) = if c.0.is_empty() { (500, "text/plain", String::new()) } else { c.0.remove(0) };
        (StatusCode::from_u16(stato).unwrap(), [("content-type", tipo)], testo)
    });
    let ascolto = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/w", ascolto.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(ascolto, Router::new().route("/w/add-checkpoint", porta)).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_answers_badly_is_not_believed_nor_waited_for() {
    let b = Banco::nuovo().await;
    let registro = Registro::Aoo("AOO1".parse().unwrap());
    let w = ChiaveTestimone::da_segreto("w.example/1", &[5; 32]).unwrap();
    let altro = ChiaveTestimone::da_segreto("w.example/1", &[6; 32]).unwrap();
    let testo = async || {
        let n = b.ente.firma_checkpoint(&registro).await.unwrap();
        catena::nota::dividi(&n).unwrap().0.to_owned()
    };
    let prima = testo().await;
    let n = Checkpoint::leggi(&prima).unwrap().dimensione;
    // The other logs (of the ente, of the other ente) it does not watch: asked before and after this one.
    let non_osserva = || (404, "application/problem+json", "{}".to_owned());
    let size = "text/x.tlog.size";
    let giusta = w.cofirma(&prima, 1_790_000_000).unwrap().riga();
    let di_altri = altro.cofirma(&prima, 1_790_000_000).unwrap().riga();
    let storta = w.cofirma(&prima.replace(NOSTRA, "altri"), 1).unwrap().riga();
    let accorciato = format!("ha già visto {} operazioni", n + 1);
    for (risposte, detto) in [
        (vec![(200, "text/plain", di_altri.clone())], "la sua cofirma non è valida"),
        (vec![(200, "text/plain", storta)], "la sua cofirma non è valida"),
        (vec![(200, "text/html", "<p>ciao".to_owned())], "non si legge"),
        (vec![(200, "text/plain", String::new())], "non si legge"),
        (vec![(400, "text/plain", String::new())], "non capisce"),
        (vec![(403, "text/plain", String::new())], "non conosce la chiave"),
        (vec![(409, "text/plain", "3\n".to_owned())], "non dice da dove"),
        (vec![(409, size, "03\n".to_owned())], "non dice da dove"),
        (vec![(409, size, format!("{}\n", n + 1))], accorciato.as_str()),
        (vec![(409, size, "0\n".to_owned())], "due storie"),
        (vec![(409, size, "2\n".to_owned()), (409, size, "3\n".to_owned())], "non dice da dove"),
        (vec![(409, size, "2\n".to_owned()), (422, "text/plain", String::new())], "due storie"),
    ] {
        let copione: Copione = Arc::default();
        let quante = risposte.len();
        copione.lock().unwrap().0 = std::iter::once(non_osserva()).chain(risposte).collect();
        let chiesto: Interpellato = format!("{} {}", w.pubblica(), finto(&copione).await).parse().unwrap();
        let t = Testimoni::nuovi(vec![chiesto]);
        // Of one ente only: the script is of its logs.
        t.giro(&SoloUno(Arc::clone(&b.store))).await;
        let intoppo = t.di(&*b.ente, &registro, NOSTRA).await.unwrap().remove(0).intoppo.unwrap();
        assert!(intoppo.contains(detto), "{detto}: {intoppo}");
        assert_eq!(copione.lock().unwrap().1.len(), 1 + quante, "{detto}");
        assert_eq!(b.ente.ultima_cofirma(&registro, &w.pubblica()).await.unwrap(), None);
    }

    // One that cannot be reached, one in trouble, and one that answers: from where it says it is, with the proof.
    let copione: Copione = Arc::default();
    copione.lock().unwrap().0 =
        vec![non_osserva(), (409, size, "2\n".into()), (200, "text/plain", format!("{di_altri}{giusta}"))];
    let chiesti = [
        format!("{} http://127.0.0.1:1/w", altro.pubblica()),
        format!("{} {}", altro.pubblica(), finto(&Copione::default()).await),
        format!("{} {}", w.pubblica(), finto(&copione).await),
    ];
    let t = Testimoni::nuovi(chiesti.iter().map(|c| c.parse().unwrap()).collect());
    let store = SoloUno(Arc::clone(&b.store));
    t.giro(&store).await;
    b.prossimo().await;
    let viste = t.di(&*b.ente, &registro, NOSTRA).await.unwrap();
    let stato: Vec<_> = viste.iter().map(|v| (v.cofirmate.map(|c| c.0), v.intoppo.as_deref())).collect();
    assert_eq!(stato, [(None, Some("ora non si raggiunge")), (None, Some("ora non si raggiunge")), (Some(n), None)]);
    {
        let chieste = &copione.lock().unwrap().1;
        assert!(chieste[1].starts_with("old 0\n\n") && chieste[2].starts_with("old 2\n"), "{chieste:?}");
        let r = catena::testimone::Richiesta::leggi(chieste[2].as_bytes()).unwrap();
        assert_eq!((r.vecchia, r.checkpoint.dimensione), (2, n));
    }
    assert_eq!(b.ente.checkpoint(&registro).await.unwrap().matches(&giusta).count(), 1);
    // From then on, from there: the next one starts where the last was cosigned; nothing new, nothing asked.
    copione.lock().unwrap().0 = vec![non_osserva()];
    t.giro(&store).await;
    assert_eq!(copione.lock().unwrap().1.len(), 4, "only the log that it refuses, once more");
    let dopo = testo().await;
    copione.lock().unwrap().0 =
        vec![non_osserva(), (200, "text/plain", w.cofirma(&dopo, 1_790_000_060).unwrap().riga())];
    t.giro(&store).await;
    assert!(copione.lock().unwrap().1.last().unwrap().starts_with(&format!("old {n}\n")));
    let ultima = b.ente.ultima_cofirma(&registro, &w.pubblica()).await.unwrap().unwrap();
    assert_eq!(ultima.dimensione, Checkpoint::leggi(&dopo).unwrap().dimensione);
    assert_eq!(b.ente.verifica(&|_| {}).await.unwrap().differenze, []);
}

/// The store with one ente in sight.
struct SoloUno(Arc<dyn Store>);

#[async_trait::async_trait]
impl Store for SoloUno {
    async fn enti(&self) -> archivio::Esito<Vec<dominio::codici::CodiceIpa>> {
        Ok(vec!["c_z999".parse().unwrap()])
    }
    async fn ente(&self, ipa: &dominio::codici::CodiceIpa) -> archivio::Esito<Option<Arc<dyn archivio::EnteStore>>> {
        self.0.ente(ipa).await
    }
    fn aperti(&self) -> Vec<Arc<dyn archivio::EnteStore>> {
        self.0.aperti()
    }
    async fn crea_ente(&self, n: archivio::store::NuovoEnte) -> archivio::Esito<Arc<dyn archivio::EnteStore>> {
        self.0.crea_ente(n).await
    }
    async fn chiave_testimone(&self, nome: &str) -> archivio::Esito<catena::Testimone> {
        self.0.chiave_testimone(nome).await
    }
    async fn cofirma(
        &self,
        r: &catena::testimone::Richiesta,
        k: &[catena::ChiavePubblica],
    ) -> archivio::Esito<Result<catena::FirmaNota, catena::testimone::Rifiuto>> {
        self.0.cofirma(r, k).await
    }
    async fn osservato(&self, origine: &str) -> archivio::Esito<Option<String>> {
        self.0.osservato(origine).await
    }
}
