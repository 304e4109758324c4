//! A copy brought back: every byte compared with the manifest on its way (R-N04).

use std::path::{Path, PathBuf};

use dominio::codici::CodiceIpa;

use super::cifrata;
use super::esame::Esame;
use super::manifesto::copie;
use super::{Esito, FILE, Guasto, Manifesto, NOME, impasto, nuovo_riservato, sincronizza_albero, voci};
use crate::age::Identita;
use crate::chiavi::ChiaveInstallazione;
use crate::file::{Custodia, crea_cartella};
use crate::sqlite::{FILE_ENTE, SqliteStore, schema};
use crate::tronco;

/// A copy that was brought back.
#[derive(Debug, Clone)]
pub struct Ripristinata {
    /// What the copy says.
    pub manifesto: Manifesto,
    /// Files of documents.
    pub file: u64,
    /// Bytes of everything.
    pub byte: u64,
}

/// The copy that is meant, and the folder of copies it belongs to: a copy, or the newest of a folder of copies.
///
/// # Errors
/// There is none.
pub fn scegli(da: &Path) -> Esito<(PathBuf, PathBuf)> {
    let da = std::fs::canonicalize(da)?;
    if da.join(super::COPIE).is_dir() {
        let newest = copie(&da)?.pop();
        let manca = || Guasto::NonValida(format!("in {} non c'è nessuna copia completa", da.display()));
        return Ok((newest.ok_or_else(manca)?, da));
    }
    let radice = da.parent().and_then(Path::parent).map(Path::to_owned);
    match radice.filter(|r| r.join(FILE).is_dir()) {
        Some(r) => Ok((da, r)),
        None => Err(Guasto::NonValida(format!("{} non è una copia né una cartella di copie", da.display()))),
    }
}

