//! What the rules cost: a command into an operation, the fold of a long history, the comparison of two moments of it,
//! the analysis of texts for search. `cargo xtask misura` runs it and holds the figures against the promises.
#![expect(clippy::expect_used, reason = "benches")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use dominio::analisi;
use dominio::codici::CodiceRegistro;
use dominio::comandi::{self, Comando};
use dominio::configurazione::{Configurazione, StatoAoo};
use dominio::errori::Rigore;
use dominio::nuova::{self, NuovaRegistrazione};
use dominio::operazione::{CampiNoti, Evento, Operazione, campi_del_writer};
use dominio::permessi::{Diritti, Diritto, Operatore, Porta};
use dominio::registrazione::{Documento, Numero, Registrazione};
use dominio::tempo::Istante;
use serde_json::{Value, json};

/// Operations on one registration: far more than any has.
const STORIA: u64 = 1_000;

fn ora(indice: u64) -> Istante {
    Istante::leggi("2026-11-23T10:00:00+01:00").expect("an instant").piu_secondi(indice as i64)
}

fn chi() -> Operatore {
    Operatore {
        id: "anna".parse().expect("a name"),
        nome: "Anna Prova".to_owned(),
        ufficio: Some("PROT".parse().expect("a code")),
        per_conto_di: None,
        uffici: vec!["PROT".parse().expect("a code"), "TRIB".parse().expect("a code")],
        diritti: Diritti::di(&Diritto::TUTTI),
        porta: Porta::Sistema,
    }
}

/// The operation as it is stored and read again.
fn operazione(indice: u64, evento: &Evento) -> Operazione {
    let (ente, aoo) = ("c_z999".parse().expect("a code"), "AOO1".parse().expect("a code"));
    let registro = CodiceRegistro::generale();
    let mut campi = CampiNoti::di(&ente, Some(&aoo), &chi(), Some(&registro), evento).expect("fields").0;
    for (nome, valore) in campi_del_writer(indice, ora(indice), Numero::nuovo(17).map(|n| (2026, n))) {
        campi.insert(nome.to_owned(), valore);
    }
    Operazione::leggi(&campi).expect("it reads back")
}

fn aoo() -> StatoAoo {
    let dal = "2020-01-01T00:00:00Z";
    let eventi = json!([
        {"operazione": "aoo-creata", "codiceAoo": "AOO1", "denominazione": "AOO", "origine": "prova.example/c_z999/AOO1",
            "chiaveLog": "-", "ufficioSmistamento": "PROT", "consenteDaClassificare": true, "voceDaClassificare": "0"},
        {"operazione": "registro-creato", "codice": "PG", "denominazione": "Generale"},
        {"operazione": "ufficio-creato", "codice": "PROT", "denominazione": "Protocollo", "dal": dal},
        {"operazione": "ufficio-creato", "codice": "TRIB", "denominazione": "Tributi", "dal": dal},
        {"operazione": "voce-aperta", "codice": "1.6", "denominazione": "Archivio", "dal": "2020-01-01"},
    ]);
    let mut tutto = Configurazione::default();
    for (n, evento) in eventi.as_array().into_iter().flatten().enumerate() {
        let evento: Evento = serde_json::from_value(evento.clone()).expect("an event");
        tutto.applica(&operazione(n as u64, &evento));
    }
    tutto.aoo.into_values().next().expect("the AOO")
}

fn dati() -> Value {
    json!({"tipo": "entrata", "oggetto": "Istanza di accesso agli atti ai sensi dell'art. 22 della L. 241/1990",
        "mittente": {"tipo": "persona-fisica", "nome": "Maria", "cognome": "Rossi", "codiceFiscale": "RSSMRA80A01H501U"},
        "mezzo": "pec", "dataArrivo": "2026-11-23T09:12:00+01:00",
        "protocolloMittente": {"numero": "123/A", "data": "2026-11-20"},
        "classificazione": "1.6", "assegnazioni": [{"ufficio": "TRIB", "tipo": "competenza"}]})
}

fn documenti() -> Vec<Documento> {
    let d = json!([{"n": 1, "ruolo": "primario", "nome": "istanza.pdf", "mime": "application/pdf", "byte": 51_200,
        "impronta": "ab".repeat(32)}]);
    serde_json::from_value(d).expect("documents")
}

/// From `dati` as read to the event of its registration.
fn registra(aoo: &StatoAoo, nuova: NuovaRegistrazione, documenti: Vec<Documento>) -> Evento {
    let registro = CodiceRegistro::generale();
    let dati = nuova::registra(aoo, &chi(), &registro, ora(0), Rigore::Operatore, nuova, documenti);
    Evento::Registrazione(Box::new(dati.expect("a good registration")))
}

/// The whole history of one registration: notes and links.
fn storia(aoo: &StatoAoo) -> Vec<Operazione> {
    let nuova = dominio::lettura::leggi(dati()).expect("dati");
    let mut tutte = vec![operazione(0, &registra(aoo, nuova, documenti()))];
    let mut r = Registrazione::da_operazioni(&tutte).expect("a registration");
    for indice in 1..STORIA {
        let comando = match indice % 2 {
            0 => Comando::Collega {
                riferimento: serde_json::from_value(
                    json!({"ente": "c_z999", "aoo": "AOO1", "registro": "PG", "anno": 2025, "numero": indice}),
                )
                .expect("a reference"),
                nota: Some(format!("stesso procedimento, {indice}")),
            },
            _ => Comando::Annota { testo: format!("sentito il richiedente, {indice}") },
        };
        let evento = comandi::decidi(aoo, &chi(), &r, ora(indice), comando).expect("allowed");
        let op = operazione(indice, &evento);
        r.applica(&op);
        tutte.push(op);
    }
    tutte
}

fn comando(c: &mut Criterion) {
    let aoo = aoo();
    let (ente, codice) = ("c_z999".parse().expect("a code"), "AOO1".parse().expect("a code"));
    let registro = CodiceRegistro::generale();
    c.bench_function("da dati a operazione", |b| {
        b.iter_batched(
            || (dati(), documenti()),
            |(dati, documenti)| {
                let nuova = dominio::lettura::leggi(black_box(dati)).expect("dati");
                let evento = registra(&aoo, nuova, documenti);
                CampiNoti::di(&ente, Some(&codice), &chi(), Some(&registro), &evento).expect("fields")
            },
            BatchSize::SmallInput,
        );
    });
}

fn passato(c: &mut Criterion) {
    let tutte = storia(&aoo());
    c.bench_function("stato da 1000 operazioni", |b| {
        b.iter(|| Registrazione::da_operazioni(black_box(&tutte)).expect("a registration"));
    });
    let prima = Registrazione::da_operazioni(&tutte[..tutte.len() / 2]).expect("a registration");
    let dopo = Registrazione::da_operazioni(&tutte).expect("a registration");
    c.bench_function("confronto dopo 1000 operazioni", |b| {
        b.iter(|| dominio::storia::confronta(black_box(&prima), black_box(&dopo)));
    });
}

fn ricerca(c: &mut Criterion) {
    let testi =
        ["Istanza di accesso agli atti – art. 22 della L. 241/1990", "Perché l'ufficio è chiuso?", "Rossi Maria"];
    c.bench_function("riga di ricerca", |b| b.iter(|| analisi::riga(black_box(testi))));
    c.bench_function("domanda di ricerca", |b| {
        b.iter(|| analisi::interroga(black_box("istanza \"accesso agli atti\" 123/A perché ross*")).expect("a query"));
    });
}

criterion_group!(tutte, comando, passato, ricerca);
criterion_main!(tutte);
