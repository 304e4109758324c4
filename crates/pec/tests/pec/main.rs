//! Certified mail, read and written: the real samples, our own of every kind, what is hostile, what an outside judge says.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so")]

mod banco;
mod campioni;
mod componi;
mod giro;
mod ostili;
mod strane;
