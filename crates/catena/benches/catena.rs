//! What the log costs: an operation into its entry, a leaf into the tree, proofs of a large log, a signature, a receipt.
//! `cargo xtask misura` runs it and holds the figures against the promises.
#![expect(clippy::expect_used, reason = "benches")]

use std::collections::BTreeMap;
use std::hint::black_box;

use catena::{Albero, Checkpoint, ChiaveFirma, Hash, LettoreHash, Operazione, Ricevuta, Seme};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use serde_json::json;
use sha2::{Digest as _, Sha256};

const ORIGINE: &str = "protocollo.example/c_z999/AOO1";
/// Leaves of the large log: some years of a city.
const GRANDE: u64 = 1_000_000;

/// The fields of an ordinary registration: forty-two of them.
fn operazione() -> Operazione {
    let mut op = json!({
        "v": 1, "operazione": "registrazione", "ente": "c_z999", "aoo": "AOO1", "indice": 654_321, "registro": "PG",
        "istante": "2026-11-23T08:12:00.000000Z", "anno": 2026, "numero": 17, "tipo": "entrata", "mezzo": "pec",
        "oggetto": "Istanza di accesso agli atti ai sensi dell'art. 22 della L. 241/1990", "riservato": false,
        "operatore.id": "anna", "operatore.nome": "Anna Prova", "porta": "pagina", "classificazione": "1.6",
    })
    .as_object()
    .cloned()
    .expect("an object");
    for n in 0..5 {
        for campo in ["tipo", "denominazione", "ipa", "pec", "indirizzo"] {
            op.insert(format!("destinatari.{n}.{campo}"), format!("valore di {campo} numero {n}").into());
        }
    }
    op
}

/// A log in memory, in tiles.
struct Registro {
    albero: Albero,
    tessere: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl Registro {
    fn di(foglie: impl Iterator<Item = Hash>) -> Self {
        let (mut albero, mut tessere) = (Albero::nuovo(), BTreeMap::new());
        for foglia in foglie {
            albero.aggiungi(foglia, |livello, n, hash| {
                tessere.insert((livello, n), hash.to_vec());
            });
        }
        for livello in 0..albero.livelli() {
            let n = albero.dimensione() >> (8 * u32::from(livello)) >> 8;
            tessere.insert((livello, n), albero.coda(livello).to_vec());
        }
        Self { albero, tessere }
    }
}

impl LettoreHash for Registro {
    type Errore = &'static str;

    fn tessera(&self, livello: u8, n: u64, larghezza: u16) -> Result<Vec<Hash>, Self::Errore> {
        let tessera = self.tessere.get(&(livello, n)).ok_or("not there")?;
        Ok(tessera.get(..usize::from(larghezza)).ok_or("shorter")?.to_vec())
    }
}

fn foglia(i: u64) -> Hash {
    catena::foglia(&Sha256::digest(i.to_be_bytes()).into())
}

fn scrittura(c: &mut Criterion) {
    let (seme, op) = (Seme([7; 32]), operazione());
    c.bench_function("voce di un'operazione", |b| b.iter(|| catena::voce_di(&seme, black_box(&op)).expect("fields")));
    let albero = Registro::di((0..GRANDE - 1).map(foglia)).albero;
    c.bench_function("foglia nell'albero", |b| {
        b.iter_batched_ref(|| albero.clone(), |a| a.aggiungi(black_box([3; 32]), |_, _, _| ()), BatchSize::SmallInput);
    });
    let chiave = ChiaveFirma::da_segreto(ORIGINE, &[1; 32]).expect("a name");
    let checkpoint = Checkpoint::nuovo(ORIGINE, GRANDE, [5; 32]);
    c.bench_function("firma di un checkpoint", |b| {
        b.iter(|| black_box(&checkpoint).firma(&[&chiave]).expect("signed"))
    });
}

fn prove(c: &mut Criterion) {
    let (seme, op) = (Seme([7; 32]), operazione());
    let mia = catena::foglia(&catena::voce_di(&seme, &op).expect("fields"));
    const INDICE: u64 = 654_321;
    let registro = Registro::di((0..GRANDE).map(|i| if i == INDICE { mia } else { foglia(i) }));
    let mut indice = 0;
    c.bench_function("prova di inclusione (1 M)", |b| {
        b.iter(|| {
            indice = (indice + 99_991) % GRANDE;
            catena::prova_inclusione(&registro, black_box(indice), GRANDE).expect("a leaf")
        });
    });
    let mut prima = 1;
    c.bench_function("prova di coerenza (1 M)", |b| {
        b.iter(|| {
            prima = (prima + 99_991) % GRANDE;
            catena::prova_coerenza(&registro, black_box(prima), GRANDE).expect("a size")
        });
    });
    let chiave = ChiaveFirma::da_segreto(ORIGINE, &[1; 32]).expect("a name");
    let nota = Checkpoint::nuovo(ORIGINE, GRANDE, registro.albero.radice()).firma(&[&chiave]).expect("signed");
    let prova = catena::prova_inclusione(&registro, INDICE, GRANDE).expect("a leaf");
    let mostra = |campo: &str| matches!(campo, "numero" | "oggetto");
    let ricevuta = Ricevuta::crea(ORIGINE, INDICE, &op, &seme, mostra, &prova, &nota, None).expect("a receipt");
    let json = serde_json::to_vec(&ricevuta).expect("JSON");
    let chiavi = [chiave.pubblica()];
    assert!(matches!(catena::verifica(&ricevuta, &chiavi), catena::EsitoRicevuta::Autentica { .. }));
    c.bench_function("ricevuta letta e verificata", |b| {
        b.iter(|| catena::verifica(&Ricevuta::leggi(black_box(&json)).expect("a receipt"), &chiavi));
    });
}

criterion_group!(tutte, scrittura, prove);
criterion_main!(tutte);
