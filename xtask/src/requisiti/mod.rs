//! From the catalogue of duties (`docs/requisiti.toml`) and the tags people write beside their code to the page that
//! says what is enforced, what is proved, and what is not yet: nobody has to claim coverage.

use std::fs;

use anyhow::{Context, Result, bail};

use crate::ambiente::radice;

mod catalogo;
mod citazioni;
mod etichette;
mod pagina;
mod rust;

const CATALOGO: &str = "docs/requisiti.toml";
const PAGINA: &str = "docs/requisiti.md";

/// Writes the page; with `verifica`, only says whether the one on disk is right.
pub fn requisiti(verifica: bool) -> Result<()> {
    let radice = radice();
    let catalogo = catalogo::leggi(&fs::read_to_string(radice.join(CATALOGO)).context(CATALOGO)?)?;
    let trovate = citazioni::cerca(&radice)?;
    let ignote: Vec<String> = trovate
        .iter()
        .filter(|c| !catalogo.righe.contains_key(&c.riga))
        .map(|c| format!("  {}:{} cites R-{}", c.file, c.linea, c.riga))
        .collect();
    if !ignote.is_empty() {
        bail!("tags that are no row of {CATALOGO}:\n{}", ignote.join("\n"));
    }
    let (testo, totali) = pagina::scrivi(&catalogo, &trovate);
    let su_disco = radice.join(PAGINA);
    if verifica {
        let vecchio = fs::read_to_string(&su_disco).unwrap_or_default();
        if let Some(differenza) = pagina::differenza(&vecchio, &testo) {
            bail!("{PAGINA} is not what the code says; run `cargo xtask requisiti`. First difference:\n{differenza}");
        }
        println!("{PAGINA} is up to date: {totali}");
    } else {
        fs::write(&su_disco, testo).context(PAGINA)?;
        println!("{PAGINA}: {totali}");
    }
    Ok(())
}
