//! The licences of all that enters the binary, for who has to answer for it.

use anyhow::Result;

use crate::ambiente::{esegui, radice};
use crate::prepara;

/// Lists them, by licence, as `cargo deny` reads them.
pub fn licenze() -> Result<()> {
    prepara::cargo_deny()?;
    esegui(prepara::deny().args(["list", "--layout", "license"]).current_dir(radice()))
}
