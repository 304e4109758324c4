//! `trasferisci`: an installation from one engine to the other, ending with `verifica` (contract § 1).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use archivio::Store as _;
use archivio::file::{Custodia, SEGMENTI};
use archivio::nome_di;
use archivio::orologio::OrologioDiSistema;
use archivio::postgres::{PostgresStore, in_uso};
use archivio::sqlite::copia::{Approdo, trasporta};
use archivio::sqlite::{SqliteStore, enti_in, verifica};
use archivio::store::Verifica;
use clap::Args;
use dominio::codici::CodiceIpa;

use crate::configurazione::{di_postgres, runtime, secchio};

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
    /// Da dove sono i documenti, se non in una cartella: s3://bucket/prefisso.
    #[arg(long, value_name = "URL")]
    da_blob: Option<String>,
    /// Dove portare i documenti, se non in una cartella: s3://bucket/prefisso sotto cui non ci sia niente; lo stesso di --da-blob, e
    /// restano dove sono.
    #[arg(long, value_name = "URL")]
    a_blob: Option<String>,
    /// La chiave dell'installazione da cui si parte, se non è nella cartella.
    #[arg(long, value_name = "FILE")]
    chiave: Option<PathBuf>,
    /// Un solo valore JSON sullo standard output.
    #[arg(long)]
    json: bool,
}

/// Carries everything, then verifies where it arrived.
pub fn esegui(o: &Opzioni) -> Result<u8> {
    let documenti = Documenti {
        da: Custodia { chiave: o.chiave.clone(), s3: o.da_blob.as_deref().map(secchio).transpose()?, cifra: true },
        a: Custodia { s3: o.a_blob.as_deref().map(secchio).transpose()?, ..Custodia::default() },
        restano: o.da_blob.is_some() && o.da_blob == o.a_blob,
    };
    let v = runtime()?.block_on(async {
        match (o.da.strip_prefix("sqlite:"), o.a.strip_prefix("sqlite:")) {
            (Some(da), None) if di_postgres(&o.a) => {
                verso_il_database(Path::new(da), &o.a, &o.documenti, &documenti).await
            }
            (None, Some(a)) if di_postgres(&o.da) => dal_database(&o.da, &o.documenti, Path::new(a), &documenti).await,
            _ => bail!("--da e --a: uno sqlite:CARTELLA, l'altro postgres://…"),
        }
    })?;
    crate::verifica::stampa(o.json, &v, None)
}

/// How documents are kept where they are, and where they go.
struct Documenti {
    da: Custodia,
    a: Custodia,
    /// In the bucket where they are.
    restano: bool,
}

impl Documenti {
    /// The bucket that is reached, when there is one.
    fn approdo(&self) -> Result<Option<Approdo>> {
        Ok(self.a.s3.as_ref().filter(|_| !self.restano).map(Approdo::apri).transpose()?)
    }

    /// Those of each ente, whose databases are under `basi`: from a folder of `da` to one of `a`, or where buckets are said.
    fn porta(&self, enti: &[CodiceIpa], basi: &Path, da: &Path, a: &Path, approdo: Option<&Approdo>) -> Result<()> {
        if self.restano {
            return Ok(());
        }
        let custodia = Custodia { chiave: Some(self.da.percorso_chiave(da)), ..self.da.clone() };
        for ipa in enti {
            let nome = nome_di(ipa);
            if self.da.s3.is_none() && approdo.is_none() {
                collega(&da.join(&nome).join("file"), &a.join(&nome).join("file"))?;
                continue;
            }
            let t = trasporta(ipa, basi, &da.join(&nome), &custodia, &a.join(&nome), approdo)?;
            eprintln!("{ipa}: {} documenti", t.file);
            for g in t.guasti {
                eprintln!("Attenzione: {ipa}: il file {g} manca o è alterato, e non è stato portato");
            }
        }
        Ok(())
    }
}

async fn verso_il_database(da: &Path, url: &str, documenti: &Path, d: &Documenti) -> Result<Verifica> {
    if !da.join("enti").is_dir() {
        bail!("{} non è la cartella di un archivio", da.display());
    }
    nuova(documenti)?;
    // Held open, so that nobody writes meanwhile.
    let sorgente = SqliteStore::apri_con(da, Arc::new(OrologioDiSistema), d.da.clone())?;
    chiave(&d.da.percorso_chiave(da), documenti)?;
    let enti = enti_in(da)?;
    let tutti: Vec<CodiceIpa> = enti.iter().cloned().chain(["installazione".parse()?]).collect();
    let approdo = d.approdo()?;
    d.porta(&tutti, da, da, documenti, approdo.as_ref())?;
    let cartelle: Vec<_> = tutti.into_iter().map(|ipa| (ipa.clone(), da.join(nome_di(&ipa)))).collect();
    PostgresStore::importa(url, &cartelle, &|ipa| eprintln!("{ipa}…")).await?;
    // From here on somebody names them.
    if let Some(a) = approdo {
        a.consegna();
    }
    let orologio = Arc::new(OrologioDiSistema);
    let arrivo = PostgresStore::apri_con(documenti, url, orologio, Default::default(), d.a.clone()).await?;
    let mut tutte = arrivo.verifica_installazione().await?;
    for ipa in enti {
        let ente = arrivo.ente(&ipa).await?.with_context(|| format!("l'ente {ipa} non è arrivato"))?;
        tutte.unisci(ente.verifica(&|_| {}).await?);
    }
    drop(sorgente);
    Ok(tutte)
}

async fn dal_database(url: &str, documenti: &Path, a: &Path, d: &Documenti) -> Result<Verifica> {
    if in_uso(url).await? {
        bail!("il database è in uso da un servizio: va fermato, o ciò che registra intanto resterebbe indietro");
    }
    nuova(a)?;
    chiave(&d.da.percorso_chiave(documenti), a)?;
    let orologio = Arc::new(OrologioDiSistema);
    let sorgente = PostgresStore::apri_con(documenti, url, orologio, Default::default(), d.da.clone()).await?;
    let arrivati = sorgente.esporta(a).await?;
    let mut enti = enti_in(a)?;
    let installazione: CodiceIpa = "installazione".parse()?;
    if a.join(nome_di(&installazione)).is_dir() {
        enti.push(installazione);
    }
    let approdo = d.approdo()?;
    d.porta(&enti, a, documenti, a, approdo.as_ref())?;
    // Opened once, so that words go into the index.
    drop(SqliteStore::apri_con(a, Arc::new(OrologioDiSistema), d.a.clone())?);
    let mut tutte = Verifica::default();
    for nome in &arrivati {
        let custodia = Custodia { chiave: Some(d.a.percorso_chiave(a)), ..d.a.clone() };
        tutte.unisci(verifica::ente(&a.join(nome), verifica::Opzioni { custodia, ..Default::default() })?);
    }
    if let Some(a) = approdo {
        a.consegna();
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
    let meta = a.join("chiave-installazione");
    std::fs::copy(da, &meta).with_context(|| format!("non si copia {}", da.display()))?;
    std::fs::File::open(meta)?.sync_all()?;
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