/// Brings a copy into a new folder, every file compared with what the manifest says of it; of one ente only, when `solo` says
/// which. One that is encrypted is opened by whichever of the identities it was made for.
///
/// # Errors
/// The copy is not whole, or the file system's; the folder is then to be thrown away.
pub fn copia_in(
    copia: &Path,
    radice: &Path,
    a: &Path,
    solo: Option<&CodiceIpa>,
    identita: &[Identita],
    avanza: &dyn Fn(&str),
) -> Esito<Ripristinata> {
    let mut m = Manifesto::leggi(copia)?;
    if let Some(ipa) = solo {
        m.enti.retain(|e| e.ipa == *ipa);
        m.altre.clear();
        if m.enti.is_empty() {
            return Err(Guasto::NonValida(format!("l'ente {ipa} non è in questa copia")));
        }
    }
    let apre = cifrata::Apre::con(&m, copia, identita)?;
    crea_cartella(a)?;
    crea_cartella(&a.join("enti"))?;
    let mut out = Ripristinata { file: 0, byte: 0, manifesto: m.clone().in_chiaro() };
    for p in m.parti() {
        let chiave = p.file == m.chiave.file;
        let da = copia.join(&p.file);
        let manca = || Guasto::NonValida(format!("nella copia manca {}", p.file));
        if !da.is_file() {
            return Err(manca());
        }
        let meta = a.join(if apre.is_some() { p.nome_in_chiaro() } else { &p.file });
        let f = nuovo_riservato(&meta)?;
        // What is encrypted is compared before it is opened.
        let (sha256, byte) = impasto(&da, apre.is_none().then_some(&f))?;
        if chiave && sha256 != p.sha256 {
            return Err(Guasto::NonValida(format!("il file della chiave ({}) non è quello di questa copia", p.file)));
        }
        if byte != p.byte {
            return Err(Guasto::NonValida(format!("{} è troncato: {byte} byte invece di {}", p.file, p.byte)));
        }
        if sha256 != p.sha256 {
            return Err(Guasto::NonValida(format!(
                "{} è alterato: la sua impronta non è quella del manifesto",
                p.file
            )));
        }
        if let Some(apre) = &apre {
            apre.parte(&da, &f)?;
        }
        f.sync_all()?;
        out.byte += byte;
        avanza(&format!("{}: ripreso, {byte} byte", p.file));
    }
    controlla_chiave(a, &out.manifesto)?;
    for e in &m.enti {
        let elenco = copia.join(&e.documenti.elenco.file);
        if !elenco.is_file() {
            return Err(Guasto::NonValida(format!("nella copia manca {}", e.documenti.elenco.file)));
        }
        if impasto(&elenco, None)?.0 != e.documenti.elenco.sha256 {
            return Err(Guasto::NonValida(format!("l'elenco dei file {} è alterato", e.documenti.elenco.file)));
        }
        let in_chiaro = apre.as_ref().map(|apre| apre.elenco(&elenco, a)).transpose()?;
        let elenco = in_chiaro.as_deref().unwrap_or(&elenco);
        let (da, meta) = (radice.join(FILE).join(e.ipa.as_str()), SqliteStore::cartella(a, &e.ipa).join(FILE));
        crea_cartella(&meta)?;
        let (mut file, mut peso) = (0, 0);
        let esame = Esame::di(a, &e.ipa, &Custodia::default())?;
        voci(elenco, |v| {
            if e.documenti.guasti.contains(&v.oggetto) {
                return Ok(());
            }
            let alterato = || Guasto::NonValida(format!("il file {} di {} è alterato", v.oggetto, e.ipa));
            let conservato = esame.conservato(&v)?.ok_or_else(alterato)?;
            // What the archive keeps in clear is encrypted on its own.
            let apre = apre.as_ref().filter(|_| conservato.chiave.is_none());
            let (da, a) = (da.join(cifrata::nome(&v.oggetto, apre.map(|a| a.sigla()))), meta.join(&v.oggetto));
            if !da.is_file() {
                return Err(Guasto::NonValida(format!(
                    "manca il file {} di {}, che la copia nomina",
                    v.oggetto, e.ipa
                )));
            }
            if let Some(sopra) = a.parent().filter(|s| !s.is_dir()) {
                crea_cartella(sopra)?;
            }
            let mut f = std::fs::File::create_new(&a)?;
            let byte = match apre {
                None => esame.trascrivi(&conservato, std::fs::File::open(&da)?, &mut f)?,
                Some(apre) => match apre.leggi(&da) {
                    Ok(letto) => esame.trascrivi(&conservato, letto, &mut f)?,
                    Err(Guasto::NonValida(_)) => None,
                    Err(e) => return Err(e),
                },
            };
            let byte = byte.ok_or_else(alterato)?;
            f.sync_all()?;
            file += 1;
            peso += byte;
            Ok(())
        })?;
        if let Some(elenco) = in_chiaro {
            std::fs::remove_file(elenco)?;
        }
        out.file += file;
        out.byte += peso;
        avanza(&format!("{}: {file} file ripresi", e.ipa));
    }
    sincronizza_albero(a)?;
    debug_assert!(!a.join(NOME).exists());
    Ok(out)
}

/// Does the installation's key open every signing key? Without, nothing could be signed any more.
///
/// # Errors
/// It does not.
pub fn controlla_chiave(archivio: &Path, m: &Manifesto) -> Esito<()> {
    let percorso = archivio.join(&m.chiave.file);
    let male = |e: &dyn std::fmt::Display| {
        Guasto::NonValida(format!("il file della chiave non apre le chiavi di firma di questo archivio: {e}"))
    };
    let k = ChiaveInstallazione::apri(&percorso).map_err(|e| male(&e))?;
    for e in &m.enti {
        let c = schema::apri_lettura(&SqliteStore::cartella(archivio, &e.ipa).join(FILE_ENTE))?;
        for l in tronco::elenco(&c)?.into_values() {
            let mut s = c.prepare("SELECT privata FROM chiave_log WHERE log = ?")?;
            for privata in s.query_map([l.id], |r| r.get::<_, Vec<u8>>(0))? {
                k.svolgi(&l.origine, &privata?).map_err(|e| male(&e))?;
            }
        }
        Esame::di(archivio, &e.ipa, &Custodia::default())?.si_apre.map_err(|e| Guasto::NonValida(e.to_string()))?;
    }
    Ok(())
}
