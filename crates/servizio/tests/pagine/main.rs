//! The pages, driven in process as a browser without scripts would: forms, redirects, cookies.
#![expect(clippy::unwrap_used, reason = "tests")]

mod accesso;
mod amministrazione;
mod annullamenti;
mod banco;
mod copie;
mod firme;
mod lavoro;
mod orologio;
mod registra;
mod richiesta_sigillo;
mod riservate;
mod sigillo;
mod sola_lettura;
mod timbro;
