//! A transport envelope of 50 KB, read whole with its signature and the digests of its files: 500 a second on one core (issue
//! 7). And one of 100 MB, for the memory: under 300 MB.

#![expect(clippy::unwrap_used, reason = "benches")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use firme::Fiducia;
use pec::componi::{File, Interoperabilita, Uscita, componi};
use pec::genera::{Chiavi, Gestore, Invio};
use pec::mime::Indirizzo;
use pec::{Data, Ricevuta, Tipo, leggi};

/// Peak of resident memory of this process, KiB.
fn picco() -> u64 {
    let stato = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let riga = stato.lines().find_map(|r| r.strip_prefix("VmHWM:")).unwrap_or("0");
    riga.split_whitespace().next().unwrap().parse().unwrap()
}

/// Begins to count the peak anew.
fn azzera() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn rumore(quanti: usize) -> Vec<u8> {
    let mut x = 1u64;
    std::iter::repeat_with(|| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as u8
    })
    .take(quanti)
    .collect()
}

fn busta(gestore: &Gestore<'_>, data: Data, byte: usize) -> Vec<u8> {
    let file = rumore(byte);
    let chi = |i: &str| Indirizzo { nome: None, indirizzo: i.into() };
    let originale = componi(&Uscita {
        message_id: "<00112233445566778899aabbccddeeff@comune.example>",
        data,
        mittente: chi("protocollo@comune.example"),
        risposte: None,
        a: vec![chi("anna@pec.example")],
        cc: Vec::new(),
        oggetto: "Determina n. 5: «perché sì»",
        testo: "Si trasmette.\n",
        xml: Some(Interoperabilita::Segnatura(b"<a/>")),
        file: vec![File { nome: "delibera città.pdf", mime: "application/pdf", byte: &file }],
        ricevuta: Ricevuta::Completa,
    })
    .unwrap();
    let invio = Invio::leggi(&originale, |_| true);
    let d = invio.dati(Tipo::PostaCertificata, data, "prova1@pec.example");
    gestore.messaggio(&d, Some(&originale)).unwrap()
}

fn lettura(c: &mut Criterion) {
    let quando = "2026-11-28T11:59:12Z".parse().unwrap();
    let data = Data { istante: quando, zona: jiff::tz::offset(1) };
    let chiavi = Chiavi::dimostrative("Gestore di prova", quando).unwrap();
    let gestore = Gestore { nome: "Gestore di prova", dominio: "pec.example", sigillo: &chiavi.sigillo };
    let mut fiducia = Fiducia::nessuna();
    fiducia.ancora_pec(&chiavi.ca).unwrap();

    let cartella = tempfile::tempdir().unwrap();
    let grande = cartella.path().join("grande.eml");
    // 100 MB once in base64, with line breaks of one character, which must be made two for the signature.
    let testo = busta(&gestore, data, 73 << 20);
    std::fs::write(&grande, testo.into_iter().filter(|b| *b != b'\r').collect::<Vec<_>>()).unwrap();
    azzera();
    let prima = picco();
    let byte = std::fs::read(&grande).unwrap();
    let l = leggi(&byte, &fiducia, quando);
    assert!(l.verificata() && l.sunto().messaggio.unwrap().allegati[1].byte == 73 << 20);
    let dopo = picco();
    println!("{} MB read: peak {} MB ({} MB before)", byte.len() / 1_000_000, dopo >> 10, prima >> 10);
    assert!(dopo.saturating_sub(prima) < 300 << 10, "more than 300 MB");
    drop(l);

    let byte = busta(&gestore, data, 35_000);
    assert!((48_000..56_000).contains(&byte.len()), "{}", byte.len());
    c.bench_function("lettura di una PEC di 50 KB", |b| {
        b.iter(|| {
            let l = leggi(black_box(&byte), &fiducia, quando);
            assert!(l.verificata());
            l.sunto()
        });
    });
}

criterion_group! { name = gruppo; config = Criterion::default().sample_size(20); targets = lettura }
criterion_main!(gruppo);
