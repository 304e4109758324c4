//! Seals made, and judged by others: xmllint, xmlsec1, signxml, pyHanko, poppler, OpenSSL. One program, so that it is
//! linked once.

#![expect(clippy::unwrap_used, reason = "tests")]

mod banco;
mod cades;
mod certificati;
mod csc;
mod giudici;
mod pades;
mod pkcs11;
mod pkcs12;
mod remoto;
mod tsa;
mod xades;
