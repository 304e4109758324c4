//! Witnesses (C2SP `tlog-witness`, `tlog-cosignature`; design § 5): who holds an archive and its key can still not
//! contradict what somebody else cosigned.
//!
//! | room | what it holds |
//! |---|---|
//! | [`chiede`] | our logs shown to the witnesses configured, and what they said kept |
//! | [`risponde`] | this installation as the witness of others |
//!
//! Asking never holds up anything: no registration, no job of another ente, no other witness. Answering never says two
//! histories: the store keeps that promise, not the door.

pub mod chiede;
pub mod risponde;

pub use chiede::{Interpellato, Testimoni};
pub use risponde::Osservatorio;
