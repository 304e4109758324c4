//! A p7m of 10 MB: under 50 ms and 64 MB (issue; R-H09). Made by `openssl` on the spot; a second time as BER in pieces.

#![expect(clippy::unwrap_used, reason = "benches")]

use std::hint::black_box;
use std::process::Command;

use criterion::{Criterion, criterion_group, criterion_main};
use firme::{Fiducia, esamina};

/// Peak of resident memory of this process, KiB.
fn picco() -> u64 {
    let stato = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let riga = stato.lines().find_map(|r| r.strip_prefix("VmHWM:")).unwrap_or("0");
    riga.split_whitespace().next().unwrap().parse().unwrap()
}

fn p7m(c: &mut Criterion) {
    let t = tempfile::tempdir().unwrap();
    // Not compressible, not a format that is examined in its turn.
    let mut x = 1u64;
    let dati: Vec<u8> = std::iter::repeat_with(|| {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x as u8
    })
    .take(10 << 20)
    .collect();
    std::fs::write(t.path().join("dati"), dati).unwrap();
    let openssl = |args: &str| {
        let r = Command::new("openssl").args(args.split_whitespace()).current_dir(t.path()).output().unwrap();
        assert!(r.status.success(), "{}", String::from_utf8_lossy(&r.stderr));
    };
    openssl("req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=Prova -days 30");
    openssl("cms -sign -binary -nosmimecap -nodetach -outform DER -in dati -signer c -inkey k -out der.p7m");
    openssl("cms -sign -binary -nosmimecap -nodetach -stream -outform DER -in dati -signer c -inkey k -out ber.p7m");
    let istante = "2026-01-01T00:00:00Z".parse().unwrap();
    for (nome, misura) in [("der.p7m", "verifica di un p7m di 10 MB"), ("ber.p7m", "verifica di un p7m a pezzi")] {
        let byte = std::fs::read(t.path().join(nome)).unwrap();
        c.bench_function(misura, |b| {
            b.iter(|| {
                let e = esamina(black_box(&byte), None, &Fiducia::nessuna(), istante);
                assert!(e.integra());
            });
        });
        println!("peak so far, file included: {} MB", picco() >> 10);
    }
}

criterion_group! { name = gruppo; config = Criterion::default().sample_size(20); targets = p7m }
criterion_main!(gruppo);
