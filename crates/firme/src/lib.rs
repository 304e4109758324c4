//! Signatures, seals and timestamps of others, checked (R-C12, R-H09, R-H10).
//!
//! What comes in: bytes that somebody else made, the anchors that somebody configured, an instant. What goes out: facts, each
//! of them apart, never one green tick. What never happens here: a private key, the network, a clock, a file opened because
//! a document names it.

pub mod canonica;
