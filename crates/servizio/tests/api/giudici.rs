//! Judges that share no code with us: the packages by which Go checks its own checksum database read our log.

use std::path::{Path, PathBuf};
use std::process::Command;

use archivio::store::Registro;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use catena::{Checkpoint, ChiavePubblica, ChiaveTestimone, Hash, LettoreHash, PercorsoTessera};
use serde_json::{Value, json};

use super::banco::{BASE, Banco, Modulo, entrata};

/// `docs/verifica/registro.go`, built.
struct Go(PathBuf);

impl Go {
    /// Nothing where Go or its packages are not installed, unless all the judges were called (`cargo xtask test` does).
    fn trova() -> Option<Self> {
        let tmp = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let sorgente = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/verifica/registro.go");
        let programma = tmp.join(format!("registro-go-{}", std::process::id()));
        // Where the Debian packages of Go libraries are.
        let esito = Command::new("go")
            .args(["build", "-o"])
            .args([&programma, &sorgente])
            .env("GO111MODULE", "off")
            .env("GOPATH", "/usr/share/gocode")
            .env("GOCACHE", tmp.join("go-cache"))
            .env("GOFLAGS", "")
            .output();
        let perche = match esito {
            Ok(o) if o.status.success() => return Some(Self(programma)),
            Ok(o) => String::from_utf8_lossy(&o.stderr).into_owned(),
            Err(e) => e.to_string(),
        };
        assert!(std::env::var_os("PROTOCOLLO_GIUDICI").is_none(), "no Go to judge: {perche}");
        println!("skipped: golang-go and golang-golang-x-mod-dev are not on this machine: {perche}");
        None
    }

    /// Whether it accepts, and what it said.
    fn giudica(&self, cartella: &Path, chiave: &str, testimoni: &[&str]) -> (bool, String) {
        let o = Command::new(&self.0).arg(cartella).arg(chiave).args(testimoni).output().unwrap();
        let testo = [o.stdout, o.stderr].map(|t| String::from_utf8_lossy(&t).into_owned()).concat();
        assert!(matches!(o.status.code(), Some(0 | 1)), "{testo}");
        (o.status.success(), testo)
    }
}

impl Drop for Go {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn pubblico(b: &Banco, percorso: &str) -> Vec<u8> {
    let r = b.manda(Request::get(format!("{BASE}/log/{percorso}")).body(Body::empty()).unwrap()).await;
    assert_eq!(r.stato, StatusCode::OK, "{percorso}");
    r.byte
}

fn scrivi(cartella: &Path, nome: &str, byte: &[u8]) {
    let dove = cartella.join(nome);
    std::fs::create_dir_all(dove.parent().unwrap()).unwrap();
    std::fs::write(dove, byte).unwrap();
}

/// Every tile and bundle of a tree of that size, the last of each level as wide as it is.
fn pezzi(dimensione: u64) -> Vec<PercorsoTessera> {
    let mut pezzi = Vec::new();
    let mut hash = dimensione;
    for livello in 0.. {
        for n in 0..hash.div_ceil(256) {
            let larghezza = (hash - n * 256).min(256) as u16;
            pezzi.push(PercorsoTessera::Hash { livello, n, larghezza });
            if livello == 0 {
                pezzi.push(PercorsoTessera::Voci { n, larghezza });
            }
        }
        hash /= 256;
        if hash == 0 {
            return pezzi;
        }
    }
    pezzi
}

/// Tiles as they were copied.
struct Copia<'a>(&'a Path);

impl LettoreHash for Copia<'_> {
    type Errore = std::io::Error;
    fn tessera(&self, livello: u8, n: u64, larghezza: u16) -> Result<Vec<Hash>, Self::Errore> {
        let byte = std::fs::read(self.0.join(PercorsoTessera::Hash { livello, n, larghezza }.to_string()))?;
        Ok(catena::tessera::leggi_hash(&byte).unwrap().to_vec())
    }
}

async fn registrazione(b: &Banco, dati: &Value) -> String {
    let r = b.registra(&b.anna, Modulo::nuovo().dati(dati).file("documento", "a.txt", b"x")).await;
    assert_eq!(r.stato, StatusCode::CREATED, "{}", r.json());
    r.json()["links"]["self"].as_str().unwrap().to_owned()
}

