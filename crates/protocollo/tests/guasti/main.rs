//! Faults at the store's edges, on the real binary (design § 8): a disk that is full, that answers with errors, that takes
//! half of what it is given. Whoever asks is told that nothing was done; readiness says why; when the disk is well again
//! so is the service, by itself; nothing that was acknowledged is lost, nothing that was denied is found.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod banco;
#[path = "../../../archivio/tests/disco/mod.rs"]
mod disco;

use banco::{BASE, Banco, Richiesta};
use disco::{APRI, EIO, ENOSPC, Guasto, RINOMINA, SCRIVI, SINCRONIZZA, TRONCA, TUTTO};
use serde_json::json;

const WAL: &str = "*/enti/c_z999/ente.sqlite-wal";
const PIENO: &str = "lo spazio su disco è esaurito";
const ERRORI: &str = "il disco risponde con errori";

// R-A08, R-A12, R-N02: a commit that failed is as if it had never been asked.
#[test]
fn a_commit_that_fails_is_denied_undone_and_made_once_when_asked_again() {
    let mut b = Banco::nuovo();
    let casi = [
        ("full at the first page", Guasto::nuovo(WAL, SCRIVI, ENOSPC), PIENO),
        ("full half way of a page", Guasto::nuovo(WAL, SCRIVI, ENOSPC).a_meta(), PIENO),
        ("full some pages later", Guasto::nuovo(WAL, SCRIVI, ENOSPC).dopo(5), PIENO),
        ("an error while writing", Guasto::nuovo(WAL, SCRIVI, EIO), ERRORI),
        ("an error while writing, later", Guasto::nuovo(WAL, SCRIVI, EIO).dopo(9), ERRORI),
        ("a lost fsync", Guasto::nuovo(WAL, SINCRONIZZA, EIO), ERRORI),
        ("a lost fsync, the second", Guasto::nuovo(WAL, SINCRONIZZA, EIO).dopo(1), ERRORI),
        ("room found missing at the fsync", Guasto::nuovo(WAL, SINCRONIZZA, ENOSPC), ERRORI),
        ("everything full", Guasto::nuovo("*/archivio/*", TUTTO, ENOSPC), ""),
        ("everything broken", Guasto::nuovo("*/archivio/*", TUTTO, EIO), ERRORI),
    ];
    let mut senza_firma = 0;
    for (i, (che, guasto, detto)) in casi.iter().enumerate() {
        for ucciso in [false, true] {
            let nome = |x: &str| format!("{i}{}-{x}", if ucciso { "u" } else { "v" });
            let prima = b.registra(&Richiesta::con_file(&nome("prima"), 10_000));
            let anno = b.get(&format!("{BASE}/registrazioni?limite=1")).json()["elementi"][0]["anno"].clone();
            let una = format!("{BASE}/registrazioni/{anno}/{prima}");
            b.disco.rompi(*guasto);
            let richieste = [
                Richiesta::nuda(&nome("a")),
                Richiesta::con_file(&nome("b"), 60_000),
                Richiesta::nuda(&nome("persa")).senza_chiave(),
                Richiesta::con_file(&nome("perso"), 700_000).senza_chiave(),
            ];
            let negate = richieste.iter().filter(|r| b.tenta(r, che)).count();
            assert!(negate >= 2 && b.disco.colpi() > 0, "{che}: {negate} denied");
            if ucciso {
                // At once: not even readiness was asked.
                b.uccidi();
                b.disco.sana();
                b.riavvia();
                b.mantiene(che);
                for r in richieste.iter().filter(|r| r.chiave.is_some()) {
                    b.registra(r);
                }
                continue;
            }
            // What must be signed first; the minute's round may have signed it before the disk broke.
            let ricevuta = b.get(&format!("{una}/ricevuta"));
            if ricevuta.stato != 200 {
                ricevuta.rifiutata(che);
                senza_firma += 1;
            }
            b.impedito(detto, che);
            // Who reads is not concerned.
            assert_eq!(b.get(&una).json()["numero"], prima, "{che}");
            assert_eq!(b.get(&format!("{una}/documenti/1")).byte.len(), 10_000, "{che}");
            assert_eq!(b.get(&format!("{BASE}/registrazioni?q=Atto")).stato, 200, "{che}");
            b.disco.sana();
            b.guarito(che);
            b.mantiene(che);
            for r in richieste.iter().filter(|r| r.chiave.is_some()) {
                b.registra(r);
            }
            assert_eq!(b.get(&format!("{una}/ricevuta")).stato, 200, "{che}");
        }
    }
    assert!(senza_firma > 0, "no receipt was refused");
    b.mantiene("after them all");
    b.alla_fine();
}

