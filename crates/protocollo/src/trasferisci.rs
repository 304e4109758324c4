//! `trasferisci`: an installation from one engine to the other, ending with `verifica` (contract § 1).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use archivio::Store as _;
use archivio::file::SEGMENTI;
use archivio::nome_di;
use archivio::orologio::OrologioDiSistema;
use archivio::postgres::{PostgresStore, in_uso};
use archivio::sqlite::{SqliteStore, enti_in, verifica};
use archivio::store::Verifica;
use clap::Args;
use dominio::codici::CodiceIpa;

use crate::configurazione::{di_postgres, runtime};

/// Options of `trasferisci`.
#[derive(Debug, Args)]
pub struct Opzioni {
    /// Da dove, con il servizio fermo: sqlite:CARTELLA oppure postgres://…
    #[arg(long)]
    da: String,
    /// Dove: sqlite:CARTELLA nuova, oppure postgres://… di un database vuoto.
    #[arg(long)]
    a: String,
    /// La cartella dei documenti e della chiave dell'installazione che è nel database: quella che c'è, se si parte da lì;
    /// una nuova, se ci si arriva.
    #[arg(long, value_name = "CARTELLA")]
    documenti: PathBuf,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// Carries everything, then verifies where it arrived.
pub fn esegui(o: &Opzioni) -> Result<u8> {
    let v = runtime()?.block_on(async {
        match (o.da.strip_prefix("sqlite:"), o.a.strip_prefix("sqlite:")) {
            (Some(da), None) if di_postgres(&o.a) => verso_il_database(Path::new(da), &o.a, &o.documenti).await,
            (None, Some(a)) if di_postgres(&o.da) => dal_database(&o.da, &o.documenti, Path::new(a)).await,
            _ => bail!("--da e --a: uno sqlite:CARTELLA, l'altro postgres://…"),
        }
    })?;
    crate::verifica::stampa(o.json, &v, None)
}

async fn verso_il_database(da: &Path, url: &str, documenti: &Path) -> Result<Verifica> {
    if !da.join("enti").is_dir() {
        bail!("{} non è la cartella di un archivio", da.display());
    }
    nuova(documenti)?;
    // Held open, so that nobody writes meanwhile.
    let sorgente = SqliteStore::apri(da, Arc::new(OrologioDiSistema))?;
    chiave(da, documenti)?;
    let enti = enti_in(da)?;
    let mut cartelle = Vec::new();
    for ipa in enti.iter().cloned().chain(["installazione".parse::<CodiceIpa>()?]) {
        let nome = nome_di(&ipa);
        collega(&da.join(&nome).join("file"), &documenti.join(&nome).join("file"))?;
        cartelle.push((ipa, da.join(&nome)));
    }
    PostgresStore::importa(url, &cartelle, &|ipa| eprintln!("{ipa}…")).await?;
    let arrivo = PostgresStore::apri(documenti, url, Arc::new(OrologioDiSistema), Default::default()).await?;
    let mut tutte = arrivo.verifica_installazione().await?;
    for ipa in enti {
        let ente = arrivo.ente(&ipa).await?.with_context(|| format!("l'ente {ipa} non è arrivato"))?;
        tutte.unisci(ente.verifica(&|_| {}).await?);
    }
    drop(sorgente);
    Ok(tutte)
}

async fn dal_database(url: &str, documenti: &Path, a: &Path) -> Result<Verifica> {
    if in_uso(url).await? {
        bail!("il database è in uso da un servizio: va fermato, o ciò che registra intanto resterebbe indietro");
    }
    nuova(a)?;
    chiave(documenti, a)?;
    let sorgente = PostgresStore::apri(documenti, url, Arc::new(OrologioDiSistema), Default::default()).await?;
    let arrivati = sorgente.esporta(a).await?;
    for nome in &arrivati {
        collega(&documenti.join(nome).join("file"), &a.join(nome).join("file"))?;
    }
    // Opened once, so that words go into the index.
    drop(SqliteStore::apri(a, Arc::new(OrologioDiSistema))?);
    let mut tutte = Verifica::default();
    for nome in &arrivati {
        tutte.unisci(verifica::ente(&a.join(nome), verifica::Opzioni::default())?);
    }
    Ok(tutte)
}

fn nuova(cartella: &Path) -> Result<()> {
    std::fs::create_dir_all(cartella).with_context(|| format!("non si crea {}", cartella.display()))?;
    if std::fs::read_dir(cartella)?.next().is_some() {
        bail!("la cartella {} non è vuota", cartella.display());
    }
    Ok(())
}

/// The key that wraps the keys.
fn chiave(da: &Path, a: &Path) -> Result<()> {
    let nome = "chiave-installazione";
    std::fs::copy(da.join(nome), a.join(nome)).with_context(|| format!("non si copia {}", da.join(nome).display()))?;
    std::fs::File::open(a.join(nome))?.sync_all()?;
    Ok(())
}

/// The documents of an ente: the same bytes under another name where the disk allows it, copied elsewhere. Segments always are
/// copied: they change in place, and what one installation took away would be taken from the other too.
fn collega(da: &Path, a: &Path) -> Result<()> {
    if !da.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(a)?;
    let cambiano = da.ends_with(SEGMENTI);
    for voce in std::fs::read_dir(da)? {
        let voce = voce?;
        let (prima, dopo) = (voce.path(), a.join(voce.file_name()));
        if voce.file_type()?.is_dir() {
            collega(&prima, &dopo)?;
        } else if cambiano || std::fs::hard_link(&prima, &dopo).is_err() {
            std::fs::copy(&prima, &dopo).with_context(|| format!("non si copia {}", prima.display()))?;
            std::fs::File::open(&dopo)?.sync_all()?;
        }
    }
    Ok(std::fs::File::open(a)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_in_a_segment_of_one_does_not_change_in_the_other() {
        let d = tempfile::tempdir().unwrap();
        let (da, a) = (d.path().join("da"), d.path().join("a"));
        for f in ["ab/cdef", "segmenti/0123456789abcdef"] {
            std::fs::create_dir_all(da.join(f).parent().unwrap()).unwrap();
            std::fs::write(da.join(f), "com'era").unwrap();
        }
        collega(&da, &a).unwrap();
        std::fs::write(da.join("segmenti/0123456789abcdef"), "zeri").unwrap();
        for f in ["ab/cdef", "segmenti/0123456789abcdef"] {
            assert_eq!(std::fs::read_to_string(a.join(f)).unwrap(), "com'era", "{f}");
        }
    }
}