/// So many notes on these registrations, and a checkpoint of them.
async fn annota(b: &Banco, una: &[String], quante: usize) {
    let nota = async |n: usize| {
        b.post(&b.anna, &format!("{}/annotazioni", una[n % una.len()]), json!({"testo": "nota"})).await
    };
    for r in futures_util::future::join_all((0..quante).map(nota)).await {
        assert!(r.stato.is_success(), "{}", r.json());
    }
    b.ente.firma_checkpoint(&Registro::Aoo("AOO1".parse().unwrap())).await.unwrap();
}

fn testimone(n: u8) -> ChiaveTestimone {
    ChiaveTestimone::da_segreto("testimone.example/w1", &[n; 32]).unwrap()
}

/// What a witness says of the latest checkpoint, kept.
async fn cofirma(b: &Banco, w: &ChiaveTestimone) {
    let registro = Registro::Aoo("AOO1".parse().unwrap());
    let nota = b.ente.firma_checkpoint(&registro).await.unwrap();
    let (testo, _) = catena::nota::dividi(&nota).unwrap();
    let firma = w.cofirma(testo, 1_795_507_200).unwrap();
    let n = Checkpoint::leggi(testo).unwrap().dimensione;
    assert!(b.ente.conserva_cofirma(&registro, n, &w.pubblica(), &firma).await.unwrap());
}

/// What is served of a log that grew past two tiles, with an older checkpoint, a witness and some receipts; and its key.
async fn copia(b: &Banco, cartella: &Path) -> (ChiavePubblica, u64) {
    let oggetti: Vec<Value> = (0..32).map(|n| entrata(&format!("Perché «{n}»"))).collect();
    let mut altre = futures_util::future::join_all(oggetti.iter().map(|o| registrazione(b, o))).await;
    annota(b, &altre, 250).await;
    scrivi(cartella, "prima", &pubblico(b, "checkpoint").await);
    annota(b, &altre, 350).await;
    altre.push(registrazione(b, &entrata("Ultima")).await);
    annota(b, &altre, 1).await;
    cofirma(b, &testimone(1)).await;
    let chiave: ChiavePubblica = String::from_utf8(pubblico(b, "chiavi").await).unwrap().trim().parse().unwrap();
    let nota = String::from_utf8(pubblico(b, "checkpoint").await).unwrap();
    scrivi(cartella, "checkpoint", nota.as_bytes());
    let dopo = Checkpoint::apri(&nota, std::slice::from_ref(&chiave)).unwrap().0;
    let prima = std::fs::read_to_string(cartella.join("prima")).unwrap();
    let prima = Checkpoint::apri(&prima, std::slice::from_ref(&chiave)).unwrap().0;
    assert!(prima.dimensione > 256 && dopo.dimensione > 600, "full tiles and partial ones");
    for pezzo in pezzi(dopo.dimensione) {
        scrivi(cartella, &pezzo.to_string(), &pubblico(b, &pezzo.to_string()).await);
    }
    let coerenza = catena::prova_coerenza(&Copia(cartella), prima.dimensione, dopo.dimensione).unwrap();
    let coerenza: Vec<String> = coerenza.iter().map(|h| STANDARD.encode(h)).collect();
    scrivi(cartella, "coerenza", coerenza.join("\n").as_bytes());
    for (n, una) in altre.iter().enumerate().step_by(8) {
        let r = b.get(&b.anna, &format!("{una}/ricevuta?campi=numero,oggetto")).await;
        assert_eq!(r.stato, StatusCode::OK);
        scrivi(cartella, &format!("ricevute/{n}.json"), &r.byte);
    }
    (chiave, dopo.dimensione)
}

fn file_di(cartella: &Path) -> Vec<PathBuf> {
    let mut file = Vec::new();
    for voce in std::fs::read_dir(cartella).unwrap() {
        let dove = voce.unwrap().path();
        if dove.is_dir() { file.extend(file_di(&dove)) } else { file.push(dove) }
    }
    file
}

