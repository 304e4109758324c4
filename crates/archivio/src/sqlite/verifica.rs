//! verifica
use crate::store::{Esito, Verifica};
use std::path::Path;
/// x
pub fn ente(_c: &Path, _a: &dyn Fn(&str)) -> Esito<Verifica> {
    Ok(Verifica::default())
}
