//! Commands become operations, operations become state: the rules of the register, without store, clock or network.

#![expect(clippy::unwrap_used, reason = "tests")]

mod annullamento;
mod banco;
mod epoche;
mod storia;