/// R-B13: whoever doubts needs none of our code.
#[tokio::test(flavor = "multi_thread")]
async fn the_tools_of_another_log_accept_ours_and_refuse_it_with_one_byte_changed() {
    let Some(go) = Go::trova() else { return };
    let b = Banco::nuovo().await;
    let cartella = b.dir.path().join("copia");
    let (chiave, dimensione) = copia(&b, &cartella).await;
    let vkey = chiave.to_string();
    let w = testimone(1).pubblica().to_string();
    let (bene, detto) = go.giudica(&cartella, &vkey, &[&w]);
    assert!(bene, "{detto}");
    // Three tiles of level 0, one of level 1.
    assert_eq!(detto.trim(), format!("{dimensione} voci, 4 tessere, 5 ricevute, 1 testimoni"));
    assert!(go.giudica(&cartella, &vkey, &[]).0, "who knows no witness reads past it");

    let altra = catena::ChiaveFirma::da_segreto(chiave.nome(), &[7; 32]).unwrap().pubblica().to_string();
    assert!(!go.giudica(&cartella, &altra, &[]).0, "a key of the same name that did not sign");
    for altro in [testimone(2).pubblica().to_string(), vkey.clone(), w.replacen("w1", "w2", 1)] {
        assert!(!go.giudica(&cartella, &vkey, &[&altro]).0, "a witness that did not cosign: {altro}");
    }

    let mut cambi = 0;
    for dove in file_di(&cartella) {
        let vero = std::fs::read(&dove).unwrap();
        // The key in a receipt is for information: it never counts.
        let fine = vero.windows(8).position(|w| w == b"\"chiave\"").unwrap_or(vero.len());
        for a in [0, fine / 4, fine / 2, fine / 4 * 3, fine - 5] {
            let mut falso = vero.clone();
            falso[a] ^= 1;
            std::fs::write(&dove, &falso).unwrap();
            let (bene, detto) = go.giudica(&cartella, &vkey, &[&w]);
            assert!(!bene && detto.starts_with("NON VALIDO: "), "byte {a} of {}: {detto}", dove.display());
            cambi += 1;
        }
        std::fs::write(&dove, &vero).unwrap();
    }
    assert_eq!(cambi, 5 * (3 + 7 + 5), "checkpoints and consistency, tiles and bundles, receipts");
    // The cosignature of another time, of another checkpoint, or short of a byte: each by the witness's own hand.
    let servita = std::fs::read_to_string(cartella.join("checkpoint")).unwrap();
    let (testo, firme) = catena::nota::dividi(&servita).unwrap();
    let (del_registro, vera) = (firme[0].riga(), &firme[1]);
    let mut tardi = vera.clone();
    tardi.firma[..8].copy_from_slice(&1_795_507_201u64.to_be_bytes());
    let prima = std::fs::read_to_string(cartella.join("prima")).unwrap();
    let di_prima = testimone(1).cofirma(catena::nota::dividi(&prima).unwrap().0, 1_795_507_200).unwrap();
    let corta = catena::FirmaNota { firma: vera.firma[..71].to_vec(), ..vera.clone() };
    for falsa in [&tardi, &di_prima, &corta] {
        scrivi(&cartella, "checkpoint", format!("{testo}\n{del_registro}{}", falsa.riga()).as_bytes());
        assert!(!go.giudica(&cartella, &vkey, &[&w]).0, "{falsa:?}");
    }
    scrivi(&cartella, "checkpoint", servita.as_bytes());
    // An older checkpoint that this log does not continue: the same size, signed by the same hand, another root.
    assert!(go.giudica(&cartella, &vkey, &[&w]).0);
    std::fs::write(cartella.join("coerenza"), "").unwrap();
    assert!(!go.giudica(&cartella, &vkey, &[]).0, "no proof of consistency");
}

/// Every text in a JSON value, and what it is once decoded, as far as it can be.
fn strati(v: &Value, fuori: &mut Vec<Vec<u8>>) {
    match v {
        Value::String(t) => decodifica(t.as_bytes(), fuori),
        Value::Array(a) => a.iter().for_each(|v| strati(v, fuori)),
        Value::Object(o) => o.iter().for_each(|(k, v)| {
            decodifica(k.as_bytes(), fuori);
            strati(v, fuori);
        }),
        altro => fuori.push(altro.to_string().into_bytes()),
    }
}

fn decodifica(t: &[u8], fuori: &mut Vec<Vec<u8>>) {
    fuori.push(t.to_vec());
    for parola in t.split(|b| b.is_ascii_whitespace() || *b == b'+') {
        for dentro in [STANDARD.decode(parola), URL_SAFE.decode(parola), URL_SAFE_NO_PAD.decode(parola)] {
            let Ok(dentro) = dentro else { continue };
            match serde_json::from_slice::<Value>(&dentro) {
                Ok(v @ (Value::Array(_) | Value::Object(_))) => strati(&v, fuori),
                _ => fuori.push(dentro),
            }
        }
    }
}

