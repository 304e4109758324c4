//! Fuzz targets: one program, which of them is said by `BERSAGLIO`. Each asserts something of what it accepts; seeds
//! are in `semi/NAME`, and a folder there is a target. `cargo xtask fuzz` builds and runs them.
#![no_main]
#![expect(clippy::unwrap_used, reason = "a target that cannot go on has found something")]

mod firme;
mod log;
mod pec;
mod porte;
mod registro;
mod segnatura;
mod sigilli;
mod timbro;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

/// The target asked for.
static BERSAGLIO: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let nome = std::env::var("BERSAGLIO").unwrap();
    match nome.as_str() {
        "age" => porte::age,
        "analisi" => registro::analisi,
        "checkpoint" => log::checkpoint,
        "codici" => registro::codici,
        "dati" => registro::dati,
        "firme-asic" => firme::asic,
        "firme-ber" => firme::ber,
        "firme-cms" => firme::cms,
        "firme-pades" => firme::pades,
        "firme-xades" => firme::xades,
        "http" => porte::http,
        "operazione" => registro::operazione,
        "pec-daticert" => pec::daticert,
        "pec-mime" => pec::mime,
        "prova" => log::prova,
        "ricevuta" => log::ricevuta,
        "rivelazione" => log::rivelazione,
        "segnatura" => segnatura::segnatura,
        "tessera" => log::tessera,
        "testimone" => log::testimone,
        "sigillo-certificato" => sigilli::certificato,
        "sigillo-pdf" => sigilli::pdf,
        "sigillo-pkcs12" => sigilli::chiavi,
        "sigillo-xml" => sigilli::xml,
        "timbro" => timbro::copia,
        altro => panic!("no target {altro}"),
    }
});

fuzz_target!(|byte: &[u8]| BERSAGLIO(byte));
