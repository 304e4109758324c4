//! What is checked, what is refused, and what judges of others say of the same files (R-C12, R-H09, R-H10).

#![expect(clippy::unwrap_used, reason = "tests")]

mod banco;
mod buone;
mod fiducia;
mod ostili;
mod pdf;
mod riferimento;
mod zip;