/// R-B13: who gets a receipt learns nothing of the other recipients.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_for_one_recipient_says_nothing_of_the_others() {
    const QUANTI: usize = 60;
    const MIO: usize = 17;
    let b = Banco::nuovo().await;
    let cognome =
        |n: usize| format!("Cogn{}{}ini", char::from(b'a' + (n / 26) as u8), char::from(b'a' + (n % 26) as u8));
    let destinatari: Vec<Value> = (0..QUANTI)
        .map(|n| match n % 3 {
            0 => json!({"tipo": "persona-giuridica", "denominazione": format!("{} S.p.A.", cognome(n)),
                "pec": format!("d{n:03}@pec.{}.example", cognome(n).to_lowercase())}),
            1 => json!({"tipo": "amministrazione", "denominazione": format!("Comune di {}", cognome(n)),
                "ipa": format!("c_q{n:03}"), "pec": format!("d{n:03}@pec.{}.example", cognome(n).to_lowercase())}),
            _ => json!({"tipo": "persona-fisica", "cognome": cognome(n), "nome": format!("Nome{n:03}"),
                "email": format!("d{n:03}@{}.example", cognome(n).to_lowercase())}),
        })
        .collect();
    let dati = json!({"tipo": "uscita", "oggetto": "Convocazione", "mezzo": "pec", "classificazione": "1.6",
        "ufficioMittente": "TRIB", "destinatari": destinatari});
    let una = registrazione(&b, &dati).await;
    annota(&b, std::slice::from_ref(&una), 1).await;
    let tutto: Value = b.get(&b.anna, &format!("{una}/ricevuta")).await.json();
    let mia = b.get(&b.anna, &format!("{una}/ricevuta?campi=numero,oggetto,destinatari.{MIO}")).await.byte;

    let mio = format!("destinatari.{MIO}.");
    let mut segreti: Vec<Vec<u8>> = Vec::new();
    let mut nascoste = 0;
    for testo in tutto["rivelazioni"].as_array().unwrap() {
        let testo = testo.as_str().unwrap();
        let r = catena::Rivelazione::leggi(testo).unwrap();
        if r.nome.starts_with(&mio) || ["numero", "oggetto"].contains(&r.nome.as_str()) {
            continue;
        }
        nascoste += 1;
        segreti.push(testo.as_bytes().to_vec());
        // Long enough not to turn up by chance.
        for e in [r.sale.to_vec(), STANDARD.encode(r.sale).into_bytes(), URL_SAFE_NO_PAD.encode(r.sale).into_bytes()] {
            segreti.push(e[..e.len().min(16)].to_vec());
        }
        segreti.push(r.sale.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect());
        if r.nome.starts_with("destinatari.") {
            segreti.push(r.nome.into_bytes());
        }
    }
    for (n, d) in destinatari.iter().enumerate().filter(|(n, _)| *n != MIO) {
        segreti.push(cognome(n).into_bytes());
        segreti.push(cognome(n).to_lowercase().into_bytes());
        for campo in ["pec", "ipa", "nome", "email"] {
            segreti.extend(d[campo].as_str().map(|t| t.as_bytes().to_vec()));
        }
    }
    assert!(nascoste > 3 * QUANTI && segreti.len() > 4 * nascoste);

    let mut visti = vec![mia.clone()];
    strati(&serde_json::from_slice(&mia).unwrap(), &mut visti);
    let contiene = |cosa: &[u8]| visti.iter().any(|v| v.windows(cosa.len()).any(|w| w == cosa));
    // The search finds what is there…
    assert!(contiene(cognome(MIO).as_bytes()) && contiene(mio.as_bytes()) && contiene(b"Convocazione"));
    // … and nothing of what is not.
    for s in &segreti {
        assert!(!contiene(s), "{}", String::from_utf8_lossy(s));
    }
    let ricevuta = catena::Ricevuta::leggi(&mia).unwrap();
    assert_eq!(ricevuta.impronte.len(), nascoste);
    let chiave: ChiavePubblica = String::from_utf8(pubblico(&b, "chiavi").await).unwrap().trim().parse().unwrap();
    assert!(matches!(catena::verifica(&ricevuta, &[chiave]), catena::EsitoRicevuta::Autentica { .. }));
}