// R-H07: a file that is not on disk is not registered; the register itself goes on.
#[test]
fn a_file_that_cannot_be_stored_denies_its_registration_alone_and_leaves_nothing() {
    let mut b = Banco::nuovo();
    let file = "*/enti/c_z999/file/??/*";
    let casi = [
        ("no room for a name", Guasto::nuovo(file, APRI, ENOSPC), PIENO),
        ("no room for the bytes", Guasto::nuovo(file, SCRIVI, ENOSPC), PIENO),
        ("half of the bytes", Guasto::nuovo(file, SCRIVI, ENOSPC).a_meta(), PIENO),
        ("an error after some", Guasto::nuovo(file, SCRIVI, EIO).dopo(2), ERRORI),
        ("a lost fsync", Guasto::nuovo(file, SINCRONIZZA, EIO), ERRORI),
        ("a lost fsync of the folder", Guasto::nuovo("*/enti/c_z999/file/??", SINCRONIZZA, EIO), ERRORI),
    ];
    for (i, (che, guasto, detto)) in casi.iter().enumerate() {
        b.disco.rompi(*guasto);
        let grande = Richiesta::con_file(&format!("{i}-grande"), 1_500_000);
        assert!(b.tenta(&grande, che), "{che}");
        assert!(b.tenta(&Richiesta::con_file(&format!("{i}-perso"), 1_500_000).senza_chiave(), che), "{che}");
        b.impedito(&format!("i file dei documenti non si possono conservare: {detto}"), che);
        b.registra(&Richiesta::nuda(&format!("{i}-nuda")));
        b.disco.sana();
        b.guarito(che);
        b.registra(&grande);
        b.mantiene(che);
    }
    b.alla_fine();
}

// R-H07: nor is a small one, which goes in a segment with others.
#[test]
fn a_small_file_that_cannot_be_stored_denies_its_registration_alone_and_leaves_nothing() {
    let mut b = Banco::nuovo();
    let segmenti = "*/enti/c_z999/file/segmenti*";
    let dentro = "*/enti/c_z999/file/segmenti/*";
    let casi = [
        ("no room for the folder", Guasto::nuovo(segmenti, APRI, ENOSPC), PIENO),
        ("no room for a name", Guasto::nuovo(dentro, APRI, ENOSPC), PIENO),
        ("a lost fsync of the name", Guasto::nuovo(segmenti, SINCRONIZZA, EIO), ERRORI),
        ("no room for the bytes", Guasto::nuovo(dentro, SCRIVI, ENOSPC), PIENO),
        ("half of the bytes", Guasto::nuovo(dentro, SCRIVI, ENOSPC).a_meta(), PIENO),
        ("a lost fsync", Guasto::nuovo(dentro, SINCRONIZZA, EIO), ERRORI),
        ("an error after some", Guasto::nuovo(dentro, SCRIVI, EIO).dopo(1), ERRORI),
    ];
    for (i, (che, guasto, detto)) in casi.iter().enumerate() {
        // A segment that is open asks for no name.
        b.uccidi();
        b.riavvia();
        b.disco.rompi(*guasto);
        let primo = Richiesta::con_file(&format!("{i}-primo"), 20_000);
        let persi = [1, 2].map(|n| Richiesta::con_file(&format!("{i}-perso-{n}"), 20_000).senza_chiave());
        let negati = [b.tenta(&primo, che), b.tenta(&persi[0], che), b.tenta(&persi[1], che)];
        assert_eq!(negati, [i < 6, true, true], "{che}");
        b.impedito(&format!("i file dei documenti non si possono conservare: {detto}"), che);
        b.registra(&Richiesta::nuda(&format!("{i}-nuda")));
        b.disco.sana();
        b.guarito(che);
        b.registra(&primo);
        b.mantiene(che);
    }
    b.alla_fine();
}

