//! Files of documents on their way into a copy or out of it: as they are kept, encrypted ones too, and compared with their
//! impronta by opening them as who reads them would.

use std::cell::Cell;
use std::io::{Read, Write};
use std::path::Path;

use dominio::codici::{CodiceIpa, Impronta};
use rusqlite::Connection;

use super::{Esito, Voce};
use crate::file::Custodia;
use crate::file::chiavi::Portachiavi;
use crate::file::lettura::{Conservato, Lettore, conservato};
use crate::sqlite::{FILE_ENTE, SqliteStore, schema};
use crate::store::Errore;

/// The databases of a copy, asked how each file is kept.
pub(super) struct Esame {
    c: Connection,
    lettore: Lettore,
    /// Do the keys of files open?
    pub si_apre: Result<(), Errore>,
}

impl Esame {
    /// Of an ente in a folder of a copy, which has the databases and the key.
    pub fn di(radice: &Path, ipa: &CodiceIpa, custodia: &Custodia) -> Esito<Self> {
        let cartella = SqliteStore::cartella(radice, ipa);
        Self::con(schema::apri_ferma(&cartella.join(FILE_ENTE))?, radice, ipa, custodia)
    }

    /// Of one in the folder of an archive: what was committed may still be beside the database.
    pub fn di_archivio(radice: &Path, ipa: &CodiceIpa, custodia: &Custodia) -> Esito<Self> {
        let cartella = SqliteStore::cartella(radice, ipa);
        Self::con(schema::apri_scorsa(&cartella.join(FILE_ENTE), "")?, radice, ipa, custodia)
    }

    fn con(c: Connection, radice: &Path, ipa: &CodiceIpa, custodia: &Custodia) -> Esito<Self> {
        let cartella = SqliteStore::cartella(radice, ipa);
        let chiave = Some(custodia.percorso_chiave(radice));
        let lettore = Lettore::di(ipa, &cartella, &Custodia { chiave, ..custodia.clone() })?;
        lettore.chiavi.ricorda(Portachiavi::leggi(&c)?);
        let si_apre = lettore.chiavi.chiuse().into_iter().next().map_or(Ok(()), |(_, e)| Err(e));
        Ok(Self { c, lettore, si_apre })
    }

    /// How a file of the list is kept; `None` when the database has no such file.
    pub fn conservato(&self, v: &Voce) -> Esito<Option<Conservato>> {
        let impronta: Impronta =
            v.impronta.parse().map_err(|_| Errore::Incoerente(format!("impronta {}", v.impronta)))?;
        Ok(conservato(&self.c, &impronta)?.filter(|f| f.oggetto == v.oggetto))
    }

    /// Every file that the database names.
    pub fn tutti(&self, mut f: impl FnMut(Conservato) -> Esito<()>) -> Esito<()> {
        let mut s = self.c.prepare("SELECT impronta FROM oggetto_file ORDER BY impronta")?;
        let mut righe = s.query([])?;
        while let Some(r) = righe.next()? {
            let manca = || Errore::Incoerente("un file senza righe".to_owned());
            f(conservato(&self.c, &Impronta(r.get(0)?))?.ok_or_else(manca)?)?;
        }
        Ok(())
    }

    /// Copies the bytes as they are kept; how many, `None` when what they hold is not what was registered, as far as they
    /// can be opened.
    pub fn trascrivi(&self, f: &Conservato, mut da: impl Read, a: &mut dyn Write) -> Esito<Option<u64>> {
        if self.si_apre.is_err() && f.chiave.is_some() {
            return Ok(Some(std::io::copy(&mut da, a)?));
        }
        let copiati = Cell::new(0);
        let da = Copia { da, a, copiati: &copiati };
        match self.lettore.impronta_da(f, da) {
            Ok((impronta, byte)) if impronta == f.impronta && byte == f.byte => Ok(Some(copiati.get())),
            Ok(_) | Err(Errore::Incoerente(_)) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }
}

/// What is read is written elsewhere too.
struct Copia<'a, R> {
    da: R,
    a: &'a mut dyn Write,
    copiati: &'a Cell<u64>,
}

impl<R: Read> Read for Copia<'_, R> {
    fn read(&mut self, b: &mut [u8]) -> std::io::Result<usize> {
        let n = self.da.read(b)?;
        self.a.write_all(&b[..n])?;
        self.copiati.set(self.copiati.get() + n as u64);
        Ok(n)
    }
}
