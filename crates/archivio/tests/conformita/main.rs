//! One suite for every engine: what a store promises, asked through the trait alone.
//!
//! An engine joins by giving a [`Banco`]; every test below then runs on it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod accessi;
mod ancore;
mod annullamenti;
mod banco;
mod chiavi;
mod copie;
#[path = "../disco/mod.rs"]
mod disco;
mod epoche;
mod esami;
mod falsari;
mod file;
mod guasti;
mod numeri;
mod registro;
mod riposo;
mod segmenti;
mod sigilli;
mod simulazione;
mod spigoli;
mod tempo;
mod testimoni;