// R-L08, R-L16: what is reserved is not shown when it cannot be written who sees it; the rest is.
#[test]
fn an_access_log_that_cannot_be_written_hides_what_is_reserved_and_nothing_else() {
    let mut b = Banco::nuovo();
    let n = b.registra(&Richiesta::nuda("aperta"));
    let riservata = json!({
        "tipo": "entrata", "oggetto": "Relazione riservata", "mezzo": "cartaceo", "riservato": true,
        "mittente": {"tipo": "persona-fisica", "nome": "Maria", "cognome": "Rossi"},
    });
    let corpo = format!("--c\r\nContent-Disposition: form-data; name=\"dati\"\r\n\r\n{riservata}\r\n--c--\r\n");
    let r = ureq::post(format!("{}{BASE}/registrazioni", b.url))
        .header("Authorization", format!("Bearer {}", b.token_responsabile))
        .header("Content-Type", "multipart/form-data; boundary=c")
        .send(corpo);
    assert_eq!(r.unwrap().status(), 201);
    let anno = b.get(&format!("{BASE}/registrazioni?limite=1")).json()["elementi"][0]["anno"].clone();
    let leggi = |b: &Banco, n: u64| b.get_con(&b.token_responsabile, &format!("{BASE}/registrazioni/{anno}/{n}"));
    let mut note = 0;
    for (che, guasto) in [
        ("never opened", Guasto::nuovo("*/accessi.sqlite*", TUTTO, ENOSPC)),
        ("full", Guasto::nuovo("*/accessi.sqlite-wal", SCRIVI, ENOSPC)),
        ("a lost fsync", Guasto::nuovo("*/accessi.sqlite-wal", SINCRONIZZA, EIO)),
    ] {
        b.disco.rompi(guasto);
        leggi(&b, n + 1).rifiutata(che);
        // A command on it is done, and the answer does not say that it is not.
        let nota = json!({"testo": che});
        let r = b.post(&b.token_responsabile, &format!("{BASE}/registrazioni/{anno}/{}/annotazioni", n + 1), &nota);
        assert_eq!((r.stato, r.json()["type"].as_str()), (503, Some("/problemi/fatto-non-mostrato")), "{}", r.testo());
        note += 1;
        assert_eq!(leggi(&b, n).stato, 200, "{che}");
        let (stato, p) = b.pronto();
        assert_eq!(stato, 200, "{che}: {p}");
        assert!(p["avvisi"][0].as_str().unwrap().contains("gli accessi non si possono tracciare"), "{che}: {p}");
        b.registra(&Richiesta::nuda(che));
        b.disco.sana();
        b.guarito(che);
        assert_eq!(leggi(&b, n + 1).json()["oggetto"], "Relazione riservata", "{che}");
        assert_eq!(leggi(&b, n + 1).json()["annotazioni"].as_array().unwrap().len(), note, "{che}");
    }
    b.alla_fine();
}

// docs/decisions/0009: what is committed is safe in the WAL; the file is caught up with from its beginning.
#[test]
fn a_database_file_that_refuses_is_said_and_stops_nobody() {
    let mut b = Banco::nuovo();
    for (che, cosa, ucciso) in [("an error while writing", SCRIVI, true), ("a lost fsync", SINCRONIZZA, false)] {
        b.disco.rompi(Guasto::nuovo("*/enti/c_z999/ente.sqlite", cosa, EIO));
        let nome = |i: usize| format!("{che} {i}");
        b.registra(&Richiesta::con_file(&nome(0), 3_000));
        b.attendi(che, |stato, p| {
            stato == 200 && p["avvisi"].to_string().contains("il file dell'archivio non si può aggiornare")
        });
        b.registra(&Richiesta::nuda(&nome(1)));
        if ucciso {
            b.uccidi();
            b.disco.sana();
            b.riavvia();
        } else {
            b.disco.sana();
        }
        b.guarito(che);
        b.registra(&Richiesta::nuda(&nome(2)));
        b.mantiene(che);
    }
    // The same without a rest, when it goes there beside the writer.
    for (che, cosa) in [("an error while writing under load", SCRIVI), ("a lost fsync under load", SINCRONIZZA)] {
        b.disco.rompi(Guasto::nuovo("*/enti/c_z999/ente.sqlite", cosa, EIO));
        let mut n = 0;
        while !b.pronto().1["avvisi"].to_string().contains("il file dell'archivio non si può aggiornare") {
            for _ in 0..100 {
                n += 1;
                b.registra(&Richiesta::nuda(&format!("{che} {n}")).senza_chiave());
            }
            assert!(n < 5_000, "{che}: nobody says it");
        }
        b.disco.sana();
        b.guarito(che);
    }
    b.alla_fine();
}

