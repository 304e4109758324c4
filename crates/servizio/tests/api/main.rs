//! The REST door, driven in process: the contract's calls, and what must be refused.
#![expect(clippy::unwrap_used, reason = "tests")]

mod annullamenti;
mod banco;
mod contratto;
mod diario;
mod dichiarazione;
mod documenti;
mod firme;
mod giudici;
mod igiene;
mod metriche;
mod richiesta_sigillo;
mod rifiuti;
mod sigillo;
mod stampe;
mod testimoni;
mod timbro;
mod vita;
