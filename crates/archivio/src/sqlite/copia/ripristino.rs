//! A copy brought back: every byte compared with the manifest on its way (R-N04).

use std::fs::File;
use std::path::Path;

use dominio::codici::CodiceIpa;

use super::cifrata;
use super::esame::Esame;
use super::{Copia, Esito, FILE, Guasto, Luogo, Manifesto, NOME, impasto, nuovo_riservato, sincronizza_albero, voci};
use crate::age::Identita;
use crate::chiavi::ChiaveInstallazione;
use crate::file::s3::Secchio;
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

/// The bucket into which documents are brought back. Nothing is there before, nor after, unless all went well.
pub struct Approdo {
    secchio: Secchio,
    luogo: Luogo,
    arrivato: bool,
}

impl Approdo {
    /// Under a prefix that must be new.
    ///
    /// # Errors
    /// Something is there; the bucket's.
    pub fn apri(secchio: &Secchio) -> Esito<Self> {
        let luogo = Luogo::in_secchio(secchio)?;
        if !luogo.vuoto()? {
            return Err(Guasto::Uso(format!(
                "{luogo} non è vuoto: i documenti si portano solo sotto un prefisso nuovo (ciò che vi avesse lasciato un ripristino \
                 interrotto va tolto)"
            )));
        }
        Ok(Self { secchio: secchio.clone(), luogo, arrivato: false })
    }

    /// All is there, and stays.
    pub fn consegna(mut self) {
        self.arrivato = true;
    }
}

impl Drop for Approdo {
    fn drop(&mut self) {
        if !self.arrivato {
            let _ = self.luogo.togli_tutto("");
        }
    }
}

/// Where the documents of an ente go: into its folder, or to the bucket.
pub(super) fn meta_di(ipa: &CodiceIpa, cartella: &Path, approdo: Option<&Approdo>) -> Esito<Luogo> {
    match approdo {
        Some(b) => Luogo::di_ente(&b.secchio, ipa),
        None => {
            let meta = cartella.join(FILE);
            crea_cartella(&meta)?;
            Ok(Luogo::from(&*meta))
        }
    }
}

/// Brings a copy into a new folder, every file compared with what the manifest says of it; of one ente only, when `solo` says
/// which. One that is encrypted is opened by whichever of the identities it was made for. Documents go to a bucket, when there is one.
///
/// # Errors
/// The copy is not whole, or the file system's; the folder is then to be thrown away.
pub fn copia_in(
    copia: &Copia,
    a: &Path,
    solo: Option<&CodiceIpa>,
    identita: &[Identita],
    approdo: Option<&Approdo>,
    avanza: &dyn Fn(&str),
) -> Esito<Ripristinata> {
    let mut m = copia.manifesto()?;
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
        let manca = || Guasto::NonValida(format!("nella copia manca {}", p.file));
        let meta = a.join(if apre.is_some() { p.nome_in_chiaro() } else { &p.file });
        let f = nuovo_riservato(&meta)?;
        // What is encrypted is compared before it is opened.
        let locale = match &apre {
            Some(_) => Some(copia.luogo.qui(&copia.file(&p.file), a)?.ok_or_else(manca)?),
            None => None,
        };
        let (sha256, byte) = match &locale {
            Some(l) => impasto(File::open(&l.percorso)?, None)?,
            None => impasto(copia.luogo.apri(&copia.file(&p.file))?.ok_or_else(manca)?, Some(&f))?,
        };
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
        if let Some((apre, l)) = apre.as_ref().zip(locale.as_ref()) {
            apre.parte(&l.percorso, &f)?;
        }
        f.sync_all()?;
        out.byte += byte;
        avanza(&format!("{}: ripreso, {byte} byte", p.file));
    }
    controlla_chiave(a, &out.manifesto)?;
    for e in &m.enti {
        let nome = &e.documenti.elenco.file;
        let elenco = copia.luogo.qui(&copia.file(nome), a)?;
        let elenco = elenco.ok_or_else(|| Guasto::NonValida(format!("nella copia manca {nome}")))?;
        if impasto(File::open(&elenco.percorso)?, None)?.0 != e.documenti.elenco.sha256 {
            return Err(Guasto::NonValida(format!("l'elenco dei file {nome} è alterato")));
        }
        let in_chiaro = apre.as_ref().map(|apre| apre.elenco(&elenco.percorso, a)).transpose()?;
        let meta = meta_di(&e.ipa, &SqliteStore::cartella(a, &e.ipa), approdo)?;
        let (mut file, mut peso) = (0, 0);
        let esame = Esame::di(a, &e.ipa, &Custodia::default())?;
        voci(in_chiaro.as_deref().unwrap_or(&elenco.percorso), |v| {
            if e.documenti.guasti.contains(&v.oggetto) {
                return Ok(());
            }
            let alterato = || Guasto::NonValida(format!("il file {} di {} è alterato", v.oggetto, e.ipa));
            let conservato = esame.conservato(&v)?.ok_or_else(alterato)?;
            // What the archive keeps in clear is encrypted on its own.
            let apre = apre.as_ref().filter(|_| conservato.chiave.is_none());
            let nome = format!("{FILE}/{}/{}", e.ipa, cifrata::nome(&v.oggetto, apre.map(|a| a.sigla())));
            let manca = || Guasto::NonValida(format!("manca il file {} di {}, che la copia nomina", v.oggetto, e.ipa));
            let da = copia.luogo.apri(&nome)?.ok_or_else(manca)?;
            let mut f = meta.scrivi(&v.oggetto)?;
            let byte = match apre {
                None => esame.trascrivi(&conservato, da, &mut f)?,
                Some(apre) => match apre.leggi(da) {
                    Ok(letto) => esame.trascrivi(&conservato, letto, &mut f)?,
                    Err(Guasto::NonValida(_)) => None,
                    Err(e) => return Err(e),
                },
            };
            let byte = byte.ok_or_else(alterato)?;
            f.chiudi()?;
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