#[test]
fn anchors_that_cannot_be_put_there_are_said_and_put_there_later() {
    let mut b = Banco::nuovo();
    b.registra(&Richiesta::nuda("da ancorare"));
    b.uccidi();
    let ancore = b.con_ancore();
    let quante = || std::fs::read_dir(&ancore).unwrap().map(|f| f.unwrap().metadata().unwrap().len()).sum::<u64>();
    b.disco.rompi(Guasto::nuovo("*/ancore/*", SCRIVI, ENOSPC).a_meta());
    b.riavvia();
    b.attendi("said", |stato, p| stato == 200 && p["avvisi"].to_string().contains("non si può depositare"));
    let prima = quante();
    b.registra(&Richiesta::nuda("intanto"));
    b.disco.sana();
    b.guarito("anchored");
    assert!(quante() > prima);
    b.alla_fine();
}

#[test]
fn a_clock_state_that_cannot_be_kept_is_said_and_kept_later() {
    let mut b = Banco::nuovo();
    let stato = b.archivio().join("enti/c_z999/orologio");
    for (che, guasto) in [
        ("no room", Guasto::nuovo("*/orologio.nuovo", APRI | SCRIVI, ENOSPC)),
        ("half of it", Guasto::nuovo("*/orologio.nuovo", SCRIVI, ENOSPC).a_meta()),
        ("a lost fsync", Guasto::nuovo("*/orologio.nuovo", SINCRONIZZA, EIO)),
        ("no new name", Guasto::nuovo("*/orologio", RINOMINA, EIO)),
    ] {
        b.uccidi();
        std::fs::remove_file(&stato).unwrap();
        b.disco.rompi(guasto);
        b.riavvia();
        b.registra(&Richiesta::nuda(che));
        let (codice, p) = b.pronto();
        assert_eq!(codice, 200, "{che}: {p}");
        assert!(p["avvisi"].to_string().contains("lo stato dell'orologio non si può conservare"), "{che}: {p}");
        assert!(!stato.exists(), "{che}");
        b.disco.sana();
        b.guarito(che);
        assert!(stato.exists(), "{che}");
    }
    b.alla_fine();
}

// One ente that does not open is named, and opens when it can; the service starts without it.
#[test]
fn an_ente_that_cannot_be_opened_is_named_and_opened_later() {
    let mut b = Banco::nuovo();
    for (che, guasto, detto) in [
        // It opens all the same, to read.
        (
            "no shared memory",
            Guasto::nuovo("*/c_z999/ente.sqlite-shm", TUTTO, ENOSPC),
            "il registro non si può scrivere",
        ),
        ("no room in it", Guasto::nuovo("*/c_z999/ente.sqlite-shm", SCRIVI | TRONCA, ENOSPC), "l'archivio non si apre"),
        ("errors everywhere", Guasto::nuovo("*/enti/c_z999/*", TUTTO, EIO), "l'archivio non si apre"),
    ] {
        b.registra(&Richiesta::con_file(che, 100));
        b.uccidi();
        b.disco.rompi(guasto);
        b.riavvia();
        b.impedito(detto, che);
        assert_ne!(b.chiedi(&Richiesta::nuda("no")).stato, 201, "{che}");
        b.disco.sana();
        b.guarito(che);
        b.mantiene(che);
    }
    // The installation's own folder: it does not start, says why, and starts when it can.
    b.uccidi();
    b.disco.rompi(Guasto::nuovo("*/archivio/installazione/*", TUTTO, ENOSPC));
    let detto = b.prova_a_riavviare().unwrap_err();
    assert!(detto.starts_with("Some(3)") && detto.contains("Errore: l'archivio non è disponibile"), "{detto}");
    b.disco.sana();
    b.riavvia();
    b.guarito("started again");
    b.alla_fine();
}
